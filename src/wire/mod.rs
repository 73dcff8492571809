//! Bytes or lines into facts, without I/O. Nothing here panics, whatever the bytes.

pub mod dhcp;
pub mod dns;
pub mod doh;
mod gquic;
mod http;
mod initial_keys;
mod layer;
mod mqtt;
pub mod opening;
pub mod packet;
pub mod pcap;
mod pieces;
mod quic;
mod resolvers;
mod socks;
mod stun;
pub mod tls;
