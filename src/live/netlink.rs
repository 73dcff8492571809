//! Netlink sockets (netlink(7)).
#![allow(unsafe_code, reason = "system calls that nix does not wrap")]

use crate::wire::netlink::{DONE, Message, Writer, flag, messages};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket, sockopt,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// Netfilter: conntrack, nflog and nf_tables.
pub const NETFILTER: SockProtocol = SockProtocol::NetlinkNetFilter;
/// Links, addresses and neighbours.
pub const ROUTE: SockProtocol = SockProtocol::NetlinkRoute;

/// How long the kernel may take for an answer, in milliseconds.
const TIMEOUT_MS: u16 = 3_000;
/// Datagrams that one system call receives.
const SLOTS: usize = 32;

/// A netlink socket with room for several datagrams.
pub struct Socket {
    fd: OwnedFd,
    buffer: Vec<u8>,
    /// Bytes of `buffer` for one datagram.
    slot: usize,
    sequence: u32,
    /// The size of the receive buffer in bytes, as the kernel counts them.
    pub receive_buffer: usize,
}

/// What [`Socket::receive`] received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// How many datagrams there were.
    pub datagrams: usize,
    /// The kernel had to drop datagrams, or one did not fit its slot.
    pub lost: bool,
}

impl Socket {
    /// Opens a socket that joins the multicast `groups`, for datagrams of at most `slot` bytes.
    pub fn open(protocol: SockProtocol, groups: &[u32], slot: usize) -> io::Result<Socket> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        // Without a port of its own a socket receives no multicast.
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        for group in groups {
            set(&fd, libc::NETLINK_ADD_MEMBERSHIP, *group as libc::c_int)?;
        }
        let slots = if slot > 8_192 { 1 } else { SLOTS };
        let buffer = vec![0; slot * slots];
        Ok(Socket { fd, buffer, slot, sequence: 0, receive_buffer: 0 })
    }

    /// Asks for `bytes` of receive buffer, beyond net.core.rmem_max where that is permitted.
    pub fn set_receive_buffer(&mut self, bytes: usize) {
        if setsockopt(&self.fd, sockopt::RcvBufForce, &bytes).is_err() {
            let _ = setsockopt(&self.fd, sockopt::RcvBuf, &bytes);
        }
        let size = nix::sys::socket::getsockopt(&self.fd, sockopt::RcvBuf);
        self.receive_buffer = size.unwrap_or_default();
    }

    /// Makes the kernel keep events of ended flows until they could be delivered (`NETLINK_BROADCAST_ERROR`).
    pub fn enable_broadcast_error(&self) -> io::Result<()> {
        set(&self.fd, libc::NETLINK_BROADCAST_ERROR, 1)
    }

    /// Hands datagrams to `take` until the queue is empty or `max` were taken. Does not wait.
    pub fn receive(&mut self, max: usize, mut take: impl FnMut(&[u8])) -> io::Result<Received> {
        let mut received = Received::default();
        while received.datagrams < max {
            match self.receive_batch(&mut take) {
                Ok((n, cut)) => {
                    received.datagrams += n;
                    received.lost |= cut;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => received.lost = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(received)
    }

    fn receive_batch(&mut self, take: &mut impl FnMut(&[u8])) -> io::Result<(usize, bool)> {
        let slots = self.buffer.len() / self.slot;
        // SAFETY: both are plain structures for which all zeroes are a valid value.
        let mut parts: [libc::iovec; SLOTS] = unsafe { std::mem::zeroed() };
        let mut headers: [libc::mmsghdr; SLOTS] = unsafe { std::mem::zeroed() };
        for ((chunk, part), header) in self.buffer.chunks_exact_mut(self.slot).zip(&mut parts).zip(&mut headers) {
            *part = libc::iovec { iov_base: chunk.as_mut_ptr().cast(), iov_len: chunk.len() };
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
        }
        let flags = libc::MSG_DONTWAIT;
        // SAFETY: the headers point to `slots` parts of the buffer, which live until the call returns.
        let n = unsafe {
            libc::recvmmsg(self.fd.as_raw_fd(), headers.as_mut_ptr(), slots as _, flags as _, std::ptr::null_mut())
        };
        let n = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        let mut cut = false;
        for (header, chunk) in headers.iter().take(n).zip(self.buffer.chunks_exact(self.slot)) {
            cut |= header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            take(chunk.get(..header.msg_len as usize).unwrap_or(chunk));
        }
        Ok((n, cut))
    }

    /// Returns the socket's port, by which the kernel tells whose request a notification follows from.
    pub fn port(&self) -> u32 {
        nix::sys::socket::getsockname::<NetlinkAddr>(self.fd.as_raw_fd()).map_or(0, |address| address.pid())
    }

    /// Returns a sequence number for the next request.
    pub fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.sequence
    }

    /// Sends the messages of `writer`.
    pub fn send(&self, writer: &Writer) -> io::Result<()> {
        let sent = nix::sys::socket::send(self.fd.as_raw_fd(), writer.bytes(), nix::sys::socket::MsgFlags::empty())?;
        if sent == writer.bytes().len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Sends what `write` writes for a sequence number, and waits for `replies` acknowledgements or answers, or for the
    /// end of a dump, up to 3 s each. Hands each answer to `take`. Returns the first error that the kernel reports.
    pub fn ask(
        &mut self,
        replies: usize,
        write: impl FnOnce(&mut Writer, u32),
        take: impl FnMut(&Message),
    ) -> io::Result<()> {
        let mut writer = Writer::default();
        let sequence = self.next_sequence();
        write(&mut writer, sequence);
        self.send(&writer)?;
        self.receive_replies(sequence, replies, take)
    }

    /// Sends messages of this sequence number and waits for `replies` acknowledgements.
    pub fn await_replies(&mut self, writer: &Writer, sequence: u32, replies: usize) -> io::Result<()> {
        self.send(writer)?;
        self.receive_replies(sequence, replies, |_| {})
    }

    fn receive_replies(&mut self, sequence: u32, replies: usize, mut take: impl FnMut(&Message)) -> io::Result<()> {
        let (mut seen, mut failed) = (0, None);
        while seen < replies {
            let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            if poll(&mut fds, PollTimeout::from(TIMEOUT_MS))? == 0 {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.receive(SLOTS, |datagram| {
                for message in messages(datagram).filter(|message| message.sequence == sequence) {
                    match message.error() {
                        Some(0) => seen += 1,
                        Some(code) => {
                            // The lack of rights is reported once for all that was sent.
                            seen += if code == -libc::EPERM { replies } else { 1 };
                            failed = failed.take().or(Some(io::Error::from_raw_os_error(-code)));
                        }
                        None if message.kind == DONE => seen += 1,
                        None => {
                            take(&message);
                            // Parts of a dump end with DONE.
                            seen += usize::from(message.flags & flag::MULTI == 0);
                        }
                    }
                }
            })?;
        }
        failed.map_or(Ok(()), Err)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn set(fd: &OwnedFd, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` bytes of `value`.
    let result = unsafe {
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_NETLINK, option, std::ptr::from_ref(&value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
