//! The instructions as random actors call them: mostly as they are meant, sometimes not.

use super::{
    actors::{ACCOUNTS_PER_USER, Actors, DOLLAR, EXPONENT, MOST_TOKENS, Token, feed},
    model::{Answer, Liquidation, Model, PriceAccount, Refusal},
};
use ballast_client::{
    Address, ID, Instruction, MarketView, PYTH_RECEIVERS, SYSTEM_PROGRAM, TOKEN_PROGRAM, decode_health, from_engine,
    instruction as ix, to_engine, vault_authority,
};
use ballast_engine::{
    exposure::ValueAtRiskConfig,
    health::{Requirement, health},
    interest::ControllerConfig,
    margin::Side,
    price::PriceUpdate,
    reserve::ReserveConfig,
    units::{Bps, Usd},
    weights::{RiskConfig, Weights},
};
use ballast_tests::{market_config, price_account, reserve_config};
use rand::{Rng, seq::IndexedRandom};

impl Actors {
    /// One instruction of the kind of this tag.
    pub fn act(&mut self, kind: usize) -> Answer {
        match kind {
            0 => self.create_market(),
            1 => {
                let signer = self.authority();
                let reserve = if self.tokens.len() < MOST_TOKENS && self.rng.random_bool(0.3) {
                    let decimals = self.rng.random_range(0..=12);
                    self.new_token(decimals, 10)
                } else {
                    self.rng.random_range(0..self.tokens.len()) as u8
                };
                self.add_reserve(reserve, signer)
            }
            2 => self.update_reserve(),
            3 => self.open_account(),
            4 => self.close_account(),
            5 => self.pay_in(true),
            6 => self.pay_out(true),
            7 => self.pay_out(false),
            8 => self.pay_in(false),
            9 => self.refresh_prices(),
            10 => self.liquidate(),
            11 => self.settle_bad_debt(),
            12 => self.collect_fees(),
            13 => self.read_health(),
            _ => self.update_market(),
        }
    }

    /// Sends, and requires the answer that the model gives.
    fn agree<T>(
        &mut self,
        instruction: Instruction,
        expected: impl FnOnce(&mut Model) -> Answer<T>,
    ) -> Answer<(T, Vec<u8>)> {
        let expected = self.model.attempt(expected);
        let outcome = self.world.send(std::slice::from_ref(&instruction));
        match (expected, outcome.instruction_error()) {
            (Ok(value), None) => Ok((value, outcome.expect_ok().return_data)),
            (Err(expected), refusal) => {
                assert_eq!(refusal, Some(&expected), "{instruction:?}: {}", outcome.describe());
                Err(expected)
            }
            (Ok(_), Some(_)) => panic!("the model accepts {instruction:?}: {}", outcome.describe()),
        }
    }

    fn create_market(&mut self) -> Answer {
        let id = if self.rng.random_bool(0.7) { self.markets } else { 0 };
        let (authority, fee_collector) = (self.world.authority, self.fee_collector);
        let mut config = market_config();
        if self.rng.random_bool(0.2) {
            config.target_health = Bps(self.rng.random());
        }
        let (instruction, address) =
            MarketView::create(authority, id, authority, fee_collector, PYTH_RECEIVERS, config);
        let exists = id < self.markets;
        let now = self.model.now;
        let (created, _) = self.agree(instruction, |_| {
            if exists {
                return Err(Refusal::Custom(0));
            }
            Model::create(authority, id, authority, fee_collector, PYTH_RECEIVERS, config, now)
        })?;
        assert_eq!(self.world.account(&address).data, created.market_bytes());
        self.markets += 1;
        Ok(())
    }

