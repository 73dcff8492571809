//! How long it takes to null-route one address for a device, in a set that holds 10,000 already.
//!
//! `cargo bench --bench block` runs itself in a network namespace of its own (needs root and nft).
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark"
)]

use leash::live::enforce::Enforcer;
use leash::model::Mac;
use leash::ruleset::{Elements, Rules};
use leash::time::Span;
use std::process::Command;
use std::time::{Duration, Instant};

const HELD: u32 = 10_000;
const ADDED: u32 = 2_000;
/// Microseconds.
const MOST: f64 = 50.0;

fn main() {
    if std::env::var_os("INSIDE").is_none() {
        let own = std::env::current_exe().expect("a path of our own");
        let status = Command::new("unshare").arg("-n").arg(own).env("INSIDE", "1").status().expect("unshare runs");
        std::process::exit(status.code().unwrap_or(1));
    }
    let pair = |n: u32| (Mac([2, 0, 0, 0, 0, 9]), std::net::Ipv4Addr::from(0x2d0a_0000 + n).into());
    let shape = Rules { interfaces: vec!["lo".into()], mark: 0x0200_0000, reject: true, ..Rules::default() };
    let blocked = (0..HELD).map(|n| (pair(n), Some(Span::days(1)))).collect();
    let mut enforcer = Enforcer::open().expect("netlink, as root");
    enforcer.sync(&shape, Elements { blocked, ..Elements::default() });
    assert!(enforcer.loaded, "{:?}", enforcer.problem);
    let times = (HELD..HELD + ADDED).map(|n| {
        let begin = Instant::now();
        enforcer.block(pair(n), Some(Span::days(1)), &[]);
        begin.elapsed()
    });
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    let micros = |at: usize| times[at].as_secs_f64() * 1e6;
    let (half, most) = (micros(times.len() / 2), micros(times.len() * 99 / 100));
    println!("adding a block to a set of {HELD}: p50 {half:.1} us, p99 {most:.1} us");
    assert!(half <= MOST, "the budget is {MOST} us");
    assert!(enforcer.problem.is_none(), "{:?}", enforcer.problem);
    assert_eq!(enforcer.blocks_in_kernel().len() as u32, HELD + ADDED, "all of them are in the kernel");
}
