//! Where a running leash learns its facts: conntrack, neighbours, the taps, dnsmasq's log and leases.
//!
//! Each source hands out events and says what it may have missed. None waits.

use crate::engine::Engine;
use crate::event::{Event, Source};
use crate::limits;
use crate::live::netlink::{NETFILTER, ROUTE, Socket};
use crate::live::tail::Tail;
use crate::model::{Mac, Protocol, Tuple, is_group, is_local};
use crate::ruleset::{ANSWERS, OPENINGS};
use crate::time::{Span, Stamp, Time, Wall};
use crate::wire::conntrack::{self, Which};
use crate::wire::dns::{self, Stream};
use crate::wire::dnsmasq::{self, Log};
use crate::wire::first_packets::{FirstPackets, Pause};
use crate::wire::netlink::{Message, messages};
use crate::wire::packet::{Body, Frame};
use crate::wire::{neighbour, nflog, plaintext};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::path::Path;

/// Datagrams that one source may hand out before the others have their turn.
const TURN: usize = 1_024;
/// Receive buffers in bytes: 60,000 events of ended flows at once take 4 MB and more.
const EVENTS_BUFFER: usize = 8 << 20;
const TAP_BUFFER: usize = 1 << 20;
/// So many events within so short a time are a storm: 1,000 a second.
const STORM: usize = 50;
const STORM_WINDOW: Span = Span::ms(50);
/// Dumps are no closer to each other than this.
const DUMP_EVERY: Span = Span::secs(5);

/// The router's own addresses and the networks of its LAN.
#[derive(Debug, Default)]
pub struct Lan {
    /// By interface index.
    own: BTreeSet<(u32, IpNet)>,
    /// The addresses alone, and the networks of the LAN: each event asks for them.
    own_ips: Vec<IpAddr>,
    lan: Vec<IpNet>,
    /// The interfaces of the LAN by index.
    pub interfaces: Vec<u32>,
}

impl Lan {
    /// An address of the router.
    pub fn is_own(&self, ip: IpAddr) -> bool {
        self.own_ips.contains(&ip)
    }

    /// An address of the LAN.
    pub fn is_lan(&self, ip: IpAddr) -> bool {
        self.lan.iter().any(|net| net.contains(&ip))
    }

    /// The router's address on the LAN; an IPv4 one where there is one.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.of_lan().map(IpNet::addr).min_by_key(|ip| (ip.is_ipv6(), *ip))
    }

    /// The prefixes of the LAN, and the router's own addresses.
    pub fn prefixes(&self) -> Vec<IpNet> {
        let mut all: Vec<IpNet> = self.lan.clone();
        all.extend(self.own_ips.iter().map(|ip| IpNet::from(*ip)));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The router's addresses on the LAN, with their networks.
    fn of_lan(&self) -> impl Iterator<Item = &IpNet> {
        self.own.iter().filter(|(index, _)| self.interfaces.contains(index)).map(|(_, net)| net)
    }

    /// The addresses or the interfaces changed.
    fn settle(&mut self) {
        self.lan = self.of_lan().map(IpNet::trunc).collect();
        self.own_ips = self.own.iter().map(|(_, net)| net.addr()).collect();
    }

    /// An entry of conntrack and its counters, if it concerns a station of the LAN. A flow from outside that a forwarded
    /// port brings to a station is that station's.
    fn entry(&self, message: &Message, engine: &Engine) -> Option<(Tuple, Option<(u64, u64)>)> {
        let conntrack::Entry { mut tuple, bytes, .. } = conntrack::parse(message)?;
        if self.is_own(tuple.destination) && !self.is_lan(tuple.source) {
            tuple = conntrack::forwarded(tuple, message);
        }
        self.concerns(&tuple, engine).then_some((tuple, bytes))
    }

    /// A flow that concerns a station of the LAN.
    fn concerns(&self, tuple: &Tuple, engine: &Engine) -> bool {
        let station = |ip| (self.is_lan(ip) || engine.owner(ip).is_some()) && !self.is_own(ip);
        // Each lookup is a flow to the router too; what it asked is known from the answer.
        let asks_us = matches!(tuple.destination_port, 53 | 67 | 123 | 547) && self.is_own(tuple.destination);
        !is_group(tuple.destination)
            && !asks_us
            && !self.is_own(tuple.source)
            && (station(tuple.source) || station(tuple.destination))
    }
}

