//! The command line: arguments, what they ask for, and the exit code.

mod arguments;
mod client;
mod files;
pub mod print;
pub mod report;

use crate::api::ApiError;
use crate::cli::arguments::{Arguments, Command};
use crate::cli::client::Client;
use crate::config;
use crate::config::uci;
use crate::detect;
use crate::live::{daemon, logger, notify, progress, uci_commit};
use crate::units;
use argh::FromArgs;
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

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

/// Runs the command that `arguments` (without the program's name) ask for, and gives the exit code.
pub fn run(arguments: &[&str]) -> u8 {
    let arguments = global_first(arguments);
    let Arguments { json, socket, version, command } = match Arguments::from_args(&["leash"], &arguments) {
        Ok(arguments) => arguments,
        Err(early) => {
            return match early.status {
                Ok(()) => say(&early.output, 0),
                Err(()) => complain(early.output.trim_end(), exit::USAGE),
            };
        }
    };
    if version {
        return say(&identity(), 0);
    }
    let daemon = Client { socket, json };
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
        Some(Command::Devices(_)) => daemon.show("devices", &json!({}), &print::devices),
        Some(Command::Device(c)) => daemon.show("device", &device(&c.device), &print::device),
        Some(Command::Findings(c)) => {
            daemon.show("findings", &c.device.as_deref().map_or(json!({}), device), &print::findings)
        }
        Some(Command::Blocks(_)) => daemon.show("blocks", &json!({}), &print::blocks),
        Some(Command::Pins(_)) => daemon.show("pins", &json!({}), &print::pins),
        Some(Command::History(_)) => daemon.show("history", &json!({}), &print::history),
        Some(Command::Watch(_)) => daemon.watch(),
        Some(Command::Name(c)) => daemon.order("set_name", &json!({ "device": c.device, "name": c.name })),
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
        Some(Command::Status(_)) => daemon.show("status", &json!({}), &print::status),
        Some(Command::Detectors(_)) => daemon.show("detectors", &json!({}), &print::detectors),
        Some(Command::Reload(_)) => daemon.order("reload", &json!({})),
        Some(Command::Keep(_)) => Ok(keep(&daemon)),
        Some(Command::Notify(c)) if c.test => Ok(notify::test(&c.folder)),
        Some(Command::Notify(c)) => {
            logger::start();
            notify::run(&daemon.socket(), &c.folder)
        }
        Some(Command::Run(c)) => Ok(run_daemon(&c.config)),
        Some(Command::Check(c)) => Ok(check(&c.file)),
        Some(Command::Replay(command)) => files::replay(&command, json),
        Some(Command::Explain(command)) => match &command.from {
            Some(from) => files::explain(&command, from, json),
            None => {
                let params = json!({ "device": command.device, "address": command.address.to_string() });
                daemon.show("explain", &params, &report::explain)
            }
        },
        Some(Command::Record(command)) => match &command.from {
            Some(from) => files::record(&command, from),
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

/// Says why something was not done, and gives the exit code for it.
fn refuse(refusal: &ApiError) -> u8 {
    let code = match refusal {
        ApiError::Argument(_) => exit::USAGE,
        ApiError::NotFound(_) | ApiError::Failed(_) => exit::UNAVAILABLE,
        ApiError::Denied(_) => exit::NO_PERMISSION,
    };
    complain(refusal.text().1, code)
}

/// Version, commit and target; the latter as openwrt/build gives them.
fn identity() -> String {
    let commit = option_env!("LEASH_COMMIT").filter(|commit| !commit.is_empty()).unwrap_or("commit unknown");
    let target = option_env!("LEASH_TARGET").unwrap_or(std::env::consts::ARCH);
    format!("leash {} ({commit}, {target})", env!("CARGO_PKG_VERSION"))
}

/// Brings orders into the settings.
fn keep(daemon: &Client) -> u8 {
    let ask = |method| daemon.ask(method, &json!({}));
    let written = ask("orders").and_then(|orders| uci_commit::write(&orders).map_err(ApiError::Failed));
    let read = |written| ask("reload").and_then(|_| ask("orders")).map(|left| (written, left));
    match written.and_then(|written| if written > 0 { read(written) } else { Ok((0, json!({}))) }) {
        Ok((0, _)) => say("the settings have all orders", 0),
        Ok((n, left)) => match uci::batch("", &left) {
            Ok((0, _)) => say(&format!("{} written into the settings", units::count(n as u64, "order")), 0),
            _ => complain("not all orders came into the settings: look at them with: leash check", exit::UNAVAILABLE),
        },
        Err(refusal) => refuse(&refusal),
    }
}

fn run_daemon(path: &Path) -> u8 {
    logger::start();
    match daemon::run(path) {
        Ok(()) => 0,
        Err(says) => complain(&says, exit::UNAVAILABLE),
    }
}

fn check(path: &Path) -> u8 {
    let text = match progress::text(path) {
        Ok(text) => text,
        Err(error) => return complain(&format!("{}: {error}", path.display()), exit::NO_INPUT),
    };
    let (_, problems) = config::parse(&text, &detect::NAMES);
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
