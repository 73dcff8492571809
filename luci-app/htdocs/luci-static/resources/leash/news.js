'use strict';
'require baseclass';

/* What is new since the user of this browser last looked. The browser remembers the latest record that was seen, and of
 * what it is told no more. */

const SEEN = 'leash-seen', HUSHED = 'leash-not-again';

/* Kinds of records that are news: what leash did or saw by itself. */
const NEWS = [ 'finding', 'block', 'device' ];

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

	/* Returns what is new, the latest first: an object for all records of one device, detector and destination. What
	 * was found on a destination that was blocked for it is part of the block. `kept` are keys that are not left
	 * out. */
	cards(history, kept = []) {
		const seen = recall(SEEN, { number: 0, time: 0 }), hushed = recall(HUSHED, []);
		const cards = new Map();
		for (const record of history) {
			const isNew = record.number > seen.number || record.time > seen.time;
			if (!isNew || !NEWS.includes(record.kind)) continue;
			const { kind, device, name, address, detector, time } = record, destination = destinationOf(record);
			const key = [ device, detector || kind, destination ].join(' ');
			if (hushed.includes(key) && !kept.includes(key)) continue;
			const { count = 0 } = cards.get(key) || {};
			cards.delete(key);
			/* The message of a finding is its detector and what that says. */
			const said = kind == 'finding' ? record.values[1] : record;
			const card = { key, kind, device, name, address, destination, detector, time, said };
			cards.set(key, Object.assign(card, { count: count + 1 }));
		}
		const blocks = [ ...cards.values() ].filter(({ kind }) => kind == 'block');
		for (const card of [ ...cards.values() ].filter(({ kind }) => kind == 'finding')) {
			const block = blocks.find(({ device, address }) => device == card.device && address == card.address);
			if (!block) continue;
			block.detector = block.detector || card.detector;
			cards.delete(card.key);
		}
		return [ ...cards.values() ].reverse();
	}
});
