#![no_main]
use leash::wire::dnsmasq;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (mut log, mut out) = (dnsmasq::QueryLogParser::default(), Vec::new());
    for line in data.split(|byte| *byte == b'\n') {
        log.line(line, &mut out);
        log.flush(&mut out);
        let _ = dnsmasq::parse_lease(&String::from_utf8_lossy(line));
    }
    // What it says is told in the text form, so it must fit it.
    for event in &out {
        assert_eq!(&event.to_string().parse::<leash::event::Event>().unwrap(), event);
    }
});
