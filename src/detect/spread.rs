//! Finds devices that reach further than they should: many networks while they do next to nothing, or, after a week, a
//! domain and a network that are both new to them.

use crate::detect::detector::{Context, Detector, Evidence, Finding, Judge, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::tables::devices::Device;
use crate::tables::flows::Label;
use crate::time::{Span, Time, Wall};

/// The detector.
pub const DETECTOR: Detector = Detector {
    name: "spread",
    about: "calls many networks while it does next to nothing, or a domain and a network that are both new to it",
    fooled_by: &[
        "a program that was installed or updated",
        "a maker that moves to another provider",
        "a phone or computer that fetches news of all kinds while nobody uses it",
    ],
    judge: Judge::Both(judge_contact, judge_device),
};

fn judge_contact(subject: &Subject, context: &Context) -> Option<Finding> {
    let Subject { endpoint, contact, .. } = *subject;
    let hours = context.hour.saturating_sub(contact.first_seen.hour());
    if !contact.new_to_device || contact.label == Label::OutOfScope || Span::hours(hours.into()) >= limits::SPREAD_KEPT
    {
        return None;
    }
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message: sentence!("calls %s, whose domain and network are both new to it", endpoint.address),
        evidence: vec![Evidence { name: "hours_ago", seen: hours.into(), limit: 0 }],
    })
}

fn judge_device(device: &Device, _: Time) -> Option<Finding> {
    let idle = device.reach.idle.filter(|idle| idle.networks >= limits::SPREAD_NETWORKS)?;
    // Its age is counted up to when the device was last seen, because a device that is off has no other hours.
    if device.last_seen.since(Wall::from_hour(idle.hour)) >= limits::SPREAD_KEPT {
        return None;
    }
    let message = match idle.countries {
        Some(countries) => sentence!(
            "called %s networks in %s countries within an hour in which it did next to nothing",
            idle.networks,
            countries
        ),
        None => sentence!("called %s networks within an hour in which it did next to nothing", idle.networks),
    };
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message,
        evidence: vec![
            Evidence { name: "networks", seen: idle.networks.into(), limit: limits::SPREAD_NETWORKS.into() },
            Evidence { name: "countries", seen: idle.countries.unwrap_or_default().into(), limit: 0 },
        ],
    })
}
