//! Creating markets, listing reserves, setting parameters.

use ballast_client::{
    Address, Instruction, MarketView, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, change_address, market_address, to_engine,
    vault_address, vault_authority,
};
use ballast_engine::{
    Error,
    number::{
        index::Index,
        units::{Bps, MAX_LIQUIDITY},
    },
    record::layout::{self, LAYOUT_VERSION},
    state::{
        interest::RateCurve,
        market::{MAX_RESERVES, Market, MarketConfig, Roles},
        reserve::ReserveConfig,
    },
};
use ballast_tests::{
    MintSpec, Options, Outcome, Scene, Token, USD, World, market_config, reserve_config, with_account,
};
use solana_account::Account;
use solana_transaction::InstructionError;

/// The system program's "account already in use".
const ACCOUNT_IN_USE: u32 = 0;

#[test]
fn anyone_creates_markets_of_their_own_and_names_their_roles() {
    let mut world = World::empty(Options::default());
    let (creator, collector) = (world.key("creator"), world.key("collector"));
    let guardian = world.key("guardian");
    for id in [0, 1, 258, u16::MAX] {
        let (create, address) = MarketView::create(creator, id, market_config());
        world.send(&[create]).expect_ok();
        world.market = address;
        let MarketView { market, reserves, .. } = world.view();
        assert_eq!(reserves, []);
        assert_eq!((market.version, market.id, market.events), (LAYOUT_VERSION, id, 0));
        assert_eq!((market.creator, market.authority), (to_engine(&creator), to_engine(&creator)));
        assert_eq!(market.config, market_config());
        let named = (market.config.roles.guardian, market.config.roles.fee_collector);
        assert_eq!(named, (to_engine(&guardian), to_engine(&collector)));
        let (vaults, vaults_bump) = vault_authority(&address);
        assert_eq!((market.vault_authority, market.vault_authority_bump), (to_engine(&vaults), vaults_bump));
        assert_eq!((address, market.bump), market_address(&creator, id));
        let account = world.account(&address);
        assert_eq!(account.owner, ballast_client::ID);
        assert!(account.lamports >= world.svm.minimum_balance_for_rent_exemption(account.data.len()));
    }
}

/// Nobody gets a market, or an office in one, without signing for it. Who is to have one takes it over.
#[test]
fn a_market_is_in_nobodys_name_who_did_not_sign() {
    let mut world = World::empty(Options::default());
    let [thief, victim] = ["thief", "victim"].map(|name| world.key(name));
    let config =
        MarketConfig { roles: Roles { nominee: to_engine(&victim), ..market_config().roles }, ..market_config() };
    let (mut create, address) = MarketView::create(victim, 0, config);
    create.accounts[0].is_signer = false;
    assert!(!world.send_from(thief, &[create.clone()]).is_ok());
    // With his own signature it is his own address, or none.
    create.accounts[0].pubkey = thief;
    create.accounts[0].is_signer = true;
    assert!(!world.send(&[create]).is_ok());
    assert!(world.find_account(&address).is_none());
    let (create, market) = MarketView::create(thief, 0, config);
    world.send(&[create]).expect_ok();
    world.market = market;
    assert_ne!(market, address);
    let view = world.view();
    assert_eq!((view.market.creator, view.market.authority), (to_engine(&thief), to_engine(&thief)));
    let launch = with_account(view.launch(), "signer", victim);
    world.send_one(launch.clone()).expect_error(Error::NotAuthorityOrCouncil);
    world.send(&[view.accept_authority()]).expect_ok();
    assert_eq!(world.view().market.authority, to_engine(&victim));
    world.send(&[launch]).expect_ok();
}

#[test]
fn a_market_is_created_once() {
    let mut world = World::new();
    let (create, _) = MarketView::create(world.authority, 0, market_config());
    let outcome = world.send(&[create]);
    assert!(!outcome.is_ok());
    assert_eq!(world.view().market.authority, to_engine(&world.authority));
    assert!(outcome.custom_code() == Some(ACCOUNT_IN_USE) || outcome.instruction_error().is_some());
}

#[test]
fn lamports_sent_ahead_block_neither_market_nor_listing_nor_account() {
    let mut world = World::empty(Options::default());
    let gift = Account { lamports: 12_345, ..Account::default() };
    let (market, _) = market_address(&world.authority, 0);
    world.set_account(market, gift.clone());
    world.market = world.create_market(0, market_config());
    assert_eq!(world.market, market);
    let mint = world.mint("USD", &MintSpec::spl(6));
    world.set_account(vault_address(&market, &mint).0, gift.clone());
    world.send_listing(mint, TOKEN_PROGRAM, reserve_config()).expect_ok();
    let owner = world.key("owner");
    world.set_account(world.view().margin_account(&owner, 0), gift);
    let user = world.user("owner");
    world.supply(user, 0, 5);
    world.assert_conserved();
}

