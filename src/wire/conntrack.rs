//! ctnetlink: reads conntrack's entries and events, and writes requests to it (linux/netfilter/nfnetlink_conntrack.h).

use crate::model::{Protocol, Tuple};
use crate::wire::netlink::{Message, Writer, attributes, be16, be32, be64, flag};
use std::net::IpAddr;

const SUBSYSTEM: u16 = 1 << 8;
/// The type of a message with an entry of a dump, or one that was made or changed (`IPCTNL_MSG_CT_NEW`).
pub const NEW: u16 = SUBSYSTEM;
const GET: u16 = SUBSYSTEM | 1;
/// The type of a message about an entry that is gone (`IPCTNL_MSG_CT_DELETE`).
pub const DELETE: u16 = SUBSYSTEM | 2;

/// The multicast group of new entries (`NFNLGRP_CONNTRACK_NEW`).
pub const GROUP_NEW: u32 = 1;
/// The multicast group of entries that are gone (`NFNLGRP_CONNTRACK_DESTROY`).
pub const GROUP_DESTROY: u32 = 3;

#[allow(missing_docs, reason = "the words of the header without CTA_")]
mod cta {
    pub const TUPLE_ORIG: u16 = 1;
    pub const TUPLE_REPLY: u16 = 2;
    pub const STATUS: u16 = 3;
    pub const PROTOINFO: u16 = 4;
    pub const MARK: u16 = 8;
    pub const COUNTERS_ORIG: u16 = 9;
    pub const COUNTERS_REPLY: u16 = 10;
    pub const MARK_MASK: u16 = 21;
    pub const STATUS_MASK: u16 = 26;
    pub const TUPLE_IP: u16 = 1;
    pub const TUPLE_PROTO: u16 = 2;
    pub const TUPLE_ZONE: u16 = 3;
    pub const IP_V4_SRC: u16 = 1;
    pub const IP_V4_DST: u16 = 2;
    pub const IP_V6_SRC: u16 = 3;
    pub const IP_V6_DST: u16 = 4;
    pub const PROTO_NUM: u16 = 1;
    pub const PROTO_SRC_PORT: u16 = 2;
    pub const PROTO_DST_PORT: u16 = 3;
    pub const PROTO_ICMP_ID: u16 = 4;
    pub const PROTO_ICMP_TYPE: u16 = 5;
    pub const PROTO_ICMP_CODE: u16 = 6;
    pub const PROTO_ICMPV6_ID: u16 = 7;
    pub const PROTO_ICMPV6_TYPE: u16 = 8;
    pub const PROTO_ICMPV6_CODE: u16 = 9;
    pub const COUNTERS_BYTES: u16 = 2;
    pub const PROTOINFO_TCP: u16 = 1;
    pub const PROTOINFO_TCP_STATE: u16 = 1;
}

const SEEN_REPLY: u32 = 2;
/// The entry's packets pass by conntrack, in a flow table or in hardware (`IPS_OFFLOAD`, `IPS_HW_OFFLOAD`).
const OFFLOADED: u32 = 3 << 14;
/// `TCP_CONNTRACK_ESTABLISHED` of linux/netfilter/nf_conntrack_tcp.h.
const ESTABLISHED: u8 = 3;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// A conntrack entry, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The direction of the first packet, before address translation.
    pub tuple: Tuple,
    /// The status, bits of `IPS_*`.
    pub status: u32,
    /// The mark.
    pub mark: u32,
    /// The bytes of IP packets in the direction of the tuple and against it. They are absent without
    /// `nf_conntrack_acct`, and in events of new entries.
    pub bytes: Option<(u64, u64)>,
    /// Where the entry is gone: neither end has ended the flow as far as conntrack saw, so that it may go on under a new
    /// entry. That is an offloaded flow, or one of TCP that is established.
    pub unfinished: bool,
}

