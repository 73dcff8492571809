//! Finds the network of an address in one compact file: its autonomous system, whose it is, and where.
//!
//! The file stays where it lies. Three reads of at most 1.6 kB find an address: a page of the index, the block of 64
//! ranges, and the label. What is kept in memory is the first key of each page, a few hundred bytes for a file of the
//! whole Internet. `tests/tools/make_networks.py` makes such files and describes the format.

use crate::fnv::{fnv32, fnv32_after};
use crate::reference::varint::varint;
use std::fmt::Debug;
use std::net::IpAddr;

/// How many ranges a block has. One block is decoded for each search.
const BLOCK: usize = 64;
/// How many blocks a page of the index has.
const PAGE: usize = 64;
/// The longest key of the index, and the place of its block, in bytes.
const ENTRY_MAX: usize = 8 + 4;
/// The longest block, in bytes: its ranges have a gap, a length and the place of a label.
const BLOCK_MAX: usize = BLOCK * (10 + 10 + 5);
/// The longest label, in bytes: an autonomous system, a country, flags and three texts.
const LABEL_MAX: usize = 5 + 2 + 1 + 3 * 256;
/// The length of a label in version 1, which has no texts, in bytes.
const OLD_LABEL: usize = 7;
/// The length of the file's head, in bytes.
const HEAD: usize = 36;

/// The bytes of a file, in memory or where they lie.
pub trait Bytes: Debug {
    /// Returns how many there are.
    fn length(&self) -> usize;
    /// Reads the bytes at `at`. Returns `None` when they are not all there.
    fn read(&self, at: usize, into: &mut [u8]) -> Option<()>;
}

impl Bytes for Vec<u8> {
    fn length(&self) -> usize {
        self.len()
    }

    fn read(&self, at: usize, into: &mut [u8]) -> Option<()> {
        into.copy_from_slice(self.get(at..at.checked_add(into.len())?)?);
        Some(())
    }
}

/// The network of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The number of the autonomous system; absent where only the country is known.
    pub asn: Option<u32>,
    /// The two letters of the country: where a cloud's region is, else where the address is registered.
    pub country: Option<[u8; 2]>,
    /// It rents machines out: behind an address are many strangers, or one for a day.
    pub hosting: bool,
    /// It delivers for many others, from everywhere.
    pub cdn: bool,
    /// Whose it is; empty where that is not known.
    pub owner: String,
    /// The service of a cloud, such as Amazon EC2; it may be empty.
    pub cloud: String,
    /// The region of a cloud, such as Oregon; it may be empty.
    pub region: String,
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
    file: Box<dyn Bytes>,
    /// It is of version 1, whose labels have a number instead of a place, and no texts.
    old: bool,
    /// The offsets at which the labels begin and end.
    labels: (usize, usize),
    families: [Family; 2],
}

/// The ranges of IPv4 or of IPv6.
#[derive(Debug)]
struct Family {
    /// How many bits of a key are below a /24 or /48, of which most lengths are multiples.
    unit: u32,
    /// The length of a key in the index, in bytes.
    key: usize,
    ranges: usize,
    /// The offset of the index in the file.
    index: usize,
    /// The offsets at which the ranges begin and end.
    data: (usize, usize),
    /// The first key of each page of the index.
    pages: Vec<u64>,
}

/// Reads a big-endian number of `length` bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Reads as many bytes as there are before `end`, at most as many as there is room for.
fn window<'a>(file: &dyn Bytes, at: usize, end: usize, into: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = end.checked_sub(at)?.min(into.len());
    let into = &mut into[..length];
    file.read(at, into)?;
    Some(into)
}

impl Family {
    fn blocks(&self) -> usize {
        self.ranges.div_ceil(BLOCK)
    }

    fn entry(&self) -> usize {
        self.key + 4
    }

    /// Reads a gap or a length, and moves `at` behind it.
    fn span(&self, bytes: &[u8], at: &mut usize) -> Option<u64> {
        let coded = varint(bytes, at)?;
        if coded & 1 == 1 { Some(coded >> 1) } else { (coded >> 1).checked_mul(1 << self.unit) }
    }

