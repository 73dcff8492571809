//! Finds the network (autonomous system) of an address in one compact file.
//!
//! The file stays as it is in memory and is searched in place: an index finds the block of 64 ranges, of which one is
//! decoded. `tests/tools/make_networks.py` makes such files and describes the format. A file of hosting networks alone,
//! with both families, has 163 KB; one of the whole Internet has 3.1 MB.

use crate::fnv::fnv32;
use crate::reference::varint::varint;
use std::net::IpAddr;

/// How many ranges a block has. One block is decoded for each search.
const BLOCK: usize = 64;
/// The length of the file's head, in bytes.
const HEAD: usize = 36;
/// The length of a label (network, country, flags), in bytes.
const LABEL: usize = 7;

/// The network of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The number of the autonomous system.
    pub asn: u32,
    /// The two letters of the country in which it is registered.
    pub country: Option<[u8; 2]>,
    /// It rents machines out: behind an address are many strangers, or one for a day.
    pub hosting: bool,
}

impl Network {
    /// Returns the country as a text.
    pub fn country(&self) -> Option<&str> {
        self.country.as_ref().and_then(|letters| std::str::from_utf8(letters).ok())
    }
}

/// A file of networks.
#[derive(Debug)]
pub struct Networks {
    bytes: Vec<u8>,
    labels: usize,
    families: [Family; 2],
}

/// The ranges of IPv4 or of IPv6.
#[derive(Clone, Copy, Debug)]
struct Family {
    /// How many bits of a key are below a /24 or /48, of which most lengths are multiples.
    unit: u32,
    /// The length of a key in the index, in bytes.
    key: usize,
    /// The highest key there can be.
    last: u64,
    ranges: usize,
    /// The offset of the index in the file.
    index: usize,
    /// The offsets at which the ranges begin and end.
    data: (usize, usize),
}

/// The first and last key of a range, and the number of its label.
type Range = (u64, u64, usize);

/// Reads a big-endian number of `length` bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl Family {
    fn blocks(&self) -> usize {
        self.ranges.div_ceil(BLOCK)
    }

    /// Reads a gap or a length, and moves `at` behind it.
    fn span(&self, bytes: &[u8], at: &mut usize) -> Option<u64> {
        let coded = varint(bytes, at)?;
        if coded & 1 == 1 { Some(coded >> 1) } else { (coded >> 1).checked_mul(1 << self.unit) }
    }

    /// Returns the first key of a block, and the offset of its ranges.
    fn block(&self, bytes: &[u8], block: usize) -> Option<(u64, usize)> {
        let at = self.index + block * (self.key + 4);
        let place = usize::try_from(number(bytes, at + self.key, 4)?).ok()?;
        Some((number(bytes, at, self.key)?, self.data.0.checked_add(place)?))
    }

    /// Decodes a block until `enough` returns true. Returns the offset that it came to, or `None` when the bytes make
    /// no sense.
    fn decode(&self, bytes: &[u8], block: usize, mut enough: impl FnMut(Range) -> bool) -> Option<usize> {
        let bytes = bytes.get(..self.data.1)?;
        let (mut first, mut at) = self.block(bytes, block)?;
        let ranges = BLOCK.min(self.ranges.checked_sub(block * BLOCK)?);
        for n in 0..ranges {
            if n > 0 {
                first = first.checked_add(self.span(bytes, &mut at)?)?;
            }
            let last = first.checked_add(self.span(bytes, &mut at)?.checked_sub(1)?)?;
            let label = usize::try_from(varint(bytes, &mut at)?).ok()?;
            if enough((first, last, label)) {
                break;
            }
            if n + 1 < ranges {
                first = last.checked_add(1)?;
            }
        }
        Some(at)
    }

    /// Checks that all blocks follow each other, in order and without overlap.
    fn check(&self, bytes: &[u8], labels: usize) -> Result<(), String> {
        let (mut free, mut place) = (Some(0), self.data.0);
        for block in 0..self.blocks() {
            let mut good = self.block(bytes, block).is_some_and(|(_, at)| at == place);
            let end = self.decode(bytes, block, |(first, last, label)| {
                good &= free.is_some_and(|free| free <= first) && last <= self.last && label < labels;
                free = last.checked_add(1);
                !good
            });
            place = end.filter(|_| good).ok_or_else(|| format!("it is damaged at byte {place}"))?;
        }
        if place == self.data.1 { Ok(()) } else { Err(format!("it is damaged at byte {place}")) }
    }
}

