//! Makes the kernel equal to what the engine wants: the table, the elements of its sets, and the flows that go on.
//!
//! A running flow is stopped in both directions, and in this order: first the element, so that nothing new passes; then
//! the flow itself, by our bit of its mark (it resumes when the bit is cleared) or, where a flow table takes packets past
//! the rules, by deleting its entry (else it would be offloaded again at once).

use crate::api::{Complaint, Severity};
use crate::engine::policy::is_time;
use crate::live::netlink::{NETFILTER, Socket};
use crate::live::slot::{Need, rights_and_package};
use crate::model::Tuple;
use crate::ruleset::{self, Elements, LOCAL, Rules, SetName, set_of};
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::Span;
use crate::wire::conntrack::{self, DumpFilter};
use crate::wire::netlink::{Message, Writer, messages};
use crate::wire::nft::{self, Change, Family, Operation, Pair};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long nft may take. It takes 10 ms; on a busy router some hundred.
const NFT_TIMEOUT: Duration = Duration::from_secs(10);
/// The kernel's error for an object that does not exist.
const ENOENT: i32 = 2;
/// Requests that are sent at once, so that their replies fit the receive buffer.
const BATCH: usize = 256;
/// The receive buffers in bytes.
const RECEIVE_BUFFER: usize = 1 << 20;

/// What is said while nf_tables is out of reach.
pub static NEED: Need = Need {
    name: "nf_tables",
    severity: Severity::Error,
    missing: |error| sentence!("nothing can be blocked, since nf_tables cannot be reached: %s", error),
    remedy: || rights_and_package("nftables-json"),
};

/// The kernel's side of the blocks.
pub struct Enforcer {
    /// For our requests.
    requests: Socket,
    /// For the kernel's notifications of changes to the ruleset.
    notifications: Socket,
    /// What the rules in the kernel were made of.
    shape: Rules,
    /// The elements of the sets in the kernel.
    elements: Elements,
    /// leash's table is in the kernel, as far as is known.
    pub loaded: bool,
    /// leash's second table, of the bridge family, is in the kernel, too.
    pub bridge: bool,
    /// There are flow tables, which take packets past the rules.
    offload: bool,
    /// What failed last.
    pub problem: Option<Sentence>,
    /// How often somebody has removed the table.
    restored: u32,
}

impl Enforcer {
    /// Opens the sockets. Changes nothing in the kernel.
    pub fn open() -> io::Result<Enforcer> {
        let mut requests = Socket::open(NETFILTER, &[], 32_768)?;
        requests.set_receive_buffer(RECEIVE_BUFFER);
        let mut notifications = Socket::open(NETFILTER, &[nft::GROUP], 8_192)?;
        notifications.set_receive_buffer(RECEIVE_BUFFER);
        let mut enforcer = Enforcer {
            requests,
            notifications,
            shape: Rules::default(),
            elements: Elements::default(),
            loaded: false,
            bridge: false,
            offload: false,
            problem: None,
            restored: 0,
        };
        enforcer.detect_offload();
        Ok(enforcer)
    }

    /// Returns the socket that becomes readable when somebody changes the ruleset.
    pub fn socket(&self) -> &Socket {
        &self.notifications
    }

    /// Reads what others have done to the ruleset.
    pub fn read_changes(&mut self) -> io::Result<()> {
        let (mut table_gone, mut flow_tables) = (false, false);
        let received = self.notifications.receive(4_096, |datagram| {
            for message in messages(datagram) {
                match nft::parse_change(&message) {
                    Some(Change::TableGone) => table_gone = true,
                    Some(Change::FlowTables) => flow_tables = true,
                    None => {}
                }
            }
        })?;
        // leash's own reload removes the old table, too, so the kernel is asked.
        if (table_gone || received.lost) && self.loaded && !self.has_table() {
            self.loaded = false;
            self.restored += 1;
        }
        if flow_tables || received.lost {
            self.detect_offload();
        }
        Ok(())
    }

