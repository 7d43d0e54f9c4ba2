//! Callbacks split between query and fragment, and the `iss` check.

use ringback::contract::LoginStatus;

use crate::http::{Browser, Request};
use crate::idp::{Idp, Manner, Page};
use crate::world::{World, account};

const IMPLICIT: &str = "grant = \"implicit\"";

/// The test does what the page's script does.
#[test]
fn an_issuer_in_the_query_belongs_to_the_callback_in_the_fragment() {
    let idp = Idp::start();
    for (iss, ends) in [("right", LoginStatus::Succeeded), ("wrong", LoginStatus::Failed)] {
        let world = World::start_with(&idp, "", "issuer = \"https://right.example\"\niss_required = true", IMPLICIT);
        let started = world.start_login("work", "caller_browser");
        let mut browser = Browser::default();
        let (asked, _) = browser.go_until(started.start_url.as_deref().unwrap(), |url| url.path() == "/authorize");
        let asked: std::collections::HashMap<_, _> = asked.query_pairs().into_owned().collect();
        let redirect = url::Url::parse(&asked["redirect_uri"]).unwrap();
        let target = format!("{}?iss=https%3A%2F%2F{iss}.example", redirect.path());
        let page = world.ask_tcp(&Request::get(&target));
        assert!(page.status == 200 && page.body.contains("/static/fragment.js"), "{page:?}");

        let (.., name, value) = browser.cookies.first().expect("the flow's cookie");
        let mut answer = Request::new("POST", &target)
            .header("Cookie", &format!("{name}={value}"))
            .header("Origin", &redirect.origin().ascii_serialization())
            .header("Content-Type", "application/x-www-form-urlencoded");
        answer.body = Some(format!("access_token=t&token_type=bearer&state={}", asked["state"]));
        let taken = world.ask_tcp(&answer);
        assert_eq!(taken.status, 200, "{taken:?}");
        assert_eq!(world.login_end(&started.login_id).status, ends, "{iss}");
    }
}

#[test]
fn a_missing_issuer_that_the_metadata_promises_ends_the_login_unless_configured_otherwise() {
    let idp = Idp::with(Manner { promises_iss: true, ..Manner::default() });
    let refused = Page::Answer("error=invalid_scope&error_description=No+such+scope");
    for (setting, page, says) in [
        ("", Page::Consent, "does not say which provider it is from"),
        ("", refused.clone(), "(its error: invalid_scope (No such scope)) does not say which provider it is from"),
        ("iss_required = false", refused, "the provider said invalid_scope (No such scope)"),
        ("iss_required = false", Page::Consent, ""),
    ] {
        let issuer = idp.url("");
        let provider =
            format!("[providers.idp]\npreset = \"oidc\"\nissuer = \"{issuer}\"\nclient_auth = \"post\"\n{setting}\n");
        let mut world = World::with_config(&[provider, account("work", "idp", "")].concat());
        world.run();
        idp.next_page(page);
        let (_, end) = world.try_log_in("work");
        let told = end.failure.map(|failure| failure.error_description).unwrap_or_default();
        assert_eq!(end.status == LoginStatus::Succeeded, says.is_empty(), "{setting}: {told}");
        assert!(told.contains(says), "{setting}: {told}");
    }
}
