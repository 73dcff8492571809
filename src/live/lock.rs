//! One leash for each network: two would replace each other's table over and over.

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, UnixCredentials, connect, getsockopt, socket, sockopt,
};
use std::io;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// The abstract name of the lock (unix(7)). A network namespace has one, as it has one table of that name, and it is free
/// again when the process ends, however it ends.
const NAME: &str = "leash";

/// Takes the lock, and holds it as long as what is returned lives; nothing where it could not be had for another reason
/// than another leash, since anybody may take that name.
///
/// # Errors
/// A sentence: another leash has it.
pub fn hold() -> Result<Option<UnixListener>, String> {
    let Ok(address) = SocketAddr::from_abstract_name(NAME) else { return Ok(None) };
    match UnixListener::bind_addr(&address) {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let holder = holder().ok();
            let own = nix::unistd::geteuid().as_raw();
            match holder.filter(|holder| holder.uid() == 0 || holder.uid() == own) {
                Some(holder) => Err(format!("another leash runs here (process {}): stop it first", holder.pid())),
                None => {
                    log::warn!(
                        "somebody else has the abstract socket '{NAME}', so a second leash would not be noticed"
                    );
                    Ok(None)
                }
            }
        }
        Err(error) => {
            log::warn!("the abstract socket '{NAME}' cannot be had ({error}), so a second leash would not be noticed");
            Ok(None)
        }
    }
}

/// Returns who has the lock. Does not wait for somebody who keeps others waiting.
fn holder() -> nix::Result<UnixCredentials> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let stream = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(stream.as_raw_fd(), &UnixAddr::new_abstract(NAME.as_bytes())?)?;
    getsockopt(&stream, sockopt::PeerCredentials)
}
