//! The devices of the house and their addresses. The kernel's neighbour table and DHCP leases say which station has an
//! address; a device is known by its MAC, and keeps its place in the table as long as the engine lives.

use crate::limits;
use crate::model::{Mac, Name};
use crate::tables::counters::answers::Directions;
use crate::tables::counters::attempts::Attempts;
use crate::tables::counters::balance::{Balance, Relay};
use crate::tables::counters::day::Day;
use crate::tables::counters::distinct::Distinct;
use crate::tables::counters::handshakes::Handshakes;
use crate::tables::counters::lookups::LookupStats;
use crate::tables::counters::reach::Reach;
use crate::tables::counters::referrals::Referrals;
use crate::tables::counters::resolver::{MadeUp, Resolver};
use crate::tables::counters::sessions::Sessions;
use crate::tables::counters::uploads::SentByHour;
use crate::tables::coverage::Coverage;
use crate::tables::traits::{Texts, Traits};
use crate::time::{Span, Stamp, Time, Wall};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The place of a device in [`Devices`], which stays the same while the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId(u16);

impl DeviceId {
    /// The smallest id.
    pub const MIN: DeviceId = DeviceId(0);
    /// The largest id.
    pub const MAX: DeviceId = DeviceId(u16::MAX);

    /// Makes the id of the place with this index.
    pub const fn new(index: u16) -> DeviceId {
        DeviceId(index)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A number for each device, 0 unless it was set.
#[derive(Debug, Default)]
pub struct PerDevice(Vec<usize>);

impl PerDevice {
    /// Returns the number of a device.
    pub fn get(&self, device: DeviceId) -> usize {
        self.0.get(device.index()).copied().unwrap_or_default()
    }

    /// Returns the number of a device, to change it.
    pub fn get_mut(&mut self, device: DeviceId) -> &mut usize {
        let index = device.index();
        self.0.resize(self.0.len().max(index + 1), 0);
        &mut self.0[index]
    }

    /// Returns the device with the largest number; absent where there is no number.
    pub fn largest(&self) -> Option<DeviceId> {
        let all = self.0.iter().enumerate().max_by_key(|(_, number)| **number);
        all.map(|(index, _)| DeviceId(index as u16))
    }
}

/// A station of the LAN, with what is counted for it as a whole.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its hardware address.
    pub mac: Mac,
    /// The host name that it sends in DHCP.
    pub hostname: Option<Name>,
    /// The vendor class that it sends in DHCP.
    pub vendor_class: Option<Name>,
    /// The maker that its hardware address is registered to.
    pub vendor: Option<Name>,
    /// What OpenWrt's ufp calls it.
    pub model: Option<Name>,
    /// What it tells of itself.
    pub traits: Traits,
    /// When it was first seen.
    pub first_seen: Wall,
    /// When it was last seen.
    pub last_seen: Wall,
    /// When it was last seen to boot.
    pub booted_at: Option<Time>,
    /// It had a flow under way when leash began to watch, and leash did not know it before.
    pub ran_before: bool,
    /// How many answered lookups of it were seen.
    pub lookups: u32,
    /// The latest answer that a name has no address.
    pub last_denial: Option<Denial>,
    /// How many answers said that a name has no address.
    pub denials: u32,
    /// What it sent in each hour of the last week.
    pub sent_by_hour: SentByHour,
    /// What it sent and received in each hour of the last day.
    pub day: Day,
    /// Whether a proxy makes addresses up for the names that it looks up.
    pub made_up: MadeUp,
    /// Whether it is a resolver itself.
    pub resolver: Resolver,
    /// Whether both directions of its traffic are seen.
    pub directions: Directions,
    /// Which of its attempts to reach others failed.
    pub attempts: Attempts,
    /// What is unusual about its lookups.
    pub lookup_stats: LookupStats,
    /// What goes into it and out of it; absent until that is more than a little.
    pub balance: Option<Box<Balance>>,
    /// How it opens its flows.
    pub handshakes: Handshakes,
    /// How far it reaches.
    pub reach: Reach,
    /// Sessions that servers set up for it; absent until it may have some.
    pub sessions: Option<Box<Sessions>>,
    /// What it called by name lately, which may have told it whom to call next.
    pub referrals: Referrals,
    /// Other stations of the house that it tried to log in to while it acted as a relay.
    pub lateral_targets: Distinct,
    /// Whether its lookups are being seen.
    pub coverage: Coverage,
    /// How many flows it has taken part in.
    pub flows: u32,
    /// How many of its flows are in the table now.
    pub live_flows: u16,
    /// How many of its addresses are in the table now.
    pub address_count: u16,
    /// Bytes of IP packets that it sent.
    pub sent: u64,
    /// Bytes of IP packets that it received.
    pub received: u64,
}

/// An answer that a name has no address.
#[derive(Clone, Debug)]
pub struct Denial {
    /// When it was given.
    pub at: Time,
    /// The name.
    pub name: Name,
}

impl Device {
    fn new(mac: Mac, wall: Wall) -> Device {
        Device {
            mac,
            hostname: None,
            vendor_class: None,
            vendor: None,
            model: None,
            traits: Traits::default(),
            first_seen: wall,
            last_seen: wall,
            booted_at: None,
            ran_before: false,
            lookups: 0,
            last_denial: None,
            denials: 0,
            sent_by_hour: SentByHour::default(),
            day: Day::default(),
            made_up: MadeUp::default(),
            resolver: Resolver::default(),
            directions: Directions::default(),
            attempts: Attempts::default(),
            lookup_stats: LookupStats::default(),
            balance: None,
            handshakes: Handshakes::default(),
            reach: Reach::default(),
            sessions: None,
            referrals: Referrals::default(),
            lateral_targets: Distinct::default(),
            coverage: Coverage::default(),
            flows: 0,
            live_flows: 0,
            address_count: 0,
            sent: 0,
            received: 0,
        }
    }

