//! Families of samples, and how `prometheus-client` gets to write them.
//!
//! Decides that a family is what was counted at one moment: the crate's own counters would have to
//! be kept, and named, where things happen.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

use crate::queue::{COMMIT_BOUNDS_US, Latencies};

/// One family of samples that differ in their labels.
#[derive(Debug)]
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    samples: Samples,
}

pub(super) type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Samples {
    Gauges(Vec<(Labels, f64)>),
    Counters(Vec<(Labels, u64)>),
}

pub(super) fn gauge(name: &'static str, help: &'static str, value: f64) -> Family {
    gauges(name, help, vec![(Labels::new(), value)])
}

pub(super) fn gauges(
    name: &'static str,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
) -> Family {
    Family {
        name,
        help,
        unit: None,
        samples: Samples::Gauges(samples),
    }
}

pub(super) fn counter(name: &'static str, help: &'static str, value: u64) -> Family {
    counters(name, help, vec![(Labels::new(), value)])
}

pub(super) fn counters(
    name: &'static str,
    help: &'static str,
    samples: Vec<(Labels, u64)>,
) -> Family {
    Family {
        name,
        help,
        unit: None,
        samples: Samples::Counters(samples),
    }
}

impl Family {
    pub(super) fn in_unit(self, unit: Unit) -> Self {
        Self {
            unit: Some(unit),
            ..self
        }
    }
}

/// Beyond 2^53, which no count here reaches, a float is only near it.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; bytes and counts stay far below 2^53"
)]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// All of it, as the crate wants it.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) families: Vec<Family>,
    pub(super) commits: Latencies,
}

impl Collector for Measured {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for family in &self.families {
            let kind = match family.samples {
                Samples::Gauges(_) => MetricType::Gauge,
                Samples::Counters(_) => MetricType::Counter,
            };
            let (help, unit) = (family.help, family.unit.as_ref());
            let mut metrics = encoder.encode_descriptor(family.name, help, unit, kind)?;
            match &family.samples {
                Samples::Gauges(samples) => {
                    for (labels, value) in samples {
                        ConstGauge::new(*value).encode(metrics.encode_family(labels)?)?;
                    }
                }
                Samples::Counters(samples) => {
                    for (labels, value) in samples {
                        ConstCounter::new(*value).encode(metrics.encode_family(labels)?)?;
                    }
                }
            }
        }
        let buckets = COMMIT_BOUNDS_US.iter().map(|bound| float(*bound) / 1e6);
        // What the crate prints as +Inf.
        let buckets = buckets.chain([f64::MAX]).zip(self.commits.buckets);
        encoder
            .encode_descriptor(
                "commit_duration",
                "How long groups of operations took until they were durable",
                Some(&Unit::Seconds),
                MetricType::Histogram,
            )?
            .encode_histogram::<NoLabelSet>(
                float(self.commits.sum_us) / 1e6,
                self.commits.count,
                &buckets.collect::<Vec<_>>(),
                None,
            )
    }
}
