//! Policy: from findings, mode and pins to a verdict; and the list of blocks that are in force.

use crate::detect::{Finding, Strength, independent_kinds};
use crate::engine::orders::EffectiveSettings;
use crate::limits;
use crate::mode::Mode;
use crate::model::{Endpoint, Mac, Protocol};
use crate::pin::{Pin, Target};
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::tables::devices::DeviceId;
use crate::tables::names::Names;
use crate::time::{Span, Stamp, Time, Wall};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What leash does about a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Nothing.
    Allow,
    /// It is shown.
    Watch,
    /// Its address is null-routed for this device.
    Block,
}

impl Decision {
    /// Returns its word in the JSON.
    pub fn text(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Watch => "watch",
            Decision::Block => "block",
        }
    }
}

/// How many devices there are of each verdict; the others are calm.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerdictCounts {
    /// Those that are watched.
    pub watch: usize,
    /// Those with a block that detectors want.
    pub block: usize,
    /// Those on which nothing but the user's own decisions is to be said.
    pub chosen: usize,
}

impl VerdictCounts {
    /// Counts a device by its verdict, and by whether that is the user's own.
    pub fn add(&mut self, verdict: (Decision, bool)) {
        match verdict {
            (_, true) => self.chosen += 1,
            (Decision::Block, _) => self.block += 1,
            (Decision::Watch, _) => self.watch += 1,
            (Decision::Allow, _) => {}
        }
    }
}

/// Who wants a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user, by a pin on this destination.
    Pin,
    /// The user, by the mode of this device.
    Mode,
    /// The detectors.
    Detectors,
}

impl By {
    /// All of them in their order, with their words in the state file and the JSON.
    pub const ALL: [(By, &str); 3] = [(By::Pin, "pin"), (By::Mode, "mode"), (By::Detectors, "detectors")];

    /// Returns its word.
    pub fn text(self) -> &'static str {
        By::ALL[self as usize].1
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The endpoint is inside the house.
    Inside,
    /// The endpoint is a resolver of the router.
    Resolver,
    /// It is time (NTP).
    Time,
    /// A proxy made the address up.
    Faked,
    /// The user pinned it.
    Pin,
    /// The device is in mode local.
    Local,
    /// The detectors found nothing that counts.
    NothingCounts,
    /// The user chose that this detector alone is enough.
    Alone(&'static str),
    /// The detectors rest on one kind of evidence; this one is among them.
    OneKind(&'static str),
    /// The detectors rest on several independent kinds of evidence.
    Kinds(u8),
}

/// A decision and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What leash does about the contact.
    pub decision: Decision,
    /// Why it is so.
    pub because: Because,
    /// How long it holds; absent: until something changes.
    pub lasts: Option<Span>,
}

/// A contact that is to be decided on, with what matters for the decision.
pub struct Case<'a> {
    /// The hardware address of the device.
    pub mac: Mac,
    /// The device's place in `names`.
    pub id: DeviceId,
    /// Whom it talks to.
    pub endpoint: Endpoint,
    /// The endpoint is inside the house.
    pub local: bool,
    /// The endpoint is a resolver of the router.
    pub resolver: bool,
    /// A proxy made the address up.
    pub faked: bool,
    /// What the detectors find on the contact.
    pub findings: &'a [Finding],
    /// What lookups taught.
    pub names: &'a Names,
    /// The date, by which pins hold or not.
    pub wall: Wall,
}

impl Verdict {
    /// Returns who wants it.
    pub fn by(&self) -> By {
        match self.because {
            Because::Pin => By::Pin,
            Because::Local => By::Mode,
            _ => By::Detectors,
        }
    }

