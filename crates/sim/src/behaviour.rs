//! What traders and lenders do when it is their turn, every five minutes (or after each bar, if bars are shorter). Some are
//! watchful and some are not.

use anyhow::Result;
use ballast_client::{
    MarketView,
    engine::{
        health::{Health, Requirement},
        ledger::EVERYTHING,
        state::account::{MarginAccount, Side},
    },
};
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{
    population::{Lender, Trader},
    world::{Outcome, World},
};

/// Chance that a trader acts in a turn, by maintenance collateral ÷ debt.
const ATTENTION: [(f64, f64); 3] = [(1.08, 0.12), (1.20, 0.03), (f64::INFINITY, 0.01)];
/// Below this ratio a trader who acts defends the position.
const WORRY: f64 = 1.15;
/// Chance that a lender acts in a turn: in calm, and in a fall.
const LENDER_ATTENTION: (f64, f64) = (0.01, 0.12);
/// A buffer below a token divided by this is empty.
const DUST: u64 = 1_000;
/// A fall: an asset this far below its one-hour average.
const FALL: f64 = 0.03;
/// Annual rate above which lenders bring more.
pub(crate) const TEMPTING_RATE: f64 = 0.12;

/// The rules in words, for the report.
pub const DESCRIPTION: [(&str, &str); 2] = [
    (
        "Traders",
        "every five minutes act with 1 %, below a maintenance ratio of 1.20 with 3 %, below 1.08 with 12 %. Below 1.15 \
         they top collateral up from their buffer, or repay from it; above it they borrow again up to their \
         leverage, take a little collateral out, or repay 2 to 8 % out of income",
    ),
    (
        "Lenders",
        "act with 1 % likewise, with 12 % while an asset trades 3 % below its hourly average: then they take 20 to 60 % \
         out. In calm they bring 30 to 100 % of what they hold outside when the rate is above 12 %, else \
         move 5 to 15 % in or out",
    ),
];

/// Maintenance collateral ÷ debt; infinite without debt.
pub fn ratio(health: &Health) -> f64 {
    if health.debt.0 == 0 { f64::INFINITY } else { health.collateral.to_f64() / health.debt.to_f64() }
}

fn share(amount: u64, share: f64) -> u64 {
    (amount as f64 * share) as u64
}

impl Trader {
    /// Acts if `luck`, from 0 to 1, is below the attention the trader pays.
    pub fn act(
        &self,
        world: &mut World,
        market: &MarketView,
        account: &MarginAccount,
        luck: f64,
        rng: &mut ChaCha12Rng,
    ) -> Result<()> {
        let Ok(owed) = account.shares(self.debt as u8, Side::Debt) else { return Ok(()) };
        let ratio = ratio(&market.health(account, world.now, Requirement::Maintenance)?);
        let attention = ATTENTION.iter().find(|(limit, _)| ratio < *limit).map_or(0.0, |(_, chance)| *chance);
        if luck >= attention {
            return Ok(());
        }
        if ratio < WORRY {
            return self.defend(world, market, rng);
        }
        match rng.random_range(0..10) {
            0..4 => self.borrow_again(world, market, account),
            4..7 => self.take_out(world, market, account, rng),
            _ => {
                let whole = market.reserves[self.debt].debt_index_at(world.now).amount_ceil(owed);
                let amount = share(whole, rng.random_range(0.02..0.08));
                let wallet = self.wallets[self.debt];
                let held = world.tokens(&wallet);
                world.set_tokens(wallet, self.debt, self.owner, held + amount)?;
                self.repay(world, market, amount)
            }
        }
    }

    /// Tops collateral up or repays, as far as there are tokens outside.
    fn defend(&self, world: &mut World, market: &MarketView, rng: &mut ChaCha12Rng) -> Result<()> {
        let (reserve, _) = self.collateral[0];
        // What is left of a buffer after many acts is too little to bother.
        let outside = |reserve: usize| {
            let held = world.tokens(&self.wallets[reserve]);
            if held < world.assets[reserve].unit() / DUST { 0 } else { held }
        };
        let (collateral, debt) = (outside(reserve), outside(self.debt));
        let part = rng.random_range(0.3..1.0);
        if collateral > 0 && (debt == 0 || rng.random()) {
            let amount = share(collateral, part);
            let deposit = market.deposit(self.owner, self.margin, self.wallets[reserve], reserve as u8, amount)?;
            world.send("deposit", deposit)?;
        } else if debt > 0 {
            self.repay(world, market, share(debt, part))?;
        }
        Ok(())
    }

