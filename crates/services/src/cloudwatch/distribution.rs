//! How values are spread, in little room: enough to say percentiles within a stated error.
//!
//! Values are counted in bins whose bounds grow by a factor. At first the factor is such that a percentile is wrong by
//! at most 1 %; when more than [`BINS_MAX`] bins are in use, each two neighbours become one, and the error about
//! doubles. So values within a factor of twelve keep 1 %, those within a factor of a thousand 4 %, and those within a
//! factor of a billion 16 %; however far they lie apart, the room is the same. CloudWatch's own percentiles are estimates too.

use serde::{Deserialize, Serialize};

/// Bins of each sign. Our choice: two kilobytes a minute and metric at most.
const BINS_MAX: usize = 128;
/// The logarithm of the first bins' growth, `ln(1.01 / 0.99)`.
const FINEST: f64 = 0.020_000_666_706_669_435;
/// At this, all finite numbers of a sign are fewer bins than there may be.
const COARSENESS_MAX: u8 = 11;

/// Counted values. An estimate is within [`Distribution::error`] of the value that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Distribution {
    /// How often neighbours were put together.
    #[serde(rename = "c")]
    coarseness: u8,
    #[serde(rename = "z")]
    zeros: f64,
    /// Bins of values above zero and how many each holds, by their number.
    #[serde(rename = "p")]
    positive: Vec<(i32, f64)>,
    /// Bins of values below zero, by what they would be above.
    #[serde(rename = "n")]
    negative: Vec<(i32, f64)>,
}

impl Distribution {
    /// Counts `value`, which is finite, `times` times.
    pub(super) fn add(&mut self, value: f64, times: f64) {
        if value == 0.0 {
            self.zeros += times;
            return;
        }
        let bin = self.bin(value.abs());
        let bins = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        count(bins, bin, times);
        self.bound();
    }

    /// Counts what another one has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        while self.coarseness < other.coarseness {
            self.coarsen();
        }
        while other.coarseness < self.coarseness {
            other.coarsen();
        }
        self.zeros += other.zeros;
        for (bin, times) in other.positive {
            count(&mut self.positive, bin, times);
        }
        for (bin, times) in other.negative {
            count(&mut self.negative, bin, times);
        }
        self.bound();
    }

    /// The value that `share`, from 0 to 1, of all counted values are not above. `None` where there are none.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let below: f64 = self.negative.iter().map(|(_, times)| times).sum();
        let above: f64 = self.positive.iter().map(|(_, times)| times).sum();
        let all = below + self.zeros + above;
        if all <= 0.0 {
            return None;
        }
        let mut rank = share * all;
        let last = self.positive.last().map(|(bin, _)| self.estimate(*bin));
        for (bin, times) in self.negative.iter().rev() {
            if rank <= *times {
                return Some(-self.estimate(*bin));
            }
            rank -= times;
        }
        if rank <= self.zeros && self.zeros > 0.0 {
            return Some(0.0);
        }
        rank -= self.zeros;
        for (bin, times) in &self.positive {
            if rank <= *times {
                return Some(self.estimate(*bin));
            }
            rank -= times;
        }
        // What rounding left of the rank is the largest value's.
        last.or(Some(0.0))
    }

    /// By how much of itself an estimate may be wrong.
    #[cfg(test)]
    pub(super) fn error(&self) -> f64 {
        let growth = self.growth().exp();
        (growth - 1.0) / (growth + 1.0)
    }

    fn growth(&self) -> f64 {
        FINEST * f64::from(1_u32 << self.coarseness)
    }

    fn bin(&self, value: f64) -> i32 {
        #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite number is below 710")]
        let bin = (value.ln() / self.growth()).ceil() as i32;
        bin
    }

    /// The middle of a bin: as far from its lower bound as from its upper one, each in proportion.
    fn estimate(&self, bin: i32) -> f64 {
        let growth = self.growth();
        (f64::from(bin) * growth + (2.0 / (growth.exp() + 1.0)).ln()).exp()
    }

    fn bound(&mut self) {
        while (self.positive.len() > BINS_MAX || self.negative.len() > BINS_MAX)
            && self.coarseness < COARSENESS_MAX
        {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.coarseness += 1;
        for bins in [&mut self.positive, &mut self.negative] {
            let mut coarse: Vec<(i32, f64)> = Vec::with_capacity(bins.len().div_ceil(2));
            for (bin, times) in bins.iter() {
                let bin = (bin + 1).div_euclid(2);
                match coarse.last_mut() {
                    Some((last, all)) if *last == bin => *all += times,
                    _ => coarse.push((bin, *times)),
                }
            }
            *bins = coarse;
        }
    }
}

fn count(bins: &mut Vec<(i32, f64)>, bin: i32, times: f64) {
    match bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
        Ok(at) => {
            if let Some((_, all)) = bins.get_mut(at) {
                *all += times;
            }
        }
        Err(at) => bins.insert(at, (bin, times)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, by sorting.
    fn exact(values: &[f64], share: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "few values"
        )]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted[rank.clamp(1, sorted.len()) - 1]
    }

    fn counted(values: &[f64]) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.add(*value, 1.0);
        }
        distribution
    }

    #[test]
    fn the_stated_errors_hold() {
        for (largest, stated) in [(12.0_f64, 0.01), (1000.0, 0.04), (1e9, 0.16)] {
            let values: Vec<f64> = (0..5000).map(|n| largest.powf(f64::from(n) / 5000.0)).collect();
            let distribution = counted(&values);
            assert!(distribution.error() <= stated + 0.0005, "{largest}: {}", distribution.error());
            assert!(distribution.positive.len() <= BINS_MAX);
        }
        assert_eq!(Distribution::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_its_error(
            values in proptest::collection::vec(-1e6..1e6_f64, 1..200), share in 0.0..=1.0_f64,
        ) {
            let distribution = counted(&values);
            let (found, expected) = (distribution.quantile(share).unwrap(), exact(&values, share));
            // Rounding may take the neighbour of a value whose rank is whole.
            let neighbour = exact(&values, (share + 1e-9).min(1.0));
            let near = |expected: f64| (found - expected).abs() <= (distribution.error() + 1e-9) * expected.abs();
            prop_assert!(near(expected) || near(neighbour), "{found} is not near {expected}");
        }

        #[test]
        fn merging_is_counting_together(
            one in proptest::collection::vec(-1e3..1e9_f64, 0..200), other in proptest::collection::vec(-1e3..1e9_f64, 0..200),
        ) {
            let mut merged = counted(&one);
            merged.merge(&counted(&other));
            prop_assert_eq!(merged, counted(&[one, other].concat()));
        }

        #[test]
        fn no_finite_number_breaks_it(values in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL, 1..300)) {
            let distribution = counted(&values);
            prop_assert!(distribution.positive.len() <= BINS_MAX && distribution.negative.len() <= BINS_MAX);
            prop_assert!(distribution.quantile(0.99).is_some());
        }
    }
}
