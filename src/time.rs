//! Time as the engine knows it: an argument, never a clock.
//!
//! [`Time`] only grows; ages and deadlines are made of it. [`Wall`] is the date as people and files have it, which may
//! jump. [`Clock`] makes engine times of the dates in a file, so that a capture stitched together from two years, or a
//! router that learns the date a minute after it booted, harms neither ages nor the dates that are shown.

use std::fmt;
use std::ops::{Add, Div, Mul, Sub};

/// An instant, in microseconds since an arbitrary start. It never runs backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A date, in microseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

/// A length of time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

impl Span {
    /// Makes a span of `n` milliseconds.
    pub const fn ms(n: u64) -> Span {
        Span(n * 1_000)
    }
    /// Makes a span of `n` seconds.
    pub const fn secs(n: u64) -> Span {
        Span(n * 1_000_000)
    }
    /// Makes a span of `n` minutes.
    pub const fn mins(n: u64) -> Span {
        Span::secs(n * 60)
    }
    /// Makes a span of `n` hours.
    pub const fn hours(n: u64) -> Span {
        Span::mins(n * 60)
    }
    /// Makes a span of `n` days.
    pub const fn days(n: u64) -> Span {
        Span::hours(n * 24)
    }

    /// Returns the whole milliseconds in it.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }
    /// Returns the whole seconds in it.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }
    /// Returns its length in seconds, rounded up.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000)
    }

    /// Returns seconds with six decimals, as event files have them; [`Span::parse_decimal`] reads them.
    pub fn decimal(self) -> impl fmt::Display {
        fmt::from_fn(move |f| write!(f, "{}.{:06}", self.as_secs(), self.0 % 1_000_000))
    }

    /// Reads seconds with exactly six decimals: `0.025000`. Returns `None` for any other text.
    pub fn parse_decimal(text: &str) -> Option<Span> {
        let (seconds, micros) = text.split_once('.')?;
        if micros.len() != 6 || !seconds.bytes().chain(micros.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros.parse().ok()?).map(Span)
    }

    /// Reads `250ms`, `30` or `30s`, `10m`, `2h`, `7d`. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Span> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().ok()?;
        let unit = match unit {
            "ms" => 1_000,
            "" | "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return None,
        };
        number.checked_mul(unit).map(Span)
    }
}

/// Shows at most two units: `1.5 s`, `12 s`, `3 min`, `2 h 5 min`, `4 d 3 h`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (ms, s) = (self.as_millis(), self.as_secs());
        let pair = |f: &mut fmt::Formatter, big: u64, big_unit, small: u64, small_unit| match small {
            0 => write!(f, "{big} {big_unit}"),
            _ => write!(f, "{big} {big_unit} {small} {small_unit}"),
        };
        match s {
            0 => write!(f, "{ms} ms"),
            1..=9 if ms % 1_000 >= 100 => write!(f, "{s}.{} s", ms % 1_000 / 100),
            1..=59 => write!(f, "{s} s"),
            60..=3_599 => write!(f, "{} min", s / 60),
            3_600..=86_399 => pair(f, s / 3_600, "h", s % 3_600 / 60, "min"),
            _ => pair(f, s / 86_400, "d", s % 86_400 / 3_600, "h"),
        }
    }
}

impl From<std::time::Duration> for Span {
    fn from(duration: std::time::Duration) -> Span {
        Span(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Returns a multiple of a span, at most the longest span there is.
impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, factor: u64) -> Span {
        Span(self.0.saturating_mul(factor))
    }
}

/// Returns how many whole times another span, which must not be 0, fits into this one.
impl Div for Span {
    type Output = u64;
    fn div(self, unit: Span) -> u64 {
        self.0 / unit.0
    }
}

impl Time {
    /// Returns how long ago `earlier` was: a span of 0 when it is not earlier.
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
    /// Returns the milliseconds since the start, modulo 2³² (49 days), for those who keep many times.
    pub fn wrapping_millis(self) -> u32 {
        self.since(Time(0)).as_millis() as u32
    }
    /// Returns the whole minutes since the start.
    pub fn minute(self) -> u64 {
        self.since(Time(0)) / Span::mins(1)
    }
    /// Returns the whole hours since the start.
    pub fn hour(self) -> u64 {
        self.since(Time(0)) / Span::hours(1)
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

/// Returns an earlier instant, at the earliest the start.
impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}

impl Wall {
    /// Makes a date of seconds since 1970-01-01 UTC.
    pub const fn secs(n: i64) -> Wall {
        Wall(n.saturating_mul(1_000_000))
    }
    /// Makes a date of seconds with a fraction, as the JSON has them; rounded to a microsecond.
    pub fn from_secs_f64(seconds: f64) -> Wall {
        Wall((seconds * 1e6).round() as i64)
    }
    /// Makes the date at which an hour begins; the reverse of [`Wall::hour`].
    pub const fn from_hour(hour: u32) -> Wall {
        Wall::secs(hour as i64 * 3_600)
    }
    /// Returns the whole seconds since 1970-01-01 UTC, negative before it.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    /// Returns the seconds since 1970-01-01 UTC with their fraction, as the JSON has them.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// Returns the whole hours since 1970-01-01 UTC, 0 before it.
    pub fn hour(self) -> u32 {
        (self.as_secs() / 3_600).max(0) as u32
    }
    /// Returns the date at which the day, in UTC, began.
    pub const fn midnight(self) -> Wall {
        Wall::secs(self.as_secs().div_euclid(86_400) * 86_400)
    }
    /// Returns how long ago `earlier` was: a span of 0 when it is not earlier.
    pub fn since(self, earlier: Wall) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
    /// Returns the span between two dates, whichever is earlier.
    pub const fn abs_diff(self, other: Wall) -> Span {
        Span(self.0.abs_diff(other.0))
    }

