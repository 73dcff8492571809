//! What there is to see, as JSON values: one description for the command line, ubus and the page.
//!
//! What is not known is absent. Times are Unix seconds, sizes bytes of IP packets.

use crate::detect::{self, Finding, Strength, Subject};
use crate::engine::history::Record;
use crate::engine::orders::Orders;
use crate::engine::policy::{By, Decision, Verdict};
use crate::engine::purpose;
use crate::engine::{EndedFlow, Engine};
use crate::mode::Mode;
use crate::model::{Endpoint, Mac, Name};
use crate::pin::{Pin, Target};
use crate::tables::contacts::Contact;
use crate::tables::counters::uploads;
use crate::tables::devices::{Device, DeviceId};
use crate::tables::flows::Label;
use crate::time::Wall;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Puts a value in when there is one.
fn put(map: &mut Map<String, Value>, key: &str, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into() {
        map.insert(key.into(), value);
    }
}

fn seconds(wall: Wall) -> Value {
    (wall.0 as f64 / 1e6).into()
}

fn text(name: &Name) -> Value {
    Value::from(&**name)
}

fn yes(flag: bool) -> Option<Value> {
    flag.then_some(Value::Bool(true))
}

/// Of a device's contacts outside the house: how many, how many of them no lookup of the device explains, and of how many that
/// cannot be said. Time by address is common and needed: it counts as explained.
pub fn share(contacts: &[Value]) -> (usize, usize, usize) {
    let asked =
        || contacts.iter().filter_map(|contact| Some((contact.get("explained")?.as_str()?, &contact["purpose"])));
    let unexplained = asked().filter(|(word, purpose)| matches!(*word, "none" | "other-device") && *purpose != "time");
    (asked().count(), unexplained.count(), asked().filter(|(word, _)| *word == "unknown").count())
}

impl Engine {
    /// What was read: dates, packets of a capture, and what did not fit into the tables.
    pub fn summary(&self) -> Value {
        let mut map = Map::new();
        put(&mut map, "start", self.span.map(|(first, _)| seconds(first)));
        put(&mut map, "end", self.span.map(|(_, last)| seconds(last)));
        let packets = |packets: crate::event::Packets| packets.fields().into_iter().map(|(k, n)| (k.into(), n.into()));
        put(&mut map, "packets", self.packets.map(|counts| Value::Object(packets(counts).collect())));
        let refused = [
            ("devices", self.devices.refused),
            ("flows", self.flows.refused),
            ("contacts", self.contacts.refused),
            ("findings", self.ledger.refused),
            ("blocks", self.blocks.refused),
            ("names_evicted", self.names.evicted),
            ("lookups_of_nobody", self.stray_lookups),
        ];
        let refused: Map<String, Value> =
            refused.into_iter().filter(|(_, n)| *n > 0).map(|(word, n)| (word.into(), n.into())).collect();
        put(&mut map, "refused", (!refused.is_empty()).then_some(Value::Object(refused)));
        Value::Object(map)
    }

    /// All devices, one after the other, by hardware address.
    pub fn devices(&self) -> impl Iterator<Item = Value> {
        self.devices.iter().map(|(id, _)| self.device(id))
    }

    /// What there is, in numbers.
    pub fn status(&self) -> Value {
        let mut verdicts = [0_u32; 3];
        self.devices.iter().for_each(|(id, _)| verdicts[self.worst(id) as usize] += 1);
        let mut map = Map::new();
        put(&mut map, "blocking", Value::from(self.blocking()));
        put(&mut map, "devices", Value::from(self.devices.len()));
        put(&mut map, "watch", Value::from(verdicts[Decision::Watch as usize]));
        put(&mut map, "block", Value::from(verdicts[Decision::Block as usize]));
        put(&mut map, "blocks", Value::from(self.blocks.len()));
        put(&mut map, "flows", Value::from(self.flows.len()));
        put(&mut map, "contacts", Value::from(self.contacts.len()));
        put(&mut map, "names", Value::from(self.names.len()));
        put(&mut map, "refused", self.summary().get("refused").cloned());
        Value::Object(map)
    }

