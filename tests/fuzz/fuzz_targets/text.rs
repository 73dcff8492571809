//! What people write (settings, the router's own among them), what leash wrote earlier (state), and what callers send (JSON of the control socket).
//! State that was taken up is written so that it is taken up again.
#![no_main]
use leash::engine::Engine;
use leash::engine::state::Extent;
use leash::time::{Stamp, Time, Wall};
use leash::wire::rdap;
use leash::{api, config, detect, ruleset};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let (config, _) = config::parse(&text, &detect::NAMES);
    let _ = (config::router::networks(&text, &text), config::router::resolvers(&text));
    let at = Stamp { now: Time(1 << 40), wall: Wall(1_767_225_600_000_000) };
    let mut engine = Engine::new(config);
    let _ = engine.load(&text, at);
    let shape = ruleset::Rules { pins: engine.prefix_pins(at.wall), ..Default::default() };
    let _ = ruleset::render(&shape, &engine.elements(at));
    let mut saved = Vec::new();
    engine.save(&mut saved, Extent::Whole, at).unwrap();
    let saved = String::from_utf8(saved).unwrap();
    let mut again = Engine::new(config::parse("", &[]).0);
    assert_eq!(again.load(&saved, at), Ok(0), "{saved}");
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        let _ = (api::find(&value.to_string()), rdap::url(&value, "vendor.example.com"), rdap::registration_day(&value));
    }
});
