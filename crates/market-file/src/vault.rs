//! The steps that make the vault of a file. As for a market, the engine carries out each step on a copy, and a step that the
//! program would refuse is refused here.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, Instruction, MarketView, ParameterInfo, VaultView,
    engine::{
        self,
        state::{
            change::OF_VAULT,
            token::{Mint, Transfers},
            vault::{AllocationConfig, Vault, VaultConfig},
        },
    },
    from_engine, parameters, to_engine,
};
use ballast_rpc::{Cluster, now};
use solana_account::Account;

use crate::{
    Plan, PlannedTransaction,
    file::DesiredVault,
    state::{find_market, find_vault},
    value::show,
};

/// All that a plan depends on.
pub struct VaultState {
    /// The vault, if it exists.
    pub vault: Option<VaultView>,
    /// The mint's account.
    pub mint: Option<Account>,
    /// The markets that the file names and that are there.
    pub markets: Vec<MarketView>,
    /// Unix seconds.
    pub now: i64,
}

impl VaultState {
    /// Reads it.
    pub fn read(cluster: &mut dyn Cluster, desired: &DesiredVault) -> Result<Self> {
        let vault = find_vault(cluster, desired.address())?;
        let mint = cluster.account(desired.token.mint)?;
        let named = desired.config.allocations.iter().map(|allocation| allocation.market);
        let mut markets = Vec::new();
        for market in named.filter(|market| !market.is_none()) {
            markets.extend(find_market(cluster, from_engine(&market))?);
        }
        Ok(Self { vault, mint, markets, now: now(cluster)? })
    }
}

/// Where the first atoms come from: the creator's token account, and what makes sure that it has them.
pub struct Seed {
    /// The token account.
    pub source: Address,
    /// What is sent before.
    pub before: Vec<Instruction>,
}

/// Plans the steps from nothing to the vault: it is made, its allocations are opened, its curator accepts, and it is launched if the
/// file says so. Of a vault that is there, the steps that are missing. What its policy has otherwise than the file is a warning.
pub fn plan_vault(desired: &DesiredVault, state: &VaultState, seed: &Seed) -> Result<Plan> {
    let mint = desired.token.check(state.mint.as_ref())?;
    let mut planner = Planner { desired, state, vault: Vault::default(), plan: Plan::default() };
    match &state.vault {
        Some(view) => {
            planner.vault = view.vault;
            planner.compare()?;
        }
        None => planner.create(&mint, seed)?,
    }
    planner.open()?;
    planner.hand_over_and_launch()?;
    Ok(planner.plan)
}

struct Planner<'a> {
    desired: &'a DesiredVault,
    state: &'a VaultState,
    /// The vault as the steps so far leave it.
    vault: Vault,
    plan: Plan,
}

fn refused(what: &str) -> impl FnOnce(engine::Error) -> anyhow::Error + '_ {
    move |error| anyhow!("{what}: {}: {}", error.name(), error.message())
}

