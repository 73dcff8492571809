//! Every option of the settings, once: its name, what holds without it, the values that it takes, what it is for, and
//! how it gets into [`Config`].
//!
//! The parser, the defaults and the complaints of `leash check` are made of this table. openwrt/README.md is compared
//! with it by the tests of config, the settings that ship and the page in LuCI in tests/package.rs.

use crate::config::types::{Config, DeviceConfig, Problem, device_name};
use crate::config::uci::{Entry, Section};
use crate::kind::Kind;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::{Pin, Target};
use crate::time::{Span, Wall};
use std::fmt::Write;
use std::path::PathBuf;

/// The daemon's folders of lists: what ships, and what the user puts there.
pub const LISTS: [&str; 2] = ["/usr/share/leash/lists", "/etc/leash/lists"];
/// The folder of the programs for alerts.
pub const HOOKS: &str = "/etc/leash/notify.d";
/// The daemon's file of networks.
pub const NETWORKS: &str = "/usr/share/leash/networks";
/// The daemon's file of vendors.
pub const VENDORS: &str = "/usr/share/leash/vendors";
/// Where ubusd listens since OpenWrt 21.02.
pub const UBUS: &str = "/var/run/ubus/ubus.sock";

/// One option.
pub struct Setting {
    /// The option's name.
    pub name: &'static str,
    /// What holds where the option is absent or wrong.
    pub fallback: Fallback,
    /// The values that the option takes, as they can stand behind "is not".
    pub takes: &'static str,
    /// What the option is for, as the documents say it; the program goes without.
    #[cfg(test)]
    pub about: &'static str,
    /// True when each line adds a value, as `list` does in UCI.
    pub many: bool,
    /// True when a change needs a restart of leash, at least in procd's jail, which has files mounted at the start.
    pub restart: bool,
    /// Reads a value into a draft. Returns false when the option does not take it.
    set: fn(&mut Draft, &str) -> bool,
}

/// What holds where an option is absent or wrong.
pub enum Fallback {
    /// This value.
    Value(&'static str),
    /// These files or folders, for the daemon. A replay reads only what its settings name, so that it says the same on
    /// every machine.
    Shipped(&'static [&'static str]),
    /// No value. A wrong one spoils the whole section if that is a device or a pin.
    Nothing,
}

use Fallback::{Nothing, Shipped, Value};

const fn setting(
    name: &'static str,
    fallback: Fallback,
    takes: &'static str,
    #[cfg_attr(not(test), expect(unused_variables))] about: &'static str,
) -> Setting {
    Setting {
        name,
        fallback,
        takes,
        #[cfg(test)]
        about,
        many: false,
        restart: false,
        set: |_, _| false,
    }
}

impl Setting {
    /// Returns the values that hold where the option is absent.
    pub fn defaults(&self) -> &[&'static str] {
        match &self.fallback {
            Value(value) => std::slice::from_ref(value),
            Shipped(paths) => paths,
            Nothing => &[],
        }
    }

    const fn many(self) -> Setting {
        Setting { many: true, ..self }
    }

    const fn restart(self) -> Setting {
        Setting { restart: true, ..self }
    }

    const fn set(self, set: fn(&mut Draft, &str) -> bool) -> Setting {
        Setting { set, ..self }
    }
}

/// The kinds of sections with their options.
pub const SECTIONS: &[(&str, &[Setting])] = &[("leash", LEASH), ("device", DEVICE), ("group", GROUP), ("pin", PIN)];

const FLAG: &str = "0 or 1";
const PATH: &str = "an absolute path";
const GROUP_NAME: &str = "a name of up to 63 visible characters, such as kitchen";
const HARDWARE_ADDRESS: &str = "a hardware address such as 02:11:22:33:44:55";

