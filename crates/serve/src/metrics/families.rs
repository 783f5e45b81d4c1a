//! What a control plane counts, from its own form to the text's.

use std::fmt;

use groundhog_wire::v1::{HistogramValue, Metric, MetricFamily, MetricType as Kind};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

use super::escaped;

/// What a control plane has counted, at one moment.
#[derive(Clone, Debug)]
pub struct Families(pub Vec<MetricFamily>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.iter().filter(|family| !family.metrics.is_empty()) {
            // The format adds "_total" to a counter's name.
            let (kind, name) = match family.r#type() {
                Kind::Counter => (MetricType::Counter, family.name.strip_suffix("_total").unwrap_or(&family.name)),
                Kind::Histogram => (MetricType::Histogram, family.name.as_str()),
                Kind::Gauge | Kind::Unspecified => (MetricType::Gauge, family.name.as_str()),
            };
            // The encoder ends a help text with a dot of its own.
            let help = family.help.trim_end_matches('.');
            let mut encoded = encoder.encode_descriptor(name, help, None, kind)?;
            for metric in &family.metrics {
                let labels: Vec<(String, String)> =
                    metric.labels.iter().map(|(name, value)| (name.clone(), escaped(value))).collect();
                if labels.is_empty() {
                    encode(&mut encoded, metric, kind)?;
                } else {
                    encode(&mut encoded.encode_family(&labels)?, metric, kind)?;
                }
            }
        }
        Ok(())
    }
}

fn encode(encoder: &mut MetricEncoder<'_>, metric: &Metric, kind: MetricType) -> fmt::Result {
    match (kind, &metric.histogram) {
        (MetricType::Counter, _) => encoder.encode_counter::<NoLabelSet, _, f64>(&metric.value, None),
        (MetricType::Histogram, Some(value)) => {
            encoder.encode_histogram::<NoLabelSet>(value.sum, value.count, &buckets(value), None)
        }
        (_, _) => encoder.encode_gauge(&metric.value),
    }
}

/// For each bound, how many values are up to it and above the one before; and in the end those above all, as the encoder
/// takes them.
fn buckets(value: &HistogramValue) -> Vec<(f64, u64)> {
    let mut below = 0;
    let mut buckets = Vec::new();
    for bucket in &value.buckets {
        buckets.push((bucket.upper_bound, bucket.cumulative_count.saturating_sub(below)));
        below = bucket.cumulative_count;
    }
    buckets.push((f64::MAX, value.count.saturating_sub(below)));
    buckets
}
