//! What is odd about the names that a device asks for, counted in a few bytes: names that do not exist, those of them that
//! look made up, and many under one domain that look like pieces of data.

use crate::fnv::fnv32;
use crate::limits;
use crate::model::{Lookup, Name, Outcome};
use crate::tables::counters::distinct::Distinct;
use crate::tables::domain;
use crate::time::{Stamp, Time};

/// The lookups of one device within a window of time.
#[derive(Clone, Debug, Default)]
pub struct LookupStats {
    since: Time,
    /// Names that do not exist.
    missing: Distinct,
    /// Registrable domains among them that look made up.
    made_up: Distinct,
    lookups: u16,
    /// Of those, for names that do not exist.
    failed: u16,
    /// The domains with most names that may carry something.
    suspects: [TunnelSuspect; 2],
    /// The gravest that is worth telling.
    odd: Option<Box<Anomaly>>,
}

/// Names under one domain that are long, or asked for records that hold much.
#[derive(Clone, Copy, Debug, Default)]
struct TunnelSuspect {
    /// The domain's hash.
    domain: u32,
    lookups: u16,
    /// Of those, for records that hold much.
    roomy: u16,
    names: Distinct,
}

/// Something odd about its lookups.
#[derive(Clone, Debug)]
pub struct Anomaly {
    /// When it was noticed last.
    pub at: Time,
    /// What.
    pub what: AnomalyKind,
    /// How many different names, about.
    pub names: u32,
    /// Lookups that the count is out of.
    pub lookups: u32,
    /// The latest of the names.
    pub last: Name,
}

/// What can be odd, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnomalyKind {
    /// Many names do not exist.
    Missing,
    /// And they look as if a program had made them up.
    MadeUp,
    /// Many names under one domain that carry something.
    Tunnel,
}

/// Records that hold much, or a name, and that few programs ask for: CNAME, NULL, MX, TXT, KEY, SRV, private ones. They are
/// what iodine, dnscat2 and dns2tcp use.
fn is_roomy(kind: u16) -> bool {
    matches!(kind, 5 | 10 | 15 | 16 | 25 | 33 | 65_280..)
}

impl LookupStats {
    /// The device asked. True when that shows something odd that is not told yet.
    pub fn note(&mut self, lookup: &Lookup, at: Stamp) -> bool {
        let name = &*lookup.name;
        if domain::is_of_the_house(name) {
            return false;
        }
        if at.now.since(self.since) > limits::LOOKUPS_WINDOW {
            *self = LookupStats { since: at.now, odd: self.odd.take(), ..LookupStats::default() };
        }
        self.lookups = self.lookups.saturating_add(1);
        let domain = domain::registrable(name);
        let (left, roomy, missing) =
            (name.len() - domain.len(), is_roomy(lookup.record_type), lookup.outcome == Outcome::NoSuchName);
        let machinery = (roomy || missing) && domain::is_machinery(name);
        let carries = (left >= limits::LONG_NAME || left > 0 && roomy && !machinery) && !domain::asks_by_digest(domain);
        let suspects = carries.then(|| self.add_suspect(domain, roomy, name));
        let mut found = None;
        if missing && !machinery {
            let odd = domain::oddity(domain) >= Some(limits::ODDITY);
            found = self.add_missing(name, domain, odd).map(|(what, names)| (what, names, self.lookups));
        }
        if let Some(suspects) = suspects.filter(|suspects| suspects.is_tunnel()) {
            found = Some((AnomalyKind::Tunnel, suspects.names.count(), suspects.lookups));
        }
        found.is_some_and(|(what, names, lookups)| {
            self.tell(Anomaly { at: at.now, what, names, lookups: lookups.into(), last: lookup.name.clone() })
        })
    }

