//! The first packet of MQTT 3.1, 3.1.1 and 5.0.

use crate::model::Hint;
use crate::wire::request::Request;

/// Recognises CONNECT at the beginning of a client's byte stream: its type, the remaining length in at most four
/// octets, the protocol's name (MQTT 5.0, sections 2.1 and 3.1).
pub fn request(stream: &[u8]) -> Request {
    let Some((0x10, rest)) = stream.split_first() else { return Request::Unknown };
    let Some(at) = rest.iter().take(4).position(|&byte| byte < 0x80) else {
        return if rest.len() < 4 { Request::Incomplete } else { Request::Unknown };
    };
    let rest = &rest[at + 1..];
    let names = [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"];
    match names {
        _ if names.iter().any(|name| rest.starts_with(name)) => Request::Whole(Hint::Mqtt, stream.len()),
        _ if names.iter().any(|name| name.starts_with(rest)) => Request::Incomplete,
        _ => Request::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_is_known_by_its_name() {
        for (text, begins) in
            [(&b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0"[..], 8), (b"\x10\x80\x80\x01\0\x06MQIsdp\x03", 12)]
        {
            for end in 1..=text.len() {
                let due = if end < begins { Request::Incomplete } else { Request::Whole(Hint::Mqtt, end) };
                assert_eq!(request(&text[..end]), due);
            }
        }
        for no in [&b""[..], b"\x20\x02", b"\x10\xff\xff\xff\xff\x01", b"\x10\x0c\0\x04HTTP", b"\x10\x0c\0\x05"] {
            assert_eq!(request(no), Request::Unknown);
        }
    }
}