    fn worst(&self, id: DeviceId) -> Decision {
        let decide = |(endpoint, contact)| self.judged(id, endpoint, contact).1.decision;
        let whole = if self.judged_whole(id).is_empty() { Decision::Allow } else { Decision::Watch };
        self.contacts.of(id).map(decide).max().unwrap_or(Decision::Allow).max(whole)
    }

    /// What is found on a device as a whole; nothing on one that is trusted.
    fn judged_whole(&self, id: DeviceId) -> Vec<Finding> {
        let device = self.devices.get(id);
        let judged = self.settings().mode(device.mac).is_judged();
        if judged { detect::judge_device(device, self.latest.now) } else { Vec::new() }
    }

    /// All devices without their contacts, by hardware address.
    pub fn summaries(&self) -> Vec<Value> {
        let short = |(id, own): (DeviceId, &Device)| {
            let mut device = self.device(id);
            if let Some(device) = device.as_object_mut() {
                let contacts = device.remove("contacts").unwrap_or_default();
                let contacts = contacts.as_array().map_or(&[][..], Vec::as_slice);
                let (asked, unexplained, unknown) = share(contacts);
                put(device, "contacts", Value::from(asked));
                put(device, "unexplained", Value::from(unexplained));
                put(device, "unknown", Value::from(unknown));
                let blocks = self.blocks.iter().filter(|(mac, ..)| *mac == own.mac);
                put(device, "blocks", Value::from(blocks.count()));
            }
            device
        };
        self.devices.iter().map(short).collect()
    }

    /// What the detectors say, of all devices or of one.
    pub fn findings(&self, only: Option<DeviceId>) -> Vec<Value> {
        let mut all = Vec::new();
        for (id, device) in self.devices.iter().filter(|(id, _)| only.is_none_or(|only| only == *id)) {
            let mut own: Vec<Value> = self.judged_whole(id).iter().map(|f| self.finding(id, None, f)).collect();
            for (endpoint, contact) in self.contacts.of(id) {
                own.extend(self.judged(id, endpoint, contact).0.iter().map(|f| self.finding(id, Some(endpoint), f)));
            }
            for value in &mut own {
                value["device"] = device.mac.to_string().into();
                value["name"] = self.called(device.mac).into();
            }
            all.append(&mut own);
        }
        all
    }

    /// Devices and addresses of [`Engine::blocked`], in its order.
    pub fn blocked_pairs(&self) -> Vec<(Mac, IpAddr)> {
        self.blocks.iter().map(|(mac, address, _)| (mac, address)).collect()
    }

    /// The pins that hold, the first that fits decides.
    pub fn pins(&self, wall: Wall) -> Vec<Value> {
        let say = |pin: &Pin| {
            let mut map = Map::new();
            put(&mut map, "device", pin.mac.map(|mac| mac.to_string().into()));
            put(&mut map, "name", pin.mac.map(|mac| self.called(mac).into()));
            put(&mut map, "target", Value::from(pin.target.to_string()));
            put(&mut map, "verdict", Value::from(pin.verdict()));
            put(&mut map, "until", pin.until.map(seconds));
            let ordered = self.orders.pins.contains(pin);
            put(&mut map, "from", Value::from(if ordered { "order" } else { "settings" }));
            Value::Object(map)
        };
        self.settings().pins(wall).map(say).collect()
    }

    /// There are orders that are to last, and that the settings do not have yet.
    pub fn has_orders(&self) -> bool {
        self.orders.are_to_keep()
    }

    /// The orders that are to last, and that the settings do not have yet.
    pub fn orders(&self) -> Value {
        let Orders { pins, unpinned, modes, names, blocking } = &self.orders;
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
        let mode = |(mac, mode): (&Mac, &Mode)| json!({ "device": mac.to_string(), "mode": mode.text() });
        let name = |(mac, name): &(Mac, String)| json!({ "device": mac.to_string(), "name": name });
        let mut map = Map::new();
        map.insert("modes".into(), modes.iter().map(mode).collect());
        map.insert("names".into(), names.iter().map(name).collect());
        map.insert("pins".into(), pins.iter().filter(|pin| pin.until.is_none()).map(pin).collect());
        map.insert("unpinned".into(), unpinned.iter().map(|(mac, target)| Value::Object(key(*mac, target))).collect());
        put(&mut map, "blocking", blocking.map(Value::from));
        Value::Object(map)
    }

