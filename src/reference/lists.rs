//! Lists of addresses, prefixes and names that others warn of: read from text into sorted tables, and searched.
//!
//! A line is one of these. Formats may be mixed; a line that is none of them is counted and skipped:
//!
//! ```text
//! 203.0.113.9            203.0.113.0/24        2001:db8::/32         an address or a prefix
//! 203.0.113.9:8080       [2001:db8::9]:8080                          the port is ignored
//! bad.example            *.bad.example         ||bad.example^        a name lists all below it
//! 0.0.0.0 bad.example                                                as in a hosts file
//! 203.0.113.9,comment    203.0.113.0/24 ; comment                    a comment is shown with the entry
//! # comment              ! comment             ; comment             # title: what people call the list
//! ```
//!
//! An IPv4 entry takes 8 bytes, an IPv6 entry 20, and a name 10: 100,000 entries are 0.8, 2.0 and 1.0 MB. What the
//! house needs cannot be listed: private addresses, prefixes that are too wide, names with one label or of the house.

use crate::fnv::Fnv64;
use crate::limits;
use crate::model::{is_local, is_local_domain};
use ipnet::IpNet;
use std::collections::BinaryHeap;
use std::io::{self, BufRead, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The shortest prefixes of IPv4 and IPv6 that may be listed. Wider ones would list half of the Internet.
const WIDEST: (u8, u8) = (8, 16);
/// How many characters of a comment or title are kept.
const COMMENT_CHARS_MAX: usize = 80;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct V4 {
    net: u32,
    length: u8,
    label: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct V6 {
    net: [u16; 8],
    length: u8,
    label: u16,
}

/// A name by the 64 bits of its hash, in pieces that need no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NameHash {
    hash: [u16; 4],
    label: u16,
}

/// The list that an entry belongs to, and the comment on it.
#[derive(Clone, Debug)]
struct Label {
    list: u16,
    comment: Box<str>,
}

/// One list: what people call it, and how many of its lines were of use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The title that the list states, or else the name of its file.
    pub title: String,
    /// The number of entries that were taken.
    pub entries: u32,
    /// The number of lines that were refused.
    pub refused: u32,
    /// The number of the first refused line, and why it was refused.
    pub first_refused: Option<(u32, &'static str)>,
    /// The number of entries for which there was no room.
    pub no_room: u32,
}

/// An entry that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The title of the list.
    pub title: &'a str,
    /// The comment that the list has on the entry; it may be empty.
    pub comment: &'a str,
}

/// All lists, in tables that can be searched.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    lists: Vec<List>,
    labels: Vec<Label>,
    v4: Vec<V4>,
    v6: Vec<V6>,
    names: Vec<NameHash>,
}

