//! Price bars from files, plain or gzipped: what exchanges and common tools write, if its columns can be told without
//! doubt.
//!
//! `data/README.md` says what is taken. Whatever is not is refused with its line, its column and what was expected:
//! nothing is left out or understood in another way without a word.

mod columns;
#[cfg(test)]
mod properties;
mod steps;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};

use ballast_time::{self as time, Notation, exact_label};
use columns::{Columns, Field, kline_length};
use text::{Row, SEPARATORS};

/// The prices that are read, USD. The amounts of a market have 64 bits, and the program takes no higher price.
const PRICES: std::ops::RangeInclusive<f64> = 1e-9..=1e9;

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

/// The bars of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// In order of time, each on the grid of the interval. There may be holes.
    pub bars: Vec<Bar>,
    /// Seconds from one bar to the next.
    pub interval: i64,
    /// What whoever named the file should know about how it was read.
    pub notes: Vec<String>,
}

/// Reads a file, whole. `symbol` is the asset's.
pub fn read(path: &Path, symbol: &str) -> Result<Series> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("cannot open {name}"))?;
    parse(bytes, &name, symbol)
}

/// Reads the bytes of a file; `name` is for messages.
pub fn parse(bytes: Vec<u8>, name: &str, symbol: &str) -> Result<Series> {
    let series = text::decode(bytes).and_then(|text| table(&text, symbol)).with_context(|| name.to_owned())?;
    let notes = series.notes.iter().map(|note| format!("{name}: {note}")).collect();
    Ok(Series { notes, ..series })
}

/// The bars of a text.
fn table(text: &str, symbol: &str) -> Result<Series> {
    let (separator, columns, above) = header(text, symbol)?;
    let mut reader = Reader { notations: vec![None; columns.of(Field::Time).len()], kline: None, columns };
    let mut bars = Vec::new();
    for row in text::rows(text, separator).skip(above) {
        let row = row?;
        bars.push((row.line, reader.bar(&row).with_context(|| format!("line {}", row.line))?));
    }
    let series = steps::series(bars)?;
    let (interval, length) = (series.interval, reader.kline.unwrap_or(series.interval));
    ensure!(interval == length, "bars of {length} s by their closing times, but rows are {interval} s apart");
    Ok(series)
}

/// The separator, the columns, and how many rows the header takes.
fn header(text: &str, symbol: &str) -> Result<(u8, Columns, usize)> {
    let mut errors = Vec::new();
    for separator in SEPARATORS {
        let read = || -> Result<_> {
            let mut rows = text::rows(text, separator);
            let first = rows.next().context("is empty: it has no header")??;
            // What is wrong below the header is told once it is known what the table is.
            let (row, above) = columns::header(first, rows.take(2).map_while(Result::ok).collect());
            if let Some(columns) = Columns::of_klines(&row) {
                return Ok((row.cells.len(), Ok((separator, columns, 0))));
            }
            let columns = Columns::of_header(&row, symbol).with_context(|| format!("line {}", row.line));
            Ok((row.cells.len(), columns.map(|columns| (separator, columns, above))))
        };
        match read() {
            Ok((_, Ok(found))) => return Ok(found),
            Ok((cells, Err(error))) => errors.push((cells, error)),
            Err(error) => errors.push((0, error)),
        }
    }
    // What has most cells was meant; of those with as many, the first.
    let meant = errors.into_iter().rev().max_by_key(|(cells, _)| *cells);
    Err(meant.map_or_else(|| anyhow!("is empty"), |(_, error)| error))
}

/// What is known of a table while its rows are read.
struct Reader {
    columns: Columns,
    /// How the times are written in each of their columns: one way in a file.
    notations: Vec<Option<Notation>>,
    /// How many seconds a kline is long.
    kline: Option<i64>,
}

impl Reader {
    fn bar(&mut self, row: &Row) -> Result<Bar> {
        let (cells, count) = (row.cells.len(), self.columns.count);
        ensure!(cells == count, "{cells} cells, expected {count} as in the first row");
        let time = self.time(row)?;
        let [open, high, low, close, volume] =
            [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume].map(|field| self.number(row, field));
        let [open, high, low, close, volume] = [open?, high?, low?, close?, volume?];
        for (field, price) in [(Field::Open, open), (Field::High, high), (Field::Low, low), (Field::Close, close)] {
            ensure!(price > 0.0, "the {field} of {price} is not positive");
            let (least, most) = (PRICES.start(), PRICES.end());
            ensure!(PRICES.contains(&price), "the {field} of {price:e} USD is not from {least:e} to {most:e} USD");
        }
        ensure!(low <= high, "the low of {low} is above the high of {high}");
        for (field, price) in [(Field::Open, open), (Field::Close, close)] {
            ensure!((low..=high).contains(&price), "the {field} of {price} is outside low {low} to high {high}");
        }
        ensure!(volume >= 0.0, "the volume of {volume} is negative");
        Ok(Bar { time, open, high, low, close, volume })
    }

    /// The time at which a row's bar opens.
    fn time(&mut self, row: &Row) -> Result<i64> {
        if let Some(column) = self.columns.close_time {
            let length = kline_length(row, column);
            self.kline = self.kline.or(length);
            ensure!(
                length.is_some() && length == self.kline,
                "{}: `{}` is not the end of the bar, as in Binance's klines: no other table is read without a header",
                self.columns.name(column),
                row.cell(column)
            );
        }
        let notations = &mut self.notations;
        let read = |at: usize, text: &str| -> Result<i64> {
            let (time, notation) = time::read(text).map_err(|error| anyhow!(error))?;
            let known = *notations[at].get_or_insert(notation);
            ensure!(
                notation == known,
                "`{text}` is {}, where the rows above have {}: one file, one unit",
                notation.name(),
                known.name()
            );
            Ok(time)
        };
        agreed(&self.columns, row, Field::Time, read)
    }

    fn number(&self, row: &Row, field: Field) -> Result<f64> {
        agreed(&self.columns, row, field, |_, text| number(text))
    }
}

/// A field of a row. Where two columns could be it they must say the same.
fn agreed<T: Copy + PartialEq>(
    columns: &Columns,
    row: &Row,
    field: Field,
    mut read: impl FnMut(usize, &str) -> Result<T>,
) -> Result<T> {
    let of = columns.of(field);
    let is_certain = of.len() == 1;
    let doubt = || if is_certain { String::new() } else { format!("the {field} could be {}: ", columns.names(of)) };
    let mut value = None;
    for (at, column) in of.iter().enumerate() {
        let (name, text) = (columns.name(*column), row.cell(*column));
        ensure!(!text.is_empty(), "{}{name}: the cell is empty", doubt());
        let read = read(at, text).with_context(|| format!("{}{name}", doubt()))?;
        let (first, first_text) = (*value.get_or_insert(read), row.cell(of[0]));
        ensure!(first == read, "{}they must agree, and hold `{first_text}` and `{text}`", doubt());
    }
    value.context("no column")
}

/// Reads a number as programs write it.
fn number(text: &str) -> Result<f64> {
    if text.contains([',', '_', '\'', ' ', '\u{a0}']) {
        bail!("`{text}` is not a number: write no thousands separators, and the decimals after a point");
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => bail!("`{text}` is not a number"),
    }
}
