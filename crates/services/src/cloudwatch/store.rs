//! The metrics: every series' minutes, in memory, within bounds of age and number.
//!
//! They lie by minute first, so that what is oldest goes first. No clock is read here: whoever calls says what time
//! it is. What changed since it was last asked for is known, so that it can be written to the disk now and then.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::bucket::Bucket;
use super::metric::{Metric, Series, Unit};

/// Minutes since 1970.
pub type Minute = i64;

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How old a minute may get. AWS: 15 days.
    pub retention_minutes: i64,
    /// How many series there may be. A further one is refused.
    pub series_max: usize,
    /// How many minutes of series there may be. Beyond that the oldest go.
    pub points_max: usize,
}

impl Default for Bounds {
    /// 15 days, 10,000 series, and a million points, which take some 200 MB at worst: each minute of 15 days for 46
    /// series, or of one day for 700.
    fn default() -> Self {
        Self { retention_minutes: 15 * 24 * 60, series_max: 10_000, points_max: 1_000_000 }
    }
}

/// A series' number. It is the same after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SeriesId(pub(super) i64);

/// There are as many series as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// All metrics.
pub struct Metrics {
    bounds: Bounds,
    /// Units and series of each metric, sorted as they are listed.
    metrics: BTreeMap<Metric, Vec<(Unit, SeriesId)>>,
    series: HashMap<SeriesId, Known>,
    last_id: i64,
    minutes: BTreeMap<Minute, HashMap<SeriesId, Bucket>>,
    points: usize,
    changed: BTreeSet<(Minute, SeriesId)>,
    new: BTreeSet<SeriesId>,
    /// Series that have gone since it was last asked for.
    gone: Vec<SeriesId>,
}

struct Known {
    series: Arc<Series>,
    last: Minute,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) series: Vec<(SeriesId, Arc<Series>)>,
    pub(super) points: Vec<(Minute, SeriesId, Bucket)>,
    pub(super) gone: Vec<SeriesId>,
    /// What is older has gone.
    pub(super) oldest: Minute,
}