    fn repay(&self, world: &mut World, market: &MarketView, amount: u64) -> Result<()> {
        if amount > 0 {
            let repay = market.repay(self.owner, self.margin, self.wallets[self.debt], self.debt as u8, amount)?;
            world.send("repay", repay)?;
        }
        Ok(())
    }

    /// Half of the way back to the leverage the trader is used to.
    fn borrow_again(&self, world: &mut World, market: &MarketView, account: &MarginAccount) -> Result<()> {
        // While the price of the debt backs no new risk there is no initial health to borrow by.
        let Ok(health) = market.health(account, world.now, Requirement::Initial) else { return Ok(()) };
        let room = health.collateral.to_f64() * self.usage - health.debt.to_f64();
        let amount = self.borrowable(market, room.max(0.0) / 2.0);
        if amount > 0 {
            let borrow = market.borrow(self.owner, self.margin, self.wallets[self.debt], self.debt as u8, amount)?;
            if let Outcome::Done(_) = world.send("borrow", borrow)? {
                self.spend(world, self.debt, amount)?;
            }
        }
        Ok(())
    }

    /// Takes 2 to 10 % of the first collateral out.
    fn take_out(
        &self,
        world: &mut World,
        market: &MarketView,
        account: &MarginAccount,
        rng: &mut ChaCha12Rng,
    ) -> Result<()> {
        let (reserve, _) = self.collateral[0];
        let part = rng.random_range(0.02..0.10);
        let Ok(held) = account.shares(reserve as u8, Side::Deposit) else { return Ok(()) };
        let amount = share(market.reserves[reserve].deposit_index_at(world.now).amount_floor(held), part);
        if amount > 0 {
            let withdraw = market.withdraw(self.owner, self.margin, self.wallets[reserve], reserve as u8, amount)?;
            world.send("withdraw", withdraw)?;
        }
        Ok(())
    }
}

/// Whether an asset trades far below its average.
pub fn is_falling(market: &MarketView) -> bool {
    market.reserves.iter().filter(|record| record.is_reserve()).any(|reserve| {
        let (price, average) = (reserve.price.price as f64, reserve.price.ema_price as f64);
        price < average * (1.0 - FALL)
    })
}

impl Lender {
    /// The attention a lender pays.
    pub fn attention(falling: bool) -> f64 {
        if falling { LENDER_ATTENTION.1 } else { LENDER_ATTENTION.0 }
    }

    /// Acts.
    pub fn act(
        &self,
        world: &mut World,
        market: &MarketView,
        account: &MarginAccount,
        falling: bool,
        rng: &mut ChaCha12Rng,
    ) -> Result<()> {
        let record = &market.reserves[self.reserve];
        let lent = account.shares(self.reserve as u8, Side::Deposit);
        let lent = lent.map_or(0, |shares| record.deposit_index_at(world.now).amount_floor(shares));
        let outside = world.tokens(&self.wallet);
        let tempted = record.borrow_rate.per_year_f64() > TEMPTING_RATE;
        let (bring, amount) = match (falling, tempted) {
            (true, _) => (false, share(lent, rng.random_range(0.2..0.6))),
            (false, true) => (true, share(outside, rng.random_range(0.3..1.0))),
            (false, false) => {
                let part = rng.random_range(0.05..0.15);
                if rng.random() { (true, share(outside, part)) } else { (false, share(lent, part)) }
            }
        };
        if amount == 0 || amount == EVERYTHING {
            return Ok(());
        }
        if bring {
            let deposit = market.deposit(self.owner, self.margin, self.wallet, self.reserve as u8, amount)?;
            world.send("deposit", deposit)?;
        } else {
            let withdraw = market.withdraw(self.owner, self.margin, self.wallet, self.reserve as u8, amount)?;
            world.send("withdraw", withdraw)?;
        }
        Ok(())
    }
}
