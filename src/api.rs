//! The API: everything that can be asked and ordered. The control socket, the command line, ubus and the page are made
//! from [`METHODS`] or tested against it.

use crate::config::{Tag, device_name};
use crate::engine::Engine;
use crate::engine::orders::OrderError;
use crate::engine::past::Past;
use crate::engine::view::texts;
use crate::event::Event;
use crate::limits;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::{Pin, Target};
use crate::sentence::Sentence;
use crate::tables::devices::DeviceId;
use crate::tables::domain::registrable;
use crate::time::{Span, Stamp, Wall};
use crate::wire::nft::Pair;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// A method: something that can be asked or ordered.
pub struct Method {
    /// Its name in the protocols.
    pub name: &'static str,
    /// What it does, for people.
    pub about: &'static str,
    /// Whether it changes something, which not every caller may.
    pub writes: bool,
    /// What it takes.
    pub parameters: &'static [Parameter],
    call: fn(&mut dyn Daemon, &Arguments) -> Result<Value, ApiError>,
}

/// A parameter of a method.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the protocols.
    pub name: &'static str,
    /// What type its value has.
    pub kind: Kind,
    /// Whether it may be left out.
    pub optional: bool,
    /// What it means, for people.
    pub about: &'static str,
}

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// True or false, or 1 or 0.
    Flag,
}

/// Why a call failed. Each has a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// The arguments are wrong.
    Argument(String),
    /// What they name does not exist.
    NotFound(String),
    /// The caller is not allowed to.
    Denied(String),
    /// It was tried and failed.
    Failed(String),
}

impl ApiError {
    /// Returns its word for programs and its sentence for people.
    pub fn text(&self) -> (&'static str, &str) {
        match self {
            ApiError::Argument(says) => ("argument", says),
            ApiError::NotFound(says) => ("not-found", says),
            ApiError::Denied(says) => ("denied", says),
            ApiError::Failed(says) => ("failed", says),
        }
    }
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> ApiError {
        match error {
            OrderError::NotFound(says) => ApiError::NotFound(says),
            OrderError::NoRoom(says) => ApiError::Failed(says),
        }
    }
}

/// What the methods work on: a running daemon.
pub trait Daemon {
    /// Returns the engine.
    fn engine(&mut self) -> &mut Engine;
    /// Returns the time.
    fn now(&self) -> Stamp;
    /// Returns the packets and bytes that each block has stopped, in the order of `pairs`.
    fn block_counters(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)>;
    /// Returns what the journal has of these local days, which are counted since 1970.
    fn past(&mut self, first: u32, last: u32) -> Past;
    /// Returns how the sources and the enforcement are doing.
    fn health(&mut self) -> Value;
    /// Returns what leash cannot see or do; `thorough` includes what takes a moment to find out. For a caller who may only
    /// ask the daemon waits so long once in a while, and else says what it found then.
    fn doctor(&mut self, thorough: bool, may_write: bool) -> Vec<Complaint>;
    /// Asks for the counters of flows to be read soon, because somebody looks at them.
    fn count_soon(&mut self);
    /// Reads the settings again.
    ///
    /// # Errors
    /// A sentence when they cannot be read; the old settings stay in force.
    fn reload(&mut self) -> Result<Value, String>;
}

/// Something that keeps leash from seeing or doing what it should, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// How much of leash's work suffers.
    pub severity: Severity,
    /// What is wrong, and what follows from it.
    pub message: Sentence,
    /// What to do. Its values are what one types or looks for as it stands: a command, a package, an option, a path.
    pub remedy: Sentence,
}

/// How much of leash's work suffers from what a [`Complaint`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// leash cannot do its work.
    Error,
    /// leash does less than it could.
    Warning,
}

