//! Markets, reserves, users, prices.

use ballast_client::{
    Address, Edits, ID, Instruction, MarketView, PYTH_RECEIVERS, TOKEN_2022_PROGRAM, change_address, decode_change,
    decode_margin_account, decode_stake, decode_vault, from_engine, to_engine,
};
use ballast_engine::{
    price::feed::PriceUpdate,
    record::layout,
    state::{
        account::{MarginAccount, Side},
        change::{Change, OF_MARKET},
        insurance::Stake,
        market::{Market, MarketConfig},
        perp::{Perp, Pool},
        reserve::{Kind, Reserve, ReserveConfig},
        token::{Mint, TransferFee, balance},
        vault::Vault,
    },
};

use crate::{
    outcome::Outcome,
    price::{Quote, account_data, price_account},
    token::{MintSpec, associated_token_account, token_account_data},
    world::World,
};

/// A token to be listed.
#[derive(Clone, Debug)]
pub struct Token {
    /// Name of the mint's key.
    pub name: String,
    /// The mint.
    pub mint: MintSpec,
    /// First price.
    pub quote: Quote,
}

impl Token {
    /// Of SPL Token, at a price in dollars.
    pub fn new(name: &str, decimals: u8, dollars: f64) -> Self {
        Self { name: name.into(), mint: MintSpec::spl(decimals), quote: Quote::dollars(dollars) }
    }

    /// The same as a token of Token-2022.
    pub fn token_2022(mut self) -> Self {
        self.mint.program = TOKEN_2022_PROGRAM;
        self
    }

    /// The same as a token of Token-2022 with a transfer fee.
    pub fn with_fee(self, bps: u16, maximum: u64) -> Self {
        let token = self.token_2022();
        Self { mint: token.mint.transfer_fee(bps, maximum), ..token }
    }
}

/// A key and its margin account 0 in the market at hand when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Signs.
    pub key: Address,
    /// The margin account.
    pub margin: Address,
}

/// All edits, or one that sets the first parameter to what it is.
fn some<T: bytemuck::NoUninit>(edits: Edits, first: T) -> Vec<u8> {
    if edits.is_empty() { [&[0, 0], bytemuck::bytes_of(&first)].concat() } else { edits.all() }
}

impl World {
    // Markets.

    /// Creates a market of [`World::authority`], not launched. Does not make it the market at hand.
    #[track_caller]
    pub fn create_market(&mut self, id: u16, config: MarketConfig) -> Address {
        let authority = self.authority;
        ["collector", "guardian"].iter().for_each(|name| _ = self.key(name));
        let (instruction, market) = MarketView::create(authority, id, config);
        self.send(&[instruction]).expect_ok();
        market
    }

    /// Launches the market at hand, unless it has been.
    #[track_caller]
    pub fn launch(&mut self) {
        let view = self.view();
        if view.market.config.launched == 0 {
            self.send(&[view.launch()]).expect_ok();
        }
    }

