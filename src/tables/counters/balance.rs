//! What goes into a device and out of it, and with which addresses most of it is exchanged. It shows whether the device
//! passes on for others what it receives.
//!
//! A single relayed flow is as one-sided as any other. What balances is the device as a whole: what a master sends goes
//! out again to others, and what they answer goes back to the master (packet conservation: T. He and L. Tong,
//! "Detecting Encrypted Stepping-Stone Connections", IEEE Trans. Signal Processing 2007). The traffic is counted minute
//! by minute for ten minutes, and in steps of five minutes for an hour, in a fixed number of bytes for each device. All
//! ways to take it apart into a master's part and the others' are tried: one of the busiest addresses against the rest,
//! with up to three others left aside, with which the device has business of its own; what the device sends more to
//! against what it receives more from, for several masters; and who called it against whom it calls. The thresholds are
//! in [`crate::limits`], and `tests/relay` shows how they were tuned.

use crate::limits;
use crate::tables::counters::compact::CompactNumber;
use crate::tables::counters::day::Traffic;
use crate::tables::counters::twins::Twins;
use crate::time::Time;
use std::net::IpAddr;

/// How many minutes the short window has, and how many steps of five minutes the long one.
const MINUTES: usize = 10;
const STEPS: usize = 12;
/// How many minutes a step of the long window has.
const STEP_MINUTES: u64 = 5;
/// How many addresses are counted on their own. A master has half of what is relayed, so it is among the largest even
/// where the device has a few streams of its own.
const PEERS: usize = 8;
/// How many of them may be business of the device's own, beside one master and beside several.
const OWN: u32 = 3;
const OWN_BESIDE_SEVERAL: u32 = 2;

/// Bytes of several slots or addresses.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sent: u64,
    received: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        (self.sent, self.received) = (self.sent + other.sent, self.received + other.received);
    }

    fn total(self) -> u64 {
        self.sent + self.received
    }

    /// Returns how much more goes one way than the other, in percent of both.
    fn lopsided_percent(self) -> u64 {
        self.sent.abs_diff(self.received) * 100 / self.total().max(1)
    }
}

impl std::iter::Sum for Sum {
    fn sum<I: Iterator<Item = Sum>>(all: I) -> Sum {
        all.fold(Sum::default(), |mut sum, one| {
            sum.add(one);
            sum
        })
    }
}

/// The bytes of some flows, slot by slot.
#[derive(Clone, Debug)]
struct Series<const N: usize> {
    /// The bytes of the slot that is being counted.
    now: (u32, u32),
    /// The bytes of the last slots, sent and received.
    slots: [(CompactNumber, CompactNumber); N],
}

impl<const N: usize> Series<N> {
    const EMPTY: Series<N> = Series { now: (0, 0), slots: [(CompactNumber::ZERO, CompactNumber::ZERO); N] };

    fn add(&mut self, bytes: Sum) {
        let add = |now: u32, more: u64| now.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.now = (add(self.now.0, bytes.sent), add(self.now.1, bytes.received));
    }

    fn now(&self) -> Sum {
        Sum { sent: self.now.0.into(), received: self.now.1.into() }
    }

    /// Puts what was counted into its slot.
    fn close(&mut self, place: usize) {
        let Sum { sent, received } = self.now();
        (self.slots[place], self.now) = ((CompactNumber::of(sent), CompactNumber::of(received)), (0, 0));
    }

    fn slot(&self, place: usize) -> Sum {
        Sum { sent: self.slots[place].0.get(), received: self.slots[place].1.get() }
    }

    /// Returns the bytes of all slots.
    fn sum(&self) -> Sum {
        (0..N).map(|place| self.slot(place)).chain([self.now()]).sum()
    }
}

/// The bytes that the device exchanges with one of its busiest addresses, in flows that the same side opened.
#[derive(Clone, Debug)]
struct Peer<const N: usize> {
    address: IpAddr,
    outbound: bool,
    bytes: Series<N>,
}

