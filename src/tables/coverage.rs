//! Coverage: whether the lookups of a device are being seen. That no lookup explains an address says something only
//! where a lookup would have been seen, wherever the device may ask.
//!
//! What one device has shown is in its [`Coverage`]: which resolvers answered it in sight, which it asks out of sight,
//! which answers were missed, and what it calls by names that nobody looked up. What holds for the whole house is in
//! [`House`]: which resolvers devices are told to ask, and when lookups of anybody were lost.

use crate::fnv::{fnv32, fnv32_of_address};
use crate::limits;
use crate::model::{Mac, is_local};
use crate::tables::counters::reach::network_prefix;
use crate::tables::domain::registrable;
use crate::tables::service::Service;
use crate::time::{Span, Time};
use std::net::IpAddr;

/// How much of a device's lookups is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// None so far.
    None,
    /// Some, but others may pass unseen.
    Partial,
    /// All, as far as anything shows.
    Full,
}

impl Level {
    /// Returns the word in the JSON.
    pub fn text(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Partial => "partial",
            Level::Full => "full",
        }
    }
}

/// Why lookups of a device may pass unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Lookups of anybody were lost a moment ago.
    Lost,
    /// Names are answered with made-up addresses.
    Faked,
    /// Only what it sends to the Internet is seen.
    OneWay,
    /// It is told to ask this resolver in the house, whose answers to it were never seen.
    Told(IpAddr),
    /// It asks this resolver, in this way, and the answers are not seen or cannot be read.
    Asks(IpAddr, Service),
    /// An answer of this resolver was not seen as a whole a moment ago.
    Missed(IpAddr),
    /// It calls this many names that it did not look up where leash sees it.
    Names(u8),
}

/// A resolver and when something was last seen of it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    server: IpAddr,
    at: Time,
}

/// A question that was sent to a resolver and whose answer was not seen so far.
#[derive(Clone, Copy, Debug)]
struct Question {
    server: IpAddr,
    service: Service,
    at: Time,
}

/// What a device has shown of where it asks.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Since when lookups over IPv4 and over IPv6 have been visible, or would have been.
    since: [Option<Time>; 2],
    /// The resolvers whose answers to it were seen last.
    answers: [Option<Seen>; 3],
    /// The latest open questions: in the clear by IPv4 and by IPv6, and encrypted.
    questions: [Option<Question>; 3],
    /// The latest resolver that answered out of sight.
    hidden: Option<Question>,
    /// The latest answer that was not seen as a whole.
    missed: Option<Seen>,
    /// How many contacts lookups have explained.
    explained: u16,
    /// How many questions in a row nobody answered at all.
    unanswered: u8,
    /// Contacts that it called by a name which it did not look up, the latest first.
    unlooked: [Option<Unlooked>; 6],
}

/// A contact that was called by a name which the device did not look up.
#[derive(Clone, Copy, Debug)]
struct Unlooked {
    /// Hashes of the registrable domain, the address and its network.
    domain: u32,
    address: u32,
    network: u16,
    /// The hour of the engine's time.
    hour: u16,
    /// It was called by another domain, too.
    varies: bool,
}

/// Returns where things are kept that there are once for each address family.
fn family(address: IpAddr) -> usize {
    usize::from(address.is_ipv6())
}

fn hour(now: Time) -> u16 {
    (now.0 / Span::hours(1).0) as u16
}

/// Returns true if a span that began at `at` has not passed. What lies in the future has begun.
fn is_within(at: Time, span: Span, now: Time) -> bool {
    now.since(at) < span
}

