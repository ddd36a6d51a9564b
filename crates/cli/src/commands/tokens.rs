//! A user's own tokens: associated accounts, which are made if they are missing, and the native token, which is wrapped before a
//! payment and unwrapped after it.

use anyhow::{Result, anyhow, bail};
use ballast_client::{
    Address, Instruction, NATIVE_MINT,
    engine::state::{reserve::Reserve, token::balance},
    from_engine,
};
use solana_system_interface::instruction::transfer;
use spl_associated_token_account_interface::{
    address::get_associated_token_address_with_program_id, instruction::create_associated_token_account_idempotent,
};
use spl_token_interface::instruction::{close_account, sync_native};

use super::{format::Amount, session::Session};

/// A user's account of one token.
#[derive(Clone)]
pub struct Wallet {
    /// Whose.
    pub owner: Address,
    /// The token account.
    pub address: Address,
    mint: Address,
    token_program: Address,
    /// What is in it; none if it is missing.
    balance: Option<u64>,
    /// What the owner has beside it, of the native token.
    lamports: u64,
}

/// Lamports that a user keeps when paying all there is: for the highest priority fee that is bid unasked, 0.007 SOL,
/// signatures, the rents of two token accounts, and that of the wallet itself.
const KEPT: u64 = 20_000_000;

impl Wallet {
    /// Reads it.
    pub fn read(session: &mut Session, owner: Address, reserve: &Reserve) -> Result<Self> {
        let [mint, token_program] = [reserve.mint, reserve.token_program].map(|address| from_engine(&address));
        Self::of(session, owner, mint, token_program)
    }

    /// Reads that of any token.
    pub fn of(session: &mut Session, owner: Address, mint: Address, token_program: Address) -> Result<Self> {
        let address = get_associated_token_address_with_program_id(&owner, &mint, &token_program);
        let mut accounts = session.cluster.accounts(&[address, owner])?.into_iter();
        let account = accounts.next().flatten().filter(|account| account.owner == token_program);
        let balance = account.and_then(|account| balance(&account.data));
        let lamports = accounts.next().flatten().map_or(0, |owner| owner.lamports);
        Ok(Self { owner, address, mint, token_program, balance, lamports })
    }

    /// What it holds, wrapped.
    pub fn balance(&self) -> u64 {
        self.balance.unwrap_or(0)
    }

    /// The most that can be paid from it, atoms. Native SOL can be wrapped, except for what fees and rents take.
    pub fn spendable(&self) -> u64 {
        let wrappable = if self.is_native() { self.lamports.saturating_sub(KEPT) } else { 0 };
        self.balance().saturating_add(wrappable)
    }

    fn is_native(&self) -> bool {
        self.mint == NATIVE_MINT
    }

    /// The atoms of an amount to be paid from it; all of them is what it holds.
    pub fn to_pay(&self, amount: Amount) -> Result<u64> {
        match amount {
            Amount::Atoms(atoms) => Ok(atoms),
            Amount::All if self.is_native() => bail!("say how much: fees and rents are paid from the same SOL"),
            Amount::All if self.balance() == 0 => bail!("{} holds none of it", self.address),
            Amount::All => Ok(self.balance()),
        }
    }

    /// Makes it, if it is missing.
    pub fn create(&self, payer: Address) -> Option<Instruction> {
        let create =
            || create_associated_token_account_idempotent(&payer, &self.owner, &self.mint, &self.token_program);
        self.balance.is_none().then(create)
    }

    /// The instructions before `amount` is paid from it: they wrap what is missing of the native token.
    pub fn before_paying(&self, payer: Address, amount: u64) -> Result<Vec<Instruction>> {
        let missing = amount.saturating_sub(self.balance());
        if !self.is_native() || missing == 0 {
            return Ok(Vec::new());
        }
        let mut instructions: Vec<_> = self.create(payer).into_iter().collect();
        instructions.push(transfer(&self.owner, &self.address, missing));
        instructions.push(sync_native(&self.token_program, &self.address).map_err(|error| anyhow!("{error}"))?);
        Ok(instructions)
    }

    /// The instructions after a payment that may leave something: they unwrap all of the native token, unless some was wrapped
    /// before, which its owner keeps wrapped.
    pub fn unwrapped(&self) -> Result<Vec<Instruction>> {
        if !self.is_native() || self.balance() != 0 {
            return Ok(Vec::new());
        }
        let close = close_account(&self.token_program, &self.address, &self.owner, &self.owner, &[]);
        Ok(vec![close.map_err(|error| anyhow!("{error}"))?])
    }

    /// The instructions before and after a payment to it.
    pub fn around_receiving(&self, payer: Address) -> Result<(Vec<Instruction>, Vec<Instruction>)> {
        let before = self.create(payer).into_iter().collect();
        Ok((before, self.unwrapped()?))
    }
}
