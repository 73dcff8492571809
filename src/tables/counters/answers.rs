//! Whether answers from outside can be seen at all. Where leash sees one direction of the traffic only (a tap at one side
//! of a switch, two routers of which each carries one way, an outage), silence says nothing of those who are called.

use crate::limits;
use crate::time::Time;

/// The flows of one device with the Internet that have ended, by whether both directions were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directions {
    answered: u16,
    /// TCP flows in which the device sent more than attempts to connect, although nobody answered, which cannot be.
    one_sided: u16,
}

/// From how many flows on it is no accident, such as a packet that was missed.
const FLOWS: u16 = 3;

impl Directions {
    /// Counts a flow that has ended.
    pub fn record(&mut self, answered: bool, is_one_sided: bool) {
        self.answered = self.answered.saturating_add(answered.into());
        self.one_sided = self.one_sided.saturating_add(is_one_sided.into());
    }

    /// Returns true if of this device's traffic only what it sends is seen.
    pub fn is_one_way(self) -> bool {
        self.answered == 0 && self.one_sided >= FLOWS
    }
}

/// When anybody outside was last seen to answer anybody in the house, for IPv4 and IPv6.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answers([Option<Time>; 2]);

impl Answers {
    /// Notes an answer that was seen at this time, of IPv4 or IPv6.
    pub fn record(&mut self, is_ipv4: bool, now: Time) {
        self.0[usize::from(is_ipv4)] = Some(now);
    }

    /// Returns true if answers were being seen within the window in which attempts are counted.
    pub fn are_seen(&self, is_ipv4: bool, now: Time) -> bool {
        self.0[usize::from(is_ipv4)].is_some_and(|last| now.since(last) <= limits::SCAN_WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn one_answer_shows_that_answers_are_seen() {
        let mut directions = Directions::default();
        (0..9).for_each(|_| directions.record(false, false));
        assert!(!directions.is_one_way(), "attempts that failed show nothing");
        (0..3).for_each(|_| directions.record(false, true));
        assert!(directions.is_one_way());
        directions.record(true, false);
        assert!(!directions.is_one_way());
    }

    #[test]
    fn answers_are_seen_for_a_while() {
        let (mut answers, now) = (Answers::default(), Time(0) + Span::hours(1));
        assert!(!answers.are_seen(true, now));
        answers.record(true, now);
        assert!(answers.are_seen(true, now + Span::mins(9)) && !answers.are_seen(true, now + Span::mins(11)));
        assert!(!answers.are_seen(false, now));
    }
}
