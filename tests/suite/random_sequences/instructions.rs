//! The instructions as random actors call them: mostly as they are meant, sometimes not.

use super::{
    actors::{ACCOUNTS_PER_USER, Actors, MOST_TOKENS},
    model::{Answer, Liquidation, Model, PayOut},
    transaction::Step,
};
use ballast_client::{
    Address, SYSTEM_PROGRAM, decode_health, from_engine,
    instruction::{self as ix, ALL},
    vault_authority,
};
use ballast_engine::{
    health::{
        Requirement,
        account::{equity, health},
    },
    number::units::{Part, Usd},
    state::account::{MarginAccount, Position, Side},
};
use rand::{Rng, seq::IndexedRandom};

impl Actors {
    /// One transaction of the kind of this tag.
    pub fn act(&mut self, kind: usize) -> Answer {
        match ALL[kind].name {
            "create_market" => self.create_market(),
            "set_parameters" if self.rng.random_bool(0.1) => self.council_steps(),
            "queue_change" if self.tokens.len() < MOST_TOKENS && self.rng.random_bool(0.05) => self.two_listings(),
            "read_health" => self.read_health(),
            "begin_liquidation" => self.receivership(),
            "begin_flash_loan" => self.flash_loan(),
            _ => {
                let step = self.plan(kind);
                self.send(&[step]).map(drop)
            }
        }
    }

    /// An instruction of the kind of this tag that needs nothing around it, and nothing after it.
    pub fn plan(&mut self, kind: usize) -> Step {
        match ALL[kind].name {
            "list_reserve" => self.list_reserve(),
            "set_parameters" => self.set_parameters(),
            "open_account" => self.open_account(),
            "close_account" => self.close_account(),
            "deposit" => self.deposit(),
            "withdraw" => self.pay_out(true),
            "borrow" => self.pay_out(false),
            "repay" => self.repay(),
            "refresh_prices" => self.refresh_prices(),
            "liquidate" => self.liquidate(),
            "settle_bad_debt" => self.settle_bad_debt(),
            "report_loss" => self.report_loss(),
            "collect_fees" => self.collect_fees(),
            "accept_authority" => self.accept_authority(),
            "end_liquidation" => self.end_any_liquidation(),
            "mark_liquidatable" => self.mark_liquidatable(),
            "end_flash_loan" => self.end_any_flash_loan(),
            "open_stake" => self.open_stake(),
            "stake" => self.stake(),
            "begin_unstake" => self.begin_unstake(),
            "unstake" => self.unstake(),
            "close_stake" => self.close_stake(),
            "pause" => self.pause(),
            "resume" => self.resume(),
            "refresh_reserve" => self.refresh_reserve(),
            "queue_change" => self.queue_change(),
            "execute_change" => self.execute_change(),
            "cancel_change" => self.cancel_change(),
            "close_reserve" => self.close_reserve(),
            "set_delegate" => self.set_delegate(),
            "assert_health" => self.assert_health(),
            "assert_sequence" => self.assert_sequence(),
            name => unreachable!("{name} is not one instruction alone"),
        }
    }

    pub fn open_account(&mut self) -> Step {
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
        Step::new(open, move |model| model.open_account(owner, id, mode, collateral, debt))
    }

    pub fn close_account(&mut self) -> Step {
        let (account, owner) = self.account();
        let empty = self.model.accounts.iter().find(|(_, account)| account.positions().is_empty());
        let (account, owner) = match empty {
            Some((address, account)) if self.rng.random_bool(0.7) => (*address, from_engine(&account.owner)),
            _ => (account, owner),
        };
        let signer = if self.rng.random_bool(0.9) { owner } else { self.user() };
        let instruction = ix::CloseAccount { owner: signer, margin_account: account, recipient: self.fee_collector };
        Step::new(instruction, move |model| model.close_account(signer, account))
    }

    fn deposit(&mut self) -> Step {
        let (account, _) = self.account();
        let reserve = self.reserve();
        self.deposit_to(account, reserve)
    }

    pub fn deposit_to(&mut self, account: Address, reserve: u8) -> Step {
        let owner = self.model.accounts.get(&account).map(|account| from_engine(&account.owner));
        let payer = match owner {
            Some(owner) if self.rng.random_bool(0.8) => owner,
            _ => self.user(),
        };
        let from = self.nearest(reserve);
        let source = self.wallet(&payer, from);
        let amount = self.amount(self.model.balances[&source] / 8);
        let instruction = ix::Deposit {
            payer,
            market: self.world.market,
            margin_account: account,
            source,
            vault: self.vault(from),
            mint: self.mint(from),
            token_program: self.token_program(from),
            reserve,
            amount,
        };
        Step::new(instruction, move |model| model.deposit(account, payer, source, reserve, amount))
    }

