//! Vaults of tokens that move in ways of their own: native SOL, which is wrapped, and tokens of Token-2022.

use ballast_client::TOKEN_2022_PROGRAM;

use crate::common::{
    node::Node,
    town::{SOL, Town, USDC},
    village::Village,
};

const ONE: u64 = 1_000_000_000;
/// More than fees and rents of a few transactions take.
const FEES: u64 = 20_000_000;

/// A policy without fees on what is not gained.
const FREE: [(&str, &str); 2] =
    [("max_exit_fee = \"2 %\"", "max_exit_fee = \"0 %\""), ("management_fee = \"50 bps\"", "management_fee = 0")];

/// A vault of SOL.
fn of_sol(name: &str) -> Village {
    let village = Village::bare(
        name,
        &[
            ("name = \"USDC\"", "name = \"SOL\""),
            (&format!("mint = \"{USDC}\""), &format!("mint = \"{SOL}\"")),
            ("decimals = 6", "decimals = 9"),
            ("min_amount = \"10 tokens\"", "min_amount = \"1 tokens\""),
            FREE[0],
            FREE[1],
        ],
    );
    // The creator has no wrapped SOL: the first atoms are wrapped too.
    village.ok(&["create"], "creator");
    village
}

/// What somebody has more than before, of lamports.
fn gained(village: &Village, name: &str, before: u64) -> i64 {
    village.town.lamports(name) as i64 - before as i64
}

#[track_caller]
fn assert_paid(village: &Village, before: u64, atoms: i64) {
    let gained = gained(village, "lender", before);
    assert!((atoms - FEES as i64..=atoms).contains(&gained), "{gained} and not {atoms}");
}

#[test]
fn sol_is_wrapped_for_a_vault_and_unwrapped_behind_it() {
    let village = of_sol("vault-sol");
    let (town, start) = (&village.town, village.town.lamports("lender"));
    village.refused(1, &["deposit", "all"], "lender", "say how much: fees and rents");
    village.refused(1, &["deposit", "100"], "lender", "has 99.");
    let printed = village.ok(&["deposit", "20"], "lender");
    assert!(printed.contains("deposit 20 SOL for 20 shares"), "{printed}");
    assert_paid(&village, start, -20 * ONE as i64);
    assert_eq!((village.shares("lender"), town.tokens("lender", SOL)), (20 * ONE, Some(0)));
    // A thousandth more is wrapped, in case that shares get dearer, and unwrapped where they did not.
    village.ok(&["deposit", "--shares", "5"], "lender");
    assert_paid(&village, start, -25 * ONE as i64);
    assert_eq!((village.shares("lender"), town.tokens("lender", SOL)), (25 * ONE, None));

    village.pass(1);
    village.ok(&["withdraw", "2.5"], "lender");
    village.ok(&["redeem", "1.5"], "lender");
    assert_paid(&village, start, -21 * ONE as i64);
    assert_eq!((village.shares("lender"), town.tokens("lender", SOL)), (21 * ONE, None));

    // Also what markets pay, and the queue.
    town.ok(&["account", "borrow", "SOL", "6"], "lender");
    village.lend();
    assert!(village.view().vault.idle < 15 * ONE, "some is lent");
    let before = town.lamports("lender");
    village.ok(&["withdraw", "15"], "lender");
    assert_paid(&village, before, 15 * ONE as i64);
    village.ok(&["queue", "request", "2"], "lender");
    village.ok(&["queue", "serve"], "stranger");
    village.ok(&["claim"], "lender");
    assert_paid(&village, before, 17 * ONE as i64);
    assert_eq!(town.tokens("lender", SOL), None);
    village.ok(&["redeem", "all"], "lender");
    assert_paid(&village, before, 21 * ONE as i64);
    assert_eq!((village.shares("lender"), town.tokens("lender", SOL)), (0, None));
}

#[test]
fn what_a_lender_keeps_wrapped_is_used_first_and_stays_wrapped() {
    let village = of_sol("vault-wrapped");
    let (town, start) = (&village.town, village.town.lamports("lender"));
    town.give("lender", SOL, 3 * ONE);
    village.ok(&["deposit", "5"], "lender");
    assert_paid(&village, start, -2 * ONE as i64);
    assert_eq!(town.tokens("lender", SOL), Some(0));
    town.give("lender", SOL, ONE);
    village.pass(1);
    village.ok(&["redeem", "all"], "lender");
    assert_paid(&village, start, -2 * ONE as i64);
    let wrapped = town.tokens("lender", SOL).expect("it is there still");
    assert!((6 * ONE - 10..=6 * ONE).contains(&wrapped), "{wrapped}");
}

#[test]
fn a_vault_of_token_2022_lends_pays_and_queues_like_any_other() {
    let node = Node::start("vault-2022");
    let mut mint = node.lock().svm.get_account(&USDC).expect("a mint");
    mint.owner = TOKEN_2022_PROGRAM;
    node.lock().svm.set_account(USDC, mint).expect("no sysvar");
    let program = ("token_program = \"token\"", "token_program = \"token-2022\"");
    let policy = [program, FREE[0], FREE[1]];
    let village = Village::of(Town::of(node, &[program]).indebted(), &policy).launched();
    let town = &village.town;
    let start = town.tokens("lender", USDC).expect("some");
    assert_eq!(village.view().vault.token_program.0, TOKEN_2022_PROGRAM.to_bytes());
    assert_eq!(village.shares("lender"), 10_000_000_000, "shares are of SPL Token");
    village.ok(&["deposit", "--shares", "50"], "lender");
    village.ok(&["withdraw", "50"], "lender");
    village.lend();
    assert!(village.view().vault.idle < 6_000_000_000, "most is lent");
    village.ok(&["queue", "request", "1_000"], "lender");
    village.ok(&["queue", "serve"], "stranger");
    village.ok(&["claim"], "lender");
    village.ok(&["redeem", "all"], "lender");
    assert_eq!(village.shares("lender"), 0);
    let end = town.tokens("lender", USDC).expect("some");
    assert!(end > start + 9_999_000_000, "{end}: all of it, and some interest");
}
