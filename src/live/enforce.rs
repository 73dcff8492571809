//! Makes the kernel equal to what the engine wants: the table, the elements of its sets, and the flows that go on.
//!
//! A running flow is stopped in both directions, and in this order: first the element, so that nothing new passes; then
//! the flow itself, by our bit of its mark (it resumes when the bit goes) or, where a flow table takes packets past the
//! rules, by taking its entry away (else it would be offloaded again at once).

use crate::api::Severity;
use crate::engine::policy::is_time;
use crate::live::netlink::{NETFILTER, Socket};
use crate::live::slot::{Need, rights_and};
use crate::model::Tuple;
use crate::ruleset::{self, Elements, LOCAL, SetName, Shape, set_of};
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::Span;
use crate::wire::conntrack::{self, DumpFilter};
use crate::wire::netlink::{Message, Writer, messages};
use crate::wire::nft::{self, Change, Operation, Pair, TABLE};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// nft takes 10 ms; on a busy router some hundred.
const NFT_TAKES: Duration = Duration::from_secs(10);
/// An order whose object is not there (`ENOENT`).
const ABSENT: i32 = 2;
/// Requests that are sent at once, so that the answers fit the receive buffer.
const AT_ONCE: usize = 256;

/// What is said while nf_tables is out of reach.
pub static NEED: Need = Need {
    name: "nf_tables",
    severity: Severity::Error,
    missing: |error| sentence!("nothing can be blocked, since nf_tables cannot be reached: %s", error),
    remedy: || rights_and("nftables-json"),
};

/// The kernel's side of the blocks.
pub struct Enforcer {
    orders: Socket,
    changes: Socket,
    shape: Shape,
    held: Elements,
    /// The table is there, as far as we know.
    pub loaded: bool,
    /// Flow tables are there.
    pub offload: bool,
    /// What failed last.
    pub trouble: Option<Sentence>,
    /// How often the table had to be restored.
    pub restored: u32,
}

impl Enforcer {
    /// Opens the sockets. Nothing is changed yet.
    pub fn open() -> io::Result<Enforcer> {
        let mut orders = Socket::open(NETFILTER, &[], 32_768)?;
        orders.set_receive_buffer(1 << 20);
        let mut changes = Socket::open(NETFILTER, &[nft::GROUP], 8_192)?;
        changes.set_receive_buffer(1 << 20);
        let mut enforcer = Enforcer {
            orders,
            changes,
            shape: Shape::default(),
            held: Elements::default(),
            loaded: false,
            offload: false,
            trouble: None,
            restored: 0,
        };
        enforcer.look_for_offload();
        Ok(enforcer)
    }

    /// The socket that tells of changes to the ruleset.
    pub fn socket(&self) -> &Socket {
        &self.changes
    }

    /// Reads what others did to the ruleset.
    pub fn watch(&mut self) -> io::Result<()> {
        let (mut gone, mut tables) = (false, false);
        let received = self.changes.receive(4_096, |datagram| {
            for message in messages(datagram) {
                match nft::parse_change(&message) {
                    Some(Change::TableGone) => gone = true,
                    Some(Change::FlowTables) => tables = true,
                    None => {}
                }
            }
        })?;
        // Our own reload takes the old table away too, so the kernel is asked.
        if (gone || received.lost) && self.loaded && !self.has_table() {
            self.loaded = false;
            self.restored += 1;
        }
        if tables || received.lost {
            self.look_for_offload();
        }
        Ok(())
    }

    /// The kernel has our table.
    pub fn has_table(&mut self) -> bool {
        self.orders.ask(1, nft::get_table, |_| {}).is_ok()
    }

    fn look_for_offload(&mut self) {
        let mut found = false;
        let _ = self.orders.ask(1, nft::dump_flowtables, |message| found |= nft::is_flowtable(message));
        self.offload = found;
    }

    /// Returns the blocks that the kernel holds already, left by an earlier run, and for how long it still does.
    pub fn blocks_in_kernel(&mut self) -> Vec<(Pair, Option<Span>)> {
        let mut all = Vec::new();
        for set in ["null4", "null6"] {
            let _ = self.orders.ask(
                1,
                |w, sequence| nft::dump_elements(w, sequence, set),
                |message| all.extend(nft::parse_elements(message)),
            );
        }
        all
    }

    /// Makes the kernel equal to these: the whole table when its shape changed or it is gone, else what differs.
    pub fn sync(&mut self, shape: &Shape, elements: Elements) {
        if self.loaded && self.shape == *shape {
            self.adjust(elements);
        } else {
            self.trouble = load(&ruleset::render(shape, &elements)).err();
            self.loaded = self.trouble.is_none();
            if self.loaded {
                (self.shape, self.held) = (shape.clone(), elements);
            }
        }
    }

