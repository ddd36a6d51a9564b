//! Insurance: staking, its income, who may do what, and when.

use crate::support::insured_market::{COOLDOWN, earn, insured_reserve_config, insured_scene, leave, staker};
use ballast_client::{Address, Event, from_engine, stake_address};
use ballast_engine::{Error, number::units::Bps, state::insurance::Stake};
use ballast_tests::{Quote, Scene, Token, USD, World, market_config, with_account};
use solana_transaction::InstructionError;

/// Errors of the token program.
const INSUFFICIENT_FUNDS: u32 = 1;
const OWNER_MISMATCH: u32 = 4;

#[test]
fn a_stake_goes_in_waits_and_comes_out() {
    for mut scene in Scene::both() {
        scene.world.reconfigure(scene.usd, |config| config.insurance = insured_reserve_config().insurance).expect_ok();
        let Scene { mut world, usd, .. } = scene;
        let owner = world.key("staker");
        world.fund(&owner, usd, 5_000 * USD);
        let address = world.open_stake(owner, usd);
        let Event::Staked(staked) = world.stake(owner, usd, 4_000 * USD).expect_event() else { panic!("another") };
        assert_eq!((staked.account, staked.reserve), (address, usd));
        assert_eq!((staked.amount, staked.shares), (4_000 * USD, 4_000 * USD));
        assert_eq!(world.balance(&owner, usd), 1_000 * USD);
        let reserve = world.reserve(usd);
        assert_eq!((reserve.insurance.assets, reserve.cash), (4_000 * USD, 1_000_000 * USD));
        assert_eq!(world.vault_balance(usd), 1_004_000 * USD);
        world.assert_conserved();

        let Event::UnstakeBegun(asked) = world.begin_unstake(owner, usd, 3_000 * USD).expect_event() else {
            panic!("another")
        };
        assert_eq!((asked.account, asked.amount, asked.shares), (address, 0, 3_000 * USD));
        assert_eq!(world.stake_of(&owner, usd).free_from, world.now() + COOLDOWN);
        world.advance(COOLDOWN);
        let Event::Unstaked(left) = world.unstake(owner, usd).expect_event() else { panic!("another") };
        assert_eq!((left.account, left.amount, left.shares), (address, 3_000 * USD, 3_000 * USD));
        assert_eq!(world.balance(&owner, usd), 4_000 * USD);
        assert_eq!(world.reserve(usd).insurance.assets, 1_000 * USD);
        world.unstake(owner, usd).expect_error(Error::InsufficientStake);
        world.assert_conserved();
    }
}

