//! The oracle as a market sees it: late, and sometimes not at all.

use std::collections::VecDeque;

use ballast_client::engine::price::feed::PriceUpdate;

use crate::oracle::Oracle;

/// Prices on their way.
pub struct Feed {
    oracle: Oracle,
    /// Seconds from when a price is made until it is published on chain.
    delay: i64,
    /// Nothing is published from the first second to the one before the second.
    outage: (i64, i64),
    waiting: VecDeque<(i64, Vec<f64>, Vec<f64>)>,
    last: i64,
}

impl Feed {
    /// A feed with a delay and an outage, which may be empty.
    pub fn new(oracle: Oracle, delay: i64, outage: (i64, i64)) -> Self {
        Self { oracle, delay, outage, waiting: VecDeque::new(), last: 0 }
    }

    /// Takes in the prices that are made at a time, each with its confidence ÷ price.
    pub fn make(&mut self, time: i64, prices: Vec<f64>, confidences: &[f64]) {
        self.waiting.push_back((time, prices, confidences.to_vec()));
    }

    /// What arrives until a time: the newest of it, as a feed drops what newer prices have overtaken.
    pub fn arrived(&mut self, now: i64) -> Option<Vec<PriceUpdate>> {
        let mut newest = None;
        while self.waiting.front().is_some_and(|(time, ..)| time + self.delay <= now) {
            newest = self.waiting.pop_front();
        }
        let (from, to) = self.outage;
        let (time, prices, confidences) =
            newest.filter(|(time, ..)| *time > self.last && !(from..to).contains(&now))?;
        self.last = time;
        Some(self.oracle.updates(&prices, &confidences, time))
    }

    /// Whether something is on its way.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_arrives_after_its_delay_and_not_in_an_outage() {
        let mut feed = Feed::new(Oracle::default(), 10, (100, 200));
        let make = |feed: &mut Feed, time, price| feed.make(time, vec![price], &[0.001]);
        make(&mut feed, 50, 1.0);
        assert!(feed.arrived(59).is_none() && feed.is_waiting());
        let arrived = feed.arrived(60).expect("ten seconds are over");
        assert_eq!((arrived[0].publish_time, arrived[0].price), (50, 100_000_000));
        make(&mut feed, 95, 2.0);
        make(&mut feed, 96, 3.0);
        assert!(feed.arrived(150).is_none(), "an outage");
        make(&mut feed, 195, 4.0);
        make(&mut feed, 196, 5.0);
        let arrived = feed.arrived(210).expect("the outage is over");
        assert_eq!((arrived[0].publish_time, arrived[0].price), (196, 500_000_000));
        assert!(feed.arrived(300).is_none() && !feed.is_waiting());
    }
}
