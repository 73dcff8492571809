//! Packets that a capture has more than once: of several interfaces that the packet crosses (the port of a bridge, the
//! bridge, the far side of the router), or since a station sends on what it receives on the same link, as tools do that
//! stand between the devices and the router by ARP.

use crate::fnv::Fnv64;
use crate::limits;
use crate::model::Mac;
use crate::time::{Span, Time};
use crate::wire::packet::{ANY_INTERFACE, Body, Packet};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How long a packet takes from one interface to the next at most. What is sent once more takes longer: TCP waits for
/// 200 ms at least (RFC 6298, as Linux does it), and then as a rule the packet has another identification.
const WINDOW: Span = Span::ms(20);
/// How long it takes where the link type does not tell the interface: then what comes twice at once is a copy.
const MOMENT: Span = Span::ms(1);
/// How many bytes of the payload tell packets apart.
const PAYLOAD: usize = 64;

struct Seen {
    at: Time,
    interface: u32,
    receiver: Option<Mac>,
    sender: Option<Mac>,
}

/// The packets of the latest moment.
#[derive(Default)]
pub struct Copies {
    seen: HashMap<u64, Seen>,
    order: VecDeque<(Time, u64)>,
}

impl Copies {
    /// Returns whether this is a copy of a packet that was seen a moment ago, and remembers it if it is none. It is one
    /// if it comes from another interface, or from the station that received the first.
    pub fn is_copy(&mut self, packet: &Packet, interface: u32, now: Time) -> bool {
        while self.order.len() >= limits::COPIES || self.order.front().is_some_and(|(at, _)| now.since(*at) > WINDOW) {
            if let Some((at, key)) = self.order.pop_front()
                && self.seen.get(&key).is_some_and(|seen| seen.at == at)
            {
                self.seen.remove(&key);
            }
        }
        let key = key(packet);
        let (sender, receiver) = (packet.source_mac, packet.destination_mac);
        if let Some(seen) = self.seen.get(&key) {
            let relayed = sender.is_some() && sender == seen.receiver && sender != seen.sender;
            let at_once = interface == ANY_INTERFACE && now.since(seen.at) < MOMENT;
            if seen.interface != interface || relayed || at_once {
                return true;
            }
        }
        self.seen.insert(key, Seen { at: now, interface, receiver, sender });
        self.order.push_back((now, key));
        false
    }
}

/// Returns the number under which a packet is known on all its way: what a router changes (hops, checksum) is left out.
fn key(packet: &Packet) -> u64 {
    let mut key = Fnv64::default();
    for address in [packet.source, packet.destination] {
        match address {
            IpAddr::V4(v4) => key.update(&v4.octets()),
            IpAddr::V6(v6) => key.update(&v6.octets()),
        }
    }
    let [b3, b2, b1, b0] = packet.bytes.to_be_bytes();
    let [i1, i0] = packet.id.to_be_bytes();
    key.update(&[b3, b2, b1, b0, i1, i0]);
    let payload = match packet.body {
        Body::Tcp(tcp) => {
            // Ports, sequence number, acknowledgement, control bits and window.
            key.update(packet.data.get(..16).unwrap_or(packet.data));
            tcp.payload
        }
        Body::Udp { payload, .. } => {
            key.update(packet.data.get(..6).unwrap_or(packet.data));
            payload
        }
        _ => packet.data,
    };
    key.update(payload.get(..PAYLOAD).unwrap_or(payload));
    key.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(hops: u8, macs: [u8; 2], payload: &[u8]) -> Packet<'_> {
        let mac = |last: u8| Some(Mac([2, 0, 0, 0, 0, last])).filter(|_| last > 0);
        Packet {
            source_mac: mac(macs[0]),
            destination_mac: mac(macs[1]),
            source: [192, 168, 8, 20].into(),
            destination: [198, 51, 100, 7].into(),
            bytes: 60,
            id: 7,
            hops,
            cut: false,
            fragment: None,
            data: payload,
            body: Body::Udp { source_port: 1, destination_port: 2, payload },
        }
    }

    #[test]
    fn another_interface_or_a_relay_makes_a_copy_and_time_or_a_repetition_none() {
        let (mut copies, late) = (Copies::default(), Time(0) + Span::ms(25));
        let own = packet(64, [20, 1], b"payload");
        assert!(!copies.is_copy(&own, 4, Time(0)), "the first");
        assert!(copies.is_copy(&packet(64, [20, 1], b"payload"), 6, Time(9)), "at the bridge");
        assert!(copies.is_copy(&packet(63, [9, 8], b"payload"), 2, Time(9)), "on the far side");
        assert!(copies.is_copy(&packet(63, [1, 8], b"payload"), 4, Time(9)), "sent on by its receiver");
        assert!(!copies.is_copy(&own, 4, Time(10)), "sent once more");
        assert!(!copies.is_copy(&packet(64, [20, 1], b"another"), 6, Time(9)), "another payload");
        assert!(!copies.is_copy(&own, 6, late), "long after");
        let any = ANY_INTERFACE;
        assert!(!copies.is_copy(&packet(64, [20, 0], b"cooked"), any, late));
        assert!(copies.is_copy(&packet(64, [20, 0], b"cooked"), any, late + Span(900)));
        for number in 0..3 * limits::COPIES as u64 {
            copies.is_copy(&packet(64, [20, 1], &number.to_be_bytes()), 4, late);
        }
        assert!(copies.seen.len() <= limits::COPIES && copies.order.len() <= limits::COPIES);
    }
}
