//! Asks registries by RDAP when the names were registered that the house calls. A process of its own does this, with no
//! right that other programs lack, and leaves HTTPS to the program that OpenWrt has for it.

use crate::live::control;
use crate::time::Wall;
use crate::wire::rdap::{registration_day, url};
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often the daemon is asked for names, and the least time between two questions to registries.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long the list of servers is kept, which IANA asks to be done (RFC 9224 section 8).
const SERVERS_KEPT: Duration = Duration::from_secs(7 * 86_400);
/// How soon a list that could not be had is asked for again.
const SERVERS_RETRY: Duration = Duration::from_secs(600);
/// The most that is read of an answer, in bytes. IANA's list has 50 kB.
const ANSWER_MAX: u64 = 500_000;
/// The most that is kept of what was asked, in bytes.
const KEPT_MAX: usize = 60_000;

/// Asks for the names that the daemon at `socket` has to date, by the servers on the list at `servers`, and keeps the
/// answers in the file `kept`, so that no name is asked for twice. Never returns: a signal ends it.
pub fn run(socket: &Path, servers: &str, kept: &Path) -> ! {
    let mut list: Option<(Value, Instant)> = None;
    let mut retry_at = Instant::now();
    loop {
        sleep(ASK_EVERY);
        let Ok(answer) = control::call(socket, "undated", &json!({})) else { continue };
        let names = answer["names"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in names {
            let day = match recall(kept, name) {
                Some(day) => day,
                None => {
                    if list.as_ref().is_none_or(|(_, at)| at.elapsed() > SERVERS_KEPT) && Instant::now() >= retry_at {
                        match fetch(servers) {
                            Ok(servers) => list = Some((servers, Instant::now())),
                            Err(problem) => {
                                log::warn!("the list of RDAP's servers cannot be had: {problem}");
                                retry_at = Instant::now() + SERVERS_RETRY;
                            }
                        }
                    }
                    let Some((servers, _)) = &list else { break };
                    let day = url(servers, name).and_then(|url| registration_day(&fetch(&url).ok()?));
                    if let Err(error) = keep(kept, name, day) {
                        log::warn!("{} cannot be written: {error}", kept.display());
                    }
                    sleep(ASK_EVERY);
                    day
                }
            };
            let date = day.map_or(String::new(), date);
            let _ = control::call(socket, "dated", &json!({ "name": name, "date": date }));
        }
    }
}

fn date(day: u16) -> String {
    let mut date = Wall(i64::from(day) * 86_400_000_000).date();
    date.truncate(10);
    date
}

/// Returns what was found out about a name before; absent if it was not asked for.
fn recall(kept: &Path, name: &str) -> Option<Option<u16>> {
    let text = fs::read_to_string(kept).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(line.parse().ok())
}

/// Adds a name to those that were asked for. A file that is full loses its older half.
fn keep(kept: &Path, name: &str, day: Option<u16>) -> io::Result<()> {
    let line = format!("{name} {}\n", day.map_or("-".into(), |day| day.to_string()));
    let full = fs::metadata(kept).is_ok_and(|data| data.len() as usize + line.len() > KEPT_MAX);
    if full {
        let text = fs::read_to_string(kept)?;
        let half = text.len() / 2;
        let from = text.bytes().skip(half).position(|b| b == b'\n').map_or(text.len(), |at| half + at + 1);
        fs::write(kept, text.get(from..).unwrap_or_default())?;
    }
    OpenOptions::new().append(true).create(true).open(kept)?.write_all(line.as_bytes())
}

/// Returns what an address of HTTPS yields, as JSON. The error is a sentence.
fn fetch(url: &str) -> Result<Value, String> {
    let curl = ["-fsSL", "--proto", "=https", "-m", "15", "-H", "Accept: application/rdap+json", "--", url];
    let uclient = ["-q", "-T", "15", "-O", "-", url];
    let spawn = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
    };
    let child = match spawn("curl", &curl) {
        Err(error) if error.kind() == ErrorKind::NotFound => spawn("uclient-fetch", &uclient),
        child => child,
    };
    let mut child = child.map_err(|error| format!("neither curl nor uclient-fetch can be started: {error}"))?;
    let mut answer = Vec::new();
    let read = child.stdout.take().map(|out| out.take(ANSWER_MAX).read_to_end(&mut answer));
    let _ = child.kill();
    let _ = child.wait();
    match read {
        Some(Ok(_)) if !answer.is_empty() => {
            serde_json::from_slice(&answer).map_err(|error| format!("{url} did not answer with JSON: {error}"))
        }
        _ => Err(format!("{url} did not answer")),
    }
}
