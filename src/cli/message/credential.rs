//! Messages of `credential`.

use super::table::messages;

messages! {
    credential_unread(why) Usage
        "what the program sent can't be read: {why}",
        "Let git, docker or cargo run the command (docs/credential-helpers.md), or send what its protocol says.",
        "`credential` run by hand, or by a program with another protocol";
    no_docker_action(action) Usage
        "there is no action `{action}`",
        "Use `get`, `list`, `store` or `erase`; docker does so by itself.",
        "`credential docker` with something else";
    credential_not_stored() Usage
        "ringback keeps only tokens of its own logins",
        "Log in with `ringback login`; for a registry without an account, name another helper in `credHelpers` of docker's config.json.",
        "`docker login` with a password of one's own, for a registry that docker asks ringback about";
    keyring_reads_only(operation) Usage
        "`keyring {operation}` is not supported: ringback keeps only tokens of its own logins",
        "Log in with `ringback login`; for other passwords, run the `keyring` of Python.",
        "pip offers to save a password that was typed";
}
