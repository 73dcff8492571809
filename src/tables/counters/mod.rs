//! What is counted for a device or a contact, each kind in a fixed number of bytes, so that no traffic can make a
//! counter grow. The engine fills the counters in, detectors read them, and [`crate::limits`] has the thresholds with
//! their reasons.

pub mod answers;
pub mod attempts;
pub mod balance;
pub mod beacon;
pub mod compact;
pub mod day;
pub mod distinct;
mod division;
pub mod handshakes;
pub mod lookups;
pub mod reach;
pub mod referrals;
pub mod resolver;
pub mod sessions;
pub mod twins;
pub mod uploads;
mod window;
