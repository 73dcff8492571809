//! Counting different things in eight bytes, so that a flood of them costs no more than a few.

use crate::fnv::fnv32;
use std::net::IpAddr;

/// The largest count that [`Distinct`] tells apart from larger ones with some certainty.
pub const COUNT_MAX: u32 = 200;

/// An estimate of how many different things were seen (K.-Y. Whang and others, "A linear-time probabilistic counting
/// algorithm", TODS 1990). With 64 bits it is right within a fifth up to a hundred.
#[derive(Clone, Copy, Debug, Default)]
pub struct Distinct(u64);

impl Distinct {
    /// Counts a thing.
    pub fn add(&mut self, bytes: &[u8]) {
        let hash = fnv32(bytes);
        // The low bits of FNV-1a alone depend little on the last byte.
        self.0 |= 1 << ((hash ^ (hash >> 16) ^ (hash >> 8)) & 63);
    }

    /// Counts an address.
    pub fn add_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.add(&v4.octets()),
            IpAddr::V6(v6) => self.add(&v6.octets()),
        }
    }

    /// Returns approximately how many different things were counted. More than [`COUNT_MAX`] means only that there were
    /// many; the estimate does not exceed 266.
    pub fn count(self) -> u32 {
        match self.0.count_zeros() {
            0 => 266,
            zeros => (64.0 * (64.0 / f64::from(zeros)).ln()).round() as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_things_are_counted_approximately() {
        for n in [1_u32, 5, 20, 50, 100] {
            for base in [0, 1_000, 77_777] {
                let mut distinct = Distinct::default();
                (0..n).for_each(|i| distinct.add(&(base + i).to_be_bytes()));
                (0..n).for_each(|i| distinct.add(&(base + i).to_be_bytes()));
                let count = distinct.count();
                assert!(count.abs_diff(n) <= n / 3 + 1, "{n} from {base}: {count}");
            }
        }
    }
}
