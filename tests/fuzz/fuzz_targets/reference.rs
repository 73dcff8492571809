//! Lists of addresses and names, and files of networks and of vendors, by whoever publishes such. What is listed is
//! found again, and nothing that the house needs is ever listed.
#![no_main]
use leash::fnv::fnv32;
use leash::model::Mac;
use leash::reference::lists::Reader;
use leash::reference::networks::Networks;
use leash::reference::vendors;
use std::net::IpAddr;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::default();
    reader.read("first", data).unwrap();
    reader.read("again", data).unwrap();
    let lists = reader.finish();
    let networks = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len().saturating_sub(4));
        bytes.extend(fnv32(&bytes).to_be_bytes());
        Networks::open(Box::new(bytes))
    };
    let networks = networks(data.to_vec());
    for window in data.windows(16).step_by(7).take(64) {
        let v6 = <[u8; 16]>::try_from(window).unwrap();
        let v4 = <[u8; 4]>::try_from(&window[..4]).unwrap();
        for ip in [IpAddr::from(v6), IpAddr::from(v4)] {
            let _ = (lists.address(ip), networks.as_ref().map(|networks| networks.of(ip)));
        }
        let _ = lists.name(&String::from_utf8_lossy(window));
    }
    let macs: Vec<Mac> = data.chunks_exact(6).take(8).map(|mac| Mac(mac.try_into().unwrap())).collect();
    let _ = vendors::find(&[b"leash vendors 1\n", data].concat(), &macs, &mut |mac, name| {
        assert!(macs.contains(&mac) && !name.is_empty());
    });
    for line in String::from_utf8_lossy(data).lines() {
        if let Ok(ip) = line.parse::<IpAddr>() {
            assert_eq!(lists.address(ip).is_some(), !leash::model::is_local(ip), "{line}");
        }
    }
});
