//! Contacts: all flows of one device to one endpoint, counted together. They are what detectors judge, and outlive the
//! flows by days ([`limits::CONTACT_STALE`]). Each device has its share of the table, so that a scan does not push out
//! others'.

use crate::limits;
use crate::model::{Endpoint, Explained, Name, Protocol, name};
use crate::tables::counters::beacon::{Beacon, Call};
use crate::tables::counters::day::{self, Traffic};
use crate::tables::counters::sessions::Setup;
use crate::tables::counters::uploads::Upload;
use crate::tables::devices::{DeviceId, PerDevice};
use crate::tables::flows::{Flow, Label, Leaks};
use crate::tables::service::Service;
use crate::time::{Span, Stamp, Time, Wall};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// What is counted for all flows between a device and an endpoint.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The date at which it was first seen.
    pub first_seen: Wall,
    /// The date at which it was last seen.
    pub last_seen: Wall,
    /// When it was last active, as its age is counted.
    pub active_at: Time,
    /// When the first flow began that no lookup of the device explains; absent while there is none but those that may
    /// have been looked up before lookups were seen: see [`limits::EARLY`].
    unexplained_at: Time,
    /// Bytes of IP packets that the device sent.
    pub sent: u64,
    /// Bytes of IP packets that the device received.
    pub received: u64,
    /// Bytes sent and received in flows that no lookup of the device explains.
    pub unexplained_bytes: u64,
    /// Flows that no lookup of the device explains and that began right after a name was denied: see
    /// [`limits::FALLBACK_WINDOW`].
    pub flows_after_denial: u16,
    /// What was sent in the hour that is being counted.
    sent_in_hour: SentInHour,
    /// Bytes sent and received today: exact up to 16 MB, and without an end.
    today: [f32; 2],
    /// The latest hour in which the device sent unusually much.
    pub upload: Option<Box<Upload>>,
    /// How regularly the device calls; absent before the second call.
    pub beacon: Option<Box<Beacon>>,
    /// The server name that was seen last.
    pub sni: Option<Name>,
    /// How many flows have each label: see [`Contact::flows`].
    flows: [u32; 6],
    /// The label of the flow that was labelled last.
    pub label: Label,
    /// What its flows speak.
    pub service: Service,
    /// In which of the last 24 hours it was active; bit 0 stands for the hour of `last_seen`.
    pub active_hours: u32,
    /// The other side opened the flows.
    pub inbound: bool,
    /// Encrypted ClientHello was seen.
    pub ech: bool,
    /// It is the peer of a session that a server set up, and how that is known.
    pub setup: Option<Setup>,
    /// On how many days the device called without a session, and the last of them modulo 256. Of an address that was
    /// handed out: how many calls came right after the server that did it, and how many did not.
    strays: (u8, u8),
    /// Which private data was sent in the clear.
    pub leaks: Leaks,
    /// Its domain and its network were both new to a device that has been known for long.
    pub new_to_device: bool,
}

/// What was sent in an hour.
#[derive(Clone, Copy, Debug, Default)]
struct SentInHour {
    /// The hour since 1970.
    hour: u32,
    kb: u32,
}

/// What no time is later than.
const NEVER: Time = Time(u64::MAX);

/// The labels by where their flows are counted.
const LABELS: [Label; 6] =
    [Label::Lookup, Label::OtherDevice, Label::Unexplained, Label::NotCovered, Label::Unseen, Label::OutOfScope];

/// Returns where a label's flows are counted; absent for flows that are not labelled yet.
fn slot(label: Label) -> Option<usize> {
    let label = if label == Label::Foreign { Label::OutOfScope } else { label };
    LABELS.iter().position(|known| *known == label)
}

/// Returns true if no lookup of the device explains the flow, or none so far.
fn lacks_lookup(label: Label) -> bool {
    matches!(label, Label::Unexplained | Label::OtherDevice | Label::NotCovered)
}

