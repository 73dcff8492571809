//! What captures and event files show, as text: the report of `leash replay`, a flow, and `leash explain`.

use crate::cli::text::{
    Cell, Paint, Style, addresses, columns, contact_name, coverage, label, list, number, plain, protocol, string,
    unexplained, verdict, wall,
};
use crate::detect;
use crate::time::{Span, Wall};
use crate::units::{bytes, count};
use serde_json::Value;
use std::fmt::Write;

/// How many findings of a device are written out; the rest is counted.
const FINDINGS: usize = 12;

/// The report of a replay. It grows device by device, so that a large house is never held whole.
pub struct Report {
    style: Style,
    rows: Vec<Vec<Cell>>,
    findings: String,
    detectors: Vec<String>,
}

impl Report {
    /// Returns a report of no device.
    pub fn new(style: Style) -> Report {
        Report { style, rows: Vec::new(), findings: String::new(), detectors: Vec::new() }
    }

    /// Adds a device, as [`Engine::devices`](crate::engine::Engine::devices) has it.
    pub fn device(&mut self, device: &Value) {
        let outbound = |contact: &&Value| contact.get("explained").is_some();
        let contacts = list(device, "contacts").iter().filter(outbound).count() as u64;
        let percent = match number(device, "unexplained") {
            0 => String::new(),
            unexplained => format!(" ({} %)", unexplained * 100 / contacts.max(1)),
        };
        let (paint, word) = verdict(device);
        self.rows.push(vec![
            plain(label(device)),
            plain(addresses(device)),
            plain(contacts.to_string()),
            plain(unexplained(device, contacts) + &percent),
            plain(coverage(device)),
            plain(bytes(number(device, "sent_bytes"))),
            plain(bytes(number(device, "received_bytes"))),
            (paint, word.into()),
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
                let (paint, word) = verdict(contact);
                let reason = list(contact, "reasons").last().and_then(|reason| string(reason, "message"));
                let reason = reason
                    .filter(|reason| Some(*reason) != string(finding, "message"))
                    .unwrap_or("nothing counts towards a block");
                let _ = writeln!(self.findings, "    leash: {}: {reason}", self.style.paint(paint, word));
            }
            self.findings.push('\n');
        }
        if findings.len() > FINDINGS {
            let more = findings.len() - FINDINGS;
            let _ = writeln!(self.findings, "{} has {more} more findings; --json lists all\n", label(device));
        }
    }

