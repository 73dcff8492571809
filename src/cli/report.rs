//! JSON values as text that a person likes to read.

use crate::time::{Span, Wall};
use crate::units::{bytes, count};
use serde_json::Value;
use std::fmt::Write;

/// How to write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// With colours.
    pub colour: bool,
}

/// Findings of a device that are written out; the rest is counted.
const FINDINGS: usize = 12;

#[derive(Clone, Copy)]
pub(crate) enum Paint {
    Plain,
    Bold,
    Dim,
    Good,
    Look,
    Bad,
}

impl Style {
    /// Returns the style that the terminal can show.
    pub(crate) fn of_terminal() -> Style {
        Style { colour: crate::live::terminal::has_colours() }
    }

    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.into(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "32",
            Paint::Look => "33",
            Paint::Bad => "31",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

pub(crate) fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn wall(value: &Value, key: &str) -> Option<Wall> {
    value.get(key).and_then(Value::as_f64).map(Wall::from_secs_f64)
}

/// What a person calls a device: the name given to it, its own, its MAC, its address.
pub fn label(device: &Value) -> &str {
    let known = ["name", "hostname", "mac"].iter().find_map(|key| string(device, key));
    known.or_else(|| list(device, "addresses").first().and_then(Value::as_str)).unwrap_or("?")
}

pub(crate) fn verdict(word: &str) -> (Paint, &'static str) {
    match word {
        "block" => (Paint::Bad, "BLOCK"),
        "watch" => (Paint::Look, "watch"),
        _ => (Paint::Good, "calm"),
    }
}

/// A report grows device by device, so that a large house is never held whole.
pub struct Report {
    style: Style,
    rows: Vec<[String; 7]>,
    verdicts: Vec<Paint>,
    findings: String,
    detectors: Vec<String>,
}

impl Report {
    /// An empty one.
    pub fn new(style: Style) -> Report {
        Report { style, rows: Vec::new(), verdicts: Vec::new(), findings: String::new(), detectors: Vec::new() }
    }

    /// Adds a device.
    pub fn device(&mut self, device: &Value) {
        let addresses = list(device, "addresses");
        let more = if addresses.len() > 1 { format!(" +{}", addresses.len() - 1) } else { String::new() };
        let first = addresses.first().and_then(Value::as_str).unwrap_or("-");
        let contacts =
            list(device, "contacts").iter().filter(|contact| contact.get("explained").is_some()).count() as u64;
        let (without, unknown) = (number(device, "unexplained"), number(device, "unknown"));
        let share = match (contacts, without) {
            (0, _) => "-".into(),
            (_, 0) if unknown == contacts => "unknown".into(),
            (_, 0) => "none".into(),
            _ => format!("{without} of {contacts} ({} %)", without * 100 / contacts),
        };
        let (paint, word) = verdict(string(device, "verdict").unwrap_or_default());
        self.verdicts.push(paint);
        self.rows.push([
            label(device).into(),
            format!("{first}{more}"),
            contacts.to_string(),
            share,
            bytes(number(device, "sent_bytes")),
            bytes(number(device, "received_bytes")),
            word.into(),
        ]);
        self.findings_of(device);
    }

    fn findings_of(&mut self, device: &Value) {
        let findings = list(device, "findings");
        for finding in findings.iter().take(FINDINGS) {
            let detector = string(finding, "detector").unwrap_or_default();
            if !self.detectors.iter().any(|known| known == detector) {
                self.detectors.push(detector.into());
            }
            let contact = list(device, "contacts").iter().find(|contact| same_endpoint(contact, finding));
            let title = format!("{} {}", label(device), string(finding, "message").unwrap_or_default());
            let _ = writeln!(self.findings, "{}", self.style.paint(Paint::Bold, &title));
            if let Some(contact) = contact {
                let _ = writeln!(self.findings, "    {}", facts(contact));
            }
            let strength = string(finding, "strength").unwrap_or_default();
            let since = wall(finding, "since").map(|wall| format!(" since {} UTC", wall.date())).unwrap_or_default();
            let line = format!("    evidence: {detector}, {strength}{since}");
            let _ = writeln!(self.findings, "{}", self.style.paint(Paint::Dim, &line));
            if let Some(contact) = contact {
                let (paint, word) = verdict(string(contact, "verdict").unwrap_or_default());
                let reason = list(contact, "reasons").last().and_then(|reason| string(reason, "message"));
                let reason = reason
                    .filter(|reason| Some(*reason) != string(finding, "message"))
                    .unwrap_or("nothing counts towards a block");
                let _ = writeln!(self.findings, "    leash: {}: {reason}", self.style.paint(paint, word));
            }
            self.findings.push('\n');
        }
        if findings.len() > FINDINGS {
            let _ = writeln!(
                self.findings,
                "{} and {} more such; --json has all\n",
                label(device),
                findings.len() - FINDINGS
            );
        }
    }

    /// The whole text; `summary` is what was read.
    pub fn finish(self, summary: &Value) -> String {
        let mut out = String::new();
        let mut head = Vec::new();
        if let (Some(start), Some(end)) = (wall(summary, "start"), wall(summary, "end")) {
            let length = end.abs_diff(start);
            head.push(format!("{} to {} UTC ({length})", start.date(), end.date()));
        }
        if let Some(packets) = summary.get("packets") {
            head.push(count(number(packets, "all"), "packet"));
            if number(packets, "malformed") > 0 {
                head.push(format!("{} unreadable", number(packets, "malformed")));
            }
        }
        let of = |word: &str| self.rows.iter().filter(|row| row[6] == word).count();
        head.push(format!("{}: {} calm", count(self.rows.len() as u64, "device"), of("calm")));
        head.extend(Some(of("watch")).filter(|n| *n > 0).map(|n| format!("{n} to watch")));
        head.extend(Some(of("BLOCK")).filter(|n| *n > 0).map(|n| format!("{n} with blocks")));
        let _ = writeln!(out, "{}\n", head.join(", "));
        let titles = ["DEVICE", "ADDRESS", "CONTACTS", "UNEXPLAINED", "SENT", "RECEIVED", "VERDICT"];
        let width =
            |i: usize| self.rows.iter().map(|row| row[i].len()).chain([titles[i].len()]).max().unwrap_or_default();
        let widths: [usize; 7] = std::array::from_fn(width);
        let line = |row: [&str; 7]| {
            let [a, b, c, d, e, g, _] = widths;
            let [device, address, contacts, share, sent, received, _] = row;
            format!("{device:a$}  {address:b$}  {contacts:>c$}  {share:d$}  {sent:>e$}  {received:>g$}  ")
        };
        if !self.rows.is_empty() {
            let _ = writeln!(
                out,
                "{}{}",
                self.style.paint(Paint::Dim, &line(titles)),
                self.style.paint(Paint::Dim, titles[6])
            );
        }
        for (row, paint) in self.rows.iter().zip(&self.verdicts) {
            let cells: [&str; 7] = std::array::from_fn(|i| row[i].as_str());
            let _ = writeln!(out, "{}{}", line(cells), self.style.paint(*paint, cells[6]));
        }
        if !self.findings.is_empty() {
            let _ = write!(out, "\n{}", self.findings);
        }
        for detector in crate::detect::ALL.iter().filter(|d| self.detectors.iter().any(|name| name == d.name)) {
            let _ = writeln!(out, "What can fool {}:", detector.name);
            for reason in detector.fooled_by {
                let _ = writeln!(out, "  - {reason}");
            }
        }
        if let Some(refused) = summary.get("refused").and_then(Value::as_object) {
            let refused: Vec<String> =
                refused.iter().map(|(word, n)| format!("{} {n}", word.replace('_', " "))).collect();
            let _ = writeln!(out, "Did not fit into the tables: {}", refused.join(", "));
        }
        out
    }
}

fn same_endpoint(one: &Value, other: &Value) -> bool {
    ["address", "protocol", "port"].iter().all(|key| one.get(key) == other.get(key))
}

/// `tcp 8883 mqtt, 12 flows, sent 20 kB, received 14 kB, TLS to x.example`.
fn facts(contact: &Value) -> String {
    let mut facts = format!("{} {}", string(contact, "protocol").unwrap_or_default(), number(contact, "port"));
    if let Some(service) = string(contact, "service") {
        let _ = write!(facts, " {service}");
    }
    let _ = write!(facts, ", {}", count(number(contact, "flows"), "flow"));
    let _ = write!(facts, ", sent {}", bytes(number(contact, "sent_bytes")));
    let _ = write!(facts, ", received {}", bytes(number(contact, "received_bytes")));
    if let Some(rhythm) = contact.get("rhythm") {
        let every = Span::secs(number(rhythm, "period_s"));
        let _ = write!(facts, ", calls every {every}, {}", bytes(number(rhythm, "sent_bytes")));
    }
    if let Some(sni) = string(contact, "sni") {
        let _ = write!(facts, ", its handshake names {sni}");
    }
    if contact.get("inbound").is_some() {
        facts.push_str(", opened by the other side");
    }
    facts
}

/// One flow in a line.
pub fn flow(flow: &Value, style: Style) -> String {
    let end = |address: &str, port: &str| {
        let address = string(flow, address).unwrap_or_default();
        let brackets = if address.contains(':') { ("[", "]") } else { ("", "") };
        format!("{}{address}{}:{}", brackets.0, brackets.1, number(flow, port))
    };
    let explained = string(flow, "explained").unwrap_or("-");
    let paint = match explained {
        "lookup" => Paint::Good,
        "none" | "other-device" => Paint::Look,
        _ => Paint::Plain,
    };
    let name = list(flow, "names").first().and_then(Value::as_str).or(string(flow, "sni")).unwrap_or_default();
    format!(
        "{}  {:<3}  {:<23} > {:<23}  {}  {:<9}  {:>7}  {:>7}  {name}",
        wall(flow, "start").map(Wall::date).unwrap_or_default(),
        string(flow, "protocol").unwrap_or_default(),
        end("source", "source_port"),
        end("destination", "destination_port"),
        style.paint(paint, &format!("{explained:<12}")),
        string(flow, "service").unwrap_or_default(),
        bytes(number(flow, "sent_bytes")),
        bytes(number(flow, "received_bytes")),
    )
}

/// Why a device talks to an address, as sentences.
pub fn explain(value: &Value, style: Style) -> String {
    let device = value.get("device").unwrap_or(&Value::Null);
    let (who, address) = (label(device), string(value, "address").unwrap_or_default());
    let mut out = style.paint(Paint::Bold, &format!("{who} and {address}")) + "\n";
    let names: Vec<&str> = list(value, "names").iter().filter_map(Value::as_str).collect();
    let lookups = count(number(device, "lookups"), "lookup");
    let _ = match (names.is_empty(), number(device, "lookups")) {
        (false, _) => writeln!(out, "  It looked the address up as {}.", names.join(", ")),
        (true, 0) => writeln!(out, "  No lookup of this device was seen at all, so nothing can be said about names."),
        (true, 1) => writeln!(out, "  One lookup of this device was seen; it did not name this address."),
        (true, _) => writeln!(out, "  {lookups} of this device were seen; none named this address."),
    };
    for other in list(value, "looked_up_by") {
        let name = string(other, "name").unwrap_or_default();
        let _ = writeln!(out, "  {} looked it up as {name}.", label_or(other, "another device"));
    }
    let contacts = list(value, "contacts");
    if contacts.is_empty() {
        out.push_str("  It was not seen to talk to this address.\n");
    }
    for contact in contacts {
        let explained = match string(contact, "explained") {
            Some("lookup") => "explained by its lookup",
            Some("other-device") => "explained only by another device's lookup",
            Some("none") => "not explained by any lookup",
            Some(_) => "unknown: its lookups could not be seen then",
            None => "within the house, or opened by the other side",
        };
        let _ = writeln!(out, "  {}: {explained}.", facts(contact));
        let (paint, word) = verdict(string(contact, "verdict").unwrap_or_default());
        let _ = writeln!(out, "    leash: {}", style.paint(paint, word));
        for reason in list(contact, "reasons").iter().filter_map(|reason| string(reason, "message")) {
            let _ = writeln!(out, "      {reason}");
        }
    }
    for finding in list(value, "findings") {
        let detector = string(finding, "detector").unwrap_or_default();
        let numbers = finding.get("evidence").and_then(Value::as_object).into_iter().flatten();
        let numbers: Vec<String> = numbers
            .map(|(what, e)| format!("{what} {} (counts from {})", number(e, "seen"), number(e, "limit")))
            .collect();
        let port = number(finding, "port");
        let _ = writeln!(out, "  Evidence of {detector} on port {port}: {}.", numbers.join(", "));
    }
    if let Some(would) = string(value, "guard_verdict").filter(|_| string(device, "mode") != Some("guard")) {
        let _ = writeln!(out, "  In mode guard leash would say: {would}.");
    }
    out
}

fn label_or<'a>(device: &'a Value, other: &'a str) -> &'a str {
    string(device, "hostname").or(string(device, "mac")).unwrap_or(other)
}
