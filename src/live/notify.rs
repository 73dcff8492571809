//! Alerts for people: what happens goes as JSON to the standard input of programs in a folder. A process of its own does
//! this, with no right that other programs lack, so that the daemon starts none.

use crate::api::Complaint;
use crate::live::control;
use crate::sentence;
use crate::sentence::Sentence;
use nix::sys::prctl::set_no_new_privs;
use nix::unistd::{User, geteuid, setgid, setgroups, setuid};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The user as whom they run, and all that their environment has.
const USER: &str = "leash";
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// What the programs that ship say where the owner has to write something.
const PLACEHOLDERS: [&str; 2] = ["CHANGE-ME", "you@example.com"];
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

/// Passes on what happens. Never returns: a signal ends it. Which programs fail stands in a file beside the socket, so that
/// doctor knows.
pub fn run(socket: &Path, folder: &Path) -> ! {
    let mut bucket = Bucket { tokens: BURST, refilled: Instant::now(), omitted: 0 };
    let mut failing: Vec<(PathBuf, String)> = Vec::new();
    loop {
        if let Ok(lines) = control::listen(socket, "watch", &json!({ "alerts": folder.display().to_string() })) {
            // The first line only says that the watch has begun.
            for mut record in lines.map_while(Result::ok).skip(1) {
                let Some(omitted) = bucket.take() else { continue };
                if omitted > 0 {
                    record["omitted"] = omitted.into();
                }
                let hooks = hooks(folder);
                let mut now: Vec<(PathBuf, String)> = Vec::new();
                for path in hooks {
                    if let Err(problem) = call(&path, &record) {
                        log::warn!("{}: {problem}", path.display());
                        now.push((path, problem));
                    }
                }
                if now != failing {
                    let lines: String = now.iter().map(|(path, why)| format!("{}: {why}\n", path.display())).collect();
                    if let Err(error) = fs::write(failures(socket), lines) {
                        log::warn!("{}: {error}", failures(socket).display());
                    }
                    failing = now;
                }
            }
        }
        sleep(RECONNECT_EVERY);
    }
}

/// Returns the file in which stands which programs fail.
fn failures(socket: &Path) -> PathBuf {
    socket.with_file_name("alerts")
}

