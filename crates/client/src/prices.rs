//! Prices that are brought along with what needs them.

use ballast_engine::{Error, Result, price::feed::OracleConfig};
use solana_address::Address;
use solana_instruction::Instruction;

use crate::{address::from_engine, instruction as ix, market::MarketView};

impl MarketView {
    /// Takes over prices from `(reserve, price account)` pairs; a reserve priced by an exchange rate has two, one after
    /// the other, the base feed's second. Nobody signs.
    pub fn refresh_prices(&self, prices: &[(u8, Address)]) -> Result<Instruction> {
        for of_reserve in prices.chunk_by(|one, other| one.0 == other.0) {
            let has_base = !self.reserve(of_reserve[0].0)?.config.oracle.base_feed_id.is_none();
            if of_reserve.len() != 1 + has_base as usize {
                return Err(Error::PriceAccountMissing);
            }
        }
        Ok(ix::RefreshPrices::with_prices(self.address, prices))
    }

    /// The transactions that take over the prices of some reserves, as far as their accounts are pinned, and then do
    /// `rest`: one, unless it has no room for all. Then those before it take over prices alone, and the last reserves
    /// named come with `rest`. The two accounts of a reserve stay together; nobody signs for prices.
    ///
    /// Something that adds risk to an account needs the prices of all that the account holds, and of the reserve at
    /// hand.
    ///
    /// `fits` says whether a packet holds a transaction of these instructions as the caller makes them: with its payer,
    /// signatures, compute budget and look-up tables. `rest` alone is returned even if it does not.
    pub fn refresh_pinned_prices(
        &self,
        reserves: impl IntoIterator<Item = u8>,
        rest: Vec<Instruction>,
        fits: impl Fn(&[Instruction]) -> bool,
    ) -> Vec<Vec<Instruction>> {
        let pinned = self.pinned_prices();
        let pinned: Vec<_> = pinned.chunk_by(|one, other| one.0 == other.0).collect();
        let mut wanted: Vec<&[(u8, Address)]> = Vec::new();
        for reserve in reserves {
            let found = pinned.iter().find(|accounts| accounts[0].0 == reserve);
            wanted.extend(found.filter(|accounts| !wanted.contains(accounts)));
        }
        let with = |accounts: &[&[(u8, Address)]], rest: &[Instruction]| match accounts {
            [] => rest.to_vec(),
            _ => [&[ix::RefreshPrices::with_prices(self.address, &accounts.concat())], rest].concat(),
        };
        let first_with_rest = (0..wanted.len()).find(|first| fits(&with(&wanted[*first..], &rest)));
        let (mut before, last) = wanted.split_at(first_with_rest.unwrap_or(wanted.len()));
        let mut transactions = Vec::new();
        while !before.is_empty() {
            // One at least: smaller there is nothing.
            let count = (2..=before.len()).take_while(|count| fits(&with(&before[..*count], &[]))).last().unwrap_or(1);
            transactions.push(with(&before[..count], &[]));
            before = &before[count..];
        }
        let last = with(last, &rest);
        transactions.extend((!last.is_empty()).then_some(last));
        transactions
    }

    /// The `(reserve, price account)` pairs of all open reserves whose price accounts are pinned, for
    /// [`Self::refresh_prices`].
    pub fn pinned_prices(&self) -> Vec<(u8, Address)> {
        let open = (0u8..).zip(&self.reserves).filter(|(_, reserve)| reserve.closed == 0);
        let accounts = open.flat_map(|(index, reserve)| {
            pinned_accounts(&reserve.config.oracle).into_iter().map(move |account| (index, account))
        });
        accounts.collect()
    }
}

/// The accounts that prices are pinned to, the base feed's second; none if that of a feed is not.
pub fn pinned_accounts(oracle: &OracleConfig) -> Vec<Address> {
    let base_is_pinned = oracle.base_feed_id.is_none() || !oracle.base_feed_account.is_none();
    if oracle.feed_account.is_none() || !base_is_pinned {
        return Vec::new();
    }
    let accounts = [oracle.feed_account, oracle.base_feed_account];
    accounts.iter().filter(|account| !account.is_none()).map(from_engine).collect()
}

