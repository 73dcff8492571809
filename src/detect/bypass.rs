//! Finds lookups at resolvers other than the router, and addresses that are called right after the router has said that
//! a name has none.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::tables::flows::Label;
use crate::tables::service::Service;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "bypass",
    about: "asks resolvers other than the router, or calls an address right after being told that a name has none",
    fooled_by: &[
        "a browser, phone or VPN whose owner chose another resolver",
        "a device that tests whether it is online by asking a well-known resolver",
        "a name that happens to have no address while something else is called by address",
    ],
    judge: Judge::Contact(judge),
};

/// From how many flows on it is no accident that they follow such answers; a single one means nothing.
const FLOWS: u64 = 3;

fn judge(subject: &Subject, _: &Context) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    if contact.label == Label::OutOfScope {
        return None;
    }
    let flows = u64::from(contact.all_flows());
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
            strength: Strength::Fair,
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
