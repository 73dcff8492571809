//! Plain data: the nouns of leash, without behaviour that needs a table or a clock.
//!
//! Everything else imports this file, and it imports nobody but a hash function, so that a format, a table and a
//! detector mean the same thing by a name. Classes of addresses and names follow the RFCs that are named beside them.

use crate::fnv::fnv32;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An IEEE 802 hardware address, by which a device is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Makes a stand-in for a station of a capture that has no hardware addresses (raw IP, loopback). It is derived
    /// from the IP address, lies in the locally administered range, and is never shown: see [`Mac::is_stand_in`].
    pub fn stand_in(ip: IpAddr) -> Mac {
        let v4 = match ip {
            IpAddr::V4(v4) => v4.octets(),
            IpAddr::V6(v6) => fnv32(&v6.octets()).to_be_bytes(),
        };
        Mac([0x6e, 0x6d, v4[0], v4[1], v4[2], v4[3]])
    }

    /// Returns true for an address that [`Mac::stand_in`] made, which must not be shown as a hardware address.
    pub fn is_stand_in(self) -> bool {
        self.0[0] == 0x6e && self.0[1] == 0x6d
    }

    /// Returns true for the address of a single station: neither a group address (IEEE 802, I/G bit) nor all zeroes.
    pub fn is_station(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads twelve hex digits in pairs, separated by colons or dashes.
impl FromStr for Mac {
    type Err = String;
    fn from_str(text: &str) -> Result<Mac, String> {
        let wrong = || format!("'{text}' is not a hardware address such as 02:11:22:33:44:55");
        let mut octets = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut octets {
            let part =
                parts.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit())).ok_or_else(wrong)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Mac(octets)) }
    }
}

impl Mac {
    /// Returns the address without colons: `021122334455`.
    pub fn plain(self) -> String {
        self.0.map(|octet| format!("{octet:02x}")).concat()
    }

