//! Replaces the hardware addresses, addresses and names of events by made-up ones, so that a recording can be given
//! away. Whatever decides how leash judges stays: equal ones stay equal, local addresses local and public ones public,
//! and the public resolvers stay what they are.

use crate::event::Event;
use crate::model::{Hint, Lookup, Mac, Name, Tuple, is_fake, is_group, is_local};
use crate::tables::is_foreign;
use crate::tables::nat64::{DISCOVERY_NAME, Nat64, discover, embed};
use crate::time::Time;
use crate::wire::public_resolvers::{is_resolver_address, is_resolver_name};
use ipnet::{IpNet, Ipv4Net};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The prefix to which all addresses of the house are mapped.
const HOUSE: IpNet = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8));

/// Returns true for a lookup in a recording that was anonymised when addresses of the Internet were still mapped to
/// 198.18/16. Those that proxies make up lie there, too, and are mapped to 198.19/16 today.
pub fn is_former(lan: &[IpNet], lookup: &Lookup) -> bool {
    let is_mapped = |address: &IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[..2] == [198, 18]);
    let number = |name: &str| name.strip_prefix("name-")?.strip_suffix(".example")?.parse::<u32>().ok();
    lan == [HOUSE] && lookup.addresses.iter().any(is_mapped) && number(&lookup.name).is_some()
}

/// Maps identities, and remembers those mapped so far. It grows with the number of different addresses and names, so it
/// is for recordings, not for a daemon.
#[derive(Default)]
pub struct Anonymiser {
    macs: BTreeMap<Mac, u32>,
    addresses: BTreeMap<IpAddr, u32>,
    names: BTreeMap<Name, u32>,
    /// The prefixes of the LAN, in which there may be public addresses.
    lan: Vec<IpNet>,
    /// One address of each network of 16 bits in which some were leased, and the addresses of other networks.
    leased: BTreeSet<IpAddr>,
    foreign: BTreeSet<IpAddr>,
    /// Which addresses stand for others.
    nat64: Nat64,
}

impl Anonymiser {
    /// Returns the event with made-up identities.
    pub fn map(&mut self, event: Event) -> Event {
        match event {
            Event::ClockSet
            | Event::ResolversForgotten
            | Event::Gap { .. }
            | Event::DumpComplete
            | Event::PacketsRead(_) => event,
            Event::Lan { prefixes } => {
                self.lan = prefixes;
                Event::Lan { prefixes: vec![HOUSE] }
            }
            Event::Neighbour { ip, mac } => Event::Neighbour { ip: self.address(ip), mac: self.mac(mac) },
            Event::Leased { ip, mac, hostname } => {
                if let IpAddr::V4(v4) = ip {
                    self.leased.insert(Ipv4Addr::from_bits(v4.to_bits() >> 16 << 16).into());
                }
                Event::Leased { ip: self.address(ip), mac: self.mac(mac), hostname: self.label(hostname, "host") }
            }
            Event::Booted { mac, hostname, vendor_class, asks } => Event::Booted {
                mac: self.mac(mac),
                hostname: self.label(hostname, "host"),
                vendor_class: self.label(vendor_class, "vendor"),
                asks,
            },
            Event::Known { mac, address, name } => {
                Event::Known { mac: self.mac(mac), address: self.address(address), name: self.name(&name) }
            }
            // The type of a service is nobody's in particular; names of hosts and programs may be.
            Event::Announced { mac, by, text } if text.starts_with('_') => {
                Event::Announced { mac: self.mac(mac), by, text }
            }
            Event::Announced { mac, by, text } => {
                let text = self.label(Some(text), "told").unwrap_or_default();
                Event::Announced { mac: self.mac(mac), by, text }
            }
            // What everybody asks to learn of a translator tells nothing of anybody.
            Event::Lookup(lookup) if &*lookup.name == DISCOVERY_NAME => {
                discover(&lookup.addresses).map(|prefix| self.nat64.add(None, prefix, Time(0)));
                let (client, server) = (self.address(lookup.client), self.address(lookup.server));
                Event::Lookup(Lookup { client, server, ..lookup })
            }
            Event::Lookup(Lookup { client, server, record_type, name, outcome, addresses, aliases }) => {
                Event::Lookup(Lookup {
                    client: self.address(client),
                    server: self.address(server),
                    record_type,
                    name: self.name(&name),
                    outcome,
                    addresses: addresses.into_iter().map(|address| self.address(address)).collect(),
                    aliases: aliases.iter().map(|alias| self.name(alias)).collect(),
                })
            }
            Event::LookupMissed { client, server } => {
                Event::LookupMissed { client: self.address(client), server: self.address(server) }
            }
            Event::Resolver { mac, address, encrypted } => {
                Event::Resolver { mac: mac.map(|mac| self.mac(mac)), address: self.address(address), encrypted }
            }
            Event::Registered { name, day } => Event::Registered { name: self.name(&name), day },
            Event::Nat64 { prefix } => {
                self.nat64.add(None, prefix, Time(0));
                event
            }
            Event::FlowOpened { tuple, midstream } => Event::FlowOpened { tuple: self.tuple(tuple), midstream },
            Event::FlowCounted { tuple, sent, received } => {
                Event::FlowCounted { tuple: self.tuple(tuple), sent, received }
            }
            Event::FlowClosed { tuple, sent, received } => {
                Event::FlowClosed { tuple: self.tuple(tuple), sent, received }
            }
            Event::HandshakeDelay { tuple, delay } => Event::HandshakeDelay { tuple: self.tuple(tuple), delay },
            Event::FirstPacket { tuple, hint } => {
                Event::FirstPacket { tuple: self.tuple(tuple), hint: self.hint(hint) }
            }
        }
    }

