//! Many attempts that nobody answers: at one port of many addresses, or at many ports of one.

use crate::detect::{Detector, Evidence, Finding, Judge, Strength};
use crate::limits;
use crate::tables::counters::distinct::about;
use crate::tables::devices::Device;
use crate::time::Time;

/// See the module.
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
            says: format!("tried the doors of {laterals} other devices of the house while it acted as a relay"),
            evidence: vec![Evidence { what: "devices", seen: laterals.into(), limit: LATERAL_DEVICES.into() }],
        });
    }
    let scan = device.attempts.recent(now)?;
    let about = |n: u32, thing: &str| match n {
        1 => format!("one {thing}"),
        _ => format!("{} {thing}{}", about(n), if thing.ends_with('s') { "es" } else { "s" }),
    };
    let (addresses, ports) = (about(scan.addresses, "address"), about(scan.ports, "port"));
    let what = match scan.addresses > scan.ports {
        true => format!("{addresses} at {ports}"),
        false => format!("{ports} of {addresses}"),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Fair,
        kinds: 1,
        says: format!(
            "tried {what} within {}; {} of {} tries were in vain",
            limits::SCAN_WINDOW,
            scan.failed,
            scan.failed + scan.answered
        ),
        evidence: vec![
            Evidence { what: "addresses", seen: scan.addresses.into(), limit: limits::SCAN_TARGETS.into() },
            Evidence { what: "ports", seen: scan.ports.into(), limit: limits::SCAN_TARGETS.into() },
            Evidence { what: "vain", seen: scan.failed.into(), limit: limits::SCAN_TARGETS.into() },
        ],
    })
}
