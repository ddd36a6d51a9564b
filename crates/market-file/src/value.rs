//! Values of parameters as people write and read them.

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{
    Address, ParameterInfo,
    engine::{
        Error,
        record::parameter::{Direction, Parameter, Unit},
        state::reserve::Reserve,
    },
};
use toml::Value;

use ballast_time as time;

/// Reads a value of a parameter into its bytes, and refuses what is out of its range. `decimals` are the token's.
///
/// Numbers are in the table's own unit; text names one: `"5 %"`, `"150 bps"`, `"1_000_000 USD"`, `"10.5 tokens"`, `"2 h"`,
/// `"3 days"`, and a moment is a date, UTC. Switches are `true` or `false`; accounts base58, feeds also 64 hex digits.
pub fn parse(info: &ParameterInfo, value: &Value, decimals: u8) -> Result<Vec<u8>> {
    let parameter = &info.parameter;
    let width = parameter.width as usize;
    let bytes = match (parameter.unit, value) {
        (Unit::Account, Value::String(text)) => account(text)?.to_vec(),
        (Unit::Switch, Value::Boolean(on)) => vec![u8::from(*on)],
        (Unit::Account | Unit::Switch, _) => bail!("is no {:?}", parameter.unit),
        _ => {
            let number = match value {
                Value::Integer(number) => *number as i128,
                Value::String(text) => number(parameter.unit, text, decimals)?,
                _ => bail!("must be a whole number, or text with a number and a unit"),
            };
            let bits = 8 * width as u32 - u32::from(is_signed(parameter));
            let least = if is_signed(parameter) { -(1 << bits) } else { 0 };
            ensure!((least..1 << bits).contains(&number), "is {number}, {}", bounds(info, decimals));
            number.to_le_bytes()[..width].to_vec()
        }
    };
    ensure!(parameter.admits(&bytes), "is {}, {}", show(info, &bytes, decimals), bounds(info, decimals));
    Ok(bytes)
}

/// Correlations are the only parameters below zero.
fn is_signed(parameter: &Parameter) -> bool {
    parameter.error == Error::CorrelationOutOfRange
}

/// The range that a parameter allows, in words.
fn bounds(info: &ParameterInfo, decimals: u8) -> String {
    let parameter = &info.parameter;
    if is_signed(parameter) {
        return "but must be from -100 % to 100 %".into();
    }
    if parameter.unit == Unit::Account {
        return "but must be set".into();
    }
    let [min, max] = [parameter.min, parameter.max].map(|bound| {
        let raw = if parameter.unit == Unit::Atoms { format!(" ({bound} atoms)") } else { String::new() };
        show(info, &bound.to_le_bytes(), decimals) + &raw
    });
    let is_zero_none = matches!(parameter.direction, Direction::UpOrNone | Direction::DownOrNew);
    format!("but must be from {min} to {max}{}", if is_zero_none { ", or 0" } else { "" })
}

fn account(text: &str) -> Result<[u8; 32]> {
    let hex = text.strip_prefix("0x").unwrap_or(text);
    if hex.len() == 64 {
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = core::str::from_utf8(digits)?;
            *byte = u8::from_str_radix(digits, 16).with_context(|| format!("`{text}` is no feed id in hex"))?;
        }
        return Ok(bytes);
    }
    Ok(address(text)?.to_bytes())
}

/// Reads an address.
pub fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error| anyhow!("`{text}` is no address: {error}"))
}

/// Reads `12.5 unit`.
fn number(unit: Unit, text: &str, decimals: u8) -> Result<i128> {
    if unit == Unit::Time {
        return time::parse(text).map(i128::from).map_err(|error| anyhow!(error));
    }
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '_' | '.' | '-')).unwrap_or(text.len());
    let (digits, name) = (text[..end].replace('_', ""), text[end..].trim());
    let factor = match (unit, name) {
        (Unit::Bps | Unit::BpsPerHour | Unit::BpsPerDay | Unit::BpsPerYear, "%") => 100,
        (Unit::Bps | Unit::BpsPerHour | Unit::BpsPerDay | Unit::BpsPerYear, "bps") => 1,
        (Unit::Atoms, "tokens") => 10i128.pow(decimals.into()),
        (Unit::Dollars, "USD") => 1,
        (Unit::DollarsE8, "USD") => 100_000_000,
        (Unit::Seconds, "s") => 1,
        (Unit::Seconds, "min") => 60,
        (Unit::Seconds, "h") => 3_600,
        (Unit::Seconds, "day" | "days") => 86_400,
        _ => bail!("is `{text}`, which is not in a unit of {unit:?}"),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    let wrong = || format!("`{text}` is no number");
    ensure!(fraction.len() <= 18 && whole.len() <= 20, wrong());
    let scaled: i128 = [whole, fraction].concat().parse().with_context(wrong)?;
    let scale = 10i128.pow(fraction.len() as u32);
    ensure!(scaled * factor % scale == 0, "is `{text}`, which is finer than the parameter can be");
    Ok(scaled * factor / scale)
}

