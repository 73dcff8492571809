//! The report: what the last days brought, worst first, and for each device what RFC 9726 ("Operational Considerations for
//! Use of DNS in Internet of Things (IoT) Devices") and common sense ask of it.

use crate::engine::Engine;
use crate::engine::history::{Record, RecordKind};
use crate::engine::judged::{JudgedContact, JudgedDevice, Severity};
use crate::engine::past::{Past, take_largest};
use crate::engine::policy::Decision;
use crate::engine::purpose::Purpose;
use crate::engine::view::{put, seconds, traffic, yes};
use crate::limits;
use crate::model::{Endpoint, Mac, Name, Protocol};
use crate::sentence;
use crate::sentence::{Sentence, Value as Part};
use crate::tables::contacts::Contact;
use crate::tables::counters::day::Traffic;
use crate::tables::devices::DeviceId;
use crate::tables::domain::registrable;
use crate::tables::flows::Label;
use crate::tables::service::Service;
use crate::time::{Span, Wall};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// How many entries a list of the report has.
const ENTRIES: usize = 32;
/// How many destinations a device has in the report, and how many devices talk most.
const TOP: usize = 5;

/// What was blocked.
struct Blocked<'a> {
    mac: Mac,
    address: IpAddr,
    since: Wall,
    until: Option<Wall>,
    active: bool,
    reason: &'a Sentence,
}

/// A device in the report.
struct Reported<'a> {
    judged: JudgedDevice<'a>,
    /// What it moved on each day, the oldest first.
    days: Vec<Traffic>,
}

impl Engine {
    /// Returns what happened since the local day `first`, which is counted since 1970; `past` is the journal from then on.
    pub fn report(&self, past: &mut Past, first: u32) -> Value {
        past.read(&self.journal.pending, first, &mut Vec::new());
        let today = self.local_day(self.latest.wall).max(first);
        let begin = self.day_begins(first);
        let devices: Vec<Reported> =
            self.tables.devices.iter().map(|(id, _)| self.reported(id, past, first, today)).collect();
        let (mut messages, mut map) = (Vec::new(), Map::new());
        put(&mut map, "since", seconds(begin));
        put(&mut map, "until", seconds(self.latest.wall));
        put(&mut map, "blocked", self.report_blocked(past, begin, &mut messages));
        put(&mut map, "findings", self.report_findings(&devices, &mut messages));
        put(&mut map, "new_devices", self.report_new_devices(begin, &mut messages));
        put(&mut map, "new_destinations", self.report_new_names(past, &mut messages));
        put(&mut map, "talkative", self.report_talkative(&devices, &mut messages));
        let mut days = vec![Traffic::default(); (today - first) as usize + 1];
        for device in &devices {
            days.iter_mut().zip(&device.days).for_each(|(day, own)| day.add(*own));
        }
        put(&mut map, "days", traffic(&days));
        put(&mut map, "messages", Value::Array(messages.iter().map(Sentence::json).collect()));
        let mut ranked: Vec<(u64, Value)> = Vec::new();
        for device in &devices {
            ranked.push((rank(device), self.report_device(device, past)));
        }
        put(&mut map, "devices", worst_first(ranked, limits::DEVICES));
        Value::Object(map)
    }

