//! The detectors: pure functions over the tables. They own no state and no timer, so what a detector says can be
//! computed anew whenever somebody looks. A new one is a file here, a line in [`ALL`], and a folder of cases in
//! `tests/replay`. The thresholds are in [`crate::limits`], and the numbers behind them in src/detect/README.md.

pub mod beacon;
pub mod bypass;
mod detector;
pub mod direct_ip;
pub mod evidence;
pub mod names;
pub mod plaintext;
pub mod relay;
pub mod reputation;
pub mod scan;
pub mod spread;
pub mod upload;
pub mod young;

use crate::tables::devices::Device;
use crate::time::Time;
pub use detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};

/// All detectors, in the order in which their findings are shown.
pub const ALL: &[Detector] = &[
    direct_ip::DETECTOR,
    relay::DETECTOR,
    bypass::DETECTOR,
    scan::DETECTOR,
    upload::DETECTOR,
    names::DETECTOR,
    reputation::DETECTOR,
    spread::DETECTOR,
    beacon::DETECTOR,
    plaintext::DETECTOR,
    young::DETECTOR,
];

/// The names of all detectors, in the order of [`ALL`].
pub const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut at = 0;
    while at < ALL.len() {
        names[at] = ALL[at].name;
        at += 1;
    }
    names
};

/// The detectors of what harms others or the house, beside those of what may be only odd.
pub const HARMFUL: [&str; 3] = [relay::DETECTOR.name, scan::DETECTOR.name, reputation::DETECTOR.name];

/// Returns the findings of all detectors on a contact.
pub fn judge(subject: &Subject, context: &Context) -> Vec<Finding> {
    let findings = ALL.iter().filter_map(|detector| match detector.judge {
        Judge::Contact(judge) | Judge::Both(judge, _) => judge(subject, context),
        Judge::Device(_) => None,
    });
    findings.collect()
}

/// Returns how many independent kinds of evidence there are in findings on one contact.
pub fn independent_kinds(findings: &[Finding]) -> u8 {
    let counts = || findings.iter().filter(|finding| finding.strength >= Strength::Fair);
    let is_weighed = counts().any(relay::weighs_address);
    let adds = |finding: &&Finding| !is_weighed || finding.detector != direct_ip::DETECTOR.name;
    counts().filter(adds).map(|finding| finding.kinds).sum()
}

/// Returns the findings of all detectors on a device as a whole.
pub fn judge_device(device: &Device, now: Time) -> Vec<Finding> {
    let findings = ALL.iter().filter_map(|detector| match detector.judge {
        Judge::Device(judge) | Judge::Both(_, judge) => judge(device, now),
        Judge::Contact(_) => None,
    });
    findings.collect()
}
