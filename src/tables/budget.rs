//! The proof, at compile time, that all tables, full, fit the memory budget: 8 MB of RSS on a router with 128 MB (64
//! devices, 10,000 live flows, 20,000 remembered names).

use crate::limits::*;
use crate::model::{Endpoint, Tuple};
use crate::tables::contacts::Contact;
use crate::tables::counters::balance::Balance;
use crate::tables::counters::beacon::Beacon;
use crate::tables::counters::lookups::{Anomaly, LookupStats};
use crate::tables::devices::{Binding, Device};
use crate::tables::flows::Flow;
use std::mem::size_of;
use std::net::IpAddr;

/// A B-tree's nodes are two thirds full on average; a hash table of 8/7 the entries is never fuller than 7/8.
const fn tree(entries: usize, entry: usize) -> usize {
    entries * entry * 3 / 2
}

/// What the allocator keeps beside each box, in bytes.
const ALLOCATION: usize = 16;

const BUDGET: usize = tree(ADDRESSES, size_of::<IpAddr>() + size_of::<Binding>())
    + DEVICES * (size_of::<Device>() + size_of::<Anomaly>() + 8)
    + 16_384 * (size_of::<Tuple>() + size_of::<Flow>() + 1)
    + tree(CONTACTS, size_of::<Endpoint>() + 4 + size_of::<Contact>())
    + BEACONS * (size_of::<Beacon>() + ALLOCATION)
    + DEVICES * (size_of::<Balance>() + ALLOCATION)
    + NAMES_BYTES
    + tree(FINDINGS, size_of::<Endpoint>() + 32)
    + BLOCKS * 128
    + RECORDS * 192
    + SHIPPED_BYTES;

const _: () = assert!(FLOWS * 8 / 7 <= 16_384);
const _: () = assert!(size_of::<Flow>() <= 64);
const _: () = assert!(size_of::<Contact>() <= 136);
const _: () = assert!(size_of::<Beacon>() <= 64);
const _: () = assert!(size_of::<Balance>() <= 720);
const _: () = assert!(size_of::<LookupStats>() <= 96);
const _: () = assert!(BUDGET <= 8_000_000, "all tables full must fit the memory budget");