/// Reads an entry or event. Returns `None` for what is neither, or cannot be read.
pub fn parse(message: &Message) -> Option<Entry> {
    if message.kind != NEW && message.kind != DELETE {
        return None;
    }
    let mut found = None;
    let (mut status, mut mark, mut established) = (0, 0, false);
    let (mut sent, mut received) = (None, None);
    for (kind, value) in attributes(message.body.get(4..)?) {
        match kind {
            cta::TUPLE_ORIG => found = tuple(value),
            cta::STATUS => status = be32(value)?,
            cta::PROTOINFO => established = tcp_state(value) == Some(ESTABLISHED),
            cta::MARK => mark = be32(value)?,
            cta::COUNTERS_ORIG => sent = counted(value),
            cta::COUNTERS_REPLY => received = counted(value),
            _ => {}
        }
    }
    let unfinished = established || status & OFFLOADED != 0;
    Some(Entry { tuple: found?, status, mark, bytes: sent.zip(received), unfinished })
}

fn tcp_state(nest: &[u8]) -> Option<u8> {
    let (_, tcp) = attributes(nest).find(|(kind, _)| *kind == cta::PROTOINFO_TCP)?;
    attributes(tcp).find(|(kind, _)| *kind == cta::PROTOINFO_TCP_STATE)?.1.first().copied()
}

/// Returns the tuple with the destination that the packets reach in the end. That is another one where the router sends
/// them on to a station (DNAT, as of a forwarded port).
pub fn after_nat(tuple: Tuple, message: &Message) -> Tuple {
    let mut all = attributes(message.body.get(4..).unwrap_or_default());
    let reply = all.find(|(kind, _)| *kind == cta::TUPLE_REPLY).and_then(|(_, value)| self::tuple(value));
    let port = |reply: Tuple| if tuple.protocol.has_ports() { reply.source_port } else { tuple.destination_port };
    reply.map_or(tuple, |reply| Tuple { destination: reply.source, destination_port: port(reply), ..tuple })
}

fn tuple(nest: &[u8]) -> Option<Tuple> {
    let (mut source, mut destination) = (None, None);
    let (mut protocol, mut ports, mut request) = (None, (None, None), [None; 2]);
    for (kind, value) in attributes(nest) {
        match kind {
            cta::TUPLE_IP => {
                for (kind, value) in attributes(value) {
                    match kind {
                        cta::IP_V4_SRC | cta::IP_V6_SRC => source = address(value),
                        cta::IP_V4_DST | cta::IP_V6_DST => destination = address(value),
                        _ => {}
                    }
                }
            }
            cta::TUPLE_PROTO => {
                for (kind, value) in attributes(value) {
                    match kind {
                        cta::PROTO_NUM => protocol = value.first().copied(),
                        cta::PROTO_SRC_PORT | cta::PROTO_ICMP_ID | cta::PROTO_ICMPV6_ID => ports.0 = be16(value),
                        cta::PROTO_DST_PORT => ports.1 = be16(value),
                        cta::PROTO_ICMP_TYPE | cta::PROTO_ICMPV6_TYPE => request[0] = value.first().copied(),
                        cta::PROTO_ICMP_CODE | cta::PROTO_ICMPV6_CODE => request[1] = value.first().copied(),
                        _ => {}
                    }
                }
            }
            // Another zone is another network, in which the same address may be of another station.
            cta::TUPLE_ZONE => return None,
            _ => {}
        }
    }
    let protocol = Protocol(protocol?);
    let (source_port, destination_port) = match (protocol, ports, request) {
        (_, (Some(source), Some(destination)), _) => (source, destination),
        (_, (Some(id), None), [Some(kind), Some(code)]) if protocol.is_icmp() => (id, u16::from_be_bytes([kind, code])),
        // Protocols that the kernel knows nothing of but their number.
        (_, (None, None), [None, None]) if protocol.may_lack_ports() => (0, 0),
        _ => return None,
    };
    Some(Tuple { protocol, source: source?, source_port, destination: destination?, destination_port })
}

fn address(value: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(value).ok().map(IpAddr::from);
    v4().or_else(|| <[u8; 16]>::try_from(value).ok().map(IpAddr::from))
}

fn counted(nest: &[u8]) -> Option<u64> {
    attributes(nest).find(|(kind, _)| *kind == cta::COUNTERS_BYTES).and_then(|(_, value)| be64(value))
}

fn family(tuple: &Tuple) -> u8 {
    if tuple.source.is_ipv4() { AF_INET } else { AF_INET6 }
}

