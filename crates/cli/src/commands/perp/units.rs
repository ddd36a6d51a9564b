//! Lots and their prices as people write them: tokens that a perp follows, and quote tokens for one of them.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::engine::state::perp::side::MAX_LOTS;
use ballast_market_file::value::fixed;

use crate::commands::{
    exit::Misused,
    format::{Amount, Tokens, tokens},
    names::Named,
};

/// What a perp's lots and prices are in.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The perp's record.
    pub index: u8,
    /// What people call it.
    pub name: String,
    /// The reserve whose price it follows.
    pub followed: u8,
    /// What people call that.
    pub token: String,
    /// The reserve of the quote token.
    pub quote: u8,
    /// What people call that.
    pub quote_name: String,
    /// A lot in atoms of the token: 10 to this.
    lot_digits: u8,
    decimals: u8,
    quote_decimals: u8,
}

impl Contract {
    /// Of a perp that is known to be there.
    pub fn of(named: &Named, index: u8) -> Result<Self> {
        let view = &named.view;
        let config = view.perp(index).map_err(|error| anyhow!(error.message()))?.config;
        let pool = view.pool(config.pool).map_err(|error| anyhow!(error.message()))?;
        Ok(Self {
            index,
            name: named.name(index),
            followed: config.price,
            token: named.name(config.price),
            quote: pool.config.quote,
            quote_name: named.name(pool.config.quote),
            lot_digits: config.lot_digits,
            decimals: view.reserves[config.price as usize].decimals,
            quote_decimals: pool.quote_decimals,
        })
    }

    /// Lots in tokens: `2.5`.
    pub fn size(&self, lots: u64) -> String {
        fixed(i128::from(lots) * 10i128.pow(self.lot_digits.into()), self.decimals)
    }

    /// The same with the token's name.
    pub fn lots(&self, lots: u64) -> String {
        format!("{} {}", self.size(lots), self.token)
    }

    /// Atoms of the quote token: `2.5 USDC`.
    pub fn amount(&self, atoms: u64) -> String {
        format!("{} {}", tokens(atoms, self.quote_decimals), self.quote_name)
    }

    /// The same, less than zero too.
    pub fn signed(&self, atoms: i128) -> String {
        format!("{} {}", fixed(atoms, self.quote_decimals), self.quote_name)
    }

    /// Decimals of the quote token.
    pub fn quote_decimals(&self) -> u8 {
        self.quote_decimals
    }

    /// The price of a token by that of a lot, which has 32 fractional bits: to seven digits, or to two decimals if that is more.
    pub fn price(&self, lot: u64) -> String {
        let scale = i32::from(self.decimals) - i32::from(self.lot_digits) - i32::from(self.quote_decimals);
        let scaled = |digits: u8| {
            // A lot is below 2^61, and 10^20 below 2^67.
            let power = 10u128.pow((scale + i32::from(digits)).unsigned_abs().min(20));
            let whole = if scale + i32::from(digits) < 0 { u128::from(lot) / power } else { u128::from(lot) * power };
            (whole >> 32) + (whole >> 31 & 1)
        };
        let digits = (2..18).find(|digits| scaled(*digits) >= 1_000_000).unwrap_or(18);
        fixed(scaled(digits) as i128, digits)
    }

    /// The price of a lot by that of a token, as somebody writes it. What is finer than it can be is rounded against a buyer or a
    /// seller.
    pub fn read_price(&self, text: &str, is_buy: bool) -> Result<u64> {
        let wrong =
            || Misused(format!("`{text}` is no price: write 207.5, of one {} in {}", self.token, self.quote_name));
        let number = text.trim().replace('_', "");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let digits = [whole, fraction].concat();
        let is_number = digits.len() <= 20 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        ensure!(is_number, wrong());
        let mantissa = digits.parse::<u128>().map_err(|_| wrong())?;
        let scale = i32::from(self.quote_decimals) + i32::from(self.lot_digits)
            - i32::from(self.decimals)
            - fraction.len() as i32;
        let power = 10u128.checked_pow(scale.unsigned_abs()).with_context(wrong)?;
        // Below 10^20 × 2^32.
        let bits = mantissa << 32;
        let lot = match scale {
            0.. => bits.checked_mul(power).with_context(wrong)?,
            _ if is_buy => bits / power,
            _ => bits.div_ceil(power),
        };
        u64::try_from(lot).ok().filter(|lot| *lot > 0).with_context(wrong)
    }

    /// How many lots somebody means: tokens, or `250lots`. Nothing is rounded.
    pub fn read_lots(&self, text: &str) -> Result<u64> {
        let lots = match text.trim().strip_suffix("lots") {
            Some(number) => {
                let number = number.trim().replace('_', "").parse::<u64>();
                number.map_err(|_| Misused(format!("`{text}` is no number of lots: write 2.5 or 250lots")))?
            }
            None => {
                let amount = text.parse::<Tokens>().and_then(|tokens| tokens.atoms(self.decimals));
                let amount = amount.map_err(|error| anyhow!(Misused(format!("{error:#}"))))?;
                let Amount::Atoms(atoms) = amount else {
                    return Err(Misused("say how much: `ballast perp close` closes a position".into()).into());
                };
                let lot = 10u64.checked_pow(self.lot_digits.into()).unwrap_or(u64::MAX);
                let is_whole = atoms.is_multiple_of(lot);
                ensure!(is_whole, Misused(format!("`{text}` is finer than a lot, which is {}", self.lots(1))));
                atoms / lot
            }
        };
        ensure!(lots > 0, Misused("the amount is zero".into()));
        ensure!(lots <= MAX_LOTS, Misused(format!("`{text}` is more than a side can have, {}", self.lots(MAX_LOTS))));
        Ok(lots)
    }

