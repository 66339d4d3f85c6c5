//! `exuvia audit`: whether the journal is what was recorded.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_admin::ReadJournal as _;
use exuvia_journal::{Findings, JournalErrorKind, Removal, Report, Verdict, check};
use exuvia_policy::Redaction;
use exuvia_text::line;
use serde_json::{Value, json};

use super::runs::{Exported, opened, printed, printed_json, shown, utc};
use crate::file_threads::FileThreads;
use crate::journal::{Archives, Found, unknown};
use crate::journal_args::{AuditArgs, AuditCommand};
use crate::terminal::Terminal;

/// The log was changed, or what should prove something does not.
const REFUTED: u8 = 1;
/// The log is what was recorded, and something is missing in it.
const INCOMPLETE: u8 = 4;

/// Calls of each line of a proven script that are shown.
const MOST_CALLS: usize = 20;

/// The most of a proof or key that is read, in bytes.
const FILE_BYTES: u64 = 1 << 30;

pub(crate) async fn audit(args: AuditArgs) -> Result<ExitCode> {
    match args.command {
        AuditCommand::Check { file, key, json } => {
            let checked = FileThreads::default().run(move || checked(&file, &key)).await??;
            told(checked, json)
        }
        AuditCommand::Verify { json } => verify(&opened(args.journal).await?.0, json).await,
        AuditCommand::Prove { run, output, without_content } => {
            prove(&opened(args.journal).await?.0, &run, output, !without_content).await
        }
        AuditCommand::Checkpoint => checkpoint(&opened(args.journal).await?.0).await,
    }
}

async fn verify(archives: &Archives, json: bool) -> Result<ExitCode> {
    let (mut reports, mut status) = (Vec::new(), 0);
    for found in &archives.0 {
        let report = found.archive.verify().await.with_context(|| found.place())?;
        status = match (report.is_consistent(), report.is_complete()) {
            (false, _) => REFUTED,
            (true, false) if status == 0 => INCOMPLETE,
            _ => status,
        };
        reports.push((found, report));
    }
    if json {
        let journals: Vec<Value> = reports.iter().map(|(found, report)| verified_json(found, report)).collect();
        printed_json(&json!({"journals": journals}))?;
    } else {
        let texts: Vec<String> = reports.iter().map(|(found, report)| verified_text(found, report)).collect();
        printed(&texts.join("\n"))?;
    }
    Ok(status.into())
}

fn verified_text(found: &Found, report: &Report) -> String {
    let verdict = |holds, yes: &str, no: &str| if holds { yes.to_owned() } else { no.to_owned() };
    let mut out = format!("{}\n", line(&found.place()));
    let _ = writeln!(
        out,
        "{}: {} records of {} runs and direct calls ({} erased, {} expired), {} blocks of files, {} checkpoints; the newest covers {} records",
        verdict(report.is_consistent(), "consistent", "NOT CONSISTENT"),
        report.records,
        report.runs,
        report.erased_runs,
        report.expired_runs,
        report.file_blocks,
        report.checkpoints,
        report.covered_records,
    );
    findings(&mut out, &report.inconsistencies);
    let _ = writeln!(
        out,
        "{}: {} calls and {} runs without an outcome (unknown, or still going on)",
        verdict(report.is_complete(), "complete", "NOT COMPLETE"),
        report.unknown_calls.count,
        report.unknown_runs.count,
    );
    [&report.gaps, &report.unknown_calls, &report.unknown_runs].into_iter().for_each(|all| findings(&mut out, all));
    out
}

fn findings(out: &mut String, findings: &Findings) {
    for finding in &findings.first {
        let _ = writeln!(out, "  {}", line(finding));
    }
    let more = findings.count.saturating_sub(findings.first.len() as u64);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more");
    }
}

fn verified_json(found: &Found, report: &Report) -> Value {
    let findings = |findings: &Findings| json!({"count": findings.count, "first": findings.first});
    json!({
        "folder": found.place(),
        "is_consistent": report.is_consistent(),
        "is_complete": report.is_complete(),
        "records": report.records,
        "runs": report.runs,
        "erased_runs": report.erased_runs,
        "expired_runs": report.expired_runs,
        "file_blocks": report.file_blocks,
        "checkpoints": report.checkpoints,
        "covered_records": report.covered_records,
        "inconsistencies": findings(&report.inconsistencies),
        "gaps": findings(&report.gaps),
        "unknown_calls": findings(&report.unknown_calls),
        "unknown_runs": findings(&report.unknown_runs),
    })
}

