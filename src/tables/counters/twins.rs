//! Flows of a device that are each other's mirror image: what the device receives in one it sends in the other, and the
//! reverse, at the same time. A relay that opens a flow for each request has one such pair for each, whatever else the
//! device does and however many masters it has; nothing else that was recorded has many (tests/relay).

use crate::limits;
use crate::tables::counters::beacon::Call;
use crate::tables::counters::distinct::{spread_tenths, square};
use crate::time::{Span, Time};
use std::net::IpAddr;

/// How many flows that have ended are kept to be compared with the next ones.
const ENDED: usize = 16;
/// How many pairs are kept.
const PAIRS: usize = 12;
/// How much earlier than a flow another begins and ends that is its mirror image by chance.
const TOO_EARLY: Span = Span::ms(4_500);

/// A flow that has ended.
#[derive(Clone, Copy, Debug)]
struct Ended {
    /// The address at its other end.
    address: IpAddr,
    /// The device opened it.
    outbound: bool,
    /// When it began and ended, as [`Time::wrapping_millis`] has it.
    opened: u32,
    closed: u32,
    sent: u32,
    received: u32,
}

impl Ended {
    /// Returns true if what was received in one of the flows was sent in the other, which began and ended so much
    /// earlier.
    fn mirrors(&self, other: &Ended, earlier: Span) -> bool {
        let millis = |span: Span| span.as_millis() as u32;
        let at_once = |a: u32, b: u32| {
            let apart = a.wrapping_sub(b).wrapping_sub(millis(earlier));
            apart.min(apart.wrapping_neg()) <= millis(limits::TWIN_APART)
        };
        let alike = |a: u32, b: u32| {
            let slack = u64::from(a.max(b)) * limits::TWIN_PERCENT / 100 + limits::TWIN_BYTES;
            u64::from(a.abs_diff(b)) <= slack
        };
        let (apart, both) = (self.sent.abs_diff(self.received), self.sent.saturating_add(self.received));
        let is_lopsided = u64::from(apart) * 100 >= u64::from(both) * limits::TWIN_LOPSIDED;
        self.address != other.address
            && is_lopsided
            && at_once(self.opened, other.opened)
            && at_once(self.closed, other.closed)
            && alike(self.sent, other.received)
            && alike(self.received, other.sent)
    }
}

/// Two flows that are each other's mirror image.
#[derive(Clone, Copy, Debug)]
struct Pair {
    /// The address, and whether the device opened it: of the flow in which the device sent more, and of the other one.
    ends: [(IpAddr, bool); 2],
    /// The bytes of one of them.
    size: u32,
    /// The minute in which the second one ended, since the engine's start.
    minute: u32,
    /// How many flows had ended by then, modulo 65,536.
    flows: u16,
    /// How many were alike by chance by then, likewise.
    chances: u16,
}

/// The flows of one device that are each other's mirror image.
#[derive(Clone, Debug, Default)]
pub struct Twins {
    /// The latest flows that have ended, without those that have found their twin.
    ended: Vec<Ended>,
    pairs: Vec<Pair>,
    /// How many flows have ended, modulo 65,536.
    flows: u16,
    /// How many of them were the mirror image of one that was over too early to be their twin.
    chances: u16,
}

/// What the latest pairs show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwinMatch {
    /// The addresses of which many flows were passed on.
    pub masters: Vec<IpAddr>,
    /// How many pairs there are.
    pub count: u32,
    /// How many of the flows since the first pair are in one, in percent.
    pub percent: u32,
    /// Among how many others the pairs are spread, in tenths.
    pub carriers_tenths: u32,
    /// The minutes since the first pair.
    pub minutes: u32,
}

impl TwinMatch {
    /// Returns true if only a relay has such pairs.
    pub fn is_sure(&self) -> bool {
        self.carriers_tenths >= limits::RELAY_CARRIERS
    }
}

impl Twins {
    /// The memory that its lists take at most, in bytes.
    pub const HEAP_BYTES: usize = ENDED * size_of::<Ended>() + PAIRS * size_of::<Pair>();

