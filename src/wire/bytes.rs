//! How to read what several formats have in common.

/// Takes a vector behind its length of `width` octets off `rest` (RFC 8446, section 3.4). Returns it, or what is there
/// of it.
pub fn vector<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(width)?;
    let length = length.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    let (data, after) = after.split_at(length.min(after.len()));
    *rest = after;
    Some(data)
}
