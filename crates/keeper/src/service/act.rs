//! Doing a duty: plan, build, simulate, send.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use ballast_client::{
    Address, Instruction, MarketView, NATIVE_MINT, ProgramError, TOKEN_2022_PROGRAM, TOKEN_PROGRAM,
    engine::{
        Error,
        number::units::{Bps, ONE_BPS},
        state::account::MarginAccount,
    },
    from_engine,
};
use ballast_rpc::{Bid, Failure, Node, Prepared, SendError};
use serde_json::Value;
use solana_keypair::Keypair;
use solana_message::AddressLookupTableAccount;
use tokio::{sync::Mutex, time::timeout};

use super::{
    commitment::Committed,
    config::Options,
    duty::{Duty, Ended},
    metrics::Metrics,
    order::{self, OrderError},
    perps::{Desk, Terms},
    router::{Mints, Router, RouterError, Swap},
    state::{Chain, Predicted},
    vault::Listed,
};
use ballast_liquidator::{Case, Funding, NoVenue, Plan};

/// Lamports of a signature.
pub(super) const SIGNATURE: f64 = 5_000.0;
/// Lamports of a SOL.
pub const SOL: f64 = 1e9;

/// What acting needs beside what is known.
pub struct Actor {
    /// The node.
    pub node: Arc<Node>,
    /// The router, if there is one.
    pub router: Option<Router>,
    /// The keeper's key.
    pub keypair: Keypair,
    /// Its options.
    pub options: Options,
    /// What is measured.
    pub metrics: Metrics,
    /// Tokens that running attempts will pay with.
    pub committed: Committed,
    /// What they will pay out of the keeper's margin account.
    pub pledged: Committed,
    /// Held by the attempt that opens that account.
    pub opening: Mutex<()>,
}

/// What was known when a duty was begun.
pub struct Brief {
    /// What there is to do.
    pub duty: Duty,
    /// How many attempts before did not land.
    pub unlanded: u32,
    /// The account it is about.
    pub account: Option<MarginAccount>,
    /// The vault it is about.
    pub vault: Option<Box<Listed>>,
}

impl Actor {
    /// The price of SOL, USD.
    pub(super) fn sol_price(&self, market: &MarketView) -> f64 {
        let listed = market.find_reserve(&NATIVE_MINT).and_then(|index| market.reserves.get(index as usize));
        let price = listed.map(|reserve| &reserve.price).filter(|price| price.publish_time > 0);
        price.map_or(self.options.sol_price, |price| price.value_floor(SOL as u64, price.spot, Bps(ONE_BPS)).to_f64())
    }

    /// Does a duty.
    pub async fn act(&self, brief: &Brief, view: &View) -> Ended {
        let ended = match &brief.duty {
            Duty::Liquidate(address) => self.liquidate(*address, brief, view).await,
            Duty::Report(address) => self.report(*address, brief, view).await,
            Duty::Vault(_, chore, _) => match &brief.vault {
                Some(vault) => self.look_after(vault, *chore, brief.unlanded, view).await,
                None => Ended::LostRace,
            },
            Duty::Perp(work) => self.work_on_perp(work, brief.unlanded, view).await,
            duty => match self.crank(duty, view) {
                Ok(instructions) => self.send_crank(duty.name(), &instructions, brief.unlanded).await,
                Err(error) => {
                    tracing::debug!(duty = duty.name(), %error, "cannot be done");
                    Ended::Refused
                }
            },
        };
        self.metrics.attempts.with_label_values(&[brief.duty.name(), ended.name()]).inc();
        ended
    }

    /// The instructions of a duty that is not a liquidation.
    fn crank(&self, duty: &Duty, view: &View) -> Result<Vec<Instruction>, OrderError> {
        let market = view.chain.market().ok_or(OrderError::Unknown)?;
        Ok(match duty {
            Duty::Liquidate(_) | Duty::Report(_) | Duty::Vault(..) | Duty::Perp(_) => Vec::new(),
            Duty::Settle(account, reserve) => vec![market.settle_bad_debt(*account, *reserve)?],
            Duty::Refresh(reserves) => order::refresh(&view.chain, market, reserves)?.into_iter().collect(),
            Duty::RefreshReserve(reserve) => vec![market.refresh_reserve(*reserve)?],
            Duty::Execute(change) => vec![market.execute_change(view.chain.keeper, change)],
            Duty::Cancel(change) => vec![market.cancel_change(view.chain.keeper, change)],
        })
    }

