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
use crate::time::{Span, Time};
use crate::wire::conntrack::{self, DumpFilter};
use crate::wire::netlink::{Message, Writer, messages};
use crate::wire::nft::{self, Change, Family, Operation, Pair};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long nft may take before it is ended.
const NFT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the loop waits for nft, which takes 10 ms, and some hundred on a busy router; after that it goes on without.
const NFT_PATIENCE: Duration = Duration::from_millis(300);
/// How long nft may take to remove a table when leash is stopped.
const NFT_AT_STOP: Duration = Duration::from_secs(2);
/// How often the kernel is asked whether it still has everything, and how soon after somebody else has deleted something.
const CHECK_EVERY: Span = Span::secs(10);
const CHECK_AFTER: Span = Span::secs(1);
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
    /// What nft is loading.
    loading: Option<Loading>,
    /// What failed last.
    pub problem: Option<Sentence>,
    /// The handles of the rules in the kernel.
    rules: Vec<u64>,
    /// When the kernel is asked next whether it still has all that leash gave it.
    next_check: Time,
    /// When it was asked last.
    checked_at: Time,
    /// How often somebody has removed the table, or something of it.
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
            loading: None,
            problem: None,
            rules: Vec::new(),
            next_check: Time(0),
            checked_at: Time(0),
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
        let (mut table_gone, mut deleted, mut flow_tables) = (false, false, false);
        let own = self.requests.port();
        let received = self.notifications.receive(4_096, |datagram| {
            for message in messages(datagram) {
                match nft::parse_change(&message) {
                    Some(Change::TableGone) => table_gone = true,
                    Some(Change::Deleted) => deleted |= message.port != own,
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
        if deleted || received.lost {
            self.next_check = self.next_check.min(self.checked_at + CHECK_AFTER);
        }
        Ok(())
    }

    /// Returns when [`Enforcer::check`] is due.
    pub fn next_check(&self) -> Option<Time> {
        (self.loaded && !self.is_loading()).then_some(self.next_check)
    }

    /// Asks the kernel whether it still has all that leash gave it. Returns true where it does not: then [`Enforcer::sync`]
    /// puts it right.
    pub fn check(&mut self, now: Time) -> bool {
        if self.next_check().is_none_or(|at| now < at) {
            return false;
        }
        (self.checked_at, self.next_check) = (now, now + CHECK_EVERY);
        if self.rules_in_kernel() != self.rules {
            log::warn!("somebody changed the rules of leash's table; it is made again");
            (self.loaded, self.restored) = (false, self.restored + 1);
            return true;
        }
        let mut held = Vec::new();
        for &family in self.families() {
            let blocked = self.pairs_in_kernel(family, ["null4", "null6"]);
            let admitted = self.pairs_in_kernel(family, ["admit4", "admit6"]);
            let mut local = BTreeSet::new();
            let take = |message: &Message| local.extend(nft::parse_devices(message));
            let _ = self.requests.ask(1, |w, sequence| nft::dump_elements(w, sequence, family, LOCAL), take);
            for pair in blocked.iter().filter(|pair| !self.elements.blocked.contains_key(*pair)).collect::<Vec<_>>() {
                let set = set_of(SetName::Null, pair.1);
                let result = self.transact_in(&[family], |w, sequence, family| {
                    nft::write_pairs(w, sequence, family, Operation::Delete, set, &[(*pair, None)])
                });
                self.report(result, |error| sentence!("the kernel did not change the sets: %s", error));
            }
            held.push((blocked, admitted, local));
        }
        // What is forgotten here is added again. A block whose end has come is no longer wanted then.
        let before = self.elements.len();
        self.elements.blocked.retain(|pair, _| held.iter().all(|(blocked, ..)| blocked.contains(pair)));
        self.elements.admitted.retain(|pair| held.iter().all(|(_, admitted, _)| admitted.contains(pair)));
        self.elements.local.retain(|mac| held.iter().all(|(.., local)| local.contains(mac)));
        self.elements.len() < before
    }

    fn pairs_in_kernel(&mut self, family: Family, sets: [&str; 2]) -> BTreeSet<Pair> {
        let mut pairs = BTreeSet::new();
        pairs.extend(self.dump(family, sets).into_iter().map(|(pair, _)| pair));
        pairs
    }

    /// Returns the elements of two sets with how long they stay. What cannot be listed is not there.
    fn dump(&mut self, family: Family, sets: [&str; 2]) -> Vec<(Pair, Option<Span>)> {
        let mut all = Vec::new();
        for set in sets {
            let take = |message: &Message| all.extend(nft::parse_elements(message));
            let _ = self.requests.ask(1, |w, sequence| nft::dump_elements(w, sequence, family, set), take);
        }
        all
    }

    fn rules_in_kernel(&mut self) -> Vec<u64> {
        let mut rules = Vec::new();
        for &family in self.families() {
            let take = |message: &Message| rules.extend(nft::parse_rule(message));
            let _ = self.requests.ask(1, |w, sequence| nft::dump_rules(w, sequence, family), take);
        }
        rules
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
        self.dump(Family::Inet, ["null4", "null6"])
    }

    /// Makes the kernel's table equal to these: loads the whole table when its shape changed or it is gone, else only what
    /// differs. Returns false where nft takes longer than 0.3 s: then this has to be called again.
    pub fn sync(&mut self, shape: &Rules, elements: Elements) -> bool {
        if self.is_loading() {
            return false;
        }
        if self.loaded && self.shape == *shape {
            self.sync_elements(elements);
            return true;
        }
        match Nft::start(&ruleset::render(shape, &elements)) {
            Ok(nft) => self.loading = Some(Loading { nft, family: Family::Inet, shape: shape.clone(), elements }),
            Err(problem) => self.fail(problem),
        }
        self.await_nft(NFT_PATIENCE);
        !self.is_loading()
    }

    /// Returns whether nft is at work.
    pub fn is_loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Waits for nft, and takes what it has done.
    pub fn await_nft(&mut self, patience: Duration) {
        let asked = Instant::now();
        while let Some(mut loading) = self.loading.take() {
            let Some(result) = loading.nft.result(patience.saturating_sub(asked.elapsed())) else {
                self.loading = Some(loading);
                return;
            };
            match (loading.family, result) {
                (Family::Inet, Ok(())) => {
                    (self.loaded, self.bridge, self.problem) = (true, false, None);
                    (self.shape, self.elements) = (loading.shape.clone(), loading.elements.clone());
                    // The kernel has no bridge family without kmod-nft-bridge, which few homes need.
                    let nft = Nft::start(&ruleset::render_bridge(&loading.shape, &loading.elements));
                    self.loading = nft.ok().map(|nft| Loading { nft, family: Family::Bridge, ..loading });
                }
                (Family::Inet, Err(problem)) => self.fail(problem),
                (Family::Bridge, result) => self.bridge = result.is_ok(),
            }
            if self.loaded && self.loading.is_none() {
                self.rules = self.rules_in_kernel();
            }
        }
    }

    fn fail(&mut self, problem: Sentence) {
        log::warn!("{problem}");
        (self.loaded, self.bridge, self.problem) = (false, false, Some(problem));
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
        self.loading = None;
        for family in ["inet", "bridge"] {
            let is_there = if family == "inet" { self.loaded } else { self.bridge };
            if is_there && let Ok(mut nft) = Nft::start(&ruleset::remove(family)) {
                let _ = nft.result(NFT_AT_STOP);
            }
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
        self.transact_in(self.families(), write)
    }

    fn transact_in(
        &mut self,
        families: &[Family],
        write: impl Fn(&mut Writer, u32, Family) -> usize,
    ) -> io::Result<()> {
        let mut orders = Writer::default();
        let sequence = self.requests.next_sequence();
        nft::begin_batch(&mut orders);
        let replies = families.iter().map(|family| write(&mut orders, sequence, *family)).sum();
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

/// A ruleset on its way into the kernel.
struct Loading {
    nft: Nft,
    family: Family,
    shape: Rules,
    elements: Elements,
}

/// A running nft, which loads a ruleset as one transaction. It reads from memory and writes into memory, so that neither
/// side waits for the other. It is ended when this is dropped.
struct Nft {
    child: Child,
    errors: File,
    began: Instant,
}

impl Nft {
    /// Starts nft. The error says why it cannot be started.
    fn start(text: &str) -> Result<Nft, Sentence> {
        let absent = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => sentence!("nft is not installed, and leash blocks nothing without it"),
            _ => sentence!("nft cannot be started: %s", error.to_string()),
        };
        let spawn = || {
            let memory = || io::Result::Ok(File::from(memfd_create("nft", MFdFlags::MFD_CLOEXEC)?));
            let (mut input, errors) = (memory()?, memory()?);
            input.write_all(text.as_bytes())?;
            input.rewind()?;
            let mut nft = Command::new("nft");
            nft.args(["-f", "-"]).stdin(input).stdout(Stdio::null()).stderr(errors.try_clone()?);
            Ok(Nft { child: nft.spawn()?, errors, began: Instant::now() })
        };
        spawn().map_err(absent)
    }

    /// Waits for nft for so long, and returns how it went; absent while it is at work. The error says why nft did not load
    /// the ruleset.
    fn result(&mut self, patience: Duration) -> Option<Result<(), Sentence>> {
        let asked = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if self.began.elapsed() >= NFT_TIMEOUT => {
                    return Some(Err(sentence!("nft did not end within 10 s")));
                }
                Ok(None) if asked.elapsed() >= patience => return None,
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => return Some(Err(sentence!("nft cannot be waited for: %s", error.to_string()))),
            }
        };
        if status.success() {
            return Some(Ok(()));
        }
        let mut errors = String::new();
        let _ = self.errors.rewind().and_then(|()| (&self.errors).take(4_096).read_to_string(&mut errors));
        Some(Err(match errors.lines().next() {
            Some(line) => sentence!("nft refused the ruleset: %s", line),
            None => sentence!("nft refused the ruleset and gave no reason"),
        }))
    }
}

impl Drop for Nft {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = (self.child.kill(), self.child.wait());
        }
    }
}
