//! Messages for the tests of the files that read them.

use crate::model::Hint;
use crate::wire::initial_keys::{Suite, V1, client_secret, crypt, header_mask};

/// Returns `data` behind its length in `width` octets.
pub fn vector(width: usize, data: &[u8]) -> Vec<u8> {
    [&data.len().to_be_bytes()[size_of::<usize>() - width..], data].concat()
}

/// Returns a TLS handshake message: a ClientHello with these extensions.
pub fn hello(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let extensions: Vec<u8> =
        extensions.iter().flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &vector(2, data)].concat()).collect();
    let body = [
        &[3, 3][..],
        &[0x5a; 32],
        &vector(1, &[7; 32]),
        &vector(2, &[0x13, 1, 0x13, 2]),
        &vector(1, &[0]),
        &vector(2, &extensions),
    ];
    [&[1][..], &vector(3, &body.concat())].concat()
}

/// Returns the extension with a server name.
pub fn sni(name: &[u8]) -> (u16, Vec<u8>) {
    (0, vector(2, &[&[0][..], &vector(2, name)].concat()))
}

/// Returns the extension with application protocols.
pub fn alpn(protocols: &[&[u8]]) -> (u16, Vec<u8>) {
    (16, vector(2, &protocols.iter().flat_map(|protocol| vector(1, protocol)).collect::<Vec<_>>()))
}

/// Returns a TLS handshake message in records of at most `size` octets.
pub fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|part| [&[22, 3, 1][..], &vector(2, part)].concat()).collect()
}

/// Returns a STUN message of this type with one attribute.
pub fn stun(kind: u16) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &[0, 8, 0x21, 0x12, 0xa4, 0x42], &[9; 12], &[0x80, 0x22, 0, 4], b"test"].concat()
}

/// Returns a hint without its fingerprint, for the tests of what else a hello says.
pub fn without_ja4(hint: Hint) -> Hint {
    match hint {
        Hint::Tls { sni, alpn, ech, esni, .. } => Hint::Tls { sni, alpn, ech, esni, ja4: None },
        Hint::Quic { version, sni, alpn, ech, .. } => Hint::Quic { version, sni, alpn, ech, ja4: None },
        other => other,
    }
}

/// Returns a protected QUIC version 1 Initial datagram of 1,200 bytes with a 4-byte packet number.
pub fn quic_initial(id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    seal(&V1, 1, id, number, frames)
}

/// Returns a QUIC CRYPTO frame with two-byte offset and length.
pub fn crypto(offset: usize, data: &[u8]) -> Vec<u8> {
    [&[6][..], &(0x4000 | offset as u16).to_be_bytes(), &(0x4000 | data.len() as u16).to_be_bytes(), data].concat()
}

/// Returns a protected Initial datagram of 1,200 bytes of any version.
pub fn seal(suite: &Suite, version: u32, id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    let mut datagram =
        [&[0xc3 | suite.initial << 4][..], &version.to_be_bytes(), &[id.len() as u8], id, &[0, 0]].concat();
    let at = datagram.len() + 2;
    datagram.extend_from_slice(&(0x4000 | (1200 - at) as u16).to_be_bytes());
    datagram.extend_from_slice(&number.to_be_bytes());
    let mut plain = frames.to_vec();
    plain.resize(1200 - at - 20, 0);
    let secret = client_secret(suite, id).unwrap();
    datagram.extend(crypt(suite, &secret, number, &plain).unwrap());
    datagram.resize(1200, 0xaa);
    let mask = header_mask(suite, &secret, datagram[at + 4..].first_chunk().unwrap()).unwrap();
    datagram[0] ^= mask[0] & 0x0f;
    (0..4).for_each(|i| datagram[at + i] ^= mask[1 + i]);
    datagram
}
