//! How regularly a device calls an endpoint: the intervals between the last calls and their sizes, in 64 bytes, and the
//! rhythm that they make. The score is that of RITA, a program that looks for beacons in network logs.

use crate::limits;
use crate::tables::counters::compact::CompactNumber;
use crate::time::{Span, Time};

/// How many calls are judged together.
const CALLS: usize = 10;

/// The last calls of one contact.
#[derive(Clone, Debug, Default)]
pub struct Beacon {
    last_call: Time,
    /// Rings of the intervals between calls, in ms, and of the bytes sent in each call.
    intervals: [CompactNumber; CALLS],
    sizes: [CompactNumber; CALLS],
    /// How many calls the rings hold, and where the next one goes.
    count: u8,
    next: u8,
    /// How many calls there were since the rhythm was last compared with the one before.
    calls_since_settled: u8,
    /// The rhythm that was found last, and the one before it if that was another.
    settled: Option<CompactPace>,
    previous: Option<CompactPace>,
}

/// A flow that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When the flow began.
    pub opened_at: Time,
    /// Bytes that the device sent in it.
    pub sent: u64,
    /// Bytes that the device received in it.
    pub received: u64,
}

/// A [`Pace`] in four bytes.
#[derive(Clone, Copy, Debug)]
struct CompactPace {
    period_ms: CompactNumber,
    sent: CompactNumber,
}

/// How often and with how many bytes an endpoint is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// The median interval between calls.
    pub period: Span,
    /// The median of the bytes that the device sent in a call.
    pub sent: u64,
}

/// The pace of regular calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// The median interval and size.
    pub pace: Pace,
    /// How regular the calls are: see [`Beacon::rhythm`].
    pub score_percent: u32,
}

impl Beacon {
    /// Counts a call. Calls within a second of each other count as one.
    pub fn record(&mut self, call: Call) {
        let interval = call.opened_at.since(self.last_call);
        let is_first = self.last_call == Time(0);
        if interval < Span::secs(1) {
            return;
        }
        self.last_call = call.opened_at;
        if is_first {
            return;
        }
        let slot = usize::from(self.next);
        self.intervals[slot] = CompactNumber::of(interval.as_millis());
        self.sizes[slot] = CompactNumber::of(call.sent);
        self.next = (self.next + 1) % CALLS as u8;
        self.count = (self.count + 1).min(CALLS as u8);
        self.calls_since_settled = self.calls_since_settled.saturating_add(1);
        if usize::from(self.calls_since_settled) >= CALLS
            && let Some(Rhythm { pace, .. }) = self.rhythm()
        {
            let new = CompactPace {
                period_ms: CompactNumber::of(pace.period.as_millis()),
                sent: CompactNumber::of(pace.sent),
            };
            // The size of a call varies by a packet or so.
            let differs = |old: &CompactPace| {
                old.period_ms.is_far_from(new.period_ms)
                    || old.sent.is_far_from(new.sent) && old.sent.get().abs_diff(new.sent.get()) > 200
            };
            self.previous = self.settled.filter(differs).or(self.previous);
            (self.settled, self.calls_since_settled) = (Some(new), 0);
        }
    }

    /// Returns the rhythm of the last calls; absent if they are too few or not regular. The score is that of RITA
    /// (version 5, analysis/beacons.go) for time and size: the mean of 1 - |Bowley's skewness| and of (median - MAD) /
    /// median, of both. RITA's two other parts, which need a whole day, are left out.
    pub fn rhythm(&self) -> Option<Rhythm> {
        let known = usize::from(self.count);
        if known < CALLS / 2 {
            return None;
        }
        let (period_ms, time_score) = regularity(&self.intervals[..known], 10_000);
        let (sent, size_score) = regularity(&self.sizes[..known], 10);
        let score_percent = (time_score + size_score) / 2;
        let pace = Pace { period: Span::ms(period_ms), sent };
        (score_percent >= limits::BEACON_SCORE).then_some(Rhythm { pace, score_percent })
    }

