'use strict';
'require baseclass';

/* Texts for people: how names, sizes and times are written, and what leash's words are called on the page. All of it
 * returns plain strings. They can hold what strangers sent, so they are shown as text only: see leash.widgets. */

const HOUR = 3600;

const UNITS = [ 'B', 'kB', 'MB', 'GB', 'TB' ];

/* Characters that cannot be seen, and those that turn the direction of the text around them. */
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const LABELS = {
	/* verdicts */
	'allow': _('calm'),
	'chosen': _('as you chose'),
	'would-block': _('would be blocked'),
	'watch': _('watch'),
	'block': _('blocked'),
	'allowed': _('allowed'),
	'new': _('new'),
	/* what explains an address */
	'lookup': _('looked up'),
	'none': _('never looked up'),
	'other-device': _('looked up by another device'),
	'unknown': _('unknown'),
	/* how strong a finding is */
	'weak': _('a hint'),
	'fair': _('likely'),
	'strong': _('certain'),
	/* how bad a complaint is */
	'error': _('error'),
	'warning': _('warning')
};

/* The names of countries, made when they are first asked for. */
let countries;

/* What names are for; the words of lists that ship. */
const CATEGORIES = {
	'advertising': _('advertising'),
	'telemetry': _('telemetry'),
	'time': _('the time'),
	'update': _('updates'),
	'own-address': _('asks for its public address')
};

/* Several findings of one detector in a few words. */
const SEVERAL = {
	'direct-ip': _('calls %d addresses that it never looked up'),
	'beacon': _('calls %d addresses in an unusual rhythm'),
	'bypass': _('asks %d servers other than the router for names'),
	'plaintext': _('tells %d addresses something private, in the clear'),
	'reputation': _('calls %d addresses that lists warn about'),
	'spread': _('calls %d addresses that are new to it'),
	'upload': _('sends more than usual to %d addresses')
};

/* Programs that ask for an address by DHCP: their names stand where the vendor's should, and tell nothing about it. */
const DHCP_CLIENT = /^(udhcp|dhcpcd|dhclient|android-dhcp|lwip)/i;