    /// Returns the reasons for people, `findings` being those that the verdict was made from; empty where nothing was
    /// found.
    pub fn reasons(&self, findings: &[Finding]) -> Vec<Sentence> {
        let because = match self.because {
            Because::Inside => Some(sentence!("within the house")),
            Because::Resolver => Some(sentence!("a resolver of the router: without it the house has no names")),
            Because::Time => Some(sentence!("time (NTP): a device that loses the time loses everything")),
            Because::Faked => {
                Some(sentence!("a proxy on this router made the address up: it may mean another server tomorrow"))
            }
            Because::Pin if self.decision == Decision::Block => Some(sentence!("your own decision: block it")),
            Because::Pin => Some(sentence!("your own decision: allow it")),
            Because::Local => Some(sentence!("the device is in mode local: no Internet")),
            Because::NothingCounts => None,
            Because::Alone(detector) => {
                Some(sentence!("you chose that '%s' alone is enough for a block", Value::Word(detector)))
            }
            Because::OneKind(detector) => {
                Some(sentence!("one kind of evidence; a block needs two, or block_on '%s'", Value::Word(detector)))
            }
            Because::Kinds(kinds) => Some(sentence!("%s independent kinds of evidence", kinds)),
        };
        let mut reasons = Vec::new();
        if self.because.rests_on_findings() {
            reasons.extend(findings.iter().map(|finding| finding.message.clone()));
        }
        reasons.extend(because);
        reasons
    }
}

impl Because {
    /// Returns whether the findings decide, or would if there were any that count.
    fn rests_on_findings(self) -> bool {
        matches!(
            self,
            Because::Faked | Because::NothingCounts | Because::Alone(_) | Because::OneKind(_) | Because::Kinds(_)
        )
    }
}

/// Returns the verdict on a contact of a device in `mode`. What is never blocked comes first, then pins, then the mode,
/// then the findings: a block needs two independent kinds of evidence, or one of a detector that the user named in
/// `block_on`.
pub fn verdict(case: &Case, mode: Mode, settings: EffectiveSettings) -> Verdict {
    let verdict = |decision, because| Verdict { decision, because, lasts: None };
    let config = settings.config;
    if let Some(never) = never_blocked(case) {
        return verdict(Decision::Allow, never);
    }
    if let Some(pin) = settings.pins(case.wall).find(|pin| fits(pin, case)) {
        let decision = if pin.block { Decision::Block } else { Decision::Allow };
        let lasts = pin.until.map(|until| until.since(case.wall).max(Span(1)));
        return Verdict { lasts, ..verdict(decision, Because::Pin) };
    }
    if mode.is_offline() {
        return verdict(Decision::Block, Because::Local);
    }
    let counting = || case.findings.iter().filter(|finding| finding.strength >= Strength::Fair);
    let Some(first) = counting().next() else {
        let decision = if case.findings.is_empty() { Decision::Allow } else { Decision::Watch };
        return verdict(decision, Because::NothingCounts);
    };
    if case.faked {
        return verdict(Decision::Watch, Because::Faked);
    }
    let kinds = independent_kinds(case.findings);
    let alone = counting().find(|finding| config.block_on.iter().any(|name| name == finding.detector));
    let because = match (alone, kinds) {
        (Some(finding), _) => Because::Alone(finding.detector),
        (None, 1) => Because::OneKind(first.detector),
        (None, kinds) => Because::Kinds(kinds),
    };
    if mode.blocks_findings() && (alone.is_some() || kinds > 1) {
        return Verdict { lasts: Some(config.block_for), ..verdict(Decision::Block, because) };
    }
    verdict(Decision::Watch, because)
}

/// Returns why a contact is not blocked, whatever the mode and the pins; absent where it may be.
fn never_blocked(case: &Case) -> Option<Because> {
    match case.endpoint {
        _ if case.local => Some(Because::Inside),
        _ if case.resolver => Some(Because::Resolver),
        Endpoint { protocol, port, .. } if is_time(protocol, port) => Some(Because::Time),
        _ => None,
    }
}

/// Returns whether a pin is for the device and destination of a contact.
fn fits(pin: &Pin, case: &Case) -> bool {
    is_for(pin, case.mac) && hits(&pin.target, pin.block, case.names, case.id, case.endpoint.address)
}

/// Returns whether a pin on a target, which blocks or allows, is on an address that a device calls.
pub fn hits(target: &Target, block: bool, names: &Names, id: DeviceId, address: IpAddr) -> bool {
    match target {
        Target::Prefix(net) => {
            // What a device learnt of a translator by a lookup blocks, and never allows.
            net.contains(&address)
                || !(net.addr().is_ipv4() && address.is_ipv4())
                    && names.nat64.forms(block.then_some(id), address).iter().any(|form| net.contains(form))
        }
        Target::Name(name) => names.of_device(id, address).any(|known| is_below(known, name)),
    }
}

