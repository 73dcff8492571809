//! The documents agree with the code and with each other.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use leash::api::{METHODS, Method};
use leash::detect;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Where documents stand. Those of the cases of `tests/replay` are made by its scripts.
const FOLDERS: [&str; 9] =
    [".", ".github", "openwrt", "luci-app", "src", "src/detect", "tests", "tests/relay", "tests/replay"];

fn documents() -> Vec<String> {
    let files = FOLDERS.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = files.map(|file| file.unwrap().path().to_str().unwrap().trim_start_matches("./").to_string());
    let mut documents: Vec<String> = paths.filter(|path| path.ends_with(".md")).collect();
    documents.sort();
    assert!(documents.len() >= 10, "{documents:?}");
    documents
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the text with every run of white space as one blank, so that it may be wrapped anywhere.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the fenced blocks of this language.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("\n```{language}\n");
    document.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Returns the name by which GitHub links to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn lines_fit_and_the_readme_is_short() {
    let mut wide = Vec::new();
    for path in documents() {
        let document = text(&path);
        let lines = document.lines().enumerate().filter(|(_, line)| line.chars().count() > 120);
        wide.extend(lines.map(|(i, _)| format!("{path}:{}", i + 1)));
    }
    assert!(wide.is_empty(), "more than 120 columns: {wide:?}");
    assert!(text("README.md").lines().count() <= 150);
}

#[test]
fn links_and_paths_lead_somewhere() {
    let mut wrong = Vec::new();
    for path in documents() {
        let document = text(&path);
        let folder = Path::new(&path).parent().unwrap();
        for link in document.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone().into() } else { folder.join(file) };
            let found = match heading {
                _ if link.contains("://") => true,
                "" => target.exists(),
                _ => fs::read_to_string(&target)
                    .is_ok_and(|text| text.lines().any(|line| line.starts_with('#') && anchor(line) == heading)),
            };
            if !found {
                wrong.push(format!("{path}: the link {link}"));
            }
        }
        // Between backticks; a command's first word.
        for code in document.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let word = code.split(' ').next().unwrap_or_default();
            let ours =
                ["src/", "tests/", "openwrt/", "luci-app/", ".ci/", ".github/"].iter().any(|top| word.starts_with(top));
            if ours && !Path::new(word).exists() {
                wrong.push(format!("{path}: {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these are not there:\n{}", wrong.join("\n"));
}

#[test]
fn examples_of_the_readme_are_what_leash_says() {
    let readme = text("README.md");
    let cases = ["whole-house", "relay"].map(|case| unwrapped(&text(&format!("tests/replay/{case}/expected.txt"))));
    let examples = blocks(&readme, "text");
    assert!(examples.len() >= 2);
    for part in examples.iter().flat_map(|example| example.split("\n\n")) {
        assert!(cases.iter().any(|said| said.contains(&unwrapped(part))), "no expected.txt says:\n{part}");
    }
}

#[test]
fn the_readme_installs_as_the_longer_document_does() {
    let (readme, openwrt) = (text("README.md"), text("openwrt/README.md"));
    let lines = *blocks(&openwrt, "sh").first().unwrap();
    assert!(blocks(&readme, "sh").contains(&lines), "README.md lacks:\n{lines}");
}

#[test]
fn the_version_of_rust_is_the_one_that_is_needed() {
    for path in ["README.md", ".github/CONTRIBUTING.md"] {
        let wanted = concat!("Rust ", env!("CARGO_PKG_RUST_VERSION"), " or newer");
        assert!(unwrapped(&text(path)).contains(wanted), "{path} should say: {wanted}");
    }
}

#[test]
fn all_methods_are_described() {
    let row = |method: &Method| {
        let parameters =
            method.parameters.iter().map(|p| if p.optional { format!("[{}]", p.name) } else { p.name.into() });
        let parameters: Vec<String> = parameters.collect();
        let orders = if method.writes { "yes" } else { "" };
        format!("| `{}` | {} | {orders} | {} |\n", method.name, method.about, parameters.join(", "))
    };
    let table: String = METHODS.iter().map(row).collect();
    assert!(text("src/JSON.md").contains(&table), "put this into src/JSON.md:\n{table}");
}

#[test]
fn all_detectors_are_described() {
    let document = text("src/detect/README.md");
    for detector in detect::ALL {
        let name = detector.name;
        let heading = format!("\n## `{name}`\n");
        let section = document.split(&heading).nth(1).unwrap_or_else(|| panic!("src/detect/README.md lacks:{heading}"));
        let section = unwrapped(section.split("\n## ").next().unwrap());
        let fooled: String = detector.fooled_by.iter().map(|what| format!("- {what}\n")).collect();
        for wanted in [format!("Says that a device {}.", detector.about), format!("What fools it:\n\n{fooled}")] {
            assert!(
                section.contains(&unwrapped(&wanted)),
                "put this under {name} into src/detect/README.md:\n{wanted}"
            );
        }
        let cases = section.split("Cases: ").nth(1).unwrap_or_else(|| panic!("{name} has no 'Cases: '"));
        for case in cases.split(". ").next().unwrap().split('`').skip(1).step_by(2) {
            assert!(Path::new("tests/replay").join(case).is_dir(), "{name}: there is no case {case}");
        }
    }
}

#[test]
fn all_commands_are_described() {
    let help = Command::new(env!("CARGO_BIN_EXE_leash")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.split("\nCommands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands: Vec<&str> = commands.lines().filter(|line| !line.starts_with("   ")).map(str::trim).collect();
    assert!(commands.len() > 20, "{help}");
    let document = text("openwrt/README.md");
    for command in commands.iter().filter_map(|line| line.split(' ').next()) {
        assert!(document.contains(&format!("`leash {command}")), "openwrt/README.md lacks 'leash {command}'");
    }
}