    /// A signed number of lots: `buy 2.5`, `sell 250lots`, `2.5`, `-2.5`.
    pub fn read_order(&self, words: &[String]) -> Result<i64> {
        let (is_sale, text) = match words {
            [verb, amount] if verb.eq_ignore_ascii_case("buy") => (false, amount.as_str()),
            [verb, amount] if verb.eq_ignore_ascii_case("sell") => (true, amount.as_str()),
            [amount] => match (amount.strip_prefix('-'), amount.strip_prefix('+')) {
                (Some(rest), _) => (true, rest),
                (_, rest) => (false, rest.unwrap_or(amount)),
            },
            _ => {
                return Err(Misused(format!("`{}` is no order: write `buy 2.5` or `sell 2.5`", words.join(" "))).into());
            }
        };
        // Below 2^49.
        let lots = self.read_lots(text)? as i64;
        Ok(if is_sale { -lots } else { lots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SOL in USDC, in lots of 0.00001 SOL.
    fn contract() -> Contract {
        Contract {
            index: 4,
            name: "SOL-PERP".into(),
            followed: 1,
            token: "SOL".into(),
            quote: 0,
            quote_name: "USDC".into(),
            lot_digits: 4,
            decimals: 9,
            quote_decimals: 6,
        }
    }

    fn misused<T: core::fmt::Debug>(read: Result<T>) -> String {
        let error = read.expect_err("misused");
        assert!(error.is::<Misused>(), "{error:#}");
        error.to_string()
    }

    #[test]
    fn amounts_are_whole_lots_or_refused() -> Result<()> {
        let contract = contract();
        for (text, lots) in [
            ("2.5", 250_000),
            ("0.00001", 1),
            ("1_000", 100_000_000),
            ("250lots", 250),
            ("250 lots", 250),
            ("10000atoms", 1),
        ] {
            assert_eq!(contract.read_lots(text)?, lots, "{text}");
        }
        for (text, reason) in [
            ("0.000001", "is finer than a lot, which is 0.00001 SOL"),
            ("0", "the amount is zero"),
            ("0lots", "the amount is zero"),
            ("2.5lots", "no number of lots"),
            ("ten", "no amount"),
            ("all", "`ballast perp close` closes"),
            ("999_999_999_999lots", ""),
            ("400_000_000_000_000lots", "more than a side can have"),
        ] {
            let read = contract.read_lots(text);
            if reason.is_empty() { assert!(read.is_ok()) } else { assert!(misused(read).contains(reason), "{text}") }
        }
        Ok(())
    }

    #[test]
    fn an_order_has_a_side() -> Result<()> {
        let contract = contract();
        let read =
            |words: &[&str]| contract.read_order(&words.iter().map(|word| (*word).into()).collect::<Vec<String>>());
        for (words, lots) in [
            (&["buy", "2.5"][..], 250_000),
            (&["sell", "250lots"], -250),
            (&["SELL", "1"], -100_000),
            (&["2.5"], 250_000),
            (&["+2.5"], 250_000),
            (&["-2.5"], -250_000),
        ] {
            assert_eq!(read(words)?, lots, "{words:?}");
        }
        for words in [&["hold", "1"][..], &["buy", "-1"], &["--1"], &["buy"]] {
            misused(read(words));
        }
        Ok(())
    }

    #[test]
    fn prices_are_of_a_token_and_rounded_against_who_limits_them() -> Result<()> {
        let contract = contract();
        // 207.5 USDC for a SOL are 2,075 atoms for a lot.
        assert_eq!(contract.read_price("207.5", true)?, 2_075 << 32);
        assert_eq!(contract.price(2_075 << 32), "207.5");
        assert_eq!(contract.price((2_075 << 32) + (1 << 31)), "207.55");
        assert_eq!(contract.read_price("1_000", false)?, 10_000 << 32);
        let [buy, sell] = [true, false].map(|is_buy| contract.read_price("0.123456789", is_buy));
        assert_eq!(sell?, buy? + 1);
        for text in ["", "-1", "1e3", "0", "0.0", "1.2.3", "nothing", "99999999999999999999"] {
            assert!(misused(contract.read_price(text, true)).contains("is no price"), "{text}");
        }
        // A cheap token in large lots, and one of no decimals.
        let cheap = Contract { lot_digits: 8, decimals: 5, ..contract.clone() };
        assert_eq!(cheap.read_price("0.00001234", true)?, 12_340 << 32);
        assert_eq!(cheap.price(12_340 << 32), "0.00001234");
        let whole = Contract { lot_digits: 0, decimals: 0, ..contract };
        assert_eq!(whole.price(16_384 << 32), "0.016384");
        assert_eq!(whole.read_price("0.016384", false)?, 16_384 << 32);
        Ok(())
    }
}
