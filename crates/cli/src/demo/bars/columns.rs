//! Which column of a table is what, by the names that exchanges and common tools give them.

use std::fmt::{self, Display, Formatter};

use anyhow::{Context, Result, bail, ensure};

use super::text::Row;
use crate::demo::time;

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

    /// The names of its column, the surest first: a column of a surer name is taken before others. They are in lower
    /// case and without anything but letters and digits.
    fn names(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Time => &[
                &["opentime", "timeopen", "starttime", "timeperiodstart", "start", "begin"],
                &["unix", "unixtime", "unixtimestamp", "epoch"],
                &["timestamp", "time", "date", "datetime", "timeutc", "dateutc", "datetimeutc", "ts", "t"],
            ],
            Self::Open => &[&["open"], &["openprice", "priceopen", "o"]],
            Self::High => &[&["high"], &["highprice", "pricehigh", "h"]],
            Self::Low => &[&["low"], &["lowprice", "pricelow", "l"]],
            Self::Close => &[&["close"], &["closeprice", "priceclose", "c"], &["last", "lastprice"]],
            Self::Volume => &[&["volumebase", "basevolume", "volumefrom"], &["volume", "vol", "v"]],
        }
    }

    /// What its column should be called, for messages.
    fn expected(self, symbol: &str) -> String {
        match self {
            Self::Time => "`timestamp`, `time`, `date`, `datetime`, `open_time` or `unix`".into(),
            Self::Open => "`open`, `open_price` or `o`".into(),
            Self::High => "`high`, `high_price` or `h`".into(),
            Self::Low => "`low`, `low_price` or `l`".into(),
            Self::Close => "`close`, `close_price`, `c` or `last`".into(),
            Self::Volume => format!("`volume`, `vol`, `v`, `volume_base` or `volume {}`", symbol.to_lowercase()),
        }
    }

    /// How sure it is that a column of this name is the field's: the lower, the surer; `None` if it is another.
    fn rank(self, name: &str, symbol: &str) -> Option<usize> {
        let is_of_token = |rest: &str| rest == symbol || symbol == "btc" && rest == "xbt";
        if self == Self::Volume && name.strip_prefix("volume").is_some_and(is_of_token) {
            return Some(0);
        }
        self.names().iter().position(|names| names.contains(&name))
    }
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
        let plain = |name: &String| name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        let (names, symbol): (Vec<_>, _) = (header.iter().map(plain).collect(), symbol.to_lowercase());
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
        let is_kline =
            row.cells.len() == 12 && time::read(row.cell(0)).is_ok() && kline_length(row, CLOSE_TIME).is_some();
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

/// How long a kline is in the unit of its times.
pub fn kline_length(row: &Row, close_time: usize) -> Option<i64> {
    let [open, close]: [i64; 2] = [row.cell(0).parse().ok()?, row.cell(close_time).parse().ok()?];
    close.checked_sub(open)?.checked_add(1).filter(|length| *length > 1)
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

/// The header of a table, and how many rows it takes. yfinance writes three: what a column is, of which ticker, and
/// what the first column is.
pub fn header(first: &[Row]) -> Result<(Row, usize)> {
    let row = first.first().context("is empty: it has no header")?;
    if let [prices, tickers, index, ..] = first
        && prices.cell(0) == "Price"
        && tickers.cell(0) == "Ticker"
        && (1..index.cells.len()).all(|column| index.cell(column).is_empty())
        && prices.cells.len() == index.cells.len()
    {
        let names = std::iter::once(index.cell(0)).chain((1..prices.cells.len()).map(|column| prices.cell(column)));
        return Ok((Row { line: prices.line, cells: names.collect() }, 3));
    }
    Ok((row.clone(), 1))
}