impl Coverage {
    /// Notes an answer of `server`. Returns true if it is the first one that was seen: then `since` is when earlier ones
    /// would have been seen, too.
    pub fn answered(&mut self, server: IpAddr, since: Time, now: Time) -> bool {
        let slot = self.answers.iter().position(|seen| seen.is_none_or(|seen| seen.server == server));
        self.answers[..=slot.unwrap_or(2)].rotate_right(1);
        self.answers[0] = Some(Seen { server, at: now });
        self.unanswered = 0;
        for question in &mut self.questions[..2] {
            *question = question.filter(|question| !answers(server, question.server));
        }
        let is_first = self.since().is_none();
        self.since[family(server)].get_or_insert(since);
        is_first
    }

    /// Notes that the device opened a flow to a resolver.
    pub fn asks(&mut self, server: IpAddr, service: Service, now: Time) {
        let slot = if service == Service::Dns { family(server) } else { 2 };
        if service == Service::Dns && self.is_answered(server, now) {
            return;
        }
        // The older of two open questions is the one whose answer should have been seen first.
        let open = self.questions[slot].filter(|old| is_within(old.at, limits::QUESTION_OPEN, now));
        self.questions[slot] = open.or(Some(Question { server, service, at: now }));
    }

    /// Returns true if an answer of this resolver was seen since a flow to it began. A lookup is handled before the flow
    /// that carried it where both are read in one turn.
    fn is_answered(&self, server: IpAddr, opened: Time) -> bool {
        let seen = |seen: &Seen| seen.at + limits::QUESTION_SLACK >= opened && answers(seen.server, server);
        self.answers.iter().flatten().any(seen)
    }

    /// Notes what a flow to a resolver has carried so far: whether the resolver answered and whether the flow is over.
    /// Returns true if this is the first that shows answers which are not seen.
    pub fn resolver_flow(&mut self, server: IpAddr, service: Service, opened: Time, replied: bool, now: Time) -> bool {
        let in_sight = service == Service::Dns && self.is_answered(server, opened);
        for question in &mut self.questions {
            *question = question.filter(|question| question.server != server);
        }
        if !replied {
            self.unanswered = self.unanswered.saturating_add(1);
        }
        if in_sight || !replied {
            return false;
        }
        let news = self.asks_out_of_sight(now).is_none();
        self.hidden = Some(Question { server, service, at: now });
        news
    }

    /// Notes that an answer was not seen as a whole.
    pub fn missed(&mut self, server: IpAddr, now: Time) {
        self.missed = Some(Seen { server, at: now });
    }

    /// Notes a contact that a lookup explains.
    pub fn explains(&mut self) {
        self.explained = self.explained.saturating_add(1);
    }

    /// Notes that the device called an address by a name, in a hello or a request, which it did not look up. Returns
    /// true if this is the first that shows that it looks up names elsewhere.
    pub fn calls_unlooked(&mut self, name: &str, address: IpAddr, now: Time) -> bool {
        // An address is no name, nor is a single label one that the Internet has.
        if name.parse::<IpAddr>().is_ok() || !name.contains('.') {
            return false;
        }
        let before = self.names_elsewhere(now).is_some();
        let [a, b, c, d] = network_prefix(address);
        let network = (fnv32(&[a, b, c, d]) >> 8) as u16;
        let (domain, address) = (fnv32(registrable(name).as_bytes()), fnv32_of_address(address));
        let slot = self.unlooked.iter().position(|old| old.is_none_or(|old| old.address == address));
        let slot = slot.unwrap_or(self.unlooked.len() - 1);
        // Names that are made up for each flow show no resolver.
        let varies =
            self.unlooked[slot].is_some_and(|old| old.address == address && (old.varies || old.domain != domain));
        self.unlooked[..=slot].rotate_right(1);
        self.unlooked[0] = Some(Unlooked { domain, address, network, hour: hour(now), varies });
        !before && self.names_elsewhere(now).is_some()
    }

    /// Forgets that lookups were being seen: some may have been missed.
    pub fn lose(&mut self) {
        self.since = [None; 2];
        self.questions = [None; 3];
    }

    /// Returns since when its lookups have been visible; absent while none was seen.
    pub fn since(&self) -> Option<Time> {
        self.since.into_iter().flatten().min()
    }

