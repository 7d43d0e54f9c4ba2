//! The command line's own error messages, besides those of [`Error`](crate::error::Error), which come from the daemon. One
//! table gives text, hint and exit code, and the documentation in `docs/errors.md`.

use std::fmt::Display;

use super::Failure;
use crate::contract::ErrorCode;

/// Makes a function for each row that returns the failure; its arguments are the names in braces.
macro_rules! messages {
    ($($name:ident($($argument:ident),*) $code:ident $text:literal, $hint:literal, $cause:literal;)+) => {
        $(
            #[doc = concat!("\"", $text, "\": ", $cause, ".")]
            pub fn $name($($argument: impl Display),*) -> Failure {
                Failure::new(ErrorCode::$code, format!($text), format!($hint))
            }
        )+

        /// Every row with its cause; the name of an argument stands for its value.
        #[cfg(test)]
        fn all() -> Vec<(Failure, &'static str)> {
            vec![$(($name($(placeholder(stringify!($argument))),*), $cause)),+]
        }
    };
}

messages! {
    // Finding and asking the daemon.
    socket_only(what) Forbidden
        "{what} on the daemon's unix socket only, and this is its TCP port",
        "Unset `RINGBACK_URL`, or name the socket with `--socket`. If the config turns it off, turn it on.",
        "`RINGBACK_URL` is set, or `listen.socket` is off";
    daemon_slow() Internal
        "the daemon's reply did not arrive completely in time",
        "Check the daemon's log; try again with a longer `--wait`.",
        "the daemon is stuck, or the machine is overloaded";
    daemon_broke_off(why) Internal
        "the daemon's reply is not usable: {why}",
        "Try again; if the daemon was not just stopped, check its log.",
        "the daemon was stopped meanwhile";
    not_our_daemon(why) Internal
        "the daemon's reply is not usable: {why}",
        "Check that `ringback serve` of this version listens there.",
        "another version, or another program, listens there";
    foreign_socket() Forbidden
        "the daemon's socket belongs to somebody else",
        "Run the command as the daemon's user.",
        "the command runs as another user than the daemon";
    unknown_peer(path, error) Internal
        "can't determine who listens at {path}: {error}",
        "Name the daemon's socket with `--socket`.",
        "`--socket` names something else";
    foreign_port(address, who) Forbidden
        "somebody else listens at {address} ({who}), so your key was not sent there",
        "Find out who that is, and start your own daemon with `ringback serve`.",
        "another user took the port while the daemon was not running";
    foreign_listener(path) Forbidden
        "another user listens at {path}",
        "Don't use it. Find out who created it, and start your own daemon.",
        "another user created a socket there";
    no_runtime_folder(error) Usage
        "{error}",
        "Set it, or name the daemon's socket with `--socket`.",
        "an environment without HOME and XDG_RUNTIME_DIR";
    endpoint_unreadable(path, error) Usage
        "{path} can't be read: {error}",
        "Remove the file; the daemon creates it again when it starts.",
        "`endpoint.json` is a link or not a regular file";
    endpoint_malformed(path, error) Usage
        "{path} can't be understood: {error}",
        "Remove the file; the daemon creates it again when it starts.",
        "something else wrote `endpoint.json`";
    key_unreadable(path, error) Usage
        "{path} can't be read: {error}",
        "Check `RINGBACK_KEY_FILE`, or use the unix socket, which needs no key.",
        "`RINGBACK_KEY_FILE` names a file that does not exist";
    no_key(path) Usage
        "{path} contains no key",
        "Check `RINGBACK_KEY_FILE`, or use the unix socket, which needs no key.",
        "`RINGBACK_KEY_FILE` names the wrong file";
    url_without_key() Usage
        "`RINGBACK_URL` is set without `RINGBACK_KEY_FILE`",
        "Set `RINGBACK_KEY_FILE` to the file with the key, or unset `RINGBACK_URL`.",
        "callers on TCP need a key";
    url_unfit(source, why) Usage
        "{source} {why}",
        "Give `http://127.0.0.1:PORT`. Only this machine is allowed, since keys and tokens are sent in clear text.",
        "`RINGBACK_URL` is not an http URL of this machine";
    file_unreadable(path, error) Usage
        "{path} can't be read: {error}",
        "Check the path.",
        "the file was removed meanwhile";
    not_a_file(path) Forbidden
        "{path} is not a file",
        "Check the path.",
        "a folder, pipe or device has that name";
    foreign_file(path) Forbidden
        "{path} belongs to another user",
        "Use a file of your own.",
        "somebody else may have written it";
    open_file(act, path, mode) Forbidden
        "others can {act} {path} (mode {mode})",
        "Run `chmod 600 {path}`; if others could read it for a long time, make a new key with `ringback app rotate`.",
        "the mode of the file gives others access";

    // Any command.
    no_async_runtime(error) Internal
        "the async runtime can't be started: {error}",
        "Close other programs, or raise the limit of processes (`ulimit -u`), and try again.",
        "the system has no threads or memory left";
    no_signals(error) Internal
        "signals can't be caught: {error}",
        "Raise the limit of open files (`ulimit -n`), and try again.",
        "the system has no descriptors left";
    log_filter(why) Usage
        "{why}",
        "Give a level such as `--log debug`, or a filter such as `--log info,ringback::http=debug`.",
        "`--log` or `RINGBACK_LOG` is not a valid filter";
    output_unwritable(error) Internal
        "standard output can't be written: {error}",
        "Check where it is redirected: the disk may be full, or the pipe closed.",
        "a full disk";
    no_child_of_process_1(error) Internal
        "the daemon can't be started as a child of process 1: {error}",
        "Raise the container's limits of processes and open files, or use another process 1 (`docker run --init`).",
        "`ringback serve` in a container that has no processes or descriptors left";
    unserializable(error) Internal
        "{error}",
        "Report this, with the command that you ran.",
        "a mistake in ringback";
    homeless(error) Usage
        "{error}",
        "Set HOME or XDG_STATE_HOME.",
        "an environment without HOME: there is no place for the state folder";

    // login
    login_late(account, span) LoginFailed
        "the login to `{account}` failed: nobody finished it within {span}",
        "Finish it in the browser, or run `ringback login {account}` again; see `ringback status`.",
        "`--timeout` has passed, or the login has run out";
    no_url_pasted() Usage
        "standard input ended without a URL",
        "Run `ringback login --paste` again and paste the URL that the browser ended up at.",
        "nothing was pasted";
    url_unreadable(error) Usage
        "the line can't be read: {error}",
        "Run `ringback login --paste` again and paste the URL that the browser ended up at.",
        "the pasted line is not text";
    password_unread(error) Usage
        "no password could be read: {error}",
        "Run `ringback login` again and type it.",
        "an empty line, or the terminal was closed";
    pipe_unsafe(path, what) Forbidden
        "{path} {what}, so the password is not written to it",
        "Find out who created it; the daemon makes a pipe of its own.",
        "somebody replaced the daemon's pipe";
    pipe_closed(path, why) LoginFailed
        "the password can't be written to {path}: {why}",
        "Run `ringback login` again; the login may just have ended.",
        "the login ended while the password was being typed";
    password_without_terminal(account, user) Usage
        "`{account}` needs the password of {user}, and there is no terminal to ask at",
        "Run `ringback login {account}` at a terminal, or name a source in the config of `{account}`: `password_file`, `password_command`, `password_credential` or `password_keyring`.",
        "`grant = \"password\"` in a script";

    // import, export, unlock
    token_unread(why) Usage
        "no token could be read: {why}",
        "Give one token on standard input, and nothing else.",
        "empty input, or no terminal";
    token_odd(at, of, kind) Usage
        "that is not a single token: character {at} of {of} is {kind}",
        "Give only the token, as the provider shows it; tokens are visible ASCII.",
        "more than the token was copied";
    house_unusable(path, why) Usage
        "{path} can't be imported: {why}; nothing was changed",
        "Give a file that `ringback export` wrote, with its passphrase or key.",
        "the wrong file, passphrase or key";
    nothing_to_export() Usage
        "there is nothing to export: no account is stored here",
        "Run `ringback status` to see the accounts; log in first, or name another config with `--config`.",
        "nobody has logged in yet, or the accounts are in another state folder";
    account_unexportable(error) StoreUnavailable
        "nothing was exported: {error}",
        "Fix that file or move it away, and try again.",
        "one account's file can't be read";
    export_unlogged(why) StoreUnavailable
        "nothing was exported: {why}",
        "Fix what the message names, and try again.",
        "the audit log can't be written, and an export needs a line in it";
    export_half_forgotten(path, left) StoreUnavailable
        "{path} is complete, but these accounts could not be deleted here: {left}",
        "Keep that file: it is the only copy of the deleted accounts. Don't start the daemon; fix the problem, and export the remaining accounts with `--forget` to another file.",
        "an account's file can't be deleted";
    no_export_passphrase(why) Usage
        "there is no usable passphrase for the file: {why}",
        "Type it at a terminal, or give `--passphrase-file`, `--passphrase-stdin` or `--recipient`.",
        "too short, two different inputs, or no terminal to ask at";
    export_exists(path) Usage
        "{path} already exists",
        "Name another file: this one may be the only copy of some accounts.",
        "`export` never overwrites a file";
    export_unwritable(path, why) Internal
        "{path} can't be written: {why}",
        "Name a file in a folder that you can write to, with enough space.",
        "a full disk, or a folder of another user";
    audit_unwritable(error) StoreUnavailable
        "the audit log can't be written: {error}",
        "Fix what the message names; nothing was changed.",
        "a full disk, or a file with a wrong mode";
    audit_line_lost(error) StoreUnavailable
        "{error}",
        "Fix what the message names, and try again.",
        "a line of the audit log could not be written";
    store_key_not_yet(why) StoreUnavailable
        "{why}",
        "Unlock the keyring, or find out why the key's program fails, and try again.",
        "`export` or `import --from`, and the store's key is not available";
    store_passphrase_unread(why) Usage
        "the passphrase of the token store could not be read: {why}",
        "Type it at a terminal, or give `--store-passphrase-file`.",
        "no terminal, or a file that can't be used";
    state_in_use(error) StoreUnavailable
        "{error}",
        "Stop the daemon first (`systemctl --user stop ringback.socket ringback.service`): tokens that it refreshes meanwhile would be lost.",
        "`export`, `import --from` or `store rekey` while the daemon runs";
    store_passphrase_wrong(error) StoreUnavailable
        "{error}",
        "Type the passphrase that you use with `ringback unlock`.",
        "another passphrase was set";
    store_unusable(error) StoreUnavailable
        "{error}",
        "Fix what the message names, and try again.",
        "`export`, `import --from` or `store rekey`, and one of the store's failures above";

    // store rekey
    passphrase_without_use() Usage
        "a new passphrase makes no sense here: the new key does not have one",
        "Omit it, or give `--to passphrase`.",
        "`--passphrase-file` or `--passphrase-stdin` with `--to file` or `--to keyring`";
    no_new_passphrase(why) Usage
        "there is no usable new passphrase for the token store: {why}",
        "Type it at a terminal, or give `--passphrase-file` or `--passphrase-stdin`.",
        "too short, two different inputs, or no terminal to ask at";
    rekey_undone(error) StoreUnavailable
        "{error}",
        "The store is unchanged. Fix what the message names, and try again.",
        "`store rekey`, and one of the store's failures above";
    rekey_half_done(error) StoreUnavailable
        "{error}",
        "The new key is in effect, but not every file is in place yet. Fix what the message names; the next start of the daemon, or the next `ringback store rekey`, completes the change.",
        "`store rekey`, and one of the store's failures above after the new key took effect";
    passphrase_unread(why) Usage
        "no passphrase could be read: {why}",
        "Run `ringback unlock` at a terminal and type it, or give it with `--passphrase-stdin`.",
        "no terminal, or an empty line";

    // config, provider, audit
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
    config_missing(path, named_by, folder) Usage
        "there is no config file {path} (named by {named_by})",
        "Make one with `mkdir -p {folder} && ringback config example >{path}`, and edit it.",
        "there is none yet, or `--config` or `RINGBACK_CONFIG` names another";
    config_unusable(error) Usage
        "{error}",
        "Fix what the message says; the file must belong to you and be closed to others.",
        "others could read or change it, or it is not a file";
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
        "the name is neither a preset nor in the config";
    no_such_provider_but(what, name, meant) Usage
        "there is no {what} `{name}`",
        "Did you mean `{meant}`?",
        "a misspelled name";
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

    // serve
    state_in_use_at_start(error) StoreUnavailable
        "{error}",
        "Stop the other daemon first, or use it: run `ringback status`.",
        "a second daemon on the same state folder";
    start_failed(error) StoreUnavailable
        "{error}",
        "Fix what the message names, and start again.",
        "one of the failures above, of the store, a folder, the apps or the audit log";
    address_unusable(error) Internal
        "{error}",
        "Free the address, or change `[listen]`. If systemd holds it for `ringback.socket`, start `ringback.service` instead.",
        "one of the failures above, of an address";
    passed_socket_unusable(error) Usage
        "{error}",
        "Correct `ringback.socket` (`systemctl --user edit ringback.socket`) or `[listen]`, and restart `ringback.socket`.",
        "one of the failures above, of a socket that systemd passed";

    // sandbox, demo
    sandbox_port(port, error) Usage
        "the sandbox can't start on port {port}: {error}",
        "Choose another `--port`; 0 picks a free one.",
        "another program listens there";
    sandbox_stopped(error) Internal
        "the sandbox stopped: {error}",
        "Start it again.",
        "its socket failed";
    demo_unprepared(what, error) Internal
        "{what}: {error}",
        "Check that the temporary folder (`TMPDIR`) has space and that loopback works.",
        "`demo`: no space, or no loopback";
    demo_failed(what) Internal
        "{what}",
        "Check the logs above.",
        "`demo`: the sandbox or the daemon failed";
    demo_surprised(what) Internal
        "{what}",
        "Report this, with the logs above.",
        "`demo`: a mistake in ringback";
}

