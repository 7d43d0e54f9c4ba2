//! A running sandbox and the few things that tests do to it.

use clap::Parser;
use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect};
use ringback_sandbox::{Facts, Options, bind};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use url::Url;

/// The redirect URI of these tests' app.
pub(crate) const REDIRECT: &str = "http://127.0.0.1:7464/callback/phonecom?a=b";

pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) client: Client,
    task: JoinHandle<std::io::Result<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The options that the command line would make of `flags`, on a free port.
pub(crate) fn options(flags: &str) -> Options {
    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        options: Options,
    }
    let words = ["sandbox", "--port=0"].into_iter().chain(flags.split_whitespace());
    Flags::try_parse_from(words).expect("flags").options
}

pub(crate) async fn start(flags: &str) -> World {
    // reqwest needs a crypto provider even for plain http. A second installation fails, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sandbox = bind(&options(flags)).await.expect("bind");
    let facts = sandbox.facts();
    let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().expect("client");
    let task = tokio::spawn(sandbox.run(std::future::pending()));
    World { facts, client, task }
}

impl World {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.facts.base_url)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Status and body; null if the body is not JSON.
    pub(crate) async fn send(&self, request: RequestBuilder) -> (u16, Value) {
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.bytes().await.expect("a body");
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        self.send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// A control request that must succeed.
    pub(crate) async fn control(&self, path: &str, body: Value) {
        let request =
            self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string());
        let (status, _) = self.send(request).await;
        assert!((200..300).contains(&status), "{path}: {status}");
    }

    pub(crate) async fn advance(&self, span: &str) {
        self.control("/_sandbox/clock", json!({ "advance": span })).await;
    }

    pub(crate) async fn journal(&self) -> Value {
        self.get("/_sandbox/journal", "").await.1
    }

    /// An authorization URL with these parameters besides the usual ones; an empty value removes one.
    pub(crate) fn authorize_url(&self, extra: &[(&str, &str)]) -> Url {
        let mut params = vec![
            ("client_id", self.facts.client_id.as_str()),
            ("response_type", "code"),
            ("scope", "call-logs account-owner"),
            ("redirect_uri", REDIRECT),
            ("state", "s t&a=te"),
        ];
        for (name, value) in extra {
            params.retain(|(had, _)| had != name);
            if !value.is_empty() {
                params.push((name, value));
            }
        }
        Url::parse_with_params(&self.facts.authorize_url, params).expect("url")
    }

    /// Clicks through the consent page and returns where the browser is sent.
    pub(crate) async fn decide(&self, decision: &str, extra: &[(&str, &str)]) -> String {
        let page = self.client.get(self.authorize_url(extra)).send().await;
        let page = page.expect("page");
        assert_eq!(page.status(), StatusCode::OK);
        let html = page.text().await.expect("html");
        let (status, location) = self.submit(&transaction(&html), decision).await;
        assert_eq!(status, 302);
        location
    }

    pub(crate) async fn submit(&self, transaction: &str, decision: &str) -> (u16, String) {
        let form = format!("transaction={transaction}&user=alice&decision={decision}");
        let response = self
            .request(Method::POST, "/v4/oauth/authorization")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .expect("an answer");
        let location = response.headers().get("location");
        let location = location.map_or("", |value| value.to_str().expect("ascii"));
        (response.status().as_u16(), location.to_owned())
    }

    pub(crate) async fn code(&self, extra: &[(&str, &str)]) -> String {
        let location = self.decide("allow", extra).await;
        member(&location, "code").expect("a code")
    }

    /// A token request with these members; the client's own are added where they are missing.
    pub(crate) fn token_request(&self, mut body: Value) -> RequestBuilder {
        let members = body.as_object_mut().expect("an object");
        for (name, value) in [("client_id", &self.facts.client_id), ("client_secret", &self.facts.client_secret)] {
            members.entry(name).or_insert_with(|| json!(value));
        }
        self.request(Method::POST, "/v4/oauth/access-token")
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) async fn token(&self, body: Value) -> (u16, Value) {
        self.send(self.token_request(body)).await
    }

    pub(crate) async fn exchange(&self, code: &str) -> (u16, Value) {
        self.token(exchange_of(code)).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (u16, Value) {
        self.token(refresh_of(token)).await
    }

    /// A whole login; returns the token reply.
    pub(crate) async fn login(&self) -> Value {
        let code = self.code(&[]).await;
        let (status, body) = self.exchange(&code).await;
        assert_eq!(status, 201, "{body}");
        body
    }
}

pub(crate) fn exchange_of(code: &str) -> Value {
    json!({ "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT })
}

pub(crate) fn refresh_of(token: &str) -> Value {
    json!({ "grant_type": "refresh_token", "refresh_token": token })
}

/// A string member that must be there.
pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}"))
}

/// The one-time id in the consent form.
pub(crate) fn transaction(html: &str) -> String {
    let (_, rest) = html.split_once("name=\"transaction\" value=\"").expect("form");
    rest.split('"').next().expect("value").to_owned()
}

/// A parameter of a location's query or fragment.
pub(crate) fn member(location: &str, name: &str) -> Option<String> {
    let url = Url::parse(location).expect("a location");
    let part = url.fragment().or(url.query()).unwrap_or_default();
    url::form_urlencoded::parse(part.as_bytes()).find(|(had, _)| had == name).map(|(_, value)| value.into_owned())
}

/// Status and the code of a refusal.
pub(crate) fn error_of(reply: &(u16, Value)) -> (u16, &str) {
    (reply.0, text(&reply.1, "error"))
}

/// Whether the access token of a reply is accepted.
pub(crate) async fn works(world: &World, reply: &Value) -> bool {
    let (status, _) = world.get("/v4/accounts/1000001", text(reply, "access_token")).await;
    assert!(matches!(status, 200 | 401), "{status}");
    status == 200
}
