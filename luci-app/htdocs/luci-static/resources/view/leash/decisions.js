'use strict';
'require view';
'require leash.api as api';
'require leash.parts as parts';

return view.extend(parts.asking({
	ask() {
		return Promise.all([ api.blocks(), api.pins(), api.history() ]);
	},

	show([ { blocks }, { pins }, { history } ]) {
		const again = promise => parts.order(promise, () => this.refresh());
		parts.rows(this.blocks.body, this.known.blocks, blocks, block => block.device + ' ' + block.address, block => {
			const cells = [ parts.cell(_('Device'), 'leash-first'), parts.cell(_('Destination'), 'leash-first'), parts.cell(_('Why')), parts.cell(_('Until'), 'leash-small'), parts.cell(_('Stopped'), 'leash-nowrap'), parts.cell('') ];
			cells[5].show(1, () => parts.button(_('Undo'), () => again(api.unblock(block.device, block.address)), 'neutral', { 'aria-label': _('Undo the block of %s').format(block.address) }));
			return {
				node: E('tr', { 'data-address': block.address }, cells),
				update: now => {
					cells[0].show([ now.name ], () => parts.link(now.device, now.name));
					cells[1].show(now.address);
					cells[2].show(parts.say(now.reason, 400));
					cells[3].show(parts.until(now.until));
					cells[4].show(now.stopped_packets ? _('%d packets, %s').format(now.stopped_packets, parts.bytes(now.stopped_bytes)) : _('nothing yet'));
				}
			};
		});
		this.noBlocks.hidden = blocks.length > 0;
		parts.rows(this.pins.body, this.known.pins, pins, pin => [ pin.device, pin.target, pin.verdict ].join(' '), pin => {
			const cells = [ parts.cell(_('Device'), 'leash-first'), parts.cell(_('Destination'), 'leash-first'), parts.cell(_('Decision')), parts.cell(_('Until'), 'leash-small'), parts.cell('') ];
			cells[4].show(1, () => parts.button(_('Undo'), () => again(api.unpin(pin.device, pin.target)), 'neutral', { 'aria-label': _('Undo the decision on %s').format(pin.target) }));
			return {
				node: E('tr', { 'data-target': pin.target }, cells),
				update: now => {
					cells[0].show([ now.name ], () => now.device ? parts.link(now.device, now.name) : parts.text(_('all devices')));
					cells[1].show(parts.clean(now.target, 120));
					cells[2].show(now.verdict, () => parts.word(now.verdict == 'allow' ? 'allowed' : 'block'));
					cells[3].show(parts.until(now.until));
				}
			};
		});
		this.noPins.hidden = pins.length > 0;
		const told = this.story(history);
		parts.rows(this.history.body, this.known.history, told, record => record.key, record => {
			const says = parts.cell(_('What happened'));
			return {
				node: E('tr', {}, [
					E('td', { 'class': 'leash-small leash-nowrap' }, [ parts.text(parts.date(record.time)) ]),
					E('td', { 'class': 'leash-first' }, record.device ? [ parts.link(record.device, record.name) ] : []),
					says
				]),
				update: now => says.show(parts.say(now.what == 'finding' ? now.says.replace(/^[a-z-]+: /, '') : now.says, 400) + (now.more ? ' ' + _('(and %d more such)').format(now.more) : ''))
			};
		});
		this.noHistory.hidden = told.length > 0;
	},

	/* The latest first; findings of one detector that follow each other within an hour are one. */
	story(history) {
		const told = [];
		for (const record of history) {
			const kind = [ record.device, record.what, record.says.split(': ')[0] ].join(' '), before = told[told.length - 1];
			if (before && record.what == 'finding' && before.kind == kind && record.time - before.time < 3600)
				before.more++;
			else
				told.push(Object.assign({ kind, more: 0, key: [ record.time, kind, told.length ].join(' ') }, record));
		}
		return told.reverse().slice(0, 200);
	},

	build() {
		this.known = { blocks: new Map(), pins: new Map(), history: new Map() };
		this.blocks = parts.table([ _('Device'), _('Destination'), _('Why'), _('Until'), _('Stopped'), '' ]);
		this.pins = parts.table([ _('Device'), _('Destination'), _('Decision'), _('Until'), '' ]);
		this.history = parts.table([ _('When'), _('Device'), _('What happened') ]);
		[ this.noBlocks, this.noPins, this.noHistory ] = [ _('Nothing is blocked.'), _('You decided nothing yet. The buttons of a device do that.'), _('Nothing happened yet.') ].map(says => parts.none(says));
		const section = (title, about, children) => E('div', { 'class': 'cbi-section' }, [ E('h3', {}, [ parts.text(title) ]), E('p', { 'class': 'leash-faint' }, [ parts.text(about) ]) ].concat(children));
		return parts.page(_('Decisions'), [
			this.error,
			section(_('Blocked now'), _('Each block is for one device. Time and what a device needs to work are never blocked.'), [ this.blocks.node, this.noBlocks ]),
			section(_('Your own decisions'), _('They beat what leash finds.'), [ this.pins.node, this.noPins ]),
			section(_('History'), _('Since leash was started, the latest first.'), [ this.history.node, this.noHistory ])
		]);
	}
}));
