//! What is unusual about the names that a device looks up, counted in a few bytes: names that do not exist, those of
//! them that look made up, and many names under one domain that look like pieces of data. The thresholds are in
//! [`crate::limits`]; [`crate::tables::domain`] says what looks made up.

use crate::fnv::fnv32;
use crate::limits;
use crate::model::{Lookup, Name, Outcome};
use crate::tables::counters::distinct::Distinct;
use crate::tables::domain;
use crate::time::{Stamp, Time};

/// The lookups of one device within the current window.
#[derive(Clone, Debug, Default)]
pub struct LookupStats {
    window_start: Time,
    /// The names that do not exist.
    missing: Distinct,
    /// The registrable domains among them that look made up.
    made_up: Distinct,
    lookups: u16,
    /// How many of the lookups were for names that do not exist.
    failed: u16,
    /// The two domains with the most lookups that may carry data.
    suspects: [TunnelSuspect; 2],
    /// The gravest recent anomaly.
    anomaly: Option<Box<Anomaly>>,
}

/// The lookups under one domain whose names are long, or which ask for records that can hold much.
#[derive(Clone, Copy, Debug, Default)]
struct TunnelSuspect {
    /// The hash of the domain.
    domain: u32,
    lookups: u16,
    /// How many of the lookups were for records that can hold much.
    bulky: u16,
    names: Distinct,
}

/// Something unusual about the lookups of a device.
#[derive(Clone, Debug)]
pub struct Anomaly {
    /// When it was last noticed.
    pub at: Time,
    /// What is unusual.
    pub kind: AnomalyKind,
    /// Approximately how many different names it rests on.
    pub names: u32,
    /// How many lookups were counted in all.
    pub lookups: u32,
    /// The latest of the names.
    pub last_name: Name,
}

/// What can be unusual about lookups, the gravest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnomalyKind {
    /// Many names do not exist.
    Missing,
    /// Many names do not exist and look as if a program had made them up.
    MadeUp,
    /// Many names under one domain look like pieces of data.
    Tunnel,
}

/// Returns true for types of records that can hold much data, or a name, and that few programs ask for: CNAME, NULL,
/// MX, TXT, KEY, SRV and private ones. iodine, dnscat2 and dns2tcp use them.
fn is_bulky(record_type: u16) -> bool {
    matches!(record_type, 5 | 10 | 15 | 16 | 25 | 33 | 65_280..)
}

impl LookupStats {
    /// Counts a lookup of the device. Returns true if it shows an anomaly that is graver than any recent one.
    pub fn record(&mut self, lookup: &Lookup, at: Stamp) -> bool {
        let name = &*lookup.name;
        if domain::is_local_name(name) {
            return false;
        }
        if at.now.since(self.window_start) > limits::LOOKUPS_WINDOW {
            *self = LookupStats { window_start: at.now, anomaly: self.anomaly.take(), ..LookupStats::default() };
        }
        self.lookups = self.lookups.saturating_add(1);
        let domain = domain::registrable(name);
        let below = name.len() - domain.len();
        let (bulky, missing) = (is_bulky(lookup.record_type), lookup.outcome == Outcome::NoSuchName);
        let automatic = (bulky || missing) && domain::is_automatic(name);
        let may_carry_data =
            (below >= limits::LONG_NAME || below > 0 && bulky && !automatic) && !domain::asks_by_digest(domain);
        let suspect = may_carry_data.then(|| self.add_suspect(domain, bulky, name));
        let mut found = None;
        if missing && !automatic {
            let looks_made_up = domain::made_up_score(domain) >= Some(limits::MADE_UP_SCORE);
            found = self.add_missing(name, domain, looks_made_up).map(|(kind, names)| (kind, names, self.lookups));
        }
        if let Some(suspect) = suspect.filter(|suspect| suspect.is_tunnel()) {
            found = Some((AnomalyKind::Tunnel, suspect.names.count(), suspect.lookups));
        }
        found.is_some_and(|(kind, names, lookups)| {
            self.keep_gravest(Anomaly {
                at: at.now,
                kind,
                names,
                lookups: lookups.into(),
                last_name: lookup.name.clone(),
            })
        })
    }

