//! Files to read, with a bar on standard error for those that take a while.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// A short file is read before anybody could look at a bar.
const PATIENCE: Duration = Duration::from_secs(1);
const REDRAW: Duration = Duration::from_millis(100);
const WIDTH: u64 = 30;

/// A file that shows how far it was read.
pub struct Input {
    file: File,
    read: u64,
    size: u64,
    draw_at: Option<Instant>,
    drawn: bool,
}

/// Opens a file for reading; a directory is an error too.
pub fn open(path: &Path) -> io::Result<Input> {
    let file = File::open(path)?;
    let data = file.metadata()?;
    if data.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let bar = data.is_file() && io::stderr().is_terminal();
    Ok(Input { file, read: 0, size: data.len().max(1), draw_at: bar.then(|| Instant::now() + PATIENCE), drawn: false })
}

/// Reads a small text file, such as a configuration.
pub fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.read += n as u64;
        if let Some(at) = self.draw_at.filter(|at| Instant::now() >= *at) {
            self.draw_at = Some(at.max(Instant::now()) + REDRAW);
            self.drawn = true;
            let done = (self.read * WIDTH / self.size).min(WIDTH) as usize;
            let (bar, rest) = ("#".repeat(done), ".".repeat(WIDTH as usize - done));
            let percent = (self.read * 100 / self.size).min(100);
            let _ = write!(io::stderr(), "\r[{bar}{rest}] {percent:3} % of {} MB ", self.size / 1_000_000);
        }
        Ok(n)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "\r{}\r", " ".repeat(WIDTH as usize + 24));
        }
    }
}