return baseclass.extend({
	/* The modes of a device: what they are called, and what they mean. */
	MODES: {
		'trust': [ _('trust'), _('not watched') ],
		'observe': [ _('observe'), _('shown, never blocked') ],
		'guard': [ _('guard'), _('bad destinations are blocked') ],
		'local': [ _('local'), _('no Internet, except for the time') ]
	},

	/* Returns what a mode is called and means. */
	mode(mode) {
		return this.MODES[mode] ? '%s: %s'.format(...this.MODES[mode]) : mode;
	},

	/* Returns a text that can be shown: leash writes bytes that are not plain ASCII as \DDD, and they are read as UTF-8
	 * here; what cannot be seen is replaced; what is longer than `limit` characters is cut. */
	clean(value, limit) {
		const decode = escapes => new TextDecoder().decode(Uint8Array.from(escapes.slice(1).split('\\'), Number));
		const shown = String(value ?? '').replace(/(?:\\[012]\d\d)+/g, decode).replace(INVISIBLE, '\ufffd');
		return limit && shown.length > limit ? shown.slice(0, limit - 1) + '…' : shown;
	},

	/* Returns a sentence of leash's in the language of the page: its form is translated and filled with its values. A
	 * value can be a sentence itself, { form, values }. What looks like a gap in a value stays as it is. */
	sentence(sentence, limit) {
		return this.clean(this.fill(_(sentence.form), sentence.values), limit);
	},

	fill(form, values) {
		return form.format(...values.map(value => value.form ? this.fill(_(value.form), value.values) : value));
	},

	/* Returns a sentence as a list of its texts and of what make(value) returns for each value. */
	parts({ form, values }, make) {
		const rest = [ ...values ];
		/* Pieces of the form stand between what is captured: the kinds of its gaps. */
		return _(form).split(/%([s%])/).map((piece, i) => {
			if (i % 2 == 0) return piece;
			if (piece == '%') return '%';
			const value = rest.shift();
			return value.form ? this.parts(value, make) : make(this.clean(value));
		}).flat();
	},

	/* Returns the beginning of a sentence: up to its first colon or semicolon, behind which the reasons are. */
	headline(sentence, limit) {
		const [ head ] = _(sentence.form).split(/[:;] |[：；]/);
		const [ first ] = sentence.values;
		if (head == '%s' && first.form) return this.headline(first, limit);
		const gaps = head.replaceAll('%%', '').split('%s').length - 1;
		return this.clean(this.fill(head, sentence.values.slice(0, gaps)), limit);
	},

	/* Returns a text of leash's in the language of the page. */
	translate(text) {
		return _(text);
	},

	/* Returns the label of one of the words of leash's answers. */
	label(word) {
		return LABELS[word] || word;
	},

	/* Returns what `count` findings of a detector have in common; nothing where there are no words for it. */
	several(detector, count) {
		return count > 1 && SEVERAL[detector] ? SEVERAL[detector].format(count) : null;
	},

	deviceName(device) {
		return this.clean(device.label || device.name || device.mac || device.device, 60);
	},

	/* Returns who made a device, as far as one can tell. */
	vendor(device) {
		const vendorClass = this.clean(device.vendor_class || '', 60);
		if (device.vendor) return this.clean(device.vendor, 40);
		if (vendorClass && !DHCP_CLIENT.test(vendorClass)) return vendorClass;
		return parseInt(device.mac, 16) & 2 ? _('random hardware address') : '';
	},

	/* Returns what a contact's address was looked up as. What the device itself says there is no name of it. */
	contactName(contact) {
		return this.clean((contact.names || [])[0] || contact.address, 80);
	},

	/* Returns the name that a device gives at an address and that no lookup backs; nothing where there is none. */
	claim({ claimed_name }) {
		return claimed_name ? _('says it wants %s').format(this.clean(claimed_name, 80)) : '';
	},

	service(contact) {
		return contact.service || [contact.protocol, contact.port].filter(Boolean).join(' ');
	},

	/* Returns whose an address is, and where: the service and region of a cloud, or else the owner and country. */
	whose({ asn, owner, cloud, region, country }) {
		const name = cloud || owner || (asn && 'AS' + asn);
		return [ name, region || (country && this.country(country)) ].filter(Boolean).join(', ');
	},

	/* Returns the name of a country in the language of the page; its letters where the browser knows none. */
	country(letters) {
		try {
			const language = document.documentElement.lang || 'en';
			countries = countries || new Intl.DisplayNames([ language ], { type: 'region' });
			return countries.of(letters);
		}
		catch {
			return letters;
		}
	},

	/* Returns what a name is for, by its category. */
	category(word) {
		return CATEGORIES[word] || this.clean(word || '', 40);
	},

	/* Returns why not all lookups of a device are seen; nothing where they are. */
	coverage({ coverage }) {
		if (!coverage || coverage.level == 'full') return '';
		const reasons = coverage.reasons.map(reason => this.sentence(reason));
		return _('not all of its lookups are seen: %s').format(reasons.join('; '));
	},

	/* Returns the first items of a list, and how many more there are. */
	list(items, most) {
		const first = items.slice(0, most).join(', ');
		return items.length > most ? first + ' ' + _('and %d more').format(items.length - most) : first;
	},

	/* Returns whether every word that is searched for is in one of the texts. */
	matches(search, texts) {
		const all = texts.join(' ').toLowerCase();
		return search.trim().toLowerCase().split(/\s+/).every(word => all.includes(word));
	},

	/* Returns a number of bytes as leash's own sentences have it: 317 B, 1.2 kB, 34 MB, in powers of ten. */
	bytes(count) {
		let value = count || 0, unit = 0;
		for (; value >= 999.5 && unit < UNITS.length - 1; unit++)
			value /= 1000;
		return '%s %s'.format(value.toFixed(unit && value < 9.95 ? 1 : 0), UNITS[unit]);
	},

	/* Returns how fast bytes are sent and received; nothing where they are not. */
	rate({ sent, received }) {
		return [ [ '↑', sent ], [ '↓', received ] ].filter(([ , rate ]) => rate >= 1)
			.map(([ arrow, rate ]) => '%s %s/s'.format(arrow, this.bytes(rate))).join('  ');
	},

	/* Returns whether a name is `domain` or below it. */
	isBelow(name, domain) {
		return name == domain || name.endsWith('.' + domain);
	},

	date(seconds) {
		return seconds ? new Date(seconds * 1000).toLocaleString() : '';
	},

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
		if (left < 90 * 60) return _('for another %d min').format(Math.max(1, Math.round(left / 60)));
		if (left < 36 * HOUR) return _('for another %d h').format(Math.round(left / HOUR));
		return _('until %s').format(this.date(seconds));
	}
});
