//! What goes into a device and out of it, and with which addresses most of it is exchanged. It shows whether the device
//! passes on for others what it receives.
//!
//! A single relayed flow is as one-sided as any other. What balances is the device as a whole: what a master sends goes
//! out again to others, and what they answer goes back to the master (packet conservation: T. He and L. Tong,
//! "Detecting Encrypted Stepping-Stone Connections", IEEE Trans. Signal Processing 2007). The traffic is counted minute
//! by minute for ten minutes, and in steps of six minutes for an hour, in a fixed number of bytes for each device. All
//! ways to take it apart into a master's part and the others' are tried: one of the busiest addresses against the rest,
//! with up to three others left aside, with which the device has business of its own; what the device sends more to
//! against what it receives more from, for several masters; and who called it against whom it calls. The thresholds are
//! in [`crate::limits`], and `tests/relay` shows how they were tuned.

use crate::tables::counters::day::Traffic;
use crate::tables::counters::division::Found;
use crate::tables::counters::twins::Twins;
use crate::tables::counters::window::{PEERS, Peer, Window, subnet};
use crate::time::{Span, Time};
use std::net::IpAddr;

/// How many minutes a slot of the long window has, which is an hour; one of the short window has one.
const STEP_MINUTES: u64 = 6;

/// The traffic of a device in the last ten minutes and the last hour.
#[derive(Clone, Debug)]
pub struct Balance {
    minutes: Window,
    hour: Window,
    /// The flows that were passed on one by one.
    pub twins: Twins,
    /// The latest time that the device passed on what it received.
    pub relay: Option<Box<Relay>>,
}

/// What a device received from some addresses, its masters, went out again to others, and what they answered went back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relay {
    /// When this was last noticed.
    pub at: Time,
    /// The addresses that the device relays for, that with the most traffic first.
    pub masters: Vec<IpAddr>,
    /// Bytes that the device sent in the window.
    pub sent: u64,
    /// Bytes that the device received in the window.
    pub received: u64,
    /// How much of what is exchanged with the masters and of what is exchanged with the others has its counterpart on
    /// the other side.
    pub passed_on_percent: u32,
    /// That share as a sum minute by minute.
    pub in_step_percent: u32,
    /// How much of the ups and downs of one side are those of the other.
    pub follows_percent: u32,
    /// Among how many others the traffic is spread, in tenths.
    pub carriers_tenths: u32,
    /// How many minutes were judged.
    pub minutes: u32,
    /// How many of the latest flows were passed on one by one.
    pub twins: u32,
    /// Of how many flows they are, in percent.
    pub twin_percent: u32,
    /// No other program that is known has such a shape.
    pub is_sure: bool,
    /// What else speaks for a relay and against it; the engine fills it in.
    pub signs: RelaySigns,
}

/// A harmless reason for a device to pass on what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// STUN or TURN was seen with the master, and few carry what is passed on, so it is a call.
    Call,
    /// The master called from outside: it may be the owner who uses a VPN, a proxy or a server of their own.
    Owner,
    /// WireGuard or ESP was seen with the master, so the device is one end of a VPN.
    Vpn,
    /// The device calls as many names as only a device does that people use.
    People,
}

/// What else is known of a device that passes on what it receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelaySigns {
    /// The median delay before the device's first payloads, in ms; absent unless it is long for this device.
    pub delay_ms: Option<u32>,
    /// How many TLS programs the device has that it did not have before.
    pub new_programs: u32,
    /// SOCKS or CONNECT was seen with a master.
    pub proxy: bool,
    /// It asks a service under which address others see it: who rents out a line has to know, and others ask, too.
    pub asks_own_address: bool,
    /// No lookup of the device yielded its masters, and it calls others at ports of several services.
    pub by_address: bool,
    /// How many sites (registrable names, or networks) the device called beside its masters.
    pub sites: u32,
    /// How many of them it never called before the last 24 hours; 0 for a device that was not known before.
    pub new_sites: u32,
    /// How many sites it called first within the last 24 hours.
    pub new_sites_today: u32,
    /// In how many of the last 24 hours it called a site first.
    pub hours_with_new_sites: u32,
    /// Why the device may be harmless after all.
    pub excuse: Option<Excuse>,
}

impl Relay {
    /// Returns true if an address is one of the masters.
    pub fn serves(&self, address: IpAddr) -> bool {
        self.masters.iter().any(|master| subnet(*master) == subnet(address))
    }
}

impl Balance {
    /// The memory that it takes at most, in bytes, with what it keeps elsewhere.
    pub const BYTES: usize = size_of::<Balance>()
        + 2 * PEERS * size_of::<Peer>()
        + Twins::HEAP_BYTES
        + size_of::<Relay>()
        + PEERS * size_of::<IpAddr>();

    /// Starts counting in the current minute.
    pub fn new(now: Time) -> Balance {
        Balance {
            minutes: Window::new(now.minute()),
            hour: Window::new(now.minute() / STEP_MINUTES),
            twins: Twins::default(),
            relay: None,
        }
    }

