//! The hook that mails the report of a week, with a sendmail that is as strict as the real ones.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Takes a mail as RFC 5322 and RFC 5321 have it, and keeps it: headers first, no line over 998 bytes, no control
/// character, and only ASCII where nothing else is announced.
const SENDMAIL: &str = r#"#!/usr/bin/env python3
import re, sys
assert sys.argv[1:] == ["-i", "-t"], sys.argv
mail = sys.stdin.buffer.read()
head, body = mail.split(b"\n\n", 1)
headers = dict(re.fullmatch(rb"([A-Za-z-]+): (.+)", line).groups() for line in head.split(b"\n"))
assert headers[b"To"] == b"you@example.com" and len(headers) == len(head.split(b"\n")), head
assert all(len(line) <= 998 for line in mail.split(b"\n")) and not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", mail)
assert head.isascii() and (body.isascii() or headers[b"Content-Transfer-Encoding"] == b"8bit")
body.decode()
open(sys.argv[0] + ".mail", "wb").write(mail)
"#;
const JSHN: &str = include_str!("fixtures/jshn.sh");

#[test]
fn a_week_is_mailed_as_a_page_whatever_devices_call_themselves() {
    let folder = std::env::temp_dir().join(format!("leash-mail-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let program = |name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let real = env!("CARGO_BIN_EXE_leash");
    let hook =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("openwrt/files/usr/share/leash/notify/mail"));
    program("mail", &hook.unwrap().replace("/usr/share/libubox/jshn.sh", &path("jshn.sh")));
    program("jshn.sh", JSHN);
    program("sendmail", SENDMAIL);
    program("leash", &format!("#!/bin/sh\nexec {real} --socket {} \"$@\"\n", path("socket")));
    let hostile = format!("<b>\u{e9}\r\nBcc: x@example.com\n.\n{}", "&".repeat(2_000));
    let report = json!({ "result": {
        "since": 1_767_225_600, "until": 1_767_830_400, "messages": [{ "message": hostile }],
        "devices": [{ "name": hostile, "verdict": "watch", "notes": [{ "message": hostile }] }],
    }});
    let listener = UnixListener::bind(folder.join("socket")).unwrap();
    let daemon = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        let mut request = String::new();
        BufReader::new(caller.try_clone().unwrap()).read_line(&mut request).unwrap();
        assert!(request.contains("\"report\""), "{request}");
        writeln!(caller, "{report}").unwrap();
    });
    let call = |line: &str| {
        let mut hook = Command::new("sh");
        hook.arg(path("mail")).env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()));
        let mut child = hook.stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
        assert!(child.wait().unwrap().success(), "{line}");
        fs::read_to_string(folder.join("sendmail.mail")).unwrap_or_default()
    };
    let mail = call(r#"{"kind":"report","message":"a week is over"}"#);
    daemon.join().unwrap();
    assert!(mail.contains("Subject: leash: the last week\n") && mail.contains("\n<!DOCTYPE html>\n"), "{mail}");
    assert!(mail.ends_with("</html>\n") && mail.contains("&lt;b&gt;\u{e9}") && !mail.contains("\nBcc"), "{mail}");
    // What happens goes as text, and what is not wanted does not go at all.
    let mail = call(r#"{"kind":"block","name":"bulb","message":"203.0.113.9 is blocked"}"#);
    assert!(mail.ends_with("\n\nbulb: 203.0.113.9 is blocked\n"), "{mail}");
    assert_eq!(call(r#"{"kind":"pin","name":"bulb","message":"block"}"#), mail);
    fs::remove_dir_all(&folder).unwrap();
}
