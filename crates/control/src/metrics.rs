//! What this process has measured: how long things took. It begins anew with each start, as such counts do.
//!
//! What can be counted in the database is counted there when somebody asks: see [`crate::operations::metrics`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_wire::v1;

/// The upper bounds of how long a look at all pools takes, in seconds: from one that finds nothing to do to one that takes
/// longer than the interval.
const CYCLE_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// The upper bounds of how long a workspace's build takes, in seconds: from a claim, which finds all in its place, to a cluster.
const BUILD_SECONDS: &[f64] = &[1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0];

/// Histograms of builds that are kept, at most. There are a few for each preset that has a name of its own.
const SERIES_MAX: usize = 10_000;

/// What a build is of, in the words by which it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels {
    /// The organisation's name.
    pub organization: String,
    /// The template's name.
    pub template: String,
    /// The preset's name.
    pub preset: String,
}

impl Labels {
    /// The labels as they are told.
    pub fn to_wire(&self) -> BTreeMap<String, String> {
        let Self { organization, template, preset } = self;
        let entries = [("organization_name", organization), ("template_name", template), ("preset_name", preset)];
        entries.map(|(name, value)| (name.to_owned(), value.clone())).into()
    }
}

/// What a build that has succeeded was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Built {
    /// It was built ahead.
    Ahead,
    /// It was built for whoever asked, because none was there.
    Regular,
    /// It was the one by which a workspace became a person's.
    Claim,
}

/// What this process has measured. Cheap to clone; every clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    cycles: Histogram,
    builds: BTreeMap<(Built, Labels), Histogram>,
}

/// How often which values were.
#[derive(Clone, Debug, Default)]
struct Histogram {
    /// For each bound, how many values were up to it and above the one before; and in the end those above all.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, bounds: &[f64], value: f64) {
        self.counts.resize(bounds.len() + 1, 0);
        let place = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        self.counts[place] += 1;
        self.sum += value;
    }

    fn to_wire(&self, bounds: &[f64]) -> v1::HistogramValue {
        let mut count = 0;
        let mut buckets = Vec::new();
        for (at, upper_bound) in bounds.iter().enumerate() {
            count += self.counts.get(at).copied().unwrap_or(0);
            buckets.push(v1::Bucket { upper_bound: *upper_bound, cumulative_count: count });
        }
        let above = self.counts.get(bounds.len()).copied().unwrap_or(0);
        v1::HistogramValue { count: count + above, sum: self.sum, buckets }
    }
}

impl Metrics {
    /// Notes how long a look at all pools took, whatever came of it.
    pub fn cycle_ended(&self, elapsed: Duration) {
        self.inner().cycles.observe(CYCLE_SECONDS, elapsed.as_secs_f64());
    }

    /// Notes how long a build took that has succeeded, from when it was asked for.
    pub fn built(&self, built: Built, labels: Labels, elapsed: Duration) {
        let builds = &mut self.inner().builds;
        if builds.len() < SERIES_MAX || builds.contains_key(&(built, labels.clone())) {
            builds.entry((built, labels)).or_default().observe(BUILD_SECONDS, elapsed.as_secs_f64());
        }
    }

    /// How long looks at all pools took, in seconds.
    pub fn cycles(&self) -> v1::HistogramValue {
        self.inner().cycles.to_wire(CYCLE_SECONDS)
    }

    /// How long builds took, in seconds, by what they were for and of.
    pub fn builds(&self) -> Vec<(Built, Labels, v1::HistogramValue)> {
        let inner = self.inner();
        let told = |((built, labels), histogram): (&(Built, Labels), &Histogram)| {
            (*built, labels.clone(), histogram.to_wire(BUILD_SECONDS))
        };
        inner.builds.iter().map(told).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
