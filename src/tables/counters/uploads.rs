//! What a device sends in each hour of the last week: its own normal.

use crate::limits;
use crate::time::Wall;

/// Hours of a week.
pub const WEEK: usize = 168;
/// Nothing is known of an hour.
const ABSENT: u16 = u16::MAX;
/// Bytes that one step of the memory stands for: 16 bits hold 4 GB an hour.
const STEP: u64 = 65_536;

/// A week of hours.
#[derive(Clone, Debug)]
pub struct Hours {
    /// By hour since 1970, modulo a week.
    week: [u16; WEEK],
    /// The hour that is being counted; absent before the first byte.
    hour: Option<u32>,
    sent: u64,
}

/// What is usual at an hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// The median of the days, in bytes.
    pub median: u64,
    /// The median of how far they are from it (MAD; F. Hampel, "The influence curve and its role in robust estimation", 1974).
    pub spread: u64,
    /// How many days are known.
    pub days: u32,
}

/// A large upload to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// In which hour since 1970.
    pub hour: u32,
    /// What was sent in it, in KB.
    pub sent_kb: u32,
    /// From how much on it is large, in KB.
    pub limit_kb: u32,
    /// Days that the limit rests on.
    pub days: u32,
}

impl Default for Hours {
    fn default() -> Hours {
        Hours { week: [ABSENT; WEEK], hour: None, sent: 0 }
    }
}

/// Hours since 1970.
pub fn hour(wall: Wall) -> u32 {
    (wall.0 / 3_600_000_000).max(0) as u32
}

fn slot(hour: u32) -> usize {
    hour as usize % WEEK
}

impl Hours {
    /// The device sent so much.
    pub fn add(&mut self, bytes: u64, wall: Wall) {
        self.turn(hour(wall));
        self.sent = self.sent.saturating_add(bytes);
    }

    /// It is this hour now: what was counted belongs to the last one, and in between nothing was sent.
    fn turn(&mut self, now: u32) {
        let Some(last) = self.hour.filter(|last| *last != now) else {
            self.hour = self.hour.or(Some(now));
            return;
        };
        self.week[slot(last)] = u16::try_from(self.sent / STEP).unwrap_or(ABSENT - 1).min(ABSENT - 1);
        // A clock that was set leaves nothing in between.
        if now > last && now - last <= WEEK as u32 {
            (last + 1..now).for_each(|quiet| self.week[slot(quiet)] = 0);
        }
        self.week[slot(now)] = ABSENT;
        (self.hour, self.sent) = (Some(now), 0);
    }

    /// What is usual at the hour of the day of `hour`.
    pub fn usual(&self, hour: u32) -> Usual {
        let days = (0..7).map(|day| self.week[slot(hour + 24 * day)]).filter(|steps| *steps != ABSENT);
        let mut days: Vec<u64> = days.map(|steps| u64::from(steps) * STEP).collect();
        let median = median(&mut days);
        let mut off: Vec<u64> = days.iter().map(|day| day.abs_diff(median)).collect();
        Usual { median, spread: self::median(&mut off), days: days.len() as u32 }
    }

    /// From how many bytes on an upload within this hour is large for this device, never less than `floor`; and by how
    /// many days that is known.
    pub fn limit(&self, hour: u32, floor: u64) -> (u64, u32) {
        let Usual { median, spread, days } = self.usual(hour);
        // 1.4826 makes the MAD of a normal distribution its standard deviation.
        let far = median.saturating_add(spread.saturating_mul(limits::UPLOAD_SPREADS * 14_826 / 10_000));
        (floor.max(far).max(median.saturating_mul(2)), days)
    }

    /// For the state file: the hour that is being counted and the steps of the week.
    pub fn save(&self) -> Option<(u32, impl Iterator<Item = Option<u16>> + '_)> {
        let steps = self.week.iter().map(|steps| Some(*steps).filter(|steps| *steps != ABSENT));
        self.hour.map(|hour| (hour, steps))
    }

    /// What [`Hours::save`] gave.
    pub fn restore(hour: u32, steps: impl Iterator<Item = Option<u16>>) -> Hours {
        let mut hours = Hours { hour: Some(hour), ..Hours::default() };
        hours.week.iter_mut().zip(steps).for_each(|(slot, steps)| *slot = steps.unwrap_or(ABSENT));
        hours
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    fn at(hour: u32) -> Wall {
        Wall(i64::from(hour) * 3_600_000_000)
    }

    #[test]
    fn a_device_has_its_own_normal_at_each_hour_of_the_day() {
        let mut hours = Hours::default();
        for hour in 480_000..480_000 + 24 * 6 {
            hours.add(if hour % 24 == 3 { 2_000 * MB } else { MB }, at(hour));
        }
        let (night, day) = (480_000 + 24 * 6 + 3, 480_000 + 24 * 6 + 9);
        assert_eq!(night % 24, 3);
        hours.add(MB, at(night));
        assert!(hours.usual(night).median > 1_990 * MB && hours.usual(night).days == 6);
        assert!(hours.limit(night, 50 * MB).0 > 3_900 * MB);
        hours.add(MB, at(day));
        assert_eq!(hours.limit(day, 50 * MB), (50 * MB, 6));
    }

    #[test]
    fn silence_counts_and_a_clock_that_is_set_does_not() {
        let mut hours = Hours::default();
        hours.add(MB, at(480_000));
        hours.add(MB, at(480_010));
        assert_eq!(hours.week.iter().filter(|steps| **steps != ABSENT).count(), 10);
        hours.add(MB, at(100));
        hours.add(MB, at(600_000));
        assert!(hours.week.iter().filter(|steps| **steps != ABSENT).count() <= 12);
        let (hour, steps) = hours.save().unwrap();
        let again = Hours::restore(hour, steps.collect::<Vec<_>>().into_iter());
        assert_eq!((again.week, again.hour), (hours.week, hours.hour));
    }
}
