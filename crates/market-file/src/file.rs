//! A market, or a vault, as a file says that it should be.

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
        state::{
            change::{OF_MARKET, OF_VAULT},
            market::MarketConfig,
            reserve::ReserveConfig,
            token::Mint,
            vault::{MAX_ALLOCATIONS, VaultConfig},
        },
    },
    entrusted_address, market_address, parameters,
};
use solana_account::Account;
use toml::{Table, Value};

use crate::{
    perps::{self, ListedPerp, ListedPool},
    value,
};

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
    /// Its pools behind perps.
    pub pools: Vec<ListedPool>,
    /// Its perps.
    pub perps: Vec<ListedPerp>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What people call it.
    pub name: String,
    /// The token.
    pub mint: Address,
    /// Its program.
    pub program: Address,
    /// Its decimals.
    pub decimals: u8,
}

/// A reserve.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What it lends.
    pub token: Token,
    /// Its parameters.
    pub config: ReserveConfig,
}

/// A whole vault.
#[derive(Clone, Debug)]
pub struct DesiredVault {
    /// Who creates it; part of its address.
    pub creator: Address,
    /// Which of the creator's vaults.
    pub id: u16,
    /// Who is to set its policy.
    pub curator: Address,
    /// Whether anyone is to be let in.
    pub launch: bool,
    /// What it lends.
    pub token: Token,
    /// Its policy. The nominee and the launch are left out: they follow from `curator` and `launch`.
    pub config: VaultConfig,
}

/// The key that names another file, whose parameters apply if a file does not set them itself.
const EXTENDS: &str = "extends";

/// Stands for the market where a target names a reserve: it is no reserve's index.
const OF_RESERVE: u8 = 0;

