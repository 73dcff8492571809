//! Which station of a capture has an address, as a neighbour table knows it live: by what stations send, by their
//! leases, and by the router's announcements, as far as these can be believed.

use crate::event::Event;
use crate::limits;
use crate::model::{Mac, is_group, is_local};
use crate::replay::lan_side::LanSide;
use crate::time::Time;
use crate::wire::dhcp::{self, MessageType};
use crate::wire::dhcpv6;
use crate::wire::ndp::{self, NdpMessage};
use crate::wire::packet::Packet;
use ipnet::{IpNet, Ipv6Net};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// How many resolvers and prefixes all routers together may announce.
const ANNOUNCED: usize = 64;

/// The stations, and what is known of the network.
#[derive(Default)]
pub struct Stations {
    /// The prefixes of the LAN as the user named them; empty where they are to be found from the traffic.
    prefixes: Vec<IpNet>,
    lan_side: LanSide,
    known: HashMap<IpAddr, (Mac, Time)>,
    /// Which station a DHCP server gave an address.
    leases: BTreeMap<IpAddr, Mac>,
    /// What a DHCP server told the station that got this address. It counts once the station uses the address.
    told: HashMap<IpAddr, (Mac, Vec<(IpAddr, bool)>)>,
    /// When a station last sent something with its own hardware address, besides DHCP.
    heard: HashMap<Mac, Time>,
    /// Stations that put their own hardware address on what others send, as Wi-Fi extenders do.
    extenders: BTreeSet<Mac>,
    /// Stations that were seen to start.
    booted: BTreeSet<Mac>,
    /// What routers have announced so far.
    resolvers: BTreeSet<(IpAddr, bool)>,
    nat64: BTreeSet<Ipv6Net>,
}

impl Stations {
    /// Makes a table without stations. Without `prefixes` the traffic tells what the LAN is.
    pub fn new(prefixes: Vec<IpNet>) -> Stations {
        Stations { prefixes, ..Stations::default() }
    }

    /// Begins a further capture, whose LAN side was found to be `lan_side`.
    pub fn begin(&mut self, lan_side: LanSide, out: &mut Vec<Event>) {
        let earlier = std::mem::replace(&mut self.lan_side, lan_side);
        self.lan_side.extend(&earlier);
        let prefixes = if self.prefixes.is_empty() { &self.lan_side.networks } else { &self.prefixes };
        if !prefixes.is_empty() {
            out.push(Event::Lan { prefixes: prefixes.clone() });
        }
    }

    /// Whether a packet passed on the far side of the router: it is the translated copy of another, or the router's own.
    pub fn is_far_side(&self, packet: &Packet) -> bool {
        let ours = |ip: &IpAddr| self.lan_side.masquerades.contains(ip);
        // A device may call its router by that address, too.
        ours(&packet.source) || ours(&packet.destination) && !self.known.contains_key(&packet.source)
    }

    /// Returns whether an address is in the house. `mac` is the station that has sent from there, or that was handed
    /// what goes there. Absent if that cannot be said.
    pub fn is_inside(&self, ip: IpAddr, mac: Option<Mac>) -> Option<bool> {
        if !self.prefixes.is_empty() {
            return Some(self.prefixes.iter().any(|prefix| prefix.contains(&ip)));
        }
        if is_local(ip) || self.known.contains_key(&ip) {
            return Some(true);
        }
        if self.lan_side.is_router(mac) {
            return Some(false);
        }
        if self.may_have_devices(ip) {
            return self.lan_side.networks.iter().any(|network| network.contains(&ip)).then_some(true).or_else(|| {
                let known = !self.lan_side.routers.is_empty();
                mac.filter(|mac| known && mac.is_station()).map(|_| true)
            });
        }
        Some(false)
    }

    /// Whether devices may have an address that is not a private one: where all addresses are public.
    fn may_have_devices(&self, ip: IpAddr) -> bool {
        ip.is_ipv6() || self.lan_side.public_v4
    }

    /// Returns the station that has an address.
    pub fn by_address(&self, ip: IpAddr) -> Option<Mac> {
        self.known.get(&ip).map(|(mac, _)| *mac)
    }

