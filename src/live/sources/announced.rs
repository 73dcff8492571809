//! The resolvers that the router's own settings tell devices to ask: by DHCP, DHCPv6, router advertisements and DNR.

use crate::api::Severity;
use crate::config::DaemonConfig;
use crate::config::router::{self, Resolver};
use crate::event::Event;
use crate::live::files;
use crate::live::rewritten::Rewritten;
use crate::live::slot::Need;
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::sentence;
use crate::time::Time;
use std::io;
use std::os::fd::BorrowedFd;

/// The entry of announced resolvers in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "announced resolvers",
        severity: Severity::Warning,
        missing: |error| sentence!("it cannot be read which resolvers devices are told to ask: %s", error),
        remedy: || sentence!("let leash's user read the folder of %s", "option router"),
    },
    step: Step::Devices,
    precedence: None,
    open: |daemon| Ok(Some(Box::new(Announced::open(daemon)))),
};

/// The settings of the DHCP server, and what they tell devices.
struct Announced {
    file: Rewritten,
    told: Vec<Resolver>,
}

impl Announced {
    fn open(daemon: &DaemonConfig) -> Announced {
        Announced { file: Rewritten::new(daemon.router.join("dhcp")), told: Vec::new() }
    }
}

impl Source for Announced {
    fn fds<'a>(&'a self, _: &mut Vec<BorrowedFd<'a>>) {}

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        if !self.file.is_due(scene.at.now) {
            return Ok(());
        }
        if self.file.has_changed() {
            let text = if self.file.is_there() { files::text(&self.file.path)? } else { String::new() };
            self.told = router::resolvers(&text);
        }
        // The router answers in plain sight itself, but nobody reads what is encrypted. Its addresses may change, too.
        let lan = &mut *scene.lan;
        let told: Vec<Resolver> =
            self.told.iter().filter(|told| told.encrypted || !lan.is_own(told.address)).cloned().collect();
        if lan.interfaces().is_empty() || lan.resolvers.iter().map(|(known, _)| known).eq(&told) {
            return Ok(());
        }
        let known = std::mem::take(&mut lan.resolvers);
        out.push(Event::ResolversForgotten);
        for resolver in told {
            let seen = known.iter().find(|(known, _)| *known == resolver).map(|(_, seen)| *seen);
            let Resolver { mac, address, encrypted } = resolver;
            out.push(Event::Resolver { mac, address, encrypted });
            lan.resolvers.push((resolver, seen.unwrap_or_default()));
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        Some(self.file.next_check())
    }

    /// The settings may be in another folder now.
    fn reconfigure(&mut self, _: &DaemonConfig) -> bool {
        false
    }
}
