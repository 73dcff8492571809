//! The kernel's neighbour table and the router's own addresses (rtnetlink).

use crate::api::Severity;
use crate::config::DaemonConfig;
use crate::event::Event;
use crate::live::netlink::{ROUTE, Socket};
use crate::live::slot::Need;
use crate::live::sources::source::{RECEIVE_BUFFER, Scene, Source, SourceKind, Step, TURN_DATAGRAMS};
use crate::sentence;
use crate::wire::neighbour::{self, RtnetlinkEvent};
use crate::wire::netlink::messages;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// What the daemon knows about this source before it is open.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "neighbours",
        severity: Severity::Error,
        missing: |error| {
            sentence!("devices cannot be told apart, since the kernel's neighbour table cannot be read: %s", error)
        },
        remedy: || sentence!("run leash as root or with %s", "CAP_NET_ADMIN"),
    },
    step: Step::Devices,
    precedence: None,
    open: |_| Ok(Some(Box::new(Neighbours::open()?))),
};

/// The kernel's neighbour table and the router's own addresses.
struct Neighbours {
    events: Socket,
    requests: Socket,
    /// Events were missed, or the settings changed: everything is to be read anew.
    stale: bool,
}

impl Neighbours {
    fn open() -> io::Result<Neighbours> {
        let mut events = Socket::open(ROUTE, &neighbour::GROUPS, 4_096)?;
        events.set_receive_buffer(RECEIVE_BUFFER);
        Ok(Neighbours { events, requests: Socket::open(ROUTE, &[], 32_768)?, stale: true })
    }
}

impl Source for Neighbours {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.events.as_fd());
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let mut facts = Vec::new();
        let received = self.events.receive(TURN_DATAGRAMS, |datagram| {
            facts.extend(messages(datagram).filter_map(|message| neighbour::parse(&message)));
        })?;
        self.stale |= received.lost;
        if facts.is_empty() && !self.stale {
            return Ok(());
        }
        let begin = out.len();
        let lan = &mut *scene.lan;
        let before = lan.prefixes();
        if self.stale || facts.contains(&RtnetlinkEvent::LinkChanged) {
            let names = scene.engine.config().daemon.interfaces.iter();
            let indices = names.filter_map(|name| nix::net::if_::if_nametoindex(name.as_str()).ok());
            let indices: Vec<u32> = indices.collect();
            self.stale |= indices != lan.interfaces();
            lan.set_interfaces(indices);
        }
        if std::mem::take(&mut self.stale) {
            lan.forget_own();
            for dump in [neighbour::dump_addresses, neighbour::dump_neighbours] {
                self.requests.ask(1, dump, |message| facts.extend(neighbour::parse(message)))?;
            }
        }
        for fact in facts {
            match fact {
                RtnetlinkEvent::RouterAddress { interface, net, gone } => lan.set_own(interface, net, gone),
                RtnetlinkEvent::Neighbour { interface, ip, mac } if lan.interfaces().contains(&interface) => {
                    out.push(Event::Neighbour { ip, mac });
                }
                RtnetlinkEvent::Neighbour { .. } | RtnetlinkEvent::LinkChanged => {}
            }
        }
        lan.update();
        let prefixes = lan.prefixes();
        if prefixes != before {
            scene.turn.lan_changed = true;
            out.insert(begin, Event::Lan { prefixes });
        }
        Ok(())
    }

    /// The interfaces of the settings may be others now.
    fn reconfigure(&mut self, _: &DaemonConfig) -> bool {
        self.stale = true;
        true
    }
}
