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
            let mut encoded = encoder.encode_descriptor(name, &family.help, None, kind)?;
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

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::Bucket;

    use super::*;

    fn family(name: &str, kind: Kind, metrics: Vec<Metric>) -> MetricFamily {
        MetricFamily { name: name.to_owned(), help: "How it is.".to_owned(), r#type: kind.into(), metrics }
    }

    fn metric(labels: &[(&str, &str)], value: f64) -> Metric {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Metric { labels, value, histogram: None }
    }

    #[test]
    fn each_kind_is_written_as_it_is_read() {
        let bucket = |upper_bound: f64, cumulative_count: u64| Bucket { upper_bound, cumulative_count };
        let histogram = HistogramValue { count: 5, sum: 7.5, buckets: vec![bucket(1.0, 2), bucket(5.0, 4)] };
        let timed = Metric { histogram: Some(histogram), ..metric(&[("a", "x")], 0.0) };
        let families = Families(vec![
            family("made_total", Kind::Counter, vec![metric(&[("name", "a\"b\\c\nd")], 3.0)]),
            family("desired", Kind::Gauge, vec![metric(&[], 2.0), metric(&[("b", "y")], 4.5)]),
            family("seconds", Kind::Histogram, vec![timed]),
            family("nothing", Kind::Gauge, vec![]),
        ]);
        let text = super::super::text(vec![Box::new(families)]);
        let expected = r#"# HELP made How it is.
# TYPE made counter
made_total{name="a\"b\\c\nd"} 3.0
# HELP desired How it is.
# TYPE desired gauge
desired 2.0
desired{b="y"} 4.5
# HELP seconds How it is.
# TYPE seconds histogram
seconds_sum{a="x"} 7.5
seconds_count{a="x"} 5
seconds_bucket{le="1.0",a="x"} 2
seconds_bucket{le="5.0",a="x"} 4
seconds_bucket{le="+Inf",a="x"} 5
# EOF
"#;
        assert_eq!(text, expected);
    }
}
