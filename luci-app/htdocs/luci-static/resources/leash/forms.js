'use strict';

/* Made of the sentences in src/ by a test (UPDATE_GOLDEN=1 cargo test --test package): do not edit.
 *
 * What leash says, for LuCI's scanner of strings (build/i18n-scan.pl), which finds a text only where it stands as a
 * literal in a call of _(). Nothing loads this file. LuCI sends a page all translations of its language at once, and
 * _() looks a text up by its hash, so that leash/words.js can translate the forms that come in leash's answers. */

/* src/README.md */
_('logs in to %s over telnet, %s times');

/* src/detect/beacon.rs */
_('calls %s every %s, sending %s, but used to call every %s, sending %s');
_('used to call %s regularly, but has not for %s');
_('calls %s every %s, sending %s, although no lookup explains it');

/* src/detect/bypass.rs */
_('is a resolver itself: it answers other devices, and asks %s name servers');
_('is a resolver itself: it asks %s name servers, from the root on');
_('asks %s resolvers for names in the clear, bypassing the router');
_('in the clear');
_('over TLS');
_('over HTTPS');
_('over QUIC');
_('over DNSCrypt');
_('asks %s for names %s, bypassing the router');
_('called %s by address %s times within %s of being told that a name has none, most recently %s');
_('called %s by address %s times within %s of being told that a name has none');

/* src/detect/detector.rs */
_('over %s');
_('about %s');

/* src/detect/direct_ip.rs */
_('another device looked it up as %s');
_('it only pings it, as devices do to see whether they are online');
_('it has been watched since it booted');
_('lookups explain too little else of what it calls');
_('called %s before it looked it up as %s');
_('calls %s, which its one lookup did not return');
_('calls %s, which none of its %s lookups returned');
_('it is a tunnel (%s), so nobody sees what is in it');
_('it may have looked that up before leash was watching');
_('it seems that %s, which it called right before, handed it out');
_('it seems that a server which it called right before handed it out');
_('peer of a session that %s set up');
_('peer of a session, as in calls and where people look at their camera');
_('but it is called more, or sent more, than a session explains');

/* src/detect/evidence.rs */
_('%s, %s');

/* src/detect/names.rs */
_('an unreadable domain');
_('looked up %s names under %s within %s that look like pieces of data, which is a way past every block');
_('looked up %s names within %s that do not exist and look made up, most recently %s');
_('looked up %s names within %s that do not exist, most recently %s');
_('but it asks for other devices, too');

/* src/detect/plaintext.rs */
_('tells %s a hardware address and a private word of this house, in the clear');
_('tells %s a hardware address of this house, in the clear');
_('tells %s a private word of this house, in the clear');

/* src/detect/relay.rs */
_('%s, %s and %s others');
_('%s of its flows with %s are repeated the other way round in flows with others, at the same time');
_('%s %% of its traffic with %s matches its traffic with others in the opposite direction, over %s minutes');
_('may act as a relay for others: %s');
_('acts as a relay for others: %s');
_('it calls %s sites for others, %s of them new today');
_('it calls %s sites for others');
_('it waits %s ms before it speaks, like a device that has to ask another first');
_('it speaks TLS in %s ways that are new to it');
_('it was asked to in a proxy\'s protocol');
_('it asks a service how others see its address');
_('it never looked up whom it does this for, and uses services of several kinds');
_('but it is in a call');
_('but it was called from outside: if that was you, all is well');
_('but it is one end of a VPN: if that is yours, all is well');
_('but people use it');
_('but it passes this on to hardly more than one other, as a copy or a call does');
_('this was last seen %s ago');
_('is asked by %s to be its proxy (%s)');
_('uses %s as a proxy (%s)');

/* src/detect/reputation.rs */
_('but it is in a hosting network, where strangers share addresses');
_('but others may share the address, and the device means another name there');
_('calls %s and gives a name there that is on the list \'%s\'');
_('calls %s as %s, which is on the list \'%s\'');
_('calls %s as %s, below %s, which is on the list \'%s\'');
_('calls %s, which is on the list \'%s\'');
_('%s: %s');

