//! The program next to Ballast, `programs/test-program`: swaps tokens of two reserves, and calls any instruction.

use std::path::Path;

use ballast_client::{AccountMeta, Address, Instruction, from_engine};

use crate::world::{World, read_program};

/// Where [`World::load_test_program`] deploys the test program.
pub const TEST_PROGRAM: Address = Address::new_from_array(*b"the test program of the harness.");

const SWAP: u8 = 0;
const FORWARD: u8 = 1;

impl World {
    /// Deploys the test program, which `scripts/build --test-program` makes.
    pub fn load_test_program(&mut self) {
        self.load_program(TEST_PROGRAM, "test_program.so", "scripts/build --test-program");
    }

    /// Deploys a file of `target/deploy/test`, which a command makes.
    pub fn load_program(&mut self, address: Address, file: &str, command: &str) {
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy/test").join(file);
        self.svm.add_program(address, &read_program(&built, command)).expect("the program loads");
    }
}

/// The same instruction, called by the test program. Every account keeps its flags; calls may be nested.
pub fn forward(instruction: Instruction) -> Instruction {
    let program = AccountMeta::new_readonly(instruction.program_id, false);
    Instruction {
        program_id: TEST_PROGRAM,
        accounts: [vec![program], instruction.accounts].concat(),
        data: [vec![FORWARD], instruction.data].concat(),
    }
}

/// A pool of the test program that gives one reserve's token for another's at a fixed price.
#[derive(Clone, Copy, Debug)]
pub struct Swap {
    /// The reserve whose token the user pays in.
    pub token_in: u8,
    /// The reserve whose token the user gets.
    pub token_out: u8,
    /// Atoms to get for [`Swap::denominator`] atoms paid in.
    pub numerator: u64,
    /// Atoms to pay in for [`Swap::numerator`] atoms.
    pub denominator: u64,
}

impl Swap {
    /// A pool with so many atoms of `token_out` to give; the test program is deployed with it. All pools of a world share
    /// their token accounts.
    #[track_caller]
    pub fn new(
        world: &mut World,
        [token_in, token_out]: [u8; 2],
        [numerator, denominator]: [u64; 2],
        liquidity: u64,
    ) -> Self {
        world.load_test_program();
        let (authority, _) = pool_authority();
        world.fund(&authority, token_in, 0);
        world.fund(&authority, token_out, liquidity);
        Self { token_in, token_out, numerator, denominator }
    }

    /// What the pool gives for an amount.
    pub fn amount_out(&self, amount_in: u64) -> u64 {
        (amount_in as u128 * self.numerator as u128 / self.denominator as u128) as u64
    }

    /// Swaps the user's own tokens. The user's account of what it gets is created if need be.
    #[track_caller]
    pub fn instruction(&self, world: &mut World, user: &Address, amount_in: u64) -> Instruction {
        let (authority, bump) = pool_authority();
        let destination = world.fund(user, self.token_out, 0);
        let token_program = |reserve| from_engine(&world.reserve(reserve).token_program);
        let accounts = vec![
            AccountMeta::new_readonly(*user, true),
            AccountMeta::new(world.tokens(user, self.token_in), false),
            AccountMeta::new(destination, false),
            AccountMeta::new_readonly(authority, false),
            AccountMeta::new(world.tokens(&authority, self.token_in), false),
            AccountMeta::new(world.tokens(&authority, self.token_out), false),
            AccountMeta::new_readonly(token_program(self.token_in), false),
            AccountMeta::new_readonly(token_program(self.token_out), false),
        ];
        let words = [amount_in, self.numerator, self.denominator].map(u64::to_le_bytes);
        let data = [&[SWAP], words.as_flattened(), &[bump]].concat();
        Instruction { program_id: TEST_PROGRAM, accounts, data }
    }
}

/// Owns the pools' token accounts.
fn pool_authority() -> (Address, u8) {
    Address::find_program_address(&[b"authority"], &TEST_PROGRAM)
}
