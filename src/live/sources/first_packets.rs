//! The first packets of flows, tapped in the kernel: names in handshakes, delays, private words in the clear. The same tap
//! has what stations tell all others of themselves: DHCP's requests, multicast DNS, SSDP.

use crate::api::Severity;
use crate::engine::Engine;
use crate::event::Event;
use crate::limits;
use crate::live::slot::{Need, rights_and_package};
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::live::sources::tap::Tap;
use crate::model::{Mac, Protocol, Tuple, is_group, is_local};
use crate::ruleset::FIRST_PACKETS_GROUP;
use crate::sentence;
use crate::time::{Time, Wall};
use crate::wire::dhcp::{self, DhcpMessage};
use crate::wire::discovery::{self, Announcements};
use crate::wire::first_packets::{FirstPackets, HandshakeDelay};
use crate::wire::packet::{Body, Frame, SYN};
use crate::wire::plaintext;
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// The entry of first packets in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "first packets",
        severity: Severity::Warning,
        missing: |error| {
            sentence!("the first packets of flows cannot be tapped, so names in handshakes are missed: %s", error)
        },
        remedy: || rights_and_package("kmod-nfnetlink-log"),
    },
    step: Step::Packets,
    precedence: None,
    open: |_| {
        let announcements = Announcements::default();
        let tap = Tap::open(FIRST_PACKETS_GROUP, 1 << 15)?;
        Ok(Some(Box::new(FirstPacketTap { tap, flows: HashMap::new(), older: HashMap::new(), announcements })))
    },
};

/// The first packets of flows.
struct FirstPacketTap {
    tap: Tap,
    /// Flows that began since this table was last full, and in `older` those that began before: a flow that sends nothing
    /// while the table fills twice is forgotten.
    flows: HashMap<Tuple, Beginning>,
    older: HashMap<Tuple, Beginning>,
    announcements: Announcements,
}

/// A flow whose first packets are being read.
struct Beginning {
    /// None when all is known that they can tell.
    packets: Option<FirstPackets>,
    delay: HandshakeDelay,
    /// A private word was found in the clear: one such hint a flow is enough.
    leaked: bool,
}

impl Source for FirstPacketTap {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.tap.as_fd());
    }

    /// A queue that ran over loses hints, which nothing depends on: no gap.
    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (flows, older, announcements, engine) =
            (&mut self.flows, &mut self.older, &mut self.announcements, scene.engine);
        let private = &engine.config().private;
        self.tap.receive(|logged| {
            let Frame::Ip(packet) = &logged.frame else { return };
            let (protocol, source_port, destination_port, sequence, payload) = match &packet.body {
                Body::Tcp(tcp) => {
                    // A SYN takes a sequence number, too.
                    let sequence = tcp.sequence.wrapping_add((tcp.flags & SYN != 0).into());
                    (Protocol::Tcp, tcp.source_port, tcp.destination_port, sequence, tcp.payload)
                }
                Body::Udp { source_port, destination_port, payload } => {
                    (Protocol::Udp, *source_port, *destination_port, 0, *payload)
                }
                _ => return,
            };
            let (source, destination) = (packet.source, packet.destination);
            if is_group(destination) {
                if let Some(mac) = packet.source_mac.filter(|mac| mac.is_station()) {
                    told(announcements, engine, (mac, source), destination_port, payload, out);
                }
                return;
            }
            // The frame says for certain which station has this address.
            let owner = packet.source_mac.filter(|mac: &Mac| mac.is_station() && engine.owner(source) != Some(*mac));
            if let Some(mac) = owner.filter(|_| is_local(source) || engine.is_lan(source)) {
                out.push(Event::Neighbour { ip: source, mac });
            }
            let tuple = Tuple { protocol, source, source_port, destination, destination_port };
            if flows.len() >= limits::FIRST_PACKET_FLOWS {
                std::mem::swap(flows, older);
                flows.clear();
            }
            let new = || Beginning {
                packets: Some(FirstPackets::new(protocol, destination_port)),
                delay: HandshakeDelay::default(),
                leaked: false,
            };
            let beginning = flows.entry(tuple).or_insert_with(|| older.remove(&tuple).unwrap_or_else(new));
            // The kernel's dates, since packets wait for company before they are handed over.
            if let (Protocol::Tcp, Some(wall)) = (protocol, logged.wall) {
                let delay = beginning.delay.client_packet(payload.is_empty(), Time(0) + wall.since(Wall(0)));
                out.extend(delay.map(|delay| Event::HandshakeDelay { tuple, delay }));
            }
            if !beginning.leaked && !is_local(destination) && !engine.is_lan(destination) {
                let hint = plaintext::find(payload, |mac| engine.is_device(mac), private);
                beginning.leaked = hint.is_some();
                out.extend(hint.map(|hint| Event::FirstPacket { tuple, hint }));
            }
            let Some(packets) = &mut beginning.packets else { return };
            if let Some(hint) = packets.client(sequence, payload, packet.cut) {
                out.push(Event::FirstPacket { tuple, hint });
            }
            if packets.is_done() {
                beginning.packets = None;
            }
        })?;
        Ok(())
    }

    fn counts(&self) -> Value {
        self.tap.counts()
    }
}

/// Reads what a station tells all others.
fn told(
    announcements: &mut Announcements,
    engine: &Engine,
    (sender, source): (Mac, IpAddr),
    port: u16,
    payload: &[u8],
    out: &mut Vec<Event>,
) {
    if discovery::PORTS.contains(&port) {
        // Whoever is not known yet will tell again.
        let mac = engine.owner(source).unwrap_or(sender);
        if engine.is_device(mac) {
            announcements.read(mac, port, payload, out);
        }
        return;
    }
    // Whoever sends for others, as relays do, tells nothing of itself.
    let message = dhcp::parse(payload).filter(|message| message.booting && message.mac == sender);
    out.extend(message.map(|message| {
        let DhcpMessage { mac, hostname, vendor_class, asks, .. } = message;
        Event::Booted { mac, hostname, vendor_class, asks }
    }));
}
