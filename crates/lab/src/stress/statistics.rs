//! The statistics that no kept crate serves.
//!
//! - **Value at risk and expected shortfall** of equally likely outcomes, with intervals by resampling them.
//! - **Block length** of the stationary bootstrap: Politis and White (2004) with the correction of Patton, Politis and White (2009).
//! - **Generalised Pareto distribution** beyond a threshold, fitted by L-moments (Hosking and Wallis, 1987).
//! - **Kupiec's test** of the number of exceptions, and **Acerbi and Szekely's second test** of the size of what lies beyond.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Resamples behind an interval, and the part of them that it leaves out at each end.
const RESAMPLES: usize = 400;
const LEFT_OUT: f64 = 0.025;

/// A figure with its interval, which holds the truth in 95 of a hundred cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Where it may lie.
    pub interval: (f64, f64),
}

/// Equally likely losses.
#[derive(Clone, Debug)]
pub struct Losses {
    /// From the least to the largest.
    sorted: Vec<f64>,
}

/// What is asked of losses.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    /// Their mean.
    Mean,
    /// What is exceeded with one less this probability at most.
    ValueAtRisk(f64),
    /// The mean of the worst of one less this probability.
    Shortfall(f64),
}

impl Losses {
    /// Losses in any order.
    pub fn new(mut losses: Vec<f64>) -> Self {
        losses.sort_by(f64::total_cmp);
        Self { sorted: losses }
    }

    /// The largest.
    pub fn worst(&self) -> f64 {
        self.sorted.last().copied().unwrap_or(0.0)
    }

    /// A measure of losses of which each is there so many times.
    fn measure(&self, measure: Measure, times: impl Fn(usize) -> f64) -> f64 {
        let count = self.sorted.len();
        let tail = match measure {
            Measure::Mean => count as f64,
            Measure::ValueAtRisk(probability) | Measure::Shortfall(probability) => (1.0 - probability) * count as f64,
        };
        // From the largest on, until the tail is full. A value at risk is exceeded by no more than the tail.
        let (mut taken, mut sum) = (0.0, 0.0);
        for index in (0..count).rev() {
            let part = times(index).min(tail - taken);
            (taken, sum) = (taken + part, sum + part * self.sorted[index]);
            let is_exceeded = taken + times(index) - part > tail + 1e-9;
            match measure {
                Measure::ValueAtRisk(_) if is_exceeded => return self.sorted[index],
                Measure::Mean | Measure::Shortfall(_) if taken >= tail => break,
                _ => (),
            }
        }
        match measure {
            Measure::ValueAtRisk(_) => self.sorted.first().copied().unwrap_or(0.0),
            _ => sum / taken.max(f64::MIN_POSITIVE),
        }
    }

    /// A measure.
    pub fn of(&self, measure: Measure) -> f64 {
        self.measure(measure, |_| 1.0)
    }

    /// A measure, and its interval by resampling with a seed.
    pub fn estimate(&self, measure: Measure, seed: u64) -> Estimate {
        let count = self.sorted.len();
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut resampled: Vec<_> = (0..RESAMPLES)
            .map(|_| {
                let mut times = vec![0u32; count];
                (0..count).for_each(|_| times[rng.random_range(0..count)] += 1);
                self.measure(measure, |index| times[index] as f64)
            })
            .collect();
        resampled.sort_by(f64::total_cmp);
        let end = (RESAMPLES as f64 * LEFT_OUT) as usize;
        let interval = (resampled[end], resampled[RESAMPLES - 1 - end]);
        Estimate { value: self.of(measure), interval }
    }
}

