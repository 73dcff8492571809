//! What other programs' firewall rules do that concerns leash, read from `nft -j -t list ruleset` (libnftables-json(5)).

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many rules and chains are looked at. A router with several such programs has some hundred.
const MOST: usize = 8_192;

/// What rules of a table do that concerns leash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// They set or test the bit of conntrack's mark with which leash stops flows.
    UseMark,
    /// They replace conntrack's mark as a whole.
    OverwriteMark,
    /// They give devices' connections to a program on the router.
    Proxy,
    /// They send addresses to such a program that are in 198.18.0.0/15, so names are answered with made-up addresses.
    FakeAddresses,
    /// They keep packets of devices from conntrack.
    Untracked,
    /// They drop packets of devices before a flow can begin.
    Drop,
}

/// What concerns leash in a ruleset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignRules {
    /// What there is, each with its table such as `inet fw4`.
    pub concerns: BTreeSet<(Concern, String)>,
    /// The bits of marks that rules name.
    pub marks: u32,
}

/// Returns what concerns leash in a ruleset in JSON; `table` is leash's own, `bit` that of its mark, `lan` are the interfaces
/// of the LAN. What follows text that is no JSON is not looked at.
pub fn read(text: &[u8], table: &str, bit: u32, lan: &[String]) -> ForeignRules {
    let mut chains: BTreeMap<(String, String), Chain> = BTreeMap::new();
    let mut found = ForeignRules::default();
    let mut rules = 0;
    objects(text, |object| {
        let (kind, object) = match (object.get("chain"), object.get("rule")) {
            (Some(chain), _) => ("name", chain),
            (_, Some(rule)) => ("chain", rule),
            _ => return true,
        };
        let word = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = format!("{} {}", word("family"), word("table"));
        if name == table || !matches!(word("family"), "inet" | "ip" | "ip6") {
            return true;
        }
        rules += 1;
        let chain = chains.entry((name.clone(), word(kind).into())).or_default();
        if kind == "name" {
            chain.hook = Hook::of(word("hook"));
        } else {
            let statements = object.get("expr").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let rule = Rule::of(statements, lan);
            found.marks |= rule.marks;
            let used = rule.marks_set | rule.marks_tested;
            let concerns = [(used & bit != 0, Concern::UseMark), (rule.overwrites_mark, Concern::OverwriteMark)];
            found.concerns.extend(concerns.iter().filter(|(so, _)| *so).map(|(_, what)| (*what, name.clone())));
            chain.rules.push(rule);
        }
        rules < MOST
    });
    let bases = chains.iter().filter(|(_, chain)| chain.hook != Hook::None);
    for ((table, base), Chain { hook, .. }) in bases {
        let (mut seen, mut open) = (BTreeSet::new(), vec![base.as_str()]);
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            let Some(chain) = chains.get(&(table.clone(), name.to_owned())) else { continue };
            for rule in chain.rules.iter().filter(|rule| rule.of_devices) {
                open.extend(rule.jumps.iter().map(String::as_str));
                let concern = match rule.end {
                    // fw4 has the rules that people make in OpenWrt's own settings.
                    End::Drop if !table.ends_with(" fw4") => Concern::Drop,
                    End::NoTrack if *hook == Hook::Prerouting => Concern::Untracked,
                    End::Proxy { fakes: true } if *hook == Hook::Prerouting => Concern::FakeAddresses,
                    End::Proxy { .. } if *hook == Hook::Prerouting && rule.takes_web => Concern::Proxy,
                    _ => continue,
                };
                found.concerns.insert((concern, table.clone()));
            }
        }
    }
    found
}

