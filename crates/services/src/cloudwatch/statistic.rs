//! Statistics by their names: the five of old, and percentiles.

use super::bucket::Bucket;

/// What is told of a period's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// How many.
    SampleCount,
    /// Sum by count.
    Average,
    /// Sum.
    Sum,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// The value that so much of a hundred are not above.
    Percentile(f64),
}

/// Why a name is no statistic here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoStatistic {
    /// Nobody has one of this name.
    Unknown,
    /// CloudWatch has it; it is not kept here.
    Unsupported,
}

impl Statistic {
    /// The statistic of this name: `Sum`, `p99.9`.
    pub fn parse(name: &str) -> Result<Self, NoStatistic> {
        let simple = match name {
            "SampleCount" => Some(Self::SampleCount),
            "Average" => Some(Self::Average),
            "Sum" => Some(Self::Sum),
            "Minimum" => Some(Self::Minimum),
            "Maximum" => Some(Self::Maximum),
            _ => None,
        };
        if let Some(simple) = simple {
            return Ok(simple);
        }
        if let Some(share) = name.strip_prefix('p').and_then(share) {
            return Ok(Self::Percentile(share));
        }
        let lower = name.to_ascii_lowercase();
        let kinds = ["tm", "tc", "ts", "wm", "pr"];
        let of_kind = |kind: &&str| {
            let rest = lower.strip_prefix(kind);
            rest.is_some_and(|rest| share(rest).is_some() || rest.starts_with('(') && rest.ends_with(')'))
        };
        if lower == "iqm" || kinds.iter().any(of_kind) {
            return Err(NoStatistic::Unsupported);
        }
        Err(NoStatistic::Unknown)
    }

    /// Whether it is one of the five that `Statistics` may name.
    pub fn is_simple(self) -> bool {
        match self {
            Self::SampleCount | Self::Average | Self::Sum | Self::Minimum | Self::Maximum => true,
            Self::Percentile(_) => false,
        }
    }

    /// What it is of these values. `None` where only their statistics are known.
    pub fn of(self, bucket: &Bucket) -> Option<f64> {
        match self {
            Self::SampleCount => Some(bucket.sample_count),
            Self::Average => Some(bucket.sum / bucket.sample_count).filter(|average| average.is_finite()),
            Self::Sum => Some(bucket.sum),
            Self::Minimum => Some(bucket.minimum),
            Self::Maximum => Some(bucket.maximum),
            Self::Percentile(share) => bucket.quantile(share / 100.0),
        }
    }
}

/// 0 to 100, with up to ten decimals.
fn share(text: &str) -> Option<f64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) || whole.len() > 3 || decimals.len() > 10 {
        return None;
    }
    text.parse().ok().filter(|share| (0.0..=100.0).contains(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_statistics_or_refused_for_a_reason() {
        for (name, expected) in [
            ("Sum", Ok(Statistic::Sum)),
            ("p99", Ok(Statistic::Percentile(99.0))),
            ("p99.95", Ok(Statistic::Percentile(99.95))),
            ("p100", Ok(Statistic::Percentile(100.0))),
            ("p101", Err(NoStatistic::Unknown)),
            ("p", Err(NoStatistic::Unknown)),
            ("p1e1", Err(NoStatistic::Unknown)),
            ("sum", Err(NoStatistic::Unknown)),
            ("tm99", Err(NoStatistic::Unsupported)),
            ("TM(10%:90%)", Err(NoStatistic::Unsupported)),
            ("IQM", Err(NoStatistic::Unsupported)),
        ] {
            assert_eq!(Statistic::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn statistics_of_values_and_of_told_statistics() {
        let mut bucket = Bucket::of(1.0, 1.0);
        for value in 2..=100 {
            bucket.add(f64::from(value));
        }
        for (statistic, expected) in [
            (Statistic::SampleCount, 100.0),
            (Statistic::Average, 50.5),
            (Statistic::Sum, 5050.0),
            (Statistic::Minimum, 1.0),
            (Statistic::Maximum, 100.0),
            (Statistic::Percentile(0.0), 1.0),
            (Statistic::Percentile(50.0), 50.0),
            (Statistic::Percentile(99.0), 99.0),
        ] {
            let found = statistic.of(&bucket).unwrap();
            assert!((found - expected).abs() <= expected * 0.04, "{statistic:?}: {found}");
        }
        bucket.merge(&Bucket::of_statistics(10.0, 20.0, 1.0, 3.0));
        assert_eq!(Statistic::Sum.of(&bucket), Some(5070.0));
        assert_eq!(Statistic::Percentile(50.0).of(&bucket), None, "nobody told the values");
        assert_eq!(Statistic::Percentile(50.0).of(&Bucket::of_statistics(9.0, 18.0, 2.0, 2.0)), Some(2.0));
    }
}
