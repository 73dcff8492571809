//! The logs of other resolvers over HTTP: that of AdGuard Home (`/control/querylog`, a list of questions with their
//! answers, newest first) and that of Pi-hole 6 (`/api/logs/dnsmasq`, the lines of its dnsmasq; its list of questions has no
//! answers). What goes out and what comes back, without the connection: one request at a time, by HTTP 1.0, so that the end
//! of the connection is that of the answer.

use crate::event::{Event, Source};
use crate::fnv::Fnv64;
use crate::model::{self, Lookup, Name, Outcome, is_local};
use crate::sentence;
use crate::sentence::Sentence;
use crate::wire::dnsmasq::{self, QueryLogParser};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The longest answer that is read, in bytes.
pub const RESPONSE_MAX: usize = 512 << 10;
/// How many questions AdGuard Home is asked for, as a rule and when none of these is known.
const ENTRIES: [usize; 2] = [20, 200];
/// How many addresses and aliases of one answer are kept.
const ADDRESSES_MAX: usize = 64;
const ALIASES_MAX: usize = 8;

/// Which program the resolver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolverKind {
    /// AdGuard Home, which has a list of questions with their answers.
    AdGuardHome,
    /// Pi-hole from version 6 on, which has the lines of its dnsmasq.
    PiHole,
}

/// A resolver with a log, and who may ask for it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResolverLog {
    /// Which program it is.
    pub kind: ResolverKind,
    /// Its address with the port of its web server.
    pub address: SocketAddr,
    /// The user; Pi-hole has none.
    pub user: String,
    /// The password, which is shown to nobody.
    pub password: String,
}

impl fmt::Display for ResolverLog {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = match self.kind {
            ResolverKind::AdGuardHome => "adguard",
            ResolverKind::PiHole => "pihole",
        };
        write!(f, "{kind}://{}", self.address)
    }
}

impl fmt::Debug for ResolverLog {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ResolverLog {
    type Err = ();

    /// Reads `adguard://USER:PASSWORD@ADDRESS:PORT` or `pihole://PASSWORD@ADDRESS:PORT`; who needs no password leaves out
    /// all up to the `@`. The password travels in the clear, so the address has to be one of the house.
    fn from_str(text: &str) -> Result<ResolverLog, ()> {
        let (scheme, rest) = text.split_once("://").ok_or(())?;
        let (secret, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (kind, (user, password), port) = match scheme {
            "adguard" => (ResolverKind::AdGuardHome, secret.split_once(':').unwrap_or((secret, "")), 3_000),
            "pihole" => (ResolverKind::PiHole, ("", secret.strip_prefix(':').unwrap_or(secret)), 80),
            _ => return Err(()),
        };
        let place = place.trim_end_matches('/');
        let alone = || place.trim_matches(['[', ']']).parse::<IpAddr>().map(|address| SocketAddr::new(address, port));
        let address = place.parse::<SocketAddr>().or_else(|_| alone()).map_err(|_| ())?;
        let fits = is_local(address.ip()) || address.ip().is_loopback();
        // What is sent in a line of HTTP holds no end of it.
        let plain = secret.len() <= 200 && !secret.contains(char::is_control);
        if fits && plain {
            Ok(ResolverLog { kind, address, user: user.into(), password: password.into() })
        } else {
            Err(())
        }
    }
}

/// What is known of a log, and asked for next.
#[derive(Debug)]
pub struct LogReader {
    log: ResolverLog,
    /// The questions that AdGuard Home told last, as hashes. Absent: it has told none yet.
    told: Option<BTreeSet<u64>>,
    /// More of AdGuard Home's questions are needed.
    behind: bool,
    /// Pi-hole's session; `logs_in`: the next answer is about one.
    session: Option<String>,
    logs_in: bool,
    /// The number of the next line of Pi-hole, and its process. Absent: it has told none yet.
    next: Option<(u64, u64)>,
    lines: QueryLogParser,
}

impl LogReader {
    /// Returns a reader that knows nothing yet. What happened before its first answer is passed over.
    pub fn new(log: ResolverLog) -> LogReader {
        let lines = QueryLogParser::default();
        LogReader { log, told: None, behind: false, session: None, logs_in: false, next: None, lines }
    }