/// A value in words.
pub fn show(info: &ParameterInfo, bytes: &[u8], decimals: u8) -> String {
    let parameter = &info.parameter;
    if parameter.unit == Unit::Account {
        let is_feed = info.name.ends_with("feed_id");
        return match bytes {
            _ if bytes.iter().all(|byte| *byte == 0) => "none".into(),
            _ if is_feed => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            _ => Address::try_from(bytes).map_or_else(|_| "?".into(), |address| address.to_string()),
        };
    }
    let mut word = [0; 16];
    let width = bytes.len().min(8);
    word[..width].copy_from_slice(&bytes[..width]);
    let mut value = i128::from_le_bytes(word);
    if is_signed(parameter) && value >= 1 << 15 {
        value -= 1 << 16;
    }
    match parameter.unit {
        Unit::Bps => format!("{} %", fixed(value, 2)),
        Unit::BpsPerHour => format!("{} % an hour", fixed(value, 2)),
        Unit::BpsPerDay => format!("{} % a day", fixed(value, 2)),
        Unit::BpsPerYear => format!("{} % a year", fixed(value, 2)),
        Unit::Atoms => format!("{} tokens", fixed(value, decimals)),
        Unit::Dollars => format!("{} USD", fixed(value, 0)),
        Unit::DollarsE8 => format!("{} USD", fixed(value, 8)),
        Unit::Seconds => duration(value as i64),
        Unit::Time if value == 0 => "never".into(),
        Unit::Time => format!("{} UTC", time::full_label(value as i64)),
        Unit::Switch => if value == 0 { "off" } else { "on" }.into(),
        Unit::Count | Unit::Id | Unit::Account => value.to_string(),
    }
}

/// A number of so many decimals, thousands apart, without the zeros at its end.
pub fn fixed(value: i128, decimals: u8) -> String {
    let scale = 10i128.pow(decimals.into());
    let whole = (value / scale).abs().to_string();
    let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    let (sign, whole) = (if value < 0 { "-" } else { "" }, groups.join("_"));
    let text = format!("{sign}{whole}.{:0width$}", (value % scale).abs(), width = decimals.into());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share of basis points, in percent.
pub fn percent(bps: u64) -> String {
    format!("{} %", fixed(bps.into(), 2))
}

/// The last price, USD.
pub fn price(reserve: &Reserve) -> String {
    let price = &reserve.price;
    if price.publish_time == 0 {
        return "never priced".into();
    }
    let digits = u8::try_from(-price.exponent).unwrap_or(0);
    fixed(price.price.into(), digits)
}

/// `1 d 3 h`: the two largest units.
pub fn duration(seconds: i64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts: Vec<_> =
        parts.iter().filter(|part| part.0 != 0).take(2).map(|(n, unit)| format!("{n} {unit}")).collect();
    if parts.is_empty() { "0 s".into() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use ballast_client::{engine::state::change::OF_MARKET, parameters};

    use super::*;

    fn read(target: u8, name: &str, value: impl Into<Value>) -> Result<String, String> {
        let info = parameters(target).into_iter().find(|info| info.name == name).expect("a parameter");
        let bytes = parse(&info, &value.into(), 9).map_err(|error| error.to_string())?;
        Ok(show(&info, &bytes, 9))
    }

    #[test]
    fn values_are_read_in_their_units() {
        let good = [
            (0, "risk.cross.initial_asset", "75.5 %", "75.5 %"),
            (0, "risk.cross.initial_asset", "150 bps", "1.5 %"),
            (0, "deposit_cap", "1_000.5 tokens", "1_000.5 tokens"),
            (0, "repay_by", "2026-12-01 12:00", "2026-12-01 12:00 UTC"),
            (0, "curve.points.0.rate_bps", "2 %", "2 % a year"),
            (0, "oracle.feed_account", "11111111111111111111111111111112", "11111111111111111111111111111112"),
            (OF_MARKET, "delay", "3 days", "3 d"),
            (OF_MARKET, "delay", "36 h", "1 d 12 h"),
            (OF_MARKET, "loss_limit", "1_000_000 USD", "1_000_000 USD"),
            (OF_MARKET, "dust_value", "1.5 USD", "1.5 USD"),
            (OF_MARKET, "value_at_risk.correlations.0.1", "-50 %", "-50 %"),
        ];
        for (target, name, text, shown) in good {
            assert_eq!(read(target, name, text).as_deref(), Ok(shown), "{name} = {text}");
        }
        assert_eq!(read(0, "deposit_cap", 1_500_000_000).as_deref(), Ok("1.5 tokens"), "atoms");
        assert_eq!(read(0, "borrow_enabled", true).as_deref(), Ok("on"));
        let feed = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";
        assert_eq!(read(0, "oracle.feed_id", format!("0x{feed}")).as_deref(), Ok(feed));
    }

    #[test]
    fn what_is_no_value_is_refused_with_the_bound() {
        let bad: [(u8, &str, Value, &str); 14] = [
            (0, "risk.cross.initial_asset", 10_001.into(), "is 100.01 %, but must be from 0 % to 100 %"),
            (0, "risk.cross.initial_liability", 9_999.into(), "from 100 % to 500 %, or 0"),
            (0, "risk.cross.initial_asset", 65_536.into(), "is 65536, but must be from 0 % to 100 %"),
            (0, "risk.cross.initial_asset", (-1).into(), "is -1, but must be"),
            (0, "risk.cross.initial_asset", "0.001 %".into(), "finer"),
            (0, "risk.cross.initial_asset", "5 tokens".into(), "not in a unit of Bps"),
            (0, "risk.cross.initial_asset", "75".into(), "not in a unit of Bps"),
            (0, "risk.cross.initial_asset", "1.2.3 %".into(), "no number"),
            (0, "borrow_enabled", 2.into(), "no Switch"),
            (0, "oracle.feed_id", "0".repeat(64).into(), "must be set"),
            (0, "oracle.feed_account", "nobody".into(), "no address"),
            (0, "repay_by", "soon".into(), "neither a date"),
            (OF_MARKET, "delay", "23 h".into(), "is 23 h, but must be from 1 d to 30 d"),
            (OF_MARKET, "value_at_risk.correlations.0.1", 40_000.into(), "-100 % to 100 %"),
        ];
        for (target, name, value, reason) in bad {
            let refused = read(target, name, value.clone()).expect_err(name);
            assert!(refused.contains(reason), "{name} = {value:?}: {refused}");
        }
    }
}