    /// Returns what the range that holds a key says of its label: a place or, in version 1, a number.
    fn label(&self, file: &dyn Bytes, key: u64) -> Option<usize> {
        let page = self.pages.partition_point(|first| *first <= key).checked_sub(1)?;
        let (mut index, entry) = ([0; PAGE * ENTRY_MAX], self.entry());
        let begin = self.index + page * PAGE * entry;
        let index = window(file, begin, self.data.0.min(begin + PAGE * entry), &mut index)?;
        let mut keys =
            index.chunks_exact(entry).take_while(|entry| number(entry, 0, self.key).is_some_and(|n| n <= key));
        let (before, mut found) = (keys.next()?, page * PAGE);
        let last = keys.fold(before, |_, entry| {
            found += 1;
            entry
        });
        let place = self.data.0.checked_add(usize::try_from(number(last, self.key, 4)?).ok()?)?;
        let mut block = [0; BLOCK_MAX];
        let block = window(file, place, self.data.1, &mut block)?;
        let (mut first, mut at) = (number(last, 0, self.key)?, 0);
        for n in 0..BLOCK.min(self.ranges.checked_sub(found * BLOCK)?) {
            if n > 0 {
                first = first.checked_add(self.span(block, &mut at)?)?;
            }
            let end = first.checked_add(self.span(block, &mut at)?)?;
            let label = usize::try_from(varint(block, &mut at)?).ok()?;
            if key < end {
                return (first <= key).then_some(label);
            }
            first = end;
        }
        None
    }
}

/// Reads a text with its length before it, and moves `at` behind it. A stranger's text is taken as printable ASCII.
fn text(bytes: &[u8], at: &mut usize) -> Option<String> {
    let begin = *at + 1;
    let end = begin + usize::from(*bytes.get(*at)?);
    *at = end;
    let text = bytes.get(begin..end)?;
    Some(text.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '?' }).collect())
}

impl Networks {
    /// Opens a file, which is read once to compare its checksum.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file.
    pub fn open(file: Box<dyn Bytes>) -> Result<Networks, String> {
        let (mut head, length) = ([0; HEAD], file.length());
        let is_one = file.read(0, &mut head[..8]).is_some() && head.starts_with(b"leashnet");
        if !is_one {
            return Err("it is not a file of networks; tests/tools/make_networks.py makes one".into());
        }
        let short = || "it is cut off".to_string();
        file.read(0, &mut head).ok_or_else(short)?;
        let at = |at, length| number(&head, at, length).and_then(|n| usize::try_from(n).ok()).ok_or_else(short);
        let version = at(8, 1)?;
        if !(1..=2).contains(&version) {
            return Err(format!("it has version {version}; this leash reads versions 1 and 2"));
        }
        // Sums of a hostile file may be too large for a usize of 32 bits.
        let labels = HEAD + at(10, 2)?;
        let bytes = at(16, 4)?.checked_mul(if version == 1 { OLD_LABEL } else { 1 });
        let mut next = bytes.and_then(|bytes| labels.checked_add(bytes)).ok_or_else(short)?;
        let labels = (labels, next);
        let mut families = [(20, 8, 4), (28, 16, 8)].map(|(head, unit, key)| {
            (head, Family { unit, key, ranges: 0, index: 0, data: (0, 0), pages: Vec::new() })
        });
        for (head, family) in &mut families {
            family.ranges = at(*head, 4)?;
            family.index = next;
            let data = family.blocks().checked_mul(family.entry()).and_then(|bytes| next.checked_add(bytes));
            let data = data.ok_or_else(short)?;
            next = data.checked_add(at(*head + 4, 4)?).ok_or_else(short)?;
            family.data = (data, next);
        }
        if length.checked_sub(4) != Some(next) {
            return Err(format!("it has {length} bytes instead of {}", next.saturating_add(4)));
        }
        let (mut sum, mut place, mut buffer) = (fnv32(b""), 0, [0; 2_048]);
        while place < next {
            let bytes = window(&*file, place, next, &mut buffer).ok_or_else(short)?;
            (sum, place) = (fnv32_after(sum, bytes), place + bytes.len());
        }
        let mut check = [0; 4];
        file.read(next, &mut check).ok_or_else(short)?;
        if sum.to_be_bytes() != check {
            return Err("it is damaged: its checksum is another".into());
        }
        for (_, family) in &mut families {
            for page in 0..family.blocks().div_ceil(PAGE) {
                let key = &mut buffer[..family.key];
                file.read(family.index + page * PAGE * family.entry(), key).ok_or_else(short)?;
                family.pages.extend(number(key, 0, family.key));
            }
            if !family.pages.is_sorted() {
                return Err(format!("it is damaged at byte {}: its ranges are not in order", family.index));
            }
        }
        Ok(Networks { old: version == 1, labels, families: families.map(|(_, family)| family), file })
    }

