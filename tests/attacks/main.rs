//! Attacks on the real binary, one row each: what is sent or placed on disk, the required answer, and that nothing
//! changed. Attacks by a hostile page in a real browser are in
//! `tests/peers/journeys/status-page.mjs`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; tests have real time and plain files; the fixture has more than is used here"
)]

#[path = "../it/api_server.rs"]
mod api_server;
#[path = "../it/http.rs"]
mod http;
#[path = "../it/idp.rs"]
mod idp;
#[path = "../it/world.rs"]
mod world;

mod another_person;
mod callback;
mod disk;
mod endless;
mod every_route;
mod exhaustion;
mod extra_listener;
mod files;
mod flood;
mod framing;
mod hidden_characters;
mod http_gate;
mod late_grants;
mod limited_apps;
mod marks;
mod metadata;
mod metadata_listener;
mod opening;
mod other_endpoints;
mod other_users;
mod peer_user;
mod provider;
mod proxy;
mod proxy_tools;
mod report;
mod restored;
mod sessions;
mod stuck_callers;
mod tickets;
