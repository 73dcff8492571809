//! A growing text file: followed through rotation, truncation and replacement, and kept small.

use crate::live::files;
use nix::libc;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes that one [`Tail::read`] reads of a file.
const READ_BYTES: usize = 64 << 10;
/// A larger file is emptied once it was read: its writer appends, and so continues at the beginning.
const EMPTY_ABOVE: u64 = 1 << 20;
/// Bytes by which a position is recognised: a line's date, id and port.
const MARK_BYTES: usize = 96;
/// Longer lines are cut: dnsmasq's have 1,024 bytes at most.
const LINE_MAX: usize = 4 << 10;

/// The file, and what reports its changes.
pub struct Tail {
    path: PathBuf,
    watch: Inotify,
    watched: bool,
    file: Option<File>,
    inode: u64,
    /// The byte that is read next.
    position: u64,
    /// The bytes right before that position.
    mark: Vec<u8>,
    /// The beginning of a line whose end was not written yet.
    rest: Vec<u8>,
    buffer: Vec<u8>,
    /// There is more to read: nothing was read yet, or the buffer was filled.
    more: bool,
}

impl Tail {
    /// Follows the file, whether it exists or not.
    pub fn open(path: &Path) -> io::Result<Tail> {
        let watch = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let mut tail = Tail {
            path: path.into(),
            watch,
            watched: false,
            file: None,
            inode: 0,
            position: 0,
            mark: Vec::new(),
            rest: Vec::new(),
            buffer: vec![0; READ_BYTES],
            more: true,
        };
        tail.add_watches();
        Ok(tail)
    }

    /// Returns whether the file was there when it was last read.
    pub fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// Watches the folder, since a file that comes later cannot be watched before, and the file.
    fn add_watches(&mut self) {
        let flags = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        self.watched = self.watched || self.watch.add_watch(folder, flags).is_ok();
        // Where only the file is mounted into a jail, its folder there reports nothing.
        let _ = self.watch.add_watch(&self.path, AddWatchFlags::IN_MODIFY);
    }

    /// Reads on, and hands over each whole line, and `None` where another file begins or somebody has emptied this one.
    pub fn read(&mut self, mut line: impl FnMut(Option<&[u8]>)) -> io::Result<()> {
        let mut changed = false;
        while self.watch.read_events().is_ok_and(|events| !events.is_empty()) {
            changed = true;
        }
        if self.watched && !changed && !self.more {
            return Ok(());
        }
        self.add_watches();
        if self.was_emptied()? {
            line(None);
            self.rewind();
        }
        // What was written to the old file is read before the new one is opened.
        self.read_lines(&mut line)?;
        let there = std::fs::metadata(&self.path).ok().filter(std::fs::Metadata::is_file);
        if let Some(data) = there.filter(|data| self.file.is_none() || data.ino() != self.inode) {
            if self.file.is_some() {
                line(None);
            }
            let both = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(&self.path);
            self.file = both.or_else(|_| files::open(&self.path)).ok();
            self.inode = data.ino();
            self.rewind();
            self.read_lines(&mut line)?;
        }
        self.empty_when_large()
    }

    /// Returns whether somebody has emptied the file, and perhaps written to it since: then it is shorter, or another text
    /// stands before the position.
    fn was_emptied(&self) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let mut before = [0; MARK_BYTES];
        let Some(before) = before.get_mut(..self.mark.len()) else { return Ok(false) };
        match file.read_exact_at(before, self.position.saturating_sub(self.mark.len() as u64)) {
            Ok(()) => Ok(*before != *self.mark),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Goes to the beginning of the file.
    fn rewind(&mut self) {
        self.position = 0;
        self.rest.clear();
        self.mark.clear();
    }

    /// Returns whether there is more to read than one call reads.
    pub fn has_more(&self) -> bool {
        self.more
    }

    fn read_lines(&mut self, line: &mut impl FnMut(Option<&[u8]>)) -> io::Result<()> {
        self.more = false;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(self.position))?;
        let n = file.read(&mut self.buffer)?;
        self.position += n as u64;
        self.more = n == self.buffer.len();
        let Some(read) = self.buffer.get(..n) else { return Ok(()) };
        self.mark.extend_from_slice(read.get(n.saturating_sub(MARK_BYTES)..).unwrap_or(read));
        self.mark.drain(..self.mark.len().saturating_sub(MARK_BYTES));
        let mut pieces = read.split(|byte| *byte == b'\n');
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            if self.rest.is_empty() {
                line(Some(piece));
            } else {
                self.rest.extend_from_slice(piece);
                line(Some(&self.rest));
                self.rest.clear();
            }
        }
        let room = LINE_MAX.saturating_sub(self.rest.len());
        self.rest.extend_from_slice(last.get(..room).unwrap_or(last));
        Ok(())
    }

    /// Empties a large file that was read to its end. A line that is written between the look at the length and the cut is
    /// lost: these are microseconds, once in 4,000 lookups.
    fn empty_when_large(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if self.position >= EMPTY_ABOVE && file.metadata()?.len() == self.position && file.set_len(0).is_ok() {
            self.position = 0;
            self.mark.clear();
        }
        Ok(())
    }
}

