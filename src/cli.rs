//! The command line: arguments, what they ask for, and the exit code.

use crate::anonymise::Anonymiser;
use crate::api::Refusal;
use crate::config::{self, Config};
use crate::engine::{Action, Ended, Engine};
use crate::event;
use crate::limits;
use crate::lists;
use crate::live::{control, daemon, input, logger, terminal};
use crate::replay::{Problem, Replay};
use crate::table::{self, Report, Style};
use crate::time::Clock;
use argh::FromArgs;
use ipnet::IpNet;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Exit codes of sysexits(3).
mod exit {
    /// Wrong arguments.
    pub const USAGE: u8 = 64;
    /// A file is damaged or of another kind; what could be read was still reported.
    pub const DATA: u8 = 65;
    /// A file cannot be read.
    pub const NO_INPUT: u8 = 66;
    /// What was asked for is not there.
    pub const UNAVAILABLE: u8 = 69;
    /// The caller may not.
    pub const NO_PERMISSION: u8 = 77;
    /// The settings are wrong.
    pub const CONFIG: u8 = 78;
}

/// leash keeps the devices of a home on a leash: what they talk to, whether they asked for it, and what to do about
/// it. Without a command: the house at a glance.
#[derive(FromArgs)]
struct Arguments {
    /// JSON instead of text (anywhere in the line)
    #[argh(switch)]
    json: bool,
    /// the control socket of the daemon (anywhere in the line; default: /var/run/leash/socket)
    #[argh(option, arg_name = "path")]
    socket: Option<PathBuf>,
    #[argh(subcommand)]
    command: Option<Command>,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Devices(DevicesCommand),
    Device(DeviceCommand),
    Explain(ExplainCommand),
    Findings(FindingsCommand),
    Blocks(BlocksCommand),
    Pins(PinsCommand),
    History(HistoryCommand),
    Watch(WatchCommand),
    Mode(ModeCommand),
    Block(BlockCommand),
    Allow(AllowCommand),
    Unblock(UnblockCommand),
    Unpin(UnpinCommand),
    On(OnCommand),
    Off(OffCommand),
    Forget(ForgetCommand),
    Doctor(DoctorCommand),
    Status(StatusCommand),
    Detectors(DetectorsCommand),
    Reload(ReloadCommand),
    Run(RunCommand),
    Check(CheckCommand),
    Replay(ReplayCommand),
    Record(RecordCommand),
}

/// The devices of the house
#[derive(FromArgs)]
#[argh(subcommand, name = "devices")]
struct DevicesCommand {}

/// All that is known of a device
#[derive(FromArgs)]
#[argh(subcommand, name = "device")]
struct DeviceCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    device: String,
}

/// What the detectors say
#[derive(FromArgs)]
#[argh(subcommand, name = "findings")]
struct FindingsCommand {
    /// a MAC, an address or a name (default: all devices)
    #[argh(positional)]
    device: Option<String>,
}

/// What is blocked, until when, why, and what it stopped
#[derive(FromArgs)]
#[argh(subcommand, name = "blocks")]
struct BlocksCommand {}

/// What you decided yourself
#[derive(FromArgs)]
#[argh(subcommand, name = "pins")]
struct PinsCommand {}

/// What happened of late
#[derive(FromArgs)]
#[argh(subcommand, name = "history")]
struct HistoryCommand {}

/// What happens, as it happens
#[derive(FromArgs)]
#[argh(subcommand, name = "watch")]
struct WatchCommand {}

/// Say what may be done to a device: trust, observe, guard or local
#[derive(FromArgs)]
#[argh(subcommand, name = "mode")]
struct ModeCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    device: String,
    /// trust, observe, guard or local
    #[argh(positional)]
    mode: String,
}

