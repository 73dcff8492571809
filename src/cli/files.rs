//! The commands that read captures and event files.

use crate::anonymise::Anonymiser;
use crate::cli::arguments::{ExplainCommand, RecordCommand, ReplayCommand};
use crate::cli::report::{self, Report, Style};
use crate::cli::{complain, exit};
use crate::config::{self, Config};
use crate::detect;
use crate::engine::{Action, EndedFlow, Engine};
use crate::event;
use crate::limits;
use crate::live::{progress, reference};
use crate::replay::{Replay, ReplayError};
use crate::time::Stamp;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// An engine with the settings of a file and what they name, with a line for each problem; the defaults without one. The error is the exit code.
fn engine(path: Option<&Path>) -> Result<Engine, u8> {
    let Some(path) = path else { return Ok(Engine::new(Config::default())) };
    let text =
        progress::text(path).map_err(|error| complain(&format!("{}: {error}", path.display()), exit::NO_INPUT))?;
    let (config, problems) = config::parse(&text, &detect::NAMES);
    for problem in problems {
        complain(&format!("{}: {problem}", path.display()), 0);
    }
    let mut engine = Engine::new(config);
    for problem in reference::load_named(&mut engine, Stamp::default()) {
        complain(&problem.to_string(), 0);
    }
    Ok(engine)
}

/// Reads all files; what is wrong with one is said, and ends the reading. Gives the exit code.
fn read(
    files: &[&Path],
    lan: &[IpNet],
    private: &[String],
    sink: crate::replay::Sink,
    end: &mut dyn FnMut(crate::time::Stamp),
) -> u8 {
    let mut replay = Replay::new(lan.to_vec(), private.to_vec());
    let mut code = 0;
    for path in files {
        let result = match progress::open(path) {
            Ok(input) => replay.read(input, sink),
            Err(error) => Err(ReplayError::Input(error)),
        };
        if let Err(problem) = result {
            code = if matches!(problem, ReplayError::Input(_)) { exit::NO_INPUT } else { exit::DATA };
            complain(&format!("{}: {problem}; the report is partial", path.display()), code);
            break;
        }
    }
    end(replay.finish(sink));
    code
}

pub fn replay(command: &ReplayCommand, json: bool) -> io::Result<u8> {
    if command.files.is_empty() {
        return Ok(complain("replay needs a file: leash replay FILE...", exit::USAGE));
    }
    let mut engine = match engine(command.config.as_deref()) {
        Ok(engine) => engine,
        Err(code) => return Ok(code),
    };
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
    let (mut failed, mut last) = (None, None);
    let code = read(
        &files,
        &command.lan,
        &private,
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
        let mut report = Report::new(Style::of_terminal());
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

pub fn explain(command: &ExplainCommand, from: &Path, json: bool) -> io::Result<u8> {
    let mut engine = match engine(command.config.as_deref()) {
        Ok(engine) => engine,
        Err(code) => return Ok(code),
    };
    let private = engine.config().private.clone();
    let mut last = None;
    let code = read(
        &[from],
        &command.lan,
        &private,
        &mut |event, stamp, _| {
            engine.handle(event, stamp);
            engine.drain().for_each(drop);
        },
        &mut |stamp| last = Some(stamp),
    );
    engine.finish(last.unwrap_or_default());
    let Some(id) = engine.find(&command.device) else {
        let known: Vec<Value> = engine.devices().collect();
        let known: Vec<&str> = known.iter().map(report::label).collect();
        let sentence = format!("no device is called '{}'; there are: {}", command.device, known.join(", "));
        return Ok(complain(&sentence, if code == 0 { exit::UNAVAILABLE } else { code }));
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

pub fn record(command: &RecordCommand, from: &Path) -> io::Result<u8> {
    let private = match engine(command.config.as_deref()) {
        Ok(engine) => engine.config().private.clone(),
        Err(code) => return Ok(code),
    };
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    writeln!(out, "{}", event::HEADER)?;
    let mut anonymiser = command.anonymise.then(Anonymiser::default);
    let mut failed = None;
    let code = read(
        &[from],
        &command.lan,
        &private,
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
