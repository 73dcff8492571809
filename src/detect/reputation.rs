//! An address or a name that a list warns of.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::reference::lists::Listed;
use crate::sentence;
use crate::tables::flows::Label;

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "reputation",
    about: "calls an address or a name that a list warns of",
    fooled_by: &[
        "an entry that is old or wrong: addresses change hands within days",
        "an address that many share, of whom the list means one",
        "a name that was looked up for an address, when the device then means another name there",
        "a person who looks at what a list warns of, or who rents out the own line knowingly",
    ],
    judge: Judge::Contact(judge),
};

/// The entry for a contact, and for a name the name and the part of it that is listed.
pub fn find<'a>(subject: &Subject<'a>, scene: &Scene<'a>) -> Option<(Listed<'a>, Option<(&'a str, &'a str)>)> {
    if scene.lists.is_empty() {
        return None;
    }
    let Subject { id, endpoint, contact, .. } = *subject;
    let mut names = scene.names.of(id, endpoint.address).chain(&contact.sni);
    let named = names.find_map(|name| scene.lists.name(name).map(|(part, listed)| (listed, Some((&**name, part)))));
    named.or_else(|| Some((scene.lists.address(endpoint.address)?, None)))
}

fn judge(subject: &Subject, scene: &Scene) -> Option<Finding> {
    let (listed, named) = find(subject, scene)?;
    let Subject { id, endpoint, contact, .. } = *subject;
    let hosting = scene.networks.map(|networks| networks.of(endpoint.address).is_some_and(|network| network.hosting));
    // Who came by a name meant one of those who may share the address, and it is not the name that is listed.
    let by_name = scene.names.of(id, endpoint.address).next().is_some()
        || contact.sni.is_some()
        || contact.flows(Label::OtherDevice) > 0;
    let (strength, but) = match (named, hosting) {
        (Some(_), _) | (None, Some(false)) => (Strength::Fair, None),
        (None, Some(true)) => {
            (Strength::Weak, Some(sentence!("but it is in a hosting network, where strangers share addresses")))
        }
        (None, None) if by_name => {
            (Strength::Weak, Some(sentence!("but others may share the address, and it has another name")))
        }
        (None, None) => (Strength::Fair, None),
    };
    let (address, title) = (endpoint.address, listed.title);
    let calls = match named {
        Some((name, part)) if name == part => {
            sentence!("calls %s as %s, which the list '%s' names", address, name, title)
        }
        Some((name, part)) => {
            sentence!("calls %s as %s, below %s, which the list '%s' names", address, name, part, title)
        }
        None => sentence!("calls %s, which the list '%s' names", address, title),
    };
    let calls = if listed.comment.is_empty() { calls } else { sentence!("%s: %s", calls, listed.comment) };
    let mut evidence = vec![
        Evidence { what: "listed_address", seen: named.is_none().into(), limit: 1 },
        Evidence { what: "listed_name", seen: named.is_some().into(), limit: 1 },
        Evidence { what: "flows", seen: contact.all_flows().into(), limit: 1 },
    ];
    evidence.extend(hosting.map(|hosting| Evidence { what: "hosting", seen: hosting.into(), limit: 1 }));
    Some(Finding {
        detector: DETECTOR.name,
        strength,
        kinds: 1,
        message: match but {
            Some(but) => calls.and_then(but),
            None => calls,
        },
        evidence,
    })
}