    /// What happened of late, oldest first.
    pub fn history(&self) -> Vec<Value> {
        self.history.iter().map(|record| self.record(record)).collect()
    }

    /// One of them.
    pub fn record(&self, record: &Record) -> Value {
        let mut map = Map::new();
        put(&mut map, "time", seconds(record.wall));
        put(&mut map, "what", Value::from(record.what));
        put(&mut map, "device", record.mac.and_then(mac));
        put(&mut map, "name", record.mac.map(|mac| self.called(mac).into()));
        put(&mut map, "address", record.address.map(|address| address.to_string().into()));
        let made_by = || self.devices.get(self.devices.find(record.mac?)?).vendor.as_ref();
        let says = match made_by().filter(|_| record.what == "device") {
            Some(vendor) => format!("{}, made by {vendor}", record.says),
            None => record.says.clone(),
        };
        put(&mut map, "says", Value::from(says));
        Value::Object(map)
    }

    /// What people call a device: by the settings, by itself, or by its hardware address.
    pub fn called(&self, mac: Mac) -> String {
        let configured = self.settings().name(mac).map(String::from);
        let own = || self.devices.find(mac).and_then(|id| self.devices.get(id).hostname.as_deref().map(String::from));
        configured.or_else(own).unwrap_or_else(|| mac.to_string())
    }

    /// The labels of all devices.
    pub fn labels(&self) -> impl Iterator<Item = String> {
        self.devices.iter().map(|(_, device)| self.called(device.mac))
    }

    /// The hardware address of a device that was seen, or is only in the settings, or is given as one.
    pub fn mac_of(&self, who: &str) -> Option<Mac> {
        let named = |mac: &&Mac| self.settings().name(**mac).is_some_and(|name| name.eq_ignore_ascii_case(who));
        let seen = self.find(who).map(|id| self.devices.get(id).mac);
        let configured = || self.config.devices.keys().find(named).copied();
        seen.or_else(configured).or_else(|| who.parse().ok().filter(|mac: &Mac| mac.is_station()))
    }

    /// The device that a person means: by MAC, address, or name (of the configuration, or its own).
    pub fn find(&self, who: &str) -> Option<DeviceId> {
        let mac = who.parse::<Mac>().ok().and_then(|mac| self.devices.find(mac));
        let address = || who.parse().ok().and_then(|address| self.devices.of_address(address));
        let name = || {
            let is = |name: &str| name.eq_ignore_ascii_case(who);
            let configured = |mac| self.settings().name(mac);
            let mut all = self.devices.iter();
            all.find(|(_, d)| configured(d.mac).is_some_and(is) || d.hostname.as_deref().is_some_and(is))
                .map(|(id, _)| id)
        };
        mac.or_else(address).or_else(name)
    }

    /// A device with all its contacts.
    pub fn device(&self, id: DeviceId) -> Value {
        let device = self.devices.get(id);
        let mode = self.settings().mode(device.mac);
        let mut map = Map::new();
        put(&mut map, "mac", mac(device.mac));
        let addresses: Vec<Value> = self.devices.addresses(id).map(|ip| ip.to_string().into()).collect();
        put(&mut map, "addresses", Value::Array(addresses));
        put(&mut map, "name", self.settings().name(device.mac).map(Value::from));
        put(&mut map, "hostname", device.hostname.as_ref().map(text));
        put(&mut map, "vendor", device.vendor.as_ref().map(text));
        put(&mut map, "vendor_class", device.vendor_class.as_ref().map(text));
        put(&mut map, "mode", Value::from(mode.text()));
        put(&mut map, "first", seconds(device.first));
        put(&mut map, "last", seconds(device.last));
        put(&mut map, "boot_seen", yes(device.booted.is_some()));
        put(&mut map, "lookups", Value::from(device.lookups));
        put(&mut map, "flows", Value::from(device.flows));
        put(&mut map, "sent_bytes", Value::from(device.sent));
        put(&mut map, "received_bytes", Value::from(device.received));
        put(&mut map, "day", device.day.until(uploads::hour(self.latest.wall)));
        let idle = device.reach.idle.map(|idle| {
            let mut map = Map::new();
            put(&mut map, "networks", Value::from(idle.networks));
            put(&mut map, "countries", idle.countries.map(Value::from));
            Value::Object(map)
        });
        put(&mut map, "idle", idle);
        let (mut contacts, mut findings, mut worst) = (Vec::new(), Vec::new(), Decision::Allow);
        for (endpoint, contact) in self.contacts.of(id) {
            let judged = self.judged(id, endpoint, contact);
            worst = worst.max(judged.1.decision);
            findings.extend(judged.0.iter().map(|finding| self.finding(id, Some(endpoint), finding)));
            contacts.push(self.contact(id, endpoint, contact, &judged));
        }
        let whole = self.judged_whole(id);
        if !whole.is_empty() {
            worst = worst.max(Decision::Watch);
        }
        // The gravest stands first; of equals, what is said of the whole device.
        findings.splice(0..0, whole.iter().map(|finding| self.finding(id, None, finding)));
        let mut sorted = Vec::with_capacity(findings.len());
        for strength in Strength::ALL.iter().rev() {
            sorted.extend(findings.extract_if(.., |finding| Strength::of(&finding["strength"]) == Some(*strength)));
        }
        put(&mut map, "findings", Value::Array(sorted));
        put(&mut map, "contacts", Value::Array(contacts));
        put(&mut map, "verdict", Value::from(worst.text()));
        let says = self.sentence(id, &map);
        put(&mut map, "says", Value::from(says));
        Value::Object(map)
    }

