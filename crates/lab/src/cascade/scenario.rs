//! What is compared: how liquidations and prices depend on each other.

use ballast_sim::{grid::Grid, replay::Setting, venue::Venue};

use super::Books;

/// A way to liquidate, and whether prices answer to it.
#[derive(Clone, Copy, Debug)]
pub enum Scenario {
    /// Liquidators pay their slippage, and the books refill at once: what a replay of history takes for granted.
    NoFeedback,
    /// Prices answer, and whatever is unhealthy may be liquidated at once.
    Unlimited,
    /// Prices answer, and only so much of each asset may be liquidated in an hour, but near insolvency.
    Phased,
}

impl Scenario {
    /// All, in the order in which they are compared.
    pub const ALL: [Self; 3] = [Self::NoFeedback, Self::Unlimited, Self::Phased];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoFeedback => "no feedback",
            Self::Unlimited => "unlimited",
            Self::Phased => "phased",
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
            Self::Phased => {
                "the same, but the program lets only so much of each asset be taken in an hour, but of accounts near insolvency"
            }
        }
    }

    /// What a grid is played with. The setting decides the market's configuration, the venue how prices answer.
    pub fn variant(self, setting: Setting, books: Books, grid: &Grid) -> (Setting, Venue) {
        let half_life = match self {
            Self::NoFeedback => 0,
            Self::Unlimited | Self::Phased => books.half_life as i64 * 60,
        };
        // An account that stands for many sells as many times as much as it does.
        let depths: Vec<_> = books.depths(grid).iter().map(|depth| depth / books.scale).collect();
        let mut setting = setting;
        if let Self::Phased = self {
            setting.phases = books.phases(&depths);
        }
        (setting, Venue::new(&depths, half_life))
    }
}
