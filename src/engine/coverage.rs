//! Whether the lookups of devices are being seen: what shows that they are or are not, what follows for flows that no
//! lookup explains, and the sentences for people.

use crate::engine::Engine;
use crate::engine::judged::JudgedDevice;
use crate::limits;
use crate::model::{Endpoint, Name, Tuple, is_local};
use crate::sentence;
use crate::sentence::Sentence;
use crate::tables::coverage::{Level, Reason};
use crate::tables::devices::DeviceId;
use crate::tables::flows::{Flow, Label};
use crate::tables::service::Service;
use crate::time::{Stamp, Time};
use serde_json::{Map, Value};
use std::net::IpAddr;

impl Reason {
    /// Returns what is the matter, for people: "the device ...".
    fn message(self) -> Sentence {
        match self {
            Reason::Lost => sentence!("some lookups of the house were lost a moment ago"),
            Reason::Faked => sentence!("names are answered with made-up addresses by a proxy on this router"),
            Reason::OneWay => sentence!("only what it sends to the Internet is seen, not what comes back"),
            Reason::Told(address) => {
                sentence!("it is told to ask %s for names, whose answers do not pass this router", address)
            }
            Reason::Asks(address, Service::Dns) => {
                sentence!("it asks %s for names, and the answers were not seen", address)
            }
            Reason::Asks(address, _) => sentence!("it asks %s for names, encrypted", address),
            Reason::Missed(address) => sentence!("an answer of %s to it was not seen as a whole", address),
            Reason::Names(count) => {
                sentence!("it calls %s names that it did not look up here, so it asks somewhere else", count)
            }
        }
    }

    /// Returns what people can do about it; absent for what doctor tells of the whole house anyway: that names are
    /// faked, and which resolvers devices are told.
    fn remedy(self) -> Option<Sentence> {
        match self {
            Reason::Faked | Reason::Told(_) => None,
            Reason::OneWay => Some(sentence!("lead both directions of its traffic through this router")),
            Reason::Lost | Reason::Missed(_) => Some(sentence!("wait some minutes; leash says it if it happens again")),
            Reason::Asks(..) | Reason::Names(_) => {
                Some(sentence!("let the device ask this router for names: switch off private DNS or its own resolver"))
            }
        }
    }
}

impl Engine {
    /// Returns why lookups of a device at `time` may have passed unseen; empty where nothing speaks for that.
    fn coverage_reasons(&self, id: DeviceId, time: Time) -> impl Iterator<Item = Reason> {
        let (device, now) = (self.tables.devices.get(id), self.latest.now);
        let lost = self.tables.lookups.lost_before(time).then_some(Reason::Lost);
        let told = self.tables.lookups.told(device.mac, now).find(|resolver| self.is_out_of_sight(id, *resolver));
        let faked = device.made_up.is_usual().then_some(Reason::Faked);
        let one_way = device.directions.is_one_way().then_some(Reason::OneWay);
        lost.into_iter()
            .chain(faked)
            .chain(one_way)
            .chain(told.map(Reason::Told))
            .chain(device.coverage.reasons(time, now))
    }

    /// Returns true if answers of a resolver of the house to this device do not pass the router, as far as is known.
    /// Those of a resolver elsewhere do.
    fn is_out_of_sight(&self, id: DeviceId, resolver: IpAddr) -> bool {
        self.tables.is_inside(resolver)
            && self.tables.devices.by_address(resolver) != Some(id)
            && !self.tables.devices.get(id).coverage.resolvers().any(|seen| seen == resolver)
    }

    /// Returns how much of the lookups of a device was seen at `time`.
    pub(super) fn coverage_level(&self, id: DeviceId, time: Time) -> Level {
        match self.tables.devices.get(id).coverage.since() {
            _ if self.coverage_reasons(id, time).next().is_some() => Level::Partial,
            Some(since) if since <= time => Level::Full,
            _ => Level::None,
        }
    }

