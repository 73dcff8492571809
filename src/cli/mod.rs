//! The command line: arguments, what they ask for, and the exit code.

mod arguments;
mod client;
mod files;
mod output;
mod print;
pub mod report;
mod text;
mod weekly;

use crate::api::ApiError;
use crate::cli::arguments::{Arguments, Command, GroupCommand, NotifyCommand, SETTINGS};
use crate::cli::client::Client;
use crate::cli::output::{Failure, exit, say};
use crate::config::uci;
use crate::live::{clock, daemon, logger, notify, rdap, uci_commit};
use crate::units;
use argh::FromArgs;
use serde_json::json;
use std::path::Path;

/// Runs the command that `arguments` (without the program's name) ask for. Returns the exit code.
pub fn run(arguments: &[&str]) -> u8 {
    clock::use_routers_zone();
    match Arguments::from_args(&["leash"], &global_first(arguments)) {
        Ok(arguments) => execute(arguments).unwrap_or_else(Failure::report),
        Err(early) if early.status.is_ok() => {
            say(&early.output);
            0
        }
        Err(early) => Failure::new(early.output.trim_end(), exit::USAGE).report(),
    }
}

fn execute(Arguments { json, socket, version, command }: Arguments) -> Result<u8, Failure> {
    if version {
        say(&identity());
        return Ok(0);
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
    match command {
        None => daemon.overview(),
        Some(Command::Devices(_)) => daemon.show("devices", &json!({}), &print::devices),
        Some(Command::Device(c)) => daemon.show("device", &device(&c.device), &print::device),
        Some(Command::Findings(c)) => {
            daemon.show("findings", &c.device.as_deref().map_or(json!({}), device), &print::findings)
        }
        Some(Command::Blocks(_)) => daemon.show("blocks", &json!({}), &print::blocks),
        Some(Command::Pins(_)) => daemon.show("pins", &json!({}), &print::pins),
        Some(Command::History(_)) => daemon.show("history", &json!({}), &print::history),
        Some(Command::Report(c)) => {
            let params = c.since.map_or(json!({}), |since| json!({ "since": since }));
            daemon.show("report", &params, if c.html { &weekly::html } else { &weekly::report })
        }
        Some(Command::Watch(_)) => daemon.watch(),
        Some(Command::Name(c)) => daemon.order("set_name", &json!({ "device": c.device, "name": c.name })),
        Some(Command::Mode(c)) => daemon.order("set_mode", &json!({ "device": c.device, "mode": c.mode })),
        Some(Command::Type(c)) => daemon.order("set_type", &json!({ "device": c.device, "type": c.kind })),
        Some(Command::Group(c)) => group(&daemon, &c),
        Some(Command::Join(c)) => daemon.order("join", &json!({ "device": c.device, "with": c.with })),
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
        Some(Command::House(_)) => daemon.show("house", &json!({}), &print::house),
        Some(Command::Status(_)) => daemon.show("status", &json!({}), &print::status),
        Some(Command::Detectors(_)) => daemon.show("detectors", &json!({}), &print::detectors),
        Some(Command::Reload(_)) => daemon.order("reload", &json!({})),
        Some(Command::Keep(_)) => keep(&daemon),
        Some(Command::Notify(NotifyCommand { test, folder, alerts, shipped })) => {
            let places = notify::Places { folder, alerts, shipped };
            if test {
                return Ok(notify::test(&places, json));
            }
            logger::start();
            notify::run(&daemon.socket(), &places)
        }
        Some(Command::Rdap(c)) => {
            logger::start();
            rdap::run(&daemon.socket(), &c.servers, &c.kept)
        }
        Some(Command::Run(c)) => run_daemon(&c.config),
        Some(Command::Check(c)) => check(&c.file),
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
            None => daemon.record(command.config.as_deref().unwrap_or(Path::new(SETTINGS)), command.anonymise),
        },
    }
}

/// Returns the arguments with `--json` and `--socket PATH`, which may stand anywhere, before the others. A file `-` gets
/// the name of standard input, since argh takes it for an option.
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
            "-" if matches!(rest.first(), Some(&"replay" | &"check")) => rest.push("/dev/stdin"),
            other => rest.push(other),
        }
    }
    first.extend(rest);
    first
}

/// Puts devices into a group, and sets its mode.
fn group(daemon: &Client, GroupCommand { mode, group, devices }: &GroupCommand) -> Result<u8, Failure> {
    if devices.is_empty() && mode.is_none() {
        return Err(Failure::new("group needs devices, or --mode: leash group kitchen kettle lamp", exit::USAGE));
    }
    for device in devices {
        daemon.order("set_group", &json!({ "device": device, "group": group }))?;
    }
    mode.as_ref().map_or(Ok(0), |mode| daemon.order("set_group_mode", &json!({ "group": group, "mode": mode })))
}

/// Returns version, commit and target. openwrt/build sets the last two.
fn identity() -> String {
    let commit = option_env!("LEASH_COMMIT").filter(|commit| !commit.is_empty()).unwrap_or("commit unknown");
    let target = option_env!("LEASH_TARGET").unwrap_or(std::env::consts::ARCH);
    format!("leash {} ({commit}, {target})", env!("CARGO_PKG_VERSION"))
}

/// Writes orders into the settings.
fn keep(daemon: &Client) -> Result<u8, Failure> {
    let ask = |method| daemon.ask(method, &json!({}));
    let written = uci_commit::write(&ask("orders")?).map_err(ApiError::Failed)?;
    if written == 0 {
        say("the settings have all orders already");
        return Ok(0);
    }
    ask("reload")?;
    match uci::batch("", &ask("orders")?) {
        Ok((0, _)) => {
            say(&format!("{} written into the settings", units::count(written as u64, "order")));
            Ok(0)
        }
        _ => Err(Failure::new("some orders are not in the settings; see why with: leash check", exit::UNAVAILABLE)),
    }
}

fn run_daemon(path: &Path) -> Result<u8, Failure> {
    logger::start();
    daemon::run(path).map_err(|message| Failure::new(message, exit::UNAVAILABLE))?;
    Ok(0)
}

fn check(path: &Path) -> Result<u8, Failure> {
    let (_, problems) = files::settings(path)?;
    if problems > 0 {
        return Ok(exit::CONFIG);
    }
    say(&format!("{}: all is well", path.display()));
    Ok(0)
}
