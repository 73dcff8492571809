//! DNS messages (RFC 1035) as far as they can be read: hickory-proto reads names and records, one after the other, so
//! that neither a capture's snap length nor a record of an unknown type hides an address.

use crate::event::Event;
use crate::fnv::fnv32;
use crate::limits;
use crate::model::{Hint, Lookup, Name, Outcome, name};
use crate::wire::request::Request;
use hickory_proto::rr::rdata::svcb::SvcParamValue;
use hickory_proto::rr::{Name as WireName, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError, Restrict};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many addresses of one message are kept.
const ADDRESSES_MAX: usize = 256;
/// How many names of one chain of aliases are kept.
const ALIASES_MAX: usize = 8;
/// How many records of one message are read.
const RECORDS_MAX: usize = 256;

const A: u16 = 1;
const CNAME: u16 = 5;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
const OPT: u16 = 41;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;

/// The name whose SVCB records say which resolvers may be asked in its place over TLS, HTTPS or QUIC (DDR, RFC 9462,
/// section 4).
const DESIGNATED: &str = "_dns.resolver.arpa";

/// A message as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsMessage {
    /// The answer did not fit into the datagram, so that the client has to ask over TCP (RFC 2181, section 9).
    pub truncated: bool,
    /// All records that the message says it has were read.
    pub whole: bool,
    /// The message is an answer, not a question.
    pub response: bool,
    /// How the lookup ended, by the response code.
    pub outcome: Outcome,
    /// The first question's name, or where there is none the first record's; `.` for the root.
    pub name: Name,
    /// The question's type.
    pub record_type: u16,
    /// The addresses of all A and AAAA records, and of the hints of HTTPS and SVCB (RFC 9460), in their order.
    pub addresses: Vec<IpAddr>,
    /// The names to which CNAME and DNAME lead, in their order.
    pub aliases: Vec<Name>,
}

/// What an answer is the answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Stands for the name and type of the question: see [`DnsMessage::question`].
    pub question: u32,
    /// The client has to ask again over TCP.
    pub truncated: bool,
    /// The resolvers that it says may be asked over TLS, HTTPS or QUIC (DDR, RFC 9462).
    pub designated: Vec<IpAddr>,
}

/// Splits the TCP stream of a resolver into its messages, each of which stands behind its length (RFC 1035, section
/// 4.2.2). Each byte is taken once, in the order of its sequence number (RFC 9293, section 3.4), so that segments which
/// come twice or in the wrong order do no harm.
#[derive(Debug, Default)]
pub struct TcpMessages {
    /// The sequence number of the byte that comes next; absent while it is not known where a message begins.
    next: Option<u32>,
    /// The beginning of a message that is not whole yet.
    kept: Vec<u8>,
    /// How many bytes still come of a message that is too long to be kept.
    skipped: usize,
    /// Segments behind a hole.
    ahead: Vec<(u32, Vec<u8>)>,
}

/// Takes a message, and whether that is all of it. The message is empty where nothing of it is there.
pub type TakeMessage<'a> = &'a mut dyn FnMut(&[u8], bool);

impl TcpMessages {
    /// Sets the sequence number of the stream's first byte, one behind that of the resolver's SYN.
    pub fn starts_at(&mut self, sequence: u32) {
        *self = TcpMessages { next: Some(sequence), ..TcpMessages::default() };
    }

    /// Takes a segment and hands each message that is complete to `take`. With `cut` the segment's end was not
    /// captured, so what there is of a message is handed out as it is.
    pub fn segment(&mut self, sequence: u32, payload: &[u8], cut: bool, take: TakeMessage) {
        let next = match self.next {
            Some(next) => next,
            None if begins_message(payload) => sequence,
            None => return,
        };
        self.next = Some(next);
        match sequence.wrapping_sub(next).cast_signed() {
            0 => self.append(payload, take),
            // It came once more, perhaps with something new at its end.
            behind @ ..0 => self.append(payload.get(behind.unsigned_abs() as usize..).unwrap_or_default(), take),
            // No resolver's window reaches that far.
            1_048_576.. => {}
            _ => {
                self.ahead.push((sequence, payload.to_vec()));
                if self.ahead.iter().map(|(_, part)| part.len()).sum::<usize>() > limits::DNS_STREAM_BYTES {
                    self.skip_hole(take);
                }
            }
        }
        self.join(take);
        if cut {
            self.give_up(take);
            (self.next, self.skipped) = (None, 0);
        }
    }

