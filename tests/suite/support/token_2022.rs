//! Mints that Token-2022 itself makes, and a market of tokens with a transfer fee.

use ballast_client::{Address, LiquidationOrder, TOKEN_2022_PROGRAM, from_engine};
use ballast_engine::state::{reserve::ReserveConfig, token::TransferFee};
use ballast_tests::{Quote, SOL, USD, User, World};
use solana_instruction::Instruction;
pub use spl_token_2022_interface::state::Mint as State;
use spl_token_2022_interface::{
    extension::{ExtensionType, transfer_fee::instruction as fees},
    instruction as token,
};

pub const PROGRAM: Address = TOKEN_2022_PROGRAM;
/// Epochs from setting a fee until it holds.
pub const NOTICE: u64 = 2;

/// Has Token-2022 create a mint with extensions; the world's payer may freeze accounts of it.
#[track_caller]
pub fn create(world: &mut World, mint: Address, decimals: u8, extensions: &[(ExtensionType, Instruction)]) {
    let types: Vec<_> = extensions.iter().map(|(extension, _)| *extension).collect();
    let length = ExtensionType::try_calculate_account_len::<State>(&types).expect("sized extensions");
    world.write(mint, PROGRAM, vec![0; length]);
    let mut instructions: Vec<_> = extensions.iter().map(|(_, instruction)| instruction.clone()).collect();
    let payer = world.payer;
    instructions.push(token::initialize_mint2(&PROGRAM, &mint, &payer, Some(&payer), decimals).expect("valid"));
    world.send(&instructions).expect_ok();
}

/// What makes a mint one with a fee, which the world's payer may change and collect.
pub fn with_fee(world: &World, mint: &Address, fee: TransferFee) -> (ExtensionType, Instruction) {
    let payer = Some(&world.payer);
    let instruction = fees::initialize_transfer_fee_config(&PROGRAM, mint, payer, payer, fee.bps, fee.maximum);
    (ExtensionType::TransferFeeConfig, instruction.expect("valid"))
}

/// `Scene` with a fee on both tokens, a liquidator, and flash loans.
pub struct Fees {
    pub world: World,
    pub usd: u8,
    pub sol: u8,
    pub lender: User,
    pub trader: User,
    pub liquidator: Address,
}

impl Fees {
    #[track_caller]
    pub fn new(fee: TransferFee, config: ReserveConfig) -> Self {
        let mut world = World::new();
        let mut list = |name: &str, decimals: u8, dollars: f64| {
            let mint = world.key(name);
            let extension = with_fee(&world, &mint, fee);
            create(&mut world, mint, decimals, &[extension]);
            world.send_listing(mint, PROGRAM, config).expect_ok();
            let reserve = (world.view().reserves.len() - 1) as u8;
            world.set_price(reserve, Quote::dollars(dollars)).expect_ok();
            reserve
        };
        let (usd, sol) = (list("USD", 6, 1.0), list("SOL", 9, 150.0));
        let (lender, trader) = (world.user("lender"), world.user("trader"));
        let liquidator = world.key("liquidator");
        world.supply(lender, usd, 1_000_000 * USD);
        world.supply(trader, sol, 100 * SOL);
        world.fund(&liquidator, usd, 1_000_000 * USD);
        world.refresh_all();
        Self { world, usd, sol, lender, trader, liquidator }
    }

    /// Has Token-2022 set the fee of both tokens, to hold after [`NOTICE`] epochs.
    #[track_caller]
    pub fn announce(&mut self, fee: TransferFee) {
        for reserve in [self.usd, self.sol] {
            let (mint, payer) = (from_engine(&self.world.reserve(reserve).mint), self.world.payer);
            let set = fees::set_transfer_fee(&PROGRAM, &mint, &payer, &[], fee.bps, fee.maximum).expect("valid");
            self.world.send(&[set]).expect_ok();
        }
    }

    /// The same, and waits until it holds.
    #[track_caller]
    pub fn set(&mut self, fee: TransferFee) {
        self.announce(fee);
        self.world.set_epoch(self.world.epoch() + NOTICE);
        assert_eq!(self.world.transfer_fee(self.usd), fee);
    }

    /// What fees withhold in a reserve's token account: the token program's, not the market's.
    #[track_caller]
    pub fn withheld(&self, reserve: u8) -> u64 {
        let vault = self.world.account(&from_engine(&self.world.reserve(reserve).vault));
        u64::from_le_bytes(vault.data[170..178].try_into().expect("the extension"))
    }

    /// Requires every reserve's token account to hold what the books say, to the atom: nobody sent anything there on his own.
    #[track_caller]
    pub fn assert_exact(&self) {
        self.world.assert_conserved();
        for reserve in [self.usd, self.sol] {
            let books = self.world.reserve(reserve).vault_balance();
            assert_eq!(self.world.vault_balance(reserve) as u128, books, "token account of reserve {reserve}");
        }
    }

    /// What someone has of a token.
    #[track_caller]
    pub fn held(&self, owner: Address, reserve: u8) -> u64 {
        self.world.balance(&owner, reserve)
    }

    /// The trader borrows 10,000 usd, and the price of sol falls until he can be liquidated.
    #[track_caller]
    pub fn make_unhealthy(&mut self) {
        self.world.borrow(self.trader, self.usd, 10_000 * USD).expect_ok();
        self.world.set_price(self.sol, Quote::dollars(115.0)).expect_ok();
        self.world.refresh_all();
    }

    /// Of the trader's usd debt for his sol.
    pub fn order(&self, max_repay: u64, min_collateral: u64) -> LiquidationOrder {
        LiquidationOrder { debt: self.usd, collateral: self.sol, max_repay, min_collateral }
    }

    pub fn fork(&self) -> Self {
        let Self { usd, sol, lender, trader, liquidator, .. } = *self;
        Self { world: self.world.fork(), usd, sol, lender, trader, liquidator }
    }
}
