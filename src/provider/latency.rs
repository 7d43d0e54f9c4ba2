//! How long providers take to answer, as a histogram for each.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// The upper bounds of the buckets, in seconds. A request is given up after 15.
const BUCKETS: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];

/// The histograms by the provider's name in the config. Cheap to clone. Written once for each request to a provider, and
/// read by nothing that serves a token.
#[derive(Debug, Clone, Default)]
pub struct ProviderLatency(Arc<RwLock<BTreeMap<String, Histogram>>>);

impl ProviderLatency {
    /// Notes how long a request took.
    pub(super) fn note(&self, provider: &str, took: Duration) {
        self.of(provider).observe(took.as_secs_f64());
    }

    fn of(&self, provider: &str) -> Histogram {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(provider).cloned();
        known.unwrap_or_else(|| {
            let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
            all.entry(provider.to_owned()).or_insert_with(|| Histogram::new(BUCKETS)).clone()
        })
    }

    /// The histograms so far, sorted by name: also those of providers that are no longer in the config.
    pub(crate) fn so_far(&self) -> Vec<(String, Histogram)> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(name, histogram)| (name.clone(), histogram.clone())).collect()
    }
}
