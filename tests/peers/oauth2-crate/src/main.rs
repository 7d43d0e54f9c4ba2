//! The crate `oauth2`, as its documentation says, at the token endpoint.
//!
//! Calls an API again and again with the token that it holds, and prints the status of each call and the token's
//! fingerprint. Gets another token when the one that it has expires, and when the API answers 401.

use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::{ClientId, ClientSecret, RefreshToken, TokenResponse as _, TokenUrl, ureq};
use sha2::{Digest as _, Sha256};

const PAUSE: Duration = Duration::from_millis(200);

/// A token, and when it ends.
type Held = (BasicTokenResponse, Option<Instant>);

fn held(response: BasicTokenResponse) -> Held {
    let ends = response.expires_in().map(|left| Instant::now() + left);
    (response, ends)
}

fn status_of(api: &str, token: &str) -> u16 {
    match ureq::get(api).set("Authorization", &format!("Bearer {token}")).call() {
        Ok(reply) => reply.status(),
        Err(ureq::Error::Status(status, _)) => status,
        Err(error) => panic!("{api}: {error}"),
    }
}

fn main() {
    let [name, key, token_url, api] =
        ["NAME", "KEY", "TOKEN_URL", "API"].map(|name| std::env::var(name).expect("the environment has the settings"));
    let client = BasicClient::new(ClientId::new(name))
        .set_client_secret(ClientSecret::new(key.clone()))
        .set_token_uri(TokenUrl::new(token_url).expect("a URL"));
    let refresh_token = RefreshToken::new(key);
    let agent = ureq::builder().redirects(0).build();
    let ask = || held(client.exchange_client_credentials().request(&agent).expect("a token"));
    let refresh = || held(client.exchange_refresh_token(&refresh_token).request(&agent).expect("a token"));
    let (mut response, mut ends) = ask();
    loop {
        if ends.is_some_and(|end| Instant::now() >= end) {
            (response, ends) = ask();
        }
        let token = response.access_token().secret();
        let status = status_of(&api, token);
        println!("{status} {}", &URL_SAFE_NO_PAD.encode(Sha256::digest(token))[..12]);
        if status == 401 {
            (response, ends) = refresh();
        }
        sleep(PAUSE);
    }
}
