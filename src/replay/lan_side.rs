//! Finds which side of a capture is the house. What comes through a router is outside, so it is the routers that must be
//! known: by what they do for others, since a device could claim to be one in order to hide itself. A router is whatever
//! hands a station the answers of outside addresses that the station itself has called.

use crate::fnv::Fnv64;
use crate::model::{Mac, is_group, is_local};
use crate::wire::dhcp::{self, MessageType};
use crate::wire::packet::{self, Body, Frame, Packet, SYN, Tcp};
use crate::wire::pcap;
use ipnet::{IpNet, Ipv6Net};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

/// How many public networks are counted for each MAC; more do not change which has most.
const NETWORKS: usize = 64;
/// How many MACs are counted.
const MACS: usize = 1_024;
/// How many pairs of addresses that talk are counted.
const TALKS: usize = 16_384;
/// A device has public addresses of fewer networks than this: one of IPv4, and a prefix or two of IPv6.
const SURE: usize = 4;
/// How many routers, prefixes and addresses of a router one house may have.
const FEW: usize = 16;

/// What is known of a MAC.
#[derive(Default)]
struct Station {
    /// The networks of the public addresses from which it sent.
    public: BTreeSet<IpAddr>,
    /// Frames from private to public addresses that were handed to it.
    forwards: u32,
    /// The networks whose answers it handed to others.
    answered: BTreeSet<IpAddr>,
    /// It did so for a station with a private address.
    for_private: bool,
    /// How often a flow was opened to an address behind it, less those from there.
    opened: i32,
    /// It answered for names from a private address.
    resolves: bool,
    /// A DHCP server gave it an address.
    leased: bool,
    /// It has the address that a DHCP server calls the router's, or it masquerades others.
    is_announced: bool,
    /// It advertises itself as a router.
    advertises: bool,
    /// What it handed to others had passed a router before: its Hop Limit is none that a sender begins with.
    passes_on: bool,
    /// It has a private IPv4 address, as all devices of a house have that uses these.
    has_private_v4: bool,
}

impl Station {
    /// Returns how much speaks for a router. Networks count most; the rest decides where there are few.
    fn weight(&self) -> i32 {
        let told = i32::from(self.resolves) + i32::from(self.advertises) - 2 * i32::from(self.leased);
        let shown = 2 * i32::from(self.passes_on) + 4 * i32::from(self.is_announced);
        self.answered.len() as i32 + self.opened.signum() + told + shown
    }

    /// Whether it is a router beyond doubt where it has more weight than those for whom it carries something.
    fn is_sure(&self) -> bool {
        self.answered.len() >= SURE || self.passes_on || self.is_announced
    }
}

/// Two addresses that talk.
struct Talk {
    /// Who sent first from the lower address, and to whom.
    from_lower: Option<(Option<Mac>, Option<Mac>)>,
    from_higher: Option<(Option<Mac>, Option<Mac>)>,
}

/// What the beginning of a capture shows of the LAN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LanSide {
    /// The hardware addresses of the routers, sorted. Where there are none, the LAN is what has private addresses.
    pub routers: Vec<Mac>,
    /// The networks of the LAN that have public addresses.
    pub networks: Vec<IpNet>,
    /// No private IPv4 address is in use: the devices have public ones, as on a campus.
    pub public_v4: bool,
    /// The addresses by which the router masquerades the devices on its far side, which the capture has as well.
    pub masquerades: Vec<IpAddr>,
    /// Stations send on what they receive on the same link, so each packet is there twice.
    pub relayed: bool,
}

/// Sender and receiver of a packet: their addresses, then their hardware addresses.
type Pair = (IpAddr, IpAddr, Option<Mac>, Option<Mac>);

/// What was counted so far.
#[derive(Default)]
struct Counts {
    stations: BTreeMap<Mac, Station>,
    talks: HashMap<(IpAddr, IpAddr), Talk>,
    /// Who sent from a private address.
    owners: BTreeMap<IpAddr, BTreeSet<Mac>>,
    /// The addresses of routers that DHCP servers announce.
    announced: BTreeSet<IpAddr>,
    /// The latest packets that may come once more with another source.
    sent: HashMap<u64, (u32, IpAddr, u8)>,
    masquerades: BTreeSet<IpAddr>,
    /// Pairs of stations of which the second carried what comes from public addresses to the first.
    pairs: BTreeSet<(Mac, Mac)>,
    /// The networks of the addresses for which such a pair carried answers.
    own_networks: BTreeMap<Ipv6Addr, (Mac, Mac)>,
    relayed: bool,
    public_v4: bool,
    has_macs: bool,
    /// The latest pair of addresses and stations in either order of the addresses, and whether it was counted.
    latest: [(Option<Pair>, bool); 2],
    /// How many packets each public network has taken part in; for captures without hardware addresses.
    takes_part: HashMap<IpAddr, u32>,
    /// The network of IPv4, and that of IPv6, that has taken part in most.
    most: [(u32, Option<IpAddr>); 2],
}

