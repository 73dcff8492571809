//! The object `leash` on OpenWrt's bus: the same methods as the control socket, and events for who listens.

use crate::api::{self, ApiError, Daemon, Kind, METHODS};
use crate::time::{Span, Time};
use crate::wire::blobmsg::kind;
use crate::wire::ubus::{Call, Incoming, MESSAGE_BYTES_MAX, Service, encode_answer, status};
use nix::poll::PollFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

mod caller;

pub use crate::live::ubus::caller::{ask, listen};

/// The name of the object.
pub const OBJECT: &str = "leash";
/// The word by which procd starts what keeps orders in the settings (openwrt/files/etc/init.d/leash).
const KEEP: &str = "leash.keep";
/// A lost ubusd is looked for after so long, then after twice as long, up to [`SLOWEST`].
const FIRST: Span = Span::ms(100);
const SLOWEST: Span = Span::secs(1);
/// One that was never there is not looked for often.
const NEVER: Span = Span::secs(10);
/// One that refuses the object may be told to allow it.
const REFUSED: Span = Span::secs(3);
/// Events at once, and how long one of them takes to be allowed again.
const BURST: u32 = 32;
const REFILL: Span = Span::ms(500);
/// A new connection speaks within that, or is none.
const SILENCE: Span = Span::secs(10);

/// How the bus is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// There is a ubusd.
    pub connected: bool,
    /// The object is on it.
    pub published: bool,
    /// ubusd refused the object, or an event.
    pub refused: bool,
    /// Calls answered.
    pub calls: u32,
    /// Events sent.
    pub events: u32,
    /// Events that were too many.
    pub dropped: u32,
    /// Connections that were lost.
    pub losses: u32,
}

impl Counts {
    /// There is a bus, or there was one.
    pub fn is_there(&self) -> bool {
        self.connected || self.losses > 0
    }
}

/// The connection to ubusd, if there is one.
pub struct Bus {
    path: PathBuf,
    link: Option<(UnixStream, Service)>,
    next_try: Time,
    back_off: Span,
    next_refill: Time,
    tokens: u32,
    /// Orders were given that the settings do not have yet.
    schedule_write: bool,
    /// How it is.
    pub counts: Counts,
}

impl Bus {
    /// Will look for ubusd at this path; an empty one: never.
    pub fn new(path: &Path) -> Bus {
        Bus {
            path: path.into(),
            link: None,
            next_try: Time(0),
            back_off: NEVER,
            next_refill: Time(0),
            tokens: BURST,
            schedule_write: false,
            counts: Counts::default(),
        }
    }

    /// What to wait for.
    pub fn socket(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let (stream, service) = self.link.as_ref()?;
        let flags = match service.out.len() {
            0 => PollFlags::POLLIN,
            1..MESSAGE_BYTES_MAX => PollFlags::POLLIN | PollFlags::POLLOUT,
            _ => PollFlags::POLLOUT,
        };
        Some((stream.as_fd(), flags))
    }

