//! Who trades perps, and who owns the pool: what they are like, and what they want in their turn, every five minutes.

use ballast_client::{
    MarketView,
    engine::{
        number::units::Bps,
        state::{
            account::MarginAccount,
            perp::{
                Perp, PerpPosition,
                book::Width,
                pricing::ONE,
                side::{Gain, gain},
            },
        },
    },
};
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::market::{Member, Place};
use crate::population::normal;

/// What traders do, and how many of a hundred do it.
const STYLES: [(Style, u32); 3] = [(Style::Trend, 65), (Style::Hedge, 20), (Style::Carry, 15)];
/// Median of a trader's margin, USD, the standard deviation of its logarithm, and its bounds.
const MARGIN: (f64, f64, f64, f64) = (3_000.0, 1.2, 200.0, 100_000.0);
/// Least and most leverage by style: value of the position ÷ margin, drawn evenly in logarithms.
const LEVERAGE: [(Style, f64, f64); 3] =
    [(Style::Trend, 2.0, 20.0), (Style::Hedge, 1.0, 3.0), (Style::Carry, 1.0, 4.0)];
/// Chance that a trader of a style looks in a turn.
const ATTENTION: [(Style, f64); 3] = [(Style::Trend, 0.06), (Style::Hedge, 0.02), (Style::Carry, 0.03)];
/// Distance of the price from its hourly average at which trend followers join.
const SIGNAL: (f64, f64) = (0.003, 0.015);
/// Yearly funding for which carry traders come; below a quarter of it they leave.
const CARRY: (f64, f64) = (0.10, 0.60);
/// Of a hundred hedgers, those whose collateral is what they hedge.
const IN_KIND: u32 = 40;
/// What hedgers in kind deposit of the token, of the position.
const FLOAT: f64 = 0.15;
/// Chance that a trader brings a new margin in a turn, once less than a tenth of it is left.
const RETURN: f64 = 0.002;
/// Margin ÷ maintenance margin below which hedgers and carry traders, who gain elsewhere what they lose here, bring more.
const TOP_UP: f64 = 2.0;
/// What owners of the pool put up with: the fall of a share's value from its highest.
const TOLERANCE: (f64, f64) = (0.01, 0.15);

/// What a trader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Follows the price away from its hourly average, and leaves when it is back.
    Trend,
    /// Is short of what it has elsewhere.
    Hedge,
    /// Is on the side that gets funding, and hedged elsewhere.
    Carry,
}

/// The rules in words, for the report.
pub const DESCRIPTION: [(&str, &str); 3] = [
    (
        "Traders",
        "margins are log-normal: median 3,000 USD, σ of the logarithm 1.2, between 200 and 100,000 USD. 65 % follow \
         trends with 2 to 20 times their margin: they join where the price is 0.3 to 1.5 % from its hourly average and \
         leave when it is back. 20 % hedge: short with 1 to 3 times, and two fifths of them have what they hedge as \
         collateral. 15 % take the side that gets funding, from 10 to 60 % a year, with 1 to 4 times. They look every \
         five minutes with 6, 2 and 3 %. Hedgers and carry traders bring more margin below twice the maintenance \
         margin; who has lost nine tenths brings a new margin with 0.2 % a turn",
    ),
    (
        "Owners of the pool",
        "twenty, the largest with six times the least. Who sees a share 1 to 15 % below its highest value asks to leave \
         with all, and leaves as soon as the pool pays. Nobody comes back",
    ),
    (
        "Latency arbitrageur",
        "sees every price three seconds ahead. Once in every 100 seconds, in which a new price is brought when he wants \
         one, he opens with half of what opens at once where what he sees pays fee and spread of opening, and closes \
         likewise, after an hour at any price",
    ),
];

/// A trader.
#[derive(Clone, Debug)]
pub struct Trader {
    /// The account.
    pub member: Member,
    /// As it was last.
    pub account: MarginAccount,
    /// What it does.
    pub style: Style,
    /// The reserve that its perp follows, and the perp.
    pub perp: (usize, u8),
    /// What it brought, USD.
    pub margin: f64,
    /// Value of the position ÷ margin.
    pub leverage: f64,
    /// From when on it acts: a distance or a rate, by style.
    pub threshold: f64,
    /// Whether what it hedges is its collateral.
    pub in_kind: bool,
}

/// What a trader wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// To open so many USD, long or short.
    Open(bool, f64),
    /// To close all.
    Close,
    /// To bring so many USD of margin.
    Bring(f64),
}

/// What is drawn of a trader before it has an account.
#[derive(Clone, Copy, Debug)]
pub struct Draft {
    /// See [`Trader`].
    pub style: Style,
    /// See [`Trader`].
    pub perp: (usize, u8),
    /// See [`Trader`].
    pub margin: f64,
    /// See [`Trader`].
    pub leverage: f64,
    /// See [`Trader`].
    pub threshold: f64,
    /// See [`Trader`].
    pub in_kind: bool,
}

fn log_even(rng: &mut ChaCha12Rng, low: f64, high: f64) -> f64 {
    rng.random_range(low.ln()..high.ln()).exp()
}

