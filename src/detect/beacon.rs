//! The rhythm of a contact has changed, or a rhythm to an address that nothing explains is new. That a thing calls regularly
//! is no finding: most do, and the contact says so.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::sentence;
use crate::sentence::Value;
use crate::tables::flows::{Label, Service};

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "beacon",
    about: "calls in another rhythm than before, or no longer, or regularly where nothing explains it",
    fooled_by: &[
        "a new version of its program",
        "a server that moved to another address, or was down for a while",
        "a device that is used more or less than before",
    ],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, scene: &Scene) -> Option<Finding> {
    let Subject { device, endpoint, contact, .. } = *subject;
    let beacon = contact.beacon.as_ref()?;
    if contact.label == Label::OutOfScope || contact.service == Service::Ntp {
        return None;
    }
    let address = endpoint.address;
    let rhythm = beacon.rhythm();
    let named = contact.flows(Label::Lookup) > 0;
    let message = if let Some((rhythm, (period, sent))) = rhythm.zip(beacon.before()) {
        sentence!(
            "calls %s every %s, sending %s; before, it was every %s, %s",
            address,
            rhythm.period,
            Value::Bytes(rhythm.sent),
            period,
            Value::Bytes(sent)
        )
    } else if let Some(silence) = beacon.silent(scene.now).filter(|_| !named && device.last.0 > contact.last.0) {
        // A name may have moved to another address; an address that was called without one has no such reason.
        sentence!("called %s regularly, and has not for %s", address, silence)
    } else if let Some(rhythm) = rhythm.filter(|_| !named && contact.flows(Label::Unexplained) > 0) {
        sentence!(
            "calls %s, which nothing explains, every %s, sending %s",
            address,
            rhythm.period,
            Value::Bytes(rhythm.sent)
        )
    } else {
        return None;
    };
    let (period, sent, score) = rhythm.map_or((0, 0, 0), |now| (now.period.0 / 1_000_000, now.sent, now.score));
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { what: "period_s", seen: period, limit: 1 },
            Evidence { what: "sent_bytes", seen: sent, limit: 0 },
            Evidence { what: "score_percent", seen: score.into(), limit: crate::limits::BEACON_SCORE.into() },
        ],
    })
}
