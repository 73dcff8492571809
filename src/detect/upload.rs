//! Finds uploads: far more sent to one destination within an hour than the device usually sends at that hour of the
//! day.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::sentence::Value;
use crate::tables::flows::Label;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "upload",
    about: "sends far more to one destination than it usually does at that hour",
    fooled_by: &[
        "a backup, or pictures that a person shares",
        "a camera that sees more than usual, or a video call",
        "a device that sends its logs after an update",
    ],
    judge: Judge::Contact(judge),
};

/// On how many days the same hour must be known before it can be said what is usual.
const DAYS: u32 = 3;

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let upload = subject
        .contact
        .upload
        .as_ref()
        .filter(|upload| context.hour.saturating_sub(upload.hour) < limits::UPLOAD_KEPT)?;
    if subject.contact.label == Label::OutOfScope {
        return None;
    }
    let sent = u64::from(upload.sent_kb) * 1_000;
    let limit = u64::from(upload.limit_kb) * 1_000;
    let (strength, because) = match upload.days {
        DAYS.. => (Strength::Fair, sentence!("more than %s is unusual for it at that hour", Value::Bytes(limit))),
        _ => (Strength::Weak, sentence!("what is usual for it is not known yet")),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        message: sentence!("sent %s to %s within an hour", Value::Bytes(sent), subject.endpoint.address)
            .and_then(because),
        evidence: vec![
            Evidence { name: "sent_bytes", seen: sent, limit },
            Evidence { name: "days", seen: upload.days.into(), limit: DAYS.into() },
        ],
    })
}