    /// Whether the station with this address was seen to start, so that nothing of it began before the capture did.
    pub fn has_booted(&self, ip: IpAddr) -> bool {
        self.known.get(&ip).is_some_and(|(mac, _)| self.booted.contains(mac))
    }

    /// Whether a hardware address is that of a station in the house.
    pub fn has_mac(&self, wanted: Mac) -> bool {
        #[allow(clippy::disallowed_methods, reason = "whether there is one, in no order")]
        self.known.values().any(|(mac, _)| *mac == wanted)
    }

    /// Notes the sender of a packet.
    pub fn note_sender(&mut self, packet: &Packet, now: Time, out: &mut Vec<Event>) {
        let (ip, mac, via) = (packet.source, packet.source_mac, packet.destination_mac);
        // What a router sends is not its own, unless another router passes it on.
        let own = self.lan_side.is_router(via) && via != mac && is_local(ip) && !is_local(packet.destination);
        self.note(ip, mac, own && !self.known.contains_key(&ip), now, out);
    }

    /// Notes the receiver of a packet, if its address is new and no router's.
    pub fn note_receiver(&mut self, packet: &Packet, now: Time, out: &mut Vec<Event>) {
        let ip = packet.destination;
        if is_local(ip) || !self.known.contains_key(&ip) && self.lan_side.is_router(packet.source_mac) {
            self.note(ip, packet.destination_mac, false, now, out);
        }
    }

    /// Reports that an address of the LAN belongs to a station, when that is new, has changed, or was last reported
    /// long ago. Of a router it is believed only if it is the router's `own`, or was leased to it.
    pub fn note(&mut self, ip: IpAddr, mac: Option<Mac>, own: bool, now: Time, out: &mut Vec<Event>) {
        let inside = match self.prefixes.as_slice() {
            [] => {
                is_local(ip)
                    || self.may_have_devices(ip) && !self.lan_side.routers.is_empty()
                    || self.lan_side.networks.iter().any(|network| network.contains(&ip))
            }
            prefixes => prefixes.iter().any(|prefix| prefix.contains(&ip)),
        };
        let Some(sender) = mac.filter(|mac| mac.is_station() && inside && !is_group(ip)) else { return };
        let lease = self.leases.get(&ip).copied();
        if self.lan_side.is_router(mac) && !own && lease != mac {
            return;
        }
        let mac = lease.filter(|lease| self.stands_for(sender, *lease, now)).unwrap_or(sender);
        if self.heard.len() < 2 * limits::DEVICES || self.heard.contains_key(&sender) {
            self.heard.insert(sender, now);
        }
        let room = self.known.len() < 2 * limits::ADDRESSES;
        match self.known.get_mut(&ip) {
            Some((old, reported)) if *old == mac && now.since(*reported) < limits::NEIGHBOUR_INTERVAL => return,
            Some(old) => *old = (mac, now),
            None if room => _ = self.known.insert(ip, (mac, now)),
            None => return,
        }
        out.push(Event::Neighbour { ip, mac });
        if let Some((_, resolvers)) = self.told.remove(&ip).filter(|(client, _)| *client == mac) {
            tell(Some(mac), &resolvers, out);
        }
    }

    /// Whether the station that sends from an address stands for the one that it was leased to. That one is never heard
    /// itself, or, where the sender is known to stand for others, not at present.
    fn stands_for(&mut self, sender: Mac, lease: Mac, now: Time) -> bool {
        let stands = sender != lease
            && self
                .heard
                .get(&lease)
                .is_none_or(|heard| self.extenders.contains(&sender) && now.since(*heard) > limits::NEIGHBOUR_INTERVAL);
        if stands && self.extenders.len() < limits::DEVICES {
            self.extenders.insert(sender);
        }
        stands
    }

    /// Whether what a station says as a server can be believed: it is a router, or at least no device with a lease.
    fn is_believed(&self, server: Option<Mac>) -> bool {
        self.lan_side.is_router(server)
            || server.is_none_or(|server| !self.leases.values().any(|client| *client == server))
    }

