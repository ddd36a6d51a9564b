//! What is bid for priority.

use ballast_rpc::Bid;

/// How bids rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bidding {
    /// The percentage of recent slots that the first bid would have been enough for, on the accounts that it writes.
    pub percentile: u8,
    /// The least price, micro-lamports for each compute unit.
    pub least: u64,
    /// By how many percent a bid is above the one before, that did not land.
    pub raise_percent: u32,
}

/// Most raises of a bid, which reaches its limit long before.
const MOST_STEPS: u32 = 30;

impl Bidding {
    /// The bid of an attempt after `failed` attempts that did not land. It may cost up to `lamports`.
    pub fn bid(&self, failed: u32, lamports: u64) -> Bid {
        let (mut percent, mut least) = (100u64, self.least as u128);
        for _ in 0..failed.min(MOST_STEPS) {
            percent = percent * (100 + self.raise_percent as u64) / 100;
            least = least * (100 + self.raise_percent as u128) / 100;
            percent = percent.min(u32::MAX as u64);
        }
        let least = u64::try_from(least).unwrap_or(u64::MAX);
        Bid::Worth { percentile: self.percentile, percent: percent as u32, least, lamports }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bids_rise_with_each_attempt_and_the_limit_stays() {
        let bidding = Bidding { percentile: 75, least: 1_000, raise_percent: 50 };
        let bid = |failed| match bidding.bid(failed, 9_000) {
            Bid::Worth { percentile: 75, percent, least, lamports: 9_000 } => (percent, least),
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 2, 3].map(bid), [(100, 1_000), (150, 1_500), (225, 2_250), (337, 3_375)]);
        assert_eq!(bid(u32::MAX), bid(30));
    }
}