impl Metrics {
    /// None yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            metrics: BTreeMap::new(),
            series: HashMap::new(),
            last_id: 0,
            minutes: BTreeMap::new(),
            points: 0,
            changed: BTreeSet::new(),
            new: BTreeSet::new(),
            gone: Vec::new(),
        }
    }

    /// Takes a minute's values in.
    pub fn add(&mut self, series: &Series, minute: Minute, bucket: &Bucket) -> Result<(), Full> {
        let id = match self.find(series) {
            Some(id) => id,
            None if self.series.len() >= self.bounds.series_max => return Err(Full),
            None => {
                self.last_id += 1;
                let id = SeriesId(self.last_id);
                self.know(id, series.clone(), minute);
                self.new.insert(id);
                id
            }
        };
        self.put(id, minute, bucket);
        self.changed.insert((minute, id));
        Ok(())
    }

    /// Takes in what an earlier process wrote: series, and the points of such.
    pub(super) fn restore(
        &mut self,
        series: Vec<(SeriesId, Series)>,
        points: Vec<(SeriesId, Minute, Bucket)>,
    ) {
        // What was recorded before this was known has numbers that may be taken: it is put aside, and recorded again.
        let early = std::mem::replace(self, Self::new(self.bounds));
        for (id, series) in series {
            self.last_id = self.last_id.max(id.0);
            self.know(id, series, Minute::MIN);
        }
        for (id, minute, bucket) in points {
            if self.series.contains_key(&id) {
                self.put(id, minute, &bucket);
            }
        }
        for (minute, points) in &early.minutes {
            for (id, bucket) in points {
                if let Some(known) = early.series.get(id) {
                    // As many series as there may be are as many as there may be.
                    _ = self.add(&known.series, *minute, bucket);
                }
            }
        }
    }

    /// Lets go of what is too old, and of series that have nothing else.
    pub fn expire(&mut self, now: Minute) {
        let oldest = now - self.bounds.retention_minutes;
        while let Some(minute) = self.minutes.first_key_value().map(|(minute, _)| *minute)
            && (minute < oldest || self.points > self.bounds.points_max)
        {
            self.points -= self.minutes.remove(&minute).map_or(0, |points| points.len());
        }
        let first = self.minutes.first_key_value().map_or(now, |(minute, _)| *minute);
        let old: Vec<SeriesId> =
            self.series.iter().filter(|(_, known)| known.last < first).map(|(id, _)| *id).collect();
        for id in old {
            self.forget(id);
        }
        self.changed = self.changed.split_off(&(first, SeriesId(i64::MIN)));
    }

    /// A metric's values in windows of `period` minutes that begin at the range's start, by unit. Windows without
    /// values are left out. The minute at the range's end is not in it.
    pub fn windows(
        &self,
        metric: &Metric,
        unit: Option<Unit>,
        range: Range<Minute>,
        period: i64,
    ) -> BTreeMap<Unit, BTreeMap<Minute, Bucket>> {
        let ids: Vec<(Unit, SeriesId)> = self.metrics.get(metric).into_iter().flatten().copied().collect();
        let mut windows: BTreeMap<Unit, BTreeMap<Minute, Bucket>> = BTreeMap::new();
        if range.is_empty() || period < 1 {
            return windows;
        }
        for (minute, points) in self.minutes.range(range.clone()) {
            let start = range.start + (minute - range.start) / period * period;
            for (its, id) in ids.iter().filter(|(its, _)| unit.is_none_or(|unit| unit == *its)) {
                let Some(bucket) = points.get(id) else { continue };
                windows
                    .entry(*its)
                    .or_default()
                    .entry(start)
                    .and_modify(|all| all.merge(bucket))
                    .or_insert_with(|| bucket.clone());
            }
        }
        windows
    }

    /// All metrics, sorted, each with the last minute that it has values of.
    pub fn list(&self) -> impl Iterator<Item = (&Metric, Minute)> {
        self.metrics.iter().map(|(metric, units)| {
            let last = units.iter().filter_map(|(_, id)| self.series.get(id)).map(|known| known.last).max();
            (metric, last.unwrap_or(Minute::MIN))
        })
    }

    /// A metric's minutes, the values of all its units taken together.
    pub(super) fn minutes(&self, metric: &Metric, range: Range<Minute>) -> BTreeMap<Minute, Bucket> {
        let mut found = BTreeMap::<Minute, Bucket>::new();
        for (minute, bucket) in self.windows(metric, None, range, 1).into_values().flatten() {
            found.entry(minute).and_modify(|own| own.merge(&bucket)).or_insert(bucket);
        }
        found
    }

    /// How many series and points there are.
    pub fn size(&self) -> (usize, usize) {
        (self.series.len(), self.points)
    }

    /// What has changed since the last time. Whoever cannot write it gives it back with [`Self::keep`].
    pub(super) fn take_changes(&mut self) -> Changes {
        let series = std::mem::take(&mut self.new).into_iter();
        let series = series.filter_map(|id| Some((id, self.series.get(&id)?.series.clone()))).collect();
        let points = std::mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|(minute, id)| Some((minute, id, self.minutes.get(&minute)?.get(&id)?.clone())))
            .collect();
        let oldest = self.minutes.first_key_value().map_or(Minute::MIN, |(minute, _)| *minute);
        Changes { series, points, gone: std::mem::take(&mut self.gone), oldest }
    }

    /// These could not be written: they are due the next time.
    pub(super) fn keep(&mut self, unwritten: &Changes) {
        self.new.extend(unwritten.series.iter().map(|(id, _)| *id));
        self.changed.extend(unwritten.points.iter().map(|(minute, id, _)| (*minute, *id)));
        self.gone.extend(&unwritten.gone);
    }

    fn find(&self, series: &Series) -> Option<SeriesId> {
        let units = self.metrics.get(&series.metric)?;
        units.iter().find(|(unit, _)| *unit == series.unit).map(|(_, id)| *id)
    }

    fn know(&mut self, id: SeriesId, series: Series, last: Minute) {
        self.metrics.entry(series.metric.clone()).or_default().push((series.unit, id));
        self.series.insert(id, Known { series: Arc::new(series), last });
    }

    fn forget(&mut self, id: SeriesId) {
        let Some(known) = self.series.remove(&id) else { return };
        if let Some(units) = self.metrics.get_mut(&known.series.metric) {
            units.retain(|(_, its)| *its != id);
            if units.is_empty() {
                self.metrics.remove(&known.series.metric);
            }
        }
        if !self.new.remove(&id) {
            self.gone.push(id);
        }
    }

    fn put(&mut self, id: SeriesId, minute: Minute, bucket: &Bucket) {
        if let Some(known) = self.series.get_mut(&id) {
            known.last = known.last.max(minute);
        }
        let points = self.minutes.entry(minute).or_default();
        if let Some(own) = points.get_mut(&id) {
            own.merge(bucket);
        } else {
            points.insert(id, bucket.clone());
            self.points += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str) -> Series {
        Series { metric: Metric::new("N", name, []), unit: Unit::COUNT }
    }

    fn sums(metrics: &Metrics, name: &str, range: Range<Minute>, period: i64) -> Vec<(Minute, f64)> {
        let windows = metrics.windows(&Metric::new("N", name, []), None, range, period);
        windows.values().flatten().map(|(start, bucket)| (*start, bucket.sum)).collect()
    }

    #[test]
    fn windows_begin_where_the_range_does_and_empty_ones_are_left_out() {
        let mut metrics = Metrics::new(Bounds::default());
        for minute in [100, 101, 104, 112] {
            metrics.add(&series("m"), minute, &Bucket::of(1.0, 2.0)).unwrap();
        }
        for (range, period, expected) in [
            (100..113, 1, vec![(100, 2.0), (101, 2.0), (104, 2.0), (112, 2.0)]),
            (100..113, 5, vec![(100, 6.0), (110, 2.0)]),
            (101..112, 5, vec![(101, 4.0)]),
            (98..113, 5, vec![(98, 4.0), (103, 2.0), (108, 2.0)]),
            (113..200, 5, vec![]),
            (112..112, 5, vec![]),
        ] {
            assert_eq!(sums(&metrics, "m", range.clone(), period), expected, "{range:?} by {period}");
        }
    }

    #[test]
    fn units_are_kept_apart() {
        let mut metrics = Metrics::new(Bounds::default());
        let metric = Metric::new("N", "m", []);
        for unit in [Unit::COUNT, Unit::MILLISECONDS] {
            metrics.add(&Series { metric: metric.clone(), unit }, 1, &Bucket::of(1.0, 1.0)).unwrap();
        }
        assert_eq!(metrics.windows(&metric, None, 0..9, 1).len(), 2);
        assert_eq!(metrics.windows(&metric, Some(Unit::COUNT), 0..9, 1).len(), 1);
        assert_eq!(metrics.windows(&metric, Some(Unit::NONE), 0..9, 1).len(), 0);
        let minutes: Vec<_> = metrics.minutes(&metric, 0..9).into_iter().collect();
        let mut both = Bucket::of(1.0, 1.0);
        both.merge(&Bucket::of(1.0, 1.0));
        assert_eq!(minutes, [(1, both)], "who asks for no unit gets all");
        assert_eq!(metrics.minutes(&metric, 2..9).len(), 0);
        assert_eq!(metrics.list().count(), 1);
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_and_a_series_with_it() {
        let bounds = Bounds { retention_minutes: 10, series_max: 2, points_max: 3 };
        let mut metrics = Metrics::new(bounds);
        let one = Bucket::of(1.0, 1.0);
        metrics.add(&series("a"), 0, &one).unwrap();
        metrics.add(&series("b"), 5, &one).unwrap();
        assert_eq!(metrics.add(&series("c"), 5, &one), Err(Full));
        metrics.expire(11);
        assert_eq!(
            metrics.list().map(|(metric, last)| (&*metric.name, last)).collect::<Vec<_>>(),
            [("b", 5)]
        );
        assert_eq!(metrics.add(&series("c"), 6, &one), Ok(()));
        for minute in 6..10 {
            metrics.add(&series("b"), minute, &one).unwrap();
        }
        metrics.expire(11);
        assert_eq!(metrics.size(), (1, 3), "the oldest minutes went");
        assert_eq!(sums(&metrics, "b", 0..20, 1), [(7, 1.0), (8, 1.0), (9, 1.0)]);
    }

    #[test]
    fn what_was_written_is_added_to_what_came_before_it_was_read() {
        let mut metrics = Metrics::new(Bounds::default());
        for (name, minute) in [("b", 7), ("a", 7)] {
            metrics.add(&series(name), minute, &Bucket::of(1.0, 1.0)).unwrap();
        }
        let (one, two) = (SeriesId(1), SeriesId(2));
        let stored = vec![(one, series("a")), (two, series("gone"))];
        let point = |id, minute| (id, minute, Bucket::of(2.0, 1.0));
        metrics.restore(stored, vec![point(one, 6), point(one, 7), point(SeriesId(9), 7)]);
        assert_eq!(sums(&metrics, "a", 0..9, 1), [(6, 2.0), (7, 3.0)]);
        assert_eq!(sums(&metrics, "b", 0..9, 1), [(7, 1.0)]);
        let changes = metrics.take_changes();
        assert_eq!(
            changes.series.iter().map(|(id, _)| id.0).collect::<Vec<_>>(),
            [3],
            "numbers are used once"
        );
        assert_eq!(changes.points.len(), 2);
        metrics.expire(8);
        assert_eq!(metrics.take_changes().gone, [two], "a series without points goes");
    }

    #[test]
    fn changes_are_told_once_unless_they_are_given_back() {
        let mut metrics = Metrics::new(Bounds::default());
        metrics.add(&series("a"), 1, &Bucket::of(1.0, 1.0)).unwrap();
        metrics.add(&series("a"), 1, &Bucket::of(2.0, 1.0)).unwrap();
        let changes = metrics.take_changes();
        assert_eq!((changes.series.len(), changes.points.len()), (1, 1));
        assert_eq!(metrics.take_changes().points.len(), 0);
        metrics.keep(&changes);
        let again = metrics.take_changes();
        assert_eq!((again.series.len(), again.points[0].2.sum), (1, 3.0));
    }
}
