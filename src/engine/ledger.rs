//! The ledger: since when each finding holds. Findings themselves are a pure function of the tables and are not stored:
//! they are made again whenever somebody looks.

use crate::detect::Finding;
use crate::limits;
use crate::model::Endpoint;
use crate::tables::devices::DeviceId;
use crate::time::Wall;
use std::collections::BTreeMap;

/// Since when each detector has found something on a contact or on a device as a whole.
#[derive(Debug, Default)]
pub struct Ledger {
    since: BTreeMap<(DeviceId, Option<Endpoint>, &'static str), Wall>,
    /// How many findings were not noted, because there was no room. They are shown all the same, without a date.
    pub refused: u32,
}

impl Ledger {
    /// Notes all findings on a contact, or without an endpoint on the device as a whole, at this date. Returns the
    /// detectors whose finding is new.
    pub fn note(
        &mut self,
        device: DeviceId,
        endpoint: Option<Endpoint>,
        findings: &[Finding],
        wall: Wall,
    ) -> Vec<&'static str> {
        let mut new = Vec::new();
        for detector in crate::detect::ALL {
            let key = (device, endpoint, detector.name);
            if findings.iter().all(|finding| finding.detector != detector.name) {
                self.since.remove(&key);
            } else if self.since.len() < limits::FINDINGS || self.since.contains_key(&key) {
                if let std::collections::btree_map::Entry::Vacant(vacant) = self.since.entry(key) {
                    vacant.insert(wall);
                    new.push(detector.name);
                }
            } else {
                self.refused += 1;
            }
        }
        new
    }

    /// Returns on how many contacts of a device a detector has found something.
    pub fn contacts_with(&self, device: DeviceId, detector: &str) -> usize {
        let of_device = self.since.range((device, None, "")..).take_while(|((id, ..), _)| *id == device);
        of_device.filter(|((_, endpoint, name), _)| endpoint.is_some() && *name == detector).count()
    }

    /// Forgets what a detector found on a device as a whole, so that what it finds next is new.
    pub fn renew(&mut self, device: DeviceId, detector: &'static str) {
        self.since.remove(&(device, None, detector));
    }

    /// Forgets all findings on a device.
    pub fn forget(&mut self, device: DeviceId) {
        self.since.retain(|(id, ..), _| *id != device);
    }

    /// Returns the date since when a finding holds.
    pub fn since(&self, device: DeviceId, endpoint: Option<Endpoint>, detector: &'static str) -> Option<Wall> {
        self.since.get(&(device, endpoint, detector)).copied()
    }
}
