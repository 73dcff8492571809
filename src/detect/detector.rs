//! What a detector is, what it is given to judge, and what it finds. The types stand apart from the list of detectors
//! in `mod.rs`, so that a detector and the list need not import each other.

use crate::model::Endpoint;
use crate::reference::lists::Lists;
use crate::reference::networks::Networks;
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::contacts::Contact;
use crate::tables::counters::distinct;
use crate::tables::devices::{Device, DeviceId};
use crate::tables::names::Names;
use crate::tables::registrations::Registrations;
use crate::time::Time;

/// A detector: a pure function over the tables, and what people are told about it.
pub struct Detector {
    /// The word for it in the configuration and the JSON.
    pub name: &'static str,
    /// What it looks for, for people: "a device ...".
    pub about: &'static str,
    /// What is known to fool it, for people.
    pub fooled_by: &'static [&'static str],
    /// The function that judges.
    pub judge: Judge,
}

/// The function of a detector, by what it judges.
#[derive(Clone, Copy)]
pub enum Judge {
    /// Judges each contact by itself. What it finds may be blocked.
    Contact(fn(&Subject, &Context) -> Option<Finding>),
    /// Judges a device as a whole, at this time. What it finds is only shown, because it is on no single address.
    Device(fn(&Device, Time) -> Option<Finding>),
    /// Judges both, by one function each.
    Both(fn(&Subject, &Context) -> Option<Finding>, fn(&Device, Time) -> Option<Finding>),
}

/// A contact that is to be judged.
pub struct Subject<'a> {
    /// The device.
    pub device: &'a Device,
    /// The id of the device, by which it is found in the tables of [`Context`].
    pub id: DeviceId,
    /// The endpoint that the device talks to.
    pub endpoint: Endpoint,
    /// What was counted for the two.
    pub contact: &'a Contact,
}

/// What is known beside the contact that is judged.
pub struct Context<'a> {
    /// Which lookups yielded which addresses.
    pub names: &'a Names,
    /// The hour since 1970.
    pub hour: u32,
    /// The engine's time.
    pub now: Time,
    /// The lists that warn about addresses and names.
    pub lists: &'a Lists,
    /// When names were registered.
    pub registrations: &'a Registrations,
    /// Which network an address belongs to; absent if leash has no file of networks.
    pub networks: Option<&'a Networks>,
}

/// How much a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A hint, for which there is a common harmless reason. It never counts towards a block.
    Weak,
    /// A finding that counts as evidence.
    Fair,
    /// A finding that counts as evidence, and against which little speaks.
    Strong,
}

impl Strength {
    /// Returns the word that the JSON uses.
    pub fn text(self) -> &'static str {
        match self {
            Strength::Weak => "weak",
            Strength::Fair => "fair",
            Strength::Strong => "strong",
        }
    }
}

/// What a detector says of a contact or a device now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the detector.
    pub detector: &'static str,
    /// How much the finding says.
    pub strength: Strength,
    /// How many independent kinds of evidence the finding rests on. A block needs two in all.
    pub kinds: u8,
    /// What the detector says, for people: "the device ...".
    pub message: Sentence,
    /// The numbers behind the finding.
    pub evidence: Vec<Evidence>,
}

/// A number behind a finding, and from where on it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The word for what was counted in the JSON, with the unit last.
    pub name: &'static str,
    /// The number that was seen.
    pub seen: u64,
    /// The smallest number that counts.
    pub limit: u64,
}

/// Returns a count of [`distinct::Distinct`] in words, as exactly as it is known.
pub(super) fn approximately(count: u32) -> Sentence {
    if count > distinct::COUNT_MAX { sentence!("over %s", distinct::COUNT_MAX) } else { sentence!("about %s", count) }
}