    /// Reads Unix seconds with six decimals, the form of the event file. Returns `None` for what is not such a number
    /// or does not fit the years 1970 to 9999.
    pub fn parse(text: &str) -> Option<Wall> {
        let span = Span::parse_decimal(text)?;
        i64::try_from(span.0).ok().filter(|wall| *wall < Self::END).map(Wall)
    }

    const END: i64 = 253_402_300_800_000_000;

    /// Reads Unix seconds, `2026-12-31`, `2026-12-31 18:00` or `2026-12-31 18:00:00` (or with a `T` between) in UTC.
    /// Returns
    /// `None` for any other text.
    pub fn parse_date(text: &str) -> Option<Wall> {
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
        let wall = |seconds: i64| seconds.checked_mul(1_000_000).filter(|wall| *wall < Self::END).map(Wall);
        if let Some(seconds) = number(text) {
            return wall(seconds);
        }
        let (date, time) = text.trim_end_matches('Z').split_once([' ', 'T']).unwrap_or((text, "0:0"));
        let mut date = date.splitn(3, '-').map(number);
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let mut time = time.splitn(3, ':').map(number);
        let (hour, minute, second) = (time.next()??, time.next()??, time.next().unwrap_or(Some(0))?);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // The reverse of [`Wall::date`].
        let year = year - i64::from(month <= 2);
        let (era, yoe) = (year.div_euclid(400), year.rem_euclid(400));
        let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
        wall(days * 86_400 + hour * 3_600 + minute * 60 + second)
    }

    /// Returns the date in the time zone that is `offset_minutes` ahead of UTC, which stands behind it: `2026-11-23
    /// 09:15:27 +01:00`, or `UTC`.
    pub fn date_at(self, offset_minutes: i16) -> String {
        let seconds = self.as_secs() + i64::from(offset_minutes) * 60;
        let date = Wall::secs(seconds).date();
        let (sign, minutes) = (if offset_minutes < 0 { '-' } else { '+' }, offset_minutes.unsigned_abs());
        match minutes {
            0 => format!("{date} UTC"),
            _ => format!("{date} {sign}{:02}:{:02}", minutes / 60, minutes % 60),
        }
    }

    /// Returns the date as `2026-11-23 08:15:27` in UTC (days to civil date: H. Hinnant, "chrono-compatible low-level
    /// date algorithms").
    pub fn date(self) -> String {
        let seconds = self.as_secs();
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
        let year = yoe + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}.{:06}", self.as_secs(), self.0.rem_euclid(1_000_000))
    }
}

impl Add<Span> for Wall {
    type Output = Wall;
    fn add(self, span: Span) -> Wall {
        Wall(self.0.saturating_add_unsigned(span.0))
    }
}

impl Sub<Span> for Wall {
    type Output = Wall;
    fn sub(self, span: Span) -> Wall {
        Wall(self.0.saturating_sub_unsigned(span.0))
    }
}

/// When a fact was true, for the engine's arithmetic and for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The instant, in the engine's time.
    pub now: Time,
    /// The date that the source states, which is right also where packets are out of order.
    pub wall: Wall,
}

impl Stamp {
    /// Returns the date at which [`Stamp::now`] was 0: it moves when the wall clock is set.
    pub fn start(self) -> Wall {
        self.wall - self.now.since(Time(0))
    }
}

/// Maps the dates of a file to [`Time`].
#[derive(Clone, Debug, Default)]
pub struct Clock {
    last: Option<(Time, Wall)>,
}

impl Clock {
    /// Packets that several interfaces or cores wrote are out of order by less than this; then time just stands still.
    pub const REORDER: Span = Span::secs(60);
    /// A longer silence is taken for a clock that was set, or for a file that was stitched together.
    pub const SILENCE: Span = Span::days(2);

