//! Unix seconds, calendar dates (UTC), and how people and programs write them.

use jiff::{Timestamp, fmt::temporal::Pieces, tz::Offset};

/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// The years that are read: before the first of them nothing was traded on a chain. The units of unix times differ by a
/// thousand, so that within these years a number tells its unit.
const YEARS: (&str, &str) = ("2009", "2100");
/// The first second of the first year, and of the one after the last.
const RANGE: std::ops::Range<i64> = 1_230_768_000..4_102_444_800;

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// Unix seconds.
    Seconds,
    /// Unix milliseconds.
    Milliseconds,
    /// Unix microseconds.
    Microseconds,
    /// A date or time of ISO 8601 with its distance from UTC.
    Zoned,
    /// A date or time of ISO 8601 without, which is UTC.
    Unzoned,
}

impl Notation {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "unix seconds",
            Self::Milliseconds => "unix milliseconds",
            Self::Microseconds => "unix microseconds",
            Self::Zoned => "a date with a zone",
            Self::Unzoned => "a date without a zone",
        }
    }
}

/// Reads a time and tells how it is written: a whole number of seconds as `2025-10-10`, `2025-10-10T21:15`,
/// `2025-10-10 21:15:30+02:00` or as unix seconds, milliseconds or microseconds.
pub fn read(text: &str) -> Result<(i64, Notation), String> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let (seconds, notation) = if is_number { number(text)? } else { iso(text)? };
    if !RANGE.contains(&seconds) {
        let (first, end) = YEARS;
        return Err(format!("`{text}` is not in the years from {first} to {end}"));
    }
    Ok((seconds, notation))
}

/// [`read`] for where any notation will do.
pub fn parse(text: &str) -> Result<i64, String> {
    read(text).map(|(seconds, _)| seconds)
}

/// Reads unix time. A point with nothing but zeros after it is what tables with holes make of whole numbers.
fn number(text: &str) -> Result<(i64, Notation), String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let wrong = || format!("`{text}` is no number of seconds, milliseconds or microseconds");
    if fraction.contains('.') {
        return Err(wrong());
    }
    let units = [(Notation::Seconds, 1), (Notation::Milliseconds, 1_000), (Notation::Microseconds, 1_000_000)];
    let number: i64 = whole.parse().map_err(|_| wrong())?;
    let Some((notation, unit)) = units.into_iter().find(|(_, unit)| RANGE.contains(&(number / unit))) else {
        let (first, end) = YEARS;
        let is_nano = RANGE.contains(&(number / 1_000_000_000));
        let nano = if is_nano { "nanoseconds, which are not read: it is " } else { "" };
        return Err(format!(
            "`{text}` is {nano}no time from {first} to {end} in seconds, milliseconds or microseconds"
        ));
    };
    if number % unit != 0 || fraction.bytes().any(|digit| digit != b'0') {
        return Err(format!("`{text}`, in {}, is not a whole number of seconds", notation.name()));
    }
    Ok((number / unit, notation))
}

/// Reads a date or time of ISO 8601.
fn iso(text: &str) -> Result<(i64, Notation), String> {
    let wrong = || {
        format!(
            "`{text}` is neither a date (2025-10-10, 2025-10-10T21:15Z) nor unix seconds, milliseconds or microseconds"
        )
    };
    // What databases write for Z.
    let (local, is_utc) = text.strip_suffix(" UTC").map_or((text, false), |local| (local, true));
    let pieces = Pieces::parse(local).map_err(|_| wrong())?;
    let time = pieces.time().unwrap_or_default();
    // The library takes a leap second for the one before.
    let is_leap = time.second() == 59 && local.split_once(['T', 't', ' ']).is_some_and(|of| of.1.contains("60"));
    if pieces.time_zone_annotation().is_some() || is_utc && pieces.offset().is_some() || is_leap {
        return Err(wrong());
    }
    if time.subsec_nanosecond() != 0 {
        return Err(format!("`{text}` is not a whole number of seconds"));
    }
    let offset = pieces.to_numeric_offset();
    let notation = if is_utc || offset.is_some() { Notation::Zoned } else { Notation::Unzoned };
    let timestamp = offset.unwrap_or(Offset::UTC).to_timestamp(pieces.date().to_datetime(time));
    Ok((timestamp.map_err(|_| wrong())?.as_second(), notation))
}

/// A time by a format of `strftime`. On chain there may be any number, in the calendar only 20,000 years.
fn format(time: i64, format: &str) -> String {
    Timestamp::from_second(time).map_or_else(|_| format!("second {time}"), |time| time.strftime(format).to_string())
}

