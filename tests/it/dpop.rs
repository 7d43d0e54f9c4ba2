//! Tokens that are bound to a key (DPoP, RFC 9449): a server that checks every proof as the standard says, as authorization
//! server and as API.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::api_server::{ApiServer, Line, Received, with_key};
use crate::http::{Reply, Request};
use crate::idp::Idp;
use crate::world::{SECRET, World, until};

/// What the servers want in a proof.
const AT_TOKEN_ENDPOINT: &str = "nonce-of-the-server";
const AT_API: &str = "nonce-of-the-api";
/// How far a proof's time may be away, in seconds.
const AGE: u64 = 300;

#[derive(Default)]
struct Issued {
    count: u32,
    /// The thumbprint of each authorization request, by its code.
    codes: HashMap<String, String>,
    /// Of each refresh token and access token, the thumbprint of its key.
    refresh: HashMap<String, String>,
    access: HashMap<String, String>,
    /// Tokens that the API no longer takes.
    ended: HashSet<String>,
    /// No proof works twice.
    seen: HashSet<String>,
}

/// The server, and what it has issued.
#[derive(Clone)]
struct Bound {
    issued: Arc<Mutex<Issued>>,
    server: ApiServer,
}

fn hash(text: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// The claims of a proof and the thumbprint of its key, by RFC 9449 §4.3.
fn checked(proof: &str, method: &str, url: &str, token: Option<&str>) -> Result<(Value, String), String> {
    let (message, signature) = proof.rsplit_once('.').ok_or("no JWT")?;
    let (header, claims) = message.split_once('.').ok_or("no JWT")?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "no base64url".to_owned());
    let read = |text: &str| serde_json::from_slice::<Value>(&bytes(text)?).map_err(|_| "no JSON".to_owned());
    let (header, claims) = (read(header)?, read(claims)?);
    let is = |name: &str, is: bool| if is { Ok(()) } else { Err(name.to_owned()) };
    is("typ", header["typ"] == "dpop+jwt")?;
    is("alg", header["alg"] == "ES256")?;
    let jwk = &header["jwk"];
    is("jwk", jwk["kty"] == "EC" && jwk["crv"] == "P-256" && jwk.as_object().is_some_and(|jwk| jwk.len() == 4))?;
    let [x, y] = [&jwk["x"], &jwk["y"]].map(|value| value.as_str().unwrap_or_default());
    let point = [vec![4], bytes(x)?, bytes(y)?].concat();
    let verified =
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message.as_bytes(), &bytes(signature)?);
    is("signature", verified.is_ok())?;
    is("htm", claims["htm"] == method)?;
    is("htu", claims["htu"] == url)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    is("iat", claims["iat"].as_u64().is_some_and(|at| at.abs_diff(now) < AGE))?;
    is(
        "ath",
        claims.get("ath").and_then(Value::as_str).map(str::to_owned) == token.map(|token| hash(token.as_bytes())),
    )?;
    let thumbprint = hash(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes());
    Ok((claims, thumbprint))
}

impl Bound {
    fn start() -> Self {
        let issued = Arc::<Mutex<Issued>>::default();
        let state = Arc::clone(&issued);
        let server = ApiServer::start(move |received, line| {
            let body = String::from_utf8_lossy(&line.body()).into_owned();
            let mut issued = state.lock().unwrap_or_else(PoisonError::into_inner);
            let target = received.line().split(' ').nth(1).unwrap();
            match target.split('?').next().unwrap() {
                "/authorize" => issued.authorize(target, line),
                "/token" => issued.token(received, &body, line),
                _ => issued.api(received, line),
            }
        });
        Self { issued, server }
    }

