//! Which device a person or an address means, and what people call it.

use crate::engine::Engine;
use crate::model::Mac;
use crate::tables::devices::DeviceId;
use std::net::IpAddr;

/// How many characters are kept of what ufp calls a device.
const MODEL_CHARACTERS: usize = 63;

impl Engine {
    /// Returns what people call a device: its name in the settings, else its own, else its hardware address.
    pub fn display_name(&self, mac: Mac) -> String {
        let configured = self.settings().name(mac).map(String::from);
        let own = || {
            let device = self.tables.devices.get(self.tables.devices.by_mac(mac)?);
            device.hostname.as_deref().map(String::from)
        };
        configured.or_else(own).unwrap_or_else(|| mac.to_string())
    }

    /// Returns what people call each device, by hardware address.
    pub fn display_names(&self) -> impl Iterator<Item = String> {
        self.tables.devices.iter().map(|(_, device)| self.display_name(device.mac))
    }

    /// Returns the hardware address of the device that a person means: one that was seen, one that is only in the
    /// settings, or any that is given as such.
    pub fn mac_of(&self, who: &str) -> Option<Mac> {
        let named = |mac: &Mac| self.settings().name(*mac).is_some_and(|name| name.eq_ignore_ascii_case(who));
        let seen = self.find(who).map(|id| self.tables.devices.get(id).mac);
        // A device that was not seen yet may have its name from the settings or by an order.
        let ordered = self.orders.names.iter().map(|(mac, _)| *mac);
        let known = || self.config.devices.keys().copied().chain(ordered).find(named);
        seen.or_else(known).or_else(|| who.parse().ok().filter(|mac: &Mac| mac.is_station()))
    }

    /// Returns the device that a person means, by MAC, address or name (that of the settings or its own).
    pub fn find(&self, who: &str) -> Option<DeviceId> {
        let mac = who.parse::<Mac>().ok().and_then(|mac| self.tables.devices.by_mac(mac));
        let address = || who.parse().ok().and_then(|address| self.tables.devices.by_address(address));
        let name = || {
            let is = |name: &str| name.eq_ignore_ascii_case(who);
            let configured = |mac| self.settings().name(mac);
            let mut all = self.tables.devices.iter();
            all.find(|(_, d)| configured(d.mac).is_some_and(is) || d.hostname.as_deref().is_some_and(is))
                .map(|(id, _)| id)
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
