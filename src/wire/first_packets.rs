//! What the first payload packets of a flow show: the application protocol, and whom it names.

use crate::model::{Hint, Protocol};
use crate::time::{Span, Time};
use crate::wire::client_stream;
use crate::wire::reassembly::{CAPACITY, Reassembly};
use crate::wire::request::Request;
use crate::wire::{dns, gquic, quic, stun, tls};

/// After how many payload packets of the client a TCP flow shows nothing more.
const SEGMENTS_MAX: u8 = 8;
/// After how many datagrams of both sides a UDP flow shows nothing more.
const DATAGRAMS_MAX: u8 = 32;

/// Reads the first payload packets of one flow, and keeps the little that must be kept from one to the next. It owns
/// nothing on the heap unless a hello or a request is split over packets.
pub struct FirstPackets {
    protocol: Protocol,
    server_port: u16,
    packets: u8,
    done: bool,
    /// Whether the STUN that was reported was TURN; absent while none was.
    stun: Option<bool>,
    /// A server's answer to a SOCKS 5 greeting was reported.
    greeted: bool,
    /// The sequence number where the client's current layer begins.
    start: Option<u32>,
    stream: Option<Box<Reassembly>>,
    initial: Option<Box<quic::Initial>>,
}

impl FirstPackets {
    /// Makes a reader of a flow to this port.
    pub fn new(protocol: Protocol, server_port: u16) -> FirstPackets {
        FirstPackets {
            protocol,
            server_port,
            packets: 0,
            done: false,
            stun: None,
            greeted: false,
            start: None,
            stream: None,
            initial: None,
        }
    }

    /// Sets the sequence number with which the client's byte stream begins, where its SYN was seen (RFC 9293, section
    /// 3.4). Then segments that come in the wrong order can be put in order from the first on.
    pub fn starts_at(&mut self, sequence: u32) {
        self.start = Some(sequence);
    }

    /// Reads a packet of the side that opened the flow. Its `sequence` number is ignored for UDP; with `cut` its end
    /// was not captured. Returns what the packet shows that is new.
    pub fn client(&mut self, sequence: u32, payload: &[u8], cut: bool) -> Option<Hint> {
        if self.done || payload.is_empty() {
            return None;
        }
        self.packets += 1;
        let hint = match self.protocol {
            Protocol::Tcp => self.segment(sequence, payload, cut),
            Protocol::Udp => self.datagram(payload, cut),
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
            Protocol::Udp => {
                self.packets += 1;
                let stun = stun::datagram(payload, cut).map(|turn| Hint::Stun { turn });
                stun.or_else(|| quic::hint(payload).filter(|_| self.initial.is_none()))
            }
            Protocol::Tcp if payload.starts_with(b"SSH-") => Some(Hint::Ssh),
            Protocol::Tcp if self.is_greeting_answer(payload) => {
                self.greeted = true;
                Some(Hint::Socks { version: 5, target: None })
            }
            Protocol::Tcp => stun::stream(payload).map(|(turn, _)| Hint::Stun { turn }),
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
        let hint = match hint {
            Some(Hint::Stun { turn }) if self.stun.is_some_and(|reported| reported >= turn) => None,
            hint => hint,
        };
        match hint {
            Some(Hint::Stun { turn }) => self.stun = Some(turn),
            // The stream within the tunnel is still to come.
            None | Some(Hint::Socks { .. } | Hint::HttpConnect { .. }) => {}
            // The rest of the hello is still to come.
            Some(Hint::Quic { .. }) if self.initial.is_some() => {}
            Some(_) => self.done = true,
        }
        let packets_max = match self.protocol {
            Protocol::Tcp => SEGMENTS_MAX,
            _ => DATAGRAMS_MAX,
        };
        if self.packets >= packets_max {
            self.done = true;
        }
        if self.done {
            (self.stream, self.initial) = (None, None);
        }
        hint
    }

    fn segment(&mut self, sequence: u32, payload: &[u8], cut: bool) -> Option<Hint> {
        let start = *self.start.get_or_insert(sequence);
        let ahead = sequence.wrapping_sub(start);
        // Bytes before the start were sent once more.
        let (offset, payload) = match i32::try_from(ahead) {
            Ok(_) => (ahead as usize, payload),
            Err(_) => (0, payload.get(ahead.wrapping_neg() as usize..).filter(|payload| !payload.is_empty())?),
        };
        let mut kept = self.stream.take();
        if kept.is_some() || offset > 0 {
            kept.get_or_insert_default().put(offset, payload);
        }
        let stream = kept.as_ref().map_or(payload, |kept| kept.prefix());
        let last = cut || stream.len() >= CAPACITY || self.packets >= SEGMENTS_MAX;
        match client_stream::outermost(stream, last) {
            Request::Whole(hint, used) => {
                self.start = (!cut).then_some(start.wrapping_add(used as u32));
                let rest = stream.get(used..).filter(|rest| !rest.is_empty());
                self.stream = rest.map(|rest| Box::new(Reassembly::from(rest)));
                Some(hint)
            }
            Request::Incomplete => {
                self.stream = kept.or_else(|| Some(Box::new(Reassembly::from(payload))));
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
        let greeting = self.stream.as_ref().is_some_and(|stream| stream.prefix().first() == Some(&5));
        greeting && !self.greeted && payload.len() == 2 && payload[0] == 5
    }

    fn datagram(&mut self, payload: &[u8], cut: bool) -> Option<Hint> {
        if let Some(mut initial) = self.initial.take() {
            initial.add(payload, cut);
            let hint = initial.hint();
            self.initial = hint.is_none().then_some(initial);
            return hint;
        }
        if let Some(turn) = stun::datagram(payload, cut) {
            return Some(Hint::Stun { turn });
        }
        if let Some(initial) = quic::Initial::new(payload, cut) {
            let hint = initial.hint();
            self.initial = hint.is_none().then(|| Box::new(initial));
            return hint.or_else(|| quic::hint(payload));
        }
        if let Some(hint) = quic::hint(payload).or_else(|| gquic::hint(payload)) {
            return Some(hint);
        }
        if tls::is_dtls_hello(payload, cut) {
            return Some(Hint::Dtls);
        }
        if matches!((payload, payload.len()), ([1, 0, 0, 0, ..], 148) | ([2, 0, 0, 0, ..], 92)) {
            return Some(Hint::WireGuard);
        }
        match self.server_port {
            123 => is_ntp(payload, cut).then_some(Hint::Ntp),
            // mDNS (RFC 6762) and LLMNR (RFC 4795) are not lookups.
            5353 | 5355 => None,
            _ => dns::is_query(payload).then_some(Hint::Dns),
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
            assert!(packets.stream.is_none());
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
            (443, padded(&[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 87, 1], 100), Some(Hint::Dtls)),
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
        assert!(packets.is_done() && packets.initial.is_none());
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
