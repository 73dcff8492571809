//! A ClientHello, whole or cut, of TLS or DTLS.
#![no_main]
use leash::wire::reassembly::Reassembly;
use leash::wire::tls;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    tls::client_hello(data, false);
    tls::client_hello(data, true);
    let mut hello = Reassembly::default();
    tls::dtls_hello(data, false, &mut hello);
    tls::dtls_hello(data, true, &mut hello);
});
