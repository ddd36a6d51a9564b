//! What is read and what is refused, file by file.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::*;

/// 10 October 2025, 20:00.
const START: i64 = 1_760_126_400;
const HEADER: &str = "timestamp,open,high,low,close,volume\n";

fn bar(time: i64) -> Bar {
    Bar { time, open: 2.0, high: 3.0, low: 1.0, close: 2.5, volume: 10.0 }
}

/// So many bars of five minutes.
fn bars(count: i64) -> Vec<Bar> {
    (0..count).map(|index| bar(START + index * 300)).collect()
}

/// A row of the usual columns.
fn row(time: impl std::fmt::Display) -> String {
    format!("{time},2,3,1,2.5,10\n")
}

fn rows(times: impl IntoIterator<Item = i64>) -> String {
    HEADER.to_owned() + &times.into_iter().map(row).collect::<String>()
}

fn read_as(symbol: &str, text: &str) -> Result<Series> {
    parse(text.into(), "x.csv", symbol)
}

fn good(text: &str) -> Series {
    read_as("SOL", text).unwrap_or_else(|error| panic!("{error:#}\n{text}"))
}

fn error(text: impl AsRef<[u8]>) -> String {
    format!("{:#}", parse(text.as_ref().to_vec(), "x.csv", "SOL").expect_err("refused"))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("in memory");
    encoder.finish().expect("in memory")
}

#[test]
fn a_file_is_read_as_it_stands() {
    let series = good(&rows([START, START + 300, START + 600]));
    assert_eq!(series, Series { bars: bars(3), interval: 300, notes: Vec::new() });
    let error = read(Path::new("no/such/file.csv"), "SOL").expect_err("missing");
    assert!(format!("{error:#}").starts_with("cannot open no/such/file.csv: "));
}

