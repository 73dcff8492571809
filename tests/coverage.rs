//! Whether a device's lookups are seen, as event lines: what shows that they are not, what mends that, and what a
//! hostile device cannot use to stay unknown.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use leash::config;
use leash::detect;
use leash::engine::Engine;
use leash::event;
use leash::time::Clock;
use serde_json::Value;

/// A bulb that looked up a name and called it.
const BULB: &str = "\
0.000000 clock
0.000000 neighbour 192.168.8.20 02:00:00:00:00:20
0.500000 booted 02:00:00:00:00:20
1.000000 looked 192.168.8.20 192.168.8.1 1 bulb.example found 198.51.100.20
1.100000 opened tcp 192.168.8.20:900 > 198.51.100.20:443
1.200000 hint tcp 192.168.8.20:900 > 198.51.100.20:443 tls sni=bulb.example
";

/// Runs the lines after [`BULB`], with everything blocked that is called without a lookup.
fn house(lines: &str) -> Engine {
    let (config, _) = config::parse("config leash\noption default_mode guard\nlist block_on direct-ip", &detect::NAMES);
    let (mut engine, mut clock) = (Engine::new(config), Clock::default());
    for line in BULB.lines().chain(lines.lines().map(str::trim)).filter(|line| !line.is_empty()) {
        let (event, stamp) = event::read(line, &mut clock).unwrap_or_else(|error| panic!("{line}: {error}"));
        engine.handle(event, stamp);
    }
    engine.finish(clock.stands());
    engine
}

/// Returns how the bulb's contact with an address is explained.
fn explained(engine: &Engine, address: &str) -> String {
    let device = engine.device(engine.find("02:00:00:00:00:20").unwrap());
    let contacts = device["contacts"].as_array().unwrap();
    let contact = contacts.iter().find(|contact| contact["address"] == address).unwrap();
    contact["explained"].as_str().unwrap().into()
}

