//! The engine: facts in, verdicts out. It never reads a clock, a file, a socket or the environment, so the same events
//! always yield the same actions and the same view.
//!
//! This file folds [`Event`]s into the tables. What is done with them stands in a file each: `signals` counts what
//! detectors need beside the contacts, `enforcement` takes orders and keeps the list of blocks, `reference` takes
//! lists and networks, `judged` asks detectors and policy about everything for `view`, which renders JSON, and
//! `state`, `remembered` and `journal` write and read what outlives a restart.

mod coverage;
mod enforcement;
pub mod history;
mod identity;
mod journal;
mod judged;
mod kinds;
pub mod ledger;
mod nat64;
pub mod orders;
pub mod past;
pub mod policy;
pub mod purpose;
mod reference;
mod relays;
mod remembered;
mod report;
mod signals;
pub mod state;
mod tiers;
pub mod view;

use crate::config::Config;
use crate::detect::{self, Context, Subject};
use crate::engine::history::{History, Record, RecordKind};
use crate::engine::ledger::Ledger;
use crate::engine::orders::{EffectiveSettings, Orders};
use crate::engine::past::Journal;
use crate::engine::policy::{Blocks, Case, Decision, Verdict};
use crate::event::{Event, PacketCounts, Source};
use crate::limits;
use crate::mode::Mode;
use crate::model::{Endpoint, Explained, Hint, Lookup, Mac, Name, Outcome, Tuple, is_local};
use crate::reference::lists::Lists;
use crate::reference::networks::Networks;
use crate::sentence;
use crate::sentence::{Sentence, Value};
use crate::tables::Tables;
use crate::tables::counters::handshakes::DelayClass;
use crate::tables::counters::uploads::Upload;
use crate::tables::coverage::Level;
use crate::tables::devices::{Denial, DeviceId};
use crate::tables::flows::{Flow, FlowDelta, Label, Leaks, Owner, WaitingFlow};
use crate::tables::names;
use crate::tables::service::Service;
use crate::time::{Span, Stamp, Time, Wall};
use std::collections::VecDeque;
use std::net::IpAddr;

/// What the engine wants the driver to do or to tell.
#[derive(Clone, Debug)]
pub enum Action {
    /// Null-route an address for a device.
    Block {
        /// The hardware address of the device.
        mac: Mac,
        /// The remote address.
        address: IpAddr,
        /// How long the block lasts; absent: until it is lifted.
        lasts: Option<Span>,
    },
    /// Stop null-routing an address for a device.
    Unblock {
        /// The hardware address of the device.
        mac: Mac,
        /// The remote address.
        address: IpAddr,
    },
    /// Make the kernel equal to [`Engine::elements`] and [`Engine::prefix_pins`]: more changed than single blocks.
    SyncSets,
    /// Write [`Engine::orders`] into the settings: orders were given that are to last.
    PersistOrders,
    /// Tell people what happened. Only after [`Engine::enable_records`].
    Note(Record),
    /// A flow is over and judged. Only after [`Engine::report_flows`].
    FlowEnded(Box<EndedFlow>),
}

/// A flow that is over.
#[derive(Clone, Debug)]
pub struct EndedFlow {
    /// Its identity as conntrack has it.
    pub tuple: Tuple,
    /// Its counters, its label and what its first packets showed.
    pub flow: Flow,
    /// The names that explain its address, the newest first; at most [`limits::NAMES_PER_ADDRESS`].
    pub names: Vec<Name>,
}

/// The state of a house, and what to do about it.
#[derive(Debug, Default)]
pub struct Engine {
    config: Config,
    orders: Orders,
    history: History,
    journal: Journal,
    /// Minutes that local time is ahead of UTC.
    utc_offset_minutes: i16,
    /// The resolvers that the router itself asks. They are never blocked.
    resolvers: Vec<IpAddr>,
    tables: Tables,
    /// Lists of addresses and names that others warn of.
    lists: Lists,
    /// What names are for.
    categories: Lists,
    /// Whose an address is.
    networks: Option<Networks>,
    ledger: Ledger,
    blocks: Blocks,
    packets: Option<PacketCounts>,
    actions: VecDeque<Action>,
    report_flows: bool,
    keeps_records: bool,
    /// The time of the latest fact.
    latest: Stamp,
    /// When the state of before the restart was loaded.
    loaded_at: Time,
    /// The first and the latest date of a fact.
    span: Option<(Wall, Wall)>,
    next_sweep: Time,
    /// How often a counter of conntrack went backwards.
    counters_zeroed: u32,
    /// When live flows were last counted, which happens to all of them at once.
    counted_at: Time,
    /// Lookups from addresses that are no known device's.
    lookups_without_device: u32,
    /// When the pins that have an end are checked next; absent when there are none.
    next_review: Option<Time>,
    /// How many pins held at the latest review.
    pins_held: usize,
    /// When all devices were judged last, and how many of them have which verdict; absent after a change.
    verdicts: Option<(Time, policy::VerdictCounts)>,
}

