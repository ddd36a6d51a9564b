//! Every instruction, once through, by both builds of the program: SBPF v3 and v0 leave the same bytes everywhere.
//!
//! The two differ in how a function gets arguments beyond the fifth register. Those that take such arguments are in
//! every instruction that creates an account, in `refresh_prices` and in `liquidate`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::support::{perp_instructions::PerpInstructions, pool_vault_instructions::PoolVaultInstructions};
use ballast_client::{
    Address, Edits, Event, ID, LiquidationOrder, MarketView, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, VaultView, from_engine,
    instruction, to_engine,
};
use ballast_engine::{
    health::report::HealthReport,
    ledger::EVERYTHING,
    number::units::Bps,
    state::{
        account::rights, change::OF_MARKET, insurance::InsuranceConfig, permission::Action, reserve::ReserveConfig,
        vault::Vault,
    },
};
use ballast_tests::{
    MintSpec, Options, Outcome, Quote, SOL, Token, USD, User, World, market_config, program_path, read_program,
    reserve_config, vault_config,
};
use solana_account::Account;

/// Where an ELF file has its flags: the SBPF version of a program.
const ELF_FLAGS: std::ops::Range<usize> = 48..52;

/// The v0 bytecode: what `scripts/build --arch v0` made, or the file that `BALLAST_PROGRAM_V0` names.
fn v0_program_path() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy/v0/ballast.so");
    std::env::var_os("BALLAST_PROGRAM_V0").map_or(built, PathBuf::from)
}

/// What one transaction left behind.
#[derive(PartialEq)]
struct Step {
    name: &'static str,
    events: Vec<Event>,
    return_data: Vec<u8>,
    /// Everything that belongs to the program or to a token program.
    accounts: BTreeMap<Address, Account>,
}

struct Run {
    world: World,
    steps: Vec<Step>,
    /// The tags of the instructions that ran.
    tags: Vec<u8>,
}

impl Run {
    fn new(bytecode: &[u8]) -> Self {
        let mut world = World::empty(Options::default());
        world.svm.add_program(ID, bytecode).expect("the program loads");
        Self { world, steps: Vec::new(), tags: Vec::new() }
    }

    /// Does something that must succeed, and records what it left.
    #[track_caller]
    fn step(&mut self, name: &'static str, action: impl FnOnce(&mut World) -> Outcome) {
        self.steps_in_one(&[name], action);
    }

