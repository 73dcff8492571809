//! A running leash: one thread, one poll, bounded work for each source in each turn.

use crate::api::Daemon;
use crate::config::{self, Config};
use crate::detect;
use crate::engine::history::RecordKind;
use crate::engine::{Action, Engine};
use crate::event::{self, Event, Source};
use crate::live::control::{Control, Stream};
use crate::live::doctor;
use crate::live::enforce::{self, Enforcer};
use crate::live::reference::Reference;
use crate::live::sources::{self, Answers, ConntrackFlows, FirstPacketTap, Lan, Neighbours, QueryLog};
use crate::live::state::State;
use crate::live::ubus::{self, Bus};
use crate::live::{clock, progress};
use crate::reference::vendors;
use crate::ruleset::Shape;
use crate::time::{Clock, Span, Stamp, Time, Wall};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod host;

/// What is missing is looked for again this often.
const RETRY: Span = Span::secs(10);
/// Under load it is cheaper to let events gather: each wait costs more than an event.
const NAP: Duration = Duration::from_millis(10);

struct Leash {
    path: PathBuf,
    engine: Engine,
    house: Lan,
    neighbours: Option<Neighbours>,
    flows: Option<ConntrackFlows>,
    answers: Option<Answers>,
    openings: Option<FirstPacketTap>,
    log: Option<QueryLog>,
    enforcer: Option<Enforcer>,
    state: State,
    /// Why a source is missing.
    missing: Vec<(&'static str, String)>,
    started: Stamp,
    next_retry: Time,
    /// The rules or sets are to be settled anew.
    reshape: bool,
    /// Flows to blocked addresses may be under way.
    cut_all: bool,
    /// How the dates of recorded events go on.
    recorder: Option<Clock>,
    /// The date at which the machine started, by its clock: another one when the clock is set.
    clock_start: Wall,
    leases_at: Option<std::time::SystemTime>,
    reference: Reference,
    /// When the latest order came that the settings are to have.
    urged: Time,
    /// How the bus was at the begin of this turn.
    bus: ubus::Counts,
}

/// Who asks, orders and listens.
struct Callers {
    control: Control,
    bus: Bus,
}

/// Runs until a signal ends it. The error is a sentence.
pub fn run(path: &Path) -> Result<(), String> {
    let config = read(path)?;
    if !config.daemon.enabled {
        log::warn!("option enabled is 0 in {}: leash does not run", path.display());
        return Ok(());
    }
    let mut signals = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE].into_iter().for_each(|s| signals.add(s));
    signals.thread_block().map_err(|error| format!("signals cannot be blocked: {error}"))?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_err(|error| format!("signals cannot be read: {error}"))?;
    let control = Control::open(&config.daemon.socket)?;
    let mut callers = Callers { control, bus: Bus::new(&config.daemon.ubus) };
    let at = clock::now();
    let mut state = State::new(&config.daemon.state, &config.daemon.socket, at);
    let mut engine = Engine::new(config);
    engine.enable_records();
    state.load(&mut engine, at);
    doctor::prepare();
    let mut leash = Leash {
        path: path.into(),
        engine,
        house: Lan::default(),
        neighbours: None,
        flows: None,
        answers: None,
        openings: None,
        log: None,
        enforcer: None,
        state,
        missing: Vec::new(),
        started: at,
        next_retry: Time(0),
        reshape: true,
        cut_all: false,
        recorder: None,
        clock_start: Wall(0),
        leases_at: None,
        reference: Reference::default(),
        urged: Time(0),
        bus: ubus::Counts::default(),
    };
    loop {
        let at = clock::now();
        leash.retry(at, &mut callers);
        let busy = leash.turn(at, &mut callers);
        leash.act(at, &mut callers);
        leash.bus = callers.bus.counts;
        if callers.control.serve(&mut leash) | callers.bus.serve(&mut leash) {
            leash.act(clock::now(), &mut callers);
        }
        callers.control.flush();
        callers.bus.flush(clock::now().now);
        leash.state.keep(&leash.engine, clock::now());
        let mut end = false;
        while let Ok(Some(signal)) = signals.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGHUP) => match leash.reload() {
                    Ok(_) => leash.act(clock::now(), &mut callers),
                    Err(says) => log::warn!("{says}; the old settings stay"),
                },
                Ok(Signal::SIGPIPE) | Err(_) => {}
                Ok(_) => end = true,
            }
        }
        if end {
            leash.stop();
            leash.state.close(&leash.engine, clock::now());
            return Ok(());
        }
        if busy {
            std::thread::sleep(NAP);
        }
        leash.wait(&callers, &signals);
    }
}