#[cfg(test)]
mod tests {
    use ballast_engine::{record::layout, state::reserve::Reserve};

    use super::*;
    use crate::address::to_engine;

    fn address(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    /// So many reserves whose price accounts are pinned: account 100 + index, and of two feeds 200 + index too.
    fn view(count: u8, of_two: &[u8]) -> MarketView {
        let reserve = |index: u8| {
            let mut reserve = Reserve::default();
            let oracle = &mut reserve.config.oracle;
            oracle.feed_account = to_engine(&address(100 + index));
            if of_two.contains(&index) {
                oracle.base_feed_id = layout::Address([1; 32]);
                oracle.base_feed_account = to_engine(&address(200 + index));
            }
            reserve
        };
        let reserves = (0..count).map(reserve).collect();
        MarketView { address: address(99), market: Default::default(), reserves }
    }

    /// The price accounts of a transaction, and how many instructions it has beside them.
    fn summary(transaction: &[Instruction]) -> (Vec<u8>, usize) {
        let is_refresh = |one: &&Instruction| one.data[0] == 9;
        let accounts = transaction.iter().filter(is_refresh).flat_map(|one| &one.accounts[1..]);
        let accounts = accounts.map(|meta| meta.pubkey.to_bytes()[0]).collect();
        (accounts, transaction.iter().filter(|one| !is_refresh(one)).count())
    }

    /// Whether so many accounts are enough for a transaction.
    fn at_most(count: usize) -> impl Fn(&[Instruction]) -> bool {
        move |transaction| transaction.iter().map(|one| one.accounts.len()).sum::<usize>() <= count
    }

    fn split(view: &MarketView, reserves: &[u8], rest: usize, most: usize) -> Vec<(Vec<u8>, usize)> {
        let action = Instruction { program_id: address(1), accounts: Vec::new(), data: vec![7] };
        let rest = vec![action; rest];
        let transactions = view.refresh_pinned_prices(reserves.iter().copied(), rest, at_most(most));
        transactions.iter().map(|one| summary(one)).collect()
    }

    #[test]
    fn what_is_needed_stands_before_what_needs_it_each_account_once() {
        let view = view(4, &[2]);
        assert_eq!(split(&view, &[3, 2, 3, 2], 2, 99), [(vec![103, 102, 202], 2)]);
        assert_eq!(split(&view, &[], 1, 99), [(vec![], 1)]);
        assert_eq!(split(&view, &[7], 0, 99), []);
        assert_eq!(split(&view, &[0], 0, 99), [(vec![100], 0)]);
    }

    #[test]
    fn closed_reserves_and_those_that_are_not_pinned_are_left_out() {
        let mut view = view(4, &[2, 3]);
        view.reserves[0].closed = 1;
        view.reserves[1].config.oracle.feed_account = layout::Address::NONE;
        view.reserves[3].config.oracle.base_feed_account = layout::Address::NONE;
        assert_eq!(split(&view, &[0, 1, 2, 3], 1, 99), [(vec![102, 202], 1)]);
        assert_eq!(view.pinned_prices(), [(2, address(102)), (2, address(202))]);
    }

    #[test]
    fn what_does_not_fit_goes_before_and_two_accounts_of_a_reserve_stay_together() {
        let view = view(6, &[1, 4]);
        // The market's account is one of them.
        let all = [0, 1, 2, 3, 4, 5];
        assert_eq!(split(&view, &all, 1, 9), [(vec![100, 101, 201, 102, 103, 104, 204, 105], 1)]);
        assert_eq!(split(&view, &all, 1, 7), [(vec![100, 101, 201], 0), (vec![102, 103, 104, 204, 105], 1)][..]);
        assert_eq!(
            split(&view, &all, 1, 3),
            [(vec![100], 0), (vec![101, 201], 0), (vec![102, 103], 0), (vec![104, 204], 0), (vec![105], 1)]
        );
        assert_eq!(split(&view, &[0, 1], 1, 0), [(vec![100], 0), (vec![101, 201], 0), (vec![], 1)]);
    }
}
