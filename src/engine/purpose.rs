//! What a contact is plainly for, by the service that it uses and the names that were looked up; and the sentence for a
//! device of which nothing was found. It is shown and decides nothing, because anybody can choose a name.

use crate::model::Explained;
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::service::Service;

/// Names that serve only to find out whether one is online: of v2fly/domain-list-community, data/connectivity-check
/// (MIT licence), commit c975cce, without those that serve other things too.
const ONLINE_CHECKS: [&str; 22] = [
    "captive.apple.com",
    "conn1.oppomobile.com",
    "conn2.oppomobile.com",
    "connect.rom.miui.com",
    "connectivity-check.ubuntu.com",
    "connectivity.samsung.com.cn",
    "connectivitycheck.gstatic.com",
    "connectivitycheck.platform.hicloud.com",
    "connectivitycheck.platform.hihonorcloud.com",
    "cp.cloudflare.com",
    "detectportal.firefox.com",
    "edge-http.microsoft.com",
    "ipv6check-http.steamserver.net",
    "ipv6check-udp.steamserver.net",
    "msftconnecttest.com",
    "msftncsi.com",
    "network-test.debian.org",
    "networkcheck.kde.org",
    "nmcheck.gnome.org",
    "ping.archlinux.org",
    "test.steampowered.com",
    "wifi.vivo.com.cn",
];

/// Words in the first label of a name that offers updates.
const UPDATES: [&str; 9] = ["firmware", "fota", "fw", "fwupdate", "ota", "swupdate", "update", "updates", "upgrade"];

/// What a contact is plainly for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To know the time (NTP).
    Time,
    /// To know whether it is online.
    OnlineCheck,
    /// To update itself.
    Update,
    /// To know under which address others see it (STUN), as calls and cameras must.
    Stun,
}

impl Purpose {
    /// All of them, in the order in which a sentence names them.
    pub const ALL: [Purpose; 4] = [Purpose::Time, Purpose::OnlineCheck, Purpose::Update, Purpose::Stun];

    /// Returns what a device does for it.
    fn does(self) -> Sentence {
        match self {
            Purpose::Time => sentence!("asks for the time"),
            Purpose::OnlineCheck => sentence!("checks whether it is online"),
            Purpose::Update => sentence!("asks for updates"),
            Purpose::Stun => sentence!("asks how it is seen from outside"),
        }
    }

    /// Returns what a device asks for.
    fn thing(self) -> Sentence {
        match self {
            Purpose::Time => sentence!("the time"),
            Purpose::OnlineCheck => sentence!("online checks"),
            Purpose::Update => sentence!("updates"),
            Purpose::Stun => sentence!("how it is seen from outside"),
        }
    }

    /// Returns its word in the JSON.
    pub fn text(self) -> &'static str {
        match self {
            Purpose::Time => "time",
            Purpose::OnlineCheck => "online-check",
            Purpose::Update => "update",
            Purpose::Stun => "stun",
        }
    }
}

/// Returns what a contact with this service and port is plainly for; absent where that cannot be told. `names` are all
/// names under which the device looked the address up: all must agree, since many names share an address, unless the
/// handshake says which of them is meant. A handshake's name that was not looked up says nothing, because the device can
/// write there what it likes.
pub fn purpose<'a>(
    service: Service,
    port: u16,
    sni: Option<&str>,
    names: impl Iterator<Item = &'a str>,
) -> Option<Purpose> {
    match service {
        Service::Ntp => return Some(Purpose::Time),
        // Registered (RFC 8489, section 14), and Google's. On another port it is a peer.
        Service::Stun if matches!(port, 3478 | 3479 | 19_302..=19_309) => return Some(Purpose::Stun),
        Service::Unknown | Service::Tls | Service::Quic | Service::Http => {}
        _ => return None,
    }
    let mut names = names;
    if let Some(sni) = sni {
        return names.find(|name| *name == sni).and_then(of_name);
    }
    let mut purposes = names.map(of_name);
    let first = purposes.next()??;
    purposes.all(|other| other == Some(first)).then_some(first)
}

fn of_name(name: &str) -> Option<Purpose> {
    let mut parents = std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent));
    if parents.any(|name| ONLINE_CHECKS.binary_search(&name).is_ok()) {
        return Some(Purpose::OnlineCheck);
    }
    let (first, _) = name.split_once('.')?;
    let word = |word: &str| UPDATES.contains(&word.trim_end_matches(|c: char| c.is_ascii_digit()));
    first.split('-').any(word).then_some(Purpose::Update)
}