const LEASH: &[Setting] = &[
    setting("enabled", Value("1"), FLAG, "0: leash does not run")
        .set(|draft, text| put(&mut draft.config.daemon.enabled, flag(text))),
    setting("blocking", Value("1"), FLAG, "0: what would be blocked is shown, and nothing is blocked")
        .set(|draft, text| put(&mut draft.config.blocking, flag(text))),
    setting("default_mode", Value("observe"), Mode::WORDS, "the mode of devices that have none of their own")
        .set(|draft, text| put(&mut draft.config.default_mode, Mode::parse(text).ok())),
    setting("block_for", Value("1d"), "a time from 1m to 30d", "how long an automatic block lasts")
        .set(|draft, text| put(&mut draft.config.block_for, span(text, Span::mins(1), Span::days(30)))),
    setting("block_on", Nothing, "a detector", "whose evidence alone is enough for a block; a line for each")
        .many()
        .set(|draft, text| push(&mut draft.config.block_on, draft.detectors.contains(&text), text)),
    setting(
        "interface",
        Nothing,
        "a network device such as br-lan",
        "the devices' side; none: [all networks](#networks-of-devices)",
    )
    .many()
    .set(|draft, text| push(&mut draft.config.daemon.interfaces, is_interface(text), text)),
    setting("on_stop", Value("open"), "open or keep", "keep: blocks stay in force when leash is stopped")
        .set(|draft, text| put(&mut draft.config.daemon.keep_on_stop, one_of(text, ["open", "keep"]))),
    setting("reject", Value("1"), FLAG, "0: what is blocked is dropped, and the device is not told")
        .set(|draft, text| put(&mut draft.config.daemon.reject, flag(text))),
    setting("quiet_hours", Nothing, "a part of the day such as 23:00-06:00", "when people sleep, in local time")
        .set(|draft, text| put(&mut draft.config.quiet_hours, hours(text).map(Some))),
    setting("uplink", Nothing, "a number of kbit/s from 64 to 100000000", "what the line to the Internet can send")
        .set(|draft, text| put(&mut draft.config.uplink_kbit, kilobits(text).map(Some))),
    setting("rdap", Value("0"), FLAG, "1: registries are asked how old the names are that the house calls")
        .restart()
        .set(|draft, text| put(&mut draft.config.rdap, flag(text))),
    setting("private", Nothing, "a word of 4 to 64 characters", "what nobody outside should read; a line for each")
        .many()
        .set(|draft, text| push(&mut draft.config.private, (4..=64).contains(&text.chars().count()), text)),
    setting("query_log", Nothing, PATH, "dnsmasq's log of lookups, where the kernel cannot deliver them")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.query_log, path_or_empty(text).map(not_empty))),
    setting("resolver_log", Nothing, PATH, "a file with a Pi-hole or AdGuard Home whose answers do not pass here")
        .set(|draft, text| put(&mut draft.config.daemon.resolver_log, path_or_empty(text).map(not_empty))),
    setting("lists", Shipped(&LISTS), "a folder", "folders of lists to warn of; a line for each")
        .many()
        .restart()
        .set(|draft, text| add_folder(&mut draft.config.daemon.lists, text)),
    setting("networks", Shipped(&[NETWORKS]), "a file", "tells which network an address belongs to; empty: none")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.networks, Some(Some(text.into())))),
    setting("vendors", Shipped(&[VENDORS]), "a file", "tells who made a device; empty: none")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.vendors, Some(Some(text.into())))),
    setting("grace", Value("2s"), "a time from 0s to 1m", "how long a flow waits for the lookup that explains it")
        .set(|draft, text| put(&mut draft.config.grace, span(text, Span(0), Span::mins(1)))),
    setting("mark", Value("0x02000000"), "one bit such as 0x02000000", "the bit of conntrack's mark for leash alone")
        .set(|draft, text| put(&mut draft.config.daemon.mark, mark(text))),
    setting("leases", Value("/tmp/dhcp.leases"), PATH, "dnsmasq's leases")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.leases, path(text))),
    setting("router", Value("/var/run/leash-router"), PATH, "what leash may read of the router's settings")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.router, path(text))),
    setting("state", Value("/etc/leash/state"), PATH, "what outlives a restart of the router")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.state, path(text))),
    setting("socket", Value("/var/run/leash/socket"), PATH, "the control socket")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.socket, path(text))),
    setting("ubus", Value(UBUS), PATH, "ubusd's socket; empty: leash stays away from ubus")
        .restart()
        .set(|draft, text| put(&mut draft.config.daemon.ubus, path_or_empty(text))),
];