    /// Counts a lookup for the domain's suspect, and returns that. Of the two domains that are kept, the one with fewer
    /// lookups gives way to a new one, so that domains that come and go do not push out a tunnel.
    fn add_suspect(&mut self, domain: &str, bulky: bool, name: &str) -> TunnelSuspect {
        let hash = fnv32(domain.as_bytes());
        let [one, two] = &mut self.suspects;
        let slot = if one.domain == hash || two.domain != hash && one.lookups < two.lookups { one } else { two };
        if slot.domain != hash {
            *slot = TunnelSuspect { domain: hash, ..TunnelSuspect::default() };
        }
        slot.lookups = slot.lookups.saturating_add(1);
        slot.bulky = slot.bulky.saturating_add(bulky.into());
        slot.names.add(name.as_bytes());
        *slot
    }

    /// Counts a name that does not exist. Returns the anomaly that all such names make by now, and their number.
    fn add_missing(&mut self, name: &str, domain: &str, looks_made_up: bool) -> Option<(AnomalyKind, u32)> {
        self.failed = self.failed.saturating_add(1);
        self.missing.add(name.as_bytes());
        if looks_made_up {
            self.made_up.add(domain.as_bytes());
        }
        let (missing, made_up) = (self.missing.count(), self.made_up.count());
        // Of what some families of malware generate, no more than half looks made up; of what people chose, little
        // does.
        if made_up >= limits::MADE_UP_NAMES && made_up * 3 >= missing {
            // The finding shows the latest name, so that has to be one that looks made up.
            return looks_made_up.then_some((AnomalyKind::MadeUp, made_up));
        }
        // A search domain is tried with each name that does exist: then half of the lookups fail.
        let most = u32::from(self.failed) * 4 >= u32::from(self.lookups) * 3;
        (missing >= limits::MISSING_NAMES && most).then_some((AnomalyKind::Missing, missing))
    }

    /// Keeps an anomaly unless a recent one is graver. Returns true if it is graver than the recent one.
    fn keep_gravest(&mut self, anomaly: Anomaly) -> bool {
        let recent = self.recent_anomaly(anomaly.at).map(|recent| recent.kind);
        if recent > Some(anomaly.kind) {
            return false;
        }
        let is_new = recent < Some(anomaly.kind);
        match &mut self.anomaly {
            Some(old) => **old = anomaly,
            none => *none = Some(Box::new(anomaly)),
        }
        is_new
    }

    /// Returns the gravest anomaly if it was noticed within [`limits::LOOKUPS_KEPT`].
    pub fn recent_anomaly(&self, now: Time) -> Option<&Anomaly> {
        self.anomaly.as_deref().filter(|anomaly| now.since(anomaly.at) < limits::LOOKUPS_KEPT)
    }
}

impl TunnelSuspect {
    fn is_tunnel(self) -> bool {
        let weight = if self.bulky >= self.lookups / 2 { 2 } else { 1 };
        self.names.count() * weight >= limits::TUNNEL_NAMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name;
    use crate::time::{Span, Wall};

    /// Returns a label as a program draws it.
    fn random_label(n: u32) -> String {
        let mut state = n.wrapping_mul(2_654_435_761) | 1;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (b'a' + ((state >> 16) % 26) as u8) as char
        };
        (0..12).map(|_| letter()).collect()
    }