#[test]
fn a_listing_creates_vault_and_record() {
    for spec in [MintSpec::spl(8), MintSpec::token_2022(8)] {
        let mut world = World::new();
        let mint = world.mint("token", &spec);
        world.send_listing(mint, spec.program, reserve_config()).expect_ok();
        let reserve = world.reserve(0);
        let (vault, bump) = vault_address(&world.market, &mint);
        assert_eq!((reserve.mint, reserve.vault, reserve.vault_bump), (to_engine(&mint), to_engine(&vault), bump));
        assert_eq!((reserve.token_program, reserve.decimals), (to_engine(&spec.program), 8));
        assert_eq!((reserve.deposit_index, reserve.debt_index), (Index::ONE, Index::ONE));
        assert_eq!((reserve.cash, reserve.last_accrual), (0, world.now()));
        let mut config = reserve_config();
        config.oracle.feed_id = to_engine(&mint);
        assert_eq!(reserve.config, config);
        let account = world.account(&vault);
        assert_eq!(account.owner, spec.program);
        assert_eq!(account.data[..32], *mint.as_ref());
        assert_eq!(account.data[32..64], *vault_authority(&world.market).0.as_ref());
        assert!(account.lamports >= world.svm.minimum_balance_for_rent_exemption(account.data.len()));
    }
}

#[test]
fn a_market_lists_sixty_four_reserves_and_no_more() {
    let mut world = World::new();
    for index in 0..MAX_RESERVES {
        let spec = if index % 2 == 0 { MintSpec::spl(6) } else { MintSpec::token_2022(6) };
        let mint = world.mint(&format!("token {index}"), &spec);
        world.send_listing(mint, spec.program, reserve_config()).expect_ok();
    }
    let account = world.account(&world.market);
    assert!(account.lamports >= world.svm.minimum_balance_for_rent_exemption(account.data.len()));
    let mint = world.mint("one too many", &MintSpec::spl(6));
    world.send_listing(mint, TOKEN_PROGRAM, reserve_config()).expect_error(Error::TooManyReserves);
    // The last one works like the first.
    let user = world.user("user");
    world.supply(user, 63, 5 * USD);
    world.withdraw(user, 63, 5 * USD).expect_ok();
    assert_eq!(world.view().reserves.len(), MAX_RESERVES);
    world.assert_conserved();
}

#[test]
fn a_listing_leaves_the_other_reserves_alone() {
    let Scene { mut world, .. } = Scene::new();
    let before = world.view();
    let mint = world.mint("new", &MintSpec::spl(6));
    world.send_listing(mint, TOKEN_PROGRAM, reserve_config()).expect_ok();
    let after = world.view();
    assert_eq!(after.reserves[..2], before.reserves[..]);
    let counted = Market { events: before.market.events + 2, changes: before.market.changes + 1, ..before.market };
    assert_eq!(after.market, counted);
}

