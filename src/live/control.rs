//! The control socket: one JSON line each way.
//!
//! `{"method": "blocks", "params": {}}` is answered by `{"result": ...}` or `{"error": "a sentence", "code": "a word"}`.
//! After `{"method": "watch"}` there is a line for whatever happens, after `{"method": "record"}` one for each event.

use crate::api::{self, ApiError, Daemon};
use crate::config::HOOKS;
use nix::libc;
use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The most callers at one time who may only ask, and the most who may order, beside them.
const CALLERS_MAX: [usize; 2] = [32, 8];
/// The longest request in bytes.
const REQUEST_MAX: usize = 8 << 10;
/// While so many bytes wait for a caller, its next request is not read.
const UNREAD_MAX: usize = 64 << 10;
/// While so many bytes wait for callers who may only ask, none of their requests is read, and who does not read is dropped.
const UNREAD_TOTAL: usize = 1 << 20;
/// What may wait for somebody who listens. A recording of a busy house has 100 kB a second.
const UNHEARD_MAX: usize = 1 << 20;
/// How long a caller may read nothing while too much waits.
const STALLS_FOR: Duration = Duration::from_secs(1);
/// How long callers are served in one turn of the loop; the others come first in the next one.
const TURN: Duration = Duration::from_millis(20);
/// How long nobody is accepted after there was no file descriptor for a caller.
const REST: Duration = Duration::from_secs(1);

/// What a caller can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What happens, as records for people.
    Watch,
    /// Every event, as a line of an event file.
    Record,
}

/// The listening socket and its callers.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    callers: Vec<Caller>,
    /// Nobody is accepted before this, because file descriptors are short.
    accepts_at: Option<Instant>,
    /// A file descriptor that is given up for a caller who may order, where there is no other.
    spare: Option<OwnedFd>,
}

struct Caller {
    socket: UnixStream,
    user: Option<u32>,
    may_write: bool,
    /// Requests that were not answered yet, and the beginning of one whose end was not read yet.
    input: Vec<u8>,
    /// What the caller has not read yet.
    output: Vec<u8>,
    /// When the caller asked or read something last.
    active: Instant,
    listens_to: Option<Stream>,
    /// The caller sends nothing more.
    ended: bool,
    /// It sends alerts, by the programs in this folder.
    alerts: Option<PathBuf>,
    gone: bool,
}

impl Control {
    /// Listens at `path`. The error is a sentence.
    pub fn open(path: &Path) -> Result<Control, String> {
        let fail = |error: io::Error| format!("the control socket {} cannot be made: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        if answers(path) {
            return Err(format!("another leash listens at {}: stop it first", path.display()));
        }
        // A leash that was killed has left its socket behind.
        let _ = fs::remove_file(path);
        let listener = UnixListener::bind(path).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        // Everybody may connect and ask; the user of the other end decides whether it may order.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(fail)?;
        let spare = listener.as_fd().try_clone_to_owned().ok();
        Ok(Control { listener, path: path.into(), callers: Vec::new(), accepts_at: None, spare })
    }

    /// Returns the sockets, and what to wait for.
    pub fn sockets(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let total = self.unread();
        let callers = self.callers.iter().map(move |caller| {
            let writes = if caller.output.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            let reads = if caller.wants_input(total) { PollFlags::POLLIN } else { PollFlags::empty() };
            (caller.socket.as_fd(), reads | writes)
        });
        let listener = self.accepts_at.is_none().then(|| (self.listener.as_fd(), PollFlags::POLLIN));
        listener.into_iter().chain(callers)
    }

    /// Returns how soon callers have to be served although no socket may have anything.
    pub fn next_turn(&self) -> Option<Duration> {
        let total = self.unread();
        if self.callers.iter().any(|caller| caller.has_request() && caller.may_ask(total)) {
            return Some(Duration::ZERO);
        }
        let stalls = (total > UNREAD_TOTAL).then_some(STALLS_FOR);
        let rests = self.accepts_at.map(|at| at.saturating_duration_since(Instant::now()));
        stalls.into_iter().chain(rests).min()
    }

    /// Returns true while there are too few file descriptors for another caller.
    pub fn is_short_of_descriptors(&self) -> bool {
        self.accepts_at.is_some()
    }

    /// Returns whether somebody listens to this.
    pub fn has_listeners(&self, stream: Stream) -> bool {
        self.callers.iter().any(|caller| caller.listens_to == Some(stream))
    }

    /// Returns the folder of the programs to which alerts are sent; absent if nobody sends them.
    pub fn alerts(&self) -> Option<PathBuf> {
        self.callers.iter().find_map(|caller| caller.alerts.clone())
    }

