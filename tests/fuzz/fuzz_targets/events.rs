//! Lines of an event file, and the same text as a configuration. An event that is read is written so that it is read
//! again as the same.
#![no_main]
use leash::event;
use leash::time::Clock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    leash::config::parse(text, &[]);
    let (mut reading, mut again) = (Clock::default(), Clock::default());
    for line in text.lines() {
        if let Ok((event, stamp)) = event::read(line, &mut reading) {
            let written = event::write(&event, stamp, &reading);
            assert_eq!(event::read(&written, &mut again).map(|(event, _)| event), Ok(event), "{written}");
        }
    }
});