    /// Reads what [`Mac::plain`] returned.
    pub fn parse_plain(text: &str) -> Option<Mac> {
        let number = Some(text).filter(|text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let [_, _, octets @ ..] = u64::from_str_radix(number, 16).ok()?.to_be_bytes();
        Some(Mac(octets))
    }
}

/// A name or text from the network, so possibly an attacker's. It is printable ASCII without spaces and bounded in
/// length: see [`name`]. It is shared, because one name explains many addresses.
pub type Name = std::rc::Rc<str>;

/// Makes a bounded, printable [`Name`] of raw bytes from the network: in lower case, without one trailing dot, bytes
/// that are not graphic ASCII written as `\DDD` (RFC 4343, section 2.1), and cut at 255 characters.
pub fn name(bytes: &[u8]) -> Name {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes.strip_suffix(b".").unwrap_or(bytes) {
        if text.len() > 251 {
            break;
        }
        match byte {
            b'!'..=b'~' => text.push(byte.to_ascii_lowercase() as char),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.into()
}

/// What an IP packet carries, by its number in the IP header (IANA, Assigned Internet Protocol Numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

/// The words for protocols; the rest go by their number.
const PROTOCOLS: [(Protocol, &str); 14] = [
    (Protocol::Tcp, "tcp"),
    (Protocol::Udp, "udp"),
    (Protocol::Icmp, "icmp"),
    (Protocol(4), "ipip"),
    (Protocol(33), "dccp"),
    (Protocol(41), "6in4"),
    (Protocol(47), "gre"),
    (Protocol(50), "esp"),
    (Protocol(51), "ah"),
    (Protocol::Icmpv6, "icmpv6"),
    (Protocol(97), "etherip"),
    (Protocol(115), "l2tp"),
    (Protocol(132), "sctp"),
    (Protocol(136), "udplite"),
];

#[expect(non_upper_case_globals, reason = "they read as the variants that they are to all who match them")]
impl Protocol {
    /// TCP (RFC 9293).
    pub const Tcp: Protocol = Protocol(6);
    /// UDP (RFC 768).
    pub const Udp: Protocol = Protocol(17);
    /// ICMP (RFC 792).
    pub const Icmp: Protocol = Protocol(1);
    /// ICMPv6 (RFC 4443).
    pub const Icmpv6: Protocol = Protocol(58);

    /// Returns the word that the JSON and the lines of events use: `tcp`, `gre`, or `ip-253` where there is none.
    pub fn text(self) -> Cow<'static, str> {
        match PROTOCOLS.iter().find(|(known, _)| *known == self) {
            Some((_, word)) => (*word).into(),
            None => format!("ip-{}", self.0).into(),
        }
    }

    /// Returns true for ICMP and ICMPv6.
    pub fn is_icmp(self) -> bool {
        matches!(self, Protocol::Icmp | Protocol::Icmpv6)
    }

    /// Returns true for all but TCP and UDP: of the others conntrack may know neither ports nor what stands for them.
    pub fn may_lack_ports(self) -> bool {
        !matches!(self, Protocol::Tcp | Protocol::Udp)
    }

    /// Returns true for protocols whose header begins with two ports: TCP, UDP, DCCP (RFC 4340), SCTP (RFC 9260) and
    /// UDP-Lite (RFC 3828).
    pub fn has_ports(self) -> bool {
        matches!(self.0, 6 | 17 | 33 | 132 | 136)
    }
}

/// Reads what [`Protocol::text`] returns.
impl FromStr for Protocol {
    type Err = String;
    fn from_str(text: &str) -> Result<Protocol, String> {
        let known = PROTOCOLS.iter().find(|(_, word)| *word == text).map(|(protocol, _)| *protocol);
        let number = || text.strip_prefix("ip-")?.parse().ok().map(Protocol);
        known.or_else(number).ok_or_else(|| format!("'{text}' is not a protocol"))
    }
}

/// The identity of a flow as conntrack has it, in the direction of the first packet. Where the protocol has no ports,
/// what tells its flows apart stands in their place: of ICMP the identifier, and the type and code of the request (type
/// times 256 plus code); of GRE the keys of PPTP; else 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tuple {
    /// What the packets carry.
    pub protocol: Protocol,
    /// The address that opened the flow.
    pub source: IpAddr,
    /// The port that it was opened from, or ICMP's identifier.
    pub source_port: u16,
    /// The address that it was opened to.
    pub destination: IpAddr,
    /// The port that it was opened to, or ICMP's type and code.
    pub destination_port: u16,
}

impl Tuple {
    /// Returns the tuple of the flow as seen from its other end.
    pub fn reply(self) -> Tuple {
        Tuple {
            protocol: self.protocol,
            source: self.destination,
            source_port: self.destination_port,
            destination: self.source,
            destination_port: self.source_port,
        }
    }

    /// Returns the endpoint that the flow's device talks to: the destination if the device opened it (`outbound`), else
    /// the source with the device's own port.
    pub fn endpoint(self, outbound: bool) -> Endpoint {
        let address = if outbound { self.destination } else { self.source };
        let port = if self.protocol.has_ports() { self.destination_port } else { 0 };
        Endpoint { address, protocol: self.protocol, port }
    }
}

/// Hashes in two writes for IPv4 and four for IPv6: the derived implementation makes a dozen, and every packet of a
/// capture hashes one.
impl Hash for Tuple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u64::from(self.source_port) << 32 | u64::from(self.destination_port) << 16;
        let ports = ports | u64::from(self.protocol.0);
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                state.write_u64(u64::from(source.to_bits()) << 32 | u64::from(destination.to_bits()));
            }
            (source, destination) => {
                source.hash(state);
                destination.hash(state);
            }
        }
        state.write_u64(ports);
    }
}

/// Writes `tcp 192.168.8.20:40000 > 203.0.113.5:443`; without the numbers where a protocol has none, as in
/// `gre 192.168.8.20 > 203.0.113.5`.
impl fmt::Display for Tuple {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.protocol.may_lack_ports() && (self.source_port, self.destination_port) == (0, 0) {
            return write!(f, "{} {} > {}", self.protocol.text(), self.source, self.destination);
        }
        let from = SocketAddr::new(self.source, self.source_port);
        let to = SocketAddr::new(self.destination, self.destination_port);
        write!(f, "{} {from} > {to}", self.protocol.text())
    }
}

