//! What the last days brought, from the answer of `report`: as text, and as one page of HTML for a mail.

use crate::cli::text::{Cell, Paint, Style, clean, columns, date, list, number, plain, text, verdict};
use crate::units::{bytes, count};
use serde_json::Value;
use std::fmt::Write;

/// A table of the report: its heading, the list that it shows, its titles, and what stands in its columns.
struct Table {
    heading: &'static str,
    list: &'static str,
    titles: &'static [&'static str],
    row: fn(&Value) -> Vec<Cell>,
}

const TABLES: [Table; 6] = [
    Table {
        heading: "What was blocked",
        list: "blocked",
        titles: &["DEVICE", "DESTINATION", "SINCE", " STOPPED", "WHY"],
        row: |it| {
            let end = if it.get("active").is_some() { "" } else { " (over)" };
            let packets = count(number(it, "stopped_packets"), "packet");
            let stopped = format!("{packets}, {}", bytes(number(it, "stopped_bytes")));
            let destination = [text(it, "destination"), text(it, "address")].join(" ");
            let since = date(it, "time") + end;
            [text(it, "name"), destination.trim().into(), since, stopped, text(&it["reason"], "message")]
                .map(plain)
                .into()
        },
    },
    Table {
        heading: "What leash found",
        list: "findings",
        titles: &["DEVICE", "SINCE", "STRENGTH", "WHAT"],
        row: |it| [text(it, "name"), date(it, "since"), text(it, "strength"), text(it, "message")].map(plain).into(),
    },
    Table {
        heading: "New devices",
        list: "new_devices",
        titles: &["DEVICE", "MADE BY", "SINCE"],
        row: |it| [text(it, "name"), text(it, "vendor"), date(it, "time")].map(plain).into(),
    },
    Table {
        heading: "Destinations that are new to a device",
        list: "new_destinations",
        titles: &["DEVICE", "DESTINATION", "DAY"],
        row: |it| {
            [text(it, "name"), text(it, "destination"), date(it, "time").chars().take(10).collect()].map(plain).into()
        },
    },
    Table {
        heading: "Who sent the most",
        list: "talkative",
        titles: &["DEVICE", " SENT", " RECEIVED"],
        row: |it| [text(it, "name"), size(it, "sent_bytes"), size(it, "received_bytes")].map(plain).into(),
    },
    Table {
        heading: "All devices, the worst first",
        list: "devices",
        titles: &[
            "DEVICE",
            "VERDICT",
            " SENT",
            " RECEIVED",
            "MOST WITH",
            " BY ADDRESS",
            "RESOLVERS",
            "IN THE CLEAR",
            " NAMES OF THE MAKER",
            "COVERAGE",
        ],
        row: |it| {
            let (paint, word) = verdict(it);
            let first = list(it, "destinations").first().map(|it| text(it, "destination")).unwrap_or_default();
            let count = |key| match list(it, key).len() {
                0 => "none".into(),
                n => n.to_string(),
            };
            let own = it.get("own_names").map(|own| format!("{own} of {}", number(it, "names"))).unwrap_or_default();
            let (sent, received) = (size(it, "sent_bytes"), size(it, "received_bytes"));
            let by_address = number(it, "by_address").to_string();
            let mut row: Vec<Cell> = vec![plain(text(it, "name")), (paint, word.into())];
            let rest =
                [sent, received, first, by_address, count("resolvers"), count("plain"), own, text(it, "coverage")];
            row.extend(rest.map(plain));
            row
        },
    },
];

fn size(value: &Value, key: &str) -> String {
    bytes(number(value, key))
}

/// Returns the sentences at the head of the report.
fn messages(value: &Value, key: &str) -> Vec<String> {
    list(value, key).iter().map(|it| text(it, "message")).collect()
}

/// Returns the notes on devices: the device and a sentence.
fn notes(value: &Value) -> Vec<(String, String)> {
    let notes = |device| messages(device, "notes").into_iter().map(|note| (text(device, "name"), note));
    list(value, "devices").iter().flat_map(notes).collect()
}

fn title(value: &Value) -> String {
    format!("{} to {}", date(value, "since"), date(value, "until"))
}