/// The traffic of a device in the last `N` slots.
#[derive(Clone, Debug)]
struct Window<const N: usize> {
    /// The slot that is being counted. Slot `n` has the place `n % N` in each ring.
    slot: u64,
    peers: Vec<Peer<N>>,
    /// What is exchanged with other addresses in flows that the device opened: where it sent more, and where not.
    rest: [Series<N>; 2],
}

impl<const N: usize> Window<N> {
    fn new(slot: u64) -> Self {
        Window { slot, peers: Vec::new(), rest: [Series::EMPTY; 2] }
    }

    /// Counts bytes in the current slot.
    fn add(&mut self, address: IpAddr, outbound: bool, bytes: Sum) {
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.address == address && peer.outbound == outbound) {
            peer.bytes.add(bytes);
            return;
        }
        if self.peers.len() < PEERS {
            self.peers.reserve_exact(PEERS - self.peers.len());
        } else {
            let totals = self.peers.iter().enumerate().map(|(at, peer)| (peer.bytes.sum().total(), at));
            let Some((_, smallest)) = totals.min().filter(|(total, _)| *total < bytes.total()) else {
                self.add_to_rest(outbound, bytes);
                return;
            };
            let Peer { outbound, bytes, .. } = self.peers.swap_remove(smallest);
            self.add_to_rest(outbound, bytes.now());
            for place in (0..N).filter(|_| outbound) {
                let slot = bytes.slot(place);
                let rest = &mut self.rest[usize::from(slot.sent <= slot.received)];
                let Sum { sent, received } = [rest.slot(place), slot].into_iter().sum();
                rest.slots[place] = (CompactNumber::of(sent), CompactNumber::of(received));
            }
        }
        let mut series = Series::EMPTY;
        series.add(bytes);
        self.peers.push(Peer { address, outbound, bytes: series });
    }

    fn add_to_rest(&mut self, outbound: bool, bytes: Sum) {
        if outbound {
            self.rest[usize::from(bytes.sent <= bytes.received)].add(bytes);
        }
    }

    fn series_mut(&mut self) -> impl Iterator<Item = &mut Series<N>> {
        self.peers.iter_mut().map(|peer| &mut peer.bytes).chain(&mut self.rest)
    }

    /// Ends the current slot.
    fn close(&mut self) {
        let place = (self.slot % N as u64) as usize;
        self.series_mut().for_each(|series| series.close(place));
    }

    /// Makes this the slot that is being counted, after the current one was closed: the oldest slots are forgotten.
    fn advance_to(&mut self, slot: u64) {
        for expired in (self.slot + 1..=slot).take(N) {
            let place = (expired % N as u64) as usize;
            self.series_mut().for_each(|series| series.close(place));
        }
        self.peers.retain(|peer| peer.bytes.sum().total() > 0);
        self.slot = self.slot.max(slot);
    }

    /// Counts what another window has counted in its current slot.
    fn add_current<const M: usize>(&mut self, other: &Window<M>) {
        for peer in other.peers.iter().filter(|peer| peer.bytes.now().total() > 0) {
            self.add(peer.address, peer.outbound, peer.bytes.now());
        }
        other.rest.iter().for_each(|rest| self.add_to_rest(true, rest.now()));
    }

    fn total(&self) -> u64 {
        self.peers.iter().map(|peer| &peer.bytes).chain(&self.rest).map(|series| series.sum().total()).sum()
    }

    /// Returns what shows best that the device passes on what it receives.
    fn judge(&self) -> Option<Candidate> {
        let busiest = (0..self.peers.len()).fold(0_u16, |all, at| all | 1 << at);
        let pick = |fits: &dyn Fn(usize) -> bool| {
            (0..self.peers.len()).filter(|at| fits(*at)).fold(0_u16, |picked, at| picked | 1 << at)
        };
        let called = pick(&|at| self.peers[at].outbound);
        let sums: [Sum; PEERS] =
            std::array::from_fn(|at| self.peers.get(at).map_or(Sum::default(), |peer| peer.bytes.sum()));
        let gives = pick(&|at| sums[at].sent > sums[at].received);
        let rest = self.rest.each_ref().map(Series::sum);
        let slots = self.slots();
        let weigh = |masters: Side, others: Side, own: u32, several: bool| {
            self.weigh(&Division { masters, others, own, several }, &sums, &rest, &slots)
        };
        let mut best: Option<Candidate> = None;
        let mut keep = |found: Option<Candidate>| {
            best = best.into_iter().chain(found).max_by_key(Candidate::rank);
        };
        for master in 0..self.peers.len() {
            let master = 1 << master;
            for own in subsets(called & !master, OWN) {
                let others = Side { peers: called & !master & !own, rest: [true; 2] };
                keep(weigh(Side { peers: master, rest: [false; 2] }, others, own.count_ones(), false));
            }
        }
        for own in subsets(busiest, OWN_BESIDE_SEVERAL) {
            let gives = Side { peers: gives & !own, rest: [true, false] };
            let takes = Side { peers: busiest & !gives.peers & !own, rest: [false, true] };
            let [among_gives, among_takes] =
                [gives, takes].map(|side| self.carriers(side, side.total(&sums, &rest).total()));
            // More is fetched than brought for others, so the masters are those that are given more, unless these are
            // clearly the many.
            let (masters, others) = if among_gives <= 2 * among_takes { (gives, takes) } else { (takes, gives) };
            // It is the device that opens flows for its masters.
            if others.peers & !called == 0 {
                keep(weigh(masters, others, own.count_ones(), true));
            }
        }
        let callers = Side { peers: busiest & !called, rest: [false; 2] };
        if callers.peers.count_ones() > 1 {
            keep(weigh(callers, Side { peers: called, rest: [true; 2] }, 0, true));
        }
        best
    }

    /// Returns the places of the slots since the first one that counted anything, oldest first.
    fn slots(&self) -> Vec<usize> {
        let places = (1..=N as u64).map(|n| ((self.slot + n) % N as u64) as usize);
        let is_empty = |place: &usize| {
            self.peers.iter().map(|peer| &peer.bytes).chain(&self.rest).all(|series| series.slot(*place).total() == 0)
        };
        places.skip_while(is_empty).collect()
    }

    /// Weighs one way to take the traffic apart. Returns `None` if the two parts do not match.
    fn weigh(&self, division: &Division, sums: &[Sum; PEERS], rest: &[Sum; 2], slots: &[usize]) -> Option<Candidate> {
        let [masters, others] = [division.masters, division.others].map(|side| side.total(sums, rest));
        let (sent, received) = (masters.sent + others.sent, masters.received + others.received);
        // More is sent to the masters and more is received from the others, or the reverse. Calls and games go both
        // ways with everybody.
        let is_mirrored = masters.sent > masters.received && others.received > others.sent
            || masters.sent < masters.received && others.received < others.sent;
        let passed_on = conserved([(masters.received, others.sent), (masters.sent, others.received)]);
        if !is_mirrored || sent.min(received) < limits::RELAY_BYTES || passed_on < limits::RELAY_PASSED_ON_LOOSELY {
            return None;
        }
        // The first slot is not a whole one, and everything begins in it.
        let series = |side: Side| -> Vec<Sum> {
            let peers = self.peers.iter().enumerate().filter(|(at, _)| side.has(*at)).map(|(_, peer)| &peer.bytes);
            let rest = self.rest.iter().zip(side.rest).filter(|(_, has)| *has).map(|(rest, _)| rest);
            let of_slot = |place: &usize| peers.clone().chain(rest.clone()).map(|series| series.slot(*place)).sum();
            slots.iter().skip(1).map(of_slot).collect()
        };
        let pace = Pace::of(&series(division.masters), &series(division.others));
        let lopsided = [masters.lopsided_percent(), others.lopsided_percent()];
        let carriers = self.carriers(division.others, others.total());
        let candidate = Candidate {
            division: *division,
            sent,
            received,
            passed_on,
            pace,
            carriers,
            slots: slots.len() as u32,
            is_sure: false,
        };
        let is_sure = carriers >= limits::RELAY_CARRIERS && candidate.is_in_step(lopsided);
        (is_sure || candidate.is_hint() || candidate.is_loose(lopsided)).then_some(Candidate { is_sure, ..candidate })
    }

    /// Returns among how many addresses the bytes of a side are spread, in tenths: the inverse Simpson index of their
    /// shares (E. H. Simpson, "Measurement of Diversity", Nature 1949). An address that is not counted on its own
    /// counts as if it had as much as the smallest that is.
    fn carriers(&self, side: Side, total: u64) -> u32 {
        let peers = || self.peers.iter().map(|peer| peer.bytes.sum().total());
        let on_their_own: Vec<u64> =
            peers().enumerate().filter(|(at, _)| side.has(*at)).map(|(_, total)| total).collect();
        let rest = total.saturating_sub(on_their_own.iter().sum::<u64>());
        let smallest = peers().min().unwrap_or(0).min(rest);
        let square = |bytes: u64| u128::from(bytes) * u128::from(bytes);
        let squares: u128 = on_their_own.into_iter().map(square).sum();
        let squares = squares + u128::from(rest) * u128::from(smallest);
        u32::try_from(square(total) * 10 / squares.max(1)).unwrap_or(u32::MAX)
    }

    fn addresses(&self, side: Side) -> Vec<IpAddr> {
        let peers = self.peers.iter().enumerate().filter(|(at, _)| side.has(*at));
        let mut addresses: Vec<_> =
            peers.map(|(_, peer)| (std::cmp::Reverse(peer.bytes.sum().total()), peer.address)).collect();
        addresses.sort_unstable();
        // The device has business of its own with those that have little to do with what it passes on.
        let least = addresses.first().map_or(0, |(most, _)| most.0 / 10);
        addresses.into_iter().take_while(|(total, _)| total.0 >= least).map(|(_, address)| address).collect()
    }
}