    /// Looks up all names, one every `step` seconds. Returns the anomaly at the end, and how often it was new.
    fn look_up(
        step: u64,
        record_type: u16,
        outcome: Outcome,
        names: impl Iterator<Item = String>,
    ) -> (Option<(AnomalyKind, u32)>, u32) {
        let (mut stats, mut new, mut now) = (LookupStats::default(), 0, Time(0));
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
            new += u32::from(stats.record(&lookup, Stamp { now, wall: Wall(0) }));
        }
        (stats.recent_anomaly(now).map(|anomaly| (anomaly.kind, anomaly.names)), new)
    }

    #[test]
    fn made_up_names_that_do_not_exist_are_noticed_once() {
        let made_up = |n| format!("{}.example", random_label(n));
        let (anomaly, new) = look_up(2, 1, Outcome::NoSuchName, (0..40).map(made_up));
        assert!(matches!(anomaly, Some((AnomalyKind::MadeUp, 20..=40))) && new == 1, "{anomaly:?} {new}");
        for (step, outcome, count) in
            [(2, Outcome::Found, 40), (300, Outcome::NoSuchName, 40), (2, Outcome::NoSuchName, 3)]
        {
            assert_eq!(look_up(step, 1, outcome, (0..count).map(made_up)), (None, 0), "{step} {outcome:?} {count}");
        }
    }

    #[test]
    fn many_names_that_do_not_exist_are_noticed() {
        let plain = |n: u32| format!("camera-{n}.firmware-house.example");
        let (anomaly, new) = look_up(1, 1, Outcome::NoSuchName, (0..80).map(plain));
        assert!(matches!(anomaly, Some((AnomalyKind::Missing, 60..=100))) && new == 1, "{anomaly:?} {new}");
        for look_alike in [
            |_: u32| "hijack-check.receiver.example".to_string(),
            |n: u32| random_label(n),
            |n: u32| format!("{}.lan", random_label(n)),
            |n: u32| format!("{n}.8.168.192.in-addr.arpa"),
            |n: u32| format!("{}.2.0.192.zen.spamhaus.org", n % 250),
            |n: u32| format!("_service{n}._tcp.dns-sd.example"),
        ] {
            assert_eq!(look_up(1, 1, Outcome::NoSuchName, (0..80).map(look_alike)), (None, 0), "{}", look_alike(7));
        }
    }

    #[test]
    fn many_long_names_under_one_domain_are_a_tunnel() {
        let carries = |n: u32| format!("{0}{0}{0}{0}.{n}.t.exfil.example", random_label(n));
        let (anomaly, new) = look_up(2, 1, Outcome::Found, (0..200).map(carries));
        assert!(matches!(anomaly, Some((AnomalyKind::Tunnel, 40..))) && new == 1, "{anomaly:?} {new}");
        assert!(look_up(2, 16, Outcome::Found, (0..40).map(carries)).0.is_some(), "TXT weighs double");
        assert!(look_up(2, 1, Outcome::Found, (0..25).map(carries)).0.is_none(), "few");
        let beside = (0..200).flat_map(|n| [carries(n), format!("{0}{0}{0}{0}.cdn{n}.example", random_label(n))]);
        assert!(look_up(2, 1, Outcome::Found, beside).0.is_some(), "domains that come and go push out no tunnel");
        let binary = |n: u32| String::from_utf8(vec![b'\x07'; 200]).unwrap() + &carries(n);
        assert!(
            look_up(2, 10, Outcome::Found, (0..200).map(|n| n.to_string() + &binary(n))).0.is_some(),
            "names that are cut"
        );
        assert!(
            look_up(2, 10, Outcome::Found, (0..60).map(|n| format!("paa{n}.t.exfil.example"))).0.is_some(),
            "short ones"
        );
        assert!(look_up(2, 15, Outcome::Found, (0..60).map(|n| format!("dnscat.{n:032x}"))).0.is_some(), "no domain");
        for look_alike in [
            |n: u32| format!("paa{n}.t.exfil.example"),
            |n: u32| format!("{0}{0}{0}{0}.{n}.i.07.s.sophosxl.net", random_label(n)),
            |n: u32| format!("{}.cloudfront.net", random_label(n)),
            |n: u32| format!("{0}{0}{0}{0}.example{n}.com", random_label(n)),
            |n: u32| format!("{0}{0}{0}{0}.r.fritz.box", random_label(n)),
            |n: u32| format!("{0}{0}{0}{0}.api.example", random_label(n % 9)),
        ] {
            assert_eq!(look_up(1, 1, Outcome::Found, (0..300).map(look_alike)), (None, 0), "{}", look_alike(7));
        }
    }

    #[test]
    fn the_gravest_anomaly_stays_for_a_day() {
        let tunnel = (0..100).map(|n| format!("{0}{0}{0}{0}.{n}.t.exfil.example", random_label(n)));
        let made_up = (0..100).map(|n| format!("{}.example", random_label(n)));
        assert!(matches!(look_up(2, 1, Outcome::NoSuchName, tunnel.chain(made_up)).0, Some((AnomalyKind::Tunnel, _))));
    }
}
