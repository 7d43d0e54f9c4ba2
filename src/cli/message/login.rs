//! Messages of `login`.

use super::table::messages;

messages! {
    login_late(account, span) LoginFailed
        "the login to `{account}` failed: nobody finished it within {span}",
        "Finish it in the browser, or run `ringback login {account}` again; see `ringback status`.",
        "`--timeout` has passed, or the login has run out";
    no_more_scope(account) Usage
        "no program was refused at the API of `{account}` for lack of scope, or a login has asked for it since",
        "Run `ringback login {account}` for a login as usual. Questions are forgotten when the daemon stops: let the program try again, and see `ringback status`.",
        "`--more-scope` where nothing is asked";
    no_url_pasted() Usage
        "standard input ended without a URL",
        "Run `ringback login --paste` again and paste the URL that the browser ended up at.",
        "nothing was pasted";
    url_unreadable(error) Usage
        "the line can't be read: {error}",
        "Run `ringback login --paste` again and paste the URL that the browser ended up at.",
        "the pasted line is not text";
    via_no_ssh(error) LoginFailed
        "`ssh` can't be started: {error}",
        "Install OpenSSH's client (on Debian `openssh-client`), or run `ringback login --paste` on the other machine.",
        "`--via` on a machine without `ssh`";
    via_unconnected(host) LoginFailed
        "ssh did not connect to {host}",
        "What ssh says is above; `ssh {host} true` has to work first.",
        "the host is down, its key has changed, or ssh may not log in there";
    via_no_ringback(host) LoginFailed
        "there is no `ringback` on {host}",
        "Install it there, in a folder that `ssh {host} 'echo $PATH'` shows, or in `~/.local/bin` or `~/.cargo/bin`.",
        "`--via` to a machine without ringback, or with it in a folder that only login shells know";
    via_older(host) LoginFailed
        "the ringback on {host} does not know `--via`",
        "Update it; or connect with `ssh -L 7464:127.0.0.1:7464 {host}`, and run `ringback login --no-browser` there.",
        "the other machine has an earlier version";
    via_unreadable(host) LoginFailed
        "the ringback on {host} says something that this one does not understand",
        "Use the same version on both machines.",
        "the other machine has another version";
    via_broke_off(host) LoginFailed
        "the connection to {host} ended before the login",
        "Run the command again: it joins the login if that is still pending.",
        "the network failed, or `ringback` was stopped there";
    via_no_such_account(name, host) UnknownAccount
        "`{name}` can't be the name of an account on {host}",
        "`ssh {host} ringback account list` shows the accounts.",
        "`--via` with something else in the place of the account";
    via_password(account, host) LoginFailed
        "`{account}` needs a password, which is asked for on {host}",
        "Run `ssh -t {host} ringback login {account}`.",
        "`--via` for an account with `grant = \"password\"`";
    via_port_taken(port, who) LoginFailed
        "the browser has to come back to port {port}, which is taken on this machine ({who})",
        "Stop what listens there meanwhile; a daemon of your own with `systemctl --user stop ringback`. Or register a redirect URI with another port, and set it as `redirect_uri` on the other machine.",
        "a daemon runs on both machines, and both use the same port";
    via_port_closed(address, error) LoginFailed
        "the browser has to come back to {address}, where this machine can't listen: {error}",
        "Register a redirect URI with another port (from 1024), and set it as `redirect_uri` on the other machine.",
        "a port below 1024, or IPv6 on a machine without it";
    via_not_forwarded(port, host) LoginFailed
        "ssh did not forward port {port} to {host}",
        "What ssh says is above. If the server forbids it (`AllowTcpForwarding`), run `ringback login --paste` there.",
        "the server forwards no ports";
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
