//! dnsmasq's query log (`log-queries`, `=extra` and `=proto`) as lookups; its DHCP lines as leases.
//!
//! Only text that dnsmasq wrote itself is believed, as far as a text can tell. With ids, an answer needs the open
//! question with its id and its client. Names are read from the ends of a line, since blanks in them are not escaped.
//! The warning of a DNS rebind prints a name raw, line ends included, so all that begins within the longest message
//! behind it is refused. Without ids answers are joined to questions by name, which is the best that can be done.

use crate::event::{Event, Source};
use crate::model::{self, Lookup, Mac, Name, Outcome};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Questions that are remembered: dnsmasq itself has at most 150 under way (`dns-forward-max`).
const QUESTIONS: usize = 256;
/// Addresses of one answer that are kept.
const ADDRESSES: usize = 64;
/// Names of one chain that are kept.
const ALIASES: usize = 8;
/// The longest message (dnsmasq's log.c, `MAX_MESSAGE`).
const MESSAGE: usize = 1_024;

/// Record types by the words of dnsmasq's rfc1035.c (RFC 1035, section 3.2.2, and the later ones).
const KINDS: [(&str, u16); 13] = [
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

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines of any kind.
    pub lines: u64,
    /// Questions.
    pub questions: u64,
    /// Answers to nobody's question, or of the wrong client.
    pub stray: u64,
    /// Lines that may have been forged.
    pub refused: u64,
}

#[derive(Debug)]
struct Question {
    id: Option<u32>,
    client: IpAddr,
    name: Name,
    kind: u16,
    outcome: Outcome,
    addresses: Vec<IpAddr>,
    aliases: Vec<Name>,
    answered: bool,
    /// Of the addresses, those already told.
    told: usize,
    /// There is something to tell.
    fresh: bool,
    /// The line of its latest answer.
    line: u64,
}

/// Joins the lines of a log to lookups.
#[derive(Debug, Default)]
pub struct Log {
    questions: VecDeque<Question>,
    /// What was read.
    pub counts: Counts,
    /// Bytes behind a warning of a rebind that are not to be believed.
    suspect: usize,
    /// That something was refused there was told.
    gap_told: bool,
}

impl Log {
    /// Takes a line, without its end.
    pub fn line(&mut self, line: &[u8], out: &mut Vec<Event>) {
        self.counts.lines += 1;
        if self.suspect > 0 {
            self.suspect = self.suspect.saturating_sub(line.len() + 1);
            self.counts.refused += 1;
            // A true answer may have been among them.
            if !std::mem::replace(&mut self.gap_told, true) {
                out.push(Event::Gap { source: Source::Lookups });
            }
            return;
        }
        let line = String::from_utf8_lossy(line);
        if let Some(message) = after(&line, "dnsmasq-dhcp[") {
            out.extend(lease(message));
        } else if let Some(message) = after(&line, "dnsmasq[") {
            if message.starts_with("possible DNS-rebind attack detected: ") {
                (self.suspect, self.gap_told) = (MESSAGE.saturating_sub(line.len()), false);
            } else if message.starts_with("started, ") {
                self.questions.clear();
            } else {
                self.message(message);
            }
        }
    }

