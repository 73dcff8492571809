//! The running daemon, and the only modules that touch clocks, files, terminals, processes and the kernel.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is where I/O lives")]

pub mod clock;
pub mod control;
pub mod daemon;
pub mod doctor;
pub mod enforce;
pub mod files;
pub mod foreign;
pub mod lock;
pub mod logger;
pub mod netlink;
pub mod notify;
pub mod progress;
pub mod rdap;
pub mod reference;
pub mod resolv_conf;
pub mod rewritten;
pub mod router;
pub mod slot;
pub mod sources;
pub mod state;
pub mod tail;
pub mod terminal;
pub mod ubus;
pub mod uci_commit;
