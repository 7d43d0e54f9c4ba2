//! Messages of `service`.

use super::table::messages;

messages! {
    no_systemd(program, error) Internal
        "`{program}` can't be started: {error}",
        "This needs Linux with systemd. Elsewhere, let your session or service manager run `ringback serve`.",
        "a machine or container without systemd";
    no_user_manager(why) Internal
        "no systemd runs for this user: {why}",
        "Log in as this user instead of with `su` or `sudo`. In a container, let its own manager run `ringback serve`.",
        "a container, or a shell without a session";
    systemctl_failed(command, why) Internal
        "`systemctl --user {command}` failed: {why}",
        "See `ringback service logs`.",
        "the daemon ended at once";
    service_not_installed() NoDaemon
        "ringback.service is not installed",
        "Run `ringback service install`.",
        "`service status`, or `serve.autostart` without the service";
    service_not_running(unit, state) NoDaemon
        "{unit} is {state}",
        "Start it with `systemctl --user start ringback`; `ringback service logs` says why it ended.",
        "`service status`: the service is installed and does not run";
    service_beside_another(pid) Usage
        "a daemon that systemd did not start is running (process {pid}), and the service could not open the store",
        "Stop it with `kill {pid}`, and run the command again.",
        "`ringback serve` runs in a terminal";
    autostart_failed(why) NoDaemon
        "the daemon is not running, and `serve.autostart` could not start it: {why}",
        "Run `ringback service status`; without systemd, start the daemon with `ringback serve`.",
        "`serve.autostart` is on, and the service is not installed or fails";
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
        "a unit that ringback did not write";
    program_unknown(error) Internal
        "the path of this program is not known: {error}",
        "Check that /proc is mounted.",
        "`service` without /proc";
    path_unquotable(path) Usage
        "the path {path} can't be written into a unit",
        "Move the file to a path without control characters.",
        "a control character, or other bytes than UTF-8, in the path";
}
