//! What a setup does, before anything is done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_config::{ClientFile, ClientPaths, ClientServers, KnownClient, MovableServer, ServerScope, from_home};
use serde_json::Value;

use super::clients::{self, NAME};
use super::diff::Secrets;
use super::edit::{self, Edit};
use super::files;
use super::moved::{self, Destination};
use super::program::Program;

/// A file, and what becomes of it.
pub(super) struct Change {
    pub(super) file: PathBuf,
    pub(super) before: Option<String>,
    pub(super) after: String,
    /// Who may read it, where it is new.
    pub(super) new_mode: u32,
    /// The edits of a client's file: what is undone where the file was changed since.
    pub(super) objects: Vec<Vec<String>>,
}

/// All of it.
pub(super) struct Plan {
    pub(super) config: PathBuf,
    /// The end of the configuration that is new.
    pub(super) block: String,
    /// The configuration first: what it has twice for a moment does no harm.
    pub(super) changes: Vec<Change>,
    /// Names in the client and in the configuration.
    pub(super) moved: Vec<(String, String)>,
    /// Those that the configuration had already.
    pub(super) there: Vec<String>,
    pub(super) staying: Vec<(String, String)>,
    pub(super) notices: Vec<String>,
    pub(super) secrets: Secrets,
}

/// What is asked for.
pub(super) struct Request<'a> {
    pub(super) client: KnownClient,
    pub(super) scope: ServerScope,
    pub(super) paths: &'a ClientPaths,
    pub(super) config: PathBuf,
    /// It was asked for, and is not the default.
    pub(super) is_config_given: bool,
    pub(super) program: Program,
}

/// A place of the client's servers with what is in it.
struct Place {
    place: ClientFile,
    servers: ClientServers,
    /// The number of its first server among all that can be moved.
    first: usize,
}

impl Place {
    /// Those of its servers that leave it.
    fn leaving<'a>(&'a self, leaving: &'a BTreeSet<usize>) -> impl Iterator<Item = &'a MovableServer> {
        let numbered = self.servers.movable.iter().zip(self.first..);
        numbered.filter(|(_, number)| leaving.contains(number)).map(|(server, _)| server)
    }
}

impl Plan {
    /// # Errors
    ///
    /// A file is broken, or cannot be edited: then nothing is to be done.
    pub(super) fn make(request: &Request<'_>) -> Result<Self> {
        let places = request.places()?;
        let primary = request.primary(&places)?;
        let (mut texts, mut read) = (BTreeMap::new(), Vec::new());
        for place in places {
            let text = match texts.get(&place.file) {
                Some(text) => text,
                None => texts.entry(place.file.clone()).or_insert(files::read(&place.file)?),
            };
            let is_primary = place == primary;
            let Some(text) = text.as_deref().or(is_primary.then_some("")) else { continue };
            // What the reader of servers would pass over.
            edit::tree(place.syntax, text).with_context(|| place.file.display().to_string())?;
            let is_blank = text.trim_start_matches('\u{feff}').trim().is_empty();
            let servers = match is_blank {
                true => ClientServers::default(),
                false => request.client.servers(&place, text, request.paths),
            };
            if let Some(error) = servers.errors.first() {
                bail!("{error}");
            }
            let first = read.iter().map(|read: &Place| read.servers.movable.len()).sum();
            read.push(Place { place, servers, first });
        }
        let before = files::read(&request.config)?;
        let project = (request.scope == ServerScope::Project).then(|| request.paths.project_root());
        let destination = Destination::read(&request.config, before.as_deref().unwrap_or_default(), project)?;
        let servers = read.iter().flat_map(|place| &place.servers.movable);
        let chosen = moved::choose(servers, &destination, request.client)?;
        let mut plan = Self {
            config: request.config.clone(),
            block: chosen.block,
            changes: Vec::new(),
            moved: chosen.moved,
            there: chosen.there,
            staying: chosen.staying,
            notices: read.iter().flat_map(|place| &place.servers.notices).map(ToString::to_string).collect(),
            secrets: Secrets::default(),
        };
        plan.staying.extend(read.iter().flat_map(|place| place.servers.staying.clone()));
        read.iter().flat_map(|place| &place.servers.movable).for_each(|server| plan.secrets.add(server));
        plan.notices.sort();
        plan.notices.dedup();
        plan.add_config(before, request);
        plan.add_client(&read, &primary, &texts, &chosen.leaving, request)?;
        Ok(plan)
    }

    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn add_config(&mut self, before: Option<String>, request: &Request<'_>) {
        // A client that is pointed at a file finds one, though there are no servers yet.
        if self.block.is_empty() && before.is_some() {
            return;
        }
        let after = before.clone().unwrap_or_default() + &self.block;
        let new_mode = if request.scope == ServerScope::Project { files::SHARED } else { files::PRIVATE };
        self.changes.push(Change { file: self.config.clone(), before, after, new_mode, objects: Vec::new() });
    }

