//! Where a running leash learns its facts, and the one place where sources are opened, polled, read and lost.
//!
//! A new source is a file beside this one, with a [`SourceKind`] and a [`Source`], and a line in [`ALL`].

pub mod announced;
pub mod answers;
pub mod first_packets;
pub mod flows;
pub mod lan;
pub mod leases;
pub mod neighbours;
pub mod query_log;
pub mod resolver_log;
mod resting;
mod silence;
pub mod source;
pub mod tap;

use crate::api::Complaint;
use crate::config::DaemonConfig;
use crate::engine::Engine;
use crate::event::{self, Event};
use crate::live::slot::Slot;
use crate::live::sources::lan::Lan;
use crate::live::sources::source::{Scene, Source, SourceKind, Step, Turn};
use crate::sentence;
use crate::time::{Stamp, Time};
use serde_json::Value;
use std::os::fd::BorrowedFd;

/// All sources of facts. Those of one step are read in this order.
pub const ALL: &[&SourceKind] = &[
    &leases::KIND,
    &neighbours::KIND,
    &announced::KIND,
    &flows::KIND,
    &answers::KIND,
    &query_log::KIND,
    &resolver_log::KIND,
    &first_packets::KIND,
];

/// All sources of facts, open or missing.
pub struct Sources {
    slots: Vec<(&'static SourceKind, Slot<Box<dyn Source>>)>,
    lan: Lan,
}

impl Default for Sources {
    fn default() -> Sources {
        Sources { slots: ALL.iter().map(|kind| (*kind, Slot::new(&kind.need))).collect(), lan: Lan::default() }
    }
}

impl Sources {
    /// Opens the sources that are missing.
    pub fn open_missing(&mut self, daemon: &DaemonConfig) {
        for (kind, slot) in &mut self.slots {
            slot.open(|| (kind.open)(daemon));
        }
    }

    /// Reads all sources once and hands their events to `handle` in the order that correctness wants.
    pub fn turn(
        &mut self,
        engine: &mut Engine,
        rules_loaded: bool,
        at: Stamp,
        mut handle: impl FnMut(&mut Engine, Vec<Event>),
    ) -> Turn {
        let mut turn = Turn::default();
        let devices = self.read(Step::Devices, engine, rules_loaded, at, &mut turn);
        handle(engine, devices);
        // What was answered before a flow began was logged before the flow was, so it is read after the flow and handled
        // before it: an answer is never late.
        let flows = self.read(Step::Flows, engine, rules_loaded, at, &mut turn);
        let lookups = self.read(Step::Lookups, engine, rules_loaded, at, &mut turn);
        self.lan.note_answers(&lookups);
        handle(engine, lookups);
        handle(engine, flows);
        let mut rest = self.read(Step::Packets, engine, rules_loaded, at, &mut turn);
        let scene = &mut Scene { engine, lan: &mut self.lan, at, turn: &mut turn };
        for (_, slot) in &mut self.slots {
            if let Some(Err(error)) = slot.get_mut().map(|source| source.catch_up(scene, &mut rest)) {
                slot.lose(&error);
            }
        }
        handle(engine, rest);
        turn
    }

    fn read(&mut self, step: Step, engine: &Engine, rules_loaded: bool, at: Stamp, turn: &mut Turn) -> Vec<Event> {
        let mut events = Vec::new();
        for index in 0..self.slots.len() {
            let kind = self.slots[index].0;
            if kind.step != step {
                continue;
            }
            // Asked anew for each, since one that was lost a moment ago outranks nobody.
            let outranked =
                kind.precedence.is_some_and(|own| self.precedence(rules_loaded).is_some_and(|best| best < own));
            let slot = &mut self.slots[index].1;
            let Some(source) = slot.get_mut() else { continue };
            let begin = events.len();
            let scene = &mut Scene { engine, lan: &mut self.lan, at, turn };
            let result = source.read(scene, &mut events);
            if outranked {
                let read = events.split_off(begin);
                events.extend(read.into_iter().filter(|event| !is_of_lookups(event)));
            }
            if let Err(error) = result {
                slot.lose(&error);
                if kind.precedence.is_some() && !outranked {
                    events.push(Event::Gap { source: event::Source::Lookups });
                }
            }
        }
        events
    }

    /// Returns the best rank among the open sources that see lookups now; none where no source does. Lookups of sources that
    /// rank behind it are not believed.
    fn precedence(&self, rules_loaded: bool) -> Option<u8> {
        let sees = |slot: &Slot<Box<dyn Source>>| slot.get().is_some_and(|source| source.sees_lookups(rules_loaded));
        self.slots
            .iter()
            .filter(|(_, slot)| sees(slot))
            .filter_map(|(kind, _)| kind.precedence)
            .filter(|rank| *rank > 0)
            .min()
    }

    /// Returns the router's own addresses and the networks of its LAN.
    pub fn lan(&self) -> &Lan {
        &self.lan
    }

    fn open(&self) -> impl Iterator<Item = &dyn Source> {
        self.slots.iter().filter_map(|(_, slot)| slot.get().map(|source| &**source))
    }

    /// Adds what becomes readable when there are facts.
    pub fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        self.open().for_each(|source| source.fds(fds));
    }

