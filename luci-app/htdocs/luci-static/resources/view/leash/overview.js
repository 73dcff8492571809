'use strict';
'require view';
'require dom';
'require leash.api as api';
'require leash.chart as chart';
'require leash.summary as summary';
'require leash.widgets as widgets';
'require leash.words as words';

const DAY = 24 * 3600;

/* Orders of the devices, by the name of the column's head. */
const SORTS = {
	name: (a, b) => words.deviceName(a).localeCompare(words.deviceName(b)),
	explained: (a, b) => a.unexplained / (a.contacts || 1) - b.unexplained / (b.contacts || 1),
	found: (a, b) => summary.VERDICTS.indexOf(a.verdict) - summary.VERDICTS.indexOf(b.verdict) ||
		(b.findings || []).length - (a.findings || []).length || SORTS.name(a, b),
	traffic: (a, b) => a.sent_bytes + a.received_bytes - b.sent_bytes - b.received_bytes,
	last: (a, b) => b.last - a.last
};

const isNew = device => Date.now() / 1000 - device.first < DAY;

return view.extend(widgets.pollingView({
	fetch() {
		/* In this order: status then has the verdicts that were counted for the devices. */
		return Promise.all([ api.devices(), api.status() ]);
	},

	/* Returns the house in a sentence or two. */
	house(devices) {
		const odd = devices.filter(device => device.verdict != 'allow').sort(SORTS.found);
		const sentences = [ _('%d devices, %d of them calm.').format(devices.length, devices.length - odd.length) ];
		for (const device of odd.slice(0, 3))
			sentences.push(_('%s %s.').format(words.deviceName(device), summary.activity(device)[0]));
		if (odd.length > 3)
			sentences.push(_('%d more need a look.').format(odd.length - 3));
		return sentences.join(' ');
	},

	show([ { devices }, status ]) {
		const on = status.blocking;
		this.toggle.setAttribute('aria-checked', String(on));
		this.toggle.title = on
			? _('What you blocked is stopped, and what leash finds on devices in mode guard: %d destinations now.')
				.format(status.blocks)
			: _('Nothing is blocked; leash only watches.');
		dom.content(this.toggle, [ on ? _('Blocking is on') : _('Blocking is off') ]);
		this.sentence.textContent = this.house(devices);
		this.complaints.hidden = !status.complaints;
		this.devices = devices;
		this.list();
	},

	/* Shows the devices that fit the search, sorted. */
	list() {
		const fits = device => {
			const texts = [
				words.deviceName(device), device.mac, words.vendor(device), words.sentence(device), device.mode,
				...device.addresses || []
			];
			return words.matches(this.search.value, texts);
		};
		const shown = this.devices.filter(fits).sort(SORTS[this.sort]);
		if (this.descending) shown.reverse();
		this.table.update(shown, this.devices.length
			? _('No device matches.')
			: _('No device has been seen yet. Devices appear when they use the network.'));
		for (const th of this.heads) {
			const sorted = th.dataset.sort == this.sort;
			th.setAttribute('aria-sort', sorted ? this.descending ? 'descending' : 'ascending' : 'none');
		}
	},

	row(device) {
		const cells = {
			name: widgets.cell(_('Device'), 'leash-first'),
			addresses: widgets.cell(_('Addresses'), 'leash-small leash-addresses'),
			explained: widgets.cell(_('Explained'), 'leash-nowrap'),
			day: widgets.cell(_('24 hours')),
			activity: widgets.cell(_('What it does')),
			last: widgets.cell(_('Last seen'), 'leash-nowrap leash-small'),
			mode: widgets.cell(_('Mode'))
		};
		const mode = widgets.modeSelect(device, mode =>
			widgets.attempt(api.set_mode(device.mac, mode), () => this.refresh()));
		cells.mode.show(device.mac, () => mode);
		const update = now => {
			if (!cells.name.querySelector('input'))
				cells.name.show([ now.name, now.hostname, words.vendor(now), isNew(now) ],
					() => this.name(cells.name, now));
			cells.addresses.show(words.list(now.addresses || [], 3));
			cells.explained.show([ now.contacts, now.unexplained, now.unknown, now.coverage ], () => this.share(now));
			cells.day.show(now.day, () => chart.sparkline(now.day, 120, 26));
			const activity = summary.activity(now).join('; ');
			cells.activity.show([ now.verdict, activity, now.message, now.blocks ], () => [
				widgets.badge(now.verdict),
				widgets.span(' ' + activity, { 'title': words.sentence(now) }),
				now.blocks
					? E('div', { 'class': 'leash-small' }, [ _('blocked destinations: %d').format(now.blocks) ])
					: ''
			]);
			cells.last.show(words.ago(now.last));
			if (document.activeElement != mode) mode.value = now.mode;
		};
		return { node: widgets.row(cells, { 'data-mac': device.mac }), update };
	},

	/* Returns how many of a device's destinations it looked up before it called them, of those where that is known. */
	share(device) {
		const known = device.contacts - device.unknown;
		const blind = words.coverage(device);
		if (known < 1)
			return widgets.span(device.contacts ? _('unknown') : '–', { 'class': 'leash-faint', 'title': blind });
		const good = known - device.unexplained;
		const title = _('%d of %d destinations were looked up before they were called, or are time servers');
		const style = '--leash-part:%d%%'.format(100 * good / known);
		return [
			E('span', { 'class': 'leash-share', 'style': style, 'aria-hidden': 'true' }, []),
			widgets.span(_('%d of %d').format(good, known), { 'title': title.format(good, known) }),
			blind ? widgets.span(' ?', { 'class': 'leash-faint', 'title': blind }) : ''
		];
	},

	name(cell, device) {
		const name = words.deviceName(device);
		const rename = () => E('button', {
			'class': 'leash-pencil',
			'title': _('Rename'),
			'aria-label': _('Rename %s').format(name),
			'click': () => this.rename(cell, device)
		}, [ '✎' ]);
		return E('div', { 'class': 'leash-name' }, [
			E('span', { 'class': name.length < 25 ? 'leash-nowrap' : '' }, [
				widgets.deviceLink(device.mac, name), ' ', widgets.mayWrite() ? rename() : ''
			]),
			' ',
			isNew(device) ? widgets.badge('new') : '',
			E('div', { 'class': 'leash-small leash-faint' }, [ words.vendor(device) ])
		]);
	},

	/* Shows a field for a device's name in the place of the name. */
	rename(cell, device) {
		const close = () => {
			cell.show(null, () => this.name(cell, device));
			return this.refresh();
		};
		const save = () => widgets.attempt(api.set_name(device.mac, input.value), () => {
			device.name = input.value;
			return close();
		});
		const input = E('input', {
			'type': 'text',
			'class': 'cbi-input-text',
			'maxlength': '63',
			'aria-label': _('Name of %s').format(words.deviceName(device)),
			'keydown': ev => {
				if (ev.key == 'Enter') save();
				if (ev.key == 'Escape') close();
			}
		}, []);
		input.value = device.name || device.hostname || '';
		cell.show('input', () => E('div', { 'class': 'leash-name' }, [
			input, widgets.button(_('Save'), save, 'positive')
		]));
		input.focus();
		input.select();
	},

	/* Returns the head of a column. One with a name in SORTS sorts the devices when it is pressed, and turns their
	 * order round when it is pressed again. */
	head(title, sort) {
		if (!sort) return E('th', { 'class': 'th left', 'scope': 'col' }, [ title ]);
		const press = () => {
			[ this.sort, this.descending ] = [ sort, this.sort == sort && !this.descending ];
			this.list();
		};
		const button = E('button', { 'click': press }, [ title ]);
		const th = E('th', { 'class': 'th left', 'scope': 'col', 'data-sort': sort }, [ button ]);
		this.heads.push(th);
		return th;
	},

	build() {
		[ this.sort, this.descending, this.devices, this.heads ] = [ 'found', false, [], [] ];
		this.sentence = E('p', { 'aria-live': 'polite' }, []);
		this.complaints = E('p', { 'class': 'alert-message warning', 'hidden': '' }, [
			_('leash cannot see or do everything on this router.'), ' ',
			E('a', { 'href': L.url('admin/services/leash/doctor') }, [ _('What is missing, and how to fix it') ])
		]);
		this.toggle = E('button', {
			'class': 'leash-switch',
			'role': 'switch',
			'disabled': widgets.mayWrite() ? null : '',
			'click': () => {
				const on = this.toggle.getAttribute('aria-checked') == 'true';
				return widgets.attempt(api.blocking(!on), () => this.refresh());
			}
		}, []);
		this.search = widgets.search(_('Search devices'), () => this.list());
		this.table = widgets.table([
			this.head(_('Device'), 'name'),
			this.head(_('Addresses')),
			this.head(_('Explained'), 'explained'),
			this.head(_('24 hours'), 'traffic'),
			this.head(_('What it does'), 'found'),
			this.head(_('Last seen'), 'last'),
			this.head(_('Mode'))
		], device => device.mac, device => this.row(device), { 'class': 'table cbi-section-table leash-devices' });
		return widgets.page(_('Leash'), [
			E('div', { 'class': 'cbi-section leash-house' }, [ this.toggle, this.sentence ]),
			this.error,
			this.complaints,
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'class': 'leash-bar' }, [ this.search ]),
				this.table.node
			])
		]);
	}
}));
