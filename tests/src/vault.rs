//! A vault over several markets: what tests of vaults start from.

use ballast_client::{
    Address, Instruction, MarketView, TOKEN_PROGRAM, VaultView, decode_exit_request, decode_term_deposit, decode_vault,
    decode_vault_report, instruction as ix, to_engine,
};
use ballast_engine::{
    number::units::Bps,
    state::{
        change::{OF_PERP, OF_POOL},
        vault::{AllocationConfig, ExitRequest, TermDeposit, Vault, VaultConfig, VaultRoles},
    },
    vaults::{rebalance::Move, report::VaultReport},
};

use crate::{
    config::{market_config, reserve_config},
    market::{Token, User},
    outcome::Outcome,
    perp::{perp_config, pool_config},
    scene::{SOL, USD},
    token::{associated_token_account, token_account_data},
    world::World,
};

/// Coverage 100 %, no fees, 5 % idle, no exit fee, an hour between rebalances, no terms. Not launched, without allocations.
pub fn vault_config() -> VaultConfig {
    VaultConfig {
        roles: VaultRoles::default(),
        deposit_cap: 1 << 60,
        min_amount: 1,
        reward_cap: 10 * USD,
        delay: 691_200,
        interval: 3_600,
        unlock: 86_400,
        coverage_target: Bps(10_000),
        runoff_day: Bps(1_400),
        runoff_days: Bps(3_300),
        cash_share: Bps(5_000),
        idle_buffer: Bps(500),
        max_utilisation: Bps(9_500),
        maturity_factor: Bps(10_000),
        min_gain: Bps(1),
        reward_share: Bps(1_000),
        round_share: Bps(2_500),
        early_penalty: Bps(100),
        ..VaultConfig::default()
    }
}

impl World {
    /// A vault with the markets of its open allocations, decoded; those that are none any more are left out.
    #[track_caller]
    pub fn vault(&self, address: &Address) -> VaultView {
        let vault = decode_vault(&self.account(address).data).expect("a vault");
        let markets = VaultView::market_addresses(&vault);
        let read = |market: &Address| MarketView::decode(*market, &self.account(market).data).ok();
        VaultView::new(*address, vault, markets.iter().filter_map(read))
    }

    /// An owner's account of a vault's shares, made if it is not there.
    #[track_caller]
    pub fn shares(&mut self, vault: &Address, owner: &Address) -> Address {
        let mint = self.vault(vault).share_mint();
        let address = associated_token_account(owner, &mint, &TOKEN_PROGRAM);
        if self.find_account(&address).is_none_or(|account| account.data.is_empty()) {
            self.write(address, TOKEN_PROGRAM, token_account_data(&mint, owner, 0, false));
        }
        address
    }
}

impl World {
    /// Lists a pool of reserve 0 and a perp on reserve 1 at the market's next two records. "pool owner" and "perp trader" have accounts.
    fn add_pool(&mut self) {
        let (owner, trader) = (self.user("pool owner"), self.user("perp trader"));
        self.supply(owner, USD_RESERVE, 200_000 * USD);
        self.supply(trader, USD_RESERVE, 50_000 * USD);
        let pool = self.list_record(OF_POOL, bytemuck::bytes_of(&pool_config())).expect("the pool");
        self.refresh_all();
        self.list_record(OF_PERP, bytemuck::bytes_of(&perp_config())).expect("the perp");
        self.refresh_all();
        let (market, amount) = (self.market, 200_000 * USD);
        self.send_one(ix::PoolDeposit { owner: owner.key, market, margin_account: owner.margin, pool, amount })
            .expect_ok();
    }
}

/// Markets of usd and sol, in each of which a trader owes usd, and a launched vault of usd with an allocation in each.
pub struct VaultScene {
    /// The world; its market at hand is the first.
    pub world: World,
    /// The markets, by slot.
    pub markets: Vec<Address>,
    /// In each, who has supplied usd and who owes it.
    pub users: Vec<(User, User)>,
    /// The vault.
    pub vault: Address,
    /// The usd's mint.
    pub mint: Address,
}