    /// A device in one sentence: the gravest thing first, and what is plainly harmless where there is nothing else.
    fn sentence(&self, id: DeviceId, device: &Map<String, Value>) -> String {
        let mac = self.devices.get(id).mac;
        if !self.settings().mode(mac).is_judged() {
            return "is trusted: nobody looks at what it does".into();
        }
        let list = |key: &str| device.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let (findings, contacts) = (list("findings"), list("contacts"));
        if let Some(says) = findings.first().and_then(|finding| finding["says"].as_str()) {
            let more = findings.len() - 1;
            return if more == 0 { says.into() } else { format!("{says}; and {more} more such") };
        }
        let outside = contacts.iter().filter(|contact| contact.get("local").is_none());
        let outside: Vec<_> = outside.map(|it| (it["purpose"].as_str(), it["explained"].as_str())).collect();
        purpose::sentence(&outside)
    }

    pub(super) fn judged(&self, id: DeviceId, endpoint: Endpoint, contact: &Contact) -> (Vec<Finding>, Verdict) {
        if contact.is_out_of_scope() {
            return (
                Vec::new(),
                Verdict { decision: Decision::Allow, by: By::Detectors, reasons: Vec::new(), lasts: None },
            );
        }
        let device = self.devices.get(id);
        let findings = detect::judge(&Subject { device, id, endpoint, contact }, &self.scene());
        let verdict = self.verdict(id, endpoint, &findings, self.settings().mode(device.mac), self.today());
        (findings, verdict)
    }

    fn finding(&self, id: DeviceId, endpoint: Option<Endpoint>, finding: &Finding) -> Value {
        let mut map = Map::new();
        put(&mut map, "detector", Value::from(finding.detector));
        if let Some(endpoint) = endpoint {
            put(&mut map, "address", Value::from(endpoint.address.to_string()));
            put(&mut map, "protocol", Value::from(endpoint.protocol.text()));
            put(&mut map, "port", Value::from(endpoint.port));
        }
        put(&mut map, "strength", Value::from(finding.strength.text()));
        put(&mut map, "says", Value::from(finding.says.as_str()));
        put(&mut map, "since", self.ledger.since(id, endpoint, finding.detector).map(seconds));
        let numbers = finding.evidence.iter().map(|e| (e.what.into(), json!({"seen": e.seen, "limit": e.limit})));
        put(&mut map, "evidence", Value::Object(numbers.collect()));
        Value::Object(map)
    }

