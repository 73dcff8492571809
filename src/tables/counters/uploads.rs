//! What a device sends in each hour of the last week, from which it is known what is usual for it at an hour of the
//! day.

use crate::limits;
use crate::time::Wall;

/// How many hours a week has.
const WEEK: usize = 168;
/// Stands for an hour of which nothing is known.
const ABSENT: u16 = u16::MAX;
/// How many bytes one step of the counts stands for: 16 bits hold 4 GB an hour.
const STEP_BYTES: u64 = 65_536;

/// What a device sent in each hour of the last week.
#[derive(Clone, Debug)]
pub struct SentByHour {
    /// A ring: hour `n` since 1970 has slot `n % WEEK`.
    week: [u16; WEEK],
    /// The hour that is being counted; absent before the first byte.
    hour: Option<u32>,
    /// Bytes sent in the hour that is being counted.
    sent: u64,
}

/// What a device usually sends at an hour of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usual {
    /// The median over the days, in bytes.
    median: u64,
    /// The median of the days' distances from the median, in bytes (MAD; F. Hampel, "The influence curve and its role
    /// in robust estimation", 1974).
    mad: u64,
    /// On how many days it rests.
    days: u32,
}

/// From where on an upload is large for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimit {
    /// Bytes within an hour.
    pub bytes: u64,
    /// On how many days of the device the limit rests.
    pub days: u32,
}

/// A large upload to one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// The hour since 1970 in which it was sent.
    pub hour: u32,
    /// How much was sent in that hour, in kB.
    pub sent_kb: u32,
    /// From where on it was large, in kB.
    pub limit_kb: u32,
    /// On how many days of the device the limit rests.
    pub days: u32,
}

impl Default for SentByHour {
    fn default() -> SentByHour {
        SentByHour { week: [ABSENT; WEEK], hour: None, sent: 0 }
    }
}

fn slot(hour: u32) -> usize {
    hour as usize % WEEK
}

impl SentByHour {
    /// Counts bytes that the device sent.
    pub fn add(&mut self, bytes: u64, wall: Wall) {
        self.advance_to(wall.hour());
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Makes this the hour that is being counted: what was counted belongs to the last one, and in between nothing was
    /// sent.
    fn advance_to(&mut self, hour: u32) {
        let Some(last) = self.hour.filter(|last| *last != hour) else {
            self.hour = self.hour.or(Some(hour));
            return;
        };
        self.week[slot(last)] = u16::try_from(self.sent / STEP_BYTES).unwrap_or(ABSENT - 1).min(ABSENT - 1);
        // After a clock was set, nothing is known of the hours in between.
        if hour > last && hour - last <= WEEK as u32 {
            (last + 1..hour).for_each(|quiet| self.week[slot(quiet)] = 0);
        }
        self.week[slot(hour)] = ABSENT;
        (self.hour, self.sent) = (Some(hour), 0);
    }

    /// Returns what is usual at the hour of the day that `hour` is.
    fn usual(&self, hour: u32) -> Usual {
        let days = (0..7).map(|day| self.week[slot(hour + 24 * day)]).filter(|steps| *steps != ABSENT);
        let mut days: Vec<u64> = days.map(|steps| u64::from(steps) * STEP_BYTES).collect();
        let median = median(&mut days);
        let mut distances: Vec<u64> = days.iter().map(|day| day.abs_diff(median)).collect();
        Usual { median, mad: self::median(&mut distances), days: days.len() as u32 }
    }

    /// Returns from where on an upload within `hour` is large for this device: never below `floor` bytes.
    pub fn upload_limit(&self, hour: u32, floor: u64) -> UploadLimit {
        let Usual { median, mad, days } = self.usual(hour);
        // 1.4826 makes the MAD of a normal distribution its standard deviation.
        let far = median.saturating_add(mad.saturating_mul(limits::UPLOAD_SPREADS * 14_826 / 10_000));
        UploadLimit { bytes: floor.max(far).max(median.saturating_mul(2)), days }
    }

    /// Returns, for the state file, the hour that is being counted and the steps of the week; absent before the first
    /// byte.
    pub fn save(&self) -> Option<(u32, impl Iterator<Item = Option<u16>> + '_)> {
        let steps = self.week.iter().map(|steps| Some(*steps).filter(|steps| *steps != ABSENT));
        self.hour.map(|hour| (hour, steps))
    }

    /// Restores what [`SentByHour::save`] returned.
    pub fn restore(hour: u32, steps: impl Iterator<Item = Option<u16>>) -> SentByHour {
        let mut sent = SentByHour { hour: Some(hour), ..SentByHour::default() };
        sent.week.iter_mut().zip(steps).for_each(|(slot, steps)| *slot = steps.unwrap_or(ABSENT));
        sent
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
        Wall::from_hour(hour)
    }

    #[test]
    fn a_device_has_its_own_normal_at_each_hour_of_the_day() {
        let mut sent = SentByHour::default();
        for hour in 480_000..480_000 + 24 * 6 {
            sent.add(if hour % 24 == 3 { 2_000 * MB } else { MB }, at(hour));
        }
        let (night, day) = (480_000 + 24 * 6 + 3, 480_000 + 24 * 6 + 9);
        assert_eq!(night % 24, 3);
        sent.add(MB, at(night));
        assert!(sent.usual(night).median > 1_990 * MB && sent.usual(night).days == 6);
        assert!(sent.upload_limit(night, 50 * MB).bytes > 3_900 * MB);
        sent.add(MB, at(day));
        assert_eq!(sent.upload_limit(day, 50 * MB), UploadLimit { bytes: 50 * MB, days: 6 });
    }

    #[test]
    fn quiet_hours_count_and_a_clock_that_is_set_leaves_none() {
        let mut sent = SentByHour::default();
        sent.add(MB, at(480_000));
        sent.add(MB, at(480_010));
        assert_eq!(sent.week.iter().filter(|steps| **steps != ABSENT).count(), 10);
        sent.add(MB, at(100));
        sent.add(MB, at(600_000));
        assert!(sent.week.iter().filter(|steps| **steps != ABSENT).count() <= 12);
        let (hour, steps) = sent.save().unwrap();
        let again = SentByHour::restore(hour, steps.collect::<Vec<_>>().into_iter());
        assert_eq!((again.week, again.hour), (sent.week, sent.hour));
    }
}
