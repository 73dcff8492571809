//! The engine: facts in, verdicts out. It never reads a clock, a file, a socket or the environment; the same events
//! give the same actions and the same view.

mod enforcement;
pub mod history;
mod identity;
mod judged;
pub mod ledger;
pub mod orders;
pub mod policy;
pub mod purpose;
mod reference;
mod signals;
pub mod state;
pub mod view;

use crate::config::Config;
use crate::detect::{self, Scene, Subject};
use crate::engine::history::{History, Record, RecordKind};
use crate::engine::ledger::Ledger;
use crate::engine::orders::{EffectiveSettings, Orders};
use crate::engine::policy::{Blocks, Case, Decision, Verdict};
use crate::event::{Event, PacketCounts, Source};
use crate::limits;
use crate::mode::Mode;
use crate::model::{Endpoint, Explained, Hint, Lookup, Mac, Name, Outcome, Tuple, is_local};
use crate::reference::lists::Lists;
use crate::reference::networks::Networks;
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::Tables;
use crate::tables::counters::handshakes::DelayClass;
use crate::tables::counters::uploads::{self, Upload};
use crate::tables::devices::DeviceId;
use crate::tables::flows::{Flow, GaveAway, Label, Owner, Step};
use crate::tables::service;
use crate::time::{Span, Stamp, Time, Wall};
use std::collections::VecDeque;
use std::net::IpAddr;

/// What the engine wants done or told.
#[derive(Clone, Debug)]
pub enum Action {
    /// This address is to be null-routed for this device.
    Block {
        /// The device.
        mac: Mac,
        /// The address.
        address: IpAddr,
        /// For how long; absent: for ever.
        lasts: Option<Span>,
    },
    /// It is not to be null-routed any longer.
    Unblock {
        /// The device.
        mac: Mac,
        /// The address.
        address: IpAddr,
    },
    /// [`Engine::elements`] or [`Engine::prefix_pins`] changed otherwise.
    SyncSets,
    /// Orders were given that are to last: the settings shall have them.
    PersistOrders,
    /// Something happened that people may want to know.
    Note(Record),
    /// A flow is over and judged; only told after [`Engine::report_flows`].
    FlowEnded(Box<EndedFlow>),
}

/// A flow that is over.
#[derive(Clone, Debug)]
pub struct EndedFlow {
    /// Which.
    pub tuple: Tuple,
    /// Its counters, label and hints.
    pub flow: Flow,
    /// The names that explain its address, newest first: at most [`limits::NAMES_PER_ADDRESS`].
    pub names: Vec<Name>,
}

