//! Messages of `serve`.

use super::table::messages;

messages! {
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
}
