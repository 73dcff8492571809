//! Finds the vendor of a device by the first three bytes of its hardware address (IEEE's MA-L register).
//!
//! The file is read from beginning to end when a device is new, and not kept. `tests/tools/make_vendors.py`
//! makes such files and describes the format.

use crate::model::Mac;
use crate::reference::varint::varint;

const HEAD: &[u8] = b"leash vendors 1\n";

/// Whether the device made its address up, as telephones do: then it belongs to no vendor (IEEE 802, the local bit).
pub fn is_random(mac: Mac) -> bool {
    mac.0[0] & 2 != 0
}

/// Searches a file for the vendors of hardware addresses, and calls `found` for each that it has.
///
/// # Errors
/// A sentence that says what is wrong with the file.
pub fn find(file: &[u8], macs: &[Mac], found: &mut dyn FnMut(Mac, &str)) -> Result<(), String> {
    let rest = file.strip_prefix(HEAD).ok_or("it is not a file of vendors")?;
    let prefix_of = |mac: &Mac| mac.0[..3].iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let asked: Vec<(u64, Mac)> =
        macs.iter().filter(|mac| !is_random(**mac)).map(|mac| (prefix_of(mac), *mac)).collect();
    let mut at = 0;
    while at < rest.len() {
        let wrong = || format!("it is damaged at byte {}", HEAD.len() + at);
        let length = usize::from(rest[at]);
        let name = rest.get(at + 1..at + 1 + length).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.filter(|name| !name.is_empty() && !name.contains(char::is_control)).ok_or_else(wrong)?;
        let mut next = at + 1 + length;
        let prefixes = varint(rest, &mut next).ok_or_else(wrong)?;
        let mut prefix = 0_u64;
        for _ in 0..prefixes {
            prefix = varint(rest, &mut next).and_then(|gap| prefix.checked_add(gap)).ok_or_else(wrong)?;
            asked.iter().filter(|(of, _)| *of == prefix).for_each(|(_, mac)| found(*mac, name));
        }
        at = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(file: &[u8], macs: &[[u8; 6]]) -> Result<Vec<String>, String> {
        let macs: Vec<Mac> = macs.iter().map(|mac| Mac(*mac)).collect();
        let mut told = Vec::new();
        find(file, &macs, &mut |mac, name| told.push(format!("{mac} {name}"))).map(|()| told)
    }

    #[test]
    fn the_file_that_ships_knows_common_things() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openwrt/networks/usr/share/leash/vendors");
        #[allow(clippy::disallowed_methods, reason = "a test may read")]
        let file = std::fs::read(path).unwrap();
        let (plug, lamp) = ([0x50, 0xc7, 0xbf, 1, 2, 3], [0x84, 0x18, 0x26, 0, 0, 0]);
        let mut said = told(&file, &[plug, lamp, [2, 0, 0, 0, 0, 0x20], [0xfa, 0xff, 0xff, 0, 0, 1]]).unwrap();
        said.sort();
        assert_eq!(said, ["50:c7:bf:01:02:03 TP-LINK", "84:18:26:00:00:00 Osram"]);
    }

    #[test]
    fn damage_is_an_error() {
        let file = b"leash vendors 1\n\x02Ab\x02\x01\x80\x02\x01C\x01\x05";
        let both = [[0, 0, 1, 9, 9, 9], [0, 1, 1, 9, 9, 9], [0, 0, 5, 9, 9, 9]];
        assert_eq!(told(file, &both).unwrap(), ["00:00:01:09:09:09 Ab", "00:01:01:09:09:09 Ab", "00:00:05:09:09:09 C"]);
        for length in HEAD.len() + 1..file.len() {
            let whole = length == HEAD.len() + 7;
            assert_eq!(told(&file[..length], &both).is_ok(), whole, "{length}");
        }
        assert!(told(b"something else", &both).is_err_and(|says| says.contains("not a file of vendors")));
        assert!(told(b"leash vendors 1\n\x01\n\x00", &both).is_err(), "a control character");
    }
}