    fn add_client(
        &mut self,
        read: &[Place],
        primary: &ClientFile,
        texts: &BTreeMap<PathBuf, Option<String>>,
        leaving: &BTreeSet<usize>,
        request: &Request<'_>,
    ) -> Result<()> {
        let variables = variables(read, leaving);
        for (file, before) in texts {
            let mut text = before.clone().unwrap_or_default();
            let mut objects = Vec::new();
            for here in read.iter().filter(|read| read.place.file == *file) {
                let Place { place, servers, .. } = here;
                let names = here.leaving(leaving).map(|server| server.name.clone());
                let mut edit = Edit { object: &place.object, remove: names.collect(), put: Vec::new() };
                if place == primary {
                    edit.put.extend(request.entry(place, servers, &text, &variables)?);
                }
                if edit.remove.is_empty() && edit.put.is_empty() {
                    continue;
                }
                text = edit::edited(place.syntax, &text, &edit).with_context(|| file.display().to_string())?;
                objects.push(place.object.clone());
            }
            if before.as_deref().unwrap_or_default() != text {
                let new_mode = if request.scope == ServerScope::Project { files::SHARED } else { files::PRIVATE };
                self.changes.push(Change {
                    file: file.clone(),
                    before: before.clone(),
                    after: text,
                    new_mode,
                    objects,
                });
            }
        }
        Ok(())
    }
}

/// The variables that moved servers refer to, each with the client's own reference.
fn variables(read: &[Place], leaving: &BTreeSet<usize>) -> BTreeMap<String, String> {
    let moved = read.iter().flat_map(|place| place.leaving(leaving));
    let variables = moved.flat_map(|server| server.variables.clone());
    // Every server gets these.
    variables.filter(|(name, _)| !exuvia_config::PASSED_VARIABLES.contains(&name.as_str())).collect()
}

impl Request<'_> {
    /// The client's places of this scope.
    fn places(&self) -> Result<Vec<ClientFile>> {
        let name = self.client.name();
        let places = self.client.places(self.paths).map_err(|errors| {
            anyhow::Error::msg(errors.first().map_or_else(|| format!("{name} cannot be set up"), ToString::to_string))
        })?;
        let places: Vec<ClientFile> = places.into_iter().filter(|place| place.scope == self.scope).collect();
        match places.is_empty() {
            true => bail!("{name} has no servers of this scope; its files: {}", self.client.files()),
            false => Ok(places),
        }
    }

    /// Where the entry for Exuvia belongs: where there is a file already, or where the client makes one.
    fn primary(&self, places: &[ClientFile]) -> Result<ClientFile> {
        let there = places.iter().find(|place| place.file.exists());
        let is_mac = |place: &&ClientFile| place.file.to_string_lossy().contains("/Library/Application Support/");
        let of_system = places.iter().find(|place| is_mac(place) == cfg!(target_os = "macos"));
        let usual = match self.scope {
            ServerScope::Project => places.iter().min_by_key(|place| place.file.components().count()),
            _ => of_system.or(places.first()),
        };
        there.or(usual).cloned().context("the client has no file")
    }

    /// The entry for Exuvia, unless it is there as it is to be.
    fn entry(
        &self,
        place: &ClientFile,
        servers: &ClientServers,
        text: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Option<(String, Value)>> {
        let tree = edit::tree(place.syntax, text)?;
        let config = clients::config(self.client, self.scope, &self.config);
        let (name, args) = match servers.own.first() {
            Some((name, args)) => {
                let kept = self.with_config(args, &config);
                let entry = || format!("{}: the entry `{name}`", place.file.display());
                (name.as_str(), kept.with_context(entry)?)
            }
            None if edit::at(&tree, &place.object, NAME).is_some() => {
                bail!("{}: the entry `{NAME}` runs something else; rename or remove it", place.file.display())
            }
            None => (NAME, vec!["stdio".to_owned(), "--config".to_owned(), config]),
        };
        let there = edit::at(&tree, &place.object, name);
        let variables = variables.iter().map(|(name, written)| (name.as_str(), written.as_str()));
        let words = [self.program.words(self.scope == ServerScope::Project), args].concat();
        let entry = clients::entry(self.client, there, &words, variables);
        Ok((there != Some(&entry)).then(|| (name.to_owned(), entry)))
    }

    /// The arguments of an entry that was there, with this configuration: what else they say stays.
    ///
    /// # Errors
    ///
    /// They name another configuration, and nobody asked for this one.
    fn with_config(&self, args: &[String], config: &str) -> Result<Vec<String>> {
        let mut kept = Vec::new();
        let mut words = args.iter().peekable();
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word.as_str(), words.peek().map(|next| next.as_str())),
            };
            let is_of_client = value == Some(self.client.name());
            match (option, value) {
                ("--config", there) => there.map_or(Ok(()), |there| self.check_config(there, config))?,
                // Its servers are in the configuration now.
                ("--import", Some(_)) if is_of_client => {}
                _ => {
                    kept.push(word.clone());
                    continue;
                }
            }
            if !word.contains('=') {
                let _ = words.next();
            }
        }
        kept.extend(["--config".to_owned(), config.to_owned()]);
        Ok(kept)
    }

    fn check_config(&self, there: &str, config: &str) -> Result<()> {
        let is_it = || absolute(&from_home(there.into())).is_ok_and(|there| there == self.config);
        match self.is_config_given || there == config || is_it() {
            true => Ok(()),
            false => bail!("it has --config {there}: pass that to move the servers there, or take it out of the entry"),
        }
    }
}

/// A path that holds in every folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}
