//! The protocols by which cameras and those who look at them find each other, as others took them apart; no maker has
//! published one. CS2: github.com/magicus/pppp-dissector and datenstau/A9_PPPP. Kalay and Reolink: AlexxIT/go2rtc
//! (pkg/tutk), thirtythreeforty/neolink (dissector). Dahua: khoanguyen-3fc/dh-p2p. D-Link's is known from recordings
//! alone.

use crate::model::PeerProtocol;

/// Recognises a datagram by its first bytes and its size, so that chance makes less than one in ten million look so.
/// With `cut` its end was not captured.
pub fn protocol(datagram: &[u8], cut: bool) -> Option<PeerProtocol> {
    let rest = |header: usize, size: usize| match datagram.len().checked_sub(header) {
        Some(rest) => rest == size || cut && (rest..1500).contains(&size),
        None => false,
    };
    let big = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    match *datagram {
        [0xf1, kind, high, low, ref body @ ..] if rest(4, big(high, low)) && is_cs2(kind, body) => {
            Some(PeerProtocol::Cs2)
        }
        [0x51, 0xcc, 0, 0, 2, 0x10 | 0x15, low, high, ..] if rest(12, big(high, low)) => Some(PeerProtocol::Kalay),
        // Negotiation, data, and what was received.
        [0x3a | 0x10 | 0x20, 0xcf, 0x87, 0x2a, ..] if datagram.len() >= 20 => Some(PeerProtocol::Reolink),
        [0x24, 0xff, high, low, ..] if big(high, low) > 0 && rest(4, big(high, low)) => Some(PeerProtocol::Mydlink),
        [b'P', b'T', b'C', b'P', ..] if datagram.len() >= 24 => Some(PeerProtocol::Dahua),
        [b'D', b'H', ref verb @ ..] | [b'N', b'F', ref verb @ ..]
            if verb.starts_with(b"GET /") || verb.starts_with(b"POST /") =>
        {
            Some(PeerProtocol::Dahua)
        }
        _ => {
            let first = datagram.first_chunk()?;
            let is_iotc = |header: &[u8; 16]| match *header {
                [4, 2, _, 0..0x10, low, high, ..] => rest(16, big(high, low)),
                _ => false,
            };
            (is_iotc(first) || is_iotc(&unscrambled(first))).then_some(PeerProtocol::Kalay)
        }
    }
}

/// Whether CS2 has messages of this type: with servers, in the LAN, between peers, through relays, and data.
fn is_cs2(kind: u8, body: &[u8]) -> bool {
    match kind {
        0x00..=0x03 | 0x08..=0x09 | 0x10..=0x19 | 0x20..=0x21 | 0x26 | 0x30..=0x33 | 0x40..=0x43 => true,
        0x60..=0x75 | 0x78 | 0x80..=0x8f | 0xe0..=0xe1 | 0xf0..=0xf1 | 0xf8..=0xf9 => true,
        0xd0..=0xd1 => body.first() == Some(&0xd1),
        _ => false,
    }
}

/// What IOTC hides a block with: the beginning of its author's signature, and an order of octets that undoes itself.
const KEY: &[u8; 16] = b"Charlie is the d";
const ORDER: [usize; 16] = [11, 9, 8, 15, 13, 10, 12, 14, 2, 1, 5, 0, 6, 4, 7, 3];

/// Undoes how IOTC hides the first block of a message.
fn unscrambled(block: &[u8; 16]) -> [u8; 16] {
    let turned = rotated(block, 3);
    rotated(&std::array::from_fn(|at| turned[ORDER[at]] ^ KEY[at]), 1)
}

/// Rotates the little-endian words of a block to the left by `bits`, and by four more for each word.
fn rotated(block: &[u8; 16], bits: u32) -> [u8; 16] {
    let mut out = *block;
    for (word, bits) in out.as_chunks_mut().0.iter_mut().zip((bits..).step_by(4)) {
        *word = u32::from_le_bytes(*word).rotate_left(bits).to_le_bytes();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As IOTC does it, for the test of how it is undone.
    fn scrambled(block: &[u8; 16]) -> [u8; 16] {
        let turn = |block: [u8; 16], bits: u32| {
            let mut out = block;
            for (word, bits) in out.as_chunks_mut().0.iter_mut().zip((bits..).step_by(4)) {
                *word = u32::from_le_bytes(*word).rotate_right(bits).to_le_bytes();
            }
            out
        };
        let turned = turn(*block, 1);
        let keyed: [u8; 16] = std::array::from_fn(|at| turned[at] ^ KEY[at]);
        turn(std::array::from_fn(|at| keyed[ORDER[at]]), 3)
    }

    #[test]
    fn messages_are_recognised() {
        let iotc =
            |size: u8| [&[4, 2, 0x1a, 2, size, 0, 0, 0, 1, 6, 0x21, 0, 9, 9, 9, 9][..], &vec![0; size.into()]].concat();
        let mut hidden = iotc(64);
        let first = scrambled(hidden.first_chunk().unwrap());
        hidden[..16].copy_from_slice(&first);
        let did = b"\xf1\x41\0\x14ABCD\0\0\0\0\0\0\x12\x34EFGHI\0\0\0";
        for (datagram, protocol) in [
            (&b"\xf1\0\0\0"[..], PeerProtocol::Cs2),
            (did, PeerProtocol::Cs2),
            (b"\xf1\xd0\0\x06\xd1\0\0\x07hi", PeerProtocol::Cs2),
            (&iotc(8), PeerProtocol::Kalay),
            (&hidden, PeerProtocol::Kalay),
            (&[b"\x51\xcc\0\0\x02\x10\x28\0", &[0; 44][..]].concat(), PeerProtocol::Kalay),
            (&[b"\x3a\xcf\x87\x2a\x08\0\0\0\x01\0\0\0", &[7; 16][..]].concat(), PeerProtocol::Reolink),
            (b"DHGET /probe/p2psrv HTTP/1.1\r\n\r\n", PeerProtocol::Dahua),
            (b"PTCP\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\x01\0", PeerProtocol::Dahua),
            (b"\x24\xff\0\x05\0\x1c\x91\x05\xf9", PeerProtocol::Mydlink),
        ] {
            assert_eq!(super::protocol(datagram, false), Some(protocol), "{datagram:?}");
            for end in 0..datagram.len() {
                let cut = super::protocol(&datagram[..end], true);
                assert!(cut.is_none() || cut == Some(protocol));
            }
        }
        assert_eq!(super::protocol(&did[..20], false), None);
        assert_eq!(super::protocol(&did[..20], true), Some(PeerProtocol::Cs2));
    }

    #[test]
    fn other_datagrams_are_not() {
        for no in [&b"\xf1\0\0\x01"[..], b"\xf1\x50\0\0", b"\xf1\xd0\0\x01\xd0", b"\x24\xff\0\0", b"DHCP", b"PTCP", b""]
        {
            assert_eq!(protocol(no, false), None, "{no:?}");
        }
        for fill in 0..=255 {
            assert!((0..200).all(|size| protocol(&vec![fill; size], true).is_none()));
        }
    }

    #[test]
    fn chance_makes_none() {
        let mut seed = 7_u64;
        let found = (0..2_000_000).filter(|n| {
            let mut datagram = [0; 48];
            for word in datagram.as_chunks_mut::<8>().0 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *word = (seed ^ seed >> 29).to_le_bytes();
            }
            protocol(&datagram[..4 + n % 45], false).is_some()
        });
        assert_eq!(found.count(), 0);
    }
}
