//! `ringback mcp`: accounts for MCP servers, and what their clients need.

mod add;
mod clients;
mod config;
mod find;
mod json_merge;

use clap::{Args, Subcommand};

use super::command_result::CommandResult;

/// Log in to MCP servers for all of their clients
///
/// An account for an MCP server is found and registered by its URL alone. Its clients use it through the daemon's proxy,
/// with a key of ringback's, and never see a token.
#[derive(Args)]
#[command(after_help = HELP)]
pub(super) struct McpArgs {
    #[command(subcommand)]
    act: McpCommand,
}

const HELP: &str = "\
Examples:
  ringback mcp add tracker https://mcp.example.com/mcp
  ringback mcp add tracker https://mcp.example.com/mcp --client-id ID --client-secret-stdin
  ringback mcp config claude-code tracker --write";

#[derive(Subcommand)]
enum McpCommand {
    Add(add::AddArgs),
    Config(config::ConfigArgs),
}

/// Runs the subcommand.
pub(super) fn run(args: &McpArgs) -> CommandResult {
    match &args.act {
        McpCommand::Add(args) => add::run(args),
        McpCommand::Config(args) => config::run(args),
    }
}
