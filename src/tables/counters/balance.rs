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

use crate::limits;
use crate::tables::counters::compact::CompactNumber;
use crate::tables::counters::day::Traffic;
use crate::tables::counters::twins::Twins;
use crate::time::{Span, Time};
use std::net::IpAddr;

/// How many slots a window has: minutes, or steps of six minutes.
const SLOTS: usize = 10;
/// How many minutes a step of the long window has.
const STEP_MINUTES: u64 = 6;
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
struct Series {
    /// The bytes of the slot that is being counted.
    now: (u32, u32),
    /// The bytes of the last slots, sent and received.
    slots: [(CompactNumber, CompactNumber); SLOTS],
    /// The sum of both in all of these slots.
    closed: u32,
}

impl Series {
    const EMPTY: Series = Series { now: (0, 0), slots: [(CompactNumber::ZERO, CompactNumber::ZERO); SLOTS], closed: 0 };

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
        self.sum_up();
    }

    fn sum_up(&mut self) {
        let closed: Sum = (0..SLOTS).map(|place| self.slot(place)).sum();
        self.closed = u32::try_from(closed.total()).unwrap_or(u32::MAX);
    }

    /// Returns the bytes of all slots and of that which is being counted.
    fn total(&self) -> u64 {
        u64::from(self.closed) + self.now().total()
    }

    fn slot(&self, place: usize) -> Sum {
        Sum { sent: self.slots[place].0.get(), received: self.slots[place].1.get() }
    }
}

