//! `exuvia setup`: the servers of a client moved into `exuvia.toml`, and one entry for Exuvia in their place.
//!
//! A [plan](plan) is made from what is there, and shown; only then files are written. The entries are read as `--import` reads them, written
//! as tables of `exuvia.toml`, and read again: a server that would not be the same there stays in the client. Everything is kept in a
//! [record] before the first file is replaced, so that `--undo` restores it, also after a setup that was interrupted.

mod clients;
mod diff;
mod edit;
mod files;
mod moved;
mod plan;
mod program;
mod record;
mod server_table;
mod undo;

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_config::{ClientPaths, Paths};
use exuvia_text::line;

use crate::app::from_files;
use crate::paint::{Paint, Tone};
use crate::setup_args::{Scope, SetupArgs};
use crate::terminal;
use diff::diff;
use plan::{Plan, Request};
use program::Program;
use record::Record;
use undo::{Restored, Undoing};

pub(crate) async fn setup(args: SetupArgs) -> Result<ExitCode> {
    let folder = std::env::current_dir().context("the current folder")?;
    let paths = ClientPaths::of_user(folder).context("no home directory: set HOME")?;
    match args.undo {
        true => undo(&args, &paths).await,
        false => set_up(&args, paths).await,
    }
}

async fn set_up(args: &SetupArgs, paths: ClientPaths) -> Result<ExitCode> {
    let kept_in = record::folder(args.client, args.scope, &paths.project_root())?;
    let config = match (&args.config, args.scope) {
        (Some(file), _) => file.clone(),
        (None, Scope::Project) => paths.project_root().join("exuvia.toml"),
        (None, _) => Paths::of_user().default_file.context("no home directory: set HOME")?,
    };
    let (config, program) = (plan::absolute(&config)?, Program::own()?);
    let (client, scope, is_config_given) = (args.client, args.scope.into(), args.config.is_some());
    let plan =
        from_files(move || Plan::make(&Request { client, scope, paths: &paths, config, is_config_given, program }))
            .await?;
    let paint = Paint { is_on: terminal::is_colored() };
    print(&report(&plan, args, paint))?;
    if plan.is_empty() {
        return print("nothing to do: it is set up\n");
    }
    if args.dry_run || !is_agreed(args, "Do this?").await? {
        return print("nothing was changed\n");
    }
    let place = from_files(move || apply(&plan, &kept_in)).await?;
    print(&format!(
        "done. The files as they were are kept in {}; `exuvia setup {}{} --undo` restores them. Restart the client; `exuvia doctor` tries \
         every server\n",
        place.display(),
        args.client.name(),
        match args.scope {
            Scope::User => String::new(),
            other => format!(" --scope {}", other.name()),
        },
    ))
}

/// Writes everything. What fails on the way is taken back.
fn apply(plan: &Plan, kept_in: &std::path::Path) -> Result<std::path::PathBuf> {
    let record = Record::keep(plan, kept_in)?;
    for (done, change) in plan.changes.iter().enumerate() {
        let replaced = files::replace(&change.file, change.before.as_deref(), Some(&change.after), change.new_mode);
        let Err(error) = replaced else { continue };
        for change in plan.changes[..done].iter().rev() {
            files::replace(&change.file, Some(&change.after), change.before.as_deref(), change.new_mode)
                .with_context(|| format!("{error:#}; and what was changed before cannot be taken back"))?;
        }
        record.remove()?;
        return Err(error);
    }
    Ok(record.place().to_owned())
}

async fn undo(args: &SetupArgs, paths: &ClientPaths) -> Result<ExitCode> {
    let kept_in = record::folder(args.client, args.scope, &paths.project_root())?;
    let (client, force, paths) = (args.client, args.force, paths.clone());
    let (record, undoing, secrets) = from_files(move || {
        let record = Record::latest(&kept_in)?;
        let undoing = Undoing::of(&record, force)?;
        let secrets = record.secrets(client, &paths);
        Ok((record, undoing, secrets))
    })
    .await?;
    let paint = Paint { is_on: terminal::is_colored() };
    let mut text = String::new();
    for Restored { file, now, then } in &undoing.files {
        let what = if then.is_none() { " (is removed)" } else { "" };
        let _ = writeln!(text, "{}{what}", paint.text(Tone::Heading, line(&file.display().to_string())));
        let [now, then] = [now, then].map(|text| text.as_deref().unwrap_or_default());
        text.push_str(&diff(now, then, &secrets, paint));
    }
    for notice in &undoing.notices {
        let _ = writeln!(text, "{}", line(notice));
    }
    print(&text)?;
    if args.dry_run || !is_agreed(args, "Restore this?").await? {
        return print("nothing was changed\n");
    }
    from_files(move || {
        undoing.apply()?;
        record.remove()
    })
    .await?;
    print("done\n")
}

async fn is_agreed(args: &SetupArgs, question: &str) -> Result<bool> {
    if args.yes {
        return Ok(true);
    }
    let Some(agreed) = terminal::confirmed(question).await? else {
        bail!("standard input is no terminal that could be asked: look at --dry-run, and pass --yes");
    };
    Ok(agreed)
}

/// What is going to be done.
fn report(plan: &Plan, args: &SetupArgs, paint: Paint) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        let new = if change.before.is_none() { " (new)" } else { "" };
        let _ = writeln!(text, "{}{new}", paint.text(Tone::Heading, line(&change.file.display().to_string())));
        text.push_str(&diff(change.before.as_deref().unwrap_or_default(), &change.after, &plan.secrets, paint));
    }
    for (name, new) in &plan.moved {
        let renamed = if name == new { String::new() } else { format!(", as {}: the name is taken", line(new)) };
        let _ = writeln!(text, "moves {}{renamed}", line(name));
    }
    for name in &plan.there {
        let _ = writeln!(text, "removes {}: exuvia.toml has the same", line(name));
    }
    for (name, why) in &plan.staying {
        let _ = writeln!(text, "{} stays in {}: {}", line(name), args.client.name(), line(why));
    }
    for notice in &plan.notices {
        let _ = writeln!(text, "{}", line(notice));
    }
    if !plan.block.is_empty() && files::is_readable_by_others(&plan.config) {
        let _ = writeln!(
            text,
            "{} is readable by others, and will hold what the entries hold: chmod 600",
            plan.config.display()
        );
    }
    text
}

fn print(text: &str) -> Result<ExitCode> {
    stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}