/// Finds the LAN's side in the packets at the beginning of a capture.
pub fn find(head: &[u8]) -> LanSide {
    let mut counts = Counts { public_v4: true, ..Counts::default() };
    let Ok(mut reader) = pcap::Reader::new(head) else { return LanSide::default() };
    while let Ok(Some(captured)) = reader.next() {
        let interface = packet::interface(captured.link, captured.data).or(captured.interface);
        match packet::parse(captured.link, captured.data, captured.wire_length) {
            Ok(Frame::Ip(packet)) => counts.count(&packet, interface),
            Ok(Frame::Arp { mac, ip }) => counts.owns(ip.into(), mac),
            _ => {}
        }
    }
    counts.decide()
}

/// Returns the address as it is counted: a device has several IPv6 addresses (RFC 8981), but of one network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

/// Returns the number under which a packet is known whose source a router may change (RFC 3022), if it has enough in it
/// that no other packet has.
pub(super) fn translated_key(packet: &Packet) -> Option<u64> {
    let mut key = Fnv64::default();
    match &packet.body {
        // Sequence number, acknowledgement, header length and control bits: behind these a checksum that changes.
        Body::Tcp(tcp) => {
            key.update(&tcp.destination_port.to_be_bytes());
            key.update(packet.data.get(4..14)?);
            key.update(tcp.payload.get(..64).unwrap_or(tcp.payload));
        }
        Body::Udp { destination_port, payload, .. } if payload.len() >= 8 => {
            key.update(&destination_port.to_be_bytes());
            key.update(payload.get(..64).unwrap_or(payload));
        }
        _ => return None,
    }
    key.update(&packet.bytes.to_be_bytes());
    match packet.destination {
        IpAddr::V4(v4) => key.update(&v4.octets()),
        IpAddr::V6(v6) => key.update(&v6.octets()),
    }
    Some(key.value())
}

impl Counts {
    fn station(&mut self, mac: Mac) -> Option<&mut Station> {
        if !mac.is_station() || self.stations.len() >= MACS && !self.stations.contains_key(&mac) {
            return None;
        }
        Some(self.stations.entry(mac).or_default())
    }

    /// Notes who sent from a private address.
    fn owns(&mut self, ip: IpAddr, mac: Mac) {
        if is_local(ip) && (self.owners.len() < MACS || self.owners.contains_key(&ip)) {
            let owners = self.owners.entry(ip).or_default();
            if owners.len() < FEW {
                owners.insert(mac);
            }
        }
    }

    fn count(&mut self, packet: &Packet, interface: Option<u32>) {
        // Bulk is long runs of two pairs in turn, of which a few packets tell all: the first, and the first after the other
        // side has begun to send.
        let (from, to) = (packet.source, packet.destination);
        let (pair, turn) = ((from, to, packet.source_mac, packet.destination_mac), usize::from(from < to));
        if self.latest[turn].0 != Some(pair) {
            self.latest[turn] = (Some(pair), false);
            self.latest[1 - turn].1 = false;
        }
        let counted = std::mem::replace(&mut self.latest[turn].1, true);
        if counted && !matches!(packet.body, Body::Udp { source_port: 53 | 67, .. } | Body::Icmp(_)) {
            return;
        }
        self.public_v4 &= !matches!(from, IpAddr::V4(v4) if v4.is_private());
        self.has_macs |= packet.source_mac.is_some();
        if let Some(mac) = packet.source_mac {
            self.owns(from, mac);
        }
        match packet.body {
            Body::Udp { source_port: 67, destination_port: 67 | 68, payload } => return self.dhcp(packet, payload),
            Body::Udp { source_port: 53, payload, .. } if is_local(from) && payload.len() >= 12 => {
                if let Some(station) = packet.source_mac.and_then(|mac| self.station(mac)) {
                    station.resolves |= payload.get(2).is_some_and(|flags| flags & 0x80 != 0);
                }
            }
            Body::Icmp(_) if packet.data.first() == Some(&134) && packet.hops == 255 => {
                if let Some(station) = packet.source_mac.and_then(|mac| self.station(mac)) {
                    station.advertises = true;
                }
            }
            _ => {}
        }
        if is_group(to) || is_group(from) || is_local(from) && is_local(to) {
            return;
        }
        if let Some(interface) = interface {
            self.find_translation(packet, interface);
        }
        if !self.has_macs {
            self.take_part(packet);
        }
        let forwards = is_local(from) && !is_local(to);
        let mac = if forwards { packet.destination_mac } else { packet.source_mac };
        if let Some(station) = mac.and_then(|mac| self.station(mac)) {
            if forwards {
                station.forwards = station.forwards.saturating_add(1);
            } else if station.public.len() < NETWORKS {
                station.public.insert(network(from));
            }
        }
        self.count_answer(packet);
    }

