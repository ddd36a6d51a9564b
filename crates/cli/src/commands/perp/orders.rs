//! Orders that rest until the first price that is published after the perp's lag.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, Instruction, decode_margin_account,
    engine::{
        Error,
        perps::trade::Order,
        state::account::{MarginAccount, RestingOrder},
    },
    from_engine, pinned_accounts,
};
use ballast_time::full_label;
use clap::Args;
use serde_json::{Value, json};
use solana_system_interface::instruction::transfer;

use super::{Scene, refused_with, units::Contract};
use crate::commands::{
    account::{self, AccountName},
    format::{plain, table},
    names::Named,
    session::Session,
};

/// Whether an order rests.
#[derive(Args)]
pub struct Rest {
    /// Rest the order instead of trading now: the first price that is published after the perp's `order_lag` fills it. It costs a smaller
    /// fee, may be of any size, and is firm.
    #[arg(long)]
    rest: bool,
    /// What who fills it gets, lamports.
    #[arg(long, value_name = "LAMPORTS", default_value_t = 10_000)]
    tip: u32,
}

/// An order about to rest.
pub struct Resting {
    /// When the price is to be published that fills it, unix seconds.
    pub fills_from: u32,
    /// What rests it.
    pub instructions: Vec<Instruction>,
}

impl Rest {
    /// What rests an order; none if it is not to rest. One of before that is over is cleared first.
    pub fn planned(&self, scene: &Scene, order: &Order) -> std::result::Result<Option<Resting>, Error> {
        if !self.rest {
            return Ok(None);
        }
        let (view, now, before) = (&scene.fresh.named.view, scene.fresh.now, scene.account.order);
        let mut instructions = Vec::new();
        if before.rests() && before.is_over(view.perp(before.perp)?, now) {
            let owner = from_engine(&scene.account.owner);
            instructions.push(view.cancel_perp_order(owner, scene.address, before.perp)?);
        }
        let is_cleared = !instructions.is_empty();
        let fills_from = view.preview(now, |ledger| {
            let mut account = scene.account;
            if is_cleared {
                ledger.cancel_order(&mut account, before.perp)?;
            }
            ledger.rest_order(&mut account, order, self.tip)
        })?;
        if self.tip != 0 {
            instructions.push(transfer(&scene.user, &scene.address, self.tip.into()));
        }
        instructions.push(view.rest_perp_order(scene.user, scene.address, order, self.tip)?);
        Ok(Some(Resting { fills_from, instructions }))
    }
}

impl Resting {
    /// What people should know of it.
    pub fn note(&self) -> String {
        let from = full_label(self.fills_from.into());
        format!(
            "\nthe first price published at {from} UTC or later fills it: these figures are of now, and the fee of a trade\n"
        )
    }
}

/// Which order to fill.
#[derive(Args)]
pub struct Fill {
    /// The margin account.
    account: Address,
    /// The price account that holds its price; of a perp whose token has two feeds both. Without, those that the market's prices are read
    /// from.
    prices: Vec<Address>,
}

/// Which order to clear.
#[derive(Args)]
pub struct Cancel {
    /// The account's address, or the number of one of the key's own.
    #[arg(default_value = "0")]
    account: AccountName,
}

/// The order of an account.
fn order_of(address: Address, account: &MarginAccount) -> Result<RestingOrder> {
    ensure!(account.order.rests(), "no order of {address} rests");
    Ok(account.order)
}

impl Fill {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let held = account::read(session, &named, self.account)?;
        let order = order_of(self.account, &held)?;
        let contract = Contract::of(&named, order.perp)?;
        let scene = Scene::read(session, &named, AccountName::Address(self.account), &[contract.followed])?;
        let mut prices = self.prices.clone();
        if prices.is_empty() {
            prices = pinned_accounts(&named.reserve(contract.followed)?.config.oracle);
            ensure!(
                !prices.is_empty(),
                "no price account of {} is pinned: name the one that holds the price",
                contract.token
            );
        }
        let view = &scene.fresh.named.view;
        let instruction = view.fill_perp_order(self.account, scene.user, order.perp, &prices);
        let instruction = instruction.map_err(|error| refused_with(error, vec![]))?;
        let words = format!("fill {} of {}, for {} lamports", described(&contract, &order), self.account, order.tip);
        let from = full_label(order.fills_from.into());
        let hint =
            format!("The first price published at {from} UTC or later fills it: name an account that holds that one");
        scene.send(session, words, vec![instruction], |refusal| match refusal {
            Error::NotFirstPrice => vec![hint],
            _ => Vec::new(),
        })
    }
}

