//! Any file: read as a capture or as events, through the whole engine, and shown as a person sees it. No control
//! characters reach the terminal.
#![no_main]
use leash::config::Config;
use leash::engine::Engine;
use leash::replay::Replay;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut engine = Engine::new(Config::default());
    engine.report_flows();
    let mut replay = Replay::new(Vec::new(), vec!["home wlan".into()]);
    let mut sink = |event, stamp, _: &leash::time::Clock| engine.handle(event, stamp);
    let _ = replay.read(data, &mut sink);
    let last = replay.finish(&mut sink);
    engine.finish(last);
    let ended: Vec<_> = engine.drain().collect();
    for action in &ended {
        if let leash::engine::Action::FlowEnded(ended) = action {
            assert!(!engine.flow(ended).to_string().contains('\n'));
        }
    }
    let mut report = leash::cli::report::Report::new(Default::default());
    engine.devices().for_each(|device| report.device(&device));
    let text = report.finish(&engine.summary());
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "control characters reach the terminal");
});
