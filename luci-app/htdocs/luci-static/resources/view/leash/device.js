'use strict';
'require view';
'require dom';
'require ui';
'require leash.api as api';
'require leash.chart as chart';
'require leash.icons as icons';
'require leash.summary as summary';
'require leash.widgets as widgets';
'require leash.words as words';

/* How far down a destination stands by its verdict; what else is odd about it lifts it. */
const RANK = { 'block': 0, 'watch': 1, 'allow': 3 };

/* Destinations that are shown at first, on a desktop and on a telephone. */
const FIRST_DESTINATIONS = 100, FIRST_ON_TELEPHONE = 30;
/* Lines of the chart, likewise. */
const LINES = 25, LINES_ON_TELEPHONE = 10;
const MOST_FINDINGS = 50;

/* Returns the device that the page is about: what follows its path. A login on the way takes that off. Then the browser
 * goes on to the device that was looked at last, and nothing is returned. */
function deviceOfPage() {
	const device = decodeURIComponent(window.location.pathname.replace(/\/$/, '').split('/').pop());
	if (device != 'device') {
		window.sessionStorage.setItem('leash-device', device);
		return device;
	}
	const last = window.sessionStorage.getItem('leash-device');
	window.location.replace(L.url('admin/services/leash') +
		(last ? '/device/' + encodeURIComponent(last) : '/overview'));
}

/* Returns a list with dots of what is there. */
function join(facts) {
	return facts.filter(fact => fact).join(' · ');
}

function faint(text) {
	return widgets.span(text, { 'class': 'leash-faint' });
}

function since(finding) {
	const attributes = { 'class': 'leash-faint leash-small' };
	return finding.since ? widgets.span(' ' + _('since %s').format(words.date(finding.since)), attributes) : '';
}

