//! NAT64: which IPv6 addresses stand for an IPv4 address, because the network translates between the two (RFC 6146).
//! Where a device has no IPv4 of its own, its resolver makes such addresses (DNS64, RFC 6147), or the device itself
//! does (464XLAT, RFC 6877).
//!
//! The well-known prefix and the one for local use mean this everywhere. A prefix of the network's own is known from
//! its router (PREF64, RFC 8781) and then holds for the house; or a device learns it by looking up `ipv4only.arpa`
//! (RFC 7050). Anybody can answer that, so what it teaches holds for this device alone, and is used to explain and to
//! block, never to allow.

use crate::limits::DEVICES;
use crate::model::is_local;
use crate::tables::devices::DeviceId;
use crate::time::{Span, Time};
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The name that has these addresses alone, and no IPv6 address but of a translator (RFC 7050, section 8).
pub const DISCOVERY_NAME: &str = "ipv4only.arpa";
const DISCOVERY_ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// The well-known prefix (RFC 6052, section 2.1).
const WELL_KNOWN: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// The prefix within which networks choose their own for local use (RFC 8215).
const LOCAL_USE: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48);

/// The lengths that a prefix may have (RFC 6052, section 2.2).
const LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];

/// How many prefixes of its own the house may have, and a device.
const PREFIXES: usize = 4;
const PREFIXES_PER_DEVICE: usize = 1;
/// How many prefixes there may be.
pub const PREFIXES_MAX: usize = PREFIXES + DEVICES * PREFIXES_PER_DEVICE;
/// A prefix that nobody has spoken of for this long makes room for another. Until then it stays: what depends on it is
/// sorted anew when it changes, and a device could change its own with every lookup.
const STALE: Span = Span::days(1);

/// The prefixes of the network's own that are known.
#[derive(Debug, Default)]
pub struct Nat64 {
    /// Somebody uses the well-known prefix.
    well_known: bool,
    /// The others, sorted by the device that learnt them (all devices where it is absent), and when they were heard of last.
    prefixes: Vec<((Option<DeviceId>, Ipv6Net), Time)>,
}

impl Nat64 {
    /// Adds a prefix: of the house, or one that a device learnt. Returns whether it is new.
    pub fn add(&mut self, device: Option<DeviceId>, prefix: Ipv6Net, now: Time) -> bool {
        let prefix = prefix.trunc();
        if prefix == WELL_KNOWN {
            return self.note_use(prefix.addr().into());
        }
        if !LENGTHS.contains(&prefix.prefix_len()) {
            return false;
        }
        let key = (device, prefix);
        if let Ok(known) = self.prefixes.binary_search_by_key(&key, |(key, _)| *key) {
            self.prefixes[known].1 = now;
            return false;
        }
        let most = if device.is_some() { PREFIXES_PER_DEVICE } else { PREFIXES };
        if self.of(device).count() >= most {
            self.prefixes.retain(|((other, _), confirmed)| *other != device || now.since(*confirmed) <= STALE);
        }
        let has_room = self.of(device).count() < most;
        if has_room {
            self.prefixes.insert(self.prefixes.partition_point(|(other, _)| *other < key), (key, now));
        }
        has_room
    }

    /// Notes that an address is in use. Returns whether it is the first one in the well-known prefix.
    pub fn note_use(&mut self, address: IpAddr) -> bool {
        let first = !self.well_known && matches!(address, IpAddr::V6(v6) if WELL_KNOWN.contains(&v6));
        self.well_known |= first;
        first
    }

    /// Forgets the prefixes that a device learnt.
    pub fn forget(&mut self, device: DeviceId) {
        self.prefixes.retain(|((other, _), _)| *other != Some(device));
    }

    /// Returns the prefixes that are known beside those that every network has, each with the device that learnt it.
    pub fn iter(&self) -> impl Iterator<Item = (Option<DeviceId>, Ipv6Net)> {
        let well_known = self.well_known.then_some((None, WELL_KNOWN));
        well_known.into_iter().chain(self.prefixes.iter().map(|(key, _)| *key))
    }

    fn of(&self, device: Option<DeviceId>) -> impl Iterator<Item = Ipv6Net> {
        let first = self.prefixes.partition_point(|(key, _)| key.0 < device);
        self.prefixes[first..].iter().map(|(key, _)| *key).take_while(move |key| key.0 == device).map(|key| key.1)
    }

