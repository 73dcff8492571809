//! What people would miss after a restart: totals, the hours of two days, findings and the contacts that they are on, what
//! happened, and what is to be written to the journal. Lines of [`super::state`].

use crate::detect::{self, Finding, Strength, Subject};
use crate::engine::ledger::{self, Remembered};
use crate::engine::past::Stopped;
use crate::engine::state::Extent;
use crate::engine::{DeviceId, Engine};
use crate::limits;
use crate::model::{Endpoint, name};
use crate::sentence::Sentence;
use crate::tables::contacts::Contact;
use crate::tables::counters::day::{KEPT, Traffic};
use crate::tables::devices::Device;
use crate::time::{Span, Stamp, Wall};
use std::io::{self, Write};
use std::rc::Rc;

/// How many findings go to flash.
const ON_FLASH: usize = 64;

impl Engine {
    /// Writes what people would miss.
    pub(super) fn save_remembered(&self, out: &mut dyn Write, extent: Extent, at: Stamp) -> io::Result<()> {
        let whole = extent == Extent::Whole;
        let mut room = if whole { usize::MAX } else { ON_FLASH };
        for (id, device) in self.tables.devices.iter() {
            let Device { mac, sent, received, flows, lookups, denials, .. } = device;
            if extent != Extent::Outline && (sent | received) != 0 {
                let booted = device.booted_at.map_or("-".into(), |then| at.now.since(then).as_secs().to_string());
                writeln!(out, "total {mac} {sent} {received} {flows} {lookups} {denials} {booted}")?;
            }
            let hour = device.day.latest_hour();
            if let Some(hours) = device.day.until::<KEPT>(hour).filter(|_| whole && hour >= KEPT as u32) {
                write!(out, "hours {mac} {hour}")?;
                hours.iter().try_for_each(|Traffic { sent, received }| write!(out, " {sent}:{received}"))?;
                writeln!(out)?;
            }
            self.save_findings(out, id, extent, &mut room, at)?;
            let today = if whole { self.names_today(id) } else { Vec::new() };
            for (name, Traffic { sent, received }) in today {
                writeln!(out, "today {mac} {sent} {received} {name}")?;
            }
        }
        for Stopped { pair: (mac, address), today, last } in self.journal.stopped.iter().filter(|_| whole) {
            writeln!(out, "stopped {mac} {address} {} {} {} {}", today.0, today.1, last.0, last.1)?;
        }
        for record in self.history.iter().filter(|_| whole) {
            writeln!(out, "record {}", record.line())?;
        }
        self.journal.pending.lines().filter(|_| whole).try_for_each(|line| writeln!(out, "past {line}"))
    }

    /// Writes the findings on a device, and the contacts that they are on.
    fn save_findings(
        &self,
        out: &mut dyn Write,
        id: DeviceId,
        extent: Extent,
        room: &mut usize,
        at: Stamp,
    ) -> io::Result<()> {
        let mut held = self.ledger.of_device(id).peekable();
        if held.peek().is_none() || !self.settings().mode(self.tables.devices.get(id).mac).is_judged() {
            return Ok(());
        }
        let device = self.tables.devices.get(id);
        let mut live: (Option<Endpoint>, Vec<Finding>) = (None, detect::judge_device(device, self.latest.now));
        let mut written = None;
        for ((_, endpoint, detector), since, remembered) in held {
            let contact = endpoint.and_then(|endpoint| self.tables.contacts.get(id, endpoint));
            if endpoint != live.0 {
                let judge =
                    |(endpoint, contact)| detect::judge(&Subject { device, id, endpoint, contact }, &self.context());
                live = (endpoint, endpoint.zip(contact).map(judge).unwrap_or_default());
            }
            let finding = live.1.iter().find(|finding| finding.detector == detector);
            let finding = finding.filter(|it| remembered.is_none_or(|remembered| remembered.strength <= it.strength));
            let (seen, strength, message) = match (finding, remembered) {
                (Some(finding), _) => (at.wall, finding.strength, &finding.message),
                (None, Some(remembered)) => (remembered.seen, remembered.strength, &remembered.message),
                (None, None) => continue,
            };
            if extent != Extent::Whole && (strength == Strength::Weak || *room == 0) {
                continue;
            }
            *room -= 1;
            let on = endpoint.map_or("-".into(), |it| format!("{} {} {}", it.address, it.protocol.text(), it.port));
            if extent == Extent::Outline {
                writeln!(out, "found {} {detector} {on}", device.mac)?;
                continue;
            }
            if let Some(contact) = contact.filter(|_| written != endpoint) {
                writeln!(out, "contact {} {on} {}", device.mac, contact.save(at.now))?;
                written = endpoint;
            }
            let strength = strength.text();
            writeln!(out, "found {} {detector} {strength} {since} {seen} {on} {}", device.mac, message.parts())?;
        }
        Ok(())
    }