    /// Sends a line to those who listen to this.
    pub fn send(&mut self, stream: Stream, line: &str) {
        for caller in self.callers.iter_mut().filter(|caller| caller.listens_to == Some(stream)) {
            if caller.output.len() + line.len() > UNHEARD_MAX {
                caller.gone = true;
            } else {
                caller.send(line);
            }
        }
    }

    /// Accepts callers and answers requests: one of each, for 20 ms at most. Returns true when somebody has ordered
    /// something: [`Control::flush`] sends the answers, once the order is carried out.
    pub fn serve(&mut self, daemon: &mut dyn Daemon) -> bool {
        self.accept();
        self.drop_stalled();
        let (began, mut ordered) = (Instant::now(), false);
        // Those who may order come first; the others take turns.
        for may_write in [true, false] {
            for _ in 0..self.callers.iter().filter(|caller| caller.may_write == may_write).count() {
                let total = self.unread();
                let Some(place) = self.callers.iter().position(|caller| caller.may_write == may_write) else { break };
                // Whoever was served goes to the end.
                let mut caller = self.callers.remove(place);
                ordered |= caller.serve(daemon, total);
                self.callers.push(caller);
                if began.elapsed() > TURN {
                    break;
                }
            }
        }
        self.callers.retain(|caller| !caller.gone);
        ordered
    }