/// Returns the subsets of at most `most` of the bits in `of`.
fn subsets(of: u16, most: u32) -> impl Iterator<Item = u16> {
    (0..1_u16 << PEERS).filter(move |subset| subset & !of == 0 && subset.count_ones() <= most)
}

/// Some of the peers of a window, as bits, and parts of the rest.
#[derive(Clone, Copy, Debug)]
struct Side {
    peers: u16,
    rest: [bool; 2],
}

impl Side {
    fn has(self, peer: usize) -> bool {
        self.peers >> peer & 1 == 1
    }

    /// Returns its bytes, where `sums` are those of the peers.
    fn total(self, sums: &[Sum; PEERS], rest: &[Sum; 2]) -> Sum {
        let peers = sums.iter().enumerate().filter(|(at, _)| self.has(*at)).map(|(_, sum)| *sum);
        peers.chain(rest.iter().zip(self.rest).filter(|(_, has)| *has).map(|(sum, _)| *sum)).sum()
    }
}

/// A way to take a device's traffic apart.
#[derive(Clone, Copy, Debug)]
struct Division {
    masters: Side,
    others: Side,
    /// How many peers are left aside.
    own: u32,
    /// The masters may be several.
    several: bool,
}

/// How the traffic with the masters and that with the others move together, slot by slot, in percent.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How much of each slot has its counterpart on the other side.
    in_step: u32,
    /// How much of the ups and downs of one side are those of the other, where all is measured in shares of the whole.
    /// Traffic that has nothing to do with each other has 0; what differs by a constant factor has 100.
    follows: u32,
    /// How large these ups and downs are: the mean deviation in percent of the mean.
    uneven: u32,
}