fn mask4(net: u32, length: u8) -> u32 {
    net & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

fn mask6(net: u128, length: u8) -> u128 {
    net & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

impl V4 {
    fn holds(&self, ip: u32) -> bool {
        mask4(ip, self.length) == self.net
    }
}

impl V6 {
    fn holds(&self, ip: u128) -> bool {
        mask6(ip, self.length) == Ipv6Addr::from(self.net).to_bits()
    }
}

/// Searches for a name or one of its parents, the shortest first: `look` gets each with its hash. The hashes begin at
/// the end of the name, so that one pass makes them all. Of 100,000 names, two have the same 64 bits by a chance of 1
/// in 2^31.
fn find_suffix<T>(name: &str, mut look: impl FnMut(&str, [u16; 4]) -> Option<T>) -> Option<T> {
    let split = |hash: Fnv64| [48, 32, 16, 0].map(|shift| (hash.value() >> shift) as u16);
    let (mut hash, mut dots) = (Fnv64::default(), 0);
    for (at, byte) in name.bytes().enumerate().rev() {
        if byte == b'.' {
            let found = if dots > 0 { look(&name[at + 1..], split(hash)) } else { None };
            if found.is_some() {
                return found;
            }
            dots += 1;
        }
        hash.update(&[byte.to_ascii_lowercase()]);
    }
    if dots > 0 { look(name, split(hash)) } else { None }
}

impl Lists {
    /// Returns the entry for an address. An address of the house has none, though a wide prefix such as 192.160.0.0/12
    /// may hold it.
    pub fn address(&self, ip: IpAddr) -> Option<Listed<'_>> {
        if is_local(ip) {
            return None;
        }
        let label = match ip.to_canonical() {
            IpAddr::V4(ip) => {
                let ip = ip.to_bits();
                let before = self.v4.partition_point(|entry| entry.net <= ip).checked_sub(1)?;
                self.v4.get(before).filter(|entry| entry.holds(ip))?.label
            }
            IpAddr::V6(ip) => {
                let net = ip.segments();
                let before = self.v6.partition_point(|entry| entry.net <= net).checked_sub(1)?;
                self.v6.get(before).filter(|entry| entry.holds(ip.to_bits()))?.label
            }
        };
        self.listed(label)
    }

    /// Returns the part of a name that is listed, and its entry.
    pub fn name<'a, 'b>(&'a self, name: &'b str) -> Option<(&'b str, Listed<'a>)> {
        if self.names.is_empty() {
            return None;
        }
        let label = |hash| self.names.binary_search_by_key(&hash, |entry| entry.hash).ok();
        let mut from = 0;
        let label = find_suffix(name, |suffix, hash| {
            from = name.len() - suffix.len();
            label(hash).and_then(|at| self.names.get(at))
        });
        Some((&name[from..], self.listed(label?.label)?))
    }

    fn listed(&self, label: u16) -> Option<Listed<'_>> {
        let label = self.labels.get(usize::from(label))?;
        let list = self.lists.get(usize::from(label.list))?;
        Some(Listed { title: &list.title, comment: &label.comment })
    }

    /// Returns the number of entries, without those that lie within a wider one.
    pub fn len(&self) -> usize {
        self.v4.len() + self.v6.len() + self.names.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns each list, in the order in which they were read.
    pub fn all(&self) -> &[List] {
        &self.lists
    }

    /// Returns the memory that the tables take, in bytes.
    pub fn bytes(&self) -> usize {
        let comments = self.labels.iter().map(|label| size_of::<Label>() + label.comment.len());
        self.v4.len() * size_of::<V4>()
            + self.v6.len() * size_of::<V6>()
            + self.names.len() * size_of::<NameHash>()
            + comments.sum::<usize>()
    }
}

/// Reads lists, one after the other.
#[derive(Debug, Default)]
pub struct Reader {
    all: Lists,
    /// The labels of the list that is being read, by their comments, so that each is kept once.
    known: Vec<u16>,
}

/// What an entry in a line lists.
#[derive(Debug, PartialEq, Eq)]
enum Pattern {
    Net(IpNet),
    Name(String),
}

/// Returns a text as graphic ASCII with single spaces, and not too long: a list is a stranger's text.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim_ascii().chars() {
        match c {
            _ if out.len() >= COMMENT_CHARS_MAX => break,
            '!'..='~' => out.push(c),
            ' ' | '\t' if out.ends_with(' ') => {}
            ' ' | '\t' => out.push(' '),
            _ => out.push('?'),
        }
    }
    out
}

/// Reads an address, a prefix, or an address with a port.
fn net(text: &str) -> Option<IpNet> {
    let address = text.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|both| both.ip()));
    match address {
        Ok(ip) => Some(ip.to_canonical().into()),
        Err(_) => text.parse::<IpNet>().ok().map(|net| net.trunc()),
    }
}

/// Reads a name, or says why it is none or cannot be listed.
fn name(text: &str) -> Result<String, &'static str> {
    let text = text.strip_prefix("*.").unwrap_or(text).trim_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..64).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    if text.len() > 253 || !text.split('.').all(label) || last.bytes().all(|b| b.is_ascii_digit()) {
        return Err("is neither an address, a prefix nor a name");
    }
    if !text.contains('.') || is_local_domain(last) {
        return Err("would list a whole top level, or the house");
    }
    Ok(text)
}