return view.extend(widgets.pollingView({
	fetch() {
		const device = deviceOfPage();
		if (!device) return new Promise(() => {});
		return Promise.all([ api.device(device), api.blocks(), api.pins(), this.detectors || api.detectors() ]);
	},

	show([ { device }, { blocks }, { pins }, detectors ]) {
		this.detectors = detectors;
		this.device = device;
		this.blocks = blocks.filter(block => block.device == device.mac);
		this.pins = pins.filter(pin => !pin.device || pin.device == device.mac);
		this.destinations = summary.byDestination(device.contacts);
		this.rate = this.rates(this.destinations, contact => contact.key);
		this.strong = summary.strongAddresses(device);

		this.title.textContent = words.deviceName(device);
		this.showMode(device);
		this.showTags(device);
		this.kind.show([ device.kind, device.model ], () => this.kindOf(device));
		this.same.show(device.perhaps_same || [], same => same.map(other => this.offer(other)));
		this.facts.show(this.factsOf(device));
		const activity = summary.activity(device).join('; '), word = summary.standing(device);
		this.activity.show([ word, activity ], () => [ widgets.badge(word), ' ' + activity ]);
		const habits = (device.habits || []).map(habit => words.sentence(habit, 300));
		this.habits.show(habits.join('; '));
		const strongFirst = (a, b) => this.strong.has(b.address) - this.strong.has(a.address);
		const would = this.destinations.filter(contact => contact.guard_verdict).sort(strongFirst);
		this.guard.show([ device.mode, would.map(contact => contact.address) ], () => this.guardAdvice(device, would));
		const drawn = [
			device.day,
			(device.contacts || []).map(c => [ c.address, c.active_hours, c.explained, c.findings ]),
			[ ...this.strong ],
			this.blocks.map(block => block.address),
			Math.floor(Date.now() / 3.6e6)
		];
		this.day.show(drawn, () => {
			const most = widgets.isNarrow() ? LINES_ON_TELEPHONE : LINES;
			return chart.timeline(device, this.strong, this.blocks, Date.now() / 1000, most);
		});
		this.findings.show(device.findings || [], findings => findings.length
			? summary.byDetector(findings).map(group => this.finding(group))
			: E('em', { 'class': 'leash-faint' }, [ _('Nothing was found.') ]));
		this.list();
	},

	showMode(device) {
		if (!this.mode) {
			this.mode = widgets.modeSelect(device, mode => this.attempt(api.set_mode(device.mac, mode)), true);
			dom.content(this.modeLabel, [ _('Mode') + ' ', this.mode ]);
		}
		this.mode.show(device);
	},

	/* Shows what the household says of the device: its type and its group. */
	showTags(device) {
		const { type, confidence } = device.kind || {};
		if (!this.type) {
			const choices = [ [ '', _('as leash sees it') ], ...icons.types ];
			const set = node => this.attempt(api.set_type(this.device.mac, node.value));
			this.type = widgets.select(_('Type'), choices, set, { 'data-part': 'type' });
			this.group = E('input', {
				'class': 'cbi-input-text',
				'data-part': 'group',
				'disabled': widgets.mayWrite() ? null : '',
				'maxlength': 63,
				'placeholder': _('none'),
				'change': () => this.attempt(api.set_group(this.device.mac, this.group.value.trim()))
			}, []);
			dom.content(this.tags, [
				E('label', {}, [ _('Type') + ' ', this.type ]), ' ', E('label', {}, [ _('Group') + ' ', this.group ])
			]);
		}
		if (document.activeElement != this.type) this.type.value = confidence == 'chosen' ? type : '';
		if (document.activeElement != this.group) this.group.value = device.group || '';
	},

	/* Returns what the device is, with its icon and the reasons. */
	kindOf({ kind, model }) {
		const is = join([ kind && words.sentence(kind, 200), words.clean(model || '', 63) ]);
		return is ? [ icons.icon((kind || {}).type), ' ' + is ] : '';
	},

	/* Returns the offer to join this hardware address with the device that it perhaps is. */
	offer(other) {
		const join = () => this.attempt(api.join(this.device.mac, other.mac));
		return E('p', {}, [
			words.sentence(other, 300), '. ',
			widgets.button(_('Join with %s').format(words.clean(other.name, 60)), join, 'action',
				{ 'data-act': 'join' })
		]);
	},

	factsOf(device) {
		return join([
			device.mac,
			(device.addresses || []).join(', '),
			device.hostname && _('calls itself %s').format(words.clean(device.hostname, 60)),
			words.vendor(device),
			words.clean(device.vendor_class || '', 60),
			_('first seen %s').format(words.date(device.first)),
			_('%d lookups seen').format(device.lookups),
			words.coverage(device)
		]);
	},

	attempt(promise) {
		return widgets.attempt(promise, () => this.refresh());
	},

	/* Returns what mode guard would have blocked, and the button that turns it on. */
	guardAdvice(device, would) {
		if ([ 'guard', 'trust', 'local' ].includes(device.mode)) return '';
		if (!would.length)
			return E('p', {}, [ _('In mode guard, none of this would have been blocked.') ]);
		const names = words.list(would.map(contact => words.contactName(contact)), 5);
		const guard = () => this.attempt(api.set_mode(device.mac, 'guard'));
		return E('p', {}, [
			_('In mode guard, leash would have blocked: %s.').format(names), ' ',
			widgets.button(_('Turn guard on'), guard, 'action')
		]);
	},

	/* Returns what a detector found: the strongest finding in full, and a line for each of the others. */
	finding({ detector: name, findings: [ finding, ...others ], summary }) {
		const { about = '', fooled_by = [] } = this.detectors.detectors.find(detector => detector.name == name) || {};
		const message = words.sentence(finding, 400);
		const also = () => E('div', {}, [
			_('Also:'),
			E('ul', {}, [ ...others.slice(0, MOST_FINDINGS).map(other => E('li', {}, [
				widgets.badge(other.strength), ' ' + words.sentence(other, 400), since(other)
			])) ])
		]);
		const doubts = () => E('div', {}, [
			_('It could also be:'),
			E('ul', {}, [ ...fooled_by.map(reason => E('li', {}, [ words.translate(reason) ])) ])
		]);
		return E('details', { 'class': 'leash-finding', 'data-strength': finding.strength, 'data-key': name }, [
			E('summary', {}, [
				widgets.badge(finding.strength), ' ' + (others.length ? summary : message), since(finding)
			]),
			E('p', {}, [ _('Found by “%s”: a device that %s.').format(name, words.translate(about)) ]),
			others.length ? E('p', {}, [ message + ':' ]) : '',
			finding.evidence_words ? E('p', {}, [ words.sentence(finding.evidence_words, 400) ]) : '',
			finding.evidence ? this.numbers(finding.evidence, name) : '',
			others.length ? also() : '',
			fooled_by.length ? doubts() : ''
		]);
	},

	/* Returns the numbers behind a finding, for those who unfold them; their names are those of the JSON. */
	numbers(evidence, detector) {
		const cell = (tag, text) => E(tag, tag == 'th' ? { 'scope': 'col' } : {}, [ String(text) ]);
		const line = (tag, texts) => E('tr', {}, [ ...texts.map(text => cell(tag, text)) ]);
		return E('details', { 'class': 'leash-small', 'data-key': detector + ' numbers' }, [
			E('summary', {}, [ _('The numbers') ]),
			E('table', {}, [
				line('th', [ _('Evidence'), _('Seen'), _('Limit') ]),
				...Object.entries(evidence).map(([ name, { seen, limit } ]) => line('td', [ name, seen, limit ]))
			])
		]);
	},

	/* Shows the destinations that fit the search: the bad ones first, then those that were never looked up, then the
	 * others by when they were seen. */
	list() {
		const fits = contact => {
			const texts = [
				contact.address, contact.names, contact.claimed_name, contact.purpose, contact.category,
				contact.explained, contact.listed, words.whose(contact.network || {}),
				...contact.contacts.map(each => words.service(each))
			];
			return words.matches(this.search.value, texts.flat());
		};
		const rank = contact => RANK[contact.verdict] + (contact.local ? 2 : 0) -
			(this.strong.has(contact.address) ? 3 : 0) - (contact.guard_verdict ? 1 : 0) -
			(contact.explained == 'none' ? 1 : 0);
		const shown = this.destinations.filter(fits).sort((a, b) => rank(a) - rank(b) || b.last - a.last);
		this.table.update(shown.slice(0, this.most), _('No destination matches.'));
		this.all.hidden = shown.length <= this.most;
		this.thanks.hidden = !this.destinations.some(contact => contact.network);
	},

	row(contact) {
		const cells = {
			destination: widgets.cell(_('Destination'), 'leash-first'),
			explained: widgets.cell(_('Explained')),
			what: widgets.cell(_('Service'), 'leash-small'),
			bytes: widgets.cell(_('Sent, received'), 'leash-nowrap leash-small'),
			seen: widgets.cell(_('Last seen'), 'leash-small'),
			actions: widgets.cell('', 'leash-actions')
		};
		const update = now => {
			const block = this.blocks.find(block => block.address == now.address);
			const pin = this.pins.find(pin => pin.target == now.address) ||
				this.pins.find(pin => (now.names || []).some(name => words.isBelow(name, pin.target)));
			const names = [ now.names, now.claimed_name, now.address, now.listed ];
			cells.destination.show(names, () => this.destination(now));
			cells.explained.show([ now.explained, now.local, now.looked_up_by ], () => this.explanation(now));
			cells.what.show(this.what(now));
			const bytes = '↑ ' + words.bytes(now.sent_bytes) + '  ↓ ' + words.bytes(now.received_bytes);
			const rate = words.rate(this.rate(now));
			cells.bytes.show([ bytes, rate ], () => [ bytes, widgets.rate(rate) ]);
			cells.seen.show([ words.ago(now.last), now.flows ], () => widgets.span(words.ago(now.last), {
				'title': _('first %s, last %s, %d flows').format(words.date(now.first), words.date(now.last), now.flows)
			}));
			const state = [
				now.local, summary.standing(now), block && [ words.until(block.until), block.reason ],
				pin && [ pin.verdict, pin.target, words.until(pin.until) ]
			];
			cells.actions.show(state, () => now.local ? '' : this.actions(now, block, pin));
		};
		return { node: widgets.row(cells, { 'data-address': contact.address }), update };
	},

	destination(contact) {
		const name = words.contactName(contact);
		const listed = () => _('on the list %s').format(words.clean(contact.listed, 80));
		return [
			E('strong', {}, [ name ]),
			name == contact.address ? '' : E('div', { 'class': 'leash-faint leash-small' }, [ contact.address ]),
			contact.claimed_name ? E('div', { 'class': 'leash-faint leash-small' }, [ words.claim(contact) ]) : '',
			contact.listed ? E('div', {}, [ widgets.badge('block'), ' ' + listed() ]) : ''
		];
	},

	explanation({ local, explained, inbound, looked_up_by }) {
		if (local) return faint(_('in the house'));
		if (!explained) return faint(inbound ? _('called from outside') : '–');
		return [
			widgets.badge(explained),
			looked_up_by && explained == 'other-device'
				? E('div', { 'class': 'leash-small' }, [ words.clean(looked_up_by[0].name, 60) ])
				: ''
		];
	},

	/* Returns what a destination is for, and where it is. */
	what({ contacts, purpose, category, network = {} }) {
		const services = [ ...new Set(contacts.map(contact => words.service(contact))) ];
		return join([
			words.list(services, 3),
			!services.includes(purpose) && purpose,
			!purpose && words.category(category),
			words.whose(network),
			network.cdn ? _('delivers for many') : network.hosting && !network.cloud && _('hosting provider')
		]);
	},

	/* Returns what was done about a destination, and what can be done, in a line: what is done most, and a menu. */
	actions(contact, block, pin) {
		const device = this.device.mac, target = contact.address, name = words.contactName(contact);
		const allowed = pin && pin.verdict == 'allow';
		const byName = pin && pin.target != target;
		const undo = pin && (pin.device || byName) ? () => api.unpin(pin.device, pin.target)
			: block ? () => api.unblock(device, target) : null;
		const decide = (verdict, lasts) => () => api.decide(device, target, verdict, lasts);
		const choices = [
			[ 'block-10m', _('Block for 10 minutes, as a trial'), decide('block', '10m') ],
			[ 'block-1h', _('Block for an hour'), decide('block', '1h') ],
			[ 'block-1d', _('Block for a day'), decide('block', '1d') ],
			[ 'block', _('Block for ever'), decide('block') ],
			[ 'allow-10m', _('Allow for 10 minutes'), decide('allow', '10m') ],
			[ 'allow-1h', _('Allow for an hour'), decide('allow', '1h') ],
			[ 'allow', _('Allow for ever'), decide('allow') ],
			...(contact.names || []).length && !(byName && block)
				? [ [ 'name', _('Block by name …'), node => this.askForName(contact, node) ] ] : []
		].filter(([ act ]) => !(block && act.startsWith('block')) && !(allowed && act.startsWith('allow')));
		const choose = node => {
			const chosen = choices.find(([ act ]) => act == node.value);
			node.selectedIndex = 0;
			if (chosen) this.attempt(chosen[2](node));
		};
		const menu = widgets.select(_('More for %s').format(name), [ [ '', '⋯' ], ...choices ], choose, {
			'class': 'cbi-input-select leash-menu',
			'data-act': 'menu'
		});
		const first = undo
			? widgets.button(_('Undo'), () => this.attempt(undo()), 'neutral', {
				'aria-label': _('Undo the decision on %s').format(byName ? words.clean(pin.target, 80) : name)
			})
			: widgets.button(_('Block'), () => this.attempt(decide('block')()), 'negative', {
				'data-act': 'block-now',
				'aria-label': _('Block %s').format(name)
			});
		const would = contact.verdict == 'block' && summary.standing(contact) == 'would-block';
		const word = would ? 'would-block' : block ? 'block' : allowed ? 'allowed' : null;
		return [
			E('div', { 'class': 'leash-buttons' }, [ first, menu ]),
			word ? E('div', { 'class': 'leash-small' }, [
				widgets.badge(word), ' ' + (block || pin ? words.until((block || pin).until) : ''),
				byName ? E('div', {}, [
					(pin.device ? _('by the name %s') : _('by the name %s, for all devices'))
						.format(words.clean(pin.target, 80))
				]) : ''
			]) : ''
		];
	},

	/* Asks which name of a destination is to be blocked, for whom and for how long, and says what that hits before it
	 * is done. `menu` has the focus afterwards. */
	async askForName({ names: [ name ] }, menu) {
		const { mac } = this.device, callers = {};
		const ask = async target => callers[target] = callers[target] || await api.callers(target);
		const { domain } = await ask(name);
		const field = (label, choices, value) => {
			const select = widgets.select(label, choices, () => this.attempt(show()));
			select.value = value;
			return select;
		};
		const what = field(_('Name'), [
			[ name, words.clean(name, 80) ],
			...domain && domain != name ? [ [ domain, _('the whole domain: %s').format(words.clean(domain, 80)) ] ] : []
		], name);
		const who = field(_('Devices'), [
			[ mac, words.deviceName(this.device) ], [ '', _('all devices') ]
		], mac);
		const lasts = field(_('Duration'), [
			[ '10m', _('for 10 minutes, as a trial') ], [ '1h', _('for an hour') ], [ '1d', _('for a day') ],
			[ '', _('for ever') ]
		], '');
		const hits = widgets.live(E('div', { 'aria-live': 'polite' }, []));
		const show = async () => {
			const target = what.value, { callers: all } = await ask(target);
			if (target != what.value) return;
			const called = it => '%s (%d)'.format(words.clean(it.name, 60), it.addresses);
			const named = some => words.list(some.map(called), 8);
			const own = all.filter(({ device }) => device == mac);
			const others = all.filter(({ device }) => device != mac);
			hits.show([ who.value, all ], () => [
				E('p', {}, [ _('Addresses that are hit: %s.').format(named(who.value ? own : all) || _('none yet')) ]),
				who.value && others.length
					? E('p', {}, [ _('Others call it, too, and are not blocked: %s.').format(named(others)) ])
					: ''
			]);
		};
		const close = () => {
			ui.hideModal();
			menu.focus();
		};
		const block = () => {
			close();
			const order = api.decide(who.value || undefined, what.value, 'block', lasts.value || undefined);
			return this.attempt(order);
		};
		await show();
		const line = (label, node) => E('p', {}, [ E('label', {}, [ label + ' ', node ]) ]);
		ui.showModal(_('Block by name'), [
			E('p', {}, [ _('The name and all names below it, also under addresses that they have later.') ]),
			line(_('Name'), what), line(_('Devices'), who), line(_('Duration'), lasts), hits,
			E('div', { 'class': 'right' }, [
				widgets.button(_('Cancel'), close), ' ', widgets.button(_('Block'), block, 'negative')
			])
		]);
	},

	forget() {
		const forget = () => {
			ui.hideModal();
			return this.attempt(api.forget(this.device.mac));
		};
		ui.showModal(_('Forget this device?'), [
			E('p', {}, [
				_('Its contacts and findings are forgotten, and so are the blocks that followed from them. ' +
					'Your own decisions stay.')
			]),
			E('div', { 'class': 'right' }, [
				widgets.button(_('Cancel'), ui.hideModal), ' ', widgets.button(_('Forget'), forget, 'negative')
			])
		]);
	},

	build() {
		const part = name => widgets.live(E('div', { 'data-part': name }, []));
		this.most = widgets.isNarrow() ? FIRST_ON_TELEPHONE : FIRST_DESTINATIONS;
		this.kind = part('kind');
		this.same = part('same');
		this.facts = part('facts');
		this.activity = part('activity');
		this.habits = part('habits');
		this.rates = summary.rates();
		this.guard = part('guard');
		this.day = part('day');
		this.findings = part('findings');
		this.title = E('span', { 'data-part': 'name' }, []);
		this.modeLabel = E('label', {}, []);
		this.tags = E('span', {}, []);
		this.search = widgets.search(_('Search destinations'), () => this.list());
		this.table = widgets.table(_('Destinations'), [
			_('Destination'), _('Explained'), _('Service'), _('Sent, received'), _('Last seen'),
			widgets.unseen(_('Actions'))
		], contact => contact.key, contact => this.row(contact), {
			'class': 'table cbi-section-table leash-contacts'
		});
		this.all = widgets.button(_('Show all'), () => {
			this.most = Infinity;
			this.list();
		}, 'neutral', { 'disabled': null });
		this.thanks = E('p', { 'class': 'leash-faint leash-small' }, [
			_('Owners of addresses:') + ' ',
			E('a', { 'href': 'https://db-ip.com', 'rel': 'noreferrer', 'target': '_blank' }, [ 'DB-IP' ]),
			', Route Views, NRO (CC BY 4.0)'
		]);
		const page = widgets.page('', [
			E('div', { 'class': 'cbi-section' }, [
				this.kind,
				this.facts,
				this.activity,
				this.habits,
				E('div', { 'class': 'leash-bar' }, [
					this.modeLabel, this.tags, widgets.button(_('Forget …'), () => this.forget())
				]),
				this.same,
				this.guard
			]),
			this.error,
			widgets.section(_('Findings'), null, [ this.findings ]),
			widgets.section(_('The last 24 hours'), null, [ this.day ]),
			widgets.section(_('Who it talks to'), null, [
				E('div', { 'class': 'leash-bar' }, [ this.search ]), this.table.node, this.all, this.thanks
			])
		]);
		dom.content(page.querySelector('h2'), [
			E('a', { 'href': L.url('admin/services/leash/overview') }, [ _('Leash') ]), ' › ', this.title
		]);
		return page;
	}
}));
