//! The commands that ask a running leash.

use crate::anonymise::Anonymiser;
use crate::api::ApiError;
use crate::cli::print;
use crate::cli::report::Style;
use crate::cli::{complain, exit, refuse};
use crate::config::{Config, UBUS};
use crate::event;
use crate::live::{control, ubus};
use crate::time::Clock;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The running daemon, as one calls it.
pub struct Client {
    /// Its control socket, if it is not where it always is.
    pub socket: Option<PathBuf>,
    /// JSON instead of text.
    pub json: bool,
}

impl Client {
    /// Where the control socket is.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| Config::default().daemon.socket)
    }

    /// The bus, where there is one, and no control socket.
    fn bus(&self) -> Option<&Path> {
        let path = Path::new(UBUS);
        let absent = self.socket.is_none() && ubus::is_present(path) && !control::answers(&self.socket());
        absent.then_some(path)
    }

    /// Calls a method over the control socket, or else over ubus.
    pub fn ask(&self, method: &str, params: &Value) -> Result<Value, ApiError> {
        let result = control::call(&self.socket(), method, params);
        let bus = if matches!(result, Err(ApiError::Failed(_))) { self.bus() } else { None };
        bus.map_or(result, |bus| ubus::call(bus, method, params))
    }

    /// Asks and prints.
    pub fn show(&self, method: &str, params: &Value, text: &dyn Fn(&Value, Style) -> String) -> io::Result<u8> {
        self.judge(method, params, text, &|_| 0)
    }

    /// The same, with an exit code that the answer decides.
    fn judge(
        &self,
        method: &str,
        params: &Value,
        text: &dyn Fn(&Value, Style) -> String,
        code: &dyn Fn(&Value) -> u8,
    ) -> io::Result<u8> {
        let value = match self.ask(method, params) {
            Ok(value) => value,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{value}")?;
        } else {
            out.write_all(text(&value, Style::of_terminal()).as_bytes())?;
        }
        Ok(code(&value))
    }

    pub fn overview(&self) -> io::Result<u8> {
        let status = match self.ask("status", &json!({})) {
            Ok(status) => status,
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        let whole = |devices: &Value| json!({ "status": status, "devices": devices["devices"] });
        self.show("devices", &json!({}), &|devices, style| print::overview(&whole(devices), style))
    }

    /// Orders, and says in a line what was done.
    pub fn order(&self, method: &str, params: &Value) -> io::Result<u8> {
        self.show(method, params, &|value, _| print::done(method, value))
    }

    pub fn doctor(&self) -> io::Result<u8> {
        let complains = |value: &Value| value["complaints"].as_array().is_some_and(|all| !all.is_empty());
        self.judge("doctor", &json!({}), &print::doctor, &|value| u8::from(complains(value)))
    }

    pub fn watch(&self) -> io::Result<u8> {
        let watch = || control::listen(&self.socket(), "watch", &json!({}));
        let lines: Box<dyn Iterator<Item = Result<Value, ApiError>>> = match self.bus() {
            // The first line says only that it begins.
            None => match watch() {
                Ok(lines) => {
                    Box::new(lines.enumerate().filter(|(i, line)| *i > 0 || line.is_err()).map(|(_, line)| line))
                }
                Err(refusal) => return Ok(refuse(&refusal)),
            },
            Some(bus) => match ubus::listen(bus) {
                Ok(lines) => Box::new(lines),
                Err(refusal) => return Ok(refuse(&refusal)),
            },
        };
        let style = Style::of_terminal();
        for line in lines {
            match line {
                Err(refusal) => return Ok(refuse(&refusal)),
                Ok(record) if self.json => writeln!(io::stdout(), "{record}")?,
                Ok(record) => writeln!(io::stdout(), "{}", print::record(&record, style))?,
            }
        }
        Ok(complain("leash was stopped", exit::UNAVAILABLE))
    }

    pub fn record(&self, anonymise: bool) -> io::Result<u8> {
        let mut lines = match control::listen_raw(&self.socket(), "record", &json!({})) {
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
