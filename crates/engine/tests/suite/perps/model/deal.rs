//! Trades, settlements, liquidations, and what ends a perp.

use super::{pool::atom, *};
use ballast_engine::{Error, perps::trade::Order, state::account::Side};

/// What a trade or a liquidation comes to, atoms.
#[derive(Clone, Debug)]
pub struct Deal {
    /// Lots closed and opened, whole ones.
    pub closed: Rational,
    pub opened: Rational,
    pub value: Rational,
    pub realised: Rational,
    pub factor: Rational,
    pub gain: Rational,
    pub loss: Rational,
    pub fee: Rational,
    pub impact: Rational,
    pub rebate: Rational,
    pub reward: Rational,
    pub paid_out: Rational,
    pub paid_in: Rational,
    pub short: Rational,
    /// What of the gain stays owed.
    owed: Rational,
}

impl Deal {
    fn new() -> Self {
        let [closed, opened, value, realised, factor, gain, loss, fee] = [(); 8].map(|()| zero());
        let [impact, rebate, reward, paid_out, paid_in, short, owed] = [(); 7].map(|()| zero());
        Self {
            closed,
            opened,
            value,
            realised,
            factor,
            gain,
            loss,
            fee,
            impact,
            rebate,
            reward,
            paid_out,
            paid_in,
            short,
            owed,
        }
    }
}

/// What the engine did. What is decided by whole lots, and what of a claim a pool or a fund that is short paid, is compared and then
/// followed: else an error would come back many times.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    /// Lots as the engine counts them.
    pub closed: u64,
    pub opened: u64,
    pub gain: u64,
    pub rebate: u64,
}

/// Whether a decision was so close that the engine's rounding may take the other.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    pub is_unsure: bool,
    /// The engine did it: what is unsure is not refused.
    pub is_done: bool,
}

impl Gate {
    /// Whether a number is above a limit.
    pub fn above(&mut self, number: &Rational, limit: &Rational, tolerance: &Rational) -> bool {
        self.is_unsure |= crate::common::rational::abs(number - limit) <= *tolerance;
        number > limit
    }

    pub fn refuse(&mut self, is_refused: bool, error: Error) -> Result<(), Error> {
        if is_refused && !(self.is_done && self.is_unsure) { Err(error) } else { Ok(()) }
    }
}

impl Model {
    /// What a lot of a trade costs or gets, with its impact; the fund pays all rebates by the part that it could if the skew went to zero.
    fn charge(
        &mut self,
        world: &World,
        index: u8,
        deal: &mut Deal,
        lots: &Rational,
        price: &Rational,
        done: Option<Done>,
    ) {
        let perp = self.perp(index);
        if perp.is_resolved {
            return;
        }
        let skew = perp.skew();
        deal.fee = &deal.value * perp.fee_rate(world);
        let impact = perp.impact(&skew, lots, price);
        // Of a deleveraged side the engine counts whole lots.
        let loose = if perp.left.iter().any(|left| *left != int(1)) {
            price * int(4) * bps(perp.config.max_impact.0)
        } else {
            zero()
        };
        // And of the skew 32 bits of its price.
        let loose = loose + crate::common::rational::abs(skew.clone()) * price * two_to(-30);
        // The most impact has 32 bits, rounded up, for whoever pays it and for whoever gets it.
        let favour = crate::common::rational::abs(skew.clone()) * price * two_to(-31);
        if impact >= zero() {
            deal.impact = impact;
        } else {
            let need = perp.impact(&zero(), &skew, price);
            let part = if perp.fund >= need { int(1) } else { &perp.fund / need };
            deal.rebate = (-impact * &part).min(perp.fund.clone());
            if let Some(done) = done.filter(|_| part < int(1)) {
                follow(&mut deal.rebate, done.rebate, &(self.tolerance() + &loose));
            }
        }
        if deal.rebate > zero() {
            self.favour = cut(&(&self.favour + favour));
        }
        self.slack = cut(&(&self.slack + loose));
    }