/* src/detect/scan.rs */
_('tried to reach %s other devices of the house while it acted as a relay');
_('tried %s addresses on one port within %s');
_('tried %s ports on one address within %s');
_('tried %s addresses on %s ports within %s');
_('tried %s ports on %s addresses within %s');
_('%s of %s attempts were not answered');

/* src/detect/spread.rs */
_('calls %s, whose domain and network are both new to it');
_('called %s networks in %s countries within an hour in which it did next to nothing');
_('called %s networks within an hour in which it did next to nothing');

/* src/detect/upload.rs */
_('more than %s is unusual for it at that hour');
_('what is usual for it is not known yet');
_('sent %s to %s within an hour');

/* src/detect/young.rs */
_('calls %s, which was registered today');
_('calls %s, which was registered yesterday');
_('calls %s, which was registered %s days ago');

/* src/engine/coverage.rs */
_('some lookups of the house were lost a moment ago');
_('names are answered with made-up addresses by a proxy on this router');
_('only what it sends to the Internet is seen, not what comes back');
_('it is told to ask %s for names, whose answers do not pass this router');
_('it asks %s for names, and the answers were not seen');
_('it asks %s for names, encrypted');
_('an answer of %s to it was not seen as a whole');
_('it calls %s names that it did not look up here, so it asks somewhere else');
_('lead both directions of its traffic through this router');
_('wait some minutes; leash says it if it happens again');
_('let the device ask this router for names: switch off private DNS or its own resolver');
_('none of its lookups was seen so far');

/* src/engine/enforcement.rs */
_('mode %s');
_('mode %s, as the house');
_('no longer has a name');
_('is called %s');
_('no longer has a type');
_('type %s');
_('is in no group any longer');
_('is in the group %s');
_('group %s: mode %s');
_('is the same device as %s');
_('blocking is on');
_('blocking is off');
_('your own decision: block %s');
_('your own decision: block %s until %s');
_('your own decision: allow %s');
_('your own decision: allow %s until %s');
_('%s (%s)');
_('your own decision on %s is taken back');
_('your own decision: %s is no longer blocked');
_('all that was known of it is forgotten');
_('%s is blocked: %s');
_('%s knows it as %s');
_('%s uses it too');
_('blocked for this device alone: %s');
_('it was blocked before leash stopped without warning; the reason is lost');

/* src/engine/journal.rs */
_('a week is over, and the report says what it brought');

/* src/engine/judged.rs */
_('is trusted: nobody looks at what it does');
_('%s; and %s more such');
_('%s; also: %s');
_('as you chose: no Internet, except for the time');
_('as you chose: nothing passes to or from %s');
_('as you chose: nothing passes to or from %s and %s more addresses');
_('as you chose: it may call %s');
_('as you chose: it may call %s and %s more addresses');

/* src/engine/kinds.rs */
_('%s, as you say');
_('seems to be %s, but calls %s networks, as none does');
_('the same name');
_('the same DHCP options');
_('%s destinations in common');
_('is perhaps %s with another hardware address: they have %s');
_('%s by %s');
_('probably %s');
_('perhaps %s');
_('its hardware address is made up');
_('its maker');
_('its name');
_('a computer');
_('a telephone');
_('a tablet');
_('a television');
_('a speaker');
_('a camera');
_('a plug or switch');
_('a light');
_('a thing of the smart home');
_('a printer');
_('a router or access point');
_('a console');
_('a disk or server');

/* src/engine/mod.rs */
_('the block of %s is over');
_('a new device');

/* src/engine/policy.rs */
_('within the house');
_('a resolver of the router: without it the house has no names');
_('time (NTP): a device that loses the time loses everything');
_('a proxy on this router made the address up: it may mean another server tomorrow');
_('your own decision: block it');
_('your own decision: allow it');
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

