//! Neighbor Discovery (RFC 4861): who has an IPv6 address, who says that it is a router, and what routers advertise:
//! prefixes, resolvers (RDNSS, RFC 8106; DNR, RFC 9463), and the prefix of NAT64 (PREF64, RFC 8781). All of it is a
//! claim of whoever sent it.

use crate::model::Mac;
use ipnet::Ipv6Net;
use std::net::{IpAddr, Ipv6Addr};

/// How many prefixes or resolvers of one advertisement are read.
const ENTRIES_MAX: usize = 16;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NdpMessage {
    /// A router advertises itself and its network (section 4.2).
    RouterAdvertisement(RouterAdvertisement),
    /// A station looks for the owner of an address (section 4.3).
    NeighborSolicitation {
        /// The address.
        target: Ipv6Addr,
        /// The hardware address of the sender, where it says it.
        mac: Option<Mac>,
    },
    /// A station says that an address is its own (section 4.4).
    NeighborAdvertisement {
        /// The address.
        target: Ipv6Addr,
        /// The hardware address of the address's owner, where it says it.
        mac: Option<Mac>,
        /// The sender says that it is a router.
        router: bool,
    },
}

/// What a router advertises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterAdvertisement {
    /// For how many seconds it is a default router; 0 if it is none.
    pub lifetime: u16,
    /// The prefixes whose addresses are on this link, or from which stations make their addresses (section 4.6.2).
    pub prefixes: Vec<Ipv6Net>,
    /// The resolvers, and whether they are to be asked over TLS, HTTPS or QUIC.
    pub resolvers: Vec<(IpAddr, bool)>,
    /// The prefixes in which IPv4 addresses are translated.
    pub nat64: Vec<Ipv6Net>,
}

/// Reads an ICMPv6 message, without the options that a capture cut off. Returns `None` for any that is not of the kinds
/// above. That the Hop Limit is 255, so that no router passed it on, is for the caller to see (section 6.1.2).
pub fn parse(message: &[u8]) -> Option<NdpMessage> {
    let (&[kind, 0, _, _, a, _, lifetime1, lifetime0], rest) = message.split_first_chunk()? else { return None };
    if kind == 134 {
        let lifetime = u16::from_be_bytes([lifetime1, lifetime0]);
        return Some(NdpMessage::RouterAdvertisement(advertisement(lifetime, rest.get(8..)?)));
    }
    let (target, rest) = rest.split_first_chunk::<16>()?;
    let target = Ipv6Addr::from(*target);
    // The source's and the target's link-layer address.
    let mac = |option: u8| {
        let value = options(rest).find(|(kind, _)| *kind == option)?.1;
        value.first_chunk().map(|mac| Mac(*mac)).filter(|mac| mac.is_station())
    };
    match kind {
        135 => Some(NdpMessage::NeighborSolicitation { target, mac: mac(1) }),
        136 => Some(NdpMessage::NeighborAdvertisement { target, mac: mac(2), router: a & 0x80 != 0 }),
        _ => None,
    }
}

/// Returns the kind and the value of each whole option (section 4.6), whose length counts eights of bytes.
fn options(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let &[kind, eights, ..] = rest else { return None };
        let (option, after) =
            rest.split_at_checked(usize::from(eights) * 8).filter(|(option, _)| !option.is_empty())?;
        rest = after;
        Some((kind, &option[2..]))
    })
}

fn advertisement(lifetime: u16, rest: &[u8]) -> RouterAdvertisement {
    let mut read = RouterAdvertisement { lifetime, ..RouterAdvertisement::default() };
    for (kind, value) in options(rest) {
        match (kind, value) {
            // Prefix information: length, flags (on-link, autonomous), two lifetimes, reserved, prefix.
            (3, &[length, flags, v3, v2, v1, v0, _, _, _, _, _, _, _, _, ref prefix @ ..])
                if flags & 0xc0 != 0 && [v3, v2, v1, v0] != [0; 4] =>
            {
                read.prefixes.extend(prefix.first_chunk().and_then(|prefix| net(*prefix, length)));
            }
            // RDNSS: reserved, lifetime, addresses. A lifetime of zero takes them back.
            (25, &[_, _, l3, l2, l1, l0, ref addresses @ ..]) if [l3, l2, l1, l0] != [0; 4] => {
                let (addresses, _) = addresses.as_chunks::<16>();
                read.resolvers.extend(addresses.iter().map(|octets| (Ipv6Addr::from(*octets).into(), false)));
            }
            // PREF64: a lifetime in units of 8 seconds whose last three bits say how long the prefix is.
            (38, &[l1, l0, ref prefix @ ..]) if u16::from_be_bytes([l1, l0]) >> 3 != 0 => {
                let length = [96, 64, 56, 48, 40, 32, 0, 0][usize::from(l0 & 7)];
                let mut octets = [0; 16];
                if let (Some(prefix), 1..) = (prefix.first_chunk::<12>(), length) {
                    octets[..12].copy_from_slice(prefix);
                    read.nat64.extend(net(octets, length));
                }
            }
            // DNR: priority, lifetime, the length of the name and the name, the length of the addresses and these.
            (144, &[_, _, l3, l2, l1, l0, n1, n0, ref rest @ ..]) if [l3, l2, l1, l0] != [0; 4] => {
                let addresses = rest.get(usize::from(u16::from_be_bytes([n1, n0]))..).unwrap_or_default();
                read.resolvers.extend(dnr_addresses(addresses).map(|address| (address, true)));
            }
            _ => {}
        }
    }
    read.prefixes.truncate(ENTRIES_MAX);
    read.resolvers.truncate(ENTRIES_MAX);
    read.nat64.truncate(ENTRIES_MAX);
    read
}

