//! The configuration: UCI text to [`Config`], every default and range once.
//!
//! A wrong value is a [`Problem`] with its line and falls back to the default: the daemon never dies of its
//! configuration. The syntax is UCI's (openwrt/uci, file.c): `config TYPE ['NAME']`, `option KEY 'VALUE'`,
//! `list KEY 'VALUE'`, comments after `#`.

pub mod uci;

use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::{Pin, Target};
use crate::time::{Span, Wall};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What the user said of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// What the household calls it.
    pub name: Option<String>,
    /// Its mode; the default mode when absent.
    pub mode: Option<Mode>,
}

/// What the daemon needs beside the engine's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// Run at all.
    pub enabled: bool,
    /// The interfaces of the LAN.
    pub interfaces: Vec<String>,
    /// dnsmasq's query log, if it is to be read.
    pub query_log: Option<PathBuf>,
    /// dnsmasq's leases.
    pub leases: PathBuf,
    /// What outlives a restart of the router.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The socket of ubusd; empty: leash stays away from it.
    pub ubus: PathBuf,
    /// Blocks stay in force when the daemon is stopped.
    pub keep_on_stop: bool,
    /// A device is told that it is refused; else its packets vanish.
    pub reject: bool,
    /// The bit of conntrack's mark that stops a flow: one that nothing else on the router uses.
    pub mark: u32,
    /// When people sleep, as minutes of the day.
    pub quiet_hours: Option<(u16, u16)>,
    /// Folders with lists of addresses and names to warn of, where the settings name them; see [`LISTS`].
    pub lists: Option<Vec<PathBuf>>,
    /// The file that knows whose an address is, where the settings name it (empty: none); see [`NETWORKS`].
    pub networks: Option<PathBuf>,
    /// The file that knows who made a device, likewise; see [`VENDORS`].
    pub vendors: Option<PathBuf>,
}

/// The daemon's folders of lists, when the settings name none: what ships, and what the user puts there. A replay reads
/// only what its settings name, so that it says the same everywhere.
pub const LISTS: [&str; 2] = ["/usr/share/leash/lists", "/etc/leash/lists"];
/// Where ubusd listens since OpenWrt 21.02.
pub const UBUS: &str = "/var/run/ubus/ubus.sock";
/// The daemon's file of networks.
pub const NETWORKS: &str = "/usr/share/leash/networks";
/// The daemon's file of vendors.
pub const VENDORS: &str = "/usr/share/leash/vendors";

impl Default for DaemonConfig {
    fn default() -> DaemonConfig {
        DaemonConfig {
            enabled: true,
            interfaces: vec!["br-lan".into()],
            query_log: None,
            leases: "/tmp/dhcp.leases".into(),
            state: "/etc/leash/state".into(),
            socket: "/var/run/leash/socket".into(),
            ubus: UBUS.into(),
            keep_on_stop: false,
            reject: true,
            mark: 0x4000_0000,
            quiet_hours: None,
            lists: None,
            networks: None,
            vendors: None,
        }
    }
}

/// All settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a flow waits for its lookup before it is called unexplained: 0 s to 1 min.
    pub grace: Span,
    /// The mode of a device that has none of its own.
    pub default_mode: Mode,
    /// How long an automatic block holds: 1 min to 30 d.
    pub block_for: Span,
    /// Detectors whose evidence alone is enough for a block.
    pub block_on: Vec<String>,
    /// Words that nobody outside the house should read, such as the name of the wireless network.
    pub private: Vec<String>,
    /// By hardware address.
    pub devices: BTreeMap<Mac, DeviceConfig>,
    /// In the order of the file; the first that fits decides.
    pub pins: Vec<Pin>,
    /// Blocks are enforced; else they are only shown.
    pub blocking: bool,
    /// What only the daemon needs.
    pub daemon: DaemonConfig,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            grace: Span::secs(2),
            default_mode: Mode::Observe,
            block_for: Span::days(1),
            block_on: Vec::new(),
            private: Vec::new(),
            devices: BTreeMap::new(),
            pins: Vec::new(),
            blocking: true,
            daemon: DaemonConfig::default(),
        }
    }
}

