//! What the fee collector and the guardian do, what the authority sets parameters to, and what others try in their place.

use super::{
    actors::{Actors, DOLLAR, Token, market_parameters},
    model::{Answer, Model, Refusal},
    transaction::Step,
};
use ballast_client::{Address, MarketView, from_engine, instruction as ix, vault_authority};
use ballast_engine::{
    number::units::{Bps, Shares},
    state::{
        breakers::BreakerConfig,
        exposure::ValueAtRiskConfig,
        insurance::InsuranceConfig,
        interest::ControllerConfig,
        market::{MarketConfig, Roles},
        reserve::{Reserve, ReserveConfig},
        weights::{RiskConfig, Weights},
    },
};
use ballast_tests::{market_config, reserve_config};
use rand::{Rng, seq::IndexedRandom};

impl Actors {
    pub fn create_market(&mut self) -> Answer {
        let id = if self.rng.random_bool(0.7) { self.markets } else { 0 };
        let creator = self.world.authority;
        let mut config = market_config();
        match self.rng.random_range(0..10) {
            0 => config.target_health = Bps(self.rng.random()),
            1 => config.delay = self.rng.random_range(80_000..90_000),
            _ => {}
        }
        let (instruction, address) = MarketView::create(creator, id, config);
        let exists = id < self.markets;
        let now = self.model.now;
        let create = move || Model::create(creator, id, config, now);
        let effect = move |_: &mut Model| if exists { Err(Refusal::Custom(0)) } else { create().map(drop) };
        self.send(&[Step::new(instruction, effect)])?;
        let created = create()?;
        assert_eq!(self.world.account(&address).data, created.market_bytes());
        self.markets += 1;
        Ok(())
    }

    /// Atoms of a token for so many dollars.
    pub fn atoms(&self, token: u8, dollars: u64) -> u64 {
        let Token { decimals, price: (spot, _), .. } = self.tokens[token as usize];
        let atoms = dollars as u128 * 10u128.pow(decimals as u32) * DOLLAR as u128 / spot as u128;
        atoms.min(1 << 61) as u64
    }

    pub fn listing_of(&self, token: u8) -> ReserveConfig {
        let mut config = reserve_config();
        config.oracle.feed_id = self.tokens[token as usize].feed;
        config.oracle.max_age = 600;
        config.oracle.max_ema_divergence = Bps(2_000);
        config.min_deposit = 1 + token as u64 * 10;
        config.curve.points[1].rate_bps = 2_000;
        config.curve.points[2].rate_bps = 30_000;
        // Every second token adapts; the first two are a risk group; isolated terms are stricter than cross ones.
        config.risk.isolated =
            Weights { initial_asset: Bps(6_000), maintenance_asset: Bps(7_000), ..config.risk.cross };
        config.risk.class = token % 5;
        if token % 2 == 1 {
            config.oracle.reference_speed = Bps(2_000);
            config.risk = RiskConfig {
                market_depth: 100_000,
                position_depth: 20_000,
                borrowing_cap: 50_000_000,
                reference_volatility: Bps(8_000),
                volatility_slope: Bps(1_000),
                max_volatility_haircut: Bps(1_500),
                max_market_haircut: Bps(1_000),
                max_position_haircut: Bps(2_000),
                ..config.risk
            };
            config.controller = ControllerConfig {
                target: Bps(8_000),
                speed: Bps(1_000),
                lowest: Bps(3_000),
                highest: Bps(30_000),
                volatility_premium: Bps(500),
                ..ControllerConfig::default()
            };
        }
        if token < 2 {
            (config.risk.group_id, config.oracle.max_age) = (7, 60);
            (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(8_900), Bps(9_250));
            (config.min_penalty, config.max_penalty) = (Bps(100), Bps(800));
        }
        if token == 0 {
            (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(8_800), Bps(9_200));
        }
        if token.is_multiple_of(2) {
            self.restrict(token, &mut config);
        }
        config
    }