/// Returns the entries of a line that is no comment, and the comment on them.
fn entries(line: &str) -> Result<(Vec<Pattern>, &str), &'static str> {
    // The mark of a comment within a word belongs to the word.
    let is_mark = |pair: &[u8]| pair[0].is_ascii_whitespace() && matches!(pair[1], b'#' | b';' | b'!');
    let mark = line.as_bytes().windows(2).position(is_mark);
    let (what, comment) = mark.map_or((line, ""), |at| (&line[..at], &line[at + 2..]));
    let (what, comment) = what.split_once(',').unwrap_or((what, comment));
    if let Some(rest) = what.strip_prefix("||") {
        let plain = rest.strip_suffix('^').ok_or("is more than ||NAME^")?;
        return Ok((
            vec![net(plain).map_or_else(|| name(plain).map(Pattern::Name), |net| Ok(Pattern::Net(net)))?],
            comment,
        ));
    }
    let mut words = what.split_ascii_whitespace();
    let first = words.next().ok_or("has nothing before its comment")?.trim_matches('"');
    let Some(found) = net(first) else {
        let more = words.next().is_some();
        return if more { Err("has several words") } else { Ok((vec![Pattern::Name(name(first)?)], comment)) };
    };
    let rest: Vec<&str> = words.collect();
    let nowhere = found.addr().is_unspecified() || found.addr().is_loopback();
    match rest.first() {
        Some(_) if nowhere => {
            let names: Result<_, _> = rest.iter().map(|word| name(word).map(Pattern::Name)).collect();
            Ok((names?, comment))
        }
        // `203.0.113.9 some.example` sends people to the address, so it is no warning of it.
        Some(word) if name(word).is_ok() => Err("gives a name another address"),
        Some(word) => Ok((vec![Pattern::Net(found)], if comment.is_empty() { word } else { comment })),
        None => Ok((vec![Pattern::Net(found)], comment)),
    }
}

/// Refuses a prefix that holds half of the Internet, or begins or ends in the house.
fn check_width(net: &IpNet) -> Result<(), &'static str> {
    let widest = if net.addr().is_ipv4() { WIDEST.0 } else { WIDEST.1 };
    if net.prefix_len() < widest {
        return Err("is too wide a prefix");
    }
    if is_local(net.network()) || is_local(net.broadcast()) { Err("is an address of the house") } else { Ok(()) }
}

