//! Addresses of the program and of its accounts.

use ballast_engine::record::layout;
use solana_address::Address;

/// The program. Nobody holds the key of this address: a deployment replaces it by the id it deploys under.
pub const ID: Address = Address::from_str_const("BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp");

/// Pyth's receiver programs, which own the price accounts on mainnet.
pub const PYTH_RECEIVERS: [Address; 2] = [
    Address::from_str_const("rec5EKMGg6MxZYaMdyBfgwp4d5rB9T1VQH5pJv5LtFJ"),
    Address::from_str_const("rec2HHDDnjLfj4kE7VyEtFA1HPGQLK33259532cRyHp"),
];

/// The system program.
pub const SYSTEM_PROGRAM: Address = Address::from_str_const("11111111111111111111111111111111");

/// SPL Token.
pub const TOKEN_PROGRAM: Address = Address::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");

/// SPL Token-2022.
pub const TOKEN_2022_PROGRAM: Address = Address::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// The mint of wrapped SOL.
pub const NATIVE_MINT: Address = Address::from_str_const("So11111111111111111111111111111111111111112");

/// The sysvar that the program reads time from.
pub const CLOCK_SYSVAR: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");

/// The sysvar that lists a transaction's instructions.
pub const INSTRUCTIONS_SYSVAR: Address = Address::from_str_const("Sysvar1nstructions1111111111111111111111111");

/// A market's address and bump, from who creates it and a number of the creator's choice.
pub fn market_address(creator: &Address, id: u16) -> (Address, u8) {
    Address::find_program_address(&[b"market", creator.as_ref(), &id.to_le_bytes()], &ID)
}

/// The owner of the token accounts of a market's reserves, and its bump.
pub fn vault_authority(market: &Address) -> (Address, u8) {
    Address::find_program_address(&[b"authority", market.as_ref()], &ID)
}

/// The token account that holds a reserve's cash, and its bump.
pub fn vault_address(market: &Address, mint: &Address) -> (Address, u8) {
    Address::find_program_address(&[b"liquidity", market.as_ref(), mint.as_ref()], &ID)
}

/// A margin account's address and bump, from its owner and a number of the owner's choice.
pub fn margin_address(market: &Address, owner: &Address, id: u16) -> (Address, u8) {
    Address::find_program_address(&[b"margin", market.as_ref(), owner.as_ref(), &id.to_le_bytes()], &ID)
}

/// A queued change's address and bump, from its number in the market.
pub fn change_address(market: &Address, number: u64) -> (Address, u8) {
    Address::find_program_address(&[b"change", market.as_ref(), &number.to_le_bytes()], &ID)
}

/// The address of an owner's stake in a reserve's insurance, and its bump.
pub fn stake_address(market: &Address, owner: &Address, reserve: u8) -> (Address, u8) {
    Address::find_program_address(&[b"stake", market.as_ref(), owner.as_ref(), &[reserve]], &ID)
}

/// A vault's address and bump, from who creates it and a number of the creator's choice.
pub fn entrusted_address(creator: &Address, id: u16) -> (Address, u8) {
    Address::find_program_address(&[b"vault", creator.as_ref(), &id.to_le_bytes()], &ID)
}

/// The token account of a vault, and its bump.
pub fn vault_tokens(vault: &Address) -> (Address, u8) {
    Address::find_program_address(&[b"tokens", vault.as_ref()], &ID)
}

/// The mint of a vault's shares, and its bump.
pub fn share_mint(vault: &Address) -> (Address, u8) {
    Address::find_program_address(&[b"shares", vault.as_ref()], &ID)
}

/// An owner's request in a vault's queue, and its bump.
pub fn exit_address(vault: &Address, owner: &Address) -> (Address, u8) {
    Address::find_program_address(&[b"exit", vault.as_ref(), owner.as_ref()], &ID)
}

/// An owner's term deposit in a vault of a number of its choice, and its bump.
pub fn term_address(vault: &Address, owner: &Address, id: u16) -> (Address, u8) {
    Address::find_program_address(&[b"term", vault.as_ref(), owner.as_ref(), &id.to_le_bytes()], &ID)
}

/// An address as the engine's records hold it.
pub fn to_engine(address: &Address) -> layout::Address {
    layout::Address(address.to_bytes())
}

/// An address out of the engine's records.
pub fn from_engine(address: &layout::Address) -> Address {
    Address::new_from_array(address.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_through_the_engine() {
        assert_eq!(from_engine(&to_engine(&ID)), ID);
        assert!(to_engine(&Address::default()).is_none());
    }

    #[test]
    fn derived_addresses_are_off_the_curve_and_differ_by_every_seed() {
        let (creator, other) = (Address::new_from_array([1; 32]), Address::new_from_array([2; 32]));
        let (market, bump) = market_address(&creator, 258);
        let created = Address::create_program_address(&[b"market", creator.as_ref(), &[2, 1], &[bump]], &ID)
            .expect("a valid seed");
        assert_eq!(market, created, "the id is little endian");
        assert!(!market.is_on_curve());
        let all = [
            market,
            market_address(&creator, 1).0,
            market_address(&other, 258).0,
            vault_authority(&market).0,
            vault_address(&market, &creator).0,
            vault_address(&market, &other).0,
            margin_address(&market, &creator, 0).0,
            margin_address(&market, &creator, 1).0,
            stake_address(&market, &creator, 0).0,
            stake_address(&market, &creator, 1).0,
            change_address(&market, 0).0,
            change_address(&market, 1).0,
        ];
        for (index, address) in all.iter().enumerate() {
            assert!(!all[..index].contains(address), "{index}");
        }
    }
}
