//! A market with people in it, and the commands that they give.

use ballast_client::{Address, PYTH_RECEIVERS, TOKEN_PROGRAM, engine::price::feed::PriceUpdate, to_engine};
use serde_json::Value;
use solana_account::Account;
use solana_clock::Clock;
use solana_signer::Signer;
use spl_associated_token_account_interface::address::get_associated_token_address_with_program_id;

use super::node::{Node, keypair, pool_and_perp};

/// The example's mints.
pub const USDC: Address = Address::from_str_const("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");
/// The same.
pub const SOL: Address = Address::from_str_const("So11111111111111111111111111111111111111112");
/// The example's feeds, in the order of its reserves, and where their prices are published here.
const FEEDS: [&str; 3] = [
    "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a",
    "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d",
    "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43",
];

/// Where a reserve's price is published.
pub fn price_account(index: usize) -> Address {
    Address::new_from_array([100 + index as u8; 32])
}

/// A price account as Pyth's receiver writes it.
pub fn price_of(update: PriceUpdate) -> Account {
    let data = update.to_bytes(to_engine(&Address::default())).to_vec();
    Account { lamports: 1 << 30, data, owner: PYTH_RECEIVERS[0], ..Account::default() }
}

/// A market with prices, a lender with 50,000 USDC in it, and a trader with lamports.
pub struct Town {
    /// The chain.
    pub node: Node,
    /// The market's file.
    pub file: String,
}

impl Town {
    /// Starts it.
    pub fn new(name: &str) -> Self {
        Self::of(Node::start(name), &[])
    }

    /// Starts it on a node, with changes of the market's file.
    pub fn of(node: Node, changes: &[(&str, &str)]) -> Self {
        // A new chain begins in 1970.
        node.advance(1_780_000_000);
        let pins: Vec<_> = FEEDS
            .iter()
            .enumerate()
            .map(|(index, feed)| {
                let (old, account) = (format!("feed_id = \"{feed}\""), price_account(index));
                let new = format!("feed_account = \"{account}\"\n{old}");
                (old, new)
            })
            .collect();
        let pins = pins.iter().map(|(old, new)| (old.as_str(), new.as_str()));
        let file = node.file(&pins.chain(changes.iter().copied()).collect::<Vec<_>>());
        let town = Self { node, file };
        // A perp is listed at a good price.
        town.publish([1.0, 150.0, 60_000.0]);
        town.ok(&["market", "create", &town.file], "creator");
        town.give("lender", USDC, 60_000_000_000);
        town.ok(&["account", "open"], "lender");
        town.ok(&["account", "deposit", "USDC", "50_000"], "lender");
        // What came in this second is not lent yet: it might leave in the same transaction.
        town.advance(1, [1.0, 150.0, 60_000.0]);
        town
    }

    /// With the example's pool and perp, changed so, a provider with 100,000 USDC in an account, and a trader with 1,000 in one.
    pub fn with_a_perp(name: &str, changes: &[(&str, &str)]) -> Self {
        let (commented, listed) = pool_and_perp();
        let town = Self::of(Node::start(name), &[&[(commented, listed.as_str())], changes].concat());
        town.node.comes("provider");
        for (name, tokens) in [("provider", 100_000), ("trader", 20_000)] {
            town.give(name, USDC, tokens * 1_000_000);
            town.ok(&["account", "open"], name);
        }
        town.ok(&["account", "deposit", "USDC", "100_000"], "provider");
        town.ok(&["account", "deposit", "USDC", "1_000"], "trader");
        town.advance(1, [1.0, 150.0, 60_000.0]);
        town
    }

    /// The same with the provider's USDC in the pool.
    pub fn with_a_pool(name: &str, changes: &[(&str, &str)]) -> Self {
        let town = Self::with_a_perp(name, changes);
        town.ok(&["pool", "deposit", "USDC-POOL", "all"], "provider");
        town
    }

    /// Exit code and print of a command in this market.
    pub fn run(&self, arguments: &[&str], key: &str) -> (i32, String) {
        let is_about_a_file = arguments[0] == "market";
        let market: &[_] = if is_about_a_file { &[] } else { &["--market", &self.file] };
        self.node.ballast(&[arguments, market].concat(), Some(key))
    }

