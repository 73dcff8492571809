//! What a device is, in a word and in a sentence with its reasons.
//!
//! Nothing that decides about a device asks this: it is the device's own claim, and describes it to people.

use crate::config::Tag;
use crate::engine::Engine;
use crate::engine::judged::JudgedDevice;
use crate::fnv::fnv32;
use crate::kind::Kind;
use crate::limits;
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::counters::reach::network_prefix;
use crate::tables::devices::{Device, DeviceId};
use crate::tables::domain::registrable;
use crate::tables::traits::{Clue, Confidence, Guess};
use serde_json::{Map, Value};

impl Engine {
    /// Returns what a device is: `{"type", "confidence", "message", "form", "values"}`. It has no type where what the device
    /// claims is not what it does. Absent where nothing is known.
    pub(super) fn kind(&self, judged: &JudgedDevice) -> Option<Value> {
        let mut map = Map::new();
        let chosen = self.settings().tag(judged.device.mac, Tag::Type);
        if let Some(kind) = chosen.and_then(|word| Kind::parse(word).ok()) {
            map.insert("type".into(), kind.text().into());
            map.insert("confidence".into(), "chosen".into());
            sentence!("%s, as you say", named(kind)).put_into(&mut map);
            return Some(Value::Object(map));
        }
        let guess = judged.device.traits.guess(&judged.device.texts())?;
        let Guess { kind, confidence, .. } = guess;
        let networks = if kind.is_simple() { networks(judged) } else { 0 };
        if networks > limits::SIMPLE_NETWORKS {
            let claim = sentence!("seems to be %s, but calls %s networks, as none does", named(kind), networks as u64);
            map.insert("confidence".into(), Confidence::Low.text().into());
            claim.put_into(&mut map);
            return Some(Value::Object(map));
        }
        map.insert("type".into(), kind.text().into());
        map.insert("confidence".into(), confidence.text().into());
        observed(judged.device, &guess).put_into(&mut map);
        Some(Value::Object(map))
    }
}

/// How many domains two devices must have looked up, so that these can be compared.
const DOMAINS_COMPARED: usize = 5;
/// How many are compared at most.
const DOMAINS_MAX: usize = 256;

impl Engine {
    /// Returns the devices that are perhaps this one under an earlier hardware address, each with the reason, to be offered
    /// to the user: `[{"mac", "name", "message", "form", "values"}]`. At least one of the two has made its address up, as
    /// telephones do; the other was not seen since this one came; and what both tell of themselves is the same. All of
    /// that can be feigned, so nothing else follows from it.
    pub(super) fn perhaps_same(&self, id: DeviceId) -> Option<Value> {
        let own = self.tables.devices.get(id);
        let may_be = |other: &Device| {
            let random = own.texts().random || other.texts().random;
            let name = own.hostname.as_deref().zip(other.hostname.as_deref());
            let names_differ = name.is_some_and(|(own, other)| !own.eq_ignore_ascii_case(other));
            random
                && other.last_seen < own.first_seen
                && own.traits.asks != 0
                && own.traits.asks == other.traits.asks
                && !names_differ
                && !self.settings().are_one(own.mac, other.mac)
        };
        let mut all = Vec::new();
        for (earlier, other) in self.tables.devices.iter().filter(|(other, device)| *other != id && may_be(device)) {
            let (mine, its) = (self.domains(id), self.domains(earlier));
            let common = mine.iter().filter(|domain| its.contains(domain)).count();
            let compared = mine.len().min(its.len()) >= DOMAINS_COMPARED;
            let named = own.hostname.is_some() && other.hostname.is_some();
            // Without a name the destinations alone tell two telephones of one model apart.
            if compared && common * 2 < mine.len().min(its.len()) || !named && !compared {
                continue;
            }
            let mut same = Vec::new();
            same.extend(named.then(|| sentence!("the same name")));
            same.push(sentence!("the same DHCP options"));
            same.extend(compared.then(|| sentence!("%s destinations in common", common as u64)));
            let Some(same) = Sentence::list(same) else { continue };
            let name = self.display_name(other.mac);
            let mut map = Map::new();
            map.insert("mac".into(), other.mac.to_string().into());
            map.insert("name".into(), name.clone().into());
            sentence!("is perhaps %s with another hardware address: they have %s", name, same).put_into(&mut map);
            all.push(Value::Object(map));
        }
        (!all.is_empty()).then_some(Value::Array(all))
    }

    /// Returns numbers that stand for the domains that a device looked up.
    fn domains(&self, id: DeviceId) -> Vec<u32> {
        let mut domains = Vec::new();
        for known in self.tables.names.iter().filter(|known| known.device == id) {
            for name in known.names {
                let domain = fnv32(registrable(name).as_bytes());
                if domains.len() < DOMAINS_MAX && !domains.contains(&domain) {
                    domains.push(domain);
                }
            }
        }
        domains
    }
}

/// How many networks are counted.
const NETWORKS_MAX: usize = 500;

/// Returns how many networks outside the house a device calls.
fn networks(judged: &JudgedDevice) -> usize {
    let mut networks = Vec::new();
    for contact in judged.contacts.iter().filter(|contact| !contact.local && !contact.contact.inbound) {
        let network = u32::from_be_bytes(network_prefix(contact.endpoint.address));
        // More are not counted: this is enough to be told.
        if networks.len() < NETWORKS_MAX && !networks.contains(&network) {
            networks.push(network);
        }
    }
    networks.len()
}

/// Returns what a device seems to be, and why.
fn observed(device: &Device, guess: &Guess) -> Sentence {
    let what = match &device.vendor {
        Some(vendor) => sentence!("%s by %s", named(guess.kind), vendor.clone()),
        None => named(guess.kind),
    };
    let what = match guess.confidence {
        Confidence::High => what,
        Confidence::Medium => sentence!("probably %s", what),
        Confidence::Low => sentence!("perhaps %s", what),
    };
    let mut reasons: Vec<Sentence> = Vec::new();
    for clue in &guess.clues {
        let reason = match clue {
            Clue::Vendor if device.vendor.is_none() => sentence!("its hardware address is made up"),
            Clue::Vendor => sentence!("its maker"),
            Clue::Class | Clue::Asks => Sentence::verbatim("DHCP"),
            Clue::Host => sentence!("its name"),
            Clue::Mdns => Sentence::verbatim("mDNS"),
            Clue::Ssdp => Sentence::verbatim("SSDP"),
            Clue::Name => Sentence::verbatim(guess.name.unwrap_or_default()),
            Clue::Ufp => Sentence::verbatim("ufp"),
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    match Sentence::list(reasons) {
        Some(reasons) => sentence!("%s: %s", what, reasons),
        None => what,
    }
}

/// Returns a kind as it stands in a sentence.
fn named(kind: Kind) -> Sentence {
    match kind {
        Kind::Computer => sentence!("a computer"),
        Kind::Phone => sentence!("a telephone"),
        Kind::Tablet => sentence!("a tablet"),
        Kind::Tv => sentence!("a television"),
        Kind::Speaker => sentence!("a speaker"),
        Kind::Camera => sentence!("a camera"),
        Kind::Plug => sentence!("a plug or switch"),
        Kind::Light => sentence!("a light"),
        Kind::Thing => sentence!("a thing of the smart home"),
        Kind::Printer => sentence!("a printer"),
        Kind::Router => sentence!("a router or access point"),
        Kind::Console => sentence!("a console"),
        Kind::Storage => sentence!("a disk or server"),
    }
}
