//! `exuvia runs export`.

use std::io::{BufWriter, Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use exuvia_admin::ReadJournal as _;
use exuvia_journal::{Archive as _, Filter, Record};
use exuvia_policy::Redaction;
use exuvia_tool::Origin;

use super::Exported;
use crate::journal::{Archives, Found, record};

/// Runs that are listed at a time.
const PAGE: usize = 500;

/// Prints a line of JSON for each run or direct call.
pub(super) async fn export(
    archives: &Archives,
    redaction: &Redaction,
    runs: &[String],
    filter: &Filter,
) -> Result<ExitCode> {
    for id in runs {
        let (_, record) = record(archives, id).await?;
        print([record], redaction)?;
    }
    if runs.is_empty() {
        for found in &archives.0 {
            all(found, redaction, filter).await.with_context(|| found.place())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn all(found: &Found, redaction: &Redaction, filter: &Filter) -> Result<()> {
    let mut filter = Filter { limit: PAGE, ..filter.clone() };
    loop {
        let page = found.archive.list(&filter).await?;
        let Some(last) = page.last() else { return Ok(()) };
        filter.before = Some(last.first);
        for summary in &page {
            let id = match &summary.origin {
                Origin::Run(run) => run.as_str(),
                Origin::Direct(call) => call.as_str(),
                _ => continue,
            };
            print(found.archive.record(id).await?, redaction)?;
        }
    }
}

fn print(records: impl IntoIterator<Item = Record>, redaction: &Redaction) -> Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    for record in records {
        serde_json::to_writer(&mut out, &Exported::of(&record, redaction)).context("standard output")?;
        out.write_all(b"\n").context("standard output")?;
    }
    out.flush().context("standard output")
}
