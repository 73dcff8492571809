//! What outlives a restart, as lines of text: orders, blocks, devices, and what their lookups taught. Each line but the
//! first and the last ends with its checksum (FNV-1a), as in ` ~89abcdef`, which is left out here.
//!
//! ```text
//! leash state 2
//! saved 1767225600.000000
//! device 02:00:00:00:00:20 1767225000.000000 1767225600.000000 host=bulb
//! nat64 02:00:00:00:00:20 2001:db8:64::/96
//! name 02:00:00:00:00:20 203.0.113.5 3600 bulb.example.com
//! told 02:00:00:00:00:20 5f3a2b1c,9,0,40
//! sent 02:00:00:00:00:20 490896 0,0,3,-,...
//! met 02:00:00:00:00:20 1767225000.000000 00000010...
//! mode 02:00:00:00:00:20 guard
//! called 02:00:00:00:00:20 kitchen plug
//! tag 02:00:00:00:00:20 group kitchen
//! group - guard kitchen
//! join 02:00:00:00:00:21 02:00:00:00:00:20
//! pin 02:00:00:00:00:20 block ads.example.com -
//! unpin - ads.example.net
//! blocking 0
//! recorded 12
//! total 02:00:00:00:00:20 123456 654321 80 12 0 3600
//! block 02:00:00:00:00:20 203.0.113.9 1767225300.000000 1767311700.000000 detectors {"form":"calls %s ...","values":["203.0.113.9"]}
//! end
//! ```

use crate::config::Tag;
use crate::engine::history::Record;
use crate::engine::past::{self, Journal};
use crate::engine::policy::{Block, By};
use crate::engine::{DeviceId, Engine};
use crate::fnv::fnv32;
use crate::mode::{self, Mode};
use crate::model::{Mac, Name, name};
use crate::pin::{Pin, Target};
use crate::sentence::Sentence;
use crate::tables::counters::reach::Reach;
use crate::tables::counters::uploads::SentByHour;
use crate::tables::names::Known;
use crate::tables::traits::Traits;
use crate::time::{Stamp, Time, Wall};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;

const HEADER: &str = "leash state 2";
/// That of files whose lines have no checksum.
const HEADER_BEFORE: &str = "leash state 1";
/// What stands between a line and its checksum.
const CHECK: &str = " ~";
const END: &str = "end";

/// Adds its checksum to each line.
struct Checked<'a> {
    out: &'a mut dyn Write,
    line: Vec<u8>,
}