impl Pace {
    fn of(masters: &[Sum], others: &[Sum]) -> Pace {
        let pairs = masters.iter().zip(others);
        let forth: Vec<(u64, u64)> = pairs.clone().map(|(master, others)| (master.sent, others.received)).collect();
        let back: Vec<(u64, u64)> = pairs.map(|(master, others)| (master.received, others.sent)).collect();
        let in_step = conserved(forth.iter().chain(&back).copied());
        let total = |pairs: &[(u64, u64)]| pairs.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        // The way that carries more; what goes the other way is mostly acknowledgements.
        let main = [forth, back].into_iter().max_by_key(|pairs| total(pairs).0 + total(pairs).1).unwrap_or_default();
        let (of_masters, of_others) = total(&main);
        let count = main.len() as u64;
        if of_masters == 0 || of_others == 0 {
            return Pace { in_step, follows: 0, uneven: 0 };
        }
        // In parts of a million.
        let share = |bytes: u64, of: u64| (u128::from(bytes) * 1_000_000 / u128::from(of)) as u64;
        let deviation = |of: &dyn Fn(&(u64, u64)) -> u64| -> u64 {
            main.iter().map(|pair| of(pair).abs_diff(1_000_000 / count)).sum()
        };
        let masters = deviation(&|pair| share(pair.0, of_masters));
        let others = deviation(&|pair| share(pair.1, of_others));
        let apart: u64 = main.iter().map(|(a, b)| share(*a, of_masters).abs_diff(share(*b, of_others))).sum();
        let ups_and_downs = masters.max(others).max(1);
        let follows = 100_u64.saturating_sub((apart * 100).div_ceil(ups_and_downs));
        Pace { in_step, follows: follows as u32, uneven: (ups_and_downs / 10_000) as u32 }
    }
}

