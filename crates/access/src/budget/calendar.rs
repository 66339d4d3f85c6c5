//! The periods of a calendar, as windows of time.

use exuvia_config::Period;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, ZonedDateTime};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A window of time, in milliseconds since the epoch: from its start to just before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// When it begins.
    pub start_ms: u64,
    /// When the next one begins.
    pub end_ms: u64,
}

impl Window {
    /// Where the calendar has no windows: all of it.
    const WHOLE: Self = Self { start_ms: 0, end_ms: u64::MAX };

    /// Whether it is this time in it.
    #[must_use]
    pub fn has(self, now_ms: u64) -> bool {
        (self.start_ms..self.end_ms).contains(&now_ms)
    }
}

/// Periods of a calendar in a time zone. The same moment is in the same window for every process, whatever it has seen before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calendar {
    pub(crate) period: Period,
    pub(crate) time_zone: TimeZone,
}

impl Calendar {
    /// The window of a moment.
    pub(crate) fn window(&self, now_ms: u64) -> Window {
        self.found(now_ms).unwrap_or(Window::WHOLE)
    }

    /// None: a year that no calendar has.
    fn found(&self, now_ms: u64) -> Option<Window> {
        let now = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?;
        let local = now.to_zoned_datetime(self.time_zone.clone());
        let (start, end) = match self.period {
            Period::Minute => self.of_clock(&local, MINUTE_MS)?,
            Period::Hour => self.of_clock(&local, HOUR_MS)?,
            Period::Day => (ms(&local.start_of_day().ok()?), ms(&local.tomorrow().ok()?.start_of_day().ok()?)),
            Period::Month => {
                let first = local.first_of_month().ok()?;
                let next = first.checked_add(1.month()).ok()?;
                (ms(&first.start_of_day().ok()?), ms(&next.start_of_day().ok()?))
            }
        };
        let unsigned = |ms: i64| u64::try_from(ms.max(0)).ok();
        Some(Window { start_ms: unsigned(start)?, end_ms: unsigned(end)? }).filter(|window| window.has(now_ms))
    }

    /// The part of the local clock's day of this length. Where the clock is set in between, the window ends and another begins: the
    /// hour that occurs twice is two windows.
    fn of_clock(&self, local: &ZonedDateTime, length_ms: i64) -> Option<(i64, i64)> {
        let now = local.timestamp();
        let offset_ms = |moment: Timestamp| i64::from(self.time_zone.to_offset(moment).seconds()) * 1_000;
        let (now_ms, here) = (now.as_millisecond(), offset_ms(now));
        let start = now_ms - (now_ms + here).rem_euclid(length_ms);
        let end = start + length_ms;
        // A transition at this very moment is one that has been.
        let set_before = self.time_zone.preceding(Timestamp::from_millisecond(now_ms + 1).ok()?).next();
        let set_after = self.time_zone.following(now).next();
        let start = set_before.map_or(start, |set| set.timestamp().as_millisecond().max(start));
        let end = set_after.map_or(end, |set| set.timestamp().as_millisecond().min(end));
        Some((start, end))
    }
}

