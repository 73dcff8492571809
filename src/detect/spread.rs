//! A device that reaches further than it should: many networks while it does next to nothing, or a domain and a network that are
//! new to it after a week.

use crate::detect::detector::{Detector, Evidence, Finding, Judge, Scene, Strength, Subject};
use crate::limits;
use crate::sentence;
use crate::tables::counters::uploads::hour;
use crate::tables::devices::Device;
use crate::tables::flows::Label;
use crate::time::{Span, Time};

/// What the rest of leash knows of this detector.
pub const DETECTOR: Detector = Detector {
    name: "spread",
    about: "calls many networks while it does next to nothing, or a domain and network that are new to it",
    fooled_by: &[
        "a program that was installed or updated",
        "a maker that moves to another provider",
        "a telephone or computer, which looks for news of all kinds while nobody uses it",
    ],
    judge: Judge::Both(new, wide),
};

fn new(subject: &Subject, scene: &Scene) -> Option<Finding> {
    let Subject { endpoint, contact, .. } = *subject;
    let hours = scene.hour.saturating_sub(hour(contact.first));
    if !contact.new_to_device
        || contact.label == Label::OutOfScope
        || u64::from(hours) >= limits::SPREAD_KEPT.0 / Span::hours(1).0
    {
        return None;
    }
    Some(Finding {
        detector: DETECTOR.name,
        strength: Strength::Weak,
        kinds: 1,
        message: sentence!("calls %s, whose domain and network are both new to it", endpoint.address),
        evidence: vec![Evidence { what: "hours_ago", seen: hours.into(), limit: 0 }],
    })
}

fn wide(device: &Device, _: Time) -> Option<Finding> {
    let idle = device.reach.idle.filter(|idle| idle.networks >= limits::SPREAD_NETWORKS)?;
    // The device's own clock: what it did in the meantime is another hour.
    if u64::from(hour(device.last).saturating_sub(idle.hour)) >= limits::SPREAD_KEPT.0 / Span::hours(1).0 {
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
            Evidence { what: "networks", seen: idle.networks.into(), limit: limits::SPREAD_NETWORKS.into() },
            Evidence { what: "countries", seen: idle.countries.unwrap_or_default().into(), limit: 0 },
        ],
    })
}
