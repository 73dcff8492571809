//! Where a running leash learns its facts, and the one place where sources are opened, polled, read and lost.
//!
//! A new source is a file beside this one, with a [`SourceKind`] and a [`Source`], and a line in [`ALL`].

pub mod answers;
pub mod first_packets;
pub mod flows;
pub mod lan;
pub mod leases;
pub mod neighbours;
pub mod query_log;
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
pub const ALL: &[&SourceKind] =
    &[&leases::KIND, &neighbours::KIND, &flows::KIND, &answers::KIND, &query_log::KIND, &first_packets::KIND];

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
        // What was answered before a flow began has been logged before it, so it is read after the flow and handled
        // before it: an answer is never late.
        let flows = self.read(Step::Flows, engine, rules_loaded, at, &mut turn);
        let lookups = self.read(Step::Lookups, engine, rules_loaded, at, &mut turn);
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
        self.slots.iter().filter(|(_, slot)| sees(slot)).filter_map(|(kind, _)| kind.precedence).min()
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
        if self.lan.interfaces().len() < daemon.interfaces.len() {
            let names = daemon.interfaces.join(", ");
            all.push(Complaint::error(
                sentence!("not all LAN interfaces exist (%s), so devices behind a missing one are not seen", names),
                sentence!("set %s in %s to names that %s shows", "list interface", "/etc/config/leash", "ip link"),
            ));
        }
        if self.precedence(rules_loaded).is_none() {
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
    matches!(event, Event::Lookup(_) | Event::Gap { source: event::Source::Lookups })
}
