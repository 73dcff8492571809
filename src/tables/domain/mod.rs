//! What a name is below: its registrable domain, by a small rule instead of the public suffix list (300 KB); and
//! whether that domain looks as if a program had made it up.

mod bigrams;

use crate::model::is_local_domain;
use crate::tables::domain::bigrams::{PAIRS, SYMBOLS};

/// Labels under which the registries of countries sell names: `co.uk`, `com.au`, `or.jp`.
const SECOND_LEVEL: [&str; 12] = ["ac", "co", "com", "edu", "gob", "gov", "id", "ne", "net", "nom", "or", "org"];

/// Under these everybody has a name of his own, which somebody chose: dynamic DNS, and hosts of pages. Not those that
/// make up the names of their customers themselves (cloudfront.net), whose whole is one firm's.
#[rustfmt::skip]
const PROVIDERS: [&str; 36] = [
    "afraid.org", "blogspot.com", "ddns.me", "ddns.net", "ddnsfree.com", "duckdns.org", "dyndns.org", "dynu.net",
    "dynv6.net", "firebaseapp.com", "freeddns.org", "github.io", "gitlab.io", "gotdns.org", "herokuapp.com",
    "homeip.net", "hopto.org", "mooo.com", "myddns.me", "myfritz.net", "myftp.org", "myqnapcloud.com", "netlify.app",
    "no-ip.biz", "no-ip.org", "ooguy.com", "pages.dev", "redirectme.net", "serveftp.com", "servehttp.com", "sytes.net",
    "theworkpc.com", "vercel.app", "web.app", "workers.dev", "zapto.org",
];

/// Whoever asks below these asks about a file, an address or a sender by its digest: antivirus programs, mail filters.
const BY_DIGEST: [&str; 14] = [
    "abuse.ch",
    "barracudacentral.org",
    "bitdefender.net",
    "brightcloud.com",
    "cymru.com",
    "dnswl.org",
    "e5.sk",
    "eset.com",
    "mcafee.com",
    "sophosxl.net",
    "spamhaus.net",
    "spamhaus.org",
    "surbl.org",
    "trendmicro.com",
];

/// Where [`crate::model::name`] cuts: what a longer name is below is not known. Only bytes that no host's name has make
/// one that long.
const CUT: usize = 251;

/// The part of a name that somebody registered: two labels, or three where the last two are a public suffix. A name of
/// fewer labels is all of it. It is empty where there is none: the name was cut, or ends as no domain does (those of the
/// first level are letters, or digits and letters behind `xn--`).
pub fn registrable(name: &str) -> &str {
    let top = name.rsplit_once('.').map_or("", |(_, top)| top);
    if name.len() > CUT || !top.starts_with("xn--") && top.bytes().any(|b| b.is_ascii_digit()) {
        return "";
    }
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at + 1);
    let Some(two) = dots.nth(1) else { return name };
    if is_suffix(&name[two..]) { &name[dots.next().unwrap_or_default()..] } else { &name[two..] }
}

/// Names are sold right below these two labels.
fn is_suffix(pair: &str) -> bool {
    let of_country = |(label, top): (&str, &str)| top.len() == 2 && SECOND_LEVEL.contains(&label);
    pair.split_once('.').is_some_and(of_country) || PROVIDERS.binary_search(&pair).is_ok()
}

/// Not a name of the Internet's: a single label, one of the house, a reverse lookup.
pub fn is_of_the_house(name: &str) -> bool {
    // "invalid" and "onion" never exist in DNS (RFC 6761, 7686).
    let own = |(_, top): (&str, &str)| is_local_domain(top) || matches!(top, "invalid" | "onion");
    name.len() <= CUT && (name.rsplit_once('.').is_none_or(own) || registrable(name) == "fritz.box")
}

/// Programs ask for such names by the way, and it is well that most do not exist: a search for services (RFC 6763), for a
/// proxy, or for an address in a list of senders (RFC 5782: its bytes or digits backwards).
pub fn is_machinery(name: &str) -> bool {
    let part_of_address =
        |label: &str| label.len() <= 3 && label.bytes().all(|b| b.is_ascii_digit()) || label.len() == 1;
    name.starts_with('_')
        || name.contains("._")
        || name.starts_with("wpad.")
        || name.starts_with("isatap.")
        || name.split('.').take(4).all(part_of_address)
}