    fn reported(&self, id: DeviceId, past: &Past, first: u32, today: u32) -> Reported<'_> {
        let judged = self.judge_device(id);
        let mut days = vec![Traffic::default(); (today - first) as usize + 1];
        for day in past.days.iter().filter(|day| day.mac == judged.device.mac) {
            if let Some(slot) = day.day.checked_sub(first).and_then(|at| days.get_mut(at as usize)) {
                *slot = day.traffic;
            }
        }
        if let Some(slot) = days.last_mut() {
            *slot = self.traffic_of_day(&judged.device.day, today);
        }
        Reported { judged, days }
    }

    /// Returns the members that say which device an entry is about.
    fn report_of(&self, mac: Mac) -> Map<String, Value> {
        let mut map = Map::new();
        put(&mut map, "device", Value::from(mac.to_string()));
        put(&mut map, "name", Value::from(self.display_name(mac)));
        let device = self.tables.devices.by_mac(mac).map(|id| self.tables.devices.get(id));
        put(&mut map, "vendor", device.and_then(|device| device.vendor.as_ref()).map(|vendor| Value::from(&**vendor)));
        map
    }

    fn report_blocked(&self, past: &Past, begin: Wall, messages: &mut Vec<Sentence>) -> Value {
        let mut all: Vec<Blocked> = Vec::new();
        let active = self.blocks.iter().map(|(mac, address, block)| Blocked {
            mac,
            address,
            since: block.since,
            until: block.until,
            active: true,
            reason: &block.reason,
        });
        let told =
            self.history.iter().chain(&past.records).filter(|it| it.kind == RecordKind::Block && it.wall >= begin);
        let told = told.filter_map(|Record { wall, mac, address, message, .. }| {
            let (mac, address) = ((*mac)?, (*address)?);
            Some(Blocked { mac, address, since: *wall, until: None, active: false, reason: message })
        });
        for blocked in active.chain(told) {
            if !all.iter().any(|known| (known.mac, known.address) == (blocked.mac, blocked.address)) {
                all.push(blocked);
            }
        }
        let count = all.len();
        let (mut packets, mut bytes, mut ranked) = (0_u64, 0_u64, Vec::new());
        for Blocked { mac, address, since, until, active, reason } in all {
            let stopped = past.stopped.iter().map(|(_, pair, counts)| (*pair, *counts)).chain(self.journal.stopped());
            let (mut own_packets, mut own_bytes) = (0_u64, 0_u64);
            for (_, (packets, bytes)) in stopped.filter(|(pair, _)| *pair == (mac, address)) {
                (own_packets, own_bytes) = (own_packets.saturating_add(packets), own_bytes.saturating_add(bytes));
            }
            (packets, bytes) = (packets.saturating_add(own_packets), bytes.saturating_add(own_bytes));
            let mut map = self.report_of(mac);
            let id = self.tables.devices.by_mac(mac);
            let destination = id.and_then(|id| self.registrable_of(id, address)).map(Value::from);
            put(&mut map, "address", Value::from(address.to_string()));
            put(&mut map, "destination", destination);
            put(&mut map, "time", seconds(since));
            put(&mut map, "until", until.map(seconds));
            put(&mut map, "active", active.then_some(Value::Bool(true)));
            put(&mut map, "reason", reason.json());
            put(&mut map, "stopped_packets", Value::from(own_packets));
            put(&mut map, "stopped_bytes", Value::from(own_bytes));
            ranked.push((own_packets << 1 | u64::from(active), Value::Object(map)));
        }
        messages.push(match count {
            0 => sentence!("nothing was blocked"),
            _ => sentence!(
                "addresses that were blocked: %s; packets stopped: %s (%s)",
                count,
                packets,
                Part::Bytes(bytes)
            ),
        });
        worst_first(ranked, 2 * ENTRIES)
    }

    fn report_findings(&self, devices: &[Reported], messages: &mut Vec<Sentence>) -> Value {
        let (mut ranked, mut worst) = (Vec::new(), Vec::new());
        for Reported { judged, .. } in devices {
            let mac = judged.device.mac;
            for found in judged.each_finding() {
                let mut map = self.report_of(mac);
                map.extend(self.finding(judged.id, found));
                map.remove("evidence");
                ranked.push((found.severity as u64, Value::Object(map)));
            }
            if judged.each_finding().next().is_some() {
                worst.push((rank_of(judged), mac));
            }
        }
        let names = self.names_of_worst(&mut worst);
        if let Some((count, names)) = names {
            messages.push(sentence!("devices that are worth a look: %s (%s)", count, names));
        }
        worst_first(ranked, ENTRIES)
    }

    /// Returns how many devices there are, and the names of the worst.
    fn names_of_worst(&self, all: &mut Vec<(u64, Mac)>) -> Option<(usize, Sentence)> {
        let count = all.len();
        let worst = std::iter::from_fn(|| take_largest(all, |(rank, _)| *rank)).take(TOP);
        let names = worst.map(|(_, mac)| Sentence::verbatim(self.display_name(mac))).collect();
        Some((count, Sentence::list(names)?))
    }

    fn report_new_devices(&self, begin: Wall, messages: &mut Vec<Sentence>) -> Value {
        // On the day on which leash began to watch, every device was new.
        let began = self.tables.devices.iter().map(|(_, device)| device.first_seen).min().unwrap_or_default();
        let begin = begin.max(began + Span::days(1));
        let (mut ranked, mut new) = (Vec::new(), Vec::new());
        for (_, device) in self.tables.devices.iter().filter(|(_, device)| device.first_seen >= begin) {
            let mut map = self.report_of(device.mac);
            put(&mut map, "time", seconds(device.first_seen));
            ranked.push((device.first_seen.0 as u64, Value::Object(map)));
            new.push((device.first_seen.0 as u64, device.mac));
        }
        if let Some((count, names)) = self.names_of_worst(&mut new) {
            messages.push(sentence!("new devices: %s (%s)", count, names));
        }
        worst_first(ranked, ENTRIES)
    }

    fn report_new_names(&self, past: &Past, messages: &mut Vec<Sentence>) -> Value {
        let (mut ranked, mut new) = (Vec::new(), Vec::<Sentence>::new());
        for (day, mac, name) in &past.new {
            let mut map = self.report_of(*mac);
            put(&mut map, "destination", Value::from(&**name));
            put(&mut map, "time", seconds(self.day_begins(*day)));
            ranked.push((u64::from(*day), Value::Object(map)));
            if new.len() < TOP {
                new.push(sentence!("%s of %s", name.clone(), self.display_name(*mac)));
            }
        }
        if let Some(names) = Sentence::list(new) {
            messages.push(sentence!("destinations that are new to a device: %s (%s)", past.new.len(), names));
        }
        worst_first(ranked, ENTRIES)
    }

    fn report_talkative(&self, devices: &[Reported], messages: &mut Vec<Sentence>) -> Value {
        let mut ranked = Vec::new();
        let mut most: Option<(u64, Mac)> = None;
        for Reported { judged, days } in devices {
            let Traffic { sent, received } = days.iter().copied().sum();
            if sent > 0 {
                let mac = judged.device.mac;
                most = most.max(Some((sent, mac)));
                let mut map = self.report_of(mac);
                put(&mut map, "sent_bytes", Value::from(sent));
                put(&mut map, "received_bytes", Value::from(received));
                ranked.push((sent, Value::Object(map)));
            }
        }
        if let Some((sent, mac)) = most {
            messages.push(sentence!("%s sent the most: %s", self.display_name(mac), Part::Bytes(sent)));
        }
        worst_first(ranked, TOP)
    }

    fn report_device(&self, Reported { judged, days }: &Reported, past: &Past) -> Value {
        let (id, device) = (judged.id, judged.device);
        let mut map = self.report_of(device.mac);
        let Traffic { sent, received } = days.iter().copied().sum();
        put(&mut map, "mode", Value::from(judged.mode.text()));
        let (worst, chosen) = judged.worst();
        put(&mut map, "label", Value::from(self.display_name(device.mac)));
        put(&mut map, "verdict", Value::from(worst.text()));
        put(&mut map, "chosen", yes(chosen));
        put(&mut map, "enforced", self.not_enforced(worst));
        judged.message(&|address| self.called(Some(judged.id), address)).put_into(&mut map);
        put(&mut map, "sent_bytes", Value::from(sent));
        put(&mut map, "received_bytes", Value::from(received));
        put(&mut map, "days", traffic(days));
        let mut names: Vec<(Name, Traffic)> = self.names_today(id);
        for (_, name, traffic) in past.names.iter().filter(|(mac, ..)| *mac == device.mac) {
            match names.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => sum.add(*traffic),
                None => names.push((name.clone(), *traffic)),
            }
        }
        let count = names.len();
        let own = maker_word(device.vendor.as_deref().unwrap_or_default());
        let own = names.iter().filter(|(name, _)| own.as_ref().is_some_and(|own| letters(name).contains(own))).count();
        let ranked = names.into_iter().map(|(name, Traffic { sent, received })| {
            let entry = json!({ "destination": &*name, "sent_bytes": sent, "received_bytes": received });
            (sent.saturating_add(received), entry)
        });
        put(&mut map, "destinations", worst_first(ranked.collect(), TOP));
        let mut notes = Vec::new();
        let outside = || judged.contacts.iter().filter(|it| !it.local && !it.contact.inbound);
        // Time by address is common and needed, and so are pings.
        let is_usual = |it: &JudgedContact| it.purpose == Some(Purpose::Time) || it.contact.is_only_pinged();
        let unexplained =
            |it: &JudgedContact| [Label::Unexplained, Label::OtherDevice].map(|label| it.contact.flows(label));
        let by_address = outside().filter(|it| unexplained(it) != [0, 0] && !is_usual(it)).count();
        if by_address > 0 {
            notes.push(sentence!("addresses that it calls without having looked them up: %s", by_address));
        }
        let asked = outside().filter(|it| it.contact.service.asks_names() && !self.is_resolver(it.endpoint.address));
        let asked =
            unique(asked.map(|it| format!("{} ({})", it.endpoint.address, it.contact.service.text().unwrap_or("dns"))));
        if let Some(resolvers) = list(&asked) {
            notes.push(sentence!("asks other resolvers than the router: %s", resolvers));
        }
        let plain = unique(outside().filter_map(|it| {
            let word = in_the_clear(it.endpoint, it.contact)?;
            let names = self.tables.names.of_device(id, it.endpoint.address);
            let name = names.map(|name| registrable(name)).find(|name| !name.is_empty());
            Some(format!("{word} {}", name.map_or(it.endpoint.address.to_string(), String::from)))
        }));
        if let Some(destinations) = list(&plain) {
            notes.push(sentence!("speaks in the clear, so that everybody on the way can read it: %s", destinations));
        }
        let coverage = self.coverage(judged);
        let level = coverage.get("level").and_then(Value::as_str).unwrap_or_default();
        if judged.mode.is_judged() && level != "full" {
            notes.push(sentence!("not all of its lookups are seen, so that more may be called by name than it seems"));
        }
        put(&mut map, "by_address", Value::from(by_address));
        put(&mut map, "resolvers", Value::from(asked));
        put(&mut map, "plain", plain.iter().map(|it| split_plain(it)).collect::<Value>());
        put(&mut map, "names", Value::from(count));
        put(&mut map, "own_names", device.vendor.as_ref().map(|_| Value::from(own)));
        put(&mut map, "coverage", Value::from(level));
        put(&mut map, "notes", notes.iter().map(Sentence::json).collect::<Value>());
        Value::Object(map)
    }
}

