//! Recognises the protocol with which a TCP client's byte stream begins. Behind the request of a tunnel a stream begins
//! anew.

use crate::model::Hint;
use crate::wire::proxy_protocol::{self, Preface};
use crate::wire::request::Request;
use crate::wire::{dns, http, mqtt, socks, stun, tls};

/// Recognises the outermost protocol at the beginning of a TCP client's byte stream, or behind the preface of the PROXY
/// protocol. With `last` no more of it will come.
pub fn outermost(stream: &[u8], last: bool) -> Request {
    let found = match proxy_protocol::preface(stream) {
        Preface::Ends(0) => protocol(stream, last),
        Preface::Ends(ahead) => match protocol(&stream[ahead..], last) {
            Request::Whole(hint, used) => Request::Whole(hint, ahead + used),
            other => other,
        },
        Preface::Incomplete => Request::Incomplete,
    };
    if last && found == Request::Incomplete { Request::Unknown } else { found }
}

fn protocol(stream: &[u8], last: bool) -> Request {
    magic(stream)
        .or(|| tls::client_hello(stream, last))
        .or(|| socks::request(stream))
        .or(|| http::request(stream, last))
        .or(|| mqtt::request(stream))
        .or(|| dns::stream(stream))
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
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 22\r\n";
        let proxied = [&line[..], b"SSH-2.0-x\r\n"].concat();
        assert_eq!(outermost(&proxied, false), Request::Whole(Hint::Ssh, proxied.len()));
        assert_eq!((outermost(line, false), outermost(line, true)), (Request::Incomplete, Request::Unknown));
        assert_eq!(
            (outermost(b"\x05\x01\0", false), outermost(b"\x05\x01\0", true)),
            (Request::Incomplete, Request::Unknown)
        );
    }
}
