//! What the engine counts for the detectors beside the contacts: which attempts nobody answers (scan), how far a device
//! reaches (spread), and which peers servers hand out to it (direct-ip).

use crate::anonymise;
use crate::detect::bypass::is_told_with_device;
use crate::detect::{self, Finding, Strength};
use crate::engine::{DeviceId, Engine};
use crate::fnv::fnv32_of_address;
use crate::limits;
use crate::model::{Endpoint, Lookup, Protocol, Tuple};
use crate::tables::Tables;
use crate::tables::contacts::Contact;
use crate::tables::counters::reach::{FinishedHour, IdleHour, network_prefix};
use crate::tables::counters::sessions::{Setup, may_belong};
use crate::tables::domain::registrable;
use crate::tables::flows::{Flow, Label, Owner};
use crate::tables::service::Service;
use crate::time::{Stamp, Wall};
use std::collections::BTreeSet;
use std::net::IpAddr;

impl Engine {
    /// Notes what an answer shows of resolvers: who is one itself, and whether a proxy makes addresses up.
    pub(super) fn note_resolver(&mut self, lookup: &Lookup, at: Stamp) {
        self.tables.is_anonymised |= anonymise::is_former(&self.tables.lan, lookup);
        let Some(client) = self.tables.devices.by_address(lookup.client) else { return };
        if !lookup.addresses.is_empty() {
            let is_made_up = lookup.addresses.iter().any(|address| self.tables.is_faked(*address));
            self.tables.devices.get_mut(client).made_up.record(is_made_up);
        }
        let server = self.tables.devices.by_address(lookup.server).filter(|server| *server != client);
        if server.is_none() && self.tables.is_inside(lookup.server) {
            return;
        }
        let id = server.unwrap_or(client);
        let resolver = &mut self.tables.devices.get_mut(id).resolver;
        let before = (resolver.asks_many(), resolver.is_recursive());
        match server {
            Some(_) => resolver.answered(),
            None => resolver.asked(lookup.server),
        }
        if (resolver.asks_many(), resolver.is_recursive()) != before {
            self.review_device(id, at);
        }
    }

    /// Returns true if a proxy on the router answers the lookups of any device with addresses that it makes up.
    pub fn faked_names(&self) -> bool {
        self.tables.devices.iter().any(|(_, device)| device.made_up.is_usual())
    }

    /// Counts a flow that no lookup explains so far, which may be one of those by which a device looks for a peer.
    pub(super) fn note_burst(&mut self, tuple: &Tuple, owner: Option<Owner>, at: Stamp) {
        let Some(owner) = owner.filter(|owner| owner.outbound && may_belong(tuple)) else { return };
        if !self.tables.is_inside(tuple.destination)
            && let Some(sessions) = self.tables.devices.sessions_mut(owner.device, at.now)
        {
            sessions.note_attempt(tuple, at.now);
        }
    }