    /// Closes a part of a position. No gain within the hold; else what the pool's factor and the perp's budget of the day let.
    #[allow(clippy::too_many_arguments)]
    fn close(
        &mut self,
        world: &World,
        index: u8,
        user: usize,
        part: &Rational,
        price: &Rational,
        deal: &mut Deal,
        done: Option<Done>,
    ) {
        let tolerance = self.tolerance();
        let now = self.accrued(world).standing(world, Width::Maintenance);
        let perp = self.perp_mut(index);
        let side = perp.holdings[user].is_short;
        deal.realised = perp.holdings[user].close(part, price);
        if perp.lots(side) == zero() {
            perp.left[side as usize] = int(1);
        }
        let is_held = world.now - perp.holdings[user].grown_at < perp.config.hold as i64 && !perp.is_resolved;
        if deal.realised <= zero() {
            deal.loss = -deal.realised.clone();
            return;
        }
        if is_held {
            return;
        }
        deal.factor = now.factor();
        let all = &deal.realised * &deal.factor;
        let limit = perp.config.loss_budget;
        perp.paid.drain(limit, 86_400, world.now);
        let room =
            if limit == 0 { now.cash.clone() } else { (int(limit) - &perp.paid.level).max(zero()).min(now.cash) };
        let is_short = all > room;
        deal.gain = all.clone().min(room);
        if let Some(done) = done.filter(|_| is_short || deal.factor < int(1)) {
            // Errors of what is there and of what is claimed move what each claim gets.
            let error = &tolerance * (int(2) + &deal.realised * int(2) / now.claims.max(int(1)));
            follow(&mut deal.gain, done.gain, &error);
        }
        if is_short {
            deal.owed = &deal.realised * (int(1) - &deal.gain / all);
        }
    }

    /// Moves the money: gains from the pool, charges out of the deposit, the loss first.
    fn pay(&mut self, world: &World, index: u8, user: usize, deal: &mut Deal) {
        let free = self.free(world, user);
        let perp = self.perp_mut(index);
        perp.fund -= &deal.rebate;
        let credit = &deal.gain + &deal.rebate;
        let debit = &deal.loss + &deal.impact + &deal.fee + &deal.reward;
        self.cash += &deal.rebate;
        if credit >= debit {
            let account = &world.accounts[user];
            let is_full = account.position_count as usize + 2 * account.extra_count as usize >= 16;
            if is_full && account.shares(QUOTE, Side::Deposit).is_err() {
                // It stays owed.
                deal.owed = &deal.owed + &credit - &debit;
            } else {
                deal.paid_out = &credit - &debit;
            }
        } else {
            let due = &debit - &credit;
            let most = free.map_or(due.clone(), |free| free.min(due.clone()));
            deal.paid_in = most.min(self.deposits[user].clone());
            deal.short = due - &deal.paid_in;
        }
        self.deposits[user] = cut(&(&self.deposits[user] + &deal.paid_out - &deal.paid_in));
        self.cash = cut(&(&self.cash + &deal.paid_in - &deal.paid_out));
        let got = &debit - &deal.short;
        let lost = deal.loss.clone().min(got.clone());
        let mut left = got - &lost;
        let mut share = |due: &Rational| {
            let part = due.clone().min(left.clone());
            left -= &part;
            part
        };
        let (impact, fee, reward) = (share(&deal.impact), share(&deal.fee), share(&deal.reward));
        deal.reward = reward;
        let perp = self.perp_mut(index);
        let insured = fee * bps(perp.config.insurance_share.0);
        perp.fund = cut(&(&perp.fund + &impact));
        perp.insurance = cut(&(&perp.insurance + &insured));
        perp.paid.drain(perp.config.loss_budget, 86_400, world.now);
        perp.paid.level = cut(&(&perp.paid.level + &deal.gain - lost).max(zero()));
        let owed = &deal.owed - &deal.short;
        let holding = &mut perp.holdings[user];
        holding.owed = cut(&(&holding.owed + owed));
        self.cash = cut(&(&self.cash - impact - insured - &deal.reward));
    }

