//! Every capacity, threshold and time window, with its reason. That all tables, full, fit the memory budget is proved in
//! `tables/budget.rs`.

use crate::time::Span;

/// Devices of the house. A home has 20 to 60; a hostile one can invent MACs, so the table refuses at some point.
pub const DEVICES: usize = 256;
/// Addresses of all devices; IPv6 privacy addresses make up to a dozen for each.
pub const ADDRESSES: usize = 2_048;
/// Addresses of one device, so that one that invents addresses does not crowd out the others.
pub const ADDRESSES_PER_DEVICE: usize = 256;
/// An address that was not seen for so long may make room.
pub const ADDRESS_STALE: Span = Span::days(2);

/// Live flows: seven eighths of 16,384, where the hash table would double. Routers of this size have a conntrack
/// maximum of 15,360 or so.
pub const FLOWS: usize = 14_336;
/// Live flows of one device.
pub const FLOWS_PER_DEVICE: usize = FLOWS / 2;

/// Contacts (device, address, protocol, port) that are remembered.
pub const CONTACTS: usize = 8_192;
/// Contacts of one device; a scan makes thousands in a minute and must not push out the others.
pub const CONTACTS_PER_DEVICE: usize = 1_024;
/// A contact that was silent for so long may make room.
pub const CONTACT_STALE: Span = Span::days(7);

/// Bytes for what lookups taught (address, device, name): 20,000 entries with names of 30 characters.
pub const NAMES_BYTES: usize = 20_000 * (NAME_ENTRY_BYTES + 30);
/// The least of them that a device keeps, whatever the others do: an eighth of its fair share of a full house would
/// be too little for a phone, so the biggest consumer gives way first and this is its floor.
pub const NAMES_BYTES_PER_DEVICE: usize = NAMES_BYTES / 4;
/// What one remembered name costs beside its text: the map's entry, the list, the shared string's head.
pub const NAME_ENTRY_BYTES: usize = 112;
/// Names that are kept for one address of one device; a CDN address has a handful.
pub const NAMES_PER_ADDRESS: usize = 8;
/// How long a lookup explains an address after it was last asked or used. Devices ignore TTLs and keep addresses for
/// days (IoT-J 2026, "IoT DNS"), so this is not the TTL.
pub const NAMES_KEPT: Span = Span::days(7);
/// How far back the first lookup that is seen of a device proves that its earlier lookups would have been seen.
pub const COVERAGE_BACK: Span = Span::days(1);

/// An address that is used so soon after a name had none was used in its stead: a program that gives up on a name tries its
/// next way at once.
pub const DENIAL: Span = Span::secs(10);

/// The window in which tries are counted; conntrack gives up on an unanswered one after one or two minutes.
pub const SCAN_WINDOW: Span = Span::mins(10);
/// So many addresses or ports that do not answer are looked for, not used.
pub const SCAN_TARGETS: u32 = 24;
/// How long a scan is told.
pub const SCAN_KEPT: Span = Span::days(1);

/// The window in which odd lookups are counted.
pub const LOOKUPS_WINDOW: Span = Span::mins(10);
/// From this score on a label looks made up ([`crate::tables::domain::made_up_score`]): so do 87 of 100 that a program drew
/// at random, and 3 of 1,000 that people chose (tests/tools/make_bigrams.py measures it).
pub const MADE_UP_SCORE: i32 = 40;
/// So many made-up names that do not exist are no accident: a browser tries three when it starts, a bot hundreds.
pub const MADE_UP_NAMES: u32 = 6;
/// So many names that do not exist are odd, whatever they look like; a television with a blocker has a dozen.
pub const MISSING_NAMES: u32 = 24;
/// Characters left of the registrable domain from which on a name may carry something: a content network's name with a
/// digest of 128 bits in it has 32 to 40, a tunnel fills most of 253.
pub const LONG_NAME: usize = 44;
/// So many different ones under one domain are a stream: with 100 characters each 3 KB. Half as many, and short ones too,
/// where mostly records are asked for that hold much.
pub const TUNNEL_NAMES: u32 = 48;
/// How long odd lookups are told.
pub const LOOKUPS_KEPT: Span = SCAN_KEPT;