    /// Notes what a flow that has got its label says of sessions: it goes to a server that may set up some, or to a
    /// peer.
    pub(super) fn note_session(&mut self, tuple: &Tuple, at: Stamp) {
        let Tables { devices, flows, contacts, .. } = &mut self.tables;
        let Some((flow, owner)) = flows.get(tuple).and_then(|flow| Some((flow, flow.owner?))) else { return };
        let (id, peer, opened_at) = (owner.device, tuple.destination, flow.opened_at);
        if !owner.outbound || matches!(flow.label, Label::OutOfScope | Label::Foreign | Label::Unseen) {
            return;
        }
        if flow.label == Label::Lookup {
            if flow.delay.is_some()
                || tuple.protocol == Protocol::Udp && !matches!(flow.service, Service::Ntp | Service::Dns)
            {
                devices.get_mut(id).referrals.note_server(peer, opened_at);
            }
            if may_belong(tuple)
                && let Some(sessions) = devices.sessions_mut(id, at.now)
            {
                sessions.note_server(tuple, at.now);
            }
            return;
        }
        let speaks = flow.service.sets_up_sessions();
        let sessions = devices.get(id).sessions.as_ref().filter(|_| may_belong(tuple));
        let is_live = |tuple: &Tuple| flows.get(tuple).is_some_and(|flow| !flow.closed);
        let socket = sessions.and_then(|sessions| sessions.server_of_socket(tuple, opened_at, is_live));
        let how = match socket {
            Some(_) => Some(Setup::Socket),
            None if sessions.is_some_and(|sessions| sessions.is_burst(tuple, opened_at)) => Some(Setup::Burst),
            None => speaks.then_some(Setup::Protocol),
        };
        // Whatever the shape: the device has just talked to somebody whom it looked up, who can have told it of the peer.
        let server = how.and_then(|_| {
            let is_server = |contact: &Contact| {
                contact.label == Label::Lookup
                    && !contact.inbound
                    && at.now.since(contact.active_at) < limits::SESSION_SERVER
                    && !matches!(contact.service, Service::Ntp | Service::Dns)
            };
            let servers = || contacts.of_device(id).filter(|(_, contact)| is_server(contact));
            socket.or_else(|| Some(servers().max_by_key(|(_, contact)| contact.active_at)?.0.address))
        });
        let referral = || {
            let server = devices.get(id).referrals.server(opened_at)?;
            let (endpoint, _) =
                contacts.of_device(id).find(|(endpoint, _)| fnv32_of_address(endpoint.address) == server)?;
            Some((Setup::Referral, endpoint.address))
        };
        let (how, server) = how.zip(server).or_else(referral).unzip();
        let Some(contact) = contacts.get_mut(id, tuple.endpoint(true)) else { return };
        contact.note_setup(how, at.wall);
        if let Some(server) = server
            && let Some(sessions) = devices.sessions_mut(id, at.now)
        {
            sessions.note_peer(peer, server);
        }
    }

    /// Counts an attempt of a device that is over, as failed where nobody answered or the answer was a refusal. Silence
    /// counts only where an answer could have been seen.
    pub(super) fn note_attempt(&mut self, id: DeviceId, tuple: &Tuple, flow: &Flow) {
        let is_ipv4 = tuple.destination.is_ipv4();
        let refusal = if is_ipv4 { 60 } else { 80 };
        let is_short = flow.sent <= 2 * refusal;
        let failed = match tuple.protocol {
            Protocol::Tcp => flow.received <= refusal && is_short,
            Protocol::Udp => flow.received == 0,
            // Programs ping many servers to find a near one, and what has no ports has no service to look for.
            _ => return,
        };
        if flow.sent == 0 || self.tables.devices.by_address(tuple.source) != Some(id) {
            return;
        }
        let (at, is_outside) = (self.latest, flow.label != Label::OutOfScope);
        let device = self.tables.devices.get_mut(id);
        if is_outside {
            let (before, is_silent) = (device.directions.is_one_way(), flow.received == 0);
            device.directions.record(!is_silent, tuple.protocol == Protocol::Tcp && is_silent && !is_short);
            if !before && device.directions.is_one_way() {
                self.doubt(id);
            }
        }
        let device = self.tables.devices.get_mut(id);
        let is_silence = flow.received == 0
            && (is_outside && !self.tables.answers.are_seen(is_ipv4, at.now) || device.directions.is_one_way());
        // A resolver tries many servers for others, some of which are down.
        let is_for_others = flow.service == Service::Dns && device.resolver.serves();
        // Who asks by broadcast asks from a port of its own; each answer is a flow that nobody answers again.
        let is_answer = tuple.protocol == Protocol::Udp
            && !is_outside
            && tuple.source_port < limits::EPHEMERAL_PORTS
            && tuple.destination_port >= limits::EPHEMERAL_PORTS;
        if flow.midstream || is_silence || is_for_others || is_answer {
            return;
        }
        let mac = device.mac;
        if device.attempts.record(tuple.destination, tuple.destination_port, failed, at)
            && self.settings().mode(mac).is_judged()
        {
            self.ledger.renew(id, detect::scan::DETECTOR.name);
            self.review_device(id, at);
        }
    }

    /// Counts an attempt of a relay to get into another device of the house: those who rent a relay come in with it.
    pub(super) fn note_lateral(&mut self, id: DeviceId, endpoint: Endpoint, at: Stamp) {
        let device = self.tables.devices.get_mut(id);
        let door = matches!(endpoint.port, 22 | 23 | 80 | 443 | 445 | 5555) && endpoint.protocol == Protocol::Tcp;
        if door && device.recent_relay(at.now).is_some() {
            let before = device.lateral_targets.count();
            device.lateral_targets.add_address(endpoint.address);
            if device.lateral_targets.count() != before {
                self.review_device(id, at);
            }
        }
    }

