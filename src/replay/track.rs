//! Packets into events: what conntrack, the neighbour table and the taps tell a live daemon, made from a capture.

use crate::event::{Event, PacketCounts};
use crate::limits;
use crate::model::{Hint, Mac, Protocol, Tuple, is_group, is_local};
use crate::replay::copies::Copies;
use crate::replay::lan_side::{LanSide, is_service};
use crate::replay::stations::Stations;
use crate::time::{Span, Stamp, Time};
use crate::wire::discovery::{self, Announcements};
use crate::wire::dns;
use crate::wire::first_packets::{FirstPackets, HandshakeDelay};
use crate::wire::fragments::{self, Fragments, LostAnswer};
use crate::wire::other_flows;
use crate::wire::packet::{ACK, Body, FIN, Frame, Packet, RST, SYN};
use crate::wire::plaintext;
use crate::wire::public_resolvers::is_resolver_address;
use crate::wire::questions::Questions;
use ipnet::IpNet;
use std::collections::HashMap;

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
    stations: Stations,
    /// Words that nobody outside should read.
    private: Vec<String>,
    flows: HashMap<Tuple, TrackedFlow>,
    fragments: Fragments,
    questions: Questions,
    /// What stations told each other.
    announcements: Announcements,
    /// The packets of which copies may come; absent where no packet comes twice.
    copies: Option<Copies>,
    /// When the capture began, or its clock last jumped.
    start: Option<Time>,
    /// The clock jumped back: what comes now may be the other half of what came before.
    went_back: bool,
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
        Tracker { stations: Stations::new(prefixes), private, ..Tracker::default() }
    }

    /// Begins a further capture, whose LAN side was found to be `lan_side`.
    pub(super) fn begin(&mut self, lan_side: LanSide, out: &mut Vec<Event>) {
        self.copies = lan_side.relayed.then(Copies::default);
        self.stations.begin(lan_side, out);
    }

    /// Closes all flows, since the clock is about to jump, perhaps `back`, and nothing from before goes on.
    pub fn jump(&mut self, back: bool, out: &mut Vec<Event>) {
        self.close(|_, _| true, out);
        (self.start, self.went_back) = (None, back);
        self.miss_fragments(None, out);
    }

    /// Ends the last capture: reports what the flows that are still open have carried, and how many packets were read.
    #[expect(clippy::disallowed_methods, reason = "the events are sorted")]
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        self.miss_fragments(None, out);
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

    /// Handles a packet that was captured on an interface, absent where the capture has but one; the events that it
    /// makes go to `out`.
    pub fn packet(&mut self, frame: &Frame, interface: Option<u32>, at: Stamp, out: &mut Vec<Event>) {
        self.packets.all += 1;
        self.start.get_or_insert(at.now);
        if at.now >= self.next_sweep {
            self.next_sweep = at.now + limits::SWEEP_INTERVAL;
            self.close(|key, flow| at.now.since(flow.last) > flow.timeout(key.protocol), out);
            self.questions.expire(at.now, out);
        }
        if at.now >= self.next_count {
            self.next_count = at.now + limits::COUNT_INTERVAL;
            self.count(out);
        }
        if !self.fragments.is_empty() {
            self.miss_fragments(Some(at.now), out);
        }
        let packet = match frame {
            Frame::Ip(packet) => packet,
            Frame::Arp { mac, ip } => {
                self.packets.arp += 1;
                return self.stations.note((*ip).into(), Some(*mac), false, at.now, out);
            }
            Frame::Other => return self.packets.other += 1,
        };
        if interface.is_some() && self.copies.is_none() {
            self.copies = Some(Copies::default());
        }
        if let Some(copies) = &mut self.copies
            && (self.stations.is_far_side(packet) || copies.is_copy(packet, interface.unwrap_or_default(), at.now))
        {
            return;
        }
        if packet.fragment.is_some() {
            self.fragment(packet, at, out);
        }
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
        match (protocol, source_port, destination_port) {
            (Protocol::Udp, 67 | 68, 67 | 68) => return self.stations.dhcp(packet, payload, out),
            (Protocol::Udp, 547, 546) => self.stations.dhcpv6(packet, payload, out),
            _ => {}
        }
        if is_group(packet.destination) || is_group(packet.source) {
            self.stations.note_sender(packet, at.now, out);
            let heard = self.stations.by_address(packet.source).filter(|_| protocol == Protocol::Udp);
            if let Some(mac) = heard.filter(|_| discovery::PORTS.contains(&destination_port)) {
                self.announcements.read(mac, destination_port, payload, out);
            }
            return;
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
            Body::Icmp(_) => {
                self.packets.icmp += 1;
                self.stations.discovery(packet, out);
            }
            _ => self.packets.other_ip += 1,
        }
        self.stations.note_sender(packet, at.now, out);
    }

    /// Takes a fragment, and reads the answer that is whole with it.
    fn fragment(&mut self, packet: &Packet, at: Stamp, out: &mut Vec<Event>) {
        let mut lost = Vec::new();
        let whole = self.fragments.take(packet, at.now, &mut lost);
        self.report_lost(&lost, out);
        let Some(datagram) = whole else { return };
        let Some((source_port, destination_port, payload)) = fragments::udp(&datagram) else { return };
        let tuple = Tuple {
            protocol: Protocol::Udp,
            source: packet.destination,
            source_port: destination_port,
            destination: packet.source,
            destination_port: source_port,
        };
        if self.speaks_dns(tuple) {
            self.answer(tuple, payload, true, at.now, out);
        }
    }

    /// Whether this is the tuple of a flow that was found to be one of DNS.
    fn speaks_dns(&self, tuple: Tuple) -> bool {
        tuple.destination_port == 53 || self.flows.get(&key(tuple).0).is_some_and(|flow| flow.speaks_dns)
    }

    /// Reports the answers of which fragments have been missing for too long; without a time, all.
    fn miss_fragments(&mut self, now: Option<Time>, out: &mut Vec<Event>) {
        let mut lost = Vec::new();
        match now {
            Some(now) => self.fragments.expire(now, &mut lost),
            None => self.fragments.clear(&mut lost),
        }
        self.report_lost(&lost, out);
    }

    fn report_lost(&self, lost: &[LostAnswer], out: &mut Vec<Event>) {
        for LostAnswer { source, destination, start } in lost {
            if let Some((53, _, payload)) = fragments::udp(start) {
                dns::report_answer(payload, false, *destination, *source, out);
            }
        }
    }

    /// Reports what the resolver's side of a DNS flow says.
    fn answer(&mut self, tuple: Tuple, message: &[u8], whole: bool, now: Time, out: &mut Vec<Event>) {
        let (client, server) = (tuple.source, tuple.destination);
        let Some(answered) = dns::report_answer(message, whole, client, server, out) else { return };
        self.questions.answered((client, tuple.source_port), server, &answered, now);
        // A device could have any address named by a resolver of its own.
        let believed = self.stations.is_inside(server, None) == Some(true) || is_resolver_address(server);
        if let Some(mac) = self.stations.by_address(client).filter(|_| believed) {
            let told = |address| Event::Resolver { mac: Some(mac), address, encrypted: true };
            out.extend(answered.designated.into_iter().map(told));
        }
    }

    fn transport(&mut self, packet: &Packet, transport: &Transport, at: Stamp, out: &mut Vec<Event>) {
        let (key, reversed) = key(transport.tuple);
        let opens = transport.flags & SYN_ACK == SYN;
        let reopens = |flow: &TrackedFlow| opens && (flow.isn != Some(transport.sequence) || flow.reversed != reversed);
        let flow = match self.flows.get_mut(&key) {
            Some(flow) if !reopens(flow) => flow,
            _ => {
                let flow = self.begin_flow(packet, transport, (key, reversed), at, out);
                self.flows.entry(key).or_insert(flow)
            }
        };
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
                let ours = |mac| self.stations.has_mac(mac);
                let hint = plaintext::find(transport.payload, ours, &self.private);
                flow.leak_reported = hint.is_some();
                out.extend(hint.map(|hint| Event::FirstPacket { tuple, hint }));
            }
            first_packets(flow, tuple, side, transport, packet.cut, out);
        }
        let speaks_dns = flow.speaks_dns;
        let moved = packet.source_mac.is_some() && flow.macs[side] != packet.source_mac;
        if moved || at.now.since(flow.neighbours_at) >= limits::NEIGHBOUR_INTERVAL {
            (flow.macs[side], flow.neighbours_at) = (packet.source_mac, at.now);
            self.stations.note_sender(packet, at.now, out);
        }
        if speaks_dns {
            self.dns(packet, transport, (key, tuple, side), at, out);
        }
    }

    /// Reports that a flow opens, in place of the one that had its key.
    fn begin_flow(
        &mut self,
        packet: &Packet,
        transport: &Transport,
        (key, reversed): (Tuple, bool),
        at: Stamp,
        out: &mut Vec<Event>,
    ) -> TrackedFlow {
        if let Some(old) = self.flows.remove(&key) {
            out.push(old.closed(key));
        }
        if self.flows.len() >= limits::TRACKED_FLOWS {
            self.make_room(out);
        }
        self.stations.note_sender(packet, at.now, out);
        self.stations.note_receiver(packet, at.now, out);
        let flow = self.open(packet, transport, reversed, at);
        let tuple = flow.tuple(key);
        let anonymous = packet.source_mac.is_none() && packet.destination_mac.is_none();
        if anonymous && self.stations.by_address(tuple.source).is_none() {
            self.stations.note(tuple.source, Some(Mac::stand_in(tuple.source)), false, at.now, out);
        }
        let midstream = match tuple.protocol {
            Protocol::Tcp => transport.flags & SYN == 0,
            Protocol::Udp => flow.reversed != reversed || self.runs_already(tuple, transport.payload, packet.cut, at),
            _ => flow.reversed != reversed,
        };
        out.push(Event::FlowOpened { tuple, midstream });
        flow
    }

    /// Takes a packet of a DNS flow: of the side that asks (0), or the resolver's (1).
    fn dns(
        &mut self,
        packet: &Packet,
        transport: &Transport,
        (key, tuple, side): (Tuple, Tuple, usize),
        at: Stamp,
        out: &mut Vec<Event>,
    ) {
        let (payload, sequence) = (transport.payload, transport.sequence);
        let question = |message: &[u8]| dns::parse(message).filter(|one| !one.response).map(|one| one.question());
        let mut messages = Vec::new();
        match (tuple.protocol, side) {
            _ if packet.fragment.is_some() => {}
            (Protocol::Udp, 1) => self.answer(tuple, payload, !packet.cut, at.now, out),
            (Protocol::Udp, _) => {
                if let Some(question) = question(payload) {
                    let client = (tuple.source, tuple.source_port);
                    self.questions.asked(client, tuple.destination, question, at.now);
                }
            }
            (Protocol::Tcp, _) => {
                let Some(flow) = self.flows.get_mut(&key) else { return };
                let mut take = |message: &[u8], whole: bool| messages.push((message.to_vec(), whole));
                if side == 1 {
                    if transport.flags & SYN != 0 {
                        flow.answers.starts_at(sequence.wrapping_add(1));
                    } else if !payload.is_empty() {
                        flow.answers.segment(sequence, payload, packet.cut, &mut take);
                    }
                } else if let (Some(number), true) = (packet.data.get(8..12), transport.flags & ACK != 0) {
                    let number = number.first_chunk().map_or(0, |number| u32::from_be_bytes(*number));
                    // The end of the stream takes a number, too.
                    let fin = u32::from(flow.fins[1]);
                    flow.answers.acknowledged(number.wrapping_sub(fin), &mut take);
                }
                if let Some(question) = payload.get(2..).filter(|_| side == 0).and_then(question) {
                    let client = (tuple.source, tuple.source_port);
                    self.questions.asked(client, tuple.destination, question, at.now);
                }
            }
            _ => {}
        }
        for (message, whole) in messages {
            self.answer(tuple, &message, whole, at.now, out);
        }
    }

    /// Whether a UDP flow with this first packet of its client began before the capture did: it is early, and the packet
    /// opens no protocol that is known; or the packet is one of the middle of a connection.
    fn runs_already(&self, tuple: Tuple, payload: &[u8], cut: bool, at: Stamp) -> bool {
        let age = at.now.since(self.start.unwrap_or(at.now));
        if age > limits::UDP_IDLE || is_local(tuple.destination) || self.stations.has_booted(tuple.source) {
            return false;
        }
        let goes_on = match *payload {
            // WireGuard's transport data, padded to 16 bytes (section 5.4.6 of its paper).
            [4, 0, 0, 0, ..] => payload.len() >= 32 && payload.len().is_multiple_of(16),
            // QUIC's short header (RFC 9000, section 17.3).
            [first, ..] => first & 0xc0 == 0x40 && tuple.destination_port == 443,
            [] => false,
        };
        let opens = || FirstPackets::new(Protocol::Udp, tuple.destination_port).client(0, payload, cut).is_some();
        goes_on || age <= limits::UDP_RUNNING && !opens()
    }

    fn open(&self, packet: &Packet, transport: &Transport, reversed: bool, at: Stamp) -> TrackedFlow {
        let Transport { tuple, flags, sequence, .. } = *transport;
        // The side that sent the SYN opened the flow; where no SYN was seen the LAN side, or the one that does not send
        // from the port of a service, else the side seen first.
        let reply = match flags & SYN_ACK {
            SYN => false,
            SYN_ACK => true,
            _ => match (
                self.stations.is_inside(tuple.source, packet.source_mac),
                self.stations.is_inside(tuple.destination, packet.destination_mac),
            ) {
                (Some(true), Some(false)) => false,
                (Some(false), Some(true)) => true,
                // The question may be in a part of the file that has the same time.
                (Some(true), Some(true)) if self.went_back => false,
                _ => is_service(tuple.source_port) && !is_service(tuple.destination_port),
            },
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
