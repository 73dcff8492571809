//! What a household asks first, answered for all devices at once in three tiers: who can reach the computers of the house,
//! who is asked for names, and which addresses are called. Each answer names the devices that it is about and the next
//! step.

use crate::detect::Strength;
use crate::engine::Engine;
use crate::engine::judged::JudgedDevice;
use crate::engine::policy;
use crate::engine::view::put;
use crate::mode::Mode;
use crate::model::Mac;
use crate::pin::Target;
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::counters::day::{self, Traffic};
use crate::tables::coverage::Level;
use crate::tables::devices::{Device, DeviceId};
use crate::time::{Span, Wall};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// From which share on of what the line can send a device's is worth a word, in percent.
const LINE_PERCENT: u64 = 5;
/// Between which shares of what the house sends a device's is worth a word, in percent: below all, since others have to
/// send something, too.
const HOUSE_PERCENTS: std::ops::Range<u64> = 25..100;
/// What the house sends in a day is worth being shared out from here on, in bytes.
const UPLINK_BYTES: u64 = 100_000_000;
/// Most devices in mode local that have a sentence each.
const LOCALS_MAX: usize = 8;

/// Most devices that a sentence names; the others are counted.
const NAMED_MAX: usize = 4;

/// An answer: what is so, for which devices, and what to do about it.
struct Fact {
    message: Sentence,
    devices: Vec<Mac>,
    next: Option<Next>,
}

/// What to do about a [`Fact`].
struct Next {
    says: Sentence,
    /// The mode that these devices would get.
    mode: Option<(Mode, Vec<Mac>)>,
    /// The page where it is done.
    page: Option<&'static str>,
}

impl Fact {
    fn new(message: Sentence, devices: Vec<Mac>) -> Fact {
        Fact { message, devices, next: None }
    }

    fn step(self, says: Sentence) -> Fact {
        Fact { next: Some(Next { says, mode: None, page: None }), ..self }
    }

    fn page(self, says: Sentence, page: &'static str) -> Fact {
        Fact { next: Some(Next { says, mode: None, page: Some(page) }), ..self }
    }

    /// Advises to set the mode of these devices, where there are any.
    fn mode(self, mode: Mode, devices: Vec<Mac>, says: Sentence) -> Fact {
        let next = (!devices.is_empty()).then_some(Next { says, mode: Some((mode, devices)), page: None });
        Fact { next, ..self }
    }

    fn json(&self) -> Value {
        let macs = |macs: &[Mac]| macs.iter().map(|mac| Value::from(mac.to_string())).collect::<Value>();
        let mut map = Map::new();
        self.message.put_into(&mut map);
        map.insert("devices".into(), macs(&self.devices));
        if let Some(Next { says, mode, page }) = &self.next {
            let mut next = Map::new();
            says.put_into(&mut next);
            if let Some((mode, devices)) = mode {
                next.insert("mode".into(), mode.text().into());
                next.insert("devices".into(), macs(devices));
            }
            put(&mut next, "page", page.map(Value::from));
            map.insert("next".into(), Value::Object(next));
        }
        Value::Object(map)
    }
}

impl Engine {
    /// Returns the three tiers as JSON; `stopped` is how many packets the blocks in force have stopped.
    pub fn tiers(&self, stopped: u64) -> Value {
        let judged: Vec<JudgedDevice> = self.tables.devices.iter().map(|(id, _)| self.judge_device(id)).collect();
        let tiers = [
            ("isolation", self.isolation(&judged)),
            ("names", self.names_tier(&judged)),
            ("addresses", self.addresses_tier(&judged, stopped)),
        ];
        let tier = |(name, facts): &(&str, Vec<Fact>)| json!({ "tier": name, "facts": facts.iter().map(Fact::json).collect::<Value>() });
        json!({ "tiers": tiers.iter().map(tier).collect::<Value>() })
    }

