//! What is sent: instructions for a duty.

use ballast_client::{
    AccountMeta, Address, Instruction, MarketView, TOKEN_2022_PROGRAM, TOKEN_PROGRAM,
    engine::{self, state::account::MarginAccount},
    from_engine,
};
use spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent;

use super::{
    router::Swap,
    state::{Chain, Predicted},
};
use ballast_liquidator::{Funding, Plan};

/// Why no instructions can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The engine refuses it.
    #[error("{}", .0.name())]
    Engine(engine::Error),
    /// The market or an account of it is not known.
    #[error("not known yet")]
    Unknown,
    /// With the prices that the transaction can bring, the engine refuses the liquidation, or it would pay nothing.
    #[error("no prices of the account's own make the plan good: {}", .0.map_or("nothing would be paid", |error| error.name()))]
    Prices(Option<engine::Error>),
}

impl From<engine::Error> for OrderError {
    fn from(error: engine::Error) -> Self {
        Self::Engine(error)
    }
}

/// The instructions of a liquidation. `swap` sells what the plan says is sold.
pub fn liquidation<Q>(
    chain: &Chain,
    predicted: &Predicted,
    address: Address,
    account: &MarginAccount,
    plan: &Plan<Q>,
    swap: Option<&Swap>,
) -> Result<Vec<Instruction>, OrderError> {
    let market = chain.market().ok_or(OrderError::Unknown)?;
    let order = plan.order;
    let mut instructions = Vec::new();
    for reserve in [order.debt, order.collateral] {
        instructions.extend(missing_token_account(chain, market, reserve)?);
    }
    let (source, _) = chain.own_tokens(order.debt).ok_or(OrderError::Unknown)?;
    let (destination, _) = chain.own_tokens(order.collateral).ok_or(OrderError::Unknown)?;
    instructions.extend(refresh(chain, market, &needed(chain, predicted, account, plan)?)?);
    match (&plan.funding, swap) {
        (Funding::Inventory, _) => {
            instructions.push(market.liquidate(chain.keeper, address, source, destination, order)?);
        }
        (Funding::Receivership(_), Some(swap)) => {
            instructions.push(market.begin_liquidation(chain.keeper, address, destination, order)?);
            instructions.extend(swap.instructions.iter().cloned());
            instructions.push(market.end_liquidation(chain.keeper, address, source, order.debt)?);
            // The router may have closed the account itself.
            if plan.closes && !swap.instructions.iter().any(|one| closes(one, destination)) {
                let program = from_engine(&market.reserve(order.collateral)?.token_program);
                instructions.push(close(program, destination, chain.keeper));
            }
        }
        (Funding::Receivership(_), None) => return Err(OrderError::Unknown),
    }
    Ok(instructions)
}

/// The fewest prices that the order needs: none, those of its two reserves, or all that the account has.
fn needed<Q>(
    chain: &Chain,
    predicted: &Predicted,
    account: &MarginAccount,
    plan: &Plan<Q>,
) -> Result<Vec<u8>, OrderError> {
    let pair = 1 << plan.order.debt | 1 << plan.order.collateral;
    let all = predicted.market.priced_reserves(account).iter().fold(0, |all, reserve| all | 1u64 << reserve);
    let mut refusal = None;
    for reserves in [0, pair, all] {
        let reserves = reserves & predicted.fresher;
        let partly = chain.predict(reserves).ok_or(OrderError::Unknown)?;
        // More prices change the numbers that the plan was made from. The order's limits say by how much they may change.
        match partly.market.preview_liquidation(account, plan.order, partly.now) {
            Ok(preview) if preview.paid() > 0 => {
                return Ok((0..64).filter(|reserve| reserves >> reserve & 1 == 1).collect());
            }
            other => refusal = other.err(),
        }
    }
    Err(OrderError::Prices(refusal))
}

/// The instruction that takes over the prices of some reserves, if any.
pub fn refresh(chain: &Chain, market: &MarketView, reserves: &[u8]) -> Result<Option<Instruction>, OrderError> {
    if reserves.is_empty() {
        return Ok(None);
    }
    let mut prices = Vec::new();
    for reserve in reserves {
        let accounts = chain.price_accounts(*reserve).ok_or(OrderError::Unknown)?;
        prices.extend(accounts.into_iter().map(|account| (*reserve, account)));
    }
    Ok(Some(market.refresh_prices(&prices)?))
}

/// The reserves that an account depends on whose prices the chain does not have.
pub fn fresher(predicted: &Predicted, account: &MarginAccount) -> Vec<u8> {
    let held = predicted.market.priced_reserves(account).into_iter();
    held.filter(|reserve| predicted.fresher >> reserve & 1 == 1).collect()
}

/// Makes the keeper's token account of a reserve, if there is none.
fn missing_token_account(chain: &Chain, market: &MarketView, reserve: u8) -> Result<Option<Instruction>, OrderError> {
    let (_, held) = chain.own_tokens(reserve).ok_or(OrderError::Unknown)?;
    let record = market.reserve(reserve)?;
    let [mint, token_program] = [record.mint, record.token_program].map(|address| from_engine(&address));
    let create = || create_associated_token_account_idempotent(&chain.keeper, &chain.keeper, &mint, &token_program);
    Ok(held.is_none().then(create))
}

/// The token programs' number of the instruction that closes a token account.
const CLOSE_ACCOUNT: u8 = 9;

/// Closes an empty token account of the keeper's, and takes its rent back.
fn close(token_program: Address, account: Address, keeper: Address) -> Instruction {
    let accounts = vec![
        AccountMeta::new(account, false),
        AccountMeta::new(keeper, false),
        AccountMeta::new_readonly(keeper, true),
    ];
    Instruction { program_id: token_program, accounts, data: vec![CLOSE_ACCOUNT] }
}

fn closes(instruction: &Instruction, account: Address) -> bool {
    [TOKEN_PROGRAM, TOKEN_2022_PROGRAM].contains(&instruction.program_id)
        && instruction.data == [CLOSE_ACCOUNT]
        && instruction.accounts.first().is_some_and(|closed| closed.pubkey == account)
}