impl Networks {
    /// Reads a file, all of whose bytes are checked.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file.
    pub fn read(bytes: Vec<u8>) -> Result<Networks, String> {
        if bytes.get(..8) != Some(b"leashnet") {
            return Err("it is not a file of networks; tests/tools/make_networks.py makes one".into());
        }
        let short = || "it is cut off".to_string();
        let at = |at, length| number(&bytes, at, length).and_then(|n| usize::try_from(n).ok()).ok_or_else(short);
        let version = at(8, 1)?;
        if version != 1 {
            return Err(format!("it has version {version}; this leash reads version 1"));
        }
        let (notice, count) = (at(10, 2)?, at(16, 4)?);
        let labels = HEAD + notice;
        // Sums of a hostile file may be too large for a usize of 32 bits.
        let mut next = count.checked_mul(LABEL).and_then(|bytes| labels.checked_add(bytes)).ok_or_else(short)?;
        let mut families = [(20, 8, 4, u64::from(u32::MAX)), (28, 16, 8, u64::MAX)].map(|(head, unit, key, last)| {
            let family = Family { unit, key, last, ranges: 0, index: 0, data: (0, 0) };
            (head, family)
        });
        for (head, family) in &mut families {
            family.ranges = at(*head, 4)?;
            family.index = next;
            let index = family.blocks().checked_mul(family.key + 4);
            let data = index.and_then(|bytes| next.checked_add(bytes)).ok_or_else(short)?;
            next = data.checked_add(at(*head + 4, 4)?).ok_or_else(short)?;
            family.data = (data, next);
        }
        let Some((body, check)) = bytes.split_last_chunk::<4>().filter(|(body, _)| body.len() == next) else {
            return Err(format!("it has {} bytes instead of {}", bytes.len(), next.saturating_add(4)));
        };
        if fnv32(body).to_be_bytes() != *check {
            return Err("it is damaged: its checksum is another".into());
        }
        let networks = Networks { labels, families: families.map(|(_, family)| family), bytes };
        networks.families.iter().try_for_each(|family| family.check(&networks.bytes, count))?;
        Ok(networks)
    }

    /// Returns the network of an address, or `None` when the file does not have it.
    pub fn of(&self, ip: IpAddr) -> Option<Network> {
        let [v4, v6] = &self.families;
        let (family, key) = match ip.to_canonical() {
            IpAddr::V4(ip) => (v4, u64::from(ip.to_bits())),
            IpAddr::V6(ip) => (v6, (ip.to_bits() >> 64) as u64),
        };
        // Finds how many blocks begin at the key or before.
        let (mut low, mut high) = (0, family.blocks());
        while low < high {
            let middle = (low + high) / 2;
            if family.block(&self.bytes, middle)?.0 <= key { low = middle + 1 } else { high = middle }
        }
        let mut found = None;
        family.decode(&self.bytes, low.checked_sub(1)?, |(first, last, label)| {
            if first <= key && key <= last {
                found = Some(label);
            }
            key <= last
        })?;
        let at = self.labels + found? * LABEL;
        let label = self.bytes.get(at..at + LABEL)?;
        let country = [label[4], label[5]];
        Some(Network {
            asn: number(label, 0, 4)? as u32,
            country: country.iter().all(u8::is_ascii_uppercase).then_some(country),
            hosting: label[6] & 1 == 1,
        })
    }

    /// Returns the number of ranges.
    pub fn ranges(&self) -> usize {
        self.families.iter().map(|family| family.ranges).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leb(mut number: u64, out: &mut Vec<u8>) {
        while number > 127 {
            out.push(number as u8 | 128);
            number >>= 7;
        }
        out.push(number as u8);
    }

    type Rows<'a> = &'a [(u64, u64, u64)];

    /// A file of ranges (first, keys, label) and labels; the maker's format a second time.
    fn file(v4: Rows, v6: Rows, labels: &[(u32, [u8; 2], u8)]) -> Vec<u8> {
        let (mut counts, mut body) = (Vec::new(), Vec::new());
        for (rows, unit, key) in [(v4, 8, 4), (v6, 16, 8)] {
            let coarse = |n: u64| if n.is_multiple_of(1 << unit) { n >> unit << 1 } else { n << 1 | 1 };
            let (mut index, mut data, mut before) = (Vec::new(), Vec::new(), 0);
            for (n, (first, keys, label)) in rows.iter().enumerate() {
                if n % BLOCK == 0 {
                    index.extend(&first.to_be_bytes()[8 - key..]);
                    index.extend((data.len() as u32).to_be_bytes());
                } else {
                    leb(coarse(first - before), &mut data);
                }
                leb(coarse(*keys), &mut data);
                leb(*label, &mut data);
                before = first.wrapping_add(*keys);
            }
            counts.extend((rows.len() as u32).to_be_bytes());
            counts.extend((data.len() as u32).to_be_bytes());
            body.extend(index.into_iter().chain(data));
        }
        let mut out = b"leashnet\x01\x00\x00\x04\0\0\0\0".to_vec();
        out.extend((labels.len() as u32).to_be_bytes());
        out.extend(counts);
        out.extend(b"ours");
        for (asn, country, flags) in labels {
            out.extend(asn.to_be_bytes());
            out.extend(country);
            out.push(*flags);
        }
        out.extend(body);
        seal(out)
    }

    fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend(fnv32(&bytes).to_be_bytes());
        bytes
    }