    async fn send_crank(&self, name: &str, instructions: &[Instruction], unlanded: u32) -> Ended {
        let bid = self.options.bidding().bid(unlanded, self.options.crank_priority);
        let prepared = match self.node.prepare(instructions, &[&self.keypair], &[], bid).await {
            Ok(prepared) => prepared,
            Err(error) => return refused(name, &error),
        };
        if self.options.dry_run {
            tracing::info!(duty = name, units = prepared.units, "would send");
            return Ended::DryRun;
        }
        self.land(name, &prepared).await
    }

    pub(super) async fn land(&self, name: &str, prepared: &Prepared) -> Ended {
        let signature = prepared.signature();
        let lamports = prepared.priority_fee();
        match timeout(Duration::from_secs(self.options.landing), self.node.land(prepared)).await {
            Ok(Ok(landed)) => {
                tracing::info!(duty = name, %signature, slot = landed.slot, priority = lamports, "landed");
                self.metrics.priority.inc_by(lamports);
                Ended::Landed
            }
            Ok(Err(error)) => refused(name, &error),
            Err(_) => {
                tracing::info!(duty = name, %signature, priority = lamports, "has not landed yet");
                Ended::Unlanded
            }
        }
    }

    async fn liquidate(&self, address: Address, brief: &Brief, view: &View) -> Ended {
        let Some(account) = brief.account else { return Ended::LostRace };
        if let Some(ended) = self.liquidate_perp(address, &account, brief.unlanded, view).await {
            return ended;
        }
        let market = &view.predicted.market;
        let sol_price = self.sol_price(market);
        let Ok(demands) = self.options.demands(SIGNATURE / SOL * sol_price) else { return Ended::Refused };
        let held = self.committed.free(&view.held);
        let rents: Vec<f64> = view.rents.iter().map(|lamports| *lamports as f64 / SOL * sol_price).collect();
        let now = view.predicted.now;
        let case = Case { market, now, account: &account, held: &held, fees: &view.fees, rents: &rents };
        let mut unpaid = Ended::NotWorth;
        if let Some(router) = &self.router {
            let venue = Mints::new(router.clone(), market.reserves.iter().map(|one| from_engine(&one.mint)).collect());
            let plan = case.plan(&demands, &venue).await;
            if venue.is_silent() {
                unpaid = Ended::NoQuote;
            }
            match plan {
                Some(plan) => match self.swap(router, &plan, market).await {
                    Ok(swap) => {
                        let is_swapped = swap.is_some();
                        let ended = self.attempt(address, &plan, swap, brief, view).await;
                        // A liquidation that fails with the router's swap may succeed without it.
                        if !is_swapped || ended != Ended::Refused {
                            return ended;
                        }
                        unpaid = ended;
                    }
                    Err(error) => {
                        tracing::debug!(%address, %error, "no swap");
                        if !matches!(error, RouterError::NoRoute(_)) {
                            unpaid = Ended::NoQuote;
                        }
                    }
                },
                None => return self.mark(address, &account, view, brief.unlanded, unpaid).await,
            }
        }
        match case.plan(&demands, &NoVenue).await {
            Some(plan) => self.attempt(address, &plan.with_funding(Funding::Inventory), None, brief, view).await,
            None => self.mark(address, &account, view, brief.unlanded, unpaid).await,
        }
    }

    /// The swap of a plan; none if it needs none.
    async fn swap(
        &self,
        router: &Router,
        plan: &Plan<Value>,
        market: &MarketView,
    ) -> Result<Option<Swap>, RouterError> {
        let Funding::Receivership(quoted) = &plan.funding else { return Ok(None) };
        if Router::threshold(&quoted.quote) < plan.least_out(market) {
            return Err(RouterError::NoRoute("the least that the swap may bring does not pay for everything".into()));
        }
        router.swap(solana_signer::Signer::pubkey(&self.keypair), &quoted.quote).await.map(Some)
    }

