//! The state file: written whole or not at all, seldom on flash and often in memory.

use crate::engine::Engine;
use crate::fnv::Fnv64;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Stamp, Time, Wall};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Flash lasts longer this way.
const FLASH_EVERY: Span = Span::mins(15);
/// Names are learned all the time; in memory a minute of them may be lost.
const MEMORY_EVERY: Span = Span::mins(1);
/// What was ordered or blocked is kept in memory at once, but a large house takes at most 2 % of the time.
const SHARE: u32 = 50;
const SOON: Span = Span::secs(1);

/// Where the state is kept: on flash, and a newer copy in memory that outlives the daemon but not the router.
pub struct State {
    flash: PathBuf,
    memory: PathBuf,
    /// What is on flash.
    written: Option<Fingerprint>,
    next_flash: Time,
    next_memory: Time,
    earliest: Time,
    /// Why the last try to write failed.
    pub trouble: Option<Sentence>,
    /// Bytes written to flash so far.
    pub flash_bytes: u64,
}

impl State {
    /// Keeps the state in `flash` and beside the socket.
    pub fn new(flash: &Path, socket: &Path, at: Stamp) -> State {
        State {
            flash: flash.into(),
            memory: socket.with_file_name("state"),
            written: None,
            next_flash: at.now + FLASH_EVERY,
            next_memory: at.now + MEMORY_EVERY,
            earliest: at.now,
            trouble: None,
            flash_bytes: 0,
        }
    }

    /// Takes up the newer of the two files. A damaged one is set aside.
    pub fn load(&mut self, engine: &mut Engine, at: Stamp) {
        for path in [&self.memory, &self.flash] {
            let text = match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    log::warn!("{}: {error}; leash begins without it", path.display());
                    continue;
                }
            };
            match engine.load(&text, at) {
                Ok(0) => return,
                Ok(wrong) => return log::warn!("{}: {wrong} lines made no sense and were left out", path.display()),
                Err(says) => {
                    let aside = path.with_extension("damaged");
                    let moved = fs::rename(path, &aside).is_ok();
                    let kept = if moved { format!("; it is kept as {}", aside.display()) } else { String::new() };
                    log::warn!("{}: {says}{kept}", path.display());
                }
            }
        }
    }

    /// Something was ordered or blocked: it is kept soon.
    pub fn schedule_write(&mut self, at: Stamp) {
        self.next_memory = self.next_memory.min(self.earliest.max(at.now + Span::ms(200)));
    }

    /// When to call [`State::write_due`].
    pub fn next_deadline(&self) -> Time {
        self.next_memory.min(self.next_flash)
    }

    /// Writes what is due.
    pub fn write_due(&mut self, engine: &Engine, at: Stamp) {
        if self.next_memory <= at.now {
            let begin = Instant::now();
            let result = write(&self.memory, false, |out| engine.save(out, true, at));
            let took = Span::from(begin.elapsed()) * u64::from(SHARE);
            self.next_memory = at.now + MEMORY_EVERY;
            self.earliest = at.now + took.max(SOON);
            self.note(result.map(|_| ()), true);
        }
        if self.next_flash <= at.now {
            self.keep_on_flash(engine, at);
        }
    }

    /// Writes what seldom changes to flash, if it did. Names are too many for flash: a power cut loses them.
    fn keep_on_flash(&mut self, engine: &Engine, at: Stamp) {
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

    fn note_flash(&mut self, result: io::Result<u64>) {
        self.flash_bytes += result.as_ref().copied().unwrap_or_default();
        self.note(result.map(|_| ()), false);
    }

    /// The daemon ends in good order: all is on flash, so the copy in memory goes, unless it is all that there is.
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

    fn note(&mut self, result: io::Result<()>, memory: bool) {
        let path = if memory { &self.memory } else { &self.flash };
        let trouble = result
            .err()
            .map(|error| sentence!("%s cannot be written: %s", path.display().to_string(), error.to_string()));
        if let Some(says) = trouble.as_ref().filter(|_| self.trouble.is_none()) {
            log::warn!("{says}");
        }
        if memory && self.trouble.is_some() && trouble.is_none() {
            // The other file may still be the troubled one.
            return;
        }
        self.trouble = trouble;
    }
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

/// Temporary file, fsync, rename, fsync of the folder: after a power cut there is the old one or the new one.
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
