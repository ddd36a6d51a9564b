//! What the market should be: the engine on plain structs, token balances in a map, and the shell's order of checks.
//!
//! Nothing here reads the virtual machine. Where an action is refused, the model says with which error.

use super::{delegates::right, transaction::Ending};
use ballast_client::{Address, from_engine, margin_address, market_address, to_engine, vault_authority};
use ballast_engine::{
    Error,
    health::report::HealthReport,
    ledger::{EVERYTHING, Ledger},
    price::feed::{PriceUpdate, Source},
    state::{
        account::{MarginAccount, Side},
        change::Change,
        insurance::Stake,
        market::{Market, MarketConfig},
        permission::Action,
        reserve::Reserve,
        token::TransferFee,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Why an instruction is refused.
pub use solana_transaction::InstructionError as Refusal;

/// What an action answers.
pub type Answer<T = ()> = Result<T, Refusal>;

/// An account that claims to be a price: its owner and its bytes.
pub type PriceAccount = (Address, Vec<u8>);

#[derive(Clone)]
pub struct Model {
    pub address: Address,
    pub market: Market,
    pub reserves: Vec<Reserve>,
    /// Open margin accounts.
    pub accounts: BTreeMap<Address, MarginAccount>,
    /// Open stakes.
    pub stakes: BTreeMap<Address, Stake>,
    /// What transfers cost, by the mint; those of others nothing.
    pub fees: BTreeMap<Address, TransferFee>,
    /// Token accounts in which Token-2022 withholds fees, which cannot be closed.
    pub withholding: BTreeSet<Address>,
    /// Changes that wait.
    pub changes: BTreeMap<Address, Change>,
    /// Balances of wallets and of the reserves' token accounts.
    pub balances: BTreeMap<Address, u64>,
    pub now: i64,
    /// What later instructions of the transaction at hand end.
    pub following: Vec<Ending>,
}

/// The accounts and arguments of a liquidation.
#[derive(Clone, Copy, Debug)]
pub struct Liquidation {
    pub account: Address,
    pub source: Address,
    pub destination: Address,
    pub debt: u8,
    pub collateral: u8,
    pub max_repay: u64,
    pub min_collateral: u64,
}

/// The accounts and arguments of a withdrawal or a loan.
#[derive(Clone, Copy, Debug)]
pub struct PayOut {
    pub is_withdrawal: bool,
    pub signer: Address,
    pub account: Address,
    /// The owner and the address of the token account paid to.
    pub payee: (Address, Address),
    pub reserve: u8,
    pub amount: u64,
}

pub fn refused(error: Error) -> Refusal {
    Refusal::Custom(error.code())
}

pub fn engine<T>(result: ballast_engine::Result<T>) -> Answer<T> {
    result.map_err(refused)
}

impl Model {
    /// A market as `create_market` leaves it.
    pub fn create(creator: Address, id: u16, config: MarketConfig, now: i64) -> Answer<Self> {
        let (address, bump) = market_address(&creator, id);
        let (vault_authority, vault_authority_bump) = vault_authority(&address);
        let market = Market {
            bump,
            vault_authority_bump,
            id,
            creator: to_engine(&creator),
            vault_authority: to_engine(&vault_authority),
            ..engine(Market::new(config, to_engine(&creator)))?
        };
        let (reserves, accounts, stakes, fees, withholding) = Default::default();
        let (changes, balances, following) = Default::default();
        Ok(Self { address, market, reserves, accounts, stakes, fees, withholding, changes, balances, now, following })
    }

    /// Runs an action as a transaction: all of it or nothing.
    pub fn attempt<T, E>(&mut self, action: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let before = self.clone();
        let answer = action(self);
        if answer.is_err() {
            *self = before;
        }
        answer
    }

    /// The market account's data.
    pub fn market_bytes(&self) -> Vec<u8> {
        let mut bytes = Market::DISCRIMINATOR.to_vec();
        bytes.extend(bytemuck::bytes_of(&self.market));
        bytes.extend((self.reserves.len() as u64).to_le_bytes());
        bytes.extend(self.reserves.iter().flat_map(bytemuck::bytes_of));
        bytes
    }

    /// A margin account's data.
    pub fn margin_bytes(account: &MarginAccount) -> Vec<u8> {
        [&MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(account)].concat()
    }

    /// The data of the margin account, stake or change at an address.
    pub fn account_bytes(&self, address: &Address) -> Option<Vec<u8>> {
        let stake = || self.stakes.get(address).map(Self::stake_bytes);
        let change = || self.changes.get(address).map(Self::change_bytes);
        self.accounts.get(address).map(Self::margin_bytes).or_else(stake).or_else(change)
    }

    /// The books as the engine works on them.
    pub fn ledger(&mut self) -> Ledger<'_> {
        Ledger { market: &mut self.market, reserves: &mut self.reserves, now: self.now }
    }

    /// What a transfer of a reserve's token costs.
    pub fn fee(&self, reserve: u8) -> TransferFee {
        self.fees.get(&from_engine(&self.reserves[reserve as usize].mint)).copied().unwrap_or_default()
    }

    /// What arrives of what somebody sends to a reserve; everything stays that.
    pub fn arriving(&self, reserve: u8, sent: u64) -> Answer<u64> {
        if sent == EVERYTHING { Ok(sent) } else { engine(self.fee(reserve).arriving(sent)) }
    }

    /// What a reserve has to send for so much to arrive.
    pub fn sending(&self, reserve: u8, due: u64) -> Answer<u64> {
        engine(self.fee(reserve).sending(due))
    }

    /// So much arrives in a reserve.
    pub fn pay_in(&mut self, from: Address, reserve: u8, amount: u64) -> Answer {
        let sent = self.sending(reserve, amount)?;
        if sent > amount {
            self.withholding.insert(self.vault(reserve));
        }
        self.transfer(from, self.vault(reserve), sent, sent - amount)
    }

    /// So much leaves a reserve.
    pub fn pay_out(&mut self, reserve: u8, to: Address, amount: u64) -> Answer {
        self.transfer(self.vault(reserve), to, amount, self.fee(reserve).of(amount))
    }

    pub fn transfer(&mut self, from: Address, to: Address, amount: u64, fee: u64) -> Answer {
        // The token program's code for insufficient funds.
        let left = self.balances[&from].checked_sub(amount).ok_or(Refusal::Custom(1))?;
        self.balances.insert(from, left);
        *self.balances.get_mut(&to).expect("a token account") += amount - fee;
        Ok(())
    }

    pub fn vault(&self, reserve: u8) -> Address {
        from_engine(&self.reserves[reserve as usize].vault)
    }

    /// Runs an engine action on the books and one margin account.
    pub fn act<T>(
        &mut self,
        address: Address,
        action: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> ballast_engine::Result<T>,
    ) -> Answer<T> {
        let account = self.accounts.get_mut(&address).expect("open");
        let mut ledger = Ledger { market: &mut self.market, reserves: &mut self.reserves, now: self.now };
        engine(action(&mut ledger, account))
    }

    /// What the framework says of a margin account that is not there.
    pub fn require_open(&self, account: Address) -> Answer {
        if self.accounts.contains_key(&account) { Ok(()) } else { Err(Refusal::AccountDataTooSmall) }
    }

    pub fn require_reserve(&self, reserve: u8) -> Answer {
        let listed = (reserve as usize) < self.reserves.len();
        if listed { Ok(()) } else { Err(refused(Error::ReserveIndexOutOfRange)) }
    }

    pub fn deposit(&mut self, account: Address, payer: Address, source: Address, reserve: u8, amount: u64) -> Answer {
        self.require_open(account)?;
        self.require_reserve(reserve)?;
        let amount = self.arriving(reserve, amount)?;
        let moved =
            self.act(account, |ledger, account| ledger.deposit(account, &to_engine(&payer), reserve, amount))?;
        self.market.next_event();
        self.pay_in(source, reserve, moved.amount)
    }

    pub fn repay(&mut self, account: Address, source: Address, reserve: u8, amount: u64) -> Answer {
        self.require_open(account)?;
        self.require_reserve(reserve)?;
        let amount = self.arriving(reserve, amount)?;
        let moved = self.act(account, |ledger, account| ledger.repay(account, reserve, amount))?;
        self.market.next_event();
        self.pay_in(source, reserve, moved.amount)
    }

    /// A withdrawal or a loan, to a token account of `payee`.
    pub fn take_out(&mut self, order: PayOut) -> Answer {
        let PayOut { is_withdrawal, signer, account, payee: (payee, to), reserve, amount } = order;
        self.require_open(account)?;
        self.require_right(account, signer, right(is_withdrawal), payee)?;
        self.require_reserve(reserve)?;
        let moved = self.act(account, |ledger, account| match is_withdrawal {
            true => ledger.withdraw(account, reserve, amount),
            false => ledger.borrow(account, reserve, amount),
        })?;
        self.market.next_event();
        self.pay_out(reserve, to, moved.amount)
    }

    pub fn liquidate(&mut self, order: Liquidation) -> Answer {
        let Liquidation { account, source, destination, debt, collateral, max_repay, min_collateral } = order;
        let vault = |reserve: u8| self.reserves.get(reserve as usize).map(|record| record.vault);
        if debt == collateral || vault(debt).is_some_and(|of_debt| Some(of_debt) == vault(collateral)) {
            // The framework refuses the token account that would be given twice: also of a closed reserve and one of its token.
            return Err(Refusal::Custom(2040));
        }
        self.require_open(account)?;
        self.require_reserve(debt)?;
        self.require_reserve(collateral)?;
        let max_repay = self.arriving(debt, max_repay)?;
        let min_collateral = self.sending(collateral, min_collateral)?;
        let done = self
            .act(account, |ledger, account| ledger.liquidate(account, debt, collateral, max_repay, min_collateral))?;
        assert!(done.after.net() >= done.before.net(), "a liquidation must not worsen health");
        self.market.next_event();
        self.pay_in(source, debt, done.paid())?;
        self.pay_out(collateral, destination, done.seized)
    }

    pub fn settle_bad_debt(&mut self, account: Address, reserve: u8) -> Answer {
        self.require_open(account)?;
        self.act(account, |ledger, account| ledger.settle_bad_debt(account, reserve))?;
        self.market.next_event();
        Ok(())
    }

    pub fn report_loss(&mut self, account: Address) -> Answer {
        self.require_open(account)?;
        self.act(account, |ledger, account| ledger.report_loss(account))?;
        self.market.next_event();
        Ok(())
    }

    pub fn collect_fees(&mut self, signer: Address, to: Address, reserve: u8) -> Answer {
        self.require_fee_collector(signer)?;
        self.require_reserve(reserve)?;
        let amount = engine(self.ledger().collect_fees(reserve))?;
        self.market.next_event();
        self.pay_out(reserve, to, amount)
    }

    pub fn refresh_prices(&mut self, reserves: &[u8], accounts: &[(Address, PriceAccount)]) -> Answer {
        let missing = || refused(Error::PriceAccountMissing);
        let mut accounts = accounts.iter();
        if reserves.is_empty() {
            return Err(missing());
        }
        for reserve in reserves {
            self.require_reserve(*reserve)?;
            let has_base = !self.reserves[*reserve as usize].config.oracle.base_feed_id.is_none();
            let first = accounts.next().ok_or_else(missing)?;
            let base = has_base.then(|| accounts.next().ok_or_else(missing)).transpose()?;
            match self.take_over(*reserve, first, base) {
                Ok(false) => {}
                // The breaker moved, or the price is passed over.
                Ok(true) => drop(self.market.next_event()),
                Err(error) if error.is_about_a_price() => drop(self.market.next_event()),
                Err(error) => return Err(refused(error)),
            }
        }
        if accounts.next().is_none() { Ok(()) } else { Err(missing()) }
    }

    /// Takes over one price, and says whether the breaker moved.
    fn take_over(
        &mut self,
        reserve: u8,
        first: &(Address, PriceAccount),
        base: Option<&(Address, PriceAccount)>,
    ) -> ballast_engine::Result<bool> {
        let (first, base) = (self.source(first)?, base.map(|base| self.source(base)).transpose()?);
        self.ledger().refresh_price(reserve, &first, base.as_ref()).map(|change| change.is_some())
    }

    fn source(&self, (address, (owner, bytes)): &(Address, PriceAccount)) -> ballast_engine::Result<Source> {
        if !self.market.accepts_receiver(&to_engine(owner)) {
            return Err(if bytes.is_empty() { Error::PriceAccountClosed } else { Error::PriceOwnerNotAllowed });
        }
        Ok(Source { address: to_engine(address), update: PriceUpdate::parse(bytes)? })
    }

    pub fn open_account(&mut self, owner: Address, id: u16, mode: u8, collateral: u8, debt: u8) -> Answer {
        let (address, bump) = margin_address(&self.address, &owner, id);
        if self.accounts.contains_key(&address) {
            // The system program's code for an address in use: the account has lamports and another owner.
            return Err(Refusal::Custom(0));
        }
        self.require_launched()?;
        let (market, owner) = (to_engine(&self.address), to_engine(&owner));
        let account = engine(MarginAccount::open(mode, collateral, debt, &self.reserves))?;
        let account = MarginAccount { bump, id, market, owner, ..account };
        self.accounts.insert(address, account);
        Ok(())
    }

    pub fn close_account(&mut self, signer: Address, account: Address) -> Answer {
        self.require_open(account)?;
        self.require_owner(account, signer)?;
        engine(self.accounts[&account].require_idle(Action::CloseAccount))?;
        if !self.accounts[&account].positions().is_empty() {
            return Err(refused(Error::AccountNotEmpty));
        }
        self.accounts.remove(&account);
        Ok(())
    }

    pub fn read_health(&self, account: Address) -> Answer<HealthReport> {
        // Read-only loading looks at the owner first.
        let account = self.accounts.get(&account).ok_or(Refusal::UninitializedAccount)?;
        engine(HealthReport::new(account, &self.reserves, &self.market.config, self.now))
    }

    /// Invariants of the books: deposits are backed, shares are someone's, and token accounts cover what the books say.
    pub fn check(&self) {
        let mut owed: BTreeMap<Address, u128> = BTreeMap::new();
        for (index, reserve) in self.reserves.iter().enumerate() {
            let (assets, deposits) = reserve.assets_and_deposits();
            assert!(assets >= deposits, "reserve {index}: cash and debts cover the deposits");
            for (side, total) in [(Side::Deposit, reserve.deposit_shares), (Side::Debt, reserve.debt_shares)] {
                let positions = self.accounts.values().filter_map(|account| account.shares(index as u8, side).ok());
                assert_eq!(positions.map(|shares| shares.0).sum::<u64>(), total.0, "reserve {index}: {side:?} shares");
            }
            let debts = self.accounts.values().filter_map(|account| {
                let shares = account.shares(index as u8, Side::Debt).ok()?;
                Some(account.doubtful.of(shares).0)
            });
            assert_eq!(debts.sum::<u64>(), reserve.doubtful.0, "reserve {index}: doubtful debts");
            // A reserve has its token account in common with a closed one of the same token.
            *owed.entry(self.vault(index as u8)).or_default() += reserve.vault_balance();
        }
        for (vault, owed) in owed {
            let held = self.balances.get(&vault).copied().unwrap_or(0);
            assert!(held as u128 >= owed, "token account {vault}: what the books say is in it");
        }
        self.check_restrictions();
    }
}