impl Draft {
    /// Draws one.
    pub fn new(rng: &mut ChaCha12Rng, place: &Place) -> Self {
        let drawn = rng.random_range(0..100);
        let mut sum = 0;
        let style = STYLES.iter().find(|(_, of)| {
            sum += of;
            drawn < sum
        });
        let style = style.map_or(Style::Trend, |(style, _)| *style);
        let (median, sigma, least, most) = MARGIN;
        let margin = (median * (sigma * normal(rng)).exp()).clamp(least, most);
        let range = LEVERAGE.iter().find(|(of, ..)| *of == style).map_or((1.0, 2.0), |(_, low, high)| (*low, *high));
        let leverage = log_even(rng, range.0, range.1);
        let perp = place.perps[rng.random_range(0..place.perps.len())];
        let threshold = match style {
            Style::Trend => log_even(rng, SIGNAL.0, SIGNAL.1),
            Style::Hedge => 0.0,
            Style::Carry => log_even(rng, CARRY.0, CARRY.1),
        };
        let in_kind = rng.random_range(0..100) < IN_KIND && style == Style::Hedge;
        Self { style, perp, margin, leverage, threshold, in_kind }
    }

    /// What it deposits of the token, and of what its perp follows, USD.
    pub fn deposits(&self) -> (f64, f64) {
        if self.in_kind {
            (self.margin * self.leverage * FLOAT, self.margin * self.leverage)
        } else {
            (self.margin, 0.0)
        }
    }
}

impl Trader {
    /// The chance that it looks in a turn.
    pub fn attention(&self) -> f64 {
        ATTENTION.iter().find(|(style, _)| *style == self.style).map_or(0.0, |(_, chance)| *chance)
    }

    /// Its position.
    pub fn position(&self) -> Option<&PerpPosition> {
        self.account.perp(self.perp.1)
    }

    /// Whether it holds lots.
    pub fn is_open(&self) -> bool {
        self.position().is_some_and(|position| position.size != 0)
    }

    /// What it wants when it looks, at `now`.
    pub fn wish(&self, place: &Place, market: &MarketView, now: i64, rng: &mut ChaCha12Rng) -> Wish {
        let deposit = place.usd(place.atoms(market, place.deposit(&self.account), now));
        let Ok(record) = market.perp(self.perp.1) else { return Wish::Nothing };
        let open = self.position().filter(|position| position.size != 0);
        let Some(position) = open else {
            let is_spent = deposit < self.margin / 10.0 && !self.in_kind;
            if is_spent {
                let comes = rng.random_bool(RETURN / self.attention());
                return if comes { Wish::Bring(self.margin) } else { Wish::Nothing };
            }
            let margin = if self.in_kind { self.margin } else { deposit.min(self.margin) };
            return self
                .side(market, record)
                .map_or(Wish::Nothing, |is_long| Wish::Open(is_long, margin * self.leverage));
        };
        let is_long = position.is_short == 0;
        let leaves = match self.style {
            Style::Trend => self.signal(market) * direction(is_long) < 0.0,
            Style::Hedge => false,
            Style::Carry => -yearly(record) * direction(is_long) < self.threshold / 4.0,
        };
        if leaves {
            return Wish::Close;
        }
        let spot = record.marks(&market.reserves[self.perp.0].price, Width::Maintenance).spot;
        let value = place.usd(record.sides[position.side_index()].notional(position.size, spot));
        let needs = value * part(record.config.maintenance_margin) * TOP_UP;
        let has = deposit - place.usd(lost(record, position, spot));
        if self.style != Style::Trend && has < needs { Wish::Bring(needs * 2.0 - has) } else { Wish::Nothing }
    }

    /// The side on which it would open.
    fn side(&self, market: &MarketView, record: &Perp) -> Option<bool> {
        match self.style {
            Style::Trend => {
                let signal = self.signal(market);
                (signal.abs() > self.threshold).then_some(signal > 0.0)
            }
            Style::Hedge => Some(false),
            // Longs pay a rate above zero.
            Style::Carry => (yearly(record).abs() > self.threshold).then_some(yearly(record) < 0.0),
        }
    }

    /// The price's distance from its hourly average.
    fn signal(&self, market: &MarketView) -> f64 {
        let price = &market.reserves[self.perp.0].price;
        price.price as f64 / price.ema_price.max(1) as f64 - 1.0
    }
}

/// What a position has lost at a price of a lot, but for funding since the perp was last traded, atoms.
pub fn lost(record: &Perp, position: &PerpPosition, spot: u64) -> u64 {
    let side = &record.sides[position.side_index()];
    let exact = gain(position.size as i64 * position.sign(), side.lot_value(spot)) - ((position.cost as Gain) << 32);
    ((-exact).max(0) >> 32).min(u64::MAX as Gain) as u64
}

fn direction(is_long: bool) -> f64 {
    if is_long { 1.0 } else { -1.0 }
}

fn part(bps: Bps) -> f64 {
    bps.0 as f64 / 10_000.0
}

/// What longs pay a year.
pub fn yearly(record: &Perp) -> f64 {
    record.rate as f64 / ONE as f64
}

/// An owner of the pool.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The account.
    pub member: Member,
    /// The fall that it puts up with.
    pub tolerance: f64,
    /// The highest value of a share that it saw.
    pub highest: f64,
    /// Whether it wants out.
    pub is_leaving: bool,
}

impl Owner {
    /// Draws one with an account.
    pub fn new(rng: &mut ChaCha12Rng, member: Member) -> Self {
        let tolerance = rng.random_range(TOLERANCE.0..TOLERANCE.1);
        Self { member, tolerance, highest: 0.0, is_leaving: false }
    }
}
