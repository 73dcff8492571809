//! Far more sent to one destination within an hour than the device sends at that hour of the day.

use crate::detect::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::limits;
use crate::tables::flows::Label;
use crate::units::bytes;

/// See the module.
pub const DETECTOR: Detector = Detector {
    name: "upload",
    about: "sends far more to one destination than it usually does at that hour",
    fooled_by: &[
        "a backup, or pictures that a person shares",
        "a camera that has more to see than usual, or a call",
        "a device that is updated and sends its records",
    ],
    judge: Judge::Contact(judge),
};

/// Days of which the same hour is known, before it can be said what is usual.
const DAYS: u32 = 3;

fn judge(subject: &Subject, scene: &Scene) -> Option<Finding> {
    let upload = subject
        .contact
        .upload
        .as_ref()
        .filter(|upload| scene.hour.saturating_sub(upload.hour) < limits::UPLOAD_KEPT)?;
    if subject.contact.label == Label::OutOfScope {
        return None;
    }
    let sent = u64::from(upload.sent_kb) * 1_000;
    let limit = u64::from(upload.limit_kb) * 1_000;
    let (strength, because) = match upload.days {
        DAYS.. => (Strength::Fair, format!("more than {} is unusual for it at that hour", bytes(limit))),
        _ => (Strength::Weak, "what is usual for it is not known yet".into()),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        says: format!("sent {} to {} within an hour; {because}", bytes(sent), subject.endpoint.address),
        evidence: vec![
            Evidence { what: "sent_bytes", seen: sent, limit },
            Evidence { what: "days", seen: upload.days.into(), limit: DAYS.into() },
        ],
    })
}
