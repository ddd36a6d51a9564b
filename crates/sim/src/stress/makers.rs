//! Market makers: they offer their whole depth in calm, and step back where prices move.
//!
//! A maker who quotes for a while bears the volatility of that while. So what it offers falls with the volatility that it sees,
//! that of the last hour, what liquidations do to the price included: a cascade thins the books that it sells into. When prices calm
//! down it comes back with the same time constant. A floor stands for those who stay.

/// Over how many seconds volatility is seen.
const MEMORY: f64 = 3_600.0;
/// Seconds of a year.
const YEAR: f64 = 31_557_600.0;

/// The makers of all books.
#[derive(Clone, Debug)]
pub struct Makers {
    /// Annual volatility up to which all of the depth is there.
    usual: Vec<f64>,
    /// The least share of the depth that is there.
    floor: f64,
    variances: Vec<f64>,
    last: Vec<f64>,
    time: i64,
}

impl Makers {
    /// Makers who see these prices first.
    pub fn new(usual: Vec<f64>, floor: f64, prices: Vec<f64>, time: i64) -> Self {
        let variances = usual.iter().map(|usual| usual * usual).collect();
        Self { usual, floor, variances, last: prices, time }
    }

    /// The share of each book's depth that is there after these prices.
    pub fn shares(&mut self, prices: impl Iterator<Item = f64>, time: i64) -> Vec<f64> {
        let elapsed = (time - self.time) as f64;
        let left = (-elapsed / MEMORY).exp();
        let mut shares = Vec::with_capacity(self.usual.len());
        for (index, price) in prices.enumerate() {
            let moved = (price / self.last[index]).ln();
            let variance = &mut self.variances[index];
            // Decayed squares over the memory, as of a year.
            *variance = *variance * left + moved * moved * YEAR / MEMORY;
            self.last[index] = price;
            shares.push((self.usual[index] / variance.sqrt()).clamp(self.floor, 1.0));
        }
        self.time = time;
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_step_back_in_a_fall_and_return_when_it_is_over() {
        let mut makers = Makers::new(vec![0.9, 0.1], 0.1, vec![100.0, 1.0], 0);
        let calm = makers.shares([100.05, 1.0].into_iter(), 60);
        assert_eq!(calm, [1.0, 1.0]);
        let fallen = makers.shares([93.0, 1.0].into_iter(), 120);
        assert!(fallen[0] < 0.2 && fallen[1] == 1.0, "{fallen:?}");
        let crashed = makers.shares([60.0, 1.0].into_iter(), 180);
        assert_eq!(crashed[0], 0.1);
        let later: Vec<_> =
            (1..=24).map(|hour| makers.shares([60.0, 1.0].into_iter(), 180 + hour * 3_600)[0]).collect();
        assert!(later.is_sorted() && later[23] == 1.0, "{later:?}");
    }
}
