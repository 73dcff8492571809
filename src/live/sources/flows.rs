//! Flows from conntrack: its events as they come, and dumps beside them.

use crate::api::{Complaint, Severity};
use crate::engine::Engine;
use crate::event::{self, Event};
use crate::limits;
use crate::live::doctor::setting;
use crate::live::netlink::{NETFILTER, Socket};
use crate::live::slot::{Need, rights_and_package};
use crate::live::sources::lan::Lan;
use crate::live::sources::resting::Resting;
use crate::live::sources::silence::Silence;
use crate::live::sources::source::{RECEIVE_BUFFER, Scene, Source, SourceKind, Step, TURN_DATAGRAMS};
use crate::model::{Tuple, is_group};
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Time};
use crate::wire::conntrack::{self, DumpFilter, Entry};
use crate::wire::netlink::{DONE, Message, messages};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
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
/// Where events do not come, all entries are listed this often: seldom enough that it takes at most a hundredth of the
/// time, and often enough that no entry comes and goes between two dumps (conntrack keeps one of UDP for 30 s at least).
const LIST_EVERY: (Span, Span) = (Span::secs(10), Span::secs(30));
/// How many entries there are.
const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
/// Datagrams of a dump that are read in one turn.
const DUMP_DATAGRAMS: usize = 16;

/// The entry of flows in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "flows",
        severity: Severity::Error,
        missing: |error| sentence!("no flow can be seen, since conntrack's events cannot be received: %s", error),
        remedy: || rights_and_package("kmod-nf-conntrack-netlink"),
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
    silence: Silence,
    /// How often all entries are listed while events do not come.
    list_every: Span,
    /// The entries that the latest whole dump listed, by a hash of their tuples: what the next one lists beside them is
    /// new. Absent while events tell that.
    listed: Option<HashSet<u64>>,
    resting: Resting,
}

struct Dump {
    sequence: u32,
    began: Time,
    /// What it has listed so far, where events do not tell what is new.
    listed: Option<HashSet<u64>>,
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
            silence: Silence::default(),
            list_every: LIST_EVERY.0,
            listed: None,
            resting: Resting::default(),
        })
    }
}