    /// Returns the network of an address, or `None` when the file does not have it.
    pub fn of(&self, ip: IpAddr) -> Option<Network> {
        let [v4, v6] = &self.families;
        let label = match ip.to_canonical() {
            IpAddr::V4(ip) => v4.label(&*self.file, u64::from(ip.to_bits()))?,
            IpAddr::V6(ip) => v6.label(&*self.file, (ip.to_bits() >> 64) as u64)?,
        };
        let at = self.labels.0.checked_add(label.checked_mul(if self.old { OLD_LABEL } else { 1 })?)?;
        let mut label = [0; LABEL_MAX];
        let label = window(&*self.file, at, self.labels.1, &mut label)?;
        let mut at = 0;
        let asn = if self.old {
            at = 4;
            number(label, 0, 4)?
        } else {
            varint(label, &mut at)?
        };
        let &[a, b, flags] = label.get(at..at + 3)? else { return None };
        at += 3;
        let mut next = |is_there: bool| if is_there && !self.old { text(label, &mut at) } else { Some(String::new()) };
        Some(Network {
            asn: u32::try_from(asn).ok().filter(|asn| *asn > 0),
            country: Some([a, b]).filter(|country| country.iter().all(u8::is_ascii_uppercase)),
            hosting: flags & 1 > 0,
            cdn: flags & 2 > 0,
            owner: next(true)?,
            cloud: next(flags & 4 > 0)?,
            region: next(flags & 4 > 0)?,
        })
    }

    /// Returns the number of ranges.
    pub fn ranges(&self) -> usize {
        self.families.iter().map(|family| family.ranges).sum()
    }

    /// Returns the memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.families.iter().map(|family| family.pages.len() * 8).sum::<usize>() + size_of::<Networks>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows<'a> = &'a [(u64, u64, usize)];

    fn leb(mut number: u64, out: &mut Vec<u8>) {
        while number > 127 {
            out.push(number as u8 | 128);
            number >>= 7;
        }
        out.push(number as u8);
    }

    fn label(asn: u32, country: [u8; 2], flags: u8, texts: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        leb(asn.into(), &mut out);
        out.extend(country);
        out.push(flags);
        for text in texts {
            out.push(text.len() as u8);
            out.extend(text.bytes());
        }
        out
    }

    /// A file of ranges (first, keys, number of the label) and labels; the maker's format a second time.
    fn file(version: u8, v4: Rows, v6: Rows, labels: &[Vec<u8>]) -> Vec<u8> {
        let (mut counts, mut body) = (Vec::new(), Vec::new());
        let place = |n: usize| if version == 1 { n } else { labels[..n].iter().map(Vec::len).sum() };
        for (rows, unit, key) in [(v4, 8, 4), (v6, 16, 8)] {
            let coarse = |n: u64| if n.is_multiple_of(1 << unit) { n >> unit << 1 } else { n << 1 | 1 };
            let (mut index, mut data, mut before) = (Vec::new(), Vec::new(), 0);
            for (n, (first, keys, label)) in rows.iter().enumerate() {
                if n % BLOCK == 0 {
                    index.extend(&first.to_be_bytes()[8 - key..]);
                    index.extend((data.len() as u32).to_be_bytes());
                } else {
                    leb(coarse(first.wrapping_sub(before)), &mut data);
                }
                leb(coarse(*keys), &mut data);
                leb(place(*label) as u64, &mut data);
                before = first.wrapping_add(*keys);
            }
            counts.extend((rows.len() as u32).to_be_bytes());
            counts.extend((data.len() as u32).to_be_bytes());
            body.extend(index.into_iter().chain(data));
        }
        let mut out = [b"leashnet", &[version, 0, 0, 4, 0, 0, 0, 0][..]].concat();
        let counted = if version == 1 { labels.len() } else { place(labels.len()) };
        out.extend((counted as u32).to_be_bytes());
        out.extend(counts);
        out.extend(b"ours");
        out.extend(labels.concat());
        out.extend(body);
        seal(out)
    }

    fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.extend(fnv32(&bytes).to_be_bytes());
        bytes
    }

    fn open(bytes: Vec<u8>) -> Result<Networks, String> {
        Networks::open(Box::new(bytes))
    }

    fn labels() -> Vec<Vec<u8>> {
        let cloud = label(64_500, *b"AT", 7, &["Ours\u{1b}", "Ours EC", "Vienna"]);
        vec![cloud, label(4_200_000_000, [0; 2], 0, &["Telecom"]), label(0, *b"DE", 0, &[""])]
    }

    /// More than a page of the index has room for.
    fn many(version: u8, labels: &[Vec<u8>]) -> Vec<u8> {
        let v4: Vec<_> = (0..10_000).map(|n| (0x4b00_0000 + n * 1_024, 256 + n % 3, n as usize % 2)).collect();
        let v6: Vec<_> = (0..200).map(|n| (0x2001_0db8_0000_0000 + (n << 17), 1 << 16, 1)).collect();
        file(version, &v4, &v6, labels)
    }

    #[test]
    fn an_address_has_the_network_of_its_range() {
        let networks = open(many(2, &labels())).unwrap();
        assert_eq!((networks.ranges(), networks.families[0].pages.len()), (10_200, 3));
        for n in 0..10_000_u32 {
            let first = 0x4b00_0000 + n * 1_024;
            let of = |ip: u32| networks.of(IpAddr::from(ip.to_be_bytes())).map(|network| network.asn.unwrap());
            let asn = if n % 2 == 0 { 64_500 } else { 4_200_000_000 };
            assert_eq!((of(first), of(first + 255 + n % 3)), (Some(asn), Some(asn)), "{n}");
            assert_eq!((of(first - 1), of(first + 256 + n % 3)), (None, None), "{n}");
        }
        let of = |ip: &str| networks.of(ip.parse().unwrap());
        let ours = Network {
            asn: Some(64_500),
            country: Some(*b"AT"),
            hosting: true,
            cdn: true,
            owner: "Ours?".into(),
            cloud: "Ours EC".into(),
            region: "Vienna".into(),
        };
        assert_eq!((of("75.0.0.1"), ours.country()), (Some(ours.clone()), Some("AT")));
        assert_eq!(of("::ffff:75.0.0.1"), of("75.0.0.1"));
        let telecom = Network { asn: Some(4_200_000_000), owner: "Telecom".into(), ..Network::default() };
        assert_eq!(of("2001:db8:18e::1"), Some(telecom));
        assert_eq!((of("2001:db8:18f::1"), of("1.1.1.1"), of("255.255.255.255"), of("::")), (None, None, None, None));
    }

    #[test]
    fn a_country_may_be_all_that_is_known() {
        let networks = open(file(2, &[(0x0505_0500, 256, 2)], &[], &labels())).unwrap();
        let germany = Network { country: Some(*b"DE"), ..Network::default() };
        assert_eq!(networks.of("5.5.5.5".parse().unwrap()), Some(germany));
    }

    #[test]
    fn files_of_version_1_are_still_read() {
        let old = [[0, 0, 0xfb, 0xf4, b'A', b'T', 1], [0xfa, 0x56, 0xea, 0, 0, 0, 0]].map(Vec::from);
        let networks = open(many(1, &old)).unwrap();
        let of = |ip: &str| networks.of(ip.parse().unwrap());
        let ours = Network { asn: Some(64_500), country: Some(*b"AT"), hosting: true, ..Network::default() };
        assert_eq!(of("75.0.0.1"), Some(ours));
        assert_eq!(of("2001:db8::1"), Some(Network { asn: Some(4_200_000_000), ..Network::default() }));
    }

    #[test]
    fn the_ends_of_both_families_are_addresses_too() {
        let rows = [(0, 1, 0), (u64::from(u32::MAX), 1, 0)];
        let last = [(0, 1 << 16, 0), (u64::MAX - 0xffff, 0xffff, 0)];
        let networks = open(file(2, &rows, &last, &labels())).unwrap();
        for ip in ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff::1"] {
            assert!(networks.of(ip.parse().unwrap()).is_some(), "{ip}");
        }
        let mut rows: Vec<_> = (0..64 * 64 + 1).map(|n| (n * 2, 1, 0)).collect();
        assert!(open(file(2, &rows, &[], &labels())).is_ok());
        rows[64 * 64].0 = 0;
        rows[0].0 = 1;
        assert!(open(file(2, &rows, &[], &labels())).unwrap_err().contains("not in order"));
        assert_eq!(open(file(2, &[], &[], &[])).unwrap().ranges(), 0);
    }

    #[test]
    fn a_damaged_file_is_a_sentence_and_never_a_panic() {
        let v4: Vec<_> = (0..300).map(|n| (0x4b00_0000 + n * 1_024, 256 + n % 3, n as usize % 3)).collect();
        let good = file(2, &v4, &[(0x2001_0db8_0000_0000, 1 << 16, 1)], &labels());
        for length in 0..good.len() {
            assert!(open(good[..length].to_vec()).is_err(), "{length}");
            assert!(open(seal(good[..length.min(good.len() - 5)].to_vec())).is_err(), "{length}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(open(bytes).is_err(), "{at}");
        }
        let (mut seed, mut read, mut found) = (1_u32, 0, 0);
        for _ in 0..3_000 {
            let mut bytes = good[..good.len() - 4].to_vec();
            for _ in 0..3 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize % bytes.len().min(if seed & 1 == 0 { 60 } else { usize::MAX });
                bytes[at] = (seed >> 16) as u8;
            }
            if let Ok(networks) = open(seal(bytes)) {
                read += 1;
                let of = |ip: &str| networks.of(ip.parse().unwrap()).is_some();
                found += ["75.0.0.1", "75.3.160.7", "2001:db8::1", "ffff::"].into_iter().filter(|ip| of(ip)).count();
            }
        }
        assert!(read > 0 && read < 2_500 && found > 0 && found < 3 * read, "{read} {found}");
        assert!(open([&good[..], b"x"].concat()).unwrap_err().contains("bytes instead of"));
        assert!(open(b"# a list".to_vec()).unwrap_err().contains("not a file of networks"));
        let mut newer = good;
        newer[8] = 3;
        assert!(open(newer).unwrap_err().contains("version 3"));
    }
}
