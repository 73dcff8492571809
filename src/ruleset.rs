//! The ruleset that leash wants of nftables, as one text for `nft -f -`.
//!
//! The text is one transaction: traffic never meets half a ruleset, and an error leaves the old one in place. It is
//! nft's text rather than its JSON, since the JSON crates cannot express the type of a set with concatenated keys, and
//! since people compare a text with `nft list table inet leash`.
//!
//! leash has a table of its own, which a reload of the firewall leaves alone. Its prerouting chain runs after conntrack
//! (-200) and before anything that leads a flow elsewhere: a transparent proxy's tproxy (mangle, -150) or redirect
//! (dstnat, -100), and the firewall with its flow offload. A drop there is final, an accept decides nothing.
//!
//! Answers of resolvers are known by the port that the device called (`ct original`), since the answer of a resolver to
//! which port 53 is redirected has its own port until the kernel translates it back, after all hooks that filter.

use crate::model::Mac;
use crate::pin::{Pin, Target};
use crate::time::Span;
use crate::wire::nft::{Pair, TABLE};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

/// The NFLOG group of the resolvers' answers.
pub const ANSWERS_GROUP: u16 = 5353;
/// The NFLOG group of the first packets of flows, and of what stations tell all others.
pub const FIRST_PACKETS_GROUP: u16 = 5354;

/// The NFLOG prefix of an answer whose flow was led to another resolver than the device asked.
pub const REDIRECTED: &str = "redirected";

/// The settings that the rules are made of. A change of them needs a new ruleset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The interfaces of the LAN.
    pub interfaces: Vec<String>,
    /// The prefixes of the house.
    pub house: Vec<IpNet>,
    /// The bit of conntrack's mark that stops a flow.
    pub mark: u32,
    /// Whether a device is told that its packet is refused; else the packet is dropped silently.
    pub reject: bool,
    /// Pins on more than one address, in their order.
    pub pins: Vec<Pin>,
}

/// The elements of the sets, which are changed one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    /// The null-routed pairs, each with the time that is left, for ever where it is absent.
    pub blocked: BTreeMap<Pair, Option<Span>>,
    /// The devices without the Internet.
    pub local: BTreeSet<Mac>,
    /// The pairs that a pin allows: they beat blocks of prefixes and of whole devices.
    pub admitted: BTreeSet<Pair>,
}

impl Elements {
    /// Returns how many elements there are.
    pub fn len(&self) -> usize {
        self.blocked.len() + self.local.len() + self.admitted.len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Returns the name of the set that holds pairs with addresses of this family.
pub fn set_of(name: SetName, address: IpAddr) -> &'static str {
    match (name, address) {
        (SetName::Null, IpAddr::V4(_)) => "null4",
        (SetName::Null, IpAddr::V6(_)) => "null6",
        (SetName::Admit, IpAddr::V4(_)) => "admit4",
        (SetName::Admit, IpAddr::V6(_)) => "admit6",
    }
}

/// A set of pairs, of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetName {
    /// The pairs that are null-routed.
    Null,
    /// The pairs that are allowed.
    Admit,
}

/// The name of the set of devices without the Internet.
pub const LOCAL: &str = "local";

/// Returns the text that replaces whatever the table was by one with these rules and elements.
pub fn render(rules: &Rules, elements: &Elements) -> String {
    let mut out = opening("inet");
    sets(&mut out, rules, elements);
    inet_chains(&mut out, rules);
    out.push_str("}\n");
    out
}

/// Returns the text of the second table, of the bridge family, which sees what the router's IP layer does not: frames
/// between two ports of a bridge. There the answers of a resolver on the LAN are tapped, and what is blocked stays
/// blocked on an access point that is not the gateway. It needs the package kmod-nft-bridge.
///
/// Frames that are routed pass other hooks, so no answer is tapped twice and no block counted twice.
pub fn render_bridge(rules: &Rules, elements: &Elements) -> String {
    let mut out = opening("bridge");
    sets(&mut out, rules, elements);
    bridge_chains(&mut out, rules);
    out.push_str("}\n");
    out
}

