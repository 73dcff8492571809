//! What the package puts on a router is of one piece with the program.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests may"
)]

use leash::api::METHODS;
use leash::config::{self, Fallback, SECTIONS, Setting};
use leash::detect::{self, Detector};
use leash::time::Span;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const FILES: &str = "openwrt/files";

fn text(path: &str) -> String {
    fs::read_to_string(format!("{FILES}/{path}")).unwrap()
}

/// The settings that ship are the defaults, have every option, and have no problem, also with all examples in force.
#[test]
fn the_settings_that_ship_have_every_option_with_its_default() {
    let text = text("etc/config/leash");
    let (shipped, problems) = config::parse(&text, &detect::NAMES);
    assert_eq!(problems, []);
    assert_eq!(shipped, config::Config::default());
    let example = |line: &str| line.trim().strip_prefix('#').filter(|rest| !rest.starts_with(' ')).map(String::from);
    let all: Vec<String> = text.lines().map(|line| example(line).unwrap_or(line.into())).collect();
    let (config, problems) = config::parse(&all.join("\n"), &detect::NAMES);
    assert_eq!(problems, []);
    assert_eq!((config.devices.len(), config.pins.len()), (1, 1));
    let mut sections = all.join("\n");
    for (kind, settings) in SECTIONS.iter().rev() {
        let (rest, section) = sections.split_once(&format!("config {kind}")).unwrap();
        for setting in *settings {
            let values: Vec<&str> = section
                .lines()
                .filter_map(|line| line.trim().strip_prefix("option ").or(line.trim().strip_prefix("list ")))
                .filter_map(|line| line.strip_prefix(setting.name)?.strip_prefix(" '")?.strip_suffix('\''))
                .collect();
            assert!(!values.is_empty() || section.contains(&format!("`option {}`", setting.name)), "{}", setting.name);
            let defaults = setting.defaults();
            assert!(*kind != "leash" || defaults.is_empty() || values == defaults, "{}: {values:?}", setting.name);
        }
        sections = rest.into();
    }
}

/// Every option that the page in LuCI has is one of the settings, and its default is theirs.
#[test]
fn the_page_has_the_settings_and_their_defaults() {
    let page = fs::read_to_string("luci-app/htdocs/luci-static/resources/view/leash/settings.js").unwrap();
    let quoted = |text: &str| text.split('\'').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    let (mut known, mut option): (&[Setting], Option<&Setting>) = (&[], None);
    let mut compared = 0;
    for statement in page.split(";\n").map(str::trim) {
        if statement.contains("m.section(") {
            let words = quoted(statement);
            known = SECTIONS.iter().find(|(kind, _)| words.iter().take(2).any(|word| word == kind)).unwrap().1;
        } else if let Some((_, call)) = statement.split_once("option(") {
            let tab = usize::from(statement.contains("taboption("));
            let name = quoted(call).swap_remove(tab);
            option = known.iter().find(|setting| setting.name == name);
            // What begins so is a button.
            let known = option.is_some() || name.starts_with('_');
            assert!(known, "the page has an option '{name}', which the settings have not");
        } else if let Some((member, value)) = statement.split_once(" = ")
            && ["o.default", "o.placeholder"].contains(&member)
            && let Some(Setting { name, fallback: Fallback::Value(default), .. }) = option
        {
            let value = if value == "o.enabled" { "1" } else { value.trim_matches('\'') };
            assert_eq!(value, *default, "the page's default of '{name}'");
            compared += 1;
        }
    }
    assert_eq!(compared, 6, "defaults of the page that were found");
}

