//! Reads frames from the link layer to the transport's payload, without a copy.
//!
//! Link types: draft-ietf-opsawg-pcaplinktype. Tunnels (6in4, GRE) are not unwrapped: conntrack counts them as they
//! are.

use crate::model::Mac;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many VLAN tags and other wrappers one frame may have, or extension headers one IPv6 packet.
const NESTED_MAX: usize = 8;

/// The TCP control bit of a sender that is done (RFC 9293, section 3.1).
pub const FIN: u8 = 1;
/// The TCP control bit that opens a connection.
pub const SYN: u8 = 2;
/// The TCP control bit that aborts a connection.
pub const RST: u8 = 4;
/// The TCP control bit of an acknowledgement.
pub const ACK: u8 = 16;

// Ethertypes (IEEE 802 Numbers, IANA).
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const PPP: u16 = 0x880b;
const PPPOE_SESSION: u16 = 0x8864;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An IP packet.
    Ip(Packet<'a>),
    /// An ARP packet (RFC 826) of IPv4 over Ethernet.
    Arp {
        /// The sender's hardware address, as ARP states it.
        mac: Mac,
        /// The sender's IPv4 address.
        ip: Ipv4Addr,
    },
    /// Anything else.
    Other,
}

/// An IPv4 (RFC 791) or IPv6 (RFC 8200) packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The hardware address of the sending station, where the link has it. It is neither a group's nor all zeroes.
    pub source_mac: Option<Mac>,
    /// The hardware address of the receiving station or group, where the link has it.
    pub destination_mac: Option<Mac>,
    /// The source address.
    pub source: IpAddr,
    /// The destination address.
    pub destination: IpAddr,
    /// The length of the IP packet on the wire in bytes, as conntrack counts it.
    pub bytes: u32,
    /// The identification by which the sender tells its IPv4 packets apart; 0 for IPv6.
    pub id: u16,
    /// How many routers the packet may still pass: the Time to Live, or the Hop Limit.
    pub hops: u8,
    /// Less was captured than was sent, or the packet is the first of several fragments.
    pub cut: bool,
    /// What makes the packet a fragment; absent where it is whole.
    pub fragment: Option<Fragment>,
    /// What follows the IP headers, as it was captured.
    pub data: &'a [u8],
    /// What follows the IP headers, read.
    pub body: Body<'a>,
}

/// Where a fragment belongs (RFC 791, section 3.2; RFC 8200, section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What all fragments of a datagram have in common, besides the addresses and the protocol.
    pub id: u32,
    /// The protocol of the datagram, by its IANA number.
    pub protocol: u8,
    /// Where the data of the fragment stand in the datagram, in bytes.
    pub offset: u16,
    /// More fragments follow.
    pub more: bool,
    /// Less of the fragment was captured than was sent.
    pub cut: bool,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(Tcp<'a>),
    /// A UDP datagram (RFC 768).
    Udp {
        /// The source port.
        source_port: u16,
        /// The destination port.
        destination_port: u16,
        /// The payload, as far as it was captured.
        payload: &'a [u8],
    },
    /// An ICMP or ICMPv6 message, as far as it was captured.
    Icmp(&'a [u8]),
    /// A fragment that is not the first, so it has no ports.
    Fragment,
    /// Another protocol, by its IANA number, and what follows the IP headers, as far as it was captured.
    Other(u8, &'a [u8]),
}

/// A TCP segment (RFC 9293, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp<'a> {
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The sequence number, 0 if it was cut off.
    pub sequence: u32,
    /// The control bits, 0 if they were cut off.
    pub flags: u8,
    /// The payload, as far as it was captured.
    pub payload: &'a [u8],
}

/// Why a frame cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Frames of this link type are not read.
    Link(u32),
    /// The data end within the headers that hold addresses and ports.
    Short,
    /// The IP version is neither 4 nor 6, or not that of the link.
    Version,
    /// A length field has a value that cannot be.
    Length,
    /// The packet is an IPv6 jumbogram (RFC 2675).
    Jumbogram,
    /// There are too many VLAN tags or extension headers.
    Nested,
}

