//! Names that no person would ask for: made up by a program in the hope that one exists, or long because they carry
//! something. Names made of words or syllables show by their number alone, which is weak.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Strength};
use crate::limits;
use crate::sentence;
use crate::sentence::Value;
use crate::tables::counters::distinct::about;
use crate::tables::counters::lookups::AnomalyKind;
use crate::tables::devices::Device;
use crate::tables::domain::registrable;
use crate::time::Time;

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "names",
    about: "asks for many names that do not exist, the more so made-up ones, or sends data by asking for names",
    fooled_by: &[
        "an antivirus program or mail filter that asks its maker about a file or sender by its digest",
        "a blocker that says of many advertisers' names that they do not exist",
        "a program that reports what it measures by asking for names, as some content networks do",
    ],
    judge: Judge::Device(judge),
};

fn judge(device: &Device, now: Time) -> Option<Finding> {
    let odd = device.lookup_stats.recent(now)?;
    let (names, window) = (about(odd.names), limits::LOOKUPS_WINDOW);
    let last = Some(registrable(&odd.last))
        .filter(|domain| !domain.is_empty())
        .map_or_else(|| Value::from(sentence!("a domain that cannot be read")), Value::from);
    let (strength, limit, message) = match odd.what {
        AnomalyKind::Tunnel => (
            Strength::Fair,
            limits::TUNNEL_NAMES,
            sentence!(
                "asked for %s names under %s within %s that look like pieces of data: a way past every block",
                names,
                last,
                window
            ),
        ),
        AnomalyKind::MadeUp => (
            Strength::Fair,
            limits::MADE_UP_NAMES,
            sentence!(
                "asked for %s names within %s that do not exist and look made up, the last %s",
                names,
                window,
                last
            ),
        ),
        AnomalyKind::Missing => (
            Strength::Weak,
            limits::MISSING_NAMES,
            sentence!("asked for %s names within %s that do not exist, the last %s", names, window, odd.last.clone()),
        ),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { what: "names", seen: odd.names.into(), limit: limit.into() },
            Evidence { what: "lookups", seen: odd.lookups.into(), limit: 1 },
        ],
    })
}
