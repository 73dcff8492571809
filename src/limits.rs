//! Every capacity, threshold and time window, with its reason. `tables/budget.rs` proves that all tables, full, fit the
//! memory budget.

use crate::time::Span;

/// How many devices the house may have. A home has 20 to 60; a hostile device can invent hardware addresses, so the
/// table refuses at some point.
pub const DEVICES: usize = 256;
/// How many addresses all devices may have. IPv6 privacy addresses make up to a dozen for each.
pub const ADDRESSES: usize = 2_048;
/// How many addresses one device may have, so that one that invents addresses does not crowd out the others.
pub const ADDRESSES_PER_DEVICE: usize = 256;
/// After how long an address that was not seen may make room for another.
pub const ADDRESS_STALE: Span = Span::days(2);

/// How many live flows are followed: seven eighths of 16,384, where the hash table would double. Routers of this size
/// have a conntrack maximum of about 15,360.
pub const FLOWS: usize = 14_336;
/// How many live flows of one device are followed.
pub const FLOWS_PER_DEVICE: usize = FLOWS / 2;

/// How many contacts (device, address, protocol, port) are remembered.
pub const CONTACTS: usize = 6_600;
/// How many contacts of one device are remembered. A scan makes thousands in a minute and must not push out the others.
pub const CONTACTS_PER_DEVICE: usize = 1_024;
/// After how long a silent contact may make room for another.
pub const CONTACT_STALE: Span = Span::days(7);

/// The memory for what lookups taught (address, device, name), in bytes: 20,000 entries with names of 30 characters.
pub const NAMES_BYTES: usize = 20_000 * (NAME_ENTRY_BYTES + 30);
/// The part of that memory which a device keeps whatever the others do, in bytes. An eighth of its fair share of a full
/// house would be too little for a phone, so the biggest consumer gives way first, down to this floor.
pub const NAMES_BYTES_PER_DEVICE: usize = NAMES_BYTES / 4;
/// The memory that one remembered name takes beside its text, in bytes: the map's entry, the list, the head of the
/// shared string.
pub const NAME_ENTRY_BYTES: usize = 112;
/// How many names are kept for one address of one device. An address of a content network has a handful.
pub const NAMES_PER_ADDRESS: usize = 8;
/// How long a lookup explains an address after the name was last asked for or the address last used. This is not the
/// TTL, since devices ignore TTLs and keep addresses for days (IoT-J 2026, "IoT DNS").
pub const NAMES_KEPT: Span = Span::days(7);
/// How far back the first lookup that is seen of a device proves that its earlier lookups would have been seen, too.
pub const COVERAGE_BACK: Span = Span::days(1);
/// How long an answer that was missed may explain a contact that is new: a program that looks up a name calls it within
/// seconds, and seldom minutes later.
pub const MISSED_KEPT: Span = Span::mins(10);
/// How long after leash began to watch a device that was not seen to start may call what it looked up just before: so long
/// lasts many a record in a device's cache.
pub const EARLY: Span = Span::mins(1);
/// How soon after leash began to watch a flow that was under way must show for its device to have run before. A device
/// that leash knew earlier is none: what that looked up is remembered.
pub const RAN_BEFORE: Span = Span::secs(10);
/// How long a device may work without a lookup before its first one says nothing about what it has called until then: it
/// keeps addresses. A program that starts looks up something at once.
pub const HINDSIGHT: Span = Span::mins(10);
/// How long a contact that was first seen without coverage stays unknown. Devices look names up anew within hours,
/// some within days; a contact that is never looked up again is judged from then on.
pub const UNKNOWN_KEPT: Span = Span::days(1);
/// How long a device's lookups pass unseen after it last asked a resolver out of sight.
pub const HIDDEN_KEPT: Span = Span::days(1);
/// How long a question may wait for its answer to be seen. Conntrack knows by then whether there was one.
pub const QUESTION_OPEN: Span = Span::mins(5);
/// How many questions in a row may stay without any answer before there is no resolver to be asked.
pub const QUESTIONS_UNANSWERED: u8 = 8;
/// How much later than its answer the flow of a question may become known.
pub const QUESTION_SLACK: Span = Span::ms(200);
/// How many resolvers devices may have been told to ask, in all and each.
pub const TOLD: usize = 128;
/// See [`TOLD`].
pub const TOLD_PER_DEVICE: usize = 4;
/// How long a device follows what it was told with its lease, which may be that long.
pub const TOLD_DEVICE_KEPT: Span = Span::days(7);

