//! The states that a vault's instructions are measured in: the most expensive ones that can be reached.

use ballast_client::{Address, TOKEN_PROGRAM, VaultView};
use ballast_engine::{
    number::units::{Bps, Part},
    perps::trade::Order,
    state::{
        reserve::ReserveConfig,
        vault::{MAX_REQUESTS, Rung, VaultConfig},
    },
};
use ballast_tests::{MintSpec, SOL, USD, VaultScene, reserve_config, vault_config};

use super::{
    Measured,
    scenes::{UNTOUCHED, config},
};

const DAY: i64 = 86_400;

/// A vault with all fees, all terms and a queue with one place left, over markets whose reserves nobody touched for long.
pub struct Entrusted {
    pub scene: VaultScene,
    /// Has shares and tokens, and no request.
    pub holder: Address,
}

/// Fees on entry into force of gains, terms with a premium, and an exit fee on every exit.
fn policy() -> VaultConfig {
    VaultConfig {
        exit_fee_coverage: Bps(60_000),
        max_exit_fee: Bps(101),
        performance_fee: Bps(1_001),
        management_fee: Bps(101),
        term_spacing: DAY as u32,
        term_premium: Bps(501),
        ..vault_config()
    }
}

impl Entrusted {
    /// Over so many markets of so many reserves.
    pub fn new(markets: usize, reserves: u8) -> Self {
        let mut scene = VaultScene::with(markets, policy());
        for market in scene.markets.clone() {
            scene.world.market = market;
            for index in 2..reserves {
                let mint = scene.world.mint(&format!("token {index}"), &MintSpec::spl(9));
                scene.world.send_listing(mint, TOKEN_PROGRAM, reserve_config()).expect_ok();
            }
            let worst = |old: &mut ReserveConfig| *old = ReserveConfig { oracle: old.oracle, ..config() };
            scene.world.reconfigure(0, worst).expect_ok();
            let limits = scene.world.reconfigure_market(|config| {
                (config.outflow_hour, config.outflow_day) = (u32::MAX, u32::MAX);
            });
            limits.expect_ok();
        }
        scene.world.market = scene.markets[0];
        let holder = scene.world.key("holder");
        scene.deposit(holder, 1_000_000 * USD + 7).expect_ok();
        let mut this = Self { scene, holder };
        this.lend(12);
        this.scene.world.advance(UNTOUCHED);
        for maturity in 1..=Rung::COUNT as i64 {
            let (view, shares) = (this.scene.view(), this.scene.shares(&holder));
            let maturity = (this.scene.world.now() / DAY + maturity) * DAY;
            let lock = view.lock_term(holder, holder, maturity as u16, shares, 1_000 * USD + 3, maturity);
            this.scene.world.send(&[lock]).expect_ok();
        }
        for nth in 1..MAX_REQUESTS {
            let other = this.scene.world.key(&format!("other {nth}"));
            this.scene.deposit(other, 5_000 * USD + 3).expect_ok();
            let (count, shares) = (this.scene.held(&other), this.scene.shares(&other));
            let request = this.scene.view().request_exit(other, other, shares, count / 2, 1);
            this.scene.world.send(&[request]).expect_ok();
        }
        // Idle tokens to be lent, and others that the holder could bring.
        this.scene.deposit(holder, 200_000 * USD + 3).expect_ok();
        this.scene.fund(&holder, 100_000 * USD);
        this.use_windows();
        this
    }

    /// A copy.
    pub fn fork(&self) -> Self {
        Self { scene: self.scene.fork(), ..*self }
    }

    /// Rebalances until there is nothing to do, or so often.
    pub fn lend(&mut self, most: usize) {
        let holder = self.holder;
        for _ in 0..most {
            self.scene.pass(3_600);
            if self.scene.next_move().is_err() {
                break;
            }
            self.scene.rebalance(&holder).expect_ok();
        }
    }

    /// Has borrowers come to one market and leave another, so that a move between markets gains.
    pub fn unbalance(&mut self) {
        let vault = self.scene.vault();
        let lent: Vec<usize> = vault.open_slots().filter(|slot| vault.allocations[*slot].shares.0 != 0).collect();
        let (_, trader) = self.scene.users[lent[0]];
        self.scene.world.market = self.scene.markets[lent[0]];
        self.scene.world.fund(&trader.key, 0, 10_000_000 * USD);
        let owed = self.scene.world.reserve(0).debts();
        self.scene.world.repay(trader, 0, owed / 2).expect_ok();
        self.scene.world.market = self.scene.markets[0];
        self.scene.pass(3_600);
    }

    /// Has the windows of all markets be at work a second ago, and their prices be recent.
    fn use_windows(&mut self) {
        for (slot, (lender, _)) in self.scene.users.clone().into_iter().enumerate() {
            self.scene.world.market = self.scene.markets[slot];
            self.scene.world.supply(lender, 1, 2 * SOL);
            self.scene.world.withdraw(lender, 1, SOL).expect_ok();
        }
        self.scene.refresh();
    }

    /// The three slots that can pay most, and shares for which they pay with what is idle: two of them all, and the last a part.
    pub fn three_payers(&mut self) -> (u8, u64) {
        let now = self.scene.world.now();
        let mut view: VaultView = self.scene.view();
        let vaults = view.at(now);
        let mut slots: Vec<usize> = vaults.vault.open_slots().collect();
        slots.sort_by_key(|slot| std::cmp::Reverse(vaults.valuation.allocations[*slot].takeable));
        let takeable = |slot: &usize| vaults.valuation.allocations[*slot].takeable;
        slots[..3].sort_unstable();
        let amount = vaults.vault.idle + slots[..2].iter().map(takeable).sum::<u64>() + takeable(&slots[2]) / 2;
        let shares = vaults.vault.shares_worth(amount, &vaults.valuation).expect("a part of all");
        (slots[..3].iter().fold(0, |bits, slot| bits | 1 << slot), shares.0)
    }
}

/// Between a vault of two allocations and the pool of one of them, against which a trader has a position.
pub fn pools(measured: &mut Measured) {
    let mut config = vault_config();
    config.allocations[1].pool = 2;
    let mut scene = VaultScene::with(2, config);
    let [curator, holder] = ["curator", "holder"].map(|name| scene.world.key(name));
    scene.deposit(holder, 100_000 * USD).expect_ok();
    scene.pass(3_600);
    scene.report();
    scene.world.market = scene.markets[1];
    let trader = scene.world.user("perp trader");
    let order = Order { perp: 3, lots: 1_000_000, limit: 0, min_factor: Part::ZERO, reduce_only: false };
    let trade = scene.world.view().trade_perp(trader.key, trader.margin, &order).expect("a perp");
    scene.world.send(&[trade]).expect_ok();
    scene.world.market = scene.markets[0];
    let deposit = scene.view().pool_deposit(curator, 1, 10_000 * USD + 1);
    measured.add("vault_pool_deposit", 2, scene.world.send(&[deposit]));
    let request = scene.view().pool_request(curator, 1, scene.vault().allocations[1].shares.0 / 3);
    measured.add("vault_pool_request", 2, scene.world.send(&[request]));
    scene.pass(3_600);
    let redeem = scene.redemption(holder, 1_000 * USD + 1, 0);
    measured.add("vault_redeem_beside_a_pool", 2, scene.world.fork().send(&[redeem]));
    let withdraw = scene.view().pool_withdraw(curator, 1);
    measured.add("vault_pool_withdraw", 2, scene.world.send(&[withdraw]));
}
