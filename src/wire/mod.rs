//! Bytes or lines into facts, without I/O. Nothing here panics, whatever the bytes.

pub mod blobmsg;
pub mod conntrack;
pub mod dhcp;
pub mod dns;
pub mod dnsmasq;
pub mod doh;
mod gquic;
mod http;
mod initial_keys;
mod ja4;
mod layer;
mod mqtt;
pub mod neighbour;
pub mod netlink;
pub mod nflog;
pub mod nft;

pub mod opening;
pub mod packet;
pub mod pcap;
mod pieces;
pub mod plaintext;
mod quic;
mod resolvers;
mod socks;
mod stun;
pub mod tls;
pub mod ubus;
