//! Weights and haircuts: what share of a deposit backs debt, and what multiple of a debt must be backed.
//!
//! Three things lower an asset's weight: its volatility, the size of all deposits of it, and the size of the position
//! itself. The values for new risk move at once. The values for liquidation move at a bounded rate, so that no change of a
//! parameter, no refresh and no other user liquidates anybody at once ([`RiskState::step`]).

use crate::{
    error::{Error, Result},
    number::{
        math::{add_proved, mul_proved, sub_proved},
        units::{Bps, ONE_BPS, Seconds},
    },
    price::volatility::Volatility,
    record::{layout::record, parameter::governed},
};

governed! {
    /// One set of weights. All zero: the reserve is not offered on these terms.
    pub struct Weights: 8 {
        /// Share of collateral value that backs new risk.
        pub initial_asset: Bps [Bps, 0..=10_000, Up, AssetWeightOutOfRange],
        /// Share of collateral value that wards off liquidation.
        pub maintenance_asset: Bps [Bps, 0..=10_000, Up, AssetWeightOutOfRange],
        /// Multiple of debt value that new risk must cover.
        pub initial_liability: Bps [Bps, 10_000..=50_000, DownOrNew, LiabilityWeightOutOfRange],
        /// Multiple of debt value below which collateral is liquidated.
        pub maintenance_liability: Bps [Bps, 10_000..=50_000, DownOrNew, LiabilityWeightOutOfRange],
    }
}

impl Weights {
    /// Refuses weights that do not go together.
    pub fn validate(&self) -> Result<()> {
        if self.maintenance_liability.0 == 0 {
            return Err(Error::LiabilityWeightOutOfRange);
        }
        if self.initial_asset > self.maintenance_asset || self.initial_liability < self.maintenance_liability {
            return Err(Error::MaintenanceTighterThanInitial);
        }
        Ok(())
    }

    /// Whether a reserve is offered on these terms.
    pub fn is_offered(&self) -> bool {
        self.maintenance_liability.0 != 0
    }
}

/// Which weights of a reserve apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Terms {
    /// In an account that shares collateral over all positions.
    Cross = 0,
    /// The same, while all debts are of the collateral's risk group. Debts weigh as much as in cross accounts, because a debt does
    /// not depend on which collateral backs it.
    Group = 1,
    /// In an account of one collateral and one debt.
    Isolated = 2,
}

governed! {
    /// What governance sets for a reserve's weights.
    pub struct RiskConfig: 56 {
        /// Weights in cross accounts. Asset weights of zero: no collateral there.
        pub cross: Weights [part],
        /// Weights in isolated accounts.
        pub isolated: Weights [part],
        /// Initial asset weight in cross accounts while all debts are of the group.
        pub group_initial_asset: Bps [Bps, 0..=10_000, Up, AssetWeightOutOfRange],
        /// Maintenance asset weight likewise.
        pub group_maintenance_asset: Bps [Bps, 0..=10_000, Up, AssetWeightOutOfRange],
        /// Value of all deposits that the market could absorb, whole USD: beyond it, the weight shrinks in proportion.
        /// Zero: no such haircut.
        pub market_depth: u32 [Dollars, 1..=u32::MAX as u64, UpOrNone, HaircutWithoutDepth],
        /// The same for the deposit of one account.
        pub position_depth: u32 [Dollars, 1..=u32::MAX as u64, UpOrNone, HaircutWithoutDepth],
        /// What may be borrowed against all deposits up to the deposit cap, whole USD. Zero: what the weights allow.
        pub borrowing_cap: u32 [Dollars, 1..=u32::MAX as u64, UpOrNone, CapOutOfRange],
        /// Annual volatility above which the weight shrinks.
        pub reference_volatility: Bps [Bps, 0..=65_535, Any, HaircutOutOfRange],
        /// Weight lost per 100 % of volatility above that.
        pub volatility_slope: Bps [Bps, 0..=65_535, Down, HaircutOutOfRange],
        /// Most weight that volatility takes.
        pub max_volatility_haircut: Bps [Bps, 0..=10_000, Down, HaircutOutOfRange],
        /// Most weight that the size of all deposits takes.
        pub max_market_haircut: Bps [Bps, 0..=10_000, Down, HaircutOutOfRange],
        /// Most weight that the size of a position takes.
        pub max_position_haircut: Bps [Bps, 0..=10_000, Down, HaircutOutOfRange],
        /// Basis points that weights and haircuts of maintenance move in an hour, at most.
        pub ramp: Bps [BpsPerHour, 10..=2_000, Any, RampOutOfRange],
        /// Risk group: reserves whose prices move together. Zero: none.
        pub group_id: u8 [Id, 0..=255, Any, GroupInUse],
        /// What the token is, for correlation: see [`crate::state::exposure::Class`].
        pub class: u8 [Id, 0..=4, Any, ClassOutOfRange],
        /// Zero.
        pub reserved: [u8; 10] [zero],
    }
}

