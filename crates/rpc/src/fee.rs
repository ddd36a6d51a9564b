//! What a transaction offers beyond the base fee.

use ballast_client::Address;
use solana_rpc_client_api::{client_error::Result, response::RpcPrioritizationFee};

use crate::Node;

/// What to pay for priority, in micro-lamports for each compute unit of the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bid {
    /// What this percentage of recent slots would have been content with, on the accounts that the transaction writes, but at most
    /// so much.
    Recent {
        /// From 0 to 100.
        percentile: u8,
        /// The limit.
        most: u64,
    },
    /// Exactly so much.
    Exactly(u64),
    /// So many percent of what this percentage of recent slots would have been content with, but in all at most so many lamports
    /// for the transaction: no more than it is worth.
    Worth {
        /// From 0 to 100.
        percentile: u8,
        /// More than 100 to outbid.
        percent: u32,
        /// The least price, also where nobody paid lately.
        least: u64,
        /// The limit.
        lamports: u64,
    },
}

impl Default for Bid {
    /// The 75th percentile, and at most 0.0005 SOL for 100,000 compute units: a mistaken node costs no more.
    fn default() -> Self {
        Self::Recent { percentile: 75, most: 5_000_000 }
    }
}

/// Most accounts that a node takes in a question for fees.
const MOST_ACCOUNTS: usize = 128;

impl Node {
    /// The price of a bid on these accounts now, for a transaction with this compute limit.
    pub async fn price(&self, bid: Bid, writable: &[Address], limit: u32) -> Result<u64> {
        let (Bid::Recent { percentile, .. } | Bid::Worth { percentile, .. }) = bid else {
            return Ok(bid.after_recent(0, limit));
        };
        let some = &writable[..writable.len().min(MOST_ACCOUNTS)];
        let fees = self.client().get_recent_prioritization_fees(some).await?;
        Ok(bid.after_recent(at_percentile(&fees, percentile), limit))
    }
}

impl Bid {
    /// The price that follows from the recent one.
    fn after_recent(self, recent: u64, limit: u32) -> u64 {
        match self {
            Self::Exactly(price) => price,
            Self::Recent { most, .. } => recent.min(most),
            Self::Worth { percent, least, lamports, .. } => {
                let asked = u128::from(recent) * u128::from(percent) / 100;
                // Rounded down, so that the fee, rounded up, stays within the limit.
                let most = u128::from(lamports) * 1_000_000 / u128::from(limit.max(1));
                asked.max(least.into()).min(most).try_into().unwrap_or(u64::MAX)
            }
        }
    }
}

/// The least fee that is at least as much as that share of the slots asked.
fn at_percentile(fees: &[RpcPrioritizationFee], percentile: u8) -> u64 {
    let mut fees: Vec<_> = fees.iter().map(|slot| slot.prioritization_fee).collect();
    fees.sort_unstable();
    let rank = (fees.len() * percentile.min(100) as usize).div_ceil(100);
    fees.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bid_by_worth_outbids_and_never_costs_more_than_its_worth() {
        let bid = |percent, least, lamports| Bid::Worth { percentile: 75, percent, least, lamports };
        assert_eq!(bid(150, 0, 1_000_000).after_recent(1_000, 100_000), 1_500);
        assert_eq!(bid(150, 2_000, 1_000_000).after_recent(1_000, 100_000), 2_000);
        assert_eq!(bid(150, 2_000, 0).after_recent(1_000, 100_000), 0);
        for (lamports, limit) in [(1, 3), (7, 100_001), (u64::MAX, 1), (12_345, 1_400_000)] {
            let price = bid(u32::MAX, 0, lamports).after_recent(u64::MAX / 2, limit);
            let fee = (u128::from(limit) * u128::from(price)).div_ceil(1_000_000);
            assert!(fee <= lamports.into(), "{fee} of {lamports}");
        }
    }

    #[test]
    fn a_percentile_is_what_that_share_of_slots_took() {
        let fees: Vec<_> =
            [40, 0, 10, 30, 20].map(|prioritization_fee| RpcPrioritizationFee { slot: 1, prioritization_fee }).into();
        for (percentile, expected) in [(0, 0), (20, 0), (21, 10), (50, 20), (75, 30), (80, 30), (81, 40), (100, 40)] {
            assert_eq!(at_percentile(&fees, percentile), expected, "{percentile}");
        }
        assert_eq!(at_percentile(&fees, 255), 40);
        assert_eq!(at_percentile(&[], 75), 0, "nobody paid, or a network without fees");
    }
}
