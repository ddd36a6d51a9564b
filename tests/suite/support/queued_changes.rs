//! Queued changes that can be executed, as the instructions of governance need them.

use ballast_client::{Address, Edits, MarketView, to_engine};
use ballast_engine::state::{change::OF_MARKET, market::MarketConfig, reserve::ReserveConfig};
use ballast_tests::{MintSpec, World};

/// Three changes that are queued and due.
#[derive(Clone, Copy, Debug)]
pub struct QueuedChanges {
    /// The number of the listing.
    pub listing: u64,
    /// The mint that it lists.
    pub mint: Address,
    /// The number of a change of a reserve, to be executed.
    pub executed: u64,
    /// The number of a change of the market, to be cancelled.
    pub cancelled: u64,
}

impl QueuedChanges {
    /// Queues them, with rent paid by `payer`, and waits for the market's delay.
    pub fn new(world: &mut World, payer: Address, reserve: u8, mut listed: ReserveConfig) -> Self {
        let mint = world.mint("unlisted", &MintSpec::spl(6));
        (listed.oracle.feed_id, listed.risk.borrowing_cap) = (to_engine(&mint), 1_000_000);
        let view = world.view();
        let listing = view.market.changes;
        world.send(&[view.queue_listing(payer, mint, listed)]).expect_ok();
        world.send(&[world.view().queue_change(payer, reserve, lower_cap(&view, reserve))]).expect_ok();
        world.send(&[world.view().queue_change(payer, OF_MARKET, higher_loss_limit(&view))]).expect_ok();
        world.advance(view.market.config.delay as i64);
        Self { listing, mint, executed: listing + 1, cancelled: listing + 2 }
    }
}

/// Edits that lower a reserve's deposit cap, which takes risk away.
pub fn lower_cap(view: &MarketView, reserve: u8) -> Vec<u8> {
    let old = view.reserves[reserve as usize].config;
    Edits::of_reserve(&old, &ReserveConfig { deposit_cap: 1 << 62, ..old }).at_once
}

/// Edits that raise the market's loss limit, which adds risk.
pub fn higher_loss_limit(view: &MarketView) -> Vec<u8> {
    let old = view.market.config;
    Edits::of_market(&old, &MarketConfig { loss_limit: old.loss_limit + 1, ..old }).waiting
}
