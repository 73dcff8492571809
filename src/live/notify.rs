//! Alerts for people: what happens goes as JSON to the standard input of programs in a folder. A process of its own does
//! this, with no right that other programs lack, so that the daemon starts none.

use crate::live::control;
use crate::sentence;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The most programs of the folder that are called.
const HOOKS_MAX: usize = 8;
/// A program that takes longer is killed.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a program is asked whether it has ended.
const POLL_EVERY: Duration = Duration::from_millis(20);
/// Messages that may come at once, and the time after which one more may come.
const BURST: u32 = 10;
const REFILL_EVERY: Duration = Duration::from_secs(30);
/// How often a daemon that does not run is looked for.
const RECONNECT_EVERY: Duration = Duration::from_secs(5);

/// Passes on what happens. Never returns: a signal ends it.
pub fn run(socket: &Path, folder: &Path) -> ! {
    let mut bucket = Bucket { tokens: BURST, refilled: Instant::now(), omitted: 0 };
    loop {
        if let Ok(lines) = control::listen(socket, "watch", &json!({})) {
            // The first line only says that the watch has begun.
            for mut record in lines.map_while(Result::ok).skip(1) {
                let Some(omitted) = bucket.take() else { continue };
                if omitted > 0 {
                    record["omitted"] = omitted.into();
                }
                for path in hooks(folder) {
                    if let Err(problem) = call(&path, &record) {
                        log::warn!("{}: {problem}", path.display());
                    }
                }
            }
        }
        sleep(RECONNECT_EVERY);
    }
}

/// Calls each program with an example, and prints how it went. Returns the exit code.
pub fn test(folder: &Path) -> u8 {
    let mut example = sentence!("%s is blocked: this is a test of leash's alerts", "203.0.113.9").json();
    for (key, value) in [
        ("time", json!(1_767_225_661.5)),
        ("kind", json!("block")),
        ("device", json!("02:00:00:00:00:20")),
        ("name", json!("bulb")),
        ("address", json!("203.0.113.9")),
        ("test", json!(true)),
    ] {
        example[key] = value;
    }
    let hooks = hooks(folder);
    let mut out = io::stdout();
    if hooks.is_empty() {
        let _ = writeln!(out, "{} has no program that only its owner may change: see its README", folder.display());
        return 1;
    }
    let mut code = 0;
    for path in hooks {
        let result = call(&path, &example);
        code |= u8::from(result.is_err());
        let _ = writeln!(out, "{}: {}", path.display(), result.err().unwrap_or("done".into()));
    }
    code
}

/// Returns the programs in the order of their names, without those that others than their owner may change.
fn hooks(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_hook = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o122 == 0o100)
    };
    let mut hooks: Vec<PathBuf> = Vec::new();
    for path in entries.filter(is_hook) {
        // They are few, and sorting takes 9 KB of code.
        hooks.insert(hooks.partition_point(|known| known.as_os_str() < path.as_os_str()), path);
    }
    hooks.truncate(HOOKS_MAX);
    hooks
}

/// Runs one program to its end, or kills it after [`TIMEOUT`]. The error is a sentence.
fn call(path: &Path, record: &Value) -> Result<(), String> {
    let fail = |error: io::Error| format!("it cannot be run: {error}");
    let mut child = Command::new(path).process_group(0).stdin(Stdio::piped()).spawn().map_err(fail)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input has its reasons; a line fits into the pipe.
        let _ = writeln!(stdin, "{record}");
    }
    let started = Instant::now();
    while started.elapsed() < TIMEOUT {
        match child.try_wait().map_err(fail)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("it failed: {status}")),
            None => sleep(POLL_EVERY),
        }
    }
    kill(&mut child);
    Err(format!("it took longer than {} s and was ended", TIMEOUT.as_secs()))
}

/// Kills a program and what it started.
fn kill(child: &mut Child) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;
    let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
    let _ = child.wait();
}

/// A token bucket: how many messages may still come.
struct Bucket {
    tokens: u32,
    refilled: Instant,
    /// Messages that could not come since the last one that did.
    omitted: u32,
}

impl Bucket {
    /// Returns how many messages were omitted before this one; none where this one is omitted, too.
    fn take(&mut self) -> Option<u32> {
        let earned = (self.refilled.elapsed().as_secs() / REFILL_EVERY.as_secs()) as u32;
        self.refilled += REFILL_EVERY * earned;
        self.tokens = self.tokens.saturating_add(earned).min(BURST);
        if self.tokens == 0 {
            self.omitted = self.omitted.saturating_add(1);
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.omitted))
    }
}
