//! Finds private data of the house that goes out in the clear, where everybody on the path can read it.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::sentence;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "plaintext",
    about: "sends a hardware address of the house, or a word that you listed as private, in the clear",
    fooled_by: &["a maker that uses the hardware address as the device's name, which is careless but not hostile"],
    judge: Judge::Contact(judge),
};

fn judge(subject: &Subject, _: &Context) -> Option<Finding> {
    let Subject { endpoint, contact, .. } = *subject;
    let (mac, word) = (contact.leaks.mac, contact.leaks.word);
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
            Evidence { name: "hardware_address", seen: mac.into(), limit: 1 },
            Evidence { name: "private_word", seen: word.into(), limit: 1 },
        ],
    })
}
