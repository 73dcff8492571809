//! What the user wants: the settings of the file, and the orders given since, which take precedence.

use crate::config::{Config, Tag};
use crate::kind::Kind;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::{Pin, Target};
use crate::time::Wall;

/// Orders given at run time. They are kept in the state file; `leash keep` writes those that are to last into the
/// settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Pins, the newest first.
    pub pins: Vec<Pin>,
    /// Pins of the settings that were taken back.
    pub unpinned: Vec<(Option<Mac>, Target)>,
    /// Modes of devices, sorted; absent: the mode of the settings is taken away, so that the default mode holds.
    pub modes: Vec<(Mac, Option<Mode>)>,
    /// Names of devices; an empty one takes the name of the settings away.
    pub names: Vec<(Mac, String)>,
    /// What devices are, and their groups; an empty text takes that of the settings away.
    pub tags: Vec<(Mac, Tag, String)>,
    /// Modes of groups.
    pub group_modes: Vec<(String, Mode)>,
    /// Hardware addresses that are another one's device.
    pub joined: Vec<(Mac, Mac)>,
    /// Whether blocking is on, where that was ordered.
    pub blocking: Option<bool>,
}

impl Orders {
    /// Drops the orders that the settings have by now.
    pub fn settle(&mut self, config: &Config) {
        let set = |mac: &Mac| config.devices.get(mac).and_then(|device| device.mode);
        self.modes.retain(|(mac, mode)| set(mac) != *mode);
        let named = |mac: &Mac| config.devices.get(mac).and_then(|device| device.name.as_deref());
        self.names.retain(|(mac, name)| named(mac).unwrap_or_default() != name);
        self.tags.retain(|(mac, tag, text)| tag_of(config, *mac, *tag).unwrap_or_default() != text);
        self.group_modes.retain(|(group, mode)| config.group_mode(group) != Some(*mode));
        let section = |mac: &Mac| config.devices.get(mac).map(|device| device.section);
        self.joined.retain(|(mac, with)| section(mac).is_none() || section(mac) != section(with));
        self.pins.retain(|pin| pin.until.is_some() || !config.pins.contains(pin));
        self.unpinned.retain(|key| config.pins.iter().any(|pin| is_on(pin, key)));
        self.blocking = self.blocking.filter(|on| *on != config.blocking);
    }

    /// Returns whether some orders are to last that the settings do not have yet.
    pub fn are_to_keep(&self) -> bool {
        let lasting = self.pins.iter().any(|pin| pin.until.is_none());
        lasting
            || !self.modes.is_empty()
            || !self.names.is_empty()
            || !self.tags.is_empty()
            || !self.group_modes.is_empty()
            || !self.joined.is_empty()
            || !self.unpinned.is_empty()
            || self.blocking.is_some()
    }

    /// Orders a mode for a device, or the default mode.
    pub fn set_mode(&mut self, mac: Mac, mode: Option<Mode>) {
        self.modes.retain(|(known, _)| *known != mac);
        self.modes.insert(self.modes.partition_point(|(known, _)| *known < mac), (mac, mode));
    }

    /// Orders a name for a device.
    pub fn name(&mut self, mac: Mac, name: &str) {
        self.names.retain(|(known, _)| *known != mac);
        self.names.push((mac, name.into()));
    }

    /// Orders what a device is, or its group.
    pub fn tag(&mut self, mac: Mac, tag: Tag, text: &str) {
        self.tags.retain(|(known, of, _)| (*known, *of) != (mac, tag));
        self.tags.push((mac, tag, text.into()));
    }

    /// Orders a mode for a group.
    pub fn set_group_mode(&mut self, group: &str, mode: Mode) {
        self.group_modes.retain(|(known, _)| known != group);
        self.group_modes.push((group.into(), mode));
    }

    /// Makes a hardware address one of another one's device, so that all that is said of that device holds for it.
    pub fn join(&mut self, mac: Mac, with: Mac) {
        self.modes.retain(|(known, _)| *known != mac);
        self.names.retain(|(known, _)| *known != mac);
        self.tags.retain(|(known, ..)| *known != mac);
        self.joined.retain(|(known, other)| *known != mac && *other != mac);
        self.joined.push((mac, with));
    }

    /// Returns the hardware address by which the orders know a device.
    pub fn known_as(&self, mac: Mac) -> Mac {
        self.joined.iter().find(|(known, _)| *known == mac).map_or(mac, |(_, with)| *with)
    }

