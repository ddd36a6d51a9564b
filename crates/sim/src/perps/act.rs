//! What traders, owners and the arbitrageur do.

use anyhow::Result;
use ballast_client::engine::state::account::MarginAccount;
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{
    OWNERS, Play, SHIFTS, TURN, Walked,
    market::{Member, Place, closing, order},
    people::{Draft, Owner, Trader, Wish},
    tally,
    terms::INSTANT_FLOW,
};
use crate::{
    chance::Turn,
    policy::CONFIDENCE_MULTIPLE,
    population::{address, spot},
    world::World,
};

/// Chance that an owner looks in a turn.
const OWNERS_LOOK: f64 = 0.1;
/// Seconds after they are free for which shares can be taken; then they are asked for anew.
const FREE_FOR: i64 = 172_800;
/// How often a trader asks for half as much, if all of it is refused.
const HALVINGS: usize = 3;
/// Seconds that the arbitrageur sees ahead.
const AHEAD: usize = 3;
/// What he trades, of the most that opens at once.
const HIS_PART: f64 = 0.5;
/// Seconds after which he closes at any price.
const PATIENCE: i64 = 3_600;

/// The pool's owners, who bring its capital together: the largest six times the least.
pub(super) fn owners(rng: &mut ChaCha12Rng, world: &mut World, place: &Place) -> Result<Vec<Owner>> {
    let weights: Vec<f64> = (0..OWNERS).map(|_| 0.2 + rng.random::<f64>()).collect();
    let all: f64 = weights.iter().sum();
    let mut owners = Vec::new();
    for weight in weights {
        let atoms = (place.capital as f64 * weight / all) as u64;
        let member = Member::join(rng, world, place, atoms)?;
        member.provide(world, place, atoms)?;
        owners.push(Owner::new(rng, member));
    }
    Ok(owners)
}

/// A trader with an account and a margin.
pub(super) fn join(rng: &mut ChaCha12Rng, world: &mut World, place: &Place, draft: Draft) -> Result<Trader> {
    let (token, kind) = draft.deposits();
    let member = Member::join(rng, world, place, (token * place.unit as f64) as u64)?;
    if kind > 0.0 {
        let (market, reserve) = (world.market()?, draft.perp.0);
        let atoms = world.assets[reserve].atoms(kind / spot(&market, reserve));
        let wallet = address(rng);
        world.set_tokens(wallet, reserve, member.owner, atoms)?;
        world.run("deposit", market.deposit(member.owner, member.margin, wallet, reserve as u8, atoms)?)?;
    }
    let account = world.margin_account(&member.margin)?;
    let Draft { style, perp, margin, leverage, threshold, in_kind } = draft;
    Ok(Trader { member, account, style, perp, margin, leverage, threshold, in_kind })
}

impl Play {
    /// The turn of some traders of perps, and, where one is due at a second of a bar, of everyone else: borrowers and lenders, owners of
    /// the pool, and whoever settles losses.
    pub(super) fn turn(&mut self, second: i64) -> Result<()> {
        let mut turn = self.stage.chance.turn();
        let is_due = second % TURN == 0;
        if is_due {
            self.lending(|play| play.crowd.act(&mut play.stage.world, &mut turn, 0))?;
        }
        let first = self.crowd.len();
        let shift = (second * SHIFTS as i64 / TURN) as usize % SHIFTS;
        for index in 0..self.traders.len() {
            if turn.luck() < self.traders[index].attention() && index % SHIFTS == shift {
                self.trader_acts(index, &mut turn.actor(first + index))?;
            }
        }
        if is_due {
            self.owners_act(&mut turn)?;
            self.settle()?;
        }
        Ok(())
    }

    fn trader_acts(&mut self, index: usize, rng: &mut ChaCha12Rng) -> Result<()> {
        let (market, now) = (self.stage.world.market()?, self.stage.world.now);
        let trader = &self.traders[index];
        let (member, perp) = (trader.member, trader.perp.1);
        match trader.wish(&self.place, &market, now, rng) {
            Wish::Nothing => {}
            Wish::Bring(usd) => {
                let atoms = (usd * self.place.unit as f64) as u64;
                member.bring(&mut self.stage.world, &self.place, atoms)?;
            }
            Wish::Close => {
                let is_short = trader.position().is_some_and(|position| position.is_short != 0);
                let close = market.trade_perp(member.owner, member.margin, &closing(perp, is_short))?;
                self.send("close perp", close)?;
            }
            Wish::Open(is_long, usd) => {
                let mut atoms = (usd * self.place.unit as f64) as u64;
                for _ in 0..=HALVINGS {
                    let lots = self.place.lots(&market, perp, atoms)?;
                    let order = order(perp, if is_long { lots } else { -lots }, false);
                    let open = market.trade_perp(member.owner, member.margin, &order)?;
                    if lots == 0 || self.send("open perp", open)?.is_some() {
                        break;
                    }
                    atoms /= 2;
                }
            }
        }
        self.read(index)
    }

    /// Reads a trader's account again.
    pub(super) fn read(&mut self, index: usize) -> Result<()> {
        let trader = &mut self.traders[index];
        trader.account = self.stage.world.margin_account(&trader.member.margin)?;
        Ok(())
    }

