//! The proof that a run on the engine is a run of the program: its journal, played through the bytecode, leaves the same bytes.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, LiquidationOrder, MarketView, encode_margin_account, encode_market, engine::Error, from_engine,
    margin_address,
};

use super::{
    Scenario,
    chain::{Action, Chain},
    outcome::Outcome as Figures,
    people::Cast,
    run::{play, play_thoroughly},
};
use crate::{
    grid::Grid,
    world::{Outcome, World},
};

/// Tokens that whoever pays has; what they come from is not the market's matter.
const PLENTY: u64 = u64::MAX >> 8;

/// The bytecode's market.
struct Proof {
    world: World,
    /// Who opened each account.
    owners: Vec<Address>,
    staker: Address,
}

/// Proves a run, of a number and by the people of a seed, who take position at the opening of the first grid. Played with the engine's look at everyone at every price it must be the same:
/// nobody who is unhealthy is passed over. Played through the program's bytecode, action by action, each must be accepted or refused as
/// the engine did, and in the end market and accounts must have the engine's bytes. Returns its figures, and how many actions were
/// compared.
pub fn prove(
    bytecode: &[u8],
    scenario: &Scenario,
    (opening, grid): (&Grid, &Grid),
    extremes: &[(f64, f64)],
    (people, number): (u64, u64),
) -> Result<(Figures, usize)> {
    let cast = Cast::new(scenario, opening, extremes, people, true)?;
    let (figures, run) = play(scenario, &cast, grid, number)?;
    let (thorough, looked_at) = play_thoroughly(scenario, &cast, grid, number)?;
    ensure!(
        figures == thorough && run.journal == looked_at.journal,
        "somebody was passed over: {figures:?}, and {thorough:?} with a look at everyone"
    );
    let compared = replay(bytecode, scenario, grid, &run)?;
    Ok((figures, compared))
}

/// Plays the journal of a run through the program's bytecode, and compares.
fn replay(bytecode: &[u8], scenario: &Scenario, grid: &Grid, run: &Chain) -> Result<usize> {
    let journal = run.journal.as_ref().context("the run has kept no journal")?;
    let opening = &grid.bars[0];
    let listed: Vec<_> = grid.assets.iter().zip(opening).map(|(asset, bar)| asset.listed_at(bar.open)).collect();
    let mut world = World::new(bytecode, &listed, opening[0].time - 1)?;
    world.create_market(from_engine(&run.view.market.authority), scenario.policy, &scenario.phases)?;
    let staker = Address::new_from_array(*b"ballast demo staker of insurance");
    let mut proof = Proof { world, owners: Vec::new(), staker };
    for reserve in 0..listed.len() as u8 {
        proof.world.open_stake(staker, reserve)?;
    }
    for (number, entry) in journal.iter().enumerate() {
        proof.world.set_time(entry.time);
        let refusal = proof.act(&entry.action)?;
        ensure!(
            refusal == entry.refusal,
            "action {number}, {:?}: the engine says {:?}, the bytecode {refusal:?}",
            entry.action,
            entry.refusal
        );
    }
    let market = proof.world.market()?;
    ensure!(
        encode_market(&market) == encode_market(&run.view),
        "the market of the bytecode differs from the engine's: {market:?} and {:?}",
        run.view
    );
    for (index, (owner, account)) in proof.owners.iter().zip(&run.accounts).enumerate() {
        let (margin, _) = margin_address(&market.address, owner, 0);
        let played = proof.world.margin_account(&margin)?;
        ensure!(
            encode_margin_account(&played) == encode_margin_account(account),
            "account {index} of the bytecode differs from the engine's: {played:?} and {account:?}"
        );
    }
    Ok(journal.len())
}

impl Proof {
    /// A token account of someone that holds plenty.
    fn purse(&mut self, owner: Address, reserve: u8) -> Result<Address> {
        let mut bytes = owner.to_bytes();
        bytes[0] ^= 1 + reserve;
        let purse = Address::new_from_array(bytes);
        self.world.set_tokens(purse, reserve as usize, owner, PLENTY)?;
        Ok(purse)
    }

    /// Does what the engine did; what it is refused with.
    fn act(&mut self, action: &Action) -> Result<Option<Error>> {
        let market = self.world.market()?;
        let (operation, instruction) = match action {
            Action::Publish(updates) => {
                self.world.publish(updates)?;
                return Ok(None);
            }
            Action::Open(owner) => {
                self.world.open_account(&market, *owner)?;
                self.owners.push(*owner);
                return Ok(None);
            }
            Action::Stake(reserve, amount) => {
                let purse = self.purse(self.staker, *reserve)?;
                ("stake", market.stake(self.staker, self.staker, purse, *reserve, *amount)?)
            }
            Action::Deposit(index, reserve, amount) => {
                let (owner, margin, purse) = self.party(&market, *index, *reserve)?;
                ("deposit", market.deposit(owner, margin, purse, *reserve, *amount)?)
            }
            Action::Withdraw(index, reserve, amount) => {
                let (owner, margin, purse) = self.party(&market, *index, *reserve)?;
                ("withdraw", market.withdraw(owner, margin, purse, *reserve, *amount)?)
            }
            Action::Borrow(index, reserve, amount) => {
                let (owner, margin, purse) = self.party(&market, *index, *reserve)?;
                ("borrow", market.borrow(owner, margin, purse, *reserve, *amount)?)
            }
            Action::Repay(index, reserve, amount) => {
                let (owner, margin, purse) = self.party(&market, *index, *reserve)?;
                ("repay", market.repay(owner, margin, purse, *reserve, *amount)?)
            }
            Action::Liquidate(index, order) => {
                let LiquidationOrder { debt, collateral, .. } = *order;
                let (_, margin, _) = self.party(&market, *index, debt)?;
                let (source, destination) = (self.purse(self.staker, debt)?, self.purse(self.staker, collateral)?);
                ("liquidate", market.liquidate(self.staker, margin, source, destination, *order)?)
            }
            Action::Settle(index, reserve) => {
                let (_, margin, _) = self.party(&market, *index, *reserve)?;
                ("settle bad debt", market.settle_bad_debt(margin, *reserve)?)
            }
        };
        Ok(match self.world.send(operation, instruction)? {
            Outcome::Done(_) => None,
            Outcome::Refused(error) => Some(error),
        })
    }

    /// An account's owner, its address, and a purse of the owner's.
    fn party(&mut self, market: &MarketView, index: usize, reserve: u8) -> Result<(Address, Address, Address)> {
        let owner = self.owners[index];
        let purse = self.purse(owner, reserve)?;
        Ok((owner, market.margin_account(&owner, 0), purse))
    }
}
