//! Doctor's checks of the kernel's settings, of the router's files and of its resolver.

use crate::api::Complaint;
use crate::config::{DaemonConfig, Problem};
use crate::live::router;
use crate::live::sources::lan::Lan;
use crate::sentence;
use crate::sentence::Sentence;
use crate::time::{Stamp, Wall};
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// How many lines of the settings are complained of one by one.
const PROBLEMS: usize = 5;
/// The folder of conntrack's settings.
const CONNTRACK: &str = "/proc/sys/net/netfilter";
/// 2025-01-01: no router that runs this leash has an earlier date.
const EARLIEST: Wall = Wall::secs(1_735_689_600);

/// Returns one of conntrack's settings.
pub fn setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("{CONNTRACK}/{name}")).ok().map(|text| text.trim().into())
}

/// Makes conntrack report flows and count their bytes, where leash may change its settings.
pub fn prepare() {
    for name in ["nf_conntrack_events", "nf_conntrack_acct"] {
        if setting(name).is_some_and(|value| value != "1")
            && let Err(error) = fs::write(format!("{CONNTRACK}/{name}"), "1")
        {
            log::warn!("{name} cannot be set to 1: {error}");
        }
    }
}

/// Complains about lines of the settings that do not hold, and about a leash that is not to start again.
pub fn settings(path: &Path, problems: &[Problem], enabled: bool, complaints: &mut Vec<Complaint>) {
    if !enabled {
        complaints.push(Complaint::error(
            sentence!("%s is %s, so leash does not start again", "option enabled", "0"),
            Sentence::verbatim("uci set leash.main.enabled=1; uci commit leash"),
        ));
    }
    for problem in problems.iter().take(PROBLEMS) {
        complaints.push(Complaint::warning(
            sentence!("a line of the settings does not hold: %s", problem.to_string()),
            sentence!("correct it in %s, then run %s", path.display().to_string(), "service leash reload"),
        ));
    }
    if problems.len() > PROBLEMS {
        complaints.push(Complaint::warning(
            sentence!("%s more lines of the settings do not hold", problems.len() - PROBLEMS),
            sentence!("see them with %s", "leash check"),
        ));
    }
}

/// Complains about settings of conntrack that keep flows or their bytes from leash.
pub fn conntrack(complaints: &mut Vec<Complaint>) {
    match setting("nf_conntrack_acct").as_deref() {
        None => complaints.push(Complaint::error(
            sentence!("the kernel has no conntrack, so no flow can be seen"),
            sentence!("install %s, then run %s", "kmod-nf-conntrack-netlink", "service firewall restart"),
        )),
        Some("1") => {}
        Some(_) => complaints.push(Complaint::error(
            sentence!("conntrack does not count bytes, so sizes are unknown and first packets are not seen"),
            Sentence::verbatim("sysctl -w net.netfilter.nf_conntrack_acct=1"),
        )),
    }
    // "While somebody listens": the kernel then never reports flows that began before that. (0 is a silence, of which the
    // source of flows complains when it hears it.)
    if setting("nf_conntrack_events").as_deref() == Some("2") {
        complaints.push(Complaint::warning(
            sentence!("conntrack reports only flows that begin while leash runs, so older ones are missed"),
            Sentence::verbatim("sysctl -w net.netfilter.nf_conntrack_events=1"),
        ));
    }
    let number = |name| setting(name).and_then(|text| text.parse::<u64>().ok());
    if let (Some(count), Some(max)) = (number("nf_conntrack_count"), number("nf_conntrack_max"))
        && max > 0
        && count * 10 > max * 9
    {
        let more = format!("sysctl -w net.netfilter.nf_conntrack_max={}", max * 2);
        complaints.push(Complaint::error(
            sentence!("conntrack is nearly full (%s of %s flows), so new flows may fail", count, max),
            sentence!("find the device that opens them with %s, or make room with %s", "leash devices", more),
        ));
    }
}

/// Complains about a router that has no date yet, so that what leash writes down is dated wrongly.
pub fn clock(at: Stamp, complaints: &mut Vec<Complaint>) {
    if at.wall < EARLIEST {
        complaints.push(Complaint::warning(
            sentence!("the clock is not set (it says %s UTC), so dates in the history are wrong", at.wall.date()),
            sentence!("check the router's NTP servers, then run %s", "service sysntpd restart"),
        ));
    }
}

/// Complains where leash runs on OpenWrt without the jail that could confine it. The file that is looked for does not exist
/// inside the jail.
pub fn jail(complaints: &mut Vec<Complaint>) {
    if fs::exists("/etc/openwrt_release").unwrap_or_default() {
        complaints.push(Complaint::warning(
            sentence!("leash is not in a jail, so a fault in it could reach more of the router than it needs"),
            sentence!("install %s, then run %s", "procd-ujail", "service leash restart"),
        ));
    }
}

