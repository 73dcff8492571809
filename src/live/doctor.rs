//! What is blind or broken, as far as the files of the kernel and of the router tell.

use crate::api::Complaint;
use crate::time::{Stamp, Wall};
use std::fs;
use std::net::UdpSocket;
use std::time::Duration;

/// Where conntrack's settings are.
const CONNTRACK: &str = "/proc/sys/net/netfilter";
/// 2025-01-01: no router that runs this leash has an earlier date.
const EARLIEST: Wall = Wall::secs(1_735_689_600);

/// Something that keeps leash from its work.
pub fn grave(says: impl Into<String>, mend: impl Into<String>) -> Complaint {
    Complaint { grave: true, says: says.into(), mend: mend.into() }
}

/// Something without which it could do more.
pub fn light(says: impl Into<String>, mend: impl Into<String>) -> Complaint {
    Complaint { grave: false, says: says.into(), mend: mend.into() }
}

fn setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("{CONNTRACK}/{name}")).ok().map(|text| text.trim().into())
}

/// Turns on what conntrack needs to tell of flows and their bytes, where that is allowed.
pub fn prepare() {
    for name in ["nf_conntrack_events", "nf_conntrack_acct"] {
        if setting(name).is_some_and(|value| value != "1")
            && let Err(error) = fs::write(format!("{CONNTRACK}/{name}"), "1")
        {
            log::warn!("{name} cannot be set to 1: {error}");
        }
    }
}

/// What conntrack's settings keep from us.
pub fn conntrack(complaints: &mut Vec<Complaint>) {
    match setting("nf_conntrack_acct").as_deref() {
        None => complaints.push(grave(
            "conntrack is not there: no flow can be seen",
            "install kmod-nf-conntrack-netlink and restart the firewall",
        )),
        Some("1") => {}
        Some(_) => complaints.push(grave(
            "conntrack does not count: sizes are unknown, and first packets are not seen",
            "sysctl -w net.netfilter.nf_conntrack_acct=1",
        )),
    }
    // 2 is "when somebody listens": flows of before are then never told of.
    if setting("nf_conntrack_events").is_some_and(|value| value != "1") {
        complaints.push(light(
            "conntrack tells only of flows that begin while leash runs",
            "sysctl -w net.netfilter.nf_conntrack_events=1",
        ));
    }
    let number = |name| setting(name).and_then(|text| text.parse::<u64>().ok());
    if let (Some(count), Some(max)) = (number("nf_conntrack_count"), number("nf_conntrack_max"))
        && max > 0
        && count * 10 > max * 9
    {
        complaints.push(grave(
            format!("conntrack is full: {count} of {max} flows; new ones fail"),
            format!(
                "find who opens them with: leash devices; more room: sysctl -w net.netfilter.nf_conntrack_max={}",
                max * 2
            ),
        ));
    }
}

/// The router has no date yet, so what leash writes down has a wrong one.
pub fn clock(at: Stamp, complaints: &mut Vec<Complaint>) {
    if at.wall < EARLIEST {
        complaints.push(light(
            format!("the clock is not set: it says {} UTC", at.wall.date()),
            "check the router's NTP servers: /etc/init.d/sysntpd restart",
        ));
    }
}

/// On OpenWrt leash can be confined; a jail has no such file in it.
pub fn jail(complaints: &mut Vec<Complaint>) {
    if fs::exists("/etc/openwrt_release").unwrap_or_default() {
        complaints.push(light(
            "leash is not in a jail: a mistake in it could touch more of the router than it has to",
            "install procd-ujail (opkg or apk), then: service leash restart",
        ));
    }
}

/// Whether a resolver answers on this address of the LAN.
pub fn resolver_answers(address: std::net::IpAddr) -> bool {
    let local: std::net::SocketAddr = (address, 0).into();
    // The root's name servers: answered or refused, but not passed over in silence.
    let question = [0x6c, 0x65, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];
    let ask = || -> std::io::Result<bool> {
        let socket = UdpSocket::bind(local)?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        socket.send_to(&question, (address, 53))?;
        Ok(socket.recv(&mut [0; 512])? > 0)
    };
    ask().unwrap_or(false)
}
