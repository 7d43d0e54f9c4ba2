//! Messages of `login`.

use super::table::messages;

messages! {
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
}
