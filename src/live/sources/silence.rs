//! Notices a kernel whose conntrack makes entries but tells nobody of them.
//!
//! Events are switched off (`nf_conntrack_events=0`), or another module took the only place for a listener: full cone
//! NAT (immortalwrt/packages#1904) and the offload of Qualcomm's NSS (qosmio/openwrt-ipq#50) do.

use crate::time::{Span, Time};

/// How often conntrack's entries are counted.
pub const COUNT_EVERY: Span = Span::secs(2);
/// A count that is above an earlier one for this often, with no event between them, is no entry on its way to being
/// dropped: such a one is counted for microseconds.
const COUNTS: u8 = 2;

/// Whether conntrack's events come.
pub struct Silence {
    /// The fewest entries that were counted since the latest event.
    fewest: u64,
    /// How many counts in a row were above that.
    above: u8,
    /// When to count next.
    pub next_count: Time,
    /// Entries came without an event.
    pub silent: bool,
}

impl Default for Silence {
    fn default() -> Silence {
        Silence { fewest: u64::MAX, above: 0, next_count: Time(0), silent: false }
    }
}

impl Silence {
    /// Notes that an event told of a new entry. Returns true if none did so before.
    pub fn end(&mut self) -> bool {
        (self.fewest, self.above) = (u64::MAX, 0);
        std::mem::take(&mut self.silent)
    }

    /// Takes the number of entries that there are. Returns true if that shows that events do not come any more.
    pub fn count(&mut self, entries: u64, now: Time) -> bool {
        self.next_count = now + COUNT_EVERY;
        self.above = if entries > self.fewest { self.above.saturating_add(1) } else { 0 };
        self.fewest = self.fewest.min(entries);
        let begins = !self.silent && self.above >= COUNTS;
        self.silent |= begins;
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_without_an_event_are_a_silence_until_the_next_event() {
        let mut silence = Silence::default();
        let counts = |silence: &mut Silence, all: &[u64]| {
            all.iter().map(|entries| silence.count(*entries, Time(0))).collect::<Vec<bool>>()
        };
        assert_eq!(counts(&mut silence, &[40, 38, 41, 38, 39, 38]), [false; 6], "what comes and goes is no entry");
        assert_eq!(counts(&mut silence, &[39, 39, 50]), [false, true, false]);
        assert!(silence.end(), "events come again");
        assert!(!silence.end() && !silence.silent);
        assert_eq!(counts(&mut silence, &[50, 51]), [false, false]);
        silence.end();
        assert_eq!(counts(&mut silence, &[52, 53]), [false, false], "events come");
        assert_eq!(counts(&mut silence, &[10, 5]), [false, false], "old entries end in silence");
    }
}