/// Returns the interfaces whose devices use the Internet through this router, or may by its settings, without being
/// watched.
pub fn left_out(lan: &Lan, daemon: &DaemonConfig) -> Vec<String> {
    let mut all = Vec::new();
    let index = |name: &str| nix::net::if_::if_nametoindex(name).ok();
    all.extend(daemon.house.iter().map(|network| network.device.clone()).filter(|device| index(device).is_some()));
    all.extend(lan.left_out().filter_map(|index| nix::net::if_::if_indextoname(index).ok()?.into_string().ok()));
    all.retain(|device| !daemon.interfaces.contains(device));
    all.sort_unstable();
    all.dedup();
    all
}

/// Returns the gateway where this router is none: its default route leads into the LAN, and no flow of the LAN crosses it.
pub fn other_gateway(lan: &Lan) -> Option<(String, IpAddr)> {
    let (interface, gateway) = router::default_route().filter(|_| !lan.is_crossed())?;
    let index = nix::net::if_::if_nametoindex(interface.as_str()).ok()?;
    lan.interfaces().contains(&index).then_some((interface, gateway.into()))
}

/// Complains about devices that leash does not watch because of where it stands.
pub fn standing(lan: &Lan, daemon: &DaemonConfig, bridge: bool, complaints: &mut Vec<Complaint>) {
    if let Some((interface, gateway)) = other_gateway(lan) {
        let message = sentence!(
            "this is not the gateway: its own way to the Internet leads into %s, and nothing that devices do there passes \
             through it",
            interface
        );
        let remedy = sentence!("install leash on the gateway instead, which is %s", gateway.to_string());
        complaints.push(if bridge {
            let sees =
                sentence!("of what crosses its bridge it sees answers to lookups, and blocks hold, but no flows");
            Complaint::error(message.and_then(sees), remedy)
        } else {
            let install = sentence!(
                "or install %s, so that here, too, lookups that cross the bridge are seen, and blocks hold",
                "kmod-nft-bridge"
            );
            Complaint::error(message, remedy.and_then(install))
        });
    }
    for device in left_out(lan, daemon) {
        complaints.push(if router::is_tunnel(&daemon.house, &device) {
            Complaint::warning(
                sentence!("those who come in by %s have no hardware address, so leash does not watch them", &*device),
                sentence!("limit what they reach in the firewall's zone of %s", &*device),
            )
        } else {
            let listed = daemon.interfaces.iter().filter(|_| daemon.default_interfaces).chain([&device]);
            let add: String = listed.map(|name| format!("uci add_list leash.main.interface={name}; ")).collect();
            Complaint::warning(
                sentence!("devices at %s use the Internet through this router, and leash does not watch them", device),
                Sentence::verbatim(format!("{add}uci commit leash; service leash reload")),
            )
        });
    }
}

/// Complains about resolvers that devices are told to ask where leash does not see what they answer. `bridge` says
/// whether what crosses a bridge is seen.
pub fn resolvers(lan: &Lan, bridge: bool, complaints: &mut Vec<Complaint>) {
    for (resolver, seen) in &lan.resolvers {
        let address = resolver.address;
        if resolver.encrypted {
            complaints.push(Complaint::warning(
                sentence!(
                    "devices are told to ask %s over TLS, HTTPS or QUIC, so their lookups cannot be read",
                    address
                ),
                sentence!("remove %s from %s, then run %s", "list dnr", "/etc/config/dhcp", "service odhcpd restart"),
            ));
        } else if !seen && lan.contains(address) {
            let ask = format!(
                "uci add_list dhcp.@dnsmasq[0].server={address}; uci set dhcp.@dnsmasq[0].noresolv=1; uci commit dhcp; \
                 service dnsmasq restart"
            );
            let remedy = sentence!(
                "let devices ask the router, and the router ask that resolver: remove it from %s in %s, then run %s",
                "list dhcp_option",
                "/etc/config/dhcp",
                ask
            );
            let install = || sentence!("or install %s, so that leash sees what crosses a bridge", "kmod-nft-bridge");
            complaints.push(Complaint::warning(
                sentence!(
                    "devices are told to ask %s, whose answers do not pass through this router, so lookups are missed",
                    address
                ),
                if bridge { remedy } else { remedy.and_then(install()) },
            ));
        }
    }
}

/// Returns whether a resolver answers on this address of the LAN. Takes up to 300 ms.
pub fn resolver_answers(address: IpAddr) -> bool {
    let local: std::net::SocketAddr = (address, 0).into();
    // A question for the root's name servers: a resolver answers or refuses it, but does not ignore it.
    let question = [0x6c, 0x65, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
    let ask = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind(local)?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        socket.send_to(&question, (address, 53))?;
        Ok(socket.recv(&mut [0; 512])? > 0)
    };
    ask().unwrap_or(false)
}
