//! Saved functions: what there is, what a text changes, promoting and retiring.

use exuvia_functions::{Function, FunctionName};
use exuvia_journal::{FunctionAct, StoredFunction};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::page::{Done, Page};
use crate::admin::Admin;
use crate::answer::{ApiError, check_range};
use crate::functions::{FunctionText, FunctionsError, ListedFunction, SavedFunctions, function_diff, function_files};
use crate::operation::{Ask, Nothing};

/// The digits of a digest.
const DIGITS: usize = 64;

/// A text of a function, or a file of the directory that is none.
#[derive(Serialize, JsonSchema)]
pub(super) struct FunctionSummary {
    /// The function's name: `NAME` or `NAMESPACE.NAME`.
    name: String,
    /// `promoted`, `proposed` or `retired`; of a file of the directory also `new`, `changed` or `invalid`.
    state: &'static str,
    /// Whether it is a file of the directory.
    is_file: bool,
    /// Which version of the function it is, counted from 1. Null: it never was promoted.
    version: Option<u32>,
    /// The SHA-256 of the text, in hexadecimal digits. Null: it is no function.
    sha256: Option<String>,
    /// What else there is to know, in a sentence.
    note: String,
}

/// A text of a function, with what is known of it.
#[derive(Serialize, JsonSchema)]
pub(super) struct FunctionView {
    /// What the list has of it.
    #[serde(flatten)]
    summary: FunctionSummary,
    /// The text, byte for byte.
    source: String,
    /// What it does, in the words of its docstring. Null: the text is no function.
    description: Option<String>,
    /// The JSON Schema of its arguments. Null: the text is no function.
    input_schema: Option<Value>,
    /// The tools that its file says it calls, as patterns. Null: those that its text names.
    tools: Option<Vec<String>>,
    /// What it may call at most, of the tools that there are: `SERVER.TOOL`. Its caller has to have the same grants. Null: the gateway is
    /// still starting.
    grants: Option<Vec<String>>,
    /// All stored texts of the function, the latest version first.
    versions: Vec<VersionView>,
}

/// A stored text of a function.
#[derive(Serialize, JsonSchema)]
struct VersionView {
    /// The SHA-256 of the text, in hexadecimal digits.
    sha256: String,
    /// `promoted`, `proposed` or `retired`.
    state: &'static str,
    /// Which version it is, counted from 1. Null: it never was promoted.
    version: Option<u32>,
    /// Who proposed it. Null: it was a file of the directory.
    proposed: Option<ActView>,
    /// Who promoted it last.
    promoted: Option<ActView>,
    /// Who retired it.
    retired: Option<ActView>,
}

/// Who did something with a text.
#[derive(Serialize, JsonSchema)]
struct ActView {
    /// Who.
    by: String,
    /// When, in milliseconds since the epoch.
    at_ms: u64,
    /// The run in which it was done.
    run: Option<String>,
}

/// What a text changes in the promoted one.
#[derive(Serialize, JsonSchema)]
pub(super) struct DiffView {
    /// The promoted text. Null: nothing of the function is promoted.
    before: Option<TextView>,
    /// The text.
    after: TextView,
    /// The difference as a unified diff, printable. Empty: this text is promoted.
    diff: String,
}

/// A text of a function.
#[derive(Serialize, JsonSchema)]
struct TextView {
    /// The SHA-256 of the text, in hexadecimal digits.
    sha256: String,
    /// Which version it is, counted from 1. Null: it never was promoted.
    version: Option<u32>,
    /// The text, byte for byte.
    source: String,
}

/// A function.
#[derive(Deserialize, JsonSchema)]
pub(super) struct FunctionPath {
    /// Its name.
    name: String,
}

/// Which text of a function.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TextQuery {
    /// The SHA-256 of the text, or its first digits. Default: the file of the directory, else the only proposed text, else the promoted one.
    #[schemars(length(min = 1, max = DIGITS))]
    sha256: Option<String>,
}

