//! Which device a person or an address means, and what people call it.

use crate::engine::Engine;
use crate::model::Mac;
use crate::tables::devices::{Device, DeviceId};
use std::net::IpAddr;

/// How many characters are kept of what ufp calls a device.
const MODEL_CHARACTERS: usize = 63;

impl Engine {
    /// Returns what people call a device: its name in the settings, else its own, else its hardware address, or its first
    /// address where a capture has none. A device chooses its own name, so one that could be taken for another device's
    /// stands with the end of the hardware address, or with the whole where that end is not its own either.
    pub fn display_name(&self, mac: Mac) -> String {
        if let Some(name) = self.settings().name(mac) {
            return name.into();
        }
        let Some(id) = self.tables.devices.by_mac(mac) else { return mac.to_string() };
        let hardware = mac.to_string();
        let Some(own) = &self.tables.devices.get(id).hostname else {
            let address = self.tables.devices.addresses_of(id).next().filter(|_| mac.is_stand_in());
            return address.map_or(hardware, |address| address.to_string());
        };
        if self.is_unmistakable(mac, own) {
            return own.to_string();
        }
        let end = hardware.get(12..).unwrap_or_default();
        let mut others = self.tables.devices.iter().filter(|(other, _)| *other != id);
        let is_end_shared = others.any(|(_, other)| {
            other.hostname.as_deref().is_some_and(|name| is_same(name, own)) && other.mac.to_string().ends_with(end)
        });
        if is_end_shared { format!("{own} ({hardware})") } else { format!("{own} (…:{end})") }
    }

    /// Returns whether a name that a device gave itself can be taken for that of no other device: it is no name of
    /// another, neither by its own word nor in the settings, and does not look like an address or like what
    /// [`Engine::display_name`] adds to a name.
    fn is_unmistakable(&self, mac: Mac, own: &str) -> bool {
        let ordered = self.orders.names.iter().map(|(mac, _)| mac);
        let mut named = self.config.devices.keys().chain(ordered).filter(|other| **other != mac);
        let mut others = self.tables.devices.iter().filter(|(_, other)| other.mac != mac);
        !own.contains('(')
            && own.parse::<IpAddr>().is_err()
            && own.parse::<Mac>().is_err()
            && !named.any(|other| self.settings().name(*other).is_some_and(|name| is_same(name, own)))
            && !others.any(|(_, other)| other.hostname.as_deref().is_some_and(|name| is_same(name, own)))
    }

    /// Returns what people call each device, by hardware address.
    pub fn display_names(&self) -> impl Iterator<Item = String> {
        self.tables.devices.iter().map(|(_, device)| self.display_name(device.mac))
    }

    /// Returns the hardware address of the device that a person means: one that was seen, one that is only in the
    /// settings, or any that is given as such.
    pub fn mac_of(&self, who: &str) -> Option<Mac> {
        let named = |mac: &Mac| self.settings().name(*mac).is_some_and(|name| is_same(name, who));
        let seen = self.find(who).map(|id| self.tables.devices.get(id).mac);
        // A device that was not seen yet may have its name from the settings or by an order.
        let ordered = self.orders.names.iter().map(|(mac, _)| *mac);
        let known = || self.config.devices.keys().copied().chain(ordered).find(named);
        seen.or_else(known).or_else(|| who.parse().ok().filter(|mac: &Mac| mac.is_station()))
    }

    /// Returns the device that a person means, by MAC, address or name: that of the settings, else its own where no other
    /// device could be meant.
    pub fn find(&self, who: &str) -> Option<DeviceId> {
        let mac = who.parse::<Mac>().ok().and_then(|mac| self.tables.devices.by_mac(mac));
        let address = || who.parse().ok().and_then(|address| self.tables.devices.by_address(address));
        let name = || {
            let first = |fits: &dyn Fn(&Device) -> bool| {
                self.tables.devices.iter().find(|(_, device)| fits(device)).map(|(id, _)| id)
            };
            let own = |device: &Device| {
                let own = device.hostname.as_deref().filter(|own| is_same(own, who));
                own.is_some_and(|own| self.is_unmistakable(device.mac, own))
            };
            first(&|device| self.settings().name(device.mac).is_some_and(|name| is_same(name, who)))
                .or_else(|| first(&own))
                .or_else(|| first(&|device| self.display_name(device.mac) == who))
        };
        mac.or_else(address).or_else(name)
    }

    /// Returns whether an address lies within a prefix of the LAN.
    pub fn is_lan(&self, address: IpAddr) -> bool {
        self.tables.is_lan(address)
    }

    /// Returns whether a device with this hardware address is known.
    pub fn is_device(&self, mac: Mac) -> bool {
        self.tables.devices.by_mac(mac).is_some()
    }

    /// Returns the hardware address of the device that has this address.
    pub fn owner(&self, address: IpAddr) -> Option<Mac> {
        self.tables.devices.by_address(address).map(|id| self.tables.devices.get(id).mac)
    }

    /// Returns the hardware addresses of all devices.
    pub fn macs(&self) -> Vec<Mac> {
        self.tables.devices.iter().map(|(_, device)| device.mac).collect()
    }

    /// Sets what OpenWrt's ufp takes a device for: its class, and what it calls it.
    pub fn set_fingerprint(&mut self, mac: Mac, class: &str, model: &str) {
        if let Some(id) = self.tables.devices.by_mac(mac) {
            let device = self.tables.devices.get_mut(id);
            device.traits.note_ufp(&format!("{class} {model}"));
            let model: String = model.chars().filter(|c| !c.is_control()).take(MODEL_CHARACTERS).collect();
            device.model = (!model.is_empty()).then(|| model.into());
        }
    }

    /// Sets who made a device.
    pub fn set_vendor(&mut self, mac: Mac, vendor: &str) {
        if let Some(id) = self.tables.devices.by_mac(mac) {
            self.tables.devices.get_mut(id).vendor = Some(vendor.into());
        }
    }
}

/// Returns whether people would take two names of devices for one.
fn is_same(one: &str, other: &str) -> bool {
    one.trim().eq_ignore_ascii_case(other.trim())
}
