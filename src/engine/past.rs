//! The journal: what happened in the last [`limits::PAST_DAYS`] days, as lines that are added to a file and never
//! changed. A day that is over is a line for each device with what it moved, in kB, in all and by registrable name.
//!
//! ```text
//! day 20454
//! 020000000020 340 8123 vendor.example 300 8100
//! new 20454 02:00:00:00:00:20 tracker.example
//! stopped 20454 02:00:00:00:00:20 203.0.113.9 12 720
//! record 1767225661.000000 block 02:00:00:00:00:20 203.0.113.9 {"form":"%s is blocked: ...","values":[...]}
//! ```
//!
//! Days are those of local time, counted since 1970. Of equal lines about a day the last counts, so that one which was
//! written twice does no harm.

use crate::engine::history::Record;
use crate::limits;
use crate::model::{Mac, Name, name};
use crate::tables::counters::day::Traffic;
use crate::tables::devices::DeviceId;
use crate::wire::nft::Pair;
use std::net::IpAddr;
use std::rc::Rc;

/// What is to be written to the journal, and what the current day is made of.
#[derive(Debug, Default)]
pub struct Journal {
    /// The day that is being counted; absent before the first fact.
    pub day: Option<u32>,
    /// The hour of the latest look at the date.
    pub hour: u32,
    /// The week that was told last: see [`limits::REPORT_HOUR`].
    pub week: Option<u32>,
    /// Lines that are not in the file yet.
    pub pending: String,
    /// Bytes of records and new names that are not a day old yet.
    pub noted: usize,
    /// What names carried today before a restart.
    pub carried: Vec<(DeviceId, Name, Traffic)>,
    /// What blocks stopped, those that stopped something.
    pub stopped: Vec<Stopped>,
}

/// What a block has stopped.
#[derive(Debug)]
pub struct Stopped {
    /// The device and the address.
    pub pair: Pair,
    /// Packets and bytes of this day.
    pub today: (u64, u64),
    /// What the kernel's counters showed last.
    pub last: (u64, u64),
}

impl Journal {
    /// Adds a line.
    pub fn note(&mut self, line: &str) {
        if self.pending.len() + line.len() < limits::PAST_PENDING_BYTES {
            self.pending += line;
            self.pending.push('\n');
        }
    }

    /// Adds a line of which there may be any number. Lines beyond [`limits::PAST_RECORDS_BYTES`] a day are dropped, where
    /// four days may come at once.
    pub fn note_some(&mut self, line: &str) {
        if self.noted + line.len() < 4 * limits::PAST_RECORDS_BYTES {
            self.noted += line.len() + 1;
            self.note(line);
        }
    }

    /// Takes up what a name carried today before a restart.
    pub fn carry(&mut self, device: DeviceId, name: Name, traffic: Traffic) {
        if self.carried.len() < limits::CARRIED {
            self.carried.push((device, name, traffic));
        }
    }

    /// Takes up what a block had stopped before a restart.
    pub fn restore_stopped(&mut self, pair: Pair, today: (u64, u64), last: (u64, u64)) {
        if self.stopped.len() < limits::STOPPED {
            self.stopped.push(Stopped { pair, today, last });
        }
    }

    /// Returns what blocks stopped today: device, address, packets and bytes.
    pub fn stopped(&self) -> impl Iterator<Item = (Pair, (u64, u64))> {
        self.stopped.iter().map(|it| (it.pair, it.today)).filter(|(_, today)| *today != (0, 0))
    }
}

/// Takes out what has the largest key; of equals the last.
pub fn take_largest<T>(all: &mut Vec<T>, key: impl Fn(&T) -> u64) -> Option<T> {
    let (place, _) = all.iter().enumerate().max_by_key(|(_, it)| key(it))?;
    Some(all.swap_remove(place))
}

/// Returns whether a line is one of the journal.
pub fn is_line(line: &str) -> bool {
    Past { day: Some(0), ..Past::default() }.read_line(line, 0, &mut Vec::new()).is_some()
}

/// What a device moved on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDay {
    /// The day since 1970.
    pub day: u32,
    /// The device.
    pub mac: Mac,
    /// What it moved.
    pub traffic: Traffic,
}

