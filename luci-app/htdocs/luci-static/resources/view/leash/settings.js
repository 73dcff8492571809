'use strict';
'require view';
'require form';
'require uci';
'require ui';
'require leash.api as api';
'require leash.icons as icons';
'require leash.widgets as widgets';
'require leash.words as words';

const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;
const SPAN = /^\d+(s|m|h|d)$/;
const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([ T]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$/;
const HOURS = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/;

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };

/* The limits of `leash check`, which a test of the package compares with these. */
const LIMITS = {
	'block_for': [ '1m', '30d' ],
	'uplink': [ 64, 100000000 ],
	'private': [ 4, 64 ],
	'name': [ 0, 63 ],
	'group': [ 0, 63 ]
};

const seconds = span => parseInt(span) * SECONDS[span.slice(-1)];

/* Returns a check of a time, which may be empty. */
function within(option) {
	const [ least, most ] = LIMITS[option];
	return (_section, value) => !value || SPAN.test(value) &&
		seconds(value) >= seconds(least) && seconds(value) <= seconds(most)
		? true : _('A number followed by s, m, h or d, from %s to %s').format(least, most);
}

/* Returns a check of how long a text is, which may be empty. */
function long(option) {
	const [ least, most ] = LIMITS[option];
	return (_section, value) => !value || [ ...value ].length >= least && [ ...value ].length <= most
		? true : _('%d to %d characters').format(least, most);
}

/* Returns a check of a whole number, which may be empty. */
function number(option) {
	const [ least, most ] = LIMITS[option];
	return (_section, value) => !value || /^\d+$/.test(value) && +value >= least && +value <= most
		? true : _('A whole number from %d to %d').format(least, most);
}

/* Returns a check of an option's value, which may be empty. */
function matches(pattern, advice) {
	return (_section, value) => !value || pattern.test(value) ? true : advice;
}

