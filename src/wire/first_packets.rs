//! What the first payload packets of a flow show.

use crate::model::{Hint, Protocol};
use crate::time::{Span, Time};
use crate::wire::client_stream;
use crate::wire::reassembly::{CAPACITY, Reassembly};
use crate::wire::request::Request;
use crate::wire::{dns, gquic, quic, stun, tls};

/// Payload packets of the client after which a TCP flow has nothing more to say.
const SEGMENTS_MAX: u8 = 8;
/// Datagrams of both sides after which a UDP flow has nothing more to say.
const DATAGRAMS_MAX: u8 = 32;

/// What has been learned from the first payload packets of one flow, and the little that must be kept until the next
/// one. It owns nothing on the heap unless a hello or a request is split.
pub struct FirstPackets {
    protocol: Protocol,
    server_port: u16,
    packets: u8,
    done: bool,
    /// The STUN that was told: whether it was TURN.
    stun: Option<bool>,
    /// A server's answer to a SOCKS 5 greeting was told.
    greeted: bool,
    /// The sequence number where the client's current layer begins.
    start: Option<u32>,
    stream: Option<Box<Reassembly>>,
    initial: Option<Box<quic::Initial>>,
}

impl FirstPackets {
    /// Of a flow to this port.
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

    /// The client's byte stream begins with this sequence number: its SYN was seen (RFC 9293, section 3.4). So segments
    /// that come in the wrong order can be put right from the first on.
    pub fn begins(&mut self, sequence: u32) {
        self.start = Some(sequence);
    }

    /// A packet of the side that opened the flow; `cut` when the capture lacks its end. `sequence` is TCP's (ignored
    /// for UDP).
    pub fn client(&mut self, sequence: u32, payload: &[u8], cut: bool) -> Option<Hint> {
        if self.done || payload.is_empty() {
            return None;
        }
        self.packets += 1;
        let hint = match self.protocol {
            Protocol::Tcp => self.segment(sequence, payload, cut),
            Protocol::Udp => self.datagram(payload, cut),
        };
        self.tell(hint)
    }