/// A division of the traffic that matches.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    division: Division,
    sent: u64,
    received: u64,
    passed_on: u32,
    pace: Pace,
    carriers: u32,
    slots: u32,
    is_sure: bool,
}

impl Candidate {
    /// Returns what to prefer: what is sure, then what is of one size, then one master, then the pace, less something
    /// for each address that has to be left aside.
    fn rank(&self) -> (bool, bool, bool, u32) {
        let Candidate { division, pace, .. } = self;
        let pace = (pace.follows.max(pace.in_step) + 20).saturating_sub(4 * division.own);
        (self.is_sure, self.passed_on >= limits::RELAY_PASSED_ON, !division.several, pace)
    }

    /// Returns true if the two sides move together as only those of a relay do.
    fn is_in_step(&self, lopsided: [u64; 2]) -> bool {
        let Candidate { division, passed_on, pace, slots, .. } = *self;
        let Pace { in_step, follows, uneven } = pace;
        let is_long = slots >= limits::RELAY_SLOTS;
        if division.several {
            return is_long
                && passed_on.min(in_step).min(follows) >= limits::RELAY_SEVERAL
                && lopsided.into_iter().all(|percent| percent >= limits::RELAY_LOPSIDED);
        }
        let is_plain = slots >= limits::RELAY_SLOTS_PLAIN
            && passed_on >= limits::RELAY_PASSED_ON
            && in_step.min(follows) >= limits::RELAY_IN_STEP_PLAIN
            && uneven >= limits::RELAY_UNEVEN;
        let is_plainest = slots >= limits::RELAY_SLOTS_PLAINEST
            && division.own == 0
            && passed_on >= limits::RELAY_PASSED_ON_PLAINEST
            && follows >= limits::RELAY_FOLLOWS_PLAINEST
            && uneven >= limits::RELAY_UNEVEN_LITTLE;
        is_plain || is_plainest || is_long && (self.is_hint() || self.is_loose(lopsided))
    }

    /// Returns true if the two sides move together, but differ by a factor: what is packed for the master does, and
    /// what has much overhead.
    fn is_loose(&self, lopsided: [u64; 2]) -> bool {
        let Candidate { division, passed_on, pace: Pace { follows, uneven, .. }, slots, .. } = *self;
        let least = if passed_on >= limits::RELAY_PASSED_ON_HALF {
            limits::RELAY_FOLLOWS_HALF
        } else {
            limits::RELAY_FOLLOWS_LOOSELY
        };
        !division.several
            && division.own == 0
            && slots >= limits::RELAY_SLOTS
            && follows >= least
            && uneven >= limits::RELAY_UNEVEN
            && lopsided.into_iter().max() >= Some(limits::RELAY_LOPSIDED_LITTLE)
    }