    /// Returns the pace before the present one; absent if it was never another.
    pub fn previous_pace(&self) -> Option<Pace> {
        self.previous.map(|pace| Pace { period: Span::ms(pace.period_ms.get()), sent: pace.sent.get() })
    }

    /// Returns how long ago the last call was if the calls were regular and have stopped: for [`limits::BEACON_LOST`]
    /// and for ten periods.
    pub fn silence(&self, now: Time) -> Option<Span> {
        let period_ms = self.settled?.period_ms.get();
        let silence = now.since(self.last_call);
        (silence >= limits::BEACON_LOST && silence.as_millis() / 10 >= period_ms).then_some(silence)
    }
}

/// Returns the median of the numbers, and how regular they are, in percent. The skewness of quartiles that are less
/// than `close` apart counts as 0.
fn regularity(values: &[CompactNumber], close: u64) -> (u64, u32) {
    let mut sorted: Vec<u64> = values.iter().map(|value| value.get()).collect();
    sorted.sort_unstable();
    let quartile = |n: usize| sorted[(sorted.len() - 1) * n / 4];
    let (q1, median, q3) = (quartile(1), quartile(2), quartile(3));
    let skew_percent = match q3 - q1 {
        width if width < close || median == q1 || median == q3 => 0,
        width => (q1 + q3).abs_diff(2 * median) * 100 / width,
    };
    let mut deviations: Vec<u64> = sorted.iter().map(|value| value.abs_diff(median)).collect();
    deviations.sort_unstable();
    let mad = deviations[(deviations.len() - 1) / 2];
    let spread_percent = median.saturating_sub(mad) * 100 / median.max(1);
    (median, ((100 - skew_percent.min(100) + spread_percent) / 2) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time(0) + Span::secs(1_000 + seconds)
    }

    /// Returns what is known after calls at these seconds with these bytes.
    fn beacon(calls: impl Iterator<Item = (u64, u64)>) -> Beacon {
        let mut beacon = Beacon::default();
        calls.for_each(|(seconds, sent)| beacon.record(Call { opened_at: at(seconds), sent, received: 0 }));
        beacon
    }

    #[test]
    fn a_heartbeat_has_a_rhythm_and_browsing_has_none() {
        let jitter = |n: u64| n * 7 % 5;
        let heartbeat = beacon((0..20).map(|n| (n * 60 + jitter(n), 200 + jitter(n))));
        let rhythm = heartbeat.rhythm().unwrap();
        assert!(
            rhythm.pace.period.0.abs_diff(60_000_000) < 2_000_000 && rhythm.pace.sent.abs_diff(202) < 3,
            "{rhythm:?}"
        );
        assert_eq!(heartbeat.previous_pace(), None);
        let mut seconds = 0;
        let person = beacon((0..40_u64).map(|n| {
            seconds += 1 + n * n * 2_654_435_761 % 900;
            (seconds, 400 + n * n * 40_503 % 20_000)
        }));
        assert_eq!(person.rhythm(), None);
        let burst = beacon((0..100).map(|_| (5, 300)));
        assert_eq!(burst.rhythm(), None, "calls at the same time are one");
    }

    #[test]
    fn another_rhythm_and_silence_are_noticed() {
        let steady = |from: u64, period: u64, sent: u64| (0..25).map(move |n| (from + n * period, sent));
        let faster = beacon(steady(0, 60, 200).chain(steady(2_000, 5, 200)));
        assert_eq!(faster.previous_pace().map(|pace| pace.period.0.abs_diff(60_000_000) < 100_000), Some(true));
        let larger = beacon(steady(0, 60, 200).chain(steady(2_000, 60, 4_000)));
        assert_eq!(larger.previous_pace().map(|pace| pace.sent), Some(200));
        let same = beacon(steady(0, 60, 200).chain(steady(2_000, 66, 260)));
        assert_eq!(same.previous_pace(), None);
        assert_eq!(same.silence(at(2_000 + 24 * 66 + 3_000)), None);
        assert!(same.silence(at(2_000 + 24 * 66 + 7_300)).is_some());
    }
}
