//! Whatever the bars and however they are written, what is read is what was written, or an error.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

/// Names for each field that must be understood, in the order of [`Field::ALL`].
const NAMES: [&[&str]; 6] = [
    &["timestamp", "time", "date", "datetime", "open_time", "Open time", "openTime", "unix", "<TIME>", "ts", "t"],
    &["open", "o", "openPrice", "price_open", "<OPEN>"],
    &["high", "h", "highPrice", "price_high", "<HIGH>"],
    &["low", "l", "lowPrice", "price_low", "<LOW>"],
    &["close", "c", "closePrice", "price_close", "last", "<CLOSE>"],
    &["volume", "vol", "v", "volume_base", "base_volume", "Volume SOL", "volume_(SOL)"],
];
/// Columns that must be passed over, and what is in them.
const OTHERS: [(&str, &str); 9] = [
    ("", "7"),
    ("symbol", "SOL/USDT"),
    ("quote_volume", "9.5"),
    ("Volume USDT", "9.5"),
    ("trades", "12"),
    ("close_time", "1760126699999"),
    ("Adj Close", "0.5"),
    ("vwap", ""),
    ("note", "\"a, b;\tand \"\"c\"\"\nof two lines\""),
];

/// How a file is written.
#[derive(Clone, Debug)]
struct Dialect {
    separator: char,
    line_end: &'static str,
    has_mark: bool,
    ends_with_line: bool,
    above: &'static str,
    /// A name of each field.
    names: Vec<prop::sample::Index>,
    is_upper: bool,
    /// What stands before and after a cell.
    around: (&'static str, &'static str),
    has_exponents: bool,
    notation: usize,
    falls: bool,
    /// All columns in their order: fields, and others after them.
    order: Vec<usize>,
    /// Where members of a gzip file begin; `None` for a plain file.
    members: Option<Vec<prop::sample::Index>>,
}

fn dialect() -> impl Strategy<Value = Dialect> {
    let others = proptest::sample::subsequence((6..6 + OTHERS.len()).collect::<Vec<_>>(), 0..=4);
    let order = others.prop_map(|others| (0..6).chain(others).collect::<Vec<_>>()).prop_shuffle();
    let text = (
        select(vec![',', ';', '\t']),
        select(vec!["\n", "\r\n", "\r"]),
        any::<bool>(),
        any::<bool>(),
        select(vec!["", "\n", "# a comment, of a tool\n", "https://www.example.org\n", "sep=,\n\n"]),
    );
    let cells = (vec(any::<prop::sample::Index>(), 6), any::<bool>(), any::<bool>(), 0..6usize);
    let around = select(vec![("", ""), ("\"", "\""), ("\"", "\" "), (" ", "  "), (" \"", "\" ")]);
    let members = option::of(vec(any::<prop::sample::Index>(), 0..4));
    (text, cells, around, any::<bool>(), order, members).prop_map(|(text, cells, around, falls, order, members)| {
        let (separator, line_end, has_mark, ends_with_line, above) = text;
        let (names, is_upper, has_exponents, notation) = cells;
        let around = if separator == '\t' { (around.0.trim(), around.1.trim()) } else { around };
        Dialect {
            separator,
            line_end,
            has_mark,
            ends_with_line,
            above,
            names,
            is_upper,
            around,
            has_exponents,
            notation,
            falls,
            order,
            members,
        }
    })
}

/// A number with few or many digits.
fn amount() -> impl Strategy<Value = f64> {
    (1..1_000_000u64, -9..3i32).prop_map(|(digits, exponent)| format!("{digits}e{exponent}").parse().expect("a number"))
}

/// Three bars at least, with holes between some.
fn bars() -> impl Strategy<Value = (i64, Vec<Bar>)> {
    let one = ([amount(), amount(), amount(), amount()], amount(), select(vec![1, 1, 1, 1, 1, 1, 2, 7]));
    let interval = select(vec![1, 7, 60, 300, 900, 3_600, 86_400]);
    (interval, 1_300_000_000..3_900_000_000i64, vec(one, 3..30)).prop_map(|(interval, start, each)| {
        let mut time = start;
        let bars = each.iter().enumerate().map(|(index, (prices, volume, step))| {
            let low = prices.iter().copied().fold(f64::INFINITY, f64::min);
            let high = prices.iter().copied().fold(0.0, f64::max);
            // Holes are the exception: the first half has none.
            time += interval * if index * 2 <= each.len() + 2 { 1 } else { *step };
            Bar { time, open: prices[0], high, low, close: prices[1], volume: *volume }
        });
        (interval, bars.collect())
    })
}

