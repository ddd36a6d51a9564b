//! Which price an action needs: the table action × condition, as data.
//!
//! - **Repayment**, and **deposit** and **withdrawal without debt**, read no price.
//! - A **deposit** of an account with debts reads that token's price as [`Use::AddedCollateral`]. Otherwise a token whose price
//!   had died, and that may be worthless, could still be deposited to ward off liquidation.
//! - **Borrowing** and **withdrawal with debt** read each deposit as [`Use::NewRiskCollateral`] and each debt as
//!   [`Use::NewRiskDebt`].
//! - **Liquidation** reads the two positions at hand as [`Use::SeizedCollateral`] and [`Use::RepaidDebt`] and all positions
//!   of the account as [`Use::Collateral`] and [`Use::Debt`]. The two must be of the moment of the account's newest price, within
//!   the seconds that their reserves allow. The account's other prices are read like old ones if they are of another moment: a
//!   liquidator chooses which updates to bring, and that choice alone must make no account unhealthy.
//! - **Settling bad debt** reads all of them as [`Use::Insolvency`].
//! - A **perp** reads its underlying as [`Use::PerpGrowth`] where positions grow, and as [`Use::PerpClosing`] where they shrink, are settled,
//!   liquidated or deleveraged; a **pool** reads those of all its open perps as [`Use::PoolEntry`] and [`Use::PoolExit`].

use crate::error::{Error, Result};

/// For how long a price that is too old is read in the borrower's favour, seconds. If nobody brings the price of a reserve in use
/// for so long, its feed has ended, and its last price is all that is known.
pub const FAVOUR_SECONDS: i64 = 21_600;

/// The condition of a reserve's price at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Condition {
    /// There has never been a price.
    NeverPriced = 0,
    /// Recent, tight, and near its average.
    Fresh = 1,
    /// Too old, for no longer than [`FAVOUR_SECONDS`].
    Stale = 2,
    /// Too old for longer.
    Dead = 3,
    /// Recent, but of another moment than the newest of the account's prices.
    Skewed = 4,
    /// Recent, but more uncertain than new risk may be.
    WideConfidence = 5,
    /// Recent and tight, but farther from its average than new risk may be.
    FarFromAverage = 6,
    /// Recent, tight and near its average, but the price breaker has tripped at tier 1.
    Moving = 7,
    /// The price breaker has tripped at tier 2 or 3.
    Halted = 8,
}

impl Condition {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 9] = [
        Self::NeverPriced,
        Self::Fresh,
        Self::Stale,
        Self::Dead,
        Self::Skewed,
        Self::WideConfidence,
        Self::FarFromAverage,
        Self::Moving,
        Self::Halted,
    ];

    /// Whether the price is recent and of the right moment, even if it is uncertain or moving. Only such a price proves a value.
    #[inline(always)]
    pub const fn is_current(self) -> bool {
        !matches!(self, Self::NeverPriced | Self::Stale | Self::Dead | Self::Skewed)
    }
}

/// What a price is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Use {
    /// A deposit that backs new risk.
    NewRiskCollateral = 0,
    /// A debt in an account that takes new risk.
    NewRiskDebt = 1,
    /// The collateral that a liquidation takes.
    SeizedCollateral = 2,
    /// The debt that a liquidation repays.
    RepaidDebt = 3,
    /// Any deposit in an account whose maintenance health is judged.
    Collateral = 4,
    /// Any debt in such an account.
    Debt = 5,
    /// A position in an account whose insolvency is judged.
    Insolvency = 6,
    /// A deposit that comes to an account with debts.
    AddedCollateral = 7,
    /// What a perp follows whose position grows: not while the price moves, since a trader may see where to.
    PerpGrowth = 8,
    /// What a perp follows whose position shrinks, is settled, liquidated or deleveraged.
    PerpClosing = 9,
    /// What a perp follows whose pool somebody enters.
    PoolEntry = 10,
    /// What a perp follows whose pool somebody leaves.
    PoolExit = 11,
}