/// Conntrack's events, and dumps beside them.
pub struct ConntrackFlows {
    events: Socket,
    dumps: Socket,
    /// The dump under way.
    dump: Option<Dump>,
    /// A dump of everything is due: something was missed.
    pub stale: bool,
    last_dump: Option<Time>,
    next_count: Time,
    /// What happened so far.
    pub counts: FlowCounts,
    pending: Vec<Event>,
    /// Events since then, to know a storm.
    window: (Time, usize),
}

/// Numbers for `status` and `doctor`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowCounts {
    /// Events of any flow.
    pub events: u64,
    /// Times that the kernel's queue ran over.
    pub overflows: u64,
    /// Dumps.
    pub dumps: u64,
}

struct Dump {
    sequence: u32,
    /// Of everything, to find out what was missed; else only to read counters.
    whole: bool,
}

impl ConntrackFlows {
    /// Begins to listen. The error says what is missing.
    pub fn open() -> io::Result<ConntrackFlows> {
        let mut events = Socket::open(NETFILTER, &[conntrack::GROUP_NEW, conntrack::GROUP_DESTROY], 1_024)?;
        events.set_receive_buffer(EVENTS_BUFFER);
        events.enable_broadcast_error()?;
        let mut dumps = Socket::open(NETFILTER, &[], 32_768)?;
        dumps.set_receive_buffer(TAP_BUFFER);
        Ok(ConntrackFlows {
            events,
            dumps,
            dump: None,
            stale: true,
            last_dump: None,
            next_count: Time(0),
            counts: FlowCounts::default(),
            pending: Vec::new(),
            window: (Time(0), 0),
        })
    }

    /// The sockets to wait for.
    pub fn sockets(&self) -> [&Socket; 2] {
        [&self.events, &self.dumps]
    }

    /// Reads what there is, without handing it out yet. True in a storm.
    pub fn read(&mut self, house: &Lan, engine: &Engine, at: Stamp) -> io::Result<bool> {
        let pending = &mut self.pending;
        let mut events = 0;
        let received = self.events.receive(TURN, |datagram| {
            for message in messages(datagram) {
                events += 1;
                let Some((tuple, bytes)) = house.entry(&message, engine) else { continue };
                pending.push(match (message.kind, bytes) {
                    (conntrack::NEW, _) => Event::FlowOpened { tuple, midstream: false },
                    (_, bytes) => {
                        let (sent, received) = bytes.unwrap_or_default();
                        Event::FlowClosed { tuple, sent, received }
                    }
                });
            }
        })?;
        self.counts.events += events;
        if received.lost {
            self.counts.overflows += 1;
            self.stale = true;
        }
        if at.now.since(self.window.0) > STORM_WINDOW {
            self.window = (at.now, 0);
        }
        self.window.1 += received.datagrams;
        Ok(self.window.1 >= STORM)
    }

