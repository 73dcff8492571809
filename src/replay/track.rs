//! Packets into events: what conntrack, the neighbour table and the taps tell a live daemon, made from a capture.

use crate::event::{Event, Packets};
use crate::limits;
use crate::model::{Mac, Protocol, Tuple, is_group, is_local};
use crate::replay::lan_side::Survey;
use crate::time::{Span, Stamp, Time};
use crate::wire::dhcp::{self, Kind};
use crate::wire::dns;
use crate::wire::first_packets::{FirstPackets, Pause};
use crate::wire::packet::{ACK, Body, FIN, Frame, Packet, RST, SYN};
use crate::wire::plaintext;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;

/// How long a silent flow lives, as OpenWrt sets conntrack (package/kernel/linux, sysctl-nf-conntrack.conf; the
/// others are the kernel's own, net/netfilter/nf_conntrack_proto_{tcp,udp}.c).
mod timeout {
    use crate::time::Span;
    pub const TCP_ESTABLISHED: Span = Span::secs(7_440);
    pub const TCP_UNANSWERED: Span = Span::secs(120);
    pub const TCP_CLOSING: Span = Span::secs(120);
    pub const TCP_RESET: Span = Span::secs(10);
    pub const UDP: Span = Span::secs(60);
    pub const UDP_ANSWERED: Span = Span::secs(180);
}

/// One flow of the capture. Index 0 is the side that opened it.
struct Tracked {
    /// The tuple is the reply of the key under which it is kept.
    flipped: bool,
    answered: bool,
    fins: [bool; 2],
    reset: bool,
    last: Time,
    /// The bytes of both sides when they were told last.
    counted: u64,
    /// When the addresses were last told to be the stations'.
    introduced: Time,
    macs: [Option<Mac>; 2],
    /// The initial sequence number, where the SYN was seen.
    isn: Option<u32>,
    bytes: [u64; 2],
    opening: Option<Box<FirstPackets>>,
    pause: Pause,
    /// It was told that it gives something of the house away.
    gave_away: bool,
    /// A DNS answer over TCP that is not whole yet.
    answer: dns::Stream,
    speaks_dns: bool,
}

impl Tracked {
    fn tuple(&self, key: Tuple) -> Tuple {
        if self.flipped { key.reply() } else { key }
    }

    fn over(&self, key: Tuple) -> Event {
        Event::FlowClosed { tuple: self.tuple(key), sent: self.bytes[0], received: self.bytes[1] }
    }

    fn carried(&self, key: Tuple) -> Event {
        Event::FlowCounted { tuple: self.tuple(key), sent: self.bytes[0], received: self.bytes[1] }
    }

    fn lives(&self, protocol: Protocol) -> Span {
        match protocol {
            Protocol::Udp if self.answered => timeout::UDP_ANSWERED,
            Protocol::Udp => timeout::UDP,
            Protocol::Tcp if self.reset => timeout::TCP_RESET,
            Protocol::Tcp if self.fins == [true; 2] => timeout::TCP_CLOSING,
            Protocol::Tcp if !self.answered && self.isn.is_some() => timeout::TCP_UNANSWERED,
            Protocol::Tcp => timeout::TCP_ESTABLISHED,
        }
    }
}

/// The transport part of a packet.
struct Segment<'a> {
    tuple: Tuple,
    flags: u8,
    sequence: u32,
    payload: &'a [u8],
}

/// The control bits that tell who opens: SYN alone, or the answer to it with both.
const OPENING: u8 = SYN | ACK;

/// The state between packets, bounded.
#[derive(Default)]
pub struct Tracker {
    /// The prefixes that the user said are the LAN; empty: found from the traffic.
    prefixes: Vec<IpNet>,
    /// Words that nobody outside should read.
    private: Vec<String>,
    survey: Survey,
    flows: HashMap<Tuple, Tracked>,
    neighbours: HashMap<IpAddr, (Mac, Time)>,
    next_sweep: Time,
    next_count: Time,
    packets: Packets,
}