    /// No more lines for now: tells what the answers so far have yielded.
    pub fn flush(&mut self, out: &mut Vec<Event>) {
        for question in self.questions.iter_mut().filter(|question| question.fresh) {
            question.fresh = false;
            let server = match question.client {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            let addresses = question.addresses.split_off(0);
            question.told = addresses.len();
            question.addresses.clone_from(&addresses);
            out.push(Event::Looked(Lookup {
                by: question.client,
                server,
                kind: question.kind,
                name: question.name.clone(),
                outcome: question.outcome,
                addresses,
                aliases: question.aliases.clone(),
            }));
        }
    }

    /// The file is another one now: open questions of the old one are not answered in it.
    pub fn forget(&mut self) {
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
        let Some((kind, rest)) = rest.split_once("] ") else { return };
        let Some((asked, by)) = rest.rsplit_once(" from ") else { return };
        let Ok(by) = by.split('%').next().unwrap_or(by).parse::<IpAddr>() else { return };
        if source.is_some_and(|(_, client)| client != by) {
            self.counts.stray += 1;
            return;
        }
        let known = KINDS.iter().find(|(word, _)| *word == kind).map(|(_, kind)| *kind);
        let kind = known.or_else(|| kind.strip_prefix("type=")?.parse().ok()).unwrap_or_default();
        if self.questions.len() >= QUESTIONS {
            self.questions.pop_front();
        }
        self.counts.questions += 1;
        self.questions.push_back(Question {
            id: source.map(|(id, _)| id),
            client: by,
            name: name(asked.as_bytes()),
            kind,
            outcome: Outcome::Found,
            addresses: Vec::new(),
            aliases: Vec::new(),
            answered: false,
            told: 0,
            fresh: false,
            line: 0,
        });
    }

    /// The answer that another client waited for at the same time is this one's too.
    fn duplicate(&mut self, id: u32, client: IpAddr) {
        let Some(at) = self.questions.iter().rposition(|q| q.id == Some(id) && q.client == client) else {
            self.counts.stray += 1;
            return;
        };
        let (asked, kind) = (self.questions[at].name.clone(), self.questions[at].kind);
        let twin = self.questions.iter().rfind(|q| q.answered && q.name == asked && q.kind == kind);
        let Some(twin) = twin else { return };
        let (outcome, addresses, aliases) = (twin.outcome, twin.addresses.clone(), twin.aliases.clone());
        let question = &mut self.questions[at];
        (question.outcome, question.addresses, question.aliases) = (outcome, addresses, aliases);
        (question.answered, question.fresh) = (true, true);
    }

    /// Without ids: to all that wait for this name, or whose chain of names the line before led here.
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
                && self.aliases.len() < ALIASES
            {
                let owner = name(owner.as_bytes());
                if owner != self.name && !self.aliases.contains(&owner) {
                    self.aliases.push(owner);
                }
            }
        } else if answer == "NXDOMAIN" {
            self.end(Outcome::NoSuchName);
        } else if answer.starts_with("NODATA") || answer.starts_with('<') || !matches!(self.kind, 1 | 28) {
            self.end(Outcome::Found);
        } else if let Ok(address) = answer.parse::<IpAddr>()
            // What the type does not ask for is a text that looks like an address.
            && matches!((self.kind, address), (1, IpAddr::V4(_)) | (28, IpAddr::V6(_)))
        {
            if self.addresses.len() < ADDRESSES && !self.addresses.contains(&address) {
                self.addresses.push(address);
            }
            self.end(Outcome::Found);
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.fresh |= !self.answered || outcome != self.outcome || self.addresses.len() > self.told;
        (self.outcome, self.answered) = (outcome, true);
    }
}

/// As [`super::dns`] has it: the root is a dot.
fn name(text: &[u8]) -> Name {
    if matches!(text, b"" | b".") { ".".into() } else { model::name(text) }
}

/// What stands behind `daemon`, a process id and a colon, at the line's begin or behind the date.
fn after<'a>(line: &'a str, daemon: &str) -> Option<&'a str> {
    let (head, rest) = line.split_once(daemon)?;
    let (pid, message) = rest.split_once("]: ")?;
    (head.len() < 64 && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())).then_some(message)
}

/// The id and client of `=extra` and `=proto`.
fn prefix(message: &str) -> Option<(u32, IpAddr, &str)> {
    let message = message.strip_prefix("UDP ").or(message.strip_prefix("TCP ")).unwrap_or(message);
    let (id, rest) = message.split_once(' ')?;
    let (client, rest) = rest.split_once(' ')?;
    let (client, _port) = client.rsplit_once('/')?;
    Some((id.parse().ok()?, client.split('%').next()?.parse().ok()?, rest))
}

/// `[XID] DHCPACK(IF) IP MAC [HOST]` and `[XID] DHCPDISCOVER(IF) [IP] MAC`.
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

/// A line of the leases file: `EXPIRY MAC IP HOST CLIENT-ID` (dnsmasq's lease.c).
pub fn leases_line(line: &str) -> Option<Event> {
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

    fn read(text: &str) -> (Log, Vec<Event>) {
        let (mut log, mut out) = (Log::default(), Vec::new());
        text.lines().for_each(|line| log.line(line.as_bytes(), &mut out));
        log.flush(&mut out);
        (log, out)
    }

    fn lookups(events: &[Event]) -> Vec<&Lookup> {
        events.iter().filter_map(|event| if let Event::Looked(lookup) = event { Some(lookup) } else { None }).collect()
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
            let of = |name: &str, kind| {
                let found: Vec<_> = lookups.iter().filter(|l| &*l.name == name && l.kind == kind).collect();
                assert!(!found.is_empty(), "{name} {kind}");
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
                assert!(both[0].by != both[1].by && both[0].addresses == both[1].addresses, "{name}");
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
        let lease = leases_line("1795388568 02:00:00:00:01:02 192.168.77.158 dev2-tablet 01:02").unwrap().to_string();
        assert_eq!(lease, "leased 192.168.77.158 02:00:00:00:01:02 host=dev2-tablet");
        assert_eq!(leases_line("duid 00:01:00:01:32:96:23:04:02:00:00:00:00:01"), None);
    }
}
