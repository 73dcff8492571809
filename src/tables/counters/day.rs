//! The traffic of the last two days, hour by hour, for people to look at. No detector uses it, but devices that move
//! little within an hour are not looked at as relays.

use std::iter::Sum;

/// How many hours a day has.
pub const HOURS: usize = 24;
/// How many hours are kept.
pub const KEPT: usize = 2 * HOURS;

/// What a device sent and received, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that the device sent.
    pub sent: u64,
    /// Bytes that the device received.
    pub received: u64,
}

impl Traffic {
    /// Adds more.
    pub fn add(&mut self, more: Traffic) {
        self.sent = self.sent.saturating_add(more.sent);
        self.received = self.received.saturating_add(more.received);
    }

    /// Returns the bytes of both directions.
    pub fn total(self) -> u64 {
        self.sent.saturating_add(self.received)
    }
}

impl Sum for Traffic {
    fn sum<I: Iterator<Item = Traffic>>(all: I) -> Traffic {
        let mut sum = Traffic::default();
        all.for_each(|one| sum.add(one));
        sum
    }
}

/// A number of bytes with 26 significant bits: exact up to 67 MB.
#[derive(Clone, Copy, Debug, Default)]
struct Packed(u32);

impl Packed {
    fn of(number: u64) -> Packed {
        let shift = (64 - number.leading_zeros()).saturating_sub(26);
        Packed(shift << 26 | (number >> shift) as u32)
    }

    fn get(self) -> u64 {
        u64::from(self.0 & ((1 << 26) - 1)) << (self.0 >> 26)
    }
}

/// What a device sent and received in each of the last hours.
#[derive(Clone, Debug)]
pub struct Day {
    /// The latest hour that was counted, since 1970.
    hour: u32,
    /// The traffic of that hour.
    latest: Traffic,
    /// What was sent and received in the hours before, a ring: hour `n` since 1970 has slot `n % KEPT`.
    past: [[Packed; 2]; KEPT],
}

impl Default for Day {
    fn default() -> Day {
        Day { hour: 0, latest: Traffic::default(), past: [[Packed(0); 2]; KEPT] }
    }
}

impl Day {
    /// Counts the bytes of an hour since 1970. A clock that is set back by more than an hour starts the counts anew.
    pub fn add(&mut self, sent: u64, received: u64, hour: u32) {
        let hour = if hour.saturating_add(1) == self.hour { self.hour } else { hour };
        if hour != self.hour {
            let passed = hour.checked_sub(self.hour).map_or(KEPT, |hours| KEPT.min(hours as usize));
            let finished = std::mem::take(&mut self.latest);
            self.past[self.hour as usize % KEPT] = [Packed::of(finished.sent), Packed::of(finished.received)];
            (0..passed).for_each(|ago| self.past[(hour as usize).wrapping_sub(ago) % KEPT] = [Packed(0); 2]);
            self.hour = hour;
        }
        self.latest.add(Traffic { sent, received });
    }

    /// Returns the traffic of an hour since 1970; nothing where it is not kept.
    pub fn of_hour(&self, hour: u32) -> Traffic {
        match self.hour.checked_sub(hour) {
            Some(0) => self.latest,
            Some(ago) if (ago as usize) < KEPT => {
                let [sent, received] = self.past[hour as usize % KEPT].map(Packed::get);
                Traffic { sent, received }
            }
            _ => Traffic::default(),
        }
    }

    /// Returns the bytes of an hour since 1970; 0 unless that is the latest that was counted.
    pub fn in_hour(&self, hour: u32) -> u64 {
        if hour == self.hour { self.latest.total() } else { 0 }
    }

    /// Returns the traffic of the `N` hours that end with `hour`, oldest first; absent if there was none.
    pub fn until<const N: usize>(&self, hour: u32) -> Option<[Traffic; N]> {
        let traffic = |at: usize| hour.checked_sub((N - 1 - at) as u32).map(|then| self.of_hour(then));
        let all = std::array::from_fn(|at| traffic(at).unwrap_or_default());
        (all != [Traffic::default(); N]).then_some(all)
    }

    /// Returns the latest hour that was counted, since 1970.
    pub fn latest_hour(&self) -> u32 {
        self.hour
    }
}

/// Marks `hour` in a mask of active hours whose bit 0 stands for the hour `last`. Returns the mask whose bit 0 stands
/// for the later of the two.
pub fn mark_hour(mask: u32, last: u32, hour: u32) -> u32 {
    match hour.checked_sub(last) {
        Some(passed) => mask.checked_shl(passed).unwrap_or(0) & ((1 << HOURS) - 1) | 1,
        None => mask | 1_u32.checked_shl(last - hour).unwrap_or(0) & ((1 << HOURS) - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_pass() {
        let mut day = Day::default();
        assert_eq!(day.until::<HOURS>(100), None);
        day.add(10, 1, 100);
        day.add(5, 0, 100);
        day.add(7, 0, 103);
        let sent = |day: &Day, hour| day.until::<HOURS>(hour).map(|hours| hours.map(|hour| hour.sent));
        // The hours before these were idle.
        let only = |last: &[u64]| {
            let mut hours = [0; HOURS];
            hours[HOURS - last.len()..].copy_from_slice(last);
            Some(hours)
        };
        assert_eq!(sent(&day, 103), only(&[15, 0, 0, 7]));
        assert_eq!(sent(&day, 104), only(&[15, 0, 0, 7, 0]));
        assert_eq!(sent(&day, 123), only(&[&[15, 0, 0, 7][..], &[0; 20]].concat()));
        assert_eq!(sent(&day, 127), None);
        // What is a day old gives way, and a clock that is set back a little changes nothing.
        day.add(1, 0, 126);
        day.add(1, 0, 125);
        assert_eq!(sent(&day, 126), only(&[&[7][..], &[0; 22], &[2]].concat()));
        assert_eq!(
            day.until::<KEPT>(126).map(|hours| hours[KEPT - 27..].iter().map(|hour| hour.sent).sum()),
            Some(24_u64)
        );
        day.add(1, 0, 147);
        assert_eq!((day.of_hour(100).sent, day.of_hour(99).sent), (15, 0), "two days are kept");
        day.add(1, 0, 148);
        assert_eq!(day.of_hour(100).sent, 0);
        day.add(3, 0, 50);
        assert_eq!(sent(&day, 50), only(&[3]));
    }

    #[test]
    fn hours_are_nearly_exact() {
        for number in [0, 1, (1 << 26) - 1, 123_456_789_012, u64::MAX] {
            assert!(Packed::of(number).get().abs_diff(number) <= number >> 25, "{number}");
        }
        assert!(size_of::<Day>() <= 408);
    }

    #[test]
    fn a_mask_of_hours() {
        assert_eq!(mark_hour(0, 0, 500_000), 1);
        assert_eq!(mark_hour(1, 100, 100), 1);
        assert_eq!(mark_hour(1, 100, 102), 0b101);
        assert_eq!(mark_hour(0b101, 102, 101), 0b111);
        assert_eq!(mark_hour(0b111, 102, 140), 1);
        assert_eq!(mark_hour(1, 102, 60), 1);
    }
}
