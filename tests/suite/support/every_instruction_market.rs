//! A market in which every instruction would succeed, so that a test can change one thing about an instruction at a time.

use ballast_client::{
    Address, ID, Instruction, LiquidationOrder, MarketView, TOKEN_PROGRAM,
    instruction::{self as ix, ALL, AccountSpec, InstructionSpec},
    to_engine,
};
use ballast_engine::{
    health::report::HealthReport,
    number::units::Bps,
    state::{
        account::rights, change::OF_MARKET, insurance::InsuranceConfig, permission::Action, reserve::ReserveConfig,
    },
};
use ballast_tests::{Outcome, Quote, SOL, Scene, Token, USD, User, World, market_config, reserve_config};
use solana_account::Account;

use super::{
    perp_instructions::PerpInstructions,
    pool_vault_instructions::PoolVaultInstructions,
    queued_changes::{QueuedChanges, higher_loss_limit, lower_cap},
    vault_instructions::VaultInstructions,
};

pub struct EveryInstructionMarket {
    pub world: World,
    /// Every instruction, in the order of [`ALL`]. Each is valid in its [`EveryInstructionMarket::transaction`].
    pub valid: Vec<Instruction>,
}

/// Who takes part.
struct Participants {
    lender: User,
    /// Owes usd against sol, unhealthily.
    trader: User,
    /// Has sol and owes nothing.
    saver: User,
    /// Owes usd and has nothing left.
    bust: User,
    /// Has an empty account.
    idle: User,
    liquidator: Address,
    /// Has staked, asked for it, and waited.
    leaver: Address,
    /// Has staked.
    staker: Address,
    /// Has an empty stake.
    closer: Address,
    /// An empty, reduce-only reserve.
    spare: u8,
    changes: QueuedChanges,
}

/// An account of an instruction.
#[derive(Clone, Copy)]
pub struct Place {
    pub instruction: InstructionSpec,
    pub index: usize,
    pub account: AccountSpec,
}

impl EveryInstructionMarket {
    pub fn new() -> Self {
        let Scene { mut world, usd, sol, lender, trader } = Scene::new();
        let junk = world.list(Token::new("JUNK", 6, 1.0), reserve_config());
        let spare = world.list(Token::new("SPARE", 6, 1.0), ReserveConfig { reduce_only: 1, ..reserve_config() });
        let (saver, bust, idle) = (world.user("saver"), world.user("bust"), world.user("idle"));
        let [liquidator, leaver, staker, closer] =
            ["liquidator", "leaver", "staker", "closer"].map(|name| world.key(name));
        let nominee = world.key("nominee");
        let configured = world.reconfigure_market(|config| {
            (config.loss_limit, config.roles.nominee) = (1_000_000, to_engine(&nominee));
        });
        configured.expect_ok();
        let insured = InsuranceConfig { cooldown: 604_800, fee_share: Bps(2_000), ..InsuranceConfig::default() };
        let configured = world.reconfigure(usd, |config| {
            (config.flash_enabled, config.flash_fee, config.insurance) = (1, Bps(9), insured);
        });
        configured.expect_ok();
        world.supply(saver, sol, 100 * SOL);
        world.supply(bust, junk, 1_000 * USD);
        world.refresh_all();
        world.borrow(trader, usd, 10_000 * USD).expect_ok();
        world.borrow(bust, usd, 500 * USD).expect_ok();
        world.set_price(junk, Quote::dollars(0.01)).expect_ok();
        for reserve in [usd, sol, junk] {
            world.fund(&liquidator, reserve, 1_000_000 * USD);
        }
        let order = LiquidationOrder { debt: usd, collateral: junk, max_repay: u64::MAX, min_collateral: 1 };
        world.liquidate(liquidator, bust.margin, order).expect_ok();
        for owner in [leaver, staker, closer] {
            world.open_stake(owner, usd);
            world.fund(&owner, usd, 10_000 * USD);
        }
        world.stake(leaver, usd, 1_000 * USD).expect_ok();
        world.stake(staker, usd, 1_000 * USD).expect_ok();
        world.begin_unstake(leaver, usd, 500 * USD).expect_ok();
        let mut vault = VaultInstructions::new(&mut world, usd);
        let mut perps = PerpInstructions::new(&mut world, usd, sol);
        let pool_vault = PoolVaultInstructions::new(&mut world, usd, perps.pool);
        // Until the stake is free, less the delay of the changes.
        world.advance(604_800 - 172_800);
        world.refresh_all();
        vault.lend(&mut world);
        let funder = world.key("funder");
        perps.ask(&mut world, funder);
        pool_vault.ask(&mut world);
        let changes = QueuedChanges::new(&mut world, funder, usd, reserve_config());
        let participants =
            Participants { lender, trader, saver, bust, idle, liquidator, leaver, staker, closer, spare, changes };
        vault.prepare(&mut world);
        world.refresh_all();
        world.set_price(sol, Quote::dollars(110.0)).expect_ok();
        let mut valid = valid(&mut world, usd, sol, &participants);
        valid.extend(vault.valid(&mut world));
        valid.extend(perps.valid(&mut world));
        valid.extend(pool_vault.valid(&world));
        Self { world, valid }
    }

