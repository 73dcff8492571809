//! nf_tables over netlink: the elements of leash's sets, and notifications of changes (linux/netfilter/nf_tables.h).
//!
//! The ruleset itself is one text for `nft -f`, made in `ruleset.rs`.

use crate::model::Mac;
use crate::time::Span;
use crate::wire::netlink::{Message, Writer, attributes, be64, flag};
use std::net::IpAddr;

const SUBSYSTEM: u16 = 10 << 8;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = SUBSYSTEM;
const DELETE_TABLE: u16 = SUBSYSTEM | 2;
const DELETE_CHAIN: u16 = SUBSYSTEM | 5;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const GET_RULE: u16 = SUBSYSTEM | 7;
const DELETE_RULE: u16 = SUBSYSTEM | 8;
const DELETE_SET: u16 = SUBSYSTEM | 11;
const NEW_ELEMENT: u16 = SUBSYSTEM | 12;
const GET_ELEMENT: u16 = SUBSYSTEM | 13;
const DELETE_ELEMENT: u16 = SUBSYSTEM | 14;
const NEW_FLOWTABLE: u16 = SUBSYSTEM | 22;
const GET_FLOWTABLE: u16 = SUBSYSTEM | 23;
const DELETE_FLOWTABLE: u16 = SUBSYSTEM | 24;

/// The name of leash's table, in either family.
pub const TABLE: &str = "leash";

/// The family of one of leash's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// What the router sends, receives and forwards (`NFPROTO_INET`).
    Inet = 1,
    /// What crosses a bridge (`NFPROTO_BRIDGE`).
    Bridge = 7,
}
/// The multicast group of changes to the ruleset (`NFNLGRP_NFTABLES`).
pub const GROUP: u32 = 7;

const TABLE_NAME: u16 = 1;
const RULE_HANDLE: u16 = 3;
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_TIMEOUT: u16 = 4;
const ELEMENT_EXPIRATION: u16 = 5;
const ELEMENT_EXPRESSION: u16 = 7;
const DATA_VALUE: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;

/// How many elements one message may hold: the length of a nest has 16 bits, and an element takes at most 48 bytes.
const ELEMENTS_PER_MESSAGE: usize = 800;

/// A device and a remote address: an element of the sets.
pub type Pair = (Mac, IpAddr);

/// What a request does with elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Add an element.
    Add,
    /// Delete an element, which must be in the set.
    Delete,
}

/// A change of the ruleset that matters to leash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// One of leash's tables is gone.
    TableGone,
    /// Something in one of leash's tables was deleted: an element, a set, a rule or a chain.
    Deleted,
    /// A flow table was added or deleted.
    FlowTables,
}

/// Returns the concatenated key of a pair and its length in bytes. Its fields begin at multiples of four bytes.
fn key((mac, address): Pair) -> ([u8; 24], usize) {
    let mut key = [0; 24];
    key[..6].copy_from_slice(&mac.0);
    match address {
        IpAddr::V4(v4) => {
            key[8..12].copy_from_slice(&v4.octets());
            (key, 12)
        }
        IpAddr::V6(v6) => {
            key[8..].copy_from_slice(&v6.octets());
            (key, 24)
        }
    }
}

/// Begins a batch, whose requests are all applied at once or not at all.
pub fn begin_batch(writer: &mut Writer) {
    writer.netfilter(BATCH_BEGIN, 0, 0, 0, SUBSYSTEM >> 8);
}

/// Ends a batch.
pub fn end_batch(writer: &mut Writer) {
    writer.netfilter(BATCH_END, 0, 0, 0, SUBSYSTEM >> 8);
}

fn list(writer: &mut Writer, set: &str, write: impl FnOnce(&mut Writer)) {
    writer.text(LIST_TABLE, TABLE);
    writer.text(LIST_SET, set);
    let nest = writer.nest(LIST_ELEMENTS);
    write(writer);
    writer.end(nest);
}

fn element(writer: &mut Writer, key: &[u8], timeout: Option<Span>) {
    let whole = writer.nest(LIST_ELEMENT);
    let nest = writer.nest(ELEMENT_KEY);
    writer.attribute(DATA_VALUE, key);
    writer.end(nest);
    if let Some(timeout) = timeout {
        writer.attribute(ELEMENT_TIMEOUT, &timeout.as_millis().max(1).to_be_bytes());
    }
    writer.end(whole);
}

/// Writes a request to add or delete elements of a set of pairs. The span of an element is how long it stays, for ever
/// where it is absent. Returns how many messages it took, each of which the kernel acknowledges.
pub fn write_pairs(
    writer: &mut Writer,
    sequence: u32,
    family: Family,
    operation: Operation,
    set: &str,
    pairs: &[(Pair, Option<Span>)],
) -> usize {
    for some in pairs.chunks(ELEMENTS_PER_MESSAGE) {
        message(writer, sequence, family, operation);
        list(writer, set, |writer| {
            for (pair, timeout) in some {
                let (key, length) = key(*pair);
                element(writer, &key[..length], timeout.filter(|_| operation == Operation::Add));
            }
        });
    }
    pairs.len().div_ceil(ELEMENTS_PER_MESSAGE)
}

