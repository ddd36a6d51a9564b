use super::*;

/// A vault's tokens were moved.
#[event(bytemuck)]
pub struct Rebalanced {
    /// Number of the event in its vault.
    pub number: u64,
    /// The vault.
    pub vault: Address,
    /// Atoms.
    pub amount: u64,
    /// What it gains in a year by the rates after it, atoms.
    pub gain: u64,
    /// Shares for whoever called.
    pub reward: u64,
    /// Slot that they came from; 255: what was idle.
    pub from: u8,
    /// Slot that they went to; 255: what is idle.
    pub to: u8,
    pub padding: [u8; 6],
}

/// Anyone. Behind the markets: the liquidity vault and the vault authority of the market that pays, if one does, and the liquidity
/// vault of the one that is paid.
#[derive(Accounts)]
pub struct RebalanceVault {
    #[account(mut)]
    pub vault: Record<Vault>,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub tokens: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub authority: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub token_program: UncheckedAccount,
    /// CHECK: gets the reward; the token program checks it.
    #[account(mut)]
    pub reward: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub share_mint: UncheckedAccount,
    /// CHECK: must be SPL Token, also if that is the token's program.
    pub share_program: UncheckedAccount,
}

impl RebalanceVault {
    /// `from` is the slot that pays, 255 if what is idle does; the engine decides, and another one is refused.
    pub fn rebalance(&mut self, from: u8, accounts: &[AccountView]) -> Result<()> {
        let Self { vault, tokens, authority, mint, token_program, share_mint, share_program, .. } = self;
        let custody =
            Custody::new(vault, tokens.account(), authority.account(), mint.account(), token_program.account())?;
        let shares = ShareMint::new(vault, share_mint.account(), share_program.account())?;
        let (accounts, target) = split_target(vault, from, accounts)?;
        let mut markets = Markets::read(vault, accounts, if from < 8 { 1 << from } else { 0 })?;
        let done = valued(vault, &markets)?.rebalance(|slot| markets.view(slot)).on_chain()?;
        ensure(done.from.unwrap_or(IDLE) == from, Error::AnotherMove)?;
        let to = match (done.to, target) {
            (Some(slot), Some(target)) => {
                let market = markets.change(slot as usize)?;
                let allocation = &vault.allocations[slot as usize];
                let liquidity = &reserve(market.as_slice(), allocation.reserve)?.vault;
                ensure(is_at(target.address(), liquidity), Error::WrongVault)?;
                target
            }
            (None, None) => custody.tokens,
            _ => return Err(Error::AnotherMove).on_chain(),
        };
        match done.from {
            Some(slot) => markets.call_back(&custody, vault, slot as usize, done.amount, to)?,
            None => custody.pay_out(vault, done.amount, to)?,
        }
        if let Some(slot) = done.to {
            let market = markets.change(slot as usize)?;
            ledger(market, now()?).lend_out(&mut vault.allocations[slot as usize], done.amount).on_chain()?;
        }
        if done.reward.0 != 0 {
            shares.mint(&self.vault, self.authority.account(), self.reward.account(), done.reward.0)?;
        }
        let address = *self.vault.address();
        log_event!(
            discriminator::<Rebalanced>(),
            Rebalanced {
                number: self.vault.next_event(),
                vault: address,
                amount: done.amount,
                gain: done.gain,
                reward: done.reward.0,
                from,
                to: done.to.unwrap_or(IDLE),
                padding: [0; 6],
            }
        );
        Ok(())
    }
}

/// Stands for what is idle.
const IDLE: u8 = 255;

/// The accounts without the last one, if there is one more than the markets and their payer: it is the liquidity vault to be paid.
fn split_target<'a>(
    vault: &vault::Vault,
    from: u8,
    accounts: &'a [AccountView],
) -> Result<(&'a [AccountView], Option<AccountView>)> {
    let needed = vault.open_slots().count() + if from < 8 { 2 } else { 0 };
    match accounts.split_at_checked(needed) {
        Some((accounts, [])) => Ok((accounts, None)),
        Some((accounts, [target])) => Ok((accounts, Some(*target))),
        _ => Err(Error::MarketMissing).on_chain(),
    }
}