    /// Returns the next request.
    pub fn request(&mut self) -> Vec<u8> {
        let ResolverLog { kind, address, user, password } = &self.log;
        let (mut head, mut body) = (String::new(), String::new());
        let first = match kind {
            ResolverKind::AdGuardHome => {
                if !(user.is_empty() && password.is_empty()) {
                    head = format!("Authorization: Basic {}\r\n", base64(format!("{user}:{password}").as_bytes()));
                }
                let entries = if self.behind { ENTRIES[1] } else { ENTRIES[0] };
                format!("GET /control/querylog?limit={entries}")
            }
            ResolverKind::PiHole if self.session.is_none() && !password.is_empty() => {
                self.logs_in = true;
                body = json!({ "password": password }).to_string();
                head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
                "POST /api/auth".into()
            }
            ResolverKind::PiHole => {
                if let Some(session) = &self.session {
                    head = format!("X-FTL-SID: {session}\r\n");
                }
                let next = self.next.map(|(next, _)| format!("?nextID={next}")).unwrap_or_default();
                format!("GET /api/logs/dnsmasq{next}")
            }
        };
        format!("{first} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n{head}\r\n{body}").into_bytes()
    }

    /// Takes the whole answer to the last request. Returns whether the next request is to follow at once.
    ///
    /// # Errors
    /// A sentence that says what is wrong, without anything that the other side has written.
    pub fn answer(&mut self, response: &[u8], out: &mut Vec<Event>) -> Result<bool, Sentence> {
        let logs_in = std::mem::take(&mut self.logs_in);
        let (status, body) =
            split(response).ok_or_else(|| sentence!("%s does not answer by HTTP", self.log.to_string()))?;
        if matches!(status, 401 | 403) {
            // A session ends by itself; a password that opens none is wrong.
            if !logs_in && self.session.take().is_some() {
                return Ok(true);
            }
            return Err(sentence!("%s refuses the password", self.log.to_string()));
        }
        let strange = || sentence!("%s answers something else than its log", self.log.to_string());
        let value: Value = serde_json::from_slice(body).map_err(|_| strange())?;
        if logs_in {
            let session = value.pointer("/session/sid").and_then(Value::as_str);
            let fits = |sid: &&str| sid.len() < 200 && sid.bytes().all(|b| b.is_ascii_graphic());
            self.session = Some(session.filter(fits).ok_or_else(strange)?.into());
            return Ok(true);
        }
        match self.log.kind {
            ResolverKind::AdGuardHome => {
                let entries =
                    value.get("data").and_then(Value::as_array).filter(|_| status == 200).ok_or_else(strange)?;
                Ok(self.entries(entries, out))
            }
            ResolverKind::PiHole => {
                let lines = value.get("log").and_then(Value::as_array).filter(|_| status == 200).ok_or_else(strange)?;
                let number = |key| value.get(key).and_then(Value::as_u64);
                let next = number("nextID").ok_or_else(strange)?;
                self.log_lines(lines, (next, number("pid").unwrap_or_default()), out);
                Ok(false)
            }
        }
    }

    fn entries(&mut self, entries: &[Value], out: &mut Vec<Event>) -> bool {
        let keys: Vec<u64> = entries.iter().take(ENTRIES[1]).map(key).collect();
        if let Some(told) = &self.told {
            let overlaps = told.is_empty() || keys.iter().any(|key| told.contains(key));
            let full = entries.len() >= if self.behind { ENTRIES[1] } else { ENTRIES[0] };
            if !overlaps && full && !self.behind {
                self.behind = true;
                return true;
            }
            if !overlaps {
                out.push(Event::Gap { source: Source::Lookups });
            }
            // From the oldest to the newest.
            let new = entries.iter().zip(&keys).rev().filter(|(_, key)| !told.contains(key));
            out.extend(new.filter_map(|(entry, _)| entry_lookup(entry, self.log.address.ip())).map(Event::Lookup));
        }
        self.behind = false;
        let mut told = BTreeSet::new();
        told.extend(keys);
        self.told = Some(told);
        false
    }

