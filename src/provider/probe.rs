//! Probes whether a provider or an upstream answers at all, for diagnostics.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, UNIX_EPOCH};

use hyper::Method;
use hyper::header::{HeaderMap, LOCATION, WWW_AUTHENTICATE};
use url::Url;

use super::http::HttpProvider;
use super::upstream::{NoReply, Progress, UpstreamRequest, Upstreams};
use super::{proxy, unreached};
use crate::clock::Wall;
use crate::oauth::challenge::Challenge;
use crate::oauth::dialect::NetworkOptions;

/// From the name lookup to the head of the reply.
const PATIENCE: Duration = Duration::from_secs(10);

impl HttpProvider {
    /// Sends a GET without credentials to `url`; any answer counts, even a refusal. Returns the time that its host says
    /// it is (`Date`, RFC 9110 §6.6.1), or in one clause why there was no answer.
    pub(crate) async fn probe(&self, reach: &NetworkOptions, url: Url) -> Result<Option<Wall>, String> {
        let client = self.wire.client(reach, &url).await.map_err(|failure| failure.words().to_owned())?;
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

/// How an upstream answers a request without a token.
#[derive(Debug)]
pub(crate) struct UpstreamAnswer {
    /// Its HTTP status.
    pub(crate) status: u16,
    /// Where it redirects to, if it does and says so by a URL.
    pub(crate) location: Option<Url>,
    /// What it says about the token that it wants.
    pub(crate) challenge: Option<Challenge>,
}

/// A request without a body.
struct NoBody(AtomicU64);

impl Progress for NoBody {
    fn steps(&self) -> &AtomicU64 {
        &self.0
    }
}

impl Upstreams {
    /// Sends a GET without credentials to `url`, with the checks of a request that is forwarded. The error is one clause.
    pub(crate) async fn probe(&self, reach: &NetworkOptions, url: &Url) -> Result<UpstreamAnswer, String> {
        let request = UpstreamRequest { method: Method::GET, url, headers: HeaderMap::new(), body: None };
        let sent = self.send(reach, request, &NoBody(AtomicU64::new(0)), PATIENCE).await;
        let (reply, _lease) = sent.map_err(|(NoReply::Unreachable(why) | NoReply::TooLate(why))| why)?;
        let lines = |name| reply.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        Ok(UpstreamAnswer {
            status: reply.status().as_u16(),
            location: lines(LOCATION)
                .next()
                .filter(|_| reply.status().is_redirection())
                .and_then(|to| url.join(to).ok()),
            challenge: Challenge::read(lines(WWW_AUTHENTICATE)),
        })
    }
}
