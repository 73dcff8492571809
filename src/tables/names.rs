//! Names: which lookup of which device yielded an address.
//!
//! For each address and device the names are kept for days after they were last asked or used, since devices ignore
//! TTLs. Room is counted in bytes, because the names are an attacker's text. When it runs out, the device that holds
//! most loses its stalest; a device below its quota never loses anything to another's flood.

use crate::limits::{NAME_ENTRY_BYTES, NAMES_BYTES, NAMES_BYTES_PER_DEVICE, NAMES_KEPT, NAMES_PER_ADDRESS};
use crate::model::Name;
use crate::tables::devices::DeviceId;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

#[derive(Debug)]
struct Entry {
    names: List,
    /// Asked or used last.
    fresh: Time,
}

/// Names of an address, newest last. Most addresses have one, which then needs no memory of its own.
#[derive(Debug)]
#[allow(clippy::box_collection, reason = "as small as one name: 16 bytes instead of 24, twenty thousand times")]
enum List {
    One(Name),
    Many(Box<Vec<Name>>),
}

impl List {
    fn as_slice(&self) -> &[Name] {
        match self {
            List::One(name) => std::slice::from_ref(name),
            List::Many(all) => all,
        }
    }

    /// Puts a name last, wherever it stood; gives whether it was there, and the one that made room.
    fn put(&mut self, known: Name) -> (bool, Option<Name>) {
        let mut all = match std::mem::replace(self, List::Many(Box::default())) {
            List::One(one) => Box::new(vec![one]),
            List::Many(all) => all,
        };
        let before = all.len();
        all.retain(|old| *old != known);
        let again = all.len() < before;
        let gone = (all.len() >= NAMES_PER_ADDRESS).then(|| all.remove(0));
        *self = if all.is_empty() {
            List::One(known)
        } else {
            all.reserve_exact(1);
            all.push(known);
            List::Many(all)
        };
        (again, gone)
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.names.as_slice().iter().map(cost).sum()
    }
}

fn cost(name: &Name) -> usize {
    NAME_ENTRY_BYTES + name.len()
}

/// All that lookups taught.
#[derive(Debug, Default)]
pub struct Names {
    entries: BTreeMap<(IpAddr, DeviceId), Entry>,
    /// One copy of each name's text.
    texts: BTreeSet<Name>,
    held: BTreeMap<DeviceId, usize>,
    total: usize,
    /// Names that were given up for room.
    pub evicted: u32,
}

