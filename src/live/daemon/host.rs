//! What a running leash answers, and what it complains of.

use crate::api::{Complaint, Daemon, Severity};
use crate::engine::Engine;
use crate::live::clock;
use crate::live::daemon::{Leash, read};
use crate::live::{doctor, ubus};
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Stamp, Time};
use crate::wire::nft::Pair;
use serde_json::{Value, json};

impl Leash {
    fn complaints_about_sources(&self, all: &mut Vec<Complaint>) {
        let config = self.engine.config();
        for (name, error) in &self.missing {
            let error = error.as_str();
            let (message, package) = match *name {
                "flows" => (
                    sentence!("no flow can be seen, since conntrack's events cannot be received: %s", error),
                    "kmod-nf-conntrack-netlink",
                ),
                "answers" => (
                    sentence!("DNS answers cannot be tapped, so lookups are known from the query log only: %s", error),
                    "kmod-nfnetlink-log",
                ),
                "openings" => (
                    sentence!(
                        "the first packets of flows cannot be tapped, so names in handshakes are missed: %s",
                        error
                    ),
                    "kmod-nfnetlink-log",
                ),
                "nf_tables" => {
                    (sentence!("nothing can be blocked, since nf_tables cannot be reached: %s", error), "nftables-json")
                }
                "query log" => {
                    (sentence!("the query log cannot be followed, so its lookups are missed: %s", error), "")
                }
                _ => {
                    (sentence!("devices cannot be told apart, since the neighbour table cannot be read: %s", error), "")
                }
            };
            let remedy = match package {
                "" => sentence!("run leash as root or with %s", "CAP_NET_ADMIN"),
                _ => sentence!("run leash as root or with %s, and install %s", "CAP_NET_ADMIN", package),
            };
            let warning = matches!(*name, "openings" | "query log" | "answers");
            all.push(if warning { Complaint::warning(message, remedy) } else { Complaint::error(message, remedy) });
        }
        if self.house.interfaces.len() < config.daemon.interfaces.len() {
            let names = config.daemon.interfaces.join(", ");
            all.push(Complaint::error(
                sentence!("not all LAN interfaces exist (%s), so devices behind a missing one are not seen", names),
                sentence!("set %s in %s to names that %s shows", "list interface", "/etc/config/leash", "ip link"),
            ));
        }
        let tapped = self.answers.is_some() && self.enforcer.as_ref().is_some_and(|enforcer| enforcer.loaded);
        let logged = self.log.as_ref().is_some_and(|log| log.tail().is_there());
        if !tapped && !logged {
            all.push(Complaint::error(
                sentence!("no DNS lookup can be seen, so every contact stays unknown and no detector finds anything"),
                sentence!(
                    "install %s, or set %s and let dnsmasq write that file: %s",
                    "kmod-nfnetlink-log",
                    "option query_log",
                    "uci set dhcp.@dnsmasq[0].logqueries=1"
                ),
            ));
        }
        if let Some(log) = &self.log {
            let counts = log.counts();
            let path = config.daemon.query_log.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
            let restart = "uci commit dhcp; service dnsmasq restart";
            if !logged {
                let command = format!("uci set dhcp.@dnsmasq[0].logfacility={path}; {restart}");
                all.push(Complaint::warning(
                    sentence!("the query log %s does not exist: dnsmasq writes none, or writes it elsewhere", path),
                    Sentence::verbatim(command),
                ));
            } else if counts.lines >= 20 && counts.questions == 0 {
                all.push(Complaint::warning(
                    sentence!("the query log %s contains no questions, so no lookup is known from it", path),
                    Sentence::verbatim(format!("uci set dhcp.@dnsmasq[0].logqueries=1; {restart}")),
                ));
            }
            if counts.refused > 0 {
                all.push(Complaint::warning(
                    sentence!("%s lines of the query log may be forged and were ignored", counts.refused),
                    sentence!("install %s, so that leash taps the answers instead", "kmod-nfnetlink-log"),
                ));
            }
        }
        if let Some(flows) = &self.flows {
            let ((granted, wanted), counts) = (flows.receive_buffer(), flows.counts);
            if granted < wanted {
                all.push(Complaint::warning(
                    sentence!(
                        "the kernel caps the receive buffer at %s bytes, so flows may be missed in a storm",
                        granted
                    ),
                    Sentence::verbatim(format!("sysctl -w net.core.rmem_max={wanted}")),
                ));
            }
            if counts.overflows > 0 {
                all.push(Complaint::warning(
                    sentence!(
                        "conntrack's event queue ran over %s times, so short flows may be missing",
                        counts.overflows
                    ),
                    sentence!("look for a device that opens very many flows: %s", "leash devices"),
                ));
            }
        }
        let zeroed = self.engine.counters_zeroed();
        if zeroed > 0 {
            all.push(Complaint::warning(
                sentence!(
                    "another program resets conntrack's counters (seen %s times), so sizes are too small",
                    zeroed
                ),
                sentence!("stop that program, for example with %s", "service nlbwmon stop"),
            ));
        }
    }

