//! dnsmasq's query log (`log-queries`, `=extra` and `=proto`) as lookups; its DHCP lines as leases. The forms are those
//! of cache.c, `log_query`, from version 2.85 on.
//!
//! Only text that dnsmasq wrote itself is believed, as far as a text can show that. With ids, an answer needs an open
//! question with its id and its client. Names are read from the ends of a line, since blanks in them are not escaped.
//! The warning of a DNS rebind prints a name raw, line ends included, so every line that begins within the longest
//! message behind it is refused. Without ids answers are joined to questions by name, which is the best that can be
//! done.
//!
//! Several instances may write one log: a line says which process wrote it, and each process writes the lines of an
//! answer one after the other (each connection over TCP has a process of its own). Where the log shows that something
//! is missing, the address that a device got is not known, so it is an [`Event::LookupMissed`] of the device or, where
//! nobody knows whose it is, an [`Event::Gap`].

use crate::event::{Event, Source};
use crate::model::{self, Lookup, Mac, Name, Outcome};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many questions are remembered: dnsmasq itself has at most 150 under way (`dns-forward-max`).
const QUESTIONS_MAX: usize = 256;
/// How many addresses of one answer are kept.
const ADDRESSES_MAX: usize = 64;
/// How many names of one chain of aliases are kept.
const ALIASES_MAX: usize = 8;
/// The longest message, in bytes (dnsmasq's log.c, `MAX_MESSAGE`).
const MESSAGE_BYTES_MAX: usize = 1_024;

/// The type of a question for all types.
const ANY: u16 = 255;

/// Record types by the words of dnsmasq's rfc1035.c (RFC 1035, section 3.2.2, and the later ones).
const RECORD_TYPES: [(&str, u16); 13] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("NULL", 10),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("ANY", ANY),
];

/// How much was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of lines of any kind.
    pub lines: u64,
    /// The number of questions.
    pub questions: u64,
    /// The number of answers without a question, or to the question of another client.
    pub stray: u64,
    /// The number of lines that were not believed since they may have been forged.
    pub refused: u64,
}

/// What `=extra` and `=proto` put before a message: the question's id, and the client with its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asker {
    id: u32,
    client: IpAddr,
    port: u16,
}

/// How the next line of a process may go on with an answer.
#[derive(Debug, Default, PartialEq, Eq)]
enum Chain {
    /// It does not.
    #[default]
    Closed,
    /// With any name, since the line before was an alias.
    Open,
    /// With one more address of this name.
    Of(Name),
}

#[derive(Debug)]
struct Question {
    /// The process that wrote it.
    pid: u32,
    asker: Option<Asker>,
    client: IpAddr,
    name: Name,
    record_type: u16,
    outcome: Outcome,
    addresses: Vec<IpAddr>,
    aliases: Vec<Name>,
    answered: bool,
    /// How many of the addresses were reported already.
    reported: usize,
    /// The answer holds something that was not reported yet.
    unreported: bool,
    /// The answer is named by its type alone, so its addresses are not known.
    by_type: bool,
    /// How the next line may go on, and how the latest one could.
    chain: Chain,
    before: Chain,
    /// The lines that go on are a later answer, which this client did not get.
    is_later: bool,
    /// The number of the line with its latest answer.
    line: u64,
}

/// Joins the lines of a log to lookups.
#[derive(Debug, Default)]
pub struct QueryLogParser {
    questions: VecDeque<Question>,
    /// How much was read.
    pub counts: Counts,
    /// How many more bytes behind a warning of a rebind are not believed.
    suspect: usize,
    /// It was reported that lines behind that warning were refused.
    gap_reported: bool,
}

