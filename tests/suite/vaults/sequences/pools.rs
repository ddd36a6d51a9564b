//! What moves between the vault and a pool of perps among the steps, and a trader whose perp makes the pool's values move.

use ballast_client::{Address, from_engine, instruction as ix, to_engine};
use ballast_engine::{Error, ledger::Ledger, number::units::Shares, state::perp::Pool};
use ballast_tests::USD;
use rand::Rng;

use super::{Answer, LENDERS_RESERVE, Model, Sequence, engine};

/// The slot that is a pool.
pub const SLOT: usize = 4;
/// The pool's record.
pub const POOL: u8 = 2;
const PERP: u8 = 3;

impl Model {
    /// Where the pool's deposit lies.
    fn liquidity(&self) -> Address {
        let (_, reserves) = &self.markets[SLOT];
        let quote = Pool::of(reserves, POOL).expect("the pool").config.quote;
        from_engine(&reserves[quote as usize].vault)
    }

    fn pool_deposit(&mut self, signer: Address, amount: u64) -> Answer {
        engine(self.act(|vaults, _| vaults.provide(&to_engine(&signer), SLOT as u8, amount)))?;
        self.transfer(self.tokens(), self.liquidity(), amount)?;
        let (market, reserves) = &mut self.markets[SLOT];
        let allocation = &mut self.vault.allocations[SLOT];
        engine(Ledger { market, reserves, now: self.now }.provide_for_vault(allocation, amount))?;
        self.vault.next_event();
        Ok(())
    }

    fn pool_request(&mut self, signer: Address, shares: u64) -> Answer {
        let asked = self.act(|vaults, markets| {
            let (market, reserves) = &markets[SLOT];
            vaults.ask_to_leave(&to_engine(&signer), SLOT as u8, Shares(shares), (market, reserves))
        });
        engine(asked)?;
        self.vault.next_event();
        Ok(())
    }

    fn pool_withdraw(&mut self, signer: Address) -> Answer {
        engine(self.act(|vaults, _| vaults.require_puller(&to_engine(&signer))))?;
        let from = self.liquidity();
        let (market, reserves) = &mut self.markets[SLOT];
        let (allocation, asked_for) = (&mut self.vault.allocations[SLOT], &mut self.vault.asked_for[SLOT]);
        let moved = engine(Ledger { market, reserves, now: self.now }.leave_for_vault(allocation, asked_for))?;
        self.transfer(from, self.tokens(), moved.amount)?;
        engine(self.vault.take_back(SLOT as u8, moved.amount))?;
        self.vault.next_event();
        Ok(())
    }
}

impl Sequence {
    /// Mostly by an officer, of recent prices, and what may succeed.
    pub fn move_pool(&mut self) {
        if self.rng.random_bool(0.8) {
            self.scene.refresh();
        }
        let view = self.scene.view();
        let officer = match self.rng.random_range(0..3) {
            0 => from_engine(&view.vault.config.roles.sentinel),
            _ => from_engine(&view.vault.curator),
        };
        let signer = if self.rng.random_bool(0.3) { self.owner() } else { officer };
        let (held, asked_for) = (view.vault.allocations[SLOT].shares.0, view.vault.asked_for[SLOT].0);
        match self.rng.random_range(0..3) {
            0 => {
                let amount = self.part(view.vault.idle / 2);
                let deposit = view.pool_deposit(signer, SLOT as u8, amount);
                self.run("vault_pool_deposit", deposit, |model| model.pool_deposit(signer, amount));
            }
            1 => {
                let shares = if self.rng.random_bool(0.4) { u64::MAX } else { self.part(held) };
                let request = view.pool_request(signer, SLOT as u8, shares);
                self.run("vault_pool_request", request, |model| model.pool_request(signer, shares));
            }
            _ => {
                if asked_for != 0 && self.rng.random_bool(0.7) {
                    self.scene.pass(3_600);
                }
                let withdraw = self.scene.view().pool_withdraw(signer, SLOT as u8);
                self.run("vault_pool_withdraw", withdraw, |model| model.pool_withdraw(signer));
            }
        }
    }

    /// A trader turns, or takes what is won and lost.
    pub fn trade(&mut self) {
        self.scene.refresh();
        let world = &mut self.scene.world;
        world.market = self.scene.markets[SLOT];
        let user = world.user("perp trader");
        world.fund(&user.key, LENDERS_RESERVE, 50_000 * USD);
        // What is refused changes nothing.
        _ = world.deposit(user, LENDERS_RESERVE, self.rng.random_range(1..20_000 * USD));
        let lots = self.rng.random_range(-3_000_000i64..3_000_000);
        let market = world.market;
        let trade = ix::TradePerp {
            owner: user.key,
            market,
            margin_account: user.margin,
            perp: PERP,
            lots,
            limit: 0,
            min_factor: 0,
            reduce_only: false,
        };
        let traded = world.send_one(trade).is_ok();
        *self.seen.entry(("trade", traded.to_string())).or_default() += 1;
        let bps = self.rng.random_range(-300..300);
        let last = world.reserve(1).price;
        let price = last.price as i64 + last.price as i64 * bps / 10_000;
        let quote = ballast_tests::Quote { price, confidence: last.confidence, exponent: last.exponent, ema: price };
        world.set_price(1, quote).expect_ok();
        world.market = self.scene.markets[0];
    }
}

/// So many successes must be among 12,000 steps.
pub const LEAST: [(&str, usize); 3] =
    [("vault_pool_deposit", 20), ("vault_pool_request", 20), ("vault_pool_withdraw", 10)];

/// What must have been refused.
pub const REFUSED: [Error; 5] = [
    Error::NotCurator,
    Error::NotCuratorOrSentinel,
    Error::VaultNeedsLiquidity,
    Error::PoolSharesNotFree,
    Error::InsufficientShares,
];