impl Severity {
    /// Returns the word in the JSON.
    pub fn text(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

impl Complaint {
    /// Returns a complaint about something without which leash cannot do its work.
    pub fn error(message: Sentence, remedy: Sentence) -> Complaint {
        Complaint { severity: Severity::Error, message, remedy }
    }

    /// Returns a complaint about something without which leash does less than it could.
    pub fn warning(message: Sentence, remedy: Sentence) -> Complaint {
        Complaint { severity: Severity::Warning, message, remedy }
    }

    fn json(&self) -> Value {
        let mut map = Map::new();
        map.insert("severity".into(), self.severity.text().into());
        self.message.put_into(&mut map);
        map.insert("remedy".into(), self.remedy.json());
        Value::Object(map)
    }
}

const DEVICE: Parameter =
    Parameter { name: "device", kind: Kind::Text, optional: false, about: "a MAC, an address or a name" };
const ANY_DEVICE: Parameter =
    Parameter { name: "device", kind: Kind::Text, optional: true, about: "a MAC, an address or a name; absent: all" };
const TYPES: &str = "computer, phone, tablet, tv, speaker, camera, plug, light, thing, printer, router, console or storage; empty: none";
const TARGET: Parameter =
    Parameter { name: "target", kind: Kind::Text, optional: false, about: "an address, a prefix or a name" };

/// All methods, in the order in which they are listed.
pub const METHODS: &[Method] = &[
    Method { name: "status", about: "how leash is doing, in numbers", writes: false, parameters: &[], call: status },
    Method {
        name: "devices",
        about: "all devices, without their contacts",
        writes: false,
        parameters: &[],
        call: devices,
    },
    Method {
        name: "device",
        about: "all that is known of a device",
        writes: false,
        parameters: &[DEVICE],
        call: device,
    },
    Method {
        name: "contacts",
        about: "the contacts of a device",
        writes: false,
        parameters: &[DEVICE],
        call: contacts,
    },
    Method {
        name: "explain",
        about: "why a device talks to an address",
        writes: false,
        parameters: &[
            DEVICE,
            Parameter { name: "address", kind: Kind::Text, optional: false, about: "the remote address" },
        ],
        call: explain,
    },
    Method {
        name: "findings",
        about: "what the detectors find",
        writes: false,
        parameters: &[ANY_DEVICE],
        call: findings,
    },
    Method {
        name: "blocks",
        about: "what is blocked, until when, and why",
        writes: false,
        parameters: &[],
        call: blocks,
    },
    Method { name: "pins", about: "your own decisions on destinations", writes: false, parameters: &[], call: pins },
    Method {
        name: "orders",
        about: "lasting orders that are not in the settings yet",
        writes: false,
        parameters: &[],
        call: orders,
    },
    Method { name: "history", about: "the latest things that happened", writes: false, parameters: &[], call: history },
    Method {
        name: "house",
        about: "the house at a glance: who can reach whom, who is asked for names, which addresses are called",
        writes: false,
        parameters: &[],
        call: house,
    },
    Method {
        name: "callers",
        about: "which devices call what a block of the target would hit",
        writes: false,
        parameters: &[TARGET],
        call: callers,
    },
    Method {
        name: "undated",
        about: "names that the house calls and that RDAP is to be asked for",
        writes: false,
        parameters: &[],
        call: undated,
    },
    Method {
        name: "report",
        about: "what the last days brought, worst first",
        writes: false,
        parameters: &[Parameter {
            name: "since",
            kind: Kind::Text,
            optional: true,
            about: "how far back, in days such as 30d, at most 90d; absent: 7d",
        }],
        call: report,
    },
    Method {
        name: "detectors",
        about: "what the detectors look for, and what fools them",
        writes: false,
        parameters: &[],
        call: detectors,
    },
    Method {
        name: "doctor",
        about: "what leash cannot see or do here, and how to fix it",
        writes: false,
        parameters: &[],
        call: doctor,
    },
    Method {
        name: "set_mode",
        about: "set what leash may do to a device",
        writes: true,
        parameters: &[
            DEVICE,
            Parameter {
                name: "mode",
                kind: Kind::Text,
                optional: false,
                about: "trust, observe, guard or local; default: that of the settings",
            },
        ],
        call: set_mode,
    },
    Method {
        name: "set_name",
        about: "set what people call a device",
        writes: true,
        parameters: &[
            DEVICE,
            Parameter { name: "name", kind: Kind::Text, optional: false, about: "the name; empty takes it away" },
        ],
        call: set_name,
    },
    Method {
        name: "set_type",
        about: "say what a device is",
        writes: true,
        parameters: &[DEVICE, Parameter { name: "type", kind: Kind::Text, optional: false, about: TYPES }],
        call: set_type,
    },
    Method {
        name: "set_group",
        about: "put a device into a group, such as a room",
        writes: true,
        parameters: &[
            DEVICE,
            Parameter { name: "group", kind: Kind::Text, optional: false, about: "the group; empty takes it out" },
        ],
        call: set_group,
    },
    Method {
        name: "set_group_mode",
        about: "set the mode of a group, for devices without their own",
        writes: true,
        parameters: &[
            Parameter { name: "group", kind: Kind::Text, optional: false, about: "the group" },
            Parameter { name: "mode", kind: Kind::Text, optional: false, about: Mode::WORDS },
        ],
        call: set_group_mode,
    },
    Method {
        name: "join",
        about: "say that two hardware addresses are one device",
        writes: true,
        parameters: &[
            DEVICE,
            Parameter { name: "with", kind: Kind::Text, optional: false, about: "the device that it is one with" },
        ],
        call: join,
    },
    Method {
        name: "decide",
        about: "allow or block a destination, whatever the detectors say",
        writes: true,
        parameters: &[
            ANY_DEVICE,
            TARGET,
            Parameter { name: "verdict", kind: Kind::Text, optional: false, about: "allow or block" },
            Parameter {
                name: "for",
                kind: Kind::Text,
                optional: true,
                about: "how long, such as 2h; absent: for ever",
            },
        ],
        call: decide,
    },
    Method {
        name: "unpin",
        about: "take such a decision back",
        writes: true,
        parameters: &[ANY_DEVICE, TARGET],
        call: unpin,
    },
    Method {
        name: "unblock",
        about: "end a block, and keep it from coming back",
        writes: true,
        parameters: &[DEVICE, TARGET],
        call: unblock,
    },
    Method {
        name: "blocking",
        about: "switch all blocking on or off",
        writes: true,
        parameters: &[Parameter { name: "on", kind: Kind::Flag, optional: false, about: "true or false" }],
        call: blocking,
    },
    Method {
        name: "dated",
        about: "take the date on which a name was registered",
        writes: true,
        parameters: &[
            Parameter { name: "name", kind: Kind::Text, optional: false, about: "a name of undated" },
            Parameter { name: "date", kind: Kind::Text, optional: false, about: "a date; empty: it is not known" },
        ],
        call: dated,
    },
    Method { name: "forget", about: "forget what a device did", writes: true, parameters: &[DEVICE], call: forget },
    Method { name: "reload", about: "read the settings again", writes: true, parameters: &[], call: reload },
];

/// Returns the method of that name.
pub fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// What rpcd adds to the arguments of every call that comes from the web server.
const SESSION: &str = "ubus_rpc_session";

/// Calls a method for a caller who may write or not.
///
/// # Errors
/// Those of [`ApiError`]. Nothing was changed then.
pub fn call(daemon: &mut dyn Daemon, name: &str, arguments: &Value, may_write: bool) -> Result<Value, ApiError> {
    let unknown = || ApiError::NotFound(format!("there is no method '{}'", name.escape_default()));
    let method = find(name).ok_or_else(unknown)?;
    if method.writes && !may_write {
        let says = format!("'{name}' changes something: only root and leash's own user may");
        return Err(ApiError::Denied(says));
    }
    let empty = Map::new();
    let arguments = match arguments {
        Value::Object(map) => map,
        Value::Null => &empty,
        _ => return Err(ApiError::Argument("the arguments of a method are an object".into())),
    };
    // An unknown argument is an error: a mistyped 'device' that were ignored would mean all devices.
    let known = |name: &str| name == SESSION || method.parameters.iter().any(|parameter| parameter.name == name);
    if let Some(name) = arguments.keys().find(|name| !known(name)) {
        let names: Vec<&str> = method.parameters.iter().map(|parameter| parameter.name).collect();
        let knows = if names.is_empty() { "nothing".into() } else { names.join(", ") };
        let says = format!("'{}' is not a parameter of '{}', which takes {knows}", name.escape_default(), method.name);
        return Err(ApiError::Argument(says));
    }
    for parameter in method.parameters {
        let fits = match (arguments.get(parameter.name).filter(|value| !value.is_null()), parameter.kind) {
            (None, _) => parameter.optional,
            (Some(value), Kind::Text) => value.is_string(),
            (Some(value), Kind::Flag) => value.is_boolean() || matches!(value.as_u64(), Some(0 | 1)),
        };
        if !fits {
            let kind = if parameter.kind == Kind::Text { "a text" } else { "true or false" };
            return Err(ApiError::Argument(format!(
                "'{name}' needs '{}': {kind}, {}",
                parameter.name, parameter.about
            )));
        }
    }
    (method.call)(daemon, &Arguments { all: arguments, may_write })
}

struct Arguments<'a> {
    all: &'a Map<String, Value>,
    may_write: bool,
}

impl Arguments<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.all.get(name).and_then(Value::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        self.all.get(name).is_some_and(|value| value.as_bool().unwrap_or(value.as_u64() == Some(1)))
    }

