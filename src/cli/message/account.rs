//! Messages of `account`.

use super::table::messages;

messages! {
    account_incomplete(missing) Usage
        "something is not given, and there is no terminal to ask at: {missing}",
        "Give the missing options, or run `ringback account add` at a terminal.",
        "`account add` in a script, without all options";
    account_name_unfit(name) Usage
        "`{name}` can't be the name of an account",
        "Use up to 64 of a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit; `default` is taken.",
        "a name with other characters";
    account_taken(name) Usage
        "there is an account `{name}` already",
        "Change it with `ringback account edit {name}`, or use another name.",
        "`account add` with the name of an account that is in the config";
    no_such_account(name) UnknownAccount
        "the config has no account `{name}`",
        "`ringback account list` shows the accounts.",
        "a name that is not in the config; if one of its names is similar, the hint asks whether that was meant";
    provider_needs_more(name, why) Usage
        "`{name}` alone is no provider: {why}",
        "Give the issuer's URL as `--provider`, or another name with `--authorize-url` and `--token-url`.",
        "`--provider oidc` or `--provider generic`";
    provider_taken(name) Usage
        "there is a provider `{name}` already",
        "Use another name for `--provider`, or omit `--authorize-url` and `--token-url`.",
        "`--token-url` with the name of a known provider";
    set_unfit(why) Usage
        "`--set` can't be used: {why}",
        "Give a key of the account and its value in TOML, such as `--set 'notify=\"off\"'`.",
        "`--set` without `=`";
    set_secret() Usage
        "a client secret must not stand in the arguments",
        "Give it with `--client-secret-stdin` or `--client-secret-file`; as others may have seen this one, make a new one.",
        "`--set client_secret=...`";
    edit_empty() Usage
        "there is nothing to change, and no terminal to ask at",
        "Give the keys to change; `ringback account edit --help` lists the options.",
        "`account edit` without options in a script";
    remove_undecided(name) NeedsConfirmation
        "nobody said what becomes of the tokens of `{name}`, and there is no terminal to ask at",
        "Give `--revoke` or `--keep`.",
        "`account remove` in a script, without one of the two";
    dialogue_ended(error) Usage
        "the question was not answered: {error}",
        "Nothing was written. Run the command again, or give the answers as options.",
        "Ctrl-D, or a terminal that was closed";
    secret_unread(why) Usage
        "no client secret could be read: {why}",
        "Give the secret alone on standard input, as the provider shows it.",
        "empty input, or more than the secret in it";
    secret_unwritable(path, why) Internal
        "the client secret can't be written to {path}: {why}",
        "Nothing was changed. Fix what the message names, or name a file of your own with `--client-secret-file`.",
        "a folder that can't be written to, or a full disk";
    secret_not_in_keyring(error) Internal
        "the client secret can't be put into the keyring: {error}",
        "Nothing was changed. Unlock the keyring and try again, or omit `--keyring`.",
        "no keyring, or one that is locked";
    change_mistaken(count) Usage
        "nothing was written: {count}",
        "Give other values; docs/config.md explains every key.",
        "the changed config would have mistakes; each is printed above";
    change_unusable(count) Usage
        "nothing was written: {count}",
        "Fix each file: it must contain only a secret or a private key in PEM, readable by you alone (`chmod 600`).",
        "`--client-secret-file` names a file that the daemon could not use";
    config_form(path, error) Usage
        "{path} can't be edited: {error}",
        "Edit it by hand; `ringback config check` then checks it.",
        "accounts in inline tables, or a file that is not TOML";
    config_fixed(path, why) Usage
        "{path} {why}, so nothing was written",
        "Put the lines above where that file comes from, and the client secret where they say; then run `ringback config check` and reload the daemon.",
        "a config that is a link, read-only or another user's, as with tools that manage such files";
    config_changed(path) Usage
        "nothing was written: {path} was changed by another program meanwhile",
        "Run the command again.",
        "an editor saved the config while the command was asking";
    config_unwritable(path, why) Internal
        "{path} can't be written: {why}",
        "Fix what the message names, and try again; nothing was changed.",
        "a full disk, or a folder of another user";
    provider_has_secrets(provider, account) Usage
        "`{provider}` is also the provider of `{account}`, which has a client secret",
        "Give the client without a secret a provider of its own: whether there is a secret is said of a provider, for all of its accounts.",
        "`--no-client-secret` at a provider whose other clients have one";
    keyring_without_secret() Usage
        "`--keyring` says where a client secret is kept, and none is given",
        "Add `--client-secret-stdin`, or give no other option, to be asked for it.",
        "`account edit --keyring` with options that bring no secret";
}