/// Returns the IPv6 addresses behind their length in bytes (RFC 9463, sections 4.1 and 6.1).
pub(super) fn dnr_addresses(field: &[u8]) -> impl Iterator<Item = IpAddr> {
    let length = field.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    let addresses = field.get(2..).unwrap_or_default();
    let (addresses, _) = addresses.get(..length).unwrap_or(addresses).as_chunks::<16>();
    addresses.iter().map(|octets| Ipv6Addr::from(*octets).into())
}

fn net(prefix: [u8; 16], length: u8) -> Option<Ipv6Net> {
    let address = Ipv6Addr::from(prefix);
    let own = !address.is_multicast() && !address.is_loopback() && address.segments()[0] & 0xffc0 != 0xfe80;
    Ipv6Net::new(address, length).ok().filter(|net| own && net.prefix_len() > 0).map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> [u8; 16] {
        text.parse::<Ipv6Addr>().unwrap().octets()
    }

    fn advertise(options: &[&[u8]]) -> Vec<u8> {
        [&[134, 0, 0, 0, 64, 0, 7, 8][..], &[0; 8], &options.concat()].concat()
    }

    #[test]
    fn an_advertisement_is_read_to_its_end() {
        let lasting = [0, 0, 0, 9];
        let prefix = [&[3, 4, 64, 0xc0][..], &lasting, &lasting, &[0; 4], &address("2001:db8:8::")].concat();
        let rdnss = [&[25, 3, 0, 0][..], &lasting, &address("2001:db8:8::1")].concat();
        let pref64 = [&[38, 2, 0, 8][..], &address("64:ff9b::")[..12]].concat();
        let dnr = [&[144, 5, 0, 1][..], &lasting, &[0, 5], b"\x03dot\0", &[0, 16], &address("2001:db8:8::53"), &[0; 7]];
        let message = advertise(&[&[1, 1, 2, 0, 0, 0, 0, 1], &prefix, &rdnss, &pref64, &dnr.concat()]);
        let Some(NdpMessage::RouterAdvertisement(read)) = parse(&message) else { panic!() };
        assert_eq!((read.lifetime, read.prefixes), (1_800, vec!["2001:db8:8::/64".parse().unwrap()]));
        assert_eq!(read.nat64, ["64:ff9b::/96".parse().unwrap()]);
        let resolvers = [("2001:db8:8::1", false), ("2001:db8:8::53", true)].map(|(a, e)| (a.parse().unwrap(), e));
        assert_eq!(read.resolvers, resolvers);
        for end in 0..message.len() {
            parse(&message[..end]);
        }
    }

    #[test]
    fn what_is_taken_back_or_cannot_be_is_not_there() {
        let prefix = |length, lifetime: u8, prefix: &str| {
            let mut option = [&[3, 4, length, 0xc0][..], &[lifetime; 4], &[0; 8], &address(prefix)].concat();
            option.resize(32, 0);
            option
        };
        let options = [
            prefix(64, 0, "2001:db8::"),
            prefix(129, 9, "2001:db8::"),
            prefix(0, 9, "::"),
            prefix(64, 9, "fe80::"),
            prefix(8, 9, "ff00::"),
            vec![25, 3, 0, 0, 0, 0, 0, 0, 7],
            vec![38, 2, 0, 15],
            vec![9, 0, 1, 1],
        ];
        for mut option in options {
            option.resize(usize::from(option[1]) * 8, 0);
            let nothing = RouterAdvertisement { lifetime: 1_800, ..RouterAdvertisement::default() };
            assert_eq!(parse(&advertise(&[&option])), Some(NdpMessage::RouterAdvertisement(nothing)), "{option:?}");
        }
    }

    #[test]
    fn neighbours_say_who_they_are() {
        let mac = Mac([2, 0, 0, 0, 0, 0x20]);
        let target: Ipv6Addr = "2001:db8::20".parse().unwrap();
        let link = |kind| [&[kind, 1][..], &mac.0].concat();
        let solicitation = [&[135, 0, 0, 0, 0, 0, 0, 0][..], &target.octets(), &link(1)].concat();
        let advertisement = [&[136, 0, 0, 0, 0xe0, 0, 0, 0][..], &target.octets(), &link(2)].concat();
        assert_eq!(parse(&solicitation), Some(NdpMessage::NeighborSolicitation { target, mac: Some(mac) }));
        let read = NdpMessage::NeighborAdvertisement { target, mac: Some(mac), router: true };
        assert_eq!(parse(&advertisement), Some(read));
        assert_eq!(
            parse(&advertisement[..24]),
            Some(NdpMessage::NeighborAdvertisement { target, mac: None, router: true })
        );
        assert_eq!(parse(&[128, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