impl Planner<'_> {
    fn step(&mut self, words: Vec<String>, signer: Address, instructions: Vec<Instruction>) {
        self.plan.steps.push(PlannedTransaction { words, signer, from: None, instructions });
    }

    fn view(&self) -> VaultView {
        VaultView::new(self.desired.address(), self.vault, [])
    }

    /// The policy with which it is made: the creator governs it until the file's curator accepts.
    fn first_policy(&self) -> VaultConfig {
        let mut config = self.desired.config;
        if self.desired.curator != self.desired.creator {
            config.roles.nominee = to_engine(&self.desired.curator);
        }
        config
    }

    fn create(&mut self, mint: &Mint, seed: &Seed) -> Result<()> {
        let DesiredVault { creator, id, ref token, .. } = *self.desired;
        let config = self.first_policy();
        (self.vault.curator, self.vault.mint) = (to_engine(&creator), to_engine(&token.mint));
        let transfers = if mint.fees.is_some() { Transfers::WithFee } else { Transfers::Plain };
        (self.vault.decimals, self.vault.transfers) = (mint.decimals, transfers as u8);
        self.vault.open(&config, self.state.now).map_err(refused("the vault"))?;
        let (create, address) = VaultView::create(creator, id, config, (token.mint, token.program), seed.source);
        let seeded = format!("{} atoms that are nobody's", Vault::SEED);
        let words = vec![format!("create vault {address} of {}, with {seeded}", token.name)];
        self.step(words, creator, [&seed.before[..], &[create]].concat());
        Ok(())
    }

    /// Opens what the policy names.
    fn open(&mut self) -> Result<()> {
        let (mut words, mut instructions) = (Vec::new(), Vec::new());
        for slot in 0..self.vault.config.allocations.len() {
            let AllocationConfig { market, pool, .. } = self.vault.config.allocations[slot];
            if market.is_none() || self.vault.allocations[slot].is_open != 0 {
                continue;
            }
            let address = from_engine(&market);
            let found = self.state.markets.iter().find(|view| view.address == address);
            let found = found.with_context(|| format!("allocation {slot}: there is no market {address}"))?;
            let opened = self.vault.open_allocation(slot as u8, &market, &found.reserves, self.state.now);
            let place = if pool == 0 { String::new() } else { format!("pool #{pool} ") };
            let place = format!("allocation {slot}, {place}of market {address}");
            opened.map_err(refused(&place))?;
            instructions.push(self.view().open_allocation(slot as u8).map_err(refused("allocation"))?);
            words.push(format!("open {place}"));
        }
        if !words.is_empty() {
            // Anyone may.
            self.step(words, self.desired.creator, instructions);
        }
        Ok(())
    }

    fn hand_over_and_launch(&mut self) -> Result<()> {
        let DesiredVault { curator, launch, .. } = *self.desired;
        let heir = to_engine(&curator);
        if self.vault.curator != heir && self.vault.config.roles.nominee == heir {
            let accept = self.view().accept_curator(curator);
            self.vault.accept_curator(&heir, &mut |_, _| ()).map_err(refused("the curator"))?;
            self.step(vec![format!("accept the office of curator, as {curator}")], curator, vec![accept]);
        }
        match (self.vault.config.launched != 0, launch) {
            (false, true) => {
                let info = launch_parameter()?;
                let edits = [&info.parameter.offset.to_le_bytes()[..], &[1]].concat();
                let signer = from_engine(&self.vault.curator);
                let set = self.view().set_parameters(signer, edits);
                self.step(vec!["launch".into()], signer, vec![set]);
            }
            (true, false) => self.plan.warnings.push("the vault has been launched, which cannot be undone".into()),
            _ => (),
        }
        Ok(())
    }

    /// Tells what a vault that is there has otherwise than its file.
    fn compare(&mut self) -> Result<()> {
        let DesiredVault { token, config, .. } = self.desired;
        ensure!(
            self.vault.mint == to_engine(&token.mint),
            "the vault {} lends {}, and its file says {}",
            self.desired.address(),
            from_engine(&self.vault.mint),
            token.mint
        );
        let (now, wanted) = (bytemuck::bytes_of(&self.vault.config), bytemuck::bytes_of(config));
        for info in parameters(OF_VAULT) {
            let [old, new] = [now, wanted].map(|record| info.parameter.of(record));
            // These two follow from the steps.
            if old == new || ["launched", "roles.nominee"].contains(&info.name.as_str()) {
                continue;
            }
            let [old, new] = [old, new].map(|bytes| show(&info, bytes, token.decimals));
            self.plan.warnings.push(format!("{} is {old}, and {new} in the file", info.name));
        }
        Ok(())
    }
}

fn launch_parameter() -> Result<ParameterInfo> {
    let launched = parameters(OF_VAULT).into_iter().find(|info| info.name == "launched");
    launched.context("a vault without a launch")
}

#[cfg(test)]
mod tests;