    fn complaints_about_enforcement(&self, all: &mut Vec<Complaint>) {
        let Some(enforcer) = &self.enforcer else { return };
        if !enforcer.loaded {
            let cause = enforcer.trouble.clone().unwrap_or(sentence!("the table is not loaded yet"));
            all.push(Complaint::error(
                sentence!("nothing is blocked: %s", cause),
                sentence!("install %s and %s, then run %s", "nftables-json", "kmod-nft-core", "leash reload"),
            ));
        }
        if enforcer.offload {
            all.push(Complaint::warning(
                sentence!("flow offload is on, so names in handshakes are not seen; everything else works"),
                Sentence::verbatim(
                    "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service firewall restart",
                ),
            ));
        }
        if !self.engine.blocking() {
            all.push(Complaint::warning(
                sentence!("blocking is switched off, so nothing is blocked"),
                Sentence::verbatim("leash on"),
            ));
        }
    }
}

impl Daemon for Leash {
    fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    fn now(&self) -> Stamp {
        clock::now()
    }

    fn block_counters(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)> {
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
        let lists = self.engine.lists();
        let refused: u32 = lists.sources().iter().map(|source| source.refused + source.no_room).sum();
        let lists = json!({
            "lists": lists.sources().len(), "entries": lists.len(), "bytes": lists.bytes(), "refused": refused
        });
        let ubus::Counts { published, calls, events, dropped, losses, .. } = self.bus;
        let bus = json!({
            "published": published, "calls": calls, "events": events, "dropped": dropped, "losses": losses
        });
        let networks = self.engine.networks().map(|networks| json!({ "ranges": networks.len() }));
        let seconds = at.now.since(self.started.now).as_secs();
        let written = self.state.flash_bytes;
        let a_day = written.checked_mul(86_400).map_or(written, |bytes| bytes / seconds.max(86_400));
        let mut health = json!({ "seconds": seconds, "flash_bytes": written, "flash_bytes_a_day": a_day });
        for (name, value) in [
            ("flows", flows),
            ("answers", answers),
            ("openings", openings),
            ("query_log", log),
            ("table", table),
            ("ubus", self.bus.is_there().then_some(bus)),
            ("lists", Some(lists)),
            ("networks", networks),
        ] {
            if let Some(value) = value {
                health[name] = value;
            }
        }
        health
    }

    fn doctor(&mut self, thorough: bool) -> Vec<Complaint> {
        let mut all = Vec::new();
        doctor::conntrack(&mut all);
        self.complaints_about_sources(&mut all);
        self.complaints_about_enforcement(&mut all);
        doctor::clock(clock::now(), &mut all);
        doctor::jail(&mut all);
        let lan = self.house.gateway();
        if thorough && lan.is_some_and(|address| !doctor::resolver_answers(address)) {
            all.push(Complaint::warning(
                sentence!("no resolver answers on the LAN, so devices ask one that leash may not see"),
                sentence!("run %s, then look at %s", "service dnsmasq restart", "logread -e dnsmasq"),
            ));
        }
        if self.bus.refused {
            let allows = "/usr/share/acl.d/leash.json";
            all.push(Complaint::warning(
                sentence!("ubus refuses leash, so scripts and the LuCI page cannot reach it"),
                sentence!("run %s: ubusd then reads %s, which allows leash", "killall -HUP ubusd", allows),
            ));
        } else if self.bus.is_there() && !self.bus.published {
            all.push(Complaint::warning(
                sentence!("ubus does not answer, so scripts and the LuCI page cannot reach leash"),
                sentence!("check with %s that ubusd runs; leash then finds it by itself", "pgrep ubusd"),
            ));
        }
        // A moment is what uci and the init system need.
        let waits = clock::now().now.since(self.urged) > Span::secs(15);
        if waits && self.engine.has_orders() && self.path.starts_with("/etc/config") {
            all.push(Complaint::warning(
                sentence!("some orders are in force but not in the settings yet: only leash's state file has them"),
                sentence!("run %s as root; the init script does so itself where ubus and procd run", "leash keep"),
            ));
        }
        all.extend(self.reference.complaints());
        if let Some(trouble) = &self.state.trouble {
            all.push(Complaint::warning(
                sentence!("leash will forget what it has learnt at the next restart: %s", trouble.clone()),
                sentence!("make room (%s), or set %s to a path that can be written", "df -h", "option state"),
            ));
        }
        let (mut all, warnings): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| c.severity == Severity::Error);
        all.extend(warnings);
        all
    }

    fn count_soon(&mut self) {
        if let Some(flows) = &mut self.flows {
            flows.count_soon();
        }
    }

    fn reload(&mut self) -> Result<Value, String> {
        let config = read(&self.path)?;
        let (old, new) = (&self.engine.config().daemon, &config.daemon);
        if (&old.socket, &old.state, &old.ubus) != (&new.socket, &new.state, &new.ubus) {
            log::warn!("socket, state and ubus change with the next start only");
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
