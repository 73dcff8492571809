'use strict';
'require view';
'require dom';
'require leash.api as api';
'require leash.chart as chart';
'require leash.news as news';
'require leash.summary as summary';
'require leash.tiers as tiers';
'require leash.week as week';
'require leash.widgets as widgets';
'require leash.words as words';

const DAY = 24 * 3600;

/* For how long what was asked for once is shown, in milliseconds: the report; the house and the history; and what a
 * search looked into. */
const REPORT_LASTS = 600e3, HOUSE_LASTS = 60e3, CONTACTS_LAST = 60e3;
/* From how many letters on a search looks into the destinations, too, and of how many devices at once. */
const SEARCH_LETTERS = 3, SEARCH_DEVICES = 8;

/* Devices of which the headline says what they do, and names of others. */
const MOST_SENTENCES = 3, MOST_NAMES = 5;

/* How severe a device is that is likely to do harm, that gives a hint, and whose owner wants it so. */
const LIKELY = 3, HINT = 2, CHOSEN = 1;

/* Orders of the devices, by the name of the column's head; and what they are called where there are no columns. */
const SORTS = {
	name: (a, b) => words.deviceName(a).localeCompare(words.deviceName(b)),
	explained: (a, b) => b.unexplained / (b.contacts || 1) - a.unexplained / (a.contacts || 1),
	found: (a, b) => summary.worstFirst(a, b) || SORTS.name(a, b),
	traffic: (a, b) => b.sent_bytes + b.received_bytes - a.sent_bytes - a.received_bytes,
	last: (a, b) => b.last - a.last
};
const SORT_NAMES = {
	found: _('the worst first'),
	name: _('by name'),
	traffic: _('the most traffic first'),
	explained: _('the least explained first'),
	last: _('the latest first')
};

const isNew = device => Date.now() / 1000 - device.first < DAY;

