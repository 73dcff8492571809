//! rtnetlink: which station has which address on the LAN, and the router's own addresses (linux/neighbour.h,
//! linux/if_addr.h).

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

/// The multicast groups of links, neighbours, IPv4 and IPv6 addresses (`RTNLGRP_*`, linux/rtnetlink.h).
pub const GROUPS: [u32; 4] = [1, 3, 5, 9];

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtnetlinkEvent {
    /// A station has an address.
    Neighbour {
        /// The index of the interface at which the station is.
        interface: u32,
        /// The address.
        ip: IpAddr,
        /// The station's hardware address.
        mac: Mac,
    },
    /// The router has an address, or has it no longer.
    RouterAddress {
        /// The index of the interface with the address.
        interface: u32,
        /// The address and the length of its network's prefix.
        net: IpNet,
        /// The address is gone.
        gone: bool,
    },
    /// An interface came, went or changed.
    LinkChanged,
}

/// Reads a message. Returns `None` when it says nothing of interest here, or cannot be read.
pub fn parse(message: &Message) -> Option<RtnetlinkEvent> {
    match message.kind {
        NEW_LINK | DELETE_LINK => Some(RtnetlinkEvent::LinkChanged),
        NEW_NEIGHBOUR => neighbour(message.body),
        NEW_ADDRESS | DELETE_ADDRESS => router_address(message.body, message.kind == DELETE_ADDRESS),
        _ => None,
    }
}

fn neighbour(body: &[u8]) -> Option<RtnetlinkEvent> {
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
    Some(RtnetlinkEvent::Neighbour { interface: message.header.ifindex, ip: ip?, mac })
}

fn router_address(body: &[u8], gone: bool) -> Option<RtnetlinkEvent> {
    let message = AddressMessage::parse(body).ok()?;
    let (mut address, mut local) = (None, None);
    for attribute in message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(ip),
            AddressAttribute::Local(ip) => local = Some(ip),
            _ => {}
        }
    }
    // On a point-to-point link the address without `local` is that of the far end.
    let net = IpNet::new(local.or(address)?, message.header.prefix_len).ok()?;
    Some(RtnetlinkEvent::RouterAddress { interface: message.header.index, net, gone })
}

/// Writes a request for all neighbours.
pub fn dump_neighbours(writer: &mut Writer, sequence: u32) {
    writer.message(NEW_NEIGHBOUR + 2, flag::REQUEST | flag::DUMP, sequence, &[0; 12]);
}

/// Writes a request for all addresses of the router.
pub fn dump_addresses(writer: &mut Writer, sequence: u32) {
    writer.message(NEW_ADDRESS + 2, flag::REQUEST | flag::DUMP, sequence, &[0; 8]);
}

#[cfg(test)]
mod tests {
    use super::super::netlink::messages;
    use super::*;

    fn message(kind: u16, head: &[u8], attributes: &[(u16, &[u8])]) -> Option<RtnetlinkEvent> {
        let mut writer = Writer::default();
        writer.message(kind, 0, 1, head);
        attributes.iter().for_each(|(kind, value)| writer.attribute(*kind, value));
        messages(writer.bytes()).next().and_then(|message| parse(&message))
    }

    #[test]
    fn neighbours_and_addresses_of_the_router_are_read() {
        let (three, mac) = (3_u32.to_ne_bytes(), [2, 0, 0, 0, 0, 9]);
        let head = |state: u8| [2, 0, 0, 0, three[0], three[1], three[2], three[3], state, 0, 0, 1];
        let reachable = u16::to_ne_bytes(2);
        let mut known = head(0);
        known[8..10].copy_from_slice(&reachable);
        let ip: IpAddr = "192.168.8.20".parse().unwrap();
        let fact = message(NEW_NEIGHBOUR, &known, &[(1, &[192, 168, 8, 20]), (2, &mac)]);
        assert_eq!(fact, Some(RtnetlinkEvent::Neighbour { interface: 3, ip, mac: Mac(mac) }));
        let mut failed = known;
        failed[8..10].copy_from_slice(&u16::to_ne_bytes(0x20));
        assert_eq!(message(NEW_NEIGHBOUR, &failed, &[(1, &[192, 168, 8, 20]), (2, &mac)]), None);
        assert_eq!(message(NEW_NEIGHBOUR, &known, &[(1, &[192, 168, 8, 20])]), None);
        let head = [2, 24, 0, 0, three[0], three[1], three[2], three[3]];
        let fact = message(DELETE_ADDRESS, &head, &[(1, &[192, 168, 8, 1]), (2, &[192, 168, 8, 1])]);
        assert_eq!(
            fact,
            Some(RtnetlinkEvent::RouterAddress { interface: 3, net: "192.168.8.1/24".parse().unwrap(), gone: true })
        );
        assert_eq!(message(NEW_LINK, &[], &[]), Some(RtnetlinkEvent::LinkChanged));
    }
}
