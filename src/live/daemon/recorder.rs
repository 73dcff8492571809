//! Events for those who record, as lines of an event file.

use crate::engine::Engine;
use crate::event::{self, Event};
use crate::live::control::{Control, Stream};
use crate::time::{Clock, Stamp};

/// Sends each event to the callers that record.
#[derive(Default)]
pub struct Recorder {
    /// The clock of the lines, while somebody records.
    clock: Option<Clock>,
}

impl Recorder {
    /// Sends events to those who record, and hands them to the engine.
    pub fn handle(&mut self, events: Vec<Event>, engine: &mut Engine, at: Stamp, control: &mut Control) {
        self.record(&events, engine, at, control);
        events.into_iter().for_each(|event| engine.handle(event, at));
    }

    /// Sends events before the engine handles them. A recording begins with what is known of the house.
    fn record(&mut self, events: &[Event], engine: &Engine, at: Stamp, control: &mut Control) {
        if !control.has_listeners(Stream::Record) {
            self.clock = None;
            return;
        }
        let starts = self.clock.is_none();
        let clock = self.clock.get_or_insert_default();
        if starts {
            clock.jump(at.wall);
            for event in std::iter::once(Event::ClockSet).chain(engine.snapshot()) {
                control.send(Stream::Record, &event::write(&event, at, clock));
            }
        }
        for event in events {
            match event {
                Event::ClockSet => clock.jump(at.wall),
                _ => clock.advance(at.wall),
            };
            control.send(Stream::Record, &event::write(event, at, clock));
        }
    }
}
