//! Figures of a pool and its perps, for whoever reads them.

use crate::{error::Result, health::perp::PerpView, ledger::Ledger, state::perp::book::Width};

/// What a perp does to its pool when the price of its underlying moves, atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Greeks {
    /// What longs are worth.
    pub longs: u64,
    /// What shorts are worth.
    pub shorts: u64,
    /// What the pool gains for each 100 % that the underlying rises: −n K V, of a skew K worth K V and a power n.
    pub delta: i128,
    /// By how much that changes for each 100 %: −n (n − 1) K V.
    pub gamma: i128,
    /// What the pool loses in the worse of the two moves that it must bear.
    pub buffer: u64,
    /// That move, 32 fractional bits.
    pub shock: u64,
}

impl Ledger<'_> {
    /// Delta, gamma and buffer of a perp at `now`.
    pub fn greeks(&self, index: u8) -> Result<Greeks> {
        let PerpView { perp, sides, marks } = PerpView::new(self.reserves, index, Width::Maintenance, self.now)?;
        if perp.is_resolved() {
            return Ok(Greeks::default());
        }
        let annual = self.reserves[perp.config.price as usize].risk.volatility.annual;
        let [longs, shorts] = perp.values(&sides, marks.spot);
        let skew = longs as i128 - shorts as i128;
        let power = perp.config.power as i128;
        Ok(Greeks {
            longs,
            shorts,
            delta: -power * skew,
            gamma: -power * (power - 1) * skew,
            buffer: perp.config.buffer(longs, shorts, annual),
            shock: perp.config.shock(annual),
        })
    }
}
