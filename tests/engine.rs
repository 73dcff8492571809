//! Stories for the engine as event lines, with what it must say of each flow.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use leash::config;
use leash::detect;
use leash::engine::{Action, Engine};
use leash::event;
use leash::time::Clock;
use serde_json::Value;

/// A house of a bulb (.20) and a television (.21), both with a visible lookup of their own, bound and named.
const HOUSE: &str = "\
0.000000 clock
0.000000 neighbour 192.168.8.20 02:00:00:00:00:20
0.000000 neighbour 192.168.8.21 02:00:00:00:00:21
";
const LOOKUPS: &str = "\
1.000000 looked 192.168.8.20 192.168.8.1 1 bulb.example found 198.51.100.20
1.000000 looked 192.168.8.21 192.168.8.1 1 tv.example found 198.51.100.21
";

/// Runs the lines; gives the engine and each flow as `destination:port explained`, in the order of their end.
fn run(settings: &str, lines: &[&str]) -> (Engine, Vec<String>) {
    let (config, problems) = config::parse(settings, &detect::NAMES);
    assert_eq!(problems, []);
    let (mut engine, mut clock, mut told) = (Engine::new(config), Clock::default(), Vec::new());
    engine.report_flows();
    let mut take = |engine: &mut Engine| {
        let ended: Vec<_> = engine.drain().collect();
        told.extend(ended.into_iter().filter_map(|action| match action {
            Action::FlowEnded(ended) => Some(ended),
            _ => None,
        }));
    };
    for line in lines.iter().flat_map(|lines| lines.lines()) {
        let (event, stamp) = event::read(line, &mut clock).unwrap_or_else(|says| panic!("{line}: {says}"));
        engine.handle(event, stamp);
        take(&mut engine);
    }
    engine.finish(clock.stands());
    take(&mut engine);
    let say = |flow: &Value| {
        let explained = flow.get("explained").map_or("-", |explained| explained.as_str().unwrap());
        format!("{}:{} {explained}", flow["destination"].as_str().unwrap(), flow["destination_port"])
    };
    let said = told.iter().map(|ended| say(&engine.flow(ended))).collect();
    (engine, said)
}

fn flows(lines: &[&str]) -> Vec<String> {
    run("", lines).1
}

fn findings(engine: &Engine, who: &str) -> Vec<String> {
    let device = engine.device(engine.find(who).unwrap());
    let say = |finding: &Value| {
        format!(
            "{} {} {}",
            finding["detector"].as_str().unwrap(),
            finding["address"].as_str().unwrap(),
            finding["strength"].as_str().unwrap()
        )
    };
    device["findings"].as_array().unwrap().iter().map(say).collect()
}

#[test]
fn a_lookup_explains_and_its_absence_does_not() {
    let (engine, said) = run(
        "",
        &[
            HOUSE,
            LOOKUPS,
            "2.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443",
            "3.000000 opened tcp 192.168.8.20:1001 > 203.0.113.50:8883",
            "4.000000 opened tcp 192.168.8.20:1002 > 198.51.100.21:443",
            "9.000000 closed tcp 192.168.8.20:1000 > 198.51.100.20:443 100 200",
        ],
    );
    assert_eq!(said, ["198.51.100.20:443 lookup", "203.0.113.50:8883 none", "198.51.100.21:443 other-device"]);
    assert_eq!(findings(&engine, "192.168.8.20"), ["direct-ip 203.0.113.50 fair", "direct-ip 198.51.100.21 weak"]);
}

#[test]
fn a_late_answer_counts_within_the_grace_and_never_after() {
    let story = [
        HOUSE,
        LOOKUPS,
        "2.000000 opened tcp 192.168.8.20:1000 > 203.0.113.1:443",
        "2.000000 opened tcp 192.168.8.20:1001 > 203.0.113.2:443",
        "3.900000 looked 192.168.8.20 192.168.8.1 1 a.example found 203.0.113.1",
        "4.100000 looked 192.168.8.20 192.168.8.1 1 b.example found 203.0.113.2",
        "9.000000 opened tcp 192.168.8.20:1002 > 203.0.113.2:443",
    ];
    assert_eq!(flows(&story), ["203.0.113.1:443 lookup", "203.0.113.2:443 none", "203.0.113.2:443 lookup"]);
    let hasty = run("config leash\noption grace 0", &story).1;
    assert_eq!(hasty[0], "203.0.113.1:443 none");
}

#[test]
fn a_flow_that_ends_before_its_lookup_still_waits_for_it() {
    let said = flows(&[
        HOUSE,
        LOOKUPS,
        "2.000000 opened udp 192.168.8.20:1000 > 203.0.113.1:443",
        "2.100000 closed udp 192.168.8.20:1000 > 203.0.113.1:443 100 0",
        "3.000000 looked 192.168.8.20 192.168.8.1 1 a.example found 203.0.113.1",
    ]);
    assert_eq!(said, ["203.0.113.1:443 lookup"]);
}

