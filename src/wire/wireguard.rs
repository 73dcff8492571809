//! WireGuard (the protocol's section in wireguard.com/papers/wireguard.pdf, 5.4).

/// Whether a datagram is a handshake's initiation, its response, or a cookie reply.
pub fn is_handshake(datagram: &[u8]) -> bool {
    matches!((datagram, datagram.len()), ([1, 0, 0, 0, ..], 148) | ([2, 0, 0, 0, ..], 92) | ([3, 0, 0, 0, ..], 64))
}

/// What the header of a packet that a tunnel carries says. One alone may be chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    of_client: bool,
    /// The receiver's name for the session.
    receiver: u32,
    /// Grows by one with each packet of the session.
    counter: u64,
}

/// How far the counters of two packets that follow each other may be apart.
const COUNTERS_MAX: u64 = 1 << 16;

impl Carried {
    /// Reads a datagram of the client or the server, whose end was not captured with `cut`.
    pub fn new(datagram: &[u8], cut: bool, of_client: bool) -> Option<Carried> {
        let (&[4, 0, 0, 0, a, b, c, d], rest) = datagram.split_first_chunk()? else { return None };
        let counter = u64::from_le_bytes(*rest.first_chunk()?);
        // Packets are padded to 16 bytes, unless that would exceed the tunnel's MTU.
        let is_padded = datagram.len() >= 32 && (datagram.len().is_multiple_of(16) || datagram.len() > 1_000);
        let receiver = u32::from_le_bytes([a, b, c, d]);
        ((cut || is_padded) && counter >> 40 == 0).then_some(Carried { of_client, receiver, counter })
    }

    /// Whether this packet and a later one are of one tunnel: the other side's, or the same session's with a greater
    /// counter.
    pub fn goes_on(self, later: Carried) -> bool {
        let apart = later.counter.wrapping_sub(self.counter);
        self.of_client != later.of_client || self.receiver == later.receiver && apart > 0 && apart < COUNTERS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(receiver: u8, counter: u64, size: usize) -> Vec<u8> {
        [&[4, 0, 0, 0, receiver, 7, 7, 7][..], &counter.to_le_bytes(), &vec![0xe5; size - 16]].concat()
    }

    #[test]
    fn a_tunnel_is_known_by_two_packets() {
        let packet = |receiver, counter, size| Carried::new(&carried(receiver, counter, size), false, true).unwrap();
        assert!(packet(1, 9, 32).goes_on(packet(1, 10, 1452)));
        assert!(!packet(1, 9, 32).goes_on(packet(1, 9, 32)) && !packet(1, 9, 32).goes_on(packet(1, 8, 32)));
        assert!(!packet(1, 9, 32).goes_on(packet(2, 10, 32)) && !packet(1, 9, 32).goes_on(packet(1, 1 << 17, 32)));
        assert!(packet(1, 9, 32).goes_on(Carried::new(&carried(2, 3, 48), false, false).unwrap()));
        for no in [carried(1, 9, 31), carried(1, 9, 76), carried(1, 1 << 41, 32), vec![4; 32], vec![4, 0, 0, 0]] {
            assert_eq!(Carried::new(&no, false, true), None, "{no:?}");
        }
        assert!(Carried::new(&carried(1, 9, 76)[..30], true, true).is_some());
    }

    #[test]
    fn handshakes_have_their_sizes() {
        for (kind, size) in [(1, 148), (2, 92), (3, 64)] {
            let datagram = [&[kind, 0, 0, 0][..], &vec![7; size - 4]].concat();
            assert!(is_handshake(&datagram) && !is_handshake(&datagram[1..]) && !is_handshake(&datagram[..60]));
        }
    }
}