impl Engine {
    /// Returns an engine that knows nothing but its settings.
    pub fn new(config: Config) -> Engine {
        Engine { config, ..Engine::default() }
    }

    /// Yields an [`Action::FlowEnded`] for each flow that ends from now on.
    pub fn report_flows(&mut self) {
        self.report_flows = true;
    }

    /// Records what happens from now on, in the history and as [`Action::Note`].
    pub fn enable_records(&mut self) {
        self.keeps_records = true;
    }

    /// Folds a fact into the tables. What follows from it is in [`Engine::drain`].
    pub fn handle(&mut self, event: Event, at: Stamp) {
        self.wake(at);
        if !matches!(event, Event::PacketsRead(_)) {
            let (first, last) = self.span.unwrap_or((at.wall, at.wall));
            self.span = Some((first.min(at.wall), last.max(at.wall)));
        }
        match event {
            Event::ClockSet => {}
            Event::Lan { prefixes } => self.tables.lan = prefixes,
            Event::Neighbour { ip, mac } => {
                self.note_device(mac, None, None, at);
                self.bind(ip, mac, false, at);
            }
            Event::Leased { ip, mac, hostname } => {
                self.note_device(mac, hostname, None, at);
                self.bind(ip, mac, true, at);
            }
            Event::Booted { mac, hostname, vendor_class, asks } => {
                if let Some(id) = self.note_device(mac, hostname, vendor_class, at) {
                    let device = self.tables.devices.get_mut(id);
                    device.booted_at = Some(at.now);
                    asks.inspect(|asks| device.traits.note_asks(asks));
                }
            }
            // Whoever has sent nothing else is no device yet: hardware addresses are easily made up.
            Event::Announced { mac, by, text } => {
                if let Some(id) = self.tables.devices.by_mac(mac) {
                    self.tables.devices.get_mut(id).traits.note_announced(by, &text);
                }
            }
            Event::Lookup(lookup) => self.learn(&lookup, at),
            Event::LookupMissed { client, server } => self.miss(client, server, at),
            Event::Resolver { mac, address, .. } => self.tables.lookups.tell(mac, address, at.now),
            Event::ResolversForgotten => self.tables.lookups.forget_told(),
            Event::Registered { name, day } => self.date_name(&name, day, at),
            Event::Known { mac, address, name } => {
                if let Some(id) = self.tables.devices.get_or_insert(mac, at) {
                    self.tables.names.insert(id, address, &name, at.now);
                }
            }
            Event::Nat64 { prefix } => self.note_nat64(prefix, at),
            Event::FlowOpened { tuple, midstream } => self.open(tuple, midstream, at),
            Event::FlowCounted { tuple, sent, received } => {
                self.counted_at = at.now;
                self.count(tuple, sent, received, at);
            }
            Event::FlowClosed { tuple, sent, received } => self.close(tuple, sent, received, at),
            Event::FirstPacket { tuple, hint } => self.note_hint(tuple, hint, at),
            Event::HandshakeDelay { tuple, delay } => {
                if let Some(flow) = self.tables.flows.get_mut(&tuple) {
                    flow.delay.get_or_insert(DelayClass::of(delay));
                    if flow.label == Label::Lookup
                        && let Some(id) = flow.device()
                    {
                        self.tables.devices.get_mut(id).referrals.note_server(tuple.destination, flow.opened_at);
                    }
                }
            }
            Event::Gap { source: Source::Lookups } => self.lose_coverage(at),
            Event::Gap { source: Source::Flows } => self.tables.flows.begin_dump(),
            Event::DumpComplete => {
                for tuple in self.tables.flows.missing_from_dump() {
                    self.close_missing(tuple);
                }
            }
            Event::PacketsRead(packets) => self.packets = Some(packets),
        }
        self.wake(at);
    }

