//! What of the house goes out in the clear, for everybody on the way to read.

use crate::detect::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};

/// See the module.
pub const DETECTOR: Detector = Detector {
    name: "plaintext",
    about: "sends a hardware address of the house, or a word that you listed as private, in the clear",
    fooled_by: &["a maker who uses the hardware address as the name of the thing; it is careless, not hostile"],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, _: &Scene) -> Option<Finding> {
    let Subject { endpoint, contact, .. } = *subject;
    let (mac, word) = (contact.gave_away.mac, contact.gave_away.word);
    let what = match (mac, word) {
        (true, true) => "a hardware address and a private word",
        (true, false) => "a hardware address",
        (false, true) => "a private word",
        (false, false) => return None,
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        says: format!("tells {} {what} of this house, in the clear", endpoint.address),
        evidence: vec![
            Evidence { what: "hardware_address", seen: mac.into(), limit: 1 },
            Evidence { what: "private_word", seen: word.into(), limit: 1 },
        ],
    })
}
