//! Messages of `config`, `provider` and `audit`.

use super::table::messages;

messages! {
    config_mistakes(count) Usage
        "{count}",
        "Correct the file; `ringback config example` explains every key.",
        "mistakes in the config; each is printed above, with its place";
    files_unusable(count) Usage
        "{count}",
        "Fix each file: it must contain only a secret or a private key in PEM, readable by you alone (`chmod 600`), or certificates in PEM.",
        "`config check`: files with secrets, keys or certificates are missing, empty, of the wrong kind or open to others";
    config_nowhere(error) Usage
        "{error}",
        "Name the file with `--config`.",
        "an environment without HOME";
    config_missing(path, named_by) Usage
        "there is no config file {path} (named by {named_by})",
        "Add an account with `ringback account add`, which makes the file, or write it: `ringback config example >{path}`.",
        "there is none yet, or `--config` or `RINGBACK_CONFIG` names another";
    config_folder_missing(path, named_by, folder) Usage
        "there is no config file {path} (named by {named_by})",
        "Add an account with `ringback account add`, which makes the file, or write it: `mkdir -p {folder} && ringback config example >{path}`.",
        "there is none yet, and no folder for it either";
    config_unusable(error) Usage
        "{error}",
        "Fix what the message says; the file must belong to you and be closed to others.",
        "others could read or change it, or it is not a file";
    config_open(error) Usage
        "{error}",
        "`ringback config check --fix` closes it. Look through it first: others could change it.",
        "the group or everybody can write to the config file";
    reload_refused() Usage
        "the daemon refused the config, and keeps the one that it has",
        "Correct the file (`ringback config check`), and run `ringback config reload` again.",
        "`config reload`: a mistake in the config; each is printed above, with its place";
    reload_untold(why) Internal
        "the daemon can't be told to read the config: {why}",
        "Run `systemctl --user reload ringback`, or send it SIGHUP.",
        "`config reload`: the daemon is another user's, in another container, or has just ended";
    reload_unseen() Internal
        "the daemon was told to read the config, and has not done so yet",
        "Look into its log (`ringback service logs`); it may be stopped, or wait for a slow disk.",
        "`config reload`: no sign of it within five seconds";
    config_unfixable(path, why) Usage
        "{path} {why}, so nothing was written",
        "Make the change that is shown above where that file comes from; then run `ringback config check` and `ringback config reload`.",
        "`--fix` with a config that is a link, read-only or another user's";
    fix_unanswered() NeedsConfirmation
        "nothing was changed: there is no terminal to ask at",
        "Add `--yes` to do what is shown above without a question.",
        "`config check --fix` or `doctor --fix` in a script, without `--yes`";
    mode_unchanged(path, why) Internal
        "the mode of {path} can't be changed: {why}",
        "Look at the file, change its mode with `chmod`, and check again.",
        "`--fix`: the file was replaced or changed meanwhile, or its file system keeps no modes";
    subject_broken(mistake) Usage
        "{mistake}",
        "Correct it; `ringback config check` shows all mistakes.",
        "`provider check` of an account with a mistake";
    provider_incomplete(name, why) Usage
        "`{name}` can't be checked: {why}",
        "Check an account that uses it, or complete it in `[providers.NAME]`.",
        "a preset without URLs or variables, which the config has to give";
    no_such_provider(what, name) Usage
        "there is no {what} `{name}`",
        "`ringback provider list` shows the providers.",
        "the name is neither a preset nor in the config; if one of them is similar, the hint asks whether that was meant";
    provider_unreachable(error) ProviderUnreachable
        "{error}",
        "If the message names a setting, correct it; otherwise check the network.",
        "`provider check`: the metadata can't be read";
    provider_unfit(error) ProviderRefused
        "{error}",
        "Compare the provider's `issuer` and URLs in the config with its documentation.",
        "`provider check`: the metadata is of another issuer, or lacks an endpoint";
    audit_unreadable(path, error) StoreUnavailable
        "the audit log in {path} can't be read: {error}",
        "Run the command as the daemon's user.",
        "the state folder belongs to another user";
}