#[test]
fn without_visible_lookups_nothing_is_claimed_until_the_first_shows_that_they_would_be_seen() {
    let flow = "2.000000 opened tcp 192.168.8.20:1000 > 203.0.113.1:443\n9.000000 closed tcp 192.168.8.20:1000 > 203.0.113.1:443 1 1";
    let (engine, said) = run("", &[HOUSE, flow]);
    assert_eq!((said, findings(&engine, "192.168.8.20")), (vec!["203.0.113.1:443 unknown".to_string()], vec![]));
    let late = "10.000000 looked 192.168.8.20 192.168.8.1 1 b.example found 198.51.100.3";
    let (engine, said) = run("", &[HOUSE, flow, late]);
    assert_eq!(said, ["203.0.113.1:443 none"]);
    assert_eq!(findings(&engine, "192.168.8.20"), ["direct-ip 203.0.113.1 fair"]);
    let (engine, said) = run("", &[HOUSE, flow, "9.500000 gap lookups", late]);
    assert_eq!((said, findings(&engine, "192.168.8.20")), (vec!["203.0.113.1:443 unknown".to_string()], vec![]));
}

#[test]
fn what_began_before_we_looked_is_unknown_unless_a_lookup_names_it() {
    let said = flows(&[
        HOUSE,
        LOOKUPS,
        "2.000000 found tcp 192.168.8.20:1000 > 203.0.113.1:443",
        "2.000000 found tcp 192.168.8.20:1001 > 198.51.100.20:443",
    ]);
    assert_eq!(said, ["203.0.113.1:443 unknown", "198.51.100.20:443 lookup"]);
}

#[test]
fn a_boot_and_lookups_that_explain_the_rest_make_it_strong_and_stun_makes_it_weak() {
    let boot = "0.500000 booted 02:00:00:00:00:20 host=bulb";
    let named = "1.900000 opened tcp 192.168.8.20:999 > 198.51.100.20:443";
    let flow = "2.000000 opened udp 192.168.8.20:1000 > 203.0.113.1:9000";
    let stun = "2.100000 hint udp 192.168.8.20:1000 > 203.0.113.1:9000 stun";
    let found = |lines: &[&str]| findings(&run("", lines).0, "bulb");
    assert_eq!(found(&[HOUSE, boot, LOOKUPS, named, flow]), ["direct-ip 203.0.113.1 strong"]);
    assert_eq!(found(&[HOUSE, boot, LOOKUPS, flow]), ["direct-ip 203.0.113.1 fair"]);
    assert_eq!(found(&[HOUSE, boot, LOOKUPS, named, flow, stun]), ["direct-ip 203.0.113.1 weak"]);
}

#[test]
fn a_network_behind_a_device_is_judged_once_it_is_answered() {
    let behind = "0.000000 neighbour 10.22.22.138 02:00:00:00:00:20\n0.000000 lan 192.168.8.0/24";
    let flow = "2.000000 opened tcp 10.22.22.138:1000 > 203.0.113.1:9000";
    let counted = |received| format!("70.000000 counted tcp 10.22.22.138:1000 > 203.0.113.1:9000 300 {received}");
    let closed = "80.000000 closed tcp 10.22.22.138:1000 > 203.0.113.1:9000 500 700";
    let (silent, said) = run("", &[HOUSE, behind, LOOKUPS, flow, &counted(0)]);
    assert!(findings(&silent, "192.168.8.20").is_empty() && said == ["203.0.113.1:9000 unknown"], "{said:?}");
    let (answered, said) = run("", &[HOUSE, behind, LOOKUPS, flow, &counted(200), closed]);
    assert_eq!(findings(&answered, "192.168.8.20"), ["direct-ip 203.0.113.1 fair"]);
    assert_eq!(said, ["203.0.113.1:9000 none"]);
    let device = answered.device(answered.find("192.168.8.20").unwrap());
    assert_eq!((&device["sent_bytes"], &device["received_bytes"]), (&500.into(), &700.into()));
}

#[test]
fn time_by_address_is_shown_and_never_a_reason_to_block() {
    let guard = "config leash\noption default_mode guard\nlist block_on direct-ip";
    let (engine, said) = run(guard, &[HOUSE, LOOKUPS, "2.000000 opened udp 192.168.8.20:123 > 203.0.113.123:123"]);
    assert_eq!(said, ["203.0.113.123:123 none"]);
    assert_eq!(engine.blocked(), Value::Array(vec![]));
    assert_eq!(findings(&engine, "192.168.8.20"), [""; 0]);
}