    /// When to [`Bus::serve`] at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        let wanted = !self.path.as_os_str().is_empty() && !self.counts.published;
        wanted.then_some(self.next_try)
    }

    /// Looks for ubusd where there is none, reads what it sends, and answers calls. True when somebody ordered something:
    /// [`Bus::flush`] tells them so when it is done.
    pub fn serve(&mut self, daemon: &mut dyn Daemon) -> bool {
        let now = daemon.now().now;
        if self.next_deadline().is_some_and(|next| next <= now) {
            self.connect(now);
        }
        let mut ordered = false;
        loop {
            match self.read() {
                Ok(heard) if heard.is_empty() => return ordered,
                Ok(heard) => heard.into_iter().for_each(|heard| ordered |= self.hear(heard, daemon)),
                Err(error) => {
                    self.lose(&error, now);
                    return ordered;
                }
            }
        }
    }

    /// Connects anew. One that did not speak in time is given up, too.
    fn connect(&mut self, now: Time) {
        let silent = self.link.take().is_some();
        let known = silent || self.counts.losses > 0;
        match open(&self.path) {
            Ok(stream) if !silent => {
                self.link = Some((stream, Service::new(OBJECT, &signature())));
                (self.counts.connected, self.next_try) = (true, now + SILENCE);
            }
            _ => {
                self.counts.connected = false;
                self.back_off = if known { (self.back_off * 2).min(SLOWEST) } else { NEVER };
                self.next_try = now + self.back_off;
            }
        }
    }

    fn lose(&mut self, error: &io::Error, now: Time) {
        if self.counts.published {
            log::warn!("ubus: lost: {error}");
        }
        self.link = None;
        let Counts { losses, .. } = self.counts;
        self.counts = Counts { connected: false, published: false, losses: losses.saturating_add(1), ..self.counts };
        (self.back_off, self.next_try) = (FIRST, now + FIRST);
    }

    /// What came, until there is no more; nothing as long as answers wait that nobody reads.
    fn read(&mut self) -> io::Result<Vec<Incoming>> {
        let Some((stream, service)) = &mut self.link else { return Ok(Vec::new()) };
        let mut buffer = [0; 16 << 10];
        while service.out.len() < MESSAGE_BYTES_MAX {
            match stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    let heard = service.receive(buffer.get(..n).unwrap_or_default()).map_err(io::Error::other)?;
                    if !heard.is_empty() {
                        return Ok(heard);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }

    fn hear(&mut self, heard: Incoming, daemon: &mut dyn Daemon) -> bool {
        let Some((_, service)) = &mut self.link else { return false };
        match heard {
            Incoming::Published => {
                (self.counts.published, self.counts.refused) = (true, false);
                log::info!("ubus: there is an object '{OBJECT}' now");
                if std::mem::take(&mut self.schedule_write) {
                    service.trigger(KEEP);
                }
            }
            Incoming::Refused(what, status) => {
                if !self.counts.refused {
                    log::warn!("ubus: ubusd refused {what} (status {status})");
                }
                self.counts.refused = true;
                if !self.counts.published {
                    self.next_try = daemon.now().now + REFUSED;
                }
            }
            Incoming::Call(call) => {
                self.counts.calls = self.counts.calls.saturating_add(1);
                return answer(service, &call, daemon);
            }
        }
        false
    }

    /// Tells of something that happened: [`event`] says under which name.
    pub fn tell(&mut self, name: &str, record: &Value, now: Time) {
        let Some((_, service)) = self.link.as_mut().filter(|_| self.counts.published) else { return };
        let refill = (now.since(self.next_refill) / REFILL) as u32;
        if refill > 0 {
            self.tokens = self.tokens.saturating_add(refill).min(BURST);
            self.next_refill = now;
        }
        let told = self.tokens > 0 && service.send_event(name, record);
        self.tokens -= u32::from(told);
        let counter = if told { &mut self.counts.events } else { &mut self.counts.dropped };
        *counter = counter.saturating_add(1);
    }

    /// Orders were given that are to be kept in the settings: the init system starts what does that, since the daemon may
    /// not write them.
    pub fn schedule_write(&mut self) {
        match self.link.as_mut().filter(|_| self.counts.published) {
            Some((_, service)) => service.trigger(KEEP),
            None => self.schedule_write = true,
        }
    }

    /// Writes what waits, as far as ubusd takes it.
    pub fn flush(&mut self, now: Time) {
        let Some((stream, service)) = &mut self.link else { return };
        let mut written = 0;
        let result = loop {
            match service.out.get(written..).filter(|rest| !rest.is_empty()).map(|rest| stream.write(rest)) {
                None => break Ok(()),
                Some(Ok(n)) => written += n,
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => break Ok(()),
                Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Some(Err(error)) => break Err(error),
            }
        };
        service.out.drain(..written);
        if service.out.is_empty() {
            service.out.shrink_to(4 << 10);
        }
        if let Err(error) = result {
            self.lose(&error, now);
        }
    }
}

/// Connects without waiting: where ubusd has no time, later is soon enough.
fn open(path: &Path) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket.into())
}

/// The methods as ubus describes them.
fn signature() -> Vec<(&'static str, Vec<(&'static str, u8)>)> {
    let kind = |k: Kind| if k == Kind::Flag { kind::BOOL } else { kind::STRING };
    let parameters = |m: &api::Method| m.parameters.iter().map(|p| (p.name, kind(p.kind))).collect();
    METHODS.iter().map(|method| (method.name, parameters(method))).collect()
}

/// Answers a call: ubusd has checked that the caller may. True when it ordered something.
fn answer(service: &mut Service, call: &Call, daemon: &mut dyn Daemon) -> bool {
    let wrong = || ApiError::Argument("the arguments are damaged, or longer than 64 KB".into());
    let known = api::find(&call.method);
    let result = match &call.arguments {
        Some(arguments) => api::call(daemon, &call.method, arguments, true),
        None => Err(wrong()),
    };
    match result {
        Ok(mut value) => {
            service.answer(call, status::OK, Some(&encode_answer(&mut value)));
            known.is_some_and(|method| method.writes)
        }
        Err(refusal) => {
            let status = match &refusal {
                ApiError::Argument(_) => status::INVALID_ARGUMENT,
                ApiError::NotFound(_) if known.is_none() => status::METHOD_NOT_FOUND,
                ApiError::NotFound(_) => status::NOT_FOUND,
                ApiError::Denied(_) => status::PERMISSION_DENIED,
                ApiError::Failed(_) => status::UNKNOWN_ERROR,
            };
            let (code, says) = refusal.text();
            service.answer(call, status, Some(&encode_answer(&mut json!({ "error": says, "code": code }))));
            false
        }
    }
}
