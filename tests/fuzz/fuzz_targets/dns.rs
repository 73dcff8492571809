//! DNS messages, and DHCP messages beside them. Names are printable and bounded.
#![no_main]
use leash::wire::{dhcp, dns};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(message) = dns::parse(data) {
        for name in message.aliases.iter().chain([&message.name]) {
            assert!(name.len() <= 255 && name.bytes().all(|b| b.is_ascii_graphic()), "{name:?}");
        }
    }
    dns::is_query(data);
    dns::hint(data, false);
    dns::hint(data, true);
    dns::stream(data);
    if let Some(dhcp) = dhcp::parse(data) {
        for text in dhcp.hostname.iter().chain(dhcp.vendor_class.iter()) {
            assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
        }
    }
});
