//! Log lines to standard error, which procd hands to the system's log.

use log::{Level, LevelFilter, Log, Metadata, Record};
use std::io::Write;

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record) {
        let word = match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            Level::Info => "",
            Level::Debug => "debug: ",
            Level::Trace => "trace: ",
        };
        let _ = writeln!(std::io::stderr(), "leash: {word}{}", record.args());
    }

    fn flush(&self) {}
}

/// Logs from now on at info, or at the level that LEASH_LOG in the environment names.
pub fn start() {
    let level = std::env::var("LEASH_LOG").ok().and_then(|word| word.parse().ok()).unwrap_or(LevelFilter::Info);
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(level);
    }
}