impl Contact {
    fn new(at: Stamp) -> Contact {
        Contact {
            first_seen: at.wall,
            last_seen: at.wall,
            active_at: at.now,
            unexplained_at: NEVER,
            sent: 0,
            received: 0,
            unexplained_bytes: 0,
            flows_after_denial: 0,
            sent_in_hour: SentInHour::default(),
            today: [0.0; 2],
            upload: None,
            beacon: None,
            sni: None,
            flows: [0; 6],
            label: Label::Waiting,
            service: Service::Unknown,
            active_hours: 1,
            inbound: false,
            ech: false,
            setup: None,
            strays: (0, 0),
            leaks: Leaks::default(),
            new_to_device: false,
        }
    }

    /// Returns how many flows have this label.
    pub fn flows(&self, label: Label) -> u32 {
        slot(label).map_or(0, |slot| self.flows[slot])
    }

    /// Returns how many flows there were.
    pub fn all_flows(&self) -> u32 {
        self.flows.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Returns when the first flow began that no lookup of the device explains, nor one that may have been made before
    /// lookups were seen.
    pub fn unexplained_at(&self) -> Option<Time> {
        Some(self.unexplained_at).filter(|at| *at != NEVER)
    }

    /// Forgets when flows began that no lookup explains: it was before lookups were seen.
    pub fn mark_early(&mut self) {
        self.unexplained_at = NEVER;
    }

    /// Counts a flow that has got its label. What is `early` may have been looked up before lookups were seen.
    pub fn add_flow(&mut self, flow: &Flow, early: bool, at: Stamp) {
        if let Some(slot) = slot(flow.label) {
            self.flows[slot] = self.flows[slot].saturating_add(1);
        }
        self.label = flow.label;
        self.first_seen = self.first_seen.min(flow.start);
        self.mark_active(at);
        if lacks_lookup(flow.label) && !early {
            self.unexplained_at = self.unexplained_at.min(flow.opened_at);
        }
    }

    /// Counts bytes of a flow with this label.
    pub fn add_bytes(&mut self, label: Label, sent: u64, received: u64, at: Stamp) {
        self.sent = self.sent.saturating_add(sent);
        self.received = self.received.saturating_add(received);
        if lacks_lookup(label) {
            self.unexplained_bytes = self.unexplained_bytes.saturating_add(sent).saturating_add(received);
        }
        self.mark_active(at);
    }

    /// Counts bytes of today.
    pub fn add_today(&mut self, sent: u64, received: u64) {
        self.today[0] += sent as f32;
        self.today[1] += received as f32;
    }

    /// Returns the bytes of today.
    pub fn today(&self) -> Traffic {
        let [sent, received] = self.today.map(|bytes| bytes as u64);
        Traffic { sent, received }
    }

    /// Lets a new day begin.
    pub fn start_day(&mut self) {
        self.today = [0.0; 2];
    }

    /// Returns what is to outlive a restart, as words of a line.
    pub fn save(&self, now: Time) -> String {
        let age = |then: Time| now.since(then).as_secs();
        let unexplained = self.unexplained_at().map_or("-".into(), |at| age(at).to_string());
        let flows = self.flows.map(|n| n.to_string()).join(",");
        let label = slot(self.label).unwrap_or(4);
        let flags = u8::from(self.inbound) | u8::from(self.ech) << 1 | u8::from(self.new_to_device) << 2;
        let flags = flags | u8::from(self.leaks.mac) << 3 | u8::from(self.leaks.word) << 4;
        let Contact { first_seen, last_seen, sent, received, unexplained_bytes, flows_after_denial, .. } = self;
        let (age, hours) = (age(self.active_at), self.active_hours);
        let sni = self.sni.as_ref().map_or(String::new(), |sni| format!(" {sni}"));
        format!(
            "{first_seen} {last_seen} {age} {unexplained} {sent} {received} {unexplained_bytes} {flows_after_denial} \
             {flows} {label} {hours} {flags}{sni}"
        )
    }

    /// Reads what [`Contact::save`] returned. Returns `None` if a word is missing or makes no sense.
    pub fn restore<'a>(mut words: impl Iterator<Item = &'a str>, endpoint: Endpoint, now: Time) -> Option<Contact> {
        let ago = |age: u64| now - Span(age.saturating_mul(1_000_000));
        let (first_seen, last_seen) = (Wall::parse(words.next()?)?, Wall::parse(words.next()?)?);
        let active_at = ago(words.next()?.parse().ok()?);
        let unexplained_at = match words.next()? {
            "-" => NEVER,
            age => ago(age.parse().ok()?),
        };
        let (sent, received) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let (unexplained_bytes, flows_after_denial) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let mut flows = [0; 6];
        let mut counts = words.next()?.split(',');
        for flows in &mut flows {
            *flows = counts.next()?.parse().ok()?;
        }
        let label: usize = words.next()?.parse().ok()?;
        let label = *LABELS.get(label)?;
        let active_hours = words.next()?.parse().ok()?;
        let flags: u8 = words.next()?.parse().ok()?;
        let is = |bit: u8| flags >> bit & 1 == 1;
        Some(Contact {
            last_seen,
            active_at,
            unexplained_at,
            sent,
            received,
            unexplained_bytes,
            flows_after_denial,
            sni: words.next().map(|sni| name(sni.as_bytes())),
            flows,
            label,
            service: Service::by_port(endpoint.protocol, endpoint.port),
            active_hours,
            inbound: is(0),
            ech: is(1),
            new_to_device: is(2),
            leaks: Leaks { mac: is(3), word: is(4) },
            ..Contact::new(Stamp { now, wall: first_seen })
        })
    }