const DEVICE: &[Setting] = &[
    setting("mac", Nothing, HARDWARE_ADDRESS, "the device; a line for each, where it has several")
        .many()
        .set(|draft, text| add_macs(&mut draft.section.macs, text)),
    setting("name", Nothing, "a name of up to 63 visible characters", "what the household calls it")
        .set(|draft, text| put(&mut draft.section.device.name, device_name(text).ok().map(|name| Some(name.into())))),
    setting("mode", Value("the mode of its group, or the default mode"), Mode::WORDS, "what may be done to it")
        .set(|draft, text| put(&mut draft.section.device.mode, Mode::parse(text).ok().map(Some))),
    setting("type", Value("what leash sees"), Kind::WORDS, "what it is, where leash does not know better")
        .set(|draft, text| put(&mut draft.section.device.kind, Kind::parse(text).ok().map(Some))),
    setting("group", Value("no group"), GROUP_NAME, "the group that it is in, such as a room")
        .set(|draft, text| put(&mut draft.section.device.group, group(text))),
];

const GROUP: &[Setting] = &[
    setting("name", Nothing, GROUP_NAME, "the group")
        .set(|draft, text| put(&mut draft.section.device.group, group(text))),
    setting("mode", Nothing, Mode::WORDS, "the mode of its devices that have none of their own")
        .set(|draft, text| put(&mut draft.section.device.mode, Mode::parse(text).ok().map(Some))),
];

const PIN: &[Setting] = &[
    setting("mac", Nothing, HARDWARE_ADDRESS, "the device; without it, all devices")
        .set(|draft, text| text.parse().map(|mac| draft.section.macs = vec![mac]).is_ok()),
    setting("address", Nothing, "an address or a prefix", "what the pin is on")
        .set(|draft, text| put(&mut draft.section.address, target(text, false))),
    setting("name", Nothing, "a name such as vendor.example", "what the pin is on, with all names below it")
        .set(|draft, text| put(&mut draft.section.name, target(text, true))),
    setting("verdict", Nothing, "allow or block", "what is done")
        .set(|draft, text| put(&mut draft.section.block, one_of(text, ["allow", "block"]).map(Some))),
    setting("until", Nothing, "a date such as 2026-12-31 18:00", "in UTC; without it, for ever")
        .set(|draft, text| put(&mut draft.section.until, Wall::parse_date(text).map(Some))),
];

/// Settings while they are read.
pub(super) struct Draft<'a> {
    config: Config,
    detectors: &'a [&'a str],
    problems: Vec<Problem>,
    /// The lines of the options in the sections `leash`.
    given: Lines,
    section: DraftSection,
    /// The line of the name and of the mode of each device.
    devices: Vec<(Mac, &'static str, usize)>,
    /// The line of each pin.
    pins: Vec<usize>,
}