    /// What an order does.
    pub fn trade(
        &mut self,
        world: &World,
        user: usize,
        order: &Order,
        done: Option<Done>,
        gate: &mut Gate,
    ) -> Result<Deal, Error> {
        self.grow(world);
        let borrowed = self.borrowed_at(world);
        let slack = self.tolerance();
        self.perp_mut(order.perp).enter(world, &borrowed);
        let perp = self.perp(order.perp);
        let config = perp.config;
        let spot = prices(world, perp.index, Width::Maintenance).spot;
        let (is_buy, lots) = (order.lots > 0, int(order.lots.unsigned_abs().min(1 << 48)));
        let held = &perp.holdings[user];
        let size = held.lots();
        let is_reduction = size > zero() && held.is_short == is_buy;
        let [of_closed, of_opened] = [held.is_short as usize, !is_buy as usize].map(|side| perp.left[side].clone());
        let (mut closed, mut opened) = (zero(), lots.clone());
        let two = int(2) * &spot;
        if is_reduction {
            closed = lots.clone().min(size.clone());
            if gate.above(&int(config.min_value), &((&size - &closed) * &spot), &two) {
                closed = size.clone();
            }
            opened = &lots - &closed;
        }
        opened = if order.reduce_only || (is_reduction && closed < size) { zero() } else { opened.max(zero()) };
        let is_owed = order.reduce_only && size == zero() && gate.above(&held.owed, &zero(), &slack);
        gate.refuse(order.reduce_only && !is_reduction && !is_owed, Error::PerpNotReducing)?;
        if let Some(done) = done {
            let (exact, whole) = (int(done.closed) * &of_closed, int(done.opened) * &of_opened);
            let is_near = |one: &Rational, other: &Rational| crate::common::rational::abs(one - other) <= int(2);
            let is_same = is_near(&exact, &closed) && is_near(&whole, &opened);
            assert!(is_same || gate.is_unsure, "{exact} of {closed} closed, {whole} of {opened} opened");
            (closed, opened) = (if is_near(&exact, &size) { size.clone() } else { exact }, whole);
        }
        let traded = perp.traded(world);
        let price = if is_buy { traded.high } else { traded.low };
        let mut deal = Deal { closed, opened, ..Deal::new() };
        let whole = &deal.closed + &deal.opened;
        deal.value = &whole * &price;
        self.round(&deal.value);
        self.charge(world, order.perp, &mut deal, &if is_buy { whole.clone() } else { -whole.clone() }, &price, done);
        if order.limit != 0 {
            let limit = super::price(order.limit) * &whole;
            let impact = &deal.impact - &deal.rebate;
            let tolerance = &self.slack + &two;
            let is_worse = if is_buy {
                gate.above(&(&whole * &price + impact), &limit, &tolerance)
            } else {
                gate.above(&limit, &(&whole * &price - impact), &tolerance)
            };
            gate.refuse(is_worse, Error::LimitPriceCrossed)?;
        }
        let is_growth = deal.opened > zero();
        if is_growth {
            gate.refuse(config.reduce_only != 0 || self.perp(order.perp).is_resolved, Error::PerpReduceOnly)?;
            gate.refuse(self.stakes[user] != 0, Error::PoolNeedsItsOwnAccount)?;
            let age = world.now - feed(world, &config).price.publish_time;
            gate.refuse(age > config.max_trade_age as i64, Error::TradePriceTooOld)?;
        }
        if deal.closed > zero() || is_owed {
            let part = if is_owed { int(1) } else { &deal.closed / &size };
            self.close(world, order.perp, user, &part, &price, &mut deal, done);
        }
        if is_owed {
            let is_paid = gate.above(&deal.gain, &zero(), &int(1));
            gate.refuse(!is_paid, Error::NothingToSettle)?;
        }
        if deal.gain > zero() {
            let is_less = gate.above(&fixed(order.min_factor.0 as u128, 32), &deal.factor, &two_to(-30));
            gate.refuse(is_less, Error::ProfitBelowMinimum)?;
        }
        self.pay(world, order.perp, user, &mut deal);
        if is_growth {
            let slack = &slack + self.tolerance();
            let rest = if deal.short > zero() { &deal.short } else { &self.deposits[user] };
            gate.is_unsure |= deal.paid_out <= slack && *rest <= slack;
            gate.refuse(deal.short > zero(), Error::InsufficientMargin)?;
            let perp = self.perp_mut(order.perp);
            let holding = &mut perp.holdings[user];
            holding.is_short = !is_buy;
            holding.entries.push((deal.opened.clone(), price));
            holding.grown_at = world.now;
            let value = holding.lots() * &spot;
            perp.grown.drain(config.instant_flow, 60, world.now);
            perp.grown.level += &deal.opened * &spot;
            let is_fast = config.instant_flow != 0 && gate.above(&perp.grown.level, &int(config.instant_flow), &slack);
            gate.refuse(is_fast, Error::TooFast)?;
            let is_small = gate.above(&int(config.min_value), &value, &two);
            gate.refuse(is_small, Error::PositionTooSmall)?;
            self.require_room(world, order.perp, user, is_buy, &slack, gate)?;
        }
        Ok(deal)
    }

