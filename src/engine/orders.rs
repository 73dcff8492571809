//! What the user wants: the settings of the file, and the orders given since, which beat them.

use crate::config::Config;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::{Pin, Target};
use crate::time::Wall;
use std::collections::BTreeMap;

/// Orders given at run time; kept in the state file, and those that are to last in the settings, too (`leash keep`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Newest first.
    pub pins: Vec<Pin>,
    /// Pins of the settings that were taken back.
    pub unpinned: Vec<(Option<Mac>, Target)>,
    /// Modes of devices.
    pub modes: BTreeMap<Mac, Mode>,
    /// What devices are called; an empty name takes one away.
    pub names: Vec<(Mac, String)>,
    /// The global switch, where it was used.
    pub blocking: Option<bool>,
}

impl Orders {
    /// Drops what the settings have by now.
    pub fn settle(&mut self, config: &Config) {
        let set = |mac: &Mac| config.devices.get(mac).and_then(|device| device.mode);
        self.modes.retain(|mac, mode| set(mac) != Some(*mode));
        let named = |mac: &Mac| config.devices.get(mac).and_then(|device| device.name.as_deref());
        self.names.retain(|(mac, name)| named(mac).unwrap_or_default() != name);
        self.pins.retain(|pin| pin.until.is_some() || !config.pins.contains(pin));
        self.unpinned.retain(|key| config.pins.iter().any(|pin| is_on(pin, key)));
        self.blocking = self.blocking.filter(|on| *on != config.blocking);
    }

    /// Some are to last, and the settings do not have them.
    pub fn are_to_keep(&self) -> bool {
        let lasting = self.pins.iter().any(|pin| pin.until.is_none());
        lasting
            || !self.modes.is_empty()
            || !self.names.is_empty()
            || !self.unpinned.is_empty()
            || self.blocking.is_some()
    }

    /// Names a device.
    pub fn name(&mut self, mac: Mac, name: &str) {
        self.names.retain(|(known, _)| *known != mac);
        self.names.push((mac, name.into()));
    }

    /// Takes back the pins of the settings that this fits. True when there were some.
    pub fn unpin(&mut self, config: &Config, fits: impl Fn(&Pin) -> bool) -> bool {
        let pins = config.pins.iter().filter(|pin| fits(pin)).map(|pin| (pin.mac, pin.target.clone()));
        let before = self.unpinned.len();
        for key in pins {
            if !self.unpinned.contains(&key) {
                self.unpinned.push(key);
            }
        }
        self.unpinned.len() > before
    }
}

/// The pin is for exactly this device and destination.
pub fn is_on(pin: &Pin, (mac, target): &(Option<Mac>, Target)) -> bool {
    (pin.mac, &pin.target) == (*mac, target)
}

/// Both together.
#[derive(Clone, Copy, Debug)]
pub struct EffectiveSettings<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The orders.
    pub orders: &'a Orders,
}

impl<'a> EffectiveSettings<'a> {
    /// The pins that hold at this date; the first that fits decides.
    pub fn pins(self, wall: Wall) -> impl Iterator<Item = &'a Pin> {
        let settings =
            self.config.pins.iter().filter(move |pin| !self.orders.unpinned.iter().any(|key| is_on(pin, key)));
        self.orders.pins.iter().chain(settings).filter(move |pin| pin.holds(wall))
    }

    /// The mode that a device is in.
    pub fn mode(self, mac: Mac) -> Mode {
        self.orders.modes.get(&mac).copied().unwrap_or_else(|| self.config.mode(mac))
    }

    /// What people call a device.
    pub fn name(self, mac: Mac) -> Option<&'a str> {
        let ordered = self.orders.names.iter().find(|(known, _)| *known == mac).map(|(_, name)| name.as_str());
        let set = || self.config.devices.get(&mac).and_then(|device| device.name.as_deref());
        ordered.or_else(set).filter(|name| !name.is_empty())
    }

    /// Blocks are enforced.
    pub fn blocking(self) -> bool {
        self.orders.blocking.unwrap_or(self.config.blocking)
    }

    /// Returns the devices that the settings or an order put into a mode that `fits`: known to the engine or not, but none
    /// that is in such a mode by default.
    pub fn in_modes(self, fits: fn(Mode) -> bool) -> impl Iterator<Item = Mac> {
        let named = self.config.devices.keys().chain(self.orders.modes.keys()).copied();
        named.filter(move |mac| fits(self.mode(*mac)))
    }
}