    /// Acts as if the market at hand had not been launched, when nothing waits: most suites are about what parameters do, and
    /// not about how they change. `tests/governance.rs` is.
    pub(crate) fn before_the_launch<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        const CONFIG: usize = 8 + std::mem::offset_of!(Market, config);
        const LAUNCHED: usize = CONFIG + std::mem::offset_of!(MarketConfig, launched);
        let market = self.market;
        let set = |world: &mut Self, launched: u8| {
            let mut account = world.account(&market);
            let before = std::mem::replace(&mut account.data[LAUNCHED], launched);
            world.set_account(market, account);
            before
        };
        let before = set(self, 0);
        let outcome = act(self);
        set(self, before);
        outcome
    }

    /// Changes the parameters that all reserves share, as the authority, as if before the launch.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn reconfigure_market(&mut self, change: impl FnOnce(&mut MarketConfig)) -> Outcome {
        let view = self.view();
        let mut config = view.market.config;
        change(&mut config);
        let edits = some(Edits::of_market(&view.market.config, &config), config.roles.nominee.0);
        let instruction = view.set_parameters(self.authority, OF_MARKET, edits);
        self.before_the_launch(|world| world.send(&[instruction]))
    }

    /// The market at hand, decoded.
    #[track_caller]
    pub fn view(&self) -> MarketView {
        let data = self.account(&self.market).data;
        MarketView::decode(self.market, &data).unwrap_or_else(|error| panic!("market {}: {error}", self.market))
    }

    /// A reserve's record.
    #[track_caller]
    pub fn reserve(&self, reserve: u8) -> Reserve {
        self.view().reserves[reserve as usize]
    }

    /// A margin account, decoded.
    #[track_caller]
    pub fn margin(&self, address: &Address) -> MarginAccount {
        decode_margin_account(&self.account(address).data).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    /// Shares of a user's deposit in a reserve, zero if there is none.
    #[track_caller]
    pub fn deposit_shares(&self, user: User, reserve: u8) -> u64 {
        self.margin(&user.margin).shares(reserve, Side::Deposit).map_or(0, |shares| shares.0)
    }

    /// Shares of a user's debt to a reserve, zero if there is none.
    #[track_caller]
    pub fn debt_shares(&self, user: User, reserve: u8) -> u64 {
        self.margin(&user.margin).shares(reserve, Side::Debt).map_or(0, |shares| shares.0)
    }

    // Listing.

    /// Writes a mint at the address of a named key.
    #[track_caller]
    pub fn mint(&mut self, name: &str, spec: &MintSpec) -> Address {
        let mint = self.key(name);
        let data = spec.data(&self.payer);
        self.write(mint, spec.program, data);
        mint
    }

    /// Lists a token with a price, and returns the reserve's index. Without a feed in the configuration, the mint's
    /// address serves as feed id.
    #[track_caller]
    pub fn list(&mut self, token: Token, config: ReserveConfig) -> u8 {
        let mint = self.mint(&token.name, &token.mint);
        self.send_listing(mint, token.mint.program, config).expect_ok();
        let reserve = (self.view().reserves.len() - 1) as u8;
        self.set_price(reserve, token.quote).expect_ok();
        reserve
    }

    /// Sends the listing of a mint, as if before the launch, with its address as feed id if the configuration has none.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn send_listing(&mut self, mint: Address, token_program: Address, mut config: ReserveConfig) -> Outcome {
        if config.oracle.feed_id.is_none() {
            config.oracle.feed_id = to_engine(&mint);
        }
        let instructions = self.listing(mint, token_program, config);
        self.before_the_launch(|world| world.send(&instructions))
    }

    /// Queues a listing and executes it, which before the launch is due at once.
    #[track_caller]
    pub fn listing(&self, mint: Address, token_program: Address, config: ReserveConfig) -> [Instruction; 2] {
        let (view, payer) = (self.view(), self.payer);
        let list = view.list_reserve(payer, view.market.changes, payer, mint, token_program);
        [view.queue_listing(payer, mint, config), list]
    }

    /// A queued change by its number, decoded.
    #[track_caller]
    pub fn change(&self, number: u64) -> Change {
        let address = change_address(&self.market, number).0;
        decode_change(&self.account(&address).data).unwrap_or_else(|error| panic!("change {number}: {error}"))
    }

    /// Queues a change as the authority, at [`World::payer`]'s expense, which must succeed.
    #[track_caller]
    pub fn queue(&mut self, target: u8, data: Vec<u8>) -> Change {
        let view = self.view();
        self.send(&[view.queue_change(self.payer, target, data)]).expect_ok();
        self.change(view.market.changes)
    }

    /// The edits that a change of a reserve's parameters takes.
    #[track_caller]
    pub fn edits(&self, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Edits {
        let old = self.reserve(reserve).config;
        let mut new = old;
        change(&mut new);
        Edits::of_reserve(&old, &new)
    }

    /// The edits that a change of the market's parameters takes.
    #[track_caller]
    pub fn market_edits(&self, change: impl FnOnce(&mut MarketConfig)) -> Edits {
        let old = self.view().market.config;
        let mut new = old;
        change(&mut new);
        Edits::of_market(&old, &new)
    }

    /// Changes a reserve's parameters, as the authority, as if before the launch.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn reconfigure(&mut self, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Outcome {
        let view = self.view();
        let mut config = view.reserves[reserve as usize].config;
        change(&mut config);
        let edits = some(Edits::of_reserve(&view.reserves[reserve as usize].config, &config), config.deposit_cap);
        let instruction = view.set_parameters(self.authority, reserve, edits);
        self.before_the_launch(|world| world.send(&[instruction]))
    }

    // Prices.

    /// The account that [`World::publish`] writes a reserve's price to.
    #[track_caller]
    pub fn price_account(&self, reserve: u8) -> Address {
        price_account(&self.reserve(reserve).config.oracle.feed_id.0)
    }

    /// Writes a price, published now, to the reserve's price account. The reserve does not know of it until
    /// [`World::refresh`].
    #[track_caller]
    pub fn publish(&mut self, reserve: u8, quote: Quote) {
        let update = quote.update(self.reserve(reserve).config.oracle.feed_id.0, self.now());
        self.write_price(self.price_account(reserve), PYTH_RECEIVERS[0], &update);
    }

    /// Writes a price account.
    #[track_caller]
    pub fn write_price(&mut self, address: Address, owner: Address, update: &PriceUpdate) {
        self.write(address, owner, account_data(update));
    }

    /// Has reserves take over the prices of their price accounts, in one transaction.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn refresh(&mut self, reserves: &[u8]) -> Outcome {
        let instruction = self.refresh_instruction(reserves);
        self.send(&[instruction])
    }

    /// The instruction behind [`World::refresh`].
    #[track_caller]
    pub fn refresh_instruction(&self, reserves: &[u8]) -> Instruction {
        let view = self.view();
        let account = |reserve: &u8| price_account(&view.reserves[*reserve as usize].config.oracle.feed_id.0);
        let prices: Vec<_> = reserves.iter().map(|reserve| (*reserve, account(reserve))).collect();
        view.refresh_prices(&prices).expect("the reserves exist")
    }

    /// Publishes a price and has the reserve take it over. A reserve holds one price per second: if it holds one of
    /// now, the clock moves on by a second first.
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn set_price(&mut self, reserve: u8, quote: Quote) -> Outcome {
        if self.reserve(reserve).price.publish_time >= self.now() {
            self.advance(1);
        }
        self.publish(reserve, quote);
        self.refresh(&[reserve])
    }

    /// Publishes the last price of every reserve again and refreshes them all, 16 to a transaction, so that all are
    /// priced now.
    #[track_caller]
    pub fn refresh_all(&mut self) {
        let reserves = self.view().reserves;
        if reserves.iter().any(|record| record.is_reserve() && record.price.publish_time >= self.now()) {
            self.advance(1);
        }
        let is_reserve = |index: &u8| reserves[*index as usize].is_reserve();
        for (index, reserve) in (0..).zip(&reserves).filter(|(index, _)| is_reserve(index)) {
            let ballast_engine::price::cache::PriceCache { price, confidence, ema_price, exponent, .. } = reserve.price;
            if reserve.price.publish_time > 0 {
                self.publish(index, Quote { price: price as i64, confidence, exponent, ema: ema_price as i64 });
            }
        }
        let priced = |index: &u8| is_reserve(index) && reserves[*index as usize].price.publish_time > 0;
        let all: Vec<u8> = (0..reserves.len() as u8).filter(priced).collect();
        for chunk in all.chunks(16) {
            self.refresh(chunk).expect_ok();
        }
    }

    // Users and their tokens.

    /// A user by name, with a margin account in the market at hand, launched and opened if need be.
    #[track_caller]
    pub fn user(&mut self, name: &str) -> User {
        let key = self.key(name);
        self.launch();
        let view = self.view();
        let margin = view.margin_account(&key, 0);
        if self.find_account(&margin).is_none_or(|account| account.owner != ID) {
            self.send(&[view.open_account(key, self.payer, 0)]).expect_ok();
        }
        User { key, margin }
    }

    /// The token account of an owner for a reserve, which may not exist yet.
    #[track_caller]
    pub fn tokens(&self, owner: &Address, reserve: u8) -> Address {
        let record = self.reserve(reserve);
        associated_token_account(owner, &from_engine(&record.mint), &from_engine(&record.token_program))
    }

    /// Gives an owner tokens of a reserve's mint, out of nothing, and returns the token account. Zero creates it.
    #[track_caller]
    pub fn fund(&mut self, owner: &Address, reserve: u8, more: u64) -> Address {
        let record = self.reserve(reserve);
        let (address, held) = (self.tokens(owner, reserve), self.balance(owner, reserve));
        let mint = self.mint_of(reserve);
        let data = token_account_data(&from_engine(&record.mint), owner, held + more, mint.fees.is_some());
        debug_assert_eq!(data.len(), mint.account_len());
        self.write(address, from_engine(&record.token_program), data);
        address
    }

    /// A reserve's mint.
    #[track_caller]
    pub fn mint_of(&self, reserve: u8) -> Mint {
        let mint = self.account(&from_engine(&self.reserve(reserve).mint));
        Mint::read(&mint.data).expect("it was listed")
    }

    /// What a transfer of a reserve's token costs now.
    #[track_caller]
    pub fn transfer_fee(&self, reserve: u8) -> TransferFee {
        self.mint_of(reserve).fee_at(self.epoch())
    }

    /// What an owner has of a reserve's token.
    #[track_caller]
    pub fn balance(&self, owner: &Address, reserve: u8) -> u64 {
        self.token_balance(&self.tokens(owner, reserve))
    }

    /// The balance of a token account, zero if it does not exist.
    pub fn token_balance(&self, token_account: &Address) -> u64 {
        self.find_account(token_account).and_then(|account| balance(&account.data)).unwrap_or(0)
    }

    /// The balance of a reserve's token account.
    #[track_caller]
    pub fn vault_balance(&self, reserve: u8) -> u64 {
        self.token_balance(&from_engine(&self.reserve(reserve).vault))
    }

    // Invariants.

    /// Requires of every reserve of the market at hand that cash and debts cover its deposits, that its token account holds
    /// what the books say, that its shares are those of margin accounts, vaults and pools, and that its insurance has all shares
    /// of stakes.
    #[track_caller]
    pub fn assert_conserved(&self) {
        let view = self.view();
        let accounts: Vec<MarginAccount> = self
            .svm
            .get_program_accounts(&ID)
            .iter()
            .filter_map(|(_, account)| decode_margin_account(&account.data).ok())
            .filter(|account| account.market == to_engine(&view.address))
            .collect();
        let stakes: Vec<Stake> = self
            .svm
            .get_program_accounts(&ID)
            .iter()
            .filter_map(|(_, account)| decode_stake(&account.data).ok())
            .filter(|stake| stake.market == to_engine(&view.address))
            .collect();
        let vaults: Vec<Vault> = self
            .svm
            .get_program_accounts(&ID)
            .iter()
            .filter_map(|(_, account)| decode_vault(&account.data).ok())
            .collect();
        let lent = |index: u8| -> u128 {
            let slots = vaults.iter().flat_map(|vault| vault.allocations.iter().zip(&vault.config.allocations));
            let here = slots.filter(|(lent, policy)| {
                lent.is_open != 0 && lent.reserve == index && policy.market == to_engine(&view.address)
            });
            here.map(|(lent, _)| lent.shares.0 as u128).sum()
        };
        let of_perps = |index: u8| -> u128 {
            let pools = view.reserves.iter().filter(|record| record.is(Kind::Pool));
            let pools = pools.map(bytemuck::cast_ref::<Reserve, Pool>).filter(|pool| pool.config.quote == index);
            let held = |pool: &Pool| -> u128 {
                let perps = pool.perps().iter().map(|perp| Perp::of(&view.reserves, *perp).expect("a perp"));
                perps.map(|perp| perp.fund.0 as u128 + perp.insurance.0 as u128).sum::<u128>() + pool.deposit.0 as u128
            };
            pools.map(held).sum()
        };
        let reserves = (0u8..).zip(&view.reserves).filter(|(_, record)| record.is_reserve());
        for (index, reserve) in reserves {
            let (assets, deposits) = reserve.assets_and_deposits();
            assert!(assets >= deposits, "cash and debts of reserve {index} do not cover its deposits: {reserve:?}");
            let vault: layout::Address = reserve.vault;
            let held = self.token_balance(&from_engine(&vault));
            let owed = reserve.vault_balance();
            assert!(held as u128 >= owed, "token account of reserve {index} holds {held}, the books say {owed}");
            let staked: u128 = stakes
                .iter()
                .filter(|stake| stake.reserve == index && !stake.is_empty(&reserve.insurance))
                .map(|stake| stake.shares.0 as u128)
                .sum();
            assert!(staked <= reserve.insurance.shares as u128, "stakes in the insurance of reserve {index}");
            let total = |side: Side| -> u128 {
                accounts
                    .iter()
                    .flat_map(MarginAccount::positions)
                    .filter(|position| position.reserve == index && position.side == side as u8)
                    .map(|position| position.shares.0 as u128)
                    .sum()
            };
            let deposited = total(Side::Deposit) + lent(index) + of_perps(index);
            assert_eq!(deposited, reserve.deposit_shares.0 as u128, "deposit shares of reserve {index}");
            assert_eq!(total(Side::Debt), reserve.debt_shares.0 as u128, "debt shares of reserve {index}");
        }
    }
}