#[test]
fn a_stake_comes_out_neither_early_nor_late() {
    let Scene { mut world, usd, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    world.unstake(owner, usd).expect_error(Error::InsufficientStake);
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    let asked = world.now();
    for (seconds, error) in [
        (0, Some(Error::StakeNotFree)),
        (COOLDOWN - 1, Some(Error::StakeNotFree)),
        (COOLDOWN, None),
        (COOLDOWN + Stake::WINDOW, None),
        (COOLDOWN + Stake::WINDOW + 1, Some(Error::StakeNotFree)),
    ] {
        let mut world = world.fork();
        world.set_time(asked + seconds);
        assert_eq!(world.unstake(owner, usd).engine_error(), error, "after {seconds} seconds");
    }
    // Asked again, it waits again.
    world.advance(COOLDOWN - 1);
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    world.advance(1);
    world.unstake(owner, usd).expect_error(Error::StakeNotFree);
    world.advance(COOLDOWN);
    world.unstake(owner, usd).expect_ok();
}

#[test]
fn no_more_is_asked_for_than_is_there_and_a_request_can_be_taken_back() {
    let Scene { mut world, usd, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    world.begin_unstake(owner, usd, 1_000 * USD + 1).expect_error(Error::InsufficientStake);
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    world.begin_unstake(owner, usd, 0).expect_ok();
    world.advance(COOLDOWN);
    world.unstake(owner, usd).expect_error(Error::InsufficientStake);
    world.fund(&owner, usd, 10 * USD);
    world.stake(owner, usd, 0).expect_error(Error::AmountIsZero);
    world.stake(owner, usd, 11 * USD).expect_custom(INSUFFICIENT_FUNDS);
}

#[test]
fn what_was_staked_after_asking_stays() {
    let Scene { mut world, usd, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    world.advance(COOLDOWN);
    world.fund(&owner, usd, 500 * USD);
    world.stake(owner, usd, 500 * USD).expect_ok();
    world.unstake(owner, usd).expect_ok();
    assert_eq!(world.balance(&owner, usd), 1_000 * USD);
    assert_eq!(world.stake_of(&owner, usd).shares.0, 500 * USD);
    world.assert_conserved();
}

// Income.

#[test]
fn stakers_share_the_fees_in_proportion_from_when_they_staked() {
    let Scene { mut world, usd, .. } = insured_scene();
    let first = staker(&mut world, "first", usd, 1_000 * USD);
    earn(&mut world, usd, 200 * USD); // Half is the insurance's.
    // Not yet set aside, it belongs to those who were there.
    let second = staker(&mut world, "second", usd, 3_300 * USD);
    let insurance = world.reserve(usd).insurance;
    assert_eq!((insurance.assets, insurance.shares), (4_300 * USD, 4_000 * USD));
    earn(&mut world, usd, 88 * USD);
    world.advance(3_600);
    world.refresh_reserve(usd).expect_ok();
    assert_eq!(world.reserve(usd).insurance.assets, 4_444 * USD);
    assert_eq!(world.reserve(usd).claimable, 144 * USD, "the other half");
    let paid = [first, second].map(|owner| leave(&mut world, owner, usd));
    assert_eq!(paid, [1_111 * USD, 3_333 * USD]);
    world.assert_conserved();
}

#[test]
fn interest_feeds_the_insurance() {
    let Scene { mut world, usd, trader, .. } = insured_scene();
    staker(&mut world, "staker", usd, USD);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(365 * 86_400);
    world.refresh_reserve(usd).expect_ok();
    let reserve = world.reserve(usd);
    let (insurance, claimable) = (reserve.insurance.assets - USD, reserve.claimable);
    assert!(insurance > USD / 2 && claimable - insurance <= 1, "{insurance} and {claimable}");
    world.assert_conserved();
}

#[test]
fn penalties_feed_the_insurance_of_the_repaid_reserve() {
    let Scene { mut world, usd, sol, trader, .. } = insured_scene();
    staker(&mut world, "staker", usd, USD);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(115.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let order =
        ballast_client::LiquidationOrder { debt: usd, collateral: sol, max_repay: 2_000 * USD, min_collateral: 0 };
    let Event::Liquidated(event) = world.liquidate(liquidator, trader.margin, order).expect_event() else {
        panic!("another")
    };
    let paid = event.repaid + event.insurance;
    assert!((1_990 * USD..=2_000 * USD).contains(&paid), "no more than was offered, and {paid} of it");
    let share = event.repaid as f64 * event.penalty as f64 / 1e4 / 2.0;
    assert!((event.insurance as f64 - share).abs() <= 1.0);
    assert_eq!(world.reserve(usd).insurance.assets, USD + event.insurance);
    assert_eq!(world.reserve(sol).insurance.assets, 0);
    assert_eq!(world.balance(&liquidator, usd), 100_000 * USD - paid);
    world.assert_conserved();
}

/// Income from before anyone staked belongs to nobody who comes later.
#[test]
fn the_first_staker_gets_no_more_than_it_brought() {
    let Scene { mut world, usd, .. } = insured_scene();
    earn(&mut world, usd, 2_000 * USD);
    let owner = staker(&mut world, "staker", usd, 500 * USD);
    let insurance = world.reserve(usd).insurance;
    assert_eq!((insurance.assets, insurance.shares), (1_500 * USD, 1_500 * USD));
    assert_eq!(leave(&mut world, owner, usd), 500 * USD);
    assert_eq!(world.reserve(usd).insurance.assets, 1_000 * USD);
    world.assert_conserved();
}

/// An attacker with the only share cannot take what a second staker pays: not by a donation, which the books do not see, and
/// not by income, because a staker pays for whole shares what they cost and keeps the rest.
#[test]
fn the_first_staker_takes_nothing_from_the_second() {
    let Scene { mut world, usd, .. } = insured_scene();
    let attacker = staker(&mut world, "attacker", usd, 1);
    let vault = from_engine(&world.reserve(usd).vault);
    donate(&mut world, vault, 1_000_000 * USD);
    assert_eq!(world.reserve(usd).insurance.assets, 1, "a donation changes nothing");
    let mut donated = world.fork();
    let victim = staker(&mut donated, "victim", usd, 700 * USD);
    assert_eq!(leave(&mut donated, victim, usd), 700 * USD);
    donated.assert_conserved();

    // A share is worth 100.000001 usd now, paid by the attacker, or by those whose fees it is.
    earn(&mut world, usd, 200 * USD);
    let victim = staker(&mut world, "victim", usd, 700 * USD);
    assert_eq!(world.stake_of(&victim, usd).shares.0, 6);
    assert_eq!(world.balance(&victim, usd), 700 * USD - 6 * (100 * USD + 1), "the rest stays with its owner");
    world.fork().stake(victim, usd, 50 * USD).expect_error(Error::AmountTooSmall);
    assert_eq!(leave(&mut world, victim, usd), 6 * (100 * USD + 1));
    assert_eq!(leave(&mut world, attacker, usd), 100 * USD + 1);
    world.assert_conserved();
}

/// Tokens sent to a token account from nowhere.
fn donate(world: &mut World, account: Address, amount: u64) {
    const AMOUNT: std::ops::Range<usize> = 64..72;
    let mut token_account = world.account(&account);
    let held = world.token_balance(&account);
    token_account.data[AMOUNT].copy_from_slice(&(held + amount).to_le_bytes());
    world.set_account(account, token_account);
}

#[test]
fn a_donation_to_the_vault_belongs_to_nobody() {
    let Scene { mut world, usd, lender, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    let vault = from_engine(&world.reserve(usd).vault);
    let mut without = world.fork();
    donate(&mut world, vault, 500 * USD);
    world.refresh_reserve(usd).expect_ok();
    without.refresh_reserve(usd).expect_ok();
    assert!(world.reserve(usd) == without.reserve(usd));
    world.collect_fees(usd).expect_error(Error::NoFees);
    assert_eq!(leave(&mut world, owner, usd), 1_000 * USD);
    world.withdraw(lender, usd, u64::MAX).expect_ok();
    assert_eq!(world.balance(&lender.key, usd), 1_000_000 * USD);
    assert_eq!(world.vault_balance(usd), 500 * USD);
}

// Who may.

#[test]
fn only_the_owner_takes_a_stake_out_and_anyone_pays_in() {
    let Scene { mut world, usd, trader, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    let thief = world.key("thief");
    let tokens = world.fund(&thief, usd, 10 * USD);
    let view = world.view();
    let gift = view.stake(thief, owner, tokens, usd, 10 * USD).expect("listed");
    world.send_one(gift).expect_ok();
    assert_eq!(world.stake_of(&owner, usd).shares.0, 1_010 * USD);
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    world.advance(COOLDOWN);

    let begin = view.begin_unstake(owner, usd, 1_000 * USD);
    let unstake = view.unstake(owner, tokens, usd).expect("listed");
    let close = view.close_stake(owner, thief, usd);
    for instruction in [begin, unstake, close] {
        let mut unsigned = instruction.clone();
        unsigned.accounts[0].is_signer = false;
        world.send_one(unsigned).expect_instruction_error(InstructionError::MissingRequiredSignature);
        for other in [thief, trader.key, world.authority] {
            let stolen = with_account(instruction.clone(), "owner", other);
            world.send_one(stolen).expect_error(Error::NotAccountOwner);
        }
    }
    let mut unsigned = view.open_stake(thief, thief, usd).expect("listed");
    unsigned.accounts[0].is_signer = false;
    unsigned.accounts[1].pubkey = trader.key;
    world.send_one(unsigned).expect_instruction_error(InstructionError::MissingRequiredSignature);
    world.fund(&thief, usd, USD);
    let of_others = view.stake(owner, owner, tokens, usd, USD).expect("listed");
    world.send_one(of_others).expect_custom(OWNER_MISMATCH);
    assert_eq!(world.balance(&thief, usd), USD);
    world.assert_conserved();
}

#[test]
fn a_stake_belongs_to_one_market() {
    let Scene { mut world, usd, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    let market = world.market;
    world.market = world.create_market(1, market_config());
    let same = world.list(Token::new("USD", 6, 1.0), insured_reserve_config());
    assert_eq!(same, usd);
    let other = staker(&mut world, "other", usd, 1_000 * USD);
    let here = stake_address(&world.market, &other, usd).0;
    world.market = market;
    world.begin_unstake(owner, usd, USD).expect_ok();
    world.fund(&owner, usd, USD);
    let tokens = world.tokens(&owner, usd);
    let view = world.view();
    let instructions = [
        view.stake(owner, owner, tokens, usd, USD).expect("listed"),
        view.begin_unstake(other, usd, USD),
        view.unstake(other, tokens, usd).expect("listed"),
        view.close_stake(other, other, usd),
    ];
    for instruction in instructions {
        let foreign = with_account(instruction, "stake", here);
        world.send_one(foreign).expect_error(Error::WrongMarket);
    }
    world.assert_conserved();
}

#[test]
fn a_stake_belongs_to_one_reserve() {
    let Scene { mut world, usd, sol, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    staker(&mut world, "other", sol, 1_000 * USD);
    world.begin_unstake(owner, usd, 1_000 * USD).expect_ok();
    world.advance(COOLDOWN);
    let [usd_tokens, sol_tokens] = [usd, sol].map(|reserve| world.fund(&owner, reserve, USD));
    let stake = stake_address(&world.market, &owner, usd).0;
    let view = world.view();
    let paid_in = view.stake(owner, owner, sol_tokens, sol, USD).expect("listed");
    world.send_one(with_account(paid_in, "stake", stake)).expect_error(Error::WrongVault);
    let paid_out = view.unstake(owner, sol_tokens, sol).expect("listed");
    world.send_one(with_account(paid_out, "stake", stake)).expect_error(Error::WrongVault);
    let mixed = view.unstake(owner, usd_tokens, usd).expect("listed");
    let sol_mint = from_engine(&view.reserves[sol as usize].mint);
    world.send_one(with_account(mixed, "mint", sol_mint)).expect_error(Error::WrongMint);
    assert!(view.open_stake(owner, owner, 9).is_err());
    world.assert_conserved();
}

#[test]
fn a_stake_is_closed_empty() {
    let Scene { mut world, usd, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    world.close_stake(owner, usd).expect_error(Error::StakeNotEmpty);
    world.begin_unstake(owner, usd, 999 * USD).expect_ok();
    world.advance(COOLDOWN);
    world.unstake(owner, usd).expect_ok();
    world.close_stake(owner, usd).expect_error(Error::StakeNotEmpty);
    leave(&mut world, owner, usd);
    world.close_stake(owner, usd).expect_ok();
    assert_eq!(world.find_account(&stake_address(&world.market, &owner, usd).0), None);
    // And opened again.
    world.open_stake(owner, usd);
    assert_eq!(world.stake_of(&owner, usd).shares.0, 0);
    assert!(!world.send(&[world.view().open_stake(owner, world.payer, usd).expect("listed")]).is_ok());
    world.assert_conserved();
}

#[test]
fn the_longest_cooldown_is_that_of_when_the_stake_was_asked_for() {
    let Scene { mut world, usd, .. } = insured_scene();
    let owner = staker(&mut world, "staker", usd, 1_000 * USD);
    world.begin_unstake(owner, usd, USD).expect_ok();
    world.reconfigure(usd, |config| config.insurance.cooldown = 2_592_000).expect_ok();
    world.advance(COOLDOWN);
    world.unstake(owner, usd).expect_ok();
    for (cooldown, share, error) in [
        (604_799, 0, Error::CooldownOutOfRange),
        (2_592_001, 0, Error::CooldownOutOfRange),
        (604_800, 8_001, Error::InsuranceShareOutOfRange),
    ] {
        let change = |config: &mut ballast_engine::state::reserve::ReserveConfig| {
            (config.insurance.cooldown, config.insurance.penalty_share) = (cooldown, Bps(share));
        };
        world.reconfigure(usd, change).expect_error(error);
    }
}