    fn repay(&mut self) -> Step {
        let (payer, (account, _)) = (self.user(), self.holder(Side::Debt));
        let reserve = self.position(account, Side::Debt);
        let from = self.nearest(reserve);
        let source = self.wallet(&payer, from);
        let amount = self.amount(self.owed_or_held(account, from, Side::Debt));
        let instruction = ix::Repay {
            payer,
            market: self.world.market,
            margin_account: account,
            source,
            vault: self.vault(from),
            mint: self.mint(from),
            token_program: self.token_program(from),
            reserve,
            amount,
        };
        Step::new(instruction, move |model| model.repay(account, source, reserve, amount))
    }

    fn pay_out(&mut self, withdraw: bool) -> Step {
        let (account, owner) = if withdraw { self.holder(Side::Deposit) } else { self.borrower() };
        let signer = self.actor(account, owner);
        let reserve = if withdraw { self.position(account, Side::Deposit) } else { self.lender(account) };
        let from = self.nearest(reserve);
        let natural =
            if withdraw { self.owed_or_held(account, from, Side::Deposit) } else { self.borrowable(account, from) };
        // Who keeps a deposit of everything can borrow nothing.
        let amount = if withdraw && self.rng.random_bool(0.25) { u64::MAX } else { self.amount(natural) };
        let (market, payee) = (self.world.market, self.payee(owner, signer, from));
        let mut instruction = ix::Withdraw {
            owner: signer,
            market,
            margin_account: account,
            destination: payee.1,
            vault: self.vault(from),
            vault_authority: vault_authority(&market).0,
            mint: self.mint(from),
            token_program: self.token_program(from),
            reserve,
            amount,
        }
        .instruction();
        if !withdraw {
            instruction.data[0] = ix::Borrow::SPEC.tag;
        }
        let order = PayOut { is_withdrawal: withdraw, signer, account, payee, reserve, amount };
        Step::new(instruction, move |model| model.take_out(order))
    }

    /// Mostly an account that can still borrow.
    fn borrower(&mut self) -> (Address, Address) {
        let mut account = self.holder(Side::Deposit);
        for _ in 0..3 {
            if self.free_value(account.0) > 0 {
                break;
            }
            account = self.holder(Side::Deposit);
        }
        account
    }

    /// By how much the account's collateral exceeds its debts at initial weights, 10^-8 USD.
    fn free_value(&self, account: Address) -> u128 {
        let Model { accounts, reserves, market, now, .. } = &self.model;
        let health = accounts
            .get(&account)
            .and_then(|account| health(account, reserves, &market.config, *now, Requirement::Initial).ok());
        health.map_or(0, |health| health.net().max(0) as u128)
    }

    /// About what the account's collateral still bears of a reserve, and the reserve has.
    fn borrowable(&self, account: Address, reserve: u8) -> u64 {
        let record = &self.model.reserves[reserve as usize];
        let value = Usd(self.free_value(account) * 9 / 10);
        record.price.atoms_floor(value, record.price.spot).min(record.cash)
    }

    /// Accounts that are liquidatable.
    pub fn unhealthy(&self) -> Vec<Address> {
        let Model { accounts, reserves, market, now, .. } = &self.model;
        let health = |account| health(account, reserves, &market.config, *now, Requirement::Maintenance);
        let unhealthy = accounts.iter().filter(|(_, account)| health(account).is_ok_and(|health| !health.is_healthy()));
        unhealthy.map(|(address, _)| *address).collect()
    }

    /// Accounts that owe more than they have, and of which no loss is reported.
    pub fn lost(&self) -> Vec<Address> {
        let Model { accounts, reserves, now, .. } = &self.model;
        let is_lost =
            |account: &MarginAccount| equity(account, reserves, *now).is_ok_and(|equity| !equity.is_healthy());
        let unreported = accounts.iter().filter(|(_, account)| account.doubtful == Part::ZERO && is_lost(account));
        unreported.map(|(address, _)| *address).collect()
    }