    /// Takes a message of DHCP.
    pub fn dhcp(&mut self, packet: &Packet, payload: &[u8], out: &mut Vec<Event>) {
        // The router is a client, too, on its far side.
        let is_ours = |mac: Mac| self.lan_side.relayed || !self.lan_side.is_router(Some(mac));
        let Some(message) = dhcp::parse(payload).filter(|message| is_ours(message.mac)) else { return };
        let dhcp::DhcpMessage { message_type, mac, address, hostname, vendor_class, asks, routers, resolvers, booting } =
            message;
        match (message_type, address) {
            (MessageType::Discover | MessageType::Request, _) if booting => {
                if self.booted.len() < limits::DEVICES {
                    self.booted.insert(mac);
                }
                out.push(Event::Booted { mac, hostname, vendor_class, asks });
            }
            (MessageType::Request | MessageType::Ack, Some(ip)) => {
                out.push(Event::Leased { ip: ip.into(), mac, hostname });
            }
            _ => {}
        }
        let server = packet.source_mac.filter(|server| *server != mac);
        if let (MessageType::Ack, Some(ip), Some(_), true) = (message_type, address, server, self.is_believed(server)) {
            // A router that is asked itself is in sight.
            let resolvers = resolvers.iter().filter(|(address, encrypted)| *encrypted || !routers.contains(address));
            let resolvers = resolvers.map(|(address, encrypted)| (IpAddr::from(*address), *encrypted)).collect();
            self.lease(ip.into(), mac, resolvers, out);
        }
    }

    /// Takes a message of DHCPv6, of which only servers' replies say something.
    pub fn dhcpv6(&mut self, packet: &Packet, payload: &[u8], out: &mut Vec<Event>) {
        let client = packet.destination_mac.filter(|mac| mac.is_station() && packet.source_mac != Some(*mac));
        let (Some(mac), true) = (client, packet.source_mac.is_some() && self.is_believed(packet.source_mac)) else {
            return;
        };
        let Some(reply) = dhcpv6::parse_reply(payload).filter(|_| !self.lan_side.is_router(client)) else { return };
        for address in &reply.addresses {
            out.push(Event::Leased { ip: (*address).into(), mac, hostname: None });
            self.lease((*address).into(), mac, reply.resolvers.clone(), out);
        }
        if reply.addresses.is_empty() {
            self.lease(packet.destination, mac, reply.resolvers, out);
        }
    }

    /// Notes whom a server gave an address, and what it told that station.
    fn lease(&mut self, ip: IpAddr, mac: Mac, resolvers: Vec<(IpAddr, bool)>, out: &mut Vec<Event>) {
        if self.leases.len() < 2 * limits::ADDRESSES || self.leases.contains_key(&ip) {
            self.leases.insert(ip, mac);
        }
        if self.by_address(ip) == Some(mac) {
            tell(Some(mac), &resolvers, out);
        } else if self.told.len() < limits::ADDRESSES {
            self.told.insert(ip, (mac, resolvers));
        }
    }

    /// Takes a message of Neighbor Discovery: what a router announces that hands others what they get from outside. A
    /// device may say that it is a router as well, and would have others' lookups taken for hidden.
    pub fn discovery(&mut self, packet: &Packet, out: &mut Vec<Event>) {
        if packet.hops != 255 || !self.lan_side.is_router(packet.source_mac) {
            return;
        }
        let Some(NdpMessage::RouterAdvertisement(router)) = ndp::parse(packet.data) else { return };
        // Most routers announce an address of their own, which is in sight; others are those of stations.
        let of_stations = router
            .resolvers
            .into_iter()
            .filter(|(address, encrypted)| *encrypted || self.by_address(*address).is_some());
        for resolver in of_stations.collect::<Vec<_>>() {
            if self.resolvers.len() < ANNOUNCED && self.resolvers.insert(resolver) {
                tell(None, &[resolver], out);
            }
        }
        for prefix in router.nat64 {
            if self.nat64.len() < ANNOUNCED && self.nat64.insert(prefix) {
                out.push(Event::Nat64 { prefix });
            }
        }
    }
}

