//! The proxy of an account: where it leads.

use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::sections::accounts::ProxyKeys;
use crate::oauth::dialect::Dialect;
use crate::reverse_proxy::upstream::{Proxied, Upstream};

/// Where the proxy leads. What it can't be is reported.
pub(super) fn proxied(keys: Option<&ProxyKeys>, dialect: &Dialect, section: &SectionReader<'_>) -> Option<Proxied> {
    let keys = keys?;
    let expected = "the base URL of an API, such as `{ upstream = \"https://api.example.com/v1\" }`";
    let Some(url) = keys.upstream.as_ref().or(dialect.endpoints.api.as_ref()) else {
        let what = format!("has no `upstream`, and provider `{}` has none either", dialect.provider);
        section.refuse("proxy", Problem::new(what).expected(expected));
        return None;
    };
    match Upstream::new(url) {
        Ok(upstream) => Some(Proxied { upstream, timeout: keys.timeout }),
        Err(why) => {
            section.refuse("proxy", Problem::new(format!("leads to a URL that {why}")).expected(expected));
            None
        }
    }
}