/// The pure part of leash.
#[derive(Debug, Default)]
pub struct Engine {
    config: Config,
    orders: Orders,
    history: History,
    /// Minutes that local time is ahead of UTC.
    utc_offset_minutes: i16,
    /// Whom the router itself asks.
    resolvers: Vec<IpAddr>,
    tables: Tables,
    /// What others warn of.
    lists: Lists,
    /// Whose an address is.
    networks: Option<Networks>,
    ledger: Ledger,
    blocks: Blocks,
    packets: Option<PacketCounts>,
    actions: VecDeque<Action>,
    report_flows: bool,
    keeps_records: bool,
    /// Of the latest fact.
    latest: Stamp,
    /// First and latest date.
    span: Option<(Wall, Wall)>,
    /// Since when lookups would have been seen.
    looking_since: Time,
    next_sweep: Time,
    /// How often a counter of conntrack went backwards.
    zeroed: u32,
    /// Lookups of nobody that is known.
    stray_lookups: u32,
    /// When the pins with an end are looked at, if there are any.
    next_review: Option<Time>,
    /// How many pins held at the latest review.
    pins_held: usize,
    /// When all devices were judged last, and how many were allowed, watched and blocked; absent after a change.
    verdicts: Option<(Time, [u32; 3])>,
}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new(config: Config) -> Engine {
        Engine { config, ..Engine::default() }
    }

    /// Every flow that ends is told from now on, as [`Action::FlowEnded`].
    pub fn report_flows(&mut self) {
        self.report_flows = true;
    }

    /// What happens is noted from now on, as [`Action::Note`] and in the history.
    pub fn enable_records(&mut self) {
        self.keeps_records = true;
    }

    /// Takes a fact.
    pub fn handle(&mut self, event: Event, at: Stamp) {
        self.wake(at);
        if !matches!(event, Event::PacketsRead(_)) {
            let (first, last) = self.span.unwrap_or((at.wall, at.wall));
            self.span = Some((first.min(at.wall), last.max(at.wall)));
        }
        match event {
            Event::ClockSet => {}
            Event::Lan { prefixes } => self.tables.lan = prefixes,
            Event::Neighbour { ip, mac } => self.bind(ip, mac, None, at),
            Event::Leased { ip, mac, hostname } => self.bind(ip, mac, hostname, at),
            Event::Booted { mac, hostname, vendor_class } => {
                if let Some(id) = self.introduce(mac, hostname, vendor_class, at) {
                    self.tables.devices.get_mut(id).booted = Some(at.now);
                }
            }
            Event::Lookup(lookup) => self.learn(&lookup, at),
            Event::FlowOpened { tuple, midstream } => self.open(tuple, midstream, at),
            Event::FlowCounted { tuple, sent, received } => self.count(tuple, sent, received, at),
            Event::FlowClosed { tuple, sent, received } => self.close(tuple, sent, received, at),
            Event::FirstPacket { tuple, hint } => self.hint(tuple, hint, at),
            Event::HandshakeDelay { tuple, delay } => {
                if let Some(flow) = self.tables.flows.get_mut(&tuple) {
                    flow.pause.get_or_insert(DelayClass::of(delay));
                }
            }
            Event::Gap { source: Source::Lookups } => self.lose_coverage(at),
            Event::Gap { source: Source::Flows } => self.tables.flows.begin_dump(),
            Event::DumpComplete => {
                for tuple in self.tables.flows.unconfirmed() {
                    self.over(tuple);
                }
            }
            Event::PacketsRead(packets) => self.packets = Some(packets),
        }
        self.wake(at);
    }

    /// Does what time alone makes due.
    pub fn wake(&mut self, at: Stamp) {
        self.latest = at;
        while let Some((deadline, tuple)) = self.tables.flows.due(at.now) {
            // Whoever wakes late (a file wakes with its next line) finds the same as who wakes in time.
            let late = at.now.since(deadline);
            self.settle(tuple, Stamp { now: deadline, wall: Wall(at.wall.0.saturating_sub(late.0 as i64)) });
        }
        if self.next_sweep <= at.now {
            self.next_sweep = at.now + Span::hours(1);
            self.tables.names.sweep(at.now);
        }
        for tuple in self.tables.flows.found(None, at.now) {
            self.settle(tuple, at);
        }
        for (mac, address) in self.blocks.expire(at.now) {
            self.actions.push_back(Action::Unblock { mac, address });
            self.note_about(RecordKind::End, Some(mac), Some(address), at, || {
                sentence!("the block of %s is over", address)
            });
        }
        if self.next_review.is_some_and(|next| next <= at.now) {
            self.tick(at);
        }
    }

    /// When to [`Engine::wake`] it at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        [self.tables.flows.next_deadline(), self.blocks.next_end(), self.next_review].into_iter().flatten().min()
    }

    /// What is to be done; take all of it after each call that changes something.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> {
        self.actions.drain(..)
    }

    /// No more facts will come: judges what still waits and tells the flows that are still open.
    pub fn finish(&mut self, at: Stamp) {
        while let Some(tuple) = self.tables.flows.longest_waiting() {
            self.settle(tuple, at);
        }
        for (tuple, flow) in self.tables.flows.take_all() {
            self.end(tuple, flow);
        }
    }

    /// Whether DNS explains a flow, as far as it is known by now.
    pub fn explained(&self, ended: &EndedFlow) -> Option<Explained> {
        let covered = ended.flow.device().is_some_and(|id| self.tables.devices.get(id).covered(ended.flow.opened));
        ended.flow.label.explained(covered)
    }

    /// So many minutes local time is ahead of UTC.
    pub fn set_utc_offset(&mut self, minutes: i16) {
        self.utc_offset_minutes = minutes;
    }

    /// How often a counter of conntrack went backwards.
    pub fn counters_zeroed(&self) -> u32 {
        self.zeroed
    }

    /// What is known of the house, as events.
    pub fn snapshot(&self) -> Vec<crate::event::Event> {
        use crate::event::Event;
        let mut all = vec![Event::Lan { prefixes: self.tables.lan.clone() }];
        for (id, device) in self.tables.devices.iter() {
            all.extend(self.tables.devices.addresses(id).map(|ip| Event::Neighbour { ip, mac: device.mac }));
        }
        all
    }

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
        // A file is read to its end before anybody looks: nobody reads what happened on the way.
        if self.keeps_records {
            let record = Record { wall: at.wall, mac, address, kind, message: message() };
            self.history.add(record.clone());
            self.actions.push_back(Action::Note(record));
        }
    }

    /// The address is this station's from now on.
    fn bind(&mut self, ip: IpAddr, mac: Mac, hostname: Option<Name>, at: Stamp) {
        self.introduce(mac, hostname, None, at);
        self.tables.devices.bind(ip, mac, at);
        for tuple in self.tables.flows.found(Some(ip), at.now) {
            self.settle(tuple, at);
        }
    }

    fn introduce(
        &mut self,
        mac: Mac,
        hostname: Option<Name>,
        vendor_class: Option<Name>,
        at: Stamp,
    ) -> Option<DeviceId> {
        let known = self.tables.devices.len();
        let id = self.tables.devices.of_mac(mac, at)?;
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

    fn learn(&mut self, lookup: &Lookup, at: Stamp) {
        let Some(id) = self.tables.devices.of_address(lookup.client) else {
            self.stray_lookups = self.stray_lookups.saturating_add(1);
            return;
        };
        if self.settings().mode(self.tables.devices.get(id).mac).is_judged() {
            if self.tables.devices.get_mut(id).lookup_stats.note(lookup, at) {
                self.ledger.renew(id, detect::names::DETECTOR.name);
                self.judge_whole(id, at);
            }
            for &address in lookup.addresses.iter().filter(|address| !is_local(**address)) {
                self.tables.names.learn(id, address, &lookup.name, at.now);
                // Aliases are names of the address too, but it was this one that was asked for.
                self.apply_name_pin_ahead(id, address, at);
            }
        }
        let device = self.tables.devices.get_mut(id);
        device.lookups = device.lookups.saturating_add(1);
        let nowhere = |address: &IpAddr| address.is_unspecified() || address.is_loopback();
        // What blocks by DNS answers so; so does who has never heard of the name.
        if lookup.outcome == Outcome::NoSuchName || !lookup.addresses.is_empty() && lookup.addresses.iter().all(nowhere)
        {
            device.denied = Some((at.now, lookup.name.clone()));
            device.denials = device.denials.saturating_add(1);
        }
        device.last = device.last.max(at.wall);
        if device.covered_since.is_none() {
            let back = Time(at.now.0.saturating_sub(limits::COVERAGE_BACK.0));
            device.covered_since = Some(self.looking_since.max(back));
            self.gain_coverage(id, at);
        }
    }

    /// The first lookup of a device is seen, so the earlier ones would have been: what was unknown is unexplained.
    fn gain_coverage(&mut self, id: DeviceId, at: Stamp) {
        let mut changed = Vec::new();
        for (endpoint, contact) in
            self.tables.contacts.of_mut(id).filter(|(_, contact)| contact.flows(Label::NotCovered) > 0)
        {
            let others = self.tables.names.others(id, endpoint.address).next().is_some();
            contact.relabel(Label::NotCovered, if others { Label::OtherDevice } else { Label::Unexplained });
            changed.push(endpoint);
        }
        for endpoint in changed {
            self.judge(id, endpoint, at);
        }
    }

    fn lose_coverage(&mut self, at: Stamp) {
        self.looking_since = at.now;
        self.tables.devices.iter_mut().for_each(|device| device.covered_since = None);
        self.tables.contacts.iter_mut().for_each(|contact| contact.relabel(Label::NotCovered, Label::Unseen));
    }

    fn open(&mut self, tuple: Tuple, midstream: bool, at: Stamp) {
        if midstream && self.tables.flows.confirm(&tuple) {
            return;
        }
        if let Some(old) = self.tables.flows.get_mut(&tuple) {
            // The dump was quicker than the event.
            if old.midstream && !old.closed && at.now.since(old.opened) < Span::secs(1) {
                old.midstream = false;
                return;
            }
            // Two openings of one tuple without a close between: a lost event, or a flow that waits for its lookup.
            old.closed = true;
            self.settle(tuple, at);
        }
        while !self.tables.flows.has_room() {
            let Some(tuple) = self.tables.flows.longest_waiting() else { break };
            self.settle(tuple, at);
        }
        // Where the opener is a station that is not known yet, the flow waits for it rather than go to the other side.
        let stranger = |owner: &Owner| !owner.outbound && self.tables.is_inside(tuple.source);
        let owner = self.tables.attribute(&tuple).filter(|owner| !stranger(owner));
        let device = owner.map(|owner| owner.device);
        let crowded =
            device.is_some_and(|id| usize::from(self.tables.devices.get(id).live) >= limits::FLOWS_PER_DEVICE);
        if !self.tables.flows.has_room() || crowded {
            self.tables.flows.refused += 1;
            return;
        }
        if let Some(id) = device {
            self.tables.devices.get_mut(id).live += 1;
        }
        self.tables.flows.open(tuple, owner, midstream, at, at.now + self.config.grace);
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            flow.service = service::of_port(tuple.protocol, tuple.destination_port);
        }
        if device.is_some_and(|id| self.tables.names.knows(id, tuple.destination, at.now)) {
            self.settle(tuple, at);
        }
    }

    /// The grace of a flow is over, or need not be waited for.
    fn settle(&mut self, tuple: Tuple, at: Stamp) {
        self.label(tuple, at);
        self.release(tuple);
    }

    /// Lets a flow go that is over and judged.
    fn release(&mut self, tuple: Tuple) {
        let done = |flow: &mut Flow| flow.closed && flow.label != Label::Waiting;
        if self.tables.flows.get_mut(&tuple).is_some_and(done)
            && let Some(flow) = self.tables.flows.remove(&tuple)
        {
            self.end(tuple, flow);
        }
    }

    /// Says what explains a flow, once, and credits its contact.
    fn label(&mut self, tuple: Tuple, at: Stamp) {
        let Some(flow) = self.tables.flows.get(&tuple).filter(|flow| flow.label == Label::Waiting) else { return };
        let (opened, midstream, attributed) = (flow.opened, flow.midstream, flow.owner.is_some());
        let Some(owner) = flow.owner.or_else(|| self.tables.attribute(&tuple)) else {
            let until = opened + limits::ORPHAN_WAITS;
            if !(at.now < until && self.tables.is_inside(tuple.source) && self.tables.flows.orphan(tuple, until))
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
        } else if self.tables.names.explains(id, endpoint.address, at.now) {
            Label::Lookup
        } else if midstream {
            Label::Unseen
        } else if !self.tables.devices.get(id).covered(opened) {
            Label::NotCovered
        } else if self.tables.names.others(id, endpoint.address).next().is_some() {
            Label::OtherDevice
        } else {
            Label::Unexplained
        };
        let Tables { devices, flows, contacts, .. } = &mut self.tables;
        let Some(flow) = flows.get_mut(&tuple) else { return };
        (flow.label, flow.owner) = (label, Some(owner));
        let device = devices.get_mut(id);
        device.live += u16::from(!attributed);
        device.flows = device.flows.saturating_add(1);
        let denied = device.denied.as_ref().map(|(when, _)| *when);
        let mut new = false;
        if mode.is_judged()
            && let Some(contact) = contacts.entry(id, endpoint, at)
        {
            new = contact.all_flows() == 0 && label != Label::OutOfScope;
            contact.count(flow, at);
            let soon = denied.is_some_and(|denied| denied <= opened && opened.since(denied) <= limits::DENIAL);
            if soon && matches!(label, Label::Unexplained | Label::OtherDevice) {
                contact.after_denial = contact.after_denial.saturating_add(1);
            }
            contact.inbound = !owner.outbound;
            contact.show(flow);
        }
        let step = flow.step(&tuple, (flow.sent, flow.received));
        if label == Label::OutOfScope && owner.outbound && mode.is_judged() {
            self.note_lateral(id, endpoint, at);
        }
        if new {
            self.note_new_contact(id, endpoint, at);
        }
        self.close_hour(id, at);
        if let Some(step) = step {
            self.credit(&step, at);
        }
        self.judge(id, endpoint, at);
    }

    /// Adds bytes of a flow to its device and contact.
    fn credit(&mut self, step: &Step, at: Stamp) {
        let Step { owner: Owner { device: id, .. }, endpoint, sent, received, .. } = *step;
        let hour = uploads::hour(at.wall);
        let device = self.tables.devices.get_mut(id);
        device.sent = device.sent.saturating_add(sent);
        device.received = device.received.saturating_add(received);
        device.last = device.last.max(at.wall);
        device.hours.add(sent, at.wall);
        device.day.add(sent, received, hour);
        self.count_balance(step, at);
        let Some(contact) = self.tables.contacts.get_mut(id, endpoint) else { return };
        contact.credit(step.label, sent, received, at);
        let sent_kb = contact.count_hour(sent, hour);
        if let Some(call) = step.call {
            self.tables.contacts.call(id, endpoint, call);
        }
        // Few get that far, so the rest is asked only then.
        if u64::from(sent_kb) * 1_000 < limits::UPLOAD_BYTES / 2 {
            return;
        }
        let quiet = self.config.quiet_hours.is_some_and(|hours| self.is_within(hours, at.wall));
        let floor = if quiet { limits::UPLOAD_BYTES / 2 } else { limits::UPLOAD_BYTES };
        if u64::from(sent_kb) * 1_000 < floor {
            return;
        }
        let (limit, days) = self.tables.devices.get(id).hours.limit(hour, floor);
        let limit_kb = u32::try_from(limit / 1_000).unwrap_or(u32::MAX);
        let Some(contact) = self.tables.contacts.get_mut(id, endpoint).filter(|_| sent_kb >= limit_kb) else { return };
        if contact.note_upload(Upload { hour, sent_kb, limit_kb, days }) {
            self.judge(id, endpoint, at);
        }
    }

    /// It is between these minutes of the local day; those that end before they begin go on over midnight.
    fn is_within(&self, (from, to): (u16, u16), wall: Wall) -> bool {
        let minute = (wall.0 / 60_000_000 + i64::from(self.utc_offset_minutes)).rem_euclid(1_440);
        let (from, to) = (i64::from(from), i64::from(to));
        if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }

    fn scene(&self) -> Scene<'_> {
        let (hour, now) = (uploads::hour(self.latest.wall), self.latest.now);
        Scene { names: &self.tables.names, hour, now, lists: &self.lists, networks: self.networks.as_ref() }
    }

    fn count(&mut self, tuple: Tuple, sent: u64, received: u64, at: Stamp) {
        let Some(flow) = self.tables.flows.get_mut(&tuple) else { return };
        // Other tools zero the kernel's counters: a decrease is a new base.
        let added = |new: u64, old: u64| new.checked_sub(old).unwrap_or(new);
        let bytes = (added(sent, flow.sent), added(received, flow.received));
        self.zeroed += u32::from(sent < flow.sent || received < flow.received);
        (flow.sent, flow.received) = (sent, received);
        // What a flow carried while it waited is credited when it gets its label.
        if flow.label != Label::Waiting
            && let Some(step) = flow.step(&tuple, bytes)
        {
            self.credit(&step, at);
        }
    }

    fn close(&mut self, tuple: Tuple, sent: u64, received: u64, at: Stamp) {
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            flow.closed = true;
        }
        self.count(tuple, sent, received, at);
        self.release(tuple);
    }

    fn over(&mut self, tuple: Tuple) {
        if let Some(flow) = self.tables.flows.get_mut(&tuple) {
            flow.closed = true;
            self.release(tuple);
        }
    }

    fn hint(&mut self, tuple: Tuple, hint: Hint, at: Stamp) {
        let Some(flow) = self.tables.flows.get_mut(&tuple) else { return };
        flow.service = service::refine(flow.service, tuple.destination, tuple.protocol, tuple.destination_port, &hint);
        if let Hint::Tls { sni, ech, esni, .. } = &hint {
            flow.sni = sni.clone().or(flow.sni.take());
            (flow.ech, flow.esni) = (flow.ech | ech, flow.esni | esni);
        }
        if let Hint::Quic { sni, ech, .. } = &hint {
            flow.sni = sni.clone().or(flow.sni.take());
            flow.ech |= ech;
        }
        if let Hint::Plaintext { mac, word } = &hint {
            flow.gave_away.add(GaveAway { mac: mac.is_some(), word: word.is_some() });
        }
        if let Some(id) = flow.device().filter(|_| !is_local(tuple.destination)) {
            let handshakes = &mut self.tables.devices.get_mut(id).handshakes;
            if let Hint::Tls { ja4: Some(ja4), .. } | Hint::Quic { ja4: Some(ja4), .. } = &hint {
                handshakes.client_hello(*ja4, at.now);
            }
            // Of these the client speaks first.
            if let (Hint::Tls { .. } | Hint::Http { .. }, Some(pause)) = (&hint, flow.pause) {
                handshakes.paused(pause, at.now);
            }
        }
        let Some(owner) = flow.owner.filter(|_| flow.label != Label::Waiting) else { return };
        let (id, endpoint) = (owner.device, tuple.endpoint(owner.outbound));
        if let Some(contact) = self.tables.contacts.get_mut(id, endpoint) {
            contact.show(flow);
            self.judge(id, endpoint, at);
        }
    }

    /// Asks the detectors about a contact and puts the verdict into force.
    fn judge(&mut self, id: DeviceId, endpoint: Endpoint, at: Stamp) {
        let Some(contact) = self.tables.contacts.get(id, endpoint) else { return };
        if contact.is_out_of_scope() {
            return;
        }
        let device = self.tables.devices.get(id);
        let mac = device.mac;
        let findings = detect::judge(&Subject { device, id, endpoint, contact }, &self.scene());
        let new = self.ledger.note(id, Some(endpoint), &findings, at.wall);
        if !new.is_empty() {
            self.verdicts = None;
        }
        for finding in findings.iter().filter(|finding| new.contains(&finding.detector)) {
            let message = || sentence!("%s: %s", finding.detector, finding.message.clone());
            self.note_about(RecordKind::Finding, Some(mac), Some(endpoint.address), at, message);
        }
        let verdict = self.verdict(id, endpoint, &findings, self.settings().mode(mac), at.wall);
        if verdict.decision == Decision::Block {
            let reasons = verdict.reasons(&findings);
            self.block(id, endpoint.address, verdict, reasons, at);
        }
    }

    fn verdict(
        &self,
        id: DeviceId,
        endpoint: Endpoint,
        findings: &[detect::Finding],
        mode: Mode,
        wall: Wall,
    ) -> Verdict {
        let (mac, local) = (self.tables.devices.get(id).mac, self.tables.is_inside(endpoint.address));
        let resolver = self.resolvers.contains(&endpoint.address);
        let case = Case { mac, id, endpoint, local, resolver, findings, names: &self.tables.names, wall };
        policy::judge(&case, mode, self.settings())
    }

    /// A flow is over and judged.
    fn end(&mut self, tuple: Tuple, flow: Flow) {
        let device = flow.device();
        if let Some(id) = device {
            let live = &mut self.tables.devices.get_mut(id).live;
            *live = live.saturating_sub(1);
            self.note_attempt(id, &tuple, &flow);
        }
        if self.report_flows {
            let names = match (device, flow.label) {
                (Some(id), Label::OtherDevice) => {
                    self.tables.names.others(id, tuple.destination).map(|(_, known)| known.clone()).collect()
                }
                (Some(id), _) => self.tables.names.of(id, tuple.destination).cloned().collect(),
                (None, _) => Vec::new(),
            };
            self.actions.push_back(Action::FlowEnded(Box::new(EndedFlow { tuple, flow, names })));
        }
    }
}
