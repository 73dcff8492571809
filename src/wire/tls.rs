//! The ClientHello of TLS and DTLS: RFC 8446 section 4.1.2, RFC 5246, RFC 6347, RFC 9147.

use crate::model::{Hint, name};
use crate::wire::bytes::vector;
use crate::wire::ja4::ja4;
use crate::wire::reassembly::Reassembly;
use crate::wire::request::Request;

/// The length, in bytes, above which a message is not believed to be a ClientHello: as much as one record may hold (RFC
/// 8446, section 5.1).
const HELLO_MAX: usize = 1 << 14;

/// Reads the beginning of a client's byte stream: records (RFC 8446, section 5.1), over several of which a hello may be
/// spread. With `cut` no more of it will come, so the part that is there is read for what it says.
pub fn client_hello(stream: &[u8], cut: bool) -> Request {
    if stream.iter().zip([22, 3]).any(|(&byte, due)| byte != due) {
        return Request::Unknown;
    }
    let (mut message, mut rest, mut broken) = (Vec::new(), stream, false);
    while let Some((&[kind, major, minor, high, low], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        broken = kind != 22 || major != 3 || minor > 4 || length == 0;
        if broken {
            break;
        }
        let (fragment, after) = after.split_at(length.min(after.len()));
        message.extend_from_slice(fragment);
        rest = after;
    }
    match handshake(&message, cut || broken) {
        Request::Whole(hint, _) => Request::Whole(hint, stream.len()),
        other => other,
    }
}

/// Reads the beginning of a stream of handshake messages without records, as QUIC's CRYPTO frames carry it.
pub fn handshake(stream: &[u8], cut: bool) -> Request {
    let Some((&[kind, a, b, c], body)) = stream.split_first_chunk() else {
        return if cut || stream.first().is_some_and(|&kind| kind != 1) {
            Request::Unknown
        } else {
            Request::Incomplete
        };
    };
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    if kind != 1 || length > HELLO_MAX || body.first().is_some_and(|&major| major != 3) {
        return Request::Unknown;
    }
    match body.get(..length) {
        Some(body) => Request::Whole(hint(body, TLS, true), 4 + length),
        None if cut => Request::Whole(hint(body, TLS, false), stream.len()),
        None => Request::Incomplete,
    }
}

/// Puts what a datagram's records hold of a DTLS ClientHello, whose fragments may come in several (RFC 6347, sections
/// 4.1 and 4.2.2; alike in RFC 9147, section 5.2), into `hello`. Returns what it says as far as it is there, and whether
/// it is whole, or `None` where the datagram holds nothing of one. With `cut` the datagram's end was not captured.
pub fn dtls_hello(datagram: &[u8], cut: bool, hello: &mut Reassembly) -> Option<(Hint, bool)> {
    let (mut rest, mut whole_length) = (datagram, None);
    while let Some(&[22, 0xfe, 0xfd..=0xff, 0, 0, _, _, _, _, _, _, high, low]) = rest.first_chunk() {
        let (record, after) = part(&rest[13..], usize::from(u16::from_be_bytes([high, low])), cut)?;
        rest = after;
        let Some((&[1, l2, l1, l0, _, _, o2, o1, o0, n2, n1, n0], body)) = record.split_first_chunk() else { continue };
        let [length, offset, size] = [[l2, l1, l0], [o2, o1, o0], [n2, n1, n0]]
            .map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low]) as usize);
        if length > HELLO_MAX
            || offset + size > length
            || body.first().is_some_and(|&major| offset == 0 && major != 0xfe)
        {
            continue;
        }
        let (fragment, _) = part(body, size, cut)?;
        hello.put(offset, fragment);
        whole_length = Some(length);
    }
    let body = hello.prefix();
    let is_whole = body.len() >= whole_length?;
    let Hint::Tls { sni, .. } = hint(body, DTLS, false) else { return None };
    Some((Hint::Dtls { sni }, is_whole))
}