impl QueryLogParser {
    /// Takes a line without its line end. Leases go to `out` at once, lookups with [`QueryLogParser::flush`].
    pub fn line(&mut self, line: &[u8], out: &mut Vec<Event>) {
        self.counts.lines += 1;
        if self.suspect > 0 {
            self.suspect = self.suspect.saturating_sub(line.len() + 1);
            self.counts.refused += 1;
            // A true answer may have been among them.
            if !std::mem::replace(&mut self.gap_reported, true) {
                out.push(Event::Gap { source: Source::Lookups });
            }
            return;
        }
        let line = String::from_utf8_lossy(line);
        if let Some((_, message)) = after(&line, "dnsmasq-dhcp[") {
            out.extend(lease(message));
        } else if let Some((pid, message)) = after(&line, "dnsmasq[") {
            if message.starts_with("possible DNS-rebind attack detected: ") {
                (self.suspect, self.gap_reported) = (MESSAGE_BYTES_MAX.saturating_sub(line.len()), false);
            } else if message.starts_with("started, ") {
                self.questions.retain(|question| question.pid != pid);
            } else if message.starts_with("overflow: ") || message.starts_with("log failed: ") {
                // log.c: a full queue, and a file that could not be written.
                out.push(Event::Gap { source: Source::Lookups });
            } else {
                self.message(pid, message, out);
            }
        } else if line.contains(" rate-limiting") || line.contains(": Suppressed ") {
            // rsyslog and journald, where the log comes by way of them.
            out.push(Event::Gap { source: Source::Lookups });
        }
    }

    /// Reports the lookups that the answers so far have yielded. It is to be called when there are no more lines for
    /// now.
    pub fn flush(&mut self, out: &mut Vec<Event>) {
        for at in 0..self.questions.len() {
            let Some(question) = self.questions.get(at).filter(|question| question.unreported) else { continue };
            // An HTTPS record may hold addresses, as a rule those of the A and AAAA records that are asked for with it.
            let same = |other: &Question| other.client == question.client && other.name == question.name;
            let missed = question.by_type
                && !self.questions.iter().any(|other| matches!(other.record_type, 1 | 28) && same(other));
            out.extend(missed.then(|| question.missed()));
            let Some(question) = self.questions.get_mut(at) else { continue };
            question.unreported = false;
            let server = server_of(question.client);
            let addresses = question.addresses.split_off(0);
            question.reported = addresses.len();
            question.addresses.clone_from(&addresses);
            out.push(Event::Lookup(Lookup {
                client: question.client,
                server,
                record_type: question.record_type,
                name: question.name.clone(),
                outcome: question.outcome,
                addresses,
                aliases: question.aliases.clone(),
            }));
        }
    }

    /// Forgets the open questions: the file was replaced by another, in which they are not answered.
    pub fn reset(&mut self) {
        self.questions.clear();
        self.suspect = 0;
    }

    fn message(&mut self, pid: u32, message: &str, out: &mut Vec<Event>) {
        let (asker, message) = prefix(message).map_or((None, message), |(asker, rest)| (Some(asker), rest));
        let Some((verb, rest)) = message.split_once(' ') else { return };
        // These stand between the lines of one answer.
        if matches!(verb, "ipset" | "nftset") {
            return;
        }
        for question in self.questions.iter_mut().filter(|question| question.pid == pid) {
            question.before = std::mem::take(&mut question.chain);
        }
        let forwarded =
            rest.rsplit_once(" to ").filter(|_| verb == "forwarded").map(|(asked, _)| name(asked.as_bytes()));
        if let Some(asked) = verb.strip_prefix("query[").or(verb.strip_prefix("auth[")) {
            self.question(pid, asker, asked.trim_end_matches(']'), rest);
        } else if let Some(asked) = &forwarded {
            // The answer to a question for all types is named by its types, if at all (rfc1035.c, extract_addresses).
            let all_types = |q: &&Question| q.record_type == ANY && !q.answered && (q.pid, q.asker) == (pid, asker);
            out.extend(self.questions.iter().filter(all_types).filter(|q| q.name == *asked).map(Question::missed));
        } else if matches!(verb, "reply" | "cached" | "cached-stale" | "config" | "DHCP" | "auth" | "<unknown>")
            || verb.starts_with('/')
        {
            self.answer(pid, asker, rest, out);
        }
        // An alias whose own answer does not follow. A cached one may be looked up further.
        let line = self.counts.lines;
        let cut = |q: &&Question| q.pid == pid && q.before == Chain::Open && q.line != line && !q.is_later;
        let cut = self.questions.iter().filter(cut).filter(|q| matches!(q.record_type, 1 | 28));
        out.extend(cut.filter(|q| forwarded.as_ref() != Some(&q.name)).map(Question::missed));
    }

