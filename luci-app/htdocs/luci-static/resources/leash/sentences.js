'use strict';
'require baseclass';

/* leash writes English sentences. Here are their forms, so that the page can say them in another language. english()
 * has them translated with the texts of the page. */
const english = text => text;

/* %s is where they differ. The most special of those that fit comes first. */
const FORMS = [
	/* devices */
	english('is trusted: nobody looks at what it does'),
	english('talks to nobody outside the house'),
	english('calls only what it looked up, and asks for the time'),
	english('calls only what it looked up'),
	english('calls addresses'),
	english('its lookups could not be seen'),
	english('does nothing that leash knows to be wrong'),
	english('only %s'),
	english('%s and %s more, and asks for the time'),
	english('%s and %s more'),
	english('and %s more such'),
	/* findings */
	english('calls %s before it looked it up as %s'),
	english('calls %s although its one lookup never named it'),
	english('calls %s although none of its %s lookups named it'),
	english('another device looked it up as %s'),
	english('a STUN exchange confirms the peer, as calls and cameras do'),
	english('it asked only afterwards'),
	english('and it was watched since it started'),
	english('it may have asked before leash looked'),
	english('calls %s, which nothing explains, every %s, sending %s'),
	english('calls %s every %s, sending %s'),
	english('before it was every %s, %s'),
	english('called %s regularly, and has not for %s'),
	english('asks %s for names in the clear, past the router'),
	english('asks %s for names over %s, past the router'),
	english('called %s by its address %s times within %s after it was told that a name has none, the last time of %s'),
	english('called %s by its address %s times within %s after it was told that a name has none'),
	english('asked for %s names under %s within %s that look like pieces of data'),
	english('a way past every block'),
	english('asked for %s names within %s that do not exist and look made up, the last %s'),
	english('asked for %s names within %s that do not exist, the last %s'),
	english('tells %s a hardware address and a private word of this house, in the clear'),
	english('tells %s a hardware address of this house, in the clear'),
	english('tells %s a private word of this house, in the clear'),
	english('acts as a relay for others'),
	english('may act as a relay for others'),
	english('%s %% of what it exchanges with %s it exchanges with %s too, the other way round, minute by minute'),
	english('%s %% of what it exchanges with %s it exchanges with %s too, the other way round'),
	english('it waits %s ms before it speaks, as one does who asks somebody else first'),
	english('it speaks TLS in %s ways that it did not have before'),
	english('it was asked to as a proxy, or from outside'),
	english('is asked by %s to be its proxy (%s)'),
	english('uses %s as a proxy (%s)'),
	english('calls %s as %s, below %s, which the list %s names: %s'),
	english('calls %s as %s, below %s, which the list %s names'),
	english('calls %s as %s, which the list %s names: %s'),
	english('calls %s as %s, which the list %s names'),
	english('calls %s, which the list %s names: %s'),
	english('calls %s, which the list %s names'),
	english('but it is in a hosting network, where strangers share addresses'),
	english('but others may share the address, and it has another name'),
	english('but %s'),
	english('tried the doors of %s other devices of the house while it acted as a relay'),
	english('tried %s ports of one address within %s'),
	english('tried %s addresses at one port within %s'),
	english('tried %s addresses at %s ports within %s'),
	english('tried %s ports of %s addresses within %s'),
	english('%s of %s tries were in vain'),
	english('calls %s, whose domain and network are both new to it'),
	english('called %s networks in %s countries within an hour in which it did next to nothing'),
	english('called %s networks within an hour in which it did next to nothing'),
	english('sent %s to %s within an hour'),
	english('more than %s is unusual for it at that hour'),
	english('what is usual for it is not known yet'),
	/* reasons */
	english('blocked by your own pin'),
	english('allowed by your own pin'),
	english('the device is in mode local: no Internet'),
	english('you chose that %s alone is enough for a block'),
	english('one kind of evidence'),
	english('a block needs two, or block_on %s'),
	english('%s independent kinds of evidence'),
	english('blocked for this device alone'),
	english('%s uses it too'),
	english('%s knows it as %s'),
	/* what happened */
	english('a new device, made by %s'),
	english('a new device'),
	english('mode %s'),
	english('is called %s'),
	english('has no name any longer'),
	english('blocking is on'),
	english('blocking is off'),
	english('block %s until %s UTC'),
	english('block %s'),
	english('allow %s until %s UTC'),
	english('allow %s'),
	english('no pin on %s any longer'),
	english('%s is blocked'),
	english('%s is not blocked any longer'),
	english('the block of %s is over'),
	english('lists say otherwise now'),
	english('all that was known of it is forgotten'),
	/* doctor */
	english('flow offload is on'),
	english('names in handshakes are not seen, all else works'),
	english('no resolver answers on the LAN'),
	english('the devices ask somebody whom leash cannot see'),
	english('ubus refuses leash'),
	english('scripts and the page in LuCI cannot reach it'),
	english('ubus does not answer'),
	english('scripts and the page in LuCI cannot reach leash'),
	english('orders are not in the settings yet'),
	english('they are in force, and in leash\'s state only'),
	english('what leash knows does not outlive a restart'),
	english('not all LAN interfaces are there'),
	english('no lookup can be seen'),
	english('every contact stays unknown and nothing is found'),
	english('the query log %s is not there'),
	english('dnsmasq writes none, or elsewhere'),
	english('the query log %s has no questions in it'),
	english('%s lines of the query log may have been forged and were refused'),
	english('the receive buffer is capped at %s bytes'),
	english('flows may be missed in a storm'),
	english('conntrack\'s events ran over %s times'),
	english('leash looked again each time'),
	english('another tool zeroes conntrack\'s counters (%s times seen)'),
	english('sizes are too small'),
	english('nothing is blocked'),
	english('blocking is switched off'),
	english('conntrack is not there'),
	english('no flow can be seen'),
	english('conntrack does not count'),
	english('sizes are unknown, and first packets are not seen'),
	english('conntrack tells only of flows that begin while leash runs'),
	english('conntrack is full'),
	english('%s of %s flows'),
	english('new ones fail'),
	english('the clock is not set'),
	english('it says %s UTC'),
	english('leash is not in a jail'),
	english('a mistake in it could touch more of the router than it has to'),
	english('the resolver\'s answers cannot be tapped'),
	english('the first packets of flows cannot be seen'),
	english('nothing can be blocked'),
	english('the query log cannot be followed'),
	english('devices cannot be told apart'),
	english('the folder of lists %s is not there'),
	english('the list %s cannot be read'),
	english('the list %s has no line that can be read'),
	english('of the list %s %s entries do not fit'),
	english('the file of networks %s cannot be used'),
	english('the file of vendors %s cannot be used')
];

