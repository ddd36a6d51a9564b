//! Price accounts as their publishers write them, and once in a while someone else.

use super::{
    actors::{Actors, DOLLAR, EXPONENT},
    model::PriceAccount,
    transaction::Step,
};
use ballast_client::{AccountMeta, ID, PYTH_RECEIVERS, SYSTEM_PROGRAM, TOKEN_PROGRAM, instruction as ix, to_engine};
use ballast_engine::{price::feed::PriceUpdate, record::layout::Address};
use ballast_tests::price_account;
use rand::Rng;

impl Actors {
    pub fn refresh_prices(&mut self) -> Step {
        let count = self.model.reserves.len() as u8;
        let mut reserves: Vec<u8> = (0..count).collect();
        match self.rng.random_range(0..40) {
            0 => reserves.clear(),
            1 => reserves.push(self.rng.random()),
            2 => reserves.push(0),
            3..12 => reserves.truncate(self.rng.random_range(1..=count as usize)),
            _ => {}
        }
        let mut prices = Vec::new();
        for reserve in &reserves {
            let feed = self.feed(*reserve);
            prices.push((price_account(&feed.0), self.price(*reserve, feed)));
            let base = self.model.reserves.get(*reserve as usize).map(|record| record.config.oracle.base_feed_id);
            if let Some(base) = base.filter(|base| !base.is_none() && self.rng.random_bool(0.98)) {
                prices.push((price_account(&base.0), self.price(u8::MAX, base)));
            }
        }
        for (address, (owner, bytes)) in &prices {
            self.world.write(*address, *owner, bytes.clone());
        }
        // Of an account that is listed twice, the last content counts.
        let stored: Vec<_> = prices
            .iter()
            .map(|(address, _)| prices.iter().rev().find(|price| price.0 == *address).expect("itself").clone())
            .collect();
        let listed = reserves.clone();
        let mut instruction = ix::RefreshPrices { market: self.world.market, reserves }.instruction();
        instruction.accounts.extend(prices.iter().map(|price| AccountMeta::new_readonly(price.0, false)));
        Step::new(instruction, move |model| model.refresh_prices(&listed, &stored))
    }

    /// A reserve's current price under a feed as its publisher, or once in a while someone else, would store it. Without such
    /// a reserve, one dollar.
    fn price(&mut self, reserve: u8, feed: Address) -> PriceAccount {
        let (spot, ema_price) = self.tokens.get(reserve as usize).map_or((DOLLAR, DOLLAR), |token| token.price);
        let confidence = spot as u64 * self.rng.random_range(0..60) / 10_000;
        let mut update = PriceUpdate {
            feed_id: feed.0,
            price: spot,
            confidence,
            exponent: EXPONENT,
            publish_time: self.model.now,
            prev_publish_time: self.model.now - 1,
            ema_price: ema_price.max(1),
        };
        let mut owner = PYTH_RECEIVERS[self.rng.random_range(0..2)];
        let mut damage = None;
        match self.rng.random_range(0..400) {
            0 => update.price = 0,
            1 => update.price = -spot,
            2 => update.ema_price = self.rng.random_range(-1..=0),
            3 => update.publish_time += self.rng.random_range(1..100),
            4 => update.publish_time -= self.rng.random_range(1..1_000),
            5 => update.confidence = spot as u64 * self.rng.random_range(100..3_000) / 10_000,
            6 => update.exponent = self.rng.random_range(-20..2),
            7 => update.feed_id[0] ^= 1,
            8 => owner = [ID, SYSTEM_PROGRAM, TOKEN_PROGRAM][self.rng.random_range(0..3)],
            9 => damage = Some((40, 0)),
            10 => damage = Some((self.rng.random_range(0..8), 0)),
            11 => update.price = i64::MAX,
            // Closed.
            12 => return (SYSTEM_PROGRAM, Vec::new()),
            _ => {}
        }
        let mut bytes = update.to_bytes(to_engine(&owner)).to_vec();
        if let Some((at, value)) = damage {
            bytes[at] = value;
        }
        (owner, bytes)
    }
}
