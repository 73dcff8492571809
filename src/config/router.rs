//! What the router's own settings say of the house: `network` and `firewall` tell which networks devices are in, `dhcp`
//! which resolvers devices are told to ask.

use crate::config::settings::{flag, is_interface};
use crate::config::types::Network;
use crate::config::uci::{self, Section};
use crate::model::Mac;
use std::net::IpAddr;

/// How many networks and resolvers are read. Houses have a handful.
const MOST: usize = 64;

/// A resolver that devices are told to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// The only device that is told, if it is one.
    pub mac: Option<Mac>,
    /// Where the resolver is.
    pub address: IpAddr,
    /// It is to be asked over TLS, HTTPS or QUIC (DNR, RFC 9463).
    pub encrypted: bool,
}

/// Returns the networks of devices, by the text of the settings `network` and `firewall`: those of the zones that may
/// forward to one that masquerades, or that is called `wan`, and that do not masquerade themselves.
pub fn networks(network: &str, firewall: &str) -> Vec<Network> {
    let (interfaces, firewall) = (read(network), read(firewall));
    let of = |kind: &'static str| firewall.iter().filter(move |section| section.kind == kind);
    let is_outer = |zone: &Section| zone.last("name") == Some("wan") || is_on(zone, "masq");
    let outer: Vec<&str> = of("zone").filter(|zone| is_outer(zone)).filter_map(|zone| zone.last("name")).collect();
    let forwards_all = of("defaults").any(|defaults| defaults.last("forward") == Some("ACCEPT"));
    let mut found: Vec<Network> = Vec::new();
    for zone in of("zone").filter(|zone| !is_outer(zone)) {
        let name = zone.last("name");
        let leads_out = |forwarding: &Section| {
            let to = forwarding.last("dest").unwrap_or_default();
            forwarding.last("src") == name
                && (to == "*" || outer.contains(&to))
                && forwarding.last("enabled").and_then(flag) != Some(false)
        };
        if !forwards_all && !of("forwarding").any(leads_out) {
            continue;
        }
        let networks = zone.words("network").filter_map(|name| device(&interfaces, name, 0));
        let devices = zone.words("device").map(|device| Network { device: device.into(), tunnel: is_tunnel(device) });
        for network in networks.chain(devices).filter(|network| is_interface(&network.device)) {
            if found.len() < MOST && found.iter().all(|known| known.device != network.device) {
                found.push(network);
            }
        }
    }
    found
}

/// Returns the device of an interface of the settings. An alias (`@lan`) has that of another one.
fn device(interfaces: &[Section], name: &str, depth: u8) -> Option<Network> {
    let interface = interfaces.iter().rfind(|section| section.kind == "interface" && section.name == name)?;
    if is_on(interface, "disabled") {
        return None;
    }
    // What has no device of its own is named after the interface; OpenWrt 19.07 says `ifname` and makes the bridge itself.
    let given = interface.words("device").chain(interface.words("ifname")).next();
    let bridge = interface.last("type") == Some("bridge");
    let device = match given {
        Some(alias) if alias.starts_with('@') => {
            return if depth < 4 { self::device(interfaces, &alias[1..], depth + 1) } else { None };
        }
        _ if bridge => format!("br-{name}"),
        given => given.unwrap_or(name).into(),
    };
    let tunnel = interface.last("proto") == Some("wireguard") || is_tunnel(&device);
    Some(Network { device, tunnel })
}

fn is_tunnel(device: &str) -> bool {
    ["tun", "wg", "ppp", "ipsec", "tailscale"].iter().any(|kind| device.starts_with(kind))
}

fn is_on(section: &Section, key: &str) -> bool {
    section.last(key).and_then(flag) == Some(true)
}

fn read(text: &str) -> Vec<Section> {
    uci::sections(text, &mut Vec::new())
}

