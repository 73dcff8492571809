//! What follows when the network translates between IPv6 and IPv4 (see [`crate::tables::nat64`]): names, blocks and
//! pins of an address hold for all of its forms.

use crate::engine::{Action, DeviceId, Engine};
use crate::model::{Lookup, Mac};
use crate::tables::flows::Label;
use crate::tables::nat64::{self, DISCOVERY_NAME};
use crate::time::Stamp;
use ipnet::Ipv6Net;
use std::net::IpAddr;

impl Engine {
    /// Takes a prefix of the network's own, which its router announces.
    pub(super) fn note_nat64(&mut self, prefix: Ipv6Net, at: Stamp) {
        if self.tables.names.translate(None, prefix, at.now) {
            self.apply_nat64(None, at);
        }
    }

    /// Takes what a lookup of a device shows of a translator. To be called before the names of the lookup are kept.
    pub(super) fn learn_nat64(&mut self, id: DeviceId, lookup: &Lookup, at: Stamp) {
        for address in &lookup.addresses {
            self.note_translated(*address, at);
        }
        let is_discovery = &*lookup.name == DISCOVERY_NAME;
        if let Some(prefix) = is_discovery.then(|| nat64::discover(&lookup.addresses)).flatten()
            && self.tables.names.translate(Some(id), prefix, at.now)
        {
            self.apply_nat64(Some(id), at);
        }
    }

    /// Notes that an address is in use, which may show that the network translates.
    pub(super) fn note_translated(&mut self, address: IpAddr, at: Stamp) {
        if self.tables.names.nat64.note_use(address) {
            self.apply_nat64(None, at);
        }
    }

    /// Lets lookups explain what was called before the prefix was known, and blocks hold for the forms that are new: for
    /// a device, or for all.
    fn apply_nat64(&mut self, only: Option<DeviceId>, at: Stamp) {
        let devices: Vec<(DeviceId, Mac)> = self.tables.devices.iter().map(|(id, device)| (id, device.mac)).collect();
        for (id, mac) in devices.into_iter().filter(|(id, _)| only.is_none_or(|only| only == *id)) {
            let names = &self.tables.names;
            for (endpoint, contact) in self.tables.contacts.of_device_mut(id) {
                let translated = names.nat64.canonical(id, endpoint.address) != endpoint.address;
                if translated && names.contains(id, endpoint.address, at.now) {
                    contact.relabel(Label::Unexplained, Label::Lookup);
                    contact.relabel(Label::OtherDevice, Label::Lookup);
                }
            }
            let blocks: Vec<_> = self.blocks.of(mac).map(|(address, block)| (address, block.clone())).collect();
            for (address, block) in blocks {
                for form in self.other_forms(id, address) {
                    if self.is_wanted(mac, form, block.by, at.wall) && self.blocks.restore((mac, form), block.clone()) {
                        let lasts = block.expires.map(|end| end.since(at.now));
                        self.actions.push_back(Action::Block { mac, address: form, lasts });
                    }
                }
            }
        }
        // Pins on prefixes are rules.
        self.actions.push_back(Action::SyncSets);
    }

    /// Returns the other addresses under which a device reaches the same station.
    pub(super) fn other_forms(&self, id: DeviceId, address: IpAddr) -> Vec<IpAddr> {
        self.tables.names.nat64.forms(Some(id), address).split_off(1)
    }

    /// Returns the IPv4 address that an address stands for on this network, or else the address.
    pub(super) fn untranslated(&self, address: IpAddr) -> IpAddr {
        self.tables.names.nat64.embedded(None, address).map_or(address, IpAddr::V4)
    }

    /// Returns whether the router asks a resolver at this address, or at the one that it stands for.
    pub(super) fn is_resolver(&self, address: IpAddr) -> bool {
        self.resolvers.contains(&address) || self.resolvers.contains(&self.untranslated(address))
    }
}