    fn adjust(&mut self, elements: Elements) {
        let gone: Vec<Pair> =
            self.held.blocked.keys().filter(|p| !elements.blocked.contains_key(*p)).copied().collect();
        for pair in gone {
            self.unblock(pair);
        }
        let new = elements.blocked.iter().filter(|(pair, _)| !self.held.blocked.contains_key(*pair));
        let new: Vec<(Pair, Option<Span>)> = new.map(|(pair, left)| (*pair, *left)).collect();
        self.add(SetName::Null, &new);
        self.held.blocked.extend(new);
        let pairs = |pairs: Vec<Pair>| pairs.into_iter().map(|pair| (pair, None)).collect::<Vec<_>>();
        let gone = pairs(self.held.admitted.difference(&elements.admitted).copied().collect());
        let new = pairs(elements.admitted.difference(&self.held.admitted).copied().collect());
        gone.iter().for_each(|pair| self.take_out(SetName::Admit, pair.0));
        self.add(SetName::Admit, &new);
        for (order, macs) in [
            (Operation::Delete, self.held.local.difference(&elements.local).copied().collect::<Vec<_>>()),
            (Operation::Add, elements.local.difference(&self.held.local).copied().collect()),
        ] {
            if !macs.is_empty() {
                self.batch(|w, sequence| {
                    nft::write_devices(w, sequence, order, LOCAL, &macs);
                    1
                });
            }
        }
        (self.held.admitted, self.held.local) = (elements.admitted, elements.local);
    }

    /// Null-routes an address for a device, and cuts the flows between them.
    pub fn block(&mut self, pair: Pair, lasts: Option<Span>, flows: &[Tuple]) {
        if !self.loaded {
            return;
        }
        if self.held.blocked.insert(pair, lasts).is_none() || !self.refresh(pair, lasts) {
            self.add(SetName::Null, &[(pair, lasts)]);
        }
        self.cut(flows);
    }

    /// Adding an element that is there does not move its end: out and in again, in one transaction. False when it was not
    /// there.
    fn refresh(&mut self, pair: Pair, lasts: Option<Span>) -> bool {
        let set = set_of(SetName::Null, pair.1);
        let result = self.transact(|w, sequence| {
            [Operation::Delete, Operation::Add]
                .iter()
                .map(|order| nft::write_pairs(w, sequence, *order, set, &[(pair, lasts)]))
                .sum()
        });
        let there = result.as_ref().err().and_then(io::Error::raw_os_error) != Some(ABSENT);
        self.report(result, |error| sentence!("the kernel did not change the sets: %s", error));
        there
    }

    /// Stops flows that are under way, in both directions.
    pub fn cut(&mut self, flows: &[Tuple]) {
        let (mark, offload) = (self.shape.mark, self.offload);
        // Time always passes.
        let flows: Vec<&Tuple> =
            flows.iter().filter(|tuple| !is_time(tuple.protocol, tuple.destination_port)).collect();
        for some in flows.chunks(AT_ONCE) {
            let write = |writer: &mut Writer, sequence| {
                for tuple in some {
                    if offload {
                        conntrack::delete(writer, sequence, tuple);
                    } else {
                        conntrack::set_mark(writer, sequence, tuple, mark, mark);
                    }
                }
            };
            let result = self.orders.ask(some.len(), write, |_| {});
            self.report(result, |error| sentence!("the kernel did not cut a flow: %s", error));
        }
    }

    /// Lifts a block. The flows that it stopped wait for [`Enforcer::release`].
    pub fn unblock(&mut self, pair: Pair) {
        if self.loaded && self.held.blocked.remove(&pair).is_some() {
            self.take_out(SetName::Null, pair);
        }
    }

    /// Flows that carry our mark go on, where `free` says so.
    pub fn release(&mut self, free: impl Fn(&Tuple) -> bool) {
        let mark = self.shape.mark;
        let mut marked = Vec::new();
        let take = |message: &Message| {
            let entry = conntrack::parse(message).filter(|entry| entry.mark & mark != 0);
            marked.extend(entry.map(|entry| entry.tuple).filter(&free));
        };
        let result = self.orders.ask(1, |w, sequence| conntrack::dump(w, sequence, DumpFilter::Marked(mark)), take);
        self.report(result, |error| sentence!("the kernel did not look for the flows that are stopped: %s", error));
        for some in marked.chunks(AT_ONCE) {
            let write = |writer: &mut Writer, sequence| {
                some.iter().for_each(|tuple| conntrack::set_mark(writer, sequence, tuple, 0, mark));
            };
            let result = self.orders.ask(some.len(), write, |_| {});
            self.report(result, |error| sentence!("the kernel did not let a flow go on: %s", error));
        }
    }