    /// The valid instruction of a tag.
    pub fn valid(&self, tag: u8) -> Instruction {
        self.valid.iter().find(|instruction| instruction.data[0] == tag).expect("an instruction").clone()
    }

    /// The transaction in which an instruction is valid, and its place there. Some need another instruction beside them: the
    /// other half of a liquidation or flash loan, or the pause that `resume` ends.
    pub fn transaction(&self, instruction: Instruction) -> (Vec<Instruction>, usize) {
        const BEGIN_LIQUIDATION: u8 = ix::BeginLiquidation::SPEC.tag;
        const END_LIQUIDATION: u8 = ix::EndLiquidation::SPEC.tag;
        const BEGIN_FLASH_LOAN: u8 = ix::BeginFlashLoan::SPEC.tag;
        const END_FLASH_LOAN: u8 = ix::EndFlashLoan::SPEC.tag;
        const RESUME: u8 = ix::Resume::SPEC.tag;
        let valid = |spec: InstructionSpec| self.valid(spec.tag);
        match instruction.data.first().copied() {
            Some(BEGIN_LIQUIDATION) => (vec![instruction, valid(ix::EndLiquidation::SPEC)], 0),
            Some(END_LIQUIDATION) => (vec![valid(ix::BeginLiquidation::SPEC), instruction], 1),
            Some(BEGIN_FLASH_LOAN) => (vec![instruction, valid(ix::EndFlashLoan::SPEC)], 0),
            Some(END_FLASH_LOAN) => (vec![valid(ix::BeginFlashLoan::SPEC), instruction], 1),
            Some(RESUME) => (vec![valid(ix::Pause::SPEC), instruction], 1),
            _ => (vec![instruction], 0),
        }
    }

    /// Sends an instruction in its [`EveryInstructionMarket::transaction`].
    #[track_caller]
    #[must_use = "see the outcome: it may be an error"]
    pub fn send(&mut self, instruction: Instruction) -> Outcome {
        let (transaction, _) = self.transaction(instruction);
        self.world.send(&transaction)
    }

    /// The same in a copy of the world, which is returned too.
    #[track_caller]
    pub fn send_in_a_fork(&self, instruction: Instruction) -> (World, Outcome) {
        let (transaction, _) = self.transaction(instruction);
        let mut world = self.world.fork();
        let outcome = world.send(&transaction);
        (world, outcome)
    }

    /// Every account of every instruction.
    pub fn places() -> Vec<Place> {
        let places = |instruction: &InstructionSpec| {
            let instruction = *instruction;
            let place = move |(index, account): (usize, &AccountSpec)| Place { instruction, index, account: *account };
            instruction.accounts.iter().enumerate().map(place)
        };
        ALL.iter().flat_map(places).collect()
    }

    /// The valid instruction with another address at a place.
    pub fn replaced(&self, place: Place, address: Address) -> Instruction {
        let mut instruction = self.valid(place.instruction.tag);
        instruction.accounts[place.index].pubkey = address;
        instruction
    }

    /// The address at a place of the valid instruction.
    pub fn address(&self, place: Place) -> Address {
        self.valid(place.instruction.tag).accounts[place.index].pubkey
    }

    /// A copy of the account at a place, changed, under a new address.
    pub fn forged(&mut self, place: Place, change: impl FnOnce(&mut Account)) -> Address {
        let mut account = self.world.account(&self.address(place));
        change(&mut account);
        let address = self.world.key("forged");
        self.world.set_account(address, account);
        address
    }
}

/// Names of the accounts that are records of the program.
const RECORDS: [&str; 7] = ["market", "margin_account", "stake", "change", "vault", "request", "term"];

impl Place {
    /// Whether the framework loads this account as a record of the program.
    pub fn is_record(&self) -> bool {
        // Where no vault takes part, an account of that name is a reserve's token account.
        let is_tokens = self.account.name == "vault" && self.instruction.tag < ix::OpenAllocation::SPEC.tag;
        RECORDS.contains(&self.account.name) && !is_tokens && !self.is_created()
    }

