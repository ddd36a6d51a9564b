//! A town with a vault, and the commands that are given about it.

use ballast_client::{VaultView, decode_vault, entrusted_address};
use serde_json::Value;
use solana_signer::Signer;

use super::{
    node::keypair,
    town::{Town, USDC},
};

const EXAMPLE: &str = include_str!("../../../../../migrations/vault.toml");
const CALM: [f64; 3] = [1.0, 150.0, 60_000.0];

/// A town with a vault's file; the creator is the curator, the guardian the sentinel.
pub struct Village {
    /// Its market and people.
    pub town: Town,
    /// The vault's file.
    pub file: String,
}

impl Village {
    /// Before the vault.
    pub fn bare(name: &str, changes: &[(&str, &str)]) -> Self {
        Self::of(Town::with_a_debt(name), changes)
    }

    /// The same of a town that has a debt.
    pub fn of(town: Town, changes: &[(&str, &str)]) -> Self {
        let [creator, guardian] = ["creator", "guardian"].map(|name| keypair(name).pubkey().to_string());
        let second = EXAMPLE.rfind("[[vault.allocations]]").expect("a second market");
        let mut text = EXAMPLE[..second].replace("Creator1111111111111111111111111111111111111", &creator);
        for (old, new) in [
            ("Curator1111111111111111111111111111111111111", creator.as_str()),
            ("Sentine111111111111111111111111111111111111", &guardian),
            ("Market1111111111111111111111111111111111111", &town.node.market().address.to_string()),
            ("share_cap = \"70 %\"", "share_cap = \"90 %\""),
        ] {
            assert!(text.contains(old), "{old}");
            text = text.replace(old, new);
        }
        for (old, new) in changes {
            assert!(text.contains(old), "{old}");
            text = text.replacen(old, new, 1);
        }
        let path = town.node.folder.join("vault.toml");
        std::fs::write(&path, text).expect("written");
        town.give("creator", USDC, 1_000);
        Self { file: path.to_str().expect("UTF-8").to_owned(), town }
    }

    /// Launched, with 10,000 USDC of the lender in it. The market has 8,000, half of it lent.
    pub fn with(name: &str, changes: &[(&str, &str)]) -> Self {
        Self::bare(name, changes).launched()
    }

    /// The same of one that was bare.
    pub fn launched(self) -> Self {
        self.ok(&["create"], "creator");
        self.town.ok(&["account", "deposit", "SOL", "75"], "trader");
        self.town.ok(&["account", "borrow", "USDC", "3_500"], "trader");
        self.town.ok(&["account", "withdraw", "USDC", "42_000"], "lender");
        self.ok(&["deposit", "10_000"], "lender");
        // What came in this second is no liquidity yet.
        self.pass(1);
        self
    }

    /// A command's words, with the vault.
    pub fn words<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let group = if arguments[0] == "change" { &[][..] } else { &["vault"] };
        [group, arguments, &["--vault", &self.file]].concat()
    }

    /// Exit code and print of a command about the vault.
    pub fn run(&self, arguments: &[&str], key: &str) -> (i32, String) {
        self.town.node.ballast(&self.words(arguments), Some(key))
    }

    /// What a command prints that must succeed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str], key: &str) -> String {
        let (code, printed) = self.run(arguments, key);
        assert_eq!(code, 0, "{arguments:?}: {printed}");
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
        let sent = self.town.node.sent();
        let (exit, printed) = self.run(arguments, key);
        assert!(exit == code && printed.contains(reason), "{arguments:?}: {exit}: {printed}");
        assert_eq!(self.town.node.sent(), sent, "{arguments:?}");
    }

    /// The vault and its market.
    pub fn view(&self) -> VaultView {
        let (address, _) = entrusted_address(&keypair("creator").pubkey(), 0);
        let account = self.town.node.lock().svm.get_account(&address).expect("a vault");
        VaultView::new(address, decode_vault(&account.data).expect("decodes"), [self.town.node.market()])
    }

    /// The shares that somebody has.
    pub fn shares(&self, name: &str) -> u64 {
        self.town.tokens(name, self.view().share_mint()).unwrap_or(0)
    }

    /// Lets time pass; prices are brought anew.
    pub fn pass(&self, seconds: i64) {
        self.town.advance(seconds, CALM);
        self.town.ok(&["prices", "refresh"], "stranger");
    }

    /// Lends what the policy lets it, after an interval.
    pub fn lend(&self) {
        self.pass(3_700);
        self.ok(&["rebalance"], "stranger");
        self.pass(1);
    }
}