/// Whether names below this registrable domain are questions about a file, an address or a sender by its digest, as
/// antivirus programs and mail filters ask them.
pub fn asks_by_digest(domain: &str) -> bool {
    BY_DIGEST.binary_search(&domain).is_ok()
}

/// How much a registrable domain looks made up rather than chosen: eight times the natural logarithm of how much likelier
/// a program writes its label than a person, pair of characters by pair. Absent where that says nothing: too short, or
/// in another script.
pub fn oddity(domain: &str) -> Option<i32> {
    let label = domain.split('.').next().unwrap_or_default();
    if label.len() < SHORTEST || label.starts_with("xn--") {
        return None;
    }
    let edge = SYMBOLS - 1;
    let (mut last, mut sum) = (edge, 0);
    for byte in label.bytes() {
        let symbol = match byte {
            b'a'..=b'z' => byte - b'a',
            b'0'..=b'9' => byte - b'0' + 26,
            b'-' => 36,
            _ => return None,
        };
        sum += i32::from(PAIRS[last][usize::from(symbol)]);
        last = symbol.into();
    }
    Some(sum + i32::from(PAIRS[last][edge]))
}

/// Characters that say something about who wrote them; the table was made for these.
const SHORTEST: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ODDITY;

    #[test]
    fn the_registrable_domain_is_what_somebody_registered() {
        for (name, domain) in [
            ("a.b.example.com", "example.com"),
            ("example.com", "example.com"),
            ("www.bbc.co.uk", "bbc.co.uk"),
            ("co.uk", "co.uk"),
            ("x.y.com.au", "y.com.au"),
            ("a.shop.com.br", "shop.com.br"),
            ("a.b.or.jp", "b.or.jp"),
            ("cam.my-house.duckdns.org", "my-house.duckdns.org"),
            ("duckdns.org", "duckdns.org"),
            ("d111111abcdef8.cloudfront.net", "cloudfront.net"),
            ("printer", "printer"),
            ("printer2", "printer2"),
            ("192.0.2.1", ""),
            ("a.b.xn--p1ai", "b.xn--p1ai"),
            ("", ""),
            (".", "."),
            ("..", "."),
            ("ü.ö.example", "ö.example"),
            ("a..com", ".com"),
            ("\\007".repeat(63).as_str(), ""),
        ] {
            assert_eq!(registrable(name), domain, "{name}");
        }
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(PROVIDERS.is_sorted() && BY_DIGEST.is_sorted());
    }

    #[test]
    fn the_house_and_its_machinery_are_known() {
        for name in ["printer", "printer.lan", "5.8.168.192.in-addr.arpa", "nas.fritz.box", "tv.local"] {
            assert!(is_of_the_house(name), "{name}");
        }
        for name in
            ["2.0.0.127.zen.spamhaus.org", "1.0.0.0.8.b.d.0.list.example", "_ldap._tcp.example.com", "wpad.isp.example"]
        {
            assert!(is_machinery(name) && !is_of_the_house(name), "{name}");
        }
        for name in ["www.example.com", "1.pool.ntp.example", "qzkvhxwpld.example"] {
            assert!(!is_machinery(name) && !is_of_the_house(name), "{name}");
        }
    }

    #[test]
    fn what_is_made_up_is_odd_and_what_is_chosen_is_not() {
        for name in ["qzkvhxwpld.example", "mxqtwzjkhvbr.co.uk", "9f86d081884c7d659a2feaa0c55ad015.example"] {
            assert!(oddity(name) >= Some(ODDITY), "{name}: {:?}", oddity(name));
        }
        for name in [
            "googleusercontent.com",
            "doubleclick.net",
            "samsungcloudsolution.com",
            "tuyaeu.com",
            "msftconnecttest.com",
            "steamserver.net",
            "amazonaws.com",
            "short.example",
            "xn--80ak6aa92e.com",
            "with_underscore.example",
            "",
        ] {
            assert!(oddity(name) < Some(ODDITY), "{name}: {:?}", oddity(name));
        }
    }
}