impl std::error::Error for Malformed {}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Malformed::Link(link) => write!(f, "link type {link} is not supported"),
            Malformed::Short => f.write_str("the data end inside the headers"),
            Malformed::Version => f.write_str("the IP version is wrong"),
            Malformed::Length => f.write_str("a length field is wrong"),
            Malformed::Jumbogram => f.write_str("IPv6 jumbograms are not supported"),
            Malformed::Nested => f.write_str("too many headers are nested"),
        }
    }
}

/// Reads a frame of a link type (a LINKTYPE_ value) that had `wire_length` bytes on the wire.
///
/// # Errors
/// [`Malformed`] says why the frame cannot be read.
pub fn parse(link: u32, data: &[u8], wire_length: u32) -> Result<Frame<'_>, Malformed> {
    let mut rest = Rest::new(data, wire_length);
    match link {
        // NULL and LOOP: an address family in the byte order of the writer: AF_INET, or AF_INET6 of Linux, of NetBSD
        // and OpenBSD, of FreeBSD, of Darwin.
        0 | 108 => match *rest.take()? {
            [2 | 10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 2 | 10 | 24 | 28 | 30] => rest.ip(Macs::default()),
            _ => Ok(Frame::Other),
        },
        // ETHERNET.
        1 => {
            let (destination, source) = (Some(rest.take()?), Some(rest.take()?));
            let kind = u16::from_be_bytes(*rest.take()?);
            rest.frame(kind, Macs { source, destination })
        }
        // PPP and PPP_ETHER.
        9 => rest.frame(PPP, Macs::default()),
        51 => rest.frame(PPPOE_SESSION, Macs::default()),
        // RAW, and the numbers that it has on some systems.
        12 | 14 | 101 => rest.ip(Macs::default()),
        // LINUX_SLL.
        113 => {
            let &[_, _, a1, a0, _, length, ref address @ ..] = rest.take::<14>()?;
            let kind = u16::from_be_bytes(*rest.take()?);
            rest.cooked(u16::from_be_bytes([a1, a0]), kind, length, address)
        }
        // LINUX_SLL2.
        276 => {
            let &[k1, k0, _, _, _, _, _, _, a1, a0, _, length, ref address @ ..] = rest.take::<20>()?;
            rest.cooked(u16::from_be_bytes([a1, a0]), u16::from_be_bytes([k1, k0]), length, address)
        }
        228 => rest.ipv4(Macs::default()),
        229 => rest.ipv6(Macs::default()),
        239 => rest.nflog(),
        _ => Err(Malformed::Link(link)),
    }
}

/// Returns whether frames of this link type are read.
pub fn reads(link: u32) -> bool {
    !matches!(parse(link, &[], 0), Err(Malformed::Link(_)))
}

/// Returns what a link type that is not read is called, where it is well known.
pub fn link_name(link: u32) -> Option<&'static str> {
    Some(match link {
        8 => "SLIP",
        10 => "FDDI",
        50 => "PPP in HDLC framing",
        104 => "Cisco HDLC",
        105 => "802.11",
        107 => "Frame Relay",
        119 => "802.11 with a Prism header, from monitor mode",
        127 => "802.11 with radiotap, from monitor mode",
        163 => "802.11 with an AVS header, from monitor mode",
        192 => "PPI, from monitor mode",
        143 => "DOCSIS",
        147..=162 => "private use",
        187 | 201 | 251 | 254 | 256 => "Bluetooth",
        189 | 220 | 249 => "USB",
        195 | 215 | 230 | 283 => "802.15.4, as of Zigbee and Thread",
        227 => "CAN bus",
        252 => "Wireshark's upper PDU",
        253 => "Linux netlink",
        258 => "Apple PKTAP",
        _ => return None,
    })
}

/// The number of the interface where a frame is of any, and its link type does not tell which.
pub const ANY_INTERFACE: u32 = u32::MAX;

/// Returns the number of the interface that a frame was captured on; absent for link types of a single one. Linux
/// writes cooked headers where it captures on all interfaces.
pub fn interface(link: u32, data: &[u8]) -> Option<u32> {
    match link {
        113 => Some(ANY_INTERFACE),
        276 => data.get(4..8)?.first_chunk().map(|index| u32::from_be_bytes(*index)),
        _ => None,
    }
}

