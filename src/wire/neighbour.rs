//! rtnetlink: who has which address on the LAN, and the router's own addresses (linux/neighbour.h, linux/if_addr.h).

use crate::model::Mac;
use crate::wire::netlink::{Message, Writer, flag};
use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use std::net::IpAddr;

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const NEW_NEIGHBOUR: u16 = 28;

/// Multicast groups: links, neighbours, IPv4 and IPv6 addresses (`RTNLGRP_*`, linux/rtnetlink.h).
pub const GROUPS: [u32; 4] = [1, 3, 5, 9];

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A station has an address.
    Neighbour {
        /// On which interface, by its index.
        interface: u32,
        /// The address.
        ip: IpAddr,
        /// Whose it is.
        mac: Mac,
    },
    /// The router has an address, with the prefix of its network, or has it no longer.
    Own {
        /// On which interface, by its index.
        interface: u32,
        /// The address and the length of the prefix.
        net: IpNet,
        /// It is gone.
        gone: bool,
    },
    /// An interface came, went or changed.
    Link,
}

/// Reads a message; absent when it says nothing that matters, or cannot be read.
pub fn parse(message: &Message) -> Option<Fact> {
    match message.kind {
        NEW_LINK | DELETE_LINK => Some(Fact::Link),
        NEW_NEIGHBOUR => neighbour(message.body),
        NEW_ADDRESS | DELETE_ADDRESS => own(message.body, message.kind == DELETE_ADDRESS),
        _ => None,
    }
}

fn neighbour(body: &[u8]) -> Option<Fact> {
    let message = NeighbourMessage::parse(body).ok()?;
    if matches!(
        message.header.state,
        NeighbourState::Incomplete | NeighbourState::Failed | NeighbourState::Noarp | NeighbourState::None
    ) {
        return None;
    }
    let (mut ip, mut mac) = (None, None);
    for attribute in message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => ip = Some(v4.into()),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => ip = Some(v6.into()),
            NeighbourAttribute::LinkLayerAddress(address) => mac = address.try_into().ok().map(Mac),
            _ => {}
        }
    }
    let mac = mac.filter(|mac: &Mac| mac.is_station())?;
    Some(Fact::Neighbour { interface: message.header.ifindex, ip: ip?, mac })
}

fn own(body: &[u8], gone: bool) -> Option<Fact> {
    let message = AddressMessage::parse(body).ok()?;
    let (mut address, mut local) = (None, None);
    for attribute in message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(ip),
            AddressAttribute::Local(ip) => local = Some(ip),
            _ => {}
        }
    }
    // On a point-to-point link the other is the far end.
    let net = IpNet::new(local.or(address)?, message.header.prefix_len).ok()?;
    Some(Fact::Own { interface: message.header.index, net, gone })
}

/// Asks for all neighbours.
pub fn dump_neighbours(writer: &mut Writer, sequence: u32) {
    writer.message(NEW_NEIGHBOUR + 2, flag::REQUEST | flag::DUMP, sequence, &[0; 12]);
}

/// Asks for all addresses of the router.
pub fn dump_own(writer: &mut Writer, sequence: u32) {
    writer.message(NEW_ADDRESS + 2, flag::REQUEST | flag::DUMP, sequence, &[0; 8]);
}

#[cfg(test)]
mod tests {
    use super::super::netlink::messages;
    use super::*;

    fn message(kind: u16, head: &[u8], attributes: &[(u16, &[u8])]) -> Option<Fact> {
        let mut writer = Writer::default();
        writer.message(kind, 0, 1, head);
        attributes.iter().for_each(|(kind, value)| writer.attribute(*kind, value));
        messages(writer.bytes()).next().and_then(|message| parse(&message))
    }

    #[test]
    fn neighbours_and_own_addresses_are_read() {
        let (three, mac) = (3_u32.to_ne_bytes(), [2, 0, 0, 0, 0, 9]);
        let head = |state: u8| [2, 0, 0, 0, three[0], three[1], three[2], three[3], state, 0, 0, 1];
        let reachable = u16::to_ne_bytes(2);
        let mut known = head(0);
        known[8..10].copy_from_slice(&reachable);
        let ip: IpAddr = "192.168.8.20".parse().unwrap();
        let fact = message(NEW_NEIGHBOUR, &known, &[(1, &[192, 168, 8, 20]), (2, &mac)]);
        assert_eq!(fact, Some(Fact::Neighbour { interface: 3, ip, mac: Mac(mac) }));
        let mut failed = known;
        failed[8..10].copy_from_slice(&u16::to_ne_bytes(0x20));
        assert_eq!(message(NEW_NEIGHBOUR, &failed, &[(1, &[192, 168, 8, 20]), (2, &mac)]), None);
        assert_eq!(message(NEW_NEIGHBOUR, &known, &[(1, &[192, 168, 8, 20])]), None);
        let head = [2, 24, 0, 0, three[0], three[1], three[2], three[3]];
        let fact = message(DELETE_ADDRESS, &head, &[(1, &[192, 168, 8, 1]), (2, &[192, 168, 8, 1])]);
        assert_eq!(fact, Some(Fact::Own { interface: 3, net: "192.168.8.1/24".parse().unwrap(), gone: true }));
        assert_eq!(message(NEW_LINK, &[], &[]), Some(Fact::Link));
    }
}
