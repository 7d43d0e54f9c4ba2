//! The commented example and the reference, both generated from the schema.

use std::fmt::Write as _;

use super::schema::{ConfigKey, Fallback, Section, SectionForm, Shown, TakesEffect};
use super::sections::{SCHEMA, SECTIONS};

use crate::oauth::preset::PRESETS;

/// Width of the example's comments, `# ` included.
const WIDTH: usize = 100;

/// An example config with every key in a comment of its own: removing the `#` of a line (prose has a space after it)
/// puts the key into effect.
pub fn example() -> String {
    let mut text = String::new();
    comment(
        &mut text,
        "ringback's config. Only accounts are required: remove the `#` from the lines that you need. `ringback \
         config check` reports mistakes, and with `--show` prints the effective config.",
    );
    for section in SECTIONS.iter().filter(|section| section.form != SectionForm::Inline) {
        text.push('\n');
        comment(&mut text, section.doc);
        match section.form {
            SectionForm::Named(name) => push(&mut text, format_args!("#[{}]\n", section.header(name))),
            SectionForm::Single => push(&mut text, format_args!("#[{}]\n", section.path)),
            SectionForm::Top | SectionForm::Inline => {}
        }
        for key in section.keys {
            text.push('\n');
            comment(&mut text, key.doc);
            comment(&mut text, &format!("Default: {}.", fallback(key)));
            match key.shown {
                Shown::Line => push(&mut text, format_args!("#{} = {}\n", key.name, key.example)),
                Shown::Instead => push(&mut text, format_args!("# or: {} = {}\n", key.name, key.example)),
            }
        }
    }
    text
}

/// The reference, in Markdown.
pub fn reference() -> String {
    let mut text = String::from(
        "# The config file\n\n\
         <!-- Made from src/config/sections by the test `the_reference_is_up_to_date`. To make it anew:\n     \
         RINGBACK_REGENERATE=1 cargo test --lib config -->\n\n\
         ringback reads one TOML file: `--config FILE`, else `$RINGBACK_CONFIG`, else \
         `$XDG_CONFIG_HOME/ringback/config.toml`, else `~/.config/ringback/config.toml`. \
         `ringback config example` prints one with every key in it; `ringback config check --show` shows \
         what is in effect, with secrets hidden.\n\n\
         Editors complete and check the file by its JSON Schema: `ringback config schema >config.schema.json` in the \
         file's folder, and `#:schema ./config.schema.json` as its first line (Taplo, Even Better TOML for VS Code).\n\n\
         Unknown keys are mistakes. Every mistake is told with its place, what was expected and the nearest \
         valid spelling, and all of them at once, but for what follows from another. What may work is a warning, \
         which stops nothing. A mistake in an account takes out that account, one in a \
         provider the accounts that use it; the daemon starts with the rest, and logs every mistake. Any other \
         mistake keeps it from starting. A daemon that reloads is more careful: with any mistake it keeps what it \
         had.\n\n\
         Relative paths are relative to the file's folder; `~/` is your home.\n",
    );
    for section in SECTIONS {
        push(&mut text, format_args!("\n## {}\n\n{}\n", title(section), section.doc));
        for key in section.keys {
            push(&mut text, format_args!("\n### `{}`\n\n{}\n\n", key.name, key.doc));
            push(&mut text, format_args!("- Takes {}.\n", key.kind.expected()));
            push(&mut text, format_args!("- Default: {}.\n", fallback(key)));
            if SCHEMA.effect_of(section, key) == TakesEffect::AfterRestart {
                push(&mut text, format_args!("- A change takes effect after a restart.\n"));
            }
            push(&mut text, format_args!("- Example: `{} = {}`\n", key.name, key.example));
        }
    }
    text.push_str(
        "\n## Presets\n\nPresets use the keys of `[providers.NAME]`; their comments say what is known about the provider.\n",
    );
    for preset in &PRESETS {
        push(&mut text, format_args!("\n### `{}`\n\n```toml\n{}```\n", preset.name, preset.text));
    }
    text
}

fn title(section: &Section) -> String {
    match section.form {
        SectionForm::Top => "Top of the file".to_owned(),
        SectionForm::Single | SectionForm::Named(_) => format!("`[{}]`", section.path),
        SectionForm::Inline => format!("`{}`", section.path.replace("accounts.NAME.", "")),
    }
}

fn fallback(key: &ConfigKey) -> String {
    match key.fallback {
        Fallback::Required => "none; needed".to_owned(),
        Fallback::Value(value) => format!("`{}`", value()),
        Fallback::Words(words) => words.to_owned(),
    }
}

/// Prose as comment lines of at most [`WIDTH`].
fn comment(text: &mut String, prose: &str) {
    let mut line = String::from("#");
    for word in prose.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            push(text, format_args!("{line}\n"));
            line.truncate(1);
        }
        push(&mut line, format_args!(" {word}"));
    }
    push(text, format_args!("{line}\n"));
}

/// Appends; writing to a `String` can't fail.
fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(more);
}