impl Desired {
    /// Reads a file, laid over the one that it `extends`. An error lists everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let [base, own] = layers(path)?;
        Self::over(base, own)
    }

    /// The same from texts. The extended one may be empty.
    pub fn parse(text: &str, base: &str) -> Result<Self> {
        Self::over(toml(base)?, toml(text)?)
    }

    fn over(base: Table, own: Table) -> Result<Self> {
        // Which market it is, and its reserves, are its own.
        let mut file = laid(base, own, &["market", "defaults", "pool_defaults", "perp_defaults"])?;
        let mut wrong = Vec::new();
        let mut market = table(&mut file, "market")?;
        let defaults = table(&mut file, "defaults")?;
        let Some(Value::Array(reserves)) = file.remove("reserves") else { bail!("reserves: no [[reserves]]") };
        let mut desired = Self {
            creator: address_of(&mut file, "creator")?,
            id: id_of(&mut file)?,
            authority: address_of(&mut file, "authority")?,
            launch: take(&mut file, "launch", Value::as_bool)?,
            config: MarketConfig::default(),
            reserves: Vec::new(),
            pools: Vec::new(),
            perps: Vec::new(),
        };
        fill(OF_MARKET, bytemuck::bytes_of_mut(&mut desired.config), &mut market, 0, "market", &mut wrong);
        joint(desired.config.validate(), "market", &mut wrong);
        for (index, reserve) in reserves.into_iter().enumerate() {
            let Value::Table(own) = reserve else { bail!("reserves: not [[reserves]]") };
            let listed = Listed::read(defaults.clone(), own, &mut wrong);
            desired.reserves.push(listed.with_context(|| format!("reserve {index}"))?);
        }
        (desired.pools, desired.perps) = perps::take(&mut file, &desired.reserves, &mut wrong)?;
        nothing_else(&file)?;
        let (mut names, mut mints) = (BTreeSet::new(), BTreeSet::new());
        for Token { name, mint, .. } in desired.reserves.iter().map(|listed| &listed.token) {
            if !names.insert(name) || !mints.insert(mint.to_bytes()) {
                wrong.push(format!("{name}: its name or its mint is another reserve's too"));
            }
        }
        let pools = desired.pools.iter().map(|listed| &listed.name);
        for name in pools.chain(desired.perps.iter().map(|listed| &listed.name)) {
            if !names.insert(name) {
                wrong.push(format!("{name}: its name is another's too"));
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
        let token = Token::take(&mut own)?;
        let mut values = defaults;
        merge(&mut values, own);
        let mut config = ReserveConfig::default();
        fill(OF_RESERVE, bytemuck::bytes_of_mut(&mut config), &mut values, token.decimals, &token.name, wrong);
        joint(config.validate(), &token.name, wrong);
        Ok(Self { token, config })
    }
}

impl Token {
    /// Takes its keys out of a table.
    fn take(own: &mut Table) -> Result<Self> {
        let name = text_of(own, "name")?;
        let mint = value::address(&text_of(own, "mint")?).with_context(|| format!("{name}.mint"))?;
        let program = match text_of(own, "token_program")?.as_str() {
            "token" => TOKEN_PROGRAM,
            "token-2022" => TOKEN_2022_PROGRAM,
            other => bail!("{name}.token_program: `{other}` is neither token nor token-2022"),
        };
        let decimals = take(own, "decimals", Value::as_integer)?;
        let decimals = u8::try_from(decimals).ok().filter(|decimals| *decimals <= 18);
        let decimals = decimals.with_context(|| format!("{name}.decimals: from 0 to 18"))?;
        Ok(Self { name, mint, program, decimals })
    }

    /// Amounts in a file are in tokens, so its decimals must be right. Returns what the mint says.
    pub(crate) fn check(&self, account: Option<&Account>) -> Result<Mint> {
        let Self { name, mint, program, decimals } = self;
        let account = account.with_context(|| format!("{name}: there is no mint {mint}"))?;
        ensure!(account.owner == *program, "{name}: {mint} belongs to the program {}", account.owner);
        let found = Mint::read(&account.data).map_err(|error| anyhow!("{name}: {}", error.message()))?;
        ensure!(found.decimals == *decimals, "{name}: {mint} has {} decimals, not {decimals}", found.decimals);
        Ok(found)
    }
}

impl DesiredVault {
    /// Reads a file, laid over the one that it `extends`. An error lists everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self> {
        let [base, own] = layers(path)?;
        Self::over(base, own)
    }

    /// The same from texts. The extended one may be empty.
    pub fn parse(text: &str, base: &str) -> Result<Self> {
        Self::over(toml(base)?, toml(text)?)
    }

    fn over(base: Table, own: Table) -> Result<Self> {
        let mut file = laid(base, own, &["vault"])?;
        let (mut policy, mut token) = (table(&mut file, "vault")?, table(&mut file, "token")?);
        let mut desired = Self {
            creator: address_of(&mut file, "creator")?,
            id: id_of(&mut file)?,
            curator: address_of(&mut file, "curator")?,
            launch: take(&mut file, "launch", Value::as_bool)?,
            token: Token::take(&mut token)?,
            config: VaultConfig::default(),
        };
        nothing_else(&file)?;
        nothing_else(&token).context("token")?;
        let count = listed(&policy, "allocations");
        ensure!(count <= MAX_ALLOCATIONS, "vault.allocations: {count} of them, at most {MAX_ALLOCATIONS}");
        let (config, decimals) = (bytemuck::bytes_of_mut(&mut desired.config), desired.token.decimals);
        let mut wrong = Vec::new();
        fill(OF_VAULT, config, &mut policy, decimals, "vault", &mut wrong);
        for (slot, allocation) in desired.config.allocations[..count].iter().enumerate() {
            if allocation.market.is_none() {
                wrong.push(format!("vault.allocations.{slot}.market: no market"));
            }
        }
        joint(desired.config.validate(), "vault", &mut wrong);
        ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
        Ok(desired)
    }

    /// The vault's address.
    pub fn address(&self) -> Address {
        entrusted_address(&self.creator, self.id).0
    }
}

/// A file, behind the one that it extends.
fn layers(path: &Path) -> Result<[Table; 2]> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file = toml(&text)?;
    let Some(other) = file.get(EXTENDS) else { return Ok([Table::new(), file]) };
    let other = other.as_str().with_context(|| format!("{EXTENDS}: not the path of a file"))?;
    let other = path.parent().unwrap_or(Path::new("")).join(other);
    let base = fs::read_to_string(&other).with_context(|| format!("{EXTENDS}: cannot read {}", other.display()))?;
    Ok([toml(&base).with_context(|| other.display().to_string())?, file])
}