    fn log_lines(&mut self, lines: &[Value], (next, pid): (u64, u64), out: &mut Vec<Event>) {
        let Some((before, process)) = self.next.replace((next, pid)) else { return };
        if process != pid || next < before || next - before > lines.len() as u64 {
            out.push(Event::Gap { source: Source::Lookups });
            self.lines.reset();
        }
        let begin = out.len();
        for line in lines.iter().filter_map(|line| line.get("message").and_then(Value::as_str)) {
            self.lines.line(format!("dnsmasq[{}]: {line}", pid & 0xffff_ffff).as_bytes(), out);
        }
        self.lines.flush(out);
        // The log does not tell which resolver it is of, but this is known.
        let own = self.log.address.ip();
        for event in out.iter_mut().skip(begin) {
            match event {
                Event::Lookup(Lookup { client, server, .. }) | Event::LookupMissed { client, server } => {
                    *server = server_of(*client, own);
                }
                _ => {}
            }
        }
    }
}

/// Splits an answer of HTTP into its status and what follows its head (RFC 9112).
fn split(response: &[u8]) -> Option<(u16, &[u8])> {
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let (head, body) = response.split_at_checked(end + 4)?;
    let first = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = first.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    Some((words.next()?.parse().ok()?, body))
}

/// Returns what tells an entry of AdGuard Home from the others.
fn key(entry: &Value) -> u64 {
    let text = |path: &str| entry.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let words = ["/time", "/client", "/question/type", "/question/name", "/elapsedMs"].map(text);
    let mut hash = Fnv64::default();
    hash.update(words.join(" ").as_bytes());
    hash.value()
}

/// Reads an entry of AdGuard Home (internal/querylog/json.go).
fn entry_lookup(entry: &Value, own: IpAddr) -> Option<Lookup> {
    let text = |path: &str| entry.pointer(path).and_then(Value::as_str);
    let client: IpAddr = text("/client")?.parse().ok()?;
    let mut lookup = Lookup {
        client,
        server: server_of(client, own),
        record_type: dnsmasq::type_number(text("/question/type")?),
        name: name(text("/question/name")?),
        outcome: match text("/status")? {
            "NOERROR" => Outcome::Found,
            "NXDOMAIN" => Outcome::NoSuchName,
            "FORMERR" => Outcome::Failed(1),
            "SERVFAIL" => Outcome::Failed(2),
            "REFUSED" => Outcome::Failed(5),
            _ => Outcome::Failed(4),
        },
        addresses: Vec::new(),
        aliases: Vec::new(),
    };
    for record in entry.get("answer").and_then(Value::as_array).into_iter().flatten() {
        let member = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let value = member("value");
        match member("type") {
            "A" | "AAAA" => lookup.addresses.extend(value.parse::<IpAddr>().ok()),
            "CNAME" if lookup.aliases.len() < ALIASES_MAX => lookup.aliases.push(name(value)),
            // Hints of HTTPS records (RFC 9460), such as ipv4hint="203.0.113.5,203.0.113.6".
            "HTTPS" | "SVCB" => {
                let hints = value.split(' ').filter_map(|word| word.split_once("hint="));
                let words = hints.flat_map(|(_, list)| list.trim_matches('"').split(','));
                lookup.addresses.extend(words.filter_map(|word| word.parse::<IpAddr>().ok()));
            }
            _ => {}
        }
        lookup.addresses.truncate(ADDRESSES_MAX);
    }
    Some(lookup)
}

fn name(text: &str) -> Name {
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.is_empty() { ".".into() } else { model::name(text.as_bytes()) }
}

/// Returns the resolver's address as a client of this family knows it: the other one is not known.
fn server_of(client: IpAddr, own: IpAddr) -> IpAddr {
    match client {
        _ if client.is_ipv4() == own.is_ipv4() => own,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Returns bytes in base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (i, byte)| bits | u32::from(*byte) << (16 - 8 * i));
        for i in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * i)) as usize & 63).copied().unwrap_or_default();
            text.push(if i <= three.len() { digit.into() } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(reader: &mut LogReader, body: &Value) -> (Result<bool, Sentence>, Vec<String>) {
        let mut out = Vec::new();
        let response = format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
        let result = reader.answer(response.as_bytes(), &mut out);
        (result, out.iter().map(Event::to_string).collect())
    }

    fn entry(number: usize) -> Value {
        json!({
            "client": "192.168.8.20", "time": format!("2026-01-01T00:00:{number:06}Z"), "elapsedMs": "1.5",
            "question": { "class": "IN", "name": format!("n{number}.example"), "type": "A" }, "status": "NOERROR",
            "answer": [
                { "type": "CNAME", "value": "edge.example.", "ttl": 9 },
                { "type": "A", "value": "203.0.113.5", "ttl": 9 },
            ],
        })
    }

    #[test]
    fn a_place_is_read_and_its_password_is_not_shown() {
        let read = |text: &str| text.parse::<ResolverLog>();
        let adguard = read("adguard://ann:a:b@c@192.168.1.2:3001").unwrap();
        assert_eq!((adguard.user.as_str(), adguard.password.as_str()), ("ann", "a:b@c"));
        // Programs for routers have no text of Debug.
        assert_eq!(adguard.to_string(), "adguard://192.168.1.2:3001");
        assert!(!format!("{adguard:?}").contains("a:b"));
        let pihole = read("pihole://secret@[fd00::2]").unwrap();
        assert_eq!((pihole.to_string().as_str(), pihole.password.as_str()), ("pihole://[fd00::2]:80", "secret"));
        assert_eq!(read("adguard://127.0.0.1/").unwrap().address.port(), 3_000);
        for wrong in
            ["http://192.168.1.2", "pihole://x@203.0.113.5", "adguard://a:b@pi.hole", "adguard://a\r\nb:c@10.0.0.1", ""]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn adguard_tells_each_question_once() {
        let mut reader = LogReader::new("adguard://ann:secret@192.168.8.2".parse().unwrap());
        let asked = String::from_utf8(reader.request()).unwrap();
        assert!(asked.starts_with("GET /control/querylog?limit=20 HTTP/1.0\r\nHost: 192.168.8.2:3000\r\n"), "{asked}");
        assert!(asked.contains("\r\nAuthorization: Basic YW5uOnNlY3JldA==\r\n"), "{asked}");
        let data = |numbers: std::ops::Range<usize>| json!({ "data": numbers.rev().map(entry).collect::<Vec<_>>() });
        let looked =
            |n: usize| format!("looked 192.168.8.20 192.168.8.2 1 n{n}.example found 203.0.113.5 via edge.example");
        assert_eq!(told(&mut reader, &data(0..20)), (Ok(false), vec![]), "what was before is passed over");
        assert_eq!(told(&mut reader, &data(2..22)), (Ok(false), vec![looked(20), looked(21)]));
        assert_eq!(told(&mut reader, &data(2..22)), (Ok(false), vec![]));
        // More than one answer has: the next one has more.
        assert_eq!(told(&mut reader, &data(30..50)), (Ok(true), vec![]));
        assert!(String::from_utf8(reader.request()).unwrap().contains("limit=200"));
        assert_eq!(told(&mut reader, &data(0..50)).1.len(), 30);
        assert!(String::from_utf8(reader.request()).unwrap().contains("limit=20 "));
        assert_eq!(told(&mut reader, &data(300..320)), (Ok(true), vec![]));
        let (result, events) = told(&mut reader, &data(120..320));
        assert!(result == Ok(false) && events.len() == 201 && events[0] == "gap lookups", "{events:?}");
        let https = json!({
            "client": "fd00::20", "time": "x", "question": { "name": "h.example", "type": "HTTPS" }, "status": "NOERROR",
            "answer": [{ "type": "HTTPS", "value": "1 . alpn=\"h2\" ipv4hint=\"203.0.113.6,203.0.113.7\" ipv6hint=\"2001:db8::6\"" }],
        });
        let read = entry_lookup(&https, "192.168.8.2".parse().unwrap()).unwrap();
        let said = Event::Lookup(read).to_string();
        assert_eq!(said, "looked fd00::20 :: 65 h.example found 203.0.113.6,203.0.113.7,2001:db8::6");
    }

    #[test]
    fn pihole_tells_the_lines_of_its_dnsmasq() {
        let mut reader = LogReader::new("pihole://se\"cret@192.168.8.2".parse().unwrap());
        let asked = String::from_utf8(reader.request()).unwrap();
        assert!(asked.starts_with("POST /api/auth HTTP/1.0\r\n"), "{asked}");
        assert!(asked.ends_with("Content-Length: 23\r\n\r\n{\"password\":\"se\\\"cret\"}"), "{asked}");
        assert_eq!(told(&mut reader, &json!({ "session": { "valid": true, "sid": "abc=" } })).0, Ok(true));
        let asked = String::from_utf8(reader.request()).unwrap();
        assert!(
            asked.starts_with("GET /api/logs/dnsmasq HTTP/1.0\r\n") && asked.contains("X-FTL-SID: abc=\r\n"),
            "{asked}"
        );
        let lines = |texts: &[&str], next: u64, pid: u64| {
            let log: Vec<Value> = texts.iter().map(|text| json!({ "timestamp": 1.5, "message": text })).collect();
            json!({ "log": log, "nextID": next, "pid": pid })
        };
        assert_eq!(told(&mut reader, &lines(&["reply x.example is 203.0.113.9"], 7, 9)), (Ok(false), vec![]));
        assert!(String::from_utf8(reader.request()).unwrap().starts_with("GET /api/logs/dnsmasq?nextID=7 "));
        let asks = "query[A] a.example from 192.168.8.20";
        assert_eq!(told(&mut reader, &lines(&[asks, "forwarded a.example to 9.9.9.9"], 9, 9)), (Ok(false), vec![]));
        let found = "looked 192.168.8.20 192.168.8.2 1 a.example found 203.0.113.5".to_string();
        assert_eq!(told(&mut reader, &lines(&["reply a.example is 203.0.113.5"], 10, 9)), (Ok(false), vec![found]));
        assert_eq!(told(&mut reader, &lines(&[asks], 999, 9)).1, ["gap lookups"], "lines were lost");
        assert_eq!(told(&mut reader, &lines(&[asks], 1, 10)).1, ["gap lookups"], "it was started anew");
        // The session is over.
        let mut out = Vec::new();
        assert_eq!(reader.answer(b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", &mut out), Ok(true));
        assert!(String::from_utf8(reader.request()).unwrap().starts_with("POST /api/auth "));
        let refused = reader.answer(b"HTTP/1.1 401 Unauthorized\r\n\r\n{}", &mut out).unwrap_err();
        assert_eq!(refused.to_string(), "pihole://192.168.8.2:80 refuses the password");
    }

    #[test]
    fn nonsense_is_a_sentence() {
        for wrong in [
            &b""[..],
            b"HTTP/1.1 200\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n{}",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 500 X\r\n\r\n{\"data\":[]}",
        ] {
            let mut reader = LogReader::new("adguard://192.168.8.2".parse().unwrap());
            assert!(reader.answer(wrong, &mut Vec::new()).is_err());
        }
    }
}