    /// Whether a vault may stand in the market's place: what governs the one governs the other.
    pub fn is_governed(&self) -> bool {
        const GOVERNANCE: [InstructionSpec; 5] = [
            ix::SetParameters::SPEC,
            ix::AcceptAuthority::SPEC,
            ix::QueueChange::SPEC,
            ix::ExecuteChange::SPEC,
            ix::CancelChange::SPEC,
        ];
        self.account.name == "market" && GOVERNANCE.iter().any(|spec| spec.tag == self.instruction.tag)
    }

    /// Whether the instruction creates this account as a record of the program.
    pub fn is_created(&self) -> bool {
        let created = [
            ("create_market", "market"),
            ("open_account", "margin_account"),
            ("open_stake", "stake"),
            ("queue_change", "change"),
            ("create_vault", "vault"),
            ("request_exit", "request"),
            ("lock_term", "term"),
        ];
        created.contains(&(self.instruction.name, self.account.name))
    }

    pub fn name(&self) -> String {
        format!("{}.{}", self.instruction.name, self.account.name)
    }
}

fn valid(world: &mut World, usd: u8, sol: u8, participants: &Participants) -> Vec<Instruction> {
    let Participants { lender, trader, saver, bust, idle, liquidator, leaver, staker, closer, .. } = *participants;
    let (authority, payer, funder) = (world.authority, world.payer, world.key("funder"));
    let spare_tokens = world.fund(&lender.key, participants.spare, 0);
    for user in [lender, trader, saver, bust, idle] {
        world.fund(&user.key, usd, 1_000 * USD);
        world.fund(&user.key, sol, 1_000 * SOL);
    }
    let tokens = |user: User, reserve| world.tokens(&user.key, reserve);
    let view = world.view();
    let listed = "the reserve exists";
    let changes = participants.changes;
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
    let (source, destination) = (world.tokens(&liquidator, usd), world.tokens(&liquidator, sol));
    vec![
        MarketView::create(authority, 1, market_config()).0,
        view.list_reserve(payer, changes.listing, funder, changes.mint, TOKEN_PROGRAM),
        view.set_parameters(authority, usd, lower_cap(&view, usd)),
        view.open_account(saver.key, payer, 1),
        view.close_account(idle.key, idle.margin, payer),
        view.deposit(lender.key, lender.margin, tokens(lender, usd), usd, USD).expect(listed),
        view.withdraw(lender.key, lender.margin, tokens(lender, usd), usd, USD).expect(listed),
        view.borrow(saver.key, saver.margin, tokens(saver, usd), usd, 100 * USD).expect(listed),
        view.repay(trader.key, trader.margin, tokens(trader, usd), usd, USD).expect(listed),
        world.refresh_instruction(&[usd, sol]),
        view.liquidate(liquidator, trader.margin, source, destination, order).expect(listed),
        view.settle_bad_debt(bust.margin, usd).expect(listed),
        view.collect_fees(tokens(lender, usd), usd).expect(listed),
        view.read_health(saver.margin),
        view.accept_authority(),
        view.begin_liquidation(liquidator, trader.margin, destination, order).expect(listed),
        view.end_liquidation(lender.key, trader.margin, tokens(lender, usd), usd).expect(listed),
        view.mark_liquidatable(trader.margin),
        view.begin_flash_loan(tokens(saver, usd), usd, 100 * USD).expect(listed),
        view.end_flash_loan(saver.key, tokens(saver, usd), usd).expect(listed),
        view.open_stake(saver.key, payer, usd).expect(listed),
        view.stake(lender.key, staker, tokens(lender, usd), usd, USD).expect(listed),
        view.begin_unstake(staker, usd, USD),
        view.unstake(leaver, world.tokens(&leaver, usd), usd).expect(listed),
        view.close_stake(closer, payer, usd),
        view.pause(&[Action::Withdraw]),
        view.resume(authority),
        view.refresh_reserve(usd).expect(listed),
        view.queue_change(payer, OF_MARKET, higher_loss_limit(&view)),
        view.execute_change(lender.key, &world.change(changes.executed)),
        view.cancel_change(authority, &world.change(changes.cancelled)),
        view.close_reserve(spare_tokens, participants.spare).expect(listed),
        view.set_delegate(saver.key, saver.margin, liquidator, rights::WITHDRAW, i64::MAX),
        view.assert_health(saver.margin, HealthReport::EQUITY, 10_000),
        view.assert_sequence(saver.key, saver.margin, 0),
        view.report_loss(bust.margin),
    ]
}

/// An account of the program whose address anyone could fill.
pub fn program_account(data: Vec<u8>) -> Account {
    Account { lamports: 1_000_000_000, data, owner: ID, ..Account::default() }
}