    /// Takes a flow with this address, which has ended now, and which the device opened if it is `outbound`.
    pub fn add(&mut self, address: IpAddr, outbound: bool, call: &Call, now: Time) {
        if call.sent.saturating_add(call.received) < limits::TWIN_LEAST {
            return;
        }
        let short = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
        let (opened, closed) = (call.opened_at.wrapping_millis(), now.wrapping_millis());
        let flow = Ended { address, outbound, opened, closed, sent: short(call.sent), received: short(call.received) };
        self.flows = self.flows.wrapping_add(1);
        let Some(twin) = self.ended.iter().rposition(|other| flow.mirrors(other, Span(0))) else {
            let by_chance = self.ended.iter().any(|other| flow.mirrors(other, TOO_EARLY));
            self.chances = self.chances.wrapping_add(by_chance.into());
            if self.ended.len() >= ENDED {
                self.ended.remove(0);
            }
            self.ended.push(flow);
            return;
        };
        // Where so many flows end that those which are too early are not kept, it is not known what chance does.
        let too_early = (TOO_EARLY.as_millis() + limits::TWIN_APART.as_millis()) as u32;
        let knows_chance = self.ended.len() < ENDED || closed.wrapping_sub(self.ended[0].closed) >= too_early;
        self.chances = self.chances.wrapping_add((!knows_chance).into());
        let other = self.ended.remove(twin);
        if self.pairs.len() >= PAIRS {
            self.pairs.remove(0);
        }
        let (given, taken) = if flow.sent > flow.received { (flow, other) } else { (other, flow) };
        let ends = [given, taken].map(|flow| (flow.address, flow.outbound));
        let size = flow.sent.saturating_add(flow.received);
        let (minute, flows, chances) = (now.minute() as u32, self.flows, self.chances);
        self.pairs.push(Pair { ends, size, minute, flows, chances });
    }

    /// Returns what the pairs of the last hour show, if they are many.
    pub fn judge(&mut self, now: Time) -> Option<TwinMatch> {
        let minute = now.minute() as u32;
        self.pairs.retain(|pair| minute.wrapping_sub(pair.minute) <= 60);
        let (count, first) = (self.pairs.len() as u32, self.pairs.first()?);
        let flows = u32::from(self.flows.wrapping_sub(first.flows)).max(2 * (count - 1)) + 2;
        let percent = 200 * count / flows;
        if count < limits::TWINS || percent < limits::TWINS_OF_FLOWS {
            return None;
        }
        // A device of many flows has such pairs by chance. What chance does is seen where it alone is at work, for twice
        // as long.
        if u32::from(self.chances.wrapping_sub(first.chances)) * 4 > count {
            return None;
        }
        // So do programs that share pieces of a few sizes.
        let mut sizes: Vec<u64> = self.pairs.iter().map(|pair| pair.size.into()).collect();
        sizes.sort_unstable();
        let apart = |pair: &&[u64]| (pair[1] - pair[0]) * 100 > pair[1] * limits::TWIN_PERCENT;
        if (sizes.windows(2).filter(apart).count() + 1) * 2 < sizes.len() {
            return None;
        }
        let addresses = |end: usize| {
            let mut times = Times::default();
            self.pairs.iter().for_each(|pair| times.add(pair.ends[end].0));
            times
        };
        let (given, taken) = (addresses(0), addresses(1));
        // More is fetched than brought for others, so the masters are those that are given more, unless these are
        // clearly the many.
        let times = if given.spread() <= 2 * taken.spread() { given } else { taken };
        let (mut masters, mut others) = (Times::default(), Times::default());
        for pair in &self.pairs {
            let [a, b] = &pair.ends;
            let (master, other) = if times.of(a.0) >= times.of(b.0) { (a, b) } else { (b, a) };
            // It is the device that opens flows for its masters.
            if other.1 {
                masters.add(master.0);
                others.add(other.0);
            }
        }
        // Peers that share what they have are now the one and now the other.
        let both: u64 = others.0.iter().filter(|(_, address)| masters.of(*address) > 0).map(|(n, _)| n).sum();
        if both * 4 > u64::from(count) {
            return None;
        }
        masters.0.sort_unstable_by(|a, b| b.cmp(a));
        // Something else may be taken for a master now and then, by chance or when something was brought to it.
        let most = masters.0.first().map_or(0, |(n, _)| *n);
        masters.0.retain(|(n, address)| *n > 1 && n * 4 >= most && others.of(*address) == 0);
        Some(TwinMatch {
            masters: masters.0.into_iter().map(|(_, address)| address).collect(),
            count,
            percent: percent.min(100),
            carriers_tenths: others.spread(),
            minutes: minute.wrapping_sub(first.minute) + 1,
        })
        .filter(|found| !found.masters.is_empty())
    }
}

