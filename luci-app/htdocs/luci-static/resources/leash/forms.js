'use strict';

/* Made of the sentences in src/ by a test (UPDATE_GOLDEN=1 cargo test --test package): do not edit.
 *
 * What leash says, for LuCI's scanner of strings (build/i18n-scan.pl), which finds a text only where it stands as a
 * literal in a call of _(). Nothing loads this file. LuCI sends a page all translations of its language at once, and
 * _() looks a text up by its hash, so that leash/words.js can translate the forms that come in leash's answers. */

/* src/README.md */
_('logs in to %s over telnet, %s times');

/* src/detect/beacon.rs */
_('calls %s every %s, sending %s; before, it was every %s, %s');
_('called %s regularly, and has not for %s');
_('calls %s, which nothing explains, every %s, sending %s');

/* src/detect/bypass.rs */
_('in the clear');
_('over TLS');
_('over HTTPS');
_('over QUIC');
_('asks %s for names %s, past the router');
_('called %s by its address %s times within %s after it was told that a name has none, the last time of %s');
_('called %s by its address %s times within %s after it was told that a name has none');

/* src/detect/direct_ip.rs */
_('another device looked it up as %s');
_('a STUN exchange confirms the peer, as calls and cameras do');
_('it asked only afterwards');
_('and it has been watched since it started');
_('it may have asked before leash was watching');
_('calls %s before it looked it up as %s');
_('calls %s although its one lookup never named it');
_('calls %s although none of its %s lookups named it');

/* src/detect/names.rs */
_('a domain that cannot be read');
_('asked for %s names under %s within %s that look like pieces of data: a way past every block');
_('asked for %s names within %s that do not exist and look made up, the last %s');
_('asked for %s names within %s that do not exist, the last %s');

/* src/detect/plaintext.rs */
_('tells %s a hardware address and a private word of this house, in the clear');
_('tells %s a hardware address of this house, in the clear');
_('tells %s a private word of this house, in the clear');

/* src/detect/relay.rs */
_('somebody else');
_('%s others');
_('%s %% of what it exchanges with %s it exchanges with %s too, the other way round, minute by minute');
_('%s %% of what it exchanges with %s it exchanges with %s too, the other way round');
_('may act as a relay for others: %s');
_('acts as a relay for others: %s');
_('it waits %s ms before it speaks, as one does who asks somebody else first');
_('it speaks TLS in %s ways that it did not have before');
_('it was asked to as a proxy, or from outside');
_('but it is in a call');
_('but it is one end of a VPN');
_('but people use it');
_('is asked by %s to be its proxy (%s)');
_('uses %s as a proxy (%s)');

/* src/detect/reputation.rs */
_('but it is in a hosting network, where strangers share addresses');
_('but others may share the address, and it has another name');
_('calls %s as %s, which the list \'%s\' names');
_('calls %s as %s, below %s, which the list \'%s\' names');
_('calls %s, which the list \'%s\' names');
_('%s: %s');

/* src/detect/scan.rs */
_('tried to reach %s other devices of the house while it acted as a relay');
_('tried %s addresses at one port within %s');
_('tried %s ports of one address within %s');
_('tried %s addresses at %s ports within %s');
_('tried %s ports of %s addresses within %s');
_('%s of %s attempts were not answered');

/* src/detect/spread.rs */
_('calls %s, whose domain and network are both new to it');
_('called %s networks in %s countries within an hour in which it did next to nothing');
_('called %s networks within an hour in which it did next to nothing');

/* src/detect/upload.rs */
_('more than %s is unusual for it at that hour');
_('what is usual for it is not known yet');
_('sent %s to %s within an hour');

/* src/engine/enforcement.rs */
_('mode %s');
_('no longer has a name');
_('is called %s');
_('blocking is on');
_('blocking is off');
_('block %s');
_('block %s until %s UTC');
_('allow %s');
_('allow %s until %s UTC');
_('no decision on %s any longer');
_('%s is no longer blocked');
_('all that was known of it is forgotten');
_('%s is blocked: %s');
_('%s knows it as %s');
_('%s uses it too');
_('%s, %s');
_('blocked for this device alone: %s');
_('it was blocked before leash stopped without warning; the reason is lost');

