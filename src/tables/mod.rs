//! What is known: devices, names, flows, contacts, and the counters of each device and contact. The engine writes here;
//! detectors read.

mod budget;
pub mod contacts;
pub mod counters;
pub mod devices;
pub mod domain;
pub mod flows;
pub mod names;
pub mod service;

use crate::model::{Tuple, is_local};
use contacts::Contacts;
use devices::Devices;
use flows::{Flows, Owner};
use ipnet::IpNet;
use names::Names;
use std::net::IpAddr;

/// All tables of a house.
#[derive(Debug, Default)]
pub struct Tables {
    /// Devices and their addresses.
    pub devices: Devices,
    /// What lookups taught.
    pub names: Names,
    /// The live flows.
    pub flows: Flows,
    /// What devices and endpoints have had with each other.
    pub contacts: Contacts,
    /// The prefixes of the LAN.
    pub lan: Vec<IpNet>,
}

impl Tables {
    /// Returns the device that takes part in a flow and its side; of two devices the one that opened it. Absent while
    /// neither address is known to be a device's.
    pub fn attribute(&self, tuple: &Tuple) -> Option<Owner> {
        let opener = self.devices.of_address(tuple.source).map(|device| Owner { device, outbound: true });
        opener.or_else(|| Some(Owner { device: self.devices.of_address(tuple.destination)?, outbound: false }))
    }

    /// Whether an address lies within a prefix of the LAN.
    pub fn is_lan(&self, address: IpAddr) -> bool {
        self.lan.iter().any(|prefix| prefix.contains(&address))
    }

    /// Whether an address is inside the house: not of the public Internet, of the LAN, or a device's.
    pub fn is_inside(&self, address: IpAddr) -> bool {
        is_local(address) || self.is_lan(address) || self.devices.of_address(address).is_some()
    }
}
