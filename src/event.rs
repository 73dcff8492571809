//! Every fact that can reach the engine, and its text form of one line.
//!
//! A day of a house is a file of such lines, which one can grep, cut, anonymise and replay. A line is the time in Unix
//! seconds, a word, and the fields that belong to the word, all printable ASCII, separated by single spaces:
//!
//! ```text
//! 1767225600.000000 clock
//! 1767225600.000000 neighbour 192.168.8.20 02:00:00:00:00:20
//! 1767225600.000000 known 02:00:00:00:00:20 203.0.113.4 time.example
//! 1767225600.500000 announced 02:00:00:00:00:20 mdns _hap._tcp
//! 1767225601.250000 looked 192.168.8.20 192.168.8.1 1 bulb.example.com found 203.0.113.5,203.0.113.6 via cdn.example
//! 1767225601.300000 missed 192.168.8.20 192.168.8.1
//! 1767225601.400000 resolver 192.168.8.2 mac=02:00:00:00:00:20
//! 1767225602.000000 opened tcp 192.168.8.20:40000 > 203.0.113.5:8883
//! 1767225602.100000-0.000200 hint tcp 192.168.8.20:40000 > 203.0.113.5:8883 tls sni=bulb.example.com alpn=mqtt
//! 1767225700.000000 closed tcp 192.168.8.20:40000 > 203.0.113.5:8883 1240 5310
//! 1767225800.000000 opened gre 192.168.8.20 > 203.0.113.7
//! 1767225900.000000 opened icmp 192.168.8.20:4711 > 203.0.113.7:2048
//! ```
//!
//! Where the date of a fact lies behind that of the fact before (packets out of order), a minus says by how much.

use crate::model::{Hint, Ja4, Lookup, Mac, Name, Outcome, PeerProtocol, Protocol, QuicVersion, Tuple};
use crate::time::{Clock, Span, Stamp, Wall};
use ipnet::{IpNet, Ipv6Net};
use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The first line of an event file: its version.
pub const HEADER: &str = "# leash events 1";

/// What a line of settings stands behind at the beginning of a recording. For readers of events it is a comment.
const SETTING: &str = "#= ";

/// Returns settings as they stand in a recording: all lines of devices and pins, and those options of leash itself that
/// bear on verdicts. Paths and private words do not.
pub fn write_settings(text: &str) -> String {
    const KEPT: [&str; 6] = ["blocking", "default_mode", "block_for", "block_on", "quiet_hours", "grace"];
    let (mut kept, mut is_own) = (String::new(), false);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (kind, word) = (words.next(), words.next().unwrap_or_default());
        is_own = if kind == Some("config") { word.trim_matches(['\'', '"']) == "leash" } else { is_own };
        if kind == Some("config") || !is_own || KEPT.contains(&word) {
            let _ = writeln!(kept, "{SETTING}{line}");
        }
    }
    kept
}

/// Returns whether a line of an event file is a comment.
pub fn is_comment(line: &str) -> bool {
    line.starts_with('#')
}