/// Reports which resolvers a device was told to ask, or all devices.
fn tell(mac: Option<Mac>, resolvers: &[(IpAddr, bool)], out: &mut Vec<Event>) {
    out.extend(resolvers.iter().map(|&(address, encrypted)| Event::Resolver { mac, address, encrypted }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;
    use crate::wire::packet::Body;

    const ROUTER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const VICTIM: Mac = Mac([2, 0, 0, 0, 0, 0x20]);
    const EXTENDER: Mac = Mac([2, 0, 0, 0, 0xe, 0xe]);

    fn stations() -> Stations {
        let (mut stations, mut out) = (Stations::new(Vec::new()), Vec::new());
        stations.begin(LanSide { routers: vec![ROUTER], ..LanSide::default() }, &mut out);
        stations
    }

    fn ip(last: u8) -> IpAddr {
        [192, 168, 8, last].into()
    }

    fn discovery(sender: Mac, hops: u8) -> Vec<Event> {
        let rdnss = [&[25, 3, 0, 0, 0, 0, 0, 9][..], &[0xfd, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x66]].concat();
        let data = [&[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0][..], &rdnss].concat();
        let packet = Packet {
            source_mac: Some(sender),
            destination_mac: None,
            source: "fe80::1".parse().unwrap(),
            destination: "ff02::1".parse().unwrap(),
            bytes: 0,
            id: 0,
            hops,
            cut: false,
            fragment: None,
            data: &data,
            body: Body::Icmp(&data),
        };
        let mut out = Vec::new();
        let (mut stations, mut ignored) = (stations(), Vec::new());
        stations.discovery(&packet, &mut out);
        assert_eq!(out, [], "it is the router's own, as far as one can tell");
        stations.note("fd00:8::66".parse().unwrap(), Some(VICTIM), false, Time(0), &mut ignored);
        stations.discovery(&packet, &mut out);
        out
    }

    #[test]
    fn only_a_router_announces_resolvers() {
        assert!(matches!(discovery(ROUTER, 255)[..], [Event::Resolver { mac: None, encrypted: false, .. }]));
        assert_eq!(discovery(VICTIM, 255), []);
        assert_eq!(discovery(ROUTER, 254), [], "it came from afar");
    }

    #[test]
    fn a_lease_tells_devices_behind_an_extender_apart_and_blames_nobody_else() {
        let (mut stations, mut out) = (stations(), Vec::new());
        stations.lease(ip(20), VICTIM, vec![(ip(2), false)], &mut out);
        stations.note(ip(20), Some(EXTENDER), false, Time(0), &mut out);
        let told = Event::Resolver { mac: Some(VICTIM), address: ip(2), encrypted: false };
        assert_eq!(out, [Event::Neighbour { ip: ip(20), mac: VICTIM }, told]);
        // Who is heard itself is not behind anything: then the sender has taken its address.
        let active = Mac([2, 0, 0, 0, 0, 0x21]);
        stations.lease(ip(21), active, Vec::new(), &mut out);
        out.clear();
        stations.note(ip(21), Some(active), false, Time(0), &mut out);
        stations.note(ip(21), Some(EXTENDER), false, Time(1), &mut out);
        assert_eq!(out, [active, EXTENDER].map(|mac| Event::Neighbour { ip: ip(21), mac }));
        // It may have moved behind the extender since.
        out.clear();
        stations.note(ip(21), Some(EXTENDER), false, Time(0) + Span::hours(1), &mut out);
        assert_eq!(out, [Event::Neighbour { ip: ip(21), mac: active }]);
    }

    #[test]
    fn what_a_router_sends_is_not_its_own() {
        let (mut stations, mut out) = (stations(), Vec::new());
        stations.note(ip(1), Some(ROUTER), false, Time(0), &mut out);
        stations.note("2001:db8::5".parse().unwrap(), Some(ROUTER), false, Time(0), &mut out);
        assert_eq!(out, []);
        assert_eq!(stations.is_inside("2001:db8::5".parse().unwrap(), Some(ROUTER)), Some(false));
        assert_eq!(stations.is_inside("2001:db8::6".parse().unwrap(), Some(VICTIM)), Some(true));
        // A station that relays for all, but got its own address by DHCP, is a device as well.
        stations.lease(ip(25), ROUTER, Vec::new(), &mut out);
        stations.note(ip(25), Some(ROUTER), false, Time(0), &mut out);
        assert_eq!(out, [Event::Neighbour { ip: ip(25), mac: ROUTER }]);
    }
}
