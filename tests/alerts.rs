//! Alerts of /etc/config/leash-alerts: `leash notify --test` sends them with the programs that ship, by stand-ins for curl,
//! sendmail and mosquitto_pub that are as strict as the real ones. Settings are data, and no secret is an argument.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Takes what curl takes of its arguments and of its file of options (src/tool_parsecfg.c): in double quotes, a backslash
/// stands before a backslash and a quote. Keeps the address and what is posted.
const CURL: &str = r#"#!/usr/bin/env python3
import json, os, re, sys
words = sys.argv[1:]
options = {}
while words:
    word = words.pop(0)
    assert re.fullmatch("-fgsS|-m|-H|-o|-K|--data-binary", word), sys.argv
    if word != "-fgsS":
        options[word] = words.pop(0)
assert options["-K"] == "/proc/self/fd/3" and options["--data-binary"] == "@-" and int(options["-m"]) < 10
lines = open(options["-K"]).read().splitlines()
[line] = lines
quoted = re.fullmatch(r'url = "((?:[^"\\]|\\["\\])*)"', line)
assert quoted, line
url = re.sub(r"\\(.)", r"\1", quoted[1])
assert url.startswith(("http://", "https://")), url
told = {"url": url, "header": options["-H"], "body": sys.stdin.buffer.read().decode(), "arguments": sys.argv}
open(f"FOLDER/curl.{len(os.listdir('FOLDER'))}", "w").write(json.dumps(told))
if "down.example" in url:
    print("curl: (6) Could not resolve host: down.example", file=sys.stderr)
    sys.exit(6)
"#;
const SENDMAIL: &str = r#"#!/usr/bin/env python3
import json, sys
assert sys.argv[1:] == ["-i", "-t"], sys.argv
head, body = sys.stdin.buffer.read().decode().split("\n\n", 1)
assert all(": " in line for line in head.split("\n")), head
open("FOLDER/sendmail.said", "w").write(json.dumps({"head": head, "body": body, "arguments": sys.argv}))
"#;
/// Reads options as client_shared.c of mosquitto does: a line is an option, a blank, and all that follows as its value.
const MOSQUITTO_PUB: &str = r#"#!/usr/bin/env python3
import json, os, stat, sys
assert sys.argv[1:] == ["-s"], sys.argv
folder = os.environ["XDG_CONFIG_HOME"]
assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
options = dict(line.split(" ", 1) for line in open(f"{folder}/mosquitto_pub").read().splitlines())
[url] = options.values()
assert list(options) == ["-L"] and url.startswith(("mqtt://", "mqtts://")) and len(url) < 1000, options
rest, topic = url.split("://", 1)[1].split("/", 1)
credentials, _, host = rest.rpartition("@")
user, _, password = credentials.partition(":")
said = {"host": host, "user": user, "password": password, "topic": topic, "body": sys.stdin.read(), "arguments": sys.argv}
open("FOLDER/mosquitto.said", "w").write(json.dumps(said))
"#;
const JSHN: &str = include_str!("fixtures/jshn.sh");

