//! URLs of APIs as values of the config.

use toml::de::DeValue;

use super::problem::Problem;
use super::value::list;
use crate::oauth::api_url::{ApiUrl, UnfitApiUrl};

/// A list of URLs of APIs. One with a user in it may have a password in it, too, and is not quoted.
pub(super) fn api_urls(value: &DeValue<'_>) -> Result<Vec<ApiUrl>, Problem> {
    let url = |text: &String| {
        ApiUrl::parse(text).map_err(|why| match why {
            UnfitApiUrl::More => Problem::new(format!("has a URL that {why}")),
            _ if text.contains('@') => Problem::new(format!("has a text that {why}")),
            _ => Problem::new(format!("has `{}`, which {why}", text.escape_debug())),
        })
    };
    list(value)?.iter().map(url).collect()
}
