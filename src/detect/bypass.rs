//! Finds lookups at resolvers other than the router, and addresses that are called right after the router has said that
//! a name has none.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject, approximately};
use crate::limits;
use crate::sentence;
use crate::tables::contacts::Contact;
use crate::tables::counters::lookups::AnomalyKind;
use crate::tables::devices::Device;
use crate::tables::flows::Label;
use crate::tables::service::Service;
use crate::time::Time;
use crate::wire::public_resolvers::is_resolver_address;
use std::net::IpAddr;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "bypass",
    about: "asks resolvers other than the router, or calls an address right after being told that a name has none",
    fooled_by: &[
        "a browser, phone or VPN whose owner chose another resolver",
        "a device that tests whether it is online by asking a well-known resolver",
        "a name that happens to have no address while something else is called by address",
    ],
    judge: Judge::Both(judge, judge_device),
};

/// From how many flows on it is no accident that they follow such answers; a single one means nothing.
const FLOWS: u64 = 3;

/// Returns what a device is that asks many name servers: one fact, however many there are.
fn judge_device(device: &Device, _: Time) -> Option<Finding> {
    let resolver = device.resolver;
    if !resolver.asks_many() {
        return None;
    }
    let servers = resolver.servers();
    let asks = approximately(servers);
    let (strength, message) = if resolver.serves() {
        let answers = sentence!("is a resolver itself: it answers other devices, and asks %s name servers", asks);
        (Strength::Weak, answers)
    } else if resolver.is_recursive() {
        (Strength::Weak, sentence!("is a resolver itself: it asks %s name servers, from the root on", asks))
    } else {
        (Strength::Fair, sentence!("asks %s resolvers for names in the clear, bypassing the router", asks))
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        message,
        evidence: vec![Evidence { name: "name_servers", seen: servers.into(), limit: limits::RESOLVER_SERVERS.into() }],
    })
}

/// Returns true if what is found on a contact is told with the device as a whole. It counts towards a block all the
/// same.
pub fn is_told_with_device(device: &Device, contact: &Contact, finding: &Finding) -> bool {
    finding.detector == DETECTOR.name && contact.service == Service::Dns && device.resolver.asks_many()
}

/// Returns true for a question that is part of what [`judge_device`] says. A device that sends data in names may not
/// hide the server that gets it among others.
fn is_resolvers_work(device: &Device, address: IpAddr, now: Time) -> bool {
    let tunnels = || device.lookup_stats.recent_anomaly(now).is_some_and(|it| it.kind == AnomalyKind::Tunnel);
    device.resolver.serves() || device.resolver.is_recursive() && !is_resolver_address(address) && !tunnels()
}

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    if contact.label == Label::OutOfScope {
        return None;
    }
    let flows = u64::from(contact.all_flows());
    if contact.service == Service::Dns && is_resolvers_work(device, endpoint.address, context.now) {
        return None;
    }
    let how = match contact.service {
        Service::Dns => Some(sentence!("in the clear")),
        Service::Dot => Some(sentence!("over TLS")),
        Service::Doh => Some(sentence!("over HTTPS")),
        Service::Doq => Some(sentence!("over QUIC")),
        Service::DnsCrypt => Some(sentence!("over DNSCrypt")),
        _ => None,
    };
    if let Some(how) = how {
        return Some(Finding {
            detector: DETECTOR.name,
            // What it asks may be what other devices asked it.
            strength: if device.resolver.serves() { Strength::Weak } else { Strength::Fair },
            kinds: 1,
            message: sentence!("asks %s for names %s, bypassing the router", endpoint.address, how),
            evidence: vec![Evidence { name: "flows", seen: flows, limit: 1 }],
        });
    }
    let denied = u64::from(contact.flows_after_denial);
    let without = u64::from(contact.flows(Label::Unexplained)) + u64::from(contact.flows(Label::OtherDevice));
    // Who gets no answer to a name may well ping somebody to see whether it is online.
    if contact.is_only_pinged() {
        return None;
    }
    // A device that looks up blocked names all the time does everything right after such an answer.
    let is_frequent = u64::from(device.denials) > 20 * denied;
    if denied < 2 || denied * 2 < without {
        return None;
    }
    let strength = if denied >= FLOWS && !is_frequent { Strength::Fair } else { Strength::Weak };
    let (address, window) = (endpoint.address, limits::FALLBACK_WINDOW);
    let message = match &device.last_denial {
        Some(denial) => sentence!(
            "called %s by address %s times within %s of being told that a name has none, most recently %s",
            address,
            denied,
            window,
            denial.name.clone()
        ),
        None => sentence!(
            "called %s by address %s times within %s of being told that a name has none",
            address,
            denied,
            window
        ),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { name: "after_denial", seen: denied, limit: FLOWS },
            Evidence { name: "unexplained", seen: without, limit: 1 },
            Evidence { name: "denials", seen: device.denials.into(), limit: 1 },
        ],
    })
}