/// The remote end of a device's flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The remote address.
    pub address: IpAddr,
    /// What the packets carry.
    pub protocol: Protocol,
    /// The remote port, or the device's own port if the remote side opened the flow; 0 where there is none.
    pub port: u16,
}

impl Endpoint {
    /// Returns the port; absent where the protocol has none, or conntrack does not know it.
    pub fn port(self) -> Option<u16> {
        (self.port != 0 || !self.protocol.may_lack_ports()).then_some(self.port)
    }
}

/// What one of the first packets of a flow reveals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A TLS ClientHello (RFC 8446, section 4.1.2).
    Tls {
        /// The server name (RFC 6066, section 3).
        sni: Option<Name>,
        /// The first application protocol offered (RFC 7301).
        alpn: Option<Name>,
        /// Encrypted ClientHello is present, extension 0xfe0d (RFC 9849); it may be GREASE.
        ech: bool,
        /// Encrypted SNI is present, the withdrawn predecessor of ECH, extension 0xffce.
        esni: bool,
        /// The fingerprint of the program; absent unless the whole hello was seen.
        ja4: Option<Ja4>,
    },
    /// A QUIC long header: version 1 (RFC 9000), 2 (RFC 9369), a draft, or Google's own.
    Quic {
        /// The version of QUIC.
        version: QuicVersion,
        /// The server name; absent where the Initial packet could not be read.
        sni: Option<Name>,
        /// The first application protocol offered in the ClientHello.
        alpn: Option<Name>,
        /// The ClientHello has Encrypted ClientHello.
        ech: bool,
        /// The fingerprint of the program.
        ja4: Option<Ja4>,
    },
    /// A STUN message, known by its magic cookie (RFC 8489).
    Stun {
        /// The method is one of TURN's (RFC 8656): Allocate, Refresh, Send, Data, CreatePermission or ChannelBind.
        turn: bool,
    },
    /// A SOCKS 4, 4a or 5 request (RFC 1928).
    Socks {
        /// The version, 4 or 5.
        version: u8,
        /// The destination asked for, `name:port` or `address:port`; absent where the request was not seen.
        target: Option<Name>,
    },
    /// HTTP CONNECT (RFC 9110, section 9.3.6).
    HttpConnect {
        /// The destination asked for, as `host:port`.
        target: Name,
    },
    /// A cleartext HTTP request.
    Http {
        /// The Host field.
        host: Option<Name>,
        /// The request asks for a WebSocket (RFC 6455).
        websocket: bool,
    },
    /// An SSH identification string (RFC 4253, section 4.2).
    Ssh,
    /// An MQTT CONNECT packet (MQTT 3.1, 3.1.1 and 5.0, section 3.1).
    Mqtt,
    /// A WireGuard handshake, or the packets of a tunnel that is running.
    WireGuard,
    /// An NTP packet (RFC 5905) on port 123.
    Ntp,
    /// A DNS message (RFC 1035), on any port.
    Dns,
    /// DNSCrypt, version 2: the question for a resolver's certificate, or an encrypted answer.
    DnsCrypt,
    /// A DTLS ClientHello (RFC 9147).
    Dtls {
        /// The server name; absent also where only a part of the hello was seen.
        sni: Option<Name>,
    },
    /// A BitTorrent handshake (BEP 3).
    BitTorrent,
    /// A message of a protocol by which cameras and those who look at them find each other and talk.
    Peer(PeerProtocol),
    /// Private data in the clear, which everybody on the path can read.
    Plaintext {
        /// The hardware address of a station of the house.
        mac: Option<Mac>,
        /// The index of a word in the user's list of private words.
        word: Option<u8>,
    },
}

