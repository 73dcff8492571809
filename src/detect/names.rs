//! Finds lookups of names that no person would ask for: made up by a program in the hope that one of them exists, or
//! long because they carry data. Names made of words or syllables show by their number alone, which is weak.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Strength, approximately};
use crate::limits;
use crate::sentence;
use crate::sentence::Value;
use crate::tables::counters::lookups::AnomalyKind;
use crate::tables::devices::Device;
use crate::tables::domain::registrable;
use crate::time::Time;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "names",
    about: "looks up many names that do not exist, above all made-up ones, or sends data in the names it looks up",
    fooled_by: &[
        "an antivirus program or mail filter that asks its maker about files or senders by their digests",
        "an ad blocker that answers that many names do not exist",
        "a program that reports measurements by looking up names, as some content networks do",
    ],
    judge: Judge::Device(judge),
};

fn judge(device: &Device, now: Time) -> Option<Finding> {
    let anomaly = device.lookup_stats.recent_anomaly(now)?;
    let (names, window) = (approximately(anomaly.names), limits::LOOKUPS_WINDOW);
    let domain = match registrable(&anomaly.last_name) {
        "" => Value::from(sentence!("an unreadable domain")),
        domain => Value::from(domain),
    };
    let (strength, limit, message) = match anomaly.kind {
        AnomalyKind::Tunnel => (
            Strength::Fair,
            limits::TUNNEL_NAMES,
            sentence!(
                "looked up %s names under %s within %s that look like pieces of data, which is a way past every block",
                names,
                domain,
                window
            ),
        ),
        AnomalyKind::MadeUp => (
            Strength::Fair,
            limits::MADE_UP_NAMES,
            sentence!(
                "looked up %s names within %s that do not exist and look made up, most recently %s",
                names,
                window,
                domain
            ),
        ),
        AnomalyKind::Missing => (
            Strength::Weak,
            limits::MISSING_NAMES,
            sentence!(
                "looked up %s names within %s that do not exist, most recently %s",
                names,
                window,
                anomaly.last_name.clone()
            ),
        ),
    };
    let (strength, message) = if device.resolver.serves() {
        (Strength::Weak, message.and_then(sentence!("but it asks for other devices, too")))
    } else {
        (strength, message)
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { name: "names", seen: anomaly.names.into(), limit: limit.into() },
            Evidence { name: "lookups", seen: anomaly.lookups.into(), limit: 1 },
        ],
    })
}
