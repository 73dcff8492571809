//! The place of a part of leash that needs something of the kernel: open, or missing for a reason.

use crate::api::{Complaint, Severity};
use crate::sentence;
use crate::sentence::Sentence;
use std::io;

/// What is said of a part while it is missing.
pub struct Need {
    /// The part's name in the log. In the `health` of `status` a `_` stands for each blank.
    pub name: &'static str,
    /// How much of leash's work is lost without the part.
    pub severity: Severity,
    /// What follows for people, and why the part is missing: makes a sentence of the system's error.
    pub missing: fn(&str) -> Sentence,
    /// What to do about it.
    pub remedy: fn() -> Sentence,
}

/// Returns the remedy for a part that needs a right and a kernel module, by the module's package on OpenWrt.
pub fn rights_and_package(package: &'static str) -> Sentence {
    sentence!("run leash as root or with %s, and install %s", "CAP_NET_ADMIN", package)
}

/// A part that is open, or why it is not.
pub struct Slot<T> {
    need: &'static Need,
    part: Option<T>,
    error: Option<String>,
}

impl<T> Slot<T> {
    /// Returns an empty slot.
    pub fn new(need: &'static Need) -> Slot<T> {
        Slot { need, part: None, error: None }
    }

    /// Returns the part, if it is open.
    pub fn get(&self) -> Option<&T> {
        self.part.as_ref()
    }

    /// Returns the part to be changed, if it is open.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.part.as_mut()
    }

    /// Opens the part if it is not open; `open` returns none where the settings do not want it. Returns whether the part was
    /// opened now.
    pub fn open(&mut self, open: impl FnOnce() -> io::Result<Option<T>>) -> bool {
        if self.part.is_some() {
            return false;
        }
        match open() {
            Ok(part) => {
                if self.error.take().is_some() && part.is_some() {
                    log::info!("{}: regained", self.need.name);
                }
                self.part = part;
            }
            Err(error) => {
                let error = error.to_string();
                if self.error.as_ref() != Some(&error) {
                    log::warn!("{}: not available: {error}", self.need.name);
                }
                self.error = Some(error);
            }
        }
        self.part.is_some()
    }

    /// Drops the part after an error.
    pub fn lose(&mut self, error: &io::Error) {
        log::warn!("{}: lost: {error}", self.need.name);
        (self.part, self.error) = (None, Some(error.to_string()));
    }

    /// Drops the part because other settings hold now.
    pub fn close(&mut self) {
        self.part = None;
    }

    /// Complains about a part that is missing.
    pub fn complain(&self, all: &mut Vec<Complaint>) {
        if let Some(error) = &self.error {
            let Need { severity, missing, remedy, .. } = self.need;
            all.push(Complaint { severity: *severity, message: missing(error), remedy: remedy() });
        }
    }
}
