//! Finds devices that pass on for others what they receive: what a master sends goes out again to many, and what they
//! answer goes back. Finds proxies, too, by the protocols that they speak.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::sentence::Value;
use crate::tables::counters::balance::{Excuse, Relay};
use crate::tables::service::Service;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "relay",
    about: "passes traffic on for others, or uses a proxy or acts as one",
    fooled_by: &[
        "a VPN exit, a Tor or Syncthing relay, or bandwidth that somebody in the house knowingly rents out",
        "a download and an upload of the same size at the same time, if both come in bursts",
        "a person who works through a proxy",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    match device.recent_relay(context.now).filter(|relay| relay.master == endpoint.address) {
        Some(relay) => Some(relay_finding(relay)),
        None => match contact.service {
            Service::Socks => Some(proxy_finding(subject, "SOCKS")),
            Service::HttpConnect => Some(proxy_finding(subject, "HTTP CONNECT")),
            _ => None,
        },
    }
}

/// That the traffic balances is one kind of evidence. It takes a second kind to be believed, and a third to count as
/// two.
fn relay_finding(relay: &Relay) -> Finding {
    let signs = relay.signs;
    let is_in_step = relay.in_step_percent.is_some_and(|percent| percent >= limits::RELAY_IN_STEP);
    let kinds = [
        is_in_step,
        relay.addresses >= limits::RELAY_ADDRESSES && relay.minutes >= limits::RELAY_MINUTES,
        signs.delay_ms.is_some(),
        signs.new_programs >= limits::RELAY_PROGRAMS,
        signs.proxy,
    ];
    let others = kinds.iter().filter(|kind| **kind).count();
    let is_out_of_step = relay.in_step_percent.is_some() && !is_in_step;
    let (strength, kinds) = match others {
        _ if signs.excuse.is_some() => (Strength::Weak, 1),
        // Sums may agree by chance, and many devices talk to many others; the minutes say that these sums do not belong
        // together.
        0..=2 if is_out_of_step && !signs.proxy => (Strength::Weak, 1),
        0 => (Strength::Weak, 1),
        1 => (Strength::Fair, 1),
        _ => (Strength::Strong, 2),
    };
    let others = match relay.addresses {
        0 | 1 => sentence!("somebody else"),
        several => sentence!("%s others", several),
    };
    let (percent, master) = (relay.passed_on_percent, relay.master);
    let balance = if is_in_step {
        sentence!(
            "%s %% of its traffic with %s matches its traffic with %s in the opposite direction, minute by minute",
            percent,
            master,
            others
        )
    } else {
        sentence!(
            "%s %% of its traffic with %s matches its traffic with %s in the opposite direction",
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
    if let Some(ms) = signs.delay_ms {
        message = message
            .and_then(sentence!("it waits %s ms before it speaks, like a device that has to ask another first", ms));
    }
    if signs.new_programs >= limits::RELAY_PROGRAMS {
        message = message.and_then(sentence!("it speaks TLS in %s ways that are new to it", signs.new_programs));
    }
    if signs.proxy {
        message = message.and_then(sentence!("it was asked to in a proxy's protocol or from outside"));
    }
    if let Some(excuse) = signs.excuse {
        message = message.and_then(match excuse {
            Excuse::Call => sentence!("but it is in a call"),
            Excuse::Vpn => sentence!("but it is one end of a VPN"),
            Excuse::People => sentence!("but people use it"),
        });
    }
    let evidence = |name, seen: u64, limit: u64| Evidence { name, seen, limit };
    Finding {
        detector: DETECTOR.name,
        strength,
        kinds,
        message,
        evidence: vec![
            evidence("sent_bytes", relay.sent, limits::RELAY_BYTES),
            evidence("received_bytes", relay.received, limits::RELAY_BYTES),
            evidence("passed_on_percent", relay.passed_on_percent.into(), limits::RELAY_PASSED_ON.into()),
            evidence("in_step_percent", relay.in_step_percent.unwrap_or(0).into(), limits::RELAY_IN_STEP.into()),
            evidence("addresses", relay.addresses.into(), limits::RELAY_ADDRESSES.into()),
            evidence("delay_ms", signs.delay_ms.unwrap_or(0).into(), limits::RELAY_DELAY.as_millis()),
            evidence("new_programs", signs.new_programs.into(), limits::RELAY_PROGRAMS.into()),
            evidence("proxy", signs.proxy.into(), 1),
        ],
    }
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
