//! Price bars from CSV files, plain or gzipped.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use csv::StringRecord;
use flate2::bufread::GzDecoder;

/// The columns a file must have.
const COLUMNS: [&str; 6] = ["timestamp", "open", "high", "low", "close", "volume"];

/// One bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// When it opens, unix seconds.
    pub time: i64,
    /// First price, USD.
    pub open: f64,
    /// Highest price, USD.
    pub high: f64,
    /// Lowest price, USD.
    pub low: f64,
    /// Last price, USD.
    pub close: f64,
    /// Tokens traded.
    pub volume: f64,
}

/// Reads a file, whole.
pub fn read(path: &Path) -> Result<Vec<Bar>> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
    let mut file = BufReader::new(file);
    let head = file.fill_buf().with_context(|| format!("cannot read {name}"))?;
    if head.starts_with(&[0x1f, 0x8b]) { parse(GzDecoder::new(file), &name) } else { parse(file, &name) }
}

/// Reads bars; `name` is for messages.
pub fn parse(input: impl Read, name: &str) -> Result<Vec<Bar>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut bars: Vec<Bar> = Vec::new();
    let mut line = 0;
    for (index, record) in reader.records().enumerate() {
        let record = record.with_context(|| format!("{name}: line {}: not readable as CSV", line + 1))?;
        line = record.position().map_or(line + 1, csv::Position::line);
        if index == 0 {
            check_header(&record).with_context(|| format!("{name}: line {line}"))?;
            continue;
        }
        let bar = parse_bar(&record).with_context(|| format!("{name}: line {line}"))?;
        if let Some(previous) = bars.last() {
            let order = if bar.time == previous.time { "repeats" } else { "is before" };
            ensure!(
                bar.time > previous.time,
                "{name}: line {line}: timestamp {} {order} the previous line's {}",
                bar.time,
                previous.time
            );
        }
        bars.push(bar);
    }
    ensure!(!bars.is_empty(), "{name}: no bars: the file has no line below its header");
    Ok(bars)
}

fn check_header(record: &StringRecord) -> Result<()> {
    let columns: Vec<_> = record.iter().map(str::trim).collect();
    ensure!(columns == COLUMNS, "the columns are `{}`, expected `{}`", columns.join(","), COLUMNS.join(","));
    Ok(())
}

fn parse_bar(record: &StringRecord) -> Result<Bar> {
    ensure!(record.len() == COLUMNS.len(), "{} columns, expected {}", record.len(), COLUMNS.len());
    let number = |column: usize| -> Result<f64> {
        let text = record[column].trim();
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => bail!("`{text}` in column `{}` is not a number", COLUMNS[column]),
        }
    };
    let time = record[0].trim();
    let Ok(time) = time.parse::<i64>() else {
        bail!("`{time}` in column `timestamp` is not a whole number of seconds")
    };
    ensure!(time > 0, "timestamp {time} is not positive");
    let [open, high, low, close, volume] = [number(1)?, number(2)?, number(3)?, number(4)?, number(5)?];
    ensure!(volume >= 0.0, "the volume is negative");
    ensure!(low > 0.0, "the low of {low} is not positive");
    ensure!(low <= high, "the low of {low} is above the high of {high}");
    for (name, price) in [("open", open), ("close", close)] {
        ensure!((low..=high).contains(&price), "the {name} of {price} is outside low {low} to high {high}");
    }
    Ok(Bar { time, open, high, low, close, volume })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const HEADER: &str = "timestamp,open,high,low,close,volume\n";

    fn error(lines: &str) -> String {
        let error = parse(lines.as_bytes(), "x.csv").expect_err("broken");
        format!("{error:#}")
    }

    fn bar(time: i64) -> Bar {
        Bar { time, open: 2.0, high: 3.0, low: 1.0, close: 2.5, volume: 10.0 }
    }

    #[test]
    fn bars_are_read_in_order() -> Result<()> {
        let bars = parse(format!("{HEADER}300,2,3,1,2.5,10\n600,2,3.0,1,2.5,10\n").as_bytes(), "x.csv")?;
        assert_eq!(bars, [bar(300), bar(600)]);
        Ok(())
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("no/such/file.csv")).expect_err("missing");
        assert!(format!("{error:#}").starts_with("cannot open no/such/file.csv: "));
    }

    #[test]
    fn gzip_is_recognised_by_content_and_a_broken_one_has_a_line_number() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("ballast-bars-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(format!("{HEADER}300,2,3,1,2.5,10\n").as_bytes())?;
        let bytes = encoder.finish()?;
        let (whole, broken) = (folder.join("whole.csv"), folder.join("broken.csv"));
        std::fs::write(&whole, &bytes)?;
        std::fs::write(&broken, &bytes[..bytes.len() / 2])?;
        let (whole, broken) = (read(&whole), read(&broken));
        std::fs::remove_dir_all(&folder)?;
        assert_eq!(whole?, [bar(300)]);
        let error = format!("{:#}", broken.expect_err("truncated"));
        assert!(error.contains("line 1"), "{error}");
        Ok(())
    }

    #[test]
    fn wrong_columns_are_refused_with_what_was_expected() {
        assert_eq!(
            error("time,open,high,low,close\n"),
            "x.csv: line 1: the columns are `time,open,high,low,close`, expected `timestamp,open,high,low,close,volume`"
        );
        assert_eq!(error(&format!("{HEADER}300,2,3,1\n")), "x.csv: line 2: 4 columns, expected 6");
        assert_eq!(error(HEADER), "x.csv: no bars: the file has no line below its header");
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_line() {
        let good = "300,2,3,1,2.5,10\n";
        assert_eq!(
            error(&format!("{HEADER}{good}600,2,abc,1,2,0\n")),
            "x.csv: line 3: `abc` in column `high` is not a number"
        );
        assert_eq!(
            error(&format!("{HEADER}600,NaN,3,1,2,0\n")),
            "x.csv: line 2: `NaN` in column `open` is not a number"
        );
        assert_eq!(
            error(&format!("{HEADER}6.5,2,3,1,2,0\n")),
            "x.csv: line 2: `6.5` in column `timestamp` is not a whole number of seconds"
        );
    }

    #[test]
    fn unsorted_and_repeated_times_are_refused() {
        let good = "600,2,3,1,2.5,10\n";
        assert_eq!(
            error(&format!("{HEADER}{good}{good}")),
            "x.csv: line 3: timestamp 600 repeats the previous line's 600"
        );
        assert_eq!(
            error(&format!("{HEADER}{good}300,2,3,1,2,0\n")),
            "x.csv: line 3: timestamp 300 is before the previous line's 600"
        );
    }

    #[test]
    fn impossible_bars_are_refused() {
        assert_eq!(error(&format!("{HEADER}300,2,1,3,2,0\n")), "x.csv: line 2: the low of 3 is above the high of 1");
        assert_eq!(
            error(&format!("{HEADER}300,4,3,1,2,0\n")),
            "x.csv: line 2: the open of 4 is outside low 1 to high 3"
        );
        assert_eq!(error(&format!("{HEADER}300,2,3,0,2,0\n")), "x.csv: line 2: the low of 0 is not positive");
        assert_eq!(error(&format!("{HEADER}300,2,3,1,2,-1\n")), "x.csv: line 2: the volume is negative");
    }
}
