//! What the authority, the fee collector and the guardian do, and what others try in their place.

use super::{
    actors::{Actors, DOLLAR, MOST_TOKENS, Token, feed},
    model::{Answer, Model, Refusal},
    transaction::Step,
};
use ballast_client::Address;
use ballast_client::{MarketView, PYTH_RECEIVERS, SYSTEM_PROGRAM, instruction as ix, vault_authority};
use ballast_engine::{
    breaker::BreakerConfig,
    exposure::ValueAtRiskConfig,
    insurance::InsuranceConfig,
    interest::ControllerConfig,
    reserve::ReserveConfig,
    units::Bps,
    weights::{RiskConfig, Weights},
};
use ballast_tests::{market_config, reserve_config, roles};
use rand::Rng;

impl Actors {
    pub fn create_market(&mut self) -> Answer {
        let id = if self.rng.random_bool(0.7) { self.markets } else { 0 };
        let authority = self.world.authority;
        let named = roles(authority, self.fee_collector, self.guardian);
        let mut config = market_config();
        if self.rng.random_bool(0.2) {
            config.target_health = Bps(self.rng.random());
        }
        let (instruction, address) = MarketView::create(authority, id, named, PYTH_RECEIVERS, config);
        let exists = id < self.markets;
        let now = self.model.now;
        let create = move || Model::create(authority, id, named, PYTH_RECEIVERS, config, now);
        let effect = move |_: &mut Model| if exists { Err(Refusal::Custom(0)) } else { create().map(drop) };
        self.send(&[Step::new(instruction, effect)])?;
        let created = create()?;
        assert_eq!(self.world.account(&address).data, created.market_bytes());
        self.markets += 1;
        Ok(())
    }

    /// Lists a token, mostly one that is listed already.
    pub fn list(&mut self) -> Answer {
        let signer = self.authority();
        let token = if self.tokens.len() < MOST_TOKENS && self.rng.random_bool(0.3) {
            let decimals = self.rng.random_range(0..=12);
            self.new_token(decimals, 10)
        } else {
            self.rng.random_range(0..self.tokens.len()) as u8
        };
        self.add_reserve(token, signer)
    }

    pub fn add_reserve(&mut self, token: u8, signer: Address) -> Answer {
        let (market, payer) = (self.world.market, self.world.payer);
        let Token { mint, decimals, .. } = self.tokens[token as usize];
        let config = self.listing(token);
        let instruction = ix::AddReserve {
            authority: signer,
            payer,
            market,
            mint,
            vault: self.vault(token),
            vault_authority: vault_authority(&market).0,
            token_program: self.token_program(token),
            system_program: SYSTEM_PROGRAM,
            config,
        };
        self.send(&[Step::new(instruction, move |model| model.add_reserve(signer, mint, decimals, config))])?;
        if token as usize != self.model.reserves.len() - 1 {
            // Listed later than a token made after it: it moves to the index of its reserve.
            let last = self.model.reserves.len() - 1;
            self.tokens.swap(token as usize, last);
        }
        let reserve = self.model.reserves.len() as u8 - 1;
        self.watch_stakes(reserve);
        let people: Vec<_> = self.users.iter().copied().chain([self.fee_collector]).collect();
        for owner in people {
            self.world.fund(&owner, reserve, 0);
            self.receive(self.wallet(&owner, reserve), self.atoms(reserve, 10_000_000));
        }
        Ok(())
    }

    /// Atoms of a token for so many dollars.
    fn atoms(&self, token: u8, dollars: u64) -> u64 {
        let Token { decimals, price: (spot, _), .. } = self.tokens[token as usize];
        let atoms = dollars as u128 * 10u128.pow(decimals as u32) * DOLLAR as u128 / spot as u128;
        atoms.min(1 << 61) as u64
    }