/* src/engine/report.rs */
_('nothing was blocked');
_('addresses that were blocked: %s; packets stopped: %s (%s)');
_('devices that are worth a look: %s (%s)');
_('new devices: %s (%s)');
_('%s of %s');
_('destinations that are new to a device: %s (%s)');
_('%s sent the most: %s');
_('addresses that it calls without having looked them up: %s');
_('asks other resolvers than the router: %s');
_('speaks in the clear, so that everybody on the way can read it: %s');
_('not all of its lookups are seen, so that more may be called by name than it seems');

/* src/engine/tiers.rs */
_('all %s devices share one network: each can reach the others');
_('give what needs no computer of yours a network of its own, such as a guest network');
_('in the network %s: %s');
_('in no known network: %s');
_('%s stays in the house: 0 bytes to the Internet for %s');
_('%s stays in the house: leash saw nothing of it go to the Internet');
_('every device that looks up names asks where leash sees it');
_('leash does not see all lookups of %s');
_('see why, and what mends it');
_('open each to see which resolver it asks; block that if nobody of you chose it');
_('resolvers past the router are asked by %s');
_('nobody calls what the lists warn of');
_('what the lists warn of is called by %s');
_('turn guard on for them');
_('nobody is known to call addresses that it never looked up');
_('addresses that were never looked up are called by %s');
_('nothing is null-routed now');
_('null-routed addresses: %s; packets stopped: %s');
_('see what, and why');
_('blocking is off; addresses that would be null-routed: %s');
_('%s and %s more');
_('sends %s %% of what your line can send');
_('sends %s %% of what the house sends');
_('%s, most of it at night');
_('talks to %s networks in %s countries while it is idle');

/* src/engine/view.rs */
_('%s, made by %s');

/* src/live/daemon/api.rs */
_('another program resets conntrack\'s counters (seen %s times), so sizes are too small');
_('stop that program, for example with %s');
_('not all lookups of a device are seen: %s');
_('not all lookups of %s devices are seen: %s');
_('blocking is switched off, so nothing is blocked');
_('no resolver answers on the LAN, so devices ask one that leash may not see');
_('run %s, then look at %s');
_('there are too few file descriptors, so some who ask leash get no answer');
_('let the service have at least %s of them (%s)');
_('some orders are in force but not in the settings yet: only leash\'s state file has them');
_('run %s as root; the init script does so itself where ubus and procd run');

/* src/live/doctor.rs */
_('%s is %s, so leash does not start again');
_('a line of the settings does not hold: %s');
_('correct it in %s, then run %s');
_('%s more lines of the settings do not hold');
_('see them with %s');
_('the kernel has no conntrack, so no flow can be seen');
_('install %s, then run %s');
_('conntrack does not count bytes, so sizes are unknown and first packets are not seen');
_('conntrack reports only flows that begin while leash runs, so older ones are missed');
_('conntrack is nearly full (%s of %s flows), so new flows may fail');
_('find the device that opens them with %s, or make room with %s');
_('the clock is not set (it says %s UTC), so dates in the history are wrong');
_('check the router\'s NTP servers, then run %s');
_('leash is not in a jail, so a fault in it could reach more of the router than it needs');
_('this is not the gateway: its own way to the Internet leads into %s, and nothing that devices do there ' +
	'passes through it');
_('install leash on the gateway instead, which is %s');
_('of what crosses its bridge it sees answers to lookups, and blocks hold, but no flows');
_('or install %s, so that here, too, lookups that cross the bridge are seen, and blocks hold');
_('those who come in by %s have no hardware address, so leash does not watch them');
_('limit what they reach in the firewall\'s zone of %s');
_('devices at %s use the Internet through this router, and leash does not watch them');
_('devices are told to ask %s over TLS, HTTPS or QUIC, so their lookups cannot be read');
_('remove %s from %s, then run %s');
_('let devices ask the router, and the router ask that resolver: remove it from %s in %s, then run %s');
_('or install %s, so that leash sees what crosses a bridge');
_('devices are told to ask %s, whose answers do not pass through this router, so lookups are missed');

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

