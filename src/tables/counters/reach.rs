//! How far a device reaches: which domains and networks it has ever called, and how many networks and countries it
//! calls within an hour in which it hardly transfers anything.

use crate::fnv::fnv32;
use crate::time::{Span, Wall};
use std::net::IpAddr;

/// Words of the Bloom filter: 512 bits, a third of which a hundred things set.
const WORDS: usize = 16;

/// What one device has reached.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// When the filter got its first entry.
    since: Option<Wall>,
    /// The domains and networks that were called (B. Bloom, "Space/Time Trade-offs in Hash Coding with Allowable
    /// Errors", 1970; two bits each). For a device that calls so many that the filter is full, nothing is new any more,
    /// which is right: people use it.
    called: [u32; WORDS],
    /// The hour that is being watched.
    hour: Option<HourStart>,
    /// The latest hour in which the device was idle.
    pub idle: Option<IdleHour>,
}

/// Where an hour began.
#[derive(Clone, Copy, Debug)]
struct HourStart {
    /// The hour since 1970.
    hour: u32,
    /// Bytes that the device had transferred by then.
    transferred: u64,
}

/// What a device transferred within an hour that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinishedHour {
    /// The hour since 1970.
    pub hour: u32,
    /// Bytes that the device sent and received in it.
    pub transferred: u64,
}

/// An hour in which a device hardly transferred anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleHour {
    /// The hour since 1970.
    pub hour: u32,
    /// How many networks the device called in it.
    pub networks: u16,
    /// How many countries these networks are in; absent if that is not known.
    pub countries: Option<u16>,
}

/// Returns the prefix of an address that is roughly one network: what the provider of a small one gets (/16 and /32).
pub fn network_prefix(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(v4) => [4, 0, v4.octets()[0], v4.octets()[1]],
        IpAddr::V6(v6) => [v6.octets()[0], v6.octets()[1], v6.octets()[2], v6.octets()[3]],
    }
}

impl Reach {
    /// Adds a domain or a network that the device calls. Returns true if it is new, but not within `learning_time` of
    /// the first one, when everything is.
    pub fn add(&mut self, called: &[u8], wall: Wall, learning_time: Span) -> bool {
        let since = *self.since.get_or_insert(wall);
        let hash = fnv32(called);
        let mut is_new = false;
        for bit in [hash & 511, hash >> 16 & 511] {
            let (word, mask) = (&mut self.called[bit as usize / 32], 1 << (bit % 32));
            is_new |= *word & mask == 0;
            *word |= mask;
        }
        is_new && wall.since(since) >= learning_time
    }

    /// Makes this the hour that is being watched; `transferred` are the bytes that the device has transferred by now.
    /// Returns the hour before if that is over now.
    pub fn start_hour(&mut self, hour: u32, transferred: u64) -> Option<FinishedHour> {
        if self.hour.is_some_and(|current| current.hour == hour) {
            return None;
        }
        let finished = self.hour.replace(HourStart { hour, transferred })?;
        Some(FinishedHour { hour: finished.hour, transferred: transferred.saturating_sub(finished.transferred) })
    }

    /// Returns the filter for the state file, and when it got its first entry; absent if it has none.
    pub fn save(&self) -> Option<(Wall, String)> {
        self.since.map(|since| (since, self.called.iter().map(|word| format!("{word:08x}")).collect()))
    }

    /// Reads what [`Reach::save`] returned. Returns `None` if the text is not a filter.
    pub fn restore(since: Wall, text: &str) -> Option<Reach> {
        let mut called = [0; WORDS];
        for (at, word) in called.iter_mut().enumerate() {
            *word = u32::from_str_radix(text.get(at * 8..at * 8 + 8)?, 16).ok()?;
        }
        Some(Reach { since: Some(since), called, ..Reach::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_is_known_and_the_first_week_is_for_learning() {
        let week = Span::days(7);
        let day = |n: u64| Wall(0) + Span::days(n);
        let mut reach = Reach::default();
        assert!(!reach.add(b"a.example", day(1), week), "nothing is old");
        assert!(!reach.add(b"a.example", day(9), week), "known");
        assert!(reach.add(b"b.example", day(9), week) && !reach.add(b"b.example", day(9), week));
        let (since, text) = reach.save().unwrap();
        let mut again = Reach::restore(since, &text).unwrap();
        assert!(!again.add(b"a.example", day(10), week) && again.add(b"c.example", day(10), week));
        assert!(Reach::restore(since, &text[1..]).is_none() && Reach::restore(since, "é").is_none());
        assert!(size_of::<Reach>() <= 120, "{}", size_of::<Reach>());
    }

    #[test]
    fn an_hour_that_is_over_is_returned_once() {
        let mut reach = Reach::default();
        assert_eq!((reach.start_hour(7, 100), reach.start_hour(7, 200)), (None, None));
        assert_eq!(
            (reach.start_hour(9, 350), reach.start_hour(9, 400)),
            (Some(FinishedHour { hour: 7, transferred: 250 }), None)
        );
        assert_eq!(reach.start_hour(10, 50), Some(FinishedHour { hour: 9, transferred: 0 }), "a count that began anew");
    }
}
