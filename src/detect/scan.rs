//! Many attempts that nobody answers: at one port of many addresses, or at many ports of one.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Strength};
use crate::limits;
use crate::sentence;
use crate::tables::counters::distinct::about;
use crate::tables::devices::Device;
use crate::time::Time;

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "scan",
    about: "tries many addresses or ports, and hardly anybody answers, or other devices while it acts as a relay",
    fooled_by: &[
        "a program that looks for the devices of the house, such as a telephone's app or a printer's driver",
        "a person's own scanner, or one that a monitoring system runs",
        "an Internet that is down, while many different addresses are tried",
    ],
    judge: Judge::Device(judge),
};

/// The router's own page is one of them.
const LATERAL_DEVICES: u32 = 2;

fn judge(device: &Device, now: Time) -> Option<Finding> {
    let laterals = device.laterals.count();
    if laterals >= LATERAL_DEVICES && device.relayed(now).is_some() {
        return Some(Finding {
            detector: DETECTOR.name,
            strength: Strength::Fair,
            kinds: 1,
            message: sentence!("tried to reach %s other devices of the house while it acted as a relay", laterals),
            evidence: vec![Evidence { what: "devices", seen: laterals.into(), limit: LATERAL_DEVICES.into() }],
        });
    }
    let scan = device.attempts.recent(now)?;
    let (addresses, ports, window) = (about(scan.addresses), about(scan.ports), limits::SCAN_WINDOW);
    let tried = match (scan.addresses, scan.ports) {
        (_, 1) => sentence!("tried %s addresses at one port within %s", addresses, window),
        (1, _) => sentence!("tried %s ports of one address within %s", ports, window),
        (a, p) if a > p => sentence!("tried %s addresses at %s ports within %s", addresses, ports, window),
        _ => sentence!("tried %s ports of %s addresses within %s", ports, addresses, window),
    };
    let unanswered = sentence!("%s of %s attempts were not answered", scan.failed, scan.failed + scan.answered);
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Fair,
        kinds: 1,
        message: tried.and_then(unanswered),
        evidence: vec![
            Evidence { what: "addresses", seen: scan.addresses.into(), limit: limits::SCAN_TARGETS.into() },
            Evidence { what: "ports", seen: scan.ports.into(), limit: limits::SCAN_TARGETS.into() },
            Evidence { what: "failed", seen: scan.failed.into(), limit: limits::SCAN_TARGETS.into() },
        ],
    })
}
