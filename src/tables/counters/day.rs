//! The last day by hours, for people to look at: no detector asks it.

use serde_json::{Value, json};

/// Hours that are kept.
pub const HOURS: usize = 24;

/// What a device sent and received in each of the last hours.
#[derive(Clone, Debug, Default)]
pub struct Day {
    /// The latest hour since 1970 that was counted.
    hour: u32,
    /// By hour, modulo a day.
    bytes: [(u64, u64); HOURS],
}

impl Day {
    /// Counts bytes of an hour. A clock that is set back by more than an hour begins anew.
    pub fn add(&mut self, sent: u64, received: u64, hour: u32) {
        let hour = if hour.saturating_add(1) == self.hour { self.hour } else { hour };
        let passed = hour.checked_sub(self.hour).map_or(HOURS, |hours| HOURS.min(hours as usize));
        (0..passed).for_each(|ago| self.bytes[(hour as usize).wrapping_sub(ago) % HOURS] = (0, 0));
        self.hour = hour;
        let now = &mut self.bytes[hour as usize % HOURS];
        *now = (now.0.saturating_add(sent), now.1.saturating_add(received));
    }

    /// Bytes of the 24 hours up to this one, the oldest first: `{sent, received}`; nothing when there were none.
    pub fn until(&self, hour: u32) -> Option<Value> {
        let of = |ago: u32| {
            let then = hour.checked_sub(ago)?;
            let kept = then <= self.hour && (self.hour - then) < HOURS as u32;
            kept.then(|| self.bytes[then as usize % HOURS])
        };
        let all: Vec<(u64, u64)> = (0..HOURS as u32).rev().map(|ago| of(ago).unwrap_or_default()).collect();
        let any = all.iter().any(|bytes| *bytes != (0, 0));
        any.then(|| {
            let of = |take: fn(&(u64, u64)) -> u64| all.iter().map(|bytes| Value::from(take(bytes))).collect::<Value>();
            json!({ "sent": of(|bytes| bytes.0), "received": of(|bytes| bytes.1) })
        })
    }
}

/// Notes activity in `hour` in a mask of hours, of which bit 0 is the hour `last`; gives the mask whose bit 0 is the later
/// of the two.
pub fn mark(mask: u32, last: u32, hour: u32) -> u32 {
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
        let sent = |day: &Day, hour| day.until(hour).map(|value| value["sent"].to_string());
        let zeros = |n: usize| "0,".repeat(n);
        assert_eq!(sent(&day, 103), Some(format!("[{}15,0,0,7]", zeros(20))));
        assert_eq!(sent(&day, 104), Some(format!("[{}15,0,0,7,0]", zeros(19))));
        assert_eq!(sent(&day, 123), Some(format!("[{}15,0,0,7,{}0]", "", zeros(19))));
        assert_eq!(sent(&day, 127), None);
        // What is a day old gives way, and a clock that is put back a little changes nothing.
        day.add(1, 0, 126);
        day.add(1, 0, 125);
        assert_eq!(sent(&day, 126), Some(format!("[7,{}2]", zeros(22))));
        day.add(3, 0, 50);
        assert_eq!(sent(&day, 50), Some(format!("[{}3]", zeros(23))));
    }

    #[test]
    fn a_mask_of_hours() {
        assert_eq!(mark(0, 0, 500_000), 1);
        assert_eq!(mark(1, 100, 100), 1);
        assert_eq!(mark(1, 100, 102), 0b101);
        assert_eq!(mark(0b101, 102, 101), 0b111);
        assert_eq!(mark(0b111, 102, 140), 1);
        assert_eq!(mark(1, 102, 60), 1);
    }
}