    fn owners_act(&mut self, turn: &mut Turn) -> Result<()> {
        for index in 0..self.owners.len() {
            if turn.luck() >= OWNERS_LOOK {
                continue;
            }
            let (market, now) = (self.stage.world.market()?, self.stage.world.now);
            let value = tally::value(&self.place, &market, now)? as f64;
            let share = value / market.pool(self.place.pool)?.shares.0.max(1) as f64;
            let owner = &mut self.owners[index];
            let member = owner.member;
            owner.highest = owner.highest.max(share);
            let account = self.stage.world.margin_account(&member.margin)?;
            let Some(stake) = account.stake() else { continue };
            let asks = if owner.is_leaving {
                now > stake.free_from as i64 + FREE_FOR
            } else {
                owner.is_leaving = share < owner.highest * (1.0 - owner.tolerance);
                owner.is_leaving
            };
            let pool = self.place.pool;
            if asks {
                self.send("ask to leave", market.pool_request(member.owner, member.margin, pool, stake.shares.0)?)?;
            } else if owner.is_leaving && now >= stake.free_from as i64 {
                self.send("leave pool", market.pool_withdraw(member.owner, member.margin, pool)?)?;
            }
        }
        Ok(())
    }
}

/// Who sees the next seconds.
pub(super) struct Arbitrageur {
    /// His account.
    pub member: Member,
    /// Trips that he made.
    pub trips: u64,
    /// What he began with, atoms.
    purse: u64,
    open: Option<Open>,
}

/// His position.
#[derive(Clone, Copy)]
struct Open {
    perp: (usize, u8),
    is_long: bool,
    since: i64,
}

/// When he trades, and what.
pub(super) struct Trip {
    /// Of the bar.
    pub second: usize,
    perp: (usize, u8),
    is_buy: bool,
    closes: bool,
}

impl Arbitrageur {
    pub fn new(member: Member, place: &Place, world: &World) -> Result<Self> {
        let purse = held(&member, place, world)?;
        Ok(Self { member, trips: 0, purse, open: None })
    }

    /// What he gained, USD. What he still holds counts nothing.
    pub fn gained(&self, world: &World, place: &Place) -> Result<f64> {
        Ok((held(&self.member, place, world)? as f64 - self.purse as f64) / place.unit as f64)
    }
}

fn held(member: &Member, place: &Place, world: &World) -> Result<u64> {
    let account: MarginAccount = world.margin_account(&member.margin)?;
    Ok(place.atoms(&world.market()?, place.deposit(&account), world.now))
}

impl Play {
    /// The best moment of a stretch for the arbitrageur, if it pays fee and spread.
    pub(super) fn arbitrage(&self, walked: &Walked, from: usize, until: usize) -> Result<Option<Trip>> {
        let until = until.min(walked.paths[0].len().saturating_sub(AHEAD));
        let market = self.stage.world.market()?;
        let open = self.arbitrageur.open;
        let mut best: Option<(f64, Trip)> = None;
        for perp in &self.place.perps {
            let config = &market.perp(perp.1)?.config;
            let (mut from, mut must) = (from, false);
            if let Some(open) = &open {
                if open.perp != *perp {
                    continue;
                }
                let held_from = (open.since + config.hold as i64 - walked.start).max(0) as usize;
                from = from.max(held_from);
                must = walked.start + until as i64 - open.since > PATIENCE;
            }
            let annual = market.reserves[perp.0].risk.volatility.annual;
            let fee = config.fee_at(config.fee_lag as u64, annual) as f64 / (1u64 << 32) as f64;
            let cost = fee + walked.confidences[perp.0] * CONFIDENCE_MULTIPLE as f64 / 10_000.0;
            let path = &walked.paths[perp.0];
            for second in from..until {
                let seen = (path[second + AHEAD] / path[second]).ln();
                let is_buy = open.map_or(seen > 0.0, |open| !open.is_long);
                let gain = if is_buy { seen } else { -seen } - cost;
                if (gain > 0.0 || must) && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                    best = Some((gain, Trip { second, perp: *perp, is_buy, closes: open.is_some() }));
                }
            }
        }
        Ok(best.map(|(_, trip)| trip))
    }

    /// Makes the trade, at the price of the moment.
    pub(super) fn trade_ahead(&mut self, trip: &Trip) -> Result<()> {
        let (market, now, member) = (self.stage.world.market()?, self.stage.world.now, self.arbitrageur.member);
        let order = if trip.closes {
            closing(trip.perp.1, trip.is_buy)
        } else {
            let atoms = (self.place.capital as f64 * INSTANT_FLOW * HIS_PART) as u64;
            let lots = self.place.lots(&market, trip.perp.1, atoms)?;
            order(trip.perp.1, if trip.is_buy { lots } else { -lots }, false)
        };
        let trade = market.trade_perp(member.owner, member.margin, &order)?;
        if self.send("trade ahead", trade)?.is_none() {
            return Ok(());
        }
        let account = self.stage.world.margin_account(&member.margin)?;
        let position = account.perp(trip.perp.1).filter(|position| position.size != 0);
        self.arbitrageur.trips += u64::from(trip.closes);
        let since = position.map_or(now, |position| position.grown_at as i64);
        self.arbitrageur.open =
            position.map(|position| Open { perp: trip.perp, is_long: position.is_short == 0, since });
        Ok(())
    }
}
