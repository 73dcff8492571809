//! Log lines: to standard error, or to the system's log with their own severity where the environment names its socket.
//! procd would log all that it reads of standard error as errors.

use crate::live::clock;
use crate::time::Wall;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// The months, three letters each.
const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
/// The facility of daemons (RFC 5424, section 6.2.1).
const DAEMON: u8 = 3;

struct Logger {
    /// The socket of the system's log.
    syslog: Option<PathBuf>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record) {
        let (word, severity) = match record.level() {
            Level::Error => ("error: ", 3),
            Level::Warn => ("warning: ", 4),
            Level::Info => ("", 6),
            Level::Debug => ("debug: ", 7),
            Level::Trace => ("trace: ", 7),
        };
        let text = record.args().to_string();
        let sent = self.syslog.as_deref().is_some_and(|socket| send(socket, severity, &text).is_ok());
        if !sent {
            let _ = writeln!(io::stderr(), "leash: {word}{text}");
        }
    }

    fn flush(&self) {}
}

/// Sends a line to the system's log. A log that does not read holds nobody up.
fn send(socket: &Path, severity: u8, text: &str) -> io::Result<()> {
    let out = UnixDatagram::unbound()?;
    out.set_nonblocking(true)?;
    let (priority, date) = (DAEMON << 3 | severity, date(clock::now().wall));
    let line = format!("<{priority}>{date} leash[{}]: {text}", std::process::id());
    out.send_to(line.as_bytes(), socket).map(drop)
}

/// Returns a date as it stands in such a line, `Nov  6 08:15:27` (RFC 3164, section 4.1.2), in UTC as C libraries have it.
fn date(wall: Wall) -> String {
    let date = wall.date();
    let number = |at: std::ops::Range<usize>| date.get(at).and_then(|digits| digits.parse::<usize>().ok());
    let month = number(5..7).and_then(|month| MONTHS.get(3 * month - 3..3 * month)).unwrap_or("Jan");
    format!("{month} {:2} {}", number(8..10).unwrap_or(1), date.get(11..).unwrap_or_default())
}

/// Logs from now on at info, or at the level that LEASH_LOG in the environment names, and to the socket that LEASH_SYSLOG
/// names.
pub fn start() {
    let level = std::env::var("LEASH_LOG").ok().and_then(|word| word.parse().ok()).unwrap_or(LevelFilter::Info);
    let syslog = std::env::var_os("LEASH_SYSLOG").map(PathBuf::from);
    if log::set_logger(Box::leak(Box::new(Logger { syslog }))).is_ok() {
        log::set_max_level(level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_log_gets_each_line_with_its_severity() {
        let path = std::env::temp_dir().join(format!("leash-log-{}", std::process::id()));
        let log = UnixDatagram::bind(&path).unwrap();
        let logger = Logger { syslog: Some(path.clone()) };
        for (level, priority) in [(Level::Error, 27), (Level::Warn, 28), (Level::Info, 30), (Level::Debug, 31)] {
            logger.log(&Record::builder().level(level).args(format_args!("a source is lost")).build());
            let mut line = [0; 99];
            let length = log.recv(&mut line).unwrap();
            let line = String::from_utf8_lossy(&line[..length]).to_string();
            let end = format!(" leash[{}]: a source is lost", std::process::id());
            assert!(line.starts_with(&format!("<{priority}>")) && line.ends_with(&end), "{line}");
        }
        assert_eq!(date(Wall::secs(1_794_125_727)), "Nov  8 08:15:27");
        std::fs::remove_file(path).unwrap();
    }
}
