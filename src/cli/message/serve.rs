//! Messages of `serve`.

use super::table::messages;

messages! {
    state_in_use_at_start(error) StoreUnavailable
        "{error}",
        "Stop that one first, or use it: `ringback status`. Where that does not find it, it says what to do.",
        "a second daemon on the same state folder";
    start_failed(error) StoreUnavailable
        "{error}",
        "Put right what it names, and start again.",
        "one of the failures above, of the store, a folder, the apps or the audit log";
    address_unusable(error) Internal
        "{error}",
        "Free the address (systemd holds that of a `ringback.socket`: start `ringback.service`), or change `[listen]`.",
        "one of the failures above, of an address";
    passed_socket_unusable(error) Usage
        "{error}",
        "Correct `ringback.socket` (`systemctl --user edit ringback.socket`) or `[listen]`, and restart it.",
        "one of the failures above, of a socket that systemd passed";
}
