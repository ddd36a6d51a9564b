//! Liquidators who compete. Each decides as the keeper does, with the keeper's own planner ([`crate::liquidator`]); they differ in how
//! fast they are, how often what they send lands, and whether they bring money.
//!
//! - An account can be taken by a bot once it has been unhealthy for the bot's latency. Among those who may, chance decides who comes
//!   first; what one has sent and lost is tried by the next.
//! - One with money may pay from it and keep the collateral. It sells that at the next round, into the same books, and has its money
//!   back, less what the books took.
//! - Each sends so many orders in a round at most. A round is ten seconds.

use ballast_client::{MarketView, engine::state::account::MarginAccount};
use ballast_liquidator::Funding;
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha12Rng;

use crate::{
    assets::Asset,
    liquidator::{Plan, plan_with},
    population::spot,
    venue::{Swap, Venue},
};

/// A kind of liquidator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bot {
    /// Seconds for which an account is unhealthy before this one's order can land.
    pub latency: i64,
    /// Chance that an order lands.
    pub landing: f64,
    /// Most orders in a round.
    pub orders: usize,
    /// Its money, USD; without any it sells what it seizes in the same transaction.
    pub capital: f64,
}

/// Three of them: one beside the price's own transaction, one with money, and a slow one.
pub const BOTS: [Bot; 3] = [
    Bot { latency: 0, landing: 0.7, orders: 8, capital: 0.0 },
    Bot { latency: 10, landing: 0.5, orders: 8, capital: 250_000.0 },
    Bot { latency: 60, landing: 0.9, orders: 24, capital: 0.0 },
];

/// What a bot has at hand in a run.
#[derive(Clone)]
struct Hand {
    bot: Bot,
    /// USD.
    money: f64,
    /// Tokens of each asset that are still to be sold.
    pocket: Vec<f64>,
    /// Orders sent in this round.
    sent: usize,
}

/// All bots of a run.
#[derive(Clone)]
pub struct Bots {
    hands: Vec<Hand>,
    assets: Vec<Asset>,
}

/// An order that pays.
pub struct Offer {
    bot: usize,
    /// What to send.
    pub plan: Plan,
}

impl Bots {
    /// Bots with all their money.
    pub fn new(bots: &[Bot], assets: &[Asset]) -> Self {
        let hand = |bot: &Bot| Hand { bot: *bot, money: bot.capital, pocket: vec![0.0; assets.len()], sent: 0 };
        Self { hands: bots.iter().map(hand).collect(), assets: assets.to_vec() }
    }

    /// The longest latency, seconds.
    pub fn slowest(&self) -> i64 {
        self.hands.iter().map(|hand| hand.bot.latency).max().unwrap_or(0)
    }

    /// A round begins: what was seized in the last is sold.
    pub fn begin(&mut self, venue: &mut Venue) {
        let Some(dollar) = self.assets.iter().position(|asset| asset.is_stable) else { return };
        for hand in &mut self.hands {
            hand.sent = 0;
            for asset in 0..hand.pocket.len() {
                let tokens = std::mem::take(&mut hand.pocket[asset]);
                if tokens > 0.0 {
                    let swap = Swap { sold: (asset, tokens), bought: dollar };
                    hand.money += venue.quote(swap);
                    venue.swap(swap);
                }
            }
        }
    }

    /// What is the first to land of those who find that an account pays, which has been unhealthy for so long.
    pub fn offer(
        &mut self,
        (market, account): (&MarketView, &MarginAccount),
        now: i64,
        unhealthy_for: i64,
        venue: &Venue,
        rng: &mut ChaCha12Rng,
    ) -> Option<Offer> {
        let mut order: Vec<_> = (0..self.hands.len()).collect();
        order.shuffle(rng);
        for bot in order {
            let Hand { bot: Bot { latency, landing, orders, .. }, money, sent, .. } = &mut self.hands[bot];
            if unhealthy_for < *latency || *sent >= *orders {
                continue;
            }
            let lands = rng.random::<f64>() < *landing;
            let held: Vec<_> = self
                .assets
                .iter()
                .enumerate()
                .map(
                    |(index, asset)| {
                        if asset.is_stable { asset.atoms(money.max(0.0) / spot(market, index)) } else { 0 }
                    },
                )
                .collect();
            let Some(plan) = plan_with(&held, market, account, now, venue) else { continue };
            *sent += 1;
            if lands {
                return Some(Offer { bot, plan });
            }
        }
        None
    }

    /// An offer was filled: what was seized is sold, or kept until the next round.
    pub fn filled(&mut self, offer: &Offer, market: &MarketView, venue: &mut Venue) {
        let Offer { bot, plan } = offer;
        let (debt, collateral) = (plan.order.debt as usize, plan.order.collateral as usize);
        match &plan.funding {
            Funding::Receivership(sale) => venue.swap(sale.quote),
            Funding::Inventory => {
                let hand = &mut self.hands[*bot];
                hand.money -= self.assets[debt].tokens(plan.sent) * spot(market, debt);
                hand.pocket[collateral] += self.assets[collateral].tokens(plan.arriving);
            }
        }
    }
}