fn write_tuple(writer: &mut Writer, direction: u16, tuple: &Tuple) {
    let whole = writer.nest(direction);
    let nest = writer.nest(cta::TUPLE_IP);
    match (tuple.source, tuple.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            writer.attribute(cta::IP_V4_SRC, &source.octets());
            writer.attribute(cta::IP_V4_DST, &destination.octets());
        }
        (source, destination) => {
            let octets = |ip: IpAddr| match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            };
            writer.attribute(cta::IP_V6_SRC, &octets(source));
            writer.attribute(cta::IP_V6_DST, &octets(destination));
        }
    }
    writer.end(nest);
    let nest = writer.nest(cta::TUPLE_PROTO);
    writer.attribute(cta::PROTO_NUM, &[tuple.protocol.0]);
    let [kind, code] = tuple.destination_port.to_be_bytes();
    match tuple.protocol {
        Protocol::Icmp => {
            writer.attribute(cta::PROTO_ICMP_ID, &tuple.source_port.to_be_bytes());
            writer.attribute(cta::PROTO_ICMP_TYPE, &[kind]);
            writer.attribute(cta::PROTO_ICMP_CODE, &[code]);
        }
        Protocol::Icmpv6 => {
            writer.attribute(cta::PROTO_ICMPV6_ID, &tuple.source_port.to_be_bytes());
            writer.attribute(cta::PROTO_ICMPV6_TYPE, &[kind]);
            writer.attribute(cta::PROTO_ICMPV6_CODE, &[code]);
        }
        // Where the kernel follows the protocol it wants them, and where it does not it ignores them.
        _ => {
            writer.attribute(cta::PROTO_SRC_PORT, &tuple.source_port.to_be_bytes());
            writer.attribute(cta::PROTO_DST_PORT, &tuple.destination_port.to_be_bytes());
        }
    }
    writer.end(nest);
    writer.end(whole);
}

/// The entries that a dump asks for. A kernel that does not know the filter answers with more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DumpFilter {
    /// All entries.
    All,
    /// The entries whose mark has all of these bits.
    Marked(u32),
    /// The entries that were answered (`IPS_SEEN_REPLY`). The kernel calls short exchanges over UDP not assured
    /// (`IPS_ASSURED`), and keeps them for 30 s, in which nobody would know what they have carried.
    Answered,
}

/// Writes a request for entries of both families.
pub fn dump(writer: &mut Writer, sequence: u32, filter: DumpFilter) {
    writer.netfilter(GET, flag::DUMP, sequence, 0, 0);
    let (value, mask, bits) = match filter {
        DumpFilter::All => return,
        DumpFilter::Marked(bits) => (cta::MARK, cta::MARK_MASK, bits),
        DumpFilter::Answered => (cta::STATUS, cta::STATUS_MASK, SEEN_REPLY),
    };
    writer.attribute(value, &bits.to_be_bytes());
    writer.attribute(mask, &bits.to_be_bytes());
}

/// Writes a request for the entry whose packets against its tuple's direction have this tuple, before they are translated
/// back.
pub fn get_by_reply(writer: &mut Writer, sequence: u32, reply: &Tuple) {
    writer.netfilter(GET, 0, sequence, family(reply), 0);
    write_tuple(writer, cta::TUPLE_REPLY, reply);
}

/// Writes a request to delete an entry.
pub fn delete(writer: &mut Writer, sequence: u32, tuple: &Tuple) {
    writer.netfilter(DELETE, flag::ACK, sequence, family(tuple), 0);
    write_tuple(writer, cta::TUPLE_ORIG, tuple);
}