    /// Returns the prefixes whose addresses are translated for a device; without one those that nobody can make up.
    fn prefixes(&self, device: Option<DeviceId>) -> impl Iterator<Item = Ipv6Net> {
        let well_known = self.well_known.then_some(WELL_KNOWN);
        let own = device.is_some().then(|| self.of(device));
        well_known.into_iter().chain(self.of(None)).chain(own.into_iter().flatten())
    }

    /// Returns the IPv4 address that an address stands for, as this device sees it; without a device, as all do. Absent
    /// where it stands for none on the public Internet.
    pub fn embedded(&self, device: Option<DeviceId>, address: IpAddr) -> Option<Ipv4Addr> {
        let IpAddr::V6(v6) = address else { return None };
        let found = if WELL_KNOWN.contains(&v6) {
            extract(96, v6)
        } else if LOCAL_USE.contains(&v6) {
            // A network chooses the length. Nothing follows the IPv4 address where 48 bits go before it.
            extract(48, v6).filter(|_| v6.octets()[11..] == [0; 5]).or_else(|| extract(96, v6))
        } else if self.prefixes.is_empty() {
            None
        } else {
            let known = self.prefixes(device).find(|prefix| prefix.contains(&v6));
            known.and_then(|prefix| extract(prefix.prefix_len(), v6))
        };
        found.filter(|v4| !is_local((*v4).into()))
    }

    /// Returns the address under which lookups of a device are kept: the IPv4 address where there is one.
    pub fn canonical(&self, device: DeviceId, address: IpAddr) -> IpAddr {
        self.embedded(Some(device), address).map_or(address, IpAddr::V4)
    }

    /// Returns the address, and all others under which a device reaches the same station; without a device those that
    /// hold for everybody.
    pub fn forms(&self, device: Option<DeviceId>, address: IpAddr) -> Vec<IpAddr> {
        let mut all = vec![address];
        let v4 = match address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => self.embedded(device, address),
        };
        if let Some(v4) = v4.filter(|v4| !is_local((*v4).into())) {
            let others = self.prefixes(device).map(|prefix| embed(prefix, v4).into());
            let others = others.chain([IpAddr::V4(v4)]);
            all.extend(others.filter(|other| *other != address));
        }
        all
    }
}

/// Returns the prefix that an answer to the question for [`DISCOVERY_NAME`] shows (RFC 7050, section 3). Absent where
/// the name's IPv4 addresses stand in none of its IPv6 addresses, or in several places of one.
pub fn discover(addresses: &[IpAddr]) -> Option<Ipv6Net> {
    addresses.iter().find_map(|address| {
        let IpAddr::V6(v6) = *address else { return None };
        let fits = |length: &u8| extract(*length, v6).is_some_and(|v4| DISCOVERY_ADDRESSES.contains(&v4));
        let mut lengths = LENGTHS.into_iter().filter(fits);
        let length = lengths.next().filter(|_| lengths.next().is_none())?;
        Some(Ipv6Net::new(v6, length).ok()?.trunc())
    })
}

/// The byte of an address that no IPv4 address reaches into, and that is 0 (RFC 6052, section 2.2).
const RESERVED: usize = 8;

/// Returns where the bytes of the IPv4 address stand behind a prefix of `length` bits (RFC 6052, section 2.2).
fn places(length: u8) -> [usize; 4] {
    let first = usize::from(length / 8);
    [0, 1, 2, 3].map(|n| first + n).map(|at| if first <= RESERVED && at >= RESERVED { at + 1 } else { at })
}

fn extract(length: u8, address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let mut v4 = [0; 4];
    for (octet, at) in v4.iter_mut().zip(places(length)) {
        *octet = *octets.get(at)?;
    }
    (length == 96 || octets[RESERVED] == 0).then_some(v4.into())
}

/// Returns the address within a prefix of a translator that stands for an IPv4 address (RFC 6052, section 2.2).
pub fn embed(prefix: Ipv6Net, v4: Ipv4Addr) -> Ipv6Addr {
    let mut octets = prefix.addr().octets();
    for (octet, at) in v4.octets().into_iter().zip(places(prefix.prefix_len())) {
        if let Some(place) = octets.get_mut(at) {
            *place = octet;
        }
    }
    octets.into()
}