    /// Hands out what was read.
    pub fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.pending)
    }

    /// Begins or goes on with a dump. Live flows say what they have carried once a minute.
    pub fn dump(&mut self, house: &Lan, engine: &Engine, at: Stamp, out: &mut Vec<Event>) -> io::Result<()> {
        let Some(Dump { sequence, whole }) = self.dump else {
            let rested = self.last_dump.is_none_or(|last| at.now.since(last) >= DUMP_EVERY);
            let whole = self.stale && rested;
            if whole || at.now >= self.next_count && rested {
                let sequence = self.dumps.next_sequence();
                let mut writer = Default::default();
                // Bytes that go one way only, without an answer, are rare: every tenth time is soon enough.
                let all = whole || self.counts.dumps.is_multiple_of(10);
                conntrack::dump(&mut writer, sequence, if all { Which::All } else { Which::Assured });
                self.dumps.send(&writer)?;
                self.dump = Some(Dump { sequence, whole });
                self.last_dump = Some(at.now);
                self.next_count = at.now + limits::COUNT_EVERY;
                self.counts.dumps += 1;
                if whole {
                    self.stale = false;
                    out.push(Event::Gap { source: Source::Flows });
                }
            }
            return Ok(());
        };
        let (mut done, mut broken) = (false, false);
        let received = self.dumps.receive(16, |datagram| {
            for message in messages(datagram).filter(|message| message.sequence == sequence) {
                done |= message.kind == crate::wire::netlink::DONE;
                broken |= message.error().is_some_and(|code| code != 0);
                let Some((tuple, bytes)) = house.entry(&message, engine) else { continue };
                if whole {
                    out.push(Event::FlowOpened { tuple, midstream: true });
                }
                if let Some((sent, received)) = bytes {
                    out.push(Event::FlowCounted { tuple, sent, received });
                }
            }
        })?;
        if broken || received.lost {
            self.dump = None;
            self.stale |= whole;
        } else if done {
            self.dump = None;
            out.extend(whole.then_some(Event::Dumped));
        }
        Ok(())
    }

    /// Somebody looks at what flows carry, so it is counted sooner.
    pub fn count_soon(&mut self) {
        self.next_count = Time(0);
    }

    /// When the next dump is due.
    pub fn next_deadline(&self) -> Time {
        let rested = self.last_dump.map_or(Time(0), |last| last + DUMP_EVERY);
        if self.stale { rested } else { self.next_count.max(rested) }
    }

    /// The receive buffer that the kernel granted.
    pub fn receive_buffer(&self) -> (usize, usize) {
        (self.events.receive_buffer, EVENTS_BUFFER)
    }
}

/// The neighbour table and the router's own addresses.
pub struct Neighbours {
    events: Socket,
    requests: Socket,
    /// Everything is to be read anew.
    stale: bool,
}

impl Neighbours {
    /// Begins to listen.
    pub fn open() -> io::Result<Neighbours> {
        let mut events = Socket::open(ROUTE, &neighbour::GROUPS, 4_096)?;
        events.set_receive_buffer(TAP_BUFFER);
        Ok(Neighbours { events, requests: Socket::open(ROUTE, &[], 32_768)?, stale: true })
    }

    /// The socket to wait for.
    pub fn socket(&self) -> &Socket {
        &self.events
    }

    /// The interfaces of the settings may be others now.
    pub fn reread(&mut self) {
        self.stale = true;
    }

    /// Hands out what is new. True when the house changed.
    pub fn take(&mut self, names: &[String], house: &mut Lan, out: &mut Vec<Event>) -> io::Result<bool> {
        let mut facts = Vec::new();
        let received = self.events.receive(TURN, |datagram| {
            facts.extend(messages(datagram).filter_map(|message| neighbour::parse(&message)));
        })?;
        self.stale |= received.lost;
        if facts.is_empty() && !self.stale {
            return Ok(false);
        }
        let links = facts.contains(&neighbour::Fact::Link);
        let before = house.prefixes();
        if links || self.stale {
            let indices = names.iter().filter_map(|name| nix::net::if_::if_nametoindex(name.as_str()).ok());
            let indices: Vec<u32> = indices.collect();
            self.stale |= indices != house.interfaces;
            house.interfaces = indices;
        }
        if std::mem::take(&mut self.stale) {
            house.own.clear();
            for dump in [neighbour::dump_own, neighbour::dump_neighbours] {
                self.requests.ask(1, dump, |message| facts.extend(neighbour::parse(message)))?;
            }
        }
        for fact in facts {
            match fact {
                neighbour::Fact::Own { interface, net, gone: false } => _ = house.own.insert((interface, net)),
                neighbour::Fact::Own { interface, net, gone: true } => _ = house.own.remove(&(interface, net)),
                neighbour::Fact::Neighbour { interface, ip, mac } if house.interfaces.contains(&interface) => {
                    out.push(Event::Neighbour { ip, mac });
                }
                neighbour::Fact::Neighbour { .. } | neighbour::Fact::Link => {}
            }
        }
        house.settle();
        let prefixes = house.prefixes();
        let changed = prefixes != before;
        if changed {
            out.insert(0, Event::Lan { prefixes });
        }
        Ok(changed)
    }
}

