//! How regularly a device calls an endpoint: the period and the size of the last calls, in 64 bytes.

use crate::limits;
use crate::time::{Span, Time};

/// Calls that are looked at together.
const CALLS: usize = 10;

/// The last calls of one contact.
#[derive(Clone, Debug, Default)]
pub struct Beacon {
    last: Time,
    /// A ring of the times between calls in ms, and of the bytes sent in each.
    intervals: [Short; CALLS],
    sizes: [Short; CALLS],
    /// Calls in the ring, and where the next one goes.
    count: u8,
    next: u8,
    /// Calls since the rhythm was last held against the one before.
    since: u8,
    /// The rhythm that was found last, and the one before it, if they differ.
    settled: Option<(Short, Short)>,
    before: Option<(Short, Short)>,
}

/// A number with eleven significant bits: within 0.1 %, up to 2^42.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Short(u16);

impl Short {
    fn of(number: u64) -> Short {
        let shift = (64 - number.leading_zeros()).saturating_sub(11).min(31);
        Short((shift as u16) << 11 | (number >> shift).min(0x7ff) as u16)
    }

    fn get(self) -> u64 {
        u64::from(self.0 & 0x7ff) << (self.0 >> 11)
    }
}

/// A regular rhythm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// The median time between calls.
    pub period: Span,
    /// The median of the bytes that the device sent in a call.
    pub sent: u64,
    /// How regular it is, in percent: see [`Beacon::rhythm`].
    pub score: u32,
}

impl Beacon {
    /// A call that began at `opened` is over; the device sent so much. Calls within a second are one.
    pub fn call(&mut self, opened: Time, sent: u64) {
        let interval = opened.since(self.last);
        let first = self.last == Time(0);
        if interval < Span::secs(1) {
            return;
        }
        self.last = opened;
        if first {
            return;
        }
        let at = usize::from(self.next);
        (self.intervals[at], self.sizes[at]) = (Short::of(interval.0 / 1_000), Short::of(sent));
        self.next = (self.next + 1) % CALLS as u8;
        self.count = (self.count + 1).min(CALLS as u8);
        self.since = self.since.saturating_add(1);
        if usize::from(self.since) >= CALLS
            && let Some(rhythm) = self.rhythm()
        {
            let new = (Short::of(rhythm.period.0 / 1_000), Short::of(rhythm.sent));
            let other = |a: Short, b: Short| {
                let (a, b) = (a.get(), b.get());
                a.abs_diff(b) * 2 > a.max(b)
            };
            // The size of a call varies by a packet or so.
            let far = |(old, _): &(Short, Short)| other(*old, new.0);
            let larger = |(_, old): &(Short, Short)| other(*old, new.1) && old.get().abs_diff(new.1.get()) > 200;
            self.before = self.settled.filter(|old| far(old) || larger(old)).or(self.before);
            (self.settled, self.since) = (Some(new), 0);
        }
    }

    /// The rhythm of the last calls, if there is one. The score is that of RITA (version 5, analysis/beacons.go) for time
    /// and size: the mean of 1 - |Bowley's skewness| and of (median - MAD) / median, of both. Its two other parts, which
    /// need a whole day, are left out.
    pub fn rhythm(&self) -> Option<Rhythm> {
        let known = usize::from(self.count);
        if known < CALLS / 2 {
            return None;
        }
        let (period, timely) = regular(&self.intervals[..known], 10_000);
        let (sent, even) = regular(&self.sizes[..known], 10);
        let score = (timely + even) / 2;
        (score >= limits::BEACON_SCORE).then_some(Rhythm { period: Span::ms(period), sent, score })
    }

    /// The rhythm before the present one, if it was another: period and size.
    pub fn before(&self) -> Option<(Span, u64)> {
        self.before.map(|(period, sent)| (Span::ms(period.get()), sent.get()))
    }

    /// A rhythm that has come to its end: none came for long, though it was kept for long before.
    pub fn silent(&self, now: Time) -> Option<Span> {
        let (period, _) = self.settled?;
        let silence = now.since(self.last);
        (silence >= limits::BEACON_LOST && silence.0 / 10_000 >= period.get()).then_some(silence)
    }
}

/// The median, and how regular the numbers are, in percent. Quartiles that are closer than `close` have no skewness.
fn regular(values: &[Short], close: u64) -> (u64, u32) {
    let mut sorted: Vec<u64> = values.iter().map(|value| value.get()).collect();
    sorted.sort_unstable();
    let at = |quarter: usize| sorted[(sorted.len() - 1) * quarter / 4];
    let (q1, median, q3) = (at(1), at(2), at(3));
    let skew = match q3 - q1 {
        width if width < close || median == q1 || median == q3 => 0,
        width => (q1 + q3).abs_diff(2 * median) * 100 / width,
    };
    let mut off: Vec<u64> = sorted.iter().map(|value| value.abs_diff(median)).collect();
    off.sort_unstable();
    let mad = off[(off.len() - 1) / 2];
    let near = median.saturating_sub(mad) * 100 / median.max(1);
    (median, ((100 - skew.min(100) + near) / 2) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(0) + Span::secs(1_000 + seconds)
    }

    fn calls(times: impl Iterator<Item = (u64, u64)>) -> Beacon {
        let mut beacon = Beacon::default();
        times.for_each(|(seconds, sent)| beacon.call(at(seconds), sent));
        beacon
    }

    #[test]
    fn numbers_are_kept_about() {
        for number in [0, 1, 2_047, 2_048, 60_000, 86_400_000, 1 << 40] {
            assert!(Short::of(number).get().abs_diff(number) * 1_000 <= number, "{number}");
        }
        assert!(Short::of(u64::MAX).get() > 1 << 40);
        assert!(size_of::<Beacon>() <= 64, "{}", size_of::<Beacon>());
    }

    #[test]
    fn a_heartbeat_has_a_rhythm_and_browsing_has_none() {
        let jitter = |n: u64| n * 7 % 5;
        let heart = calls((0..20).map(|n| (n * 60 + jitter(n), 200 + jitter(n))));
        let rhythm = heart.rhythm().unwrap();
        assert!(rhythm.period.0.abs_diff(60_000_000) < 2_000_000 && rhythm.sent.abs_diff(202) < 3, "{rhythm:?}");
        assert_eq!(heart.before(), None);
        let mut seconds = 0;
        let person = calls((0..40_u64).map(|n| {
            seconds += 1 + n * n * 2_654_435_761 % 900;
            (seconds, 400 + n * n * 40_503 % 20_000)
        }));
        assert_eq!(person.rhythm(), None);
        let burst = calls((0..100).map(|_| (5, 300)));
        assert_eq!(burst.rhythm(), None, "all at once is one");
    }

    #[test]
    fn another_rhythm_and_silence_are_noticed() {
        let steady = |from: u64, period: u64, sent: u64| (0..25).map(move |n| (from + n * period, sent));
        let faster = calls(steady(0, 60, 200).chain(steady(2_000, 5, 200)));
        assert_eq!(faster.before().map(|(period, _)| period.0.abs_diff(60_000_000) < 100_000), Some(true));
        let larger = calls(steady(0, 60, 200).chain(steady(2_000, 60, 4_000)));
        assert_eq!(larger.before().map(|(_, sent)| sent), Some(200));
        let same = calls(steady(0, 60, 200).chain(steady(2_000, 66, 260)));
        assert_eq!(same.before(), None);
        assert_eq!(same.silent(at(2_000 + 24 * 66 + 3_000)), None);
        assert!(same.silent(at(2_000 + 24 * 66 + 7_300)).is_some());
    }
}