    /// Keeps the two domains with most: the smaller gives way to a new one, so that passers-by push out no tunnel.
    fn add_suspect(&mut self, domain: &str, roomy: bool, name: &str) -> TunnelSuspect {
        let hash = fnv32(domain.as_bytes());
        let [one, two] = &mut self.suspects;
        let slot = if one.domain == hash || two.domain != hash && one.lookups < two.lookups { one } else { two };
        if slot.domain != hash {
            *slot = TunnelSuspect { domain: hash, ..TunnelSuspect::default() };
        }
        slot.lookups = slot.lookups.saturating_add(1);
        slot.roomy = slot.roomy.saturating_add(roomy.into());
        slot.names.add(name.as_bytes());
        *slot
    }

    /// A name that does not exist; its domain may look `odd`. Gives what this makes of all of them.
    fn add_missing(&mut self, name: &str, domain: &str, odd: bool) -> Option<(AnomalyKind, u32)> {
        self.failed = self.failed.saturating_add(1);
        self.missing.add(name.as_bytes());
        if odd {
            self.made_up.add(domain.as_bytes());
        }
        let (missing, made_up) = (self.missing.count(), self.made_up.count());
        // Of some families no more than half of the names look made up; of those that people chose, few.
        if made_up >= limits::MADE_UP_NAMES && made_up * 3 >= missing {
            // The latest of them is told: it is to be one that looks so.
            return odd.then_some((AnomalyKind::MadeUp, made_up));
        }
        // A search domain is tried with each name that does exist: half of the lookups are in vain then.
        let most = u32::from(self.failed) * 4 >= u32::from(self.lookups) * 3;
        (missing >= limits::MISSING_NAMES && most).then_some((AnomalyKind::Missing, missing))
    }

    fn tell(&mut self, odd: Anomaly) -> bool {
        let told = self.recent(odd.at).map(|told| told.what);
        if told > Some(odd.what) {
            return false;
        }
        let new = told < Some(odd.what);
        match &mut self.odd {
            Some(old) => **old = odd,
            none => *none = Some(Box::new(odd)),
        }
        new
    }

    /// What is odd, while it is worth telling.
    pub fn recent(&self, now: Time) -> Option<&Anomaly> {
        self.odd.as_deref().filter(|odd| now.since(odd.at) < limits::LOOKUPS_KEPT)
    }
}

impl TunnelSuspect {
    fn is_tunnel(self) -> bool {
        let weight = if self.roomy >= self.lookups / 2 { 2 } else { 1 };
        self.names.count() * weight >= limits::TUNNEL_NAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name;
    use crate::time::{Span, Wall};

    fn letters(n: u32) -> String {
        let mut state = n.wrapping_mul(2_654_435_761) | 1;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (b'a' + ((state >> 16) % 26) as u8) as char
        };
        (0..12).map(|_| letter()).collect()
    }

    /// Asks for all of them, one each `step` seconds; gives what is odd then and how often that was new.
    fn ask(
        step: u64,
        record_type: u16,
        outcome: Outcome,
        names: impl Iterator<Item = String>,
    ) -> (Option<(AnomalyKind, u32)>, u32) {
        let (mut questions, mut new, mut now) = (LookupStats::default(), 0, Time(0));
        for text in names {
            now = now + Span::secs(step);
            let client = "192.168.8.20".parse().unwrap();
            let name = name(text.as_bytes());
            let lookup = Lookup {
                client,
                server: client,
                record_type,
                name,
                outcome,
                addresses: Vec::new(),
                aliases: Vec::new(),
            };
            new += u32::from(questions.note(&lookup, Stamp { now, wall: Wall(0) }));
        }
        (questions.recent(now).map(|odd| (odd.what, odd.names)), new)
    }

    #[test]
    fn made_up_names_that_do_not_exist_are_odd_once() {
        let made_up = |n| format!("{}.example", letters(n));
        let (odd, new) = ask(2, 1, Outcome::NoSuchName, (0..40).map(made_up));
        assert!(matches!(odd, Some((AnomalyKind::MadeUp, 20..=40))) && new == 1, "{odd:?} {new}");
        for (step, outcome, count) in
            [(2, Outcome::Found, 40), (300, Outcome::NoSuchName, 40), (2, Outcome::NoSuchName, 3)]
        {
            assert_eq!(ask(step, 1, outcome, (0..count).map(made_up)), (None, 0), "{step} {outcome:?} {count}");
        }
    }

