//! Messages of `token` and its formats.

use super::table::messages;

messages! {
    not_a_url() Usage
        "that is neither the name of an account nor a URL",
        "Give an account that `ringback status` shows, or a URL such as `https://api.example.com/v1`.",
        "`token` with a text that has `://` in it and is no URL";
    daemon_without_api_urls() Usage
        "the running daemon is older than this command and finds no accounts by URL",
        "Restart it (`ringback service install` restarts the service), or name the account.",
        "the program was upgraded, and its daemon still runs";
    option_without_format(option, formats) Usage
        "`{option}` has no meaning for this format",
        "Leave it out, or choose `--format {formats}`.",
        "`--user`, `--host` or `--port` with a format that does not name a user or a server";
    not_for_sasl(option) Usage
        "the value of `{option}` is empty or has control characters",
        "Give the name as the mail server knows it.",
        "a value that would break the SASL response";
    no_exec_info() Usage
        "`KUBERNETES_EXEC_INFO` is not an ExecCredential with an `apiVersion`",
        "Unset it, or let kubectl set it.",
        "`--format exec-credential` with a variable that something else than a Kubernetes client has set";
    other_exec_version(version) Usage
        "the caller asks for `{version}`, which is not supported",
        "Set `apiVersion: client.authentication.k8s.io/v1` in the `exec` section of the kubeconfig.",
        "`--format exec-credential` for a client of Kubernetes that asks for another version";
    not_a_jwt(account) Usage
        "the access token of `{account}` is not a JWT, and Google exchanges no other",
        "Use an account of a provider whose access tokens are JWTs, such as Microsoft Entra ID.",
        "`--format google-executable` for a provider with opaque access tokens";
}