    /// Counts the bytes of a flow with this address, which the device opened if it is `outbound`. When a minute is over,
    /// returns what its end showed. A minute does not end while live flows are being counted, else a flow might be
    /// counted in it, and the one that it is passed on in, in the next.
    pub fn add(
        &mut self,
        address: IpAddr,
        outbound: bool,
        traffic: Traffic,
        is_counting: bool,
        now: Time,
    ) -> Option<Relay> {
        let passed = now.minute().saturating_sub(self.minutes.slot);
        let judged = if passed > 1 || passed == 1 && !is_counting { self.close_minute(now) } else { None };
        self.minutes.add(address, outbound, traffic);
        judged
    }

    /// Returns how many bytes were counted in the last hour.
    pub fn total(&self) -> u64 {
        self.hour.total() + self.minutes.total()
    }

    fn close_minute(&mut self, now: Time) -> Option<Relay> {
        self.hour.add_current(&self.minutes);
        self.minutes.close();
        let short = Found::in_window(&self.minutes);
        let is_sure = short.as_ref().is_some_and(|short| short.best.is_sure);
        let step = now.minute() / STEP_MINUTES;
        let mut long = None;
        if step > self.hour.slot {
            self.hour.close();
            long = if is_sure { None } else { Found::in_window(&self.hour) };
        }
        let long = long.filter(|long| long.best.is_sure).map(|long| (long, STEP_MINUTES as u32));
        let relay = long.or(short.map(|short| (short, 1)));
        let relay = relay.map(|(Found { best, masters, idle }, minutes)| Relay {
            at: now - Span::mins(u64::from(idle * minutes)),
            masters,
            sent: best.sent,
            received: best.received,
            passed_on_percent: best.passed_on,
            in_step_percent: best.pace.in_step,
            follows_percent: best.pace.follows,
            carriers_tenths: best.carriers,
            minutes: best.slots * minutes,
            is_sure: best.is_sure,
            ..Relay::default()
        });
        let twins = self.twins.judge(now);
        self.minutes.advance_to(now.minute());
        self.hour.advance_to(step);
        match (relay, twins) {
            (Some(relay), Some(twins)) if relay.is_sure || !twins.is_sure() => {
                Some(Relay { twins: twins.count, twin_percent: twins.percent, ..relay })
            }
            (_, Some(twins)) if twins.is_sure() => Some(Relay {
                at: now,
                masters: twins.masters,
                carriers_tenths: twins.carriers_tenths,
                minutes: twins.minutes,
                twins: twins.count,
                twin_percent: twins.percent,
                is_sure: true,
                ..Relay::default()
            }),
            (relay, _) => relay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: u8 = 200;

    fn ip(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(45, 10, 1, last).into()
    }

    fn at(minutes: u64) -> Time {
        Time(0) + Span::mins(minutes)
    }

    /// The last octet of an address, and the bytes sent to it and received from it.
    type Exchanges = Vec<(u8, u64, u64)>;

    /// Counts some minutes of traffic in flows that the device opened to addresses below 250, and returns the first
    /// relay that is sure and what was found last.
    fn judge(minutes: u64, minute: impl Fn(u64) -> Exchanges) -> (Option<Relay>, Option<Relay>) {
        let mut balance = Balance::new(at(0));
        let (mut sure, mut last) = (None, None);
        for n in 0..=minutes {
            for (last_octet, sent, received) in minute(n) {
                let traffic = Traffic { sent, received };
                let relay = balance.add(ip(last_octet), last_octet < 250, traffic, false, at(n));
                sure = sure.or_else(|| relay.clone().filter(|relay| relay.is_sure));
                last = relay.or(last);
            }
        }
        (sure, last)
    }

    /// Returns bytes that differ from minute to minute, without chance.
    fn uneven(n: u64) -> u64 {
        [900, 2_400, 300, 1_500, 3_000, 100, 800, 2_000, 400, 1_200][n as usize % 10] * 1_000
    }

    /// What is fetched for a master from some others, of which each gives a part.
    fn fetched(n: u64, bytes: u64, others: u8) -> Exchanges {
        let each = bytes / u64::from(others);
        let mut all: Exchanges = (0..others).map(|other| (other, each / 30, each)).collect();
        all.push((MASTER, bytes, bytes / 30));
        all.rotate_left(n as usize % usize::from(others));
        all
    }

    #[test]
    fn what_others_send_goes_to_the_master() {
        let relay = judge(10, |n| fetched(n, uneven(n), 5)).0.unwrap();
        assert_eq!((relay.masters, relay.minutes), (vec![ip(MASTER)], 3));
        assert!(relay.passed_on_percent > 95 && relay.in_step_percent > 95 && relay.carriers_tenths >= 45);
        // Behind a film and an upload of the device's own.
        let relay = judge(10, |n| {
            let mut all = fetched(n, uneven(n), 12);
            all.extend([(210, 200_000, 30_000_000), (211, uneven(n + 3), 9_000)]);
            all
        });
        assert_eq!(relay.0.map(|relay| relay.masters), Some(vec![ip(MASTER)]));
        // Packed to a third of its size.
        let relay = judge(10, |n| {
            let mut all = fetched(n, uneven(n), 12);
            all.iter_mut().filter(|(last, ..)| *last == MASTER).for_each(|(_, sent, _)| *sent /= 3);
            all
        });
        assert_eq!(relay.0.map(|relay| relay.masters), Some(vec![ip(MASTER)]));
    }

    #[test]
    fn several_masters_are_found_by_whom_more_is_sent_to() {
        let relay = judge(10, |n| {
            let mut all = fetched(n, uneven(n), 9);
            all.retain(|(last, ..)| *last != MASTER);
            let a = uneven(n) * [1, 4, 2, 5, 3][n as usize % 5] / 6;
            let b = uneven(n) - a;
            all.extend([(MASTER, a, a / 30), (MASTER + 1, b, b / 30)]);
            all
        });
        let mut masters = relay.1.unwrap().masters;
        masters.sort_unstable();
        assert_eq!(masters, [ip(MASTER), ip(MASTER + 1)]);
        // Customers who call the device themselves.
        let relay = judge(10, |n| {
            let mut all = fetched(n, uneven(n), 9);
            all.retain(|(last, ..)| *last != MASTER);
            all.extend((250..255).map(|customer| (customer, uneven(n) / 5, uneven(n) / 150)));
            all
        });
        assert!(relay.0.is_some_and(|relay| relay.masters.len() == 5));
    }

    #[test]
    fn a_little_within_the_hour_is_enough() {
        // It works for four minutes in a quarter of an hour.
        let rate = |n: u64| if n % 15 < 4 { uneven(n) / 5 } else { 4_000 };
        let (sure, _) = judge(60, |n| fetched(n, rate(n), 6));
        let sure = sure.unwrap();
        assert!(sure.masters == [ip(MASTER)] && sure.minutes >= 20 && sure.sent < 6_000_000, "{sure:?}");
    }

    #[test]
    fn look_alikes_are_no_relays() {
        let none: [&dyn Fn(u64) -> Exchanges; 8] =
            [
                // A call with one other, and with three.
                &|n| vec![(1, uneven(n), uneven(n))],
                &|n| (1..=3).map(|peer| (peer, uneven(n) / 3, uneven(n) / 3)).collect(),
                // A camera, a film, and a tunnel of its own traffic.
                &|n| vec![(1, uneven(n), 30_000), (2, 2_000, 5_000)],
                &|n| vec![(1, 40_000, uneven(n)), (2, 2_000, 5_000)],
                &|n| vec![(1, uneven(n), 9 * uneven(n))],
                // A swarm: many addresses get much, and many others give much.
                &|n| {
                    (0..8)
                        .map(|peer| {
                            if peer % 2 == 0 { (peer, uneven(n + 3) / 4, 9_000) } else { (peer, 9_000, uneven(n) / 4) }
                        })
                        .collect()
                },
                // A backup beside films of the same size, of one server and of five.
                &|n| vec![(1, 1_260_000, 30_000), (2, 30_000, uneven(n))],
                &|n| (2..7).map(|film| (film, 6_000, uneven(n) / 5)).chain([(1, uneven(n + 4), 30_000)]).collect(),
            ];
        for (case, minute) in none.iter().enumerate() {
            assert_eq!(judge(12, minute), (None, None), "{case}");
        }
    }

    #[test]
    fn a_copy_is_a_hint_and_no_more() {
        let (sure, last) = judge(10, |n| vec![(1, 9_000, uneven(n)), (2, uneven(n), 9_000)]);
        assert_eq!(sure, None);
        assert!(last.is_some_and(|relay| !relay.is_sure && relay.carriers_tenths == 10));
        // What a server passes on for those who call it is not opened by the device.
        let (sure, _) = judge(10, |n| {
            (250..255).map(|visitor| (visitor, uneven(n) / 5, 900)).chain([(1, 900, uneven(n))]).collect()
        });
        assert_eq!(sure, None);
    }

    #[test]
    fn a_count_of_all_flows_is_in_one_minute() {
        let mut balance = Balance::new(at(0));
        let mut add = |last, sent, received, counting, seconds: u64| {
            balance.add(ip(last), true, Traffic { sent, received }, counting, Time(0) + Span::secs(seconds))
        };
        let mut found = None;
        for n in 1..12 {
            // The count begins before the minute is over, and ends after it.
            found = add(MASTER, uneven(n), uneven(n) / 30, false, n * 60 - 1).or(found);
            for other in 0..6 {
                let each = uneven(n) / 6;
                found = add(other, each / 30, each, true, n * 60 + 1).or(found);
            }
        }
        assert!(found.is_some_and(|relay| relay.in_step_percent > 95));
    }

    #[test]
    fn it_is_forgotten_when_the_master_is_quiet() {
        let (_, last) = judge(150, |n| if n < 20 { fetched(n, uneven(n), 5) } else { vec![(1, 100, 100)] });
        assert!(last.unwrap().at < at(85));
    }
}
