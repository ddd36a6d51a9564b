//! A decoded market: its instructions with all derived accounts filled in, and the engine's answers about it.

use ballast_engine::{
    Error, Result,
    actions::Ledger,
    health::{Health, HealthReport, Requirement, health},
    layout,
    liquidation::Liquidation,
    margin::{MarginAccount, Mode},
    market::{Market, MarketConfig},
    reserve::{Reserve, ReserveConfig},
};
use solana_address::Address;
use solana_instruction::Instruction;

use crate::{
    address::{SYSTEM_PROGRAM, from_engine, margin_address, market_address, to_engine, vault_address, vault_authority},
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
    /// Its reserves; the index is what instructions name them by.
    pub reserves: Vec<Reserve>,
}

/// What a liquidator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiquidationOrder {
    /// Index of the reserve to repay.
    pub debt: u8,
    /// Index of the reserve to seize from.
    pub collateral: u8,
    /// Most atoms of debt to repay.
    pub max_repay: u64,
    /// Fewest atoms of collateral to accept.
    pub min_collateral: u64,
}

impl MarketView {
    /// Reads a market account's data.
    pub fn decode(address: Address, bytes: &[u8]) -> core::result::Result<Self, DecodeError> {
        decode_market(address, bytes)
    }

    /// Creates a market: the instruction, and the address the market will have.
    pub fn create(
        creator: Address,
        id: u16,
        authority: Address,
        fee_collector: Address,
        price_receivers: [Address; 2],
        config: MarketConfig,
    ) -> (Instruction, Address) {
        let (market, _) = market_address(&creator, id);
        let (vault_authority, _) = vault_authority(&market);
        let system_program = SYSTEM_PROGRAM;
        let accounts = ix::CreateMarket {
            creator,
            market,
            vault_authority,
            system_program,
            id,
            authority,
            fee_collector,
            price_receivers,
            config,
        };
        (accounts.instruction(), market)
    }

    /// A reserve by its index.
    pub fn reserve(&self, index: u8) -> Result<&Reserve> {
        self.reserves.get(index as usize).ok_or(Error::ReserveIndexOutOfRange)
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

    /// The engine's ledger at `now`, to play actions through: they change this copy of the reserves.
    pub fn ledger(&mut self, now: i64) -> Ledger<'_> {
        Ledger { config: self.market.config, reserves: &mut self.reserves, now }
    }

    /// What a liquidation would move if it landed at `now`. Nothing is changed.
    pub fn preview_liquidation(
        &self,
        account: &MarginAccount,
        order: LiquidationOrder,
        now: i64,
    ) -> Result<Liquidation> {
        let (mut reserves, mut account) = (self.reserves.clone(), *account);
        let mut ledger = Ledger { config: self.market.config, reserves: &mut reserves, now };
        let LiquidationOrder { debt, collateral, max_repay, min_collateral } = order;
        ledger.liquidate(&mut account, debt, collateral, max_repay, min_collateral)
    }

    // Instructions. They fail only for a reserve index that the market does not have.

    fn vault_authority(&self) -> Address {
        from_engine(&self.market.vault_authority)
    }

    /// Lists a mint, signed by the market's authority and by who pays the rent.
    pub fn add_reserve(
        &self,
        payer: Address,
        mint: Address,
        token_program: Address,
        config: ReserveConfig,
    ) -> Instruction {
        let accounts = ix::AddReserve {
            authority: from_engine(&self.market.authority),
            payer,
            market: self.address,
            mint,
            vault: vault_address(&self.address, &mint).0,
            vault_authority: self.vault_authority(),
            token_program,
            system_program: SYSTEM_PROGRAM,
            config,
        };
        accounts.instruction()
    }

    /// Replaces a reserve's parameters, signed by the market's authority.
    pub fn update_reserve(&self, reserve: u8, config: ReserveConfig) -> Result<Instruction> {
        self.reserve(reserve)?;
        let authority = from_engine(&self.market.authority);
        Ok(ix::UpdateReserve { authority, market: self.address, reserve, config }.instruction())
    }

    /// Replaces the parameters that all reserves share, signed by the market's authority.
    pub fn update_market(&self, config: MarketConfig) -> Instruction {
        let authority = from_engine(&self.market.authority);
        ix::UpdateMarket { authority, market: self.address, config }.instruction()
    }

    /// Opens the owner's cross margin account of a number, signed by the owner and by who pays the rent.
    pub fn open_account(&self, owner: Address, payer: Address, id: u16) -> Instruction {
        self.open(owner, payer, id, Mode::Cross, (0, 0))
    }

    /// Opens an isolated margin account, for one collateral and one debt reserve, signed like a cross one.
    pub fn open_isolated_account(
        &self,
        owner: Address,
        payer: Address,
        id: u16,
        collateral: u8,
        debt: u8,
    ) -> Result<Instruction> {
        self.reserve(collateral)?;
        self.reserve(debt)?;
        Ok(self.open(owner, payer, id, Mode::Isolated, (collateral, debt)))
    }

    fn open(&self, owner: Address, payer: Address, id: u16, mode: Mode, (collateral, debt): (u8, u8)) -> Instruction {
        let accounts = ix::OpenAccount {
            owner,
            payer,
            market: self.address,
            margin_account: self.margin_account(&owner, id),
            system_program: SYSTEM_PROGRAM,
            id,
            mode: mode as u8,
            collateral,
            debt,
        };
        accounts.instruction()
    }