#[test]
fn refused_listings() {
    let Scene { mut world, usd, .. } = Scene::new();
    let mint = ballast_client::from_engine(&world.reserve(usd).mint);
    world.send_listing(mint, TOKEN_PROGRAM, reserve_config()).expect_error(Error::DuplicateReserve);
    let mint = world.mint("new", &MintSpec::spl(6));
    let [queue, list] = unlaunched(&mut world, mint);
    let thief = world.key("thief");
    let queue_as_thief = with_account(queue.clone(), "authority", thief);
    world.send(&[queue_as_thief]).expect_error(Error::NotMarketAuthority);
    let mut unsigned = queue.clone();
    unsigned.accounts[0].is_signer = false;
    world.send(&[unsigned]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    let other = with_account(list.clone(), "vault_authority", vault_authority(&mint).0);
    world.send(&[queue.clone(), other]).expect_error(Error::WrongVaultAuthority);
    let other = with_account(list.clone(), "token_program", TOKEN_2022_PROGRAM);
    world.send(&[queue.clone(), other]).expect_error(Error::MintNotOwnedByTokenProgram);
    let other = with_account(list.clone(), "recipient", thief);
    world.send(&[queue.clone(), other]).expect_error(Error::WrongChange);
    let another = world.mint("another", &MintSpec::spl(6));
    let other = with_account(list.clone(), "mint", another);
    let other = with_account(other, "vault", vault_address(&world.market, &another).0);
    world.send(&[queue.clone(), other]).expect_error(Error::WrongMint);
    world.send(&[queue, list]).expect_ok();
}

/// A market that has not been launched, made the one at hand, and the instructions that list a mint in it.
fn unlaunched(world: &mut World, mint: Address) -> [Instruction; 2] {
    world.market = world.create_market(1, market_config());
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    world.listing(mint, TOKEN_PROGRAM, config)
}

#[test]
fn one_key_may_list_and_pay() {
    let mut world = World::new();
    let mint = world.mint("new", &MintSpec::spl(6));
    let [queue, list] = unlaunched(&mut world, mint);
    let authority = world.authority;
    let [queue, list] = [queue, list].map(|instruction| with_account(instruction, "payer", authority));
    world.send(&[queue, with_account(list, "recipient", authority)]).expect_ok();
    assert!(world.find_account(&change_address(&world.market, 0).0).is_none(), "its rent is returned");
}

/// Whether a listing and a change of a listed reserve are both refused with an error.
#[track_caller]
fn refuse(world: &mut World, mint: Address, error: Error, change: impl Fn(&mut ReserveConfig)) {
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    change(&mut config);
    let queue = world.view().queue_listing(world.payer, mint, config);
    world.send(&[queue]).expect_error(error);
    world.reconfigure(0, change).expect_error(error);
}

#[test]
fn parameters_out_of_range_are_refused_when_listing_and_when_changing() {
    let Scene { mut world, .. } = Scene::new();
    let mint = world.mint("new", &MintSpec::spl(6));
    let mut refuse = |error, change: fn(&mut ReserveConfig)| refuse(&mut world, mint, error, change);
    refuse(Error::FeedMissing, |config| config.oracle.feed_id = Default::default());
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_age = 0);
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_age = 601);
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_confidence_initial = Bps(0));
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_confidence_initial = Bps(1_001));
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_confidence_maintenance = Bps(2_001));
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_ema_divergence = Bps(0));
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.max_ema_divergence = Bps(5_001));
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.confidence_multiple = Bps(9_999));
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.confidence_multiple = Bps(50_001));
    refuse(Error::CurvePointCountOutOfRange, |config| config.curve.count = 1);
    refuse(Error::CurvePointCountOutOfRange, |config| config.curve.count = 9);
    refuse(Error::CurvePointCountOutOfRange, |config| config.curve.count = 255);
    refuse(Error::CurveMustSpanAllUtilisation, |config| config.curve.points[0].utilisation = Bps(1));
    refuse(Error::CurveMustSpanAllUtilisation, |config| config.curve.count = 2);
    refuse(Error::CurveMustRise, |config| config.curve.points[1].utilisation = Bps(0));
    refuse(Error::CurveMustRise, |config| config.curve.points[1].utilisation = Bps(10_000));
    refuse(Error::CurveMustRise, |config| config.curve.points[1].rate_bps = 10_001);
    refuse(Error::CurveRateAboveCeiling, |config| config.curve.points[2].rate_bps = 100_001);
    refuse(Error::OracleLimitOutOfRange, |config| config.oracle.reference_speed = Bps(10_001));
    refuse(Error::FeedMissing, |config| config.oracle.base_feed_account = layout::Address([1; 32]));
    refuse(Error::MaintenanceTighterThanInitial, |config| config.risk.cross.initial_asset = Bps(8_501));
    refuse(Error::AssetWeightOutOfRange, |config| config.risk.cross.maintenance_asset = Bps(10_001));
    refuse(Error::LiabilityWeightOutOfRange, |config| config.risk.cross.maintenance_liability = Bps(9_999));
    refuse(Error::MaintenanceTighterThanInitial, |config| config.risk.cross.initial_liability = Bps(10_499));
    refuse(Error::LiabilityWeightOutOfRange, |config| config.risk.cross.initial_liability = Bps(50_001));
    refuse(Error::LiabilityWeightOutOfRange, |config| config.risk.isolated.maintenance_asset = Bps(1));
    refuse(Error::GroupWeightsWithoutGroup, |config| config.risk.group_maintenance_asset = Bps(9_000));
    refuse(Error::GroupWeightsTighter, |config| {
        config.risk.group_id = 1;
        (config.risk.group_initial_asset, config.risk.group_maintenance_asset) = (Bps(8_000), Bps(8_499));
    });
    refuse(Error::HaircutOutOfRange, |config| config.risk.max_volatility_haircut = Bps(10_001));
    refuse(Error::HaircutWithoutDepth, |config| config.risk.max_market_haircut = Bps(1));
    refuse(Error::HaircutWithoutDepth, |config| config.risk.max_position_haircut = Bps(1));
    refuse(Error::RampOutOfRange, |config| config.risk.ramp = Bps(0));
    refuse(Error::RampOutOfRange, |config| config.risk.ramp = Bps(2_001));
    refuse(Error::ClassOutOfRange, |config| config.risk.class = 5);
    refuse(Error::ControllerOutOfRange, |config| config.controller.speed = Bps(1));
    refuse(Error::SwitchOutOfRange, |config| config.borrow_enabled = 2);
    refuse(Error::ReserveHasNoUse, |config| {
        config.borrow_enabled = 0;
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(0), Bps(0));
    });
    refuse(Error::PenaltyOutOfRange, |config| config.min_penalty = Bps(1_001));
    refuse(Error::PenaltyOutOfRange, |config| config.max_penalty = Bps(2_501));
    // 85 % × 1.1765 is above one.
    refuse(Error::PenaltyOutOfRange, |config| config.max_penalty = Bps(1_765));
    refuse(Error::ReserveFactorOutOfRange, |config| config.reserve_factor = Bps(5_001));
    refuse(Error::CapOutOfRange, |config| config.deposit_cap = MAX_LIQUIDITY + 1);
    refuse(Error::CapOutOfRange, |config| config.borrow_cap = u64::MAX);
    refuse(Error::MinimumDepositIsZero, |config| config.min_deposit = 0);
}

