use super::*;
use crate::{
    events::{discriminator, log_event},
    state::now,
};

/// Actions were paused, or a restriction was lifted.
#[event(bytemuck)]
pub struct Restricted {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Until when actions are paused, unix seconds; zero: none are.
    pub until: i64,
    /// The paused actions.
    pub actions: u8,
    /// Whether the market is reduce-only.
    pub reduce_only: PodBool,
    pub padding: [u8; 6],
}

/// The guardian, or to lift what is restricted, the authority.
#[derive(Accounts)]
pub struct Restrict {
    pub signer: Signer,
    #[account(mut)]
    pub market: MarketAccount,
}

impl Restrict {
    pub fn pause(&mut self, actions: u8) -> Result<()> {
        ensure(is_at(self.signer.address(), &self.market.config.roles.guardian), Error::NotGuardian)?;
        self.market.pause.begin(actions, now()?).on_chain()?;
        self.log();
        Ok(())
    }

    pub fn resume(&mut self) -> Result<()> {
        let is_authority = is_at(self.signer.address(), &self.market.authority);
        let is_guardian = is_at(self.signer.address(), &self.market.config.roles.guardian);
        ensure(is_authority || is_guardian, Error::NotGuardian)?;
        self.market.resume(is_authority, now()?).on_chain()?;
        self.log();
        Ok(())
    }

    fn log(&mut self) {
        log_event!(
            discriminator::<Restricted>(),
            Restricted {
                number: self.market.next_event(),
                market: *self.market.address(),
                until: if self.market.pause.actions == 0 { 0 } else { self.market.pause.until },
                actions: self.market.pause.actions,
                reduce_only: bytemuck::cast(self.market.reduce_only),
                padding: [0; 6],
            }
        );
    }
}
