//! What must end in the transaction in which it begins: liquidations in receivership and flash loans.

use super::{
    actors::Actors,
    model::Answer,
    transaction::{Ending, Step},
};
use ballast_client::{Address, INSTRUCTIONS_SYSVAR, instruction as ix, vault_authority};
use ballast_engine::state::account::Side;
use rand::{Rng, seq::IndexedRandom};

/// The tags of what may stand between a beginning and its end.
const BETWEEN: [usize; 28] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 17, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33];

impl Actors {
    pub fn receivership(&mut self) -> Answer {
        let (account, steps) = self.receivership_steps();
        let between = match self.rng.random_range(0..4) {
            0 => {
                let reserve = self.reserve();
                vec![self.deposit_to(account, reserve)]
            }
            1 => self.flash_loan_steps().1.into(),
            _ => vec![self.anything()],
        };
        self.enclose(steps, between)
    }

    pub fn flash_loan(&mut self) -> Answer {
        let (reserve, steps) = self.flash_loan_steps();
        let between = match self.rng.random_range(0..4) {
            0 => {
                let (account, _) = self.account();
                vec![self.deposit_to(account, reserve)]
            }
            1 => self.receivership_steps().1.into(),
            _ => vec![self.anything()],
        };
        self.enclose(steps, between)
    }

    /// Mostly a beginning and its end, with something between them or not; sometimes one of them only, twice, the wrong way
    /// round, or with another's end.
    fn enclose(&mut self, [begin, end]: [Step; 2], between: Vec<Step>) -> Answer {
        let steps = match self.rng.random_range(0..20) {
            0 => vec![begin],
            1 => vec![begin, self.wrong_end()],
            2 => vec![begin, self.wrong_end(), end],
            3 => vec![begin.clone(), end.clone(), begin, end],
            4 => vec![begin.clone(), begin, end],
            5 => vec![begin, end.clone(), end],
            6 => vec![end, begin],
            7..13 => [vec![begin], between, vec![end]].concat(),
            _ => vec![begin, end],
        };
        self.send(&steps).map(drop)
    }

    fn anything(&mut self) -> Step {
        let kind = *BETWEEN.choose(&mut self.rng).expect("kinds");
        self.plan(kind)
    }

    fn wrong_end(&mut self) -> Step {
        if self.rng.random_bool(0.5) { self.end_any_liquidation() } else { self.end_any_flash_loan() }
    }

    /// The account, the beginning, and the end, which is now and then of another debt.
    fn receivership_steps(&mut self) -> (Address, [Step; 2]) {
        let liquidator = self.user();
        let order = self.order(liquidator);
        let (pay, take) = (self.nearest(order.debt), self.nearest(order.collateral));
        let market = self.world.market;
        let instruction = ix::BeginLiquidation {
            liquidator,
            market,
            margin_account: order.account,
            destination: order.destination,
            vault: self.vault(take),
            vault_authority: vault_authority(&market).0,
            mint: self.mint(take),
            token_program: self.token_program(take),
            instructions: INSTRUCTIONS_SYSVAR,
            debt: order.debt,
            collateral: order.collateral,
            max_repay: order.max_repay,
            min_collateral: order.min_collateral,
        };
        let begin = Step::new(instruction, move |model| model.begin_liquidation(order));
        let pay = if self.rng.random_bool(0.95) { pay } else { take };
        (order.account, [begin, self.end_liquidation(order.account, liquidator, pay)])
    }

    fn end_liquidation(&self, account: Address, payer: Address, pay: u8) -> Step {
        let source = self.wallet(&payer, pay);
        let instruction = ix::EndLiquidation {
            payer,
            market: self.world.market,
            margin_account: account,
            source,
            vault: self.vault(pay),
            mint: self.mint(pay),
            token_program: self.token_program(pay),
        };
        Step::new(instruction, move |model| model.end_liquidation(account, source, pay))
            .ending(Ending::Liquidation(account))
    }

    /// An end where likely nothing began.
    pub fn end_any_liquidation(&mut self) -> Step {
        let (payer, (account, _)) = (self.user(), self.holder(Side::Debt));
        let reserve = self.reserve();
        self.end_liquidation(account, payer, self.nearest(reserve))
    }

    fn flash_loan_steps(&mut self) -> (u8, [Step; 2]) {
        let (borrower, mut reserve) = (self.user(), self.reserve());
        for _ in 0..3 {
            // Mostly one that lends.
            if self.model.reserves.get(reserve as usize).is_none_or(|record| record.config.flash_enabled != 0) {
                break;
            }
            reserve = self.reserve();
        }
        let (market, from) = (self.world.market, self.nearest(reserve));
        let (destination, amount) =
            (self.wallet(&borrower, from), self.amount(self.model.reserves[from as usize].cash));
        let instruction = ix::BeginFlashLoan {
            market,
            destination,
            vault: self.vault(from),
            vault_authority: vault_authority(&market).0,
            mint: self.mint(from),
            token_program: self.token_program(from),
            instructions: INSTRUCTIONS_SYSVAR,
            reserve,
            amount,
        };
        let begin = Step::new(instruction, move |model| model.begin_flash_loan(destination, reserve, amount));
        (reserve, [begin, self.end_flash_loan(borrower, reserve)])
    }

    fn end_flash_loan(&self, payer: Address, reserve: u8) -> Step {
        let from = self.nearest(reserve);
        let source = self.wallet(&payer, from);
        let instruction = ix::EndFlashLoan {
            payer,
            market: self.world.market,
            source,
            vault: self.vault(from),
            mint: self.mint(from),
            token_program: self.token_program(from),
            reserve,
        };
        Step::new(instruction, move |model| model.end_flash_loan(source, reserve)).ending(Ending::FlashLoan(reserve))
    }

    /// An end where likely nothing began.
    pub fn end_any_flash_loan(&mut self) -> Step {
        let (payer, reserve) = (self.user(), self.reserve());
        self.end_flash_loan(payer, reserve)
    }
}