    /// Builds, simulates and sends what is planned.
    async fn attempt(
        &self,
        address: Address,
        plan: &Plan<Value>,
        swap: Option<Swap>,
        brief: &Brief,
        view: &View,
    ) -> Ended {
        let Some(account) = brief.account else { return Ended::LostRace };
        let built = order::liquidation(&view.chain, &view.predicted, address, &account, plan, swap.as_ref());
        let instructions = match built {
            Ok(instructions) => instructions,
            Err(error) => {
                tracing::debug!(%address, %error, "cannot be liquidated");
                let is_moved = error == OrderError::Prices(Some(Error::CollateralBelowMinimum));
                return if is_moved { Ended::Moved } else { Ended::Refused };
            }
        };
        let sent = if plan.funding == Funding::Inventory { plan.sent } else { 0 };
        let debt = plan.order.debt;
        let held = view.held.get(debt as usize).copied().unwrap_or_default();
        let Some(_commitment) = self.committed.commit(held, debt, sent) else {
            tracing::debug!(%address, "another attempt pays with the same tokens");
            return Ended::LostRace;
        };
        let tables = match self.tables(swap.map_or(Vec::new(), |swap| swap.tables)).await {
            Ok(tables) => tables,
            Err((ended, error)) => {
                tracing::warn!(error = format!("{error:#}"), "look-up tables");
                return ended;
            }
        };
        // Priority costs never more than its share of the profit.
        let sol_price = self.sol_price(&view.predicted.market);
        let lamports = (plan.priority / sol_price * SOL) as u64;
        let bid: Bid = self.options.bidding().bid(brief.unlanded, lamports);
        let prepared = match self.node.prepare(&instructions, &[&self.keypair], &tables, bid).await {
            Ok(prepared) => prepared,
            // The prices are sent first, in a transaction of their own, and the liquidation is planned anew.
            Err(SendError::TooLarge(bytes)) => {
                tracing::debug!(%address, bytes, "too large with its prices");
                return self.refresh_first(order::fresher(&view.predicted, &account), view, brief.unlanded).await;
            }
            Err(error) => return refused("liquidate", &error),
        };
        let (debt, collateral) = (plan.order.debt, plan.order.collateral);
        tracing::info!(
            %address,
            debt,
            collateral,
            repaid = plan.preview.repaid,
            seized = plan.preview.seized,
            profit_usd = plan.profit,
            priority_lamports = prepared.priority_fee(),
            funding = if plan.funding == Funding::Inventory { "inventory" } else { "receivership" },
            dry_run = self.options.dry_run,
            "liquidates"
        );
        if self.options.dry_run {
            return Ended::DryRun;
        }
        let ended = self.land("liquidate", &prepared).await;
        if ended == Ended::Landed {
            self.metrics.profit.inc_by(plan.profit - prepared.priority_fee() as f64 / SOL * sol_price);
        }
        ended
    }

    /// Look-up tables as they are.
    async fn tables(&self, addresses: Vec<Address>) -> Result<Vec<AddressLookupTableAccount>, (Ended, anyhow::Error)> {
        let accounts = self.node.accounts(&addresses).await.map_err(|error| (Ended::NodeFailed, error.into()))?;
        let tables = addresses.iter().zip(accounts).map(|(key, account)| {
            let account = account.ok_or_else(|| anyhow::anyhow!("there is no look-up table {key}"))?;
            Ok(AddressLookupTableAccount { key: *key, addresses: table_addresses(&account.data)? })
        });
        tables.collect::<Result<_>>().map_err(|error| (Ended::Refused, error))
    }

    /// Sends prices that the chain does not have, and nothing else.
    pub(super) async fn refresh_first(&self, fresher: Vec<u8>, view: &View, unlanded: u32) -> Ended {
        match self.crank(&Duty::Refresh(fresher), view) {
            Ok(instructions) if !instructions.is_empty() => {
                self.send_crank("refresh_prices", &instructions, unlanded).await
            }
            _ => Ended::Refused,
        }
    }