/// What exchanges and tools write of two bars.
#[test]
fn tables_of_exchanges_and_common_tools_are_read() {
    let tables = [
        ("ccxt", "timestamp,open,high,low,close,volume\n1760126400000,2,3,1,2.5,10\n1760126700000,2,3,1,2.5,10\n"),
        (
            "pandas, floats",
            "timestamp,open,high,low,close,volume\n1760126400.0,2,3,1,2.5,10\n1760126700.0,2,3,1,2.5,10\n",
        ),
        (
            "pandas, numbered",
            ",timestamp,open,high,low,close,volume\n0,1760126400,2,3,1,2.5,10\n1,1760126700,2,3,1,2.5,10\n",
        ),
        (
            "pandas, by date",
            ",open,high,low,close,volume\n2025-10-10 20:00:00+00:00,2,3,1,2.5,10\n\
             2025-10-10 20:05:00+00:00,2,3,1,2.5,10\n",
        ),
        (
            "Binance, spot dump in microseconds",
            "1760126400000000,2,3,1,2.5,10,1760126699999999,25,7,5,12,0\n\
             1760126700000000,2,3,1,2.5,10,1760126999999999,25,7,5,12,0\n",
        ),
        (
            "Binance, futures dump",
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
             taker_buy_quote_volume,ignore\n\
             1760126400000,2,3,1,2.5,10,1760126699999,25,7,5,12,0\n\
             1760126700000,2,3,1,2.5,10,1760126999999,25,7,5,12,0\n",
        ),
        ("Coinbase", "time,low,high,open,close,volume\n1760126700,1,3,2,2.5,10\n1760126400,1,3,2,2.5,10\n"),
        ("Coinbase Advanced", "start,low,high,open,close,volume\n1760126700,1,3,2,2.5,10\n1760126400,1,3,2,2.5,10\n"),
        (
            "Kraken",
            "time,open,high,low,close,vwap,volume,count\n1760126400,2,3,1,2.5,2,10,7\n1760126700,2,3,1,2.5,2,10,7\n",
        ),
        (
            "OKX",
            "ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm\n1760126400000,2,3,1,2.5,10,25,25,1\n\
             1760126700000,2,3,1,2.5,10,25,25,1\n",
        ),
        (
            "CryptoDataDownload",
            "https://www.CryptoDataDownload.com\n\
             unix,date,symbol,open,high,low,close,Volume SOL,Volume USDT,tradecount\n\
             1760126700000,2025-10-10 20:05:00,SOLUSDT,2,3,1,2.5,10,25,7\n\
             1760126400000,2025-10-10 20:00:00,SOLUSDT,2,3,1,2.5,10,25,7\n",
        ),
        (
            "TradingView",
            "time,open,high,low,close,Volume,Volume MA\n2025-10-10T20:00:00Z,2,3,1,2.5,10,9\n\
             2025-10-10T22:05:00+02:00,2,3,1,2.5,10,9\n",
        ),
        (
            "yfinance",
            "Datetime,Open,High,Low,Close,Adj Close,Volume\n2025-10-10 20:00:00+00:00,2,3,1,2.5,2.4,10\n\
             2025-10-10 20:05:00+00:00,2,3,1,2.5,2.4,10\n",
        ),
        (
            "yfinance, headers of three lines",
            "Price,Close,High,Low,Open,Volume\nTicker,SOL-USD,SOL-USD,SOL-USD,SOL-USD,SOL-USD\nDatetime,,,,,\n\
             2025-10-10 20:00:00+00:00,2.5,3,1,2,10\n2025-10-10 20:05:00+00:00,2.5,3,1,2,10\n",
        ),
        (
            "MetaTrader",
            "<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<VOL>\n1760126400\t2\t3\t1\t2.5\t10\n\
             1760126700\t2\t3\t1\t2.5\t10\n",
        ),
        (
            "a spreadsheet",
            "sep=;\nTime;Open;High;Low;Close;Volume\n2025-10-10 20:00;2;3;1;2.5;10\n2025-10-10 20:05;2;3;1;2.5;10\n",
        ),
        (
            "quotes and spaces",
            "# by hand\n\n\"Time\", \"Open\" ,HIGH, low,\"Clo\"\"se\",Volume, Note\n\
             \"1760126400\" ,\"2\", 3 ,1,2.5e0,+10,\"a, \"\"b\"\"\nc\"\n\n1760126700,2,3,1,2.5,1e1,\n",
        ),
    ];
    for (what, text) in tables {
        let read = read_as("SOL", text).unwrap_or_else(|error| panic!("{what}: {error:#}"));
        assert_eq!((read.bars, read.interval), (bars(2), 300), "{what}");
    }
}

#[test]
fn of_two_columns_that_could_be_meant_the_surer_is_taken_or_they_must_agree() {
    let table = |header: &str, first: &str, second: &str| {
        format!("{header},open,high,low,close\n{first},2,3,1,2.5\n{second},2,3,1,2.5\n")
    };
    // Sure by name: a token's own volume, the opening time, unix time.
    let sure = [
        ("unix,date,volume", "1760126400,10/10/2025,10", "1760126700,10/10/2025,10"),
        ("open_time,close_time,volume", "1760126400,1760126699,10", "1760126700,1760126999,10"),
        ("time,Volume USDT,Volume SOL", "1760126400,99,10", "1760126700,98,10"),
        ("time,quote_volume,volume", "1760126400,99,10", "1760126700,98,10"),
        ("time,date,volume", "1760126400,2025-10-10 20:00,10", "1760126700,2025-10-10 20:05,10"),
    ];
    for (header, first, second) in sure {
        assert_eq!(good(&table(header, first, second)).bars, bars(2), "{header}");
    }
    let doubtful = table("time,date,volume", "1760126400,2025-10-10 20:00,10", "1760126700,2025-10-10 22:05,10");
    assert_eq!(
        error(doubtful),
        "x.csv: line 3: the time could be column `time` and column `date`: they must agree, and hold `1760126700` and \
         `2025-10-10 22:05`"
    );
    let doubtful = table("date,time,volume", "2025-10-10,20:00,10", "2025-10-10,20:05,10");
    assert!(error(doubtful).starts_with(
        "x.csv: line 2: the time could be column `date` and column `time`: column `time`: `20:00` is neither a date"
    ));
    let of_others = table("time,Volume BTC,Volume USDT", "1760126400,10,99", "1760126700,10,98");
    assert_eq!(
        error(&of_others),
        "x.csv: line 1: no column for the volume, expected `volume_base`, `base_volume`, `volume_from`, `volume`, \
         `vol`, `v`, `volume sol`; the columns are `time,Volume BTC,Volume USDT,open,high,low,close`, of which \
         `Volume BTC` and `Volume USDT` may not count SOL"
    );
    assert_eq!(read_as("BTC", &of_others).map(|series| series.bars).ok(), Some(bars(2)));
    let twice = "time,open,high,low,close,close,volume\n1760126400,2,3,1,2.5,2.6,10\n1760126700,2,3,1,2.5,2.5,10\n";
    assert!(error(twice).contains("line 2: the close could be column `close` and column `close`"));
}