/// Block an address, a prefix or a name for a device
#[derive(FromArgs)]
#[argh(subcommand, name = "block")]
struct BlockCommand {
    /// a MAC, an address or a name; `all` for all devices
    #[argh(positional)]
    device: String,
    /// an address, a prefix or a name
    #[argh(positional)]
    target: String,
    /// how long, such as 30m, 2h or 7d (default: for ever)
    #[argh(option, long = "for", arg_name = "time")]
    lasts: Option<String>,
}

/// Allow an address, a prefix or a name for a device, whatever the detectors say
#[derive(FromArgs)]
#[argh(subcommand, name = "allow")]
struct AllowCommand {
    /// a MAC, an address or a name; `all` for all devices
    #[argh(positional)]
    device: String,
    /// an address, a prefix or a name
    #[argh(positional)]
    target: String,
    /// how long, such as 30m, 2h or 7d (default: for ever)
    #[argh(option, long = "for", arg_name = "time")]
    lasts: Option<String>,
}

/// End a block, and keep it from coming back
#[derive(FromArgs)]
#[argh(subcommand, name = "unblock")]
struct UnblockCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    device: String,
    /// what was blocked
    #[argh(positional)]
    target: String,
}

/// Take back what `block`, `allow` or `unblock` decided
#[derive(FromArgs)]
#[argh(subcommand, name = "unpin")]
struct UnpinCommand {
    /// a MAC, an address or a name; `all` for all devices
    #[argh(positional)]
    device: String,
    /// what it was decided on
    #[argh(positional)]
    target: String,
}

/// Switch blocking on
#[derive(FromArgs)]
#[argh(subcommand, name = "on")]
struct OnCommand {}

/// Switch all blocking off at once
#[derive(FromArgs)]
#[argh(subcommand, name = "off")]
struct OffCommand {}

/// Forget what a device did
#[derive(FromArgs)]
#[argh(subcommand, name = "forget")]
struct ForgetCommand {
    /// a MAC, an address or a name
    #[argh(positional)]
    device: String,
}

/// What is blind or broken, and what mends it (exit code 1 when something is)
#[derive(FromArgs)]
#[argh(subcommand, name = "doctor")]
struct DoctorCommand {}

/// How leash is, in numbers
#[derive(FromArgs)]
#[argh(subcommand, name = "status")]
struct StatusCommand {}

/// What is looked for, and what fools it
#[derive(FromArgs)]
#[argh(subcommand, name = "detectors")]
struct DetectorsCommand {}

/// Let the daemon read its settings again
#[derive(FromArgs)]
#[argh(subcommand, name = "reload")]
struct ReloadCommand {}

/// Be the daemon, until a signal ends it
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
struct RunCommand {
    /// the settings (default: /etc/config/leash)
    #[argh(option, arg_name = "file", default = "SETTINGS.into()")]
    config: PathBuf,
}

/// Say what is wrong with the settings (exit code 78 when something is)
#[derive(FromArgs)]
#[argh(subcommand, name = "check")]
struct CheckCommand {
    /// the settings (default: /etc/config/leash)
    #[argh(positional, default = "SETTINGS.into()")]
    file: PathBuf,
}

const SETTINGS: &str = "/etc/config/leash";

/// Report what the devices in packet captures or event files did
#[derive(FromArgs)]
#[argh(subcommand, name = "replay")]
struct ReplayCommand {
    /// captures (pcap, pcapng) or event files, in the order of time
    #[argh(positional)]
    files: Vec<PathBuf>,
    /// every flow too
    #[argh(switch)]
    flows: bool,
    /// settings to judge by, in UCI syntax
    #[argh(option, arg_name = "file")]
    config: Option<PathBuf>,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    lan: Vec<IpNet>,
}

/// Say why a device talks to an address: of the running daemon, or of a file
#[derive(FromArgs)]
#[argh(subcommand, name = "explain")]
struct ExplainCommand {
    /// the capture or event file to look into (default: the running daemon)
    #[argh(option, arg_name = "file")]
    from: Option<PathBuf>,
    /// a MAC, an address or a name
    #[argh(positional)]
    device: String,
    /// the remote address
    #[argh(positional)]
    address: IpAddr,
    /// settings to judge by, in UCI syntax
    #[argh(option, arg_name = "file")]
    config: Option<PathBuf>,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    lan: Vec<IpNet>,
}