impl RiskConfig {
    /// Refuses parameters that do not go together.
    pub fn validate(&self) -> Result<()> {
        self.cross.validate()?;
        if self.group_id == 0 && (self.group_initial_asset.0 | self.group_maintenance_asset.0) != 0 {
            return Err(Error::GroupWeightsWithoutGroup);
        }
        let group = self.set(Terms::Group);
        group.validate()?;
        if group.initial_asset < self.cross.initial_asset || group.maintenance_asset < self.cross.maintenance_asset {
            return Err(Error::GroupWeightsTighter);
        }
        if self.isolated != Weights::default() {
            self.isolated.validate()?;
        }
        if self.max_market_haircut.0 > 0 && self.market_depth == 0
            || self.max_position_haircut.0 > 0 && self.position_depth == 0
        {
            return Err(Error::HaircutWithoutDepth);
        }
        Ok(())
    }

    /// Whether anything here depends on the price, the volatility or the total of deposits.
    #[inline(always)]
    pub fn follows_the_market(&self) -> bool {
        (self.market_depth | self.borrowing_cap | self.volatility_slope.0 as u32) != 0
    }

    /// The initial asset weights, in the order of [`Terms`].
    pub(crate) fn initial_asset_weights(&self) -> [Bps; 3] {
        [self.cross.initial_asset, self.group_initial_asset, self.isolated.initial_asset]
    }

    /// The highest maintenance asset weight of all terms.
    pub fn highest_asset_weight(&self) -> Bps {
        highest([self.cross.maintenance_asset, self.group_maintenance_asset, self.isolated.maintenance_asset])
    }

    #[inline(always)]
    fn set(&self, terms: Terms) -> Weights {
        match terms {
            Terms::Isolated => self.isolated,
            Terms::Group if self.group_id != 0 => Weights {
                initial_asset: self.group_initial_asset,
                maintenance_asset: self.group_maintenance_asset,
                ..self.cross
            },
            // Without a group its terms are never chosen.
            _ => self.cross,
        }
    }

    #[inline(always)]
    fn sets(&self) -> [Weights; 3] {
        [self.set(Terms::Cross), self.set(Terms::Group), self.set(Terms::Isolated)]
    }

    /// How far a volatility is above the reference.
    #[inline(always)]
    pub fn excess_volatility(&self, annual: Bps) -> Bps {
        annual.saturating_sub(self.reference_volatility)
    }

    /// Weight lost to a volatility above the reference.
    #[inline(always)]
    pub fn volatility_haircut(&self, excess: Bps) -> Bps {
        let haircut = excess.0 as u32 * self.volatility_slope.0 as u32 / ONE_BPS as u32;
        Bps(haircut.min(self.max_volatility_haircut.0 as u32) as u16)
    }

    /// Weight lost to the size of all deposits: the part of a weight by which `deposits` exceed `depth`.
    #[inline(always)]
    fn market_haircut(&self, weight: Bps, deposits: u64, depth: u64) -> Bps {
        if deposits <= depth {
            return Bps(0);
        }
        // A part of the weight.
        let left = share(depth, deposits, weight);
        Bps(sub_proved(weight.0 as u64, left.0 as u64) as u16).min(self.max_market_haircut)
    }
}

/// `⌊weight × part ÷ whole⌋` for a part of the whole, which is not zero, and a weight of at most one; below it by at most a
/// basis point.
#[inline(always)]
fn share(part: u64, whole: u64, weight: Bps) -> Bps {
    // 2^50 × 10^4 fits. Larger numbers have 36 bits and more left.
    let (part, whole) = if whole >> 50 == 0 { (part, whole) } else { (part >> 14, (whole >> 14) + 1) };
    Bps((mul_proved(part, weight.0 as u64) / whole) as u16)
}

/// The highest of the weights of all terms.
pub(crate) fn highest([cross, group, isolated]: [Bps; 3]) -> Bps {
    cross.max(group).max(isolated)
}

