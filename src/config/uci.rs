//! What the `uci` program is told, so that the settings hold what was ordered.

use crate::config::{device_name, sections};
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::Target;
use serde_json::Value;
use std::fmt::Write;

/// Commands for `uci batch` that bring these orders (the method `orders`) into settings with this text, and how many
/// orders they are. Whoever gave the orders may be another user than who runs uci, so nothing is taken over that is not a
/// hardware address, a mode, a name, a destination or a verdict.
///
/// # Errors
/// A sentence that says which order makes no sense.
pub fn batch(settings: &str, orders: &Value) -> Result<(usize, String), String> {
    let sections = sections(settings, &mut Vec::new());
    let of = |kind: &'static str| sections.iter().filter(move |section| section.kind == kind);
    let list = |name: &str| orders.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut out = String::new();
    let mut done = 0;
    let mut line = |text: std::fmt::Arguments| _ = writeln!(out, "{text}");

    if let Some(on) = orders.get("blocking").and_then(Value::as_bool) {
        if of("leash").next().is_none() {
            line(format_args!("add leash leash"));
        }
        line(format_args!("set leash.@leash[-1].blocking='{}'", u8::from(on)));
        done += 1;
    }
    let mut wanted: Vec<(Mac, &str, String)> = Vec::new();
    for order in list("modes") {
        let mac = mac(order)?.ok_or("a mode is for a device")?;
        wanted.push((mac, "mode", Mode::parse(text(order, "mode")?)?.text().into()));
    }
    for order in list("names") {
        let mac = mac(order)?.ok_or("a name is for a device")?;
        // As in a shell: a quote within quotes ends them, and begins them again.
        wanted.push((mac, "name", device_name(text(order, "name")?)?.replace('\'', r"'\''")));
    }
    wanted.sort_unstable();
    let mut before = None;
    for (mac, option, value) in &wanted {
        // The last one counts, where there are two.
        let known = of("device").enumerate().filter(|(_, section)| is_of(section.last("mac"), Some(*mac))).last();
        let place = known.map_or("-1".into(), |(i, _)| i.to_string());
        if known.is_none() && before != Some(mac) {
            line(format_args!("add leash device\nset leash.@device[-1].mac='{mac}'"));
        }
        if value.is_empty() {
            line(format_args!("delete leash.@device[{place}].{option}"));
        } else {
            line(format_args!("set leash.@device[{place}].{option}='{value}'"));
        }
        before = Some(mac);
        done += 1;
    }
    let gone: Vec<(Option<Mac>, Target)> =
        list("unpinned").iter().chain(list("pins")).map(key).collect::<Result<_, String>>()?;
    let is_gone = |section: &crate::config::Section| {
        let target = section.last("address").or(section.last("name")).and_then(|text| Target::parse(text, false).ok());
        gone.iter().any(|(mac, gone)| is_of(section.last("mac"), *mac) && target.as_ref() == Some(gone))
    };
    let doomed: Vec<usize> = of("pin").enumerate().filter(|(_, section)| is_gone(section)).map(|(i, _)| i).collect();
    for i in doomed.iter().rev() {
        line(format_args!("delete leash.@pin[{i}]"));
    }
    done += list("unpinned").len();
    // The first pin that fits decides, so that the newest order stands before the others.
    let first = sections.iter().position(|section| section.kind == "pin");
    for order in list("pins").iter().rev() {
        let (mac, target) = key(order)?;
        let verdict = match text(order, "verdict")? {
            verdict @ ("allow" | "block") => verdict,
            other => return Err(format!("'{}' is not a verdict", other.escape_default())),
        };
        line(format_args!("add leash pin\nset leash.@pin[-1].verdict='{verdict}'"));
        let option = if matches!(target, Target::Name(_)) { "name" } else { "address" };
        line(format_args!("set leash.@pin[-1].{option}='{target}'"));
        if let Some(mac) = mac {
            line(format_args!("set leash.@pin[-1].mac='{mac}'"));
        }
        if let Some(first) = first {
            line(format_args!("reorder leash.@pin[-1]={first}"));
        }
        done += 1;
    }
    if done > 0 {
        line(format_args!("commit leash"));
    }
    Ok((done, out))
}