/* src/live/foreign.rs */
_('nft does not list the firewall\'s rules as JSON, so those that hinder leash are not noticed');
_('install %s');
_('its rules or interface and the answers to devices show it');
_('its rules or interface show it, though no device got such an answer so far');
_('the answers to devices show it');
_('names are faked by a proxy on this router with made-up addresses (%s): addresses mean nothing, only the ' +
	'names do');
_('go by the names, or switch the proxy from %s to real addresses (%s)');
_('rules of table %s use the bit %s of conntrack\'s mark, with which leash stops flows, so flows may stop that ' +
	'nobody blocked');
_('rules of table %s replace conntrack\'s mark as a whole, so a download that leash stopped may go on');
_('let them change their own bits only, as in %s');
_('rules of table %s give devices\' connections to a proxy on this router, so names in their handshakes are ' +
	'not seen');
_('exempt the devices that you want to watch closely from the proxy, or live with it: %s');
_('rules of table %s keep packets of devices from conntrack, so those are not seen');
_('remove the rules that say %s: %s');
_('rules of table %s drop some packets of devices, so what those try there is not seen');
_('look there for what was stopped: %s');

/* src/live/notify.rs */
_('an alert program failed: %s');
_('%s cannot be read: %s');
_('%s is for records of kind %s, which there is not');
_('only the first %s alerts are sent');
_('alert %s is not sent: %s is none of %s');
_('%s is not sent: it has no %s, which says where to');
_('%s still says %s, so nobody gets it');
_('%s is not sent: %s does not fit');
_('%s is not called: only programs that are in %s itself get alerts');
_('move the program to %s');
_('the alert program %s is not called: it may not be executed');
_('the alert program %s is not called: others than its owner may change it');
_('the alert program %s cannot be called: user %s may not execute it');
_('the alert program %s still says %s, so nobody gets its alerts');
_('write into %s where alerts go, then try it with %s');
_('of the programs in %s only the first %s are called');
_('remove some of them');
_('no alerts are sent: the process that does that is not running');
_('correct it, and try it with %s');
_('%s is blocked: this is a test of leash\'s alerts');
_('it cannot be run: %s');
_('it failed: %s');
_('it took longer than %s s and was ended');

/* src/live/reference.rs */
_('the file of vendors %s cannot be used: %s');
_('correct the file, each line of which is an address, a prefix or a name, or remove it');
_('reinstall %s, make the file again with %s, or remove it');
_('the folder of lists %s does not exist');
_('the list %s cannot be read: %s');
_('the list %s has no line that can be read; line %s %s');
_('%s lines of the list %s are ignored, such as line %s, which %s');
_('%s entries of the list %s do not fit: leash holds at most %s');
_('the file of networks %s cannot be used: %s');

/* src/live/slot.rs */
_('run leash as root or with %s, and install %s');

/* src/live/sources/announced.rs */
_('it cannot be read which resolvers devices are told to ask: %s');
_('let leash\'s user read the folder of %s');

/* src/live/sources/answers.rs */
_('DNS answers cannot be tapped, so lookups are known from the query log only: %s');

/* src/live/sources/first_packets.rs */
_('the first packets of flows cannot be tapped, so names in handshakes are missed: %s');

/* src/live/sources/flows.rs */
_('no flow can be seen, since conntrack\'s events cannot be received: %s');
_('conntrack reports no flows as they begin, so leash lists all of them every %s and judges new ones that much ' +
	'later');
_('remove the module that takes the reports, such as %s or %s, and restart the router');
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

/* src/live/sources/resolver_log.rs */
_('the resolver\'s log cannot be read, so its lookups are missed: %s');
_('write %s into the file of %s');
_('%s does not answer');
_('the resolver\'s log is read every second, and a flow waits only %s for its lookup');
_('set %s to 2s');

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

/* src/wire/resolver_log.rs */
_('%s does not answer by HTTP');
_('%s refuses the password');
_('%s answers something else than its log');

