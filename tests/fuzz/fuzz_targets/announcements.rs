//! What routers and DHCP servers say of themselves and of resolvers. Prefixes are whole networks.
#![no_main]
use leash::wire::ndp::NdpMessage;
use leash::wire::{dhcp, dhcpv6, ndp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(NdpMessage::RouterAdvertisement(router)) = ndp::parse(data) {
        assert!(router.prefixes.len() <= 16 && router.resolvers.len() <= 16 && router.nat64.len() <= 16);
        for net in router.prefixes.iter().chain(&router.nat64) {
            assert!(net.prefix_len() > 0 && net.trunc() == *net, "{net}");
        }
    }
    if let Some(reply) = dhcpv6::parse_reply(data) {
        assert!(reply.addresses.len() <= 16 && reply.resolvers.len() <= 16);
    }
    if let Some(message) = dhcp::parse(data) {
        assert!(message.routers.len() <= 16 && message.resolvers.len() <= 16);
    }
});
