//! The engine's answers about accounts, for JavaScript: `app/client/src/engine.ts` calls it.
//!
//! The caller writes a market account's bytes to [`input`] and those of a margin account right behind them, calls a
//! question with the two lengths, and reads the answer at [`output`]. Of a vault the markets follow, each as its address, the
//! length of its bytes (`u32`, little endian) and those. A question returns how many 64-bit words its answer has;
//! below zero, minus the bytes of an error: the first word is then its code, zero if the bytes are no such accounts, and the
//! message follows. Nothing is kept between two calls, but that an action leaves the accounts after it in the input.
//!
//! Plain exports over linear memory in place of bindings made by a tool: numbers and two byte arrays is all that passes,
//! and a build needs nothing but `cargo`. The buffers are atomic bytes and words, so that no pointer is followed here.

mod buffers;
mod exports;
mod play;
mod report;
mod vault;

use ballast_client::{
    DecodeError, LiquidationOrder, MarketView, decode_margin_account, describe_error,
    engine::{Error, perps::trade::Order, state::account::MarginAccount},
};

pub use exports::*;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    /// The program's error code, or zero.
    code: u32,
    message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: error.code(), message: describe_error(error.code()) }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self { code: 0, message: error.to_string() }
    }
}

/// The words of an answer.
type Answer = Result<Vec<u64>, Failure>;

/// What is asked about.
struct Subject {
    market: MarketView,
    account: MarginAccount,
    now: i64,
}

impl Subject {
    /// The accounts whose bytes are in the buffer.
    #[inline(never)]
    fn read(market_length: u32, margin_length: u32, now: i64) -> Result<Self, Failure> {
        let (market_bytes, margin_bytes) = buffers::read(market_length, margin_length)?;
        Ok(Self { market: market(&market_bytes)?, account: decode_margin_account(&margin_bytes)?, now })
    }

    fn health(&self) -> Answer {
        Ok(report::health_words(&self.market.health_report(&self.account, self.now)?).to_vec())
    }

    /// Reserve, whether it is a debt, atoms: for each position.
    fn positions(&self) -> Answer {
        let mut words = Vec::new();
        for position in self.account.positions() {
            let amount = self.market.amount(position, self.now)?;
            words.extend([position.reserve as u64, position.is_debt() as u64, amount]);
        }
        Ok(words)
    }

    fn max_borrow(&self, reserve: u8) -> Answer {
        Ok(limit(self.market.max_borrow(&self.account, reserve, self.now)?))
    }

    fn max_deposit(&self, reserve: u8) -> Answer {
        Ok(limit(self.market.max_deposit(&self.account, reserve, self.now)?))
    }

    fn max_trade(&self, order: &Order) -> Answer {
        Ok(limit(self.market.max_trade(&self.account, order, self.now)?))
    }

    fn max_withdraw(&self, reserve: u8) -> Answer {
        Ok(limit(self.market.max_withdraw(&self.account, reserve, self.now)?))
    }

    /// Price, exponent, whether of a deposit; nothing if there is none.
    fn liquidation_price(&self, reserve: u8) -> Answer {
        let found = self.market.liquidation_price(&self.account, reserve, self.now)?;
        Ok(found.map_or(Vec::new(), |at| vec![at.price, at.exponent as i64 as u64, at.is_deposit as u64]))
    }

    /// Repaid, insurance, seized, penalty in basis points.
    fn preview_liquidation(&self, order: LiquidationOrder) -> Answer {
        let moved = self.market.preview_liquidation(&self.account, order, self.now)?;
        Ok(vec![moved.repaid, moved.insurance, moved.seized, moved.penalty.0 as u64])
    }
}

/// Atoms, and the code of what more is refused with, or zero.
fn limit(limit: ballast_client::Limit) -> Vec<u64> {
    vec![limit.atoms, limit.refusal.map_or(0, |error| error.code() as u64)]
}

fn market(bytes: &[u8]) -> Result<MarketView, Failure> {
    // The address matters to instructions alone.
    Ok(MarketView::decode(Default::default(), bytes)?)
}

/// Asks about the accounts whose bytes are in the buffer.
/// Out of line, since all questions share it.
#[inline(never)]
fn ask(market_length: u32, margin_length: u32, now: i64, question: &dyn Fn(&Subject) -> Answer) -> i32 {
    buffers::write(Subject::read(market_length, margin_length, now).and_then(|subject| question(&subject)))
}

/// The index of a reserve; one that is out of range names none.
fn index(reserve: u32) -> Result<u8, Failure> {
    Ok(u8::try_from(reserve).map_err(|_| Error::ReserveIndexOutOfRange)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because there is one buffer, as there is one caller.
    #[test]
    fn refusals_have_a_code_and_words() {
        let status = health(8, 8, 0);
        assert_eq!(buffers::error(status), Failure::from(DecodeError::TooShort));
        let status = rates(u32::MAX, 0);
        assert_eq!(buffers::error(status).message, "the accounts are larger than the largest that there are");
        let status = vault_report(u32::MAX, 8, 0);
        assert_eq!(buffers::error(status).message, "the accounts are larger than the largest that there are");
        let status = vault_report(8, 0, 0);
        assert_eq!(buffers::error(status), Failure::from(DecodeError::TooShort));
        let status = buffers::write(Err(Error::PriceStale.into()));
        assert_eq!(buffers::error(status), Failure::from(Error::PriceStale));
        let empty = MarketView { address: Default::default(), market: Default::default(), reserves: Vec::new() };
        assert_eq!(play::with_prices(&empty, &[0; 39], 0), Err(DecodeError::TooShort.into()));
        assert_eq!(play::with_prices(&empty, &[0; 40], 0), Err(Error::ReserveIndexOutOfRange.into()));
        assert_eq!(play::with_change(&empty, &[0; 40], 0, 0), Err(DecodeError::WrongDiscriminator.into()));
        let many = vec![0; 512 * 631];
        assert!(report::scan(&empty, &many, 0, 0).is_err_and(|failure| failure.message.starts_with("more accounts")));
        assert!(report::scan(&empty, &[0; 600], 0, 7).is_err_and(|failure| failure.message.starts_with("account 7: ")));
        assert!(index(256).is_err_and(|failure| failure.code == Error::ReserveIndexOutOfRange.code()));
    }
}
