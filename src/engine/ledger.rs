//! The ledger: since when each finding holds. Findings themselves are a pure function of the tables and are not stored:
//! they are made again whenever somebody looks. Only what was found before a restart is kept as it was told then, until
//! it is found again or too old.

use crate::detect::{Finding, Strength};
use crate::limits;
use crate::model::Endpoint;
use crate::sentence::Sentence;
use crate::tables::devices::DeviceId;
use crate::time::Wall;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What a finding is on: a contact of a device, or without an endpoint the device as a whole; and whose it is.
pub type Key = (DeviceId, Option<Endpoint>, &'static str);

/// A finding of before a restart that was not found again yet.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// When it was last known to hold.
    pub seen: Wall,
    /// How much it said.
    pub strength: Strength,
    /// What it said.
    pub message: Sentence,
}

#[derive(Debug)]
struct Held {
    since: Wall,
    remembered: Option<Box<Remembered>>,
}

/// Since when each detector has found something on a contact or on a device as a whole.
#[derive(Debug, Default)]
pub struct Ledger {
    held: BTreeMap<Key, Held>,
    /// How many findings were not noted, because there was no room. They are shown all the same, without a date.
    pub refused: u32,
}

impl Ledger {
    /// Notes all findings on a contact, or without an endpoint on the device as a whole, at this date. Returns the
    /// detectors whose finding is new. What is remembered stays until it is found at least as strongly: a counter that
    /// began anew with the restart has to grow first.
    pub fn note(
        &mut self,
        device: DeviceId,
        endpoint: Option<Endpoint>,
        findings: &[Finding],
        wall: Wall,
    ) -> Vec<&'static str> {
        let mut new = Vec::new();
        for detector in crate::detect::ALL {
            let (key, has_room) = ((device, endpoint, detector.name), self.held.len() < limits::FINDINGS);
            let finding = findings.iter().find(|finding| finding.detector == detector.name);
            match (self.held.entry(key), finding) {
                (Entry::Occupied(mut held), Some(finding)) => {
                    let remembered = &mut held.get_mut().remembered;
                    remembered.take_if(|remembered| remembered.strength <= finding.strength);
                }
                (Entry::Occupied(held), None) if held.get().remembered.is_none() => _ = held.remove(),
                (Entry::Vacant(vacant), Some(_)) if has_room => {
                    vacant.insert(Held { since: wall, remembered: None });
                    new.push(detector.name);
                }
                (Entry::Vacant(_), Some(_)) => self.refused += 1,
                (_, None) => {}
            }
        }
        new
    }

    /// Takes up a finding of before a restart. Returns false if there is no room for it.
    pub fn restore(&mut self, key: Key, since: Wall, remembered: Remembered) -> bool {
        let count = self.held.values().filter(|held| held.remembered.is_some()).count();
        let has_room = count < limits::REMEMBERED && self.held.len() < limits::FINDINGS;
        if has_room {
            self.held.entry(key).or_insert(Held { since, remembered: Some(Box::new(remembered)) });
        }
        has_room
    }

    /// Forgets what is remembered for longer than [`limits::CONTACT_STALE`], and what was found on contacts that are gone.
    pub fn sweep(&mut self, wall: Wall, is_known: impl Fn(DeviceId, Endpoint) -> bool) {
        self.held.retain(|(device, endpoint, _), held| match &held.remembered {
            Some(remembered) => wall.since(remembered.seen) < limits::CONTACT_STALE,
            None => endpoint.is_none_or(|endpoint| is_known(*device, endpoint)),
        });
    }

    /// Returns all findings of a device, with the date since when each holds, and what is remembered of it.
    pub fn of_device(&self, device: DeviceId) -> impl Iterator<Item = (Key, Wall, Option<&Remembered>)> {
        let of_device = self.held.range((device, None, "")..).take_while(move |((id, ..), _)| *id == device);
        of_device.map(|(key, held)| (*key, held.since, held.remembered.as_deref()))
    }

    /// Returns on how many contacts of a device a detector has found something.
    pub fn contacts_with(&self, device: DeviceId, detector: &str) -> usize {
        self.of_device(device).filter(|((_, endpoint, name), ..)| endpoint.is_some() && *name == detector).count()
    }

    /// Forgets what a detector found on a device as a whole, so that what it finds next is new. What is remembered goes on:
    /// it is told already.
    pub fn renew(&mut self, device: DeviceId, detector: &'static str) {
        if let Entry::Occupied(held) = self.held.entry((device, None, detector))
            && held.get().remembered.is_none()
        {
            held.remove();
        }
    }

    /// Forgets all findings on a device.
    pub fn forget(&mut self, device: DeviceId) {
        self.held.retain(|(id, ..), _| *id != device);
    }

    /// Returns the date since when a finding holds.
    pub fn since(&self, device: DeviceId, endpoint: Option<Endpoint>, detector: &'static str) -> Option<Wall> {
        self.held.get(&(device, endpoint, detector)).map(|held| held.since)
    }
}