/* detector direct-ip */
_('calls an address that none of its lookups returned');
_('an address that the vendor\'s own server hands out (cameras and televisions do that)');
_('an address that was looked up before leash was watching, and kept since');
_('lookups that leash cannot see: DNS over HTTPS or TLS, or another resolver');
_('the peers of a call or a game');

/* detector relay */
_('passes traffic on for others, or uses a proxy or acts as one');
_('a VPN exit, a Tor or Syncthing relay, or bandwidth that somebody in the house knowingly rents out');
_('programs of your own that hand on what they fetch: feeds to a messenger, builds, peers that share');
_('a person who works through a proxy');

/* detector bypass */
_('asks resolvers other than the router, or calls an address right after being told that a name has none');
_('a browser, phone or VPN whose owner chose another resolver');
_('a device that tests whether it is online by asking a well-known resolver');
_('a name that happens to have no address while something else is called by address');

/* detector scan */
_('tries many addresses or ports and is hardly ever answered, or tries other devices while it acts as a relay');
_('a program that searches the house for devices, such as a phone\'s app or a printer\'s driver');
_('a scanner that a person or a monitoring system runs');
_('an Internet outage while many different addresses are tried');

/* detector upload */
_('sends far more to one destination than it usually does at that hour');
_('a backup, or pictures that a person shares');
_('a camera that sees more than usual, or a video call');
_('a device that sends its logs after an update');

/* detector names */
_('looks up many names that do not exist, above all made-up ones, or sends data in the names it looks up');
_('an antivirus program or mail filter that asks its maker about files or senders by their digests');
_('an ad blocker that answers that many names do not exist');
_('a program that reports measurements by looking up names, as some content networks do');

/* detector reputation */
_('calls an address or a name that a list warns about');
_('an entry that is old or wrong: addresses change hands within days');
_('an address that many share, when the list means only one of them');
_('a name that was looked up, when the device then means another name at the same address');
_('a person who looks at what a list warns about, or who knowingly rents out their own line');

/* detector spread */
_('calls many networks while it does next to nothing, or a domain and a network that are both new to it');
_('a program that was installed or updated');
_('a maker that moves to another provider');
_('a phone or computer that fetches news of all kinds while nobody uses it');

/* detector beacon */
_('changes or loses the rhythm of its calls, or regularly calls an address that nothing explains');
_('a new version of its software');
_('a server that moved to another address, or was down for a while');
_('a device that is used more or less than before');

/* detector plaintext */
_('sends a hardware address of the house, or a word that you listed as private, in the clear');
_('a maker that uses the hardware address as the device\'s name, which is careless but not hostile');

/* detector young-name */
_('calls a name that was registered only days ago');
_('a new shop, game or event');
_('a maker who has moved to a new name');

/* evidence */
_('%s addresses');
_('%s connections after such an answer');
_('watched since it booted');
_('called without a lookup');
_('countries: %s');
_('compared with days before: %s');
_('%s ms before it speaks');
_('answers that a name has none: %s');
_('%s devices of the house');
_('%s attempts failed');
_('1 connection');
_('%s connections');
_('both sides rise and fall together: %s %%');
_('its hardware address was readable');
_('a hosting provider\'s network');
_('hours since the first time: %s');
_('hours with new sites: %s');
_('%s %% of it within the same minute');
_('the list has its address');
_('the list has its name');
_('its one lookup did not name it');
_('none of its %s lookups named it');
_('for how many addresses: %s');
_('%s name servers');
_('looked up later only');
_('%s names');
_('%s networks');
_('new ways to speak TLS: %s');
_('sites that are new today: %s');
_('of %s lookups');
_('other devices looked it up');
_('%s %% is passed on');
_('every %s');
_('%s ports');
_('a private word was readable');
_('lookups explain nearly all else');
_('a proxy\'s protocol');
_('%s received');
_('%s %% regular');
_('%s sent');
_('a server set it up or handed it out');
_('repeated the other way round: %s');