return view.extend({
	/* What leash says is only help: the settings can be changed without it. */
	load() {
		return Promise.all([
			api.status().catch(error => error),
			api.detectors().catch(() => ({ detectors: [] })),
			api.devices().catch(() => ({ devices: [] })),
			uci.load('leash')
		]);
	},

	/* Returns the names of the devices that have no mode of their own. */
	withoutMode(devices) {
		const own = uci.sections('leash', 'device').filter(section => section.mode);
		const macs = own.flatMap(section => section.mac || []).join(' ').toLowerCase();
		return devices.filter(device => !macs.includes(device.mac)).map(device => words.deviceName(device));
	},

	/* Asks whether all devices without a mode of their own are to be cut off from the Internet; no() where not. */
	askForLocal(names, no) {
		const close = () => {
			ui.hideModal();
			no();
		};
		ui.showModal(_('No Internet for all of them?'), [
			E('p', {}, [
				names.length
					? _('Mode local cuts %d devices off from the Internet, and each new one: %s.')
						.format(names.length, words.list(names, 8))
					: _('Mode local cuts off every device without a mode of its own, and each new one.')
			]),
			E('div', { 'class': 'right' }, [
				widgets.button(_('Cancel'), close), ' ',
				widgets.button(_('No Internet for them'), ui.hideModal, 'negative')
			])
		]);
	},

	render([ status, { detectors }, { devices } ]) {
		const names = this.withoutMode(devices);
		const [ main = { '.name': 'main' } ] = uci.sections('leash', 'leash');
		const { interfaces = [], left_out = [] } = (status.health || {}).lan || {};
		const m = new form.Map('leash', _('Settings'),
			_('leash works without any changes here. ' +
				'It blocks only for devices in mode guard or local, and what you block yourself.'));
		/* What a form says of an option is markup: names of devices are escaped in it. */
		let s, o;

		s = m.section(form.NamedSection, main['.name'], 'leash');
		s.addremove = false;
		s.tab('main', _('General'));
		s.tab('more', _('More'));

		o = s.taboption('main', form.Flag, 'enabled', _('Enabled'), _('leash runs, and starts with the router.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('main', form.Flag, 'blocking', _('Blocking'),
			_('Off: leash shows what it would block, and blocks nothing.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('main', form.ListValue, 'default_mode', _('Mode of the house'),
			_('For all devices without a mode of their own, those that are here as well as new ones.') + ' ' +
			(names.length ? _('Now %d: %s.').format(names.length, '%h'.format(words.list(names, 5))) : ''));
		for (const mode in words.MODES)
			o.value(mode, words.mode(mode));
		o.default = 'observe';
		const house = o;
		o.onchange = (ev, id, value) => {
			const before = uci.get('leash', id, 'default_mode') || 'observe';
			if (value != 'local' || before == 'local') return;
			this.askForLocal(names, () => {
				const field = house.getUIElement(id);
				field.setValue(before);
				field.node.dispatchEvent(new CustomEvent('widget-change', { bubbles: true }));
			});
		};

		o = s.taboption('main', form.Value, 'block_for', _('Duration of blocks'),
			_('How long an automatic block lasts, such as 10m, 2h or 7d.'));
		o.placeholder = '1d';
		o.validate = within('block_for');

		/* What is set stays, also where leash is not there to say what there is; a MultiValue without choices fails. */
		const evidence = new Map([].concat(main.block_on || []).map(name => [ name, name ]));
		for (const { name, about } of detectors)
			evidence.set(name, words.clean(words.translate(about), 44));
		if (evidence.size) {
			o = s.taboption('main', form.MultiValue, 'block_on', _('Sufficient evidence'),
				_('A block takes two kinds of evidence. ' +
					'Each of those chosen here suffices by itself: leash blocks sooner, and errs more often.'));
			for (const choice of evidence)
				o.value(...choice);
		}

		o = s.taboption('main', form.ListValue, 'on_stop', _('When leash is stopped'));
		o.value('open', _('nothing is blocked any longer'));
		o.value('keep', _('blocks stay in force'));
		o.default = 'open';

		o = s.taboption('more', form.Value, 'quiet_hours', _('Quiet hours'),
			_('When people sleep, in local time. Large uploads are suspicious sooner then.'));
		o.placeholder = '23:00-06:00';
		o.validate = matches(HOURS, _('Such as 23:00-06:00'));

		o = s.taboption('more', form.Value, 'uplink', _('Uplink'),
			_('What your line can send, in kbit/s: how much of it a device uses is told then.'));
		o.placeholder = '40000';
		o.validate = number('uplink');

		o = s.taboption('more', form.Flag, 'rdap', _('Age of names'),
			_('The registries of domains are asked when the names were registered that devices call. ' +
				'They learn from this router’s address which domains your home calls; each is asked for once.'));

		o = s.taboption('more', form.DynamicList, 'private', _('Private words'),
			_('Words that nobody outside should read, such as the name of your wireless network.'));
		o.validate = long('private');

		o = s.taboption('more', form.Flag, 'reject', _('Reject'),
			_('A blocked device learns of it at once. Off: its packets are dropped, and it tries for longer.'));
		o.default = o.enabled;
		o.rmempty = false;

		o = s.taboption('more', form.DynamicList, 'interface', _('LAN interfaces'),
			_('Where the devices are. Empty: all networks that the firewall lets into the Internet.'));
		o.placeholder = interfaces.join(', ') || 'br-lan';

		for (const name of left_out) {
			o = s.taboption('more', form.Button, '_watch_' + name.replace(/\W/g, '_'),
				_('Not watched: %s').format(name),
				_('Its devices use the Internet through this router, and leash does not see them.'));
			o.inputtitle = _('Watch %s').format(name);
			o.inputstyle = 'apply';
			o.depends({ interface: name, '!contains': true, '!reverse': true });
			/* What is listed then is what is watched, so what is watched already is listed, too. */
			o.onclick = () => m.save(() => {
				const listed = [].concat(uci.get('leash', 'main', 'interface') || interfaces);
				uci.set('leash', 'main', 'interface', [ ...new Set([ ...listed, name ]) ]);
			}, true);
		}

		o = s.taboption('more', form.Value, 'query_log', _('Query log'),
			_('dnsmasq’s log of lookups, where the kernel cannot deliver them. See Doctor.'));
		o.placeholder = '/tmp/leash-queries.log';
		o.datatype = 'file';
		o.optional = true;

		s = m.section(form.GridSection, 'device', _('Devices'),
			_('What a device is called, and what may be done to it.'));
		s.anonymous = true;
		s.addremove = true;
		s.nodescriptions = true;

		// A device has several where it is wired and wireless.
		o = s.option(form.DynamicList, 'mac', _('Hardware address'));
		o.rmempty = false;
		o.datatype = 'macaddr';

		o = s.option(form.Value, 'name', _('Name'));
		o.validate = long('name');

		o = s.option(form.ListValue, 'mode', _('Mode'));
		o.value('', _('as the house'));
		for (const mode in words.MODES)
			o.value(mode, words.MODES[mode][0]);

		o = s.option(form.ListValue, 'type', _('Type'));
		o.value('', _('as leash sees it'));
		for (const [ type, name ] of icons.types)
			o.value(type, name);
		o.modalonly = true;

		o = s.option(form.Value, 'group', _('Group'));
		o.validate = long('group');

		s = m.section(form.GridSection, 'group', _('Groups'),
			_('One mode for all devices of a group, such as a room, that have none of their own.'));
		s.anonymous = true;
		s.addremove = true;
		s.nodescriptions = true;

		o = s.option(form.Value, 'name', _('Group'));
		o.rmempty = false;
		o.validate = long('name');

		o = s.option(form.ListValue, 'mode', _('Mode'));
		for (const mode in words.MODES)
			o.value(mode, words.MODES[mode][0]);

		s = m.section(form.GridSection, 'pin', _('Decisions'),
			_('Your decisions take precedence over what leash finds. The first that matches counts.'));
		s.anonymous = true;
		s.addremove = true;
		s.sortable = true;
		s.nodescriptions = true;

		o = s.option(form.ListValue, 'verdict', _('Decision'));
		o.value('block', _('block'));
		o.value('allow', _('allow'));

		o = s.option(form.Value, 'name', _('Name'), _('And all names below it.'));
		o.placeholder = 'vendor.example';

		o = s.option(form.Value, 'address', _('or address'), _('An address or a prefix.'));
		o.datatype = 'or(ipaddr, cidr)';

		o = s.option(form.Value, 'mac', _('Device'), _('Its hardware address; empty: all devices.'));
		o.validate = matches(MAC, _('Such as 02:00:00:00:00:20'));

		o = s.option(form.Value, 'until', _('Until'), _('In UTC; empty: for ever.'));
		o.placeholder = '2030-12-31 18:00';
		o.validate = matches(DATE, _('Such as 2030-12-31 18:00'));
		o.modalonly = true;

		return m.render().then(map => {
			const failed = widgets.failure();
			failed.show(status instanceof Error ? status : null);
			return E('div', {}, [
				E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }, []),
				E('div', { 'class': 'leash' }, [ widgets.readerNote(), failed.node ]),
				map
			]);
		});
	}
});