/// How a price is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Treatment {
    /// As it is; a token never priced is worth nothing.
    Read,
    /// Far in the borrower's favour: collateral at twice the last reading, debt at half. So a liquidator gains nothing by leaving a
    /// price old that has since recovered, or by bringing a dip of other prices beside it, unless the price has more than
    /// doubled. And a borrower cannot hide behind an atom of a token whose feed is dead.
    FavourBorrower,
    /// The position counts nothing.
    CountNothing,
    /// The position counts nothing if it was last worth less than the market's dust value; a larger one refuses the action, with
    /// [`Error::PriceStale`]: maintenance would count it.
    RefuseUnlessDust,
    /// The action is refused: [`Error::PriceStale`].
    RefuseStale,
    /// The action is refused: [`Error::PricesSkewed`].
    RefuseSkewed,
    /// The action is refused: [`Error::PriceUnsettled`].
    RefuseUnsettled,
    /// The action is refused: [`Error::ReserveHalted`].
    RefuseHalted,
}

impl Treatment {
    /// Fails with the error of a treatment that refuses the action.
    #[inline(always)]
    pub const fn allow(self) -> Result<()> {
        match self {
            Self::RefuseStale => Err(Error::PriceStale),
            Self::RefuseSkewed => Err(Error::PricesSkewed),
            Self::RefuseUnsettled => Err(Error::PriceUnsettled),
            Self::RefuseHalted => Err(Error::ReserveHalted),
            _ => Ok(()),
        }
    }
}

use Treatment::{
    CountNothing as Nothing, FavourBorrower as Favour, Read, RefuseHalted as NotHalted, RefuseSkewed as NotSkewed,
    RefuseStale as NotStale, RefuseUnlessDust as DustOnly, RefuseUnsettled as NotUnsettled,
};

/// Rows in the order of [`Use`], columns in the order of [`Condition`].
#[rustfmt::skip]
const ROWS: [[Treatment; 9]; 12] = [
    // NeverPriced, Fresh, Stale, Dead, Skewed, WideConfidence, FarFromAverage, Moving, Halted
    [Nothing,  Read, DustOnly, DustOnly, Nothing,   Nothing,      Nothing,      Nothing, Nothing],   // NewRiskCollateral
    [NotStale, Read, NotStale, NotStale, NotSkewed, NotUnsettled, NotUnsettled, Read,    NotHalted], // NewRiskDebt
    [NotStale, Read, NotStale, NotStale, NotSkewed, Read,         Read,         Read,    Read],      // SeizedCollateral
    [NotStale, Read, NotStale, NotStale, NotSkewed, Read,         Read,         Read,    Read],      // RepaidDebt
    [Favour,   Read, Favour,   Read,     Favour,    Read,         Read,         Read,    Read],      // Collateral
    [Favour,   Read, Favour,   Read,     Favour,    Read,         Read,         Read,    Read],      // Debt
    [Read,     Read, Read,     Read,     Read,      Read,         Read,         Read,    Read],      // Insolvency
    [NotStale, Read, NotStale, NotStale, Read,      Read,         Read,         Read,    Read],      // AddedCollateral
    [NotStale, Read, NotStale, NotStale, NotSkewed, NotUnsettled, NotUnsettled, NotUnsettled, NotHalted], // PerpGrowth
    [NotStale, Read, NotStale, NotStale, NotSkewed, Read,         Read,         Read,    Read],      // PerpClosing
    [NotStale, Read, NotStale, NotStale, NotSkewed, NotUnsettled, NotUnsettled, Read,    NotHalted], // PoolEntry
    [NotStale, Read, NotStale, NotStale, NotSkewed, Read,         Read,         Read,    Read],      // PoolExit
];

/// The same table in columns of 16, so that a look-up is one shift.
static COLUMNS: [[Treatment; 16]; 9] = {
    let mut columns = [[Read; 16]; 9];
    let mut row = 0;
    while row < ROWS.len() {
        let mut column = 0;
        while column < columns.len() {
            columns[column][row] = ROWS[row][column];
            column += 1;
        }
        row += 1;
    }
    columns
};

impl Use {
    /// How a price in a condition is read for this.
    #[inline(always)]
    pub fn treatment(self, condition: Condition) -> Treatment {
        COLUMNS[condition as usize][self as usize]
    }

    /// Whether a price in any condition is read as it is.
    pub const fn reads_any(self) -> bool {
        let row = &ROWS[self as usize];
        let mut column = 0;
        while column < row.len() {
            if !matches!(row[column], Read) {
                return false;
            }
            column += 1;
        }
        true
    }

    /// Refuses a condition in which a price may not be used for this.
    #[inline(always)]
    pub fn require(self, condition: Condition) -> Result<()> {
        self.treatment(condition).allow()
    }
}
