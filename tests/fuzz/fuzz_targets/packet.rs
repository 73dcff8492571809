//! A frame: the first byte chooses the link type, the rest is the frame. The payload lies within the frame.
#![no_main]
use leash::event::Event;
use leash::wire::other_flows;
use leash::wire::packet::{self, Body, Frame};
use libfuzzer_sys::fuzz_target;

const LINKS: [u32; 16] = [0, 1, 9, 12, 14, 51, 101, 108, 113, 228, 229, 239, 276, 147, 1, 1];

fuzz_target!(|data: &[u8]| {
    let Some((&link, data)) = data.split_first() else { return };
    for wire_length in [data.len() as u32, 0, 70_000, u32::MAX] {
        if let Ok(Frame::Ip(packet)) = packet::parse(LINKS[usize::from(link) % 16], data, wire_length) {
            let payload = match packet.body {
                Body::Tcp(tcp) => tcp.payload,
                Body::Udp { payload, .. } => payload,
                Body::Icmp(message) | Body::Other(_, message) => message,
                Body::Fragment => &[],
            };
            if let Some(tuple) = other_flows::identify(&packet) {
                let event = Event::FlowOpened { tuple, midstream: false };
                assert_eq!(event.to_string().parse(), Ok(event));
            }
            assert!(payload.len() <= data.len());
        }
    }
});
