//! Whether a name or an address is that of a public resolver which speaks DNS over HTTPS, TLS or QUIC, or of a root
//! server.

use crate::wire::resolvers::{ADDRESSES, NAMES};
use std::net::IpAddr;

/// Whether a name is listed or below a listed one, or its first label says so (`doh`, `doh-2`, `doh1`), since that is
/// how people name their own. A resolver's web site (`www`) is none.
pub fn is_resolver_name(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    if first == "www" {
        return false;
    }
    let says = first.strip_prefix("doh").is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let suffixes = std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent));
    says && first.len() < name.len() || suffixes.into_iter().any(|suffix| NAMES.binary_search(&suffix).is_ok())
}

/// Whether an address is listed. Many of them serve other names too, so this is for hellos without a name.
pub fn is_resolver_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => ADDRESSES.binary_search(&v4.octets()).is_ok(),
        IpAddr::V6(_) => false,
    }
}

/// The addresses of the root servers, IPv4 (<https://www.internic.net/domain/named.root>, and b's former ones, which
/// still answer).
const ROOTS_V4: [[u8; 4]; 15] = [
    [128, 9, 0, 107],
    [170, 247, 170, 2],
    [192, 5, 5, 241],
    [192, 33, 4, 12],
    [192, 36, 148, 17],
    [192, 58, 128, 30],
    [192, 112, 36, 4],
    [192, 203, 230, 10],
    [193, 0, 14, 129],
    [198, 41, 0, 4],
    [198, 97, 190, 53],
    [199, 7, 83, 42],
    [199, 7, 91, 13],
    [199, 9, 14, 201],
    [202, 12, 27, 33],
];

/// Those of IPv6: the first four groups, after which there are zeroes, and the last two.
const ROOTS_V6: [[u16; 6]; 14] = [
    [0x2001, 0x500, 1, 0, 0, 0x53],
    [0x2001, 0x500, 2, 0, 0, 0xc],
    [0x2001, 0x500, 0x12, 0, 0, 0xd0d],
    [0x2001, 0x500, 0x2d, 0, 0, 0xd],
    [0x2001, 0x500, 0x2f, 0, 0, 0xf],
    [0x2001, 0x500, 0x9f, 0, 0, 0x42],
    [0x2001, 0x500, 0xa8, 0, 0, 0xe],
    [0x2001, 0x500, 0x200, 0, 0, 0xb],
    [0x2001, 0x503, 0xc27, 0, 2, 0x30],
    [0x2001, 0x503, 0xba3e, 0, 2, 0x30],
    [0x2001, 0x7fd, 0, 0, 0, 1],
    [0x2001, 0x7fe, 0, 0, 0, 0x53],
    [0x2001, 0xdc3, 0, 0, 0, 0x35],
    [0x2801, 0x1b8, 0x10, 0, 0, 0xb],
];

/// Whether an address is that of one of the thirteen root servers.
pub fn is_root_server(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => ROOTS_V4.contains(&v4.octets()),
        IpAddr::V6(v6) => {
            let [a, b, c, d, 0, 0, g, h] = v6.segments() else { return false };
            ROOTS_V6.contains(&[a, b, c, d, g, h])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_at_label_boundaries() {
        for name in [
            "dns.google",
            "cloudflare-dns.com",
            "mozilla.cloudflare-dns.com",
            "doh.bortzmeyer.fr",
            "doh-2.seby.io",
            "doh1.example",
        ] {
            assert!(is_resolver_name(name), "{name}");
        }
        for name in ["xdns.google", "google", "www.nextdns.io", "dohicky.example", "example.com", "", "doh"] {
            assert!(!is_resolver_name(name), "{name}");
        }
    }

    #[test]
    fn the_well_known_addresses_are_there() {
        for ip in ["1.1.1.1", "8.8.8.8", "9.9.9.9"] {
            assert!(is_resolver_address(ip.parse().unwrap()), "{ip}");
        }
        assert!(!is_resolver_address("203.0.113.1".parse().unwrap()));
    }

    #[test]
    fn the_root_is_known() {
        for ip in ["198.41.0.4", "2001:503:ba3e::2:30", "170.247.170.2", "2801:1b8:10::b", "2001:dc3::35"] {
            assert!(is_root_server(ip.parse().unwrap()), "{ip}");
        }
        for ip in ["198.41.0.5", "2001:503:ba3e::2:31", "2001:503:ba3e:0:1::2:30"] {
            assert!(!is_root_server(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(NAMES.is_sorted() && ADDRESSES.is_sorted());
    }
}