#[test]
fn without_a_header_only_klines_of_binance_are_read() {
    let line = "1760126400,2,3,1,2.5,10\n";
    assert_eq!(
        error(line),
        "x.csv: line 1: expected a header, found a row of figures: write a line like \
         `timestamp,open,high,low,close,volume` above, in the order of the columns"
    );
    let klines =
        "1760126400000,2,3,1,2.5,10,1760126699999,25,7,5,12,0\n1760126700000,2,3,1,2.5,10,1760126700041,25,7,5,12,0\n";
    assert!(error(klines).starts_with("x.csv: line 2: column 7: `1760126700041` is not the end of the bar"));
    let holed =
        "1760126400000,2,3,1,2.5,10,1760126699999,25,7,5,12,0\n1760127000000,2,3,1,2.5,10,1760127299999,25,7,5,12,0\n";
    assert_eq!(error(holed), "x.csv: bars of 300 s by their closing times, but rows are 600 s apart");
}

#[test]
fn a_unit_that_changes_inside_a_file_is_refused() {
    let message = |times: [&str; 2]| error(HEADER.to_owned() + &row(times[0]) + &row(times[1]));
    assert_eq!(
        message(["1760126400", "1760126700000"]),
        "x.csv: line 3: column `timestamp`: `1760126700000` is unix milliseconds, where the rows above have unix \
         seconds: one file, one unit"
    );
    assert!(message(["2025-10-10T20:00", "1760126700"]).contains("is unix seconds, where the rows above have a date"));
    assert!(message(["2025-10-10T20:00", "2025-10-10T20:05Z"]).contains("is a date with a zone, where"));
    assert!(message(["300", "600"]).ends_with(
        "line 2: column `timestamp`: `300` is no time from 2009 to 2100 in seconds, milliseconds or microseconds"
    ));
    assert!(message(["1760126400.5", ""]).contains("in unix seconds, is not a whole number of seconds"));
}

#[test]
fn every_member_of_a_gzip_file_is_read() {
    let text = rows((0..24).map(|index| START + index * 300));
    for at in [0, 1, 200, text.len()] {
        let (first, second) = text.split_at(at);
        // Block gzip ends with an empty member.
        let bytes = [gzip(first), gzip(second), gzip("")].concat();
        assert_eq!(parse(bytes, "x.csv.gz", "SOL").map(|series| series.bars).ok(), Some(bars(24)));
    }
}

#[test]
fn a_gzip_file_that_is_cut_short_or_has_something_behind_it_is_refused() {
    let text = rows((0..24).map(|index| START + index * 300));
    let whole = [gzip(&text[..100]), gzip(&text[100..])].concat();
    let first = gzip(&text[..100]).len();
    for cut in (2..whole.len()).filter(|cut| *cut != first) {
        let error = error(&whole[..cut]);
        assert!(error.contains(": the gzip file is broken or cut short here: "), "{cut}: {error}");
    }
    for behind in [&b"\n"[..], b"1760126400,2,3,1,2.5,10\n", &[0; 20]] {
        let error = error([&whole, behind].concat());
        assert!(error.starts_with("x.csv: line 26: the gzip file is broken or cut short here: "), "{error}");
    }
}

