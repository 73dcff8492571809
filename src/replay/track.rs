//! Packets into events: what conntrack, the neighbour table and the taps tell a live daemon, made from a capture.

use crate::event::{Event, PacketCounts};
use crate::limits;
use crate::model::{Hint, Mac, Protocol, Tuple, is_group, is_local};
use crate::replay::lan_side::LanSide;
use crate::time::{Span, Stamp, Time};
use crate::wire::dhcp::{self, MessageType};
use crate::wire::dns;
use crate::wire::first_packets::{FirstPackets, HandshakeDelay};
use crate::wire::other_flows;
use crate::wire::packet::{ACK, Body, FIN, Frame, Packet, RST, SYN};
use crate::wire::plaintext;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;

/// How long a silent flow lives, as OpenWrt sets conntrack (package/kernel/linux, sysctl-nf-conntrack.conf; the
/// others are the kernel's own, net/netfilter/nf_conntrack_proto_{tcp,udp,icmp,generic}.c).
mod timeout {
    use crate::time::Span;
    pub const TCP_ESTABLISHED: Span = Span::secs(7_440);
    pub const TCP_UNANSWERED: Span = Span::secs(120);
    pub const TCP_CLOSING: Span = Span::secs(120);
    pub const TCP_RESET: Span = Span::secs(10);
    pub const UDP: Span = Span::secs(60);
    pub const UDP_ANSWERED: Span = Span::secs(180);
    pub const ICMP: Span = Span::secs(30);
    /// Of protocols that the kernel knows nothing of but their number. It ends GRE earlier, and SCTP later.
    pub const OTHER: Span = Span::secs(600);
}

/// One flow of the capture. Index 0 of its arrays is the side that opened it.
struct TrackedFlow {
    /// The flow's tuple is the reply of the key under which it is kept.
    reversed: bool,
    answered: bool,
    fins: [bool; 2],
    reset: bool,
    last: Time,
    /// The bytes of both sides when they were last reported.
    reported_bytes: u64,
    /// When the addresses were last reported as those of the stations.
    neighbours_at: Time,
    macs: [Option<Mac>; 2],
    /// The client's initial sequence number, where its SYN was seen.
    isn: Option<u32>,
    bytes: [u64; 2],
    first_packets: Option<Box<FirstPackets>>,
    delay: HandshakeDelay,
    /// It was reported that the flow gives something of the house away.
    leak_reported: bool,
    /// DNS answers over TCP, of which the last may not be whole yet.
    answers: dns::TcpMessages,
    speaks_dns: bool,
}

impl TrackedFlow {
    fn tuple(&self, key: Tuple) -> Tuple {
        if self.reversed { key.reply() } else { key }
    }

    fn closed(&self, key: Tuple) -> Event {
        Event::FlowClosed { tuple: self.tuple(key), sent: self.bytes[0], received: self.bytes[1] }
    }

    fn counted(&self, key: Tuple) -> Event {
        Event::FlowCounted { tuple: self.tuple(key), sent: self.bytes[0], received: self.bytes[1] }
    }

    fn timeout(&self, protocol: Protocol) -> Span {
        match protocol {
            Protocol::Udp if self.answered => timeout::UDP_ANSWERED,
            Protocol::Udp => timeout::UDP,
            Protocol::Tcp if self.reset => timeout::TCP_RESET,
            Protocol::Tcp if self.fins == [true; 2] => timeout::TCP_CLOSING,
            Protocol::Tcp if !self.answered && self.isn.is_some() => timeout::TCP_UNANSWERED,
            Protocol::Tcp => timeout::TCP_ESTABLISHED,
            _ if protocol.is_icmp() => timeout::ICMP,
            _ => timeout::OTHER,
        }
    }
}

/// The transport part of a packet.
struct Transport<'a> {
    tuple: Tuple,
    flags: u8,
    sequence: u32,
    payload: &'a [u8],
}

/// The control bits that tell who opens a flow: the client sends SYN alone, the server answers with both.
const SYN_ACK: u8 = SYN | ACK;

/// Follows the flows of a capture, in bounded memory.
#[derive(Default)]
pub struct Tracker {
    /// The prefixes of the LAN as the user named them; empty where they are to be found from the traffic.
    prefixes: Vec<IpNet>,
    /// Words that nobody outside should read.
    private: Vec<String>,
    lan_side: LanSide,
    flows: HashMap<Tuple, TrackedFlow>,
    neighbours: HashMap<IpAddr, (Mac, Time)>,
    next_sweep: Time,
    next_count: Time,
    packets: PacketCounts,
}