    /// Asks the kernel whether it has leash's tables.
    fn has_table(&mut self) -> bool {
        self.families()
            .iter()
            .all(|&family| self.requests.ask(1, |w, sequence| nft::get_table(w, sequence, family), |_| {}).is_ok())
    }

    /// Returns the families of the tables that are loaded.
    fn families(&self) -> &'static [Family] {
        if self.bridge { &[Family::Inet, Family::Bridge] } else { &[Family::Inet] }
    }

    fn detect_offload(&mut self) {
        let mut found = false;
        let _ = self.requests.ask(1, nft::dump_flowtables, |message| found |= nft::is_flowtable(message));
        self.offload = found;
    }

    /// Returns the blocks that the kernel holds already, left by an earlier run, and for how long it still does.
    pub fn blocks_in_kernel(&mut self) -> Vec<(Pair, Option<Span>)> {
        let mut all = Vec::new();
        for set in ["null4", "null6"] {
            let _ = self.requests.ask(
                1,
                |w, sequence| nft::dump_elements(w, sequence, set),
                |message| all.extend(nft::parse_elements(message)),
            );
        }
        all
    }

    /// Makes the kernel's table equal to these: loads the whole table when its shape changed or it is gone, else only what
    /// differs.
    pub fn sync(&mut self, shape: &Rules, elements: Elements) {
        if self.loaded && self.shape == *shape {
            self.sync_elements(elements);
        } else {
            self.problem = load(&ruleset::render(shape, &elements)).err();
            self.loaded = self.problem.is_none();
            // The kernel has no bridge family without kmod-nft-bridge, which few homes need.
            self.bridge = self.loaded && load(&ruleset::render_bridge(shape, &elements)).is_ok();
            match &self.problem {
                None => (self.shape, self.elements) = (shape.clone(), elements),
                Some(problem) => log::warn!("{problem}"),
            }
        }
    }

    fn sync_elements(&mut self, elements: Elements) {
        let gone: Vec<Pair> =
            self.elements.blocked.keys().filter(|p| !elements.blocked.contains_key(*p)).copied().collect();
        for pair in gone {
            self.unblock(pair);
        }
        let new = elements.blocked.iter().filter(|(pair, _)| !self.elements.blocked.contains_key(*pair));
        let new: Vec<(Pair, Option<Span>)> = new.map(|(pair, left)| (*pair, *left)).collect();
        self.add(SetName::Null, &new);
        self.elements.blocked.extend(new);
        let pairs = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| (pair, None)).collect::<Vec<_>>();
        let gone = pairs(self.elements.admitted.difference(&elements.admitted).copied().collect());
        let new = pairs(elements.admitted.difference(&self.elements.admitted).copied().collect());
        gone.iter().for_each(|pair| self.remove(SetName::Admit, pair.0));
        self.add(SetName::Admit, &new);
        for (order, macs) in [
            (Operation::Delete, self.elements.local.difference(&elements.local).copied().collect::<Vec<_>>()),
            (Operation::Add, elements.local.difference(&self.elements.local).copied().collect()),
        ] {
            if !macs.is_empty() {
                self.batch(|w, sequence, family| {
                    nft::write_devices(w, sequence, family, order, LOCAL, &macs);
                    1
                });
            }
        }
        (self.elements.admitted, self.elements.local) = (elements.admitted, elements.local);
    }

    /// Null-routes an address for a device until `lasts` is over, and cuts the flows between them.
    pub fn block(&mut self, pair: Pair, lasts: Option<Span>, flows: &[Tuple]) {
        if !self.loaded {
            return;
        }
        if self.elements.blocked.insert(pair, lasts).is_none() || !self.refresh(pair, lasts) {
            self.add(SetName::Null, &[(pair, lasts)]);
        }
        self.cut(flows);
    }

    /// Gives an element a new end. Adding an element that exists does not move its end, so it is deleted and added in one
    /// transaction. Returns false where the element did not exist.
    fn refresh(&mut self, pair: Pair, lasts: Option<Span>) -> bool {
        let set = set_of(SetName::Null, pair.1);
        let result = self.transact(|w, sequence, family| {
            [Operation::Delete, Operation::Add]
                .iter()
                .map(|order| nft::write_pairs(w, sequence, family, *order, set, &[(pair, lasts)]))
                .sum()
        });
        let existed = result.as_ref().err().and_then(io::Error::raw_os_error) != Some(ENOENT);
        self.report(result, |error| sentence!("the kernel did not change the sets: %s", error));
        existed
    }

    /// Stops flows that are under way, in both directions.
    pub fn cut(&mut self, flows: &[Tuple]) {
        let (mark, offload) = (self.shape.mark, self.offload);
        // NTP always passes.
        let flows: Vec<&Tuple> =
            flows.iter().filter(|tuple| !is_time(tuple.protocol, tuple.destination_port)).collect();
        for some in flows.chunks(BATCH) {
            let write = |writer: &mut Writer, sequence| {
                for tuple in some {
                    if offload {
                        conntrack::delete(writer, sequence, tuple);
                    } else {
                        conntrack::set_mark(writer, sequence, tuple, mark, mark);
                    }
                }
            };
            let result = self.requests.ask(some.len(), write, |_| {});
            self.report(result, |error| sentence!("the kernel did not cut a flow: %s", error));
        }
    }

    /// Lifts a block. The flows that it has stopped wait for [`Enforcer::release`].
    pub fn unblock(&mut self, pair: Pair) {
        if self.loaded && self.elements.blocked.remove(&pair).is_some() {
            self.remove(SetName::Null, pair);
        }
    }

    /// Lets stopped flows go on that are `free`.
    pub fn release(&mut self, free: impl Fn(&Tuple) -> bool) {
        let mark = self.shape.mark;
        let mut marked = Vec::new();
        let take = |message: &Message| {
            let entry = conntrack::parse(message).filter(|entry| entry.mark & mark != 0);
            marked.extend(entry.map(|entry| entry.tuple).filter(&free));
        };
        let result = self.requests.ask(1, |w, sequence| conntrack::dump(w, sequence, DumpFilter::Marked(mark)), take);
        self.report(result, |error| sentence!("the kernel did not list the stopped flows: %s", error));
        for some in marked.chunks(BATCH) {
            let write = |writer: &mut Writer, sequence| {
                some.iter().for_each(|tuple| conntrack::set_mark(writer, sequence, tuple, 0, mark));
            };
            let result = self.requests.ask(some.len(), write, |_| {});
            self.report(result, |error| sentence!("the kernel did not resume a flow: %s", error));
        }
    }

    /// Returns the packets and bytes that each block has stopped, in the order of `pairs`.
    pub fn counters(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)> {
        let mut all = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let mut found = (0, 0);
            let set = set_of(SetName::Null, pair.1);
            for &family in self.families() {
                let take = |message: &Message| {
                    let (packets, bytes) = nft::parse_counter(message).unwrap_or_default();
                    found = (found.0 + packets, found.1 + bytes);
                };
                let _ = self.requests.ask(1, |w, sequence| nft::get_element(w, sequence, family, set, *pair), take);
            }
            all.push(found);
        }
        all
    }

    /// Removes the table and lets all flows go on, when the daemon ends.
    pub fn open_all(&mut self) {
        if self.loaded {
            self.problem = load(&ruleset::remove("inet")).err();
        }
        if self.bridge {
            let _ = load(&ruleset::remove("bridge"));
        }
        (self.loaded, self.bridge) = (false, false);
        self.release(|_| true);
    }

    /// Returns the numbers for the `health` of `status`.
    pub fn counts(&self) -> Value {
        json!({ "loaded": self.loaded, "bridge": self.bridge, "offload": self.offload, "restored": self.restored })
    }

    /// Complains about a table that is not loaded, and about flow offload.
    pub fn complain(&self, all: &mut Vec<Complaint>) {
        if !self.loaded {
            let cause = self.problem.clone().unwrap_or(sentence!("the table is not loaded yet"));
            all.push(Complaint::error(
                sentence!("nothing is blocked: %s", cause),
                sentence!("install %s and %s, then run %s", "nftables-json", "kmod-nft-core", "leash reload"),
            ));
        }
        if self.offload {
            all.push(Complaint::warning(
                sentence!("flow offload is on, so names in handshakes are not seen; everything else works"),
                Sentence::verbatim(
                    "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service firewall restart",
                ),
            ));
        }
    }

    fn add(&mut self, name: SetName, pairs: &[(Pair, Option<Span>)]) {
        for v4 in [true, false] {
            let family = pairs.iter().filter(|((_, ip), _)| ip.is_ipv4() == v4);
            let family: Vec<(Pair, Option<Span>)> = family.copied().collect();
            let Some(((_, ip), _)) = family.first() else { continue };
            let set = set_of(name, *ip);
            self.batch(|w, sequence, table| nft::write_pairs(w, sequence, table, Operation::Add, set, &family));
        }
    }

    fn remove(&mut self, name: SetName, pair: Pair) {
        let set = set_of(name, pair.1);
        self.batch(|w, sequence, family| {
            nft::write_pairs(w, sequence, family, Operation::Delete, set, &[(pair, None)])
        });
    }

    fn batch(&mut self, write: impl Fn(&mut Writer, u32, Family) -> usize) {
        let result = self.transact(write);
        self.report(result, |error| sentence!("the kernel did not change the sets: %s", error));
    }

    /// Sends orders as one transaction to all tables; `write` returns how many messages they are for one.
    fn transact(&mut self, write: impl Fn(&mut Writer, u32, Family) -> usize) -> io::Result<()> {
        let mut orders = Writer::default();
        let sequence = self.requests.next_sequence();
        nft::begin_batch(&mut orders);
        let replies = self.families().iter().map(|family| write(&mut orders, sequence, *family)).sum();
        nft::end_batch(&mut orders);
        self.requests.await_replies(&orders, sequence, replies)
    }

    fn report(&mut self, result: io::Result<()>, message: fn(String) -> Sentence) {
        match result {
            Ok(()) => {}
            // The element or the flow ended by itself in the meantime.
            Err(error) if error.raw_os_error() == Some(ENOENT) => {}
            Err(error) => {
                let message = message(error.to_string());
                log::warn!("{message}");
                self.problem = Some(message);
                self.loaded = self.loaded && self.has_table();
            }
        }
    }
}