    fn many() -> Vec<u8> {
        let v4: Vec<_> = (0..1_000).map(|n| (0xcb00_0000 + n * 1_024, 256 + n % 3, n % 2)).collect();
        let v6: Vec<_> = (0..200).map(|n| (0x2001_0db8_0000_0000 + (n << 17), 1 << 16, 1)).collect();
        file(&v4, &v6, &[(64_500, *b"AT", 1), (4_200_000_000, [0; 2], 0)])
    }

    #[test]
    fn an_address_has_the_network_of_its_range() {
        let networks = Networks::read(many()).unwrap();
        assert_eq!(networks.ranges(), 1_200);
        for n in 0..1_000_u32 {
            let first = 0xcb00_0000 + n * 1_024;
            let of = |ip: u32| networks.of(IpAddr::from(ip.to_be_bytes())).map(|network| network.asn);
            let asn = if n % 2 == 0 { 64_500 } else { 4_200_000_000 };
            assert_eq!((of(first), of(first + 255 + n % 3)), (Some(asn), Some(asn)), "{n}");
            assert_eq!((of(first - 1), of(first + 256 + n % 3)), (None, None), "{n}");
        }
        let of = |ip: &str| networks.of(ip.parse().unwrap());
        assert_eq!(of("203.0.0.1"), Some(Network { asn: 64_500, country: Some(*b"AT"), hosting: true }));
        assert_eq!(of("::ffff:203.0.0.1"), of("203.0.0.1"));
        assert_eq!(of("203.0.0.1").unwrap().country(), Some("AT"));
        assert_eq!(of("2001:db8:18e::1"), Some(Network { asn: 4_200_000_000, country: None, hosting: false }));
        assert_eq!((of("2001:db8:18f::1"), of("1.1.1.1"), of("255.255.255.255"), of("::")), (None, None, None, None));
    }

    #[test]
    fn the_ends_of_both_families_are_addresses_too() {
        let rows = [(0, 1, 0), (u64::from(u32::MAX), 1, 0)];
        let last = [(0, 1 << 16, 0), (u64::MAX - 0xffff, 1 << 16, 0)];
        let networks = Networks::read(file(&rows, &last, &[(1, [0; 2], 0)])).unwrap();
        for ip in ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff::1"] {
            assert!(networks.of(ip.parse().unwrap()).is_some(), "{ip}");
        }
        assert!(
            Networks::read(file(&[(u64::from(u32::MAX), 2, 0)], &[], &[(1, [0; 2], 0)])).is_err(),
            "no IPv4 address"
        );
        let mut overlap: Vec<_> = (0..65).map(|n| (n * 2, 1, 0)).collect();
        assert!(Networks::read(file(&overlap, &[], &[(1, [0; 2], 0)])).is_ok());
        overlap[64].0 -= 2;
        assert!(
            Networks::read(file(&overlap, &[], &[(1, [0; 2], 0)])).is_err(),
            "a block begins within the one before"
        );
        assert!(Networks::read(file(&[(5, 0, 0)], &[], &[(1, [0; 2], 0)])).is_err(), "a range of nothing");
        assert!(Networks::read(file(&[(5, 1, 1)], &[], &[(1, [0; 2], 0)])).is_err(), "no such label");
        assert!(Networks::read(file(&[], &[], &[])).unwrap().ranges() == 0);
    }

    #[test]
    fn a_damaged_file_is_a_sentence_and_never_a_panic() {
        let good = many();
        for length in 0..good.len() {
            assert!(Networks::read(good[..length].to_vec()).is_err(), "{length}");
            assert!(Networks::read(seal(good[..length.min(good.len() - 5)].to_vec())).is_err(), "{length}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(Networks::read(bytes).is_err(), "{at}");
        }
        let mut seed = 1_u32;
        let mut read = 0;
        for _ in 0..3_000 {
            let mut bytes = good[..good.len() - 4].to_vec();
            for _ in 0..3 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize % bytes.len().min(if seed & 1 == 0 { 60 } else { usize::MAX });
                bytes[at] = (seed >> 16) as u8;
            }
            if let Ok(networks) = Networks::read(seal(bytes)) {
                read += 1;
                for ip in ["203.0.0.1", "203.15.160.7", "2001:db8::1", "ffff::"] {
                    let _ = networks.of(ip.parse().unwrap());
                }
            }
        }
        assert!(read > 0 && read < 2_500, "{read}");
        assert!(Networks::read([&good[..], b"x"].concat()).unwrap_err().contains("bytes instead of"));
        assert!(Networks::read(b"# a list".to_vec()).unwrap_err().contains("not a file of networks"));
        let mut newer = good;
        newer[8] = 2;
        assert!(Networks::read(newer).unwrap_err().contains("version 2"));
    }
}