/// One direction for both directions of a flow, and whether the tuple was turned.
fn key(tuple: Tuple) -> (Tuple, bool) {
    let flipped = (tuple.source, tuple.source_port) > (tuple.destination, tuple.destination_port);
    (if flipped { tuple.reply() } else { tuple }, flipped)
}

impl Tracker {
    /// With these prefixes as the LAN, or none to find out, and these words that nobody outside should read.
    pub fn new(prefixes: Vec<IpNet>, private: Vec<String>) -> Tracker {
        Tracker { prefixes, private, ..Tracker::default() }
    }

    /// A capture begins, of which this is known.
    pub(crate) fn begin(&mut self, survey: Survey, out: &mut Vec<Event>) {
        self.survey = Survey { gateway: survey.gateway.or(self.survey.gateway), ..survey };
        if !self.prefixes.is_empty() {
            out.push(Event::Lan { prefixes: self.prefixes.clone() });
        }
    }

    /// The clock is about to jump: nothing of before goes on.
    pub fn jump(&mut self, out: &mut Vec<Event>) {
        self.close(|_, _| true, out);
    }

    /// No more packets: says what the flows that are still open have carried, and the counts.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        let mut open = Vec::new();
        open.extend(self.flows.drain().map(|(key, flow)| flow.carried(key)));
        sort(&mut open);
        out.append(&mut open);
        out.push(Event::Read(self.packets));
    }

    /// A packet that could not be read.
    pub fn malformed(&mut self) {
        self.packets.all += 1;
        self.packets.malformed += 1;
    }

    /// Takes a packet; the events that it makes go to `out`.
    pub fn packet(&mut self, frame: &Frame, at: Stamp, out: &mut Vec<Event>) {
        self.packets.all += 1;
        if at.now >= self.next_sweep {
            self.next_sweep = at.now + limits::SWEEP;
            self.close(|key, flow| at.now.since(flow.last) > flow.lives(key.protocol), out);
        }
        if at.now >= self.next_count {
            self.next_count = at.now + limits::COUNT_EVERY;
            self.count(out);
        }
        let packet = match frame {
            Frame::Ip(packet) => packet,
            Frame::Arp { mac, ip } => {
                self.packets.arp += 1;
                return self.introduce((*ip).into(), Some(*mac), at.now, out);
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
            Body::Icmp => {
                self.packets.icmp += 1;
                return self.introduce(packet.source, packet.source_mac, at.now, out);
            }
            Body::Fragment => return self.packets.fragments += 1,
            Body::Other(_) => return self.packets.other_ip += 1,
        };
        if protocol == Protocol::Udp && matches!((source_port, destination_port), (67 | 68, 67 | 68)) {
            return self.dhcp(payload, out);
        }
        if is_group(packet.destination) || is_group(packet.source) {
            return self.introduce(packet.source, packet.source_mac, at.now, out);
        }
        let (source, destination) = (packet.source, packet.destination);
        let tuple = Tuple { protocol, source, source_port, destination, destination_port };
        self.segment(packet, &Segment { tuple, flags, sequence, payload }, at, out);
    }

    fn segment(&mut self, packet: &Packet, segment: &Segment, at: Stamp, out: &mut Vec<Event>) {
        let (key, turned) = key(segment.tuple);
        let opens = segment.flags & OPENING == SYN;
        let known = self.flows.get(&key);
        let new = known.is_none_or(|flow| opens && (flow.isn != Some(segment.sequence) || flow.flipped != turned));
        if new {
            if let Some(old) = self.flows.remove(&key) {
                out.push(old.over(key));
            }
            if self.flows.len() >= limits::TRACKED {
                self.make_room(out);
            }
            self.introduce(packet.source, packet.source_mac, at.now, out);
            if is_local(packet.destination) {
                self.introduce(packet.destination, packet.destination_mac, at.now, out);
            }
            let flow = self.open(segment, turned, at);
            let tuple = flow.tuple(key);
            let anonymous = packet.source_mac.is_none() && packet.destination_mac.is_none();
            if anonymous && !self.neighbours.contains_key(&tuple.source) {
                self.introduce(tuple.source, Some(Mac::stand_in(tuple.source)), at.now, out);
            }
            let midstream = tuple.protocol == Protocol::Tcp && segment.flags & SYN == 0;
            out.push(Event::FlowOpened { tuple, midstream });
            self.flows.insert(key, flow);
        }
        let Some(flow) = self.flows.get_mut(&key) else { return };
        let side = usize::from(flow.flipped != turned);
        let tuple = flow.tuple(key);
        flow.last = at.now;
        flow.bytes[side] += u64::from(packet.bytes);
        flow.answered |= side == 1;
        flow.fins[side] |= segment.flags & FIN != 0;
        flow.reset |= segment.flags & RST != 0;
        if tuple.protocol == Protocol::Tcp && flow.isn.is_some() && segment.flags & (SYN | FIN | RST) == 0 {
            match side {
                0 => {
                    let pause = flow.pause.client(segment.payload.is_empty(), at.now);
                    out.extend(pause.map(|pause| Event::Paused { tuple, pause }));
                }
                _ if !segment.payload.is_empty() => flow.pause.give_up(),
                _ => {}
            }
        }
        if !segment.payload.is_empty() {
            if side == 0 && flow.opening.is_some() && !flow.gave_away && !is_local(tuple.destination) {
                #[allow(clippy::disallowed_methods, reason = "whether there is one, in no order")]
                let ours = |mac| self.neighbours.values().any(|(known, _)| *known == mac);
                let hint = plaintext::find(segment.payload, ours, &self.private);
                flow.gave_away = hint.is_some();
                out.extend(hint.map(|hint| Event::FirstPacket { tuple, hint }));
            }
            first_packets(flow, tuple, side, segment, packet.cut, out);
            if flow.speaks_dns && side == 1 {
                lookups(flow, tuple, segment, packet.cut, out);
            }
        }
        let moved = packet.source_mac.is_some() && flow.macs[side] != packet.source_mac;
        if moved || at.now.since(flow.introduced) >= limits::NEIGHBOUR_EVERY {
            (flow.macs[side], flow.introduced) = (packet.source_mac, at.now);
            self.introduce(packet.source, packet.source_mac, at.now, out);
        }
    }

    fn open(&self, segment: &Segment, turned: bool, at: Stamp) -> Tracked {
        let Segment { tuple, flags, sequence, .. } = *segment;
        // Who opened it: by SYN, else the LAN side, else who was seen first.
        let lan = |ip: IpAddr| is_local(ip) || self.neighbours.contains_key(&ip);
        let reply = match flags & OPENING {
            SYN => false,
            OPENING => true,
            _ => !lan(tuple.source) && lan(tuple.destination),
        };
        let port = if reply { tuple.source_port } else { tuple.destination_port };
        let isn = (flags & OPENING == SYN).then_some(sequence);
        let mut opening = FirstPackets::new(tuple.protocol, port);
        if let Some(isn) = isn {
            opening.begins(isn.wrapping_add(1));
        }
        Tracked {
            flipped: turned != reply,
            answered: false,
            fins: [false; 2],
            reset: false,
            last: at.now,
            counted: 0,
            introduced: at.now,
            macs: [None; 2],
            isn,
            bytes: [0; 2],
            opening: Some(Box::new(opening)),
            pause: Pause::default(),
            gave_away: false,
            answer: dns::Stream::default(),
            speaks_dns: port == 53,
        }
    }

    /// The address belongs to the station, if it is one of the LAN; told when new, changed or not told for long.
    fn introduce(&mut self, ip: IpAddr, mac: Option<Mac>, now: Time, out: &mut Vec<Event>) {
        let inside = match self.prefixes.as_slice() {
            [] => is_local(ip) || self.survey.gateway.is_some() && (ip.is_ipv6() || self.survey.public_v4),
            prefixes => prefixes.iter().any(|prefix| prefix.contains(&ip)),
        };
        let Some(mac) = mac.filter(|mac| mac.is_station() && Some(*mac) != self.survey.gateway) else { return };
        if !inside || is_group(ip) {
            return;
        }
        let room = self.neighbours.len() < 2 * limits::ADDRESSES;
        match self.neighbours.get_mut(&ip) {
            Some((old, told)) if *old == mac && now.since(*told) < limits::NEIGHBOUR_EVERY => return,
            Some(old) => *old = (mac, now),
            None if room => _ = self.neighbours.insert(ip, (mac, now)),
            None => return,
        }
        out.push(Event::Neighbour { ip, mac });
    }

    fn dhcp(&self, payload: &[u8], out: &mut Vec<Event>) {
        let Some(dhcp) = dhcp::parse(payload).filter(|dhcp| Some(dhcp.mac) != self.survey.gateway) else { return };
        let dhcp::Dhcp { kind, mac, address, hostname, vendor_class, booting } = dhcp;
        match (kind, address) {
            (Kind::Discover | Kind::Request, _) if booting => out.push(Event::Booted { mac, hostname, vendor_class }),
            (Kind::Request | Kind::Ack, Some(ip)) => out.push(Event::Leased { ip: ip.into(), mac, hostname }),
            _ => {}
        }
    }

    /// Says what the flows have carried that carried something: all at once, as a dump of conntrack does.
    fn count(&mut self, out: &mut Vec<Event>) {
        let mut counted = Vec::new();
        self.flows.retain(|key, flow| {
            let bytes = flow.bytes[0] + flow.bytes[1];
            if std::mem::replace(&mut flow.counted, bytes) != bytes {
                counted.push(flow.carried(*key));
            }
            true
        });
        sort(&mut counted);
        out.append(&mut counted);
    }

    /// Closes the flows of which `over` is true.
    fn close(&mut self, over: impl Fn(&Tuple, &Tracked) -> bool, out: &mut Vec<Event>) {
        let mut closed = Vec::new();
        self.flows.retain(|key, flow| {
            let over = over(key, flow);
            if over {
                closed.push(flow.over(*key));
            }
            !over
        });
        sort(&mut closed);
        out.append(&mut closed);
    }

    /// Closes the quarter that was silent longest.
    fn make_room(&mut self, out: &mut Vec<Event>) {
        let mut times = Vec::with_capacity(self.flows.len());
        self.flows.retain(|_, flow| {
            times.push(flow.last);
            true
        });
        let (_, &mut oldest, _) = times.select_nth_unstable(limits::TRACKED / 4);
        let before = self.flows.len();
        self.close(|_, flow| flow.last <= oldest, out);
        self.packets.crowded += (before - self.flows.len()) as u64;
    }
}