/// All deposits of a reserve, atoms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deposits {
    /// What there is.
    pub at_present: u64,
    /// What there was when this second began, with interest. None for a withdrawal in a second without net inflow: then new risk
    /// keeps at least the haircut that it had.
    pub standing: Option<u64>,
}

/// What a refresh did besides taking over the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Maintenance moved, and [`RiskState::reprice`] must follow.
    Ramp,
    /// The volatility was estimated anew, and haircut and premium must follow.
    Sample,
    /// Neither was due.
    None,
}

/// Seconds for which steps of the ramp are saved up. Older steps are lost, so that a refresh after a pause moves no further.
const MOST_SECONDS: u64 = 600;

record! {
    /// What a reserve's risk parameters come to at present.
    pub struct RiskState: 112 {
        /// The volatility estimate.
        pub volatility: Volatility,
        /// Weights in force, all haircuts but that of the position included, in the order of [`Terms`].
        pub weights: [Weights; 3],
        /// Until when maintenance has ramped, unix seconds.
        pub ramped_until: i64,
        /// The deposit cap that the borrowing cap is divided by: the last one that waited for the delay.
        pub ceiling_cap: u64,
        /// Deposits in atoms beyond which the weight shrinks.
        pub market_depth: u64,
        /// Weight lost to volatility.
        pub volatility_haircut: Bps,
        /// Weight lost to volatility and to the size of all deposits.
        pub haircut: Bps,
        /// Highest initial weight that the borrowing cap allows.
        pub ceiling: Bps,
        /// Confidence multiple in force.
        pub confidence_multiple: Bps,
        /// Most weight that the size of a position takes in maintenance.
        pub position_haircut: Bps,
        /// 1 while a value for maintenance has not yet reached its target.
        pub is_ramping: u8,
        /// Zero.
        pub padding: u8,
        /// Position depth in force in maintenance, whole USD; zero: none.
        pub position_depth: u32,
        /// The same in new risk.
        pub initial_depth: u32,
        /// When `haircut` changed last, unix seconds.
        pub haircut_since: u32,
        /// What `haircut` was before: what time until then counts for.
        pub last_haircut: Bps,
        /// The same weight for new risk: lost to the size that deposits had when this second began, if that was larger.
        pub initial_haircut: Bps,
        /// Time counted but not used yet, in basis points × seconds: less than a step.
        pub ramp_rest: u16,
        /// The weight of which the size of all deposits takes a part: the highest initial one, of the last that waited for the delay.
        pub haircut_weight: Bps,
    }
}

impl RiskState {
    /// Of a reserve just listed.
    pub fn new(config: &RiskConfig, confidence_multiple: Bps, deposit_cap: u64, now: i64) -> Self {
        let mut state = Self {
            volatility: Volatility::starting_at(config.reference_volatility),
            weights: config.sets(),
            ramped_until: now,
            ceiling_cap: deposit_cap,
            haircut_weight: highest(config.initial_asset_weights()),
            market_depth: u64::MAX,
            ceiling: if config.borrowing_cap == 0 { Bps(ONE_BPS) } else { Bps(0) },
            confidence_multiple,
            position_haircut: config.max_position_haircut,
            position_depth: config.position_depth,
            ..Self::default()
        };
        state.follow(config);
        state.cut(config);
        state
    }

    /// The highest maintenance asset weight in force.
    pub fn highest_asset_weight(&self) -> Bps {
        highest(self.weights.map(|weights| weights.maintenance_asset))
    }

    /// Takes over new parameters, before [`Self::reprice`]. The values for new risk follow at once, the others by the ramp.
    /// `deposits` are those of the reserve in whole USD, rounded up.
    pub fn adopt(&mut self, config: &RiskConfig, old: &RiskConfig, deposits: u32, now: i64) {
        self.start_ramp(now);
        let sets = config.sets();
        // Nobody is judged by terms that were not offered, or by those of another group, which only an empty reserve joins.
        if config.group_id != old.group_id {
            self.weights[Terms::Group as usize] = sets[Terms::Group as usize];
        }
        if !old.isolated.is_offered() {
            self.weights[Terms::Isolated as usize] = sets[Terms::Isolated as usize];
        }
        self.position_depth = match (config.position_depth, self.position_depth) {
            (0, _) => 0,
            // No position is larger than all deposits.
            (new, 0) => new.max(deposits),
            (new, in_force) => new.max(in_force),
        };
    }