/// The mean length of blocks by which a series is resampled best.
pub fn block_length(series: &[f64]) -> f64 {
    let count = series.len() as f64;
    let mean = series.iter().sum::<f64>() / count;
    let centred: Vec<_> = series.iter().map(|value| value - mean).collect();
    let product = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    // Lags beyond which so many in a row are not told from nothing are left out.
    let in_a_row = 5.max(count.log10() as usize);
    let most = (count.sqrt().ceil() as usize + in_a_row).min(series.len().saturating_sub(2));
    let threshold = 2.0 * (count.log10() / count).sqrt();
    let (mut covariances, mut small, mut last) = (Vec::new(), 0, None);
    for lag in 0..=most {
        let (early, late) = (&centred[..series.len() - lag], &centred[lag..]);
        let covariance = product(early, late);
        covariances.push(covariance / count);
        // Each side without one value more, as the reference implementations have it.
        let norm =
            (product(&early[..early.len() - 1], &early[..early.len() - 1]) * product(&late[1..], &late[1..])).sqrt();
        small = if covariance.abs() < threshold * norm { small + 1 } else { 0 };
        if small == in_a_row && last.is_none() {
            last = Some(lag + 1 - in_a_row);
        }
    }
    let lags = last.map_or(most, |last| (2 * last.max(1)).min(most));
    let (mut slope, mut variance) = (0.0, covariances[0]);
    for (lag, covariance) in covariances.iter().enumerate().take(lags + 1).skip(1) {
        let share = lag as f64 / lags as f64;
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        slope += 2.0 * weight * lag as f64 * covariance;
        variance += 2.0 * weight * covariance;
    }
    let length = (slope * slope / (variance * variance) * count).cbrt();
    length.clamp(1.0, (3.0 * count.sqrt()).min(count / 3.0).ceil())
}

/// A generalised Pareto distribution from zero on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pareto {
    /// How heavy the tail is: 1 ÷ the tail's exponent.
    pub shape: f64,
    /// The unit.
    pub scale: f64,
}

