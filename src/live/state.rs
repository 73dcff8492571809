//! The state file: written whole or not at all, seldom on flash and often in memory. Beside it, on flash, is the journal of
//! the last months: files to which lines are added, each for some days, so that nothing in them is written twice.

use crate::api::Complaint;
use crate::engine::Engine;
use crate::engine::past::Past;
use crate::engine::state::Extent;
use crate::fnv::Fnv64;
use crate::limits;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Span, Stamp, Time};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The least time between two writes to flash, which wears out.
const FLASH_EVERY: Span = Span::mins(15);
/// How many bytes are written to flash a day while leash runs, on average.
const FLASH_A_DAY: u64 = 64_000;
/// The time after which the state goes to flash though only counters changed.
const FLASH_ANYWAY: Span = Span::days(1);
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
    /// When the state goes to flash whether it changed or not.
    flash_anyway: Time,
    /// The bytes that may be written to flash by now; nothing is while it is not positive. And when it was counted.
    allowance: (i64, Time),
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
            memory: socket.with_file_name(if flash == socket.with_file_name("state") { "state.copy" } else { "state" }),
            written: None,
            next_flash: at.now + FLASH_EVERY,
            flash_anyway: at.now + FLASH_ANYWAY,
            allowance: (FLASH_A_DAY as i64 / 2, at.now),
            next_memory: at.now + MEMORY_EVERY,
            earliest_memory: at.now,
            problem: None,
            flash_bytes: 0,
        }
    }

    /// Loads the copy in memory, or else the file on flash, into the engine. A damaged one is set aside.
    pub fn load(&mut self, engine: &mut Engine, at: Stamp) {
        self.load_state(engine, at);
        let mut past = Past::default();
        let today = engine.local_day(at.wall);
        self.read_past(today.saturating_sub(limits::PAST_FILE_DAYS), today, &mut past);
        engine.restore_history(past);
    }

    fn load_state(&mut self, engine: &mut Engine, at: Stamp) {
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
    pub fn write_due(&mut self, engine: &mut Engine, at: Stamp) {
        if self.next_memory <= at.now {
            let started = Instant::now();
            let result = write(&self.memory, false, |out| engine.save(out, Extent::Whole, at));
            let took = Span::from(started.elapsed());
            self.next_memory = at.now + MEMORY_EVERY;
            self.earliest_memory = at.now + (took * REST_FACTOR).max(REST);
            self.note_memory(result);
        }
        if self.next_flash <= at.now {
            self.write_flash(engine, at);
        }
    }

    /// Writes what seldom changes to flash, if it has changed and there was not much of it already. Names are too many for
    /// flash: a power cut loses them.
    fn write_flash(&mut self, engine: &mut Engine, at: Stamp) {
        self.next_flash = at.now + FLASH_EVERY;
        let earned = at.now.since(self.allowance.1).as_secs().saturating_mul(FLASH_A_DAY) / 86_400;
        let most = FLASH_A_DAY as i64;
        self.allowance = (self.allowance.0.saturating_add_unsigned(earned).min(most), at.now);
        self.write_past(engine, at);
        if self.allowance.0 <= 0 {
            return;
        }
        let mut print = Fingerprint::default();
        let is_new = engine.save(&mut print, Extent::Outline, at).is_ok() && self.written != Some(print);
        if is_new || self.flash_anyway <= at.now {
            let result = write(&self.flash, true, |out| engine.save(out, Extent::Compact, at));
            if result.is_ok() {
                (self.written, self.flash_anyway) = (Some(print), at.now + FLASH_ANYWAY);
            }
            self.note_flash(result);
        }
    }

    /// Adds what waits to the journal. The state in memory is written soon, so that it does not wait there any longer.
    fn write_past(&mut self, engine: &mut Engine, at: Stamp) {
        let Some((day, lines)) = engine.journal_lines() else { return };
        let file = day / limits::PAST_FILE_DAYS;
        let result = append(&self.past(file), &past_header(file), lines);
        if result.is_ok() {
            engine.journal_written();
            self.schedule_write(at);
        }
        self.note_flash(result);
    }

    fn past(&self, file: u32) -> PathBuf {
        self.flash.with_file_name(format!("past.{}", file % limits::PAST_FILES))
    }

    /// Reads the journal of these days, which are counted since 1970.
    pub fn read_past(&self, first: u32, last: u32, past: &mut Past) {
        let mut forms = Vec::new();
        let files = first / limits::PAST_FILE_DAYS..=last / limits::PAST_FILE_DAYS;
        for file in files.rev().take(limits::PAST_FILES as usize).collect::<Vec<_>>().into_iter().rev() {
            let Ok(opened) = File::open(self.past(file)) else { continue };
            let mut bytes = Vec::new();
            let read = opened.take(2 * limits::PAST_FILE_BYTES as u64).read_to_end(&mut bytes);
            let text = String::from_utf8_lossy(&bytes);
            if let Some(lines) = text.strip_prefix(&past_header(file)).filter(|_| read.is_ok()) {
                past.read(lines, first, &mut forms);
            }
        }
    }

    /// Writes all to flash when the daemon ends in good order, and removes the copy in memory unless it is all that there
    /// is.
    pub fn close(&mut self, engine: &mut Engine, at: Stamp) {
        self.write_past(engine, at);
        let result = write(&self.flash, true, |out| engine.save(out, Extent::Whole, at));
        let kept = result.is_ok();
        self.note_flash(result);
        if kept {
            let _ = fs::remove_file(&self.memory);
        } else {
            let _ = write(&self.memory, false, |out| engine.save(out, Extent::Whole, at));
        }
    }

    fn note_flash(&mut self, result: io::Result<u64>) {
        let bytes = result.as_ref().copied().unwrap_or_default();
        self.flash_bytes += bytes;
        self.allowance.0 = self.allowance.0.saturating_sub_unsigned(bytes);
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

/// Returns the first line of a file of the journal.
fn past_header(file: u32) -> String {
    format!("leash past 1 {file}\n")
}

/// Adds lines to a file that begins with this header, or begins it anew. What does not fit into it any more is left out.
/// Returns how many bytes were written.
fn append(path: &Path, header: &str, lines: &str) -> io::Result<u64> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    let mut begin = vec![0; header.len()];
    let known = File::options().read(true).append(true).open(path);
    let known = known.and_then(|mut file| file.read_exact(&mut begin).map(|()| file)).ok();
    let (mut file, mut text) = match known.filter(|_| begin == header.as_bytes()) {
        Some(mut file) => {
            // A power cut may have left half a line.
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            (file, if last == *b"\n" { String::new() } else { "\n".into() })
        }
        None => (File::create(path)?, header.into()),
    };
    text += lines;
    if file.metadata()?.len() as usize + text.len() > limits::PAST_FILE_BYTES {
        return Ok(0);
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    Ok(text.len() as u64)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::event;
    use crate::time::{Clock, Wall};

    /// A house whose state is kept in a folder of its own.
    struct House {
        folder: PathBuf,
        engine: Engine,
        state: State,
        clock: Clock,
    }

    const BEGIN: u64 = 1_767_225_600;
    const TODAY: u32 = (BEGIN / 86_400) as u32;

    fn at(seconds: u64) -> Stamp {
        Stamp { now: Time(0) + Span::secs(seconds), wall: Wall::secs((BEGIN + seconds) as i64) }
    }

    impl House {
        fn new(folder: &Path, now: Stamp) -> House {
            let mut engine = Engine::new(config::parse("config leash", &[]).0);
            engine.enable_records();
            let mut state = State::new(&folder.join("flash/state"), &folder.join("run/socket"), now);
            state.load(&mut engine, now);
            House { folder: folder.into(), engine, state, clock: Clock::default() }
        }

        fn begin(name: &str) -> House {
            let folder = std::env::temp_dir().join(format!("leash-state-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            House::new(&folder, at(0))
        }

        fn says(&mut self, lines: &str) {
            for line in lines.lines() {
                let (event, stamp) = event::read(line, &mut self.clock).unwrap();
                self.engine.handle(event, Stamp { now: at(0).now + stamp.wall.since(at(0).wall), ..stamp });
            }
        }

        /// Lets time pass until this second, as the loop does.
        fn wait(&mut self, from: u64, until: u64) {
            for second in (from..until).step_by(300) {
                self.engine.wake(at(second));
                self.state.write_due(&mut self.engine, at(second));
            }
        }

        fn past(&self, first: u32, last: u32) -> Past {
            let mut past = Past::default();
            self.state.read_past(first, last, &mut past);
            past
        }
    }

    fn visit(second: u64, device: u32) -> String {
        let (time, port) = (BEGIN + second, second % 60_000 + 1);
        format!(
            "{time}.000000 neighbour 192.168.8.{device} 02:00:00:00:00:{device:02x}\n\
             {time}.000000 looked 192.168.8.{device} 192.168.8.1 1 hub.vendor.example found 198.51.100.20\n\
             {time}.000000 opened tcp 192.168.8.{device}:{port} > 198.51.100.20:443\n\
             {time}.000000 closed tcp 192.168.8.{device}:{port} > 198.51.100.20:443 5000 6000\n"
        )
    }

    #[test]
    fn a_killed_daemon_and_a_power_cut_lose_what_they_must() {
        let mut house = House::begin("killed");
        house.says(&visit(10, 20));
        house.wait(60, 600);
        let told = house.engine.history();
        assert_eq!(told.len(), 1);
        // Killed: what is in memory is all there.
        let again = House::new(&house.folder, at(600));
        assert_eq!(again.engine.history(), told);
        let (now, before) = (again.engine.devices().next().unwrap(), house.engine.devices().next().unwrap());
        for key in ["sent_bytes", "first", "last", "lookups"] {
            assert_eq!(now[key], before[key], "{key}");
        }
        // A power cut after a day: flash has devices, totals, the day that is over and what happened.
        house.says(&visit(86_300, 20));
        house.wait(86_300, 90_000);
        fs::remove_file(house.folder.join("run/state")).unwrap();
        let again = House::new(&house.folder, at(90_000));
        assert_eq!(again.engine.history(), told);
        let device = again.engine.devices().next().unwrap();
        assert_eq!((&device["sent_bytes"], &device["first"]), (&10_000.into(), &(BEGIN as f64 + 10.0).into()));
        let past = again.past(0, TODAY + 1);
        assert_eq!((past.days.len(), past.days[0].traffic.sent, past.names.len(), past.damaged), (1, 10_000, 1, 0));
        // A good end has all in one place.
        house.state.close(&mut house.engine, at(90_060));
        assert!(!house.folder.join("run/state").exists());
        let mut again = House::new(&house.folder, at(90_060));
        [&mut house, &mut again].into_iter().for_each(|house| house.engine.wake(at(90_060)));
        let day = |house: &House| house.engine.devices().next().unwrap()["day"].clone();
        assert_eq!(day(&again), day(&house));
        fs::remove_dir_all(&house.folder).unwrap();
    }

    #[test]
    fn days_of_changes_stay_within_what_flash_may_have() {
        let mut house = House::begin("changes");
        for device in 20..220 {
            house.says(&visit(u64::from(device), device));
        }
        let mac = "02:00:00:00:00:20".parse().unwrap();
        let quarters = 10 * 96;
        for quarter in 1..=quarters {
            house.engine.set_name(mac, &format!("name {quarter}"), at(quarter * 900));
            house.state.write_due(&mut house.engine, at(quarter * 900));
        }
        let bytes = house.state.flash_bytes;
        assert!(bytes > 5 * FLASH_A_DAY && bytes < 11 * FLASH_A_DAY, "{bytes}");
        // Nothing changes: once a day.
        house.wait(quarters * 900, quarters * 900 + 4 * 86_400);
        let before = house.state.flash_bytes;
        house.wait((quarters + 4 * 96) * 900, (quarters + 7 * 96) * 900);
        assert!((house.state.flash_bytes - before) / 3 < FLASH_A_DAY / 2, "{}", house.state.flash_bytes - before);
        fs::remove_dir_all(&house.folder).unwrap();
    }

    #[test]
    fn the_journal_has_the_last_months_in_files_of_bounded_size() {
        let mut house = House::begin("journal");
        for day in 0..150 {
            house.says(&visit(day * 86_400 + 40, 20));
            house.wait(day * 86_400 + 60, day * 86_400 + 1_000);
            if day == 70 {
                // A power cut in the middle of a line.
                let path = house.state.past((TODAY + day as u32) / limits::PAST_FILE_DAYS);
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
            }
        }
        let last = TODAY + 149;
        let past = house.past(last - limits::PAST_DAYS, last);
        assert_eq!((past.days.len(), past.damaged), (limits::PAST_DAYS as usize - 1, 1));
        let files = fs::read_dir(house.folder.join("flash")).unwrap().flatten();
        let sizes: Vec<u64> = files.map(|file| file.metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), limits::PAST_FILES as usize + 1, "{sizes:?}");
        let path = house.state.past(last / limits::PAST_FILE_DAYS);
        let header = past_header(last / limits::PAST_FILE_DAYS);
        let most = limits::PAST_FILE_BYTES as u64;
        while append(&path, &header, &"x".repeat(5_000)).unwrap() > 0 {}
        assert!((most - 5_001..=most).contains(&fs::metadata(&path).unwrap().len()));
        fs::remove_dir_all(&house.folder).unwrap();
    }
}
