//! A market in working order: what most tests start from.

use ballast_client::{Address, Instruction, instruction::InstructionSpec};
use ballast_engine::state::reserve::ReserveConfig;

use crate::{
    config::reserve_config,
    market::{Token, User},
    world::World,
};

/// Atoms of one [`Scene::usd`].
pub const USD: u64 = 1_000_000;
/// Atoms of one [`Scene::sol`].
pub const SOL: u64 = 1_000_000_000;

/// Two priced reserves, a lender and a trader with collateral. Take it apart:
/// `let Scene { mut world, usd, sol, lender, trader } = Scene::new();`
pub struct Scene {
    /// The world.
    pub world: World,
    /// Reserve of a token of six decimals at 1 USD.
    pub usd: u8,
    /// Reserve of a token of nine decimals at 150 USD.
    pub sol: u8,
    /// Has 1,000,000 usd deposited.
    pub lender: User,
    /// Has 100 sol deposited: 15,000 USD, of which 12,000 at initial and 12,750 at maintenance weight.
    pub trader: User,
}

impl Scene {
    /// With [`reserve_config`] for both reserves, which are of SPL Token.
    pub fn new() -> Self {
        Self::with(Token::new("USD", 6, 1.0), Token::new("SOL", 9, 150.0), reserve_config())
    }

    /// The same with tokens of Token-2022.
    pub fn token_2022() -> Self {
        let (usd, sol) = (Token::new("USD", 6, 1.0).token_2022(), Token::new("SOL", 9, 150.0).token_2022());
        Self::with(usd, sol, reserve_config())
    }

    /// The same with tokens of Token-2022 that cost 1 % a transfer.
    pub fn with_fee() -> Self {
        let [usd, sol] =
            [Token::new("USD", 6, 1.0), Token::new("SOL", 9, 150.0)].map(|token| token.with_fee(100, u64::MAX));
        Self::with(usd, sol, reserve_config())
    }

    /// The same with a configuration for both reserves.
    pub fn configured(config: ReserveConfig) -> Self {
        Self::with(Token::new("USD", 6, 1.0), Token::new("SOL", 9, 150.0), config)
    }

    fn with(usd: Token, sol: Token, config: ReserveConfig) -> Self {
        let mut world = World::new();
        let (usd, sol) = (world.list(usd, config), world.list(sol, config));
        let (lender, trader) = (world.user("lender"), world.user("trader"));
        world.supply(lender, usd, 1_000_000 * USD);
        world.supply(trader, sol, 100 * SOL);
        world.refresh_all();
        Self { world, usd, sol, lender, trader }
    }

    /// Once for each token program.
    pub fn both() -> [Self; 2] {
        [Self::new(), Self::token_2022()]
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

/// The same instruction with another account in place of the one of a name.
#[track_caller]
pub fn with_account(mut instruction: Instruction, name: &str, address: Address) -> Instruction {
    let spec = InstructionSpec::of_tag(instruction.data[0]).expect("an instruction");
    let index = spec.accounts.iter().position(|account| account.name == name);
    let index = index.unwrap_or_else(|| panic!("{} takes no account {name}", spec.name));
    instruction.accounts[index].pubkey = address;
    instruction
}
