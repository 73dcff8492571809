//! Stories of what the user orders, and what the kernel is to do about it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::unwrap_used, reason = "tests may")]

use leash::config;
use leash::config::Tag;
use leash::config::uci;
use leash::detect;
use leash::engine::state::Extent;
use leash::engine::{Action, Engine};
use leash::event;
use leash::mode::Mode;
use leash::model::Mac;
use leash::pin::{Pin, Target};
use leash::time::{Clock, Span, Stamp, Wall};

const BULB: Mac = Mac([2, 0, 0, 0, 0, 0x20]);
const HOUSE: &str = "\
1000.000000 clock
1000.000000 neighbour 192.168.8.20 02:00:00:00:00:20
1000.000000 neighbour 192.168.8.21 02:00:00:00:00:21
1001.000000 looked 192.168.8.20 192.168.8.1 1 bulb.example found 198.51.100.20
1001.000000 looked 192.168.8.21 192.168.8.1 1 tv.example found 198.51.100.21
1002.000000 opened tcp 192.168.8.20:1 > 203.0.113.9:443
1009.000000 clock
";
const GUARD: &str = "config leash\noption default_mode guard\nlist block_on direct-ip\n";

struct Story {
    engine: Engine,
    clock: Clock,
    actions: Vec<String>,
}

impl Story {
    fn new(settings: &str) -> Story {
        let (config, problems) = config::parse(settings, &detect::NAMES);
        assert_eq!(problems, []);
        let mut story = Story { engine: Engine::new(config), clock: Clock::default(), actions: Vec::new() };
        story.engine.enable_records();
        story.says(HOUSE);
        story
    }

    fn says(&mut self, lines: &str) -> Vec<String> {
        for line in lines.lines() {
            let (event, stamp) = event::read(line, &mut self.clock).unwrap();
            self.engine.handle(event, stamp);
        }
        self.actions()
    }

    fn at(&self) -> Stamp {
        self.clock.stands()
    }

    /// The blocks that came and went since the last call.
    fn actions(&mut self) -> Vec<String> {
        let said = self.engine.drain().filter_map(|action| match action {
            Action::Block { mac, address, lasts: None } => Some(format!("block {mac} {address}")),
            Action::Block { mac, address, lasts: Some(span) } => Some(format!("block {mac} {address} for {span}")),
            Action::Unblock { mac, address } => Some(format!("unblock {mac} {address}")),
            _ => None,
        });
        self.actions = said.collect();
        self.actions.clone()
    }

    fn pin(&mut self, mac: Option<Mac>, target: &str, block: bool, until: Option<Wall>) -> Vec<String> {
        let target = Target::parse(target, block).unwrap();
        self.engine.decide(Pin { mac, target, block, until }, self.at()).unwrap();
        self.actions()
    }
}

const BULB_9: &str = "block 02:00:00:00:00:20 203.0.113.9 for 1 d";

#[test]
fn a_mode_brings_blocks_and_takes_them_away() {
    let mut story = Story::new("config leash\nlist block_on direct-ip");
    assert_eq!(story.actions, [""; 0]);
    story.engine.set_mode(BULB, Mode::Guard, story.at());
    assert_eq!(story.actions(), [BULB_9]);
    story.engine.set_mode(BULB, Mode::Observe, story.at());
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    story.engine.set_mode(BULB, Mode::Local, story.at());
    assert_eq!(story.actions(), ["block 02:00:00:00:00:20 203.0.113.9"]);
    assert!(story.engine.elements(story.at()).local.contains(&BULB));
    story.engine.set_mode(BULB, None, story.at());
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    assert!(!story.engine.has_orders(), "the settings give it no mode");
}

#[test]
fn a_device_goes_back_to_the_mode_of_the_house() {
    let settings =
        "config leash\noption default_mode local\nconfig device\noption mac 02:00:00:00:00:20\noption mode trust";
    let mut story = Story::new(settings);
    let id = story.engine.find("02:00:00:00:00:20").unwrap();
    let mode = |story: &Story| {
        let device = story.engine.device(id);
        (device["mode"].as_str().unwrap().to_string(), device.get("own_mode").is_some())
    };
    assert_eq!(mode(&story), ("trust".into(), true));
    story.engine.set_mode(BULB, None, story.at());
    assert_eq!(mode(&story), ("local".into(), false));
    let mut state = Vec::new();
    story.engine.save(&mut state, Extent::Whole, story.at()).unwrap();
    let mut again = Story::new(settings);
    assert_eq!(again.engine.load(std::str::from_utf8(&state).unwrap(), again.at()), Ok(0));
    assert_eq!(mode(&again), ("local".into(), false), "also after a restart");
    assert_eq!(again.engine.orders()["modes"], serde_json::json!([{ "device": BULB.to_string(), "mode": "default" }]));
}