/* src/engine/judged.rs */
_('is trusted: nobody looks at what it does');
_('%s; and %s more such');

/* src/engine/mod.rs */
_('the block of %s is over');
_('a new device');

/* src/engine/policy.rs */
_('within the house');
_('a resolver of the router: without it the house has no names');
_('time (NTP): a device that loses the time loses everything');
_('blocked by your own decision');
_('allowed by your own decision');
_('the device is in mode local: no Internet');
_('you chose that \'%s\' alone is enough for a block');
_('one kind of evidence; a block needs two, or block_on \'%s\'');
_('%s independent kinds of evidence');

/* src/engine/purpose.rs */
_('asks for the time');
_('checks whether it is online');
_('asks for updates');
_('asks how it is seen from outside');
_('the time');
_('online checks');
_('updates');
_('how it is seen from outside');
_('talks to nobody outside the house');
_('only %s');
_('%s more');
_('calls only what it looked up');
_('calls only what it looked up, and asks for the time');
_('calls only what it looked up: %s');
_('calls only what it looked up: %s, and asks for the time');
_('calls addresses; its lookups could not be seen');
_('does nothing that leash knows to be wrong');

/* src/engine/reference.rs */
_('the block of %s is over: lists say otherwise now');

/* src/engine/view.rs */
_('%s, made by %s');

/* src/live/daemon/api.rs */
_('another program resets conntrack\'s counters (seen %s times), so sizes are too small');
_('stop that program, for example with %s');
_('blocking is switched off, so nothing is blocked');
_('no resolver answers on the LAN, so devices ask one that leash may not see');
_('run %s, then look at %s');
_('some orders are in force but not in the settings yet: only leash\'s state file has them');
_('run %s as root; the init script does so itself where ubus and procd run');

/* src/live/doctor.rs */
_('the kernel has no conntrack, so no flow can be seen');
_('install %s, then run %s');
_('conntrack does not count bytes, so sizes are unknown and first packets are not seen');
_('conntrack reports only flows that begin while leash runs, so older ones are missed');
_('conntrack is nearly full (%s of %s flows), so new flows may fail');
_('find the device that opens them with %s, or make room with %s');
_('the clock is not set (it says %s UTC), so dates in the history are wrong');
_('check the router\'s NTP servers, then run %s');
_('leash is not in a jail, so a fault in it could reach more of the router than it needs');

/* src/live/enforce.rs */
_('nothing can be blocked, since nf_tables cannot be reached: %s');
_('the kernel did not change the sets: %s');
_('the kernel did not cut a flow: %s');
_('the kernel did not list the stopped flows: %s');
_('the kernel did not resume a flow: %s');
_('the table is not loaded yet');
_('nothing is blocked: %s');
_('install %s and %s, then run %s');
_('flow offload is on, so names in handshakes are not seen; everything else works');
_('nft is not installed, and leash blocks nothing without it');
_('nft cannot be started: %s');
_('nft did not end within 10 s');
_('nft cannot be waited for: %s');
_('nft refused the ruleset: %s');
_('nft refused the ruleset and gave no reason');

/* src/live/notify.rs */
_('%s is blocked: this is a test of leash\'s alerts');

/* src/live/reference.rs */
_('the file of vendors %s cannot be used: %s');
_('correct the file, each line of which is an address, a prefix or a name, or remove it');
_('reinstall %s, make the file again with %s, or remove it');
_('the folder of lists %s does not exist');
_('the list %s cannot be read: %s');
_('the list %s has no line that can be read; line %s %s');
_('%s entries of the list %s do not fit: leash holds at most %s');
_('the file of networks %s cannot be used: %s');

/* src/live/slot.rs */
_('run leash as root or with %s, and install %s');

/* src/live/sources/answers.rs */
_('DNS answers cannot be tapped, so lookups are known from the query log only: %s');

/* src/live/sources/first_packets.rs */
_('the first packets of flows cannot be tapped, so names in handshakes are missed: %s');

/* src/live/sources/flows.rs */
_('no flow can be seen, since conntrack\'s events cannot be received: %s');
_('the kernel caps the receive buffer at %s bytes, so flows may be missed in a storm');
_('conntrack\'s event queue ran over %s times, so short flows may be missing');
_('look for a device that opens very many flows: %s');

