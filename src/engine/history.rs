//! The latest things that happened, for people.

use crate::limits;
use crate::model::Mac;
use crate::sentence::Sentence;
use crate::time::Wall;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A device was seen for the first time.
    Device,
    /// A detector found something.
    Finding,
    /// An address was blocked for a device.
    Block,
    /// A block ended by itself.
    End,
    /// The user ended a block.
    Unblock,
    /// The user pinned a destination, or took a pin back.
    Pin,
    /// A device got another mode.
    Mode,
    /// A device got another name.
    Name,
    /// Blocking was switched on or off for all.
    Blocking,
    /// What was known of a device was forgotten.
    Forget,
    /// A week is over. It is told, and is not in the history.
    Report,
}

impl RecordKind {
    /// All kinds.
    pub const ALL: [RecordKind; 11] = [
        RecordKind::Device,
        RecordKind::Finding,
        RecordKind::Block,
        RecordKind::End,
        RecordKind::Unblock,
        RecordKind::Pin,
        RecordKind::Mode,
        RecordKind::Name,
        RecordKind::Blocking,
        RecordKind::Forget,
        RecordKind::Report,
    ];

    /// Returns its word in the JSON.
    pub fn text(self) -> &'static str {
        match self {
            RecordKind::Device => "device",
            RecordKind::Finding => "finding",
            RecordKind::Block => "block",
            RecordKind::End => "end",
            RecordKind::Unblock => "unblock",
            RecordKind::Pin => "pin",
            RecordKind::Mode => "mode",
            RecordKind::Name => "name",
            RecordKind::Blocking => "blocking",
            RecordKind::Forget => "forget",
            RecordKind::Report => "report",
        }
    }

    /// Returns the name of the ubus event that announces it.
    pub fn ubus_event(self) -> &'static str {
        match self {
            RecordKind::Device => "leash.device",
            RecordKind::Finding => "leash.finding",
            RecordKind::Block => "leash.blocked",
            RecordKind::Report => "leash.report",
            RecordKind::End
            | RecordKind::Unblock
            | RecordKind::Pin
            | RecordKind::Mode
            | RecordKind::Name
            | RecordKind::Blocking
            | RecordKind::Forget => "leash.verdict",
        }
    }

    /// Returns the least level at which the log says it. Addresses and names of destinations are said at debug only.
    pub fn log_level(self) -> log::Level {
        match self {
            RecordKind::Finding | RecordKind::Pin | RecordKind::Forget | RecordKind::Report => log::Level::Debug,
            RecordKind::Device
            | RecordKind::Block
            | RecordKind::End
            | RecordKind::Unblock
            | RecordKind::Mode
            | RecordKind::Name
            | RecordKind::Blocking => log::Level::Info,
        }
    }
}

/// Something that people may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it happened.
    pub wall: Wall,
    /// The device that it is about, if it is about one.
    pub mac: Option<Mac>,
    /// The remote address that it is about, if it is about one.
    pub address: Option<IpAddr>,
    /// What kind of thing it is.
    pub kind: RecordKind,
    /// What happened, in words.
    pub message: Sentence,
}

impl Record {
    /// Returns the record as words of a line, which [`Record::read`] reads.
    pub fn line(&self) -> String {
        let mac = self.mac.map_or("-".into(), |mac| mac.to_string());
        let address = self.address.map_or("-".into(), |address| address.to_string());
        format!("{} {} {mac} {address} {}", self.wall, self.kind.text(), self.message.parts())
    }

    /// Reads what [`Record::line`] returned; records that are read with the same list share the forms of their sentences.
    /// Returns `None` if a word is missing or makes no sense.
    pub fn read(line: &str, forms: &mut Vec<Rc<str>>) -> Option<Record> {
        let mut words = line.splitn(5, ' ');
        let (wall, kind) = (Wall::parse(words.next()?)?, words.next()?);
        let kind = *RecordKind::ALL.iter().find(|known| known.text() == kind)?;
        let mac = Some(words.next()?).filter(|word| *word != "-").map(str::parse).transpose().ok()?;
        let address = Some(words.next()?).filter(|word| *word != "-").map(str::parse).transpose().ok()?;
        let message = Sentence::from_parts_sharing(&serde_json::from_str(words.next()?).ok()?, forms)?;
        Some(Record { wall, mac, address, kind, message })
    }

    /// Returns what the log says at [`RecordKind::log_level`]: the message, or less where that holds an address.
    pub fn log_message(&self) -> String {
        match self.kind {
            RecordKind::Block => "an address is blocked".into(),
            RecordKind::End | RecordKind::Unblock => "a block is over".into(),
            _ => self.message.to_string(),
        }
    }
}

/// The latest records, oldest first. They are numbered in the order in which they came, so that who has seen some can tell
/// which are new.
#[derive(Debug, Default)]
pub struct History {
    records: VecDeque<Record>,
    /// The number of the latest record.
    pub latest: u64,
}

impl History {
    /// Adds a record; the oldest makes room.
    pub fn add(&mut self, record: Record) {
        self.latest += 1;
        self.restore(record);
    }

    /// Adds a record that had its number before a restart.
    pub fn restore(&mut self, record: Record) {
        if self.records.len() >= limits::RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.latest = self.latest.max(self.records.len() as u64);
    }

    /// Returns true if nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns all records, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// Returns all records with their numbers, oldest first.
    pub fn numbered(&self) -> impl Iterator<Item = (u64, &Record)> {
        (self.latest + 1 - self.records.len() as u64..).zip(&self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_while_the_oldest_go() {
        let record = Record {
            wall: Wall(0),
            mac: None,
            address: None,
            kind: RecordKind::Mode,
            message: Sentence::verbatim("it happened"),
        };
        let mut history = History::default();
        (0..limits::RECORDS + 7).for_each(|_| history.add(record.clone()));
        let numbers = |history: &History| history.numbered().map(|(number, _)| number).collect::<Vec<_>>();
        let kept = (8..=limits::RECORDS as u64 + 7).collect::<Vec<_>>();
        assert_eq!(numbers(&history), kept);
        // After a restart: the number of the latest, and then the records.
        let mut again = History { latest: history.latest, ..History::default() };
        history.iter().for_each(|record| again.restore(record.clone()));
        assert_eq!(numbers(&again), kept);
    }
}
