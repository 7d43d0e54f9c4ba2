//! Messages of `import`, `export`, `unlock` and `store rekey`.

use super::table::messages;

messages! {
    token_unread(why) Usage
        "no token could be read: {why}",
        "Give one token on standard input, and nothing else.",
        "empty input, or no terminal";
    token_odd(at, of, kind) Usage
        "that is not one token: character {at} of {of} is {kind}",
        "Give the token alone, as the provider shows it; tokens are visible ASCII.",
        "more than the token was copied";
    house_unusable(path, why) Usage
        "{path} can't be imported: {why}; nothing was changed",
        "Give a file of `ringback export`, with what opens it.",
        "another file, a wrong passphrase or a key that does not open it";
    nothing_to_export() Usage
        "there is nothing to export: no account is stored here",
        "Run `ringback status` to see the accounts; log in first, or name another config with `--config`.",
        "nobody has logged in yet, or another state folder is meant";
    account_unexportable(error) StoreUnavailable
        "nothing was exported: {error}",
        "Mend that file, or move it away, and try again.",
        "one account's file can't be read";
    export_unlogged(why) StoreUnavailable
        "nothing was exported: {why}",
        "Put right what it names, and try again.",
        "the audit log can't be written, and nothing leaves without a line";
    export_half_forgotten(path, left) StoreUnavailable
        "{path} is complete, and these are still here, too: {left}",
        "Keep that file: what was deleted is in it alone. Don't start the daemon; put right what is in the way, and export what is left with `--forget` to another file.",
        "an account's file can't be deleted";
    no_export_passphrase(why) Usage
        "there is no passphrase for the file: {why}",
        "Type it at a terminal, or give `--passphrase-file`, `--passphrase-stdin` or `--recipient`.",
        "too short, not the same twice, or nobody to ask";
    export_exists(path) Usage
        "{path} exists already",
        "Name another file: that one may hold accounts that are nowhere else.",
        "no file is replaced";
    export_unwritable(path, why) Internal
        "{path} can't be written: {why}",
        "Name a file in a folder of yours with room.",
        "a full disk, or a folder of somebody else's";
    audit_unwritable(error) StoreUnavailable
        "the audit log can't be written: {error}",
        "Put right what it names; nothing was changed.",
        "a full disk, or a file with a wrong mode";
    audit_line_lost(error) StoreUnavailable
        "{error}",
        "Put right what it names, and try again.",
        "a line of the audit log could not be written";
    store_key_not_yet(why) StoreUnavailable
        "{why}",
        "Unlock the keyring, or see why its program fails, and try again.",
        "`export` or `import --from`, and the store's key can't be had";
    store_passphrase_unread(why) Usage
        "the passphrase of the token store could not be read: {why}",
        "Type it at a terminal, or give `--store-passphrase-file`.",
        "no terminal, or a file that can't be used";
    state_in_use(error) StoreUnavailable
        "{error}",
        "Stop it first (`systemctl --user stop ringback.socket ringback.service`): what it refreshes and stores meanwhile would be lost.",
        "`export`, `import --from` or `store rekey` while the daemon runs";
    store_passphrase_wrong(error) StoreUnavailable
        "{error}",
        "Type the passphrase that `ringback unlock` takes.",
        "another passphrase was set";
    store_unusable(error) StoreUnavailable
        "{error}",
        "Put right what it names, and try again.",
        "`export`, `import --from` or `store rekey`, and one of the store's failures above";
    passphrase_without_use() Usage
        "a new passphrase is of no use: the new key is not opened by one",
        "Leave it out, or give `--to passphrase`.",
        "`--passphrase-file` or `--passphrase-stdin` with `--to file` or `--to keyring`";
    no_new_passphrase(why) Usage
        "there is no new passphrase for the token store: {why}",
        "Type it at a terminal, or give `--passphrase-file` or `--passphrase-stdin`.",
        "too short, not the same twice, or nobody to ask";
    rekey_undone(error) StoreUnavailable
        "{error}",
        "The store is sealed as before. Put right what it names, and try again.",
        "`store rekey`, and one of the store's failures above";
    rekey_half_done(error) StoreUnavailable
        "{error}",
        "The new key counts, and not every file is in its place yet. Put right what it names; the next start of the daemon, or the next `ringback store rekey`, does the rest.",
        "`store rekey`, and one of the store's failures above once the new key was decided";
    passphrase_unread(why) Usage
        "no passphrase could be read: {why}",
        "Run `ringback unlock` at a terminal and type it, or give it with `--passphrase-stdin`.",
        "no terminal, or an empty line";
}
