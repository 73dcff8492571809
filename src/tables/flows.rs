//! The live flows as conntrack has them, and those that have ended but still wait for their lookup.

use crate::limits;
use crate::model::{Endpoint, Explained, Name, Tuple};
use crate::tables::counters::beacon::Call;
use crate::tables::counters::handshakes::DelayClass;
use crate::tables::devices::DeviceId;
use crate::tables::service::Service;
use crate::time::{Stamp, Time, Wall};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// What is known of why a flow's address was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// The grace period in which the flow waits for its lookup is not over.
    Waiting,
    /// A lookup of the device explains the address.
    Lookup,
    /// Only a lookup of another device explains the address.
    OtherDevice,
    /// No lookup explains the address, although the device's lookups were being seen.
    Unexplained,
    /// No lookup explains the address, but no lookup of the device has been seen at all so far.
    NotCovered,
    /// The flow began before leash looked, or facts are missing.
    Unseen,
    /// It was sent from an address of a network that is not the house's, and nothing came back: somebody behind the device,
    /// whom no answer reaches.
    Foreign,
    /// The question does not arise: the flow is within the house, was opened by the other side, or is a trusted
    /// device's.
    OutOfScope,
}

impl Label {
    /// Returns what the label means for people; absent if the question does not arise. `is_covered` says whether it is
    /// known by now that the device's lookups were visible when the flow began.
    pub fn explained(self, is_covered: impl FnOnce() -> bool) -> Option<Explained> {
        match self {
            Label::Lookup => Some(Explained::Lookup),
            Label::OtherDevice => Some(Explained::OtherDevice),
            Label::Unexplained => Some(Explained::None),
            Label::NotCovered if is_covered() => Some(Explained::None),
            Label::NotCovered | Label::Unseen | Label::Foreign | Label::Waiting => Some(Explained::Unknown),
            Label::OutOfScope => None,
        }
    }
}

/// Which kinds of private data were sent in the clear.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leaks {
    /// The hardware address of a station of the house.
    pub mac: bool,
    /// A word that the user listed as private.
    pub word: bool,
}

impl Leaks {
    /// Adds other leaks to these.
    pub fn add(&mut self, other: Leaks) {
        *self = Leaks { mac: self.mac | other.mac, word: self.word | other.word };
    }
}

/// The device that a flow is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The device.
    pub device: DeviceId,
    /// The device opened the flow if this is true, and the other side did if it is false.
    pub outbound: bool,
}

/// What a flow adds to the counts of its device and contact.
#[derive(Clone, Copy, Debug)]
pub struct FlowDelta {
    /// The device, and whether it opened the flow.
    pub owner: Owner,
    /// The endpoint that the device talks to.
    pub endpoint: Endpoint,
    /// Whether a lookup explains the flow.
    pub label: Label,
    /// Bytes of IP packets that the device has sent since they were last counted.
    pub sent: u64,
    /// Bytes of IP packets that the device has received since they were last counted.
    pub received: u64,
    /// Something went each way in the flow.
    pub answered: bool,
    /// The flow as a whole; absent until it has ended.
    pub call: Option<Call>,
}

/// One conntrack entry, or one that has ended but waits for its lookup.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The date of its first packet.
    pub start: Wall,
    /// Bytes of IP packets in the direction of the tuple.
    pub sent: u64,
    /// Bytes of IP packets against the direction of the tuple.
    pub received: u64,
    /// The server name of its TLS or QUIC hello.
    pub sni: Option<Name>,
    /// When the engine learned of it.
    pub opened_at: Time,
    /// The device that it is counted for; absent while that is not known.
    pub owner: Option<Owner>,
    /// Whether a lookup explains it.
    pub label: Label,
    /// What it speaks.
    pub service: Service,
    /// How long its client waited before it spoke.
    pub delay: Option<DelayClass>,
    /// Which private data was sent in it in the clear.
    pub leaks: Leaks,
    /// It began before leash looked.
    pub midstream: bool,
    /// It has ended.
    pub closed: bool,
    /// The number of the latest dump that listed it, or that was the latest when an event told of it.
    dump: u8,
    /// Its hello has Encrypted ClientHello.
    pub ech: bool,
    /// Its hello has Encrypted SNI, the predecessor of ECH.
    pub esni: bool,
}

impl Flow {
    /// Returns the device that the flow is counted for; absent while that is not known.
    pub fn device(&self) -> Option<DeviceId> {
        self.owner.map(|owner| owner.device)
    }

    /// Returns what bytes `(along, against)` the tuple's direction mean to the flow's owner; absent while that is not
    /// known.
    pub fn delta(&self, tuple: &Tuple, (along, against): (u64, u64)) -> Option<FlowDelta> {
        let owner = self.owner?;
        let to_owner = |(along, against)| if owner.outbound { (along, against) } else { (against, along) };
        let (sent, received) = to_owner((along, against));
        let all = to_owner((self.sent, self.received));
        let call = self.closed.then_some(Call { opened_at: self.opened_at, sent: all.0, received: all.1 });
        let answered = all.0 > 0 && all.1 > 0;
        Some(FlowDelta {
            owner,
            endpoint: tuple.endpoint(owner.outbound),
            label: self.label,
            sent,
            received,
            answered,
            call,
        })
    }
}

/// A flow that waits for something, and until when.
#[derive(Clone, Copy, Debug)]
pub struct WaitingFlow {
    /// When it stops waiting.
    pub until: Time,
    /// The flow.
    pub tuple: Tuple,
}

