//! Stories of what leash still knows after a restart, and after a week.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use leash::config;
use leash::detect;
use leash::engine::past::Past;
use leash::engine::state::Extent;
use leash::engine::{Action, Engine};
use leash::event;
use leash::limits;
use leash::time::{Clock, Stamp};
use serde_json::{Value, json};
use std::net::IpAddr;

const BULB: &str = "02:00:00:00:00:20";
const GUARD: &str = "config leash\noption default_mode guard\nlist block_on direct-ip\n";
const HOUSE: &str = "\
1767225600.000000 neighbour 192.168.8.20 02:00:00:00:00:20
1767225600.000000 neighbour 192.168.8.21 02:00:00:00:00:21
1767225601.000000 looked 192.168.8.20 192.168.8.1 1 hub.vendor.example found 198.51.100.20
1767225601.000000 looked 192.168.8.21 192.168.8.1 1 tv.example found 198.51.100.21
1767225602.000000 opened tcp 192.168.8.20:1 > 203.0.113.9:443
1767225602.000000 opened tcp 192.168.8.20:2 > 198.51.100.20:443
1767225609.000000 counted tcp 192.168.8.20:1 > 203.0.113.9:443 4000 5000
1767225609.000000 counted tcp 192.168.8.20:2 > 198.51.100.20:443 1000000 2000000
";

struct House {
    engine: Engine,
    clock: Clock,
    /// What was told, as `kind address`.
    told: Vec<String>,
    /// What went to the file of the journal.
    journal: String,
}

impl House {
    fn new(settings: &str) -> House {
        let mut engine = Engine::new(config::parse(settings, &detect::NAMES).0);
        engine.enable_records();
        House { engine, clock: Clock::default(), told: Vec::new(), journal: String::new() }
    }

    fn says(&mut self, lines: &str) {
        for line in lines.lines() {
            let (event, stamp) = event::read(line, &mut self.clock).unwrap_or_else(|says| panic!("{line}: {says}"));
            self.engine.handle(event, stamp);
        }
        let notes = self.engine.drain().filter_map(|action| match action {
            Action::Note(record) => Some(record),
            _ => None,
        });
        let say = |address: Option<IpAddr>| address.map_or(String::new(), |address| format!(" {address}"));
        self.told.extend(notes.map(|record| format!("{}{}", record.kind.text(), say(record.address))));
    }

    fn at(&self) -> Stamp {
        self.clock.stands()
    }

    fn saved(&self, extent: Extent) -> String {
        let mut state = Vec::new();
        self.engine.save(&mut state, extent, self.at()).unwrap();
        String::from_utf8(state).unwrap()
    }

    /// The house after a restart, which knows nothing but its state.
    fn restarted(&self, settings: &str, extent: Extent) -> House {
        let mut again = House::new(settings);
        again.clock = self.clock.clone();
        again.journal.clone_from(&self.journal);
        assert_eq!(again.engine.load(&self.saved(extent), self.at()), Ok(0));
        let at = self.at().wall;
        let neighbour = |n| format!("{at} neighbour 192.168.8.{n} 02:00:00:00:00:{n}\n");
        again.says(&[20, 21].map(neighbour).concat());
        again
    }

    /// Writes what waits for the journal. Returns how many bytes that was.
    fn flush(&mut self) -> usize {
        let Some((_, lines)) = self.engine.journal_lines() else { return 0 };
        let bytes = lines.len();
        self.journal += lines;
        self.engine.journal_written();
        bytes
    }

    fn report(&self, days: u32) -> Value {
        let first = self.engine.local_day(self.at().wall) + 1 - days;
        let mut past = Past::default();
        past.read(&self.journal, first, &mut Vec::new());
        assert_eq!(past.damaged, 0);
        self.engine.report(&mut past, first)
    }

    fn device(&self, who: &str) -> Value {
        self.engine.device(self.engine.find(who).unwrap())
    }
}

/// Returns what people see of a device: verdict, sentence, and each finding with its date.
fn seen(device: &Value) -> (String, String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let say = |finding: &Value| format!("{} {} {}", finding["detector"], finding["strength"], finding["since"]);
    let findings = device["findings"].as_array().unwrap().iter().map(say);
    (text(&device["verdict"]), text(&device["message"]), findings.collect())
}

