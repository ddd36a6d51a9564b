//! A market as a file says that it should be.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{
    Address, ParameterInfo, TOKEN_2022_PROGRAM, TOKEN_PROGRAM,
    engine::{
        Error,
        record::parameter::Unit,
        state::{change::OF_MARKET, market::MarketConfig, reserve::ReserveConfig},
    },
    market_address, parameters,
};
use toml::{Table, Value};

use crate::value;

/// A whole market.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Who creates it; part of its address.
    pub creator: Address,
    /// Which of the creator's markets.
    pub id: u16,
    /// Who is to govern it.
    pub authority: Address,
    /// Whether it is to be open to accounts.
    pub launch: bool,
    /// Its parameters. The nominee and the launch are left out: they follow from `authority` and `launch`.
    pub config: MarketConfig,
    /// Its reserves, in the order of their indices.
    pub reserves: Vec<Listed>,
}

/// A reserve.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What people call it.
    pub name: String,
    /// The token.
    pub mint: Address,
    /// Its program.
    pub token_program: Address,
    /// Its decimals.
    pub decimals: u8,
    /// Its parameters.
    pub config: ReserveConfig,
}

/// The key that names another file, whose parameters apply if a file does not set them itself.
const EXTENDS: &str = "extends";

/// Stands for the market where a target names a reserve: it is no reserve's index.
const OF_RESERVE: u8 = 0;

impl Desired {
    /// Reads a file, laid over the one that it `extends`. An error lists everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = toml(&text)?;
        let Some(other) = file.get(EXTENDS) else { return Self::over(Table::new(), file) };
        let other = other.as_str().with_context(|| format!("{EXTENDS}: not the path of a file"))?;
        let other = path.parent().unwrap_or(Path::new("")).join(other);
        let base = fs::read_to_string(&other).with_context(|| format!("{EXTENDS}: cannot read {}", other.display()))?;
        Self::over(toml(&base).with_context(|| other.display().to_string())?, file)
    }

    /// The same from texts. The extended one may be empty.
    pub fn parse(text: &str, base: &str) -> Result<Self> {
        Self::over(toml(base)?, toml(text)?)
    }

    fn over(base: Table, mut own: Table) -> Result<Self> {
        own.remove(EXTENDS);
        ensure!(!base.contains_key(EXTENDS), "{EXTENDS}: a file that itself extends another");
        let mut file = base;
        // Which market it is, and its reserves, are its own.
        file.retain(|key, _| ["market", "defaults"].contains(&key));
        merge(&mut file, own);
        let mut wrong = Vec::new();
        let mut market = table(&mut file, "market")?;
        let defaults = table(&mut file, "defaults")?;
        let Some(Value::Array(reserves)) = file.remove("reserves") else { bail!("reserves: no [[reserves]]") };
        let mut desired = Self {
            creator: value::address(&text_of(&mut file, "creator")?).context("creator")?,
            id: take(&mut file, "id", Value::as_integer)?.try_into().context("id: from 0 to 65535")?,
            authority: value::address(&text_of(&mut file, "authority")?).context("authority")?,
            launch: take(&mut file, "launch", Value::as_bool)?,
            config: MarketConfig::default(),
            reserves: Vec::new(),
        };
        ensure!(file.is_empty(), "unknown: {}", file.keys().cloned().collect::<Vec<_>>().join(", "));
        fill(OF_MARKET, bytemuck::bytes_of_mut(&mut desired.config), &mut market, 0, "market", &mut wrong);
        joint(desired.config.validate(), "market", &mut wrong);
        for (index, reserve) in reserves.into_iter().enumerate() {
            let Value::Table(own) = reserve else { bail!("reserves: not [[reserves]]") };
            let listed = Listed::read(defaults.clone(), own, &mut wrong);
            desired.reserves.push(listed.with_context(|| format!("reserve {index}"))?);
        }
        let (mut names, mut mints) = (BTreeSet::new(), BTreeSet::new());
        for Listed { name, mint, .. } in &desired.reserves {
            if !names.insert(name) || !mints.insert(mint.to_bytes()) {
                wrong.push(format!("{name}: its name or its mint is another reserve's too"));
            }
        }
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(desired)
    }

    /// The market's address.
    pub fn address(&self) -> Address {
        market_address(&self.creator, self.id).0
    }
}

