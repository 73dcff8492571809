//! DHCP for IPv6 (RFC 8415) as far as a server's reply tells: the addresses that a client gets, and the resolvers that
//! it is told to ask (RFC 3646; DNR, RFC 9463).

use crate::wire::ndp::dnr_addresses;
use std::net::{IpAddr, Ipv6Addr};

/// How many addresses or resolvers of one message are read.
const ENTRIES_MAX: usize = 16;

/// A server's reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dhcpv6Reply {
    /// The addresses that the client gets, with a lifetime above zero.
    pub addresses: Vec<Ipv6Addr>,
    /// The resolvers, and whether they are to be asked over TLS, HTTPS or QUIC.
    pub resolvers: Vec<(IpAddr, bool)>,
}

/// Reads a Reply (section 7.3), without the options that a capture cut off. Returns `None` for any other message.
pub fn parse_reply(payload: &[u8]) -> Option<Dhcpv6Reply> {
    let (&[7, _, _, _], rest) = payload.split_first_chunk()? else { return None };
    let mut reply = Dhcpv6Reply::default();
    for (code, value) in options(rest) {
        match code {
            // IA_NA: an id and two times; IA_TA: an id. Then options, of which those of code 5 are addresses.
            3 => reply.addresses.extend(addresses(value.get(12..).unwrap_or_default())),
            4 => reply.addresses.extend(addresses(value.get(4..).unwrap_or_default())),
            23 => {
                let (resolvers, _) = value.as_chunks::<16>();
                reply.resolvers.extend(resolvers.iter().map(|octets| (Ipv6Addr::from(*octets).into(), false)));
            }
            // Priority, the length of the name and the name, the length of the addresses and these.
            144 => {
                let name = value.get(2..).and_then(|rest| rest.first_chunk());
                let name = name.map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
                let addresses = value.get(4 + name..).unwrap_or_default();
                reply.resolvers.extend(dnr_addresses(addresses).map(|address| (address, true)));
            }
            _ => {}
        }
    }
    reply.addresses.truncate(ENTRIES_MAX);
    reply.resolvers.truncate(ENTRIES_MAX);
    Some(reply)
}

/// Returns the code and the value of each whole option (section 21.1).
fn options(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (&[c1, c0, l1, l0], after) = rest.split_first_chunk()?;
        let (value, after) = after.split_at_checked(u16::from_be_bytes([l1, l0]).into())?;
        rest = after;
        Some((u16::from_be_bytes([c1, c0]), value))
    })
}

fn addresses(rest: &[u8]) -> impl Iterator<Item = Ipv6Addr> {
    // An address, its preferred and its valid lifetime.
    let address = |(code, value): (u16, &[u8])| {
        let (address, times) = value.split_first_chunk::<16>().filter(|_| code == 5)?;
        times.get(4..8).filter(|valid| *valid != [0; 4]).map(|_| Ipv6Addr::from(*address))
    };
    options(rest).filter_map(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    #[test]
    fn a_reply_has_addresses_and_resolvers() {
        let octets = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let lease = |address: &str, valid: u8| option(5, &[&octets(address)[..], &[0, 0, 0, 9], &[valid; 4]].concat());
        let leases = [&[0; 12][..], &lease("2001:db8::20", 9), &lease("2001:db8::21", 0)].concat();
        let dnr = [&[0, 1, 0, 5][..], b"\x03dot\0", &[0, 16], &octets("2001:db8::53"), b"alpn"].concat();
        let message = [&[7, 1, 2, 3][..], &option(3, &leases), &option(23, &octets("fd00::1")), &option(144, &dnr)];
        let message = message.concat();
        let reply = parse_reply(&message).unwrap();
        assert_eq!(reply.addresses, ["2001:db8::20".parse::<Ipv6Addr>().unwrap()]);
        let resolvers = [("fd00::1", false), ("2001:db8::53", true)].map(|(a, e)| (a.parse().unwrap(), e));
        assert_eq!(reply.resolvers, resolvers);
        for end in 0..message.len() {
            parse_reply(&message[..end]);
        }
        assert_eq!(parse_reply(&[1, 1, 2, 3]), None);
    }
}
