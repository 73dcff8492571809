//! What goes into a device and out of it, minute by minute, and with whom most of it: what shows that it passes on for
//! others what it receives.
//!
//! One relayed flow is as lopsided as any other. What balances is the device: what a master sends goes out again to many,
//! and what they answer goes back to the master (packet conservation: T. He and L. Tong, "Detecting Encrypted
//! Stepping-Stone Connections", IEEE Trans. Signal Processing 2007). It is counted in a fixed number of bytes a device.

use crate::limits;
use crate::tables::counters::distinct::Distinct;
use crate::time::{Span, Time};
use std::net::IpAddr;

/// Minutes that are looked at together.
const MINUTES: usize = 10;
/// Addresses of which each minute is known: a master has half of all bytes, so it is always among the largest.
const TOPS: usize = 4;

/// Bytes within a minute.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    sent: u32,
    received: u32,
}

impl Minute {
    fn add(&mut self, sent: u32, received: u32) {
        self.sent = self.sent.saturating_add(sent);
        self.received = self.received.saturating_add(received);
    }

    fn sum(self) -> u32 {
        self.sent.saturating_add(self.received)
    }

    fn less(self, other: Minute) -> Minute {
        let (sent, received) = (self.sent.saturating_sub(other.sent), self.received.saturating_sub(other.received));
        Minute { sent, received }
    }

    fn lopsided(self) -> u64 {
        self.sent.abs_diff(self.received).into()
    }
}

/// An address that much is exchanged with.
#[derive(Clone, Debug)]
struct Peer {
    address: IpAddr,
    minutes: [Minute; MINUTES],
    /// Of all minutes.
    sum: u32,
}

/// The last ten minutes of a device.
#[derive(Clone, Debug)]
pub struct Balance {
    /// The minute that is being counted.
    minute: u64,
    all: [Minute; MINUTES],
    /// How much more went one way than the other, flow by flow, in all minutes.
    lopsided: [u32; MINUTES],
    tops: [Option<Peer>; TOPS],
    /// The addresses of the last five to ten minutes.
    addresses: Distinct,
    before: Distinct,
    next_half: u64,
    /// When it last passed on what it received.
    pub relayed: Option<Relayed>,
}

/// What was received from one address went out again to others, and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// When it was noticed last.
    pub at: Time,
    /// Whose bytes they are.
    pub master: IpAddr,
    /// Bytes that the device sent in the window.
    pub sent: u64,
    /// That it received.
    pub received: u64,
    /// Of the bytes exchanged with the master and with the others, so many percent have their counterpart on the other side.
    pub passed_on: u32,
    /// The same minute by minute, where the minutes of either side differ enough to tell.
    pub in_step: Option<u32>,
    /// Minutes that were looked at.
    pub minutes: u32,
    /// Other addresses in the window, about.
    pub addresses: u32,
    /// What else speaks for it, and against it: filled in by [`crate::engine`].
    pub signs: RelaySigns,
}

/// A harmless reason for a device to pass on what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// STUN or TURN with the master: a call.
    Call,
    /// WireGuard with the master: one end of a VPN.
    Vpn,
    /// It calls as many names as only a device does that people use.
    People,
}

/// What else is known of a device that passes on what it receives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelaySigns {
    /// The median pause before its first payloads, in ms, where it is long for this device.
    pub pause_ms: Option<u32>,
    /// TLS programs that it did not have before.
    pub stacks: u32,
    /// The master is one who connects from outside, or SOCKS or CONNECT was seen with it.
    pub proxy: bool,
    /// Why it may be harmless after all.
    pub excuse: Option<Excuse>,
}

impl Balance {
    /// Nothing yet, in this minute.
    pub fn new(now: Time) -> Balance {
        Balance {
            minute: minute(now),
            all: Default::default(),
            lopsided: [0; MINUTES],
            tops: Default::default(),
            addresses: Distinct::default(),
            before: Distinct::default(),
            next_half: minute(now) + MINUTES as u64 / 2,
            relayed: None,
        }
    }

    /// A new minute has begun: what is before it can be judged.
    pub fn is_over(&self, now: Time) -> bool {
        minute(now) > self.minute
    }

    /// Bytes of a flow with this address.
    pub fn add(&mut self, address: IpAddr, sent: u64, received: u64, now: Time) {
        self.turn(minute(now));
        let few = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (sent, received) = (few(sent), few(received));
        let at = (self.minute % MINUTES as u64) as usize;
        self.all[at].add(sent, received);
        self.lopsided[at] = self.lopsided[at].saturating_add(sent.abs_diff(received));
        self.addresses.add_address(address);
        let bytes = sent.saturating_add(received);
        let known = self.tops.iter().position(|top| top.as_ref().is_some_and(|top| top.address == address));
        let place = known.or_else(|| self.tops.iter().position(Option::is_none)).unwrap_or_else(|| {
            let sums = self.tops.iter().map(|top| top.as_ref().map_or(0, |top| top.sum));
            sums.enumerate().min_by_key(|(_, sum)| *sum).map_or(0, |(place, _)| place)
        });
        let slot = &mut self.tops[place];
        if known.is_none() && slot.as_ref().is_some_and(|top| top.sum >= bytes) {
            return;
        }
        let fresh = || Peer { address, minutes: Default::default(), sum: 0 };
        if known.is_none() {
            *slot = Some(fresh());
        }
        let top = slot.get_or_insert_with(fresh);
        top.minutes[at].add(sent, received);
        top.sum = top.sum.saturating_add(bytes);
    }