/// The hardware addresses of the link, where they are.
#[derive(Default)]
struct Macs<'a> {
    source: Option<&'a [u8; 6]>,
    destination: Option<&'a [u8; 6]>,
}

/// The part of a frame that is not read yet. It is not `Copy`, lest a copy be read on by mistake.
#[derive(Clone)]
struct Rest<'a> {
    data: &'a [u8],
    /// Its length on the wire in bytes, which is never less than that of `data`.
    wire: usize,
}

impl<'a> Rest<'a> {
    fn new(data: &'a [u8], wire_length: u32) -> Rest<'a> {
        Rest { data, wire: data.len().max(wire_length as usize) }
    }

    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], Malformed> {
        let (taken, data) = self.data.split_first_chunk().ok_or(Malformed::Short)?;
        (self.data, self.wire) = (data, self.wire - N);
        Ok(taken)
    }

    fn skip(&mut self, length: usize) -> Result<(), Malformed> {
        self.data = self.data.get(length..).ok_or(Malformed::Short)?;
        self.wire -= length;
        Ok(())
    }

    /// Reads what an ethertype announces, or an IEEE 802.3 length field (then LLC follows).
    fn frame(&mut self, mut kind: u16, macs: Macs<'a>) -> Result<Frame<'a>, Malformed> {
        for _ in 0..NESTED_MAX {
            match kind {
                IPV4 => return self.ipv4(macs),
                IPV6 => return self.ipv6(macs),
                ARP => return self.arp(),
                // IEEE 802.1Q, 802.1ad, and the tag of QinQ before it.
                0x8100 | 0x88a8 | 0x9100 => {
                    let &[_, _, k1, k0] = self.take()?;
                    kind = u16::from_be_bytes([k1, k0]);
                }
                // RFC 2516, section 4.
                PPPOE_SESSION => match *self.take()? {
                    [0x11, 0, _, _, l1, l0] => {
                        // Some senders add Ethernet's padding to IP's length, but not to this one.
                        self.limit(u16::from_be_bytes([l1, l0]).into());
                        kind = PPP;
                    }
                    _ => return Ok(Frame::Other),
                },
                // RFC 1661, section 2; RFC 1662, section 3.1: address, control and half of the protocol may be absent.
                PPP => {
                    let protocol = self.data.strip_prefix(&[0xff, 3]).unwrap_or(self.data);
                    let (next, protocol) = match *protocol {
                        [0, 0x21, ref next @ ..] | [0x21, ref next @ ..] => (next, IPV4),
                        [0, 0x57, ref next @ ..] | [0x57, ref next @ ..] => (next, IPV6),
                        _ => return Ok(Frame::Other),
                    };
                    kind = protocol;
                    self.skip(self.data.len() - next.len())?;
                }
                // RFC 1042: SNAP.
                0..=1_500 => match self.take() {
                    Ok(&[0xaa, 0xaa, 3, 0, 0, 0, k1, k0]) => kind = u16::from_be_bytes([k1, k0]),
                    _ => return Ok(Frame::Other),
                },
                _ => return Ok(Frame::Other),
            }
        }
        Err(Malformed::Nested)
    }

    /// Reads what follows a Linux cooked header, in which the sender's address has eight bytes of room, whatever its
    /// length.
    fn cooked(&mut self, hardware: u16, kind: u16, length: u8, address: &'a [u8; 8]) -> Result<Frame<'a>, Malformed> {
        match hardware {
            // ARPHRD_FRAD, ARPHRD_IEEE80211_RADIOTAP, ARPHRD_NETLINK: the protocol field is no ethertype.
            770 | 803 | 824 => Ok(Frame::Other),
            _ => self.frame(kind, Macs { source: hardware_address(length, address), destination: None }),
        }
    }

    /// Reads a packet of netfilter's log: attributes of linux/netfilter/nfnetlink_log.h in the byte order of the
    /// writer.
    fn nflog(&mut self) -> Result<Frame<'a>, Malformed> {
        let &[family, _, _, _] = self.take()?;
        let mut macs = Macs::default();
        // AF_INET, AF_INET6 and AF_BRIDGE: the family of the rule's hook.
        let (ip, bridge) = (matches!(family, 2 | 10), family == 7);
        loop {
            let &[l1, l0, t1, t0] = self.take()?;
            // All types are below 256, which shows the byte order.
            let (length, kind) = match (t1, t0) {
                (0, kind) => (u16::from_be_bytes([l1, l0]), kind),
                (kind, _) => (u16::from_le_bytes([l1, l0]), kind),
            };
            let length = usize::from(length).checked_sub(4).ok_or(Malformed::Length)?;
            let value = self.data.get(..length).unwrap_or(self.data);
            match (kind, value) {
                // NFULA_HWADDR.
                (8, &[0, length, _, _, ref address @ ..]) => {
                    macs.source = address.first_chunk().and_then(|address| hardware_address(length, address));
                }
                // NFULA_HWHEADER, of Ethernet where a frame crosses a bridge.
                (16, header) if bridge => macs.destination = header.first_chunk(),
                // NFULA_PAYLOAD. The kernel copies only as much as it was asked for and does not say how much there
                // was, so IP's own length must be believed.
                (9, _) if ip || bridge => {
                    self.data = value;
                    self.wire = self.data.len().max(40 + usize::from(u16::MAX));
                    return self.ip(macs);
                }
                (9, _) => return Ok(Frame::Other),
                _ => {}
            }
            self.skip(length.next_multiple_of(4))?;
        }
    }

    fn arp(&mut self) -> Result<Frame<'a>, Malformed> {
        let &[0, 1, 8, 0, 6, 4, _, _] = self.take()? else { return Ok(Frame::Other) };
        let (mac, ip) = (Mac(*self.take()?), Ipv4Addr::from(*self.take::<4>()?));
        // A probe (RFC 5227) has no sender address yet.
        Ok(if ip.is_unspecified() { Frame::Other } else { Frame::Arp { mac, ip } })
    }

