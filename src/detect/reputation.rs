//! Finds addresses and names that a list warns about.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::reference::lists::Listed;
use crate::sentence;
use crate::tables::flows::Label;
use std::net::IpAddr;

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "reputation",
    about: "calls an address or a name that a list warns about",
    fooled_by: &[
        "an entry that is old or wrong: addresses change hands within days",
        "an address that many share, when the list means only one of them",
        "a name that was looked up, when the device then means another name at the same address",
        "a person who looks at what a list warns about, or who knowingly rents out their own line",
    ],
    judge: Judge::Contact(judge),
};

/// An entry of a list that a contact matches.
pub struct Match<'a> {
    /// The entry.
    pub listed: Listed<'a>,
    /// The name that matches it; absent if the address does.
    name: Option<MatchingName<'a>>,
}

/// A name that a list has, or has a parent of.
struct MatchingName<'a> {
    name: &'a str,
    /// The part of the name that is on the list.
    part: &'a str,
    /// The device looked it up; else only its handshake names it.
    looked_up: bool,
}

/// Returns the entry for the contact's names or, failing that, for its address.
pub fn find<'a>(subject: &Subject<'a>, context: &Context<'a>) -> Option<Match<'a>> {
    if context.lists.is_empty() {
        return None;
    }
    let Subject { id, endpoint, contact, .. } = *subject;
    let looked_up = context.names.of_device(id, endpoint.address).map(|name| (name, true));
    let by_name = looked_up.chain(contact.sni.iter().map(|name| (name, false))).find_map(|(name, looked_up)| {
        let (part, listed) = context.lists.name(name)?;
        Some(Match { listed, name: Some(MatchingName { name, part, looked_up }) })
    });
    let forms = [endpoint.address, context.names.nat64.canonical(id, endpoint.address)];
    let by_address = || forms.into_iter().find_map(|address| context.lists.address(address));
    by_name.or_else(|| Some(Match { listed: by_address()?, name: None }))
}

fn judge(subject: &Subject, context: &Context) -> Option<Finding> {
    let Match { listed, name } = find(subject, context)?;
    let Subject { id, endpoint, contact, .. } = *subject;
    let untranslated = context.names.nat64.embedded(None, endpoint.address).map_or(endpoint.address, IpAddr::V4);
    let hosting = context.networks.map(|networks| networks.of(untranslated).is_some_and(|network| network.hosting));
    // A device that looked up a name means one of those who may share the address, and that name is not on the list. What
    // its handshake says is no excuse: it can write there what it likes.
    let has_name =
        context.names.of_device(id, endpoint.address).next().is_some() || contact.flows(Label::OtherDevice) > 0;
    let (strength, but) = match (&name, hosting) {
        (Some(_), _) | (None, Some(false)) => (Strength::Fair, None),
        (None, Some(true)) => {
            (Strength::Weak, Some(sentence!("but it is in a hosting network, where strangers share addresses")))
        }
        (None, None) if has_name => (
            Strength::Weak,
            Some(sentence!("but others may share the address, and the device means another name there")),
        ),
        (None, None) => (Strength::Fair, None),
    };
    let (address, title) = (endpoint.address, listed.title);
    let calls = match name {
        // Nobody has confirmed that this name is the address's, so it is not said as if it were.
        Some(MatchingName { looked_up: false, .. }) => {
            sentence!("calls %s and gives a name there that is on the list '%s'", address, title)
        }
        Some(MatchingName { name, part, .. }) if name == part => {
            sentence!("calls %s as %s, which is on the list '%s'", address, name, title)
        }
        Some(MatchingName { name, part, .. }) => {
            sentence!("calls %s as %s, below %s, which is on the list '%s'", address, name, part, title)
        }
        None => sentence!("calls %s, which is on the list '%s'", address, title),
    };
    let calls = if listed.comment.is_empty() { calls } else { sentence!("%s: %s", calls, listed.comment) };
    let mut evidence = vec![
        Evidence { name: "listed_address", seen: name.is_none().into(), limit: 1 },
        Evidence { name: "listed_name", seen: name.is_some().into(), limit: 1 },
        Evidence { name: "flows", seen: contact.all_flows().into(), limit: 1 },
    ];
    evidence.extend(hosting.map(|hosting| Evidence { name: "hosting", seen: hosting.into(), limit: 1 }));
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
