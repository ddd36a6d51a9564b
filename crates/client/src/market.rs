//! A decoded market: its instructions with all derived accounts filled in, and the engine's answers about it.

use ballast_engine::{
    Error, Result,
    health::{Health, Requirement, account::health, report::HealthReport},
    ledger::{Ledger, liquidation::Liquidation},
    state::{
        account::{MarginAccount, Position},
        market::{Market, MarketConfig},
        reserve::Reserve,
    },
};
use solana_address::Address;
use solana_instruction::Instruction;

use crate::{
    address::{SYSTEM_PROGRAM, margin_address, market_address, to_engine, vault_authority},
    decode::{DecodeError, decode_market},
    instruction as ix,
};

/// A market account as of when its bytes were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketView {
    /// The account's address.
    pub address: Address,
    /// Its head.
    pub market: Market,
    /// Its records; the index is what instructions name them by. Beside reserves there are perps and pools, which look like closed
    /// reserves: [`Reserve::is_reserve`] tells.
    pub reserves: Vec<Reserve>,
}

/// What a liquidator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidationOrder {
    /// Index of the reserve to repay.
    pub debt: u8,
    /// Index of the reserve to seize from.
    pub collateral: u8,
    /// Most atoms to pay, transfer fee included; with `begin_liquidation`, which does not see that token, without.
    pub max_repay: u64,
    /// Fewest atoms of collateral to accept, without its transfer fee.
    pub min_collateral: u64,
}

/// What a reserve costs and earns, continuously compounded. For people: no decision is made by these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// What borrowers pay in a year, 1.0 is 100 %.
    pub borrow: f64,
    /// What depositors earn in a year.
    pub deposit: f64,
    /// Borrowed share of the liquidity, 1.0 is all of it.
    pub utilisation: f64,
}

impl Rates {
    /// Of a reserve.
    pub fn of(reserve: &Reserve) -> Self {
        let borrow = reserve.borrow_rate.per_year_f64();
        let earned = reserve.deposit_growth.0 as f64 / (1u128 << 64) as f64;
        Self { borrow, deposit: borrow * earned, utilisation: reserve.utilisation().to_f64() }
    }
}

impl MarketView {
    /// Reads a market account's data.
    pub fn decode(address: Address, bytes: &[u8]) -> core::result::Result<Self, DecodeError> {
        decode_market(address, bytes)
    }

    /// Creates a market, whose authority the creator is: the instruction, and the address the market will have.
    pub fn create(creator: Address, id: u16, config: MarketConfig) -> (Instruction, Address) {
        let (market, _) = market_address(&creator, id);
        let (vault_authority, _) = vault_authority(&market);
        let system_program = SYSTEM_PROGRAM;
        let accounts = ix::CreateMarket { creator, market, vault_authority, system_program, id, config };
        (accounts.instruction(), market)
    }

    /// A reserve by its index, which a perp and a pool are not.
    pub fn reserve(&self, index: u8) -> Result<&Reserve> {
        self.reserves.get(index as usize).filter(|record| record.is_reserve()).ok_or(Error::ReserveIndexOutOfRange)
    }

    /// The index of a mint's reserve.
    pub fn find_reserve(&self, mint: &Address) -> Option<u8> {
        let mint = to_engine(mint);
        self.reserves.iter().position(|reserve| reserve.mint == mint).map(|index| index as u8)
    }

    /// The address of an owner's margin account in this market.
    pub fn margin_account(&self, owner: &Address, id: u16) -> Address {
        margin_address(&self.address, owner, id).0
    }

    // The engine's answers.

    /// Health of an account at `now` (unix seconds), interest until then included.
    pub fn health(&self, account: &MarginAccount, now: i64, requirement: Requirement) -> Result<Health> {
        health(account, &self.reserves, &self.market.config, now, requirement)
    }

    /// All three healths of an account, as `read_health` returns them.
    pub fn health_report(&self, account: &MarginAccount, now: i64) -> Result<HealthReport> {
        HealthReport::new(account, &self.reserves, &self.market.config, now)
    }

    /// The atoms that an account has in a position at `now`, interest until then included: of a deposit rounded down, of a
    /// debt up.
    pub fn amount(&self, position: &Position, now: i64) -> Result<u64> {
        let reserve = self.reserve(position.reserve)?;
        Ok(if position.is_debt() {
            reserve.debt_index_at(now).amount_ceil(position.shares)
        } else {
            reserve.deposit_index_at(now).amount_floor(position.shares)
        })
    }

