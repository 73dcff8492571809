'use strict';
'require baseclass';
'require dom';
'require poll';
'require uci';
'require ui';
'require leash.words as words';

/* The elements that the pages are built of.
 *
 * LuCI takes a bare string as the content of an element for markup, and strings in an array for text. Much of what is
 * shown here was sent by strangers, so contents are always arrays; a lint of tests/browser holds that. */

/* ubus's status where nobody offers the object. */
const NOT_RUNNING = 4;

/* What can have the focus. */
const FOCUSABLE = 'a[href], button, input, select, summary, [tabindex]';

return baseclass.extend({
	/* Returns the outermost element of a page, with its style sheet. */
	page(title, children) {
		return E('div', { 'class': 'leash' }, [
			E('link', { 'rel': 'stylesheet', 'href': L.resource('leash/leash.css') }, []),
			E('h2', {}, [ title ]),
			this.readerNote(),
			...children
		]);
	},

	/* Returns what a user is told who may only look. */
	readerNote() {
		return this.mayWrite() ? '' : E('p', { 'class': 'leash-note' }, [
			_('You are logged in as a user who may look at leash, but not change it. ' +
				'What changes something is disabled.')
		]);
	},

	/* Returns a place, and show(error), which says there why leash did not answer and what to do, or hides it. */
	failure() {
		const node = this.live(E('div', { 'class': 'alert-message error', 'hidden': '', 'role': 'alert' }, []));
		let latest;
		const show = error => {
			latest = error;
			if (!error || error.code != NOT_RUNNING) return this.fail(node, error);
			return this.isSwitchedOff().then(off => latest == error && this.fail(node, error, off ? 'off' : 'down'));
		};
		return { node, show };
	},

	fail(node, error, how) {
		node.hidden = !error;
		node.show(error ? [ error.message, how ] : null, () => {
			const on = () => this.button(_('Switch leash on'), this.switchOn, 'apply');
			if (how == 'off') return [ E('p', {}, [ _('leash is switched off.') ]), on() ];
			const startup = E('a', { 'href': L.url('admin/system/startup') }, [ _('Start it under System, Startup.') ]);
			return E('p', {}, [ error ? error.message : '', ' ', how == 'down' ? startup : '' ]);
		});
	},

	/* Returns whether the settings keep leash from running. */
	isSwitchedOff() {
		uci.unload('leash');
		return uci.load('leash').then(() => {
			const [ main ] = uci.sections('leash', 'leash');
			return /^(0|no|off|false|disabled)$/.test(main && main.enabled);
		}).catch(() => false);
	},

	/* Writes into the settings that leash is to run, and has that applied, which reloads the page. */
	switchOn() {
		const [ main ] = uci.sections('leash', 'leash');
		uci.set('leash', main['.name'], 'enabled', '1');
		return uci.save().then(() => ui.changes.apply(true));
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
		const make = () => this.failure();
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
				this.failed.show(failed ? answers : null);
				if (failed) return;
				this.page.classList.remove('leash-waiting');
				this.show(answers);
			},

			render(answers) {
				this.failed = make();
				this.error = this.failed.node;
				this.page = this.build();
				this.page.classList.add('leash-waiting');
				this.take(answers);
				poll.add(() => this.refresh(), 5);
				return this.page;
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

	/* Returns the texts of a translated form, with lists of nodes in its gaps. */
	fill(form, gaps) {
		return form.split('%s').map((text, i) => i ? [ ...gaps[i - 1], text ] : [ text ]).flat();
	},

	/* Returns how fast something is sent and received just now. */
	rate(text) {
		return text ? E('div', { 'class': 'leash-rate leash-small leash-nowrap' }, [ text ]) : '';
	},

	/* Returns one of leash's words, set off from the text. */
	badge(word) {
		return E('span', { 'class': 'leash-badge', 'data-word': word }, [ words.label(word) ]);
	},

	/* Returns whether the user may change things, not only look. */
	mayWrite() {
		return L.hasViewPermission() !== false;
	},

	/* Returns whether the screen is that of a telephone, as the style sheet has it. */
	isNarrow() {
		return window.matchMedia('(max-width: 760px)').matches;
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

	/* Returns a choice of the mode of a device, with show(device); the meanings stand in it when it is `wide`. */
	modeSelect(device, onchange, wide) {
		const called = mode => wide ? words.mode(mode) : words.MODES[mode][0];
		const choices = Object.keys(words.MODES).map(mode => [ mode, called(mode) ]);
		const label = _('Mode of %s').format(words.deviceName(device));
		const select = this.select(label, [ [ 'default', '' ], ...choices ], node => onchange(node.value));
		select.show = ({ mode, own_mode }) => {
			if (document.activeElement == select) return;
			const [ house ] = select.options;
			house.textContent = own_mode ? _('as the house') : _('house: %s').format(called(mode));
			select.value = own_mode ? mode : 'default';
		};
		select.show(device);
		return select;
	},

	/* Returns what the modes mean, for those who ask. */
	modes() {
		const meanings = Object.keys(words.MODES).map(mode => E('li', {}, [ words.mode(mode) ]));
		return E('details', { 'class': 'leash-modes' }, [
			E('summary', {}, [ _('What the modes mean') ]),
			E('ul', {}, [
				...meanings,
				E('li', {}, [ _('house: the mode in Settings for devices without one of their own') ])
			])
		]);
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

	/* Returns a text that is only read out: what the eye sees by other means. */
	unseen(text) {
		return this.span(text, { 'class': 'leash-unseen' });
	},

	/* Gives the focus to what stood at `place` among what can have it in `node`, or to the last there is. */
	focus(node, place) {
		const all = [ ...node.querySelectorAll(FOCUSABLE) ].filter(each => !each.disabled);
		const found = all[Math.min(Math.max(place, 0), all.length - 1)];
		if (found) found.focus();
		return found;
	},

	/* Returns `node` with a method show(value, make), which renews its content when `value` differs from what was shown
	 * before. Without make(value), which returns the new content, the value itself is shown. Details that were unfolded
	 * stay so, and the focus stays where it was. */
	live(node) {
		let before = null;
		node.show = (value, make) => {
			const now = JSON.stringify(value ?? null);
			if (now === before) return;
			before = now;
			const open = [ ...node.querySelectorAll('details[open]') ].map(details => details.dataset.key);
			const held = node.contains(document.activeElement)
				? [ ...node.querySelectorAll(FOCUSABLE) ].indexOf(document.activeElement)
				: null;
			dom.content(node, [ ...[].concat(make ? make(value) : value) ]);
			for (const details of node.querySelectorAll('details'))
				details.open = open.includes(details.dataset.key);
			if (held != null) this.focus(node, held);
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

	/* Returns a table of LuCI's, called `label`, and update(items, empty), which makes its rows those of the items, or
	 * a row that says `empty`. Titles are texts or header cells; key(item) tells items apart; row(item) returns
	 * { node, update(item) }.
	 *
	 * Rows stay the same elements while they stand for the same items: nothing flickers, and what has the focus or is
	 * being typed stays. Where a row with the focus goes, the next one has it. */
	table(label, titles, key, row, attributes) {
		const th = title => E('th', { 'class': 'th left', 'scope': 'col' }, [ title ]);
		const header = title => title.matches && title.matches('th') ? title : th(title);
		const shape = { 'class': 'table cbi-section-table', 'aria-label': label, 'tabindex': '-1' };
		const node = E('table', Object.assign(shape, attributes), [
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
			let left = null;
			for (const [ id, { node } ] of rows)
				if (!wanted.has(id)) {
					if (node.contains(document.activeElement)) left = node.rowIndex;
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
			if (left == null) return;
			const next = order[Math.min(left, order.length) - 1];
			/* What changes something is the last in a row. */
			if (!this.focus(next, Infinity)) node.focus();
		};
		return { node, update };
	}
});
