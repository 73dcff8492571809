//! Pins: the user's own verdicts on destinations. They come from the settings and from orders at run time.

use crate::model::{Mac, is_local};
use crate::time::Wall;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// The user's own verdict on a destination. It beats all detectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The device that the pin is for; absent if it is for all devices.
    pub mac: Option<Mac>,
    /// The destinations that the pin is on.
    pub target: Target,
    /// The pin blocks its target if this is true, and allows it if this is false.
    pub block: bool,
    /// When the pin ends; absent if it never does.
    pub until: Option<Wall>,
}

impl Pin {
    /// Returns true if the pin is still in force at `wall`.
    pub fn holds(&self, wall: Wall) -> bool {
        self.until.is_none_or(|until| wall < until)
    }

    /// Returns the word that the configuration and the JSON use for the verdict.
    pub fn verdict(&self) -> &'static str {
        if self.block { "block" } else { "allow" }
    }

    /// Returns the address that the pin is on; absent if it is on a wider prefix or on a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.target.address()
    }
}

/// The destinations that a pin is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address or a prefix.
    Prefix(IpNet),
    /// A name and all names below it. It stands for the addresses that the device's lookups yielded for them.
    Name(String),
}

impl Target {
    /// Reads an address, a prefix or a name; `block` says whether the pin is to block it.
    ///
    /// # Errors
    /// Returns a sentence that says why the text cannot be pinned.
    pub fn parse(text: &str, block: bool) -> Result<Target, String> {
        let net = text.parse::<IpAddr>().map(IpNet::from).or_else(|_| text.parse());
        match net {
            Ok(net) if block && is_local(net.network()) => Err("a pin cannot block addresses of the house".into()),
            Ok(net) => Ok(Target::Prefix(net.trunc())),
            Err(_) => {
                let name = text.trim_end_matches('.').to_ascii_lowercase();
                let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
                let plain = !name.is_empty() && name.len() <= 253 && name.bytes().all(fits);
                let named = plain && name.bytes().any(|b| b.is_ascii_alphabetic());
                named
                    .then_some(Target::Name(name))
                    .ok_or_else(|| format!("'{}' is neither an address, a prefix nor a name", text.escape_default()))
            }
        }
    }

    /// Returns the address of a target that is a single address; absent for a wider prefix or a name.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Target::Prefix(net) if net.prefix_len() == net.max_prefix_len() => Some(net.addr()),
            _ => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self, self.address()) {
            (_, Some(address)) => write!(f, "{address}"),
            (Target::Prefix(net), None) => write!(f, "{net}"),
            (Target::Name(name), None) => f.write_str(name),
        }
    }
}
