//! dnsmasq's query log (`log-queries`, `=extra` and `=proto`) as lookups; its DHCP lines as leases.
//!
//! Only text that dnsmasq wrote itself is believed, as far as a text can show that. With ids, an answer needs an open
//! question with its id and its client. Names are read from the ends of a line, since blanks in them are not escaped.
//! The warning of a DNS rebind prints a name raw, line ends included, so every line that begins within the longest
//! message behind it is refused. Without ids answers are joined to questions by name, which is the best that can be
//! done.

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
    ("ANY", 255),
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

#[derive(Debug)]
struct Question {
    id: Option<u32>,
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
        if let Some(message) = after(&line, "dnsmasq-dhcp[") {
            out.extend(lease(message));
        } else if let Some(message) = after(&line, "dnsmasq[") {
            if message.starts_with("possible DNS-rebind attack detected: ") {
                (self.suspect, self.gap_reported) = (MESSAGE_BYTES_MAX.saturating_sub(line.len()), false);
            } else if message.starts_with("started, ") {
                self.questions.clear();
            } else {
                self.message(message);
            }
        }
    }

    /// Reports the lookups that the answers so far have yielded. It is to be called when there are no more lines for
    /// now.
    pub fn flush(&mut self, out: &mut Vec<Event>) {
        for question in self.questions.iter_mut().filter(|question| question.unreported) {
            question.unreported = false;
            let server = match question.client {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
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

    fn message(&mut self, message: &str) {
        let (source, rest) = match prefix(message) {
            Some((id, client, rest)) => (Some((id, client)), rest),
            None => (None, message),
        };
        if let Some(rest) = rest.strip_prefix("query[") {
            return self.question(source, rest);
        }
        let Some((verb, rest)) = rest.split_once(' ') else { return };
        if !matches!(verb, "reply" | "cached" | "cached-stale" | "config" | "DHCP") && !verb.starts_with('/') {
            return;
        }
        match (source, rest.rsplit_once(" is ")) {
            (Some((id, client)), Some(("query", "duplicate"))) => self.duplicate(id, client),
            (Some((id, client)), Some((_, answer))) => {
                let line = self.counts.lines;
                match self.questions.iter_mut().rfind(|q| q.id == Some(id) && q.client == client) {
                    Some(question) => question.answer(rest, answer, line),
                    None => self.counts.stray += 1,
                }
            }
            (None, Some((owner, answer))) => self.answer_by_name(owner, rest, answer),
            (_, None) => {}
        }
    }

    fn question(&mut self, source: Option<(u32, IpAddr)>, rest: &str) {
        let Some((record_type, rest)) = rest.split_once("] ") else { return };
        let Some((asked, by)) = rest.rsplit_once(" from ") else { return };
        let Ok(by) = by.split('%').next().unwrap_or(by).parse::<IpAddr>() else { return };
        if source.is_some_and(|(_, client)| client != by) {
            self.counts.stray += 1;
            return;
        }
        let known = RECORD_TYPES.iter().find(|(word, _)| *word == record_type).map(|(_, number)| *number);
        let record_type = known.or_else(|| record_type.strip_prefix("type=")?.parse().ok()).unwrap_or_default();
        if self.questions.len() >= QUESTIONS_MAX {
            self.questions.pop_front();
        }
        self.counts.questions += 1;
        self.questions.push_back(Question {
            id: source.map(|(id, _)| id),
            client: by,
            name: name(asked.as_bytes()),
            record_type,
            outcome: Outcome::Found,
            addresses: Vec::new(),
            aliases: Vec::new(),
            answered: false,
            reported: 0,
            unreported: false,
            line: 0,
        });
    }

    /// Answers a question with the answer to another client that asked the same at the same time.
    fn duplicate(&mut self, id: u32, client: IpAddr) {
        let Some(at) = self.questions.iter().rposition(|q| q.id == Some(id) && q.client == client) else {
            self.counts.stray += 1;
            return;
        };
        let (asked, record_type) = (self.questions[at].name.clone(), self.questions[at].record_type);
        let twin = self.questions.iter().rfind(|q| q.answered && q.name == asked && q.record_type == record_type);
        let Some(twin) = twin else { return };
        let (outcome, addresses, aliases) = (twin.outcome, twin.addresses.clone(), twin.aliases.clone());
        let question = &mut self.questions[at];
        (question.outcome, question.addresses, question.aliases) = (outcome, addresses, aliases);
        (question.answered, question.unreported) = (true, true);
    }

    /// Takes an answer of a log without ids: it is for all questions that wait for this name, or whose chain of aliases
    /// the line before led here.
    fn answer_by_name(&mut self, owner: &str, rest: &str, answer: &str) {
        let (owner, line) = (name(owner.as_bytes()), self.counts.lines);
        let mut found = false;
        for question in &mut self.questions {
            let goes_on = question.line + 1 == line;
            if goes_on || (!question.answered && question.name == owner) {
                question.answer(rest, answer, line);
                found = true;
            }
        }
        self.counts.stray += u64::from(!found);
    }
}

impl Question {
    fn answer(&mut self, rest: &str, answer: &str, line: u64) {
        self.line = line;
        if rest.starts_with("error is ") {
            self.end(Outcome::Failed(match answer.split(' ').next() {
                Some("SERVFAIL") => 2,
                Some("REFUSED") => 5,
                _ => 4,
            }));
        } else if answer == "<CNAME>" {
            if let Some((owner, _)) = rest.rsplit_once(" is ")
                && self.aliases.len() < ALIASES_MAX
            {
                let owner = name(owner.as_bytes());
                if owner != self.name && !self.aliases.contains(&owner) {
                    self.aliases.push(owner);
                }
            }
        } else if answer == "NXDOMAIN" {
            self.end(Outcome::NoSuchName);
        } else if answer.starts_with("NODATA") || answer.starts_with('<') || !matches!(self.record_type, 1 | 28) {
            self.end(Outcome::Found);
        } else if let Ok(address) = answer.parse::<IpAddr>()
            // An address of the other family was not asked for: it is a text that looks like an address.
            && matches!((self.record_type, address), (1, IpAddr::V4(_)) | (28, IpAddr::V6(_)))
        {
            if self.addresses.len() < ADDRESSES_MAX && !self.addresses.contains(&address) {
                self.addresses.push(address);
            }
            self.end(Outcome::Found);
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

/// Returns what stands behind `daemon`, a process id and a colon, at the beginning of a line or behind its date.
fn after<'a>(line: &'a str, daemon: &str) -> Option<&'a str> {
    let (head, rest) = line.split_once(daemon)?;
    let (pid, message) = rest.split_once("]: ")?;
    (head.len() < 64 && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())).then_some(message)
}

/// Splits off the id and the client that `=extra` and `=proto` put before a message.
fn prefix(message: &str) -> Option<(u32, IpAddr, &str)> {
    let message = message.strip_prefix("UDP ").or(message.strip_prefix("TCP ")).unwrap_or(message);
    let (id, rest) = message.split_once(' ')?;
    let (client, rest) = rest.split_once(' ')?;
    let (client, _port) = client.rsplit_once('/')?;
    Some((id.parse().ok()?, client.split('%').next()?.parse().ok()?, rest))
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
        return Some(Event::Booted { mac, hostname: None, vendor_class: None });
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
        assert_eq!(said, ["booted 02:00:00:00:01:02", "leased 192.168.77.9 02:00:00:00:01:02 host=tv"]);
        let lease = parse_lease("1795388568 02:00:00:00:01:02 192.168.77.158 dev2-tablet 01:02").unwrap().to_string();
        assert_eq!(lease, "leased 192.168.77.158 02:00:00:00:01:02 host=dev2-tablet");
        assert_eq!(parse_lease("duid 00:01:00:01:32:96:23:04:02:00:00:00:00:01"), None);
    }
}