/// The fingerprint of a ClientHello (FoxIO's JA4, BSD-3-Clause: github.com/FoxIO-LLC/ja4, technical_details/JA4.md):
/// two programs that use different TLS libraries, or the same one in different ways, have different ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ja4(pub [u8; 36]);

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads 36 letters, digits and underscores.
impl FromStr for Ja4 {
    type Err = String;
    fn from_str(text: &str) -> Result<Ja4, String> {
        let octets = text
            .as_bytes()
            .try_into()
            .ok()
            .filter(|octets: &[u8; 36]| octets.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'_'));
        octets.map(Ja4).ok_or_else(|| format!("'{text}' is not a JA4 fingerprint"))
    }
}

/// A version of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuicVersion {
    /// Version 1 (RFC 9000).
    V1,
    /// Version 2 (RFC 9369).
    V2,
    /// An IETF draft, or a reserved version that asks for negotiation.
    Draft,
    /// Google's QUIC from before the IETF's.
    Google,
}

/// A makers' protocol of rendezvous: a server tells both sides of a session where the other is, both send until their
/// NATs let the packets of the other in, and then they talk directly, or through a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerProtocol {
    /// PPPP of CS2 Network and its kin (VStarcam, Xiaomi, Eufy, YI and many more).
    Cs2,
    /// IOTC of ThroughTek's Kalay (Wyze, Xiaomi and many more).
    Kalay,
    /// Baichuan's, of Reolink.
    Reolink,
    /// Dahua's, with its brands and others' that use it.
    Dahua,
    /// D-Link's, beside STUN.
    Mydlink,
}

impl PeerProtocol {
    /// All of them.
    pub const ALL: [PeerProtocol; 5] =
        [PeerProtocol::Cs2, PeerProtocol::Kalay, PeerProtocol::Reolink, PeerProtocol::Dahua, PeerProtocol::Mydlink];

    /// Returns the word for it in event files and the JSON.
    pub fn text(self) -> &'static str {
        match self {
            PeerProtocol::Cs2 => "p2p-cs2",
            PeerProtocol::Kalay => "p2p-kalay",
            PeerProtocol::Reolink => "p2p-reolink",
            PeerProtocol::Dahua => "p2p-dahua",
            PeerProtocol::Mydlink => "p2p-mydlink",
        }
    }
}

/// One DNS question of a station and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The address that asked the question.
    pub client: IpAddr,
    /// The resolver that answered.
    pub server: IpAddr,
    /// The question's type (RFC 1035, section 3.2.2).
    pub record_type: u16,
    /// The question's name.
    pub name: Name,
    /// How the lookup ended.
    pub outcome: Outcome,
    /// The addresses in the answer, including the hints of HTTPS records.
    pub addresses: Vec<IpAddr>,
    /// The names that the answer's CNAME records led through.
    pub aliases: Vec<Name>,
}

/// How a lookup ended, by the response code of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer was NOERROR.
    Found,
    /// The answer was NXDOMAIN.
    NoSuchName,
    /// The answer had another response code.
    Failed(u8),
}

/// Whether DNS explains a flow's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Explained {
    /// A lookup of the device yielded the address before the flow began, or within the grace period after that.
    Lookup,
    /// Only a lookup of another device yielded the address.
    OtherDevice,
    /// No lookup yielded the address, although the device's lookups were being seen.
    None,
    /// The device's lookups could not be seen, so it cannot be said.
    Unknown,
}

impl Explained {
    /// Returns the word that the JSON uses.
    pub fn text(self) -> &'static str {
        match self {
            Explained::Lookup => "lookup",
            Explained::OtherDevice => "other-device",
            Explained::None => "none",
            Explained::Unknown => "unknown",
        }
    }
}

/// Returns true for addresses that are not on the public Internet: private (RFC 1918, 4193), shared (RFC 6598),
/// loopback, link-local, multicast, broadcast and unspecified. Detectors neither judge nor block them.
pub fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_local_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_local_v4(v4),
            None => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.segments()[0] & 0xffc0 == 0xfe80
                    || v6.segments()[0] & 0xfe00 == 0xfc00
            }
        },
    }
}

