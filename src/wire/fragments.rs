//! Puts the fragments of DNS answers together, of IPv4 (RFC 791, section 3.2; RFC 815) and IPv6 (RFC 8200, section 4.5).
//! Of other datagrams nothing is kept. One whose fragments overlap is given up as a whole (RFC 5722, section 4), since
//! overlaps are how attackers let two readers see two messages.

use crate::limits;
use crate::time::{Span, Time};
use crate::wire::packet::{Fragment, Packet};
use std::collections::VecDeque;
use std::net::IpAddr;

/// How long the rest of a datagram may take. Receivers wait for 30 s and more, but the fragments of an answer come one
/// behind the other, and what is missing must be known before what the answer names is judged.
const TIMEOUT: Span = Span::secs(1);
/// How many datagrams of one sender are kept.
const PER_SENDER: usize = limits::FRAGMENTED / 4;
const UDP: u8 = 17;
const UDP_HEADER: usize = 8;

/// A DNS answer that did not become whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostAnswer {
    /// The address that sent it.
    pub source: IpAddr,
    /// The address that it was sent to.
    pub destination: IpAddr,
    /// The UDP datagram from its header to the first hole.
    pub start: Vec<u8>,
}

struct Datagram {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    since: Time,
    /// The parts by their offset in bytes, in ascending order.
    parts: Vec<(usize, Vec<u8>)>,
    /// The length of the datagram in bytes; absent until its last fragment is there.
    length: Option<usize>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Fragments are kept until it is whole.
    Open,
    /// It is no DNS answer, so nothing of it is kept.
    NoAnswer,
    /// Its fragments overlap or it is too long, but nobody knows yet whether it is an answer.
    Refused,
    /// It was reported as lost.
    Reported,
}

/// The datagrams of which fragments are still missing, in the order in which they began.
#[derive(Default)]
pub struct Fragments {
    datagrams: VecDeque<Datagram>,
}

impl Fragments {
    /// Takes a packet that is a fragment. Returns the UDP datagram, with its header, when it is whole with that. Answers
    /// that will not become whole go to `lost`.
    pub fn take(&mut self, packet: &Packet, now: Time, lost: &mut Vec<LostAnswer>) -> Option<Vec<u8>> {
        self.expire(now, lost);
        let fragment = packet.fragment.filter(|fragment| fragment.protocol == UDP)?;
        let (source, destination, id) = (packet.source, packet.destination, fragment.id);
        let same = |one: &Datagram| (one.source, one.destination, one.id) == (source, destination, id);
        let index = self.datagrams.iter().position(same).unwrap_or_else(|| {
            self.make_room(source, lost);
            let (parts, length, state) = (Vec::new(), None, State::Open);
            self.datagrams.push_back(Datagram { source, destination, id, since: now, parts, length, state });
            self.datagrams.len() - 1
        });
        let datagram = self.datagrams.get_mut(index)?;
        lost.extend(datagram.add(fragment, packet.data));
        let whole = datagram.whole()?;
        self.datagrams.remove(index);
        Some(whole)
    }

    /// Returns true if nothing waits.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Gives up on the datagrams that wait for too long; answers among them go to `lost`.
    pub fn expire(&mut self, now: Time, lost: &mut Vec<LostAnswer>) {
        while let Some(old) = self.datagrams.pop_front_if(|old| now.since(old.since) > TIMEOUT) {
            lost.extend(old.lost());
        }
    }

    /// Gives up on all datagrams; answers among them go to `lost`.
    pub fn clear(&mut self, lost: &mut Vec<LostAnswer>) {
        lost.extend(self.datagrams.drain(..).filter_map(|datagram| datagram.lost()));
    }

    /// Gives up on the sender's oldest datagram if it has too many, or else on the oldest of all if there are too many.
    fn make_room(&mut self, source: IpAddr, lost: &mut Vec<LostAnswer>) {
        let its = |one: &Datagram| one.source == source;
        let oldest = if self.datagrams.iter().filter(|one| its(one)).count() >= PER_SENDER {
            self.datagrams.iter().position(its)
        } else {
            (self.datagrams.len() >= limits::FRAGMENTED).then_some(0)
        };
        lost.extend(oldest.and_then(|oldest| self.datagrams.remove(oldest)).and_then(|old| old.lost()));
    }
}

impl Datagram {
    /// Takes a fragment. Returns what there is of the datagram if it is lost with that.
    fn add(&mut self, fragment: Fragment, data: &[u8]) -> Option<LostAnswer> {
        let start = usize::from(fragment.offset);
        let end = start + data.len();
        // The network may double packets.
        let doubled = self.parts.iter().any(|(at, part)| *at == start && part == data);
        if doubled || matches!(self.state, State::NoAnswer | State::Reported) {
            return None;
        }
        if start == 0 && !begins_answer(data) {
            (self.state, self.parts) = (State::NoAnswer, Vec::new());
            return None;
        }
        let overlaps = self.parts.iter().any(|(at, part)| start < at + part.len() && *at < end);
        let behind_end = match (self.length, fragment.more || fragment.cut) {
            (Some(length), true) => end > length,
            (Some(length), false) => end != length,
            (None, true) => false,
            (None, false) => self.parts.last().is_some_and(|(at, part)| at + part.len() > end),
        };
        if overlaps || behind_end || end > limits::DNS_DATAGRAM_BYTES {
            self.state = State::Refused;
        }
        if self.state == State::Refused {
            if start == 0 {
                self.parts = vec![(0, data.to_vec())];
            }
            let lost = self.lost();
            self.parts.truncate(0);
            self.state = if lost.is_some() { State::Reported } else { State::Refused };
            return lost;
        }
        if !fragment.more && !fragment.cut {
            self.length = Some(end);
        }
        let place = self.parts.partition_point(|(at, _)| *at < start);
        self.parts.insert(place, (start, data.to_vec()));
        None
    }