    /// Does what is due at this time without a fact.
    pub fn wake(&mut self, at: Stamp) {
        self.latest = at;
        self.close_day(at);
        while let Some(WaitingFlow { until: deadline, tuple }) = self.tables.flows.pop_expired(at.now) {
            // A file wakes the engine with its next line, perhaps late: it must find what a timely wake would have
            // found.
            let late = at.now.since(deadline);
            self.settle(tuple, Stamp { now: deadline, wall: at.wall - late });
        }
        if self.next_sweep <= at.now {
            self.next_sweep = at.now + Span::hours(1);
            self.tables.names.sweep(at.now);
        }
        for tuple in self.tables.flows.take_expired_orphans(at.now) {
            self.settle(tuple, at);
        }
        for (mac, address) in self.blocks.expire(at.now) {
            self.actions.push_back(Action::Unblock { mac, address });
            let called = self.called(self.tables.devices.by_mac(mac), address);
            self.note_about(RecordKind::End, Some(mac), Some(address), at, || {
                sentence!("the block of %s is over", called)
            });
        }
        if self.next_review.is_some_and(|next| next <= at.now) {
            self.review_pins(at);
        }
    }

    /// Returns the latest time for the next [`Engine::wake`]; absent when nothing waits.
    pub fn next_deadline(&self) -> Option<Time> {
        [self.tables.flows.next_deadline(), self.blocks.next_end(), self.next_review].into_iter().flatten().min()
    }