/// Returns whether it is NTP (RFC 5905), which always passes.
pub fn is_time(protocol: Protocol, port: u16) -> bool {
    protocol == Protocol::Udp && port == 123
}

/// Returns whether a pin is for this device, or for all.
pub fn is_for(pin: &Pin, mac: Mac) -> bool {
    pin.mac.is_none_or(|of| of == mac)
}

/// Returns whether a name is `domain` itself or below it.
pub fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A block that is in force: an address that is null-routed for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The date since when it holds.
    pub since: Wall,
    /// The date until when it holds; absent: until it is lifted.
    pub until: Option<Wall>,
    /// The instant of `until` on the clock that is never set.
    pub expires: Option<Time>,
    /// Who wants it.
    pub by: By,
    /// Why, for people.
    pub reason: Sentence,
}

/// All blocks that are in force, at most [`limits::BLOCKS`].
#[derive(Debug, Default)]
pub struct Blocks {
    table: BTreeMap<(Mac, IpAddr), Block>,
    next: Option<Time>,
    /// How many blocks were refused, because there was no room.
    pub refused: u32,
}

impl Blocks {
    /// Puts a verdict into force. Returns false when the address is blocked already, or when there is no room.
    pub fn add(&mut self, mac: Mac, address: IpAddr, verdict: &Verdict, reason: Sentence, at: Stamp) -> bool {
        let until = verdict.lasts.map(|span| at.wall + span);
        let expires = verdict.lasts.map(|span| at.now + span);
        self.restore((mac, address), Block { since: at.wall, until, expires, by: verdict.by(), reason })
    }

    /// Puts a block into force that was in force before. Returns false as [`Blocks::add`] does.
    pub fn restore(&mut self, pair: (Mac, IpAddr), block: Block) -> bool {
        if self.table.contains_key(&pair) {
            return false;
        }
        // What the user orders finds room as long as there is any; only what detectors want has a share for each device.
        let is_crowded = || block.by == By::Detectors && self.of(pair.0).count() >= limits::BLOCKS_PER_DEVICE;
        if self.table.len() >= limits::BLOCKS || is_crowded() {
            self.refused += 1;
            return false;
        }
        if let Some(end) = block.expires {
            self.next = Some(self.next.map_or(end, |next| next.min(end)));
        }
        self.table.insert(pair, block);
        true
    }

    /// Takes out the blocks whose end has come, and returns their devices and addresses.
    pub fn expire(&mut self, now: Time) -> Vec<(Mac, IpAddr)> {
        let mut ended = Vec::new();
        if self.next.is_some_and(|next| next <= now) {
            let over = |block: &Block| block.expires.is_some_and(|end| end <= now);
            ended.extend(self.table.extract_if(.., |_, block| over(block)).map(|(pair, _)| pair));
            self.next = self.table.values().filter_map(|block| block.expires).min();
        }
        ended
    }

    /// Returns when the next block ends, or a little before.
    pub fn next_end(&self) -> Option<Time> {
        self.next
    }

    /// Takes a block out.
    pub fn remove(&mut self, mac: Mac, address: IpAddr) -> Option<Block> {
        self.table.remove(&(mac, address))
    }

    /// Returns the block of an address for a device.
    pub fn get(&self, mac: Mac, address: IpAddr) -> Option<&Block> {
        self.table.get(&(mac, address))
    }

    /// Returns how many blocks are in force.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns whether no block is in force.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns the blocks of a device in the order of their addresses.
    pub fn of(&self, mac: Mac) -> impl Iterator<Item = (IpAddr, &Block)> {
        let first = (mac, IpAddr::from([0, 0, 0, 0]));
        let of_device = self.table.range(first..).take_while(move |((other, _), _)| *other == mac);
        of_device.map(|((_, address), block)| (*address, block))
    }