    /// Breakers that trip now and then, an insurance, and flash loans.
    fn restrict(&self, token: u8, config: &mut ReserveConfig) {
        config.breakers = BreakerConfig {
            outflow_hour: self.atoms(token, 4_000_000).max(360_000),
            outflow_day: self.atoms(token, 16_000_000).max(8_640_000),
            small_deposit: self.atoms(token, 500_000),
            liquidation_hour: 200_000,
            halt_seconds: 60,
            max_utilisation: Bps(9_000),
            tiers: [Bps(1_500), Bps(4_000), Bps(6_000)],
            ..BreakerConfig::default()
        };
        config.insurance = InsuranceConfig { cooldown: 604_800, fee_share: Bps(3_000), penalty_share: Bps(4_000) };
        (config.flash_enabled, config.flash_fee) = (1, Bps(5));
    }

    /// What the authority would like a reserve to be like: changed in one thing, or as it began.
    pub fn wanted_of_reserve(&mut self, reserve: u8) -> ReserveConfig {
        let mut config = self.model.reserves[reserve as usize].config;
        match self.rng.random_range(0..20) {
            0 => config.curve.points[1].rate_bps = self.rng.random_range(0..40_000),
            1 => config.deposit_cap = self.amount(1 << 60),
            2 => config.borrow_cap = self.amount(1 << 60),
            3 => config.reserve_factor = Bps(self.rng.random_range(0..6_000)),
            4 => config.borrow_enabled = self.rng.random_range(0..3),
            5 => config.risk.cross.maintenance_asset = Bps(self.rng.random_range(7_500..10_500)),
            6 => config.max_penalty = Bps(self.rng.random_range(200..2_600)),
            7 => config.risk.position_depth = self.rng.random_range(0..3) * 10_000,
            8 => config.oracle.confidence_multiple = Bps(self.rng.random_range(9_000..30_000)),
            9 => config.risk.group_id = self.rng.random_range(0..3),
            10 => config.reduce_only = [0, 0, 1, 2][self.rng.random_range(0..4)],
            11 => config.flash_enabled = self.rng.random_range(0..3),
            12 => config.flash_fee = Bps(self.rng.random_range(0..600)),
            13 => config.insurance.penalty_share = Bps(self.rng.random_range(0..9_000)),
            14 => config.breakers.liquidation_hour = self.rng.random_range(0..3) * 1_000,
            15 => config.breakers.tiers[0] = Bps(self.rng.random_range(0..4) * 500),
            16 => {
                let notice = self.rng.random_range(600_000..2_000_000);
                (config.reduce_only, config.repay_by) = (self.rng.random_range(0..2), self.model.now as u32 + notice);
            }
            _ => config = self.original_of_reserve(reserve),
        }
        config
    }

    /// As it began, but for what cannot be changed back while it is in use.
    pub fn original_of_reserve(&self, reserve: u8) -> ReserveConfig {
        let mut config = self.originals[reserve as usize];
        config.risk.group_id = self.model.reserves[reserve as usize].config.risk.group_id;
        config
    }

    /// As the market began, but for the offices.
    pub fn original_of_market(&self) -> MarketConfig {
        let mut config = market_parameters(&Address::default());
        let Roles { price_receiver, second_price_receiver, .. } = config.roles;
        config.roles = Roles { price_receiver, second_price_receiver, ..self.model.market.config.roles };
        config
    }