/// Returns where a device stands in the report: by its worst finding, its verdict, and what it moved.
fn rank(Reported { judged, days }: &Reported) -> u64 {
    let total: Traffic = days.iter().copied().sum();
    rank_of(judged) << 59 | total.total().min((1 << 59) - 1)
}

fn rank_of(judged: &JudgedDevice) -> u64 {
    (judged.severity() as u64) << 2 | judged.worst().0 as u64
}

const _: () =
    assert!(Decision::Block as u64 == 2 && Severity::CertainHarm as u64 == 6, "a rank has five bits for both");

/// Returns the entries with the largest ranks, the largest first. Sorting would take 9 KB of code.
fn worst_first(mut all: Vec<(u64, Value)>, most: usize) -> Value {
    std::iter::from_fn(|| take_largest(&mut all, |(rank, _)| *rank)).take(most).map(|(_, entry)| entry).collect()
}

fn unique(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for text in all {
        if kept.len() < ENTRIES && !kept.contains(&text) {
            kept.push(text);
        }
    }
    kept
}

fn list(all: &[String]) -> Option<Sentence> {
    Sentence::list(all.iter().take(TOP).map(|text| Sentence::verbatim(text.as_str())).collect())
}

fn split_plain(text: &str) -> Value {
    let (service, destination) = text.split_once(' ').unwrap_or((text, ""));
    json!({ "service": service, "destination": destination })
}

/// Returns the word for a protocol whose content everybody on the way can read: by its first packets, or by the port
/// that IANA registers for it. Absent where it is encrypted, or not known.
fn in_the_clear(endpoint: Endpoint, contact: &Contact) -> Option<&'static str> {
    match (contact.service, endpoint.protocol, endpoint.port) {
        (service @ (Service::Http | Service::WebSocket | Service::Mqtt), ..) => service.text(),
        (Service::Unknown, Protocol::Tcp, port) => match port {
            21 => Some("ftp"),
            23 | 2323 => Some("telnet"),
            25 => Some("smtp"),
            80 | 8080 => Some("http"),
            110 => Some("pop3"),
            143 => Some("imap"),
            554 => Some("rtsp"),
            1883 => Some("mqtt"),
            _ => None,
        },
        (Service::Unknown, Protocol::Udp, port) => match port {
            69 => Some("tftp"),
            161 => Some("snmp"),
            514 => Some("syslog"),
            5683 => Some("coap"),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the letters and digits of a name in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Returns the word by which a maker's own names are known: the first of its name, unless that is too short to say
/// anything.
fn maker_word(vendor: &str) -> Option<String> {
    Some(letters(vendor.split_whitespace().next()?)).filter(|word| word.len() >= 4)
}
