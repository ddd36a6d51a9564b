//! The people of one market, and what surrounds them: the chain, the venue, the liquidator.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
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
use rand_chacha::ChaCha12Rng;

use super::{
    audit::{self, Entrusted},
    bars::Bar,
    behaviour::{is_falling, ratio},
    chance::{Chance, Turn},
    grid::Grid,
    liquidator::plan,
    oracle::{Oracle, confidence},
    population::{Lender, Population},
    stats::{CLASS_NAMES, Frame, Record, class},
    venue::Venue,
    world::{Outcome, World},
};

/// Most orders against one account at one price.
const ORDERS: usize = 8;

/// The liquidator's addresses, and when it comes.
pub(crate) struct Keeper {
    owner: Address,
    wallets: Vec<Address>,
    /// Seconds that it stays away after each visit, and the next of them.
    absence: i64,
    next_visit: i64,
}

impl Keeper {
    /// One who trades all assets.
    pub fn new(rng: &mut ChaCha12Rng, world: &mut World, absence: i64) -> Result<Self> {
        let owner = Address::new_from_array(rng.random());
        let wallets: Vec<_> = world.assets.iter().map(|_| Address::new_from_array(rng.random())).collect();
        for (index, wallet) in wallets.iter().enumerate() {
            world.set_tokens(*wallet, index, owner, 0)?;
        }
        Ok(Self { owner, wallets, absence, next_visit: world.now })
    }

    /// Whether it comes now. To be asked once for each price.
    fn attends(&mut self, now: i64) -> bool {
        let attends = now >= self.next_visit;
        if attends {
            self.next_visit = now + self.absence;
        }
        attends
    }
}

/// What surrounds the people.
pub(crate) struct Stage {
    pub world: World,
    pub oracle: Oracle,
    pub venue: Venue,
    pub chance: Chance,
    pub keeper: Keeper,
}

/// Confidence ÷ price of each asset in its bar.
pub(crate) fn confidences(bars: &[Bar], interval: i64) -> Vec<f64> {
    bars.iter().map(|bar| confidence(bar, interval)).collect()
}

impl Stage {
    /// The chain a second before a grid begins, so that its opening price is new.
    pub fn world(bytecode: &[u8], grid: &Grid) -> Result<World> {
        let bars = &grid.bars[0];
        let assets: Vec<_> = grid.assets.iter().zip(bars).map(|(asset, bar)| asset.listed_at(bar.open)).collect();
        World::new(bytecode, &assets, bars[0].time - 1)
    }

    /// Publishes to the markets of some crowds what the venue makes of the prices without impact.
    pub fn publish(&mut self, crowds: &mut [Crowd], exogenous: &[f64], confidences: &[f64], time: i64) -> Result<()> {
        let elapsed = time - self.world.now;
        self.world.set_time(time);
        self.venue.advance(exogenous, time);
        let prices = self.venue.publish();
        let spot: Vec<_> = prices.iter().map(|(price, _)| *price).collect();
        let updates = self.oracle.updates(&spot, confidences, time);
        for crowd in crowds {
            crowd.record.unhealthy_seconds += crowd.unhealthy as i64 * elapsed;
            crowd.record.published.push((time, prices.clone()));
            self.world.market = crowd.market;
            self.world.publish(&updates)?;
        }
        Ok(())
    }

    /// The liquidator looks at all accounts of some crowds, if it comes; each crowd has its frame.
    pub fn liquidate(&mut self, crowds: &mut [Crowd], frames: &mut [Frame]) -> Result<()> {
        let attends = self.keeper.attends(self.world.now);
        crowds.iter_mut().zip(frames).try_for_each(|(crowd, frame)| crowd.liquidate_all(self, attends, frame))
    }
}

/// The people of one market.
pub(crate) struct Crowd {
    /// The market.
    pub market: Address,
    /// Who they are.
    pub population: Population,
    /// Lenders who do not act by themselves, by index.
    pub away: BTreeSet<usize>,
    /// What happened to them.
    pub record: Record,
    /// The traders' accounts as of the last price.
    accounts: Vec<MarginAccount>,
    /// How many of them are unhealthy.
    unhealthy: usize,
}

impl Crowd {
    /// Everyone takes position in the market at hand.
    pub fn settle_in(world: &mut World, population: Population) -> Result<Self> {
        let market = world.market()?;
        // Lenders first: traders borrow what they bring.
        for lender in &population.lenders {
            lender.open(world, &market)?;
        }
        for trader in &population.traders {
            trader.open(world, &market)?;
        }
        let accounts = (population.traders.len(), population.lenders.len());
        let record = Record { assets: world.assets.clone(), accounts, ..Record::default() };
        let (market, away) = (world.market, BTreeSet::new());
        Ok(Self { market, population, away, record, accounts: Vec::new(), unhealthy: 0 })
    }

