//! Moments in time, as AWS writes and reads them.
//!
//! Spec: States Language, "Timestamps": RFC 3339 with a capital `T`, and a capital `Z` where there is no offset.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds left out: what AWS tells a moment to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A moment to the nanosecond, which is as exact as AWS compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// The moment so many milliseconds after the epoch.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time so many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::from(seconds) * 1000))
    }

    /// The time so many milliseconds later.
    #[must_use]
    pub fn plus_millis(self, milliseconds: u64) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(milliseconds))
    }

    /// Reads `2024-01-02T03:04:05.678Z` and its like; what is finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Timestamp> {
        Some(Instant::parse(text)?.to_timestamp())
    }

    /// The moment so many milliseconds later, or the last one there is.
    #[must_use]
    pub const fn saturating_add_millis(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// In UTC, always with milliseconds: `2024-01-02T03:04:05.678Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400_000;
        let (year, month, day) = civil_from_days(self.0.div_euclid(DAY));
        let time = self.0.rem_euclid(DAY);
        let (hour, minute) = (time / 3_600_000, time / 60_000 % 60);
        let (second, millisecond) = (time / 1000 % 60, time % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
    }
}

impl Instant {
    /// Reads a date, `T`, a time to the second with up to nine digits behind the point, and `Z` or an offset.
    ///
    /// AWS: recorded: no blank instead of the `T`, no missing offset, and no date that is not in the calendar.
    /// The bounds of the offset are Java's, 18 hours.
    pub fn parse(text: &str) -> Option<Instant> {
        let bytes = text.as_bytes();
        let number = |at: usize, length: usize| {
            let digits = bytes.get(at..at + length)?;
            digits.iter().try_fold(0_i64, |number, byte| {
                byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
            })
        };
        let sign = |at: usize, wanted: u8| (*bytes.get(at)? == wanted).then_some(());
        let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
        let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
        for (at, wanted) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')] {
            sign(at, wanted)?;
        }
        let is_in_calendar = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        if !is_in_calendar || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut at = 19;
        let mut nanoseconds = 0;
        if bytes.get(at) == Some(&b'.') {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return None;
            }
            let scale = 10_i64.pow(9 - u32::try_from(digits).ok()?);
            nanoseconds = u32::try_from(number(at + 1, digits)? * scale).ok()?;
            at += 1 + digits;
        }
        let offset_seconds = match bytes.get(at)? {
            b'Z' if bytes.len() == at + 1 => 0,
            direction @ (b'+' | b'-') if bytes.len() == at + 6 => {
                sign(at + 3, b':')?;
                let (hours, minutes) = (number(at + 1, 2)?, number(at + 4, 2)?);
                let seconds = hours * 3600 + minutes * 60;
                if minutes > 59 || seconds > 18 * 3600 {
                    return None;
                }
                if *direction == b'+' { seconds } else { -seconds }
            }
            _ => return None,
        };
        let days = days_from_civil(year, month, day);
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds;
        Some(Instant { seconds, nanoseconds })
    }

    /// The same, to the millisecond before.
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp(self.seconds * 1000 + i64::from(self.nanoseconds / 1_000_000))
    }
}

/// To the nanosecond, as [`Instant::parse`] reads it: in UTC, or at the offset that keeps the year to four digits.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400;
        const OFFSET_MAX: i64 = 18 * 3600;
        let year_of = |seconds: i64| civil_from_days(seconds.div_euclid(DAY)).0;
        let (local, zone) = match year_of(self.seconds) {
            ..0 => (self.seconds + OFFSET_MAX, "+18:00"),
            0..=9999 => (self.seconds, "Z"),
            10_000.. => (self.seconds - OFFSET_MAX, "-18:00"),
        };
        let (year, month, day) = civil_from_days(local.div_euclid(DAY));
        let time = local.rem_euclid(DAY);
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanoseconds > 0 {
            write!(f, ".{:09}", self.nanoseconds)?;
        }
        f.write_str(zone)
    }
}

impl From<Timestamp> for Instant {
    fn from(timestamp: Timestamp) -> Self {
        let milliseconds = u32::try_from(timestamp.0.rem_euclid(1000)).expect("it is less than 1000");
        Self { seconds: timestamp.0.div_euclid(1000), nanoseconds: milliseconds * 1_000_000 }
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch, in the Gregorian calendar. A year is counted from March, so that the leap day is its
/// last; 400 years are 146,097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The reverse: year, month and day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_print_with_milliseconds() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_704_164_645_678, "2024-01-02T03:04:05.678Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
            assert_eq!(Timestamp::parse(expected), Some(Timestamp::from_millis(millis)));
        }
        // However far off, it prints.
        let _ = (Timestamp::from_millis(i64::MIN).to_string(), Timestamp::from_millis(i64::MAX).to_string());
    }

    #[test]
    fn texts_are_read_as_rfc_3339() {
        for (text, millis) in [
            ("2016-03-14T01:59:00Z", Some(1_457_920_740_000)),
            ("2016-03-14T01:59:00+01:30", Some(1_457_915_340_000)),
            ("2016-03-14T01:59:00.5-00:00", Some(1_457_920_740_500)),
            ("2026-01-01T12:00:00.000000Z", Some(1_767_268_800_000)),
            ("2016-03-14T01:59:00.123456789Z", Some(1_457_920_740_123)),
            ("2016-03-14T01:59:00.1234567890Z", None),
            ("2016-03-14T01:59:00.Z", None),
            ("2016-03-14T01:59:00", None),
            ("2016-03-14 01:59:00Z", None),
            ("2016-03-14t01:59:00z", None),
            ("2016-03-14T01:59Z", None),
            ("2016-03-14", None),
            ("2016-13-05T21:29:29Z", None),
            ("2015-02-29T00:00:00Z", None),
            ("2016-04-31T00:00:00Z", None),
            ("2016-03-14T24:00:00Z", None),
            ("2016-03-14T23:59:60Z", None),
            ("2016-03-14T01:59:00+19:00", None),
            ("2016-03-14T01:59:00+0100", None),
            ("2016-03-14T01:59:00Zx", None),
            ("20160314T015900Z", None),
            ("", None),
            ("2023-02-24 12:15:56.832957", None),
        ] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::as_millis), millis, "{text}");
        }
    }

    #[test]
    fn instants_order_beyond_milliseconds() {
        let instant = |text| Instant::parse(text).unwrap();
        assert!(instant("2024-01-01T00:00:00.0001Z") < instant("2024-01-01T00:00:00.000100001Z"));
        assert_eq!(instant("2024-01-01T00:00:00.1Z"), instant("2024-01-01T01:00:00.100+01:00"));
        assert!(instant("1969-12-31T23:59:59.9Z") < instant("1970-01-01T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(millis in -62_167_219_200_000_i64..253_402_300_800_000) {
            let timestamp = Timestamp::from_millis(millis);
            prop_assert_eq!(Timestamp::parse(&timestamp.to_string()), Some(timestamp));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "[0-9TZ:.+-]{0,30}|\\PC{0,30}") {
            let _ = Instant::parse(&text);
        }
    }
}