/// All flows.
#[derive(Debug, Default)]
pub struct Flows {
    table: HashMap<Tuple, Flow>,
    /// The flows that wait for their lookup, the shortest wait first.
    waiting: VecDeque<WaitingFlow>,
    /// The flows that wait for their device: one end is in the LAN, but no station with its address is known yet.
    orphans: VecDeque<WaitingFlow>,
    /// How many dumps of conntrack's table have begun, modulo 256.
    dump: u8,
    /// How many flows were refused because the table was full.
    pub refused: u32,
}

impl Flows {
    /// Begins a dump of all live flows: [`Flows::missing_from_dump`] returns what it does not list.
    pub fn begin_dump(&mut self) {
        self.dump = self.dump.wrapping_add(1);
    }

    /// Notes that a flow lives. Returns false if it is not in the table.
    pub fn mark_live(&mut self, tuple: &Tuple) -> bool {
        let dump = self.dump;
        let Some(flow) = self.table.get_mut(tuple).filter(|flow| !flow.closed) else { return false };
        flow.dump = dump;
        true
    }

    /// Returns the live flows that `fits` accepts, in ascending order.
    pub fn live(&self, fits: impl Fn(&Tuple, &Flow) -> bool) -> Vec<Tuple> {
        let mut all = Vec::new();
        #[allow(clippy::disallowed_methods, reason = "sorted below")]
        all.extend(
            self.table.iter().filter(|(tuple, flow)| !flow.closed && fits(tuple, flow)).map(|(tuple, _)| *tuple),
        );
        all.sort_unstable();
        all
    }

    /// Returns the flows that neither the dump nor an event has told of since the dump began.
    pub fn missing_from_dump(&self) -> Vec<Tuple> {
        self.live(|_, flow| flow.dump != self.dump)
    }

    /// Returns the live flows between a device and an address.
    pub fn between(&self, device: DeviceId, address: IpAddr) -> Vec<Tuple> {
        self.live(|tuple, flow| {
            flow.device() == Some(device) && (tuple.destination == address || tuple.source == address)
        })
    }

    /// Lets a flow wait for its device. Returns false if too many do already.
    pub fn add_orphan(&mut self, tuple: Tuple, until: Time) -> bool {
        let has_room = self.orphans.len() < limits::ORPHANS;
        if has_room {
            self.orphans.push_back(WaitingFlow { until, tuple });
        }
        has_room
    }

    /// Takes out the flows that waited for the station with this address.
    pub fn take_orphans_of(&mut self, ip: IpAddr) -> Vec<Tuple> {
        self.take_orphans(|flow| flow.tuple.source == ip || flow.tuple.destination == ip)
    }

    /// Takes out the flows that have waited for their device for long enough.
    pub fn take_expired_orphans(&mut self, now: Time) -> Vec<Tuple> {
        self.take_orphans(|flow| flow.until <= now)
    }

    fn take_orphans(&mut self, fits: impl Fn(&WaitingFlow) -> bool) -> Vec<Tuple> {
        if self.orphans.is_empty() {
            return Vec::new();
        }
        let (taken, rest) = std::mem::take(&mut self.orphans).into_iter().partition::<VecDeque<_>, _>(fits);
        self.orphans = rest;
        taken.into_iter().map(|flow| flow.tuple).collect()
    }

    /// Returns true if there is room for another flow.
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
            opened_at: at.now,
            owner,
            label: Label::Waiting,
            service: Service::Unknown,
            delay: None,
            leaks: Leaks::default(),
            midstream,
            closed: false,
            dump: self.dump,
            ech: false,
            esni: false,
        };
        self.table.insert(tuple, flow);
        self.waiting.push_back(WaitingFlow { until: deadline, tuple });
    }

    /// Returns a flow by its tuple.
    pub fn get(&self, tuple: &Tuple) -> Option<&Flow> {
        self.table.get(tuple)
    }

    /// Returns a flow by its tuple, to change it.
    pub fn get_mut(&mut self, tuple: &Tuple) -> Option<&mut Flow> {
        self.table.get_mut(tuple)
    }

    /// Takes a flow out of the table.
    pub fn remove(&mut self, tuple: &Tuple) -> Option<Flow> {
        self.table.remove(tuple)
    }

    /// Returns when the first flow stops waiting, for its lookup or for its device.
    pub fn next_deadline(&self) -> Option<Time> {
        let first = [self.waiting.front(), self.orphans.front()];
        first.into_iter().flatten().map(|flow| flow.until).min()
    }

    /// Takes the next flow that has waited for its lookup for long enough from those that wait.
    pub fn pop_expired(&mut self, now: Time) -> Option<WaitingFlow> {
        let expired = self.waiting.pop_front_if(|flow| flow.until <= now);
        // A storm of flows leaves a large queue behind.
        if self.waiting.is_empty() && self.waiting.capacity() > 1_024 {
            self.waiting.shrink_to(256);
        }
        expired
    }

    /// Takes the flow that has waited longest for its lookup from those that wait, whatever its deadline.
    pub fn pop_longest_waiting(&mut self) -> Option<Tuple> {
        self.waiting.pop_front().map(|flow| flow.tuple)
    }

    /// Takes all flows out of the table, in the order in which they began.
    #[expect(clippy::disallowed_methods, reason = "the flows are sorted")]
    pub fn take_all(&mut self) -> Vec<(Tuple, Flow)> {
        self.waiting.clear();
        self.orphans.clear();
        let mut all: Vec<_> = self.table.drain().collect();
        all.sort_unstable_by_key(|(tuple, flow)| (flow.start, *tuple));
        all
    }

    /// Returns the number of flows in the table.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns true if there are no flows in the table.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}
