//! The walk through the bars.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, Event, MarketView,
    engine::{
        health::{Requirement, maintenance_and_equity},
        margin::MarginAccount,
    },
    from_engine,
};
use indicatif::ProgressBar;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::{
    assets::{ASSETS, RESERVES},
    audit,
    bars::{Bar, Grid},
    behaviour::{is_falling, ratio},
    liquidator::{bad_debts, plan, swapped, value},
    oracle::{Oracle, POINTS, offsets, path},
    population::{self, Population, spot},
    stats::{CLASS_NAMES, Frame, Record, class},
    time::full_label,
    world::{Outcome, World},
};

/// What the liquidator starts with in each token, USD.
const INVENTORY: f64 = 5_000_000.0;
/// Most orders against one account at one price.
const ORDERS: usize = 8;

/// The liquidator's addresses.
struct Keeper {
    owner: Address,
    wallets: [Address; RESERVES],
}

struct Replay {
    world: World,
    population: Population,
    keeper: Keeper,
    record: Record,
    /// The traders' accounts as of the last price.
    accounts: Vec<MarginAccount>,
}

/// Plays the grid through the program's bytecode. The bar advances by one for each bar of prices.
pub fn run(bytecode: &[u8], grid: &Grid, traders: usize, seed: u64, progress: &ProgressBar) -> Result<Record> {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut oracle = Oracle::default();
    let start = grid.bars[0][0].time;
    let mut replay = Replay::set_up(bytecode, &grid.bars[0], start, traders, &mut oracle, &mut rng)?;
    for bars in &grid.bars {
        let time = bars[0].time;
        let frame = replay.bar(bars, grid.interval, &mut oracle, &mut rng);
        replay.record.frames.push(frame.with_context(|| format!("in the bar of {} UTC", full_label(time)))?);
        progress.inc(1);
    }
    replay.finish()
}

impl Replay {
    /// The market with its first prices, everyone's positions, the liquidator's inventory.
    fn set_up(
        bytecode: &[u8],
        bars: &[Bar],
        start: i64,
        traders: usize,
        oracle: &mut Oracle,
        rng: &mut ChaCha12Rng,
    ) -> Result<Self> {
        // A second before the first bar, so that its opening price is new.
        let mut world = World::new(bytecode, start - 1)?;
        world.create_market(Address::new_from_array(rng.random()))?;
        world.publish(&oracle.updates(bars, 0, start - 1))?;
        let market = world.market()?;
        let population = population::draw(rng, &market, traders);
        // Lenders first: traders borrow what they bring.
        for lender in &population.lenders {
            lender.open(&mut world, &market)?;
        }
        for trader in &population.traders {
            trader.open(&mut world, &market)?;
        }
        let keeper = Keeper {
            owner: Address::new_from_array(rng.random()),
            wallets: std::array::from_fn(|_| Address::new_from_array(rng.random())),
        };
        for (index, asset) in ASSETS.iter().enumerate() {
            let amount = asset.atoms(INVENTORY / spot(&market, index));
            world.set_tokens(keeper.wallets[index], index, keeper.owner, amount)?;
        }
        let record = Record { accounts: (population.traders.len(), population.lenders.len()), ..Record::default() };
        Ok(Self { world, population, keeper, record, accounts: Vec::new() })
    }

    /// One bar: four prices, each with its liquidations; then everyone's turn; then the audit.
    fn bar(&mut self, bars: &[Bar], interval: i64, oracle: &mut Oracle, rng: &mut ChaCha12Rng) -> Result<Frame> {
        let time = bars[0].time;
        let mut flows = Frame { thinnest: f64::INFINITY, ..Frame::default() };
        for (point, offset) in offsets(interval).into_iter().enumerate().take(POINTS) {
            self.world.set_time(time + offset);
            self.world.publish(&oracle.updates(bars, point, time + offset))?;
            self.liquidate_all(&mut flows)?;
        }
        self.everyone_acts(rng)?;
        let market = self.world.market()?;
        self.audit(&market, rng)?;
        let mut frame = Frame::new(time, &market);
        frame.prices = std::array::from_fn(|index| {
            let visited = path(&bars[index]);
            (bars[index].low, bars[index].high, visited[POINTS - 1])
        });
        (frame.classes, frame.thinnest) = (flows.classes, flows.thinnest);
        (frame.liquidated, frame.bad_debt) = (flows.liquidated, flows.bad_debt);
        Ok(frame)
    }

    /// Looks at every trader's account, notes its health, and liquidates what is unhealthy.
    fn liquidate_all(&mut self, frame: &mut Frame) -> Result<()> {
        let mut market = self.world.market()?;
        let mut classes = [0.0; CLASS_NAMES.len()];
        self.accounts.clear();
        for trader in 0..self.population.traders.len() {
            let account = self.world.margin_account(&self.population.traders[trader].margin)?;
            let (health, equity) = maintenance_and_equity(&account, &market.reserves, self.world.now)?;
            classes[class(ratio(&health))] += health.debt.to_f64();
            if self.population.traders[trader].is_exposed {
                frame.thinnest = frame.thinnest.min(ratio(&equity));
            }
            let account = if health.covers() {
                account
            } else {
                let account = self.liquidate(trader, account, &mut market, frame)?;
                self.settle(trader, account, &mut market, frame)?
            };
            self.accounts.push(account);
        }
        frame.worsen(classes);
        Ok(())
    }

