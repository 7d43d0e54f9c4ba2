//! Messages of `import`, `export`, `unlock` and `store rekey`.

use super::table::messages;

messages! {
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
    store_in_memory() Usage
        "there is no token store to work on: with `key = \"memory\"` in `[store]` the daemon keeps the tokens in its memory only",
        "Set another `key` in `[store]`, restart the daemon and log in again; or name another config with `--config`.",
        "`export`, `import --from` or `store rekey`, and nothing is stored";
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
}
