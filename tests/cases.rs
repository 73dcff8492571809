//! Runs the program over every case of tests/replay and compares what it prints with the case's expected.txt and
//! expected.json. `UPDATE_GOLDEN=1 cargo test --test cases` rewrites them: read the difference before you commit it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]
#![allow(clippy::explicit_write, reason = "eprintln! of a test that passes is not shown")]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the program, or the one that `LEASH` names; `RUN_BY` has the words of an emulator's command where that is for
/// another processor.
fn leash(arguments: &[&str]) -> Output {
    let program = std::env::var("LEASH").unwrap_or(env!("CARGO_BIN_EXE_leash").into());
    let emulator = std::env::var("RUN_BY").unwrap_or_default();
    let mut words = emulator.split_whitespace().chain([program.as_str()]);
    Command::new(words.next().unwrap()).args(words).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay")
}

/// The cases with their input file, by name.
fn cases() -> Vec<(PathBuf, String)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let folder = entry.unwrap().path();
        let inputs = ["capture.pcap", "capture.pcapng", "events"].map(|name| folder.join(name));
        if let Some(input) = inputs.iter().find(|input| input.exists()) {
            cases.push((folder, input.to_str().unwrap().to_string()));
        }
    }
    cases.sort();
    assert!(cases.len() >= 30, "the cases are there");
    cases
}

fn replay(folder: &Path, input: &str, more: &[&str]) -> String {
    let config = folder.join("config");
    let config = config.to_str().unwrap();
    let mut arguments = vec!["replay", input];
    if Path::new(config).exists() {
        arguments.extend(["--config", config]);
    }
    arguments.extend(more);
    let output = leash(&arguments);
    // Lists that are wrong on purpose are complained of.
    let complaints = text(&output.stderr);
    let complaints: Vec<&str> = complaints.lines().filter(|line| !line.contains("lines of the list")).collect();
    assert_eq!((output.status.code(), complaints), (Some(0), vec![]), "{arguments:?}");
    text(&output.stdout)
}