    /// Closes an empty margin account, signed by its owner; its rent goes to the recipient.
    pub fn close_account(&self, owner: Address, margin_account: Address, recipient: Address) -> Instruction {
        ix::CloseAccount { owner, margin_account, recipient }.instruction()
    }

    /// Lends `amount` atoms for a margin account, signed by `payer`, the owner of the `source` tokens.
    pub fn deposit(
        &self,
        payer: Address,
        margin_account: Address,
        source: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Deposit {
            payer,
            market: self.address,
            margin_account,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Takes `amount` atoms, or everything with `u64::MAX`, back, signed by the margin account's owner.
    pub fn withdraw(
        &self,
        owner: Address,
        margin_account: Address,
        destination: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Withdraw {
            owner,
            market: self.address,
            margin_account,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Borrows `amount` atoms, signed by the margin account's owner.
    pub fn borrow(
        &self,
        owner: Address,
        margin_account: Address,
        destination: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Borrow {
            owner,
            market: self.address,
            margin_account,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Pays up to `amount` atoms, or everything with `u64::MAX`, of a margin account's debt, signed by `payer`, the
    /// owner of the `source` tokens.
    pub fn repay(
        &self,
        payer: Address,
        margin_account: Address,
        source: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Repay {
            payer,
            market: self.address,
            margin_account,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

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

    /// Takes over the prices of all reserves whose price account is pinned. Nobody signs.
    pub fn refresh_pinned_prices(&self) -> Instruction {
        let pinned: Vec<_> = (0u8..)
            .zip(&self.reserves)
            .map(|(index, reserve)| (index, &reserve.config.oracle))
            .filter(|(_, oracle)| {
                let base_is_pinned = oracle.base_feed_id.is_none() || !oracle.base_feed_account.is_none();
                !oracle.feed_account.is_none() && base_is_pinned
            })
            .flat_map(|(index, oracle)| {
                [oracle.feed_account, oracle.base_feed_account]
                    .into_iter()
                    .filter(|account| !account.is_none())
                    .map(move |account| (index, from_engine(&account)))
            })
            .collect();
        ix::RefreshPrices::with_prices(self.address, &pinned)
    }

    /// Liquidates, signed by the liquidator, who owns the `source` tokens (of the debt's mint); the collateral goes to
    /// `destination`.
    pub fn liquidate(
        &self,
        liquidator: Address,
        margin_account: Address,
        source: Address,
        destination: Address,
        order: LiquidationOrder,
    ) -> Result<Instruction> {
        let debt = Addresses::of(self.reserve(order.debt)?);
        let collateral = Addresses::of(self.reserve(order.collateral)?);
        let accounts = ix::Liquidate {
            liquidator,
            market: self.address,
            margin_account,
            source,
            debt_vault: debt.vault,
            debt_mint: debt.mint,
            debt_token_program: debt.token_program,
            destination,
            collateral_vault: collateral.vault,
            collateral_mint: collateral.mint,
            collateral_token_program: collateral.token_program,
            vault_authority: self.vault_authority(),
            debt: order.debt,
            collateral: order.collateral,
            max_repay: order.max_repay,
            min_collateral: order.min_collateral,
        };
        Ok(accounts.instruction())
    }

    /// Writes off a margin account's debt once it has no collateral. Nobody signs.
    pub fn settle_bad_debt(&self, margin_account: Address, reserve: u8) -> Result<Instruction> {
        self.reserve(reserve)?;
        Ok(ix::SettleBadDebt { market: self.address, margin_account, reserve }.instruction())
    }

    /// Pays a reserve's fees to `destination`, signed by the market's fee collector.
    pub fn collect_fees(&self, destination: Address, reserve: u8) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::CollectFees {
            fee_collector: from_engine(&self.market.fee_collector),
            market: self.address,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
        };
        Ok(accounts.instruction())
    }

    /// Has the program compute a margin account's healths. Nobody signs.
    pub fn read_health(&self, margin_account: Address) -> Instruction {
        ix::ReadHealth { market: self.address, margin_account }.instruction()
    }
}

/// The accounts that a reserve names.
struct Addresses {
    mint: Address,
    vault: Address,
    token_program: Address,
}

impl Addresses {
    fn of(reserve: &Reserve) -> Self {
        let [mint, vault, token_program]: [Address; 3] =
            [reserve.mint, reserve.vault, reserve.token_program].map(|address: layout::Address| from_engine(&address));
        Self { mint, vault, token_program }
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
        let market = Market {
            authority: to_engine(&address(90)),
            fee_collector: to_engine(&address(91)),
            vault_authority: to_engine(&address(92)),
            ..Market::default()
        };
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
    fn pinned_prices_are_refreshed_together() {
        let mut view = view();
        assert_eq!(accounts(&view.refresh_pinned_prices()), [99, 13, 23]);
        view.reserves[0].config.oracle.feed_account = layout::Address::NONE;
        let instruction = view.refresh_pinned_prices();
        assert_eq!((accounts(&instruction), instruction.data), (vec![99, 23], vec![9, 1, 0, 0, 0, 1]));
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