/// How many pairs each address is in.
#[derive(Default)]
struct Times(Vec<(u64, IpAddr)>);

impl Times {
    fn add(&mut self, address: IpAddr) {
        match self.0.iter_mut().find(|(_, known)| *known == address) {
            Some((times, _)) => *times += 1,
            None => self.0.push((1, address)),
        }
    }

    fn of(&self, address: IpAddr) -> u64 {
        self.0.iter().find(|(_, known)| *known == address).map_or(0, |(times, _)| *times)
    }

    /// Returns among how many addresses the pairs are spread, in tenths.
    fn spread(&self) -> u32 {
        let parts = || self.0.iter().map(|(times, _)| *times);
        spread_tenths(parts().sum(), parts().map(square).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        std::net::Ipv4Addr::new(45, 10, 1, last).into()
    }

    /// Adds a flow that lasts for two seconds.
    fn add(twins: &mut Twins, last: u8, outbound: bool, ended: u64, (sent, received): (u64, u64)) {
        let ended = Time(0) + Span::secs(ended);
        let opened_at = Time(ended.0 - Span::secs(2).0);
        twins.add(ip(last), outbound, &Call { opened_at, sent, received }, ended);
    }

    fn at(seconds: u64) -> Time {
        Time(0) + Span::secs(seconds)
    }

    #[test]
    fn requests_are_passed_on_one_by_one_for_several_masters() {
        let mut twins = Twins::default();
        for n in 0..12 {
            let bytes = 20_000 + n * 7_000;
            add(&mut twins, n as u8, true, 10 + n * 20, (1_500, bytes));
            add(&mut twins, 200 + n as u8 % 3, true, 11 + n * 20, (bytes + 2_000, 2_500));
            // What the device does for itself, meanwhile.
            add(&mut twins, 100, true, 11 + n * 20, (1_500, 90_000));
        }
        let found = twins.judge(at(260)).unwrap();
        assert_eq!((found.masters.len(), found.count, found.is_sure()), (3, 12, true));
        assert!(found.masters.iter().all(|master| [ip(200), ip(201), ip(202)].contains(master)));
        assert!((60..=70).contains(&found.percent), "{}", found.percent);
        assert_eq!(twins.judge(at(260 + 3_700)), None, "an hour later");
    }

    #[test]
    fn look_alikes_have_no_twins() {
        type Add = fn(&mut Twins, u64);
        let cases: [(Add, Option<bool>); 5] = [
            // Two downloads of one size, at once.
            (|twins, n| (0..2).for_each(|server| add(twins, server, true, n * 20, (1_500, 50_000 + n))), None),
            // A picture that is fetched and shown somewhere else a while later.
            (
                |twins, n| {
                    add(twins, n as u8, true, n * 20, (1_500, 50_000));
                    add(twins, 200, true, n * 20 + 9, (50_000, 1_500));
                },
                None,
            ),
            // Both ways alike, as in calls.
            (|twins, n| (0..2).for_each(|peer| add(twins, peer, true, n * 20, (50_000, 50_000))), None),
            // A mirror copies from one to one, and a server fetches for those who call it: few others.
            (
                |twins, n| {
                    add(twins, 1, true, n * 20, (1_500, 30_000 + n % 7 * 20_000));
                    add(twins, 2, true, n * 20 + 1, (30_000 + n % 7 * 20_000, 1_500));
                },
                Some(false),
            ),
            (
                |twins, n| {
                    add(twins, 1, true, n * 20, (1_500, 50_000 + n * 6_000));
                    add(twins, n as u8, false, n * 20 + 1, (50_000 + n * 6_000, 1_500));
                },
                None,
            ),
        ];
        for (case, (add, sure)) in cases.into_iter().enumerate() {
            let mut twins = Twins::default();
            (2..40).for_each(|n| add(&mut twins, n));
            assert_eq!(twins.judge(at(800)).map(|found| found.is_sure()), sure, "{case}");
        }
    }
}