    fn ip(&mut self, macs: Macs<'a>) -> Result<Frame<'a>, Malformed> {
        match self.data.first().ok_or(Malformed::Short)? >> 4 {
            4 => self.ipv4(macs),
            6 => self.ipv6(macs),
            _ => Err(Malformed::Version),
        }
    }

    /// Drops what follows a packet of this length, 0 if the length is not known (segmentation offload). Returns whether
    /// less was captured than that.
    fn limit(&mut self, length: usize) -> bool {
        if length > 0 {
            self.wire = self.wire.min(length);
        }
        let cut = self.data.len() < length.max(self.wire);
        self.data = self.data.get(..self.wire).unwrap_or(self.data);
        cut
    }

    fn ipv4(&mut self, macs: Macs<'a>) -> Result<Frame<'a>, Malformed> {
        let &[first, _, l1, l0, i1, i0, f1, f0, hops, protocol, _, _, s3, s2, s1, s0, d3, d2, d1, d0] =
            self.data.first_chunk::<20>().ok_or(Malformed::Short)?;
        let header_length = usize::from(first & 15) * 4;
        let cut = self.limit(u16::from_be_bytes([l1, l0]).into());
        if first >> 4 != 4 {
            return Err(Malformed::Version);
        }
        if header_length < 20 || header_length > self.wire {
            return Err(Malformed::Length);
        }
        let bytes = self.wire as u32;
        self.skip(header_length)?;
        let (offset, more) = (u16::from_be_bytes([f1 & 0x1f, f0]) * 8, f1 & 0x20 != 0);
        let id = u16::from_be_bytes([i1, i0]);
        let data = self.data;
        Ok(Frame::Ip(Packet {
            source_mac: macs.source.map(|mac| Mac(*mac)).filter(|mac| mac.is_station()),
            destination_mac: macs.destination.map(|mac| Mac(*mac)),
            source: Ipv4Addr::new(s3, s2, s1, s0).into(),
            destination: Ipv4Addr::new(d3, d2, d1, d0).into(),
            bytes,
            id,
            hops,
            cut: cut || more,
            fragment: (offset != 0 || more).then_some(Fragment { id: id.into(), protocol, offset, more, cut }),
            data,
            body: if offset != 0 { Body::Fragment } else { self.body(protocol, cut || more)? },
        }))
    }

    fn ipv6(&mut self, macs: Macs<'a>) -> Result<Frame<'a>, Malformed> {
        let whole = self.clone();
        let &[first, _, _, _, l1, l0, mut next, hops] = self.take()?;
        let (source, destination) = (Ipv6Addr::from(*self.take::<16>()?), Ipv6Addr::from(*self.take::<16>()?));
        if first >> 4 != 6 {
            return Err(Malformed::Version);
        }
        let length = match (u16::from_be_bytes([l1, l0]), next) {
            (0, 0) => return Err(Malformed::Jumbogram),
            (0, 59) => 40,
            (0, _) => 0,
            (length, _) => 40 + usize::from(length),
        };
        *self = whole;
        let mut cut = self.limit(length);
        let bytes = self.wire as u32;
        self.skip(40)?;
        let (mut body, mut fragment, mut data) = (None, None, self.data);
        for _ in 0..NESTED_MAX {
            let head = self.clone();
            let length = match next {
                // Hop-by-hop, routing, destination options, mobility (RFC 6275).
                0 | 43 | 60 | 135 => {
                    let [after, length] = *self.take()?;
                    next = after;
                    (usize::from(length) + 1) * 8
                }
                // Authentication header (RFC 4302).
                51 => {
                    let [after, length] = *self.take()?;
                    next = after;
                    (usize::from(length) + 2) * 4
                }
                // Fragment.
                44 => {
                    let [after, _, f1, f0] = *self.take()?;
                    let id = u32::from_be_bytes(*self.take()?);
                    next = after;
                    let (offset, more) = (u16::from_be_bytes([f1, f0 & 0xf8]), f0 & 1 != 0);
                    // One that holds the whole datagram (RFC 6946) is none.
                    fragment = (offset != 0 || more).then_some(Fragment { id, protocol: after, offset, more, cut });
                    cut |= more;
                    if offset != 0 {
                        data = self.data;
                        body = Some(Body::Fragment);
                        break;
                    }
                    8
                }
                _ => {
                    data = self.data;
                    body = Some(self.body(next, cut)?);
                    break;
                }
            };
            *self = head;
            self.skip(length)?;
        }
        Ok(Frame::Ip(Packet {
            source_mac: macs.source.map(|mac| Mac(*mac)).filter(|mac| mac.is_station()),
            destination_mac: macs.destination.map(|mac| Mac(*mac)),
            source: source.into(),
            destination: destination.into(),
            bytes,
            id: 0,
            hops,
            cut,
            fragment,
            data,
            body: body.ok_or(Malformed::Nested)?,
        }))
    }

    fn body(&mut self, protocol: u8, cut: bool) -> Result<Body<'a>, Malformed> {
        match protocol {
            1 | 58 => Ok(Body::Icmp(self.data)),
            6 => self.tcp(cut),
            17 => self.udp(cut),
            other => Ok(Body::Other(other, self.data)),
        }
    }

    fn tcp(&mut self, cut: bool) -> Result<Body<'a>, Malformed> {
        let segment = self.data;
        let &[s1, s0, d1, d0] = self.take()?;
        let sequence = self.take().map_or(0, |sequence| u32::from_be_bytes(*sequence));
        let (header_length, flags) = match self.take() {
            Ok(&[_, _, _, _, length, flags]) => (usize::from(length >> 4) * 4, flags),
            Err(_) => (20, 0),
        };
        let payload = match segment.get(header_length..) {
            Some(payload) if header_length >= 20 => payload,
            None if cut => &[],
            _ => return Err(Malformed::Length),
        };
        Ok(Body::Tcp(Tcp {
            source_port: u16::from_be_bytes([s1, s0]),
            destination_port: u16::from_be_bytes([d1, d0]),
            sequence,
            flags,
            payload,
        }))
    }

    fn udp(&mut self, cut: bool) -> Result<Body<'a>, Malformed> {
        let &[s1, s0, d1, d0] = self.take()?;
        let payload = match self.take() {
            Ok(&[l1, l0, _, _]) => match usize::from(u16::from_be_bytes([l1, l0])) {
                0 => self.data,
                1..8 => return Err(Malformed::Length),
                length => self.data.get(..length - 8).unwrap_or(self.data),
            },
            Err(_) if cut => &[],
            Err(short) => return Err(short),
        };
        Ok(Body::Udp {
            source_port: u16::from_be_bytes([s1, s0]),
            destination_port: u16::from_be_bytes([d1, d0]),
            payload,
        })
    }
}