impl Write for Checked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            if byte == b'\n' {
                let check = fnv32(&self.line);
                self.out.write_all(&self.line)?;
                writeln!(self.out, "{CHECK}{check:08x}")?;
                self.line.clear();
            } else {
                self.line.push(byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Returns a line without its checksum; nothing if that is of another line.
fn checked(line: &str) -> Option<&str> {
    let (line, check) = line.rsplit_once(CHECK)?;
    (u32::from_str_radix(check, 16) == Ok(fnv32(line.as_bytes()))).then_some(line)
}

/// How much of the state is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Whole,
    /// What flash has while leash runs: no names, no hours, no weak findings, and dates to the day.
    Compact,
    /// What of that is worth a write when it changes: no counters, no sentences, no dates.
    Outline,
}

impl Engine {
    /// Writes what is to be remembered.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn save(&self, out: &mut dyn Write, extent: Extent, at: Stamp) -> io::Result<()> {
        writeln!(out, "{HEADER}")?;
        self.save_lines(&mut Checked { out, line: Vec::new() }, extent, at)?;
        writeln!(out, "{END}")
    }

    fn save_lines(&self, out: &mut dyn Write, extent: Extent, at: Stamp) -> io::Result<()> {
        let whole = extent == Extent::Whole;
        let saved = if extent == Extent::Outline { Wall(0) } else { at.wall };
        writeln!(out, "saved {saved}")?;
        for (_, device) in self.tables.devices.iter() {
            let last = match extent {
                Extent::Whole => device.last_seen,
                Extent::Compact => device.last_seen.midnight().max(device.first_seen),
                Extent::Outline => device.first_seen,
            };
            write!(out, "device {} {} {last}", device.mac, device.first_seen)?;
            for (key, value) in [("host", &device.hostname), ("vendor", &device.vendor_class)] {
                value.as_ref().map_or(Ok(()), |value| write!(out, " {key}={value}"))?;
            }
            writeln!(out)?;
        }
        for (id, prefix) in self.tables.names.nat64.iter().filter(|_| whole) {
            let mac = id.map_or("-".into(), |id| self.tables.devices.get(id).mac.to_string());
            writeln!(out, "nat64 {mac} {prefix}")?;
        }
        for Known { device, address, last_used, names } in self.tables.names.iter().filter(|_| whole) {
            let (mac, age) = (self.tables.devices.get(device).mac, at.now.since(last_used).as_secs());
            write!(out, "name {mac} {address} {age}")?;
            names.iter().try_for_each(|known| write!(out, " {}", known))?;
            writeln!(out)?;
        }
        for (_, device) in self.tables.devices.iter() {
            device.traits.save().map_or(Ok(()), |told| writeln!(out, "told {} {told}", device.mac))?;
        }
        for (_, device) in self.tables.devices.iter().filter(|_| whole) {
            let Some((hour, steps)) = device.sent_by_hour.save() else { continue };
            write!(out, "sent {} {hour} ", device.mac)?;
            for (i, steps) in steps.enumerate() {
                let comma = if i == 0 { "" } else { "," };
                match steps {
                    Some(steps) => write!(out, "{comma}{steps}")?,
                    None => write!(out, "{comma}-")?,
                }
            }
            writeln!(out)?;
        }
        for (_, device) in self.tables.devices.iter().filter(|_| whole) {
            let Some((since, met)) = device.reach.save() else { continue };
            writeln!(out, "met {} {since} {met}", device.mac)?;
        }
        let Journal { day, week, .. } = &self.journal;
        day.filter(|_| extent != Extent::Outline).map_or(Ok(()), |day| writeln!(out, "day {day}"))?;
        week.map_or(Ok(()), |week| writeln!(out, "week {week}"))?;
        let numbered = (extent != Extent::Outline && self.history.latest > 0).then_some(self.history.latest);
        numbered.map_or(Ok(()), |number| writeln!(out, "recorded {number}"))?;
        self.save_remembered(out, extent, at)?;
        for (mac, mode) in &self.orders.modes {
            writeln!(out, "mode {mac} {}", mode.map_or(mode::DEFAULT, Mode::text))?;
        }
        for (mac, name) in &self.orders.names {
            writeln!(out, "called {mac} {name}")?;
        }
        for (mac, tag, text) in &self.orders.tags {
            writeln!(out, "tag {mac} {} {text}", tag.text())?;
        }
        for (group, mode) in &self.orders.group_modes {
            writeln!(out, "group - {} {group}", mode.text())?;
        }
        for (mac, with) in &self.orders.joined {
            writeln!(out, "join {mac} {with}")?;
        }
        for pin in &self.orders.pins {
            let mac = pin.mac.map_or("-".into(), |mac| mac.to_string());
            let until = pin.until.map_or("-".into(), |until| until.to_string());
            writeln!(out, "pin {mac} {} {} {until}", pin.verdict(), pin.target)?;
        }
        for (mac, target) in &self.orders.unpinned {
            let mac = mac.map_or("-".into(), |mac| mac.to_string());
            writeln!(out, "unpin {mac} {target}")?;
        }
        self.orders.blocking.map_or(Ok(()), |on| writeln!(out, "blocking {}", u8::from(on)))?;
        for (mac, address, block) in self.blocks.iter() {
            let by = block.by.text();
            let until = block.until.map_or("-".into(), |until| until.to_string());
            writeln!(out, "block {mac} {address} {} {until} {by} {}", block.since, block.reason.parts())?;
        }
        Ok(())
    }

    /// Takes up what [`Engine::save`] wrote, and returns how many lines made no sense.
    ///
    /// # Errors
    /// A sentence that says why nothing was taken: another version, or a file without its end.
    pub fn load(&mut self, text: &str, at: Stamp) -> Result<usize, String> {
        let mut lines = text.lines();
        let header = lines.next();
        match header {
            Some(HEADER | HEADER_BEFORE) => {}
            Some(other) if other.starts_with("leash state ") => {
                return Err(format!("it is '{other}', written by another version of leash"));
            }
            _ => return Err("it is not a state file of leash".into()),
        }
        if text.lines().next_back() != Some(END) {
            return Err("its end is missing".into());
        }
        (self.latest, self.loaded_at) = (at, at.now);
        let mut loading = Loading { ids: BTreeMap::new(), saved: at.wall, forms: Vec::new() };
        let mut wrong = 0;
        for line in lines.filter(|line| *line != END) {
            // A bit that flips must not turn an order round, so a line is as it was written or is not taken.
            let line = if header == Some(HEADER) { checked(line) } else { Some(line) };
            let taken = line.and_then(|line| self.load_line(line, &mut loading, at));
            wrong += usize::from(taken.is_none());
        }
        self.orders_changed(at);
        Ok(wrong)
    }

    fn load_line(&mut self, line: &str, loading: &mut Loading, at: Stamp) -> Option<()> {
        let Loading { ids, saved, forms } = loading;
        let mut words = line.split(' ');
        let word = words.next()?;
        if word == "saved" {
            *saved = Wall::parse(words.next()?)?;
            return Some(());
        }
        if word == "blocking" {
            self.orders.blocking = Some(words.next()? == "1");
            return Some(());
        }
        if let "day" | "week" = word {
            let number = Some(words.next()?.parse().ok()?);
            *if word == "day" { &mut self.journal.day } else { &mut self.journal.week } = number;
            return Some(());
        }
        if word == "recorded" {
            // What a file says must leave room for what comes.
            self.history.latest = words.next()?.parse::<u32>().ok()?.into();
            return Some(());
        }
        if let Some(rest) = line.strip_prefix("record ") {
            self.history.restore(Record::read(rest, forms)?);
            return Some(());
        }
        if let Some(rest) = line.strip_prefix("past ") {
            return past::is_line(rest).then(|| self.journal.note(rest));
        }
        let mac: Option<Mac> = match words.next()? {
            "-" => None,
            text => Some(text.parse().ok()?),
        };
        match word {
            "device" => {
                let (first, last) = (Wall::parse(words.next()?)?, Wall::parse(words.next()?)?);
                let id = self.tables.devices.get_or_insert(mac?, at)?;
                ids.insert(mac?, id);
                let device = self.tables.devices.get_mut(id);
                (device.first_seen, device.last_seen) = (first, last);
                for word in words {
                    let text = |value: &str| Some(name(value.as_bytes()));
                    match word.split_once('=')? {
                        ("host", value) => device.hostname = text(value),
                        ("vendor", value) => device.vendor_class = text(value),
                        _ => return None,
                    }
                }
            }
            "nat64" => {
                let id = match mac {
                    Some(mac) => Some(*ids.get(&mac)?),
                    None => None,
                };
                self.tables.names.translate(id, words.next()?.parse().ok()?, at.now);
            }
            "name" => {
                let (ip, age) = (words.next()?.parse().ok()?, words.next()?.parse::<u64>().ok()?);
                let id = *ids.get(&mac?)?;
                let then = Time(at.now.0.saturating_sub(age.saturating_mul(1_000_000)));
                for name in words.map(Name::from) {
                    self.tables.names.insert(id, ip, &name, then);
                    self.tables.devices.get_mut(id).traits.note_name(&name);
                }
            }
            // Another version of leash may have told it otherwise.
            "told" => {
                let (id, told) = (*ids.get(&mac?)?, Traits::restore(words.next()?));
                self.tables.devices.get_mut(id).traits.resume(told.unwrap_or_default());
            }
            "sent" => {
                let (hour, steps) = (words.next()?.parse().ok()?, words.next()?);
                let device = self.tables.devices.get_mut(*ids.get(&mac?)?);
                device.sent_by_hour = SentByHour::restore(hour, steps.split(',').map(|steps| steps.parse().ok()));
            }
            "met" => {
                let (since, met) = (Wall::parse(words.next()?)?, words.next()?);
                self.tables.devices.get_mut(*ids.get(&mac?)?).reach = Reach::restore(since, met)?;
            }
            "mode" => self.orders.set_mode(mac?, Mode::parse_own(words.next()?).ok()?),
            "called" => self.orders.name(mac?, &words.collect::<Vec<_>>().join(" ")),
            "tag" => {
                let word = words.next()?;
                let (tag, _) = Tag::ALL.into_iter().find(|(_, known)| *known == word)?;
                self.orders.tag(mac?, tag, &words.collect::<Vec<_>>().join(" "));
            }
            "group" => {
                let mode = Mode::parse(words.next()?).ok()?;
                self.orders.set_group_mode(&words.collect::<Vec<_>>().join(" "), mode);
            }
            "join" => self.orders.join(mac?, words.next()?.parse().ok()?),
            "pin" => {
                let block = words.next()? == "block";
                let (target, until) = (Target::parse(words.next()?, block).ok()?, words.next()?);
                let until = if until == "-" { None } else { Some(Wall::parse(until)?) };
                self.orders.pins.push(Pin { mac, target, block, until });
            }
            "unpin" => self.orders.unpinned.push((mac, Target::parse(words.next()?, false).ok()?)),
            "block" => {
                let (address, since) = (words.next()?.parse().ok()?, Wall::parse(words.next()?)?);
                let until = match words.next()? {
                    "-" => None,
                    text => Some(Wall::parse(text)?),
                };
                let by = words.next()?;
                let by = By::ALL.iter().find(|(_, word)| *word == by)?.0;
                // A clock that is not set yet is earlier than the date of the file: then no time counts as passed.
                let now = at.wall.max(*saved);
                let left = until.map(|until| until.since(now));
                let reason = words.collect::<Vec<_>>().join(" ");
                let parts = serde_json::from_str(&reason).ok();
                let known = parts.and_then(|parts| Sentence::from_parts_sharing(&parts, forms));
                let reason = known.unwrap_or(Sentence::verbatim(reason));
                let block = Block { since, until, expires: left.map(|left| at.now + left), by, reason };
                self.blocks.restore((mac?, address), block);
            }
            _ => return self.load_remembered(word, *ids.get(&mac?)?, words, forms, at),
        }
        Some(())
    }
}