    #[test]
    fn names_that_do_not_exist_are_odd_when_there_are_many() {
        let plain = |n: u32| format!("camera-{n}.firmware-house.example");
        let (odd, new) = ask(1, 1, Outcome::NoSuchName, (0..80).map(plain));
        assert!(matches!(odd, Some((AnomalyKind::Missing, 60..=100))) && new == 1, "{odd:?} {new}");
        for look_alike in [
            |_: u32| "hijack-check.receiver.example".to_string(),
            |n: u32| letters(n),
            |n: u32| format!("{}.lan", letters(n)),
            |n: u32| format!("{n}.8.168.192.in-addr.arpa"),
            |n: u32| format!("{}.2.0.192.zen.spamhaus.org", n % 250),
            |n: u32| format!("_service{n}._tcp.dns-sd.example"),
        ] {
            assert_eq!(ask(1, 1, Outcome::NoSuchName, (0..80).map(look_alike)), (None, 0), "{}", look_alike(7));
        }
    }

    #[test]
    fn many_long_names_under_one_domain_are_a_tunnel() {
        let carries = |n: u32| format!("{0}{0}{0}{0}.{n}.t.exfil.example", letters(n));
        let (odd, new) = ask(2, 1, Outcome::Found, (0..200).map(carries));
        assert!(matches!(odd, Some((AnomalyKind::Tunnel, 40..))) && new == 1, "{odd:?} {new}");
        assert!(ask(2, 16, Outcome::Found, (0..40).map(carries)).0.is_some(), "TXT weighs double");
        assert!(ask(2, 1, Outcome::Found, (0..25).map(carries)).0.is_none(), "few");
        let beside = (0..200).flat_map(|n| [carries(n), format!("{0}{0}{0}{0}.cdn{n}.example", letters(n))]);
        assert!(ask(2, 1, Outcome::Found, beside).0.is_some(), "passers-by push out no tunnel");
        let binary = |n: u32| String::from_utf8(vec![b'\x07'; 200]).unwrap() + &carries(n);
        assert!(
            ask(2, 10, Outcome::Found, (0..200).map(|n| n.to_string() + &binary(n))).0.is_some(),
            "names that are cut"
        );
        assert!(
            ask(2, 10, Outcome::Found, (0..60).map(|n| format!("paa{n}.t.exfil.example"))).0.is_some(),
            "short ones"
        );
        assert!(ask(2, 15, Outcome::Found, (0..60).map(|n| format!("dnscat.{n:032x}"))).0.is_some(), "no domain");
        for look_alike in [
            |n: u32| format!("paa{n}.t.exfil.example"),
            |n: u32| format!("{0}{0}{0}{0}.{n}.i.07.s.sophosxl.net", letters(n)),
            |n: u32| format!("{}.cloudfront.net", letters(n)),
            |n: u32| format!("{0}{0}{0}{0}.example{n}.com", letters(n)),
            |n: u32| format!("{0}{0}{0}{0}.r.fritz.box", letters(n)),
            |n: u32| format!("{0}{0}{0}{0}.api.example", letters(n % 9)),
        ] {
            assert_eq!(ask(1, 1, Outcome::Found, (0..300).map(look_alike)), (None, 0), "{}", look_alike(7));
        }
    }

    #[test]
    fn what_is_graver_stays_for_a_day() {
        let tunnel = (0..100).map(|n| format!("{0}{0}{0}{0}.{n}.t.exfil.example", letters(n)));
        let made_up = (0..100).map(|n| format!("{}.example", letters(n)));
        assert!(matches!(ask(2, 1, Outcome::NoSuchName, tunnel.chain(made_up)).0, Some((AnomalyKind::Tunnel, _))));
    }
}
