//! The walk through the bars.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, Event, MarketView,
    engine::{
        health::{
            Requirement,
            account::{equity, maintenance_and_equity},
        },
        number::units::Usd,
        state::account::MarginAccount,
    },
    from_engine,
};
use ballast_liquidator::{Funding, is_bad_debt, value};
use rand::Rng;

use super::{
    assets::ASSETS,
    audit,
    bars::Bar,
    behaviour::{is_falling, ratio},
    chance::Chance,
    grid::Grid,
    liquidator::plan,
    oracle::{Oracle, confidence, path},
    policy::Policy,
    population::{self, Lender, Population},
    stats::{CLASS_NAMES, Frame, Record, class},
    venue::Venue,
    world::{Outcome, World},
};
use ballast_time::full_label;

/// Most orders against one account at one price.
const ORDERS: usize = 8;
/// Seconds after which a price that liquidations have moved is published again.
const RENEWAL: i64 = 10;
/// Everyone's turn comes after so many steps of the oracle's path.
const STEPS_IN_TURN: usize = 3;

/// The liquidator's addresses.
struct Keeper {
    owner: Address,
    wallets: Vec<Address>,
}

struct Replay {
    world: World,
    oracle: Oracle,
    venue: Venue,
    chance: Chance,
    population: Population,
    keeper: Keeper,
    record: Record,
    /// The traders' accounts as of the last price.
    accounts: Vec<MarginAccount>,
    /// How many of them are unhealthy.
    unhealthy: usize,
    /// Seconds between the liquidator's visits, and the next of them.
    absence: i64,
    next_visit: i64,
}

fn confidences(bars: &[Bar], interval: i64) -> Vec<f64> {
    bars.iter().map(|bar| confidence(bar, interval)).collect()
}

/// What a replay is made of, beside prices and bytecode.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How risk is governed.
    pub policy: Policy,
    /// Margin accounts of traders.
    pub traders: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Seconds that the liquidator stays away after each visit.
    pub absence: i64,
    /// How liquidations are spread over time.
    pub phases: Phases,
}

/// Limits of liquidations; none where zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    /// Most collateral that liquidations take of each asset in an hour, USD.
    pub hourly: [u32; ASSETS.len()],
    /// Equity, as a share of the debt, below which an account does not wait, basis points.
    pub near_insolvency: u16,
}

impl Setting {
    /// How often the liquidator comes, in a sentence.
    pub fn attendance(&self) -> String {
        match self.absence {
            0 => "The liquidator sees every price.".into(),
            seconds => format!("The liquidator stays away for {} minutes after each visit.", seconds / 60),
        }
    }
}

/// Plays the grid through the program's bytecode. Calls `played` after each bar of prices.
pub fn run(bytecode: &[u8], grid: &Grid, setting: Setting, venue: Venue, played: &dyn Fn()) -> Result<Record> {
    let mut replay = Replay::set_up(bytecode, grid, setting, venue)?;
    for bars in &grid.bars {
        let time = bars[0].time;
        let frame = replay.bar(bars, grid.interval);
        replay.record.frames.push(frame.with_context(|| format!("in the bar of {} UTC", full_label(time)))?);
        played();
    }
    replay.finish()
}