    /// Returns when the next [`Sources::turn`] is due at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        self.open().filter_map(Source::next_deadline).min()
    }

    /// Somebody looks at what flows carry: they are to be counted sooner.
    pub fn count_soon(&mut self) {
        self.slots.iter_mut().filter_map(|(_, slot)| slot.get_mut()).for_each(|source| source.count_soon());
    }

    /// Takes over new settings.
    pub fn reconfigure(&mut self, daemon: &DaemonConfig) {
        for (_, slot) in &mut self.slots {
            if slot.get_mut().is_some_and(|source| !source.reconfigure(daemon)) {
                slot.close();
            }
        }
    }

    /// Returns the name and the numbers of each open source that counts, for the `health` of `status`.
    pub fn counts(&self) -> impl Iterator<Item = (String, Value)> {
        self.slots.iter().filter_map(|(kind, slot)| {
            let counts = slot.get()?.counts();
            (!counts.is_null()).then(|| (kind.need.name.replace(' ', "_"), counts))
        })
    }

    /// Complains about sources that are missing or impaired.
    pub fn complain(&self, daemon: &DaemonConfig, rules_loaded: bool, all: &mut Vec<Complaint>) {
        self.slots.iter().for_each(|(_, slot)| slot.complain(all));
        // Of the networks that the router's settings have, some may be down.
        let needed = if daemon.default_interfaces { 1 } else { daemon.interfaces.len() };
        if self.lan.interfaces().len() < needed {
            let names = daemon.interfaces.join(", ");
            all.push(Complaint::error(
                sentence!("not all LAN interfaces exist (%s), so devices behind a missing one are not seen", names),
                sentence!("set %s in %s to names that %s shows", "list interface", "/etc/config/leash", "ip link"),
            ));
        }
        if !self.open().any(|source| source.sees_lookups(rules_loaded)) {
            all.push(Complaint::error(
                sentence!("no DNS lookup can be seen, so every contact stays unknown and no detector finds anything"),
                sentence!(
                    "install %s, or set %s and let dnsmasq write that file: %s",
                    "kmod-nfnetlink-log",
                    "option query_log",
                    "uci set dhcp.@dnsmasq[0].logqueries=1"
                ),
            ));
        }
        self.open().for_each(|source| source.complain(all));
    }
}

fn is_of_lookups(event: &Event) -> bool {
    matches!(event, Event::Lookup(_) | Event::LookupMissed { .. } | Event::Gap { source: event::Source::Lookups })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Severity;
    use crate::config::Config;
    use crate::live::slot::Need;
    use crate::sentence::Sentence;
    use crate::time::Clock;
    use std::io;

    /// Reads the same events in each turn, and fails where it has none.
    struct Fake {
        events: Vec<Event>,
        sees_lookups: bool,
    }

    impl Source for Fake {
        fn fds<'a>(&'a self, _: &mut Vec<BorrowedFd<'a>>) {}

        fn read(&mut self, _: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
            out.extend_from_slice(&self.events);
            if self.events.is_empty() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        }

        fn sees_lookups(&self, _: bool) -> bool {
            self.sees_lookups
        }
    }

    const fn kind(step: Step, precedence: Option<u8>) -> SourceKind {
        let need = Need {
            name: "fake",
            severity: Severity::Error,
            missing: |error| Sentence::verbatim(error.to_owned()),
            remedy: || Sentence::verbatim("none"),
        };
        SourceKind { need, step, precedence, open: |_| Ok(None) }
    }
    static FLOWS: SourceKind = kind(Step::Flows, None);
    static TAP: SourceKind = kind(Step::Lookups, Some(1));
    static LOG: SourceKind = kind(Step::Lookups, Some(2));

    const LOOKUP: &str = "looked 192.168.8.20 192.168.8.1 1 bulb.example.com found 203.0.113.5";
    const LEASE: &str = "leased 192.168.8.20 02:00:00:00:00:20 host=bulb";
    const FLOW: &str = "opened tcp 192.168.8.20:40000 > 203.0.113.5:8883";
    const GAP: &str = "gap lookups";

    fn events(texts: &[&str]) -> Vec<Event> {
        let read = |text| event::read(&format!("1767225600.000000 {text}"), &mut Clock::default()).unwrap().0;
        texts.iter().map(read).collect()
    }

    /// Returns what a turn hands over of these sources, each with its events and whether it sees lookups.
    fn turn(sources: &[(&'static SourceKind, &[&str], bool)]) -> Vec<Event> {
        let mut all = Sources { slots: Vec::new(), lan: Lan::default() };
        for &(kind, texts, sees_lookups) in sources {
            let mut slot: Slot<Box<dyn Source>> = Slot::new(&kind.need);
            slot.open(|| Ok(Some(Box::new(Fake { events: events(texts), sees_lookups }))));
            all.slots.push((kind, slot));
        }
        let mut handled = Vec::new();
        all.turn(&mut Engine::new(Config::default()), true, Stamp::default(), |_, events| handled.extend(events));
        handled
    }

    #[test]
    fn a_lookup_is_handled_before_the_flow_that_was_read_before_it() {
        assert_eq!(turn(&[(&FLOWS, &[FLOW], false), (&TAP, &[LOOKUP], true)]), events(&[LOOKUP, FLOW]));
    }

    #[test]
    fn lookups_are_believed_of_the_best_source_that_sees_them() {
        let log: &[&str] = &[LOOKUP, GAP, LEASE];
        assert_eq!(turn(&[(&TAP, &[LOOKUP], true), (&LOG, log, true)]), events(&[LOOKUP, LEASE]));
        assert_eq!(turn(&[(&TAP, &[FLOW], false), (&LOG, log, true)]), events(&[FLOW, LOOKUP, GAP, LEASE]));
        // The file comes while it is read for the first time.
        assert_eq!(turn(&[(&LOG, log, false)]), events(log));
    }

    #[test]
    fn a_believed_source_that_is_lost_leaves_a_gap() {
        assert_eq!(turn(&[(&TAP, &[], true), (&LOG, &[LOOKUP], true)]), events(&[GAP, LOOKUP]));
        assert_eq!(turn(&[(&TAP, &[LOOKUP], true), (&LOG, &[], true)]), events(&[LOOKUP]));
    }
}