/// Reserve of usd in every market.
const USD_RESERVE: u8 = 0;
/// Reserve of sol.
const SOL_RESERVE: u8 = 1;

impl VaultScene {
    /// With so many markets: of a million usd each, of which 50 %, 55 %, 60 % … are lent.
    pub fn new(markets: usize) -> Self {
        Self::with(markets, vault_config())
    }

    /// The same with another policy, to which roles and allocations are added. Where it names pool 2 in a slot, the market of that slot
    /// has one with a perp on sol behind it, an owner with 200,000 usd in it, and a trader with 50,000 usd.
    pub fn with(count: usize, mut config: VaultConfig) -> Self {
        let mut world = World::new();
        let (mut markets, mut users) = (Vec::new(), Vec::new());
        for slot in 0..count {
            world.market = world.create_market(100 + slot as u16, market_config());
            let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
            let sol = world.list(Token::new("SOL", 9, 150.0), reserve_config());
            assert_eq!((usd, sol), (USD_RESERVE, SOL_RESERVE));
            let (lender, trader) = (world.user("lender"), world.user("trader"));
            world.supply(lender, usd, 1_000_000 * USD);
            world.supply(trader, sol, 20_000 * SOL);
            world.refresh_all();
            let lent = 500_000 + 50_000 * slot as u64;
            world.borrow(trader, usd, lent * USD).expect_ok();
            if config.allocations[slot].pool != 0 {
                world.add_pool();
            }
            markets.push(world.market);
            users.push((lender, trader));
        }
        let [curator, collector, sentinel] = ["curator", "collector", "sentinel"].map(|name| world.key(name));
        config.roles = VaultRoles {
            fee_collector: to_engine(&collector),
            sentinel: to_engine(&sentinel),
            ..VaultRoles::default()
        };
        for (allocation, market) in config.allocations.iter_mut().zip(&markets) {
            *allocation =
                AllocationConfig { market: to_engine(market), cap: 1 << 60, share_cap: Bps(10_000), ..*allocation };
        }
        config.launched = 1;
        world.market = markets[0];
        let mint = ballast_client::from_engine(&world.reserve(USD_RESERVE).mint);
        let source = world.fund(&curator, USD_RESERVE, Vault::SEED);
        let (create, vault) = VaultView::create(curator, 0, config, (mint, TOKEN_PROGRAM), source);
        world.send(&[create]).expect_ok();
        let mut scene = Self { world, markets, users, vault, mint };
        for slot in 0..count {
            let open = scene.view().open_allocation(slot as u8).expect("a slot");
            scene.world.send(&[open]).expect_ok();
        }
        scene.refresh();
        scene
    }

    /// A copy of everything, to go two ways from one state.
    pub fn fork(&self) -> Self {
        let Self { world, markets, users, vault, mint } = self;
        Self { world: world.fork(), markets: markets.clone(), users: users.clone(), vault: *vault, mint: *mint }
    }

    /// Publishes all prices of all markets now, each taken over.
    pub fn refresh(&mut self) {
        self.world.advance(1);
        for market in self.markets.clone() {
            self.world.market = market;
            for reserve in [USD_RESERVE, SOL_RESERVE] {
                let price = self.world.reserve(reserve).price;
                let quote = crate::price::Quote {
                    price: price.price as i64,
                    confidence: price.confidence,
                    exponent: price.exponent,
                    ema: price.ema_price as i64,
                };
                self.world.publish(reserve, quote);
            }
            self.world.refresh(&[USD_RESERVE, SOL_RESERVE]).expect_ok();
        }
        self.world.market = self.markets[0];
    }

    /// Lets time pass, and brings prices and interest of all markets up to date.
    pub fn pass(&mut self, seconds: i64) {
        self.world.advance(seconds - 1);
        self.refresh();
    }

    /// The vault, decoded.
    #[track_caller]
    pub fn vault(&self) -> Vault {
        decode_vault(&self.world.account(&self.vault).data).expect("a vault")
    }

