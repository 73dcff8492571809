//! The object `leash` on OpenWrt's bus: the same methods as on the control socket, and events for those who listen.

use crate::api::{self, ApiError, Complaint, Daemon, Kind, METHODS};
use crate::sentence;
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

pub use crate::live::ubus::caller::{OBJECT, call, is_present, listen};

/// The trigger by which procd starts `leash keep`, which writes orders into the settings (openwrt/files/etc/init.d/leash).
const KEEP_TRIGGER: &str = "leash.keep";
/// The time until a lost ubusd is looked for, which doubles with each failure up to [`RECONNECT_MAX`].
const RECONNECT_FIRST: Span = Span::ms(100);
const RECONNECT_MAX: Span = Span::secs(1);
/// How often a ubusd is looked for that was never there.
const LOOK_EVERY: Span = Span::secs(10);
/// The time until a ubusd that refused the object is asked again: it may have been told to allow it.
const REFUSED_RETRY: Span = Span::secs(3);
/// Events that may come at once, and the time after which one more may come.
const BURST: u32 = 32;
const REFILL_EVERY: Span = Span::ms(500);
/// How often ufp is asked what it takes devices for. It searches its whole table for that.
const FINGERPRINTS_EVERY: Span = Span::mins(10);
/// The time within which a new connection has to publish the object.
const PUBLISH_TIMEOUT: Span = Span::secs(10);

/// The state of the bus, and what happened on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// There is a connection to ubusd.
    pub connected: bool,
    /// The object is on the bus.
    pub published: bool,
    /// ubusd refused the object, or an event.
    pub refused: bool,
    /// Calls that were answered.
    pub calls: u32,
    /// Events that were sent.
    pub events: u32,
    /// Events that were dropped, since there were too many.
    pub dropped: u32,
    /// Connections that were lost.
    pub losses: u32,
}

impl Counts {
    /// Returns whether there is a bus, or was one.
    pub fn is_there(&self) -> bool {
        self.connected || self.losses > 0
    }

    /// Returns the numbers for the `health` of `status`.
    pub fn json(&self) -> Value {
        let Counts { published, calls, events, dropped, losses, .. } = self;
        json!({ "published": published, "calls": calls, "events": events, "dropped": dropped, "losses": losses })
    }

    /// Complains about a bus that leash is not on.
    pub fn complain(&self, all: &mut Vec<Complaint>) {
        if self.refused {
            let allows = "/usr/share/acl.d/leash.json";
            all.push(Complaint::warning(
                sentence!("ubus refuses leash, so scripts and the LuCI page cannot reach it"),
                sentence!("run %s: ubusd then reads %s, which allows leash", "killall -HUP ubusd", allows),
            ));
        } else if self.is_there() && !self.published {
            all.push(Complaint::warning(
                sentence!("ubus does not answer, so scripts and the LuCI page cannot reach leash"),
                sentence!("check with %s that ubusd runs; leash then finds it by itself", "pgrep ubusd"),
            ));
        }
    }
}

/// leash on the bus, as far as there is one.
pub struct Bus {
    path: PathBuf,
    link: Option<(UnixStream, Service)>,
    next_try: Time,
    back_off: Span,
    last_refill: Time,
    /// Events that may be sent now.
    tokens: u32,
    /// Orders were given while there was no bus, and the settings do not have them yet.
    write_scheduled: bool,
    /// When ufp is asked next.
    next_fingerprints: Time,
    /// The state of the bus, and what happened on it.
    pub counts: Counts,
}

impl Bus {
    /// Returns a bus that looks for ubusd at this path, or never where the path is empty.
    pub fn new(path: &Path) -> Bus {
        Bus {
            path: path.into(),
            link: None,
            next_try: Time(0),
            back_off: LOOK_EVERY,
            last_refill: Time(0),
            tokens: BURST,
            write_scheduled: false,
            next_fingerprints: Time(0),
            counts: Counts::default(),
        }
    }

    /// Returns the socket, and what to wait for.
    pub fn socket(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let (stream, service) = self.link.as_ref()?;
        let flags = match service.out.len() {
            0 => PollFlags::POLLIN,
            1..MESSAGE_BYTES_MAX => PollFlags::POLLIN | PollFlags::POLLOUT,
            _ => PollFlags::POLLOUT,
        };
        Some((stream.as_fd(), flags))
    }

    /// Returns when to [`Bus::serve`] at the latest.
    pub fn next_deadline(&self) -> Option<Time> {
        let wanted = !self.path.as_os_str().is_empty() && !self.counts.published;
        wanted.then_some(self.next_try)
    }

