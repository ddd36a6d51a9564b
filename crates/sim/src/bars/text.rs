//! From the bytes of a file to rows of cells with the lines they stand on.

use std::io::Read;

use anyhow::{Context, Result, anyhow, bail};
use csv::{ReaderBuilder, StringRecord, Terminator};
use flate2::bufread::MultiGzDecoder;

/// What may stand between cells.
pub const SEPARATORS: [u8; 3] = *b",;\t";
/// How files begin that hold tables in another form, and what to do about them.
const FORMATS: [(&[u8], &str); 9] = [
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook: unpack it, or save it as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it, or compress it with gzip"),
    (b"\xfd7zXZ", "compressed with xz: unpack it, or compress it with gzip"),
    (b"BZh", "compressed with bzip2: unpack it, or compress it with gzip"),
    (b"PAR1", "a Parquet file: save it as CSV"),
    (b"{", "JSON: save it as CSV"),
    (b"[", "JSON: save it as CSV"),
];

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The line it begins on, as an editor counts.
    pub line: usize,
    /// Its cells.
    pub cells: StringRecord,
}

impl Row {
    /// A cell without the spaces and quotes around it; empty if there is none.
    pub fn cell(&self, column: usize) -> &str {
        let cell = self.cells.get(column).unwrap_or_default().trim();
        // A quote after a space is no quote to CSV.
        cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell).trim()
    }
}

/// The text of a file, gzipped or not: without byte order mark, and with lines that end in `\n`.
pub fn decode(bytes: Vec<u8>) -> Result<String> {
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) { unzip(&bytes)? } else { bytes };
    if let Some((_, what)) = FORMATS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        bail!("is {what}");
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        anyhow!("line {}: is not UTF-8 text", line_after(&error.as_bytes()[..good]))
    })?;
    if let Some(at) = text.find('\0') {
        bail!("line {}: has a zero byte: is it UTF-16, or no text at all?", line_after(&text.as_bytes()[..at]));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// All members of a gzip file: tools that append, and block gzip, write several.
fn unzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut unzipped = Vec::new();
    let read = MultiGzDecoder::new(bytes).read_to_end(&mut unzipped);
    read.with_context(|| format!("line {}: the gzip file is broken or cut short here", line_after(&unzipped)))?;
    Ok(unzipped)
}

/// The number of the line that whatever follows these bytes stands on. A carriage return ends a line too, alone or
/// before a line feed.
fn line_after(bytes: &[u8]) -> usize {
    let feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
    let returns = bytes.windows(2).filter(|pair| pair[0] == b'\r' && pair[1] != b'\n').count();
    1 + feeds + returns + usize::from(bytes.ends_with(b"\r"))
}

/// Where the table begins: below the address, the comments or the separator that some tools write above the header.
fn table_start(text: &str) -> usize {
    let is_above = |line: &str| {
        let line = line.trim().trim_matches('"').to_ascii_lowercase();
        let is_separator = line.strip_prefix("sep=").is_some_and(|separator| separator.len() <= 1);
        line.is_empty() || is_separator || ["#", "http://", "https://", "www."].iter().any(|way| line.starts_with(way))
    };
    text.split_inclusive('\n').take_while(|line| is_above(line)).map(str::len).sum()
}

/// The rows of a text between whose cells a separator stands. Empty lines are none.
pub fn rows(text: &str, separator: u8) -> impl Iterator<Item = Result<Row>> {
    let start = table_start(text);
    let (mut at, mut line) = (start, 1 + text[..start].matches('\n').count());
    let mut reader = ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .terminator(Terminator::Any(b'\n'))
        .from_reader(&text.as_bytes()[start..]);
    std::iter::from_fn(move || {
        let mut cells = StringRecord::new();
        match reader.read_record(&mut cells) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error).with_context(|| format!("line {line}: not readable as CSV"))),
        }
        // The reader's own count of lines is that of the end of the row before.
        let empty = text[at..].bytes().take_while(|byte| *byte == b'\n').count();
        let end = start + reader.position().byte() as usize;
        let raw = &text[at + empty..end];
        let row = Row { line: line + empty, cells };
        let checked =
            check_quotes(raw, separator).map_err(|(before, wrong)| anyhow!("line {}: {wrong}", row.line + before));
        (at, line) = (end, row.line + raw.matches('\n').count());
        Some(checked.map(|()| row))
    })
}

/// Refuses what the CSV reader would take without a word: a quote that is never closed, and takes all that follows for
/// one cell, and quotes in the middle of a cell. An error has the line breaks before it.
fn check_quotes(row: &str, separator: u8) -> Result<(), (usize, &'static str)> {
    if !row.contains('"') {
        return Ok(());
    }
    let mut rest = row.trim_end_matches('\n');
    loop {
        let breaks = || row[..row.len() - rest.len()].matches('\n').count();
        if let Some(quoted) = rest.strip_prefix('"') {
            // A doubled quote inside is one of the cell's own.
            let mut closing = quoted.match_indices('"').peekable();
            let end = loop {
                let Some((at, _)) = closing.next() else { return Err((breaks(), "a quote is not closed")) };
                if closing.next_if(|next| next.0 == at + 1).is_none() {
                    break at + 1;
                }
            };
            let after = quoted[end..].trim_start_matches(' ');
            if after.bytes().next().is_some_and(|byte| byte != separator) {
                return Err((breaks() + quoted[..end].matches('\n').count(), "something follows a closing quote"));
            }
            rest = after;
        } else {
            let end = rest.bytes().position(|byte| byte == separator).unwrap_or(rest.len());
            let cell = rest[..end].trim();
            let inner = cell.strip_prefix('"').and_then(|cell| cell.strip_suffix('"')).unwrap_or(cell);
            if inner.contains('"') {
                return Err((breaks(), "a quote stands inside a cell"));
            }
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Ok(());
        }
        rest = &rest[1..];
    }
}