    /// Packets and bytes that each block has stopped, in the order of `pairs`.
    pub fn counters(&mut self, pairs: &[Pair]) -> Vec<(u64, u64)> {
        let mut all = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let mut found = (0, 0);
            let set = set_of(SetName::Null, pair.1);
            let take = |message: &Message| found = nft::parse_counter(message).unwrap_or(found);
            let _ = self.orders.ask(1, |w, sequence| nft::get_element(w, sequence, set, *pair), take);
            all.push(found);
        }
        all
    }

    /// The daemon ends: everything is open again.
    pub fn open_all(&mut self) {
        if self.loaded {
            self.trouble = load(&format!("table inet {TABLE}\ndelete table inet {TABLE}\n")).err();
        }
        self.loaded = false;
        self.release(|_| true);
    }

    fn add(&mut self, name: SetName, pairs: &[(Pair, Option<Span>)]) {
        for v4 in [true, false] {
            let family = pairs.iter().filter(|((_, ip), _)| ip.is_ipv4() == v4);
            let family: Vec<(Pair, Option<Span>)> = family.copied().collect();
            let Some(((_, ip), _)) = family.first() else { continue };
            let set = set_of(name, *ip);
            self.batch(|w, sequence| nft::write_pairs(w, sequence, Operation::Add, set, &family));
        }
    }

    fn take_out(&mut self, name: SetName, pair: Pair) {
        let set = set_of(name, pair.1);
        self.batch(|w, sequence| nft::write_pairs(w, sequence, Operation::Delete, set, &[(pair, None)]));
    }

    fn batch(&mut self, write: impl FnOnce(&mut Writer, u32) -> usize) {
        let result = self.transact(write);
        self.report(result, |error| sentence!("the kernel did not change the sets: %s", error));
    }

    /// Sends orders as one transaction; `write` gives how many messages they are.
    fn transact(&mut self, write: impl FnOnce(&mut Writer, u32) -> usize) -> io::Result<()> {
        let mut orders = Writer::default();
        let sequence = self.orders.next_sequence();
        nft::begin_batch(&mut orders);
        let replies = write(&mut orders, sequence);
        nft::end_batch(&mut orders);
        self.orders.await_replies(&orders, sequence, replies)
    }

    fn report(&mut self, result: io::Result<()>, message: fn(String) -> Sentence) {
        match result {
            Ok(()) => {}
            // It ended by itself in the meantime.
            Err(error) if error.raw_os_error() == Some(ABSENT) => {}
            Err(error) => {
                let message = message(error.to_string());
                log::warn!("{message}");
                self.trouble = Some(message);
                self.loaded = self.loaded && self.has_table();
            }
        }
    }
}

/// The flow is between one of these pairs; `owner` says whose an address is.
pub fn is_between(tuple: &Tuple, pairs: &BTreeSet<Pair>, owner: impl Fn(IpAddr) -> Option<crate::model::Mac>) -> bool {
    let one = |inside, outside| owner(inside).is_some_and(|mac| pairs.contains(&(mac, outside)));
    one(tuple.source, tuple.destination) || one(tuple.destination, tuple.source)
}

/// Loads a ruleset as one transaction. The error is what nft said.
fn load(text: &str) -> Result<(), Sentence> {
    let absent = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => sentence!("nft is not installed, and leash blocks nothing without it"),
        _ => sentence!("nft cannot be started: %s", error.to_string()),
    };
    let mut nft = Command::new("nft");
    nft.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = nft.spawn().map_err(absent)?;
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    if !wait(&mut child) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(sentence!("nft did not end within 10 s"));
    }
    let status = child.wait().map_err(|error| sentence!("nft was lost: %s", error.to_string()))?;
    if status.success() && written.is_some_and(|result| result.is_ok()) {
        return Ok(());
    }
    let mut said = String::new();
    let _ = child.stderr.take().map(|stderr| stderr.take(4_096).read_to_string(&mut said));
    Err(match said.lines().next() {
        Some(line) => sentence!("nft refused the ruleset: %s", line),
        None => sentence!("nft refused the ruleset and gave no reason"),
    })
}

fn wait(child: &mut Child) -> bool {
    let begin = Instant::now();
    loop {
        match child.try_wait() {
            Ok(None) if begin.elapsed() < NFT_TAKES => std::thread::sleep(Duration::from_millis(1)),
            Ok(None) => return false,
            _ => return true,
        }
    }
}
