'use strict';
'require view';
'require leash.api as api';
'require leash.news as news';
'require leash.widgets as widgets';
'require leash.words as words';

/* Cards that are shown at first. */
const FIRST_CARDS = 24;

return view.extend(widgets.pollingView({
	fetch() {
		return Promise.all([
			api.history(), api.blocks(), api.pins(), this.detectors || api.detectors().catch(() => ({ detectors: [] }))
		]);
	},

	show([ { history }, { blocks }, { pins }, detectors ]) {
		Object.assign(this, { history, blocks, pins, detectors });
		const cards = news.cards(history, [ ...this.hushed ]);
		this.count.show(cards.length ? _('%d new').format(cards.length) : _('Nothing is new since you last looked.'));
		this.seen.hidden = !cards.length;
		this.more.hidden = cards.length <= this.most;
		this.list(this.cards, this.shown, cards.slice(0, this.most), () => this.card());
	},

	/* Makes `parent` contain an element for each of `all`, by key; make() returns { node, update(item) }. They stay the
	 * same elements while they stand for the same, so the focus stays where it is. */
	list(parent, shown, all, make) {
		const wanted = new Map(all.map(item => [ item.key, item ]));
		for (const [ key, { node } ] of shown)
			if (!wanted.has(key)) {
				node.remove();
				shown.delete(key);
			}
		for (const [ key, item ] of wanted) {
			if (!shown.has(key)) shown.set(key, make());
			shown.get(key).node.dataset.key = key;
			shown.get(key).update(item);
		}
		const order = all.map(({ key }) => shown.get(key).node);
		/* Moving an element takes the focus from it, so that is done later. */
		if (parent.contains(document.activeElement) && order.every(node => node.parentNode == parent)) return;
		order.forEach((node, i) => {
			if (parent.children[i] != node) parent.insertBefore(node, parent.children[i] || null);
		});
	},

	/* Returns a card: who, what, why, what else it could be, when, and what can be done; where there are several
	 * destinations, that is folded, by destination. */
	card() {
		const part = () => widgets.live(E('div', {}, []));
		const [ head, why, doubts, when ] = [ part(), part(), part(), part() ], shown = new Map();
		const number = widgets.live(E('summary', {}, []));
		const rows = E('div', {}, []), fold = E('details', { 'class': 'leash-items' }, [ number, rows ]);
		when.className = 'leash-faint leash-small';
		const update = ({ items }) => {
			const [ latest ] = items, several = items.length > 1;
			const first = words.headline(latest.said, 160), all = words.sentence(latest.said, 400);
			const what = words.several(latest.detector, items.length) || first;
			/* The subject of a finding is the device. */
			head.show([ latest.name, what ], () => E('h3', {}, [
				widgets.deviceLink(latest.device, latest.name), (latest.kind == 'finding' ? ' ' : ': ') + what
			]));
			const rest = all.startsWith(first) ? all.slice(first.length).replace(/^[:;：；]\s*/, '') : all;
			why.show(several ? '' : rest, () => several || !rest ? '' : E('p', {}, [ rest ]));
			doubts.show([ latest.detector, this.detectors ], () => this.doubts(latest));
			const count = items.reduce((sum, item) => sum + item.count, 0);
			const times = count > 1 ? ' · ' + _('%d times').format(count) : '';
			when.show([ words.ago(latest.time), times ], () => widgets.span(words.ago(latest.time) + times, {
				'title': words.date(latest.time)
			}));
			number.show(_('%d destinations').format(items.length));
			number.hidden = !several;
			if (!several) fold.open = true;
			this.list(rows, shown, items, () => this.item());
			for (const { node } of shown.values())
				node.firstChild.hidden = !several;
		};
		return { node: E('section', { 'class': 'leash-card' }, [ head, why, doubts, when, fold ]), update };
	},

	/* Returns what can be done about a destination, under what is said of it. */
	item() {
		const said = widgets.live(E('p', {}, [])), act = widgets.live(E('div', {}, []));
		const update = now => {
			const block = this.blocks.find(({ device, address }) => device == now.device && address == now.address);
			const pin = this.pins.find(({ device, target }) =>
				now.address && target == now.address && (!device || device == now.device));
			said.show(words.sentence(now.said, 400));
			const state = [
				block && words.until(block.until), pin && [ pin.verdict, words.until(pin.until) ],
				news.isHushed(now.key)
			];
			act.show(state, () => this.actions(now, block, pin));
		};
		return { node: E('div', { 'class': 'leash-item' }, [ said, act ]), update };
	},

	/* Returns what else a finding could be, by its detector. */
	doubts({ detector }) {
		const { fooled_by = [] } = this.detectors.detectors.find(({ name }) => name == detector) || {};
		return fooled_by.length ? E('details', { 'data-key': 'doubts' }, [
			E('summary', {}, [ _('It could also be') ]),
			E('ul', {}, [ ...fooled_by.map(reason => E('li', {}, [ words.translate(reason) ])) ])
		]) : '';
	},

	/* Returns the buttons of an item: what can be decided, or after that what was decided and a way back. */
	actions(item, block, pin) {
		const { key, device, address, name } = item, destination = words.clean(item.destination, 80);
		const about = words.clean(name || device, 60);
		const act = promise => widgets.attempt(promise, () => this.refresh());
		const hush = on => {
			news.hush(key, on);
			this.hushed.add(key);
			return this.refresh();
		};
		const undo = (label, click, more) => widgets.button(_('Undo'), click, 'neutral', Object.assign({
			'aria-label': label
		}, more));
		if (news.isHushed(key))
			return E('div', { 'class': 'leash-buttons' }, [
				undo(_('Tell me of this again'), () => hush(false), { 'disabled': null }),
				widgets.span(_('This browser is told no more of it.'), { 'class': 'leash-small' })
			]);
		if (block || pin) {
			const back = pin && pin.device ? api.unpin : api.unblock;
			return E('div', { 'class': 'leash-buttons' }, [
				block || pin.device
					? undo(_('Undo the decision on %s').format(destination), () => act(back(device, address)))
					: '',
				widgets.badge(block || pin.verdict == 'block' ? 'block' : 'allowed'),
				widgets.span(words.until((block || pin).until), { 'class': 'leash-small' })
			]);
		}
		const decide = (verdict, lasts) => () => act(api.decide(device, address, verdict, lasts));
		const button = (word, label, form, click, style) => widgets.button(label, click, style, {
			'data-act': word,
			'aria-label': form.format(destination, about)
		});
		return E('div', { 'class': 'leash-buttons' }, [
			...device && address ? [
				button('block', _('Block'), _('Block %s for %s'), decide('block'), 'negative'),
				button('allow', _('Allow'), _('Allow %s for %s'), decide('allow'), 'positive'),
				button('try', _('Try for 10 minutes'), _('Try for 10 minutes: block %s for %s'),
					decide('block', '10m'), 'action')
			] : [],
			item.kind == 'device' ? '' : widgets.button(_('Not again'), () => hush(true), 'neutral', {
				'data-act': 'hush',
				'disabled': null,
				'aria-label': _('Not again: %s').format([ about, destination ].filter(text => text).join(', '))
			})
		]);
	},

	build() {
		[ this.shown, this.hushed, this.most ] = [ new Map(), new Set(), FIRST_CARDS ];
		this.cards = E('div', { 'class': 'leash-cards leash-inbox' }, []);
		this.count = widgets.live(E('p', { 'role': 'status' }, []));
		this.seen = widgets.button(_('All seen'), () => {
			news.see(this.history);
			this.hushed.clear();
			this.count.focus();
			return this.refresh();
		}, 'action', { 'disabled': null, 'data-act': 'seen' });
		this.count.tabIndex = -1;
		this.more = widgets.button(_('Show all'), () => {
			this.most = Infinity;
			return this.refresh();
		}, 'neutral', { 'disabled': null });
		return widgets.page(_('Inbox'), [
			this.error,
			E('div', { 'class': 'cbi-section' }, [
				E('div', { 'class': 'cbi-section-descr' }, [
					_('What leash found and blocked, and the devices that came, since you last looked in this browser.')
				]),
				E('div', { 'class': 'leash-bar' }, [ this.count, this.seen ]),
				this.cards,
				this.more
			])
		]);
	}
}));
