//! Implicit logins whose answer is partly in the query. What the page's script does, the test does.

use ringback::contract::LoginStatus;

use crate::http::{Browser, Request};
use crate::idp::Idp;
use crate::world::World;

const IMPLICIT: &str = "grant = \"implicit\"";

#[test]
fn an_issuer_in_the_query_belongs_to_the_answer_in_the_fragment() {
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
