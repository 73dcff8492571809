//! UCI text: how its sections are read, and the commands for the `uci` program that write orders into it.
//!
//! The syntax is that of openwrt/uci, file.c: `config TYPE ['NAME']`, `option KEY 'VALUE'`, `list KEY 'VALUE'`,
//! comments after `#`.

use crate::config::settings::device_name;
use crate::config::types::Problem;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::Target;
use serde_json::Value;
use std::fmt::{self, Write};

/// A section of UCI text.
pub struct Section {
    /// The line of `config`, counted from 1.
    pub line: usize,
    /// The section's type.
    pub kind: String,
    /// The section's name; empty where it has none.
    pub name: String,
    /// Line, key and value of each option in the order of the file. Of an option that is given twice the last counts,
    /// as with uci.
    pub options: Vec<(usize, String, String)>,
}

impl Section {
    /// Returns all values of an option, in words: of a list, or of an option with several.
    pub(super) fn words<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(key).flat_map(str::split_whitespace)
    }

    /// Returns all values of a list.
    pub(super) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(_, k, _)| k == key).map(|(_, _, value)| value.as_str())
    }

    /// Returns the value that counts for an option.
    pub(super) fn last(&self, key: &str) -> Option<&str> {
        self.options.iter().rfind(|(_, k, _)| k == key).map(|(_, _, value)| value.as_str())
    }
}

/// Returns the sections of UCI text in the order of the file, and adds what is wrong with its lines to `problems`.
pub fn sections(text: &str, problems: &mut Vec<Problem>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (i, text) in text.lines().enumerate() {
        let line = i + 1;
        let mut problem = |message: String| problems.push(Problem { line, message });
        let words = match words(text) {
            Ok(words) => words,
            Err(message) => {
                problem(message);
                continue;
            }
        };
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] | ["package", _] => {}
            ["config", kind, name @ ..] if name.len() < 2 => {
                let name = name.concat();
                sections.push(Section { line, kind: (*kind).into(), name, options: Vec::new() });
            }
            ["option" | "list", key, value] => match sections.last_mut() {
                Some(section) => section.options.push((line, (*key).into(), (*value).into())),
                None => problem("an option stands before the first 'config' line; it is ignored".into()),
            },
            _ => problem("a line is: config TYPE 'NAME', option KEY 'VALUE' or list KEY 'VALUE'; it is ignored".into()),
        }
    }
    sections
}

/// Splits a line as uci does: blanks between words, single or double quotes around them, a backslash outside single
/// quotes takes the next character as it is, a comment after `#`.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', None | Some('"')) => {
                let c = chars.next().ok_or("the line ends in a backslash; it is ignored")?;
                word.get_or_insert_default().push(c);
            }
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) => break,
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed; the line is ignored".into());
    }
    words.extend(word);
    Ok(words)
}

/// Returns how many of these orders (the answer of the method `orders`) are to be written into settings with this text,
/// and the commands for `uci batch` that do it.
///
/// Whoever gave the orders may be another user than who runs uci, so nothing is taken over that is not a hardware
/// address, a mode, a name, a destination or a verdict.
///
/// # Errors
/// A sentence that says which order makes no sense.
pub fn batch(settings: &str, orders: &Value) -> Result<(usize, String), String> {
    let mut batch = Batch { sections: sections(settings, &mut Vec::new()), commands: String::new(), done: 0 };
    if let Some(on) = orders.get("blocking").and_then(Value::as_bool) {
        batch.switch(on);
    }
    batch.devices(list(orders, "modes"), list(orders, "names"))?;
    batch.pins(list(orders, "unpinned"), list(orders, "pins"))?;
    if batch.done > 0 {
        batch.command(format_args!("commit leash"));
    }
    Ok((batch.done, batch.commands))
}

struct Batch {
    sections: Vec<Section>,
    commands: String,
    done: usize,
}

impl Batch {
    fn command(&mut self, text: fmt::Arguments) {
        _ = writeln!(self.commands, "{text}");
    }

    /// Returns the sections of a type, each with its number for uci's `@TYPE[NUMBER]`.
    fn of(&self, kind: &'static str) -> impl DoubleEndedIterator<Item = (usize, &Section)> {
        self.sections.iter().filter(move |section| section.kind == kind).collect::<Vec<_>>().into_iter().enumerate()
    }

