//! What goes into a device and out of it, minute by minute, and with which addresses most of it is exchanged. It shows
//! whether the device passes on for others what it receives.
//!
//! A single relayed flow is as one-sided as any other. What balances is the device as a whole: what a master sends goes
//! out again to many others, and what they answer goes back to the master (packet conservation: T. He and L. Tong,
//! "Detecting Encrypted Stepping-Stone Connections", IEEE Trans. Signal Processing 2007). All of it is counted in a
//! fixed number of bytes for each device. The thresholds are in [`crate::limits`], and `tests/relay` shows how they
//! were tuned.

use crate::limits;
use crate::tables::counters::distinct::Distinct;
use crate::time::Time;
use std::net::IpAddr;

/// How many minutes are judged together; the ring buffers below have one slot for each.
const MINUTES: usize = 10;
/// How many addresses are counted on their own. A master has half of all bytes, so it is always among the largest.
const PEERS: usize = 4;

/// The bytes of one minute.
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

    fn total(self) -> u32 {
        self.sent.saturating_add(self.received)
    }

    fn saturating_sub(self, other: Minute) -> Minute {
        let (sent, received) = (self.sent.saturating_sub(other.sent), self.received.saturating_sub(other.received));
        Minute { sent, received }
    }

    /// Returns how many bytes more went one way than the other.
    fn imbalance(self) -> u32 {
        self.sent.abs_diff(self.received)
    }
}

/// The bytes that the device exchanges with one of its busiest addresses.
#[derive(Clone, Debug)]
struct Peer {
    address: IpAddr,
    minutes: [Minute; MINUTES],
    /// The sum of all minutes.
    total: u32,
}

/// The traffic of a device in the last ten minutes.
#[derive(Clone, Debug)]
pub struct Balance {
    /// The minute that is being counted, since the engine's start. Minute `n` has slot `n % MINUTES` in each ring.
    minute: u64,
    totals: [Minute; MINUTES],
    /// The sum over all flows of how many bytes more each carried one way than the other.
    imbalance: [u32; MINUTES],
    peers: [Option<Peer>; PEERS],
    /// The addresses since half a window or less, and those of the half window before.
    addresses: Distinct,
    earlier_addresses: Distinct,
    /// The minute at which `addresses` become `earlier_addresses`.
    next_half: u64,
    /// The latest time that the device passed on what it received.
    pub relay: Option<Relay>,
}

/// What a device received from one address, the master, went out again to others, and what they answered went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// When this was last noticed.
    pub at: Time,
    /// The address that the device relays for.
    pub master: IpAddr,
    /// Bytes that the device sent in the window.
    pub sent: u64,
    /// Bytes that the device received in the window.
    pub received: u64,
    /// How much of what is exchanged with the master and of what is exchanged with the others has its counterpart on
    /// the other side.
    pub passed_on_percent: u32,
    /// That share as a sum minute by minute; absent if the minutes of both sides are too few or too much alike to tell.
    pub in_step_percent: Option<u32>,
    /// How many minutes were judged.
    pub minutes: u32,
    /// Approximately how many other addresses there were in the window.
    pub addresses: u32,
    /// What else speaks for a relay and against it; the engine fills it in.
    pub signs: RelaySigns,
}

/// A harmless reason for a device to pass on what it receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excuse {
    /// STUN or TURN was seen with the master, so it is a call.
    Call,
    /// WireGuard was seen with the master, so the device is one end of a VPN.
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
    /// The master connected from outside, or SOCKS or CONNECT was seen with it.
    pub proxy: bool,
    /// Why the device may be harmless after all.
    pub excuse: Option<Excuse>,
}

impl Balance {
    /// Starts counting in the current minute.
    pub fn new(now: Time) -> Balance {
        Balance {
            minute: now.minute(),
            totals: Default::default(),
            imbalance: [0; MINUTES],
            peers: Default::default(),
            addresses: Distinct::default(),
            earlier_addresses: Distinct::default(),
            next_half: now.minute() + MINUTES as u64 / 2,
            relay: None,
        }
    }

    /// Returns true if the minute that is being counted is over, so that what was counted can be judged.
    pub fn is_minute_over(&self, now: Time) -> bool {
        now.minute() > self.minute
    }

    /// Counts the bytes of a flow with this address.
    pub fn add(&mut self, address: IpAddr, sent: u64, received: u64, now: Time) {
        self.advance_to(now.minute());
        let short = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (sent, received) = (short(sent), short(received));
        let slot = (self.minute % MINUTES as u64) as usize;
        self.totals[slot].add(sent, received);
        self.imbalance[slot] = self.imbalance[slot].saturating_add(sent.abs_diff(received));
        self.addresses.add_address(address);
        let bytes = sent.saturating_add(received);
        let known = self.peers.iter().position(|peer| peer.as_ref().is_some_and(|peer| peer.address == address));
        let place = known.or_else(|| self.peers.iter().position(Option::is_none)).unwrap_or_else(|| {
            let totals = self.peers.iter().map(|peer| peer.as_ref().map_or(0, |peer| peer.total));
            totals.enumerate().min_by_key(|(_, total)| *total).map_or(0, |(place, _)| place)
        });
        let peer = &mut self.peers[place];
        if known.is_none() && peer.as_ref().is_some_and(|peer| peer.total >= bytes) {
            return;
        }
        let new = || Peer { address, minutes: Default::default(), total: 0 };
        if known.is_none() {
            *peer = Some(new());
        }
        let peer = peer.get_or_insert_with(new);
        peer.minutes[slot].add(sent, received);
        peer.total = peer.total.saturating_add(bytes);
    }

