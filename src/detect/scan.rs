//! Finds many attempts that nobody answers, on one port of many addresses or on many ports of one; and attempts to log
//! in to other devices of the house by a device that acts as a relay.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Strength, approximately};
use crate::limits;
use crate::sentence;
use crate::tables::devices::Device;
use crate::time::Time;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "scan",
    about: "tries many addresses or ports and is hardly ever answered, or tries other devices while it acts as a relay",
    fooled_by: &[
        "a program that searches the house for devices, such as a phone's app or a printer's driver",
        "a scanner that a person or a monitoring system runs",
        "an Internet outage while many different addresses are tried",
    ],
    judge: Judge::Device(judge),
};

/// From how many other devices on it is a finding. A single one may be the router, whose page people open.
const LATERAL_DEVICES: u32 = 2;

fn judge(device: &Device, now: Time) -> Option<Finding> {
    let laterals = device.lateral_targets.count();
    if laterals >= LATERAL_DEVICES && device.recent_relay(now).is_some() {
        return Some(Finding {
            detector: DETECTOR.name,
            strength: Strength::Fair,
            kinds: 1,
            message: sentence!("tried to reach %s other devices of the house while it acted as a relay", laterals),
            evidence: vec![Evidence { name: "devices", seen: laterals.into(), limit: LATERAL_DEVICES.into() }],
        });
    }
    let scan = device.attempts.recent_scan(now)?;
    let (addresses, ports, window) = (approximately(scan.addresses), approximately(scan.ports), limits::SCAN_WINDOW);
    let tried = match (scan.addresses, scan.ports) {
        (_, 1) => sentence!("tried %s addresses on one port within %s", addresses, window),
        (1, _) => sentence!("tried %s ports on one address within %s", ports, window),
        (a, p) if a > p => sentence!("tried %s addresses on %s ports within %s", addresses, ports, window),
        _ => sentence!("tried %s ports on %s addresses within %s", ports, addresses, window),
    };
    let unanswered = sentence!("%s of %s attempts were not answered", scan.failed, scan.failed + scan.answered);
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Fair,
        kinds: 1,
        message: tried.and_then(unanswered),
        evidence: vec![
            Evidence { name: "addresses", seen: scan.addresses.into(), limit: limits::SCAN_TARGETS.into() },
            Evidence { name: "ports", seen: scan.ports.into(), limit: limits::SCAN_TARGETS.into() },
            Evidence { name: "failed", seen: scan.failed.into(), limit: limits::SCAN_TARGETS.into() },
        ],
    })
}
