//! The answers of a running leash as text that a person likes to read.

use crate::cli::report::{Paint, Style, label, list, number, string, verdict, wall};
use crate::time::Span;
use crate::units::{bytes, count};
use serde_json::Value;
use std::fmt::Write;

/// Findings of a detector that are written out; the rest is counted.
const FINDINGS: usize = 5;

/// Columns under their titles, each as wide as it must be; a title that begins with a blank is of numbers.
fn columns(titles: &[&str], rows: &[Vec<(Paint, String)>], style: Style) -> String {
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|row| row.get(i)).map(|(_, cell)| cell.chars().count());
        cells.chain([titles[i].trim().len()]).max().unwrap_or_default()
    };
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = (Paint, &str)>| {
        let mut text = String::new();
        for (i, (paint, cell)) in cells.enumerate() {
            let pad = " ".repeat(width(i).saturating_sub(cell.chars().count()));
            let cell = style.paint(paint, cell);
            let last = i + 1 == titles.len();
            match (titles[i].starts_with(' '), last) {
                (true, _) => text += &format!("{pad}{cell}  "),
                (false, true) => text += &cell,
                (false, false) => text += &format!("{cell}{pad}  "),
            }
        }
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(&mut titles.iter().map(|title| (Paint::Dim, title.trim())));
    for row in rows {
        line(&mut row.iter().map(|(paint, cell)| (*paint, cell.as_str())));
    }
    out
}

fn plain(text: impl Into<String>) -> (Paint, String) {
    (Paint::Plain, text.into())
}

/// A text of the network without what a terminal would obey.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

fn date(value: &Value, key: &str) -> String {
    wall(value, key).map(|wall| wall.date()).unwrap_or_default()
}

/// The house at a glance: of `{"status": ..., "devices": [...]}`.
pub fn overview(value: &Value, style: Style) -> String {
    let status = &value["status"];
    let calm = number(status, "devices").saturating_sub(number(status, "watch") + number(status, "block"));
    let mut out = format!("{}: {calm} calm", count(number(status, "devices"), "device"));
    for (word, key) in [("to watch", "watch"), ("with blocks", "block")] {
        if number(status, key) > 0 {
            let _ = write!(out, ", {} {word}", number(status, key));
        }
    }
    let _ = write!(out, "; {}", count(number(status, "blocks"), "block"));
    if status["blocking"] == Value::Bool(false) {
        out += &style.paint(Paint::Bad, "; blocking is switched off");
    }
    out.push('\n');
    match number(status, "complaints") {
        0 => {}
        n => {
            let says = format!("{} of leash itself: leash doctor", count(n, "complaint"));
            let _ = writeln!(out, "{}", style.paint(Paint::Look, &says));
        }
    }
    out + "\n" + &devices(value, style)
}

/// `{"devices": [...]}`.
pub fn devices(value: &Value, style: Style) -> String {
    let row = |device: &Value| {
        let addresses = list(device, "addresses");
        let more = if addresses.len() > 1 { format!(" +{}", addresses.len() - 1) } else { String::new() };
        let first = addresses.first().and_then(Value::as_str).unwrap_or("-");
        let (contacts, unexplained) = (number(device, "contacts"), number(device, "unexplained"));
        let share = match (contacts, unexplained) {
            (0, _) => "-".into(),
            (_, 0) if number(device, "unknown") == contacts => "unknown".into(),
            (_, 0) => "none".into(),
            _ => format!("{unexplained} of {contacts}"),
        };
        // A bare hardware address tells people less than who made it.
        let maker = string(device, "vendor").filter(|_| string(device, "mac") == Some(label(device)));
        let maker = maker.map(|maker| format!(" ({})", clean(maker))).unwrap_or_default();
        let (paint, word) = verdict(string(device, "verdict").unwrap_or_default());
        vec![
            plain(format!("{}{maker}", clean(label(device)))),
            plain(format!("{first}{more}")),
            plain(string(device, "mode").unwrap_or_default()),
            plain(contacts.to_string()),
            plain(share),
            plain(bytes(number(device, "sent_bytes"))),
            plain(bytes(number(device, "received_bytes"))),
            plain(number(device, "blocks").to_string()),
            (paint, word.into()),
        ]
    };
    let titles = ["DEVICE", "ADDRESS", "MODE", " CONTACTS", "UNEXPLAINED", " SENT", " RECEIVED", " BLOCKS", "VERDICT"];
    match list(value, "devices") {
        [] => "No device was seen yet.\n".into(),
        all => columns(&titles, &all.iter().map(row).collect::<Vec<_>>(), style),
    }
}

