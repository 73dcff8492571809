//! The only clock.

use crate::time::{Stamp, Time, Wall};
use nix::time::{ClockId, clock_gettime};

#[allow(clippy::unnecessary_cast, reason = "they have 32 bits on some routers")]
/// Now: since the machine started (a standby included), and the date.
pub fn now() -> Stamp {
    let read = |clock| clock_gettime(clock).map_or((0, 0), |time| (time.tv_sec() as i64, time.tv_nsec() as i64));
    let micros = |(seconds, nanos): (i64, i64)| seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000);
    let (since_start, date) = (micros(read(ClockId::CLOCK_BOOTTIME)), micros(read(ClockId::CLOCK_REALTIME)));
    Stamp { now: Time(since_start.max(0) as u64), wall: Wall(date.max(0)) }
}
