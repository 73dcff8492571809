//! The commands that ask a running leash.

use super::{complain, exit, refuse};
use crate::anonymise::Anonymiser;
use crate::event;
use crate::lists;
use crate::live::{control, terminal};
use crate::table::Style;
use crate::time::Clock;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// The running daemon, as one calls it.
pub struct Client {
    /// Its control socket.
    pub socket: PathBuf,
    /// JSON instead of text.
    pub json: bool,
}

impl Client {
    /// Asks and prints.
    pub fn show(&self, method: &str, params: &Value, text: impl Fn(&Value, Style) -> String) -> io::Result<u8> {
        self.judge(method, params, text, |_| 0)
    }

    /// The same, with an exit code that the answer decides.
    fn judge(
        &self,
        method: &str,
        params: &Value,
        text: impl Fn(&Value, Style) -> String,
        code: impl Fn(&Value) -> u8,
    ) -> io::Result<u8> {
        let value = match control::ask(&self.socket, method, params) {
            Ok(value) => value,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{value}")?,
            false => out.write_all(text(&value, terminal::style()).as_bytes())?,
        }
        Ok(code(&value))
    }

    pub fn overview(&self) -> io::Result<u8> {
        let status = match control::ask(&self.socket, "status", &json!({})) {
            Ok(status) => status,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let whole = |devices: &Value| json!({ "status": status, "devices": devices["devices"] });
        self.show("devices", &json!({}), |devices, style| lists::overview(&whole(devices), style))
    }

    /// Orders, and says in a line what was done.
    pub fn order(&self, method: &str, params: &Value) -> io::Result<u8> {
        self.show(method, params, |value, _| lists::done(method, value))
    }

    pub fn doctor(&self) -> io::Result<u8> {
        let complains = |value: &Value| value["complaints"].as_array().is_some_and(|all| !all.is_empty());
        self.judge("doctor", &json!({}), lists::doctor, |value| u8::from(complains(value)))
    }

    pub fn watch(&self) -> io::Result<u8> {
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

    pub fn record(&self, anonymise: bool) -> io::Result<u8> {
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