#[test]
fn parameters_at_the_edge_of_their_range_are_accepted() {
    let Scene { mut world, .. } = Scene::new();
    let changes: [fn(&mut ReserveConfig); 5] = [
        |config| config.oracle.max_age = 600,
        |config| config.max_penalty = Bps(1_764),
        |config| config.reserve_factor = Bps(5_000),
        |config| config.risk.cross.initial_liability = Bps(50_000),
        |config| config.curve = RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).expect("two points"),
    ];
    for change in changes {
        world.reconfigure(0, change).expect_ok();
    }
}

#[test]
fn a_change_replaces_the_parameters_and_charges_the_old_ones_until_now() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let flat = |bps| RateCurve::new(&[(0, bps), (10_000, bps)]).expect("two points");
    world.reconfigure(usd, |config| config.curve = flat(1_000)).expect_ok();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(365 * 86_400);
    world.reconfigure(usd, |config| config.curve = flat(2_000)).expect_ok();
    world.advance(365 * 86_400);
    let reserve = world.reserve(usd);
    assert_eq!(reserve.config.curve, flat(2_000));
    let owed = reserve.debt_index_at(world.now()).amount_ceil(reserve.debt_shares) as f64;
    let expected = 10_000.0 * USD as f64 * 0.3f64.exp();
    assert!((owed / expected - 1.0).abs() < 1e-8, "{owed} instead of {expected}");
}

#[test]
fn market_parameters_out_of_range_are_refused() {
    let mut world = World::new();
    let one_dollar = market_config().dust_value;
    let create = |world: &mut World, config: MarketConfig| -> Outcome {
        let (create, _) = MarketView::create(world.authority, 1, config);
        world.send(&[create])
    };
    let base = market_config();
    let cases = [
        (MarketConfig { target_health: Bps(10_049), ..base }, Error::TargetHealthOutOfRange),
        (MarketConfig { target_health: Bps(15_001), ..base }, Error::TargetHealthOutOfRange),
        (MarketConfig { full_penalty_shortfall: Bps(99), ..base }, Error::ShortfallOutOfRange),
        (MarketConfig { full_penalty_shortfall: Bps(5_001), ..base }, Error::ShortfallOutOfRange),
        (MarketConfig { dust_value: one_dollar / 100 - 1, ..base }, Error::DustValueOutOfRange),
        (MarketConfig { dust_value: base.min_debt_value + 1, ..base }, Error::DustValueOutOfRange),
        (MarketConfig { min_debt_value: one_dollar * 1_000 + 1, ..base }, Error::DustValueOutOfRange),
    ];
    for (config, error) in cases {
        create(&mut world, config).expect_error(error);
    }
    let without = |change: fn(&mut Roles)| {
        let mut config = base;
        change(&mut config.roles);
        config
    };
    for (config, error) in [
        (without(|roles| roles.fee_collector = layout::Address::NONE), Error::RoleMissing),
        (without(|roles| roles.guardian = layout::Address::NONE), Error::RoleMissing),
        (without(|roles| roles.price_receiver = layout::Address::NONE), Error::ReceiverMissing),
        (MarketConfig { delay: 86_399, ..base }, Error::DelayOutOfRange),
        (MarketConfig { delay: 2_592_001, ..base }, Error::DelayOutOfRange),
    ] {
        create(&mut world, config).expect_error(error);
    }
    create(&mut world, base).expect_ok();
}

#[test]
fn markets_do_not_share_anything() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let first = world.market;
    world.market = world.create_market(1, market_config());
    let same = world.list(Token::new("USD", 6, 1.0), reserve_config());
    assert_eq!(same, usd);
    let other = world.user("lender");
    assert_ne!(other.margin, lender.margin);
    world.supply(other, same, 7 * USD);
    assert_eq!((world.reserve(same).cash, world.vault_balance(same)), (7 * USD, 7 * USD));
    world.assert_conserved();
    world.market = first;
    assert_eq!((world.reserve(usd).cash, world.vault_balance(usd)), (1_000_000 * USD, 1_000_000 * USD));
    world.assert_conserved();
}
