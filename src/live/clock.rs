//! The machine's clocks and its time zone.
#![allow(unsafe_code, reason = "localtime_r, which nix does not wrap")]

use crate::time::{Stamp, Time, Wall};
use nix::libc;
use nix::time::{ClockId, clock_gettime};

/// Returns the time since the machine started (a standby included), and the date.
#[allow(clippy::unnecessary_cast, reason = "they have 32 bits on some routers")]
pub fn now() -> Stamp {
    let read = |clock| clock_gettime(clock).map_or((0, 0), |time| (time.tv_sec() as i64, time.tv_nsec() as i64));
    let micros = |(seconds, nanos): (i64, i64)| seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000);
    let (since_start, date) = (micros(read(ClockId::CLOCK_BOOTTIME)), micros(read(ClockId::CLOCK_REALTIME)));
    Stamp { now: Time(since_start.max(0) as u64), wall: Wall(date.max(0)) }
}

/// Takes the time zone of the router where the environment has none: OpenWrt has it in /etc/TZ, which its shells and
/// programs of others than its own C library do not know. Call it before there is a second thread.
pub fn use_routers_zone() {
    if std::env::var_os("TZ").is_none()
        && let Ok(zone) = std::fs::read_to_string("/etc/TZ")
    {
        // SAFETY: no other thread reads the environment, because there is none yet.
        unsafe { std::env::set_var("TZ", zone.trim()) };
    }
}

/// Returns by how many minutes local time is ahead of UTC at this date, by TZ or /etc/localtime.
pub fn utc_offset_minutes(wall: Wall) -> i16 {
    #[allow(deprecated, reason = "nix's libc names it so; musl has 64 bits")]
    let seconds = wall.as_secs() as libc::time_t;
    // SAFETY: all zeroes is a valid `tm`.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to values of our own.
    let done = unsafe { libc::localtime_r(&raw const seconds, &raw mut local) };
    if done.is_null() { 0 } else { i16::try_from(local.tm_gmtoff / 60).unwrap_or_default() }
}
