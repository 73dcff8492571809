//! Flows from conntrack: its events as they come, and dumps beside them.

use crate::api::{Complaint, Severity};
use crate::engine::Engine;
use crate::event::{self, Event};
use crate::limits;
use crate::live::netlink::{NETFILTER, Socket};
use crate::live::slot::{Need, rights_and};
use crate::live::sources::lan::Lan;
use crate::live::sources::source::{RECEIVE_BUFFER, Scene, Source, SourceKind, Step, TURN_DATAGRAMS};
use crate::model::{Tuple, is_group};
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Time};
use crate::wire::conntrack::{self, DumpFilter};
use crate::wire::netlink::{DONE, Message, messages};
use serde_json::{Value, json};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// The receive buffer for events in bytes: 60,000 events of ended flows at once take 4 MB and more.
const EVENTS_BUFFER: usize = 8 << 20;
/// This many datagrams within [`STORM_WINDOW`] are a storm: 1,000 a second.
const STORM: usize = 50;
const STORM_WINDOW: Span = Span::ms(50);
/// The least time between two dumps.
const DUMP_EVERY: Span = Span::secs(5);
/// Datagrams of a dump that are read in one turn.
const DUMP_DATAGRAMS: usize = 16;

/// What the daemon knows about this source before it is open.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "flows",
        severity: Severity::Error,
        missing: |error| sentence!("no flow can be seen, since conntrack's events cannot be received: %s", error),
        remedy: || rights_and("kmod-nf-conntrack-netlink"),
    },
    step: Step::Flows,
    precedence: None,
    open: |_| Ok(Some(Box::new(ConntrackFlows::open()?))),
};

/// Conntrack's events, and dumps beside them.
struct ConntrackFlows {
    events: Socket,
    dumps: Socket,
    /// The dump under way.
    dump: Option<Dump>,
    /// Events were missed: a dump of everything is due.
    stale: bool,
    last_dump: Option<Time>,
    next_count: Time,
    event_count: u64,
    /// Times that the kernel's queue ran over.
    overflow_count: u64,
    dump_count: u64,
    /// When the current window of [`STORM_WINDOW`] began, and the datagrams since.
    window: (Time, usize),
}

struct Dump {
    sequence: u32,
    /// Of everything, to find out what was missed; else only to read counters.
    whole: bool,
}

impl ConntrackFlows {
    fn open() -> io::Result<ConntrackFlows> {
        let mut events = Socket::open(NETFILTER, &[conntrack::GROUP_NEW, conntrack::GROUP_DESTROY], 1_024)?;
        events.set_receive_buffer(EVENTS_BUFFER);
        events.enable_broadcast_error()?;
        let mut dumps = Socket::open(NETFILTER, &[], 32_768)?;
        dumps.set_receive_buffer(RECEIVE_BUFFER);
        Ok(ConntrackFlows {
            events,
            dumps,
            dump: None,
            stale: true,
            last_dump: None,
            next_count: Time(0),
            event_count: 0,
            overflow_count: 0,
            dump_count: 0,
            window: (Time(0), 0),
        })
    }
}

