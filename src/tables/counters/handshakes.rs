//! How a device opens its flows: how long it waits before it speaks, and which TLS programs it speaks with. A thing
//! that speaks for itself has handshakes of its own; one that speaks for others has theirs ("First Four Packets", 2026;
//! see [`crate::limits`]).

use crate::fnv::fnv32;
use crate::limits;
use crate::model::Ja4;
use crate::time::{Span, Time};
use std::num::NonZeroU8;

/// How many delays are kept one by one.
const RECENT: usize = 16;
/// How many TLS programs are told apart.
const PROGRAMS: usize = 12;

/// The delays and TLS programs of one device.
#[derive(Clone, Debug, Default)]
pub struct Handshakes {
    /// A ring of the latest delays.
    recent: [Delay; RECENT],
    /// How many delays there were so far.
    count: u32,
    /// How many delays of each class there were before this hour, halved with every hour, and in this hour. The delays
    /// of this hour are kept apart, so that they are not compared with themselves.
    earlier: [u8; 16],
    this_hour: [u8; 16],
    /// The hour that is being counted, since the engine's start.
    hour: u32,
    /// A ring of the TLS programs.
    programs: [Program; PROGRAMS],
    /// How many programs there were so far; see [`Handshakes::record_program`] for what happens beyond 255.
    program_count: u8,
}

/// When a flow began, and the class of its delay.
#[derive(Clone, Copy, Debug, Default)]
struct Delay {
    minute: u16,
    class: u8,
}

/// A TLS program, known by the hash of its fingerprint.
#[derive(Clone, Copy, Debug, Default)]
struct Program {
    hash: u32,
    /// When the program was first seen.
    minute: u16,
}

/// How long a client waited before it spoke, as a power of two in one byte: class 0 is below 128 µs, class 15 above 2
/// s.
#[derive(Clone, Copy, Debug)]
pub struct DelayClass(NonZeroU8);

impl DelayClass {
    /// Returns the class of a delay.
    pub fn of(delay: Span) -> DelayClass {
        let class = delay.0.checked_ilog2().unwrap_or(0).saturating_sub(6).min(15);
        DelayClass(NonZeroU8::MIN.saturating_add(class as u8))
    }

    fn index(self) -> u8 {
        self.0.get() - 1
    }
}

/// Returns the shortest delay of a class.
fn shortest(class: u8) -> Span {
    Span(if class == 0 { 0 } else { 1 << (class + 6) })
}

/// Returns the minute since the engine's start, modulo a month and a half.
fn minute(now: Time) -> u16 {
    now.minute() as u16
}

fn is_recent(then: u16, now: Time) -> bool {
    u64::from(minute(now).wrapping_sub(then)) < limits::RELAY_WINDOW / Span::mins(1)
}

/// The median delay of a device, where it is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDelay {
    /// The shortest delay of the class that the median is in.
    pub median: Span,
    /// It is known what is usual for the device, and the median is four times that or more.
    pub is_unusual: bool,
}

/// How many TLS programs a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramCount {
    /// Programs that were first seen within [`limits::RELAY_WINDOW`].
    pub new: u32,
    /// Programs that were seen before that.
    pub known: u32,
}

impl Handshakes {
    /// Counts how long the client waited in a flow to the Internet in which the client speaks first.
    pub fn record_delay(&mut self, delay: DelayClass, now: Time) {
        let slot = self.count as usize % RECENT;
        let hour = now.hour() as u32;
        if std::mem::replace(&mut self.hour, hour) != hour {
            for (earlier, last_hour) in self.earlier.iter_mut().zip(std::mem::take(&mut self.this_hour)) {
                *earlier = *earlier / 2 + last_hour / 2;
            }
        }
        let in_class = &mut self.this_hour[usize::from(delay.index())];
        *in_class = in_class.saturating_add(1);
        self.recent[slot] = Delay { minute: minute(now), class: delay.index() };
        self.count = self.count.saturating_add(1);
    }