    /// Counts in which packets a network has a part, and once more for the side that calls a service.
    fn take_part(&mut self, packet: &Packet) {
        let caller = match packet.body {
            Body::Tcp(Tcp { source_port, destination_port, .. }) | Body::Udp { source_port, destination_port, .. } => {
                match (is_service(source_port), is_service(destination_port)) {
                    (true, false) => Some(packet.destination),
                    (false, true) => Some(packet.source),
                    _ => None,
                }
            }
            _ => None,
        };
        let ends = [Some(packet.source), Some(packet.destination), caller];
        for address in ends.into_iter().flatten().filter(|address| !is_local(*address)).map(network) {
            if self.takes_part.len() < TALKS || self.takes_part.contains_key(&address) {
                let count = self.takes_part.entry(address).or_default();
                *count += 1;
                let most = &mut self.most[usize::from(address.is_ipv6())];
                if *count > most.0 {
                    *most = (*count, Some(address));
                }
            }
        }
    }

    /// Notes what a server's acknowledgement says, unless it is one of a station to itself.
    fn dhcp(&mut self, packet: &Packet, payload: &[u8]) {
        let Some(message) = dhcp::parse(payload).filter(|message| message.message_type == MessageType::Ack) else {
            return;
        };
        if packet.source_mac.is_none_or(|server| server == message.mac) {
            return;
        }
        if let Some(station) = self.station(message.mac) {
            station.leased = true;
        }
        if self.announced.len() < FEW {
            self.announced.extend(message.routers.iter().map(|router| IpAddr::from(*router)));
        }
    }

    /// Looks for a packet that passed on another interface with another source a moment ago.
    fn find_translation(&mut self, packet: &Packet, interface: u32) {
        let Some(key) = translated_key(packet) else { return };
        let room = self.sent.len() < TALKS;
        let Some(&(other, source, hops)) = self.sent.get(&key) else {
            if room {
                self.sent.insert(key, (interface, packet.source, packet.hops));
            }
            return;
        };
        // A router takes one off the Time to Live.
        let passed_on = hops.checked_sub(1) == Some(packet.hops);
        if other != interface
            && source != packet.source
            && is_local(source)
            && passed_on
            && self.masquerades.len() < FEW
        {
            self.masquerades.insert(packet.source);
            if let Some(station) = packet.source_mac.and_then(|mac| self.station(mac)) {
                station.is_announced = true;
            }
        }
    }

    /// Notes for whom a station carries answers: the sender of a packet of public address X to an address that has
    /// called X by another station's hand.
    fn count_answer(&mut self, packet: &Packet) {
        let (from, to) = (packet.source, packet.destination);
        let lower = from < to;
        let key = if lower { (from, to) } else { (to, from) };
        if self.talks.len() >= TALKS && !self.talks.contains_key(&key) {
            return;
        }
        let talk = self.talks.entry(key).or_insert(Talk { from_lower: None, from_higher: None });
        let macs = (packet.source_mac, packet.destination_mac);
        let (same, other) =
            if lower { (&mut talk.from_lower, talk.from_higher) } else { (&mut talk.from_higher, talk.from_lower) };
        let first = *same.get_or_insert(macs);
        // The one that received it first sends it on.
        self.relayed |= macs.0.is_some() && first.1 == macs.0 && first.0 != macs.0;
        let Some((Some(caller), handed_to)) = other else { return };
        let Some(carrier) = macs.0.filter(|mac| *mac != caller) else { return };
        if is_local(from) || network(from) == network(to) {
            return;
        }
        let opens = matches!(packet.body, Body::Tcp(tcp) if tcp.flags & SYN != 0);
        for mac in [Some(carrier), handed_to].into_iter().flatten().filter(|mac| *mac != caller) {
            let Some(station) = self.station(mac) else { continue };
            if station.answered.len() < NETWORKS {
                station.answered.insert(network(from));
            }
            station.for_private |= is_local(to);
            station.passes_on |= !matches!(packet.hops, 30 | 32 | 60 | 64 | 128 | 255);
            // A SYN with an acknowledgement is the answer of the called side.
            station.opened = station.opened.saturating_add(i32::from(opens));
            if !is_local(to) && self.pairs.len() < MACS {
                self.pairs.insert((caller, mac));
            }
        }
        if opens && let Some(station) = self.station(caller) {
            station.opened = station.opened.saturating_sub(1);
        }
        if let IpAddr::V6(to) = to
            && self.own_networks.len() < FEW * FEW
        {
            self.own_networks.entry((to.to_bits() >> 64 << 64).into()).or_insert((caller, carrier));
        }
    }

