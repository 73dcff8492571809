//! Finds contacts whose rhythm has changed or stopped, and regular calls of an address that nothing explains. That a
//! device calls regularly is no finding: most do, and the contact shows it.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::sentence;
use crate::sentence::Value;
use crate::tables::counters::beacon::Pace;
use crate::tables::flows::Label;
use crate::tables::service::Service;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "beacon",
    about: "changes or loses the rhythm of its calls, or regularly calls an address that nothing explains",
    fooled_by: &[
        "a new version of its software",
        "a server that moved to another address, or was down for a while",
        "a device that is used more or less than before",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    let beacon = contact.beacon.as_ref()?;
    if contact.label == Label::OutOfScope || contact.service == Service::Ntp || contact.is_only_pinged() {
        return None;
    }
    let address = endpoint.address;
    let rhythm = beacon.rhythm();
    let pace = rhythm.map(|rhythm| rhythm.pace);
    let is_named = contact.flows(Label::Lookup) > 0;
    let message = if let (Some(pace), Some(previous)) = (pace, beacon.previous_pace()) {
        sentence!(
            "calls %s every %s, sending %s, but used to call every %s, sending %s",
            address,
            pace.period,
            Value::Bytes(pace.sent),
            previous.period,
            Value::Bytes(previous.sent)
        )
    } else if let Some(silence) =
        beacon.silence(context.now).filter(|_| !is_named && device.last_seen > contact.last_seen)
    {
        // A name may have moved to another address; an address that was called without one has no such reason.
        sentence!("used to call %s regularly, but has not for %s", address, silence)
    } else if let Some(pace) = pace.filter(|_| !is_named && contact.flows(Label::Unexplained) > 0) {
        sentence!(
            "calls %s every %s, sending %s, although no lookup explains it",
            address,
            pace.period,
            Value::Bytes(pace.sent)
        )
    } else {
        return None;
    };
    let Pace { period, sent } = pace.unwrap_or_default();
    let score = rhythm.map_or(0, |rhythm| rhythm.score_percent);
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { name: "period_s", seen: period.as_secs(), limit: 1 },
            Evidence { name: "sent_bytes", seen: sent, limit: 0 },
            Evidence { name: "score_percent", seen: score.into(), limit: crate::limits::BEACON_SCORE.into() },
        ],
    })
}