    /// Accounts that owe and have nothing.
    pub fn without_collateral(&self) -> Vec<Address> {
        let owes_only =
            |account: &MarginAccount| account.has_debt() && account.positions().iter().all(Position::is_debt);
        let bare = self.model.accounts.iter().filter(|(_, account)| owes_only(account));
        bare.map(|(address, _)| *address).collect()
    }

    /// Mostly a liquidation that is due.
    pub fn order(&mut self, liquidator: Address) -> Liquidation {
        let unhealthy = self.unhealthy();
        let account = match unhealthy.choose(&mut self.rng) {
            Some(account) if self.rng.random_bool(0.9) => *account,
            _ => self.holder(Side::Debt).0,
        };
        let (debt, collateral) = (self.position(account, Side::Debt), self.position(account, Side::Deposit));
        let owed = self.owed_or_held(account, self.nearest(debt), Side::Debt);
        let max_repay = if self.rng.random_bool(0.5) { u64::MAX } else { self.amount(owed) };
        let min_collateral = if self.rng.random_bool(0.97) { self.rng.random_range(0..2) } else { self.rng.random() };
        let source = self.wallet(&liquidator, self.nearest(debt));
        let destination = self.wallet(&liquidator, self.nearest(collateral));
        Liquidation { account, source, destination, debt, collateral, max_repay, min_collateral }
    }

    fn liquidate(&mut self) -> Step {
        let liquidator = self.user();
        let mut order = self.order(liquidator);
        let (pay, mut take) = (self.nearest(order.debt), self.nearest(order.collateral));
        let count = self.model.reserves.len() as u8;
        let is_out = order.debt.max(order.collateral) >= count && order.debt != order.collateral;
        while is_out && self.vault(pay) == self.vault(take) {
            // An index that is out of range comes with the accounts of another reserve, never of the same one twice.
            take = (take + 1) % count;
            order.destination = self.wallet(&liquidator, take);
        }
        let market = self.world.market;
        let instruction = ix::Liquidate {
            liquidator,
            market,
            margin_account: order.account,
            source: order.source,
            debt_vault: self.vault(pay),
            debt_mint: self.mint(pay),
            debt_token_program: self.token_program(pay),
            destination: order.destination,
            collateral_vault: self.vault(take),
            collateral_mint: self.mint(take),
            collateral_token_program: self.token_program(take),
            vault_authority: vault_authority(&market).0,
            debt: order.debt,
            collateral: order.collateral,
            max_repay: order.max_repay,
            min_collateral: order.min_collateral,
        };
        Step::new(instruction, move |model| model.liquidate(order))
    }

    fn mark_liquidatable(&mut self) -> Step {
        let (account, _) = if self.rng.random_bool(0.5) { self.holder(Side::Debt) } else { self.account() };
        let instruction = ix::MarkLiquidatable { market: self.world.market, margin_account: account };
        Step::new(instruction, move |model| model.mark_liquidatable(account))
    }

    pub fn settle_bad_debt(&mut self) -> Step {
        let bare = self.without_collateral();
        let account = match bare.choose(&mut self.rng) {
            Some(account) if self.rng.random_bool(0.9) => *account,
            _ => self.holder(Side::Debt).0,
        };
        let (market, reserve) = (self.world.market, self.position(account, Side::Debt));
        let instruction = ix::SettleBadDebt { market, margin_account: account, reserve };
        Step::new(instruction, move |model| model.settle_bad_debt(account, reserve))
    }

    /// Mostly of an account that has lost something, or that was reported.
    fn report_loss(&mut self) -> Step {
        let mut lost = self.lost();
        let reported = self.model.accounts.iter().filter(|(_, account)| account.doubtful != Part::ZERO);
        lost.extend(reported.map(|(address, _)| *address));
        let account = match lost.choose(&mut self.rng) {
            Some(account) if self.rng.random_bool(0.9) => *account,
            _ => self.holder(Side::Debt).0,
        };
        let instruction = ix::ReportLoss { market: self.world.market, margin_account: account };
        Step::new(instruction, move |model| model.report_loss(account))
    }

    fn read_health(&mut self) -> Answer {
        let (account, _) = self.account();
        let instruction = self.world.view().read_health(account);
        let returned = self.send(&[Step::new(instruction, move |model| model.read_health(account).map(drop))])?;
        let report = self.model.read_health(account)?;
        assert_eq!(decode_health(&returned), Ok(report), "the chain's health is the engine's");
        Ok(())
    }
}
