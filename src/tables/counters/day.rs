//! The traffic of the last 24 hours, hour by hour, for people to look at. No detector uses it, but devices that move little
//! within an hour are not looked at as relays.

use std::iter::Sum;

/// How many hours are kept.
pub const HOURS: usize = 24;

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

/// What a device sent and received in each of the last hours.
#[derive(Clone, Debug, Default)]
pub struct Day {
    /// The latest hour that was counted, since 1970.
    hour: u32,
    /// A ring: hour `n` since 1970 has slot `n % HOURS`.
    hours: [Traffic; HOURS],
}

impl Day {
    /// Counts the bytes of an hour since 1970. A clock that is set back by more than an hour starts the counts anew.
    pub fn add(&mut self, sent: u64, received: u64, hour: u32) {
        let hour = if hour.saturating_add(1) == self.hour { self.hour } else { hour };
        let passed = hour.checked_sub(self.hour).map_or(HOURS, |hours| HOURS.min(hours as usize));
        (0..passed).for_each(|ago| self.hours[(hour as usize).wrapping_sub(ago) % HOURS] = Traffic::default());
        self.hour = hour;
        self.hours[hour as usize % HOURS].add(Traffic { sent, received });
    }

    /// Returns the bytes of an hour since 1970; 0 unless that is the latest that was counted.
    pub fn in_hour(&self, hour: u32) -> u64 {
        if hour == self.hour { self.hours[hour as usize % HOURS].total() } else { 0 }
    }

    /// Returns the traffic of the 24 hours that end with `hour`, oldest first; absent if there was none.
    pub fn until(&self, hour: u32) -> Option<[Traffic; HOURS]> {
        let traffic = |ago: u32| {
            let then = hour.checked_sub(ago)?;
            let is_kept = then <= self.hour && (self.hour - then) < HOURS as u32;
            is_kept.then(|| self.hours[then as usize % HOURS])
        };
        let all = std::array::from_fn(|at| traffic((HOURS - 1 - at) as u32).unwrap_or_default());
        (all != [Traffic::default(); HOURS]).then_some(all)
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
        assert_eq!(day.until(100), None);
        day.add(10, 1, 100);
        day.add(5, 0, 100);
        day.add(7, 0, 103);
        let sent = |day: &Day, hour| day.until(hour).map(|hours| hours.map(|hour| hour.sent));
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
        day.add(3, 0, 50);
        assert_eq!(sent(&day, 50), only(&[3]));
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