    /// Takes back the pins of the settings that fit. Returns whether there were some that were not taken back before.
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

/// Returns a tag of a device by the settings.
fn tag_of(config: &Config, mac: Mac, tag: Tag) -> Option<&str> {
    let device = config.devices.get(&mac)?;
    match tag {
        Tag::Type => device.kind.map(Kind::text),
        Tag::Group => device.group.as_deref(),
    }
}

/// Returns whether a pin is for exactly this device and destination.
pub fn is_on(pin: &Pin, (mac, target): &(Option<Mac>, Target)) -> bool {
    (pin.mac, &pin.target) == (*mac, target)
}

/// Why an order was not taken, with a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// What it is about does not exist.
    NotFound(String),
    /// A table is full.
    NoRoom(String),
}

/// The settings with the orders over them: what holds.
#[derive(Clone, Copy, Debug)]
pub struct EffectiveSettings<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The orders.
    pub orders: &'a Orders,
}

impl<'a> EffectiveSettings<'a> {
    /// Returns the pins that hold at this date. The first that fits a contact decides.
    pub fn pins(self, wall: Wall) -> impl Iterator<Item = &'a Pin> {
        let settings =
            self.config.pins.iter().filter(move |pin| !self.orders.unpinned.iter().any(|key| is_on(pin, key)));
        self.orders.pins.iter().chain(settings).filter(move |pin| pin.holds(wall))
    }

    /// Returns the mode that a device is in.
    pub fn mode(self, mac: Mac) -> Mode {
        let of_group = || self.group_mode(self.tag(mac, Tag::Group)?);
        self.own_mode(mac).or_else(of_group).unwrap_or(self.config.default_mode)
    }

    /// Returns the mode that the settings or an order give to a device; absent where that of its group or the default mode
    /// holds.
    pub fn own_mode(self, mac: Mac) -> Option<Mode> {
        let mac = self.orders.known_as(mac);
        let ordered = self.orders.modes.iter().find(|(known, _)| *known == mac);
        ordered.map_or_else(|| self.config.devices.get(&mac)?.mode, |(_, mode)| *mode)
    }

    /// Returns the mode of a group.
    pub fn group_mode(self, group: &str) -> Option<Mode> {
        let ordered = self.orders.group_modes.iter().find(|(known, _)| known == group).map(|(_, mode)| *mode);
        ordered.or_else(|| self.config.group_mode(group))
    }

    /// Returns what people say that a device is, or its group.
    pub fn tag(self, mac: Mac, tag: Tag) -> Option<&'a str> {
        let mac = self.orders.known_as(mac);
        let ordered = self.orders.tags.iter().find(|(known, of, _)| (*known, *of) == (mac, tag));
        let ordered = ordered.map(|(.., text)| text.as_str());
        ordered.or_else(|| tag_of(self.config, mac, tag)).filter(|text| !text.is_empty())
    }

    /// Returns whether two hardware addresses are one device.
    pub fn are_one(self, one: Mac, other: Mac) -> bool {
        let section = |mac: Mac| self.config.devices.get(&mac).map(|device| device.section);
        let (one, other) = (self.orders.known_as(one), self.orders.known_as(other));
        one == other || section(one).is_some() && section(one) == section(other)
    }

    /// Returns the name that people gave a device.
    pub fn name(self, mac: Mac) -> Option<&'a str> {
        let mac = self.orders.known_as(mac);
        let ordered = self.orders.names.iter().find(|(known, _)| *known == mac).map(|(_, name)| name.as_str());
        let set = || self.config.devices.get(&mac).and_then(|device| device.name.as_deref());
        ordered.or_else(set).filter(|name| !name.is_empty())
    }

    /// Returns whether blocks are enforced at all.
    pub fn blocking(self) -> bool {
        self.orders.blocking.unwrap_or(self.config.blocking)
    }

    /// Returns the devices that the settings or an order put into a mode that `fits`: known to the engine or not, but
    /// none that is in such a mode by default.
    pub fn in_modes(self, fits: fn(Mode) -> bool) -> impl Iterator<Item = Mac> {
        let Orders { modes, tags, joined, .. } = self.orders;
        let ordered = modes.iter().map(|(mac, _)| mac).chain(tags.iter().map(|(mac, ..)| mac));
        let named = self.config.devices.keys().chain(ordered).chain(joined.iter().map(|(mac, _)| mac)).copied();
        named.filter(move |mac| fits(self.mode(*mac)))
    }
}