/// Write events to standard output, a line each: of a file, or of the running daemon until interrupted
#[derive(FromArgs)]
#[argh(subcommand, name = "record")]
struct RecordCommand {
    /// the capture or event file to read (default: the running daemon)
    #[argh(option, arg_name = "file")]
    from: Option<PathBuf>,
    /// replace MACs, addresses and names, the same by the same
    #[argh(switch)]
    anonymise: bool,
    /// a prefix of the LAN; repeat for more (default: found from the traffic)
    #[argh(option, arg_name = "cidr")]
    lan: Vec<IpNet>,
}

/// Runs the command that `arguments` (without the program's name) ask for, and gives the exit code.
pub fn run(arguments: &[&str]) -> u8 {
    let arguments = global_first(arguments);
    let Arguments { json, socket, command } = match Arguments::from_args(&["leash"], &arguments) {
        Ok(arguments) => arguments,
        Err(early) => {
            return match early.status {
                Ok(()) => say(&early.output, 0),
                Err(()) => complain(early.output.trim_end(), exit::USAGE),
            };
        }
    };
    let daemon = Daemon { socket: socket.unwrap_or_else(|| config::Daemon::default().socket), json };
    let device = |device: &str| if device == "all" { json!({}) } else { json!({ "device": device }) };
    let decide = |who: &str, target: &str, verdict: &str, lasts: &Option<String>| {
        let mut params = device(who);
        (params["target"], params["verdict"]) = (target.into(), verdict.into());
        if let Some(lasts) = lasts {
            params["for"] = lasts.as_str().into();
        }
        daemon.order("decide", &params)
    };
    let result = match command {
        None => daemon.overview(),
        Some(Command::Devices(_)) => daemon.show("devices", &json!({}), lists::devices),
        Some(Command::Device(c)) => daemon.show("device", &device(&c.device), lists::device),
        Some(Command::Findings(c)) => {
            daemon.show("findings", &c.device.as_deref().map_or(json!({}), device), lists::findings)
        }
        Some(Command::Blocks(_)) => daemon.show("blocks", &json!({}), lists::blocks),
        Some(Command::Pins(_)) => daemon.show("pins", &json!({}), lists::pins),
        Some(Command::History(_)) => daemon.show("history", &json!({}), lists::history),
        Some(Command::Watch(_)) => daemon.watch(),
        Some(Command::Mode(c)) => daemon.order("set_mode", &json!({ "device": c.device, "mode": c.mode })),
        Some(Command::Block(c)) => decide(&c.device, &c.target, "block", &c.lasts),
        Some(Command::Allow(c)) => decide(&c.device, &c.target, "allow", &c.lasts),
        Some(Command::Unblock(c)) => daemon.order("unblock", &json!({ "device": c.device, "target": c.target })),
        Some(Command::Unpin(c)) => {
            let mut params = device(&c.device);
            params["target"] = c.target.into();
            daemon.order("unpin", &params)
        }
        Some(Command::On(_)) => daemon.order("blocking", &json!({ "on": true })),
        Some(Command::Off(_)) => daemon.order("blocking", &json!({ "on": false })),
        Some(Command::Forget(c)) => daemon.order("forget", &device(&c.device)),
        Some(Command::Doctor(_)) => daemon.doctor(),
        Some(Command::Status(_)) => daemon.show("status", &json!({}), lists::status),
        Some(Command::Detectors(_)) => daemon.show("detectors", &json!({}), lists::detectors),
        Some(Command::Reload(_)) => daemon.order("reload", &json!({})),
        Some(Command::Run(c)) => Ok(run_daemon(&c.config)),
        Some(Command::Check(c)) => Ok(check(&c.file)),
        Some(Command::Replay(command)) => replay(&command, json),
        Some(Command::Explain(command)) => match &command.from {
            Some(from) => explain(&command, from, json),
            None => {
                let params = json!({ "device": command.device, "address": command.address.to_string() });
                daemon.show("explain", &params, table::explain)
            }
        },
        Some(Command::Record(command)) => match &command.from {
            Some(from) => record(&command, from),
            None => daemon.record(command.anonymise),
        },
    };
    // Whoever reads our output may stop at any line (head, a pager): that is not an error.
    result.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => 0,
        _ => complain(&format!("cannot write the output: {error}"), 74),
    })
}