    /// Whether the pool and the account can bear a position that has grown.
    fn require_room(
        &self,
        world: &World,
        index: u8,
        user: usize,
        is_buy: bool,
        slack: &Rational,
        gate: &mut Gate,
    ) -> Result<(), Error> {
        let now = self.accrued(world);
        let (standing, perp) = (now.standing(world, Width::Maintenance), now.perp(index));
        let spot = prices(world, index, Width::Maintenance).spot;
        let loose = int(4) * &spot + slack;
        let side = perp.lots(!is_buy) * &spot;
        let is_full = gate.above(&side, &int(perp.config.max_side), &loose);
        gate.refuse(is_full, Error::SideCapExceeded)?;
        let skew = perp.skew();
        let grows = (skew > zero()) == is_buy;
        let (of_skew, most) =
            (crate::common::rational::abs(skew) * spot, standing.low.clone().max(zero()) * bps(self.config.max_skew.0));
        let tolerance = &loose + slack * int(7);
        let is_skewed = grows && gate.above(&of_skew, &most, &tolerance);
        gate.refuse(is_skewed, Error::SkewTooLarge)?;
        let is_refused = gate.above(&standing.buffer, &standing.low, &tolerance);
        gate.refuse(is_refused, Error::PoolTooSmall)?;
        let worth = now.health(world, user, true);
        let is_refused = gate.above(&worth.debt, &worth.collateral, &now.dollars(world, &tolerance));
        gate.refuse(is_refused, Error::InitialHealthTooLow)
    }

    /// By how much a sum of dollars may differ if each of its atoms may differ by so many, and each reading by a bit.
    pub fn dollars(&self, world: &World, atoms: &Rational) -> Rational {
        let quote = &world.reserves[QUOTE as usize];
        atoms * int(2 + self.perps.len() as u32) * (atom(quote, quote.price.high_initial) + two_to(-20)) + int(64)
    }

    /// Pays a loss out of the deposit.
    pub fn settle(&mut self, world: &World, index: u8, user: usize, gate: &mut Gate) -> Result<Rational, Error> {
        self.grow(world);
        let borrowed = self.borrowed_at(world);
        self.perp_mut(index).enter(world, &borrowed);
        self.round(&zero());
        let spot = prices(world, index, Width::Maintenance).spot;
        let loss = (-self.perp(index).holdings[user].gain(&spot)).max(zero());
        let free = self.free(world, user).map_or(loss.clone(), |free| free.min(loss.clone()));
        let paid = free.min(self.deposits[user].clone());
        let is_nothing = !gate.above(&paid, &zero(), &(self.tolerance() + int(1)));
        gate.refuse(is_nothing, Error::NothingToSettle)?;
        self.deposits[user] -= &paid;
        self.cash = cut(&(&self.cash + &paid));
        let perp = self.perp_mut(index);
        perp.holdings[user].owed = cut(&(&perp.holdings[user].owed + &paid));
        perp.paid.level = (&perp.paid.level - &paid).max(zero());
        Ok(paid)
    }

