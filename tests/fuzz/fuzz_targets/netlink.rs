//! Netlink messages of conntrack, of neighbours and addresses, of the log and of nf_tables.
#![no_main]
use leash::wire::{conntrack, neighbour, netlink, nflog, nft};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for message in netlink::messages(data) {
        let _ = (message.error(), conntrack::parse(&message), neighbour::parse(&message));
        let _ = (nflog::parse(&message), nft::parse_counter(&message), nft::parse_change(&message));
    }
});
