//! Numbers of variable length, as the files of networks and vendors have them.

/// Reads an unsigned LEB128 number at `at` and moves `at` behind it. Returns `None` when it is cut off or needs more
/// than 64 bits; `at` is of no use then.
pub(super) fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        let bits = u64::from(byte & 127);
        // The tenth byte has room for one bit.
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}