/// Bytes of one flow that are worth weighing what goes in and out of a device.
pub const WEIGHED: u64 = 20_000;
/// The minutes in which what goes in and out of a device is compared; a master that is idle for longer is met again.
pub const RELAY_WINDOW: Span = Span::mins(10);
/// Less than this each way within them is not looked at: a fifth of a megabyte a minute.
pub const RELAY_BYTES: u64 = 2_000_000;
/// In percent: what goes out against what comes in, or the reverse. A relay's own overhead, and flows that end in another
/// minute than they were counted in, cost a few percent; a camera has 3, a television 2.
pub const RELAY_BALANCE: u32 = 70;
/// In percent: of what is exchanged with the master and with the others, what has its counterpart on the other side.
pub const RELAY_PASSED_ON: u32 = 75;
/// In percent of the mean: minutes that differ less from it are too much alike to tell who moves with whom.
pub const RELAY_UNEVEN: u64 = 20;
/// In percent: the same as [`RELAY_PASSED_ON`], minute by minute.
pub const RELAY_IN_STEP: u32 = 75;
/// So many minutes it takes to see who moves with whom; before, many others are just many.
pub const RELAY_MINUTES: u32 = 6;
/// So many others are served by one that relays; a backup beside a film has two.
pub const RELAY_ADDRESSES: u32 = 8;
/// A program that speaks for itself does so within a few milliseconds of its handshake ("First Four Packets", 2026: direct
/// 0.8 ms at most, 97 % of the relayed above 20 ms).
pub const RELAY_PAUSE: Span = Span::ms(16);
/// So many TLS programs that were not there before, on a device that had one to three.
pub const RELAY_STACKS: u32 = 4;
/// Names on TLS that a device has called for an hour or more: who has so many is used by people.
pub const PEOPLE: usize = 40;
/// How long a relay is told after it was noticed last.
pub const RELAY_KEPT: Span = Span::days(1);

/// In percent: from here on calls are regular (RITA calls it a beacon from 70 on, and with all four parts of its score).
pub const BEACON_SCORE: u32 = 80;
/// A rhythm that was not heard for so long, and for ten of its periods, is lost.
pub const BEACON_LOST: Span = Span::hours(2);
/// Contacts whose rhythm is known: sixteen for each device of a full house.
pub const BEACONS: usize = 1_024;

/// So many networks are not called by a thing that does next to nothing.
pub const SPREAD_NETWORKS: u16 = 20;
/// Next to nothing: bytes both ways within an hour.
pub const SPREAD_IDLE: u64 = 2_000_000;
/// A device that is known for so long has met those whom it needs.
pub const SPREAD_OLD: Span = Span::days(7);
/// How long it is told.
pub const SPREAD_KEPT: Span = Span::days(1);

/// Less within an hour is no upload: a minute of video.
pub const UPLOAD_BYTES: u64 = 50_000_000;
/// So many deviations beyond the median are far: one hour in a year for what is distributed normally.
pub const UPLOAD_SPREADS: u64 = 4;
/// Hours that an upload is told.
pub const UPLOAD_KEPT: u32 = 24;

/// Findings that are remembered.
pub const FINDINGS: usize = 1_024;
/// Blocks in force.
pub const BLOCKS: usize = 2_048;
/// Pins given at run time.
pub const PINS: usize = 512;
/// Records of what happened.
pub const RECORDS: usize = 512;
/// Flows of the LAN whose station is not known yet.
pub const ORPHANS: usize = 1_024;
/// Flows whose first packets are being read, twice: seven eighths of 512, where the hash table would double.
pub const BEGUN: usize = 448;
/// How long they wait for it: a neighbour is known within a second of its first packet.
pub const ORPHAN_WAITS: Span = Span::secs(5);

/// Entries of all lists of addresses and names: 0.8 to 2.0 MB, see [`crate::reference::lists`]. What ships is much smaller.
pub const LIST_ENTRIES: usize = 100_000;
/// Lists.
pub const LISTS: usize = 64;
/// Different comments in lists; entries share them.
pub const LIST_COMMENTS: usize = 2_048;
/// The longest line of a list; a longer one is read as several, which are refused.
pub const LIST_LINE_BYTES: u64 = 1_024;
/// The largest file of a list.
pub const LIST_FILE_BYTES: u64 = 8 << 20;
/// The largest file of networks: the whole Internet's is 3.1 MB.
pub const NETWORKS_FILE_BYTES: u64 = 6 << 20;
/// The largest file of vendors: with all that the IEEE lists it is 0.4 MB.
pub const VENDORS_FILE_BYTES: u64 = 2 << 20;
/// What the lists and the networks that ship take; a test compares.
pub const SHIPPED_BYTES: usize = 164_000 + 16_000;

/// Flows that a capture's packets are sorted into at one time. When full, those that were silent longest are closed.
pub const TRACKED: usize = FLOWS_PER_DEVICE;
/// How often idle flows of a capture, or stale contacts of a full table, are looked for.
pub const SWEEP: Span = Span::secs(30);
/// How often the flows of a capture, or of conntrack, say what they have carried.
pub const COUNT_EVERY: Span = Span::secs(60);
/// How often a capture repeats that an address is still a station's.
pub const NEIGHBOUR_EVERY: Span = Span::mins(10);
/// What is read of a capture before the LAN side is decided.
pub const LAN_SIDE_BYTES: usize = 4 << 20;
/// Ended flows that wait for the proof that their device's lookups are visible.
pub const HELD_FLOWS: usize = 4_096;
/// Bytes of a DNS answer over TCP that are kept until it is whole.
pub const DNS_STREAM_BYTES: usize = 4_096;
/// The longest line of an event file.
pub const LINE_BYTES: usize = 16_384;