    /// Marks an account that is not worth liquidating yet as liquidatable, so that its penalty grows with time. Returns
    /// `reason`, with which the attempt ends.
    async fn mark(
        &self,
        address: Address,
        account: &MarginAccount,
        view: &View,
        unlanded: u32,
        reason: Ended,
    ) -> Ended {
        let Some(market) = view.chain.market() else { return reason };
        if !wants_mark(account, market, view.predicted.now) {
            return reason;
        }
        let instructions = with_prices(market.mark_liquidatable(address), account, market, view);
        let ended = self.send_crank("mark_liquidatable", &instructions, unlanded).await;
        self.metrics.attempts.with_label_values(&["mark_liquidatable", ended.name()]).inc();
        reason
    }

    /// Reports which part of an account's debts is lost.
    async fn report(&self, address: Address, brief: &Brief, view: &View) -> Ended {
        let (Some(account), Some(market)) = (&brief.account, view.chain.market()) else { return Ended::LostRace };
        let instructions = with_prices(market.report_loss(address), account, market, view);
        self.send_crank(brief.duty.name(), &instructions, brief.unlanded).await
    }
}

/// An instruction about an account behind the prices that it depends on and that the chain does not have.
fn with_prices(
    instruction: Instruction,
    account: &MarginAccount,
    market: &MarketView,
    view: &View,
) -> Vec<Instruction> {
    let refresh = order::refresh(&view.chain, market, &order::fresher(&view.predicted, account)).ok().flatten();
    refresh.into_iter().chain([instruction]).collect()
}

/// Whether an account should be marked: its penalty grows with time, and the account is not marked or its mark is about to
/// expire.
pub fn wants_mark(account: &MarginAccount, market: &MarketView, now: i64) -> bool {
    /// Half of what the engine lets a mark last unseen.
    const SEEN_LATELY: i64 = 1_800;
    let config = &market.market.config;
    let waited = now.saturating_sub(account.liquidatable_since);
    let is_full = account.liquidatable_since != 0 && waited >= config.full_penalty_after as i64;
    let is_seen = account.liquidatable_since != 0 && now.saturating_sub(account.liquidatable_seen) < SEEN_LATELY;
    // The penalty of a perp does not grow.
    account.has_debt() && config.full_penalty_after != 0 && !(is_seen || is_full && waited < SEEN_LATELY)
}

/// The addresses of a look-up table, behind its head.
fn table_addresses(data: &[u8]) -> Result<Vec<Address>> {
    const HEAD: usize = 56;
    let body = data.get(HEAD..).filter(|body| body.len() % 32 == 0);
    let body = body.ok_or_else(|| anyhow::anyhow!("an account is no look-up table"))?;
    Ok(body.chunks_exact(32).filter_map(|bytes| bytes.try_into().ok().map(Address::new_from_array)).collect())
}

/// How a refusal ends an attempt.
pub(super) fn refused(name: &str, error: &SendError) -> Ended {
    let ended = match error {
        SendError::Expired(_) | SendError::Unknown(_) => Ended::Unlanded,
        SendError::Node(_) | SendError::Lagging(_) => Ended::NodeFailed,
        error => error.failure().map_or(Ended::Refused, failed),
    };
    match ended {
        Ended::LostRace => tracing::info!(duty = name, %error, "somebody else was first"),
        Ended::Moved => tracing::info!(duty = name, %error, "prices moved on"),
        Ended::Unlanded => tracing::info!(duty = name, %error, "did not land"),
        Ended::NodeFailed => tracing::warn!(duty = name, %error, "not sent"),
        _ => tracing::warn!(duty = name, %error, "refused"),
    }
    ended
}

/// How what a program said ends an attempt.
pub fn failed(failure: &Failure) -> Ended {
    /// More collateral came than was sold, and the account made for it is not empty.
    const NON_NATIVE_HAS_BALANCE: u32 = 11;
    match failure.program_error() {
        Some(ProgramError::Engine(Error::CollateralBelowMinimum)) => Ended::Moved,
        Some(ProgramError::Engine(error)) if is_lost_race(error) => Ended::LostRace,
        // A reading behind the chain names accounts that are gone.
        Some(ProgramError::Framework(_)) => Ended::LostRace,
        None if [TOKEN_PROGRAM, TOKEN_2022_PROGRAM]
            .iter()
            .any(|program| failure.code_of(*program) == Some(NON_NATIVE_HAS_BALANCE)) =>
        {
            Ended::Moved
        }
        _ => Ended::Refused,
    }
}