return view.extend(widgets.pollingView({
	fetch() {
		/* In this order: status then has the verdicts that were counted for the devices. */
		return Promise.all([
			api.devices(), api.status(), this.rarely('report', REPORT_LASTS, '7d'), this.rarely('house', HOUSE_LASTS),
			this.rarely('history', HOUSE_LASTS)
		]);
	},

	/* Returns what a method answers that is not asked each time; nothing where leash does not know it. */
	rarely(method, lasts, ...parameters) {
		if (!api[method]) return null;
		this.known = this.known || {};
		const { asked } = this.known[method] || {};
		if (!asked || Date.now() - asked > lasts) {
			const answer = api[method](...parameters).catch(() => null);
			this.known[method] = { asked: Date.now(), answer };
		}
		return this.known[method].answer;
	},

	/* Returns the house in lines, the worst first. What is said of several devices is said of devices of one kind. */
	house(devices) {
		const sorted = devices.slice().sort(SORTS.found);
		const of = (least, most) => sorted.filter(device =>
			summary.severity(device) >= least && summary.severity(device) <= most);
		const link = device => widgets.deviceLink(device.mac, words.deviceName(device));
		const names = list => [
			...list.slice(0, MOST_NAMES).map((device, i) => [ i ? ', ' : '', link(device) ]).flat(),
			list.length > MOST_NAMES ? ' ' + _('and %d more').format(list.length - MOST_NAMES) : ''
		];
		const line = (form, list) => list.length ? [ E('p', {}, [ ...widgets.fill(form, [ names(list) ]) ]) ] : [];
		const likely = of(LIKELY, Infinity), hints = of(HINT, HINT);
		/* Hints make headlines only where there is nothing worse. */
		const told = likely.length ? likely : hints;
		const calm = of(-Infinity, 0).length;
		return [
			...told.slice(0, MOST_SENTENCES).map((device, i) => E('p', { 'class': i ? '' : 'leash-worst' }, [
				this.standing(device, true), ' ', link(device), ' ' + summary.activity(device)[0]
			])),
			...line(_('Likely trouble, too: %s.'), likely.slice(MOST_SENTENCES)),
			...line(_('Only hints: %s.'), likely.length ? hints : hints.slice(MOST_SENTENCES)),
			...line(_('As you chose: %s.'), of(CHOSEN, CHOSEN)),
			E('p', {}, [ _('%d devices, %d of them calm.').format(devices.length, calm) ])
		];
	},

	/* Returns the word for how a device stands: its verdict; or how certain what is found is, where nothing is done. */
	standing(device, told) {
		const word = summary.standing(device, this.blocking);
		return widgets.badge(told && word == 'watch' ? device.findings[0].strength : word);
	},

	/* Shows the headline, and has it read out when it means something else than before: numbers that rise do not. */
	showHouse(devices) {
		const told = devices.map(device => [
			device.mac, words.deviceName(device), summary.severity(device), summary.standing(device, this.blocking),
			((device.findings || [])[0] || {}).detector
		]);
		const sentences = devices.map(device => summary.activity(device)[0]);
		this.headline.show([ told, sentences ], () => this.house(devices));
		const meaning = JSON.stringify(told.filter(([ , , severity ]) => severity >= LIKELY).sort());
		if (this.meaning != null && this.meaning != meaning)
			this.spoken.textContent = this.headline.textContent;
		this.meaning = meaning;
	},

	show([ { devices }, status, report, house, history ]) {
		const on = this.blocking = status.blocking;
		this.toggle.setAttribute('aria-checked', String(on));
		this.toggle.title = on
			? _('What you blocked is stopped, and what leash finds on devices in mode guard: %d destinations now.')
				.format(status.blocks)
			: _('Nothing is blocked; leash only watches.');
		this.toggle.show(on, () => [ on ? _('Blocking is on') : _('Blocking is off') ]);
		this.complaints.hidden = !status.complaints;
		this.devices = devices;
		this.rate = this.rates(devices, device => device.mac);
		this.showHouse(devices);
		const fresh = history ? news.cards(history.history).length : 0;
		this.news.hidden = !fresh;
		this.news.show(fresh, () => E('a', { 'href': L.url('admin/services/leash/inbox') }, [
			_('%d new').format(fresh)
		]));
		this.glance.hidden = !house;
		if (house) this.tiers.show(house, () => tiers.cards(house, () => this.devices, () => this.changed()));
		this.week.hidden = !report;
		if (report) {
			this.weekLine.show(week.line(report));
			this.cards.show(report, () => week.cards(report));
		}
		this.list();
	},

	/* Shows what followed from a step that was taken: the house is asked about again. */
	changed() {
		delete this.known.house;
		return this.refresh();
	},

	/* Asks for the destinations of all devices when somebody searches. They are looked into where they are known. */
	async look() {
		if (this.search.value.trim().length < SEARCH_LETTERS || Date.now() - this.looked < CONTACTS_LAST) return;
		this.looked = Date.now();
		for (let i = 0; i < this.devices.length; i += SEARCH_DEVICES) {
			const some = this.devices.slice(i, i + SEARCH_DEVICES);
			await Promise.all(some.map(({ mac }) =>
				api.contacts(mac).then(({ contacts }) => this.contacts.set(mac, contacts)).catch(() => null)));
			this.list();
		}
	},

	/* Returns the name of a destination of a device that fits the search. */
	hit(device) {
		if (this.search.value.trim().length < SEARCH_LETTERS) return null;
		const fits = contact => words.matches(this.search.value, [
			contact.address, contact.claimed_name || '', ...contact.names || []
		]);
		const found = (this.contacts.get(device.mac) || []).find(fits);
		return found && words.contactName(found);
	},

	/* Shows the devices that fit the search, sorted. */
	list() {
		const fits = device => {
			const texts = [
				words.deviceName(device), device.hostname || '', device.mac, words.vendor(device),
				words.sentence(device), device.mode, ...device.addresses || []
			];
			return words.matches(this.search.value, texts);
		};
		this.hits = new Map(this.devices.map(device => [ device.mac, fits(device) ? '' : this.hit(device) ]));
		const shown = this.devices.filter(device => this.hits.get(device.mac) != null).sort(SORTS[this.sort]);
		if (this.descending) shown.reverse();
		this.table.update(shown, this.devices.length
			? _('No device matches.')
			: _('No device has been seen yet. Devices appear when they use the network.'));
		this.order.value = this.sort;
		for (const th of this.heads) {
			/* All but names begin with the most. */
			const falls = (this.sort != 'name') != this.descending;
			th.setAttribute('aria-sort', th.dataset.sort != this.sort ? 'none' : falls ? 'descending' : 'ascending');
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
				cells.name.show([ words.deviceName(now), words.vendor(now), isNew(now) ],
					() => this.name(cells.name, now));
			cells.addresses.show(words.list(now.addresses || [], 3));
			cells.explained.show([ now.contacts, now.unexplained, now.unknown, now.coverage ], () => this.share(now));
			const rate = words.rate(this.rate(now));
			cells.day.show([ now.day, rate ], () => [ chart.sparkline(now.day, 120, 26), widgets.rate(rate) ]);
			const activity = summary.activity(now).join('; '), hit = this.hits.get(now.mac);
			const word = summary.standing(now, this.blocking);
			cells.activity.show([ word, activity, now.message, now.blocks, hit ], () => [
				this.standing(now), ' ',
				widgets.span(activity, { 'title': words.sentence(now) }),
				now.blocks && word != 'would-block'
					? E('div', { 'class': 'leash-small' }, [ _('blocked destinations: %d').format(now.blocks) ])
					: '',
				hit ? E('div', { 'class': 'leash-small' }, [ _('talks to %s').format(hit) ]) : ''
			]);
			cells.last.show(words.ago(now.last));
			mode.show(now);
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
			cell.querySelector('.leash-pencil').focus();
			return this.refresh();
		};
		const save = () => widgets.attempt(api.set_name(device.mac, input.value), () => {
			Object.assign(device, { name: input.value, label: input.value || device.label });
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

	sortBy(sort) {
		[ this.sort, this.descending ] = [ sort, this.sort == sort && !this.descending ];
		this.list();
	},

	/* Returns the head of a column. One with a name in SORTS sorts the devices when it is pressed, and turns their
	 * order round when it is pressed again. */
	head(title, sort) {
		if (!sort) return E('th', { 'class': 'th left', 'scope': 'col' }, [ title ]);
		const button = E('button', { 'click': () => this.sortBy(sort) }, [ title ]);
		const th = E('th', { 'class': 'th left', 'scope': 'col', 'data-sort': sort }, [ button ]);
		this.heads.push(th);
		return th;
	},

	build() {
		[ this.sort, this.descending, this.devices, this.heads ] = [ 'found', false, [], [] ];
		[ this.contacts, this.looked, this.hits, this.rates ] = [ new Map(), 0, new Map(), summary.rates() ];
		this.headline = widgets.live(E('div', { 'class': 'leash-headline' }, []));
		this.spoken = E('p', { 'class': 'leash-unseen', 'role': 'status' }, []);
		this.complaints = E('p', { 'class': 'alert-message warning', 'hidden': '' }, [
			_('leash cannot see or do everything on this router.'), ' ',
			E('a', { 'href': L.url('admin/services/leash/doctor') }, [ _('What is missing, and how to fix it') ])
		]);
		this.toggle = widgets.live(E('button', {
			'class': 'leash-switch',
			'role': 'switch',
			'aria-checked': 'false',
			'disabled': widgets.mayWrite() ? null : '',
			'click': () => {
				const on = this.toggle.getAttribute('aria-checked') == 'true';
				return widgets.attempt(api.blocking(!on), () => this.refresh());
			}
		}, []));
		this.cards = widgets.live(E('div', { 'class': 'leash-cards' }, []));
		this.weekLine = widgets.live(widgets.span('', { 'class': 'leash-faint leash-small' }));
		this.week = E('details', { 'class': 'cbi-section leash-fold leash-week', 'hidden': '' }, [
			E('summary', {}, [ E('h3', {}, [ _('This week') ]), ' ', this.weekLine ]), this.cards
		]);
		this.tiers = widgets.live(E('div', { 'class': 'leash-cards' }, []));
		this.glance = E('details', { 'class': 'cbi-section leash-fold leash-glance', 'hidden': '' }, [
			E('summary', {}, [ E('h3', {}, [ _('The house at a glance') ]) ]), this.tiers
		]);
		this.glance.open = this.week.open = !widgets.isNarrow();
		this.news = widgets.live(E('div', { 'class': 'leash-news', 'data-part': 'news', 'hidden': '' }, []));
		this.search = widgets.search(_('Search devices and their destinations'), () => {
			this.list();
			return this.look();
		});
		this.order = widgets.select(_('Sort'), Object.entries(SORT_NAMES), node => {
			this.sort = null;
			this.sortBy(node.value);
		}, { 'disabled': null, 'class': 'cbi-input-select leash-narrow' });
		this.table = widgets.table(_('Devices'), [
			this.head(_('Device'), 'name'),
			this.head(_('Addresses')),
			this.head(_('Explained'), 'explained'),
			this.head(_('24 hours'), 'traffic'),
			this.head(_('What it does'), 'found'),
			this.head(_('Last seen'), 'last'),
			this.head(_('Mode'))
		], device => device.mac, device => this.row(device), { 'class': 'table cbi-section-table leash-devices' });
		return widgets.page(_('Leash'), [
			E('div', { 'class': 'cbi-section leash-house' }, [
				this.toggle, this.headline, this.news, this.spoken
			]),
			this.error,
			this.complaints,
			this.glance,
			this.week,
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'class': 'leash-bar' }, [ this.search, this.order, widgets.modes() ]),
				this.table.node
			])
		]);
	}
}));
