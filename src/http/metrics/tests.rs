use std::collections::BTreeSet;
use std::time::Duration;

use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;

use super::families::FAMILIES;
use super::observed::{Observed, ObservedAccount, ObservedDaemon, ObservedUse};
use super::text;
use crate::contract::ProxyUse;
use crate::docs_test::{keep_current_in, table};
use crate::http::request_counts::RequestCounts;
use crate::routes::{RouteMatch, look_up};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const NOW: i64 = 1_700_000_000;

fn account(json: &str) -> ObservedAccount {
    let refreshes = vec![("ok", 3), ("lost", 0)];
    ObservedAccount { status: serde_json::from_str(json).unwrap(), refreshes, proxied: Vec::new() }
}

fn seen(daemon: bool) -> Observed {
    let mut work = account(
        r#"{"account":"work","provider":"p","state":"active","health":"ending","attention_needed":true,"refreshable":true,
            "generation":2,"obtained_at":1699999000,"expires_at":1700000600}"#,
    );
    for (app, results) in [(None, vec![("2xx", 1), ("refused", 0)]), (Some("agent"), vec![("2xx", 0), ("refused", 4)])]
    {
        let app = app.map(str::to_owned);
        let shown = ProxyUse { app, requests: 1, refused: 4, sent: 20, received: 300 };
        work.proxied.push(ObservedUse { shown, results });
    }
    let home = account(
        r#"{"account":"home","provider":"q","state":"signed_out","health":"needs_user","attention_needed":true,
            "refreshable":false,"generation":0}"#,
    );
    let requests = RequestCounts::default();
    let token = look_up("GET", "/v1/accounts/work/token", |_| true);
    for (found, status) in [(token, 200), (token, 200), (RouteMatch::Nothing, 404)] {
        requests.count(found, axum::http::StatusCode::from_u16(status).unwrap());
    }
    let latency = Histogram::new([0.1, 1.0]);
    latency.observe(Duration::from_millis(250).as_secs_f64());
    let daemon = daemon.then(|| ObservedDaemon {
        accounts: 2,
        requests: requests.so_far(),
        waiting: vec![("tcp", 1)],
        audit: vec![("written", 5), ("missing", 0)],
        latency: vec![("p".to_owned(), latency)],
    });
    Observed { now: NOW, accounts: vec![work, home], daemon }
}

/// The lines of `text` that begin with `name`.
fn series<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.starts_with(name)).collect()
}

#[test]
fn every_family_is_shown_with_help_and_type() {
    let text = text(&seen(true)).unwrap();
    for family in &FAMILIES {
        let kind = family.kind.as_str();
        let head = format!("# HELP {0} {1}\n# TYPE {0} {kind}\n{0}", family.name, family.help);
        assert!(text.contains(&head), "{head}\nis not in\n{text}");
    }
    let named = text.lines().filter(|line| line.starts_with("# TYPE")).count();
    assert_eq!(named, FAMILIES.len());
    assert!(!text.contains("# EOF") && text.ends_with('\n'));
}

#[test]
fn values_are_those_of_the_moment() {
    let text = text(&seen(true)).unwrap();
    for line in [
        r#"ringback_account_state{account="work",state="active"} 1"#,
        r#"ringback_account_state{account="work",state="needs_login"} 0"#,
        r#"ringback_account_health{account="home",health="needs_user"} 1"#,
        r#"ringback_token_expires_in_seconds{account="work"} 600"#,
        r#"ringback_token_age_seconds{account="work"} 1000"#,
        r#"ringback_refreshes_total{account="work",result="ok"} 3"#,
        r#"ringback_proxy_requests_total{account="work",app="-",result="2xx"} 1"#,
        r#"ringback_proxy_requests_total{account="work",app="agent",result="refused"} 4"#,
        r#"ringback_proxy_request_body_bytes_total{account="work",app="agent"} 20"#,
        r#"ringback_proxy_response_body_bytes_total{account="work",app="-"} 300"#,
        r#"ringback_http_requests_total{method="GET",route="/v1/accounts/{name}/token",code="200"} 2"#,
        r#"ringback_http_requests_total{method="other",route="other",code="404"} 1"#,
        r#"ringback_callers_waiting{transport="tcp"} 1"#,
        r#"ringback_audit_lines_total{result="written"} 5"#,
        r#"ringback_provider_request_duration_seconds_bucket{le="0.1",provider="p"} 0"#,
        r#"ringback_provider_request_duration_seconds_bucket{le="+Inf",provider="p"} 1"#,
        r#"ringback_provider_request_duration_seconds_sum{provider="p"} 0.25"#,
    ] {
        assert!(text.lines().any(|there| there == line), "{line}\nis not in\n{text}");
    }
    assert_eq!(series(&text, "ringback_token_expires_in_seconds").len(), 1, "an account without a token has none");
}

#[test]
fn who_may_not_see_every_account_sees_nothing_that_they_have_in_common() {
    let text = text(&seen(false)).unwrap();
    let shown: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let names: Vec<_> = shown.iter().filter_map(|line| line.split(' ').next()).collect();
    let expected = [
        "ringback_account_health",
        "ringback_account_state",
        "ringback_build_info",
        "ringback_proxy_request_body_bytes_total",
        "ringback_proxy_requests_total",
        "ringback_proxy_response_body_bytes_total",
        "ringback_refreshes_total",
        "ringback_token_age_seconds",
        "ringback_token_expires_in_seconds",
    ];
    assert_eq!(names, expected);
}

#[test]
fn names_follow_the_conventions() {
    for family in &FAMILIES {
        assert!(family.name.starts_with("ringback_"), "{}", family.name);
        assert_eq!(family.name.ends_with("_total"), matches!(family.kind, MetricType::Counter), "{}", family.name);
        assert!(!family.help.ends_with('.'), "{}", family.name);
    }
}

#[test]
fn every_family_is_in_the_docs() {
    let rows = FAMILIES.iter().map(|family| {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        [format!("`{}`", family.name), family.kind.as_str().to_owned(), labels.join(", "), family.help.to_owned()]
    });
    let text = table(["name", "type", "labels", "meaning"], rows);
    keep_current_in(&format!("{ROOT}/docs/metrics.md"), "FAMILIES", &text);
}

/// The metric names in a text. A name that is followed by `:` is that of a recording rule.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.starts_with("ringback_") && !word.contains(':')).collect()
}

#[test]
fn the_alert_rules_and_the_dashboard_name_families_that_exist() {
    for file in ["examples/prometheus-rules.yml", "examples/grafana-dashboard.json"] {
        let text = std::fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
        let names = named(&text);
        assert!(!names.is_empty(), "{file}");
        for name in names {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let known = |name| FAMILIES.iter().any(|family| family.name == name);
            assert!(known(name) || family.is_some_and(known), "{file}: {name}");
        }
    }
}