    fn decide(mut self) -> LanSide {
        let (announced, owners) = (std::mem::take(&mut self.announced), std::mem::take(&mut self.owners));
        for (address, macs) in owners {
            for mac in macs {
                let Some(station) = self.station(mac) else { continue };
                station.is_announced |= announced.contains(&address) && !station.leased;
                station.has_private_v4 |= matches!(address, IpAddr::V4(v4) if v4.is_private());
            }
        }
        let mut routers: BTreeSet<Mac> = BTreeSet::new();
        let carries = |one: &Station| one.for_private || one.is_announced;
        routers.extend(self.stations.iter().filter(|(_, one)| carries(one)).map(|(mac, _)| *mac));
        // Of two stations that carry public addresses to each other, the one that has more behind it is the router.
        // Where that is little, it may as well be a device that another one calls.
        let heavier = |(caller, mac): &&(Mac, Mac)| {
            let (caller, mac) = (self.stations.get(caller), self.stations.get(mac));
            mac.map_or(0, Station::weight) > caller.map_or(0, Station::weight) + 1
        };
        let sure = |mac: &Mac| self.stations.get(mac).is_some_and(Station::is_sure);
        routers.extend(self.pairs.iter().filter(heavier).map(|(_, mac)| *mac).filter(sure));
        let known = !routers.is_empty();
        let likely = |mac: &Mac| {
            !known || !self.public_v4 && self.stations.get(mac).is_some_and(|one| !one.has_private_v4 && !one.leased)
        };
        routers.extend(self.pairs.iter().filter(heavier).map(|(_, mac)| *mac).filter(likely));
        if routers.is_empty() {
            // One direction only, or too little.
            let by_addresses = most(&self.stations, |station| station.public.len());
            let by_forwards = || most(&self.stations, |station| station.forwards as usize);
            routers.extend(by_addresses.or_else(by_forwards));
        }
        let mut networks: Vec<IpNet> = Vec::new();
        for (address, (caller, carrier)) in self.own_networks {
            if !routers.contains(&caller) && routers.contains(&carrier) {
                networks.extend(Ipv6Net::new(address, 64).map(IpNet::V6));
            }
        }
        // Without hardware addresses the LAN is what has a part in most.
        for network in self.most.into_iter().filter_map(|(_, network)| network.filter(|_| !self.has_macs)) {
            match network {
                IpAddr::V4(_) if !self.public_v4 => {}
                IpAddr::V4(_) => networks.push(network.into()),
                IpAddr::V6(v6) => networks.extend(Ipv6Net::new(v6, 64).map(IpNet::V6)),
            }
        }
        networks.truncate(FEW);
        LanSide {
            routers: routers.into_iter().take(FEW).collect(),
            networks,
            public_v4: self.public_v4,
            masquerades: self.masquerades.into_iter().collect(),
            relayed: self.relayed,
        }
    }
}

impl LanSide {
    /// Whether a hardware address is that of a router.
    pub fn is_router(&self, mac: Option<Mac>) -> bool {
        mac.is_some_and(|mac| self.routers.contains(&mac))
    }

    /// Adds the routers and networks that an earlier capture of the house showed.
    pub fn extend(&mut self, earlier: &LanSide) {
        self.routers.extend_from_slice(&earlier.routers);
        self.networks.extend_from_slice(&earlier.networks);
        self.routers.sort_unstable();
        self.routers.dedup();
        self.networks.sort_unstable();
        self.networks.dedup();
    }
}

/// Whether a port is one at which services are called rather than one from which they are: those that are assigned (RFC
/// 6335, section 6), and a few that devices of a house use.
pub(super) fn is_service(port: u16) -> bool {
    matches!(port, 0..=1_023 | 1_883 | 2_049 | 3_478 | 5_222..=5_223 | 5_228 | 5_353 | 8_000 | 8_080 | 8_443 | 8_883)
}

/// Returns the station with the highest score, if it is above 0 and no other has the same.
fn most(stations: &BTreeMap<Mac, Station>, score: impl Fn(&Station) -> usize) -> Option<Mac> {
    let best = stations.values().map(&score).max().filter(|best| *best > 0)?;
    let mut leaders = stations.iter().filter(|(_, station)| score(station) == best).map(|(mac, _)| *mac);
    leaders.next().filter(|_| leaders.next().is_none())
}
