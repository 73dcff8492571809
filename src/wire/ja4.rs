//! JA4: the fingerprint of a TLS ClientHello (github.com/FoxIO-LLC/ja4, technical_details/JA4.md). Only JA4 itself is
//! here, which is BSD-3-Clause; the rest of its family is not free.

use crate::model::Ja4;
use crate::wire::bytes::vector;
use sha2::{Digest, Sha256};

/// Returns the fingerprint of a whole ClientHello over TCP (RFC 8446, section 4.1.2, without the handshake's head), or
/// `None` when its lengths are wrong.
pub fn ja4(body: &[u8]) -> Option<Ja4> {
    let (legacy, mut rest) = body.split_first_chunk::<2>()?;
    rest = rest.get(32..)?;
    vector(&mut rest, 1)?;
    let mut ciphers: Vec<u16> = numbers(vector(&mut rest, 2)?).collect();
    vector(&mut rest, 1)?;
    let mut all = vector(&mut rest, 2).unwrap_or_default();
    let (mut extensions, mut signatures, mut versions, mut alpn) = (Vec::new(), Vec::new(), None, None);
    let mut count = 0;
    let mut named = false;
    while let Some((&kind, after)) = all.split_first_chunk() {
        all = after;
        let (kind, data) = (u16::from_be_bytes(kind), vector(&mut all, 2)?);
        if is_grease(kind) {
            continue;
        }
        count += 1;
        match kind {
            0 => named = true,
            16 => alpn = data.get(3..).and_then(|list| list.get(..usize::from(data[2]))),
            13 => signatures = numbers(data.get(2..)?).collect(),
            43 => versions = numbers(data.get(1..)?).max(),
            _ => {}
        }
        if !matches!(kind, 0 | 16) {
            extensions.push(kind);
        }
    }
    let version = match versions.unwrap_or(u16::from_be_bytes(*legacy)) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    let sni = if named { 'd' } else { 'i' };
    let [first, last] = ends(alpn.unwrap_or_default());
    let head = format!("t{version}{sni}{:02}{:02}{first}{last}", ciphers.len().min(99), count.min(99));
    ciphers.sort_unstable();
    extensions.sort_unstable();
    let mut text = hex(&extensions);
    if !signatures.is_empty() && !text.is_empty() {
        text = format!("{text}_{}", hex(&signatures));
    }
    format!("{head}_{}_{}", digest(&hex(&ciphers)), digest(&text)).parse().ok()
}

/// Returns the 16-bit numbers of a list, without GREASE (RFC 8701).
fn numbers(list: &[u8]) -> impl Iterator<Item = u16> {
    list.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).filter(|number| !is_grease(*number))
}

fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// Returns the first and last character of an application protocol, or of its hex digits where they are neither letters
/// nor digits.
fn ends(alpn: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (alpn.first(), alpn.last()) else { return ['0'; 2] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [first.into(), last.into()];
    }
    [digit(first >> 4), digit(last)]
}

/// Returns the numbers in four hex digits each, with commas between. It is written by hand, since a formatter for each
/// number takes longer than the hash.
fn hex(numbers: &[u16]) -> String {
    let mut text = String::with_capacity(5 * numbers.len());
    for number in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        text.extend([12, 8, 4, 0].map(|shift| digit((number >> shift) as u8)));
    }
    text
}

fn digit(low_half: u8) -> char {
    char::from_digit(u32::from(low_half & 15), 16).unwrap_or('0')
}

/// Returns the first twelve hex digits of the SHA-256 of a text, or zeroes for an empty one.
fn digest(text: &str) -> String {
    match text {
        "" => "0".repeat(12),
        _ => Sha256::digest(text).iter().take(6).flat_map(|octet| [digit(octet >> 4), digit(*octet)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sample::{alpn, sni, vector};

    fn list(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn hello(ciphers: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let extensions: Vec<u8> =
            extensions.iter().flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &vector(2, data)].concat()).collect();
        [&[3, 3][..], &[9; 32], &[0], &vector(2, &list(ciphers)), &[1, 0], &vector(2, &extensions)].concat()
    }

    #[test]
    fn the_example_of_its_description() {
        let ciphers = [
            0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d,
            0x2f, 0x35,
        ];
        let mut extensions: Vec<(u16, Vec<u8>)> =
            [0x1b, 0x33, 0x4469, 0x17, 0x2d, 5, 0x23, 0x12, 0xff01, 11, 10, 21, 0x8a8a]
                .map(|kind| (kind, vec![]))
                .into();
        let signatures = list(&[0x403, 0x804, 0x401, 0x503, 0x805, 0x501, 0x806, 0x601]);
        extensions.extend([
            sni(b"a.example"),
            alpn(&[b"h2", b"http/1.1"]),
            (13, vector(2, &signatures)),
            (43, vector(1, &list(&[0xdada, 0x304, 0x303]))),
        ]);
        let whole = hello(&ciphers, &extensions);
        assert_eq!(ja4(&whole).unwrap().to_string(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        for end in 0..whole.len() {
            let _ = ja4(&whole[..end]);
        }
    }

    #[test]
    fn what_is_not_there_is_zeroes() {
        assert_eq!(ja4(&hello(&[], &[])).unwrap().to_string(), "t12i000000_000000000000_000000000000");
        assert_eq!(ends(b"\xab\xcd"), ['a', 'd']);
        assert_eq!(ends(b"h"), ['h', 'h']);
    }
}
