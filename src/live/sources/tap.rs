//! Packets that nft's rules hand to leash (NFLOG).

use crate::live::netlink::{NETFILTER, Socket};
use crate::live::sources::source::{RECEIVE_BUFFER, TURN_DATAGRAMS};
use crate::time::Wall;
use crate::wire::netlink::messages;
use crate::wire::nflog;
use crate::wire::packet::Frame;
use serde_json::{Value, json};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// The packets of one NFLOG group.
pub struct Tap {
    socket: Socket,
    group: u16,
    packets: u64,
    /// Times that the kernel's queue ran over.
    overflows: u64,
}

impl Tap {
    /// Binds to a group, for datagrams of at most `slot` bytes.
    pub fn open(group: u16, slot: usize) -> io::Result<Tap> {
        let mut socket = Socket::open(NETFILTER, &[], slot)?;
        socket.set_receive_buffer(RECEIVE_BUFFER);
        socket.ask(2, |writer, sequence| nflog::bind(writer, sequence, group), |_| {})?;
        Ok(Tap { socket, group, packets: 0, overflows: 0 })
    }

    /// Hands each packet to `take`, with the kernel's date of it. Returns whether the kernel's queue ran over.
    pub fn receive(&mut self, mut take: impl FnMut(&Frame, Option<Wall>)) -> io::Result<bool> {
        let (packets, group) = (&mut self.packets, self.group);
        let received = self.socket.receive(TURN_DATAGRAMS, |datagram| {
            for message in messages(datagram) {
                if let Some(logged) = nflog::parse(&message).filter(|logged| logged.group == group) {
                    *packets += 1;
                    take(&logged.frame, logged.wall);
                }
            }
        })?;
        self.overflows += u64::from(received.lost);
        Ok(received.lost)
    }

    /// Returns the numbers for the `health` of `status`.
    pub fn counts(&self) -> Value {
        json!({ "packets": self.packets, "overflows": self.overflows })
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