impl Source for ConntrackFlows {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.extend([self.events.as_fd(), self.dumps.as_fd()]);
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (lan, engine, now) = (&mut *scene.lan, scene.engine, scene.at.now);
        let mut events = 0;
        let (resting, listed) = (&mut self.resting, &mut self.listed);
        let mut new = false;
        let received = self.events.receive(TURN_DATAGRAMS, |datagram| {
            for message in messages(datagram) {
                events += 1;
                new |= message.kind == conntrack::NEW;
                let Some(Entry { tuple, bytes, unfinished, .. }) = entry(&message, lan, engine) else { continue };
                out.push(if message.kind == conntrack::NEW {
                    listed.as_mut().map(|listed| listed.insert(hash(&tuple)));
                    Event::FlowOpened { tuple, midstream: resting.goes_on(&tuple) }
                } else {
                    resting.entry_ended(tuple, bytes.unwrap_or_default(), unfinished, now)
                });
            }
        })?;
        self.event_count += events;
        if new {
            // What began in the silence is listed once more.
            self.stale |= self.silence.end();
            if !self.stale && self.dump.as_ref().is_none_or(|dump| !dump.whole) {
                self.listed = None;
            }
        }
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
        let (lan, engine, now) = (&mut *scene.lan, scene.engine, scene.at.now);
        self.resting.expire(now, out);
        if now >= self.silence.next_count {
            let count = fs::read_to_string(COUNT).ok().and_then(|text| text.trim().parse().ok());
            self.stale |= self.silence.count(count.unwrap_or_default(), now);
        }
        let Some(dump) = &mut self.dump else {
            let since = self.last_dump.map(|last| now.since(last));
            let rested = since.is_none_or(|since| since >= DUMP_EVERY);
            let unlisted = self.silence.silent && since.is_none_or(|since| since >= self.list_every);
            let uncounted = now >= self.next_count;
            if rested && (self.stale || unlisted || uncounted) {
                // Where events do not come, a dump is never of the counters alone.
                let whole = self.stale || self.silence.silent;
                let sequence = self.dumps.next_sequence();
                let mut writer = Default::default();
                // Flows that only ever sent, without an answer, are rare: to count them every tenth time is enough.
                let all = whole || self.dump_count.is_multiple_of(10);
                conntrack::dump(&mut writer, sequence, if all { DumpFilter::All } else { DumpFilter::Answered });
                self.dumps.send(&writer)?;
                // Before the first event nobody knows whether any will come.
                let listed = (self.silence.silent || self.event_count == 0).then(HashSet::new);
                self.dump = Some(Dump { sequence, began: now, listed, whole });
                self.last_dump = Some(now);
                self.next_count = now + limits::COUNT_INTERVAL;
                self.dump_count += 1;
                if whole {
                    self.stale = false;
                    out.push(Event::Gap { source: event::Source::Flows });
                    self.resting.begin_dump(out);
                }
            }
            return Ok(());
        };
        let (mut done, mut broken) = (false, false);
        let (resting, before) = (&mut self.resting, &self.listed);
        let received = self.dumps.receive(DUMP_DATAGRAMS, |datagram| {
            for message in messages(datagram).filter(|message| message.sequence == dump.sequence) {
                done |= message.kind == DONE;
                broken |= message.error().is_some_and(|code| code != 0);
                let Some(Entry { tuple, bytes, .. }) = entry(&message, lan, engine) else { continue };
                if dump.whole {
                    let hash = hash(&tuple);
                    let midstream = before.as_ref().is_none_or(|before| before.contains(&hash));
                    out.push(Event::FlowOpened { tuple, midstream });
                    dump.listed.as_mut().filter(|listed| listed.len() <= limits::FLOWS).map(|all| all.insert(hash));
                    resting.list(&tuple);
                }
                if let Some((sent, received)) = bytes.map(|bytes| resting.total(&tuple, bytes)) {
                    out.push(Event::FlowCounted { tuple, sent, received });
                }
            }
        })?;
        if broken || received.lost {
            self.stale |= dump.whole;
            self.dump = None;
        } else if done && let Some(Dump { began, listed, whole: true, .. }) = self.dump.take() {
            self.list_every = Span(now.since(began).0.saturating_mul(100)).clamp(LIST_EVERY.0, LIST_EVERY.1);
            let unheard = self.silence.silent || self.event_count == 0;
            self.listed = listed.filter(|listed| unheard && listed.len() <= limits::FLOWS);
            self.resting.end_dump();
            scene.turn.dumped |= !self.silence.silent;
            out.push(Event::DumpComplete);
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        let since = |span| self.last_dump.map_or(Time(0), |last| last + span);
        let unheard = self.silence.silent.then(|| since(self.list_every));
        let dump = if self.stale { since(DUMP_EVERY) } else { self.next_count.max(since(DUMP_EVERY)) };
        [Some(dump), unheard, Some(self.silence.next_count), self.resting.next_deadline()].into_iter().flatten().min()
    }

    fn count_soon(&mut self) {
        self.next_count = Time(0);
    }

    fn counts(&self) -> Value {
        json!({
            "events": self.event_count, "overflows": self.overflow_count, "dumps": self.dump_count,
            "silent": self.silence.silent
        })
    }

    fn complain(&self, all: &mut Vec<Complaint>) {
        if self.silence.silent {
            let off = setting("nf_conntrack_events").as_deref() == Some("0");
            all.push(Complaint::warning(
                sentence!(
                    "conntrack reports no flows as they begin, so leash lists all of them every %s and judges new ones \
                     that much later",
                    self.list_every
                ),
                if off {
                    Sentence::verbatim("sysctl -w net.netfilter.nf_conntrack_events=1")
                } else {
                    sentence!(
                        "remove the module that takes the reports, such as %s or %s, and restart the router",
                        "kmod-nft-fullcone",
                        "kmod-qca-nss-ecm"
                    )
                },
            ));
        }
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
fn entry(message: &Message, lan: &mut Lan, engine: &Engine) -> Option<Entry> {
    let mut entry = conntrack::parse(message)?;
    if lan.is_own(entry.tuple.destination) && !lan.contains(entry.tuple.source) {
        entry.tuple = conntrack::after_nat(entry.tuple, message);
    }
    if message.kind == conntrack::NEW {
        lan.note_flow(&entry.tuple);
    }
    concerns_station(&entry.tuple, lan, engine).then_some(entry)
}

fn hash(tuple: &Tuple) -> u64 {
    let mut hasher = DefaultHasher::new();
    tuple.hash(&mut hasher);
    hasher.finish()
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