/// What stands for an argument in the document: its name, in capitals.
#[cfg(test)]
fn placeholder(argument: &str) -> String {
    argument.to_uppercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::docs_test::{keep_current, table};

    #[test]
    fn every_message_of_the_command_line_is_in_the_docs() {
        let rows = all().into_iter().map(|(failure, cause)| {
            let reply = failure.reply();
            [reply.error_description.clone(), failure.exit().to_string(), cause.to_owned(), reply.hint.clone()]
        });
        keep_current("client::message", &table(["message", "exit", "cause", "what to do"], rows));
    }

    #[test]
    fn every_message_says_what_to_do() {
        for (failure, cause) in all() {
            let hint = &failure.reply().hint;
            assert!(hint.ends_with(['.', '?']) && hint.len() > "Try again.".len() && !cause.is_empty(), "{failure:?}");
        }
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn no_command_has_a_message_of_its_own() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = vec![root.join("cli.rs"), root.join("client.rs")];
        sources(&root.join("cli"), &mut files);
        sources(&root.join("client"), &mut files);
        let (mut outside, mut used) = (Vec::new(), BTreeSet::new());
        for file in files.iter().filter(|file| !file.ends_with("message.rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let makes_one = ["ErrorReply {", "Failure::new(", "Failure::usage(", "Failure::internal(", ".advise("];
                if makes_one.iter().any(|maker| line.contains(maker)) && !file.ends_with("client/failure.rs") {
                    outside.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
                }
                used.extend(
                    line.match_indices("message::")
                        .filter_map(|(at, found)| {
                            line.get(at + found.len()..)?.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next()
                        })
                        .map(str::to_owned),
                );
            }
        }
        assert!(outside.is_empty(), "a message belongs into the table of src/client/message.rs: {outside:#?}");
        assert!(used.len() >= 60, "the reader of the sources sees too little: {used:?}");
    }
}