impl Source for ConntrackFlows {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.extend([self.events.as_fd(), self.dumps.as_fd()]);
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (lan, engine, now) = (&*scene.lan, scene.engine, scene.at.now);
        let mut events = 0;
        let received = self.events.receive(TURN_DATAGRAMS, |datagram| {
            for message in messages(datagram) {
                events += 1;
                let Some((tuple, bytes)) = entry(&message, lan, engine) else { continue };
                out.push(match (message.kind, bytes) {
                    (conntrack::NEW, _) => Event::FlowOpened { tuple, midstream: false },
                    (_, bytes) => {
                        let (sent, received) = bytes.unwrap_or_default();
                        Event::FlowClosed { tuple, sent, received }
                    }
                });
            }
        })?;
        self.event_count += events;
        if received.lost {
            self.overflow_count += 1;
            self.stale = true;
        }
        if now.since(self.window.0) > STORM_WINDOW {
            self.window = (now, 0);
        }
        self.window.1 += received.datagrams;
        scene.turn.storm |= self.window.1 >= STORM;
        Ok(())
    }

    /// Begins or continues a dump: of everything after a gap, else of the counters, since live flows report once a minute
    /// what they have carried.
    fn catch_up(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (lan, engine, now) = (&*scene.lan, scene.engine, scene.at.now);
        let Some(Dump { sequence, whole }) = self.dump else {
            let rested = self.last_dump.is_none_or(|last| now.since(last) >= DUMP_EVERY);
            let whole = self.stale && rested;
            if whole || now >= self.next_count && rested {
                let sequence = self.dumps.next_sequence();
                let mut writer = Default::default();
                // Flows that only ever sent, without an answer, are rare: to count them every tenth time is enough.
                let all = whole || self.dump_count.is_multiple_of(10);
                conntrack::dump(&mut writer, sequence, if all { DumpFilter::All } else { DumpFilter::Assured });
                self.dumps.send(&writer)?;
                self.dump = Some(Dump { sequence, whole });
                self.last_dump = Some(now);
                self.next_count = now + limits::COUNT_EVERY;
                self.dump_count += 1;
                if whole {
                    self.stale = false;
                    out.push(Event::Gap { source: event::Source::Flows });
                }
            }
            return Ok(());
        };
        let (mut done, mut broken) = (false, false);
        let received = self.dumps.receive(DUMP_DATAGRAMS, |datagram| {
            for message in messages(datagram).filter(|message| message.sequence == sequence) {
                done |= message.kind == DONE;
                broken |= message.error().is_some_and(|code| code != 0);
                let Some((tuple, bytes)) = entry(&message, lan, engine) else { continue };
                if whole {
                    out.push(Event::FlowOpened { tuple, midstream: true });
                }
                if let Some((sent, received)) = bytes {
                    out.push(Event::FlowCounted { tuple, sent, received });
                }
            }
        })?;
        if broken || received.lost {
            self.dump = None;
            self.stale |= whole;
        } else if done {
            self.dump = None;
            scene.turn.dumped |= whole;
            out.extend(whole.then_some(Event::DumpComplete));
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        let rested = self.last_dump.map_or(Time(0), |last| last + DUMP_EVERY);
        Some(if self.stale { rested } else { self.next_count.max(rested) })
    }

    fn count_soon(&mut self) {
        self.next_count = Time(0);
    }

    fn counts(&self) -> Value {
        json!({ "events": self.event_count, "overflows": self.overflow_count, "dumps": self.dump_count })
    }

    fn complain(&self, all: &mut Vec<Complaint>) {
        let granted = self.events.receive_buffer;
        if granted < EVENTS_BUFFER {
            all.push(Complaint::warning(
                sentence!("the kernel caps the receive buffer at %s bytes, so flows may be missed in a storm", granted),
                Sentence::verbatim(format!("sysctl -w net.core.rmem_max={EVENTS_BUFFER}")),
            ));
        }
        if self.overflow_count > 0 {
            all.push(Complaint::warning(
                sentence!(
                    "conntrack's event queue ran over %s times, so short flows may be missing",
                    self.overflow_count
                ),
                sentence!("look for a device that opens very many flows: %s", "leash devices"),
            ));
        }
    }
}

/// Returns the tuple and the counters of an entry of conntrack, if it concerns a station of the LAN. A flow from outside that
/// a forwarded port brings to a station is that station's.
fn entry(message: &Message, lan: &Lan, engine: &Engine) -> Option<(Tuple, Option<(u64, u64)>)> {
    let conntrack::Entry { mut tuple, bytes, .. } = conntrack::parse(message)?;
    if lan.is_own(tuple.destination) && !lan.contains(tuple.source) {
        tuple = conntrack::after_nat(tuple, message);
    }
    concerns_station(&tuple, lan, engine).then_some((tuple, bytes))
}

fn concerns_station(tuple: &Tuple, lan: &Lan, engine: &Engine) -> bool {
    let station = |ip: IpAddr| (lan.contains(ip) || engine.owner(ip).is_some()) && !lan.is_own(ip);
    // Each lookup is a flow to the router, too; what it asked is known from the answer.
    let asks_router = matches!(tuple.destination_port, 53 | 67 | 123 | 547) && lan.is_own(tuple.destination);
    !is_group(tuple.destination)
        && !asks_router
        && !lan.is_own(tuple.source)
        && (station(tuple.source) || station(tuple.destination))
}