/// Options with a value of their own, each with its line.
type Lines = Vec<(&'static str, usize)>;

/// What was read of a device or a pin.
#[derive(Default)]
struct DraftSection {
    line: usize,
    spoilt: bool,
    given: Lines,
    macs: Vec<Mac>,
    device: DeviceConfig,
    address: Option<String>,
    name: Option<String>,
    block: Option<bool>,
    until: Option<Wall>,
}

impl Draft<'_> {
    /// Returns a draft without any value. `problems` are those that are known already.
    pub fn new<'a>(detectors: &'a [&'a str], problems: Vec<Problem>) -> Draft<'a> {
        Draft {
            config: Config::blank(),
            detectors,
            problems,
            given: Lines::new(),
            section: DraftSection::default(),
            devices: Vec::new(),
            pins: Vec::new(),
        }
    }

    /// Reads a section.
    pub fn section(&mut self, section: &Section) {
        let (kind, line) = (section.kind.as_str(), section.line);
        let Some((_, settings)) = SECTIONS.iter().find(|(known, _)| *known == kind) else {
            return self
                .check(line, Err(format!("a section is leash, device, group or pin, not '{kind}'; it is ignored")));
        };
        self.section = DraftSection { line, ..DraftSection::default() };
        for entry in &section.options {
            let result = self.option(kind, settings, entry);
            self.check(entry.line, result);
        }
        let result = match kind {
            _ if self.section.spoilt => Ok(()),
            "device" => self.device(),
            "group" => self.group(),
            "pin" => self.pin(),
            _ => Ok(()),
        };
        self.check(line, result);
    }

    fn check(&mut self, line: usize, result: Result<(), String>) {
        self.problems.extend(result.err().map(|message| Problem { line, message }));
    }

    /// Reads an option. The error is a sentence that says what is wrong and what holds instead.
    fn option(&mut self, kind: &str, settings: &[Setting], entry: &Entry) -> Result<(), String> {
        let Entry { line, is_list, key, value } = entry;
        let Some(setting) = settings.iter().find(|setting| setting.name == key) else {
            let close = settings.iter().map(|setting| setting.name).min_by_key(|name| distance(key, name));
            let close = close.filter(|name| distance(key, name) * 2 < name.len());
            let hint = close.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default();
            return Err(format!("'{key}' is not an option of '{kind}'; it is ignored{hint}"));
        };
        let given = if kind == "leash" { &self.given } else { &self.section.given };
        let before = given.iter().rfind(|(name, _)| name == key).map(|(_, line)| *line);
        if (setting.set)(self, value) {
            let given = if kind == "leash" { &mut self.given } else { &mut self.section.given };
            given.push((setting.name, *line));
            return match before {
                Some(before) if !setting.many => Err(format!("line {before} has '{key}', too; this one holds")),
                Some(before) if !is_list => Err(format!(
                    "line {before} has '{key}', too: uci keeps only the last 'option {key}', so write 'list {key}'"
                )),
                _ => Ok(()),
            };
        }
        let mut message = format!("{key}: '{value}' is not {}", setting.takes);
        if key == "block_on" {
            _ = write!(message, " ({})", self.detectors.join(", "));
        }
        match (&setting.fallback, before) {
            (Value(_), Some(before)) if !setting.many => _ = write!(message, "; that of line {before} holds"),
            (Value(value), None) if setting.many => _ = write!(message, "; {value} holds if there is no other"),
            (Value(value), None) => _ = write!(message, "; {value} holds"),
            _ if kind == "leash" => message += "; it is ignored",
            _ => {
                self.section.spoilt = true;
                _ = write!(message, "; the {kind} at line {} is ignored", self.section.line);
            }
        }
        Err(message)
    }

    /// Takes up a device. What several sections say of one is joined.
    fn device(&mut self) -> Result<(), String> {
        let DraftSection { line: section, given, macs, device, .. } = std::mem::take(&mut self.section);
        if macs.is_empty() {
            return Err("a device needs a 'mac'; it is ignored".into());
        }
        for mac in macs {
            for (option, line) in given.iter().filter(|(option, _)| *option != "mac") {
                let same = |(known, name, _): &&(Mac, &str, usize)| *known == mac && name == option;
                let before = self.devices.iter().rfind(same).map(|(_, _, line)| *line);
                self.devices.push((mac, option, *line));
                if let Some(before) = before {
                    self.check(*line, Err(format!("line {before} has the '{option}' of {mac}, too; this one holds")));
                }
            }
            let known = self.config.devices.entry(mac).or_default();
            known.name = device.name.clone().or(known.name.take());
            known.mode = device.mode.or(known.mode);
            known.kind = device.kind.or(known.kind);
            known.group = device.group.clone().or(known.group.take());
            known.section = section;
        }
        Ok(())
    }

    /// Takes up a group.
    fn group(&mut self) -> Result<(), String> {
        let DeviceConfig { group, mode, .. } = std::mem::take(&mut self.section).device;
        let (Some(group), Some(mode)) = (group, mode) else {
            return Err("a group needs a 'name' and a 'mode'; it is ignored".into());
        };
        if self.config.group_mode(&group).is_some() {
            return Err(format!("the mode of the group '{group}' is given above; this one is ignored"));
        }
        self.config.groups.push((group, mode));
        Ok(())
    }

    /// Takes up a pin.
    fn pin(&mut self) -> Result<(), String> {
        let DraftSection { line, macs, address, name, block, until, .. } = std::mem::take(&mut self.section);
        let block = block.ok_or("a pin's 'verdict' is allow or block; it is ignored")?;
        let target = match (address, name) {
            (Some(target), None) | (None, Some(target)) => target,
            _ => return Err("a pin needs either an 'address' or a 'name'; it is ignored".into()),
        };
        let target = Target::parse(&target, block).map_err(|message| format!("{message}; it is ignored"))?;
        let pin = Pin { mac: macs.first().copied(), target, block, until };
        let same = |other: &Pin| other.until.is_none() && (other.mac, &other.target) == (pin.mac, &pin.target);
        if let Some(first) = self.config.pins.iter().position(same).and_then(|first| self.pins.get(first)) {
            return Err(format!(
                "the pin at line {first} is on the same, and the first one holds; this one is ignored"
            ));
        }
        self.config.pins.push(pin);
        self.pins.push(line);
        Ok(())
    }

    /// Returns the settings, with the defaults for what was not given, and what is wrong in the order of the lines.
    pub fn finish(mut self) -> (Config, Vec<Problem>) {
        for setting in LEASH {
            if let (Value(value), false) =
                (&setting.fallback, self.given.iter().any(|(given, _)| *given == setting.name))
            {
                (setting.set)(&mut self, value);
            }
        }
        self.problems.sort_unstable_by_key(|problem| problem.line);
        (self.config, self.problems)
    }
}

impl Default for Config {
    fn default() -> Config {
        Draft::new(&[], Vec::new()).finish().0
    }
}

/// Returns how many letters have to be added, left out or changed to make one word of the other (V. I. Levenshtein,
/// 1965).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// Returns the text when it can be the name of a group.
fn group(text: &str) -> Option<Option<String>> {
    device_name(text).ok().filter(|name| !name.is_empty()).map(|name| Some(name.into()))
}

fn put<T>(place: &mut T, value: Option<T>) -> bool {
    match value {
        Some(value) => {
            *place = value;
            true
        }
        None => false,
    }
}

fn push(list: &mut Vec<String>, fits: bool, text: &str) -> bool {
    if fits && !list.iter().any(|known| known == text) {
        list.push(text.into());
    }
    fits
}

/// Adds hardware addresses, of which an option may have several with blanks between them.
fn add_macs(macs: &mut Vec<Mac>, text: &str) -> bool {
    let all: Option<Vec<Mac>> = text.split_ascii_whitespace().map(|word| word.parse().ok()).collect();
    macs.extend(all.iter().flatten());
    all.is_some_and(|all| !all.is_empty())
}

/// Reads what uci's config_get_bool does.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "on" | "true" | "yes" | "enabled" => Some(true),
        "0" | "off" | "false" | "no" | "disabled" => Some(false),
        _ => None,
    }
}

