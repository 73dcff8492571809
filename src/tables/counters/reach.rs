//! How far a device reaches: which domains and networks it has ever called, and how many networks and countries it calls in an
//! hour in which it does next to nothing.

use crate::fnv::fnv32;
use crate::time::{Span, Wall};
use std::net::IpAddr;

/// Words of the filter: 512 bits, a third of which are set by a hundred things.
const WORDS: usize = 16;

/// What one device has reached.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Since when it is remembered.
    since: Option<Wall>,
    /// Domains and networks that were met (B. Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors", 1970; two
    /// bits each). Who calls so many that it is full meets nothing new: so much the better, it is used by people.
    met: [u32; WORDS],
    /// The hour since 1970 that is being watched, and what the device had carried when it began.
    hour: Option<(u32, u64)>,
    /// The latest hour in which it did next to nothing.
    pub idle: Option<Idle>,
}

/// An hour in which a device did next to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Since 1970.
    pub hour: u32,
    /// Networks that it called.
    pub networks: u16,
    /// Countries in which they are; absent where that is not known.
    pub countries: Option<u16>,
}

/// The part of an address that one network is about: what the provider of a small one gets (/16 and /32).
pub fn prefix(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(v4) => [4, 0, v4.octets()[0], v4.octets()[1]],
        IpAddr::V6(v6) => [v6.octets()[0], v6.octets()[1], v6.octets()[2], v6.octets()[3]],
    }
}

impl Reach {
    /// The device calls something. True when it was never met, though it has been remembered for `old` what it meets.
    pub fn note(&mut self, what: &[u8], wall: Wall, old: Span) -> bool {
        let since = *self.since.get_or_insert(wall);
        let hash = fnv32(what);
        let mut new = false;
        for bit in [hash & 511, hash >> 16 & 511] {
            let (word, mask) = (&mut self.met[bit as usize / 32], 1 << (bit % 32));
            new |= *word & mask == 0;
            *word |= mask;
        }
        new && wall.0.saturating_sub(since.0) >= old.0 as i64
    }

    /// It is this hour and the device has carried so much by now. Gives the hour before, when it is over, and what the device
    /// carried in it.
    pub fn turn(&mut self, hour: u32, carried: u64) -> Option<(u32, u64)> {
        match self.hour {
            Some((now, _)) if now == hour => None,
            before => {
                self.hour = Some((hour, carried));
                before.map(|(hour, then)| (hour, carried.saturating_sub(then)))
            }
        }
    }

    /// For the state file: since when, and the filter.
    pub fn save(&self) -> Option<(Wall, String)> {
        self.since.map(|since| (since, self.met.iter().map(|word| format!("{word:08x}")).collect()))
    }

    /// What [`Reach::save`] gave.
    pub fn restore(since: Wall, text: &str) -> Option<Reach> {
        let mut met = [0; WORDS];
        for (at, word) in met.iter_mut().enumerate() {
            *word = u32::from_str_radix(text.get(at * 8..at * 8 + 8)?, 16).ok()?;
        }
        Some(Reach { since: Some(since), met, ..Reach::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_met_is_known_and_the_first_week_is_for_learning() {
        let week = Span::days(7);
        let day = |n: i64| Wall(n * Span::days(1).0 as i64);
        let mut reach = Reach::default();
        assert!(!reach.note(b"a.example", day(1), week), "nothing is old");
        assert!(!reach.note(b"a.example", day(9), week), "known");
        assert!(reach.note(b"b.example", day(9), week) && !reach.note(b"b.example", day(9), week));
        let (since, text) = reach.save().unwrap();
        let mut again = Reach::restore(since, &text).unwrap();
        assert!(!again.note(b"a.example", day(10), week) && again.note(b"c.example", day(10), week));
        assert!(Reach::restore(since, &text[1..]).is_none() && Reach::restore(since, "é").is_none());
        assert!(size_of::<Reach>() <= 120, "{}", size_of::<Reach>());
    }

    #[test]
    fn an_hour_that_is_over_is_told_once() {
        let mut reach = Reach::default();
        assert_eq!((reach.turn(7, 100), reach.turn(7, 200)), (None, None));
        assert_eq!((reach.turn(9, 350), reach.turn(9, 400)), (Some((7, 250)), None));
        assert_eq!(reach.turn(10, 50), Some((9, 0)), "a count that began anew");
    }
}