/// Whether a refusal means that somebody else has done it, in whole or in part.
fn is_lost_race(error: Error) -> bool {
    matches!(
        error,
        Error::AccountIsHealthy
            | Error::PositionNotFound
            | Error::BadDebtNotProven
            | Error::LossNotProven
            | Error::LossUnchanged
            | Error::AccountInReceivership
            | Error::ChangeNotDue
            | Error::ChangeExpired
            | Error::NotFirstInQueue
            | Error::WrongRequest
            | Error::NothingToServe
            | Error::RebalanceTooSoon
            | Error::NothingToRebalance
            | Error::AnotherMove
            | Error::NothingLocked
            // Somebody else has asked for what was short of a pool, or taken it.
            | Error::NotCuratorOrSentinel
            | Error::PoolSharesNotFree
            | Error::AllocationOpen
            | Error::NothingToSettle
            | Error::NothingToCover
            | Error::NotBankrupt
            | Error::NoDeleveraging
    )
}

/// What was known when a duty was found. It stays the same while the duty is done, whatever news comes in.
pub struct View {
    /// The chain.
    pub chain: Chain,
    /// The market as it will be.
    pub predicted: Predicted,
    /// What the keeper has of each reserve's token.
    pub held: Vec<u64>,
    /// What a transfer of each costs.
    pub fees: Vec<ballast_client::engine::state::token::TransferFee>,
    /// What making the keeper's token account of each would cost, lamports.
    pub rents: Vec<u64>,
    /// The keeper's margin account, if it is open.
    pub own: Option<MarginAccount>,
}

impl View {
    /// The price accounts of reserves whose prices the chain does not have, each with its reserve.
    pub(super) fn fresher(&self) -> Vec<(u8, Address)> {
        let fresher = (0..64u8).filter(|reserve| self.predicted.fresher >> reserve & 1 == 1);
        let accounts = fresher.filter_map(|reserve| Some((reserve, self.chain.price_accounts(reserve)?)));
        accounts.flat_map(|(reserve, accounts)| accounts.into_iter().map(move |account| (reserve, account))).collect()
    }

    /// What is known, to look for work on perps by.
    pub fn desk(&self, terms: Terms) -> Desk<'_> {
        Desk { chain: &self.chain, predicted: &self.predicted, own: self.own.as_ref(), terms }
    }
}

#[cfg(test)]
mod tests {
    use ballast_client::{ID, SYSTEM_PROGRAM};

    use super::*;

    #[test]
    fn only_ballasts_own_word_means_that_somebody_else_was_first() {
        let failure = |program: Address, code: u32| {
            let error = format!("{{\"InstructionError\":[0,{{\"Custom\":{code}}}]}}");
            let error = serde_json::from_str(&error).expect("an error");
            Failure::new(error, vec![format!("Program {program} failed: custom program error: 0x{code:x}")])
        };
        let (healthy, moved) = (Error::AccountIsHealthy.code(), Error::CollateralBelowMinimum.code());
        let swap = Address::new_from_array([77; 32]);
        for (program, code, expected) in [
            (ID, healthy, Ended::LostRace),
            (ID, moved, Ended::Moved),
            (ID, 2_012, Ended::LostRace),
            (ID, Error::AmountIsZero.code(), Ended::Refused),
            (swap, healthy, Ended::Refused),
            (swap, moved, Ended::Refused),
            (swap, 2_012, Ended::Refused),
            // More arrived than was sold: the account that was made for it is not empty.
            (TOKEN_PROGRAM, 11, Ended::Moved),
            (TOKEN_2022_PROGRAM, 11, Ended::Moved),
            (TOKEN_PROGRAM, 1, Ended::Refused),
            (SYSTEM_PROGRAM, 11, Ended::Refused),
            (swap, 11, Ended::Refused),
        ] {
            assert_eq!(failed(&failure(program, code)), expected, "{program} {code}");
        }
    }
}
