//! Runs the daemon through everything at the most verbose log level, with a canary for every kind of secret, and then
//! searches everything that it wrote: log, files, replies, pages, arguments and environments.

mod closed;
mod search;
mod stage;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use ringback::contract::LoginStatus;
use rustix::process::Signal;
use url::Url;

use self::search::{Canary, Evidence};
use self::stage::{
    ACCOUNTS, COMMANDED, ENVIRONMENT, FILED, IMPORTED, INLINE, MASTER_KEY, PASSWORD, WRONG_KEY, WRONG_STATE,
};
use crate::http::{Browser, Reply, Request};
use crate::idp::{Act, Idp, Manner, Seen, plain};
use crate::world::{World, told, until};

/// The only places where each secret may appear, by their names in `Evidence`.
fn canaries(idp: &Idp, world: &World, found: Found) -> Vec<Canary> {
    let fixed: &[(&'static str, &[u8], &'static [&'static str])] = &[
        ("the client secret of the config", INLINE.as_bytes(), &["file config/ringback/config.toml"]),
        ("the client secret of a file", FILED.as_bytes(), &["file config/ringback/filed"]),
        ("the client secret of a program", COMMANDED.as_bytes(), &["file config/ringback/commanded"]),
        ("a password", PASSWORD.as_bytes(), &["file config/ringback/password"]),
        ("a token that was imported", IMPORTED.as_bytes(), &[]),
        ("a wrong key", WRONG_KEY.as_bytes(), &[]),
        ("a wrong state", WRONG_STATE.as_bytes(), &[]),
        ("a secret of the environment", ENVIRONMENT.as_bytes(), if is_root() { &["daemon environ"] } else { &[] }),
        ("the master key", &MASTER_KEY, &["file config/ringback/master"]),
        ("an access token", b"AT~canary", &["token"]),
        ("a refresh token", b"RT~canary", &[]),
        ("a code", b"CODE~canary", &[]),
    ];
    let fixed = fixed.iter().map(|(what, secret, may)| Canary { what, secret: secret.to_vec(), may });
    let mut found = vec![
        ("the master key", vec![stage::master_key_as_text()], &["file config/ringback/master"] as &[_]),
        ("the key of the local programs", vec![world.key()], &["file state/ringback/app.key"]),
        ("a ticket", found.tickets, &["started"]),
        ("the ticket of a browser that opened", found.opened, &["started", "file children/browser"]),
        ("a flow's cookie", found.cookies, &["page /login/start"]),
        ("a state", all(idp, |seen| seen.query().get("state").cloned()), &["page /login/start"]),
    ];
    let header = |seen: &Seen| seen.header("authorization")?.strip_prefix("Basic ").map(str::to_owned);
    found.push(("a client's credentials", all(idp, header), &[]));
    found.push(("a verifier", all(idp, |seen| seen.parameters().get("code_verifier").cloned()), &[]));
    let found = found.into_iter().flat_map(|(what, secrets, may)| {
        assert!(!secrets.is_empty(), "{what}: no such secret was seen");
        secrets.into_iter().map(move |secret| Canary { what, secret: secret.into_bytes(), may })
    });
    fixed.chain(found).collect()
}

fn all(idp: &Idp, of: impl Fn(&Seen) -> Option<String>) -> Vec<String> {
    idp.seen().iter().filter_map(of).collect()
}

/// Secrets that were generated during the run.
#[derive(Default)]
struct Found {
    tickets: Vec<String>,
    opened: Vec<String>,
    cookies: Vec<String>,
}

/// The world, and the evidence collected from it.
struct Life<'a> {
    world: &'a World,
    idp: &'a Idp,
    seen: Evidence,
    found: Found,
}

impl Life<'_> {
    fn ask(&mut self, place: &str, request: &Request) -> Reply {
        let reply = self.world.ask(request);
        self.seen.reply(place, reply)
    }

    fn post(&mut self, target: &str) -> Reply {
        self.ask(&format!("reply {target}"), &Request::new("POST", target))
    }

    fn cli(&mut self, place: &str, arguments: &[&str]) -> String {
        let told = self.world.cli(arguments);
        self.seen.told(place, told).1
    }

    /// Follows redirects from `url` to the end, or up to the callback, which is not visited.
    fn browse(&mut self, browser: &mut Browser, url: &str, stop_at_callback: bool) -> Url {
        let mut url = Url::parse(url).unwrap();
        loop {
            let reply = browser.visit(&url);
            if url.port() != Some(self.idp.port) {
                let route: Vec<&str> = url.path().split('/').take(3).collect();
                self.seen.reply(&format!("page {}", route.join("/")), reply.clone());
            }
            match Browser::leads_to(&url, &reply) {
                Some(next) if stop_at_callback && next.path().starts_with("/callback") => return next,
                Some(next) => url = next,
                None => break,
            }
        }
        self.found.cookies.extend(browser.cookies.iter().map(|(.., value)| value.clone()));
        url
    }

    fn start(&mut self, account: &str, via: &str) -> (String, String) {
        let request =
            Request::new("POST", &format!("/v1/accounts/{account}/login")).json(&format!("{{\"via\":\"{via}\"}}"));
        let reply = self.ask("started over the socket", &request).json();
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        (text("login_id"), text("start_url"))
    }

    fn end(&mut self, id: &str) -> LoginStatus {
        let reply = self.ask("reply of a login's end", &Request::get(&format!("/v1/logins/{id}?wait=15")));
        reply.parse::<ringback::contract::LoginReply>().status
    }

    /// Logs in to every account, each with its own kind of login.
    fn log_in(&mut self) {
        for account in ACCOUNTS {
            let (id, url) = self.start(account, "caller_browser");
            if !url.is_empty() {
                self.found.tickets.push(ticket(&url));
                self.browse(&mut Browser::default(), &url, false);
            }
            assert_eq!(self.end(&id), LoginStatus::Succeeded, "{account}");
        }
        self.log_in_on_the_command_line();
    }

    fn log_in_on_the_command_line(&mut self) {
        let mut child = self.world.command(&["login", "--no-browser"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut url) = (String::new(), String::new());
        while !url.starts_with("http://") {
            url.clear();
            assert_ne!(err.read_line(&mut url).unwrap(), 0, "the URL never came");
            said += &url;
        }
        self.browse(&mut Browser::default(), url.trim(), false);
        err.read_to_string(&mut said).unwrap();
        let output = child.wait_with_output().unwrap();
        self.found.tickets.push(ticket(url.trim()));
        self.seen.told("started on the command line", (0, told(output).1, said));
    }

    /// Opens the daemon's browser, once successfully and once not.
    fn open_a_browser(&mut self) {
        let (id, url) = self.start("inline", "daemon_browser");
        self.found.opened.push(ticket(&url));
        let record = self.world.root().join("children/browser");
        let opened =
            until("the browser opens", || std::fs::read_to_string(&record).ok().filter(|text| text.ends_with('\n')));
        assert!(opened.ends_with(&format!("{url}\n")), "{opened:?}");
        self.browse(&mut Browser::default(), &url, false);
        self.end(&id);
        let (id, url) = self.start("filed", "daemon_browser");
        self.found.tickets.push(ticket(&url));
        self.world.until_logged("the browser was not opened");
        self.browse(&mut Browser::default(), &url, false);
        self.end(&id);
    }

    /// Fetches tokens over every transport and format.
    fn use_tokens(&mut self) {
        let key = format!("Bearer {}", self.world.key());
        for account in ACCOUNTS {
            let target = format!("/v1/accounts/{account}/token");
            self.ask("token over the socket", &Request::get(&target));
            self.ask("token as text", &Request::get(&target).header("Accept", "text/plain"));
            let reply = self.world.ask_tcp(&Request::get(&target).header("Authorization", &key));
            assert_eq!(self.seen.reply("token over TCP", reply).status, 200);
            self.cli("token on the command line", &["token", account, "--json"]);
            assert_eq!(self.post(&format!("/v1/accounts/{account}/refresh")).status, 200);
            self.post(&format!("/v1/accounts/{account}/rejected"));
            self.ask("reply with an account", &Request::get(&format!("/v1/accounts/{account}")));
        }
        for arguments in [&["status"][..], &["status", "--json"], &["refresh"], &["info"], &["config", "check"]] {
            self.cli(&format!("command {}", arguments.join(" ")), arguments);
        }
    }

    /// Unauthenticated requests, mistakes and broken callbacks.
    fn go_wrong(&mut self) {
        let target = "/v1/accounts/inline/token";
        for request in [
            Request::get(target).header("Authorization", &format!("Bearer {WRONG_KEY}")),
            Request::get(&format!("{target}?key={WRONG_KEY}")),
            Request::get(&format!("/{WRONG_KEY}")).header("Authorization", &format!("Bearer {WRONG_KEY}")),
            Request::get(target).header("Cookie", WRONG_KEY).header("Origin", &format!("http://{WRONG_KEY}")),
            Request::get(target).header("Host", WRONG_KEY),
            Request::new(WRONG_KEY, target),
        ] {
            let reply = self.world.ask_tcp(&request);
            assert!(self.seen.reply("reply to a stranger", reply).status >= 400);
        }
        for body in [
            format!("{{\"access_token\": {IMPORTED}"),
            format!("{{\"{IMPORTED}\": 1}}"),
            format!("{{\"refresh_token\": \"{IMPORTED}\"}}"),
        ] {
            self.idp.next(Act::Echo);
            self.ask("reply to an import", &Request::new("POST", "/v1/accounts/inline/import").json(&body));
        }
        let (id, url) = self.start("inline", "caller_browser");
        self.found.tickets.push(ticket(&url));
        let mut browser = Browser::default();
        let callback = self.browse(&mut browser, &url, true);
        let mut wrong = callback.clone();
        wrong.set_query(Some(&format!("code=CODE~canary-wrong&state={WRONG_STATE}")));
        self.browse(&mut browser, wrong.as_str(), false);
        let body = serde_json::json!({"redirect_url": wrong.as_str()}).to_string();
        self.ask("reply to a paste", &Request::new("POST", &format!("/v1/logins/{id}/paste")).json(&body));
        self.browse(&mut Browser::default(), &url, false);
        self.idp.next(Act::Echo);
        self.browse(&mut browser, callback.as_str(), false);
        assert_eq!(self.end(&id), LoginStatus::Failed);
    }

    /// A provider that refuses and echoes the whole request, and one with an unusable success reply.
    fn be_refused(&mut self) {
        for account in ACCOUNTS {
            self.idp.next(Act::Echo);
            self.post(&format!("/v1/accounts/{account}/refresh"));
            self.ask("reply with an account", &Request::get(&format!("/v1/accounts/{account}")));
        }
        self.idp.next(Act::Raw(plain(200, "application/json", "{\"access_token\": \"AT~canary\\n\"}")));
        self.post("/v1/accounts/inline/refresh");
        for arguments in [&["status"][..], &["status", "--json"], &["refresh", "typed"]] {
            self.cli(&format!("command {}", arguments.join(" ")), arguments);
        }
    }

    /// Reloads a config with a mistake next to each secret, and then the good one.
    fn reload(&mut self) {
        let good = std::fs::read_to_string(self.world.config_file()).unwrap();
        for (slip, said) in [
            (good.replace(&format!("{INLINE}\""), INLINE), "the config was refused"),
            (good.replace("client_secret =", "client_secrets ="), "client_secrets"),
            (good.replace(&format!("\"{INLINE}\""), &format!("[\"{INLINE}\"]")), "client_secret: "),
        ] {
            let before = self.world.log().matches(said).count();
            self.world.configure(&slip);
            self.world.signal(Signal::HUP);
            until("the slip is told", || (self.world.log().matches(said).count() > before).then_some(()));
            self.cli("command config check", &["config", "check"]);
        }
        self.world.configure(&good);
        self.world.signal(Signal::HUP);
        self.world.until_logged("the config was reloaded");
        self.cli("command config check", &["config", "check", "--show"]);
    }

    /// Collects what the kernel shows of the daemon, and every file.
    fn look_around(&mut self) {
        // A running cipher briefly has the key on the stack.
        until("the master key is in memory once, and its text never", || {
            let copies = |secret: &[u8]| closed::copies(self.world.pid(), secret);
            let (key, text) = (copies(&MASTER_KEY), copies(stage::master_key_as_text().as_bytes()));
            // `None`: not even the daemon's own user may read its memory.
            (key.is_none_or(|copies| copies == 1) && text.is_none_or(|copies| copies == 0)).then_some(())
        });
        for what in ["environ", "cmdline"] {
            let path = format!("/proc/{}/{what}", self.world.pid());
            // Not even the daemon's own user can read it: see `closed`.
            self.seen.add(format!("daemon {what}"), std::fs::read(path).unwrap_or_default());
        }
        let root = self.world.root().to_owned();
        for child in ["key", "command", "hook", "browser"] {
            let record = std::fs::read_to_string(root.join("children").join(child)).unwrap();
            assert!(record.contains("PATH=/") && record.contains("/bin/sh"), "{child} recorded nothing: {record:?}");
        }
        self.seen.files(&root, &root);
    }

    fn log_out(&mut self) {
        for account in ["inline", "filed"] {
            self.cli("command logout", &["logout", account]);
        }
        self.ask("reply to a logout", &Request::new("DELETE", "/v1/accounts/commanded/token"));
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn ticket(url: &str) -> String {
    url.rsplit('/').next().unwrap().to_owned()
}

fn a_whole_run(format: &str) {
    let idp = Idp::with(Manner { rotates: false, ..Manner::default() });
    let mut world = stage::world(&idp, format);
    world.run();
    let mut life = Life { world: &world, idp: &idp, seen: Evidence::default(), found: Found::default() };
    life.log_in();
    life.open_a_browser();
    life.use_tokens();
    life.go_wrong();
    life.be_refused();
    life.reload();
    life.look_around();
    life.log_out();
    let Life { mut seen, found, .. } = life;
    let canaries = canaries(&idp, &world, found);
    world.stop();
    let root = world.root().to_owned();
    seen.files(&root, &root);
    assert!(world.log().lines().count() > 200);
    let wrong = seen.wrong(&canaries);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_secret_appears_where_it_does_not_belong() {
    a_whole_run("human");
}

#[test]
fn no_secret_appears_with_a_json_log() {
    a_whole_run("json");
}