    /// Returns the whole text, with the engine's summary of what was read.
    pub fn finish(self, summary: &Value) -> String {
        let mut head = Vec::new();
        if let (Some(start), Some(end)) = (wall(summary, "start"), wall(summary, "end")) {
            head.push(format!("{} to {} UTC ({})", start.date(), end.date(), end.abs_diff(start)));
        }
        if let Some(packets) = summary.get("packets") {
            head.push(count(number(packets, "all"), "packet"));
            if number(packets, "malformed") > 0 {
                head.push(format!("{} unreadable", number(packets, "malformed")));
            }
        }
        let of = |word: &str| self.rows.iter().filter(|row| row.last().is_some_and(|(_, cell)| cell == word)).count();
        head.push(format!("{}: {} calm", count(self.rows.len() as u64, "device"), of("calm")));
        for (word, says) in [
            ("watch", "to watch"),
            ("BLOCK", "with blocks"),
            ("would block", "that would be blocked"),
            ("as you chose", "as you chose"),
        ] {
            head.extend(Some(of(word)).filter(|n| *n > 0).map(|n| format!("{n} {says}")));
        }
        let mut out = head.join(", ") + "\n\n";
        let titles = ["DEVICE", "ADDRESS", " CONTACTS", "UNEXPLAINED", "COVERAGE", " SENT", " RECEIVED", "VERDICT"];
        if !self.rows.is_empty() {
            out += &columns(&titles, &self.rows, self.style);
        }
        if !self.findings.is_empty() {
            let _ = write!(out, "\n{}", self.findings);
        }
        for detector in detect::ALL.iter().filter(|d| self.detectors.iter().any(|name| name == d.name)) {
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

/// Returns a contact in a line: `tcp 8883 mqtt, Amazon EC2, Oregon, US, 12 flows, sent 20 kB, received 14 kB, its handshake
/// names x.example`.
fn facts(contact: &Value) -> String {
    let mut facts = protocol(contact);
    if let Some(service) = string(contact, "service").filter(|service| string(contact, "protocol") != Some(service)) {
        let _ = write!(facts, " {service}");
    }
    if let Some(v4) = string(contact, "stands_for") {
        let _ = write!(facts, ", stands for {v4}");
    }
    if let Some(network) = contact.get("network") {
        let _ = match (string(network, "cloud").or(string(network, "owner")), number(network, "asn")) {
            (Some(owner), _) => write!(facts, ", {owner}"),
            (None, 0) => write!(facts, ", a network"),
            (None, asn) => write!(facts, ", AS{asn}"),
        };
        for place in ["region", "country"].into_iter().filter_map(|word| string(network, word)) {
            facts.extend([", ", place]);
        }
    }
    if let Some(category) = string(contact, "category") {
        facts.extend([", for ", category]);
    }
    let _ = write!(facts, ", {}", count(number(contact, "flows"), "flow"));
    let _ = write!(facts, ", sent {}", bytes(number(contact, "sent_bytes")));
    let _ = write!(facts, ", received {}", bytes(number(contact, "received_bytes")));
    if let Some(rhythm) = contact.get("rhythm") {
        let every = Span::secs(number(rhythm, "period_s"));
        let _ = write!(facts, ", calls every {every}, {}", bytes(number(rhythm, "sent_bytes")));
    }
    match (string(contact, "claimed_name"), string(contact, "sni")) {
        (Some(claimed), _) => _ = write!(facts, ", says it wants {claimed}"),
        (None, Some(sni)) if list(contact, "names").iter().any(|name| name == sni) => {
            let _ = write!(facts, ", its handshake names {sni}");
        }
        _ => {}
    }
    if contact.get("inbound").is_some() {
        facts.push_str(", opened by the other side");
    }
    facts
}

/// Returns a flow in a line.
pub fn flow(flow: &Value, style: Style) -> String {
    let end = |address: &str, port: &str| {
        let address = string(flow, address).unwrap_or_default();
        let brackets = if address.contains(':') { ("[", "]") } else { ("", "") };
        match flow.get(port).and_then(Value::as_u64) {
            Some(port) => format!("{}{address}{}:{port}", brackets.0, brackets.1),
            None => address.into(),
        }
    };
    let explained = string(flow, "explained").unwrap_or("-");
    let paint = match explained {
        "lookup" => Paint::Good,
        "none" | "other-device" => Paint::Look,
        _ => Paint::Plain,
    };
    let name = contact_name(flow);
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

/// Returns why a device talks to an address, in sentences.
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
        let _ = writeln!(out, "  {} looked it up as {name}.", label(other));
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
        let (paint, word) = verdict(contact);
        let _ = writeln!(out, "    leash: {}", style.paint(paint, word));
        for reason in list(contact, "reasons").iter().filter_map(|reason| string(reason, "message")) {
            let _ = writeln!(out, "      {reason}");
        }
    }
    for finding in list(value, "findings") {
        let detector = string(finding, "detector").unwrap_or_default();
        if let Some(evidence) = finding.get("evidence_words").and_then(|words| string(words, "message")) {
            let _ = writeln!(out, "  Evidence of {detector} ({}): {evidence}.", protocol(finding));
        }
    }
    if let Some(would) = string(value, "guard_verdict").filter(|_| string(device, "mode") != Some("guard")) {
        let _ = writeln!(out, "  In mode guard leash would say: {would}.");
    }
    out
}
