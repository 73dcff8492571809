//! What tells the flows of protocols other than TCP and UDP apart, as conntrack does (Linux, net/netfilter,
//! nf_conntrack_proto_*.c).

use crate::model::{Protocol, Tuple, is_group};
use crate::wire::packet::{Body, Packet};

/// IGMP (RFC 9776), which speaks of groups and to nobody outside.
const IGMP: u8 = 2;
/// No next header (RFC 8200, section 4.7).
const NOTHING: u8 = 59;

/// Returns the tuple of a packet's flow. It is absent for TCP and UDP, and for what is of no flow: what goes to groups
/// or comes from them, IGMP, packets without content, and of ICMP all that is neither a request nor its reply (errors belong to the flow that
/// they are about; neighbour discovery and MLD to none).
pub fn identify(packet: &Packet) -> Option<Tuple> {
    let (protocol, (source_port, destination_port)) = match packet.body {
        _ if is_group(packet.source) || is_group(packet.destination) => return None,
        Body::Icmp(message) if packet.source.is_ipv4() => (Protocol::Icmp, icmp(message)?),
        Body::Icmp(message) => (Protocol::Icmpv6, icmpv6(message)?),
        Body::Other(IGMP | NOTHING, _) => return None,
        Body::Other(number, header) => (Protocol(number), ports(Protocol(number), header)),
        Body::Tcp(_) | Body::Udp { .. } | Body::Fragment => return None,
    };
    Some(Tuple { protocol, source: packet.source, source_port, destination: packet.destination, destination_port })
}

/// Returns what stands for the ports in an ICMP message (RFC 792): the identifier on the side that asks, and on the
/// other one the type and code of the request. Requests are echo, timestamp, information and address mask.
fn icmp(message: &[u8]) -> Option<(u16, u16)> {
    let &[kind, code, _, _, i1, i0, ..] = message else { return None };
    let (asks, request) = match kind {
        8 | 13 | 15 | 17 => (true, kind),
        0 => (false, 8),
        14 | 16 | 18 => (false, kind - 1),
        _ => return None,
    };
    Some(sides(asks, u16::from_be_bytes([i1, i0]), u16::from_be_bytes([request, code])))
}

/// Returns what [`icmp`] does for ICMPv6: requests are echo (RFC 4443) and node information (RFC 4620).
fn icmpv6(message: &[u8]) -> Option<(u16, u16)> {
    let &[kind, code, _, _, i1, i0, ..] = message else { return None };
    let (asks, request) = match kind {
        128 | 139 => (true, kind),
        129 => (false, 128),
        140 => (false, 139),
        _ => return None,
    };
    Some(sides(asks, u16::from_be_bytes([i1, i0]), u16::from_be_bytes([request, code])))
}

fn sides(asks: bool, id: u16, request: u16) -> (u16, u16) {
    if asks { (id, request) } else { (request, id) }
}

/// Returns the ports; 0 where the protocol has none or they were cut off.
fn ports(protocol: Protocol, header: &[u8]) -> (u16, u16) {
    match *header {
        [s1, s0, d1, d0, ..] if protocol.has_ports() => (u16::from_be_bytes([s1, s0]), u16::from_be_bytes([d1, d0])),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::{self, Frame};
    use std::net::IpAddr;

    /// Returns the flow of a packet that carries this.
    fn flow(source: &str, destination: &str, protocol: u8, body: &[u8]) -> Option<String> {
        let (source, destination): (IpAddr, IpAddr) = (source.parse().unwrap(), destination.parse().unwrap());
        let mut data = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let head = [0x45, 0, 0, 20 + body.len() as u8, 0, 0, 0, 0, 64, protocol, 0, 0];
                [&head[..], &source.octets(), &destination.octets()].concat()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let head = [0x60, 0, 0, 0, 0, body.len() as u8, protocol, 255];
                [&head[..], &source.octets(), &destination.octets()].concat()
            }
            _ => unreachable!(),
        };
        data.extend(body);
        let Ok(Frame::Ip(packet)) = packet::parse(101, &data, data.len() as u32) else { unreachable!() };
        identify(&packet).map(|tuple| tuple.to_string())
    }

    #[test]
    fn a_reply_is_of_the_flow_of_its_request() {
        let (device, server) = ("192.168.8.20", "198.51.100.7");
        let text = "icmp 192.168.8.20:4711 > 198.51.100.7:2048";
        assert_eq!(flow(device, server, 1, &[8, 0, 0, 0, 0x12, 0x67, 0, 1]).as_deref(), Some(text));
        let reply = "icmp 198.51.100.7:2048 > 192.168.8.20:4711";
        assert_eq!(flow(server, device, 1, &[0, 0, 0, 0, 0x12, 0x67]).as_deref(), Some(reply));
        let reply = "icmpv6 [2001:db8::7]:32768 > [2001:db8:8::20]:1";
        assert_eq!(flow("2001:db8::7", "2001:db8:8::20", 58, &[129, 0, 0, 0, 0, 1]).as_deref(), Some(reply));
    }

    #[test]
    fn errors_groups_and_neighbour_discovery_are_of_no_flow() {
        let (device, server) = ("192.168.8.20", "198.51.100.7");
        assert_eq!(flow(server, device, 1, &[3, 1, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(flow(device, server, 1, &[8, 0, 0]), None);
        assert_eq!(flow(device, "224.0.0.22", 2, &[0x22]), None);
        assert_eq!(flow(device, "224.0.0.5", 89, &[2, 1]), None);
        for kind in 133..=137 {
            assert_eq!(flow("fe80::1", "fe80::2", 58, &[kind, 0, 0, 0, 0, 0, 0, 0]), None);
        }
    }

    #[test]
    fn ports_are_read_where_there_are_any() {
        let (device, server) = ("192.168.8.20", "198.51.100.7");
        let ports = [0x9c, 0x40, 0x0e, 0x1a];
        let is = |number, text: &str| {
            assert_eq!(flow(device, server, number, &ports), Some(text.to_string()));
        };
        is(132, "sctp 192.168.8.20:40000 > 198.51.100.7:3610");
        is(47, "gre 192.168.8.20 > 198.51.100.7");
        assert_eq!(flow(device, server, 132, &[1]).as_deref(), Some("sctp 192.168.8.20 > 198.51.100.7"));
    }
}
