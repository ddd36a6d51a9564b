//! A vault with a part in a pool, of which every instruction would succeed.

use ballast_client::{Address, Instruction, VaultView, from_engine, to_engine};
use ballast_engine::{
    number::units::Bps,
    state::vault::{AllocationConfig, Vault},
};
use ballast_tests::{USD, World, vault_config};

const SLOT: u8 = 0;

/// The vault and its curator.
#[derive(Clone, Copy, Debug)]
pub struct PoolVaultInstructions {
    vault: Address,
    curator: Address,
}

impl PoolVaultInstructions {
    /// A vault of a reserve's token whose only allocation is a pool of the market at hand, with a deposit that has been there for an
    /// hour.
    pub fn new(world: &mut World, reserve: u8, pool: u8) -> Self {
        let [curator, holder] = ["pool curator", "pool holder"].map(|name| world.key(name));
        let mut config = vault_config();
        let (market, cap, share_cap) = (to_engine(&world.market), 1 << 60, Bps(10_000));
        config.allocations[SLOT as usize] =
            AllocationConfig { market, cap, share_cap, pool, ..AllocationConfig::default() };
        (config.launched, config.roles.fee_collector) = (1, to_engine(&curator));
        let record = world.reserve(reserve);
        let token = (from_engine(&record.mint), from_engine(&record.token_program));
        let (create, vault) = VaultView::create(curator, 0, config, token, world.fund(&curator, reserve, Vault::SEED));
        world.send(&[create]).expect_ok();
        let open = world.vault(&vault).open_allocation(SLOT).expect("a slot");
        let (source, shares) = (world.fund(&holder, reserve, 10_000 * USD), world.shares(&vault, &holder));
        world.send(&[open]).expect_ok();
        let deposit = world.vault(&vault).deposit(holder, source, shares, 10_000 * USD, 0);
        world.send(&[deposit]).expect_ok();
        world.advance(3_600);
        Self { vault, curator }
    }

    /// Before the pool's delay: shares are bought and asked for. Prices must be recent.
    pub fn ask(&self, world: &mut World) {
        let deposit = world.vault(&self.vault).pool_deposit(self.curator, SLOT, 1_000 * USD);
        world.send(&[deposit]).expect_ok();
        let view = world.vault(&self.vault);
        let shares = view.vault.allocations[SLOT as usize].shares.0;
        world.send(&[view.pool_request(self.curator, SLOT, shares / 2)]).expect_ok();
    }

    /// The instructions, in the order of their tags.
    pub fn valid(&self, world: &World) -> [Instruction; 3] {
        let view = world.vault(&self.vault);
        [
            view.pool_deposit(self.curator, SLOT, USD),
            view.pool_request(self.curator, SLOT, 1_000),
            view.pool_withdraw(self.curator, SLOT),
        ]
    }
}