    /// It is this minute now: the oldest ones are forgotten.
    fn turn(&mut self, now: u64) {
        if now <= self.minute {
            return;
        }
        for gone in (self.minute + 1..=now).take(MINUTES) {
            let at = (gone % MINUTES as u64) as usize;
            (self.all[at], self.lopsided[at]) = (Minute::default(), 0);
            for slot in &mut self.tops {
                let Some(top) = slot else { continue };
                top.sum = top.sum.saturating_sub(std::mem::take(&mut top.minutes[at]).sum());
                if top.sum == 0 {
                    *slot = None;
                }
            }
        }
        self.minute = now;
        if now >= self.next_half {
            self.before = std::mem::take(&mut self.addresses);
            self.next_half = now + MINUTES as u64 / 2;
        }
    }

    /// Whether what one address sends goes out again to others, and back, in the minutes that are over.
    pub fn judge(&self, now: Time) -> Option<Relayed> {
        let tops: Vec<&Peer> = self.tops.iter().flatten().collect();
        let all = sum(self.all.iter());
        if all.sent.min(all.received) < limits::RELAY_BYTES {
            return None;
        }
        let mut best: Option<Relayed> = None;
        // Beside it the device may have business of its own with some of the others that much is exchanged with.
        for (place, master) in tops.iter().enumerate() {
            let others = (0..1_usize << tops.len()).filter(|own| own >> place & 1 == 0 && own.count_ones() <= 2);
            for own in others {
                let own: Vec<&Peer> = (0..tops.len()).filter(|at| own >> at & 1 == 1).map(|at| tops[at]).collect();
                let found = self.weigh(master, &own, now);
                best = best.into_iter().chain(found).max_by_key(|relayed| relayed.passed_on);
            }
        }
        best
    }

    /// The same of one master and all others but those with whom the device has business of its own.
    fn weigh(&self, master: &Peer, own: &[&Peer], now: Time) -> Option<Relayed> {
        let oldest = (self.minute + 1) % MINUTES as u64;
        let order = (0..MINUTES as u64).map(|n| ((oldest + n) % MINUTES as u64) as usize);
        let order: Vec<usize> = order.skip_while(|at| self.all[*at].sum() == 0).collect();
        let others = |at: &usize| {
            own.iter().fold(self.all[*at].less(master.minutes[*at]), |rest, top| rest.less(top.minutes[*at]))
        };
        let masters: Vec<Minute> = order.iter().map(|at| master.minutes[*at]).collect();
        let others: Vec<Minute> = order.iter().map(others).collect();
        let (of_master, of_others) = (sum(masters.iter()), sum(others.iter()));
        let (sent, received) = (of_master.sent + of_others.sent, of_master.received + of_others.received);
        let share = (of_master.sent + of_master.received) * 100 / (sent + received).max(1);
        // Calls and games go both ways with everybody; what is fetched for somebody goes one way.
        let lopsided: u64 = self.lopsided.iter().map(|bytes| u64::from(*bytes)).sum();
        let elsewhere: u64 = own.iter().chain([&master]).flat_map(|top| top.minutes).map(Minute::lopsided).sum();
        let one_way = lopsided.saturating_sub(elsewhere) * 2 >= of_others.sent + of_others.received;
        let passed_on = conserved([(of_master.received, of_others.sent), (of_master.sent, of_others.received)]);
        if sent.min(received) < limits::RELAY_BYTES
            || percent(sent, received) < limits::RELAY_BALANCE
            || !(30..=70).contains(&share)
            || !one_way
            || passed_on < limits::RELAY_PASSED_ON
        {
            return None;
        }
        let in_step = in_step(&masters, &others);
        let addresses = self.addresses.count().max(self.before.count()).saturating_sub(1);
        // Who picks among several finds what fits by chance: then it has to fit minute by minute too, and to many.
        let sure =
            in_step.is_some_and(|percent| percent >= limits::RELAY_IN_STEP) && addresses >= limits::RELAY_ADDRESSES;
        (own.is_empty() || sure).then_some(Relayed {
            at: now,
            master: master.address,
            sent,
            received,
            passed_on,
            in_step,
            minutes: order.len() as u32,
            addresses,
            signs: RelaySigns::default(),
        })
    }
}

/// Bytes of several minutes.
struct Sum {
    sent: u64,
    received: u64,
}

fn sum<'a>(minutes: impl Iterator<Item = &'a Minute>) -> Sum {
    minutes.fold(Sum { sent: 0, received: 0 }, |sum, minute| Sum {
        sent: sum.sent + u64::from(minute.sent),
        received: sum.received + u64::from(minute.received),
    })
}

