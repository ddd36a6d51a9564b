//! Which price an action needs: the table action × condition, as data.
//!
//! - **Deposit**, **repayment** and **withdrawal without debt** read no price.
//! - **Borrowing** and **withdrawal with debt** read each deposit as [`Use::NewRiskCollateral`] and each debt as
//!   [`Use::NewRiskDebt`].
//! - **Liquidation** reads the two positions at hand as [`Use::SeizedCollateral`] and [`Use::RepaidDebt`] and all positions
//!   of the account as [`Use::Collateral`] and [`Use::Debt`].
//! - **Settling bad debt** reads all of them as [`Use::Insolvency`].

use crate::error::{Error, Result};

/// What a reserve's price is like at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Condition {
    /// Recent, tight, and near its average.
    Fresh = 0,
    /// Too old.
    Stale = 1,
    /// Recent, but more uncertain than new risk may be.
    WideConfidence = 2,
    /// Recent and tight, but farther from its average than new risk may be.
    FarFromAverage = 3,
    /// There is none.
    NeverPriced = 4,
    /// Recent, tight and near its average, but the price breaker has tripped at tier 1.
    Moving = 5,
    /// The price breaker has tripped at tier 2 or 3.
    Halted = 6,
}

impl Condition {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 7] = [
        Self::Fresh,
        Self::Stale,
        Self::WideConfidence,
        Self::FarFromAverage,
        Self::NeverPriced,
        Self::Moving,
        Self::Halted,
    ];
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
}

/// How a price is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Treatment {
    /// As it is; a token never priced is worth nothing.
    Read,
    /// Far in the borrower's favour: collateral at twice the last reading, debt at half. A liquidator cannot profit from
    /// leaving a price old that has recovered, short of its doubling; and a borrower cannot hide behind an atom of a token
    /// whose feed is dead.
    FavourBorrower,
    /// The position counts nothing.
    CountNothing,
    /// The action is refused: [`Error::PriceStale`].
    RefuseStale,
    /// The action is refused: [`Error::PriceUnsettled`].
    RefuseUnsettled,
    /// The action is refused: [`Error::ReserveHalted`].
    RefuseHalted,
}

impl Treatment {
    /// Refuses what is refused.
    #[inline(always)]
    pub const fn allow(self) -> Result<()> {
        match self {
            Self::RefuseStale => Err(Error::PriceStale),
            Self::RefuseUnsettled => Err(Error::PriceUnsettled),
            Self::RefuseHalted => Err(Error::ReserveHalted),
            _ => Ok(()),
        }
    }
}

use Treatment::{CountNothing, FavourBorrower, Read, RefuseHalted, RefuseStale, RefuseUnsettled};

/// Rows in the order of [`Use`], columns in the order of [`Condition`].
const ROWS: [[Treatment; 7]; 7] = [
    // Fresh, Stale, WideConfidence, FarFromAverage, NeverPriced, Moving, Halted
    [Read, CountNothing, CountNothing, CountNothing, CountNothing, CountNothing, CountNothing], // NewRiskCollateral
    [Read, RefuseStale, RefuseUnsettled, RefuseUnsettled, RefuseStale, Read, RefuseHalted],     // NewRiskDebt
    [Read, RefuseStale, Read, Read, RefuseStale, Read, Read],                                   // SeizedCollateral
    [Read, RefuseStale, Read, Read, RefuseStale, Read, Read],                                   // RepaidDebt
    [Read, FavourBorrower, Read, Read, FavourBorrower, Read, Read],                             // Collateral
    [Read, FavourBorrower, Read, Read, FavourBorrower, Read, Read],                             // Debt
    [Read, Read, Read, Read, Read, Read, Read],                                                 // Insolvency
];

/// The same by columns of eight, to be looked up with one shift.
static COLUMNS: [[Treatment; 8]; 7] = {
    let mut columns = [[Read; 8]; 7];
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
