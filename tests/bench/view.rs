//! How long the page's two questions take, `devices` and `status`, for a house of 64 devices with 10,000 flows.
//!
//! usage: cargo bench --bench view
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a bench reads the clock")]

use leash::config;
use leash::detect;
use leash::engine::Engine;
use leash::event;
use leash::time::Clock;
use std::fmt::Write;
use std::time::Instant;

const DEVICES: u32 = 64;
const FLOWS: u32 = 10_000;
const ROUNDS: usize = 101;

/// Events of a house in which every device has looked up three of four addresses that it calls.
fn house() -> String {
    let mut text = String::from("1000.000000 clock\n");
    for device in 0..DEVICES {
        let _ = writeln!(text, "1000.000000 neighbour 192.168.8.{} 02:00:00:00:00:{device:02x}", device + 10);
    }
    for flow in 0..FLOWS {
        let (device, port) = (flow % DEVICES + 10, 20_000 + flow / DEVICES);
        let address = format!("203.{}.{}.{}", flow % DEVICES, flow / DEVICES % 200, flow % 7 + 1);
        if flow % 4 > 0 {
            let name = format!("host{flow}.example{}.com", flow % 50);
            let _ = writeln!(text, "1001.000000 looked 192.168.8.{device} 192.168.8.1 1 {name} found {address}");
        }
        let _ = writeln!(text, "1002.000000 opened tcp 192.168.8.{device}:{port} > {address}:443");
    }
    text + "1010.000000 clock\n"
}

fn median(mut work: impl FnMut() -> usize) -> (f64, usize) {
    let mut bytes = 0;
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            bytes = work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[ROUNDS / 2], bytes)
}

fn main() {
    let mut engine = Engine::new(config::parse("config leash", &detect::NAMES).0);
    let mut clock = Clock::default();
    for line in house().lines() {
        let (event, stamp) = event::read(line, &mut clock).unwrap();
        engine.handle(event, stamp);
    }
    engine.drain().for_each(drop);
    let size = |value: Vec<serde_json::Value>| serde_json::Value::from(value).to_string().len();
    let (devices, bytes) = median(|| size(engine.summaries()));
    let (both, _) = median(|| size(engine.summaries()) + engine.status().to_string().len());
    let contacts = engine.status()["contacts"].clone();
    println!("{DEVICES} devices, {contacts} contacts, {FLOWS} flows, median of {ROUNDS}");
    println!("devices: {devices:.2} ms, {bytes} bytes");
    println!("devices and status, as the page asks: {both:.2} ms");
}
