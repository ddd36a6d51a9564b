//! Who owns the network's pools, and who trades its perps at the start: accounts opened by real transactions.

use anyhow::{Context, Result};
use ballast_client::{
    Instruction, MarketView,
    engine::{number::units::Part, perps::trade::Order},
};
use ballast_market_file::{Desired, perps::ListedPerp};
use solana_account::Account;

use crate::{
    chain::Handle,
    keys,
    manifest::{PerpEntry, holding},
    market::{Reserve, view},
    tokens::associated,
};

/// Whose the pools are, whole tokens each. The key is made from this name.
pub const OWNER: (&str, u64) = ("pool owner", 10_000);
/// Who holds a position in each perp, made from what name, and of how many dollars: less than zero is short. They keep
/// [`MARGIN`], so no history of SOL liquidates them.
pub const TRADERS: [(&str, i64); 2] = [("long", 1_000), ("short", -600)];
/// What each of them has deposited, whole tokens.
pub const MARGIN: u64 = 2_000;
/// For fees and rents, lamports.
const PURSE: u64 = 1_000_000_000;

/// Puts liquidity into each pool of the market's file, and a long and a short into each perp.
pub fn open(chain: &Handle, desired: &Desired, reserves: &[Reserve]) -> Result<()> {
    let place = Place { chain, desired, reserves };
    let quotes: Vec<_> = desired.pools.iter().map(|pool| pool.quote).collect();
    for (nth, quote) in quotes.iter().enumerate() {
        let name = &desired.pools[nth].name;
        place.provide(nth, *quote).with_context(|| name.clone())?;
    }
    for (nth, perp) in desired.perps.iter().enumerate() {
        for (trader, dollars) in TRADERS {
            let trade = place.trade(nth, quotes[perp.pool], trader, dollars);
            trade.with_context(|| format!("{trader} of {}", perp.name))?;
        }
    }
    Ok(())
}

/// The perps of the market's file, as users of the network see them.
pub fn entries(desired: &Desired, market: &MarketView) -> Vec<PerpEntry> {
    let entry = |(nth, perp): (usize, &ListedPerp)| {
        let pool = &desired.pools[perp.pool];
        Some(PerpEntry {
            index: desired.perp_index(market, nth)?,
            name: perp.name.clone(),
            pool: pool.name.clone(),
            pool_index: desired.pool_index(market, perp.pool)?,
        })
    };
    desired.perps.iter().enumerate().filter_map(entry).collect()
}

struct Place<'a> {
    chain: &'a Handle,
    desired: &'a Desired,
    reserves: &'a [Reserve],
}

impl Place<'_> {
    fn view(&self) -> Result<MarketView> {
        view(self.chain, self.desired.address())
    }

    /// Has somebody come with tokens, and deposit them in an account of a number.
    fn deposit(&self, name: &str, number: u16, quote: usize, amount: u64) -> Result<()> {
        let (owner, reserve, market) = (keys::address(name), &self.reserves[quote], self.view()?);
        let purse = (owner, Account { lamports: PURSE, ..Account::default() });
        self.chain.write(vec![purse, holding(&owner, reserve, amount)])?;
        let (index, margin) = (self.index(&market, quote)?, market.margin_account(&owner, number));
        let (wallet, atoms) = (associated(&owner, &reserve.mint), amount * reserve.asset.unit());
        let open = market.open_account(owner, owner, number);
        self.send(name, &[open, market.deposit(owner, margin, wallet, index, atoms)?])
    }

    fn provide(&self, nth: usize, quote: usize) -> Result<()> {
        let ((name, amount), number) = (OWNER, nth as u16);
        self.deposit(name, number, quote, amount)?;
        let (owner, market) = (keys::address(name), self.view()?);
        let pool = self.desired.pool_index(&market, nth).context("it is not there")?;
        let margin = market.margin_account(&owner, number);
        // Shares of a reserve with interest are worth an atom or two less than what they were bought for.
        let atoms = amount * self.reserves[quote].asset.unit() - 2;
        self.send(name, &[market.pool_deposit(owner, margin, pool, atoms)?])
    }

    fn trade(&self, nth: usize, quote: usize, name: &str, dollars: i64) -> Result<()> {
        let number = nth as u16;
        self.deposit(name, number, quote, MARGIN)?;
        let (owner, market) = (keys::address(name), self.view()?);
        let perp = self.desired.perp_index(&market, nth).context("it is not there")?;
        let (margin, now) = (market.margin_account(&owner, number), self.chain.now());
        // A lot's price has 32 fractional bits.
        let price = market.preview(now, |ledger| ledger.perp_report(perp))?.marks.spot;
        let atoms = i128::from(dollars) * i128::from(self.reserves[quote].asset.unit());
        let lots = i64::try_from((atoms << 32) / i128::from(price))?;
        let order = Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only: false };
        let refresh = market.refresh_prices(&market.pinned_prices())?;
        self.send(name, &[refresh, market.trade_perp(owner, margin, &order)?])
    }

    fn index(&self, market: &MarketView, quote: usize) -> Result<u8> {
        market.find_reserve(&self.reserves[quote].mint).context("the reserve is not there")
    }

    fn send(&self, name: &str, instructions: &[Instruction]) -> Result<()> {
        let key = keys::keypair(name);
        self.chain.send(instructions, &[&key]).map(|_| ())
    }
}
