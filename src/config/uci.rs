//! UCI text: how its sections are read, and the commands for the `uci` program that write orders into it.
//!
//! The syntax is that of openwrt/uci, file.c: `config TYPE ['NAME']`, `option KEY 'VALUE'`, `list KEY 'VALUE'`,
//! comments after `#`.

use crate::config::types::{Problem, Tag, device_name};
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
    /// The section's name, empty for none.
    pub name: String,
    /// The options in the order of the file.
    pub options: Vec<Entry>,
}

/// A line of a section: `option` or `list`.
pub struct Entry {
    /// The line, counted from 1.
    pub line: usize,
    /// It begins with `list`.
    pub is_list: bool,
    /// The option's name.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Section {
    /// Returns all values of an option, in words: of a list, or of an option with several.
    pub fn words<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(key).flat_map(str::split_ascii_whitespace)
    }

    /// Returns all values of a list.
    pub(super) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Returns the value that counts for an option: of one that is given twice the last, as with uci.
    pub fn last(&self, key: &str) -> Option<&str> {
        self.options.iter().rfind(|entry| entry.key == key).map(|entry| entry.value.as_str())
    }

    /// Returns the hardware addresses of a device.
    fn macs(&self) -> impl Iterator<Item = Mac> {
        self.words("mac").filter_map(|word| word.parse().ok())
    }

    /// Whether it is of this device.
    fn has(&self, mac: Mac) -> bool {
        self.macs().any(|known| known == mac)
    }

    fn add(&mut self, key: &str, value: String) {
        self.options.push(Entry { line: 0, is_list: false, key: key.into(), value });
    }
}

