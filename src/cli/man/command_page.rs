//! The page of a command, from its definition.

use clap::{Arg, Command};

use super::roff::Roff;
use crate::cli::definition::about;
use crate::contract::ErrorCode;

/// The page of `command`, whose full name (`ringback-app-add`) is given; `above` are the names of the pages above it.
pub(super) fn page(command: &Command, name: &str, above: &[String]) -> String {
    let mut page = Roff::page(name, 1);
    let about = about(command);
    page.heading("NAME");
    page.paragraph(&format!("{name} - {}", about.trim_end_matches('.')));
    page.heading("SYNOPSIS");
    page.paragraph(&format!("`{}`", usage(command)));
    let description = command.get_long_about().map_or(about, ToString::to_string);
    page.heading("DESCRIPTION");
    paragraphs(&description).for_each(|paragraph| page.paragraph(&paragraph));
    arguments(&mut page, command);
    commands(&mut page, command, name);
    notes(&mut page, command);
    if above.is_empty() {
        whole_program(&mut page);
    }
    page.heading("SEE ALSO");
    let others = above.iter().map(|name| format!("`{name}`(1)"));
    page.paragraph(&others.chain(["`ringback.toml`(5)".to_owned()]).collect::<Vec<_>>().join(", "));
    page.done()
}

/// `ringback token [OPTIONS] [ACCOUNT]`.
fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage:").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn arguments(page: &mut Roff, command: &Command) {
    let shown = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    for (heading, is_positional) in [("ARGUMENTS", true), ("OPTIONS", false)] {
        let mut those = shown().filter(|arg| arg.is_positional() == is_positional).peekable();
        if those.peek().is_some() {
            page.heading(heading);
            those.for_each(|arg| argument(page, arg));
        }
    }
}

fn argument(page: &mut Roff, arg: &Arg) {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let default: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let takes_value = arg.get_action().takes_values();
    let default = match default.join(" ") {
        none if none.is_empty() || !takes_value => String::new(),
        value => format!("Default: `{value}`."),
    };
    let env = arg.get_env().map(|name| format!("Environment variable: `{}`.", name.to_string_lossy()));
    let values = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).map(|value| {
        let about = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
        format!("`{}`{about}", value.get_name())
    });
    let values = if takes_value { values.collect::<Vec<_>>() } else { Vec::new() };
    let values = if values.is_empty() { String::new() } else { format!("One of {}.", values.join("; ")) };
    let help: Vec<String> = paragraphs(&help).chain([values, default, env.unwrap_or_default()]).collect();
    page.item(&term(arg), &help.iter().map(String::as_str).collect::<Vec<_>>());
}

/// `-n, --last COUNT`, or `[ACCOUNT]`.
fn term(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default().join(" ");
    if arg.is_positional() {
        return if arg.is_required_set() { names } else { format!("[{names}]") };
    }
    let flags = [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))];
    let flags = flags.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() { format!("{flags} {names}") } else { flags }
}

fn commands(page: &mut Roff, command: &Command, name: &str) {
    let mut below = subcommands(command).peekable();
    if below.peek().is_some() {
        page.heading("COMMANDS");
    }
    for command in below {
        page.item(&format!("{name}-{}(1)", command.get_name()), &[&about(command)]);
    }
}

/// The commands that have a page.
pub(super) fn subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

/// What stands below the options in `--help`: examples, and what else there is to say.
fn notes(page: &mut Roff, command: &Command) {
    let notes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut has_heading = false;
    for block in notes.split("\n\n").filter(|block| !block.trim().is_empty()) {
        if let Some(examples) = block.strip_prefix("Examples:\n") {
            page.heading("EXAMPLES");
            page.verbatim(examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)));
        } else if !block.starts_with("Exit codes:") {
            if !has_heading {
                page.heading("NOTES");
                has_heading = true;
            }
            page.paragraph(&block.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
}

/// What holds for every command.
fn whole_program(page: &mut Roff) {
    page.heading("EXIT STATUS");
    page.item("0", &["Done."]);
    for exit in 1..=u8::MAX {
        let rows: Vec<&str> =
            ErrorCode::TABLE.iter().filter(|row| row.exit == exit && row.status != 405).map(|row| row.when).collect();
        if !rows.is_empty() {
            page.item(&exit.to_string(), &[&rows.join("; ")]);
        }
    }
    page.heading("ENVIRONMENT");
    for (name, about) in ENVIRONMENT {
        page.item(name, &[about]);
    }
    page.heading("FILES");
    for (path, about) in FILES {
        page.item(path, &[about]);
    }
}

const ENVIRONMENT: [(&str, &str); 6] = [
    ("RINGBACK_CONFIG", "The config file, unless `--config` names one."),
    (
        "RINGBACK_URL, RINGBACK_KEY_FILE",
        "The daemon's URL on this machine, and a file with an app's key, for programs that can't use the unix socket.",
    ),
    ("RINGBACK_LOG", "How much is logged, unless `--log` says it."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME, XDG_RUNTIME_DIR", "Where the folders below are."),
    (
        "NO_COLOR",
        "If it is set and not empty, there are no colours. There are none either if the output is not a terminal.",
    ),
    ("HTTPS_PROXY, NO_PROXY", "The proxy for requests to providers, unless the config names one."),
];

const FILES: [(&str, &str); 4] = [
    ("~/.config/ringback/config.toml", "The config: `ringback.toml`(5)."),
    ("~/.local/state/ringback/", "The encrypted tokens, the keys of programs, and the audit log."),
    ("~/.cache/ringback/", "What detects an older copy of the state folder. It may be deleted."),
    ("$XDG_RUNTIME_DIR/ringback/", "The socket, and `endpoint.json`, which says where the daemon listens."),
];