/* src/live/sources/leases.rs */
_('DHCP leases cannot be read, so names that devices give themselves are missed: %s');
_('let leash\'s user read the file of %s');

/* src/live/sources/mod.rs */
_('not all LAN interfaces exist (%s), so devices behind a missing one are not seen');
_('set %s in %s to names that %s shows');
_('no DNS lookup can be seen, so every contact stays unknown and no detector finds anything');
_('install %s, or set %s and let dnsmasq write that file: %s');

/* src/live/sources/neighbours.rs */
_('devices cannot be told apart, since the kernel\'s neighbour table cannot be read: %s');
_('run leash as root or with %s');

/* src/live/sources/query_log.rs */
_('the query log cannot be followed, so its lookups are missed: %s');
_('raise the limit that %s shows');
_('the query log %s does not exist: dnsmasq writes none, or writes it elsewhere');
_('the query log %s contains no questions, so no lookup is known from it');
_('%s lines of the query log may be forged and were ignored');
_('install %s, so that leash taps the answers instead');

/* src/live/state.rs */
_('leash will forget what it has learnt at the next restart: %s');
_('make room (%s), or set %s to a path that can be written');
_('%s cannot be written: %s');

/* src/live/ubus/mod.rs */
_('ubus refuses leash, so scripts and the LuCI page cannot reach it');
_('run %s: ubusd then reads %s, which allows leash');
_('ubus does not answer, so scripts and the LuCI page cannot reach leash');
_('check with %s that ubusd runs; leash then finds it by itself');

/* src/sentence.rs */
_('%s; %s');
_('%s and %s');

/* detector direct-ip */
_('calls an address that none of its lookups named');
_('an address handed out inside an answer of the vendor\'s own server (cameras and televisions do that)');
_('an address looked up before leash began to look, and kept since');
_('lookups that leash cannot see: DNS over HTTPS or TLS, or another resolver');
_('peers of a call or a game');

/* detector relay */
_('passes on for others what it receives, or speaks with a proxy');
_('a VPN\'s exit, a Tor or Syncthing relay, or bandwidth that somebody in the house rents out knowingly');
_('a download and an upload of the same size at the same time, where both come in bursts');
_('a person who works through a proxy');

/* detector bypass */
_('asks others than the router for names, or goes by address when the router said that a name has none');
_('a browser, telephone or VPN whose owner chose such a resolver');
_('a device that tests whether it is online by asking a well-known resolver');
_('a name that has no address by accident, while something else is called by address');

/* detector scan */
_('tries many addresses or ports, and hardly anybody answers, or other devices while it acts as a relay');
_('a program that looks for the devices of the house, such as a telephone\'s app or a printer\'s driver');
_('a person\'s own scanner, or one that a monitoring system runs');
_('an Internet that is down, while many different addresses are tried');

/* detector upload */
_('sends far more to one destination than it usually does at that hour');
_('a backup, or pictures that a person shares');
_('a camera that has more to see than usual, or a call');
_('a device that is updated and sends its records');

/* detector names */
_('asks for many names that do not exist, the more so made-up ones, or sends data by asking for names');
_('an antivirus program or mail filter that asks its maker about a file or sender by its digest');
_('a blocker that says of many advertisers\' names that they do not exist');
_('a program that reports what it measures by asking for names, as some content networks do');

/* detector reputation */
_('calls an address or a name that a list warns of');
_('an entry that is old or wrong: addresses change hands within days');
_('an address that many share, of whom the list means one');
_('a name that was looked up for an address, when the device then means another name there');
_('a person who looks at what a list warns of, or who rents out the own line knowingly');

/* detector spread */
_('calls many networks while it does next to nothing, or a domain and network that are new to it');
_('a program that was installed or updated');
_('a maker that moves to another provider');
_('a telephone or computer, which looks for news of all kinds while nobody uses it');

/* detector beacon */
_('calls in another rhythm than before, or no longer, or regularly where nothing explains it');
_('a new version of its program');
_('a server that moved to another address, or was down for a while');
_('a device that is used more or less than before');

/* detector plaintext */
_('sends a hardware address of the house, or a word that you listed as private, in the clear');
_('a maker who uses the hardware address as the name of the thing; it is careless, not hostile');
