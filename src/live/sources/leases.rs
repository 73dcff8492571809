//! dnsmasq's file of DHCP leases: the names that devices give themselves.

use crate::api::Severity;
use crate::config::DaemonConfig;
use crate::event::Event;
use crate::limits;
use crate::live::progress;
use crate::live::slot::Need;
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::sentence;
use crate::time::{Span, Time};
use crate::wire::dnsmasq;
use std::fs::{self, File};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::SystemTime;

/// dnsmasq writes the file now and then, in no hurry.
const CHECK_EVERY: Span = Span::secs(10);

/// What the daemon knows about this source before it is open.
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

/// The file of leases, which is read again whenever it was written.
struct Leases {
    path: PathBuf,
    modified: Option<SystemTime>,
    next_check: Time,
}

impl Leases {
    /// Follows the file, which may come later.
    fn open(path: PathBuf) -> io::Result<Leases> {
        match File::open(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(Leases { path, modified: None, next_check: Time(0) }),
        }
    }
}

impl Source for Leases {
    fn fds<'a>(&'a self, _: &mut Vec<BorrowedFd<'a>>) {}

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        if scene.at.now < self.next_check {
            return Ok(());
        }
        self.next_check = scene.at.now + CHECK_EVERY;
        let modified = fs::metadata(&self.path).and_then(|data| data.modified()).ok();
        if modified.is_some() && modified != self.modified {
            self.modified = modified;
            let text = progress::text(&self.path).unwrap_or_default();
            out.extend(text.lines().take(limits::DEVICES).filter_map(dnsmasq::parse_lease));
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        Some(self.next_check)
    }

    /// The leases may be in another file now.
    fn reconfigure(&mut self, _: &DaemonConfig) -> bool {
        false
    }
}
