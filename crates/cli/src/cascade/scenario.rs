//! What is compared: how liquidations and prices depend on each other.

use super::Books;
use crate::demo::{grid::Grid, replay::Setting, venue::Venue};

/// A way to liquidate, and whether prices answer to it.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// Liquidators pay their slippage, and the books refill at once: what a replay of history takes for granted.
    NoFeedback,
    /// Prices answer, and whatever is unhealthy may be liquidated at once.
    Unlimited,
}

impl Scenario {
    /// All, in the order in which they are compared.
    pub const ALL: [Self; 2] = [Self::NoFeedback, Self::Unlimited];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoFeedback => "no feedback",
            Self::Unlimited => "unlimited",
        }
    }

    /// In words, for the report.
    pub fn description(self) -> &'static str {
        match self {
            Self::NoFeedback => {
                "the liquidator pays its slippage, but the books refill at once and the program sees the exogenous price"
            }
            Self::Unlimited => {
                "the program sees the price that liquidations leave, and all that is unhealthy may be liquidated at once"
            }
        }
    }

    /// What a grid is played with. The setting decides the market's configuration, the venue how prices answer.
    pub fn variant(self, setting: Setting, books: Books, grid: &Grid) -> (Setting, Venue) {
        let half_life = match self {
            Self::NoFeedback => 0,
            Self::Unlimited => books.half_life as i64 * 60,
        };
        // An account that stands for many sells as many times as much as it does.
        let depths: Vec<_> = books.depths(grid).iter().map(|depth| depth / books.scale).collect();
        (setting, Venue::new(&depths, half_life))
    }
}
