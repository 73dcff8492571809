//! The hash of Fowler, Noll and Vo (FNV-1a): it is the same on every machine and in every version of Rust, so it may
//! stand in files. It withstands accidents, not attackers.

use std::net::IpAddr;

/// Returns the hash of 32 bits.
pub fn fnv32(bytes: &[u8]) -> u32 {
    fnv32_after(0x811c_9dc5, bytes)
}

/// Returns the hash of 32 bits of the bytes that `hash` is of, and of more.
pub fn fnv32_after(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Returns the hash of 32 bits of an address.
pub fn fnv32_of_address(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(v4) => fnv32(&v4.octets()),
        IpAddr::V6(v6) => fnv32(&v6.octets()),
    }
}

/// The hash of 64 bits of the bytes that were given to it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fnv64(u64);

impl Default for Fnv64 {
    fn default() -> Fnv64 {
        Fnv64(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv64 {
    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    }

    /// Returns the hash of all bytes so far.
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of draft-eastlake-fnv.
    #[test]
    fn the_known_hashes_come_out() {
        let mut all = Fnv64::default();
        all.update(b"foo");
        all.update(b"bar");
        assert_eq!((fnv32(b""), fnv32(b"a"), fnv32(b"foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
        assert_eq!(fnv32_after(fnv32(b"foo"), b"bar"), fnv32(b"foobar"));
        assert_eq!((Fnv64::default().value(), all.value()), (0xcbf2_9ce4_8422_2325, 0x8594_4171_f739_67e8));
    }
}
