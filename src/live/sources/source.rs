//! What a source of facts is: what the table says of each, and what each can do.

use crate::api::Complaint;
use crate::config::DaemonConfig;
use crate::engine::Engine;
use crate::event::Event;
use crate::live::slot::Need;
use crate::live::sources::lan::Lan;
use crate::time::{Stamp, Time};
use serde_json::Value;
use std::io;
use std::os::fd::BorrowedFd;

/// Datagrams that a source reads before the others have their turn.
pub const TURN_DATAGRAMS: usize = 1_024;
/// The receive buffer of a source with little traffic, in bytes.
pub const RECEIVE_BUFFER: usize = 1 << 20;

/// A source that was opened; none where the settings do not want it.
pub type Opened = io::Result<Option<Box<dyn Source>>>;

/// A source of facts as the table has it.
pub struct SourceKind {
    /// What is said while the source is missing.
    pub need: Need,
    /// When in a turn the source is read.
    pub step: Step,
    /// The rank among the sources of lookups, 1 being the most trustworthy; none for a source of other facts. While a source
    /// sees lookups, those of sources that rank behind it are dropped: they are the same lookups, told by one that can be
    /// deceived. 0: no other source sees these, so they are always believed, and those of others with them.
    pub precedence: Option<u8>,
    /// Opens the source.
    pub open: fn(&DaemonConfig) -> Opened,
}

/// The steps of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Who has which address: read and handled first, since the other sources ask for it.
    Devices,
    /// Flows: read before lookups and handled after them.
    Flows,
    /// Lookups.
    Lookups,
    /// What the packets of flows show: read when their flows are known.
    Packets,
}

/// What a source may look at while it reads.
pub struct Scene<'a> {
    /// The engine, which knows the devices and the settings.
    pub engine: &'a Engine,
    /// The LAN. Only the source of neighbours changes it.
    pub lan: &'a mut Lan,
    /// The time of this turn.
    pub at: Stamp,
    /// What the source leaves for the daemon to do.
    pub turn: &'a mut Turn,
}

/// What the sources of a turn leave for the daemon to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// The router's addresses or the LAN's networks changed, so the rules have to.
    pub lan_changed: bool,
    /// Events come so fast that it pays to let some gather.
    pub storm: bool,
    /// All live flows were reported anew.
    pub dumped: bool,
}

/// A source of facts that is open. No method waits, and each call does a bounded amount of work.
pub trait Source {
    /// Adds what becomes readable when there are facts.
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>);

    /// Reads what there is, and a [`Event::Gap`] where facts were missed. The source is lost after an error.
    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()>;

    /// Asks the kernel for what its events do not tell, when all else of the turn was read.
    fn catch_up(&mut self, _scene: &mut Scene, _out: &mut Vec<Event>) -> io::Result<()> {
        Ok(())
    }

    /// Returns when to read at the latest, whatever is readable.
    fn next_deadline(&self) -> Option<Time> {
        None
    }

    /// Returns whether lookups would be seen now; `rules_loaded`: leash's ruleset is in the kernel.
    fn sees_lookups(&self, _rules_loaded: bool) -> bool {
        false
    }

    /// Somebody looks at what flows carry: they are to be counted sooner.
    fn count_soon(&mut self) {}

    /// Takes over new settings. Returns false where the source has to be opened anew for them.
    fn reconfigure(&mut self, _daemon: &DaemonConfig) -> bool {
        true
    }

    /// Returns the numbers for the `health` of `status`; null where there are none.
    fn counts(&self) -> Value {
        Value::Null
    }

    /// Complains about what impairs the open source.
    fn complain(&self, _all: &mut Vec<Complaint>) {}
}
