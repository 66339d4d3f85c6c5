//! `exuvia completions` and `exuvia man`: what packages of the program install beside it.

use std::fs;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::app::from_files;
use crate::args::Cli;

pub(crate) fn completions(shell: Shell) -> Result<ExitCode> {
    let (mut command, mut script) = (Cli::command(), Vec::new());
    clap_complete::generate(shell, &mut command, "exuvia", &mut script);
    stdout().write_all(&script).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn man(folder: PathBuf) -> Result<ExitCode> {
    from_files(move || {
        let place = || folder.display().to_string();
        fs::create_dir_all(&folder).with_context(place)?;
        clap_mangen::generate_to(Cli::command(), &folder).with_context(place)
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