    /// Liquidates an account until it is healthy or nothing pays.
    fn liquidate(
        &mut self,
        trader: usize,
        mut account: MarginAccount,
        market: &mut MarketView,
        frame: &mut Frame,
    ) -> Result<MarginAccount> {
        let margin = self.population.traders[trader].margin;
        for _ in 0..ORDERS {
            let held = self.keeper.wallets.map(|wallet| self.world.tokens(&wallet));
            let Some(plan) = plan(market, &account, self.world.now, &held) else { break };
            let (debt, collateral) = (plan.order.debt as usize, plan.order.collateral as usize);
            let (source, destination) = (self.keeper.wallets[debt], self.keeper.wallets[collateral]);
            let order = market.liquidate(self.keeper.owner, margin, source, destination, plan.order)?;
            let Outcome::Done(events) = self.world.send("liquidate", order)? else { break };
            let Some(Event::Liquidated(event)) = events.first() else { break };
            ensure!(
                (event.repaid, event.seized) == (plan.preview.repaid, plan.preview.seized),
                "a liquidation moved {} for {}, the preview said {} for {}",
                event.repaid,
                event.seized,
                plan.preview.repaid,
                plan.preview.seized
            );
            self.swap(market, collateral, debt, event.seized)?;
            self.record.liquidation(frame, trader, market, &plan);
            *market = self.world.market()?;
            account = self.world.margin_account(&margin)?;
        }
        if !market.health(&account, self.world.now, Requirement::Maintenance)?.covers() {
            self.record.skipped += 1;
        }
        Ok(account)
    }

    /// The liquidator sells what it seized for what it paid with, outside.
    fn swap(&mut self, market: &MarketView, from: usize, to: usize, amount: u64) -> Result<()> {
        let Keeper { owner, wallets } = self.keeper;
        let proceeds = swapped(value(market, from as u8, amount)) / spot(market, to);
        let (sold, bought) = (self.world.tokens(&wallets[from]), self.world.tokens(&wallets[to]));
        self.world.set_tokens(wallets[from], from, owner, sold - amount)?;
        self.world.set_tokens(wallets[to], to, owner, bought + ASSETS[to].atoms(proceeds))
    }

    /// Settles the debts of an account without collateral.
    fn settle(
        &mut self,
        trader: usize,
        account: MarginAccount,
        market: &mut MarketView,
        frame: &mut Frame,
    ) -> Result<MarginAccount> {
        let debts = bad_debts(&account);
        if debts.is_empty() {
            return Ok(account);
        }
        let margin = self.population.traders[trader].margin;
        for reserve in debts {
            let settle = market.settle_bad_debt(margin, reserve)?;
            if let Outcome::Done(events) = self.world.send("settle bad debt", settle)? {
                for event in &events {
                    if let Event::BadDebtSettled(event) = event {
                        self.record.settlement(frame, market, reserve, event.amount);
                    }
                }
            }
        }
        *market = self.world.market()?;
        self.world.margin_account(&margin)
    }

    /// Traders and lenders act, in order.
    fn everyone_acts(&mut self, rng: &mut ChaCha12Rng) -> Result<()> {
        let Self { world, population, accounts, .. } = self;
        let market = world.market()?;
        let falling = is_falling(&market);
        for (trader, account) in population.traders.iter().zip(accounts.iter()) {
            trader.act(world, &market, account, rng)?;
        }
        for lender in &population.lenders {
            let account = world.margin_account(&lender.margin)?;
            lender.act(world, &market, &account, falling, rng)?;
        }
        Ok(())
    }

    /// Conservation over all accounts, and one trader's health by the program against the client's.
    fn audit(&mut self, market: &MarketView, rng: &mut ChaCha12Rng) -> Result<()> {
        let traders = self.population.traders.iter().map(|trader| trader.margin);
        let lenders = self.population.lenders.iter().map(|lender| lender.margin);
        let accounts: Vec<_> =
            traders.chain(lenders).map(|margin| self.world.margin_account(&margin)).collect::<Result<_>>()?;
        audit::check(&self.world, market, &accounts.iter().collect::<Vec<_>>())?;
        let trader = rng.random_range(0..self.population.traders.len());
        let computed = market.health_report(&accounts[trader], self.world.now);
        // A debt in a price too unsettled for new risk has no initial health.
        if let Ok(computed) = computed {
            let returned = self.world.read_health(self.population.traders[trader].margin)?;
            audit::check_health(&computed, &returned)?;
            self.record.healths_compared += 1;
        }
        Ok(())
    }

    /// Collects the fees and closes the record.
    fn finish(mut self) -> Result<Record> {
        let market = self.world.market()?;
        let collector = from_engine(&market.market.fee_collector);
        for reserve in 0..RESERVES {
            let mut digest = collector.to_bytes();
            digest[31] ^= reserve as u8 + 1;
            let wallet = Address::new_from_array(digest);
            self.world.set_tokens(wallet, reserve, collector, 0)?;
            let collect = market.collect_fees(wallet, reserve as u8)?;
            if let Outcome::Done(_) = self.world.send("collect fees", collect)? {
                self.record.fees += value(&market, reserve as u8, self.world.tokens(&wallet));
            }
        }
        let market = self.world.market()?;
        let mut record = self.record;
        for trader in &self.population.traders {
            let account = self.world.margin_account(&trader.margin)?;
            let health = market.health(&account, self.world.now, Requirement::Maintenance)?;
            record.unhealthy_at_end += usize::from(!health.covers());
        }
        record.events = (self.world.events, market.market.events);
        ensure!(
            record.events.0 == record.events.1,
            "{} events in logs, the market counts {}",
            record.events.0,
            record.events.1
        );
        (record.costs, record.refusals) = (self.world.costs, self.world.refusals);
        Ok(record)
    }
}
