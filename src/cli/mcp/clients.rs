//! What clients of MCP servers have in their own config: where it is, and how a server with a header is written there.
//! Sources: the documentation of each, as of November 2026.

/// A client of MCP servers.
pub(super) struct ClientKind {
    /// On the command line.
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    /// Of all of the user's projects, below the home folder.
    pub(super) file: &'static str,
    pub(super) format: Format,
}

/// How the file is written.
pub(super) enum Format {
    /// JSON: the names on the way to the servers, and the entry of one.
    Json(&'static [&'static str], &'static str),
    /// TOML: the table of the servers, and the keys of one.
    Toml(&'static str, &'static [(&'static str, Value)]),
    /// YAML, which is only shown.
    Yaml(&'static str),
}

/// The value of a TOML key.
pub(super) enum Value {
    Url,
    /// A table of headers.
    Headers,
}

const TYPED: &str = r#"{ "type": "http", "url": "{url}", "headers": { "Authorization": "Bearer {key}" } }"#;
const PLAIN: &str = r#"{ "url": "{url}", "headers": { "Authorization": "Bearer {key}" } }"#;

/// All that are known.
pub(super) const CLIENTS: [ClientKind; 8] = [
    ClientKind {
        name: "claude-code",
        label: "Claude Code",
        file: ".claude.json",
        format: Format::Json(&["mcpServers"], TYPED),
    },
    ClientKind {
        name: "codex",
        label: "Codex",
        file: ".codex/config.toml",
        format: Format::Toml("mcp_servers", &[("url", Value::Url), ("http_headers", Value::Headers)]),
    },
    ClientKind {
        name: "cursor",
        label: "Cursor",
        file: ".cursor/mcp.json",
        format: Format::Json(&["mcpServers"], PLAIN),
    },
    ClientKind {
        name: "vscode",
        label: "VS Code",
        file: ".config/Code/User/mcp.json",
        format: Format::Json(&["servers"], TYPED),
    },
    ClientKind {
        name: "zed",
        label: "Zed",
        file: ".config/zed/settings.json",
        format: Format::Json(&["context_servers"], PLAIN),
    },
    ClientKind {
        name: "goose",
        label: "goose",
        file: ".config/goose/config.yaml",
        format: Format::Yaml(
            "extensions:\n  {name}:\n    type: streamable_http\n    name: {name}\n    enabled: true\n    uri: \"{url}\"\n    \
             headers:\n      Authorization: \"Bearer {key}\"\n    timeout: 300\n",
        ),
    },
    ClientKind {
        name: "opencode",
        label: "opencode",
        file: ".config/opencode/opencode.json",
        // Otherwise it would begin a login of its own.
        format: Format::Json(
            &["mcp", "servers"],
            r#"{ "type": "remote", "url": "{url}", "oauth": false, "headers": { "Authorization": "Bearer {key}" } }"#,
        ),
    },
    ClientKind {
        name: "gemini",
        label: "Gemini CLI",
        file: ".gemini/settings.json",
        format: Format::Json(
            &["mcpServers"],
            r#"{ "httpUrl": "{url}", "headers": { "Authorization": "Bearer {key}" } }"#,
        ),
    },
];
