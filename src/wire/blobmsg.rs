//! blob and blobmsg, the formats of everything on ubus (libubox: blob.h, blobmsg.h). All numbers are big-endian, on
//! every processor.
//!
//! A blob is a head of 4 bytes (bit 31: it is a blobmsg; 7 bits of id; 24 bits of length, with the head but without the
//! padding), its payload, and zeros up to a multiple of 4. The id of a blobmsg is its type, and its payload begins with
//! its name.

use serde_json::{Map, Number, Value};

const EXTENDED: u32 = 1 << 31;
const LENGTH: u32 = (1 << 24) - 1;
/// How deep tables and arrays may be nested; deeper ones are refused.
const DEPTH: u32 = 16;

/// The types of a value (blobmsg.h, `enum blobmsg_type`).
pub mod kind {
    /// No value.
    pub const NULL: u8 = 0;
    /// Values without names.
    pub const ARRAY: u8 = 1;
    /// Values with names.
    pub const TABLE: u8 = 2;
    /// A text with a NUL behind it.
    pub const STRING: u8 = 3;
    /// A signed number of 64 bits.
    pub const INT64: u8 = 4;
    /// A signed number of 32 bits.
    pub const INT32: u8 = 5;
    /// A signed number of 16 bits.
    pub const INT16: u8 = 6;
    /// A boolean.
    pub const BOOL: u8 = 7;
    /// A floating-point number of 64 bits (IEEE 754).
    pub const DOUBLE: u8 = 8;
}

/// The width in which whole numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// 32 bits where the number fits, as the `ubus` command writes JSON.
    Fit,
    /// Always 64 bits, so that the type of a counter does not change when it grows.
    Wide,
}

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The id, which is the type of a blobmsg.
    pub id: u8,
    /// Whether it is a blobmsg.
    pub extended: bool,
    /// The payload, without padding.
    pub payload: &'a [u8],
}

impl Attribute<'_> {
    /// Returns the payload as an unsigned number of 32 bits, or `None` if it has another length.
    pub fn number(&self) -> Option<u32> {
        self.payload.try_into().ok().map(u32::from_be_bytes)
    }

    /// Returns the payload as a text, up to its NUL.
    pub fn text(&self) -> String {
        let end = self.payload.iter().position(|byte| *byte == 0).unwrap_or(self.payload.len());
        String::from_utf8_lossy(self.payload.get(..end).unwrap_or_default()).into_owned()
    }
}

/// Reads attributes that follow each other, up to the first that is damaged.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a>(pub &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;
    fn next(&mut self) -> Option<Attribute<'a>> {
        let (head, _) = self.0.split_first_chunk()?;
        let head = u32::from_be_bytes(*head);
        let length = (head & LENGTH) as usize;
        let payload = self.0.get(4..length)?;
        // The padding of the last attribute may be cut off.
        self.0 = self.0.get(padded(length)..).unwrap_or_default();
        Some(Attribute { id: (head >> 24 & 0x7f) as u8, extended: head & EXTENDED != 0, payload })
    }
}

fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

fn write(out: &mut Vec<u8>, head: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    let length = out.len() - start;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&(head | length as u32 & LENGTH).to_be_bytes());
    }
    out.resize(start + padded(length), 0);
}

/// Writes an attribute that is no blobmsg. Its length has 24 bits, so callers must refuse more than 16 MiB.
pub fn attribute(out: &mut Vec<u8>, id: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    write(out, u32::from(id) << 24, fill);
}

/// Writes an attribute with a number of 32 bits.
pub fn number(out: &mut Vec<u8>, id: u8, value: u32) {
    attribute(out, id, |out| out.extend_from_slice(&value.to_be_bytes()));
}

/// Writes an attribute with a text.
pub fn text(out: &mut Vec<u8>, id: u8, value: &str) {
    attribute(out, id, |out| string(out, value));
}

fn string(out: &mut Vec<u8>, value: &str) {
    out.extend_from_slice(value.as_bytes());
    out.push(0);
}

/// Writes a blobmsg of a type.
pub fn field(out: &mut Vec<u8>, kind: u8, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    write(out, EXTENDED | u32::from(kind) << 24, |out| {
        let start = out.len();
        out.extend_from_slice(&(name.len() as u16).to_be_bytes());
        string(out, name);
        out.resize(start + padded(out.len() - start), 0);
        fill(out);
    });
}

/// Writes a JSON value as a blobmsg.
pub fn value(out: &mut Vec<u8>, name: &str, value: &Value, integers: Integers) {
    match value {
        Value::Null => field(out, kind::NULL, name, |_| {}),
        Value::Bool(flag) => field(out, kind::BOOL, name, |out| out.push(u8::from(*flag))),
        Value::Number(number) => number_field(out, name, number, integers),
        Value::String(text) => field(out, kind::STRING, name, |out| string(out, text)),
        Value::Array(all) => field(out, kind::ARRAY, name, |out| {
            all.iter().for_each(|value| self::value(out, "", value, integers));
        }),
        Value::Object(map) => field(out, kind::TABLE, name, |out| table(out, map, integers)),
    }
}

fn number_field(out: &mut Vec<u8>, name: &str, number: &Number, integers: Integers) {
    let whole = number.as_i64().or_else(|| number.as_u64().map(|_| i64::MAX));
    let Some(whole) = whole else {
        let float = number.as_f64().unwrap_or_default();
        return field(out, kind::DOUBLE, name, |out| out.extend_from_slice(&float.to_be_bytes()));
    };
    match i32::try_from(whole) {
        Ok(short) if integers == Integers::Fit => {
            field(out, kind::INT32, name, |out| out.extend_from_slice(&short.to_be_bytes()));
        }
        _ => field(out, kind::INT64, name, |out| out.extend_from_slice(&whole.to_be_bytes())),
    }
}

