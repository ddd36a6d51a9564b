//! Accounts as a node would give them, and a keeper's reading of them.

use ballast_client::{
    Address, ID, MarketView,
    engine::{
        price::feed::PriceUpdate,
        record::layout::{self, LAYOUT_VERSION},
        state::{account::MarginAccount, market::Market, reserve::Reserve},
    },
    to_engine,
};
use ballast_keeper::service::state::{News, State, changes};
use ballast_tests::{World, price_account};
use solana_account::Account;

/// Reads everything, as the keeper does at a resync.
pub fn read_all(world: &World, state: &mut State, slot: u64) {
    // The harness pins no feeds: the keeper looks for their accounts.
    for feed in state.chain.unpinned_feeds() {
        let address = price_account(&feed);
        let account = world.find_account(&address);
        state.hear(News::Feed { feed, address, slot, account: account.expect("it is published") });
    }
    for address in [state.chain.watched(), state.chain.unwatched()].concat() {
        let account = world.find_account(&address);
        state.hear(News::Account { address, slot, account });
    }
    let accounts = world.svm.get_program_accounts(&ID);
    state.hear(News::Changes(changes(world.market, &accounts)));
    let margins = accounts.into_iter().filter(|(_, account)| account.data.starts_with(&MarginAccount::DISCRIMINATOR));
    let accounts: Vec<_> = margins.collect();
    let addresses = accounts.iter().map(|(address, _)| *address).collect();
    state.hear(News::Margins { slot, accounts });
    state.hear(News::Listing { slot, addresses });
}

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
