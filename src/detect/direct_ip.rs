//! A contact that no lookup of the device explains, although its lookups are visible.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::sentence;
use crate::tables::flows::{Label, Service};

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "direct-ip",
    about: "calls an address that none of its lookups named",
    fooled_by: &[
        "an address handed out inside an answer of the vendor's own server (cameras and televisions do that)",
        "an address looked up before leash began to look, and kept since",
        "lookups that leash cannot see: DNS over HTTPS or TLS, or another resolver",
        "peers of a call or a game",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, scene: &Scene) -> Option<Finding> {
    let Subject { device, id, endpoint, contact } = *subject;
    let (none, other) = (contact.flows(Label::Unexplained), contact.flows(Label::OtherDevice));
    let flows = none.saturating_add(other);
    // Time by address is common and needed; a resolver is the business of whoever looks for bypassed DNS.
    if flows == 0 || matches!(contact.service, Service::Ntp | Service::Dns | Service::Dot | Service::Doh | Service::Doq)
    {
        return None;
    }
    let boot_seen = device.booted.is_some_and(|booted| booted <= contact.unexplained_at);
    let neighbour_asked = scene.names.others(id, endpoint.address).map(|(_, known)| known).next();
    let asked_since = scene.names.of(id, endpoint.address).next();
    let (strength, because) = match neighbour_asked.filter(|_| asked_since.is_none()) {
        Some(name) => (Strength::Weak, sentence!("another device looked it up as %s", name.clone())),
        None if contact.stun => {
            (Strength::Weak, sentence!("a STUN exchange confirms the peer, as calls and cameras do"))
        }
        None if asked_since.is_some() => (Strength::Weak, sentence!("it asked only afterwards")),
        None if boot_seen => (Strength::Strong, sentence!("and it has been watched since it started")),
        None => (Strength::Fair, sentence!("it may have asked before leash was watching")),
    };
    let lookups = device.lookups;
    let address = endpoint.address;
    let calls = match (asked_since, lookups) {
        (Some(name), _) => sentence!("calls %s before it looked it up as %s", address, name.clone()),
        (None, 1) => sentence!("calls %s although its one lookup never named it", address),
        (None, _) => sentence!("calls %s although none of its %s lookups named it", address, lookups),
    };
    let message = calls.and_then(because);
    let evidence = vec![
        Evidence { what: "flows", seen: flows.into(), limit: 1 },
        Evidence { what: "bytes", seen: contact.unexplained_bytes, limit: 0 },
        Evidence { what: "lookups", seen: lookups.into(), limit: 1 },
        Evidence { what: "boots", seen: boot_seen.into(), limit: 1 },
        Evidence { what: "other_lookups", seen: scene.names.others(id, endpoint.address).count() as u64, limit: 1 },
        Evidence { what: "stun", seen: contact.stun.into(), limit: 1 },
    ];
    Some(Finding { detector: DETECTOR.name, strength, kinds: 1, message, evidence })
}