    /// Looks for ubusd where there is none, reads what it sends, and answers calls. Returns true when somebody has ordered
    /// something: [`Bus::flush`] sends the answers, once the order is carried out.
    pub fn serve(&mut self, daemon: &mut dyn Daemon) -> bool {
        let now = daemon.now().now;
        if self.next_deadline().is_some_and(|next| next <= now) {
            self.connect(now);
        }
        if let Some((_, service)) =
            self.link.as_mut().filter(|_| self.counts.published && self.next_fingerprints <= now)
        {
            self.next_fingerprints = now + FINGERPRINTS_EVERY;
            service.ask_fingerprints();
        }
        let mut ordered = false;
        loop {
            match self.read() {
                Ok(heard) if heard.is_empty() => return ordered,
                Ok(heard) => heard.into_iter().for_each(|heard| ordered |= self.handle(heard, daemon)),
                Err(error) => {
                    self.lose(&error, now);
                    return ordered;
                }
            }
        }
    }

    /// Connects, or gives a connection up that did not publish the object in time.
    fn connect(&mut self, now: Time) {
        let silent = self.link.take().is_some();
        let known = silent || self.counts.losses > 0;
        match open(&self.path) {
            Ok(stream) if !silent => {
                self.link = Some((stream, Service::new(OBJECT, &signature())));
                (self.counts.connected, self.next_try) = (true, now + PUBLISH_TIMEOUT);
            }
            _ => {
                self.counts.connected = false;
                self.back_off = if known { (self.back_off * 2).min(RECONNECT_MAX) } else { LOOK_EVERY };
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
        (self.back_off, self.next_try) = (RECONNECT_FIRST, now + RECONNECT_FIRST);
    }

    /// Returns what came, or nothing when there is no more. Reads nothing while too many answers wait for ubusd to read them.
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

    fn handle(&mut self, heard: Incoming, daemon: &mut dyn Daemon) -> bool {
        let Some((_, service)) = &mut self.link else { return false };
        match heard {
            Incoming::Published => {
                (self.counts.published, self.counts.refused) = (true, false);
                log::info!("ubus: the object '{OBJECT}' is published");
                if std::mem::take(&mut self.write_scheduled) {
                    service.trigger(KEEP_TRIGGER);
                }
            }
            Incoming::Refused(what, status) => {
                if !self.counts.refused {
                    log::warn!("ubus: ubusd refused {what} (status {status})");
                }
                self.counts.refused = true;
                if !self.counts.published {
                    self.next_try = daemon.now().now + REFUSED_RETRY;
                }
            }
            Incoming::Fingerprints(devices) => {
                for (mac, known) in devices.as_object().into_iter().flatten() {
                    let Ok(mac) = mac.parse() else { continue };
                    let text = |key| known.get(key).and_then(Value::as_str).unwrap_or_default();
                    let model = format!("{} {}", text("vendor"), text("device"));
                    daemon.engine().set_fingerprint(mac, text("class"), model.trim());
                }
            }
            Incoming::Call(call) => {
                self.counts.calls = self.counts.calls.saturating_add(1);
                return answer(service, &call, daemon);
            }
        }
        false
    }

    /// Sends an event of this name, unless there are too many.
    pub fn send(&mut self, name: &str, record: &Value, now: Time) {
        let Some((_, service)) = self.link.as_mut().filter(|_| self.counts.published) else { return };
        let refill = (now.since(self.last_refill) / REFILL_EVERY) as u32;
        if refill > 0 {
            self.tokens = self.tokens.saturating_add(refill).min(BURST);
            self.last_refill = now;
        }
        let sent = self.tokens > 0 && service.send_event(name, record);
        self.tokens -= u32::from(sent);
        let counter = if sent { &mut self.counts.events } else { &mut self.counts.dropped };
        *counter = counter.saturating_add(1);
    }

    /// Makes the init system write orders into the settings, which the daemon itself may not.
    pub fn schedule_write(&mut self) {
        match self.link.as_mut().filter(|_| self.counts.published) {
            Some((_, service)) => service.trigger(KEEP_TRIGGER),
            None => self.write_scheduled = true,
        }
    }

    /// Sends what waits, as far as ubusd reads.
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

/// Connects without waiting: where ubusd has no time now, the next try will do.
fn open(path: &Path) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket.into())
}

/// Returns the methods as ubus describes them.
fn signature() -> Vec<(&'static str, Vec<(&'static str, u8)>)> {
    let kind = |k: Kind| if k == Kind::Flag { kind::BOOL } else { kind::STRING };
    let parameters = |m: &api::Method| m.parameters.iter().map(|p| (p.name, kind(p.kind))).collect();
    METHODS.iter().map(|method| (method.name, parameters(method))).collect()
}

/// Answers a call, which ubusd has checked that the caller may make. Returns true when it ordered something.
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
            let (code, message) = refusal.text();
            let answer = encode_answer(&mut json!({ "error": message, "code": code }));
            service.answer(call, status, Some(&answer));
            false
        }
    }
}
