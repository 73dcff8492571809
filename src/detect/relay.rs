//! Finds devices that pass on for others what they receive: what a master sends goes out again to many, and what they
//! answer goes back. Finds proxies, too, by the protocols that they speak.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::tables::counters::balance::{Excuse, Relay};
use crate::tables::service::Service;

/// The word for whether masters are called by address.
const BY_ADDRESS: &str = "by_address";

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "relay",
    about: "passes traffic on for others, or uses a proxy or acts as one",
    fooled_by: &[
        "a VPN exit, a Tor or Syncthing relay, or bandwidth that somebody in the house knowingly rents out",
        "programs of your own that hand on what they fetch: feeds to a messenger, builds, peers that share",
        "a person who works through a proxy",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    match device.recent_relay(context.now).filter(|relay| relay.serves(endpoint.address)) {
        Some(relay) => Some(relay_finding(relay, context)),
        None => match contact.service {
            Service::Socks => Some(proxy_finding(subject, "SOCKS")),
            Service::HttpConnect => Some(proxy_finding(subject, "HTTP CONNECT")),
            _ => None,
        },
    }
}

/// That the device passes on what it receives is one kind of evidence, in however many ways it shows. It is believed
/// where only a relay has such a shape, else it takes another kind; and another one, which does not follow from it, to
/// count as two.
fn relay_finding(relay: &Relay, context: &Context) -> Finding {
    let signs = relay.signs;
    // Who lets people use a device has programs of all kinds on it, which call new sites all the time.
    let is_for_people = signs.excuse == Some(Excuse::People);
    let has_new_programs = !is_for_people && signs.new_programs >= limits::RELAY_PROGRAMS;
    let calls_new_sites = !is_for_people
        && signs.new_sites_today >= limits::RELAY_NEW_SITES
        && signs.hours_with_new_sites >= limits::RELAY_NEW_SITES_HOURS;
    let waits = !is_for_people && signs.delay_ms.is_some();
    // Whoever calls or copies may well know the other end by address.
    let by_address = signs.by_address && relay.is_sure;
    let independent = [waits, has_new_programs, calls_new_sites, signs.proxy, by_address];
    let independent = independent.into_iter().filter(|is_so| *is_so).count();
    let (strength, kinds) = match (relay.is_sure, signs.excuse, independent) {
        (true, Some(Excuse::Owner | Excuse::Vpn), _) | (true, _, 0) => (Strength::Fair, 1),
        (true, ..) => (Strength::Strong, 2),
        (false, Some(_), _) | (false, None, 0) => (Strength::Weak, 1),
        (false, None, 1) => (Strength::Fair, 1),
        (false, None, _) => (Strength::Strong, 2),
    };
    let masters = match relay.masters.as_slice() {
        [master] => Value::from(*master),
        [first, second, rest @ ..] if rest.len() > 2 => {
            Value::from(sentence!("%s, %s and %s others", *first, *second, rest.len()))
        }
        few => Sentence::list(few.iter().map(|master| Sentence::verbatim(master.to_string())).collect())
            .map_or(Value::Number(0), Value::from),
    };
    let mut message = if relay.passed_on_percent == 0 {
        sentence!(
            "%s of its flows with %s are repeated the other way round in flows with others, at the same time",
            relay.twins,
            masters
        )
    } else {
        sentence!(
            "%s %% of its traffic with %s matches its traffic with others in the opposite direction, over %s minutes",
            relay.passed_on_percent,
            masters,
            relay.minutes
        )
    };
    message = if strength == Strength::Weak {
        sentence!("may act as a relay for others: %s", message)
    } else {
        sentence!("acts as a relay for others: %s", message)
    };
    if signs.new_sites > 0 && relay.is_sure {
        let (sites, new) = (signs.sites, signs.new_sites);
        message = message.and_then(sentence!("it calls %s sites for others, %s of them new today", sites, new));
    } else if signs.sites > 1 && relay.is_sure {
        message = message.and_then(sentence!("it calls %s sites for others", signs.sites));
    }
    if let Some(ms) = signs.delay_ms.filter(|_| waits) {
        message = message
            .and_then(sentence!("it waits %s ms before it speaks, like a device that has to ask another first", ms));
    }
    if has_new_programs {
        message = message.and_then(sentence!("it speaks TLS in %s ways that are new to it", signs.new_programs));
    }
    if signs.proxy {
        message = message.and_then(sentence!("it was asked to in a proxy's protocol"));
    }
    if signs.asks_own_address {
        message = message.and_then(sentence!("it asks a service how others see its address"));
    }
    if by_address {
        message =
            message.and_then(sentence!("it never looked up whom it does this for, and uses services of several kinds"));
    }
    if let Some(excuse) = signs.excuse {
        message = message.and_then(match excuse {
            Excuse::Call => sentence!("but it is in a call"),
            Excuse::Owner => sentence!("but it was called from outside: if that was you, all is well"),
            Excuse::Vpn => sentence!("but it is one end of a VPN: if that is yours, all is well"),
            Excuse::People => sentence!("but people use it"),
        });
    } else if !relay.is_sure {
        message = message
            .and_then(sentence!("but it passes this on to hardly more than one other, as a copy or a call does"));
    }
    let ago = context.now.since(relay.at);
    if ago >= limits::RELAY_FADES {
        message = message.and_then(sentence!("this was last seen %s ago", ago));
    }
    let evidence = |name, seen: u64, limit: u64| Evidence { name, seen, limit };
    let mut all = vec![
        evidence("sent_bytes", relay.sent, limits::RELAY_BYTES),
        evidence("received_bytes", relay.received, limits::RELAY_BYTES),
        evidence("passed_on_percent", relay.passed_on_percent.into(), limits::RELAY_PASSED_ON.into()),
        evidence("in_step_percent", relay.in_step_percent.into(), limits::RELAY_IN_STEP.into()),
        evidence("follows_percent", relay.follows_percent.into(), limits::RELAY_FOLLOWS.into()),
        evidence("masters", relay.masters.len() as u64, 1),
        evidence("carriers_tenths", relay.carriers_tenths.into(), limits::RELAY_CARRIERS.into()),
        evidence("twins", relay.twins.into(), limits::TWINS.into()),
        evidence("twin_percent", relay.twin_percent.into(), limits::TWINS_OF_FLOWS.into()),
        evidence("delay_ms", signs.delay_ms.unwrap_or(0).into(), limits::RELAY_DELAY.as_millis()),
        evidence("new_programs", signs.new_programs.into(), limits::RELAY_PROGRAMS.into()),
        evidence("new_sites", signs.new_sites_today.into(), limits::RELAY_NEW_SITES.into()),
        evidence("hours_with_new_sites", signs.hours_with_new_sites.into(), limits::RELAY_NEW_SITES_HOURS.into()),
        evidence("proxy", signs.proxy.into(), 1),
        evidence(BY_ADDRESS, signs.by_address.into(), 1),
    ];
    all.extend(signs.asks_own_address.then(|| evidence("asks_own_address", 1, 1)));
    Finding { detector: DETECTOR.name, strength, kinds, message, evidence: all }
}

/// Returns true if a finding has weighed that its contact is called by address, so that `direct-ip` adds nothing to it.
pub fn weighs_address(finding: &Finding) -> bool {
    finding.detector == DETECTOR.name && finding.evidence.iter().any(|evidence| evidence.name == BY_ADDRESS)
}

fn proxy_finding(subject: &Subject, protocol: &'static str) -> Finding {
    let Subject { endpoint, contact, .. } = *subject;
    let message = if contact.inbound {
        sentence!("is asked by %s to be its proxy (%s)", endpoint.address, Value::Word(protocol))
    } else {
        sentence!("uses %s as a proxy (%s)", endpoint.address, Value::Word(protocol))
    };
    let evidence = vec![Evidence { name: "flows", seen: contact.all_flows().into(), limit: 1 }];
    Finding { detector: DETECTOR.name, strength: Strength::Fair, kinds: 1, message, evidence }
}
