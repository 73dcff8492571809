//! Alerts for people: what happens goes as JSON to the standard input of programs in a folder. It is a process of its own,
//! which may do nothing that other programs may not, so that the daemon starts none.

use crate::live::control;
use crate::sentence;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Programs in the folder; more are not called.
const HOOKS: usize = 8;
/// A program that takes longer is ended.
const LIMIT: Duration = Duration::from_secs(10);
/// Messages at once, and how long it takes until one more may come.
const BURST: u32 = 10;
const REFILL: Duration = Duration::from_secs(30);
/// A daemon that is not there is looked for again.
const RETRY: Duration = Duration::from_secs(5);

/// Passes on what happens until it is ended. Gives the exit code.
pub fn run(socket: &Path, folder: &Path) -> u8 {
    let mut messages = Bucket { tokens: BURST, since: Instant::now(), left_out: 0 };
    loop {
        if let Ok(lines) = control::listen(socket, "watch", &json!({})) {
            // The first line says only that it begins.
            for mut record in lines.map_while(Result::ok).skip(1) {
                let Some(left_out) = messages.take() else { continue };
                if left_out > 0 {
                    record["left_out"] = left_out.into();
                }
                for (path, says) in hooks(folder).iter().filter_map(|path| Some((path, call(path, &record).err()?))) {
                    log::warn!("{}: {says}", path.display());
                }
            }
        }
        sleep(RETRY);
    }
}

/// Calls each program with an example and says how it went. Gives the exit code.
pub fn test(folder: &Path) -> u8 {
    let mut example = json!({
        "time": 1_767_225_661.5, "kind": "block", "device": "02:00:00:00:00:20", "name": "bulb",
        "address": "203.0.113.9", "test": true
    });
    if let Some(example) = example.as_object_mut() {
        let address = IpAddr::from([203, 0, 113, 9]);
        sentence!("%s is blocked: this is a test of leash's alerts", address).put_into(example);
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

/// The programs, in the order of their names. One that others may change is none.
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
    hooks.truncate(HOOKS);
    hooks
}

/// Runs one program to its end, or to the end of our patience.
fn call(path: &Path, record: &Value) -> Result<(), String> {
    let fail = |error: io::Error| format!("it cannot be run: {error}");
    let mut child = Command::new(path).process_group(0).stdin(Stdio::piped()).spawn().map_err(fail)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input has its reasons; a line fits into the pipe.
        let _ = writeln!(stdin, "{record}");
    }
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        match child.try_wait().map_err(fail)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("it failed: {status}")),
            None => sleep(Duration::from_millis(20)),
        }
    }
    end(&mut child);
    Err(format!("it took longer than {} s and was ended", LIMIT.as_secs()))
}

/// Ends a program and what it started.
fn end(child: &mut Child) {
    use nix::sys::signal::{Signal, killpg};
    use nix::unistd::Pid;
    let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
    let _ = child.wait();
}

/// How many messages may still come.
struct Bucket {
    tokens: u32,
    since: Instant,
    left_out: u32,
}

impl Bucket {
    /// Whether one may come now, and how many could not before it.
    fn take(&mut self) -> Option<u32> {
        let earned = (self.since.elapsed().as_secs() / REFILL.as_secs()) as u32;
        self.since += REFILL * earned;
        self.tokens = self.tokens.saturating_add(earned).min(BURST);
        if self.tokens == 0 {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.tokens -= 1;
        Some(std::mem::take(&mut self.left_out))
    }
}