    /// Closes of a position what brings the account to the target health.
    pub fn liquidate(
        &mut self,
        world: &World,
        index: u8,
        user: usize,
        by: usize,
        done: Option<Done>,
        gate: &mut Gate,
    ) -> Result<Deal, Error> {
        self.grow(world);
        let borrowed = self.borrowed_at(world);
        self.perp_mut(index).enter(world, &borrowed);
        let prices = prices(world, index, Width::Maintenance);
        let now = self.accrued(world);
        let perp = now.perp(index);
        let (config, holding) = (perp.config, perp.holdings[user].clone());
        let size = holding.lots();
        gate.refuse(size == zero(), Error::PositionNotFound)?;
        let (worth, tolerance) = (now.health(world, user, false), now.dollars(world, &now.tolerance()));
        let is_refused = !gate.above(&worth.debt, &worth.collateral, &tolerance);
        gate.refuse(is_refused, Error::AccountIsHealthy)?;
        // The part x that leaves C − x costs = T (D − x margin).
        let quote = &world.reserves[QUOTE as usize];
        let dollar = atom(quote, quote.price.high_maintenance);
        let target = bps(world.market.config.target_health.0);
        let (penalty, value) = (bps(config.penalty.0), &size * &prices.high);
        let costs = &value * (&penalty + perp.fee_rate(world) + bps(config.max_impact.0)) * &dollar;
        let freed = perp.margin(&holding, &prices.high, config.maintenance_margin.0) * &dollar * &target - costs;
        let missing = &worth.debt * target - worth.collateral;
        let mut part = if missing >= freed { int(1) } else { &missing / &freed };
        let mut error = if freed > zero() { &tolerance * int(8) / &freed + two_to(-24) } else { zero() };
        error += int(2) / &size;
        if gate.above(&int(config.min_value), &((int(1) - &part) * &size * &prices.spot), &(&error * &value)) {
            part = int(1);
        }
        if let Some(done) = done {
            let exact = (int(done.closed) * &perp.left[holding.is_short as usize] / &size).min(int(1));
            assert!(
                crate::common::rational::abs(&exact - &part) <= error
                    || gate.is_unsure && (exact == int(1) || part == int(1)),
                "{exact} was closed of {part}, {error}"
            );
            part = exact;
        }
        let price = if holding.is_short { prices.high } else { prices.low };
        let mut deal = Deal { closed: &size * &part, ..Deal::new() };
        deal.value = &deal.closed * &price;
        self.round(&deal.value);
        let lots = if holding.is_short { deal.closed.clone() } else { -deal.closed.clone() };
        self.charge(world, index, &mut deal, &lots, &price, done);
        let penalty = if self.perp(index).is_resolved { zero() } else { &deal.value * penalty };
        let reward = &penalty * bps(config.liquidator_share.0);
        deal.fee += penalty - &reward;
        deal.reward = reward.clone();
        self.close(world, index, user, &part, &price, &mut deal, done);
        self.pay(world, index, user, &mut deal);
        let perp = self.perp_mut(index);
        let missing = (reward - &deal.reward).min(perp.insurance.clone());
        perp.insurance -= &missing;
        deal.reward += missing;
        self.deposits[by] += &deal.reward;
        if part < int(1) {
            let after = self.accrued(world).health(world, user, false);
            let net = |worth: &super::pool::Worth| &worth.collateral - &worth.debt;
            let before = now.health(world, user, false);
            let is_refused = gate.above(&net(&before), &net(&after), &tolerance);
            gate.refuse(is_refused, Error::LiquidationWorsensHealth)?;
        }
        Ok(deal)
    }

