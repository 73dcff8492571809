//! Finds calls of names that were registered only lately: what attackers use seldom grows old.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::tables::domain::registrable;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "young-name",
    about: "calls a name that was registered only days ago",
    fooled_by: &["a new shop, game or event", "a maker who has moved to a new name"],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    if context.registrations.is_empty() {
        return None;
    }
    let today = i64::from(context.hour / 24);
    let names = context.names.of_device(subject.id, subject.endpoint.address);
    let ages = names.filter_map(|name| Some((today - i64::from(context.registrations.day(name)?), name)));
    // A date in the future is a clock that was not set yet, or a lie of the registry: both say nothing.
    let (age, name) = ages.filter(|(age, _)| (0..limits::YOUNG_DAYS).contains(age)).min_by_key(|(age, _)| *age)?;
    let domain = registrable(name);
    let message = match age as u64 {
        0 => sentence!("calls %s, which was registered today", domain),
        1 => sentence!("calls %s, which was registered yesterday", domain),
        days => sentence!("calls %s, which was registered %s days ago", domain, days),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message,
        evidence: vec![Evidence { name: "age_days", seen: age as u64, limit: 0 }],
    })
}