/// What is promoted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PromoteRequest {
    /// The SHA-256 of the text that was shown: nothing else is promoted.
    #[schemars(length(min = DIGITS, max = DIGITS))]
    sha256: String,
}

/// What is retired.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetireRequest {
    /// The SHA-256 of one text. Default: the promoted text, and all that are proposed.
    #[schemars(length(min = DIGITS, max = DIGITS))]
    sha256: Option<String>,
}

/// A text was promoted.
#[derive(Serialize, JsonSchema)]
pub(super) struct PromotedView {
    /// Which version of the function it is, counted from 1.
    version: u32,
    /// The SHA-256 of the text, in hexadecimal digits.
    sha256: String,
}

impl FunctionSummary {
    fn of(listed: ListedFunction) -> Self {
        let ListedFunction { name, state, is_file, version, sha256, note } = listed;
        Self { name, state, is_file, version, sha256, note }
    }
}

impl VersionView {
    fn of(stored: &StoredFunction) -> Self {
        let act = |act: &Option<FunctionAct>| act.as_ref().map(ActView::of);
        Self {
            sha256: stored.sha256.clone(),
            state: stored.state.name(),
            version: stored.version,
            proposed: act(&stored.proposed),
            promoted: act(&stored.promoted),
            retired: act(&stored.retired),
        }
    }
}

impl ActView {
    fn of(act: &FunctionAct) -> Self {
        Self { by: act.principal.to_string(), at_ms: act.at_ms, run: act.run.as_ref().map(ToString::to_string) }
    }
}

impl TextView {
    fn of(text: FunctionText, saved: &SavedFunctions) -> Self {
        let FunctionText { name, sha256, source, .. } = text;
        let version = saved.versions(&name).find(|stored| stored.sha256 == sha256).and_then(|stored| stored.version);
        Self { sha256, version, source }
    }
}

impl From<FunctionsError> for ApiError {
    fn from(error: FunctionsError) -> Self {
        match error {
            FunctionsError::Unknown(message) => Self::not_found(message),
            FunctionsError::Ambiguous(message) | FunctionsError::Invalid(message) => Self::conflict(message),
            FunctionsError::Store(error) => error.into(),
            other => crate::sources::SourceError::new(other).into(),
        }
    }
}

/// Every function. None: no functions are configured.
async fn configured(admin: &Admin) -> Result<Option<SavedFunctions>, ApiError> {
    let Some(config) = admin.sources().config().functions.clone() else { return Ok(None) };
    let store = admin.sources().functions()?;
    let files = tokio::task::spawn_blocking(move || function_files(config.dir.as_deref())).await;
    let files = files.map_err(|_| ApiError::unavailable("the directory of functions cannot be read"))??;
    Ok(Some(SavedFunctions::read(store, files).await?))
}

async fn saved(admin: &Admin) -> Result<SavedFunctions, ApiError> {
    let not_configured = || ApiError::not_found("no functions are configured: add [functions] to the configuration");
    configured(admin).await?.ok_or_else(not_configured)
}

/// Checks a digest, or at least so many of its first digits.
fn check_digest(sha256: Option<&str>, least: usize) -> Result<(), ApiError> {
    check_range("sha256", sha256.map(str::len), least, DIGITS)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match sha256.is_none_or(|sha256| sha256.bytes().all(is_digit)) {
        true => Ok(()),
        false => Err(ApiError::bad_request("sha256: must be lower-case hexadecimal digits")),
    }
}

/// The name of a function that something is done with: it goes into the record.
fn checked_name(path: FunctionPath) -> Result<String, ApiError> {
    let name: Result<FunctionName, _> = path.name.parse();
    name.map(|name| name.to_string()).map_err(|error| ApiError::bad_request(format!("name: {error}")))
}

