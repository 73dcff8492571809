//! Which lookup of which device yielded an address.
//!
//! An address that stands for an IPv4 address (NAT64) is kept as that one, so that a lookup of either explains both.
//!
//! The names of an address are kept, for each device, for days after they were last looked up or used, because devices
//! ignore TTLs ([`limits::NAMES_KEPT`]). Room is counted in bytes, because names are an attacker's text. When it runs
//! out, the device that holds most loses what it has not used for longest; a device below its quota never loses
//! anything to another one's flood.

use crate::limits::{self, NAMES_BYTES, NAMES_BYTES_PER_DEVICE, NAMES_KEPT, NAMES_PER_ADDRESS};
use crate::model::Name;
use crate::tables::devices::{DeviceId, PerDevice};
use crate::tables::nat64::Nat64;
use crate::time::Time;
use ipnet::Ipv6Net;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::net::IpAddr;
use std::rc::Rc;

/// What is known of an address by the lookups of a device.
#[derive(Debug)]
struct Entry {
    names: NameList,
    /// When the address was last looked up or used.
    last_used: Time,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.names.as_slice().iter().map(bytes_of).sum()
    }

    fn is_fresh(&self, now: Time) -> bool {
        now.since(self.last_used) <= NAMES_KEPT
    }
}

/// The names of an address, the newest last. Most addresses have one, which then needs no memory of its own.
#[derive(Debug)]
#[allow(clippy::box_collection, reason = "as small as one name: 16 bytes instead of 24, twenty thousand times")]
enum NameList {
    One(Name),
    Many(Box<Vec<Name>>),
}

/// What became of a name that was added to a [`NameList`].
struct Added {
    /// The list did not have the name before.
    is_new: bool,
    /// The oldest name, which had to make room.
    dropped: Option<Name>,
}

impl NameList {
    fn as_slice(&self) -> &[Name] {
        match self {
            NameList::One(name) => std::slice::from_ref(name),
            NameList::Many(all) => all,
        }
    }

    /// Adds a name as the newest, wherever it stood before.
    fn add(&mut self, name: Name) -> Added {
        let mut all = match std::mem::replace(self, NameList::Many(Box::default())) {
            NameList::One(one) => Box::new(vec![one]),
            NameList::Many(all) => all,
        };
        let before = all.len();
        all.retain(|old| *old != name);
        let is_new = all.len() == before;
        let dropped = (all.len() >= NAMES_PER_ADDRESS).then(|| all.remove(0));
        *self = if all.is_empty() {
            NameList::One(name)
        } else {
            all.reserve_exact(1);
            all.push(name);
            NameList::Many(all)
        };
        Added { is_new, dropped }
    }
}

/// Returns how many bytes a name is counted with.
fn bytes_of(name: &Name) -> usize {
    limits::NAME_ENTRY_BYTES + name.len()
}

/// What the lookups of a device say of an address.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The device that looked the names up.
    pub device: DeviceId,
    /// The address that the names yielded.
    pub address: IpAddr,
    /// When the address was last looked up or used.
    pub last_used: Time,
    /// The names, the newest last.
    pub names: &'a [Name],
}

/// All that lookups have shown.
#[derive(Debug, Default)]
pub struct Names {
    entries: BTreeMap<(IpAddr, DeviceId), Entry>,
    /// One copy of each name's text.
    texts: BTreeSet<Name>,
    /// How many bytes the entries are counted with, by device and in all.
    bytes_of_device: PerDevice,
    bytes: usize,
    /// Which addresses stand for others.
    pub nat64: Nat64,
    /// How many names were given up because there was no room for them.
    pub evicted: u32,
}

