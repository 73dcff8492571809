//! What is known of the house: its devices, what lookups showed, the live flows, and the contacts, with counters for
//! each device and contact. The engine writes the tables, and detectors read them. They stand apart from the engine so
//! that a detector can be given what is known without what is done about it. Every table has a capacity and a share for
//! each device in [`crate::limits`], and counts what it refused; `budget.rs` proves that all of them, full, fit the
//! memory of a router.

mod budget;
pub mod contacts;
pub mod counters;
pub mod coverage;
pub mod devices;
pub mod domain;
pub mod flows;
pub mod names;
pub mod nat64;
pub mod registrations;
pub mod service;
pub mod traits;

use crate::model::{Tuple, is_fake, is_local};
use contacts::Contacts;
use counters::answers::Answers;
use devices::{DeviceId, Devices};
use flows::{Flows, Owner};
use ipnet::IpNet;
use names::Names;
use registrations::Registrations;
use std::net::IpAddr;

/// All tables of the house.
#[derive(Debug, Default)]
pub struct Tables {
    /// Devices and their addresses.
    pub devices: Devices,
    /// Which lookups yielded which addresses.
    pub names: Names,
    /// The live flows.
    pub flows: Flows,
    /// What was counted for each device and endpoint.
    pub contacts: Contacts,
    /// The facts are those of a recording that [`crate::anonymise`] wrote when it still mapped all addresses of the
    /// Internet to those that proxies make up.
    pub is_anonymised: bool,
    /// When answers from outside were last seen.
    pub answers: Answers,
    /// The prefixes of the LAN.
    pub lan: Vec<IpNet>,
    /// What holds for the lookups of the whole house.
    pub lookups: coverage::House,
    /// When the names that the house calls were registered.
    pub registrations: Registrations,
}

impl Tables {
    /// Returns the device that takes part in a flow, and on which side; of two devices, the one that opened it. Absent
    /// while neither address is known to be a device's.
    pub fn attribute(&self, tuple: &Tuple) -> Option<Owner> {
        let opener = self.devices.by_address(tuple.source).map(|device| Owner { device, outbound: true });
        opener.or_else(|| Some(Owner { device: self.devices.by_address(tuple.destination)?, outbound: false }))
    }

    /// Returns true if an address is within a prefix of the LAN.
    pub fn is_lan(&self, address: IpAddr) -> bool {
        self.lan.iter().any(|prefix| covers(prefix, address))
    }

    /// Returns true if a device sends from a private address of another network than the house's: see [`is_foreign`].
    pub fn is_foreign(&self, device: DeviceId, source: IpAddr) -> bool {
        is_foreign(source, &self.lan, self.devices.leases_of(device))
    }

    /// Returns true if a proxy made an address up.
    pub fn is_faked(&self, address: IpAddr) -> bool {
        !self.is_anonymised && is_fake(address)
    }

    /// Returns true if an address is inside the house: not on the public Internet, within the LAN, or a device's.
    pub fn is_inside(&self, address: IpAddr) -> bool {
        // The prefix of a translator may be one that is not on the Internet, although what it leads to is.
        is_local(address) && self.names.nat64.embedded(None, address).is_none()
            || self.is_lan(address)
            || self.devices.by_address(address).is_some()
    }
}

/// Returns true for a private address of another network than the house's, as that of a telephone on the access point of
/// its own by which a plug is set up. Where the prefixes of the house are not among those of the LAN, leases tell them:
/// their first 16 bits, which few houses exceed.
pub fn is_foreign(source: IpAddr, lan: &[IpNet], leases: impl Iterator<Item = IpAddr>) -> bool {
    let IpAddr::V4(address) = source else { return false };
    let network = |ip: IpAddr| if let IpAddr::V4(v4) = ip { Some(v4.to_bits() >> 16) } else { None };
    let is_outside = || {
        let mut prefixes = lan.iter().filter(|prefix| is_local(prefix.addr()) && prefix.addr().is_ipv4()).peekable();
        if prefixes.peek().is_some() {
            return !prefixes.any(|prefix| covers(prefix, source));
        }
        let mut leases = leases.filter(IpAddr::is_ipv4).peekable();
        leases.peek().is_some() && leases.all(|lease| network(lease) != network(source))
    };
    address.is_private() && is_outside()
}

/// Returns what `IpNet::contains` does, which takes a tenth of all the engine's time where it is asked for each flow.
fn covers(prefix: &IpNet, address: IpAddr) -> bool {
    let length = u32::from(prefix.prefix_len());
    match (prefix, address) {
        (IpNet::V4(net), IpAddr::V4(ip)) => {
            (net.addr().to_bits() ^ ip.to_bits()).checked_shr(32 - length).unwrap_or_default() == 0
        }
        (IpNet::V6(net), IpAddr::V6(ip)) => {
            (net.addr().to_bits() ^ ip.to_bits()).checked_shr(128 - length).unwrap_or_default() == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_cover_what_ipnet_says() {
        for prefix in ["0.0.0.0/0", "192.168.8.0/24", "192.168.8.7/32", "::/0", "2001:db8::/32", "2001:db8::1/128"] {
            let prefix: IpNet = prefix.parse().unwrap();
            for ip in ["0.0.0.0", "192.168.8.7", "192.168.9.7", "::", "2001:db8::1", "2001:db9::1"] {
                let ip: IpAddr = ip.parse().unwrap();
                assert_eq!(covers(&prefix, ip), prefix.contains(&ip), "{prefix} {ip}");
            }
        }
    }
}