/// Writes the members of a JSON object.
pub fn table(out: &mut Vec<u8>, map: &Map<String, Value>, integers: Integers) {
    map.iter().for_each(|(name, member)| value(out, name, member, integers));
}

/// Reads the members of a table. Returns `None` where one is damaged, or they are nested too deep.
pub fn read_table(bytes: &[u8]) -> Option<Map<String, Value>> {
    match members(bytes, true, DEPTH)? {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

fn members(bytes: &[u8], named: bool, depth: u32) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let (mut map, mut all) = (Map::new(), Vec::new());
    let mut rest = Attributes(bytes);
    for attribute in rest.by_ref() {
        let (name, value) = read(&attribute, depth)?;
        if named { _ = map.insert(name, value) } else { all.push(value) }
    }
    // The rest is no attribute.
    if !rest.0.is_empty() {
        return None;
    }
    Some(if named { Value::Object(map) } else { Value::Array(all) })
}

fn read(attribute: &Attribute, depth: u32) -> Option<(String, Value)> {
    let (head, rest) = attribute.payload.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*head));
    if !attribute.extended {
        return None;
    }
    let name = String::from_utf8_lossy(rest.get(..length)?).into_owned();
    let payload = attribute.payload.get(padded(2 + length + 1)..)?;
    let value = match attribute.id {
        kind::NULL => Value::Null,
        kind::ARRAY => members(payload, false, depth)?,
        kind::TABLE => members(payload, true, depth)?,
        kind::STRING => Attribute { payload, ..*attribute }.text().into(),
        kind::INT64 => i64::from_be_bytes(payload.try_into().ok()?).into(),
        kind::INT32 => i32::from_be_bytes(payload.try_into().ok()?).into(),
        kind::INT16 => i16::from_be_bytes(payload.try_into().ok()?).into(),
        kind::BOOL => (*payload.first()? != 0).into(),
        kind::DOUBLE => f64::from_be_bytes(payload.try_into().ok()?).into(),
        _ => return None,
    };
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(value: &Value, integers: Integers) -> Vec<u8> {
        let mut out = Vec::new();
        table(&mut out, value.as_object().unwrap(), integers);
        out
    }

    #[test]
    fn a_table_is_what_libubox_makes_of_it() {
        let bytes = written(&json!({ "on": true, "uptime": 8_589_934_592_u64, "x": -1 }), Integers::Fit);
        let expected = [
            &[0x87, 0, 0, 0x0d, 0, 2, b'o', b'n', 0, 0, 0, 0, 1, 0, 0, 0][..],
            &[0x84, 0, 0, 0x18, 0, 6, b'u', b'p', b't', b'i', b'm', b'e', 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0],
            &[0x85, 0, 0, 0x0c, 0, 1, b'x', 0, 0xff, 0xff, 0xff, 0xff],
        ];
        assert_eq!(bytes, expected.concat());
        let wide = written(&json!({ "x": -1 }), Integers::Wide);
        assert_eq!(wide, [0x84, 0, 0, 0x10, 0, 1, b'x', 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    }

    /// Any value comes back as it went, and no cut or flipped byte of it is more than refused.
    #[test]
    fn what_is_written_is_read() {
        let mut seed = 7_u64;
        let mut dice = move |sides: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % sides
        };
        fn draw(dice: &mut dyn FnMut(u64) -> u64, depth: u32) -> Value {
            let text = |dice: &mut dyn FnMut(u64) -> u64| {
                (0..dice(9)).map(|_| ['a', 'ß', '"', '\n', '水', ' '][dice(6) as usize]).collect::<String>()
            };
            match dice(if depth == 0 { 6 } else { 8 }) {
                0 => Value::Null,
                1 => Value::Bool(dice(2) == 1),
                2 => Value::from(dice(1 << 31) as i64 - (1 << 30)),
                3 => Value::from((dice(1 << 31) as i64) << 31 | 1),
                4 => Value::from(dice(1 << 20) as f64 / 64.0 + 0.5),
                5 => Value::from(text(dice)),
                6 => (0..dice(4)).map(|_| draw(dice, depth - 1)).collect(),
                _ => Value::Object((0..dice(4)).map(|_| (text(dice), draw(dice, depth - 1))).collect()),
            }
        }
        for _ in 0..2_000 {
            let value = json!({ "it": draw(&mut dice, 5), "end": 1 });
            for integers in [Integers::Fit, Integers::Wide] {
                let mut bytes = written(&value, integers);
                assert_eq!(read_table(&bytes).map(Value::Object).as_ref(), Some(&value));
                let at = dice(bytes.len() as u64) as usize;
                let _ = read_table(&bytes[..at]);
                bytes[at] ^= 1 << dice(8);
                let _ = read_table(&bytes);
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut deep = json!({});
        for _ in 0..20 {
            deep = json!({ "a": deep });
        }
        assert_eq!(read_table(&written(&deep, Integers::Fit)), None);
        for bytes in [
            &[0x85, 0, 0, 0x0c, 0, 1, b'x', 0, 1][..],
            &[0x85, 0, 0, 0x0a, 0, 1, b'x', 0, 1, 2, 0, 0],
            &[0x05, 0, 0, 0x0c, 0, 1, b'x', 0, 0, 0, 0, 1],
            &[0x89, 0, 0, 0x0c, 0, 1, b'x', 0, 0, 0, 0, 1],
            &[0x85, 0, 0, 0x0c, 9, 1, b'x', 0, 0, 0, 0, 1],
            &[0, 0, 0, 2],
            &[1],
        ] {
            assert_eq!(read_table(bytes), None, "{bytes:?}");
        }
        assert_eq!(read_table(&[]), Some(Map::new()));
    }
}