/// Returns the sections of UCI text in the order of the file, and adds what is wrong with its lines to `problems`. A
/// section with the type and the name of an earlier one continues it, as with uci.
pub fn sections(text: &str, problems: &mut Vec<Problem>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut current = None;
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
                let name = name.first().copied().unwrap_or_default();
                let same = |section: &Section| !name.is_empty() && section.kind == *kind && section.name == name;
                current = sections.iter().position(same).or(Some(sections.len()));
                if current == Some(sections.len()) {
                    sections.push(Section { line, kind: (*kind).into(), name: name.into(), options: Vec::new() });
                }
            }
            [word @ ("option" | "list"), key, value] => match current.and_then(|at| sections.get_mut(at)) {
                Some(section) => section.options.push(Entry {
                    line,
                    is_list: *word == "list",
                    key: (*key).into(),
                    value: (*value).into(),
                }),
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
    batch.devices(list(orders, "modes"), list(orders, "names"), list(orders, "tags"))?;
    batch.groups(list(orders, "group_modes"))?;
    batch.join(list(orders, "joined"))?;
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

    fn devices(&mut self, modes: &[Value], names: &[Value], tags: &[Value]) -> Result<(), String> {
        let mut wanted: Vec<(Mac, &str, String)> = Vec::new();
        for order in modes {
            let mac = mac(order)?.ok_or("a mode is for a device")?;
            let mode = Mode::parse_own(text(order, "mode")?)?;
            wanted.push((mac, "mode", mode.map_or("", Mode::text).into()));
        }
        for order in names {
            let mac = mac(order)?.ok_or("a name is for a device")?;
            wanted.push((mac, "name", quoted(device_name(text(order, "name")?)?)));
        }
        for order in tags {
            let mac = mac(order)?.ok_or("a type or group is for a device")?;
            let word = text(order, "option")?;
            let tag = Tag::ALL.into_iter().find(|(_, known)| *known == word);
            let (tag, option) = tag.ok_or_else(|| format!("'{}' is no tag", word.escape_default()))?;
            wanted.push((mac, option, quoted(tag.check(text(order, "value")?)?)));
        }
        wanted.sort_unstable();
        self.done += wanted.len();
        for (mac, option, value) in &wanted {
            let place = self.own_section(*mac, option);
            if value.is_empty() {
                self.command(format_args!("delete leash.@device[{place}].{option}"));
            } else {
                self.command(format_args!("set leash.@device[{place}].{option}='{value}'"));
            }
        }
        Ok(())
    }

    /// Returns the number of the section that has this option of this device alone. A device without a section gets one,
    /// and one that shares its section with others leaves it.
    fn own_section(&mut self, mac: Mac, option: &str) -> String {
        // Where there are two, the last that has the option counts.
        let of_mac = |(_, section): &(usize, &Section)| section.macs().any(|known| known == mac);
        let with_option = self.of("device").filter(of_mac).rfind(|(_, section)| section.last(option).is_some());
        let found = with_option.or_else(|| self.of("device").rfind(of_mac));
        let mut own = Section { line: 0, kind: "device".into(), name: String::new(), options: Vec::new() };
        let mut left = None;
        if let Some((i, section)) = found {
            let others: Vec<Mac> = section.macs().filter(|known| *known != mac).collect();
            if others.is_empty() {
                // One that was added just now is the last.
                return if section.line == 0 { "-1".into() } else { i.to_string() };
            }
            for key in ["name", "mode", "type", "group"] {
                section.last(key).into_iter().for_each(|value| own.add(key, value.into()));
            }
            left = Some((i, others));
        }
        if let Some((i, others)) = left {
            self.set_macs(i, &others);
        }
        self.command(format_args!("add leash device\nset leash.@device[-1].mac='{mac}'"));
        for Entry { key, value, .. } in &own.options {
            self.commands += &format!("set leash.@device[-1].{key}='{}'\n", quoted(value));
        }
        own.add("mac", mac.to_string());
        self.sections.push(own);
        "-1".into()
    }

    fn groups(&mut self, modes: &[Value]) -> Result<(), String> {
        self.done += modes.len();
        for order in modes {
            let (group, mode) = (device_name(text(order, "group")?)?, Mode::parse(text(order, "mode")?)?.text());
            let place = self.of("group").find(|(_, section)| section.last("name") == Some(group)).map(|(i, _)| i);
            match place {
                Some(i) => self.command(format_args!("set leash.@group[{i}].mode='{mode}'")),
                None => self.command(format_args!(
                    "add leash group\nset leash.@group[-1].name='{}'\nset leash.@group[-1].mode='{mode}'",
                    quoted(group)
                )),
            }
        }
        Ok(())
    }

    /// Moves hardware addresses into the sections of others. A section that has none any longer goes.
    fn join(&mut self, joined: &[Value]) -> Result<(), String> {
        self.done += joined.len();
        let mut empty = Vec::new();
        for order in joined {
            let mac = mac(order)?.ok_or("a device is joined with another")?;
            let with: Mac = text(order, "with")?.parse()?;
            if !self.sections.iter().any(|section| section.kind == "device" && section.has(with)) {
                self.own_section(with, "mac");
            }
            let mut sections: Vec<(usize, bool, bool)> = Vec::new();
            sections.extend(self.of("device").map(|(i, section)| (i, section.has(mac), section.has(with))));
            let target = sections.iter().rfind(|(.., has)| *has).map(|(i, ..)| *i);
            for (i, has, _) in sections {
                let mut macs: Vec<Mac> = Vec::new();
                macs.extend(self.of("device").nth(i).into_iter().flat_map(|(_, section)| section.macs()));
                match (has, target == Some(i)) {
                    (false, true) => macs.push(mac),
                    (true, false) => macs.retain(|known| *known != mac),
                    _ => continue,
                }
                self.set_macs(i, &macs);
                empty.extend(macs.is_empty().then_some(i));
            }
        }
        empty.sort_unstable();
        empty.dedup();
        for i in empty.iter().rev() {
            self.command(format_args!("delete leash.@device[{i}]"));
        }
        Ok(())
    }

    /// Gives a section of a device these hardware addresses.
    fn set_macs(&mut self, i: usize, macs: &[Mac]) {
        self.command(format_args!("delete leash.@device[{i}].mac"));
        for mac in macs {
            self.command(format_args!("add_list leash.@device[{i}].mac='{mac}'"));
        }
        if let Some(section) = self.sections.iter_mut().filter(|section| section.kind == "device").nth(i) {
            section.options.retain(|entry| entry.key != "mac");
            macs.iter().for_each(|mac| section.add("mac", mac.to_string()));
        }
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

/// Returns a text as it stands within quotes: as in a shell, a quote ends them, and another begins them again.
fn quoted(text: &str) -> String {
    text.replace('\'', r"'\''")
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
    fn a_mode_is_taken_away() {
        let settings = "config device\n\toption mac '02:00:00:00:00:20'\n\toption mode 'trust'\n";
        let orders = json!({ "modes": [{ "device": "02:00:00:00:00:20", "mode": "default" }] });
        assert_eq!(batch(settings, &orders), Ok((1, "delete leash.@device[0].mode\ncommit leash\n".into())));
    }

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
    fn a_device_leaves_the_section_that_it_shares() {
        let settings = "config device\n\tlist mac '02:00:00:00:00:20'\n\tlist mac '02:00:00:00:00:21'\n\
            \toption name \"Ann's\"\nconfig device\n\toption mac '02:00:00:00:00:20'\n\toption mode guard\n";
        let orders = json!({
            "names": [{ "device": "02:00:00:00:00:20", "name": "" }],
            "modes": [
                { "device": "02:00:00:00:00:20", "mode": "local" }, { "device": "02:00:00:00:00:21", "mode": "trust" }
            ],
        });
        let expected = "set leash.@device[1].mode='local'\ndelete leash.@device[0].mac\n\
            add_list leash.@device[0].mac='02:00:00:00:00:21'\nadd leash device\n\
            set leash.@device[-1].mac='02:00:00:00:00:20'\nset leash.@device[-1].name='Ann'\\''s'\n\
            delete leash.@device[-1].name\nset leash.@device[0].mode='trust'\ncommit leash\n";
        assert_eq!(batch(settings, &orders).unwrap().1, expected);
    }

    #[test]
    fn types_groups_and_joined_devices_become_sections() {
        let settings = "config device\n\toption mac '02:00:00:00:00:20'\nconfig device\n\toption mac '02:00:00:00:00:21'\n\
            \toption name tv\nconfig group\n\toption name kitchen\n\toption mode observe\n";
        let orders = json!({
            "tags": [
                { "device": "02:00:00:00:00:21", "option": "group", "value": "Anna's room" },
                { "device": "02:00:00:00:00:21", "option": "type", "value": "tv" }
            ],
            "group_modes": [{ "group": "kitchen", "mode": "guard" }, { "group": "hall", "mode": "local" }],
            "joined": [
                { "device": "02:00:00:00:00:20", "with": "02:00:00:00:00:21" },
                { "device": "02:00:00:00:00:30", "with": "02:00:00:00:00:31" }
            ],
        });
        let (done, batch) = batch(settings, &orders).unwrap();
        let expected = "set leash.@device[1].group='Anna'\\''s room'\nset leash.@device[1].type='tv'\n\
            set leash.@group[0].mode='guard'\nadd leash group\nset leash.@group[-1].name='hall'\n\
            set leash.@group[-1].mode='local'\ndelete leash.@device[0].mac\ndelete leash.@device[1].mac\n\
            add_list leash.@device[1].mac='02:00:00:00:00:21'\nadd_list leash.@device[1].mac='02:00:00:00:00:20'\n\
            add leash device\nset leash.@device[-1].mac='02:00:00:00:00:31'\ndelete leash.@device[2].mac\n\
            add_list leash.@device[2].mac='02:00:00:00:00:31'\nadd_list leash.@device[2].mac='02:00:00:00:00:30'\n\
            delete leash.@device[0]\ncommit leash\n";
        assert_eq!((done, batch.as_str()), (6, expected));
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
            json!({ "tags": [{ "device": "02:00:00:00:00:21", "option": "mode", "value": "guard" }] }),
            json!({ "tags": [{ "device": "02:00:00:00:00:21", "option": "type", "value": "toaster" }] }),
            json!({ "group_modes": [{ "group": "x\nset x.y='z'", "mode": "guard" }] }),
            json!({ "joined": [{ "device": "02:00:00:00:00:21", "with": "x" }] }),
            json!({ "pins": [{ "target": "a'\nset x.y='z", "verdict": "block" }] }),
            json!({ "pins": [{ "target": "a.example", "verdict": "block'\n" }] }),
            json!({ "unpinned": [{ "device": "02:00:00:00:00:21" }] }),
        ] {
            assert!(batch(SETTINGS, &orders).is_err(), "{orders}");
        }
    }
}
