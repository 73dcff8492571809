//! The resolvers' answers on their way to the LAN, tapped in the kernel.
//!
//! Questions are not tapped. They would double the tap's cost, and an unanswered one proves nothing: whether a flow to a
//! resolver was answered without an answer being seen is told by conntrack's counters when the flow is over.

use crate::api::Severity;
use crate::event::{self, Event};
use crate::live::netlink::{NETFILTER, Socket};
use crate::live::slot::{Need, rights_and_package};
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::live::sources::tap::Tap;
use crate::model::{Protocol, Tuple};
use crate::ruleset::{ANSWERS_GROUP, REDIRECTED};
use crate::sentence;
use crate::time::{Span, Time};
use crate::wire::conntrack;
use crate::wire::dns::{self, TcpMessages};
use crate::wire::netlink::Message;
use crate::wire::packet::{Body, Frame};
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// TCP connections to resolvers that are read at one time.
const STREAMS: usize = 64;
/// A connection that began longer ago makes room for another.
const STREAM_AGE: Span = Span::secs(10);

/// The entry of tapped DNS answers in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "answers",
        severity: Severity::Warning,
        missing: |error| {
            sentence!("DNS answers cannot be tapped, so lookups are known from the query log only: %s", error)
        },
        remedy: || rights_and_package("kmod-nfnetlink-log"),
    },
    step: Step::Lookups,
    // The packets that the devices get: nobody can forge a line of them.
    precedence: Some(1),
    open: |_| {
        let conntrack = Socket::open(NETFILTER, &[], 8_192)?;
        Ok(Some(Box::new(AnswerTap { tap: Tap::open(ANSWERS_GROUP, 1 << 17)?, conntrack, streams: HashMap::new() })))
    },
};

/// The resolvers' answers on their way to the LAN.
struct AnswerTap {
    tap: Tap,
    /// For questions about redirected flows.
    conntrack: Socket,
    /// Answers over TCP, each with the time when its connection was first seen.
    streams: HashMap<Tuple, (TcpMessages, Time)>,
}

impl Source for AnswerTap {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.tap.as_fd());
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (streams, conntrack, now) = (&mut self.streams, &mut self.conntrack, scene.at.now);
        let engine = scene.engine;
        let lost = self.tap.receive(|logged| {
            let Frame::Ip(packet) = &logged.frame else { return };
            let (protocol, source_port, destination_port) = match &packet.body {
                Body::Udp { source_port, destination_port, .. } => (Protocol::Udp, *source_port, *destination_port),
                Body::Tcp(tcp) if !tcp.payload.is_empty() => (Protocol::Tcp, tcp.source_port, tcp.destination_port),
                _ => return,
            };
            let (source, client) = (packet.source, packet.destination);
            // No conntrack vouches for a frame that crosses a bridge. It must go to the station that is said to have
            // asked, lest a device explain its own contacts by answers that it sends itself.
            if logged.bridged && engine.owner(client).is_some_and(|owner| packet.destination_mac != Some(owner)) {
                return;
            }
            let tuple = Tuple { protocol, source, source_port, destination: client, destination_port };
            let redirected = logged.prefix == REDIRECTED.as_bytes();
            let server = if redirected { asked(conntrack, &tuple).unwrap_or(source) } else { source };
            let read = |out: &mut Vec<Event>, message: &[u8]| {
                out.extend(dns::parse_answer(message, client, server).map(Event::Lookup));
            };
            match &packet.body {
                Body::Udp { payload, .. } => {
                    read(out, payload);
                    if packet.cut {
                        out.push(Event::LookupMissed { client, server });
                    }
                }
                Body::Tcp(tcp) => {
                    if streams.len() >= STREAMS {
                        streams.retain(|_, (_, since)| now.since(*since) < STREAM_AGE);
                    }
                    if streams.len() < STREAMS || streams.contains_key(&tuple) {
                        let (stream, _) = streams.entry(tuple).or_insert_with(|| (TcpMessages::default(), now));
                        stream.segment(tcp.payload, packet.cut, |message| read(out, message));
                    } else {
                        out.push(Event::LookupMissed { client, server });
                    }
                }
                _ => {}
            }
        })?;
        if lost {
            out.push(Event::Gap { source: event::Source::Lookups });
        }
        Ok(())
    }

    fn sees_lookups(&self, rules_loaded: bool) -> bool {
        rules_loaded
    }

    fn counts(&self) -> Value {
        self.tap.counts()
    }
}

/// Returns the resolver that the device asked, where another one was made to answer; `answer` is the tuple of the answer
/// before it is translated back. It is what the device's flow has for its destination, so that both are known to belong
/// together.
fn asked(conntrack: &mut Socket, answer: &Tuple) -> Option<IpAddr> {
    let mut server = None;
    let take = |message: &Message| server = conntrack::parse(message).map(|entry| entry.tuple.destination);
    conntrack.ask(1, |writer, sequence| conntrack::get_by_reply(writer, sequence, answer), take).ok()?;
    server
}
