//! Files that show on standard error how far they were read, when that takes a while.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a file is read without a bar: a short one is done before anybody could look at it.
const QUIET_FOR: Duration = Duration::from_secs(1);
const REDRAW_EVERY: Duration = Duration::from_millis(100);
const BAR_WIDTH: u64 = 30;

/// A file that draws a bar while it is read.
pub struct Input {
    file: File,
    read: u64,
    size: u64,
    /// When the bar is drawn next; none where standard error is no terminal.
    draw_at: Option<Instant>,
    drawn: bool,
}

/// Returns whether a file's name means standard input, as `-` does (POSIX, utility syntax guideline 13).
pub fn is_standard_input(path: &Path) -> bool {
    matches!(path.to_str(), Some("-" | "/dev/stdin"))
}

/// Opens a file, or standard input, for reading. A directory is an error, too.
pub fn open(path: &Path) -> io::Result<Input> {
    let file =
        if is_standard_input(path) { io::stdin().as_fd().try_clone_to_owned()?.into() } else { File::open(path)? };
    let data = file.metadata()?;
    if data.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let bar = data.is_file() && io::stderr().is_terminal();
    Ok(Input { file, read: 0, size: data.len().max(1), draw_at: bar.then(|| Instant::now() + QUIET_FOR), drawn: false })
}

/// Reads a small text file, such as a configuration, up to 1 MB.
pub fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

/// Returns the lines with which a text file begins, while `goes_on` says so of each, up to 64 kB; none where it cannot be
/// read, of which [`open`] tells.
pub fn head(path: &Path, goes_on: impl Fn(&str) -> bool) -> String {
    let mut head = String::new();
    let Ok(file) = File::open(path) else { return head };
    let lines = BufReader::with_capacity(4_096, file.take(1 << 16)).lines().map_while(Result::ok);
    lines.take_while(|line| goes_on(line)).for_each(|line| head += &(line + "\n"));
    head
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buffer)?;
        self.read += n as u64;
        if let Some(at) = self.draw_at.filter(|at| Instant::now() >= *at) {
            self.draw_at = Some(at.max(Instant::now()) + REDRAW_EVERY);
            self.drawn = true;
            let done = (self.read * BAR_WIDTH / self.size).min(BAR_WIDTH) as usize;
            let (bar, rest) = ("#".repeat(done), ".".repeat(BAR_WIDTH as usize - done));
            let percent = (self.read * 100 / self.size).min(100);
            let _ = write!(io::stderr(), "\r[{bar}{rest}] {percent:3} % of {} MB ", self.size / 1_000_000);
        }
        Ok(n)
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(io::stderr(), "\r{}\r", " ".repeat(BAR_WIDTH as usize + 24));
        }
    }
}
