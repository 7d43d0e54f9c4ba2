//! Messages of `config`, `provider` and `audit`.

use super::table::messages;

messages! {
    config_mistakes(count) Usage
        "{count}",
        "Correct the file; `ringback config example` explains every key.",
        "each is told before, with its place";
    files_unusable(count) Usage
        "{count}",
        "Mend each file: a secret or a private key in PEM alone in it, readable for you alone (`chmod 600`); certificates in PEM.",
        "`config check`: files of secrets, keys or certificates that are missing, empty, of another kind or open to others";
    config_nowhere(error) Usage
        "{error}",
        "Name the file with `--config`.",
        "an environment without HOME";
    config_missing(path, named_by, folder) Usage
        "there is no config file {path} (named by {named_by})",
        "Make one with `mkdir -p {folder} && ringback config example >{path}`, and edit it.",
        "there is none yet, or `--config` or `RINGBACK_CONFIG` names another";
    config_unusable(error) Usage
        "{error}",
        "Put right what it says; the file has to be yours, and closed to others.",
        "others could read or change it, or it is no file";
    subject_broken(mistake) Usage
        "{mistake}",
        "Correct it; `ringback config check` shows all mistakes.",
        "`provider check` of an account with a mistake";
    provider_incomplete(name, why) Usage
        "`{name}` can't be checked: {why}",
        "Check an account that uses it, or complete it in a `[providers.NAME]`.",
        "a preset that leaves URLs or variables to the config";
    no_such_provider(what, name) Usage
        "there is no {what} `{name}`",
        "`ringback provider list` shows the providers.",
        "neither a preset nor in the config";
    no_such_provider_but(what, name, meant) Usage
        "there is no {what} `{name}`",
        "Did you mean `{meant}`?",
        "a slip of the pen";
    provider_unreachable(error) ProviderUnreachable
        "{error}",
        "Where it names a setting, correct that; otherwise look at the network.",
        "`provider check`: the metadata can't be read";
    provider_unfit(error) ProviderRefused
        "{error}",
        "Compare the provider's `issuer` and URLs in the config with its documents.",
        "`provider check`: the metadata is of another issuer, or lacks an endpoint";
    audit_unreadable(path, error) StoreUnavailable
        "the audit log in {path} can't be read: {error}",
        "Ask as the user that the daemon runs as.",
        "the state folder of another user";
}