/// Returns one sentence for a device of which nothing was found, made from the purpose and explanation of its contacts
/// outside the house.
pub fn summary_sentence(outside: &[(Option<Purpose>, Option<Explained>)]) -> Sentence {
    let looked_up = |explained: Option<Explained>| explained == Some(Explained::Lookup);
    let is_time = |purpose: Option<Purpose>| purpose == Some(Purpose::Time);
    // Time by address is common and needed.
    let own_time = outside.iter().all(|(purpose, explained)| !is_time(*purpose) || looked_up(*explained));
    let found = Purpose::ALL.into_iter().filter(|purpose| outside.iter().any(|(other, _)| *other == Some(*purpose)));
    let rest = outside.iter().filter(|(purpose, _)| purpose.is_none()).count();
    if outside.is_empty() {
        sentence!("talks to nobody outside the house")
    } else if rest == 0 {
        let does = Sentence::list(found.map(Purpose::does).collect());
        does.map_or_else(|| sentence!("talks to nobody outside the house"), |does| sentence!("only %s", does))
    } else if outside.iter().all(|(purpose, explained)| looked_up(*explained) || is_time(*purpose)) {
        let things = found.filter(|purpose| *purpose != Purpose::Time || own_time).map(Purpose::thing);
        let mut things: Vec<Sentence> = things.collect();
        if !things.is_empty() {
            things.push(sentence!("%s more", rest));
        }
        match (Sentence::list(things), own_time) {
            (None, true) => sentence!("calls only what it looked up"),
            (None, false) => sentence!("calls only what it looked up, and asks for the time"),
            (Some(things), true) => sentence!("calls only what it looked up: %s", things),
            (Some(things), false) => sentence!("calls only what it looked up: %s, and asks for the time", things),
        }
    } else if outside.iter().all(|(_, explained)| *explained == Some(Explained::Unknown)) {
        sentence!("calls addresses; its lookups could not be seen")
    } else {
        sentence!("does nothing that leash knows to be wrong")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_names(names: &[&str]) -> Option<Purpose> {
        purpose(Service::Tls, 443, None, names.iter().copied())
    }

    #[test]
    fn purposes_are_told_by_service_and_name() {
        assert!(ONLINE_CHECKS.is_sorted());
        assert_eq!(purpose(Service::Ntp, 123, None, [].into_iter()), Some(Purpose::Time));
        assert_eq!(purpose(Service::Stun, 3478, None, ["stun.example"].into_iter()), Some(Purpose::Stun));
        assert_eq!(purpose(Service::Stun, 40_000, None, [].into_iter()), None, "a peer");
        assert_eq!(purpose(Service::Turn, 3478, None, [].into_iter()), None, "it relays");
        assert_eq!(by_names(&["www.msftconnecttest.com"]), Some(Purpose::OnlineCheck));
        assert_eq!(by_names(&["fw-update2.vendor.example", "ota.vendor.example"]), Some(Purpose::Update));
        assert_eq!(by_names(&["updates.vendor.example", "api.vendor.example"]), None, "the address serves both");
        for other in
            ["evilcaptive.apple.com.example", "notcaptive.apple.com", "updated.example", "update", "www.update.example"]
        {
            assert_eq!(by_names(&[other]), None, "{other}");
        }
        assert_eq!(by_names(&[]), None);
        let names = ["api.vendor.example", "ota.vendor.example"];
        let sni = |sni| purpose(Service::Tls, 443, Some(sni), names.into_iter());
        assert_eq!(sni("ota.vendor.example"), Some(Purpose::Update), "the handshake says which of the names it is");
        assert_eq!(sni("captive.apple.com"), None, "anybody can write that into a handshake");
        assert_eq!(purpose(Service::Ssh, 22, None, ["update.vendor.example"].into_iter()), None);
    }

    #[test]
    fn a_calm_device_gets_a_calm_sentence() {
        let (lookup, none, unknown) = (Some(Explained::Lookup), Some(Explained::None), Some(Explained::Unknown));
        let [time, check, update, stun] = Purpose::ALL.map(Some);
        for (outside, says) in [
            (&[][..], "talks to nobody outside the house"),
            (&[(time, none)], "only asks for the time"),
            (&[(time, none), (check, lookup)], "only asks for the time and checks whether it is online"),
            (
                &[(update, lookup), (stun, lookup), (check, unknown)],
                "only checks whether it is online, asks for updates and asks how it is seen from outside",
            ),
            (&[(None, lookup)], "calls only what it looked up"),
            (&[(None, lookup), (time, none)], "calls only what it looked up, and asks for the time"),
            (
                &[(None, lookup), (time, lookup), (update, lookup)],
                "calls only what it looked up: the time, updates and 1 more",
            ),
            (
                &[(None, lookup), (time, none), (update, lookup)],
                "calls only what it looked up: updates and 1 more, and asks for the time",
            ),
            (&[(None, unknown)], "calls addresses; its lookups could not be seen"),
            (&[(None, unknown), (None, lookup)], "does nothing that leash knows to be wrong"),
        ] {
            assert_eq!(summary_sentence(outside).to_string(), says);
        }
    }
}
