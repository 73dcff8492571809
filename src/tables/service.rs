//! Which service a flow is, by what its first packets show, or else by the few ports that mean one thing. The ports are
//! those of the RFCs named at [`Service::by_port`]; resolvers are known from [`crate::wire::public_resolvers`].

use crate::model::{Hint, Name, PeerProtocol, Protocol};
use crate::wire::public_resolvers::{is_resolver_address, is_resolver_name};
use std::net::IpAddr;

/// What protocol a flow or contact speaks, as far as its first packets or its port tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of the protocols")]
pub enum Service {
    #[default]
    Unknown,
    Tls,
    Quic,
    Dns,
    Dot,
    Doh,
    Doq,
    Ntp,
    Stun,
    Turn,
    Socks,
    HttpConnect,
    Http,
    WebSocket,
    Ssh,
    Mqtt,
    WireGuard,
    Dtls,
    BitTorrent,
    Peer(PeerProtocol),
}

impl Service {
    /// Returns the word that the JSON uses; absent for an unknown service.
    pub fn text(self) -> Option<&'static str> {
        Some(match self {
            Service::Unknown => return None,
            Service::Tls => "tls",
            Service::Quic => "quic",
            Service::Dns => "dns",
            Service::Dot => "dot",
            Service::Doh => "doh",
            Service::Doq => "doq",
            Service::Ntp => "ntp",
            Service::Stun => "stun",
            Service::Turn => "turn",
            Service::Socks => "socks",
            Service::HttpConnect => "http-connect",
            Service::Http => "http",
            Service::WebSocket => "websocket",
            Service::Ssh => "ssh",
            Service::Mqtt => "mqtt",
            Service::WireGuard => "wireguard",
            Service::Dtls => "dtls",
            Service::BitTorrent => "bittorrent",
            Service::Peer(protocol) => protocol.text(),
        })
    }

    /// Returns true for what peers of a session say to each other, and to the servers that bring them together.
    pub fn sets_up_sessions(self) -> bool {
        matches!(self, Service::Stun | Service::Turn | Service::Peer(_))
    }

    /// Returns the service that the port alone means: DNS (RFC 1035), DNS over TLS (RFC 7858), DNS over QUIC (RFC 9250
    /// and its drafts), NTP (RFC 5905).
    pub fn by_port(protocol: Protocol, port: u16) -> Service {
        match (protocol, port) {
            (_, 53) => Service::Dns,
            (Protocol::Tcp, 853) => Service::Dot,
            (Protocol::Udp, 784 | 853 | 8853) => Service::Doq,
            (Protocol::Udp, 123) => Service::Ntp,
            _ => Service::Unknown,
        }
    }

    /// Returns the service of a flow to `address` and `port` after another hint, `self` being what was known before.
    /// The first hint decides, because what follows inside a tunnel is the tunnel's; only STUN may turn out to be TURN.
    pub fn refine(self, address: IpAddr, protocol: Protocol, port: u16, hint: &Hint) -> Service {
        let by_port = Service::by_port(protocol, port);
        match hint {
            Hint::Stun { turn: true } if matches!(self, Service::Stun | Service::Unknown) => Service::Turn,
            // The name in a QUIC hello may come with a later packet.
            Hint::Quic { sni: Some(name), .. } if self == Service::Quic && is_resolver_name(name) => Service::Doh,
            _ if self != by_port => self,
            Hint::Tls { sni, .. } => encrypted(by_port, Service::Dot, Service::Tls, sni.as_ref(), address, port),
            Hint::Quic { sni, .. } => encrypted(by_port, Service::Doq, Service::Quic, sni.as_ref(), address, port),
            Hint::Stun { .. } => Service::Stun,
            Hint::Socks { .. } => Service::Socks,
            Hint::HttpConnect { .. } => Service::HttpConnect,
            Hint::Http { websocket: true, .. } => Service::WebSocket,
            Hint::Http { .. } => Service::Http,
            Hint::Ssh => Service::Ssh,
            Hint::Mqtt => Service::Mqtt,
            Hint::WireGuard => Service::WireGuard,
            Hint::Ntp => Service::Ntp,
            Hint::Dns => Service::Dns,
            Hint::Dtls => Service::Dtls,
            Hint::BitTorrent => Service::BitTorrent,
            Hint::Peer(protocol) => Service::Peer(*protocol),
            Hint::Plaintext { .. } => self,
        }
    }
}

/// Returns `dns` if the port means that, DNS over HTTPS if the server is a public resolver, and `plain` otherwise. A
/// resolver is recognised by its name, and by its address only where the hello names nobody: many of these addresses
/// serve other names, too.
fn encrypted(
    by_port: Service,
    dns: Service,
    plain: Service,
    sni: Option<&Name>,
    address: IpAddr,
    port: u16,
) -> Service {
    match sni {
        _ if by_port == dns => dns,
        Some(name) if is_resolver_name(name) => Service::Doh,
        None if port == 443 && is_resolver_address(address) => Service::Doh,
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name;

    fn tls(known: Service, address: &str, port: u16, sni: Option<&[u8]>) -> Service {
        let hint = Hint::Tls { sni: sni.map(name), alpn: None, ech: false, esni: false, ja4: None };
        known.refine(address.parse().unwrap(), Protocol::Tcp, port, &hint)
    }

    #[test]
    fn resolvers_are_recognised() {
        assert_eq!(tls(Service::Dot, "203.0.113.1", 853, None), Service::Dot);
        assert_eq!(tls(Service::Unknown, "203.0.113.1", 443, Some(b"dns.google")), Service::Doh);
        assert_eq!(tls(Service::Unknown, "1.1.1.1", 443, None), Service::Doh);
        assert_eq!(tls(Service::Unknown, "1.1.1.1", 443, Some(b"www.example.com")), Service::Tls);
        assert_eq!(tls(Service::Unknown, "203.0.113.1", 443, None), Service::Tls);
        assert_eq!(tls(Service::Dns, "203.0.113.1", 53, None), Service::Tls, "bytes beat the port");
    }

    #[test]
    fn the_first_hint_decides_and_stun_may_become_turn() {
        let address = "203.0.113.1".parse().unwrap();
        let refine = |known: Service, hint| known.refine(address, Protocol::Udp, 3478, &hint);
        assert_eq!(tls(Service::Socks, "203.0.113.1", 21_477, Some(b"a.example")), Service::Socks);
        assert_eq!(refine(Service::Unknown, Hint::Stun { turn: false }), Service::Stun);
        assert_eq!(refine(Service::Stun, Hint::Stun { turn: true }), Service::Turn);
        assert_eq!(refine(Service::Turn, Hint::Dtls), Service::Turn);
    }
}
