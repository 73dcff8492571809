//! The commands that read captures and event files.

use crate::anonymise::Anonymiser;
use crate::cli::arguments::{ExplainCommand, RecordCommand, ReplayCommand};
use crate::cli::output::{Failure, complain, exit};
use crate::cli::report::{self, Report};
use crate::cli::text::{Style, label};
use crate::config::{self, Config};
use crate::detect;
use crate::engine::{Action, EndedFlow, Engine};
use crate::event;
use crate::limits;
use crate::live::progress;
use crate::live::reference::{self, Reference};
use crate::replay::{Replay, ReplayError, Sink};
use crate::time::Stamp;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Reads the settings of a file, and complains of each problem with them. Returns how many problems there are, too.
pub fn settings(path: &Path) -> Result<(Config, usize), Failure> {
    let wrong = |error| Failure::new(format!("{}: {error}", path.display()), exit::NO_INPUT);
    let (config, problems) = config::parse(&progress::text(path).map_err(wrong)?, &detect::NAMES);
    for problem in &problems {
        complain(&format!("{}: {problem}", path.display()));
    }
    Ok((config, problems.len()))
}

/// Returns an engine with the settings of a file and the lists and networks that they name, or else with those at the
/// beginning of the recording that is read, or the defaults. Complains of each problem with the settings.
fn engine(path: Option<&Path>, recording: &Path) -> Result<Engine, Failure> {
    let Some(path) = path else {
        let head = if progress::is_standard_input(recording) {
            String::new()
        } else {
            progress::head(recording, event::is_comment)
        };
        return Ok(Engine::new(config::parse(&event::read_settings(&head), &detect::NAMES).0));
    };
    let mut engine = Engine::new(settings(path)?.0);
    for problem in reference::load_named(&mut engine, Stamp::default()) {
        complain(&problem.to_string());
    }
    Ok(engine)
}

/// Looks up who made the devices, where the settings name a file that tells.
fn name_makers(engine: &mut Engine) {
    if engine.config().daemon.vendors.is_some() {
        let (mut reference, macs) = (Reference::default(), engine.macs());
        reference.set_vendors(engine, &macs);
        reference.complaints().for_each(|problem| complain(&problem.message.to_string()));
    }
}

/// Reads files one after the other, and stops with a complaint at the first that is wrong. Returns the exit code, and
/// when the last file ends.
fn read(files: &[&Path], lan: &[IpNet], private: &[String], sink: Sink) -> (u8, Stamp) {
    let mut replay = Replay::new(lan.to_vec(), private.to_vec());
    let mut code = 0;
    for path in files {
        let result = match progress::open(path) {
            Ok(input) => replay.read(input, sink),
            Err(error) => Err(ReplayError::Input(error)),
        };
        if let Err(problem) = result {
            code = if matches!(problem, ReplayError::Input(_)) { exit::NO_INPUT } else { exit::DATA };
            complain(&format!("{}: {problem}; the report is partial", path.display()));
            break;
        }
        if let Some(skipped) = replay.skipped() {
            complain(&format!("{}: {skipped}", path.display()));
        }
    }
    (code, replay.finish(sink))
}

/// Refuses to read standard input twice: the second time there is nothing left.
fn read_once<'a>(files: impl IntoIterator<Item = &'a Path>, config: Option<&'a Path>) -> Result<(), Failure> {
    if files.into_iter().chain(config).filter(|path| progress::is_standard_input(path)).count() > 1 {
        return Err(Failure::new(
            "standard input can be read only once, so `-` cannot stand for two files",
            exit::USAGE,
        ));
    }
    Ok(())
}

