//! What stations tell each other of themselves: services and host names by multicast DNS (RFC 6762, RFC 6763), programs
//! and types of devices by SSDP (UPnP Device Architecture 2.0, section 1). Both are sent to groups, so a router that is
//! in the network hears them, too.

use crate::event::{Announcement, Event};
use crate::fnv::fnv32;
use crate::model::{Mac, Name, name};
use crate::wire::dns::{read_name, read_u16};
use hickory_proto::serialize::binary::BinDecoder;

/// The ports of multicast DNS and of SSDP.
pub const PORTS: [u16; 2] = [5353, 1900];

/// How many records of a message, or lines of one, are read.
const RECORDS_MAX: usize = 64;
/// How many bytes of a text are kept.
const TEXT_MAX: usize = 64;
/// How many texts are remembered, so that what is told every minute is reported once.
const KNOWN_MAX: usize = 512;

const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;

/// What was told so far.
#[derive(Debug, Default)]
pub struct Announcements {
    known: Vec<u32>,
}

impl Announcements {
    /// Reads a datagram that a station sent to one of [`PORTS`], and reports what it had not told before.
    pub fn read(&mut self, mac: Mac, port: u16, payload: &[u8], out: &mut Vec<Event>) {
        let by = if port == PORTS[0] { Announcement::Mdns } else { Announcement::Ssdp };
        let mut take = |text: Name| {
            let key = fnv32(&[&mac.0[..], &[by as u8], text.as_bytes()].concat());
            if !self.known.contains(&key) {
                if self.known.len() >= KNOWN_MAX {
                    self.known.clear();
                }
                self.known.push(key);
                out.push(Event::Announced { mac, by, text });
            }
        };
        match by {
            Announcement::Mdns => mdns(payload, &mut take),
            Announcement::Ssdp => ssdp(payload, &mut take),
        };
    }
}