    /// The vault with its markets, decoded.
    #[track_caller]
    pub fn view(&self) -> VaultView {
        self.world.vault(&self.vault)
    }

    /// An owner's account of the vault's shares, made if it is not there.
    #[track_caller]
    pub fn shares(&mut self, owner: &Address) -> Address {
        self.world.shares(&self.vault, owner)
    }

    /// How many shares an owner has.
    #[track_caller]
    pub fn held(&mut self, owner: &Address) -> u64 {
        let address = self.shares(owner);
        self.world.token_balance(&address)
    }

    /// Atoms of usd that an owner has.
    #[track_caller]
    pub fn balance(&self, owner: &Address) -> u64 {
        self.world.balance(owner, USD_RESERVE)
    }

    /// Gives an owner usd out of nothing.
    #[track_caller]
    pub fn fund(&mut self, owner: &Address, amount: u64) -> Address {
        self.world.fund(owner, USD_RESERVE, amount)
    }

    /// Deposits an owner's usd, given to it before.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn deposit(&mut self, owner: Address, amount: u64) -> Outcome {
        let (source, shares) = (self.fund(&owner, amount), self.shares(&owner));
        let deposit = self.view().deposit(owner, source, shares, amount, 0);
        self.world.send(&[deposit])
    }

    /// Redeems shares of an owner from some slots.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn redeem(&mut self, owner: Address, count: u64, from: u8) -> Outcome {
        let redeem = self.redemption(owner, count, from);
        self.world.send(&[redeem])
    }

    /// The instruction for that.
    #[track_caller]
    pub fn redemption(&mut self, owner: Address, count: u64, from: u8) -> Instruction {
        let (destination, shares) = (self.fund(&owner, 0), self.shares(&owner));
        self.view().redeem(owner, shares, destination, count, 0, from)
    }

    /// The move that is due.
    #[track_caller]
    pub fn next_move(&self) -> ballast_engine::Result<Move> {
        self.view().next_move(self.world.now())
    }

    /// Makes the move that is due; the reward goes to an owner.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn rebalance(&mut self, caller: &Address) -> Outcome {
        let found = self.next_move().unwrap_or_else(|error| panic!("no move: {error}"));
        let reward = self.shares(caller);
        let rebalance = self.view().rebalance(&found, reward).expect("its markets");
        self.world.send(&[rebalance])
    }

    /// What `read_vault` returns.
    #[track_caller]
    pub fn report(&mut self) -> VaultReport {
        let read = self.view().read();
        let outcome = self.world.send(&[read]).expect_ok();
        decode_vault_report(&outcome.return_data).expect("a report")
    }

    /// An owner's request, decoded.
    #[track_caller]
    pub fn request(&self, owner: &Address) -> ExitRequest {
        let address = self.view().exit_request(owner);
        decode_exit_request(&self.world.account(&address).data).expect("a request")
    }

    /// An owner's term deposit, decoded.
    #[track_caller]
    pub fn term(&self, owner: &Address, id: u16) -> TermDeposit {
        let address = self.view().term(owner, id);
        decode_term_deposit(&self.world.account(&address).data).expect("a term deposit")
    }

    /// The vault's tokens cover its books, and the shares of its mint are no more than its books know.
    #[track_caller]
    pub fn assert_backed(&self) {
        let vault = self.vault();
        let tokens = self.world.token_balance(&ballast_client::from_engine(&vault.tokens));
        assert!(tokens >= vault.idle + vault.claims, "{tokens} for {} and {}", vault.idle, vault.claims);
        let mint = self.world.account(&self.view().share_mint()).data;
        let supply = u64::from_le_bytes(mint[36..44].try_into().expect("a mint"));
        let locked: u64 = vault.rungs.iter().map(|rung| rung.shares.0).sum();
        let known = supply + vault.queue.shares.0 + locked + vault.fee_shares.0 + Vault::SEED;
        assert!(known <= vault.shares.0, "{known} of {}", vault.shares.0);
    }
}
