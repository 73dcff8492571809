//! What a TCP client's byte stream begins with. A tunnel's stream begins anew behind its request.

use crate::model::Hint;
use crate::wire::tls::{self, Hello};
use crate::wire::{http, mqtt, socks, stun};

/// What the beginning of a client's byte stream is.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// This; after so many bytes the next layer begins.
    Whole(Hint, usize),
    /// It may become something when more bytes come.
    Short,
    /// Nothing known.
    No,
}

impl Request {
    /// This, or where it is nothing known, the other.
    pub fn or(self, other: impl FnOnce() -> Request) -> Request {
        if self == Request::No { other() } else { self }
    }
}

/// What the beginning of a TCP client's byte stream is; with `last` no more of it will come.
pub fn outermost(stream: &[u8], last: bool) -> Request {
    let found = magic(stream)
        .or(|| match tls::client_hello(stream, last) {
            Hello::Whole(hint) => Request::Whole(hint, stream.len()),
            Hello::Short => Request::Short,
            Hello::No => Request::No,
        })
        .or(|| socks::request(stream))
        .or(|| http::request(stream, last))
        .or(|| mqtt::request(stream));
    if last && found == Request::Short { Request::No } else { found }
}

/// Protocols that begin with fixed bytes.
fn magic(stream: &[u8]) -> Request {
    if stream.starts_with(b"SSH-") {
        Request::Whole(Hint::Ssh, stream.len())
    } else if stream.starts_with(b"\x13BitTorrent protocol") {
        Request::Whole(Hint::BitTorrent, stream.len())
    } else if let Some((turn, used)) = stun::stream(stream) {
        Request::Whole(Hint::Stun { turn }, used)
    } else {
        Request::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stun::sample::message;

    #[test]
    fn the_first_bytes_tell_the_protocol() {
        for (bytes, hint) in [
            (&b"SSH-2.0-x\r\n"[..], Hint::Ssh),
            (b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", Hint::Mqtt),
            (b"\x13BitTorrent protocol........", Hint::BitTorrent),
            (&message(1), Hint::Stun { turn: false }),
            (&[&[0, 28][..], &message(3)].concat(), Hint::Stun { turn: true }),
        ] {
            assert_eq!(outermost(bytes, false), Request::Whole(hint, bytes.len()));
        }
        assert_eq!(outermost(b"", false), Request::Short);
        assert_eq!((outermost(b"\x05\x01\0", false), outermost(b"\x05\x01\0", true)), (Request::Short, Request::No));
    }
}