/// `--json` and `--socket PATH` may stand anywhere.
fn global_first<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--json" => first.push("--json"),
            "--socket" => first.extend(std::iter::once("--socket").chain(arguments.next().copied())),
            "--" => {
                rest.push("--");
                rest.extend(arguments.by_ref());
            }
            other => rest.push(other),
        }
    }
    first.extend(rest);
    first
}

/// The running daemon, as one calls it.
struct Daemon {
    socket: PathBuf,
    json: bool,
}

impl Daemon {
    /// Asks and prints.
    fn show(&self, method: &str, params: &Value, text: impl Fn(&Value, Style) -> String) -> io::Result<u8> {
        let value = match control::ask(&self.socket, method, params) {
            Ok(value) => value,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{value}")?,
            false => out.write_all(text(&value, terminal::style()).as_bytes())?,
        }
        Ok(0)
    }

    fn overview(&self) -> io::Result<u8> {
        let status = match control::ask(&self.socket, "status", &json!({})) {
            Ok(status) => status,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let whole = |devices: &Value| json!({ "status": status, "devices": devices["devices"] });
        self.show("devices", &json!({}), |devices, style| lists::overview(&whole(devices), style))
    }

    /// Orders, and says in a line what was done.
    fn order(&self, method: &str, params: &Value) -> io::Result<u8> {
        self.show(method, params, |value, _| lists::done(method, value))
    }

    fn doctor(&self) -> io::Result<u8> {
        let value = match control::ask(&self.socket, "doctor", &json!({})) {
            Ok(value) => value,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{value}")?,
            false => out.write_all(lists::doctor(&value, terminal::style()).as_bytes())?,
        }
        Ok(u8::from(value["complaints"].as_array().is_some_and(|all| !all.is_empty())))
    }

    fn watch(&self) -> io::Result<u8> {
        let lines = match control::listen(&self.socket, "watch", &json!({})) {
            Ok(lines) => lines,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let style = terminal::style();
        for (i, line) in lines.enumerate() {
            match line {
                Err(refusal) => return Ok(refuse(&refusal)),
                Ok(_) if i == 0 => {}
                Ok(record) if self.json => writeln!(io::stdout(), "{record}")?,
                Ok(record) => writeln!(io::stdout(), "{}", lists::record(&record, style))?,
            }
        }
        Ok(complain("leash was stopped", exit::UNAVAILABLE))
    }

    fn record(&self, anonymise: bool) -> io::Result<u8> {
        let mut lines = match control::raw(&self.socket, "record", &json!({})) {
            Ok(lines) => lines,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let answer: Value =
            lines.next().transpose()?.and_then(|line| serde_json::from_str(&line).ok()).unwrap_or_default();
        if let Some(says) = answer.get("error").and_then(Value::as_str) {
            return Ok(complain(says, exit::NO_PERMISSION));
        }
        writeln!(io::stdout(), "{}", event::HEADER)?;
        let (mut anonymiser, mut clock) = (Anonymiser::default(), Clock::default());
        for line in lines {
            let mut line = line?;
            if anonymise && let Ok((event, stamp)) = event::read(&line, &mut clock) {
                line = event::write(&anonymiser.map(event), stamp, &clock);
            }
            writeln!(io::stdout(), "{line}")?;
        }
        Ok(complain("leash was stopped", exit::UNAVAILABLE))
    }
}

/// Says why something was not done, and gives the exit code for it.
fn refuse(refusal: &Refusal) -> u8 {
    let code = match refusal {
        Refusal::Argument(_) => exit::USAGE,
        Refusal::NotFound(_) | Refusal::Failed(_) => exit::UNAVAILABLE,
        Refusal::Denied(_) => exit::NO_PERMISSION,
    };
    complain(refusal.text().1, code)
}

fn run_daemon(path: &Path) -> u8 {
    logger::start();
    match daemon::run(path) {
        Ok(()) => 0,
        Err(says) => complain(&says, exit::UNAVAILABLE),
    }
}

fn check(path: &Path) -> u8 {
    let text = match input::text(path) {
        Ok(text) => text,
        Err(error) => return complain(&format!("{}: {error}", path.display()), exit::NO_INPUT),
    };
    let (_, problems) = config::parse(&text);
    for problem in &problems {
        complain(&format!("{}: {problem}", path.display()), 0);
    }
    if problems.is_empty() { say(&format!("{}: all is well", path.display()), 0) } else { exit::CONFIG }
}

fn say(text: &str, code: u8) -> u8 {
    let _ = writeln!(io::stdout(), "{}", text.trim_end());
    code
}

fn complain(text: &str, code: u8) -> u8 {
    let _ = writeln!(io::stderr(), "leash: {text}");
    code
}

/// Settings of a file, with a line for each problem; the defaults without one. The error is the exit code.
fn settings(path: Option<&Path>) -> Result<Config, u8> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = input::text(path).map_err(|error| complain(&format!("{}: {error}", path.display()), exit::NO_INPUT))?;
    let (config, problems) = config::parse(&text);
    for problem in problems {
        complain(&format!("{}: {problem}", path.display()), 0);
    }
    Ok(config)
}

/// Reads all files; what is wrong with one is said, and ends the reading. Gives the exit code.
fn read(files: &[&Path], lan: &[IpNet], sink: crate::replay::Sink, end: &mut dyn FnMut(crate::time::Stamp)) -> u8 {
    let mut replay = Replay::new(lan.to_vec());
    let mut code = 0;
    for path in files {
        let result = match input::open(path) {
            Ok(input) => replay.read(input, sink),
            Err(error) => Err(Problem::Input(error)),
        };
        if let Err(problem) = result {
            code = if matches!(problem, Problem::Input(_)) { exit::NO_INPUT } else { exit::DATA };
            complain(&format!("{}: {problem}; the report is partial", path.display()), code);
            break;
        }
    }
    end(replay.finish(sink));
    code
}

fn replay(command: &ReplayCommand, json: bool) -> io::Result<u8> {
    if command.files.is_empty() {
        return Ok(complain("replay needs a file: leash replay FILE...", exit::USAGE));
    }
    let config = match settings(command.config.as_deref()) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let mut engine = Engine::new(config);
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut flows = Flows::new(json);
    if command.flows {
        engine.tell_flows();
        if json {
            out.write_all(b"{\"flows\":[")?;
        }
    }
    let files: Vec<&Path> = command.files.iter().map(PathBuf::as_path).collect();
    let (mut failed, mut last) = (None, None);
    let code = read(
        &files,
        &command.lan,
        &mut |event, stamp, _| {
            engine.handle(event, stamp);
            failed = failed.take().or(flows.take(&mut engine, &mut out).err());
        },
        &mut |stamp| last = Some(stamp),
    );
    engine.finish(last.unwrap_or_default());
    flows.take(&mut engine, &mut out)?;
    flows.flush(&engine, &mut out)?;
    failed.map_or(Ok(()), Err)?;
    if json {
        write_json(&engine, command.flows, code, &mut out)?;
    } else {
        let mut report = Report::new(terminal::style());
        engine.devices().for_each(|device| report.device(&device));
        out.write_all(report.finish(&engine.summary()).as_bytes())?;
    }
    out.flush()?;
    Ok(code)
}

/// The object's members one by one, so that a large house is never held whole.
fn write_json(engine: &Engine, flows: bool, code: u8, out: &mut impl Write) -> io::Result<()> {
    out.write_all(if flows { b"]," } else { b"{" })?;
    out.write_all(b"\"devices\":[")?;
    for (i, device) in engine.devices().enumerate() {
        write!(out, "{}{device}", if i == 0 { "\n" } else { ",\n" })?;
    }
    write!(out, "],\n\"blocks\":{},\n\"summary\":{}", engine.blocked(), engine.summary())?;
    writeln!(out, "{}}}", if code == 0 { "" } else { ",\n\"partial\":true" })
}

/// Writes flows as they end. A flow of a device whose lookups were not seen yet is held back for a while, bounded: its
/// first visible lookup proves that the earlier ones would have been seen.
struct Flows {
    json: bool,
    first: bool,
    held: VecDeque<Box<Ended>>,
}

impl Flows {
    fn new(json: bool) -> Flows {
        Flows { json, first: true, held: VecDeque::new() }
    }

    fn take(&mut self, engine: &mut Engine, out: &mut impl Write) -> io::Result<()> {
        let actions: Vec<Action> = engine.drain().collect();
        for action in actions {
            let Action::Ended(ended) = action else { continue };
            self.held.push_back(ended);
            if self.held.len() > limits::HELD_FLOWS {
                let oldest = self.held.pop_front();
                oldest.map_or(Ok(()), |ended| self.write(engine, &ended, out))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, engine: &Engine, out: &mut impl Write) -> io::Result<()> {
        std::mem::take(&mut self.held).iter().try_for_each(|ended| self.write(engine, ended, out))
    }

    fn write(&mut self, engine: &Engine, ended: &Ended, out: &mut impl Write) -> io::Result<()> {
        let flow = engine.flow(ended);
        if !self.json {
            return writeln!(out, "{}", table::flow(&flow, terminal::style()));
        }
        let comma = if std::mem::replace(&mut self.first, false) { "\n" } else { ",\n" };
        write!(out, "{comma}{flow}")
    }
}

fn explain(command: &ExplainCommand, from: &Path, json: bool) -> io::Result<u8> {
    let config = match settings(command.config.as_deref()) {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let mut engine = Engine::new(config);
    let mut last = None;
    let code = read(
        &[from],
        &command.lan,
        &mut |event, stamp, _| {
            engine.handle(event, stamp);
            engine.drain().for_each(drop);
        },
        &mut |stamp| last = Some(stamp),
    );
    engine.finish(last.unwrap_or_default());
    let Some(id) = engine.find(&command.device) else {
        let known: Vec<Value> = engine.devices().collect();
        let known: Vec<&str> = known.iter().map(table::label).collect();
        let sentence = format!("no device is called '{}'; there are: {}", command.device, known.join(", "));
        return Ok(complain(&sentence, if code == 0 { exit::UNAVAILABLE } else { code }));
    };
    let value = engine.explain(id, command.address);
    let mut out = io::stdout().lock();
    match json {
        true => writeln!(out, "{value}")?,
        false => out.write_all(table::explain(&value, terminal::style()).as_bytes())?,
    }
    Ok(code)
}

fn record(command: &RecordCommand, from: &Path) -> io::Result<u8> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    writeln!(out, "{}", event::HEADER)?;
    let mut anonymiser = command.anonymise.then(Anonymiser::default);
    let mut failed = None;
    let code = read(
        &[from],
        &command.lan,
        &mut |event, stamp, clock| {
            let event = anonymiser.as_mut().map(|anonymiser| anonymiser.map(event.clone())).unwrap_or(event);
            failed = failed.take().or(writeln!(out, "{}", event::write(&event, stamp, clock)).err());
        },
        &mut |_| {},
    );
    failed.map_or(Ok(()), Err)?;
    out.flush()?;
    Ok(code)
}