/// `{"device": {...}}`.
pub fn device(value: &Value, style: Style) -> String {
    let device = &value["device"];
    let says = clean(string(device, "message").unwrap_or_default());
    let mut out = format!("{} {says}\n", style.paint(Paint::Bold, &clean(label(device))));
    let addresses: Vec<&str> = list(device, "addresses").iter().filter_map(Value::as_str).collect();
    let facts = [
        ("hardware address", string(device, "mac").unwrap_or_default().into()),
        ("addresses", addresses.join(", ")),
        ("calls itself", string(device, "hostname").map(clean).unwrap_or_default()),
        ("made by", string(device, "vendor").map(clean).unwrap_or_default()),
        ("vendor class", string(device, "vendor_class").map(clean).unwrap_or_default()),
        ("mode", string(device, "mode").unwrap_or_default().into()),
        ("seen", format!("{} to {} UTC", date(device, "first"), date(device, "last"))),
        ("lookups", number(device, "lookups").to_string()),
        ("flows", number(device, "flows").to_string()),
    ];
    for (what, says) in facts.iter().filter(|(_, says)| !says.is_empty()) {
        let _ = writeln!(out, "  {what:<17} {says}");
    }
    out.push('\n');
    let row = |contact: &Value| {
        let name = list(contact, "names").first().and_then(Value::as_str).or(string(contact, "sni"));
        let (paint, word) = verdict(string(contact, "verdict").unwrap_or_default());
        let explained = string(contact, "explained").unwrap_or("-");
        let look = if matches!(explained, "none" | "other-device") { Paint::Look } else { Paint::Plain };
        vec![
            plain(string(contact, "address").unwrap_or_default()),
            plain(format!("{} {}", string(contact, "protocol").unwrap_or_default(), number(contact, "port"))),
            plain(string(contact, "service").unwrap_or_default()),
            plain(number(contact, "flows").to_string()),
            plain(bytes(number(contact, "sent_bytes"))),
            plain(bytes(number(contact, "received_bytes"))),
            (look, explained.into()),
            (paint, word.into()),
            plain(name.map(clean).unwrap_or_default()),
        ]
    };
    let titles = ["ADDRESS", "PORT", "SERVICE", " FLOWS", " SENT", " RECEIVED", "LOOKUP", "VERDICT", "NAME"];
    match list(device, "contacts") {
        [] => out += "It was not seen to talk to anybody.\n",
        all => out += &columns(&titles, &all.iter().map(row).collect::<Vec<_>>(), style),
    }
    for finding in list(device, "findings") {
        let _ = writeln!(
            out,
            "\n{}: {}",
            string(finding, "detector").unwrap_or_default(),
            clean(string(finding, "message").unwrap_or_default())
        );
    }
    out
}

/// `{"findings": [...]}`.
pub fn findings(value: &Value, style: Style) -> String {
    let row = |finding: &Value| {
        vec![
            plain(clean(string(finding, "name").unwrap_or_default())),
            plain(string(finding, "detector").unwrap_or_default()),
            plain(string(finding, "strength").unwrap_or_default()),
            plain(date(finding, "since")),
            plain(clean(string(finding, "message").unwrap_or_default())),
        ]
    };
    match list(value, "findings") {
        [] => "The detectors have nothing to say.\n".into(),
        all => columns(
            &["DEVICE", "DETECTOR", "STRENGTH", "SINCE (UTC)", "WHAT"],
            &all.iter().map(row).collect::<Vec<_>>(),
            style,
        ),
    }
}

/// `{"blocks": [...]}`.
pub fn blocks(value: &Value, style: Style) -> String {
    let row = |block: &Value| {
        vec![
            plain(clean(string(block, "name").or(string(block, "device")).unwrap_or_default())),
            plain(string(block, "address").unwrap_or_default()),
            plain(date(block, "since")),
            plain(if block.get("until").is_some() { date(block, "until") } else { "for ever".into() }),
            plain(number(block, "stopped_packets").to_string()),
            plain(bytes(number(block, "stopped_bytes"))),
            plain(clean(block.get("reason").and_then(|reason| string(reason, "message")).unwrap_or_default())),
        ]
    };
    let titles = ["DEVICE", "ADDRESS", "SINCE (UTC)", "UNTIL", " PACKETS", " STOPPED", "WHY"];
    match list(value, "blocks") {
        [] => "Nothing is blocked.\n".into(),
        all => columns(&titles, &all.iter().map(row).collect::<Vec<_>>(), style),
    }
}