    /// Returns true if the two sides of a single master are of one size and move together.
    fn is_hint(&self) -> bool {
        let Candidate { division, passed_on, pace: Pace { in_step, follows, uneven }, slots, .. } = *self;
        let least = if division.own == 0 { limits::RELAY_IN_STEP } else { limits::RELAY_IN_STEP_ASIDE };
        !division.several
            && slots >= limits::RELAY_SLOTS_PLAIN
            && passed_on >= limits::RELAY_PASSED_ON
            && (in_step >= least && follows >= limits::RELAY_FOLLOWS_LITTLE && uneven >= limits::RELAY_UNEVEN
                || follows >= limits::RELAY_FOLLOWS && uneven >= limits::RELAY_UNEVEN_LITTLE)
    }
}

/// The traffic of a device in the last ten minutes and the last hour.
#[derive(Clone, Debug)]
pub struct Balance {
    minutes: Window<MINUTES>,
    hour: Window<STEPS>,
    /// The flows that were passed on one by one.
    pub twins: Twins,
    /// The latest time that the device passed on what it received.
    pub relay: Option<Box<Relay>>,
}

/// What a device received from some addresses, its masters, went out again to others, and what they answered went back.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// No lookup of the device yielded its masters, and it calls others at ports of several services.
    pub by_address: bool,
    /// How many sites (registrable names, or networks) the device called beside its masters.
    pub sites: u32,
    /// How many of them it never called before today; 0 for a device that was not known before.
    pub new_sites: u32,
    /// In how many hours of the last 24 these were new.
    pub hours_with_new_sites: u32,
    /// Why the device may be harmless after all.
    pub excuse: Option<Excuse>,
}

impl Balance {
    /// The memory that it takes at most, in bytes, with what it keeps elsewhere.
    pub const BYTES: usize = size_of::<Balance>()
        + PEERS * (size_of::<Peer<MINUTES>>() + size_of::<Peer<STEPS>>())
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
        Traffic { sent, received }: Traffic,
        is_counting: bool,
        now: Time,
    ) -> Option<Relay> {
        let passed = now.minute().saturating_sub(self.minutes.slot);
        let judged = if passed > 1 || passed == 1 && !is_counting { self.close_minute(now) } else { None };
        self.minutes.add(address, outbound, Sum { sent, received });
        judged
    }

    /// Returns how many bytes were counted in the last hour.
    pub fn total(&self) -> u64 {
        self.hour.total() + self.minutes.total()
    }

    fn close_minute(&mut self, now: Time) -> Option<Relay> {
        self.hour.add_current(&self.minutes);
        self.minutes.close();
        let short = self.minutes.judge();
        let is_sure = short.is_some_and(|found| found.is_sure);
        let step = now.minute() / STEP_MINUTES;
        let mut long = None;
        if step > self.hour.slot {
            self.hour.close();
            long = if is_sure { None } else { self.hour.judge() };
        }
        let relay = match long.filter(|long| long.is_sure) {
            Some(long) => Some((long, self.hour.addresses(long.division.masters), STEP_MINUTES as u32)),
            None => short.map(|short| (short, self.minutes.addresses(short.division.masters), 1)),
        };
        let relay = relay.map(|(found, masters, minutes)| Relay {
            at: now,
            masters,
            sent: found.sent,
            received: found.received,
            passed_on_percent: found.passed_on,
            in_step_percent: found.pace.in_step,
            follows_percent: found.pace.follows,
            carriers_tenths: found.carriers,
            minutes: found.slots * minutes,
            twins: 0,
            twin_percent: 0,
            is_sure: found.is_sure,
            signs: RelaySigns::default(),
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
                sent: 0,
                received: 0,
                passed_on_percent: 0,
                in_step_percent: 0,
                follows_percent: 0,
                carriers_tenths: twins.carriers_tenths,
                minutes: twins.minutes,
                twins: twins.count,
                twin_percent: twins.percent,
                is_sure: true,
                signs: RelaySigns::default(),
            }),
            (relay, _) => relay,
        }
    }
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