    /// What a command prints that must succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str], key: &str) -> String {
        let (code, printed) = self.run(arguments, key);
        assert_eq!(code, 0, "{arguments:?}: {printed}");
        printed
    }

    /// The same, where something may be left to do.
    #[track_caller]
    pub fn ok_or_left(&self, arguments: &[&str], key: &str) -> String {
        let (code, printed) = self.run(arguments, key);
        assert!([0, 3].contains(&code), "{arguments:?}: {code}: {printed}");
        printed
    }

    /// The one object that a command prints.
    #[track_caller]
    pub fn json(&self, arguments: &[&str], key: &str) -> Value {
        let printed = self.ok(&[arguments, &["--json"]].concat(), key);
        serde_json::from_str(printed.trim()).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    /// Has a command be refused with an exit code and words; nothing is sent.
    #[track_caller]
    pub fn refused(&self, code: i32, arguments: &[&str], key: &str, reason: &str) {
        let sent = self.node.sent();
        let (exit, printed) = self.run(arguments, key);
        assert!(exit == code && printed.contains(reason), "{arguments:?}: {exit}: {printed}");
        assert_eq!(self.node.sent(), sent, "{arguments:?}");
    }

    /// Has the feeds publish now.
    pub fn publish(&self, dollars: [f64; 3]) {
        for (index, dollars) in dollars.into_iter().enumerate() {
            self.write(price_account(index), price_of(self.update(index, dollars)));
        }
    }

    /// What a feed of the example publishes now.
    pub fn update(&self, index: usize, dollars: f64) -> PriceUpdate {
        let feed_id: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&FEEDS[index][2 * at..][..2], 16).expect("hex")).collect();
        let price = (dollars * 1e8) as i64;
        PriceUpdate {
            feed_id: feed_id.try_into().expect("32 bytes"),
            price,
            confidence: 0,
            exponent: -8,
            publish_time: self.now(),
            prev_publish_time: self.now() - 1,
            ema_price: price,
        }
    }

    /// The address of the trader's account.
    pub fn account(&self) -> String {
        self.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string()
    }

    /// The chain's time.
    pub fn now(&self) -> i64 {
        self.node.lock().svm.get_sysvar::<Clock>().unix_timestamp
    }

    /// Writes an account, whoever it belongs to.
    pub fn write(&self, address: Address, account: Account) {
        self.node.lock().svm.set_account(address, account).expect("no sysvar");
    }

    /// Lets time pass; prices are published anew.
    pub fn advance(&self, seconds: i64, dollars: [f64; 3]) {
        self.node.advance(seconds);
        self.publish(dollars);
    }

    /// The account that somebody has of a mint, by that mint's program.
    fn wallet(&self, name: &str, mint: Address) -> (Address, Address) {
        let program = self.node.lock().svm.get_account(&mint).map_or(TOKEN_PROGRAM, |mint| mint.owner);
        let owner = keypair(name).pubkey();
        (get_associated_token_address_with_program_id(&owner, &mint, &program), program)
    }

    /// Gives somebody tokens; of the native mint, wrapped ones.
    pub fn give(&self, name: &str, mint: Address, atoms: u64) {
        const RENT: u64 = 2_039_280;
        let ((address, owner), native) = (self.wallet(name, mint), mint == SOL);
        let mut data = vec![0; 165];
        data[..32].copy_from_slice(mint.as_ref());
        data[32..64].copy_from_slice(keypair(name).pubkey().as_ref());
        data[64..72].copy_from_slice(&atoms.to_le_bytes());
        data[108] = 1;
        data[109] = native.into();
        data[113..121].copy_from_slice(&(if native { RENT } else { 0 }).to_le_bytes());
        let lamports = if native { RENT + atoms } else { 1 << 30 };
        self.write(address, Account { lamports, data, owner, ..Account::default() });
    }

    /// What somebody's token account holds; none if there is none.
    pub fn tokens(&self, name: &str, mint: Address) -> Option<u64> {
        let (address, _) = self.wallet(name, mint);
        let account = self.node.lock().svm.get_account(&address)?;
        account.data[64..72].first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// What somebody has of the native token.
    pub fn lamports(&self, name: &str) -> u64 {
        self.node.lock().svm.get_balance(&keypair(name).pubkey()).unwrap_or(0)
    }

    /// The trader with 10 SOL against 500 USDC.
    pub fn with_a_debt(name: &str) -> Self {
        Self::new(name).indebted()
    }

    /// The same of one that was new.
    pub fn indebted(self) -> Self {
        self.ok(&["account", "open"], "trader");
        self.ok(&["account", "deposit", "SOL", "10"], "trader");
        self.ok(&["account", "borrow", "USDC", "500"], "trader");
        self
    }
}
