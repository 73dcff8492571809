//! The beginning of a byte stream whose parts come in any order: TCP segments, QUIC CRYPTO frames.

/// How much of a stream is kept, in bytes. A post-quantum ClientHello has about 2,000.
pub const CAPACITY: usize = 4096;

/// The first [`CAPACITY`] bytes of a stream, as far as they came; never more than twice that on the heap.
#[derive(Default)]
pub struct Reassembly {
    bytes: Vec<u8>,
    came: Vec<bool>,
}

impl Reassembly {
    /// Bytes that belong `offset` bytes after the beginning; what lies beyond the capacity is dropped.
    pub fn put(&mut self, offset: usize, part: &[u8]) {
        let room = CAPACITY.saturating_sub(offset);
        let part = &part[..part.len().min(room)];
        if part.is_empty() {
            return;
        }
        let end = offset + part.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.came.resize(end, false);
        }
        self.bytes[offset..end].copy_from_slice(part);
        self.came[offset..end].fill(true);
    }

    /// What came without a hole.
    pub fn prefix(&self) -> &[u8] {
        &self.bytes[..self.came.iter().take_while(|&&came| came).count()]
    }
}

impl From<&[u8]> for Reassembly {
    /// A stream that begins so.
    fn from(first: &[u8]) -> Reassembly {
        let mut pieces = Reassembly::default();
        pieces.put(0, first);
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_put_in_order() {
        let mut pieces = Reassembly::default();
        pieces.put(3, b"def");
        assert_eq!(pieces.prefix(), b"");
        pieces.put(0, b"abcd");
        assert_eq!(pieces.prefix(), b"abcdef");
    }

    #[test]
    fn no_offset_exceeds_the_capacity() {
        let mut pieces = Reassembly::default();
        pieces.put(usize::MAX, b"x");
        pieces.put(CAPACITY, b"x");
        assert!(pieces.bytes.is_empty());
        pieces.put(CAPACITY - 1, b"xy");
        pieces.put(0, &[7; 2 * CAPACITY]);
        assert_eq!(pieces.prefix(), [7; CAPACITY]);
    }
}
