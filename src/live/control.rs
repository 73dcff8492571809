//! The control socket: one JSON line each way.
//!
//! `{"method": "blocks", "params": {}}` is answered by `{"result": ...}` or `{"error": "a sentence", "code": "a word"}`.
//! After `{"method": "watch"}` a line comes for whatever happens, after `{"method": "record"}` one for each event.

use crate::api::{self, ApiError, Daemon};
use nix::poll::PollFlags;
use nix::sys::socket::{getsockopt, sockopt};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Callers at one time.
const CALLERS: usize = 32;
/// The longest request.
const REQUEST: usize = 64 << 10;
/// What may wait for a caller who does not read.
const WAITING: usize = 8 << 20;

/// What a caller listens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What happens, for people.
    Watch,
    /// Every event.
    Record,
}

/// The listening socket and its callers.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
    callers: Vec<Caller>,
}

struct Caller {
    stream: UnixStream,
    may_write: bool,
    read: Vec<u8>,
    write: Vec<u8>,
    listens: Option<Stream>,
    gone: bool,
}

impl Control {
    /// Listens. The error is a sentence.
    pub fn open(path: &Path) -> Result<Control, String> {
        let fail = |error: io::Error| format!("the control socket {} cannot be made: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        if is_there(path) {
            return Err(format!("another leash listens at {}: stop it first", path.display()));
        }
        // Left behind by one that was killed.
        let _ = fs::remove_file(path);
        let listener = UnixListener::bind(path).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        // Everybody may ask; who may order is decided by who asks.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(fail)?;
        Ok(Control { listener, path: path.into(), callers: Vec::new() })
    }

    /// What to wait for.
    pub fn sockets(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let callers = self.callers.iter().map(|caller| {
            let writes = if caller.write.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            (caller.stream.as_fd(), PollFlags::POLLIN | writes)
        });
        std::iter::once((self.listener.as_fd(), PollFlags::POLLIN)).chain(callers)
    }

    /// Somebody listens to this.
    pub fn listens(&self, stream: Stream) -> bool {
        self.callers.iter().any(|caller| caller.listens == Some(stream))
    }

    /// Tells those who listen.
    pub fn tell(&mut self, stream: Stream, line: &str) {
        for caller in self.callers.iter_mut().filter(|caller| caller.listens == Some(stream)) {
            caller.say(line);
        }
    }

    /// Takes new callers and answers requests. True when somebody ordered something: [`Control::flush`] tells them so when
    /// it is done.
    pub fn serve(&mut self, daemon: &mut dyn Daemon) -> bool {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.callers.len() < CALLERS && stream.set_nonblocking(true).is_ok() {
                let own = nix::unistd::geteuid().as_raw();
                let peer = getsockopt(&stream, sockopt::PeerCredentials).ok();
                let may_write = peer.is_some_and(|peer| peer.uid() == 0 || peer.uid() == own);
                let (read, write) = (Vec::new(), Vec::new());
                self.callers.push(Caller { stream, may_write, read, write, listens: None, gone: false });
            }
        }
        let mut ordered = false;
        for caller in &mut self.callers {
            ordered |= caller.serve(daemon);
        }
        self.callers.retain(|caller| !caller.gone);
        ordered
    }

    /// Writes what waits for the callers.
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
            match self.stream.read(&mut buffer) {
                Ok(0) => self.gone = true,
                Ok(n) => self.read.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
            if self.gone || self.read.len() > REQUEST {
                break;
            }
        }
        while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.read.drain(..=end).collect();
            let reply = match self.answer(&line, daemon, &mut ordered) {
                Ok(result) => json!({ "result": result }),
                Err(refusal) => {
                    let (code, says) = refusal.text();
                    json!({ "error": says, "code": code })
                }
            };
            self.say(&reply.to_string());
        }
        if self.read.len() > REQUEST {
            self.say(&json!({ "error": "the request is too long", "code": "argument" }).to_string());
            self.flush();
            self.gone = true;
        }
        ordered
    }

    fn answer(&mut self, line: &[u8], daemon: &mut dyn Daemon, ordered: &mut bool) -> Result<Value, ApiError> {
        let wrong = |says: &str| ApiError::Argument(says.into());
        let request: Value = serde_json::from_slice(line).map_err(|_| wrong("a request is one line of JSON"))?;
        let method = request.get("method").and_then(Value::as_str).ok_or(wrong("a request names its 'method'"))?;
        self.listens = match method {
            "watch" => Some(Stream::Watch),
            // Every address and name of the house.
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

    fn say(&mut self, line: &str) {
        if self.write.len() + line.len() > WAITING {
            self.gone = true;
        } else {
            self.write.extend_from_slice(line.as_bytes());
            self.write.push(b'\n');
        }
    }

    fn flush(&mut self) {
        while !self.write.is_empty() && !self.gone {
            match self.stream.write(&self.write) {
                Ok(n) => drop(self.write.drain(..n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.gone = true,
            }
        }
    }
}

/// A running leash listens there.
pub fn is_there(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Calls a method of a running leash, and gives its answer or the sentence that says why there is none.
pub fn ask(path: &Path, method: &str, params: &Value) -> Result<Value, ApiError> {
    let mut lines = listen(path, method, params)?;
    lines.next().unwrap_or_else(|| Err(ApiError::Failed("leash closed the connection".into())))
}

/// Calls a method and gives the lines that come back, the first of which is the answer.
pub fn listen(
    path: &Path,
    method: &str,
    params: &Value,
) -> Result<impl Iterator<Item = Result<Value, ApiError>> + use<>, ApiError> {
    let lines = raw(path, method, params)?;
    Ok(lines.enumerate().map(|(i, line)| {
        let broken =
            |error: &dyn std::fmt::Display| ApiError::Failed(format!("leash's answer makes no sense: {error}"));
        let line = line.map_err(|error| broken(&error))?;
        let mut value: Value = serde_json::from_str(&line).map_err(|error| broken(&error))?;
        if i > 0 {
            return Ok(value);
        }
        match value.get("error").and_then(Value::as_str).map(String::from) {
            None => Ok(value["result"].take()),
            Some(says) => Err(match value.get("code").and_then(Value::as_str) {
                Some("argument") => ApiError::Argument(says),
                Some("not-found") => ApiError::NotFound(says),
                Some("denied") => ApiError::Denied(says),
                _ => ApiError::Failed(says),
            }),
        }
    }))
}

/// The same, with the lines as they are.
pub fn raw(path: &Path, method: &str, params: &Value) -> Result<io::Lines<io::BufReader<UnixStream>>, ApiError> {
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
