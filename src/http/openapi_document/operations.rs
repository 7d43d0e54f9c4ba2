//! What each route takes and gives, and which errors it can answer with.

use schemars::json_schema;
use serde_json::Value;

use super::queries::{seconds, token_query, url_query};
use super::schemas::{Schemas, parameter};
use crate::contract::{
    AcceptReply, AccountReply, AccountsReply, ApiUrlsReply, AppMade, AppRequest, AppsReply, ConsentRequest,
    ConsentsReply, Health, IdTokenReply, ImportReply, ImportRequest, InfoReply, LockReply, LoginAnswer, LoginReply,
    LoginRequest, LoginStarted, LogoutReply, PasteRequest, RejectedReply, SessionReply, TemporaryAppMade,
    TemporaryAppRequest, TokenReply, UnlockRequest,
};
use crate::http::api::oauth::{Metadata, TokenResponse};
use crate::http::query::WAIT;
use crate::routes::{Endpoint, Route, RouteScope};

type Schema = fn(&mut Schemas) -> Value;

/// One operation.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: Vec<Value>,
    pub(super) body: Option<Body>,
    pub(super) reply: Reply,
    /// The statuses of its errors, ascending.
    pub(super) errors: Vec<u16>,
}

/// What a request has in its body.
pub(super) enum Body {
    /// JSON of this schema.
    Json { required: bool, schema: Schema },
    /// A token request of RFC 6749.
    TokenRequest,
}