/// Returns the resolvers that devices are told to ask, by the text of the settings `dhcp`.
pub fn resolvers(dhcp: &str) -> Vec<Resolver> {
    let sections = read(dhcp);
    let mut found: Vec<Resolver> = Vec::new();
    let mut add = |mac, address: &str, encrypted| {
        let address = address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        // dnsmasq sends its own address where none is given (0.0.0.0 or ::).
        if let Ok(address) = address
            && !address.is_unspecified()
        {
            let resolver = Resolver { mac, address, encrypted };
            if found.len() < MOST && !found.contains(&resolver) {
                found.push(resolver);
            }
        }
    };
    let by_odhcpd = sections.iter().any(|section| section.kind == "odhcpd" && is_on(section, "maindhcp"));
    for section in &sections {
        // An option that is sent to devices with a tag is sent to the hosts that have it.
        let macs: Vec<Option<Mac>> = if section.kind == "tag" {
            let tagged = |host: &&Section| host.kind == "host" && host.words("tag").any(|tag| tag == section.name);
            let hosts = sections.iter().filter(tagged);
            hosts.flat_map(|host| host.words("mac")).map(|mac| mac.parse().ok()).collect()
        } else {
            vec![None]
        };
        let serves = |how: &str| matches!(section.last(how), Some("server" | "hybrid"));
        let leases = section.kind != "dhcp" || !is_on(section, "ignore");
        for option in section.values("dhcp_option").chain(section.values("dhcp_option_force")).filter(|_| leases) {
            let mut parts = option.split(',').map(str::trim).skip_while(|part| part.starts_with("tag:"));
            if matches!(parts.next(), Some("6" | "option:dns-server" | "option6:dns-server" | "option6:23")) {
                parts.for_each(|address| macs.iter().for_each(|mac| add(*mac, address, false)));
            }
        }
        if section.kind != "dhcp" || !(serves("ra") || serves("dhcpv6") || by_odhcpd) {
            continue;
        }
        section.words("dns").for_each(|address| add(None, address, false));
        // Its priority, its name, its addresses, and what is said of it.
        for dnr in section.values("dnr") {
            let addresses = dnr.split_whitespace().nth(2).unwrap_or_default();
            addresses.split(',').for_each(|address| add(None, address, true));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: &str = "
config interface 'loopback'
    option device 'lo'
config device
    option name 'br-lan'
    option type 'bridge'
config interface 'lan'
    option device 'br-lan.1'
    option proto 'static'
config interface 'lan6'
    option device '@lan'
config interface 'guest'
    option type 'bridge'
    option ifname 'eth0.3 eth0.4'
config interface 'off'
    option device 'br-off'
    option disabled '1'
config interface 'home'
    option proto 'wireguard'
config interface 'vpn'
    option proto 'wireguard'
config interface 'wan'
    option device 'eth1'
    option proto 'pppoe'
config interface 'odd'
    option device 'b;c'
";
    const FIREWALL: &str = "
config defaults
    option forward 'REJECT'
config zone
    option name 'lan'
    list network 'lan'
    list network 'lan6'
    list network 'home'
    list network 'off'
    list network 'odd'
config zone
    option name 'guests'
    option network 'guest'
config zone
    option name 'docker'
    list device 'docker0'
config zone
    option name 'cams'
    list device 'br-cams'
config zone
    option name 'vpn'
    option masq '1'
    list network 'vpn'
config zone
    option name 'wan'
    list network 'wan'
config forwarding
    option src 'lan'
    option dest 'wan'
config forwarding
    option src 'guests'
    option dest 'vpn'
config forwarding
    option src 'docker'
    option dest '*'
config forwarding
    option src 'cams'
    option dest 'lan'
config forwarding
    option src 'cams'
    option dest 'wan'
    option enabled '0'
";

    #[test]
    fn networks_of_devices_are_those_that_may_go_out() {
        let found: Vec<(String, bool)> =
            networks(NETWORK, FIREWALL).into_iter().map(|network| (network.device, network.tunnel)).collect();
        let expected = [("br-lan.1", false), ("home", true), ("br-guest", false), ("docker0", false)];
        assert_eq!(found, expected.map(|(device, tunnel)| (device.to_owned(), tunnel)));
        assert_eq!(networks("", ""), []);
        let open = FIREWALL.replace("REJECT", "ACCEPT");
        assert!(networks(NETWORK, &open).iter().any(|network| network.device == "br-cams"));
        assert_eq!(networks("config interface lan\noption device @lan", FIREWALL).len(), 1, "an alias of itself");
    }

    #[test]
    fn resolvers_are_those_that_devices_are_told() {
        let text = "
config dhcp 'lan'
    list dhcp_option '6,192.168.8.2,0.0.0.0'
    list dhcp_option 'tag:tv,option:dns-server,192.168.8.3'
    list dhcp_option '3,192.168.8.9'
    option ra 'server'
    list dns 'fd00::2'
    list dnr '100 dns.example 192.168.8.2,fd00::2 alpn=dot'
config dhcp 'off'
    option ignore '1'
    option dhcp_option '6,192.168.8.99'
    list dns 'fd00::99'
config tag 'kids'
    list dhcp_option '6,203.0.113.53'
config tag 'nobody'
    list dhcp_option '6,203.0.113.54'
config host
    list mac '02:00:00:00:00:20'
    option tag 'kids'
config dnsmasq
    list dhcp_option 'option6:dns-server,[fd00::3],[::]'
    list dhcp_option '6,x,'
";
        let found: Vec<String> = resolvers(text)
            .into_iter()
            .map(|r| format!("{} {} {}", r.address, r.mac.map(|mac| mac.to_string()).unwrap_or_default(), r.encrypted))
            .collect();
        let expected = [
            "192.168.8.2  false",
            "192.168.8.3  false",
            "fd00::2  false",
            "192.168.8.2  true",
            "fd00::2  true",
            "203.0.113.53 02:00:00:00:00:20 false",
            "fd00::3  false",
        ];
        assert_eq!(found, expected);
    }
}
