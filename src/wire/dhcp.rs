//! DHCP for IPv4 (RFC 2131, options of RFC 2132): which devices start, which address they get, and what they call
//! themselves. Options that overflow into the `sname` and `file` fields (option 52) are not looked for.

use crate::model::{Mac, Name};
use std::net::Ipv4Addr;

const MAGIC: [u8; 4] = [99, 130, 83, 99];
/// How many characters of a host name or vendor class are kept.
const TEXT_MAX: usize = 64;

/// How many routers and resolvers of one message are kept.
const ENTRIES_MAX: usize = 16;

/// The type of a message (option 53).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// A client looks for servers.
    Discover,
    /// A client asks for an address.
    Request,
    /// A server grants an address.
    Ack,
    /// Any other type, by its number.
    Other(u8),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpMessage {
    /// The type of the message.
    pub message_type: MessageType,
    /// The hardware address of the client.
    pub mac: Mac,
    /// The address that the client gets by this message, or uses already.
    pub address: Option<Ipv4Addr>,
    /// What the client calls itself (option 12, else the first label of option 81).
    pub hostname: Option<Name>,
    /// The vendor class of the client (option 60).
    pub vendor_class: Option<Name>,
    /// Which options the client asks for, such as `1,3,6,15` (option 55). The order tells programs apart.
    pub asks: Option<Name>,
    /// The routers that the client is told (option 3).
    pub routers: Vec<Ipv4Addr>,
    /// The resolvers that the client is told, and whether they are to be asked over TLS, HTTPS or QUIC (option 6; DNR,
    /// option 162 of RFC 9463).
    pub resolvers: Vec<(Ipv4Addr, bool)>,
    /// The client has no address, as after a start (RFC 2131, section 4.3.2: INIT, SELECTING or INIT-REBOOT).
    pub booting: bool,
}

/// Reads a message of an Ethernet client, without the options that a capture cut off. Returns `None` for anything else.
pub fn parse(payload: &[u8]) -> Option<DhcpMessage> {
    let (head, options) = payload.split_first_chunk::<236>()?;
    let options = options.strip_prefix(&MAGIC)?;
    let [_, 1, 6, ..] = *head else { return None };
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = head.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(octets)).filter(|address| !address.is_unspecified())
    };
    let (used, granted) = (address(12), address(16));
    let mac = Mac(head[28..].first_chunk().copied()?);
    let (mut message_type, mut hostname, mut domain, mut vendor_class, mut asks) = (None, None, None, None, None);
    let (mut routers, mut resolvers) = (Vec::new(), Vec::new());
    let mut rest = options;
    while let Some((&code, after)) = rest.split_first() {
        rest = match code {
            0 => after,
            255 => break,
            _ => {
                let Some((&length, after)) = after.split_first() else { break };
                let Some((value, after)) = after.split_at_checked(length.into()) else { break };
                match (code, value) {
                    (3, _) => routers.extend(addresses(value)),
                    (6, _) => resolvers.extend(addresses(value).map(|address| (address, false))),
                    (12, _) => hostname = text(value),
                    (53, &[number]) => message_type = Some(number),
                    (55, _) => asks = numbers(value),
                    (60, _) => vendor_class = text(value),
                    // RFC 4702: flags, two obsolete codes, then the name, as labels when bit 2 of the flags says so.
                    (81, &[flags, _, _, ref name @ ..]) => domain = text(first_label(name, flags & 4 != 0)),
                    (162, _) => resolvers.extend(encrypted_resolvers(value).map(|address| (address, true))),
                    _ => {}
                }
                after
            }
        };
    }
    routers.truncate(ENTRIES_MAX);
    resolvers.truncate(ENTRIES_MAX);
    let message_type = match message_type? {
        1 => MessageType::Discover,
        3 => MessageType::Request,
        5 => MessageType::Ack,
        other => MessageType::Other(other),
    };
    let booting = message_type == MessageType::Discover || message_type == MessageType::Request && used.is_none();
    let address = if message_type == MessageType::Ack { granted.or(used) } else { used };
    let hostname = hostname.or(domain);
    Some(DhcpMessage { message_type, mac, address, hostname, vendor_class, asks, routers, resolvers, booting })
}

/// Returns bytes as numbers with commas between them, bounded as [`text`] is.
fn numbers(bytes: &[u8]) -> Option<Name> {
    let mut text = String::new();
    for byte in bytes.iter().take(TEXT_MAX / 2) {
        let comma = if text.is_empty() { "" } else { "," };
        text.push_str(&format!("{comma}{byte}"));
    }
    (!text.is_empty()).then(|| text.into())
}

fn addresses(value: &[u8]) -> impl Iterator<Item = Ipv4Addr> {
    let (addresses, _) = value.as_chunks::<4>();
    addresses.iter().map(|octets| Ipv4Addr::from(*octets))
}

