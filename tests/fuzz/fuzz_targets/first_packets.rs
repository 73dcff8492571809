//! The first packets of a flow, in both directions: STUN, SOCKS, CONNECT, HTTP, TLS, DTLS, QUIC, DNS, WireGuard, the
//! protocols of cameras, what may be ahead of them, and what may be split over packets.
//!
//! The first byte chooses TCP or UDP, the next two are the port. Then follow for each packet: flags (1: of the client, 2:
//! cut), two bytes of sequence number, two of length, and the payload.
#![no_main]
use leash::model::Protocol;
use leash::wire::first_packets::FirstPackets;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[tcp, p1, p0], mut rest)) = data.split_first_chunk() else { return };
    let protocol = if tcp & 1 == 1 { Protocol::Tcp } else { Protocol::Udp };
    let mut packets = FirstPackets::new(protocol, u16::from_be_bytes([p1, p0]));
    if tcp & 2 == 2 {
        packets.starts_at(0);
    }
    while let Some((&[flags, s1, s0, l1, l0], after)) = rest.split_first_chunk() {
        if packets.is_done() {
            break;
        }
        let (payload, after) = after.split_at(usize::from(u16::from_be_bytes([l1, l0])).min(after.len()));
        let (cut, sequence) = (flags & 2 == 2, u16::from_be_bytes([s1, s0]).into());
        let _ = if flags & 1 == 1 { packets.client(sequence, payload, cut) } else { packets.server(payload, cut) };
        rest = after;
    }
});