/// The order of a hash table is random; the order of events must not be.
fn sort(events: &mut [Event]) {
    events.sort_by_key(|event| match event {
        Event::FlowClosed { tuple, .. } | Event::FlowCounted { tuple, .. } => Some(*tuple),
        _ => None,
    });
}

fn first_packets(flow: &mut Tracked, tuple: Tuple, side: usize, segment: &Segment, cut: bool, out: &mut Vec<Event>) {
    let Some(opening) = &mut flow.opening else { return };
    let hint = match side {
        0 => opening.client(segment.sequence, segment.payload, cut),
        _ => opening.server(segment.payload, cut),
    };
    if opening.is_done() {
        flow.opening = None;
    }
    if let Some(hint) = hint {
        flow.speaks_dns |= hint == crate::model::Hint::Dns;
        out.push(Event::FirstPacket { tuple, hint });
    }
}

/// The resolver's side of a DNS flow.
fn lookups(flow: &mut Tracked, tuple: Tuple, segment: &Segment, cut: bool, out: &mut Vec<Event>) {
    let mut tell =
        |message: &[u8]| out.extend(dns::parse_answer(message, tuple.source, tuple.destination).map(Event::Looked));
    match tuple.protocol {
        Protocol::Udp => tell(segment.payload),
        Protocol::Tcp => flow.answer.segment(segment.payload, cut, tell),
    }
}