    fn issued(&self) -> MutexGuard<'_, Issued> {
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The config of `work` at this server, with `more` keys.
    fn config(&self, more: &str) -> String {
        let [authorize, token, api] = ["/authorize", "/token", "/v4"].map(|path| self.server.url(path));
        format!(
            "[providers.p]\npreset = \"generic\"\nauthorize_url = \"{authorize}\"\ntoken_url = \"{token}\"\n\
             [accounts.work]\nprovider = \"p\"\nclient_id = \"c\"\nclient_secret = \"{SECRET}\"\n\
             proxy = {{ upstream = \"{api}\" }}\n{more}\n"
        )
    }

    /// A daemon with that config, logged in.
    fn world(&self, more: &str) -> World {
        let mut world = World::with_config(&self.config(more));
        world.run();
        world.log_in("work");
        world
    }

    /// How many requests there were at this path.
    fn count(&self, path: &str) -> usize {
        self.server.received().iter().filter(|received| received.line().contains(path)).count()
    }
}

impl Issued {
    fn authorize(&mut self, target: &str, line: &mut Line) -> bool {
        let url = Url::parse(&format!("http://x{target}")).unwrap();
        let of = |name: &str| url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        self.count += 1;
        let code = format!("code-{}", self.count);
        self.codes.insert(code.clone(), of("dpop_jkt").unwrap_or_default());
        let mut back = Url::parse(&of("redirect_uri").unwrap()).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &of("state").unwrap());
        // The browser of the tests reads until the connection ends.
        line.answer(302, &format!("Location: {back}\r\nConnection: close\r\n"), "");
        false
    }

    /// The thumbprint of the request's key, or why its proof is not taken.
    fn proved(&mut self, received: &Received, token: Option<&str>) -> Result<(Value, String), String> {
        let lines = received.head.lines().filter(|line| line.to_ascii_lowercase().starts_with("dpop:")).count();
        let (Some(proof), 1) = (received.header("dpop"), lines) else { return Err(format!("{lines} proofs")) };
        let mut first = received.line().split(' ');
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        let path = target.split('?').next().unwrap();
        let url = format!("http://{}{path}", received.header("host").unwrap());
        let (claims, thumbprint) = checked(proof, method, &url, token)?;
        let id = claims["jti"].as_str().unwrap_or_default();
        if id.len() < 16 || !self.seen.insert(id.to_owned()) {
            return Err("jti".into());
        }
        Ok((claims, thumbprint))
    }

    fn token(&mut self, received: &Received, body: &str, line: &mut Line) -> bool {
        let asked: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let json = "Content-Type: application/json\r\n";
        let refused = |error: &str, why: &str| json!({ "error": error, "error_description": why }).to_string();
        let (claims, thumbprint) = match self.proved(received, None) {
            Ok(proved) => proved,
            Err(why) => return line.answer(400, json, &refused("invalid_dpop_proof", &why)),
        };
        if claims["nonce"] != AT_TOKEN_ENDPOINT {
            let named = format!("{json}DPoP-Nonce: {AT_TOKEN_ENDPOINT}\r\n");
            return line.answer(400, &named, &refused("use_dpop_nonce", "a nonce"));
        }
        let bound_to = match asked["grant_type"].as_str() {
            "authorization_code" => self.codes.remove(&asked["code"]),
            "refresh_token" => self.refresh.remove(&asked["refresh_token"]),
            _ => Some(thumbprint.clone()),
        };
        if bound_to.as_deref() != Some(&thumbprint) {
            return line.answer(400, json, &refused("invalid_grant", "another key"));
        }
        self.count += 1;
        let (access, refresh) = (format!("access-{}", self.count), format!("refresh-{}", self.count));
        self.access.insert(access.clone(), thumbprint.clone());
        self.refresh.insert(refresh.clone(), thumbprint);
        let mut reply = json!({ "access_token": access, "token_type": "DPoP", "expires_in": 3600 });
        if asked["grant_type"] != "client_credentials" {
            reply["refresh_token"] = refresh.into();
        }
        line.answer(200, json, &reply.to_string())
    }

    fn api(&mut self, received: &Received, line: &mut Line) -> bool {
        let token = received.header("authorization").and_then(|text| text.strip_prefix("DPoP ")).unwrap_or_default();
        let wanted = self.access.get(token).cloned();
        let proved = self.proved(received, Some(token));
        let mut refuse = |error: &str| {
            let nonce = format!("DPoP-Nonce: {AT_API}\r\n");
            line.answer(401, &format!("WWW-Authenticate: DPoP error=\"{error}\", algs=\"ES256\"\r\n{nonce}"), error)
        };
        match proved {
            Err(why) => refuse(&format!("invalid_dpop_proof: {why}")),
            Ok((claims, _)) if claims["nonce"] != AT_API => refuse("use_dpop_nonce"),
            Ok((_, thumbprint)) if wanted.as_ref() != Some(&thumbprint) || self.ended.contains(token) => {
                refuse("invalid_token")
            }
            Ok(_) => line.answer(200, &format!("DPoP-Nonce: {AT_API}\r\n"), "hello"),
        }
    }
}

