//! The only part that touches clocks, files, terminals, processes and the kernel.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is where I/O lives")]

pub mod clock;
pub mod control;
pub mod daemon;
pub mod doctor;
pub mod enforce;
pub mod follow;
pub mod input;
pub mod keep;
pub mod logger;
pub mod netlink;
pub mod notify;
pub mod reference;
pub mod sources;
pub mod state;
pub mod terminal;
pub mod ubus;
