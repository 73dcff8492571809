//! Orders that are to last, written into the settings. The `uci` program does it, as everywhere on OpenWrt, and it runs as
//! root, which the daemon does not.

use crate::config::uci;
use crate::live::progress;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// leash's settings.
const SETTINGS: &str = "/etc/config/leash";
/// Changes that somebody has made but not committed yet. uci would commit them together with ours, so they are moved aside
/// meanwhile.
const PENDING: &str = "/tmp/.uci/leash";
const ASIDE: &str = "/tmp/.uci-leash";

/// Writes the orders that the method `orders` returned. Returns how many were written. The error is a sentence.
pub fn write(orders: &Value) -> Result<usize, String> {
    let settings = progress::text(Path::new(SETTINGS)).unwrap_or_default();
    let (written, batch) = uci::batch(&settings, orders)?;
    if written == 0 {
        return Ok(0);
    }
    // What an earlier run moved aside before it was killed is older, and is moved back.
    let pending = fs::metadata(PENDING).is_ok_and(|data| data.len() > 0) && !Path::new(ASIDE).exists();
    if pending {
        fs::rename(PENDING, ASIDE).map_err(|e| format!("{PENDING}: {e}"))?;
    }
    let result = commit(&batch);
    if Path::new(ASIDE).exists() {
        fs::rename(ASIDE, PENDING).map_err(|e| format!("{PENDING}: {e}"))?;
    }
    result.map(|()| written)
}

fn commit(batch: &str) -> Result<(), String> {
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
