//! What the methods of the API work on, and what doctor complains of.

use crate::api::{self, Complaint, Severity};
use crate::config::HOOKS;
use crate::engine::Engine;
use crate::engine::past::Past;
use crate::live::clock;
use crate::live::daemon::{Daemon, read_settings};
use crate::live::doctor;
use crate::live::enforce::Enforcer;
use crate::live::notify;
use crate::live::router;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Stamp, Time};
use crate::wire::nft::Pair;
use serde_json::{Value, json};
use std::path::Path;

/// How often doctor may keep the loop waiting, for half a second.
const PATIENT_EVERY: Span = Span::secs(10);
/// The time that uci and the init system need at most to write an order into the settings.
const WRITE_TAKES: Span = Span::secs(15);

impl api::Daemon for Daemon {
    fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn now(&self) -> Stamp {
        clock::now()
    }

    fn block_counters(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)> {
        match self.enforcer.get_mut().filter(|enforcer| enforcer.loaded) {
            Some(enforcer) => enforcer.counters(pairs),
            None => vec![(0, 0); pairs.len()],
        }
    }

    fn past(&mut self, first: u32, last: u32) -> Past {
        self.count_stopped();
        let mut past = Past::default();
        self.state.read_past(first, last, &mut past);
        past
    }

    fn health(&mut self) -> Value {
        let lists = self.engine.lists();
        let refused: u32 = lists.all().iter().map(|source| source.refused + source.no_room).sum();
        let lists = json!({
            "lists": lists.all().len(), "entries": lists.len(), "bytes": lists.bytes(), "refused": refused
        });
        let networks = self.engine.networks().map(|networks| json!({ "ranges": networks.ranges() }));
        let seconds = clock::now().now.since(self.started).as_secs();
        let written = self.state.flash_bytes;
        let a_day = written.checked_mul(86_400).map_or(written, |bytes| bytes / seconds.max(86_400));
        let mut health = json!({ "seconds": seconds, "flash_bytes": written, "flash_bytes_a_day": a_day });
        for (name, counts) in self.sources.counts() {
            health[name] = counts;
        }
        let daemon = &self.engine.config().daemon;
        let mut left_out = doctor::left_out(self.sources.lan(), daemon);
        left_out.retain(|device| !router::is_tunnel(&daemon.house, device));
        health["lan"] = json!({ "interfaces": daemon.interfaces, "left_out": left_out });
        for (name, value) in [
            ("table", self.enforcer.get().map(Enforcer::counts)),
            ("ubus", self.bus.is_there().then(|| self.bus.json())),
            ("lists", Some(lists)),
            ("networks", networks),
        ] {
            if let Some(value) = value {
                health[name] = value;
            }
        }
        health
    }

    fn doctor(&mut self, thorough: bool, may_write: bool) -> Vec<Complaint> {
        let mut all = Vec::new();
        doctor::settings(&self.settings, &self.problems, self.engine.config().daemon.enabled, &mut all);
        let alerts = self.alerts.as_deref();
        let folder = alerts.unwrap_or(Path::new(HOOKS));
        notify::complain(folder, &self.engine.config().daemon.socket, alerts.is_some(), &mut all);
        doctor::conntrack(&mut all);
        let (daemon, lan) = (&self.engine.config().daemon, self.sources.lan());
        let bridge = self.enforcer.get().is_some_and(|enforcer| enforcer.bridge);
        doctor::standing(lan, daemon, bridge, &mut all);
        self.sources.complain(daemon, self.rules_loaded(), &mut all);
        doctor::resolvers(lan, bridge, &mut all);
        let resets = self.engine.counters_zeroed();
        if resets > 0 {
            all.push(Complaint::warning(
                sentence!(
                    "another program resets conntrack's counters (seen %s times), so sizes are too small",
                    resets
                ),
                sentence!("stop that program, for example with %s", "service nlbwmon stop"),
            ));
        }
        for (message, remedy, devices) in self.engine.coverage_complaints() {
            let message = match devices {
                1 => sentence!("not all lookups of a device are seen: %s", message),
                _ => sentence!("not all lookups of %s devices are seen: %s", devices, message),
            };
            all.push(Complaint::warning(message, remedy));
        }
        self.enforcer.complain(&mut all);
        if let Some(enforcer) = self.enforcer.get() {
            enforcer.complain(&mut all);
        }
        // The loop stands still meanwhile, so it waits seldom, however often somebody asks.
        let now = clock::now().now;
        let patience = thorough && (may_write || now >= self.patient_at);
        if patience {
            self.patient_at = now + PATIENT_EVERY;
        }
        if thorough {
            self.foreign.look(true, patience, daemon.mark, &daemon.interfaces, now);
        }
        self.foreign.complain(daemon.mark, lan, self.engine.faked_names(), &mut all);
        if !self.engine.blocking() {
            all.push(Complaint::warning(
                sentence!("blocking is switched off, so nothing is blocked"),
                Sentence::verbatim("leash on"),
            ));
        }
        doctor::clock(clock::now(), &mut all);
        doctor::jail(&mut all);
        let silent = |address| doctor::other_gateway(lan).is_none() && !doctor::resolver_answers(address);
        if patience {
            self.resolver_silent = lan.gateway().is_some_and(silent);
        }
        if thorough && self.resolver_silent {
            all.push(Complaint::warning(
                sentence!("no resolver answers on the LAN, so devices ask one that leash may not see"),
                sentence!("run %s, then look at %s", "service dnsmasq restart", "logread -e dnsmasq"),
            ));
        }
        if self.short_of_descriptors {
            all.push(Complaint::error(
                sentence!("there are too few file descriptors, so some who ask leash get no answer"),
                sentence!("let the service have at least %s of them (%s)", 256_u32, "limits nofile"),
            ));
        }
        self.bus.complain(&mut all);
        let waits = clock::now().now.since(self.last_order) > WRITE_TAKES;
        if waits && self.engine.has_orders() && self.settings.starts_with("/etc/config") {
            all.push(Complaint::warning(
                sentence!("some orders are in force but not in the settings yet: only leash's state file has them"),
                sentence!("run %s as root; the init script does so itself where ubus and procd run", "leash keep"),
            ));
        }
        all.extend(self.reference.complaints());
        self.state.complain(&mut all);
        let (mut all, warnings): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| c.severity == Severity::Error);
        all.extend(warnings);
        all
    }

    fn count_soon(&mut self) {
        self.sources.count_soon();
    }

    fn reload(&mut self) -> Result<Value, String> {
        let (config, problems) = read_settings(&self.settings)?;
        self.problems = problems;
        let (old, new) = (&self.engine.config().daemon, &config.daemon);
        if (&old.socket, &old.state, &old.ubus) != (&new.socket, &new.state, &new.ubus) {
            log::warn!("socket, state and ubus change with the next start only");
        }
        self.sources.reconfigure(new);
        self.engine.configure(config, clock::now());
        (self.sync_sets, self.next_refresh) = (true, Time(0));
        Ok(json!({}))
    }
}
