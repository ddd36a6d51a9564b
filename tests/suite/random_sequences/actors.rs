//! Users, keepers, an authority, its council and a hostile oracle who act at random on a world and its model alike.

use super::model::Model;
use ballast_client::{
    Address, change_address, from_engine, instruction::ALL, margin_address, stake_address, to_engine, vault_address,
};
use ballast_engine::{
    Error,
    record::layout,
    state::{
        account::{MarginAccount, Position, Side},
        market::{MarketConfig, Roles},
        reserve::{Reserve, ReserveConfig},
        token::TransferFee,
    },
};
use ballast_tests::{MintSpec, Options, START, World, associated_token_account, market_config};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Instructions of markets; those of vaults follow them in the list.
pub const OF_MARKETS: usize = 36;

/// How often each instruction, in the order of the list, is tried.
const WEIGHTS: [u32; OF_MARKETS] = [
    3, 4, 42, 60, 18, 200, 80, 340, 90, 110, 20, 12, 22, 25, 4, 20, 3, 25, 60, 3, 20, 40, 25, 8, 12, 4, 25, 20, 30, 12,
    14, 6, 30, 30, 30, 10,
];

const USERS: u8 = 8;
pub const ACCOUNTS_PER_USER: u16 = 2;
/// Published exponent of all prices, and one dollar in it.
pub const EXPONENT: i32 = -8;
pub const DOLLAR: i64 = 100_000_000;
/// Decimals and first price in dollars of the tokens that the market lists before the first step.
const TOKENS: [(u8, i64); 4] = [(6, 1), (9, 150), (18, 3_000), (0, 250)];
/// What a transfer of every third token costs, beginning with the second.
const FEE: TransferFee = TransferFee { bps: 25, maximum: 1 << 36 };
/// Tokens there can be in all, and one more for each that is listed again.
pub const MOST_TOKENS: usize = 16;

/// A token that is or may be listed.
#[derive(Clone, Copy)]
pub struct Token {
    pub mint: Address,
    pub program: Address,
    pub decimals: u8,
    pub feed: layout::Address,
    /// Spot and average of its feed.
    pub price: (i64, i64),
    /// About what it costs: nothing is a fiftieth or fifty times of what it was for good, or nobody would owe much.
    usual: i64,
}

pub struct Actors {
    pub rng: ChaCha8Rng,
    pub world: World,
    pub model: Model,
    /// Has tokens of everything, like the users, and begins as fee collector.
    pub fee_collector: Address,
    pub users: Vec<Address>,
    /// By the index of their reserve, and then those that are not listed. One that was listed again is there twice.
    pub tokens: Vec<Token>,
    /// The parameters that the reserves began with, by their index.
    pub originals: Vec<ReserveConfig>,
    /// Where the users' margin accounts and stakes are, open or not, and where changes are or were.
    watched: Vec<Address>,
    /// Changes among them.
    watched_changes: u64,
    /// What became of how many instructions.
    counts: BTreeMap<(&'static str, String), usize>,
    pub markets: u16,
}

impl Actors {
    pub fn new(seed: u64) -> Self {
        let mut world = World::empty(Options { verify_signatures: false });
        let council = world.key("council");
        world.market = world.create_market(0, market_parameters(&council));
        let (authority, fee_collector) = (world.authority, world.key("collector"));
        let model = Model::create(authority, 0, market_parameters(&council), START).expect("valid parameters");
        let users = (0..USERS).map(|user| world.key(&format!("user {user}"))).collect();
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let (tokens, originals, watched, counts) = Default::default();
        let mut actors = Self {
            rng,
            world,
            model,
            fee_collector,
            users,
            tokens,
            originals,
            watched,
            watched_changes: 0,
            counts,
            markets: 1,
        };
        actors.watch_accounts();
        actors.before_the_launch(&TOKENS);
        actors.compare("before the first step");
        actors
    }

    pub fn successes(&self, kind: &'static str) -> usize {
        self.counts.get(&(kind, "ok".into())).copied().unwrap_or(0)
    }

    pub fn has_refused(&self, error: Error) -> bool {
        self.counts.keys().any(|(_, answer)| answer == error.name())
    }

    pub fn count(&mut self, kind: &'static str, answer: String) {
        *self.counts.entry((kind, answer)).or_default() += 1;
    }

