//! Whether a name or an address is that of a public resolver which speaks DNS over HTTPS, TLS or QUIC.

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
    fn the_lists_are_sorted() {
        assert!(NAMES.is_sorted() && ADDRESSES.is_sorted());
    }
}
