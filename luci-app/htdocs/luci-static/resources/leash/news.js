'use strict';
'require baseclass';

/* What is new since the user of this browser last looked. The browser remembers the latest record that was seen, and of
 * what it is told no more. */

const SEEN = 'leash-seen', HUSHED = 'leash-not-again';

/* Kinds of records that are news: what leash did or saw by itself. */
const NEWS = [ 'finding', 'block', 'device' ];

/* Detectors of what harms others. */
const HARMS = [ 'relay', 'scan', 'reputation' ];

/* Of how much this browser is told no more; the oldest makes room. */
const MOST_HUSHED = 500;

/* Returns what the browser remembers, or `otherwise`. */
function recall(name, otherwise) {
	try {
		return JSON.parse(window.localStorage.getItem(name)) || otherwise;
	}
	catch {
		return otherwise;
	}
}

function remember(name, value) {
	window.localStorage.setItem(name, JSON.stringify(value));
}

const destinationOf = ({ names = [], address = '' }) => names[0] || address;

return baseclass.extend({
	/* Remembers that all of the history was seen. Numbers begin anew where leash lost its state, and times go back
	 * where the clock does, so both are kept. */
	see(history) {
		const [ latest ] = history.slice(-1);
		if (latest) remember(SEEN, { number: latest.number, time: latest.time });
	},

	/* Has this browser be told no more of what is alike, or be told again. */
	hush(key, on) {
		const others = recall(HUSHED, []).filter(other => other != key);
		remember(HUSHED, (on ? [ ...others, key ] : others).slice(-MOST_HUSHED));
	},

	isHushed(key) {
		return recall(HUSHED, []).includes(key);
	},

	/* Returns what is new: an item for all records of one device, detector and destination, the latest first. `kept`
	 * are keys of items that are not left out. */
	items(history, kept) {
		const seen = recall(SEEN, { number: 0, time: 0 }), hushed = recall(HUSHED, []);
		const items = new Map();
		for (const record of history) {
			const isNew = record.number > seen.number || record.time > seen.time;
			if (!isNew || !NEWS.includes(record.kind)) continue;
			const { kind, device, name, address, detector, time } = record, destination = destinationOf(record);
			const key = [ device, detector || kind, destination ].join(' ');
			if (hushed.includes(key) && !kept.includes(key)) continue;
			const { count = 0 } = items.get(key) || {};
			items.delete(key);
			/* The message of a finding is its detector and what that says. */
			const said = kind == 'finding' ? record.values[1] : record;
			const item = { key, kind, device, name, address, destination, detector, time, said };
			items.set(key, Object.assign(item, { count: count + 1 }));
		}
		return [ ...items.values() ].reverse();
	},

	/* Returns the cards of what is new, the worst first and of equals the latest: findings of a device and a detector
	 * are one, with all their `items`. What was found on a destination that was blocked for it is part of the block. */
	cards(history, kept = []) {
		const cards = new Map(), items = this.items(history, kept);
		const blocks = items.filter(({ kind }) => kind == 'block');
		for (const item of items) {
			const { device, address, kind, detector } = item, finds = kind == 'finding';
			const block = finds && blocks.find(it => it.device == device && it.address == address);
			if (block) block.detector = block.detector || detector;
			if (block) continue;
			const key = finds ? [ device, detector ].join(' ') : item.key;
			if (!cards.has(key)) cards.set(key, { key, items: [] });
			cards.get(key).items.push(item);
		}
		const rank = ({ items: [ { kind, detector } ] }) =>
			HARMS.includes(detector) ? 0 : [ 'block', 'finding', 'device' ].indexOf(kind) + 1;
		return [ ...cards.values() ].sort((a, b) => rank(a) - rank(b));
	}
});