    fn number<K: Ord>(map: &mut BTreeMap<K, u32>, key: K) -> u32 {
        let next = map.len() as u32 + 1;
        *map.entry(key).or_insert(next)
    }

    fn mac(&mut self, mac: Mac) -> Mac {
        let [a, b, c, d] = Self::number(&mut self.macs, mac).to_be_bytes();
        Mac([2, 0, a, b, c, d])
    }

    /// Maps addresses of the house to 10/8 and fd00::/8, private ones of other networks to 172.16/12, those that proxies
    /// make up to 198.19/16, 2001:2::/48 and fc00::/18, others to 240/4 (RFC 1112, section 4: reserved) and 2001:db8::/32
    /// (RFC 3849).
    fn address(&mut self, ip: IpAddr) -> IpAddr {
        if is_group(ip) || is_resolver_address(ip) {
            return ip;
        }
        // What stands for an IPv4 address goes on to stand for it.
        self.nat64.note_use(ip);
        if let (IpAddr::V6(translated), Some(v4)) = (ip, self.nat64.embedded(None, ip)) {
            let prefix = self.nat64.iter().map(|(_, prefix)| prefix).find(|prefix| prefix.contains(&translated));
            if let (Some(prefix), IpAddr::V4(v4)) = (prefix, self.address(v4.into())) {
                return embed(prefix, v4).into();
            }
        }
        if !self.addresses.contains_key(&ip) && is_foreign(ip, &self.lan, self.leased.iter().copied()) {
            self.foreign.insert(ip);
        }
        let n = Self::number(&mut self.addresses, ip);
        let v6 = |first: u16, second: u16| Ipv6Addr::new(first, second, 0, 0, 0, 0, (n >> 16) as u16, n as u16);
        match (ip, is_local(ip) || self.lan.iter().any(|prefix| prefix.contains(&ip))) {
            (IpAddr::V4(_), _) if is_fake(ip) => Ipv4Addr::from(0xc613_0000 | n & 0xffff).into(),
            (IpAddr::V6(_), local) if is_fake(ip) => if local { v6(0xfc00, 0) } else { v6(0x2001, 2) }.into(),
            (IpAddr::V4(_), true) if self.foreign.contains(&ip) => Ipv4Addr::from(0xac10_0000 | n & 0x000f_ffff).into(),
            (IpAddr::V4(_), true) => Ipv4Addr::from(0x0a00_0000 | n & 0x00ff_ffff).into(),
            (IpAddr::V4(_), false) => Ipv4Addr::from(0xf000_0000 | n & 0x07ff_ffff).into(),
            (IpAddr::V6(v6_ip), true) if v6_ip.segments()[0] & 0xffc0 == 0xfe80 => v6(0xfe80, 0).into(),
            (IpAddr::V6(_), true) => v6(0xfd00, 0).into(),
            (IpAddr::V6(_), false) => v6(0x2001, 0xdb8).into(),
        }
    }