fn text<'a>(order: &'a Value, key: &str) -> Result<&'a str, String> {
    order.get(key).and_then(Value::as_str).ok_or_else(|| format!("an order has no '{key}'"))
}

fn mac(order: &Value) -> Result<Option<Mac>, String> {
    order.get("device").and_then(Value::as_str).map(str::parse).transpose()
}

/// What a pin is on.
fn key(order: &Value) -> Result<(Option<Mac>, Target), String> {
    Ok((mac(order)?, Target::parse(text(order, "target")?, false)?))
}

fn is_of(text: Option<&str>, mac: Option<Mac>) -> bool {
    text.map(|text| text.parse().ok()) == mac.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SETTINGS: &str = "config leash 'main'\n\toption blocking '1'\nconfig device\n\toption mac '02:00:00:00:00:20'\n\
        config pin\n\toption name 'old.example'\n\toption verdict 'allow'\nconfig device 'tv'\n\toption mac '02:00:00:00:00:21'\n\
        config pin 'p'\n\toption address '203.0.113.9'\n\toption mac '02:00:00:00:00:21'\n\toption verdict 'block'\n";

    #[test]
    fn orders_become_sections() {
        let orders = json!({
            "blocking": false,
            "modes": [
                { "device": "02:00:00:00:00:21", "mode": "guard" }, { "device": "02:00:00:00:00:22", "mode": "local" }
            ],
            "names": [
                { "device": "02:00:00:00:00:22", "name": "Anna's bulb" }, { "device": "02:00:00:00:00:20", "name": "" }
            ],
            "unpinned": [{ "target": "old.example" }],
            "pins": [
                { "target": "new.example", "verdict": "block" },
                { "device": "02:00:00:00:00:21", "target": "203.0.113.9", "verdict": "allow" }
            ],
        });
        let (done, batch) = batch(SETTINGS, &orders).unwrap();
        let expected = "set leash.@leash[-1].blocking='0'\ndelete leash.@device[0].name\n\
            set leash.@device[1].mode='guard'\nadd leash device\nset leash.@device[-1].mac='02:00:00:00:00:22'\n\
            set leash.@device[-1].mode='local'\nset leash.@device[-1].name='Anna'\\''s bulb'\ndelete leash.@pin[1]\n\
            delete leash.@pin[0]\nadd leash pin\nset leash.@pin[-1].verdict='allow'\n\
            set leash.@pin[-1].address='203.0.113.9'\nset leash.@pin[-1].mac='02:00:00:00:00:21'\n\
            reorder leash.@pin[-1]=2\nadd leash pin\nset leash.@pin[-1].verdict='block'\n\
            set leash.@pin[-1].name='new.example'\nreorder leash.@pin[-1]=2\ncommit leash\n";
        assert_eq!((done, batch.as_str()), (8, expected));
    }

    #[test]
    fn nothing_else_gets_in() {
        assert_eq!(batch(SETTINGS, &json!({})), Ok((0, String::new())));
        assert_eq!(batch("", &json!({ "blocking": true })).unwrap().1.lines().next(), Some("add leash leash"));
        for orders in [
            json!({ "modes": [{ "device": "02:00:00:00:00:21", "mode": "guard'\nset network.lan.proto='none" }] }),
            json!({ "modes": [{ "device": "x'\n", "mode": "guard" }] }),
            json!({ "modes": [{ "mode": "guard" }] }),
            json!({ "names": [{ "device": "02:00:00:00:00:21", "name": "x\nset network.lan.proto=none" }] }),
            json!({ "pins": [{ "target": "a'\nset x.y='z", "verdict": "block" }] }),
            json!({ "pins": [{ "target": "a.example", "verdict": "block'\n" }] }),
            json!({ "unpinned": [{ "device": "02:00:00:00:00:21" }] }),
        ] {
            assert!(batch(SETTINGS, &orders).is_err(), "{orders}");
        }
    }
}