/// A device that uses an address within this time after a lookup brought it no address is taken to use a fallback: a
/// program that gives up on a name tries its next way at once.
pub const FALLBACK_WINDOW: Span = Span::secs(10);

/// How many networks (/16, /32 of IPv6) a thing with one purpose calls at most. Of those that were recorded, a camera that
/// reaches its viewers directly calls most, 40 addresses.
pub const SIMPLE_NETWORKS: usize = 100;

/// The window in which failed attempts are counted. Conntrack gives up on an unanswered flow after one or two minutes.
pub const SCAN_WINDOW: Span = Span::mins(10);
/// A device that tries this many addresses or ports that do not answer is searching, not using them.
pub const SCAN_TARGETS: u32 = 24;
/// Where the ports begin that systems give to programs which ask for any: Linux 32768, Apple and Windows 49152.
pub const EPHEMERAL_PORTS: u16 = 32_768;
/// How long a scan is reported after it was seen.
pub const SCAN_KEPT: Span = Span::days(1);

/// The window in which odd lookups are counted.
pub const LOOKUPS_WINDOW: Span = Span::mins(10);
/// The score (see `tables/domain`) from which on a label looks made up. So do 87 of 100 labels of random characters,
/// and 3 of 1,000 that people chose (tests/tools/make_bigrams.py measures it).
pub const MADE_UP_SCORE: i32 = 40;
/// This many made-up names that do not exist are no accident: a browser tries three when it starts, a bot hundreds.
pub const MADE_UP_NAMES: u32 = 6;
/// This many names that do not exist are odd, whatever they look like. A television behind a DNS blocker has a dozen.
pub const MISSING_NAMES: u32 = 24;
/// The number of characters left of the registrable domain from which on a name may carry data. A content network's
/// name with a digest of 128 bits in it has 32 to 40, a tunnel fills most of 253.
pub const LONG_NAME: usize = 44;
/// This many different long names under one domain are a stream: with 100 characters each they carry 3 KB. Half as many
/// are enough, and short ones too, where most lookups ask for record types that hold much.
pub const TUNNEL_NAMES: u32 = 48;
/// How long odd lookups are reported after they were seen.
pub const LOOKUPS_KEPT: Span = SCAN_KEPT;

