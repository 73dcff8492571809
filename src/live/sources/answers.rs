//! The resolvers' answers on their way to the LAN, tapped in the kernel.

use crate::api::Severity;
use crate::event::{self, Event};
use crate::live::slot::{Need, rights_and_package};
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::live::sources::tap::Tap;
use crate::model::{Protocol, Tuple};
use crate::ruleset::ANSWERS_GROUP;
use crate::sentence;
use crate::time::{Span, Time};
use crate::wire::dns::{self, TcpMessages};
use crate::wire::packet::{Body, Frame};
use serde_json::Value;
use std::collections::HashMap;
use std::io;
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
    open: |_| Ok(Some(Box::new(AnswerTap { tap: Tap::open(ANSWERS_GROUP, 1 << 17)?, streams: HashMap::new() }))),
};

/// The resolvers' answers on their way to the LAN.
struct AnswerTap {
    tap: Tap,
    /// Answers over TCP, each with the time when its connection was first seen.
    streams: HashMap<Tuple, (TcpMessages, Time)>,
}

impl Source for AnswerTap {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.tap.as_fd());
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (streams, now) = (&mut self.streams, scene.at.now);
        let lost = self.tap.receive(|frame, _| {
            let Frame::Ip(packet) = frame else { return };
            let (by, server) = (packet.destination, packet.source);
            let mut read = |message: &[u8], whole: bool| {
                dns::report_answer(message, whole, by, server, out);
            };
            match &packet.body {
                Body::Udp { payload, .. } => read(payload, !packet.cut),
                Body::Tcp(tcp) if !tcp.payload.is_empty() => {
                    let tuple = Tuple {
                        protocol: Protocol::Tcp,
                        source: by,
                        source_port: tcp.destination_port,
                        destination: server,
                        destination_port: tcp.source_port,
                    };
                    if streams.len() >= STREAMS {
                        streams.retain(|_, (_, since)| now.since(*since) < STREAM_AGE);
                    }
                    if streams.len() < STREAMS || streams.contains_key(&tuple) {
                        let (stream, _) = streams.entry(tuple).or_insert_with(|| (TcpMessages::default(), now));
                        stream.segment(tcp.sequence, tcp.payload, packet.cut, &mut read);
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
