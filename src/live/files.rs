//! Files of other programs, some of which stand where anybody may put something.

use nix::libc;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The most that is read of a small text file, in bytes.
const TEXT_MAX: u64 = 1 << 20;

/// Opens a regular file for reading.
///
/// # Errors
/// Those of the system; for what is no regular file, which is not opened: a named pipe or a device would keep leash
/// waiting, or do something.
pub fn open(path: &Path) -> io::Result<File> {
    let regular =
        |data: fs::Metadata| if data.is_file() { Ok(()) } else { Err(io::Error::other("it is no regular file")) };
    regular(fs::metadata(path)?)?;
    // Whoever swaps the file between these lines gains nothing: a named pipe is opened without waiting.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    regular(file.metadata()?)?;
    Ok(file)
}

/// Reads a small text file, up to 1 MB.
///
/// # Errors
/// Those of [`open`], and for text that is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    read(open(path)?)
}

/// Reads a small text file that only root or leash's own user may have written.
///
/// # Errors
/// Those of [`text`], and for a file or a link of somebody else.
pub fn trusted_text(path: &Path) -> io::Result<String> {
    let own = nix::unistd::geteuid().as_raw();
    let trusted = |data: fs::Metadata| match data.uid() {
        0 => Ok(()),
        user if user == own => Ok(()),
        _ => Err(io::Error::other("it is somebody else's")),
    };
    trusted(fs::symlink_metadata(path)?)?;
    let file = open(path)?;
    trusted(file.metadata()?)?;
    read(file)
}

fn read(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(TEXT_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile("files");
        fs::create_dir_all(&folder).unwrap();
        let pipe = folder.join("pipe");
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink(&pipe, folder.join("link")).unwrap();
        fs::write(folder.join("text"), "nameserver 192.0.2.1\n").unwrap();
        for name in ["pipe", "link", ".", "absent"] {
            assert!(text(&folder.join(name)).is_err() && trusted_text(&folder.join(name)).is_err(), "{name}");
        }
        assert!(open(Path::new("/dev/zero")).is_err());
        assert_eq!(text(&folder.join("text")).unwrap(), "nameserver 192.0.2.1\n");
        assert_eq!(trusted_text(&folder.join("text")).unwrap(), "nameserver 192.0.2.1\n");
        fs::remove_dir_all(folder).unwrap();
    }

    fn tempfile(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("leash-{name}-{}", std::process::id()))
    }
}