    fn mark_active(&mut self, at: Stamp) {
        self.active_hours = day::mark_hour(self.active_hours, self.last_seen.hour(), at.wall.hour());
        (self.last_seen, self.active_at) = (self.last_seen.max(at.wall), at.now);
    }

    /// Counts bytes that the device sent in `hour`. Returns how many kB it has sent in that hour.
    pub fn add_sent_in_hour(&mut self, sent: u64, hour: u32) -> u32 {
        if self.sent_in_hour.hour != hour {
            self.sent_in_hour = SentInHour { hour, kb: 0 };
        }
        let kb = u32::try_from(sent.div_ceil(1_000)).unwrap_or(u32::MAX);
        self.sent_in_hour.kb = self.sent_in_hour.kb.saturating_add(kb);
        self.sent_in_hour.kb
    }

    /// Notes a large upload. Returns true if it is the first one of its hour.
    pub fn note_upload(&mut self, upload: Upload) -> bool {
        let is_new = self.upload.as_ref().is_none_or(|old| old.hour != upload.hour);
        self.upload = Some(Box::new(upload));
        is_new
    }

    /// Takes over what the first packets of a flow have shown.
    pub fn apply_hints(&mut self, flow: &Flow) {
        if flow.service != Service::Unknown {
            self.service = flow.service;
        }
        self.sni = flow.sni.clone().or(self.sni.take());
        self.ech |= flow.ech;
        self.leaks.add(flow.leaks);
    }

    /// Counts a call that no lookup explains: how its session was set up, or, if there is none, its day.
    pub fn note_setup(&mut self, setup: Option<Setup>, wall: Wall) {
        let is_first = self.all_flows() <= 1;
        match (self.setup, setup) {
            // An address that was called before was not handed out.
            (None, Some(Setup::Referral)) if is_first => (self.setup, self.strays) = (setup, (1, 0)),
            (Some(Setup::Referral), None | Some(Setup::Referral)) => {
                let (referred, strays) = &mut self.strays;
                *if setup.is_some() { &mut *referred } else { &mut *strays } += 1;
                if *referred.max(strays) == u8::MAX {
                    self.strays = (*referred / 2, *strays / 2);
                }
            }
            (Some(Setup::Referral), _) => (self.setup, self.strays) = (setup, (0, 0)),
            (_, None | Some(Setup::Referral)) => {
                let today = (wall.hour() / 24) as u8;
                if self.strays == (0, 0) || self.strays.1 != today {
                    self.strays = (self.strays.0.saturating_add(1), today);
                }
            }
            _ => self.setup = setup,
        }
    }

