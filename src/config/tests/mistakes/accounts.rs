//! Mistakes in accounts and providers.

/// (config, messages without the file's name)
pub(super) const TABLE: &[(&str, &[&str])] = &[
    // Causes without their consequences.
    (
        "[accounts.a]\nprovidr = \"phonecom\"\nclient_di = \"i\"\nclient_secret_flie = \"s\"",
        &[
            "2:1: accounts.a.providr: is not a known key; did you mean `provider`?",
            "3:1: accounts.a.client_di: is not a known key; did you mean `client_id`?",
            "4:1: accounts.a.client_secret_flie: is not a known key; did you mean `client_secret_file`?",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\ngrant = \"pasword\"\nusername = \"u\"\nextra_authorize = { response_mode = \"query\" }",
        &[
            "4:9: accounts.a.grant: is `pasword`; expected `\"authorization_code\"`, `\"device_code\"`, `\"client_credentials\"`, `\"implicit\"` or `\"password\"`; did you mean `password`?",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\ngrnt = \"implicit\"",
        &["4:1: accounts.a.grnt: is not a known key; did you mean `grant`?"],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\ngrant = \"password\"\nusernam = \"u\"",
        &["6:1: accounts.a.usernam: is not a known key; did you mean `username`?"],
    ),
    (
        "[providers.p]\ndiscover = \"yes\"\nissuer = \"https://i\"",
        &["2:12: providers.p.discover: is a text; expected `true` or `false`"],
    ),
    (
        "[providers.p]\nprest = \"oidc\"\nissuer = \"https://i\"",
        &["2:1: providers.p.prest: is not a known key; did you mean `preset`?"],
    ),
    (
        "[providers.phonecom]\nissuer = \"i\"\niss_required = true",
        &[
            "2:10: providers.phonecom.issuer: is not a URL (relative URL without a base); expected an https URL without query or fragment, exactly as the provider writes it",
        ],
    ),
    (
        "[providers.phonecom]\nrevoke = \"non\"\nrevok_url = \"https://h/\"\nissuer = \"https://{tenant\"\nvariables = { tenant = \"x\" }",
        &[
            "2:10: providers.phonecom.revoke: is `non`; expected `\"none\"`, `\"delete-bearer\"` or `\"rfc7009\"`; did you mean `none`?",
            "3:1: providers.phonecom.revok_url: is not a known key; did you mean `revoke_url`?",
            "4:10: providers.phonecom.issuer: has a `{` that does not start a variable such as `{tenant}`; expected a text in quotes",
        ],
    ),
    // Token files.
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\n[[accounts.a.file]]\npath = \"/t/a\"\ntemplate = \"{acess_token}\"\nmode = \"0644\"\n[[accounts.a.file]]\nmod = \"0600\"",
        &[
            "7:12: accounts.a.file[0].template: has the unknown placeholder `{acess_token}`; expected `{access_token}` or `{expires_at}`; did you mean `access_token`?",
            "8:8: accounts.a.file[0].mode: gives every user access; expected a mode such as `\"0600\"`, or `\"0640\"` for your group",
            "10:1: accounts.a.file[1].mod: is not a known key; did you mean `mode`?",
            "9:1: accounts.a.file[1].path: is missing; expected a path: absolute, from `~/`, or relative to the config file's folder",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nfile = [{ path = \"/t/a\" }]\n[accounts.b]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nfile = [{ path = \"/t/./a\" }]\n[accounts.c]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nlazy = true\nfile = [{ path = \"/t/c\" }]\n[accounts.d]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nfile = { path = \"/t/d\" }",
        &[
            "10:8: accounts.b.file: has the path /t/./a, as a file of account `a`; expected a separate path for each file",
            "15:8: accounts.c.lazy: is `true`, and the account has a `file`, which nobody asks for before it is read; expected one of the two",
            "21:8: accounts.d.file: is a table; expected a list of tables, each with `path`",
        ],
    ),
    // Mistakes of each account by itself; those that may follow from another mistake come last.
    (
        "[accounts.b]\nprovider = \"phonecom\"\nclient_secret = \"s\"\nscope = 1\n[accounts.a]\nprovider = \"phonecom\"\nclient_id = 1\nclient_secret = \"s\"",
        &[
            "4:9: accounts.b.scope: is an integer; expected a list of scopes, or one text with spaces between them",
            "1:11: accounts.b.client_id: is missing, and so is `client_id_command`; expected one of the two",
            "7:13: accounts.a.client_id: is an integer; expected a text in quotes",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\ndefault_account = \"a\"\npkce = \"off\"",
        &[
            "5:1: accounts.a.default_account: is not a known key here: it belongs at the top of the config file, above the first `[...]`",
            "6:1: accounts.a.pkce: is not a known key; expected it in [providers.NAME]",
        ],
    ),
    (
        "[providers.phonecom]\nroots = \"none\"",
        &[
            "2:9: providers.phonecom.roots: is `none`, and there is no `ca_file`: no certificate would be trusted; expected `ca_file`, too",
        ],
    ),
    (
        "[providers.phonecom]\nroots = \"none\"\nca_file = \"ca.pem\"",
        &["3:11: providers.phonecom.ca_file: is not an absolute path; expected a text in quotes"],
    ),
    (
        "[providers.phonecom]\nproxy = \"http://wpad.example/wpad.dat\"\n[providers.google]\nproxy = \"file:///etc/proxy.pac\"\n[providers.github]\nproxy = \"http://h:3128\"\n[providers.zoom]\nproxy = \"pac+https://h/x?y\"\n[providers.slack]\nproxy = \"https://h/PROXY.PAC?a=b\"",
        &[
            "2:9: providers.phonecom.proxy: is a PAC file, a script that ringback does not run; expected the URL of the proxy that it names, such as `\"http://proxy.example.com:3128\"`",
            "4:9: providers.google.proxy: is a PAC file, a script that ringback does not run; expected the URL of the proxy that it names, such as `\"http://proxy.example.com:3128\"`",
            "8:9: providers.zoom.proxy: is a PAC file, a script that ringback does not run; expected the URL of the proxy that it names, such as `\"http://proxy.example.com:3128\"`",
            "10:9: providers.slack.proxy: is a PAC file, a script that ringback does not run; expected the URL of the proxy that it names, such as `\"http://proxy.example.com:3128\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:0/cb",
        &[
            "5:16: accounts.a.redirect_uri: has port 0, which a browser can't connect to; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "[accounts.default]",
        &[
            "1:11: accounts.default: is a reserved name; expected another: `default` stands for the default account",
            "1:11: accounts.default.provider: is missing; expected a text in quotes",
            "1:11: accounts.default.client_id: is missing, and so is `client_id_command`; expected one of the two",
        ],
    ),
    (
        "[accounts.Work]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "1:11: accounts.Work: is not a valid name; expected 1 to 64 characters of a-z, 0-9, `.`, `_` and `-`, with a letter or digit first; did you mean `work`?",
        ],
    ),
    (
        "[accounts.\"a b\"]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "1:11: accounts.\"a b\": is not a valid name; expected 1 to 64 characters of a-z, 0-9, `.`, `_` and `-`, with a letter or digit first",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecon\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "2:12: accounts.a.provider: is `phonecon`, and there is no such provider; expected the name of a `[providers.NAME]` or of a preset; did you mean `phonecom`?",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"generic\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "2:12: accounts.a.provider: is `generic`, which has no URLs; expected a `[providers.NAME]` with `preset = \"generic\"` and the URLs",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"\"",
        &[
            "3:13: accounts.a.client_id: is empty; expected a text in quotes",
            "1:11: accounts.a.client_secret_file: is missing, and so is every other source of the client secret; expected one of `client_secret_file`, `client_secret_command`, `client_secret_credential`, `client_secret_keyring`, `client_secret`",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id_command = [\"p\"]\nclient_id = \"i\"\nclient_secret = \"s\"",
        &["3:21: accounts.a.client_id_command: stands beside `client_id`; expected one of the two"],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id_command = \"p q\"\nclient_secret = \"s\"",
        &[
            "3:21: accounts.a.client_id_command: is a text; expected a list of texts: the program (absolute, or found in PATH) and its arguments",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"\nclient_secret_file = \"f\"",
        &[
            "4:17: accounts.a.client_secret: stands beside `client_secret_file`; expected one source of the client secret",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret_credential = \"a/b\"",
        &[
            "4:28: accounts.a.client_secret_credential: has a `/` in it; expected the name of a file in $CREDENTIALS_DIRECTORY, without `/`",
        ],
    ),
    (
        "[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret_keyring = { service = \"x\", usr = \"y\" }",
        &["4:42: accounts.a.client_secret_keyring.usr: is not a known key; did you mean `user`?"],
    ),
    (
        "[providers.phonecom]\nclient_auth = \"none\"\n[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "6:17: accounts.a.client_secret: is given, and the provider has `client_auth = \"none\"`; expected no client secret for a public client",
        ],
    ),
    (
        "[providers.p]\ntoken_url = \"http://example.com/t\"",
        &[
            "2:13: providers.p.token_url: uses http, which is allowed on loopback only; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
        ],
    ),
    (
        "[providers.p]\ntoken_url = \"https://b\u{fc}cher.example/t\"",
        &[
            "2:13: providers.p.token_url: has a host with other letters than ASCII: write it in Punycode (`xn--...`); expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
        ],
    ),
    (
        "[providers.phonecom]\nauthorize_url = \"https://u:canary@h/\"\ntoken_url = \"https://h/#f\"\nrevoke_url = \"h/r\"",
        &[
            "2:17: providers.phonecom.authorize_url: has a user name or password in it; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
            "3:13: providers.phonecom.token_url: has a fragment (`#`); expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
            "4:14: providers.phonecom.revoke_url: is not a URL (relative URL without a base); expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
        ],
    ),
    (
        "[providers.phonecom]\nauthorize_url = \"https://h/?state=1\"",
        &[
            "2:17: providers.phonecom.authorize_url: has `state` in its query, which ringback sets itself; expected no such parameter: each login has a new one",
        ],
    ),
    (
        "[providers.phonecom]\nauthorize_url = \"https://h/?a=1\"\nextra_authorize = { a = \"2\" }",
        &[
            "3:19: providers.phonecom.extra_authorize: repeats `a` of the query of `authorize_url`; expected each parameter once",
        ],
    ),
    (
        "[providers.phonecom]\nclient_auth = \"private_key_jwt\"\nassertion_audience = \"issuer\"\n[providers.p]\npreset = \"oidc\"\nissuer = \"https://i\"\nassertion_audience = \"token_endpoint\"",
        &[
            "3:22: providers.phonecom.assertion_audience: is `issuer`, and there is no `issuer`; expected `issuer`, too, or `\"token_endpoint\"`",
            "7:22: providers.p.assertion_audience: has no use without `client_auth = \"private_key_jwt\"`; expected no such key",
        ],
    ),
    (
        "[providers.phonecom]\nextra_authorize = { scope = \"x\" }\nextra_token = { client_assertion = \"x\" }",
        &[
            "2:19: providers.phonecom.extra_authorize: sets `scope`, which ringback sets itself; expected `scope` of the account",
            "3:15: providers.phonecom.extra_token: sets `client_assertion`, which is a secret, and would be shown and logged here; expected `client_auth = \"private_key_jwt\"` of the provider and `client_key_file` of the account",
        ],
    ),
    (
        "[providers.phonecom]\nauthorize_url = \"https://h/?client_secret=canary\"",
        &[
            "2:17: providers.phonecom.authorize_url: has `client_secret` in its query, which is a secret: it would pass through the browser and its history; expected `client_secret_file` of the account, or another source of its client secret",
        ],
    ),
    (
        "[providers.phonecom]\ntoken_url = \"https://h/?a=1&Client_Secret=canary\"",
        &[
            "2:13: providers.phonecom.token_url: has `Client_Secret` in its query, which is a secret, and would be shown and logged here; expected `client_secret_file` of the account, or another source of its client secret",
        ],
    ),
    (
        "[providers.phonecom]\nextra_authorize = { client_secret = \"canary\" }\nextra_refresh = { \"pass word\" = \"x\", \"password \" = \"canary\" }",
        &[
            "2:19: providers.phonecom.extra_authorize: sets `client_secret`, which is a secret: it would pass through the browser and its history; expected `client_secret_file` of the account, or another source of its client secret",
            "3:17: providers.phonecom.extra_refresh: sets `password `, which is a secret, and would be shown and logged here; expected `grant = \"password\"` of the account, with its own keys for user and password",
        ],
    ),
    (
        "[providers.phonecom]\nextra_token = { n = 1 }",
        &[
            "2:15: providers.phonecom.extra_token: `n` is an integer; expected a table of texts, such as `{ prompt = \"consent\" }`",
        ],
    ),
    (
        "[providers.phonecom]\nrevoke = \"none\"\nrevoke_url = \"https://r/\"",
        &["3:14: providers.phonecom.revoke_url: has no use with `revoke = \"none\"`; expected no such key"],
    ),
    (
        "[providers.phonecom]\nrevoke = \"rfc7009\"",
        &[
            "1:12: providers.phonecom.revoke_url: is missing; expected an https URL, or http on loopback (127.0.0.1, [::1], localhost)",
        ],
    ),
    (
        "[providers.phonecom]\niss_required = true",
        &["2:16: providers.phonecom.iss_required: is true without `issuer`; expected `issuer`, too"],
    ),
    (
        "[providers.phonecom]\nissuer = \"https://i/?q\"",
        &[
            "2:10: providers.phonecom.issuer: has a query; expected an https URL without query or fragment, exactly as the provider writes it",
        ],
    ),
    (
        "[providers.phonecom]\npkce = \"S256\"\npreset = \"phone\"",
        &[
            "2:8: providers.phonecom.pkce: is `S256`; expected `\"required\"`, `\"send\"` or `\"off\"`",
            "3:10: providers.phonecom.preset: is `phone`; expected a built-in preset (`phonecom`, `google`, `microsoft`, `github`, `gitlab`, `slack`, `zoom`, `dropbox`, `spotify`, `oidc`, `generic`) or a file of the `providers` folder",
        ],
    ),
    ("[[providers]]\n", &["1:3: providers: is an array; expected a table"]),
    ("[accounts]\na = 1", &["2:1: accounts.a: is an integer; expected a table"]),
    (
        "REDIRECT ftp://127.0.0.1/cb",
        &[
            "5:16: accounts.a.redirect_uri: uses `ftp`; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT https://127.0.0.1:443/cb",
        &[
            "5:16: accounts.a.redirect_uri: has the default port `:443`, which browsers omit when they come back; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`; did you mean `https://127.0.0.1/cb`?",
        ],
    ),
    (
        "REDIRECT https://127.0.0.1:7464/cb",
        &[
            "5:16: accounts.a.redirect_uri: uses https at a port of `listen.tcp`, where the daemon speaks http; expected another port",
        ],
    ),
    (
        "REDIRECT http://example.com/cb",
        &[
            "5:16: accounts.a.redirect_uri: has a host beyond loopback; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464",
        &[
            "5:16: accounts.a.redirect_uri: has no path; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/cb#f",
        &[
            "5:16: accounts.a.redirect_uri: has a fragment (`#`); expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://u@127.0.0.1:7464/cb",
        &[
            "5:16: accounts.a.redirect_uri: has a user name or password in it; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/a/../b",
        &[
            "5:16: accounts.a.redirect_uri: is not in its normal form; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`; did you mean `http://127.0.0.1:7464/b`?",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/a?code=1",
        &[
            "5:16: accounts.a.redirect_uri: has a query (`?`), but providers append their own parameters; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/cb?app=1",
        &[
            "5:16: accounts.a.redirect_uri: has a query (`?`), but providers append their own parameters; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:80/cb",
        &[
            "5:16: accounts.a.redirect_uri: has the default port `:80`, which browsers omit when they come back; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`; did you mean `http://127.0.0.1/cb`?",
        ],
    ),
    (
        "REDIRECT http://127.0.0.2:7464/cb",
        &[
            "5:16: accounts.a.redirect_uri: has a host that the daemon does not answer to; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/a//b",
        &[
            "5:16: accounts.a.redirect_uri: has a path that the daemon refuses as ambiguous (`//`, or an escape of a separator); expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/a%2Fb",
        &[
            "5:16: accounts.a.redirect_uri: has a path that the daemon refuses as ambiguous (`//`, or an escape of a separator); expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "REDIRECT http://localhost:9/favicon.ico",
        &[
            "5:16: accounts.a.redirect_uri: has a path that the daemon uses for something else; expected another path, such as `/callback/NAME`",
        ],
    ),
    (
        "REDIRECT http://localhost:7464/",
        &[
            "5:16: accounts.a.redirect_uri: has a path that the daemon uses for something else; expected another path, such as `/callback/NAME`",
        ],
    ),
    (
        "REDIRECT http://127.0.0.1:7464/v1/accounts",
        &[
            "5:16: accounts.a.redirect_uri: has a path that the daemon uses for something else; expected another path, such as `/callback/NAME`",
        ],
    ),
    (
        "REDIRECT http://[::1]:7464/a b",
        &[
            "5:16: accounts.a.redirect_uri: has white space or a backslash in it; expected an http or https URI on loopback with a path, such as `\"http://127.0.0.1:7464/callback/NAME\"`",
        ],
    ),
    (
        "[listen]\ntcp = []\n[accounts.a]\nprovider = \"phonecom\"\nclient_id = \"i\"\nclient_secret = \"s\"",
        &[
            "3:11: accounts.a.redirect_uri: is missing, and none can be made, since `listen.tcp` is empty; expected one of the two",
        ],
    ),
    (
        "TWO http://127.0.0.1:9/cb http://localhost:9/cb",
        &[
            "6:16: accounts.p.redirect_uri: has the port and path of account `a`, whose provider is another (`phonecom`); expected a separate redirect URI for each provider",
        ],
    ),
    (
        "DEFAULTS",
        &[
            "9:16: accounts.b.redirect_uri: has the port and path of account `a`, whose provider is another (`phonecom`); expected a separate redirect URI for each provider",
        ],
    ),
    ("TWO http://127.0.0.1:9/a http://127.0.0.1:9/b", &[]),
    (
        "accounts.a.client_id = 1\nserve.wiat = 1\nlisten.tcp = 5\n[store]\nkey = 7",
        &[
            "1:24: accounts.a.client_id: is an integer; expected a text in quotes",
            "1:10: accounts.a.provider: is missing; expected a text in quotes",
            "2:7: serve.wiat: is not a known key; did you mean `wait`?",
            "3:14: listen.tcp: is an integer; expected a list of loopback addresses with port, such as `[\"127.0.0.1:7464\", \"[::1]:7464\"]`",
            "5:7: store.key: is an integer; expected `\"auto\"`, `\"file\"`, `\"keyring\"`, `\"credential\"`, `\"command\"`, `\"passphrase\"` or `\"memory\"`",
        ],
    ),
    (
        "[providers.p]\npreset = \"phoncom\"\npkce = 1",
        &[
            "2:10: providers.p.preset: is `phoncom`; expected a built-in preset (`phonecom`, `google`, `microsoft`, `github`, `gitlab`, `slack`, `zoom`, `dropbox`, `spotify`, `oidc`, `generic`) or a file of the `providers` folder; did you mean `phonecom`?",
            "3:8: providers.p.pkce: is an integer; expected `\"required\"`, `\"send\"` or `\"off\"`",
        ],
    ),
    (
        "SCOPE [\"a b\"]",
        &[
            "5:9: accounts.a.scope: has a space inside the scope `a b`; expected a list of scopes, or one text with spaces between them",
        ],
    ),
    (
        "SCOPE \"a \\\"b\"",
        &[
            "5:9: accounts.a.scope: has `\\\"b`, which is not a valid scope (RFC 6749 §3.3); expected a list of scopes, or one text with spaces between them",
        ],
    ),
];