#[test]
fn a_restart_forgets_nothing_and_tells_nothing_twice() {
    for settings in ["", GUARD] {
        let mut house = House::new(settings);
        house.says(HOUSE);
        let told: Vec<&str> = house.told.iter().map(String::as_str).collect();
        let block = if settings == GUARD { &["block 203.0.113.9"][..] } else { &[] };
        assert_eq!(told, [&["device", "device", "finding 203.0.113.9"][..], block].concat());
        let mut again = house.restarted(settings, Extent::Whole);
        for key in ["sent_bytes", "received_bytes", "flows", "lookups", "first", "day", "hours", "verdict"] {
            assert_eq!(again.device(BULB)[key], house.device(BULB)[key], "{key}");
        }
        assert_eq!(seen(&again.device(BULB)), seen(&house.device(BULB)));
        assert_eq!(again.engine.history(), house.engine.history());
        // Records have numbers, which stay theirs; findings have their detector.
        let of = |house: &House, key: &str| house.engine.history().iter().map(|it| it[key].clone()).collect::<Value>();
        let numbers = (1..=told.len()).collect::<Vec<_>>();
        assert_eq!((of(&again, "number"), &of(&house, "detector")[2]), (json!(numbers), &json!("direct-ip")));
        assert_eq!(again.saved(Extent::Whole), again.restarted(settings, Extent::Whole).saved(Extent::Whole));
        // What goes on is not told again.
        again.says(&HOUSE.replace("17672256", "17672262").replace(":1 >", ":11 >").replace(":2 >", ":12 >"));
        assert_eq!(again.told, [""; 0]);
        assert_eq!(seen(&again.device(BULB)).2, seen(&house.device(BULB)).2);
    }
}

/// Returns lines of a device that looks up a name at an hour of a day, and moves as much with its address.
fn visit(day: u64, hour: u64, device: u64, name: &str, address: &str, sent: u64) -> String {
    let (at, port) = (1_767_225_600 + day * 86_400 + hour * 3_600 + device, 1_024 + day * 24 + hour);
    format!(
        "{at}.000000 looked 192.168.8.{device} 192.168.8.1 1 {name} found {address}\n\
         {at}.100000 opened tcp 192.168.8.{device}:{port} > {address}:443\n\
         {at}.200000 closed tcp 192.168.8.{device}:{port} > {address}:443 {sent} 2000\n"
    )
}

fn texts<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|it| it[key].as_str().unwrap_or_default()).collect()
}

#[test]
fn a_week_later_the_report_says_what_happened() {
    let mut house = House::new(GUARD);
    house.says(HOUSE);
    for day in 0..12 {
        for hour in [7, 19] {
            let mut lines = visit(day, hour, 20, "hub.vendor.example", "198.51.100.20", 50_000);
            lines += &visit(day, hour, 21, "tv.example", "198.51.100.21", 3_000_000);
            if day == 9 && hour == 7 {
                lines += "1768029000.000000 neighbour 192.168.8.22 02:00:00:00:00:22\n\
                    1768029001.000000 opened tcp 192.168.8.20:9 > 203.0.113.10:80\n\
                    1768029011.000000 counted tcp 192.168.8.20:9 > 203.0.113.10:80 700 800\n\
                    1768029020.000000 looked 192.168.8.20 192.168.8.1 1 a.tracker.example found 192.0.2.77\n\
                    1768029021.000000 opened tcp 192.168.8.20:10 > 192.0.2.77:443\n\
                    1768029031.000000 closed tcp 192.168.8.20:10 > 192.0.2.77:443 9000 1000\n";
            }
            house.says(&lines);
            let blocked = house.engine.blocked_pairs();
            house.engine.count_stopped(blocked.into_iter().map(|pair| (pair, (7 + day, 700))));
            house.flush();
            // A restart at each noon: what is left of the day is its second half.
            if hour == 7 {
                house = house.restarted(GUARD, Extent::Whole);
            }
        }
    }
    let report = house.report(7);
    assert_eq!(texts(&report["blocked"], "address"), ["203.0.113.10"], "that of the first day is older");
    assert_eq!(report["blocked"][0]["stopped_packets"], 7 + 10, "the block of the first day is over");
    assert_eq!(texts(&report["new_devices"], "device"), ["02:00:00:00:00:22"]);
    assert_eq!(texts(&report["new_destinations"], "destination"), ["tracker.example"]);
    assert_eq!(texts(&report["talkative"], "device"), ["02:00:00:00:00:21", BULB]);
    let bulb = &report["devices"][0];
    assert_eq!((bulb["device"].as_str(), bulb["by_address"].as_u64()), (Some(BULB), Some(2)));
    assert_eq!(
        bulb["days"]["sent"],
        serde_json::json!([100_000, 100_000, 100_000, 100_000, 110_000, 100_000, 100_000])
    );
    assert_eq!(texts(&bulb["destinations"], "destination"), ["vendor.example", "tracker.example"]);
    assert_eq!(bulb["destinations"][0]["sent_bytes"], 700_000);
    assert_eq!(bulb["plain"], serde_json::json!([{ "service": "http", "destination": "203.0.113.10" }]));
    let all = house.report(90);
    assert_eq!(all["days"]["sent"].as_array().unwrap().len(), 90);
    assert_eq!(texts(&all["blocked"], "address"), ["203.0.113.10", "203.0.113.9"]);
    let said = texts(&report["messages"], "message");
    assert!(said[0].starts_with("addresses that were blocked: 1; packets stopped: 17"), "{said:?}");
    assert!(said.contains(&"new devices: 1 (02:00:00:00:00:22)"), "{said:?}");
}

