//! What stations tell all others of themselves, tapped in the kernel: DHCP's requests, multicast DNS, SSDP.

use crate::api::Severity;
use crate::event::Event;
use crate::live::slot::{Need, rights_and_package};
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::live::sources::tap::Tap;
use crate::ruleset::DISCOVERY_GROUP;
use crate::sentence;
use crate::wire::dhcp;
use crate::wire::discovery::Announcements;
use crate::wire::packet::{Body, Frame};
use serde_json::Value;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// The entry of what stations tell in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "discovery",
        severity: Severity::Warning,
        missing: |error| {
            sentence!(
                "what devices tell of themselves cannot be tapped, so their types are guessed from less: %s",
                error
            )
        },
        remedy: || rights_and_package("kmod-nfnetlink-log"),
    },
    step: Step::Packets,
    precedence: None,
    open: |_| {
        Ok(Some(Box::new(Discovery {
            tap: Tap::open(DISCOVERY_GROUP, 1 << 14)?,
            announcements: Announcements::default(),
        })))
    },
};

/// What stations tell all others.
struct Discovery {
    tap: Tap,
    announcements: Announcements,
}

impl Source for Discovery {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.tap.as_fd());
    }

    /// What a full queue loses will be told again: no gap.
    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let (announcements, engine) = (&mut self.announcements, scene.engine);
        self.tap.receive(|logged| {
            let Frame::Ip(packet) = &logged.frame else { return };
            let Body::Udp { destination_port: port, payload, .. } = packet.body else { return };
            let Some(sender) = packet.source_mac.filter(|mac| mac.is_station()) else { return };
            if port == 67 {
                // Whoever sends for others, as relays do, tells nothing of itself.
                let message = dhcp::parse(payload).filter(|message| message.booting && message.mac == sender);
                out.extend(message.map(|message| Event::Booted {
                    mac: sender,
                    hostname: message.hostname,
                    vendor_class: message.vendor_class,
                    asks: message.asks,
                }));
                return;
            }
            // Whoever is not known yet will tell again.
            let mac = engine.owner(packet.source).unwrap_or(sender);
            if engine.is_device(mac) {
                announcements.read(mac, port, payload, out);
            }
        })?;
        Ok(())
    }

    fn counts(&self) -> Value {
        self.tap.counts()
    }
}
