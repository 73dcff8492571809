//! What the first payload packets of a flow show: the application protocol, and whom it names.

use crate::model::{Hint, Protocol};
use crate::time::{Span, Time};
use crate::wire::client_stream;
use crate::wire::reassembly::{CAPACITY, Reassembly};
use crate::wire::request::Request;
use crate::wire::{dns, gquic, peer, quic, stun, tls, wireguard};
use std::mem;

/// After how many segments of the client that bring something new a TCP flow shows nothing more.
const SEGMENTS_MAX: u8 = 8;
/// How many segments of the client that bring nothing new are passed over: probes that keep a connection alive which is
/// opened in advance, and what was sent once more.
const REPEATED_MAX: u8 = 100;
/// After how many datagrams of both sides a UDP flow shows nothing more.
const DATAGRAMS_MAX: u8 = 32;

/// Reads the first payload packets of one flow, and keeps the little that must be kept from one to the next. It owns
/// nothing on the heap unless a hello or a request is split over packets.
pub struct FirstPackets {
    protocol: Protocol,
    server_port: u16,
    packets: u8,
    /// Segments of the client that brought nothing new.
    repeated: u8,
    done: bool,
    /// Whether the STUN that was reported was TURN; absent while none was.
    stun: Option<bool>,
    /// A server's answer to a SOCKS 5 greeting was reported.
    greeted: bool,
    /// A QUIC or DTLS packet was reported whose hello, and so the name in it, is still to come.
    nameless: bool,
    /// The sequence number where the client's current layer begins.
    start: Option<u32>,
    kept: Kept,
}

/// What is kept of the packets that came, until more of them tell what they are.
#[derive(Default)]
enum Kept {
    #[default]
    Nothing,
    /// The beginning of a TCP client's byte stream.
    Stream(Box<Reassembly>),
    /// A QUIC client's Initials.
    Initial(Box<quic::Initial>),
    /// A part of a DTLS ClientHello.
    Dtls(Box<Reassembly>),
    /// A packet that may be one of WireGuard.
    Carried(wireguard::Carried),
}

impl FirstPackets {
    /// Makes a reader of a flow to this port.
    pub fn new(protocol: Protocol, server_port: u16) -> FirstPackets {
        FirstPackets {
            protocol,
            server_port,
            packets: 0,
            repeated: 0,
            done: false,
            stun: None,
            greeted: false,
            nameless: false,
            start: None,
            kept: Kept::Nothing,
        }
    }

    /// Sets the sequence number with which the client's byte stream begins, where its SYN was seen (RFC 9293, section
    /// 3.4). Then segments that come in the wrong order can be put in order from the first on.
    pub fn starts_at(&mut self, sequence: u32) {
        self.start = Some(sequence);
    }

    /// Reads a packet of the side that opened the flow. The `sequence` number is that of its first byte of data (of a SYN
    /// one more than its own, RFC 7413), and ignored for UDP; with `cut` its end was not captured. Returns what the
    /// packet shows that is new.
    pub fn client(&mut self, sequence: u32, payload: &[u8], cut: bool) -> Option<Hint> {
        if self.done || payload.is_empty() {
            return None;
        }
        let hint = match self.protocol {
            Protocol::Tcp => self.segment(sequence, payload, cut),
            Protocol::Udp => self.datagram(payload, cut, true),
            _ => None,
        };
        self.report(hint)
    }

    /// Reads a packet of the other side, which a tap may not see: what the client sends is enough. Returns what the
    /// packet shows that is new.
    pub fn server(&mut self, payload: &[u8], cut: bool) -> Option<Hint> {
        if self.done || payload.is_empty() {
            return None;
        }
        let hint = match self.protocol {
            Protocol::Udp => self.datagram(payload, cut, false),
            Protocol::Tcp if payload.starts_with(b"SSH-") => Some(Hint::Ssh),
            Protocol::Tcp if self.is_greeting_answer(payload) => {
                self.greeted = true;
                Some(Hint::Socks { version: 5, target: None })
            }
            Protocol::Tcp => match (stun::stream(payload), dns::stream(payload)) {
                (Some((turn, _)), _) => Some(Hint::Stun { turn }),
                (None, Request::Whole(hint, _)) => Some(hint),
                _ => None,
            },
            _ => None,
        };
        self.report(hint)
    }

