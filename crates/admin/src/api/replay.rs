//! A recorded run, run again without any server.

use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::Record;
use exuvia_replay::{Difference, GuestError, Replay, ReplayError, Replayed, Verdict};
use exuvia_tool::{RunFiles, RunId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::explain::role_of;
use super::runs::{RunPath, unknown};
use crate::admin::Admin;
use crate::answer::ApiError;
use crate::journals::ReadJournal as _;
use crate::operation::{Ask, Nothing};
use crate::replayed::{is_difference, name, told_differences};
use crate::sources::SourceError;

/// How long a replay may take.
const LONGEST: Duration = Duration::from_secs(120);

/// What is replayed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// Another script, on the recorded answers as far as they go. Default: the recorded one.
    code: Option<String>,
}

/// What came of a replay.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReplayView {
    /// The recorded run.
    run: String,
    /// `same`, `same-so-far`, `departed`, `completed`, `new-call` or `not-replayable`.
    verdict: &'static str,
    /// Whether it departs from its record, or comes out differently.
    differs: bool,
    /// The same in a sentence.
    message: String,
    /// What comes out differently.
    differences: Vec<DifferenceView>,
    /// Files whose content is not what the run read, where it did not change them itself: by path, at most 100.
    changed_files: Vec<String>,
    /// Units of fuel that the replay used. Null: it was not run.
    fuel: Option<u64>,
    /// What the replay printed.
    log: Option<String>,
    /// What the replay returned, as JSON text.
    result: Option<String>,
}

/// Something that comes out differently.
#[derive(Serialize, JsonSchema)]
struct DifferenceView {
    /// What.
    what: String,
    /// What it was.
    recorded: String,
    /// What it is.
    replayed: String,
}

pub(super) async fn run(ask: Ask<RunPath, Nothing, ReplayRequest>) -> Result<ReplayView, ApiError> {
    let (id, gateway) = (ask.path.id, ask.admin.gateway()?);
    let journals = ask.admin.sources().journals().await?;
    let (journal, record) = journals.record(&id).await?.ok_or_else(|| unknown(&id))?;
    let _place = ask.admin.heavy_place().await?;
    let action = ask.admin.record(&ask.caller, "run.replay", &id).await?;
    let mut replay = match Replay::load(journal.archive(), &RunId::new(&id)).await {
        Ok(replay) => replay.redacted(&ask.admin.sources().config().redaction),
        Err(ReplayError::NotReplayable(reason)) => return Ok(ReplayView::not_replayable(id, reason.to_string())),
        Err(error) => return Err(SourceError::new(error).into()),
    };
    if let Some(code) = ask.body.code {
        replay = replay.edited(code);
    }
    let guest_sha256 = &replay.recorded().start.guest_sha256;
    let engine = match gateway.guest_engines().of(guest_sha256, journal.archive()).await {
        Ok(engine) => engine,
        Err(GuestError::NotReplayable(reason)) => return Ok(ReplayView::not_replayable(id, reason.to_string())),
        Err(GuestError::Busy) => return Err(ApiError::busy(GuestError::Busy.to_string())),
        Err(error) => return Err(SourceError::new(error).into()),
    };
    if let Some(files) = present_files(&ask.admin, &record).await {
        replay = replay.beside(files);
    }
    // Scripts keep a thread busy: not one that serves others.
    let runtime = Handle::current();
    let replayed = tokio::task::spawn_blocking(move || {
        runtime.block_on(async { tokio::time::timeout(LONGEST, replay.run(&engine)).await })
    });
    let redaction = &ask.admin.sources().config().redaction;
    match replayed.await.map_err(|_| ApiError::unavailable("the replay broke off"))? {
        Err(_) => Err(ApiError::unavailable("the replay takes too long: use `exuvia replay`")),
        Ok(Err(reason)) => Ok(ReplayView::not_replayable(id, reason.to_string())),
        Ok(Ok(replayed)) => {
            action.done();
            Ok(ReplayView::of(id, replayed, redaction))
        }
    }
}

/// The files that the run had, as they are now. None: there are none, or nobody knows which.
async fn present_files(admin: &Admin, record: &Record) -> Option<Arc<dyn RunFiles>> {
    let role = role_of(admin, &record.principal).await.ok()?;
    let (gateway, config) = (admin.gateway().ok()?, admin.sources().config());
    let profile = record.start()?.profile.clone();
    let (name, workspace) = config.workspaces.of(role.as_deref(), profile.as_deref())?;
    gateway.workspaces().of_principal(name, workspace, &record.principal).await
}

impl ReplayView {
    fn not_replayable(run: String, message: String) -> Self {
        let (verdict, differences, changed_files) = ("not-replayable", Vec::new(), Vec::new());
        Self { run, verdict, differs: false, message, differences, changed_files, fuel: None, log: None, result: None }
    }

    fn of(run: String, replayed: Replayed, redaction: &exuvia_policy::Redaction) -> Self {
        let differences = told_differences(&replayed);
        let text = |text: &str| redaction.text(text).into_owned();
        let difference = |difference: &Difference| DifferenceView {
            what: difference.what.to_owned(),
            recorded: difference.recorded.clone(),
            replayed: difference.replayed.clone(),
        };
        let Replayed { verdict, report, .. } = &replayed;
        let result = match &report.outcome {
            exuvia_runtime::Outcome::Returned(result) if matches!(verdict, Verdict::Completed) => {
                Some(redaction.json(result).as_str().to_owned())
            }
            _ => None,
        };
        Self {
            run,
            verdict: name(verdict),
            differs: is_difference(verdict, &differences),
            message: verdict.to_string(),
            differences: differences.iter().map(difference).collect(),
            changed_files: replayed.changed_files.iter().map(|path| text(path)).collect(),
            fuel: Some(report.usage.fuel),
            log: Some(text(&report.logs.text)),
            result,
        }
    }
}