/// The bytes that a device exchanges within an hour before its traffic is looked at for what it passes on. Most things
/// that only report stay below.
pub const BALANCE_BYTES: u64 = 100_000;
/// How many devices have their traffic looked at, those with the most. Hardly a home has as many that move more than
/// that within an hour.
pub const BALANCES: usize = 112;
/// For how long what a relay shows is new: TLS programs and delays.
pub const RELAY_WINDOW: Span = Span::mins(10);
/// The bytes that must go each way within ten minutes, or within an hour: 0.2 and 0.03 megabytes a minute.
pub const RELAY_BYTES: u64 = 2_000_000;
/// The least part, in percent, of what is exchanged with the master and with the others that has its counterpart on the
/// other side. A tunnel's overhead costs up to a sixth.
pub const RELAY_PASSED_ON: u32 = 75;
/// The least part, in percent, that has its counterpart where the two sides of a relay rise and fall together, but differ
/// by a factor: pages that are packed for the master have a third of their size.
pub const RELAY_PASSED_ON_LOOSELY: u32 = 25;
/// The part, in percent, from which on two sides that differ by a factor differ little: a tunnel over UDP that repairs
/// losses sends half as much again.
pub const RELAY_PASSED_ON_HALF: u32 = 50;
/// The least part, in percent, that has its counterpart on the other side where only two whole slots are known.
pub const RELAY_PASSED_ON_PLAINEST: u32 = 90;
/// Among how many others the traffic of a relay is spread at least, in tenths. Copies, mirrors, calls and films that
/// are shown to others have 1.0 to 3.1 (tests/relay), relays with four customers' targets have 3.5.
pub const RELAY_CARRIERS: u32 = 32;
/// How many slots (minutes, or steps of six) it takes until it is seen which sides move together.
pub const RELAY_SLOTS: u32 = 6;
/// How many slots it takes where it is plain that the two sides move together.
pub const RELAY_SLOTS_PLAIN: u32 = 4;
/// How many slots it takes at least, of which two are whole.
pub const RELAY_SLOTS_PLAINEST: u32 = 3;
/// The least part, in percent, that has its counterpart on the other side slot by slot. Of independent traffic of one
/// size it is up to 79.
pub const RELAY_IN_STEP: u32 = 82;
/// The least part, in percent, that has its counterpart slot by slot where other busy addresses are left aside: among
/// many ways to do that, one fits by chance.
pub const RELAY_IN_STEP_ASIDE: u32 = 85;
/// The least part, in percent, that has its counterpart slot by slot where only three whole slots are known.
pub const RELAY_IN_STEP_PLAIN: u32 = 90;
/// How much of the ups and downs of one side the other has, in percent, where their sums agree slot by slot, too. Of
/// independent traffic it is up to 50, mostly below 30.
pub const RELAY_FOLLOWS_LITTLE: u32 = 35;
/// How much of the ups and downs of one side the other has, in percent, where these alone count.
pub const RELAY_FOLLOWS: u32 = 75;
/// How much of the sums, of each slot, and of the ups and downs the other side has, in percent, where there may be several
/// masters: the addresses are divided by what they show, so independent traffic agrees more easily, up to 89.
pub const RELAY_SEVERAL: u32 = 90;
/// How much of the ups and downs of one side the other has, in percent, where their sums differ by a large factor.
pub const RELAY_FOLLOWS_LOOSELY: u32 = 90;
/// How much of the ups and downs of one side the other has, in percent, where their sums differ by a small factor.
pub const RELAY_FOLLOWS_HALF: u32 = 85;
/// How much of the ups and downs of one side the other has, in percent, where only two whole slots are known.
pub const RELAY_FOLLOWS_PLAINEST: u32 = 95;
/// The least deviation, in percent of the mean: slots that differ less are too much alike to compare their sums.
pub const RELAY_UNEVEN: u32 = 20;
/// The least deviation whose ups and downs can be compared.
pub const RELAY_UNEVEN_LITTLE: u32 = 4;
/// How much more goes one way than the other, in percent of both, where there may be several masters: what is fetched
/// for somebody goes one way, what peers tell each other goes both.
pub const RELAY_LOPSIDED: u64 = 50;
/// How much more goes one way than the other, in percent of both, on the side of a relay that shows it more, where the
/// sums differ by a factor: requests that are as large as their answers are lopsided by their overhead alone.
pub const RELAY_LOPSIDED_LITTLE: u64 = 20;
/// The bytes from which on a flow is compared with others as a whole.
pub const TWIN_LEAST: u64 = 15_000;
/// How far apart two flows begin, and end, of which one passes on the other.
pub const TWIN_APART: Span = Span::secs(3);
/// By how much their bytes differ, in percent, because one has more packets or encryption than the other.
pub const TWIN_PERCENT: u64 = 8;
/// By how many bytes more two flows differ of which one passes on the other: what handshakes take.
pub const TWIN_BYTES: u64 = 3_000;
/// How much more goes one way than the other, in percent of both: else any two of one size would be a mirror image.
pub const TWIN_LOPSIDED: u64 = 30;
/// How many pairs of such flows a relay has at least. Nothing else that was recorded has more than two, but for
/// programs that hand on what they fetch.
pub const TWINS: u32 = 8;
/// How many of all flows they are at least, in percent.
pub const TWINS_OF_FLOWS: u32 = 20;
/// How many sites must be new to a device that has been known for a day.
pub const RELAY_NEW_SITES: u32 = 8;
/// In how many hours there must have been new ones. A program that was installed has them once.
pub const RELAY_NEW_SITES_HOURS: u32 = 3;
/// At how many ports of services (those below 1024) a device calls others at least that does so for anybody who asks.
pub const RELAY_PORTS: usize = 3;
/// The delay between handshake and first payload from which on a client seems to wait for somebody else. A program that
/// speaks for itself does so within a few milliseconds ("First Four Packets", 2026: direct 0.8 ms at most, 97 % of the
/// relayed above 20 ms).
pub const RELAY_DELAY: Span = Span::ms(16);
/// How many new TLS programs are suspicious on a device that had one to three.
pub const RELAY_PROGRAMS: u32 = 4;
/// A device that has called this many names by TLS for an hour or more is used by people.
pub const PEOPLE_NAMES: usize = 40;
/// How long a relay is reported after it was last seen.
pub const RELAY_KEPT: Span = Span::days(1);
/// After how long it is said that it was not seen since, and something less sure may take its place.
pub const RELAY_FADES: Span = Span::hours(1);

