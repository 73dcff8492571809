//! The client Initials of QUIC (RFC 9000, RFC 9369, drafts 23 to 34, Google's T050 and T051) and the ClientHello in them.

use crate::model::{Hint, Ja4, QuicVersion};
use crate::wire::initial_keys::{DRAFT_23, DRAFT_29, Suite, T050, T051, V1, V2, client_secret, crypt, header_mask};
use crate::wire::reassembly::Reassembly;
use crate::wire::request::Request;
use crate::wire::tls;

/// The smallest datagram with a client Initial, in bytes (RFC 9000, section 14.1).
const DATAGRAM_MIN: usize = 1200;
/// How many Initials of one datagram are opened.
const INITIALS_MAX: usize = 4;

/// Puts the ClientHello in the Initial packets of a client together.
pub struct Initial {
    version: QuicVersion,
    /// The destination connection id of the first packet, from which the keys are derived.
    id: Vec<u8>,
    crypto: Reassembly,
    /// The end of a datagram was not captured, so that the hello will hardly become whole.
    cut: bool,
}

impl Initial {
    /// Begins with a datagram of a client, whose end was not captured with `cut`. Returns `None` if it holds no QUIC
    /// Initial, whose place in it may be any (RFC 9000, section 12.2).
    pub fn new(datagram: &[u8], cut: bool) -> Option<Initial> {
        if !cut && datagram.len() < DATAGRAM_MIN {
            return None;
        }
        let Packet { header: Header { version, id, .. }, .. } = packets(datagram, cut).find(Packet::is_initial)?;
        if id.len() < 8 {
            return None;
        }
        let mut initial = Initial { version, id: id.to_vec(), crypto: Reassembly::default(), cut };
        initial.add(datagram, cut);
        Some(initial)
    }

    /// Adds a further datagram of the same client.
    pub fn add(&mut self, datagram: &[u8], cut: bool) {
        for packet in packets(datagram, cut).filter(Packet::is_initial).take(INITIALS_MAX) {
            self.add_packet(&packet, cut);
        }
    }

    fn add_packet(&mut self, packet: &Packet, cut: bool) {
        let Header { version, suite: Some(suite), id, .. } = packet.header else { return };
        // After the server's first answer the id is another one but the keys stay; after a Retry the keys change, too.
        for id in [&*self.id.clone(), id] {
            let Some(plain) = open(packet, suite, id) else { continue };
            let Some(frames) = crypto_frames(&plain, cut) else { continue };
            if *id != *self.id {
                self.crypto = Reassembly::default();
                self.id = id.to_vec();
            }
            self.version = version;
            self.cut |= cut;
            return frames.iter().for_each(|&(offset, data)| self.crypto.put(offset, data));
        }
    }

    /// Returns what is known once the hello is whole, or will not become so because this is the `last` that is read of
    /// it, and `None` until then.
    pub fn hint(&self, last: bool) -> Option<Hint> {
        let version = self.version;
        match tls::handshake(self.crypto.prefix(), last || self.cut) {
            Request::Whole(Hint::Tls { sni, alpn, ech, ja4, .. }, _) => {
                let ja4 = ja4.map(|Ja4(text)| Ja4(std::array::from_fn(|at| if at == 0 { b'q' } else { text[at] })));
                Some(Hint::Quic { version, sni, alpn, ech, ja4 })
            }
            Request::Whole(..) | Request::Unknown => {
                Some(Hint::Quic { version, sni: None, alpn: None, ech: false, ja4: None })
            }
            Request::Incomplete => None,
        }
    }
}

/// Recognises any packet with a long header, without reading what is in it: of a version that is known for sure, or
/// otherwise in a datagram of the size that the first ones have.
pub fn hint(datagram: &[u8], cut: bool) -> Option<Hint> {
    let Header { version, suite, id, .. } = long_header(datagram)?;
    let is_first = id.len() >= 8 && (cut || datagram.len() >= DATAGRAM_MIN);
    (suite.is_some() || is_first).then_some(Hint::Quic { version, sni: None, alpn: None, ech: false, ja4: None })
}

/// A long header (RFC 8999, section 5.1): the destination connection id, and the bytes after both ids.
struct Header<'a> {
    version: QuicVersion,
    /// How to derive the keys; absent where that is not known for the version.
    suite: Option<&'static Suite>,
    id: &'a [u8],
    rest: &'a [u8],
}