fn ask(world: &World, body: &str) -> Reply {
    let request = with_key(world, Request::new("POST", "/proxy/work/x?q=1")).header("DPoP", "of-the-program");
    world.ask_tcp(&request.json(body))
}

#[test]
fn programs_reach_an_api_that_wants_proofs_and_see_nothing_of_it() {
    let bound = Bound::start();
    let mut world = bound.world("dpop = true");
    assert_eq!(bound.count("/token"), 2, "one for the nonce");
    for (requests, body) in [(2, "{\"n\":1}"), (3, "{\"n\":2}")] {
        let reply = ask(&world, body);
        assert_eq!((reply.status, reply.body.as_str(), reply.header("dpop-nonce")), (200, "hello", None), "{reply:?}");
        let received = bound.server.received().into_iter().filter(|received| received.line().contains("/v4/"));
        let received: Vec<_> = received.collect();
        assert_eq!((received.len(), received.last().unwrap().body.as_slice()), (requests, body.as_bytes()));
    }
    // A refresh goes on with the key, and the nonces are known.
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    assert_eq!((bound.count("/token"), ask(&world, "{}").status, bound.count("/v4/")), (3, 200, 4));
    // After a restart too, but for the nonces, which are in memory only.
    world.restart();
    assert_eq!((ask(&world, "{}").status, bound.count("/v4/")), (200, 6));
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    assert_eq!(bound.count("/token"), 5);
    let is_shown_bound = || {
        let status: Value = serde_json::from_str(&world.cli(&["status", "--json"]).1).unwrap();
        status["accounts"][0]["dpop_bound"] == true && world.cli(&["status", "-v"]).1.contains("bound to a key (DPoP)")
    };
    assert!(is_shown_bound());
    // It is the login that has the key: without the config's word, it still proves it.
    world.configure(&bound.config(""));
    world.signal(Signal::HUP);
    world.until_logged("the config was reloaded");
    assert_eq!((world.cli(&["refresh", "work"]).0, ask(&world, "{}").status), (0, 200));
    let keys: HashSet<_> = bound.issued().access.values().cloned().collect();
    assert_eq!(keys.len(), 1, "one key for the whole login");
    assert!(is_shown_bound());
    let log = world.log();
    for proof in bound.server.received().iter().filter_map(|received| received.header("dpop")) {
        assert!(!log.contains(proof), "a proof is in the log");
    }
}

#[test]
fn another_login_has_another_key() {
    let bound = Bound::start();
    let world = bound.world("dpop = true");
    world.log_in("work");
    assert_eq!(ask(&world, "{}").status, 200);
    let keys: HashSet<_> = bound.issued().access.values().cloned().collect();
    assert_eq!(keys.len(), 2);
}

#[test]
fn a_rejected_token_is_renewed_and_the_request_sent_again_with_a_new_proof() {
    let bound = Bound::start();
    // A report of a token that is younger than half of its lifetime has no effect: the refresh is asked for here.
    let world = bound.world("dpop = true");
    assert_eq!(ask(&world, "{}").status, 200);
    bound.issued().ended.insert("access-2".into());
    assert_eq!(ask(&world, "{}").status, 503);
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    assert_eq!(ask(&world, "{}").status, 200);
}

