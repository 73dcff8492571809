//! The days and what happened in them, on their way to the [journal](super::past).

use crate::engine::history::{Record, RecordKind};
use crate::engine::past::{Past, Stopped, take_largest};
use crate::engine::{Action, Engine};
use crate::limits;
use crate::model::{Mac, Name};
use crate::sentence;
use crate::tables::counters::day::{Day, HOURS, KEPT, Traffic};
use crate::tables::devices::DeviceId;
use crate::tables::domain::registrable;
use crate::time::{Span, Stamp, Wall};
use crate::wire::nft::Pair;
use std::net::IpAddr;

const _: () = assert!(KEPT >= 2 * HOURS, "a day is closed after its end");

impl Engine {
    /// Returns the lines that are to be added to the journal, and the day that is being counted; absent when there are
    /// none.
    pub fn journal_lines(&self) -> Option<(u32, &str)> {
        self.journal.day.map(|day| (day, self.journal.pending.as_str())).filter(|(_, lines)| !lines.is_empty())
    }

    /// Says that the lines of [`Engine::journal_lines`] are in the journal.
    pub fn journal_written(&mut self) {
        self.journal.pending = String::new();
    }

    /// Returns the local day that a date is in, since 1970.
    pub fn local_day(&self, wall: Wall) -> u32 {
        ((wall.as_secs() + i64::from(self.utc_offset_minutes) * 60).div_euclid(86_400)).max(0) as u32
    }

    /// Returns when a local day begins.
    pub fn day_begins(&self, day: u32) -> Wall {
        Wall::secs(i64::from(day) * 86_400 - i64::from(self.utc_offset_minutes) * 60)
    }

    /// Takes up what happened before a restart from the journal, where no state tells of it.
    pub fn restore_history(&mut self, past: Past) {
        if self.history.is_empty() {
            past.records.into_iter().for_each(|record| self.history.restore(record));
        }
    }

    /// Notes what happened in the journal.
    pub(super) fn note_record(&mut self, record: &Record) {
        // What people did themselves is in their settings.
        if matches!(record.kind, RecordKind::Device | RecordKind::Finding | RecordKind::Block | RecordKind::End) {
            self.journal.note_some(&format!("record {}", record.line()));
        }
    }

    /// Notes a registrable name that is new to a device which leash has known for a while.
    pub(super) fn note_new_name(&mut self, mac: Mac, name: &str, at: Stamp) {
        if self.keeps_records && !name.is_empty() {
            let line = format!("new {} {mac} {name}", self.local_day(at.wall));
            self.journal.note_some(&line);
        }
    }

    /// Takes the kernel's counters of blocks.
    pub fn count_stopped(&mut self, counters: impl Iterator<Item = (Pair, (u64, u64))>) {
        for (pair, now) in counters.filter(|(_, now)| *now != (0, 0)) {
            let all = &mut self.journal.stopped;
            let place = all.iter().position(|it| it.pair == pair).or_else(|| {
                let has_room = all.len() < limits::STOPPED;
                has_room.then(|| {
                    all.push(Stopped { pair, today: (0, 0), last: (0, 0) });
                    all.len() - 1
                })
            });
            let Some(place) = place else { continue };
            // A table that was loaded anew counts from zero.
            let added = |now: u64, last: u64| now.checked_sub(last).unwrap_or(now);
            let it = &mut all[place];
            it.today.0 = it.today.0.saturating_add(added(now.0, it.last.0));
            it.today.1 = it.today.1.saturating_add(added(now.1, it.last.1));
            it.last = now;
        }
    }

    /// Closes the day in the journal when another one has begun. To be called often.
    pub(super) fn close_day(&mut self, at: Stamp) {
        let hour = at.wall.hour();
        if !self.keeps_records || self.journal.hour == hour {
            return;
        }
        self.journal.hour = hour;
        self.close_week(at);
        let today = self.local_day(at.wall);
        match self.journal.day {
            Some(day) if day == today => return,
            Some(day) if day < today => self.write_days(day, today),
            // A clock that is not set, or was wrong.
            Some(day) if day == today + 1 => return,
            _ => {}
        }
        self.journal.day = Some(today);
        self.journal.noted = self.journal.noted.saturating_sub(limits::PAST_RECORDS_BYTES);
        let Engine { ledger, tables, .. } = self;
        ledger.sweep(at.wall, |id, endpoint| tables.contacts.get(id, endpoint).is_some());
    }

