//! Numbers in two bytes, for rings of them.

/// A number with eleven significant bits: exact to 0.1 % up to 2^42.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactNumber(u16);

impl CompactNumber {
    /// Nothing.
    pub const ZERO: CompactNumber = CompactNumber(0);

    /// Rounds a number down.
    pub fn of(number: u64) -> CompactNumber {
        let shift = (64 - number.leading_zeros()).saturating_sub(11).min(31);
        CompactNumber((shift as u16) << 11 | (number >> shift).min(0x7ff) as u16)
    }

    /// Returns the number.
    pub fn get(self) -> u64 {
        u64::from(self.0 & 0x7ff) << (self.0 >> 11)
    }

    /// Returns true if one of the numbers is more than twice the other.
    pub fn is_far_from(self, other: CompactNumber) -> bool {
        let (a, b) = (self.get(), other.get());
        a.abs_diff(b) * 2 > a.max(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_to_a_thousandth() {
        for number in [0, 1, 2_047, 2_048, 99_999, 1_234_567, 1 << 41] {
            assert!(CompactNumber::of(number).get().abs_diff(number) * 1_000 <= number, "{number}");
        }
        assert!(CompactNumber::of(u64::MAX).get() > 1 << 40);
    }
}
