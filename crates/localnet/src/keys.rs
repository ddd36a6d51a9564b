//! Development keys, each made from a name.
//!
//! **They are public**: anybody who reads this file can sign for them. They are for networks on one's own machine; money sent
//! to them anywhere else is anyone's.

use ballast_client::{Address, NATIVE_MINT};
use sha2::{Digest, Sha256};
use solana_keypair::Keypair;
use solana_signer::Signer;

/// The key of a name.
pub fn keypair(name: &str) -> Keypair {
    Keypair::new_from_array(Sha256::digest(format!("ballast localnet {name}")).into())
}

/// The address of a name.
pub fn address(name: &str) -> Address {
    keypair(name).pubkey()
}

/// A reserve's mint in the development market; SOL is the wrapped native token.
pub fn mint(symbol: &str) -> Address {
    if symbol == "SOL" { NATIVE_MINT } else { address(&format!("mint {symbol}")) }
}

/// A reserve's price account in the development market.
pub fn price_account(symbol: &str) -> Address {
    address(&format!("price {symbol}"))
}
