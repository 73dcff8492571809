//! Orders that are to last come into the settings: by the `uci` program, as everything on OpenWrt does, and as root, which
//! the daemon is not.

use crate::config::uci;
use crate::live::progress;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where uci has them.
const SETTINGS: &str = "/etc/config/leash";
/// Changes that somebody has made, but not committed yet. uci would commit them with ours, so they step aside meanwhile.
const PENDING: &str = "/tmp/.uci/leash";
const ASIDE: &str = "/tmp/.uci-leash";

/// Writes the orders that the method `orders` gave; says how many. The error is a sentence.
pub fn write(orders: &Value) -> Result<usize, String> {
    let settings = progress::text(Path::new(SETTINGS)).unwrap_or_default();
    let (done, batch) = uci::batch(&settings, orders)?;
    if done == 0 {
        return Ok(0);
    }
    // One that was left there by a keep that was killed stays the older one.
    let pending = fs::metadata(PENDING).is_ok_and(|data| data.len() > 0) && !Path::new(ASIDE).exists();
    if pending {
        fs::rename(PENDING, ASIDE).map_err(|e| format!("{PENDING}: {e}"))?;
    }
    let result = run(&batch);
    if Path::new(ASIDE).exists() {
        fs::rename(ASIDE, PENDING).map_err(|e| format!("{PENDING}: {e}"))?;
    }
    result.map(|()| done)
}

fn run(batch: &str) -> Result<(), String> {
    let absent = |error| format!("uci cannot be run ({error}); orders stay in leash's state file");
    let mut uci = Command::new("uci");
    let uci = uci.args(["-q", "batch"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut uci = uci.spawn().map_err(absent)?;
    if let Some(mut stdin) = uci.stdin.take() {
        stdin.write_all(batch.as_bytes()).map_err(absent)?;
    }
    let status = uci.wait().map_err(absent)?;
    if status.success() { Ok(()) } else { Err(format!("uci did not write the orders into {SETTINGS} ({status})")) }
}
