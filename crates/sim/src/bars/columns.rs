//! Which column of a table is what, by the names that exchanges and common tools give them.

use std::fmt::{self, Display, Formatter};

use anyhow::{Result, bail, ensure};

use super::text::Row;
use ballast_time as time;

/// What a bar is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// When it opens.
    Time,
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Tokens traded.
    Volume,
}

impl Field {
    /// All, in the order of [`Columns`].
    pub const ALL: [Self; 6] = [Self::Time, Self::Open, Self::High, Self::Low, Self::Close, Self::Volume];

    /// The names of its column, the surest first: a column of a surer name is taken before others. Only letters and
    /// digits count.
    fn names(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Time => &[
                &["open_time", "time_open", "start_time", "time_period_start", "start", "begin"],
                &["unix", "unix_time", "unix_timestamp", "epoch"],
                &["timestamp", "time", "date", "datetime", "time_utc", "date_utc", "datetime_utc", "ts", "t"],
            ],
            Self::Open => &[&["open"], &["open_price", "price_open", "o"]],
            Self::High => &[&["high"], &["high_price", "price_high", "h"]],
            Self::Low => &[&["low"], &["low_price", "price_low", "l"]],
            Self::Close => &[&["close"], &["close_price", "price_close", "c"], &["last", "last_price"]],
            Self::Volume => &[&["volume_base", "base_volume", "volume_from"], &["volume", "vol", "v"]],
        }
    }

    /// What its column should be called, for messages.
    fn expected(self, symbol: &str) -> String {
        let own = format!("volume {symbol}");
        let own = (self == Self::Volume).then_some(own.as_str());
        let names = self.names().iter().copied().flatten().copied().chain(own);
        names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }

    /// How sure it is that a column of this plain name is the field's: the lower, the surer; `None` if it is another's.
    fn rank(self, name: &str, symbol: &str) -> Option<usize> {
        let is_of_token = |rest: &str| rest == symbol || symbol == "btc" && rest == "xbt";
        if self == Self::Volume && name.strip_prefix("volume").is_some_and(is_of_token) {
            return Some(0);
        }
        self.names().iter().position(|names| names.iter().any(|known| plain(known) == name))
    }
}

/// A name in lower case, without anything but letters and digits.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Time => "time",
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
        };
        f.write_str(name)
    }
}

/// Where a table has its fields: each in one column, or in several that must agree.
#[derive(Clone, Debug)]
pub struct Columns {
    /// For each of [`Field::ALL`], its columns.
    of: [Vec<usize>; 6],
    /// The columns' names; empty without a header.
    header: Vec<String>,
    /// How many cells a row has.
    pub count: usize,
    /// Where a kline's closing time is: Binance's files have no header, and this tells them.
    pub close_time: Option<usize>,
}

impl Columns {
    /// Reads a header.
    pub fn of_header(row: &Row, symbol: &str) -> Result<Self> {
        let header: Vec<_> = (0..row.cells.len()).map(|column| row.cell(column).to_owned()).collect();
        let is_number = |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit()) && cell.parse::<f64>().is_ok();
        ensure!(
            !header.iter().any(is_number),
            "expected a header, found a row of figures: write a line like `timestamp,open,high,low,close,volume` \
             above, in the order of the columns"
        );
        let (names, symbol): (Vec<_>, _) = (header.iter().map(|name| plain(name)).collect(), symbol.to_lowercase());
        let mut of: [Vec<usize>; 6] = Default::default();
        for (field, columns) in Field::ALL.into_iter().zip(&mut of) {
            let ranks = names.iter().map(|name| field.rank(name, &symbol));
            let surest = ranks.clone().flatten().min();
            columns
                .extend(ranks.enumerate().filter(|(_, rank)| rank.is_some() && *rank == surest).map(|found| found.0));
            // What pandas calls its index.
            if field == Field::Time && columns.is_empty() && header[0].is_empty() {
                columns.push(0);
            }
            if columns.is_empty() {
                bail!(
                    "no column for the {field}, expected {}; the columns are `{}`{}",
                    field.expected(&symbol),
                    header.join(","),
                    if field == Field::Volume { other_volumes(&header, &names, &symbol) } else { String::new() }
                );
            }
        }
        Ok(Self { of, count: header.len(), header, close_time: None })
    }

    /// The columns of Binance's klines, which have no header but can be told: twelve, of which the first is the time at
    /// which the bar opens and the seventh the last millisecond or microsecond of it.
    pub fn of_klines(row: &Row) -> Option<Self> {
        const CLOSE_TIME: usize = 6;
        let is_kline = row.cells.len() == 12 && kline_length(row, CLOSE_TIME).is_some();
        is_kline.then(|| Self {
            of: [vec![0], vec![1], vec![2], vec![3], vec![4], vec![5]],
            header: Vec::new(),
            count: 12,
            close_time: Some(CLOSE_TIME),
        })
    }

    /// The columns of a field.
    pub fn of(&self, field: Field) -> &[usize] {
        &self.of[field as usize]
    }

    /// A column, for messages.
    pub fn name(&self, column: usize) -> String {
        match self.header.get(column).map(String::as_str) {
            None | Some("") => format!("column {}", column + 1),
            Some(name) => format!("column `{name}`"),
        }
    }

    /// Several, for messages.
    pub fn names(&self, columns: &[usize]) -> String {
        columns.iter().map(|column| self.name(*column)).collect::<Vec<_>>().join(" and ")
    }
}

/// How many seconds a kline is long: it ends one unit of time after what it calls its close.
pub fn kline_length(row: &Row, close_time: usize) -> Option<i64> {
    let end = row.cell(close_time).parse::<i64>().ok()?.checked_add(1)?;
    let (end, notation) = time::read(&end.to_string()).ok()?;
    let (start, of_start) = time::read(row.cell(0)).ok()?;
    (start < end && notation == of_start).then_some(end - start)
}

/// A word on columns that count something else than the token.
fn other_volumes(header: &[String], names: &[String], symbol: &str) -> String {
    let is_volume = |name: &String| name.contains("volume");
    let others: Vec<_> =
        header.iter().zip(names).filter(|of| is_volume(of.1)).map(|of| format!("`{}`", of.0)).collect();
    let symbol = symbol.to_uppercase();
    if others.is_empty() {
        String::new()
    } else {
        format!(", of which {} may not count {symbol}", others.join(" and "))
    }
}

/// The header of a table by its first row and the next two, and how many rows it takes. yfinance writes three: what a
/// column is, of which ticker, and what the first column is.
pub fn header(first: Row, next: Vec<Row>) -> (Row, usize) {
    if let [tickers, index] = &next[..]
        && first.cell(0) == "Price"
        && tickers.cell(0) == "Ticker"
        && (1..index.cells.len()).all(|column| index.cell(column).is_empty())
        && first.cells.len() == index.cells.len()
    {
        let names = std::iter::once(index.cell(0)).chain((1..first.cells.len()).map(|column| first.cell(column)));
        return (Row { line: first.line, cells: names.collect() }, 3);
    }
    (first, 1)
}