    /// Makes this the minute that is being counted: the oldest minutes are forgotten.
    fn advance_to(&mut self, minute: u64) {
        if minute <= self.minute {
            return;
        }
        for expired in (self.minute + 1..=minute).take(MINUTES) {
            let slot = (expired % MINUTES as u64) as usize;
            (self.totals[slot], self.imbalance[slot]) = (Minute::default(), 0);
            for place in &mut self.peers {
                let Some(peer) = place else { continue };
                peer.total = peer.total.saturating_sub(std::mem::take(&mut peer.minutes[slot]).total());
                if peer.total == 0 {
                    *place = None;
                }
            }
        }
        self.minute = minute;
        if minute >= self.next_half {
            self.earlier_addresses = std::mem::take(&mut self.addresses);
            self.next_half = minute + MINUTES as u64 / 2;
        }
    }

    /// Returns the best match if what one address sends goes out again to others, and back, in the minutes counted.
    pub fn judge(&self, now: Time) -> Option<Relay> {
        let peers: Vec<&Peer> = self.peers.iter().flatten().collect();
        let total = sum(self.totals.iter());
        if total.sent.min(total.received) < limits::RELAY_BYTES {
            return None;
        }
        let mut best: Option<Relay> = None;
        // While it relays, the device may have business of its own with some of the other busy addresses.
        for (place, master) in peers.iter().enumerate() {
            let subsets = (0..1_usize << peers.len()).filter(|own| own >> place & 1 == 0 && own.count_ones() <= 2);
            for own in subsets {
                let own: Vec<&Peer> = (0..peers.len()).filter(|at| own >> at & 1 == 1).map(|at| peers[at]).collect();
                let found = self.match_master(master, &own, now);
                best = best.into_iter().chain(found).max_by_key(|relay| relay.passed_on_percent);
            }
        }
        best
    }

    /// Returns the match if what `master` sends goes out again to all other addresses but those in `own`, with which
    /// the device has business of its own.
    fn match_master(&self, master: &Peer, own: &[&Peer], now: Time) -> Option<Relay> {
        let oldest = (self.minute + 1) % MINUTES as u64;
        let slots = (0..MINUTES as u64).map(|n| ((oldest + n) % MINUTES as u64) as usize);
        let slots: Vec<usize> = slots.skip_while(|slot| self.totals[*slot].total() == 0).collect();
        let others = |slot: &usize| {
            let rest = self.totals[*slot].saturating_sub(master.minutes[*slot]);
            own.iter().fold(rest, |rest, peer| rest.saturating_sub(peer.minutes[*slot]))
        };
        let masters: Vec<Minute> = slots.iter().map(|slot| master.minutes[*slot]).collect();
        let others: Vec<Minute> = slots.iter().map(others).collect();
        let (of_master, of_others) = (sum(masters.iter()), sum(others.iter()));
        let (sent, received) = (of_master.sent + of_others.sent, of_master.received + of_others.received);
        let share = (of_master.sent + of_master.received) * 100 / (sent + received).max(1);
        // Calls and games go both ways with everybody; what is fetched for somebody goes one way.
        let imbalance: u64 = self.imbalance.iter().map(|bytes| u64::from(*bytes)).sum();
        let elsewhere = own.iter().chain([&master]).flat_map(|peer| peer.minutes);
        let elsewhere: u64 = elsewhere.map(|minute| u64::from(minute.imbalance())).sum();
        let one_way = imbalance.saturating_sub(elsewhere) * 2 >= of_others.sent + of_others.received;
        let passed_on_percent = conserved([(of_master.received, of_others.sent), (of_master.sent, of_others.received)]);
        if sent.min(received) < limits::RELAY_BYTES
            || percent(sent, received) < limits::RELAY_BALANCE
            || !(30..=70).contains(&share)
            || !one_way
            || passed_on_percent < limits::RELAY_PASSED_ON
        {
            return None;
        }
        let in_step_percent = in_step(&masters, &others);
        let addresses = self.addresses.count().max(self.earlier_addresses.count()).saturating_sub(1);
        // Among several subsets one fits by chance. So it has to fit minute by minute, too, and there have to be many
        // others.
        let is_sure = in_step_percent.is_some_and(|percent| percent >= limits::RELAY_IN_STEP)
            && addresses >= limits::RELAY_ADDRESSES;
        (own.is_empty() || is_sure).then_some(Relay {
            at: now,
            master: master.address,
            sent,
            received,
            passed_on_percent,
            in_step_percent,
            minutes: slots.len() as u32,
            addresses,
            signs: RelaySigns::default(),
        })
    }
}

