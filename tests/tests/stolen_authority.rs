//! The attack of 1 April 2026 (a protocol lost 285 million USD to it): signatures for an authority are stolen in advance, a
//! worthless token is listed as collateral with an inflated price, caps and limits are lifted, and everything is borrowed.
//! Here with the key itself stolen, step by step: what it cannot do, what can be cancelled, and what it comes to if nobody
//! reacts at all.

use ballast_client::{Address, Edits, MarketView, TOKEN_PROGRAM, to_engine};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::{OF_LISTING, OF_MARKET},
        market::MarketConfig,
        reserve::ReserveConfig,
    },
};
use ballast_tests::{MintSpec, Outcome, Quote, Scene, USD, World, reserve_config};

const DELAY: i64 = 172_800;
/// What the lenders have at stake, USD.
const AT_STAKE: u64 = 285_000_000;
/// What the market lets go in an hour, USD.
const HOURLY: u32 = 400_000;

struct Heist {
    world: World,
    usd: u8,
    /// The worthless token.
    mint: Address,
    thief: Address,
}

fn heist() -> Heist {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    world.reconfigure_market(|config| config.outflow_hour = HOURLY).expect_ok();
    world.supply(lender, usd, AT_STAKE * USD - 1_000_000 * USD);
    let mint = world.mint("worthless", &MintSpec::spl(6));
    // Whoever holds this key is the authority.
    let thief = world.authority;
    Heist { world, usd, mint, thief }
}

/// Collateral at 94 %, at the price of a feed of the thief's choice. So few tokens that the cap can be reached: it is shared
/// by all that may be deposited.
fn worthless(mint: &Address) -> ReserveConfig {
    let mut config = ReserveConfig { deposit_cap: 1_200_000, ..reserve_config() };
    config.oracle.feed_id = to_engine(mint);
    config.oracle.max_age = 600;
    (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(9_400), Bps(9_450));
    (config.min_penalty, config.max_penalty) = (Bps(100), Bps(500));
    config
}

impl Heist {
    /// The edits that lift every limit in the thief's way.
    fn relaxed(&self) -> Vec<(u8, Vec<u8>)> {
        let view = self.world.view();
        let market = |change: fn(&mut MarketConfig)| {
            let mut config = view.market.config;
            change(&mut config);
            (OF_MARKET, Edits::of_market(&view.market.config, &config).all())
        };
        let usd = |change: fn(&mut ReserveConfig)| {
            let old = view.reserves[self.usd as usize].config;
            let mut config = old;
            change(&mut config);
            (self.usd, Edits::of_reserve(&old, &config).all())
        };
        vec![
            market(|config| config.outflow_hour = 0),
            market(|config| config.outflow_hour = u32::MAX),
            market(|config| config.loss_limit = u32::MAX),
            market(|config| config.delay = 86_400),
            market(|config| config.roles.nominee.0 = [7; 32]),
            market(|config| config.roles.guardian.0 = [7; 32]),
            market(|config| config.roles.risk_council.0 = [7; 32]),
            market(|config| config.roles.price_receiver.0 = [7; 32]),
            usd(|config| config.oracle.feed_id.0 = [7; 32]),
            usd(|config| config.oracle.max_age = 600),
            usd(|config| config.risk.cross.maintenance_liability = Bps(10_000)),
            usd(|config| config.risk.cross.maintenance_asset = Bps(9_000)),
            usd(|config| config.flash_enabled = 1),
        ]
    }

    fn send(&mut self, build: impl FnOnce(&MarketView, Address) -> ballast_client::Instruction) -> Outcome {
        let instruction = build(&self.world.view(), self.thief);
        self.world.send(&[instruction])
    }

    /// Queues the listing, with a cap, and returns its number.
    fn queue_listing(&mut self, cap: u32) -> u64 {
        let number = self.world.view().market.changes;
        let mut config = worthless(&self.mint);
        config.risk.borrowing_cap = cap;
        let mint = self.mint;
        self.send(|view, thief| view.queue_listing(thief, mint, config)).expect_ok();
        number
    }

    fn list(&mut self, number: u64) -> Outcome {
        let mint = self.mint;
        self.send(|view, thief| view.list_reserve(thief, number, thief, mint, TOKEN_PROGRAM))
    }

    /// Deposits worthless tokens, priced as the thief likes, and borrows until nothing more is given, hour after hour.
    fn borrow_all(&mut self, name: &str, tokens: u64, dollars: f64, hours: u32) -> u64 {
        let (usd, listed) = (self.usd, self.world.view().reserves.len() as u8 - 1);
        self.world.set_price(listed, Quote::dollars(dollars)).expect_ok();
        let user = self.world.user(name);
        if tokens > 0 {
            self.world.supply(user, listed, tokens);
        }
        let mut stolen = 0;
        for _ in 0..hours {
            self.world.advance(3_600);
            self.world.refresh_all();
            let mut step = AT_STAKE * USD / 4;
            while step >= 20 * USD {
                if self.world.fork().borrow(user, usd, step).is_ok() {
                    self.world.borrow(user, usd, step).expect_ok();
                    stolen += step;
                } else {
                    step /= 2;
                }
            }
        }
        stolen
    }
}