    /// Returns all blocks by device and address.
    pub fn iter(&self) -> impl Iterator<Item = (Mac, IpAddr, &Block)> {
        self.table.iter().map(|((mac, address), block)| (*mac, *address, block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name;

    fn finding(detector: &'static str, strength: Strength) -> Finding {
        Finding { detector, strength, kinds: 1, message: Sentence::verbatim(detector), evidence: Vec::new() }
    }

    fn decide(config: &str, mode: Mode, port: u16, findings: &[Finding]) -> Decision {
        let (config, problems) = crate::config::parse(config, &crate::detect::NAMES);
        assert_eq!(problems, []);
        let address = "203.0.113.50".parse().unwrap();
        let mut names = Names::default();
        names.insert(DeviceId::MIN, address, &name(b"a.b.example"), Time(0));
        let endpoint = Endpoint { address, protocol: Protocol::Udp, port };
        let case = Case {
            mac: Mac([2; 6]),
            id: DeviceId::MIN,
            endpoint,
            local: false,
            resolver: false,
            faked: false,
            findings,
            names: &names,
            wall: Wall(0),
        };
        let orders = Default::default();
        verdict(&case, mode, EffectiveSettings { config: &config, orders: &orders }).decision
    }

    #[test]
    fn a_block_needs_two_kinds_or_the_users_word() {
        let (fair, weak) = (finding("direct-ip", Strength::Fair), finding("direct-ip", Strength::Weak));
        let two = [fair.clone(), finding("reputation", Strength::Fair)];
        let on = "config leash\nlist block_on direct-ip";
        assert_eq!(decide("", Mode::Guard, 443, &[]), Decision::Allow);
        assert_eq!(decide("", Mode::Guard, 443, std::slice::from_ref(&fair)), Decision::Watch);
        assert_eq!(decide("", Mode::Guard, 443, &two), Decision::Block);
        assert_eq!(decide("", Mode::Observe, 443, &two), Decision::Watch);
        assert_eq!(decide(on, Mode::Guard, 443, std::slice::from_ref(&fair)), Decision::Block);
        assert_eq!(decide(on, Mode::Guard, 443, &[weak]), Decision::Watch);
        assert_eq!(decide(on, Mode::Guard, 123, &[fair]), Decision::Allow);
        assert_eq!(decide("", Mode::Local, 443, &[]), Decision::Block);
        assert_eq!(decide("", Mode::Local, 123, &[]), Decision::Allow);
    }

    #[test]
    fn a_device_leaves_room_for_the_blocks_of_others() {
        let mut blocks = Blocks::default();
        let verdict = Verdict { decision: Decision::Block, because: Because::Kinds(2), lasts: None };
        let ip = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(0xcb00_7100 + n));
        let mut add = |mac, n| blocks.add(mac, ip(n), &verdict, Sentence::verbatim("it"), Stamp::default());
        let added = (0..2_000).filter(|n| add(Mac([2; 6]), *n)).count();
        assert_eq!(added, limits::BLOCKS_PER_DEVICE);
        assert!(add(Mac([4; 6]), 1) && !add(Mac([4; 6]), 1), "a block is added once");
        assert_eq!((blocks.len(), blocks.refused as usize), (added + 1, 2_000 - added));
    }

    #[test]
    fn a_pin_beats_all() {
        let fair = [finding("direct-ip", Strength::Fair)];
        let on = "config leash\nlist block_on direct-ip\n";
        let allow = format!("{on}config pin\noption address 203.0.113.0/24\noption verdict allow");
        assert_eq!(decide(&allow, Mode::Guard, 443, &fair), Decision::Allow);
        let by_name = "config pin\noption name b.example\noption verdict block";
        assert_eq!(decide(by_name, Mode::Observe, 443, &[]), Decision::Block);
        for other in [
            "config pin\noption name .example\noption verdict block",
            "config pin\noption name xb.example\noption verdict block",
            "config pin\noption mac 02:02:02:02:02:03\noption address 203.0.113.50\noption verdict block",
        ] {
            assert_eq!(decide(other, Mode::Observe, 443, &[]), Decision::Allow, "{other}");
        }
    }
}