/// A file laid over some tables of another.
fn laid(mut base: Table, mut own: Table, kept: &[&str]) -> Result<Table> {
    own.remove(EXTENDS);
    ensure!(!base.contains_key(EXTENDS), "{EXTENDS}: a file that itself extends another");
    base.retain(|key, _| kept.contains(&key));
    merge(&mut base, own);
    Ok(base)
}

fn nothing_else(file: &Table) -> Result<()> {
    ensure!(file.is_empty(), "unknown: {}", file.keys().cloned().collect::<Vec<_>>().join(", "));
    Ok(())
}

/// Which rules between parameters are broken. Mistakes in single values are found before.
pub(crate) fn joint(valid: Result<(), Error>, whose: &str, wrong: &mut Vec<String>) {
    if let (Err(error), true) = (valid, wrong.is_empty()) {
        wrong.push(format!("{whose}: {}: {}", error.name(), error.message()));
    }
}

/// Fills a record in from a table of its parameters, each of which must be there once.
pub(crate) fn fill(
    target: u8,
    record: &mut [u8],
    table: &mut Table,
    decimals: u8,
    whose: &str,
    wrong: &mut Vec<String>,
) {
    // The curve has as many points as are given, and a vault as many allocations.
    let points = table.get("curve").and_then(Value::as_table).map_or(0, |curve| listed(curve, "points"));
    let allocations = listed(table, "allocations");
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
            ("roles.nominee", Some(_)) => {
                let office = if target == OF_VAULT { "curator" } else { "authority" };
                wrong.push(format!("{whose}.{name} follows from `{office}`"));
            }
            ("launched", None) => (),
            ("launched", Some(_)) => wrong.push(format!("{whose}.{name} follows from `launch`")),
            ("curve.count", None) => put(&Value::Integer(points as i64)),
            ("curve.count", Some(_)) => wrong.push(format!("{whose}.{name} follows from the points")),
            (_, Some(value)) => put(&value),
            // No account, and no point.
            (_, None) if parameter.unit == Unit::Account && parameter.min == 0 => (),
            (name, None) if points > 0 && nth_of(name, "curve.points.").is_some_and(|nth| nth >= points) => (),
            (name, None) if nth_of(name, "allocations.").is_some_and(|nth| nth >= allocations) => (),
            (name, None) => missing.push(name.to_owned()),
        }
    }
    if !missing.is_empty() {
        wrong.push(format!("{whose}: missing: {}", missing.join(", ")));
    }
    wrong.extend(values.keys().map(|name| format!("{whose}.{name} is no parameter")));
}

/// Which of a list, whose elements are named so, a parameter belongs to.
fn nth_of(name: &str, list: &str) -> Option<usize> {
    name.strip_prefix(list)?.split('.').next()?.parse().ok()
}

/// How many are in a list.
fn listed(table: &Table, key: &str) -> usize {
    table.get(key).and_then(Value::as_array).map_or(0, Vec::len)
}

/// Lays one table over another: tables merge, anything else is replaced.
pub(crate) fn merge(under: &mut Table, over: Table) {
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

pub(crate) fn text_of(table: &mut Table, key: &str) -> Result<String> {
    take(table, key, |value| value.as_str().map(str::to_owned))
}

fn address_of(table: &mut Table, key: &str) -> Result<Address> {
    value::address(&text_of(table, key)?).with_context(|| key.to_owned())
}

fn id_of(file: &mut Table) -> Result<u16> {
    take(file, "id", Value::as_integer)?.try_into().context("id: from 0 to 65535")
}

fn table(file: &mut Table, key: &str) -> Result<Table> {
    take(file, key, |value| value.as_table().cloned())
}

/// A table that may be left out.
pub(crate) fn table_or_none(file: &mut Table, key: &str) -> Result<Table> {
    if file.contains_key(key) { table(file, key) } else { Ok(Table::new()) }
}
