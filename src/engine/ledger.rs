//! The ledger: since when each finding holds. The findings themselves are a pure function of the contacts, so they
//! are made anew whenever somebody looks.

use crate::detect::Finding;
use crate::limits;
use crate::model::Endpoint;
use crate::tables::devices::DeviceId;
use crate::time::Wall;
use std::collections::BTreeMap;

/// Since when which detector has said something on which contact.
#[derive(Debug, Default)]
pub struct Ledger {
    since: BTreeMap<(DeviceId, Option<Endpoint>, &'static str), Wall>,
    /// Findings for which there was no room.
    pub refused: u32,
}

impl Ledger {
    /// These are all findings on the contact, or without one on the device as a whole, now. Gives the detectors whose finding is new.
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

    /// What a detector said of a device as a whole is over: what it says next is new.
    pub fn renew(&mut self, device: DeviceId, detector: &'static str) {
        self.since.remove(&(device, None, detector));
    }

    /// Forgets all findings on a device.
    pub fn forget(&mut self, device: DeviceId) {
        self.since.retain(|(id, ..), _| *id != device);
    }

    /// When a detector first said it.
    pub fn since(&self, device: DeviceId, endpoint: Option<Endpoint>, detector: &'static str) -> Option<Wall> {
        self.since.get(&(device, endpoint, detector)).copied()
    }
}
