//! `exuvia replay`: recorded runs, run again without any server.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_admin::ReadJournal as _;
use exuvia_admin::replayed::{is_difference, name, told_differences};
use exuvia_journal::{Filter, Summary};
use exuvia_policy::Redaction;
use exuvia_replay::{Difference, Replay, ReplayError, Replayed};
use exuvia_runtime::Usage;
use exuvia_text::{line, one_line, printable};
use exuvia_tool::{CallId, Principal, RunId};
use serde_json::{Value, json};

use super::guest_engines::GuestEngines;
use super::runs::{latest_run, opened, printed, printed_json, table};
use crate::args::ScriptArgs;
use crate::journal::{Archives, record};
use crate::journal_args::ReplayArgs;
use crate::present_files::present_files;
use crate::script;
use crate::terminal::Terminal;

/// A run departs from its record, or would come out differently.
const DIFFERS: u8 = 1;
/// How much is shown of what differs in a table, in characters.
const CELL_CHARS: usize = 120;

/// What came of one replay, redacted.
struct Told {
    run: String,
    verdict: &'static str,
    differs: bool,
    message: String,
    differences: Vec<Difference>,
    changed_files: Vec<String>,
    log: String,
    usage: Option<Usage>,
}

pub(crate) async fn replay(args: ReplayArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let edited = match &args.edit {
        Some(file) => Some(script::read(&ScriptArgs { code: None, script: Some(file.clone()) }).await?),
        None => None,
    };
    let edited = edited.as_ref().map(exuvia_runtime::Script::source);
    let (archives, redaction) = opened(args.journal.clone()).await?;
    let runs = selected(&archives, &args).await?;
    let mut engines = match &args.guest {
        Some(file) => GuestEngines::of_file(file, &terminal).await?,
        None => GuestEngines::default(),
    };
    let mut told = Vec::new();
    for (done, run) in runs.iter().enumerate() {
        terminal.show_progress(format!("replaying {} of {}", done + 1, runs.len()));
        told.push(replayed((&archives, &redaction), run, &args, edited, (&mut engines, &terminal)).await?);
    }
    terminal.clear_progress();
    let status = if told.iter().any(|told| told.differs) { DIFFERS } else { 0 };
    if args.json {
        printed_json(&json!({"replays": told.iter().map(Told::json).collect::<Vec<_>>()}))?;
    } else if args.last.is_some() || told.len() > 1 {
        printed(&overview(&told))?;
    } else {
        printed(&told.iter().map(Told::text).collect::<String>())?;
    }
    Ok(status.into())
}

/// The runs that are meant.
async fn selected(archives: &Archives, args: &ReplayArgs) -> Result<Vec<String>> {
    let Some(last) = args.last else {
        return if args.runs.is_empty() { Ok(vec![latest_run(archives).await?]) } else { Ok(args.runs.clone()) };
    };
    let (server, tool) = match args.tool.as_deref().map(|name| name.split_once('.')) {
        Some(Some((server, tool))) => (Some(server.to_owned()), Some(tool.to_owned())),
        Some(None) => bail!("--tool: write SERVER.TOOL"),
        None => (None, None),
    };
    let principal = args.key.as_deref().map(|key| Principal::Key(key.into()));
    let mut filter = Filter { principal, server, tool, ..Filter::default() };
    // Direct calls are among what is listed.
    let is_run = |summary: &Summary| summary.origin.run().map(ToString::to_string);
    let wanted = last as usize;
    filter.limit = wanted;
    loop {
        let found = archives.list(&filter).await?;
        let runs: Vec<String> = found.iter().filter_map(is_run).take(wanted).collect();
        if runs.len() == wanted || found.len() < filter.limit {
            return Ok(runs);
        }
        filter.limit = filter.limit.saturating_mul(2);
    }
}