/// What is known while a state is read.
struct Loading {
    ids: BTreeMap<Mac, DeviceId>,
    /// When the state was saved.
    saved: Wall,
    /// The forms of the sentences that were read.
    forms: Vec<Rc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::time::Span;

    fn stamp(seconds: u64) -> Stamp {
        Stamp { now: Time(seconds * 1_000_000), wall: Wall((1_767_225_600 + seconds as i64) * 1_000_000) }
    }

    fn saved(engine: &Engine, at: Stamp) -> String {
        let mut out = Vec::new();
        engine.save(&mut out, Extent::Whole, at).unwrap();
        String::from_utf8(out).unwrap()
    }

    const TEXT: &str = "leash state 1\nsaved 1767225600.000000\n\
        device 02:00:00:00:00:20 1767225000.000000 1767225600.000000 host=bulb vendor=udhcp\n\
        nat64 - 64:ff9b::/96\nnat64 02:00:00:00:00:20 2001:db8:64::/96\n\
        name 02:00:00:00:00:20 203.0.113.5 3600 a.example b.example\nmode 02:00:00:00:00:20 guard\n\
        tag 02:00:00:00:00:20 type plug\ntag 02:00:00:00:00:20 group the kitchen\ngroup - guard the kitchen\n\
        join 02:00:00:00:00:21 02:00:00:00:00:20\n\
        pin 02:00:00:00:00:20 block ads.example -\npin - allow 198.51.100.0/24 1767299999.000000\n\
        block 02:00:00:00:00:20 203.0.113.9 1767225300.000000 1767225700.000000 detectors {\"form\":\"calls %s; and so on\",\"values\":[\"it\"]}\nend\n";

