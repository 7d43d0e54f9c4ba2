//! Probes whether a provider answers at all, for diagnostics.

use std::time::{Duration, UNIX_EPOCH};

use url::Url;

use super::http::HttpProvider;
use super::{proxy, unreached};
use crate::clock::Wall;
use crate::oauth::dialect::NetworkOptions;

/// From the name lookup to the head of the reply.
const PATIENCE: Duration = Duration::from_secs(10);

impl HttpProvider {
    /// Sends a GET without credentials to `url`; any answer counts, even a refusal. Returns the time that its host says
    /// it is (`Date`, RFC 9110 §6.6.1), or in one clause why there was no answer.
    pub(crate) async fn probe(&self, reach: &NetworkOptions, url: Url) -> Result<Option<Wall>, String> {
        let client = self.wire.client(reach, &url).map_err(|failure| failure.words().to_owned())?;
        let answered = client.get(url.clone()).timeout(PATIENCE).send().await.map_err(|error| {
            let error = error.without_url();
            let proxy = proxy::proxy_advice(reach, &url, &|name| std::env::var_os(name));
            if error.is_timeout() {
                format!("no answer within {} s{proxy}", PATIENCE.as_secs())
            } else {
                format!("no answer: {}{proxy}", unreached::words(&error, reach))
            }
        })?;
        let date = answered.headers().get(reqwest::header::DATE).and_then(|date| date.to_str().ok());
        let since = date.and_then(|date| httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok());
        Ok(since.and_then(|since| i64::try_from(since.as_millis()).ok()).map(Wall))
    }
}
