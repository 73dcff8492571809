//! What a name tells: its registrable domain, found by a small rule instead of the public suffix list (300 KB); whether
//! it is looked up by people or by machinery; and whether it looks as if a program had made it up, by how likely its
//! pairs of characters are. `tests/tools/make_bigrams.py` makes the table of pairs, and names the sources and what was
//! measured.

mod bigrams;

use crate::model::is_local_domain;
use crate::tables::domain::bigrams::{PAIRS, SYMBOLS};

/// Labels below which the registries of countries sell names: `co.uk`, `com.au`, `or.jp`.
const SECOND_LEVEL: [&str; 12] = ["ac", "co", "com", "edu", "gob", "gov", "id", "ne", "net", "nom", "or", "org"];

/// Domains below which every customer has a name of their own choice: dynamic DNS, and hosts of web pages. Providers
/// that make the names up themselves (cloudfront.net) are not among them: to leash, all of those are one firm's.
#[rustfmt::skip]
const PRIVATE_SUFFIXES: [&str; 36] = [
    "afraid.org", "blogspot.com", "ddns.me", "ddns.net", "ddnsfree.com", "duckdns.org", "dyndns.org", "dynu.net",
    "dynv6.net", "firebaseapp.com", "freeddns.org", "github.io", "gitlab.io", "gotdns.org", "herokuapp.com",
    "homeip.net", "hopto.org", "mooo.com", "myddns.me", "myfritz.net", "myftp.org", "myqnapcloud.com", "netlify.app",
    "no-ip.biz", "no-ip.org", "ooguy.com", "pages.dev", "redirectme.net", "serveftp.com", "servehttp.com", "sytes.net",
    "theworkpc.com", "vercel.app", "web.app", "workers.dev", "zapto.org",
];

/// Domains of antivirus programs and mail filters. A lookup below them is a question about a file, an address or a
/// sender by its digest.
const DIGEST_DOMAINS: [&str; 14] = [
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

/// Where [`crate::model::name`] cuts. The domain of a longer name is not known. Only bytes that do not occur in host
/// names make a name that long.
const CUT_AT: usize = 251;

/// Returns the part of a name that somebody registered: two labels, or three if the last two are a public suffix, or
/// the whole of a name with fewer. It is empty if the name was cut, or if its last label is not a top-level domain
/// (which has only letters, or begins with `xn--`).
pub fn registrable(name: &str) -> &str {
    let top = name.rsplit_once('.').map_or("", |(_, top)| top);
    if name.len() > CUT_AT || !top.starts_with("xn--") && top.bytes().any(|b| b.is_ascii_digit()) {
        return "";
    }
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at + 1);
    let Some(two) = dots.nth(1) else { return name };
    if is_suffix(&name[two..]) { &name[dots.next().unwrap_or_default()..] } else { &name[two..] }
}

/// Returns true if names are sold right below these two labels.
fn is_suffix(pair: &str) -> bool {
    let is_of_country = |(label, top): (&str, &str)| top.len() == 2 && SECOND_LEVEL.contains(&label);
    pair.split_once('.').is_some_and(is_of_country) || PRIVATE_SUFFIXES.binary_search(&pair).is_ok()
}

/// Returns true for names that are not on the Internet: single labels, names of the house, and reverse lookups.
pub fn is_local_name(name: &str) -> bool {
    // "invalid" and "onion" never exist in DNS (RFC 6761, 7686).
    let is_local = |(_, top): (&str, &str)| is_local_domain(top) || matches!(top, "invalid" | "onion");
    name.len() <= CUT_AT && (name.rsplit_once('.').is_none_or(is_local) || registrable(name) == "fritz.box")
}

/// Returns true for names that programs look up as a matter of routine, and most of which rightly do not exist:
/// searches for services (RFC 6763), for a proxy (WPAD, ISATAP), or for an address in a list of senders (RFC 5782: the
/// address's bytes or digits backwards).
pub fn is_automatic(name: &str) -> bool {
    let part_of_address =
        |label: &str| label.len() <= 3 && label.bytes().all(|b| b.is_ascii_digit()) || label.len() == 1;
    name.starts_with('_')
        || name.contains("._")
        || name.starts_with("wpad.")
        || name.starts_with("isatap.")
        || name.split('.').take(4).all(part_of_address)
}

/// Returns true if names below this registrable domain are questions about a file, an address or a sender by its
/// digest, as antivirus programs and mail filters ask them.
pub fn asks_by_digest(domain: &str) -> bool {
    DIGEST_DOMAINS.binary_search(&domain).is_ok()
}

/// Returns how much a registrable domain looks made up rather than chosen: eight times the natural logarithm of how
/// much likelier a program writes its label than a person does, by its pairs of characters. Absent if that says
/// nothing, because the label is too short or in another script.
pub fn made_up_score(domain: &str) -> Option<i32> {
    let label = domain.split('.').next().unwrap_or_default();
    if label.len() < LABEL_MIN || label.starts_with("xn--") {
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

/// How many characters it takes to tell who wrote a label; the table was made of labels with as many.
const LABEL_MIN: usize = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MADE_UP_SCORE;

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
        assert!(PRIVATE_SUFFIXES.is_sorted() && DIGEST_DOMAINS.is_sorted());
    }

    #[test]
    fn local_and_automatic_names_are_known() {
        for name in ["printer", "printer.lan", "5.8.168.192.in-addr.arpa", "nas.fritz.box", "tv.local"] {
            assert!(is_local_name(name), "{name}");
        }
        for name in
            ["2.0.0.127.zen.spamhaus.org", "1.0.0.0.8.b.d.0.list.example", "_ldap._tcp.example.com", "wpad.isp.example"]
        {
            assert!(is_automatic(name) && !is_local_name(name), "{name}");
        }
        for name in ["www.example.com", "1.pool.ntp.example", "qzkvhxwpld.example"] {
            assert!(!is_automatic(name) && !is_local_name(name), "{name}");
        }
    }

    #[test]
    fn made_up_names_score_high_and_chosen_ones_low() {
        for name in ["qzkvhxwpld.example", "mxqtwzjkhvbr.co.uk", "9f86d081884c7d659a2feaa0c55ad015.example"] {
            assert!(made_up_score(name) >= Some(MADE_UP_SCORE), "{name}: {:?}", made_up_score(name));
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
            assert!(made_up_score(name) < Some(MADE_UP_SCORE), "{name}: {:?}", made_up_score(name));
        }
    }
}