async fn replayed(
    (archives, redaction): (&Archives, &Redaction),
    run: &str,
    args: &ReplayArgs,
    edited: Option<&str>,
    (engines, terminal): (&mut GuestEngines, &Terminal),
) -> Result<Told> {
    let (found, recorded_run) = record(archives, run).await?;
    let mut replay = match Replay::load(&found.archive, &RunId::new(run)).await {
        Ok(replay) => replay.redacted(redaction),
        Err(ReplayError::NotReplayable(reason)) => return Ok(Told::not_replayable(run, &reason.to_string())),
        Err(error) => return Err(error).with_context(|| found.place()),
    };
    let recorded = replay.recorded().start.guest_sha256.clone();
    let engine = match engines.of_run(&recorded, args.any_guest, archives, terminal).await? {
        Ok(engine) => engine,
        Err(why) => return Ok(Told::not_replayable(run, &why)),
    };
    if engine.guest_sha256() != recorded {
        replay = replay.with_any_guest();
    }
    if let Some(call) = args.until_call {
        replay = replay.until_call(CallId(call));
    }
    if let Some(source) = edited {
        replay = replay.edited(source);
    }
    if let Some(files) = present_files(&args.journal, &recorded_run).await {
        replay = replay.beside(files);
    }
    match replay.run(&engine).await {
        Ok(replayed) => Ok(Told::of(run, replayed, redaction)),
        Err(reason) => Ok(Told::not_replayable(run, &reason.to_string())),
    }
}

impl Told {
    fn not_replayable(run: &str, reason: &str) -> Self {
        let (run, message) = (run.to_owned(), reason.to_owned());
        let (verdict, differences, changed_files) = ("not-replayable", Vec::new(), Vec::new());
        Self { run, verdict, differs: false, message, differences, changed_files, log: String::new(), usage: None }
    }

    fn of(run: &str, replayed: Replayed, redaction: &Redaction) -> Self {
        let differences = told_differences(&replayed);
        let Replayed { verdict, changed_files, report, .. } = replayed;
        let (run, message) = (run.to_owned(), verdict.to_string());
        let differs = is_difference(&verdict, &differences);
        let text = |text: &String| redaction.text(text).into_owned();
        let (changed_files, log) = (changed_files.iter().map(text).collect(), text(&report.logs.text));
        Self {
            run,
            verdict: name(&verdict),
            differs,
            message,
            differences,
            changed_files,
            log,
            usage: Some(report.usage),
        }
    }

    /// All of it, for a person.
    fn text(&self) -> String {
        let mut out = format!("{}: {}\n", line(&self.run), line(&self.message));
        for Difference { what, recorded, replayed, .. } in &self.differences {
            let told = format!("{what}: was {recorded}, the replay has {replayed}");
            out += &format!("  {}\n", line(&told));
        }
        for path in &self.changed_files {
            out += &format!("  changed since the run read it: {}\n", one_line(path, CELL_CHARS));
        }
        let Some(usage) = &self.usage else { return out };
        if self.verdict == "reached-call" && !self.log.is_empty() {
            out += &format!("log so far\n{}\n", printable(self.log.trim_end()));
        }
        out + &format!(
            "{:.1} M fuel, {} MiB peak, {} tool calls in {} ms\n",
            usage.fuel as f64 / 1e6,
            usage.memory_bytes_peak >> 20,
            usage.tool_calls,
            usage.wall_ms
        )
    }

    fn json(&self) -> Value {
        let difference = |Difference { what, recorded, replayed, .. }: &Difference| json!({"what": what, "recorded": recorded, "replayed": replayed});
        json!({
            "run": self.run,
            "verdict": self.verdict,
            "differs": self.differs,
            "message": self.message,
            "differences": self.differences.iter().map(difference).collect::<Vec<_>>(),
            "changed_files": self.changed_files,
            "fuel": self.usage.as_ref().map(|usage| usage.fuel),
        })
    }
}

/// A table of all of them, and how many differ.
fn overview(told: &[Told]) -> String {
    let row = |told: &Told| {
        let what = told.differences.first().filter(|_| told.verdict == "completed");
        let what = what
            .map(|difference| format!("{} was {}, now {}", difference.what, difference.recorded, difference.replayed));
        let message = what.unwrap_or_else(|| told.message.clone());
        let verdict = if told.differs { "differs" } else { told.verdict };
        [line(&told.run), verdict.to_owned(), one_line(&message, CELL_CHARS)]
    };
    let count = |is: fn(&Told) -> bool| told.iter().filter(|told| is(told)).count();
    let differ = count(|told| told.differs);
    let not_replayable = count(|told| told.verdict == "not-replayable");
    format!(
        "{}\n{} replayed: {differ} differ, {} come out the same; not replayable: {not_replayable}\n",
        table(["RUN", "REPLAY", "WHAT"], told.iter().map(row)),
        told.len() - not_replayable,
        told.len() - differ - not_replayable,
    )
}
