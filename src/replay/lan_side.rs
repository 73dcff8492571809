//! Finds which side of a capture is the LAN: the gateway is the MAC address behind which the public addresses are.

use crate::model::{Mac, is_local};
use crate::wire::packet::{self, Frame, Packet};
use crate::wire::pcap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// How many public addresses are counted for each MAC; more do not change which has most.
const ADDRESSES: usize = 64;
/// How many MACs are counted.
const MACS: usize = 1_024;

#[derive(Default)]
struct Station {
    public: BTreeSet<IpAddr>,
    /// Frames from private to public addresses that were handed to it.
    forwards: u32,
}

/// What the beginning of a capture shows of the LAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LanSide {
    /// The gateway's address. It is absent where no MAC stands out, or there are none: then the LAN is what has private
    /// addresses.
    pub gateway: Option<Mac>,
    /// No private IPv4 address is in use: the devices have public ones, as on a campus.
    pub public_v4: bool,
}

/// Finds the LAN's side in the packets at the beginning of a capture.
pub fn find(head: &[u8]) -> LanSide {
    let mut stations: BTreeMap<Mac, Station> = BTreeMap::new();
    let Ok(mut reader) = pcap::Reader::new(head) else { return LanSide::default() };
    let mut public_v4 = true;
    while let Ok(Some(captured)) = reader.next() {
        if let Ok(Frame::Ip(packet)) = packet::parse(captured.link, captured.data, captured.wire_length) {
            public_v4 &= !matches!(packet.source, IpAddr::V4(v4) if v4.is_private());
            count(&mut stations, &packet);
        }
    }
    let by_addresses = most(&stations, |station| station.public.len());
    let gateway = by_addresses.or_else(|| most(&stations, |station| station.forwards as usize));
    LanSide { gateway, public_v4 }
}

fn count(stations: &mut BTreeMap<Mac, Station>, packet: &Packet) {
    let (from, to) = (packet.source, packet.destination);
    let forwards = is_local(from) && !is_local(to);
    let mac = if forwards { packet.destination_mac } else { packet.source_mac };
    let Some(mac) = mac.filter(|mac| mac.is_station() && !(is_local(from) && is_local(to))) else { return };
    if stations.len() >= MACS && !stations.contains_key(&mac) {
        return;
    }
    let station = stations.entry(mac).or_default();
    if forwards {
        station.forwards = station.forwards.saturating_add(1);
    } else if station.public.len() < ADDRESSES {
        station.public.insert(network(from));
    }
}

/// Returns the address as it is counted: a device has several IPv6 addresses (RFC 8981), but of one network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
    }
}

/// Returns the station with the highest score, if it is above 0 and no other has the same.
fn most(stations: &BTreeMap<Mac, Station>, score: impl Fn(&Station) -> usize) -> Option<Mac> {
    let best = stations.values().map(&score).max().filter(|best| *best > 0)?;
    let mut leaders = stations.iter().filter(|(_, station)| score(station) == best).map(|(mac, _)| *mac);
    leaders.next().filter(|_| leaders.next().is_none())
}