async fn prove(archives: &Archives, id: &str, output: Option<PathBuf>, with_content: bool) -> Result<ExitCode> {
    for found in &archives.0 {
        let Some(proof) = found.archive.prove(id, with_content).await.with_context(|| found.place())? else { continue };
        let text = proof.to_json()? + "\n";
        let Some(output) = output else { return printed(&text) };
        fs::write(&output, text).with_context(|| output.display().to_string())?;
        Terminal::new().print(&format!(
            "written: {}; its reader checks it with {}",
            output.display(),
            found.folder.join("journal.vkey").display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    Err(unknown(id))
}

/// What a proof shows, or why it shows nothing.
fn checked(file: &Path, key: &str) -> Result<Result<Verdict, String>> {
    let proof = match file == Path::new("-") {
        true => text_of(stdin().lock()).context("standard input")?,
        false => text_of_file(file)?,
    };
    // A verifier key begins with a name and a plus sign: no file does by accident that is there.
    let key = if Path::new(key).is_file() { text_of_file(Path::new(key))? } else { key.to_owned() };
    match check(&proof, &key) {
        Ok(verdict) => Ok(Ok(verdict)),
        Err(error) if error.kind() == JournalErrorKind::Inconsistent => Ok(Err(format!("{error:#}"))),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

fn text_of_file(file: &Path) -> Result<String> {
    fs::File::open(file).map_err(Into::into).and_then(text_of).with_context(|| file.display().to_string())
}

fn text_of(from: impl std::io::Read) -> Result<String> {
    let mut text = String::new();
    from.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES {
        bail!("is larger than {} MiB", FILE_BYTES >> 20);
    }
    Ok(text)
}

fn told(checked: Result<Verdict, String>, json: bool) -> Result<ExitCode> {
    let verdict = match checked {
        Ok(verdict) => verdict,
        Err(why) => {
            printed(&format!("NOT PROVEN: {}\n", line(&why)))?;
            return Ok(REFUTED.into());
        }
    };
    // Whoever has the proof has all that is in it.
    let run = Exported::of(&verdict.record, &Redaction::default());
    if json {
        return printed_json(&json!({
            "journal": verdict.journal,
            "tree_size": verdict.tree_size,
            "root": verdict.root,
            "opened": verdict.opened,
            "withheld": verdict.withheld,
            "expired_at": match &verdict.removal { Some(Removal::Expired(at_ms)) => Some(utc(*at_ms)), _ => None },
            "record": run,
        }));
    }
    let removal = match &verdict.removal {
        Some(Removal::Erased(by)) => format!("; erased {} by {}", utc(by.at_ms), line(&by.principal.to_string())),
        Some(Removal::Expired(at_ms)) => format!("; removed by retention {}", utc(*at_ms)),
        _ => String::new(),
    };
    printed(&format!(
        "proven: the journal {} had these {} records when it signed a checkpoint of {} records\n\
         private parts opened: {}, withheld or erased: {}{}\n\n{}",
        line(&verdict.journal),
        verdict.record.entries.len(),
        verdict.tree_size,
        verdict.opened,
        verdict.withheld,
        removal,
        shown(&run, MOST_CALLS),
    ))
}

async fn checkpoint(archives: &Archives) -> Result<ExitCode> {
    for found in &archives.0 {
        let (folder, place) = (found.folder.clone(), found.place());
        let read = move || {
            anyhow::Ok((text_of_file(&folder.join("checkpoint"))?, text_of_file(&folder.join("journal.vkey"))?))
        };
        let (checkpoint, key) = FileThreads::default().run(read).await?.context(place)?;
        printed(&format!("{}\n\n{}\n\n", key.trim_end(), checkpoint.trim_end()))?;
    }
    Ok(ExitCode::SUCCESS)
}