/// Returns the settings at the beginning of a recording; empty where there are none.
pub fn read_settings(head: &str) -> String {
    let comments = head.lines().take_while(|line| is_comment(line));
    comments.filter_map(|line| line.strip_prefix(SETTING)).map(|line| line.to_owned() + "\n").collect()
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The wall clock was set, so ages go on and dates jump. A file begins with this, too.
    ClockSet,
    /// The prefixes of the LAN are known, or have changed.
    Lan {
        /// All IPv4 and IPv6 prefixes of the LAN.
        prefixes: Vec<IpNet>,
    },
    /// An address belongs to a station from now on.
    Neighbour {
        /// An address of the LAN.
        ip: IpAddr,
        /// The station's hardware address.
        mac: Mac,
    },
    /// A DHCP server leased an address to a station.
    Leased {
        /// The address.
        ip: IpAddr,
        /// The station's hardware address.
        mac: Mac,
        /// What the station calls itself.
        hostname: Option<Name>,
    },
    /// A station asked for an address as one does after a start (RFC 2131, section 4.4).
    Booted {
        /// The station's hardware address.
        mac: Mac,
        /// What the station calls itself.
        hostname: Option<Name>,
        /// Its DHCP vendor class.
        vendor_class: Option<Name>,
        /// Which options it asks for, such as `1,3,6,15`.
        asks: Option<Name>,
    },
    /// A station told the others in the house something of itself.
    Announced {
        /// The station's hardware address.
        mac: Mac,
        /// The protocol in which it did.
        by: Announcement,
        /// What it told: see [`Announcement`].
        text: Name,
    },
    /// A device is known to have looked up this name, which yielded this address: what a recording begins with.
    Known {
        /// The device.
        mac: Mac,
        /// The address.
        address: IpAddr,
        /// The name.
        name: Name,
    },
    /// A resolver answered a question.
    Lookup(Lookup),
    /// An answer passed of which at best a part could be read, or one that must have passed was not seen at all: what
    /// it said is not known. The part that could be read is an [`Event::Lookup`] of its own.
    LookupMissed {
        /// The address that asked.
        client: IpAddr,
        /// The resolver that answered.
        server: IpAddr,
    },
    /// A device was told to ask this resolver: by DHCP (RFC 2132, option 6; RFC 3646, option 23), by a router
    /// advertisement (RFC 8106), or by discovery of encrypted resolvers (DNR, RFC 9463; DDR, RFC 9462).
    Resolver {
        /// The device; absent where all devices of the house are told.
        mac: Option<Mac>,
        /// The resolver.
        address: IpAddr,
        /// It is to be asked over TLS, HTTPS or QUIC.
        encrypted: bool,
    },
    /// What devices were told of resolvers holds no more. What still does is told anew.
    ResolversForgotten,
    /// It was asked when a registrable name was registered.
    Registered {
        /// The registrable name.
        name: Name,
        /// The day since 1970; absent if that cannot be found out.
        day: Option<u16>,
    },
    /// The network translates addresses in this prefix to the IPv4 addresses in them (RFC 6052), as PREF64 says (RFC
    /// 8781).
    Nat64 {
        /// The prefix; its length is 32, 40, 48, 56, 64 or 96.
        prefix: Ipv6Net,
    },
    /// A flow began, or was found open.
    FlowOpened {
        /// The flow.
        tuple: Tuple,
        /// The flow was found open, so it is not known when it began.
        midstream: bool,
    },
    /// What a flow has carried so far, in bytes of IP packets.
    FlowCounted {
        /// The flow.
        tuple: Tuple,
        /// Bytes in the direction of the tuple.
        sent: u64,
        /// Bytes against the direction of the tuple.
        received: u64,
    },
    /// A flow is over.
    FlowClosed {
        /// The flow.
        tuple: Tuple,
        /// Bytes in the direction of the tuple, in all.
        sent: u64,
        /// Bytes against the direction of the tuple, in all.
        received: u64,
    },
    /// One of the first packets of a flow showed something.
    FirstPacket {
        /// The flow.
        tuple: Tuple,
        /// What the packet showed.
        hint: Hint,
    },
    /// The client of a TCP flow sent its first payload.
    HandshakeDelay {
        /// The flow.
        tuple: Tuple,
        /// The time since the client's side of the handshake was complete.
        delay: Span,
    },
    /// Facts of a source may be missing since the last one.
    Gap {
        /// The source.
        source: Source,
    },
    /// All live flows were reported since the latest gap, so a flow that was not reported is over.
    DumpComplete,
    /// How many packets were read, and how many of them belong to no flow.
    PacketsRead(PacketCounts),
}

/// How stations tell each other what they are, and what of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Announcement {
    /// Multicast DNS (RFC 6762): a service such as `_ipp._tcp`, `model=...` of `_device-info._tcp`, or a host's name.
    Mdns,
    /// SSDP (UPnP Device Architecture 2.0, section 1): the program that serves, or the type of the device.
    Ssdp,
}

impl Announcement {
    /// The protocols, each with the word for it.
    pub const ALL: [(Announcement, &str); 2] = [(Announcement::Mdns, "mdns"), (Announcement::Ssdp, "ssdp")];
}

/// A source of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Flows: conntrack, or the packets of a capture.
    Flows,
    /// Lookups: the answers of the resolver.
    Lookups,
}

/// How many packets of a capture were of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// Packets of any kind.
    pub all: u64,
    /// ICMP and ICMPv6 that opens no flow: errors, neighbour discovery, groups.
    pub icmp: u64,
    /// ARP.
    pub arp: u64,
    /// Fragments of IP packets other than the first.
    pub fragments: u64,
    /// IP packets of a protocol other than TCP, UDP and ICMP that belong to no flow: those to groups.
    pub other_ip: u64,
    /// Packets other than IP.
    pub other: u64,
    /// Packets that could not be read.
    pub malformed: u64,
    /// Flows, not packets, that were closed early because there were too many at a time.
    pub crowded: u64,
}