    /// Returns the device that `device` means, which was seen.
    fn device(&self, engine: &Engine) -> Result<DeviceId, ApiError> {
        let who = self.text("device").unwrap_or_default();
        engine.find(who).ok_or_else(|| nobody(engine, who))
    }

    /// Returns the hardware address that `device` means: of a device that was seen or is in the settings, or any.
    fn mac(&self, engine: &Engine) -> Result<Mac, ApiError> {
        let who = self.text("device").unwrap_or_default();
        engine.mac_of(who).ok_or_else(|| nobody(engine, who))
    }

    fn any_mac(&self, engine: &Engine) -> Result<Option<Mac>, ApiError> {
        self.text("device").map(|_| self.mac(engine)).transpose()
    }

    fn target(&self, block: bool) -> Result<Target, ApiError> {
        Target::parse(self.text("target").unwrap_or_default(), block).map_err(ApiError::Argument)
    }
}

fn nobody(engine: &Engine, who: &str) -> ApiError {
    let known: Vec<String> = engine.display_names().take(12).collect();
    let known = if known.is_empty() { "none was seen yet".into() } else { format!("there are {}", known.join(", ")) };
    ApiError::NotFound(format!("no device is called '{}'; {known}", who.escape_default()))
}

fn status(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    let complaints = daemon.doctor(false, false);
    let health = daemon.health();
    let mut status = daemon.engine().status();
    status["version"] = env!("CARGO_PKG_VERSION").into();
    status["complaints"] = complaints.len().into();
    status["health"] = health;
    Ok(status)
}

