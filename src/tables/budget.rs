//! The proof, at compile time, that all tables, full, fit the memory budget: 8 MB of RSS on a router with 128 MB (64
//! devices, 10,000 live flows, 20,000 names). Sizes are those of the target; those of 64-bit targets are the largest.
//!
//! The engine's blocks and records are counted here, too, because they share the budget. Their types are above the
//! tables, so they are built anew of the same fields, and a test compares.

use crate::limits::*;
use crate::model::{Endpoint, Mac, Name, Tuple};
use crate::sentence::{PART_BYTES, Sentence};
use crate::tables::contacts::Contact;
use crate::tables::counters::balance::Balance;
use crate::tables::counters::beacon::Beacon;
use crate::tables::counters::day::Traffic;
use crate::tables::counters::lookups::{Anomaly, LookupStats};
use crate::tables::counters::sessions::Sessions;
use crate::tables::devices::{Binding, Device, DeviceId};
use crate::tables::flows::Flow;
use crate::tables::nat64::PREFIXES_MAX;
use crate::time::{Time, Wall};
use ipnet::Ipv6Net;
use std::mem::size_of;
use std::net::IpAddr;

/// Returns the bytes of a B-tree, whose nodes are two thirds full on average.
const fn tree<K, V>(entries: usize) -> usize {
    entries * (size_of::<K>() + size_of::<V>()) * 3 / 2
}

/// What the allocator keeps beside each piece of memory, in bytes.
const ALLOCATION: usize = 16;

/// A hash table of 8/7 the entries is never fuller than 7/8; it keeps a byte for each of its slots.
const FLOW_SLOTS: usize = 16_384;

/// What a block and a record keep of their sentence: the reason for a block that rests on `direct-ip` alone, which is
/// the one that a device can have by the thousand. Its eight parts are two forms that join, three that say something,
/// and three values. Reasons that rest on other findings have up to thirty, but a device has few such blocks: it must
/// look up a listed name, or be denied a name three times, for each; and it has one master.
const REASON: usize = ALLOCATION + 8 * PART_BYTES;

/// The fields of `engine::policy::Block` and `engine::history::Record`.
type Block = (Wall, Option<Wall>, Option<Time>, u8, Sentence);
type Record = (Wall, Option<Mac>, Option<IpAddr>, u8, Sentence);

const BUDGET: usize = tree::<IpAddr, Binding>(ADDRESSES)
    + DEVICES * (size_of::<Device>() + size_of::<Anomaly>() + ALLOCATION)
    + BALANCES * (Balance::BYTES + 6 * ALLOCATION)
    + SESSIONS * (size_of::<Sessions>() + ALLOCATION)
    + FLOW_SLOTS * (size_of::<(Tuple, Flow)>() + 1)
    + tree::<(DeviceId, Endpoint), Contact>(CONTACTS)
    + BEACONS * (size_of::<Beacon>() + ALLOCATION)
    + NAMES_BYTES
    + 2 * PREFIXES_MAX * size_of::<((Option<DeviceId>, Ipv6Net), Time)>()
    + tree::<(DeviceId, Option<Endpoint>, &str), (Wall, usize)>(FINDINGS)
    + REMEMBERED * (size_of::<(Wall, u8, Sentence)>() + ALLOCATION + REASON)
    + tree::<(Mac, IpAddr), Block>(BLOCKS)
    + BLOCKS * REASON
    + RECORDS * (size_of::<Record>() + REASON)
    + DATED_NAMES * size_of::<(u64, u16)>()
    + UNDATED_NAMES * (size_of::<Name>() + ALLOCATION + 64)
    + PAST_PENDING_BYTES
    + CARRIED * (size_of::<(DeviceId, Name, Traffic)>() + 3 * ALLOCATION)
    + STOPPED * size_of::<((Mac, IpAddr), [u64; 4])>()
    + SHIPPED_BYTES;

const _: () = assert!(FLOWS * 8 / 7 <= FLOW_SLOTS);
const _: () = assert!(size_of::<Flow>() <= 64);
const _: () = assert!(size_of::<Contact>() <= 144);
const _: () = assert!(size_of::<Beacon>() <= 64);
const _: () = assert!(Balance::BYTES <= 3_000);
const _: () = assert!(size_of::<LookupStats>() <= 96);
const _: () = assert!(BUDGET <= 8_000_000, "all tables full must fit the memory budget");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{history, policy};
    use crate::sentence;
    use crate::sentence::Value;

    #[test]
    fn blocks_and_records_are_as_large_as_they_are_counted() {
        assert!(size_of::<policy::Block>() <= size_of::<Block>());
        assert!(size_of::<history::Record>() <= size_of::<Record>());
        let address = IpAddr::from([203, 0, 113, 9]);
        let finding = sentence!("calls %s, which none of its %s lookups returned", address, 7_u8)
            .and_then(sentence!("it has been watched since it booted"));
        let alone = sentence!("you chose that '%s' alone is enough for a block", Value::Word("direct-ip"));
        let record = sentence!("%s: %s", Value::Word("direct-ip"), finding.clone());
        assert_eq!(finding.and_then(alone).heap_bytes(ALLOCATION), REASON);
        assert!(record.heap_bytes(ALLOCATION) <= REASON);
    }
}