    fn switch(&mut self, on: bool) {
        if self.of("leash").next().is_none() {
            self.command(format_args!("add leash leash"));
        }
        self.command(format_args!("set leash.@leash[-1].blocking='{}'", u8::from(on)));
        self.done += 1;
    }

    fn devices(&mut self, modes: &[Value], names: &[Value]) -> Result<(), String> {
        let mut wanted: Vec<(Mac, &str, String)> = Vec::new();
        for order in modes {
            let mac = mac(order)?.ok_or("a mode is for a device")?;
            wanted.push((mac, "mode", Mode::parse(text(order, "mode")?)?.text().into()));
        }
        for order in names {
            let mac = mac(order)?.ok_or("a name is for a device")?;
            // As in a shell, a quote within quotes ends them, and another begins them again.
            wanted.push((mac, "name", device_name(text(order, "name")?)?.replace('\'', r"'\''")));
        }
        wanted.sort_unstable();
        self.done += wanted.len();
        let mut before = None;
        for (mac, option, value) in &wanted {
            // Where there are two, the last one counts.
            let known = self.of("device").rfind(|(_, section)| is_of(section.last("mac"), Some(*mac))).map(|(i, _)| i);
            let place = known.map_or("-1".into(), |i| i.to_string());
            if known.is_none() && before != Some(mac) {
                self.command(format_args!("add leash device\nset leash.@device[-1].mac='{mac}'"));
            }
            if value.is_empty() {
                self.command(format_args!("delete leash.@device[{place}].{option}"));
            } else {
                self.command(format_args!("set leash.@device[{place}].{option}='{value}'"));
            }
            before = Some(mac);
        }
        Ok(())
    }

    fn pins(&mut self, unpinned: &[Value], pins: &[Value]) -> Result<(), String> {
        self.done += unpinned.len() + pins.len();
        let gone: Vec<PinKey> = unpinned.iter().chain(pins).map(pin_key).collect::<Result<_, String>>()?;
        let is_gone = |section: &Section| {
            let target = section.last("address").or(section.last("name"));
            let target = target.and_then(|text| Target::parse(text, false).ok());
            gone.iter().any(|(mac, gone)| is_of(section.last("mac"), *mac) && target.as_ref() == Some(gone))
        };
        let doomed: Vec<usize> = self.of("pin").filter(|(_, section)| is_gone(section)).map(|(i, _)| i).collect();
        for i in doomed.iter().rev() {
            self.command(format_args!("delete leash.@pin[{i}]"));
        }
        // The first pin that fits decides, so the newest order stands before the others.
        let first = self.sections.iter().position(|section| section.kind == "pin");
        for order in pins.iter().rev() {
            let (mac, target) = pin_key(order)?;
            let verdict = match text(order, "verdict")? {
                verdict @ ("allow" | "block") => verdict,
                other => return Err(format!("'{}' is not a verdict", other.escape_default())),
            };
            self.command(format_args!("add leash pin\nset leash.@pin[-1].verdict='{verdict}'"));
            let option = if matches!(target, Target::Name(_)) { "name" } else { "address" };
            self.command(format_args!("set leash.@pin[-1].{option}='{target}'"));
            if let Some(mac) = mac {
                self.command(format_args!("set leash.@pin[-1].mac='{mac}'"));
            }
            if let Some(first) = first {
                self.command(format_args!("reorder leash.@pin[-1]={first}"));
            }
        }
        Ok(())
    }
}

/// What tells pins apart: the device, or all, and the destination.
type PinKey = (Option<Mac>, Target);

fn pin_key(order: &Value) -> Result<PinKey, String> {
    Ok((mac(order)?, Target::parse(text(order, "target")?, false)?))
}

fn list<'a>(orders: &'a Value, name: &str) -> &'a [Value] {
    orders.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(order: &'a Value, key: &str) -> Result<&'a str, String> {
    order.get(key).and_then(Value::as_str).ok_or_else(|| format!("an order has no '{key}'"))
}

fn mac(order: &Value) -> Result<Option<Mac>, String> {
    order.get("device").and_then(Value::as_str).map(str::parse).transpose()
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
