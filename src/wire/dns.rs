//! DNS messages (RFC 1035) as far as they can be read: hickory-proto reads names and records, one after the other, so
//! that neither a capture's snap length nor a record of an unknown type hides an address.

use crate::limits;
use crate::model::{Hint, Lookup, Name, Outcome, name};
use crate::wire::request::Request;
use hickory_proto::rr::rdata::svcb::SvcParamValue;
use hickory_proto::rr::{Name as WireName, RData, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError, Restrict};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many addresses of one message are kept.
const ADDRESSES_MAX: usize = 64;
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

/// A message as far as it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsMessage {
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

/// Splits a TCP stream into its messages, each of which stands behind its length (RFC 1035, section 4.2.2). Segments
/// are taken in the order in which they come.
#[derive(Debug, Default)]
pub struct TcpMessages {
    kept: Vec<u8>,
}

impl TcpMessages {
    /// Takes a segment and hands each message that is complete to `take`. With `cut` the segment's end was not
    /// captured, so what there is of a message is handed out as it is.
    pub fn segment(&mut self, payload: &[u8], cut: bool, mut take: impl FnMut(&[u8])) {
        self.kept.extend_from_slice(payload);
        while let Some((length, rest)) = self.kept.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes(*length));
            let whole = rest.len() >= length;
            if !whole && !cut && rest.len() < limits::DNS_STREAM_BYTES {
                return;
            }
            take(&rest[..length.min(rest.len())]);
            let used = if whole { 2 + length } else { self.kept.len() };
            self.kept.drain(..used);
        }
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
        let Some((owner, record_type)) = record(&mut decoder, &mut message) else { break };
        if questions == 0 && i == 0 {
            (message.name, message.record_type) = (owner, record_type);
        }
    }
    Some(message)
}

/// Reads a resolver's answer as the lookup of a client. Returns `None` for any other message.
pub fn parse_answer(payload: &[u8], client: IpAddr, server: IpAddr) -> Option<Lookup> {
    let DnsMessage { name, record_type, outcome, addresses, aliases, .. } =
        parse(payload).filter(|message| message.response)?;
    Some(Lookup { client, server, record_type, name, outcome, addresses, aliases })
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

fn read_u16(decoder: &mut BinDecoder) -> Option<u16> {
    decoder.read_u16().ok().map(Restrict::unverified)
}

/// Reads a name: its labels joined by dots, with a backslash before a dot or backslash within one (RFC 1035, section
/// 5.1).
fn read_name(decoder: &mut BinDecoder) -> Option<Name> {
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