    /// Asks the detectors about a device as a whole, and records what is new.
    pub(super) fn review_device(&mut self, id: DeviceId, at: Stamp) {
        let findings = detect::judge_device(self.tables.devices.get(id), at.now);
        self.note_findings(id, None, &findings, at);
    }

    /// Returns whether a new finding on a contact is told: neither one that the device as a whole tells, nor the ninth weak
    /// one of its kind. They are shown all the same.
    pub(super) fn is_worth_a_record(&self, id: DeviceId, endpoint: Endpoint, finding: &Finding) -> bool {
        let weak = finding.strength == Strength::Weak;
        let most = if weak { limits::FINDINGS_TOLD } else { limits::STRONG_FINDINGS_TOLD };
        let device = self.tables.devices.get(id);
        let contact = self.tables.contacts.get(id, endpoint);
        self.ledger.contacts_with(id, finding.detector) <= most
            && contact.is_none_or(|contact| !is_told_with_device(device, contact, finding))
    }

    /// Notes the domain and the network of a new contact, and marks the contact when both are new to the device.
    pub(super) fn note_new_contact(&mut self, id: DeviceId, endpoint: Endpoint, at: Stamp) {
        let domain =
            self.tables.names.of_device(id, endpoint.address).next().map(|name| registrable(name).as_bytes().to_vec());
        let network = self.network_key(endpoint.address);
        let reach = &mut self.tables.devices.get_mut(id).reach;
        let mut is_new = |what: &[u8]| reach.add(what, at.wall, limits::SPREAD_OLD);
        // Both are noted, whether the other is new or not.
        let is_new_name = domain.as_ref().map(|domain| domain.is_empty() || is_new(domain));
        let new = [is_new(&network), is_new_name.unwrap_or(true)];
        if is_new_name == Some(true)
            && let Some(domain) = domain.and_then(|domain| String::from_utf8(domain).ok())
        {
            self.note_new_name(self.tables.devices.get(id).mac, &domain, at);
        }
        if new == [true; 2]
            && let Some(contact) = self.tables.contacts.get_mut(id, endpoint)
        {
            contact.new_to_device = true;
        }
    }

    /// Closes the hour of a device when a new one has begun: if it was nearly idle, notes how many networks it called.
    pub(super) fn close_hour(&mut self, id: DeviceId, at: Stamp) {
        let device = self.tables.devices.get_mut(id);
        let total = device.sent.saturating_add(device.received);
        let Some(FinishedHour { hour, transferred }) = device.reach.start_hour(at.wall.hour(), total) else { return };
        if transferred >= limits::SPREAD_IDLE {
            return;
        }
        let begin = Wall::from_hour(hour);
        let called = self
            .tables
            .contacts
            .of_device(id)
            .filter(|(_, contact)| contact.last_seen >= begin && contact.label != Label::OutOfScope);
        let addresses: Vec<IpAddr> = called.map(|(endpoint, _)| self.untranslated(endpoint.address)).collect();
        let (mut networks, mut countries) = (BTreeSet::new(), BTreeSet::new());
        networks.extend(addresses.iter().map(|address| self.network_key(*address)));
        let country = |address: &IpAddr| self.networks.as_ref()?.of(*address)?.country;
        countries.extend(addresses.iter().filter_map(country));
        let idle = IdleHour {
            hour,
            networks: networks.len() as u16,
            countries: (!countries.is_empty()).then_some(countries.len() as u16),
        };
        self.tables.devices.get_mut(id).reach.idle = Some(idle);
        if idle.networks >= limits::SPREAD_NETWORKS {
            self.review_device(id, at);
        }
    }

    /// Returns a key for the network of an address: its autonomous system where that is known, else its prefix.
    fn network_key(&self, address: IpAddr) -> [u8; 4] {
        let address = self.untranslated(address);
        let known = self.networks.as_ref().and_then(|networks| networks.of(address)?.asn);
        known.map_or(network_prefix(address), |asn| (asn | 1 << 31).to_be_bytes())
    }
}
