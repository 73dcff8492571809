//! A running leash: one thread, one poll, bounded work for each source in each turn.

use crate::api::Daemon as _;
use crate::config::{self, Config, Problem};
use crate::detect;
use crate::engine::history::{Record, RecordKind};
use crate::engine::{Action, Engine};
use crate::event::{Event, Source};
use crate::live::control::{Control, Stream};
use crate::live::daemon::recorder::Recorder;
use crate::live::doctor;
use crate::live::enforce::{self, Enforcer};
use crate::live::foreign::Foreign;
use crate::live::reference::Reference;
use crate::live::slot::Slot;
use crate::live::sources::Sources;
use crate::live::state::State;
use crate::live::ubus::{self, Bus};
use crate::live::{clock, lock, progress, resolv_conf, router};
use crate::reference::vendors;
use crate::ruleset::Rules;
use crate::time::{Span, Stamp, Time, Wall};
use crate::wire::nft::Pair;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

mod api;
mod recorder;

/// How often what is missing is opened, and what changes seldom is read again.
const REFRESH_EVERY: Span = Span::secs(10);
/// Under load it is cheaper to let events gather: each wait costs more than an event.
const NAP: Duration = Duration::from_millis(10);
/// How often nft is looked after while it is at work, in milliseconds.
const NFT_LOOK_EVERY: u64 = 50;
/// A larger change of the date at which the machine started is no drift: somebody set the clock.
const CLOCK_JUMP: Span = Span::secs(1);

/// A running leash.
struct Daemon {
    /// The path of the settings.
    settings: PathBuf,
    /// The version of the router's own settings that was read.
    router: router::Version,
    engine: Engine,
    sources: Sources,
    enforcer: Slot<Enforcer>,
    foreign: Foreign,
    state: State,
    reference: Reference,
    recorder: Recorder,
    started: Time,
    next_refresh: Time,
    /// The rules and sets in the kernel have to be compared with what the engine wants.
    sync_sets: bool,
    /// Flows to blocked addresses may be under way, and marks of an earlier run may stop flows that are free.
    check_flows: bool,
    /// The date at which the machine started, by its clock: another one when the clock is set.
    clock_start: Wall,
    /// When the latest order came that the settings are to have.
    last_order: Time,
    /// Before this the loop does not wait for doctor, whoever asks.
    patient_at: Time,
    /// No resolver answered on the LAN when doctor asked last.
    resolver_silent: bool,
    /// There were too few file descriptors for those who ask when this turn began.
    short_of_descriptors: bool,
    /// How the bus was when this turn began.
    bus: ubus::Counts,
    /// The folder of the programs to which alerts were sent when this turn began; absent if nobody sends them.
    alerts: Option<PathBuf>,
    /// What is wrong with the settings.
    problems: Vec<Problem>,
}

/// Who asks, orders and listens.
struct Callers {
    control: Control,
    bus: Bus,
}

/// Runs until a signal ends it. The error is a sentence.
pub fn run(path: &Path) -> Result<(), String> {
    let (config, problems) = read_settings(path)?;
    if !config.daemon.enabled {
        log::warn!("option enabled is 0 in {}: leash does not run", path.display());
        return Ok(());
    }
    let mut signals = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGPIPE].into_iter().for_each(|s| signals.add(s));
    signals.thread_block().map_err(|error| format!("signals cannot be blocked: {error}"))?;
    let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_err(|error| format!("signals cannot be read: {error}"))?;
    let _lock = lock::hold()?;
    let control = Control::open(&config.daemon.socket)?;
    let mut callers = Callers { control, bus: Bus::new(&config.daemon.ubus) };
    let at = clock::now();
    let mut state = State::new(&config.daemon.state, &config.daemon.socket, at);
    let mut engine = Engine::new(config);
    engine.enable_records();
    state.load(&mut engine, at);
    doctor::prepare();
    let mut daemon = Daemon {
        settings: path.into(),
        router: router::Version::of(&engine.config().daemon.router),
        engine,
        sources: Sources::default(),
        enforcer: Slot::new(&enforce::NEED),
        foreign: Foreign::default(),
        state,
        reference: Reference::default(),
        recorder: Recorder::default(),
        started: at.now,
        next_refresh: Time(0),
        sync_sets: true,
        check_flows: false,
        clock_start: Wall(0),
        last_order: Time(0),
        patient_at: Time(0),
        resolver_silent: false,
        short_of_descriptors: false,
        bus: ubus::Counts::default(),
        alerts: None,
        problems,
    };
    loop {
        let at = clock::now();
        daemon.refresh(at);
        let storm = daemon.read_sources(at, &mut callers);
        daemon.apply(at, &mut callers);
        daemon.bus = callers.bus.counts;
        daemon.short_of_descriptors = callers.control.is_short_of_descriptors();
        daemon.alerts = callers.control.alerts();
        if callers.control.serve(&mut daemon) | callers.bus.serve(&mut daemon) {
            daemon.apply(clock::now(), &mut callers);
        }
        callers.control.flush();
        callers.bus.flush(clock::now().now);
        daemon.write_state(clock::now());
        let mut end = false;
        while let Ok(Some(signal)) = signals.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGHUP) => match daemon.reload() {
                    Ok(_) => daemon.apply(clock::now(), &mut callers),
                    Err(problem) => log::warn!("{problem}; the old settings stay"),
                },
                Ok(Signal::SIGPIPE) | Err(_) => {}
                Ok(_) => end = true,
            }
        }
        if end {
            daemon.stop();
            daemon.state.close(&mut daemon.engine, clock::now());
            return Ok(());
        }
        if storm {
            std::thread::sleep(NAP);
        }
        daemon.wait(&callers, &signals);
    }
}

