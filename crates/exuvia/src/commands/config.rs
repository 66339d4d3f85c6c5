//! `exuvia config`: what a configuration comes to, and what it may hold.

use std::io::{Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::args::{ConfigCommand, ServerArgs};
use crate::config::{self, Paths};
use crate::machine::Memory;
use crate::session::from_files;

pub(crate) async fn config(command: ConfigCommand) -> Result<ExitCode> {
    let text = match command {
        ConfigCommand::Check { file } => from_files(move || checked(file)).await?,
        ConfigCommand::Schema => serde_json::to_string_pretty(&config::schema())? + "\n",
    };
    stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

fn checked(file: Option<PathBuf>) -> Result<String> {
    let paths = Paths::of_user();
    let Some(file) = file.or_else(|| paths.default_file.clone()) else {
        bail!("name a file: there is no home directory to look into");
    };
    let args = ServerArgs { config: Some(file), ..ServerArgs::default() };
    let config = config::load(&args, &[], &paths)?;
    for notice in &config.notices {
        writeln!(stderr(), "{}", exuvia_text::indented(&notice.to_string(), "  ")).context("standard error")?;
    }
    if let Some(tls) = &config.tls {
        tls.load().context("listen.tls")?;
    }
    Ok(config::summary(&config) + &config::totals(&config, Memory::here()))
}