    /// Takes how far the client says that it has the stream: what it has and was not seen is missed.
    pub fn acknowledged(&mut self, number: u32, take: TakeMessage) {
        while self.next.is_some_and(|next| number.wrapping_sub(next).cast_signed() > 0) {
            self.skip_hole(take);
            self.join(take);
        }
    }

    /// Ends the stream: what waits for more will not get it.
    pub fn end(&mut self, take: TakeMessage) {
        while !self.ahead.is_empty() {
            self.skip_hole(take);
            self.join(take);
        }
        self.give_up(take);
    }

    /// Appends the segments that are no longer behind a hole.
    fn join(&mut self, take: TakeMessage) {
        while let Some(next) = self.next {
            let ready = |(sequence, _): &(u32, Vec<u8>)| sequence.wrapping_sub(next).cast_signed() <= 0;
            let Some(index) = self.ahead.iter().position(ready) else { return };
            let (sequence, part) = self.ahead.swap_remove(index);
            self.append(part.get(next.wrapping_sub(sequence) as usize..).unwrap_or_default(), take);
        }
    }

    /// Gives up on the bytes before the first segment behind the hole that begins a message.
    fn skip_hole(&mut self, take: TakeMessage) {
        if self.kept.is_empty() {
            take(&[], false);
        }
        self.give_up(take);
        self.skipped = 0;
        let next = self.next.unwrap_or_default();
        let mut ahead = std::mem::take(&mut self.ahead);
        ahead.sort_unstable_by_key(|(sequence, _)| sequence.wrapping_sub(next));
        let begin = ahead.iter().position(|(_, part)| begins_message(part)).unwrap_or(ahead.len());
        self.ahead = ahead.split_off(begin);
        self.next = self.ahead.first().map(|(sequence, _)| *sequence);
    }

    /// Hands out what is there of a message whose end is missing.
    fn give_up(&mut self, take: TakeMessage) {
        if !self.kept.is_empty() {
            take(self.kept.get(2..).unwrap_or_default(), false);
            self.kept = Vec::new();
        }
    }

    fn append(&mut self, payload: &[u8], take: TakeMessage) {
        self.next = self.next.map(|next| next.wrapping_add(payload.len() as u32));
        let skipped = self.skipped.min(payload.len());
        self.skipped -= skipped;
        self.kept.extend_from_slice(&payload[skipped..]);
        while let Some((length, rest)) = self.kept.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*length));
            if rest.len() >= length {
                take(&rest[..length], true);
                self.kept.drain(..2 + length);
            } else if rest.len() < limits::DNS_STREAM_BYTES {
                return;
            } else {
                self.skipped = length - rest.len();
                return self.give_up(take);
            }
        }
    }
}

/// Whether a segment plausibly begins with an answer behind its length.
fn begins_message(segment: &[u8]) -> bool {
    match *segment {
        [l1, l0] => (12..=limits::DNS_STREAM_BYTES).contains(&usize::from(u16::from_be_bytes([l1, l0]))),
        [l1, l0, _, _, flags, ..] => u16::from_be_bytes([l1, l0]) >= 12 && flags & 0xf8 == 0x80,
        _ => false,
    }
}

