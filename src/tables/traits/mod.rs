//! What a device tells of itself, and which kind of device that speaks for. All of it is the device's own claim: it
//! describes the device to people, and no detector asks.
//!
//! Texts are not kept. Each sets bits of the entries of `rules.rs` that it fits, so that a device takes a few bytes
//! however much it tells.

mod rules;

use crate::event::Announcement;
use crate::fnv::fnv32;
use crate::kind::Kind;
pub use rules::Clue;
use rules::{GROUPS, NAMES};
use std::cmp::Ordering;

const CLUES: usize = 8;
const WORDS: usize = GROUPS.len().div_ceil(32);
const _: () = assert!(NAMES.len() < u16::MAX as usize);

/// What was told of one device.
#[derive(Clone, Debug, Default)]
pub struct Traits {
    /// A bit for each entry of the table that something fitted.
    told: [u32; WORDS],
    /// The names that it looks up, by the places where their lines end: of each of up to four kinds the one with the most
    /// weight. 0 is none.
    names: [u16; 4],
    /// Stands for the options that it asks for by DHCP; 0 where that is not known. Devices of one model with one system
    /// have the same.
    pub asks: u32,
}

/// What of a device is kept beside its [`Traits`], each absent where it is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// Who made it.
    pub vendor: Option<&'a str>,
    /// Its DHCP vendor class.
    pub class: Option<&'a str>,
    /// What it calls itself.
    pub host: Option<&'a str>,
    /// Its hardware address is made up, as telephones do.
    pub random: bool,
}

/// How sure it is what a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// One hint, or hints that contradict each other.
    Low,
    /// Several hints agree, or a good one stands alone.
    Medium,
    /// Several good hints agree, and little speaks against them.
    High,
}

impl Confidence {
    /// Returns the word for it.
    pub fn text(self) -> &'static str {
        ["low", "medium", "high"][self as usize]
    }
}

/// What a device is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// What it is.
    pub kind: Kind,
    /// How sure that is.
    pub confidence: Confidence,
    /// What told so, in the order of [`Clue`].
    pub clues: Vec<Clue>,
    /// The domain that it looks up, where that told so, too.
    pub name: Option<&'static str>,
}

impl Traits {
    /// Notes the options that the device asks for by DHCP.
    pub fn note_asks(&mut self, asks: &str) {
        self.asks = fnv32(asks.as_bytes()).max(1);
        self.note(Clue::Asks, asks);
    }

    /// Notes what the device told the others in the house.
    pub fn note_announced(&mut self, by: Announcement, text: &str) {
        let is_host = !text.starts_with('_') && !text.starts_with("model=");
        match by {
            Announcement::Mdns if is_host => self.note(Clue::Host, text),
            Announcement::Mdns => self.note(Clue::Mdns, text),
            Announcement::Ssdp => self.note(Clue::Ssdp, text),
        }
    }

    /// Notes a text.
    pub fn note(&mut self, clue: Clue, text: &str) {
        fitting(clue, text, |entry| self.told[entry / 32] |= 1 << (entry % 32));
    }

    /// Notes what ufp says, in place of what it said before.
    pub fn note_ufp(&mut self, text: &str) {
        for (entry, _) in GROUPS.iter().enumerate().filter(|(_, (clue, ..))| *clue == Clue::Ufp) {
            self.told[entry / 32] &= !(1 << (entry % 32));
        }
        self.note(Clue::Ufp, text);
    }

    /// Notes a name that the device looks up.
    pub fn note_name(&mut self, name: &str) {
        let mut rest = name;
        let place = loop {
            if let Some(place) = search(rest) {
                break place;
            }
            let Some((_, after)) = rest.split_once('.') else { return };
            rest = after;
        };
        let Some((_, kind, weight)) = line(place) else { return };
        for slot in &mut self.names {
            match line(*slot) {
                Some((_, other, _)) if other != kind => {}
                Some((_, _, known)) if known >= weight => return,
                _ => return *slot = place,
            }
        }
    }

    /// Returns what was told as a word for the state, without the names, which are there themselves; absent where nothing
    /// was. It begins with a number for the table, which another version of leash may have otherwise.
    pub fn save(&self) -> Option<String> {
        let told = self.asks != 0 || self.told.iter().any(|word| *word != 0);
        told.then(|| {
            self.told.iter().fold(format!("{:x},{:x}", table(), self.asks), |out, word| format!("{out},{word:x}"))
        })
    }