#[test]
fn what_was_forgotten_does_not_hide_a_block() {
    let mut house = House::new(GUARD);
    house.says(HOUSE);
    // The compact state is what a power cut leaves.
    let again = house.restarted(GUARD, Extent::Compact);
    let device = again.device(BULB);
    assert_eq!((&device["verdict"], &device["sent_bytes"]), (&"block".into(), &1_004_000.into()));
    assert_eq!(seen(&device), seen(&house.device(BULB)));
    // Even where only the block itself is left.
    let lines = house.saved(Extent::Compact);
    let bare: Vec<&str> =
        lines.lines().filter(|line| !line.starts_with("found ") && !line.starts_with("contact ")).collect();
    let mut bare_house = House::new(GUARD);
    assert_eq!(bare_house.engine.load(&(bare.join("\n") + "\n"), house.at()), Ok(0));
    let device = bare_house.device(BULB);
    assert_eq!(device["verdict"], "block");
    let message = device["message"].as_str().unwrap();
    assert!(message.starts_with("203.0.113.9 is blocked: calls 203.0.113.9, which its"), "{message}");
    assert_eq!(bare_house.engine.summaries()[0]["verdict"], "block");
}

#[test]
fn what_is_remembered_is_found_again_or_ends() {
    let mut house = House::new("");
    house.says(HOUSE);
    let state =
        house.saved(Extent::Whole).lines().filter(|line| !line.starts_with("contact ")).collect::<Vec<_>>().join("\n");
    let mut again = House::new("");
    again.clock = house.clock.clone();
    again.engine.load(&format!("{state}\n"), house.at()).unwrap();
    let findings = again.device(BULB)["findings"].clone();
    assert_eq!((&findings[0]["remembered"], &findings[0]["address"]), (&true.into(), &"203.0.113.9".into()));
    assert_eq!(again.device(BULB)["verdict"], "watch");
    again.says(&visit(3, 1, 20, "hub.vendor.example", "198.51.100.20", 1));
    assert_eq!(again.device(BULB)["findings"], findings);
    again.says("1767492000.000000 opened tcp 192.168.8.20:5 > 203.0.113.9:443\n1767492009.000000 clock");
    let found = again.device(BULB)["findings"].clone();
    assert_eq!((found.as_array().unwrap().len(), &found[0]["since"]), (1, &findings[0]["since"]));
    // What is not found again for a week is no finding any more.
    let mut quiet = House::new("");
    quiet.clock = house.clock.clone();
    quiet.engine.load(&(state + "\n"), house.at()).unwrap();
    for day in 0..9 {
        assert_eq!(quiet.device(BULB)["findings"].as_array().unwrap().len(), usize::from(day < 8), "{day}");
        quiet.says(&visit(day, 1, 21, "tv.example", "198.51.100.21", 1));
    }
}

#[test]
fn ninety_days_of_two_hundred_devices_have_their_bounds() {
    let mut house = House::new("");
    house.says("1767225600.000000 neighbour 192.168.8.1 02:00:00:00:00:01");
    let mut most = 0;
    for day in 0..91 {
        let by_hour = (0..24).flat_map(|hour| (20..220).filter(move |device| device % 24 == hour));
        for device in by_hour {
            let mut lines = String::new();
            if day == 0 {
                lines = format!(
                    "{}.000000 neighbour 192.168.8.{device} 02:00:00:00:01:{device:02x}\n",
                    1_767_225_600 + device
                );
            }
            let address = format!("198.51.{}.{}", 100 + device % 3, device);
            let name = format!("host.maker-of-device-{device}.example");
            lines += &visit(day, device % 24, device, &name, &address, 1_000_000 * device);
            house.says(&lines);
        }
        most = most.max(house.flush());
    }
    let files = limits::PAST_FILES * limits::PAST_FILE_DAYS;
    assert!(most <= limits::PAST_DAY_BYTES + limits::PAST_RECORDS_BYTES, "{most} bytes a day");
    assert!(house.journal.len() / 90 * limits::PAST_FILE_DAYS as usize <= limits::PAST_FILE_BYTES);
    assert!(files >= limits::PAST_DAYS + limits::PAST_FILE_DAYS);
    let report = house.report(90);
    let devices = report["devices"].as_array().unwrap();
    let days = |device: &Value| device["days"]["sent"].as_array().unwrap().iter().filter(|day| **day != 0).count();
    assert!(devices.iter().filter(|device| days(device) >= 89).count() == 200, "each day of each device is there");
    let whole = house.saved(Extent::Whole).len();
    let compact = house.saved(Extent::Compact).len();
    println!("a day of the journal {most} bytes, 91 days {}; state {whole}, on flash {compact}", house.journal.len());
    assert!(compact <= 64_000, "{compact}");
}