impl PacketCounts {
    /// Returns word and value of each count, that of all packets first.
    pub fn fields(&self) -> [(&'static str, u64); 8] {
        [
            ("all", self.all),
            ("icmp", self.icmp),
            ("arp", self.arp),
            ("fragments", self.fragments),
            ("other_ip", self.other_ip),
            ("other", self.other),
            ("malformed", self.malformed),
            ("crowded", self.crowded),
        ]
    }
}

/// Returns an event as its line, without a line end. `clock` says how far the engine's time has come.
pub fn write(event: &Event, stamp: Stamp, clock: &Clock) -> String {
    let at = clock.stands().wall;
    let mut line = String::with_capacity(96);
    let _ = write!(line, "{at}");
    if at > stamp.wall {
        let _ = write!(line, "-{}", at.since(stamp.wall).decimal());
    }
    let _ = write!(line, " {event}");
    line
}

/// Reads a line and advances `clock` to its date. Returns the event and its stamp.
///
/// # Errors
/// A sentence that says what is wrong with the line.
pub fn read(line: &str, clock: &mut Clock) -> Result<(Event, Stamp), String> {
    let (time, rest) = line.split_once(' ').ok_or("a line is a time, a word and its fields")?;
    let (at, behind) = time.split_once('-').map_or((time, None), |(at, behind)| (at, Some(behind)));
    let wall =
        |text: &str| Wall::parse(text).ok_or_else(|| format!("'{text}' is not a time such as 1767225600.000000"));
    let (at, behind) = (wall(at)?, behind.map(wall).transpose()?.unwrap_or_default().since(Wall(0)));
    let event: Event = rest.parse()?;
    let mut stamp = if event == Event::ClockSet { clock.jump(at) } else { clock.advance(at) };
    stamp.wall = at - behind;
    Ok((event, stamp))
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Event::ClockSet => f.write_str("clock"),
            Event::Lan { prefixes } => write!(f, "lan {}", List(prefixes)),
            Event::Neighbour { ip, mac } => write!(f, "neighbour {ip} {mac}"),
            Event::Leased { ip, mac, hostname } => {
                write!(f, "leased {ip} {mac}")?;
                field(f, "host", hostname)
            }
            Event::Booted { mac, hostname, vendor_class, asks } => {
                write!(f, "booted {mac}")?;
                field(f, "host", hostname)?;
                field(f, "vendor", vendor_class)?;
                field(f, "asks", asks)
            }
            Event::Announced { mac, by, text } => {
                write!(f, "announced {mac} {} {text}", Announcement::ALL[*by as usize].1)
            }
            Event::Known { mac, address, name } => write!(f, "known {mac} {address} {name}"),
            Event::Lookup(l) => {
                write!(f, "looked {} {} {} {} ", l.client, l.server, l.record_type, l.name)?;
                match l.outcome {
                    Outcome::Found => f.write_str("found")?,
                    Outcome::NoSuchName => f.write_str("no-such-name")?,
                    Outcome::Failed(code) => write!(f, "failed:{code}")?,
                }
                if !l.addresses.is_empty() {
                    write!(f, " {}", List(&l.addresses))?;
                }
                if !l.aliases.is_empty() {
                    write!(f, " via {}", l.aliases.join(" "))?;
                }
                Ok(())
            }
            Event::LookupMissed { client, server } => write!(f, "missed {client} {server}"),
            Event::Resolver { mac, address, encrypted } => {
                write!(f, "resolver {address}")?;
                field(f, "mac", mac)?;
                flag(f, "encrypted", *encrypted)
            }
            Event::ResolversForgotten => f.write_str("resolvers forgotten"),
            Event::Registered { name, day } => {
                write!(f, "registered {name} ")?;
                match day {
                    Some(day) => write!(f, "{day}"),
                    None => f.write_str("-"),
                }
            }
            Event::Nat64 { prefix } => write!(f, "nat64 {prefix}"),
            Event::FlowOpened { tuple, midstream: false } => write!(f, "opened {tuple}"),
            Event::FlowOpened { tuple, midstream: true } => write!(f, "found {tuple}"),
            Event::FlowCounted { tuple, sent, received } => write!(f, "counted {tuple} {sent} {received}"),
            Event::FlowClosed { tuple, sent, received } => write!(f, "closed {tuple} {sent} {received}"),
            Event::FirstPacket { tuple, hint } => {
                write!(f, "hint {tuple} ")?;
                write_hint(f, hint)
            }
            Event::HandshakeDelay { tuple, delay } => write!(f, "paused {tuple} {}", delay.decimal()),
            Event::Gap { source: Source::Flows } => f.write_str("gap flows"),
            Event::Gap { source: Source::Lookups } => f.write_str("gap lookups"),
            Event::DumpComplete => f.write_str("dumped"),
            Event::PacketsRead(packets) => {
                f.write_str("read")?;
                packets.fields().iter().try_for_each(|(word, n)| write!(f, " {word}={n}"))
            }
        }
    }
}

struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn field<T: fmt::Display>(f: &mut fmt::Formatter, key: &str, value: &Option<T>) -> fmt::Result {
    value.as_ref().map_or(Ok(()), |value| write!(f, " {key}={value}"))
}

fn flag(f: &mut fmt::Formatter, word: &str, set: bool) -> fmt::Result {
    if set { write!(f, " {word}") } else { Ok(()) }
}

fn write_hint(f: &mut fmt::Formatter, hint: &Hint) -> fmt::Result {
    match hint {
        Hint::Tls { sni, alpn, ech, esni, ja4 } => {
            f.write_str("tls")?;
            field(f, "sni", sni)?;
            field(f, "alpn", alpn)?;
            flag(f, "ech", *ech)?;
            flag(f, "esni", *esni)?;
            field(f, "ja4", ja4)
        }
        Hint::Quic { version, sni, alpn, ech, ja4 } => {
            f.write_str(match version {
                QuicVersion::V1 => "quic v1",
                QuicVersion::V2 => "quic v2",
                QuicVersion::Draft => "quic draft",
                QuicVersion::Google => "quic google",
            })?;
            field(f, "sni", sni)?;
            field(f, "alpn", alpn)?;
            flag(f, "ech", *ech)?;
            field(f, "ja4", ja4)
        }
        Hint::Stun { turn } => f.write_str(if *turn { "turn" } else { "stun" }),
        Hint::Socks { version, target } => {
            write!(f, "socks {version}")?;
            field(f, "target", target)
        }
        Hint::HttpConnect { target } => write!(f, "connect {target}"),
        Hint::Http { host, websocket } => {
            f.write_str("http")?;
            field(f, "host", host)?;
            flag(f, "websocket", *websocket)
        }
        Hint::Ssh => f.write_str("ssh"),
        Hint::Mqtt => f.write_str("mqtt"),
        Hint::WireGuard => f.write_str("wireguard"),
        Hint::Ntp => f.write_str("ntp"),
        Hint::Dns => f.write_str("dns"),
        Hint::DnsCrypt => f.write_str("dnscrypt"),
        Hint::Dtls { sni } => {
            f.write_str("dtls")?;
            field(f, "sni", sni)
        }
        Hint::BitTorrent => f.write_str("bittorrent"),
        Hint::Peer(protocol) => f.write_str(protocol.text()),
        Hint::Plaintext { mac, word } => {
            f.write_str("plaintext")?;
            field(f, "mac", mac)?;
            field(f, "word", word)
        }
    }
}

/// Reads the fields of a line, one after the other.
struct Fields<'a>(std::str::Split<'a, char>);