    pub fn summary(&self) -> String {
        self.counts.iter().map(|((kind, answer), count)| format!("{kind:17} {count:6} {answer}\n")).collect()
    }

    /// One transaction, after the world has moved on a little.
    pub fn step(&mut self, step: u64) {
        self.pass_time();
        self.move_prices();
        let kind = self.pressing().unwrap_or_else(|| {
            let weights = rand::distr::weighted::WeightedIndex::new(WEIGHTS).expect("positive");
            self.rng.sample(weights)
        });
        let answer = self.act(kind);
        self.follow();
        self.compare(&format!("after step {step}, {}: {answer:?}", ALL[kind].name));
        self.model.check();
    }

    /// Now and then, something that somebody would do in this situation.
    fn pressing(&mut self) -> Option<usize> {
        let open = |reserve: &&Reserve| reserve.closed == 0;
        let stale = self.model.reserves.iter().filter(open).any(|reserve| self.model.now > reserve.price.fresh_until);
        match self.rng.random_range(0..20) {
            0..4 if !self.lost().is_empty() => Some(35),
            0..6 if stale => Some(9),
            6..9 if !self.unhealthy().is_empty() => Some(10),
            9..12 if !self.unhealthy().is_empty() => Some(15),
            12..14 if !self.without_collateral().is_empty() => Some(11),
            14..16 if self.a_stake_is_free() => Some(23),
            16..18 => self.due_kind(),
            18 if !self.deviating().is_empty() => Some(28),
            _ => None,
        }
    }

    // What happens by itself.

    fn pass_time(&mut self) {
        let seconds = match self.rng.random_range(0..1_000) {
            0 => self.rng.random_range(86_400 * 30..86_400 * 120),
            1..6 => self.rng.random_range(3_600..86_400 * 7),
            // About as long as a stake cools down.
            30..34 => self.rng.random_range(86_400..86_400 * 3),
            6..20 => self.rng.random_range(300..3_600),
            20..25 => -self.rng.random_range(1..30),
            25..30 | 34..300 => self.rng.random_range(1..30),
            _ => 0,
        };
        self.world.advance(seconds);
        self.model.now += seconds;
    }

    fn move_prices(&mut self) {
        if self.rng.random_bool(0.05) {
            let token = self.rng.random_range(0..self.tokens.len());
            let falls = self.rng.random_bool(0.5);
            let percent = if falls { self.rng.random_range(15..90) } else { self.rng.random_range(110..350) };
            let Token { price: (spot, average), usual, .. } = &mut self.tokens[token];
            *spot = (*spot as i128 * percent / 100).clamp(*usual as i128 / 50, *usual as i128 * 50) as i64;
            *average = (*average + *spot) / 2;
        }
        for Token { price: (spot, average), .. } in &mut self.tokens {
            *spot = (*spot as i128 * self.rng.random_range(9_980..=10_020) / 10_000).max(1) as i64;
            *average += (*spot - *average) / 8;
        }
        if self.rng.random_bool(0.02) {
            // Anyone may send tokens to a reserve's token account; nothing else must change.
            let reserve = self.rng.random_range(0..self.model.reserves.len()) as u8;
            let amount = self.rng.random_range(1..1_000_000);
            if self.model.balances.contains_key(&self.vault(reserve)) {
                self.receive(self.vault(reserve), amount);
            }
        }
    }

    /// Tokens out of nothing.
    pub fn receive(&mut self, token_account: Address, amount: u64) {
        let mut account = self.world.account(&token_account);
        let balance = self.model.balances.entry(token_account).or_default();
        *balance += amount;
        account.data[64..72].copy_from_slice(&balance.to_le_bytes());
        self.world.set_account(token_account, account);
    }

    /// A mint with a price. Returns the index its reserve would have.
    pub fn new_token(&mut self, decimals: u8, dollars: i64) -> u8 {
        let number = self.tokens.len() as u8;
        let has_fee = number % 3 == 1;
        let spec = if has_fee {
            MintSpec::token_2022(decimals).transfer_fee(FEE.bps, FEE.maximum)
        } else {
            MintSpec::spl(decimals)
        };
        let mint = self.world.mint(&format!("token {number}"), &spec);
        if has_fee {
            self.model.fees.insert(mint, FEE);
        }
        let usual = dollars * DOLLAR;
        let (program, feed, price) = (spec.program, feed(number), (usual, usual));
        self.tokens.push(Token { mint, program, decimals, feed, price, usual });
        number
    }