/// A successful reply, with its description.
pub(super) enum Reply {
    /// JSON of this schema.
    Json(&'static str, Schema),
    /// The same, or the bare token for who accepts plain text alone.
    Token(&'static str, Schema),
    /// Text of this media type.
    Text(&'static str, &'static str),
    /// Some JSON object.
    Object(&'static str),
}

/// Every request to the API can be malformed, of somebody who may not, with too many header lines, or hit a fault.
const ALWAYS: [u16; 5] = [400, 401, 403, 431, 500];
/// What can be wrong with a body.
const BODY: [u16; 2] = [408, 413];
/// What can come of asking the provider for something.
const PROVIDER: [u16; 5] = [423, 428, 502, 503, 504];

fn errors(more: &[&[u16]]) -> Vec<u16> {
    let mut all: Vec<u16> = ALWAYS.iter().chain(more.iter().copied().flatten()).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl Operation {
    fn new(tag: &'static str, id: &'static str, summary: &'static str, reply: Reply) -> Self {
        Self { id, tag, summary, query: Vec::new(), body: None, reply, errors: errors(&[]) }
    }

    fn taking(self, body: Body) -> Self {
        Self { body: Some(body), ..self }.failing(&BODY)
    }

    fn failing(self, more: &[u16]) -> Self {
        let errors = errors(&[self.errors.as_slice(), more]);
        Self { errors, ..self }
    }

    fn asked(self, query: Vec<Value>) -> Self {
        Self { query, ..self }
    }

    /// The path's one variable segment.
    pub(super) fn path_parameter(&self, route: &Route) -> Option<Value> {
        let name = route.name_in(route.path)?.trim_matches(['{', '}']);
        let text =
            json_schema!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[A-Za-z0-9._:-]+$" });
        let about = match (name, route.reach, self.tag) {
            ("id", RouteScope::Login, _) => "The login's id.",
            ("id", ..) => "The id of the question or the answer.",
            (_, _, "apps") => "The app's name.",
            (_, _, "providers") => "The provider's name.",
            _ => "The account's name, or `default`.",
        };
        let mut parameter = parameter("path", name, about, &text);
        if about.starts_with("The account's") {
            parameter["example"] = "work".into();
        }
        Some(parameter)
    }
}

fn reply<T: schemars::JsonSchema>(schemas: &mut Schemas) -> Value {
    schemas.of_reply::<T>()
}

fn body<T: schemars::JsonSchema>(required: bool) -> Body {
    Body::Json { required, schema: |schemas| schemas.of_request::<T>() }
}

/// What is known of a route; `None`: it is no part of the API.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn operation(route: &Route) -> Option<Operation> {
    let account = "The account.";
    let op = Operation::new;
    Some(match route.endpoint {
        Endpoint::Token => {
            let id = if route.path == "/token" { "get_default_token" } else { "get_token" };
            let summary = "A valid access token of the account";
            op(
                "tokens",
                id,
                summary,
                Reply::Token("The token; plain text if only that is accepted.", reply::<TokenReply>),
            )
            .asked(token_query())
            .failing(&[404])
            .failing(&PROVIDER)
        }
        Endpoint::OAuthToken => {
            let id = match route.path {
                "/oauth2/token" => "oauth_token",
                "/oauth2/{name}/token" => "oauth_token_of_account",
                "/v4/oauth/access-token" => "oauth_token_at_phonecom_path",
                _ => "oauth_token_at_short_path",
            };
            let reply = Reply::Json("A token response of RFC 6749 §5.1.", reply::<TokenResponse<'static>>);
            op("oauth", id, "The token for an OAuth client", reply).taking(Body::TokenRequest).failing(&[404, 502, 503])
        }
        Endpoint::OAuthMetadata => {
            let reply = Reply::Json("Metadata of RFC 8414.", reply::<Metadata>);
            Operation {
                errors: vec![400, 403, 500],
                ..op("oauth", "get_oauth_metadata", "Metadata for OAuth clients", reply)
            }
        }
        Endpoint::Accounts => op(
            "accounts",
            "list_accounts",
            "All accounts, without their secrets",
            Reply::Json("The accounts.", reply::<AccountsReply>),
        ),
        Endpoint::ApiUrls => {
            let reply = Reply::Json("The URLs.", reply::<ApiUrlsReply>);
            op("accounts", "list_api_urls", "Which account a URL is for", reply).asked(url_query()).failing(&[404])
        }
        Endpoint::IdToken => {
            let reply = Reply::Json("The ID token.", reply::<IdTokenReply>);
            op("tokens", "get_id_token", "The ID token of the last login", reply).failing(&[404]).failing(&PROVIDER)
        }
        Endpoint::Account => op(
            "accounts",
            "get_account",
            "One account, without its secrets",
            Reply::Json(account, reply::<AccountReply>),
        )
        .failing(&[404]),
        Endpoint::AccountInfo => {
            let reply = Reply::Json("What the provider says.", reply::<InfoReply>);
            op("accounts", "get_token_info", "Asks the provider about the current token", reply)
                .failing(&[404])
                .failing(&PROVIDER)
        }
        Endpoint::Import => {
            let reply = Reply::Json(account, reply::<ImportReply>);
            op("accounts", "import_token", "Imports a token that was made elsewhere", reply)
                .taking(body::<ImportRequest>(true))
                .failing(&[404, 409])
                .failing(&PROVIDER)
        }
        Endpoint::Logout => {
            let reply = Reply::Json("What became of the tokens.", reply::<LogoutReply>);
            op("accounts", "log_out", "Revokes the tokens at the provider, and deletes them", reply)
                .failing(&[404, 423, 503])
        }
        Endpoint::StartLogin => {
            let reply = Reply::Json("What the user has to do.", reply::<LoginStarted>);
            op("logins", "start_login", "Starts a login, or joins the pending one", reply)
                .taking(body::<LoginRequest>(false))
                .failing(&[404])
                .failing(&PROVIDER)
        }
        Endpoint::Refresh => {
            op("accounts", "refresh", "Gets a new token now", Reply::Json(account, reply::<AccountReply>))
                .failing(&[404])
                .failing(&PROVIDER)
        }
        Endpoint::Rejected => {
            let reply = Reply::Json("The account, and whether there is a new token.", reply::<RejectedReply>);
            op("accounts", "report_rejected", "Reports that an API answered 401 to the token", reply)
                .failing(&[404])
                .failing(&PROVIDER)
        }
        Endpoint::Login => {
            let seen = json_schema!({ "type": "integer", "minimum": 0 });
            op("logins", "get_login", "The state of a login", Reply::Json("The login.", reply::<LoginReply>))
                .asked(vec![
                    seconds(WAIT, "How many seconds to wait until it ends or asks something."),
                    parameter("query", "seen", "How many of its notices are known: more of them end the wait.", &seen),
                ])
                .failing(&[404])
        }
        Endpoint::PasteLogin => op(
            "logins",
            "paste_redirect_url",
            "Ends a login in a browser elsewhere",
            Reply::Json("The login.", reply::<LoginReply>),
        )
        .taking(body::<PasteRequest>(true))
        .failing(&[404])
        .failing(&PROVIDER),
        Endpoint::AnswerLogin => op(
            "logins",
            "answer_login",
            "Whether another person's tokens replace the account's",
            Reply::Json("The login.", reply::<LoginReply>),
        )
        .taking(body::<LoginAnswer>(true))
        .failing(&[404])
        .failing(&PROVIDER),
        Endpoint::AcceptProvider => {
            let reply = Reply::Json("The endpoint from now on.", reply::<AcceptReply>);
            op("providers", "accept_provider", "Accepts that the provider's token endpoint has moved", reply)
                .failing(&[404, 502, 503])
        }
        Endpoint::Events => {
            let reply = Reply::Text("Server-sent events; the data of each is an `AccountEvent`.", "text/event-stream");
            op("accounts", "get_events", "An endless stream of what happens to the accounts", reply)
        }
        Endpoint::Metrics => {
            let reply = Reply::Text("The text format of Prometheus.", "text/plain");
            op("daemon", "get_metrics", "Metrics for Prometheus", reply)
        }
        Endpoint::Apps => {
            op("apps", "list_apps", "The programs that have a key", Reply::Json("The apps.", reply::<AppsReply>))
        }
        Endpoint::AddApp => {
            op("apps", "add_app", "Makes a key for a program", Reply::Json("The app and its key.", reply::<AppMade>))
                .taking(body::<AppRequest>(true))
                .failing(&[404, 423])
        }
        Endpoint::RemoveApp => {
            op("apps", "remove_app", "Removes a program's key", Reply::Json("The remaining apps.", reply::<AppsReply>))
                .failing(&[404, 423])
        }
        Endpoint::RotateApp => op(
            "apps",
            "rotate_app",
            "Makes another key for a program",
            Reply::Json("The app and its key.", reply::<AppMade>),
        )
        .failing(&[404, 423]),
        Endpoint::TemporaryApp => {
            let reply = Reply::Json("The app and its key, which ends with the connection.", reply::<TemporaryAppMade>);
            op("apps", "make_temporary_app", "A key for as long as the connection of the request is open", reply)
                .taking(body::<TemporaryAppRequest>(true))
                .failing(&[404])
        }
        Endpoint::Lock => op(
            "store",
            "lock",
            "Drops the store's key and every token from memory",
            Reply::Json("The store.", reply::<LockReply>),
        )
        .failing(&[423, 503]),
        Endpoint::Unlock => {
            op("store", "unlock", "Loads the store's key again", Reply::Json("The store.", reply::<LockReply>))
                .taking(body::<UnlockRequest>(false))
                .failing(&[423, 503])
        }
        Endpoint::Consents => op(
            "consents",
            "list_consents",
            "Pending questions and remembered answers",
            Reply::Json("The questions and answers.", reply::<ConsentsReply>),
        ),
        Endpoint::AnswerConsent => {
            op("consents", "answer_consent", "Answers a question", Reply::Json("What is left.", reply::<ConsentsReply>))
                .taking(body::<ConsentRequest>(true))
                .failing(&[404, 423])
        }
        Endpoint::ForgetConsent => {
            op("consents", "forget_consent", "Forgets an answer", Reply::Json("What is left.", reply::<ConsentsReply>))
                .failing(&[404, 423])
        }
        Endpoint::MintSession => op(
            "daemon",
            "open_status_page",
            "A one-time URL of the status page",
            Reply::Json("The URL.", reply::<SessionReply>),
        ),
        Endpoint::Healthz => {
            let reply = Reply::Json("It runs.", reply::<Health>);
            Operation { errors: vec![400, 403, 500], ..op("daemon", "get_health", "Whether the daemon runs", reply) }
        }
        Endpoint::OpenApi => {
            let reply = Reply::Object("An OpenAPI document.");
            Operation { errors: vec![400, 403, 500], ..op("daemon", "get_openapi", "This document", reply) }
        }
        Endpoint::OpenSession
        | Endpoint::StatusPage
        | Endpoint::StatusPageEvents
        | Endpoint::StatusPageConsent
        | Endpoint::StatusPageLogin
        | Endpoint::StatusPageAnswerLogin
        | Endpoint::StatusPageRefresh
        | Endpoint::StatusPageLogout
        | Endpoint::StatusPageRemoveApp
        | Endpoint::StatusPageEnd
        | Endpoint::Style
        | Endpoint::FragmentScript
        | Endpoint::StatusPageScript
        | Endpoint::LoginStart
        | Endpoint::LoginOutcome
        | Endpoint::LoginQuestion
        | Endpoint::Favicon
        // Another server says what these take and give.
        | Endpoint::Proxy
        | Endpoint::GceRoot
        | Endpoint::GceServiceAccount
        | Endpoint::GceToken
        | Endpoint::ManagedIdentityToken => return None,
    })
}