    fn name(&mut self, name: &Name) -> Name {
        if is_resolver_name(name) {
            return name.clone();
        }
        format!("name-{}.example", Self::number(&mut self.names, name.clone())).into()
    }

    fn label(&mut self, label: Option<Name>, word: &str) -> Option<Name> {
        label.map(|label| format!("{word}-{}", Self::number(&mut self.names, label)).into())
    }

    fn tuple(&mut self, tuple: Tuple) -> Tuple {
        Tuple { source: self.address(tuple.source), destination: self.address(tuple.destination), ..tuple }
    }

    fn hint(&mut self, hint: Hint) -> Hint {
        match hint {
            Hint::Tls { sni, alpn, ech, esni, ja4 } => {
                Hint::Tls { sni: sni.map(|name| self.name(&name)), alpn, ech, esni, ja4 }
            }
            Hint::Quic { version, sni, alpn, ech, ja4 } => {
                Hint::Quic { version, sni: sni.map(|name| self.name(&name)), alpn, ech, ja4 }
            }
            Hint::Dtls { sni } => Hint::Dtls { sni: sni.map(|name| self.name(&name)) },
            Hint::Plaintext { mac, word } => Hint::Plaintext { mac: mac.map(|mac| self.mac(mac)), word },
            Hint::Socks { version, target } => Hint::Socks { version, target: target.map(|name| self.name(&name)) },
            Hint::HttpConnect { target } => Hint::HttpConnect { target: self.name(&target) },
            Hint::Http { host, websocket } => Hint::Http { host: host.map(|name| self.name(&name)), websocket },
            Hint::Stun { .. }
            | Hint::Ssh
            | Hint::Mqtt
            | Hint::WireGuard
            | Hint::Ntp
            | Hint::Dns
            | Hint::DnsCrypt
            | Hint::BitTorrent
            | Hint::Peer(_) => hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_of_before_are_told_from_made_up_addresses() {
        let former = |lan: &str, line: &str| match (lan.parse(), line.parse()) {
            (Ok(lan), Ok(Event::Lookup(lookup))) => is_former(&[lan], &lookup),
            other => panic!("{other:?}"),
        };
        let of_before = "looked 10.0.0.1 10.0.0.2 1 name-3.example found 198.18.0.5";
        assert!(former("10.0.0.0/8", of_before) && !former("10.0.0.0/24", of_before));
        assert!(!former("10.0.0.0/8", "looked 10.0.0.1 10.0.0.2 1 shop.example found 198.18.0.5"));
        assert!(!former("10.0.0.0/8", "looked 10.0.0.1 10.0.0.2 1 name-3.example found 198.19.0.5"));
    }

    #[test]
    fn equal_identities_stay_equal_and_nothing_else_stays() {
        let mut anonymiser = Anonymiser::default();
        let mut map = |line: &str| anonymiser.map(line.parse().unwrap()).to_string();
        assert_eq!(map("neighbour 192.168.8.20 aa:bb:cc:00:00:01"), "neighbour 10.0.0.1 02:00:00:00:00:01");
        assert_eq!(
            map("looked 192.168.8.20 192.168.8.1 1 cam.vendor.example found 203.0.113.5,2001:db8:5::1 via cdn.example"),
            "looked 10.0.0.1 10.0.0.2 1 name-1.example found 240.0.0.3,2001:db8::4 via name-2.example"
        );
        assert_eq!(
            map("hint tcp 192.168.8.20:40000 > 203.0.113.5:443 tls sni=cam.vendor.example alpn=h2"),
            "hint tcp 10.0.0.1:40000 > 240.0.0.3:443 tls sni=name-1.example alpn=h2"
        );
        assert_eq!(
            map("booted aa:bb:cc:00:00:01 host=Kitchen vendor=udhcp"),
            "booted 02:00:00:00:00:01 host=host-3 vendor=vendor-4"
        );
        assert_eq!(
            map("looked 192.168.8.20 192.168.8.1 1 shop.example found 198.18.0.9"),
            "looked 10.0.0.1 10.0.0.2 1 name-5.example found 198.19.0.5"
        );
        let resolver = "hint tcp 192.168.8.20:1 > 1.1.1.1:443 tls sni=dns.google";
        assert_eq!(map(resolver), "hint tcp 10.0.0.1:1 > 1.1.1.1:443 tls sni=dns.google");
    }
}
