//! The text format of Prometheus, version 0.0.4.
//!
//! `prometheus-client` writes `OpenMetrics`, in which the name of a counter's family lacks the `_total` that its samples
//! have. Whoever reads the older format, as `promtool` does, then finds samples without help and type. Every Prometheus
//! reads the older format, so that is the only one here.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text as open_metrics};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::families::{FAMILIES, Family, Sample, Value};
use super::observed::Observed;

/// The media type of [`text`].
pub(in crate::http) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that was observed.
pub(in crate::http) fn text(observed: &Observed) -> Result<String, fmt::Error> {
    let samples = FAMILIES.iter().map(|family| (family, family.samples(observed)));
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(samples.filter(|(_, samples)| !samples.is_empty()).collect())));
    let mut text = String::new();
    open_metrics::encode_registry(&mut text, &registry)?;
    Ok(with_totals(&text))
}

/// Families with samples, for the encoder.
struct Scrape(Vec<(&'static Family, Vec<Sample>)>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(family, _)| family.name)).finish()
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (family, samples) in &self.0 {
            let name = family.name.strip_suffix(TOTAL).unwrap_or(family.name);
            let mut series = encoder.encode_descriptor(name, family.help, None, family.kind)?;
            for (values, value) in samples {
                let values = values.iter().map(String::as_str);
                let labels: Vec<_> = family.labels.iter().copied().zip(values).collect();
                encode(value, series.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn encode(value: &Value, encoder: MetricEncoder<'_>) -> fmt::Result {
    match value {
        Value::Count(count) => ConstCounter::new(*count).encode(encoder),
        Value::Level(level) => ConstGauge::new(*level).encode(encoder),
        Value::Durations(durations) => durations.encode(encoder),
    }
}

const TOTAL: &str = "_total";

/// The lines of `OpenMetrics` as those of the older format: `_total` also stands in the help and the type of a counter.
fn with_totals(open: &str) -> String {
    let mut text = String::with_capacity(open.len() + 1024);
    let mut lines = open.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.splitn(4, ' ');
        let described = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(rest)) => {
                let is_counter = lines.peek().is_some_and(|next| *next == format!("# TYPE {name} counter"));
                is_counter.then(|| format!("# HELP {name}{TOTAL} {rest}"))
            }
            (Some("#"), Some("TYPE"), Some(name), Some("counter")) => Some(format!("# TYPE {name}{TOTAL} counter")),
            _ => None,
        };
        text.push_str(described.as_deref().unwrap_or(line));
        text.push('\n');
    }
    text
}
