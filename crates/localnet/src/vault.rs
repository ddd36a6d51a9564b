//! The vault of the network: made from a file as `ballast vault create` makes one on any other, with depositors.

use anyhow::{Context, Result, ensure};
use ballast_client::{Address, Instruction, VaultView, engine::state::token::balance};
use ballast_market_file::{
    DesiredVault,
    state::find_vault,
    vault::{Seed, VaultState, plan_vault},
};
use solana_account::Account;

use crate::{
    chain::Handle,
    keys,
    manifest::holding,
    market::{Local, Reserve},
    tokens::{associated, create_associated},
};

/// The development vault.
pub const FILE: &str = include_str!("../vault.toml");
/// The file that it extends.
const BASE: &str = include_str!("../../../migrations/vault.toml");

/// What depositors bring, whole tokens. Their keys are named "depositor 0" and so on.
pub const DEPOSITS: [u64; 3] = [1_000_000, 400_000, 100_000];
/// Who has locked half of his shares, and which of the next maturities are before his.
pub const LOCKED: (usize, usize) = (1, 1);
/// Who waits in the queue with half of his shares.
pub const WAITING: usize = 2;
/// For fees and rents, lamports.
const PURSE: u64 = 1_000_000_000;

/// Reads [`FILE`].
pub fn read() -> Result<DesiredVault> {
    DesiredVault::parse(FILE, BASE)
}

/// Makes the vault of [`FILE`], with depositors. Returns its address; none if the network's market is not the one that it lends to, or
/// does not list its token. What it has is idle until somebody rebalances: what was brought just now is lent only little by little.
pub fn create(chain: &Handle, market: Address, reserves: &[Reserve]) -> Result<Option<Address>> {
    let desired = read().context("the vault's file")?;
    let lent = reserves.iter().find(|reserve| reserve.mint == desired.token.mint);
    let is_named = desired.config.allocations[0].market.0 == market.to_bytes();
    let Some(reserve) = lent.filter(|_| is_named) else { return Ok(None) };
    make(chain, &desired)?;
    let place = Place { chain, vault: desired.address(), reserve };
    for (index, amount) in DEPOSITS.into_iter().enumerate() {
        place.deposit(index, amount).with_context(|| format!("depositor {index}"))?;
    }
    place.lock().context("a term")?;
    place.wait().context("a request")?;
    place.welcome_keepers().context("the keepers' shares")?;
    Ok(Some(place.vault))
}

/// Makes it, whole.
fn make(chain: &Handle, desired: &DesiredVault) -> Result<()> {
    let curator = keys::keypair("curator");
    let steps = |cluster: &mut Local| -> Result<_> {
        let source = associated(&desired.creator, &desired.token.mint);
        let state = VaultState::read(cluster, desired)?;
        Ok(plan_vault(desired, &state, &Seed { source, before: Vec::new() })?.steps)
    };
    let cluster = &mut Local(chain);
    for step in steps(cluster)? {
        chain.send(&step.instructions, &[&curator]).with_context(|| step.words.join("; "))?;
    }
    let words: Vec<_> = steps(cluster)?.into_iter().flat_map(|step| step.words).collect();
    ensure!(words.is_empty(), "the vault cannot be made at once: {}", words.join("; "));
    Ok(())
}

/// The vault as it is.
pub fn view(chain: &Handle, address: Address) -> Result<VaultView> {
    find_vault(&mut Local(chain), address)?.with_context(|| format!("there is no vault {address}"))
}

struct Place<'a> {
    chain: &'a Handle,
    vault: Address,
    reserve: &'a Reserve,
}

impl Place<'_> {
    fn deposit(&self, index: usize, amount: u64) -> Result<()> {
        let (name, vault) = (name(index), view(self.chain, self.vault)?);
        let owner = keys::address(&name);
        let purse = (owner, Account { lamports: PURSE, ..Account::default() });
        self.chain.write(vec![purse, holding(&owner, self.reserve, amount)])?;
        let (source, shares) = (associated(&owner, &self.reserve.mint), associated(&owner, &vault.share_mint()));
        let atoms = amount * self.reserve.asset.unit();
        let deposit = vault.deposit(owner, source, shares, atoms, 1);
        self.send(index, &[create_associated(&owner, &vault.share_mint()), deposit])
    }

    /// Locks half of a depositor's shares.
    fn lock(&self) -> Result<()> {
        let (index, ahead) = LOCKED;
        let (vault, owner, shares, half) = self.half(index)?;
        let maturity = *vault.maturities(self.chain.now()).get(ahead).context("no such maturity")?;
        self.send(index, &[vault.lock_term(owner, owner, 0, shares, half, maturity)])
    }

    /// Puts half of a depositor's shares into the queue, until somebody serves it.
    fn wait(&self) -> Result<()> {
        let (vault, owner, shares, half) = self.half(WAITING)?;
        self.send(WAITING, &[vault.request_exit(owner, owner, shares, half, 0)])
    }

    /// Gives keepers empty accounts of shares: the rewards of so small a market would not pay for them.
    fn welcome_keepers(&self) -> Result<()> {
        let mint = view(self.chain, self.vault)?.share_mint();
        for name in ["keeper", "second keeper"] {
            let key = keys::keypair(name);
            self.chain.send(&[create_associated(&keys::address(name), &mint)], &[&key])?;
        }
        Ok(())
    }

    /// The vault, a depositor, where his shares are, and half of them.
    fn half(&self, index: usize) -> Result<(VaultView, Address, Address, u64)> {
        let (vault, owner) = (view(self.chain, self.vault)?, keys::address(&name(index)));
        let shares = associated(&owner, &vault.share_mint());
        let held = self.chain.account(&shares)?.and_then(|account| balance(&account.data));
        Ok((vault, owner, shares, held.context("no shares")? / 2))
    }

    fn send(&self, index: usize, instructions: &[Instruction]) -> Result<()> {
        self.chain.send(instructions, &[&keys::keypair(&name(index))]).map(|_| ())
    }
}

/// What a depositor's key is made from.
pub fn name(index: usize) -> String {
    format!("depositor {index}")
}
