//! Where the liquidator swaps, and where prices are made: a book of limited depth for each asset.
//!
//! - **Impact**: who pays V dollars moves the price by the factor exp(V ÷ 100 D), who receives them by exp(−V ÷ 100 D). D is
//!   the depth, the dollars that change hands for each percent of the price's logarithm, wherever the price is. The trader pays
//!   or receives every price on the way, so the slippage is the trader's. An order costs the same in one piece as in many, and
//!   selling what was just bought returns what was paid, but for the fee.
//! - **Recovery**: what all trades have done to a price is its displacement, a factor on the exogenous price. Half of its
//!   logarithm is gone after each half-life, because others trade against it. Where the half-life is zero a book refills
//!   before the next swap: swaps have their slippage, and prices do not answer to them.
//! - **The published price** is the exogenous one times the displacement.
//! - **Stablecoins** have books without end. A fee on what is sold stands for the venue's and the spread.

use super::assets::Asset;

/// Share of a sale that the venue keeps.
pub const FEE: f64 = 0.002;
/// The depth of the books that refill, USD.
const DEPTH: f64 = 500_000.0;
/// The move by which depth is measured, of the price's logarithm.
const DEPTH_MOVE: f64 = 0.01;
/// A price is worth publishing again when swaps have moved it by this share.
const DEVIATION: f64 = 0.001;

/// Tokens sold, and another asset's bought with what they bring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swap {
    /// What is sold: an asset by its index, and tokens.
    pub sold: (usize, f64),
    /// The asset that is bought.
    pub bought: usize,
}

/// One asset's book.
#[derive(Clone, Copy, Debug)]
struct Book {
    /// What a dollar paid adds to the price's logarithm while the book is whole.
    whole: f64,
    /// The price without impact, USD.
    exogenous: f64,
    /// The price as a multiple of that.
    displacement: f64,
    /// The displacement that was last published.
    published: f64,
    /// What a dollar paid adds to the price's logarithm.
    impact: f64,
}

impl Book {
    /// The book after so many tokens are sold, and what they bring, USD.
    fn sell(self, tokens: f64) -> (Self, f64) {
        // Of d ln p = −impact × p × d tokens it follows that tokens × impact = 1 ÷ p' − 1 ÷ p.
        let value = tokens * self.exogenous * self.displacement;
        let share = value * self.impact;
        let mean = if share == 0.0 { 1.0 } else { share.ln_1p() / share };
        (Self { displacement: self.displacement / (1.0 + share), ..self }, value * mean)
    }

    /// The book after so many dollars are spent, and the tokens that they buy.
    fn buy(self, usd: f64) -> (Self, f64) {
        let moved = usd * self.impact;
        let mean = if moved == 0.0 { 1.0 } else { -(-moved).exp_m1() / moved };
        let tokens = usd / (self.exogenous * self.displacement) * mean;
        (Self { displacement: self.displacement * moved.exp(), ..self }, tokens)
    }
}

/// All books.
#[derive(Clone, Debug)]
pub struct Venue {
    books: Vec<Book>,
    /// Seconds.
    half_life: i64,
    /// Until when the books have recovered.
    now: i64,
}

impl Venue {
    /// Books of these depths, in USD for 1 %; infinite where trades move nothing.
    pub fn new(depths: &[f64], half_life: i64) -> Self {
        let book = |depth: &f64| {
            let impact = DEPTH_MOVE / depth;
            Book { exogenous: 0.0, displacement: 1.0, published: 1.0, whole: impact, impact }
        };
        Self { books: depths.iter().map(book).collect(), half_life, now: 0 }
    }

    /// Books of volatile assets that half a million dollars move by 1 % and that refill before the next swap.
    pub fn refilling(assets: &[&Asset]) -> Self {
        let depths: Vec<_> = assets.iter().map(|asset| if asset.is_stable { f64::INFINITY } else { DEPTH }).collect();
        Self::new(&depths, 0)
    }

    /// Recovers until a time, at which the prices without impact are these.
    pub fn advance(&mut self, exogenous: &[f64], time: i64) {
        if self.half_life > 0 {
            let left = (-((time - self.now) as f64) / self.half_life as f64).exp2();
            self.books.iter_mut().for_each(|book| book.displacement = book.displacement.powf(left));
        }
        self.books.iter_mut().zip(exogenous).for_each(|(book, price)| book.exogenous = *price);
        self.now = time;
    }

    /// Leaves each book a share of its depth: what its makers still offer.
    pub fn thin(&mut self, shares: &[f64]) {
        self.books.iter_mut().zip(shares).for_each(|(book, share)| book.impact = book.whole / share);
    }

    /// The prices as they are.
    pub fn prices(&self) -> impl Iterator<Item = f64> {
        self.books.iter().map(|book| book.exogenous * book.displacement)
    }

    /// The prices as they are, which are published now: each with its displacement.
    pub fn publish(&mut self) -> Vec<(f64, f64)> {
        self.books.iter_mut().for_each(|book| book.published = book.displacement);
        self.books.iter().map(|book| (book.exogenous * book.displacement, book.displacement)).collect()
    }

    /// Whether swaps have moved a price away from what was published.
    pub fn has_moved(&self) -> bool {
        self.books.iter().any(|book| (book.displacement / book.published - 1.0).abs() >= DEVIATION)
    }