impl<'a> Fields<'a> {
    fn word(&mut self) -> Result<&'a str, String> {
        self.0.next().filter(|word| !word.is_empty()).ok_or_else(|| "a field is missing".into())
    }
    fn get<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.word()?;
        word.parse().map_err(|_| format!("'{word}' is not what belongs there"))
    }
    fn name(&mut self) -> Result<Name, String> {
        Ok(self.word()?.into())
    }
    fn tuple(&mut self) -> Result<Tuple, String> {
        let protocol: Protocol = self.get()?;
        let (source, source_port) = self.end(protocol)?;
        if self.word()? != ">" {
            return Err("a tuple is: PROTOCOL SOURCE > DESTINATION".into());
        }
        let (destination, destination_port) = self.end(protocol)?;
        Ok(Tuple { protocol, source, source_port, destination, destination_port })
    }
    /// Reads an end of a tuple: an address and a port, or where the protocol may have no ports an address alone.
    fn end(&mut self, protocol: Protocol) -> Result<(IpAddr, u16), String> {
        let word = self.word()?;
        let alone = || protocol.may_lack_ports().then(|| Some((word.parse().ok()?, 0))).flatten();
        let both = word.parse::<SocketAddr>().ok().map(|end| (end.ip(), end.port()));
        both.or_else(alone).ok_or_else(|| format!("'{word}' is not what belongs there"))
    }
    /// Reads the remaining fields as `key=value` and bare flags, each of `keys` at most once.
    fn keyed<const N: usize>(&mut self, keys: [&str; N]) -> Result<[Option<&'a str>; N], String> {
        let mut found = [None; N];
        for word in self.0.by_ref() {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let slot = keys.iter().position(|k| *k == key).and_then(|i| found.get_mut(i));
            *slot.filter(|slot| slot.is_none()).ok_or_else(|| format!("'{word}' does not belong there"))? = Some(value);
        }
        Ok(found)
    }
    fn hint(&mut self) -> Result<Hint, String> {
        let name = |value: Option<&str>| value.map(Name::from);
        let ja4 = |value: Option<&str>| value.map(str::parse::<Ja4>).transpose();
        Ok(match self.word()? {
            "tls" => {
                let [sni, alpn, ech, esni, stack] = self.keyed(["sni", "alpn", "ech", "esni", "ja4"])?;
                let (ech, esni, ja4) = (ech.is_some(), esni.is_some(), ja4(stack)?);
                Hint::Tls { sni: name(sni), alpn: name(alpn), ech, esni, ja4 }
            }
            "quic" => {
                let version = match self.word()? {
                    "v1" => QuicVersion::V1,
                    "v2" => QuicVersion::V2,
                    "draft" => QuicVersion::Draft,
                    "google" => QuicVersion::Google,
                    word => return Err(format!("'{word}' is not a QUIC version")),
                };
                let [sni, alpn, ech, stack] = self.keyed(["sni", "alpn", "ech", "ja4"])?;
                Hint::Quic { version, sni: name(sni), alpn: name(alpn), ech: ech.is_some(), ja4: ja4(stack)? }
            }
            "stun" => Hint::Stun { turn: false },
            "turn" => Hint::Stun { turn: true },
            "socks" => {
                let version = self.get()?;
                let [target] = self.keyed(["target"])?;
                Hint::Socks { version, target: name(target) }
            }
            "connect" => Hint::HttpConnect { target: self.name()? },
            "http" => {
                let [host, websocket] = self.keyed(["host", "websocket"])?;
                Hint::Http { host: name(host), websocket: websocket.is_some() }
            }
            "ssh" => Hint::Ssh,
            "mqtt" => Hint::Mqtt,
            "wireguard" => Hint::WireGuard,
            "ntp" => Hint::Ntp,
            "dns" => Hint::Dns,
            "dnscrypt" => Hint::DnsCrypt,
            "dtls" => {
                let [sni] = self.keyed(["sni"])?;
                Hint::Dtls { sni: name(sni) }
            }
            "bittorrent" => Hint::BitTorrent,
            "plaintext" => {
                let [mac, word] = self.keyed(["mac", "word"])?;
                let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is not a place in a list"));
                Hint::Plaintext { mac: mac.map(str::parse).transpose()?, word: word.map(number).transpose()? }
            }
            word => {
                let protocol = PeerProtocol::ALL.into_iter().find(|protocol| protocol.text() == word);
                Hint::Peer(protocol.ok_or_else(|| format!("'{word}' is not a hint"))?)
            }
        })
    }
    fn lookup(&mut self) -> Result<Lookup, String> {
        let (client, server, record_type, name) = (self.get()?, self.get()?, self.get()?, self.name()?);
        let outcome = match self.word()? {
            "found" => Outcome::Found,
            "no-such-name" => Outcome::NoSuchName,
            word => {
                let code = word.strip_prefix("failed:").and_then(|code| code.parse().ok());
                Outcome::Failed(code.ok_or_else(|| format!("'{word}' is not an outcome"))?)
            }
        };
        let (mut addresses, mut aliases) = (Vec::new(), Vec::new());
        let mut next = self.0.next();
        if let Some(list) = next.filter(|word| *word != "via") {
            for address in list.split(',') {
                addresses.push(address.parse().map_err(|_| format!("'{address}' is not an address"))?);
            }
            next = self.0.next();
        }
        match next {
            None => {}
            Some("via") => aliases.extend(self.0.by_ref().map(Name::from)),
            Some(word) => return Err(format!("'{word}' does not belong there")),
        }
        Ok(Lookup { client, server, record_type, name, outcome, addresses, aliases })
    }
}

