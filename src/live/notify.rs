//! Alerts for people: what happens goes as JSON to the standard input of programs: those in a folder, and one that ships for
//! each alert of the settings. A process of its own does this, so that the daemon starts none. It begins as root, because
//! nobody else may read where alerts go, and has no right that other programs lack once it has read that.

use crate::api::Complaint;
use crate::config::uci::{self, Section};
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
/// How an alert of the settings can be sent: the names of the programs that ship.
const WAYS: [&str; 4] = ["ntfy", "mail", "mqtt", "webhook"];
/// The kinds of records, and those that an alert is for where its settings name none.
const KINDS: &str = "device finding block end unblock pin mode name blocking forget report";
const USUAL_KINDS: &str = "block finding device report";
/// The longest address of an alert, in bytes: mosquitto_pub reads lines of 1023.
const TO_MAX: usize = 512;
/// The most programs of the folder that are called, and the most alerts of the settings.
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

/// Where alerts come from.
pub struct Places {
    /// The folder of programs.
    pub folder: PathBuf,
    /// The settings of alerts, which only root may read: topics and addresses are secrets.
    pub alerts: PathBuf,
    /// The folder of the programs that ship.
    pub shipped: PathBuf,
}

/// A program that is called.
struct Hook {
    path: PathBuf,
    /// The alert of the settings that it is for; absent for a program of the folder.
    alert: Option<Alert>,
}

/// An alert of the settings.
struct Alert {
    /// Its place in the file, counted from 1, and how it is sent.
    name: String,
    to: String,
    kinds: String,
}

impl Hook {
    /// Returns what it is called when something is said of it.
    fn name(&self) -> String {
        self.alert.as_ref().map_or_else(|| display(&self.path), |alert| alert.name.clone())
    }

    /// Returns that it failed, as doctor says it.
    fn failed(&self, why: Sentence) -> Sentence {
        sentence!("an alert program failed: %s", sentence!("%s: %s", self.name(), why))
    }
}

/// Passes on what happens. Never returns: a signal ends it. What is wrong stands in a file beside the socket, so that
/// doctor knows.
pub fn run(socket: &Path, places: &Places) -> ! {
    let (alerts, problems) = alerts(places);
    if let Err(problem) = become_user() {
        log::error!("{problem}");
        std::process::exit(1);
    }
    let mut bucket = Bucket { tokens: BURST, refilled: Instant::now(), omitted: 0 };
    let said = |sentences: &[Sentence]| -> String {
        problems.iter().chain(sentences).map(|sentence| format!("{}\n", sentence.parts())).collect()
    };
    let mut before = None;
    let mut tell = |failing: &[Sentence]| {
        let now = Some(said(failing));
        if now != before {
            if let Err(error) = fs::write(failures(socket), now.as_deref().unwrap_or_default()) {
                log::warn!("{}: {error}", failures(socket).display());
            }
            before = now;
        }
    };
    loop {
        if let Ok(lines) = control::listen(socket, "watch", &json!({ "alerts": display(&places.folder) })) {
            // There is a folder for it now.
            tell(&[]);
            // The first line only says that the watch has begun.
            for mut record in lines.map_while(Result::ok).skip(1) {
                let Some(omitted) = bucket.take() else { continue };
                if omitted > 0 {
                    record["omitted"] = omitted.into();
                }
                let mut failing = Vec::new();
                for hook in hooks(&places.folder).iter().chain(&alerts) {
                    let kind = record["kind"].as_str().unwrap_or_default();
                    let is_wanted = |alert: &Alert| alert.kinds.split(' ').any(|wanted| wanted == kind);
                    if !hook.alert.as_ref().is_none_or(is_wanted) {
                        continue;
                    }
                    if let Err(why) = start(hook, &record).and_then(finish) {
                        log::warn!("{}: {why}", hook.name());
                        failing.push(hook.failed(why));
                    }
                }
                tell(&failing);
            }
        }
        sleep(RECONNECT_EVERY);
    }
}

