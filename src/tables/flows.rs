//! Conntrack's view: the live flows, and those that are over but still wait for their lookup.

use crate::limits;
use crate::model::{Endpoint, Explained, Name, Tuple};
use crate::tables::counters::handshakes::DelayClass;
use crate::tables::devices::DeviceId;
use crate::time::{Stamp, Time, Wall};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// What is known of why a flow's address was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The grace for its lookup is not over.
    Waiting,
    /// A lookup of the device explains the address.
    Lookup,
    /// Only another device's does.
    OtherDevice,
    /// None does.
    Unexplained,
    /// None was seen, but no lookup of this device was seen at all so far.
    NotCovered,
    /// It began before we looked, or facts were missing.
    Unseen,
    /// Within the house, opened by the other side, or of a device that is trusted: not asked.
    OutOfScope,
}

impl Label {
    /// What it means in words; `covered`: by now the device's lookups are known to have been visible then. Absent
    /// where the question does not arise.
    pub fn explained(self, covered: bool) -> Option<Explained> {
        match self {
            Label::Lookup => Some(Explained::Lookup),
            Label::OtherDevice => Some(Explained::OtherDevice),
            Label::Unexplained => Some(Explained::None),
            Label::NotCovered if covered => Some(Explained::None),
            Label::NotCovered | Label::Unseen | Label::Waiting => Some(Explained::Unknown),
            Label::OutOfScope => None,
        }
    }
}

/// What protocol a flow or contact speaks, as far as its first packets or its port tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words are those of the protocols")]
pub enum Service {
    #[default]
    Unknown,
    Tls,
    Quic,
    Dns,
    Dot,
    Doh,
    Doq,
    Ntp,
    Stun,
    Turn,
    Socks,
    HttpConnect,
    Http,
    WebSocket,
    Ssh,
    Mqtt,
    WireGuard,
    Dtls,
    BitTorrent,
}

impl Service {
    /// As the JSON says it; absent when unknown.
    pub fn text(self) -> Option<&'static str> {
        Some(match self {
            Service::Unknown => return None,
            Service::Tls => "tls",
            Service::Quic => "quic",
            Service::Dns => "dns",
            Service::Dot => "dot",
            Service::Doh => "doh",
            Service::Doq => "doq",
            Service::Ntp => "ntp",
            Service::Stun => "stun",
            Service::Turn => "turn",
            Service::Socks => "socks",
            Service::HttpConnect => "http-connect",
            Service::Http => "http",
            Service::WebSocket => "websocket",
            Service::Ssh => "ssh",
            Service::Mqtt => "mqtt",
            Service::WireGuard => "wireguard",
            Service::Dtls => "dtls",
            Service::BitTorrent => "bittorrent",
        })
    }
}

/// What of the house was in the clear.
#[derive(Clone, Copy, Debug, Default)]
pub struct GaveAway {
    /// The hardware address of a station.
    pub mac: bool,
    /// A word that the user listed as private.
    pub word: bool,
}

impl GaveAway {
    /// And this too.
    pub fn add(&mut self, other: GaveAway) {
        *self = GaveAway { mac: self.mac | other.mac, word: self.word | other.word };
    }
}

/// The device that a flow is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The device.
    pub device: DeviceId,
    /// The device opened the flow; else the other side did.
    pub outbound: bool,
}

/// What a flow adds to its device and contact, seen from the device.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Whose flow it is.
    pub owner: Owner,
    /// With whom.
    pub endpoint: Endpoint,
    /// Whether a lookup explains the flow.
    pub label: Label,
    /// Bytes of IP packets that the device sent.
    pub sent: u64,
    /// Bytes of IP packets that the device received.
    pub received: u64,
    /// Where the device opened the flow and it is over: when it began, and all that was sent in it.
    pub call: Option<(Time, u64)>,
}

/// One conntrack entry, or one that is over but waits for its lookup.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The date of its first packet.
    pub start: Wall,
    /// In the direction of the tuple.
    pub sent: u64,
    /// Against it.
    pub received: u64,
    /// The server name of its TLS or QUIC hello.
    pub sni: Option<Name>,
    /// When the engine learned of it.
    pub opened: Time,
    /// Whose it is; absent while that is not known.
    pub owner: Option<Owner>,
    /// Whether a lookup explains it.
    pub label: Label,
    /// What it speaks.
    pub service: Service,
    /// Its client was silent so long before it spoke.
    pub pause: Option<DelayClass>,
    /// What of the house it gave away.
    pub gave_away: GaveAway,
    /// It began before we looked.
    pub midstream: bool,
    /// It is over.
    pub closed: bool,
    /// The dump or event that told of it last: see [`Flows::begin_dump`].
    round: u8,
    /// The hello had Encrypted ClientHello.
    pub ech: bool,
    /// Or its ancestor.
    pub esni: bool,
}

impl Flow {
    /// Returns the device that the flow is counted for; absent while that is not known.
    pub fn device(&self) -> Option<DeviceId> {
        self.owner.map(|owner| owner.device)
    }

    /// Returns what `(along, against)` the tuple's direction means to the flow's owner; absent while that is not known.
    pub fn step(&self, tuple: &Tuple, (along, against): (u64, u64)) -> Option<Step> {
        let owner = self.owner?;
        let (sent, received) = if owner.outbound { (along, against) } else { (against, along) };
        let call = (self.closed && owner.outbound).then_some((self.opened, self.sent));
        Some(Step { owner, endpoint: tuple.endpoint(owner.outbound), label: self.label, sent, received, call })
    }
}