/// The score, in percent, from which on calls are regular. RITA calls it a beacon from 70 on, and with all four parts
/// of its score.
pub const BEACON_SCORE: u32 = 80;
/// A rhythm that was silent for this long, and for ten of its periods, is lost.
pub const BEACON_LOST: Span = Span::hours(2);
/// How many contacts have their rhythm measured: sixteen for each device of a full house.
pub const BEACONS: usize = 1_024;

/// What pings of an address may carry at once, in bytes of both directions, before they are more than a look whether it
/// answers: a hundred packets of the usual size, or the few large ones that try how large packets may be.
pub const PING_BYTES: u64 = 20_000;
/// The bytes in both directions of a ping each second: 84 each way over IPv4 and 104 over IPv6, as ping(8) sends.
pub const PING_BYTES_PER_SECOND: u64 = 256;

/// An idle device that contacts this many networks in an hour is suspicious.
pub const SPREAD_NETWORKS: u16 = 20;
/// A device that exchanges fewer bytes, both ways, within an hour is idle.
pub const SPREAD_IDLE: u64 = 2_000_000;
/// A device that is known for this long has met the endpoints that it needs.
pub const SPREAD_OLD: Span = Span::days(7);
/// How long it is reported that a device spread.
pub const SPREAD_KEPT: Span = Span::days(1);

/// The bytes that an upload has at least within an hour: as much as a minute of video.
pub const UPLOAD_BYTES: u64 = 50_000_000;
/// How many deviations above the median an upload is: one hour in a year for what is distributed normally.
pub const UPLOAD_SPREADS: u64 = 4;
/// For how many hours an upload is reported.
pub const UPLOAD_KEPT: u32 = 24;

/// How many name servers a device asks at least that looks for the answer itself. One lookup takes three.
pub const RESOLVER_SERVERS: u32 = 8;
/// How many questions of other devices a device must have answered to be their resolver.
pub const RESOLVER_ANSWERS: u16 = 3;

/// How many weak findings of one detector on contacts of one device are told one by one, as event and alert.
pub const FINDINGS_TOLD: usize = 8;
/// How many of the others are.
pub const STRONG_FINDINGS_TOLD: usize = 32;