impl Config {
    /// The mode that a device is in.
    pub fn mode(&self, mac: Mac) -> Mode {
        self.devices.get(&mac).and_then(|device| device.mode).unwrap_or(self.default_mode)
    }
}

/// Something wrong in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what holds in its stead.
    pub says: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.says)
    }
}

/// Reads UCI text.
pub fn parse(text: &str) -> (Config, Vec<Problem>) {
    let mut config = Config::default();
    let mut problems = Vec::new();
    for section in sections(text, &mut problems) {
        let result = match section.kind.as_str() {
            "leash" => main_section(&section, &mut config, &mut problems),
            "device" => device_section(&section, &mut config, &mut problems),
            "pin" => pin_section(&section, &mut config, &mut problems),
            kind => Err(format!("a section is leash, device or pin, not '{kind}'; it is ignored")),
        };
        problems.extend(result.err().map(|says| Problem { line: section.line, says }));
    }
    problems.sort_unstable_by_key(|problem| problem.line);
    (config, problems)
}

pub(crate) struct Section {
    line: usize,
    pub kind: String,
    /// Line, key, value; an option that is given twice counts the last time, as with uci.
    options: Vec<(usize, String, String)>,
}

impl Section {
    pub fn last(&self, key: &str) -> Option<&str> {
        self.options.iter().rfind(|(_, k, _)| k == key).map(|(_, _, value)| value.as_str())
    }

    /// Reports the options whose key is none of `keys`.
    fn unknown_options(&self, keys: &[&str], problems: &mut Vec<Problem>) {
        for (line, key, _) in self.options.iter().filter(|(_, key, _)| !keys.contains(&key.as_str())) {
            problems.push(Problem {
                line: *line,
                says: format!("'{key}' is not an option of '{}'; it is ignored", self.kind),
            });
        }
    }
}

/// The sections of UCI text, in the order of the file.
pub(crate) fn sections(text: &str, problems: &mut Vec<Problem>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (i, text) in text.lines().enumerate() {
        let line = i + 1;
        let mut problem = |says: String| problems.push(Problem { line, says });
        let words = match words(text) {
            Ok(words) => words,
            Err(says) => {
                problem(says);
                continue;
            }
        };
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] | ["package", _] => {}
            ["config", kind] | ["config", kind, _] => {
                sections.push(Section { line, kind: (*kind).into(), options: Vec::new() });
            }
            ["option" | "list", key, value] => match sections.last_mut() {
                Some(section) => section.options.push((line, (*key).into(), (*value).into())),
                None => problem("an option stands before the first 'config' line; it is ignored".into()),
            },
            _ => problem("a line is: config TYPE 'NAME', option KEY 'VALUE' or list KEY 'VALUE'; it is ignored".into()),
        }
    }
    sections
}

/// Splits a line as uci does: blanks between words, single or double quotes around them, a backslash outside single
/// quotes takes the next character as it is, a comment after `#`.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => {
                let c = chars.next().ok_or("the line ends in a backslash; it is ignored")?;
                word.get_or_insert_default().push(c);
            }
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) => break,
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed; the line is ignored".into());
    }
    words.extend(word);
    Ok(words)
}

/// The options of the section `leash`.
pub const MAIN: [&str; 20] = [
    "enabled",
    "blocking",
    "interface",
    "query_log",
    "leases",
    "state",
    "socket",
    "ubus",
    "grace",
    "default_mode",
    "block_for",
    "block_on",
    "private",
    "on_stop",
    "reject",
    "mark",
    "quiet_hours",
    "lists",
    "networks",
    "vendors",
];

/// A shorter one is found everywhere by accident.
fn private(value: &str) -> Result<String, String> {
    let fits = value.len() >= 4 && value.len() <= 64;
    fits.then(|| value.into()).ok_or_else(|| "a private word has 4 to 64 characters".into())
}