/// Reads the message of a standard query or of its answer. Returns `None` for anything else.
pub fn parse(payload: &[u8]) -> Option<DnsMessage> {
    let &[_, _, flags, code, q1, q0, n1, n0, a1, a0, e1, e0] = payload.first_chunk()?;
    if flags & 0x78 != 0 {
        return None;
    }
    let questions = u16::from_be_bytes([q1, q0]);
    let records = [[n1, n0], [a1, a0], [e1, e0]].map(|n| usize::from(u16::from_be_bytes(n))).iter().sum::<usize>();
    let mut message = DnsMessage {
        truncated: flags & 2 != 0,
        whole: records <= RECORDS_MAX,
        response: flags & 0x80 != 0,
        outcome: match code & 15 {
            0 => Outcome::Found,
            3 => Outcome::NoSuchName,
            code => Outcome::Failed(code),
        },
        name: ".".into(),
        record_type: 0,
        addresses: Vec::new(),
        aliases: Vec::new(),
    };
    let mut decoder = BinDecoder::new(payload.get(..usize::from(u16::MAX)).unwrap_or(payload));
    decoder.read_slice(12).ok()?;
    for i in 0..questions {
        let (name, record_type) = (read_name(&mut decoder)?, read_u16(&mut decoder)?);
        read_u16(&mut decoder)?;
        if i == 0 {
            (message.name, message.record_type) = (name, record_type);
        }
    }
    for i in 0..records.min(RECORDS_MAX) {
        let Some((owner, record_type)) = record(&mut decoder, &mut message) else {
            message.whole = false;
            break;
        };
        if questions == 0 && i == 0 {
            (message.name, message.record_type) = (owner, record_type);
        }
    }
    Some(message)
}

/// Reports a resolver's answer as the lookup of a client. `whole` is false where the end of the message is missing: then
/// what it said is known in part or not at all, which is reported as well. Returns what it is the answer to, unless that
/// cannot be read.
pub fn report_answer(
    payload: &[u8],
    whole: bool,
    client: IpAddr,
    server: IpAddr,
    out: &mut Vec<Event>,
) -> Option<Answered> {
    let message = parse(payload);
    let response = message.as_ref().map_or(payload.get(2).is_none_or(|flags| flags & 0x80 != 0), |one| one.response);
    let message = message.filter(|message| message.response);
    // A message that lies about how many records it has is no miss: nobody got more of it.
    let cut = !whole && message.as_ref().is_none_or(|message| !message.whole);
    if cut && response {
        out.push(Event::LookupMissed { client, server });
    }
    let message = message?;
    let (question, truncated) = (message.question(), message.truncated);
    let DnsMessage { name, record_type, outcome, addresses, aliases, .. } = message;
    let designated = if &*name == DESIGNATED { addresses.clone() } else { Vec::new() };
    out.push(Event::Lookup(Lookup { client, server, record_type, name, outcome, addresses, aliases }));
    Some(Answered { question, truncated, designated })
}

/// Takes a record off the decoder. Returns its owner and type, or `None` where it cannot be read or is not whole.
fn record(decoder: &mut BinDecoder, message: &mut DnsMessage) -> Option<(Name, u16)> {
    let (owner, record_type) = (read_name(decoder)?, read_u16(decoder)?);
    decoder.read_slice(6).ok()?;
    let length = read_u16(decoder)?;
    let start = u16::try_from(decoder.index()).ok()?;
    let data = decoder.read_slice(length.into()).ok()?.unverified();
    let mut inside = decoder.clone(start);
    match record_type {
        A => message.address(Ipv4Addr::from(*data.first_chunk::<4>()?).into()),
        AAAA => message.address(Ipv6Addr::from(*data.first_chunk::<16>()?).into()),
        CNAME | DNAME if message.aliases.len() < ALIASES_MAX => message.aliases.extend(read_name(&mut inside)),
        SVCB | HTTPS => {
            let data = RData::read(&mut inside, RecordType::from(record_type), Restrict::new(length));
            if let Ok(RData::HTTPS(hickory_proto::rr::rdata::HTTPS(service)) | RData::SVCB(service)) = data {
                service.svc_params.iter().for_each(|(_, value)| message.hints(value));
            }
        }
        _ => {}
    }
    Some((owner, record_type))
}

impl DnsMessage {
    /// Returns a number that stands for the name and type of the question.
    pub fn question(&self) -> u32 {
        fnv32(self.name.as_bytes()) ^ u32::from(self.record_type)
    }

    fn address(&mut self, address: IpAddr) {
        if self.addresses.len() < ADDRESSES_MAX && !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
    }

