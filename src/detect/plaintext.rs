//! What of the house goes out in the clear, for everybody on the way to read.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::sentence;

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "plaintext",
    about: "sends a hardware address of the house, or a word that you listed as private, in the clear",
    fooled_by: &["a maker who uses the hardware address as the name of the thing; it is careless, not hostile"],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, _: &Scene) -> Option<Finding> {
    let Subject { endpoint, contact, .. } = *subject;
    let (mac, word) = (contact.gave_away.mac, contact.gave_away.word);
    let address = endpoint.address;
    let message = match (mac, word) {
        (true, true) => {
            sentence!("tells %s a hardware address and a private word of this house, in the clear", address)
        }
        (true, false) => sentence!("tells %s a hardware address of this house, in the clear", address),
        (false, true) => sentence!("tells %s a private word of this house, in the clear", address),
        (false, false) => return None,
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { what: "hardware_address", seen: mac.into(), limit: 1 },
            Evidence { what: "private_word", seen: word.into(), limit: 1 },
        ],
    })
}
