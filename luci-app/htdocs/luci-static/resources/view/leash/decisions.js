'use strict';
'require view';
'require leash.api as api';
'require leash.widgets as widgets';
'require leash.words as words';

const HOUR = 3600;
const MOST_RECORDS = 200;

/* Returns the history, the latest first. Findings of one detector that follow each other within an hour are one
 * record, which counts the others in `more`. */
function summarised(history) {
	const shown = [];
	for (const record of history) {
		const { device, kind, time } = record;
		/* The message of a finding is its detector and what that says. */
		const [ detector, message ] = kind == 'finding' ? record.values : [ null, record ];
		const group = [ device, kind, detector ].join(' ');
		const before = shown[shown.length - 1];
		if (before && detector && before.group == group && time - before.time < HOUR)
			before.more++;
		else
			shown.push({ time, device, name: record.name, message, group, more: 0 });
	}
	shown.forEach((record, i) => record.key = [ record.time, record.group, i ].join(' '));
	return shown.reverse().slice(0, MOST_RECORDS);
}

/* Returns whether a block follows from a decision on an address, or on a name and all names below it. One on a prefix
 * keeps its blocks as rows of their own. */
function follows(block, pin) {
	const isOf = name => name == pin.target || name.endsWith('.' + pin.target);
	return block.by == 'pin' && (!pin.device || pin.device == block.device) &&
		(block.address == pin.target || (block.names || []).some(isOf));
}

/* Returns the decisions, each with what it stopped, and the blocks that follow from none of them. */
function together(blocks, pins) {
	const blocking = pins.filter(pin => pin.verdict == 'block');
	const rest = blocks.filter(block => !blocking.some(pin => follows(block, pin)));
	const sum = (own, member) => own.reduce((all, block) => all + (block[member] || 0), 0);
	const decided = pins.map(pin => {
		const own = pin.verdict == 'block' ? blocks.filter(block => follows(block, pin)) : [];
		return Object.assign({}, pin, {
			blocked: own.length,
			stopped_packets: sum(own, 'stopped_packets'),
			stopped_bytes: sum(own, 'stopped_bytes')
		});
	});
	return [ rest, decided ];
}

/* Returns how much was stopped, in words. */
function stopped({ stopped_packets, stopped_bytes }) {
	return stopped_packets
		? _('%d packets, %s').format(stopped_packets, words.bytes(stopped_bytes))
		: _('nothing yet');
}

return view.extend(widgets.pollingView({
	fetch() {
		return Promise.all([ api.blocks(), api.pins(), api.history() ]);
	},

	show([ { blocks }, { pins }, { history } ]) {
		const [ rest, decided ] = together(blocks, pins);
		this.blocks.update(rest, blocks.length ? _('Nothing but what you decided.') : _('Nothing is blocked.'));
		this.pins.update(decided, _('No decisions yet. The buttons on a device’s page make them.'));
		this.history.update(summarised(history), _('Nothing has happened yet.'));
	},

	undo(label, act) {
		const undo = () => widgets.attempt(act(), () => this.refresh());
		return widgets.button(_('Undo'), undo, 'neutral', { 'aria-label': label });
	},

	/* Returns an address or a name, with the name under which the device looked the address up. */
	destination(target, [ name ] = []) {
		const shown = words.clean(target, 120);
		if (!name) return shown;
		return [ words.clean(name, 80), E('div', { 'class': 'leash-faint leash-small' }, [ shown ]) ];
	},

	blockRow(block) {
		const cells = {
			device: widgets.cell(_('Device'), 'leash-first'),
			destination: widgets.cell(_('Destination'), 'leash-first'),
			why: widgets.cell(_('Why')),
			until: widgets.cell(_('Until'), 'leash-nowrap leash-small'),
			stopped: widgets.cell(_('Stopped'), 'leash-nowrap'),
			undo: widgets.cell('')
		};
		const label = _('Undo the block of %s').format(block.address);
		cells.undo.show(label, () => this.undo(label, () => api.unblock(block.device, block.address)));
		const update = now => {
			cells.device.show(now.name, () => widgets.deviceLink(now.device, now.name));
			cells.destination.show([ now.address, now.names ], () => this.destination(now.address, now.names));
			cells.why.show(words.sentence(now.reason, 400));
			cells.until.show(words.until(now.until));
			cells.stopped.show(stopped(now));
		};
		return { node: widgets.row(cells, { 'data-address': block.address }), update };
	},

	pinRow(pin) {
		const cells = {
			device: widgets.cell(_('Device'), 'leash-first'),
			destination: widgets.cell(_('Destination'), 'leash-first'),
			decision: widgets.cell(_('Decision')),
			until: widgets.cell(_('Until'), 'leash-nowrap leash-small'),
			stopped: widgets.cell(_('Stopped'), 'leash-nowrap'),
			undo: widgets.cell('')
		};
		const label = _('Undo the decision on %s').format(pin.target);
		cells.undo.show(label, () => this.undo(label, () => api.unpin(pin.device, pin.target)));
		const update = now => {
			cells.device.show([ now.name ], () => now.device
				? widgets.deviceLink(now.device, now.name)
				: _('all devices'));
			cells.destination.show([ now.target, now.names ], () => this.destination(now.target, now.names));
			cells.decision.show(now.verdict, () => widgets.badge(now.verdict == 'allow' ? 'allowed' : 'block'));
			cells.until.show(words.until(now.until));
			cells.stopped.show(now.blocked ? stopped(now) : '');
		};
		return { node: widgets.row(cells, { 'data-target': pin.target }), update };
	},

	recordRow(record) {
		const cells = {
			time: widgets.cell(_('When'), 'leash-small leash-nowrap'),
			device: widgets.cell(_('Device'), 'leash-first'),
			message: widgets.cell(_('What happened'))
		};
		cells.time.show(words.date(record.time));
		if (record.device)
			cells.device.show(record.device, () => widgets.deviceLink(record.device, record.name));
		const update = now => {
			const more = now.more ? ' ' + _('(and %d more like it)').format(now.more) : '';
			cells.message.show(words.sentence(now.message, 400) + more);
		};
		return { node: widgets.row(cells), update };
	},

	build() {
		const actions = () => widgets.unseen(_('Actions'));
		this.blocks = widgets.table(_('Blocked now'),
			[ _('Device'), _('Destination'), _('Why'), _('Until'), _('Stopped'), actions() ],
			block => block.device + ' ' + block.address, block => this.blockRow(block));
		this.pins = widgets.table(_('Your own decisions'),
			[ _('Device'), _('Destination'), _('Decision'), _('Until'), _('Stopped'), actions() ],
			pin => [ pin.device, pin.target, pin.verdict ].join(' '), pin => this.pinRow(pin));
		this.history = widgets.table(_('History'),
			[ _('When'), _('Device'), _('What happened') ],
			record => record.key, record => this.recordRow(record));
		return widgets.page(_('Decisions'), [
			this.error,
			widgets.section(_('Blocked now'),
				_('A block concerns one device. ' +
					'Time servers, the router and its resolvers are never blocked automatically.'),
				[ this.blocks.node ]),
			widgets.section(_('Your own decisions'),
				_('They take precedence over what leash finds.'),
				[ this.pins.node ]),
			widgets.section(_('History'), _('The latest first.'), [ this.history.node ])
		]);
	}
}));
