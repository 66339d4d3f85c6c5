//! The files in which other MCP clients keep their servers.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use exuvia_upstream::{ConfigError, Environment, McpServers, parse_mcp_servers};

use super::found::Found;
use super::paths::{Contents, read};

/// A client whose servers can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KnownClient {
    /// `.mcp.json` in this folder, and `~/.claude.json`
    ClaudeCode,
    /// `claude_desktop_config.json`
    ClaudeDesktop,
    /// `.cursor/mcp.json` in this folder, and `~/.cursor/mcp.json`
    Cursor,
    /// `.vscode/mcp.json` in this folder, and the user's `mcp.json`
    Vscode,
}

impl KnownClient {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Where it may keep them, what counts for more first: of a folder before those of its user.
    fn files(self, home: &Path, config: &Path) -> Vec<PathBuf> {
        let mac = home.join("Library/Application Support");
        match self {
            Self::ClaudeCode => vec![".mcp.json".into(), home.join(".claude.json")],
            Self::ClaudeDesktop => {
                [config, &mac].map(|folder| folder.join("Claude/claude_desktop_config.json")).to_vec()
            }
            Self::Cursor => vec![".cursor/mcp.json".into(), home.join(".cursor/mcp.json")],
            Self::Vscode => {
                let of_user = [config, &mac].map(|folder| folder.join("Code/User/mcp.json"));
                std::iter::once(".vscode/mcp.json".into()).chain(of_user).collect()
            }
        }
    }
}

/// Adds the servers of a client. One whose name is taken is left out: nobody can rename it for us.
pub(super) fn import(client: KnownClient, config_dir: Option<&Path>, environment: Environment<'_>, found: &mut Found) {
    let error = |message: String| ConfigError::of_file(format!("--import {}", client.name()), message);
    let (Some(home), Some(config)) = ((environment.variable)("HOME"), config_dir) else {
        return found.errors.push(error("there is no home directory to look into".to_owned()));
    };
    let files = client.files(Path::new(&home), config);
    found.files.extend(files.iter().cloned());
    let texts: Vec<(String, String)> = files
        .iter()
        .filter(|file| file.exists())
        .filter_map(|file| {
            let name = file.display().to_string();
            match read(file) {
                Ok(Contents { text, doubts }) => {
                    found.doubt(&name, doubts);
                    Some((name, text))
                }
                Err(message) => {
                    found.errors.push(ConfigError::of_file(&name, message));
                    None
                }
            }
        })
        // Claude Code keeps much else in its file.
        .filter(|(_, text)| text.contains("\"mcpServers\"") || text.contains("\"servers\""))
        .collect();
    if texts.is_empty() {
        let places: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        return found.errors.push(error(format!("no servers are there; looked into {}", places.join(", "))));
    }
    for (name, text) in texts {
        let mut servers = parse_mcp_servers(&text, &name, environment);
        leave_out_what_is_there(&mut servers, &name, found);
        found.add(servers, &name);
    }
}

fn leave_out_what_is_there(servers: &mut McpServers, file: &str, found: &mut Found) {
    let taken: HashSet<String> = found.named.iter().map(|named| named.name.clone()).collect();
    servers.servers.retain(|server| !taken.contains(&server.name));
    for (name, line) in servers.names.extract_if(.., |(name, _)| taken.contains(name.as_str())) {
        let notice = ConfigError::of_file(file, "another server has this name; left out");
        found
            .config
            .notices
            .push(notice.at_key(format!("{}.{}", servers.object, name.escape_debug())).at_line(Some(line)));
    }
}