fn devices(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    daemon.count_soon();
    Ok(json!({ "devices": daemon.engine().summaries() }))
}

fn device(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    daemon.count_soon();
    let engine = daemon.engine();
    let id = arguments.device(engine)?;
    Ok(json!({ "device": engine.device(id) }))
}

fn contacts(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    daemon.count_soon();
    let engine = daemon.engine();
    let id = arguments.device(engine)?;
    Ok(json!({ "contacts": engine.contacts(id) }))
}

fn explain(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let address = arguments.text("address").unwrap_or_default();
    let wrong = || ApiError::Argument(format!("'{}' is not an address such as 198.51.100.7", address.escape_default()));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let engine = daemon.engine();
    let id = arguments.device(engine)?;
    Ok(engine.explain(id, address))
}

fn findings(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let engine = daemon.engine();
    let only = arguments.text("device").map(|_| arguments.device(engine)).transpose()?;
    let findings = engine.findings(only).into_iter().map(|(_, finding)| finding);
    Ok(json!({ "findings": findings.collect::<Vec<Value>>() }))
}

fn blocks(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    let pairs = daemon.engine().blocked_pairs();
    let counters = daemon.block_counters(&pairs);
    let mut blocks = daemon.engine().blocked();
    if let Some(blocks) = blocks.as_array_mut() {
        for (block, (packets, bytes)) in blocks.iter_mut().zip(counters) {
            (block["stopped_packets"], block["stopped_bytes"]) = (packets.into(), bytes.into());
        }
    }
    Ok(json!({ "blocks": blocks }))
}

