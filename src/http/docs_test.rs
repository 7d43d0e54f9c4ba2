//! `docs/errors.md` and `docs/api.md` agree with the code on routes and logins.

use crate::account::login_reason::LoginReason;
use crate::account::trouble::TroubleKind;
use crate::broker::login::callback::CallbackRejected;
use crate::docs_test::{every_variant, keep_current, table};
use crate::routes::ROUTES;

const API: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");

#[test]
fn every_reason_for_a_login_is_in_the_docs() {
    let rows = every_variant!(LoginReason {
        Refused: [(
            LoginReason::Refused { code: "invalid_grant".into() },
            "the provider ended the session: a new password, a sign-out everywhere, revoked rights, or a refresh token \
             that was unused for too long",
            "log in again"
        )],
        ReplyLost: [(
            LoginReason::ReplyLost,
            "the connection broke, or the power failed, between a refresh and its reply, and the provider accepts each \
             refresh token only once",
            "log in again; see `replay_window` in [config.md](config.md)"
        )],
        NoRefreshToken: [(
            LoginReason::NoRefreshToken,
            "the provider issues one only for a certain scope or setting",
            "log in again; `ringback doctor` says what to request"
        )],
        ConfigChanged: [(
            LoginReason::ConfigChanged,
            "`provider`, its endpoints or `client_id` have changed since the login",
            "log in again; or restore the old settings, and the tokens are served again"
        )],
        Damaged: [(
            LoginReason::Damaged,
            "a disk fault, or something that wrote into the state folder",
            "log in again; the file is kept under another name"
        )],
        Unexplained: [(
            LoginReason::Unexplained { code: "http_403".into(), said: "http_403: ...".into() },
            "for ten minutes the provider has refused in a way that OAuth does not define, and no valid token is left",
            "read what the provider says; the daemon retries every 5 to 60 minutes, and `ringback refresh` retries at once. \
             Log in again if the login is over"
        )],
        RestoredFromBackup: [(
            LoginReason::RestoredFromBackup { found: 41, written: 57 },
            "the state folder, or the account's file in it, was replaced by a backup, a snapshot or a copy; sending its \
             refresh token could end the login at a provider that detects reuse",
            "log in again. If the provider never replaces refresh tokens, set `rotation = \"never\"` (see \
             [config.md](config.md)) and reload: then the older token is used"
        )],
    });
    let rows = rows.map(|(reason, cause, todo)| [reason.to_string(), cause.to_owned(), todo.to_owned()]);
    keep_current("LoginReason", &table(["reason", "cause", "what to do"], rows));
}

#[test]
fn every_account_error_is_in_the_docs() {
    let rows = every_variant!(TroubleKind {
        Unreachable: [(
            TroubleKind::Unreachable,
            "the provider did not reply, or the reply is unusable",
            "nothing: the daemon retries with backoff; `ringback doctor` contacts every provider"
        )],
        Offline: [(
            TroubleKind::Offline,
            "nothing was sent: no network, no name server, or a secret that is not available",
            "restore the network, or fix what the reason names; the daemon retries"
        )],
        Refused: [(
            TroubleKind::Refused("invalid_client".into()),
            "the provider refused the client or the request",
            "correct the client's id, secret or scope, and run `ringback config reload`"
        )],
        Unexplained: [(
            TroubleKind::Unexplained("http_403".into()),
            "the provider refused in a way that OAuth does not define",
            "read what the provider says; it may be temporary, and the daemon retries with backoff"
        )],
        Store: [(
            TroubleKind::Store,
            "the store can't be read or written: the daemon requests no token that it could not store",
            "free space on the disk, or make the folder and its key available; the daemon retries"
        )],
    });
    let code = |kind: &TroubleKind| format!("`{}`", kind.error_code().row().name);
    let rows = rows.map(|(kind, meaning, todo)| [code(&kind), meaning.to_owned(), todo.to_owned()]);
    keep_current("TroubleKind", &table(["`last_error.error`", "meaning", "what to do"], rows));
}

#[test]
fn every_page_for_a_rejected_callback_is_in_the_docs() {
    let again = "start again: `ringback login`";
    let rows = every_variant!(CallbackRejected {
        NoLoginPending: [(
            CallbackRejected::NoLoginPending,
            "404",
            "no login is waiting for an answer at this address: it has finished, was cancelled or ran out, or the daemon was \
             restarted",
            "see `ringback status`; to log in, `ringback login`"
        )],
        BadTicket: [(CallbackRejected::BadTicket, "410", "the login link was used, or is older than a minute", again)],
        NoState: [(
            CallbackRejected::NoState,
            "400",
            "the provider's answer has no `state`, or several",
            "finish the login in the tab where it started; if this happens there, the provider is at fault"
        )],
        UnknownState: [(
            CallbackRejected::UnknownState,
            "400",
            "the answer belongs to another login than the pending one",
            "finish the login in its newest tab"
        )],
        OtherBrowser: [(
            CallbackRejected::OtherBrowser,
            "400",
            "the browser did not send the cookie of the login: it is another browser, or does not keep cookies",
            "finish it in the browser where it started, or use `ringback login --paste`"
        )],
        NotPasted: [(
            CallbackRejected::NotPasted,
            "400",
            "the login was started with `--paste`, but its answer arrived in a browser on this machine",
            "paste the address of the page at the terminal"
        )],
        Over: [(
            CallbackRejected::Over(String::new()),
            "303",
            "the login already has an answer, or is over: the browser is sent to the page with its outcome",
            "nothing, or what that page says"
        )],
    });
    let rows = rows.map(|(_, status, cause, todo)| [status, cause, todo].map(str::to_owned));
    keep_current("Stray", &table(["status", "cause", "what to do"], rows));
}

#[test]
fn every_api_route_is_in_the_docs() {
    let docs = std::fs::read_to_string(API).unwrap();
    for route in ROUTES.iter().filter(|route| route.access.needs_proof()) {
        let named = format!("| `{} {}` |", route.method.as_str(), route.path);
        assert!(docs.contains(&named), "{named}");
    }
}
