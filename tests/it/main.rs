//! The real binary against a scripted provider, over real sockets and real files.
//!
//! One `World` per test: a private folder, a config, a daemon. One `Idp`: a provider that does what the
//! test says. A file per journey; every name is a sentence of behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, and tests have real time and plain files"
)]

mod container;
mod desktop;
mod http;
mod idp;
mod import;
mod sources;
mod terminal;
mod world;

mod accounts;
mod announced;
mod another_person;
mod answers;
mod api;
mod apps;
mod attention;
mod audit;
mod canary;
mod circles;
mod consent;
mod doctor;
mod events;
mod fixtures;
mod flawed;
mod floors;
mod hanging;
mod health;
mod hints;
mod house;
mod kill;
mod lengths;
mod lifecycle;
mod lock;
mod login;
mod outage;
mod page;
mod reboot;
mod refresh;
mod refusals;
mod rekey;
mod reload;
mod replies;
mod security_rules;
mod sockets;
mod store;
mod suspend;
mod upstream;
mod waits;