/// Hands the objects of the list in `{"nftables": [...]}` to `take` until that returns false.
fn objects(text: &[u8], mut take: impl FnMut(Value) -> bool) {
    let Some(begin) = text.iter().position(|byte| *byte == b'[') else { return };
    let mut rest = text.get(begin + 1..).unwrap_or_default();
    loop {
        let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        let Some(Ok(object)) = stream.next() else { return };
        if !take(object) {
            return;
        }
        let end = stream.byte_offset();
        let Some(comma) = rest.get(end..).and_then(|rest| rest.iter().position(|byte| !byte.is_ascii_whitespace()))
        else {
            return;
        };
        rest = match rest.get(end + comma..) {
            Some([b',', rest @ ..]) => rest,
            _ => return,
        };
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hook {
    Prerouting,
    Forward,
    /// A hook that devices' packets do not pass, or none: rules jump to the chain.
    #[default]
    None,
}

impl Hook {
    fn of(word: &str) -> Hook {
        match word {
            "prerouting" => Hook::Prerouting,
            "forward" => Hook::Forward,
            _ => Hook::None,
        }
    }
}

#[derive(Default)]
struct Chain {
    hook: Hook,
    rules: Vec<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Drop,
    NoTrack,
    Proxy { fakes: bool },
    Other,
}

/// What a rule does, as far as it matters here.
struct Rule {
    /// The chains that it leads to.
    jumps: Vec<String>,
    end: End,
    /// It can match packets that devices of the LAN send.
    of_devices: bool,
    /// It can match TCP to port 80 or 443.
    takes_web: bool,
    marks: u32,
    marks_set: u32,
    marks_tested: u32,
    overwrites_mark: bool,
}

impl Rule {
    fn of(statements: &[Value], lan: &[String]) -> Rule {
        let (mut fakes, mut harmless) = (false, false);
        let mut rule = Rule {
            jumps: Vec::new(),
            end: End::Other,
            of_devices: true,
            takes_web: true,
            marks: 0,
            marks_set: 0,
            marks_tested: 0,
            overwrites_mark: false,
        };
        for (kind, value) in statements.iter().filter_map(Value::as_object).flatten() {
            match kind.as_str() {
                "match" => {
                    let (left, right) = (&value["left"], &value["right"]);
                    let not = value["op"] == "!=";
                    // What is dropped for these reasons never becomes a flow of a sound device.
                    harmless |= left.get("fib").is_some()
                        || mentions(right, "invalid")
                        || left["&"][0]["payload"]["field"] == "flags";
                    let field = left["payload"]["field"].as_str().or(left["meta"]["key"].as_str());
                    match field {
                        Some("iifname" | "iif") => rule.of_devices &= lan.iter().any(|name| holds(right, name) != not),
                        Some("oifname" | "oif") => rule.of_devices &= not || !lan.iter().any(|name| holds(right, name)),
                        Some("dport") => {
                            let udp = left["payload"]["protocol"] == "udp";
                            rule.takes_web &= !udp && [80, 443].iter().any(|port| holds_port(right, *port) != not);
                        }
                        Some("l4proto" | "protocol" | "nexthdr") => {
                            rule.takes_web &= (holds(right, "tcp") || holds_port(right, 6)) != not;
                        }
                        Some("daddr") => fakes |= is_fake(right) && !not,
                        _ => {}
                    }
                    if is_mark(&left["&"][0]) {
                        let mask = number(&left["&"][1]).unwrap_or_default();
                        rule.marks |= mask;
                        if left["&"][0]["ct"]["key"] == "mark" && mask != u32::MAX {
                            rule.marks_tested |= mask;
                        }
                    }
                }
                "mangle" if is_mark(&value["key"]) => {
                    let bits = Bits::of(&value["value"], 0);
                    rule.marks |= bits.set;
                    if value["key"]["ct"]["key"] == "mark" {
                        rule.marks_set |= bits.set;
                        rule.overwrites_mark |= bits.kept == 0;
                    }
                    if fakes {
                        rule.end = End::Proxy { fakes };
                    }
                }
                "jump" | "goto" => rule.jumps.extend(target(value)),
                "vmap" => {
                    let verdicts = value["data"]["set"].as_array().into_iter().flatten().map(|pair| &pair[1]);
                    let targets = verdicts.flat_map(|verdict| [&verdict["jump"], &verdict["goto"]]);
                    rule.jumps.extend(targets.filter_map(target));
                }
                "drop" | "reject" if !harmless => rule.end = End::Drop,
                "limit" => harmless = true,
                "notrack" => rule.end = End::NoTrack,
                "redirect" | "tproxy" => rule.end = End::Proxy { fakes },
                _ => {}
            }
        }
        rule
    }
}

fn target(jump: &Value) -> Option<String> {
    jump["target"].as_str().map(Into::into)
}

/// Returns whether this is conntrack's mark, or that of a packet.
fn is_mark(value: &Value) -> bool {
    value["ct"]["key"] == "mark" || value["meta"]["key"] == "mark"
}

/// What a value for a mark is made of.
struct Bits {
    /// The bits of conntrack's mark that stay as they are.
    kept: u32,
    /// The bits that are set, as far as the rule names them.
    set: u32,
}

impl Bits {
    fn of(value: &Value, depth: u8) -> Bits {
        if let Some(set) = number(value) {
            return Bits { kept: 0, set };
        }
        if value["ct"]["key"] == "mark" {
            return Bits { kept: u32::MAX, set: 0 };
        }
        let operands = |operator: &str| {
            let both = value.get(operator).filter(|_| depth < 16)?.as_array()?;
            Some((Bits::of(both.first()?, depth + 1), Bits::of(both.get(1)?, depth + 1)))
        };
        if let Some((a, b)) = operands("|").or_else(|| operands("^")) {
            Bits { kept: a.kept | b.kept, set: a.set | b.set }
        } else if let Some((a, b)) = operands("&") {
            // One side is the mask.
            let (value, mask) = if a.kept == 0 && a.set != 0 { (b, a) } else { (a, b) };
            Bits { kept: value.kept & mask.set, set: value.set & mask.set }
        } else {
            Bits { kept: 0, set: 0 }
        }
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| number.try_into().ok())
}

/// Returns whether a match's right side holds this word. A named set, whose elements are not listed, may hold anything.
fn holds(right: &Value, word: &str) -> bool {
    match right {
        Value::String(text) if text.starts_with('@') => true,
        Value::String(text) => text.strip_suffix('*').map_or(text == word, |start| word.starts_with(start)),
        Value::Object(set) => {
            set.get("set").and_then(Value::as_array).is_some_and(|all| all.iter().any(|v| holds(v, word)))
        }
        _ => false,
    }
}

/// Returns whether a match's right side holds this number, such as a port.
fn holds_port(right: &Value, port: u64) -> bool {
    match right {
        Value::Number(number) => number.as_u64() == Some(port),
        Value::String(text) => text.starts_with('@'),
        Value::Object(parts) => {
            let all = |key: &str| parts.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let is_within = |range: &[Value]| matches!(range, [from, to] if from.as_u64() <= Some(port) && to.as_u64() >= Some(port));
            all("set").iter().any(|value| holds_port(value, port)) || is_within(all("range"))
        }
        _ => false,
    }
}

/// Returns whether a match's right side, a word or several, has this one.
fn mentions(right: &Value, word: &str) -> bool {
    let several = right.as_array().or(right["set"].as_array());
    right == word || several.is_some_and(|all| all.iter().any(|value| value == word))
}

/// Returns whether this is a part of 198.18.0.0/15 (RFC 2544), which proxies answer names with.
fn is_fake(right: &Value) -> bool {
    let address = right.as_str().or(right["prefix"]["addr"].as_str());
    let is_within = |text: &str| text.starts_with("198.18.") || text.starts_with("198.19.");
    address.is_some_and(is_within)
        || right["set"].as_array().is_some_and(|all| all.len() == 1 && all.iter().any(is_fake))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIT: u32 = 0x0200_0000;

    /// Returns what is said of the rules of a chain in a table.
    fn concerns(chain: &str, rules: &[&str]) -> Vec<Concern> {
        let rules = rules.iter().map(|expr| {
            format!(r#", {{"rule": {{"family": "inet", "table": "x", "chain": "c", "handle": 3, "expr": [{expr}]}}}}"#)
        });
        let head = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"chain": {"family": "inet", "table": "x", "name": "c", "#;
        let text = format!("{head}{chain}}}}}{} ]}}", rules.collect::<String>());
        let lan = ["br-lan".to_owned(), "br-iot".to_owned()];
        read(text.as_bytes(), "inet leash", BIT, &lan).concerns.into_iter().map(|(concern, _)| concern).collect()
    }

    const PREROUTING: &str = r#""type": "nat", "hook": "prerouting", "prio": -100, "policy": "accept""#;
    const FORWARD: &str = r#""type": "filter", "hook": "forward", "prio": -100, "policy": "accept""#;
    const NO_HOOK: &str = r#""handle": 1"#;

    fn matches(left: &str, right: &str) -> String {
        format!(r#"{{"match": {{"op": "==", "left": {left}, "right": {right}}}}}"#)
    }

    #[test]
    fn proxies_are_told_from_redirected_names() {
        let dport = |right: &str| matches(r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#, right);
        let redirect = r#"{"redirect": {"port": 7892}}"#;
        let rule = |parts: &[&str]| parts.join(", ");
        let all = matches(r#"{"meta": {"key": "l4proto"}}"#, r#""tcp""#);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&all, redirect])]), [Concern::Proxy]);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&dport("53"), redirect])]), []);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&dport(r#"{"set": [53, 853]}"#), redirect])]), []);
        assert_eq!(
            concerns(PREROUTING, &[&rule(&[&dport(r#"{"set": [{"range": [1, 500]}]}"#), redirect])]),
            [Concern::Proxy]
        );
        assert_eq!(concerns(FORWARD, &[&rule(&[&all, redirect])]), []);
        assert_eq!(concerns(NO_HOOK, &[&rule(&[&all, redirect])]), [], "nothing leads there");
        let udp = matches(r#"{"meta": {"key": "l4proto"}}"#, r#"{"set": ["udp"]}"#);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&udp, r#"{"tproxy": {"port": 7893}}"#])]), []);
        let from = |name: &str| matches(r#"{"meta": {"key": "iifname"}}"#, name);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&from(r#""wan""#), redirect])]), []);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&from(r#""br-*""#), redirect])]), [Concern::Proxy]);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&from(r#""@any""#), redirect])]), [Concern::Proxy]);
        let fake = matches(
            r#"{"payload": {"protocol": "ip", "field": "daddr"}}"#,
            r#"{"prefix": {"addr": "198.18.0.0", "len": 16}}"#,
        );
        assert_eq!(concerns(PREROUTING, &[&rule(&[&fake, redirect])]), [Concern::FakeAddresses]);
        assert_eq!(concerns(PREROUTING, &[&rule(&[&fake, r#"{"return": null}"#])]), []);
    }

    #[test]
    fn marks_are_read_bit_by_bit() {
        let set = |value: &str| format!(r#"{{"mangle": {{"key": {{"ct": {{"key": "mark"}}}}, "value": {value}}}}}"#);
        let mark = r#"{"ct": {"key": "mark"}}"#;
        let kept = format!(r#"{{"|": [{{"&": [{mark}, 4294967040]}}, 1]}}"#);
        assert_eq!(concerns(NO_HOOK, &[&set(&kept)]), []);
        assert_eq!(concerns(NO_HOOK, &[&set(&format!(r#"{{"|": [{mark}, {BIT}]}}"#))]), [Concern::UseMark]);
        assert_eq!(concerns(NO_HOOK, &[&set("1")]), [Concern::OverwriteMark]);
        assert_eq!(concerns(NO_HOOK, &[&set(r#"{"meta": {"key": "mark"}}"#)]), [Concern::OverwriteMark]);
        let test = |mask: u32| matches(&format!(r#"{{"&": [{mark}, {mask}]}}"#), "0");
        assert_eq!(concerns(NO_HOOK, &[&test(BIT)]), [Concern::UseMark]);
        assert_eq!(concerns(NO_HOOK, &[&test(0x3f00)]), []);
        let text = format!(r#"[{{"rule": {{"family": "ip", "table": "t", "expr": [{}]}}}}"#, test(0x3f00));
        assert_eq!(read(text.as_bytes(), "", BIT, &[]).marks, 0x3f00);
    }

    #[test]
    fn what_is_dropped_before_it_is_a_flow_is_named() {
        let set = matches(r#"{"payload": {"protocol": "ip", "field": "daddr"}}"#, r#""@blocked""#);
        let invalid = matches(r#"{"ct": {"key": "state"}}"#, r#"{"set": ["invalid"]}"#);
        let drop = r#"{"drop": null}"#;
        assert_eq!(concerns(FORWARD, &[&format!("{set}, {drop}")]), [Concern::Drop]);
        assert_eq!(concerns(FORWARD, &[&format!("{invalid}, {drop}")]), []);
        let from_wan = matches(r#"{"meta": {"key": "iifname"}}"#, r#""wan""#);
        assert_eq!(concerns(FORWARD, &[&format!("{from_wan}, {set}, {drop}")]), []);
        assert_eq!(concerns(PREROUTING, &[r#"{"notrack": null}"#]), [Concern::Untracked]);
        assert_eq!(concerns(FORWARD, &[r#"{"jump": {"target": "c"}}"#]), [], "a chain that leads to itself");
        let map =
            r#"{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["new", {"jump": {"target": "d"}}]]}}}"#;
        let text = format!(
            r#"[{{"chain": {{"family": "ip", "table": "x", "name": "c", {FORWARD}}}}},
                {{"rule": {{"family": "ip", "table": "x", "chain": "c", "expr": [{map}]}}}},
                {{"rule": {{"family": "ip", "table": "x", "chain": "d", "expr": [{drop}]}}}}]"#
        );
        assert_eq!(read(text.as_bytes(), "", BIT, &[]).concerns, [(Concern::Drop, "ip x".to_owned())].into());
    }

    #[test]
    fn damaged_text_is_read_as_far_as_it_goes() {
        for text in
            ["", "[", "{\"nftables\": [{}", "[1, 2, \"x\", null]", "[{\"rule\": 1}, {\"rule\": {\"family\": \"ip\"}}]"]
        {
            assert_eq!(read(text.as_bytes(), "", BIT, &[]), ForeignRules::default(), "{text}");
        }
        let deep = format!("[{}", "{\"rule\":[".repeat(200));
        assert_eq!(read(deep.as_bytes(), "", BIT, &[]), ForeignRules::default());
    }
}
