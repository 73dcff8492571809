//! Reads and writes the formats of packets, captures, logs and kernel messages, without I/O. Nothing here panics,
//! whatever the bytes.

pub mod blobmsg;
mod bytes;
mod client_stream;
pub mod conntrack;
pub mod dhcp;
pub mod dhcpv6;
pub mod discovery;
pub mod dns;
pub mod dnsmasq;
pub mod first_packets;
pub mod foreign_rules;
pub mod fragments;
mod gquic;
mod http;
mod initial_keys;
mod ja4;
mod mqtt;
pub mod ndp;
pub mod neighbour;
pub mod netlink;
pub mod nflog;
pub mod nft;
pub mod other_flows;
pub mod packet;
pub mod pcap;
mod peer;
pub mod plaintext;
mod proxy_protocol;
pub mod public_resolvers;
pub mod questions;
mod quic;
pub mod rdap;
pub mod reassembly;
pub mod request;
pub mod resolver_log;
mod resolvers;
#[cfg(test)]
mod sample;
mod socks;
mod stun;
pub mod tls;
pub mod ubus;
mod wireguard;