#[test]
fn damaged_lines_are_counted_and_the_rest_is_read() {
    let good = "day 20454\n020000000020 340 8123 vendor.example 300 8100\n\
        new 20454 02:00:00:00:00:20 tracker.example\n\
        stopped 20454 02:00:00:00:00:20 203.0.113.9 12 720\n\
        record 1767225661.000000 block 02:00:00:00:00:20 203.0.113.9 {\"form\":\"a %s\",\"values\":[\"b\"]}\n";
    let bad = "day 20454 1\nday x\n020000000021 340\n020000000021 340 1 vendor.example\nnew 20454 02:00:00:00:00:20\nwhat\n\n\
        stopped 20454 02:00:00:00:00:20 203.0.113.9 -12 720\nrecord 1767225661.000000 block - - {}\n\
        record 1767225661.000000 bang - - {\"form\":\"a\",\"values\":[]}\n02000000002";
    let mut past = Past::default();
    past.read(&format!("{good}{bad}\n{good}"), 0, &mut Vec::new());
    assert_eq!((past.days.len(), past.names.len(), past.new.len()), (1, 1, 1), "once, though it is there twice");
    assert_eq!((past.stopped.len(), past.records.len(), past.damaged), (1, 1, 11));
}

#[test]
fn a_week_is_told_once_on_monday_morning() {
    let mut house = House::new("");
    house.says(HOUSE);
    house.told.clear();
    // The story begins on a Thursday; the first Monday is four days later.
    for hour in 0..24 * 14 {
        house.says(&visit(hour / 24, hour % 24, 21, "tv.example", "198.51.100.21", 1));
        if hour % 5 == 0 {
            let told = std::mem::take(&mut house.told);
            house = house.restarted("", if hour % 2 == 0 { Extent::Whole } else { Extent::Compact });
            house.told = told;
        }
        let mondays = [4 * 24 + 7, 11 * 24 + 7];
        assert_eq!(
            house.told.len(),
            mondays.iter().filter(|monday| hour >= **monday).count(),
            "{hour} {:?}",
            house.told
        );
    }
    assert_eq!(house.told, ["report", "report"]);
    assert!(house.engine.history().iter().all(|record| record["kind"] != "report"));
}

#[test]
fn a_day_that_ended_while_leash_was_stopped_is_kept() {
    let mut house = House::new("");
    house.says(&HOUSE.replace("2000000", "4000000000000"));
    house.says(&visit(0, 20, 21, "tv.example", "198.51.100.21", 7_000));
    let mut again = house.restarted("", Extent::Whole);
    again.says(&visit(1, 3, 21, "tv.example", "198.51.100.21", 5_000));
    again.flush();
    let report = again.report(3);
    let of =
        |device: &str| report["devices"].as_array().unwrap().iter().find(|it| it["device"] == device).unwrap().clone();
    assert_eq!(of("02:00:00:00:00:21")["days"]["sent"], serde_json::json!([0, 7_000, 5_000]));
    assert_eq!(of(BULB)["days"]["received"][1].as_u64().unwrap() / 1_000_000, 4_000_000, "no count ends at 4 GB");
    assert_eq!(texts(&of("02:00:00:00:00:21")["destinations"], "destination"), ["tv.example"]);
    assert_eq!(of("02:00:00:00:00:21")["destinations"][0]["sent_bytes"], 12_000);
}

#[test]
fn a_flow_that_goes_on_over_a_restart_is_counted_once() {
    let mut house = House::new("");
    house.says(HOUSE);
    let mut again = house.restarted("", Extent::Whole);
    again.says(
        "1767225700.000000 found tcp 192.168.8.20:2 > 198.51.100.20:443\n\
         1767225700.100000 counted tcp 192.168.8.20:2 > 198.51.100.20:443 1000000 2000000\n\
         1767225760.000000 counted tcp 192.168.8.20:2 > 198.51.100.20:443 1000500 2000000",
    );
    let (before, now) = (house.device(BULB), again.device(BULB));
    let sent = |device: &Value| device["sent_bytes"].as_u64().unwrap();
    assert_eq!(sent(&now), sent(&before) + 500);
    assert_eq!(now["day"]["sent"][23], sent(&before) + 500);
}