/// Reads one of two words; true for the second.
fn one_of(text: &str, words: [&str; 2]) -> Option<bool> {
    words.iter().position(|word| *word == text).map(|at| at == 1)
}

fn span(text: &str, min: Span, max: Span) -> Option<Span> {
    Span::parse(text).filter(|span| (min..=max).contains(span))
}

/// Returns whether a network device can be called so.
pub(super) fn is_interface(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@');
    !text.is_empty() && text.len() < 16 && text.bytes().all(fits)
}

fn path(text: &str) -> Option<PathBuf> {
    text.starts_with('/').then(|| text.into())
}

fn path_or_empty(text: &str) -> Option<PathBuf> {
    if text.is_empty() { Some(PathBuf::new()) } else { path(text) }
}

fn not_empty(path: PathBuf) -> Option<PathBuf> {
    Some(path).filter(|path| !path.as_os_str().is_empty())
}

/// Adds a folder; an empty one only says that what ships is not wanted.
fn add_folder(folders: &mut Option<Vec<PathBuf>>, text: &str) -> bool {
    folders.get_or_insert_default().extend(not_empty(text.into()));
    true
}

/// Returns the text when it is a name, or else an address or a prefix, that a pin can be on.
fn target(text: &str, is_name: bool) -> Option<Option<String>> {
    let target = Target::parse(text, false).ok()?;
    (matches!(target, Target::Name(_)) == is_name).then(|| Some(text.into()))
}

fn mark(text: &str) -> Option<u32> {
    let value = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u32::from_str_radix(hex, 16));
    value.ok().filter(|value| value.count_ones() == 1)
}

fn kilobits(text: &str) -> Option<u32> {
    text.parse().ok().filter(|kbit| (64..=100_000_000).contains(kbit))
}

fn hours(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then(|| hour * 60 + minute)
    };
    let (from, to) = text.split_once('-')?;
    Some((minute(from)?, minute(to)?))
}
