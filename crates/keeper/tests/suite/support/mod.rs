//! Accounts as a node would give them.

use ballast_client::{
    Address, MarketView,
    engine::{
        price::feed::PriceUpdate,
        record::layout::{self, LAYOUT_VERSION},
        state::{account::MarginAccount, market::Market, reserve::Reserve},
    },
    to_engine,
};
use solana_account::Account;

/// An account with some lamports.
pub fn account(owner: Address, data: Vec<u8>) -> Account {
    Account { lamports: 1, data, owner, ..Account::default() }
}

/// A margin account's data.
pub fn margin_bytes(account: &MarginAccount, market: Address) -> Vec<u8> {
    let account = MarginAccount { version: LAYOUT_VERSION, market: to_engine(&market), ..*account };
    [&MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(&account)].concat()
}

/// A market account's data.
pub fn market_bytes(market: &MarketView) -> Vec<u8> {
    let head = Market { version: LAYOUT_VERSION, ..market.market };
    let count = (market.reserves.len() as u64).to_le_bytes();
    [&Market::DISCRIMINATOR, bytemuck::bytes_of(&head), &count, bytemuck::cast_slice(&market.reserves)].concat()
}

/// A price account's data: a reserve's price times a factor, published at a time.
pub fn price_bytes(reserve: &Reserve, factor: f64, publish_time: i64) -> Vec<u8> {
    let price = (reserve.price.price as f64 * factor) as i64;
    let update = PriceUpdate {
        feed_id: reserve.config.oracle.feed_id.0,
        price,
        confidence: 0,
        exponent: reserve.price.exponent,
        publish_time,
        prev_publish_time: publish_time - 1,
        ema_price: price,
    };
    update.to_bytes(layout::Address::NONE).to_vec()
}

/// The clock sysvar's data.
pub fn clock_bytes(now: i64, epoch: u64) -> Vec<u8> {
    [0, 0, epoch, 0, now as u64].map(u64::to_le_bytes).concat()
}
