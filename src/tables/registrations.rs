//! When the names that the house calls were registered: what was asked of RDAP, and what is to be asked yet.

use crate::fnv::Fnv64;
use crate::limits;
use crate::model::Name;
use crate::tables::domain::{is_local_name, registrable};
use std::collections::VecDeque;

/// The dates of registrable names, and the names that wait to be asked for.
#[derive(Debug, Default)]
pub struct Registrations {
    /// Hashes of names in ascending order, each with the day since 1970; 0 where it is not known.
    known: Vec<(u64, u16)>,
    waiting: VecDeque<Name>,
}

impl Registrations {
    /// Notes that the house calls a name. It waits to be asked for, unless it is known or no name of the Internet; where
    /// [`limits::UNDATED_NAMES`] wait, it has to come again.
    pub fn note(&mut self, name: &str) {
        let domain = registrable(name);
        let is_asked = domain.contains('.') && !is_local_name(name) && self.place(domain).is_err();
        if is_asked && self.waiting.len() < limits::UNDATED_NAMES && !self.waiting.iter().any(|it| **it == *domain) {
            self.waiting.push_back(domain.into());
        }
    }

    /// Takes the day since 1970 on which a registrable name was registered; absent if that cannot be found out.
    pub fn set(&mut self, domain: &str, day: Option<u16>) {
        self.waiting.retain(|name| **name != *domain);
        if self.known.len() >= limits::DATED_NAMES {
            // The oldest says least; it is asked for again when it is called again.
            let oldest = self.known.iter().enumerate().min_by_key(|(_, (_, day))| *day).map(|(at, _)| at);
            oldest.map(|at| self.known.remove(at));
        }
        let entry = (hash(domain), day.unwrap_or_default());
        match self.place(domain) {
            Ok(at) => self.known[at] = entry,
            Err(at) => self.known.insert(at, entry),
        }
    }

    /// Returns the day since 1970 on which the registrable part of a name was registered, if it is known.
    pub fn day(&self, name: &str) -> Option<u16> {
        if self.known.is_empty() {
            return None;
        }
        let at = self.place(registrable(name)).ok()?;
        Some(self.known[at].1).filter(|day| *day > 0)
    }

    /// Returns true while no date is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Returns the names that wait to be asked for.
    pub fn waiting(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(|name| &**name)
    }

    fn place(&self, domain: &str) -> Result<usize, usize> {
        let hash = hash(domain);
        self.known.binary_search_by_key(&hash, |(hash, _)| *hash)
    }
}

fn hash(domain: &str) -> u64 {
    let mut hash = Fnv64::default();
    hash.update(domain.as_bytes());
    hash.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_waits_once_and_is_asked_for_once() {
        let mut registrations = Registrations::default();
        for name in ["api.vendor.example.com", "cdn.example.com", "printer", "printer.lan", "1.0.168.192.in-addr.arpa"]
        {
            registrations.note(name);
        }
        assert!(registrations.waiting().eq(["example.com"]));
        registrations.set("example.com", Some(20_000));
        registrations.note("www.example.com");
        assert_eq!((registrations.waiting().count(), registrations.day("www.example.com")), (0, Some(20_000)));
        registrations.set("example.org", None);
        registrations.note("example.org");
        assert_eq!((registrations.waiting().count(), registrations.day("example.org")), (0, None));
    }

    #[test]
    fn the_youngest_are_kept() {
        let mut registrations = Registrations::default();
        for day in 1..=u16::MAX {
            registrations.note(&format!("name{day}.com"));
            registrations.set(&format!("name{day}.com"), Some(day));
        }
        assert_eq!(registrations.known.len(), limits::DATED_NAMES);
        assert_eq!((registrations.day("name65535.com"), registrations.day("name1.com")), (Some(65_535), None));
        (0..1_000).for_each(|n| registrations.note(&format!("waits{n}.com")));
        assert_eq!(registrations.waiting().count(), limits::UNDATED_NAMES);
    }
}