#[test]
fn alerts_of_the_settings_are_sent_and_harm_nothing() {
    let folder = std::env::temp_dir().join(format!("leash-alerts-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    for name in ["bin", "shipped", "said", "none"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let program = |path: String, text: String| {
        fs::write(folder.join(&path), text).unwrap();
        fs::set_permissions(folder.join(path), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let (here, jshn) = (folder.display().to_string(), folder.join("jshn.sh").display().to_string());
    let tools = format!("{here}/bin:");
    for (name, text) in [("curl", CURL), ("sendmail", SENDMAIL), ("mosquitto_pub", MOSQUITTO_PUB)] {
        program(format!("bin/{name}"), text.replace("FOLDER", &format!("{here}/said")));
    }
    fs::write(&jshn, JSHN).unwrap();
    for way in ["ntfy", "mail", "mqtt", "webhook"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openwrt/files/usr/share/leash/notify").join(way);
        // The environment of an alert has no PATH of ours.
        let begin = format!("#!/bin/sh\nPATH={tools}$PATH\ncd {here}/none || exit\n");
        let text = fs::read_to_string(path).unwrap().replace("/usr/share/libubox/jshn.sh", &jshn);
        program(format!("shipped/{way}"), text.replacen("#!/bin/sh\n", &begin, 1));
    }
    let hostile = r#"$(touch pwned)`touch pwned`";touch pwned;[1-9]\\{a,b}"#;
    let settings = |text: String| fs::write(folder.join("leash-alerts"), text).unwrap();
    let test = |json: &[&str]| {
        let path = |name: &str| folder.join(name);
        let mut leash = Command::new(env!("CARGO_BIN_EXE_leash"));
        leash.args(json).args(["notify", "--test", "--folder"]).arg(path("none"));
        leash.arg("--alerts").arg(path("leash-alerts")).arg("--shipped").arg(path("shipped")).output().unwrap()
    };
    settings(format!(
        "config alert\n\toption via 'ntfy'\n\toption to 'https://ntfy.example/{hostile}'\n\
         config alert\n\toption via 'webhook'\n\toption to 'https://down.example/s3cr3t'\n\
         config alert\n\toption via 'mail'\n\toption to 'anna@example.org, {hostile}'\n\
         config alert\n\toption via 'mqtt'\n\toption to 'mqtts://leash:{hostile}@broker.example'\n\
         config alert\n\toption via 'webhook'\n\toption to 'https://a.example/s3cr3t\nBcc: x'\n\
         config alert\n\toption via 'ntfy'\n\toption to 's3cr3t_topic'\n\toption kinds 'report'\n"
    ));
    let test_said = test(&[]);
    let said = String::from_utf8(test_said.stdout).unwrap();
    let errors = String::from_utf8(test_said.stderr).unwrap();
    assert_eq!(test_said.status.code(), Some(1), "{said}{errors}");
    for line in [
        "alert 1 (ntfy): done",
        "alert 2 (webhook): it failed: exit status: 6",
        "alert 3 (mail): done",
        "alert 4 (mqtt): done",
        "alert 5 (webhook) is not sent: it has no option to, which says where to",
        "alert 6 (ntfy): done",
    ] {
        assert!(said.contains(line), "{line}: {said}{errors}");
    }
    assert!(!said.contains("s3cr3t") && !errors.contains("s3cr3t"), "{said}{errors}");
    assert!(errors.contains("Could not resolve host: down.example"), "{errors}");
    assert_eq!(fs::read_dir(folder.join("none")).unwrap().count(), 0, "nothing was obeyed");
    let mut sent: Vec<Value> = Vec::new();
    for entry in fs::read_dir(folder.join("said")).unwrap() {
        sent.push(serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap());
    }
    let find = |member: &str, begins: &str| {
        let fits = |each: &&Value| each[member].as_str().is_some_and(|text| text.starts_with(begins));
        sent.iter().find(fits).unwrap_or_else(|| panic!("{begins}: {sent:?}"))
    };
    let example = "203.0.113.9 is blocked: this is a test of leash's alerts";
    let ntfy = find("url", "https://ntfy.example/");
    assert_eq!(ntfy["url"], format!("https://ntfy.example/{hostile}"));
    assert_eq!((&ntfy["header"], &ntfy["body"]), (&"Title: leash: block".into(), &format!("bulb: {example}").into()));
    assert_eq!(find("url", "https://ntfy.sh/")["url"], "https://ntfy.sh/s3cr3t_topic");
    let posted = find("url", "https://down.example/");
    let record: Value = serde_json::from_str(posted["body"].as_str().unwrap()).unwrap();
    assert_eq!((&record["kind"], &record["message"]), (&"block".into(), &example.into()));
    assert_eq!(posted["header"], "Content-Type: application/json");
    let mail = find("head", "To: ");
    assert!(
        mail["head"].as_str().unwrap().starts_with(&format!("To: anna@example.org, {hostile}\nSubject: leash: block"))
    );
    let mqtt = find("host", "broker.example");
    assert_eq!((&mqtt["user"], &mqtt["topic"]), (&"leash".into(), &"leash/block".into()));
    assert_eq!(mqtt["password"], hostile);
    for each in &sent {
        let arguments = each["arguments"].to_string();
        assert!(!arguments.contains("touch") && !arguments.contains("s3cr3t"), "a secret is an argument: {arguments}");
    }
    // The page reads it as data.
    let told: Value = serde_json::from_slice(&test(&["--json"]).stdout).unwrap();
    assert_eq!(told["results"][0]["name"], "alert 1 (ntfy)");
    assert_eq!(told["results"][0].get("error"), None);
    assert_eq!(told["results"][1]["error"]["form"], "it failed: %s");
    assert_eq!(told["problems"][0]["form"], "%s is not sent: it has no %s, which says where to");
    fs::remove_dir_all(&folder).unwrap();
}
