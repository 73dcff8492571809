//! A capture or an event file into events with the file's own time: the driver beside the live one.

mod lan_side;
pub mod track;

use crate::event::{self, Event, Source};
use crate::limits;
use crate::replay::lan_side::Survey;
use crate::replay::track::Tracker;
use crate::time::{Clock, Stamp};
use crate::wire::{packet, pcap};
use ipnet::IpNet;
use std::fmt;
use std::io::{BufRead, BufReader, Read};

/// Why a file could not be read to its end.
#[derive(Debug)]
pub enum Problem {
    /// The system said so.
    Input(std::io::Error),
    /// The file itself; a sentence with the place.
    Data(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Problem::Input(error) => write!(f, "it cannot be read: {error}"),
            Problem::Data(says) => f.write_str(says),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Problem {
        Problem::Input(error)
    }
}

impl From<pcap::Problem> for Problem {
    fn from(problem: pcap::Problem) -> Problem {
        match problem {
            pcap::Problem::Io(error) => Problem::Input(error),
            data => Problem::Data(data.to_string()),
        }
    }
}

/// Takes an event and its stamp; the clock tells where time stands.
pub type Sink<'a> = &'a mut dyn FnMut(Event, Stamp, &Clock);

/// One or more files that follow each other in time.
pub struct Replay {
    clock: Clock,
    tracker: Tracker,
    events: Vec<Event>,
    /// Packets were read, so that there are open flows and counts to tell at the end.
    packets: bool,
}

impl Replay {
    /// With these prefixes as the LAN, or none to find out, and these words that nobody outside should read.
    pub fn new(lan: Vec<IpNet>, private: Vec<String>) -> Replay {
        Replay { clock: Clock::default(), tracker: Tracker::new(lan, private), events: Vec::new(), packets: false }
    }

    /// Reads a file to its end or to the first thing that is wrong with it; what came before has gone to `sink`.
    pub fn read(&mut self, mut input: impl Read, sink: Sink) -> Result<(), Problem> {
        let mut head = Vec::new();
        input.by_ref().take(limits::SURVEY_BYTES as u64).read_to_end(&mut head)?;
        let capture = !matches!(pcap::Reader::new(head.as_slice()), Err(pcap::Problem::NotACapture(_)));
        let survey = if capture { lan_side::survey(&head) } else { Survey::default() };
        let input = std::io::Cursor::new(head).chain(input);
        if capture {
            self.tracker.begin(survey, &mut self.events);
            self.packets = true;
            return self.capture(input, sink);
        }
        self.lines(input, sink)
    }

    /// No more files. Gives the stamp at which time stands.
    pub fn finish(mut self, sink: Sink) -> Stamp {
        let stands = self.clock.stands();
        if self.packets {
            self.tracker.finish(&mut self.events);
            self.tell(stands, sink);
        }
        stands
    }

    fn tell(&mut self, stamp: Stamp, sink: Sink) {
        for event in self.events.drain(..) {
            sink(event, stamp, &self.clock);
        }
    }

    fn capture(&mut self, input: impl Read, sink: Sink) -> Result<(), Problem> {
        let mut reader = pcap::Reader::new(input)?;
        while let Some(captured) = reader.next()? {
            let stamp = if self.clock.jumps(captured.at) {
                let first = self.clock.stands() == Stamp::default();
                self.tracker.jump(&mut self.events);
                for event in self.events.drain(..) {
                    sink(event, self.clock.stands(), &self.clock);
                }
                let stamp = self.clock.jump(captured.at);
                sink(Event::Clock, stamp, &self.clock);
                if !first {
                    sink(Event::Gap { source: Source::Lookups }, stamp, &self.clock);
                }
                stamp
            } else {
                self.clock.advance(captured.at)
            };
            match packet::parse(captured.link, captured.data, captured.wire_length) {
                Ok(frame) => self.tracker.packet(&frame, stamp, &mut self.events),
                Err(_) => self.tracker.malformed(),
            }
            for event in self.events.drain(..) {
                sink(event, stamp, &self.clock);
            }
        }
        Ok(())
    }

    fn lines(&mut self, input: impl Read, sink: Sink) -> Result<(), Problem> {
        let mut input = BufReader::new(input);
        let (mut line, mut number, mut offset, mut facts) = (Vec::new(), 0_u64, 0_u64, 0_u64);
        loop {
            line.clear();
            let length = input.by_ref().take(limits::LINE_BYTES as u64).read_until(b'\n', &mut line)?;
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
                    return Err(Problem::Data(
                        "it is neither a packet capture (pcap, pcapng) nor an event file of leash".into(),
                    ));
                }
                Some(Err(says)) => return Err(Problem::Data(format!("line {number}, at byte {offset}: {says}"))),
            }
            offset += length as u64;
        }
    }
}