/// Reads a response of multicast DNS, and hands out the services and host names that it has, and the model of
/// `_device-info._tcp`. Returns `None` where it ends early or is no response; what came before was handed out.
pub fn mdns(payload: &[u8], take: &mut dyn FnMut(Name)) -> Option<()> {
    let &[_, _, flags, _, q1, q0, n1, n0, a1, a0, e1, e0] = payload.first_chunk()?;
    if flags & 0x80 == 0 {
        return None;
    }
    let records = [[n1, n0], [a1, a0], [e1, e0]].map(|n| usize::from(u16::from_be_bytes(n))).iter().sum::<usize>();
    let mut decoder = BinDecoder::new(payload.get(..usize::from(u16::MAX)).unwrap_or(payload));
    decoder.read_slice(12).ok()?;
    for _ in 0..u16::from_be_bytes([q1, q0]) {
        read_name(&mut decoder)?;
        decoder.read_slice(4).ok()?;
    }
    for _ in 0..records.min(RECORDS_MAX) {
        let (owner, record_type) = (read_name(&mut decoder)?, read_u16(&mut decoder)?);
        let [_, _, t3, t2, t1, t0] = *decoder.read_slice(6).ok()?.unverified().first_chunk()?;
        let length = read_u16(&mut decoder)?;
        let data = decoder.read_slice(length.into()).ok()?.unverified();
        // It takes the record back (RFC 6762, section 10.1).
        if [t3, t2, t1, t0] == [0; 4] {
            continue;
        }
        let service = service(&owner);
        match (record_type, service) {
            (TXT, Some("_device-info._tcp")) => {
                let length = usize::from(*data.first().unwrap_or(&0));
                if let Some(text) = data.get(1..=length).filter(|text| text.starts_with(b"model=")) {
                    take(bounded(text));
                }
            }
            (PTR | SRV | TXT, Some(service)) => take(service.into()),
            (A | AAAA, None) => {
                let host = owner.strip_suffix(".local").filter(|host| !host.contains('.') && !host.starts_with('_'));
                if let Some(host) = host {
                    take(bounded(host.as_bytes()));
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// Returns the type of the service that a name is of, such as `_ipp._tcp` of `Office._ipp._tcp.local` (RFC 6763,
/// section 7). The type of all types is none.
fn service(owner: &str) -> Option<&str> {
    let domain = owner.strip_suffix(".local")?;
    let (before, transport) = domain.rsplit_once('.')?;
    let start = before.rfind('.').map_or(0, |dot| dot + 1);
    let word = before[start..].strip_prefix('_')?;
    let fits = word.len() <= 16 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (fits && !word.is_empty() && word != "dns-sd" && matches!(transport, "_tcp" | "_udp")).then(|| &domain[start..])
}

/// Reads a message of SSDP, and hands out the program that a device announces itself with, the type of the device, and
/// the program that searches. Returns `None` for anything else.
pub fn ssdp(payload: &[u8], take: &mut dyn FnMut(Name)) -> Option<()> {
    let mut lines = payload.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let searches = first.starts_with(b"M-SEARCH * HTTP/1.");
    if !searches && !first.starts_with(b"NOTIFY * HTTP/1.") {
        return None;
    }
    let mut said = Vec::new();
    for line in lines.take(RECORDS_MAX) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (field, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let is = |word: &str| field.eq_ignore_ascii_case(word.as_bytes());
        let is_type =
            || value.windows(8).any(|part| part.eq_ignore_ascii_case(b":device:")) || value.ends_with(b":dial:1");
        match searches {
            true if is("user-agent") => said.push(bounded(value)),
            false if is("server") || is("nt") && is_type() => said.push(bounded(value)),
            // It takes back what it said.
            false if is("nts") && value.eq_ignore_ascii_case(b"ssdp:byebye") => return None,
            _ => {}
        }
    }
    said.into_iter().filter(|text| !text.is_empty()).for_each(take);
    Some(())
}

fn bounded(text: &[u8]) -> Name {
    name(&text[..text.len().min(TEXT_MAX)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: &[u8] =
        b"\0\0\x84\0\0\0\0\x04\0\0\0\0\x06Office\x04_ipp\x04_tcp\x05local\0\0\x21\x80\x01\0\0\0\x78\0\x02\0\0\
        \xc0\x13\0\x0c\0\x01\0\0\0\x78\0\x02\xc0\x0c\
        \x02tv\x0c_device-info\xc0\x18\0\x10\0\x01\0\0\0\x78\0\x14\x13model=AppleTV6,2; x\
        \x05Anna'\xc0\x1d\0\x01\0\x01\0\0\0\x78\0\x04\xc0\xa8\x08\x20";

    type Read = fn(&[u8], &mut dyn FnMut(Name)) -> Option<()>;

    fn told(read: Read, payload: &[u8]) -> Vec<String> {
        let mut told = Vec::new();
        read(payload, &mut |text| told.push(text.to_string()));
        told
    }

    #[test]
    fn services_models_and_hosts_are_told_by_multicast_dns() {
        assert_eq!(told(mdns, OFFICE), ["_ipp._tcp", "_ipp._tcp", "model=appletv6,2;\\032x", "anna'"]);
        for length in 0..OFFICE.len() {
            assert!(told(mdns, &OFFICE[..length]).len() < 4);
        }
        let question = [&OFFICE[..2], b"\0", &OFFICE[3..]].concat();
        assert_eq!(told(mdns, &question), [""; 0], "who asks for printers is none");
        let mut gone = OFFICE.to_vec();
        gone[43] = 0;
        assert!(told(mdns, &gone).len() < 4, "a service that ends");
        for (owner, of) in [
            ("_services._dns-sd._udp.local", None),
            ("a.b._hap._tcp.local", Some("_hap._tcp")),
            ("_hap._tcp.example", None),
            ("a._much-too-long-for-a-service._tcp.local", None),
            ("_a\\032b._tcp.local", None),
            ("_tcp.local", None),
            ("_._tcp.local", None),
        ] {
            assert_eq!(service(owner), of, "{owner}");
        }
    }

    #[test]
    fn programs_and_types_are_told_by_ssdp() {
        let notify = "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: urn:Belkin:device:controllee:1\r\n\
            SERVER: Linux/3.14 UPnP/1.0 IpBridge/1.9.0\r\nNTS: ssdp:alive\r\n\r\n";
        let texts = ["urn:belkin:device:controllee:1", "linux/3.14\\032upnp/1.0\\032ipbridge/1.9.0"];
        assert_eq!(told(ssdp, notify.as_bytes()), texts);
        assert_eq!(told(ssdp, notify.replace("alive", "byebye").as_bytes()), [""; 0]);
        let search = "M-SEARCH * HTTP/1.1\r\nST: urn:x:device:y:1\r\nUSER-AGENT: Google Chrome/120 Windows\r\n\r\n";
        assert_eq!(told(ssdp, search.as_bytes()), ["google\\032chrome/120\\032windows"]);
        assert_eq!(told(ssdp, b"HTTP/1.1 200 OK\r\nSERVER: x\r\n"), [""; 0]);
    }

    #[test]
    fn what_is_told_again_is_reported_once() {
        let (mut all, mut out) = (Announcements::default(), Vec::new());
        for _ in 0..3 {
            all.read(Mac([2, 0, 0, 0, 0, 7]), PORTS[0], OFFICE, &mut out);
        }
        assert_eq!(out.len(), 3);
        let long = [b"NOTIFY * HTTP/1.1\nSERVER: ".to_vec(), vec![0xff; 2_000]].concat();
        all.read(Mac([2, 0, 0, 0, 0, 7]), PORTS[1], &long, &mut out);
        assert!(matches!(&out[3], Event::Announced { text, .. } if text.len() <= 256));
    }
}