#[test]
fn other_forms_of_files_are_named() {
    let utf16: Vec<u8> = "\u{feff}timestamp".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(error(&utf16), "x.csv: is UTF-16 text: save it as UTF-8");
    assert_eq!(error(&utf16[2..]), "x.csv: line 1: has a zero byte: is it UTF-16, or no text at all?");
    assert!(error(b"PK\x03\x04").starts_with("x.csv: is a ZIP archive or an Excel workbook: "));
    assert_eq!(error(b"time\r\n\r\xe4,1"), "x.csv: line 3: is not UTF-8 text");
    assert_eq!(error(""), "x.csv: is empty: it has no header");
    assert_eq!(error("[[1760126400000,\"2\"]]"), "x.csv: is JSON: save it as CSV");
    assert!(error("<p>").starts_with("x.csv: line 1: no column for the time, expected `open_time`, `time_open`"));
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let text = [
        "# of a tool",
        "",
        "time,open,high,low,close,volume,\"no",
        "te\"",
        &row(START).replace('\n', ",\"two"),
        "lines\"",
        "",
        "x",
    ];
    for (end, bom) in [("\n", ""), ("\r\n", ""), ("\r", ""), ("\r\n", "\u{feff}")] {
        let error = |text: String| error(bom.to_owned() + &text);
        assert_eq!(error(text.join(end)), "x.csv: line 8: 1 cells, expected 7 as in the first row");
        let header = ["", "# of a tool", "time,open"].join(end);
        assert!(error(header).starts_with("x.csv: line 3: no column for the high, expected `high`"));
        let time = ["time,open,high,low,close,volume", row(START).trim(), row("soon").trim(), ""].join(end);
        assert!(error(time).starts_with("x.csv: line 3: column `time`: `soon` is neither a date"));
    }
}

#[test]
fn quotes_that_hide_rows_are_refused() {
    let table = |note: &str, next: &str| {
        let row = |index: i64, note: &str| row(START + index * 300).replace('\n', &format!(",{note}\n"));
        format!("time,open,high,low,close,volume,note\n{}{}{}", row(0, note), row(1, next), row(2, ""))
    };
    assert_eq!(good(&table("\"a\"", "\"\"")).bars, bars(3));
    assert_eq!(error(table("\"a", "")), "x.csv: line 2: a quote is not closed");
    assert_eq!(error(table("", "\"a")), "x.csv: line 3: a quote is not closed");
    assert_eq!(error(table("\"a\nb\"c", "")), "x.csv: line 3: something follows a closing quote");
    assert_eq!(error(table("a\"b", "")), "x.csv: line 2: a quote stands inside a cell");
    assert_eq!(error(table("a", " \"b")), "x.csv: line 3: a quote stands inside a cell");
}

