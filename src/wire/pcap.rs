//! Captures, read as a stream: classic pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng).

use crate::time::{Span, Wall};
use std::fmt;
use std::io::{self, Read};

/// The longest packet that is read, in bytes, and the size of the one buffer: libpcap's MAXIMUM_SNAPLEN.
const PACKET_BYTES_MAX: usize = 256 << 10;
/// How many interfaces of one pcapng section are remembered.
const INTERFACES_MAX: usize = 1_024;

// Block types of pcapng, section 11.1. That of a section header reads the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// One packet of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// When it was captured.
    pub at: Wall,
    /// The link type, which says what its first header is: a LINKTYPE_ value (draft-ietf-opsawg-pcaplinktype).
    pub link: u32,
    /// The number of the interface in its section; absent in a capture of one interface.
    pub interface: Option<u32>,
    /// Its length on the wire, in bytes.
    pub wire_length: u32,
    /// The bytes that were captured of it.
    pub data: &'a [u8],
}

/// Why a capture cannot be read on. Offsets are where the packet or block begins in the file, in bytes.
#[derive(Debug)]
pub enum CaptureError {
    /// The system could not read the file; its content is not to blame.
    Io(io::Error),
    /// The file is empty.
    Empty,
    /// The file, which begins with these bytes, is neither pcap nor pcapng.
    NotACapture(Vec<u8>),
    /// The file ends before the packet or block at this offset does.
    Truncated(u64),
    /// The packet or block at this offset states this length, which cannot be.
    Length(u64, u32),
    /// The section header at this offset does not state its byte order.
    ByteOrder(u64),
    /// The packet at this offset is of the interface of this number, which was not described before it.
    Interface(u64, u32),
}

impl std::error::Error for CaptureError {}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            CaptureError::Io(error) => write!(f, "the file cannot be read: {error}"),
            CaptureError::Empty => f.write_str("the file is empty"),
            CaptureError::NotACapture(first) => {
                write!(
                    f,
                    "not a capture: it begins with \"{}\", which is neither pcap nor pcapng",
                    first.escape_ascii()
                )
            }
            CaptureError::Truncated(0) => f.write_str("the file ends in the middle of its header at byte 0"),
            CaptureError::Truncated(offset) => write!(f, "the file ends in the middle of a packet at byte {offset}"),
            CaptureError::Length(offset, length) => {
                write!(f, "the packet or block at byte {offset} cannot have a length of {length} bytes")
            }
            CaptureError::ByteOrder(offset) => write!(f, "the section header at byte {offset} has no byte-order magic"),
            CaptureError::Interface(offset, number) => {
                write!(f, "the packet at byte {offset} is of interface {number}, which is not described before it")
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Format {
    Classic { fractions_per_us: u32, header_more: u64 },
    Blocks,
}

/// Whether a file that begins with these bytes is a capture.
pub fn is_capture(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|first| format(*first).is_some())
}

/// Returns what a file that begins with these bytes is, if it may hold a capture in a form that is not read, and the
/// command that makes a readable one of it (on standard output).
pub fn wrapped(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let forms: [(&[u8], _, _); 10] = [
        (b"\x1f\x8b", "compressed with gzip", "gzip -dc FILE"),
        (b"\x1f\x9d", "compressed with compress", "gzip -dc FILE"),
        (b"\x28\xb5\x2f\xfd", "compressed with zstd", "zstd -dc FILE"),
        (b"\xfd7zXZ\0", "compressed with xz", "xz -dc FILE"),
        (b"BZh", "compressed with bzip2", "bzip2 -dc FILE"),
        (b"\x04\x22\x4d\x18", "compressed with lz4", "lz4 -dc FILE"),
        (b"PK\x03\x04", "a ZIP archive", "unzip -p FILE"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x -so FILE"),
        (b"snoop\0\0\0", "a capture of snoop", "editcap -F pcap FILE -"),
        (b"GMBU", "a capture of Network Monitor", "editcap -F pcap FILE -"),
    ];
    forms.into_iter().find(|(magic, ..)| head.starts_with(magic)).map(|(_, is, command)| (is, command))
}

/// Returns the format of a file by its first bytes, and whether it is big endian (pcapng says that later).
fn format(first: [u8; 4]) -> Option<(Format, bool)> {
    let big_endian = first[0] == 0xa1;
    let magic = if big_endian { u32::from_be_bytes(first) } else { u32::from_le_bytes(first) };
    let format = match magic {
        SECTION => Format::Blocks,
        0xa1b2_c3d4 => Format::Classic { fractions_per_us: 1, header_more: 0 },
        0xa1b2_3c4d => Format::Classic { fractions_per_us: 1_000, header_more: 0 },
        // Kuznetzov's format: interface, protocol and packet type follow each packet's header.
        0xa1b2_cd34 => Format::Classic { fractions_per_us: 1, header_more: 8 },
        _ => return None,
    };
    Some((format, big_endian))
}

/// What an Interface Description Block says (pcapng, section 4.2).
#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    snap_length: u32,
    units_per_second: u64,
    offset_seconds: i64,
}