fn read(path: &Path) -> Result<Config, String> {
    let text = progress::text(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (config, problems) = config::parse(&text, &detect::NAMES);
    problems.iter().for_each(|problem| log::warn!("{}: {problem}", path.display()));
    Ok(config)
}

impl Leash {
    /// Opens what is not open yet.
    fn retry(&mut self, at: Stamp, callers: &mut Callers) {
        if at.now < self.next_retry {
            return;
        }
        self.next_retry = at.now + RETRY;
        // A ruleset that was refused is tried again.
        self.reshape |= self.enforcer.as_ref().is_some_and(|enforcer| !enforcer.loaded);
        let mut missing = Vec::new();
        fn open<T>(
            slot: &mut Option<T>,
            name: &'static str,
            missing: &mut Vec<(&'static str, String)>,
            open: impl FnOnce() -> std::io::Result<T>,
        ) -> bool {
            if slot.is_some() {
                return false;
            }
            match open() {
                Ok(source) => *slot = Some(source),
                Err(error) => missing.push((name, error.to_string())),
            }
            slot.is_some()
        }
        open(&mut self.neighbours, "neighbours", &mut missing, Neighbours::open);
        open(&mut self.flows, "flows", &mut missing, ConntrackFlows::open);
        open(&mut self.answers, "answers", &mut missing, Answers::open);
        open(&mut self.openings, "openings", &mut missing, FirstPacketTap::open);
        if let Some(path) = self.engine.config().daemon.query_log.clone() {
            open(&mut self.log, "query log", &mut missing, || QueryLog::open(&path));
        }
        if open(&mut self.enforcer, "nf_tables", &mut missing, Enforcer::open) {
            self.inherit(at);
            self.reshape = true;
        }
        for (name, error) in missing.iter().filter(|new| !self.missing.contains(new)) {
            log::warn!("{name} cannot be had: {error}");
        }
        for (name, _) in self.missing.iter().filter(|old| missing.iter().all(|new| new.0 != old.0)) {
            log::info!("{name}: regained");
        }
        self.missing = missing;
        self.engine.set_resolvers(sources::resolvers(), at);
        self.engine.set_utc_offset(clock::utc_offset_minutes(at.wall));
        self.reference.look(&mut self.engine, at);
        // The resolver writes it now and then; its first reading gives names to devices.
        let leases = self.engine.config().daemon.leases.clone();
        let written = std::fs::metadata(&leases).and_then(|data| data.modified()).ok();
        if written.is_some() && written != self.leases_at {
            self.leases_at = written;
            let mut events = Vec::new();
            sources::leases(&leases, &mut events);
            self.handle(events, at, callers);
        }
    }

    /// Blocks that a killed leash left in the kernel, of which its state does not know.
    fn inherit(&mut self, at: Stamp) {
        let Some(enforcer) = &mut self.enforcer else { return };
        for (pair, left) in enforcer.inherited() {
            self.engine.inherit(pair, left, at);
        }
    }

    /// Reads all sources once. True when there is so much that it pays to wait a little.
    fn turn(&mut self, at: Stamp, callers: &mut Callers) -> bool {
        if at.start().abs_diff(self.clock_start) > Span::secs(1) {
            self.clock_start = at.start();
            self.handle(vec![Event::Clock], at, callers);
        }
        let mut events = Vec::new();
        if let Some(neighbours) = &mut self.neighbours {
            let names = &self.engine.config().daemon.interfaces;
            match neighbours.take(names, &mut self.house, &mut events) {
                Ok(changed) => self.reshape |= changed,
                Err(error) => lose(&mut self.neighbours, "neighbours", &error),
            }
        }
        self.handle(std::mem::take(&mut events), at, callers);
        let mut busy = false;
        if let Some(flows) = &mut self.flows {
            match flows.read(&self.house, &self.engine, at) {
                Ok(storm) => busy = storm,
                Err(error) => lose(&mut self.flows, "flows", &error),
            }
        }
        // What was answered before a flow began has been logged before it, so it is read after the flow and handled
        // before it: an answer is never late.
        let mut tapped = false;
        if let Some(answers) = &mut self.answers {
            match answers.take(at, &mut events) {
                Ok(()) => tapped = self.enforcer.as_ref().is_some_and(|enforcer| enforcer.loaded),
                Err(error) => {
                    lose(&mut self.answers, "answers", &error);
                    events.push(Event::Gap { source: Source::Lookups });
                }
            }
        }
        if let Some(log) = &mut self.log {
            log.believed = !tapped;
            if let Err(error) = log.take(&mut events) {
                lose(&mut self.log, "query log", &error);
            }
        }
        self.handle(std::mem::take(&mut events), at, callers);
        let opened = self.flows.as_mut().map(ConntrackFlows::take).unwrap_or_default();
        self.handle(opened, at, callers);
        if let Some(openings) = &mut self.openings
            && let Err(error) = openings.take(&self.engine, &mut events)
        {
            lose(&mut self.openings, "openings", &error);
        }
        if let Some(flows) = &mut self.flows
            && let Err(error) = flows.dump(&self.house, &self.engine, at, &mut events)
        {
            lose(&mut self.flows, "flows", &error);
        }
        self.cut_all |= events.contains(&Event::Dumped);
        self.handle(events, at, callers);
        if let Some(enforcer) = &mut self.enforcer {
            let loaded = enforcer.loaded;
            if let Err(error) = enforcer.watch() {
                lose(&mut self.enforcer, "nf_tables", &error);
            } else if loaded && !enforcer.loaded {
                log::warn!("somebody removed leash's table; it is made again");
                self.reshape = true;
                self.handle(vec![Event::Gap { source: Source::Lookups }], at, callers);
            }
        }
        self.engine.wake(at);
        busy
    }

    fn handle(&mut self, events: Vec<Event>, at: Stamp, callers: &mut Callers) {
        if callers.control.listens(Stream::Record) {
            let began = self.recorder.is_none();
            let clock = self.recorder.get_or_insert_default();
            if began {
                clock.jump(at.wall);
                callers.control.tell(Stream::Record, &event::write(&Event::Clock, at, clock));
                for event in self.engine.snapshot() {
                    callers.control.tell(Stream::Record, &event::write(&event, at, clock));
                }
            }
            for event in &events {
                match event {
                    Event::Clock => clock.jump(at.wall),
                    _ => clock.advance(at.wall),
                };
                callers.control.tell(Stream::Record, &event::write(event, at, clock));
            }
        } else {
            self.recorder = None;
        }
        for event in events {
            self.engine.handle(event, at);
        }
    }

    /// Does what the engine wants.
    fn act(&mut self, at: Stamp, callers: &mut Callers) {
        let actions: Vec<Action> = self.engine.drain().collect();
        let (mut keep, mut released) = (false, BTreeSet::new());
        for action in actions {
            match action {
                Action::Block { mac, address, lasts } => {
                    keep = true;
                    let flows = self.engine.flows_between(mac, address);
                    if let Some(enforcer) = &mut self.enforcer {
                        enforcer.block((mac, address), lasts, &flows);
                    }
                }
                Action::Unblock { mac, address } => {
                    keep = true;
                    released.insert((mac, address));
                    if let Some(enforcer) = &mut self.enforcer {
                        enforcer.unblock((mac, address));
                    }
                }
                Action::SyncSets => (keep, self.reshape) = (true, true),
                Action::Note(record) => {
                    if let Some(mac) =
                        record.mac.filter(|mac| record.kind == RecordKind::Device && !vendors::is_random(*mac))
                    {
                        self.reference.introduce(&mut self.engine, &[mac]);
                    }
                    let who = record.mac.map(|mac| self.engine.called(mac)).unwrap_or_default();
                    // Addresses and names are nobody's business who only sees the log.
                    if record.kind.log_level() <= log::Level::Info {
                        log::log!(record.kind.log_level(), "{who}: {}", record.log_message());
                    }
                    log::debug!("{who}: {}: {}", record.kind.text(), record.message);
                    let watched = callers.control.listens(Stream::Watch);
                    let event = Some(record.kind.ubus_event());
                    let event = event.filter(|_| callers.bus.counts.published);
                    if watched || event.is_some() {
                        let record = self.engine.record(&record);
                        callers.control.tell(Stream::Watch, &record.to_string());
                        event.inspect(|event| callers.bus.tell(event, &record, at.now));
                    }
                }
                Action::PersistOrders => {
                    self.urged = at.now;
                    callers.bus.schedule_write();
                }
                Action::FlowEnded(_) => {}
            }
        }
        if let Some(enforcer) = &mut self.enforcer {
            if std::mem::take(&mut self.reshape) && !self.house.interfaces.is_empty() {
                let daemon = &self.engine.config().daemon;
                let shape = Shape {
                    interfaces: daemon.interfaces.clone(),
                    house: self.house.prefixes(),
                    mark: daemon.mark,
                    reject: daemon.reject,
                    pins: self.engine.prefix_pins(at.wall),
                };
                let loaded = enforcer.loaded;
                enforcer.settle(&shape, self.engine.elements(at));
                self.cut_all |= enforcer.loaded && !loaded;
                if let Some(says) = enforcer.trouble.as_ref().filter(|_| !enforcer.loaded) {
                    log::warn!("{says}");
                }
            }
            let engine = &self.engine;
            if std::mem::take(&mut self.cut_all) {
                // A flow may still be stopped by an earlier life, or not yet by this one.
                let mut blocked = BTreeSet::new();
                blocked.extend(engine.blocked_pairs());
                enforcer.release(|tuple| !enforce::is_between(tuple, &blocked, |ip| engine.owner(ip)));
                enforcer.cut(&engine.blocked_flows());
            } else if !released.is_empty() {
                enforcer.release(|tuple| enforce::is_between(tuple, &released, |ip| engine.owner(ip)));
            }
        }
        if keep {
            self.state.schedule_write(at);
        }
    }

    fn wait(&self, callers: &Callers, signals: &SignalFd) {
        let now = clock::now().now;
        let more = self.log.as_ref().is_some_and(|log| log.tail().has_more());
        let deadlines = [
            Some(self.state.next_deadline()),
            Some(self.next_retry),
            self.engine.next_deadline(),
            self.flows.as_ref().map(ConntrackFlows::next_deadline),
            callers.bus.next_deadline(),
        ];
        let next = deadlines.into_iter().flatten().min().unwrap_or(now);
        // A millisecond later rather than many wakes before it.
        let wait = if more { 0 } else { next.since(now).0.div_ceil(1_000).min(60_000) };
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let mut add = |fd| fds.push(PollFd::new(fd, PollFlags::POLLIN));
        self.neighbours.iter().for_each(|source| add(source.socket().as_fd()));
        self.flows.iter().for_each(|source| source.sockets().into_iter().for_each(|socket| add(socket.as_fd())));
        self.answers.iter().for_each(|source| add(source.tap.socket().as_fd()));
        self.openings.iter().for_each(|source| add(source.tap.socket().as_fd()));
        self.log.iter().for_each(|source| add(source.tail().as_fd()));
        self.enforcer.iter().for_each(|source| add(source.socket().as_fd()));
        fds.extend(callers.control.sockets().chain(callers.bus.socket()).map(|(fd, flags)| PollFd::new(fd, flags)));
        let _ = poll(&mut fds, PollTimeout::try_from(wait as i32).unwrap_or(PollTimeout::ZERO));
    }

    fn stop(&mut self) {
        let keep = self.engine.config().daemon.keep_on_stop;
        if let Some(enforcer) = self.enforcer.as_mut().filter(|_| !keep) {
            enforcer.open_all();
        }
    }
}

fn lose<T>(slot: &mut Option<T>, name: &str, error: &std::io::Error) {
    log::warn!("{name}: lost: {error}");
    *slot = None;
}
