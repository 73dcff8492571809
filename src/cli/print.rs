//! The answers of a running leash as text: one function for each answer.

use crate::cli::text::{
    Cell, Paint, Style, addresses, clean, columns, contact_name, coverage, date, label, list, number, plain, protocol,
    string, text, unexplained, verdict,
};
use crate::time::Span;
use crate::units::{bytes, count};
use serde_json::Value;
use std::fmt::Write;

/// How many findings of a detector are written out; the rest is counted.
const FINDINGS: usize = 5;

/// Returns a row for each value under the titles, or a sentence where there is none.
fn table(values: &[Value], none: &str, titles: &[&str], row: &dyn Fn(&Value) -> Vec<Cell>, style: Style) -> String {
    if values.is_empty() {
        return format!("{none}\n");
    }
    let rows: Vec<Vec<Cell>> = values.iter().map(row).collect();
    columns(titles, &rows, style)
}

fn end(value: &Value) -> String {
    if value.get("until").is_some() { date(value, "until") } else { "for ever".into() }
}

/// Returns the house at a glance, from `{"status": ..., "devices": [...]}`.
pub fn overview(value: &Value, style: Style) -> String {
    let status = &value["status"];
    let others = ["watch", "block", "chosen"].map(|key| number(status, key)).iter().sum();
    let calm = number(status, "devices").saturating_sub(others);
    let mut out = format!("{}: {calm} calm", count(number(status, "devices"), "device"));
    for (word, key) in [("to watch", "watch"), ("with blocks", "block"), ("as you chose", "chosen")] {
        if number(status, key) > 0 {
            let _ = write!(out, ", {} {word}", number(status, key));
        }
    }
    let _ = write!(out, "; {}", count(number(status, "blocks"), "block"));
    if status["blocking"] == Value::Bool(false) {
        out += &style.paint(Paint::Bad, "; blocking is switched off");
    }
    out.push('\n');
    let complaints = number(status, "complaints");
    if complaints > 0 {
        let hint = format!("leash has {}; see them with: leash doctor", count(complaints, "complaint"));
        let _ = writeln!(out, "{}", style.paint(Paint::Look, &hint));
    }
    out + "\n" + &devices(value, style)
}

/// Returns the devices, from `{"devices": [...]}`.
pub fn devices(value: &Value, style: Style) -> String {
    let row = |device: &Value| {
        // A bare hardware address tells people less than who made it.
        let maker = string(device, "vendor").filter(|_| string(device, "mac") == Some(label(device)));
        let maker = maker.map(|maker| format!(" ({})", clean(maker))).unwrap_or_default();
        let contacts = number(device, "contacts");
        let (paint, word) = verdict(device);
        vec![
            plain(format!("{}{maker}", clean(label(device)))),
            plain(addresses(device)),
            plain(text(device, "mode")),
            plain(contacts.to_string()),
            plain(unexplained(device, contacts)),
            plain(coverage(device)),
            plain(bytes(number(device, "sent_bytes"))),
            plain(bytes(number(device, "received_bytes"))),
            plain(number(device, "blocks").to_string()),
            (paint, word.into()),
        ]
    };
    let titles = [
        "DEVICE",
        "ADDRESS",
        "MODE",
        " CONTACTS",
        "UNEXPLAINED",
        "COVERAGE",
        " SENT",
        " RECEIVED",
        " BLOCKS",
        "VERDICT",
    ];
    table(list(value, "devices"), "No device has been seen yet.", &titles, &row, style)
}

/// Returns how much of a device's lookups is seen, and why not all.
fn coverage_in_words(device: &Value) -> String {
    let reasons = device.get("coverage").map(|coverage| list(coverage, "reasons")).unwrap_or_default();
    let reasons: Vec<&str> = reasons.iter().filter_map(|reason| string(reason, "message")).collect();
    if reasons.is_empty() { coverage(device) } else { format!("{}: {}", coverage(device), reasons.join("; ")) }
}