fn long_header(datagram: &[u8]) -> Option<Header<'_>> {
    let (&[first, a, b, c, d], rest) = datagram.split_first_chunk()?;
    let (version, suite) = match u32::from_be_bytes([a, b, c, d]) {
        1 => (QuicVersion::V1, Some(&V1)),
        0x6b33_43cf => (QuicVersion::V2, Some(&V2)),
        0xff00_0021..=0xff00_0022 => (QuicVersion::Draft, Some(&V1)),
        0xff00_001d..=0xff00_0020 => (QuicVersion::Draft, Some(&DRAFT_29)),
        0xff00_0017..=0xff00_001c => (QuicVersion::Draft, Some(&DRAFT_23)),
        0xff00_0016 => (QuicVersion::Draft, None),
        0x5430_3530 => (QuicVersion::Google, Some(&T050)),
        0x5430_3531 => (QuicVersion::Google, Some(&T051)),
        reserved if reserved & 0x0f0f_0f0f == 0x0a0a_0a0a => (QuicVersion::Draft, None),
        _ => return None,
    };
    let (id, rest) = connection_id(rest)?;
    let (_, rest) = connection_id(rest)?;
    (first & 0xc0 == 0xc0).then_some(Header { version, suite, id, rest })
}

/// One of the packets with a long header that share a datagram (RFC 9000, section 12.2).
struct Packet<'a> {
    header: Header<'a>,
    /// Its bytes from the first on, to the end of the datagram.
    bytes: &'a [u8],
    /// The offset of the packet number.
    at: usize,
    /// The size of number and payload in bytes.
    size: usize,
}

impl Packet<'_> {
    fn is_initial(&self) -> bool {
        self.header.suite.is_some_and(|suite| self.bytes[0] >> 4 & 3 == suite.initial) && self.size >= 20
    }
}

/// Returns the packets at the beginning of a datagram whose ends are known: not those behind one with a short header, a
/// Retry, or one of a version that is not known.
fn packets(datagram: &[u8], cut: bool) -> impl Iterator<Item = Packet<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let packet = packet(rest, cut)?;
        rest = packet.bytes.get(packet.at.saturating_add(packet.size)..).unwrap_or_default();
        Some(packet)
    })
}

fn packet(bytes: &[u8], cut: bool) -> Option<Packet<'_>> {
    let header = long_header(bytes)?;
    let suite = header.suite?;
    let mut rest = header.rest;
    // The types follow one another: Initial, 0-RTT, Handshake, Retry.
    match (bytes[0] >> 4).wrapping_sub(suite.initial) & 3 {
        0 => {
            let token = varint(&mut rest)?;
            rest = rest.get(token..)?;
        }
        3 => return None,
        _ => {}
    }
    let size = varint(&mut rest)?;
    (cut || size <= rest.len()).then_some(Packet { header, bytes, at: bytes.len() - rest.len(), size })
}

fn connection_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first().filter(|&(&length, _)| length <= 20)?;
    rest.split_at_checked(length.into())
}

/// Reads a variable-length integer (RFC 9000, section 16) that fits a `usize`.
fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let length = 1 << (bytes.first()? >> 6);
    let (number, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let number = number.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    usize::try_from(number & (u64::MAX >> (66 - 8 * length))).ok()
}

/// Removes the protection of an Initial (RFC 9001, section 5). The tag is not checked: frames that make sense show as
/// well that the keys were right.
fn open(packet: &Packet, suite: &Suite, id: &[u8]) -> Option<Vec<u8>> {
    let &Packet { bytes, at, size, .. } = packet;
    let numbered = &bytes[at..];
    let secret = client_secret(suite, id)?;
    let mask = header_mask(suite, &secret, numbered.get(4..)?.first_chunk()?)?;
    let number_length = usize::from((bytes[0] ^ mask[0]) & 3) + 1;
    let (number, rest) = numbered.split_at(number_length);
    let number = number.iter().zip(&mask[1..]).fold(0, |number, (byte, mask)| number << 8 | u32::from(byte ^ mask));
    crypt(suite, &secret, number, &rest[..rest.len().min(size - number_length - 16)])
}

/// Returns offset and data of the CRYPTO frames, if all frames are such as an Initial may hold (RFC 9000, section
/// 17.2.2).
fn crypto_frames(plain: &[u8], cut: bool) -> Option<Vec<(usize, &[u8])>> {
    let (mut rest, mut found) = (plain, Vec::new());
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        match frame(kind, &mut rest, cut) {
            Some(crypto) => found.extend(crypto),
            None if cut => break,
            None => return None,
        }
    }
    Some(found)
}