/// Returns the addresses of the instances in option 162, each of which stands behind its length: a priority, a name
/// behind its length, and addresses behind theirs (RFC 9463, section 5.1).
fn encrypted_resolvers(mut rest: &[u8]) -> impl Iterator<Item = Ipv4Addr> {
    let mut all = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (instance, after) = after.split_at(length.min(after.len()));
        rest = after;
        let Some((&[_, _, name], behind)) = instance.split_first_chunk() else { continue };
        let Some((&length, behind)) = behind.get(usize::from(name)..).and_then(<[u8]>::split_first) else { continue };
        all.extend(addresses(behind.get(..length.into()).unwrap_or(behind)));
    }
    all.into_iter()
}

fn first_label(name: &[u8], labels: bool) -> &[u8] {
    match (labels, name) {
        (true, [length, label @ ..]) => label.get(..usize::from(*length)).unwrap_or_default(),
        _ => name.split(|&byte| byte == b'.').next().unwrap_or_default(),
    }
}

/// Returns a client's text as a bounded one of printable ASCII without spaces, since it may be an attacker's; other
/// bytes become `\DDD`.
fn text(bytes: &[u8]) -> Option<Name> {
    let mut text = String::new();
    for &byte in bytes.iter().take_while(|&&byte| byte != 0) {
        match byte {
            b'!'..=b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
        if text.len() > TEXT_MAX - 4 {
            break;
        }
    }
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(used: [u8; 4], given: [u8; 4], options: &[u8]) -> Vec<u8> {
        let mut message = vec![0; 236];
        message[..3].copy_from_slice(&[1, 1, 6]);
        message[12..16].copy_from_slice(&used);
        message[16..20].copy_from_slice(&given);
        message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        [&message[..], &MAGIC, options, &[255]].concat()
    }

    #[test]
    fn who_starts_and_who_has_what() {
        let discover = message([0; 4], [0; 4], b"\x35\x01\x01\0\x0c\x06Bulb 1\x37\x03\x01\x03\x06\x3c\x05udhcp");
        let read = parse(&discover).unwrap();
        assert!(read.booting && read.message_type == MessageType::Discover && read.mac == Mac([2, 0, 0, 0, 0, 7]));
        assert_eq!((read.hostname.as_deref(), read.vendor_class.as_deref()), (Some("Bulb\\0321"), Some("udhcp")));
        assert_eq!(read.asks.as_deref(), Some("1,3,6"));
        let renew = parse(&message([192, 168, 8, 7], [0; 4], b"\x35\x01\x03")).unwrap();
        assert!(!renew.booting && renew.address == Some([192, 168, 8, 7].into()));
        assert!(parse(&message([0; 4], [0; 4], b"\x35\x01\x03")).unwrap().booting);
        let ack = parse(&message([0; 4], [192, 168, 8, 7], b"\x35\x01\x05")).unwrap();
        assert!(!ack.booting && ack.address == Some([192, 168, 8, 7].into()));
        for length in 0..discover.len() {
            parse(&discover[..length]);
        }
    }

    #[test]
    fn routers_and_resolvers_are_told() {
        let dnr = [&[162, 15, 0, 13, 0, 1, 5][..], b"\x03dot\0", &[4, 192, 168, 8, 3]].concat();
        let options = [b"\x35\x01\x05\x03\x04\xc0\xa8\x08\x01\x06\x08\xc0\xa8\x08\x02\xc0\xa8\x08\x01", &dnr[..]];
        let ack = message([0; 4], [192, 168, 8, 7], &options.concat());
        let read = parse(&ack).unwrap();
        assert_eq!(read.routers, [Ipv4Addr::new(192, 168, 8, 1)]);
        let told = [(2, false), (1, false), (3, true)].map(|(last, on)| (Ipv4Addr::new(192, 168, 8, last), on));
        assert_eq!(read.resolvers, told);
        for length in 0..ack.len() {
            parse(&ack[..length]);
        }
    }

    #[test]
    fn names_are_found_in_option_81_too() {
        for option in [&b"\x51\x0b\x00\0\0lamp.lan"[..], b"\x51\x0d\x04\0\0\x04lamp\x03lan\0"] {
            let read = parse(&message([0; 4], [0; 4], &[b"\x35\x01\x01", option].concat()));
            assert_eq!(read.unwrap().hostname.as_deref(), Some("lamp"), "{option:?}");
        }
        let long = [&b"\x35\x01\x01\x0c\xff"[..], &[0xff; 255]].concat();
        assert!(parse(&message([0; 4], [0; 4], &long)).unwrap().hostname.unwrap().len() <= TEXT_MAX);
    }
}
