//! What leash may read of the router's own settings, and where the router stands.
//!
//! The settings hold passwords and keys, so only root reads them. The init script hands over the lines that leash needs.

use crate::config::DaemonConfig;
use crate::config::Network;
use crate::config::router;
use crate::live::files;
use crate::live::rewritten::written_at;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::SystemTime;

/// The LAN's interface of a router as OpenWrt ships it.
const USUAL: &str = "br-lan";
const FILES: [&str; 2] = ["network", "firewall"];

/// Reads which networks have devices, and where the settings of leash name no interface, takes theirs.
pub fn complete(daemon: &mut DaemonConfig) {
    let [network, firewall] = FILES.map(|name| files::text(&daemon.router.join(name)).unwrap_or_default());
    daemon.house = router::networks(&network, &firewall);
    daemon.default_interfaces = daemon.interfaces.is_empty();
    if daemon.default_interfaces {
        let devices = daemon.house.iter().filter(|network| !network.tunnel).map(|network| network.device.clone());
        daemon.interfaces = devices.collect();
    }
    if daemon.interfaces.is_empty() {
        daemon.interfaces = vec![USUAL.into()];
    }
}

/// When the settings were written that [`complete`] reads.
#[derive(Debug, PartialEq, Eq)]
pub struct Version([Option<SystemTime>; 2]);

impl Version {
    /// Returns the version in this folder.
    pub fn of(folder: &Path) -> Version {
        Version(FILES.map(|name| written_at(&folder.join(name))))
    }
}

/// Returns the interface and the gateway of the default route, if IPv4 has one.
pub fn default_route() -> Option<(String, Ipv4Addr)> {
    let routes = fs::read_to_string("/proc/net/route").ok()?;
    routes.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // Its destination and mask are 0. The gateway is a number in the order of this machine's bytes.
        let [interface, "00000000", gateway, .., "00000000", _, _, _] = fields.as_slice() else { return None };
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        Some(((*interface).to_owned(), Ipv4Addr::from(gateway.to_ne_bytes())))
    })
}

/// Returns whether stations at this interface have hardware addresses.
pub fn is_tunnel(house: &[Network], device: &str) -> bool {
    /// The type of links such as Ethernet and Wi-Fi (`ARPHRD_ETHER`).
    const ETHERNET: u16 = 1;
    house.iter().any(|network| network.tunnel && network.device == device)
        || nix::ifaddrs::getifaddrs().is_ok_and(|mut all| {
            let mut link =
                all.find_map(|a| (a.interface_name == device).then_some(a.address?.as_link_addr()?.hatype()));
            link.take().is_some_and(|kind| kind != ETHERNET)
        })
}