    fn listing(&self, token: u8) -> ReserveConfig {
        let mut config = reserve_config();
        config.oracle.feed_id = feed(token);
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
            config.risk.group_id = 7;
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
        config.insurance = InsuranceConfig { cooldown: 86_400, fee_share: Bps(3_000), penalty_share: Bps(4_000) };
        (config.flash_enabled, config.flash_fee) = (1, Bps(5));
    }

    pub fn update_reserve(&mut self) -> Step {
        let (reserve, signer) = (self.reserve(), self.authority());
        let mut config = self.model.reserves.get(reserve as usize).unwrap_or(&self.model.reserves[0]).config;
        match self.rng.random_range(0..28) {
            0 => config.curve.points[1].rate_bps = self.rng.random_range(0..40_000),
            1 => config.deposit_cap = self.amount(1 << 60),
            2 => config.borrow_cap = self.amount(1 << 60),
            3 => config.reserve_factor = Bps(self.rng.random_range(0..6_000)),
            4 => config.borrow_enabled = self.rng.random_range(0..3),
            5 => config.risk.cross.maintenance_asset = Bps(self.rng.random_range(7_500..10_500)),
            7 => config.risk.position_depth = self.rng.random_range(0..3) * 10_000,
            8 => config.oracle.confidence_multiple = Bps(self.rng.random_range(9_000..30_000)),
            9 => config.risk.group_id = self.rng.random_range(0..3),
            6 => config.max_penalty = Bps(self.rng.random_range(200..2_600)),
            10 => config.reduce_only = [0, 0, 1, 2][self.rng.random_range(0..4)],
            11 => config.flash_enabled = self.rng.random_range(0..3),
            12 => config.flash_fee = Bps(self.rng.random_range(0..600)),
            13 => config.insurance.penalty_share = Bps(self.rng.random_range(0..9_000)),
            14 => config.breakers.liquidation_hour = self.rng.random_range(0..3) * 1_000,
            15 => config.breakers.tiers[0] = Bps(self.rng.random_range(0..4) * 500),
            _ => {
                // Back to where it began.
                (config.deposit_cap, config.borrow_cap) = (1 << 63, 1 << 63);
                (config.borrow_enabled, config.reduce_only, config.flash_enabled) = (1, 0, 1);
                config.risk.cross.maintenance_asset = Bps(8_200);
            }
        }
        let instruction = ix::UpdateReserve { authority: signer, market: self.world.market, reserve, config };
        Step::new(instruction, move |model| model.update_reserve(signer, reserve, config))
    }

    pub fn update_market(&mut self) -> Step {
        let (signer, market) = (self.authority(), self.world.market);
        let mut config = market_config();
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
        }
        let instruction = ix::UpdateMarket { authority: signer, market, config };
        Step::new(instruction, move |model| model.update_market(signer, config))
    }

    pub fn collect_fees(&mut self) -> Step {
        let reserve = self.reserve();
        let from = self.nearest(reserve);
        let signer = if self.rng.random_bool(0.9) { self.fee_collector } else { self.user() };
        let (market, destination) = (self.world.market, self.wallet(&self.fee_collector, from));
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

    pub fn pause(&mut self) -> Step {
        let signer = match self.rng.random_range(0..20) {
            0 => self.user(),
            1 => self.world.authority,
            _ => self.guardian,
        };
        let actions = if self.rng.random_bool(0.9) { self.rng.random_range(1..16) } else { self.rng.random() };
        let instruction = ix::Pause { signer, market: self.world.market, actions };
        Step::new(instruction, move |model| model.pause(signer, actions))
    }

    pub fn resume(&mut self) -> Step {
        let signer = match self.rng.random_range(0..20) {
            0 => self.user(),
            1..8 => self.guardian,
            _ => self.world.authority,
        };
        Step::new(ix::Resume { signer, market: self.world.market }, move |model| model.resume(signer))
    }

    pub fn poke(&mut self) -> Step {
        let reserve = self.reserve();
        Step::new(ix::Poke { market: self.world.market, reserve }, move |model| model.poke(reserve))
    }
}
