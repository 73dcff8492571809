//! A running leash: one thread, one poll, bounded work for each source in each turn.

use super::control::{Control, Stream};
use super::doctor::{self, grave, light};
use super::enforce::{self, Enforcer};
use super::sources::{self, Answers, Flows, House, Neighbours, Openings, QueryLog};
use super::state::State;
use super::{clock, input};
use crate::api::{Complaint, Host};
use crate::config::{self, Config};
use crate::engine::{Action, Engine};
use crate::event::{self, Event, Source};
use crate::ruleset::Shape;
use crate::time::{Clock, Span, Stamp, Time};
use crate::wire::nft::Pair;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is missing is looked for again this often.
const RETRY: Span = Span::secs(10);
/// Under load it is cheaper to let events gather: each wait costs more than an event.
const NAP: Duration = Duration::from_millis(10);

struct Leash {
    path: PathBuf,
    engine: Engine,
    house: House,
    neighbours: Option<Neighbours>,
    flows: Option<Flows>,
    answers: Option<Answers>,
    openings: Option<Openings>,
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
    /// Between the date and the time since the start.
    offset: i64,
    leases_at: Option<std::time::SystemTime>,
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
    let mut control = Control::open(&config.daemon.socket)?;
    let at = clock::now();
    let mut state = State::new(&config.daemon.state, &config.daemon.socket, at);
    let mut engine = Engine::new(config);
    engine.tell();
    state.load(&mut engine, at);
    doctor::prepare();
    let mut leash = Leash {
        path: path.into(),
        engine,
        house: House::default(),
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
        offset: 0,
        leases_at: None,
    };
    loop {
        let at = clock::now();
        leash.retry(at, &mut control);
        let busy = leash.turn(at, &mut control);
        leash.act(at, &mut control);
        if control.serve(&mut leash) {
            leash.act(clock::now(), &mut control);
        }
        control.flush();
        leash.state.keep(&leash.engine, clock::now());
        let mut end = false;
        while let Ok(Some(signal)) = signals.read_signal() {
            match Signal::try_from(signal.ssi_signo as i32) {
                Ok(Signal::SIGHUP) => match leash.reload() {
                    Ok(_) => leash.act(clock::now(), &mut control),
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
        leash.wait(&control, &signals);
    }
}

fn read(path: &Path) -> Result<Config, String> {
    let text = input::text(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (config, problems) = config::parse(&text);
    problems.iter().for_each(|problem| log::warn!("{}: {problem}", path.display()));
    Ok(config)
}

impl Leash {
    /// Opens what is not open yet.
    fn retry(&mut self, at: Stamp, control: &mut Control) {
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
        open(&mut self.flows, "flows", &mut missing, Flows::open);
        open(&mut self.answers, "answers", &mut missing, Answers::open);
        open(&mut self.openings, "openings", &mut missing, Openings::open);
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
        // The resolver writes it now and then; its first reading gives names to devices.
        let leases = self.engine.config().daemon.leases.clone();
        let written = std::fs::metadata(&leases).and_then(|data| data.modified()).ok();
        if written.is_some() && written != self.leases_at {
            self.leases_at = written;
            let mut events = Vec::new();
            sources::leases(&leases, &mut events);
            self.handle(events, at, control);
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
    fn turn(&mut self, at: Stamp, control: &mut Control) -> bool {
        let offset = at.wall.0 - at.now.0 as i64;
        if (offset - self.offset).abs() > 1_000_000 {
            self.offset = offset;
            self.handle(vec![Event::Clock], at, control);
        }
        let mut events = Vec::new();
        if let Some(neighbours) = &mut self.neighbours {
            let names = &self.engine.config().daemon.interfaces;
            match neighbours.take(names, &mut self.house, &mut events) {
                Ok(changed) => self.reshape |= changed,
                Err(error) => lose(&mut self.neighbours, "neighbours", &error),
            }
        }
        self.handle(std::mem::take(&mut events), at, control);
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
        self.handle(std::mem::take(&mut events), at, control);
        let opened = self.flows.as_mut().map(Flows::take).unwrap_or_default();
        self.handle(opened, at, control);
        if let Some(openings) = &mut self.openings
            && let Err(error) = openings.take(&self.engine, at, &mut events)
        {
            lose(&mut self.openings, "openings", &error);
        }
        if let Some(flows) = &mut self.flows
            && let Err(error) = flows.dump(&self.house, &self.engine, at, &mut events)
        {
            lose(&mut self.flows, "flows", &error);
        }
        self.cut_all |= events.contains(&Event::Dumped);
        self.handle(events, at, control);
        if let Some(enforcer) = &mut self.enforcer {
            let loaded = enforcer.loaded;
            if let Err(error) = enforcer.watch() {
                lose(&mut self.enforcer, "nf_tables", &error);
            } else if loaded && !enforcer.loaded {
                log::warn!("somebody removed leash's table; it is made again");
                self.reshape = true;
                self.handle(vec![Event::Gap { source: Source::Lookups }], at, control);
            }
        }
        self.engine.wake(at);
        busy
    }

    fn handle(&mut self, events: Vec<Event>, at: Stamp, control: &mut Control) {
        if control.listens(Stream::Record) {
            let began = self.recorder.is_none();
            let clock = self.recorder.get_or_insert_default();
            if began {
                clock.jump(at.wall);
                control.tell(Stream::Record, &event::write(&Event::Clock, at, clock));
                for event in self.engine.snapshot() {
                    control.tell(Stream::Record, &event::write(&event, at, clock));
                }
            }
            for event in &events {
                match event {
                    Event::Clock => clock.jump(at.wall),
                    _ => clock.advance(at.wall),
                };
                control.tell(Stream::Record, &event::write(event, at, clock));
            }
        } else {
            self.recorder = None;
        }
        for event in events {
            self.engine.handle(event, at);
        }
    }

    /// Does what the engine wants.
    fn act(&mut self, at: Stamp, control: &mut Control) {
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
                Action::Reshape => (keep, self.reshape) = (true, true),
                Action::Note(record) => {
                    let who = record.mac.map(|mac| self.engine.called(mac)).unwrap_or_default();
                    // Addresses and names are nobody's business who only sees the log.
                    match record.what {
                        "block" => log::info!("{who}: an address is blocked"),
                        "unblock" | "end" => log::info!("{who}: a block is over"),
                        "device" | "mode" | "blocking" => log::info!("{who} {}", record.says),
                        _ => {}
                    }
                    log::debug!("{who}: {}: {}", record.what, record.says);
                    if control.listens(Stream::Watch) {
                        control.tell(Stream::Watch, &self.engine.record(&record).to_string());
                    }
                }
                Action::Ended(_) => {}
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
                let blocked = engine.blocked_pairs().into_iter().collect();
                enforcer.release(|tuple| !enforce::is_between(tuple, &blocked, |ip| engine.owner(ip)));
                enforcer.cut(&engine.blocked_flows());
            } else if !released.is_empty() {
                enforcer.release(|tuple| enforce::is_between(tuple, &released, |ip| engine.owner(ip)));
            }
        }
        if keep {
            self.state.urge(at);
        }
    }

    fn wait(&self, control: &Control, signals: &SignalFd) {
        let now = clock::now().now;
        let more = self.log.as_ref().is_some_and(|log| log.follow().has_more());
        let deadlines = [
            Some(self.state.next_deadline()),
            Some(self.next_retry),
            self.engine.next_deadline(),
            self.flows.as_ref().map(Flows::next_deadline),
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
        self.log.iter().for_each(|source| add(source.follow().as_fd()));
        self.enforcer.iter().for_each(|source| add(source.socket().as_fd()));
        for (fd, writes) in control.sockets() {
            let flags = if writes { PollFlags::POLLIN | PollFlags::POLLOUT } else { PollFlags::POLLIN };
            fds.push(PollFd::new(fd, flags));
        }
        let _ = poll(&mut fds, PollTimeout::try_from(wait as i32).unwrap_or(PollTimeout::ZERO));
    }

    fn stop(&mut self) {
        let keep = self.engine.config().daemon.keep_on_stop;
        if let Some(enforcer) = self.enforcer.as_mut().filter(|_| !keep) {
            enforcer.open_all();
        }
    }

    fn complain_of_sources(&self, all: &mut Vec<Complaint>) {
        let config = self.engine.config();
        for (name, error) in &self.missing {
            let (kernel, what) = match *name {
                "flows" => ("kmod-nf-conntrack-netlink", "no flow can be seen"),
                "answers" => ("kmod-nfnetlink-log", "the resolver's answers cannot be tapped"),
                "openings" => ("kmod-nfnetlink-log", "the first packets of flows cannot be seen"),
                "nf_tables" => ("nftables-json", "nothing can be blocked"),
                "query log" => ("nothing", "the query log cannot be followed"),
                _ => ("ip-full", "devices cannot be told apart"),
            };
            let mend = format!("run leash as root or with CAP_NET_ADMIN, and install {kernel}");
            let complaint = if matches!(*name, "openings" | "query log" | "answers") { light } else { grave };
            all.push(complaint(format!("{what}: {error}"), mend));
        }
        if self.house.interfaces.len() < config.daemon.interfaces.len() {
            let names = config.daemon.interfaces.join(", ");
            all.push(grave(
                format!("not all LAN interfaces are there: {names}"),
                "set list interface in /etc/config/leash to those that `ip link` shows",
            ));
        }
        let tapped = self.answers.is_some() && self.enforcer.as_ref().is_some_and(|enforcer| enforcer.loaded);
        let logged = self.log.as_ref().is_some_and(|log| log.follow().is_there());
        if !tapped && !logged {
            all.push(grave(
                "no lookup can be seen: every contact stays unknown and nothing is found",
                "install kmod-nfnetlink-log, or set query_log and let dnsmasq write it (uci set dhcp.@dnsmasq[0].logqueries=1)",
            ));
        }
        if let Some(log) = &self.log {
            let counts = log.counts();
            let path = config.daemon.query_log.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            if !logged {
                all.push(light(
                    format!("the query log {path} is not there: dnsmasq writes none, or elsewhere"),
                    format!("uci set dhcp.@dnsmasq[0].logfacility={path}; uci commit dhcp; service dnsmasq restart"),
                ));
            } else if counts.lines >= 20 && counts.questions == 0 {
                all.push(light(
                    format!("the query log {path} has no questions in it"),
                    "uci set dhcp.@dnsmasq[0].logqueries=1; uci commit dhcp; service dnsmasq restart",
                ));
            }
            if counts.refused > 0 {
                all.push(light(
                    format!("{} lines of the query log may have been forged and were refused", counts.refused),
                    "use the tap: install kmod-nfnetlink-log",
                ));
            }
        }
        if let Some(flows) = &self.flows {
            let ((granted, wanted), counts) = (flows.receive_buffer(), flows.counts);
            if granted < wanted {
                all.push(light(
                    format!("the receive buffer is capped at {granted} bytes: flows may be missed in a storm"),
                    format!("sysctl -w net.core.rmem_max={wanted}"),
                ));
            }
            if counts.overflows > 0 {
                all.push(light(
                    format!("conntrack's events ran over {} times; leash looked again each time", counts.overflows),
                    "look for a device that opens very many flows: leash devices",
                ));
            }
        }
        if self.engine.counters_zeroed() > 0 {
            all.push(light(
                format!(
                    "another tool zeroes conntrack's counters ({} times seen): sizes are too small",
                    self.engine.counters_zeroed()
                ),
                "stop it, for example: service nlbwmon stop",
            ));
        }
    }

    fn complain_of_enforcement(&mut self, all: &mut Vec<Complaint>) {
        let Some(enforcer) = &mut self.enforcer else { return };
        if !enforcer.loaded {
            let says = enforcer.trouble.clone().unwrap_or("the table is not loaded yet".into());
            all.push(grave(
                format!("nothing is blocked: {says}"),
                "opkg install nftables-json kmod-nft-core (or apk add); then: leash reload",
            ));
        }
        if enforcer.offload {
            all.push(light(
                "flow offload is on: names in handshakes are not seen, all else works",
                "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service firewall restart",
            ));
        }
        if !self.engine.blocking() {
            all.push(light("blocking is switched off", "leash on"));
        }
    }
}

fn lose<T>(slot: &mut Option<T>, name: &str, error: &std::io::Error) {
    log::warn!("{name}: lost: {error}");
    *slot = None;
}

impl Host for Leash {
    fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn now(&self) -> Stamp {
        clock::now()
    }

    fn stopped(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)> {
        match self.enforcer.as_mut().filter(|enforcer| enforcer.loaded) {
            Some(enforcer) => enforcer.counters(pairs),
            None => vec![(0, 0); pairs.len()],
        }
    }

    fn health(&mut self) -> Value {
        let at = clock::now();
        let flows = self.flows.as_ref().map(|flows| {
            let counts = flows.counts;
            json!({ "events": counts.events, "overflows": counts.overflows, "dumps": counts.dumps })
        });
        let answers = self.answers.as_ref().map(|a| json!({ "packets": a.tap.packets, "overflows": a.tap.overflows }));
        let openings =
            self.openings.as_ref().map(|a| json!({ "packets": a.tap.packets, "overflows": a.tap.overflows }));
        let log = self.log.as_ref().map(|log| {
            let c = log.counts();
            json!({ "lines": c.lines, "questions": c.questions, "stray": c.stray, "refused": c.refused })
        });
        let table =
            self.enforcer.as_ref().map(|e| json!({ "loaded": e.loaded, "offload": e.offload, "restored": e.restored }));
        let seconds = at.now.since(self.started.now).0 / 1_000_000;
        let written = self.state.flash_bytes;
        let a_day = written.checked_mul(86_400).map_or(written, |bytes| bytes / seconds.max(86_400));
        let mut health = json!({ "seconds": seconds, "flash_bytes": written, "flash_bytes_a_day": a_day });
        for (name, value) in
            [("flows", flows), ("answers", answers), ("openings", openings), ("query_log", log), ("table", table)]
        {
            if let Some(value) = value {
                health[name] = value;
            }
        }
        health
    }

    fn doctor(&mut self, thorough: bool) -> Vec<Complaint> {
        let mut all = Vec::new();
        doctor::conntrack(&mut all);
        self.complain_of_sources(&mut all);
        self.complain_of_enforcement(&mut all);
        doctor::clock(clock::now(), &mut all);
        let lan = self.house.gateway();
        if thorough && lan.is_some_and(|address| !doctor::resolver_answers(address)) {
            all.push(light(
                "no resolver answers on the LAN: the devices ask somebody whom leash cannot see",
                "service dnsmasq restart; look at: logread -e dnsmasq",
            ));
        }
        if let Some(says) = &self.state.trouble {
            all.push(light(
                format!("what leash knows does not outlive a restart: {says}"),
                "make room with: df -h, or set option state to a path that can be written",
            ));
        }
        all.sort_by_key(|complaint| !complaint.grave);
        all
    }

    fn look(&mut self) {
        if let Some(flows) = &mut self.flows {
            flows.count_soon();
        }
    }

    fn reload(&mut self) -> Result<Value, String> {
        let config = read(&self.path)?;
        let (old, new) = (&self.engine.config().daemon, &config.daemon);
        if (&old.socket, &old.state) != (&new.socket, &new.state) {
            log::warn!("socket and state change with the next start only");
        }
        if old.query_log != new.query_log {
            self.log = None;
        }
        if let Some(neighbours) = &mut self.neighbours {
            neighbours.reread();
        }
        self.engine.configure(config, clock::now());
        (self.reshape, self.next_retry, self.leases_at) = (true, Time(0), None);
        Ok(json!({}))
    }
}
