//! The model's changes of parameters, roles and reserves.

use super::model::{Answer, Model, Refusal, engine, refused};
use ballast_client::{
    Address, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, change_address, from_engine, to_engine, vault_address,
};
use ballast_engine::{
    Error,
    state::{change::Change, market::MAX_RESERVES, reserve::Reserve, token::Transfers},
};

impl Model {
    /// A change account's data.
    pub fn change_bytes(change: &Change) -> Vec<u8> {
        [&Change::DISCRIMINATOR, bytemuck::bytes_of(change)].concat()
    }

    pub fn require_launched(&self) -> Answer {
        if self.market.config.launched != 0 { Ok(()) } else { Err(refused(Error::MarketNotLaunched)) }
    }

    pub fn require_fee_collector(&self, signer: Address) -> Answer {
        let is_collector = self.market.config.roles.fee_collector == to_engine(&signer);
        if is_collector { Ok(()) } else { Err(refused(Error::NotFeeCollector)) }
    }

    pub fn accept_authority(&mut self, signer: Address) -> Answer {
        engine(self.market.accept_authority(&to_engine(&signer), &mut |_, _| ()))
    }

    pub fn set_parameters(&mut self, signer: Address, target: u8, edits: &[u8]) -> Answer {
        engine(self.ledger().set_parameters(&to_engine(&signer), target, edits, &mut |_, _| ()))
    }

    pub fn queue_change(&mut self, signer: Address, payer: Address, target: u8, data: &[u8]) -> Answer {
        let (address, bump) = change_address(&self.address, self.market.changes);
        let (market, payer) = (to_engine(&self.address), to_engine(&payer));
        let mut change = Change { bump, market, payer, ..Change::default() };
        engine(self.ledger().queue_change(&to_engine(&signer), target, data, &mut change))?;
        self.market.next_event();
        self.changes.insert(address, change);
        Ok(())
    }

    /// The change at an address, whose rent goes to the recipient.
    fn require_change(&self, change: Address, recipient: Address) -> Answer<Change> {
        let change = *self.changes.get(&change).ok_or(Refusal::AccountDataTooSmall)?;
        if from_engine(&change.payer) == recipient { Ok(change) } else { Err(refused(Error::WrongChange)) }
    }

    fn end_change(&mut self, change: Address) -> Answer {
        self.market.next_event();
        self.changes.remove(&change);
        Ok(())
    }

    pub fn execute_change(&mut self, change: Address, recipient: Address) -> Answer {
        let record = self.require_change(change, recipient)?;
        engine(self.ledger().execute_change(&record, &mut |_, _| ()))?;
        self.end_change(change)
    }

    pub fn cancel_change(&mut self, signer: Address, change: Address, recipient: Address) -> Answer {
        let record = self.require_change(change, recipient)?;
        engine(record.require_cancellable(&self.market, &to_engine(&signer), self.now))?;
        self.end_change(change)
    }

    pub fn list_reserve(&mut self, change: Address, recipient: Address, mint: Address, decimals: u8) -> Answer {
        let record = self.require_change(change, recipient)?;
        let (vault, vault_bump) = vault_address(&self.address, &mint);
        if self.balances.contains_key(&vault) {
            // The system program's code for an address in use.
            return Err(Refusal::Custom(0));
        }
        if self.reserves.len() >= MAX_RESERVES {
            return Err(refused(Error::TooManyReserves));
        }
        let (token_program, transfers) = match self.fees.get(&mint) {
            Some(_) => (TOKEN_2022_PROGRAM, Transfers::WithFee),
            None => (TOKEN_PROGRAM, Transfers::Plain),
        };
        self.reserves.push(Reserve::default());
        let mut ledger = self.ledger();
        let reserve = engine(ledger.list(&record, decimals))?;
        if reserve.mint != to_engine(&mint) {
            return Err(refused(Error::WrongMint));
        }
        (reserve.vault, reserve.token_program) = (to_engine(&vault), to_engine(&token_program));
        (reserve.vault_bump, reserve.transfers) = (vault_bump, transfers as u8);
        self.balances.insert(vault, 0);
        self.end_change(change)
    }

    pub fn close_reserve(&mut self, signer: Address, to: Address, reserve: u8) -> Answer {
        self.require_fee_collector(signer)?;
        self.require_reserve(reserve)?;
        let fee = self.fee(reserve);
        engine(self.ledger().close_reserve(reserve))?;
        let vault = self.vault(reserve);
        let left = self.balances[&vault];
        self.transfer(vault, to, left, fee.of(left))?;
        if self.withholding.contains(&vault) {
            // Token-2022's code for an account with fees that nobody has taken yet.
            return Err(Refusal::Custom(35));
        }
        self.balances.remove(&vault);
        self.market.next_event();
        Ok(())
    }
}
