//! Netlink framing: messages and attributes, read and written (linux/netlink.h; RFC 3549, section 2).
//!
//! Headers and lengths are in the machine's own byte order; the values of netfilter's attributes are big-endian.

/// The type of the message that ends a dump (`NLMSG_DONE`).
pub const DONE: u16 = 3;
/// The type of an error, or with code 0 of an acknowledgement (`NLMSG_ERROR`).
pub const ERROR: u16 = 2;
/// Flags of `struct nlmsghdr`.
#[allow(missing_docs, reason = "the words of linux/netlink.h without NLM_F_")]
pub mod flag {
    pub const REQUEST: u16 = 0x1;
    pub const MULTI: u16 = 0x2;
    pub const ACK: u16 = 0x4;
    pub const DUMP: u16 = 0x300;
    pub const CREATE: u16 = 0x400;
}

const HEADER: usize = 16;
const ATTRIBUTE: usize = 4;
const NESTED: u16 = 0x8000;
const KIND: u16 = 0x3fff;

const fn aligned(length: usize) -> usize {
    length.wrapping_add(3) & !3
}

/// A message, whose header was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The message's type (`nlmsg_type`).
    pub kind: u16,
    /// The message's flags (`nlmsg_flags`), see [`flag`].
    pub flags: u16,
    /// The sequence number of the request that it answers (`nlmsg_seq`).
    pub sequence: u32,
    /// The port of the socket that asked for it, or for what it tells of; 0 for the kernel (`nlmsg_pid`).
    pub port: u32,
    /// The bytes that follow the header.
    pub body: &'a [u8],
}

impl Message<'_> {
    /// Returns the code of an error message: 0 is an acknowledgement, else it is a negative errno.
    pub fn error(&self) -> Option<i32> {
        let code = self.body.first_chunk().filter(|_| self.kind == ERROR);
        code.map(|code| i32::from_ne_bytes(*code))
    }
}

/// Reads the messages of a datagram, up to the first that is cut off.
pub fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32::from_ne_bytes(*datagram.first_chunk()?) as usize;
        let head: &[u8; HEADER] = datagram.first_chunk()?;
        let body = datagram.get(HEADER..length)?;
        let kind = u16::from_ne_bytes([head[4], head[5]]);
        let flags = u16::from_ne_bytes([head[6], head[7]]);
        let sequence = u32::from_ne_bytes([head[8], head[9], head[10], head[11]]);
        let port = u32::from_ne_bytes([head[12], head[13], head[14], head[15]]);
        datagram = datagram.get(aligned(length)..).unwrap_or_default();
        Some(Message { kind, flags, sequence, port, body })
    })
}

/// Reads the attributes of a message's body or of a nest, up to the first that is cut off. The flags are taken off
/// their types.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head: &[u8; ATTRIBUTE] = bytes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let value = bytes.get(ATTRIBUTE..length)?;
        let kind = u16::from_ne_bytes([head[2], head[3]]) & KIND;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Reads an attribute's value of two bytes, big-endian. Returns `None` if it has another length.
pub fn be16(value: &[u8]) -> Option<u16> {
    value.try_into().ok().map(u16::from_be_bytes)
}

/// Reads an attribute's value of four bytes, big-endian. Returns `None` if it has another length.
pub fn be32(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_be_bytes)
}

/// Reads an attribute's value of eight bytes, big-endian. Returns `None` if it has another length.
pub fn be64(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

/// Writes messages, one after the other, into one buffer.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    message: usize,
}

/// The place where a nest began; [`Writer::nest`] returns it and [`Writer::end`] takes it.
#[derive(Debug)]
#[must_use]
pub struct Nest(usize);

