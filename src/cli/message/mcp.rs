//! Messages of `mcp`.

use super::table::messages;

messages! {
    mcp_url_unfit(url) Usage
        "`{url}` can't be the URL of an MCP server",
        "Give the server's URL as its documentation has it: https, or http on this machine, without user, query and `#`.",
        "`mcp add` with another scheme, or with a password or query in the URL";
    mcp_unreachable(url, why) ProviderUnreachable
        "{url} can't be asked how to log in: {why}",
        "Check the URL and the network, and run the command again; nothing was written.",
        "the MCP server or its authorization server does not answer";
    mcp_unfit(url, why) ProviderRefused
        "{url} can't be used: {why}",
        "Compare the URL with the server's documentation. If that names an issuer, give it with `--issuer`.",
        "the server's metadata is missing, broken, or of another server";
    mcp_open(url) ProviderRefused
        "{url} asks for no login",
        "Its clients can use it directly. If some of its requests need a login, give its issuer with `--issuer`.",
        "an MCP server that answers without a token, and names no authorization server";
    mcp_unnamed(url) ProviderRefused
        "{url} names no authorization server",
        "If its documentation names an issuer, give it with `--issuer`.",
        "metadata with an empty list of authorization servers";
    mcp_issuer_unnamed(url, issuer, servers) Usage
        "{url} does not get its tokens from {issuer}: it names {servers}",
        "Omit `--issuer`, or give one of those, exactly as they stand here.",
        "`--issuer` with a server that the metadata does not name";
    mcp_without_pkce(issuer) ProviderRefused
        "{issuer} does not say that it checks PKCE with S256, so a login there could be hijacked",
        "Report it to whoever runs the server: its metadata lacks `code_challenge_methods_supported` (RFC 8414). `ringback account add` can use such a server at your own risk.",
        "the metadata has no `code_challenge_methods_supported`, or one without S256";
    mcp_unregistered(issuer, redirect_uri) Usage
        "{issuer} registers no clients by itself",
        "Register one there by hand, with the redirect URI {redirect_uri}, and give its id with `--client-id`.",
        "a server with neither dynamic registration nor client ID metadata documents, and no `--client-id`";
    mcp_registration(issuer, error, redirect_uri) ProviderRefused
        "{issuer} did not register a client: {error}",
        "If it refuses the redirect URI {redirect_uri}, change `listen.tcp` or register a client by hand; give its id with `--client-id`.",
        "the server refuses the registration, or answers with something else";
    mcp_document(url, why) Usage
        "the client ID metadata document {url} can't be used: {why}",
        "Correct the document: its `client_id` has to be its own URL, and `redirect_uris` one on this machine.",
        "`--client-metadata-url` with the document of another client, or of a website";
    mcp_no_key(name) Internal
        "the daemon made no key for `{name}`",
        "Restart the daemon; it may be of another version than this command.",
        "a daemon of another version";
    mcp_no_proxy(account) Usage
        "`{account}` can't be used through the proxy",
        "Open it with `proxy` in `[accounts.{account}]`, or add the MCP server with `ringback mcp add`.",
        "`mcp config` with an account that has no `proxy`, or with a daemon of an earlier version";
    mcp_no_port() Usage
        "the daemon does not listen on TCP, so a client can't reach it by a URL",
        "Set `tcp = [\"127.0.0.1:7464\"]` in `[listen]`, and restart the daemon.",
        "`mcp config` with `listen.tcp = []`";
    mcp_file(path, why) Usage
        "{path} was not changed: {why}",
        "Run the command without `--write`, and put what it prints into the file by hand.",
        "the config of an MCP client has comments, is a link, or can't be read or written";
    mcp_moved(account, issuer) ProviderRefused
        "the server of `{account}` gets its tokens from {issuer} now, where your client is not known",
        "Register a client there, and give its id with `--client-id`.",
        "the metadata of a server names another issuer than when the account was made, and that one registers no clients";
}