/// Returns the key under which both directions of a flow are kept, and whether it is the reply of `tuple`.
fn key(tuple: Tuple) -> (Tuple, bool) {
    let reversed = (tuple.source, tuple.source_port) > (tuple.destination, tuple.destination_port);
    (if reversed { tuple.reply() } else { tuple }, reversed)
}

impl Tracker {
    /// Makes a tracker that follows nothing yet. Without `prefixes` the traffic tells what the LAN is; `private` are
    /// words that nobody outside should read.
    pub fn new(prefixes: Vec<IpNet>, private: Vec<String>) -> Tracker {
        Tracker { prefixes, private, ..Tracker::default() }
    }

    /// Begins a further capture, whose LAN side was found to be `lan_side`.
    pub(super) fn begin(&mut self, lan_side: LanSide, out: &mut Vec<Event>) {
        self.lan_side = LanSide { gateway: lan_side.gateway.or(self.lan_side.gateway), ..lan_side };
        if !self.prefixes.is_empty() {
            out.push(Event::Lan { prefixes: self.prefixes.clone() });
        }
    }

    /// Closes all flows, since the clock is about to jump and nothing from before goes on.
    pub fn jump(&mut self, out: &mut Vec<Event>) {
        self.close(|_, _| true, out);
    }

    /// Ends the last capture: reports what the flows that are still open have carried, and how many packets were read.
    #[expect(clippy::disallowed_methods, reason = "the events are sorted")]
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        let mut open: Vec<Event> = self.flows.drain().map(|(key, flow)| flow.counted(key)).collect();
        sort(&mut open);
        out.append(&mut open);
        out.push(Event::PacketsRead(self.packets));
    }

    /// Counts a packet that could not be read.
    pub fn malformed(&mut self) {
        self.packets.all += 1;
        self.packets.malformed += 1;
    }

    /// Handles a packet; the events that it makes go to `out`.
    pub fn packet(&mut self, frame: &Frame, at: Stamp, out: &mut Vec<Event>) {
        self.packets.all += 1;
        if at.now >= self.next_sweep {
            self.next_sweep = at.now + limits::SWEEP_INTERVAL;
            self.close(|key, flow| at.now.since(flow.last) > flow.timeout(key.protocol), out);
        }
        if at.now >= self.next_count {
            self.next_count = at.now + limits::COUNT_INTERVAL;
            self.count(out);
        }
        let packet = match frame {
            Frame::Ip(packet) => packet,
            Frame::Arp { mac, ip } => {
                self.packets.arp += 1;
                return self.note_neighbour((*ip).into(), Some(*mac), at.now, out);
            }
            Frame::Other => return self.packets.other += 1,
        };
        let (protocol, source_port, destination_port, flags, sequence, payload) = match &packet.body {
            Body::Tcp(tcp) => {
                (Protocol::Tcp, tcp.source_port, tcp.destination_port, tcp.flags, tcp.sequence, tcp.payload)
            }
            Body::Udp { source_port, destination_port, payload } => {
                (Protocol::Udp, *source_port, *destination_port, 0, 0, *payload)
            }
            Body::Icmp(_) | Body::Other(..) => return self.other(packet, at, out),
            Body::Fragment => return self.packets.fragments += 1,
        };
        if protocol == Protocol::Udp && matches!((source_port, destination_port), (67 | 68, 67 | 68)) {
            return self.dhcp(payload, out);
        }
        if is_group(packet.destination) || is_group(packet.source) {
            return self.note_neighbour(packet.source, packet.source_mac, at.now, out);
        }
        let (source, destination) = (packet.source, packet.destination);
        let tuple = Tuple { protocol, source, source_port, destination, destination_port };
        self.transport(packet, &Transport { tuple, flags, sequence, payload }, at, out);
    }

    /// Handles a packet that is neither TCP nor UDP.
    fn other(&mut self, packet: &Packet, at: Stamp, out: &mut Vec<Event>) {
        if let Some(tuple) = other_flows::identify(packet) {
            return self.transport(packet, &Transport { tuple, flags: 0, sequence: 0, payload: &[] }, at, out);
        }
        match packet.body {
            Body::Icmp(_) => self.packets.icmp += 1,
            _ => self.packets.other_ip += 1,
        }
        self.note_neighbour(packet.source, packet.source_mac, at.now, out);
    }

    fn transport(&mut self, packet: &Packet, transport: &Transport, at: Stamp, out: &mut Vec<Event>) {
        let (key, reversed) = key(transport.tuple);
        let opens = transport.flags & SYN_ACK == SYN;
        let known = self.flows.get(&key);
        let new = known.is_none_or(|flow| opens && (flow.isn != Some(transport.sequence) || flow.reversed != reversed));
        if new {
            if let Some(old) = self.flows.remove(&key) {
                out.push(old.closed(key));
            }
            if self.flows.len() >= limits::TRACKED_FLOWS {
                self.make_room(out);
            }
            self.note_neighbour(packet.source, packet.source_mac, at.now, out);
            if is_local(packet.destination) {
                self.note_neighbour(packet.destination, packet.destination_mac, at.now, out);
            }
            let flow = self.open(transport, reversed, at);
            let tuple = flow.tuple(key);
            let anonymous = packet.source_mac.is_none() && packet.destination_mac.is_none();
            if anonymous && !self.neighbours.contains_key(&tuple.source) {
                self.note_neighbour(tuple.source, Some(Mac::stand_in(tuple.source)), at.now, out);
            }
            let midstream = tuple.protocol == Protocol::Tcp && transport.flags & SYN == 0;
            out.push(Event::FlowOpened { tuple, midstream });
            self.flows.insert(key, flow);
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        let side = usize::from(flow.reversed != reversed);
        let tuple = flow.tuple(key);
        flow.last = at.now;
        flow.bytes[side] += u64::from(packet.bytes);
        flow.answered |= side == 1;
        flow.fins[side] |= transport.flags & FIN != 0;
        flow.reset |= transport.flags & RST != 0;
        if tuple.protocol == Protocol::Tcp && flow.isn.is_some() && transport.flags & (SYN | FIN | RST) == 0 {
            match side {
                0 => {
                    let delay = flow.delay.client_packet(transport.payload.is_empty(), at.now);
                    out.extend(delay.map(|delay| Event::HandshakeDelay { tuple, delay }));
                }
                _ if !transport.payload.is_empty() => flow.delay.abandon(),
                _ => {}
            }
        }
        if !transport.payload.is_empty() {
            if side == 0 && flow.first_packets.is_some() && !flow.leak_reported && !is_local(tuple.destination) {
                #[allow(clippy::disallowed_methods, reason = "whether there is one, in no order")]
                let ours = |mac| self.neighbours.values().any(|(known, _)| *known == mac);
                let hint = plaintext::find(transport.payload, ours, &self.private);
                flow.leak_reported = hint.is_some();
                out.extend(hint.map(|hint| Event::FirstPacket { tuple, hint }));
            }
            first_packets(flow, tuple, side, transport, packet.cut, out);
            if flow.speaks_dns && side == 1 {
                lookups(flow, tuple, transport, packet.cut, out);
            }
        }
        let moved = packet.source_mac.is_some() && flow.macs[side] != packet.source_mac;
        if moved || at.now.since(flow.neighbours_at) >= limits::NEIGHBOUR_INTERVAL {
            (flow.macs[side], flow.neighbours_at) = (packet.source_mac, at.now);
            self.note_neighbour(packet.source, packet.source_mac, at.now, out);
        }
    }

    fn open(&self, transport: &Transport, reversed: bool, at: Stamp) -> TrackedFlow {
        let Transport { tuple, flags, sequence, .. } = *transport;
        // The side that sent the SYN opened the flow; where no SYN was seen the LAN side, else the side seen first.
        let lan = |ip: IpAddr| is_local(ip) || self.neighbours.contains_key(&ip);
        let reply = match flags & SYN_ACK {
            SYN => false,
            SYN_ACK => true,
            _ => !lan(tuple.source) && lan(tuple.destination),
        };
        let port = if reply { tuple.source_port } else { tuple.destination_port };
        let isn = (flags & SYN_ACK == SYN).then_some(sequence);
        let mut first_packets = FirstPackets::new(tuple.protocol, port);
        if let Some(isn) = isn {
            first_packets.starts_at(isn.wrapping_add(1));
        }
        TrackedFlow {
            reversed: reversed != reply,
            answered: false,
            fins: [false; 2],
            reset: false,
            last: at.now,
            reported_bytes: 0,
            neighbours_at: at.now,
            macs: [None; 2],
            isn,
            bytes: [0; 2],
            first_packets: Some(Box::new(first_packets)),
            delay: HandshakeDelay::default(),
            leak_reported: false,
            answers: dns::TcpMessages::default(),
            speaks_dns: port == 53,
        }
    }

    /// Reports that an address of the LAN belongs to a station, when that is new, has changed, or was last reported
    /// long ago.
    fn note_neighbour(&mut self, ip: IpAddr, mac: Option<Mac>, now: Time, out: &mut Vec<Event>) {
        let inside = match self.prefixes.as_slice() {
            [] => is_local(ip) || self.lan_side.gateway.is_some() && (ip.is_ipv6() || self.lan_side.public_v4),
            prefixes => prefixes.iter().any(|prefix| prefix.contains(&ip)),
        };
        let Some(mac) = mac.filter(|mac| mac.is_station() && Some(*mac) != self.lan_side.gateway) else { return };
        if !inside || is_group(ip) {
            return;
        }
        let room = self.neighbours.len() < 2 * limits::ADDRESSES;
        match self.neighbours.get_mut(&ip) {
            Some((old, reported)) if *old == mac && now.since(*reported) < limits::NEIGHBOUR_INTERVAL => return,
            Some(old) => *old = (mac, now),
            None if room => _ = self.neighbours.insert(ip, (mac, now)),
            None => return,
        }
        out.push(Event::Neighbour { ip, mac });
    }

    fn dhcp(&self, payload: &[u8], out: &mut Vec<Event>) {
        let Some(dhcp) = dhcp::parse(payload).filter(|dhcp| Some(dhcp.mac) != self.lan_side.gateway) else { return };
        let dhcp::DhcpMessage { message_type, mac, address, hostname, vendor_class, booting } = dhcp;
        match (message_type, address) {
            (MessageType::Discover | MessageType::Request, _) if booting => {
                out.push(Event::Booted { mac, hostname, vendor_class });
            }
            (MessageType::Request | MessageType::Ack, Some(ip)) => {
                out.push(Event::Leased { ip: ip.into(), mac, hostname });
            }
            _ => {}
        }
    }

    /// Reports what flows have carried since the last report: all at once, as a dump of conntrack does.
    #[expect(clippy::disallowed_methods, reason = "the events are sorted")]
    fn count(&mut self, out: &mut Vec<Event>) {
        let changed = |(key, flow): (&Tuple, &mut TrackedFlow)| {
            let bytes = flow.bytes[0] + flow.bytes[1];
            (std::mem::replace(&mut flow.reported_bytes, bytes) != bytes).then(|| flow.counted(*key))
        };
        let mut counted: Vec<Event> = self.flows.iter_mut().filter_map(changed).collect();
        sort(&mut counted);
        out.append(&mut counted);
    }

    /// Closes the flows of which `is_over` is true.
    #[expect(clippy::disallowed_methods, reason = "the events are sorted")]
    fn close(&mut self, is_over: impl Fn(&Tuple, &TrackedFlow) -> bool, out: &mut Vec<Event>) {
        let mut closed = Vec::new();
        self.flows.retain(|key, flow| {
            let over = is_over(key, flow);
            if over {
                closed.push(flow.closed(*key));
            }
            !over
        });
        sort(&mut closed);
        out.append(&mut closed);
    }

    /// Closes the quarter of the flows that was silent longest.
    #[expect(clippy::disallowed_methods, reason = "a quantile has no order")]
    fn make_room(&mut self, out: &mut Vec<Event>) {
        let mut times: Vec<Time> = self.flows.values().map(|flow| flow.last).collect();
        let (_, &mut oldest, _) = times.select_nth_unstable(limits::TRACKED_FLOWS / 4);
        let before = self.flows.len();
        self.close(|_, flow| flow.last <= oldest, out);
        self.packets.crowded += (before - self.flows.len()) as u64;
    }
}

