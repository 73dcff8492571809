//! Google's QUIC before the IETF's (draft-hamilton-early-deployment-quic).

use crate::model::{self, Hint, Name, QuicVersion};

/// Recognises a client packet by the version in it, and reads the server's name where it holds a whole CHLO.
pub fn hint(datagram: &[u8]) -> Option<Hint> {
    let sni = || server_name(datagram);
    has_version(datagram).then(|| Hint::Quic {
        version: QuicVersion::Google,
        sni: sni(),
        alpn: None,
        ech: false,
        ja4: None,
    })
}

/// Whether a client packet has a version: `Q035` in a public header with an 8-byte connection id (until Q043), or in a
/// long header (draft-hamilton-early-deployment-quic, section 6.1; from Q044 on).
fn has_version(datagram: &[u8]) -> bool {
    let version = match datagram.first() {
        Some(flags) if flags & 0xcb == 0x09 => datagram.get(9..13),
        Some(flags) if flags & 0xc0 == 0xc0 => datagram.get(1..5),
        _ => None,
    };
    matches!(version, Some([b'Q' | b'T', b'0', b'0'..=b'9', b'0'..=b'9']))
}

/// Returns the SNI tag of a CHLO message in the clear (draft-hamilton-early-deployment-quic, section 7: a tag, the
/// number of entries, then tags and the ends of their values, little-endian).
fn server_name(datagram: &[u8]) -> Option<Name> {
    let hello = &datagram[datagram.windows(4).position(|tag| tag == b"CHLO")?..];
    let entries = usize::from(u16::from_le_bytes(*hello.get(4..)?.first_chunk()?));
    let index = hello.get(8..)?.get(..8 * entries)?;
    let values = hello.get(8 + 8 * entries..)?;
    let mut start = 0;
    for entry in index.chunks_exact(8) {
        let end = u32::from_le_bytes(*entry.last_chunk()?) as usize;
        if entry.starts_with(b"SNI\0") {
            return values.get(start..end).filter(|sni| !sni.is_empty()).map(model::name);
        }
        start = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found() {
        let chlo = [&b"CHLO\x02\0\0\0PAD\0\x03\0\0\0SNI\0\x0c\0\0\0---a.example"[..], &[0; 900]].concat();
        let old = [&b"\x0d12345678Q043\x01"[..], &[0; 12], &chlo].concat();
        let new = [&b"\xc3Q046\x5012345678"[..], &[0; 16], &chlo].concat();
        let said = |sni: Option<&str>| {
            Some(Hint::Quic {
                version: QuicVersion::Google,
                sni: sni.map(Into::into),
                alpn: None,
                ech: false,
                ja4: None,
            })
        };
        for datagram in [old, new] {
            assert_eq!(hint(&datagram), said(Some("a.example")));
            for end in 0..60 {
                let cut = hint(&datagram[..end]);
                assert!(cut.is_none() || cut == said(None) || cut == said(Some("a.example")));
            }
        }
        let lying = [&b"\x09.12345678Q035CHLO"[..], &[0xff; 99]].concat();
        assert_eq!(hint(&lying[..1]), None);
        assert_eq!(server_name(&lying), None);
    }

    #[test]
    fn other_datagrams_are_not() {
        for no in [&b"\x0d12345678X043"[..], b"\x0f12345678Q043", b"\x0d12345678Q0x3", b"\x83Q046", b""] {
            assert_eq!(hint(no), None);
        }
    }
}
