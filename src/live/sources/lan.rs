//! The router's own addresses and the networks of its LAN.

use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The router's own addresses and the networks of its LAN.
#[derive(Debug, Default)]
pub struct Lan {
    /// The router's addresses by the index of their interface.
    own: BTreeSet<(u32, IpNet)>,
    /// The addresses alone, and the networks of the LAN: each event asks for them.
    own_ips: Vec<IpAddr>,
    networks: Vec<IpNet>,
    interfaces: Vec<u32>,
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
        if gone {
            self.own.remove(&(interface, net));
        } else {
            self.own.insert((interface, net));
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
