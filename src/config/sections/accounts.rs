//! The sections about accounts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use toml::Value;
use toml::de::DeValue;
use url::Url;

use crate::config::file_template::FileTemplate;
use crate::config::kind::{Kind, Place, ShownValue};
use crate::config::kinds::{
    ApiUrls, BaseUrl, ClientId, Command, Content, Credential, DAY, FilePath, Flag, Length, MINUTE, Mode, OneOf,
    Parameters, RedirectUri, Resources, Scopes, Secret, Text, UrlVariables, YEAR,
};
use crate::config::problem::Problem;
use crate::config::reader::SectionReader;
use crate::config::row::settings;
use crate::config::schema::{Section, ValueKind};
use crate::config::value::is_a;
use crate::config::words::{Consent, Notify};
use crate::oauth::api_url::ApiUrl;
use crate::oauth::grant::GrantType;
use crate::secret::ClientSecret;

const CLIENT_ID: &str = "none; exactly one of `client_id` and `client_id_command` is required";
const SECRET: &str = "none; exactly one `client_secret...` is required if `client_auth` is `\"basic\"` or `\"post\"`, except for `implicit`";
const PASSWORD: &str = "none: `ringback login` asks at the terminal";

settings! {
    /// An account: one client at one provider, with one login and its own tokens. The name has 1 to 64 characters of
    /// a-z, 0-9, `.`, `_` and `-`, begins with a letter or digit, and is not `default`. Names with a dot need quotes:
    /// `[accounts."a.b"]`.
    section "accounts.NAME", Named("work"), AtReload;
    pub(crate) struct AccountKeys, static ACCOUNT;

    /// A provider in this file (`[providers.NAME]`) or in the `providers` folder, or a built-in preset such as
    /// `phonecom`.
    provider: Option<String> = Text, required(), example(r#""phonecom""#);

    /// How the account gets its tokens: with a browser (RFC 6749 §4.1), with a browser on another device (RFC 8628),
    /// without a user (RFC 6749 §4.4), with a browser but without a code (§4.2), or with the user's password (§4.3).
    /// The last two cause a warning (RFC 9700).
    grant: GrantType = OneOf<GrantType>, default(GrantType::AuthorizationCode), example(r#""authorization_code""#);

    /// The client id that the provider assigned.
    client_id: Option<String> = ClientId, none(CLIENT_ID),
        example(r#""00000000-0000-0000-0000-000000000000""#), or("client_id_command");

    /// A program that prints the client id; like `client_secret_command`. Tokens are not bound to the client then: if it
    /// prints another id, the provider refuses them, and the account needs a login.
    client_id_command: Option<Vec<String>> = Command, none(CLIENT_ID),
        example(r#"["pass", "show", "phonecom/client-id"]"#), instead();

    /// A file with the client secret. It must belong to you or root, and be readable by nobody else (`chmod 600`).
    /// White space around the secret is removed.
    client_secret_file: Option<PathBuf> = FilePath, none(SECRET), example(r#""~/.config/ringback/work.secret""#);

    /// A program that prints the client secret within 10 s, run without a shell and with a short list of environment
    /// variables.
    client_secret_command: Option<Vec<String>> = Command, none(SECRET),
        example(r#"["pass", "show", "phonecom/client-secret"]"#), instead();

    /// The name of a systemd credential with the client secret.
    client_secret_credential: Option<String> = Credential, none(SECRET), example(r#""phonecom-secret""#), instead();

    /// An item of the desktop's keyring. `secret-tool store --label=ringback service SERVICE username USER` makes one.
    client_secret_keyring: Option<KeyringItem> = InKeyring, none(SECRET),
        example(r#"{ service = "ringback", user = "work" }"#), instead();

    /// The client secret itself. Allowed only if nobody else can read the config file (`chmod 600`).
    client_secret: Option<ClientSecret> = Secret, none(SECRET), example(r#""...""#), instead();

    /// A file with the client's private key in PEM (PKCS#8, SEC1 or PKCS#1), for a provider with `client_auth =
    /// "private_key_jwt"`. It must belong to you or root, and be readable by nobody else (`chmod 600`).
    client_key_file: Option<PathBuf> = FilePath, none(r#"none; needed with `client_auth = "private_key_jwt"`"#),
        example(r#""~/.config/ringback/work.pem""#), instead();

    /// The key's id at the provider (`kid`).
    client_key_id: Option<String> = Text, none("none"), example(r#""2026-05""#), instead();

    /// The user whose password is used.
    username: Option<String> = Text, none(r#"none; this or `phonenumber` is needed with `grant = "password"`"#),
        example(r#""ann@example.com""#), instead();

    /// The telephone number of the user whose password is used, for providers that identify users by it (Phone.com).
    phonenumber: Option<String> = Text, none(r#"none; this or `username` is needed with `grant = "password"`"#),
        example(r#""+15555550100""#), instead();

    /// A file with the user's password; like `client_secret_file`.
    password_file: Option<PathBuf> = FilePath, none(PASSWORD),
        example(r#""~/.config/ringback/work.password""#), instead();

    /// A program that prints the user's password; like `client_secret_command`.
    password_command: Option<Vec<String>> = Command, none(PASSWORD),
        example(r#"["pass", "show", "phonecom/password"]"#), instead();

    /// The name of a systemd credential with the user's password.
    password_credential: Option<String> = Credential, none(PASSWORD), example(r#""phonecom-password""#), instead();

    /// An item of the desktop's keyring with the user's password.
    password_keyring: Option<KeyringItem> = InKeyring, none(PASSWORD),
        example(r#"{ service = "ringback", user = "work-password" }"#), instead();

    /// The scopes to request, in this order. Phone.com knows `account-owner`, `extension-user`, `call-logs`,
    /// `billing-api`, `oauth-management`, `openid` and others.
    scope: Vec<String> = Scopes, default(Vec::new()), example(r#"["account-owner"]"#);

    /// The resources that the tokens are for (resource indicators, RFC 8707); sent in authorization and token requests.
    resource: Vec<String> = Resources, default(Vec::new()), example(r#"["https://api.example.com/"]"#), quiet();

    /// The same for providers that use `audience`.
    audience: Option<String> = Text, none("none"), example(r#""https://api.example.com/""#);

    /// Values of the variables in the provider's URLs; they override the provider's own.
    variables: BTreeMap<String, String> = UrlVariables, default(BTreeMap::new()),
        example(r#"{ tenant = "contoso.onmicrosoft.com" }"#), instead();

    /// The address that the provider redirects the browser to, exactly as registered there: it is sent unchanged. It
    /// has no query and no `:80`. Accounts of different providers need different ones (RFC 8252 §8.10). With `https`, for
    /// providers that accept nothing else, it has a port that is not one of `listen.tcp`: the daemon makes a certificate
    /// of its own, and the first page of a login says how to recognize it before the browser warns of it.
    redirect_uri: Option<String> = RedirectUri, none("`http://ADDRESS/callback/PROVIDER`, with the first address of `listen.tcp`"),
        example(r#""http://127.0.0.1:7464/callback/phonecom""#);

    /// Additional parameters of the authorization request, added to the provider's.
    extra_authorize: BTreeMap<String, String> = Parameters, default(BTreeMap::new()),
        example(r#"{ prompt = "consent" }"#);

    /// The URLs that this account's tokens are for, by which `ringback token URL` and the credential helpers find it
    /// (docs/credential-helpers.md). Everything below a URL's path belongs to it, and the longest one wins; a host alone
    /// stands for `https://HOST`.
    api_urls: Option<Vec<ApiUrl>> = ApiUrls, none("those of the provider"),
        example(r#"["https://api.example.com/v1", "git.example.com"]"#), quiet();

    /// The user name that goes with the token where a program wants one: git, docker, pip and uv. Many servers take
    /// any, some a certain one.
    credential_username: String = Text, default("oauth2".to_owned()), example(r#""x-access-token""#), quiet();

    /// Whether programs get the ID token that came with the scope `openid` (`ringback token --id-token`). It tells them
    /// who the user is. An app that is limited to scopes needs `openid` among them.
    id_token: bool = Flag, default(false), example("true"), quiet();

    /// Whether tokens are bound to a key that no program gets (DPoP, RFC 9449): a stolen one is useless without it. Each login
    /// makes a key, and whatever it brings goes on with that one: a change takes effect at the next login. The provider has
    /// to support it, and programs need the proxy, which adds a proof to each request.
    dpop: bool = Flag, default(false), example("true"), quiet();

    /// Whether programs get such a token itself, too: with `token_type` `DPoP`, and useless without the key. Otherwise they
    /// are told to use the proxy.
    hand_out_dpop: bool = Flag, default(false), example("true"), quiet();

    /// A program that is run for the account's events, without a shell. `RINGBACK_EVENT`, `RINGBACK_ACCOUNT` and other
    /// variables tell it what happened; no secret does. See [accounts.md](accounts.md#run-a-program-when-something-happens).
    hook: Option<Vec<String>> = Command, none("none"), example(r#"["notify-send", "ringback"]"#);

    /// With `desktop`, a notification appears when the account needs a login or other attention; its button opens the
    /// login. Hook, event stream and status page are not affected.
    notify: bool = OneOf<Notify>, default(true), example(r#""off""#), quiet();

    /// How often you are reminded that the account needs a login: by notification, hook and event stream. From 1 minute
    /// to 365 days.
    remind_after: Duration = Length<MINUTE, YEAR>, default(Duration::from_secs(DAY)), example(r#""7d""#), quiet();

    /// Opens the login in your browser automatically when the account needs one: once, and never in more than one tab
    /// for all accounts together.
    open_login: bool = Flag, default(false), example("true"), quiet();

    /// Whether the token is refreshed only when a program asks and there is none that is valid for long enough: for
    /// accounts that are seldom used. The first program after the token has expired waits for the provider. A refresh
    /// that fails is tried again as usual. With `client_credentials` the first token is still requested at once.
    lazy: bool = Flag, default(false), example("true"), quiet();

    /// Refresh at least this often, even if the token lives longer or, with `lazy`, nobody asks: for providers that end
    /// a refresh token that was not used for some time. It counts from when the token was obtained, also over restarts;
    /// the refresh comes up to a tenth of the time earlier. A machine that sleeps or is off makes up for it afterwards.
    /// From 1 minute to 365 days.
    refresh_at_least: Option<Duration> = Length<MINUTE, YEAR>, none("by the token's lifetime only"),
        example(r#""7d""#), quiet();

    /// A program that opens the account's login page instead of the default browser, run without a shell: another
    /// browser, or another profile of it. The URL is added as its last argument. It is used by `ringback login`, which
    /// takes it from the config file that `RINGBACK_CONFIG` or the default place leads to, and wherever the daemon opens
    /// the login: `open_login`, the button of a notification, `daemon_browser` of the API. It is not used by the status
    /// page, which continues in its own browser. If the program fails, no other browser is opened.
    browser: Option<Vec<String>> = Command, none("the desktop's default browser"),
        example(r#"["firefox", "-P", "work"]"#), quiet();

    /// With `ask`, the first request of a program waits while you are asked whether it may have a token: by a
    /// notification, on the status page, and by `ringback consent`. An app is identified by its name, any other program
    /// by its executable.
    consent: bool = OneOf<Consent>, default(false), example(r#""ask""#), quiet();

    /// Opens the account to programs through the proxy: at `http://ADDRESS/proxy/NAME` they reach the API with the
    /// account's token, and never see it. They need a key of ringback's, or the unix socket. Also written as a section of
    /// its own, `[accounts.NAME.proxy]`.
    proxy: Option<ProxyKeys> = InProxy, none("none: the account has no proxy"),
        example(r#"{ upstream = "https://api.phone.com/v4" }"#), instead();

    /// Files with the current token, for programs that can only read one; each is written as `[[accounts.NAME.file]]`. A
    /// file is replaced at once whenever there is another token, and deleted while there is none: after a logout, while
    /// the store is locked, and when the daemon stops. Whoever may read the file gets the token without being asked
    /// about (`consent`). An account with files can't be `lazy`.
    file: Vec<TokenFile> = TokenFiles, default(Vec::new(), "none"),
        example(r#"[{ path = "~/tokens/work" }]"#), instead();
}

settings! {
    /// The attributes by which the item is found.
    section "accounts.NAME.client_secret_keyring", Inline, AtReload;
    pub(crate) struct KeyringItem, static CLIENT_SECRET_ITEM;

    /// Its attribute `service`.
    service: Option<String> = Text, required(), example(r#""ringback""#);

    /// Its attribute `username`.
    user: Option<String> = Text, required(), example(r#""work""#);
}

settings! {
    /// Where the proxy of the account leads. `proxy = {}` is enough where the provider has an `upstream`.
    section "accounts.NAME.proxy", Inline, AtReload;
    pub(crate) struct ProxyKeys, static PROXY;

    /// The base URL of the API. Scheme, host, port and path are fixed by it: no request leads anywhere else, redirects
    /// are not followed, and a name that resolves to a link-local or metadata address is refused. https, or http on
    /// loopback; without a query.
    upstream: Option<Url> = BaseUrl, none("the provider's `upstream`"), example(r#""https://api.phone.com/v4""#);

    /// How long the API may keep a request waiting that has arrived there, until its reply begins. A reply that has begun
    /// may take as long as it likes. From 1 second to 1 day.
    timeout: Duration = Length<1, DAY>, default(Duration::from_secs(600)), example(r#""10m""#);
}

settings! {
    /// A file with the current token. Its folder has to be there, and nobody else may be able to write to it; something
    /// else that has the file's name is left alone. It never has a refresh token.
    section "accounts.NAME.file", Inline, AtReload;
    pub(crate) struct TokenFile, static TOKEN_FILE;

    /// Where it is.
    path: Option<PathBuf> = FilePath, required(), example(r#""~/tokens/work""#);

    /// What it holds, with `{access_token}` and, if you like, `{expires_at}` in it: Unix seconds, or nothing if they are
    /// not known. Other braces are text.
    template: FileTemplate = Content, default(FileTemplate::bare()), example(r#""{access_token}\n""#);

    /// Its mode: `0600`, or `0640` if your group may read it.
    mode: u32 = Mode, default(0o600), example(r#""0640""#);
}

/// Token files: tables, which are a section of their own.
struct TokenFiles;

impl Kind for TokenFiles {
    type Value = Vec<TokenFile>;
    const KIND: ValueKind = ValueKind::Tables(&["path"]);

    fn read(value: &DeValue<'_>, _: &Place<'_>) -> Result<Vec<TokenFile>, Problem> {
        Err(is_a(value))
    }

    fn show(files: &Vec<TokenFile>) -> Option<ShownValue> {
        let table = |file: &TokenFile| {
            let keys = file.shown().into_iter();
            Value::Table(keys.filter_map(|(key, shown)| Some((key.to_owned(), shown?.value))).collect())
        };
        (!files.is_empty()).then(|| Value::Array(files.iter().map(table).collect()).into())
    }

    fn take(section: &SectionReader<'_>, key: &'static str) -> Option<Vec<TokenFile>> {
        Some(section.items(key)?.iter().map(|item| TokenFile::read(Some(item))).collect())
    }
}

pub(crate) static PASSWORD_ITEM: Section = Section { path: "accounts.NAME.password_keyring", ..CLIENT_SECRET_ITEM };

/// The proxy of an account: an inline table, which is a section of its own.
struct InProxy;

impl Kind for InProxy {
    type Value = ProxyKeys;
    const KIND: ValueKind = ValueKind::Inline(&["upstream"]);

    fn read(value: &DeValue<'_>, _: &Place<'_>) -> Result<ProxyKeys, Problem> {
        Err(is_a(value))
    }

    fn show(proxy: &ProxyKeys) -> Option<ShownValue> {
        let keys = proxy.shown().into_iter();
        Some(Value::Table(keys.filter_map(|(key, shown)| Some((key.to_owned(), shown?.value))).collect()).into())
    }

    fn take(section: &SectionReader<'_>, key: &'static str) -> Option<ProxyKeys> {
        section.field(key)?;
        section.child(key).map(|proxy| ProxyKeys::read(Some(&proxy)))
    }
}

/// An item of the keyring: an inline table, which is a section of its own.
struct InKeyring;

impl Kind for InKeyring {
    type Value = KeyringItem;
    const KIND: ValueKind = ValueKind::Inline(&["service", "user"]);

    fn read(value: &DeValue<'_>, _: &Place<'_>) -> Result<KeyringItem, Problem> {
        Err(is_a(value))
    }

    fn show(_: &KeyringItem) -> Option<ShownValue> {
        None
    }

    fn take(section: &SectionReader<'_>, key: &'static str) -> Option<KeyringItem> {
        section.field(key)?;
        section.child(key).map(|item| KeyringItem::read(Some(&item)))
    }
}