/// Reads the alerts of the settings. Returns those that can be sent, and what is wrong with the others, without a word of
/// where they go.
fn alerts(places: &Places) -> (Vec<Hook>, Vec<Sentence>) {
    let (mut hooks, mut wrong, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    let text = match fs::read_to_string(&places.alerts) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return (hooks, problems),
        Err(error) => {
            problems.push(sentence!("%s cannot be read: %s", display(&places.alerts), error.to_string()));
            return (hooks, problems);
        }
    };
    let sections = uci::sections(&text, &mut wrong);
    for (i, section) in sections.iter().filter(|section| section.kind == "alert").enumerate() {
        match alert(i + 1, section) {
            Ok((way, alert)) if hooks.len() < HOOKS_MAX => {
                let unknown = |kind: &&str| !KINDS.split(' ').any(|known| known == *kind);
                if let Some(kind) = alert.kinds.split(' ').find(unknown) {
                    let kind: String = kind.escape_default().take(20).collect();
                    problems.push(sentence!("%s is for records of kind %s, which there is not", &*alert.name, kind));
                }
                hooks.push(Hook { path: places.shipped.join(way), alert: Some(alert) });
            }
            Ok(_) => problems.push(sentence!("only the first %s alerts are sent", HOOKS_MAX)),
            Err(problem) => problems.push(problem),
        }
    }
    for problem in wrong {
        let message = sentence!("a line of the settings does not hold: %s", problem.to_string());
        problems.push(sentence!("%s: %s", display(&places.alerts), message));
    }
    (hooks, problems)
}

/// Returns how an alert is sent, and the alert. The error says what is wrong with it.
fn alert(number: usize, section: &Section) -> Result<(&'static str, Alert), Sentence> {
    let value = |key| section.last(key).unwrap_or_default().trim();
    let way = WAYS.into_iter().find(|way| *way == value("via"));
    let way =
        way.ok_or_else(|| sentence!("alert %s is not sent: %s is none of %s", number, "option via", WAYS.join(", ")))?;
    let (name, to) = (format!("alert {number} ({way})"), value("to"));
    if to.is_empty() {
        return Err(sentence!("%s is not sent: it has no %s, which says where to", name, "option to"));
    }
    if let Some(placeholder) = PLACEHOLDERS.into_iter().find(|placeholder| to.contains(placeholder)) {
        return Err(sentence!("%s still says %s, so nobody gets it", name, placeholder));
    }
    let is_url = to.starts_with("http://") || to.starts_with("https://");
    let fits = match way {
        "webhook" => is_url,
        "ntfy" => is_url || to.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)),
        "mail" => to.contains('@'),
        _ => true,
    };
    if !fits || to.len() > TO_MAX || to.contains(char::is_control) {
        return Err(sentence!("%s is not sent: %s does not fit", name, "option to"));
    }
    let mut kinds = section.words("kinds").collect::<Vec<_>>().join(" ");
    if kinds.is_empty() {
        kinds = USUAL_KINDS.into();
    }
    Ok((way, Alert { name, to: to.into(), kinds }))
}

/// Returns the file in which stands, a sentence a line, what is wrong with alerts.
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
    for line in fs::read_to_string(failures(socket)).unwrap_or_default().lines().filter(|_| runs).take(2 * HOOKS_MAX) {
        if let Some(message) = serde_json::from_str(line).ok().and_then(|line: Value| Sentence::from_parts(&line)) {
            let remedy = sentence!("correct it, and try it with %s", "leash notify --test");
            complaints.push(Complaint::warning(message, remedy));
        }
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

/// Calls each program with an example as the alerts do, all at once, and prints how it went. Returns the exit code.
pub fn test(places: &Places, as_json: bool) -> u8 {
    let (alerts, problems) = alerts(places);
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
    let mut hooks = hooks(&places.folder);
    hooks.extend(alerts);
    let started: Vec<_> = hooks.iter().map(|hook| start(hook, &example)).collect();
    let results: Vec<_> = started.into_iter().map(|child| child.and_then(finish)).collect();
    let failed = results.iter().any(Result::is_err) || !problems.is_empty() || hooks.is_empty();
    let mut out = io::stdout();
    if as_json {
        let results = hooks.iter().zip(results).map(|(hook, result)| match result {
            Ok(()) => json!({ "name": hook.name() }),
            Err(why) => json!({ "name": hook.name(), "error": why.json() }),
        });
        let problems = problems.iter().map(Sentence::json);
        let told = json!({ "results": results.collect::<Vec<_>>(), "problems": problems.collect::<Vec<_>>() });
        let _ = writeln!(out, "{told}");
        return u8::from(failed);
    }
    for (hook, result) in hooks.iter().zip(results) {
        let _ = writeln!(out, "{}: {}", hook.name(), result.err().map_or("done".into(), |why| why.to_string()));
    }
    for problem in &problems {
        let _ = writeln!(out, "{problem}");
    }
    if hooks.is_empty() && problems.is_empty() {
        let (folder, alerts) = (places.folder.display(), places.alerts.display());
        let _ = writeln!(out, "{alerts} has no alert, and {folder} no program that only its owner may change");
    }
    u8::from(failed)
}

/// Returns the programs in the order of their names, without those that others than their owner may change.
fn hooks(folder: &Path) -> Vec<Hook> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_hook = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o122 == 0o100)
    };
    let mut hooks: Vec<Hook> = Vec::new();
    for path in entries.filter(is_hook) {
        // They are few, and sorting takes 9 KB of code.
        let place = hooks.partition_point(|known| known.path.as_os_str() < path.as_os_str());
        hooks.insert(place, Hook { path, alert: None });
    }
    hooks.truncate(HOOKS_MAX);
    hooks
}

