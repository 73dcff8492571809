//! The only part that touches clocks, files, terminals, processes and the kernel.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is where I/O lives")]

pub mod input;
pub mod terminal;