impl Pareto {
    /// The distribution of the excesses above a threshold; none with fewer than thirty, of which nothing could be said.
    pub fn fit(excesses: &[f64]) -> Option<Self> {
        let (count, mut sorted) = (excesses.len() as f64, excesses.to_vec());
        if excesses.len() < 30 {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let first = sorted.iter().sum::<f64>() / count;
        let ranked = sorted.iter().enumerate().map(|(rank, excess)| rank as f64 / (count - 1.0) * excess);
        let second = 2.0 * ranked.sum::<f64>() / count - first;
        let ratio = first / second;
        (second > 0.0).then_some(Self { shape: 2.0 - ratio, scale: (ratio - 1.0) * first })
    }

    /// What is exceeded with one less this probability.
    pub fn quantile(&self, probability: f64) -> f64 {
        let Self { shape, scale } = *self;
        let left = 1.0 - probability;
        if shape.abs() < 1e-9 { -scale * left.ln() } else { scale / shape * (left.powf(-shape) - 1.0) }
    }
}

/// Kupiec's likelihood ratio of so many exceptions in so many cases where a share was forecast, and its p-value.
pub fn kupiec(cases: usize, exceptions: usize, share: f64) -> (f64, f64) {
    let likelihood = |share: f64| {
        let part = |count: usize, share: f64| if count == 0 { 0.0 } else { count as f64 * share.ln() };
        part(exceptions, share) + part(cases - exceptions, 1.0 - share)
    };
    let ratio = 2.0 * (likelihood(exceptions as f64 / cases as f64) - likelihood(share));
    let ratio = ratio.max(0.0);
    let p = ChiSquared::new(1.0).map_or(f64::NAN, |distribution| distribution.sf(ratio));
    (ratio, p)
}

/// Acerbi and Szekely's Z₂ of losses against a value at risk and the shortfall behind it at one probability: none where it is as
/// forecast, below where more is lost.
pub fn acerbi_szekely(losses: &[f64], value_at_risk: f64, shortfall: f64, probability: f64) -> f64 {
    let beyond = losses.iter().filter(|loss| **loss > value_at_risk).sum::<f64>();
    1.0 - beyond / (losses.len() as f64 * (1.0 - probability) * shortfall)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(one: f64, other: f64, share: f64) -> bool {
        (one / other - 1.0).abs() < share
    }

    /// A logistic map through an autoregression: numbers that any language computes alike.
    fn series(count: usize, memory: f64) -> Vec<f64> {
        let (mut chaos, mut value) = (0.3, 0.0);
        (0..count)
            .map(|_| {
                chaos = 3.99 * chaos * (1.0 - chaos);
                value = memory * value + (chaos - 0.5);
                value
            })
            .collect()
    }

    #[test]
    fn block_lengths_are_those_of_arch() {
        // arch 8.0.0, `arch.bootstrap.optimal_block_length`, column `stationary`.
        for (count, memory, length) in [(500, 0.0, 4.087151), (500, 0.6, 5.41866), (1_000, 0.9, 43.948664)] {
            let found = block_length(&series(count, memory));
            assert!(is_near(found, length, 1e-5), "{found} for {length}");
        }
    }

    #[test]
    fn tails_are_fitted_as_by_lmoments3_and_near_the_likeliest_of_scipy() {
        // L-moments by lmoments3 1.0.8 (`lmom_ratios`); shape and scale by scipy.stats.genpareto.fit(floc=0).
        let cases = [
            (0.2, 1.5, (1.893271742142959, 1.0539056187189346), (0.2010659715, 1.5134267382)),
            (-0.2, 2.0, (1.6783800455607756, 0.7627310390460893), (-0.2035882211, 2.0206266259)),
            (0.6, 0.7, (1.7121474796955243, 1.2088837279392732), (0.6029912444, 0.7073094945)),
        ];
        for (shape, scale, (first, second), (likely_shape, likely_scale)) in cases {
            let truth = Pareto { shape, scale };
            let excesses: Vec<_> =
                (1..=400).map(|index| truth.quantile(((7_919 * index % 10_007) as f64 + 0.5) / 10_007.0)).collect();
            let fitted = Pareto::fit(&excesses).expect("enough");
            let by_moments = Pareto { shape: 2.0 - first / second, scale: (first / second - 1.0) * first };
            assert!(is_near(fitted.shape, by_moments.shape, 1e-9) && is_near(fitted.scale, by_moments.scale, 1e-9));
            assert!((fitted.shape - likely_shape).abs() < 0.02 && is_near(fitted.scale, likely_scale, 0.01));
        }
        assert_eq!(Pareto::fit(&[1.0; 29]), None);
    }

    #[test]
    fn kupiec_is_as_its_formula_and_scipy_have_it() {
        // 57 exceptions in 1,043 days at 95 %; p by scipy.stats.chi2.sf 1.17.
        let (ratio, p) = kupiec(1_043, 57, 0.05);
        assert!((ratio - 0.461_466_395).abs() < 1e-6 && (p - 0.496_939_448).abs() < 1e-6, "{ratio} {p}");
        // Eight in a year at 99 % are too many, none in a year are not yet too few at 1 %.
        assert!(kupiec(250, 8, 0.01).0 > 3.84 && kupiec(250, 0, 0.01).1 > 0.01);
        let right = kupiec(1_000, 10, 0.01);
        assert!(right.0 < 1e-9 && right.1 > 0.999);
    }

    #[test]
    fn z2_is_nothing_where_the_shortfall_is_as_forecast_and_minus_one_where_twice_as_much_is_lost() {
        let losses: Vec<_> = (1..=1_000).map(f64::from).collect();
        let known = Losses::new(losses.clone());
        let (at_risk, shortfall) = (known.of(Measure::ValueAtRisk(0.975)), known.of(Measure::Shortfall(0.975)));
        assert_eq!((at_risk, shortfall), (975.0, 988.0));
        assert!(acerbi_szekely(&losses, at_risk, shortfall, 0.975).abs() < 1e-12);
        let twice: Vec<_> = losses.iter().map(|loss| if *loss > at_risk { 2.0 * loss } else { *loss }).collect();
        assert!((acerbi_szekely(&twice, at_risk, shortfall, 0.975) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn measures_of_a_known_sample_are_known() {
        let losses = Losses::new((1..=200).rev().map(f64::from).collect());
        let of = |measure| losses.of(measure);
        assert_eq!(of(Measure::Mean), 100.5);
        // Two of two hundred are above 198.
        assert_eq!(of(Measure::ValueAtRisk(0.99)), 198.0);
        assert_eq!(of(Measure::Shortfall(0.99)), 199.5);
        assert_eq!(of(Measure::Shortfall(0.975)), 198.0);
        assert_eq!(losses.worst(), 200.0);
    }

    #[test]
    fn intervals_hold_a_known_truth_in_about_95_of_a_hundred_samples() {
        // Exponential losses: the mean is 1, the shortfall at 90 % is 1 − ln 0.1.
        let held = |measure: Measure, truth: f64| {
            (0..200u64)
                .filter(|sample| {
                    let mut rng = ChaCha12Rng::seed_from_u64(*sample);
                    let losses = (0..400).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
                    let (low, high) = Losses::new(losses).estimate(measure, *sample).interval;
                    (low..=high).contains(&truth)
                })
                .count()
        };
        let counts = [held(Measure::Mean, 1.0), held(Measure::Shortfall(0.9), 1.0 - 0.1f64.ln())];
        assert!(counts.iter().all(|count| (178..=199).contains(count)), "{counts:?} of 200");
    }
}
