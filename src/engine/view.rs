//! Everything that can be seen, rendered as JSON: one description for the command line, ubus and the page.
//!
//! What is not known is absent. Times are Unix seconds, sizes bytes of IP packets.

use crate::config::Tag;
use crate::detect::evidence;
use crate::engine::history::{Record, RecordKind};
use crate::engine::judged::{FindingOn, JudgedContact, JudgedDevice};
use crate::engine::orders::Orders;
use crate::engine::policy::{Block, Decision, VerdictCounts};
use crate::engine::{EndedFlow, Engine};
use crate::mode::{self, Mode};
use crate::model::{Explained, Mac, Name};
use crate::pin::{Pin, Target};
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::counters::day::{self, Traffic};
use crate::tables::devices::DeviceId;
use crate::tables::flows::Label;
use crate::tables::service::Service;
use crate::time::{Span, Wall};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Puts a value into an object when there is one.
pub(super) fn put(map: &mut Map<String, Value>, key: &str, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into() {
        map.insert(key.into(), value);
    }
}

/// Returns an object of texts.
pub fn texts(members: &[(&str, &str)]) -> Value {
    let mut map = Map::new();
    members.iter().for_each(|(key, text)| put(&mut map, key, Value::from(*text)));
    Value::Object(map)
}

pub(super) fn seconds(wall: Wall) -> Value {
    wall.as_secs_f64().into()
}

fn text(name: &Name) -> Value {
    Value::from(&**name)
}

pub(super) fn yes(flag: bool) -> Option<Value> {
    flag.then_some(Value::Bool(true))
}

/// Returns the traffic of each hour: `{sent: [...], received: [...]}`.
pub(super) fn traffic(hours: &[Traffic]) -> Value {
    let of = |bytes: fn(&Traffic) -> u64| hours.iter().map(|hour| Value::from(bytes(hour))).collect::<Value>();
    json!({ "sent": of(|hour| hour.sent), "received": of(|hour| hour.received) })
}

