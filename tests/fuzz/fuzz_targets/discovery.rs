//! What stations tell each other by multicast DNS and SSDP. Texts are bounded and printable, and few.
#![no_main]
use leash::event::Event;
use leash::model::Mac;
use leash::tables::traits::Traits;
use leash::wire::discovery::{Announcements, PORTS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for port in PORTS {
        let (mut told, mut traits) = (Vec::new(), Traits::default());
        Announcements::default().read(Mac([2, 0, 0, 0, 0, 7]), port, data, &mut told);
        assert!(told.len() <= 128);
        for event in &told {
            let Event::Announced { by, text, .. } = event else { panic!("{event:?}") };
            assert!(
                !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic()),
                "{text}"
            );
            assert_eq!(event.to_string().parse().as_ref(), Ok(event));
            traits.note_announced(*by, text);
        }
        let saved = traits.save();
        assert!(saved.is_none_or(|text| Traits::restore(&text).is_some()));
        traits.note_name(&String::from_utf8_lossy(data));
    }
});
