//! Counting different things in eight bytes, so that a flood of them costs no more than a few.

use crate::fnv::{fnv32, fnv32_of_address};
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
        self.add_hash(fnv32(bytes));
    }

    fn add_hash(&mut self, hash: u32) {
        // The low bits of FNV-1a alone depend little on the last byte.
        self.0 |= 1 << ((hash ^ (hash >> 16) ^ (hash >> 8)) & 63);
    }

    /// Counts an address.
    pub fn add_address(&mut self, address: IpAddr) {
        self.add_hash(fnv32_of_address(address));
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

/// Returns among how many things a whole is spread, in tenths: the inverse Simpson index of their shares (E. H. Simpson,
/// "Measurement of Diversity", Nature 1949), where `squares` is the sum of the squares of the parts.
pub fn spread_tenths(whole: u64, squares: u128) -> u32 {
    u32::try_from(square(whole) * 10 / squares.max(1)).unwrap_or(u32::MAX)
}

/// Returns a square, for [`spread_tenths`].
pub fn square(part: u64) -> u128 {
    u128::from(part) * u128::from(part)
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