fn main_section(section: &Section, config: &mut Config, problems: &mut Vec<Problem>) -> Result<(), String> {
    let mut interfaces = Vec::new();
    for (line, key, value) in &section.options {
        let daemon = &mut config.daemon;
        let result = match key.as_str() {
            "enabled" => flag(value).map(|flag| daemon.enabled = flag),
            "blocking" => flag(value).map(|flag| config.blocking = flag),
            "interface" => interface(value).map(|name| interfaces.push(name)),
            "query_log" if value.is_empty() => {
                daemon.query_log = None;
                Ok(())
            }
            "query_log" => path(value).map(|path| daemon.query_log = Some(path)),
            "leases" => path(value).map(|path| daemon.leases = path),
            "state" => path(value).map(|path| daemon.state = path),
            "socket" => path(value).map(|path| daemon.socket = path),
            "ubus" if value.is_empty() => {
                daemon.ubus = PathBuf::new();
                Ok(())
            }
            "ubus" => path(value).map(|path| daemon.ubus = path),
            "grace" => span(value, Span(0), Span::mins(1)).map(|span| config.grace = span),
            "default_mode" => Mode::parse(value).map(|mode| config.default_mode = mode),
            "block_for" => span(value, Span::mins(1), Span::days(30)).map(|span| config.block_for = span),
            "block_on" => detector(value).map(|name| config.block_on.push(name)),
            "private" => private(value).map(|word| config.private.push(word)),
            "on_stop" => one_of(value, ["open", "keep"]).map(|keep| daemon.keep_on_stop = keep),
            "reject" => flag(value).map(|flag| daemon.reject = flag),
            "mark" => mark(value).map(|mark| daemon.mark = mark),
            "quiet_hours" => hours(value).map(|hours| daemon.quiet_hours = Some(hours)),
            // Empty ones switch off what ships.
            "lists" => {
                let folders = daemon.lists.get_or_insert_default();
                folders.extend(Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty()));
                Ok(())
            }
            "networks" => {
                daemon.networks = Some(value.into());
                Ok(())
            }
            "vendors" => {
                daemon.vendors = Some(value.into());
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(says) = result {
            problems.push(Problem { line: *line, says: format!("{key}: {says}; {} holds", default_of(key)) });
        }
    }
    if !interfaces.is_empty() {
        config.daemon.interfaces = interfaces;
    }
    section.unknown_options(&MAIN, problems);
    Ok(())
}

/// The default, as one writes it.
fn default_of(key: &str) -> String {
    let Config { grace, default_mode, block_for, blocking, daemon, .. } = Config::default();
    let path = |path: &PathBuf| path.display().to_string();
    match key {
        "enabled" => u8::from(daemon.enabled).to_string(),
        "blocking" => u8::from(blocking).to_string(),
        "reject" => u8::from(daemon.reject).to_string(),
        "interface" => daemon.interfaces.join(" "),
        "leases" => path(&daemon.leases),
        "state" => path(&daemon.state),
        "socket" => path(&daemon.socket),
        "ubus" => path(&daemon.ubus),
        "grace" => grace.to_string(),
        "block_for" => block_for.to_string(),
        "default_mode" => default_mode.text().into(),
        "on_stop" => "open".into(),
        "mark" => format!("{:#x}", daemon.mark),
        _ => "none".into(),
    }
}

/// As uci's config_get_bool has it.
fn flag(text: &str) -> Result<bool, String> {
    match text {
        "1" | "on" | "true" | "yes" | "enabled" => Ok(true),
        "0" | "off" | "false" | "no" | "disabled" => Ok(false),
        _ => Err(format!("'{text}' is neither 1 nor 0")),
    }
}

/// True for the second.
fn one_of(text: &str, words: [&str; 2]) -> Result<bool, String> {
    let at = words.iter().position(|word| *word == text);
    at.map(|at| at == 1).ok_or_else(|| format!("'{text}' is neither {} nor {}", words[0], words[1]))
}

fn interface(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@');
    let ok = !text.is_empty() && text.len() < 16 && text.bytes().all(fits);
    if ok { Ok(text.into()) } else { Err(format!("'{text}' is not the name of a network device such as br-lan")) }
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.starts_with('/') { Ok(text.into()) } else { Err(format!("'{text}' is not a path that begins with /")) }
}

fn mark(text: &str) -> Result<u32, String> {
    let value = text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
    let one_bit = value.filter(|value| value.count_ones() == 1);
    one_bit.ok_or_else(|| format!("'{text}' is not one bit of a mark such as 0x40000000"))
}

fn hours(text: &str) -> Result<(u16, u16), String> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then(|| hour * 60 + minute)
    };
    let both = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
    both.ok_or_else(|| format!("'{text}' is not a time of day such as 23:00-06:00"))
}