/// Reads the settings, and logs and returns what is wrong with them. The error is a sentence.
fn read_settings(path: &Path) -> Result<(Config, Vec<Problem>), String> {
    let text = progress::text(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (mut config, problems) = config::parse(&text, &detect::NAMES);
    router::complete(&mut config.daemon);
    problems.iter().for_each(|problem| log::warn!("{}: {problem}", path.display()));
    Ok((config, problems))
}

impl Daemon {
    /// Opens what is missing and reads again what changes seldom, every [`REFRESH_EVERY`].
    fn refresh(&mut self, at: Stamp) {
        if at.now < self.next_refresh {
            return;
        }
        self.next_refresh = at.now + REFRESH_EVERY;
        let router = router::Version::of(&self.engine.config().daemon.router);
        if router != self.router
            && let Err(problem) = self.reload()
        {
            log::warn!("{problem}; the old settings stay");
        }
        self.router = router;
        self.sources.open_missing(&self.engine.config().daemon);
        if self.enforcer.open(|| Enforcer::open().map(Some)) {
            self.inherit_blocks(at);
        }
        let daemon = &self.engine.config().daemon;
        self.foreign.look(false, false, daemon.mark, &daemon.interfaces, at.now);
        // A ruleset that the kernel refused is tried again.
        self.sync_sets |= self.enforcer.get().is_some_and(|enforcer| !enforcer.loaded);
        self.engine.set_resolvers(resolv_conf::resolvers(), at);
        self.engine.set_utc_offset(clock::utc_offset_minutes(at.wall));
        self.reference.refresh(&mut self.engine, at);
    }

    /// Takes over the blocks that a killed leash left in the kernel and of which its state does not know.
    fn inherit_blocks(&mut self, at: Stamp) {
        let Some(enforcer) = self.enforcer.get_mut() else { return };
        for (pair, left) in enforcer.blocks_in_kernel() {
            self.engine.adopt_block(pair, left, at);
        }
    }

    /// Writes the state where it is due, with what blocks have stopped by then.
    fn write_state(&mut self, at: Stamp) {
        if self.state.next_deadline() <= at.now {
            self.count_stopped();
            self.state.write_due(&mut self.engine, at);
        }
    }

    /// Asks the kernel what blocks have stopped.
    fn count_stopped(&mut self) {
        let pairs = self.engine.blocked_pairs();
        if !pairs.is_empty() {
            let counters = self.block_counters(&pairs);
            self.engine.count_stopped(pairs.into_iter().zip(counters));
        }
    }

    fn rules_loaded(&self) -> bool {
        self.enforcer.get().is_some_and(|enforcer| enforcer.loaded)
    }

    /// Reads all sources once, and looks after the ruleset. Returns true when events come so fast that it pays to wait a
    /// little.
    fn read_sources(&mut self, at: Stamp, callers: &mut Callers) -> bool {
        if at.start().abs_diff(self.clock_start) > CLOCK_JUMP {
            self.clock_start = at.start();
            self.handle(vec![Event::ClockSet], at, callers);
        }
        let loaded = self.rules_loaded();
        let Daemon { sources, engine, recorder, .. } = self;
        let turn = sources.turn(engine, loaded, at, |engine, events| {
            recorder.handle(events, engine, at, &mut callers.control);
        });
        self.sync_sets |= turn.lan_changed;
        self.check_flows |= turn.dumped;
        if let Some(enforcer) = self.enforcer.get_mut() {
            // What changed while nft was at work is compared afterwards.
            if enforcer.is_loading() {
                enforcer.await_nft(Duration::ZERO);
                self.check_flows |= enforcer.loaded && !loaded;
            }
            if let Err(error) = enforcer.read_changes() {
                self.enforcer.lose(&error);
            } else if loaded && !enforcer.loaded {
                log::warn!("somebody removed leash's table; it is made again");
                self.sync_sets = true;
                self.handle(vec![Event::Gap { source: Source::Lookups }], at, callers);
            }
        }
        self.sync_sets |= self.enforcer.get_mut().is_some_and(|enforcer| enforcer.check(at.now));
        self.engine.wake(at);
        turn.storm
    }

    fn handle(&mut self, events: Vec<Event>, at: Stamp, callers: &mut Callers) {
        self.recorder.handle(events, &mut self.engine, at, &mut callers.control);
    }

    /// Does what the engine wants.
    fn apply(&mut self, at: Stamp, callers: &mut Callers) {
        let actions: Vec<Action> = self.engine.drain().collect();
        let (mut state_changed, mut released) = (false, BTreeSet::new());
        for action in actions {
            match action {
                Action::Block { mac, address, lasts } => {
                    state_changed = true;
                    let flows = self.engine.flows_between(mac, address);
                    if let Some(enforcer) = self.enforcer.get_mut() {
                        enforcer.block((mac, address), lasts, &flows);
                    }
                }
                Action::Unblock { mac, address } => {
                    state_changed = true;
                    released.insert((mac, address));
                    if let Some(enforcer) = self.enforcer.get_mut() {
                        enforcer.unblock((mac, address));
                    }
                }
                Action::SyncSets => (state_changed, self.sync_sets) = (true, true),
                Action::Note(record) => {
                    // What was told is not told again after a restart.
                    state_changed = true;
                    self.announce(&record, at, callers);
                }
                Action::PersistOrders => {
                    self.last_order = at.now;
                    callers.bus.schedule_write();
                }
                Action::FlowEnded(_) => {}
            }
        }
        self.sync_kernel(at, &released);
        if state_changed {
            self.state.schedule_write(at);
        }
    }

    /// Logs what happened, and sends it to those who listen.
    fn announce(&mut self, record: &Record, at: Stamp, callers: &mut Callers) {
        if let Some(mac) = record.mac.filter(|mac| record.kind == RecordKind::Device && !vendors::is_random(*mac)) {
            self.reference.set_vendors(&mut self.engine, &[mac]);
        }
        let who = record.mac.map(|mac| self.engine.display_name(mac)).unwrap_or_default();
        // Addresses and names of destinations are nobody's business who only sees the log.
        if record.kind.log_level() <= log::Level::Info {
            log::log!(record.kind.log_level(), "{who}: {}", record.log_message());
        }
        log::debug!("{who}: {}: {}", record.kind.text(), record.message);
        let published = callers.bus.counts.published;
        if published || callers.control.has_listeners(Stream::Watch) {
            let event = record.kind.ubus_event();
            let record = self.engine.record(record);
            callers.control.send(Stream::Watch, &record.to_string());
            callers.bus.send(event, &record, at.now);
        }
    }

    /// Makes rules and sets equal to what the engine wants where they may differ, and lets flows of the `released` pairs go
    /// on.
    fn sync_kernel(&mut self, at: Stamp, released: &BTreeSet<Pair>) {
        let Some(enforcer) = self.enforcer.get_mut() else { return };
        let (engine, lan) = (&self.engine, self.sources.lan());
        if self.sync_sets && !lan.interfaces().is_empty() {
            let daemon = &engine.config().daemon;
            let shape = Rules {
                interfaces: daemon.interfaces.clone(),
                house: lan.prefixes(),
                mark: daemon.mark,
                reject: daemon.reject,
                pins: engine.prefix_pins(at.wall),
            };
            let loaded = enforcer.loaded;
            self.sync_sets = !enforcer.sync(&shape, engine.elements(at));
            self.check_flows |= enforcer.loaded && !loaded;
        }
        if std::mem::take(&mut self.check_flows) {
            let mut blocked = BTreeSet::new();
            blocked.extend(engine.blocked_pairs());
            enforcer.release(|tuple| !enforce::is_between(tuple, &blocked, |ip| engine.owner(ip)));
            enforcer.cut(&engine.blocked_flows());
        } else if !released.is_empty() {
            enforcer.release(|tuple| enforce::is_between(tuple, released, |ip| engine.owner(ip)));
        }
    }

    /// Waits until a source, a caller or a signal has something, or until something is due.
    fn wait(&self, callers: &Callers, signals: &SignalFd) {
        let now = clock::now().now;
        let deadlines = [
            Some(self.state.next_deadline()),
            Some(self.next_refresh),
            self.engine.next_deadline(),
            self.sources.next_deadline(),
            callers.bus.next_deadline(),
            self.enforcer.get().and_then(Enforcer::next_check),
        ];
        let next = deadlines.into_iter().flatten().min().unwrap_or(now);
        // A millisecond later rather than many wakes before it.
        let mut wait = next.since(now).0.div_ceil(1_000).min(60_000);
        if let Some(turn) = callers.control.next_turn() {
            wait = wait.min(turn.as_millis() as u64);
        }
        if self.enforcer.get().is_some_and(Enforcer::is_loading) {
            wait = wait.min(NFT_LOOK_EVERY);
        }
        let mut readable = vec![signals.as_fd()];
        self.sources.fds(&mut readable);
        readable.extend(self.enforcer.get().map(|enforcer| enforcer.socket().as_fd()));
        let mut fds: Vec<PollFd> = readable.into_iter().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        fds.extend(callers.control.sockets().chain(callers.bus.socket()).map(|(fd, flags)| PollFd::new(fd, flags)));
        let _ = poll(&mut fds, PollTimeout::try_from(wait as i32).unwrap_or(PollTimeout::ZERO));
    }

    fn stop(&mut self) {
        self.count_stopped();
        let keep = self.engine.config().daemon.keep_on_stop;
        if let Some(enforcer) = self.enforcer.get_mut().filter(|_| !keep) {
            enforcer.open_all();
        }
    }
}
