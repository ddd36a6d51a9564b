//! Questions about a vault and its markets.

use ballast_client::{
    Address, DecodeError, IDLE, MarketView, VaultView, decode_vault,
    engine::{Error, number::units::Shares, vaults::exit::Exit},
};

use crate::{Answer, Failure, buffers};

/// What is asked about.
pub struct VaultSubject {
    view: VaultView,
    now: i64,
}

impl VaultSubject {
    fn decode(vault: &[u8], markets: &[u8], now: i64) -> Result<Self, Failure> {
        let vault = decode_vault(vault)?;
        // Else sums over what no vault holds could fail in ways that have no words.
        vault.config.validate()?;
        let (named, markets) = (VaultView::market_addresses(&vault), read_markets(markets)?);
        if markets.iter().any(|market| !named.contains(&market.address)) {
            let message = "a market is of none of the vault's open allocations".into();
            return Err(Failure { code: 0, message });
        }
        // The address matters to instructions alone.
        Ok(Self { view: VaultView::new(Address::default(), vault, markets), now })
    }

    pub fn report(&self) -> Vec<u64> {
        words(&self.view.report(self.now))
    }

    pub fn share_price(&mut self) -> Answer {
        let share = 10u64.checked_pow(self.view.vault.decimals as u32).ok_or(Error::AmountTooLarge)?;
        let vaults = self.view.at(self.now);
        let cost = vaults.vault.cost_of(Shares(share), &vaults.valuation)?;
        Ok(vec![cost, vaults.vault.worth(Shares(share), &vaults.valuation)])
    }

    pub fn preview_deposit(&mut self, amount: u64) -> Answer {
        let exchange = self.view.at(self.now).deposit(amount, Shares::ZERO)?;
        Ok(vec![exchange.amount, exchange.shares.0])
    }

    pub fn preview_redeem(&mut self, shares: u64, from: u32) -> Answer {
        Ok(exit(self.view.at(self.now).redeem(Shares(shares), 0, slots(from)?)?))
    }

    pub fn preview_withdraw(&mut self, amount: u64, from: u32) -> Answer {
        Ok(exit(self.view.at(self.now).withdraw(amount, Shares(u64::MAX), slots(from)?)?))
    }

    pub fn max_deposit(&mut self) -> Vec<u64> {
        vec![self.view.at(self.now).max_deposit()]
    }

    pub fn max_redeem(&mut self, held: u64, from: u32) -> Answer {
        Ok(vec![self.view.at(self.now).max_redeem(Shares(held), slots(from)?).0])
    }

    pub fn max_withdraw(&mut self, held: u64, from: u32) -> Answer {
        Ok(vec![self.view.at(self.now).max_withdraw(Shares(held), slots(from)?)])
    }

    pub fn next_move(&self) -> Answer {
        let found = self.view.next_move(self.now)?;
        let slot = |slot: Option<u8>| slot.unwrap_or(IDLE) as u64;
        Ok(vec![slot(found.from), slot(found.to), found.amount, found.gain, found.reward.0])
    }
}

/// A record's bytes as words.
pub fn words<T: bytemuck::NoUninit>(record: &T) -> Vec<u64> {
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | *byte as u64);
    bytemuck::bytes_of(record).chunks(8).map(word).collect()
}

/// Atoms, shares, exit fee, rounding.
fn exit(exit: Exit) -> Vec<u64> {
    vec![exit.exchange.amount, exit.exchange.shares.0, exit.fee, exit.payment.cost]
}

/// A bit for each slot.
fn slots(from: u32) -> Result<u8, Error> {
    u8::try_from(from).map_err(|_| Error::WrongSlot)
}

/// Markets behind each other: address, length, bytes.
fn read_markets(mut bytes: &[u8]) -> Result<Vec<MarketView>, DecodeError> {
    let mut markets = Vec::new();
    while let Some((address, rest)) = bytes.split_first_chunk::<32>() {
        let (length, rest) = rest.split_first_chunk().ok_or(DecodeError::TooShort)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (account, rest) = rest.split_at_checked(length).ok_or(DecodeError::TooShort)?;
        markets.push(MarketView::decode(Address::new_from_array(*address), account)?);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(markets) } else { Err(DecodeError::TooShort) }
}

/// Asks about the vault and the markets whose bytes are in the buffer.
pub fn ask_vault(vault: u32, markets: u32, now: i64, question: impl FnOnce(&mut VaultSubject) -> Answer) -> i32 {
    let answer = buffers::read(vault, markets)
        .and_then(|(vault, markets)| question(&mut VaultSubject::decode(&vault, &markets, now)?));
    buffers::write(answer)
}
