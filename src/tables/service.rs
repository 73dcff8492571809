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
    DnsCrypt,
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
    Ping,
    Gre,
    Esp,
    Ah,
    SixInFour,
    IpInIp,
    L2tp,
    Sctp,
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
            Service::DnsCrypt => "dnscrypt",
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
            Service::Ping => "ping",
            Service::Gre => "gre",
            Service::Esp => "esp",
            Service::Ah => "ah",
            Service::SixInFour => "6in4",
            Service::IpInIp => "ipip",
            Service::L2tp => "l2tp",
            Service::Sctp => "sctp",
        })
    }

    /// Whether a resolver is asked: in the clear or not, on any port.
    pub fn asks_names(self) -> bool {
        matches!(self, Service::Dns | Service::Dot | Service::Doh | Service::Doq | Service::DnsCrypt)
    }

    /// Returns true for what peers of a session say to each other, and to the servers that bring them together.
    pub fn sets_up_sessions(self) -> bool {
        matches!(self, Service::Stun | Service::Turn | Service::Peer(_))
    }

    /// Returns true for protocols that carry whole packets: what is in them, and for whom, cannot be told. ESP may carry
    /// less than that, but hides it.
    pub fn is_tunnel(self) -> bool {
        matches!(self, Service::Gre | Service::Esp | Service::SixInFour | Service::IpInIp | Service::L2tp)
    }

    /// Returns true for what people set up by hand, whose server they name by its address: tunnels, remote shells, proxies.
    /// The ports are those that IANA registers, since only the first packets tell else: SSH, telnet, IKE and its NAT
    /// traversal (RFC 3947), OpenVPN, L2TP (RFC 2661), PPTP (RFC 2637); and the one that WireGuard's authors use.
    pub fn is_set_up_by_hand(self, port: u16) -> bool {
        let by_port = self == Service::Unknown && matches!(port, 22 | 23 | 500 | 1194 | 1701 | 1723 | 4500 | 51820);
        let by_name = matches!(self, Service::WireGuard | Service::Ssh | Service::Socks | Service::HttpConnect);
        by_port || by_name || self.is_tunnel()
    }

    /// Returns true for a server of the web, by its first packets or by its port. Its certificate or its Host header has
    /// a name, so it is called by name, and nobody hands out its address.
    pub fn is_web(self, protocol: Protocol, port: u16) -> bool {
        let by_port = matches!((protocol, port), (Protocol::Tcp, 80 | 443) | (Protocol::Udp, 443));
        matches!(self, Service::Tls | Service::Quic | Service::Http | Service::WebSocket)
            || self == Service::Unknown && by_port
    }

    /// Returns the service that the protocol or the port alone means: echo requests of ICMP (RFC 792) and ICMPv6 (RFC
    /// 4443), IP in IP (RFC 2003), 6in4 (RFC 4213), GRE (RFC 2784), ESP (RFC 4303), AH (RFC 4302), L2TPv3 (RFC 3931),
    /// SCTP (RFC 9260); DNS (RFC 1035), DNS over TLS (RFC 7858), DNS over QUIC (RFC 9250 and its drafts), NTP (RFC
    /// 5905).
    pub fn by_port(protocol: Protocol, port: u16) -> Service {
        match (protocol, port) {
            (Protocol::Icmp, 0x0800..0x0900) | (Protocol::Icmpv6, 0x8000..0x8100) => Service::Ping,
            (Protocol(4), _) => Service::IpInIp,
            (Protocol(41), _) => Service::SixInFour,
            (Protocol(47), _) => Service::Gre,
            (Protocol(50), _) => Service::Esp,
            (Protocol(51), _) => Service::Ah,
            (Protocol(115), _) => Service::L2tp,
            (Protocol(132), _) => Service::Sctp,
            (Protocol::Tcp | Protocol::Udp, 53) => Service::Dns,
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
            Hint::Quic { sni: Some(name), .. } if matches!(self, Service::Quic | Service::Doh) => {
                if is_resolver_name(name) { Service::Doh } else { Service::Quic }
            }
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
            Hint::DnsCrypt => Service::DnsCrypt,
            Hint::Dtls { .. } => Service::Dtls,
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
        assert_eq!(refine(Service::Turn, Hint::Dtls { sni: None }), Service::Turn);
    }
}