    /// Does several in one transaction.
    #[track_caller]
    fn steps_in_one(&mut self, names: &[&'static str], action: impl FnOnce(&mut World) -> Outcome) {
        let outcome = action(&mut self.world);
        assert!(outcome.is_ok(), "{names:?}: {}", outcome.describe());
        for name in names {
            let spec = instruction::ALL.iter().find(|spec| spec.name == *name).expect("the name of an instruction");
            self.tags.push(spec.tag);
        }
        let name = names[0];
        let owners = [ID, TOKEN_PROGRAM, TOKEN_2022_PROGRAM];
        let accounts = owners.iter().flat_map(|owner| self.world.svm.get_program_accounts(owner)).collect();
        self.steps.push(Step { name, events: outcome.events, return_data: outcome.return_data, accounts });
    }

    fn list(&mut self, token: Token) -> u8 {
        let reserve = self.world.view().reserves.len() as u8;
        let Token { name, mint: spec @ MintSpec { program, .. }, quote } = token;
        let mint = self.world.mint(&name, &spec);
        let mut config = reserve_config();
        config.oracle.feed_id = to_engine(&mint);
        let listing = self.world.listing(mint, program, config);
        self.steps_in_one(&["queue_change", "list_reserve"], |world| world.send(&listing));
        self.step("refresh_prices", |world| world.set_price(reserve, quote));
        reserve
    }

    fn open(&mut self, name: &str) -> User {
        let key = self.world.key(name);
        let view = self.world.view();
        self.step("open_account", |world| world.send(&[view.open_account(key, world.payer, 0)]));
        User { key, margin: view.margin_account(&key, 0) }
    }

    /// Every instruction of perps.
    fn trade_perps(&mut self, usd: u8, sol: u8) {
        let mut perps = PerpInstructions::new(&mut self.world, usd, sol);
        let payer = self.world.payer;
        let pool_vault = PoolVaultInstructions::new(&mut self.world, usd, perps.pool);
        self.world.refresh_all();
        perps.ask(&mut self.world, payer);
        pool_vault.ask(&mut self.world);
        self.world.advance(172_800);
        self.world.refresh_all();
        self.world.set_price(sol, Quote::dollars(110.0)).expect_ok();
        let of_vault = pool_vault.valid(&self.world);
        for instruction in perps.valid(&mut self.world).into_iter().chain(of_vault) {
            let spec = instruction::InstructionSpec::of_tag(instruction.data[0]).expect("an instruction");
            // A new request would start the delay anew.
            let is_request = spec.name.ends_with("pool_request");
            self.step(spec.name, |world| match is_request {
                true => world.fork().send(&[instruction]),
                false => world.send(&[instruction]),
            });
        }
        self.world.set_price(sol, Quote::dollars(150.0)).expect_ok();
        self.world.refresh_all();
    }

    fn deposit(&mut self, user: User, reserve: u8, amount: u64) {
        self.world.fund(&user.key, reserve, amount);
        self.step("deposit", |world| world.deposit(user, reserve, amount));
    }

    /// A reserve listed by mistake.
    fn close_empty_reserve(&mut self) {
        let reserve = self.list(Token::new("mistake", 6, 1.0));
        self.step("set_parameters", |world| world.reconfigure(reserve, |config| config.reduce_only = 1));
        let collector = self.world.key("collector");
        let destination = self.world.fund(&collector, reserve, 0);
        let close = self.world.view().close_reserve(destination, reserve).expect("the reserve exists");
        self.step("close_reserve", |world| world.send(&[close]));
    }

    /// A change that is cancelled, and one that is made: of the authority.
    fn change_hands(&mut self) {
        let (view, payer, heir) = (self.world.view(), self.world.payer, self.world.key("heir"));
        let mut config = view.market.config;
        config.roles.nominee = to_engine(&heir);
        let edits = Edits::of_market(&view.market.config, &config).all();
        for _ in 0..2 {
            let queue = self.world.view().queue_change(payer, OF_MARKET, edits.clone());
            self.step("queue_change", |world| world.send(&[queue]));
        }
        let [first, second] = [0, 1].map(|nth| self.world.change(view.market.changes + nth));
        let cancel = view.cancel_change(self.world.key("guardian"), &first);
        self.step("cancel_change", |world| world.send(&[cancel]));
        self.world.advance(2 * view.market.config.delay as i64);
        let execute = view.execute_change(payer, &second);
        self.step("execute_change", |world| world.send(&[execute]));
        let accept = self.world.view().accept_authority();
        self.step("accept_authority", |world| world.send(&[accept]));
    }

    /// A vault from its creation until all have left it: shares bought, locked, put into the queue and redeemed from the market.
    fn entrust(&mut self, reserve: u8) {
        const DAY: i64 = 86_400;
        let [curator, holder, other] = ["curator", "holder", "other"].map(|name| self.world.key(name));
        let mut config = vault_config();
        config.roles.fee_collector = to_engine(&curator);
        (config.term_spacing, config.management_fee, config.min_gain) = (DAY as u32, Bps(100), Bps(0));
        (config.launched, config.allocations[0].market) = (1, to_engine(&self.world.market));
        (config.allocations[0].cap, config.allocations[0].share_cap) = (1 << 60, Bps(10_000));
        let record = self.world.reserve(reserve);
        let token = (from_engine(&record.mint), from_engine(&record.token_program));
        let (create, vault) =
            VaultView::create(curator, 0, config, token, self.world.fund(&curator, reserve, Vault::SEED));
        self.step("create_vault", |world| world.send(&[create]));
        let open = self.world.vault(&vault).open_allocation(0).expect("a slot");
        self.step("open_allocation", |world| world.send(&[open]));
        let [fees, shares, others] = [curator, holder, other].map(|owner| self.world.shares(&vault, &owner));
        let [source, paid] = [holder, other].map(|owner| self.world.fund(&owner, reserve, 100_000 * USD));
        let view = self.world.vault(&vault);
        let deposit = view.deposit(holder, source, shares, 50_000 * USD, 0);
        self.step("vault_deposit", |world| world.send(&[deposit]));
        self.step("vault_mint", |world| world.send(&[view.mint(other, paid, others, 20_000 * USD, u64::MAX)]));

        let (payer, today) = (self.world.payer, self.world.now() / DAY * DAY);
        for (id, days) in [(0, 2), (1, 8)] {
            let lock = view.lock_term(holder, payer, id, shares, 1_000 * USD, today + days * DAY);
            self.step("lock_term", |world| world.send(&[lock]));
        }
        self.world.advance(2 * DAY);
        self.step("refresh_prices", |world| world.set_price(reserve, Quote::dollars(1.0)));
        let found = self.world.vault(&vault).next_move(self.world.now()).expect("a move");
        let rebalance = self.world.vault(&vault).rebalance(&found, shares).expect("its market");
        self.step("rebalance_vault", |world| world.send(&[rebalance]));
        let view = self.world.vault(&vault);
        self.step("free_term", |world| world.send(&[view.free_term(view.term(&holder, 0))]));
        for (id, early) in [(0, false), (1, true)] {
            self.step("end_term", |world| world.send(&[view.end_term(holder, id, shares, early, payer)]));
        }
        for (owner, from) in [(holder, shares), (other, others)] {
            let request = view.request_exit(owner, payer, from, 100 * USD, 0);
            self.step("request_exit", |world| world.send(&[request]));
        }
        let serve = self.world.vault(&vault).serve_exit(1).expect("somebody waits");
        self.step("serve_exit", |world| world.send(&[serve]));
        self.step("claim_exit", |world| world.send(&[view.claim_exit(holder, source, payer)]));
        self.step("cancel_exit", |world| world.send(&[view.cancel_exit(other, others, payer)]));
        let withdraw = self.world.vault(&vault).withdraw(holder, shares, source, 30_000 * USD, u64::MAX, 1);
        self.step("vault_withdraw", |world| world.send(&[withdraw]));
        self.step("read_vault", |world| world.send(&[view.read()]));
        self.step("collect_vault_fees", |world| world.send(&[view.collect_fees(curator, fees)]));
        for (owner, from, to) in [(other, others, paid), (holder, shares, source)] {
            let all = self.world.token_balance(&from);
            let redeem = self.world.vault(&vault).redeem(owner, from, to, all, 0, 1);
            self.step("vault_redeem", |world| world.send(&[redeem]));
        }
    }

    /// A stake put in, asked for and taken out after thirty days; its account is closed.
    fn stake_for_a_month(&mut self, owner: Address, reserve: u8) {
        let view = self.world.view();
        let open = view.open_stake(owner, self.world.payer, reserve).expect("the reserve exists");
        self.step("open_stake", |world| world.send(&[open]));
        self.step("stake", |world| world.stake(owner, reserve, 1_000 * USD));
        self.step("begin_unstake", |world| world.begin_unstake(owner, reserve, 1_000 * USD));
        self.world.advance(30 * 86_400);
        self.step("unstake", |world| world.unstake(owner, reserve));
        self.step("close_stake", |world| world.send(&[view.close_stake(owner, world.payer, reserve)]));
    }
}

/// What its reserve's configuration needs for the instructions that are off by default.
fn open_to_flash_loans_and_insured(config: &mut ReserveConfig) {
    (config.flash_enabled, config.flash_fee) = (1, Bps(9));
    config.insurance = InsuranceConfig { cooldown: 2_591_999, fee_share: Bps(2_000), penalty_share: Bps(1_000) };
}

/// A market from its creation until nobody has anything in it.
fn live_through(bytecode: &[u8]) -> Vec<Step> {
    let mut run = Run::new(bytecode);
    let authority = run.world.authority;
    ["collector", "guardian"].iter().for_each(|name| _ = run.world.key(name));
    let (create, market) = MarketView::create(authority, 7, market_config());
    run.step("create_market", |world| world.send(&[create]));
    run.world.market = market;
    let usd = run.list(Token::new("USD", 6, 1.0));
    let sol = run.list(Token::new("SOL", 9, 150.0).token_2022());
    run.step("set_parameters", |world| world.reconfigure_market(|config| config.loss_limit = 2));
    run.step("set_parameters", |world| world.reconfigure(sol, |config| config.deposit_cap = 1_000 * SOL));
    run.step("set_parameters", |world| world.reconfigure(usd, open_to_flash_loans_and_insured));

    run.close_empty_reserve();
    run.step("set_parameters", |world| world.send(&[world.view().launch()]));

    let (lender, trader) = (run.open("lender"), run.open("trader"));
    run.deposit(lender, usd, 1_000_000 * USD);
    run.deposit(trader, sol, 100 * SOL);
    for (reserve, dollars) in [(usd, 1.0), (sol, 150.0)] {
        run.world.advance(1);
        run.world.publish(reserve, Quote::dollars(dollars));
    }
    run.step("refresh_prices", |world| world.refresh(&[usd, sol]));
    run.step("borrow", |world| world.borrow(trader, usd, 10_100 * USD));
    run.step("repay", |world| world.repay(trader, usd, 100 * USD));
    run.step("withdraw", |world| world.withdraw(lender, usd, USD));
    let liquidator = run.world.key("liquidator");
    run.world.fund(&liquidator, usd, 1_000_000 * USD);
    run.stake_for_a_month(liquidator, usd);
    let flash_loan = run.world.flash_loan(liquidator, usd, 1_000 * USD);
    run.steps_in_one(&["begin_flash_loan", "end_flash_loan"], |world| world.send(&flash_loan));
    run.entrust(usd);
    run.trade_perps(usd, sol);

    run.step("refresh_prices", |world| world.set_price(usd, Quote::dollars(1.0)));
    for (dollars, max_repay) in [(120.0, 2_000 * USD), (20.0, u64::MAX)] {
        run.step("refresh_prices", |world| world.set_price(sol, Quote::dollars(dollars)));
        run.step("read_health", |world| world.read_health(trader.margin));
        run.step("mark_liquidatable", |world| world.mark_liquidatable(trader.margin));
        let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: max_repay / 2, min_collateral: 1 };
        let receivership = run.world.receivership(liquidator, trader.margin, order);
        run.steps_in_one(&["begin_liquidation", "end_liquidation"], |world| world.send(&receivership));
        if run.world.deposit_shares(trader, sol) > 0 {
            run.step("liquidate", |world| world.liquidate(liquidator, trader.margin, order));
        }
    }
    run.step("collect_fees", |world| world.collect_fees(usd));
    run.step("report_loss", |world| world.report_loss(trader.margin));
    run.step("withdraw", |world| world.withdraw(lender, usd, USD));
    run.step("settle_bad_debt", |world| world.settle(trader.margin, usd));
    run.step("refresh_reserve", |world| world.refresh_reserve(usd));
    let (view, delegate) = (run.world.view(), run.world.key("delegate"));
    run.step("set_delegate", |world| {
        world.send(&[view.set_delegate(lender.key, lender.margin, delegate, rights::WITHDRAW, i64::MAX)])
    });
    run.step("assert_sequence", |world| world.send(&[view.assert_sequence(delegate, lender.margin, 0)]));
    run.step("assert_health", |world| world.send(&[view.assert_health(lender.margin, HealthReport::EQUITY, 10_000)]));
    let own = run.world.tokens(&lender.key, usd);
    let by_delegate = view.withdraw(delegate, lender.margin, own, usd, USD).expect("the reserve exists");
    run.step("withdraw", |world| world.send(&[by_delegate]));
    run.step("pause", |world| world.pause(&[Action::Withdraw, Action::Borrow]));
    run.step("resume", |world| world.resume(authority));
    run.step("withdraw", |world| world.withdraw(lender, usd, EVERYTHING));
    run.world.assert_conserved();
    run.change_hands();
    for user in [lender, trader] {
        run.step("close_account", |world| world.close(user));
    }

    let Run { steps, mut tags, .. } = run;
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), instruction::ALL.len(), "every instruction ran");
    steps
}

/// Where two accounts begin to differ.
fn first_difference(a: &Account, b: &Account) -> Option<usize> {
    a.data.iter().zip(&b.data).position(|(a, b)| a != b)
}

#[test]
fn both_builds_of_the_program_leave_the_same_bytes() {
    let v3 = read_program(&program_path(), "scripts/build");
    let v0 = read_program(&v0_program_path(), "scripts/build --arch v0");
    assert_eq!(v0[ELF_FLAGS], [0; 4], "{} is not of SBPF v0", v0_program_path().display());

    let (v3, v0) = (live_through(&v3), live_through(&v0));
    for (index, (a, b)) in v3.iter().zip(&v0).enumerate() {
        let step = format!("step {index}, {}", a.name);
        assert_eq!(a.events, b.events, "{step}");
        assert_eq!(a.return_data, b.return_data, "{step}");
        assert!(a.accounts.keys().eq(b.accounts.keys()), "{step}: other accounts exist");
        for (address, account) in &a.accounts {
            let other = &b.accounts[address];
            assert!(account == other, "{step}: {address} differs from byte {:?} on", first_difference(account, other));
        }
    }
}