    fn watch_accounts(&mut self) {
        let market = self.world.market;
        let of_user = |user| (0..ACCOUNTS_PER_USER).map(move |id| margin_address(&market, user, id).0);
        self.watched.extend(self.users.iter().flat_map(of_user));
    }

    /// Takes note of new reserves and changes.
    pub fn follow(&mut self) {
        let market = self.world.market;
        let new = self.watched_changes..self.model.market.changes;
        self.watched.extend(new.map(|number| change_address(&market, number).0));
        self.watched_changes = self.model.market.changes;
        while let Some(record) = self.model.reserves.get(self.originals.len()) {
            let (reserve, mint) = (self.originals.len(), from_engine(&record.mint));
            self.originals.push(record.config);
            let position = |tokens: &[Token]| tokens.iter().position(|token| token.mint == mint);
            match position(&self.tokens[reserve..]) {
                Some(after) => self.tokens.swap(reserve, reserve + after),
                None => {
                    let before = position(&self.tokens).expect("a token of before");
                    self.tokens.insert(reserve, self.tokens[before]);
                }
            }
            self.endow(reserve as u8);
        }
    }

    /// Gives everybody tokens of a reserve, as many as all can have without one atom too many for 64 bits.
    fn endow(&mut self, reserve: u8) {
        self.watch_stakes(reserve);
        let people: Vec<_> = self.users.iter().copied().chain([self.fee_collector]).collect();
        for owner in people {
            self.world.fund(&owner, reserve, 0);
            let wallet = self.wallet(&owner, reserve);
            let held = self.model.balances.get(&wallet).copied().unwrap_or(0);
            self.receive(wallet, self.atoms(reserve, 10_000_000).min(1 << 60).saturating_sub(held));
        }
    }

    fn watch_stakes(&mut self, reserve: u8) {
        let market = self.world.market;
        self.watched.extend(self.users.iter().map(|user| stake_address(&market, user, reserve).0));
    }

    /// As the reserve names it: a closed one names none.
    pub fn mint(&self, reserve: u8) -> Address {
        from_engine(&self.model.reserves[reserve as usize].mint)
    }

    /// Where a reserve's price comes from; of what is no reserve, the token's.
    pub fn feed(&self, reserve: u8) -> layout::Address {
        let listed = self.model.reserves.get(reserve as usize).map(|record| record.config.oracle.feed_id);
        listed.or(self.tokens.get(reserve as usize).map(|token| token.feed)).unwrap_or(feed(reserve))
    }

    pub fn vault(&self, reserve: u8) -> Address {
        vault_address(&self.world.market, &self.tokens[reserve as usize].mint).0
    }

    pub fn token_program(&self, reserve: u8) -> Address {
        self.tokens[reserve as usize].program
    }

    pub fn wallet(&self, owner: &Address, reserve: u8) -> Address {
        associated_token_account(owner, &self.tokens[reserve as usize].mint, &self.token_program(reserve))
    }

    /// The reserve whose accounts come with an index that may be out of range.
    pub fn nearest(&self, reserve: u8) -> u8 {
        reserve.min(self.model.reserves.len() as u8 - 1)
    }

    // Choices.

    pub fn user(&mut self) -> Address {
        *self.users.choose(&mut self.rng).expect("users")
    }

    /// The market's authority, or once in a while someone who would like to be.
    pub fn authority(&mut self) -> Address {
        if self.rng.random_bool(0.95) { from_engine(&self.model.market.authority) } else { self.user() }
    }

    /// Who holds an office.
    pub fn officer(&self, office: impl Fn(&Roles) -> layout::Address) -> Address {
        from_engine(&office(&self.model.market.config.roles))
    }

    /// A margin account, sometimes one that is not open, and its owner.
    pub fn account(&mut self) -> (Address, Address) {
        let (owner, id) = (self.user(), self.rng.random_range(0..ACCOUNTS_PER_USER));
        (margin_address(&self.world.market, &owner, id).0, owner)
    }

