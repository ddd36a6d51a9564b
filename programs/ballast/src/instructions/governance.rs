// The framework repeats the instruction's arguments in a function that does not use them.
#![allow(unused_variables)]

use super::*;
use crate::{
    Change, Governed,
    events::{discriminator, events, log_event},
    state::{now, stored},
};
use ballast_engine::{record::parameter::Edit, state::change};

/// A parameter was set.
#[event(bytemuck)]
pub struct ParameterSet {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Its bytes before, zeros behind them.
    pub old: [u8; 32],
    /// Its bytes now.
    pub new: [u8; 32],
    /// Which parameter: bytes from the start of the record; 65,535: the market's authority.
    pub offset: u16,
    /// Index of the reserve; 255: the market; 253: a vault, in the market's place.
    pub target: u8,
    pub padding: [u8; 5],
}

events! {
    {
        /// Number of the event in its market.
        pub number: u64,
        /// The market.
        pub market: Address,
        /// Number of the change in its market.
        pub change: u64,
        /// From when it can be executed, unix seconds.
        pub earliest: i64,
        /// Until when, unix seconds.
        pub latest: i64,
        /// Index of the reserve; 254: a listing; 255: the market; 253: a vault, in the market's place.
        pub target: u8,
        pub padding: [u8; 7],
    }
    /// A change was queued.
    ChangeQueued;
    /// The edits of a change were made. A `ParameterSet` for each edit was logged before.
    ChangeExecuted;
    /// A change was cancelled.
    ChangeCancelled;
}

/// What authority and risk council do to a market, and curator and sentinel to a vault.
#[derive(Accounts)]
pub struct Govern {
    pub signer: Signer,
    /// Or a vault.
    #[account(mut)]
    pub market: Governed,
}

impl Govern {
    pub fn set_parameters(&mut self, target: u8, edits: &[u8]) -> Result<()> {
        let (signer, subject) = (stored(self.signer.address()), *self.market.address());
        let log = &mut |number, edit: &Edit| log_edit(number, &subject, target, edit);
        match (&mut self.market, target) {
            (Governed::Market(market), _) => ledger(market, now()?).set_parameters(&signer, target, edits, log),
            (Governed::Vault(vault), change::OF_VAULT) => vault.set_parameters(&signer, edits, now()?, log),
            (Governed::Vault(_), _) => Err(Error::ReserveIndexOutOfRange),
        }
        .on_chain()
    }

    pub fn accept_authority(&mut self) -> Result<()> {
        let (signer, subject) = (stored(self.signer.address()), *self.market.address());
        let log = &mut |number, target, edit: &Edit| log_edit(number, &subject, target, edit);
        match &mut self.market {
            Governed::Market(market) => {
                market.accept_authority(&signer, &mut |number, edit| log(number, change::OF_MARKET, edit))
            }
            Governed::Vault(vault) => {
                vault.accept_curator(&signer, &mut |number, edit| log(number, change::OF_VAULT, edit))
            }
        }
        .on_chain()
    }
}

#[derive(Accounts)]
pub struct QueueChange {
    pub authority: Signer,
    /// May be the authority: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    /// Or a vault.
    #[account(mut)]
    pub market: Governed,
    #[account(
        init,
        payer = payer,
        seeds = [b"change", market.address().as_ref(), &market.changes().to_le_bytes()],
        bump
    )]
    pub change: Record<Change>,
    pub system_program: Program<System>,
}

impl QueueChange {
    pub fn queue(&mut self, target: u8, data: &[u8], bumps: &QueueChangeBumps) -> Result<()> {
        let (signer, subject) = (stored(self.authority.address()), stored(self.market.address()));
        let (now, change) = (now()?, &mut self.change);
        match (&mut self.market, target) {
            (Governed::Market(market), _) => ledger(market, now).queue_change(&signer, target, data, change),
            (Governed::Vault(vault), change::OF_VAULT) => vault.queue_change(&signer, data, change, now),
            (Governed::Vault(_), _) => Err(Error::ReserveIndexOutOfRange),
        }
        .on_chain()?;
        (change.bump, change.market, change.payer) = (bumps.change, subject, stored(self.payer.address()));
        log_change(discriminator::<ChangeQueued>(), self.market.next_event(), &self.change);
        Ok(())
    }
}

/// Anyone may execute a change that is due. The authority and the guardian may cancel it, and anyone once it has expired.
#[derive(Accounts)]
pub struct EndChange {
    pub signer: Signer,
    /// Or a vault.
    #[account(mut)]
    pub market: Governed,
    #[account(mut)]
    pub change: Record<Change>,
    /// CHECK: gets the change's rent; must be who paid it, and may be the signer.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl EndChange {
    pub fn execute(&mut self) -> Result<()> {
        self.end(true)
    }

    pub fn cancel(&mut self) -> Result<()> {
        self.end(false)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn end(&mut self, is_made: bool) -> Result<()> {
        check_change(&self.change, self.market.address(), self.recipient.address())?;
        let now = now()?;
        let event = if is_made {
            let (subject, target) = (*self.market.address(), self.change.target);
            let log = &mut |number, edit: &Edit| log_edit(number, &subject, target, edit);
            match &mut self.market {
                Governed::Market(market) => ledger(market, now).execute_change(&self.change, log),
                Governed::Vault(vault) => vault.execute_change(&self.change, now, log),
            }
            .on_chain()?;
            discriminator::<ChangeExecuted>()
        } else {
            let signer = stored(self.signer.address());
            match &self.market {
                Governed::Market(market) => self.change.require_cancellable(market, &signer, now),
                Governed::Vault(vault) => vault.require_cancellable(&self.change, &signer, now),
            }
            .on_chain()?;
            discriminator::<ChangeCancelled>()
        };
        log_change(event, self.market.next_event(), &self.change);
        AccountClose::close(&mut self.change, *self.recipient.account())
    }
}

#[inline(never)]
fn log_edit(number: u64, market: &Address, target: u8, edit: &Edit) {
    log_event!(
        discriminator::<ParameterSet>(),
        ParameterSet {
            number,
            market: *market,
            old: edit.old.0,
            new: edit.new.0,
            offset: edit.offset,
            target,
            padding: [0; 5],
        }
    );
}

/// Logs that a change was queued, executed or cancelled. These events differ only in their discriminator.
#[inline(never)]
fn log_change(event: [u8; 8], number: u64, change: &governance::Change) {
    log_event!(
        event,
        ChangeQueued {
            number,
            market: Address::new_from_array(change.market.0),
            change: change.number,
            earliest: change.earliest,
            latest: change.latest,
            target: change.target,
            padding: [0; 7],
        }
    );
}
