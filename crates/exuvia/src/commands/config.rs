//! `exuvia config`: begins a configuration, validates one, or prints its schema.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _, stderr, stdout};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_config::{Config, Paths, Sources, schema, summary};
use exuvia_runtime::Engine;
use exuvia_server::http::{HttpServer, Tls};

use crate::app::from_files;
use crate::args::{ClientArgs, ConfigCommand};
use crate::machine::{Memory, engine, totals};
use crate::telemetry::Telemetry;

/// What a new configuration holds.
const MINIMAL: &str = include_str!("../../minimal.toml");
/// Who may read it: its owner. Values of servers may be written into it.
const PRIVATE: u32 = 0o600;

pub(crate) async fn config(command: ConfigCommand) -> Result<ExitCode> {
    let text = match command {
        ConfigCommand::Init { file } => from_files(move || init(file)).await?,
        ConfigCommand::Check { file, clients } => {
            let (config, text) = from_files(move || checked(file, clients)).await?;
            Telemetry::check(config.collector.as_ref())?;
            let engine = engine(&config, Memory::here());
            tokio::task::spawn_blocking(move || Engine::new(&engine)).await.context("mapping the guest")??;
            text
        }
        ConfigCommand::Schema => serde_json::to_string_pretty(&schema())? + "\n",
    };
    stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a configuration of comments, where there is none.
fn init(file: Option<PathBuf>) -> Result<String> {
    let file = file.or(Paths::of_user().default_file).context("no home directory: set HOME, or name a file")?;
    let place = file.display();
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let created = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&file);
    let mut created = match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{place} is there already, and stays as it is; `exuvia config check` looks at it")
        }
        created => created.with_context(|| place.to_string())?,
    };
    created.write_all(MINIMAL.as_bytes()).with_context(|| place.to_string())?;
    Ok(format!(
        "{place} is written. Next: `exuvia setup CLIENT` moves a client's servers into it, `exuvia doctor` tries them\n"
    ))
}

fn checked(file: Option<PathBuf>, clients: ClientArgs) -> Result<(Config, String)> {
    let paths = Paths::of_user();
    let mut sources = Sources::from(clients);
    sources.config = sources.config.or(file);
    if sources.names_nothing() {
        sources.config = paths.default_file.clone();
        if sources.config.is_none() {
            bail!("no configuration file given, and no home directory to search");
        }
    }
    let config = sources.load(&paths)?;
    for notice in &config.notices {
        writeln!(stderr(), "{}", exuvia_text::indented(&notice.to_string(), "  ")).context("standard error")?;
    }
    // What `serve` would refuse.
    if let Some(address) = config.listen {
        HttpServer::check(address, &config.http).context("listen.mcp")?;
    }
    if let Some(tls) = &config.tls {
        if let Some(warning) = tls.warning() {
            writeln!(stderr(), "{warning}").context("standard error")?;
        }
        Tls::load(tls).context("listen.tls")?;
    }
    let text = summary(&config) + &totals(&config, Memory::here());
    Ok((config, text))
}