/// Packets that nft's rules log for us.
pub struct Tap {
    socket: Socket,
    /// Packets so far.
    pub packets: u64,
    /// Times that the kernel's queue ran over.
    pub overflows: u64,
}

impl Tap {
    fn open(group: u16, slot: usize) -> io::Result<Tap> {
        let mut socket = Socket::open(NETFILTER, &[], slot)?;
        socket.set_receive_buffer(TAP_BUFFER);
        socket.ask(2, |writer, sequence| nflog::bind(writer, sequence, group), |_| {})?;
        Ok(Tap { socket, packets: 0, overflows: 0 })
    }

    /// The socket to wait for.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    fn receive(&mut self, group: u16, mut take: impl FnMut(&Frame, Option<Wall>)) -> io::Result<bool> {
        let packets = &mut self.packets;
        let received = self.socket.receive(TURN, |datagram| {
            for message in messages(datagram) {
                if let Some(logged) = nflog::parse(&message).filter(|logged| logged.group == group) {
                    *packets += 1;
                    take(&logged.frame, logged.wall);
                }
            }
        })?;
        self.overflows += u64::from(received.lost);
        Ok(received.lost)
    }
}

/// The resolvers' answers on their way to the LAN.
pub struct Answers {
    /// The tap.
    pub tap: Tap,
    streams: HashMap<Tuple, (Stream, Time)>,
}

impl Answers {
    /// Begins to listen.
    pub fn open() -> io::Result<Answers> {
        Ok(Answers { tap: Tap::open(ANSWERS, 1 << 17)?, streams: HashMap::new() })
    }

    /// Hands out what is new.
    pub fn take(&mut self, at: Stamp, out: &mut Vec<Event>) -> io::Result<()> {
        let streams = &mut self.streams;
        let lost = self.tap.receive(ANSWERS, |frame, _| {
            let Frame::Ip(packet) = frame else { return };
            let (by, server) = (packet.destination, packet.source);
            let tell = |out: &mut Vec<Event>, message: &[u8]| {
                out.extend(dns::parse_answer(message, by, server).map(Event::Looked));
            };
            match &packet.body {
                Body::Udp { payload, .. } => tell(out, payload),
                Body::Tcp(tcp) if !tcp.payload.is_empty() => {
                    let tuple = Tuple {
                        protocol: Protocol::Tcp,
                        source: by,
                        source_port: tcp.destination_port,
                        destination: server,
                        destination_port: tcp.source_port,
                    };
                    if streams.len() >= 64 {
                        streams.retain(|_, (_, since)| at.now.since(*since) < Span::secs(10));
                    }
                    if streams.len() < 64 || streams.contains_key(&tuple) {
                        let (stream, _) = streams.entry(tuple).or_insert_with(|| (Stream::default(), at.now));
                        stream.segment(tcp.payload, packet.cut, |message| tell(out, message));
                    }
                }
                _ => {}
            }
        })?;
        if lost {
            out.push(Event::Gap { source: Source::Lookups });
        }
        Ok(())
    }
}

/// The first packets of flows.
pub struct FirstPacketTap {
    /// The tap.
    pub tap: Tap,
    /// Those that began of late, and before them: whoever is not heard of for a while is forgotten.
    flows: HashMap<Tuple, Begun>,
    earlier: HashMap<Tuple, Begun>,
}

/// A flow whose first packets are being read.
struct Begun {
    /// Absent once it has nothing more to say.
    opening: Option<FirstPackets>,
    pause: Pause,
    gave_away: bool,
}

impl FirstPacketTap {
    /// Begins to listen.
    pub fn open() -> io::Result<FirstPacketTap> {
        Ok(FirstPacketTap { tap: Tap::open(OPENINGS, 1 << 15)?, flows: HashMap::new(), earlier: HashMap::new() })
    }

