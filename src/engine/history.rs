//! What happened of late, for people.

use crate::limits;
use crate::model::Mac;
use crate::time::Wall;
use std::collections::VecDeque;

/// Something that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub wall: Wall,
    /// With which device.
    pub mac: Option<Mac>,
    /// About which address.
    pub address: Option<std::net::IpAddr>,
    /// What: `device`, `finding`, `block`, `end`, `unblock`, `mode`, `pin`, `blocking`, `forget`.
    pub what: &'static str,
    /// In words.
    pub says: String,
}

/// The latest records, oldest first.
#[derive(Debug, Default)]
pub struct History {
    records: VecDeque<Record>,
}

impl History {
    /// Adds one; the oldest makes room.
    pub fn add(&mut self, record: Record) {
        if self.records.len() >= limits::RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }
}