    /// Whether nothing more will be found, so that further packets need not be read.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Returns the hint if it is new, and notes when enough is known.
    fn report(&mut self, hint: Option<Hint>) -> Option<Hint> {
        let packets_max = match self.protocol {
            Protocol::Tcp => SEGMENTS_MAX,
            _ => DATAGRAMS_MAX,
        };
        let is_last = self.packets >= packets_max || self.repeated >= REPEATED_MAX;
        let hint = match &self.kept {
            // What is there of the hello is told now.
            Kept::Initial(initial) if is_last && hint.is_none() => initial.hint(true),
            _ => hint,
        };
        let hint = match hint {
            Some(Hint::Stun { turn }) if self.stun.is_some_and(|reported| reported >= turn) => None,
            Some(Hint::Quic { sni: None, alpn: None, .. } | Hint::Dtls { sni: None }) if self.nameless => None,
            hint => hint,
        };
        match hint {
            Some(Hint::Stun { turn }) => self.stun = Some(turn),
            // Where the hello is whole `done` says so already.
            Some(Hint::Quic { .. } | Hint::Dtls { .. }) => self.nameless = true,
            // The stream within the tunnel is still to come.
            None | Some(Hint::Socks { .. } | Hint::HttpConnect { .. }) => {}
            Some(_) => self.done = true,
        }
        self.done |= is_last;
        if self.done {
            self.kept = Kept::Nothing;
        }
        hint
    }

    fn segment(&mut self, sequence: u32, payload: &[u8], cut: bool) -> Option<Hint> {
        // A single byte with which the stream seems to begin may be a probe of one byte before its beginning (RFC 9293,
        // section 3.8.4).
        let may_be_probe = self.start.is_none() && payload.len() == 1;
        let start = *self.start.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(start);
        let mut kept = match mem::take(&mut self.kept) {
            Kept::Stream(stream) => Some(stream),
            _ => None,
        };
        // Bytes before the start were sent once more, or are a probe.
        let new = match i32::try_from(ahead) {
            Ok(_) => Some((ahead as usize, payload)),
            Err(_) => payload.get(ahead.wrapping_neg() as usize..).map(|payload| (0, payload)),
        };
        let known = kept.as_ref().map_or(0, |kept| kept.prefix().len());
        let Some((offset, payload)) = new.filter(|(offset, payload)| offset + payload.len() > known) else {
            self.repeated += 1;
            self.kept = kept.map_or(Kept::Nothing, Kept::Stream);
            return None;
        };
        *if may_be_probe { &mut self.repeated } else { &mut self.packets } += 1;
        if kept.is_some() || offset > 0 {
            kept.get_or_insert_default().put(offset, payload);
        }
        let stream = kept.as_ref().map_or(payload, |kept| kept.prefix());
        let last = cut || stream.len() >= CAPACITY || self.packets >= SEGMENTS_MAX;
        let (start, stream, request) = match client_stream::outermost(stream, last) {
            // What came before was a probe, or the capture began in the middle of the flow.
            Request::Unknown if offset > 0 => (sequence, payload, client_stream::outermost(payload, last)),
            request => (start, stream, request),
        };
        match request {
            Request::Whole(hint, used) => {
                self.start = (!cut).then_some(start.wrapping_add(used as u32));
                let rest = stream.get(used..).filter(|rest| !rest.is_empty());
                self.kept = rest.map_or(Kept::Nothing, |rest| Kept::Stream(Box::new(Reassembly::from(rest))));
                Some(hint)
            }
            Request::Incomplete => {
                let kept = kept.filter(|_| self.start == Some(start));
                self.start = Some(start);
                self.kept = Kept::Stream(kept.unwrap_or_else(|| Box::new(Reassembly::from(payload))));
                None
            }
            // The capture began in the middle of the flow, or the protocol changes over to TLS later.
            Request::Unknown => {
                self.start = None;
                None
            }
        }
    }