/// Returns the text that removes the table of a family.
pub fn remove(family: &str) -> String {
    format!("table {family} {TABLE}\ndelete table {family} {TABLE}\n")
}

fn opening(family: &str) -> String {
    format!("{}table {family} {TABLE} {{\n", remove(family))
}

fn sets(out: &mut String, rules: &Rules, elements: &Elements) {
    for (name, kind) in [("4", "ip daddr"), ("6", "ip6 daddr")] {
        let v4 = name == "4";
        let blocked = elements.blocked.iter().filter(|((_, ip), _)| ip.is_ipv4() == v4);
        let blocked: Vec<String> = blocked
            .map(|((mac, ip), left)| match left {
                Some(left) => format!("{mac} . {ip} timeout {}s", left.as_secs_ceil().max(1)),
                None => format!("{mac} . {ip}"),
            })
            .collect();
        let admitted = elements.admitted.iter().filter(|(_, ip)| ip.is_ipv4() == v4);
        let admitted: Vec<String> = admitted.map(|(mac, ip)| format!("{mac} . {ip}")).collect();
        set(
            out,
            &format!("null{name}"),
            &format!("ether saddr . {kind}"),
            "size 16384; flags timeout; counter;",
            &blocked,
        );
        set(out, &format!("admit{name}"), &format!("ether saddr . {kind}"), "size 16384;", &admitted);
        let house = rules.house.iter().map(IpNet::trunc).filter(|net| net.addr().is_ipv4() == v4);
        let fixed: &[&str] = if v4 {
            &[
                "10.0.0.0/8",
                "100.64.0.0/10",
                "169.254.0.0/16",
                "172.16.0.0/12",
                "192.168.0.0/16",
                "224.0.0.0-255.255.255.255",
            ]
        } else {
            &["fc00::/7", "fe80::/10", "ff00::/8"]
        };
        let house = fixed.iter().map(|text| (*text).into()).chain(house.map(|net| net.to_string()));
        set(out, &format!("house{name}"), kind, "flags interval; auto-merge;", &house.collect::<Vec<String>>());
    }
    let local: Vec<String> = elements.local.iter().map(Mac::to_string).collect();
    set(out, LOCAL, "ether saddr", "size 1024;", &local);
}

fn set(out: &mut String, name: &str, kind: &str, more: &str, elements: &[String]) {
    let _ = write!(out, "\tset {name} {{ typeof {kind}; {more}");
    if !elements.is_empty() {
        let _ = write!(out, " elements = {{ {} }};", elements.join(", "));
    }
    out.push_str(" }\n");
}

