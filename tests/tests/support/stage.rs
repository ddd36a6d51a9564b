//! A market in which each of the fourteen instructions would succeed, to change one thing about them at a time.
#![allow(dead_code, reason = "every suite uses its own part")]

use ballast_client::{
    Address, ID, Instruction, LiquidationOrder, MarketView, PYTH_RECEIVERS, TOKEN_PROGRAM,
    instruction::{ALL, AccountSpec, InstructionSpec},
    to_engine,
};
use ballast_tests::{MintSpec, Quote, SOL, Scene, Token, USD, User, World, market_config, reserve_config};
use solana_account::Account;

pub struct Stage {
    pub world: World,
    /// Owes usd against sol, unhealthily.
    pub trader: User,
    /// Every instruction by its tag, valid.
    pub valid: Vec<Instruction>,
}

/// An account of an instruction.
#[derive(Clone, Copy)]
pub struct Place {
    pub instruction: InstructionSpec,
    pub index: usize,
    pub account: AccountSpec,
}

impl Stage {
    pub fn new() -> Self {
        let Scene { mut world, usd, sol, lender, trader } = Scene::new();
        let junk = world.list(Token::new("JUNK", 6, 1.0), reserve_config());
        let (saver, bust, idle) = (world.user("saver"), world.user("bust"), world.user("idle"));
        let liquidator = world.key("liquidator");
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
        world.advance(86_400);
        world.refresh_all();
        world.set_price(sol, Quote::dollars(110.0)).expect_ok();
        let valid = valid(&mut world, usd, sol, [lender, trader, saver, bust, idle], liquidator);
        Self { world, trader, valid }
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
        let mut instruction = self.valid[place.instruction.tag as usize].clone();
        instruction.accounts[place.index].pubkey = address;
        instruction
    }

    /// The address at a place of the valid instruction.
    pub fn address(&self, place: Place) -> Address {
        self.valid[place.instruction.tag as usize].accounts[place.index].pubkey
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

impl Place {
    /// Whether the framework loads this account as a record of the program.
    pub fn is_record(&self) -> bool {
        let created = [("create_market", "market"), ("open_account", "margin_account")];
        ["market", "margin_account"].contains(&self.account.name)
            && !created.contains(&(self.instruction.name, self.account.name))
    }

    pub fn name(&self) -> String {
        format!("{}.{}", self.instruction.name, self.account.name)
    }
}

fn valid(world: &mut World, usd: u8, sol: u8, users: [User; 5], liquidator: Address) -> Vec<Instruction> {
    let [lender, trader, saver, bust, idle] = users;
    let (authority, payer, collector) = (world.authority, world.payer, world.key("collector"));
    let mint = world.mint("unlisted", &MintSpec::spl(6));
    let mut config = reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    for user in users {
        world.fund(&user.key, usd, 1_000 * USD);
        world.fund(&user.key, sol, 1_000 * SOL);
    }
    let tokens = |user: User, reserve| world.tokens(&user.key, reserve);
    let view = world.view();
    let listed = "the reserve exists";
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
    let (source, destination) = (world.tokens(&liquidator, usd), world.tokens(&liquidator, sol));
    vec![
        MarketView::create(authority, 1, authority, collector, PYTH_RECEIVERS, market_config()).0,
        view.add_reserve(payer, mint, TOKEN_PROGRAM, config),
        view.update_reserve(usd, view.reserves[usd as usize].config).expect(listed),
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
        view.update_market(market_config()),
    ]
}

/// An account of the program whose address anyone could fill.
pub fn program_account(data: Vec<u8>) -> Account {
    Account { lamports: 1_000_000_000, data, owner: ID, ..Account::default() }
}
