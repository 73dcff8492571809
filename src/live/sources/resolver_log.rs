//! The log of a resolver whose answers do not pass this router, such as a Pi-hole on the LAN, asked for over HTTP.
//!
//! A flow waits two seconds for its lookup (`grace`). So the log is read every second, and where the answer is not there
//! before the next second, there is a gap at once.

use crate::api::{Complaint, Severity};
use crate::config::DaemonConfig;
use crate::event::{self, Event};
use crate::live::files;
use crate::live::slot::Need;
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Time};
use crate::wire::resolver_log::{LogReader, RESPONSE_MAX, ResolverLog};
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How often the log is read, and how often after a failure.
const EVERY: Span = Span::secs(1);
const AFTER_FAILURE: Span = Span::secs(5);
/// How long an answer may take.
const PATIENCE: Span = Span::ms(900);
/// How often a connection that is being made is looked at.
const LOOK_EVERY: Span = Span::ms(10);
/// Bytes that one turn reads.
const TURN_BYTES: usize = 64 << 10;
/// The grace in which a log that is read every second can explain a flow.
const GRACE: Span = Span::secs(2);

/// The entry of other resolvers' logs in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "resolver log",
        severity: Severity::Warning,
        missing: |error| sentence!("the resolver's log cannot be read, so its lookups are missed: %s", error),
        remedy: || sentence!("write %s into the file of %s", PLACE, "option resolver_log"),
    },
    step: Step::Lookups,
    // These lookups pass no other source.
    precedence: Some(0),
    open: |daemon| match &daemon.resolver_log {
        Some(path) => Ok(Some(Box::new(RemoteLog::new(place(path)?)))),
        None => Ok(None),
    },
};

/// What the file has.
const PLACE: &str = "adguard://USER:PASSWORD@192.168.1.2:3000";

/// Reads the file that tells of the resolver. It has a password in it, so it is a file of its own.
fn place(path: &Path) -> io::Result<ResolverLog> {
    let wrong = |why: &str| io::Error::other(format!("{} {why}", path.display()));
    if fs::metadata(path)?.permissions().mode() & 0o004 != 0 {
        return Err(wrong("can be read by everybody (chmod 600)"));
    }
    files::text(path)?.trim().parse().map_err(|()| wrong("tells of no resolver of the house"))
}

/// A connection to the resolver.
struct Exchange {
    stream: TcpStream,
    /// What is still to be sent.
    request: Vec<u8>,
    response: Vec<u8>,
    ends: Time,
}

struct RemoteLog {
    log: ResolverLog,
    reader: LogReader,
    exchange: Option<Exchange>,
    next: Time,
    now: Time,
    grace: Span,
    /// Why the latest attempt failed.
    problem: Option<Sentence>,
    answers: u64,
    failures: u64,
}

impl RemoteLog {
    fn new(log: ResolverLog) -> RemoteLog {
        RemoteLog {
            reader: LogReader::new(log.clone()),
            log,
            exchange: None,
            next: Time(0),
            now: Time(0),
            grace: GRACE,
            problem: None,
            answers: 0,
            failures: 0,
        }
    }

    /// Goes on with an exchange, or begins one. Returns the answer when it is whole.
    fn go_on(&mut self) -> Result<Option<Vec<u8>>, Sentence> {
        let silent = || sentence!("%s does not answer", self.log.to_string());
        let mut exchange = match self.exchange.take() {
            Some(exchange) => exchange,
            None => Exchange {
                stream: connecting(self.log.address).map_err(|_| silent())?,
                request: self.reader.request(),
                response: Vec::new(),
                ends: self.now + PATIENCE,
            },
        };
        match exchange.stream.write(&exchange.request) {
            Ok(sent) => drop(exchange.request.drain(..sent)),
            Err(error) if waits(&error) => {}
            Err(_) => return Err(silent()),
        }
        let mut buffer = [0; 4_096];
        let turn = exchange.response.len() + TURN_BYTES;
        while exchange.request.is_empty() && exchange.response.len() < turn {
            match exchange.stream.read(&mut buffer) {
                Ok(0) => return Ok(Some(exchange.response)),
                Ok(n) => exchange.response.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(error) if waits(&error) => break,
                Err(_) => return Err(silent()),
            }
        }
        if self.now >= exchange.ends || exchange.response.len() > RESPONSE_MAX {
            return Err(silent());
        }
        self.exchange = Some(exchange);
        Ok(None)
    }
}

/// Returns whether there is only nothing to do right now, also while a connection is being made.
fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::NotConnected)
}

/// Returns a connection that is being made.
fn connecting(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let fd = socket(family, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
    match connect(fd.as_raw_fd(), &SockaddrStorage::from(address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(fd.into()),
        Err(error) => Err(error.into()),
    }
}

impl Source for RemoteLog {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        // While it is being connected or written to, a socket is looked at by the clock.
        fds.extend(self.exchange.iter().filter(|exchange| exchange.request.is_empty()).map(|e| e.stream.as_fd()));
    }

    fn read(&mut self, scene: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        (self.now, self.grace) = (scene.at.now, scene.engine.config().grace);
        if self.exchange.is_none() {
            if self.now < self.next {
                return Ok(());
            }
            self.next = self.now + EVERY;
        }
        let result = match self.go_on() {
            Ok(None) => return Ok(()),
            Ok(Some(response)) => self.reader.answer(&response, out),
            Err(problem) => Err(problem),
        };
        match result {
            Ok(at_once) => {
                self.answers += 1;
                if at_once {
                    self.next = self.now;
                } else if self.problem.take().is_some() {
                    log::info!("resolver log: {} is read", self.log);
                }
            }
            Err(problem) => {
                self.failures += 1;
                self.next = self.now + AFTER_FAILURE;
                out.push(Event::Gap { source: event::Source::Lookups });
                if self.problem.is_none() {
                    log::warn!("resolver log: {problem}");
                }
                self.problem = Some(problem);
            }
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        Some(match &self.exchange {
            Some(exchange) if exchange.request.is_empty() => exchange.ends,
            Some(_) => self.now + LOOK_EVERY,
            None => self.next,
        })
    }

    fn sees_lookups(&self, _: bool) -> bool {
        self.problem.is_none() && self.answers > 0
    }

    fn reconfigure(&mut self, daemon: &DaemonConfig) -> bool {
        daemon.resolver_log.as_deref().and_then(|path| place(path).ok()).as_ref() == Some(&self.log)
    }

    fn counts(&self) -> Value {
        json!({ "answers": self.answers, "failures": self.failures })
    }

    fn complain(&self, all: &mut Vec<Complaint>) {
        if let Some(problem) = &self.problem {
            all.push(Complaint::warning(
                sentence!("the resolver's log cannot be read, so its lookups are missed: %s", problem.clone()),
                (KIND.need.remedy)(),
            ));
        }
        if self.grace < GRACE {
            all.push(Complaint::warning(
                sentence!(
                    "the resolver's log is read every second, and a flow waits only %s for its lookup",
                    self.grace
                ),
                sentence!("set %s to 2s", "option grace"),
            ));
        }
    }
}