    /// Returns who shares a network with whom, and who is kept in the house.
    fn isolation(&self, judged: &[JudgedDevice]) -> Vec<Fact> {
        let mut networks: Vec<(Option<usize>, Vec<Mac>)> = Vec::new();
        for JudgedDevice { id, device, .. } in judged {
            let network = self.network_of(*id);
            match networks.iter_mut().find(|(known, _)| *known == network) {
                Some((_, macs)) => macs.push(device.mac),
                None => networks.push((network, vec![device.mac])),
            }
        }
        let mut facts = Vec::new();
        match &networks[..] {
            [] => {}
            [(_, all)] if all.len() == 1 => {}
            [(_, all)] => facts.push(
                Fact::new(sentence!("all %s devices share one network: each can reach the others", all.len()), vec![])
                    .step(sentence!(
                        "give what needs no computer of yours a network of its own, such as a guest network"
                    )),
            ),
            several => facts.extend(several.iter().map(|(network, macs)| {
                let says = match network {
                    Some(at) => sentence!("in the network %s: %s", self.tables.lan[*at].to_string(), self.listed(macs)),
                    None => sentence!("in no known network: %s", self.listed(macs)),
                };
                Fact::new(says, macs.clone())
            })),
        }
        let locals = judged.iter().filter(|it| it.mode == Mode::Local);
        facts.extend(locals.take(LOCALS_MAX).map(|it| {
            let name = self.display_name(it.device.mac);
            let message = match self.silent_for(it) {
                Some(silent) => sentence!("%s stays in the house: 0 bytes to the Internet for %s", name, silent),
                None => sentence!("%s stays in the house: leash saw nothing of it go to the Internet", name),
            };
            Fact::new(message, vec![it.device.mac])
        }));
        facts
    }

    /// Returns the place in the LAN's prefixes of the network that a device is in, by its IPv4 address where it has one.
    fn network_of(&self, id: DeviceId) -> Option<usize> {
        let place = |ip: IpAddr| self.tables.lan.iter().position(|prefix| prefix.contains(&ip));
        self.tables.devices.addresses_of(id).find_map(place)
    }

    /// Returns how long ago a device last sent something to the Internet; absent if that is not known.
    fn silent_for(&self, judged: &JudgedDevice) -> Option<Span> {
        let outside = judged.contacts.iter().filter(|it| !it.local && it.contact.sent > 0);
        let last = outside.map(|it| it.contact.last_seen).max()?;
        let silent = self.latest.wall.since(last).as_secs();
        let unit = [86_400, 3_600, 60].into_iter().find(|unit| silent >= *unit).unwrap_or(1);
        Some(Span::secs(silent / unit * unit))
    }

    /// Returns whom the devices ask for names, and what lists say of those that they call.
    fn names_tier(&self, judged: &[JudgedDevice]) -> Vec<Fact> {
        let of = |which: &dyn Fn(&JudgedDevice) -> bool| -> Vec<Mac> {
            judged.iter().filter(|it| it.mode.is_judged() && which(it)).map(|it| it.device.mac).collect()
        };
        let unseen = of(&|it| it.device.lookups > 0 && self.coverage_level(it.id, self.latest.now) != Level::Full);
        let mut facts = Vec::new();
        if unseen.is_empty() {
            facts.push(Fact::new(sentence!("every device that looks up names asks where leash sees it"), vec![]));
        } else {
            let says = sentence!("leash does not see all lookups of %s", self.listed(&unseen));
            facts.push(Fact::new(says, unseen).page(sentence!("see why, and what mends it"), "doctor"));
        }
        let past = of(&|it| finds(it, "bypass"));
        if !past.is_empty() {
            let step = sentence!("open each to see which resolver it asks; block that if nobody of you chose it");
            let says = sentence!("resolvers past the router are asked by %s", self.listed(&past));
            facts.push(Fact::new(says, past).step(step));
        }
        let listed = of(&|it| finds(it, "reputation"));
        facts.push(if listed.is_empty() {
            Fact::new(sentence!("nobody calls what the lists warn of"), vec![])
        } else {
            let guard = self.not_guarded(&listed);
            let says = sentence!("what the lists warn of is called by %s", self.listed(&listed));
            Fact::new(says, listed).mode(Mode::Guard, guard, sentence!("turn guard on for them"))
        });
        facts
    }