/// Returns the hardware address in a field of eight bytes, if it is one of Ethernet.
fn hardware_address(length: u8, field: &[u8; 8]) -> Option<&[u8; 6]> {
    field.first_chunk().filter(|_| length == 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 6] = [2, 0x11, 0, 0, 0, 1];
    const B: [u8; 6] = [2, 0x11, 0, 0, 0, 2];

    /// UDP from port 1000 to 53 with the payload `hello`.
    fn udp() -> Vec<u8> {
        [&[0x03, 0xe8, 0, 53, 0, 13, 0, 0][..], b"hello"].concat()
    }

    /// TCP from port 1000 to 443 with four bytes of options and the payload `hi`.
    fn tcp() -> Vec<u8> {
        [&[0x03, 0xe8, 1, 0xbb, 0, 0, 0, 7, 0, 0, 0, 8, 0x60, SYN | ACK, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0][..], b"hi"]
            .concat()
    }

    fn v4(protocol: u8, fragment: u16, body: &[u8]) -> Vec<u8> {
        let length = (20 + body.len() as u16).to_be_bytes();
        let fragment = fragment.to_be_bytes();
        let head = [0x45, 0, length[0], length[1], 0, 0, fragment[0], fragment[1], 64, protocol, 0, 0];
        [&head[..], &[192, 0, 2, 1, 198, 51, 100, 2], body].concat()
    }

    fn v6(next: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_be_bytes();
        let address = |last| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        [&[0x60, 0, 0, 0, length[0], length[1], next, 64][..], &address(1), &address(2), body].concat()
    }

    fn ethernet(kinds: &[u8], body: &[u8]) -> Vec<u8> {
        [&B[..], &A, kinds, body].concat()
    }

    fn parse_ip(data: &[u8], wire_length: u32) -> Result<Packet<'_>, Malformed> {
        match parse(101, data, wire_length)? {
            Frame::Ip(packet) => Ok(packet),
            frame => panic!("{frame:?}"),
        }
    }

    fn whole(link: u32, data: &[u8]) -> Result<Frame<'_>, Malformed> {
        parse(link, data, data.len() as u32)
    }

    /// The packet of a frame, which must be one of [`udp`] in [`v4`] or [`v6`].
    fn hello(link: u32, data: &[u8]) -> Packet<'_> {
        let Ok(Frame::Ip(packet)) = whole(link, data) else { panic!("{link} {:?}", whole(link, data)) };
        assert_eq!(packet.body, Body::Udp { source_port: 1_000, destination_port: 53, payload: b"hello" }, "{link}");
        assert_eq!(packet.bytes, if packet.source.is_ipv4() { 33 } else { 53 });
        assert!(!packet.cut);
        packet
    }

    /// Frames with one UDP datagram each: link type, whether the sender's MAC is in it, and the bytes.
    fn frames() -> Vec<(u32, bool, Vec<u8>)> {
        let mut frames = Vec::new();
        for (kind, ppp, family, packet) in
            [([8, 0], 0x21, 2, v4(17, 0, &udp())), ([0x86, 0xdd], 0x57, 10, v6(17, &udp()))]
        {
            let [k1, k0] = kind;
            let length = packet.len() as u8;
            // Padding is not payload.
            let padded = [&packet[..], &[0; 9]].concat();
            let wrap = |head: &[u8]| [head, &packet].concat();
            frames.extend([
                (1, true, ethernet(&kind, &padded)),
                (1, true, ethernet(&[0x81, 0, 0, 7, k1, k0], &padded)),
                (1, true, ethernet(&[0x88, 0xa8, 0, 7, 0x91, 0, 0, 8, 0x81, 0, 0, 9, k1, k0], &padded)),
                (1, true, ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, length + 2, 0, ppp], &padded)),
                (1, true, ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, length + 1, ppp], &padded)),
                (1, true, ethernet(&[0, 99, 0xaa, 0xaa, 3, 0, 0, 0, k1, k0], &padded)),
                (9, false, wrap(&[0xff, 3, 0, ppp])),
                (9, false, wrap(&[ppp])),
                (51, false, wrap(&[0x11, 0, 0, 1, 0, length + 2, 0, ppp])),
                (113, true, wrap(&[0, 4, 0, 1, 0, 6, 2, 0x11, 0, 0, 0, 1, 0, 0, k1, k0])),
                (113, false, wrap(&[0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 7, k1, k0])),
                (276, true, wrap(&[k1, k0, 0, 0, 0, 0, 0, 1, 0, 1, 4, 6, 2, 0x11, 0, 0, 0, 1, 0, 0])),
                (0, false, wrap(&[family, 0, 0, 0])),
                (0, false, wrap(&[0, 0, 0, family])),
                (108, false, wrap(&[0, 0, 0, family])),
                (12, false, packet.clone()),
                (14, false, packet.clone()),
                (101, false, packet.clone()),
                (if family == 2 { 228 } else { 229 }, false, packet.clone()),
                (
                    239,
                    true,
                    wrap(&[
                        family,
                        0,
                        0,
                        5,
                        5,
                        0,
                        10,
                        0,
                        b'x',
                        0,
                        0,
                        0,
                        16,
                        0,
                        8,
                        0,
                        0,
                        6,
                        0,
                        0,
                        2,
                        0x11,
                        0,
                        0,
                        0,
                        1,
                        0,
                        0,
                        length + 4,
                        0,
                        9,
                        0,
                    ]),
                ),
                (
                    239,
                    true,
                    wrap(&[family, 0, 0, 5, 0, 16, 0, 8, 0, 6, 0, 0, 2, 0x11, 0, 0, 0, 1, 0, 0, 0, length + 4, 0, 9]),
                ),
            ]);
        }
        frames
    }

    #[test]
    fn all_links_lead_to_the_same_packet() {
        for (link, has_mac, data) in frames() {
            let packet = hello(link, &data);
            assert_eq!(packet.source_mac, has_mac.then_some(Mac(A)), "{link}");
            assert_eq!(packet.destination_mac, (link == 1).then_some(Mac(B)));
        }
    }

    #[test]
    fn arp_tells_its_sender() {
        let arp = |ip: [u8; 4]| {
            let head = [8, 6, 0, 1, 8, 0, 6, 4, 0, 2];
            ethernet(&head, &[&A[..], &ip, &B, &[192, 0, 2, 9], &[0; 18]].concat())
        };
        assert_eq!(whole(1, &arp([192, 0, 2, 1])), Ok(Frame::Arp { mac: Mac(A), ip: Ipv4Addr::new(192, 0, 2, 1) }));
        assert_eq!(whole(1, &arp([0; 4])), Ok(Frame::Other));
    }

    #[test]
    fn tcp_and_its_cuts() {
        let data = v4(6, 0, &tcp());
        for length in 0..=data.len() {
            let packet = parse_ip(&data[..length], data.len() as u32);
            let Ok(Packet { bytes: 46, cut, body: Body::Tcp(tcp), .. }) = packet else {
                assert!(length < 24 && packet == Err(Malformed::Short), "{length} {packet:?}");
                continue;
            };
            assert_eq!((tcp.source_port, tcp.destination_port, cut), (1_000, 443, length < data.len()));
            assert_eq!(tcp.sequence, if length < 28 { 0 } else { 7 });
            assert_eq!(tcp.flags, if length < 34 { 0 } else { SYN | ACK });
            assert_eq!(tcp.payload, &b"hi"[..length.saturating_sub(44)]);
        }
        assert_eq!(parse_ip(&v4(6, 0, &tcp()[..19]), 39), Err(Malformed::Length));
        let mut short = tcp();
        short[12] = 0x40;
        assert_eq!(parse_ip(&v4(6, 0, &short), 46), Err(Malformed::Length));
    }

    #[test]
    fn lengths_that_lie() {
        let with = |at: usize, value: u8| {
            let mut data = v4(17, 0, &udp());
            data[at] = value;
            data
        };
        let payload = |data: &[u8], wire| match parse_ip(data, wire) {
            Ok(Packet { bytes, cut, body: Body::Udp { payload, .. }, .. }) => Ok((bytes, cut, payload.len())),
            Ok(other) => panic!("{other:?}"),
            Err(malformed) => Err(malformed),
        };
        // IP's length: unknown, beyond the frame, shorter than the header.
        assert_eq!(payload(&with(3, 0), 33), Ok((33, false, 5)));
        assert_eq!(payload(&with(3, 0), 99), Ok((99, true, 5)));
        assert_eq!(payload(&with(3, 200), 33), Ok((33, true, 5)));
        assert_eq!(payload(&with(3, 19), 33), Err(Malformed::Length));
        // UDP's length: unknown, beyond the packet, within it, shorter than the header.
        assert_eq!(payload(&with(25, 0), 33), Ok((33, false, 5)));
        assert_eq!(payload(&with(25, 99), 33), Ok((33, false, 5)));
        assert_eq!(payload(&with(25, 10), 33), Ok((33, false, 2)));
        assert_eq!(payload(&with(25, 7), 33), Err(Malformed::Length));
        assert_eq!(payload(&with(0, 0x44), 33), Err(Malformed::Length));
        assert_eq!(payload(&with(0, 0x55), 33), Err(Malformed::Version));
        // Less on the wire than was captured.
        assert_eq!(payload(&with(25, 13), 0), Ok((33, false, 5)));
        assert_eq!(parse_ip(&v4(17, 0, &udp())[..26], 33).map(|packet| packet.cut), Ok(true));
        assert_eq!(parse_ip(&v4(17, 0, &udp()[..7]), 27), Err(Malformed::Short));
    }

    #[test]
    fn fragments_and_extension_headers() {
        assert_eq!(parse_ip(&v4(17, 3, &udp()), 33).unwrap().body, Body::Fragment);
        assert!(parse_ip(&v4(17, 0x2000, &udp()), 33).unwrap().cut);
        let options = [&[17, 0, 1, 4, 0, 0, 0, 0][..], &udp()].concat();
        for kind in [0, 43, 60, 135] {
            assert!(matches!(parse_ip(&v6(kind, &options), 0).unwrap().body, Body::Udp { payload: b"hello", .. }));
        }
        let authentication = [&[17, 4][..], &[0; 22], &udp()].concat();
        assert!(matches!(parse_ip(&v6(51, &authentication), 0).unwrap().body, Body::Udp { payload: b"hello", .. }));
        let fragment = |low| [&[17, 0, 0, low, 0, 0, 0, 1][..], &udp()].concat();
        assert!(matches!(parse_ip(&v6(44, &fragment(1)), 0), Ok(Packet { cut: true, body: Body::Udp { .. }, .. })));
        assert_eq!(parse_ip(&v6(44, &fragment(8)), 0).unwrap().body, Body::Fragment);
        assert_eq!(parse_ip(&v6(59, &[]), 0).unwrap().body, Body::Other(59, &[]));
        assert_eq!(parse_ip(&v6(58, &[128, 0, 0, 0]), 0).unwrap().body, Body::Icmp(&[128, 0, 0, 0]));
        let endless = [60, 0, 1, 4, 0, 0, 0, 0].repeat(NESTED_MAX + 1);
        assert_eq!(parse_ip(&v6(60, &endless), 0), Err(Malformed::Nested));
        assert_eq!(whole(1, &ethernet(&[0x81, 0, 0, 1].repeat(NESTED_MAX + 1), &[])), Err(Malformed::Nested));
        let mut jumbo = v6(0, &options);
        jumbo[4..6].fill(0);
        assert_eq!(parse_ip(&jumbo, 0), Err(Malformed::Jumbogram));
        assert_eq!(parse(147, &[], 0), Err(Malformed::Link(147)));
    }

    #[test]
    fn any_cut_or_change_is_survived() {
        for (link, _, data) in frames() {
            for length in 0..data.len() {
                for wire in [0, data.len() as u32, u32::MAX] {
                    let _ = parse(link, &data[..length], wire);
                }
                for value in [0, 1, 6, 0x7f, 0xff] {
                    let mut changed = data.clone();
                    changed[length] = value;
                    let _ = whole(link, &changed);
                }
            }
        }
        let mut random = 1_u32;
        for round in 0..20_000 {
            let mut bytes = [0; 80];
            bytes.fill_with(|| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 24) as u8
            });
            bytes[0] = [0x45, 0x60, bytes[0]][round % 3];
            for link in [0, 1, 9, 51, 101, 108, 113, 228, 229, 239, 276] {
                let _ = parse(link, &bytes, bytes.len() as u32);
            }
        }
    }
}
