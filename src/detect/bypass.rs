//! Names asked of others than the router, and addresses used right after the router had said that there are none.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::tables::flows::{Label, Service};

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "bypass",
    about: "asks others than the router for names, or goes by address when the router said that a name has none",
    fooled_by: &[
        "a browser, telephone or VPN whose owner chose such a resolver",
        "a device that tests whether it is online by asking a well-known resolver",
        "a name that has no address by accident, while something else is called by address",
    ],
    judge: Judge::Contact(judge),
};

/// So many flows right after such an answer are no accident; one is nothing.
const FLOWS: u64 = 3;

fn judge(subject: &Subject, _: &Scene) -> Option<Finding> {
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
        _ => None,
    };
    if let Some(how) = how {
        return Some(Finding {
            detector: DETECTOR.name,
            strength: Strength::Fair,
            kinds: 1,
            message: sentence!("asks %s for names %s, past the router", endpoint.address, how),
            evidence: vec![Evidence { what: "flows", seen: flows, limit: 1 }],
        });
    }
    let denied = u64::from(contact.after_denial);
    let without = u64::from(contact.flows(Label::Unexplained)) + u64::from(contact.flows(Label::OtherDevice));
    // One that asks for blocked names all the time does everything right after one.
    let often = u64::from(device.denials) > 20 * denied;
    if denied < 2 || denied * 2 < without {
        return None;
    }
    let strength = if denied >= FLOWS && !often { Strength::Fair } else { Strength::Weak };
    let (address, window) = (endpoint.address, limits::FALLBACK_WINDOW);
    let message = match &device.denied {
        Some((_, name)) => sentence!(
            "called %s by its address %s times within %s after it was told that a name has none, the last time of %s",
            address,
            denied,
            window,
            name.clone()
        ),
        None => sentence!(
            "called %s by its address %s times within %s after it was told that a name has none",
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
            Evidence { what: "after_denial", seen: denied, limit: FLOWS },
            Evidence { what: "unexplained", seen: without, limit: 1 },
            Evidence { what: "denials", seen: device.denials.into(), limit: 1 },
        ],
    })
}
