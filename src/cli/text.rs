//! What the command line's texts are made of: colours, columns, and the members of the JSON that is shown.

use crate::live::{clock, terminal};
use crate::time::Wall;
use serde_json::Value;
use std::fmt::Write;

/// How texts are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether there are colours.
    pub colour: bool,
}

/// What a part of a text looks like.
#[derive(Clone, Copy)]
pub enum Paint {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Of less weight.
    Dim,
    /// All is well.
    Good,
    /// Worth a look.
    Look,
    /// Blocked or broken.
    Bad,
}

impl Style {
    /// Returns the style that the terminal can show.
    pub fn of_terminal() -> Style {
        Style { colour: terminal::has_colours() }
    }

    /// Returns the text with the escape sequences for its colour, where there are colours.
    pub fn paint(self, paint: Paint, text: &str) -> String {
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

/// A cell of a table.
pub type Cell = (Paint, String);

/// Returns a cell without a colour.
pub fn plain(text: impl Into<String>) -> Cell {
    (Paint::Plain, text.into())
}

/// Returns columns under their titles, each as wide as it must be. A title that begins with a blank is that of numbers,
/// which stand at the right.
pub fn columns(titles: &[&str], rows: &[Vec<Cell>], style: Style) -> String {
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

/// Returns a text without the control characters, on which a terminal would act.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Returns a member that is a string.
pub fn string<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Returns a member that is a string, without control characters; empty where it is absent.
pub fn text(value: &Value, key: &str) -> String {
    string(value, key).map(clean).unwrap_or_default()
}

/// Returns the protocol of a contact, and its port where it has one.
pub fn protocol(contact: &Value) -> String {
    let protocol = string(contact, "protocol").unwrap_or_default();
    let port = contact.get("port").and_then(Value::as_u64);
    port.map_or_else(|| protocol.into(), |port| format!("{protocol} {port}"))
}

/// Returns a member that is a count; 0 where it is absent.
pub fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// Returns the elements of a member that is an array; none where it is absent.
pub fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns a member that is a date.
pub fn wall(value: &Value, key: &str) -> Option<Wall> {
    value.get(key).and_then(Value::as_f64).map(Wall::from_secs_f64)
}

/// Returns a member that is a date as people write it, in local time; empty where it is absent.
pub fn date(value: &Value, key: &str) -> String {
    wall(value, key).map(|wall| wall.date_at(clock::utc_offset_minutes(wall))).unwrap_or_default()
}

/// Returns what a person calls a device.
pub fn label(device: &Value) -> &str {
    string(device, "label").unwrap_or("?")
}

/// Returns what a device looked a contact's address up as, or else the name that it claims there, as such.
pub fn contact_name(contact: &Value) -> String {
    let looked_up = list(contact, "names").first().and_then(Value::as_str).map(clean);
    let claimed = || string(contact, "claimed_name").map(|name| format!("says it wants {}", clean(name)));
    looked_up.or_else(claimed).unwrap_or_default()
}

/// Returns a device's first address, and how many more there are: `192.168.8.20 +2`.
pub fn addresses(device: &Value) -> String {
    match list(device, "addresses") {
        [] => "-".into(),
        [first] => first.as_str().unwrap_or("-").into(),
        [first, rest @ ..] => format!("{} +{}", first.as_str().unwrap_or("-"), rest.len()),
    }
}

/// Returns how many of a device's `contacts` no lookup explains: `1 of 2`.
pub fn unexplained(device: &Value, contacts: u64) -> String {
    match number(device, "unexplained") {
        _ if contacts == 0 => "-".into(),
        0 if number(device, "unknown") == contacts => "unknown".into(),
        0 => "none".into(),
        unexplained => format!("{unexplained} of {contacts}"),
    }
}

/// Returns how much of a device's lookups is seen: `full`, `partial` or `none`.
pub fn coverage(device: &Value) -> String {
    device.get("coverage").and_then(|coverage| string(coverage, "level")).unwrap_or("-").into()
}

/// Returns the word for people for the verdict on a device or contact.
pub fn verdict(value: &Value) -> (Paint, &'static str) {
    let is_device = value.get("label").is_some();
    match string(value, "verdict") {
        Some("block") if value.get("enforced").is_some() => (Paint::Look, "would block"),
        Some("block") if is_device && value.get("chosen").is_some() => (Paint::Plain, "as you chose"),
        Some("block") => (Paint::Bad, "BLOCK"),
        Some("watch") => (Paint::Look, "watch"),
        _ => (Paint::Good, "calm"),
    }
}