/// `10 Oct`.
pub fn day_label(time: i64) -> String {
    format(time, "%-d %b")
}

/// `21:15`.
pub fn clock_label(time: i64) -> String {
    let seconds = time.rem_euclid(DAY);
    format!("{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60)
}

/// `2025-10-10 21:15`.
pub fn full_label(time: i64) -> String {
    format(time, "%Y-%m-%d %H:%M")
}

/// `2025-10-10T21:15Z`, with the seconds if there are some: a label that options take.
pub fn exact_label(time: i64) -> String {
    format(time, if time % 60 == 0 { "%Y-%m-%dT%H:%MZ" } else { "%Y-%m-%dT%H:%M:%SZ" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_its_notation() {
        let expected = [
            ("1760130000", Notation::Seconds),
            ("1760130000.0", Notation::Seconds),
            ("1760130000000", Notation::Milliseconds),
            ("1760130000000.00", Notation::Milliseconds),
            ("1760130000000000", Notation::Microseconds),
            ("2025-10-10T21:00", Notation::Unzoned),
            ("2025-10-10 21:00:00", Notation::Unzoned),
            ("2025-10-10 21:00:00.000", Notation::Unzoned),
            ("2025-10-10 21:00:00Z", Notation::Zoned),
            ("2025-10-10T21:00:00.000Z", Notation::Zoned),
            ("2025-10-10 21:00:00 UTC", Notation::Zoned),
            ("2025-10-10T23:00:00+02:00", Notation::Zoned),
            ("2025-10-10 15:30:00-0530", Notation::Zoned),
        ];
        for (text, notation) in expected {
            assert_eq!(read(text), Ok((1_760_130_000, notation)), "{text}");
        }
        assert_eq!(parse("2024-02-29"), Ok(1_709_164_800));
        assert_eq!((parse("2009-01-01"), parse("2099-12-31T23:59:59Z")), (Ok(RANGE.start), Ok(RANGE.end - 1)));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let texts = [
            "",
            "2025-13-01",
            "2025-02-29",
            "2025-10-10T24:00",
            "2016-12-31T23:59:60Z",
            "20161231T235960Z",
            "yesterday",
            "2025-10",
            "2025-10-10T5",
            "+1-1-1",
            "10/10/2025",
            "2025-10-10 12-AM",
            "2025-10-10T21:00[Europe/Paris]",
            "2025-10-10T21:00Z UTC",
        ];
        for text in texts {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(&format!("`{text}` is neither a date")), "{error}");
        }
    }

    #[test]
    fn numbers_that_are_no_time_are_refused_with_a_word_on_their_unit() {
        let error = |text| parse(text).expect_err(text);
        let range = "no time from 2009 to 2100 in seconds, milliseconds or microseconds";
        for text in ["0", "300", "20251010", "1230767999", "4102444800", "1760130000000000000000"] {
            assert!(error(text).ends_with("in seconds, milliseconds or microseconds") || text.len() > 19, "{text}");
        }
        assert_eq!(error("300"), format!("`300` is {range}"));
        assert_eq!(
            error("1760130000000000000"),
            format!("`1760130000000000000` is nanoseconds, which are not read: it is {range}")
        );
        assert_eq!(error("1760130000.5"), "`1760130000.5`, in unix seconds, is not a whole number of seconds");
        assert_eq!(error("1760130000500"), "`1760130000500`, in unix milliseconds, is not a whole number of seconds");
        assert_eq!(error("1.7e9"), error("").replace("``", "`1.7e9`"));
        assert_eq!(error("2025-10-10T21:00:00.5Z"), "`2025-10-10T21:00:00.5Z` is not a whole number of seconds");
        assert_eq!(error("1970-01-01"), "`1970-01-01` is not in the years from 2009 to 2100");
    }

    #[test]
    fn labels_are_the_dates() {
        assert_eq!(full_label(1_760_130_000), "2025-10-10 21:00");
        assert_eq!(day_label(1_709_164_800), "29 Feb");
        assert_eq!(day_label(1_709_164_800 + 86_400), "1 Mar");
        assert_eq!(clock_label(1_760_130_000 + 900), "21:15");
        assert_eq!((full_label(-1), full_label(i64::MAX)), ("1969-12-31 23:59".into(), format!("second {}", i64::MAX)));
        for time in [1_760_130_000, 1_760_130_041] {
            assert_eq!(parse(&exact_label(time)), Ok(time));
        }
    }
}
