'use strict';
'require view';
'require dom';
'require ui';
'require leash.api as api';
'require leash.parts as parts';

/* The latest first: the bad, then what was never looked up, then the rest by when it was seen. */
const WEIGHT = { 'block': 0, 'watch': 1, 'allow': 3 };

return view.extend(parts.asking({
	ask() {
		/* The rest of the path. A login on the way takes it off: back to the device that was last looked at. */
		const device = decodeURIComponent(window.location.pathname.replace(/\/$/, '').split('/').pop());
		const last = window.sessionStorage.getItem('leash-device');
		if (device == 'device')
			window.location.replace(L.url('admin/services/leash') + (last ? '/device/' + encodeURIComponent(last) : '/overview'));
		else
			window.sessionStorage.setItem('leash-device', device);
		return Promise.all([ api.device(device), api.blocks(), api.pins(), this.detectors || api.detectors() ]);
	},

	show([ { device }, { blocks }, { pins }, detectors ]) {
		this.sections.forEach(node => node.hidden = false);
		this.detectors = detectors;
		this.device = device;
		this.blocks = blocks.filter(block => block.device == device.mac);
		this.pins = pins.filter(pin => !pin.device || pin.device == device.mac);
		this.title.textContent = parts.called(device);
		if (!this.mode) {
			this.mode = parts.mode(device, mode => parts.order(api.set_mode(device.mac, mode), () => this.refresh()));
			dom.content(this.modes, [ parts.text(_('Mode') + ' '), this.mode ]);
		}
		if (document.activeElement != this.mode) this.mode.value = device.mode;
		this.facts.show([ device.addresses, device.vendor, device.vendor_class, device.hostname, device.lookups ], () => parts.text([
			device.mac, (device.addresses || []).join(', '), device.hostname && _('calls itself %s').format(parts.clean(device.hostname, 60)), parts.vendor(device), parts.clean(device.vendor_class || '', 60),
			_('first seen %s').format(parts.date(device.first)), _('%d lookups seen').format(device.lookups)
		].filter(fact => fact).join(' · ')));
		const does = parts.does(device).join('; ');
		this.says.show([ device.verdict, does ], () => [ parts.word(device.verdict), parts.text(' ' + does) ]);
		this.destinations = parts.destinations(device.contacts);
		this.strong = parts.strong(device);
		const would = this.destinations.filter(contact => contact.guard_would).sort((a, b) => this.strong.has(b.address) - this.strong.has(a.address));
		this.guard.show([ device.mode, would.map(contact => contact.address) ], () => this.would(device, would));
		this.day.show([ device.day, (device.contacts || []).map(c => [ c.address, c.active, c.explained, c.findings ]), [ ...this.strong ], this.blocks.map(b => b.address), Math.floor(Date.now() / 3.6e6) ],
			() => parts.timeline(device, this.strong, this.blocks, Date.now() / 1000));
		this.found.show(device.findings, () => (device.findings || []).length ? parts.groups(device.findings).map(group => this.finding(group)) : parts.none(_('Nothing was found.')));
		this.list();
	},

	/* What another mode would have done. */
	would(device, would) {
		if (device.mode == 'guard' || device.mode == 'trust' || device.mode == 'local') return '';
		if (!would.length) return E('p', {}, [ parts.text(_('In mode guard, nothing of this would have been blocked.')) ]);
		return E('p', {}, [
			parts.text(_('In mode guard, leash would have blocked: %s.').format(would.slice(0, 5).map(contact => parts.whom(contact)).join(', ') + (would.length > 5 ? ' ' + _('and %d more').format(would.length - 5) : '')) + ' '),
			parts.button(_('Turn guard on'), () => parts.order(api.set_mode(device.mac, 'guard'), () => this.refresh()), 'action')
		]);
	},

	/* What a detector found: the strongest in full, the others in a line each. */
	finding({ detector: name, all: [ finding, ...others ], says }) {
		const detector = this.detectors.detectors.find(detector => detector.name == name) || {};
		const evidence = Object.entries(finding.evidence || {});
		const since = finding => finding.since ? parts.span(' ' + _('since %s').format(parts.date(finding.since)), { 'class': 'leash-faint leash-small' }) : '';
		return E('details', { 'class': 'leash-finding', 'data-strength': finding.strength, 'data-key': name }, [
			E('summary', {}, [ parts.word(finding.strength), parts.text(' ' + (others.length ? says : parts.say(finding.says, 400))), since(finding) ]),
			E('p', {}, [ parts.text(_('Found by “%s”: a device that %s.').format(name, _(detector.about || ''))) ]),
			others.length ? E('p', {}, [ parts.text(parts.say(finding.says, 400)), parts.text(':') ]) : '',
			evidence.length ? E('table', {}, [ E('tr', {}, [ E('th', {}, [ parts.text(_('Evidence')) ]), E('th', {}, [ parts.text(_('Measured')) ]), E('th', {}, [ parts.text(_('Limit')) ]) ]) ]
				.concat(evidence.map(([ what, number ]) => E('tr', {}, [ E('td', {}, [ parts.text(what) ]), E('td', {}, [ parts.text(number.seen) ]), E('td', {}, [ parts.text(number.limit) ]) ])))) : '',
			others.length ? E('div', {}, [ parts.text(_('And also:')), E('ul', {}, others.slice(0, 50).map(other => E('li', {}, [ parts.word(other.strength), parts.text(' ' + parts.say(other.says, 400)), since(other) ]))) ]) : '',
			(detector.fooled_by || []).length ? E('div', {}, [ parts.text(_('It could also be:')), E('ul', {}, detector.fooled_by.map(reason => E('li', {}, [ parts.text(_(reason)) ]))) ]) : ''
		]);
	},

	list() {
		const words = this.search.value.trim().toLowerCase().split(/\s+/);
		const fits = contact => {
			const all = [ contact.address, contact.names, contact.sni, contact.purpose, contact.explained, (contact.network || {}).country, contact.listed ].concat(contact.contacts.map(c => this.service(c))).flat().join(' ').toLowerCase();
			return words.every(word => all.includes(word));
		};
		const weight = contact => WEIGHT[contact.verdict] - (this.strong.has(contact.address) ? 3 : 0) - (contact.guard_would ? 1 : 0) + (contact.explained == 'none' ? -1 : 0) + (contact.local ? 2 : 0);
		const shown = this.destinations.filter(fits).sort((a, b) => weight(a) - weight(b) || b.last - a.last);
		parts.rows(this.body, this.known, shown.slice(0, this.most), contact => contact.key, contact => this.row(contact));
		this.more.hidden = shown.length <= this.most;
		this.empty.hidden = shown.length > 0;
	},

	service(contact) {
		return contact.service || contact.protocol + ' ' + contact.port;
	},

	row(contact) {
		const cells = {
			whom: parts.cell(_('Destination'), 'leash-first'), explained: parts.cell(_('Explained')), what: parts.cell(_('What'), 'leash-small'), bytes: parts.cell(_('Sent, received'), 'leash-nowrap leash-small'),
			seen: parts.cell(_('Seen'), 'leash-small'), act: parts.cell('', 'leash-act')
		};
		return {
			node: E('tr', { 'data-address': contact.address }, Object.values(cells)),
			update: now => {
				const block = this.blocks.find(block => block.address == now.address), pin = this.pins.find(pin => pin.target == now.address);
				cells.whom.show([ now.names, now.sni, now.address, now.listed, now.network ], () => [
					E('strong', {}, [ parts.text(parts.whom(now)) ]),
					parts.whom(now) == now.address ? '' : E('div', { 'class': 'leash-faint leash-small' }, [ parts.text(now.address) ]),
					now.listed ? E('div', {}, [ parts.word('block'), parts.text(' ' + _('on the list %s').format(parts.clean(now.listed, 80))) ]) : ''
				]);
				cells.explained.show([ now.explained, now.local, now.named_for ], () => now.local ? parts.span(_('in the house'), { 'class': 'leash-faint' }) : [
					now.explained ? parts.word(now.explained) : parts.span(now.inbound ? _('called from outside') : '–', { 'class': 'leash-faint' }),
					now.named_for && now.explained == 'other-device' ? E('div', { 'class': 'leash-small' }, [ parts.text(parts.clean(now.named_for[0].name, 60)) ]) : ''
				]);
				const network = now.network || {};
				const services = [ ...new Set(now.contacts.map(contact => this.service(contact))) ];
				cells.what.show([ services, now.purpose, network ], () => parts.text([
					services.slice(0, 3).join(', ') + (services.length > 3 ? ' ' + _('and %d more').format(services.length - 3) : ''), services.includes(now.purpose) ? '' : now.purpose, network.asn && 'AS' + network.asn, network.country, network.hosting && _('rented servers')
				].filter(fact => fact).join(' · ')));
				cells.bytes.show('↑ ' + parts.bytes(now.sent_bytes) + '  ↓ ' + parts.bytes(now.received_bytes));
				cells.seen.show([ parts.ago(now.last), now.flows ], () => parts.span(parts.ago(now.last), { 'title': _('first %s, last %s, %d times').format(parts.date(now.first), parts.date(now.last), now.flows) }));
				cells.act.show([ now.local, block && block.until, block && block.reason, pin && [ pin.verdict, pin.until ] ], () => this.act(now, block, pin));
			}
		};
	},

	/* What one can do about a contact, and what was done. */
	act(contact, block, pin) {
		if (contact.local) return '';
		const device = this.device.mac, target = contact.address;
		const decide = (verdict, lasts) => parts.order(api.decide(device, target, verdict, lasts), () => this.refresh());
		const choose = (label, verdict, choices) => E('select', {
			'class': 'cbi-input-select', 'aria-label': label + ' ' + parts.whom(contact), 'disabled': parts.mayAct() ? null : '', 'data-act': verdict,
			'change': ev => {
				const lasts = ev.target.value;
				ev.target.selectedIndex = 0;
				if (lasts) decide(verdict, lasts == 'ever' ? undefined : lasts);
			}
		}, [ E('option', { 'value': '' }, [ parts.text(label) ]) ].concat(choices.map(([ lasts, says ]) => E('option', { 'value': lasts }, [ parts.text(says) ]))));
		const undo = pin && pin.device ? parts.button(_('Undo'), () => parts.order(api.unpin(device, target), () => this.refresh()), 'neutral')
			: block ? parts.button(_('Undo'), () => parts.order(api.unblock(device, target), () => this.refresh()), 'neutral') : '';
		return [
			block ? E('div', {}, [ parts.word('block'), parts.text(' ' + parts.until(block.until)) ]) : '',
			pin && pin.verdict == 'allow' ? E('div', {}, [ parts.word('allowed'), parts.text(' ' + parts.until(pin.until)) ]) : '',
			E('div', { 'class': 'leash-buttons' }, [
				block ? '' : parts.button(_('Block'), () => decide('block'), 'negative', { 'data-act': 'block-now' }),
				block ? '' : choose(_('Block for …'), 'block', [ [ '10m', _('10 minutes, to try it') ], [ '1h', _('an hour') ], [ '1d', _('a day') ], [ 'ever', _('ever') ] ]),
				undo,
				pin && pin.verdict == 'allow' ? '' : choose(_('Allow for …'), 'allow', [ [ '10m', _('once, for 10 minutes') ], [ '1h', _('an hour') ], [ 'ever', _('ever') ] ])
			])
		];
	},

	forget() {
		ui.showModal(_('Forget this device?'), [
			E('p', {}, [ parts.text(_('Its contacts, findings and the blocks that came of them are forgotten. Your own decisions stay.')) ]),
			E('div', { 'class': 'right' }, [
				parts.button(_('Cancel'), () => ui.hideModal()),
				parts.text(' '),
				parts.button(_('Forget'), () => {
					ui.hideModal();
					return parts.order(api.forget(this.device.mac), () => this.refresh());
				}, 'negative')
			])
		]);
	},

	build() {
		this.known = new Map();
		this.most = 100;
		const area = () => parts.cell('', '');
		/* These are no cells of a table, but are made anew only when they change, too. */
		const part = name => {
			const td = area(), div = E('div', { 'data-part': name });
			div.show = (value, make) => {
				const open = [ ...div.querySelectorAll('details[open]') ].map(node => node.dataset.key);
				td.show(value, now => {
					dom.content(div, [].concat(make(now)));
					div.querySelectorAll('details').forEach(node => node.open = open.includes(node.dataset.key));
					return [];
				});
			};
			return div;
		};
		[ this.facts, this.says, this.guard, this.day, this.found ] = [ 'facts', 'says', 'guard', 'day', 'found' ].map(part);
		this.title = E('span', { 'data-part': 'name' });
		this.modes = E('label', {});
		this.search = E('input', { 'type': 'search', 'class': 'cbi-input-text', 'placeholder': _('Search'), 'aria-label': _('Search destinations'), 'input': () => this.list() });
		const table = parts.table([ _('Destination'), _('Explained'), _('What'), _('Sent, received'), _('Seen'), '' ]);
		this.body = table.body;
		this.empty = parts.none(_('No destination fits.'));
		this.more = parts.button(_('Show all'), () => {
			this.most = Infinity;
			this.list();
		}, 'neutral', { 'disabled': null });
		const section = (title, children) => E('div', { 'class': 'cbi-section' }, [ E('h3', {}, [ parts.text(title) ]) ].concat(children));
		const page = parts.page('', [
			E('div', { 'class': 'cbi-section' }, [ this.facts, E('p', {}, [ this.says ]), E('div', { 'class': 'leash-bar' }, [ this.modes, parts.button(_('Forget …'), () => this.forget()) ]), this.guard ]),
			this.error,
			section(_('The last 24 hours'), [ this.day ]),
			section(_('What was found'), [ this.found ]),
			section(_('Who it talks to'), [ E('div', { 'class': 'leash-bar' }, [ this.search ]), table.node, this.empty, this.more ])
		]);
		dom.content(page.querySelector('h2'), [ E('a', { 'href': L.url('admin/services/leash/overview') }, [ parts.text(_('Leash')) ]), parts.text(' › '), this.title ]);
		this.sections = page.querySelectorAll('.cbi-section');
		this.sections.forEach(node => node.hidden = true);
		return page;
	}
}));