/// Returns the prefix that a prefix of IPv4 has behind a prefix of a translator.
pub fn embed_net(prefix: Ipv6Net, net: Ipv4Net) -> Option<Ipv6Net> {
    let bits = usize::from(net.prefix_len());
    let end = match places(prefix.prefix_len()).get(bits / 8) {
        Some(at) => at * 8 + bits % 8,
        None => places(prefix.prefix_len())[3] * 8 + 8,
    };
    Ipv6Net::new(embed(prefix, net.network()), u8::try_from(end).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn net(text: &str) -> Ipv6Net {
        text.parse().unwrap()
    }

    /// The table of RFC 6052, section 2.4.
    #[test]
    fn addresses_are_embedded_as_the_rfc_shows() {
        for (prefix, address) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ] {
            let v4 = Ipv4Addr::new(192, 0, 2, 33);
            let mut nat64 = Nat64::default();
            assert_eq!(nat64.embedded(None, ip(address)), None);
            assert!(nat64.add(None, net(prefix), Time(0)) && !nat64.add(None, net(prefix), Time(0)));
            assert_eq!(nat64.embedded(None, ip(address)), Some(v4), "{prefix}");
            assert_eq!(nat64.forms(None, v4.into()), [v4.into(), ip(address)]);
            assert_eq!(nat64.forms(None, ip(address)), [ip(address), v4.into()]);
        }
    }

    #[test]
    fn the_prefixes_of_everybody_need_no_lookup() {
        let nat64 = Nat64::default();
        let embedded = |address| nat64.embedded(None, ip(address)).map(|v4| v4.to_string());
        let known = Some("198.51.100.9".to_string());
        assert_eq!(embedded("64:ff9b::c633:6409"), known);
        assert_eq!(embedded("64:ff9b:1:fffe::c633:6409"), known);
        assert_eq!(embedded("64:ff9b:1:c633:64:900::"), known);
        assert_eq!(embedded("64:ff9b::10.0.0.1"), None, "nothing inside the house is reached through it");
        assert_eq!(embedded("64:ff9a::c633:6409"), None);
    }

    #[test]
    fn lookups_show_the_prefix_to_the_device_that_asks() {
        let prefix = discover(&[ip("192.0.0.170"), ip("2001:db8:64::192.0.0.171")]);
        assert_eq!(prefix, Some(net("2001:db8:64::/96")));
        assert_eq!(discover(&[ip("2001:db8:64:c0:0:aa::")]), Some(net("2001:db8:64::/56")));
        assert_eq!(discover(&[ip("2001:db8:c000:aa::c000:aa")]), None, "in two places");
        assert_eq!(discover(&[ip("2001:db8::1"), ip("203.0.113.1")]), None);
        let (mut nat64, device) = (Nat64::default(), DeviceId::new(3));
        let (address, minute) = (ip("2001:db8:64::c633:6409"), Span::mins(1));
        assert!(nat64.add(Some(device), net("2001:db8:64::/96"), Time(0)));
        assert_eq!(nat64.canonical(device, address), ip("198.51.100.9"));
        assert_eq!(nat64.canonical(DeviceId::new(4), address), address);
        assert_eq!(nat64.embedded(None, address), None);
        assert!(!nat64.add(Some(device), net("2001:db8:65::/96"), Time(0) + minute), "it has one");
        assert!(nat64.add(Some(device), net("2001:db8:65::/96"), Time(0) + STALE + minute));
        nat64.forget(device);
        assert_eq!(nat64.prefixes.len(), 0);
    }

    #[test]
    fn prefixes_are_translated_whole() {
        let of = |prefix, v4: &str| embed_net(net(prefix), v4.parse().unwrap()).map(|net| net.to_string());
        assert_eq!(of("64:ff9b::/96", "198.51.100.0/24").as_deref(), Some("64:ff9b::c633:6400/120"));
        assert_eq!(of("2001:db8:122::/48", "198.51.0.0/16").as_deref(), Some("2001:db8:122:c633::/72"));
        assert_eq!(of("2001:db8:122::/48", "198.48.0.0/12").as_deref(), Some("2001:db8:122:c630::/60"));
        assert_eq!(of("2001:db8:122::/48", "198.51.100.9/32").as_deref(), Some("2001:db8:122:c633:64:900::/88"));
        assert_eq!(of("2001:db8::/32", "0.0.0.0/0").as_deref(), Some("2001:db8::/32"));
    }
}
