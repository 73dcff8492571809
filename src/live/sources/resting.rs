//! Flows that outlive their entry of conntrack.
//!
//! A flow table or the network card takes an offloaded flow's packets past conntrack, which then may forget the entry
//! while the flow goes on (kernel 6.18 does after 300 s: openwrt/openwrt#22970). The next packet that conntrack sees
//! makes a new entry with the same tuple and counters that begin at 0. For leash that is one flow.

use crate::event::Event;
use crate::model::Tuple;
use crate::time::{Span, Time};
use std::collections::HashMap;

/// How long a flow may be without an entry. Programs that keep a connection open send something each minute or sooner.
const REST: Span = Span::secs(60);
/// How many flows are kept, at most 0.2 MB. Further ones end with their entry.
const CAPACITY: usize = 1_024;

/// The flows that rest without an entry, and those that went on under a new one.
#[derive(Default)]
pub struct Resting {
    flows: HashMap<Tuple, Flow>,
    /// When the first of them has rested for long enough.
    next_end: Option<Time>,
}

struct Flow {
    /// When the flow is over; absent while it has an entry.
    ends: Option<Time>,
    /// What the entries before the present one have counted.
    bytes: (u64, u64),
    /// The dump under way listed it.
    listed: bool,
}

impl Resting {
    /// Returns what an entry's counters mean for its flow.
    pub fn total(&self, tuple: &Tuple, bytes: (u64, u64)) -> (u64, u64) {
        let before = self.flows.get(tuple).map_or((0, 0), |flow| flow.bytes);
        (before.0 + bytes.0, before.1 + bytes.1)
    }

    /// Returns what the end of an entry means for its flow, which may go on if it is `unfinished`.
    pub fn entry_ended(&mut self, tuple: Tuple, bytes: (u64, u64), unfinished: bool, now: Time) -> Event {
        let (sent, received) = self.total(&tuple, bytes);
        if !unfinished || self.flows.len() >= CAPACITY && !self.flows.contains_key(&tuple) {
            self.flows.remove(&tuple);
            return Event::FlowClosed { tuple, sent, received };
        }
        let ends = now + REST;
        self.next_end.get_or_insert(ends);
        self.flows.insert(tuple, Flow { ends: Some(ends), bytes: (sent, received), listed: true });
        Event::FlowCounted { tuple, sent, received }
    }

    /// Returns true if a new entry continues a flow that rests.
    pub fn goes_on(&mut self, tuple: &Tuple) -> bool {
        let Some(flow) = self.flows.get_mut(tuple) else { return false };
        let rested = flow.ends.take().is_some();
        if !rested {
            // Its end was missed, so this is another flow.
            self.flows.remove(tuple);
        }
        rested
    }

    /// Ends the flows that have rested for long enough.
    pub fn expire(&mut self, now: Time, out: &mut Vec<Event>) {
        if self.next_end.is_none_or(|end| now < end) {
            return;
        }
        self.flows.retain(|tuple, flow| {
            let over = flow.ends.is_some_and(|end| end <= now);
            let (sent, received) = flow.bytes;
            out.extend(over.then_some(Event::FlowClosed { tuple: *tuple, sent, received }));
            !over
        });
        self.next_end = self.flows.values().filter_map(|flow| flow.ends).min();
    }

    /// Returns when to call [`Resting::expire`].
    pub fn next_deadline(&self) -> Option<Time> {
        self.next_end
    }

    /// A dump of all entries begins: what rests is not over because it does not list it.
    pub fn begin_dump(&mut self, out: &mut Vec<Event>) {
        self.flows.retain(|tuple, flow| {
            flow.listed = flow.ends.is_some();
            out.extend(flow.listed.then_some(Event::FlowOpened { tuple: *tuple, midstream: true }));
            true
        });
    }

    /// A dump listed an entry.
    pub fn list(&mut self, tuple: &Tuple) {
        if let Some(flow) = self.flows.get_mut(tuple) {
            (flow.listed, flow.ends) = (true, None);
        }
    }

    /// The dump is complete: what it did not list is over.
    pub fn end_dump(&mut self) {
        self.flows.retain(|_, flow| flow.listed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Protocol;

    fn tuple(source_port: u16) -> Tuple {
        let [source, destination] = ["192.168.8.20", "203.0.113.5"].map(|ip| ip.parse().unwrap());
        Tuple { protocol: Protocol::Tcp, source, source_port, destination, destination_port: 443 }
    }

    #[test]
    fn a_flow_goes_on_under_a_new_entry_or_is_over_after_a_while() {
        let (mut resting, mut out) = (Resting::default(), Vec::new());
        let (one, now) = (tuple(1), Time(0));
        let counted = Event::FlowCounted { tuple: one, sent: 5, received: 7 };
        assert_eq!(resting.entry_ended(one, (5, 7), true, now), counted);
        assert!(resting.goes_on(&one));
        assert_eq!(resting.total(&one, (1, 1)), (6, 8));
        resting.expire(now + REST, &mut out);
        assert_eq!(out, [], "it has an entry");
        let closed = |tuple, sent, received| Event::FlowClosed { tuple, sent, received };
        assert_eq!(resting.entry_ended(one, (2, 2), false, now), closed(one, 7, 9));
        assert!(!resting.goes_on(&one) && resting.total(&one, (1, 1)) == (1, 1));
        resting.entry_ended(one, (5, 7), true, now);
        resting.begin_dump(&mut out);
        assert_eq!(std::mem::take(&mut out), [Event::FlowOpened { tuple: one, midstream: true }]);
        resting.end_dump();
        resting.expire(now + REST, &mut out);
        assert_eq!(out, [closed(one, 5, 7)]);
        assert_eq!(resting.next_deadline(), None);
    }

    #[test]
    fn there_are_never_more_than_fit() {
        let mut resting = Resting::default();
        for port in 0..=CAPACITY as u16 {
            let ended = resting.entry_ended(tuple(port), (1, 1), true, Time(0));
            assert_eq!(matches!(ended, Event::FlowClosed { .. }), usize::from(port) == CAPACITY);
        }
        assert!(resting.goes_on(&tuple(0)));
        resting.begin_dump(&mut Vec::new());
        resting.end_dump();
        assert!(!resting.goes_on(&tuple(0)) && resting.flows.len() == CAPACITY - 1, "its end was missed");
    }
}
