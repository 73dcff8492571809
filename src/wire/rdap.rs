//! RDAP, which tells when a name was registered: IANA's list of servers (RFC 9224), and their answers about names (RFC
//! 9082, 9083).

use crate::time::Wall;
use serde_json::Value;

/// Returns the address to ask about a name, by IANA's list of servers: that of the longest domain that the name lies
/// below, and of its servers the first that speaks HTTPS. Absent where no server is known, and for a name that is not
/// made of letters, digits, hyphens and dots.
pub fn url(servers: &Value, name: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    if name.is_empty() || name.starts_with(['-', '.']) || name.contains("..") || !name.bytes().all(fits) {
        return None;
    }
    let is_above = |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let mut longest: Option<(&str, &Value)> = None;
    for service in servers.get("services")?.as_array()? {
        for domain in service.get(0)?.as_array()?.iter().filter_map(Value::as_str) {
            if is_above(domain) && longest.is_none_or(|(other, _)| other.len() < domain.len()) {
                longest = Some((domain, service.get(1)?));
            }
        }
    }
    let base = longest?.1.as_array()?.iter().filter_map(Value::as_str).find(|url| url.starts_with("https://"))?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'[' | b']');
    (base.len() <= 200 && base.bytes().all(fits)).then(|| format!("{}/domain/{name}", base.trim_end_matches('/')))
}

/// Returns the day since 1970 on which a name was registered, from the answer about it (RFC 9083 section 4.5: the event
/// `registration`, whose date is that of RFC 3339). Absent where the answer does not say.
pub fn registration_day(answer: &Value) -> Option<u16> {
    let events = answer.get("events")?.as_array()?;
    let is_registration = |event: &&Value| event.get("eventAction").and_then(Value::as_str) == Some("registration");
    let date = events.iter().find(is_registration)?.get("eventDate")?.as_str()?;
    let day = Wall::parse_date(date.get(..10)?)?.as_secs() / 86_400;
    u16::try_from(day).ok().filter(|day| *day > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_server_of_the_longest_domain_is_asked() {
        let servers = json!({"services": [
            [["com", "net"], ["http://plain.example/", "https://rdap.verisign.example/com/v1/"]],
            [["uk", "co.uk"], ["https://rdap.nominet.example/uk"]],
            [["org"], ["http://plain.example/"]],
            [["bad"], ["https://rdap.example/$(reboot)/"]],
        ]});
        let asked = |name: &str| url(&servers, name);
        assert_eq!(asked("vendor.com").as_deref(), Some("https://rdap.verisign.example/com/v1/domain/vendor.com"));
        assert_eq!(asked("vendor.co.uk").as_deref(), Some("https://rdap.nominet.example/uk/domain/vendor.co.uk"));
        for name in ["vendor.org", "vendor.bad", "vendor.example", "com", "", "-o.com", "a b.com", "a..com", "../x.com"]
        {
            assert_eq!(asked(name), None, "{name}");
        }
        assert_eq!(url(&json!({"services": [[["com"]]]}), "a.com"), None);
        assert_eq!(url(&json!([]), "a.com"), None);
    }

    #[test]
    fn the_day_of_the_registration_is_read() {
        let answer = |action: &str, date: &str| {
            registration_day(&json!({"objectClassName": "domain", "events": [
                {"eventAction": "expiration", "eventDate": "2030-01-01T00:00:00Z"},
                {"eventAction": action, "eventDate": date},
            ]}))
        };
        assert_eq!(answer("registration", "2026-11-20T08:15:27.1+01:00"), Some(20_777));
        assert_eq!(answer("registration", "2026-11-20"), Some(20_777));
        for (action, date) in [
            ("last changed", "2026-11-20T00:00:00Z"),
            ("registration", "2026-11"),
            ("registration", "20. November"),
            ("registration", "1960-01-01T00:00:00Z"),
            ("registration", "2026-11-2ü00:00:00Z"),
        ] {
            assert_eq!(answer(action, date), None, "{date}");
        }
        assert_eq!(registration_day(&json!({"errorCode": 404})), None);
    }
}