    /// Takes up what [`Traits::save`] wrote; absent where that makes no sense here.
    pub fn restore(text: &str) -> Option<Traits> {
        let mut words = text.split(',').map(|word| u32::from_str_radix(word, 16).ok());
        (words.next()?? == table()).then_some(())?;
        let mut traits = Traits { asks: words.next()??, ..Traits::default() };
        for word in &mut traits.told {
            *word = words.next()??;
        }
        Some(traits)
    }

    /// Adds what was told before a restart; the names are known already.
    pub fn resume(&mut self, before: Traits) {
        *self = Traits { names: self.names, ..before };
    }

    /// Forgets which names it looked up.
    pub fn without_names(self) -> Traits {
        Traits { names: [0; 4], ..self }
    }

    /// Returns the names that it looks up and that say something.
    fn names(&self) -> impl Iterator<Item = (&'static str, Kind, u8)> {
        self.names.iter().filter_map(|place| line(*place))
    }

    /// Returns what the device is taken for; absent where nothing speaks for a kind more than for another.
    pub fn guess(&self, texts: &Texts) -> Option<Guess> {
        let mut weights = [[0_u8; CLUES]; Kind::ALL.len()];
        let mut add = |clue: Clue, kind: Kind, weight: u8| {
            let known = &mut weights[kind as usize][clue as usize];
            *known = (*known).max(weight);
        };
        for (entry, (clue, kind, weight, _)) in GROUPS.iter().enumerate() {
            if self.told[entry / 32] & 1 << (entry % 32) != 0 {
                add(*clue, *kind, *weight);
            }
        }
        for (clue, text) in [(Clue::Vendor, texts.vendor), (Clue::Class, texts.class), (Clue::Host, texts.host)] {
            fitting(clue, text.unwrap_or_default(), |entry| add(clue, GROUPS[entry].1, GROUPS[entry].2));
        }
        // Whoever looks up what several kinds of things look up has their makers' programs: a telephone or a computer.
        let of_people = self.names().filter(|(_, kind, _)| kind.is_simple()).count() > 2;
        for (_, kind, weight) in self.names() {
            add(Clue::Name, kind, if of_people && kind.is_simple() { 0 } else { weight });
        }
        if texts.random || of_people {
            add(Clue::Vendor, Kind::Phone, 1);
        }
        // One program sends both by DHCP, so they are one hint.
        let sum = |of: &[u8; CLUES]| {
            let (class, asks) = (of[Clue::Class as usize], of[Clue::Asks as usize]);
            of.iter().sum::<u8>() - class.min(asks)
        };
        let (best, of_best) = weights.iter().enumerate().max_by_key(|(_, of)| sum(of))?;
        let total = sum(of_best);
        let next = weights.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, of)| sum(of)).max()?;
        if total <= next {
            return None;
        }
        let (kind, _) = Kind::ALL[best];
        let all = [Clue::Vendor, Clue::Class, Clue::Asks, Clue::Host, Clue::Mdns, Clue::Ssdp, Clue::Name, Clue::Ufp];
        let confidence = match (total, total - next) {
            (5.., 3..) => Confidence::High,
            (3.., 2..) => Confidence::Medium,
            _ => Confidence::Low,
        };
        let clues = all.into_iter().filter(|clue| of_best[*clue as usize] > 0).collect();
        let name = self.names().find(|(_, of, _)| *of == kind && of_best[Clue::Name as usize] > 0);
        Some(Guess { kind, confidence, clues, name: name.map(|(name, ..)| name) })
    }
}

/// Returns the name, kind and weight of the line that ends at a place.
fn line(end: u16) -> Option<(&'static str, Kind, u8)> {
    let text = NAMES.get(..end.into())?;
    let mut words = text[text.rfind('\n').map_or(0, |at| at + 1)..].split(' ');
    Some((words.next()?, Kind::parse(words.next()?).ok()?, words.next()?.parse().ok()?))
}

/// Returns where the line of this name ends.
fn search(name: &str) -> Option<u16> {
    let (mut low, mut high) = (0, NAMES.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = NAMES[low..middle].rfind('\n').map_or(low, |at| low + at + 1);
        let end = start + NAMES[start..].find('\n')?;
        let known = NAMES[start..end].split(' ').next()?;
        match known.cmp(name) {
            Ordering::Equal => return Some(end as u16),
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
        }
    }
    None
}

