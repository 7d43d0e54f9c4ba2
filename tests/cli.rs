//! Transcripts of the command line: `tests/cli/*.toml`. `TRYCMD=overwrite cargo test --test cli` writes
//! them anew; look at the difference before you commit it.

use trycmd::TestCases;

/// What a developer's own shell sets must not matter.
fn transcripts(cases: &str) -> TestCases {
    let tests = TestCases::new();
    tests.case(cases);
    for (name, value) in [
        ("HOME", "/nonexistent"),
        ("XDG_CONFIG_HOME", "/nonexistent/config"),
        ("XDG_RUNTIME_DIR", "/nonexistent/run"),
        ("RUNTIME_DIRECTORY", ""),
        ("RINGBACK_LOG", "info"),
        ("RUST_BACKTRACE", "0"),
        ("COLUMNS", "100"),
        ("NO_COLOR", "1"),
    ] {
        tests.env(name, value);
    }
    tests
}

#[test]
fn the_command_line_says_what_its_transcripts_say() {
    let tests = transcripts("tests/cli/*.toml");
    for name in ["RINGBACK_URL", "RINGBACK_KEY_FILE", "RINGBACK_CONFIG"] {
        tests.env(name, "");
    }
}

#[test]
fn the_environment_leads_to_the_daemon_and_the_config() {
    transcripts("tests/cli/env/*.toml");
}
