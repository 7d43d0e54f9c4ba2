use std::path::Path;

use super::*;
use crate::config::{FilePrivacy, parse};

fn accepts(redirect_uri: &str) -> bool {
    let text = format!(
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret_file = \"s\"\nredirect_uri = \"{redirect_uri}\""
    );
    parse(&text, Path::new("/c"), FilePrivacy::Private, None).is_ok()
}

/// A template with `word` for each of its names.
fn filled(template: &str, word: &str) -> String {
    let segments = template.split('/').map(|segment| if segment.starts_with('{') { word } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn the_config_refuses_a_redirect_to_every_route_on_every_port_and_knows_no_others() {
    let everywhere = |route: &&Route| !OWN_LISTENERS_ONLY.contains(&route.path);
    for path in ROUTES.iter().filter(everywhere).map(|route| filled(route.path, "x")) {
        for origin in ["http://127.0.0.1:7464", "http://localhost:9", "http://[::1]"] {
            assert!(!accepts(&format!("{origin}{path}")), "{origin}{path}");
        }
    }
    for free in ["/callback/x", "/", "/metrics", "/v1/nothing", "/do/nothing", "/tokens"] {
        assert!(accepts(&format!("http://localhost:9{free}")), "{free}");
    }
    for kept in ["/", "/metrics", "/v1/nothing", "/login/x", "/static/x", "/open/x/y", "/do/nothing"] {
        assert!(!accepts(&format!("http://localhost:7464{kept}")), "{kept}");
    }
}

#[test]
fn every_row_is_found_by_a_path_of_its_template() {
    for route in &ROUTES {
        let path = filled(route.path, "x");
        let found = look_up(route.method.as_str(), &path, |_| true);
        assert!(matches!(found, RouteMatch::Row(row) if std::ptr::eq(row, route)), "{path}");
        assert!(std::ptr::eq(&raw const ROUTES[route.place], route), "{path} has another place");
    }
}

#[test]
fn a_path_is_looked_up_with_its_method_among_the_routes_that_are_served() {
    let all = |method, path| look_up(method, path, |_| true);
    for (method, path, template) in [
        ("GET", "/", Some("/")),
        ("GET", "/v1/accounts", Some("/v1/accounts")),
        ("GET", "/v1/accounts/x", Some("/v1/accounts/{name}")),
        ("DELETE", "/v1/accounts/x/token", Some("/v1/accounts/{name}/token")),
        ("GET", "/v1/accounts/%20", Some("/v1/accounts/{name}")),
        ("GET", "/v1/accounts/{name}", Some("/v1/accounts/{name}")),
        ("GET", "/v1/accounts/x/y", None),
        ("GET", "/v1/accounts/", None),
        ("GET", "/v1/accounts//token", None),
        ("GET", "/token/", None),
        ("GET", "token", None),
        ("get", "/token", None),
    ] {
        let found = match all(method, path) {
            RouteMatch::Row(route) => Some(route.path),
            _ => None,
        };
        assert_eq!(found, template, "{method} {path}");
    }
    assert!(matches!(all("PUT", "/v1/accounts/x/token"), RouteMatch::OtherMethods("GET, DELETE")));
    assert!(matches!(look_up("GET", "/token", Route::is_on_callback_listeners), RouteMatch::Nothing));
}