/// What was read of the journal.
#[derive(Debug, Default)]
pub struct Past {
    /// What each device moved on each day.
    pub days: Vec<DeviceDay>,
    /// What each device moved in all of the days by registrable name.
    pub names: Vec<(Mac, Name, Traffic)>,
    /// Registrable names that were new to a device: the day, the device and the name.
    pub new: Vec<(u32, Mac, Name)>,
    /// What blocks stopped: the day, the device and the address, packets and bytes.
    pub stopped: Vec<(u32, Pair, (u64, u64))>,
    /// What happened.
    pub records: Vec<Record>,
    /// How many lines make no sense.
    pub damaged: usize,
    /// The day that the next lines are about.
    day: Option<u32>,
}

impl Past {
    /// Reads lines of the journal from a day on. What was read before is kept.
    pub fn read(&mut self, text: &str, first_day: u32, forms: &mut Vec<Rc<str>>) {
        for line in text.lines() {
            self.damaged += usize::from(self.read_line(line, first_day, forms).is_none());
        }
    }

    fn read_line(&mut self, line: &str, first_day: u32, forms: &mut Vec<Rc<str>>) -> Option<()> {
        if let Some(rest) = line.strip_prefix("record ") {
            let record = Record::read(rest, forms)?;
            let is_wanted = record.wall.as_secs() / 86_400 + 1 >= i64::from(first_day);
            let key = |it: &Record| (it.wall, it.mac, it.address, it.kind as u8);
            let is_known = || self.records.iter().rev().take(64).any(|known| key(known) == key(&record));
            if is_wanted && self.records.len() < limits::PAST_READ && !is_known() {
                self.records.push(record);
            }
            return Some(());
        }
        let mut words = line.split(' ');
        let (word, number) = (words.next()?, words.next()?);
        if let Some(mac) = Mac::parse_plain(word) {
            return self.read_device(mac, number, words, first_day);
        }
        let day = number.parse::<u32>().ok()?;
        if word == "day" {
            self.day = Some(day);
            return words.next().is_none().then_some(());
        }
        let mac = words.next()?.parse::<Mac>().ok()?;
        let is_wanted = day >= first_day;
        match word {
            "new" => {
                let name = name(words.next()?.as_bytes());
                let is_known = || self.new.iter().any(|(_, of, known)| *of == mac && *known == name);
                if is_wanted && self.new.len() < limits::PAST_READ && !is_known() {
                    self.new.push((day, mac, name));
                }
            }
            "stopped" => {
                let pair = (mac, words.next()?.parse::<IpAddr>().ok()?);
                let counts = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                let is_known = || self.stopped.iter().any(|(of, known, _)| *of == day && *known == pair);
                if is_wanted && self.stopped.len() < limits::PAST_READ && !is_known() {
                    self.stopped.push((day, pair, counts));
                }
            }
            _ => return None,
        }
        words.next().is_none().then_some(())
    }

    /// Reads what a device moved on the day that the last line named.
    fn read_device<'a>(
        &mut self,
        mac: Mac,
        sent: &str,
        mut words: impl Iterator<Item = &'a str>,
        first_day: u32,
    ) -> Option<()> {
        let kb = |word: &str| Some(word.parse::<u64>().ok()?.saturating_mul(1_000));
        let (day, traffic) = (self.day?, Traffic { sent: kb(sent)?, received: kb(words.next()?)? });
        let mut names = Vec::new();
        while let Some(word) = words.next() {
            names.push((name(word.as_bytes()), Traffic { sent: kb(words.next()?)?, received: kb(words.next()?)? }));
        }
        let is_known = || self.days.iter().rev().take(2 * limits::DEVICES).any(|it| (it.day, it.mac) == (day, mac));
        if day < first_day || self.days.len() >= limits::DEVICES * limits::PAST_DAYS as usize || is_known() {
            return Some(());
        }
        self.days.push(DeviceDay { day, mac, traffic });
        for (name, traffic) in names {
            let has_room = self.names.len() < limits::PAST_READ;
            match self.names.iter_mut().find(|(of, known, _)| *of == mac && *known == name) {
                Some((.., sum)) => sum.add(traffic),
                None if has_room => self.names.push((mac, name, traffic)),
                None => {}
            }
        }
        Some(())
    }
}