    fn answer(&mut self, pid: u32, asker: Option<Asker>, rest: &str, out: &mut Vec<Event>) {
        let Some((owner, answer)) = rest.rsplit_once(" is ") else { return };
        // What is appended says how it was validated, or why it failed.
        let (owner, answer) = (name(owner.as_bytes()), answer.split_once(" (").map_or(answer, |(answer, _)| answer));
        let line = self.counts.lines;
        let Some(asker) = asker else { return self.answer_by_name(pid, &owner, answer, out) };
        match self.questions.iter_mut().rfind(|q| q.pid == pid && q.asker == Some(asker)) {
            Some(_) if (&*owner, answer) == ("query", "duplicate") => self.duplicate(pid, asker),
            Some(question) => question.answer(&owner, answer, line),
            None => {
                self.counts.stray += 1;
                if answer.parse::<IpAddr>().is_ok() {
                    out.push(Event::LookupMissed { client: asker.client, server: server_of(asker.client) });
                }
            }
        }
    }

    fn question(&mut self, pid: u32, asker: Option<Asker>, record_type: &str, rest: &str) {
        let Some((asked, by)) = rest.rsplit_once(" from ") else { return };
        let Ok(by) = by.split('%').next().unwrap_or(by).parse::<IpAddr>() else { return };
        if asker.is_some_and(|asker| asker.client != by) {
            self.counts.stray += 1;
            return;
        }
        if self.questions.len() >= QUESTIONS_MAX {
            self.questions.pop_front();
        }
        self.counts.questions += 1;
        self.questions.push_back(Question {
            pid,
            asker,
            client: by,
            name: name(asked.as_bytes()),
            record_type: type_number(record_type),
            outcome: Outcome::Found,
            addresses: Vec::new(),
            aliases: Vec::new(),
            answered: false,
            reported: 0,
            unreported: false,
            by_type: false,
            chain: Chain::Closed,
            before: Chain::Closed,
            is_later: false,
            line: 0,
        });
    }

    /// Answers a question with the answer to another client that asked the same at the same time.
    fn duplicate(&mut self, pid: u32, asker: Asker) {
        let Some(at) = self.questions.iter().rposition(|q| q.pid == pid && q.asker == Some(asker)) else { return };
        let Some(question) = self.questions.get(at) else { return };
        let same = |q: &&Question| (q.pid, &q.name, q.record_type) == (pid, &question.name, question.record_type);
        let Some(twin) = self.questions.iter().filter(|q| q.answered).rfind(same) else { return };
        let (outcome, addresses, aliases) = (twin.outcome, twin.addresses.clone(), twin.aliases.clone());
        let Some(question) = self.questions.get_mut(at) else { return };
        (question.outcome, question.addresses, question.aliases) = (outcome, addresses, aliases);
        (question.answered, question.unreported) = (true, true);
    }

    /// Takes an answer of a log without ids: it is for all questions that wait for this name, or whose answer the line
    /// before led here.
    fn answer_by_name(&mut self, pid: u32, owner: &Name, answer: &str, out: &mut Vec<Event>) {
        let line = self.counts.lines;
        let is_of = |q: &&mut Question| q.pid == pid && q.asker.is_none();
        let awaited = self.questions.iter_mut().filter(is_of).any(|q| !q.answered && q.name == *owner);
        let mut found = false;
        for question in self.questions.iter_mut().filter(is_of) {
            let goes_on = match &question.before {
                Chain::Closed => false,
                Chain::Open => true,
                Chain::Of(name) => name == owner,
            };
            if !goes_on && question.name != *owner {
                continue;
            }
            found = true;
            if goes_on && question.before == Chain::Open && awaited && question.name != *owner && !question.is_later {
                // Of two instances with one id, each may have written this line.
                out.push(question.missed());
            }
            question.is_later = if goes_on { question.is_later } else { question.answered };
            question.answer(owner, answer, line);
        }
        if !found {
            self.counts.stray += 1;
            if answer.parse::<IpAddr>().is_ok() {
                out.push(Event::Gap { source: Source::Lookups });
            }
        }
    }
}