/// `{"pins": [...]}`.
pub fn pins(value: &Value, style: Style) -> String {
    let row = |pin: &Value| {
        let word = string(pin, "verdict").unwrap_or_default();
        vec![
            plain(clean(string(pin, "name").unwrap_or("all devices"))),
            (if word == "block" { Paint::Bad } else { Paint::Good }, word.into()),
            plain(string(pin, "target").unwrap_or_default()),
            plain(if pin.get("until").is_some() { date(pin, "until") } else { "for ever".into() }),
            plain(string(pin, "from").unwrap_or_default()),
        ]
    };
    match list(value, "pins") {
        [] => "You decided nothing yourself so far.\n".into(),
        all => columns(
            &["DEVICE", "VERDICT", "TARGET", "UNTIL (UTC)", "FROM"],
            &all.iter().map(row).collect::<Vec<_>>(),
            style,
        ),
    }
}

/// `{"history": [...]}`.
pub fn history(value: &Value, style: Style) -> String {
    match list(value, "history") {
        [] => "Nothing happened yet.\n".into(),
        all => all.iter().map(|entry| record(entry, style) + "\n").collect(),
    }
}

/// One thing that happened, in a line.
pub fn record(value: &Value, style: Style) -> String {
    let what = string(value, "kind").unwrap_or_default();
    let paint = match what {
        "block" => Paint::Bad,
        "finding" => Paint::Look,
        "unblock" | "end" => Paint::Good,
        _ => Paint::Plain,
    };
    let who = string(value, "name").map(|name| clean(name) + ": ").unwrap_or_default();
    let says = clean(string(value, "message").unwrap_or_default());
    format!(
        "{}  {}  {who}{says}",
        style.paint(Paint::Dim, &date(value, "time")),
        style.paint(paint, &format!("{what:<8}"))
    )
}

/// `{"detectors": [...]}`.
pub fn detectors(value: &Value, style: Style) -> String {
    let mut out = String::new();
    for detector in list(value, "detectors") {
        let name = string(detector, "name").unwrap_or_default();
        let _ = writeln!(out, "{}: {}", style.paint(Paint::Bold, name), string(detector, "about").unwrap_or_default());
        out += "  What can fool it:\n";
        for reason in list(detector, "fooled_by").iter().filter_map(Value::as_str) {
            let _ = writeln!(out, "    - {reason}");
        }
        let findings = list(detector, "findings");
        for finding in findings.iter().take(FINDINGS) {
            let who = clean(string(finding, "name").unwrap_or_default());
            let _ = writeln!(out, "  {who} {}", clean(string(finding, "message").unwrap_or_default()));
        }
        if findings.len() > FINDINGS {
            let _ = writeln!(out, "  and {} more: leash findings", findings.len() - FINDINGS);
        }
    }
    out
}

/// `{"complaints": [...]}`.
pub fn doctor(value: &Value, style: Style) -> String {
    let mut out = String::new();
    for complaint in list(value, "complaints") {
        let severity = string(complaint, "severity").unwrap_or_default();
        let paint = if severity == "error" { Paint::Bad } else { Paint::Look };
        let message = |value| clean(string(value, "message").unwrap_or_default());
        let _ = writeln!(out, "{}  {}", style.paint(paint, &format!("{severity:7}")), message(complaint));
        let _ = writeln!(out, "         {}", message(&complaint["remedy"]));
    }
    if out.is_empty() { "All is well: leash sees and can do all that it needs.\n".into() } else { out }
}

/// The numbers of `status`.
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

/// What an order did, in a line.
pub fn done(method: &str, value: &Value) -> String {
    let text = |key| string(value, key).map(clean).unwrap_or_default();
    let who = string(value, "name").map_or("all devices".into(), clean);
    let end = if value.get("until").is_some() { format!(" until {} UTC", date(value, "until")) } else { String::new() };
    match method {
        "set_mode" => format!("{who} is in mode {} now\n", text("mode")),
        "set_name" => format!("{} is called {who} now\n", text("device")),
        "decide" => format!("{}: {} for {who}{end}\n", text("verdict"), text("target")),
        "unpin" => format!("no pin on {} any longer\n", text("target")),
        "unblock" => format!("{} is not blocked for {who} any longer\n", text("target")),
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
    fn a_device_without_a_name_is_told_by_its_maker() {
        let device = |name: Option<&str>| {
            let mut device =
                json!({ "mac": "50:c7:bf:00:00:01", "vendor": "TP-LINK", "mode": "observe", "verdict": "allow" });
            if let Some(name) = name {
                device["name"] = name.into();
            }
            devices(&json!({ "devices": [device] }), Style::default())
        };
        assert!(device(None).contains("\n50:c7:bf:00:00:01 (TP-LINK)  "), "{}", device(None));
        assert!(device(Some("plug")).contains("\nplug  "), "{}", device(Some("plug")));
    }
}