    /// Mostly an account with a position of this side, and its owner.
    pub fn holder(&mut self, side: Side) -> (Address, Address) {
        let holds = |positions: &[Position]| positions.iter().any(|position| position.side == side as u8);
        let holders: Vec<_> = self.model.accounts.iter().filter(|(_, account)| holds(account.positions())).collect();
        match holders.choose(&mut self.rng) {
            Some((address, account)) if self.rng.random_bool(0.9) => (**address, from_engine(&account.owner)),
            _ => self.account(),
        }
    }

    /// Mostly a reserve in which the account has no deposit, and that has something to lend.
    pub fn lender(&mut self, account: Address) -> u8 {
        let held = |account: &MarginAccount, reserve| account.shares(reserve, Side::Deposit).is_ok();
        let mut reserve = self.reserve();
        for _ in 0..3 {
            let is_held = self.model.accounts.get(&account).is_some_and(|account| held(account, reserve));
            if !is_held && self.model.reserves.get(reserve as usize).is_none_or(|record| record.cash > 0) {
                break;
            }
            reserve = self.reserve();
        }
        reserve
    }

    /// Mostly a reserve of the market.
    pub fn reserve(&mut self) -> u8 {
        if self.rng.random_bool(0.01) {
            return self.rng.random();
        }
        let reserve = self.rng.random_range(0..self.model.reserves.len()) as u8;
        let is_closed = self.model.reserves[reserve as usize].closed != 0;
        if is_closed && self.rng.random_bool(0.9) { self.reserve() } else { reserve }
    }

    /// Amounts of every size around `natural`, and the ones that break things.
    pub fn amount(&mut self, natural: u64) -> u64 {
        match self.rng.random_range(0..20) {
            0 => 0,
            1 => 1,
            2 => self.rng.random_range(2..100),
            3 => u64::MAX,
            4 => self.rng.random::<u64>() >> self.rng.random_range(0..64),
            5 => natural,
            6 => natural.saturating_add(1),
            7 => u64::MAX - 1,
            _ => self.rng.random_range(0..=natural / 2) + natural / 8,
        }
    }

    pub fn owed_or_held(&self, account: Address, reserve: u8, side: Side) -> u64 {
        let shares = self.model.accounts.get(&account).and_then(|account| account.shares(reserve, side).ok());
        shares.map_or(1_000, |shares| {
            let record = &self.model.reserves[reserve as usize];
            match side {
                Side::Deposit => record.deposit_index_at(self.model.now).amount_floor(shares),
                Side::Debt => record.debt_index_at(self.model.now).amount_ceil(shares),
            }
        })
    }

    /// Mostly a reserve in which the account holds a position of this side.
    pub fn position(&mut self, account: Address, side: Side) -> u8 {
        let positions: Vec<_> = self.model.accounts.get(&account).map_or(Vec::new(), |account| {
            account
                .positions()
                .iter()
                .filter(|position| position.side == side as u8)
                .map(|position| position.reserve)
                .collect()
        });
        match positions.choose(&mut self.rng) {
            Some(reserve) if self.rng.random_bool(0.9) => *reserve,
            _ => self.reserve(),
        }
    }

    // The comparison.

    /// Every byte of the market, of every margin account, stake and change, and every balance.
    fn compare(&self, when: &str) {
        let stored =
            |address: &Address| self.world.find_account(address).map(|account| account.data).unwrap_or_default();
        assert!(stored(&self.world.market) == self.model.market_bytes(), "market, {when}");
        for address in &self.watched {
            let expected = self.model.account_bytes(address).unwrap_or_default();
            assert!(stored(address) == expected, "margin account, stake or change {address}, {when}");
        }
        for (address, balance) in &self.model.balances {
            assert_eq!(self.world.token_balance(address), *balance, "token account {address}, {when}");
        }
        for reserve in 0..self.model.reserves.len() as u8 {
            let vault = self.vault(reserve);
            let exists = self.world.find_account(&vault).is_some();
            assert_eq!(exists, self.model.balances.contains_key(&vault), "token account of {reserve}, {when}");
        }
    }
}

/// The feed of a token by its number.
pub fn feed(token: u8) -> layout::Address {
    let mut id = [0x5A; 32];
    id[0] = token;
    layout::Address(id)
}

/// The parameters that the market begins with.
pub fn market_parameters(council: &Address) -> MarketConfig {
    let mut config = market_config();
    config.roles.risk_council = to_engine(council);
    config
}
