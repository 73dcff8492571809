//! What the settings are read into.

use crate::kind::Kind;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::Pin;
use crate::time::Span;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// All settings. [`Config::default`] has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a flow waits for its lookup before it is called unexplained.
    pub grace: Span,
    /// The mode of a device that has none of its own.
    pub default_mode: Mode,
    /// How long an automatic block lasts.
    pub block_for: Span,
    /// The detectors whose evidence alone is enough for a block.
    pub block_on: Vec<String>,
    /// Whether names that are new to the house are dated by RDAP.
    pub rdap: bool,
    /// Words that nobody outside the house should read, such as the name of the wireless network.
    pub private: Vec<String>,
    /// When people sleep, as minutes of the day in local time.
    pub quiet_hours: Option<(u16, u16)>,
    /// What the line to the Internet can send, in kilobits a second.
    pub uplink_kbit: Option<u32>,
    /// True when blocks are enforced, false when they are only shown.
    pub blocking: bool,
    /// What the user said of devices, by hardware address.
    pub devices: BTreeMap<Mac, DeviceConfig>,
    /// The mode of each group of devices, by its name.
    pub groups: Vec<(String, Mode)>,
    /// The user's own verdicts in the order of the file: the first that fits decides.
    pub pins: Vec<Pin>,
    /// What is read by the daemon and by what finds lists, networks and vendors for it, and never by the engine.
    pub daemon: DaemonConfig,
}

/// The settings that the engine does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonConfig {
    /// False when the daemon is to end at once.
    pub enabled: bool,
    /// The interfaces of the LAN. Where the settings name none, the daemon takes those of [`DaemonConfig::house`].
    pub interfaces: Vec<String>,
    /// True where the settings name no interface.
    pub default_interfaces: bool,
    /// The networks of devices, which the daemon reads from the router's own settings.
    pub house: Vec<Network>,
    /// dnsmasq's query log, if it is to be read.
    pub query_log: Option<PathBuf>,
    /// The file that tells of a resolver whose answers do not pass this router, if its log is to be asked for.
    pub resolver_log: Option<PathBuf>,
    /// dnsmasq's leases.
    pub leases: PathBuf,
    /// The folder with what leash may read of the router's own settings.
    pub router: PathBuf,
    /// The file for what outlives a restart of the router.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// The socket of ubusd; empty when leash is to stay away from ubus.
    pub ubus: PathBuf,
    /// True when blocks stay in force after the daemon was stopped.
    pub keep_on_stop: bool,
    /// True when a blocked device gets a refusal, false when its packets vanish.
    pub reject: bool,
    /// The bit of conntrack's mark that stops a flow: one that nothing else on the router uses.
    pub mark: u32,
    /// Folders with lists of addresses and names to warn of. Absent: the daemon reads [`LISTS`](crate::config::LISTS),
    /// a replay none.
    pub lists: Option<Vec<PathBuf>>,
    /// The file that tells which network an address belongs to; empty for none. Absent: the daemon reads
    /// [`NETWORKS`](crate::config::NETWORKS), a replay none.
    pub networks: Option<PathBuf>,
    /// The file that tells who made a device; empty for none. Absent: the daemon reads
    /// [`VENDORS`](crate::config::VENDORS), a replay none.
    pub vendors: Option<PathBuf>,
}

/// What the user said of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceConfig {
    /// What the household calls it.
    pub name: Option<String>,
    /// Its mode; absent: that of its group, or the default mode.
    pub mode: Option<Mode>,
    /// What the household says that it is.
    pub kind: Option<Kind>,
    /// The group that it is in, such as a room.
    pub group: Option<String>,
    /// The line of its section: what has the same is one device.
    pub section: usize,
}

/// What the household may say of a device, besides its name and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// What it is, one of [`Kind`].
    Type,
    /// The group that it is in.
    Group,
}

impl Tag {
    /// All tags, each with the name of its option.
    pub const ALL: [(Tag, &str); 2] = [(Tag::Type, "type"), (Tag::Group, "group")];

    /// Returns the name of its option.
    pub fn text(self) -> &'static str {
        Tag::ALL[self as usize].1
    }

    /// Checks what a device may be labelled with. An empty text takes the tag away.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(self, text: &str) -> Result<&str, String> {
        match self {
            Tag::Type if text.is_empty() => Ok(text),
            Tag::Type => Kind::parse(text).map(Kind::text),
            Tag::Group => device_name(text),
        }
    }
}

impl Config {
    /// Returns settings of which none was set, not even to its default.
    pub(super) const fn blank() -> Config {
        Config {
            grace: Span(0),
            default_mode: Mode::Observe,
            block_for: Span(0),
            block_on: Vec::new(),
            private: Vec::new(),
            quiet_hours: None,
            rdap: false,
            uplink_kbit: None,
            blocking: false,
            devices: BTreeMap::new(),
            groups: Vec::new(),
            pins: Vec::new(),
            daemon: DaemonConfig {
                enabled: false,
                interfaces: Vec::new(),
                default_interfaces: false,
                house: Vec::new(),
                query_log: None,
                resolver_log: None,
                leases: PathBuf::new(),
                router: PathBuf::new(),
                state: PathBuf::new(),
                socket: PathBuf::new(),
                ubus: PathBuf::new(),
                keep_on_stop: false,
                reject: false,
                mark: 0,
                lists: None,
                networks: None,
                vendors: None,
            },
        }
    }

    /// Returns the mode of a group.
    pub fn group_mode(&self, group: &str) -> Option<Mode> {
        self.groups.iter().find(|(name, _)| name == group).map(|(_, mode)| *mode)
    }
}

/// Something wrong in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what holds instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Checks what a household may call a device: up to 63 characters in one line, none of them invisible or turning the
/// text around (Unicode's bidirectional controls). Returns the name without blanks around it; an empty one takes the
/// device's name away.
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

/// A network of devices: one from which the firewall lets packets into the Internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The network device, such as `br-lan`, `br-lan.20` or `wg0`.
    pub device: String,
    /// Its stations have no hardware addresses, as behind WireGuard.
    pub tunnel: bool,
}