    pub fn add_reserve(&mut self, token: u8, signer: Address) -> Answer {
        let (market, payer) = (self.world.market, self.world.payer);
        let Token { mint, decimals, price: (spot, _) } = self.tokens[token as usize];
        let config = self.listing(token);
        let instruction = ix::AddReserve {
            authority: signer,
            payer,
            market,
            mint,
            vault: self.vault(token),
            vault_authority: vault_authority(&market).0,
            token_program: TOKEN_PROGRAM,
            system_program: SYSTEM_PROGRAM,
            config,
        };
        self.agree(instruction.into(), |model| model.add_reserve(signer, mint, decimals, config))?;
        if token as usize != self.model.reserves.len() - 1 {
            // Listed later than a token made after it: it moves to the index of its reserve.
            let last = self.model.reserves.len() - 1;
            self.tokens.swap(token as usize, last);
        }
        let reserve = self.model.reserves.len() as u8 - 1;
        let people: Vec<_> = self.users.iter().copied().chain([self.fee_collector]).collect();
        for owner in people {
            self.world.fund(&owner, reserve, 0);
            let dollars = 10_000_000u128 * 10u128.pow(decimals as u32) * DOLLAR as u128 / spot as u128;
            self.receive(self.wallet(&owner, reserve), dollars.min(1 << 61) as u64);
        }
        Ok(())
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
        config
    }

    fn update_reserve(&mut self) -> Answer {
        let (reserve, signer) = (self.reserve(), self.authority());
        let mut config = self.model.reserves.get(reserve as usize).unwrap_or(&self.model.reserves[0]).config;
        match self.rng.random_range(0..12) {
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
            _ => {
                // Back to where it began.
                (config.deposit_cap, config.borrow_cap, config.borrow_enabled) = (1 << 63, 1 << 63, 1);
                config.risk.cross.maintenance_asset = Bps(8_200);
            }
        }
        let (authority, market) = (signer, self.world.market);
        let instruction = ix::UpdateReserve { authority, market, reserve, config };
        self.agree(instruction.into(), |model| model.update_reserve(signer, reserve, config)).map(|_| ())
    }

    fn update_market(&mut self) -> Answer {
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
        let instruction = ix::UpdateMarket { authority: signer, market, config };
        self.agree(instruction.into(), |model| model.update_market(signer, config)).map(|_| ())
    }

    fn open_account(&mut self) -> Answer {
        let (owner, id) = (self.user(), self.rng.random_range(0..ACCOUNTS_PER_USER));
        let view = self.world.view();
        let mut open = ix::OpenAccount {
            owner,
            payer: self.world.payer,
            market: self.world.market,
            margin_account: view.margin_account(&owner, id),
            system_program: SYSTEM_PROGRAM,
            id,
            mode: 0,
            collateral: 0,
            debt: 0,
        };
        if self.rng.random_bool(0.4) {
            (open.mode, open.collateral, open.debt) = (1, self.reserve(), self.reserve());
        } else if self.rng.random_bool(0.05) {
            open.mode = self.rng.random_range(0..4);
        }
        let (mode, collateral, debt) = (open.mode, open.collateral, open.debt);
        self.agree(open.into(), |model| model.open_account(owner, id, mode, collateral, debt)).map(|_| ())
    }

    fn close_account(&mut self) -> Answer {
        let (account, owner) = self.account();
        let empty = self.model.accounts.iter().find(|(_, account)| account.positions().is_empty());
        let (account, owner) = match empty {
            Some((address, account)) if self.rng.random_bool(0.7) => (*address, from_engine(&account.owner)),
            _ => (account, owner),
        };
        let signer = if self.rng.random_bool(0.9) { owner } else { self.user() };
        let instruction = ix::CloseAccount { owner: signer, margin_account: account, recipient: self.fee_collector };
        self.agree(instruction.into(), |model| model.close_account(signer, account)).map(|_| ())
    }

    fn pay_in(&mut self, deposit: bool) -> Answer {
        let (payer, (account, _)) = (self.user(), if deposit { self.account() } else { self.holder(Side::Debt) });
        let reserve = if deposit { self.reserve() } else { self.position(account, Side::Debt) };
        let from = self.nearest(reserve);
        let source = self.wallet(&payer, from);
        let natural =
            if deposit { self.model.balances[&source] / 8 } else { self.owed_or_held(account, from, Side::Debt) };
        let amount = self.amount(natural);
        let (market, vault) = (self.world.market, self.vault(from));
        let mut instruction = ix::Deposit {
            payer,
            market,
            margin_account: account,
            source,
            vault,
            mint: self.tokens[from as usize].mint,
            token_program: TOKEN_PROGRAM,
            reserve,
            amount,
        }
        .instruction();
        if !deposit {
            instruction.data[0] = ix::Repay::SPEC.tag;
        }
        let answer = self.agree(instruction, |model| {
            if deposit {
                model.deposit(account, source, reserve, amount)
            } else {
                model.repay(account, source, reserve, amount)
            }
        });
        answer.map(|_| ())
    }

