//! What is known: devices, names, flows, contacts, and the counters of each device and contact. The engine writes here;
//! detectors read.

pub mod contacts;
pub mod counters;
pub mod devices;
pub mod domain;
pub mod flows;
pub mod names;
pub mod service;