/// Returns all about a device, from `{"device": {...}}`.
pub fn device(value: &Value, style: Style) -> String {
    let device = &value["device"];
    let mut out = format!("{} {}\n", style.paint(Paint::Bold, &clean(label(device))), text(device, "message"));
    let addresses: Vec<&str> = list(device, "addresses").iter().filter_map(Value::as_str).collect();
    let facts = [
        ("hardware address", text(device, "mac")),
        ("addresses", addresses.join(", ")),
        ("calls itself", text(device, "hostname")),
        ("is", device.get("kind").map(|kind| text(kind, "message")).unwrap_or_default()),
        ("model", text(device, "model")),
        ("group", text(device, "group")),
        ("made by", text(device, "vendor")),
        ("vendor class", text(device, "vendor_class")),
        ("mode", text(device, "mode")),
        ("seen", format!("{} to {}", date(device, "first"), date(device, "last"))),
        ("lookups", number(device, "lookups").to_string()),
        ("flows", number(device, "flows").to_string()),
        ("lookups seen", coverage_in_words(device)),
    ];
    for (what, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(out, "  {what:<17} {fact}");
    }
    out.push('\n');
    let row = |contact: &Value| {
        let (paint, word) = verdict(contact);
        let explained = string(contact, "explained").unwrap_or("-");
        let look = if matches!(explained, "none" | "other-device") { Paint::Look } else { Paint::Plain };
        vec![
            plain(text(contact, "address")),
            plain(protocol(contact)),
            plain(text(contact, "service")),
            plain(number(contact, "flows").to_string()),
            plain(bytes(number(contact, "sent_bytes"))),
            plain(bytes(number(contact, "received_bytes"))),
            (look, explained.into()),
            (paint, word.into()),
            plain(contact_name(contact)),
        ]
    };
    let titles = ["ADDRESS", "PORT", "SERVICE", " FLOWS", " SENT", " RECEIVED", "LOOKUP", "VERDICT", "NAME"];
    out += &table(list(device, "contacts"), "It has not been seen talking to anybody.", &titles, &row, style);
    for finding in list(device, "findings") {
        let _ = writeln!(out, "\n{}: {}", text(finding, "detector"), text(finding, "message"));
        if let Some(evidence) = finding.get("evidence_words") {
            let _ = writeln!(out, "  {}", text(evidence, "message"));
        }
    }
    out
}

/// Returns what the detectors found, from `{"findings": [...]}`.
pub fn findings(value: &Value, style: Style) -> String {
    let row = |finding: &Value| {
        ["name", "detector", "strength", "since", "message"]
            .map(|key| plain(if key == "since" { date(finding, key) } else { text(finding, key) }))
            .into()
    };
    let titles = ["DEVICE", "DETECTOR", "STRENGTH", "SINCE", "WHAT"];
    table(list(value, "findings"), "The detectors have found nothing.", &titles, &row, style)
}

/// Returns what is blocked, from `{"blocks": [...]}`.
pub fn blocks(value: &Value, style: Style) -> String {
    let row = |block: &Value| {
        vec![
            plain(clean(string(block, "name").or(string(block, "device")).unwrap_or_default())),
            plain(text(block, "address")),
            plain(contact_name(block)),
            plain(date(block, "since")),
            plain(end(block)),
            plain(number(block, "stopped_packets").to_string()),
            plain(bytes(number(block, "stopped_bytes"))),
            plain(text(&block["reason"], "message")),
        ]
    };
    let titles = ["DEVICE", "ADDRESS", "NAME", "SINCE", "UNTIL", " PACKETS", " STOPPED", "WHY"];
    table(list(value, "blocks"), "Nothing is blocked.", &titles, &row, style)
}

/// Returns the user's own decisions, from `{"pins": [...]}`.
pub fn pins(value: &Value, style: Style) -> String {
    let row = |pin: &Value| {
        let word = text(pin, "verdict");
        vec![
            plain(clean(string(pin, "name").unwrap_or("all devices"))),
            (if word == "block" { Paint::Bad } else { Paint::Good }, word),
            plain(text(pin, "target")),
            plain(contact_name(pin)),
            plain(end(pin)),
            plain(text(pin, "from")),
        ]
    };
    let titles = ["DEVICE", "VERDICT", "TARGET", "NAME", "UNTIL", "FROM"];
    table(list(value, "pins"), "You have not decided anything yourself.", &titles, &row, style)
}

/// Returns what happened, from `{"history": [...]}`.
pub fn history(value: &Value, style: Style) -> String {
    match list(value, "history") {
        [] => "Nothing has happened yet.\n".into(),
        all => all.iter().map(|entry| record(entry, style) + "\n").collect(),
    }
}

/// Returns one thing that happened, in a line.
pub fn record(value: &Value, style: Style) -> String {
    let kind = text(value, "kind");
    let paint = match kind.as_str() {
        "block" => Paint::Bad,
        "finding" => Paint::Look,
        "unblock" | "end" => Paint::Good,
        _ => Paint::Plain,
    };
    let who = string(value, "name").map(|name| clean(name) + ": ").unwrap_or_default();
    let (date, kind) = (style.paint(Paint::Dim, &date(value, "time")), style.paint(paint, &format!("{kind:<8}")));
    format!("{date}  {kind}  {who}{}", text(value, "message"))
}