    /// Returns how much of a device's lookups is seen now, why not all where that is so, and by which resolvers.
    pub(super) fn coverage(&self, judged: &JudgedDevice) -> Value {
        let coverage = &judged.device.coverage;
        let Stamp { now, wall } = self.latest;
        let mut reasons: Vec<Reason> = self.coverage_reasons(judged.id, now).collect();
        reasons.dedup();
        let level = |since: Option<Time>| match since {
            None => Level::None,
            Some(_) if reasons.is_empty() => Level::Full,
            Some(_) => Level::Partial,
        };
        let mut map = Map::new();
        map.insert("level".into(), level(coverage.since()).text().into());
        let families = ["ipv4", "ipv6"].into_iter().zip(coverage.since_by_family());
        for (word, since) in families {
            let mut family = Map::new();
            family.insert("level".into(), level(since).text().into());
            if let Some(since) = since {
                family.insert("since".into(), (wall - now.since(since)).as_secs_f64().into());
            }
            map.insert(word.into(), Value::Object(family));
        }
        map.insert("proven".into(), coverage.has_shown_itself(now).into());
        map.insert(
            "resolvers".into(),
            coverage
                .resolvers()
                .filter(|seen| !seen.is_unspecified())
                .map(|seen| Value::from(seen.to_string()))
                .collect(),
        );
        let mut sentences: Vec<Sentence> = reasons.iter().map(|reason| reason.message()).collect();
        if sentences.is_empty() && coverage.since().is_none() {
            sentences.push(sentence!("none of its lookups was seen so far"));
        }
        map.insert("reasons".into(), sentences.iter().map(Sentence::json).collect());
        Value::Object(map)
    }

    /// Returns the label of a flow whose address no lookup of its device explains.
    pub(super) fn label_unexplained(&self, id: DeviceId, endpoint: Endpoint, opened: Time, at: Stamp) -> Label {
        match self.coverage_level(id, opened) {
            Level::None => Label::NotCovered,
            Level::Partial => Label::Unseen,
            // What the address is known by may have been looked up before lookups were seen.
            Level::Full
                if self.tables.contacts.get(id, endpoint).is_some_and(|contact| {
                    contact.flows(Label::Unseen) > 0 && at.wall.since(contact.first_seen) < limits::UNKNOWN_KEPT
                }) =>
            {
                Label::Unseen
            }
            Level::Full => self.label_covered(id, endpoint.address),
        }
    }

    /// Returns the label of flows to an address that no lookup of their device explains, where one would have been seen.
    fn label_covered(&self, id: DeviceId, address: IpAddr) -> Label {
        match self.tables.names.of_other_devices(id, address).next() {
            Some(_) => Label::OtherDevice,
            None => Label::Unexplained,
        }
    }

    /// Turns what was unknown into unexplained: the first lookup of a device was seen, so earlier ones would have been,
    /// too.
    pub(super) fn gain_coverage(&mut self, id: DeviceId, at: Stamp) {
        let level = self.coverage_level(id, at.now);
        let booted = self.tables.devices.get(id).booted_at.is_some();
        let waiting = self.tables.contacts.of_device(id).filter(|(_, contact)| contact.flows(Label::NotCovered) > 0);
        for endpoint in waiting.map(|(endpoint, _)| endpoint).collect::<Vec<_>>() {
            let label = match level {
                Level::None => return,
                Level::Partial => Label::Unseen,
                Level::Full => self.label_covered(id, endpoint.address),
            };
            if let Some(contact) = self.tables.contacts.get_mut(id, endpoint) {
                contact.relabel(Label::NotCovered, label);
                // A device that works for so long without a lookup keeps the addresses that it knows.
                let long_ago = |began: Time| at.now.since(began) >= limits::HINDSIGHT;
                if !booted && contact.unexplained_at().is_some_and(long_ago) {
                    contact.mark_early();
                }
            }
            self.review_contact(id, endpoint, at);
        }
    }