/// Runs `leash replay`. Returns the exit code.
pub fn replay(command: &ReplayCommand, json: bool) -> Result<u8, Failure> {
    if command.files.is_empty() {
        return Err(Failure::new("replay needs a file: leash replay FILE...", exit::USAGE));
    }
    read_once(command.files.iter().map(PathBuf::as_path), command.config.as_deref())?;
    let mut engine = engine(command.config.as_deref(), &command.files[0])?;
    let private = engine.config().private.clone();
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut flows = FlowLines::new(json);
    if command.flows {
        engine.report_flows();
        if json {
            out.write_all(b"{\"flows\":[")?;
        }
    }
    let files: Vec<&Path> = command.files.iter().map(PathBuf::as_path).collect();
    let mut failed = None;
    let (code, last) = read(&files, &command.lan, &private, &mut |event, stamp, _| {
        engine.handle(event, stamp);
        failed = failed.take().or(flows.take(&mut engine, &mut out).err());
    });
    failed.map_or(Ok(()), Err)?;
    engine.finish(last);
    flows.take(&mut engine, &mut out)?;
    flows.flush(&engine, &mut out)?;
    name_makers(&mut engine);
    if json {
        write_json(&engine, command.flows, code, &mut out)?;
    } else {
        let mut report = Report::new(Style::of_terminal());
        engine.devices().for_each(|device| report.device(&device));
        out.write_all(report.finish(&engine.summary()).as_bytes())?;
    }
    out.flush()?;
    Ok(code)
}

/// Writes the members of the report's object one by one, so that a large house is never held whole.
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
struct FlowLines {
    json: bool,
    first: bool,
    held: VecDeque<Box<EndedFlow>>,
}

impl FlowLines {
    fn new(json: bool) -> FlowLines {
        FlowLines { json, first: true, held: VecDeque::new() }
    }

    fn take(&mut self, engine: &mut Engine, out: &mut impl Write) -> io::Result<()> {
        let actions: Vec<Action> = engine.drain().collect();
        for action in actions {
            let Action::FlowEnded(ended) = action else { continue };
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

    fn write(&mut self, engine: &Engine, ended: &EndedFlow, out: &mut impl Write) -> io::Result<()> {
        let flow = engine.flow(ended);
        if !self.json {
            return writeln!(out, "{}", report::flow(&flow, Style::of_terminal()));
        }
        let comma = if std::mem::replace(&mut self.first, false) { "\n" } else { ",\n" };
        write!(out, "{comma}{flow}")
    }
}

/// Runs `leash explain --from FILE`. Returns the exit code.
pub fn explain(command: &ExplainCommand, from: &Path, json: bool) -> Result<u8, Failure> {
    read_once([from], command.config.as_deref())?;
    let mut engine = engine(command.config.as_deref(), from)?;
    let private = engine.config().private.clone();
    let (code, last) = read(&[from], &command.lan, &private, &mut |event, stamp, _| {
        engine.handle(event, stamp);
        engine.drain().for_each(drop);
    });
    engine.finish(last);
    let Some(id) = engine.find(&command.device) else {
        let known: Vec<Value> = engine.devices().collect();
        let known: Vec<&str> = known.iter().map(label).collect();
        let message = format!("no device is called '{}'; there are: {}", command.device, known.join(", "));
        return Err(Failure::new(message, if code == 0 { exit::UNAVAILABLE } else { code }));
    };
    let value = engine.explain(id, command.address);
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{value}")?;
    } else {
        out.write_all(report::explain(&value, Style::of_terminal()).as_bytes())?;
    }
    Ok(code)
}

/// Runs `leash record --from FILE`. Returns the exit code.
pub fn record(command: &RecordCommand, from: &Path) -> Result<u8, Failure> {
    read_once([from], command.config.as_deref())?;
    let private = engine(command.config.as_deref(), from)?.config().private.clone();
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    writeln!(out, "{}", event::HEADER)?;
    let mut anonymiser = command.anonymise.then(Anonymiser::default);
    let mut failed = None;
    let (code, _) = read(&[from], &command.lan, &private, &mut |event, stamp, clock| {
        let event = anonymiser.as_mut().map(|anonymiser| anonymiser.map(event.clone())).unwrap_or(event);
        failed = failed.take().or(writeln!(out, "{}", event::write(&event, stamp, clock)).err());
    });
    failed.map_or(Ok(()), Err)?;
    out.flush()?;
    Ok(code)
}