    /// Whether a packet of this date does not continue the time before it, as the first packet never does.
    pub fn jumps(&self, wall: Wall) -> bool {
        self.last.is_none_or(|(_, last)| wall.since(last) > Self::SILENCE || last.since(wall) > Self::REORDER)
    }

    /// Sets the clock to `wall`, while the engine's time goes on as if a minute had passed. Returns the new stamp.
    pub fn jump(&mut self, wall: Wall) -> Stamp {
        let now = self.last.map_or(Time(0), |(now, _)| now + Self::REORDER);
        self.last = Some((now, wall));
        Stamp { now, wall }
    }

    /// Lets time pass until `wall`, or stand still when `wall` lies behind. Returns the stamp of a fact of this date.
    pub fn advance(&mut self, wall: Wall) -> Stamp {
        let (now, last) = *self.last.get_or_insert((Time(0), wall));
        let now = now + wall.since(last);
        self.last = Some((now, wall.max(last)));
        Stamp { now, wall }
    }

    /// Returns how far time has come. Its date is later than that of a packet that is out of order.
    pub fn stands(&self) -> Stamp {
        self.last.map_or(Stamp::default(), |(now, wall)| Stamp { now, wall })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        for date in ["1970-01-01 00:00:00", "2000-02-29 23:59:59", "2026-11-24 20:46:55", "9999-12-31 00:00:00"] {
            assert_eq!(Wall::parse_date(date).unwrap().date(), date);
        }
        assert_eq!(Wall::parse_date("2026-12-31").unwrap().date(), "2026-12-31 00:00:00");
        assert_eq!(Wall::parse_date("2026-12-31T18:05Z").unwrap().date(), "2026-12-31 18:05:00");
        assert_eq!(Wall::parse_date("1767225600"), Some(Wall::secs(1_767_225_600)));
        for bad in ["", "soon", "2026-13-01", "2026-12-31 24:00", "26-1-1", "2026-12", "99999999999999999999"] {
            assert_eq!(Wall::parse_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_are_read_and_shown() {
        assert_eq!(Span::parse("10m"), Some(Span::mins(10)));
        assert_eq!(Span::parse("30"), Some(Span::secs(30)));
        assert_eq!(Span::parse("250ms"), Some(Span::ms(250)));
        for bad in ["", "m", "-1s", "1w", "99999999999999999999", "18446744073709551615d"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
        let said: Vec<String> = [40_000, 1_500_000, 12_000_000, 180_000_000, 7_500_000_000, 356_400_000_000]
            .map(|us| Span(us).to_string())
            .into();
        assert_eq!(said, ["40 ms", "1.5 s", "12 s", "3 min", "2 h 5 min", "4 d 3 h"]);
    }

    #[test]
    fn walls_round_trip_and_know_their_date() {
        let wall = Wall::parse("1385474294.492448").unwrap();
        assert_eq!((wall.to_string().as_str(), wall.date().as_str()), ("1385474294.492448", "2013-11-26 13:58:14"));
        assert_eq!(Wall(0).date(), "1970-01-01 00:00:00");
        assert_eq!(Wall::secs(1_800_000_000).date_at(0), "2027-01-15 08:00:00 UTC");
        assert_eq!(Wall::secs(1_800_000_000).date_at(330), "2027-01-15 13:30:00 +05:30");
        assert_eq!(Wall(0).date_at(-90), "1969-12-31 22:30:00 -01:30");
        assert_eq!(Wall::parse("1709164800.000000").unwrap().date(), "2024-02-29 00:00:00");
        for bad in ["1", "1.5", "-1.000000", "1.00000x", "999999999999999.000000", "+1.000000"] {
            assert_eq!(Wall::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn time_stands_still_for_reordered_packets_and_survives_jumps() {
        let mut clock = Clock::default();
        let start = Wall(1_000_000_000_000_000);
        assert!(clock.jumps(start));
        assert_eq!(clock.jump(start), Stamp { now: Time(0), wall: start });
        assert_eq!(clock.advance(start + Span(500)).now, Time(500));
        let behind = start + Span(400);
        assert!(!clock.jumps(behind));
        assert_eq!(clock.advance(behind), Stamp { now: Time(500), wall: behind });
        assert_eq!(clock.stands(), Stamp { now: Time(500), wall: start + Span(500) });
        let later = start + Span::days(900);
        assert!(clock.jumps(later));
        assert_eq!(clock.jump(later), Stamp { now: Time(500) + Clock::REORDER, wall: later });
        assert!(clock.jumps(start) && clock.jump(start).now > Time(500) + Clock::REORDER);
    }
}
