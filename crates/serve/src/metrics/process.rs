//! What is told of any program: which one it is, and since when it runs.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder},
    metrics::MetricType,
};

use super::escaped;

/// What is told of a program.
#[derive(Clone, Debug)]
pub struct ProcessMetrics {
    component: &'static str,
    version: String,
    started: Timestamp,
}

impl ProcessMetrics {
    /// Of the program that runs `component` since `started`, by the wall clock.
    pub fn new(component: &'static str, version: &str, started: Timestamp) -> Self {
        Self { component, version: escaped(version), started }
    }

    /// As a text of its own.
    pub fn text(&self) -> String {
        super::text(vec![Box::new(self.clone())])
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let labels = [("component", self.component.to_owned()), ("version", self.version.clone())];
        let mut built: MetricEncoder<'_> =
            encoder.encode_descriptor("groundhog_build_info", "Which program runs", None, MetricType::Gauge)?;
        built.encode_family(&labels)?.encode_gauge(&1_i64)?;
        let mut started = encoder.encode_descriptor(
            "process_start_time_seconds",
            "Since when it runs, a Unix time in seconds",
            None,
            MetricType::Gauge,
        )?;
        // A time in milliseconds is that small that a float holds it.
        started.encode_gauge(&(self.started.as_millisecond() as f64 / 1_000.0))
    }
}
