//! Amounts, values and tables for people.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    engine::{
        number::units::Usd,
        record::layout::{Address as Stored, U128},
    },
    from_engine,
};
use comfy_table::{Cell, CellAlignment, Table, presets::NOTHING};

use ballast_market_file::value::fixed;

/// How much of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many atoms.
    Atoms(u64),
    /// Everything there is.
    All,
}

/// An amount as somebody writes it: `2.5`, `1_000`, `250atoms` or `all`. Its token's decimals are not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(String);

impl core::str::FromStr for Tokens {
    type Err = anyhow::Error;

    /// Refuses at once what can be no amount of any token.
    fn from_str(text: &str) -> Result<Self> {
        let tokens = Self(text.trim().into());
        tokens.atoms(18)?;
        Ok(tokens)
    }
}

impl Tokens {
    /// The atoms of a token with so many decimals. Nothing is rounded.
    pub fn atoms(&self, decimals: u8) -> Result<Amount> {
        if self.0 == "all" {
            return Ok(Amount::All);
        }
        let (number, decimals) = self.0.strip_suffix("atoms").map_or((self.0.as_str(), decimals), |number| (number, 0));
        let wrong = || format!("`{}` is no amount: write 2.5, 250atoms or all", self.0);
        let number = number.trim().replace('_', "");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(is_number(whole) && is_number(fraction) && !(whole.is_empty() && fraction.is_empty()), wrong());
        let fraction = fraction.trim_end_matches('0');
        ensure!(
            fraction.len() <= decimals.into(),
            "`{}` is finer than the token, which has {decimals} decimals",
            self.0
        );
        let atoms = format!("{whole}{fraction:0<width$}", width = decimals.into());
        // At 18 decimals, which no real amount has to fit.
        let atoms: u128 = atoms.parse().with_context(wrong)?;
        ensure!(atoms > 0, "the amount is zero");
        let atoms = if decimals == 18 { atoms.min(u64::MAX.into()) } else { atoms };
        Ok(Amount::Atoms(u64::try_from(atoms).with_context(|| format!("`{}` is more than a token can have", self.0))?))
    }
}

/// Atoms in words: `1_234.5`.
pub fn tokens(atoms: u64, decimals: u8) -> String {
    fixed(atoms.into(), decimals)
}

/// Dollars to the cent, towards zero.
pub fn dollars(value: i128) -> String {
    const CENT: i128 = 1_000_000;
    let cents = value / CENT;
    let text = fixed(cents, 2);
    match text.split_once('.') {
        Some((_, cents)) if cents.len() == 1 => format!("{text}0"),
        Some(_) => text,
        None => format!("{text}.00"),
    }
}

/// A value in dollars.
pub fn usd(value: Usd) -> String {
    // Below 2^127 by the bound stated on `Usd`.
    dollars(value.0 as i128)
}

/// A value of a report, 10^-8 USD. The largest number stands for a debt that nothing covers.
pub fn reported(value: U128) -> String {
    if value.get() == u128::MAX { "unknown".into() } else { usd(Usd(value.get())) }
}

/// A number as programs read it: without separators.
pub fn plain(number: &str) -> String {
    number.replace('_', "")
}

/// The effective yearly rate of a continuous yearly rate.
pub fn yearly(rate: f64) -> f64 {
    rate.exp_m1()
}

/// A float share in percent.
pub fn rate(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A table with the first column to the left and all others to the right.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row.into_iter().map(Cell::new).collect::<Vec<_>>());
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 1 }, 1));
        column.set_cell_alignment(if index == 0 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.trim_fmt()
}

/// An address that may be left out.
pub fn address(of: &Stored) -> String {
    if of.is_none() { "none".into() } else { from_engine(of).to_string() }
}

/// Names and values below each other.
pub fn list(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atoms(text: &str, decimals: u8) -> Result<Amount> {
        text.parse::<Tokens>()?.atoms(decimals)
    }

    #[test]
    fn amounts_are_exact_or_refused() -> Result<()> {
        for (text, decimals, expected) in [
            ("2.5", 6, 2_500_000),
            ("1_000", 0, 1_000),
            ("0.000001", 6, 1),
            (".5", 1, 5),
            ("5.", 2, 500),
            ("1.50", 1, 15),
            ("250atoms", 9, 250),
            ("18446744073709551615 atoms", 6, u64::MAX),
        ] {
            assert_eq!(atoms(text, decimals)?, Amount::Atoms(expected), "{text}");
        }
        assert_eq!(atoms("all", 6)?, Amount::All);
        for text in ["", ".", "-1", "1e3", "1.2.3", "ten", "0", "0.0", "1,5", "all of it", "0.0000000000000000001"] {
            assert!(text.parse::<Tokens>().is_err(), "{text}");
        }
        assert!(atoms("0.0000001", 6).is_err_and(|error| error.to_string().contains("finer than the token")));
        assert!(atoms("18446744073709551616atoms", 6).is_err());
        assert!(atoms("18446744073709.551616", 6).is_err());
        Ok(())
    }

    #[test]
    fn dollars_are_cut_to_cents() {
        for (value, text) in
            [(0, "0.00"), (150_000_000, "1.50"), (-199_999_999, "-1.99"), (123_456_700_000_000, "1_234_567.00")]
        {
            assert_eq!(dollars(value), text);
        }
        assert_eq!(reported(U128::new(u128::MAX)), "unknown");
    }
}