/// How many devices may have their sessions with peers followed: cameras, telephones and computers.
pub const SESSIONS: usize = 48;
/// How long a session may begin after its server was called. Conntrack forgets a UDP flow three minutes after its last
/// packet, so a server that is kept in touch with is known by its flow.
pub const SESSION_SOCKET: Span = Span::mins(3);
/// How many endpoints are a burst. D-Link's cameras try five ports of a peer, Xiaomi's four servers; two are no search.
pub const SESSION_ENDPOINTS: u8 = 3;
/// How far the other flows with a peer may be from a burst.
pub const SESSION_BURST: Span = Span::secs(10);
/// How recently a server must have been active that set up a session whose socket is another: live flows are counted
/// once a minute.
pub const SESSION_SERVER: Span = Span::secs(75);
/// On how many days a peer must be called without a session before the session is no explanation any more. A session is
/// over after minutes; what holds on to an address for days has another reason.
pub const SESSION_STRAY_DAYS: u8 = 3;
/// The bytes sent to one peer, on one port, from which on nobody just looks at a camera: a whole night (ten hours) of 2
/// Mbit/s, which is what cameras of homes send (1 to 4 Mbit/s).
pub const SESSION_BYTES: u64 = 10_000_000_000;
/// In how many of the last 24 hours a peer may be called, on one port, before it is no view any more.
pub const SESSION_HOURS: u32 = 16;

/// How long after a flow to a server was opened a call may be one that the server handed out. Edimax's plugs are told of a
/// relay 4 to 7 s after they called.
pub const REFERRAL: Span = Span::secs(10);
/// In which time a device makes few calls by name, so that one of them and what is called next belong together.
pub const REFERRAL_QUIET: Span = Span::mins(2);
/// How many times as many calls of an address that was handed out may come without the server right before as with it. By
/// chance it is three times as many or more: see `tables/counters/referrals.rs`.
pub const REFERRAL_STRAYS: u16 = 2;

/// How many findings are known with the date since when they hold.
pub const FINDINGS: usize = 1_024;
/// How many findings of before a restart are kept until they are found again. Most houses have fewer than twenty.
pub const REMEMBERED: usize = 96;
/// How many blocks may be in force. Each takes 340 bytes with its reason: see `tables/budget.rs`.
pub const BLOCKS: usize = 1_024;
/// How many blocks of detectors one device may have, so that one that calls everywhere leaves room for those of the others.
pub const BLOCKS_PER_DEVICE: usize = BLOCKS / 2;
/// How many pins may be given at run time.
pub const PINS: usize = 512;
/// How many records of what happened are kept.
pub const RECORDS: usize = 512;
/// The hour of Monday, in local time, at which a week is over: when people can read what it brought.
pub const REPORT_HOUR: u64 = 7;
/// How many days are told of at most.
pub const PAST_DAYS: u32 = 90;
/// How many bytes of the journal a day takes at most for what devices moved: 200 devices, the busiest first.
pub const PAST_DAY_BYTES: usize = 6_000;
/// How many of these bytes the names take at most, the busiest first.
pub const PAST_NAMES_BYTES: usize = 1_200;
/// How many names of a device a day in the journal has.
pub const PAST_NAMES_PER_DEVICE: usize = 8;
/// How many bytes of the journal records and new names take a day on average, at most.
pub const PAST_RECORDS_BYTES: usize = 2_000;
/// How many bytes wait for the journal at most.
pub const PAST_PENDING_BYTES: usize = 20_000;
/// How many days a file of the journal holds, and how many files there are: when the last one begins, those before it
/// have the days that may be told of.
pub const PAST_FILE_DAYS: u32 = 16;
/// See [`PAST_FILE_DAYS`].
pub const PAST_FILES: u32 = 7;
/// The largest file of the journal, in bytes: as much as 200 busy devices need, and no more than 900 kB in all. A house
/// of 25 devices takes a quarter of that.
pub const PAST_FILE_BYTES: usize = 128_000;
/// How many records, names or blocks are read of the journal for a report.
pub const PAST_READ: usize = 2_048;
/// How many names are known with what they carried today before a restart.
pub const CARRIED: usize = 128;
/// How many blocks are known with what they have stopped.
pub const STOPPED: usize = 128;
/// How many flows of the LAN may wait for their station to be known.
pub const ORPHANS: usize = 1_024;
/// How long a flow waits for its station to be known. A neighbour is known within a second of its first packet.
pub const ORPHAN_TIMEOUT: Span = Span::secs(5);
/// How many flows have their first packets read, twice: seven eighths of 512, where the hash table would double.
pub const FIRST_PACKET_FLOWS: usize = 448;