#[test]
fn nothing_that_the_attack_needs_can_be_done_at_once() {
    let mut heist = heist();
    let before = heist.world.account(&heist.world.market);
    for (target, edits) in heist.relaxed() {
        heist.send(|view, thief| view.set_parameters(thief, target, edits)).expect_error(Error::AddsRisk);
    }
    // A listing cannot be done at once at all, and not be queued without a cap.
    for cap in [0, 1_000_001, u32::MAX] {
        let config = ReserveConfig { deposit_cap: 1 << 62, ..worthless(&heist.mint) };
        let config = ReserveConfig {
            risk: ballast_engine::state::weights::RiskConfig { borrowing_cap: cap, ..config.risk },
            ..config
        };
        let mint = heist.mint;
        heist.send(|view, thief| view.queue_listing(thief, mint, config)).expect_error(Error::NewListingUncapped);
    }
    assert_eq!(heist.world.account(&heist.world.market), before);
    let number = heist.queue_listing(1_000_000);
    heist.list(number).expect_error(Error::ChangeNotDue);
    heist.world.advance(DELAY - 1);
    heist.list(number).expect_error(Error::ChangeNotDue);
}

#[test]
fn the_guardian_cancels_all_of_it() {
    let mut heist = heist();
    let number = heist.queue_listing(1_000_000);
    let mut queued = vec![number];
    let mut to_the_guardian_alone = Vec::new();
    for (target, edits) in heist.relaxed() {
        let number = heist.world.view().market.changes;
        heist.send(|view, thief| view.queue_change(thief, target, edits)).expect_ok();
        let replaces_guardian = heist.world.change(number).data()[..2] == 64u16.to_le_bytes() && target == OF_MARKET;
        if replaces_guardian { to_the_guardian_alone.push(number) } else { queued.push(number) }
    }
    let guardian = heist.world.key("guardian");
    for number in queued {
        let change = heist.world.change(number);
        let cancel = heist.world.view().cancel_change(guardian, &change);
        heist.world.send(&[cancel]).expect_ok();
    }
    // It cannot keep itself in office, but that takes twice the delay, and the next one finds nothing queued.
    let [replacement] = to_the_guardian_alone[..] else { panic!("one change replaces the guardian") };
    let change = heist.world.change(replacement);
    assert_eq!(change.earliest, heist.world.now() + 2 * DELAY);
    heist.world.advance(DELAY);
    let before = heist.world.view();
    heist.list(number).expect_instruction_error(solana_transaction::InstructionError::AccountDataTooSmall);
    assert_eq!(heist.world.view(), before);
    assert_eq!(before.reserves.len(), 2);
}

#[test]
fn if_nobody_reacts_one_listing_lends_no_more_than_its_cap_before_the_next() {
    let mut heist = heist();
    let number = heist.queue_listing(1_000_000);
    let second = world_with_second(&mut heist);
    heist.world.advance(DELAY);
    heist.list(number).expect_ok();
    let (mint, payer) = (second.0, heist.thief);
    let list = heist.world.view().list_reserve(payer, second.1, payer, mint, TOKEN_PROGRAM);
    heist.world.send(&[list]).expect_error(Error::ListingTooSoon);
    // A token and a fifth at a million dollars each, in two accounts, and then at nine hundred times that.
    let stolen = heist.borrow_all("first", 600_000, 1e6, 24) + heist.borrow_all("second", 600_000, 1e6, 24);
    assert_eq!(heist.borrow_all("first", 0, 9e8, 12) + heist.borrow_all("second", 0, 9e8, 12), 0);
    let stolen = stolen / USD;
    assert!((900_000..=1_000_000).contains(&stolen), "{stolen} USD");
    let left = heist.world.reserve(heist.usd).cash / USD;
    assert!(left >= AT_STAKE - 1_000_000, "{left} USD left");
    // What is left is the lenders' to take: more than the cap has to wait again.
    let raise = |config: &mut ReserveConfig| config.risk.borrowing_cap = 0;
    let listed = heist.world.view().reserves.len() as u8 - 1;
    let old = heist.world.reserve(listed).config;
    let mut new = old;
    raise(&mut new);
    let edits = Edits::of_reserve(&old, &new);
    assert!(edits.at_once.is_empty());
    let at_once = edits.waiting.clone();
    heist.send(|view, thief| view.set_parameters(thief, listed, at_once)).expect_error(Error::AddsRisk);
}

/// A second worthless token, queued at the same time.
fn world_with_second(heist: &mut Heist) -> (Address, u64) {
    let mint = heist.world.mint("worthless too", &MintSpec::spl(6));
    let number = heist.world.view().market.changes;
    let mut config = worthless(&mint);
    config.risk.borrowing_cap = 1_000_000;
    heist.send(|view, thief| view.queue_listing(thief, mint, config)).expect_ok();
    assert_eq!(heist.world.change(number).target, OF_LISTING);
    (mint, number)
}

/// Signatures collected in advance (durable nonces, in the attack) are worth nothing once they have expired.
#[test]
fn what_was_signed_long_ago_is_dead() {
    let mut heist = heist();
    let number = heist.queue_listing(1_000_000);
    heist.world.advance(DELAY + 604_801);
    heist.list(number).expect_error(Error::ChangeExpired);
}