/// Writes the chains that decide about a packet of a device. `deny` are the rules for what may not pass, and `redirected`
/// those for what a device without the Internet may still do.
fn stations(out: &mut String, rules: &Rules, deny: &str, redirected: &str) {
    let _ = write!(
        out,
        "\tchain deny {{\n{deny}\t\tdrop\n\t}}\n\
         \tchain pins {{\n{}\t}}\n\
         \tchain local_only {{\n\
         \t\tip daddr @house4 return\n\t\tip6 daddr @house6 return\n\
         {redirected}{}\t\tgoto deny\n\t}}\n\
         \tchain stations {{\n\t\tudp dport 123 return\n\
         \t\tether saddr . ip daddr @null4 goto deny\n\t\tether saddr . ip6 daddr @null6 goto deny\n\
         \t\tether saddr . ip daddr @admit4 return\n\t\tether saddr . ip6 daddr @admit6 return\n\
         \t\tjump pins\n\t\tether saddr @{LOCAL} goto local_only\n\t}}\n",
        pins(rules, true),
        pins(rules, false),
    );
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn inet_chains(out: &mut String, rules: &Rules) {
    let lan = quoted(&rules.interfaces);
    let bit = format!("0x{:08x}", rules.mark);
    let reject = if rules.reject {
        // Limited, so that a chatty device cannot make the router flood it with resets.
        "\t\tmeta l4proto tcp limit rate 200/second burst 50 packets reject with tcp reset\n\
         \t\tmeta l4proto != tcp limit rate 200/second burst 50 packets reject with icmpx admin-prohibited\n"
    } else {
        ""
    };
    // What is for the router itself passes whatever a pin on a prefix says, as it did before there was a rule. It is
    // asked here, since a look into the routes is dear and few packets come here.
    let deny = format!(
        "\t\tip6 daddr {{ fe80::/10, ff00::/8 }} return\n\
         \t\tfib daddr type {{ local, broadcast, multicast, anycast }} return\n\
         \t\tct mark set ct mark | {bit}\n{reject}"
    );
    // Chain `redirect_dns` has yet to see the first packet to a foreign resolver, and has seen to the others.
    let redirected = "\t\tmeta l4proto { tcp, udp } th dport 53 ct state new return\n\
                      \t\tmeta l4proto { tcp, udp } th dport 53 ct status dnat return\n";
    stations(out, rules, &deny, redirected);
    let answer = format!("log group {ANSWERS_GROUP} queue-threshold 1");
    // nft 1.0.6 wants a protocol before the port. The set of interfaces comes last, since it is the dearest to search.
    let answered = |protocol: &str| {
        let original = "ct original proto-dst 53 ct direction reply";
        format!("\t\tmeta l4proto {protocol} {original} oifname {{ {lan} }} jump tap\n")
    };
    let answered = answered("udp") + &answered("tcp");
    let tcp = "meta l4proto tcp ct direction original ct original packets 2-6 tcp flags & (syn | fin | rst) == 0x0";
    // A SYN that carries data (RFC 7413): no other is so long.
    let early = "meta l4proto tcp ct direction original tcp flags & (syn | ack | fin | rst) == syn meta length > 120";
    let tap = format!("log group {FIRST_PACKETS_GROUP} snaplen 1600 queue-threshold 8");
    // What is sent to all is rare, so that other packets cost one comparison. DHCP, multicast DNS and SSDP; a storm is cut.
    let told = format!(
        "meta pkttype {{ broadcast, multicast }} udp dport {{ 67, 1900, 5353 }} iifname {{ {lan} }} \
         limit rate 20/second burst 100 packets log group {FIRST_PACKETS_GROUP} snaplen 1600 queue-threshold 8"
    );
    let _ = write!(
        out,
        "\tchain prerouting {{\n\t\ttype filter hook prerouting priority mangle - 10; policy accept;\n\
         \t\tiifname {{ {lan} }} jump stations\n\
         \t\tct mark & {bit} == {bit} drop\n\
         \t\t{told}\n\t}}\n\
         \tchain redirect_dns {{\n\t\ttype nat hook prerouting priority dstnat - 1; policy accept;\n\
         \t\tiifname {{ {lan} }} ether saddr @{LOCAL} meta l4proto {{ tcp, udp }} th dport 53 \
         fib daddr type != local redirect\n\t}}\n\
         \tchain tap {{\n\
         \t\tct status dnat {answer} prefix \"{REDIRECTED}\" return\n\
         \t\t{answer}\n\t}}\n\
         \tchain answers {{\n\t\ttype filter hook output priority filter + 10; policy accept;\n\
         \t\tct mark & {bit} == {bit} drop\n{answered}\t}}\n\
         \tchain first_packets {{\n\t\ttype filter hook forward priority filter + 5; policy accept;\n\
         {answered}\
         \t\tiifname {{ {lan} }} {tcp} limit rate 2000/second burst 500 packets {tap}\n\
         \t\tiifname {{ {lan} }} {early} limit rate 200/second burst 50 packets {tap}\n\
         \t\tiifname != {{ {lan} }} oifname {{ {lan} }} {tcp} limit rate 200/second burst 50 packets {tap}\n\
         \t\tiifname {{ {lan} }} meta l4proto udp ct direction original ct original packets 1-2 \
         limit rate 1000/second burst 500 packets {tap}\n\t}}\n",
    );
}

fn bridge_chains(out: &mut String, rules: &Rules) {
    stations(out, rules, "", "");
    let answer = format!("log group {ANSWERS_GROUP} queue-threshold 1");
    let fragment = format!("limit rate 200/second burst 100 packets {answer}");
    // No rule names the bridge: that takes one more kernel module, and stations of other bridges are unknown anyway.
    let _ = write!(
        out,
        "\tchain bridged {{\n\
         \t\tudp sport 53 {answer}\n\t\ttcp sport 53 {answer}\n\
         \t\tip frag-off & 0x1fff != 0 ip protocol udp {fragment}\n\
         \t\tfrag frag-off != 0 {fragment}\n\
         \t\tjump stations\n\
         \t\tudp sport 123 return\n\
         \t\tether daddr . ip saddr @null4 drop\n\t\tether daddr . ip6 saddr @null6 drop\n\t}}\n\
         \tchain forward {{\n\t\ttype filter hook forward priority filter; policy accept;\n\
         \t\tmeta protocol {{ ip, ip6 }} jump bridged\n\t}}\n",
    );
}

/// Returns the rules of all pins, or only of those that allow. The first pin that fits decides, so one that
/// allows ends the chain where it stands.
fn pins(rules: &Rules, all: bool) -> String {
    let mut out = String::new();
    for pin in &rules.pins {
        let Target::Prefix(net) = pin.target else { continue };
        if !all && pin.block {
            continue;
        }
        let mac = pin.mac.map(|mac| format!("ether saddr {mac} ")).unwrap_or_default();
        let family = if net.addr().is_ipv4() { "ip" } else { "ip6" };
        let end = if pin.block { "goto deny" } else { "return" };
        let _ = writeln!(out, "\t\t{mac}{family} daddr {} {end}", net.trunc());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tests/lab loads the text into a kernel.
    #[test]
    fn pins_keep_their_order_and_elements_their_ends() {
        let (config, problems) = crate::config::parse(
            "config pin\n option address 203.0.113.0/25\n option verdict allow\n\
             config pin\n option mac 02:00:00:00:00:20\n option address 203.0.113.0/24\n option verdict block\n",
            &[],
        );
        assert_eq!(problems, []);
        let mac = Mac([2, 0, 0, 0, 0, 0x20]);
        let rules = Rules {
            interfaces: vec!["br-lan".into(), "br-iot".into()],
            house: vec!["2001:db8:1::1/64".parse().unwrap()],
            mark: 0x0200_0000,
            reject: true,
            pins: config.pins,
        };
        let blocked = [
            ((mac, "203.0.113.200".parse().unwrap()), Some(Span::ms(1_500))),
            ((mac, "2001:db8::7".parse().unwrap()), None),
        ];
        let elements = Elements { blocked: blocked.into(), local: [mac].into(), admitted: BTreeSet::new() };
        let text = render(&rules, &elements);
        for line in [
            "\tset null4 { typeof ether saddr . ip daddr; size 16384; flags timeout; counter; \
             elements = { 02:00:00:00:00:20 . 203.0.113.200 timeout 2s }; }",
            "\tchain pins {\n\t\tip daddr 203.0.113.0/25 return\n\
             \t\tether saddr 02:00:00:00:00:20 ip daddr 203.0.113.0/24 goto deny\n\t}",
            "elements = { fc00::/7, fe80::/10, ff00::/8, 2001:db8:1::/64 }",
            "prerouting priority mangle - 10; policy accept;\n\
             \t\tiifname { \"br-lan\", \"br-iot\" } jump stations\n\t\tct mark & 0x02000000 == 0x02000000 drop\n",
            "\t\tmeta pkttype { broadcast, multicast } udp dport { 67, 1900, 5353 } iifname { \"br-lan\", \"br-iot\" } limit",
            "\t\tmeta l4proto tcp ct original proto-dst 53 ct direction reply oifname { \"br-lan\", \"br-iot\" } jump tap\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let bridged = render_bridge(&rules, &elements);
        let stations = |text: &str| text.split("chain stations").nth(1)?.split('}').next().map(String::from);
        assert!(stations(&text).is_some() && stations(&text) == stations(&bridged), "{bridged}");
        assert!(!bridged.contains("ct ") && !bridged.contains("reject"), "the bridge family has neither by default");
        assert!(!render(&Rules { reject: false, ..rules }, &elements).contains("reject with"));
    }
}