#[test]
fn guard_blocks_what_the_user_chose_for_that_device_alone_and_for_a_while() {
    let guard = "config leash\noption default_mode guard\nlist block_on direct-ip\noption block_for 1h";
    let flow = "2.000000 opened tcp 192.168.8.20:1000 > 203.0.113.1:443\n5.000000 clock";
    let (engine, _) = run(guard, &[HOUSE, LOOKUPS, flow]);
    let blocks = engine.blocked();
    assert_eq!((&blocks[0]["device"], &blocks[0]["address"]), (&"02:00:00:00:00:20".into(), &"203.0.113.1".into()));
    assert_eq!(blocks[0]["until"].as_f64().unwrap() - blocks[0]["since"].as_f64().unwrap(), 3_600.0);
    assert!(blocks[0]["reason"]["message"].as_str().unwrap().contains("its one lookup did not return"), "{blocks}");
    let (engine, _) = run(guard, &[HOUSE, LOOKUPS, flow, "3700.000000 gap flows"]);
    assert_eq!(engine.blocked(), Value::Array(vec![]));
}

#[test]
fn local_mode_blocks_the_internet_but_not_the_house() {
    let local = "config device\noption mac 02:00:00:00:00:20\noption mode local";
    let (engine, said) = run(
        local,
        &[
            HOUSE,
            LOOKUPS,
            "2.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443",
            "2.000000 opened tcp 192.168.8.20:1001 > 192.168.8.21:80",
            "2.000000 opened tcp 192.168.8.21:1001 > 198.51.100.21:80",
        ],
    );
    assert_eq!(said, ["198.51.100.20:443 lookup", "192.168.8.21:80 -", "198.51.100.21:80 lookup"]);
    let blocks = engine.blocked();
    assert_eq!((blocks.as_array().unwrap().len(), &blocks[0]["address"]), (1, &"198.51.100.20".into()));
}

#[test]
fn a_trusted_device_is_not_kept_in_detail() {
    let trust = "config device\noption mac 02:00:00:00:00:20\noption mode trust";
    let (engine, said) =
        run(trust, &[HOUSE, LOOKUPS, "2.000000 opened tcp 192.168.8.20:1 > 203.0.113.9:443\n9.000000 clock"]);
    assert_eq!(said, ["203.0.113.9:443 -"]);
    let device = engine.device(engine.find("192.168.8.20").unwrap());
    assert_eq!((&device["contacts"], &device["flows"]), (&Value::Array(vec![]), &1.into()));
    assert!(!engine.devices().any(|device| device.to_string().contains("bulb.example")));
}

#[test]
fn an_address_that_moves_takes_no_names_along() {
    let said = flows(&[
        HOUSE,
        LOOKUPS,
        "2.000000 neighbour 192.168.8.20 02:00:00:00:00:99",
        "2.000000 looked 192.168.8.20 192.168.8.1 1 new.example found 198.51.100.99",
        "3.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443",
        "4.000000 opened tcp 192.168.8.20:1001 > 198.51.100.99:443",
    ]);
    assert_eq!(said, ["198.51.100.20:443 other-device", "198.51.100.99:443 lookup"]);
}

#[test]
fn counters_that_other_tools_zero_are_a_new_base() {
    let (engine, _) = run(
        "",
        &[
            HOUSE,
            LOOKUPS,
            "2.000000 opened tcp 192.168.8.20:1 > 198.51.100.20:443",
            "3.000000 counted tcp 192.168.8.20:1 > 198.51.100.20:443 1000 5000",
            "4.000000 counted tcp 192.168.8.20:1 > 198.51.100.20:443 10 5500",
            "5.000000 closed tcp 192.168.8.20:1 > 198.51.100.20:443 30 5600",
        ],
    );
    let device = engine.device(engine.find("192.168.8.20").unwrap());
    assert_eq!((&device["sent_bytes"], &device["received_bytes"]), (&1_030.into(), &5_600.into()));
    assert_eq!(device["contacts"][0]["received_bytes"], 5_600);
}

#[test]
fn a_flow_whose_device_is_learned_a_little_later_is_still_attributed() {
    let (engine, said) = run(
        "",
        &[
            "0.000000 clock",
            "1.000000 opened tcp 192.168.8.20:1 > 203.0.113.1:443",
            "2.000000 neighbour 192.168.8.20 02:00:00:00:00:20",
            "2.100000 looked 192.168.8.20 192.168.8.1 1 bulb.example found 198.51.100.20",
            "9.000000 clock",
        ],
    );
    assert_eq!(said, ["203.0.113.1:443 none"]);
    assert_eq!(engine.device(engine.find("192.168.8.20").unwrap())["flows"], 1);
}