/// Writes a request, of one message, to add or delete elements of a set of devices.
pub fn write_devices(
    writer: &mut Writer,
    sequence: u32,
    family: Family,
    operation: Operation,
    set: &str,
    macs: &[Mac],
) {
    message(writer, sequence, family, operation);
    list(writer, set, |writer| macs.iter().for_each(|mac| element(writer, &mac.0, None)));
}

fn message(writer: &mut Writer, sequence: u32, family: Family, operation: Operation) {
    match operation {
        Operation::Add => writer.netfilter(NEW_ELEMENT, flag::CREATE | flag::ACK, sequence, family as u8, 0),
        Operation::Delete => writer.netfilter(DELETE_ELEMENT, flag::ACK, sequence, family as u8, 0),
    }
}

/// Writes a request for one element.
pub fn get_element(writer: &mut Writer, sequence: u32, family: Family, set: &str, pair: Pair) {
    writer.netfilter(GET_ELEMENT, 0, sequence, family as u8, 0);
    let (key, length) = key(pair);
    list(writer, set, |writer| element(writer, &key[..length], None));
}

/// Writes a request for all elements of a set.
pub fn dump_elements(writer: &mut Writer, sequence: u32, family: Family, set: &str) {
    writer.netfilter(GET_ELEMENT, flag::DUMP, sequence, family as u8, 0);
    writer.text(LIST_TABLE, TABLE);
    writer.text(LIST_SET, set);
}

/// Writes a request for all rules of leash's table.
pub fn dump_rules(writer: &mut Writer, sequence: u32, family: Family) {
    writer.netfilter(GET_RULE, flag::DUMP, sequence, family as u8, 0);
    writer.text(TABLE_NAME, TABLE);
}

/// Reads the handle of a rule in an answer to [`dump_rules`]: no other rule of the table ever has the same.
pub fn parse_rule(message: &Message) -> Option<u64> {
    let body = message.body.get(4..).filter(|_| message.kind == NEW_RULE)?;
    be64(attributes(body).find(|(kind, _)| *kind == RULE_HANDLE)?.1)
}

/// Reads the devices in an answer to [`dump_elements`] about a set of devices.
pub fn parse_devices(message: &Message) -> Vec<Mac> {
    let find = |bytes, kind| attributes(bytes).find(|(k, _)| *k == kind).map(|(_, value)| value);
    let body = message.body.get(4..).filter(|_| message.kind == NEW_ELEMENT).unwrap_or_default();
    let elements = attributes(find(body, LIST_ELEMENTS).unwrap_or_default()).map(|(_, element)| element);
    let read = |element| find(find(element, ELEMENT_KEY)?, DATA_VALUE)?.first_chunk().map(|mac| Mac(*mac));
    elements.filter_map(read).collect()
}

/// Reads the pairs in an answer to [`dump_elements`], each with how long it stays, for ever where that is absent.
pub fn parse_elements(message: &Message) -> Vec<(Pair, Option<Span>)> {
    let find = |bytes, kind| attributes(bytes).find(|(k, _)| *k == kind).map(|(_, value)| value);
    let body = message.body.get(4..).filter(|_| message.kind == NEW_ELEMENT).unwrap_or_default();
    let list = find(body, LIST_ELEMENTS).unwrap_or_default();
    let read = |element| {
        let (mac, address) = find(find(element, ELEMENT_KEY)?, DATA_VALUE)?.split_first_chunk::<8>()?;
        let v4 = <[u8; 4]>::try_from(address).ok().map(IpAddr::from);
        let address = v4.or_else(|| <[u8; 16]>::try_from(address).ok().map(IpAddr::from))?;
        let left = find(element, ELEMENT_EXPIRATION).and_then(be64).map(|ms| Span::ms(ms.min(1 << 40)));
        Some(((Mac(*mac.first_chunk()?), address), left))
    };
    attributes(list).filter(|(kind, _)| *kind == LIST_ELEMENT).filter_map(|(_, element)| read(element)).collect()
}

/// Writes a request for all flow tables.
pub fn dump_flowtables(writer: &mut Writer, sequence: u32) {
    writer.netfilter(GET_FLOWTABLE, flag::DUMP, sequence, 0, 0);
}

/// Whether a message of the answer to [`dump_flowtables`] describes a flow table.
pub fn is_flowtable(message: &Message) -> bool {
    message.kind == NEW_FLOWTABLE
}

/// Reads how many packets and bytes an element has stopped, in the answer to [`get_element`].
pub fn parse_counter(message: &Message) -> Option<(u64, u64)> {
    let find = |bytes, kind| attributes(bytes).find(|(k, _)| *k == kind).map(|(_, value)| value);
    let body = message.body.get(4..).filter(|_| message.kind == NEW_ELEMENT)?;
    let element = find(find(body, LIST_ELEMENTS)?, LIST_ELEMENT)?;
    let expression = find(element, ELEMENT_EXPRESSION)?;
    let data = find(expression, EXPRESSION_DATA).filter(|_| find(expression, EXPRESSION_NAME) == Some(b"counter\0"))?;
    Some((be64(find(data, COUNTER_PACKETS)?)?, be64(find(data, COUNTER_BYTES)?)?))
}