/* What stands in the place of a %s and is words, too. */
const INNER = [
	english('about %s'),
	english('over %s'),
	english('somebody else'),
	english('%s others'),
	english('people use it'),
	english('the time'),
	english('online checks'),
	english('updates'),
	english('how it is seen from outside'),
	english('asks for the time'),
	english('checks whether it is online'),
	english('asks for updates'),
	english('asks how it is seen from outside'),
	english('%s and %s'),
	english('%s, %s')
];

return baseclass.extend({
	/* What stands for a %s goes over no colon: behind it is another part. */
	patterns(forms) {
		const plain = form => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
		const escape = form => plain(form).replace(/%s/g, '((?:(?!: ).)+?)').replace(/%%/g, '%');
		return forms.map(form => [ RegExp('^' + escape(form) + '$'), form ]);
	},

	/* A part of a sentence in other words, or nothing when it has none of these forms. */
	other(patterns, part) {
		for (const [ pattern, form ] of patterns) {
			const found = part.match(pattern);
			if (found) return _(form).format(...found.slice(1).map(inner => this.other(this.inner, inner) || inner));
		}
	},

	clause(part, missing) {
		const whole = this.other(this.forms, part), [ first, ...rest ] = part.split(': ');
		if (whole) return whole;
		if (rest.length) return this.clause(first, missing) + ': ' + this.clause(rest.join(': '), missing);
		if (missing) missing.push(part);
		return part;
	},

	/* A sentence of leash's in the language of the page. What has no form stays as it is, and is added to `missing`. */
	say(sentence, missing) {
		const says = String(sentence ?? '');
		this.foreign = this.foreign ?? FORMS.some(form => _(form) != form);
		if (!this.foreign) return says;
		this.forms = this.forms || this.patterns(FORMS);
		this.inner = this.inner || this.patterns(INNER);
		/* A page that is refreshed says most of it again. */
		if (!this.said || this.said.size > 2000) this.said = new Map();
		if (missing || !this.said.has(says))
			this.said.set(says, says.split('; ').map(part => this.clause(part, missing)).join('; '));
		return this.said.get(says);
	}
});
