//! The vault's lenders, and its keeper.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, Event, VaultView,
    engine::{number::units::Shares, state::vault::ExitRequest},
};
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha12Rng;

use super::{
    record::{Leaver, Payment, VaultRecord},
    run::wish,
};
use crate::world::{Outcome, World};

/// Lenders of the vault.
pub const LENDERS: usize = 100;
/// The most moves, and payments to the queue, that the keeper makes in a turn.
const TRIES: usize = 64;

/// Who makes the vault's moves and serves its queue, with nothing but what anyone may send.
pub(super) struct Keeper {
    vault: Address,
    /// Where its rewards go.
    pub shares: Address,
}

/// A lender of the vault.
pub(super) struct Lender {
    owner: Address,
    /// Its token account.
    wallet: Address,
    /// Its account of the vault's shares.
    pub shares: Address,
    /// Seconds after the beginning of a run when it wants to leave; none: it stays.
    pub wants: Option<i64>,
    /// What came of that.
    leaver: Option<Leaver>,
}

fn address(rng: &mut ChaCha12Rng) -> Address {
    Address::new_from_array(rng.random())
}

/// Draws the lenders, of whom the largest has six times the least, and who bring so many atoms together. They stand in line by
/// chance, and who wants to leave, and when, follows from the place.
pub(super) fn draw(
    rng: &mut ChaCha12Rng,
    world: &mut World,
    vault: Address,
    reserve: usize,
    atoms: u64,
) -> Result<Vec<Lender>> {
    let weights: Vec<f64> = (0..LENDERS).map(|_| 0.2 + rng.random::<f64>()).collect();
    let all: f64 = weights.iter().sum();
    let mut line: Vec<_> = (0..LENDERS).collect();
    line.shuffle(rng);
    let mut wants = [None; LENDERS];
    let mut before = 0.0;
    for lender in line {
        wants[lender] = wish(before / all);
        before += weights[lender];
    }
    let mut lenders = Vec::new();
    for (weight, wants) in weights.iter().zip(wants) {
        let (owner, wallet, shares) = (address(rng), address(rng), address(rng));
        let view = world.vault(&vault)?;
        let amount = (atoms as f64 * weight / all) as u64;
        world.set_tokens(wallet, reserve, owner, amount)?;
        world.open_shares(&view, shares, owner)?;
        world.run("deposit in the vault", view.deposit(owner, wallet, shares, amount, 0))?;
        lenders.push(Lender { owner, wallet, shares, wants, leaver: None });
    }
    Ok(lenders)
}

impl Keeper {
    /// A keeper of a vault.
    pub fn new(rng: &mut ChaCha12Rng, world: &mut World, vault: Address) -> Result<Self> {
        let (owner, shares) = (address(rng), address(rng));
        world.open_shares(&world.vault(&vault)?, shares, owner)?;
        Ok(Self { vault, shares })
    }

    /// Makes the moves that the engine finds, and pays the queue as long as something is to be had.
    pub fn act(&self, world: &mut World, lenders: &mut [Lender], record: &mut VaultRecord) -> Result<()> {
        for _ in 0..TRIES {
            let view = world.vault(&self.vault)?;
            let Ok(found) = view.next_move(world.now) else { break };
            let Outcome::Done(_) = world.send("rebalance", view.rebalance(&found, self.shares)?)? else { break };
            record.moves += 1;
        }
        for _ in 0..TRIES {
            let view = world.vault(&self.vault)?;
            if view.vault.queue.first().is_none() {
                break;
            }
            let serve = view.serve_exit(view.all_slots())?;
            let Outcome::Done(events) = world.send("serve exit", serve)? else { break };
            let served = events.iter().find_map(|event| match event {
                Event::ExitServed(served) => Some(served),
                _ => None,
            });
            let served = served.context("a request is served and no event says so")?;
            let lender = lenders.iter_mut().find(|lender| view.exit_request(&lender.owner) == served.account);
            let leaver = lender.and_then(|lender| lender.leaver.as_mut()).context("the request of nobody is served")?;
            let (shares, amount, fee) = (served.shares, served.amount, served.fee);
            leaver.payments.push(Payment { time: world.now, shares, amount, fee });
        }
        Ok(())
    }
}

