//! The header of a cleartext HTTP request (RFC 9112), CONNECT among them (RFC 9110, section 9.3.6).

use crate::model::{Hint, name};
use crate::wire::request::Request;

const METHODS: [&str; 8] = ["GET ", "POST ", "PUT ", "HEAD ", "OPTIONS ", "DELETE ", "PATCH ", CONNECT];
const CONNECT: &str = "CONNECT ";

/// Reads a request at the beginning of a client's byte stream. It is whole at the end of its Host line, or of the
/// header where it has none or is CONNECT. With `cut` no more of the stream will come.
pub fn request(stream: &[u8], cut: bool) -> Request {
    let Some(method) = METHODS.iter().find(|method| stream.starts_with(method.as_bytes())) else {
        return Request::Unknown;
    };
    let end = stream.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
    let used = end.unwrap_or(stream.len());
    let last = cut || end.is_some();
    let mut lines = stream[method.len()..used].split_inclusive(|&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut words = first.trim_ascii_end().split(|&byte| byte == b' ');
    let (target, version) = (words.next().unwrap_or_default(), words.next());
    if first.ends_with(b"\n") && !version.is_some_and(|version| version.starts_with(b"HTTP/1.")) {
        return Request::Unknown;
    }
    let is_connect = *method == CONNECT;
    let is_target =
        if is_connect { has_port(target) || version.is_none() } else { matches!(target, [b'/' | b'*' | b'h', ..]) };
    if !is_target && !target.is_empty() {
        return Request::Unknown;
    }
    if is_connect {
        return match version {
            Some(_) if last => Request::Whole(Hint::HttpConnect { target: name(target) }, used),
            _ if last => Request::Unknown,
            _ => Request::Incomplete,
        };
    }
    let (mut host, mut websocket) = (None, false);
    for (field, value) in lines.filter_map(field) {
        if field.eq_ignore_ascii_case(b"host") && !value.is_empty() {
            host = Some(name(without_port(value)));
        }
        websocket |= field.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket");
    }
    if host.is_some() || last { Request::Whole(Hint::Http { host, websocket }, used) } else { Request::Incomplete }
}

/// Returns name and value of a header line that is whole.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b"\n")?;
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

fn has_port(target: &[u8]) -> bool {
    let mut parts = target.rsplitn(2, |&byte| byte == b':');
    let port = parts.next().unwrap_or_default();
    !port.is_empty() && port.iter().all(u8::is_ascii_digit) && parts.next().is_some_and(|host| !host.is_empty())
}

fn without_port(host: &[u8]) -> &[u8] {
    let (host, end) = host.strip_prefix(b"[").map_or((host, b':'), |host| (host, b']'));
    host.split(|&byte| byte == end).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(host: Option<&str>, websocket: bool, used: usize) -> Request {
        Request::Whole(Hint::Http { host: host.map(Into::into), websocket }, used)
    }

    #[test]
    fn the_host_is_found() {
        for (text, host, websocket) in [
            ("GET / HTTP/1.1\r\nHost: WWW.example.com:8080\r\n\r\n", Some("www.example.com"), false),
            ("POST /x?y HTTP/1.0\r\nA: b\r\nhOST:[2001:db8::7]:80\r\n", Some("2001:db8::7"), false),
            ("GET http://www.example.com/ HTTP/1.1\r\n\r\n", None, false),
            ("GET /s HTTP/1.1\r\nHost: a.example\r\nUpgrade: WebSocket\r\n\r\n", Some("a.example"), true),
            ("OPTIONS * HTTP/1.1\nHost: a.example\n", Some("a.example"), false),
        ] {
            assert_eq!(request(text.as_bytes(), false), http(host, websocket, text.len()), "{text}");
        }
    }

    #[test]
    fn a_header_is_waited_for() {
        let text = b"GET /a/b HTTP/1.1\r\nUser-Agent: x\r\nHost: www.example.com\r\n";
        for end in 4..text.len() {
            assert_eq!(request(&text[..end], false), Request::Incomplete, "{end}");
            assert_eq!(request(&text[..end], true), http(None, false, end));
        }
    }

    #[test]
    fn connect_is_whole_or_cut() {
        let text = b"CONNECT WWW.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n";
        let said = |used| Request::Whole(Hint::HttpConnect { target: "www.example.com:443".into() }, used);
        assert_eq!(request(&[&text[..], b"\x16\x03"].concat(), false), said(text.len()));
        assert!((8..text.len()).all(|end| request(&text[..end], false) == Request::Incomplete));
        assert_eq!(request(&text[..40], true), said(40));
        assert_eq!(request(&text[..20], true), Request::Unknown, "half a target is none");
    }

    #[test]
    fn other_text_is_not_http() {
        for no in [
            "GET",
            "GETS / HTTP/1.1\r\n",
            "GET x\r\n",
            "GET / FTP\r\n",
            "CONNECT x HTTP/1.1\r\n\r\n",
            "CONNECT :1 HTTP/1.1\r\n",
            "SETUP / HTTP/1.1\r\n",
            "GET  / HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n",
        ] {
            assert_eq!(request(no.as_bytes(), true), Request::Unknown, "{no}");
        }
    }
}