/// All flows.
#[derive(Debug, Default)]
pub struct Flows {
    table: HashMap<Tuple, Flow>,
    /// Waiting for their lookup, in the order of their deadlines.
    waiting: VecDeque<(Time, Tuple)>,
    /// Of the LAN, but of no station that is known yet, with when they are given up.
    orphans: VecDeque<(Time, Tuple)>,
    round: u8,
    /// For which there was no room.
    pub refused: u32,
}

impl Flows {
    /// A dump of all live flows begins.
    pub fn begin_dump(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// The flow lives. False when it is not in the table.
    pub fn confirm(&mut self, tuple: &Tuple) -> bool {
        let round = self.round;
        let Some(flow) = self.table.get_mut(tuple).filter(|flow| !flow.closed) else { return false };
        flow.round = round;
        true
    }

    /// The live flows that fit, in their order.
    pub fn live(&self, fits: impl Fn(&Tuple, &Flow) -> bool) -> Vec<Tuple> {
        let mut all = Vec::new();
        #[allow(clippy::disallowed_methods, reason = "sorted below")]
        all.extend(
            self.table.iter().filter(|(tuple, flow)| !flow.closed && fits(tuple, flow)).map(|(tuple, _)| *tuple),
        );
        all.sort_unstable();
        all
    }

    /// The flows that nobody told of since the dump began.
    pub fn unconfirmed(&self) -> Vec<Tuple> {
        self.live(|_, flow| flow.round != self.round)
    }

    /// The live flows of a device with an address.
    pub fn between(&self, device: DeviceId, address: IpAddr) -> Vec<Tuple> {
        self.live(|tuple, flow| {
            flow.device() == Some(device) && (tuple.destination == address || tuple.source == address)
        })
    }

    /// The flow waits for its station. False when too many do.
    pub fn orphan(&mut self, tuple: Tuple, until: Time) -> bool {
        let room = self.orphans.len() < limits::ORPHANS;
        if room {
            self.orphans.push_back((until, tuple));
        }
        room
    }

    /// Those of a station that is known now, or, without one, those that waited long enough.
    pub fn found(&mut self, ip: Option<IpAddr>, now: Time) -> Vec<Tuple> {
        if self.orphans.is_empty() {
            return Vec::new();
        }
        let ready = |(until, tuple): &(Time, Tuple)| match ip {
            Some(ip) => tuple.source == ip || tuple.destination == ip,
            None => *until <= now,
        };
        let (found, rest) = std::mem::take(&mut self.orphans).into_iter().partition::<VecDeque<_>, _>(ready);
        self.orphans = rest;
        found.into_iter().map(|(_, tuple)| tuple).collect()
    }

    /// There is room for one more.
    pub fn has_room(&self) -> bool {
        self.table.len() < limits::FLOWS
    }

    /// Adds a flow that waits until `deadline` for its lookup.
    pub fn open(&mut self, tuple: Tuple, owner: Option<Owner>, midstream: bool, at: Stamp, deadline: Time) {
        let flow = Flow {
            start: at.wall,
            sent: 0,
            received: 0,
            sni: None,
            opened: at.now,
            owner,
            label: Label::Waiting,
            service: Service::Unknown,
            pause: None,
            gave_away: GaveAway::default(),
            midstream,
            closed: false,
            round: self.round,
            ech: false,
            esni: false,
        };
        self.table.insert(tuple, flow);
        self.waiting.push_back((deadline, tuple));
    }

    /// Returns a flow by its tuple.
    pub fn get(&self, tuple: &Tuple) -> Option<&Flow> {
        self.table.get(tuple)
    }

    /// Returns a flow by its tuple, to change it.
    pub fn get_mut(&mut self, tuple: &Tuple) -> Option<&mut Flow> {
        self.table.get_mut(tuple)
    }

    /// Takes it out.
    pub fn remove(&mut self, tuple: &Tuple) -> Option<Flow> {
        self.table.remove(tuple)
    }

    /// The deadline that comes first.
    pub fn next_deadline(&self) -> Option<Time> {
        let waiting = self.waiting.front().map(|(deadline, _)| *deadline);
        waiting.into_iter().chain(self.orphans.front().map(|(until, _)| *until)).min()
    }

    /// A flow whose deadline is at or before `now`, once.
    pub fn due(&mut self, now: Time) -> Option<(Time, Tuple)> {
        let due = self.waiting.pop_front_if(|(deadline, _)| *deadline <= now);
        // After a storm.
        if self.waiting.is_empty() && self.waiting.capacity() > 1_024 {
            self.waiting.shrink_to(256);
        }
        due
    }

    /// The one that waits longest, whatever its deadline.
    pub fn longest_waiting(&mut self) -> Option<Tuple> {
        self.waiting.pop_front().map(|(_, tuple)| tuple)
    }

    /// Takes all out, in the order in which they began.
    #[expect(clippy::disallowed_methods, reason = "the flows are sorted")]
    pub fn take_all(&mut self) -> Vec<(Tuple, Flow)> {
        self.waiting.clear();
        self.orphans.clear();
        let mut all: Vec<_> = self.table.drain().collect();
        all.sort_unstable_by_key(|(tuple, flow)| (flow.start, *tuple));
        all
    }

    /// How many are in the table.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// None is in the table.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
