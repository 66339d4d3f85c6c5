//! The servers of a client's file as `exuvia.toml` can hold them: with references to variables in place of their values.

mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::project::Project;
use super::{Format, Gathered, Places, Scope, Source, common_form, gather};
use crate::builder::{ConfigBuilder, own_arguments};
use crate::{
    ConfigError, Environment, KnownClient, McpServers, Paths, ServerConfig, ToolLists, Transport, mcp_file,
    passed_variables, paths,
};
use references::{References, without_inputs};

/// For whom the servers of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerScope {
    /// The user, in every folder.
    User,
    /// The user, in this folder.
    Local,
    /// Everybody who has the folder.
    Project,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSyntax {
    /// JSON, perhaps with comments and trailing commas.
    Json,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

/// A place where a client may keep servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFile {
    /// The file, whether it is there or not.
    pub file: PathBuf,
    /// The path of the object with the servers in it.
    pub object: Vec<String>,
    /// For whom they are.
    pub scope: ServerScope,
    /// How it is written.
    pub syntax: FileSyntax,
}

/// Where the files of clients and of this program lie.
#[derive(Debug, Clone)]
pub struct ClientPaths {
    /// The user's home.
    pub home: PathBuf,
    /// Where programs keep their configuration.
    pub config_dir: PathBuf,
    /// The folder that the client works in.
    pub folder: PathBuf,
    /// Where an administrator keeps what holds for everybody.
    pub system: PathBuf,
    /// The tokens of servers over HTTP.
    pub token_dir: Option<PathBuf>,
}

impl ClientPaths {
    /// Those of this user, in this folder. None: there is no home.
    #[must_use]
    pub fn of_user(folder: PathBuf) -> Option<Self> {
        let Paths { config_dir, token_dir, .. } = Paths::of_user();
        let home = PathBuf::from(paths::variable("HOME").filter(|home| !home.is_empty())?);
        Some(Self { home, config_dir: config_dir?, folder, system: crate::sources::SYSTEM.into(), token_dir })
    }

    /// The root of the repository around the folder, or the folder.
    #[must_use]
    pub fn project_root(&self) -> PathBuf {
        let project = Project::of(&self.folder, &self.home);
        project.folders.last().map_or_else(|| self.folder.clone(), Clone::clone)
    }
}

/// A server that can be written into `exuvia.toml`.
#[derive(Debug, Clone)]
pub struct MovableServer {
    /// Its name in the client.
    pub name: String,
    /// What it is, with `${NAME:-}` where the client has a reference. Of a process, the environment is what the entry gives alone.
    pub server: ServerConfig,
    /// The address, as it is to be written. None: it is a process.
    pub url: Option<String>,
    /// What the client lets be called of it.
    pub lists: ToolLists,
    /// The variables that it refers to, each with the client's own reference to it: `TOKEN`, `${input:token}`.
    pub variables: BTreeMap<String, String>,
    /// What it comes to with the variables of this environment, as the client's own file is read.
    pub resolved: Option<Transport>,
}

/// The servers of one place.
#[derive(Debug, Default)]
pub struct ClientServers {
    /// Those that can be moved, in the order of the file.
    pub movable: Vec<MovableServer>,
    /// The entries that are Exuvia: their names and arguments.
    pub own: Vec<(String, Vec<String>)>,
    /// The names of those that stay where they are, with the reason.
    pub staying: Vec<(String, String)>,
    /// What is wrong with the file or with the client's settings. Nothing is to be moved then.
    pub errors: Vec<ConfigError>,
    /// What the settings hold that is not moved.
    pub notices: Vec<ConfigError>,
}

impl KnownClient {
    /// Where it may keep servers, what counts for more first. Of Claude Code with a folder that it does not have an entry for, also
    /// the place of that entry.
    ///
    /// # Errors
    ///
    /// What is wrong with the client's settings.
    pub fn places(self, paths: &ClientPaths) -> Result<Vec<ClientFile>, Vec<ConfigError>> {
        let mut builder = ConfigBuilder::default();
        let gathered = of_client(self, paths, &paths::variable, &mut builder);
        if !builder.errors.is_empty() {
            return Err(builder.errors);
        }
        Ok(gathered.sources.iter().map(ClientFile::of).collect())
    }

