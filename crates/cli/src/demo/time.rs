//! Unix seconds and calendar dates (UTC, proleptic Gregorian).

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Days from 1970-01-01 to a date. Years are counted from March, so that the leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads `2025-10-10`, `2025-10-10T21:15`, `2025-10-10T21:15:30Z` (always UTC) or unix seconds.
pub fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is neither a date (2025-10-10, 2025-10-10T21:15Z) nor unix seconds");
    if let Ok(seconds) = text.parse::<i64>() {
        return Ok(seconds);
    }
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let numbers = |part: &str, separator| -> Result<Vec<i64>, String> {
        let digits =
            |field: &str| field.bytes().all(|byte| byte.is_ascii_digit()).then(|| field.parse().ok()).flatten();
        part.split(separator).map(|field| digits(field).ok_or_else(wrong)).collect()
    };
    let [year, month, day] = numbers(date, '-')?[..] else { return Err(wrong()) };
    let (hour, minute, second) = match numbers(clock.trim_end_matches('Z'), ':')?[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(wrong()),
    };
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return Err(wrong());
    }
    Ok(days * DAY + hour * 3_600 + minute * 60 + second)
}

/// `10 Oct`.
pub fn day_label(time: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day) = civil_from_days(time.div_euclid(DAY));
    format!("{day} {}", MONTHS[month as usize - 1])
}

/// `21:15`.
pub fn clock_label(time: i64) -> String {
    let seconds = time.rem_euclid(DAY);
    format!("{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60)
}

/// `2025-10-10 21:15`.
pub fn full_label(time: i64) -> String {
    let (year, month, day) = civil_from_days(time.div_euclid(DAY));
    format!("{year}-{month:02}-{day:02} {}", clock_label(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_seconds_are_read() {
        assert_eq!(parse("1760130000"), Ok(1_760_130_000));
        assert_eq!(parse("2025-10-10T21:00"), Ok(1_760_130_000));
        assert_eq!(parse("2025-10-10 21:00:00Z"), Ok(1_760_130_000));
        assert_eq!(parse("1970-01-01"), Ok(0));
        assert_eq!(parse("2024-02-29"), Ok(1_709_164_800));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "2025-13-01", "2025-02-29", "2025-10-10T24:00", "yesterday", "2025-10", "2025-10-10T5", "+1-1-1"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn labels_are_the_dates() {
        assert_eq!(full_label(1_760_130_000), "2025-10-10 21:00");
        assert_eq!(day_label(1_709_164_800), "29 Feb");
        assert_eq!(clock_label(1_760_130_000 + 900), "21:15");
    }
}