impl Cancel {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let named = session.named(None)?;
        let address = self.account.address(session, &named)?;
        let held = account::read(session, &named, address)?;
        let order = order_of(address, &held)?;
        let contract = Contract::of(&named, order.perp)?;
        let record = named.view.perp(order.perp).map_err(|error| refused_with(error, vec![]))?;
        let (now, until) = (session.now()?, RestingOrder::fills_until(order.fills_from.into(), record));
        let firm = format!("It can be cancelled after {} UTC", full_label(until));
        ensure!(order.is_over(record, now), refused_with(Error::OrderNotOver, vec![firm]));
        let instruction = named.view.cancel_perp_order(from_engine(&held.owner), address, order.perp);
        let instruction = instruction.map_err(|error| refused_with(error, vec![]))?;
        let words = format!("cancel {} of {address}", described(&contract, &order));
        let scene = Scene::read(session, &named, self.account, &[])?;
        scene.send(session, words, vec![instruction], |_| Vec::new())
    }
}

/// An order in words.
fn described(contract: &Contract, order: &RestingOrder) -> String {
    let verb = if order.lots > 0 { "buy" } else { "sell" };
    format!("the order to {verb} {} of {}", contract.lots(order.lots.unsigned_abs()), contract.name)
}

/// `ballast perp orders`.
pub fn list(session: &mut Session) -> Result<bool> {
    let named = session.named(None)?;
    let now = session.now()?;
    let mut found = Vec::new();
    for (address, account) in session.cluster.margin_accounts(named.view.address, None)? {
        let account = decode_margin_account(&account.data).with_context(|| format!("margin account {address}"))?;
        found.extend(account.order.rests().then_some((address, account)));
    }
    found.sort_by_key(|(_, account)| account.order.fills_from);
    let rows: Vec<_> =
        found.iter().map(|(address, account)| row(&named, *address, account, now)).collect::<Result<_>>()?;
    let (objects, rows): (Vec<Value>, Vec<_>) = rows.into_iter().unzip();
    let header = ["account", "perp", "order", "limit", "reduces only", "fills from, UTC", "tip, lamports", "state"];
    let text = if rows.is_empty() { "no order rests".into() } else { table(&header, rows) };
    session.show(json!({ "orders": objects }), &text)?;
    Ok(true)
}

fn row(named: &Named, address: Address, account: &MarginAccount, now: i64) -> Result<(Value, Vec<String>)> {
    let order = account.order;
    let contract = Contract::of(named, order.perp)?;
    let record = named.view.perp(order.perp).map_err(|error| refused_with(error, vec![]))?;
    let state = match () {
        () if now < order.fills_from.into() => "waits",
        () if order.is_over(record, now) => "over",
        () => "due",
    };
    let limit = (order.limit != 0).then(|| contract.price(order.limit));
    let object = json!({
        "account": address.to_string(),
        "owner": from_engine(&account.owner).to_string(),
        "perp": order.perp,
        "lots": order.lots.to_string(),
        "limit": limit.as_deref().map(plain),
        "reduceOnly": order.reduce_only != 0,
        "fillsFrom": order.fills_from,
        "tip": order.tip,
        "state": state,
    });
    let verb = if order.lots > 0 { "buy" } else { "sell" };
    let row = vec![
        address.to_string(),
        contract.name.clone(),
        format!("{verb} {}", contract.lots(order.lots.unsigned_abs())),
        limit.unwrap_or_else(|| "any".into()),
        if order.reduce_only != 0 { "yes" } else { "no" }.into(),
        full_label(order.fills_from.into()),
        order.tip.to_string(),
        state.into(),
    ];
    Ok((object, row))
}