    /// Returns who calls by address, and what is null-routed.
    fn addresses_tier(&self, judged: &[JudgedDevice], stopped: u64) -> Vec<Fact> {
        let callers =
            judged.iter().filter(|it| it.mode.is_judged() && it.mode != Mode::Local && finds(it, "direct-ip"));
        let callers: Vec<Mac> = callers.map(|it| it.device.mac).collect();
        let mut facts = Vec::new();
        facts.push(if callers.is_empty() {
            Fact::new(sentence!("nobody is known to call addresses that it never looked up"), vec![])
        } else {
            let guard = self.not_guarded(&callers);
            let says = sentence!("addresses that were never looked up are called by %s", self.listed(&callers));
            Fact::new(says, callers).mode(Mode::Guard, guard, sentence!("turn guard on for them"))
        });
        let mut blocked: Vec<Mac> = self.blocks.iter().map(|(mac, ..)| mac).collect();
        blocked.dedup();
        facts.push(match (blocked.is_empty(), self.blocking()) {
            (true, _) => Fact::new(sentence!("nothing is null-routed now"), vec![]),
            (false, true) => {
                let says = sentence!("null-routed addresses: %s; packets stopped: %s", self.blocks.len(), stopped);
                Fact::new(says, blocked).page(sentence!("see what, and why"), "decisions")
            }
            (false, false) => {
                let says = sentence!("blocking is off; addresses that would be null-routed: %s", self.blocks.len());
                Fact::new(says, blocked).page(sentence!("see what, and why"), "decisions")
            }
        });
        facts
    }

    /// Returns what people call these devices, the first few by name.
    fn listed(&self, macs: &[Mac]) -> Sentence {
        let names: Vec<String> = macs.iter().take(NAMED_MAX).map(|mac| self.display_name(*mac)).collect();
        match macs.len() - names.len() {
            0 => Sentence::verbatim(names.join(", ")),
            more => sentence!("%s and %s more", names.join(", "), more),
        }
    }

    /// Returns those of the devices on which guard would do something.
    fn not_guarded(&self, macs: &[Mac]) -> Vec<Mac> {
        macs.iter().filter(|mac| self.settings().mode(**mac) == Mode::Observe).copied().collect()
    }

    /// Returns what is worth knowing of a device's day, in sentences: "the device ...".
    pub(super) fn habits(&self, device: &Device) -> Vec<Sentence> {
        let hour = self.latest.wall.hour();
        let day = |device: &Device| device.day.until::<{ day::HOURS }>(hour).unwrap_or_default();
        let sum = |hours: &[Traffic]| hours.iter().copied().sum::<Traffic>().sent;
        let own = sum(&day(device));
        let mut habits = Vec::new();
        let of_line = self.config.uplink_kbit.map(|kbit| u64::from(kbit).max(1) * 125 * 86_400);
        let all = of_line.unwrap_or_else(|| self.tables.devices.iter().map(|(_, it)| sum(&day(it))).sum());
        let percent = own.saturating_mul(100) / all.max(1);
        let worth = if of_line.is_some() { percent >= LINE_PERCENT } else { HOUSE_PERCENTS.contains(&percent) };
        if worth && all >= UPLINK_BYTES {
            let share = match of_line {
                Some(_) => sentence!("sends %s %% of what your line can send", percent),
                None => sentence!("sends %s %% of what the house sends", percent),
            };
            let quiet = |ago: usize| {
                let wall = Wall(i64::from(hour.saturating_sub(ago as u32)) * 3_600_000_000 + 1_800_000_000);
                self.config.quiet_hours.is_some_and(|hours| self.is_within(hours, wall))
            };
            let hours = day(device);
            let nightly = hours.iter().rev().enumerate().filter(|(ago, _)| quiet(*ago)).map(|(_, it)| it.sent);
            habits.push(if nightly.sum::<u64>() * 2 > own {
                sentence!("%s, most of it at night", share)
            } else {
                share
            });
        }
        if let Some(idle) = device.reach.idle.filter(|idle| idle.countries.is_some_and(|countries| countries > 1)) {
            let countries = idle.countries.unwrap_or_default();
            habits.push(sentence!("talks to %s networks in %s countries while it is idle", idle.networks, countries));
        }
        habits
    }

    /// Returns the devices that call what a block of `target` would hit, each with how many addresses of it.
    pub fn callers(&self, target: &Target) -> Value {
        let caller = |(id, device): (DeviceId, &Device)| {
            let own = self.tables.contacts.of_device(id).map(|(endpoint, _)| endpoint.address);
            let mut hit: Vec<IpAddr> =
                own.filter(|address| policy::hits(target, true, &self.tables.names, id, *address)).collect();
            hit.sort_unstable();
            hit.dedup();
            let name = self.display_name(device.mac);
            (!hit.is_empty()).then(|| json!({ "device": device.mac.to_string(), "name": name, "addresses": hit.len() }))
        };
        self.tables.devices.iter().filter_map(caller).collect()
    }
}

/// Returns whether a detector finds something on a device that counts.
fn finds(judged: &JudgedDevice, detector: &str) -> bool {
    judged.each_finding().any(|found| found.finding.detector == detector && found.finding.strength > Strength::Weak)
}
