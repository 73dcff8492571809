//! The configuration: UCI text to [`Config`], every default and range once.
//!
//! A wrong value is a [`Problem`] with its line and falls back to the default: the daemon never dies of its
//! configuration. The syntax is UCI's (openwrt/uci, file.c): `config TYPE ['NAME']`, `option KEY 'VALUE'`,
//! `list KEY 'VALUE'`, comments after `#`.

use crate::model::{Mac, is_local};
use crate::time::Span;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// What leash may do to a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Never judged, never stored in detail: the household's browsing is nobody's business.
    Trust,
    /// Judged and shown, nothing blocked.
    #[default]
    Observe,
    /// The verdicts of the detectors are enforced.
    Guard,
    /// No Internet.
    Local,
}

impl Mode {
    /// All modes with their words.
    pub const ALL: [(Mode, &str); 4] =
        [(Mode::Trust, "trust"), (Mode::Observe, "observe"), (Mode::Guard, "guard"), (Mode::Local, "local")];

    /// As the configuration and the JSON say it.
    pub fn text(self) -> &'static str {
        Mode::ALL.iter().find(|(mode, _)| *mode == self).map_or("", |(_, text)| text)
    }

    fn parse(text: &str) -> Result<Mode, String> {
        let known = Mode::ALL.iter().find(|(_, word)| *word == text).map(|(mode, _)| *mode);
        known.ok_or_else(|| format!("'{text}' is not a mode: {}", Mode::ALL.map(|(_, word)| word).join(", ")))
    }
}

/// What the user said of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// What the household calls it.
    pub name: Option<String>,
    /// Its mode; the default mode when absent.
    pub mode: Option<Mode>,
}

/// The user's own verdict on a destination; it beats all detectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// For this device, or for all.
    pub mac: Option<Mac>,
    /// For these destinations.
    pub target: Target,
    /// Block, or else allow.
    pub block: bool,
}

/// The destinations of a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address or a prefix.
    Prefix(IpNet),
    /// A name and all below it, as a lookup of the device or of the house gave it.
    Name(String),
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
    /// By hardware address.
    pub devices: BTreeMap<Mac, DeviceConfig>,
    /// In the order of the file; the first that fits decides.
    pub pins: Vec<Pin>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            grace: Span::secs(2),
            default_mode: Mode::Observe,
            block_for: Span::days(1),
            block_on: Vec::new(),
            devices: BTreeMap::new(),
            pins: Vec::new(),
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
    problems.sort_by_key(|problem| problem.line);
    (config, problems)
}

struct Section {
    line: usize,
    kind: String,
    /// Line, key, value; an option that is given twice counts the last time, as with uci.
    options: Vec<(usize, String, String)>,
}

impl Section {
    fn last(&self, key: &str) -> Option<&str> {
        self.options.iter().rfind(|(_, k, _)| k == key).map(|(_, _, value)| value.as_str())
    }

    /// Reports the options whose key is none of `keys`.
    fn strangers(&self, keys: &[&str], problems: &mut Vec<Problem>) {
        for (line, key, _) in self.options.iter().filter(|(_, key, _)| !keys.contains(&key.as_str())) {
            problems.push(Problem {
                line: *line,
                says: format!("'{key}' is not an option of '{}'; it is ignored", self.kind),
            });
        }
    }
}

fn sections(text: &str, problems: &mut Vec<Problem>) -> Vec<Section> {
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

fn main_section(section: &Section, config: &mut Config, problems: &mut Vec<Problem>) -> Result<(), String> {
    let defaults = Config::default();
    for (line, key, value) in &section.options {
        let result = match key.as_str() {
            "grace" => span(value, Span(0), Span::mins(1)).map(|span| config.grace = span),
            "block_for" => span(value, Span::mins(1), Span::days(30)).map(|span| config.block_for = span),
            "default_mode" => Mode::parse(value).map(|mode| config.default_mode = mode),
            "block_on" => detector(value).map(|name| config.block_on.push(name)),
            _ => Ok(()),
        };
        if let Err(says) = result {
            let default = match key.as_str() {
                "grace" => defaults.grace.to_string(),
                "block_for" => defaults.block_for.to_string(),
                "default_mode" => defaults.default_mode.text().into(),
                _ => "none".into(),
            };
            problems.push(Problem { line: *line, says: format!("{key}: {says}; {default} holds") });
        }
    }
    section.strangers(&["grace", "block_for", "default_mode", "block_on"], problems);
    Ok(())
}

fn device_section(section: &Section, config: &mut Config, problems: &mut Vec<Problem>) -> Result<(), String> {
    section.strangers(&["mac", "name", "mode"], problems);
    let mac = section.last("mac").ok_or("a device needs a 'mac'; it is ignored")?.parse()?;
    let mode = section.last("mode").map(Mode::parse).transpose();
    let mode = mode.map_err(|says| format!("{says}; the default mode holds"));
    let name = section.last("name").map(String::from);
    config.devices.insert(mac, DeviceConfig { name, mode: mode.clone().unwrap_or(None) });
    mode.map(|_| ())
}

fn pin_section(section: &Section, config: &mut Config, problems: &mut Vec<Problem>) -> Result<(), String> {
    section.strangers(&["mac", "address", "name", "verdict"], problems);
    let mac = section.last("mac").map(str::parse).transpose()?;
    let target = match (section.last("address"), section.last("name")) {
        (Some(address), None) => Target::Prefix(prefix(address)?),
        (None, Some(name)) => Target::Name(name.trim_end_matches('.').to_ascii_lowercase()),
        _ => return Err("a pin needs either an 'address' or a 'name'; it is ignored".into()),
    };
    let block = match section.last("verdict") {
        Some("block") => true,
        Some("allow") => false,
        _ => return Err("a pin's 'verdict' is allow or block; it is ignored".into()),
    };
    if matches!(&target, Target::Prefix(net) if block && is_local(net.network())) {
        return Err("a pin cannot block addresses of the house; it is ignored".into());
    }
    config.pins.push(Pin { mac, target, block });
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

fn prefix(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse())
        .map_err(|_| format!("'{text}' is neither an address nor a prefix; the pin is ignored"))
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
        assert_eq!(config.pins[0], Pin { mac: None, target: Target::Name("example.com".into()), block: false });
        assert_eq!(config.pins[1].target, Target::Prefix("203.0.113.0/24".parse().unwrap()));
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