impl Interface {
    fn wall(self, high: u32, low: u32) -> Wall {
        let units = u64::from(high) << 32 | u64::from(low);
        let (seconds, fraction) = (units / self.units_per_second, units % self.units_per_second);
        // A million fractions must fit 64 bits; what finer units than 2^-44 s lose is less than a microsecond.
        let shift = if self.units_per_second > 1 << 44 { 20 } else { 0 };
        let us = (fraction >> shift) * 1_000_000 / (self.units_per_second >> shift);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(self.offset_seconds);
        Wall::secs(seconds) + Span(us)
    }
}

/// Reads a capture from front to end in constant memory, whatever its size.
pub struct Reader<R> {
    input: R,
    buffer: Box<[u8]>,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    /// How many bytes the input has yielded.
    received: u64,
    format: Format,
    big_endian: bool,
    /// The link type of a classic capture.
    link: u32,
    /// The offset at which the current packet or block begins.
    record: u64,
    /// The length that the current block states, 0 before the first.
    block_length: u32,
    interfaces: Vec<Interface>,
    /// The last time stamp, for the packets that have none.
    last: Wall,
}

impl<R: Read> Reader<R> {
    /// Begins to read a capture, by the bytes that tell its format.
    ///
    /// # Errors
    /// [`CaptureError::Empty`] or [`CaptureError::NotACapture`] if it is none.
    pub fn new(input: R) -> Result<Reader<R>, CaptureError> {
        let mut reader = Reader {
            input,
            buffer: vec![0; PACKET_BYTES_MAX].into_boxed_slice(),
            start: 0,
            end: 0,
            received: 0,
            format: Format::Blocks,
            big_endian: false,
            link: 0,
            record: 0,
            block_length: 0,
            interfaces: Vec::new(),
            last: Wall(0),
        };
        if !reader.fill(1)? {
            return Err(CaptureError::Empty);
        }
        reader.fill(4)?;
        let Some((format, big_endian)) = reader.unread().first_chunk().and_then(|first| format(*first)) else {
            return Err(CaptureError::NotACapture(reader.unread().iter().take(4).copied().collect()));
        };
        (reader.format, reader.big_endian) = (format, big_endian);
        if let Format::Classic { .. } = format {
            let [_magic, _version, _zone, _accuracy, _snap_length, network] = reader.words()?;
            // The upper half is the length of a frame check sequence.
            reader.link = network & 0xffff;
        }
        Ok(reader)
    }

    /// Returns the link type of all packets of a classic capture. In pcapng each interface has its own.
    pub fn link(&self) -> Option<u32> {
        matches!(self.format, Format::Classic { .. }).then_some(self.link)
    }