    #[test]
    fn what_was_saved_is_recalled() {
        let mut engine = Engine::new(config::parse("config leash", &[]).0);
        let at = Stamp { now: Time(4_000 * 1_000_000), ..stamp(0) };
        assert_eq!(engine.load(TEXT, at), Ok(0));
        let text = saved(&engine, at);
        let bare = text.lines().map(|line| line.rsplit_once(CHECK).map_or(line, |(bare, _)| bare));
        assert_eq!(bare.collect::<Vec<_>>()[1..], TEXT.lines().collect::<Vec<_>>()[1..]);
        let mut again = Engine::new(config::parse("config leash", &[]).0);
        assert_eq!(again.load(&text, at), Ok(0));
        assert_eq!(saved(&again, at), text);
    }

    #[test]
    fn a_bit_that_flips_sets_its_line_aside() {
        let mut engine = Engine::new(config::parse("config leash", &[]).0);
        engine.load(TEXT, stamp(0)).unwrap();
        let text = saved(&engine, stamp(0));
        for (right, flipped) in [(" block ads.", " bhock ads."), (" guard ", " gwqrd "), ("203.0.113.9", "203.0.113.1")]
        {
            assert!(text.contains(right), "{text}");
            let mut again = Engine::new(config::parse("config leash", &[]).0);
            assert_eq!(again.load(&text.replacen(right, flipped, 1), stamp(0)), Ok(1), "{flipped}");
        }
    }

