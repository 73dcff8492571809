//! A resolver's stream in segments and its datagrams in fragments, whatever their order: what is handed out is bounded,
//! and no stream yields more bytes than it had.
#![no_main]
use leash::time::{Span, Time};
use leash::wire::dns::TcpMessages;
use leash::wire::fragments::Fragments;
use leash::wire::packet::{self, Frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (mut stream, mut fragments, mut lost) = (TcpMessages::default(), Fragments::default(), Vec::new());
    let (mut taken, mut given, mut now) = (0, 0, Time(0));
    let mut take = |message: &[u8], _whole: bool| taken += message.len();
    let mut rest = data;
    // An order, a sequence number and a length before each segment.
    while let Some((&[order, s1, s0, length], after)) = rest.split_first_chunk() {
        let (part, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        let sequence = u32::from(u16::from_be_bytes([s1, s0])) << (order >> 4);
        match order & 7 {
            0 => stream.starts_at(sequence),
            1 => stream.acknowledged(sequence, &mut take),
            2 => stream.end(&mut take),
            kind => stream.segment(sequence, part, kind == 3, &mut take),
        }
        given += part.len();
        if let Ok(Frame::Ip(packet)) = packet::parse(101, part, part.len() as u32) {
            if let Some(whole) = fragments.take(&packet, now, &mut lost) {
                assert!(whole.len() <= 8_192);
            }
        }
        now = now + Span::ms(u64::from(order));
    }
    stream.end(&mut take);
    assert!(taken <= given, "{taken} of {given} bytes");
});