fn is_local_v4(v4: Ipv4Addr) -> bool {
    let [a, b, ..] = v4.octets();
    v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_multicast()
        || v4.is_broadcast()
        || a == 0
        || (a == 100 && b & 0xc0 == 64)
}

/// Returns true for addresses that a proxy on the router makes up for names ("fake-ip"), so that it knows by the address
/// which name is meant: those set aside for benchmarks, which are never on the Internet (RFC 2544, 5180), by default in
/// mihomo, OpenClash and sing-box, and sing-box's and Xray's of IPv6 within fc00::/8, which nobody assigns (RFC 4193).
pub fn is_fake(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 198 && v4.octets()[1] & 0xfe == 18,
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            [a, b, c] == [0x2001, 2, 0] || a == 0xfc00 && b & 0xc000 == 0
        }
    }
}

/// Returns true for top-level domains whose names are not on the public Internet: the house's own (RFC 6762, appendix
/// G; RFC 8375, 9476; ICANN's "internal") and reverse lookups ("arpa"). No registry sells names there.
pub fn is_local_domain(top: &str) -> bool {
    matches!(
        top,
        "arpa"
            | "corp"
            | "home"
            | "internal"
            | "intranet"
            | "lan"
            | "local"
            | "localdomain"
            | "localhost"
            | "private"
            | "workgroup"
    )
}

/// Returns true for addresses that do not stand for a single station: multicast, broadcast and unspecified.
pub fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_multicast() || v4 == Ipv4Addr::BROADCAST || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_multicast() || v6 == Ipv6Addr::UNSPECIFIED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_read_strictly() {
        assert_eq!("02:AB:00:00:00:ff".parse::<Mac>().unwrap().to_string(), "02:ab:00:00:00:ff");
        assert_eq!("02-ab-00-00-00-ff".parse::<Mac>().unwrap(), Mac([2, 0xab, 0, 0, 0, 255]));
        for bad in
            ["", "02:ab:00:00:00", "02:ab:00:00:00:ff:00", "2:ab:0:0:0:ff", "+2:ab:00:00:00:ff", "zz:ab:00:00:00:ff"]
        {
            assert!(bad.parse::<Mac>().is_err(), "{bad}");
        }
    }

    #[test]
    fn protocols_are_read_as_they_are_written() {
        for number in 0..=255 {
            assert_eq!(Protocol(number).text().parse(), Ok(Protocol(number)));
        }
        assert_eq!(Protocol(253).text(), "ip-253");
        assert!("ip-256".parse::<Protocol>().is_err() && "GRE".parse::<Protocol>().is_err());
    }

    #[test]
    fn names_are_bounded_and_printable() {
        assert_eq!(&*name(b"WWW.Example.COM."), "www.example.com");
        assert_eq!(&*name(b"a b\n\xff"), "a\\032b\\010\\255");
        assert!(name(&[7; 600]).len() <= 255);
        assert!(name(&[b'x'; 600]).len() <= 255);
    }

    #[test]
    fn local_is_what_is_not_the_internet() {
        for local in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.3.4",
            "224.0.0.251",
            "100.64.1.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::fb",
            "::ffff:10.0.0.1",
            "255.255.255.255",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for fake in ["198.18.0.5", "198.19.255.255", "2001:2::9", "fc00::7"] {
            assert!(is_fake(fake.parse().unwrap()), "{fake}");
        }
        for other in ["198.17.0.5", "198.20.0.1", "2001:2:1::9", "fc00:8000::7", "fd00::1"] {
            assert!(!is_fake(other.parse().unwrap()), "{other}");
        }
        for public in
            ["1.1.1.1", "172.32.0.1", "100.128.0.1", "198.51.100.7", "2001:db8::1", "64:ff9b::102:304", "240.0.0.1"]
        {
            assert!(!is_local(public.parse().unwrap()), "{public}");
        }
    }
}
