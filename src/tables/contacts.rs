//! Contacts: all flows of one device to one endpoint.

use crate::limits;
use crate::model::{Endpoint, Explained, Name};
use crate::tables::counters::beacon::Beacon;
use crate::tables::counters::day;
use crate::tables::counters::uploads::{self, Upload};
use crate::tables::devices::DeviceId;
use crate::tables::flows::{Flow, GaveAway, Label, Service};
use crate::time::{Stamp, Time, Wall};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a device and an endpoint have had with each other.
#[derive(Clone, Debug)]
pub struct Contact {
    /// First seen.
    pub first: Wall,
    /// Last seen.
    pub last: Wall,
    /// The same for ages.
    pub fresh: Time,
    /// When the first flow that no lookup explains began; means nothing while there is none.
    pub unexplained_at: Time,
    /// Bytes of IP packets that the device sent.
    pub sent: u64,
    /// That it received.
    pub received: u64,
    /// Of both, in flows that no lookup explains.
    pub unexplained_bytes: u64,
    /// Flows that no lookup explains, begun right after a name was denied: see [`limits::FALLBACK_WINDOW`].
    pub after_denial: u32,
    /// The hour since 1970 that is being counted, and what was sent in it.
    hour: (u32, u32),
    /// The latest hour in which it sent much: see [`crate::tables::counters::uploads`].
    pub upload: Option<Box<Upload>>,
    /// How regularly it is called; absent before the second call.
    pub beacon: Option<Box<Beacon>>,
    /// The server name seen last.
    pub sni: Option<Name>,
    /// Flows by label: see [`Contact::flows`].
    flows: [u32; 6],
    /// The label of the flow judged last.
    pub label: Label,
    /// What it speaks.
    pub service: Service,
    /// In which of the last 24 hours it was active; bit 0 is the hour of `last`.
    pub active: u32,
    /// The other side opened it.
    pub inbound: bool,
    /// Encrypted ClientHello was seen.
    pub ech: bool,
    /// A STUN exchange confirmed the peer.
    pub stun: bool,
    /// What of the house was in the clear.
    pub gave_away: GaveAway,
    /// Its domain and network were new to a device that is known for long.
    pub new_to_device: bool,
}

fn slot(label: Label) -> Option<usize> {
    match label {
        Label::Waiting => None,
        Label::Lookup => Some(0),
        Label::OtherDevice => Some(1),
        Label::Unexplained => Some(2),
        Label::NotCovered => Some(3),
        Label::Unseen => Some(4),
        Label::OutOfScope => Some(5),
    }
}

/// No lookup of the device explains it, or none so far.
fn lacks_lookup(label: Label) -> bool {
    matches!(label, Label::Unexplained | Label::OtherDevice | Label::NotCovered)
}

impl Contact {
    /// How many flows have this label.
    pub fn flows(&self, label: Label) -> u32 {
        slot(label).map_or(0, |slot| self.flows[slot])
    }

    /// How many flows there were.
    pub fn all_flows(&self) -> u32 {
        self.flows.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// A flow of it was judged.
    pub fn count(&mut self, flow: &Flow, at: Stamp) {
        if let Some(slot) = slot(flow.label) {
            self.flows[slot] = self.flows[slot].saturating_add(1);
        }
        self.label = flow.label;
        self.first = self.first.min(flow.start);
        self.touch(at);
        if lacks_lookup(flow.label) {
            self.unexplained_at = self.unexplained_at.min(flow.opened);
        }
    }

    /// Bytes of one of its flows.
    pub fn credit(&mut self, label: Label, sent: u64, received: u64, at: Stamp) {
        self.sent = self.sent.saturating_add(sent);
        self.received = self.received.saturating_add(received);
        if lacks_lookup(label) {
            self.unexplained_bytes = self.unexplained_bytes.saturating_add(sent).saturating_add(received);
        }
        self.touch(at);
    }

    /// It is active.
    fn touch(&mut self, at: Stamp) {
        self.active = day::mark(self.active, uploads::hour(self.last), uploads::hour(at.wall));
        (self.last, self.fresh) = (self.last.max(at.wall), at.now);
    }

    /// The device sent so many bytes of it within `hour`. Gives how many KB it were in that hour.
    pub fn count_hour(&mut self, sent: u64, hour: u32) -> u32 {
        if self.hour.0 != hour {
            self.hour = (hour, 0);
        }
        self.hour.1 = self.hour.1.saturating_add(u32::try_from(sent.div_ceil(1_000)).unwrap_or(u32::MAX));
        self.hour.1
    }

    /// That was much. True when it was not told of this hour yet.
    pub fn note_upload(&mut self, upload: Upload) -> bool {
        let new = self.upload.as_ref().is_none_or(|old| old.hour != upload.hour);
        self.upload = Some(Box::new(upload));
        new
    }

    /// Takes over what a flow's first packets showed.
    pub fn show(&mut self, flow: &Flow) {
        if flow.service != Service::Unknown {
            self.service = flow.service;
        }
        self.sni = flow.sni.clone().or(self.sni.take());
        self.ech |= flow.ech;
        self.gave_away.add(flow.gave_away);
        self.stun |= matches!(flow.service, Service::Stun | Service::Turn);
    }

    /// All flows with label `from` get label `to`.
    pub fn relabel(&mut self, from: Label, to: Label) {
        if let (Some(old), Some(new)) = (slot(from), slot(to)) {
            self.flows[new] = self.flows[new].saturating_add(std::mem::take(&mut self.flows[old]));
        }
        if self.label == from {
            self.label = to;
        }
    }

    /// Within the house or opened by the other side, and no proxy: nothing is asked about it.
    pub fn is_out_of_scope(&self) -> bool {
        self.label == Label::OutOfScope
            && !self.inbound
            && !matches!(self.service, Service::Socks | Service::HttpConnect)
    }

    /// Whether DNS explains its latest flow.
    pub fn explained(&self) -> Option<Explained> {
        self.label.explained(false)
    }
}

/// All contacts.
#[derive(Debug, Default)]
pub struct Contacts {
    table: BTreeMap<(DeviceId, Endpoint), Contact>,
    held: BTreeMap<DeviceId, usize>,
    next_sweep: Time,
    /// How many have a rhythm that is looked at.
    beacons: usize,
    /// For which there was no room.
    pub refused: u32,
}

impl Contacts {
    /// The contact; made when there is room, for which the stale are given up.
    pub fn entry(&mut self, device: DeviceId, endpoint: Endpoint, at: Stamp) -> Option<&mut Contact> {
        let key = (device, endpoint);
        if !self.table.contains_key(&key) {
            // A scan refuses thousands a second: nothing grows stale that fast.
            if self.is_full(device) && self.next_sweep <= at.now {
                self.next_sweep = at.now + limits::SWEEP_INTERVAL;
                self.sweep(at.now);
            }
            if self.is_full(device) {
                self.refused += 1;
                return None;
            }
            *self.held.entry(device).or_default() += 1;
        }
        Some(self.table.entry(key).or_insert_with(|| Contact {
            first: at.wall,
            last: at.wall,
            fresh: at.now,
            unexplained_at: Time(u64::MAX),
            sent: 0,
            received: 0,
            unexplained_bytes: 0,
            after_denial: 0,
            hour: (0, 0),
            upload: None,
            beacon: None,
            gave_away: GaveAway::default(),
            new_to_device: false,
            sni: None,
            flows: [0; 6],
            label: Label::Waiting,
            service: Service::Unknown,
            active: 1,
            inbound: false,
            ech: false,
            stun: false,
        }))
    }