impl Engine {
    /// Returns what was read: dates, packets of a capture, and what did not fit into the tables.
    pub fn summary(&self) -> Value {
        let mut map = Map::new();
        put(&mut map, "start", self.span.map(|(first, _)| seconds(first)));
        put(&mut map, "end", self.span.map(|(_, last)| seconds(last)));
        let packets =
            |packets: crate::event::PacketCounts| packets.fields().into_iter().map(|(k, n)| (k.into(), n.into()));
        put(&mut map, "packets", self.packets.map(|counts| Value::Object(packets(counts).collect())));
        let refused = [
            ("devices", self.tables.devices.refused),
            ("flows", self.tables.flows.refused),
            ("contacts", self.tables.contacts.refused),
            ("findings", self.ledger.refused),
            ("blocks", self.blocks.refused),
            ("names_evicted", self.tables.names.evicted),
            ("lookups_without_device", self.lookups_without_device),
        ];
        let refused: Map<String, Value> =
            refused.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| (word.into(), n.into())).collect();
        put(&mut map, "refused", (!refused.is_empty()).then_some(Value::Object(refused)));
        Value::Object(map)
    }

    /// Returns all devices with their contacts, one after the other, by hardware address.
    pub fn devices(&self) -> impl Iterator<Item = Value> {
        self.tables.devices.iter().map(|(id, _)| self.device(id))
    }

    /// Returns counts of everything. Those of verdicts may be a second old: [`Engine::summaries`] has judged all
    /// devices then, and a page that asks for both need not have it done twice.
    pub fn status(&mut self) -> Value {
        let now = self.latest.now;
        let fresh = self.verdicts.filter(|(then, _)| now.since(*then) <= Span::secs(1));
        let (_, verdicts) = fresh.unwrap_or_else(|| {
            let mut counts = VerdictCounts::default();
            for (id, _) in self.tables.devices.iter() {
                counts.add(self.judge_device(id).worst());
            }
            (now, counts)
        });
        let mut map = Map::new();
        put(&mut map, "blocking", Value::from(self.blocking()));
        put(&mut map, "devices", Value::from(self.tables.devices.len()));
        put(&mut map, "watch", Value::from(verdicts.watch));
        put(&mut map, "block", Value::from(verdicts.block));
        put(&mut map, "chosen", Value::from(verdicts.chosen));
        put(&mut map, "blocks", Value::from(self.blocks.len()));
        put(&mut map, "flows", Value::from(self.tables.flows.len()));
        put(&mut map, "contacts", Value::from(self.tables.contacts.len()));
        put(&mut map, "names", Value::from(self.tables.names.len()));
        put(&mut map, "refused", self.summary().get("refused").cloned());
        Value::Object(map)
    }

    /// Returns all devices without their contacts, by hardware address.
    pub fn summaries(&mut self) -> Vec<Value> {
        let (mut all, mut verdicts) = (Vec::new(), VerdictCounts::default());
        for (id, device) in self.tables.devices.iter() {
            let judged = self.judge_device(id);
            verdicts.add(judged.worst());
            let mut map = self.device_facts(&judged);
            put(&mut map, "contacts", Value::from(judged.share().contacts));
            put(&mut map, "findings", self.device_findings(&judged));
            put(&mut map, "blocks", Value::from(self.blocks.of(device.mac).count()));
            all.push(Value::Object(map));
        }
        self.verdicts = Some((self.latest.now, verdicts));
        all
    }

    /// Returns what the detectors find on all devices or on one, each with the name of its detector.
    pub fn findings(&self, device: Option<DeviceId>) -> Vec<(&'static str, Value)> {
        let mut all = Vec::new();
        for (id, own) in self.tables.devices.iter().filter(|(id, _)| device.is_none_or(|device| device == *id)) {
            let judged = self.judge_device(id);
            for found in judged.each_finding() {
                let mut map = self.finding(id, found);
                put(&mut map, "device", Value::from(own.mac.to_string()));
                put(&mut map, "name", Value::from(self.display_name(own.mac)));
                all.push((found.finding.detector, Value::Object(map)));
            }
        }
        all
    }

    /// Returns the devices and addresses of [`Engine::blocked`], in its order.
    pub fn blocked_pairs(&self) -> Vec<(Mac, IpAddr)> {
        self.blocks.iter().map(|(mac, address, _)| (mac, address)).collect()
    }

    /// Returns the pins that hold at this date. The first that fits a contact decides.
    pub fn pins(&self, wall: Wall) -> Vec<Value> {
        let say = |pin: &Pin| {
            let mut map = Map::new();
            put(&mut map, "device", pin.mac.map(|mac| mac.to_string().into()));
            put(&mut map, "name", pin.mac.map(|mac| self.display_name(mac).into()));
            put(&mut map, "target", Value::from(pin.target.to_string()));
            let id = pin.mac.and_then(|mac| self.tables.devices.by_mac(mac));
            let names = pin.target.address().and_then(|address| self.looked_up_as(id, address));
            put(&mut map, "names", names.map(|name| Value::Array(vec![text(name)])));
            put(&mut map, "verdict", Value::from(pin.verdict()));
            put(&mut map, "until", pin.until.map(seconds));
            let ordered = self.orders.pins.contains(pin);
            put(&mut map, "from", Value::from(if ordered { "order" } else { "settings" }));
            Value::Object(map)
        };
        self.settings().pins(wall).map(say).collect()
    }

    /// Returns whether there are orders that are to last and that the settings do not have yet.
    pub fn has_orders(&self) -> bool {
        self.orders.are_to_keep()
    }

    /// Returns the orders that are to last and that the settings do not have yet.
    pub fn orders(&self) -> Value {
        let Orders { pins, unpinned, modes, names, tags, group_modes, joined, blocking } = &self.orders;
        let key = |mac: Option<Mac>, target: &Target| {
            let mut map = Map::new();
            put(&mut map, "device", mac.map(|mac| mac.to_string().into()));
            put(&mut map, "target", Value::from(target.to_string()));
            map
        };
        let pin = |pin: &Pin| {
            let mut map = key(pin.mac, &pin.target);
            put(&mut map, "verdict", Value::from(pin.verdict()));
            Value::Object(map)
        };
        let mode = |(mac, mode): &(Mac, Option<Mode>)| {
            texts(&[("device", &mac.to_string()), ("mode", mode.map_or(mode::DEFAULT, Mode::text))])
        };
        let name = |(mac, name): &(Mac, String)| texts(&[("device", &mac.to_string()), ("name", name)]);
        let tag = |(mac, tag, text): &(Mac, Tag, String)| {
            texts(&[("device", &mac.to_string()), ("option", tag.text()), ("value", text)])
        };
        let group = |(group, mode): &(String, Mode)| texts(&[("group", group), ("mode", mode.text())]);
        let join = |(mac, with): &(Mac, Mac)| texts(&[("device", &mac.to_string()), ("with", &with.to_string())]);
        let mut map = Map::new();
        map.insert("tags".into(), tags.iter().map(tag).collect());
        map.insert("group_modes".into(), group_modes.iter().map(group).collect());
        map.insert("joined".into(), joined.iter().map(join).collect());
        map.insert("modes".into(), modes.iter().map(mode).collect());
        map.insert("names".into(), names.iter().map(name).collect());
        map.insert("pins".into(), pins.iter().filter(|pin| pin.until.is_none()).map(pin).collect());
        map.insert("unpinned".into(), unpinned.iter().map(|(mac, target)| Value::Object(key(*mac, target))).collect());
        put(&mut map, "blocking", blocking.map(Value::from));
        Value::Object(map)
    }

    /// Returns the latest records with their numbers, oldest first.
    pub fn history(&self) -> Vec<Value> {
        let numbered = |(number, record): (u64, &Record)| {
            let mut map = self.record(record);
            map["number"] = number.into();
            map
        };
        self.history.numbered().map(numbered).collect()
    }

    /// Returns a record. A new device is named with its maker, who is known a moment after it was seen.
    pub fn record(&self, record: &Record) -> Value {
        let mut map = Map::new();
        put(&mut map, "time", seconds(record.wall));
        put(&mut map, "kind", Value::from(record.kind.text()));
        // The message of a finding is its detector, and what that says.
        let parts = (record.kind == RecordKind::Finding).then(|| record.message.parts());
        put(&mut map, "detector", parts.and_then(|parts| parts["values"].get(0).cloned()));
        put(&mut map, "device", record.mac.and_then(mac));
        put(&mut map, "name", record.mac.map(|mac| self.display_name(mac).into()));
        put(&mut map, "address", record.address.map(|address| address.to_string().into()));
        put(&mut map, "network", record.address.and_then(|address| self.network(address)));
        let id = record.mac.and_then(|mac| self.tables.devices.by_mac(mac));
        let name = record.address.and_then(|address| self.looked_up_as(id, address));
        put(&mut map, "names", name.map(|name| Value::Array(vec![text(name)])));
        let made_by = || self.tables.devices.get(self.tables.devices.by_mac(record.mac?)?).vendor.as_ref();
        match made_by().filter(|_| record.kind == RecordKind::Device) {
            Some(vendor) => sentence!("%s, made by %s", record.message.clone(), vendor.clone()).put_into(&mut map),
            None => record.message.put_into(&mut map),
        }
        Value::Object(map)
    }

    /// Returns a device with all its contacts.
    pub fn device(&self, id: DeviceId) -> Value {
        let judged = self.judge_device(id);
        let mut map = self.device_facts(&judged);
        let habits: Vec<Value> = self.habits(judged.device).iter().map(Sentence::json).collect();
        put(&mut map, "habits", (!habits.is_empty()).then_some(Value::Array(habits)));
        let hours = judged.device.day.until::<{ day::KEPT }>(self.latest.wall.hour());
        put(&mut map, "hours", hours.filter(|_| self.keeps_records).map(|hours| traffic(&hours)));
        put(&mut map, "findings", self.device_findings(&judged));
        put(&mut map, "contacts", Value::Array(judged.contacts.iter().map(|it| self.contact(id, it)).collect()));
        Value::Object(map)
    }

    /// Returns the contacts of a device.
    pub fn contacts(&self, id: DeviceId) -> Value {
        Value::Array(self.judge_device(id).contacts.iter().map(|it| self.contact(id, it)).collect())
    }

    /// Returns all about a device but its findings and contacts.
    fn device_facts(&self, judged: &JudgedDevice) -> Map<String, Value> {
        let JudgedDevice { id, device, mode, .. } = *judged;
        let mut map = Map::new();
        put(&mut map, "mac", mac(device.mac));
        let addresses: Vec<Value> = self.tables.devices.addresses_of(id).map(|ip| ip.to_string().into()).collect();
        put(&mut map, "addresses", Value::Array(addresses));
        put(&mut map, "label", Value::from(self.display_name(device.mac)));
        put(&mut map, "name", self.settings().name(device.mac).map(Value::from));
        put(&mut map, "hostname", device.hostname.as_ref().map(text));
        put(&mut map, "vendor", device.vendor.as_ref().map(text));
        put(&mut map, "vendor_class", device.vendor_class.as_ref().map(text));
        put(&mut map, "model", device.model.as_ref().map(text));
        put(&mut map, "kind", self.kind(judged));
        put(&mut map, "perhaps_same", self.perhaps_same(judged.id));
        put(&mut map, "group", self.settings().tag(device.mac, Tag::Group).map(Value::from));
        put(&mut map, "mode", Value::from(mode.text()));
        put(&mut map, "own_mode", yes(self.settings().own_mode(device.mac).is_some()));
        put(&mut map, "first", seconds(device.first_seen));
        put(&mut map, "last", seconds(device.last_seen));
        put(&mut map, "boot_seen", yes(device.booted_at.is_some()));
        put(&mut map, "lookups", Value::from(device.lookups));
        put(&mut map, "flows", Value::from(device.flows));
        put(&mut map, "sent_bytes", Value::from(device.sent));
        put(&mut map, "received_bytes", Value::from(device.received));
        put(&mut map, "day", device.day.until::<{ day::HOURS }>(self.latest.wall.hour()).map(|hours| traffic(&hours)));
        let idle = device.reach.idle.map(|idle| {
            let mut map = Map::new();
            put(&mut map, "networks", Value::from(idle.networks));
            put(&mut map, "countries", idle.countries.map(Value::from));
            Value::Object(map)
        });
        put(&mut map, "idle", idle);
        let share = judged.share();
        put(&mut map, "coverage", self.coverage(judged));
        put(&mut map, "unexplained", Value::from(share.unexplained));
        put(&mut map, "unknown", Value::from(share.unknown));
        let (worst, chosen) = judged.worst();
        put(&mut map, "verdict", Value::from(worst.text()));
        put(&mut map, "severity", Value::from(judged.severity() as u8));
        put(&mut map, "chosen", yes(chosen));
        put(&mut map, "enforced", self.not_enforced(worst));
        judged.message(&|address| self.called(Some(id), address)).put_into(&mut map);
        map
    }

    fn device_findings(&self, judged: &JudgedDevice) -> Value {
        let all = judged.all_findings().into_iter();
        Value::Array(all.map(|found| Value::Object(self.finding(judged.id, found))).collect())
    }

    pub(super) fn finding(&self, id: DeviceId, found: FindingOn) -> Map<String, Value> {
        let FindingOn { endpoint, finding, severity } = found;
        let mut map = Map::new();
        put(&mut map, "detector", Value::from(finding.detector));
        if let Some(endpoint) = endpoint {
            put(&mut map, "address", Value::from(endpoint.address.to_string()));
            put(&mut map, "protocol", Value::from(endpoint.protocol.text()));
            put(&mut map, "port", endpoint.port().map(Value::from));
            put(&mut map, "network", self.network(endpoint.address));
        }
        put(&mut map, "strength", Value::from(finding.strength.text()));
        put(&mut map, "severity", Value::from(severity as u8));
        finding.message.put_into(&mut map);
        put(&mut map, "since", self.ledger.since(id, endpoint, finding.detector).map(seconds));
        put(&mut map, "remembered", yes(finding.evidence.is_empty()));
        let numbers = finding.evidence.iter().map(|e| (e.name.into(), json!({"seen": e.seen, "limit": e.limit})));
        put(&mut map, "evidence", Value::Object(numbers.collect()));
        put(&mut map, "evidence_words", evidence::in_words(finding).map(|words| words.json()));
        map
    }

    fn contact(&self, id: DeviceId, judged: &JudgedContact) -> Value {
        let JudgedContact { endpoint, contact, local, purpose, ref findings, verdict } = *judged;
        let mut map = Map::new();
        put(&mut map, "address", Value::from(endpoint.address.to_string()));
        put(&mut map, "protocol", Value::from(endpoint.protocol.text()));
        put(&mut map, "port", endpoint.port().map(Value::from));
        let stands_for = self.tables.names.nat64.embedded(Some(id), endpoint.address);
        put(&mut map, "stands_for", stands_for.map(|v4| Value::from(v4.to_string())));
        put(&mut map, "inbound", yes(contact.inbound));
        put(&mut map, "local", yes(local));
        put(&mut map, "explained", contact.explained().map(|explained| Value::from(explained.text())));
        put(&mut map, "names", self.names_of(id, endpoint.address, contact.sni.as_ref()));
        let names = self.tables.names.of_device(id, endpoint.address);
        put(&mut map, "claimed_name", claimed_name(contact.sni.as_ref(), contact.service, names).map(text));
        put(&mut map, "looked_up_by", self.looked_up_by(id, endpoint.address));
        put(&mut map, "network", self.network(endpoint.address));
        put(&mut map, "listed", self.title(id, endpoint, contact).filter(|_| !local).map(Value::from));
        put(&mut map, "service", contact.service.text().map(Value::from));
        put(&mut map, "sni", contact.sni.as_ref().map(text));
        put(&mut map, "purpose", purpose.map(|purpose| Value::from(purpose.text())));
        put(&mut map, "category", self.category(id, endpoint.address).filter(|_| !local).map(Value::from));
        put(&mut map, "ech", yes(contact.ech));
        put(&mut map, "flows", Value::from(contact.all_flows()));
        let of = |labels: &[Label]| labels.iter().fold(0, |sum: u32, label| sum.saturating_add(contact.flows(*label)));
        let counts = [
            (Explained::Lookup, of(&[Label::Lookup])),
            (Explained::OtherDevice, of(&[Label::OtherDevice])),
            (Explained::None, of(&[Label::Unexplained])),
            (Explained::Unknown, of(&[Label::NotCovered, Label::Unseen])),
        ];
        let counts = counts.into_iter().filter(|(_, flows)| *flows > 0);
        let counts: Map<String, Value> = counts.map(|(word, flows)| (word.text().into(), flows.into())).collect();
        put(&mut map, "flows_explained", (!counts.is_empty()).then_some(Value::Object(counts)));
        put(&mut map, "sent_bytes", Value::from(contact.sent));
        put(&mut map, "received_bytes", Value::from(contact.received));
        let rhythm = contact.beacon.as_ref().and_then(|beacon| beacon.rhythm());
        put(
            &mut map,
            "rhythm",
            rhythm.map(|now| json!({"period_s": now.pace.period.as_secs(), "sent_bytes": now.pace.sent})),
        );
        put(&mut map, "first", seconds(contact.first_seen));
        put(&mut map, "last", seconds(contact.last_seen));
        put(&mut map, "active_hours", Value::from(contact.active_hours));
        // What guard would do, so that people see it before they choose the mode.
        let would = verdict.decision < Decision::Block && self.guard_decision(id, judged) == Decision::Block;
        put(&mut map, "guard_verdict", would.then(|| Value::from(Decision::Block.text())));
        let names: Vec<Value> = findings.iter().map(|finding| Value::from(finding.detector)).collect();
        put(&mut map, "findings", (!names.is_empty()).then_some(Value::Array(names)));
        put(&mut map, "verdict", Value::from(verdict.decision.text()));
        put(&mut map, "chosen", yes(judged.is_chosen()));
        put(&mut map, "enforced", self.not_enforced(verdict.decision));
        let reasons: Vec<Value> = verdict.reasons(findings).iter().map(Sentence::json).collect();
        put(&mut map, "reasons", (!reasons.is_empty()).then_some(Value::Array(reasons)));
        Value::Object(map)
    }

    /// Returns false for a block that does not hold, because blocking is switched off.
    pub(super) fn not_enforced(&self, decision: Decision) -> Option<Value> {
        (decision == Decision::Block && !self.blocking()).then_some(Value::Bool(false))
    }

    /// Returns whose an address outside the house is, and where.
    fn network(&self, address: IpAddr) -> Option<Value> {
        let networks = self.networks.as_ref().filter(|_| !self.tables.is_inside(address))?;
        let network = networks.of(self.untranslated(address))?;
        let mut map = Map::new();
        put(&mut map, "asn", network.asn.map(Value::from));
        put(&mut map, "country", network.country().map(Value::from));
        put(&mut map, "hosting", yes(network.hosting));
        put(&mut map, "cdn", yes(network.cdn));
        for (word, text) in [("owner", network.owner), ("cloud", network.cloud), ("region", network.region)] {
            put(&mut map, word, (!text.is_empty()).then(|| Value::from(text)));
        }
        Some(Value::Object(map))
    }

    /// Returns what a device looked an address up as: first the name that its handshake gives, then the newest.
    fn names_of(&self, id: DeviceId, address: IpAddr, sni: Option<&Name>) -> Option<Value> {
        let names = || self.tables.names.of_device(id, address);
        let meant = names().filter(|name| Some(*name) == sni);
        let names: Vec<Value> = meant.chain(names().filter(|name| Some(*name) != sni)).map(text).collect();
        (!names.is_empty()).then_some(Value::Array(names))
    }

    /// Returns the other devices that looked an address up, and the names.
    fn looked_up_by(&self, id: DeviceId, address: IpAddr) -> Option<Value> {
        let others = self.tables.names.of_other_devices(id, address);
        let others: Vec<Value> = others
            .map(|(other, known)| {
                let mut map = Map::new();
                let other = self.tables.devices.get(other);
                put(&mut map, "mac", mac(other.mac));
                put(&mut map, "label", Value::from(self.display_name(other.mac)));
                put(&mut map, "hostname", other.hostname.as_ref().map(text));
                put(&mut map, "name", text(known));
                Value::Object(map)
            })
            .collect();
        (!others.is_empty()).then_some(Value::Array(others))
    }

    /// Returns a flow that is over, or that was still open at the end of a file.
    pub fn flow(&self, ended: &EndedFlow) -> Value {
        let EndedFlow { tuple, flow, names } = ended;
        let mut map = Map::new();
        put(&mut map, "protocol", Value::from(tuple.protocol.text()));
        put(&mut map, "source", Value::from(tuple.source.to_string()));
        let ports = tuple.endpoint(true).port();
        put(&mut map, "source_port", Value::from(ports.map_or(0, |_| tuple.source_port)));
        put(&mut map, "destination", Value::from(tuple.destination.to_string()));
        put(&mut map, "destination_port", Value::from(ports.unwrap_or_default()));
        put(&mut map, "device", flow.device().and_then(|id| mac(self.tables.devices.get(id).mac)));
        put(&mut map, "start", seconds(flow.start));
        put(&mut map, "sent_bytes", Value::from(flow.sent));
        put(&mut map, "received_bytes", Value::from(flow.received));
        put(&mut map, "explained", self.explained(ended).map(|explained| Value::from(explained.text())));
        put(&mut map, "names", (!names.is_empty()).then(|| names.iter().map(text).collect()));
        put(&mut map, "claimed_name", claimed_name(flow.sni.as_ref(), flow.service, names.iter()).map(text));
        put(&mut map, "service", flow.service.text().map(Value::from));
        put(&mut map, "sni", flow.sni.as_ref().map(text));
        put(&mut map, "ech", yes(flow.ech));
        put(&mut map, "esni", yes(flow.esni));
        put(&mut map, "midstream", yes(flow.midstream));
        put(&mut map, "open", yes(!flow.closed));
        Value::Object(map)
    }

    /// Returns what is blocked.
    pub fn blocked(&self) -> Value {
        let block = |(device, address, block): (Mac, IpAddr, &Block)| {
            let mut map = Map::new();
            put(&mut map, "device", mac(device));
            put(
                &mut map,
                "name",
                Some(self.display_name(device)).filter(|name| *name != device.to_string()).map(Value::from),
            );
            put(&mut map, "address", Value::from(address.to_string()));
            put(&mut map, "network", self.network(address));
            let id = self.tables.devices.by_mac(device);
            put(&mut map, "names", id.and_then(|id| self.names_of(id, address, None)));
            put(&mut map, "by", Value::from(block.by.text()));
            let reason = block.reason.clone();
            let reason = id.map_or(reason.clone(), |id| self.reason_with_others(id, address, reason));
            put(&mut map, "reason", reason.json());
            put(&mut map, "since", seconds(block.since));
            put(&mut map, "until", block.until.map(seconds));
            Value::Object(map)
        };
        Value::Array(self.blocks.iter().map(block).collect())
    }

    /// Returns why a device may talk to an address, or may not: all that is known of the two.
    pub fn explain(&self, id: DeviceId, address: IpAddr) -> Value {
        let judged = self.judge_device(id);
        let own = || judged.contacts.iter().filter(|it| it.endpoint.address == address);
        let mut map = Map::new();
        let found = judged.all_findings().into_iter();
        let found = found.filter(|found| found.endpoint.is_some_and(|endpoint| endpoint.address == address));
        let found = found.map(|found| Value::Object(self.finding(id, found)));
        put(&mut map, "findings", Value::Array(found.collect()));
        put(&mut map, "contacts", Value::Array(own().map(|it| self.contact(id, it)).collect()));
        put(&mut map, "address", Value::from(address.to_string()));
        put(&mut map, "names", self.names_of(id, address, None));
        put(&mut map, "looked_up_by", self.looked_up_by(id, address));
        let would = own().map(|it| self.guard_decision(id, it)).max();
        put(&mut map, "guard_verdict", would.map(|decision| Value::from(decision.text())));
        put(&mut map, "device", Value::Object(self.device_facts(&judged)));
        Value::Object(map)
    }
}

/// Returns a hardware address as text, unless it stands in for one that the capture does not have.
fn mac(mac: Mac) -> Option<Value> {
    (!mac.is_stand_in()).then(|| mac.to_string().into())
}

/// Returns the name that a device gives in its handshake, unless it is among the `names` that were looked up: a device can
/// write there what it likes. What is said to a proxy is meant for somebody else, so that is left out.
fn claimed_name<'a>(
    sni: Option<&'a Name>,
    service: Service,
    mut names: impl Iterator<Item = &'a Name>,
) -> Option<&'a Name> {
    sni.filter(|sni| !matches!(service, Service::Socks | Service::HttpConnect) && names.all(|name| name != *sni))
}