    /// Closes the same part of all positions of the side that the pool cannot bear, as much as the cover needs. `done` is what the engine
    /// left of a lot of each side.
    pub fn deleverage(
        &mut self,
        world: &World,
        index: u8,
        done: Option<[u64; 2]>,
        gate: &mut Gate,
    ) -> Result<(), Error> {
        self.grow(world);
        let borrowed = self.borrowed_at(world);
        self.perp_mut(index).enter(world, &borrowed);
        let now = self.accrued(world);
        let standing = now.standing(world, Width::Maintenance);
        let tolerance = now.tolerance() * int(4 + now.perps.len() as u32) + &standing.buffer * two_to(-28);
        let (below, to) = (bps(self.config.deleverage_below.0), bps(self.config.deleverage_to.0));
        let is_covered = standing.low >= zero() && !gate.above(&(&standing.buffer * below), &standing.low, &tolerance);
        gate.refuse(is_covered || now.perp(index).is_resolved, Error::NoDeleveraging)?;
        let own = now.perp(index).buffer(world);
        let relief = (&standing.buffer - standing.low.max(zero()) / to).min(own);
        let is_refused = !gate.above(&relief, &zero(), &tolerance);
        gate.refuse(is_refused, Error::NoDeleveraging)?;
        let (of_shorts, part) = now.perp(index).excess(world, &relief);
        let [rise, fall] = now.perp(index).losses(world);
        let is_even = crate::common::rational::abs(rise - fall) <= tolerance;
        let spot = prices(world, index, Width::Maintenance).spot;
        let whole = now.perp(index).lots(of_shorts) * &spot * bps(now.perp(index).config.least_shock.0);
        let error = &tolerance / whole + two_to(-28);
        let Some(left) = done else { return Ok(()) };
        let left = left.map(|left| fixed(left as u128, 32));
        let perp = self.perp_mut(index);
        let side =
            if is_even && left[of_shorts as usize] == perp.left[of_shorts as usize] { !of_shorts } else { of_shorts };
        let closed = int(1) - &left[side as usize] / &perp.left[side as usize];
        assert!(
            is_even || crate::common::rational::abs(&closed - &part) <= error + two_to(-32) / &left[side as usize],
            "{closed} was closed of {part}"
        );
        assert!(left[!side as usize] == perp.left[!side as usize], "the other side was deleveraged");
        for holding in perp.holdings.iter_mut().filter(|holding| holding.is_short == side) {
            holding.deleverage(&closed, &spot);
        }
        perp.left = left;
        self.round(&zero());
        Ok(())
    }

    /// What nobody pays is borne by the perp's insurance, then by its fund, then by the pool.
    pub fn write_off(&mut self, world: &World, index: u8, user: usize) -> [Rational; 3] {
        self.grow(world);
        let borrowed = self.borrowed_at(world);
        let perp = self.perp_mut(index);
        perp.enter(world, &borrowed);
        let loss = -std::mem::replace(&mut perp.holdings[user].owed, zero());
        let insurance = loss.clone().min(perp.insurance.clone());
        let fund = (&loss - &insurance).min(perp.fund.clone());
        (perp.insurance, perp.fund) = (&perp.insurance - &insurance, &perp.fund - &fund);
        self.cash = cut(&(&self.cash + &insurance + &fund));
        self.round(&zero());
        [loss, insurance, fund]
    }

    /// Ends a perp at its last price.
    pub fn resolve(&mut self, world: &World, index: u8) {
        self.grow(world);
        let borrowed = self.borrowed_at(world);
        let perp = self.perp_mut(index);
        perp.enter(world, &borrowed);
        perp.is_resolved = true;
        self.round(&zero());
    }
}

fn follow(exact: &mut Rational, engine: u64, tolerance: &Rational) {
    assert!(
        crate::common::rational::abs(&*exact - int(engine)) <= *tolerance,
        "{engine} is not {exact} by {tolerance}"
    );
    *exact = int(engine);
}