/// Returns a number that stands for the table.
fn table() -> u32 {
    GROUPS.iter().fold(0, |sum: u32, (.., patterns)| sum.rotate_left(5) ^ fnv32(patterns.as_bytes()))
}

/// Hands out the entries of the table that a text fits.
fn fitting(clue: Clue, text: &str, mut take: impl FnMut(usize)) {
    if text.is_empty() {
        return;
    }
    let text = text.to_ascii_lowercase();
    let fits = |pattern: &str| match pattern.strip_prefix('^') {
        Some(begins) => text.starts_with(begins),
        None => text.contains(pattern),
    };
    let own = GROUPS.iter().enumerate().filter(|(_, (of, ..))| *of == clue);
    own.filter(|(_, (.., patterns))| patterns.split('|').any(fits)).for_each(|(entry, _)| take(entry));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        let names: Vec<&str> = NAMES.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert!(names.len() > 100 && names.is_sorted_by(|a, b| a < b), "names are sorted, each once");
        for name in names {
            let (found, _, weight) = line(search(name).unwrap()).unwrap();
            assert_eq!((found, (1..=5).contains(&weight)), (name.to_ascii_lowercase().as_str(), true));
        }
        assert_eq!((search("a.example"), search("zz.example"), search("")), (None, None, None));
        assert!(line(0).is_none() && line(u16::MAX).is_none());
        for (clue, kind, weight, patterns) in GROUPS {
            assert!((1..=5).contains(weight) && *clue != Clue::Name, "{patterns}");
            assert!(
                patterns.split('|').all(|pattern| pattern.trim_start_matches('^').len() > 1),
                "{kind:?} {patterns}"
            );
            assert_eq!(*patterns, patterns.to_ascii_lowercase());
        }
    }

    #[test]
    fn hints_that_agree_make_it_sure() {
        let mut traits = Traits::default();
        assert_eq!(traits.guess(&Texts::default()), None);
        traits.note_name("use1-api.tplinkra.com");
        let alone = traits.guess(&Texts::default()).unwrap();
        assert_eq!((alone.kind, alone.confidence, alone.name), (Kind::Plug, Confidence::Low, Some("tplinkra.com")));
        let texts = Texts {
            vendor: Some("TP-LINK"),
            class: Some("udhcp\\0320.9.9-pre"),
            host: Some("HS110"),
            ..Texts::default()
        };
        let sure = traits.guess(&texts).unwrap();
        assert_eq!((sure.kind, sure.confidence), (Kind::Plug, Confidence::High));
        assert_eq!(sure.clues, [Clue::Vendor, Clue::Host, Clue::Name]);
    }

    #[test]
    fn who_looks_up_what_all_things_look_up_is_none_of_them() {
        let mut traits = Traits::default();
        for name in ["wap.tplinkcloud.com", "api.meethue.com", "app.ring.com", "a.whatsapp.net", "b.tuyaeu.com"] {
            traits.note_name(name);
        }
        assert_eq!(traits.guess(&Texts { random: true, ..Texts::default() }).unwrap().kind, Kind::Phone);
    }

    #[test]
    fn what_was_told_outlives_a_restart_of_the_same_version() {
        let mut traits = Traits::default();
        assert_eq!(traits.save(), None);
        traits.note_asks("1,3,28,6");
        traits.note_announced(Announcement::Mdns, "_ipp._tcp");
        let text = traits.save().unwrap();
        let again = Traits::restore(&text).unwrap();
        assert_eq!((again.guess(&Texts::default()), again.asks), (traits.guess(&Texts::default()), traits.asks));
        assert!(Traits::restore("").is_none() && Traits::restore(&text[1..]).is_none());
    }

    #[test]
    fn whatever_is_told_nothing_is_kept_of_it() {
        let mut traits = Traits::default();
        for text in ["", "^", "|", "\\032", "a.b.c.d.e.f.g.h.i.j", ".", "..", "_ipp._tcp"] {
            traits.note_name(text);
            traits.note_announced(Announcement::Mdns, text);
            traits.note_announced(Announcement::Ssdp, text);
            traits.note_asks(text);
        }
        assert_eq!(traits.guess(&Texts::default()).unwrap().kind, Kind::Printer);
        assert!(size_of::<Traits>() <= 28);
    }
}