    fn contact(&self, id: DeviceId, endpoint: Endpoint, contact: &Contact, judged: &(Vec<Finding>, Verdict)) -> Value {
        let (findings, verdict) = judged;
        let mut map = Map::new();
        put(&mut map, "address", Value::from(endpoint.address.to_string()));
        put(&mut map, "protocol", Value::from(endpoint.protocol.text()));
        put(&mut map, "port", Value::from(endpoint.port));
        put(&mut map, "inbound", yes(contact.inbound));
        let local = self.is_house(endpoint.address);
        put(&mut map, "local", yes(local));
        put(&mut map, "explained", contact.explained().map(|explained| Value::from(explained.text())));
        put(&mut map, "names", self.names_of(id, endpoint.address));
        put(&mut map, "named_for", self.named_for(id, endpoint.address));
        put(&mut map, "network", self.network(endpoint.address).filter(|_| !local));
        put(&mut map, "listed", self.title(id, endpoint, contact).filter(|_| !local).map(Value::from));
        put(&mut map, "service", contact.service.text().map(Value::from));
        put(&mut map, "sni", contact.sni.as_ref().map(text));
        let names = self.names.of(id, endpoint.address).map(|name| &**name);
        let purpose = purpose::purpose(contact.service, endpoint.port, contact.sni.as_deref(), names);
        put(
            &mut map,
            "purpose",
            purpose.filter(|_| !local && !contact.inbound).map(|purpose| Value::from(purpose.text())),
        );
        put(&mut map, "ech", yes(contact.ech));
        put(&mut map, "flows", Value::from(contact.all_flows()));
        let labels = [
            ("lookup", Label::Lookup),
            ("other-device", Label::OtherDevice),
            ("none", Label::Unexplained),
            ("not-covered", Label::NotCovered),
            ("unseen", Label::Unseen),
        ];
        let counts = labels.into_iter().map(|(word, label)| (word.to_string(), contact.flows(label)));
        let counts: Map<String, Value> = counts.filter(|(_, n)| *n > 0).map(|(word, n)| (word, n.into())).collect();
        put(&mut map, "flows_explained", (!counts.is_empty()).then_some(Value::Object(counts)));
        put(&mut map, "sent_bytes", Value::from(contact.sent));
        put(&mut map, "received_bytes", Value::from(contact.received));
        let rhythm = contact.beacon.as_ref().and_then(|beacon| beacon.rhythm());
        put(
            &mut map,
            "rhythm",
            rhythm.map(|now| json!({"period_s": now.period.0 / 1_000_000, "sent_bytes": now.sent})),
        );
        put(&mut map, "first", seconds(contact.first));
        put(&mut map, "last", seconds(contact.last));
        put(&mut map, "active", Value::from(contact.active));
        // What another mode would do, so that one can see it beforehand.
        let guard = || self.verdict(id, endpoint, findings, Mode::Guard, self.today()).decision;
        let would = verdict.decision < Decision::Block && !contact.is_out_of_scope() && guard() == Decision::Block;
        put(&mut map, "guard_would", would.then(|| Value::from(Decision::Block.text())));
        let findings: Vec<Value> = findings.iter().map(|finding| Value::from(finding.detector)).collect();
        put(&mut map, "findings", (!findings.is_empty()).then_some(Value::Array(findings)));
        put(&mut map, "verdict", Value::from(verdict.decision.text()));
        let reasons = verdict.reasons.iter().map(|reason| Value::from(reason.as_str())).collect();
        put(&mut map, "reasons", (!verdict.reasons.is_empty()).then_some(Value::Array(reasons)));
        Value::Object(map)
    }

    /// Whose an address is.
    fn network(&self, address: IpAddr) -> Option<Value> {
        let network = self.networks.as_ref()?.of(address)?;
        let mut map = Map::new();
        put(&mut map, "asn", Value::from(network.asn));
        put(&mut map, "country", network.country().map(Value::from));
        put(&mut map, "hosting", yes(network.hosting));
        Some(Value::Object(map))
    }

    /// The date of the latest fact.
    fn today(&self) -> Wall {
        self.latest.wall
    }

    fn names_of(&self, id: DeviceId, address: IpAddr) -> Option<Value> {
        let names: Vec<Value> = self.names.of(id, address).map(text).collect();
        (!names.is_empty()).then_some(Value::Array(names))
    }

