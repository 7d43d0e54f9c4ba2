//! `docs/errors.md` agrees with the code on every error code and on every error with its cause.

use std::time::Duration;

use serde_json::Map;

use crate::contract::{Confirm, ErrorCode};
use crate::docs_test::{every_variant, keep_current, table};
use crate::error::{Error, Missing, Obstacle, ScopeStep, UpstreamFailure};
use crate::http::oauth_error;

#[test]
fn every_code_is_in_the_docs() {
    let rows = ErrorCode::TABLE.map(|row| {
        let status = if row.status == 0 { "-".to_owned() } else { row.status.to_string() };
        [format!("`{}`", row.name), status, row.exit.to_string(), row.when.to_owned()]
    });
    keep_current("ErrorCode::TABLE", &table(["`error`", "HTTP", "exit", "meaning"], rows));
}

#[test]
fn every_code_for_oauth_clients_is_in_the_docs() {
    let rows = oauth_error::TABLE.iter().filter(|(own, ..)| own.row().status != 0);
    let rows = rows.map(|(own, code, status)| {
        [format!("`{}` ({})", own.row().name, own.row().status), format!("`{code}`"), status.to_string()]
    });
    let special = errors().into_iter().filter_map(|(error, _)| {
        let code = oauth_error::special(&error)?;
        Some([error.to_string(), format!("`{code}`"), "400".to_owned()])
    });
    let rows = rows.chain(special.collect::<Vec<_>>());
    keep_current("oauth_error::TABLE", &table(["error", "for an OAuth client", "HTTP"], rows));
}