    /// Forgets what the device did, but not who it is, nor what of it is still going on.
    pub fn forget(&mut self) {
        *self = Device {
            hostname: self.hostname.take(),
            vendor_class: self.vendor_class.take(),
            vendor: self.vendor.take(),
            model: self.model.take(),
            traits: std::mem::take(&mut self.traits).without_names(),
            last_seen: self.last_seen,
            booted_at: self.booted_at,
            ran_before: self.ran_before,
            coverage: std::mem::take(&mut self.coverage),
            live_flows: self.live_flows,
            address_count: self.address_count,
            ..Device::new(self.mac, self.first_seen)
        };
    }

    /// Returns what of the device tells its kind, beside its traits.
    pub fn texts(&self) -> Texts<'_> {
        Texts {
            vendor: self.vendor.as_deref(),
            class: self.vendor_class.as_deref(),
            host: self.hostname.as_deref(),
            random: self.mac.0[0] & 2 != 0 && !self.mac.is_stand_in(),
        }
    }

    /// Returns what shows that the device acts as a relay, if it was noticed within [`limits::RELAY_KEPT`].
    pub fn recent_relay(&self, now: Time) -> Option<&Relay> {
        let relay = self.balance.as_ref()?.relay.as_deref()?;
        (now.since(relay.at) < limits::RELAY_KEPT).then_some(relay)
    }
}

/// Which device has an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    device: DeviceId,
    seen_at: Time,
    /// A DHCP server gave it to the device.
    leased: bool,
}

/// All devices and their addresses.
#[derive(Debug, Default)]
pub struct Devices {
    all: Vec<Device>,
    by_mac: BTreeMap<Mac, DeviceId>,
    addresses: BTreeMap<IpAddr, Binding>,
    /// How many devices and addresses were refused because the table was full.
    pub refused: u32,
}

