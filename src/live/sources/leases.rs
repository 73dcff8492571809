//! dnsmasq's file of DHCP leases: the names that devices give themselves.

use crate::api::Severity;
use crate::config::DaemonConfig;
use crate::event::Event;
use crate::limits;
use crate::live::files;
use crate::live::rewritten::Rewritten;
use crate::live::slot::Need;
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::sentence;
use crate::time::Time;
use crate::wire::dnsmasq;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

/// The entry of DHCP leases in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "leases",
        severity: Severity::Warning,
        missing: |error| {
            sentence!("DHCP leases cannot be read, so names that devices give themselves are missed: %s", error)
        },
        remedy: || sentence!("let leash's user read the file of %s", "option leases"),
    },
    step: Step::Devices,
    precedence: None,
    open: |daemon| Ok(Some(Box::new(Leases::open(daemon.leases.clone())?))),
};

/// The file of leases.
struct Leases(Rewritten);

impl Leases {
    /// Follows the file, which may come later.
    fn open(path: PathBuf) -> io::Result<Leases> {
        match files::open(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Leases(Rewritten::new(path))),
        }
    }
}

impl Source for Leases {
    fn fds<'a>(&'a self, _: &mut Vec<BorrowedFd<'a>>) {}

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let Leases(file) = self;
        if file.is_due(scene.at.now) && file.has_changed() && file.is_there() {
            let text = files::text(&file.path).unwrap_or_default();
            out.extend(text.lines().take(limits::DEVICES).filter_map(dnsmasq::parse_lease));
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        Some(self.0.next_check())
    }

    /// The leases may be in another file now.
    fn reconfigure(&mut self, _: &DaemonConfig) -> bool {
        false
    }
}