/// What the page refuses to save is what `leash check` complains of: each limit that it names is that of the settings, on
/// both sides of which they take and refuse a value.
#[test]
fn the_page_has_the_limits_of_check() {
    let page = fs::read_to_string("luci-app/htdocs/luci-static/resources/view/leash/settings.js").unwrap();
    let table = page.split_once("const LIMITS = {").unwrap().1.split_once('}').unwrap().0;
    let takes = |kind: &str, option: &str, value: &str| {
        let section = format!("config {kind}\noption mac 02:00:00:00:00:01\noption {option} '{value}'");
        let section = if kind == "leash" { section.replace("option mac 02:00:00:00:00:01\n", "") } else { section };
        config::parse(&section, &detect::NAMES).1.is_empty()
    };
    let mut compared = 0;
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(['\'', ' ', ':', ',', '[', ']']).filter(|word| !word.is_empty()).collect();
        let [option, least, most] = words[..] else { panic!("{line}") };
        let kind = if matches!(option, "name" | "group") { "device" } else { "leash" };
        let text = |length: usize| "x".repeat(length);
        let (fit, unfit) = match (least.parse::<usize>(), most.parse::<usize>()) {
            (Ok(least), Ok(most)) if option == "uplink" => {
                (vec![least.to_string(), most.to_string()], vec![(least - 1).to_string(), (most + 1).to_string()])
            }
            (Ok(0), Ok(most)) => (vec![text(1), text(most)], vec![text(most + 1)]),
            (Ok(least), Ok(most)) => (vec![text(least), text(most)], vec![text(least - 1), text(most + 1)]),
            _ => {
                let [least_s, most_s] = [least, most].map(|span| Span::parse(span).unwrap().as_secs());
                let unfit = vec![format!("{}s", least_s - 1), format!("{}s", most_s + 1)];
                (vec![least.into(), most.into(), format!("{least_s}s"), format!("{most_s}s")], unfit)
            }
        };
        assert!(fit.iter().all(|value| takes(kind, option, value)), "{option}: {fit:?}");
        assert!(!unfit.iter().any(|value| takes(kind, option, value)), "{option}: {unfit:?}");
        assert!(page.contains(&format!("('{option}');")), "the page checks '{option}'");
        compared += 1;
    }
    // Every option whose description names a limit is among them, as far as the page has it.
    let limited = SECTIONS.iter().flat_map(|(_, settings)| *settings);
    let limited =
        limited.filter(|setting| setting.takes.contains(" to ") && page.contains(&format!("'{}'", setting.name)));
    let limited: std::collections::BTreeSet<&str> = limited.map(|setting| setting.name).collect();
    assert_eq!(compared, limited.len());
}

#[test]
fn the_makefiles_have_the_version_and_every_file_its_mode() {
    for makefile in ["openwrt/Makefile", "luci-app/Makefile"] {
        let makefile = fs::read_to_string(makefile).unwrap();
        assert!(makefile.contains(concat!("PKG_VERSION:=", env!("CARGO_PKG_VERSION"), "\n")));
    }
    for script in [
        "etc/init.d/leash",
        "etc/uci-defaults/90-leash",
        "usr/share/leash/undo",
        "usr/share/leash/notify/ntfy",
        "usr/share/leash/notify/mail",
        "usr/share/leash/notify/mqtt",
        "usr/share/leash/notify/webhook",
    ] {
        let path = format!("{FILES}/{script}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755, "{script}");
        assert!(Command::new("sh").args(["-n", &path]).status().unwrap().success(), "{script}");
    }
    for file in ["usr/share/acl.d/leash.json", "etc/capabilities/leash.json"] {
        serde_json::from_str::<Value>(&text(file)).unwrap();
        let mode = fs::metadata(format!("{FILES}/{file}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o133, 0, "ubusd passes over files that others may change or run: {file}");
    }
}

/// Whoever builds with Docker gets what openwrt/build makes.
#[test]
fn cross_has_the_targets_and_flags_of_the_build() {
    let script = r#". openwrt/toolchain.sh; for arch in "${ALL[@]}"; do echo "$arch $(target "$arch")"; done"#;
    let told = Command::new("bash").args(["-c", script]).output().unwrap();
    let cross = fs::read_to_string("Cross.toml").unwrap();
    let mut found = 0;
    for line in String::from_utf8(told.stdout).unwrap().lines() {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let [arch, triple, flags] = words[..] else { panic!("{line}") };
        if arch == "aarch64_cortex-a53" {
            continue; // it shares its triple with aarch64_generic, which has all of them
        }
        let block = format!("[target.{triple}.env] # {arch}\npassthrough = ['RUSTFLAGS={flags}']\n");
        assert!(cross.contains(&block), "Cross.toml lacks:\n{block}");
        found += 1;
    }
    assert_eq!((found, cross.matches("[target.").count()), (6, 6));
}

/// The page's calls and its rights are made of the methods: `UPDATE_GOLDEN=1 cargo test --test package` writes them.
#[test]
fn the_page_has_all_methods_and_their_rights() {
    let mut calls = String::new();
    for method in METHODS {
        let names: Vec<String> = method.parameters.iter().map(|parameter| format!("'{}'", parameter.name)).collect();
        let names = if names.is_empty() { "[]".into() } else { format!("[ {} ]", names.join(", ")) };
        let (name, about) = (method.name, method.about);
        calls.push_str(&format!("\n\t/* {about} */\n\t{name}: declare('{name}', {names}),\n"));
    }
    let api = include_str!("tools/api.js.in").replace("@CALLS@", calls.trim_end().trim_end_matches(','));
    let of = |writes: bool| METHODS.iter().filter(|m| m.writes == writes).map(|m| m.name).collect::<Vec<_>>();
    let rights = json!({ "luci-app-leash": {
        "description": "See what the devices at home do, and block what they should not",
        "read": { "ubus": { "leash": of(false) }, "uci": ["leash"] },
        // Where alerts go is a secret, and the one program that tries them is for those who may set them up.
        "write": {
            "ubus": { "leash": of(true), "file": ["exec"] },
            "file": { "/usr/sbin/leash --json notify --test": ["exec"] },
            "uci": { "leash": ["write"], "leash-alerts": ["read", "write"] },
        },
    }});
    let rights = format!("{}\n", serde_json::to_string_pretty(&rights).unwrap().replace("  ", "\t"));
    for (path, wanted) in [
        ("luci-app/htdocs/luci-static/resources/leash/api.js", api),
        ("luci-app/root/usr/share/rpcd/acl.d/luci-app-leash.json", rights),
    ] {
        update_or_compare(path, &wanted);
    }
}

/// A file that is made: `UPDATE_GOLDEN=1 cargo test --test package` writes it.
fn update_or_compare(path: &str, wanted: &str) {
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(path, wanted).unwrap();
    }
    let old = fs::read_to_string(path).unwrap_or_default() != wanted;
    assert!(!old, "{path} is not up to date: UPDATE_GOLDEN=1 cargo test --test package");
}

/// Every text that leash says stands in a file of the page as a call of `_()`, the only thing in which LuCI's scanner of
/// strings finds one: `UPDATE_GOLDEN=1 cargo test --test package` writes it.
#[test]
fn the_page_has_all_forms_for_the_scanner_of_strings() {
    let mut known = BTreeSet::new();
    let mut calls = String::new();
    for (place, texts) in sentences().into_iter().chain(detectors()).chain([evidence()]) {
        let new: Vec<&String> = texts.iter().filter(|text| known.insert(text.to_string())).collect();
        if !new.is_empty() {
            calls += &format!("\n/* {place} */\n{}", new.into_iter().map(|text| call(text)).collect::<String>());
        }
    }
    let script = include_str!("tools/forms.js.in").replace("@CALLS@", calls.trim());
    update_or_compare("luci-app/htdocs/luci-static/resources/leash/forms.js", &script);
    // What was said in the cases is among them; a text that is the same in every language has the form `%s`.
    let mut said = BTreeSet::new();
    for case in fs::read_dir("tests/replay").unwrap() {
        if let Ok(text) = fs::read_to_string(case.unwrap().path().join("expected.json")) {
            forms_in(&serde_json::from_str(&text).unwrap(), &mut said);
        }
    }
    said.remove("%s");
    assert!(said.len() > 50, "forms in the cases: {said:?}");
    assert_eq!(said.difference(&known).collect::<Vec<_>>(), [""; 0]);
}

/// The literals of `sentence!` in the sources by file. Tests stand at the end of a file and say nothing to anybody.
fn sentences() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let code = code.join("\n");
            let forms = code.split("sentence!(").skip(1).map(literal).collect();
            found.push((path.to_str().unwrap().to_owned(), forms));
        }
    }
    found.sort();
    found
}