#[test]
fn the_global_switch_empties_everything_and_brings_it_back() {
    let mut story = Story::new(GUARD);
    assert_eq!(story.actions, [BULB_9]);
    story.pin(None, "203.0.113.64/26", true, None);
    story.engine.set_blocking(false, story.at());
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    assert_eq!(story.engine.elements(story.at()), Default::default());
    assert!(story.engine.prefix_pins(story.at().wall).is_empty());
    story.engine.set_blocking(true, story.at());
    assert_eq!(story.actions(), [BULB_9]);
    assert_eq!(story.engine.prefix_pins(story.at().wall).len(), 1);
}

#[test]
fn an_allowance_beats_and_unblock_does_not_come_back() {
    let mut story = Story::new(GUARD);
    assert_eq!(story.pin(Some(BULB), "203.0.113.9", false, None), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    assert_eq!(story.says("1010.000000 opened tcp 192.168.8.20:2 > 203.0.113.9:443\n1020.000000 clock"), [""; 0]);

    let mut story = Story::new(GUARD);
    let target = Target::parse("203.0.113.9", true).unwrap();
    story.engine.unblock(BULB, &target, story.at()).unwrap();
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    assert_eq!(story.says("1010.000000 opened tcp 192.168.8.20:2 > 203.0.113.9:443\n1020.000000 clock"), [""; 0]);
    assert!(story.engine.unblock(BULB, &target, story.at()).is_err(), "it is not blocked any longer");
    story.engine.unpin(Some(BULB), &target, story.at()).unwrap();
    assert_eq!(story.actions(), [BULB_9]);
    assert!(story.engine.unpin(Some(BULB), &target, story.at()).is_err());
}

#[test]
fn a_pin_has_an_end() {
    let mut story = Story::new("");
    let until = Some(Wall(1_060_000_000));
    assert_eq!(story.pin(Some(BULB), "198.51.100.77", true, until), ["block 02:00:00:00:00:20 198.51.100.77 for 51 s"]);
    assert_eq!(story.says("1059.000000 neighbour 192.168.8.20 02:00:00:00:00:20"), [""; 0]);
    let ended = story.says("1061.000000 neighbour 192.168.8.20 02:00:00:00:00:20");
    assert_eq!(ended, ["unblock 02:00:00:00:00:20 198.51.100.77"]);
}

#[test]
fn a_pin_by_name_follows_the_addresses_before_they_are_used() {
    let mut story = Story::new("config pin\noption name ads.example\noption verdict block");
    let said =
        story.says("1010.000000 looked 192.168.8.20 192.168.8.1 1 x.ads.example found 203.0.113.50,203.0.113.51");
    assert_eq!(said, ["block 02:00:00:00:00:20 203.0.113.50", "block 02:00:00:00:00:20 203.0.113.51"]);
    let said = story.says("1011.000000 looked 192.168.8.20 192.168.8.1 1 x.ads.example found 203.0.113.52");
    assert_eq!(said, ["block 02:00:00:00:00:20 203.0.113.52"]);
    // For a pin that comes later, what is known counts too, and for the other devices as well.
    assert_eq!(story.pin(None, "tv.example", true, None), ["block 02:00:00:00:00:21 198.51.100.21"]);
}

#[test]
fn a_pin_on_an_address_is_there_before_the_device_tries_and_before_it_is_known() {
    let mut story = Story::new("config pin\noption address 203.0.113.50\noption verdict block");
    let said = story.says("1010.000000 neighbour 192.168.8.30 02:00:00:00:00:30");
    assert_eq!(said, ["block 02:00:00:00:00:30 203.0.113.50"]);
}

#[test]
fn other_settings_are_taken_without_losing_what_still_holds() {
    let mut story = Story::new(GUARD);
    let mut config = config::parse(GUARD, &detect::NAMES).0;
    story.engine.configure(config.clone(), story.at());
    assert_eq!(story.actions(), [""; 0]);
    config.default_mode = Mode::Observe;
    story.engine.configure(config, story.at());
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
}

#[test]
fn after_a_gap_the_dump_decides_what_still_lives() {
    let mut story = Story::new("");
    story.says(
        "1010.000000 opened tcp 192.168.8.20:5 > 203.0.113.9:443\n1010.000000 gap flows\n\
         1010.100000 found tcp 192.168.8.20:5 > 203.0.113.9:443\n1010.100000 found tcp 192.168.8.20:6 > 203.0.113.9:443\n\
         1010.200000 opened tcp 192.168.8.20:7 > 203.0.113.9:443\n1010.200000 opened tcp 192.168.8.20:6 > 203.0.113.9:443\n\
         1010.300000 dumped",
    );
    let address = "203.0.113.9".parse().unwrap();
    let ports: Vec<u16> = story.engine.flows_between(BULB, address).iter().map(|tuple| tuple.source_port).collect();
    assert_eq!(ports, [5, 6, 7], "port 1 is over");
}

#[test]
fn a_forgotten_device_begins_anew() {
    let mut story = Story::new(GUARD);
    let id = story.engine.find("192.168.8.20").unwrap();
    story.engine.forget(id, story.at());
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    assert_eq!(story.engine.device(id)["contacts"].as_array().unwrap().len(), 0);
}

#[test]
fn a_resolver_of_the_router_is_never_blocked_and_who_shares_an_address_is_said() {
    let mut story = Story::new(GUARD);
    story.engine.set_resolvers(vec!["203.0.113.9".parse().unwrap()], story.at());
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.9"]);
    let mut story = Story::new("config leash\nlist block_on direct-ip");
    story.says(
        "1010.000000 opened tcp 192.168.8.21:1 > 203.0.113.9:443\n\
         1011.000000 looked 192.168.8.20 192.168.8.1 1 shared.example found 203.0.113.30\n\
         1012.000000 opened tcp 192.168.8.21:1 > 203.0.113.30:443\n1020.000000 clock",
    );
    story.engine.set_mode(BULB, Mode::Guard, story.at());
    let reason =
        |story: &Story, at: usize| story.engine.blocked()[at]["reason"]["message"].as_str().unwrap().to_string();
    assert!(reason(&story, 0).ends_with("blocked for this device alone: 02:00:00:00:00:21 uses it too"));
    let tv: Mac = "02:00:00:00:00:21".parse().unwrap();
    story.pin(Some(tv), "203.0.113.30", true, None);
    assert!(reason(&story, 1).ends_with("02:00:00:00:00:20 knows it as shared.example"), "{}", reason(&story, 1));
}

#[test]
fn in_quiet_hours_half_as_much_is_much() {
    let upload = |settings: &str, offset: i16| {
        let mut story = Story::new(settings);
        story.engine.set_utc_offset(offset);
        story.says(
            "1030.000000 opened tcp 192.168.8.20:9 > 198.51.100.20:443\n\
             1090.000000 counted tcp 192.168.8.20:9 > 198.51.100.20:443 30000000 1000",
        );
        story.engine.findings(None).iter().filter(|(detector, _)| *detector == "upload").count()
    };
    // The story is at 00:17 UTC.
    let quiet = "config leash\noption quiet_hours '23:00-06:00'";
    assert_eq!([upload("", 0), upload(quiet, 0), upload(quiet, 8 * 60), upload(quiet, -90)], [0, 1, 0, 0]);
    assert_eq!(upload("config leash\noption quiet_hours '00:00-00:30'", 0), 1);
}

impl Story {
    /// The settings after `leash keep`, as uci would write them, and whether somebody has to do so.
    fn keep(&mut self, settings: &str) -> bool {
        let wanted = self.engine.drain().any(|action| matches!(action, Action::PersistOrders));
        let (config, problems) = config::parse(settings, &detect::NAMES);
        assert_eq!(problems, []);
        self.engine.configure(config, self.at());
        assert!(
            !self.engine.drain().any(|action| matches!(action, Action::PersistOrders)),
            "reading settings is no order"
        );
        wanted
    }

    fn left(&self) -> usize {
        uci::batch("", &self.engine.orders()).unwrap().0
    }
}

const KEPT: &str = "config device\noption mac 02:00:00:00:00:20\noption mode guard\n\
    config pin\noption address 203.0.113.77\noption verdict block\noption mac 02:00:00:00:00:20\n";

#[test]
fn orders_that_last_go_into_the_settings_and_are_orders_no_longer() {
    let mut story = Story::new(GUARD);
    story.engine.set_mode(BULB, Mode::Guard, story.at());
    story.engine.decide(pin("203.0.113.77", true, None), story.at()).unwrap();
    assert_eq!(story.left(), 2);
    assert!(story.keep(&format!("{GUARD}{KEPT}")));
    assert_eq!((story.left(), story.engine.pins(story.at().wall).len()), (0, 1));
    assert_eq!(story.engine.pins(story.at().wall)[0]["from"], "settings");
    // What the settings say already is no order.
    story.engine.set_mode(BULB, Mode::Guard, story.at());
    story.engine.set_blocking(true, story.at());
    assert_eq!(story.left(), 0);
    assert!(!story.keep(&format!("{GUARD}{KEPT}")));
    // One with an end is the state's.
    let until = Wall(story.at().wall.0 + 60_000_000);
    story.engine.decide(pin("203.0.113.78", true, Some(until)), story.at()).unwrap();
    assert_eq!(story.left(), 0);
    assert!(!story.keep(&format!("{GUARD}{KEPT}")));
}

#[test]
fn a_pin_of_the_settings_is_taken_back_at_once_and_stays_so_over_a_restart() {
    let settings = format!("{GUARD}{KEPT}");
    let mut story = Story::new(&settings);
    assert!(story.actions.iter().any(|action| action.contains("203.0.113.77")), "{:?}", story.actions);
    let target = Target::parse("203.0.113.77", true).unwrap();
    story.engine.unpin(Some(BULB), &target, story.at()).unwrap();
    assert_eq!(story.actions(), ["unblock 02:00:00:00:00:20 203.0.113.77"]);
    assert!(story.engine.unpin(Some(BULB), &target, story.at()).is_err(), "once is enough");
    assert_eq!((story.left(), story.engine.pins(story.at().wall).len()), (1, 0));
    let mut state = Vec::new();
    story.engine.save(&mut state, Extent::Whole, story.at()).unwrap();
    let mut again = Story::new(&settings);
    again.engine.load(&String::from_utf8(state).unwrap(), again.at()).unwrap();
    assert_eq!((again.left(), again.engine.pins(again.at().wall).len()), (1, 0));
    assert!(again.keep(GUARD), "asked again after a restart");
    assert_eq!(again.left(), 0);
    // A new order on the same is stronger than having taken it back.
    story.engine.decide(pin("203.0.113.77", true, None), story.at()).unwrap();
    assert_eq!((story.left(), story.engine.pins(story.at().wall).len()), (0, 1), "it is in the settings already");
    // `unblock` takes back a block of the settings, too.
    story.engine.unblock(BULB, &target, story.at()).unwrap();
    assert_eq!(story.left(), 1);
}

fn pin(target: &str, block: bool, until: Option<Wall>) -> Pin {
    Pin { mac: Some(BULB), target: Target::parse(target, block).unwrap(), block, until }
}

#[test]
fn a_name_is_kept_and_found_and_taken_away() {
    let mut story = Story::new(GUARD);
    story.engine.set_name(BULB, "Anna's bulb", story.at());
    assert_eq!(
        (story.engine.display_name(BULB), story.engine.mac_of("anna's BULB"), story.left()),
        ("Anna's bulb".into(), Some(BULB), 1)
    );
    let mut state = Vec::new();
    story.engine.save(&mut state, Extent::Whole, story.at()).unwrap();
    let mut second = Story::new(GUARD);
    second.engine.load(std::str::from_utf8(&state).unwrap(), second.clock.stands()).unwrap();
    assert_eq!(second.engine.display_name(BULB), "Anna's bulb");
    let named = format!("{GUARD}config device\noption mac 02:00:00:00:00:20\noption name \"Anna's bulb\"\n");
    assert!(second.keep(&named));
    assert_eq!((second.engine.display_name(BULB), second.left()), ("Anna's bulb".into(), 0));
    second.engine.set_name(BULB, "", second.at());
    assert_eq!((second.engine.display_name(BULB), second.left()), (BULB.to_string(), 1));
    assert!(second.keep(&format!("{GUARD}config device\noption mac 02:00:00:00:00:20\n")));
    assert_eq!(second.left(), 0);
    for wrong in ["two\nlines", "turned \u{202e}around", &"x".repeat(64)] {
        assert!(config::device_name(wrong).is_err(), "{wrong}");
    }
    assert_eq!(config::device_name("  a\u{e9} \u{4e2d} "), Ok("a\u{e9} \u{4e2d}"));
}

#[test]
fn a_name_given_to_a_device_that_was_not_seen_yet_means_it() {
    let (mut story, mac) = (Story::new("config leash"), Mac([2, 0, 0, 0, 0, 0x99]));
    story.engine.set_name(mac, "garage door", story.at());
    assert_eq!(story.engine.mac_of("Garage Door"), Some(mac));
    assert_eq!(story.engine.mac_of("garage"), None);
}

#[test]
fn the_verdicts_of_status_are_those_that_devices_counted_until_something_changes() {
    let mut story = Story::new("config leash\nlist block_on direct-ip");
    let counts = |story: &mut Story| ["watch", "block"].map(|word| story.engine.status()[word].as_u64().unwrap());
    assert_eq!(counts(&mut story), [1, 0]);
    assert_eq!(story.engine.summaries().len(), 2);
    assert_eq!(counts(&mut story), [1, 0]);
    story.engine.set_mode(BULB, Mode::Guard, story.at());
    assert_eq!(counts(&mut story), [0, 1], "an order counts at once");
    story.engine.summaries();
    story.says("1009.500000 opened tcp 192.168.8.21:1 > 203.0.113.9:443\n1011.600000 clock");
    assert_eq!(counts(&mut story), [1, 1], "and so does a new finding");
}

#[test]
fn a_decision_is_told_once_by_name_and_in_local_time() {
    let mut story = Story::new("");
    story.engine.set_utc_offset(120);
    let told = |story: &Story| {
        let history = story.engine.history();
        let told = history.iter().filter(|record| record["kind"] != "device" && record["kind"] != "finding");
        told.map(|record| record["message"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    // The bulb's own address, which it has called, and for an hour.
    story.says("1010.000000 opened tcp 192.168.8.20:2 > 198.51.100.20:443\n1020.000000 clock");
    let hour = story.at().wall + Span::hours(1);
    story.pin(Some(BULB), "198.51.100.20", true, Some(hour));
    let block = "your own decision: block bulb.example (198.51.100.20) until 1970-01-01 03:17:00 +02:00";
    assert_eq!(told(&story), [block]);
    assert_eq!(story.engine.blocked()[0]["names"][0], "bulb.example");
    assert_eq!(story.engine.blocked()[0]["by"], "pin");
    assert_eq!(story.engine.pins(story.at().wall)[0]["names"][0], "bulb.example");
    let target = Target::parse("198.51.100.20", true).unwrap();
    story.engine.unblock(BULB, &target, story.at()).unwrap();
    let over = "your own decision: bulb.example (198.51.100.20) is no longer blocked";
    assert_eq!(told(&story), [block, over]);
}

#[test]
fn nobody_uses_an_address_that_is_blocked_for_all() {
    let mut story = Story::new("");
    story.says(
        "1010.000000 opened tcp 192.168.8.21:1 > 203.0.113.9:443\n\
         1011.000000 looked 192.168.8.21 192.168.8.1 1 ads.example found 203.0.113.9\n1020.000000 clock",
    );
    story.pin(None, "203.0.113.9", true, None);
    let blocked = story.engine.blocked();
    let reasons: Vec<&str> =
        blocked.as_array().unwrap().iter().map(|block| block["reason"]["message"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["your own decision: block it"; 2]);
}

/// The member of the device's answer, as JSON.
fn of(story: &Story, mac: Mac, member: &str) -> String {
    let id = story.engine.find(&mac.to_string()).unwrap();
    story.engine.device(id)[member].to_string()
}

#[test]
fn a_group_has_one_mode_for_those_that_have_none_of_their_own() {
    let mut story = Story::new("config leash\nlist block_on direct-ip");
    assert!(story.engine.set_group_mode("kitchen", Mode::Guard, story.at()).is_err(), "nobody is in it");
    story.engine.set_tag(BULB, Tag::Group, "kitchen", story.at());
    assert_eq!(story.actions(), [""; 0]);
    story.engine.set_group_mode("kitchen", Mode::Guard, story.at()).unwrap();
    assert_eq!((story.actions(), of(&story, BULB, "group")), (vec![BULB_9.into()], "\"kitchen\"".into()));
    let mut state = Vec::new();
    story.engine.save(&mut state, Extent::Whole, story.at()).unwrap();
    let mut second = Story::new("config leash\nlist block_on direct-ip");
    second.engine.load(std::str::from_utf8(&state).unwrap(), second.at()).unwrap();
    assert_eq!((of(&second, BULB, "mode"), second.left()), ("\"guard\"".into(), 2));
    let kept = "config leash\nconfig device\noption mac 02:00:00:00:00:20\noption group kitchen\n\
        config group\noption name kitchen\noption mode guard\n";
    assert!(second.keep(kept));
    assert_eq!((of(&second, BULB, "mode"), second.left()), ("\"guard\"".into(), 0));
    second.engine.set_mode(BULB, Mode::Trust, second.at());
    assert_eq!(of(&second, BULB, "mode"), "\"trust\"", "its own mode beats that of its group");
    // A whole group without the Internet.
    story.engine.set_group_mode("kitchen", Mode::Local, story.at()).unwrap();
    assert!(story.engine.elements(story.at()).local.contains(&BULB));
}

#[test]
fn what_the_user_says_that_a_device_is_beats_what_it_says() {
    let mut story = Story::new("config leash");
    story.says("1010.000000 announced 02:00:00:00:00:20 mdns _ipp._tcp");
    assert!(of(&story, BULB, "kind").contains("\"type\":\"printer\""), "{}", of(&story, BULB, "kind"));
    story.engine.set_tag(BULB, Tag::Type, "light", story.at());
    let kind = of(&story, BULB, "kind");
    assert!(kind.contains("\"type\":\"light\"") && kind.contains("a light, as you say"), "{kind}");
    assert!(story.keep("config leash\nconfig device\noption mac 02:00:00:00:00:20\noption type light\n"));
    assert_eq!((of(&story, BULB, "kind"), story.left()), (kind, 0));
    story.engine.set_tag(BULB, Tag::Type, "", story.at());
    assert!(of(&story, BULB, "kind").contains("\"type\":\"printer\""));
    // Who only announces itself is no device.
    story.says("1011.000000 announced 02:00:00:00:00:77 mdns _ipp._tcp");
    assert!(story.engine.find("02:00:00:00:00:77").is_none());
}

#[test]
fn a_joined_device_has_what_is_said_of_the_other() {
    let (mut story, tv) = (Story::new("config leash"), Mac([2, 0, 0, 0, 0, 0x21]));
    story.engine.set_name(BULB, "lamp", story.at());
    story.engine.set_mode(BULB, Mode::Guard, story.at());
    story.engine.set_mode(tv, Mode::Trust, story.at());
    story.engine.join(tv, BULB, story.at());
    assert_eq!((story.engine.display_name(tv), of(&story, tv, "mode")), ("lamp".into(), "\"guard\"".into()));
    story.engine.set_mode(tv, Mode::Local, story.at());
    assert_eq!(of(&story, BULB, "mode"), "\"local\"", "they are one");
    assert_eq!(story.left(), 3);
    let kept = "config leash\nconfig device\nlist mac 02:00:00:00:00:20\nlist mac 02:00:00:00:00:21\n\
        option name lamp\noption mode local\n";
    assert!(story.keep(kept));
    assert_eq!((story.left(), of(&story, tv, "mode")), (0, "\"local\"".into()));
}

#[test]
fn what_ufp_says_is_shown_and_changes_when_it_changes_its_mind() {
    let mut story = Story::new("config leash");
    story.engine.set_fingerprint(BULB, "speaker", "Apple HomePod mini");
    assert_eq!(of(&story, BULB, "model"), "\"Apple HomePod mini\"");
    assert!(of(&story, BULB, "kind").contains("\"type\":\"speaker\""));
    story.engine.set_fingerprint(BULB, "tv", "Apple TV\n");
    assert!(of(&story, BULB, "kind").contains("\"type\":\"tv\""), "{}", of(&story, BULB, "kind"));
    assert_eq!(of(&story, BULB, "model"), "\"Apple TV\"");
    story.engine.set_fingerprint(Mac([2, 9, 9, 9, 9, 9]), "tv", "none");
    assert_eq!(story.engine.summaries().len(), 2);
}