    fn is_greeting_answer(&self, payload: &[u8]) -> bool {
        let Kept::Stream(stream) = &self.kept else { return false };
        stream.prefix().first() == Some(&5) && !self.greeted && payload.len() == 2 && payload[0] == 5
    }

    fn datagram(&mut self, payload: &[u8], cut: bool, of_client: bool) -> Option<Hint> {
        self.packets += 1;
        if let Kept::Initial(initial) = &mut self.kept {
            if of_client {
                initial.add(payload, cut);
            }
            let hint = initial.hint(false);
            self.done = hint.is_some();
            return hint;
        }
        if let Some(turn) = stun::datagram(payload, cut) {
            return Some(Hint::Stun { turn });
        }
        if let Some(initial) = of_client.then(|| quic::Initial::new(payload, cut)).flatten() {
            let hint = initial.hint(false);
            self.done = hint.is_some();
            self.kept = Kept::Initial(Box::new(initial));
            return hint.or_else(|| quic::hint(payload, cut));
        }
        // The Initial is overtaken, or was not seen.
        if let Some(hint) = quic::hint(payload, cut) {
            return Some(hint);
        }
        if let Some(hint) = gquic::hint(payload).filter(|_| of_client) {
            self.done = true;
            return Some(hint);
        }
        if payload.starts_with(&[22, 0xfe]) {
            let mut hello = match mem::take(&mut self.kept) {
                Kept::Dtls(hello) => hello,
                _ => Box::default(),
            };
            if let Some((hint, is_whole)) = tls::dtls_hello(payload, cut, &mut hello) {
                self.done = is_whole || cut;
                self.kept = Kept::Dtls(hello);
                return Some(hint);
            }
        }
        if wireguard::is_handshake(payload) {
            return Some(Hint::WireGuard);
        }
        if let Some(carried) = wireguard::Carried::new(payload, cut, of_client) {
            let before = mem::replace(&mut self.kept, Kept::Carried(carried));
            let is_tunnel = matches!(before, Kept::Carried(before) if before.goes_on(carried));
            return is_tunnel.then_some(Hint::WireGuard);
        }
        if let Some(protocol) = peer::protocol(payload, cut) {
            return Some(Hint::Peer(protocol));
        }
        match self.server_port {
            123 => is_ntp(payload, cut).then_some(Hint::Ntp),
            // Names of NetBIOS (RFC 1002), mDNS (RFC 6762) and LLMNR (RFC 4795) are not lookups.
            137 | 5353 | 5355 => None,
            _ => dns::hint(payload, cut),
        }
    }
}

/// Measures how long a TCP client is silent between the end of its handshake and its first payload. A program that
/// opened the flow for itself sends at once; a relay waits for what its master sends.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandshakeDelay {
    acknowledged: Option<Time>,
    done: bool,
}

impl HandshakeDelay {
    /// Notes a packet of the client without SYN, FIN or RST, which is `empty` when it has no payload. Returns the delay
    /// once, with the first payload.
    pub fn client_packet(&mut self, empty: bool, at: Time) -> Option<Span> {
        if self.done {
            return None;
        }
        if empty {
            self.acknowledged.get_or_insert(at);
            return None;
        }
        self.done = true;
        self.acknowledged.map(|since| at.since(since))
    }

    /// Gives up: the server sent first, or the beginning was not seen, so there is no delay to measure.
    pub fn abandon(&mut self) {
        self.done = true;
    }
}