impl Reader {
    /// Reads a list to its end. `stem` is the name of its file without the extension.
    ///
    /// # Errors
    /// The input cannot be read, or there are too many lists already.
    pub fn read(&mut self, stem: &str, mut input: impl BufRead) -> io::Result<()> {
        if self.all.lists.len() >= limits::LISTS {
            return Err(io::Error::other(format!("there are {} lists already", limits::LISTS)));
        }
        self.all.lists.push(List { title: printable(stem), ..List::default() });
        self.known.clear();
        self.label("");
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            let length = input.by_ref().take(limits::LIST_LINE_BYTES).read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(());
            }
            number += 1;
            let result = match std::str::from_utf8(&line) {
                Ok(text) => self.line(text.trim_start_matches('\u{feff}').trim_ascii()),
                Err(_) => Err("is not text"),
            };
            if let (Err(why), Some(list)) = (result, self.all.lists.last_mut()) {
                list.refused += 1;
                list.first_refused.get_or_insert((number, why));
            }
        }
    }

    /// Returns what was read so far. It is not sorted yet, so it can be counted but not searched.
    pub fn so_far(&self) -> &Lists {
        &self.all
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let Some(list) = self.all.lists.last_mut() else { return Ok(()) };
        if let Some(said) = line.strip_prefix(['#', '!', ';']) {
            let title = said.trim_ascii().split_at_checked(6).filter(|(word, _)| word.eq_ignore_ascii_case("title:"));
            if let Some((_, title)) = title.filter(|(_, title)| list.entries == 0 && !title.trim_ascii().is_empty()) {
                list.title = printable(title);
            }
            return Ok(());
        }
        if line.is_empty() || line.starts_with('[') && line.ends_with(']') {
            return Ok(());
        }
        let (entries, comment) = entries(line)?;
        for entry in &entries {
            if let Pattern::Net(net) = entry {
                check_width(net)?;
            }
        }
        let comment = printable(comment.trim_matches('"'));
        for entry in entries {
            self.add(entry, &comment);
        }
        Ok(())
    }

    fn add(&mut self, entry: Pattern, comment: &str) {
        let room = self.all.len() < limits::LIST_ENTRIES;
        let label = self.label(comment);
        let lists = &mut self.all;
        let Some(list) = lists.lists.last_mut() else { return };
        if !room {
            list.no_room += 1;
            return;
        }
        list.entries += 1;
        match entry {
            Pattern::Net(IpNet::V4(net)) => {
                lists.v4.push(V4 { net: net.network().to_bits(), length: net.prefix_len(), label });
            }
            Pattern::Net(IpNet::V6(net)) => {
                lists.v6.push(V6 { net: net.network().segments(), length: net.prefix_len(), label });
            }
            Pattern::Name(name) => {
                // The whole name is the longest of its suffixes.
                let whole = |suffix: &str, hash| (suffix.len() == name.len()).then_some(hash);
                lists.names.extend(find_suffix(&name, whole).map(|hash| NameHash { hash, label }));
            }
        }
    }

    fn label(&mut self, comment: &str) -> u16 {
        let list = (self.all.lists.len() - 1) as u16;
        let labels = &mut self.all.labels;
        // When there are too many, the label without a comment is used, which each list has from its beginning.
        let comment = if labels.len() >= limits::LIST_COMMENTS { "" } else { comment };
        match self.known.binary_search_by(|label| (*labels[usize::from(*label)].comment).cmp(comment)) {
            Ok(at) => self.known[at],
            Err(at) => {
                let label = labels.len() as u16;
                labels.push(Label { list, comment: comment.into() });
                self.known.insert(at, label);
                label
            }
        }
    }

    /// Ends reading: sorts the tables and drops entries within a wider one. Of equal entries that of the first list
    /// stays.
    pub fn finish(self) -> Lists {
        let mut lists = self.all;
        // The code of a heap is a fraction of the size of that of the other sorts, three times.
        lists.v4 = BinaryHeap::from(lists.v4).into_sorted_vec();
        lists.v6 = BinaryHeap::from(lists.v6).into_sorted_vec();
        lists.names = BinaryHeap::from(lists.names).into_sorted_vec();
        lists.v4.dedup_by(|entry, before| before.holds(entry.net));
        lists.v6.dedup_by(|entry, before| before.holds(Ipv6Addr::from(entry.net).to_bits()));
        lists.names.dedup_by_key(|entry| entry.hash);
        lists.v4.shrink_to_fit();
        lists.v6.shrink_to_fit();
        lists.names.shrink_to_fit();
        lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn read(text: &str) -> Lists {
        let mut reader = Reader::default();
        reader.read("mine", text.as_bytes()).unwrap();
        reader.finish()
    }

    fn address<'a>(lists: &'a Lists, ip: &str) -> Option<&'a str> {
        lists.address(ip.parse().unwrap()).map(|listed| listed.comment)
    }

    #[test]
    fn every_form_of_a_line_is_read() {
        let lists = read(
            "\u{feff}# Title: Bad  ones\r\n! a comment\n; another\n[Adblock Plus 2.0]\n\n203.0.113.9\n\
             203.0.114.0/24,from , here\n2001:db8:1::/48\n2001:db8:2::7 # seven\n198.51.100.1:8080\n\
             [2001:db8:3::1]:53\n0.0.0.0 Bad.Example worse.example\nlisted.example.\n||adblock.example^\n\
             *.star.example\n198.51.101.0/24 ; SBL1\n198.51.102.1\t7\n::ffff:198.51.103.1\n",
        );
        assert_eq!((lists.all()[0].refused, lists.all()[0].title.as_str()), (0, "Bad ones"), "{lists:?}");
        assert_eq!(lists.len(), 14);
        for (ip, says) in [
            ("203.0.113.9", Some("")),
            ("203.0.113.8", None),
            ("203.0.114.255", Some("from , here")),
            ("203.0.115.0", None),
            ("2001:db8:1:ffff::1", Some("")),
            ("2001:db8:2::7", Some("seven")),
            ("2001:db8:2::8", None),
            ("198.51.100.1", Some("")),
            ("2001:db8:3::1", Some("")),
            ("198.51.101.77", Some("SBL1")),
            ("198.51.102.1", Some("7")),
            ("198.51.103.1", Some("")),
            ("::ffff:203.0.113.9", Some("")),
        ] {
            assert_eq!(address(&lists, ip), says, "{ip}");
        }
        for (name, listed) in [
            ("bad.example", Some("bad.example")),
            ("a.b.bad.example", Some("bad.example")),
            ("BAD.example", Some("BAD.example")),
            ("xbad.example", None),
            ("example", None),
            ("", None),
            ("..", None),
            ("worse.example", Some("worse.example")),
            ("x.listed.example", Some("listed.example")),
            ("adblock.example", Some("adblock.example")),
            ("star.example", Some("star.example")),
            ("good.example", None),
        ] {
            assert_eq!(lists.name(name).map(|(listed, _)| listed), listed, "{name}");
        }
    }

    #[test]
    fn what_the_house_needs_cannot_be_listed() {
        let bad = [
            "0.0.0.0/0",
            "0.0.0.0/7",
            "192.168.1.1",
            "10.0.0.0/8",
            "224.0.0.0/8",
            "255.255.255.255",
            "::/0",
            "2000::/3",
            "fd00::/16",
            "ff02::fb",
            "127.0.0.1",
            "com",
            "0.0.0.0 localhost",
            "127.0.0.1 router.lan",
            "1.168.192.in-addr.arpa",
            "203.0.113.9 search.example",
            "bad example",
            "||bad.example^$third-party",
            "@@||good.example^",
            "1.2.3",
            "1.2.3.4.5",
            "b\u{fc}cher.example",
            "-,-",
            "a..example",
        ];
        let lists = read(&bad.join("\n"));
        assert!(lists.is_empty(), "{lists:?}");
        let list = &lists.all()[0];
        assert_eq!((list.refused as usize, list.first_refused), (bad.len(), Some((1, "is too wide a prefix"))));
        // A prefix that begins and ends outside of the house may hold it all the same.
        let lists = read("192.160.0.0/12\n172.0.0.0/8");
        assert_eq!((address(&lists, "192.161.0.1"), address(&lists, "172.1.0.1")), (Some(""), Some("")));
        assert_eq!((address(&lists, "192.168.8.4"), address(&lists, "172.16.0.1")), (None, None));
        assert!(!read("203.0.113.0/8\n2001::/16").is_empty());
    }

    #[test]
    fn a_wider_entry_and_an_earlier_list_win() {
        let mut reader = Reader::default();
        reader.read("one", &b"203.0.113.9,narrow\n203.0.113.0/24,wide\n203.0.112.0/24\nbad.example,first"[..]).unwrap();
        reader.read("two", &b"203.0.113.200\nbad.example,second\nfine.example"[..]).unwrap();
        let lists = reader.finish();
        assert_eq!(address(&lists, "203.0.113.9"), Some("wide"));
        let listed = |name| lists.name(name).map(|(_, listed)| (listed.title, listed.comment));
        assert_eq!(listed("bad.example"), Some(("one", "first")));
        assert_eq!(listed("fine.example"), Some(("two", "")));
        assert_eq!(lists.len(), 4);
    }

    /// The sizes that the documentation of the module states.
    #[test]
    fn a_hundred_thousand_entries_have_the_documented_size() {
        assert_eq!((size_of::<V4>(), size_of::<V6>(), size_of::<NameHash>()), (8, 20, 10));
        let mut text = String::new();
        for n in 0..u32::try_from(limits::LIST_ENTRIES).unwrap() {
            text += &format!("{},all the same\n", Ipv4Addr::from_bits(0x1000_0000 + n * 16));
        }
        text += "name.example\n";
        let lists = read(&text);
        assert_eq!((lists.len(), lists.all()[0].no_room), (100_000, 1));
        assert!(lists.bytes() < 800_100, "{}", lists.bytes());
        assert!(address(&lists, "16.0.0.16").is_some() && address(&lists, "16.0.0.17").is_none());
        let names = read(&(0..50_000).map(|n| format!("{n}.example\n")).collect::<String>());
        assert_eq!(names.len(), 50_000, "no two have the same hash");
        assert!(names.bytes() < 500_100, "{}", names.bytes());
    }

    #[test]
    fn comments_and_lists_are_bounded() {
        let text: String = (1..5_000).map(|n| format!("16.0.{}.{},comment {n}\n", n / 250, n % 250)).collect();
        let lists = read(&text);
        assert!(lists.labels.len() <= limits::LIST_COMMENTS);
        assert_eq!((address(&lists, "16.0.0.7"), address(&lists, "16.0.19.240")), (Some("comment 7"), Some("")));
        let mut reader = Reader::default();
        for n in 0..limits::LISTS {
            reader.read(&n.to_string(), &b"16.0.0.1"[..]).unwrap();
        }
        assert!(reader.read("more", &b"16.0.0.1"[..]).is_err());
        assert_eq!(printable(&format!("a\x1b[31m  \u{fc}b{}", "c".repeat(200))).len(), COMMENT_CHARS_MAX);
        assert_eq!(printable(" a\x1b[31m \t \u{fc}b "), "a?[31m ?b");
    }
}
