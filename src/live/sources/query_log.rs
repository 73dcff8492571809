//! dnsmasq's query log, in which its DHCP server writes, too.

use crate::api::{Complaint, Severity};
use crate::config::DaemonConfig;
use crate::event::{self, Event};
use crate::live::slot::Need;
use crate::live::sources::source::{Scene, Source, SourceKind, Step};
use crate::live::tail::Tail;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::Time;
use crate::wire::dnsmasq::{Counts, QueryLogParser};
use serde_json::{Value, json};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// Lines that a log of lookups does not reach without a question among them.
const LINES_WITHOUT_QUESTIONS: u64 = 20;

/// The entry of the query log in the table of sources.
pub static KIND: SourceKind = SourceKind {
    need: Need {
        name: "query log",
        severity: Severity::Warning,
        missing: |error| sentence!("the query log cannot be followed, so its lookups are missed: %s", error),
        remedy: || sentence!("raise the limit that %s shows", "sysctl fs.inotify.max_user_instances"),
    },
    step: Step::Lookups,
    // A name can forge lines of the log, as far as dnsmasq prints names raw.
    precedence: Some(2),
    open: |daemon| match &daemon.query_log {
        Some(path) => Ok(Some(Box::new(QueryLog::open(path)?))),
        None => Ok(None),
    },
};

/// dnsmasq's query log.
struct QueryLog {
    path: PathBuf,
    tail: Tail,
    log: QueryLogParser,
}

impl QueryLog {
    /// Follows the file, which may come later.
    fn open(path: &Path) -> io::Result<QueryLog> {
        Ok(QueryLog { path: path.into(), tail: Tail::open(path)?, log: QueryLogParser::default() })
    }
}

impl Source for QueryLog {
    fn fds<'a>(&'a self, fds: &mut Vec<BorrowedFd<'a>>) {
        fds.push(self.tail.as_fd());
    }

    fn read(&mut self, _: &mut Scene, out: &mut Vec<Event>) -> io::Result<()> {
        let log = &mut self.log;
        self.tail.read(|line| match line {
            Some(line) => log.line(line, out),
            // What was written right before another file began may be lost.
            None => {
                log.reset();
                out.push(Event::Gap { source: event::Source::Lookups });
            }
        })?;
        self.log.flush(out);
        Ok(())
    }

    fn next_deadline(&self) -> Option<Time> {
        self.tail.has_more().then_some(Time(0))
    }

    fn sees_lookups(&self, _: bool) -> bool {
        self.tail.is_there()
    }

    fn reconfigure(&mut self, daemon: &DaemonConfig) -> bool {
        daemon.query_log.as_ref() == Some(&self.path)
    }

    fn counts(&self) -> Value {
        let Counts { lines, questions, stray, refused } = self.log.counts;
        json!({ "lines": lines, "questions": questions, "stray": stray, "refused": refused })
    }

    fn complain(&self, all: &mut Vec<Complaint>) {
        let (path, counts) = (self.path.display().to_string(), self.log.counts);
        let restart = "uci commit dhcp; service dnsmasq restart";
        if !self.tail.is_there() {
            let command = format!("uci set dhcp.@dnsmasq[0].logfacility={path}; {restart}");
            all.push(Complaint::warning(
                sentence!("the query log %s does not exist: dnsmasq writes none, or writes it elsewhere", path),
                Sentence::verbatim(command),
            ));
        } else if counts.lines >= LINES_WITHOUT_QUESTIONS && counts.questions == 0 {
            all.push(Complaint::warning(
                sentence!("the query log %s contains no questions, so no lookup is known from it", path),
                Sentence::verbatim(format!("uci set dhcp.@dnsmasq[0].logqueries=1; {restart}")),
            ));
        }
        if counts.refused > 0 {
            all.push(Complaint::warning(
                sentence!("%s lines of the query log may be forged and were ignored", counts.refused),
                sentence!("install %s, so that leash taps the answers instead", "kmod-nfnetlink-log"),
            ));
        }
    }
}