impl Question {
    fn missed(&self) -> Event {
        Event::LookupMissed { client: self.client, server: server_of(self.client) }
    }

    fn answer(&mut self, owner: &Name, answer: &str, line: u64) {
        self.line = line;
        let address = answer.parse::<IpAddr>().ok();
        self.chain = match answer {
            "<CNAME>" => Chain::Open,
            _ => Chain::Of(owner.clone()),
        };
        if self.is_later {
            return;
        }
        // Without ids an answer may be that to another question for the name.
        let sure = self.asker.is_some();
        match (self.record_type, address) {
            // An address of the other family was not asked for: it is a text that looks like an address.
            (1, Some(IpAddr::V6(_))) | (28, Some(IpAddr::V4(_))) => {}
            (1 | 28 | ANY, Some(address)) => {
                if self.addresses.len() < ADDRESSES_MAX && !self.addresses.contains(&address) {
                    self.addresses.push(address);
                }
                self.end(Outcome::Found);
            }
            (16, _) => self.end(Outcome::Found),
            (_, Some(_)) if !sure => {}
            _ if sure && &**owner == "error" => self.end(Outcome::Failed(match answer {
                "SERVFAIL" => 2,
                "REFUSED" => 5,
                _ => 4,
            })),
            (asked, _) if answer == "<CNAME>" && asked != 5 => {
                if self.aliases.len() < ALIASES_MAX && *owner != self.name && !self.aliases.contains(owner) {
                    self.aliases.push(owner.clone());
                }
            }
            _ if answer == "NXDOMAIN" => self.end(Outcome::NoSuchName),
            (asked, _) => {
                let named = answer.strip_prefix('<').and_then(|word| word.strip_suffix('>')).map(type_number);
                let fits = match (answer, named) {
                    ("NODATA-IPv4", _) => asked == 1,
                    ("NODATA-IPv6", _) => asked == 28,
                    (_, Some(named)) => asked == named || asked == ANY,
                    _ => !matches!(asked, 1 | 28),
                };
                self.by_type |= matches!(named, Some(64 | 65));
                // An answer in words to a question for addresses is none that dnsmasq gives.
                if fits || sure && (named.is_some() || answer.starts_with("NODATA")) {
                    self.end(Outcome::Found);
                }
            }
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.unreported |= !self.answered || outcome != self.outcome || self.addresses.len() > self.reported;
        (self.outcome, self.answered) = (outcome, true);
    }
}

/// Returns a name in the form of [`super::dns`], where the root is a dot.
fn name(text: &[u8]) -> Name {
    if matches!(text, b"" | b".") { ".".into() } else { model::name(text) }
}

/// Returns a record type by dnsmasq's word for it, 0 if there is none.
pub(super) fn type_number(word: &str) -> u16 {
    let known = RECORD_TYPES.iter().find(|(known, _)| *known == word).map(|(_, number)| *number);
    known.or_else(|| word.strip_prefix("type=")?.parse().ok()).unwrap_or_default()
}

/// Returns what stands for the resolver that answered a client, which the log does not tell.
fn server_of(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Returns the process id behind `daemon`, at the beginning of a line or behind its date, and what stands behind it.
fn after<'a>(line: &'a str, daemon: &str) -> Option<(u32, &'a str)> {
    let (head, rest) = line.split_once(daemon)?;
    let (pid, message) = rest.split_once("]: ")?;
    (head.len() < 64 && pid.bytes().all(|b| b.is_ascii_digit())).then_some((pid.parse().ok()?, message))
}

/// Splits off the id and the client that `=extra` and `=proto` put before a message.
fn prefix(message: &str) -> Option<(Asker, &str)> {
    let message = message.strip_prefix("UDP ").or(message.strip_prefix("TCP ")).unwrap_or(message);
    let (id, rest) = message.split_once(' ')?;
    let (client, rest) = rest.split_once(' ')?;
    let (client, port) = client.rsplit_once('/')?;
    let client = client.split('%').next()?.parse().ok()?;
    Some((Asker { id: id.parse().ok()?, client, port: port.parse().ok()? }, rest))
}

/// Reads `[XID] DHCPACK(IF) IP MAC [HOST]` and `[XID] DHCPDISCOVER(IF) [IP] MAC`.
fn lease(message: &str) -> Option<Event> {
    let mut words = message.split(' ').filter(|word| !word.is_empty());
    let mut verb = words.next()?;
    if verb.bytes().all(|b| b.is_ascii_digit()) {
        verb = words.next()?;
    }
    if verb.starts_with("DHCPDISCOVER(") {
        let mac = words.take(2).find_map(|word| word.parse::<Mac>().ok())?;
        return Some(Event::Booted { mac, hostname: None, vendor_class: None, asks: None });
    }
    verb.strip_prefix("DHCPACK(")?;
    let (ip, mac) = (words.next()?.parse::<Ipv4Addr>().ok()?, words.next()?.parse().ok()?);
    let hostname = words.next().filter(|host| *host != ".").map(|host| name(host.as_bytes()));
    Some(Event::Leased { ip: ip.into(), mac, hostname })
}

/// Reads a line of the leases file: `EXPIRY MAC IP HOST CLIENT-ID` (dnsmasq's lease.c).
pub fn parse_lease(line: &str) -> Option<Event> {
    let mut words = line.split(' ');
    let _expiry: u64 = words.next()?.parse().ok()?;
    let mac = words.next()?.rsplit('-').next()?.parse().ok()?;
    let ip = words.next()?.parse::<Ipv4Addr>().ok()?.into();
    let hostname = words.next().filter(|host| !matches!(*host, "" | "." | "*")).map(|host| name(host.as_bytes()));
    Some(Event::Leased { ip, mac, hostname })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "192.168.77.101";

    fn read(text: &str) -> (QueryLogParser, Vec<Event>) {
        let (mut log, mut out) = (QueryLogParser::default(), Vec::new());
        text.lines().for_each(|line| log.line(line.as_bytes(), &mut out));
        log.flush(&mut out);
        (log, out)
    }

    fn lookups(events: &[Event]) -> Vec<&Lookup> {
        events.iter().filter_map(|event| if let Event::Lookup(lookup) = event { Some(lookup) } else { None }).collect()
    }

    #[test]
    fn all_forms_of_the_real_log_say_the_same() {
        let mut all = Vec::new();
        for (name, text) in [
            ("2.90-plain", include_str!("../../tests/fixtures/dnsmasq/2.90-plain.log")),
            ("2.90-extra", include_str!("../../tests/fixtures/dnsmasq/2.90-extra.log")),
            ("2.91-proto", include_str!("../../tests/fixtures/dnsmasq/2.91-proto.log")),
            ("2.93-extra", include_str!("../../tests/fixtures/dnsmasq/2.93-extra.log")),
            ("2.93-proto", include_str!("../../tests/fixtures/dnsmasq/2.93-proto.log")),
        ] {
            let (log, events) = read(text);
            let lookups = lookups(&events);
            let of = |name: &str, record_type| {
                let found: Vec<_> =
                    lookups.iter().filter(|l| &*l.name == name && l.record_type == record_type).collect();
                assert!(!found.is_empty(), "{name} {record_type}");
                (found[0].addresses.clone(), found[0].outcome, found[0].aliases.clone())
            };
            let ip = |text: &str| text.parse::<IpAddr>().unwrap();
            let chain = of("www.cdn-chain.test", 1);
            assert_eq!(chain.0, [ip("45.10.113.71"), ip("45.10.113.72")]);
            assert_eq!(&*chain.2[0], "edge.cdn-chain.test");
            assert_eq!(of("www.cdn-chain.test", 28).0, [ip("2a0f:9999:99::71")]);
            assert_eq!(of("many.test", 1).0.len(), 12);
            assert_eq!(of("foo.nx.test", 1).1, Outcome::NoSuchName);
            // Without ids nobody knows whose error it is.
            if name != "2.90-plain" {
                assert_eq!(of("servfail.test", 1).1, Outcome::Failed(2));
            }
            assert_eq!(of("sp\\032ace.test", 1).0, [ip("45.10.113.61")]);
            assert_eq!(of("case-mixed.example.test", 1).0, [ip("45.10.113.31")]);
            assert!(of("txt.test", 16).0.is_empty() && of("https-hint.test", 65).0.is_empty());
            // This case was not recorded of the plain form.
            if name != "2.90-plain" {
                let both: Vec<_> = lookups.iter().filter(|l| &*l.name == "slowdup.test").collect();
                assert_eq!(both.len(), 2, "{name}: both clients that asked at the same time");
                assert!(both[0].client != both[1].client && both[0].addresses == both[1].addresses, "{name}");
            }
            assert!(log.counts.refused > 0, "{name}: what follows a rebind is refused");
            assert!(events.iter().all(|event| !event.to_string().contains("6.6.6.6")), "{name}: forged");
            // Three rebinds, and a name of which only the HTTPS record was asked for.
            let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
            assert_eq!(count(|event| matches!(event, Event::Gap { .. })), 3, "{name}");
            assert_eq!(count(|event| matches!(event, Event::LookupMissed { .. })), 1, "{name}");
            all.push(lookups.len());
        }
        assert!(all.iter().max().unwrap() - all.iter().min().unwrap() < 20, "{all:?}");
    }

    #[test]
    fn an_answer_needs_its_question() {
        let line = |text: &str| format!("Nov 22 21:33:59 dnsmasq[7]: {text}\n");
        let asked = line(&format!("5 {CLIENT}/40000 query[A] a.example from {CLIENT}"));
        for (answer, stray) in [
            (format!("5 {CLIENT}/40000 reply a.example is 45.10.0.1"), 0),
            (format!("6 {CLIENT}/40000 reply a.example is 45.10.0.1"), 1),
            ("5 192.168.77.102/40000 reply a.example is 45.10.0.1".into(), 1),
            (format!("5 {CLIENT}/40000 reply a.example is 2a0f::1"), 0),
            (format!("5 {CLIENT}/40000 query[A] a.example from 192.168.77.9"), 1),
        ] {
            let (log, events) = read(&(asked.clone() + &line(&answer)));
            assert_eq!(log.counts.stray, stray, "{answer}");
            let yields = answer.ends_with("45.10.0.1") && stray == 0;
            assert_eq!(lookups(&events).iter().any(|l| !l.addresses.is_empty()), yields, "{answer}");
        }
    }

    #[test]
    fn a_text_that_looks_like_an_address_is_none() {
        let text = format!(
            "x dnsmasq[7]: 5 {CLIENT}/1 query[TXT] a.example from {CLIENT}\n\
             x dnsmasq[7]: 5 {CLIENT}/1 reply a.example is oh it is 6.6.6.6\n\
             x dnsmasq[7]: 6 {CLIENT}/1 query[A] b.example is 6.6.6.6 from {CLIENT}\n\
             x dnsmasq[7]: 6 {CLIENT}/1 reply b.example is 6.6.6.6 is NXDOMAIN\n"
        );
        let (_, events) = read(&text);
        assert_eq!(lookups(&events).len(), 2);
        assert!(lookups(&events).iter().all(|l| l.addresses.is_empty()));
    }

    /// What a log of lines `PID MESSAGE` yields, as event lines.
    fn told(text: &str) -> Vec<String> {
        let line = |line: &str| {
            let (pid, message) = line.trim().split_once(' ').unwrap();
            format!("Nov 22 21:33:59 dnsmasq[{pid}]: {message}\n")
        };
        read(&text.lines().map(line).collect::<String>()).1.iter().map(Event::to_string).collect()
    }

    #[test]
    fn a_line_is_understood_to_its_end() {
        for (text, expected) in [
            (
                "7 5 10.0.0.1/4 query[A] s.example from 10.0.0.1\n7 5 10.0.0.1/4 reply s.example is 45.10.0.1 (DNSSEC signed)",
                &["looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1"][..],
            ),
            (
                "7 5 10.0.0.1/4 query[A] s.example from 10.0.0.1\n7 5 10.0.0.1/4 reply s.example is <CNAME> (DNSSEC signed)\n\
              7 5 10.0.0.1/4 reply e.example is 45.10.0.1 (DNSSEC signed)",
                &["looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1"],
            ),
            (
                "7 5 10.0.0.1/4 query[A] s.example from 10.0.0.1\n7 5 10.0.0.1/4 reply error is SERVFAIL (EDE: network error)",
                &["looked 10.0.0.1 0.0.0.0 1 s.example failed:2"],
            ),
            (
                "7 auth[A] s.example from 10.0.0.1\n7 auth s.example is 45.10.0.1",
                &["looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1"],
            ),
            // Of all types: what is the router's own has its address, what is not is named by its type.
            (
                "7 query[ANY] s.example from 10.0.0.1\n7 config s.example is 45.10.0.1\n7 config s.example is 2a0f::1",
                &["looked 10.0.0.1 0.0.0.0 255 s.example found 45.10.0.1,2a0f::1"],
            ),
            (
                "7 query[ANY] s.example from 10.0.0.1\n7 forwarded s.example to 45.10.53.53\n7 reply s.example is <A>",
                &["missed 10.0.0.1 0.0.0.0", "looked 10.0.0.1 0.0.0.0 255 s.example found"],
            ),
            (
                "7 query[HTTPS] s.example from 10.0.0.1\n7 reply s.example is <HTTPS>",
                &["missed 10.0.0.1 0.0.0.0", "looked 10.0.0.1 0.0.0.0 65 s.example found"],
            ),
            // What is answered to another question for the name ends none.
            (
                "7 query[A] s.example from 10.0.0.1\n7 query[AAAA] s.example from 10.0.0.1\n\
              7 query[HTTPS] s.example from 10.0.0.1\n7 reply s.example is <HTTPS>\n7 query[A] x.example from 10.0.0.2\n\
              7 reply s.example is NODATA-IPv6\n7 reply s.example is 45.10.0.1",
                &[
                    "looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1",
                    "looked 10.0.0.1 0.0.0.0 28 s.example found",
                    "looked 10.0.0.1 0.0.0.0 65 s.example found",
                ],
            ),
            // An answer past its time is renewed behind the client's back, and nobody's address stands beside another's.
            (
                "7 query[A] s.example from 10.0.0.1\n7 cached-stale s.example is 45.10.0.1\n7 forwarded s.example to 45.10.53.53\n\
              7 query[A] t.example from 10.0.0.2\n7 reply s.example is <CNAME>\n7 reply e.example is 45.10.0.2\n\
              7 reply t.example is 45.10.0.3",
                &[
                    "looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1",
                    "looked 10.0.0.2 0.0.0.0 1 t.example found 45.10.0.3",
                ],
            ),
            (
                "7 query[A] s.example from 10.0.0.1\n7 reply s.example is <CNAME>\n\
              7 nftset add 4 inet#fw4#set 45.10.0.1 s.example\n7 reply e.example is 45.10.0.1",
                &["looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1"],
            ),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn instances_of_one_log_do_not_end_each_others_answers() {
        let chain = "1 query[A] s.example from 10.0.0.1\n1 reply s.example is <CNAME>\n";
        let found = "looked 10.0.0.1 0.0.0.0 1 s.example found 45.10.0.1";
        for other in
            ["2 query[A] o.example from 10.0.0.2", "2 reply s.example is 45.10.6.6", "2 started, version 2.90", ""]
        {
            let text = format!("{chain}{other}\n1 reply e.example is 45.10.0.1");
            assert_eq!(told(text.replace("\n\n", "\n").as_str()).last().unwrap(), found, "{other}");
        }
        let with_ids = "1 5 10.0.0.1/4 query[A] s.example from 10.0.0.1\n1 5 10.0.0.1/4 reply s.example is <CNAME>\n\
                        2 5 10.0.0.2/4 query[A] o.example from 10.0.0.2\n2 5 10.0.0.2/4 reply o.example is 45.10.0.9\n\
                        1 5 10.0.0.1/4 reply e.example is 45.10.0.1";
        assert_eq!(told(with_ids), [found, "looked 10.0.0.2 0.0.0.0 1 o.example found 45.10.0.9"]);
        // Of two with one process id, as each in its own jail has it, one may have written any line.
        assert_eq!(
            told(&format!("{chain}1 query[A] o.example from 10.0.0.2\n1 reply e.example is 45.10.0.1")),
            ["missed 10.0.0.1 0.0.0.0", "gap lookups"]
        );
        assert_eq!(
            told(&format!("1 query[A] o.example from 10.0.0.2\n{chain}1 reply o.example is 45.10.0.9"))[0],
            "missed 10.0.0.1 0.0.0.0"
        );
    }

    #[test]
    fn what_the_log_lacks_is_a_gap_or_missed() {
        assert_eq!(told("7 overflow: 12 log entries lost"), ["gap lookups"]);
        assert_eq!(told("7 log failed: No space left on device"), ["gap lookups"]);
        let by_syslog = "Nov 22 21:33:59 host rsyslogd: imuxsock lost 5 messages from pid 7 due to rate-limiting\n\
                         Nov 22 21:33:59 host systemd-journald[5]: Suppressed 9 messages from dnsmasq.service\n";
        assert_eq!(read(by_syslog).1.len(), 2);
        assert_eq!(told("7 reply s.example is 45.10.0.1"), ["gap lookups"]);
        assert_eq!(told("7 9 10.0.0.1/4 reply s.example is 45.10.0.1"), ["missed 10.0.0.1 0.0.0.0"]);
        let cut = "7 5 10.0.0.1/4 query[A] s.example from 10.0.0.1\n7 5 10.0.0.1/4 cached s.example is <CNAME>\n";
        assert_eq!(told(&format!("{cut}7 6 10.0.0.2/4 query[A] o.example from 10.0.0.2")), ["missed 10.0.0.1 0.0.0.0"]);
        assert_eq!(told(&format!("{cut}7 5 10.0.0.1/4 forwarded s.example to 45.10.53.53")), [""; 0]);
    }

    #[test]
    fn a_restart_begins_the_ids_anew_and_leases_are_read() {
        let (log, events) = read(&format!(
            "x dnsmasq[7]: 5 {CLIENT}/1 query[A] a.example from {CLIENT}\n\
             x dnsmasq[8]: started, version 2.90 cachesize 150\n\
             x dnsmasq[8]: 5 {CLIENT}/1 reply a.example is 45.10.0.1\n\
             x dnsmasq-dhcp[8]: 99 DHCPDISCOVER(br-lan) 192.168.77.9 02:00:00:00:01:02 \n\
             x dnsmasq-dhcp[8]: DHCPACK(br-lan) 192.168.77.9 02:00:00:00:01:02 TV\n"
        ));
        assert_eq!(log.counts.stray, 1);
        let said: Vec<String> = events.iter().map(Event::to_string).collect();
        assert_eq!(
            said,
            [
                "missed 192.168.77.101 0.0.0.0",
                "booted 02:00:00:00:01:02",
                "leased 192.168.77.9 02:00:00:00:01:02 host=tv"
            ]
        );
        let lease = parse_lease("1795388568 02:00:00:00:01:02 192.168.77.158 dev2-tablet 01:02").unwrap().to_string();
        assert_eq!(lease, "leased 192.168.77.158 02:00:00:00:01:02 host=dev2-tablet");
        assert_eq!(parse_lease("duid 00:01:00:01:32:96:23:04:02:00:00:00:00:01"), None);
    }
}