    /// Returns since when its lookups over IPv4 and over IPv6 have been visible; absent where none was seen.
    pub fn since_by_family(&self) -> [Option<Time>; 2] {
        self.since
    }

    /// Returns the resolvers whose answers to the device were seen, the latest first.
    pub fn resolvers(&self) -> impl Iterator<Item = IpAddr> {
        self.answers.iter().flatten().map(|seen| seen.server)
    }

    /// Returns true if lookups explain nearly all of what the device calls by name.
    pub fn has_shown_itself(&self, now: Time) -> bool {
        self.explained > 0 && self.unlooked_domains(now) <= 1 + self.explained / 10
    }

    /// Returns why lookups of the device at `time` may have passed unseen, by what it has shown itself.
    pub fn reasons(&self, time: Time, now: Time) -> impl Iterator<Item = Reason> {
        let missed = self.missed.filter(|missed| is_within(missed.at, limits::MISSED_KEPT, time));
        [
            self.asks_out_of_sight(now).or_else(|| self.waits_for_answer(time, now)),
            missed.map(|missed| Reason::Missed(missed.server)),
            self.names_elsewhere(now),
        ]
        .into_iter()
        .flatten()
    }

    fn asks_out_of_sight(&self, now: Time) -> Option<Reason> {
        let hidden = self.hidden.filter(|hidden| is_within(hidden.at, limits::HIDDEN_KEPT, now))?;
        Some(Reason::Asks(hidden.server, hidden.service))
    }

    /// Returns the question that was sent before `time` and whose answer should have been seen by now. Where nobody
    /// answers again and again, there is no resolver.
    fn waits_for_answer(&self, time: Time, now: Time) -> Option<Reason> {
        let due = |question: &&Question| question.at <= time && is_within(question.at, limits::QUESTION_OPEN, now);
        let question = self.questions.iter().flatten().find(due)?;
        (self.unanswered < limits::QUESTIONS_UNANSWERED).then_some(Reason::Asks(question.server, question.service))
    }

    fn names_elsewhere(&self, now: Time) -> Option<Reason> {
        let domains = self.unlooked_domains(now);
        // One may be built in. Several are those of another resolver, and so is the first one of a device of which no
        // lookup that was seen explains anything.
        let elsewhere = if self.explained == 0 { domains > 0 } else { domains >= 3 && self.explained < 10 * domains };
        elsewhere.then_some(Reason::Names(domains as u8))
    }

    /// Returns how many different domains in different networks were called without a lookup.
    fn unlooked_domains(&self, now: Time) -> u16 {
        let recent = |entry: &&Unlooked| !entry.varies && hour(now).wrapping_sub(entry.hour) < 24;
        let recent: Vec<_> = self.unlooked.iter().flatten().filter(recent).collect();
        let is_first = |(i, entry): &(usize, &&Unlooked)| {
            recent[..*i].iter().all(|other| other.domain != entry.domain && other.network != entry.network)
        };
        recent.iter().enumerate().filter(is_first).count() as u16
    }
}

/// Returns true if an answer that was seen to come from `seen` is one of the resolver that was asked as `asked`. The
/// query log does not name the resolver, and a question to the outside may be led to the router's own.
fn answers(seen: IpAddr, asked: IpAddr) -> bool {
    seen == asked || seen.is_unspecified() || is_local(seen) && !is_local(asked) && seen.is_ipv4() == asked.is_ipv4()
}

/// A resolver that a device, or all, were told to ask.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// The device; absent for all.
    mac: Option<Mac>,
    address: IpAddr,
    at: Time,
}

/// What holds for the lookups of the whole house.
#[derive(Clone, Debug, Default)]
pub struct House {
    /// Since when a lookup of any device would have been seen.
    watching_since: Time,
    /// When lookups were last lost.
    lost_at: Option<Time>,
    told: Vec<Told>,
}

