//! Lines of dnsmasq's query log and of its leases file. What they yield fits the text form of events.
#![no_main]
use leash::wire::dnsmasq;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (mut log, mut out) = (dnsmasq::QueryLogParser::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        log.line(line, &mut out);
        log.flush(&mut out);
        let _ = dnsmasq::parse_lease(&String::from_utf8_lossy(line));
    }
    for event in &out {
        assert_eq!(&event.to_string().parse::<leash::event::Event>().unwrap(), event);
    }
});