/// Takes the rest of a frame, whose type was read, off `rest` (RFC 9000, section 19). Returns what is in a CRYPTO
/// frame, or `None` when the bytes are no frame that an Initial may hold.
fn frame<'a>(kind: u8, rest: &mut &'a [u8], cut: bool) -> Option<Option<(usize, &'a [u8])>> {
    match kind {
        // PADDING, PING
        0 | 1 => {}
        // ACK
        2 | 3 => {
            let (_largest, _delay, ranges, _first) = (varint(rest)?, varint(rest)?, varint(rest)?, varint(rest)?);
            let counts = if kind == 3 { 3 } else { 0 };
            for _ in 0..ranges.saturating_mul(2).saturating_add(counts) {
                varint(rest)?;
            }
        }
        // CRYPTO; Google's T050 and T051 have another number for it
        6 | 8 => {
            let (offset, length) = (varint(rest)?, varint(rest)?);
            let length = if cut { length.min(rest.len()) } else { length };
            let (data, after) = rest.split_at_checked(length)?;
            *rest = after;
            return Some(Some((offset, data)));
        }
        _ => return None,
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sample::{alpn, crypto, hello, quic_initial as initial, seal, sni, without_ja4};

    const ID: [u8; 8] = *b"\x83\x94\xc8\xf0\x3e\x51\x57\x08";
    /// RFC 9001, appendix A.2.
    const CRYPTO: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301130201\
        0000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007000504616c70\
        6e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74\
        d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ffffff\
        ffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    fn quic(version: QuicVersion, sni: Option<&str>, alpn: Option<&str>, ech: bool) -> Option<Hint> {
        Some(Hint::Quic { version, sni: sni.map(Into::into), alpn: alpn.map(Into::into), ech, ja4: None })
    }

    #[test]
    fn the_examples_of_the_rfcs_are_opened() {
        for (suite, number, version, begins) in [
            (
                &V1,
                1,
                QuicVersion::V1,
                "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936",
            ),
            (
                &V2,
                0x6b33_43cf,
                QuicVersion::V2,
                "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de80",
            ),
        ] {
            let datagram = seal(suite, number, &ID, 2, &bytes(CRYPTO));
            assert!(datagram.starts_with(&bytes(begins)), "as printed in RFC 9001 and 9369, appendix A.2");
            let hint = Initial::new(&datagram, false).unwrap().hint(false).unwrap();
            assert!(matches!(hint, Hint::Quic { ja4: Some(Ja4([b'q', ..])), .. }));
            assert_eq!(
                Initial::new(&datagram, false).unwrap().hint(false).map(without_ja4),
                quic(version, Some("example.com"), Some("alpn"), false)
            );
        }
        for (suite, number, version) in [
            (&DRAFT_29, 0xff00_001d, QuicVersion::Draft),
            (&DRAFT_23, 0xff00_001b, QuicVersion::Draft),
            (&T050, 0x5430_3530, QuicVersion::Google),
            (&T051, 0x5430_3531, QuicVersion::Google),
        ] {
            let datagram = seal(suite, number, &ID, 0, &bytes(CRYPTO));
            let said = quic(version, Some("example.com"), Some("alpn"), false);
            assert_eq!(Initial::new(&datagram, false).unwrap().hint(false).map(without_ja4), said);
        }
        let other_kind = [&[8], &bytes(CRYPTO)[1..]].concat();
        let hint = Initial::new(&seal(&T051, 0x5430_3531, &ID, 0, &other_kind), false).unwrap().hint(false);
        assert!(matches!(hint, Some(Hint::Quic { sni: Some(_), .. })));
    }

    /// As browsers send it: larger than a datagram, in shuffled pieces between PING, PADDING and ACK.
    fn split_hello() -> [Vec<u8>; 2] {
        let message = hello(&[(0x33, vec![9; 1300]), (0xfe0d, vec![1; 99]), sni(b"a.example"), alpn(&[b"h3"])]);
        let piece = |from: usize, to: usize| crypto(from, &message[from..to]);
        let ack = [2, 0x40, 7, 0, 1, 0, 2, 2];
        [
            [&[1, 0][..], &piece(500, 900), &piece(0, 7), &[0, 0, 1], &piece(1400, message.len())].concat(),
            [&piece(900, 1400)[..], &ack, &piece(7, 500)].concat(),
        ]
    }

    #[test]
    fn shuffled_frames_in_two_datagrams_are_put_together() {
        let [first, second] = split_hello();
        let said = quic(QuicVersion::V1, Some("a.example"), Some("h3"), true);
        for (one, two) in [(&first, &second), (&second, &first)] {
            let mut begun = Initial::new(&initial(&ID, 0, one), false).unwrap();
            assert_eq!(begun.hint(false), None);
            begun.add(&initial(&ID, 1, two), false);
            assert_eq!(begun.hint(false).map(without_ja4), said);
        }
        let mut retried = Initial::new(&initial(&ID, 0, &first), false).unwrap();
        retried.add(&initial(b"another-id", 1, &first), false);
        retried.add(&initial(b"another-id", 2, &second), false);
        assert_eq!(retried.hint(false).map(without_ja4), said);
    }

    #[test]
    fn a_hello_that_does_not_come_is_given_up() {
        let mut begun = Initial::new(&initial(&ID, 0, &split_hello()[0]), false).unwrap();
        (0..30).for_each(|_| begun.add(&[0x40; 60], false));
        assert_eq!(begun.hint(false), None);
        assert_eq!(begun.hint(true), quic(QuicVersion::V1, None, None, false));
    }

    /// Returns a packet with a long header and nothing that could be read in it.
    fn sealed(kind: u8, version: u32, size: u8) -> Vec<u8> {
        [&[0xc0 | kind << 4][..], &version.to_be_bytes(), &[8], &ID, &[0, size], &vec![0x5a; size.into()]].concat()
    }

    #[test]
    fn an_initial_may_stand_anywhere_in_a_datagram() {
        let hello = initial(&ID, 0, &bytes(CRYPTO));
        let said = quic(QuicVersion::V1, Some("example.com"), Some("alpn"), false);
        for ahead in [&[1][..], &[2], &[1, 2, 1]] {
            let ahead: Vec<u8> = ahead.iter().flat_map(|kind| sealed(*kind, 1, 40)).collect();
            let datagram = [&ahead[..], &hello].concat();
            assert_eq!(Initial::new(&datagram, false).unwrap().hint(false).map(without_ja4), said);
        }
        let two = split_hello().map(|frames| initial(&ID, 0, &frames));
        let both = Initial::new(&two.concat(), false).unwrap();
        assert_eq!(both.hint(false).map(without_ja4), quic(QuicVersion::V1, Some("a.example"), Some("h3"), true));
        for hidden in [&[0x40; 30][..], &sealed(3, 1, 40), &sealed(1, 9, 40)] {
            assert!(Initial::new(&[hidden, &hello].concat(), false).is_none(), "its end is not known");
        }
        assert_eq!(hint(&sealed(1, 1, 40), false), quic(QuicVersion::V1, None, None, false), "0-RTT");
        assert_eq!(hint(&sealed(1, 9, 40), false), None);
    }

    #[test]
    fn a_cut_initial_says_what_is_there() {
        let datagram = initial(&ID, 0, &bytes(CRYPTO));
        assert!((0..1200).all(|end| Initial::new(&datagram[..end], false).is_none()));
        for end in 0..1200 {
            if let Some(begun) = Initial::new(&datagram[..end], true) {
                assert!(begun.hint(false).is_some());
            }
        }
        let said = quic(QuicVersion::V1, Some("example.com"), None, false);
        assert_eq!(Initial::new(&datagram[..110], true).unwrap().hint(false), said);
    }

    #[test]
    fn other_datagrams_are_not_quic() {
        let good = initial(&ID, 0, &bytes(CRYPTO));
        for (at, value) in [(0, 0x80), (0, 0x40), (0, 0xf0), (4, 9), (5, 7), (5, 21), (14, 21), (15, 0xff), (16, 0x7f)]
        {
            let mut wrong = good.clone();
            wrong[at] = value;
            assert!(Initial::new(&wrong, false).is_none(), "{at} {value}");
        }
        for fill in 0..=255 {
            assert!(Initial::new(&[fill; 1300], false).is_none());
        }
        let reserved = [&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8][..], &ID, &[0], &[7; 1200]].concat();
        assert!(Initial::new(&reserved, false).is_none(), "its keys are not known");
        assert_eq!(hint(&reserved, false), quic(QuicVersion::Draft, None, None, false));
        assert_eq!(hint(&reserved[..100], false), None);
    }

    #[test]
    fn any_plain_text_is_survived() {
        let mut seed = 1_u32;
        for number in 0..300 {
            let frames: Vec<u8> = (0..200)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if seed >> 31 == 0 { (seed >> 24) as u8 } else { (seed >> 24) as u8 & 7 }
                })
                .collect();
            for cut in [false, true] {
                assert!(Initial::new(&initial(&ID, number, &frames), cut).is_some());
            }
        }
        let _ = Initial::new(&initial(&ID, 0, &[&[2, 1, 1][..], &[0xff; 8], &[0; 100]].concat()), false);
        let _ = Initial::new(&initial(&ID, 0, &[&[6][..], &[0xff; 16], &[0; 100]].concat()), true);
    }
}