impl Listed {
    fn read(defaults: Table, mut own: Table, wrong: &mut Vec<String>) -> Result<Self> {
        let name = text_of(&mut own, "name")?;
        let mint = value::address(&text_of(&mut own, "mint")?).with_context(|| format!("{name}.mint"))?;
        let token_program = match text_of(&mut own, "token_program")?.as_str() {
            "token" => TOKEN_PROGRAM,
            "token-2022" => TOKEN_2022_PROGRAM,
            other => bail!("{name}.token_program: `{other}` is neither token nor token-2022"),
        };
        let decimals = take(&mut own, "decimals", Value::as_integer)?;
        let decimals = u8::try_from(decimals).ok().filter(|decimals| *decimals <= 18);
        let decimals = decimals.with_context(|| format!("{name}.decimals: from 0 to 18"))?;
        let mut values = defaults;
        merge(&mut values, own);
        let mut config = ReserveConfig::default();
        fill(OF_RESERVE, bytemuck::bytes_of_mut(&mut config), &mut values, decimals, &name, wrong);
        joint(config.validate(), &name, wrong);
        Ok(Self { name, mint, token_program, decimals, config })
    }
}

/// Which rules between parameters are broken. Mistakes in single values are found before.
fn joint(valid: Result<(), Error>, whose: &str, wrong: &mut Vec<String>) {
    if let (Err(error), true) = (valid, wrong.is_empty()) {
        wrong.push(format!("{whose}: {}: {}", error.name(), error.message()));
    }
}

/// Fills a record in from a table of its parameters, each of which must be there once.
fn fill(target: u8, record: &mut [u8], table: &mut Table, decimals: u8, whose: &str, wrong: &mut Vec<String>) {
    // The curve has as many points as are given.
    let points = table.get("curve").and_then(|curve| curve.get("points")).and_then(Value::as_array).map_or(0, Vec::len);
    let mut values = BTreeMap::new();
    flatten(String::new(), Value::Table(std::mem::take(table)), &mut values);
    let mut missing = Vec::new();
    for info in parameters(target) {
        let ParameterInfo { name, parameter } = &info;
        let mut put = |value: &Value| match value::parse(&info, value, decimals) {
            Ok(bytes) => record[parameter.offset as usize..][..bytes.len()].copy_from_slice(&bytes),
            Err(error) => wrong.push(format!("{whose}.{name} {error:#}")),
        };
        match (name.as_str(), values.remove(name)) {
            ("roles.nominee", None) => (),
            ("roles.nominee", Some(_)) => wrong.push(format!("{whose}.{name} follows from `authority`")),
            ("launched", None) => (),
            ("launched", Some(_)) => wrong.push(format!("{whose}.{name} follows from `launch`")),
            ("curve.count", None) => put(&Value::Integer(points as i64)),
            ("curve.count", Some(_)) => wrong.push(format!("{whose}.{name} follows from the points")),
            (_, Some(value)) => put(&value),
            // No account, and no point.
            (_, None) if parameter.unit == Unit::Account && parameter.min == 0 => (),
            (name, None) if points > 0 && point(name).is_some_and(|nth| nth >= points) => (),
            (name, None) => missing.push(name.to_owned()),
        }
    }
    if !missing.is_empty() {
        wrong.push(format!("{whose}: missing: {}", missing.join(", ")));
    }
    wrong.extend(values.keys().map(|name| format!("{whose}.{name} is no parameter")));
}

/// Which point of the curve a parameter belongs to.
fn point(name: &str) -> Option<usize> {
    name.strip_prefix("curve.points.")?.split('.').next()?.parse().ok()
}

/// Lays one table over another: tables merge, anything else is replaced.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => _ = under.insert(key, value),
        }
    }
}

/// All values by their paths; elements of arrays by their numbers.
fn flatten(path: String, value: Value, into: &mut BTreeMap<String, Value>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Table(table) => table.into_iter().for_each(|(key, value)| flatten(join(&key), value, into)),
        Value::Array(values) => {
            values.into_iter().enumerate().for_each(|(nth, value)| flatten(join(&nth.to_string()), value, into));
        }
        value => _ = into.insert(path, value),
    }
}

fn toml(text: &str) -> Result<Table> {
    text.parse().context("not TOML")
}

fn take<T>(table: &mut Table, key: &str, read: impl Fn(&Value) -> Option<T>) -> Result<T> {
    let value = table.remove(key).ok_or_else(|| anyhow!("{key} is missing"))?;
    read(&value).ok_or_else(|| anyhow!("{key} cannot be `{value:?}`"))
}

fn text_of(table: &mut Table, key: &str) -> Result<String> {
    take(table, key, |value| value.as_str().map(str::to_owned))
}

fn table(file: &mut Table, key: &str) -> Result<Table> {
    take(file, key, |value| value.as_table().cloned())
}