    /// Both books after a swap, and the tokens that it brings.
    fn fill(&self, swap: Swap) -> (Book, Book, f64) {
        let (sold, usd) = self.books[swap.sold.0].sell(swap.sold.1);
        let (bought, tokens) = self.books[swap.bought].buy(usd * (1.0 - FEE));
        (sold, bought, tokens)
    }

    /// The tokens that a swap would bring.
    pub fn quote(&self, swap: Swap) -> f64 {
        self.fill(swap).2
    }

    /// Swaps.
    pub fn swap(&mut self, swap: Swap) {
        let (sold, bought, _) = self.fill(swap);
        if self.half_life > 0 {
            (self.books[swap.sold.0], self.books[swap.bought]) = (sold, bought);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: usize = 1;

    /// An asset at 100 USD that a million moves by 1 %, and a dollar.
    fn venue(half_life: i64) -> Venue {
        let mut venue = Venue::new(&[1e6, f64::INFINITY], half_life);
        venue.advance(&[100.0, 1.0], 0);
        venue
    }

    fn sale(tokens: f64) -> Swap {
        Swap { sold: (0, tokens), bought: DOLLAR }
    }

    fn purchase(usd: f64) -> Swap {
        Swap { sold: (DOLLAR, usd), bought: 0 }
    }

    /// Swaps; the tokens that it brings.
    fn swap(venue: &mut Venue, swap: Swap) -> f64 {
        let brought = venue.quote(swap);
        venue.swap(swap);
        brought
    }

    fn price(venue: &mut Venue) -> f64 {
        venue.publish()[0].0
    }

    fn is_near(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-12
    }

    #[test]
    fn the_depth_moves_the_price_by_a_percent_of_its_logarithm() {
        let mut venue = venue(1_800);
        // So many tokens fetch a million on the way down.
        let tokens = (0.01f64.exp() - 1.0) / 0.01 * 1e6 / 100.0;
        let received = swap(&mut venue, sale(tokens)) / (1.0 - FEE);
        assert!(is_near(received, 1e6) && is_near(price(&mut venue), 100.0 * (-0.01f64).exp()));
    }

    #[test]
    fn no_money_buys_more_than_the_book_holds() {
        let all = 100.0 * 1e6 / 100.0;
        let bought = [1e8, 1e9, 1e12].map(|usd| venue(1_800).quote(purchase(usd)));
        assert!(0.6 * all < bought[0] && bought[0] < bought[1] && bought[1] <= bought[2] && bought[2] <= all);
    }

    #[test]
    fn an_order_costs_the_same_in_parts_and_the_way_back_returns_all_but_the_fee() {
        let (mut whole, mut parts) = (venue(1_800), venue(1_800));
        let at_once = swap(&mut whole, sale(30_000.0));
        let in_parts: f64 = (0..3).map(|_| swap(&mut parts, sale(10_000.0))).sum();
        assert!(is_near(at_once, in_parts) && is_near(price(&mut whole), price(&mut parts)));
        // What was paid in fees, on both ways, comes on top.
        let back = swap(&mut whole, purchase(at_once / (1.0 - FEE).powi(2)));
        assert!(is_near(back, 30_000.0) && is_near(price(&mut whole), 100.0));
    }

    #[test]
    fn half_of_a_displacement_is_gone_after_each_half_life() {
        let mut venue = venue(1_800);
        swap(&mut venue, sale(40_000.0));
        let displacement = venue.publish()[0].1;
        venue.advance(&[200.0, 1.0], 1_800);
        assert!(is_near(price(&mut venue), 200.0 * displacement.powf(0.5)));
        venue.advance(&[200.0, 1.0], 5_400);
        assert!(is_near(price(&mut venue), 200.0 * displacement.powf(0.125)));
    }

    #[test]
    fn a_book_that_refills_has_slippage_and_no_memory() {
        let mut venue = venue(0);
        let (first, second) = (swap(&mut venue, sale(10_000.0)), swap(&mut venue, sale(10_000.0)));
        assert!(first < 999_000.0 && first == second && !venue.has_moved());
        assert_eq!(venue.publish()[0], (100.0, 1.0));
    }

    #[test]
    fn a_thinned_book_moves_more_and_is_whole_again_when_its_makers_return() {
        let (mut whole, mut thin) = (venue(1_800), venue(1_800));
        thin.thin(&[0.1, 1.0]);
        let (at_depth, at_tenth) = (whole.quote(sale(9_000.0)), thin.quote(sale(9_000.0)));
        assert!(at_tenth < at_depth);
        // A tenth of the sale moves a tenth of the book as much.
        assert!(is_near(thin.quote(sale(900.0)) * 10.0, at_depth));
        thin.thin(&[1.0, 1.0]);
        swap(&mut whole, sale(9_000.0));
        swap(&mut thin, sale(9_000.0));
        assert!(is_near(price(&mut whole), price(&mut thin)));
    }

    #[test]
    fn a_dollar_has_no_slippage() {
        let mut venue = Venue::new(&[f64::INFINITY; 2], 1_800);
        venue.advance(&[0.5, 1.0], 0);
        assert!(is_near(swap(&mut venue, purchase(1e9)), 2e9 * (1.0 - FEE)) && price(&mut venue) == 0.5);
    }

    #[test]
    fn a_price_is_published_again_once_swaps_have_moved_it() {
        let mut venue = venue(1_800);
        venue.swap(sale(900.0));
        assert!(!venue.has_moved());
        venue.swap(sale(200.0));
        assert!(venue.has_moved());
        venue.publish();
        assert!(!venue.has_moved());
    }
}
