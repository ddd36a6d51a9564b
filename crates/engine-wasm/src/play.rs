//! What accounts are like after an action, and markets with other prices or parameters. The accounts after it take the place in the
//! input of those before it, so that a question can be asked about them, or another action played.

use ballast_client::{
    DecodeError, MarketView, SupposedPrice, decode_change, encode_margin_account, encode_market,
    engine::{
        Error, Result,
        ledger::{Ledger, Movement},
        number::units::Part,
        perps::{provide::PoolMovement, trade::Order},
        record::layout::Address,
        state::account::{MarginAccount, Mode},
    },
};

use crate::{Answer, Failure, Subject, buffers, market};

/// Plays an action on the accounts whose bytes are in the buffer, and puts those after it there if it succeeds.
/// Out of line, since all actions share it.
#[inline(never)]
pub fn play(market: u32, margin: u32, now: i64, act: &dyn Fn(&mut Subject) -> Answer) -> i32 {
    let answer = Subject::read(market, margin, now).and_then(|mut subject| {
        let words = act(&mut subject)?;
        buffers::replace(0, &encode_market(&subject.market));
        buffers::replace(market, &encode_margin_account(&subject.account));
        Ok(words)
    });
    buffers::write(answer)
}

/// Puts another market in place of the one in the buffer. `question` gets the bytes behind that.
pub fn change_market(
    market_length: u32,
    rest: u32,
    question: impl FnOnce(&MarketView, &[u8]) -> core::result::Result<(MarketView, Vec<u64>), Failure>,
) -> i32 {
    let answer = buffers::read(market_length, rest).and_then(|(market_bytes, rest)| {
        let (changed, words) = question(&market(&market_bytes)?, &rest)?;
        buffers::replace(0, &encode_market(&changed));
        Ok(words)
    });
    buffers::write(answer)
}

impl Subject {
    /// Atoms, shares.
    pub fn lend(&mut self, act: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> Result<Movement>) -> Answer {
        let moved = act(&mut self.market.ledger(self.now), &mut self.account)?;
        Ok(vec![moved.amount, moved.shares.0])
    }

    /// Atoms, shares of the pool.
    pub fn provide(&mut self, act: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> Result<PoolMovement>) -> Answer {
        let moved = act(&mut self.market.ledger(self.now), &mut self.account)?;
        Ok(vec![moved.amount, moved.shares.0])
    }

    /// Lots, price of one with impact and rebate, what was realised, the part of a gain that is paid, gain, loss, rebate, impact, fee.
    pub fn trade(&mut self, order: &Order) -> Answer {
        let preview = self.market.preview_trade(&self.account, order, self.now)?;
        (self.market, self.account) = (preview.market, preview.account);
        let (fill, Part(factor)) = (preview.fill, preview.fill.factor);
        let bill = fill.bill;
        let realised = fill.realised as u64;
        Ok(vec![
            preview.lots,
            preview.price,
            realised,
            factor as u64,
            bill.gain,
            bill.loss,
            bill.rebate,
            bill.impact,
            bill.fee,
        ])
    }
}

/// What an account to be opened is.
pub struct Opening {
    pub id: u32,
    /// As of [`ballast_client::engine::state::account::Mode`].
    pub mode: u32,
    /// Its collateral.
    pub collateral: u32,
    /// Its debt, or its perp.
    pub debt: u32,
}

/// An account without positions, put behind the market in the buffer. The market's address and the owner's stand there.
pub fn open(market_length: u32, addresses: u32, opening: &Opening) -> i32 {
    let answer = buffers::read(market_length, addresses).and_then(|(market_bytes, addresses)| {
        let ([address, owner], []) = addresses.as_chunks::<32>() else { return Err(DecodeError::TooShort.into()) };
        let (view, index) = (market(&market_bytes)?, crate::index);
        let (collateral, debt) = (index(opening.collateral)?, index(opening.debt)?);
        let mode = u8::try_from(opening.mode).map_err(|_| Error::AccountModeInvalid)?;
        let empty = if mode == Mode::Perp as u8 {
            MarginAccount::open_for_perp(collateral, debt, &view.reserves)?
        } else {
            MarginAccount::open(mode, collateral, debt, &view.reserves)?
        };
        let id = u16::try_from(opening.id).map_err(|_| Error::AccountModeInvalid)?;
        let account = MarginAccount { id, market: Address(*address), owner: Address(*owner), ..empty };
        buffers::replace(market_length, &encode_margin_account(&account));
        Ok(Vec::new())
    });
    buffers::write(answer)
}

/// Words of a supposed price: reserve, price, exponent, confidence or all ones, average or all ones.
const PRICE_WORDS: usize = 5;

/// The market with the prices behind it.
pub fn with_prices(
    view: &MarketView,
    prices: &[u8],
    now: i64,
) -> core::result::Result<(MarketView, Vec<u64>), Failure> {
    let (chunks, rest) = prices.as_chunks::<{ 8 * PRICE_WORDS }>();
    if !rest.is_empty() {
        return Err(DecodeError::TooShort.into());
    }
    let supposed = chunks.iter().map(|chunk| {
        let (words, _) = chunk.as_chunks::<8>();
        let [reserve, price, exponent, confidence, ema_price] = core::array::from_fn(|n| u64::from_le_bytes(words[n]));
        let given = |word: u64| (word != u64::MAX).then_some(word);
        Ok(SupposedPrice {
            reserve: crate::index(u32::try_from(reserve).unwrap_or(u32::MAX))?,
            price,
            // What is no number of 32 bits is out of range too.
            exponent: i32::try_from(exponent as i64).unwrap_or(i32::MAX),
            confidence: given(confidence),
            ema_price: given(ema_price),
        })
    });
    let supposed = supposed.collect::<core::result::Result<Vec<_>, Failure>>()?;
    Ok((view.with_prices(&supposed, now)?, Vec::new()))
}

/// The market without the change behind it (stage 0), right after it (1), or once all has ramped (2): and when those are.
pub fn with_change(
    view: &MarketView,
    change: &[u8],
    now: i64,
    stage: u32,
) -> core::result::Result<(MarketView, Vec<u64>), Failure> {
    let found = view.with_change(&decode_change(change)?, now)?;
    let market = match stage {
        0 => found.before,
        1 => found.after,
        _ => found.ramped,
    };
    Ok((market, vec![found.at as u64, found.ramped_at as u64]))
}