/// Whether a datagram is NTP: version 1 to 4, mode 1 to 5 (RFC 5905, section 7.3).
fn is_ntp(payload: &[u8], cut: bool) -> bool {
    let first = payload.first().copied().unwrap_or_default();
    matches!(first >> 3 & 7, 1..=4) && matches!(first & 7, 1..=5) && (cut || payload.len() >= 48)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PeerProtocol;
    use crate::wire::sample::{self, stun as message};

    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";

    fn tcp() -> FirstPackets {
        FirstPackets::new(Protocol::Tcp, 443)
    }

    fn udp(port: u16) -> FirstPackets {
        FirstPackets::new(Protocol::Udp, port)
    }

    fn tls_stream() -> Vec<u8> {
        sample::records(&sample::hello(&[(0x33, vec![9; 1300]), sample::sni(b"www.example.com")]), 4096)
    }

    /// A hello that was seen as a whole has a fingerprint too.
    fn tls() -> Option<Hint> {
        let hello = tls::client_hello(&tls_stream(), false);
        if let Request::Whole(hint, _) = hello { Some(hint) } else { None }
    }

    fn part_of_tls() -> Option<Hint> {
        Some(Hint::Tls { sni: Some("www.example.com".into()), alpn: None, ech: false, esni: false, ja4: None })
    }

    fn http() -> Option<Hint> {
        Some(Hint::Http { host: Some("www.example.com".into()), websocket: false })
    }

    #[test]
    fn a_delay_is_reported_once_and_only_of_whole_beginnings() {
        let at = |ms| Time(0) + Span::ms(ms);
        let mut delay = HandshakeDelay::default();
        assert_eq!((delay.client_packet(true, at(5)), delay.client_packet(true, at(9))), (None, None));
        assert_eq!(
            (delay.client_packet(false, at(30)), delay.client_packet(false, at(90))),
            (Some(Span::ms(25)), None)
        );
        let (mut hasty, mut second) = (HandshakeDelay::default(), HandshakeDelay::default());
        assert_eq!((hasty.client_packet(false, at(1)), hasty.client_packet(false, at(2))), (None, None));
        second.client_packet(true, at(1));
        second.abandon();
        assert_eq!(second.client_packet(false, at(2)), None);
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<FirstPackets>() <= 48, "{}", size_of::<FirstPackets>());
    }

    #[test]
    fn segments_are_put_in_order() {
        let stream = tls_stream();
        let start = u32::MAX - 99;
        let part = |from: usize, to: usize| (start.wrapping_add(from as u32), &stream[from..to]);
        let whole = stream.len();
        for order in [
            &[(0, 700), (700, whole)][..],
            &[(0, 700), (0, 700), (1200, whole), (700, 1200)],
            &[(0, 700), (1, 700), (650, whole)],
        ] {
            let mut packets = tcp();
            let hints: Vec<_> = order
                .iter()
                .map(|&(from, to)| part(from, to))
                .map(|(at, part)| packets.client(at, part, false))
                .collect();
            let (last, before) = hints.split_last().unwrap();
            assert!(before.iter().all(Option::is_none) && *last == tls() && packets.is_done(), "{order:?}");
            assert!(matches!(packets.kept, Kept::Nothing));
        }
    }

    #[test]
    fn what_is_there_is_told_when_the_rest_does_not_come() {
        let stream = sample::records(&sample::hello(&[sample::sni(b"www.example.com"), (0x33, vec![9; 1300])]), 4096);
        assert_eq!(tcp().client(1, &stream[..700], true), part_of_tls());
        let mut packets = tcp();
        assert_eq!(packets.client(1, &stream[..700], false), None);
        let hints: Vec<_> = (0..7).filter_map(|n| packets.client(5000 + n, b"x", false)).collect();
        assert!(Some(&hints[0]) == part_of_tls().as_ref() && hints.len() == 1 && packets.is_done());
    }

    #[test]
    fn tunnels_are_looked_into() {
        let socks4 = b"\x04\x01\0\x50\xc0\0\x02\x07\0";
        let connect = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n";
        let mut packets = tcp();
        assert_eq!(
            packets.client(10, socks4, false),
            Some(Hint::Socks { version: 4, target: Some("192.0.2.7:80".into()) })
        );
        assert_eq!(packets.client(10, socks4, false), None, "sent once more");
        assert_eq!(packets.client(19, connect, false), Some(Hint::HttpConnect { target: "a.example:443".into() }));
        assert!(!packets.is_done());
        assert_eq!(packets.client(19 + connect.len() as u32, &tls_stream(), false), tls());
        assert!(packets.is_done());
    }

    #[test]
    fn socks5_is_told_at_the_answer_and_the_request() {
        let (greeting, request) = (&b"\x05\x01\0"[..], &b"\x05\x01\0\x01\xc0\0\x02\x07\0\x50"[..]);
        let said = Some(Hint::Socks { version: 5, target: Some("192.0.2.7:80".into()) });
        let mut packets = tcp();
        assert_eq!(packets.server(b"\x05\0", false), None, "nobody asked");
        assert_eq!(packets.client(1, greeting, false), None);
        assert_eq!(packets.server(b"\x05\0", false), Some(Hint::Socks { version: 5, target: None }));
        assert_eq!(packets.server(b"\x05\0", false), None);
        assert_eq!(packets.client(4, request, false), said);
        assert_eq!(packets.client(14, GET, false), http());
        let mut hasty = tcp();
        let all = [greeting, request, GET].concat();
        assert_eq!(hasty.client(1, &all, false), said);
        assert_eq!(hasty.client(1 + all.len() as u32, b"x", false), http(), "kept until the next packet");
    }

    #[test]
    fn either_side_may_say_ssh() {
        assert_eq!(tcp().client(1, b"SSH-2.0-x\r\n", false), Some(Hint::Ssh));
        assert_eq!(tcp().server(b"SSH-2.0-x\r\n", false), Some(Hint::Ssh));
    }

    #[test]
    fn a_short_packet_is_kept() {
        let mut split = tcp();
        assert_eq!(
            (split.client(1, b"\x10\x0c", false), split.client(3, b"\0\x04MQTT", false)),
            (None, Some(Hint::Mqtt))
        );
    }

    #[test]
    fn a_flow_that_was_already_running_is_given_up() {
        let mut packets = tcp();
        assert!((0..7).all(|n| packets.client(n * 1000, &[0xe5; 100], false).is_none() && !packets.is_done()));
        assert_eq!(packets.client(9000, &[0xe5; 100], false), None);
        assert!(packets.is_done());
        let mut late = tcp();
        assert_eq!((late.client(1, b"STARTTLS\r\n", false), late.client(11, &tls_stream(), false)), (None, tls()));
    }

    #[test]
    fn stun_is_told_once_and_turn_once_more() {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let mut packets = FirstPackets::new(protocol, 3478);
            let kinds = [1, 1, 0x101, 3, 3, 1];
            let hints: Vec<_> = kinds.iter().filter_map(|&kind| packets.client(1, &message(kind), false)).collect();
            let answers = [packets.server(&message(0x103), false), packets.server(&message(0x101), false)];
            if protocol == Protocol::Udp {
                assert_eq!(hints, [Hint::Stun { turn: false }, Hint::Stun { turn: true }]);
            }
            assert_eq!(answers[1], None);
        }
        assert_eq!(udp(9).server(&message(0x101), false), Some(Hint::Stun { turn: false }));
    }

    #[test]
    fn a_datagram_tells_udp_protocols() {
        let padded = |start: &[u8], length: usize| [start, &vec![7; length - start.len()]].concat();
        for (port, bytes, hint) in [
            (51820, padded(&[1, 0, 0, 0], 148), Some(Hint::WireGuard)),
            (51820, padded(&[2, 0, 0, 0], 92), Some(Hint::WireGuard)),
            (51820, padded(&[1, 0, 0, 1], 148), None),
            (123, padded(&[0xe3], 48), Some(Hint::Ntp)),
            (123, padded(&[0xe3], 47), None),
            (123, padded(&[0xe7], 48), None),
            (124, padded(&[0xe3], 48), None),
            (51820, padded(&[3, 0, 0, 0], 64), Some(Hint::WireGuard)),
            (
                443,
                padded(
                    &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 87, 1, 0, 0, 75, 0, 0, 0, 0, 0, 0, 0, 75, 0xfe],
                    100,
                ),
                Some(Hint::Dtls { sni: None }),
            ),
            (32100, b"\xf1\0\0\0".to_vec(), Some(Hint::Peer(PeerProtocol::Cs2))),
        ] {
            let mut packets = udp(port);
            assert_eq!(
                (packets.client(0, &bytes, false), packets.is_done()),
                (hint.clone(), hint.is_some()),
                "{bytes:?}"
            );
        }
        let mut silent = udp(9);
        assert!((0..32).all(|n| !silent.is_done() && silent.client(n, &[0xe5; 9], false).is_none()));
        assert!(silent.is_done());
    }

    #[test]
    fn segments_may_come_in_the_wrong_order_where_the_beginning_is_known() {
        let bytes = sample::records(&sample::hello(&[(0x33, vec![9; 1300]), sample::sni(b"a.example")]), 4096);
        let mut packets = tcp();
        packets.starts_at(u32::MAX - 9);
        assert_eq!(packets.client(u32::MAX.wrapping_add(691), &bytes[700..], false), None);
        let hint = packets.client(u32::MAX - 9, &bytes[..700], false);
        assert!(matches!(hint, Some(Hint::Tls { sni: Some(name), .. }) if &*name == "a.example"));
    }

    #[test]
    fn a_quic_hello_may_take_two_datagrams() {
        let message = sample::hello(&[(0x33, vec![9; 1300]), sample::sni(b"a.example")]);
        let initial =
            |from: usize, to: usize| sample::quic_initial(&[5; 8], 0, &sample::crypto(from, &message[from..to]));
        let mut packets = udp(443);
        let nameless = |hint| matches!(hint, Some(Hint::Quic { sni: None, .. }));
        assert!(nameless(packets.client(0, &initial(700, message.len()), false)) && !packets.is_done());
        let hint = packets.client(0, &initial(0, 700), false);
        assert!(matches!(hint, Some(Hint::Quic { sni: Some(name), .. }) if &*name == "a.example"));
        assert!(packets.is_done() && matches!(packets.kept, Kept::Nothing));
    }

    fn name(hint: Option<Hint>) -> Option<String> {
        match hint {
            Some(Hint::Quic { sni, .. } | Hint::Tls { sni, .. }) => sni.map(|name| name.to_string()),
            _ => None,
        }
    }

    #[test]
    fn the_hello_of_quic_may_be_overtaken() {
        let hello = sample::hello(&[sample::sni(b"a.example")]);
        let initial = sample::quic_initial(&[5; 8], 0, &sample::crypto(0, &hello));
        let early = |version: u8| [&[0xd0, 0, 0, 0, version, 8][..], &[5; 8], &[0, 40], &[9; 40]].concat();
        for before in [&[early(1), early(1)][..], &[vec![0x40; 50]], &[early(9)], &[vec![0xe5; 1300]]] {
            let mut packets = udp(443);
            let hints: Vec<_> = before.iter().filter_map(|early| packets.client(0, early, false)).collect();
            assert_eq!(hints.len(), usize::from(before[0] == early(1)), "told once");
            assert!(packets.server(&early(1), false).is_none_or(|_| hints.is_empty()) && !packets.is_done());
            assert_eq!(name(packets.client(0, &initial, false)).as_deref(), Some("a.example"));
            assert!(packets.is_done());
        }
    }

    #[test]
    fn what_is_there_of_a_quic_hello_is_told_at_the_end() {
        let hello = sample::hello(&[sample::sni(b"a.example"), (0x33, vec![9; 1300])]);
        let mut packets = udp(443);
        let first = sample::quic_initial(&[5; 8], 0, &sample::crypto(0, &hello[..700]));
        assert_eq!(name(packets.client(0, &first, false)), None);
        let hints: Vec<_> = (1..32).filter_map(|_| packets.server(&[0x40; 60], false)).collect();
        assert!(
            packets.is_done() && hints.len() == 1 && name(hints.into_iter().next()).as_deref() == Some("a.example")
        );
    }

    #[test]
    fn probes_before_a_stream_are_no_packets_of_it() {
        let stream = tls_stream();
        for known in [true, false] {
            let mut packets = tcp();
            if known {
                packets.starts_at(1000);
            }
            assert!((0..50).all(|_| packets.client(999, b"\0", false).is_none() && !packets.is_done()));
            assert_eq!(packets.client(1000, &stream[..700], false), None);
            assert!((0..9).all(|_| packets.client(1000, &stream[..700], false).is_none()), "sent once more");
            assert_eq!(packets.client(1700, &stream[700..], false), tls());
        }
        let mut endless = tcp();
        assert!((0..99).all(|_| endless.client(1, b"\0", false).is_none() && !endless.is_done()));
        endless.client(1, b"\0", false);
        assert!(endless.is_done());
    }

    #[test]
    fn a_stream_may_begin_behind_the_line_of_a_proxy() {
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n";
        let mut split = tcp();
        assert_eq!(split.client(1, line, false), None);
        assert_eq!(split.client(1 + line.len() as u32, &tls_stream(), false), tls());
        assert_eq!(tcp().client(1, &[line, &tls_stream()[..]].concat(), false), tls());
    }

    #[test]
    fn names_are_asked_on_any_port_and_either_way() {
        let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";
        let answer = [
            &b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0"[..],
            &question[12..],
            b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x05",
        ]
        .concat();
        let framed = |message: &[u8]| sample::vector(2, message);
        assert_eq!(udp(5300).client(0, question, false), Some(Hint::Dns));
        assert_eq!(udp(5300).server(&answer, false), Some(Hint::Dns));
        assert_eq!(udp(5353).client(0, question, false), None);
        assert_eq!(tcp().client(1, &framed(question), false), Some(Hint::Dns));
        assert_eq!(tcp().server(&framed(&answer), false), Some(Hint::Dns));
        let mut split = tcp();
        assert_eq!(split.client(1, &framed(question)[..2], false), None);
        assert_eq!(split.client(3, question, false), Some(Hint::Dns));
        assert_eq!(udp(443).server(b"r6fnvWj8........", false), Some(Hint::DnsCrypt));
    }

    #[test]
    fn a_tunnel_that_runs_is_known_by_its_second_packet() {
        let carried = |counter: u8| [&[4, 0, 0, 0, 1, 2, 3, 4, counter, 0, 0, 0, 0, 0, 0, 0][..], &[0xe5; 80]].concat();
        let mut packets = udp(51820);
        assert_eq!(packets.client(0, &carried(7), false), None);
        assert_eq!(packets.client(0, &carried(8), false), Some(Hint::WireGuard));
        let mut both = udp(51820);
        assert_eq!(
            (both.client(0, &carried(7), false), both.server(&carried(2), false)),
            (None, Some(Hint::WireGuard))
        );
    }

    #[test]
    fn random_bytes_are_survived() {
        let mut seed = 7_u32;
        for round in 0..20_000_u32 {
            let protocol = if round % 2 == 0 { Protocol::Tcp } else { Protocol::Udp };
            let mut packets = FirstPackets::new(protocol, 443);
            while !packets.is_done() {
                let mut next = || {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed >> 16
                };
                let bytes: Vec<u8> = (0..next() % 40).map(|n| if n < 5 { next() % 32 } else { next() } as u8).collect();
                let (sequence, cut) = (next() % 64, next() % 4 == 0);
                packets.client(sequence, &[&bytes[..], &[1]].concat(), cut);
                packets.server(&bytes, cut);
            }
        }
    }
}