#[test]
fn cells_that_are_no_numbers_are_named_with_line_and_column() {
    let message = |row: &str| error(format!("{HEADER}{}{row}\n", self::row(START)));
    let expected = [
        ("1760126700,2,abc,1,2,0", "column `high`: `abc` is not a number"),
        ("1760126700,NaN,3,1,2,0", "column `open`: `NaN` is not a number"),
        ("1760126700,2,inf,1,2,0", "column `high`: `inf` is not a number"),
        ("1760126700,2,3,,2,0", "column `low`: the cell is empty"),
        (",2,3,1,2,0", "column `timestamp`: the cell is empty"),
        (
            "1760126700,\"1,002\",3,1,2,0",
            "column `open`: `1,002` is not a number: write no thousands separators, and the decimals after a point",
        ),
        (
            "1760126700,2,3,1,2,1 000",
            "column `volume`: `1 000` is not a number: write no thousands separators, and the decimals after a point",
        ),
        ("1760126700,$2,3,1,2,0", "column `open`: `$2` is not a number"),
        ("1760126700,2,3,1,2", "5 cells, expected 6 as in the first row"),
        ("1760126700,2,3,1,2,0,0", "7 cells, expected 6 as in the first row"),
        ("1760126700,2,1,3,2,0", "the low of 3 is above the high of 1"),
        ("1760126700,4,3,1,2,0", "the open of 4 is outside low 1 to high 3"),
        ("1760126700,2,3,1,0.5,0", "the close of 0.5 is outside low 1 to high 3"),
        ("1760126700,2,3,0,2,0", "the low of 0 is not positive"),
        ("1760126700,2,3,-1,2,0", "the low of -1 is not positive"),
        ("1760126700,2,3,1e-10,2,0", "the low of 1e-10 USD is not from 1e-9 to 1e9 USD"),
        ("1760126700,2,2e9,1,2,0", "the high of 2e9 USD is not from 1e-9 to 1e9 USD"),
        ("1760126700,2,3,1,2,-1", "the volume of -1 is negative"),
    ];
    for (row, wrong) in expected {
        assert_eq!(message(row), format!("x.csv: line 3: {wrong}"));
    }
}

#[test]
fn rows_run_one_way() {
    let [a, b, c] = [START, START + 300, START + 600];
    let falling = good(&rows([c, b, a]));
    assert_eq!(falling.bars, bars(3));
    assert_eq!(falling.notes, ["x.csv: begins with the latest bar, and is read from its end"]);
    assert_eq!(error(rows([a, b, b])), "x.csv: line 4: 2025-10-10T20:05Z repeats the time of the row above");
    assert_eq!(
        error(rows([a, c, b])),
        "x.csv: line 4: 2025-10-10T20:05Z is before 2025-10-10T20:10Z in the row above, though the file begins with \
         the earliest"
    );
    assert_eq!(
        error(rows([c, a, b])),
        "x.csv: line 4: 2025-10-10T20:05Z is after 2025-10-10T20:00Z in the row above, though the file begins with the \
         latest"
    );
    assert_eq!(error(HEADER), "x.csv: no bars: the file has no line below its header");
    assert_eq!(error(rows([a])), "x.csv: only one bar: at least two are needed to tell how long they are");
}

#[test]
fn the_most_frequent_step_is_the_grid() {
    let at = |steps: &[i64]| rows(steps.iter().map(|step| START + step));
    // A last row that was not over.
    for text in [at(&[0, 300, 600, 641]), at(&[641, 600, 300, 0])] {
        let live = good(&text);
        assert_eq!((live.interval, live.bars), (300, bars(3)));
        let line = if live.notes.len() == 2 { 2 } else { 5 };
        let note = format!(
            "x.csv: line {line}: the last bar, of 2025-10-10T20:10:41Z, is left out: it is off the grid of 300 s, \
             unfinished"
        );
        assert_eq!(live.notes.last(), Some(&note));
    }
    // A hole stays one.
    let holed = good(&at(&[0, 300, 1_200, 1_500]));
    assert_eq!((holed.interval, holed.bars.len(), holed.notes.len()), (300, 4, 0));
    assert_eq!(good(&at(&[0, 600, 900])).interval, 300);
    assert_eq!(
        error(at(&[0, 300, 641, 900, 1_200])),
        "x.csv: line 4: 2025-10-10T20:10:41Z is off the grid of 300 s that most rows are on"
    );
    assert_eq!(
        error(at(&[100, 300, 600, 900])),
        "x.csv: line 2: 2025-10-10T20:01:40Z is off the grid of 300 s that most rows are on"
    );
    assert_eq!(
        error(at(&[0, 300, 341])),
        "x.csv: rows are 41 s apart as often as 300 s: how long a bar is cannot be told"
    );
}
