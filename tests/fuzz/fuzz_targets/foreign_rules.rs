//! Other programs' firewall rules in nft's JSON. leash's own table is never a concern.
#![no_main]
use leash::wire::foreign_rules::read;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let found = read(data, "inet leash", 1 << 25, &["br-lan".into()]);
    assert!(found.concerns.iter().all(|(_, table)| table != "inet leash"));
});
