'use strict';
'require baseclass';
'require leash.words as words';

/* What the page works out of leash's answers: findings by detector, contacts by destination. */

const HOUR = 3600;

/* Over what time rates are told, in milliseconds; of a time that is shorter or longer than the other two, none are. */
const RATE_OVER = 9000, RATE_LEAST = 3000, RATE_MOST = 30000;

/* The first of two words in an order. */
const first = (order, a, b) => order.indexOf(a) < order.indexOf(b) ? a : b;

/* The worst first. */
const VERDICTS = [ 'block', 'watch', 'allow' ];
/* What a destination has when one of its contacts has it. */
const FIRST_KNOWN = [
	'names', 'claimed_name', 'listed', 'looked_up_by', 'network', 'guard_verdict', 'findings', 'purpose',
	'category'
];
const EXPLAINED = [ 'none', 'other-device', 'unknown', 'lookup', undefined ];

/* How bad a device is by its strongest finding, where leash does not say it. */
const SEVERITIES = { 'weak': 2, 'fair': 3, 'strong': 4 };

return baseclass.extend({
	VERDICTS,

	/* Returns how bad a device is: 3 and more for what is likely or certain, 2 for a hint, 1 for what its owner chose,
	 * 0 for nothing. */
	severity(device) {
		const [ finding ] = device.findings || [];
		return device.severity ?? (finding ? SEVERITIES[finding.strength] : device.verdict == 'block' ? 1 : 0);
	},

	/* Orders devices: the worst first, and of equals those that are not blocked yet. */
	worstFirst(a, b) {
		return this.severity(b) - this.severity(a) ||
			VERDICTS.indexOf(b.verdict) - VERDICTS.indexOf(a.verdict) ||
			(b.findings || []).length - (a.findings || []).length;
	},

	/* Returns the word for how a device or a contact stands: its verdict; what follows from its owner's wish; what
	 * would be blocked if blocking were on. */
	standing({ verdict, chosen, enforced }, blocking) {
		if (verdict != 'block') return chosen ? 'chosen' : verdict;
		return enforced === false || blocking === false ? 'would-block' : chosen ? 'chosen' : 'block';
	},

	/* Returns findings by detector, the strongest first: [{ detector, findings, summary }]. */
	byDetector(findings) {
		const groups = new Map();
		for (const finding of findings || [])
			groups.set(finding.detector, (groups.get(finding.detector) || []).concat(finding));
		return [ ...groups ].map(([ detector, findings ]) => {
			const addresses = new Set(findings.map(finding => finding.address));
			const summary = words.several(detector, addresses.size) || words.headline(findings[0], 160);
			return { detector, findings, summary };
		});
	},

	/* Returns what a device does, in a few words each. */
	activity(device) {
		const groups = this.byDetector(device.findings);
		return groups.length ? groups.map(group => group.summary) : [ words.sentence(device, 200) ];
	},

	/* Returns the addresses that the strong findings of a device are about. */
	strongAddresses(device) {
		const strong = (device.findings || []).filter(finding => finding.strength == 'strong');
		return new Set(strong.map(finding => finding.address));
	},

	/* Returns contacts with the same address as one, which has all of them as `contacts`: numbers are added up, and the
	 * worst verdict and explanation count. */
	byDestination(contacts) {
		const found = new Map();
		for (const contact of contacts || []) {
			const key = contact.address + (contact.inbound ? ' inbound' : '');
			const sum = found.get(key);
			if (!sum) {
				found.set(key, Object.assign({}, contact, { key, contacts: [ contact ] }));
				continue;
			}
			sum.contacts.push(contact);
			for (const name of [ 'sent_bytes', 'received_bytes', 'flows' ])
				sum[name] += contact[name];
			sum.first = Math.min(sum.first, contact.first);
			sum.last = Math.max(sum.last, contact.last);
			sum.verdict = first(VERDICTS, sum.verdict, contact.verdict);
			sum.explained = first(EXPLAINED, sum.explained, contact.explained);
			for (const name of FIRST_KNOWN)
				sum[name] ||= contact[name];
			if (sum.verdict == contact.verdict)
				Object.assign(sum, { chosen: contact.chosen, enforced: contact.enforced });
		}
		return [ ...found.values() ];
	},

	/* Returns take(items, key), to be called with each answer: it returns how fast the counts of an item grow, in bytes
	 * a second, as a function of the item. They are counted over some ten seconds, because leash counts in steps. */
	rates() {
		const answers = [];
		return (items, key) => {
			const now = window.performance.now();
			answers.push({ now, counts: new Map(items.map(item => [ key(item), item ])) });
			while (answers.length > 1 && now - answers[1].now >= RATE_OVER) answers.shift();
			const [ { now: then, counts } ] = answers, past = now - then;
			return item => {
				const before = counts.get(key(item));
				const rate = name => before && past >= RATE_LEAST && past <= RATE_MOST
					? Math.max(0, item[name] - before[name]) / past * 1000 : 0;
				return { sent: rate('sent_bytes'), received: rate('received_bytes') };
			};
		};
	},

	/* Returns the hours since 1970 in which a contact was active. Bit n of `active_hours` is n hours before `last`. */
	activeHours(contact) {
		const last = Math.floor(contact.last / HOUR);
		return [ ...Array(24).keys() ].filter(n => contact.active_hours >> n & 1).map(n => last - n);
	}
});
