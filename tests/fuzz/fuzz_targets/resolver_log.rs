//! What a resolver on the LAN answers when it is asked for its log. What it yields fits the text form of events.
#![no_main]
use leash::wire::resolver_log::LogReader;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for place in ["adguard://a:b@10.0.0.1", "pihole://10.0.0.1", "pihole://b@[fd00::1]"] {
        let (mut reader, mut out) = (LogReader::new(place.parse().unwrap()), Vec::new());
        for response in data.split(|byte| *byte == 0) {
            let request = reader.request();
            let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
            assert!(request[..head].split(|byte| *byte == b'\n').count() <= 6, "nothing of an answer makes a line");
            let _ = reader.answer(response, &mut out);
        }
        for event in &out {
            assert_eq!(&event.to_string().parse::<leash::event::Event>().unwrap(), event);
        }
    }
});
