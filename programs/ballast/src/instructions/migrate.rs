use super::*;
use crate::state::now;
use ballast_engine::migration;
use pinocchio::Resize;

/// The runtime refuses a transaction that leaves the account without rent for what it has grown by.
#[derive(Accounts)]
pub struct Migrate {
    /// CHECK: this program's, of an older layout.
    #[account(mut)]
    pub account: UncheckedAccount,
}

impl Migrate {
    pub fn migrate(&mut self) -> Result<()> {
        let mut account = *self.account.account();
        ensure(account.owned_by(&crate::ID), Error::AccountUpToDate)?;
        let length = migration::migrated_len(&account.try_borrow()?).on_chain()?;
        account.resize(length)?;
        migration::migrate(&mut account.try_borrow_mut()?, now()?).on_chain()
    }
}
