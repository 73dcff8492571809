//! The keys of QUIC's Initial packets, which anyone on the path can derive (RFC 9001, section 5).

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};

/// The constants from which a version of QUIC derives its Initial keys, and its number of the Initial packet.
pub struct Suite {
    salt: [u8; 20],
    key: &'static [u8],
    iv: &'static [u8],
    hp: &'static [u8],
    /// The type of an Initial packet in the long header.
    pub initial: u8,
}

/// The constants of version 1 (RFC 9001, section 5.2).
pub const V1: Suite = Suite {
    salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
    key: b"quic key",
    iv: b"quic iv",
    hp: b"quic hp",
    initial: 0,
};
/// The constants of version 2 (RFC 9369, section 3).
pub const V2: Suite = Suite {
    salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
    key: b"quicv2 key",
    iv: b"quicv2 iv",
    hp: b"quicv2 hp",
    initial: 1,
};
/// The constants of draft-ietf-quic-tls-29 to 32, section 5.2.
pub const DRAFT_29: Suite =
    Suite { salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99", ..V1 };
/// The constants of draft-ietf-quic-tls-23 to 28, section 5.2.
pub const DRAFT_23: Suite =
    Suite { salt: *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02", ..V1 };
/// The constants of Google's version T050, which has the handshake of TLS (Chromium, quic/core/crypto/crypto_utils.cc).
pub const T050: Suite =
    Suite { salt: *b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10", ..V1 };
/// The constants of Google's version T051.
pub const T051: Suite =
    Suite { salt: *b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d", ..V1 };

fn hmac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).ok()?;
    parts.iter().for_each(|part| mac.update(part));
    Some(mac.finalize().into_bytes().into())
}

/// Returns at most one block of HKDF-Expand-Label (RFC 8446, section 7.1).
fn expand<const N: usize>(secret: &[u8], label: &[u8]) -> Option<[u8; N]> {
    let label_length = [0, N as u8, 6 + label.len() as u8];
    hmac(secret, &[&label_length, b"tls13 ", label, &[0, 1]])?.first_chunk().copied()
}

/// Returns the secret of the Initial packets of a client, whose first destination connection id is `id`.
pub fn client_secret(suite: &Suite, id: &[u8]) -> Option<[u8; 32]> {
    expand(&hmac(&suite.salt, &[id])?, b"client in")
}

/// Returns the mask that hides the first byte and the packet number (RFC 9001, section 5.4.3).
pub fn header_mask(suite: &Suite, secret: &[u8], sample: &[u8; 16]) -> Option<[u8; 16]> {
    let mut mask = (*sample).into();
    aes::Aes128Enc::new(&expand::<16>(secret, suite.hp)?.into()).encrypt_block(&mut mask);
    Some(mask.into())
}

/// Encrypts or decrypts with the counter mode within AEAD_AES_128_GCM (RFC 5116), which is its own inverse.
pub fn crypt(suite: &Suite, secret: &[u8], number: u32, text: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; 16];
    nonce[..12].copy_from_slice(&expand::<12>(secret, suite.iv)?);
    for (nonce, number) in nonce[8..].iter_mut().zip(number.to_be_bytes()) {
        *nonce ^= number;
    }
    let cipher = aes::Aes128Enc::new(&expand::<16>(secret, suite.key)?.into());
    let mut plain = text.to_vec();
    for (block, count) in plain.chunks_mut(16).zip(2_u32..) {
        nonce[12..].copy_from_slice(&count.to_be_bytes());
        let mut stream = nonce.into();
        cipher.encrypt_block(&mut stream);
        block.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
    }
    Some(plain)
}