    fn hints(&mut self, value: &SvcParamValue) {
        match value {
            SvcParamValue::Ipv4Hint(hints) => hints.0.iter().for_each(|a| self.address(a.0.into())),
            SvcParamValue::Ipv6Hint(hints) => hints.0.iter().for_each(|a| self.address(a.0.into())),
            _ => {}
        }
    }
}

pub(super) fn read_u16(decoder: &mut BinDecoder) -> Option<u16> {
    decoder.read_u16().ok().map(Restrict::unverified)
}

/// Reads a name: its labels joined by dots, with a backslash before a dot or backslash within one (RFC 1035, section
/// 5.1).
pub(super) fn read_name(decoder: &mut BinDecoder) -> Option<Name> {
    let labels: Result<WireName, DecodeError> = WireName::read(decoder);
    let mut text = Vec::with_capacity(64);
    for label in labels.ok()?.iter() {
        if !text.is_empty() {
            text.push(b'.');
        }
        for &byte in label {
            text.extend(matches!(byte, b'.' | b'\\').then_some(b'\\'));
            text.push(byte);
        }
    }
    Some(if text.is_empty() { ".".into() } else { name(&text) })
}

/// How answers of DNSCrypt begin, version 2 (dnscrypt.info/protocol).
const DNSCRYPT_ANSWER: &[u8] = b"r6fnvWj8";
/// The name under which a resolver of DNSCrypt, version 2, has its certificates, as TXT.
const DNSCRYPT_CERTIFICATE: &str = "2.dnscrypt-cert.";

/// Recognises a message in either direction that is nothing else, unless it is `cut`, and DNSCrypt, as far as it can be
/// recognised: its encrypted questions begin as their resolver likes.
pub fn hint(message: &[u8], cut: bool) -> Option<Hint> {
    if message.starts_with(DNSCRYPT_ANSWER) {
        return Some(Hint::DnsCrypt);
    }
    if !is_query(message) && !is_answer(message, cut) {
        return None;
    }
    let DnsMessage { record_type, name, .. } = parse(message)?;
    Some(if record_type == TXT && name.starts_with(DNSCRYPT_CERTIFICATE) { Hint::DnsCrypt } else { Hint::Dns })
}

/// Recognises a message behind its length (RFC 1035, section 4.2.2) at the beginning of either side's byte stream.
pub fn stream(stream: &[u8]) -> Request {
    let Some((&length, rest)) = stream.split_first_chunk() else { return Request::Unknown };
    let length = usize::from(u16::from_be_bytes(length));
    match rest.get(..length) {
        Some(message) => {
            hint(message, false).map_or(Request::Unknown, |hint| Request::Whole(hint, stream.len().min(2 + length)))
        }
        // Some send the length by itself.
        None if rest.is_empty() && (17..512).contains(&length) => Request::Incomplete,
        None if rest.first_chunk().is_some_and(is_query_header) => Request::Incomplete,
        None => Request::Unknown,
    }
}

fn is_query_header(header: &[u8; 12]) -> bool {
    let &[_, _, flags, code, 0, 1, 0, 0, 0, 0, 0, 0..=1] = header else { return false };
    flags & 0xfa == 0 && code & 0x4f == 0
}

/// Whether a payload is a plain question and nothing else. The rules are so strict that chance makes none.
pub fn is_query(payload: &[u8]) -> bool {
    let Some(header) = payload.first_chunk().filter(|header| is_query_header(header)) else { return false };
    let mut decoder = BinDecoder::new(payload);
    let query = |decoder: &mut BinDecoder| {
        question(decoder)?;
        if header[11] == 1 {
            // EDNS (RFC 6891): the root's OPT record.
            let (owner, kind) = (decoder.read_u8().ok()?.unverified(), read_u16(decoder)?);
            decoder.read_slice(6).ok()?;
            let length = read_u16(decoder)?;
            decoder.read_slice(length.into()).ok()?;
            (owner == 0 && kind == OPT).then_some(())?;
        }
        Some(())
    };
    query(&mut decoder).is_some() && decoder.is_empty()
}

