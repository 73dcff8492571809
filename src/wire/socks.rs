//! SOCKS requests: 4 and 4a (as published by NEC), 5 (RFC 1928) with user names (RFC 1929).

use crate::model::{self, Hint};
use crate::wire::request::Request;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Reads a SOCKS request at the beginning of a client's byte stream. A greeting of version 5 alone is
/// [`Request::Incomplete`].
pub fn request(stream: &[u8]) -> Request {
    match stream.first() {
        Some(4) => socks4(stream),
        Some(5) => socks5(stream).unwrap_or(Request::Incomplete),
        _ => Request::Unknown,
    }
}

fn whole(version: u8, target: &[u8], used: usize) -> Request {
    Request::Whole(Hint::Socks { version, target: Some(model::name(target)) }, used)
}

/// Reads a request of version 4: command, port, address and user; behind an address 0.0.0.x the name (4a); and nothing
/// after that, since the client waits for the answer.
fn socks4(stream: &[u8]) -> Request {
    let Some((&[_, command, high, low, a, b, c, d], texts)) = stream.split_first_chunk() else {
        return if matches!(stream, [_] | [_, 1 | 2, ..]) { Request::Incomplete } else { Request::Unknown };
    };
    let named = [a, b, c] == [0; 3] && d != 0;
    if !matches!(command, 1 | 2) || [a, b, c, d] == [0; 4] || !texts.iter().all(|&t| t == 0 || t.is_ascii_graphic()) {
        return Request::Unknown;
    }
    let (port, mut texts) = (u16::from_be_bytes([high, low]), texts.split(|&byte| byte == 0));
    let (_user, second, third) = (texts.next(), texts.next(), texts.next());
    let used = stream.len();
    match (named, second, third) {
        _ if used > TEXT_MAX => Request::Unknown,
        (_, None, _) | (true, _, None) => Request::Incomplete,
        (false, Some([]), None) => whole(4, format!("{}:{port}", Ipv4Addr::new(a, b, c, d)).as_bytes(), used),
        (true, Some(name), Some([])) if texts.next().is_none() => {
            whole(4, &[name, format!(":{port}").as_bytes()].concat(), used)
        }
        _ => Request::Unknown,
    }
}

/// The length, in bytes, above which a version 4 request with its user and name is not believed.
const TEXT_MAX: usize = 512;

/// Reads greeting, user and password, and request of version 5. Returns `None` when the stream ends too early.
fn socks5(stream: &[u8]) -> Option<Request> {
    let methods = usize::from(*stream.get(1)?);
    if methods == 0 {
        return Some(Request::Unknown);
    }
    let mut rest = stream.get(2 + methods..)?;
    if rest.first() == Some(&1) {
        let user = usize::from(*rest.get(1)?);
        let password = usize::from(*rest.get(2 + user)?);
        rest = rest.get(3 + user + password..)?;
    }
    if rest.iter().zip([5..=5, 1..=3, 0..=0]).any(|(byte, due)| !due.contains(byte)) {
        return Some(Request::Unknown);
    }
    let (&[_, _, _, kind], address) = rest.split_first_chunk()?;
    let (mut host, after) = match kind {
        1 => {
            address.split_first_chunk::<4>().map(|(&ip, after)| (Ipv4Addr::from(ip).to_string().into_bytes(), after))?
        }
        3 => {
            let (&length, name) = address.split_first()?;
            name.split_at_checked(usize::from(length)).map(|(name, after)| (name.to_vec(), after))?
        }
        4 => address
            .split_first_chunk::<16>()
            .map(|(&ip, after)| (format!("[{}]", Ipv6Addr::from(ip)).into_bytes(), after))?,
        _ => return Some(Request::Unknown),
    };
    let (&port, after) = after.split_first_chunk()?;
    host.extend_from_slice(format!(":{}", u16::from_be_bytes(port)).as_bytes());
    Some(whole(5, &host, stream.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(version: u8, target: &str, used: usize) -> Request {
        Request::Whole(Hint::Socks { version, target: Some(target.into()) }, used)
    }

    #[test]
    fn version_4_is_exact() {
        let plain = b"\x04\x01\x01\xbb\xc0\x00\x02\x07joe\0";
        let named = b"\x04\x02\x01\xbb\0\0\0\x01\0www.example.com\0";
        assert_eq!(request(plain), said(4, "192.0.2.7:443", plain.len()));
        assert_eq!(request(named), said(4, "www.example.com:443", named.len()));
        for whole in [&plain[..], named] {
            assert!((1..whole.len()).all(|end| request(&whole[..end]) == Request::Incomplete));
            assert_eq!(request(&[whole, b"x"].concat()), Request::Unknown);
            assert_eq!(request(&[whole, b"\0"].concat()), Request::Unknown);
        }
        for no in [
            &b"\x04\x03\x01\xbb\xc0\0\x02\x07\0"[..],
            b"\x04\x01\x01\xbb\0\0\0\0\0",
            b"\x04\x01\x01\xbb\xc0\0\x02\x07\x01\0",
        ] {
            assert_eq!(request(no), Request::Unknown);
        }
        assert_eq!(request(&[&plain[..8], &[b'a'; 600]].concat()), Request::Unknown);
    }

    #[test]
    fn version_5_is_known_at_the_request() {
        let (greeting, user) = (&b"\x05\x02\0\x02"[..], &b"\x01\x03joe\x06secret"[..]);
        for (request5, target) in [
            (&b"\x05\x01\0\x01\xc0\0\x02\x07\x01\xbb"[..], "192.0.2.7:443"),
            (b"\x05\x03\0\x03\x0fWWW.example.com\0\x50", "www.example.com:80"),
            (b"\x05\x02\0\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x01\xbb", "[2001:db8::7]:443"),
        ] {
            for start in [greeting.to_vec(), [greeting, user].concat()] {
                let whole = [&start[..], request5].concat();
                assert_eq!(request(&[&whole[..], b"more"].concat()), said(5, target, whole.len()));
                assert!((1..whole.len()).all(|end| request(&whole[..end]) == Request::Incomplete));
            }
        }
        for no in [&b"\x05\0"[..], b"\x05\x01\0\x05\x09", b"\x05\x01\0GET", b"\x05\x01\0\x05\x01\0\x02", b"\x06", b""] {
            assert_eq!(request(no), Request::Unknown, "{no:?}");
        }
    }
}
