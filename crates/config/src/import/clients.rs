//! The supported clients, and where they store their servers.

use std::path::{Path, PathBuf};

use super::project::Project;
use super::{Format, Scope, Source, codex, goose};

/// A client whose servers can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownClient {
    /// Claude Code.
    ClaudeCode,
    /// Claude Desktop.
    ClaudeDesktop,
    /// Cursor.
    Cursor,
    /// VS Code.
    Vscode,
    /// Windsurf.
    Windsurf,
    /// Gemini CLI.
    Gemini,
    /// Codex.
    Codex,
    /// opencode.
    Opencode,
    /// Zed.
    Zed,
    /// Copilot CLI.
    Copilot,
    /// Goose.
    Goose,
}

/// Each of them with its name on the command line, and where it keeps its servers.
const CLIENTS: [(KnownClient, &str, &str); 11] = [
    (
        KnownClient::ClaudeCode,
        "claude-code",
        "`~/.claude.json`, for this project and for all, and `.mcp.json` from this folder up to the repository's root",
    ),
    (KnownClient::ClaudeDesktop, "claude-desktop", "`claude_desktop_config.json`"),
    (KnownClient::Cursor, "cursor", "`~/.cursor/mcp.json`, and `.cursor/mcp.json` in this folder"),
    (KnownClient::Vscode, "vscode", "The user's `mcp.json` and `settings.json`, and `.vscode/mcp.json` in this folder"),
    (KnownClient::Windsurf, "windsurf", "`~/.codeium/windsurf/mcp_config.json`"),
    (KnownClient::Gemini, "gemini", "`~/.gemini/settings.json`, and `.gemini/settings.json` in this folder"),
    (
        KnownClient::Codex,
        "codex",
        "`~/.codex/config.toml`, and `.codex/config.toml` from this folder up to the repository's root",
    ),
    (
        KnownClient::Opencode,
        "opencode",
        "`~/.config/opencode/opencode.json`, and `opencode.json` from this folder up to the repository's root",
    ),
    (KnownClient::Zed, "zed", "The user's `settings.json`, and `.zed/settings.json` in this folder"),
    (KnownClient::Copilot, "copilot", "`~/.copilot/mcp-config.json`"),
    (KnownClient::Goose, "goose", "`~/.config/goose/config.yaml`"),
];

impl KnownClient {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        CLIENTS.iter().map(|(client, ..)| *client)
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        CLIENTS[self as usize].1
    }

    /// Where it keeps its servers, for people.
    #[must_use]
    pub fn files(self) -> &'static str {
        CLIENTS[self as usize].2
    }

    /// Where it may keep them, what counts for more first: of its user before what a folder brings along. Those of Claude Code
    /// depend on what else is there.
    pub(super) fn sources(self, home: &Path, config: &Path, around: &Project) -> Vec<Source> {
        let mac = home.join("Library/Application Support");
        let of_user = |file: &str| [config, &mac].map(|folder| folder.join(file));
        let user = |file: PathBuf, object: &[&str]| Source::new(file, Scope::User, object);
        // Editors know one folder, the command lines of Codex and opencode all those above it.
        let all = |file: &str, object: &[&str]| -> Vec<Source> {
            around.folders.iter().map(|folder| Source::new(folder.join(file), Scope::Project, object)).collect()
        };
        let project = |file: &str, object: &[&str]| all(file, object).into_iter().take(1);
        let in_format = |sources: Vec<Source>, format| -> Vec<Source> {
            sources.into_iter().map(|source| Source { format, ..source }).collect()
        };
        match self {
            Self::ClaudeCode => Vec::new(),
            Self::ClaudeDesktop => {
                of_user("Claude/claude_desktop_config.json").map(|file| user(file, &["mcpServers"])).into()
            }
            Self::Cursor => {
                let file = ".cursor/mcp.json";
                std::iter::once(user(home.join(file), &["mcpServers"])).chain(project(file, &["mcpServers"])).collect()
            }
            Self::Vscode => {
                let servers = of_user("Code/User/mcp.json").map(|file| user(file, &["servers"]));
                let settings = of_user("Code/User/settings.json").map(|file| user(file, &["mcp", "servers"]));
                let of_folder = project(".vscode/mcp.json", &["servers"]);
                servers.into_iter().chain(settings).chain(of_folder).collect()
            }
            Self::Windsurf => vec![user(home.join(".codeium/windsurf/mcp_config.json"), &["mcpServers"])],
            Self::Codex => {
                let (file, object) = (".codex/config.toml", [codex::OBJECT]);
                let of_user = std::iter::once(user(home.join(file), &object));
                in_format(of_user.chain(all(file, &object)).collect(), Format::Codex)
            }
            Self::Opencode => {
                let names = ["opencode.json", "opencode.jsonc"];
                let of_user = names.map(|file| user(home.join(".config/opencode").join(file), &["mcp"]));
                let of_folders =
                    |folder: &PathBuf| names.map(|file| Source::new(folder.join(file), Scope::Project, &["mcp"]));
                of_user.into_iter().chain(around.folders.iter().flat_map(of_folders)).collect()
            }
            Self::Zed => {
                let (of_user, object) = (config.join("zed/settings.json"), ["context_servers"]);
                std::iter::once(user(of_user, &object)).chain(project(".zed/settings.json", &object)).collect()
            }
            Self::Goose => in_format(vec![user(config.join("goose/config.yaml"), &[goose::OBJECT])], Format::Goose),
            Self::Copilot => vec![user(home.join(".copilot/mcp-config.json"), &["mcpServers"])],
            Self::Gemini => {
                let file = ".gemini/settings.json";
                std::iter::once(user(home.join(file), &["mcpServers"])).chain(project(file, &["mcpServers"])).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_name_of_its_own() {
        for (index, client) in KnownClient::all().enumerate() {
            assert_eq!(client as usize, index, "{}", client.name());
        }
        assert_eq!((KnownClient::ClaudeCode.name(), KnownClient::Goose.name()), ("claude-code", "goose"));
    }
}