    fn pay_out(&mut self, withdraw: bool) -> Answer {
        let (account, owner) = self.holder(Side::Deposit);
        let signer = if self.rng.random_bool(0.97) { owner } else { self.user() };
        let reserve = if withdraw { self.position(account, Side::Deposit) } else { self.lender(account) };
        let from = self.nearest(reserve);
        let natural =
            if withdraw { self.owed_or_held(account, from, Side::Deposit) } else { self.borrowable(account, from) };
        let amount = self.amount(natural);
        let (market, destination) = (self.world.market, self.wallet(&owner, from));
        let mut instruction = ix::Withdraw {
            owner: signer,
            market,
            margin_account: account,
            destination,
            vault: self.vault(from),
            vault_authority: vault_authority(&market).0,
            mint: self.tokens[from as usize].mint,
            token_program: TOKEN_PROGRAM,
            reserve,
            amount,
        }
        .instruction();
        if !withdraw {
            instruction.data[0] = ix::Borrow::SPEC.tag;
        }
        let answer = self.agree(instruction, |model| {
            if withdraw {
                model.withdraw(signer, account, destination, reserve, amount)
            } else {
                model.borrow(signer, account, destination, reserve, amount)
            }
        });
        answer.map(|_| ())
    }

    /// About what the account's collateral still bears of a reserve, and the reserve has.
    fn borrowable(&self, account: Address, reserve: u8) -> u64 {
        let Some(account) = self.model.accounts.get(&account) else { return 1_000 };
        let record = &self.model.reserves[reserve as usize];
        let free =
            health(account, &self.model.reserves, &self.model.market.config, self.model.now, Requirement::Initial)
                .map_or(0, |health| health.net().max(0));
        let value = Usd(free as u128 * 9 / 10);
        record.price.atoms_floor(value, record.price.spot).min(record.cash)
    }

    fn refresh_prices(&mut self) -> Answer {
        let count = self.model.reserves.len() as u8;
        let mut reserves: Vec<u8> = (0..count).collect();
        match self.rng.random_range(0..40) {
            0 => reserves.clear(),
            1 => reserves.push(self.rng.random()),
            2 => reserves.push(0),
            3..12 => reserves.truncate(self.rng.random_range(1..=count as usize)),
            _ => {}
        }
        let prices: Vec<_> =
            reserves.iter().map(|reserve| (*reserve, price_account(&feed(*reserve).0), self.price(*reserve))).collect();
        for (_, address, (owner, bytes)) in &prices {
            self.world.write(*address, *owner, bytes.clone());
        }
        // Of an account that is listed twice, the last content counts.
        let stored: Vec<_> = prices
            .iter()
            .map(|(reserve, address, _)| {
                let last = prices.iter().rev().find(|price| price.1 == *address).expect("itself");
                (*reserve, *address, last.2.clone())
            })
            .collect();
        let pairs: Vec<_> = prices.iter().map(|(reserve, address, _)| (*reserve, *address)).collect();
        let instruction = ix::RefreshPrices::with_prices(self.world.market, &pairs);
        self.agree(instruction, |model| model.refresh_prices(&stored)).map(|_| ())
    }

    /// The reserve's current price as its publisher, or once in a while someone else, would store it.
    fn price(&mut self, reserve: u8) -> PriceAccount {
        let (spot, ema_price) = self.tokens.get(reserve as usize).map_or((DOLLAR, DOLLAR), |token| token.price);
        let confidence = spot as u64 * self.rng.random_range(0..60) / 10_000;
        let mut update = PriceUpdate {
            feed_id: feed(reserve).0,
            price: spot,
            confidence,
            exponent: EXPONENT,
            publish_time: self.model.now,
            ema_price: ema_price.max(1),
        };
        let mut owner = PYTH_RECEIVERS[self.rng.random_range(0..2)];
        let mut damage = None;
        match self.rng.random_range(0..400) {
            0 => update.price = 0,
            1 => update.price = -spot,
            2 => update.ema_price = self.rng.random_range(-1..=0),
            3 => update.publish_time += self.rng.random_range(1..100),
            4 => update.publish_time -= self.rng.random_range(1..1_000),
            5 => update.confidence = spot as u64 * self.rng.random_range(100..3_000) / 10_000,
            6 => update.exponent = self.rng.random_range(-20..2),
            7 => update.feed_id[0] ^= 1,
            8 => owner = [ID, SYSTEM_PROGRAM, TOKEN_PROGRAM][self.rng.random_range(0..3)],
            9 => damage = Some((40, 0)),
            10 => damage = Some((self.rng.random_range(0..8), 0)),
            11 => update.price = i64::MAX,
            _ => {}
        }
        let mut bytes = update.to_bytes(to_engine(&owner)).to_vec();
        if let Some((at, value)) = damage {
            bytes[at] = value;
        }
        (owner, bytes)
    }