    /// Tells once that a week is over. A leash that begins to watch, or whose clock was wrong, has no week to tell of.
    fn close_week(&mut self, at: Stamp) {
        // The first day that is counted was a Thursday.
        let week = (self.local_day(at.wall - Span::hours(limits::REPORT_HOUR)) + 3) / 7;
        let told = self.journal.week.unwrap_or(week);
        if told < week && week - told <= 4 {
            let message = sentence!("a week is over, and the report says what it brought");
            let record = Record { wall: at.wall, mac: None, address: None, kind: RecordKind::Report, message };
            self.actions.push_back(Action::Note(record));
        }
        self.journal.week = Some(if week - week.min(told) <= 4 { week.max(told) } else { week });
    }

    /// Writes the days from `day` on that are over.
    fn write_days(&mut self, day: u32, today: u32) {
        for day in day.max(today.saturating_sub(2))..today {
            let is_today = Some(day) == self.journal.day;
            self.journal.note(&format!("day {day}"));
            let mut lines: Vec<(u64, String)> = Vec::new();
            let mut names: Vec<(u64, usize, String)> = Vec::new();
            for (id, device) in self.tables.devices.iter() {
                let traffic = self.traffic_of_day(&device.day, day);
                if traffic.total() == 0 {
                    continue;
                }
                // What names carried is known of the last day only.
                let own = if is_today { self.names_today(id) } else { Vec::new() };
                let own = own.into_iter().take(limits::PAST_NAMES_PER_DEVICE);
                names.extend(own.map(|(name, traffic)| {
                    let Traffic { sent, received } = in_kb(traffic);
                    (traffic.total(), lines.len(), format!(" {name} {sent} {received}"))
                }));
                let Traffic { sent, received } = in_kb(traffic);
                lines.push((traffic.total(), format!("{} {sent} {received}", device.mac.plain())));
            }
            // The busiest names have room in the line of their device, wherever it is.
            let mut room = limits::PAST_NAMES_BYTES;
            while let Some((_, place, text)) = take_largest(&mut names, |(bytes, ..)| *bytes) {
                if text.len() > room {
                    break;
                }
                room -= text.len();
                lines[place].1 += &text;
            }
            let mut room = limits::PAST_DAY_BYTES;
            while let Some((_, line)) = take_largest(&mut lines, |(bytes, _)| *bytes) {
                if line.len() >= room {
                    break;
                }
                room -= line.len() + 1;
                self.journal.note(&line);
            }
        }
        let stopped: Vec<_> = self.journal.stopped().collect();
        for ((mac, address), (packets, bytes)) in stopped {
            self.journal.note(&format!("stopped {day} {mac} {address} {packets} {bytes}"));
        }
        self.journal.carried.clear();
        let Engine { journal, blocks, .. } = self;
        journal.stopped.retain(|it| blocks.get(it.pair.0, it.pair.1).is_some());
        journal.stopped.iter_mut().for_each(|it| it.today = (0, 0));
        self.tables.contacts.iter_mut().for_each(|contact| contact.start_day());
    }

    /// Returns what was moved on a local day. A time zone that is not a whole number of hours from UTC rounds to hours.
    pub(super) fn traffic_of_day(&self, hours: &Day, day: u32) -> Traffic {
        let first = (self.day_begins(day) + Span::mins(30)).hour();
        (first..first.saturating_add(HOURS as u32)).map(|hour| hours.of_hour(hour)).sum()
    }

    /// Returns what a device has moved today by registrable name, the most first.
    pub(super) fn names_today(&self, id: DeviceId) -> Vec<(Name, Traffic)> {
        let mut all: Vec<(Name, Traffic)> = Vec::new();
        let mut add = |name: &str, traffic: Traffic| match all.iter_mut().find(|(known, _)| &**known == name) {
            Some((_, sum)) => sum.add(traffic),
            None => all.push((name.into(), traffic)),
        };
        for (endpoint, contact) in self.tables.contacts.of_device(id) {
            let traffic = contact.today();
            if traffic.total() > 0
                && let Some(name) = self.registrable_of(id, endpoint.address)
            {
                add(name, traffic);
            }
        }
        let carried = self.journal.carried.iter().filter(|(device, ..)| *device == id);
        carried.for_each(|(_, name, traffic)| add(name, *traffic));
        let mut ordered = Vec::with_capacity(all.len());
        ordered.extend(std::iter::from_fn(|| take_largest(&mut all, |(_, traffic)| traffic.total())));
        ordered
    }

    /// Returns the registrable name by which a device looked an address up most recently.
    pub(super) fn registrable_of(&self, id: DeviceId, address: IpAddr) -> Option<&str> {
        self.tables.names.of_device(id, address).map(|name| registrable(name)).find(|name| !name.is_empty())
    }
}

fn in_kb(traffic: Traffic) -> Traffic {
    Traffic { sent: traffic.sent.div_ceil(1_000), received: traffic.received.div_ceil(1_000) }
}