pub(super) async fn list(ask: Ask) -> Result<Page<FunctionSummary>, ApiError> {
    let listed = configured(&ask.admin).await?.map(|saved| saved.list()).unwrap_or_default();
    Ok(Page::whole(listed.into_iter().map(FunctionSummary::of).collect()))
}

pub(super) async fn show(ask: Ask<FunctionPath, TextQuery>) -> Result<FunctionView, ApiError> {
    let name = &ask.path.name;
    check_digest(ask.query.sha256.as_deref(), 1)?;
    let saved = saved(&ask.admin).await?;
    let text = saved.text(name, ask.query.sha256.as_deref()).await?;
    let is_it = |listed: &ListedFunction| listed.name == *name && listed.sha256.as_ref() == Some(&text.sha256);
    let removed = || ApiError::not_found(format!("this text of {name:?} was removed meanwhile"));
    let summary = saved.list().into_iter().find(is_it).map(FunctionSummary::of).ok_or_else(removed)?;
    let function = text.function().ok();
    let grants = match &function {
        Some(function) => grants(&ask.admin, function.clone()).await,
        None => None,
    };
    let mut versions: Vec<&StoredFunction> = saved.versions(name).collect();
    versions.sort_by_key(|stored| std::cmp::Reverse(stored.version));
    Ok(FunctionView {
        summary,
        source: text.source,
        description: function.as_ref().and_then(|function| function.descriptor().description.clone()),
        input_schema: function.as_ref().map(|function| function.descriptor().input_schema.clone()),
        tools: function.as_ref().and_then(|function| function.tools().map(<[String]>::to_vec)),
        grants,
        versions: versions.into_iter().map(VersionView::of).collect(),
    })
}

/// What a function may call at most, of the tools that the operator's scripts see. None: the gateway is still starting.
async fn grants(admin: &Admin, function: Function) -> Option<Vec<String>> {
    let view = admin.gateway().ok()?.view_ready(None, None).await?;
    // The text is read as Python.
    let tools = tokio::task::spawn_blocking(move || view.tools_of_function(&function)).await.ok()?;
    Some(tools.iter().map(ToString::to_string).collect())
}

pub(super) async fn diff(ask: Ask<FunctionPath, TextQuery>) -> Result<DiffView, ApiError> {
    let name = &ask.path.name;
    check_digest(ask.query.sha256.as_deref(), 1)?;
    let saved = saved(&ask.admin).await?;
    let after = saved.text(name, ask.query.sha256.as_deref()).await?;
    let before = saved.promoted_text(name).await?;
    let diff = function_diff(before.as_ref(), &after);
    let before = before.map(|before| TextView::of(before, &saved));
    Ok(DiffView { before, after: TextView::of(after, &saved), diff })
}

pub(super) async fn promote(ask: Ask<FunctionPath, Nothing, PromoteRequest>) -> Result<PromotedView, ApiError> {
    let (name, sha256) = (&checked_name(ask.path)?, ask.body.sha256);
    check_digest(Some(&sha256), DIGITS)?;
    let saved = saved(&ask.admin).await?;
    let text = saved.text(name, Some(&sha256)).await?;
    let action = ask.admin.record(&ask.caller, "function.promote", &format!("{name} {sha256}")).await?;
    let version = saved.promote(&text).await?;
    action.done();
    Ok(PromotedView { version, sha256 })
}

pub(super) async fn retire(ask: Ask<FunctionPath, Nothing, RetireRequest>) -> Result<Done, ApiError> {
    let (name, sha256) = (&checked_name(ask.path)?, ask.body.sha256);
    check_digest(sha256.as_deref(), DIGITS)?;
    let saved = saved(&ask.admin).await?;
    let target = sha256.as_ref().map_or_else(|| name.clone(), |sha256| format!("{name} {sha256}"));
    let action = ask.admin.record(&ask.caller, "function.retire", &target).await?;
    saved.retire(name, sha256).await?;
    action.done();
    Ok(Done::DONE)
}
