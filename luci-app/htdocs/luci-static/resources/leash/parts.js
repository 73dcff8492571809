'use strict';
'require baseclass';
'require dom';
'require poll';
'require ui';
'require leash.sentences as sentences';

/* What the pages have in common. All that came from the network goes through text(): a bare string as the content of an
 * element would be taken for markup by LuCI. */

const SVG = 'http://www.w3.org/2000/svg';
const HOUR = 3600;

function text(what) {
	return document.createTextNode(what == null ? '' : String(what));
}

function svg(name, attributes, children) {
	const node = document.createElementNS(SVG, name);
	for (const key in attributes)
		node.setAttribute(key, attributes[key]);
	for (const child of children || [])
		node.appendChild(child);
	return node;
}

/* Bytes that leash writes as \DDD, read as UTF-8; characters that turn text around or cannot be seen, made visible; and no more
 * than fits. */
function clean(what, most) {
	const bytes = all => new TextDecoder().decode(Uint8Array.from(all.slice(1).split('\\'), Number));
	const shown = String(what ?? '').replace(/(?:\\[012]\d\d)+/g, bytes).replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, '\ufffd');
	return most && shown.length > most ? shown.slice(0, most - 1) + '…' : shown;
}

return baseclass.extend({
	text,
	clean,

	/* The page's outermost element, with its style. */
	page(title, children) {
		return E('div', { 'class': 'leash' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }),
			E('h2', {}, [ text(title) ])
		].concat(children));
	},

	/* A view that asks again every five seconds. `members` has ask(), show(answers), and build(), which gives the page; what cannot
	 * be had is said in this.error, and what was shown before stays. */
	asking(members) {
		return Object.assign({
			handleSave: null,
			handleSaveApply: null,
			handleReset: null,

			load() {
				return this.ask().catch(e => e);
			},

			refresh() {
				return this.load().then(answers => this.take(answers));
			},

			take(answers) {
				const wrong = answers instanceof Error;
				this.error.hidden = !wrong;
				this.error.textContent = wrong ? answers.message : '';
				if (!wrong) this.show(answers);
			},

			render(answers) {
				this.error = E('p', { 'class': 'alert-message error', 'hidden': '', 'role': 'alert' });
				const page = this.build();
				this.take(answers);
				poll.add(() => this.refresh(), 5);
				return page;
			}
		}, members);
	},

	/* A sentence of leash's, in the language of the page. */
	say(sentence, most) {
		return clean(sentences.say(sentence), most);
	},

	span(what, attributes) {
		return E('span', attributes || {}, [ text(what) ]);
	},

	called(device) {
		return clean(device.name || device.hostname || device.mac || device.device, 60);
	},

	/* Who made a device, as far as one can tell. */
	vendor(device) {
		/* Names of DHCP programs say nothing. */
		const own = clean(device.vendor_class || '', 60);
		return clean(device.vendor || '', 40) || (/^(udhcp|dhcpcd|dhclient|android-dhcp|lwip)/i.test(own) ? '' : own) || (parseInt(device.mac, 16) & 2 ? _('random hardware address') : '');
	},

	link(mac, name) {
		return E('a', { 'href': L.url('admin/services/leash/device') + '/' + encodeURIComponent(mac) }, [ text(clean(name || mac, 60)) ]);
	},

	WORDS: {
		'allow': _('calm'), 'watch': _('watch'), 'block': _('blocked'), 'allowed': _('allowed'), 'new': _('new'),
		'lookup': _('looked up'), 'none': _('never looked up'), 'other-device': _('looked up by another device'), 'unknown': _('unknown'),
		'weak': _('a hint'), 'fair': _('likely'), 'strong': _('sure'), 'grave': _('broken'), 'weaker': _('weaker')
	},

	/* A word that stands out. */
	word(word) {
		return E('span', { 'class': 'leash-word', 'data-word': word }, [ text(this.WORDS[word] || word) ]);
	},

	/* Several findings of a detector in a few words. */
	SEVERAL: {
		'direct-ip': _('calls %d addresses that it never looked up'),
		'beacon': _('calls %d addresses in an odd rhythm'),
		'bypass': _('asks %d others than the router for names'),
		'plaintext': _('tells %d addresses what is private, in the clear'),
		'reputation': _('calls %d addresses that lists warn of'),
		'spread': _('calls %d addresses that are new to it'),
		'upload': _('sends more than usual to %d addresses')
	},

	/* Findings by detector, the strongest first: [{detector, all, says}]. */
	groups(findings) {
		const groups = new Map();
		for (const finding of findings || [])
			groups.set(finding.detector, (groups.get(finding.detector) || []).concat(finding));
		return [ ...groups ].map(([ detector, all ]) => {
			const count = new Set(all.map(finding => finding.address)).size;
			const first = this.say(all[0].says.split(/[:;] /)[0], 160);
			return { detector, all, says: count > 1 && this.SEVERAL[detector] ? this.SEVERAL[detector].format(count) : first };
		});
	},

	/* What a device does, in a few words each. */
	does(device) {
		const groups = this.groups(device.findings);
		return groups.length ? groups.map(group => group.says) : [ this.say(device.says, 200) ];
	},

	/* Contacts of the same address in one: {address, contacts, names, ...}, sums where they are numbers. */
	destinations(contacts) {
		const found = new Map();
		const worse = (order, a, b) => order.indexOf(a) < order.indexOf(b) ? a : b;
		for (const contact of contacts || []) {
			const key = contact.address + (contact.inbound ? ' inbound' : ''), before = found.get(key);
			if (!before) {
				found.set(key, Object.assign({}, contact, { key, contacts: [ contact ] }));
				continue;
			}
			before.contacts.push(contact);
			for (const what of [ 'sent_bytes', 'received_bytes', 'flows' ])
				before[what] += contact[what];
			before.first = Math.min(before.first, contact.first);
			before.last = Math.max(before.last, contact.last);
			before.verdict = worse([ 'block', 'watch', 'allow' ], before.verdict, contact.verdict);
			before.explained = worse([ 'none', 'other-device', 'unknown', 'lookup', undefined ], before.explained, contact.explained);
			for (const what of [ 'names', 'sni', 'listed', 'named_for', 'network', 'guard_would', 'findings', 'purpose' ])
				before[what] ||= contact[what];
		}
		return [ ...found.values() ];
	},

	whom(contact) {
		return clean((contact.names || [])[0] || contact.sni || contact.address, 80);
	},

	/* The addresses of a device that a strong finding is about. */
	strong(device) {
		return new Set((device.findings || []).filter(finding => finding.strength == 'strong').map(finding => finding.address));
	},

	/* The hours since 1970 in which a contact was active. */
	hours(contact) {
		const last = Math.floor(contact.last / HOUR);
		return [ ...Array(24).keys() ].filter(ago => contact.active >> ago & 1).map(ago => last - ago);
	},

	MODES: {
		'trust': [ _('trust'), _('nobody looks at what it does') ],
		'observe': [ _('observe'), _('shown, never blocked') ],
		'guard': [ _('guard'), _('bad destinations are blocked') ],
		'local': [ _('local'), _('no Internet at all, but time') ]
	},

	/* Chooses a device's mode. */
	mode(device, order) {
		const select = E('select', {
			'class': 'cbi-input-select',
			'aria-label': _('Mode of %s').format(this.called(device)),
			'disabled': this.mayAct() ? null : '',
			'change': ev => order(ev.target.value)
		}, Object.keys(this.MODES).map(mode => E('option', { 'value': mode, 'title': this.MODES[mode][1] }, [ text(this.MODES[mode][0]) ])));
		select.value = device.mode;
		return select;
	},

	bytes(n) {
		return '%1024.1mB'.format(n || 0);
	},

	date(seconds) {
		return seconds ? new Date(seconds * 1000).toLocaleString() : '';
	},

	/* How long ago, in one unit. */
	ago(seconds) {
		const past = Math.max(0, Date.now() / 1000 - seconds);
		if (past < 90) return _('just now');
		if (past < 90 * 60) return _('%d min ago').format(Math.round(past / 60));
		if (past < 36 * HOUR) return _('%d h ago').format(Math.round(past / HOUR));
		return _('%d days ago').format(Math.round(past / 24 / HOUR));
	},

	until(seconds) {
		if (!seconds) return _('for ever');
		const left = seconds - Date.now() / 1000;
		if (left < 90 * 60) return _('for %d min more').format(Math.max(1, Math.round(left / 60)));
		if (left < 36 * HOUR) return _('for %d h more').format(Math.round(left / HOUR));
		return _('until %s').format(this.date(seconds));
	},

	/* The user may order, not only look. */
	mayAct() {
		return L.hasViewPermission() !== false;
	},

	button(label, act, style, more) {
		return E('button', Object.assign({
			'class': 'btn cbi-button cbi-button-' + (style || 'neutral'),
			'disabled': this.mayAct() ? null : '',
			'click': ev => {
				ev.preventDefault();
				return act(ev);
			}
		}, more), [ text(label) ]);
	},

	/* Carries an order out, and says when it cannot be. */
	order(promise, then) {
		return promise.then(answer => then ? then(answer) : null).catch(e => this.alert(e));
	},

	alert(e) {
		ui.addNotification(null, E('p', {}, [ text(e.message || e) ]), 'error');
	},

	/* Bytes of 24 hours: up above the line, down below it. */
	spark(day, width, height) {
		if (!day) return E('span', { 'class': 'leash-faint' }, [ text(_('quiet')) ]);
		const most = Math.max(1, ...day.sent, ...day.received), half = height / 2, step = width / day.sent.length;
		/* By the logarithm: a heartbeat of 100 bytes is seen beside a film. */
		const size = n => n ? Math.max(1, half * Math.log2(1 + n) / Math.log2(1 + most)) : 0;
		const bar = (n, i, up) => svg('rect', { 'x': (i * step).toFixed(1), 'width': Math.max(1, step - 1).toFixed(1), 'y': (up ? half - size(n) : half).toFixed(1), 'height': size(n).toFixed(1), 'fill': up ? 'var(--leash-up)' : 'var(--leash-down)' });
		const sum = list => list.reduce((a, b) => a + b, 0);
		const says = _('In 24 hours: %s sent, %s received').format(this.bytes(sum(day.sent)), this.bytes(sum(day.received)));
		return svg('svg', { 'class': 'leash-spark', 'width': width, 'height': height, 'role': 'img', 'aria-label': says }, [ svg('title', {}, [ text(says) ]), svg('line', { 'x1': 0, 'x2': width, 'y1': half, 'y2': half, 'stroke': 'var(--leash-line)' }) ]
			.concat(day.sent.map((n, i) => bar(n, i, true)), day.received.map((n, i) => bar(n, i, false))));
	},

	/* Contacts as rows over the day, what was sent as bars above them, blocks as lines. */
	timeline(device, strong, blocks, now) {
		const side = 170, step = 30, row = 18, top = 62, hours = 24, width = hours * step;
		const hour = Math.floor(now / HOUR), oldest = hour - hours + 1;
		const x = seconds => Math.min(hours, Math.max(0, seconds / HOUR - oldest)) * step;
		/* One row for what has the same name. */
		const rows = new Map();
		for (const c of (device.contacts || []).filter(c => !c.local && Math.floor(c.last / HOUR) >= oldest)) {
			const name = this.whom(c), line = rows.get(name) || { name, hours: new Set(), bytes: 0, odd: 0, addresses: new Set() };
			rows.set(name, line);
			this.hours(c).filter(hour => hour >= oldest).forEach(hour => line.hours.add(hour));
			line.bytes += c.sent_bytes + c.received_bytes;
			line.odd = Math.max(line.odd, strong.has(c.address) ? 2 : c.explained == 'lookup' && !c.findings ? 0 : 1);
			line.addresses.add(c.address);
		}
		const shown = [ ...rows.values() ].sort((a, b) => b.odd - a.odd || b.bytes - a.bytes).slice(0, 25);
		const all = [], names = [];
		const label = (where, x, y, what, anchor) => where.push(svg('text', { 'x': x, 'y': y, 'text-anchor': anchor || 'start' }, [ text(what) ]));
		const height = top + shown.length * row;
		for (let i = 0; i <= hours; i += 6) {
			all.push(svg('line', { 'x1': i * step, 'x2': i * step, 'y1': 12, 'y2': height, 'stroke': 'var(--leash-line)' }));
			label(all, i * step, 10, new Date((oldest + i) * HOUR * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }), i == hours ? 'end' : i ? 'middle' : 'start');
		}
		if (device.day) {
			const most = Math.max(1, ...device.day.sent);
			label(names, 0, 34, _('sent, at most'));
			label(names, 0, 48, _('%s in an hour').format(this.bytes(Math.max(...device.day.sent))));
			device.day.sent.forEach((n, i) => {
				const size = n ? Math.max(1, 34 * n / most) : 0;
				all.push(svg('rect', { 'x': i * step + 2, 'width': step - 4, 'y': 52 - size, 'height': size, 'fill': 'var(--leash-up)' },
					[ svg('title', {}, [ text(_('%s sent').format(this.bytes(n))) ]) ]));
			});
		}
		shown.forEach((line, i) => {
			const y = top + i * row, colour = [ 'var(--leash-calm)', 'var(--leash-watch)', 'var(--leash-block)' ][line.odd];
			label(names, 0, y + 13, clean(line.name, 26));
			for (const hour of line.hours)
				all.push(svg('rect', { 'x': (hour - oldest) * step + 1, 'width': step - 2, 'y': y + 3, 'height': row - 6, 'rx': 2, 'fill': colour }));
			for (const b of blocks.filter(b => line.addresses.has(b.address)))
				all.push(svg('line', { 'x1': x(b.since), 'x2': width, 'y1': y + row / 2, 'y2': y + row / 2, 'stroke': 'currentColor', 'stroke-width': 2, 'stroke-dasharray': '4 3' },
					[ svg('title', {}, [ text(_('blocked since %s').format(this.date(b.since))) ]) ]));
		});
		const area = E('div', { 'class': 'leash-scroll', 'tabindex': '0', 'role': 'group', 'aria-label': _('The last 24 hours') },
			[ svg('svg', { 'width': width, 'height': height + 6, 'role': 'img', 'aria-label': _('Contacts of the last 24 hours') }, all) ]);
		/* On a telephone the latest is in sight, and the names stay. */
		window.requestAnimationFrame(() => area.scrollLeft = area.scrollWidth);
		return E('div', { 'class': 'leash-day' }, [ svg('svg', { 'width': side, 'height': height + 6 }, names), area ]);
	},

	/* Rows of a table that stay the same elements while they are the same things: nothing flickers, and what has the focus or
	 * is being typed stays. make(item) gives {node, update(item)}. */
	rows(body, rows, items, key, make) {
		const seen = new Set();
		const wanted = items.map(item => {
			const id = key(item);
			seen.add(id);
			if (!rows.has(id)) rows.set(id, make(item));
			const row = rows.get(id);
			row.update(item);
			return row.node;
		});
		for (const [ id, row ] of rows)
			if (!seen.has(id)) {
				row.node.remove();
				rows.delete(id);
			}
		/* Moving an element takes the focus from it: later, then. */
		if (body.contains(document.activeElement) && wanted.every(node => node.parentNode == body))
			return;
		wanted.forEach((node, i) => {
			if (body.children[i] != node) body.insertBefore(node, body.children[i] || null);
		});
	},

	/* A cell whose content is made anew only when what it shows changed. */
	cell(title, style) {
		const td = E('td', { 'class': style || '', 'data-title': title });
		let before = null;
		td.show = (value, make) => {
			const now = JSON.stringify(value ?? null);
			if (now === before) return;
			before = now;
			dom.content(td, [].concat(make ? make(value) : [ text(value) ]));
		};
		return td;
	},

	/* A table with these titles; gives {node, body}. */
	table(titles) {
		const body = E('tbody');
		return { node: E('table', { 'class': 'leash-table' }, [ E('thead', {}, [ E('tr', {}, titles.map(title => E('th', { 'scope': 'col' }, [ text(title) ]))) ]), body ]), body };
	},

	/* Nothing is there. */
	none(what) {
		return E('p', { 'class': 'leash-faint' }, [ E('em', {}, [ text(what) ]) ]);
	}
});
