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
use crate::wire::packet;
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

/// Reads one or more files that follow each other in time.
pub struct Replay {
    clock: Clock,
    tracker: Tracker,
    events: Vec<Event>,
    /// Packets were read, so there are open flows and counts to report at the end.
    packets: bool,
}

impl Replay {
    /// Makes a reader of files. Without `lan` the traffic of a capture tells what the LAN is; `private` are words that
    /// nobody outside should read.
    pub fn new(lan: Vec<IpNet>, private: Vec<String>) -> Replay {
        Replay { clock: Clock::default(), tracker: Tracker::new(lan, private), events: Vec::new(), packets: false }
    }

    /// Reads a file and hands its events to `sink`.
    ///
    /// # Errors
    /// The first thing that is wrong with the file; the events before it have gone to `sink`.
    pub fn read(&mut self, mut input: impl Read, sink: Sink) -> Result<(), ReplayError> {
        let mut head = Vec::new();
        input.by_ref().take(limits::LAN_SIDE_BYTES as u64).read_to_end(&mut head)?;
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
                    let interface = packet::interface(captured.link, captured.data).or(captured.interface);
                    self.tracker.packet(&frame, interface, stamp, &mut self.events);
                }
                Err(_) => self.tracker.malformed(),
            }
            self.flush(stamp, sink);
        }
        Ok(())
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