/// Splits the first `size` bytes off, or with `cut` what is there of them.
fn part(bytes: &[u8], size: usize, cut: bool) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(if cut { size.min(bytes.len()) } else { size })
}

/// Reads what a ClientHello, or the part of it that is there, says. Ahead of its extensions are vectors of these widths.
fn hint(body: &[u8], ahead: &[usize], whole: bool) -> Hint {
    let (mut sni, mut alpn, mut ech, mut esni) = (None, None, false, false);
    let mut rest = extensions(body, ahead).unwrap_or_default();
    while let Some((&kind, after)) = rest.split_first_chunk() {
        rest = after;
        let Some(data) = vector(&mut rest, 2) else { break };
        match u16::from_be_bytes(kind) {
            0 => sni = server_name(data).filter(|sni| !sni.is_empty()).map(name),
            16 => alpn = first_protocol(data).filter(|alpn| !alpn.is_empty()).map(name),
            0xfe0d => ech = true,
            0xffce => esni = true,
            _ => {}
        }
    }
    let ja4 = if whole { ja4(body) } else { None };
    Hint::Tls { sni, alpn, ech, esni, ja4 }
}

/// The widths of the lengths of session, cipher suites and compression methods (RFC 8446, section 4.1.2).
const TLS: &[usize] = &[1, 2, 1];
/// Those of DTLS, where a cookie stands behind the session (RFC 6347, section 4.2.1).
const DTLS: &[usize] = &[1, 1, 2, 1];

/// Returns the extensions of a ClientHello, which stand behind the version, the random and vectors of these widths.
fn extensions<'a>(body: &'a [u8], ahead: &[usize]) -> Option<&'a [u8]> {
    let mut rest = body.get(34..)?;
    for &width in ahead {
        vector(&mut rest, width)?;
    }
    vector(&mut rest, 2)
}

/// Returns the server name of the extension of RFC 6066, section 3: a list of which only the first entry, a host name,
/// was ever used.
fn server_name(data: &[u8]) -> Option<&[u8]> {
    match *data {
        [_, _, 0, high, low, ref names @ ..] => names.get(..usize::from(u16::from_be_bytes([high, low]))),
        _ => None,
    }
}