/// Returns the report as text.
pub fn report(value: &Value, style: Style) -> String {
    let mut out = style.paint(Paint::Bold, &title(value)) + "\n";
    for message in messages(value, "messages") {
        let _ = writeln!(out, "  {message}");
    }
    for Table { heading, list: key, titles, row } in TABLES {
        let rows: Vec<_> = list(value, key).iter().map(row).collect();
        if !rows.is_empty() {
            let _ = write!(out, "\n{}\n{}", style.paint(Paint::Bold, heading), columns(titles, &rows, style));
        }
    }
    let notes = notes(value);
    if !notes.is_empty() {
        let _ = writeln!(out, "\n{}", style.paint(Paint::Bold, "What to look at"));
    }
    for (name, note) in notes {
        let _ = writeln!(out, "{name}: {note}");
    }
    out
}

/// The longest run of a text without a line break, in bytes: mail servers refuse lines of more than 998 (RFC 5321, section
/// 4.5.3.1.6).
const LINE_MAX: usize = 900;

/// Returns a text in which nothing is taken for markup, in lines that mail may have.
fn escaped(text: &str) -> String {
    let (mut out, mut begin) = (String::with_capacity(text.len()), 0);
    for c in clean(text).chars() {
        if out.len() - begin > if c == ' ' { LINE_MAX / 2 } else { LINE_MAX } {
            out.push('\n');
            begin = out.len();
        }
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>leash</title><style>\
body{font:15px/1.4 sans-serif;margin:1em;color:#222;background:#fff}table{border-collapse:collapse}\
th,td{text-align:left;vertical-align:top;padding:.2em .8em .2em 0;border-bottom:1px solid #ddd}\n\
.n{text-align:right}.bad{color:#b00020;font-weight:bold}.look{color:#8a5a00}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}th,td{border-color:#444}.bad{color:#ff8a80}\
.look{color:#ffc66d}}</style></head><body>\n";

/// Returns the report as one page of HTML, which needs nothing else.
pub fn html(value: &Value, _: Style) -> String {
    let mut out = format!("{HEAD}<h1>leash: {}</h1>\n<ul>\n", escaped(&title(value)));
    for message in messages(value, "messages") {
        let _ = writeln!(out, "<li>{}</li>", escaped(&message));
    }
    out += "</ul>\n";
    for Table { heading, list: key, titles, row } in TABLES {
        if list(value, key).is_empty() {
            continue;
        }
        let class = |title: &str| if title.starts_with(' ') { " class=\"n\"" } else { "" };
        let _ = write!(out, "<h2>{heading}</h2>\n<table><tr>");
        for title in titles {
            let _ = write!(out, "\n<th{}>{}</th>", class(title), title.trim().to_lowercase());
        }
        for entry in list(value, key) {
            out += "</tr>\n<tr>";
            for ((paint, cell), title) in row(entry).into_iter().zip(titles) {
                let class = match paint {
                    Paint::Bad => " class=\"bad\"",
                    Paint::Look => " class=\"look\"",
                    _ => class(title),
                };
                let _ = write!(out, "\n<td{class}>{}</td>", escaped(&cell));
            }
        }
        out += "</tr></table>\n";
    }
    let notes = notes(value);
    if !notes.is_empty() {
        out += "<h2>What to look at</h2>\n<ul>\n";
        for (name, note) in notes {
            let _ = writeln!(out, "<li>{}:\n{}</li>", escaped(&name), escaped(&note));
        }
        out += "</ul>\n";
    }
    out + "</body></html>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_of_the_network_are_no_markup() {
        let hostile = "<script>alert('\u{1b}[2J')</script>&\"";
        let report = json!({
            "since": 1_767_225_600, "until": 1_767_830_400,
            "messages": [{ "message": hostile }],
            "new_destinations": [{ "name": hostile, "destination": hostile }],
            "devices": [{ "name": hostile, "verdict": "block", "notes": [{ "message": hostile }] }],
        });
        let page = html(&report, Style::default());
        assert_eq!(page.matches("&lt;script&gt;alert(&#39;[2J&#39;)&lt;/script&gt;&amp;&quot;").count(), 6, "{page}");
        assert!(!page.contains("<script") && !page.contains('\u{1b}'), "{page}");
        let long = json!({ "messages": [{ "message": "&".repeat(4_000) }, { "message": "word ".repeat(2_000) }] });
        for page in [page, html(&long, Style::default())] {
            assert!(page.lines().all(|line| line.len() <= 998), "{page}");
        }
        let text = super::report(&report, Style::default());
        assert!(text.contains("BLOCK") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_report_of_nothing_is_short() {
        let text = report(&json!({ "since": 1_767_225_600, "until": 1_767_830_400 }), Style::default());
        assert_eq!(text, "2026-01-01 00:00:00 UTC to 2026-01-08 00:00:00 UTC\n");
    }
}
