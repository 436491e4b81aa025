//! A minute of a metric: what is kept of its values.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;

/// What is kept of the values of a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// How many values.
    #[serde(rename = "k")]
    pub sample_count: f64,
    /// Their sum.
    #[serde(rename = "s")]
    pub sum: f64,
    /// The smallest.
    #[serde(rename = "l")]
    pub minimum: f64,
    /// The largest.
    #[serde(rename = "h")]
    pub maximum: f64,
    /// How they are spread. `None` where somebody told their statistics and not the values.
    #[serde(rename = "d")]
    distribution: Option<Distribution>,
}

impl Bucket {
    /// A finite value that came `times` times.
    pub fn of(value: f64, times: f64) -> Self {
        let mut distribution = Distribution::default();
        distribution.add(value, times);
        Self {
            sample_count: times,
            sum: value * times,
            minimum: value,
            maximum: value,
            distribution: Some(distribution),
        }
    }

    /// Values of which only the statistics are known. AWS: percentiles can be told of such only where all values are
    /// the same.
    pub fn of_statistics(sample_count: f64, sum: f64, minimum: f64, maximum: f64) -> Self {
        #[expect(clippy::float_cmp, reason = "one value is told as both, to the bit")]
        let is_one_value = minimum == maximum;
        let distribution = is_one_value.then(|| {
            let mut distribution = Distribution::default();
            distribution.add(minimum, sample_count);
            distribution
        });
        Self { sample_count, sum, minimum, maximum, distribution }
    }

    /// Takes the values of another in.
    pub fn merge(&mut self, other: &Self) {
        self.sample_count += other.sample_count;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
        match (&mut self.distribution, &other.distribution) {
            (Some(own), Some(others)) => own.merge(others),
            (own, _) => *own = None,
        }
    }

    /// Takes one more value in.
    pub fn add(&mut self, value: f64) {
        self.sample_count += 1.0;
        self.sum += value;
        self.minimum = self.minimum.min(value);
        self.maximum = self.maximum.max(value);
        if let Some(distribution) = &mut self.distribution {
            distribution.add(value, 1.0);
        }
    }

    /// The value that `share`, from 0 to 1, of the values are not above, within the error that the distribution has.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let found = self.distribution.as_ref()?.quantile(share)?;
        Some(found.clamp(self.minimum, self.maximum))
    }
}