    /// Reads the servers of one of its places, whose text this is.
    #[must_use]
    pub fn servers(self, place: &ClientFile, text: &str, paths: &ClientPaths) -> ClientServers {
        let mut builder = ConfigBuilder::default();
        let gathered = of_client(self, paths, &paths::variable, &mut builder);
        let mut found = ClientServers::default();
        let reading = Reading { client: self, place, paths, gathered: &gathered };
        match reading.marked(text, &mut builder) {
            Ok((servers, references)) => {
                let resolved = reading.resolved(text).unwrap_or_default();
                reading.sort(servers, &references, &resolved, &mut found);
            }
            Err(message) => builder.errors.push(reading.error(message)),
        }
        found.errors.extend(builder.errors);
        found.notices.extend(builder.config.notices);
        found
    }
}

impl ClientFile {
    fn of(source: &Source) -> Self {
        let scope = match source.scope {
            Scope::User => ServerScope::User,
            Scope::Local => ServerScope::Local,
            Scope::Project => ServerScope::Project,
        };
        let syntax = match source.format {
            Format::Json => FileSyntax::Json,
            Format::Codex => FileSyntax::Toml,
            Format::Goose => FileSyntax::Yaml,
        };
        Self { file: source.file.clone(), object: source.object.clone(), scope, syntax }
    }

    fn format(&self) -> Format {
        match self.syntax {
            FileSyntax::Json => Format::Json,
            FileSyntax::Toml => Format::Codex,
            FileSyntax::Yaml => Format::Goose,
        }
    }
}

fn of_client(
    client: KnownClient,
    paths: &ClientPaths,
    variable: &dyn Fn(&str) -> Option<String>,
    builder: &mut ConfigBuilder,
) -> Gathered {
    let places = Places {
        environment: Environment { variable, token_dir: paths.token_dir.as_deref() },
        config_dir: Some(&paths.config_dir),
        folder: &paths.folder,
        system: &paths.system,
        starts_project: true,
    };
    let project = Project::of(&paths.folder, &paths.home);
    gather(client, &paths.home, &paths.config_dir, &places, &project, builder)
}

struct Reading<'a> {
    client: KnownClient,
    place: &'a ClientFile,
    paths: &'a ClientPaths,
    gathered: &'a Gathered,
}