fn pins(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    let at = daemon.now();
    Ok(json!({ "pins": daemon.engine().pins(at.wall) }))
}

fn orders(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    Ok(daemon.engine().orders())
}

fn history(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    Ok(json!({ "history": daemon.engine().history() }))
}

fn house(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    let pairs = daemon.engine().blocked_pairs();
    let stopped = daemon.block_counters(&pairs).iter().fold(0, |sum: u64, (packets, _)| sum.saturating_add(*packets));
    Ok(daemon.engine().tiers(stopped))
}

fn callers(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let target = arguments.target(true)?;
    let mut answer = json!({ "target": target.to_string(), "callers": daemon.engine().callers(&target) });
    if let Target::Name(name) = &target {
        answer["domain"] = registrable(name).into();
    }
    Ok(answer)
}

fn undated(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    Ok(json!({ "names": daemon.engine().undated().collect::<Vec<&str>>() }))
}

fn dated(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let (name, date) = (arguments.text("name").unwrap_or_default(), arguments.text("date").unwrap_or_default());
    // Only what leash asks for, so that nobody fills the table with other names.
    if !daemon.engine().undated().any(|undated| undated == name) {
        return Err(ApiError::NotFound(format!("nobody asks for the date of '{}'", name.escape_default())));
    }
    let wrong = || ApiError::Argument(format!("'{}' is not a date such as 2026-12-31", date.escape_default()));
    let day = |wall: Wall| u16::try_from(wall.as_secs() / 86_400).ok();
    let day = match date {
        "" => None,
        date => Some(Wall::parse_date(date).and_then(day).ok_or_else(wrong)?),
    };
    let at = daemon.now();
    daemon.engine().handle(Event::Registered { name: name.into(), day }, at);
    Ok(json!({ "name": name }))
}

fn report(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let text = arguments.text("since").unwrap_or("7d");
    let most = Span::days(limits::PAST_DAYS.into());
    let span = Span::parse(text).filter(|span| *span > Span(0) && *span <= most);
    let wrong = || ApiError::Argument(format!("'{}' is not a number of days such as 30d", text.escape_default()));
    let days = span.ok_or_else(wrong)?.0.div_ceil(Span::days(1).0) as u32;
    let at = daemon.now();
    let today = daemon.engine().local_day(at.wall);
    let first = today.saturating_sub(days - 1);
    let mut past = daemon.past(first, today);
    Ok(daemon.engine().report(&mut past, first))
}

fn detectors(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    let findings = daemon.engine().findings(None);
    let say = |d: &crate::detect::Detector| {
        let own = findings.iter().filter(|(detector, _)| *detector == d.name).map(|(_, finding)| finding);
        json!({ "name": d.name, "about": d.about, "fooled_by": d.fooled_by, "findings": own.collect::<Vec<&Value>>() })
    };
    Ok(json!({ "detectors": crate::detect::ALL.iter().map(say).collect::<Vec<Value>>() }))
}

fn doctor(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let complaints = daemon.doctor(true, arguments.may_write);
    Ok(json!({ "complaints": complaints.iter().map(Complaint::json).collect::<Vec<Value>>() }))
}

/// Returns what an order on a device answers.
fn done(daemon: &mut dyn Daemon, mac: Mac, key: &str, value: &str) -> Value {
    texts(&[("device", &mac.to_string()), ("name", &daemon.engine().display_name(mac)), (key, value)])
}

fn set_mode(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let mode = Mode::parse_own(arguments.text("mode").unwrap_or_default()).map_err(ApiError::Argument)?;
    let at = daemon.now();
    let mac = arguments.mac(daemon.engine())?;
    let mode = daemon.engine().set_mode(mac, mode, at);
    Ok(done(daemon, mac, "mode", mode.text()))
}

fn set_name(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let name = device_name(arguments.text("name").unwrap_or_default()).map_err(ApiError::Argument)?;
    let at = daemon.now();
    let mac = arguments.mac(daemon.engine())?;
    if daemon.engine().mac_of(name).is_some_and(|other| other != mac) {
        return Err(ApiError::Argument(format!("another device is called '{}'", name.escape_default())));
    }
    daemon.engine().set_name(mac, name, at);
    Ok(json!({ "device": mac.to_string(), "name": daemon.engine().display_name(mac) }))
}