    /// Starts the ramp now. Time that passed before does not count.
    #[inline(always)]
    fn start_ramp(&mut self, now: i64) {
        if self.is_ramping == 0 {
            (self.is_ramping, self.ramped_until, self.ramp_rest) = (1, now, 0);
        }
    }

    /// Takes a sample of the price or moves maintenance, since both in one refresh would cost too much: the sample once a minute,
    /// the ramp in between; and in turns where refreshes are so rare that the ramp has waited for half of what it can save up.
    /// `last` is when the price before was published.
    #[inline(always)]
    pub fn take_turn(
        &mut self,
        config: &RiskConfig,
        confidence_multiple: Bps,
        (price, published): (u64, i64),
        last: i64,
        now: i64,
    ) -> Turn {
        let is_due = self.volatility.is_due(published);
        let was_sampled = self.volatility.sample_time == last;
        let has_waited = was_sampled && Seconds::between(self.ramped_until, now).0 >= MOST_SECONDS / 2;
        if (has_waited || !is_due) && self.step(config, confidence_multiple, now) {
            return Turn::Ramp;
        }
        if !is_due {
            return Turn::None;
        }
        self.volatility.sample(price, published);
        Turn::Sample
    }

    /// Moves everything that maintenance is judged by towards its target, by at most `ramp` basis points in any hour:
    /// asset and liability weights, five times that for the confidence multiple (of a confidence of at most 20 %: the
    /// readings move by no more), and that part of itself for the position depth. Returns whether it may have moved something,
    /// which is to be repriced then.
    #[inline(always)]
    pub fn step(&mut self, config: &RiskConfig, confidence_multiple: Bps, now: i64) -> bool {
        // An hour, and what may have been saved up before it.
        const PERIOD: u64 = 3_600 + MOST_SECONDS;
        let Seconds(elapsed) = Seconds::between(self.ramped_until, now);
        if self.is_ramping == 0 || elapsed == 0 {
            return false;
        }
        let seconds = if elapsed < MOST_SECONDS { elapsed } else { MOST_SECONDS };
        // In basis points × seconds. Part of a step counts towards the next, so it does not matter how often this is called.
        let earned = add_proved(mul_proved(config.ramp.0 as u64, seconds), self.ramp_rest as u64);
        let steps = earned / PERIOD;
        (self.ramped_until, self.ramp_rest) = (now, (earned % PERIOD) as u16);
        if steps != 0 {
            self.take_steps(config, confidence_multiple, steps as u16, now);
        }
        steps != 0
    }

    #[inline(never)]
    fn take_steps(&mut self, config: &RiskConfig, confidence_multiple: Bps, steps: u16, now: i64) {
        let mut ramp = Ramp { steps: steps as i64, moved: false };
        // Until this second the haircut was the one before.
        let haircut = if self.haircut_since == now as u32 { self.last_haircut } else { self.haircut };
        for (weights, target) in self.weights.iter_mut().zip(config.sets()) {
            ramp.step(&mut weights.maintenance_asset, Self::after(haircut, target.maintenance_asset));
            ramp.step(&mut weights.maintenance_liability, target.maintenance_liability);
        }
        ramp.step(&mut self.position_haircut, config.max_position_haircut);
        if self.position_depth > config.position_depth {
            let less = (self.position_depth as u64 * steps as u64 / ONE_BPS as u64).max(1) as u32;
            self.position_depth = config.position_depth.max(self.position_depth.saturating_sub(less));
            ramp.moved = true;
        }
        ramp.steps *= 5;
        ramp.step(&mut self.confidence_multiple, confidence_multiple);
        // Where nothing moved, nothing is left to move.
        self.is_ramping = (ramp.moved || haircut != self.haircut) as u8;
    }

    /// Takes in the total of deposits. The time until now counts for what was there before.
    #[inline(always)]
    pub fn resize(&mut self, config: &RiskConfig, confidence_multiple: Bps, deposits: Deposits, now: i64) {
        let haircuts = self.haircuts(config, deposits);
        if haircuts != (self.haircut, self.initial_haircut) {
            self.change_haircuts(config, confidence_multiple, haircuts, now);
        }
    }

    #[inline(never)]
    fn change_haircuts(&mut self, config: &RiskConfig, confidence_multiple: Bps, haircuts: (Bps, Bps), now: i64) {
        let has_ramped = self.step(config, confidence_multiple, now);
        self.set_haircuts(haircuts, now);
        if has_ramped {
            self.follow(config);
        }
        self.cut(config);
    }

