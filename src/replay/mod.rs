//! Reads captures and event files as events, with the time of the file: the driver of the engine beside the live one.

mod copies;
mod lan_side;
mod stations;
pub mod track;

use crate::event::{self, Event, Source};
use crate::limits;
use crate::replay::lan_side::LanSide;
use crate::replay::track::Tracker;
use crate::time::{Clock, Stamp};
use crate::wire::packet::{self, Malformed};
use crate::wire::pcap::{self, CaptureError};
use ipnet::IpNet;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

/// Why a file could not be read to its end.
#[derive(Debug)]
pub enum ReplayError {
    /// The system could not read it.
    Input(std::io::Error),
    /// Its content is wrong; a sentence that names the place.
    Data(String),
}

impl std::error::Error for ReplayError {}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ReplayError::Input(error) => write!(f, "it cannot be read: {error}"),
            ReplayError::Data(message) => f.write_str(message),
        }
    }
}

impl From<std::io::Error> for ReplayError {
    fn from(error: std::io::Error) -> ReplayError {
        ReplayError::Input(error)
    }
}

impl From<CaptureError> for ReplayError {
    fn from(error: CaptureError) -> ReplayError {
        match error {
            CaptureError::Io(error) => ReplayError::Input(error),
            data => ReplayError::Data(data.to_string()),
        }
    }
}

/// Takes an event and its stamp. The clock says how far time has come, which is later than the stamp where packets are
/// out of order.
pub type Sink<'a> = &'a mut dyn FnMut(Event, Stamp, &Clock);

/// How many link types are named of one capture.
const LINKS_NAMED: usize = 4;

/// Returns link types with their names, as they can stand behind "of".
fn links(links: &[u32]) -> String {
    let text = |link: &u32| match packet::link_name(*link) {
        Some(name) => format!("link type {link} ({name})"),
        None => format!("link type {link}"),
    };
    links.iter().map(text).collect::<Vec<_>>().join(" and ")
}

/// Returns why a capture of these link types cannot be read.
fn unreadable(types: &[u32]) -> ReplayError {
    ReplayError::Data(format!(
        "its packets are of {}, which leash cannot read; capture on the router's LAN instead: \
         tcpdump -i br-lan -w FILE",
        links(types)
    ))
}

/// Reads one or more files that follow each other in time.
pub struct Replay {
    clock: Clock,
    tracker: Tracker,
    events: Vec<Event>,
    /// Packets were read, so there are open flows and counts to report at the end.
    packets: bool,
    /// The link types of the packets of the latest file that are not read.
    skipped: Vec<u32>,
}

impl Replay {
    /// Makes a reader of files. Without `lan` the traffic of a capture tells what the LAN is; `private` are words that
    /// nobody outside should read.
    pub fn new(lan: Vec<IpNet>, private: Vec<String>) -> Replay {
        let tracker = Tracker::new(lan, private);
        Replay { clock: Clock::default(), tracker, events: Vec::new(), packets: false, skipped: Vec::new() }
    }

    /// Reads a file and hands its events to `sink`.
    ///
    /// # Errors
    /// The first thing that is wrong with the file; the events before it have gone to `sink`.
    pub fn read(&mut self, mut input: impl Read, sink: Sink) -> Result<(), ReplayError> {
        let mut head = Vec::new();
        input.by_ref().take(limits::LAN_SIDE_BYTES as u64).read_to_end(&mut head)?;
        self.skipped.clear();
        if let Some((is, command)) = pcap::wrapped(&head) {
            return Err(ReplayError::Data(format!("it is {is}; unpack it on the way: {command} | leash replay -")));
        }
        // An empty file is taken for a capture, so that its error is that it is empty.
        let is_capture = head.is_empty() || pcap::is_capture(&head);
        let lan_side = if is_capture { lan_side::find(&head) } else { LanSide::default() };
        let input = std::io::Cursor::new(head).chain(input);
        if is_capture {
            self.packets = true;
            return self.capture(input, lan_side, sink);
        }
        self.lines(input, sink)
    }

