//! Puts the beginning of a byte stream together, whose parts come in any order: TCP segments, QUIC CRYPTO frames.

/// How many bytes of a stream are kept. A post-quantum ClientHello has about 2,000.
pub const CAPACITY: usize = 4096;

/// The first [`CAPACITY`] bytes of a stream, as far as they were received. It has never more than twice that on the
/// heap.
#[derive(Default)]
pub struct Reassembly {
    bytes: Vec<u8>,
    received: Vec<bool>,
}

impl Reassembly {
    /// Puts bytes `offset` bytes after the beginning. Bytes beyond the capacity are dropped.
    pub fn put(&mut self, offset: usize, part: &[u8]) {
        let room = CAPACITY.saturating_sub(offset);
        let part = &part[..part.len().min(room)];
        if part.is_empty() {
            return;
        }
        let end = offset + part.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.received.resize(end, false);
        }
        self.bytes[offset..end].copy_from_slice(part);
        self.received[offset..end].fill(true);
    }

    /// Returns the bytes from the beginning up to the first hole.
    pub fn prefix(&self) -> &[u8] {
        &self.bytes[..self.received.iter().take_while(|&&received| received).count()]
    }
}

impl From<&[u8]> for Reassembly {
    /// Makes a stream of its first bytes.
    fn from(first: &[u8]) -> Reassembly {
        let mut stream = Reassembly::default();
        stream.put(0, first);
        stream
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_put_in_order() {
        let mut stream = Reassembly::default();
        stream.put(3, b"def");
        assert_eq!(stream.prefix(), b"");
        stream.put(0, b"abcd");
        assert_eq!(stream.prefix(), b"abcdef");
    }

    #[test]
    fn no_offset_exceeds_the_capacity() {
        let mut stream = Reassembly::default();
        stream.put(usize::MAX, b"x");
        stream.put(CAPACITY, b"x");
        assert!(stream.bytes.is_empty());
        stream.put(CAPACITY - 1, b"xy");
        stream.put(0, &[7; 2 * CAPACITY]);
        assert_eq!(stream.prefix(), [7; CAPACITY]);
    }
}
