//! Small files of other programs that are read again whenever they were written.

use crate::time::{Span, Time};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Nobody writes them in a hurry.
const CHECK_EVERY: Span = Span::secs(10);

/// Returns when a file was written; absent while there is none.
pub fn written_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}

/// A file that may come, go and be written anew.
pub struct Rewritten {
    /// Where it is.
    pub path: PathBuf,
    written_at: Option<SystemTime>,
    next_check: Time,
}

impl Rewritten {
    /// Follows a file, which counts as one that is not there yet.
    pub fn new(path: PathBuf) -> Rewritten {
        Rewritten { path, written_at: None, next_check: Time(0) }
    }

    /// Returns when the file is to be looked at next.
    pub fn next_check(&self) -> Time {
        self.next_check
    }

    /// Returns true every ten seconds.
    pub fn is_due(&mut self, now: Time) -> bool {
        let due = self.next_check <= now;
        if due {
            self.next_check = now + CHECK_EVERY;
        }
        due
    }

    /// Returns true if the file was written, or has gone, since this was asked last.
    pub fn has_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.written_at, written_at(&self.path));
        before != self.written_at
    }

    /// Returns true if the file was there when it was looked at last.
    pub fn is_there(&self) -> bool {
        self.written_at.is_some()
    }
}