impl House {
    /// Notes that a device, or all, were told to ask a resolver. A full table gives up what was told longest ago, first
    /// of the same device.
    pub fn tell(&mut self, mac: Option<Mac>, address: IpAddr, now: Time) {
        self.told.retain(|told| (told.mac, told.address) != (mac, address) && told.holds(now));
        let crowds = self.told.iter().filter(|told| told.mac == mac).count() >= limits::TOLD_PER_DEVICE;
        let gives_way = |told: &Told| if crowds { told.mac == mac } else { told.mac.is_some() };
        if (crowds || self.told.len() >= limits::TOLD)
            && let Some(oldest) = self.told.iter().position(gives_way)
        {
            self.told.remove(oldest);
        }
        self.told.push(Told { mac, address, at: now });
    }

    /// Forgets what devices were told.
    pub fn forget_told(&mut self) {
        self.told.clear();
    }

    /// Returns the resolvers that this device was told to ask.
    pub fn told(&self, mac: Mac, now: Time) -> impl Iterator<Item = IpAddr> {
        let for_it = move |told: &&Told| told.mac.is_none_or(|of| of == mac) && told.holds(now);
        self.told.iter().filter(for_it).map(|told| told.address)
    }

    /// Notes that lookups were lost.
    pub fn lose(&mut self, now: Time) {
        (self.watching_since, self.lost_at) = (now, Some(now));
    }

    /// Returns since when the lookups of a device would have been seen, whose first one was seen now.
    pub fn would_have_seen_since(&self, now: Time) -> Time {
        self.watching_since.max(now - limits::COVERAGE_BACK)
    }

    /// Returns true if lookups were lost so short a time before `time` that they may explain what was called then.
    pub fn lost_before(&self, time: Time) -> bool {
        self.lost_at.is_some_and(|at| is_within(at, limits::MISSED_KEPT, time))
    }
}