/// Sorts events by their flow, of which each has one: the order of a hash table is random, that of events must not be.
fn sort(events: &mut [Event]) {
    events.sort_unstable_by_key(|event| match event {
        Event::FlowClosed { tuple, .. } | Event::FlowCounted { tuple, .. } => Some(*tuple),
        _ => None,
    });
}

fn first_packets(
    flow: &mut TrackedFlow,
    tuple: Tuple,
    side: usize,
    transport: &Transport,
    cut: bool,
    out: &mut Vec<Event>,
) {
    let Some(packets) = &mut flow.first_packets else { return };
    let hint = match side {
        // A SYN takes a sequence number, too.
        0 => {
            let is_syn = transport.flags & SYN != 0;
            if is_syn {
                flow.delay.abandon();
            }
            packets.client(transport.sequence.wrapping_add(is_syn.into()), transport.payload, cut)
        }
        _ => packets.server(transport.payload, cut),
    };
    if packets.is_done() {
        flow.first_packets = None;
    }
    if let Some(hint) = hint {
        flow.speaks_dns |= hint == Hint::Dns;
        out.push(Event::FirstPacket { tuple, hint });
    }
}

/// Reports the lookups in what the resolver's side of a DNS flow sends.
fn lookups(flow: &mut TrackedFlow, tuple: Tuple, transport: &Transport, cut: bool, out: &mut Vec<Event>) {
    let (client, server) = (tuple.source, tuple.destination);
    match tuple.protocol {
        Protocol::Udp => _ = dns::report_answer(transport.payload, !cut, client, server, out),
        Protocol::Tcp => flow.answers.segment(transport.sequence, transport.payload, cut, &mut |message, whole| {
            dns::report_answer(message, whole, client, server, out);
        }),
        _ => {}
    }
}
