//! Which servers are moved, under which names, and what the configuration says of them then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_config::{
    Config, ConfigErrors, Http, KnownClient, MovableServer, PASSED_VARIABLES, Paths, Sources, Stdio, Transport,
};

use super::server_table::server_table;

/// The configuration that servers are moved to.
pub(super) struct Destination {
    sources: Sources,
    text: String,
    /// The names of its servers, those that are disabled too.
    names: BTreeSet<String>,
    /// What its servers are.
    servers: BTreeMap<String, Transport>,
    /// The folder that relative paths of a project's servers start from. Paths of other servers are absolute.
    project: Option<PathBuf>,
}

/// What is moved.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) block: String,
    pub(super) moved: Vec<(String, String)>,
    pub(super) there: Vec<String>,
    pub(super) staying: Vec<(String, String)>,
    /// Which of the servers leave the client, by their number.
    pub(super) leaving: BTreeSet<usize>,
}

impl Destination {
    /// # Errors
    ///
    /// The configuration has errors.
    pub(super) fn read(file: &Path, text: &str, project: Option<PathBuf>) -> Result<Self> {
        let sources = Sources { config: Some(PathBuf::from(file)), ..Sources::default() };
        let config = sources.load_with(text, &Paths::of_user());
        let config = config.map_err(anyhow::Error::new).with_context(|| {
            format!("{} is to be corrected first (exuvia config check shows all of it)", file.display())
        })?;
        let written: toml::Table = toml::from_str(text).context("the configuration")?;
        let tables = written.get("servers").and_then(toml::Value::as_table);
        let mut names: BTreeSet<String> = tables.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let servers = transports(config);
        names.extend(servers.keys().cloned());
        Ok(Self { sources, text: text.to_owned(), names, servers, project })
    }

    /// What the configuration holds with this at its end.
    fn with(&self, block: &str) -> Result<BTreeMap<String, Transport>, ConfigErrors> {
        self.sources.load_with(&format!("{}{block}", self.text), &Paths::of_user()).map(transports)
    }

    fn has_the_same(&self, server: &MovableServer) -> bool {
        let same = |transport: &Transport| server.resolved.as_ref().is_some_and(|own| self.is_same(own, transport));
        self.servers.get(&server.name).is_some_and(same)
    }

    /// Whether both are the same server, the first as its client has it.
    fn is_same(&self, own: &Transport, there: &Transport) -> bool {
        match (own, there) {
            (Transport::Stdio(own), Transport::Stdio(there)) => {
                let mut own = own.clone();
                if let Some(project) = &self.project {
                    if own.command.contains('/') && Path::new(&own.command) != Path::new(&there.command) {
                        own.command = project.join(&own.command).display().to_string();
                    }
                    own.cwd = own.cwd.map(|cwd| project.join(cwd));
                }
                let same_command = Path::new(&own.command) == Path::new(&there.command);
                same_command && Stdio { command: there.command.clone(), ..own } == *there
            }
            (Transport::Http(own), Transport::Http(there)) => comparable(own) == comparable(there),
            _ => false,
        }
    }

    /// A name that is not taken.
    fn name(&self, name: &str, taken: &BTreeSet<String>, client: KnownClient) -> String {
        let is_free = |name: &String| !self.names.contains(name) && !taken.contains(name);
        let others = (2..).map(|number| format!("{name}-{}-{number}", client.name()));
        let mut names = [name.to_owned(), format!("{name}-{}", client.name())].into_iter().chain(others);
        names.find(is_free).unwrap_or_else(|| name.to_owned())
    }
}

fn transports(config: Config) -> BTreeMap<String, Transport> {
    config.servers.into_iter().map(|server| (server.config.name, server.config.transport)).collect()
}

/// Sorts the servers. What would not run in the configuration as it runs in the client stays there.
pub(super) fn choose<'a>(
    servers: impl Iterator<Item = &'a MovableServer>,
    destination: &Destination,
    client: KnownClient,
) -> Result<Chosen> {
    let mut chosen = Chosen::default();
    let (mut taken, mut tables) = (BTreeSet::new(), Vec::new());
    for (number, server) in servers.enumerate() {
        if destination.has_the_same(server) {
            chosen.leaving.insert(number);
            chosen.there.push(server.name.clone());
            continue;
        }
        let name = destination.name(&server.name, &taken, client);
        taken.insert(name.clone());
        match fits(destination, &name, server) {
            Ok(table) => {
                chosen.leaving.insert(number);
                tables.push(table);
                chosen.moved.push((server.name.clone(), name));
            }
            Err(why) => chosen.staying.push((server.name.clone(), why)),
        }
    }
    if !tables.is_empty() {
        chosen.block = block(&destination.text, client, &tables);
        if let Err(errors) = destination.with(&chosen.block) {
            bail!("the servers cannot be added to the configuration: {errors}");
        }
    }
    Ok(chosen)
}

/// The table of a server, if it means the same there.
fn fits(destination: &Destination, name: &str, server: &MovableServer) -> Result<String, String> {
    let table = server_table(name, server);
    let found = destination.with(&format!("\n{table}"));
    let found = found.map_err(|errors| match errors.errors.first() {
        Some(error) => format!("exuvia.toml cannot hold it: {}: {}", error.key, error.message),
        None => "exuvia.toml cannot hold it".to_owned(),
    })?;
    match (found.get(name), &server.resolved) {
        (Some(there), Some(own)) if destination.is_same(own, there) => Ok(table),
        _ => Err("it would not start from exuvia.toml as the client starts it".to_owned()),
    }
}

/// A server over HTTP without what has its name, or comes from the environment of every command.
fn comparable(http: &Http) -> Http {
    let mut http = http.clone();
    if let Some(oauth) = &mut http.oauth {
        oauth.token_file = PathBuf::new();
    }
    if let Some(helper) = &mut http.header_command {
        helper.env.retain(|name, _| !PASSED_VARIABLES.contains(&name.as_str()));
    }
    http
}

fn block(text: &str, client: KnownClient, tables: &[String]) -> String {
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{gap}# From {}, by `exuvia setup`.\n{}", client.name(), tables.join("\n"))
}
