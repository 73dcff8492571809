//! leash keeps the devices of a home on a leash.
//!
//! Reading order: [`model`], [`mode`] and [`pin`] have the nouns, [`event`] every fact that can reach the [`engine`],
//! which turns facts into verdicts and asks the detectors in [`detect`]. [`wire`] reads bytes, [`replay`] makes events
//! of a capture's packets and drives the engine with a file. Only [`live`] touches clocks, files and the kernel.
//! [`cli`] is what a person calls. The map is src/README.md.

pub mod anonymise;
pub mod api;
pub mod cli;
pub mod config;
pub mod detect;
pub mod engine;
pub mod event;
pub mod fnv;
pub mod kind;
pub mod limits;
pub mod live;
pub mod mode;
pub mod model;
pub mod pin;
pub mod reference;
pub mod replay;
pub mod ruleset;
pub mod sentence;
pub mod tables;
pub mod time;
pub mod units;
pub mod wire;

/// The example of a detector in src/README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
