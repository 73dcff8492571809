//! A ClientHello, whole or cut.
#![no_main]
use leash::wire::tls;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    tls::client_hello(data, false);
    tls::client_hello(data, true);
});