#[test]
fn a_body_that_was_not_kept_is_sent_again_by_the_client() {
    let bound = Bound::start();
    let world = bound.world("dpop = true");
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
    let refused = ask(&world, &large);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{refused:?}");
    assert!(refused.body.contains("Send the request again"), "{refused:?}");
    assert_eq!(ask(&world, &large).status, 200, "the nonce is known");
}

#[test]
fn client_credentials_keep_their_key_over_restarts() {
    let bound = Bound::start();
    let mut world = World::with_config(&bound.config("grant = \"client_credentials\"\ndpop = true"));
    world.run();
    assert_eq!((world.cli(&["login", "work"]).0, ask(&world, "{}").status), (0, 200));
    world.restart();
    assert_eq!(world.cli(&["refresh", "work"]).0, 0);
    assert_eq!(ask(&world, "{}").status, 200);
    let keys: HashSet<_> = bound.issued().access.values().cloned().collect();
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_bound_token_is_given_to_no_program_unless_the_config_says_so() {
    let bound = Bound::start();
    let world = bound.world("dpop = true");
    let key = world.key();
    let form = "application/x-www-form-urlencoded";
    let by_library = Request {
        body: Some(format!("grant_type=client_credentials&client_secret={key}")),
        ..Request::new("POST", "/oauth2/work/token").header("Content-Type", form)
    };
    let by_library = world.ask_tcp(&by_library);
    let bare = world.ask(&Request::get("/v1/accounts/work/token").header("Accept", "text/plain"));
    for reply in [world.get("/v1/accounts/work/token"), bare, by_library] {
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.body.contains("/proxy/work") && !reply.body.contains("access-"), "{reply:?}");
    }
    for command in [&["token", "work"][..], &["token", "work", "--format", "header"], &["exec", "work", "--", "true"]] {
        let (code, out, said) = world.cli(command);
        assert_eq!(code, 2, "{command:?}: {said}");
        assert!(said.contains("/proxy/work") && out.is_empty(), "{command:?}: {out} {said}");
    }
    world.configure(&bound.config("dpop = true\nhand_out_dpop = true"));
    world.signal(Signal::HUP);
    let reply = until("the config is read", || {
        let reply = world.get("/v1/accounts/work/token");
        (reply.status == 200).then_some(reply)
    });
    assert_eq!((&reply.json()["token_type"], &reply.json()["access_token"]), (&json!("DPoP"), &json!("access-2")));
    assert_eq!(world.cli(&["token", "work", "--header"]).1, "Authorization: DPoP access-2\n");
}

#[test]
fn a_server_that_binds_nothing_is_told_apart() {
    let idp = Idp::start();
    let world = World::start_with(&idp, "", "", "dpop = true");
    let (_, login) = world.try_log_in("work");
    // The refresh token is kept: it may be bound.
    let account = world.account("work");
    let said = format!("{:?} {:?}", login.failure, account);
    assert!(said.contains("the server does not bind it") && said.contains("remove `dpop`"), "{said}");
    assert_ne!(world.get("/v1/accounts/work/token").status, 200);
}

#[test]
fn what_a_bound_token_can_t_be_is_a_mistake_in_the_config() {
    let bound = Bound::start();
    for (more, said) in [
        ("dpop = true\ngrant = \"implicit\"", "no request could prove a key"),
        ("dpop = true\nfile = [{ path = \"/tmp/t\" }]", "whose readers can't use a bound token"),
        ("dpop = \"yes\"", "accounts.work.dpop"),
        ("extra_authorize = { dpop_jkt = \"x\" }", "`dpop` of the account"),
    ] {
        let world = World::with_config(&bound.config(more));
        let (code, out, err) = world.cli(&["config", "check"]);
        assert!(code != 0 && format!("{out}{err}").contains(said), "{more}: {out}{err}");
    }
}
