//! The engine's records into account data: what a market or an account would look like after something.

use ballast_engine::state::{account::MarginAccount, market::Market};

use crate::market::MarketView;

/// A market account's data, without room behind the last record.
pub fn encode_market(view: &MarketView) -> Vec<u8> {
    let count = (view.reserves.len() as u64).to_le_bytes();
    let records: Vec<&[u8]> = view.reserves.iter().map(bytemuck::bytes_of).collect();
    [&Market::DISCRIMINATOR, bytemuck::bytes_of(&view.market), &count, &records.concat()].concat()
}

/// A margin account's data.
pub fn encode_margin_account(account: &MarginAccount) -> Vec<u8> {
    [&MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(account)].concat()
}