/// The bytes of several minutes.
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

/// Returns how well the minutes of the master and of the others agree, in percent; absent if they are few or all alike.
fn in_step(masters: &[Minute], others: &[Minute]) -> Option<u32> {
    // The first minute is not a whole one, and everything begins in it.
    let (masters, others) = (masters.get(1..)?, others.get(1..)?);
    let is_uneven = |minutes: &[Minute]| {
        let count = minutes.len() as u64;
        let mean = minutes.iter().map(|minute| u64::from(minute.total())).sum::<u64>() / count;
        let spread = minutes.iter().map(|minute| u64::from(minute.total()).abs_diff(mean)).sum::<u64>() / count;
        spread * 100 >= mean * limits::RELAY_UNEVEN
    };
    if masters.len() < limits::RELAY_MINUTES as usize - 1 || !is_uneven(masters) && !is_uneven(others) {
        return None;
    }
    let pairs = masters.iter().zip(others).flat_map(|(master, others)| {
        [(master.received, others.sent), (master.sent, others.received)].map(|(a, b)| (u64::from(a), u64::from(b)))
    });
    Some(conserved(pairs))
}

/// Returns the smaller number as a percentage of the larger one.
fn percent(a: u64, b: u64) -> u32 {
    (a.min(b) * 100 / a.max(b).max(1)) as u32
}

/// Returns how much of the pairs, whose two numbers should be equal, is equal, in percent.
fn conserved(pairs: impl IntoIterator<Item = (u64, u64)>) -> u32 {
    let (smaller, larger) =
        pairs.into_iter().fold((0, 0), |(smaller, larger), (a, b)| (smaller + a.min(b), larger + a.max(b)));
    percent(smaller, larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const MASTER: u8 = 200;

    fn ip(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(45, 10, 1, last).into()
    }

    fn at(minutes: u64) -> Time {
        Time(0) + Span::mins(minutes)
    }

    /// The last octet of an address, and the bytes sent to it and received from it.
    type Traffic = Vec<(u8, u64, u64)>;

    /// Judges ten minutes of traffic.
    fn judge(minute: impl Fn(u64) -> Traffic) -> Option<Relay> {
        let mut balance = Balance::new(at(0));
        for n in 0..10 {
            minute(n).into_iter().for_each(|(last, sent, received)| balance.add(ip(last), sent, received, at(n)));
        }
        balance.judge(at(10))
    }

    /// Returns bytes that differ from minute to minute, without chance.
    fn uneven(n: u64) -> u64 {
        [900, 2_400, 300, 1_500, 3_000, 100, 800, 2_000, 400, 1_200][n as usize % 10] * 1_000
    }

    #[test]
    fn what_others_send_goes_to_the_master() {
        let relay = judge(|n| {
            let fetched = uneven(n);
            vec![(n as u8, 30_000, fetched / 2), (n as u8 + 20, 30_000, fetched / 2), (MASTER, fetched, 70_000)]
        });
        let relay = relay.unwrap();
        assert_eq!((relay.master, relay.addresses > 8), (ip(MASTER), true));
        assert!(relay.passed_on_percent > 95 && relay.in_step_percent.is_some_and(|percent| percent > 95), "{relay:?}");
    }

    #[test]
    fn look_alikes_are_no_relays() {
        let none: [&dyn Fn(u64) -> Traffic; 6] = [
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
                    .map(|peer| if peer % 2 == 0 { (peer, uneven(n) / 4, 9_000) } else { (peer, 9_000, uneven(n) / 4) })
                    .collect()
            },
        ];
        for (case, minute) in none.iter().enumerate() {
            assert_eq!(judge(minute), None, "{case}");
        }
    }

    #[test]
    fn a_backup_beside_a_film_of_the_same_size_is_out_of_step() {
        let relay = judge(|n| vec![(1, 1_260_000, 30_000), (2, 30_000, uneven(n))]);
        assert!(
            relay.as_ref().is_none_or(|relay| relay.in_step_percent.is_none_or(|percent| percent < 75)),
            "{relay:?}"
        );
        let even = judge(|_| vec![(1, 1_200_000, 30_000), (2, 30_000, 1_200_000)]).unwrap();
        assert_eq!(even.in_step_percent, None, "all minutes are alike");
    }

    #[test]
    fn a_master_is_found_among_many_and_forgotten_when_it_is_quiet() {
        let mut balance = Balance::new(at(0));
        for n in 0..40 {
            for address in 0..20 {
                balance.add(ip(address), 20_000, 200_000, at(n));
            }
            balance.add(ip(MASTER), 4_000_000, 400_000, at(n));
        }
        assert_eq!(balance.judge(at(40)).map(|relay| relay.master), Some(ip(MASTER)));
        balance.add(ip(1), 100, 100, at(55));
        assert_eq!(balance.judge(at(56)), None);
    }
}