/// Returns the first application protocol of the extension of RFC 7301, section 3.1.
fn first_protocol(data: &[u8]) -> Option<&[u8]> {
    match *data {
        [_, _, length, ref protocols @ ..] => protocols.get(..usize::from(length)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sample::{alpn, hello, records, sni, vector, without_ja4};

    fn tls(sni: Option<&str>, alpn: Option<&str>, ech: bool, esni: bool) -> Request {
        Request::Whole(Hint::Tls { sni: sni.map(Into::into), alpn: alpn.map(Into::into), ech, esni, ja4: None }, 0)
    }

    /// Without its length and fingerprint, which has tests of its own.
    fn client_hello(stream: &[u8], cut: bool) -> Request {
        match super::client_hello(stream, cut) {
            Request::Whole(hint, used) => {
                assert_eq!(used, stream.len());
                Request::Whole(without_ja4(hint), 0)
            }
            other => other,
        }
    }

    #[test]
    fn a_hello_says_where_to() {
        let message =
            hello(&[(0x2a2a, vec![]), sni(b"WWW.Example.com"), (0xfe0d, vec![0; 40]), alpn(&[b"h2", b"http/1.1"])]);
        let said = tls(Some("www.example.com"), Some("h2"), true, false);
        for size in [1, 5, 100, 4096] {
            assert_eq!(client_hello(&records(&message, size), false), said);
        }
        let followed = [records(&message, 4096), vec![20, 3, 3, 0, 1, 1]].concat();
        assert_eq!(client_hello(&followed, false), said);
        assert_eq!(client_hello(&records(&hello(&[(0xffce, vec![1])]), 4096), false), tls(None, None, false, true));
        assert_eq!(client_hello(&records(&hello(&[sni(b"")]), 4096), false), tls(None, None, false, false));
    }

    #[test]
    fn a_prefix_is_short_and_a_cut_hello_says_what_is_there() {
        let stream = records(&hello(&[sni(b"www.example.com"), alpn(&[b"h2"]), (0xfe0d, vec![0; 200])]), 4096);
        for end in 0..stream.len() {
            assert_eq!(client_hello(&stream[..end], false), Request::Incomplete, "{end}");
            let _ = client_hello(&stream[..end], true);
        }
        assert_eq!(
            client_hello(&stream[..stream.len() - 199], true),
            tls(Some("www.example.com"), Some("h2"), true, false)
        );
        assert_eq!(client_hello(&stream[..118], true), tls(Some("www.example.com"), None, false, false));
        assert_eq!(client_hello(&stream[..5], true), Request::Unknown);
        assert_eq!(client_hello(&stream[..100], true), tls(None, None, false, false), "half a name is none");
    }

    #[test]
    fn other_streams_are_not_hellos() {
        let ssl2 = [0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10];
        let server_hello = records(&[&[2, 0, 0, 40, 3, 3][..], &[0; 38]].concat(), 4096);
        for no in [
            &ssl2[..],
            &server_hello,
            b"GET / HTTP/1.1\r\n",
            &[22, 3, 1, 0, 0, 1],
            &[22, 3, 9, 0, 9, 1],
            &[21, 3, 1, 0, 2],
        ] {
            assert_eq!(client_hello(no, false), Request::Unknown, "{no:?}");
        }
        assert_eq!(client_hello(&[22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3], false), Request::Unknown);
        assert_eq!(client_hello(&[22, 3, 1, 0x40, 0, 1, 0, 0x20, 0, 9], false), Request::Unknown);
    }

    #[test]
    fn lengths_that_lie_do_no_harm() {
        let stream = records(&hello(&[sni(b"www.example.com"), alpn(&[b"h2"])]), 4096);
        for at in 9..stream.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut wrong = stream.clone();
                wrong[at] = value;
                let _ = client_hello(&wrong, true);
            }
        }
    }

    #[test]
    fn dtls_hellos_are_known_and_put_together() {
        let extensions = [sni(b"vpn.example"), alpn(&[b"webrtc"])]
            .iter()
            .flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &vector(2, data)].concat())
            .collect::<Vec<_>>();
        let suites = vector(2, &[0xc0, 0x2b]);
        let parts: [&[u8]; 7] =
            [&[0xfe, 0xfd], &[0x5a; 32], &[0], &vector(1, &[7; 20]), &suites, &[1, 0], &vector(2, &extensions)];
        let body = parts.concat();
        let record = |from: usize, to: usize| {
            let size = |n: usize| (n as u32).to_be_bytes()[1..].to_vec();
            let message =
                [&[1][..], &size(body.len()), &[0, 0], &size(from), &size(to - from), &body[from..to]].concat();
            [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &vector(2, &message)].concat()
        };
        let read = |datagram: &[u8], cut: bool| dtls_hello(datagram, cut, &mut Reassembly::default());
        let said = |sni: Option<&str>, whole| Some((Hint::Dtls { sni: sni.map(Into::into) }, whole));
        let whole = record(0, body.len());
        assert_eq!(read(&whole, false), said(Some("vpn.example"), true));
        assert_eq!(read(&[record(0, 50), record(50, body.len())].concat(), false), said(Some("vpn.example"), true));
        assert_eq!(read(&whole[..70], true), said(None, false));
        assert!((0..13).all(|end| read(&whole[..end], true).is_none()));
        assert!((0..whole.len()).all(|end| read(&whole[..end], false).is_none()));
        let mut hello = Reassembly::default();
        assert_eq!(dtls_hello(&record(60, body.len()), false, &mut hello), said(None, false));
        assert_eq!(dtls_hello(&record(0, 60), false, &mut hello), said(Some("vpn.example"), true));
        assert_eq!(read(&[22; 100], true), None);
        let mut lying = whole.clone();
        for at in 13..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                lying[at] = value;
                let _ = (read(&lying, false), read(&lying, true));
            }
        }
    }
}
