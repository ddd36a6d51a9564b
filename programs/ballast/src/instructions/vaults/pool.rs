use super::*;
use crate::state::stored;
use ballast_engine::{number::units::Shares, state::perp::Pool};

/// Between what is idle and a slot's pool. Behind the markets: the liquidity vault of the pool's quote reserve and the vault authority of
/// its market.
#[derive(Accounts)]
pub struct MoveVaultPool {
    pub signer: Signer,
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
}

impl MoveVaultPool {
    pub fn deposit(&mut self, slot: u8, amount: u64, accounts: &[AccountView]) -> Result<()> {
        let (custody, mut markets) = self.open(slot, accounts)?;
        let signer = stored(self.signer.address());
        valued(&mut self.vault, &markets)?.provide(&signer, slot, amount).on_chain()?;
        let (to, _) = markets.payer(slot as usize, self.quote(&markets, slot)?)?;
        custody.pay_out(&self.vault, amount, to)?;
        let market = markets.change(slot as usize)?;
        let allocation = &mut self.vault.allocations[slot as usize];
        let moved = ledger(market, now()?).provide_for_vault(allocation, amount).on_chain()?;
        let (event, account) = (discriminator::<VaultPoolDeposited>(), *market.address());
        log_vault(event, &mut self.vault, &account, moved.amount, moved.shares.0, 0);
        Ok(())
    }

    pub fn withdraw(&mut self, slot: u8, accounts: &[AccountView]) -> Result<()> {
        let (custody, mut markets) = self.open(slot, accounts)?;
        let signer = stored(self.signer.address());
        valued(&mut self.vault, &markets)?.require_puller(&signer).on_chain()?;
        let (from, authority) = markets.payer(slot as usize, self.quote(&markets, slot)?)?;
        let vault: &mut vault::Vault = &mut self.vault;
        let index = slot as usize;
        let market = markets.change(index)?;
        let moved = ledger(market, now()?)
            .leave_for_vault(&mut vault.allocations[index], &mut vault.asked_for[index])
            .on_chain()?;
        let account = *market.address();
        if moved.amount != 0 {
            let transfer = Transfer { from, authority: authority.view, amount: moved.amount, ..custody.transfer() };
            authority.sign(|signers| transfer.invoke(signers))?;
        }
        vault.take_back(slot, moved.amount).on_chain()?;
        let event = discriminator::<VaultPoolWithdrawn>();
        log_vault(event, &mut self.vault, &account, moved.amount, moved.shares.0, 0);
        Ok(())
    }

    fn open(&self, slot: u8, accounts: &[AccountView]) -> Result<(Custody, Markets)> {
        let Self { vault, tokens, authority, mint, token_program, .. } = self;
        vault.pool_slot(slot).on_chain()?;
        let custody =
            Custody::new(vault, tokens.account(), authority.account(), mint.account(), token_program.account())?;
        Ok((custody, Markets::read(vault, accounts, 1 << slot)?))
    }

    /// The quote reserve of a slot's pool.
    fn quote(&self, markets: &Markets, slot: u8) -> Result<u8> {
        let (_, records) = markets.view(slot as usize).ok_or(Error::MarketUnreadable).on_chain()?;
        Ok(Pool::of(records, self.vault.allocations[slot as usize].reserve).on_chain()?.config.quote)
    }
}

/// Shares of a slot's pool.
#[derive(Accounts)]
pub struct RequestVaultPool {
    pub signer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
}

impl RequestVaultPool {
    pub fn request(&mut self, slot: u8, shares: u64, accounts: &[AccountView]) -> Result<()> {
        self.vault.pool_slot(slot).on_chain()?;
        let markets = Markets::read(&self.vault, accounts, 0)?;
        let listing = markets.view(slot as usize).ok_or(Error::MarketUnreadable).on_chain()?;
        let signer = stored(self.signer.address());
        let mut vaults = valued(&mut self.vault, &markets)?;
        vaults.ask_to_leave(&signer, slot, Shares(shares), listing).on_chain()?;
        let account = Address::new_from_array(self.vault.config.allocations[slot as usize].market.0);
        let asked_for = self.vault.asked_for[slot as usize];
        log_vault(discriminator::<VaultPoolExitRequested>(), &mut self.vault, &account, 0, asked_for.0, 0);
        Ok(())
    }
}
