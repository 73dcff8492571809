//! What a detector is, what it looks at, and what it finds.

use crate::model::Endpoint;
use crate::reference::lists::Lists;
use crate::reference::networks::Networks;
use crate::sentence::Sentence;
use crate::tables::contacts::Contact;
use crate::tables::devices::{Device, DeviceId};
use crate::tables::names::Names;
use crate::time::Time;

/// A detector.
pub struct Detector {
    /// Its word in the configuration and the JSON.
    pub name: &'static str,
    /// What it looks for, for people.
    pub about: &'static str,
    /// What is known to fool it, for people.
    pub fooled_by: &'static [&'static str],
    /// Its statement now.
    pub judge: Judge,
}

/// What a detector looks at.
#[derive(Clone, Copy)]
pub enum Judge {
    /// Each contact for itself. What it finds may be blocked.
    Contact(fn(&Subject, &Scene) -> Option<Finding>),
    /// A device as a whole, at this time. What it finds is shown.
    Device(fn(&Device, Time) -> Option<Finding>),
    /// Both, one after the other.
    Both(fn(&Subject, &Scene) -> Option<Finding>, fn(&Device, Time) -> Option<Finding>),
}

/// What is judged.
pub struct Subject<'a> {
    /// The device.
    pub device: &'a Device,
    /// Its place in the tables of the scene.
    pub id: DeviceId,
    /// Whom it talks to.
    pub endpoint: Endpoint,
    /// What they have had with each other.
    pub contact: &'a Contact,
}

/// What else is known, read-only.
pub struct Scene<'a> {
    /// What lookups taught.
    pub names: &'a Names,
    /// It is this hour since 1970.
    pub hour: u32,
    /// Now.
    pub now: Time,
    /// What others warn of.
    pub lists: &'a Lists,
    /// Whose an address is, where that is known.
    pub networks: Option<&'a Networks>,
}

/// How much a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// A hint: there is a common harmless reason at hand. Never counts towards a block.
    Weak,
    /// It counts as one kind of evidence.
    Fair,
    /// So does this, and little speaks against it.
    Strong,
}

impl Strength {
    /// As the JSON says it.
    pub fn text(self) -> &'static str {
        match self {
            Strength::Weak => "weak",
            Strength::Fair => "fair",
            Strength::Strong => "strong",
        }
    }
}

/// A detector's statement now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose.
    pub detector: &'static str,
    /// How much it says.
    pub strength: Strength,
    /// On how many independent kinds of evidence it rests: a block needs two in all.
    pub kinds: u8,
    /// What it says, for people.
    pub message: Sentence,
    /// The numbers behind it.
    pub evidence: Vec<Evidence>,
}

/// A number behind a finding, and from where on it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What was counted; the unit is the word's end.
    pub what: &'static str,
    /// The count.
    pub seen: u64,
    /// From here on it counts.
    pub limit: u64,
}