    fn liquidate(&mut self) -> Answer {
        let unhealthy: Vec<_> = self
            .model
            .accounts
            .iter()
            .filter(|(_, account)| {
                health(
                    account,
                    &self.model.reserves,
                    &self.model.market.config,
                    self.model.now,
                    Requirement::Maintenance,
                )
                .is_ok_and(|health| !health.covers())
            })
            .map(|(address, _)| *address)
            .collect();
        let account = match unhealthy.choose(&mut self.rng) {
            Some(account) if self.rng.random_bool(0.9) => *account,
            _ => self.holder(Side::Debt).0,
        };
        let (debt, collateral) = (self.position(account, Side::Debt), self.position(account, Side::Deposit));
        let (pay, take) = (self.nearest(debt), self.nearest(collateral));
        // An index that is out of range comes with the accounts of another reserve, never of the same one twice.
        let take = if pay == take && debt != collateral { (take + 1) % self.model.reserves.len() as u8 } else { take };
        let owed = self.owed_or_held(account, pay, Side::Debt);
        let max_repay = if self.rng.random_bool(0.5) { u64::MAX } else { self.amount(owed) };
        let min_collateral = if self.rng.random_bool(0.97) { self.rng.random_range(0..2) } else { self.rng.random() };
        let liquidator = self.user();
        let (market, source, destination) =
            (self.world.market, self.wallet(&liquidator, pay), self.wallet(&liquidator, take));
        let instruction = ix::Liquidate {
            liquidator,
            market,
            margin_account: account,
            source,
            debt_vault: self.vault(pay),
            debt_mint: self.tokens[pay as usize].mint,
            debt_token_program: TOKEN_PROGRAM,
            destination,
            collateral_vault: self.vault(take),
            collateral_mint: self.tokens[take as usize].mint,
            collateral_token_program: TOKEN_PROGRAM,
            vault_authority: vault_authority(&market).0,
            debt,
            collateral,
            max_repay,
            min_collateral,
        };
        let order = Liquidation { account, source, destination, debt, collateral, max_repay, min_collateral };
        self.agree(instruction.into(), |model| model.liquidate(order)).map(|_| ())
    }

    fn settle_bad_debt(&mut self) -> Answer {
        let bare: Vec<_> = self
            .model
            .accounts
            .iter()
            .filter(|(_, account)| account.has_debt() && account.positions().iter().all(|position| position.is_debt()))
            .map(|(address, _)| *address)
            .collect();
        let account = match bare.choose(&mut self.rng) {
            Some(account) if self.rng.random_bool(0.9) => *account,
            _ => self.holder(Side::Debt).0,
        };
        let (market, reserve) = (self.world.market, self.position(account, Side::Debt));
        let instruction = ix::SettleBadDebt { market, margin_account: account, reserve };
        self.agree(instruction.into(), |model| model.settle_bad_debt(account, reserve)).map(|_| ())
    }

    fn collect_fees(&mut self) -> Answer {
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
            mint: self.tokens[from as usize].mint,
            token_program: TOKEN_PROGRAM,
            reserve,
        };
        self.agree(instruction.into(), |model| model.collect_fees(signer, destination, reserve)).map(|_| ())
    }

    fn read_health(&mut self) -> Answer {
        let (account, _) = self.account();
        let instruction = self.world.view().read_health(account);
        let (report, returned) = self.agree(instruction, |model| model.read_health(account))?;
        assert_eq!(decode_health(&returned), Ok(report), "the chain's health is the engine's");
        Ok(())
    }
}
