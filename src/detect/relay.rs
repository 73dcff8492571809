//! A device that passes on for others what it receives: what a master sends goes out again to many, and what they answer
//! goes back. And one that speaks a proxy's language.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::tables::counters::balance::{Excuse, Relayed};
use crate::tables::flows::Service;

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "relay",
    about: "passes on for others what it receives, or speaks with a proxy",
    fooled_by: &[
        "a VPN's exit, a Tor or Syncthing relay, or bandwidth that somebody in the house rents out knowingly",
        "a download and an upload of the same size at the same time, where both come in bursts",
        "a person who works through a proxy",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, scene: &Scene) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    match device.relayed(scene.now).filter(|relayed| relayed.master == endpoint.address) {
        Some(relayed) => Some(relay(relayed)),
        None => match contact.service {
            Service::Socks => Some(proxy(subject, "SOCKS")),
            Service::HttpConnect => Some(proxy(subject, "HTTP CONNECT")),
            _ => None,
        },
    }
}

/// That it balances is one kind of evidence; it takes a second to be believed, and a third to be counted as two.
fn relay(relayed: &Relayed) -> Finding {
    let signs = relayed.signs;
    let in_step = relayed.in_step.filter(|percent| *percent >= limits::RELAY_IN_STEP);
    let kinds = [
        in_step.is_some(),
        relayed.addresses >= limits::RELAY_ADDRESSES && relayed.minutes >= limits::RELAY_MINUTES,
        signs.pause_ms.is_some(),
        signs.stacks >= limits::RELAY_PROGRAMS,
        signs.proxy,
    ];
    let others = kinds.iter().filter(|kind| **kind).count();
    let out_of_step = relayed.in_step.is_some() && in_step.is_none();
    let (strength, kinds) = match others {
        _ if signs.excuse.is_some() => (Strength::Weak, 1),
        // Sums may agree by chance, and many have many others; the minutes say that these do not belong together.
        0..=2 if out_of_step && !signs.proxy => (Strength::Weak, 1),
        0 => (Strength::Weak, 1),
        1 => (Strength::Fair, 1),
        _ => (Strength::Strong, 2),
    };
    let others = match relayed.addresses {
        0 | 1 => sentence!("somebody else"),
        several => sentence!("%s others", several),
    };
    let (percent, master) = (relayed.passed_on, relayed.master);
    let balance = if in_step.is_some() {
        sentence!(
            "%s %% of what it exchanges with %s it exchanges with %s too, the other way round, minute by minute",
            percent,
            master,
            others
        )
    } else {
        sentence!(
            "%s %% of what it exchanges with %s it exchanges with %s too, the other way round",
            percent,
            master,
            others
        )
    };
    let mut message = if strength == Strength::Weak {
        sentence!("may act as a relay for others: %s", balance)
    } else {
        sentence!("acts as a relay for others: %s", balance)
    };
    if let Some(ms) = signs.pause_ms {
        message = message
            .and_then(sentence!("it waits %s ms before it speaks, as one does who asks somebody else first", ms));
    }
    if signs.stacks >= limits::RELAY_PROGRAMS {
        message = message.and_then(sentence!("it speaks TLS in %s ways that it did not have before", signs.stacks));
    }
    if signs.proxy {
        message = message.and_then(sentence!("it was asked to as a proxy, or from outside"));
    }
    if let Some(excuse) = signs.excuse {
        message = message.and_then(match excuse {
            Excuse::Call => sentence!("but it is in a call"),
            Excuse::Vpn => sentence!("but it is one end of a VPN"),
            Excuse::People => sentence!("but people use it"),
        });
    }
    let evidence = |what, seen: u64, limit: u64| Evidence { what, seen, limit };
    Finding {
        detector: DETECTOR.name,
        strength,
        kinds,
        message,
        evidence: vec![
            evidence("sent_bytes", relayed.sent, limits::RELAY_BYTES),
            evidence("received_bytes", relayed.received, limits::RELAY_BYTES),
            evidence("passed_on_percent", relayed.passed_on.into(), limits::RELAY_PASSED_ON.into()),
            evidence("in_step_percent", relayed.in_step.unwrap_or_default().into(), limits::RELAY_IN_STEP.into()),
            evidence("addresses", relayed.addresses.into(), limits::RELAY_ADDRESSES.into()),
            evidence("pause_ms", signs.pause_ms.unwrap_or_default().into(), limits::RELAY_DELAY.0 / 1_000),
            evidence("new_programs", signs.stacks.into(), limits::RELAY_PROGRAMS.into()),
            evidence("proxy", signs.proxy.into(), 1),
        ],
    }
}

fn proxy(subject: &Subject, language: &str) -> Finding {
    let Subject { endpoint, contact, .. } = *subject;
    let message = if contact.inbound {
        sentence!("is asked by %s to be its proxy (%s)", endpoint.address, language)
    } else {
        sentence!("uses %s as a proxy (%s)", endpoint.address, language)
    };
    let evidence = vec![Evidence { what: "flows", seen: contact.all_flows().into(), limit: 1 }];
    Finding { detector: DETECTOR.name, strength: Strength::Fair, kinds: 1, message, evidence }
}