/// Starts a program with a record on its standard input. Where it sends that, it learns by its environment, which other
/// users cannot read as they can arguments. The error is a sentence.
fn start(hook: &Hook, record: &Value) -> Result<(Child, Instant), Sentence> {
    let mut command = Command::new(&hook.path);
    command.env_clear().env("PATH", PATH).current_dir("/");
    if let Some(alert) = &hook.alert {
        command.env("LEASH_TO", &alert.to);
    }
    let started = command.process_group(0).stdin(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| sentence!("it cannot be run: %s", error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input has its reasons; a line fits into the pipe.
        let _ = writeln!(stdin, "{record}");
    }
    Ok((child, Instant::now()))
}

/// Waits for a program's end, or kills it [`TIMEOUT`] after its start. The error is a sentence.
fn finish((mut child, started): (Child, Instant)) -> Result<(), Sentence> {
    while started.elapsed() < TIMEOUT {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(sentence!("it failed: %s", status.to_string())),
            Ok(None) => sleep(POLL_EVERY),
            Err(error) => return Err(sentence!("it failed: %s", error.to_string())),
        }
    }
    kill(&mut child);
    Err(sentence!("it took longer than %s s and was ended", TIMEOUT.as_secs()))
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
        let why = sentence!("it failed: %s", "exit status: 6");
        let failed = Hook { path: "/x/fine".into(), alert: None }.failed(why).parts();
        fs::write(failures(&socket), format!("{failed}\nno sentence\n")).unwrap();
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

    #[test]
    fn alerts_of_the_settings_are_data_and_what_is_wrong_with_them_is_no_secret() {
        let path = std::env::temp_dir().join(format!("leash-alerts-{}", std::process::id()));
        let places = Places { folder: "/none".into(), alerts: path.clone(), shipped: "/shipped".into() };
        let text = r#"
config alert
	option via 'ntfy'
	option to 'https://ntfy.example/s3cr3t$(reboot)`reboot`"'
config alert phone
	option via 'mail'
	option to 'anna@example.org, ben@example.org'
	list kinds 'block'
	list kinds 'report'
config alert
	option via 'telegram'
	option to 'https://s3cr3t.example'
config alert
	option via 'webhook'
config alert
	option via 'webhook'
	option to 's3cr3t'
config alert
	option via 'ntfy'
	option to 'https://ntfy.sh/CHANGE-ME'
config alert
	option via 'mqtt'
	option to 'broker'
	option kinds 'blocks finding'
config alert
	option via 'webhook'
	option to 'https://a.example/s3cr3t
more'
"#;
        fs::write(&path, text).unwrap();
        let (hooks, problems) = alerts(&places);
        let sent = |hook: &Hook| {
            let Alert { name, to, kinds } = hook.alert.as_ref().unwrap();
            format!("{} {name}: {to} {kinds}", hook.path.display())
        };
        let expected = [
            r#"/shipped/ntfy alert 1 (ntfy): https://ntfy.example/s3cr3t$(reboot)`reboot`" block finding device report"#,
            "/shipped/mail alert 2 (mail): anna@example.org, ben@example.org block report",
            "/shipped/mqtt alert 7 (mqtt): broker blocks finding",
        ];
        assert_eq!(hooks.iter().map(sent).collect::<Vec<_>>(), expected);
        let said = problems.iter().map(|problem| format!("{problem}\n")).collect::<String>();
        for expected in [
            "alert 3 is not sent: option via is none of ntfy, mail, mqtt, webhook",
            "alert 4 (webhook) is not sent: it has no option to",
            "alert 5 (webhook) is not sent: option to does not fit",
            "alert 6 (ntfy) still says CHANGE-ME",
            "alert 7 (mqtt) is for records of kind blocks, which there is not",
            "alert 8 (webhook) is not sent: it has no option to",
            "a line of the settings does not hold: line 27: a quote is not closed",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        assert!(!said.contains("s3cr3t") && !said.contains("telegram"), "{said}");
        fs::remove_file(path).unwrap();
    }
}
