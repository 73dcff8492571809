//! The router's own addresses, the networks of its LAN, and where it stands.

use crate::config::router::Resolver;
use crate::event::Event;
use crate::model::{Tuple, is_group};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The router's own addresses, the networks of its LAN, and where it stands.
#[derive(Debug, Default)]
pub struct Lan {
    /// The router's addresses by the index of their interface.
    own: Vec<(u32, IpNet)>,
    /// The addresses alone, and the networks of the LAN: each event asks for them.
    own_ips: Vec<IpAddr>,
    networks: Vec<IpNet>,
    interfaces: Vec<u32>,
    /// Interfaces beyond the LAN from whose networks the router forwards packets elsewhere.
    left_out: BTreeSet<u32>,
    /// Flows of the LAN cross the router.
    is_crossed: bool,
    /// The resolvers that devices are told to ask, and whether an answer of theirs was seen.
    pub resolvers: Vec<(Resolver, bool)>,
}

impl Lan {
    /// Returns whether the router has this address.
    pub fn is_own(&self, ip: IpAddr) -> bool {
        self.own_ips.contains(&ip)
    }

    /// Returns whether the address is in a network of the LAN.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&ip))
    }

    /// Returns whether the router has an address of 198.18.0.0/15 (RFC 2544), as the interface of a proxy has that answers
    /// names with addresses from there.
    pub fn has_fake_address(&self) -> bool {
        self.own_ips.iter().any(|ip| matches!(ip, IpAddr::V4(v4) if matches!(v4.octets(), [198, 18 | 19, ..])))
    }

    /// Returns the router's address on the LAN, an IPv4 one where there is one.
    pub fn gateway(&self) -> Option<IpAddr> {
        self.own_on_lan().map(IpNet::addr).min_by_key(|ip| (ip.is_ipv6(), *ip))
    }

    /// Returns the prefixes of the LAN and the router's own addresses, in order.
    pub fn prefixes(&self) -> Vec<IpNet> {
        let mut all: Vec<IpNet> = self.networks.clone();
        all.extend(self.own_ips.iter().map(|ip| IpNet::from(*ip)));
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns the indices of the LAN's interfaces, as far as they exist.
    pub fn interfaces(&self) -> &[u32] {
        &self.interfaces
    }

    /// Notes what a flow shows of where the router stands.
    pub fn note_flow(&mut self, tuple: &Tuple) {
        let (source, destination) = (tuple.source, tuple.destination);
        if self.is_own(source) || self.is_own(destination) || is_group(destination) || self.contains(destination) {
            return;
        }
        // One network may lie within another.
        let nets = self.own.iter().filter(|(_, net)| net.contains(&source));
        let Some((interface, net)) = nets.max_by_key(|(_, net)| net.prefix_len()) else { return };
        if self.interfaces.contains(interface) {
            self.is_crossed = true;
        } else if !net.contains(&destination) {
            self.left_out.insert(*interface);
        }
    }

    /// Notes which of the resolvers that devices are told to ask are seen to answer.
    pub fn note_answers(&mut self, events: &[Event]) {
        for (told, seen) in &mut self.resolvers {
            let answers = |event: &Event| matches!(event, Event::Lookup(lookup) if lookup.server == told.address);
            *seen = *seen || events.iter().any(answers);
        }
    }

    /// Returns whether flows of the LAN cross the router, as they do where it is the gateway.
    pub fn is_crossed(&self) -> bool {
        self.is_crossed
    }

    /// Returns the interfaces beyond the LAN from whose networks the router forwards packets elsewhere.
    pub fn left_out(&self) -> impl Iterator<Item = u32> {
        self.left_out.iter().copied().filter(|index| !self.interfaces.contains(index))
    }

    /// Replaces the interfaces; [`Lan::update`] makes the change count.
    pub fn set_interfaces(&mut self, indices: Vec<u32>) {
        self.interfaces = indices;
    }

    /// Forgets the router's addresses, before all of them are reported again.
    pub fn forget_own(&mut self) {
        self.own.clear();
    }

    /// Adds an address of the router with its network, or removes one that is gone; [`Lan::update`] makes the change count.
    pub fn set_own(&mut self, interface: u32, net: IpNet, gone: bool) {
        self.own.retain(|known| *known != (interface, net));
        if !gone {
            self.own.push((interface, net));
        }
    }

    /// Derives what each event asks for from the addresses and interfaces.
    pub fn update(&mut self) {
        self.networks = self.own_on_lan().map(IpNet::trunc).collect();
        self.own_ips = self.own.iter().map(|(_, net)| net.addr()).collect();
    }

    fn own_on_lan(&self) -> impl Iterator<Item = &IpNet> {
        self.own.iter().filter(|(index, _)| self.interfaces.contains(index)).map(|(_, net)| net)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;

    #[test]
    fn flows_show_where_the_router_stands() {
        let mut lan = Lan::default();
        lan.set_interfaces(vec![1]);
        for (interface, net) in [(1, "192.168.0.1/16"), (2, "192.168.9.1/24"), (3, "203.0.113.2/24")] {
            lan.set_own(interface, net.parse().unwrap(), false);
        }
        lan.update();
        let mut note = |source: &str, destination: &str| {
            let [source, destination] = [source, destination].map(|ip| ip.parse().unwrap());
            let protocol = Protocol::Tcp;
            lan.note_flow(&Tuple { protocol, source, source_port: 1, destination, destination_port: 2 });
            (lan.is_crossed(), lan.left_out().collect::<Vec<u32>>())
        };
        let nothing = (false, vec![]);
        assert_eq!(note("192.168.8.20", "192.168.0.1"), nothing, "to the router");
        assert_eq!(note("203.0.113.2", "198.51.100.1"), nothing, "by the router");
        assert_eq!(note("198.51.100.1", "203.0.113.2"), nothing, "from outside");
        assert_eq!(note("192.168.9.20", "192.168.9.21"), nothing, "within a network");
        assert_eq!(note("192.168.9.20", "224.0.0.1"), nothing, "to a group");
        assert_eq!(note("192.168.9.20", "198.51.100.1"), (false, vec![2]), "the smaller network counts");
        assert_eq!(note("192.168.8.20", "198.51.100.1"), (true, vec![2]));
    }
}
