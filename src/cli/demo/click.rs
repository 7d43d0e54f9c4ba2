//! The click of `demo --yes`: follows the start URL to the practice provider's page, submits its form with Allow, and
//! follows the redirects back. Works with the sandbox's page only.

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Response, StatusCode};
use url::Url;
use url::form_urlencoded::Serializer;

use super::visitor::{http, lost};
use crate::cli::failure::Failure;
use crate::cli::message;
use crate::os::browser::StartUrl;

/// Goes from the start URL to the daemon's page about the outcome.
pub(super) async fn through(start: &StartUrl) -> Result<(), Failure> {
    let browser = http()?;
    let get = |url: Url| browser.get(url);
    let start = Url::parse(start.as_str()).map_err(|_| odd("the start URL can't be parsed"))?;
    let response = get(start.clone()).send().await.map_err(|error| lost(&error))?;
    let cookie = cookie(&response)?;
    let consent = next(&start, &response, "the start URL")?;
    let page = get(consent.clone()).send().await.map_err(|error| lost(&error))?;
    if page.status() != StatusCode::OK {
        return Err(odd(&format!("the practice provider answered the authorization request with {}", page.status())));
    }
    let html = page.text().await.map_err(|error| lost(&error))?;
    let form = HtmlForm::parse(&html).ok_or_else(|| odd("the consent page has no form"))?;
    let target = consent.join(&form.action).map_err(|_| odd("the form has no usable action"))?;
    let post = browser.post(target.clone()).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = post.body(form.allow()).send().await.map_err(|error| lost(&error))?;
    let callback = next(&target, &response, "the consent form")?;
    let back = get(callback.clone()).header(COOKIE, cookie).send().await.map_err(|error| lost(&error))?;
    let outcome = next(&callback, &back, "the callback")?;
    let page = get(outcome).send().await.map_err(|error| lost(&error))?;
    if page.status().is_client_error() || page.status().is_server_error() {
        return Err(odd(&format!("the page about the outcome has status {}", page.status())));
    }
    Ok(())
}

/// The cookie that binds the login to this browser, as it is sent back.
fn cookie(response: &Response) -> Result<String, Failure> {
    let pairs: Vec<&str> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next())
        .collect();
    if pairs.is_empty() { Err(odd("the start URL set no cookie")) } else { Ok(pairs.join("; ")) }
}

/// Where a redirect leads.
fn next(base: &Url, response: &Response, what: &str) -> Result<Url, Failure> {
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.filter(|_| response.status().is_redirection());
    let url = location.and_then(|location| base.join(location).ok());
    url.ok_or_else(|| odd(&format!("{what} did not redirect, but answered with {}", response.status())))
}

fn odd(what: &str) -> Failure {
    message::demo_failed(what)
}

/// The first form of a page: where it goes, and what it sends if nothing is changed.
#[derive(Debug, PartialEq, Eq)]
struct HtmlForm {
    action: String,
    fields: Vec<(String, String)>,
}

impl HtmlForm {
    /// Reads the form of the sandbox's own page; not a general HTML parser.
    fn parse(html: &str) -> Option<Self> {
        let (_, rest) = html.split_once("<form ")?;
        let (form, _) = rest.split_once("</form>")?;
        let action = attribute(form.split_once('>')?.0, "action")?;
        let inputs = form.split("<input ").skip(1).filter_map(|rest| Some(rest.split_once('>')?.0));
        let sent = inputs.filter(|tag| attribute(tag, "type").as_deref() == Some("hidden") || tag.contains(" checked"));
        let fields = sent.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?))).collect();
        Some(Self { action, fields })
    }

    /// The body that the Allow button sends.
    fn allow(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.fields).append_pair("decision", "allow").finish()
    }
}

/// An attribute of a tag. Ids and user names need no unescaping beyond `&amp;`.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_sends_hidden_fields_the_checked_user_and_allow() {
        let html = r#"<h1>x</h1><form method="post" action="/v4/oauth/authorization">
            <input type="hidden" name="transaction" value="t+1">
            <label><input type="radio" name="user" value="ann" checked> Ann</label>
            <label><input type="radio" name="user" value="bob"> Bob</label>
            <button name="decision" value="allow">Allow</button></form>"#;
        let form = HtmlForm::parse(html).unwrap();
        assert_eq!(form.action, "/v4/oauth/authorization");
        assert_eq!(form.allow(), "transaction=t%2B1&user=ann&decision=allow");
        assert_eq!(HtmlForm::parse("<p>no form</p>"), None);
    }

    /// The daemon's three stops of the browser, without a daemon.
    fn stops(authorize: String) -> axum::Router {
        use axum::http::HeaderMap;
        use axum::routing::get;
        let start = move || async move {
            (StatusCode::SEE_OTHER, [(LOCATION, authorize), (SET_COOKIE, "flow=f1; HttpOnly".into())])
        };
        let callback = |headers: HeaderMap, axum::extract::RawQuery(query): axum::extract::RawQuery| async move {
            let ours = headers.get(COOKIE).is_some_and(|cookie| cookie == "flow=f1");
            let query = query.unwrap_or_default();
            let right = ours && query.contains("code=") && query.contains("state=s1");
            if right { Ok((StatusCode::SEE_OTHER, [(LOCATION, "/done")])) } else { Err(StatusCode::BAD_REQUEST) }
        };
        axum::Router::new()
            .route("/login/start/t1", get(start))
            .route("/callback/practice", get(callback))
            .route("/done", get(|| async { "done" }))
    }

    #[tokio::test]
    async fn a_program_clicks_through_the_sandboxs_real_page() {
        let options = crate::sandbox::Options::default();
        let sandbox = crate::sandbox::bind(&options).await.unwrap();
        let facts = sandbox.facts();
        let daemon = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}", daemon.local_addr().unwrap());
        let query = Serializer::new(String::new())
            .extend_pairs([
                ("client_id", facts.client_id.as_str()),
                ("response_type", "code"),
                ("scope", "account-owner"),
            ])
            .extend_pairs([("state", "s1"), ("redirect_uri", &format!("{base}/callback/practice"))])
            .finish();
        let router = stops(format!("{}?{query}", facts.authorize_url));
        tokio::spawn(sandbox.run(std::future::pending()));
        tokio::spawn(async move { axum::serve(daemon, router).await });
        let start = StartUrl::parse(&format!("{base}/login/start/t1")).unwrap();
        let clicked = through(&start).await;
        assert_eq!(clicked.map_err(|failure| failure.reply().error_description.clone()), Ok(()));
    }
}