    /// Who else looked the address up, and as what.
    fn named_for(&self, id: DeviceId, address: IpAddr) -> Option<Value> {
        let others = self.names.others(id, address);
        let others: Vec<Value> = others
            .map(|(other, known)| {
                let mut map = Map::new();
                put(&mut map, "mac", mac(self.devices.get(other).mac));
                put(&mut map, "hostname", self.devices.get(other).hostname.as_ref().map(text));
                put(&mut map, "name", text(known));
                Value::Object(map)
            })
            .collect();
        (!others.is_empty()).then_some(Value::Array(others))
    }

    /// A flow that is over, or was still open at the end.
    pub fn flow(&self, ended: &EndedFlow) -> Value {
        let EndedFlow { tuple, device, flow, names } = ended;
        let mut map = Map::new();
        put(&mut map, "protocol", Value::from(tuple.protocol.text()));
        put(&mut map, "source", Value::from(tuple.source.to_string()));
        put(&mut map, "source_port", Value::from(tuple.source_port));
        put(&mut map, "destination", Value::from(tuple.destination.to_string()));
        put(&mut map, "destination_port", Value::from(tuple.destination_port));
        put(&mut map, "device", device.and_then(|id| mac(self.devices.get(id).mac)));
        put(&mut map, "start", seconds(flow.start));
        put(&mut map, "sent_bytes", Value::from(flow.sent));
        put(&mut map, "received_bytes", Value::from(flow.received));
        put(&mut map, "explained", self.explained(ended).map(|explained| Value::from(explained.text())));
        put(&mut map, "names", (!names.is_empty()).then(|| names.iter().map(text).collect()));
        put(&mut map, "service", flow.service.text().map(Value::from));
        put(&mut map, "sni", flow.sni.as_ref().map(text));
        put(&mut map, "ech", yes(flow.ech));
        put(&mut map, "esni", yes(flow.esni));
        put(&mut map, "midstream", yes(flow.midstream));
        put(&mut map, "open", yes(!flow.closed));
        Value::Object(map)
    }

    /// What is blocked.
    pub fn blocked(&self) -> Value {
        let block = |(device, address, block): (Mac, IpAddr, &super::policy::Block)| {
            let mut map = Map::new();
            put(&mut map, "device", mac(device));
            put(
                &mut map,
                "name",
                Some(self.called(device)).filter(|name| *name != device.to_string()).map(Value::from),
            );
            put(&mut map, "address", Value::from(address.to_string()));
            put(&mut map, "reason", Value::from(block.reason.as_str()));
            put(&mut map, "since", seconds(block.since));
            put(&mut map, "until", block.until.map(seconds));
            Value::Object(map)
        };
        Value::Array(self.blocks.iter().map(block).collect())
    }

    /// Why a device may talk to an address, or may not: all that is known of the two.
    pub fn explain(&self, id: DeviceId, address: IpAddr) -> Value {
        let mut device = self.device(id);
        let mut map = Map::new();
        let contacts = device.get_mut("contacts").map(Value::take);
        let own = |value: &Value| value.get("address").and_then(Value::as_str) == Some(address.to_string().as_str());
        let filter = |list: Option<Value>| match list {
            Some(Value::Array(list)) => Value::Array(list.into_iter().filter(own).collect()),
            other => other.unwrap_or_default(),
        };
        put(&mut map, "contacts", filter(contacts));
        put(&mut map, "findings", filter(device.get_mut("findings").map(Value::take)));
        put(&mut map, "address", Value::from(address.to_string()));
        put(&mut map, "names", self.names_of(id, address));
        put(&mut map, "named_for", self.named_for(id, address));
        let would = |mode| {
            let judge = |(endpoint, contact)| {
                let (findings, _) = self.judged(id, endpoint, contact);
                self.verdict(id, endpoint, &findings, mode, self.today()).decision
            };
            self.contacts.of(id).filter(|(endpoint, _)| endpoint.address == address).map(judge).max()
        };
        put(&mut map, "guard_would", would(Mode::Guard).map(|decision| Value::from(decision.text())));
        for list in ["contacts", "findings"] {
            if let Some(device) = device.as_object_mut() {
                device.remove(list);
            }
        }
        put(&mut map, "device", device);
        Value::Object(map)
    }
}

/// The hardware address, unless it is a stand-in for one that the capture does not have.
fn mac(mac: Mac) -> Option<Value> {
    (!mac.is_stand_in()).then(|| mac.to_string().into())
}