impl Names {
    /// Adds what a lookup of `device` for `name` has shown: that the name has this address. Returns whether that is new.
    pub fn insert(&mut self, device: DeviceId, address: IpAddr, name: &Name, now: Time) -> bool {
        let address = self.nat64.canonical(device, address);
        let name = self.texts.get(name).unwrap_or(name).clone();
        self.texts.insert(name.clone());
        let bytes = bytes_of(&name);
        let added = match self.entries.entry((address, device)) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(Entry { names: NameList::One(name), last_used: now });
                Added { is_new: true, dropped: None }
            }
            btree_map::Entry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                entry.last_used = entry.last_used.max(now);
                entry.names.add(name)
            }
        };
        if let Some(dropped) = added.dropped {
            self.release(device, bytes_of(&dropped));
        }
        if added.is_new {
            self.charge(device, bytes);
        }
        added.is_new
    }

    /// Adds a prefix whose addresses stand for IPv4 addresses: of the house, or one that a device learnt. Returns
    /// whether it is new.
    pub fn translate(&mut self, device: Option<DeviceId>, prefix: Ipv6Net, now: Time) -> bool {
        if !self.nat64.add(device, prefix, now) {
            return false;
        }
        let nat64 = &self.nat64;
        let moves = |(address, id): &(IpAddr, DeviceId)| nat64.canonical(*id, *address) != *address;
        let moved: Vec<_> = self.entries.extract_if(.., |key, _| moves(key)).collect();
        for ((address, id), entry) in moved {
            self.release(id, entry.bytes());
            for name in entry.names.as_slice() {
                self.insert(id, address, name, entry.last_used);
            }
        }
        true
    }

    /// Counts bytes for a device, and makes room if they are too many.
    fn charge(&mut self, device: DeviceId, bytes: usize) {
        let of_device = self.bytes_of_device.get_mut(device);
        *of_device += bytes;
        self.bytes += bytes;
        if *of_device > NAMES_BYTES_PER_DEVICE {
            self.evict(device);
        } else if self.bytes > NAMES_BYTES {
            let biggest = self.bytes_of_device.largest().unwrap_or(device);
            self.evict(biggest);
        }
    }

    fn release(&mut self, device: DeviceId, bytes: usize) {
        let of_device = self.bytes_of_device.get_mut(device);
        *of_device = of_device.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Gives up the quarter of a device's entries that was not used for longest.
    fn evict(&mut self, device: DeviceId) {
        let own = self.entries.iter().filter(|((_, id), _)| *id == device);
        let mut own: Vec<(Time, IpAddr)> = own.map(|((ip, _), entry)| (entry.last_used, *ip)).collect();
        own.sort_unstable();
        own.truncate((own.len() / 4).max(1));
        for (_, ip) in own {
            if let Some(entry) = self.entries.remove(&(ip, device)) {
                self.evicted += entry.names.as_slice().len() as u32;
                self.release(device, entry.bytes());
            }
        }
        self.drop_unused_texts();
    }

    /// Forgets what was neither looked up nor used for [`limits::NAMES_KEPT`].
    pub fn sweep(&mut self, now: Time) {
        let mut released = Vec::new();
        self.entries.retain(|(_, device), entry| {
            let keep = entry.is_fresh(now);
            if !keep {
                released.push((*device, entry.bytes()));
            }
            keep
        });
        for (device, bytes) in released {
            self.release(device, bytes);
        }
        self.drop_unused_texts();
    }

    fn drop_unused_texts(&mut self) {
        self.texts.retain(|text| Rc::strong_count(text) > 1);
    }

    /// Returns true if a lookup of this device yielded the address and is not forgotten.
    pub fn contains(&self, device: DeviceId, address: IpAddr, now: Time) -> bool {
        let address = self.nat64.canonical(device, address);
        self.entries.get(&(address, device)).is_some_and(|entry| entry.is_fresh(now))
    }

    /// Returns what [`Names::contains`] returns, and keeps the names for longer, because the address is being used.
    pub fn refresh(&mut self, device: DeviceId, address: IpAddr, now: Time) -> bool {
        let address = self.nat64.canonical(device, address);
        let entry = self.entries.get_mut(&(address, device)).filter(|entry| entry.is_fresh(now));
        if let Some(entry) = entry {
            entry.last_used = now;
            return true;
        }
        false
    }

    /// Returns the names by which this device knows the address, newest first.
    pub fn of_device(&self, device: DeviceId, address: IpAddr) -> impl Iterator<Item = &Name> {
        let address = self.nat64.canonical(device, address);
        self.entries.get(&(address, device)).into_iter().flat_map(|entry| entry.names.as_slice().iter().rev())
    }

    /// Returns the other devices that looked the address up, each with its newest name for it.
    pub fn of_other_devices(&self, device: DeviceId, address: IpAddr) -> impl Iterator<Item = (DeviceId, &Name)> {
        let address = self.nat64.canonical(device, address);
        let range = self.entries.range((address, DeviceId::MIN)..=(address, DeviceId::MAX));
        range
            .filter(move |((_, id), _)| *id != device)
            .filter_map(|((_, id), entry)| Some((*id, entry.names.as_slice().last()?)))
    }

    /// Returns the addresses that a device knows by a name that `fits`, as they are kept: see [`Nat64::canonical`].
    pub fn addresses(&self, device: DeviceId, fits: impl Fn(&str) -> bool) -> Vec<IpAddr> {
        let own = self.entries.iter().filter(|((_, id), _)| *id == device);
        let known = own.filter(|(_, entry)| entry.names.as_slice().iter().any(|name| fits(name)));
        known.map(|((ip, _), _)| *ip).collect()
    }

    /// Returns everything that is known, in the order of the addresses.
    pub fn iter(&self) -> impl Iterator<Item = Known<'_>> {
        self.entries.iter().map(|((address, device), entry)| Known {
            device: *device,
            address: *address,
            last_used: entry.last_used,
            names: entry.names.as_slice(),
        })
    }

    /// Forgets everything that a device looked up.
    pub fn forget(&mut self, device: DeviceId) {
        self.entries.retain(|(_, id), _| *id != device);
        self.nat64.forget(device);
        let bytes = std::mem::take(self.bytes_of_device.get_mut(device));
        self.bytes = self.bytes.saturating_sub(bytes);
        self.drop_unused_texts();
    }

    /// Returns how many names are kept.
    pub fn len(&self) -> usize {
        self.entries.values().map(|entry| entry.names.as_slice().len()).sum()
    }

    /// Returns true if no names are kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name;
    use crate::time::Span;

    fn ip(n: u32) -> IpAddr {
        IpAddr::from(std::net::Ipv4Addr::from(0xc633_0000 + n))
    }

    fn texts<'a>(known: impl Iterator<Item = &'a Name>) -> Vec<&'a str> {
        known.map(|name| &**name).collect()
    }

    #[test]
    fn an_address_has_several_names_and_several_devices() {
        let mut names = Names::default();
        names.insert(DeviceId::new(1), ip(1), &name(b"a.example"), Time(1));
        names.insert(DeviceId::new(1), ip(1), &name(b"b.example"), Time(2));
        names.insert(DeviceId::new(1), ip(1), &name(b"a.example"), Time(3));
        names.insert(DeviceId::new(2), ip(1), &name(b"c.example"), Time(4));
        assert_eq!(texts(names.of_device(DeviceId::new(1), ip(1))), ["a.example", "b.example"]);
        assert_eq!(texts(names.of_other_devices(DeviceId::new(1), ip(1)).map(|(_, known)| known)), ["c.example"]);
        assert!(names.refresh(DeviceId::new(1), ip(1), Time(5)) && !names.refresh(DeviceId::new(3), ip(1), Time(5)));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn a_lookup_explains_both_sides_of_a_translator() {
        let (mut names, device) = (Names::default(), DeviceId::new(1));
        let (v4, translated): (IpAddr, IpAddr) =
            ("198.51.100.9".parse().unwrap(), "2001:db8:64::c633:6409".parse().unwrap());
        names.insert(device, translated, &name(b"a.example"), Time(1));
        assert!(!names.contains(device, v4, Time(2)));
        assert!(names.translate(Some(device), "2001:db8:64::/96".parse().unwrap(), Time(2)));
        for address in [v4, translated] {
            assert_eq!(texts(names.of_device(device, address)), ["a.example"]);
        }
        assert_eq!(names.bytes, names.entries.values().map(Entry::bytes).sum::<usize>());
        names.forget(device);
        assert!(names.is_empty() && names.bytes == 0);
    }

    #[test]
    fn use_keeps_a_name_and_silence_forgets_it() {
        let mut names = Names::default();
        names.insert(DeviceId::new(1), ip(1), &name(b"a.example"), Time(0));
        let (six, twelve) = (Time(0) + Span::days(6), Time(0) + Span::days(12));
        assert!(names.refresh(DeviceId::new(1), ip(1), six) && names.refresh(DeviceId::new(1), ip(1), twelve));
        assert!(!names.refresh(DeviceId::new(1), ip(1), twelve + Span::days(8)));
        names.sweep(twelve + Span::days(8));
        assert!(
            names.is_empty()
                && names.texts.is_empty()
                && names.bytes == 0
                && names.bytes_of_device.get(DeviceId::new(1)) == 0
        );
    }

    #[test]
    fn a_flood_of_one_device_evicts_only_its_own() {
        let mut names = Names::default();
        names.insert(DeviceId::new(1), ip(1), &name(b"bulb.example"), Time(0));
        for n in 0..60_000_u32 {
            names.insert(
                DeviceId::new(2),
                ip(n),
                &name(format!("{n:0>200}.flood.example").as_bytes()),
                Time(u64::from(n)),
            );
        }
        assert!(names.refresh(DeviceId::new(1), ip(1), Time(60_000)));
        assert!(names.bytes_of_device.get(DeviceId::new(2)) <= NAMES_BYTES_PER_DEVICE && names.evicted > 50_000);
        assert!(names.refresh(DeviceId::new(2), ip(59_999), Time(60_000)), "the newest names stay");
        for device in 3..60 {
            for n in 0..1_000_u32 {
                names.insert(
                    DeviceId::new(device),
                    ip(n),
                    &name(format!("{device}-{n:0>100}.example").as_bytes()),
                    Time(70_000),
                );
            }
        }
        assert!(names.bytes <= NAMES_BYTES, "{}", names.bytes);
        assert!(names.refresh(DeviceId::new(1), ip(1), Time(80_000)), "the biggest device gave way, not the smallest");
        assert_eq!(names.bytes, names.entries.values().map(Entry::bytes).sum::<usize>());
    }
}
