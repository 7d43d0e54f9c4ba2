//! Messages of `service`.

use super::table::messages;

messages! {
    no_systemd(program, error) Internal
        "`{program}` can't be started: {error}",
        "This needs Linux with systemd. Elsewhere, let your session or service manager run `ringback serve`.",
        "a machine or container without systemd";
    systemctl_failed(command, why) Internal
        "`systemctl --user {command}` failed: {why}",
        "See `ringback service logs`. If systemd can't be reached, log in as this user instead of with `su` or `sudo`.",
        "the daemon ended at once, or no systemd runs for this user";
    service_inactive(unit, state) NoDaemon
        "{unit} is {state}",
        "Install it with `ringback service install`, or start it with `systemctl --user start ringback`; `ringback service logs` says why it ended.",
        "`service status`: the daemon is not run by systemd";
    service_beside_another() Usage
        "a daemon that systemd did not start is running, and the service would find the store taken",
        "Stop that daemon first; `ringback status` shows its process.",
        "`ringback serve` runs in a terminal";
    autostart_failed(why, place) NoDaemon
        "the daemon could not be started: {why}{place}",
        "Run `ringback serve` to see what is wrong.",
        "`serve.autostart` is on, and the config or the store has a problem";
    no_unit_folder() Usage
        "there is no folder for units: neither XDG_CONFIG_HOME nor HOME is set",
        "Set HOME to your home folder, and try again.",
        "an environment without HOME";
    unit_of_somebody_else(path) Usage
        "{path} was not written by `ringback service install`",
        "Keep it and use `systemctl --user` as before, or run `ringback service install --force` to replace it.",
        "a unit that was installed by hand or by a package";
    unit_unwritable(path, error) Internal
        "{path} can't be written: {error}",
        "Check who owns the folder, and whether there is space.",
        "a full or read-only disk";
    unit_unreadable(path, error) Internal
        "{path} can't be read: {error}",
        "Check who owns it, and its mode.",
        "a unit that belongs to somebody else";
    program_unknown(error) Internal
        "the path of this program is not known: {error}",
        "Check that /proc is mounted.",
        "`service` without /proc";
    program_unquotable(path) Usage
        "a unit can't name the program {path}",
        "Move `ringback` to a path without control characters.",
        "a control character, or other bytes than UTF-8, in the path";
}
