//! Orders that are to last come into the settings: by the `uci` program, as everything on OpenWrt does, and as root, which
//! the daemon is not.

use crate::{live::input, uci};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where uci has them.
const SETTINGS: &str = "/etc/config/leash";
/// Changes are gathered here, apart from those that somebody may be about to make.
const CHANGES: &str = "/tmp/.uci-leash";

/// Writes the orders that the method `orders` gave; says how many. The error is a sentence.
pub fn write(orders: &Value) -> Result<usize, String> {
    let settings = input::text(Path::new(SETTINGS)).unwrap_or_default();
    let (done, batch) = uci::batch(&settings, orders)?;
    if done == 0 {
        return Ok(0);
    }
    let absent = |error| format!("uci cannot be run ({error}); orders stay in leash's state file");
    let mut uci = Command::new("uci");
    let mut uci =
        uci.args(["-q", "-t", CHANGES, "batch"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(absent)?;
    if let Some(mut stdin) = uci.stdin.take() {
        stdin.write_all(batch.as_bytes()).map_err(absent)?;
    }
    let status = uci.wait().map_err(absent)?;
    if status.success() { Ok(done) } else { Err(format!("uci did not write the orders into {SETTINGS} ({status})")) }
}