    /// Returns true if what passes is more than a session explains: called day after day without one, for most of the
    /// day, or sent far more than somebody looks at. An address that was handed out may be called all day, but not mostly
    /// without the server that did it.
    pub fn outgrows_session(&self) -> bool {
        let is_stray = match self.setup {
            Some(Setup::Referral) => u16::from(self.strays.1) > limits::REFERRAL_STRAYS * u16::from(self.strays.0),
            _ => self.strays.0 >= limits::SESSION_STRAY_DAYS || self.active_hours.count_ones() >= limits::SESSION_HOURS,
        };
        is_stray || self.sent >= limits::SESSION_BYTES
    }

    /// Gives all flows with the label `from` the label `to`.
    pub fn relabel(&mut self, from: Label, to: Label) {
        if let (Some(old), Some(new)) = (slot(from), slot(to)) {
            self.flows[new] = self.flows[new].saturating_add(std::mem::take(&mut self.flows[old]));
        }
        if self.label == from {
            self.label = to;
        }
    }

    /// Returns true if the contact is not judged: it is within the house or was opened by the other side, and is no
    /// proxy.
    pub fn is_out_of_scope(&self) -> bool {
        self.label == Label::OutOfScope
            && !self.inbound
            && !matches!(self.service, Service::Socks | Service::HttpConnect)
    }

    /// Returns true if it was only pinged, and with no more than it takes to see whether it answers. Who hides a tunnel
    /// in pings sends more than that, or as slowly as [`limits::PING_BYTES_PER_SECOND`] says.
    pub fn is_only_pinged(&self) -> bool {
        let bytes = self.sent.saturating_add(self.received);
        let usual = limits::PING_BYTES_PER_SECOND * self.last_seen.since(self.first_seen).as_secs();
        self.service == Service::Ping && bytes <= limits::PING_BYTES + usual
    }

    /// Returns whether DNS explains the latest flow; absent if the question does not arise.
    pub fn explained(&self) -> Option<Explained> {
        self.label.explained(|| false)
    }
}

/// All contacts.
#[derive(Debug, Default)]
pub struct Contacts {
    table: BTreeMap<(DeviceId, Endpoint), Contact>,
    count_of_device: PerDevice,
    next_sweep: Time,
    /// How many contacts have a [`Beacon`].
    beacons: usize,
    /// How many contacts were refused because the table was full.
    pub refused: u32,
}

impl Contacts {
    /// Returns a contact, which is added if it is new. Returns `None` if there is no room, not even after the stale
    /// contacts were dropped.
    pub fn get_or_insert(&mut self, device: DeviceId, endpoint: Endpoint, at: Stamp) -> Option<&mut Contact> {
        let key = (device, endpoint);
        if !self.table.contains_key(&key) {
            // A scan has thousands refused in a second, and nothing goes stale that fast.
            if self.is_full(device) && self.next_sweep <= at.now {
                self.next_sweep = at.now + limits::SWEEP_INTERVAL;
                self.drop_stale(at.now);
            }
            if self.is_full(device) {
                self.refused += 1;
                return None;
            }
            *self.count_of_device.get_mut(device) += 1;
        }
        Some(self.table.entry(key).or_insert_with(|| Contact::new(at)))
    }

    /// Takes up a contact of before a restart, while there is room.
    pub fn restore(&mut self, device: DeviceId, endpoint: Endpoint, contact: Contact) {
        if !self.table.contains_key(&(device, endpoint)) && !self.is_full(device) {
            *self.count_of_device.get_mut(device) += 1;
            self.table.insert((device, endpoint), contact);
        }
    }

    fn is_full(&self, device: DeviceId) -> bool {
        let of_device = self.count_of_device.get(device);
        self.table.len() >= limits::CONTACTS || of_device >= limits::CONTACTS_PER_DEVICE
    }

    fn drop_stale(&mut self, now: Time) {
        let (counts, beacons) = (&mut self.count_of_device, &mut self.beacons);
        self.table.retain(|(device, _), contact| {
            let keep = now.since(contact.active_at) < limits::CONTACT_STALE;
            if !keep {
                *counts.get_mut(*device) -= 1;
                *beacons -= usize::from(contact.beacon.is_some());
            }
            keep
        });
    }

