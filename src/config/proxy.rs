//! The `proxy` of a provider.

use std::path::Path;

use toml::de::DeValue;

use super::problem::Problem;
use super::value::{plain_url, text};
use crate::oauth::dialect::Proxy;

/// `none`, `environment` or the URL of a proxy.
pub(super) fn proxy(value: &DeValue<'_>) -> Result<Proxy, Problem> {
    match text(value)?.as_str() {
        "none" => Ok(Proxy::None),
        "environment" => Ok(Proxy::Environment),
        url => {
            if is_pac(url) {
                let problem = Problem::new("is a PAC file, a script that ringback does not run");
                return Err(
                    problem.expected("the URL of the proxy that it names, such as `\"http://proxy.example.com:3128\"`")
                );
            }
            let url = plain_url(url).map_err(|problem| problem.expected("`none`, `environment` or a URL"))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(Problem::new("is not an http or https URL").expected("`none`, `environment` or a URL"));
            }
            Ok(Proxy::At(url))
        }
    }
}

/// Whether it is the URL of a proxy auto-configuration (PAC) script, as browsers use one.
fn is_pac(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let path = Path::new(lower.split(['?', '#']).next().unwrap_or_default());
    lower.starts_with("pac+") || path.extension().is_some_and(|end| end == "pac") || path.ends_with("wpad.dat")
}