/// Returns whether the flow is between the two of one of these pairs; `owner` returns the station that has an address.
pub fn is_between(tuple: &Tuple, pairs: &BTreeSet<Pair>, owner: impl Fn(IpAddr) -> Option<crate::model::Mac>) -> bool {
    let one = |inside, outside| owner(inside).is_some_and(|mac| pairs.contains(&(mac, outside)));
    one(tuple.source, tuple.destination) || one(tuple.destination, tuple.source)
}

/// Loads a ruleset as one transaction. The error says why nft did not.
fn load(text: &str) -> Result<(), Sentence> {
    let absent = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => sentence!("nft is not installed, and leash blocks nothing without it"),
        _ => sentence!("nft cannot be started: %s", error.to_string()),
    };
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = nft.spawn().map_err(absent)?;
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    if !ends_in_time(&mut child) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(sentence!("nft did not end within 10 s"));
    }
    let status = child.wait().map_err(|error| sentence!("nft cannot be waited for: %s", error.to_string()))?;
    if status.success() && written.is_some_and(|result| result.is_ok()) {
        return Ok(());
    }
    let mut stderr = String::new();
    let _ = child.stderr.take().map(|pipe| pipe.take(4_096).read_to_string(&mut stderr));
    Err(match stderr.lines().next() {
        Some(line) => sentence!("nft refused the ruleset: %s", line),
        None => sentence!("nft refused the ruleset and gave no reason"),
    })
}

/// Returns false where the child has not ended within [`NFT_TIMEOUT`].
fn ends_in_time(child: &mut Child) -> bool {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if started.elapsed() < NFT_TIMEOUT => std::thread::sleep(Duration::from_millis(1)),
            Ok(None) => return false,
            _ => return true,
        }
    }
}
