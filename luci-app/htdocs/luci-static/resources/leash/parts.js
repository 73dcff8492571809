'use strict';
'require baseclass';
'require dom';
'require ui';

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

/* Characters that turn text around or cannot be seen, made visible; and no more than fits. */
function clean(what, most) {
	const shown = String(what ?? '').replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, '\ufffd');
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

	span(what, attributes) {
		return E('span', attributes || {}, [ text(what) ]);
	},

	called(device) {
		return clean(device.name || device.hostname || device.mac || device.device, 60);
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
	timeline(device, blocks, now) {
		const left = 190, step = 22, row = 18, top = 62, hours = 24, width = left + hours * step;
		const hour = Math.floor(now / HOUR), oldest = hour - hours + 1;
		const x = seconds => left + Math.min(hours, Math.max(0, seconds / HOUR - oldest)) * step;
		const shown = (device.contacts || []).filter(c => !c.local && Math.floor(c.last / HOUR) >= oldest)
			.sort((a, b) => (b.findings ? 1 : 0) - (a.findings ? 1 : 0) || b.sent_bytes + b.received_bytes - a.sent_bytes - a.received_bytes).slice(0, 25);
		const all = [];
		const label = (x, y, what, anchor) => all.push(svg('text', { 'x': x, 'y': y, 'text-anchor': anchor || 'start' }, [ text(what) ]));
		for (let i = 0; i <= hours; i += 6) {
			all.push(svg('line', { 'x1': left + i * step, 'x2': left + i * step, 'y1': 12, 'y2': top + shown.length * row, 'stroke': 'var(--leash-line)' }));
			label(left + i * step, 10, new Date((oldest + i) * HOUR * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }), i == hours ? 'end' : 'middle');
		}
		if (device.day) {
			const most = Math.max(1, ...device.day.sent);
			label(0, 48, _('sent, most %s in an hour').format(this.bytes(Math.max(...device.day.sent))));
			device.day.sent.forEach((n, i) => {
				const size = n ? Math.max(1, 34 * n / most) : 0;
				all.push(svg('rect', { 'x': left + i * step + 2, 'width': step - 4, 'y': 52 - size, 'height': size, 'fill': 'var(--leash-up)' },
					[ svg('title', {}, [ text(_('%s sent').format(this.bytes(n))) ]) ]));
			});
		}
		shown.forEach((c, i) => {
			const y = top + i * row, last = Math.floor(c.last / HOUR);
			const colour = c.findings ? 'var(--leash-block)' : c.explained == 'lookup' ? 'var(--leash-calm)' : 'var(--leash-watch)';
			label(0, y + 13, clean((c.names || [])[0] || c.sni || c.address, 30));
			for (let ago = 0; ago < hours; ago++)
				if (c.active >> ago & 1 && last - ago >= oldest)
					all.push(svg('rect', { 'x': left + (last - ago - oldest) * step + 1, 'width': step - 2, 'y': y + 3, 'height': row - 6, 'rx': 2, 'fill': colour }));
			for (const b of blocks.filter(b => b.address == c.address))
				all.push(svg('line', { 'x1': x(b.since), 'x2': left + hours * step, 'y1': y + row / 2, 'y2': y + row / 2, 'stroke': 'currentColor', 'stroke-width': 2, 'stroke-dasharray': '4 3' },
					[ svg('title', {}, [ text(_('blocked since %s').format(this.date(b.since))) ]) ]));
		});
		const area = E('div', { 'class': 'leash-scroll', 'tabindex': '0', 'role': 'group', 'aria-label': _('The last 24 hours') },
			[ svg('svg', { 'width': width, 'height': top + shown.length * row + 6, 'role': 'img', 'aria-label': _('Contacts of the last 24 hours') }, all) ]);
		/* On a telephone the latest is in sight. */
		window.requestAnimationFrame(() => area.scrollLeft = area.scrollWidth);
		return area;
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
