//! Tests of the real binary against a scripted provider, with real sockets and files.
//!
//! Each test has a `World` (a private folder, a config, a daemon) and usually an `Idp` (a provider that the test
//! scripts). Each file covers one area; each test is named by the behaviour that it checks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, and tests have real time and plain files"
)]

mod api_server;
mod container;
mod desktop;
mod http;
mod idp;
mod import;
mod sources;
mod terminal;
mod world;

mod account_command;
mod accounts;
mod announced;
mod another_person;
mod answers;
mod api;
mod apps;
mod attention;
mod audit;
mod autostart;
mod canary;
mod circles;
mod compared_profile;
mod consent;
mod credential;
mod doctor;
mod dpop;
mod events;
mod exec;
mod export;
mod fixes;
mod fixtures;
mod flawed;
mod floors;
mod hanging;
mod health;
mod hints;
mod https;
mod id_token;
mod kill;
mod lengths;
mod lifecycle;
mod listeners;
mod lock;
mod login;
mod mcp;
mod memory;
mod metadata_listeners;
mod metrics;
mod oauth;
mod outage;
mod page;
mod proxy;
mod proxy_programs;
mod reboot;
mod refresh;
mod refusals;
mod rekey;
mod reload;
mod replies;
mod security_rules;
mod service;
mod sockets;
mod step_up;
mod store;
mod suspend;
mod token_files;
mod upstream;
mod version_skew;
mod via;
mod waits;
