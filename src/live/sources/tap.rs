//! Packets that nft's rules hand to leash (NFLOG).

use crate::live::netlink::{NETFILTER, Socket};
use crate::live::sources::source::{RECEIVE_BUFFER, TURN_DATAGRAMS};
use crate::wire::netlink::messages;
use crate::wire::nflog::{self, Logged};
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
    /// The number that the next packet should have.
    next: Option<u32>,
    /// Packets that were lost, by the numbers that are missing.
    lost: u64,
}

impl Tap {
    /// Binds to a group, for datagrams of at most `slot` bytes.
    pub fn open(group: u16, slot: usize) -> io::Result<Tap> {
        let mut socket = Socket::open(NETFILTER, &[], slot)?;
        socket.set_receive_buffer(RECEIVE_BUFFER);
        socket.ask(2, |writer, sequence| nflog::bind(writer, sequence, group), |_| {})?;
        Ok(Tap { socket, group, packets: 0, overflows: 0, next: None, lost: 0 })
    }

    /// Hands each packet to `take`. Returns whether packets were lost: the kernel's queue ran over, or numbers are missing.
    pub fn receive(&mut self, mut take: impl FnMut(&Logged)) -> io::Result<bool> {
        let (packets, next, group) = (&mut self.packets, &mut self.next, self.group);
        let mut lost = 0;
        let received = self.socket.receive(TURN_DATAGRAMS, |datagram| {
            for message in messages(datagram) {
                if let Some(logged) = nflog::parse(&message).filter(|logged| logged.group == group) {
                    *packets += 1;
                    if let Some(number) = logged.number {
                        lost += u64::from(next.map_or(0, |next| number.wrapping_sub(next)));
                        *next = Some(number.wrapping_add(1));
                    }
                    take(&logged);
                }
            }
        })?;
        self.overflows += u64::from(received.lost);
        self.lost += lost;
        Ok(received.lost || lost > 0)
    }

    /// Returns the numbers for the `health` of `status`.
    pub fn counts(&self) -> Value {
        json!({ "packets": self.packets, "overflows": self.overflows, "lost": self.lost })
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
