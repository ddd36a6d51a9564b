// The framework repeats the instruction's arguments in a function that does not use them.
#![allow(unused_variables)]

use super::*;
use crate::{
    Stake,
    events::{Staked, UnstakeBegun, Unstaked, discriminator, log_movement},
    state::{now, stored},
};
use ballast_engine::{ledger::Movement, number::units::Shares, record::layout::LAYOUT_VERSION, state::insurance};

#[derive(Accounts)]
#[instruction(reserve: u8)]
pub struct OpenStake {
    pub owner: Signer,
    /// May be the owner: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    pub market: MarketAccount,
    #[account(
        init,
        payer = payer,
        seeds = [b"stake", market.address().as_ref(), owner.address().as_ref(), &[reserve]],
        bump
    )]
    pub stake: Record<Stake>,
    pub system_program: Program<System>,
}

impl OpenStake {
    pub fn open(&mut self, index: u8, bumps: &OpenStakeBumps) -> Result<()> {
        ensure(self.market.config.launched != 0, Error::MarketNotLaunched)?;
        let generation = reserve(self.market.as_slice(), index)?.insurance.generation;
        ***self.stake = insurance::Stake {
            version: LAYOUT_VERSION,
            bump: bumps.stake,
            reserve: index,
            generation,
            market: stored(self.market.address()),
            owner: stored(self.owner.address()),
            ..insurance::Stake::default()
        };
        Ok(())
    }
}

/// Moves tokens of anyone into a stake.
#[derive(Accounts)]
pub struct PutStake {
    pub payer: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub stake: Record<Stake>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub source: UncheckedAccount,
    /// CHECK: must be the reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub token_program: UncheckedAccount,
}

impl PutStake {
    pub fn stake(&mut self, amount: u64) -> Result<()> {
        check_market(&self.stake.market, self.market.address())?;
        let tokens = token_path!(self, source);
        let mut ledger = ledger(&mut self.market, now()?);
        let index = self.stake.reserve;
        let terms = tokens.check(ledger.reserves, index)?;
        let amount = tokens.arriving(amount, terms)?;
        let moved = ledger.stake(&mut self.stake, amount).on_chain()?;
        tokens.pay_in(*self.payer.account(), moved.amount, terms)?;
        log_movement(discriminator::<Staked>(), &mut self.market, self.stake.address(), index, &moved);
        Ok(())
    }
}

#[derive(Accounts)]
pub struct BeginUnstake {
    pub owner: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub stake: Record<Stake>,
}

impl BeginUnstake {
    pub fn begin(&mut self, shares: u64) -> Result<()> {
        check_stake(&self.stake, self.owner.address(), self.market.address())?;
        let shares = Shares(shares);
        ledger(&mut self.market, now()?).begin_unstake(&mut self.stake, shares).on_chain()?;
        let (event, index) = (discriminator::<UnstakeBegun>(), self.stake.reserve);
        log_movement(event, &mut self.market, self.stake.address(), index, &Movement { amount: 0, shares });
        Ok(())
    }
}

#[derive(Accounts)]
pub struct Unstake {
    pub owner: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub stake: Record<Stake>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the market's.
    pub vault_authority: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub token_program: UncheckedAccount,
}

impl Unstake {
    pub fn unstake(&mut self) -> Result<()> {
        check_stake(&self.stake, self.owner.address(), self.market.address())?;
        let tokens = token_path!(self, destination);
        let mut ledger = ledger(&mut self.market, now()?);
        let index = self.stake.reserve;
        let terms = tokens.check(ledger.reserves, index)?;
        let moved = ledger.unstake(&mut self.stake).on_chain()?;
        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        tokens.pay_out(&authority, moved.amount, terms)?;
        log_movement(discriminator::<Unstaked>(), &mut self.market, self.stake.address(), index, &moved);
        Ok(())
    }
}

#[derive(Accounts)]
pub struct CloseStake {
    pub owner: Signer,
    pub market: MarketAccount,
    #[account(mut)]
    pub stake: Record<Stake>,
    /// CHECK: receives the rent, of the owner's choice; may be the owner.
    #[account(unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl CloseStake {
    pub fn close(&mut self) -> Result<()> {
        check_stake(&self.stake, self.owner.address(), self.market.address())?;
        let insurance = &reserve(self.market.as_slice(), self.stake.reserve)?.insurance;
        ensure(self.stake.is_empty(insurance), Error::StakeNotEmpty)?;
        AccountClose::close(&mut self.stake, *self.recipient.account())
    }
}

/// Requires a stake to belong to the signer and to the market at hand.
fn check_stake(stake: &insurance::Stake, owner: &Address, market: &Address) -> Result<()> {
    ensure(is_at(owner, &stake.owner), Error::NotAccountOwner)?;
    check_market(&stake.market, market)
}