    fn is_full(&self, device: DeviceId) -> bool {
        let of_device = self.held.get(&device).copied().unwrap_or_default();
        self.table.len() >= limits::CONTACTS || of_device >= limits::CONTACTS_PER_DEVICE
    }

    fn sweep(&mut self, now: Time) {
        let (held, beacons) = (&mut self.held, &mut self.beacons);
        self.table.retain(|(device, _), contact| {
            let keep = now.since(contact.fresh) < limits::CONTACT_STALE;
            if let (false, Some(held)) = (keep, held.get_mut(device)) {
                *held -= 1;
                *beacons -= usize::from(contact.beacon.is_some());
            }
            keep
        });
    }

    /// A call of a contact is over: its rhythm is looked at from the second one on, while there is room.
    pub fn call(&mut self, device: DeviceId, endpoint: Endpoint, (opened, sent): (Time, u64)) {
        let Some(contact) = self.table.get_mut(&(device, endpoint)) else { return };
        if contact.beacon.is_none() && contact.all_flows() > 1 && self.beacons < limits::BEACONS {
            self.beacons += 1;
            contact.beacon = Some(Box::default());
        }
        if let Some(beacon) = &mut contact.beacon {
            beacon.call(opened, sent);
        }
    }

    /// Forgets all contacts of a device.
    pub fn forget(&mut self, device: DeviceId) {
        self.beacons -= self.of(device).filter(|(_, contact)| contact.beacon.is_some()).count();
        self.table.retain(|(id, _), _| *id != device);
        self.held.remove(&device);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// A contact that exists.
    pub fn get(&self, device: DeviceId, endpoint: Endpoint) -> Option<&Contact> {
        self.table.get(&(device, endpoint))
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, device: DeviceId, endpoint: Endpoint) -> Option<&mut Contact> {
        self.table.get_mut(&(device, endpoint))
    }

    /// The contacts of a device in the order of their endpoints.
    pub fn of(&self, device: DeviceId) -> impl Iterator<Item = (Endpoint, &Contact)> {
        self.table
            .range((device, FIRST)..)
            .take_while(move |((id, _), _)| *id == device)
            .map(|((_, endpoint), c)| (*endpoint, c))
    }

    /// The device talks to this address.
    pub fn reaches(&self, device: DeviceId, address: IpAddr) -> bool {
        let first = Endpoint { address, ..FIRST };
        self.table.range((device, first)..).next().is_some_and(|((id, e), _)| *id == device && e.address == address)
    }

    /// The same, to change them.
    pub fn of_mut(&mut self, device: DeviceId) -> impl Iterator<Item = (Endpoint, &mut Contact)> {
        let range = self.table.range_mut((device, FIRST)..);
        range.take_while(move |((id, _), _)| *id == device).map(|((_, endpoint), c)| (*endpoint, c))
    }

    /// All contacts, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Contact> {
        self.table.values_mut()
    }
}

/// The least endpoint in the order of [`Endpoint`].
const FIRST: Endpoint =
    Endpoint { address: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), protocol: crate::model::Protocol::Tcp, port: 0 };