impl Lender {
    /// Its request, if it has made one.
    pub fn request(&self, world: &World, view: &VaultView) -> Result<Option<ExitRequest>> {
        if self.leaver.is_some() { world.exit_request(view, &self.owner) } else { Ok(None) }
    }

    /// Takes what was paid, redeems what is liquid, and waits in the queue for the rest. `since` is when it came to want that.
    pub fn leave(&mut self, world: &mut World, vault: &Address, since: i64) -> Result<()> {
        let mut view = world.vault(vault)?;
        let held = world.tokens(&self.shares);
        let vaults = view.at(world.now);
        let worth = vaults.vault.worth(Shares(held), &vaults.valuation);
        let leaver = self.leaver.get_or_insert_with(|| Leaver::new(since, held, worth));
        if leaver.is_out() && leaver.is_settled {
            return Ok(());
        }
        if held > 0 {
            self.redeem(world, vault, held)?;
        }
        let view = world.vault(vault)?;
        let request = self.request(world, &view)?;
        if request.is_some_and(|request| request.claim > 0) {
            world.claim_exit(&view, self.owner, self.wallet)?;
        }
        if let Some(leaver) = &mut self.leaver {
            leaver.is_settled = leaver.is_out();
        }
        Ok(())
    }

    /// Redeems what is liquid, and asks for the rest.
    fn redeem(&mut self, world: &mut World, vault: &Address, held: u64) -> Result<()> {
        let mut view = world.vault(vault)?;
        let from = view.all_slots();
        let vaults = view.at(world.now);
        let most = vaults.max_redeem(Shares(held), from);
        // A part of it is worth the trouble if a request for it would be.
        let is_worth_it = vaults.vault.worth(most, &vaults.valuation) >= vaults.least_request();
        let mut rest = held;
        if most.0 == held || is_worth_it {
            let redeem = view.redeem(self.owner, self.shares, self.wallet, most.0, 0, from);
            if let Outcome::Done(events) = world.send("redeem", redeem)? {
                let redeemed = events.iter().find_map(|event| match event {
                    Event::VaultRedeemed(redeemed) => Some(redeemed),
                    _ => None,
                });
                let redeemed = redeemed.context("shares are redeemed and no event says so")?;
                let (shares, amount, fee) = (redeemed.shares, redeemed.amount, redeemed.fee);
                ensure!(shares == most.0, "{shares} shares were redeemed, of {}", most.0);
                let payment = Payment { time: world.now, shares, amount, fee };
                self.leaver.iter_mut().for_each(|leaver| leaver.payments.push(payment));
                rest -= shares;
            }
        }
        // Where the queue takes no more, it is tried again in the next turn.
        if rest > 0 {
            let view = world.vault(vault)?;
            if self.request(world, &view)?.is_none_or(|request| request.shares == Shares::ZERO) {
                world.request_exit(&view, self.owner, self.shares, rest)?;
            }
        }
        Ok(())
    }

    /// What came of its wish, if it had one, when all is over: it has what it was paid, and shares for the rest.
    pub fn close(self, world: &World, view: &VaultView) -> Result<Option<Leaver>> {
        let request = self.request(world, view)?.unwrap_or_default();
        let Some(mut leaver) = self.leaver else { return Ok(None) };
        let paid: u64 = leaver.payments.iter().map(|payment| payment.amount).sum();
        let got = world.tokens(&self.wallet) + request.claim;
        ensure!(paid == got, "a lender was paid {paid} atoms and has {got}");
        let left = world.tokens(&self.shares) + request.shares.0;
        ensure!(left == leaver.shares - leaver.shares_out(i64::MAX), "a lender who leaves has {left} shares too many");
        let mut copy = view.clone();
        let vaults = copy.at(world.now);
        leaver.left = vaults.vault.worth(Shares(left), &vaults.valuation);
        Ok(Some(leaver))
    }
}
