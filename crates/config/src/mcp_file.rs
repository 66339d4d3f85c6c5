//! `mcpServers` files, with the files of variables that they name.

use std::path::{Path, PathBuf};

use crate::builder::ConfigBuilder;
use crate::paths::{self, Contents};
use crate::servers::check;
use crate::{ConfigError, EnvFile, Environment, McpServers, Transport, parse_mcp_servers, parse_mcp_servers_at};

/// The name under which the folder is looked up that an editor has open.
const WORKSPACE: &str = "workspaceFolder";
/// Folders in which editors keep what belongs to the folder around them.
const EDITORS: [&str; 2] = [".vscode", ".cursor"];

/// The servers of a file, of the object at this path where one is named.
pub(super) fn parse(
    text: &str,
    file: &str,
    object: Option<&[&str]>,
    workspace: &Path,
    environment: Environment<'_>,
) -> McpServers {
    let folder = workspace.display().to_string();
    let variable = |name: &str| if name == WORKSPACE { Some(folder.clone()) } else { (environment.variable)(name) };
    let environment = Environment { variable: &variable, ..environment };
    match object {
        Some(path) => parse_mcp_servers_at(text, path, file, environment),
        None => parse_mcp_servers(text, file, environment),
    }
}

/// Adds the servers of a file that the operator named.
pub(super) fn add(text: &str, file: &Path, environment: Environment<'_>, builder: &mut ConfigBuilder) {
    let (name, workspace) = (file.display().to_string(), workspace_of(file));
    let mut servers = parse(text, &name, None, &workspace, environment);
    read_variables(&mut servers, &name, &workspace, builder);
    builder.add(servers, &name);
}

/// The folder that an editor had open to which this file belongs; else the one that this program was started in.
fn workspace_of(file: &Path) -> PathBuf {
    let file = std::path::absolute(file).unwrap_or_default();
    let folder = file.parent().filter(|folder| EDITORS.iter().any(|name| folder.ends_with(name)));
    folder.and_then(Path::parent).map_or_else(|| std::env::current_dir().unwrap_or_default(), Path::to_owned)
}

/// Adds what files of variables say. A server whose file cannot be read is left out.
pub(super) fn read_variables(servers: &mut McpServers, file: &str, workspace: &Path, builder: &mut ConfigBuilder) {
    for (name, EnvFile { path, given }) in std::mem::take(&mut servers.env_files) {
        let Some(server) = servers.servers.iter().position(|server| server.name == name) else { continue };
        let path = workspace.join(path);
        builder.files.push(path.clone());
        let place = path.display().to_string();
        match paths::read(&path) {
            Ok(Contents { text, doubts }) => {
                builder.doubt(&place, doubts);
                if let Transport::Stdio(stdio) = &mut servers.servers[server].transport {
                    let new = variables(&text).filter(|(name, _)| !given.contains(name));
                    stdio.env.extend(new);
                }
            }
            Err(message) => {
                servers.servers.remove(server);
                servers.tool_lists.remove(&name);
                let key = format!("{}.{}.envFile", servers.object, name.escape_debug());
                let message = format!("{place}: {message}; server skipped");
                builder.config.notices.push(ConfigError::of_file(file, message).at_key(key));
            }
        }
    }
}

/// `NAME=value`, one on a line, as in files called `.env`.
fn variables(text: &str) -> impl Iterator<Item = (String, String)> {
    let text = text.trim_start_matches('\u{feff}');
    text.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        let (name, value) = (name.trim(), value.trim());
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
        let value = match quote.and_then(|quote| Some((quote, value[1..].find(quote)?))) {
            Some(('"', end)) => value[1..=end].replace("\\n", "\n"),
            Some((_, end)) => value[1..=end].to_owned(),
            None => value.split(" #").next().unwrap_or_default().trim_end().to_owned(),
        };
        (check::variable_name(name).is_ok() && !value.contains('\0')).then(|| (name.to_owned(), value))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ConfiguredServer;

    #[test]
    fn lines_of_variables_are_read_as_programs_write_them() {
        let text =
            "\u{feff}A=1\n# C=2\nexport B = \"x y\" # z\nD='a\"b'\nE=a b # c\nF=\nno\n=x\nG=a=b\r\nH=\"1\\n2\"\n";
        let read: Vec<(String, String)> = variables(text).collect();
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            read,
            [("A", "1"), ("B", "x y"), ("D", "a\"b"), ("E", "a b"), ("F", ""), ("G", "a=b"), ("H", "1\n2")]
        );
    }

    #[test]
    fn a_file_of_an_editor_is_at_home_in_the_folder_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().canonicalize().unwrap();
        let file = here.join(".vscode/mcp.json");
        fs::create_dir(here.join(".vscode")).unwrap();
        fs::write(here.join(".env"), "A=file\nB=file\n").unwrap();
        let text = r#"{"servers": {
            "good": {"command": "${workspaceFolder}/run", "envFile": "${workspaceFolder}/.env", "env": {"A": "entry"}},
            "beside": {"command": "x", "envFile": ".env"}, "gone": {"command": "x", "envFile": "gone.env"}}}"#;
        let mut builder = ConfigBuilder::default();
        add(text, &file, Environment { variable: &|_| None, token_dir: None }, &mut builder);
        let [ConfiguredServer { config: good, .. }, ConfiguredServer { config: beside, .. }] =
            &builder.config.servers[..]
        else {
            panic!()
        };
        let Transport::Stdio(stdio) = &good.transport else { panic!() };
        assert_eq!(stdio.command, here.join("run").display().to_string());
        assert_eq!((&*stdio.env["A"], &*stdio.env["B"]), ("entry", "file"));
        assert_eq!(beside.name, "beside");
        let told = builder.config.notices[0].to_string();
        assert!(told.contains("servers.gone.envFile: ") && told.contains("gone.env: No such file"), "{told}");
        assert!(builder.files.contains(&here.join(".env")));
    }
}