    /// Returns the median delay of the last minutes if it is long: at least `least`, and at least four times what is
    /// usual for this device, if that is known.
    pub fn long_delay(&self, least: Span, now: Time) -> Option<LongDelay> {
        let known = &self.recent[..RECENT.min(self.count as usize)];
        let recent = known.iter().filter(|delay| is_recent(delay.minute, now));
        let mut classes: Vec<u8> = recent.map(|delay| delay.class).collect();
        classes.sort_unstable();
        let median = *classes.get(classes.len() / 2).filter(|_| classes.len() >= RECENT / 2)?;
        let total: u32 = self.earlier.iter().map(|count| u32::from(*count)).sum();
        let usual = (total >= RECENT as u32 / 2).then(|| {
            let mut sum = 0;
            let below_median = self.earlier.iter().take_while(|count| {
                sum += u32::from(**count);
                sum * 2 <= total
            });
            below_median.count() as u8
        });
        let is_long = shortest(median) >= least && usual.is_none_or(|usual| median >= usual + 2);
        is_long.then(|| LongDelay { median: shortest(median), is_unusual: usual.is_some() })
    }

    /// Counts the TLS program of a ClientHello to the Internet by its fingerprint.
    pub fn record_program(&mut self, ja4: Ja4, now: Time) {
        let hash = fnv32(&ja4.0);
        let known = usize::from(self.program_count).min(PROGRAMS);
        if self.programs[..known].iter().any(|program| program.hash == hash) {
            return;
        }
        self.programs[usize::from(self.program_count) % PROGRAMS] = Program { hash, minute: minute(now) };
        // The count goes back by whole rounds of the ring, so that the next program has the next slot.
        self.program_count =
            if self.program_count == u8::MAX { u8::MAX - PROGRAMS as u8 + 1 } else { self.program_count + 1 };
    }

    /// Returns how many TLS programs the device has, new and known ones.
    pub fn program_count(&self, now: Time) -> ProgramCount {
        let all = &self.programs[..usize::from(self.program_count).min(PROGRAMS)];
        let new = all.iter().filter(|program| is_recent(program.minute, now)).count() as u32;
        ProgramCount { new, known: all.len() as u32 - new }
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
            handshakes.record_delay(DelayClass::of(Span(600)), at(n));
        }
        assert_eq!(handshakes.long_delay(Span::ms(16), at(100)), None);
        for _ in 0..12 {
            handshakes.record_delay(DelayClass::of(Span::ms(180)), at(101));
        }
        let LongDelay { median, is_unusual } = handshakes.long_delay(Span::ms(16), at(101)).unwrap();
        assert!(is_unusual && median > Span::ms(90) && median <= Span::ms(180), "{median:?}");
        assert_eq!(handshakes.long_delay(Span::ms(16), at(120)), None, "long ago");
    }

    #[test]
    fn a_slow_device_has_its_own_normal() {
        let mut handshakes = Handshakes::default();
        (0..80).for_each(|n| handshakes.record_delay(DelayClass::of(Span::ms(300)), at(n)));
        assert_eq!(handshakes.long_delay(Span::ms(16), at(80)), None);
        let mut new = Handshakes::default();
        (0..8).for_each(|_| new.record_delay(DelayClass::of(Span::ms(300)), at(1)));
        assert_eq!(new.long_delay(Span::ms(16), at(1)).map(|delay| delay.is_unusual), Some(false));
    }

    #[test]
    fn programs_are_new_for_a_while() {
        let ja4 = |n: u8| Ja4([n; 36]);
        let mut handshakes = Handshakes::default();
        (0..3).for_each(|n| handshakes.record_program(ja4(n), at(0)));
        (0..6).for_each(|n| handshakes.record_program(ja4(n), at(60)));
        assert_eq!(handshakes.program_count(at(61)), ProgramCount { new: 3, known: 3 });
        (0..=255).for_each(|n| handshakes.record_program(ja4(n), at(200)));
        assert_eq!(handshakes.program_count(at(200)), ProgramCount { new: PROGRAMS as u32, known: 0 });
    }
}