impl Replay {
    /// The market with its first prices, everyone's positions, the liquidator's wallets.
    fn set_up(bytecode: &[u8], grid: &Grid, setting: Setting, venue: Venue) -> Result<Self> {
        let mut chance = Chance::new(setting.seed);
        let rng = &mut chance.setting;
        let bars = &grid.bars[0];
        // A second before the first bar, so that its opening price is new.
        let start = bars[0].time - 1;
        let assets: Vec<_> = grid.assets.iter().zip(bars).map(|(asset, bar)| asset.listed_at(bar.open)).collect();
        let mut oracle = Oracle::new(&grid.extremes())?;
        let mut world = World::new(bytecode, &assets, start)?;
        world.create_market(Address::new_from_array(rng.random()), setting.policy, &setting.phases)?;
        let opens: Vec<_> = bars.iter().map(|bar| bar.open).collect();
        world.publish(&oracle.updates(&opens, &confidences(bars, grid.interval), start))?;
        let market = world.market()?;
        let population = population::draw(rng, &market, grid, setting.traders);
        // Lenders first: traders borrow what they bring.
        for lender in &population.lenders {
            lender.open(&mut world, &market)?;
        }
        for trader in &population.traders {
            trader.open(&mut world, &market)?;
        }
        let keeper = Keeper {
            owner: Address::new_from_array(rng.random()),
            wallets: grid.assets.iter().map(|_| Address::new_from_array(rng.random())).collect(),
        };
        for (index, wallet) in keeper.wallets.iter().enumerate() {
            world.set_tokens(*wallet, index, keeper.owner, 0)?;
        }
        let record =
            Record { assets, accounts: (population.traders.len(), population.lenders.len()), ..Record::default() };
        Ok(Self {
            world,
            oracle,
            venue,
            chance,
            population,
            keeper,
            record,
            accounts: Vec::new(),
            unhealthy: 0,
            absence: setting.absence,
            next_visit: start,
        })
    }

    /// One bar: its prices, each with its liquidations, and everyone's turn every five minutes; then the audit.
    fn bar(&mut self, bars: &[Bar], interval: i64) -> Result<Frame> {
        let time = bars[0].time;
        let mut frame = Frame::new(time, bars.len());
        let paths: Vec<_> = bars.iter().map(|bar| path(bar, interval)).collect();
        let confidences = confidences(bars, interval);
        for (point, (offset, _)) in paths[0].iter().enumerate() {
            let exogenous: Vec<_> = paths.iter().map(|path| path[point].1).collect();
            let next = paths[0].get(point + 1).map_or(interval, |next| next.0);
            for since in (*offset..next).step_by(RENEWAL as usize) {
                self.publish(&exogenous, &confidences, time + since)?;
                self.liquidate_all(&mut frame)?;
                if !self.venue.has_moved() {
                    break;
                }
            }
            // Three steps of at most 100 s, or the whole of a short bar.
            if point > 0 && point % STEPS_IN_TURN == 0 {
                self.everyone_acts()?;
            }
        }
        let market = self.world.market()?;
        self.audit(&market)?;
        frame.close(&self.world.assets, &market);
        Ok(frame)
    }

    /// Publishes what the venue makes of the prices without impact.
    fn publish(&mut self, exogenous: &[f64], confidences: &[f64], time: i64) -> Result<()> {
        self.record.unhealthy_seconds += self.unhealthy as i64 * (time - self.world.now);
        self.world.set_time(time);
        self.venue.advance(exogenous, time);
        let prices = self.venue.publish();
        let spot: Vec<_> = prices.iter().map(|(price, _)| *price).collect();
        self.record.published.push((time, prices));
        self.world.publish(&self.oracle.updates(&spot, confidences, time))
    }