impl Names {
    /// A lookup of `device` for `name` yielded `address`.
    pub fn learn(&mut self, device: DeviceId, address: IpAddr, name: &Name, now: Time) {
        let name = self.texts.get(name).unwrap_or(name).clone();
        self.texts.insert(name.clone());
        let known = name.clone();
        let (again, gone) = match self.entries.entry((address, device)) {
            std::collections::btree_map::Entry::Vacant(vacant) => {
                vacant.insert(Entry { names: List::One(known), fresh: now });
                (false, None)
            }
            std::collections::btree_map::Entry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                entry.fresh = now;
                entry.names.put(known)
            }
        };
        if let Some(gone) = gone {
            self.release(device, cost(&gone));
        }
        if !again {
            self.hold(device, cost(&name));
        }
    }

    fn hold(&mut self, device: DeviceId, bytes: usize) {
        let held = self.held.entry(device).or_default();
        *held += bytes;
        self.total += bytes;
        if *held > NAMES_BYTES_PER_DEVICE {
            self.evict(device);
        } else if self.total > NAMES_BYTES {
            let biggest = self.held.iter().max_by_key(|(_, bytes)| **bytes).map_or(device, |(id, _)| *id);
            self.evict(biggest);
        }
    }

    fn release(&mut self, device: DeviceId, bytes: usize) {
        if let Some(held) = self.held.get_mut(&device) {
            *held = held.saturating_sub(bytes);
        }
        self.total = self.total.saturating_sub(bytes);
    }

    /// Gives up the stalest quarter of what a device holds.
    fn evict(&mut self, device: DeviceId) {
        let own = self.entries.iter().filter(|((_, id), _)| *id == device);
        let mut own: Vec<(Time, IpAddr)> = own.map(|((ip, _), entry)| (entry.fresh, *ip)).collect();
        own.sort_unstable();
        own.truncate((own.len() / 4).max(1));
        for (_, ip) in own {
            if let Some(entry) = self.entries.remove(&(ip, device)) {
                self.evicted += entry.names.as_slice().len() as u32;
                self.release(device, entry.bytes());
            }
        }
        self.texts.retain(|text| Rc::strong_count(text) > 1);
    }

    /// Forgets what was neither asked nor used for days.
    pub fn sweep(&mut self, now: Time) {
        let mut released = Vec::new();
        self.entries.retain(|(_, device), entry| {
            let keep = now.since(entry.fresh) <= NAMES_KEPT;
            if !keep {
                released.push((*device, entry.bytes()));
            }
            keep
        });
        for (device, bytes) in released {
            self.release(device, bytes);
        }
        self.texts.retain(|text| Rc::strong_count(text) > 1);
    }

    /// A lookup of this device explains the address.
    pub fn knows(&self, device: DeviceId, address: IpAddr, now: Time) -> bool {
        self.entries.get(&(address, device)).is_some_and(|entry| now.since(entry.fresh) <= NAMES_KEPT)
    }

    /// The same, and being used keeps the memory fresh.
    pub fn explains(&mut self, device: DeviceId, address: IpAddr, now: Time) -> bool {
        let entry = self.entries.get_mut(&(address, device)).filter(|entry| now.since(entry.fresh) <= NAMES_KEPT);
        entry.map(|entry| entry.fresh = now).is_some()
    }

    /// The names by which this device knows the address, newest first.
    pub fn of(&self, device: DeviceId, address: IpAddr) -> impl Iterator<Item = &Name> {
        self.entries.get(&(address, device)).into_iter().flat_map(|entry| entry.names.as_slice().iter().rev())
    }

    /// The other devices that looked the address up, with the name they asked for last.
    pub fn others(&self, device: DeviceId, address: IpAddr) -> impl Iterator<Item = (DeviceId, &Name)> {
        let range = self.entries.range((address, DeviceId::FIRST)..=(address, DeviceId::LAST));
        range
            .filter(move |((_, id), _)| *id != device)
            .filter_map(|((_, id), entry)| Some((*id, entry.names.as_slice().last()?)))
    }

    /// The addresses that a device knows under a name that `fits`.
    pub fn addresses(&self, device: DeviceId, fits: impl Fn(&str) -> bool) -> Vec<IpAddr> {
        let own = self.entries.iter().filter(|((_, id), _)| *id == device);
        own.filter(|(_, entry)| entry.names.as_slice().iter().any(|known| fits(known)))
            .map(|((ip, _), _)| *ip)
            .collect()
    }

    /// All that is known: whose, which address, when it was asked or used last, and the names, newest last.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceId, IpAddr, Time, &[Name])> {
        self.entries.iter().map(|((ip, id), entry)| (*id, *ip, entry.fresh, entry.names.as_slice()))
    }

    /// Forgets all that a device looked up.
    pub fn forget(&mut self, device: DeviceId) {
        self.entries.retain(|(_, id), _| *id != device);
        let held = self.held.remove(&device).unwrap_or_default();
        self.total = self.total.saturating_sub(held);
        self.texts.retain(|text| Rc::strong_count(text) > 1);
    }

    /// How many names are remembered.
    pub fn len(&self) -> usize {
        self.entries.values().map(|entry| entry.names.as_slice().len()).sum()
    }

    /// Nothing is remembered.
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

    fn said<'a>(known: impl Iterator<Item = &'a Name>) -> Vec<&'a str> {
        known.map(|name| &**name).collect()
    }

    #[test]
    fn several_names_for_an_address_and_several_devices() {
        let mut names = Names::default();
        names.learn(DeviceId::new(1), ip(1), &name(b"a.example"), Time(1));
        names.learn(DeviceId::new(1), ip(1), &name(b"b.example"), Time(2));
        names.learn(DeviceId::new(1), ip(1), &name(b"a.example"), Time(3));
        names.learn(DeviceId::new(2), ip(1), &name(b"c.example"), Time(4));
        assert_eq!(said(names.of(DeviceId::new(1), ip(1))), ["a.example", "b.example"]);
        assert_eq!(said(names.others(DeviceId::new(1), ip(1)).map(|(_, known)| known)), ["c.example"]);
        assert!(names.explains(DeviceId::new(1), ip(1), Time(5)) && !names.explains(DeviceId::new(3), ip(1), Time(5)));
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn use_keeps_a_name_and_silence_forgets_it() {
        let mut names = Names::default();
        names.learn(DeviceId::new(1), ip(1), &name(b"a.example"), Time(0));
        let (six, twelve) = (Time(0) + Span::days(6), Time(0) + Span::days(12));
        assert!(names.explains(DeviceId::new(1), ip(1), six) && names.explains(DeviceId::new(1), ip(1), twelve));
        assert!(!names.explains(DeviceId::new(1), ip(1), twelve + Span::days(8)));
        names.sweep(twelve + Span::days(8));
        assert!(names.is_empty() && names.texts.is_empty() && names.total == 0 && names.held[&DeviceId::new(1)] == 0);
    }

    #[test]
    fn a_flood_of_one_device_evicts_only_its_own() {
        let mut names = Names::default();
        names.learn(DeviceId::new(1), ip(1), &name(b"bulb.example"), Time(0));
        for n in 0..60_000_u32 {
            names.learn(
                DeviceId::new(2),
                ip(n),
                &name(format!("{n:0>200}.flood.example").as_bytes()),
                Time(u64::from(n)),
            );
        }
        assert!(names.explains(DeviceId::new(1), ip(1), Time(60_000)));
        assert!(names.held[&DeviceId::new(2)] <= NAMES_BYTES_PER_DEVICE && names.evicted > 50_000);
        assert!(names.explains(DeviceId::new(2), ip(59_999), Time(60_000)), "the newest stay");
        for device in 3..60 {
            for n in 0..1_000_u32 {
                names.learn(
                    DeviceId::new(device),
                    ip(n),
                    &name(format!("{device}-{n:0>100}.example").as_bytes()),
                    Time(70_000),
                );
            }
        }
        assert!(names.total <= NAMES_BYTES, "{}", names.total);
        assert!(names.explains(DeviceId::new(1), ip(1), Time(80_000)), "the biggest gave way, not the smallest");
        assert_eq!(names.total, names.entries.values().map(Entry::bytes).sum::<usize>());
    }
}
