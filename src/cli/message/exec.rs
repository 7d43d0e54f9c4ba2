//! Messages of `exec`.

use super::table::messages;

messages! {
    no_program() Usage
        "there is no program to run",
        "Name it behind `--`: `ringback exec -- PROGRAM`.",
        "`exec` without a program";
    program_not_started(program, error) Usage
        "{program} can't be run: {error}",
        "Check its name, its mode and PATH.",
        "`exec` with a program that does not exist (the exit code is 127) or can't be run (126)";
    end_unknown(error) Internal
        "the program runs, but its end can't be waited for: {error}",
        "Look for it with `ps`, and end it.",
        "the system has no descriptors left";
    no_exec_folder(error) StoreUnavailable
        "there is no place for the program's files: {error}",
        "Fix what the message names, or set XDG_RUNTIME_DIR to a folder of your own (mode 700).",
        "`exec --file` or `--url`, and the runtime folder can't be written";
    no_variable_name(name) Usage
        "`{name}` can't be the name of a variable",
        "Use letters, digits and `_`, and begin with a letter or `_`.",
        "`exec --env` with another kind of name";
    names_for_accounts(given, accounts) Usage
        "`--env` is given {given} times, and there are {accounts} accounts",
        "Give it once for each account, in their order, or not at all.",
        "`exec --env` for some of several accounts";
    one_account_for_base_url() Usage
        "`--base-url` is for one account, and several are named",
        "Name the account whose API the program uses.",
        "`exec --base-url` with several accounts";
    variable_twice(name) Usage
        "two tokens would be in the same variable, `{name}`",
        "Name each account once, and choose their variables with `--env`.",
        "`exec` with an account twice, or with accounts whose names differ in punctuation alone";
}
