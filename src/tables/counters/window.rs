//! What a device exchanges with its busiest addresses, slot by slot, in a fixed number of bytes.

use crate::tables::counters::compact::CompactNumber;
use crate::tables::counters::day::Traffic;
use std::net::IpAddr;

/// How many slots a window has.
pub const SLOTS: usize = 10;
/// How many addresses are counted on their own. A master has half of what is relayed, so it is among the largest even
/// where the device has a few streams of its own.
pub const PEERS: usize = 8;

/// The bytes of some flows, slot by slot.
#[derive(Clone, Debug)]
pub struct Series {
    /// The bytes of the slot that is being counted.
    now: (u32, u32),
    /// The bytes of the last slots, sent and received.
    slots: [(CompactNumber, CompactNumber); SLOTS],
    /// The sum of both in all of these slots.
    closed: u32,
}

impl Series {
    const EMPTY: Series = Series { now: (0, 0), slots: [(CompactNumber::ZERO, CompactNumber::ZERO); SLOTS], closed: 0 };

    fn add(&mut self, bytes: Traffic) {
        let add = |now: u32, more: u64| now.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        self.now = (add(self.now.0, bytes.sent), add(self.now.1, bytes.received));
    }

    fn now(&self) -> Traffic {
        Traffic { sent: self.now.0.into(), received: self.now.1.into() }
    }

    /// Puts what was counted into its slot.
    fn close(&mut self, place: usize) {
        let Traffic { sent, received } = self.now();
        (self.slots[place], self.now) = ((CompactNumber::of(sent), CompactNumber::of(received)), (0, 0));
        self.sum_up();
    }

    fn sum_up(&mut self) {
        let closed: Traffic = (0..SLOTS).map(|place| self.slot(place)).sum();
        self.closed = u32::try_from(closed.total()).unwrap_or(u32::MAX);
    }

    /// Returns the bytes of all slots and of that which is being counted.
    pub fn total(&self) -> u64 {
        u64::from(self.closed) + self.now().total()
    }

    /// Returns the bytes of the slot that has this place.
    pub fn slot(&self, place: usize) -> Traffic {
        Traffic { sent: self.slots[place].0.get(), received: self.slots[place].1.get() }
    }
}

/// Returns what counts as one address: over IPv6 the /64, of which whoever has one address has all (RFC 6177).
pub fn subnet(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => std::net::Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// The bytes that the device exchanges with one of its busiest addresses, in flows that the same side opened.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: IpAddr,
    pub outbound: bool,
    pub bytes: Series,
}

/// The traffic of a device in the last slots.
#[derive(Clone, Debug)]
pub struct Window {
    /// The slot that is being counted. Slot `n` has the place `n % SLOTS` in each ring.
    pub slot: u64,
    pub peers: Vec<Peer>,
    /// What is exchanged with other addresses in flows that the device opened: where it sent more, and where not.
    rest: [Series; 2],
}

impl Window {
    /// Starts counting in this slot.
    pub fn new(slot: u64) -> Self {
        Window { slot, peers: Vec::new(), rest: [Series::EMPTY; 2] }
    }

    /// Counts bytes in the current slot.
    pub fn add(&mut self, address: IpAddr, outbound: bool, bytes: Traffic) {
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
                let Traffic { sent, received } = [rest.slot(place), slot].into_iter().sum();
                rest.slots[place] = (CompactNumber::of(sent), CompactNumber::of(received));
            }
            self.rest.iter_mut().for_each(Series::sum_up);
        }
        let mut series = Series::EMPTY;
        series.add(bytes);
        self.peers.push(Peer { address, outbound, bytes: series });
    }

    fn add_to_rest(&mut self, outbound: bool, bytes: Traffic) {
        if outbound {
            self.rest[usize::from(bytes.sent <= bytes.received)].add(bytes);
        }
    }

    fn series_mut(&mut self) -> impl Iterator<Item = &mut Series> {
        self.peers.iter_mut().map(|peer| &mut peer.bytes).chain(&mut self.rest)
    }

    /// Ends the current slot.
    pub fn close(&mut self) {
        let place = (self.slot % SLOTS as u64) as usize;
        self.series_mut().for_each(|series| series.close(place));
    }

    /// Makes this the slot that is being counted, after the current one was closed: the oldest slots are forgotten.
    pub fn advance_to(&mut self, slot: u64) {
        for expired in (self.slot + 1..=slot).take(SLOTS) {
            let place = (expired % SLOTS as u64) as usize;
            self.series_mut().for_each(|series| series.close(place));
        }
        self.peers.retain(|peer| peer.bytes.total() > 0);
        self.slot = self.slot.max(slot);
    }

    /// Counts what another window has counted in its current slot.
    pub fn add_current(&mut self, other: &Window) {
        for peer in other.peers.iter().filter(|peer| peer.bytes.now().total() > 0) {
            self.add(peer.address, peer.outbound, peer.bytes.now());
        }
        other.rest.iter().for_each(|rest| self.add_to_rest(true, rest.now()));
    }

    /// Returns the bytes of the peers, then those of the rest: where the device sent more, and where not.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.peers.iter().map(|peer| &peer.bytes).chain(&self.rest)
    }

    /// Returns the bytes with all addresses.
    pub fn total(&self) -> u64 {
        self.series().map(Series::total).sum()
    }
}
