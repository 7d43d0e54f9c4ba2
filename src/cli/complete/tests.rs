//! Candidates for command lines, without a daemon and without a config.

use clap::{CommandFactory as _, Parser, Subcommand};

use super::*;
use crate::cli::{app, audit, completions, config, man, status};

#[derive(Parser)]
struct Program {
    #[command(subcommand)]
    _command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    Status(status::StatusArgs),
    App(app::AppArgs),
    Audit(audit::AuditArgs),
    Config(config::ConfigArgs),
    Man(man::ManArgs),
    Completions(completions::CompletionsArgs),
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArgs),
}

fn words_at(line: &str) -> Vec<String> {
    let mut program = Program::command();
    program.build();
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let (current, before) = words.split_last().unwrap();
    let text = offer(&Place::after(&program, before), current).text(current);
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn each_place_offers_what_fits_there() {
    let socket = "--socket /nonexistent/s --config /nonexistent/c.toml";
    for (line, words) in [
        ("s", &["status"][..]),
        ("", &["status", "app", "audit", "config", "man", "completions", "help"]),
        ("help au", &["audit"]),
        ("app r", &["remove", "rotate"]),
        ("help app r", &["remove", "rotate"]),
        ("config ", &["check", "example", "schema", "reload", "path", "help"]),
        ("nonsense s", &[]),
        ("status --v", &["--verbose"]),
        ("status -", &["--verbose", "--watch", "--json", "--socket", "--help"]),
        ("status -v --json -", &["--watch", "--socket", "--help"]),
        ("status -- --v", &[]),
        ("completions ", &["bash", "zsh", "fish", "nushell", "powershell"]),
        ("completions z", &["zsh"]),
        ("status --socket ", &[":files"]),
        ("status --socket=/tm", &[":files"]),
        ("status --socket = /tm", &[":files"]),
        ("config check --config x --s", &["--show"]),
        ("man --dir ", &[":files"]),
        ("app add editor --scope ", &[]),
        ("app add editor --account work --a", &["--account", "--all-accounts"]),
        ("audit -f -n 3 --d", &["--denied"]),
        (&format!("status {socket} "), &[]),
    ] {
        assert_eq!(words_at(line), words, "{line:?}");
    }
}

#[test]
fn a_candidate_has_its_description_and_nothing_that_steers_the_terminal() {
    assert_eq!(Candidate::new("work", "acme\x1b[2J").line(), "work\tacme[2J\n");
    assert_eq!(Candidate::new("work", "").line(), "work\n");
}

#[expect(clippy::disallowed_methods, reason = "a file of a test")]
#[test]
fn accounts_are_read_from_the_config_if_no_daemon_runs() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let text = "[accounts.work]\nprovider = \"gitlab\"\nclient_id = \"i\"\n[accounts.bad]\nprovider = 1\n\
                [providers.gitlab]\nclient_auth = \"none\"\n";
    std::fs::write(&config, text).unwrap();
    let sources = Sources { socket: Some("/nonexistent/s".into()), config: Some(config) };
    let names: Vec<String> = names::names(NameKind::Account, &sources).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["work", "bad"]);
    let providers = names::names(NameKind::Provider, &sources);
    assert!(providers.iter().any(|(name, label)| name == "google" && label == "Google"), "{providers:?}");
}