    /// Reads the next packet. Returns `None` at a clean end.
    #[expect(clippy::should_implement_trait, reason = "an iterator's items cannot borrow from it")]
    pub fn next(&mut self) -> Result<Option<Captured<'_>>, CaptureError> {
        match self.format {
            Format::Blocks => self.next_in_blocks(),
            Format::Classic { fractions_per_us, header_more } => {
                if !self.next_record()? {
                    return Ok(None);
                }
                let [seconds, fraction, captured, wire_length] = self.words()?;
                self.skip(header_more)?;
                let at = Wall::secs(seconds.into()) + Span((fraction / fractions_per_us).into());
                self.packet(at, (0, self.link), wire_length, captured)
            }
        }
    }

    /// Returns how many bytes were consumed so far.
    fn offset(&self) -> u64 {
        self.received - self.unread().len() as u64
    }

    fn next_in_blocks(&mut self) -> Result<Option<Captured<'_>>, CaptureError> {
        loop {
            if self.block_length > 0 {
                self.skip_to(self.block_end() - 4)?;
                let [length] = self.words()?;
                if length != self.block_length {
                    return Err(CaptureError::Length(self.record, length));
                }
            }
            if !self.next_record()? {
                return Ok(None);
            }
            let [kind, mut length] = self.words()?;
            if kind == SECTION {
                let [magic] = self.words()?;
                if magic == 0x4d3c_2b1a {
                    self.big_endian = !self.big_endian;
                    length = length.swap_bytes();
                } else if magic != 0x1a2b_3c4d {
                    return Err(CaptureError::ByteOrder(self.record));
                }
                self.interfaces.clear();
            }
            let least = match kind {
                SECTION => 28,
                INTERFACE => 20,
                SIMPLE_PACKET => 16,
                OLD_PACKET | ENHANCED_PACKET => 32,
                _ => 12,
            };
            if length < least {
                return Err(CaptureError::Length(self.record, length));
            }
            self.block_length = length;
            match kind {
                INTERFACE => self.describe_interface()?,
                SIMPLE_PACKET => {
                    let [wire_length] = self.words()?;
                    let Interface { link, snap_length, .. } = self.interface(0)?;
                    let snapped = if snap_length == 0 { wire_length } else { wire_length.min(snap_length) };
                    return self.packet(self.last, (0, link), wire_length, snapped.min(length - least));
                }
                OLD_PACKET | ENHANCED_PACKET => {
                    let [id, high, low, captured, wire_length] = self.words()?;
                    // The obsolete block has a drop count in the second half (appendix A).
                    let number = if kind == OLD_PACKET { self.halves(id).0 } else { id };
                    let interface = self.interface(number)?;
                    if captured > length - least {
                        return Err(CaptureError::Length(self.record, captured));
                    }
                    self.last = interface.wall(high, low);
                    return self.packet(self.last, (number, interface.link), wire_length, captured);
                }
                _ => {}
            }
        }
    }

    fn describe_interface(&mut self) -> Result<(), CaptureError> {
        let [link, snap_length] = self.words()?;
        let link = self.halves(link).0;
        let mut interface = Interface { link, snap_length, units_per_second: 1_000_000, offset_seconds: 0 };
        // An option has a head of four bytes, and four of the trailer follow the last.
        while self.offset() + 8 <= self.block_end() {
            let [head] = self.words()?;
            let (code, length) = self.halves(head);
            let option_end = self.offset() + u64::from(length).next_multiple_of(4);
            if option_end + 4 > self.block_end() {
                return Err(CaptureError::Length(self.record, length));
            }
            match (code, length) {
                // if_tsresol: a negative power of 2 or of 10.
                (9, 1) => {
                    let [value] = self.words()?;
                    let exponent = self.halves(value).0;
                    let exponent = if self.big_endian { exponent >> 8 } else { exponent & 0xff };
                    let units = match exponent & 0x80 {
                        0 => 10_u64.checked_pow(exponent),
                        _ => 1_u64.checked_shl(exponent & 0x7f),
                    };
                    interface.units_per_second = units.unwrap_or(u64::MAX);
                }
                // if_tsoffset.
                (14, 8) => {
                    let [first, second] = self.words()?;
                    let (high, low) = if self.big_endian { (first, second) } else { (second, first) };
                    interface.offset_seconds = (u64::from(high) << 32 | u64::from(low)).cast_signed();
                }
                _ => {}
            }
            self.skip_to(option_end)?;
        }
        if self.interfaces.len() < INTERFACES_MAX {
            self.interfaces.push(interface);
        }
        Ok(())
    }

    fn interface(&self, number: u32) -> Result<Interface, CaptureError> {
        self.interfaces.get(number as usize).copied().ok_or(CaptureError::Interface(self.record, number))
    }

    fn packet(
        &mut self,
        at: Wall,
        (interface, link): (u32, u32),
        wire_length: u32,
        captured: u32,
    ) -> Result<Option<Captured<'_>>, CaptureError> {
        let length = captured as usize;
        if length > PACKET_BYTES_MAX {
            return Err(CaptureError::Length(self.record, captured));
        }
        self.need(length)?;
        let data = &self.buffer[self.start..][..length];
        self.start += length;
        let interface = (self.interfaces.len() > 1).then_some(interface);
        Ok(Some(Captured { at, link, interface, wire_length, data }))
    }

    /// Returns the offset at which the current block ends. Some writers do not count the padding, but all write it.
    fn block_end(&self) -> u64 {
        self.record + u64::from(self.block_length).next_multiple_of(4)
    }

    /// Notes that a packet or block begins here. Returns false if the input has ended.
    fn next_record(&mut self) -> Result<bool, CaptureError> {
        self.record = self.offset();
        self.fill(1)
    }

    /// Reads the next 32-bit words, in the file's byte order.
    fn words<const N: usize>(&mut self) -> Result<[u32; N], CaptureError> {
        self.need(N * 4)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(self.unread().as_chunks().0) {
            *word = if self.big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
        }
        self.start += N * 4;
        Ok(words)
    }

    /// Returns the two 16-bit numbers that were read as one word, in their order in the file.
    fn halves(&self, word: u32) -> (u32, u32) {
        if self.big_endian { (word >> 16, word & 0xffff) } else { (word & 0xffff, word >> 16) }
    }

    fn skip_to(&mut self, offset: u64) -> Result<(), CaptureError> {
        self.skip(offset.saturating_sub(self.offset()))
    }

    fn skip(&mut self, mut length: u64) -> Result<(), CaptureError> {
        while length > 0 {
            self.need(1)?;
            let step = length.min(self.unread().len() as u64);
            self.start += step as usize;
            length -= step;
        }
        Ok(())
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    fn need(&mut self, length: usize) -> Result<(), CaptureError> {
        if self.fill(length)? { Ok(()) } else { Err(CaptureError::Truncated(self.record)) }
    }

    /// Fills the buffer up to at least `length` unread bytes, which must fit it. Returns false if the input ends
    /// before.
    fn fill(&mut self, length: usize) -> Result<bool, CaptureError> {
        if self.end - self.start < length {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < length {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.end += count;
                    self.received += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CaptureError::Io(error)),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file's numbers, in either byte order.
    #[derive(Default)]
    struct File(Vec<u8>, bool);

    impl File {
        fn words(mut self, words: &[u32]) -> File {
            for word in words {
                self.0.extend(if self.1 { word.to_be_bytes() } else { word.to_le_bytes() });
            }
            self
        }

        fn halves(mut self, first: u16, second: u16) -> File {
            for half in [first, second] {
                self.0.extend(if self.1 { half.to_be_bytes() } else { half.to_le_bytes() });
            }
            self
        }

        fn bytes(mut self, bytes: &[u8]) -> File {
            self.0.extend(bytes);
            self
        }

        fn classic(big_endian: bool, magic: u32) -> File {
            File(Vec::new(), big_endian).words(&[magic, 0x0004_0002, 0, 0, 65_535, 0x1000_0001])
        }

        fn section(self) -> File {
            self.words(&[SECTION, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28])
        }

        /// With the resolution that follows.
        fn interface(self, link: u16, resolution: u8, offset: u32) -> File {
            let file =
                self.words(&[INTERFACE, 44]).halves(link, 0).words(&[4]).halves(9, 1).bytes(&[resolution, 0, 0, 0]);
            let offset = if file.1 { [0, offset] } else { [offset, 0] };
            file.halves(14, 8).words(&offset).halves(0, 0).words(&[44])
        }

        fn packet(self, interface: u32, units: u64) -> File {
            self.words(&[ENHANCED_PACKET, 36, interface, (units >> 32) as u32, units as u32, 3, 9])
                .bytes(b"abc-")
                .words(&[36])
        }
    }

    /// Yields a few bytes at a time, and is interrupted in between.
    struct Trickle<'a>(&'a [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..3]) }
        }
    }

    /// Time, link, length on the wire, data.
    type Seen = (i64, u32, u32, Vec<u8>);

    /// All packets, and what stopped it.
    fn read(input: impl Read) -> (Vec<Seen>, Option<CaptureError>) {
        let mut packets = Vec::new();
        let mut reader = match Reader::new(input) {
            Ok(reader) => reader,
            Err(error) => return (packets, Some(error)),
        };
        loop {
            match reader.next() {
                Ok(Some(p)) => packets.push((p.at.0, p.link, p.wire_length, p.data.to_vec())),
                Ok(None) => return (packets, None),
                Err(error) => return (packets, Some(error)),
            }
        }
    }

    fn message(file: File) -> String {
        read(&file.0[..]).1.map_or(String::new(), |error| error.to_string())
    }

    #[test]
    fn classic_captures_of_all_magics_and_orders() {
        for big_endian in [false, true] {
            for (magic, fraction, more) in
                [(0xa1b2_c3d4, 7, &[][..]), (0xa1b2_3c4d, 7_999, &[]), (0xa1b2_cd34, 7, &[1, 2])]
            {
                let file = File::classic(big_endian, magic);
                let file = file.words(&[2, fraction, 3, 60]).words(more).bytes(b"abc");
                let file = file.words(&[u32::MAX, fraction, 0, 60]).words(more);
                let expected = vec![(2_000_007, 1, 60, b"abc".to_vec()), (4_294_967_295_000_007, 1, 60, Vec::new())];
                for (packets, error) in [read(&file.0[..]), read(Trickle(&file.0, false))] {
                    assert!(error.is_none() && packets == expected, "{magic:x} {big_endian} {packets:?} {error:?}");
                }
                assert!(is_capture(&file.0) && !is_capture(&file.0[..3]));
            }
        }
    }

    #[test]
    fn pcapng_with_sections_of_both_orders_and_all_packet_blocks() {
        let file = File::default().section().interface(1, 6, 0).interface(113, 9, 10).interface(101, 0x8a, 0);
        let file = file.words(&[0x0bad, 16, 1, 16]).packet(0, 5).packet(1, 5_000_000_000).packet(2, 1 << 10 | 1 << 9);
        // A simple packet is cut by the interface's snap length; the obsolete block's length lacks the padding.
        let file = file.words(&[SIMPLE_PACKET, 20, 6]).bytes(b"abcd").words(&[20]);
        let mut file = file.words(&[OLD_PACKET, 33]).halves(1, 9).words(&[0, 0, 1, 1]).bytes(b"a...").words(&[33]);
        file.1 = true;
        let file = file.section().interface(229, 6, 0).packet(0, 77);
        let expected = [(5, 1), (15_000_000, 113), (1_500_000, 101), (1_500_000, 1), (10_000_000, 113), (77, 229)];
        for (packets, error) in [read(&file.0[..]), read(Trickle(&file.0, false))] {
            assert!(error.is_none(), "{error:?}");
            assert_eq!(packets.iter().map(|p| (p.0, p.1)).collect::<Vec<_>>(), expected);
            assert_eq!(packets.iter().map(|p| p.3.len()).collect::<Vec<_>>(), [3, 3, 3, 4, 1, 3]);
        }
    }

    #[test]
    fn absurd_times_saturate() {
        for resolution in 0..=255 {
            let file = File::default().section().interface(1, resolution, u32::MAX).packet(0, u64::MAX);
            let (packets, error) = read(&file.0[..]);
            assert!(error.is_none() && packets.len() == 1 && packets[0].0 >= i64::from(u32::MAX) * 1_000_000);
        }
        let interface = Interface { link: 1, snap_length: 0, units_per_second: 1 << 50, offset_seconds: 0 };
        assert_eq!(interface.wall(3 << 17, 0), Wall(1_500_000));
        let interface = Interface { units_per_second: 1, offset_seconds: i64::MIN, ..interface };
        assert_eq!(interface.wall(0, 1), Wall(i64::MIN));
    }

    #[test]
    fn errors_name_their_place() {
        let classic = || File::classic(false, 0xa1b2_c3d4).words(&[0, 0, 1, 1]).bytes(b"x");
        let blocks = || File::default().section().interface(1, 6, 0);
        for (file, expected) in [
            (File::default(), "the file is empty"),
            (File::default().bytes(b"\x1f\x8b\x08\0\0"), "begins with \"\\x1f\\x8b\\x08\\x00\""),
            (File::default().bytes(b"\xd4"), "begins with"),
            (File::classic(true, 0xa1b2_c3d5), "not a capture"),
            (classic().words(&[0, 0, 4, 4]).bytes(b"abc"), "the file ends in the middle of a packet at byte 41"),
            (
                classic().words(&[0, 0, 262_145, 4]),
                "the packet or block at byte 41 cannot have a length of 262145 bytes",
            ),
            (classic().words(&[0]), "middle of a packet at byte 41"),
            (File::default().words(&[SECTION, 28, 0, 0]), "the section header at byte 0 has no byte-order magic"),
            (blocks().words(&[7, 8, 8]), "byte 72 cannot have a length of 8"),
            (blocks().words(&[7, u32::MAX, 0]), "middle of a packet at byte 72"),
            (blocks().words(&[7, 12, 16]), "byte 72 cannot have a length of 16"),
            (blocks().packet(1, 0), "the packet at byte 72 is of interface 1"),
            (blocks().section().words(&[SIMPLE_PACKET, 16, 0, 16]), "byte 100 is of interface 0"),
            (blocks().words(&[ENHANCED_PACKET, 36, 0, 0, 0, 5, 5]), "byte 72 cannot have a length of 5"),
            (blocks().words(&[INTERFACE, 24, 1, 0]).halves(9, 400), "byte 72 cannot have a length of 400"),
        ] {
            let text = message(file);
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn packets_up_to_the_largest_and_blocks_beyond_it() {
        let large = vec![b'x'; PACKET_BYTES_MAX];
        let file = File::classic(false, 0xa1b2_c3d4).words(&[0, 0, 1, 1]).bytes(b"x");
        let file = file.words(&[0, 0, PACKET_BYTES_MAX as u32, 1]).bytes(&large);
        assert_eq!(read(&file.0[..]).0[1].3, large);
        let file = File::default().section().words(&[9, 12 + 5 * PACKET_BYTES_MAX as u32]);
        let file = (0..5).fold(file, |file, _| file.bytes(&large)).words(&[12 + 5 * PACKET_BYTES_MAX as u32]);
        assert!(message(file.interface(1, 6, 0)).is_empty());
    }

    #[test]
    fn any_cut_or_change_is_survived() {
        let classic = File::classic(true, 0xa1b2_cd34).words(&[0, 0, 3, 3, 0, 0]).bytes(b"abc").0;
        let blocks = File::default().section().interface(1, 6, 9).packet(0, 1).packet(0, 2).0;
        for file in [classic, blocks] {
            for length in 0..file.len() {
                let error = read(&file[..length]).1;
                assert!(error.is_none_or(|error| !matches!(error, CaptureError::Io(_))));
                for value in [0, 1, 0x7f, 0xff] {
                    let mut changed = file.clone();
                    changed[length] = value;
                    read(&changed[..]);
                }
            }
        }
    }
}
