//! What a device tried in vain of late, counted in a few bytes, so that a scan of the whole Internet costs no more than a
//! heartbeat.

use crate::limits;
use crate::tables::counters::distinct::Distinct;
use crate::time::{Stamp, Time};
use std::net::IpAddr;

/// The attempts of one device within a window of time.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    since: Time,
    addresses: Distinct,
    ports: Distinct,
    failed: u32,
    answered: u32,
    /// The latest window that was a scan.
    pub scan: Option<Scan>,
}

/// A window in which hardly anybody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// When it was noticed last.
    pub at: Time,
    /// How many addresses were tried, about.
    pub addresses: u32,
    /// How many ports, about.
    pub ports: u32,
    /// Attempts without an answer, or refused.
    pub failed: u32,
    /// Attempts with one.
    pub answered: u32,
}

impl Attempts {
    /// A flow of the device is over. True when its attempts have become a scan that is not told yet.
    pub fn note(&mut self, address: IpAddr, port: u16, failed: bool, at: Stamp) -> bool {
        if at.now.since(self.since) > limits::SCAN_WINDOW {
            *self = Attempts { since: at.now, scan: self.scan, ..Attempts::default() };
        }
        if !failed {
            self.answered = self.answered.saturating_add(1);
            return false;
        }
        self.failed = self.failed.saturating_add(1);
        self.addresses.add_address(address);
        self.ports.add(&port.to_be_bytes());
        let (addresses, ports) = (self.addresses.count(), self.ports.count());
        // Many ports at many addresses is how peers of a swarm are looked for, most of whom are gone.
        let one_way = addresses.max(ports) >= limits::SCAN_TARGETS && addresses.min(ports) <= limits::SCAN_TARGETS / 4;
        if !one_way || self.answered * 4 > self.failed {
            return false;
        }
        let new = self.recent(at.now).is_none();
        self.scan = Some(Scan { at: at.now, addresses, ports, failed: self.failed, answered: self.answered });
        new
    }

    /// The scan, while it is worth telling.
    pub fn recent(&self, now: Time) -> Option<Scan> {
        self.scan.filter(|scan| now.since(scan.at) < limits::SCAN_KEPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Span, Wall};

    fn at(seconds: u64) -> Stamp {
        Stamp { now: Time(0) + Span::secs(seconds), wall: Wall(0) }
    }

    fn ip(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x2d0a_0000 + n).into()
    }

    #[test]
    fn one_port_at_many_addresses_and_many_ports_at_one_are_scans() {
        let (mut wide, mut deep) = (Attempts::default(), Attempts::default());
        for n in 0..60 {
            wide.note(ip(n), 23, true, at(1));
            deep.note(ip(7), 1_000 + n as u16, true, at(1));
        }
        assert!(wide.scan.is_some_and(|scan| scan.ports == 1) && deep.scan.is_some_and(|scan| scan.addresses == 1));
        assert!(wide.recent(at(3_600).now).is_some() && wide.recent(at(200_000).now).is_none());
    }

    #[test]
    fn what_is_answered_or_slow_or_a_swarm_or_a_heartbeat_is_none() {
        let mut attempts: [Attempts; 4] = Default::default();
        for n in 0..300_u32 {
            attempts[0].note(ip(n), 443, n % 3 == 0, at(1));
            attempts[1].note(ip(n), 443, true, at(60 * u64::from(n)));
            attempts[2].note(ip(n), 6_881 + (n * 37 % 9_000) as u16, true, at(1));
            attempts[3].note(ip(1), 8_883, true, at(1));
        }
        assert!(attempts.iter().all(|attempts| attempts.scan.is_none()), "{attempts:#?}");
    }
}
