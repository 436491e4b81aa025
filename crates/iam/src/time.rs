//! Times in conditions: ISO 8601, or seconds since 1970.

/// Milliseconds since 1970, of `2026-01-31`, `2026-01-31T12:00:00Z`, `2026-01-31T12:00:00.5+02:00` or a number of
/// seconds.
///
/// Documentation: IAM, "Date condition operators": the W3C's profile of ISO 8601, or epoch time.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<i64>().ok()?.checked_mul(1000);
    }
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |text| number(text, 2))?;
    let day = parts.next().map_or(Some(1), |text| number(text, 2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let of_day_ms = time.map_or(Some(0), of_day_ms)?;
    Some(days_since_1970(year, month, day) * 86_400_000 + of_day_ms)
}

/// `12:00:00.5+02:00` in milliseconds. Without a zone it is UTC.
fn of_day_ms(text: &str) -> Option<i64> {
    let (clock, zone_minutes) = match (text.strip_suffix('Z'), text.rfind(['+', '-'])) {
        (Some(clock), _) => (clock, 0),
        (None, Some(at)) => {
            let (clock, zone) = text.split_at(at);
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = within(number(hours, 2)?, 23)? * 60 + within(number(minutes, 2)?, 59)?;
            (clock, if zone.starts_with('-') { -minutes } else { minutes })
        }
        (None, None) => (text, 0),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let hours = within(number(parts.next()?, 2)?, 23)?;
    let minutes = within(number(parts.next()?, 2)?, 59)?;
    let seconds = parts.next().map_or(Some(0), |text| within(number(text, 2)?, 59))?;
    if parts.next().is_some() || fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    Some(((hours * 60 + minutes - zone_minutes) * 60 + seconds) * 1000 + ms)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn within(number: i64, max: i64) -> Option<i64> {
    (number <= max).then_some(number)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counted from a year that begins in March, so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_what_is_no_time_is_none() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1700000000", Some(1_700_000_000_000)),
            ("1970-01-01", Some(0)),
            ("1970-02", Some(31 * 86_400_000)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000)),
            ("2023-11-14T22:13:20.1234Z", Some(1_700_000_000_123)),
            ("2023-11-15T00:13:20+02:00", Some(1_700_000_000_000)),
            ("2023-11-14T17:13-05:00", Some(1_699_999_980_000)),
            ("2023-02-29", None),
            ("2023-13-01", None),
            ("2023-1-1", None),
            ("2023-11-14T24:00Z", None),
            ("2023-11-14T12:00:00.Z", None),
            ("now", None),
            ("-1", None),
        ] {
            assert_eq!(parse_ms(text), expected, "{text}");
        }
    }
}