/// Whether a payload is an answer to a single question and nothing else, or with `cut` the beginning of one.
fn is_answer(payload: &[u8], cut: bool) -> bool {
    let Some(&[_, _, flags, code, 0, 1, 0, answers, 0, authorities, 0, additional]) = payload.first_chunk() else {
        return false;
    };
    let mut decoder = BinDecoder::new(payload);
    if flags & 0xf8 != 0x80 || code & 0x40 != 0 || code & 15 > 10 || question(&mut decoder).is_none() {
        return false;
    }
    let record = |decoder: &mut BinDecoder| {
        let _owner = read_name(decoder)?;
        decoder.read_slice(8).ok()?;
        let length = read_u16(decoder)?;
        decoder.read_slice(length.into()).ok().map(|_| ())
    };
    let records = [answers, authorities, additional].map(usize::from).iter().sum();
    let is_whole = (0..records).all(|_| record(&mut decoder).is_some());
    if is_whole { decoder.is_empty() } else { cut }
}

/// Takes header and question off the decoder, if its type and class are those that are asked for.
fn question(decoder: &mut BinDecoder) -> Option<()> {
    decoder.read_slice(12).ok()?;
    let (name, kind, class) = (read_name(decoder)?, read_u16(decoder)?, read_u16(decoder)?);
    (class == 1 && matches!(kind, 1..=65 | 255..=257) && name.len() > 1).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(name: &str) -> Vec<u8> {
        let labels = name.split('.').filter(|label| !label.is_empty());
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).chain([0]).collect()
    }

    fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        [name, &kind.to_be_bytes(), &[0, 1, 0, 0, 1, 0], &(data.len() as u16).to_be_bytes(), data].concat()
    }

    fn message(flags: [u8; 2], name: &str, kind: u16, records: &[Vec<u8>]) -> Vec<u8> {
        let head = [7, 7, flags[0], flags[1], 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        [&head[..], &wire(name), &kind.to_be_bytes(), &[0, 1], &records.concat()].concat()
    }

    const OK: [u8; 2] = [0x81, 0x80];
    /// A pointer to the question's name.
    const OWNER: &[u8] = &[0xc0, 12];

    fn chain() -> Vec<u8> {
        message(
            OK,
            "WWW.Example.com",
            1,
            &[
                record(OWNER, CNAME, &wire("cdn.example.net")),
                record(&wire("cdn.example.net"), 16, &[200, 1, 2]),
                record(&wire("cdn.example.net"), A, &[198, 51, 100, 7]),
                record(&wire("cdn.example.net"), AAAA, &"2001:db8::7".parse::<Ipv6Addr>().unwrap().octets()),
                record(OWNER, A, &[198, 51, 100, 7]),
            ],
        )
    }

    fn ips(addresses: &[&str]) -> Vec<IpAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn a_chain_yields_its_addresses_past_records_that_nobody_understands() {
        let read = parse(&chain()).unwrap();
        assert!(read.response && read.outcome == Outcome::Found && read.record_type == 1);
        assert_eq!((&*read.name, &*read.aliases[0]), ("www.example.com", "cdn.example.net"));
        assert_eq!(read.addresses, ips(&["198.51.100.7", "2001:db8::7"]));
    }

    #[test]
    fn what_was_cut_off_hides_nothing_before_it() {
        let whole = chain();
        for length in 0..whole.len() {
            parse(&whole[..length]);
            is_query(&whole[..length]);
        }
        let read = parse(&whole[..whole.len() - 10]).unwrap();
        assert_eq!(read.addresses, ips(&["198.51.100.7", "2001:db8::7"]));
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u16).to_be_bytes(), message].concat()
    }

    /// Feeds segments given as (sequence number, bytes), and ends the stream. Returns the messages, and whether they
    /// were whole.
    fn read_stream(start: Option<u32>, segments: &[(u32, &[u8])]) -> Vec<(Vec<u8>, bool)> {
        let (mut messages, mut all) = (TcpMessages::default(), Vec::new());
        let mut take = |message: &[u8], whole: bool| all.push((message.to_vec(), whole));
        if let Some(start) = start {
            messages.starts_at(start);
        }
        for (sequence, segment) in segments {
            messages.segment(*sequence, segment, false, &mut take);
        }
        messages.end(&mut take);
        all
    }

    #[test]
    fn segments_are_put_in_order_and_each_byte_is_taken_once() {
        let (first, second) = (chain(), message(OK, "b.example", 1, &[]));
        let bytes = [framed(&first), framed(&second)].concat();
        let whole = vec![(first, true), (second, true)];
        // The sequence numbers wrap within the stream.
        let start = u32::MAX - 20;
        let part = |from: usize, to: usize| (start.wrapping_add(from as u32), &bytes[from..to]);
        let end = bytes.len();
        assert_eq!(read_stream(Some(start), &[part(0, end)]), whole);
        assert_eq!(read_stream(None, &[part(0, end)]), whole);
        assert_eq!(read_stream(Some(start), &[part(0, 40), part(0, 40), part(40, end)]), whole);
        assert_eq!(read_stream(Some(start), &[part(40, 90), part(90, end), part(0, 40)]), whole);
        assert_eq!(read_stream(Some(start), &[part(0, 50), part(30, end), part(0, end)]), whole);
        assert_eq!(read_stream(Some(start), &[part(60, end), part(30, 70), part(0, 40)]), whole);
        assert_eq!(read_stream(Some(start), &(0..end).map(|i| part(i, i + 1)).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn what_is_lost_is_said_and_the_next_message_is_found() {
        let (first, second) = (chain(), message(OK, "b.example", 1, &[]));
        let (a, b) = (framed(&first), framed(&second));
        let (middle, behind) = (50, a.len() as u32);
        let holed = read_stream(Some(0), &[(0, &a[..middle]), (80, &a[80..]), (behind, &b)]);
        assert_eq!(holed, vec![(first[..middle - 2].to_vec(), false), (second.clone(), true)]);
        assert_eq!(read_stream(Some(0), &[(behind, &b)]), vec![(vec![], false), (second.clone(), true)]);
        assert_eq!(read_stream(None, &[(80, &a[80..]), (behind, &b)]), vec![(second.clone(), true)]);
        assert_eq!(read_stream(Some(0), &[(0, &a[..middle])]), vec![(first[..middle - 2].to_vec(), false)]);
        let long = framed(&[&first[..], &[0; 9_000]].concat());
        let (x, y) = long.split_at(5_000);
        let said = read_stream(Some(0), &[(0, x), (5_000, y), (long.len() as u32, &b)]);
        assert_eq!((said.len(), said[0].1, said[1].clone()), (2, false, (second, true)));
    }

    #[test]
    fn a_cut_answer_is_a_lookup_and_a_miss() {
        let (client, server) = ([192, 168, 8, 20].into(), [192, 168, 8, 1].into());
        let report = |payload: &[u8], whole: bool| {
            let mut out = Vec::new();
            let answered = report_answer(payload, whole, client, server, &mut out);
            (answered, out)
        };
        let chain = chain();
        let (answered, out) = report(&chain, true);
        assert!(answered.is_some_and(|one| !one.truncated) && matches!(out[..], [Event::Lookup(_)]));
        let (_, out) = report(&chain[..chain.len() - 10], false);
        assert!(matches!(&out[..], [Event::LookupMissed { .. }, Event::Lookup(one)] if one.addresses.len() == 2));
        assert!(matches!(report(&chain[..6], false).1[..], [Event::LookupMissed { .. }]));
        assert!(matches!(report(&[], false).1[..], [Event::LookupMissed { .. }]));
        assert!(matches!(report(&chain[..chain.len() - 20], true).1[..], [Event::Lookup(_)]), "it lies");
        assert!(report(&message([1, 0], "a.example", 1, &[])[..20], false).1.is_empty(), "a question");
        let target = record(OWNER, SVCB, &[&[0, 1, 0, 0, 4, 0, 4][..], &[192, 168, 8, 1]].concat());
        let (answered, _) = report(&message(OK, DESIGNATED, SVCB, &[target]), true);
        assert_eq!(answered.unwrap().designated, ips(&["192.168.8.1"]));
    }

    #[test]
    fn hints_of_https_count() {
        let hints = [
            &[0, 1, 0][..],
            &[0, 1, 0, 3, 2, b'h', b'3'],
            &[0, 4, 0, 4, 203, 0, 113, 9],
            &[0, 6, 0, 16],
            &"2001:db8::9".parse::<Ipv6Addr>().unwrap().octets(),
        ]
        .concat();
        let read = parse(&message(OK, "www.example.com", HTTPS, &[record(OWNER, HTTPS, &hints)])).unwrap();
        assert_eq!(read.addresses, ips(&["203.0.113.9", "2001:db8::9"]));
    }

    #[test]
    fn outcomes_and_odd_names() {
        assert_eq!(parse(&message([0x81, 0x83], "no.example", 1, &[])).unwrap().outcome, Outcome::NoSuchName);
        assert_eq!(parse(&message([0x81, 0x82], "no.example", 1, &[])).unwrap().outcome, Outcome::Failed(2));
        assert!(parse(&message([0x28, 0], "update.example", 1, &[])).is_none());
        assert_eq!(&*parse(&message(OK, "", 2, &[])).unwrap().name, ".");
        let mut odd = message(OK, "a-b c.example", 1, &[]);
        odd[14] = b'.';
        odd[15] = b'\n';
        assert_eq!(&*parse(&odd).unwrap().name, "a\\.\\010\\032c.example");
    }

    #[test]
    fn pointers_that_go_in_circles_end() {
        let mut circle = message(OK, "a.example", 1, &[]);
        circle.truncate(12);
        circle.extend([0xc0, 12, 0, 1, 0, 1]);
        assert!(parse(&circle).is_none());
    }

    #[test]
    fn a_query_is_recognised_and_chance_makes_none() {
        let query = message([1, 0], "www.example.com", 1, &[]);
        assert!(is_query(&query));
        let mut edns = [&query[..], &[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]].concat();
        edns[11] = 1;
        assert!(is_query(&edns));
        for wrong in [[&query[..], &[0]].concat(), message(OK, "www.example.com", 1, &[]), message([1, 0], "", 1, &[])]
        {
            assert!(!is_query(&wrong));
        }
        let mut seed = 1_u32;
        for _ in 0..200_000 {
            let random: Vec<u8> = (0..40)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            assert!(!is_query(&random));
            parse(&random);
        }
    }

    #[test]
    fn messages_are_recognised_in_both_directions() {
        let question = [&[7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &wire("www.example.com"), &[0, 1, 0, 1]].concat();
        for message in [question, chain(), message([0x81, 0x83], "www.example.com", 1, &[])] {
            assert_eq!(hint(&message, false), Some(Hint::Dns));
            let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
            assert_eq!(stream(&framed), Request::Whole(Hint::Dns, framed.len()));
            assert_eq!(stream(&[&framed[..], b"more"].concat()), Request::Whole(Hint::Dns, framed.len()));
            assert_eq!((stream(&framed[..2]), stream(&framed[..1])), (Request::Incomplete, Request::Unknown));
            for end in 0..message.len() {
                assert_eq!(hint(&message[..end], false), None, "{end}");
                assert!(stream(&framed[..end]) != Request::Whole(Hint::Dns, end));
            }
            assert_eq!(hint(&[&message[..], &[0]].concat(), false), None);
        }
        assert_eq!(hint(&chain()[..60], true), Some(Hint::Dns));
        let update = [&[7, 7, 0xa8, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &wire("www.example.com"), &[0, 1, 0, 1]].concat();
        assert_eq!(hint(&update, false), None, "another operation");
    }

    #[test]
    fn dnscrypt_is_recognised() {
        let certificate = |kind| {
            let name = wire("2.dnscrypt-cert.resolver.example");
            [&[7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name, &[0, kind, 0, 1]].concat()
        };
        assert_eq!(hint(&certificate(16), false), Some(Hint::DnsCrypt));
        assert_eq!(hint(&certificate(1), false), Some(Hint::Dns));
        assert_eq!(hint(b"r6fnvWj8 and what is encrypted", false), Some(Hint::DnsCrypt));
        let framed = b"\0\x20r6fnvWj8........................";
        assert_eq!(stream(framed), Request::Whole(Hint::DnsCrypt, framed.len()));
    }
}
