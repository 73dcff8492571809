//! How a device opens its flows: how long it is silent before it speaks, and with which TLS programs it speaks. A thing that
//! speaks for itself has handshakes; one that speaks for others has theirs.

use crate::fnv::fnv32;
use crate::limits;
use crate::model::Ja4;
use crate::time::{Span, Time};
use std::num::NonZeroU8;

/// Pauses that are known one by one.
const RECENT: usize = 16;
/// TLS programs that are told apart.
const STACKS: usize = 12;

/// Pauses and TLS programs of one device.
#[derive(Clone, Debug, Default)]
pub struct Handshakes {
    /// The latest pauses: minute and class, see [`DelayClass`]; a ring.
    recent: [(u16, u8); RECENT],
    /// Pauses so far.
    count: u32,
    /// How many of each class: those of the hours before, and those of this hour, which are not held against themselves.
    earlier: [u8; 16],
    lately: [u8; 16],
    /// This hour.
    hour: u32,
    /// Hashes of fingerprints, with the minute in which each was seen first; a ring.
    stacks: [(u32, u16); STACKS],
    /// Programs so far.
    programs: u8,
}

/// A pause in powers of two, in one byte: class 0 is below 128 us, class 15 above 2 s.
#[derive(Clone, Copy, Debug)]
pub struct DelayClass(NonZeroU8);

impl DelayClass {
    /// The class of a pause.
    pub fn of(pause: Span) -> DelayClass {
        let class = pause.0.checked_ilog2().unwrap_or(0).saturating_sub(6).min(15);
        DelayClass(NonZeroU8::MIN.saturating_add(class as u8))
    }

    fn class(self) -> u8 {
        self.0.get() - 1
    }
}

/// The least pause of a class.
fn of_class(class: u8) -> Span {
    Span(if class == 0 { 0 } else { 1 << (class + 6) })
}

/// Minutes, modulo a month and a half.
fn minute(now: Time) -> u16 {
    (now.0 / Span::mins(1).0) as u16
}

fn is_recent(then: u16, now: Time) -> bool {
    u64::from(minute(now).wrapping_sub(then)) < limits::RELAY_WINDOW.0 / Span::mins(1).0
}

impl Handshakes {
    /// A flow to the Internet of which the client speaks first was silent so long.
    pub fn paused(&mut self, pause: DelayClass, now: Time) {
        let at = self.count as usize % RECENT;
        let hour = (now.0 / Span::hours(1).0) as u32;
        if std::mem::replace(&mut self.hour, hour) != hour {
            for (earlier, lately) in self.earlier.iter_mut().zip(std::mem::take(&mut self.lately)) {
                *earlier = *earlier / 2 + lately / 2;
            }
        }
        let slot = &mut self.lately[usize::from(pause.class())];
        *slot = slot.saturating_add(1);
        self.recent[at] = (minute(now), pause.class());
        self.count = self.count.saturating_add(1);
    }

    /// The median pause of the last minutes, when it is long: at least `least`, and at least four times what is usual for
    /// this device, if that is known; whether it is known stands beside it.
    pub fn median_delay(&self, least: Span, now: Time) -> Option<(Span, bool)> {
        let known = &self.recent[..RECENT.min(self.count as usize)];
        let mut classes: Vec<u8> =
            known.iter().filter(|(then, _)| is_recent(*then, now)).map(|(_, class)| *class).collect();
        classes.sort_unstable();
        let median = *classes.get(classes.len() / 2).filter(|_| classes.len() >= RECENT / 2)?;
        let total: u32 = self.earlier.iter().map(|count| u32::from(*count)).sum();
        let usual = (total >= RECENT as u32 / 2).then(|| {
            let mut sum = 0;
            self.earlier
                .iter()
                .take_while(|count| {
                    sum += u32::from(**count);
                    sum * 2 <= total
                })
                .count() as u8
        });
        let long = of_class(median) >= least && usual.is_none_or(|usual| median >= usual + 2);
        long.then(|| (of_class(median), usual.is_some()))
    }

    /// A ClientHello to the Internet had this fingerprint.
    pub fn client_hello(&mut self, ja4: Ja4, now: Time) {
        let hash = fnv32(&ja4.0);
        let known = usize::from(self.programs).min(STACKS);
        if self.stacks[..known].iter().any(|(old, _)| *old == hash) {
            return;
        }
        self.stacks[usize::from(self.programs) % STACKS] = (hash, minute(now));
        // So that the ring goes on where it stands.
        self.programs = if self.programs == u8::MAX { self.programs - STACKS as u8 + 1 } else { self.programs + 1 };
    }

    /// TLS programs that are new in the last minutes, and how many were known before.
    pub fn programs(&self, now: Time) -> (u32, u32) {
        let known = &self.stacks[..usize::from(self.programs).min(STACKS)];
        let new = known.iter().filter(|(_, then)| is_recent(*then, now)).count() as u32;
        (new, known.len() as u32 - new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Time {
        Time(0) + Span::mins(minutes)
    }

    #[test]
    fn a_device_that_begins_to_wait_is_noticed() {
        let mut handshakes = Handshakes::default();
        for n in 0..100 {
            handshakes.paused(DelayClass::of(Span(600)), at(n));
        }
        assert_eq!(handshakes.median_delay(Span::ms(16), at(100)), None);
        for _ in 0..12 {
            handshakes.paused(DelayClass::of(Span::ms(180)), at(101));
        }
        let (median, known) = handshakes.median_delay(Span::ms(16), at(101)).unwrap();
        assert!(known && median > Span::ms(90) && median <= Span::ms(180), "{median:?}");
        assert_eq!(handshakes.median_delay(Span::ms(16), at(120)), None, "long ago");
    }

    #[test]
    fn a_slow_device_has_its_own_normal() {
        let mut handshakes = Handshakes::default();
        (0..80).for_each(|n| handshakes.paused(DelayClass::of(Span::ms(300)), at(n)));
        assert_eq!(handshakes.median_delay(Span::ms(16), at(80)), None);
        let mut new = Handshakes::default();
        (0..8).for_each(|_| new.paused(DelayClass::of(Span::ms(300)), at(1)));
        assert_eq!(new.median_delay(Span::ms(16), at(1)).map(|(_, known)| known), Some(false));
    }

    #[test]
    fn programs_are_new_for_a_while() {
        let ja4 = |n: u8| Ja4([n; 36]);
        let mut handshakes = Handshakes::default();
        (0..3).for_each(|n| handshakes.client_hello(ja4(n), at(0)));
        (0..6).for_each(|n| handshakes.client_hello(ja4(n), at(60)));
        assert_eq!(handshakes.programs(at(61)), (3, 3));
        (0..=255).for_each(|n| handshakes.client_hello(ja4(n), at(200)));
        assert_eq!(handshakes.programs(at(200)), (STACKS as u32, 0));
    }
}
