//! STUN by its magic cookie (RFC 8489, section 5), and TURN by its methods (RFC 8656, section 17).

/// Reads a datagram that is one message, exactly unless it is `cut`. Returns whether its method is one of TURN's, or
/// `None` when it is not STUN.
pub fn datagram(payload: &[u8], cut: bool) -> Option<bool> {
    header(payload).filter(|&(_, size)| size == payload.len() || cut && size > payload.len()).map(|(turn, _)| turn)
}

/// Reads a byte stream that begins with a message, by itself or behind the length of RFC 4571. Returns whether its
/// method is one of TURN's and the offset of the next message, or `None` when it is not STUN.
pub fn stream(stream: &[u8]) -> Option<(bool, usize)> {
    header(stream).or_else(|| {
        let (&length, framed) = stream.split_first_chunk()?;
        let (turn, size) = header(framed).filter(|&(_, size)| size == usize::from(u16::from_be_bytes(length)))?;
        Some((turn, size + 2))
    })
}

/// Returns whether the method is one of TURN's, and the size of the message in bytes.
fn header(bytes: &[u8]) -> Option<(bool, usize)> {
    let &[kind @ 0..0x40, low, a, b, 0x21, 0x12, 0xa4, 0x42, ..] = bytes else { return None };
    let (kind, length) = (u16::from_be_bytes([kind, low]), u16::from_be_bytes([a, b]));
    let method = kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2;
    length.is_multiple_of(4).then(|| (matches!(method, 3 | 4 | 6..=9), usize::from(length) + 20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sample::stun as message;

    #[test]
    fn methods_tell_turn_from_stun() {
        for (kind, turn) in
            [(0x0001, false), (0x0101, false), (0x0003, true), (0x0113, true), (0x0016, true), (0x0108, true)]
        {
            assert_eq!(datagram(&message(kind), false), Some(turn), "{kind:04x}");
        }
    }

    #[test]
    fn a_datagram_is_exact_unless_cut() {
        let message = message(1);
        for end in 0..message.len() {
            assert_eq!(datagram(&message[..end], false), None);
            assert_eq!(datagram(&message[..end], true), (end >= 8).then_some(false));
        }
        assert_eq!(datagram(&[&message[..], &[0]].concat(), false), None);
        let mut wrong = message.clone();
        wrong[0] = 0x40;
        assert_eq!(datagram(&wrong, false), None);
    }

    #[test]
    fn a_stream_may_frame_them() {
        let message = message(3);
        let framed = [&[0, message.len() as u8][..], &message].concat();
        assert_eq!(stream(&[&message[..], b"more"].concat()), Some((true, message.len())));
        assert_eq!(stream(&framed), Some((true, framed.len())));
        assert_eq!(stream(&[&[0, 9][..], &message].concat()), None);
        assert_eq!(stream(&[]), None);
    }
}
