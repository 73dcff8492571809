//! Devices and their addresses: who a packet's address belongs to.

use crate::limits;
use crate::model::{Mac, Name};
use crate::tables::counters::attempts::Attempts;
use crate::tables::counters::balance::{Balance, Relayed};
use crate::tables::counters::day::Day;
use crate::tables::counters::distinct::Distinct;
use crate::tables::counters::handshakes::Handshakes;
use crate::tables::counters::lookups::LookupStats;
use crate::tables::counters::reach::Reach;
use crate::tables::counters::uploads::Hours;
use crate::time::{Stamp, Time, Wall};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A device's place in [`Devices`]; it stays the same while the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId(u16);

impl DeviceId {
    /// The least one in their order.
    pub const FIRST: DeviceId = DeviceId(0);
    /// The greatest one in their order.
    pub const LAST: DeviceId = DeviceId(u16::MAX);

    /// Returns the id of the place that is `index` places behind the first.
    pub const fn new(index: u16) -> DeviceId {
        DeviceId(index)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A station of the LAN.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its hardware address.
    pub mac: Mac,
    /// What it calls itself (DHCP).
    pub hostname: Option<Name>,
    /// Its DHCP vendor class.
    pub vendor_class: Option<Name>,
    /// Who made it, by its hardware address.
    pub vendor: Option<Name>,
    /// First seen.
    pub first: Wall,
    /// Last seen.
    pub last: Wall,
    /// When it was last seen to start.
    pub booted: Option<Time>,
    /// Answered lookups of it that were seen.
    pub lookups: u32,
    /// When it was last told that a name has no address, and which.
    pub denied: Option<(Time, Name)>,
    /// How often.
    pub denials: u32,
    /// What it sends in each hour.
    pub hours: Hours,
    /// What it sent and received in the last day.
    pub day: Day,
    /// What it tried in vain.
    pub attempts: Attempts,
    /// What is odd about its lookups.
    pub lookup_stats: LookupStats,
    /// What goes in and out, once it is more than a little.
    pub balance: Option<Box<Balance>>,
    /// How it opens its flows.
    pub handshakes: Handshakes,
    /// How far it reaches.
    pub reach: Reach,
    /// Other stations whose doors it tried while it acted as a relay.
    pub laterals: Distinct,
    /// Its lookups are visible, and would have been since this time.
    pub covered_since: Option<Time>,
    /// Flows it took part in.
    pub flows: u32,
    /// Of those, in the table now.
    pub live: u16,
    /// Addresses in the table.
    pub addresses: u16,
    /// Bytes of IP packets that it sent.
    pub sent: u64,
    /// That it received.
    pub received: u64,
}

impl Device {
    fn new(mac: Mac, wall: Wall) -> Device {
        Device {
            mac,
            hostname: None,
            vendor_class: None,
            vendor: None,
            first: wall,
            last: wall,
            booted: None,
            lookups: 0,
            denied: None,
            denials: 0,
            hours: Hours::default(),
            day: Day::default(),
            attempts: Attempts::default(),
            lookup_stats: LookupStats::default(),
            balance: None,
            handshakes: Handshakes::default(),
            reach: Reach::default(),
            laterals: Distinct::default(),
            covered_since: None,
            flows: 0,
            live: 0,
            addresses: 0,
            sent: 0,
            received: 0,
        }
    }

    /// Forgets what it did, not who it is or what of it still goes on.
    pub fn forget(&mut self) {
        *self = Device {
            hostname: self.hostname.take(),
            vendor_class: self.vendor_class.take(),
            vendor: self.vendor.take(),
            last: self.last,
            booted: self.booted,
            covered_since: self.covered_since,
            live: self.live,
            addresses: self.addresses,
            ..Device::new(self.mac, self.first)
        };
    }

    /// What is known of it as a relay, while it is worth telling.
    pub fn relayed(&self, now: Time) -> Option<&Relayed> {
        let relayed = self.balance.as_ref()?.relayed.as_ref()?;
        (now.since(relayed.at) < limits::RELAY_KEPT).then_some(relayed)
    }

    /// Its lookups were being seen at `time`.
    pub fn covered(&self, time: Time) -> bool {
        self.covered_since.is_some_and(|since| since <= time)
    }
}

/// Whose an address is.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    device: DeviceId,
    seen: Time,
}

/// All devices and their addresses.
#[derive(Debug, Default)]
pub struct Devices {
    all: Vec<Device>,
    by_mac: BTreeMap<Mac, DeviceId>,
    addresses: BTreeMap<IpAddr, Binding>,
    /// Devices and addresses for which there was no room.
    pub refused: u32,
}

