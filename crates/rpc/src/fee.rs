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
    /// The price of a bid on these accounts now.
    pub async fn price(&self, bid: Bid, writable: &[Address]) -> Result<u64> {
        match bid {
            Bid::Exactly(price) => Ok(price),
            Bid::Recent { percentile, most } => {
                let some = &writable[..writable.len().min(MOST_ACCOUNTS)];
                let fees = self.client().get_recent_prioritization_fees(some).await?;
                Ok(at_percentile(&fees, percentile).min(most))
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
