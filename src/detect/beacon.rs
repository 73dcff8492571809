//! The rhythm of a contact has changed, or a rhythm to an address that nothing explains is new. That a thing calls regularly
//! is no finding: most do, and the contact says so.

use crate::detect::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::tables::flows::{Label, Service};
use crate::units::bytes;

/// See the module.
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
    let says = if let Some((rhythm, (period, sent))) = rhythm.zip(beacon.before()) {
        format!(
            "calls {address} every {}, sending {}; before it was every {period}, {}",
            rhythm.period,
            bytes(rhythm.sent),
            bytes(sent)
        )
    } else if let Some(silence) = beacon.silent(scene.now).filter(|_| !named && device.last.0 > contact.last.0) {
        // A name may have moved to another address; an address that was called without one has no such reason.
        format!("called {address} regularly, and has not for {silence}")
    } else if let Some(rhythm) = rhythm.filter(|_| !named && contact.flows(Label::Unexplained) > 0) {
        format!("calls {address}, which nothing explains, every {}, sending {}", rhythm.period, bytes(rhythm.sent))
    } else {
        return None;
    };
    let (period, sent, score) = rhythm.map_or((0, 0, 0), |now| (now.period.0 / 1_000_000, now.sent, now.score));
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        says,
        evidence: vec![
            Evidence { what: "period_s", seen: period, limit: 1 },
            Evidence { what: "sent_bytes", seen: sent, limit: 0 },
            Evidence { what: "score_percent", seen: score.into(), limit: crate::limits::BEACON_SCORE.into() },
        ],
    })
}