impl AsFd for Tail {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn folder(name: &str) -> (Folder, PathBuf) {
        let folder = std::env::temp_dir().join(format!("leash-tail-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        (Folder(folder), path)
    }

    fn append(path: &Path) -> File {
        OpenOptions::new().append(true).create(true).open(path).unwrap()
    }

    fn read(tail: &mut Tail) -> Vec<String> {
        let mut lines = Vec::new();
        let text =
            |line: Option<&[u8]>| line.map_or("(another)".into(), |line| String::from_utf8_lossy(line).into_owned());
        tail.read(|line| lines.push(text(line))).unwrap();
        lines
    }

    #[test]
    fn a_file_is_followed_through_what_happens_to_it() {
        let (_folder, path) = folder("life");
        let mut tail = Tail::open(&path).unwrap();
        assert_eq!(read(&mut tail), [""; 0]);
        let mut file = append(&path);
        file.write_all(b"one\ntwo\nthr").unwrap();
        assert_eq!(read(&mut tail), ["one", "two"]);
        file.write_all(b"ee\n").unwrap();
        assert_eq!(read(&mut tail), ["three"]);
        // Renamed: the old one is written to for a while.
        std::fs::rename(&path, path.with_extension("1")).unwrap();
        file.write_all(b"four\n").unwrap();
        assert_eq!(read(&mut tail), ["four"]);
        file.write_all(b"five\n").unwrap();
        let mut file = append(&path);
        file.write_all(b"six\n").unwrap();
        assert_eq!(read(&mut tail), ["five", "(another)", "six"]);
        // Emptied by somebody else.
        file.set_len(0).unwrap();
        file.write_all(b"7\n").unwrap();
        assert_eq!(read(&mut tail), ["(another)", "7"]);
        // The same, and as much was written since.
        file.set_len(0).unwrap();
        file.write_all(b"8\n").unwrap();
        assert_eq!(read(&mut tail), ["(another)", "8"]);
        file.set_len(0).unwrap();
        file.write_all(b"9\nten\n").unwrap();
        assert_eq!(read(&mut tail), ["(another)", "9", "ten"]);
        std::fs::remove_file(&path).unwrap();
        append(&path).write_all(b"eight\n").unwrap();
        assert_eq!(read(&mut tail), ["(another)", "eight"]);
    }

    /// As in a jail into which only the file is mounted: writes to it are reported in another folder.
    #[test]
    fn a_file_is_heard_of_without_its_folder() {
        let (_folder, path) = folder("alone");
        let (_other, same) = folder("elsewhere");
        append(&path);
        std::fs::hard_link(&path, &same).unwrap();
        let mut tail = Tail::open(&path).unwrap();
        assert_eq!(read(&mut tail), [""; 0]);
        append(&same).write_all(b"one\n").unwrap();
        assert_eq!(read(&mut tail), ["one"]);
        append(&same).write_all(b"two\n").unwrap();
        assert_eq!(read(&mut tail), ["two"]);
        assert_eq!(read(&mut tail), [""; 0]);
    }

    #[test]
    fn a_large_file_is_emptied_and_no_line_is_lost() {
        let (_folder, path) = folder("large");
        let mut file = append(&path);
        let mut tail = Tail::open(&path).unwrap();
        let mut seen = 0;
        for round in 0..40 {
            let text: String = (0..1_000).map(|n| format!("{round} {n} {:0>40}\n", "")).collect();
            file.write_all(text.as_bytes()).unwrap();
            loop {
                let n = read(&mut tail).len();
                seen += n;
                if n == 0 {
                    break;
                }
            }
        }
        assert_eq!(seen, 40_000);
        assert!(std::fs::metadata(&path).unwrap().len() < EMPTY_ABOVE + (1 << 17));
    }
}
