//! What the user wants: the settings of the file, and the orders given since, which beat them.

use crate::config::{Config, Mode, Pin};
use crate::model::Mac;
use crate::time::Wall;
use std::collections::BTreeMap;

/// Orders given at run time; kept in the state file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Newest first.
    pub pins: Vec<Pin>,
    /// Modes of devices.
    pub modes: BTreeMap<Mac, Mode>,
    /// The global switch, where it was used.
    pub blocking: Option<bool>,
}

/// Both together.
#[derive(Clone, Copy, Debug)]
pub struct Wishes<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The orders.
    pub orders: &'a Orders,
}

impl<'a> Wishes<'a> {
    /// The pins that hold at this date; the first that fits decides.
    pub fn pins(self, wall: Wall) -> impl Iterator<Item = &'a Pin> {
        self.orders.pins.iter().chain(&self.config.pins).filter(move |pin| pin.holds(wall))
    }

    /// The mode that a device is in.
    pub fn mode(self, mac: Mac) -> Mode {
        self.orders.modes.get(&mac).copied().unwrap_or_else(|| self.config.mode(mac))
    }

    /// Blocks are enforced.
    pub fn blocking(self) -> bool {
        self.orders.blocking.unwrap_or(self.config.blocking)
    }

    /// The devices in this mode by name, not by default.
    pub fn in_mode(self, mode: Mode) -> impl Iterator<Item = Mac> {
        let named = self.config.devices.keys().chain(self.orders.modes.keys()).copied();
        named.filter(move |mac| self.mode(*mac) == mode)
    }
}
