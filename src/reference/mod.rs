//! What others say of addresses, names and devices: lists, networks and vendors.

pub mod lists;
pub mod networks;
mod varint;
pub mod vendors;
