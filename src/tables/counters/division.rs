//! The ways to take a device's traffic apart into what it exchanges with its masters and with others, and how well the
//! two sides match.

use crate::limits;
use crate::tables::counters::day::Traffic;
use crate::tables::counters::distinct::{spread_tenths, square};
use crate::tables::counters::window::{PEERS, SLOTS, Window};
use std::net::IpAddr;

/// How many of the busiest addresses may be business of the device's own, beside one master and beside several.
const OWN: u32 = 3;
const OWN_BESIDE_SEVERAL: u32 = 2;

/// The best way to take a window's traffic apart.
pub struct Found {
    /// The way.
    pub best: Candidate,
    /// The masters, that with the most traffic first.
    pub masters: Vec<IpAddr>,
    /// How many slots ago they were last busy.
    pub idle: u32,
}

impl Found {
    /// Returns what shows best that the device passes on what it receives.
    pub fn in_window(window: &Window) -> Option<Found> {
        let parts = Parts::of(window);
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
        let is_idle = |slot: &&Traffic| slot.total() * 10 < mean;
        let idle = series[..parts.slot_count].iter().rev().take_while(is_idle).count() as u32;
        Some(Found { best, masters: masters.into_iter().map(|at| window.peers[at].address).collect(), idle })
    }
}

/// Some of the parts of a device's traffic, as bits.
type Side = u16;

/// The peers among the parts; two parts for the rest follow: where more is sent, and where not.
const PEERS_MASK: Side = (1 << PEERS) - 1;
const REST_GIVES: Side = 1 << PEERS;
const REST_TAKES: Side = 2 << PEERS;

/// The traffic of a window, by peers and rest, as it is taken apart.
struct Parts {
    sums: [Traffic; PEERS + 2],
    /// The sums of all sets of peers, since nearly all of them are weighed.
    of_peers: [Traffic; 1 << PEERS],
    /// The slots since the first one that counted anything, oldest first.
    slots: [[Traffic; SLOTS]; PEERS + 2],
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
            sums: [Traffic::default(); PEERS + 2],
            of_peers: [Traffic::default(); 1 << PEERS],
            slots: [[Traffic::default(); SLOTS]; PEERS + 2],
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

    fn total(&self, side: Side) -> Traffic {
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
        let Traffic { sent, received } = [masters, others].into_iter().sum();
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
        if division.several {
            let among_masters = self.carriers(division.masters, masters.total());
            if among_masters > 2 * carriers {
                // More is fetched than brought for others, so the masters are those that are given more, unless these
                // are clearly the many.
                carriers = among_masters;
                std::mem::swap(&mut masters, &mut others);
                std::mem::swap(&mut division.masters, &mut division.others);
            }
        }
        let pace = Pace::of(&self.series(division.masters), &self.series(division.others), self.slot_count);
        let lopsided = [lopsided_percent(masters), lopsided_percent(others)];
        let slots = self.slot_count as u32;
        let candidate = Candidate { division, sent, received, passed_on, pace, carriers, slots, is_sure: false };
        let moves_together = candidate.is_hint() || candidate.is_loose(lopsided);
        let is_long = slots >= limits::RELAY_SLOTS;
        let is_in_step =
            is_long && moves_together || candidate.is_plain() || is_long && candidate.serves_several(lopsided);
        let is_sure = carriers >= limits::RELAY_CARRIERS && is_in_step;
        (is_sure || moves_together).then_some(Candidate { is_sure, ..candidate })
    }

    fn series(&self, side: Side) -> [Traffic; SLOTS] {
        std::array::from_fn(|slot| self.of_side(side).map(|at| self.slots[at][slot]).sum())
    }

    /// Returns among how many addresses the bytes of a side are spread, in tenths. An address that is not counted on its
    /// own counts as if it had as much as the smallest that is.
    fn carriers(&self, side: Side, total: u64) -> u32 {
        let squares: u128 = self.of_side(side & PEERS_MASK).map(|at| square(self.sums[at].total())).sum();
        let rest = self.total(side & !PEERS_MASK).total();
        let smallest = self.of_side(self.peers).map(|at| self.sums[at].total()).min().unwrap_or(0).min(rest);
        spread_tenths(total, squares + u128::from(rest) * u128::from(smallest))
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
pub struct Pace {
    /// How much of each slot has its counterpart on the other side.
    pub in_step: u32,
    /// How much of the ups and downs of one side are those of the other, where all is measured in shares of the whole.
    /// Traffic that has nothing to do with each other has 0; what differs by a constant factor has 100.
    pub follows: u32,
    /// How large these ups and downs are: the mean deviation in percent of the mean.
    pub uneven: u32,
}

impl Pace {
    /// Compares the first `count` slots of both sides, but for the first one: it is not a whole one, and everything
    /// begins in it.
    fn of(masters: &[Traffic], others: &[Traffic], count: usize) -> Pace {
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
pub struct Candidate {
    division: Division,
    /// Bytes that the device sent on both sides.
    pub sent: u64,
    /// Bytes that the device received on both sides.
    pub received: u64,
    /// How much of what is exchanged with one side has its counterpart on the other, in percent.
    pub passed_on: u32,
    /// How the two sides move together.
    pub pace: Pace,
    /// Among how many addresses the traffic with the others is spread, in tenths.
    pub carriers: u32,
    /// How many slots were judged.
    pub slots: u32,
    /// No other program that is known has such a shape.
    pub is_sure: bool,
}

impl Candidate {
    /// Returns what to prefer: what is sure, then what is of one size, then one master, then the pace, less something
    /// for each address that has to be left aside.
    fn rank(&self) -> (bool, bool, bool, u32) {
        let Candidate { division, pace, .. } = self;
        let pace = (pace.follows.max(pace.in_step) + 20).saturating_sub(4 * division.own_count);
        (self.is_sure, self.passed_on >= limits::RELAY_PASSED_ON, !division.several, pace)
    }

    /// Returns true if there may be several masters, and the two sides move together as only those of a relay do.
    fn serves_several(&self, lopsided: [u64; 2]) -> bool {
        let Candidate { division, passed_on, pace: Pace { in_step, follows, .. }, .. } = *self;
        division.several
            && passed_on.min(in_step).min(follows) >= limits::RELAY_SEVERAL
            && lopsided.into_iter().all(|percent| percent >= limits::RELAY_LOPSIDED)
    }

    /// Returns true if it is plain after a few slots that the two sides of a single master move together.
    fn is_plain(&self) -> bool {
        let Candidate { division, passed_on, pace: Pace { in_step, follows, uneven }, slots, .. } = *self;
        let is_plain = slots >= limits::RELAY_SLOTS_PLAIN
            && passed_on >= limits::RELAY_PASSED_ON
            && in_step.min(follows) >= limits::RELAY_IN_STEP_PLAIN
            && uneven >= limits::RELAY_UNEVEN;
        let is_plainest = slots >= limits::RELAY_SLOTS_PLAINEST
            && division.own_count == 0
            && passed_on >= limits::RELAY_PASSED_ON_PLAINEST
            && follows >= limits::RELAY_FOLLOWS_PLAINEST
            && uneven >= limits::RELAY_UNEVEN_LITTLE;
        !division.several && (is_plain || is_plainest)
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

/// Returns how much more goes one way than the other, in percent of both.
fn lopsided_percent(both: Traffic) -> u64 {
    both.sent.abs_diff(both.received) * 100 / both.total().max(1)
}
