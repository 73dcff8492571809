//! Recognises the protocol with which a TCP client's byte stream begins. Behind the request of a tunnel a stream begins
//! anew.

use crate::model::Hint;
use crate::wire::request::Request;
use crate::wire::{http, mqtt, socks, stun, tls};

/// Recognises the outermost protocol at the beginning of a TCP client's byte stream. With `last` no more of it will
/// come.
pub fn outermost(stream: &[u8], last: bool) -> Request {
    let found = magic(stream)
        .or(|| tls::client_hello(stream, last))
        .or(|| socks::request(stream))
        .or(|| http::request(stream, last))
        .or(|| mqtt::request(stream));
    if last && found == Request::Incomplete { Request::Unknown } else { found }
}

/// Recognises protocols that begin with fixed bytes.
fn magic(stream: &[u8]) -> Request {
    if stream.starts_with(b"SSH-") {
        Request::Whole(Hint::Ssh, stream.len())
    } else if stream.starts_with(b"\x13BitTorrent protocol") {
        Request::Whole(Hint::BitTorrent, stream.len())
    } else if let Some((turn, used)) = stun::stream(stream) {
        Request::Whole(Hint::Stun { turn }, used)
    } else {
        Request::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sample::stun as message;

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
        assert_eq!(outermost(b"", false), Request::Incomplete);
        assert_eq!(
            (outermost(b"\x05\x01\0", false), outermost(b"\x05\x01\0", true)),
            (Request::Incomplete, Request::Unknown)
        );
    }
}