/// Returns the bulb's coverage in all families that it uses, and why it is so.
fn coverage(engine: &Engine) -> (String, Vec<String>) {
    let coverage = engine.device(engine.find("02:00:00:00:00:20").unwrap())["coverage"].clone();
    let reasons = coverage["reasons"].as_array().unwrap().iter();
    (text(&coverage["level"]), reasons.map(|reason| text(&reason["message"])).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().into()
}

fn blocks(engine: &Engine) -> usize {
    engine.blocked().as_array().unwrap().len()
}

const CALL: &str = "5.000000 opened tcp 192.168.8.20:1000 > 203.0.113.9:443\n9.000000 clock\n";

#[test]
fn what_no_lookup_returned_is_none_where_lookups_are_seen() {
    let engine = house(CALL);
    assert_eq!((explained(&engine, "203.0.113.9").as_str(), blocks(&engine)), ("none", 1));
    assert_eq!(coverage(&engine), ("full".into(), vec![]));
}

/// Asserts that the bulb's call is unknown and nothing is blocked, for this reason.
fn assert_unknown(lines: &str, reason: &str) {
    let engine = house(&format!("{lines}\n{CALL}"));
    assert_eq!((explained(&engine, "203.0.113.9").as_str(), blocks(&engine)), ("unknown", 0), "{lines}");
    let (level, reasons) = coverage(&engine);
    assert!(level == "partial" && reasons.iter().any(|said| said.contains(reason)), "{level} {reasons:?}");
}

#[test]
fn a_resolver_in_the_house_that_was_never_seen_to_answer_hides_lookups() {
    let reason = "it is told to ask 192.168.8.2 for names";
    assert_unknown("2.000000 resolver 192.168.8.2", reason);
    assert_unknown("2.000000 resolver 192.168.8.2 mac=02:00:00:00:00:20", reason);
    assert_unknown("2.000000 resolver 192.168.8.2 encrypted", reason);
    for harmless in [
        "2.000000 resolver 192.168.8.2 mac=02:00:00:00:00:21",
        "2.000000 resolver 192.168.8.1",
        "2.000000 resolver 9.9.9.9",
        "2.000000 resolver 192.168.8.2\n3.000000 looked 192.168.8.20 192.168.8.2 1 a.example found 198.51.100.9",
    ] {
        assert_eq!(explained(&house(&format!("{harmless}\n{CALL}")), "203.0.113.9"), "none", "{harmless}");
    }
}

#[test]
fn a_question_without_its_answer_hides_lookups() {
    assert_unknown("3.000000 opened udp 192.168.8.20:700 > 192.168.8.1:53", "it asks 192.168.8.1 for names");
    // It was answered, out of sight.
    let answered = "3.000000 opened udp 192.168.8.20:700 > 192.168.8.1:53\n\
                    4.000000 closed udp 192.168.8.20:700 > 192.168.8.1:53 60 90";
    assert_unknown(answered, "it asks 192.168.8.1 for names");
    for harmless in [
        "3.000000 opened udp 192.168.8.20:700 > 192.168.8.1:53\n\
         3.100000 looked 192.168.8.20 192.168.8.1 1 a.example found 198.51.100.9",
        "3.000000 opened udp 192.168.8.20:700 > 9.9.9.9:53\n\
         3.100000 looked 192.168.8.20 192.168.8.1 1 a.example found 198.51.100.9",
        "3.000000 opened udp 192.168.8.20:700 > 9.9.9.9:53\n4.000000 closed udp 192.168.8.20:700 > 9.9.9.9:53 60 0",
    ] {
        assert_eq!(explained(&house(&format!("{harmless}\n{CALL}")), "203.0.113.9"), "none", "{harmless}");
    }
}

#[test]
fn encrypted_lookups_are_hidden_also_those_to_the_router() {
    for server in ["9.9.9.9", "192.168.8.1"] {
        let lines = format!(
            "3.000000 opened tcp 192.168.8.20:700 > {server}:853\n4.000000 counted tcp 192.168.8.20:700 > {server}:853 900 4000"
        );
        assert_unknown(&lines, &format!("it asks {server} for names, encrypted"));
    }
}

#[test]
fn an_answer_that_was_cut_or_lost_hides_what_it_said() {
    assert_unknown("4.000000 missed 192.168.8.20 192.168.8.1", "an answer of 192.168.8.1 to it was not seen");
    let lost = house(&format!(
        "3.000000 gap lookups\n4.000000 looked 192.168.8.20 192.168.8.1 1 a.example found 198.51.100.9\n{CALL}"
    ));
    assert_eq!(explained(&lost, "203.0.113.9"), "unknown");
    let later = house(
        "4.000000 missed 192.168.8.20 192.168.8.1\n5000.000000 opened tcp 192.168.8.20:1000 > 203.0.113.9:443\n5009.000000 clock",
    );
    assert_eq!((explained(&later, "203.0.113.9").as_str(), coverage(&later).0.as_str()), ("none", "full"));
}

#[test]
fn lookups_may_be_seen_over_one_family_and_hidden_over_the_other() {
    // What is asked over IPv4 is led elsewhere, and its answers are not seen.
    let lines = format!(
        "2.000000 looked 2001:db8:8::20 2001:db8:8::1 28 six.example found 2a02:db8::6
         3.000000 opened udp 192.168.8.20:700 > 192.168.8.1:53
         3.100000 opened udp [2001:db8:8::20]:701 > [2001:db8:8::1]:53
         3.200000 looked 2001:db8:8::20 2001:db8:8::1 28 six.example found 2a02:db8::6\n{CALL}"
    );
    assert_unknown(&format!("1.900000 neighbour 2001:db8:8::20 02:00:00:00:00:20\n{lines}"), "it asks 192.168.8.1");
    // A device that asks only for IPv4 addresses is not unknown for ever where it calls others.
    let six = "2.000000 neighbour 2001:db8:8::20 02:00:00:00:00:20
        5.000000 opened tcp [2001:db8:8::20]:1000 > [2a02:db8::9]:443\n9.000000 clock";
    assert_eq!(explained(&house(six), "2a02:db8::9"), "none");
}

#[test]
fn several_names_that_it_did_not_look_up_show_another_resolver() {
    let call = |n: u8| {
        format!(
            "{n}.000000 opened tcp 192.168.8.20:100{n} > 45.{n}.0.9:443\n\
             {n}.100000 hint tcp 192.168.8.20:100{n} > 45.{n}.0.9:443 tls sni=www.site{n}.example\n"
        )
    };
    let one = house(&(call(5) + "9.000000 clock"));
    assert_eq!((explained(&one, "45.5.0.9").as_str(), blocks(&one)), ("none", 1), "one may be built in");
    let several = house(&(call(4) + &call(5) + &call(6) + &call(7) + "20.000000 clock\n20.000000 clock"));
    for address in ["45.4.0.9", "45.5.0.9", "45.6.0.9", "45.7.0.9"] {
        assert_eq!(explained(&several, address), "unknown");
    }
    assert_eq!(coverage(&several).0, "partial");
}

#[test]
fn names_made_up_for_each_flow_hide_nothing() {
    let mut lines = String::new();
    for n in 0..60 {
        let (at, port) = (10 + n, 2_000 + n);
        let flow = format!("tcp 192.168.8.20:{port} > 45.{}.0.9:443", n % 2);
        lines += &format!("{at}.000000 opened {flow}\n{at}.100000 hint {flow} tls sni=made{n}.up{n}.test\n");
    }
    let engine = house(&(lines + "90.000000 clock\n90.000000 clock"));
    assert_eq!((explained(&engine, "45.1.0.9").as_str(), blocks(&engine)), ("none", 2));
}

#[test]
fn a_resolver_that_never_answers_hides_nothing_for_long() {
    let mut lines = String::new();
    for n in 0..40 {
        let (at, port) = (10 + n, 3_000 + n);
        let flow = format!("udp 192.168.8.20:{port} > 45.1.0.9:53");
        lines += &format!("{at}.000000 opened {flow}\n{at}.500000 closed {flow} 60 0\n");
    }
    lines += "60.000000 opened udp 192.168.8.20:4000 > 45.1.0.9:53\n61.000000 opened tcp 192.168.8.20:1000 > 203.0.113.9:443\n69.000000 clock";
    assert_eq!(explained(&house(&lines), "203.0.113.9"), "none");
}

#[test]
fn a_contact_of_a_time_without_coverage_stays_unknown_for_a_day() {
    let again =
        |at: u32| format!("{at}.000000 opened tcp 192.168.8.20:2000 > 203.0.113.9:443\n{}.000000 clock\n", at + 5);
    let missed = format!("4.000000 missed 192.168.8.20 192.168.8.1\n{CALL}");
    let engine =
        house(&(missed.clone() + "9.000000 closed tcp 192.168.8.20:1000 > 203.0.113.9:443 9 9\n" + &again(5_000)));
    assert_eq!((explained(&engine, "203.0.113.9").as_str(), blocks(&engine)), ("unknown", 0));
    let engine = house(&(missed + "9.000000 closed tcp 192.168.8.20:1000 > 203.0.113.9:443 9 9\n" + &again(90_000)));
    assert_eq!(explained(&engine, "203.0.113.9"), "none");
}
