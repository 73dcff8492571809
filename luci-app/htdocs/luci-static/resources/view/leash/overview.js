'use strict';
'require view';
'require dom';
'require poll';
'require rpc';
'require ui';

const getStatus = rpc.declare({ object: 'leash', method: 'status', reject: true });
const getDevices = rpc.declare({ object: 'leash', method: 'devices', expect: { devices: [] }, reject: true });
const setMode = rpc.declare({ object: 'leash', method: 'set_mode', params: [ 'device', 'mode' ], reject: true });
const setBlocking = rpc.declare({ object: 'leash', method: 'blocking', params: [ 'on' ], reject: true });

/* What came from the network is text: a bare string as content would be taken for markup. */
const text = what => E('span', {}, [ what ?? '' ]);

const MODES = [ 'trust', 'observe', 'guard', 'local' ];

return view.extend({
	load: function() {
		return Promise.all([ getStatus(), getDevices() ]);
	},

	order: function(promise) {
		return promise
			.then(L.bind(this.refresh, this))
			.catch(e => ui.addNotification(null, E('p', {}, e.message), 'error'));
	},

	house: function(status) {
		const on = status.blocking;
		return [
			E('p', {}, _('%d devices, %d of them to watch; %d destinations are blocked now.').format(status.devices, status.watch + status.block, status.blocks)),
			E('button', {
				class: 'btn cbi-button ' + (on ? 'cbi-button-negative' : 'cbi-button-positive'),
				disabled: L.hasViewPermission() ? null : '',
				click: () => this.order(setBlocking(!on))
			}, on ? _('Switch blocking off') : _('Switch blocking on'))
		];
	},

	mode: function(device) {
		return E('select', {
			class: 'cbi-input-select',
			disabled: L.hasViewPermission() ? null : '',
			'aria-label': _('Mode of %s').format(device.name ?? device.mac),
			change: ev => this.order(setMode(device.mac, ev.target.value))
		}, MODES.map(mode => E('option', { value: mode, selected: device.mode == mode ? '' : null }, mode)));
	},

	rows: function(devices) {
		return devices.map(device => [
			text(device.name ?? device.mac),
			text((device.addresses ?? []).join(', ')),
			text(device.says),
			this.mode(device)
		]);
	},

	show: function([ status, devices ]) {
		dom.content(this.head, this.house(status));
		cbi_update_table(this.table, this.rows(devices), E('em', {}, _('No device was seen yet.')));
	},

	refresh: function() {
		return this.load().then(L.bind(this.show, this));
	},

	render: function(answers) {
		this.head = E('div', { class: 'cbi-section' });
		this.table = E('table', { class: 'table' }, E('tr', { class: 'tr table-titles' }, [
			E('th', { class: 'th' }, _('Device')),
			E('th', { class: 'th' }, _('Addresses')),
			E('th', { class: 'th' }, _('What it does')),
			E('th', { class: 'th' }, _('Mode'))
		]));
		this.show(answers);
		poll.add(L.bind(this.refresh, this), 10);
		return E([], [ E('h2', {}, _('Leash')), this.head, E('div', { class: 'cbi-section' }, this.table) ]);
	},

	handleSave: null,
	handleSaveApply: null,
	handleReset: null
});