    /// Takes up a line that [`Engine::save_remembered`] wrote, of a device. Returns `None` if it makes no sense.
    pub(super) fn load_remembered<'a>(
        &mut self,
        word: &str,
        id: DeviceId,
        mut words: impl Iterator<Item = &'a str>,
        forms: &mut Vec<Rc<str>>,
        at: Stamp,
    ) -> Option<()> {
        let device = self.tables.devices.get_mut(id);
        match word {
            "total" => {
                (device.sent, device.received) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                (device.flows, device.lookups) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                device.denials = words.next()?.parse().ok()?;
                let ago: Option<u64> =
                    Some(words.next()?).filter(|word| *word != "-").map(str::parse).transpose().ok()?;
                device.booted_at = ago.map(|ago| at.now - Span(ago.saturating_mul(1_000_000)));
            }
            "hours" => {
                let last: u32 = words.next()?.parse().ok()?;
                let first = last.checked_sub(KEPT as u32 - 1)?;
                for (hour, traffic) in (first..=last).zip(words) {
                    let (sent, received) = traffic.split_once(':')?;
                    device.day.add(sent.parse().ok()?, received.parse().ok()?, hour);
                }
            }
            "contact" => {
                let endpoint = endpoint(&mut words)?;
                let contact = Contact::restore(words, endpoint, at.now)?;
                self.tables.contacts.restore(id, endpoint, contact);
            }
            "found" => {
                let (detector, strength) = (words.next()?, words.next()?);
                let detector = detect::ALL.iter().find(|known| known.name == detector)?.name;
                let strengths = [Strength::Weak, Strength::Fair, Strength::Strong];
                let strength = strengths.into_iter().find(|known| known.text() == strength)?;
                let (since, seen) = (Wall::parse(words.next()?)?, Wall::parse(words.next()?)?);
                let mut words = words.peekable();
                let endpoint = match words.next_if_eq(&"-") {
                    Some(_) => None,
                    None => Some(endpoint(&mut words)?),
                };
                let parts = serde_json::from_str(&words.collect::<Vec<_>>().join(" ")).ok()?;
                let message = Sentence::from_parts_sharing(&parts, forms)?;
                if at.wall.since(seen) < limits::CONTACT_STALE {
                    self.ledger.restore((id, endpoint, detector), since, Remembered { seen, strength, message });
                }
            }
            "today" => {
                let (sent, received) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
                self.journal.carry(id, name(words.next()?.as_bytes()), Traffic { sent, received });
            }
            "stopped" => {
                let pair = (device.mac, words.next()?.parse().ok()?);
                let mut number = || words.next()?.parse().ok();
                let (today, last) = ((number()?, number()?), (number()?, number()?));
                self.journal.restore_stopped(pair, today, last);
            }
            _ => return None,
        }
        Some(())
    }

    /// Returns what was found on a device before a restart, and was not found again as strongly: `found` is what is found
    /// now.
    pub(super) fn remembered(
        &self,
        id: DeviceId,
        found: impl Fn(Option<Endpoint>, &str) -> Option<Strength>,
    ) -> Vec<(Option<Endpoint>, Finding)> {
        let all =
            self.ledger.of_device(id).filter_map(|((_, endpoint, detector), _, remembered): (ledger::Key, _, _)| {
                let Remembered { strength, message, .. } = remembered?;
                let is_new = found(endpoint, detector).is_none_or(|now| now < *strength);
                let (strength, message) = (*strength, message.clone());
                is_new.then_some((endpoint, Finding { detector, strength, kinds: 1, message, evidence: Vec::new() }))
            });
        all.collect()
    }
}

/// Reads an address, a protocol and a port.
fn endpoint<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Endpoint> {
    let (address, protocol, port) = (words.next()?, words.next()?, words.next()?);
    Some(Endpoint { address: address.parse().ok()?, protocol: protocol.parse().ok()?, port: port.parse().ok()? })
}