    /// What the volatility and the total of deposits take from the weights of maintenance, and of new risk. New risk counts tokens
    /// that left within this second, because they may come back at once.
    #[inline(always)]
    fn haircuts(&self, config: &RiskConfig, deposits: Deposits) -> (Bps, Bps) {
        // Two haircuts of at most one each.
        let haircut = |size| {
            let of_market = config.market_haircut(self.haircut_weight, size, self.market_depth);
            Bps(add_proved(self.volatility_haircut.0 as u64, of_market.0 as u64) as u16)
        };
        let at_present = haircut(deposits.at_present);
        let initial = match deposits.standing {
            None => at_present.max(self.initial_haircut),
            Some(standing) if standing > deposits.at_present => haircut(standing),
            Some(_) => at_present,
        };
        (at_present, initial)
    }

    fn set_haircuts(&mut self, (haircut, initial): (Bps, Bps), now: i64) {
        self.initial_haircut = initial;
        if haircut != self.haircut {
            self.start_ramp(now);
            if self.haircut_since != now as u32 {
                (self.haircut_since, self.last_haircut) = (now as u32, self.haircut);
            }
            self.haircut = haircut;
        }
    }

    /// Whether deposits that left within this second lower the weights of new risk, or will.
    #[inline(always)]
    pub fn is_held_back(&self) -> bool {
        self.initial_haircut != self.haircut
    }

    /// Takes in a price, and maintenance if that has ramped: `atoms` says how many atoms so many whole USD buy.
    #[inline(always)]
    pub fn reprice(
        &mut self,
        config: &RiskConfig,
        deposits: Deposits,
        has_ramped: bool,
        now: i64,
        atoms: impl Fn(u32) -> u64,
    ) {
        self.market_depth = if config.market_depth == 0 { u64::MAX } else { atoms(config.market_depth) };
        let ceiling = match config.borrowing_cap {
            0 => Bps(ONE_BPS),
            // All deposits there may be, at the weight, are worth the cap.
            cap => {
                let (most, covered) = (deposits.at_present.max(self.ceiling_cap), atoms(cap));
                if covered < most { share(covered, most, Bps(ONE_BPS)) } else { Bps(ONE_BPS) }
            }
        };
        let is_changed = ceiling != self.ceiling;
        self.ceiling = ceiling;
        let haircuts = self.haircuts(config, deposits);
        if haircuts != (self.haircut, self.initial_haircut) {
            self.set_haircuts(haircuts, now);
        } else if !(is_changed || has_ramped) {
            return;
        }
        if has_ramped {
            self.follow(config);
        }
        self.cut(config);
    }

    /// Depths and liability weights for new risk are what governance set, but never looser than maintenance in force. For asset
    /// weights: [`Self::cut`].
    fn follow(&mut self, config: &RiskConfig) {
        self.initial_depth = match (config.position_depth, self.position_depth) {
            (0, in_force) => in_force,
            (set, 0) => set,
            (set, in_force) => set.min(in_force),
        };
        for (weights, set) in self.weights.iter_mut().zip(config.sets()) {
            weights.initial_liability = weights.maintenance_liability.max(set.initial_liability);
        }
    }

    /// The one place where an asset weight and the haircuts of its reserve meet.
    #[inline(always)]
    fn after(haircut: Bps, set: Bps) -> Bps {
        set.saturating_sub(haircut)
    }

    /// Brings the haircuts and the ceiling into the weights of new risk.
    #[inline(always)]
    fn cut(&mut self, config: &RiskConfig) {
        let set = [
            config.cross.initial_asset,
            if config.group_id == 0 { config.cross.initial_asset } else { config.group_initial_asset },
            config.isolated.initial_asset,
        ];
        for (weights, set) in self.weights.iter_mut().zip(set) {
            weights.initial_asset =
                Self::after(self.initial_haircut, set).min(self.ceiling).min(weights.maintenance_asset);
        }
    }
}

/// A stretch of the ramp.
struct Ramp {
    /// Basis points that it goes at most.
    steps: i64,
    /// Whether anything moved.
    moved: bool,
}

impl Ramp {
    /// Moves a value towards a target. In 64 bits, which the target need not mask.
    #[inline(always)]
    fn step(&mut self, value: &mut Bps, target: Bps) {
        let way = target.0 as i64 - value.0 as i64;
        if way != 0 {
            let way = if way > self.steps { self.steps } else { way };
            let way = if way < -self.steps { -self.steps } else { way };
            // Between the value and the target.
            value.0 = (value.0 as i64 + way) as u16;
            self.moved = true;
        }
    }
}