    /// The atoms that a deposit would be paid out with at `now`, rounded down: less than its [`Self::amount`] while a loss is reported
    /// that reaches the depositors. What it may be kept from by other rules is not looked at: see [`Self::max_withdraw`]. An error
    /// for a debt.
    pub fn exit_amount(&self, position: &Position, now: i64) -> Result<u64> {
        let reserve = self.reserve(position.reserve)?;
        if position.is_debt() {
            return Err(Error::PositionIsDebt);
        }
        Ok(reserve.exit_index_at(now).amount_floor(position.shares))
    }

    /// The rates of a reserve since its books last changed.
    pub fn rates(&self, reserve: u8) -> Result<Rates> {
        self.reserve(reserve).map(Rates::of)
    }

    /// The engine's ledger at `now`, to play actions through: they change this copy of the market.
    pub fn ledger(&mut self, now: i64) -> Ledger<'_> {
        Ledger { market: &mut self.market, reserves: &mut self.reserves, now }
    }

    /// What something would do to the market if it landed at `now`. Nothing is changed.
    pub fn preview<T>(&self, now: i64, act: impl FnOnce(&mut Ledger<'_>) -> T) -> T {
        act(&mut self.clone().ledger(now))
    }

    /// What a liquidation would move if it landed at `now`. Nothing is changed.
    pub fn preview_liquidation(
        &self,
        account: &MarginAccount,
        order: LiquidationOrder,
        now: i64,
    ) -> Result<Liquidation> {
        let (mut copy, mut account) = (self.clone(), *account);
        let mut ledger = copy.ledger(now);
        let LiquidationOrder { debt, collateral, max_repay, min_collateral } = order;
        ledger.liquidate(&mut account, debt, collateral, max_repay, min_collateral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    fn view() -> MarketView {
        let reserve = |byte: u8| {
            let mut reserve = Reserve {
                mint: to_engine(&address(byte)),
                vault: to_engine(&address(byte + 1)),
                token_program: to_engine(&address(byte + 2)),
                ..Reserve::default()
            };
            reserve.config.oracle.feed_account = to_engine(&address(byte + 3));
            reserve
        };
        let mut market = Market {
            authority: to_engine(&address(90)),
            vault_authority: to_engine(&address(92)),
            ..Market::default()
        };
        market.config.roles.fee_collector = to_engine(&address(91));
        MarketView { address: address(99), market, reserves: vec![reserve(10), reserve(20)] }
    }

    fn accounts(instruction: &Instruction) -> Vec<u8> {
        instruction.accounts.iter().map(|meta| meta.pubkey.to_bytes()[0]).collect()
    }

    #[test]
    fn instructions_take_the_reserves_accounts_from_the_market() -> Result<()> {
        let view = view();
        let (user, margin, tokens) = (address(1), address(2), address(3));
        assert_eq!(accounts(&view.deposit(user, margin, tokens, 1, 5)?), [1, 99, 2, 3, 21, 20, 22]);
        assert_eq!(accounts(&view.repay(user, margin, tokens, 0, 5)?), [1, 99, 2, 3, 11, 10, 12]);
        assert_eq!(accounts(&view.withdraw(user, margin, tokens, 1, 5)?), [1, 99, 2, 3, 21, 92, 20, 22]);
        assert_eq!(accounts(&view.borrow(user, margin, tokens, 0, 5)?), [1, 99, 2, 3, 11, 92, 10, 12]);
        assert_eq!(accounts(&view.collect_fees(tokens, 1)?), [91, 99, 3, 21, 92, 20, 22]);
        let order = LiquidationOrder { debt: 1, collateral: 0, max_repay: 7, min_collateral: 1 };
        let liquidation = view.liquidate(user, margin, tokens, address(4), order)?;
        assert_eq!(accounts(&liquidation), [1, 99, 2, 3, 21, 20, 22, 4, 11, 10, 12, 92]);
        assert_eq!(liquidation.data, [&[10, 1, 0, 7][..], &[0; 7], &[1], &[0; 7]].concat());
        Ok(())
    }

    #[test]
    fn an_unknown_reserve_is_refused() {
        let view = view();
        let margin = address(2);
        assert_eq!(view.deposit(margin, margin, margin, 2, 5), Err(Error::ReserveIndexOutOfRange));
        assert_eq!(view.settle_bad_debt(margin, 2), Err(Error::ReserveIndexOutOfRange));
        assert_eq!(view.refresh_prices(&[(0, margin), (2, margin)]), Err(Error::ReserveIndexOutOfRange));
        assert_eq!(view.find_reserve(&address(20)), Some(1));
        assert_eq!(view.find_reserve(&address(30)), None);
    }
}
