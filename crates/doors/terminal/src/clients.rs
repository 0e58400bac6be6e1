//! How MCP clients are told of this server: a block for each client's own file. Secrets stay references to variables.

use serde_json::{Map, Value, json};

/// The name under which clients list the server.
const NAME: &str = "althing";
/// The variable that holds the key.
const KEY: &str = "ALTHING_KEY";

/// An MCP client, by the file that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Claude Desktop, which starts a program and knows no addresses.
    ClaudeDesktop,
    /// Claude Code.
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    VsCode,
    /// Codex.
    Codex,
}

/// What a block says.
#[derive(Debug, Clone)]
pub struct Connection<'a> {
    /// The server's root, such as `http://127.0.0.1:8700`.
    pub url: &'a str,
    /// The toolset, or `None` for the core tools.
    pub toolset: Option<&'a str>,
    /// Whether callers need a key.
    pub guarded: bool,
    /// The program that is started where the client knows no addresses.
    pub program: &'a str,
    /// Arguments that the program needs beside the command, such as a data folder.
    pub arguments: &'a [String],
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::ClaudeDesktop, Self::ClaudeCode, Self::Cursor, Self::VsCode, Self::Codex];

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "claude-desktop",
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Codex => "codex",
        }
    }

    /// The file that the block belongs into, and what else may be done with it.
    pub fn place(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "claude_desktop_config.json (Settings, Developer, Edit Config)",
            Self::ClaudeCode => ".mcp.json in the project",
            Self::Cursor => ".cursor/mcp.json in the project or in your home folder",
            Self::VsCode => ".vscode/mcp.json in the project",
            Self::Codex => ".codex/config.toml in your home folder",
        }
    }

    /// The block, with a line feed at its end.
    pub fn block(self, connection: &Connection<'_>) -> String {
        let name = connection.toolset.map_or_else(|| NAME.to_owned(), |toolset| format!("{NAME}-{toolset}"));
        match self {
            Self::ClaudeDesktop => document("mcpServers", &name, started(connection)),
            Self::ClaudeCode => document("mcpServers", &name, addressed(connection, true, "${ALTHING_KEY}")),
            Self::Cursor => document("mcpServers", &name, addressed(connection, false, "${env:ALTHING_KEY}")),
            Self::VsCode => document("servers", &name, addressed(connection, true, "${env:ALTHING_KEY}")),
            Self::Codex => {
                let url = toml_text(&connection.url());
                let key =
                    if connection.guarded { format!("bearer_token_env_var = \"{KEY}\"\n") } else { String::new() };
                format!("[mcp_servers.{name}]\nurl = {url}\n{key}")
            }
        }
    }
}

impl Connection<'_> {
    fn url(&self) -> String {
        let root = self.url.trim_end_matches('/');
        self.toolset.map_or_else(|| format!("{root}/mcp"), |toolset| format!("{root}/mcp/s/{toolset}"))
    }
}

fn document(key: &str, name: &str, entry: Value) -> String {
    let servers = Value::Object(Map::from_iter([(name.to_owned(), entry)]));
    let document = Value::Object(Map::from_iter([(key.to_owned(), servers)]));
    format!("{document:#}\n")
}

/// A program to start.
fn started(connection: &Connection<'_>) -> Value {
    let mut arguments = vec!["mcp".to_owned(), "stdio".to_owned()];
    arguments.extend(connection.toolset.into_iter().flat_map(|toolset| ["--toolset".to_owned(), toolset.to_owned()]));
    arguments.extend(connection.arguments.iter().cloned());
    json!({ "command": connection.program, "args": arguments })
}

/// An address to connect to.
fn addressed(connection: &Connection<'_>, typed: bool, key: &str) -> Value {
    let mut entry = Map::new();
    if typed {
        entry.insert("type".to_owned(), json!("http"));
    }
    entry.insert("url".to_owned(), json!(connection.url()));
    if connection.guarded {
        entry.insert("headers".to_owned(), json!({ "Authorization": format!("Bearer {key}") }));
    }
    Value::Object(entry)
}

/// A text as a basic string of TOML, whose escapes are JSON's as far as addresses go.
fn toml_text(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Client, Connection};

    fn blocks(connection: &Connection<'_>) -> String {
        let block = |client: Client| format!("# {}: {}\n{}", client.name(), client.place(), client.block(connection));
        Client::ALL.map(block).join("\n")
    }

    #[test]
    fn every_client_has_its_block() {
        let open = Connection {
            url: "http://127.0.0.1:8700",
            toolset: None,
            guarded: false,
            program: "/usr/bin/althing",
            arguments: &[],
        };
        insta::assert_snapshot!("open", blocks(&open));
        let arguments = ["--data".to_owned(), "/srv/althing".to_owned()];
        let guarded = Connection {
            url: "https://tools.example/",
            toolset: Some("tools"),
            guarded: true,
            arguments: &arguments,
            ..open
        };
        insta::assert_snapshot!("guarded", blocks(&guarded));
    }
}
