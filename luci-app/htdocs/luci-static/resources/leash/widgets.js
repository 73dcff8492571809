'use strict';
'require baseclass';
'require dom';
'require poll';
'require ui';
'require leash.words as words';

/* The elements that the pages are built of.
 *
 * LuCI takes a bare string as the content of an element for markup, and strings in an array for text. Much of what is
 * shown here was sent by strangers, so contents are always arrays; a lint of tests/browser holds that. */

return baseclass.extend({
	/* Returns the outermost element of a page, with its style sheet. */
	page(title, children) {
		return E('div', { 'class': 'leash' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }, []),
			E('h2', {}, [ title ]),
			...children
		]);
	},

	section(title, description, children) {
		return E('div', { 'class': 'cbi-section' }, [
			E('h3', {}, [ title ]),
			description ? E('div', { 'class': 'cbi-section-descr' }, [ description ]) : '',
			...children
		]);
	},

	/* Returns a view that asks leash again every five seconds. `members` has fetch(), which asks; build(), which
	 * returns the page; and show(answers). An error is shown in this.error, and what was shown before stays. */
	pollingView(members) {
		return Object.assign({
			handleSave: null,
			handleSaveApply: null,
			handleReset: null,

			load() {
				return this.fetch().catch(error => error);
			},

			refresh() {
				return this.load().then(answers => this.take(answers));
			},

			take(answers) {
				const failed = answers instanceof Error;
				this.error.hidden = !failed;
				this.error.textContent = failed ? answers.message : '';
				if (!failed) this.show(answers);
			},

			render(answers) {
				this.error = E('p', { 'class': 'alert-message error', 'hidden': '', 'role': 'alert' }, []);
				const page = this.build();
				this.take(answers);
				poll.add(() => this.refresh(), 5);
				return page;
			}
		}, members);
	},

	span(text, attributes) {
		return E('span', Object.assign({}, attributes), [ text ]);
	},

	deviceLink(mac, name) {
		const page = L.url('admin/services/leash/device') + '/' + encodeURIComponent(mac);
		return E('a', { 'href': page }, [ words.clean(name || mac, 60) ]);
	},

	/* Returns one of leash's words, set off from the text. */
	badge(word) {
		return E('span', { 'class': 'leash-badge', 'data-word': word }, [ words.label(word) ]);
	},

	/* Returns whether the user may change things, not only look. */
	mayWrite() {
		return L.hasViewPermission() !== false;
	},

	/* Returns a button. Without `attributes` that say otherwise it is for those who may change things. */
	button(label, onclick, style, attributes) {
		return E('button', Object.assign({
			'class': 'btn cbi-button cbi-button-' + (style || 'neutral'),
			'disabled': this.mayWrite() ? null : '',
			'click': ev => {
				ev.preventDefault();
				return onclick(ev);
			}
		}, attributes), [ label ]);
	},

	/* Returns a choice of [value, label, title]. */
	select(label, choices, onchange, attributes) {
		return E('select', Object.assign({
			'class': 'cbi-input-select',
			'aria-label': label,
			'disabled': this.mayWrite() ? null : '',
			'change': ev => onchange(ev.target)
		}, attributes), [
			...choices.map(([ value, label, title ]) => E('option', { 'value': value, 'title': title }, [ label ]))
		]);
	},

	modeSelect(device, onchange) {
		const choices = Object.entries(words.MODES).map(([ mode, [ label, meaning ] ]) => [ mode, label, meaning ]);
		const label = _('Mode of %s').format(words.deviceName(device));
		const select = this.select(label, choices, node => onchange(node.value));
		select.value = device.mode;
		return select;
	},

	search(label, oninput) {
		return E('input', {
			'type': 'search',
			'class': 'cbi-input-text',
			'placeholder': _('Search'),
			'aria-label': label,
			'input': oninput
		}, []);
	},

	/* Waits for a change to be made, and says when it could not be. */
	attempt(promise, done) {
		return promise.then(answer => done ? done(answer) : null).catch(error => this.notify(error));
	},

	notify(error) {
		ui.addNotification(null, E('p', {}, [ error.message || error ]), 'error');
	},

	/* Returns `node` with a method show(value, make), which renews its content when `value` differs from what was shown
	 * before. Without make(value), which returns the new content, the value itself is shown. Details that were unfolded
	 * stay so. */
	live(node) {
		let before = null;
		node.show = (value, make) => {
			const now = JSON.stringify(value ?? null);
			if (now === before) return;
			before = now;
			const open = [ ...node.querySelectorAll('details[open]') ].map(details => details.dataset.key);
			dom.content(node, [ ...[].concat(make ? make(value) : value) ]);
			for (const details of node.querySelectorAll('details'))
				details.open = open.includes(details.dataset.key);
		};
		return node;
	},

	/* Returns a live cell of a table. The title stands before its content where the screen is narrow. */
	cell(title, style) {
		return this.live(E('td', { 'class': 'td left ' + (style || ''), 'data-title': title }, []));
	},

	row(cells, attributes) {
		return E('tr', Object.assign({ 'class': 'tr' }, attributes), [ ...Object.values(cells) ]);
	},

	/* Returns a table of LuCI's and update(items, empty), which makes its rows those of the items, or a row that says
	 * `empty`. Titles are texts or header cells; key(item) tells items apart; row(item) returns { node, update(item) }.
	 *
	 * Rows stay the same elements while they stand for the same items: nothing flickers, and what has the focus or is
	 * being typed stays. */
	table(titles, key, row, attributes) {
		const th = title => E('th', { 'class': 'th left', 'scope': 'col' }, [ title ]);
		const header = title => title instanceof Node ? title : th(title);
		const node = E('table', Object.assign({ 'class': 'table cbi-section-table' }, attributes), [
			E('tr', { 'class': 'tr table-titles' }, [ ...titles.map(header) ])
		]);
		const placeholder = this.live(E('td', { 'class': 'td', 'colspan': titles.length }, []));
		const none = { node: E('tr', { 'class': 'tr placeholder' }, [ placeholder ]), update() {} };
		const rows = new Map();

		const update = (items, empty) => {
			const wanted = new Map(items.map(item => [ key(item), item ]));
			for (const [ id, item ] of wanted) {
				if (!rows.has(id)) rows.set(id, row(item));
				rows.get(id).update(item);
			}
			for (const [ id, { node } ] of rows)
				if (!wanted.has(id)) {
					node.remove();
					rows.delete(id);
				}
			none.node.remove();
			placeholder.show(empty, () => E('em', {}, [ empty ]));
			const order = items.length ? [ ...wanted.keys() ].map(id => rows.get(id).node) : [ none.node ];
			/* Moving an element takes the focus from it, so that is done later. */
			if (node.contains(document.activeElement) && order.every(row => row.parentNode == node))
				return;
			order.forEach((row, i) => {
				if (node.children[i + 1] != row) node.insertBefore(row, node.children[i + 1] || null);
			});
		};
		return { node, update };
	}
});