/// Complains about what keeps alerts from those who want them. `runs` says whether the process that sends them does.
pub fn complain(folder: &Path, socket: &Path, runs: bool, complaints: &mut Vec<Complaint>) {
    let mut found = 0;
    let in_folder = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in in_folder.filter(|path| path.file_name().is_some_and(|name| name != "README")) {
        let (shown, runnable) = (path.display().to_string(), format!("chmod 755 {}", path.display()));
        let Ok(data) = fs::metadata(&path) else { continue };
        let mode = data.permissions().mode();
        if !data.is_file() {
            complaints.push(Complaint::warning(
                sentence!("%s is not called: only programs that are in %s itself get alerts", shown, display(folder)),
                sentence!("move the program to %s", display(folder)),
            ));
        } else if mode & 0o111 == 0 {
            let message = sentence!("the alert program %s is not called: it may not be executed", shown);
            complaints.push(Complaint::warning(message, Sentence::verbatim(runnable)));
        } else if mode & 0o022 != 0 {
            let message = sentence!("the alert program %s is not called: others than its owner may change it", shown);
            complaints.push(Complaint::warning(message, Sentence::verbatim(runnable)));
        } else if mode & 0o005 != 0o005 && data.uid() != geteuid().as_raw() {
            let message = sentence!("the alert program %s cannot be called: user %s may not execute it", shown, USER);
            complaints.push(Complaint::warning(message, Sentence::verbatim(runnable)));
        } else {
            found += 1;
            let text = if data.len() < 1 << 16 { fs::read(&path).unwrap_or_default() } else { Vec::new() };
            let text = String::from_utf8_lossy(&text);
            if let Some(placeholder) = PLACEHOLDERS.into_iter().find(|placeholder| text.contains(placeholder)) {
                complaints.push(Complaint::warning(
                    sentence!("the alert program %s still says %s, so nobody gets its alerts", &*shown, placeholder),
                    sentence!("write into %s where alerts go, then try it with %s", shown, "leash notify --test"),
                ));
            }
        }
    }
    // A program that was copied a folder too high.
    let above = folder.parent().and_then(|above| fs::read_dir(above).ok()).into_iter().flatten().flatten();
    for path in above.map(|entry| entry.path()) {
        if fs::metadata(&path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0) {
            complaints.push(Complaint::warning(
                sentence!(
                    "%s is not called: only programs that are in %s itself get alerts",
                    display(&path),
                    display(folder)
                ),
                sentence!("move the program to %s", display(folder)),
            ));
        }
    }
    if found > HOOKS_MAX {
        complaints.push(Complaint::warning(
            sentence!("of the programs in %s only the first %s are called", display(folder), HOOKS_MAX),
            sentence!("remove some of them"),
        ));
    }
    if found > 0 && !runs {
        complaints.push(Complaint::warning(
            sentence!("no alerts are sent: the process that does that is not running"),
            Sentence::verbatim("service leash reload"),
        ));
    }
    for line in fs::read_to_string(failures(socket)).unwrap_or_default().lines().filter(|_| runs).take(HOOKS_MAX) {
        complaints.push(Complaint::warning(
            sentence!("an alert program failed: %s", line),
            sentence!("correct it, and try it with %s", "leash notify --test"),
        ));
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// Becomes the user as whom alerts are sent, without any right that others lack, where this process may and there is such a
/// user. The error is a sentence.
fn become_user() -> Result<(), String> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let Ok(Some(user)) = User::from_name(USER) else { return Ok(()) };
    let done = setgroups(&[user.gid]).and_then(|()| setgid(user.gid)).and_then(|()| setuid(user.uid));
    done.and_then(|()| set_no_new_privs()).map_err(|error| format!("cannot become user {USER}: {error}"))
}

/// Calls each program with an example as the alerts do, and prints how it went. Returns the exit code.
pub fn test(folder: &Path) -> u8 {
    if let Err(problem) = become_user() {
        let _ = writeln!(io::stderr(), "leash: {problem}");
        return 1;
    }
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
    let mut command = Command::new(path);
    command.env_clear().env("PATH", PATH).current_dir("/");
    let mut child = command.process_group(0).stdin(Stdio::piped()).spawn().map_err(fail)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doctor_knows_why_nobody_gets_alerts() {
        let above = std::env::temp_dir().join(format!("leash-hooks-{}", std::process::id()));
        let (folder, socket) = (above.join("notify.d"), above.join("socket"));
        fs::create_dir_all(folder.join("sub")).unwrap();
        let hook = |path: PathBuf, text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let complaints = |runs| {
            let mut all = Vec::new();
            complain(&folder, &socket, runs, &mut all);
            all.into_iter().map(|complaint| complaint.message.to_string()).collect::<Vec<_>>().join("\n")
        };
        hook(folder.join("README"), "text", 0o644);
        fs::remove_dir(folder.join("sub")).unwrap();
        assert_eq!((complaints(false).as_str(), complaints(true).as_str()), ("", ""), "nobody wants any");
        hook(folder.join("fine"), "#!/bin/sh\ncurl https://ntfy.sh/x8Kq", 0o755);
        assert_eq!(complaints(false), "no alerts are sent: the process that does that is not running");
        assert_eq!(complaints(true), "");
        fs::create_dir(folder.join("sub")).unwrap();
        hook(folder.join("no-program"), "", 0o644);
        hook(folder.join("for-all"), "", 0o777);
        hook(folder.join("ntfy"), "URL=https://ntfy.sh/CHANGE-ME", 0o755);
        hook(above.join("mail"), "", 0o755);
        fs::write(failures(&socket), "/x/fine: it failed: exit status: 6\n").unwrap();
        let said = complaints(true);
        for expected in [
            "sub is not called: only programs that are in ",
            "no-program is not called: it may not be executed",
            "for-all is not called: others than its owner may change it",
            "ntfy still says CHANGE-ME, so nobody gets its alerts",
            "mail is not called: only programs that are in ",
            "an alert program failed: /x/fine: it failed: exit status: 6",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        assert_eq!(said.lines().count(), 6, "{said}");
        fs::remove_dir_all(above).unwrap();
    }
}
