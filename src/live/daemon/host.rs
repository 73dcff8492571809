//! What a running leash answers, and what it complains of.

use crate::api::{Complaint, Daemon};
use crate::engine::Engine;
use crate::live::clock;
use crate::live::daemon::{Leash, read};
use crate::live::doctor::{self, grave, light};
use crate::live::ubus;
use crate::time::{Span, Stamp, Time};
use crate::wire::nft::Pair;
use serde_json::{Value, json};

impl Leash {
    fn complaints_about_sources(&self, all: &mut Vec<Complaint>) {
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
        let logged = self.log.as_ref().is_some_and(|log| log.tail().is_there());
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

    fn complaints_about_enforcement(&mut self, all: &mut Vec<Complaint>) {
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
            all.push(light(
                "no resolver answers on the LAN: the devices ask somebody whom leash cannot see",
                "service dnsmasq restart; look at: logread -e dnsmasq",
            ));
        }
        if self.bus.refused {
            all.push(light(
                "ubus refuses leash: scripts and the page in LuCI cannot reach it",
                "killall -HUP ubusd (it then reads /usr/share/acl.d/leash.json, which allows it)",
            ));
        } else if self.bus.is_there() && !self.bus.published {
            all.push(light(
                "ubus does not answer: scripts and the page in LuCI cannot reach leash",
                "look whether ubusd runs: pgrep ubusd; leash finds it by itself",
            ));
        }
        // A moment is what uci and the init system need.
        let waits = clock::now().now.since(self.urged) > Span::secs(15);
        if waits && self.engine.has_orders() && self.path.starts_with("/etc/config") {
            all.push(light(
                "orders are not in the settings yet: they are in force, and in leash's state only",
                "leash keep (as root; the init script does it by itself when ubus and procd run)",
            ));
        }
        all.extend(self.reference.complaints().map(|(says, mend)| light(says, mend)));
        if let Some(says) = &self.state.trouble {
            all.push(light(
                format!("what leash knows does not outlive a restart: {says}"),
                "make room with: df -h, or set option state to a path that can be written",
            ));
        }
        let (mut all, light): (Vec<_>, Vec<_>) = all.into_iter().partition(|complaint| complaint.grave);
        all.extend(light);
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