    /// Takes out what is to be done. To be called after each call that changes something.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> {
        self.actions.drain(..)
    }

    /// Ends the run: judges the flows that still wait and reports those that are still open.
    pub fn finish(&mut self, at: Stamp) {
        while let Some(tuple) = self.tables.flows.pop_longest_waiting() {
            self.settle(tuple, at);
        }
        for (tuple, flow) in self.tables.flows.take_all() {
            self.finish_flow(tuple, flow);
        }
    }

    /// Returns whether DNS explains a flow, as far as that is known by now; absent where the question does not arise.
    pub fn explained(&self, ended: &EndedFlow) -> Option<Explained> {
        let flow = &ended.flow;
        flow.label.explained(|| flow.device().is_some_and(|id| self.coverage_level(id, flow.opened_at) == Level::Full))
    }

    /// Sets how many minutes local time is ahead of UTC.
    pub fn set_utc_offset(&mut self, minutes: i16) {
        self.utc_offset_minutes = minutes;
    }

    /// Returns how often a counter of conntrack went backwards.
    pub fn counters_zeroed(&self) -> u32 {
        self.counters_zeroed
    }

    /// Returns the LAN and its neighbours, with what they call themselves and what they looked up, as events for a recording
    /// that starts now.
    pub fn snapshot(&self) -> Vec<crate::event::Event> {
        use crate::event::Event;
        let mut all = vec![Event::Lan { prefixes: self.tables.lan.clone() }];
        for (id, device) in self.tables.devices.iter() {
            let mac = device.mac;
            all.extend(self.tables.devices.addresses_of(id).map(|ip| Event::Neighbour { ip, mac }));
            let ip = self.tables.devices.addresses_of(id).find(IpAddr::is_ipv4).filter(|_| device.hostname.is_some());
            all.extend(ip.map(|ip| Event::Leased { ip, mac, hostname: device.hostname.clone() }));
        }
        for names::Known { device, address, names, .. } in self.tables.names.iter() {
            let mac = self.tables.devices.get(device).mac;
            all.extend(names.iter().map(|name| Event::Known { mac, address, name: name.clone() }));
        }
        // One answer of each resolver that was seen, because what is seen of lookups bears on verdicts.
        for (id, device) in self.tables.devices.iter() {
            let known = self.tables.names.iter().find(|known| known.device == id);
            let Some((address, name)) = known.and_then(|known| Some((known.address, known.names.last()?))) else {
                continue;
            };
            for server in device.coverage.resolvers() {
                let same_family = |client: &IpAddr| client.is_ipv4() == server.is_ipv4();
                let client = self.tables.devices.addresses_of(id).find(same_family);
                all.extend(client.map(|client| {
                    Event::Lookup(Lookup {
                        client,
                        server,
                        record_type: if address.is_ipv4() { 1 } else { 28 },
                        name: name.clone(),
                        outcome: Outcome::Found,
                        addresses: vec![address],
                        aliases: Vec::new(),
                    })
                }));
            }
        }
        all
    }

    /// Returns the settings with the orders over them.
    fn settings(&self) -> EffectiveSettings<'_> {
        EffectiveSettings { config: &self.config, orders: &self.orders }
    }

    /// Records something that happened, about a device or the whole house.
    fn note(&mut self, kind: RecordKind, mac: Option<Mac>, at: Stamp, message: impl FnOnce() -> Sentence) {
        self.note_about(kind, mac, None, at, message);
    }

    /// Records something that happened and that is about an address.
    fn note_about(
        &mut self,
        kind: RecordKind,
        mac: Option<Mac>,
        address: Option<IpAddr>,
        at: Stamp,
        message: impl FnOnce() -> Sentence,
    ) {
        self.record_that(true, kind, mac, address, at, message);
    }

    /// Records something that happened, in the history as well where it `is_news`.
    fn record_that(
        &mut self,
        is_news: bool,
        kind: RecordKind,
        mac: Option<Mac>,
        address: Option<IpAddr>,
        at: Stamp,
        message: impl FnOnce() -> Sentence,
    ) {
        self.verdicts = None;
        // A replayed file is read to its end before anybody looks at the result, so its records would never be read.
        if self.keeps_records {
            let record = Record { wall: at.wall, mac, address, kind, message: message() };
            self.note_record(&record);
            if is_news {
                self.history.add(record.clone());
            }
            self.actions.push_back(Action::Note(record));
        }
    }

    /// Binds an address to a station, and settles the flows that waited for it.
    fn bind(&mut self, ip: IpAddr, mac: Mac, leased: bool, at: Stamp) {
        self.tables.devices.bind(ip, mac, leased, at);
        for tuple in self.tables.flows.take_orphans_of(ip) {
            self.settle(tuple, at);
        }
    }

    /// Returns the device with this hardware address; a new one is recorded, and what pins and its mode say applies at
    /// once.
    fn note_device(
        &mut self,
        mac: Mac,
        hostname: Option<Name>,
        vendor_class: Option<Name>,
        at: Stamp,
    ) -> Option<DeviceId> {
        let known = self.tables.devices.len();
        let id = self.tables.devices.get_or_insert(mac, at)?;
        let device = self.tables.devices.get_mut(id);
        device.hostname = hostname.or(device.hostname.take());
        device.vendor_class = vendor_class.or(device.vendor_class.take());
        if self.tables.devices.len() > known {
            self.note(RecordKind::Device, Some(mac), at, || sentence!("a new device"));
            self.apply_pins_ahead(id, at);
            if self.settings().mode(mac).is_offline() {
                self.actions.push_back(Action::SyncSets);
            }
        }
        Some(id)
    }

    /// Takes a lookup: its names explain addresses from now on, and pins on names apply to them.
    fn learn(&mut self, lookup: &Lookup, at: Stamp) {
        self.note_resolver(lookup, at);
        let Some(id) = self.tables.devices.by_address(lookup.client) else {
            self.lookups_without_device = self.lookups_without_device.saturating_add(1);
            return;
        };
        if self.settings().mode(self.tables.devices.get(id).mac).is_judged() {
            self.learn_nat64(id, lookup, at);
            if self.config.rdap && !lookup.addresses.is_empty() {
                self.tables.registrations.note(&lookup.name);
            }
            if self.tables.devices.get_mut(id).lookup_stats.record(lookup, at) {
                self.ledger.renew(id, detect::names::DETECTOR.name);
                self.review_device(id, at);
            }
            let mut is_new = false;
            for &address in &lookup.addresses {
                if is_local(self.tables.names.nat64.canonical(id, address)) {
                    continue;
                }
                is_new |= self.tables.names.insert(id, address, &lookup.name, at.now);
                // Aliases (CNAMEs) name the address, too, but this is the name that was asked for.
                self.apply_name_pin_ahead(id, address, at);
            }
            if is_new {
                self.tables.devices.get_mut(id).traits.note_name(&lookup.name);
            }
        }
        let device = self.tables.devices.get_mut(id);
        device.lookups = device.lookups.saturating_add(1);
        let nowhere = |address: &IpAddr| address.is_unspecified() || address.is_loopback();
        // Filtering resolvers answer blocked names with such addresses or with NXDOMAIN.
        if lookup.outcome == Outcome::NoSuchName || !lookup.addresses.is_empty() && lookup.addresses.iter().all(nowhere)
        {
            device.last_denial = Some(Denial { at: at.now, name: lookup.name.clone() });
            device.denials = device.denials.saturating_add(1);
        }
        device.last_seen = device.last_seen.max(at.wall);
        let since = self.tables.lookups.would_have_seen_since(at.now);
        if device.coverage.answered(lookup.server, since, at.now) {
            self.gain_coverage(id, at);
        }
    }

    /// Opens a flow, or confirms one that a dump tells of again.
    fn open(&mut self, tuple: Tuple, midstream: bool, at: Stamp) {
        if midstream && self.tables.flows.mark_live(&tuple) {
            return;
        }
        if let Some(old) = self.tables.flows.get_mut(&tuple) {
            // The dump told of the flow before its own event arrived.
            if old.midstream && !old.closed && at.now.since(old.opened_at) < Span::secs(1) {
                old.midstream = false;
                return;
            }
            // A tuple opened twice without a close between: an event was lost, or the old flow still waits for its
            // lookup.
            old.closed = true;
            self.settle(tuple, at);
        }
        while !self.tables.flows.has_room() {
            let Some(tuple) = self.tables.flows.pop_longest_waiting() else { break };
            self.settle(tuple, at);
        }
        // A flow whose opener is a station that is not known yet waits for it, and is not counted for the other side.
        let stranger = |owner: &Owner| !owner.outbound && self.tables.is_inside(tuple.source);
        let owner = self.tables.attribute(&tuple).filter(|owner| !stranger(owner));
        let device = owner.map(|owner| owner.device);
        self.note_translated(tuple.destination, at);
        let crowded =
            device.is_some_and(|id| usize::from(self.tables.devices.get(id).live_flows) >= limits::FLOWS_PER_DEVICE);
        if !self.tables.flows.has_room() || crowded {
            self.tables.flows.refused += 1;
            return;
        }
        if let Some(id) = device {
            let device = self.tables.devices.get_mut(id);
            device.live_flows += 1;
            // What was under way when leash began shows at once.
            device.ran_before |= midstream
                && self
                    .span
                    .is_some_and(|(began, _)| device.first_seen >= began && at.wall.since(began) < limits::RAN_BEFORE);
        }
        self.tables.flows.open(tuple, owner, midstream, at, at.now + self.config.grace);
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            flow.service = Service::by_port(tuple.protocol, tuple.destination_port);
            if flow.service.asks_names() {
                self.note_question(&tuple, at);
            }
        }
        if device.is_some_and(|id| self.tables.names.contains(id, tuple.destination, at.now)) {
            self.settle(tuple, at);
        } else {
            self.note_burst(&tuple, owner, at);
        }
    }

    /// Labels a flow whose grace is over or need not be waited for.
    fn settle(&mut self, tuple: Tuple, at: Stamp) {
        self.label(tuple, at);
        self.release(tuple);
    }

    /// Takes a flow out of the table when it is over and labelled.
    fn release(&mut self, tuple: Tuple) {
        let done = |flow: &mut Flow| flow.closed && flow.label != Label::Waiting;
        if self.tables.flows.get_mut(&tuple).is_some_and(done)
            && let Some(flow) = self.tables.flows.remove(&tuple)
        {
            self.finish_flow(tuple, flow);
        }
    }

    /// Decides once what explains a flow, and credits its contact.
    fn label(&mut self, tuple: Tuple, at: Stamp) {
        let Some(flow) = self.tables.flows.get(&tuple).filter(|flow| flow.label == Label::Waiting) else { return };
        let (opened, midstream, attributed) = (flow.opened_at, flow.midstream, flow.owner.is_some());
        let Some(owner) = flow.owner.or_else(|| self.tables.attribute(&tuple)) else {
            let until = opened + limits::ORPHAN_TIMEOUT;
            if !(at.now < until && self.tables.is_inside(tuple.source) && self.tables.flows.add_orphan(tuple, until))
                && let Some(flow) = self.tables.flows.get_mut(&tuple)
            {
                flow.label = Label::Unseen;
            }
            return;
        };
        let (id, endpoint) = (owner.device, tuple.endpoint(owner.outbound));
        let mode = self.settings().mode(self.tables.devices.get(id).mac);
        let label = if !owner.outbound || !mode.is_judged() || self.tables.is_inside(endpoint.address) {
            Label::OutOfScope
        } else if self.tables.names.refresh(id, endpoint.address, at.now) {
            Label::Lookup
        } else if midstream || self.tables.is_faked(endpoint.address) {
            Label::Unseen
        } else if flow.received == 0 && self.tables.is_foreign(id, tuple.source) {
            Label::Foreign
        } else {
            self.label_unexplained(id, endpoint, opened, at)
        };
        let began = self.span.map_or(at.wall, |(first, _)| first);
        let Tables { devices, flows, contacts, .. } = &mut self.tables;
        let Some(flow) = flows.get_mut(&tuple) else { return };
        (flow.label, flow.owner) = (label, Some(owner));
        let device = devices.get_mut(id);
        device.live_flows += u16::from(!attributed);
        device.flows = device.flows.saturating_add(1);
        let denied = device.last_denial.as_ref().map(|denial| denial.at);
        let mut new = false;
        if mode.is_judged()
            && let Some(contact) = contacts.get_or_insert(id, endpoint, at)
        {
            new = contact.all_flows() == 0 && label != Label::OutOfScope;
            if label == Label::Lookup && contact.flows(Label::Lookup) == 0 {
                device.coverage.explains();
            }
            let early = device.ran_before && device.booted_at.is_none() && flow.start.since(began) < limits::EARLY;
            contact.add_flow(flow, early, at);
            let soon = denied.is_some_and(|denied| denied <= opened && opened.since(denied) <= limits::FALLBACK_WINDOW);
            if soon && matches!(label, Label::Unexplained | Label::OtherDevice) {
                contact.flows_after_denial = contact.flows_after_denial.saturating_add(1);
            }
            contact.inbound = !owner.outbound;
            contact.apply_hints(flow);
        }
        let delta = flow.delta(&tuple, (flow.sent, flow.received));
        let is_named = flow.sni.is_some();
        if label == Label::OutOfScope && owner.outbound && mode.is_judged() {
            self.note_lateral(id, endpoint, at);
        }
        if new {
            self.note_new_contact(id, endpoint, at);
        }
        if is_named {
            self.note_name_called(&tuple, None, at);
        }
        if owner.outbound && !matches!(label, Label::OutOfScope | Label::Foreign | Label::Unseen) {
            self.note_session(&tuple, at);
        }
        self.close_hour(id, at);
        if let Some(delta) = delta {
            self.credit_or_skip(&delta, midstream, at);
        }
        self.review_contact(id, endpoint, at);
    }

    /// Adds bytes of a flow to its device and contact; what a flow carried that was `under_way` when leash was started again
    /// only to its contact. Its device had that counted before.
    fn credit_or_skip(&mut self, delta: &FlowDelta, under_way: bool, at: Stamp) {
        if !under_way || self.loaded_at == Time(0) {
            return self.credit(delta, at);
        }
        if let Some(contact) = self.tables.contacts.get_mut(delta.owner.device, delta.endpoint) {
            contact.add_bytes(delta.label, delta.sent, delta.received, at);
        }
    }

    /// Adds bytes of a flow to its device and contact.
    fn credit(&mut self, delta: &FlowDelta, at: Stamp) {
        let FlowDelta { owner: Owner { device: id, .. }, endpoint, sent, received, .. } = *delta;
        let hour = at.wall.hour();
        let device = self.tables.devices.get_mut(id);
        device.sent = device.sent.saturating_add(sent);
        device.received = device.received.saturating_add(received);
        device.last_seen = device.last_seen.max(at.wall);
        device.sent_by_hour.add(sent, at.wall);
        device.day.add(sent, received, hour);
        self.count_balance(delta, at);
        let Some(contact) = self.tables.contacts.get_mut(id, endpoint) else { return };
        contact.add_bytes(delta.label, sent, received, at);
        contact.add_today(sent, received);
        let sent_kb = contact.add_sent_in_hour(sent, hour);
        if let Some(call) = delta.call.filter(|_| delta.owner.outbound) {
            self.tables.contacts.record_call(id, endpoint, call);
        }
        // Few contacts send that much, so the rest is computed for them only.
        if u64::from(sent_kb) * 1_000 < limits::UPLOAD_BYTES / 2 {
            return;
        }
        let quiet = self.config.quiet_hours.is_some_and(|hours| self.is_within(hours, at.wall));
        let floor = if quiet { limits::UPLOAD_BYTES / 2 } else { limits::UPLOAD_BYTES };
        if u64::from(sent_kb) * 1_000 < floor {
            return;
        }
        let limit = self.tables.devices.get(id).sent_by_hour.upload_limit(hour, floor);
        let limit_kb = u32::try_from(limit.bytes / 1_000).unwrap_or(u32::MAX);
        let Some(contact) = self.tables.contacts.get_mut(id, endpoint).filter(|_| sent_kb >= limit_kb) else { return };
        if contact.note_upload(Upload { hour, sent_kb, limit_kb, days: limit.days }) {
            self.review_contact(id, endpoint, at);
        }
    }

    /// Returns whether it is between these minutes of the local day. Where `to` is before `from`, it means the next
    /// day.
    fn is_within(&self, (from, to): (u16, u16), wall: Wall) -> bool {
        let minute = (wall.as_secs() / 60 + i64::from(self.utc_offset_minutes)).rem_euclid(1_440);
        let (from, to) = (i64::from(from), i64::from(to));
        if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }

    /// Returns what detectors may look at beside a contact.
    fn context(&self) -> Context<'_> {
        let (hour, now) = (self.latest.wall.hour(), self.latest.now);
        Context {
            names: &self.tables.names,
            hour,
            now,
            lists: &self.lists,
            registrations: &self.tables.registrations,
            networks: self.networks.as_ref(),
        }
    }

    /// Takes new counters of a flow, in bytes along and against its tuple, and credits what was added.
    fn count(&mut self, tuple: Tuple, sent: u64, received: u64, at: Stamp) {
        let Some(flow) = self.tables.flows.get_mut(&tuple) else { return };
        // Other tools zero the kernel's counters, so a counter that decreased counts from zero.
        let added = |new: u64, old: u64| new.checked_sub(old).unwrap_or(new);
        let bytes = (added(sent, flow.sent), added(received, flow.received));
        self.counters_zeroed += u32::from(sent < flow.sent || received < flow.received);
        (flow.sent, flow.received) = (sent, received);
        let answered = flow.label == Label::Foreign && received > 0;
        let is_first = flow.midstream && bytes == (sent, received);
        // What a flow carried while it waited is credited when it gets its label.
        let delta = if answered || flow.label == Label::Waiting { None } else { flow.delta(&tuple, bytes) };
        if flow.service.asks_names() {
            self.note_resolver_flow(&tuple, at);
        }
        if let Some(delta) = delta {
            self.credit_or_skip(&delta, is_first, at);
        }
        if answered {
            self.label_answered(tuple, bytes, at);
        }
    }

    /// Labels a flow from a network behind a device once more: an answer found its way, so the router knows that network.
    /// `bytes` is what the flow has carried since it was last counted.
    fn label_answered(&mut self, tuple: Tuple, bytes: (u64, u64), at: Stamp) {
        let Some(flow) = self.tables.flows.get_mut(&tuple) else { return };
        let counters = (flow.sent, flow.received);
        (flow.label, flow.sent, flow.received) = (Label::Waiting, bytes.0, bytes.1);
        self.label(tuple, at);
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            (flow.sent, flow.received) = counters;
        }
    }

    /// Closes a flow with its last counters.
    fn close(&mut self, tuple: Tuple, sent: u64, received: u64, at: Stamp) {
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            flow.closed = true;
        }
        self.count(tuple, sent, received, at);
        self.release(tuple);
    }

    /// Closes a flow that a whole dump did not list.
    fn close_missing(&mut self, tuple: Tuple) {
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            flow.closed = true;
            self.release(tuple);
        }
    }

    /// Takes what one of the first packets of a flow showed.
    fn note_hint(&mut self, tuple: Tuple, hint: Hint, at: Stamp) {
        let Some(flow) = self.tables.flows.get_mut(&tuple) else { return };
        flow.service = flow.service.refine(tuple.destination, tuple.protocol, tuple.destination_port, &hint);
        if let Hint::Tls { sni, ech, esni, .. } = &hint {
            flow.sni = sni.clone().or(flow.sni.take());
            (flow.ech, flow.esni) = (flow.ech | ech, flow.esni | esni);
        }
        if let Hint::Quic { sni, ech, .. } = &hint {
            flow.sni = sni.clone().or(flow.sni.take());
            flow.ech |= ech;
        }
        if let Hint::Dtls { sni } = &hint {
            flow.sni = sni.clone().or(flow.sni.take());
        }
        if let Hint::Plaintext { mac, word } = &hint {
            flow.leaks.add(Leaks { mac: mac.is_some(), word: word.is_some() });
        }
        if let Some(id) = flow.device().filter(|_| !is_local(tuple.destination)) {
            let handshakes = &mut self.tables.devices.get_mut(id).handshakes;
            if let Hint::Tls { ja4: Some(ja4), .. } | Hint::Quic { ja4: Some(ja4), .. } = &hint {
                handshakes.record_program(*ja4, at.now);
            }
            // With these protocols the client speaks first, so a delay is its own.
            if let (Hint::Tls { .. } | Hint::Http { .. }, Some(delay)) = (&hint, flow.delay) {
                handshakes.record_delay(delay, at.now);
            }
        }
        let host = if let Hint::Http { host, .. } = hint { host } else { None };
        let (asks, is_named) = (flow.service.asks_names(), host.is_some() || flow.sni.is_some());
        if asks {
            self.note_question(&tuple, at);
        }
        if is_named {
            self.note_name_called(&tuple, host.as_ref(), at);
        }
        let Some(flow) = self.tables.flows.get(&tuple) else { return };
        let Some(owner) = flow.owner.filter(|_| flow.label != Label::Waiting) else { return };
        let (id, endpoint) = (owner.device, tuple.endpoint(owner.outbound));
        if let Some(contact) = self.tables.contacts.get_mut(id, endpoint) {
            contact.apply_hints(flow);
            if contact.setup.is_none() && flow.service.sets_up_sessions() {
                self.note_session(&tuple, at);
            }
            self.review_contact(id, endpoint, at);
        }
    }

    /// Asks the detectors about a contact, records what is new, and blocks its address if that is the verdict.
    fn review_contact(&mut self, id: DeviceId, endpoint: Endpoint, at: Stamp) {
        let Some(contact) = self.tables.contacts.get(id, endpoint) else { return };
        if contact.is_out_of_scope() {
            return;
        }
        let device = self.tables.devices.get(id);
        let mac = device.mac;
        let findings = detect::judge(&Subject { device, id, endpoint, contact }, &self.context());
        self.note_findings(id, Some(endpoint), &findings, at);
        let verdict = self.verdict(id, endpoint, &findings, self.settings().mode(mac), at.wall);
        if verdict.decision == Decision::Block {
            self.block(id, endpoint.address, verdict, &findings, at);
        }
    }

    /// Notes all findings on a contact, or without an endpoint on the device as a whole, and records those that are new.
    fn note_findings(&mut self, id: DeviceId, endpoint: Option<Endpoint>, findings: &[detect::Finding], at: Stamp) {
        let mac = self.tables.devices.get(id).mac;
        let new = self.ledger.note(id, endpoint, findings, at.wall);
        for finding in findings.iter().filter(|finding| new.contains(&finding.detector)) {
            if endpoint.is_some_and(|endpoint| !self.is_worth_a_record(id, endpoint, finding)) {
                continue;
            }
            let message = || sentence!("%s: %s", Value::Word(finding.detector), finding.message.clone());
            self.note_about(RecordKind::Finding, Some(mac), endpoint.map(|endpoint| endpoint.address), at, message);
        }
    }

    /// Returns what the policy decides on a contact with these findings, in a mode.
    fn verdict(
        &self,
        id: DeviceId,
        endpoint: Endpoint,
        findings: &[detect::Finding],
        mode: Mode,
        wall: Wall,
    ) -> Verdict {
        let (mac, local) = (self.tables.devices.get(id).mac, self.tables.is_inside(endpoint.address));
        let resolver = self.is_resolver(endpoint.address);
        let faked = self.tables.is_faked(endpoint.address);
        let case = Case { mac, id, endpoint, local, resolver, faked, findings, names: &self.tables.names, wall };
        policy::verdict(&case, mode, self.settings())
    }

    /// Counts and reports a flow that was taken out of the table.
    fn finish_flow(&mut self, tuple: Tuple, flow: Flow) {
        let device = flow.device();
        if let Some(id) = device {
            let live = &mut self.tables.devices.get_mut(id).live_flows;
            *live = live.saturating_sub(1);
            self.note_attempt(id, &tuple, &flow);
        }
        if self.report_flows {
            let names = match (device, flow.label) {
                (Some(id), Label::OtherDevice) => {
                    self.tables.names.of_other_devices(id, tuple.destination).map(|(_, known)| known.clone()).collect()
                }
                (Some(id), _) => self.tables.names.of_device(id, tuple.destination).cloned().collect(),
                (None, _) => Vec::new(),
            };
            self.actions.push_back(Action::FlowEnded(Box::new(EndedFlow { tuple, flow, names })));
        }
    }
}