#[test]
fn every_case_says_what_is_expected() {
    let mut wrong = Vec::new();
    for (folder, input) in cases() {
        for (file, arguments) in [("expected.txt", &[][..]), ("expected.json", &["--json", "--flows"][..])] {
            let (path, said) = (folder.join(file), replay(&folder, &input, arguments));
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, &said).unwrap();
            } else if fs::read_to_string(&path).ok().as_deref() != Some(said.as_str()) {
                wrong.push(format!("{}:\n{said}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "these changed; if that is right, run with UPDATE_GOLDEN=1:\n{}", wrong.join("\n"));
}

#[test]
fn a_recording_says_the_same_as_its_capture() {
    let folder = tempdir("recording");
    for (case, input) in cases() {
        for arguments in [&["--json", "--flows"][..], &["--flows"][..]] {
            let config = case.join("config");
            let mut record = vec!["record", "--from", &input];
            if config.exists() {
                record.extend(["--config", config.to_str().unwrap()]);
            }
            let recorded = leash(&record);
            assert!(recorded.status.success());
            let events = folder.join("day.events");
            fs::write(&events, &recorded.stdout).unwrap();
            let again = replay(&case, events.to_str().unwrap(), arguments);
            assert_eq!(again, replay(&case, &input, arguments), "{input}");
        }
        let anonymous = leash(&["record", "--anonymise", "--from", &input]);
        let events = folder.join("anonymous.events");
        fs::write(&events, &anonymous.stdout).unwrap();
        let counts = |said: String| {
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            let flows = said["flows"].as_array().unwrap();
            let mut explained: Vec<String> =
                flows.iter().map(|f| format!("{} {} {}", f["start"], f["explained"], f["service"])).collect();
            explained.sort();
            (explained, said["devices"].as_array().unwrap().len())
        };
        let arguments = ["--json", "--flows"];
        let plain = Path::new("no config");
        assert_eq!(
            counts(replay(plain, events.to_str().unwrap(), &arguments)),
            counts(replay(plain, &input, &arguments)),
            "{input}"
        );
        let said = text(&anonymous.stdout);
        for secret in ["192.168.8.", "203.0.113.", "bulb", "example.com"] {
            assert!(!said.contains(secret), "{input}: {secret} is still there");
        }
    }
    fs::remove_dir_all(folder).unwrap();
}

/// A folder of this test's own.
fn tempdir(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("leash-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn bad(file: &str, code: i32, says: &str) {
    let path = root().join("bad").join(file);
    let output = leash(&["replay", "--json", path.to_str().unwrap()]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{file}: {stderr}");
    assert!(stderr.contains(says) && stderr.lines().count() <= 1, "{file}: {stderr}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said.get("partial").is_some(), code != 0, "{file}");
}

#[test]
fn a_bad_file_is_a_sentence_and_a_partial_report() {
    bad("truncated.pcap", 65, "byte");
    bad("empty.pcap", 65, "empty");
    bad("garbage.pcap", 65, "neither a packet capture");
    bad("wrong-magic.pcap", 65, "neither a packet capture");
    bad("absurd-length.pcap", 65, "byte");
    bad("no-such-file.pcap", 66, "cannot be read");
    bad("", 66, "directory");
    bad("compressed.pcap.gz", 65, "compressed with gzip; unpack it on the way: gzip -dc FILE | leash replay -");
    bad("radiotap.pcap", 65, "link type 127 (802.11 with radiotap, from monitor mode)");
    bad("user-link.pcapng", 65, "link type 147 (private use)");
    bad(
        "some-radiotap.pcapng",
        0,
        "packets of link type 127 (802.11 with radiotap, from monitor mode) were passed over",
    );
    bad("zero-length.pcap", 0, "");
    bad("backwards.pcap", 0, "");
}

#[test]
fn a_dash_is_standard_input() {
    let path = root().join("hardcoded-bulb/capture.pcap");
    let fed = |arguments: &[&str]| {
        let program = std::env::var("LEASH").unwrap_or(env!("CARGO_BIN_EXE_leash").into());
        let emulator = std::env::var("RUN_BY").unwrap_or_default();
        let mut words = emulator.split_whitespace().chain([program.as_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments).stdin(fs::File::open(&path).unwrap()).output().unwrap()
    };
    let said = leash(&["replay", path.to_str().unwrap()]).stdout;
    for arguments in [&["replay", "-"][..], &["replay", "/dev/stdin"], &["replay", "--", "-"]] {
        assert_eq!(text(&fed(arguments).stdout), text(&said), "{arguments:?}");
    }
    assert!(text(&fed(&["record", "--from", "-"]).stdout).lines().count() > 10);
    assert!(fed(&["explain", "--from", "-", "192.168.8.20", "203.0.113.50"]).status.success());
    assert_eq!(fed(&["check", "-"]).status.code(), Some(66), "a capture is no text");
    for arguments in [&["replay", "-", "-"][..], &["record", "--config", "-", "--from", "-"]] {
        let refused = fed(arguments);
        assert_eq!(refused.status.code(), Some(64), "{arguments:?}");
        assert!(text(&refused.stderr).contains("only once"), "{}", text(&refused.stderr));
    }
}

#[test]
fn what_was_read_before_the_damage_is_reported() {
    let path = root().join("bad/truncated.pcap");
    let output = leash(&["replay", "--json", path.to_str().unwrap()]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!said["devices"].as_array().unwrap().is_empty(), "{said}");
}

#[test]
fn a_broken_line_of_an_event_file_is_named() {
    let folder = tempdir("line");
    let file = folder.join("day.events");
    fs::write(&file, "# leash events 1\n1.000000 clock\n2.000000 neighbour nobody 02:00:00:00:00:01\n").unwrap();
    let output = leash(&["replay", file.to_str().unwrap()]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(65));
    assert!(
        stderr.contains("line 3, at byte 32: 'nobody' is not what belongs there; the report is partial"),
        "{stderr}"
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn usage_errors_say_what_to_do() {
    for (arguments, code, says) in [
        (&["replay"][..], 64, "leash replay FILE"),
        (&["dance"][..], 64, "dance"),
        (&["replay", "--lan", "nowhere", "x"][..], 64, "nowhere"),
        (&["explain", "--from", "x", "bulb", "not-an-address"][..], 64, "not-an-address"),
    ] {
        let output = leash(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(says), "{arguments:?}: {stderr}");
    }
    let help = leash(&["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("replay"));
}

#[test]
fn explain_says_it_in_sentences() {
    let capture = root().join("hardcoded-bulb/capture.pcap");
    let explain =
        |device: &str, address: &str| leash(&["explain", "--from", capture.to_str().unwrap(), device, address]);
    let said = explain("192.168.8.20", "203.0.113.50");
    assert!(said.status.success(), "{}", text(&said.stderr));
    assert!(text(&said.stdout).contains("it did not name this address"), "{}", text(&said.stdout));
    let nobody = explain("kettle", "203.0.113.50");
    assert_eq!(nobody.status.code(), Some(69));
    assert!(text(&nobody.stderr).contains("no device is called 'kettle'; there are:"), "{}", text(&nobody.stderr));
}

/// Recordings of real devices, with ground truth and score.py, are not part of the project: `LEASH_CAPTURES` names their
/// folder. Where they are not, that is said past the harness, which keeps what a passing test prints to itself.
fn captures(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LEASH_CAPTURES").map(PathBuf::from);
    if folder.is_none() {
        writeln!(io::stderr(), "\nskipped: {test}: LEASH_CAPTURES names no folder of recordings").unwrap();
    }
    folder
}

#[test]
fn real_captures_agree_with_their_ground_truth() {
    let test = "real_captures_agree_with_their_ground_truth";
    if std::env::var_os("RUN_BY").is_some() {
        writeln!(io::stderr(), "\nskipped: {test}: score.py starts no program by an emulator").unwrap();
        return;
    }
    let Some(captures) = captures(test) else { return };
    let score = Command::new("python3")
        .arg(captures.join("score.py"))
        .args([env!("CARGO_BIN_EXE_leash").as_ref(), captures.as_os_str(), "--min".as_ref(), "0.99".as_ref()])
        .output()
        .unwrap();
    assert!(score.status.success(), "{}{}", text(&score.stdout), text(&score.stderr));
}

/// What every detector says of every real capture, all devices in guard, is in tests/captures.txt. Blocks only where the
/// manifest's kind names the deed.
#[test]
fn what_is_found_in_real_captures() {
    let Some(captures) = captures("what_is_found_in_real_captures") else { return };
    let manifest = fs::read_to_string(captures.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let folder = tempdir("captures");
    let config = folder.join("config");
    fs::write(&config, "config leash\n\toption default_mode guard\n").unwrap();
    let mut found = String::new();
    for entry in manifest.as_array().unwrap() {
        let (file, kind) = (entry["file"].as_str().unwrap(), entry["kind"].as_str().unwrap());
        let path = captures.join(file);
        let arguments = ["replay", "--json", "--config", config.to_str().unwrap(), path.to_str().unwrap()];
        let said: serde_json::Value = serde_json::from_slice(&leash(&arguments).stdout).unwrap();
        found += &format!("{file}: {kind}\n");
        let mut counts = std::collections::BTreeMap::new();
        for device in said["devices"].as_array().unwrap() {
            for finding in device["findings"].as_array().unwrap() {
                let what =
                    format!("{} {}", finding["detector"].as_str().unwrap(), finding["strength"].as_str().unwrap());
                *counts.entry(what).or_insert(0) += 1;
            }
        }
        counts.iter().for_each(|(what, count)| found += &format!("    {what}: {count}\n"));
        let blocks = said["blocks"].as_array().unwrap();
        if !blocks.is_empty() {
            found += &format!("    blocks: {}\n", blocks.len());
            let deeds = ["hardcoded", "SOCKS", "CONNECT", "scan", "DoH", "DoT", "external DNS"];
            assert!(deeds.iter().any(|deed| kind.contains(deed)), "{file} ({kind}): {}", said["blocks"]);
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), found, "if that is right, run with UPDATE_GOLDEN=1");
}