impl Reading<'_> {
    fn error(&self, message: String) -> ConfigError {
        ConfigError::of_file(self.place.file.display().to_string(), message)
    }

    fn common(&self, text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
        let environment = Environment { variable, token_dir: None };
        common_form(self.client, self.place.format(), text.to_owned(), environment)
    }

    fn parse(&self, text: &str, variable: &dyn Fn(&str) -> Option<String>) -> McpServers {
        let name = self.place.file.display().to_string();
        let object: Vec<&str> = self.place.object.iter().map(String::as_str).collect();
        let environment = Environment { variable, token_dir: self.paths.token_dir.as_deref() };
        mcp_file::parse(text, &name, Some(&object), &self.workspace(), environment)
    }

    /// The folder that relative paths of the entries start from.
    fn workspace(&self) -> PathBuf {
        self.paths.folder.clone()
    }

    /// The servers, with marks in place of references.
    fn marked(&self, text: &str, builder: &mut ConfigBuilder) -> Result<(McpServers, References), String> {
        // Whatever is passed on by name is passed on.
        let common = self.common(text, &|_| Some(String::new()))?;
        let (marked, references) = References::mark(&common);
        let mut servers = self.parse(&marked, &|name| self.of_folder(name));
        let name = self.place.file.display().to_string();
        self.gathered.restrictions.hold(&mut servers, &name, self.place.scope == ServerScope::Project, builder);
        mcp_file::read_variables(&mut servers, &name, &self.workspace(), builder);
        builder.errors.append(&mut servers.errors);
        Ok((servers, references))
    }

    fn of_folder(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| self.paths.home.display().to_string())
    }

    /// What the servers come to in this environment, as the client's file is read; variables that are not set are empty.
    fn resolved(&self, text: &str) -> Option<BTreeMap<String, Transport>> {
        let is_passed = |name: &str| crate::PASSED_VARIABLES.contains(&name);
        let set = |name: &str| paths::variable(name).or((!is_passed(name)).then(String::new));
        let common = without_inputs(&self.common(text, &set).ok()?);
        let mut builder = ConfigBuilder::default();
        let variable = |name: &str| match name.starts_with("file:") {
            true => None,
            false => set(name),
        };
        let mut servers = self.parse(&common, &variable);
        mcp_file::read_variables(&mut servers, "", &self.workspace(), &mut builder);
        Some(servers.servers.into_iter().map(|server| (server.name, server.transport)).collect())
    }

    fn sort(
        &self,
        servers: McpServers,
        references: &References,
        resolved: &BTreeMap<String, Transport>,
        found: &mut ClientServers,
    ) {
        let mut read = BTreeSet::new();
        for server in servers.servers {
            read.insert(server.name.clone());
            if let Transport::Stdio(stdio) = &server.transport
                && let Some(args) = own_arguments(stdio)
            {
                // Its references are the client's own, and stay as they are.
                found.own.push((server.name, args.iter().map(|arg| references.written(arg)).collect()));
                continue;
            }
            let lists = servers.tool_lists.get(&server.name).cloned().unwrap_or_default();
            let resolved = resolved.get(&server.name).cloned();
            match self.movable(server, lists, references, resolved) {
                Ok(server) => found.movable.push(server),
                Err((name, why)) => found.staying.push((name, why)),
            }
        }
        let why = |name: &str| {
            let key = format!("{}.{}", servers.object, name.escape_debug());
            let of_it = |notice: &&ConfigError| notice.key == key || notice.key.starts_with(&format!("{key}."));
            let why = servers.notices.iter().find(of_it).map(|notice| notice.message.clone());
            why.map_or_else(|| "it cannot be read".to_owned(), |why| why.replace("; server skipped", ""))
        };
        let mut seen = BTreeSet::new();
        let left = servers.names.iter().map(|(name, _)| name).filter(|name| !read.contains(*name));
        found.staying.extend(left.filter(|name| seen.insert((*name).clone())).map(|name| (name.clone(), why(name))));
        found.staying.extend(servers.off.into_iter().map(|name| (name, "is disabled".to_owned())));
    }

    fn movable(
        &self,
        mut server: ServerConfig,
        lists: ToolLists,
        references: &References,
        resolved: Option<Transport>,
    ) -> Result<MovableServer, (String, String)> {
        let passed = passed_variables(&|name| self.of_folder(name));
        let mut variables = BTreeMap::new();
        let mut unmark = |text: &mut String| *text = references.unmark(text, &mut variables);
        let mut url = None;
        match &mut server.transport {
            Transport::Stdio(stdio) => {
                stdio.env.retain(|name, value| passed.get(name) != Some(value));
                unmark(&mut stdio.command);
                stdio.args.iter_mut().for_each(&mut unmark);
                stdio.env.values_mut().for_each(&mut unmark);
                if let Some(cwd) = &mut stdio.cwd {
                    let mut text = cwd.display().to_string();
                    unmark(&mut text);
                    *cwd = text.into();
                }
            }
            Transport::Http(http) => {
                let mut text = http.url.as_str().to_owned();
                unmark(&mut text);
                url = Some(text);
                for value in http.headers.values_mut() {
                    let mut text = String::from_utf8_lossy(value.as_bytes()).into_owned();
                    unmark(&mut text);
                    let sensitive = value.is_sensitive();
                    *value = text
                        .parse()
                        .map_err(|_| (server.name.clone(), "has a header that cannot be written".into()))?;
                    value.set_sensitive(sensitive);
                }
                if let Some(helper) = &mut http.header_command {
                    helper.env.retain(|name, value| passed.get(name) != Some(value));
                    helper.args.iter_mut().for_each(&mut unmark);
                    helper.env.values_mut().for_each(&mut unmark);
                }
                if let Some(crate::Grant::Code(code)) = http.oauth.as_mut().map(|oauth| &mut oauth.grant) {
                    code.client_id.iter_mut().for_each(&mut unmark);
                    code.client_secret.iter_mut().for_each(&mut unmark);
                }
            }
        }
        if leads_nowhere(&server, self.place.scope) {
            let why = "its program is named from the folder that the client works in; write the whole path";
            return Err((server.name, why.to_owned()));
        }
        Ok(MovableServer { name: server.name.clone(), server, url, lists, variables, resolved })
    }
}

/// Paths of a user's servers start where the client does, those of `exuvia.toml` in its folder: only a project has both in one place.
fn leads_nowhere(server: &ServerConfig, scope: ServerScope) -> bool {
    let Transport::Stdio(stdio) = &server.transport else { return false };
    let is_from_here = |path: &Path| path.is_relative() && !path.starts_with("~") && !path.starts_with("${HOME:-}");
    let command = Path::new(&stdio.command);
    let is_path = stdio.command.contains('/');
    scope != ServerScope::Project
        && ((is_path && is_from_here(command)) || stdio.cwd.as_deref().is_some_and(is_from_here))
}