    /// Returns what is to be said of the packets of the latest file that were passed over, if there were any.
    pub fn skipped(&self) -> Option<String> {
        (!self.skipped.is_empty()).then(|| format!("packets of {} were passed over", links(&self.skipped)))
    }

    /// Ends the last file. Returns the time that the files came to.
    pub fn finish(mut self, sink: Sink) -> Stamp {
        let stands = self.clock.stands();
        if self.packets {
            self.tracker.finish(&mut self.events);
            self.flush(stands, sink);
        }
        stands
    }

    fn flush(&mut self, stamp: Stamp, sink: Sink) {
        for event in self.events.drain(..) {
            sink(event, stamp, &self.clock);
        }
    }

    fn capture(&mut self, input: impl Read, lan_side: LanSide, sink: Sink) -> Result<(), ReplayError> {
        let mut reader = pcap::Reader::new(input)?;
        if let Some(link) = reader.link().filter(|link| !packet::reads(*link)) {
            return Err(unreadable(&[link]));
        }
        let mut any_read = reader.link().is_some();
        let mut lan_side = Some(lan_side);
        while let Some(captured) = reader.next()? {
            let stamp = if self.clock.jumps(captured.at) {
                let first = self.clock.stands() == Stamp::default();
                self.tracker.jump(captured.at < self.clock.stands().wall, &mut self.events);
                self.flush(self.clock.stands(), sink);
                let stamp = self.clock.jump(captured.at);
                sink(Event::ClockSet, stamp, &self.clock);
                if !first {
                    sink(Event::Gap { source: Source::Lookups }, stamp, &self.clock);
                }
                stamp
            } else {
                self.clock.advance(captured.at)
            };
            // What the beginning shows has the date of the first packet.
            if let Some(lan_side) = lan_side.take() {
                self.tracker.begin(lan_side, &mut self.events);
            }
            match packet::parse(captured.link, captured.data, captured.wire_length) {
                Ok(frame) => {
                    any_read = true;
                    let interface = packet::interface(captured.link, captured.data).or(captured.interface);
                    self.tracker.packet(&frame, interface, stamp, &mut self.events);
                }
                Err(why) => {
                    self.tracker.malformed();
                    if let Malformed::Link(link) = why
                        && self.skipped.len() < LINKS_NAMED
                        && !self.skipped.contains(&link)
                    {
                        self.skipped.push(link);
                    }
                }
            }
            self.flush(stamp, sink);
        }
        if any_read || self.skipped.is_empty() {
            return Ok(());
        }
        Err(unreadable(&std::mem::take(&mut self.skipped)))
    }

    fn lines(&mut self, input: impl Read, sink: Sink) -> Result<(), ReplayError> {
        let mut input = BufReader::new(input);
        let (mut line, mut number, mut offset, mut facts) = (Vec::new(), 0_u64, 0_u64, 0_u64);
        loop {
            line.clear();
            let length = input.by_ref().take(limits::EVENT_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(());
            }
            number += 1;
            let text = std::str::from_utf8(&line).map(|text| text.trim_end_matches(['\n', '\r']));
            let read = match text {
                Ok(text) if text.is_empty() || text.starts_with('#') => None,
                Ok(text) => Some(event::read(text, &mut self.clock)),
                Err(_) => Some(Err("a line is printable ASCII".into())),
            };
            match read {
                None => {}
                Some(Ok((event, stamp))) => {
                    facts += 1;
                    sink(event, stamp, &self.clock);
                }
                Some(Err(_)) if facts == 0 => {
                    return Err(ReplayError::Data(
                        "it is neither a packet capture (pcap, pcapng) nor an event file of leash".into(),
                    ));
                }
                Some(Err(why)) => return Err(ReplayError::Data(format!("line {number}, at byte {offset}: {why}"))),
            }
            offset += length as u64;
        }
    }
}