/// What a household may call a device: up to 63 characters in one line, none that is invisible or turns the text around
/// (Unicode's bidirectional controls); an empty name takes one away.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn device_name(text: &str) -> Result<&str, String> {
    let text = text.trim();
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if text.contains(odd) {
        return Err("a name has no invisible characters and no ends of lines".into());
    }
    if text.chars().count() > 63 { Err("a name has at most 63 characters".into()) } else { Ok(text) }
}

fn device_section(section: &Section, config: &mut Config, problems: &mut Vec<Problem>) -> Result<(), String> {
    section.unknown_options(&["mac", "name", "mode"], problems);
    let mac = section.last("mac").ok_or("a device needs a 'mac'; it is ignored")?.parse()?;
    let mode = section.last("mode").map(Mode::parse).transpose();
    let mode = mode.map_err(|says| format!("{says}; the default mode holds"));
    let name = section.last("name").map(String::from);
    config.devices.insert(mac, DeviceConfig { name, mode: mode.clone().unwrap_or(None) });
    mode.map(|_| ())
}

fn pin_section(section: &Section, config: &mut Config, problems: &mut Vec<Problem>) -> Result<(), String> {
    section.unknown_options(&["mac", "address", "name", "verdict", "until"], problems);
    let ignored = |says: String| format!("{says}; it is ignored");
    let mac = section.last("mac").map(str::parse).transpose().map_err(ignored)?;
    let block = match section.last("verdict") {
        Some("block") => true,
        Some("allow") => false,
        _ => return Err("a pin's 'verdict' is allow or block; it is ignored".into()),
    };
    let (target, is_name) = match (section.last("address"), section.last("name")) {
        (Some(address), None) => (address, false),
        (None, Some(name)) => (name, true),
        _ => return Err("a pin needs either an 'address' or a 'name'; it is ignored".into()),
    };
    let target = Target::parse(target, block).map_err(ignored)?;
    match (&target, is_name) {
        (Target::Prefix(_), true) => return Err("a pin's 'name' is an address; it is ignored".into()),
        (Target::Name(name), false) => {
            return Err(format!("'{name}' is neither an address nor a prefix; the pin is ignored"));
        }
        _ => {}
    }
    let until = |text| Wall::parse_date(text).ok_or_else(|| format!("'{text}' is not a date such as 2026-12-31 18:00"));
    let until = section.last("until").map(until).transpose().map_err(ignored)?;
    config.pins.push(Pin { mac, target, block, until });
    Ok(())
}

fn span(text: &str, min: Span, max: Span) -> Result<Span, String> {
    let span = Span::parse(text).ok_or_else(|| format!("'{text}' is not a time such as 30s, 10m, 2h or 1d"))?;
    if (min..=max).contains(&span) { Ok(span) } else { Err(format!("{text} is not between {min} and {max}")) }
}