impl Devices {
    /// The device with this hardware address; made when there is room.
    pub fn of_mac(&mut self, mac: Mac, at: Stamp) -> Option<DeviceId> {
        if let Some(&id) = self.by_mac.get(&mac) {
            let device = &mut self.all[id.index()];
            device.first = device.first.min(at.wall);
            device.last = device.last.max(at.wall);
            return Some(id);
        }
        if self.all.len() >= limits::DEVICES || !mac.is_station() {
            self.refused += 1;
            return None;
        }
        let id = DeviceId::new(self.all.len() as u16);
        self.all.push(Device::new(mac, at.wall));
        self.by_mac.insert(mac, id);
        Some(id)
    }

    /// The address is this station's from now on, whoever had it before.
    pub fn bind(&mut self, ip: IpAddr, mac: Mac, at: Stamp) {
        let Some(device) = self.of_mac(mac, at) else { return };
        let binding = Binding { device, seen: at.now };
        if let Some(old) = self.addresses.get_mut(&ip) {
            let before = std::mem::replace(old, binding).device;
            self.all[before.index()].addresses -= 1;
            self.all[device.index()].addresses += 1;
            return;
        }
        if self.addresses.len() >= limits::ADDRESSES
            || usize::from(self.all[device.index()].addresses) >= limits::ADDRESSES_PER_DEVICE
        {
            self.sweep(at.now);
        }
        let own = &mut self.all[device.index()].addresses;
        if self.addresses.len() >= limits::ADDRESSES || usize::from(*own) >= limits::ADDRESSES_PER_DEVICE {
            self.refused += 1;
            return;
        }
        *own += 1;
        self.addresses.insert(ip, binding);
    }

    fn sweep(&mut self, now: Time) {
        let all = &mut self.all;
        self.addresses.retain(|_, binding| {
            let keep = now.since(binding.seen) < limits::ADDRESS_STALE;
            if !keep {
                all[binding.device.index()].addresses -= 1;
            }
            keep
        });
    }

    /// Whose address this is now.
    pub fn of_address(&self, ip: IpAddr) -> Option<DeviceId> {
        self.addresses.get(&ip).map(|binding| binding.device)
    }

    /// A device by its place.
    pub fn get(&self, id: DeviceId) -> &Device {
        &self.all[id.index()]
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: DeviceId) -> &mut Device {
        &mut self.all[id.index()]
    }

    /// The device with this hardware address, if it is known.
    pub fn find(&self, mac: Mac) -> Option<DeviceId> {
        self.by_mac.get(&mac).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All devices by hardware address.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.by_mac.values().map(|&id| (id, self.get(id)))
    }

    /// The same, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.all.iter_mut()
    }

    /// The addresses of a device in their order.
    pub fn addresses(&self, id: DeviceId) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().filter(move |(_, binding)| binding.device == id).map(|(ip, _)| *ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(n: u16) -> Mac {
        let [a, b] = n.to_be_bytes();
        Mac([2, 0, 0, 0, a, b])
    }

    fn at(days: u64) -> Stamp {
        Stamp { now: Time(days * 86_400_000_000), wall: Wall(0) }
    }

    #[test]
    fn an_address_moves_between_devices() {
        let (mut devices, ip) = (Devices::default(), "192.168.8.9".parse().unwrap());
        devices.bind(ip, mac(1), at(0));
        devices.bind(ip, mac(2), at(0));
        let (one, two) = (devices.find(mac(1)).unwrap(), devices.find(mac(2)).unwrap());
        assert_eq!(devices.of_address(ip), Some(two));
        assert_eq!((devices.get(one).addresses, devices.get(two).addresses), (0, 1));
    }

    #[test]
    fn a_device_that_invents_addresses_keeps_its_first_and_leaves_room() {
        let mut devices = Devices::default();
        let ip = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + n));
        for n in 0..1_000 {
            devices.bind(ip(n), mac(1), at(0));
        }
        devices.bind(ip(5_000), mac(2), at(0));
        assert!(devices.of_address(ip(0)).is_some() && devices.of_address(ip(999)).is_none());
        assert!(devices.of_address(ip(5_000)).is_some());
        assert_eq!(devices.refused as usize, 1_000 - limits::ADDRESSES_PER_DEVICE);
        devices.bind(ip(999), mac(1), at(3));
        assert!(devices.of_address(ip(999)).is_some() && devices.of_address(ip(0)).is_none(), "the stale made room");
    }

    #[test]
    fn the_table_of_devices_refuses() {
        let mut devices = Devices::default();
        for n in 0..1_000 {
            devices.of_mac(mac(n), at(0));
        }
        assert_eq!(devices.iter().count(), limits::DEVICES);
        assert!(devices.of_mac(mac(3), at(0)).is_some());
        assert!(devices.of_mac(Mac([1, 0, 0, 0, 0, 0]), at(0)).is_none(), "a group address is no device");
    }
}