impl Told {
    fn holds(&self, now: Time) -> bool {
        self.mac.is_none() || is_within(self.at, limits::TOLD_DEVICE_KEPT, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 8, 1));
    const OUTSIDE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(45, 10, 53, 53));

    fn at(secs: u64) -> Time {
        Time(0) + Span::secs(secs)
    }

    fn reasons(coverage: &Coverage, now: Time) -> Vec<Reason> {
        coverage.reasons(now, now).collect()
    }

    fn ip(n: u8) -> IpAddr {
        IpAddr::from([45, n, 1, 1])
    }

    #[test]
    fn the_first_answer_is_told() {
        let mut coverage = Coverage::default();
        assert!(coverage.answered(ROUTER, at(0), at(9)) && !coverage.answered(ROUTER, at(5), at(9)));
        assert!(!coverage.answered("fe80::1".parse().unwrap(), at(5), at(9)));
        assert_eq!((coverage.since(), coverage.since_by_family()), (Some(at(0)), [Some(at(0)), Some(at(5))]));
        coverage.lose();
        assert_eq!(coverage.since(), None);
    }

    #[test]
    fn a_question_waits_for_its_answer() {
        let mut coverage = Coverage::default();
        coverage.asks(ROUTER, Service::Dns, at(1));
        assert_eq!(reasons(&coverage, at(2)), [Reason::Asks(ROUTER, Service::Dns)]);
        assert_eq!(coverage.reasons(at(0), at(2)).count(), 0, "what was called before is not concerned");
        coverage.answered(ROUTER, at(0), at(3));
        assert_eq!(reasons(&coverage, at(3)), []);
        coverage.asks(OUTSIDE, Service::Dns, at(4));
        coverage.answered(ROUTER, at(0), at(5));
        assert_eq!(reasons(&coverage, at(5)), [], "the router took the question");
        coverage.asks(ROUTER, Service::Dns, at(5));
        assert_eq!(reasons(&coverage, at(5)), [], "its answer was handled before it");
        coverage.asks(ROUTER, Service::Dns, at(6));
        assert_eq!(reasons(&coverage, at(6)), [Reason::Asks(ROUTER, Service::Dns)]);
        assert_eq!(reasons(&coverage, at(6) + limits::QUESTION_OPEN), []);
    }

    #[test]
    fn answers_out_of_sight_hide_lookups_for_a_day() {
        let mut coverage = Coverage::default();
        coverage.answered(ROUTER, at(0), at(9));
        assert!(!coverage.resolver_flow(ROUTER, Service::Dns, at(9), true, at(40)), "its answer was seen");
        assert!(coverage.resolver_flow(OUTSIDE, Service::Dot, at(9), true, at(40)));
        assert!(!coverage.resolver_flow(OUTSIDE, Service::Dot, at(9), true, at(80)), "that is known");
        assert_eq!(reasons(&coverage, at(80)), [Reason::Asks(OUTSIDE, Service::Dot)]);
        assert_eq!(reasons(&coverage, at(80) + limits::HIDDEN_KEPT), []);
    }

    #[test]
    fn a_resolver_that_never_answers_hides_nothing() {
        let mut coverage = Coverage::default();
        for n in 0..20 {
            coverage.asks(OUTSIDE, Service::Dns, at(n));
            assert!(!coverage.resolver_flow(OUTSIDE, Service::Dns, at(n), false, at(n)));
        }
        coverage.asks(OUTSIDE, Service::Dns, at(30));
        assert_eq!(reasons(&coverage, at(31)), []);
    }

    #[test]
    fn several_names_that_nobody_looked_up_show_another_resolver() {
        let mut coverage = Coverage::default();
        coverage.explains();
        assert!(!coverage.calls_unlooked("a.one.example", ip(1), at(1)));
        assert!(!coverage.calls_unlooked("b.one.example", ip(2), at(1)), "the same domain");
        assert!(!coverage.calls_unlooked("two.example", ip(3), at(1)));
        assert_eq!(reasons(&coverage, at(2)), []);
        assert!(!coverage.calls_unlooked("192.0.2.1", ip(5), at(1)) && !coverage.calls_unlooked("tv", ip(6), at(1)));
        assert!(coverage.calls_unlooked("three.test", ip(4), at(2)));
        assert_eq!(reasons(&coverage, at(2)), [Reason::Names(3)]);
        assert!(!coverage.has_shown_itself(at(2)));
        assert_eq!(reasons(&coverage, at(2) + Span::days(2)), []);
        (0..40).for_each(|_| coverage.explains());
        assert_eq!(reasons(&coverage, at(2)), [], "lookups explain nearly all");
    }

    #[test]
    fn names_made_up_for_each_flow_show_nothing() {
        let mut coverage = Coverage::default();
        coverage.explains();
        for n in 0..200_u8 {
            coverage.calls_unlooked(&format!("made-up-{n}.example{n}.test"), ip(n % 4), at(1));
        }
        assert_eq!(reasons(&coverage, at(2)), []);
    }

    #[test]
    fn what_devices_are_told_is_bounded_and_passes() {
        let mut house = House::default();
        let mac = |n: u8| Some(Mac([2, 0, 0, 0, 0, n]));
        house.tell(None, ip(250), at(0));
        for n in 0..200 {
            (0..9).for_each(|m| house.tell(mac(n), ip(m), at(1)));
        }
        assert!(house.told.len() <= limits::TOLD && house.told.iter().any(|told| told.mac.is_none()));
        assert_eq!(house.told(Mac([2, 0, 0, 0, 0, 199]), at(1)).count(), limits::TOLD_PER_DEVICE + 1);
        assert_eq!(house.told(Mac([2, 0, 0, 0, 0, 199]), at(2) + limits::TOLD_DEVICE_KEPT).count(), 1);
        house.forget_told();
        assert_eq!(house.told(Mac([2, 0, 0, 0, 0, 199]), at(1)).count(), 0);
    }
}
