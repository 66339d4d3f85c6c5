//! The clients that are known, and where they keep their servers.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::{Scope, Source, codex};

/// A client whose servers can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KnownClient {
    /// `~/.claude.json`, for this folder and for all, and `.mcp.json` in this folder
    ClaudeCode,
    /// `claude_desktop_config.json`
    ClaudeDesktop,
    /// `~/.cursor/mcp.json`, and `.cursor/mcp.json` in this folder
    Cursor,
    /// The user's `mcp.json` and `settings.json`, and `.vscode/mcp.json` in this folder
    Vscode,
    /// `~/.codeium/windsurf/mcp_config.json`
    Windsurf,
    /// `~/.gemini/settings.json`, and `.gemini/settings.json` in this folder
    Gemini,
    /// `~/.codex/config.toml`, and `.codex/config.toml` in this folder
    Codex,
    /// `~/.config/opencode/opencode.json`, and `opencode.json` in this folder
    Opencode,
    /// The user's `settings.json`, and `.zed/settings.json` in this folder
    Zed,
    /// `~/.copilot/mcp-config.json`
    Copilot,
}

impl KnownClient {
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Where it may keep them, what counts for more first: of its user before what a folder brings along. Those of Claude Code
    /// depend on what else is there.
    pub(super) fn sources(self, home: &Path, config: &Path, folder: &Path) -> Vec<Source> {
        let mac = home.join("Library/Application Support");
        let of_user = |file: &str| [config, &mac].map(|folder| folder.join(file));
        let user = |file: PathBuf, object: &[&str]| Source::new(file, Scope::User, object);
        let project = |file: &str, object: &[&str]| Source::new(folder.join(file), Scope::Project, object);
        match self {
            Self::ClaudeCode => Vec::new(),
            Self::ClaudeDesktop => {
                of_user("Claude/claude_desktop_config.json").map(|file| user(file, &["mcpServers"])).into()
            }
            Self::Cursor => {
                let file = ".cursor/mcp.json";
                vec![user(home.join(file), &["mcpServers"]), project(file, &["mcpServers"])]
            }
            Self::Vscode => {
                let servers = of_user("Code/User/mcp.json").map(|file| user(file, &["servers"]));
                let settings = of_user("Code/User/settings.json").map(|file| user(file, &["mcp", "servers"]));
                let of_folder = project(".vscode/mcp.json", &["servers"]);
                servers.into_iter().chain(settings).chain([of_folder]).collect()
            }
            Self::Windsurf => vec![user(home.join(".codeium/windsurf/mcp_config.json"), &["mcpServers"])],
            Self::Codex => {
                let (file, object) = (".codex/config.toml", [codex::OBJECT]);
                let toml = |source| Source { is_toml: true, ..source };
                vec![toml(user(home.join(file), &object)), toml(project(file, &object))]
            }
            Self::Opencode => {
                let names = ["opencode.json", "opencode.jsonc"];
                let of_user = names.map(|file| user(home.join(".config/opencode").join(file), &["mcp"]));
                of_user.into_iter().chain(names.map(|file| project(file, &["mcp"]))).collect()
            }
            Self::Zed => vec![
                user(config.join("zed/settings.json"), &["context_servers"]),
                project(".zed/settings.json", &["context_servers"]),
            ],
            Self::Copilot => vec![user(home.join(".copilot/mcp-config.json"), &["mcpServers"])],
            Self::Gemini => {
                let file = ".gemini/settings.json";
                vec![user(home.join(file), &["mcpServers"]), project(file, &["mcpServers"])]
            }
        }
    }
}