/// Reads a notification. Returns `None` where it does not matter to leash.
pub fn parse_change(message: &Message) -> Option<Change> {
    match message.kind {
        NEW_FLOWTABLE | DELETE_FLOWTABLE => Some(Change::FlowTables),
        // All of these have the name of the table in their first attribute.
        DELETE_TABLE | DELETE_CHAIN | DELETE_RULE | DELETE_SET | DELETE_ELEMENT => {
            let name = attributes(message.body.get(4..)?).find(|(kind, _)| *kind == TABLE_NAME)?.1;
            let family = [Family::Inet, Family::Bridge].iter().any(|f| message.body.first() == Some(&(*f as u8)));
            let change = if message.kind == DELETE_TABLE { Change::TableGone } else { Change::Deleted };
            (family && name.strip_suffix(b"\0") == Some(TABLE.as_bytes())).then_some(change)
        }
        _ => None,
    }
}

/// Writes a request for leash's table of a family. The answer is an error when there is no such table.
pub fn get_table(writer: &mut Writer, sequence: u32, family: Family) {
    writer.netfilter(NEW_TABLE | 1, 0, sequence, family as u8, 0);
    writer.text(TABLE_NAME, TABLE);
}

#[cfg(test)]
mod tests {
    use super::super::netlink::messages;
    use super::*;

    #[test]
    fn elements_are_as_the_kernel_wants_them() {
        let pair = (Mac([2, 0, 0, 0, 0, 9]), "203.0.113.7".parse().unwrap());
        let mut writer = Writer::default();
        write_pairs(&mut writer, 7, Family::Inet, Operation::Add, "null4", &[(pair, Some(Span::ms(1_500)))]);
        let message = messages(writer.bytes()).next().unwrap();
        assert_eq!((message.kind, message.flags), (NEW_ELEMENT, flag::REQUEST | flag::CREATE | flag::ACK));
        let all: Vec<_> = attributes(&message.body[4..]).collect();
        assert_eq!((all[0], all[1]), ((1, &b"leash\0"[..]), (2, &b"null4\0"[..])));
        let element: Vec<_> = attributes(attributes(all[2].1).next().unwrap().1).collect();
        assert_eq!(attributes(element[0].1).next().unwrap().1, [2, 0, 0, 0, 0, 9, 0, 0, 203, 0, 113, 7]);
        assert_eq!(
            parse_elements(&message),
            [(pair, None)],
            "the kernel reports the remaining time in another attribute"
        );
        assert_eq!(element[1], (ELEMENT_TIMEOUT, &1_500_u64.to_be_bytes()[..]));
    }

    #[test]
    fn many_elements_are_many_messages() {
        let all: Vec<_> = (0..10_000_u32)
            .map(|n| ((Mac([2; 6]), std::net::Ipv6Addr::from(u128::from(n)).into()), Some(Span::days(1))))
            .collect();
        let mut writer = Writer::default();
        write_pairs(&mut writer, 7, Family::Inet, Operation::Add, "null6", &all);
        let written = messages(writer.bytes()).map(|m| {
            let list = attributes(&m.body[4..]).last().unwrap();
            attributes(list.1).count()
        });
        assert_eq!(written.sum::<usize>(), 10_000);
    }

    #[test]
    fn counters_and_changes_are_read() {
        let mut writer = Writer::default();
        writer.netfilter(NEW_ELEMENT, 0, 1, 1, 0);
        list(&mut writer, "null4", |writer| {
            let whole = writer.nest(LIST_ELEMENT);
            let nest = writer.nest(ELEMENT_EXPRESSION);
            writer.text(EXPRESSION_NAME, "counter");
            let data = writer.nest(EXPRESSION_DATA);
            writer.attribute(COUNTER_BYTES, &900_u64.to_be_bytes());
            writer.attribute(COUNTER_PACKETS, &9_u64.to_be_bytes());
            writer.end(data);
            writer.end(nest);
            writer.end(whole);
        });
        for (kind, name) in [
            (DELETE_TABLE, "leash"),
            (DELETE_TABLE, "fw4"),
            (DELETE_FLOWTABLE, "ft"),
            (DELETE_ELEMENT, "leash"),
            (DELETE_CHAIN, "fw4"),
        ] {
            writer.netfilter(kind, 0, 1, 1, 0);
            writer.text(TABLE_NAME, name);
        }
        let read: Vec<Message> = messages(writer.bytes()).collect();
        assert_eq!(parse_counter(&read[0]), Some((9, 900)));
        let changes: Vec<_> = read.iter().map(parse_change).collect();
        assert_eq!(
            changes,
            [None, Some(Change::TableGone), None, Some(Change::FlowTables), Some(Change::Deleted), None]
        );
    }
}
