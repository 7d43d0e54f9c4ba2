//! `ringback man`: man pages, from the same definitions as `--help` and the reference of the config.

mod command_page;
mod config_page;
mod roff;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command};

use super::command_result::CommandResult;
use super::report;
use crate::cli::failure::Failure;
use crate::cli::message;

/// Print or write the man pages
///
/// There is a page for every command (`token`, `app-add`), an overview (`ringback`), and one for the config file
/// (`ringback.toml`).
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct ManArgs {
    /// The page to print [default: the overview]
    page: Option<String>,

    /// Write every page into a folder `man1` or `man5` below this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "page")]
    dir: Option<PathBuf>,
}

const HELP: &str = "\
Examples:
  ringback man token | man -l -
  ringback man ringback.toml | man -l -
  ringback man --dir ~/.local/share/man && man ringback-app-add";

/// A page.
struct Page {
    /// Without its section.
    name: String,
    section: u8,
    text: String,
}

/// Prints a page, or writes all of them; `program` is the definition of the command line.
pub(super) fn run(args: &ManArgs, mut program: Command) -> CommandResult {
    program.build();
    let pages = pages(&program);
    if let Some(folder) = &args.dir {
        write(&pages, folder)?;
        report::say(&format!("{} pages are in {}.", pages.len(), folder.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let asked = args.page.as_deref().unwrap_or(program.get_name());
    let short = |page: &Page| page.name.strip_prefix("ringback-").unwrap_or(&page.name).to_owned();
    let Some(page) = pages.iter().find(|page| page.name == asked || short(page) == asked) else {
        let names: Vec<String> = pages.iter().map(short).collect();
        return Err(message::no_such_page(asked).or_meant(asked, names.iter().map(String::as_str)));
    };
    report::answer(page.text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn pages(program: &Command) -> Vec<Page> {
    let mut pages = vec![Page { name: "ringback.toml".into(), section: 5, text: config_page::page() }];
    add(&mut pages, program, &[]);
    pages
}

/// The page of `command`, and those of the commands below it.
fn add(pages: &mut Vec<Page>, command: &Command, above: &[String]) {
    let name = above.last().map_or(command.get_name().to_owned(), |above| format!("{above}-{}", command.get_name()));
    pages.push(Page { text: command_page::page(command, &name, above), name: name.clone(), section: 1 });
    let above = [above, &[name]].concat();
    command_page::subcommands(command).for_each(|command| add(pages, command, &above));
}

#[expect(clippy::disallowed_methods, reason = "pages need neither durability nor privacy")]
fn write(pages: &[Page], folder: &Path) -> Result<(), Failure> {
    for Page { name, section, text } in pages {
        let folder = folder.join(format!("man{section}"));
        let file = folder.join(format!("{name}.{section}"));
        std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(&file, text))
            .map_err(|error| message::page_unwritable(file.display(), error))?;
    }
    Ok(())
}
