//! Finds contacts that no lookup of the device explains, although its lookups are visible.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::model::Name;
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::tables::counters::sessions::Setup;
use crate::tables::flows::Label;
use crate::tables::service::Service;
use crate::wire::public_resolvers::is_resolver_address;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "direct-ip",
    about: "calls an address that none of its lookups returned",
    fooled_by: &[
        "an address that the vendor's own server hands out (cameras and televisions do that)",
        "an address that was looked up before leash was watching, and kept since",
        "lookups that leash cannot see: DNS over HTTPS or TLS, or another resolver",
        "the peers of a call or a game",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let Subject { device, id, endpoint, contact } = *subject;
    let (none, other) = (contact.flows(Label::Unexplained), contact.flows(Label::OtherDevice));
    let flows = none.saturating_add(other);
    // Asking for the time by address is common and needed; resolvers are the business of `bypass`.
    if flows == 0 || contact.service == Service::Ntp || contact.service.asks_names() {
        return None;
    }
    // Devices ping a well-known address to see whether they are online.
    if contact.is_only_pinged() && is_resolver_address(context.names.nat64.canonical(id, endpoint.address)) {
        return None;
    }
    let boot_seen = contact.unexplained_at().zip(device.booted_at).is_some_and(|(called, booted)| booted <= called);
    let by_hand = contact.service.is_set_up_by_hand(endpoint.port);
    let is_web = contact.service.is_web(endpoint.protocol, endpoint.port);
    let proven = device.coverage.has_shown_itself(context.now);
    let name_of_other = context.names.of_other_devices(id, endpoint.address).map(|(_, name)| name).next();
    let later_name = context.names.of_device(id, endpoint.address).next();
    let is_referral = contact.setup == Some(Setup::Referral);
    let has_session = contact.setup.is_some() && (!is_referral || !by_hand && !is_web);
    let (strength, because) = match name_of_other.filter(|_| later_name.is_none()) {
        Some(name) => (Strength::Weak, Some(sentence!("another device looked it up as %s", name.clone()))),
        None if has_session && !is_referral => session(subject, context),
        None if has_session && !contact.outgrows_session() => referral(subject, context),
        None if contact.is_only_pinged() => {
            (Strength::Weak, Some(sentence!("it only pings it, as devices do to see whether they are online")))
        }
        None if later_name.is_some() => (Strength::Weak, None),
        None if contact.unexplained_at().is_none() && !by_hand => (Strength::Weak, Some(before_watching())),
        None if boot_seen && proven => (Strength::Strong, Some(sentence!("it has been watched since it booted"))),
        None if boot_seen => (Strength::Fair, Some(sentence!("lookups explain too little else of what it calls"))),
        None => (Strength::Fair, Some(before_watching())),
    };
    let lookups = device.lookups;
    let address = endpoint.address;
    let calls = match (later_name, lookups) {
        (Some(name), _) => sentence!("called %s before it looked it up as %s", address, name.clone()),
        (None, 1) => sentence!("calls %s, which its one lookup did not return", address),
        (None, _) => sentence!("calls %s, which none of its %s lookups returned", address, lookups),
    };
    let message = match because {
        Some(because) => calls.and_then(because),
        None => calls,
    };
    let message = match contact.service.text().filter(|_| contact.service.is_tunnel()) {
        Some(tunnel) => {
            message.and_then(sentence!("it is a tunnel (%s), so nobody sees what is in it", Value::Word(tunnel)))
        }
        None => message,
    };
    let evidence = vec![
        Evidence { name: "flows", seen: flows.into(), limit: 1 },
        Evidence { name: "bytes", seen: contact.unexplained_bytes, limit: 0 },
        Evidence { name: "lookups", seen: lookups.into(), limit: 1 },
        Evidence { name: "named_later", seen: later_name.is_some().into(), limit: 1 },
        Evidence { name: "boots", seen: boot_seen.into(), limit: 1 },
        Evidence {
            name: "other_lookups",
            seen: context.names.of_other_devices(id, endpoint.address).count() as u64,
            limit: 1,
        },
        Evidence { name: "proven", seen: proven.into(), limit: 1 },
        Evidence { name: "session", seen: has_session.into(), limit: 1 },
    ];
    Some(Finding { detector: DETECTOR.name, strength, kinds: 1, message, evidence })
}

fn before_watching() -> Sentence {
    sentence!("it may have looked that up before leash was watching")
}

/// Returns the name of the server that set a session up, or handed an address out.
fn server_of_peer(subject: &Subject, context: &Context) -> Option<Name> {
    let server = subject.device.sessions.as_ref()?.server_of_peer(subject.endpoint.address)?;
    context.names.of_device(subject.id, server).next().cloned()
}

/// Returns what speaks for an address that a server handed out.
fn referral(subject: &Subject, context: &Context) -> (Strength, Option<Sentence>) {
    let because = match server_of_peer(subject, context) {
        Some(name) => sentence!("it seems that %s, which it called right before, handed it out", name),
        None => sentence!("it seems that a server which it called right before handed it out"),
    };
    (Strength::Weak, Some(because))
}

/// Returns what a session explains of a call to its peer, and what not any more.
fn session(subject: &Subject, context: &Context) -> (Strength, Option<Sentence>) {
    let peer = match server_of_peer(subject, context) {
        Some(name) => sentence!("peer of a session that %s set up", name),
        None => sentence!("peer of a session, as in calls and where people look at their camera"),
    };
    if subject.contact.outgrows_session() {
        let but = sentence!("but it is called more, or sent more, than a session explains");
        (Strength::Fair, Some(peer.and_then(but)))
    } else {
        (Strength::Weak, Some(peer))
    }
}