    /// A packet of the other side (optional: a tap may not see it).
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
        };
        self.tell(hint)
    }

    /// Nothing more will be learned: the caller may drop it and stop handing packets.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Passes on what is new, and sees when enough is known.
    fn tell(&mut self, hint: Option<Hint>) -> Option<Hint> {
        let hint = match hint {
            Some(Hint::Stun { turn }) if self.stun.is_some_and(|told| told >= turn) => None,
            hint => hint,
        };
        match hint {
            Some(Hint::Stun { turn }) => self.stun = Some(turn),
            // What the tunnel carries is still to come.
            None | Some(Hint::Socks { .. } | Hint::HttpConnect { .. }) => {}
            // So is the rest of the hello.
            Some(Hint::Quic { .. }) if self.initial.is_some() => {}
            Some(_) => self.done = true,
        }
        let packets_max = match self.protocol {
            Protocol::Tcp => SEGMENTS_MAX,
            Protocol::Udp => DATAGRAMS_MAX,
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
        // What lies before the start was sent once more.
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
            // A capture that began in the middle, or a protocol that changes over to TLS later.
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

/// How long a TCP client is silent between the end of its handshake and its first payload. A program that opened the flow
/// for itself speaks at once; a relay waits for what its master sends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    acknowledged: Option<Time>,
    told: bool,
}

impl Pause {
    /// A packet of the client without SYN, FIN or RST; `empty`: without payload. Gives the pause once.
    pub fn client(&mut self, empty: bool, at: Time) -> Option<Span> {
        if self.told {
            return None;
        }
        if empty {
            self.acknowledged.get_or_insert(at);
            return None;
        }
        self.told = true;
        self.acknowledged.map(|since| at.since(since))
    }

    /// The server spoke first, or the beginning was not seen: there is nothing to tell.
    pub fn give_up(&mut self) {
        self.told = true;
    }
}

/// Version 1 to 4, mode 1 to 5 (RFC 5905, section 7.3).
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
    fn a_pause_is_told_once_and_only_of_whole_beginnings() {
        let at = |ms| Time(0) + Span::ms(ms);
        let mut pause = Pause::default();
        assert_eq!((pause.client(true, at(5)), pause.client(true, at(9))), (None, None));
        assert_eq!((pause.client(false, at(30)), pause.client(false, at(90))), (Some(Span::ms(25)), None));
        let (mut hasty, mut second) = (Pause::default(), Pause::default());
        assert_eq!((hasty.client(false, at(1)), hasty.client(false, at(2))), (None, None));
        second.client(true, at(1));
        second.give_up();
        assert_eq!(second.client(false, at(2)), None);
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
            let mut opening = tcp();
            let hints: Vec<_> = order
                .iter()
                .map(|&(from, to)| part(from, to))
                .map(|(at, part)| opening.client(at, part, false))
                .collect();
            let (last, before) = hints.split_last().unwrap();
            assert!(before.iter().all(Option::is_none) && *last == tls() && opening.is_done(), "{order:?}");
            assert!(opening.stream.is_none());
        }
    }

    #[test]
    fn what_is_there_is_told_when_the_rest_does_not_come() {
        let stream = sample::records(&sample::hello(&[sample::sni(b"www.example.com"), (0x33, vec![9; 1300])]), 4096);
        assert_eq!(tcp().client(1, &stream[..700], true), part_of_tls());
        let mut opening = tcp();
        assert_eq!(opening.client(1, &stream[..700], false), None);
        let hints: Vec<_> = (0..7).filter_map(|n| opening.client(5000 + n, b"x", false)).collect();
        assert!(Some(&hints[0]) == part_of_tls().as_ref() && hints.len() == 1 && opening.is_done());
    }

    #[test]
    fn tunnels_are_looked_into() {
        let socks4 = b"\x04\x01\0\x50\xc0\0\x02\x07\0";
        let connect = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n";
        let mut opening = tcp();
        assert_eq!(
            opening.client(10, socks4, false),
            Some(Hint::Socks { version: 4, target: Some("192.0.2.7:80".into()) })
        );
        assert_eq!(opening.client(10, socks4, false), None, "sent once more");
        assert_eq!(opening.client(19, connect, false), Some(Hint::HttpConnect { target: "a.example:443".into() }));
        assert!(!opening.is_done());
        assert_eq!(opening.client(19 + connect.len() as u32, &tls_stream(), false), tls());
        assert!(opening.is_done());
    }

    #[test]
    fn socks5_is_told_at_the_answer_and_the_request() {
        let (greeting, request) = (&b"\x05\x01\0"[..], &b"\x05\x01\0\x01\xc0\0\x02\x07\0\x50"[..]);
        let said = Some(Hint::Socks { version: 5, target: Some("192.0.2.7:80".into()) });
        let mut opening = tcp();
        assert_eq!(opening.server(b"\x05\0", false), None, "nobody asked");
        assert_eq!(opening.client(1, greeting, false), None);
        assert_eq!(opening.server(b"\x05\0", false), Some(Hint::Socks { version: 5, target: None }));
        assert_eq!(opening.server(b"\x05\0", false), None);
        assert_eq!(opening.client(4, request, false), said);
        assert_eq!(opening.client(14, GET, false), http());
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
        let mut opening = tcp();
        assert!((0..7).all(|n| opening.client(n * 1000, &[0xe5; 100], false).is_none() && !opening.is_done()));
        assert_eq!(opening.client(9000, &[0xe5; 100], false), None);
        assert!(opening.is_done());
        let mut late = tcp();
        assert_eq!((late.client(1, b"STARTTLS\r\n", false), late.client(11, &tls_stream(), false)), (None, tls()));
    }

    #[test]
    fn stun_is_told_once_and_turn_once_more() {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let mut opening = FirstPackets::new(protocol, 3478);
            let kinds = [1, 1, 0x101, 3, 3, 1];
            let hints: Vec<_> = kinds.iter().filter_map(|&kind| opening.client(1, &message(kind), false)).collect();
            let answers = [opening.server(&message(0x103), false), opening.server(&message(0x101), false)];
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
            let mut opening = udp(port);
            assert_eq!(
                (opening.client(0, &bytes, false), opening.is_done()),
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
        let mut opening = tcp();
        opening.begins(u32::MAX - 9);
        assert_eq!(opening.client(u32::MAX.wrapping_add(691), &bytes[700..], false), None);
        let hint = opening.client(u32::MAX - 9, &bytes[..700], false);
        assert!(matches!(hint, Some(Hint::Tls { sni: Some(name), .. }) if &*name == "a.example"));
    }

    #[test]
    fn a_quic_hello_may_take_two_datagrams() {
        let message = sample::hello(&[(0x33, vec![9; 1300]), sample::sni(b"a.example")]);
        let initial =
            |from: usize, to: usize| sample::quic_initial(&[5; 8], 0, &sample::crypto(from, &message[from..to]));
        let mut opening = udp(443);
        let nameless = |hint| matches!(hint, Some(Hint::Quic { sni: None, .. }));
        assert!(nameless(opening.client(0, &initial(700, message.len()), false)) && !opening.is_done());
        let hint = opening.client(0, &initial(0, 700), false);
        assert!(matches!(hint, Some(Hint::Quic { sni: Some(name), .. }) if &*name == "a.example"));
        assert!(opening.is_done() && opening.initial.is_none());
    }

    #[test]
    fn random_bytes_are_survived() {
        let mut seed = 7_u32;
        for round in 0..20_000_u32 {
            let protocol = if round % 2 == 0 { Protocol::Tcp } else { Protocol::Udp };
            let mut opening = FirstPackets::new(protocol, 443);
            while !opening.is_done() {
                let mut next = || {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed >> 16
                };
                let bytes: Vec<u8> = (0..next() % 40).map(|n| if n < 5 { next() % 32 } else { next() } as u8).collect();
                let (sequence, cut) = (next() % 64, next() % 4 == 0);
                opening.client(sequence, &[&bytes[..], &[1]].concat(), cut);
                opening.server(&bytes, cut);
            }
        }
    }
}