    /// Looks at every trader's account, notes its health, and liquidates what is unhealthy.
    fn liquidate_all(&mut self, frame: &mut Frame) -> Result<()> {
        let mut market = self.world.market()?;
        let mut classes = [0.0; CLASS_NAMES.len()];
        let attends = self.world.now >= self.next_visit;
        if attends {
            self.next_visit = self.world.now + self.absence;
        }
        frame.locked = (0.0, 0.0);
        self.accounts.clear();
        self.unhealthy = 0;
        for trader in 0..self.population.traders.len() {
            let account = self.world.margin_account(&self.population.traders[trader].margin)?;
            let (health, equity) = maintenance_and_equity(&account, &market.reserves, self.world.now)?;
            classes[class(ratio(&health))] += health.debt.to_f64();
            if equity.debt != Usd::ZERO {
                frame.locked.0 += equity.collateral.to_f64();
                frame.locked.1 += equity.debt.to_f64();
            }
            if !equity.is_healthy() {
                self.record.under_water.insert(trader);
            }
            if self.population.traders[trader].is_exposed {
                frame.thinnest = frame.thinnest.min(ratio(&equity));
            }
            let account = if health.is_healthy() || !attends {
                self.unhealthy += usize::from(!health.is_healthy());
                account
            } else {
                let account = self.liquidate(trader, account, &mut market, frame)?;
                let account = self.settle(trader, account, &mut market, frame)?;
                let health = market.health(&account, self.world.now, Requirement::Maintenance)?;
                self.record.skipped += u64::from(!health.is_healthy());
                self.unhealthy += usize::from(!health.is_healthy());
                account
            };
            self.accounts.push(account);
        }
        frame.unhealthy = frame.unhealthy.max(self.unhealthy);
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
            let Some(plan) = plan(market, &account, self.world.now, &self.venue) else { break };
            let (debt, collateral) = (plan.order.debt as usize, plan.order.collateral as usize);
            let (source, destination) = (self.keeper.wallets[debt], self.keeper.wallets[collateral]);
            // The venue is outside the virtual machine: what the sale will bring is there when the order is paid.
            self.world.set_tokens(source, debt, self.keeper.owner, plan.sent)?;
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
            if let Funding::Receivership(sale) = &plan.funding {
                self.venue.swap(sale.quote);
            }
            // All that was seized is sold, and what remains is in its books alone.
            self.world.set_tokens(source, debt, self.keeper.owner, 0)?;
            self.world.set_tokens(destination, collateral, self.keeper.owner, 0)?;
            self.record.liquidation(frame, trader, market, &plan);
            *market = self.world.market()?;
            account = self.world.margin_account(&margin)?;
        }
        Ok(account)
    }

    /// Settles an account's debts, where they can be written off.
    fn settle(
        &mut self,
        trader: usize,
        account: MarginAccount,
        market: &mut MarketView,
        frame: &mut Frame,
    ) -> Result<MarginAccount> {
        if !is_bad_debt(&market.ledger(self.world.now), &account) {
            return Ok(account);
        }
        let margin = self.population.traders[trader].margin;
        for reserve in account.positions().iter().filter(|position| position.is_debt()).map(|position| position.reserve)
        {
            let settle = market.settle_bad_debt(margin, reserve)?;
            if let Outcome::Done(events) = self.world.send("settle bad debt", settle)? {
                for event in &events {
                    if let Event::BadDebtSettled(event) = event {
                        self.record.settlement(frame, market, reserve, event.insurance + event.fees + event.rest);
                    }
                }
            }
        }
        *market = self.world.market()?;
        self.world.margin_account(&margin)
    }

    /// Traders and lenders act, in order.
    fn everyone_acts(&mut self) -> Result<()> {
        let Self { world, population, accounts, chance, .. } = self;
        let market = world.market()?;
        let falling = is_falling(&market);
        let mut turn = chance.turn();
        for (actor, (trader, account)) in population.traders.iter().zip(accounts.iter()).enumerate() {
            trader.act(world, &market, account, turn.luck(), &mut turn.actor(actor))?;
        }
        for (index, lender) in population.lenders.iter().enumerate() {
            if turn.luck() < Lender::attention(falling) {
                let account = world.margin_account(&lender.margin)?;
                let rng = &mut turn.actor(population.traders.len() + index);
                lender.act(world, &market, &account, falling, rng)?;
            }
        }
        Ok(())
    }

    /// Conservation over all accounts, and one trader's health by the program against the client's.
    fn audit(&mut self, market: &MarketView) -> Result<()> {
        let traders = self.population.traders.iter().map(|trader| trader.margin);
        let lenders = self.population.lenders.iter().map(|lender| lender.margin);
        let accounts: Vec<_> =
            traders.chain(lenders).map(|margin| self.world.margin_account(&margin)).collect::<Result<_>>()?;
        audit::check(&self.world, market, &accounts.iter().collect::<Vec<_>>())?;
        let trader = self.chance.audit.random_range(0..self.population.traders.len());
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
        let collector = from_engine(&market.market.config.roles.fee_collector);
        for reserve in 0..self.world.assets.len() {
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
            record.unhealthy_at_end += usize::from(!health.is_healthy());
            let equity = equity(&account, &market.reserves, self.world.now)?;
            record.uncovered_at_end += (equity.debt.to_f64() - equity.collateral.to_f64()).max(0.0);
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
