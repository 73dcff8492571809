//! The commands that ask a running leash.

use crate::anonymise::Anonymiser;
use crate::api::ApiError;
use crate::cli::arguments::SETTINGS;
use crate::cli::output::{Failure, exit};
use crate::cli::print;
use crate::cli::text::{Style, list};
use crate::config::{self, Config, UBUS};
use crate::detect;
use crate::event;
use crate::live::{control, progress, ubus};
use crate::time::Clock;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes the text of an answer.
type Text<'a> = &'a dyn Fn(&Value, Style) -> String;

/// A caller of the running daemon.
pub struct Client {
    /// The daemon's control socket; absent: the default one.
    pub socket: Option<PathBuf>,
    /// Whether answers are shown as JSON instead of text.
    pub json: bool,
}

impl Client {
    /// Returns the path of the control socket.
    pub fn socket(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| Config::default().daemon.socket)
    }

    /// Returns the path of ubusd's socket where the daemon can only be reached over ubus.
    fn bus(&self) -> Option<&Path> {
        let path = Path::new(UBUS);
        let only_bus = self.socket.is_none() && ubus::is_present(path) && !control::answers(&self.socket());
        only_bus.then_some(path)
    }

    /// Calls a method over the control socket, or else over ubus.
    pub fn ask(&self, method: &str, params: &Value) -> Result<Value, ApiError> {
        let result = control::call(&self.socket(), method, params);
        let bus = if matches!(result, Err(ApiError::Failed(_))) { self.bus() } else { None };
        bus.map_or(result, |bus| ubus::call(bus, method, params)).map_err(|error| self.explain(error))
    }

    /// Says so where a leash that cannot be reached is switched off in its settings: to start it would do nothing.
    fn explain(&self, error: ApiError) -> ApiError {
        let text =
            if self.socket.is_none() { progress::text(Path::new(SETTINGS)).unwrap_or_default() } else { String::new() };
        match error {
            ApiError::Failed(_) if is_switched_off(&text) => ApiError::Failed(format!(
                "leash is switched off in {SETTINGS}; switch it on with: uci set leash.main.enabled=1; uci commit leash; \
                 service leash start"
            )),
            error => error,
        }
    }

    /// Calls a method and shows its answer. Returns exit code 0.
    pub fn show(&self, method: &str, params: &Value, text: Text) -> Result<u8, Failure> {
        let value = self.ask(method, params)?;
        self.write(&value, text)?;
        Ok(0)
    }

    fn write(&self, value: &Value, text: Text) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json { writeln!(out, "{value}") } else { out.write_all(text(value, Style::of_terminal()).as_bytes()) }
    }

    /// Shows the house at a glance. Returns exit code 0.
    pub fn overview(&self) -> Result<u8, Failure> {
        // In this order: status then has the verdicts that were counted for the devices.
        let devices = self.ask("devices", &json!({}))?;
        let status = self.ask("status", &json!({}))?;
        let whole = |devices: &Value| json!({ "status": status, "devices": devices["devices"] });
        self.write(&devices, &|devices, style| print::overview(&whole(devices), style))?;
        Ok(0)
    }

    /// Gives an order and says in a line what was done. Returns exit code 0.
    pub fn order(&self, method: &str, params: &Value) -> Result<u8, Failure> {
        self.show(method, params, &|value, _| print::done(method, value))
    }

    /// Shows what is wrong with leash itself. Returns exit code 1 when anything is.
    pub fn doctor(&self) -> Result<u8, Failure> {
        let value = self.ask("doctor", &json!({}))?;
        self.write(&value, &print::doctor)?;
        Ok(u8::from(!list(&value, "complaints").is_empty()))
    }

    /// Shows what happens until the daemon stops.
    pub fn watch(&self) -> Result<u8, Failure> {
        let records: Box<dyn Iterator<Item = Result<Value, ApiError>>> = match self.bus() {
            Some(bus) => {
                // The bus is there, whether leash is or not.
                self.ask("pins", &json!({}))?;
                Box::new(ubus::listen(bus)?)
            }
            None => {
                let lines = control::listen(&self.socket(), "watch", &json!({}));
                let mut lines = lines.map_err(|error| self.explain(error))?;
                // The first line is the answer to the call.
                lines.next().transpose()?;
                Box::new(lines)
            }
        };
        for record in records {
            self.write(&record?, &|record, style| print::record(record, style) + "\n")?;
        }
        Err(stopped())
    }

    /// Writes events until the daemon stops, behind the settings that bear on verdicts, so that a replay comes to the same.
    /// `settings` is the daemon's file of settings.
    pub fn record(&self, settings: &Path, anonymise: bool) -> Result<u8, Failure> {
        let lines = control::listen_raw(&self.socket(), "record", &json!({}));
        let mut lines = lines.map_err(|error| self.explain(error))?;
        let answer: Value =
            lines.next().transpose()?.and_then(|line| serde_json::from_str(&line).ok()).unwrap_or_default();
        if let Some(message) = answer.get("error").and_then(Value::as_str) {
            return Err(Failure::new(message, exit::NO_PERMISSION));
        }
        writeln!(io::stdout(), "{}", event::HEADER)?;
        // They hold names and hardware addresses as they are.
        let settings = if anonymise { String::new() } else { progress::text(settings).unwrap_or_default() };
        write!(io::stdout(), "{}", event::write_settings(&settings))?;
        let (mut anonymiser, mut clock) = (Anonymiser::default(), Clock::default());
        for line in lines {
            let mut line = line?;
            if anonymise && let Ok((event, stamp)) = event::read(&line, &mut clock) {
                line = event::write(&anonymiser.map(event), stamp, &clock);
            }
            writeln!(io::stdout(), "{line}")?;
        }
        Err(stopped())
    }
}

fn stopped() -> Failure {
    Failure::new("leash was stopped", exit::UNAVAILABLE)
}

/// Returns whether these settings keep leash from starting.
fn is_switched_off(settings: &str) -> bool {
    !config::parse(settings, &detect::NAMES).0.daemon.enabled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_switch_leash_off() {
        let off =
            ["", "config leash main", "config leash\n option enabled 1", "config leash main\n\toption enabled '0'"];
        assert_eq!(off.map(is_switched_off), [false, false, false, true]);
    }
}
