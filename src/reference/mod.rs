//! Reference data: lists of addresses and names that others warn of, the networks of addresses, the vendors of devices.

pub mod lists;
pub mod networks;
mod varint;
pub mod vendors;