/// Every error as a caller sees it, with its cause.
#[expect(clippy::too_many_lines, reason = "a table")]
fn errors() -> Vec<(Error, &'static str)> {
    let (account, why) = (String::from("work"), String::from("..."));
    let account = || account.clone();
    let why = || why.clone();
    every_variant!(Error {
        Usage: [(
            Error::Usage { what: "`wait` has to be a number of seconds".into() },
            "a parameter, a body or an argument can't be understood"
        )],
        Obstacle: [
            (Error::Obstacle(Obstacle::NoDefaultAccount), "`default_account` is not set, and there is more than one account, or none"),
            (
                Error::Obstacle(Obstacle::NotOneAccount { names: vec!["home".into(), account()] }),
                "an OAuth client at `/oauth2/token`, with a key for more than one account"
            ),
            (
                Error::Obstacle(Obstacle::NoSuchGrant),
                "an OAuth client that is set up for codes, passwords or device codes"
            ),
            (
                Error::Obstacle(Obstacle::NoTokensFor { provider: "acme".into(), part: "scope" }),
                "`token --scope`, `--resource` or `--audience` of a provider without `narrow`"
            ),
            (
                Error::Obstacle(Obstacle::NotAResource { account: account(), resource: "https://api.example/".into() }),
                "`token --resource` with a resource that was not requested at the login"
            ),
            (
                Error::Obstacle(Obstacle::IdTokenNotAllowed { account: account() }),
                "`token --id-token`, and the account has no `id_token = true`"
            ),
            (
                Error::Obstacle(Obstacle::NoIdToken { account: account() }),
                "the login was without `openid`, or the provider has no OpenID Connect"
            ),
            (
                Error::Obstacle(Obstacle::IdTokenExpired { account: account() }),
                "ID tokens often end before the login does, and many providers send one at a login only"
            ),
            (Error::Obstacle(Obstacle::TooManyLogins), "a program starts logins and finishes none"),
            (Error::Obstacle(Obstacle::NoQuestion), "somebody else answered, or the login is over"),
            (Error::Obstacle(Obstacle::PastedNoUrl), "`login --paste`: only a part of the address was copied"),
            (
                Error::Obstacle(Obstacle::PastedNoAnswer { answer: "`code`" }),
                "`login --paste`: the address of another page was copied"
            ),
            (
                Error::Obstacle(Obstacle::PastedUnusable { why: "has neither a `code` nor an `error`".into() }),
                "`login --paste`: the address was cut, or the provider's answer is flawed"
            ),
            (Error::Obstacle(Obstacle::PastedAnotherLogin), "`login --paste`: the address of an earlier login"),
            (Error::Obstacle(Obstacle::PassphraseBusy), "two programs unlock at the same time"),
            (
                Error::Obstacle(Obstacle::Passphrase { why: why() }),
                "`unlock` with a passphrase if the store has none, without one if it has one, or with a new one that is too short"
            ),
            (Error::Obstacle(Obstacle::AppName { why: why() }), "`app add` with an invalid name"),
            (Error::Obstacle(Obstacle::TooManyStreams), "a program opens `/v1/events` again and again"),
            (Error::Obstacle(Obstacle::TemporaryApp { name: "exec:1".into() }), "`app rotate` for a temporary app"),
            (
                Error::Obstacle(Obstacle::TooManyTemporaryApps { most: 64 }),
                "`exec --url`, and that many programs already run with a temporary key"
            ),
            (
                Error::Obstacle(Obstacle::Process { pid: 4711, why: "there is no such process".into() }),
                "`app add --while-pid` with the id of no process, or of another user's"
            ),
            (
                Error::Obstacle(Obstacle::TooManyProcesses { most: 128 }),
                "`app add --while-pid`, and there are that many such keys"
            ),
            (
                Error::Obstacle(Obstacle::BoundToken { account: account(), has_proxy: true }),
                "`token`, `exec`, a credential helper or an OAuth client, for an account with `dpop = true`"
            ),
            (
                Error::Obstacle(Obstacle::BoundToken { account: account(), has_proxy: false }),
                "the same, and the account has no proxy"
            ),
            (
                Error::Obstacle(Obstacle::NoProxy { account: account() }),
                "a request to `/proxy/work`, and the config does not open the account to the proxy"
            ),
            (Error::Obstacle(Obstacle::WebSocket), "a program opens a WebSocket at `/proxy/work/...`"),
            (Error::Obstacle(Obstacle::NoPort { what: "the status page" }), "`open`, and `listen.tcp` is empty"),
            (
                Error::Obstacle(Obstacle::NoPort { what: "a temporary key" }),
                "`exec --url`, and `listen.tcp` is empty"
            )
        ],
        UnknownAccount: [
            (Error::UnknownAccount { name: "wrok".into(), nearest: vec![account()] }, "a misspelled name"),
            (
                Error::UnknownAccount { name: "home".into(), nearest: Vec::new() },
                "the config has no `[accounts.home]`, or it has not been reloaded"
            )
        ],
        NoAccountForUrl: [
            (
                Error::NoAccountForUrl {
                    url: "https://api.example/v2".into(),
                    known: vec!["https://api.example/v1".into(), "https://git.example".into()],
                },
                "a URL with another host, port or path; an app is told of its own accounts only"
            ),
            (
                Error::NoAccountForUrl { url: "https://api.example/v2".into(), known: Vec::new() },
                "no account has `api_urls`, and neither has its provider"
            )
        ],
        SeveralForUrl: [(
            Error::SeveralForUrl { url: "https://api.example/v1".into(), accounts: vec!["home".into(), account()] },
            "accounts of one provider, or with the same URL in `api_urls`"
        )],
        Misconfigured: [(
            Error::Misconfigured { account: account(), why: why() },
            "a mistake in this account or its provider; the others are served"
        )],
        LoginRequired: [(
            Error::LoginRequired { account: account(), why: why() },
            "nobody has logged in yet, or one of the reasons below, and no valid token is left"
        )],
        NotRefreshable: [(
            Error::NotRefreshable { account: account() },
            "`ringback refresh`, a rejected token or a narrower one, where the provider gave no refresh token: a permanent \
             token, or the grant `implicit`"
        )],
        LoginFailed: [
            (
                Error::LoginFailed { account: account(), why: why(), provider_error: None },
                "nobody finished it in time, the user or the provider said no, the account was taken out of the config or \
                 changed meanwhile, the provider refuses PKCE (then the message names `pkce = \"off\"`), or a new \
                 login took its place"
            ),
            (
                Error::LoginFailed { account: account(), why: why(), provider_error: Some("access_denied".into()) },
                "somebody pressed Deny, or the provider does not let this user allow anything"
            ),
            (
                Error::LoginFailed { account: account(), why: why(), provider_error: Some("invalid_client".into()) },
                "the provider doesn't take the client or its secret: the message says where they stand in the config"
            ),
            (
                Error::LoginFailed { account: account(), why: why(), provider_error: Some("invalid_scope".into()) },
                "the provider doesn't know a scope, or doesn't give it to this client"
            )
        ],
        ImportRefused: [(
            Error::ImportRefused { account: account(), why: why(), provider_error: None },
            "the provider does not know the token, refused it, or can't be asked about it: the message quotes it"
        )],
        AnotherPerson: [(
            Error::AnotherPerson {
                account: account(),
                current: "voip_id 1".into(),
                new: "voip_id 2".into(),
                login_id: "...".into(),
                confirm: std::sync::Arc::new(Confirm { current: Map::new(), new: Map::new() }),
            },
            "an imported token belongs to another person than the account's tokens: the import waits for an answer, like a login"
        )],
        LosesRefresh: [(
            Error::LosesRefresh { account: account() },
            "an access token was imported into an account whose login can be refreshed, such as with `ringback token | \
             ringback import`"
        )],
        NobodyToAsk: [(
            Error::NobodyToAsk { account: account(), current: "voip_id 1".into(), new: "voip_id 2".into() },
            "`ringback login` or `ringback import` ran without a terminal, and somebody else has logged in than before"
        )],
        ProviderUnreachable: [(
            Error::ProviderUnreachable { account: account(), why: why(), retry_after: Duration::ZERO },
            "no network, no reply, an unusable one, or too many requests; and no valid token is left"
        )],
        Busy: [(
            Error::Busy,
            "a provider hangs and many programs wait for it, or a program sends requests without end; nothing was started, except `lock`"
        )],
        ProviderRefused: [
        (
            refused("invalid_client"),
            "the provider doesn't take the client or its secret: the message says where they stand in the config"
        ),
        (refused("unauthorized_client"), "the client may not use this grant (also `unsupported_grant_type`)"),
        (refused("invalid_scope"), "the provider doesn't know a scope, or doesn't give it to this client"),
        (refused("invalid_target"), "the provider doesn't know the resource or audience (RFC 8707)"),
        (refused("redirect_uri_mismatch"), "a different redirect URI is registered at the provider"),
        (refused("invalid_request"), "something is missing in the request, or this provider does not accept it"),
        (refused("access_denied"), "any other error code of the provider: the message quotes it")
        ],
        CannotAsk: [(
            Error::CannotAsk { account: account(), why: why() },
            "`ringback info` if the provider has no endpoint for it, or if its metadata does not match the config"
        )],
        RefusesForLong: [(
            Error::RefusesForLong { account: account(), why: why(), provider_error: "http_403".into() },
            "no valid token is left, and for ten minutes the provider has refused in a way that OAuth does not define: the login may be over, or something in front of the provider answers for it"
        )],
        StoreLocked: [(
            Error::StoreLocked,
            "`ringback lock`, a sleep, or a start with a passphrase: the key is not in memory"
        )],
        WrongPassphrase: [(
            Error::WrongPassphrase { failures: 2, pause: Duration::from_secs(4) },
            "another passphrase was set; each wrong one increases the delay before the next"
        )],
        StoreUnavailable: [(
            Error::StoreUnavailable { why: why() },
            "the disk is full, a file is damaged or encrypted with another key, or the keyring is locked"
        )],
        NoAppOfSocket: [(
            Error::NoAppOfSocket,
            "a program on a socket of `[[listen.extra]]`, and its `app` was not made yet, was removed, or has expired"
        )],
        Unauthorized: [(
            Error::Unauthorized { why: "a key is needed" },
            "a request over TCP without a key, or with one that is wrong, expired or removed"
        )],
        Forbidden: [(
            Error::Forbidden { why: "this form belongs to another session, or to no session" },
            "the request came from a web page, another host name was used, or the session is over"
        )],
        OtherUser: [
            (
                Error::OtherUser { uid: Some(1001) },
                "another user of the machine connected to the port; a key, link or cookie does not help them"
            ),
            (
                Error::OtherUser { uid: None },
                "the same, if the daemon runs in a user namespace (`PrivateUsers=yes`)"
            )
        ],
        PeerNotFound: [(
            Error::PeerNotFound,
            "the client closed its side right after sending the request; the user of such a connection is unknown"
        )],
        Beyond: [(
            Error::Beyond { why: "this app has no right to that account".into() },
            "the key is valid, but its app has other accounts, scopes or rights"
        )],
        NoConsent: [(
            Error::NoConsent { who: "/usr/bin/curl".into(), account: account(), why: "..." },
            "`consent = \"ask\"`, and the user refused or did not answer in time"
        )],
        UnknownApp: [(Error::UnknownApp { name: "editor".into() }, "it was removed, or never existed")],
        AppExists: [(Error::AppExists { name: "editor".into() }, "the name is taken")],
        Upstream: [
            (
                upstream(UpstreamFailure::Unreachable { why: why() }),
                "a request through the proxy: the API's server is down, or its name or certificate is wrong"
            ),
            (upstream(UpstreamFailure::TooLate { why: why() }), "the same: its server accepts connections, or not even that, and is silent (504)"),
            (
                upstream(UpstreamFailure::RejectsToken),
                "the API answered 401 to a request through the proxy, also with a new token if there was one (503)"
            ),
            (
                upstream(UpstreamFailure::WantsNonce),
                "the API answered 401 and `use_dpop_nonce` to a request through the proxy with more than 1 MiB (503)"
            ),
            (
                lacking("calls", ScopeStep::Login),
                "the API answered 403 and `insufficient_scope` to a request through the proxy (403)"
            ),
            (lacking("calls", ScopeStep::Requested), "the same, of a scope that a login has asked for"),
            (
                lacking("calls", ScopeStep::Config { together: "read calls".into() }),
                "the same, where no user takes part in a login, or the user left the scope out, or the API has named too many"
            ),
            (lacking("", ScopeStep::Requested), "the same, and the API does not say which scope")
        ],
        NotFound: [(Error::NotFound { what: "/v2/token".into() }, "another path or version")],
        Missing: [
            (Error::Missing(Missing::Login), "it ended some minutes ago, or before the daemon was last started"),
            (Error::Missing(Missing::Question("99".into())), "it was answered, or expired"),
            (Error::Missing(Missing::Answer("99".into())), "it was forgotten, or never given"),
            (Error::Missing(Missing::Provider("acme".into())), "it is not in the config, or no account uses it")
        ],
        MethodNotAllowed: [(Error::MethodNotAllowed, "such as a GET instead of a POST")],
        Internal: [(Error::Internal { what: why() }, "a mistake in ringback")],
    })
    .into()
}

fn upstream(failure: UpstreamFailure) -> Error {
    Error::Upstream { account: "work".into(), host: "api.example.com".into(), failure }
}

fn lacking(scope: &str, next: ScopeStep) -> Error {
    upstream(UpstreamFailure::NeedsScope { scope: scope.into(), next })
}

/// A refusal with this error code from the provider.
fn refused(code: &str) -> Error {
    let provider_error = Some(code.to_owned());
    Error::ProviderRefused { account: "work".into(), why: format!("{code}: ..."), provider_error }
}

#[test]
fn every_error_is_in_the_docs_with_its_cause_and_its_hint() {
    let rows = errors().into_iter().map(|(error, cause)| {
        [error.to_string(), format!("`{}`", error.code().row().name), cause.to_owned(), error.hint()]
    });
    keep_current("Error", &table(["message", "`error`", "cause", "what to do"], rows));
    // A row without a status is an error of the command line.
    for row in ErrorCode::TABLE.iter().filter(|row| row.status != 0) {
        assert!(errors().iter().any(|(error, _)| error.code() == row.code), "no error has the code {}", row.name);
    }
}
