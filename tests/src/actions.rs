//! What users do, with the accounts that belong. The outcome is the caller's to judge.

use ballast_client::{Address, Instruction, LiquidationOrder, decode_health, decode_stake, stake_address};
use ballast_engine::{
    health::report::HealthReport,
    state::{insurance::Stake, permission::Action},
};

use crate::{market::User, outcome::Outcome, world::World};

/// Why building an instruction cannot fail here.
const EXISTS: &str = "the reserve exists";

impl World {
    /// Opens another margin account of an owner, at [`World::payer`]'s expense, and returns its address.
    #[track_caller]
    pub fn open(&mut self, owner: Address, id: u16) -> Address {
        self.launch();
        let view = self.view();
        self.send(&[view.open_account(owner, self.payer, id)]).expect_ok();
        view.margin_account(&owner, id)
    }

    /// Closes a user's margin account; [`World::payer`] gets the rent.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn close(&mut self, user: User) -> Outcome {
        let instruction = self.view().close_account(user.key, user.margin, self.payer);
        self.send(&[instruction])
    }

    /// Deposits from the user's own tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn deposit(&mut self, user: User, reserve: u8, amount: u64) -> Outcome {
        self.deposit_for(user.key, user.margin, reserve, amount)
    }

    /// Deposits a payer's tokens for any margin account.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn deposit_for(&mut self, payer: Address, margin: Address, reserve: u8, amount: u64) -> Outcome {
        let source = self.tokens(&payer, reserve);
        let instruction = self.view().deposit(payer, margin, source, reserve, amount).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Gives a user tokens and deposits them, which must succeed; with a transfer fee, so many that the amount arrives.
    #[track_caller]
    pub fn supply(&mut self, user: User, reserve: u8, amount: u64) {
        let sent = self.transfer_fee(reserve).sending(amount).expect("a fee that can be paid");
        self.fund(&user.key, reserve, sent);
        self.deposit(user, reserve, sent).expect_ok();
    }

    /// Withdraws to the user's own tokens; `u64::MAX` withdraws everything.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn withdraw(&mut self, user: User, reserve: u8, amount: u64) -> Outcome {
        let destination = self.fund(&user.key, reserve, 0);
        let instruction = self.view().withdraw(user.key, user.margin, destination, reserve, amount).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Borrows to the user's own tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn borrow(&mut self, user: User, reserve: u8, amount: u64) -> Outcome {
        let destination = self.fund(&user.key, reserve, 0);
        let instruction = self.view().borrow(user.key, user.margin, destination, reserve, amount).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Repays from the user's own tokens; `u64::MAX` repays everything.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn repay(&mut self, user: User, reserve: u8, amount: u64) -> Outcome {
        self.repay_for(user.key, user.margin, reserve, amount)
    }

    /// Repays any margin account's debt from a payer's tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn repay_for(&mut self, payer: Address, margin: Address, reserve: u8, amount: u64) -> Outcome {
        let source = self.tokens(&payer, reserve);
        let instruction = self.view().repay(payer, margin, source, reserve, amount).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Liquidates with the liquidator's own tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn liquidate(&mut self, liquidator: Address, margin: Address, order: LiquidationOrder) -> Outcome {
        let source = self.fund(&liquidator, order.debt, 0);
        let destination = self.fund(&liquidator, order.collateral, 0);
        let instruction = self.view().liquidate(liquidator, margin, source, destination, order).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Writes a margin account's bad debt off.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn settle(&mut self, margin: Address, reserve: u8) -> Outcome {
        let instruction = self.view().settle_bad_debt(margin, reserve).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Reports which part of a margin account's debts is lost.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn report_loss(&mut self, margin: Address) -> Outcome {
        let instruction = self.view().report_loss(margin);
        self.send(&[instruction])
    }

    /// Collects a reserve's fees to the fee collector's own tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn collect_fees(&mut self, reserve: u8) -> Outcome {
        let collector = self.key("collector");
        let destination = self.fund(&collector, reserve, 0);
        let instruction = self.view().collect_fees(destination, reserve).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Has the program compute a margin account's healths.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn read_health(&mut self, margin: Address) -> Outcome {
        let instruction = self.view().read_health(margin);
        self.send(&[instruction])
    }

    /// The healths that the program computes.
    #[track_caller]
    pub fn health(&mut self, margin: Address) -> HealthReport {
        let outcome = self.read_health(margin).expect_ok();
        decode_health(&outcome.return_data).expect("a health report")
    }

    /// The two instructions of a liquidation whose repayment follows, with the liquidator's own tokens.
    #[track_caller]
    pub fn receivership(&mut self, liquidator: Address, margin: Address, order: LiquidationOrder) -> [Instruction; 2] {
        let source = self.fund(&liquidator, order.debt, 0);
        let destination = self.fund(&liquidator, order.collateral, 0);
        let view = self.view();
        [
            view.begin_liquidation(liquidator, margin, destination, order).expect(EXISTS),
            view.end_liquidation(liquidator, margin, source, order.debt).expect(EXISTS),
        ]
    }

    /// Records since when a margin account has been liquidatable.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn mark_liquidatable(&mut self, margin: Address) -> Outcome {
        let instruction = self.view().mark_liquidatable(margin);
        self.send(&[instruction])
    }

    /// The two instructions of a flash loan to the borrower's own tokens.
    #[track_caller]
    pub fn flash_loan(&mut self, borrower: Address, reserve: u8, amount: u64) -> [Instruction; 2] {
        let tokens = self.fund(&borrower, reserve, 0);
        let view = self.view();
        [
            view.begin_flash_loan(tokens, reserve, amount).expect(EXISTS),
            view.end_flash_loan(borrower, tokens, reserve).expect(EXISTS),
        ]
    }

    /// Opens an owner's stake in a reserve's insurance, at [`World::payer`]'s expense, and returns its address.
    #[track_caller]
    pub fn open_stake(&mut self, owner: Address, reserve: u8) -> Address {
        self.launch();
        let instruction = self.view().open_stake(owner, self.payer, reserve).expect(EXISTS);
        self.send(&[instruction]).expect_ok();
        stake_address(&self.market, &owner, reserve).0
    }

    /// A stake, decoded.
    #[track_caller]
    pub fn stake_of(&self, owner: &Address, reserve: u8) -> Stake {
        let address = stake_address(&self.market, owner, reserve).0;
        decode_stake(&self.account(&address).data).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    /// Stakes the owner's own tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn stake(&mut self, owner: Address, reserve: u8, amount: u64) -> Outcome {
        let source = self.tokens(&owner, reserve);
        let instruction = self.view().stake(owner, owner, source, reserve, amount).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Asks for shares of the owner's stake.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn begin_unstake(&mut self, owner: Address, reserve: u8, shares: u64) -> Outcome {
        let instruction = self.view().begin_unstake(owner, reserve, shares);
        self.send(&[instruction])
    }

    /// Takes what was asked for to the owner's own tokens.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn unstake(&mut self, owner: Address, reserve: u8) -> Outcome {
        let destination = self.fund(&owner, reserve, 0);
        let instruction = self.view().unstake(owner, destination, reserve).expect(EXISTS);
        self.send(&[instruction])
    }

    /// Closes the owner's stake; [`World::payer`] gets the rent.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn close_stake(&mut self, owner: Address, reserve: u8) -> Outcome {
        let instruction = self.view().close_stake(owner, self.payer, reserve);
        self.send(&[instruction])
    }

    /// Pauses actions, as the guardian.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn pause(&mut self, actions: &[Action]) -> Outcome {
        let instruction = self.view().pause(actions);
        self.send(&[instruction])
    }

    /// Lifts restrictions, as the guardian or the authority.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn resume(&mut self, signer: Address) -> Outcome {
        let instruction = self.view().resume(signer);
        self.send(&[instruction])
    }

    /// Brings a reserve up to date.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn refresh_reserve(&mut self, reserve: u8) -> Outcome {
        let instruction = self.view().refresh_reserve(reserve).expect(EXISTS);
        self.send(&[instruction])
    }
}