#[test]
fn a_scan_is_counted_where_it_does_not_fit_and_leaves_room_for_others() {
    let scan: String =
        (1..=9_000).map(|port| format!("3.000000 opened tcp 192.168.8.20:40000 > 203.0.113.1:{port}\n")).collect();
    let other = "4.000000 opened tcp 192.168.8.21:1 > 198.51.100.21:443\n30.000000 clock";
    let (engine, said) = run("", &[HOUSE, LOOKUPS, &scan, other]);
    assert!(said.contains(&"198.51.100.21:443 lookup".into()));
    let summary = engine.summary();
    assert_eq!(summary["refused"]["flows"], 9_000 - leash::limits::FLOWS_PER_DEVICE);
    assert_eq!(
        summary["refused"]["contacts"].as_u64().unwrap() as usize,
        leash::limits::FLOWS_PER_DEVICE - leash::limits::CONTACTS_PER_DEVICE
    );
}

/// Forty names that do not exist and look made up, from a second on.
fn made_up(from: u32) -> String {
    let letter = |n: u32, i: u32| (b'a' + (n.wrapping_mul(2_654_435_761).rotate_left(i * 5) % 26) as u8) as char;
    let ask = |n: u32| {
        let name: String = (1..=12).map(|i| letter(n + 1, i)).collect();
        format!("{}.000000 looked 192.168.8.20 192.168.8.1 1 {name}.example no-such-name\n", from + n)
    };
    (0..40).map(ask).collect()
}

#[test]
fn odd_names_are_told_once_a_day_and_forgotten_on_demand() {
    let told = |settings: &str, lines: &[&str]| {
        let (config, _) = config::parse(settings, &detect::NAMES);
        let (mut engine, mut clock, mut told) = (Engine::new(config), Clock::default(), Vec::new());
        engine.enable_records();
        for line in lines.iter().flat_map(|lines| lines.lines()) {
            let (event, stamp) = event::read(line, &mut clock).unwrap();
            engine.handle(event, stamp);
            told.extend(engine.drain().filter_map(|action| match action {
                Action::Note(record) if record.kind.text() == "finding" => Some(record.message.to_string()),
                _ => None,
            }));
        }
        let stamp = clock.stands();
        let id = engine.find("192.168.8.20").unwrap();
        let found = engine.findings(Some(id)).len();
        engine.forget(id, stamp);
        assert!(engine.findings(Some(id)).is_empty());
        (told, found)
    };
    let (once, again, next_day) = (made_up(10), made_up(1_000), made_up(90_000));
    let (said, found) = told("", &[HOUSE, LOOKUPS, &once, &again]);
    assert!(said.len() == 1 && said[0].starts_with("names: looked up about") && found == 1, "{said:?}");
    assert_eq!(told("", &[HOUSE, LOOKUPS, &once, &next_day]).0.len(), 2);
    assert_eq!(told("", &[HOUSE, LOOKUPS, &once, "100000.000000 neighbour 192.168.8.20 02:00:00:00:00:20"]).1, 0);
    let trusted = "config device\noption mac 02:00:00:00:00:20\noption mode trust";
    assert_eq!(told(trusted, &[HOUSE, LOOKUPS, &once]), (vec![], 0));
}

