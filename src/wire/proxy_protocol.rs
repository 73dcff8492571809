//! The PROXY protocol (haproxy.org/download/3.2/doc/proxy-protocol.txt): what a proxy sends ahead of a client's byte
//! stream to say for whom the connection is.

/// What is ahead of a byte stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Preface {
    /// The stream itself begins after so many bytes; 0 where there is no preface.
    Ends(usize),
    /// The bytes may become a preface when more of them come.
    Incomplete,
}

/// How long a line of version 1 may be, in bytes (section 2.1).
const LINE_MAX: usize = 107;
/// The length, in bytes, above which a header of version 2 is not believed.
const HEADER_MAX: usize = 1024;
/// How version 2 begins (section 2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Reads the preface of either version at the beginning of a stream.
pub fn preface(stream: &[u8]) -> Preface {
    let begins = |with: &[u8]| stream.starts_with(with);
    let may_begin = |with: &[u8]| with.starts_with(stream);
    if begins(SIGNATURE) {
        return match stream[12..] {
            // LOCAL or PROXY, and the address family.
            [0x20..=0x21, family, high, low, ..] if family >> 4 <= 3 && family & 15 <= 2 => {
                match 16 + usize::from(u16::from_be_bytes([high, low])) {
                    end if end > HEADER_MAX => Preface::Ends(0),
                    end if end > stream.len() => Preface::Incomplete,
                    end => Preface::Ends(end),
                }
            }
            [_, _, _, _, ..] => Preface::Ends(0),
            _ => Preface::Incomplete,
        };
    }
    const LINES: [&[u8]; 3] = [b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"];
    if LINES.into_iter().any(begins) {
        let line = &stream[..stream.len().min(LINE_MAX)];
        return match line.windows(2).position(|end| end == b"\r\n") {
            Some(at) => Preface::Ends(at + 2),
            None if line.len() < LINE_MAX => Preface::Incomplete,
            None => Preface::Ends(0),
        };
    }
    let is_beginning = !stream.is_empty() && (may_begin(SIGNATURE) || LINES.into_iter().any(may_begin));
    if is_beginning { Preface::Incomplete } else { Preface::Ends(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n";

    fn binary(command: u8, family: u8, size: usize) -> Vec<u8> {
        [&SIGNATURE[..], &[command, family], &(size as u16).to_be_bytes(), &vec![7; size]].concat()
    }

    #[test]
    fn a_preface_ends_where_the_stream_begins() {
        for whole in [LINE, b"PROXY UNKNOWN\r\n", &binary(0x21, 0x11, 12), &binary(0x21, 0x21, 60), &binary(0x20, 0, 0)]
        {
            assert_eq!(preface(&[whole, b"GET /\r\n"].concat()), Preface::Ends(whole.len()), "{whole:?}");
            assert!((1..whole.len()).all(|end| preface(&whole[..end]) == Preface::Incomplete), "{whole:?}");
        }
    }

    #[test]
    fn other_streams_have_none() {
        let endless = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        for no in [
            &b""[..],
            b"PROXY TCP5 ",
            b"GET /",
            b"\r\n\r\nQUIT",
            &endless,
            &binary(0x31, 0x11, 12),
            &binary(0x21, 0x41, 12),
            &binary(0x21, 0x11, 2000),
        ] {
            assert_eq!(preface(no), Preface::Ends(0), "{no:?}");
        }
    }
}
