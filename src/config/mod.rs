//! The settings: UCI text to [`Config`].
//!
//! A wrong value is a [`Problem`] with its line and falls back to the default: the daemon never dies of its settings.

pub mod router;
mod settings;
mod types;
pub mod uci;

pub use crate::config::settings::{Fallback, HOOKS, LISTS, NETWORKS, SECTIONS, Setting, UBUS, VENDORS};
pub use crate::config::types::{Config, DaemonConfig, DeviceConfig, Network, Problem, Tag, device_name};

/// Reads UCI text, of which `detectors` may be named for option `block_on`. Returns settings and what is wrong with the
/// text, in the order of its lines.
pub fn parse(text: &str, detectors: &[&str]) -> (Config, Vec<Problem>) {
    let mut problems = Vec::new();
    let sections = uci::sections(text, &mut problems);
    let mut draft = settings::Draft::new(detectors, problems);
    sections.iter().for_each(|section| draft.section(section));
    draft.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Mode;
    use crate::model::Mac;
    use crate::pin::{Pin, Target};
    use crate::time::Span;

    #[test]
    fn a_whole_configuration_is_read() {
        let (config, problems) = parse(
            "# leash\nconfig leash 'main'\n\toption grace '500ms'\n\toption default_mode guard\n\tlist block_on \"direct-ip\"\n\
             config device\n option mac '02:00:00:00:00:20' # the bulb\n option name 'Bob'\\''s bulb'\n option mode 'local'\n\
             config pin\n option name 'Example.COM.'\n option verdict allow\n\
             config pin 'p'\n option mac 02:00:00:00:00:20\n option address 203.0.113.0/24\n option verdict 'block'\n",
            &["scan", "direct-ip"],
        );
        assert_eq!(problems, []);
        assert_eq!((config.grace, config.default_mode, config.block_for), (Span::ms(500), Mode::Guard, Span::days(1)));
        assert_eq!(config.block_on, ["direct-ip"]);
        let mac = Mac([2, 0, 0, 0, 0, 0x20]);
        assert_eq!(config.devices[&mac].name.as_deref(), Some("Bob's bulb"));
        assert_eq!(config.devices[&mac].mode, Some(Mode::Local));
        assert_eq!(
            config.pins[0],
            Pin { mac: None, target: Target::Name("example.com".into()), block: false, until: None }
        );
        assert_eq!(config.pins[1].target, Target::Prefix("203.0.113.0/24".parse().unwrap()));
    }

    #[test]
    fn the_daemon_has_its_settings() {
        let (config, problems) = parse(
            "config leash 'main'\n option enabled 0\n option blocking off\n list interface br-lan\n list interface br-iot\n\
             option query_log /tmp/q.log\n option resolver_log /etc/leash/resolver\n option state /s\n option socket /k\n option leases /l\n option router /r\n option on_stop keep\n\
             option reject no\n option mark 0x20000000\n option quiet_hours 23:00-06:30\n option ubus ''\n\
             list lists ''\n list lists my/lists\n option networks ''\n option vendors /v\n list private 'Our WLAN'\n\
             config pin\n option address 2001:db8::/32\n option verdict block\n option until '2026-12-31 18:00'\n",
            &[],
        );
        assert_eq!(problems, []);
        let expected = DaemonConfig {
            enabled: false,
            interfaces: vec!["br-lan".into(), "br-iot".into()],
            default_interfaces: false,
            house: vec![],
            query_log: Some("/tmp/q.log".into()),
            resolver_log: Some("/etc/leash/resolver".into()),
            leases: "/l".into(),
            router: "/r".into(),
            state: "/s".into(),
            socket: "/k".into(),
            ubus: "".into(),
            keep_on_stop: true,
            reject: false,
            mark: 0x2000_0000,
            lists: Some(vec!["my/lists".into()]),
            networks: Some("".into()),
            vendors: Some("/v".into()),
        };
        assert_eq!(config.daemon, expected);
        assert_eq!((config.blocking, config.quiet_hours), (false, Some((23 * 60, 6 * 60 + 30))));
        assert_eq!(config.private, ["Our WLAN"]);
        assert_eq!(config.pins[0].until.unwrap().date(), "2026-12-31 18:00:00");
    }

    #[test]
    fn the_defaults_hold_where_nothing_is_set() {
        let expected = DaemonConfig {
            enabled: true,
            interfaces: vec![],
            default_interfaces: false,
            house: vec![],
            query_log: None,
            resolver_log: None,
            leases: "/tmp/dhcp.leases".into(),
            router: "/var/run/leash-router".into(),
            state: "/etc/leash/state".into(),
            socket: "/var/run/leash/socket".into(),
            ubus: UBUS.into(),
            keep_on_stop: false,
            reject: true,
            mark: 0x0200_0000,
            lists: None,
            networks: None,
            vendors: None,
        };
        let config = Config::default();
        assert_eq!(config.daemon, expected);
        assert_eq!((config.grace, config.block_for, config.blocking), (Span::secs(2), Span::days(1), true));
        assert_eq!((config.default_mode, config.quiet_hours), (Mode::Observe, None));
        assert_eq!(parse("", &[]), (config, vec![]));
    }

    #[test]
    fn every_problem_has_its_line_and_says_what_holds() {
        let text = "option early 1\nconfig leash\noption grace 2y\noption block_for 1s\nlist block_on magic\n\
             option odd 1\noption blok_for 1d\nlist interface 'br lan'\noption mark 3\noption quiet_hours 9999:00-6:00\n\
             option state relative\noption on_stop maybe\noption enabled maybe\nlist private abc\n\
             config device\noption mode guard\n\
             config device\noption mac 02:00:00:00:00:01\noption mode fierce\n\
             config device\noption mac 02:00\n\
             config pin\noption address 10.0.0.0/8\noption verdict block\n\
             config pin\noption mac 02\noption name a.example\noption verdict block\n\
             config pin\noption address a.example\noption verdict block\noption until soon\n\
             config pin\noption name a.example\nconfig pin\noption verdict block\n\
             config dragon\nnonsense\noption 'open\n";
        let (config, problems) = parse(text, &["scan", "relay"]);
        let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
        let expected = [
            "line 1: an option stands before the first 'config' line; it is ignored",
            "line 3: grace: '2y' is not a time from 0s to 1m; 2s holds",
            "line 4: block_for: '1s' is not a time from 1m to 30d; 1d holds",
            "line 5: block_on: 'magic' is not a detector (scan, relay); it is ignored",
            "line 6: 'odd' is not an option of 'leash'; it is ignored",
            "line 7: 'blok_for' is not an option of 'leash'; it is ignored; did you mean 'block_for'?",
            "line 8: interface: 'br lan' is not a network device such as br-lan; it is ignored",
            "line 9: mark: '3' is not one bit such as 0x02000000; 0x02000000 holds",
            "line 10: quiet_hours: '9999:00-6:00' is not a part of the day such as 23:00-06:00; it is ignored",
            "line 11: state: 'relative' is not an absolute path; /etc/leash/state holds",
            "line 12: on_stop: 'maybe' is not open or keep; open holds",
            "line 13: enabled: 'maybe' is not 0 or 1; 1 holds",
            "line 14: private: 'abc' is not a word of 4 to 64 characters; it is ignored",
            "line 15: a device needs a 'mac'; it is ignored",
            "line 19: mode: 'fierce' is not trust, observe, guard or local; the mode of its group, or the default mode holds",
            "line 21: mac: '02:00' is not a hardware address such as 02:11:22:33:44:55; the device at line 20 is ignored",
            "line 22: a pin cannot block addresses of the house; it is ignored",
            "line 26: mac: '02' is not a hardware address such as 02:11:22:33:44:55; the pin at line 25 is ignored",
            "line 30: address: 'a.example' is not an address or a prefix; the pin at line 29 is ignored",
            "line 32: until: 'soon' is not a date such as 2026-12-31 18:00; the pin at line 29 is ignored",
            "line 33: a pin's 'verdict' is allow or block; it is ignored",
            "line 35: a pin needs either an 'address' or a 'name'; it is ignored",
            "line 37: a section is leash, device, group or pin, not 'dragon'; it is ignored",
            "line 38: a line is: config TYPE 'NAME', option KEY 'VALUE' or list KEY 'VALUE'; it is ignored",
            "line 39: a quote is not closed; the line is ignored",
        ];
        assert_eq!(said, expected);
        let device = (Mac([2, 0, 0, 0, 0, 1]), DeviceConfig { section: 17, ..DeviceConfig::default() });
        assert_eq!(config, Config { devices: [device].into(), ..Config::default() });
    }

    #[test]
    fn what_is_said_twice_is_joined_or_named() {
        let [one, two, three] = [1, 2, 3].map(|last| Mac([2, 0, 0, 0, 0, last]));
        let text = "config leash\nlist block_on scan\nlist block_on relay\nlist block_on scan\noption grace 1s\n\
             config leash\noption grace 3s\noption grace soon\nlist interface br-a\noption interface br-b\n\
             config device\nlist mac 02:00:00:00:00:01\nlist mac 02-00-00-00-00-02\noption name laptop\n\
             config device 'tv'\noption mac '02:00:00:00:00:03 02:00:00:00:00:01'\noption mode guard\n\
             config device\noption mac 02:00:00:00:00:03\noption mac 02:00:00:00:00:02\noption mode local\n\
             config device 'tv'\noption name tv\n\
             config pin\nlist address 192.0.2.1\nlist address 192.0.2.2\noption verdict block\n\
             config pin\noption verdict allow\noption address 192.0.2.2\n\
             config pin\noption mac '02:00:00:00:00:03 02:00:00:00:00:02'\noption name a.example\noption verdict allow\n";
        let (config, problems) = parse(text, &["scan", "relay"]);
        let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
        let expected = [
            "line 7: line 5 has 'grace', too; this one holds",
            "line 8: grace: 'soon' is not a time from 0s to 1m; that of line 7 holds",
            "line 10: line 9 has 'interface', too: uci keeps only the last 'option interface', so write 'list interface'",
            "line 20: line 19 has 'mac', too: uci keeps only the last 'option mac', so write 'list mac'",
            "line 21: line 17 has the 'mode' of 02:00:00:00:00:03, too; this one holds",
            "line 23: line 14 has the 'name' of 02:00:00:00:00:01, too; this one holds",
            "line 26: line 25 has 'address', too; this one holds",
            "line 28: the pin at line 24 is on the same, and the first one holds; this one is ignored",
            "line 32: mac: '02:00:00:00:00:03 02:00:00:00:00:02' is not a hardware address such as 02:11:22:33:44:55; \
             the pin at line 31 is ignored",
        ];
        assert_eq!(said, expected);
        assert_eq!(config.block_on, ["scan", "relay"]);
        assert_eq!(config.daemon.interfaces, ["br-a", "br-b"]);
        let seen = [one, two, three].map(|mac| (config.devices[&mac].name.as_deref(), config.devices[&mac].mode));
        let modes = [Mode::Guard, Mode::Local, Mode::Local].map(Some);
        assert_eq!(seen, [(Some("tv"), modes[0]), (Some("laptop"), modes[1]), (Some("tv"), modes[2])]);
    }

    #[test]
    fn groups_and_types_are_read() {
        let text = "config device\n option mac 02:00:00:00:00:01\n option type tv\n option group 'the den'\n\
            config device\n option mac 02:00:00:00:00:02\n option group 'the den'\n option mode trust\n\
            config group\n option name 'the den'\n option mode local\nconfig group\n option name 'the den'\n option mode guard\n\
            config group\n option mode guard\nconfig device\n option mac 02:00:00:00:00:03\n option type toaster\n";
        let (config, problems) = parse(text, &[]);
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [12, 15, 19], "{problems:?}");
        let mode = |last| config.devices[&Mac([2, 0, 0, 0, 0, last])].mode;
        assert_eq!([mode(1), mode(2), mode(3)], [None, Some(Mode::Trust), None]);
        assert_eq!((config.group_mode("the den"), config.group_mode("attic")), (Some(Mode::Local), None));
        assert_eq!(config.devices[&Mac([2, 0, 0, 0, 0, 1])].kind, Some(crate::kind::Kind::Tv));
        assert_eq!(config.devices.len(), 3, "a wrong type leaves the rest of its section");
    }

    /// The table of settings in openwrt/README.md is this one. A star is at what changes with a restart.
    #[test]
    fn the_document_has_every_setting() {
        let (_, settings) = SECTIONS[0];
        let mut table = String::from("| option | default | takes | what it is for |\n|---|---|---|---|\n");
        for setting in settings {
            let defaults: Vec<String> = setting.defaults().iter().map(|value| format!("`{value}`")).collect();
            let star = if setting.restart { " \\*" } else { "" };
            let Setting { name, takes, about, .. } = setting;
            table += &format!("| `{name}`{star} | {} | {takes} | {about} |\n", defaults.join(", "));
        }
        let document = include_str!("../../openwrt/README.md");
        assert!(document.contains(&table), "put this into openwrt/README.md:\n{table}");
    }

    #[test]
    fn a_range_ends_where_its_sentence_says() {
        let (_, settings) = SECTIONS[0];
        let mut ranges = 0;
        for setting in settings {
            let Some((from, to)) = setting.takes.strip_prefix("a time from ").and_then(|s| s.split_once(" to ")) else {
                continue;
            };
            let taken = |value: &str| {
                let text = format!("config leash\noption {} '{value}'", setting.name);
                parse(&text, &[]).1.is_empty()
            };
            let [from, to] = [from, to].map(|end| Span::parse(end).unwrap().0 / 1_000);
            assert!(taken(&format!("{from}ms")) && taken(&format!("{to}ms")), "{}", setting.name);
            assert!(!taken(&format!("{}ms", to + 1)), "{}", setting.name);
            assert!(from == 0 || !taken(&format!("{}ms", from - 1)), "{}", setting.name);
            ranges += 1;
        }
        assert_eq!(ranges, 2);
    }
}
