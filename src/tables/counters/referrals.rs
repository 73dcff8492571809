//! Servers that another server hands out: a maker's server, which the device looked up, tells it inside its own protocol
//! which one to use from now on (load balancers, dispatchers, relays). Nobody else can read that, but it has a shape: the
//! device opens a flow to a server by name, and has hardly been answered when it calls an address that no lookup
//! returned.
//!
//! Chance makes that shape, too, the oftener the more the device calls by name. So it says something only of a device
//! that calls fewer than four servers by name within two minutes ([`limits::REFERRAL_QUIET`]): then an address that is
//! called at any time comes right after such a call in a quarter of all cases at most.

use crate::fnv::fnv32_of_address;
use crate::limits;
use crate::time::{Span, Time};
use std::net::IpAddr;

/// How many calls by name are remembered, each in eight bytes.
const CALLS: usize = 4;
/// What is called sooner after a server than this was not told by it: a handshake, a question and its answer take longer.
const ROUND_TRIP: Span = Span::ms(250);
/// Flows to one server that are opened together are one call.
const TOGETHER: Span = Span::secs(1);

/// A call by name.
#[derive(Clone, Copy, Debug)]
struct Call {
    server: u32,
    /// Milliseconds of the engine's time, modulo 2³². After 25 days of silence an old call may look recent.
    at_ms: u32,
}

/// What a device called by name lately.
#[derive(Clone, Debug, Default)]
pub struct Referrals {
    /// The latest last.
    calls: [Option<Call>; CALLS],
}

impl Call {
    /// Returns how many milliseconds before `time` the call began; negative if it was later.
    fn age_ms(self, time: Time) -> i64 {
        i64::from(time.wrapping_millis().wrapping_sub(self.at_ms).cast_signed())
    }

    fn is_within(self, span: Span, time: Time) -> bool {
        self.age_ms(time) < span.as_millis() as i64
    }
}

impl Referrals {
    /// Notes that a flow to a server was opened which a lookup explains.
    pub fn note_server(&mut self, address: IpAddr, opened_at: Time) {
        let server = fnv32_of_address(address);
        if !self.calls.iter().flatten().any(|call| call.server == server && call.is_within(TOGETHER, opened_at)) {
            self.calls.rotate_left(1);
            self.calls[CALLS - 1] = Some(Call { server, at_ms: opened_at.wrapping_millis() });
        }
    }

    /// Returns the hash (see [`fnv32_of_address`]) of the server that may have handed out what is called at `opened_at`: it was called right
    /// before, and little else was.
    pub fn server(&self, opened_at: Time) -> Option<u32> {
        let is_recent =
            |call: &Option<Call>| call.is_some_and(|call| call.is_within(limits::REFERRAL_QUIET, opened_at));
        if self.calls.iter().all(is_recent) {
            return None;
        }
        let fits = |call: &&Call| !call.is_within(ROUND_TRIP, opened_at) && call.is_within(limits::REFERRAL, opened_at);
        self.calls.iter().flatten().rev().find(fits).map(|call| call.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(last: u8) -> IpAddr {
        [198, 51, 100, last].into()
    }

    fn at(ms: u64) -> Time {
        Time(0) + Span::hours(1) + Span::ms(ms)
    }

    #[test]
    fn a_server_is_called_right_before_what_it_hands_out() {
        let mut referrals = Referrals::default();
        referrals.note_server(server(1), at(0));
        let by = |ms| referrals.server(at(ms));
        assert_eq!(
            [by(100), by(300), by(9_999), by(10_000)],
            [None, Some(fnv32_of_address(server(1))), Some(fnv32_of_address(server(1))), None]
        );
        assert_eq!(referrals.server(Time(0)), None, "before it");
    }

    #[test]
    fn who_calls_many_by_name_is_told_by_none_of_them() {
        let (mut quiet, mut busy, mut browser) = (Referrals::default(), Referrals::default(), Referrals::default());
        for n in 0..4 {
            quiet.note_server(server(n), at(u64::from(n) * 60_000));
            busy.note_server(server(n), at(u64::from(n) * 30_000));
            browser.note_server(server(1), at(u64::from(n) * 10));
        }
        assert_eq!(quiet.server(at(181_000)), Some(fnv32_of_address(server(3))));
        assert_eq!((busy.server(at(91_000)), busy.server(at(121_000))), (None, None), "busy, and too late");
        assert_eq!(browser.server(at(1_000)), Some(fnv32_of_address(server(1))), "several flows at once are one call");
        quiet.note_server(server(9), at(182_000));
        assert_eq!(quiet.server(at(181_000)), Some(fnv32_of_address(server(3))), "what is called later says nothing");
    }
}