    fn accept(&mut self) {
        if self.accepts_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.accepts_at = None;
        if self.spare.is_none() {
            self.spare = self.listener.as_fd().try_clone_to_owned().ok();
        }
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                    self.accepts_at = Some(Instant::now() + REST);
                    if self.spare.take().is_some() {
                        continue;
                    }
                    return;
                }
                Err(_) => return,
            };
            if socket.set_nonblocking(true).is_err() {
                continue;
            }
            let own = nix::unistd::geteuid().as_raw();
            let user = getsockopt(&socket, sockopt::PeerCredentials).ok().map(|peer| peer.uid());
            let may_write = user.is_some_and(|user| user == 0 || user == own);
            if self.accepts_at.is_some() && !may_write {
                // The descriptor is for somebody else, who may be the next.
                drop(socket);
                self.spare = self.listener.as_fd().try_clone_to_owned().ok();
                continue;
            }
            if self.callers.iter().filter(|caller| caller.may_write == may_write).count()
                >= CALLERS_MAX[usize::from(may_write)]
            {
                self.make_place(may_write);
            }
            self.callers.push(Caller {
                socket,
                user,
                may_write,
                input: Vec::new(),
                output: Vec::new(),
                active: Instant::now(),
                listens_to: None,
                ended: false,
                alerts: None,
                gone: false,
            });
        }
    }

    /// Drops a caller for another one who may order, or may not: of the user with the most, that who was active least
    /// recently.
    fn make_place(&mut self, may_write: bool) {
        let rivals = || self.callers.iter().filter(|caller| caller.may_write == may_write);
        let crowd = |caller: &Caller| rivals().filter(|other| other.user == caller.user).count();
        let idlest = self.callers.iter().enumerate().filter(|(_, caller)| caller.may_write == may_write);
        let idlest = idlest.max_by_key(|(_, caller)| (crowd(caller), std::cmp::Reverse(caller.active)));
        if let Some((place, _)) = idlest {
            self.callers.remove(place);
        }
    }

    /// Drops callers who read nothing, while too much waits for all.
    fn drop_stalled(&mut self) {
        if self.unread() > UNREAD_TOTAL {
            let reads = |caller: &Caller| caller.output.is_empty() || caller.active.elapsed() < STALLS_FOR;
            self.callers.retain(|caller| caller.may_write || reads(caller));
        }
    }

    /// Returns the bytes that wait for callers who may only ask.
    fn unread(&self) -> usize {
        self.callers.iter().filter(|caller| !caller.may_write).map(|caller| caller.output.len()).sum()
    }

    /// Sends what waits for the callers, as far as they read.
    pub fn flush(&mut self) {
        self.callers.iter_mut().for_each(Caller::flush);
        self.callers.retain(|caller| !caller.gone);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Caller {
    /// Returns whether the next request may be answered while `total` bytes wait for those who may only ask.
    fn may_ask(&self, total: usize) -> bool {
        self.output.len() < UNREAD_MAX && (self.may_write || total < UNREAD_TOTAL)
    }

    /// Returns whether more is to be read of the caller.
    fn wants_input(&self, total: usize) -> bool {
        !self.ended && !self.has_request() && self.may_ask(total)
    }

    fn has_request(&self) -> bool {
        self.input.contains(&b'\n')
    }

    /// Reads a request where none waits, and answers one.
    fn serve(&mut self, daemon: &mut dyn Daemon, total: usize) -> bool {
        if self.wants_input(total) {
            self.read();
        }
        let mut ordered = false;
        if !self.may_ask(total) {
            return ordered;
        }
        if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let reply = match self.answer(&line, daemon, &mut ordered) {
                Ok(result) => json!({ "result": result }),
                Err(refusal) => {
                    let (code, message) = refusal.text();
                    json!({ "error": message, "code": code })
                }
            };
            self.send(&reply.to_string());
            self.active = Instant::now();
        } else if self.input.len() >= REQUEST_MAX {
            self.send(&json!({ "error": "the request is too long", "code": "argument" }).to_string());
            self.flush();
            self.gone = true;
        }
        ordered
    }

    fn read(&mut self) {
        let mut buffer = [0; REQUEST_MAX];
        let room = REQUEST_MAX.saturating_sub(self.input.len());
        match self.socket.read(buffer.get_mut(..room).unwrap_or_default()) {
            Ok(0) => self.ended = true,
            Ok(n) => self.input.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.gone = true,
        }
    }

    fn answer(&mut self, line: &[u8], daemon: &mut dyn Daemon, ordered: &mut bool) -> Result<Value, ApiError> {
        let wrong = |message: &str| ApiError::Argument(message.into());
        let request: Value = serde_json::from_slice(line).map_err(|_| wrong("a request is one line of JSON"))?;
        let method = request.get("method").and_then(Value::as_str).ok_or(wrong("a request names its 'method'"))?;
        self.listens_to = match method {
            "watch" => {
                let folder = request.get("params").and_then(|params| params.get("alerts")?.as_str());
                // Doctor looks into this folder, which is not for everybody to say.
                let folder = folder.map(|folder| if self.may_write { folder } else { HOOKS });
                self.alerts = folder.map(PathBuf::from);
                Some(Stream::Watch)
            }
            // A recording has every address and name of the house.
            "record" if self.may_write => Some(Stream::Record),
            "record" => return Err(ApiError::Denied("only root and leash's own user may record".into())),
            _ => {
                let params = request.get("params").unwrap_or(&Value::Null);
                let result = api::call(daemon, method, params, self.may_write);
                *ordered |= result.is_ok() && api::find(method).is_some_and(|method| method.writes);
                return result;
            }
        };
        Ok(json!({}))
    }

    fn send(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.push(b'\n');
    }

    fn flush(&mut self) {
        while !self.output.is_empty() && !self.gone {
            match self.socket.write(&self.output) {
                Ok(n) => {
                    self.output.drain(..n);
                    self.active = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
        }
        // What a large answer took is given back.
        if self.output.is_empty() && self.output.capacity() > UNREAD_MAX {
            self.output = Vec::new();
        }
        self.gone |= self.ended && self.output.is_empty() && !self.has_request();
    }
}

/// Returns whether a running leash listens at `path`.
pub fn answers(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Calls a method of a running leash and returns its answer.
pub fn call(path: &Path, method: &str, params: &Value) -> Result<Value, ApiError> {
    let mut lines = listen(path, method, params)?;
    lines.next().unwrap_or_else(|| Err(ApiError::Failed("leash closed the connection".into())))
}

/// Calls a method and returns the lines that come back, the first of which is the answer.
pub fn listen(
    path: &Path,
    method: &str,
    params: &Value,
) -> Result<impl Iterator<Item = Result<Value, ApiError>> + use<>, ApiError> {
    let lines = listen_raw(path, method, params)?;
    Ok(lines.enumerate().map(|(i, line)| {
        let broken =
            |error: &dyn std::fmt::Display| ApiError::Failed(format!("leash's answer cannot be read: {error}"));
        let line = line.map_err(|error| broken(&error))?;
        let mut value: Value = serde_json::from_str(&line).map_err(|error| broken(&error))?;
        if i > 0 {
            return Ok(value);
        }
        match value.get("error").and_then(Value::as_str).map(String::from) {
            None => Ok(value["result"].take()),
            Some(message) => Err(match value.get("code").and_then(Value::as_str) {
                Some("argument") => ApiError::Argument(message),
                Some("not-found") => ApiError::NotFound(message),
                Some("denied") => ApiError::Denied(message),
                _ => ApiError::Failed(message),
            }),
        }
    }))
}

/// Calls a method and returns the lines that come back as they are.
pub fn listen_raw(path: &Path, method: &str, params: &Value) -> Result<io::Lines<io::BufReader<UnixStream>>, ApiError> {
    let absent = |error: io::Error| {
        ApiError::Failed(format!(
            "leash does not run ({}: {error}); start it with: service leash start",
            path.display()
        ))
    };
    let mut stream = UnixStream::connect(path).map_err(absent)?;
    let request = json!({ "method": method, "params": params });
    writeln!(stream, "{request}").map_err(absent)?;
    Ok(io::BufRead::lines(io::BufReader::new(stream)))
}