    /// Forgets that lookups were being seen: some may have been missed.
    pub(super) fn lose_coverage(&mut self, at: Stamp) {
        self.tables.lookups.lose(at.now);
        self.tables.devices.iter_mut().for_each(|device| device.coverage.lose());
        self.tables.contacts.iter_mut().for_each(|contact| contact.relabel(Label::NotCovered, Label::Unseen));
    }

    /// Takes back that no lookup explains what a device calls: it was shown that some pass unseen. Blocks that are in
    /// force stay until their end, because a device could lift them so.
    pub(super) fn doubt(&mut self, id: DeviceId) {
        for (_, contact) in self.tables.contacts.of_device_mut(id) {
            for label in [Label::Unexplained, Label::NotCovered] {
                contact.relabel(label, Label::Unseen);
            }
        }
    }

    /// Notes that an answer to a device was not seen as a whole.
    pub(super) fn miss(&mut self, client: IpAddr, server: IpAddr, at: Stamp) {
        if let Some(id) = self.tables.devices.by_address(client) {
            self.tables.devices.get_mut(id).coverage.missed(server, at.now);
        }
    }

    /// Notes that a flow to a resolver was opened.
    pub(super) fn note_question(&mut self, tuple: &Tuple, at: Stamp) {
        let Some(flow) = self.tables.flows.get(tuple) else { return };
        let (service, open) = (flow.service, !flow.closed && flow.received == 0);
        if let Some(owner) = flow.owner.filter(|owner| owner.outbound && open) {
            self.tables.devices.get_mut(owner.device).coverage.asks(tuple.destination, service, at.now);
        }
    }

    /// Notes what a flow to a resolver has carried.
    pub(super) fn note_resolver_flow(&mut self, tuple: &Tuple, at: Stamp) {
        let Some(flow) = self.tables.flows.get(tuple) else { return };
        let Flow { service, opened_at, received, closed, .. } = *flow;
        let Some(owner) = flow.owner.filter(|owner| owner.outbound && (closed || received > 0)) else { return };
        let coverage = &mut self.tables.devices.get_mut(owner.device).coverage;
        if coverage.resolver_flow(tuple.destination, service, opened_at, received > 0, at.now) {
            self.doubt(owner.device);
        }
    }

    /// Notes by which name a flow calls an address that no lookup of its device explains: the host of a request, or
    /// without one the server name of its hello.
    pub(super) fn note_name_called(&mut self, tuple: &Tuple, host: Option<&Name>, at: Stamp) {
        let Some(flow) = self.tables.flows.get(tuple) else { return };
        let settled = !matches!(flow.label, Label::Waiting | Label::Lookup | Label::Foreign | Label::OutOfScope)
            && !flow.midstream;
        let (Some(owner), Some(name)) = (flow.owner, host.or(flow.sni.as_ref())) else { return };
        if settled
            && !is_local(tuple.destination)
            && self.tables.devices.get_mut(owner.device).coverage.calls_unlooked(name, tuple.destination, at.now)
        {
            self.doubt(owner.device);
        }
    }

    /// Returns the reasons for which lookups pass unseen now, each with how many judged devices it concerns.
    pub fn coverage_complaints(&self) -> Vec<(Sentence, Sentence, usize)> {
        let mut all: Vec<(Reason, usize)> = Vec::new();
        for (id, device) in self.tables.devices.iter() {
            if self.settings().mode(device.mac).is_judged() {
                for reason in self.coverage_reasons(id, self.latest.now) {
                    match all.iter_mut().find(|(known, _)| *known == reason) {
                        Some((_, devices)) => *devices += 1,
                        None => all.push((reason, 1)),
                    }
                }
            }
        }
        let said = all.into_iter().filter_map(|(reason, devices)| Some((reason.message(), reason.remedy()?, devices)));
        said.collect()
    }
}
