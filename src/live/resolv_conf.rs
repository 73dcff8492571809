//! resolv.conf (resolv.conf(5)): the resolvers that the router itself asks.

use crate::live::files;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

/// In /tmp itself anybody may put a file, so what OpenWrt had there until 19.07 is not read.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/tmp/resolv.conf.d/resolv.conf.auto"];

/// Returns the resolvers of the router's settings and those that its provider named, in order.
pub fn resolvers() -> Vec<IpAddr> {
    let texts = FILES.iter().filter_map(|path| files::trusted_text(Path::new(path)).ok());
    let mut found = BTreeSet::new();
    for text in texts {
        let words = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver "));
        found.extend(words.filter_map(|word| word.trim().parse::<IpAddr>().ok()));
    }
    found.into_iter().collect()
}