/// How many entries all lists of addresses and names may have: 0.8 to 2.0 MB, see `reference/lists.rs`. The lists that
/// ship are much smaller.
pub const LIST_ENTRIES: usize = 100_000;
/// How many lists there may be.
pub const LISTS: usize = 64;
/// How many different comments the lists may have; entries share them.
pub const LIST_COMMENTS: usize = 2_048;
/// The longest line of a list, in bytes. A longer one is read as several, which are refused.
pub const LIST_LINE_BYTES: u64 = 1_024;
/// The largest file of a list, in bytes.
pub const LIST_FILE_BYTES: u64 = 8 << 20;
/// The largest file of networks, in bytes: that of the whole Internet has 5.5 MB.
pub const NETWORKS_FILE_BYTES: u64 = 16 << 20;
/// The largest file of vendors, in bytes: with all that the IEEE lists it has 0.4 MB.
pub const VENDORS_FILE_BYTES: u64 = 2 << 20;
/// The memory that the lists and networks that ship take, in bytes; a test compares.
pub const SHIPPED_BYTES: usize = 40_000;

/// How many flows of a capture are followed at one time. When there are more, those that were silent longest are
/// closed.
pub const TRACKED_FLOWS: usize = FLOWS_PER_DEVICE;
/// How often idle flows of a capture, or stale contacts of a full table, are looked for.
pub const SWEEP_INTERVAL: Span = Span::secs(30);
/// How often it is counted what the flows of a capture, or of conntrack, have carried.
pub const COUNT_INTERVAL: Span = Span::secs(60);
/// How often a capture repeats that an address is still that of a station.
pub const NEIGHBOUR_INTERVAL: Span = Span::mins(10);
/// How many packets are remembered of which a capture may have a copy, where it has several interfaces.
pub const COPIES: usize = 4_096;
/// How long after the beginning of a capture a UDP flow is taken for one that began before, unless it begins with what
/// opens its protocol or its device was seen to start. What keeps a translation alive comes every 15 to 30 s.
pub const UDP_RUNNING: Span = Span::secs(45);
/// How long after that a UDP flow is taken for one that goes on if it begins with what comes in the middle of a
/// connection. WireGuard's keys last for three minutes, and hardly a QUIC connection idles longer.
pub const UDP_IDLE: Span = Span::mins(3);
/// How much of a capture is read before it is decided which side is the LAN, in bytes.
pub const LAN_SIDE_BYTES: usize = 4 << 20;
/// How long a count of all live flows takes at most, on the slowest routers.
pub const COUNT_LASTS: Span = Span::secs(5);
/// How many ended flows may wait for the proof that lookups of their device are seen.
pub const HELD_FLOWS: usize = 4_096;
/// How much of a DNS answer over TCP is kept until it is whole, in bytes.
pub const DNS_STREAM_BYTES: usize = 4_096;
/// How many datagrams are kept of which a fragment is missing.
pub const FRAGMENTED: usize = 16;
/// The longest datagram that is put together of fragments, in bytes. Resolvers announce 4,096 at most.
pub const DNS_DATAGRAM_BYTES: usize = 8_192;
/// How many questions may wait for their answer.
pub const QUESTIONS: usize = 512;
/// How many questions of one device may wait for their answer.
pub const QUESTIONS_PER_DEVICE: usize = 64;
/// How many names are remembered with the date of their registration.
pub const DATED_NAMES: usize = 1_024;
/// How many names may wait to be asked for.
pub const UNDATED_NAMES: usize = 64;
/// How many days after its registration a name is young.
pub const YOUNG_DAYS: i64 = 30;
/// The longest line of an event file, in bytes.
pub const EVENT_LINE_BYTES: usize = 16_384;