/// The string literal that a piece of code begins with: `sentence!` takes no other.
fn literal(code: &str) -> String {
    let mut rest = code.trim_start().strip_prefix('"').unwrap().chars();
    let mut text = String::new();
    while let Some(c) = rest.next().filter(|c| *c != '"') {
        match if c == '\\' { rest.next() } else { None } {
            None => text.push(c),
            Some('\n') => rest = rest.as_str().trim_start().chars(),
            Some(quoted @ ('"' | '\\')) => text.push(quoted),
            Some(other) => panic!("\\{other} in {text}…"),
        }
    }
    text
}

/// What detectors find and what fools them, which the page shows with a finding.
fn detectors() -> Vec<(String, Vec<String>)> {
    let texts = |it: &Detector| [it.about].iter().chain(it.fooled_by).map(|text| text.to_string()).collect();
    detect::ALL.iter().map(|it| (format!("detector {}", it.name), texts(it))).collect()
}

/// What findings rest on.
fn evidence() -> (String, Vec<String>) {
    ("evidence".into(), detect::evidence::forms().filter(|form| *form != "%s").map(String::from).collect())
}

/// A call of `_()` with a text, in lines of at most 120 columns.
fn call(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.replace('\\', "\\\\").replace('\'', "\\'").split_inclusive(' ') {
        if lines.last().unwrap().len() + word.len() > 108 {
            lines.push(String::new());
        }
        lines.last_mut().unwrap().push_str(word);
    }
    format!("_('{}');\n", lines.join("' +\n\t'"))
}

fn forms_in(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(map) => {
            found.extend(map.get("form").and_then(Value::as_str).map(String::from));
            map.values().for_each(|value| forms_in(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| forms_in(value, found)),
        _ => {}
    }
}