impl Writer {
    /// Begins a message, with the first bytes of its body.
    pub fn message(&mut self, kind: u16, flags: u16, sequence: u32, body: &[u8]) {
        self.message = self.bytes.len();
        self.bytes.extend_from_slice(&(HEADER as u32).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&flags.to_ne_bytes());
        self.bytes.extend_from_slice(&sequence.to_ne_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.append(body);
    }

    /// Begins a request to nfnetlink: its body begins with `struct nfgenmsg` (linux/netfilter/nfnetlink.h).
    pub fn netfilter(&mut self, kind: u16, flags: u16, sequence: u32, family: u8, resource: u16) {
        let [high, low] = resource.to_be_bytes();
        self.message(kind, flags | flag::REQUEST, sequence, &[family, 0, high, low]);
    }

    /// Writes an attribute of the message.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = (ATTRIBUTE + value.len()) as u16;
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.append(value);
    }

    /// Writes an attribute with a text, and behind it the zero that the kernel wants.
    pub fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, &[text.as_bytes(), b"\0"].concat());
    }

    /// Begins an attribute that holds attributes.
    pub fn nest(&mut self, kind: u16) -> Nest {
        let nest = Nest(self.bytes.len());
        self.attribute(kind | NESTED, &[]);
        nest
    }

    /// Ends a nest.
    pub fn end(&mut self, nest: Nest) {
        let length = (self.bytes.len() - nest.0) as u16;
        self.bytes[nest.0..nest.0 + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Returns the length, in bytes, of the message that is being written.
    pub fn message_length(&self) -> usize {
        self.bytes.len() - self.message
    }

    /// Returns all messages that were written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(aligned(self.bytes.len()), 0);
        let length = self.message_length() as u32;
        self.bytes[self.message..self.message + 4].copy_from_slice(&length.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.netfilter(0x0a00, flag::ACK, 7, 2, 53);
        let nest = writer.nest(1);
        writer.attribute(2, &[1, 2, 3]);
        writer.text(3, "leash");
        writer.end(nest);
        writer.attribute(4, &9_u32.to_be_bytes());
        writer.message(DONE, 0, 8, &[]);
        let read: Vec<Message> = messages(writer.bytes()).collect();
        assert_eq!((read[0].kind, read[0].flags, read[0].sequence), (0x0a00, flag::ACK | flag::REQUEST, 7));
        assert_eq!(read[1], Message { kind: DONE, flags: 0, sequence: 8, port: 0, body: &[] });
        assert_eq!(read[0].body[..4], [2, 0, 0, 53]);
        let all: Vec<_> = attributes(&read[0].body[4..]).collect();
        assert_eq!(all.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(attributes(all[0].1).collect::<Vec<_>>(), [(2, &[1, 2, 3][..]), (3, &b"leash\0"[..])]);
        assert_eq!(be32(all[1].1), Some(9));
        assert_eq!((be16(all[1].1), be64(&[])), (None, None));
    }

    #[test]
    fn what_is_cut_or_absurd_ends_the_reading() {
        let mut writer = Writer::default();
        writer.netfilter(1, 0, 1, 2, 0);
        writer.attribute(2, &[7; 9]);
        for end in 0..writer.bytes().len() {
            assert!(messages(&writer.bytes()[..end]).all(|m| attributes(m.body).count() == 0));
        }
        for length in [0_u32, 1, 15, u32::MAX, u32::MAX - 2] {
            let mut bytes = writer.bytes().to_vec();
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(messages(&bytes).count(), 0, "{length}");
        }
        assert_eq!(attributes(&[3, 0, 1, 0]).count() + attributes(&[0, 0, 1, 0]).count(), 0);
    }

    #[test]
    fn errors_are_told_from_acknowledgements() {
        let message = |kind, body| Message { kind, flags: 0, sequence: 0, port: 0, body };
        let code = (-17_i32).to_ne_bytes();
        assert_eq!(message(ERROR, &code).error(), Some(-17));
        assert_eq!(message(ERROR, &[0; 4]).error(), Some(0));
        assert_eq!(message(DONE, &[0; 4]).error(), None);
    }
}
