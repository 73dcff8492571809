//! The state file: written whole or not at all, seldom on flash and often in memory.

use crate::api::Complaint;
use crate::engine::Engine;
use crate::fnv::Fnv64;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Stamp, Time, Wall};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The least time between two writes to flash, which wears out.
const FLASH_EVERY: Span = Span::mins(15);
/// The time between two writes to memory: names are learned all the time, and a minute of them may be lost.
const MEMORY_EVERY: Span = Span::mins(1);
/// A block or an order is written to memory after this time, so that others which come with it are written, too.
const GATHER: Span = Span::ms(200);
/// The least time between two writes to memory that cannot wait, and that time in units of what the last one took: a large
/// house spends at most 2 % of its time on them.
const REST: Span = Span::secs(1);
const REST_FACTOR: u64 = 50;

/// Where the state is kept: on flash, and a newer copy in memory that outlives the daemon but not the router.
pub struct State {
    flash: PathBuf,
    memory: PathBuf,
    /// What is on flash.
    written: Option<Fingerprint>,
    next_flash: Time,
    next_memory: Time,
    /// No write to memory that cannot wait comes before this.
    earliest_memory: Time,
    /// Why the last write failed.
    problem: Option<Sentence>,
    /// Bytes written to flash so far.
    pub flash_bytes: u64,
}

impl State {
    /// Returns a state that is kept in the file `flash`, and in memory beside the socket.
    pub fn new(flash: &Path, socket: &Path, at: Stamp) -> State {
        State {
            flash: flash.into(),
            memory: socket.with_file_name("state"),
            written: None,
            next_flash: at.now + FLASH_EVERY,
            next_memory: at.now + MEMORY_EVERY,
            earliest_memory: at.now,
            problem: None,
            flash_bytes: 0,
        }
    }

    /// Loads the copy in memory, or else the file on flash, into the engine. A damaged one is set aside.
    pub fn load(&mut self, engine: &mut Engine, at: Stamp) {
        for path in [&self.memory, &self.flash] {
            let text = match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    log::warn!("{}: {error}; leash starts without it", path.display());
                    continue;
                }
            };
            match engine.load(&text, at) {
                Ok(0) => return,
                Ok(bad) => return log::warn!("{}: {bad} lines cannot be read and are ignored", path.display()),
                Err(problem) => {
                    let aside = path.with_extension("damaged");
                    let moved = fs::rename(path, &aside).is_ok();
                    let kept = if moved { format!("; it is kept as {}", aside.display()) } else { String::new() };
                    log::warn!("{}: {problem}{kept}", path.display());
                }
            }
        }
    }

    /// Makes the state be written to memory soon, since something was ordered or blocked.
    pub fn schedule_write(&mut self, at: Stamp) {
        self.next_memory = self.next_memory.min(self.earliest_memory.max(at.now + GATHER));
    }

    /// Returns when to call [`State::write_due`].
    pub fn next_deadline(&self) -> Time {
        self.next_memory.min(self.next_flash)
    }

    /// Writes what is due, to memory and to flash.
    pub fn write_due(&mut self, engine: &Engine, at: Stamp) {
        if self.next_memory <= at.now {
            let started = Instant::now();
            let result = write(&self.memory, false, |out| engine.save(out, true, at));
            let took = Span::from(started.elapsed());
            self.next_memory = at.now + MEMORY_EVERY;
            self.earliest_memory = at.now + (took * REST_FACTOR).max(REST);
            self.note_memory(result);
        }
        if self.next_flash <= at.now {
            self.write_flash(engine, at);
        }
    }

    /// Writes what seldom changes to flash, if it has changed. Names are too many for flash: a power cut loses them.
    fn write_flash(&mut self, engine: &Engine, at: Stamp) {
        self.next_flash = at.now + FLASH_EVERY;
        let mut print = Fingerprint::default();
        let undated = Stamp { wall: Wall(0), ..at };
        if engine.save(&mut print, false, undated).is_ok() && self.written != Some(print) {
            let result = write(&self.flash, true, |out| engine.save(out, false, at));
            if result.is_ok() {
                self.written = Some(print);
            }
            self.note_flash(result);
        }
    }

    /// Writes all to flash when the daemon ends in good order, and removes the copy in memory unless it is all that there
    /// is.
    pub fn close(&mut self, engine: &Engine, at: Stamp) {
        let result = write(&self.flash, true, |out| engine.save(out, true, at));
        let kept = result.is_ok();
        self.note_flash(result);
        if kept {
            let _ = fs::remove_file(&self.memory);
        } else {
            let _ = write(&self.memory, false, |out| engine.save(out, true, at));
        }
    }

    fn note_flash(&mut self, result: io::Result<u64>) {
        self.flash_bytes += result.as_ref().copied().unwrap_or_default();
        let problem = result.err().map(|error| cannot_be_written(&self.flash, &error));
        self.note(problem);
    }

    fn note_memory(&mut self, result: io::Result<u64>) {
        let problem = result.err().map(|error| cannot_be_written(&self.memory, &error));
        // A write to memory that succeeds says nothing of a problem with flash.
        if problem.is_some() || self.problem.is_none() {
            self.note(problem);
        }
    }

    fn note(&mut self, problem: Option<Sentence>) {
        if let Some(problem) = problem.as_ref().filter(|_| self.problem.is_none()) {
            log::warn!("{problem}");
        }
        self.problem = problem;
    }

    /// Complains about a state that cannot be written.
    pub fn complain(&self, all: &mut Vec<Complaint>) {
        if let Some(problem) = &self.problem {
            all.push(Complaint::warning(
                sentence!("leash will forget what it has learnt at the next restart: %s", problem.clone()),
                sentence!("make room (%s), or set %s to a path that can be written", "df -h", "option state"),
            ));
        }
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> Sentence {
    sentence!("%s cannot be written: %s", path.display().to_string(), error.to_string())
}

/// Tells whether two states differ, without keeping them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Fingerprint(Fnv64);

impl Write for Fingerprint {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a temporary file, then fsync, rename, fsync of the folder: after a power cut there is the old file or the new one.
/// Returns how many bytes were written.
fn write(path: &Path, durable: bool, save: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<u64> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("new");
    let result = (|| {
        let mut out = BufWriter::new(File::create(&temporary)?);
        save(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        if durable {
            file.sync_all()?;
        }
        let bytes = file.metadata()?.len();
        fs::rename(&temporary, path)?;
        if durable {
            File::open(folder)?.sync_all()?;
        }
        Ok(bytes)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}