fn ms(moment: &ZonedDateTime) -> i64 {
    moment.timestamp().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().expect("a time").as_millisecond()).expect("after the epoch")
    }

    fn window(period: Period, zone: &str, now: &str) -> [String; 2] {
        let calendar = Calendar { period, time_zone: TimeZone::get(zone).expect("a zone") };
        let window = calendar.window(at(now));
        assert!(window.has(at(now)), "{window:?}");
        [window.start_ms, window.end_ms]
            .map(|ms| Timestamp::from_millisecond(i64::try_from(ms).expect("a time")).expect("a time").to_string())
    }

    #[test]
    fn a_day_is_that_of_its_zone_and_shorter_or_longer_where_the_clock_is_set() {
        let berlin = |now| window(Period::Day, "Europe/Berlin", now);
        assert_eq!(
            window(Period::Day, "UTC", "2026-11-29T23:59:59.999Z"),
            ["2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z"]
        );
        assert_eq!(berlin("2026-11-29T23:30:00Z"), ["2026-11-29T23:00:00Z", "2026-11-30T23:00:00Z"]);
        // 23 hours on the last Sunday of March, 25 on that of October.
        assert_eq!(berlin("2026-03-29T01:00:00Z"), ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]);
        assert_eq!(berlin("2026-10-25T01:00:00Z"), ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]);
        // Where the clock is put forward at midnight, the day begins at one.
        assert_eq!(
            window(Period::Day, "Africa/Cairo", "2024-04-26T00:30:00Z"),
            ["2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"]
        );
        assert_eq!(
            window(Period::Day, "Asia/Kathmandu", "2026-01-01T18:14:59Z"),
            ["2025-12-31T18:15:00Z", "2026-01-01T18:15:00Z"]
        );
    }

    #[test]
    fn a_month_ends_where_the_next_begins_whatever_its_length() {
        let month = |zone, now| window(Period::Month, zone, now);
        assert_eq!(month("UTC", "2024-02-29T23:59:59Z"), ["2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"]);
        assert_eq!(month("UTC", "2026-01-31T12:00:00Z"), ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]);
        assert_eq!(month("UTC", "2026-12-31T12:00:00Z"), ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
        // March begins in winter and ends in summer time.
        assert_eq!(month("Europe/Berlin", "2026-03-31T21:59:59Z"), ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"]);
        assert_eq!(month("Europe/Berlin", "2026-03-31T22:00:00Z"), ["2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z"]);
    }

    #[test]
    fn the_hour_that_occurs_twice_is_two_windows_and_the_one_that_is_left_out_is_none() {
        let hour = |zone, now| window(Period::Hour, zone, now);
        assert_eq!(hour("Europe/Berlin", "2026-10-25T00:30:00Z"), ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]);
        assert_eq!(hour("Europe/Berlin", "2026-10-25T01:30:00Z"), ["2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"]);
        assert_eq!(hour("Europe/Berlin", "2026-03-29T01:00:00Z"), ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
        assert_eq!(hour("Asia/Kolkata", "2026-01-01T00:10:00Z"), ["2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z"]);
        // Set by half an hour, at two o'clock.
        assert_eq!(
            hour("Australia/Lord_Howe", "2026-04-04T14:59:59Z"),
            ["2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z"]
        );
        assert_eq!(
            hour("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
            ["2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"]
        );
        let minute = window(Period::Minute, "Asia/Kolkata", "2026-01-01T00:10:59.999Z");
        assert_eq!(minute, ["2026-01-01T00:10:00Z", "2026-01-01T00:11:00Z"]);
    }

    #[test]
    fn windows_follow_one_another_without_a_gap_over_years() {
        for (period, end) in [
            (Period::Hour, "2024-12-01T00:00:00Z"),
            (Period::Day, "2026-12-01T00:00:00Z"),
            (Period::Month, "2030-01-01T00:00:00Z"),
        ] {
            for zone in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza"] {
                let calendar = Calendar { period, time_zone: TimeZone::get(zone).expect("a zone") };
                let mut window = calendar.window(at("2024-01-01T00:00:00Z"));
                while window.end_ms < at(end) {
                    let next = calendar.window(window.end_ms);
                    assert_eq!(
                        (next.start_ms, calendar.window(window.end_ms - 1)),
                        (window.end_ms, window),
                        "{zone} {period}"
                    );
                    window = next;
                }
            }
        }
    }

    #[test]
    fn a_year_beyond_the_calendar_is_one_window() {
        let calendar = Calendar { period: Period::Day, time_zone: TimeZone::UTC };
        assert_eq!([u64::MAX - 1, 1 << 62].map(|now| calendar.window(now)), [Window::WHOLE; 2]);
        assert_eq!(calendar.window(0), Window { start_ms: 0, end_ms: 86_400_000 });
    }
}