    /// Looks at every trader's account, notes its health, and liquidates what is unhealthy if the
    /// liquidator attends.
    fn liquidate_all(&mut self, stage: &mut Stage, attends: bool, frame: &mut Frame) -> Result<()> {
        stage.world.market = self.market;
        let mut market = stage.world.market()?;
        let mut classes = [0.0; CLASS_NAMES.len()];
        frame.locked = (0.0, 0.0);
        self.accounts.clear();
        self.unhealthy = 0;
        for trader in 0..self.population.traders.len() {
            let account = stage.world.margin_account(&self.population.traders[trader].margin)?;
            let (health, equity) = maintenance_and_equity(&account, &market.reserves, stage.world.now)?;
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
                let account = self.liquidate(stage, trader, account, &mut market, frame)?;
                let account = self.settle(&mut stage.world, trader, account, &mut market, frame)?;
                let health = market.health(&account, stage.world.now, Requirement::Maintenance)?;
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
        stage: &mut Stage,
        trader: usize,
        mut account: MarginAccount,
        market: &mut MarketView,
        frame: &mut Frame,
    ) -> Result<MarginAccount> {
        let Stage { world, venue, keeper, .. } = stage;
        let margin = self.population.traders[trader].margin;
        for _ in 0..ORDERS {
            let Some(plan) = plan(market, &account, world.now, venue) else { break };
            let (debt, collateral) = (plan.order.debt as usize, plan.order.collateral as usize);
            let (source, destination) = (keeper.wallets[debt], keeper.wallets[collateral]);
            // The venue is outside the virtual machine: what the sale will bring is there when the order is paid.
            world.set_tokens(source, debt, keeper.owner, plan.sent)?;
            let order = market.liquidate(keeper.owner, margin, source, destination, plan.order)?;
            let Outcome::Done(events) = world.send("liquidate", order)? else { break };
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
                venue.swap(sale.quote);
            }
            // All that was seized is sold, and what remains is in its books alone.
            world.set_tokens(source, debt, keeper.owner, 0)?;
            world.set_tokens(destination, collateral, keeper.owner, 0)?;
            self.record.liquidation(frame, trader, market, &plan);
            *market = world.market()?;
            account = world.margin_account(&margin)?;
        }
        Ok(account)
    }

    /// Settles an account's debts, where they can be written off.
    fn settle(
        &mut self,
        world: &mut World,
        trader: usize,
        account: MarginAccount,
        market: &mut MarketView,
        frame: &mut Frame,
    ) -> Result<MarginAccount> {
        if !is_bad_debt(&market.ledger(world.now), &account) {
            return Ok(account);
        }
        let margin = self.population.traders[trader].margin;
        for reserve in account.positions().iter().filter(|position| position.is_debt()).map(|position| position.reserve)
        {
            let settle = market.settle_bad_debt(margin, reserve)?;
            if let Outcome::Done(events) = world.send("settle bad debt", settle)? {
                for event in &events {
                    if let Event::BadDebtSettled(event) = event {
                        self.record.settlement(frame, market, reserve, event.insurance + event.fees + event.rest);
                    }
                }
            }
        }
        *market = world.market()?;
        world.margin_account(&margin)
    }

    /// Traders and lenders act, in order, if they are not away. Their numbers in the turn begin at `first`.
    pub fn act(&mut self, world: &mut World, turn: &mut Turn, first: usize) -> Result<()> {
        let Self { population, accounts, away, .. } = self;
        world.market = self.market;
        let market = world.market()?;
        let falling = is_falling(&market);
        for (actor, (trader, account)) in population.traders.iter().zip(accounts.iter()).enumerate() {
            trader.act(world, &market, account, turn.luck(), &mut turn.actor(first + actor))?;
        }
        for (index, lender) in population.lenders.iter().enumerate() {
            if turn.luck() < Lender::attention(falling) && !away.contains(&index) {
                let account = world.margin_account(&lender.margin)?;
                let rng = &mut turn.actor(first + population.traders.len() + index);
                lender.act(world, &market, &account, falling, rng)?;
            }
        }
        Ok(())
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.population.traders.len() + self.population.lenders.len()
    }

    /// Conservation over all accounts, those of `others` and what a vault lent or a pool holds, and one trader's health by the program
    /// against the client's. Returns the market.
    pub fn audit(&mut self, stage: &mut Stage, others: &[MarginAccount], entrusted: Entrusted) -> Result<MarketView> {
        let world = &mut stage.world;
        world.market = self.market;
        let market = world.market()?;
        let traders = self.population.traders.iter().map(|trader| trader.margin);
        let lenders = self.population.lenders.iter().map(|lender| lender.margin);
        let accounts: Vec<_> =
            traders.chain(lenders).map(|margin| world.margin_account(&margin)).collect::<Result<_>>()?;
        audit::check(world, &market, &accounts.iter().chain(others).collect::<Vec<_>>(), entrusted)?;
        let trader = stage.chance.audit.random_range(0..self.population.traders.len());
        let computed = market.health_report(&accounts[trader], world.now);
        // A debt in a price too unsettled for new risk has no initial health.
        if let Ok(computed) = computed {
            let returned = world.read_health(self.population.traders[trader].margin)?;
            audit::check_health(&computed, &returned)?;
            self.record.healths_compared += 1;
        }
        Ok(market)
    }

    /// Collects the fees and closes the record.
    pub fn finish(self, world: &mut World) -> Result<Record> {
        world.market = self.market;
        let market = world.market()?;
        let collector = from_engine(&market.market.config.roles.fee_collector);
        let mut record = self.record;
        for reserve in 0..world.assets.len() {
            let mut digest = collector.to_bytes();
            digest[31] ^= reserve as u8 + 1;
            let wallet = Address::new_from_array(digest);
            world.set_tokens(wallet, reserve, collector, 0)?;
            let collect = market.collect_fees(wallet, reserve as u8)?;
            if let Outcome::Done(_) = world.send("collect fees", collect)? {
                record.fees += value(&market, reserve as u8, world.tokens(&wallet));
            }
        }
        let market = world.market()?;
        for trader in &self.population.traders {
            let account = world.margin_account(&trader.margin)?;
            let health = market.health(&account, world.now, Requirement::Maintenance)?;
            record.unhealthy_at_end += usize::from(!health.is_healthy());
            let equity = equity(&account, &market.reserves, world.now)?;
            record.uncovered_at_end += (equity.debt.to_f64() - equity.collateral.to_f64()).max(0.0);
        }
        record.events = (world.events, market.market.events);
        Ok(record)
    }
}
