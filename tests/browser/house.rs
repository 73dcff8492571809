//! A house as it was when an event file ended, for the page's pictures: `house SETTINGS EVENTS VENDORS` reads a call a line from
//! standard input, `{"method", "arguments"}`, and answers it as the daemon would, `{"answer"}` or `{"refused"}`; `wait`
//! with `seconds` lets time pass.
//! What is blocked in it never happens, and is counted as stopped: each call of a destination one packet.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, missing_docs, reason = "tests may")]

use leash::api::{self, Complaint, Daemon};
use leash::config;
use leash::detect;
use leash::engine::past::Past;
use leash::engine::{Action, Engine};
use leash::event::{self, Event};
use leash::live::reference;
use leash::model::Mac;
use leash::reference::vendors;
use leash::time::{Clock, Stamp};
use leash::wire::nft::Pair;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::io::BufRead;
use std::net::IpAddr;

/// A TCP SYN, as long as they mostly are.
const SYN_BYTES: u64 = 60;

struct House {
    engine: Engine,
    clock: Clock,
    macs: HashMap<IpAddr, Mac>,
    blocked: HashSet<Pair>,
    stopped: HashMap<Pair, u64>,
}

impl House {
    fn happens(&mut self, line: &str) {
        let (event, stamp) = event::read(line, &mut self.clock).unwrap();
        match &event {
            Event::Neighbour { ip, mac } => drop(self.macs.insert(*ip, *mac)),
            Event::FlowOpened { tuple, .. }
            | Event::FlowCounted { tuple, .. }
            | Event::FlowClosed { tuple, .. }
            | Event::FirstPacket { tuple, .. }
            | Event::HandshakeDelay { tuple, .. } => {
                let pair = self.macs.get(&tuple.source).map(|mac| (*mac, tuple.destination));
                if let Some(pair) = pair.filter(|pair| self.blocked.contains(pair)) {
                    *self.stopped.entry(pair).or_default() += u64::from(matches!(event, Event::FlowOpened { .. }));
                    return;
                }
            }
            _ => {}
        }
        self.engine.handle(event, stamp);
        self.enforce();
    }

    fn enforce(&mut self) {
        for action in self.engine.drain() {
            match action {
                Action::Block { mac, address, .. } => drop(self.blocked.insert((mac, address))),
                Action::Unblock { mac, address } => drop(self.blocked.remove(&(mac, address))),
                _ => {}
            }
        }
    }
}

impl Daemon for House {
    fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }
    fn now(&self) -> Stamp {
        self.clock.stands()
    }
    fn block_counters(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)> {
        let of = |pair: &Pair| self.stopped.get(pair).map_or((0, 0), |n| (*n, n * SYN_BYTES));
        pairs.iter().map(of).collect()
    }
    fn past(&mut self, _: u32, _: u32) -> Past {
        let stopped: Vec<_> = self.stopped.iter().map(|(pair, n)| (*pair, (*n, n * SYN_BYTES))).collect();
        self.engine.count_stopped(stopped.into_iter());
        // There are no files: what would be in them still waits to be written.
        Past::default()
    }
    fn health(&mut self) -> Value {
        json!({})
    }
    fn doctor(&mut self, _: bool, _: bool) -> Vec<Complaint> {
        Vec::new()
    }
    fn count_soon(&mut self) {}
    fn reload(&mut self) -> Result<Value, String> {
        Ok(json!({}))
    }
}

fn main() {
    let files: Vec<Vec<u8>> = std::env::args().skip(1).map(|path| std::fs::read(path).unwrap()).collect();
    let text = |file: usize| std::str::from_utf8(&files[file]).unwrap();
    let (config, problems) = config::parse(text(0), &detect::NAMES);
    assert_eq!(problems, []);
    let mut house = House {
        engine: Engine::new(config),
        clock: Clock::default(),
        macs: HashMap::new(),
        blocked: HashSet::new(),
        stopped: HashMap::new(),
    };
    house.engine.enable_records();
    assert_eq!(reference::load_named(&mut house.engine, Stamp::default()), []);
    text(1).lines().filter(|line| !line.starts_with('#')).for_each(|line| house.happens(line));
    let macs = house.engine.macs();
    vendors::find(&files[2], &macs, &mut |mac, name| house.engine.set_vendor(mac, name)).unwrap();
    for line in std::io::stdin().lock().lines() {
        let call: Value = serde_json::from_str(&line.unwrap()).unwrap();
        // Time passes, in which nothing happens.
        if call["method"] == "wait" {
            let now = house.clock.stands().wall.as_secs_f64() + call["arguments"]["seconds"].as_f64().unwrap();
            house.happens(&format!("{now:.6} clock"));
            println!("{}", json!({ "answer": {} }));
            continue;
        }
        let answer = api::call(&mut house, call["method"].as_str().unwrap(), &call["arguments"], true);
        house.enforce();
        println!(
            "{}",
            match answer {
                Ok(answer) => json!({ "answer": answer }),
                Err(refusal) => json!({ "refused": refusal.text() }),
            }
        );
    }
}
