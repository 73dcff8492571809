//! A device's attempts to reach addresses and ports, and how many of them failed within a window of time. They are
//! counted in a few bytes, so that a scan of the whole Internet costs no more than a heartbeat. The thresholds are in
//! [`crate::limits`].

use crate::limits;
use crate::tables::counters::distinct::Distinct;
use crate::time::{Stamp, Time};
use std::net::IpAddr;

/// The attempts of one device within the current window.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    window_start: Time,
    /// The addresses and ports of the attempts that failed.
    addresses: Distinct,
    ports: Distinct,
    failed: u32,
    answered: u32,
    /// The latest scan, however long ago it was.
    scan: Option<Scan>,
}

/// A window in which many targets were tried and hardly any answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scan {
    /// When the scan was last noticed.
    pub at: Time,
    /// Approximately how many addresses the failed attempts were made to.
    pub addresses: u32,
    /// Approximately how many ports the failed attempts were made to.
    pub ports: u32,
    /// How many attempts were refused or not answered.
    pub failed: u32,
    /// How many attempts were answered.
    pub answered: u32,
}

impl Attempts {
    /// Counts a flow of the device that has ended. Returns true if it completes a scan and none was noticed recently.
    pub fn record(&mut self, address: IpAddr, port: u16, failed: bool, at: Stamp) -> bool {
        if at.now.since(self.window_start) > limits::SCAN_WINDOW {
            *self = Attempts { window_start: at.now, scan: self.scan, ..Attempts::default() };
        }
        if !failed {
            self.answered = self.answered.saturating_add(1);
            return false;
        }
        self.failed = self.failed.saturating_add(1);
        self.addresses.add_address(address);
        self.ports.add(&port.to_be_bytes());
        let (addresses, ports) = (self.addresses.count(), self.ports.count());
        // Many ports at many addresses is what a program does that looks for the peers of a swarm, most of which are
        // gone.
        let is_sweep = addresses.max(ports) >= limits::SCAN_TARGETS && addresses.min(ports) <= limits::SCAN_TARGETS / 4;
        if !is_sweep || self.answered * 4 > self.failed {
            return false;
        }
        let is_new = self.recent_scan(at.now).is_none();
        self.scan = Some(Scan { at: at.now, addresses, ports, failed: self.failed, answered: self.answered });
        is_new
    }

    /// Returns the latest scan if it was noticed within [`limits::SCAN_KEPT`].
    pub fn recent_scan(&self, now: Time) -> Option<Scan> {
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
            wide.record(ip(n), 23, true, at(1));
            deep.record(ip(7), 1_000 + n as u16, true, at(1));
        }
        assert!(wide.scan.is_some_and(|scan| scan.ports == 1) && deep.scan.is_some_and(|scan| scan.addresses == 1));
        assert!(wide.recent_scan(at(3_600).now).is_some() && wide.recent_scan(at(200_000).now).is_none());
    }

    #[test]
    fn answers_slow_attempts_swarms_and_heartbeats_are_no_scans() {
        let mut attempts: [Attempts; 4] = Default::default();
        for n in 0..300_u32 {
            attempts[0].record(ip(n), 443, n % 3 == 0, at(1));
            attempts[1].record(ip(n), 443, true, at(60 * u64::from(n)));
            attempts[2].record(ip(n), 6_881 + (n * 37 % 9_000) as u16, true, at(1));
            attempts[3].record(ip(1), 8_883, true, at(1));
        }
        assert!(attempts.iter().all(|attempts| attempts.scan.is_none()), "{attempts:#?}");
    }
}
