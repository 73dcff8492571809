//! Whether a device is a resolver itself, such as a Pi-hole with unbound: what it asks outside is then one fact about
//! it, however many name servers it asks; and whether its own resolver makes addresses up.

use crate::limits;
use crate::tables::counters::distinct::Distinct;
use crate::wire::public_resolvers::{is_resolver_address, is_root_server};
use std::net::IpAddr;

/// What shows that a device is a resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resolver {
    /// The name servers outside that answered it in the clear, without public resolvers.
    servers: Distinct,
    /// The root servers among them.
    roots: Distinct,
    /// How many questions of other devices it has answered.
    answered: u16,
}

impl Resolver {
    /// Counts an answer that it got from outside.
    pub fn asked(&mut self, server: IpAddr) {
        if !is_resolver_address(server) {
            self.servers.add_address(server);
        }
        if is_root_server(server) {
            self.roots.add_address(server);
        }
    }

    /// Counts an answer that it gave to another device.
    pub fn answered(&mut self) {
        self.answered = self.answered.saturating_add(1);
    }

    /// Returns true if it asks so many name servers, or is a resolver for others, that what it asks is one fact about it.
    pub fn asks_many(self) -> bool {
        self.servers.count() >= limits::RESOLVER_SERVERS || self.serves() && self.servers() > 0
    }

    /// Returns true if it answers the questions of other devices.
    pub fn serves(self) -> bool {
        self.answered >= limits::RESOLVER_ANSWERS
    }

    /// Returns true if it asks the servers of the zones one after the other, from the root on, as no program does that
    /// has a resolver.
    pub fn is_recursive(self) -> bool {
        self.servers.count() >= limits::RESOLVER_SERVERS && self.roots.count() > 0
    }

    /// Returns approximately how many name servers it asks, without public resolvers.
    pub fn servers(self) -> u32 {
        self.servers.count()
    }
}

/// How many of a device's latest answers named addresses that a proxy makes up. A name that anybody owns may have such
/// an address, so a single one shows nothing; a proxy makes most up, but for names that it leaves alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct MadeUp {
    made_up: u8,
    real: u8,
}

impl MadeUp {
    /// Counts an answer with addresses.
    pub fn record(&mut self, is_made_up: bool) {
        let count = if is_made_up { &mut self.made_up } else { &mut self.real };
        *count += 1;
        if *count == u8::MAX {
            *self = MadeUp { made_up: self.made_up / 2, real: self.real / 2 };
        }
    }

    /// Returns true if a proxy answers the device, at least a fifth of the time.
    pub fn is_usual(self) -> bool {
        self.made_up > 0 && u16::from(self.made_up) * 4 >= u16::from(self.real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_such_an_address_is_no_proxy() {
        let mut answers = MadeUp::default();
        (0..2_000).for_each(|n| answers.record(n % 9 == 0));
        assert!(!answers.is_usual());
        (0..300).for_each(|n| answers.record(n % 2 == 0));
        assert!(answers.is_usual());
        (0..2_000).for_each(|_| answers.record(false));
        assert!(!answers.is_usual(), "it mends itself");
    }

    #[test]
    fn a_resolver_begins_at_the_root_or_answers_others() {
        let ip = |n: u8| IpAddr::from([203, 0, 113, n]);
        let (mut recursive, mut list) = (Resolver::default(), Resolver::default());
        for n in 0..40 {
            recursive.asked(ip(n));
            list.asked(ip(n));
        }
        recursive.asked("198.41.0.4".parse().unwrap());
        assert!(recursive.is_recursive() && !list.is_recursive(), "a list of resolvers is no recursion");
        assert!(!recursive.serves());
        (0..limits::RESOLVER_ANSWERS).for_each(|_| list.answered());
        assert!(list.serves());
        let mut public = Resolver::default();
        ["1.1.1.1", "8.8.8.8", "9.9.9.9"].iter().for_each(|ip| public.asked(ip.parse().unwrap()));
        assert_eq!(public.servers(), 0);
    }
}
