//! A vault over a market in which every instruction of vaults would succeed.

use ballast_client::{Address, Instruction, TOKEN_PROGRAM, VaultView, from_engine, to_engine};
use ballast_engine::{
    number::units::Bps,
    state::vault::{AllocationConfig, Vault, VaultConfig, VaultRoles},
};
use ballast_tests::{Outcome, Token, USD, World, market_config, reserve_config, vault_config};

const DAY: i64 = 86_400;

/// The vault, and who has what of it.
#[derive(Clone, Copy, Debug)]
pub struct VaultInstructions {
    pub vault: Address,
    /// The reserve of its token in the market at hand.
    reserve: u8,
    /// Its curator and fee collector, with tokens to create another.
    curator: Address,
    /// Has shares and tokens, and neither a request nor a term.
    holder: Address,
    /// Has been served, and can claim.
    claimant: Address,
    /// Is first in the queue.
    first: Address,
    /// Is behind it.
    waiting: Address,
    /// Has a term that is over.
    over: Address,
    /// Has a term that is not.
    locked: Address,
    /// The maturity of new terms.
    maturity: i64,
}

impl VaultInstructions {
    /// A vault with an open allocation in the market at hand, one in another market that is not open, and a term of two days.
    pub fn new(world: &mut World, reserve: u8) -> Self {
        let [curator, holder, claimant, first, waiting, over, locked] =
            ["curator", "holder", "claimant", "first", "waiting", "over", "locked"].map(|name| world.key(name));
        let here = world.market;
        world.market = world.create_market(1_000, market_config());
        world.list(Token::new("USD", 6, 1.0), reserve_config());
        let other = std::mem::replace(&mut world.market, here);
        let record = world.reserve(reserve);
        let token = (from_engine(&record.mint), from_engine(&record.token_program));
        let source = world.fund(&curator, reserve, 10 * Vault::SEED);
        let config = policy(curator, [here, other]);
        let (create, vault) = VaultView::create(curator, 0, config, token, source);
        world.send(&[create]).expect_ok();
        let open = world.vault(&vault).open_allocation(0).expect("a slot");
        world.send(&[open]).expect_ok();
        let this = Self { vault, reserve, curator, holder, claimant, first, waiting, over, locked, maturity: 0 };
        for owner in [holder, claimant, first, waiting, over, locked] {
            let (source, shares) = (world.fund(&owner, reserve, 20_000 * USD), world.shares(&vault, &owner));
            let deposit = world.vault(&vault).deposit(owner, source, shares, 10_000 * USD, 0);
            world.send(&[deposit]).expect_ok();
        }
        let maturity = (world.now() / DAY + 2) * DAY;
        this.lock(world, over, maturity).expect_ok();
        this
    }

    fn lock(&self, world: &mut World, owner: Address, maturity: i64) -> Outcome {
        let (shares, payer) = (world.shares(&self.vault, &owner), world.payer);
        let lock = world.vault(&self.vault).lock_term(owner, payer, 0, shares, 1_000 * USD, maturity);
        world.send(&[lock])
    }

    /// Lends what is idle; the market's prices must be recent.
    pub fn lend(&self, world: &mut World) {
        let view = world.vault(&self.vault);
        let found = view.next_move(world.now()).expect("a move");
        let reward = world.shares(&self.vault, &self.holder);
        let rebalance = view.rebalance(&found, reward).expect("its market");
        world.send(&[rebalance]).expect_ok();
    }

    /// Some are put into the queue, one of whom is served; one locks; and a deposit waits to be lent. What was lent before must have
    /// been for the vault's interval.
    pub fn prepare(&mut self, world: &mut World) {
        for owner in [self.claimant, self.first, self.waiting] {
            let (shares, payer) = (world.shares(&self.vault, &owner), world.payer);
            let request = world.vault(&self.vault).request_exit(owner, payer, shares, 100 * USD, 0);
            world.send(&[request]).expect_ok();
        }
        let serve = world.vault(&self.vault).serve_exit(0).expect("somebody waits");
        world.send(&[serve]).expect_ok();
        let ahead = world.now() / DAY * DAY;
        self.lock(world, self.locked, ahead + 3 * DAY).expect_ok();
        self.maturity = ahead + 5 * DAY;
        let (source, shares) = (world.tokens(&self.holder, self.reserve), world.shares(&self.vault, &self.holder));
        let deposit = world.vault(&self.vault).deposit(self.holder, source, shares, 5_000 * USD, 0);
        world.send(&[deposit]).expect_ok();
    }

    /// The instructions, in the order of their tags.
    pub fn valid(&self, world: &mut World) -> Vec<Instruction> {
        let Self { vault, reserve, curator, holder, claimant, waiting, over, locked, .. } = *self;
        let accounts = |world: &mut World, owner| (world.shares(&vault, &owner), world.tokens(&owner, reserve));
        let [(shares, tokens), (waiting_shares, _), (locked_shares, _), (fee_shares, source)] =
            [holder, waiting, locked, curator].map(|owner| accounts(world, owner));
        let (_, claimed) = accounts(world, claimant);
        let (view, payer) = (world.vault(&vault), world.payer);
        let token = (from_engine(&view.vault.mint), from_engine(&view.vault.token_program));
        assert_eq!(token.1, TOKEN_PROGRAM);
        let found = view.next_move(world.now()).expect("a move is due");
        let from = view.all_slots();
        // More than is idle, so that the market pays too.
        let much = view.vault.idle + 1_000 * USD;
        vec![
            view.open_allocation(1).expect("a slot"),
            view.deposit(holder, tokens, shares, USD, 0),
            view.mint(holder, tokens, shares, USD, u64::MAX),
            view.redeem(holder, shares, tokens, much, 0, from),
            view.withdraw(holder, shares, tokens, much, u64::MAX, from),
            view.rebalance(&found, shares).expect("its market"),
            VaultView::create(curator, 1, view.vault.config, token, source).0,
            view.request_exit(holder, payer, shares, USD, 0),
            view.serve_exit(from).expect("somebody waits"),
            view.cancel_exit(waiting, waiting_shares, payer),
            view.claim_exit(claimant, claimed, payer),
            view.lock_term(holder, payer, 0, shares, USD, self.maturity),
            view.free_term(view.term(&over, 0)),
            view.end_term(locked, 0, locked_shares, true, payer),
            view.collect_fees(curator, fee_shares),
            view.read(),
        ]
    }
}

/// What fees and terms need, and allocations in some markets. The reserve of the market at hand is hardly lent out, so no gain is too
/// little.
fn policy(curator: Address, markets: [Address; 2]) -> VaultConfig {
    let mut config = vault_config();
    config.roles = VaultRoles { fee_collector: to_engine(&curator), ..VaultRoles::default() };
    for (allocation, market) in config.allocations.iter_mut().zip(markets) {
        let (market, cap, share_cap) = (to_engine(&market), 1 << 60, Bps(10_000));
        *allocation = AllocationConfig { market, cap, share_cap, ..AllocationConfig::default() };
    }
    (config.term_spacing, config.management_fee, config.min_gain) = (DAY as u32, Bps(100), Bps(0));
    config.launched = 1;
    config
}
