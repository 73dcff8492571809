//! The control socket: one JSON line each way.
//!
//! `{"method": "blocks", "params": {}}` is answered by `{"result": ...}` or `{"error": "a sentence", "code": "a word"}`.
//! After `{"method": "watch"}` there is a line for whatever happens, after `{"method": "record"}` one for each event.

use crate::api::{self, ApiError, Daemon};
use crate::config::HOOKS;
use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The most callers at one time.
const CALLERS_MAX: usize = 32;
/// The longest request in bytes.
const REQUEST_MAX: usize = 64 << 10;
/// The bytes that may wait for a caller who does not read.
const UNREAD_MAX: usize = 8 << 20;

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
}

struct Caller {
    socket: UnixStream,
    may_write: bool,
    /// The beginning of a request whose end was not read yet.
    input: Vec<u8>,
    /// What the caller has not read yet.
    output: Vec<u8>,
    listens_to: Option<Stream>,
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
        Ok(Control { listener, path: path.into(), callers: Vec::new() })
    }

    /// Returns the sockets, and what to wait for.
    pub fn sockets(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let callers = self.callers.iter().map(|caller| {
            let writes = if caller.output.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            (caller.socket.as_fd(), PollFlags::POLLIN | writes)
        });
        std::iter::once((self.listener.as_fd(), PollFlags::POLLIN)).chain(callers)
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
            caller.send(line);
        }
    }

    /// Accepts callers and answers requests. Returns true when somebody has ordered something: [`Control::flush`] sends the
    /// answers, once the order is carried out.
    pub fn serve(&mut self, daemon: &mut dyn Daemon) -> bool {
        while let Ok((socket, _)) = self.listener.accept() {
            if self.callers.len() < CALLERS_MAX && socket.set_nonblocking(true).is_ok() {
                let own = nix::unistd::geteuid().as_raw();
                let peer = getsockopt(&socket, sockopt::PeerCredentials).ok();
                let may_write = peer.is_some_and(|peer| peer.uid() == 0 || peer.uid() == own);
                let (input, output) = (Vec::new(), Vec::new());
                let (listens_to, alerts, gone) = (None, None, false);
                self.callers.push(Caller { socket, may_write, input, output, listens_to, alerts, gone });
            }
        }
        let mut ordered = false;
        for caller in &mut self.callers {
            ordered |= caller.serve(daemon);
        }
        self.callers.retain(|caller| !caller.gone);
        ordered
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
    fn serve(&mut self, daemon: &mut dyn Daemon) -> bool {
        let mut buffer = [0; 4_096];
        let mut ordered = false;
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => self.gone = true,
                Ok(n) => self.input.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
            if self.gone || self.input.len() > REQUEST_MAX {
                break;
            }
        }
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let reply = match self.answer(&line, daemon, &mut ordered) {
                Ok(result) => json!({ "result": result }),
                Err(refusal) => {
                    let (code, message) = refusal.text();
                    json!({ "error": message, "code": code })
                }
            };
            self.send(&reply.to_string());
        }
        if self.input.len() > REQUEST_MAX {
            self.send(&json!({ "error": "the request is too long", "code": "argument" }).to_string());
            self.flush();
            self.gone = true;
        }
        ordered
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
        if self.output.len() + line.len() > UNREAD_MAX {
            self.gone = true;
        } else {
            self.output.extend_from_slice(line.as_bytes());
            self.output.push(b'\n');
        }
    }

    fn flush(&mut self) {
        while !self.output.is_empty() && !self.gone {
            match self.socket.write(&self.output) {
                Ok(n) => drop(self.output.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
        }
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