fn notated(time: i64, notation: usize) -> String {
    let clock = |format: &str, time: i64| {
        jiff::Timestamp::from_second(time).expect("in the calendar").strftime(format).to_string()
    };
    match notation {
        0 => time.to_string(),
        1 => format!("{time}.0"),
        2 => format!("{time}000"),
        3 => format!("{time}000000"),
        4 => clock("%Y-%m-%d %H:%M:%S", time),
        _ => clock("%Y-%m-%dT%H:%M:%S.000+03:00", time + 3 * 3_600),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

impl Dialect {
    fn write(&self, bars: &[Bar]) -> Vec<u8> {
        let decorated = |cell: &str| {
            // A cell with quotes of its own stays as it is.
            let (before, after) = if cell.starts_with('"') { ("", "") } else { self.around };
            format!("{before}{cell}{after}")
        };
        let line = |cell: &dyn Fn(usize) -> String| {
            let cells: Vec<_> = self.order.iter().map(|column| decorated(&cell(*column))).collect();
            cells.join(&self.separator.to_string()) + "\n"
        };
        let header = line(&|column| {
            let name = if column < 6 { self.names[column].get(NAMES[column]) } else { OTHERS[column - 6].0 };
            if self.is_upper { name.to_uppercase() } else { name.to_owned() }
        });
        let row = |bar: &Bar| {
            let numbers = [bar.open, bar.high, bar.low, bar.close, bar.volume];
            line(&|column| match column {
                0 => notated(bar.time, self.notation),
                1..6 if self.has_exponents => format!("{:e}", numbers[column - 1]),
                1..6 => numbers[column - 1].to_string(),
                _ => OTHERS[column - 6].1.to_owned(),
            })
        };
        let mut rows: Vec<_> = bars.iter().map(row).collect();
        if self.falls {
            rows.reverse();
        }
        let text = self.above.to_owned() + &header + &rows.concat();
        let text = if self.ends_with_line { &text[..] } else { text.trim_end_matches('\n') };
        let text = if self.has_mark { "\u{feff}" } else { "" }.to_owned() + &text.replace('\n', self.line_end);
        let Some(members) = &self.members else { return text.into() };
        let mut ends: Vec<_> = members.iter().map(|member| member.index(text.len())).collect();
        ends.sort_unstable();
        ends.push(text.len());
        let mut start = 0;
        ends.iter().flat_map(|end| gzip(&text.as_bytes()[std::mem::replace(&mut start, *end)..*end])).collect()
    }
}

/// A fault of a text.
#[derive(Clone, Debug)]
enum Fault {
    DeleteLine,
    RepeatLine,
    SwapLines,
    DeleteCell,
    RepeatCell,
    Cell(&'static str),
    DeleteCharacter,
    Insert(char),
    Cut,
}

fn faults() -> impl Strategy<Value = Vec<(Fault, prop::sample::Index, prop::sample::Index)>> {
    let cells = vec!["", "0", "-1", "1e9", "1e-9", "NaN", "inf", "1,5", "\"1", "\"1\"", "1 2", "open", "1760126400"];
    let characters = "0123456789.,-+eE_\"' \t;\r\n#N".chars().collect::<Vec<_>>();
    let fault = prop_oneof![
        Just(Fault::DeleteLine),
        Just(Fault::RepeatLine),
        Just(Fault::SwapLines),
        Just(Fault::DeleteCell),
        Just(Fault::RepeatCell),
        select(cells).prop_map(Fault::Cell),
        Just(Fault::DeleteCharacter),
        select(characters).prop_map(Fault::Insert),
        Just(Fault::Cut),
    ];
    vec((fault, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4)
}

fn damage(text: &mut String, fault: &Fault, first: &prop::sample::Index, second: &prop::sample::Index) {
    let at = first.index(text.len() + 1);
    let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return;
    }
    let (line, other) = (first.index(lines.len()), second.index(lines.len()));
    let mut cells: Vec<_> = lines[line].trim_end_matches('\n').split(',').map(str::to_owned).collect();
    let cell = second.index(cells.len());
    match fault {
        Fault::DeleteLine => _ = lines.remove(line),
        Fault::RepeatLine => lines.insert(line, lines[line].clone()),
        Fault::SwapLines => lines.swap(line, other),
        Fault::DeleteCell => _ = cells.remove(cell),
        Fault::RepeatCell => cells.insert(cell, cells[cell].clone()),
        Fault::Cell(value) => cells[cell] = (*value).to_owned(),
        Fault::DeleteCharacter => return text.replace_range(at..(at + 1).min(text.len()), ""),
        Fault::Insert(character) => return text.insert(at, *character),
        Fault::Cut => return text.truncate(at),
    }
    if matches!(fault, Fault::DeleteCell | Fault::RepeatCell | Fault::Cell(_)) {
        lines[line] = cells.join(",") + "\n";
    }
    *text = lines.concat();
}

/// Every line below the header as it stands; `None` if one is no row of six numbers.
fn strictly(text: &str) -> Option<Vec<Bar>> {
    let mut lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    // Comments may stand above the header.
    lines.find(|line| !line.starts_with('#'))?;
    let rows = lines.map(|line| {
        let cells = line.split(',').map(|cell| cell.trim().trim_matches('"').parse::<f64>().ok());
        let [time, open, high, low, close, volume] = cells.collect::<Option<Vec<_>>>()?[..] else { return None };
        let is_time = time.fract() == 0.0 && (1_230_768_000.0..4_102_444_800.0).contains(&time);
        let is_bar = 0.0 < low && [open, close].iter().all(|price| (low..=high).contains(price)) && volume >= 0.0;
        (is_time && is_bar).then_some(Bar { time: time as i64, open, high, low, close, volume })
    });
    rows.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_in_any_dialect_is_read((interval, bars) in bars(), dialect in dialect()) {
        let written = dialect.write(&bars);
        let shown = String::from_utf8_lossy(&written).into_owned();
        let read = parse(written, "x.csv", "SOL").map_err(|error| TestCaseError::fail(format!("{error:#}\n{shown}")))?;
        prop_assert_eq!((read.interval, read.bars), (interval, bars), "{}", shown);
        prop_assert_eq!(read.notes.len(), usize::from(dialect.falls), "{:?}", read.notes);
    }

    #[test]
    fn of_a_damaged_file_every_row_is_read_or_none((_, bars) in bars(), faults in faults()) {
        let row = |bar: &Bar| {
            let Bar { time, open, high, low, close, volume } = bar;
            format!("{time},{open},{high},{low},{close},{volume}\n")
        };
        let mut text = "timestamp,open,high,low,close,volume\n".to_owned() + &bars.iter().map(row).collect::<String>();
        for (fault, first, second) in &faults {
            damage(&mut text, fault, first, second);
        }
        if let Ok(read) = parse(text.clone().into(), "x.csv", "SOL") {
            let mut expected = strictly(&text).ok_or_else(|| TestCaseError::fail(format!("read {read:?}\n{text}")))?;
            let falls = expected.len() > 1 && expected[0].time > expected[1].time;
            prop_assert_eq!(read.notes.iter().any(|note| note.contains("from its end")), falls);
            expected.sort_by_key(|bar| bar.time);
            if read.notes.iter().any(|note| note.contains("the last bar, of ")) {
                expected.pop();
            }
            prop_assert_eq!(read.bars, expected, "{}", text);
        }
    }

    #[test]
    fn a_damaged_gzip_file_is_read_whole_or_not(
        (_, bars) in bars(),
        dialect in dialect(),
        bit in any::<prop::sample::Index>(),
    ) {
        let members = dialect.members.clone().or(Some(Vec::new()));
        let mut written = Dialect { members, ..dialect.clone() }.write(&bars);
        let bit = bit.index(written.len() * 8);
        written[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = parse(written, "x.csv.gz", "SOL") {
            prop_assert_eq!(read.bars, bars.clone());
        }
        // Cut between two members a file would be whole.
        let mut one = Dialect { members: Some(Vec::new()), ..dialect }.write(&bars);
        one.truncate(bit / 8 % one.len());
        prop_assert!(parse(one, "x.csv.gz", "SOL").is_err());
    }
}