/// Returns what counts as one address: over IPv6 the /64, of which whoever has one address has all (RFC 6177).
fn subnet(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// The bytes that the device exchanges with one of its busiest addresses, in flows that the same side opened.
#[derive(Clone, Debug)]
struct Peer {
    address: IpAddr,
    outbound: bool,
    bytes: Series,
}

/// The traffic of a device in the last slots.
#[derive(Clone, Debug)]
struct Window {
    /// The slot that is being counted. Slot `n` has the place `n % SLOTS` in each ring.
    slot: u64,
    peers: Vec<Peer>,
    /// What is exchanged with other addresses in flows that the device opened: where it sent more, and where not.
    rest: [Series; 2],
}

impl Window {
    fn new(slot: u64) -> Self {
        Window { slot, peers: Vec::new(), rest: [Series::EMPTY; 2] }
    }

    /// Counts bytes in the current slot.
    fn add(&mut self, address: IpAddr, outbound: bool, bytes: Sum) {
        let is_it = |peer: &&mut Peer| subnet(peer.address) == subnet(address) && peer.outbound == outbound;
        if let Some(peer) = self.peers.iter_mut().find(is_it) {
            peer.bytes.add(bytes);
            return;
        }
        if self.peers.len() < PEERS {
            self.peers.reserve_exact(PEERS - self.peers.len());
        } else {
            let totals = self.peers.iter().enumerate().map(|(at, peer)| (peer.bytes.total(), at));
            let Some((_, smallest)) = totals.min().filter(|(total, _)| *total < bytes.total()) else {
                self.add_to_rest(outbound, bytes);
                return;
            };
            let Peer { outbound, bytes, .. } = self.peers.swap_remove(smallest);
            self.add_to_rest(outbound, bytes.now());
            for place in (0..SLOTS).filter(|_| outbound) {
                let slot = bytes.slot(place);
                let rest = &mut self.rest[usize::from(slot.sent <= slot.received)];
                let Sum { sent, received } = [rest.slot(place), slot].into_iter().sum();
                rest.slots[place] = (CompactNumber::of(sent), CompactNumber::of(received));
            }
            self.rest.iter_mut().for_each(Series::sum_up);
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

    fn series_mut(&mut self) -> impl Iterator<Item = &mut Series> {
        self.peers.iter_mut().map(|peer| &mut peer.bytes).chain(&mut self.rest)
    }

    /// Ends the current slot.
    fn close(&mut self) {
        let place = (self.slot % SLOTS as u64) as usize;
        self.series_mut().for_each(|series| series.close(place));
    }

    /// Makes this the slot that is being counted, after the current one was closed: the oldest slots are forgotten.
    fn advance_to(&mut self, slot: u64) {
        for expired in (self.slot + 1..=slot).take(SLOTS) {
            let place = (expired % SLOTS as u64) as usize;
            self.series_mut().for_each(|series| series.close(place));
        }
        self.peers.retain(|peer| peer.bytes.total() > 0);
        self.slot = self.slot.max(slot);
    }

    /// Counts what another window has counted in its current slot.
    fn add_current(&mut self, other: &Window) {
        for peer in other.peers.iter().filter(|peer| peer.bytes.now().total() > 0) {
            self.add(peer.address, peer.outbound, peer.bytes.now());
        }
        other.rest.iter().for_each(|rest| self.add_to_rest(true, rest.now()));
    }

    fn series(&self) -> impl Iterator<Item = &Series> {
        self.peers.iter().map(|peer| &peer.bytes).chain(&self.rest)
    }

    fn total(&self) -> u64 {
        self.series().map(Series::total).sum()
    }

    /// Returns what shows best that the device passes on what it receives.
    fn judge(&self) -> Option<Found> {
        let parts = Parts::of(self);
        let all = parts.total(parts.peers | REST_GIVES | REST_TAKES);
        if all.sent.min(all.received) < limits::RELAY_BYTES || parts.slot_count < limits::RELAY_SLOTS_PLAINEST as usize
        {
            return None;
        }
        let best = parts.judge()?;
        let mut masters: Vec<_> = parts.of_side(best.division.masters & PEERS_MASK).collect();
        masters.sort_unstable_by_key(|at| std::cmp::Reverse(parts.sums[*at].total()));
        // The device has business of its own with those that have little to do with what it passes on.
        let most = masters.first().map_or(0, |most| parts.sums[*most].total());
        masters.retain(|at| parts.sums[*at].total() >= most / 10);
        let series = parts.series(best.division.masters);
        let mean = parts.total(best.division.masters).total() / parts.slot_count as u64;
        let is_idle = |slot: &&Sum| slot.total() * 10 < mean;
        let idle = series[..parts.slot_count].iter().rev().take_while(is_idle).count() as u32;
        Some(Found { best, masters: masters.into_iter().map(|at| self.peers[at].address).collect(), idle })
    }
}

/// The best way to take a window's traffic apart.
struct Found {
    best: Candidate,
    /// The masters, that with the most traffic first.
    masters: Vec<IpAddr>,
    /// How many slots ago they were last busy.
    idle: u32,
}

/// Some of the parts of a device's traffic, as bits.
type Side = u16;

/// The peers among the parts; two parts for the rest follow: where more is sent, and where not.
const PEERS_MASK: Side = (1 << PEERS) - 1;
const REST_GIVES: Side = 1 << PEERS;
const REST_TAKES: Side = 2 << PEERS;

/// The traffic of a window, by peers and rest, as it is taken apart.
struct Parts {
    sums: [Sum; PEERS + 2],
    /// The sums of all sets of peers, since nearly all of them are weighed.
    of_peers: [Sum; 1 << PEERS],
    /// The slots since the first one that counted anything, oldest first.
    slots: [[Sum; SLOTS]; PEERS + 2],
    slot_count: usize,
    /// The peers, those whom the device called, and those to which it sent more.
    peers: Side,
    called: Side,
    gives: Side,
}

impl Parts {
    fn of(window: &Window) -> Self {
        let place = |n: usize| ((window.slot + 1 + n as u64) % SLOTS as u64) as usize;
        let is_empty = |n: &usize| window.series().all(|series| series.slot(place(*n)).total() == 0);
        let first = (0..SLOTS).take_while(is_empty).count();
        let mut parts = Parts {
            sums: [Sum::default(); PEERS + 2],
            of_peers: [Sum::default(); 1 << PEERS],
            slots: [[Sum::default(); SLOTS]; PEERS + 2],
            slot_count: SLOTS - first,
            peers: 0,
            called: 0,
            gives: REST_GIVES,
        };
        let places = (0..window.peers.len()).chain([PEERS, PEERS + 1]);
        for (at, series) in places.zip(window.series()) {
            (first..SLOTS).for_each(|n| parts.slots[at][n - first] = series.slot(place(n)));
            parts.sums[at] = parts.slots[at].iter().copied().sum();
        }
        for (at, peer) in window.peers.iter().enumerate() {
            parts.peers |= 1 << at;
            parts.called |= Side::from(peer.outbound) << at;
            parts.gives |= Side::from(parts.sums[at].sent > parts.sums[at].received) << at;
        }
        for set in 1..1 << window.peers.len() {
            let (lowest, others) = (set as Side, set & (set - 1));
            parts.of_peers[set] =
                [parts.of_peers[others], parts.sums[lowest.trailing_zeros() as usize]].into_iter().sum();
        }
        parts
    }

    fn of_side(&self, side: Side) -> impl Iterator<Item = usize> {
        let rest = std::iter::successors(Some(side), |rest| Some(rest & rest.wrapping_sub(1)));
        rest.take_while(|rest| *rest != 0).map(|rest| rest.trailing_zeros() as usize)
    }

    fn total(&self, side: Side) -> Sum {
        let rest = self.of_side(side & !PEERS_MASK).map(|at| self.sums[at]);
        rest.chain([self.of_peers[usize::from(side & PEERS_MASK)]]).sum()
    }

    fn judge(&self) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        let mut keep = |found: Option<Candidate>| {
            if let Some(found) = found
                && best.is_none_or(|best| found.rank() >= best.rank())
            {
                best = Some(found);
            }
        };
        let (others, callers) = (self.called | REST_GIVES | REST_TAKES, self.peers & !self.called);
        let mut called: Vec<u64> = self.of_side(self.called).map(|at| self.sums[at].total()).collect();
        called.sort_unstable_by(|a, b| b.cmp(a));
        let aside: u64 = called.iter().take(OWN as usize).sum();
        for master in (0..PEERS).map(|at| 1 << at).filter(|master| master & self.peers != 0) {
            // Of a small master it is known that too much is exchanged with the others, whoever is left aside.
            let (most, least) = (self.total(master).total() * 100, self.total(others & !master).total());
            let own = if least.saturating_sub(aside) * u64::from(limits::RELAY_PASSED_ON) <= most {
                OWN
            } else if least * u64::from(limits::RELAY_PASSED_ON_LOOSELY) <= most {
                0
            } else {
                continue;
            };
            for own in subsets(self.called & !master, own) {
                let own_count = own.count_ones();
                keep(self.weigh(Division {
                    masters: master,
                    others: others & !master & !own,
                    own_count,
                    several: false,
                }));
            }
        }
        // It is the device that opens flows for its masters.
        let is_called = |found: &Candidate| found.division.others & callers == 0;
        for own in subsets(self.peers, OWN_BESIDE_SEVERAL) {
            let (masters, others) = (self.gives & !own, (self.peers | REST_TAKES) & !self.gives & !own);
            let division = Division { masters, others, own_count: own.count_ones(), several: true };
            keep(self.weigh(division).filter(is_called));
        }
        if callers.count_ones() > 1 {
            let division = Division { masters: callers, others, own_count: 0, several: true };
            keep(self.weigh(division).filter(is_called));
        }
        best
    }

    /// Weighs one way to take the traffic apart. Returns `None` if the two sides do not match.
    fn weigh(&self, mut division: Division) -> Option<Candidate> {
        let (mut masters, mut others) = (self.total(division.masters), self.total(division.others));
        let (sent, received) = (masters.sent + others.sent, masters.received + others.received);
        // More is sent to the masters and more is received from the others, or the reverse. Calls and games go both
        // ways with everybody.
        let is_mirrored = masters.sent > masters.received && others.received > others.sent
            || masters.sent < masters.received && others.received < others.sent;
        if !is_mirrored || sent.min(received) < limits::RELAY_BYTES {
            return None;
        }
        let passed_on = conserved([(masters.received, others.sent), (masters.sent, others.received)]);
        let least = match division {
            Division { several: true, .. } => limits::RELAY_SEVERAL,
            Division { own_count: 0, .. } => limits::RELAY_PASSED_ON_LOOSELY,
            _ => limits::RELAY_PASSED_ON,
        };
        if passed_on < least {
            return None;
        }
        let mut carriers = self.carriers(division.others, others.total());
        if division.several && self.carriers(division.masters, masters.total()) > 2 * carriers {
            // More is fetched than brought for others, so the masters are those that are given more, unless these are
            // clearly the many.
            carriers = self.carriers(division.masters, masters.total());
            std::mem::swap(&mut masters, &mut others);
            std::mem::swap(&mut division.masters, &mut division.others);
        }
        let pace = Pace::of(&self.series(division.masters), &self.series(division.others), self.slot_count);
        let lopsided = [masters.lopsided_percent(), others.lopsided_percent()];
        let slots = self.slot_count as u32;
        let candidate = Candidate { division, sent, received, passed_on, pace, carriers, slots, is_sure: false };
        let is_sure = carriers >= limits::RELAY_CARRIERS && candidate.is_in_step(lopsided);
        (is_sure || candidate.is_hint() || candidate.is_loose(lopsided)).then_some(Candidate { is_sure, ..candidate })
    }

    fn series(&self, side: Side) -> [Sum; SLOTS] {
        std::array::from_fn(|slot| self.of_side(side).map(|at| self.slots[at][slot]).sum())
    }

    /// Returns among how many addresses the bytes of a side are spread, in tenths: the inverse Simpson index of their
    /// shares (E. H. Simpson, "Measurement of Diversity", Nature 1949). An address that is not counted on its own
    /// counts as if it had as much as the smallest that is.
    fn carriers(&self, side: Side, total: u64) -> u32 {
        let square = |bytes: u64| u128::from(bytes) * u128::from(bytes);
        let squares: u128 = self.of_side(side & PEERS_MASK).map(|at| square(self.sums[at].total())).sum();
        let rest = self.total(side & !PEERS_MASK).total();
        let smallest = self.of_side(self.peers).map(|at| self.sums[at].total()).min().unwrap_or(0).min(rest);
        let squares = squares + u128::from(rest) * u128::from(smallest);
        u32::try_from(square(total) * 10 / squares.max(1)).unwrap_or(u32::MAX)
    }
}

/// The sets of up to [`OWN`] peers, small ones first.
const SMALL_SETS: [Side; 93] = {
    let (mut sets, mut at, mut size) = ([0; 93], 0, 0);
    while size <= OWN {
        let mut set: Side = 0;
        while set <= PEERS_MASK {
            if set.count_ones() == size {
                (sets[at], at) = (set, at + 1);
            }
            set += 1;
        }
        size += 1;
    }
    sets
};

/// Returns the subsets of at most `most` of the bits in `of`, where `most` is [`OWN`] or less.
fn subsets(of: Side, most: u32) -> impl Iterator<Item = Side> {
    let small = SMALL_SETS.into_iter().take_while(move |subset| subset.count_ones() <= most);
    small.filter(move |subset| subset & !of == 0)
}

/// A way to take a device's traffic apart.
#[derive(Clone, Copy, Debug)]
struct Division {
    masters: Side,
    others: Side,
    /// How many peers are left aside.
    own_count: u32,
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
    /// Compares the first `count` slots of both sides, but for the first one: it is not a whole one, and everything
    /// begins in it.
    fn of(masters: &[Sum], others: &[Sum], count: usize) -> Pace {
        let pairs = || masters.iter().zip(others).take(count).skip(1);
        let forth = || pairs().map(|(master, others)| (master.sent, others.received));
        let back = || pairs().map(|(master, others)| (master.received, others.sent));
        let in_step = conserved(forth().chain(back()));
        // The way that carries more; what goes the other way is mostly acknowledgements.
        let bytes = |(a, b): (u64, u64)| a + b;
        let goes_forth = forth().map(bytes).sum::<u64>() >= back().map(bytes).sum();
        let main = || pairs().map(move |(a, b)| if goes_forth { (a.sent, b.received) } else { (a.received, b.sent) });
        let (of_masters, of_others) = main().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        if of_masters == 0 || of_others == 0 {
            return Pace { in_step, follows: 0, uneven: 0 };
        }
        // In parts of a million.
        let share = |bytes: u64, of: u64| bytes.saturating_mul(1_000_000) / of;
        let mean = 1_000_000 / (count as u64 - 1);
        let (mut masters, mut others, mut apart) = (0, 0, 0);
        for (a, b) in main() {
            let (a, b) = (share(a, of_masters), share(b, of_others));
            masters += a.abs_diff(mean);
            others += b.abs_diff(mean);
            apart += a.abs_diff(b);
        }
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
        let pace = (pace.follows.max(pace.in_step) + 20).saturating_sub(4 * division.own_count);
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
            && division.own_count == 0
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
            && division.own_count == 0
            && slots >= limits::RELAY_SLOTS
            && follows >= least
            && uneven >= limits::RELAY_UNEVEN
            && lopsided.into_iter().max() >= Some(limits::RELAY_LOPSIDED_LITTLE)
    }

    /// Returns true if the two sides of a single master are of one size and move together.
    fn is_hint(&self) -> bool {
        let Candidate { division, passed_on, pace: Pace { in_step, follows, uneven }, slots, .. } = *self;
        let least = if division.own_count == 0 { limits::RELAY_IN_STEP } else { limits::RELAY_IN_STEP_ASIDE };
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
    minutes: Window,
    hour: Window,
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
    /// How many of them it never called before the last 24 hours; 0 for a device that was not known before.
    pub new_sites: u32,
    /// How many sites it called first within the last 24 hours, and in how many of these.
    pub new_sites_today: u32,
    /// See `new_sites_today`.
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
        let is_sure = short.as_ref().is_some_and(|short| short.best.is_sure);
        let step = now.minute() / STEP_MINUTES;
        let mut long = None;
        if step > self.hour.slot {
            self.hour.close();
            long = if is_sure { None } else { self.hour.judge() };
        }
        let long = long.filter(|long| long.best.is_sure).map(|long| (long, STEP_MINUTES as u32));
        let relay = long.or(short.map(|short| (short, 1)));
        let relay = relay.map(|(Found { best: found, masters, idle }, minutes)| Relay {
            at: now - Span::mins(u64::from(idle * minutes)),
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