impl FromStr for Event {
    type Err = String;
    fn from_str(text: &str) -> Result<Event, String> {
        if !text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
            return Err("a line is printable ASCII".into());
        }
        let mut fields = Fields(text.split(' '));
        let event = match fields.word()? {
            "clock" => Event::ClockSet,
            "lan" => {
                let prefix = |text: &str| text.parse().map_err(|_| format!("'{text}' is not a prefix"));
                Event::Lan { prefixes: fields.word()?.split(',').map(prefix).collect::<Result<_, String>>()? }
            }
            "neighbour" => Event::Neighbour { ip: fields.get()?, mac: fields.get()? },
            "leased" => {
                let (ip, mac) = (fields.get()?, fields.get()?);
                let [host] = fields.keyed(["host"])?;
                Event::Leased { ip, mac, hostname: host.map(Name::from) }
            }
            "booted" => {
                let mac = fields.get()?;
                let [hostname, vendor_class, asks] =
                    fields.keyed(["host", "vendor", "asks"])?.map(|value| value.map(Name::from));
                Event::Booted { mac, hostname, vendor_class, asks }
            }
            "announced" => {
                let (mac, word) = (fields.get()?, fields.word()?);
                let by = Announcement::ALL.into_iter().find(|(_, known)| *known == word);
                let (by, _) = by.ok_or_else(|| format!("'{word}' is not a protocol"))?;
                Event::Announced { mac, by, text: fields.name()? }
            }
            "known" => Event::Known { mac: fields.get()?, address: fields.get()?, name: fields.name()? },
            "looked" => Event::Lookup(fields.lookup()?),
            "missed" => Event::LookupMissed { client: fields.get()?, server: fields.get()? },
            "resolver" => {
                let address = fields.get()?;
                let [mac, encrypted] = fields.keyed(["mac", "encrypted"])?;
                Event::Resolver { mac: mac.map(str::parse).transpose()?, address, encrypted: encrypted.is_some() }
            }
            "resolvers" => match fields.word()? {
                "forgotten" => Event::ResolversForgotten,
                word => return Err(format!("'{word}' does not belong there")),
            },
            "registered" => {
                let (name, day) = (fields.name()?, fields.word()?);
                let wrong = || format!("'{day}' is not a day since 1970");
                let day = (day != "-").then(|| day.parse().map_err(|_| wrong())).transpose()?;
                Event::Registered { name, day }
            }
            "nat64" => Event::Nat64 { prefix: fields.get()? },
            "opened" => Event::FlowOpened { tuple: fields.tuple()?, midstream: false },
            "found" => Event::FlowOpened { tuple: fields.tuple()?, midstream: true },
            "counted" => Event::FlowCounted { tuple: fields.tuple()?, sent: fields.get()?, received: fields.get()? },
            "closed" => Event::FlowClosed { tuple: fields.tuple()?, sent: fields.get()?, received: fields.get()? },
            "hint" => Event::FirstPacket { tuple: fields.tuple()?, hint: fields.hint()? },
            "paused" => {
                let (tuple, delay) = (fields.tuple()?, fields.word()?);
                let wrong = || format!("'{delay}' is not a time such as 0.025000");
                Event::HandshakeDelay { tuple, delay: Span::parse_decimal(delay).ok_or_else(wrong)? }
            }
            "gap" => Event::Gap {
                source: match fields.word()? {
                    "flows" => Source::Flows,
                    "lookups" => Source::Lookups,
                    word => return Err(format!("'{word}' is not a source")),
                },
            },
            "dumped" => Event::DumpComplete,
            "read" => {
                let words = PacketCounts::default().fields().map(|(word, _)| word);
                let counts = fields.keyed(words)?.map(|n| n.and_then(|n| n.parse().ok()));
                let [
                    Some(all),
                    Some(icmp),
                    Some(arp),
                    Some(fragments),
                    Some(other_ip),
                    Some(other),
                    Some(malformed),
                    Some(crowded),
                ] = counts
                else {
                    return Err(format!("'read' wants {}", words.join("=N ") + "=N"));
                };
                Event::PacketsRead(PacketCounts { all, icmp, arp, fragments, other_ip, other, malformed, crowded })
            }
            word => return Err(format!("'{word}' is not an event")),
        };
        match fields.0.next() {
            None => Ok(event),
            Some(word) => Err(format!("'{word}' is one field too many")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name;
    use crate::time::Time;

    #[test]
    fn a_recording_has_the_settings_that_bear_on_verdicts() {
        let settings = "# mine\nconfig leash 'main'\n\toption state '/s'\n\tlist private 'Our WLAN'\n\tlist block_on 'scan'\n\
                        \nconfig device\n\toption mac '02:00:00:00:00:20'\n\toption name 'hall bulb'\n";
        let written = write_settings(settings);
        let expected = "config leash 'main'\nlist block_on 'scan'\nconfig device\noption mac '02:00:00:00:00:20'\n\
                        option name 'hall bulb'\n";
        assert_eq!(read_settings(&format!("{HEADER}\n{written}1.000000 clock\n#= config pin\n")), expected);
        assert_eq!(read_settings("\u{d4}\u{c3}"), "");
    }

    fn tuple() -> Tuple {
        Tuple {
            protocol: Protocol::Tcp,
            source: "192.168.8.20".parse().unwrap(),
            source_port: 40_000,
            destination: "2001:db8::5".parse().unwrap(),
            destination_port: 443,
        }
    }

    fn every_event() -> Vec<Event> {
        let (tuple, mac) = (tuple(), Mac([2, 0, 0, 0, 0, 0x20]));
        let portless = Tuple { protocol: Protocol(47), source_port: 0, destination_port: 0, ..tuple };
        let ja4 = "t13d1516h2_8daaf6152771_b186095e22b6".parse().ok();
        let hints = [
            Hint::Tls { sni: Some(name(b"a.example")), alpn: Some(name(b"h2")), ech: true, esni: true, ja4 },
            Hint::Tls { sni: None, alpn: None, ech: false, esni: false, ja4: None },
            Hint::Quic {
                version: QuicVersion::V1,
                sni: Some(name(b"a.example")),
                alpn: Some(name(b"h3")),
                ech: true,
                ja4,
            },
            Hint::Quic { version: QuicVersion::V2, sni: None, alpn: None, ech: false, ja4: None },
            Hint::Quic { version: QuicVersion::Draft, sni: None, alpn: None, ech: false, ja4: None },
            Hint::Quic { version: QuicVersion::Google, sni: None, alpn: None, ech: false, ja4: None },
            Hint::Stun { turn: false },
            Hint::Stun { turn: true },
            Hint::Socks { version: 5, target: Some(name(b"a.example:80")) },
            Hint::Socks { version: 4, target: None },
            Hint::HttpConnect { target: name(b"a b:443") },
            Hint::Http { host: Some(name(b"a.example")), websocket: true },
            Hint::Http { host: None, websocket: false },
            Hint::Ssh,
            Hint::Mqtt,
            Hint::WireGuard,
            Hint::Ntp,
            Hint::Dns,
            Hint::DnsCrypt,
            Hint::Dtls { sni: Some(name(b"a.example")) },
            Hint::Dtls { sni: None },
            Hint::BitTorrent,
            Hint::Plaintext { mac: Some(mac), word: None },
            Hint::Plaintext { mac: None, word: Some(3) },
        ];
        let hints = hints.into_iter().chain(PeerProtocol::ALL.map(Hint::Peer));
        let lookup = |outcome, addresses: &[&str], aliases: &[&[u8]]| {
            Event::Lookup(Lookup {
                client: "192.168.8.20".parse().unwrap(),
                server: "fd00::1".parse().unwrap(),
                record_type: 65,
                name: name(b"bulb.example"),
                outcome,
                addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
                aliases: aliases.iter().map(|a| name(a)).collect(),
            })
        };
        let mut all = vec![
            Event::ClockSet,
            Event::Lan { prefixes: vec!["192.168.8.0/24".parse().unwrap(), "fd00::/64".parse().unwrap()] },
            Event::Neighbour { ip: "fe80::1".parse().unwrap(), mac },
            Event::Leased { ip: "192.168.8.20".parse().unwrap(), mac, hostname: Some("Bulb=1".into()) },
            Event::Leased { ip: "192.168.8.20".parse().unwrap(), mac, hostname: None },
            Event::Booted {
                mac,
                hostname: Some("bulb".into()),
                vendor_class: Some("udhcp\\0321.2".into()),
                asks: Some("1,3".into()),
            },
            Event::Booted { mac, hostname: None, vendor_class: None, asks: None },
            Event::Announced { mac, by: Announcement::Mdns, text: "_hap._tcp".into() },
            Event::Announced { mac, by: Announcement::Ssdp, text: "hue/1.0\\032upnp/1.0".into() },
            lookup(Outcome::Found, &["203.0.113.5", "2001:db8::5"], &[b"x.example", b"y.example"]),
            lookup(Outcome::Found, &[], &[b"x.example"]),
            lookup(Outcome::NoSuchName, &[], &[]),
            lookup(Outcome::Failed(2), &[], &[]),
            Event::FlowOpened { tuple, midstream: false },
            Event::FlowOpened { tuple: tuple.reply(), midstream: true },
            Event::FlowOpened { tuple: Tuple { protocol: Protocol(132), ..tuple }, midstream: false },
            Event::FlowOpened { tuple: portless, midstream: false },
            Event::FlowCounted { tuple, sent: 1, received: u64::MAX },
            Event::FlowClosed { tuple, sent: 0, received: 7 },
            Event::HandshakeDelay { tuple, delay: Span(1_000_023) },
            Event::LookupMissed { client: "192.168.8.9".parse().unwrap(), server: "fe80::1".parse().unwrap() },
            Event::Resolver { mac: None, address: "fe80::1".parse().unwrap(), encrypted: true },
            Event::Resolver { mac: Some(Mac([2; 6])), address: "192.168.8.2".parse().unwrap(), encrypted: false },
            Event::ResolversForgotten,
            Event::Registered { name: "vendor.example".into(), day: Some(20_777) },
            Event::Registered { name: "vendor.example".into(), day: None },
            Event::Known { mac, address: "203.0.113.5".parse().unwrap(), name: name(b"bulb.example") },
            Event::Nat64 { prefix: "64:ff9b::/96".parse().unwrap() },
            Event::Gap { source: Source::Flows },
            Event::Gap { source: Source::Lookups },
            Event::DumpComplete,
            Event::PacketsRead(PacketCounts { all: 9, malformed: 1, ..PacketCounts::default() }),
        ];
        all.extend(hints.map(|hint| Event::FirstPacket { tuple, hint }));
        all
    }

    #[test]
    fn every_event_survives_its_line() {
        let (mut writing, mut reading) = (Clock::default(), Clock::default());
        for (i, event) in every_event().into_iter().enumerate() {
            let wall = Wall::secs(1_767_225_600) + Span(i as u64 * 7);
            let stamp = if event == Event::ClockSet { writing.jump(wall) } else { writing.advance(wall) };
            let line = write(&event, stamp, &writing);
            assert_eq!(read(&line, &mut reading), Ok((event, stamp)), "{line}");
        }
    }

    #[test]
    fn a_late_packet_keeps_its_own_date() {
        let mut clock = Clock::default();
        clock.jump(Wall::secs(1));
        clock.advance(Wall::secs(9));
        let stamp = clock.advance(Wall(8_999_900));
        let event = Event::FlowOpened { tuple: tuple(), midstream: false };
        let line = write(&event, stamp, &clock);
        assert_eq!(line, "9.000000-0.000100 opened tcp 192.168.8.20:40000 > [2001:db8::5]:443");
        let mut reading = Clock::default();
        read("1.000000 clock", &mut reading).unwrap();
        assert_eq!(
            read(&line, &mut reading),
            Ok((event, Stamp { now: Time(0) + Span::secs(8), wall: Wall(8_999_900) }))
        );
    }

    #[test]
    fn a_broken_line_is_an_error_that_says_what() {
        for event in every_event() {
            let line = format!("1.000000 {event}");
            for cut in 0..line.len() {
                let _ = read(&line[..cut], &mut Clock::default());
            }
            assert!(
                read(&format!("{line} surplus"), &mut Clock::default()).is_err() || line.contains(" via "),
                "{line}"
            );
        }
        for bad in [
            "",
            "x",
            "1.0 clock",
            "1.000000 nonsense",
            "1.000000 gap years",
            "1.000000 opened sctp2 1.2.3.4:1 > 1.2.3.4:2",
            "1.000000 opened udp 1.2.3.4 > 1.2.3.5",
        ] {
            assert!(read(bad, &mut Clock::default()).is_err(), "{bad}");
        }
        assert_eq!(
            read("1.000000 neighbour 300.1.1.1 02:00:00:00:00:01", &mut Clock::default()),
            Err("'300.1.1.1' is not what belongs there".into())
        );
    }
}