fn set_type(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    set_tag(daemon, arguments, Tag::Type)
}

fn set_group(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    set_tag(daemon, arguments, Tag::Group)
}

fn set_tag(daemon: &mut dyn Daemon, arguments: &Arguments, tag: Tag) -> Result<Value, ApiError> {
    let text = tag.check(arguments.text(tag.text()).unwrap_or_default()).map_err(ApiError::Argument)?;
    let at = daemon.now();
    let mac = arguments.mac(daemon.engine())?;
    daemon.engine().set_tag(mac, tag, text, at);
    Ok(done(daemon, mac, tag.text(), text))
}

fn set_group_mode(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let mode = Mode::parse(arguments.text("mode").unwrap_or_default()).map_err(ApiError::Argument)?;
    let (at, group) = (daemon.now(), arguments.text("group").unwrap_or_default());
    daemon.engine().set_group_mode(group, mode, at)?;
    Ok(texts(&[("group", group), ("mode", mode.text())]))
}

fn join(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let at = daemon.now();
    let who = arguments.text("with").unwrap_or_default();
    let engine = daemon.engine();
    let mac = arguments.mac(engine)?;
    let with = engine.mac_of(who).ok_or_else(|| nobody(engine, who))?;
    if mac == with {
        return Err(ApiError::Argument("a device is one with itself already".into()));
    }
    engine.join(mac, with, at);
    Ok(done(daemon, mac, "with", &with.to_string()))
}

fn decide(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let block = match arguments.text("verdict") {
        Some("block") => true,
        Some("allow") => false,
        _ => return Err(ApiError::Argument("a verdict is allow or block".into())),
    };
    let at = daemon.now();
    let span = |text| Span::parse(text).filter(|span| *span > Span(0) && *span <= Span::days(3_650));
    let wrong =
        |text: &str| ApiError::Argument(format!("'{}' is not a time such as 30m, 2h or 7d", text.escape_default()));
    let lasts = arguments.text("for").map(|text| span(text).ok_or_else(|| wrong(text))).transpose()?;
    let until = lasts.map(|span| at.wall + span);
    let (mac, target) = (arguments.any_mac(daemon.engine())?, arguments.target(block)?);
    let says = target.to_string();
    if block && matches!(&target, Target::Prefix(net) if daemon.engine().is_lan(net.addr())) {
        return Err(ApiError::Argument("a pin cannot block addresses of the house".into()));
    }
    daemon.engine().decide(Pin { mac, target, block, until }, at)?;
    let word = if block { "block" } else { "allow" };
    let mut done = json!({ "target": says, "verdict": word });
    if let Some(mac) = mac {
        (done["device"], done["name"]) = (mac.to_string().into(), daemon.engine().display_name(mac).into());
    }
    if let Some(until) = until {
        done["until"] = until.as_secs_f64().into();
    }
    Ok(done)
}

fn unpin(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let at = daemon.now();
    let (mac, target) = (arguments.any_mac(daemon.engine())?, arguments.target(false)?);
    daemon.engine().unpin(mac, &target, at)?;
    Ok(json!({ "target": target.to_string() }))
}

fn unblock(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let at = daemon.now();
    let (mac, target) = (arguments.mac(daemon.engine())?, arguments.target(false)?);
    daemon.engine().unblock(mac, &target, at)?;
    Ok(done(daemon, mac, "target", &target.to_string()))
}

fn blocking(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let (at, on) = (daemon.now(), arguments.flag("on"));
    daemon.engine().set_blocking(on, at);
    Ok(json!({ "blocking": on }))
}

fn forget(daemon: &mut dyn Daemon, arguments: &Arguments) -> Result<Value, ApiError> {
    let at = daemon.now();
    let id = arguments.device(daemon.engine())?;
    daemon.engine().forget(id, at);
    Ok(json!({}))
}

fn reload(daemon: &mut dyn Daemon, _: &Arguments) -> Result<Value, ApiError> {
    daemon.reload().map_err(ApiError::Failed)
}