    /// Returns the bytes from the beginning to the first hole.
    fn start(&self) -> Vec<u8> {
        let mut start = Vec::new();
        for (at, part) in &self.parts {
            if *at != start.len() {
                break;
            }
            start.extend_from_slice(part);
        }
        start
    }

    fn whole(&self) -> Option<Vec<u8>> {
        let length = self.length?;
        Some(self.start()).filter(|start| start.len() == length)
    }

    /// Returns what there is of an answer; nothing without its first fragment, since then nobody knows that it is one.
    fn lost(&self) -> Option<LostAnswer> {
        let (source, destination, start) = (self.source, self.destination, self.start());
        (start.len() >= UDP_HEADER).then_some(LostAnswer { source, destination, start })
    }
}

/// Whether a UDP datagram begins as a DNS answer does: by its port, or by the bits of its header and one question.
fn begins_answer(datagram: &[u8]) -> bool {
    match *datagram {
        [0, 53, ..] => true,
        [_, _, _, _, _, _, _, _, _, _, flags, _, 0, 1, ..] => flags & 0xf8 == 0x80,
        _ => false,
    }
}

/// Returns the source port, the destination port and the payload of a UDP datagram (RFC 768); absent where its header is
/// not whole.
pub fn udp(datagram: &[u8]) -> Option<(u16, u16, &[u8])> {
    let &[s1, s0, d1, d0, _, _, _, _, ref payload @ ..] = datagram else { return None };
    Some((u16::from_be_bytes([s1, s0]), u16::from_be_bytes([d1, d0]), payload))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::Body;

    /// A UDP header and an answer with one record, 45 bytes in all.
    fn answer() -> Vec<u8> {
        let head = [0, 53, 0x9c, 0x40, 0, 45, 0, 0, 7, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
        let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 198, 51, 100, 7];
        [&head[..], b"\x03lab\0", &[0, 1, 0, 1], &record].concat()
    }

    fn packet(id: u32, offset: u16, more: bool, data: &[u8]) -> Packet<'_> {
        Packet {
            source_mac: None,
            destination_mac: None,
            source: "192.168.8.1".parse().unwrap(),
            destination: "192.168.8.20".parse().unwrap(),
            bytes: 0,
            id: 0,
            hops: 64,
            cut: more,
            fragment: Some(Fragment { id, protocol: 17, offset, more, cut: false }),
            data,
            body: Body::Fragment,
        }
    }

    /// Feeds fragments given as (id, offset, more, bytes). Returns what became whole, and how many were lost.
    fn feed(fragments: &[(u32, u16, bool, &[u8])]) -> (Vec<Vec<u8>>, usize) {
        let (mut all, mut whole, mut lost) = (Fragments::default(), Vec::new(), Vec::new());
        for &(id, offset, more, data) in fragments {
            whole.extend(all.take(&packet(id, offset, more, data), Time(0), &mut lost));
        }
        all.clear(&mut lost);
        (whole, lost.len())
    }

    #[test]
    fn fragments_in_any_order_and_doubled_become_the_datagram() {
        let answer = answer();
        let (a, b, c) = (&answer[..24], &answer[24..32], &answer[32..]);
        let parts = [(1, 0, true, a), (1, 24, true, b), (1, 32, false, c)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let [x, y, z] = order.map(|i| parts[i]);
            assert_eq!(feed(&[x, y, y, z]), (vec![answer.clone()], 0), "{order:?}");
        }
        assert_eq!(feed(&[parts[0], (2, 24, true, b), parts[2]]), (vec![], 1), "another id");
    }

    #[test]
    fn overlaps_are_refused_with_all_that_follows() {
        let answer = answer();
        let whole = [(1, 0, true, &answer[..24]), (1, 16, true, &[9; 16]), (1, 24, false, &answer[24..])];
        assert_eq!(feed(&whole), (vec![], 1));
        assert_eq!(feed(&[(1, 24, false, &answer[24..]), (1, 40, true, &[9; 16]), whole[0]]), (vec![], 1));
        assert_eq!(feed(&[(1, 0, true, &answer[..24]), (1, 65_528, true, &[9; 16])]), (vec![], 1));
    }

    #[test]
    fn what_is_no_answer_is_not_kept_and_what_waits_expires() {
        let answer = answer();
        assert_eq!(feed(&[(1, 0, true, &[9; 24]), (1, 24, false, &[9; 8])]), (vec![], 0));
        let (mut all, mut lost) = (Fragments::default(), Vec::new());
        for id in 0..100 {
            assert_eq!(all.take(&packet(id, 0, true, &answer[..24]), Time(0), &mut lost), None);
        }
        assert!(all.datagrams.len() <= PER_SENDER && lost.len() >= 90);
        lost.clear();
        all.expire(Time(0) + Span::secs(31), &mut lost);
        assert!(all.datagrams.is_empty() && lost[0].start == answer[..24]);
    }
}