/// Writes a request that the bits `mask` of an entry's mark become `mark`. Only the tuple and the mark are sent: with
/// more the kernel refuses translated entries.
pub fn set_mark(writer: &mut Writer, sequence: u32, tuple: &Tuple, mark: u32, mask: u32) {
    writer.netfilter(NEW, flag::ACK, sequence, family(tuple), 0);
    write_tuple(writer, cta::TUPLE_ORIG, tuple);
    writer.attribute(cta::MARK, &mark.to_be_bytes());
    writer.attribute(cta::MARK_MASK, &mask.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::netlink::messages;
    use super::*;

    fn tuples() -> [Tuple; 5] {
        let tuple = |source: &str, destination: &str, protocol| Tuple {
            protocol,
            source: source.parse().unwrap(),
            source_port: 40_000,
            destination: destination.parse().unwrap(),
            destination_port: 443,
        };
        let (v4, v6) = (("192.168.8.20", "198.51.100.7"), ("2001:db8:8::20", "2001:db8::7"));
        [
            tuple(v4.0, v4.1, Protocol::Tcp),
            tuple(v6.0, v6.1, Protocol::Udp),
            tuple(v4.0, v4.1, Protocol(47)),
            Tuple { destination_port: 0x0800, ..tuple(v4.0, v4.1, Protocol::Icmp) },
            Tuple { destination_port: 0x8000, ..tuple(v6.0, v6.1, Protocol::Icmpv6) },
        ]
    }

    #[test]
    fn requests_name_the_entry_that_events_name() {
        for tuple in tuples() {
            let mut writer = Writer::default();
            set_mark(&mut writer, 1, &tuple, 0x4000_0000, 0x4000_0000);
            delete(&mut writer, 2, &tuple);
            dump(&mut writer, 3, DumpFilter::All);
            let read: Vec<Message> = messages(writer.bytes()).collect();
            let (marked, deleted) = (parse(&read[0]).unwrap(), parse(&read[1]).unwrap());
            assert_eq!((marked.tuple, marked.mark, marked.bytes), (tuple, 0x4000_0000, None));
            assert_eq!(deleted.tuple, tuple);
            assert_eq!(parse(&read[2]), None, "a request is no entry");
        }
    }

    #[test]
    fn counters_come_in_pairs_and_other_zones_are_ignored() {
        let [tuple, ..] = tuples();
        let entry = |change: &dyn Fn(&mut Writer)| {
            let mut writer = Writer::default();
            writer.netfilter(NEW, 0, 1, AF_INET, 0);
            write_tuple(&mut writer, cta::TUPLE_ORIG, &tuple);
            change(&mut writer);
            messages(writer.bytes()).next().and_then(|message| parse(&message))
        };
        let count = |writer: &mut Writer, kind, n: u64| {
            let nest = writer.nest(kind);
            writer.attribute(1, &3_u64.to_be_bytes());
            writer.attribute(cta::COUNTERS_BYTES, &n.to_be_bytes());
            writer.end(nest);
        };
        assert_eq!(entry(&|writer| count(writer, cta::COUNTERS_ORIG, 5)).unwrap().bytes, None);
        let both = entry(&|writer| {
            count(writer, cta::COUNTERS_ORIG, 5);
            count(writer, cta::COUNTERS_REPLY, 1 << 40);
        });
        assert_eq!(both.unwrap().bytes, Some((5, 1 << 40)));
        let status = entry(&|writer| writer.attribute(cta::STATUS, &0xe_u32.to_be_bytes())).unwrap();
        assert_eq!((status.status, entry(&|_| {}).unwrap().status), (0xe, 0));
        assert_eq!(entry(&|writer| writer.attribute(cta::MARK, &[1])), None, "a wrong length is no entry");
        let zone = entry(&|writer| {
            let nest = writer.nest(cta::TUPLE_ORIG);
            writer.attribute(cta::TUPLE_ZONE, &[0, 1]);
            writer.end(nest);
        });
        assert_eq!(zone, None);
        // What the kernel says of a protocol that it does not follow (net/netfilter/nf_conntrack_proto_generic.c), and
        // of one whose ports are missing.
        let bare = |number: u8| {
            entry(&|writer| {
                let nest = writer.nest(cta::TUPLE_ORIG);
                let addresses = writer.nest(cta::TUPLE_IP);
                writer.attribute(cta::IP_V4_SRC, &[192, 168, 8, 20]);
                writer.attribute(cta::IP_V4_DST, &[198, 51, 100, 7]);
                writer.end(addresses);
                let protocol = writer.nest(cta::TUPLE_PROTO);
                writer.attribute(cta::PROTO_NUM, &[number]);
                writer.end(protocol);
                writer.end(nest);
            })
        };
        assert_eq!(bare(50).unwrap().tuple.to_string(), "esp 192.168.8.20 > 198.51.100.7");
        assert_eq!(bare(6), None);
    }
}