    /// Counts a call for the rhythm of a contact, from the second call on and while there is room.
    pub fn record_call(&mut self, device: DeviceId, endpoint: Endpoint, call: Call) {
        let Some(contact) = self.table.get_mut(&(device, endpoint)) else { return };
        if contact.beacon.is_none() && contact.all_flows() > 1 && self.beacons < limits::BEACONS {
            self.beacons += 1;
            contact.beacon = Some(Box::default());
        }
        if let Some(beacon) = &mut contact.beacon {
            beacon.record(call);
        }
    }

    /// Forgets all contacts of a device.
    pub fn forget(&mut self, device: DeviceId) {
        self.beacons -= self.of_device(device).filter(|(_, contact)| contact.beacon.is_some()).count();
        self.table.retain(|(id, _), _| *id != device);
        *self.count_of_device.get_mut(device) = 0;
    }

    /// Returns the number of contacts.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns true if there are no contacts.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns a contact if it exists.
    pub fn get(&self, device: DeviceId, endpoint: Endpoint) -> Option<&Contact> {
        self.table.get(&(device, endpoint))
    }

    /// Returns a contact if it exists, to change it.
    pub fn get_mut(&mut self, device: DeviceId, endpoint: Endpoint) -> Option<&mut Contact> {
        self.table.get_mut(&(device, endpoint))
    }

    /// Returns the contacts of a device in the order of their endpoints.
    pub fn of_device(&self, device: DeviceId) -> impl Iterator<Item = (Endpoint, &Contact)> {
        let range = self.table.range((device, ENDPOINT_MIN)..);
        range.take_while(move |((id, _), _)| *id == device).map(|((_, endpoint), contact)| (*endpoint, contact))
    }

    /// Returns the contacts of a device in the order of their endpoints, to change them.
    pub fn of_device_mut(&mut self, device: DeviceId) -> impl Iterator<Item = (Endpoint, &mut Contact)> {
        let range = self.table.range_mut((device, ENDPOINT_MIN)..);
        range.take_while(move |((id, _), _)| *id == device).map(|((_, endpoint), contact)| (*endpoint, contact))
    }

    /// Returns true if the device has a contact with this address.
    pub fn has_address(&self, device: DeviceId, address: IpAddr) -> bool {
        let first = Endpoint { address, ..ENDPOINT_MIN };
        self.table.range((device, first)..).next().is_some_and(|((id, e), _)| *id == device && e.address == address)
    }

    /// Returns all contacts, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Contact> {
        self.table.values_mut()
    }
}

/// The first endpoint in the order of [`Endpoint`].
const ENDPOINT_MIN: Endpoint = Endpoint { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), protocol: Protocol(0), port: 0 };

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls an address once for each letter: `r` right after a server, `b` in a burst, `.` without either.
    fn called(calls: &str) -> Contact {
        let mut contact = Contact::new(Stamp { now: Time(0), wall: Wall(0) });
        for call in calls.chars() {
            contact.flows[2] += 1;
            let setup = if call == 'r' { Some(Setup::Referral) } else { (call == 'b').then_some(Setup::Burst) };
            contact.note_setup(setup, Wall(0));
        }
        contact
    }

    #[test]
    fn what_was_handed_out_is_called_after_the_server() {
        for (calls, setup, outgrows) in [
            ("r", Some(Setup::Referral), false),
            ("r..", Some(Setup::Referral), false),
            ("r...", Some(Setup::Referral), true),
            ("r.r..r.", Some(Setup::Referral), false),
            (".rrr", None, false),
            ("r....b", Some(Setup::Burst), false),
            ("br", Some(Setup::Burst), false),
        ] {
            let contact = called(calls);
            assert_eq!((contact.setup, contact.outgrows_session()), (setup, outgrows), "{calls}");
        }
        let (often, seldom) = (called(&"r.".repeat(300)), called(&"r.....".repeat(300)));
        assert!(!often.outgrows_session() && seldom.outgrows_session());
    }
}
