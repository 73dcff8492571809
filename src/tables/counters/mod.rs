//! What is counted of a device or a contact, in bounded memory.

pub mod attempts;
pub mod balance;
pub mod beacon;
pub mod day;
pub mod distinct;
pub mod handshakes;
pub mod lookups;
pub mod reach;
pub mod uploads;