    #[test]
    fn what_is_usual_for_a_device_is_recalled() {
        let mut engine = Engine::new(config::parse("config leash", &[]).0);
        engine.load(TEXT, stamp(0)).unwrap();
        let mac = "02:00:00:00:00:20".parse().unwrap();
        let id = engine.tables.devices.get_or_insert(mac, stamp(0)).unwrap();
        for hour in 0..30 {
            engine.tables.devices.get_mut(id).sent_by_hour.add(1_000_000, stamp(hour * 3_600).wall);
        }
        let text = saved(&engine, stamp(0));
        let mut again = Engine::new(config::parse("config leash", &[]).0);
        assert_eq!(again.load(&text, stamp(0)), Ok(0));
        assert_eq!(saved(&again, stamp(0)), text);
        assert!(text.contains(",15,15,15,"), "{text}");
    }

    #[test]
    fn a_block_ends_when_it_would_have_and_a_clock_that_is_not_set_does_not_end_it() {
        let text = TEXT.replace("pin - allow 198.51.100.0/24 1767299999.000000\n", "");
        for (wall, left) in [(1_767_225_600, 100), (1_767_225_650, 50), (1_000, 100), (1_767_225_800, 0)] {
            let mut engine = Engine::new(config::parse("config leash", &[]).0);
            engine.load(&text, Stamp { now: Time(0), wall: Wall(wall * 1_000_000) }).unwrap();
            let pair = ("02:00:00:00:00:20".parse().unwrap(), "203.0.113.9".parse().unwrap());
            assert_eq!(engine.elements(Stamp::default()).blocked[&pair], Some(Span::secs(left)), "{wall}");
        }
    }

    #[test]
    fn damaged_and_newer_files_are_refused() {
        let mut engine = Engine::new(config::parse("config leash", &[]).0);
        for text in ["", "nonsense", "leash state 3\nend\n", &TEXT[..TEXT.len() - 8], "leash state 1\n"] {
            assert!(engine.load(text, stamp(0)).is_err(), "{text}");
        }
        assert_eq!(engine.load("leash state 1\nblock x\nwhat\nmode 02:00:00:00:00:20 wild\nend\n", stamp(0)), Ok(3));
    }
}