/// Returns the detectors with what they found, from `{"detectors": [...]}`.
pub fn detectors(value: &Value, style: Style) -> String {
    let mut out = String::new();
    for detector in list(value, "detectors") {
        let _ = writeln!(out, "{}: {}", style.paint(Paint::Bold, &text(detector, "name")), text(detector, "about"));
        out += "  What can fool it:\n";
        for reason in list(detector, "fooled_by").iter().filter_map(Value::as_str) {
            let _ = writeln!(out, "    - {reason}");
        }
        let findings = list(detector, "findings");
        for finding in findings.iter().take(FINDINGS) {
            let _ = writeln!(out, "  {} {}", text(finding, "name"), text(finding, "message"));
        }
        if findings.len() > FINDINGS {
            let _ = writeln!(out, "  and {} more: leash findings", findings.len() - FINDINGS);
        }
    }
    out
}

/// Returns what is wrong with leash itself, from `{"complaints": [...]}`.
pub fn doctor(value: &Value, style: Style) -> String {
    let mut out = String::new();
    for complaint in list(value, "complaints") {
        let severity = text(complaint, "severity");
        let paint = if severity == "error" { Paint::Bad } else { Paint::Look };
        let severity = style.paint(paint, &format!("{severity:7}"));
        let _ = writeln!(out, "{severity}  {}", text(complaint, "message"));
        let _ = writeln!(out, "         {}", text(&complaint["remedy"], "message"));
    }
    if out.is_empty() {
        "All is well: leash sees all that it needs, and can do all that it should.\n".into()
    } else {
        out
    }
}

/// Returns the house at a glance, from `{"tiers": [...]}`: what is so, and below it what can be done.
pub fn house(value: &Value, style: Style) -> String {
    let mut out = String::new();
    for tier in list(value, "tiers") {
        let _ = writeln!(out, "{}", style.paint(Paint::Bold, &text(tier, "tier")));
        for fact in list(tier, "facts") {
            let _ = writeln!(out, "  {}", text(fact, "message"));
            if let Some(next) = fact.get("next") {
                let _ = writeln!(out, "      {}", text(next, "message"));
            }
        }
    }
    out
}

/// Returns the numbers of `status`, one in a line.
pub fn status(value: &Value, _: Style) -> String {
    let mut out = String::new();
    lines(value, "", &mut out);
    out
}

fn lines(value: &Value, prefix: &str, out: &mut String) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(_) => lines(value, &key, out),
            _ if key.ends_with(".seconds") => {
                let span = Span::secs(value.as_u64().unwrap_or_default());
                let _ = writeln!(out, "{:<26} {span}", "running");
            }
            _ => _ = writeln!(out, "{key:<26} {}", value.as_str().map_or(value.to_string(), clean)),
        }
    }
}

/// Returns what an order did, in a line, from the answer of its method.
pub fn done(method: &str, value: &Value) -> String {
    let text = |key| text(value, key);
    let who = string(value, "name").map_or("all devices".into(), clean);
    let end = if value.get("until").is_some() { format!(" until {}", date(value, "until")) } else { String::new() };
    match method {
        "set_mode" => format!("{who} is now in mode {}\n", text("mode")),
        "set_name" => format!("{} is now called {who}\n", text("device")),
        "set_type" => format!("{who}: type {}\n", text("type")),
        "set_group" if text("group").is_empty() => format!("{who} is in no group\n"),
        "set_group" => format!("{who} is now in the group {}\n", text("group")),
        "set_group_mode" => format!("the group {} is now in mode {}\n", text("group"), text("mode")),
        "join" => format!("{} is now one device with {}\n", text("device"), text("with")),
        "decide" => format!("{}: {} for {who}{end}\n", text("verdict"), text("target")),
        "unpin" => format!("your own decision on {} is taken back\n", text("target")),
        "unblock" => format!("{} is no longer blocked for {who}\n", text("target")),
        "blocking" if value["blocking"] == Value::Bool(true) => "blocking is on\n".into(),
        "blocking" => "blocking is off: nothing is stopped until `leash on`\n".into(),
        "reload" => "the settings were read again\n".into(),
        _ => "done\n".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_device_without_a_name_is_shown_with_its_maker() {
        let device = |name: Option<&str>| {
            let mut device =
                json!({ "mac": "50:c7:bf:00:00:01", "vendor": "TP-LINK", "mode": "observe", "verdict": "allow" });
            device["label"] = name.unwrap_or("50:c7:bf:00:00:01").into();
            devices(&json!({ "devices": [device] }), Style::default())
        };
        assert!(device(None).contains("\n50:c7:bf:00:00:01 (TP-LINK)  "), "{}", device(None));
        assert!(device(Some("plug")).contains("\nplug  "), "{}", device(Some("plug")));
    }
}