fn detector(text: &str) -> Result<String, String> {
    let known: Vec<&str> = crate::detect::ALL.iter().map(|detector| detector.name).collect();
    if known.contains(&text) {
        Ok(text.into())
    } else {
        Err(format!("'{text}' is not a detector: {}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_configuration_is_read() {
        let (config, problems) = parse(
            "# leash\nconfig leash 'main'\n\toption grace '500ms'\n\toption default_mode guard\n\tlist block_on \"direct-ip\"\n\
             config device\n option mac '02:00:00:00:00:20' # the bulb\n option name 'Bob'\\''s bulb'\n option mode 'local'\n\
             config pin\n option name 'Example.COM.'\n option verdict allow\n\
             config pin 'p'\n option mac 02:00:00:00:00:20\n option address 203.0.113.0/24\n option verdict 'block'\n",
        );
        assert_eq!(problems, []);
        assert_eq!((config.grace, config.default_mode, config.block_for), (Span::ms(500), Mode::Guard, Span::days(1)));
        assert_eq!(config.block_on, ["direct-ip"]);
        let mac = Mac([2, 0, 0, 0, 0, 0x20]);
        assert_eq!(config.devices[&mac].name.as_deref(), Some("Bob's bulb"));
        assert_eq!(config.mode(mac), Mode::Local);
        assert_eq!(
            config.pins[0],
            Pin { mac: None, target: Target::Name("example.com".into()), block: false, until: None }
        );
        assert_eq!(config.pins[1].target, Target::Prefix("203.0.113.0/24".parse().unwrap()));
    }

    #[test]
    fn the_daemon_has_its_settings_and_wrong_ones_fall_back() {
        let (config, problems) = parse(
            "config leash 'main'\n option enabled 0\n option blocking off\n list interface br-lan\n list interface br-iot\n\
             option query_log /tmp/q.log\n option state /s\n option socket /k\n option leases /l\n option on_stop keep\n\
             option reject no\n option mark 0x20000000\n option quiet_hours 23:00-06:30\n\
             list lists ''\n list lists my/lists\n option networks ''\n option vendors /v\n\
             config pin\n option address 2001:db8::/32\n option verdict block\n option until '2026-12-31 18:00'\n",
        );
        assert_eq!(problems, []);
        let DaemonConfig {
            enabled,
            interfaces,
            query_log,
            keep_on_stop,
            reject,
            mark,
            quiet_hours,
            lists,
            networks,
            vendors,
            ..
        } = config.daemon;
        assert_eq!((lists, networks), (Some(vec!["my/lists".into()]), Some("".into())));
        assert_eq!(vendors, Some("/v".into()));
        assert_eq!((enabled, config.blocking, keep_on_stop, reject, mark), (false, false, true, false, 0x2000_0000));
        assert_eq!((interfaces.join(" "), query_log), ("br-lan br-iot".into(), Some("/tmp/q.log".into())));
        assert_eq!(quiet_hours, Some((23 * 60, 6 * 60 + 30)));
        assert_eq!(config.pins[0].until.unwrap().date(), "2026-12-31 18:00:00");
        let (config, problems) = parse(
            "config leash\noption enabled maybe\nlist interface 'br lan'\noption mark 3\noption quiet_hours 9999:00-6:00\n\
             option state relative\noption on_stop maybe\nconfig pin\noption address 1.2.3.4\noption verdict block\n\
             option until soon",
        );
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8], "{problems:#?}");
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_problem_has_its_line_and_the_default_holds() {
        let (config, problems) = parse(
            "option early 1\nconfig leash\noption grace 2y\noption block_for 1s\nlist block_on magic\noption odd 1\n\
             config device\noption mode guard\nconfig pin\noption address 10.0.0.0/8\noption verdict block\n\
             config dragon\nnonsense\noption 'open\nconfig device\noption mac 02:00:00:00:00:01\noption mode fierce",
        );
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 3, 4, 5, 6, 7, 9, 12, 13, 14, 15], "{problems:#?}");
        assert_eq!(problems[1].to_string(), "line 3: grace: '2y' is not a time such as 30s, 10m, 2h or 1d; 2 s holds");
        assert_eq!(config, Config { devices: config.devices.clone(), ..Config::default() });
    }
}