#[test]
fn lists_and_networks_that_change_judge_what_they_name_anew() {
    let (mut engine, _) = run(
        "config leash\noption default_mode guard",
        &[
            HOUSE,
            LOOKUPS,
            "2.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443",
            "3.000000 opened tcp 192.168.8.20:1001 > 203.0.113.50:8883",
            "4.000000 opened tcp 192.168.8.20:1002 > 104.16.0.1:443",
            "9.000000 clock",
        ],
    );
    let reputed = |engine: &Engine| {
        let all = findings(engine, "192.168.8.20").into_iter().filter(|finding| finding.starts_with("reputation"));
        all.map(|finding| finding.replace("reputation ", "")).collect::<Vec<_>>().join(", ")
    };
    let lists = |text: &str| {
        let mut reader = leash::reference::lists::Reader::default();
        reader.read("mine", text.as_bytes()).unwrap();
        reader.finish()
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openwrt/networks/usr/share/leash/networks");
    let networks = || leash::reference::networks::Networks::open(Box::new(std::fs::read(path).unwrap())).unwrap();
    let blocked = |engine: &mut Engine| {
        let blocks = engine.drain().filter_map(|action| match action {
            Action::Block { address, .. } => Some(address.to_string()),
            _ => None,
        });
        blocks.collect::<Vec<_>>().join(", ")
    };
    let at = leash::time::Stamp { now: leash::time::Time(10_000_000), wall: leash::time::Wall(10_000_000) };
    assert_eq!((reputed(&engine), blocked(&mut engine)), (String::new(), String::new()));

    // 104.16.0.1 is Cloudflare's: strangers share it, so with the address alone it is no evidence that counts.
    engine.set_networks(Some(networks()), at);
    engine.set_lists(lists("bulb.example\n104.16.0.0/12\n203.0.113.50,a relay"), at);
    assert_eq!(reputed(&engine), "198.51.100.20 fair, 203.0.113.50 fair, 104.16.0.1 weak");
    assert_eq!(blocked(&mut engine), "203.0.113.50", "direct-ip and reputation are two kinds");
    let device = engine.device(engine.find("192.168.8.20").unwrap());
    let contact = &device["contacts"][0];
    assert_eq!((contact["listed"].as_str(), contact["network"]["asn"].as_u64()), (Some("mine"), Some(13_335)));
    assert_eq!(contact["network"]["hosting"], true);

    // Where networks are unknown, who has no other name is meant.
    engine.set_networks(None, at);
    assert_eq!(reputed(&engine), "104.16.0.1 fair, 198.51.100.20 fair, 203.0.113.50 fair");
    engine.set_lists(lists("198.51.100.20\n203.0.113.50"), at);
    assert_eq!(reputed(&engine), "203.0.113.50 fair, 198.51.100.20 weak", "another name may be meant");
    let ended = |engine: &mut Engine| engine.drain().filter(|a| matches!(a, Action::Unblock { .. })).count();
    assert_eq!(ended(&mut engine), 1, "of 104.16.0.1");
    engine.set_lists(lists("198.51.100.20"), at);
    assert_eq!(
        (reputed(&engine), ended(&mut engine)),
        ("198.51.100.20 weak".into(), 1),
        "who corrects a list is heard"
    );
    assert_eq!(engine.blocked(), serde_json::json!([]));
    engine.set_lists(Default::default(), at);
    assert_eq!(reputed(&engine), "");
}

fn blocked(engine: &Engine) -> Vec<String> {
    let blocks = engine.blocked();
    let say = |block: &Value| {
        let (device, address) = (block["device"].as_str().unwrap(), block["address"].as_str().unwrap());
        format!("{} {address}", &device[15..])
    };
    blocks.as_array().unwrap().iter().map(say).collect()
}

#[test]
fn all_protocols_are_judged_and_pings_are_no_reason_to_block() {
    let guard = "config leash\noption default_mode guard\nlist block_on direct-ip";
    let pings = |n: u64| {
        format!(
            "{n}.000000 opened icmp 192.168.8.20:{n} > 203.0.113.7:2048\n\
             {n}.500000 closed icmp 192.168.8.20:{n} > 203.0.113.7:2048 84 0"
        )
    };
    let (engine, said) = run(
        guard,
        &[
            HOUSE,
            LOOKUPS,
            "2.000000 opened gre 192.168.8.20 > 203.0.113.1",
            "2.000000 opened esp 192.168.8.20 > 198.51.100.20",
            "2.000000 opened sctp 192.168.8.20:5000 > 203.0.113.2:3868",
            &(3..100).map(pings).collect::<Vec<_>>().join("\n"),
            "200.000000 clock",
        ],
    );
    assert_eq!(said.iter().filter(|flow| *flow == "203.0.113.7:0 none").count(), 97);
    for flow in ["203.0.113.1:0 none", "198.51.100.20:0 lookup", "203.0.113.2:3868 none"] {
        assert!(said.iter().any(|said| said == flow), "{said:?}");
    }
    assert_eq!(blocked(&engine), ["20 203.0.113.1", "20 203.0.113.2"]);
    assert_eq!(findings(&engine, "192.168.8.20")[2..], ["direct-ip 203.0.113.7 weak"]);
}

#[test]
fn a_block_holds_on_both_sides_of_a_translator() {
    let guard = "config leash\noption default_mode guard\nlist block_on direct-ip";
    let (v4, v6) =
        ("opened tcp 192.168.8.20:1 > 203.0.113.1:443", "opened tcp 192.168.8.20:1 > [64:ff9b::cb00:7101]:443");
    let own = "opened tcp 192.168.8.20:1 > [2001:db8:64::cb00:7101]:443";
    let announced = "nat64 2001:db8:64::/96";
    let learnt = "looked 192.168.8.20 192.168.8.1 28 ipv4only.arpa found 2001:db8:64::c000:aa";
    let other = "looked 192.168.8.21 192.168.8.1 28 ipv4only.arpa found 2001:db8:64::c000:aa";
    let blocks = |first: &str, second: &str| {
        let told = format!("2.000000 {first}\n9.000000 {second}\n19.000000 clock");
        blocked(&run(guard, &[HOUSE, LOOKUPS, &told]).0)
    };
    assert_eq!(blocks(v4, "clock"), ["20 203.0.113.1"], "nobody translates");
    assert_eq!(blocks(v4, v6), ["20 203.0.113.1", "20 64:ff9b::cb00:7101"]);
    assert_eq!(blocks(v6, "clock"), ["20 203.0.113.1", "20 64:ff9b::cb00:7101"]);
    for prefix in [announced, learnt] {
        for (first, second) in [(prefix, v4), (v4, prefix), (prefix, own)] {
            assert_eq!(blocks(first, second), ["20 203.0.113.1", "20 2001:db8:64::cb00:7101"], "{first}, {second}");
        }
    }
    assert_eq!(blocks(other, v4), ["20 203.0.113.1"], "what another device learnt");
}

#[test]
fn what_a_device_learns_of_a_translator_allows_nothing() {
    let pin = |verdict| {
        format!(
            "config leash\noption default_mode guard\nlist block_on direct-ip\n\
             config pin\noption address 203.0.113.0/24\noption verdict {verdict}"
        )
    };
    let master = "9.000000 opened tcp 192.168.8.20:1 > [2001:db8:64::cb00:7101]:443\n19.000000 clock";
    let learnt = "2.000000 looked 192.168.8.20 192.0.2.53 28 ipv4only.arpa found 2001:db8:64::c000:aa";
    let announced = "2.000000 nat64 2001:db8:64::/96";
    let allowed = run(&pin("allow"), &[HOUSE, LOOKUPS, learnt, master]).0;
    assert_eq!(blocked(&allowed), ["20 2001:db8:64::cb00:7101"]);
    assert_eq!(blocked(&run(&pin("allow"), &[HOUSE, LOOKUPS, announced, master]).0), [""; 0]);
    let engine = run(&pin("block").replace("guard", "observe"), &[HOUSE, LOOKUPS, learnt, master]).0;
    assert_eq!(blocked(&engine), ["20 203.0.113.1", "20 2001:db8:64::cb00:7101"]);
    let pins: Vec<String> = engine.prefix_pins(leash::time::Wall(0)).iter().map(|pin| pin.target.to_string()).collect();
    assert_eq!(pins, ["203.0.113.0/24", "2001:db8:64::cb00:7100/120"]);
}

/// Returns each answer of the three tiers: its words, the devices that it is about, and the mode that it advises.
fn tiers(engine: &Engine) -> Vec<String> {
    let value = engine.tiers(7);
    let tiers = value["tiers"].as_array().unwrap().iter();
    let facts = tiers.flat_map(|tier| tier["facts"].as_array().unwrap().iter().map(move |fact| (tier, fact)));
    let say = |(tier, fact): (&Value, &Value)| {
        let devices = fact["devices"].as_array().unwrap().len();
        let mode = fact["next"]["mode"].as_str().unwrap_or("-");
        format!("{}: {} [{devices}] {mode}", tier["tier"].as_str().unwrap(), fact["message"].as_str().unwrap())
    };
    facts.map(say).collect()
}

#[test]
fn the_house_is_told_in_three_tiers_with_the_next_step() {
    let lan = "0.000000 lan 192.168.8.0/24";
    let calls = "2.000000 opened tcp 192.168.8.20:1000 > 203.0.113.1:443\n5.000000 clock";
    let (engine, _) = run("", &[HOUSE, lan, LOOKUPS, calls]);
    assert_eq!(
        tiers(&engine),
        [
            "isolation: all 2 devices share one network: each can reach the others [0] -",
            "names: every device that looks up names asks where leash sees it [0] -",
            "names: nobody calls what the lists warn of [0] -",
            "addresses: addresses that were never looked up are called by 02:00:00:00:00:20 [1] guard",
            "addresses: nothing is null-routed now [0] -",
        ]
    );
    // In guard, and with the television kept in the house for two days.
    let settings = "config leash\noption default_mode guard\nlist block_on direct-ip\n\
        config device\noption mac 02:00:00:00:00:21\noption mode local";
    let sent = "3.000000 opened tcp 192.168.8.21:1000 > 198.51.100.21:443\n\
        4.000000 closed tcp 192.168.8.21:1000 > 198.51.100.21:443 100 100";
    let other = "0.000000 neighbour 192.168.9.22 02:00:00:00:00:22\n0.000000 lan 192.168.8.0/24,192.168.9.0/24";
    let (engine, _) = run(settings, &[HOUSE, other, LOOKUPS, calls, sent, "176000.000000 clock"]);
    let said = tiers(&engine);
    assert!(
        said.contains(&"isolation: in the network 192.168.8.0/24: 02:00:00:00:00:20, 02:00:00:00:00:21 [2] -".into()),
        "{said:?}"
    );
    assert!(
        said.contains(&"isolation: 02:00:00:00:00:21 stays in the house: 0 bytes to the Internet for 2 d [1] -".into()),
        "{said:?}"
    );
}

#[test]
fn a_block_tells_beforehand_whom_it_hits() {
    let calls = "2.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443\n\
        2.000000 opened udp 192.168.8.20:1000 > 198.51.100.20:443\n\
        2.000000 opened tcp 192.168.8.21:1000 > 198.51.100.21:443\n5.000000 clock";
    let (engine, _) = run("", &[HOUSE, LOOKUPS, calls]);
    let callers = |target: &str| engine.callers(&leash::pin::Target::parse(target, true).unwrap()).to_string();
    let bulb = r#"[{"addresses":1,"device":"02:00:00:00:00:20","name":"02:00:00:00:00:20"}]"#;
    assert_eq!(callers("bulb.example"), bulb);
    assert_eq!(callers("198.51.100.20"), bulb);
    assert_eq!(callers("198.51.100.0/24").matches("device").count(), 2);
    assert_eq!(callers("elsewhere.example"), "[]");
}

#[test]
fn what_a_device_sends_is_compared_with_the_line_or_the_house() {
    let sends = "2.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443\n\
        3.000000 closed tcp 192.168.8.20:1000 > 198.51.100.20:443 540000000 100\n\
        3.000000 opened tcp 192.168.8.21:1000 > 198.51.100.21:443\n\
        3.000000 closed tcp 192.168.8.21:1000 > 198.51.100.21:443 60000000 100\n5.000000 clock";
    let habits = |settings: &str| {
        let (engine, _) = run(settings, &[HOUSE, LOOKUPS, sends]);
        let device = engine.device(engine.find("192.168.8.20").unwrap());
        device.get("habits").map_or(String::new(), |habits| habits[0]["message"].as_str().unwrap().to_string())
    };
    assert_eq!(habits(""), "sends 90 % of what the house sends");
    assert_eq!(habits("config leash\noption uplink 1000"), "sends 5 % of what your line can send");
    assert_eq!(
        habits("config leash\noption uplink 1000\noption quiet_hours 22:00-06:00"),
        "sends 5 % of what your line can send, most of it at night"
    );
    assert_eq!(habits("config leash\noption uplink 100000"), "");
}

/// Returns the contact of the bulb with this address.
fn bulb_and(engine: &Engine, address: &str) -> Value {
    let device = engine.device(engine.find("192.168.8.20").unwrap());
    let contacts = device["contacts"].as_array().unwrap();
    contacts.iter().find(|contact| contact["address"] == address).unwrap().clone()
}

#[test]
fn a_name_that_the_device_chose_is_not_the_destinations() {
    let (engine, _) = run(
        "config device\noption mac 02:00:00:00:00:20\noption mode guard",
        &[
            HOUSE,
            "1.000000 looked 192.168.8.20 192.168.8.1 1 bulb.example found 198.51.100.20",
            "1.100000 looked 192.168.8.20 192.168.8.1 2 cdn.example found 198.51.100.20",
            "2.000000 opened tcp 192.168.8.20:1000 > 198.51.100.20:443",
            "2.100000 hint tcp 192.168.8.20:1000 > 198.51.100.20:443 tls sni=bulb.example",
            "3.000000 opened tcp 192.168.8.20:1001 > 203.0.113.50:443",
            "3.100000 hint tcp 192.168.8.20:1001 > 203.0.113.50:443 tls sni=captive.apple.com",
            "4.000000 opened tcp 192.168.8.20:1002 > 203.0.113.51:1080",
            "4.100000 hint tcp 192.168.8.20:1002 > 203.0.113.51:1080 socks 5 target=www.shop.example:443",
            "4.200000 hint tcp 192.168.8.20:1002 > 203.0.113.51:1080 tls sni=www.apple.com",
            "20.000000 closed tcp 192.168.8.20:1000 > 198.51.100.20:443 100 200",
        ],
    );
    let looked_up = bulb_and(&engine, "198.51.100.20");
    assert_eq!(looked_up["names"], serde_json::json!(["bulb.example", "cdn.example"]), "the handshake says which");
    assert_eq!(looked_up.get("claimed_name"), None);
    let claimed = bulb_and(&engine, "203.0.113.50");
    assert_eq!((claimed.get("names"), &claimed["claimed_name"]), (None, &"captive.apple.com".into()));
    assert_eq!(claimed.get("purpose"), None, "a name of its own choice makes nothing harmless");
    let proxy = bulb_and(&engine, "203.0.113.51");
    assert_eq!((&proxy["service"], proxy.get("names"), proxy.get("claimed_name")), (&"socks".into(), None, None));
    let device = engine.device(engine.find("192.168.8.20").unwrap());
    let said = [&device["message"], &engine.blocked(), &device["findings"]].map(Value::to_string).concat();
    assert!(!said.contains("apple.com"), "{said}");
}

#[test]
fn a_device_cannot_take_the_name_of_another() {
    let settings = "config device\noption mac 02:00:00:00:00:20\noption name Kitchen";
    let lease = |last: u8, host: &str| format!("0.000000 leased 192.168.8.{last} 02:00:00:00:00:{last} host={host}\n");
    let (engine, _) = run(
        settings,
        &[
            "0.000000 clock\n",
            &lease(20, "bulb"),
            &lease(21, "kitchen"),
            &lease(22, "laptop"),
            &lease(23, "laptop"),
            &lease(24, "tv"),
            &lease(25, "192.168.8.20"),
            &lease(26, "tv\\032(\\226\\128\\166:00:24)"),
            "0.000000 leased 192.168.8.27 06:00:00:00:00:23 host=laptop",
        ],
    );
    let names: Vec<String> = engine.display_names().collect();
    assert_eq!(
        names,
        [
            "Kitchen",
            "kitchen (…:00:21)",
            "laptop (…:00:22)",
            "laptop (02:00:00:00:00:23)",
            "tv",
            "192.168.8.20 (…:00:25)",
            "tv\\032(\\226\\128\\166:00:24) (…:00:26)",
            "laptop (06:00:00:00:00:23)",
        ]
    );
    let mac = |who: &str| engine.mac_of(who).map(|mac| mac.to_string());
    assert_eq!(mac("kitchen").as_deref(), Some("02:00:00:00:00:20"), "the owner's name wins");
    assert_eq!(mac("TV").as_deref(), Some("02:00:00:00:00:24"));
    assert_eq!(mac("bulb").as_deref(), Some("02:00:00:00:00:20"), "its own name, too, while nobody shares it");
    assert_eq!(mac("laptop"), None, "which of them?");
    assert_eq!(mac("laptop (…:00:22)").as_deref(), Some("02:00:00:00:00:22"));
    assert_eq!(mac("192.168.8.20").as_deref(), Some("02:00:00:00:00:20"));
}

#[test]
fn the_worst_is_told_first_and_the_users_own_decisions_are_no_trouble() {
    let lines = [
        HOUSE,
        LOOKUPS,
        "3.000000 opened tcp 192.168.8.20:1001 > 203.0.113.50:8883",
        "4.000000 opened tcp 192.168.8.20:1002 > 203.0.113.51:8883",
        "5.000000 opened tcp 192.168.8.20:1003 > 203.0.113.52:1080",
        "5.100000 hint tcp 192.168.8.20:1003 > 203.0.113.52:1080 socks 5 target=www.shop.example:443",
        "20.000000 closed tcp 192.168.8.20:1001 > 203.0.113.50:8883 100 200",
    ];
    let tell = |settings: &str, who: &str| {
        let (mut engine, _) = run(settings, &lines);
        let device = engine.device(engine.find(who).unwrap());
        let status = engine.status();
        let counts = ["watch", "block", "chosen"].map(|key| status[key].as_u64().unwrap());
        (device["message"].as_str().unwrap().to_string(), device["severity"].as_u64().unwrap(), device, counts)
    };
    let (message, severity, device, counts) = tell("", "192.168.8.20");
    assert!(message.starts_with("uses 203.0.113.52 as a proxy (SOCKS); also: direct-ip"), "{message}");
    assert_eq!((severity, counts), (5, [1, 0, 0]));
    let of =
        |finding: &Value| (finding["detector"].as_str().unwrap().to_string(), finding["severity"].as_u64().unwrap());
    let first = &device["findings"][0];
    assert_eq!(of(first), ("relay".into(), 5));

    let local = "config device\noption mac 02:00:00:00:00:20\noption mode local";
    let (message, severity, device, counts) = tell(local, "192.168.8.20");
    assert_eq!(message, "as you chose: no Internet, except for the time");
    assert_eq!((severity, &device["verdict"], &device["chosen"]), (1, &"block".into(), &true.into()));
    assert_eq!(counts, [0, 0, 1]);

    let pin = "config pin\noption verdict block\noption address 203.0.113.52";
    let (message, severity, device, counts) = tell(pin, "192.168.8.20");
    assert!(message.starts_with("calls 203.0.113.50"), "what was decided is no news: {message}");
    assert_eq!((severity, &device["verdict"], device.get("chosen"), counts), (3, &"watch".into(), None, [1, 0, 0]));

    let off = "config leash\noption blocking 0\nlist block_on direct-ip\nconfig device\noption mac \
               02:00:00:00:00:20\noption mode guard";
    let (_, _, device, _) = tell(off, "192.168.8.20");
    assert_eq!((&device["verdict"], &device["enforced"]), (&"block".into(), &false.into()));
}