    /// Hands out what is new. A queue that ran over loses hints, which nothing depends on.
    pub fn take(&mut self, engine: &Engine, out: &mut Vec<Event>) -> io::Result<()> {
        let (flows, earlier) = (&mut self.flows, &mut self.earlier);
        let private = &engine.config().private;
        self.tap.receive(OPENINGS, |frame, wall| {
            let Frame::Ip(packet) = frame else { return };
            let (protocol, source_port, destination_port, sequence, payload) = match &packet.body {
                Body::Tcp(tcp) => (Protocol::Tcp, tcp.source_port, tcp.destination_port, tcp.sequence, tcp.payload),
                Body::Udp { source_port, destination_port, payload } => {
                    (Protocol::Udp, *source_port, *destination_port, 0, *payload)
                }
                _ => return,
            };
            let (source, destination) = (packet.source, packet.destination);
            // The packet is the truth about whose address this is.
            let owner = packet.source_mac.filter(|mac: &Mac| mac.is_station() && engine.owner(source) != Some(*mac));
            if let Some(mac) = owner.filter(|_| is_local(source) || engine.is_lan(source)) {
                out.push(Event::Neighbour { ip: source, mac });
            }
            let tuple = Tuple { protocol, source, source_port, destination, destination_port };
            if flows.len() >= limits::BEGUN {
                std::mem::swap(flows, earlier);
                flows.clear();
            }
            let new = || Begun {
                opening: Some(FirstPackets::new(protocol, destination_port)),
                pause: Pause::default(),
                gave_away: false,
            };
            let begun = flows.entry(tuple).or_insert_with(|| earlier.remove(&tuple).unwrap_or_else(new));
            // Dates of the kernel, since packets wait for company before they are handed over.
            if let (Protocol::Tcp, Some(wall)) = (protocol, wall) {
                let pause = begun.pause.client(payload.is_empty(), Time(0) + wall.since(Wall(0)));
                out.extend(pause.map(|pause| Event::Paused { tuple, pause }));
            }
            if !begun.gave_away && !is_local(destination) && !engine.is_lan(destination) {
                let hint = plaintext::find(payload, |mac| engine.is_device(mac), private);
                begun.gave_away = hint.is_some();
                out.extend(hint.map(|hint| Event::FirstPacket { tuple, hint }));
            }
            let Some(opening) = &mut begun.opening else { return };
            if let Some(hint) = opening.client(sequence, payload, packet.cut) {
                out.push(Event::FirstPacket { tuple, hint });
            }
            if opening.is_done() {
                begun.opening = None;
            }
        })?;
        Ok(())
    }
}

/// dnsmasq's query log.
pub struct QueryLog {
    tail: Tail,
    log: Log,
    /// Its lookups are told; else only its leases, since a tap knows better.
    pub believed: bool,
}

impl QueryLog {
    /// Follows the file, which may come later.
    pub fn open(path: &Path) -> io::Result<QueryLog> {
        Ok(QueryLog { tail: Tail::open(path)?, log: Log::default(), believed: true })
    }

    /// What to wait for.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// What was read.
    pub fn counts(&self) -> dnsmasq::Counts {
        self.log.counts
    }

    /// Hands out what is new.
    pub fn take(&mut self, out: &mut Vec<Event>) -> io::Result<()> {
        let mut events = Vec::new();
        let (log, into) = (&mut self.log, &mut events);
        self.tail.read(|line| match line {
            Some(line) => log.line(line, into),
            None => log.forget(),
        })?;
        self.log.flush(&mut events);
        let believed = self.believed;
        out.extend(
            events.into_iter().filter(|event| believed || matches!(event, Event::Leased { .. } | Event::Booted { .. })),
        );
        Ok(())
    }
}

/// Reads dnsmasq's leases.
pub fn leases(path: &Path, out: &mut Vec<Event>) {
    let text = super::progress::text(path).unwrap_or_default();
    out.extend(text.lines().take(limits::DEVICES).filter_map(dnsmasq::leases_line));
}

/// Whom the router asks: the resolvers of its settings and those that its provider named.
pub fn resolvers() -> Vec<IpAddr> {
    let files = ["/etc/resolv.conf", "/tmp/resolv.conf.auto", "/tmp/resolv.conf.d/resolv.conf.auto"];
    let texts = files.iter().filter_map(|path| super::progress::text(Path::new(path)).ok());
    let mut found = BTreeSet::new();
    for text in texts {
        let words = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver "));
        found.extend(words.filter_map(|word| word.trim().parse::<IpAddr>().ok()));
    }
    found.into_iter().collect()
}