    /// What the authority would like the market to be like.
    pub fn wanted_of_market(&mut self) -> MarketConfig {
        let mut config = self.original_of_market();
        if self.rng.random_bool(0.7) {
            let correlation = |k: usize, l: usize| if k == l { 10_000 } else { 6_000 };
            config.value_at_risk = ValueAtRiskConfig {
                correlations: std::array::from_fn(|k| std::array::from_fn(|l| correlation(k, l))),
                multiple: Bps(self.rng.random_range(0..65_000)),
                horizon: 86_400,
                ..ValueAtRiskConfig::default()
            };
        }
        if self.rng.random_bool(0.8) {
            let mut any = |choices: &[u32]| choices[self.rng.random_range(0..choices.len())];
            config.full_penalty_after = any(&[0, 60, 3_600]);
            config.liquidation_hour = any(&[0, 1_000, 100_000]);
            config.outflow_hour = any(&[0, 1_000_000, 5_000_000]);
            config.outflow_day = any(&[0, 5_000_000, 20_000_000]);
            config.loss_limit = any(&[0, 10_000, 10_000_000]);
            config.near_insolvency = Bps(any(&[0, 500, 2_000, 2_001]) as u16);
            config.delay = any(&[86_400, 172_800, 172_800, 259_200]);
        }
        config
    }

    pub fn collect_fees(&mut self) -> Step {
        let reserve = self.reserve();
        let from = self.nearest(reserve);
        let collector = self.officer(|roles| roles.fee_collector);
        let signer = if self.rng.random_bool(0.9) { collector } else { self.user() };
        let (market, destination) = (self.world.market, self.wallet(&collector, from));
        let instruction = ix::CollectFees {
            fee_collector: signer,
            market,
            destination,
            vault: self.vault(from),
            vault_authority: vault_authority(&market).0,
            mint: self.mint(from),
            token_program: self.token_program(from),
            reserve,
        };
        Step::new(instruction, move |model| model.collect_fees(signer, destination, reserve))
    }

    /// Mostly of an empty, reduce-only reserve, if there is one.
    pub fn close_reserve(&mut self) -> Step {
        let is_spent = |reserve: &Reserve| {
            let shares = reserve.deposit_shares.0 | reserve.debt_shares.0 | reserve.insurance.staked;
            Shares(shares) == Shares::ZERO && reserve.config.reduce_only != 0 && reserve.closed == 0
        };
        let spent: Vec<u8> =
            (0u8..).zip(&self.model.reserves).filter(|(_, record)| is_spent(record)).map(|(index, _)| index).collect();
        let reserve = match spent.choose(&mut self.rng) {
            Some(reserve) if self.rng.random_bool(0.7) => *reserve,
            _ if self.rng.random_bool(0.1) => self.rng.random(),
            _ => self.rng.random_range(0..self.model.reserves.len()) as u8,
        };
        let from = self.nearest(reserve);
        let collector = self.officer(|roles| roles.fee_collector);
        let signer = if self.rng.random_bool(0.9) { collector } else { self.user() };
        let (market, destination) = (self.world.market, self.wallet(&signer, from));
        let instruction = ix::CloseReserve {
            fee_collector: signer,
            market,
            destination,
            vault: self.vault(from),
            vault_authority: vault_authority(&market).0,
            mint: self.mint(from),
            token_program: self.token_program(from),
            reserve,
        };
        Step::new(instruction, move |model| model.close_reserve(signer, destination, reserve))
    }

    pub fn pause(&mut self) -> Step {
        let signer = match self.rng.random_range(0..20) {
            0 => self.user(),
            1 => self.authority(),
            _ => self.officer(|roles| roles.guardian),
        };
        let actions = if self.rng.random_bool(0.9) { self.rng.random_range(1..16) } else { self.rng.random() };
        let instruction = ix::Pause { signer, market: self.world.market, actions };
        Step::new(instruction, move |model| model.pause(signer, actions))
    }

    pub fn resume(&mut self) -> Step {
        let signer = match self.rng.random_range(0..20) {
            0 => self.user(),
            1..8 => self.officer(|roles| roles.guardian),
            _ => from_engine(&self.model.market.authority),
        };
        Step::new(ix::Resume { signer, market: self.world.market }, move |model| model.resume(signer))
    }

    pub fn refresh_reserve(&mut self) -> Step {
        let reserve = self.reserve();
        Step::new(ix::RefreshReserve { market: self.world.market, reserve }, move |model| {
            model.refresh_reserve(reserve)
        })
    }
}
