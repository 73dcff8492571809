'use strict';
'require view';
'require dom';
'require leash.api as api';
'require leash.parts as parts';

const NEW = 24 * 3600;
const ORDER = { block: 0, watch: 1, allow: 2 };

const SORTS = {
	name: (a, b) => parts.called(a).localeCompare(parts.called(b)),
	explained: (a, b) => a.unexplained / (a.contacts || 1) - b.unexplained / (b.contacts || 1),
	found: (a, b) => ORDER[a.verdict] - ORDER[b.verdict] || (b.findings || []).length - (a.findings || []).length || SORTS.name(a, b),
	traffic: (a, b) => a.sent_bytes + a.received_bytes - b.sent_bytes - b.received_bytes,
	last: (a, b) => b.last - a.last
};

return view.extend(parts.asking({
	ask() {
		return Promise.all([ api.status(), api.devices() ]);
	},

	/* The house in a sentence or two. */
	house(status, devices) {
		const odd = devices.filter(device => device.verdict != 'allow').sort(SORTS.found);
		const calm = devices.length - odd.length;
		const parts_ = [ _('%d devices, %d of them calm.').format(devices.length, calm) ];
		for (const device of odd.slice(0, 3))
			parts_.push(_('%s %s.').format(parts.called(device), parts.does(device)[0]));
		if (odd.length > 3)
			parts_.push(_('And %d more to look at.').format(odd.length - 3));
		return parts_.join(' ');
	},

	show([ status, { devices } ]) {
		const on = status.blocking;
		this.toggle.setAttribute('aria-checked', String(on));
		dom.content(this.toggle, [ parts.text(on ? _('Blocking is on') : _('Blocking is off')) ]);
		this.toggle.title = on ? _('What you blocked, and what leash finds at devices in mode guard, is stopped: %d destinations now.').format(status.blocks) : _('Nothing is stopped; leash only watches.');
		this.sentence.textContent = this.house(status, devices);
		this.blind.hidden = !status.complaints;
		this.devices = devices;
		this.list();
	},

	/* The rows, sorted and searched. */
	list() {
		const words = this.search.value.trim().toLowerCase().split(/\s+/);
		const fits = device => {
			const all = [ parts.called(device), device.mac, parts.vendor(device), device.says, device.mode ].concat(device.addresses).join(' ').toLowerCase();
			return words.every(word => all.includes(word));
		};
		const shown = this.devices.filter(fits).sort(SORTS[this.sort]);
		if (this.down) shown.reverse();
		parts.rows(this.body, this.known, shown, device => device.mac, device => this.row(device));
		this.empty.hidden = shown.length > 0;
		this.empty.textContent = this.devices.length ? _('No device fits.') : _('No device was seen yet. They appear when they use the network.');
		this.heads.forEach(th => th.dataset.sort == this.sort ? th.setAttribute('aria-sort', this.down ? 'descending' : 'ascending') : th.removeAttribute('aria-sort'));
	},

	row(device) {
		const cells = {
			name: parts.cell(_('Device'), 'leash-first'), addresses: parts.cell(_('Addresses'), 'leash-small leash-addresses'), explained: parts.cell(_('Explained'), 'leash-nowrap'),
			day: parts.cell(_('24 hours')), says: parts.cell(_('What it does')), last: parts.cell(_('Seen'), 'leash-nowrap leash-small'), mode: parts.cell(_('Mode'))
		};
		const select = parts.mode(device, mode => parts.order(api.set_mode(device.mac, mode), () => this.refresh()));
		cells.mode.show(1, () => select);
		return {
			node: E('tr', { 'data-mac': device.mac }, Object.values(cells)),
			update: now => {
				if (!cells.name.querySelector('input'))
					cells.name.show([ now.name, now.hostname, parts.vendor(now), Date.now() / 1000 - now.first < NEW ], () => this.name(cells.name, now));
				const addresses = now.addresses || [];
				cells.addresses.show(addresses, () => [ parts.text(addresses.slice(0, 3).join(', ') + (addresses.length > 3 ? ' ' + _('and %d more').format(addresses.length - 3) : '')) ]);
				cells.explained.show([ now.contacts, now.unexplained, now.unknown ], () => this.share(now));
				cells.day.show(now.day, () => parts.spark(now.day, 120, 26));
				const does = parts.does(now).join('; ');
				cells.says.show([ now.verdict, does, now.says, now.blocks ], () => [
					parts.word(now.verdict), parts.span(' ' + does, { 'title': parts.say(now.says) }),
					now.blocks ? E('div', { 'class': 'leash-small' }, [ parts.text(_('blocked destinations: %d').format(now.blocks)) ]) : ''
				]);
				cells.last.show(parts.ago(now.last));
				if (document.activeElement != select) select.value = now.mode;
			}
		};
	},

	/* The share of what a device looked up before it called. */
	share(device) {
		const known = device.contacts - device.unknown;
		if (known < 1) return parts.span(device.contacts ? _('unknown') : '–', { 'class': 'leash-faint' });
		const good = known - device.unexplained, says = _('%d of %d').format(good, known);
		return [ E('span', { 'class': 'leash-share', 'style': '--leash-part:%d%%'.format(100 * good / known), 'aria-hidden': 'true' }), parts.span(says, { 'title': _('%d of %d destinations were looked up before they were called, or tell the time').format(good, known) }) ];
	},

	name(td, device) {
		return E('div', { 'class': 'leash-name' }, [
			E('span', { 'class': parts.called(device).length < 25 ? 'leash-nowrap' : '' }, [
				parts.link(device.mac, parts.called(device)),
				parts.text(' '),
				parts.mayAct() ? E('button', { 'class': 'leash-pencil', 'aria-label': _('Rename %s').format(parts.called(device)), 'title': _('Rename'), 'click': () => this.rename(td, device) }, [ parts.text('✎') ]) : ''
			]),
			parts.text(' '),
			Date.now() / 1000 - device.first < NEW ? parts.word('new') : '',
			E('div', { 'class': 'leash-small leash-faint' }, [ parts.text(parts.vendor(device)) ])
		]);
	},

	rename(td, device) {
		const again = () => {
			td.show([ Math.random() ], () => this.name(td, device));
			return this.refresh();
		};
		const input = E('input', {
			'class': 'cbi-input-text', 'maxlength': '63', 'aria-label': _('Name of %s').format(parts.called(device)),
			'keydown': ev => {
				if (ev.key == 'Enter') parts.order(api.set_name(device.mac, input.value), () => { device.name = input.value; return again(); });
				if (ev.key == 'Escape') again();
			}
		});
		input.value = device.name || device.hostname || '';
		td.show([ Math.random() ], () => E('div', { 'class': 'leash-name' }, [ input, parts.button(_('Save'), () => parts.order(api.set_name(device.mac, input.value), () => { device.name = input.value; return again(); }), 'positive') ]));
		input.focus();
		input.select();
	},

	build() {
		this.known = new Map();
		[ this.sort, this.down ] = [ 'found', false ];
		this.sentence = E('p', { 'aria-live': 'polite' });
		this.blind = E('p', { 'class': 'alert-message warning', 'hidden': '' }, [
			parts.text(_('leash cannot see or do everything here.') + ' '), E('a', { 'href': L.url('admin/services/leash/doctor') }, [ parts.text(_('What is blind, and what mends it')) ])
		]);
		this.toggle = E('button', {
			'class': 'leash-switch', 'role': 'switch', 'disabled': parts.mayAct() ? null : '',
			'click': () => parts.order(api.blocking(this.toggle.getAttribute('aria-checked') != 'true'), () => this.refresh())
		});
		this.search = E('input', { 'type': 'search', 'class': 'cbi-input-text', 'placeholder': _('Search'), 'aria-label': _('Search devices'), 'input': () => this.list() });
		const head = (sort, title) => E('th', { 'scope': 'col', 'data-sort': sort }, sort ? [ E('button', {
			'click': () => {
				[ this.sort, this.down ] = [ sort, this.sort == sort && !this.down ];
				this.list();
			}
		}, [ parts.text(title) ]) ] : [ parts.text(title) ]);
		this.heads = [ head('name', _('Device')), head('', _('Addresses')), head('explained', _('Explained')), head('traffic', _('24 hours')), head('found', _('What it does')), head('last', _('Seen')), head('', _('Mode')) ];
		this.body = E('tbody');
		this.empty = E('p', { 'class': 'leash-faint' });
		this.devices = [];
		return parts.page(_('Leash'), [
			E('div', { 'class': 'cbi-section leash-house' }, [ this.toggle, this.sentence ]),
			this.error, this.blind,
			E('div', { 'class': 'cbi-section' }, [ E('div', { 'class': 'leash-bar' }, [ this.search ]), E('table', { 'class': 'leash-table leash-devices' }, [ E('thead', {}, [ E('tr', {}, this.heads) ]), this.body ]), this.empty ])
		]);
	}
}));