/// How well the master's minutes and the others' agree, in percent; absent where all minutes are alike, or few.
fn in_step(masters: &[Minute], others: &[Minute]) -> Option<u32> {
    // The first minute is a part of one, and everything begins in it.
    let (masters, others) = (masters.get(1..)?, others.get(1..)?);
    let uneven = |minutes: &[Minute]| {
        let count = minutes.len() as u64;
        let mean = minutes.iter().map(|minute| u64::from(minute.sum())).sum::<u64>() / count;
        let spread = minutes.iter().map(|minute| u64::from(minute.sum()).abs_diff(mean)).sum::<u64>() / count;
        spread * 100 >= mean * limits::RELAY_UNEVEN
    };
    if masters.len() < limits::RELAY_MINUTES as usize - 1 || !uneven(masters) && !uneven(others) {
        return None;
    }
    let pairs = masters.iter().zip(others).flat_map(|(own, others)| {
        [(own.received, others.sent), (own.sent, others.received)].map(|(a, b)| (u64::from(a), u64::from(b)))
    });
    Some(conserved(pairs))
}

fn minute(now: Time) -> u64 {
    now.0 / Span::mins(1).0
}

fn percent(a: u64, b: u64) -> u32 {
    (a.min(b) * 100 / a.max(b).max(1)) as u32
}

/// What of pairs that should be equal is equal, in percent.
fn conserved(pairs: impl IntoIterator<Item = (u64, u64)>) -> u32 {
    let (less, more) = pairs.into_iter().fold((0, 0), |(less, more), (a, b)| (less + a.min(b), more + a.max(b)));
    percent(less, more)
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

    /// Address, sent, received.
    type Bytes = Vec<(u8, u64, u64)>;

    /// Ten minutes of it.
    fn story(minute: impl Fn(u64) -> Bytes) -> Option<Relayed> {
        let mut balance = Balance::new(at(0));
        for n in 0..10 {
            minute(n).into_iter().for_each(|(last, sent, received)| balance.add(ip(last), sent, received, at(n)));
        }
        balance.judge(at(10))
    }

    /// Uneven, without chance.
    fn much(n: u64) -> u64 {
        [900, 2_400, 300, 1_500, 3_000, 100, 800, 2_000, 400, 1_200][n as usize % 10] * 1_000
    }

    #[test]
    fn what_a_master_gets_others_have_sent() {
        let relayed = story(|n| {
            let fetched = much(n);
            vec![(n as u8, 30_000, fetched / 2), (n as u8 + 20, 30_000, fetched / 2), (MASTER, fetched, 70_000)]
        });
        let relayed = relayed.unwrap();
        assert_eq!((relayed.master, relayed.addresses > 8), (ip(MASTER), true));
        assert!(relayed.passed_on > 95 && relayed.in_step.is_some_and(|percent| percent > 95), "{relayed:?}");
    }

    #[test]
    fn look_alikes_are_none() {
        let none: [&dyn Fn(u64) -> Bytes; 6] = [
            // A call with one, and with three.
            &|n| vec![(1, much(n), much(n))],
            &|n| (1..=3).map(|peer| (peer, much(n) / 3, much(n) / 3)).collect(),
            // A camera, a film, and a tunnel of its own traffic.
            &|n| vec![(1, much(n), 30_000), (2, 2_000, 5_000)],
            &|n| vec![(1, 40_000, much(n)), (2, 2_000, 5_000)],
            &|n| vec![(1, much(n), 9 * much(n))],
            // A swarm: who gets much and who gives much are many.
            &|n| {
                (0..8)
                    .map(|peer| if peer % 2 == 0 { (peer, much(n) / 4, 9_000) } else { (peer, 9_000, much(n) / 4) })
                    .collect()
            },
        ];
        for (case, minute) in none.iter().enumerate() {
            assert_eq!(story(minute), None, "{case}");
        }
    }

    #[test]
    fn a_backup_beside_a_film_of_the_same_size_is_out_of_step() {
        let relayed = story(|n| vec![(1, 1_260_000, 30_000), (2, 30_000, much(n))]);
        assert!(
            relayed.as_ref().is_none_or(|relayed| relayed.in_step.is_none_or(|percent| percent < 75)),
            "{relayed:?}"
        );
        let even = story(|_| vec![(1, 1_200_000, 30_000), (2, 30_000, 1_200_000)]).unwrap();
        assert_eq!(even.in_step, None, "all minutes are alike");
    }

    #[test]
    fn a_master_is_found_among_many_and_quiet_minutes_forget() {
        let mut balance = Balance::new(at(0));
        for n in 0..40 {
            for address in 0..20 {
                balance.add(ip(address), 20_000, 200_000, at(n));
            }
            balance.add(ip(MASTER), 4_000_000, 400_000, at(n));
        }
        assert_eq!(balance.judge(at(40)).map(|relayed| relayed.master), Some(ip(MASTER)));
        balance.add(ip(1), 100, 100, at(55));
        assert_eq!(balance.judge(at(56)), None);
    }
}