impl Devices {
    /// Returns the device with this hardware address, which is added if it is new. Returns `None` if the table is full,
    /// or if the address is not that of a station.
    pub fn get_or_insert(&mut self, mac: Mac, at: Stamp) -> Option<DeviceId> {
        if let Some(&id) = self.by_mac.get(&mac) {
            let device = &mut self.all[id.index()];
            device.first_seen = device.first_seen.min(at.wall);
            device.last_seen = device.last_seen.max(at.wall);
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

    /// Gives an address to a station, whichever had it before; `leased` says that a DHCP server did.
    pub fn bind(&mut self, ip: IpAddr, mac: Mac, leased: bool, at: Stamp) {
        let Some(device) = self.get_or_insert(mac, at) else { return };
        let mut binding = Binding { device, seen_at: at.now, leased };
        if let Some(old) = self.addresses.get_mut(&ip) {
            if old.device == device {
                binding.leased |= old.leased;
            }
            let before = std::mem::replace(old, binding).device;
            self.all[before.index()].address_count -= 1;
            self.all[device.index()].address_count += 1;
            return;
        }
        if self.is_full_of_addresses(device) {
            self.drop_stale_addresses(at.now);
        }
        if self.is_full_of_addresses(device) {
            self.refused += 1;
            return;
        }
        self.all[device.index()].address_count += 1;
        self.addresses.insert(ip, binding);
    }

    fn is_full_of_addresses(&self, device: DeviceId) -> bool {
        self.addresses.len() >= limits::ADDRESSES
            || usize::from(self.get(device).address_count) >= limits::ADDRESSES_PER_DEVICE
    }

    fn drop_stale_addresses(&mut self, now: Time) {
        let all = &mut self.all;
        self.addresses.retain(|_, binding| {
            let keep = now.since(binding.seen_at) < limits::ADDRESS_STALE;
            if !keep {
                all[binding.device.index()].address_count -= 1;
            }
            keep
        });
    }

    /// Returns the device that has this address now.
    pub fn by_address(&self, ip: IpAddr) -> Option<DeviceId> {
        self.addresses.get(&ip).map(|binding| binding.device)
    }

    /// Returns the addresses that DHCP servers gave a device.
    pub fn leases_of(&self, id: DeviceId) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().filter(move |(_, binding)| binding.device == id && binding.leased).map(|(ip, _)| *ip)
    }

    /// Returns the device with this hardware address.
    pub fn by_mac(&self, mac: Mac) -> Option<DeviceId> {
        self.by_mac.get(&mac).copied()
    }

    /// Returns the device with this id.
    pub fn get(&self, id: DeviceId) -> &Device {
        &self.all[id.index()]
    }

    /// Returns the device with this id, to change it.
    pub fn get_mut(&mut self, id: DeviceId) -> &mut Device {
        &mut self.all[id.index()]
    }

    /// Returns the sessions of a device, to note one. Absent where [`limits::SESSIONS`] other devices have had some
    /// within the hour.
    pub fn sessions_mut(&mut self, id: DeviceId, now: Time) -> Option<&mut Sessions> {
        if self.get(id).sessions.is_none() {
            let mut held = Vec::new();
            held.extend(self.all.iter().enumerate().filter_map(|(i, it)| Some((it.sessions.as_ref()?.used_at, i))));
            if held.len() >= limits::SESSIONS {
                let (used_at, idlest) = held.into_iter().min()?;
                if now.since(used_at) < Span::hours(1) {
                    return None;
                }
                self.all[idlest].sessions = None;
            }
            self.get_mut(id).sessions = Some(Box::default());
        }
        self.get_mut(id).sessions.as_deref_mut()
    }

    /// Returns what goes into a device and out of it. It begins to be counted when the device moves
    /// [`limits::BALANCE_BYTES`] within an hour; where too many do, that with the least gives way, and one that acts as
    /// a relay stays. Returns `None` if it is not counted.
    pub fn balance_mut(&mut self, id: DeviceId, wall: Wall, now: Time) -> Option<&mut Balance> {
        if self.get(id).balance.is_none() {
            let moved = self.get(id).day.in_hour(wall.hour());
            if moved < limits::BALANCE_BYTES {
                return None;
            }
            let counted = || self.all.iter().enumerate().filter_map(|(at, it)| Some((it, it.balance.as_ref()?, at)));
            if counted().count() >= limits::BALANCES {
                let idle = counted().filter(|(device, ..)| device.recent_relay(now).is_none());
                let (total, idlest) = idle.map(|(_, balance, at)| (balance.total(), at)).min()?;
                if total >= moved {
                    return None;
                }
                self.all[idlest].balance = None;
            }
            self.get_mut(id).balance = Some(Box::new(Balance::new(now)));
        }
        self.get_mut(id).balance.as_deref_mut()
    }

    /// Returns the number of devices.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns true if there are no devices.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns all devices in the order of their hardware addresses.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        self.by_mac.values().map(|&id| (id, self.get(id)))
    }

    /// Returns all devices, to change them, in the order in which they were added.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.all.iter_mut()
    }

    /// Returns the addresses of a device in ascending order.
    pub fn addresses_of(&self, id: DeviceId) -> impl Iterator<Item = IpAddr> {
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
        Stamp { now: Time(0) + Span::days(days), wall: Wall(0) }
    }

    #[test]
    fn an_address_moves_between_devices() {
        let (mut devices, ip) = (Devices::default(), "192.168.8.9".parse().unwrap());
        devices.bind(ip, mac(1), false, at(0));
        devices.bind(ip, mac(2), false, at(0));
        let (one, two) = (devices.by_mac(mac(1)).unwrap(), devices.by_mac(mac(2)).unwrap());
        assert_eq!(devices.by_address(ip), Some(two));
        assert_eq!((devices.get(one).address_count, devices.get(two).address_count), (0, 1));
    }

    #[test]
    fn a_device_that_invents_addresses_keeps_the_first_and_leaves_room() {
        let mut devices = Devices::default();
        let ip = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + n));
        for n in 0..1_000 {
            devices.bind(ip(n), mac(1), false, at(0));
        }
        devices.bind(ip(5_000), mac(2), false, at(0));
        assert!(devices.by_address(ip(0)).is_some() && devices.by_address(ip(999)).is_none());
        assert!(devices.by_address(ip(5_000)).is_some());
        assert_eq!(devices.refused as usize, 1_000 - limits::ADDRESSES_PER_DEVICE);
        devices.bind(ip(999), mac(1), false, at(3));
        assert!(
            devices.by_address(ip(999)).is_some() && devices.by_address(ip(0)).is_none(),
            "stale addresses made room"
        );
    }

    #[test]
    fn the_table_of_devices_refuses() {
        let mut devices = Devices::default();
        for n in 0..1_000 {
            devices.get_or_insert(mac(n), at(0));
        }
        assert_eq!(devices.iter().count(), limits::DEVICES);
        assert!(devices.get_or_insert(mac(3), at(0)).is_some());
        assert!(devices.get_or_insert(Mac([1, 0, 0, 0, 0, 0]), at(0)).is_none(), "a group address is no device");
    }
}
