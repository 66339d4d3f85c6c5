//! Tools: what servers list, as stubs and with their pins.

use std::collections::BTreeMap;
use std::sync::Arc;

use exuvia_catalog::stub::tool_stub;
use exuvia_gateway::{Client, Gateway, View, meta};
use exuvia_pins::{Deviation, Standing};
use exuvia_text::tokens;
use exuvia_tool::ToolName;
use exuvia_upstream::ServerStatus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::explain::decision;
use super::page::Page;
use super::servers::{CallSums, ServerPath, last_day, sums, unknown};
use crate::admin::Admin;
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};
use crate::survey::{SurveyedServer, SurveyedTool, accept_tools};

/// A tool.
#[derive(Serialize, JsonSchema)]
pub(super) struct ToolView {
    /// Its server.
    server: String,
    /// Its name.
    name: String,
    /// A name for people.
    title: Option<String>,
    /// What it does, in the server's words.
    description: Option<String>,
    /// About how many tokens its stub has. Null: scripts do not see it.
    tokens: Option<usize>,
    /// `allowed`, `needs-approval`, `denied` or `not-visible`, for those without a role.
    policy: &'static str,
    /// Whether it says that it changes nothing.
    read_only: Option<bool>,
    /// Whether it says that it may destroy something.
    destructive: Option<bool>,
    /// How it stands to its pin: `pinned`, `changed`, `new`, `unpinned` or `off`.
    pin: &'static str,
    /// Calls of the last 24 hours.
    #[serde(flatten)]
    calls: CallSums,
}

/// Which tools.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolQuery {
    /// Of this server. Default: of all.
    server: Option<String>,
}

/// A stub file as a model reads it.
#[derive(Serialize, JsonSchema)]
pub(super) struct StubView {
    /// The text.
    text: String,
    /// About how many tokens it has.
    tokens: usize,
}

/// The pins of a server's tools.
#[derive(Serialize, JsonSchema)]
pub(super) struct PinsView {
    /// Whether tools that are not as they were accepted are withheld.
    enforce: bool,
    /// Why they cannot be read.
    trouble: Option<String>,
    /// The tools.
    items: Vec<PinView>,
}

/// The pin of a tool.
#[derive(Serialize, JsonSchema)]
struct PinView {
    /// The tool.
    tool: String,
    /// `pinned`, `changed`, `new`, `unpinned`, `off`, or `gone`: not listed now.
    state: &'static str,
    /// Whether it is withheld.
    withheld: bool,
    /// When it was accepted, in milliseconds since the epoch.
    pinned_ms: Option<u64>,
    /// The digest of its definition, which accepting may name.
    digest: Option<String>,
    /// What is not as it was accepted, as far as the texts were kept.
    parts: Vec<PartView>,
}

/// A part of a definition that changed.
#[derive(Serialize, JsonSchema)]
struct PartView {
    /// Where it is: `inputSchema.properties.limit.description`.
    part: String,
    /// What it was.
    before: Option<String>,
    /// What it is.
    now: Option<String>,
}

/// What is accepted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    /// This tool. Default: all that wait.
    tool: Option<String>,
    /// If its definition has this digest, or one that begins so.
    digest: Option<String>,
}

/// What was accepted.
#[derive(Serialize, JsonSchema)]
pub(super) struct AcceptedView {
    /// The tools.
    accepted: Vec<String>,
}

fn pin_state(tool: &SurveyedTool, is_off: bool) -> &'static str {
    match &tool.standing {
        _ if is_off => "off",
        Standing::Pinned(_) => "pinned",
        Standing::Deviates(Deviation::Changed(_)) => "changed",
        Standing::Deviates(Deviation::New) => "new",
        Standing::Deviates(_) | Standing::Unknown => "unpinned",
    }
}

fn server(gateway: &Gateway, name: &str) -> Result<ServerStatus, ApiError> {
    gateway.servers().iter().find(|server| server.name == name).cloned().ok_or_else(|| unknown(name))
}

/// What a server lists, held against its pins.
async fn surveyed(admin: &Arc<Admin>, server: ServerStatus) -> Result<SurveyedServer, ApiError> {
    let (config, folder) = (admin.sources().config(), admin.sources().pin_folder());
    let policy = admin.gateway()?.policy();
    let pin = config.pins.get(&server.name).copied().unwrap_or_default();
    let surveyed =
        tokio::task::spawn_blocking(move || SurveyedServer::of(&server, pin, folder.as_ref(), &policy)).await;
    surveyed.map_err(|_| ApiError::unavailable("the pins could not be read"))
}

async fn views(admin: &Arc<Admin>, server: ServerStatus) -> Result<Vec<ToolView>, ApiError> {
    let gateway = admin.gateway()?;
    let name = server.name.clone();
    let stats = last_day(admin, Some(&name)).await?;
    let sums = sums(&stats, |server, tool| (server == name).then(|| tool.to_owned()));
    let surveyed = surveyed(admin, server).await?;
    let (view, policy) = (gateway.default_view(), gateway.policy());
    let made = tokio::task::spawn_blocking(move || {
        let tokens = stub_tokens(&view, &surveyed.name);
        surveyed.tools.iter().map(|tool| tool_view(&surveyed, tool, &policy, &tokens, &sums)).collect()
    });
    made.await.map_err(|_| ApiError::unavailable("the tools could not be described"))
}

/// About how many tokens the stub of each tool has that scripts see, by the tool's own name.
fn stub_tokens(view: &View, server: &str) -> BTreeMap<String, usize> {
    let namespace = view.namespace();
    let Some(server) = namespace.server(server) else { return BTreeMap::new() };
    let count = |tool: &exuvia_tool::Tool| (tool.name().to_owned(), tokens(&tool_stub(server, tool), usize::MAX));
    server.tools().iter().map(count).collect()
}

fn tool_view(
    server: &SurveyedServer,
    tool: &SurveyedTool,
    policy: &exuvia_policy::Policy,
    tokens: &BTreeMap<String, usize>,
    sums: &BTreeMap<String, CallSums>,
) -> ToolView {
    let descriptor = &tool.descriptor;
    let name = ToolName::new(server.name.as_str(), descriptor.name.as_str());
    ToolView {
        policy: decision(&policy.classify(&name)),
        tokens: tokens.get(&descriptor.name).copied(),
        pin: pin_state(tool, server.pin == exuvia_config::PinMode::Off),
        calls: sums.get(&descriptor.name).cloned().unwrap_or_default(),
        title: descriptor.title.clone(),
        description: descriptor.description.clone(),
        read_only: descriptor.annotations.read_only,
        destructive: descriptor.annotations.destructive,
        server: name.server,
        name: name.tool,
    }
}

pub(super) async fn list(ask: Ask<Nothing, ToolQuery>) -> Result<Page<ToolView>, ApiError> {
    let gateway = ask.admin.gateway()?;
    let servers = match &ask.query.server {
        Some(name) => vec![server(&gateway, name)?],
        None => gateway.servers().to_vec(),
    };
    let mut items = Vec::new();
    for server in servers {
        items.extend(views(&ask.admin, server).await?);
    }
    Ok(Page::whole(items))
}

pub(super) async fn of_server(ask: Ask<ServerPath>) -> Result<Page<ToolView>, ApiError> {
    let server = server(&*ask.admin.gateway()?, &ask.path.name)?;
    Ok(Page::whole(views(&ask.admin, server).await?))
}

pub(super) async fn stub(ask: Ask<ServerPath>) -> Result<StubView, ApiError> {
    let gateway = ask.admin.gateway()?;
    let (view, name) = (gateway.default_view(), &ask.path.name);
    let namespace = view.namespace();
    let server = namespace.server(name).ok_or_else(|| unknown(name))?;
    // From its first line: a large file is shown as a whole.
    let file = Value::from(format!("{}.pyi:1", server.python_name));
    let arguments = Map::from_iter([("fileName".to_owned(), file)]);
    let client = Client::new("admin");
    let answer = meta::call(&gateway, &view, &client, meta::READ_TOOL_FILE.name, &arguments).await;
    match answer.map_err(|error| ApiError::unavailable(error.to_string()))? {
        meta::MetaAnswer::Text(text) => Ok(StubView { tokens: tokens(&text, usize::MAX), text }),
        _ => Err(ApiError::unavailable("there is no stub")),
    }
}

pub(super) async fn pins(ask: Ask<ServerPath>) -> Result<PinsView, ApiError> {
    let server = server(&*ask.admin.gateway()?, &ask.path.name)?;
    let surveyed = surveyed(&ask.admin, server).await?;
    let enforce = surveyed.pin == exuvia_config::PinMode::Enforce;
    let is_off = surveyed.pin == exuvia_config::PinMode::Off;
    let listed = surveyed.tools.iter().map(|tool| {
        let state = pin_state(tool, is_off);
        PinView {
            tool: tool.descriptor.name.clone(),
            state,
            withheld: enforce && state != "pinned",
            pinned_ms: match &tool.standing {
                Standing::Pinned(at_ms) => Some(*at_ms),
                _ => None,
            },
            digest: Some(tool.digest.hex()),
            parts: tool.differences.iter().map(PartView::of).collect(),
        }
    });
    let gone = surveyed.unlisted.iter().map(|(tool, at_ms)| PinView {
        tool: tool.clone(),
        state: "gone",
        withheld: false,
        pinned_ms: Some(*at_ms),
        digest: None,
        parts: Vec::new(),
    });
    Ok(PinsView { enforce, items: listed.chain(gone).collect(), trouble: surveyed.trouble.clone() })
}

impl PartView {
    fn of(difference: &exuvia_pins::Difference) -> Self {
        let exuvia_pins::Difference { place, before, after } = difference;
        Self { part: place.clone(), before: before.clone(), now: after.clone() }
    }
}

pub(super) async fn accept(ask: Ask<ServerPath, Nothing, Acceptance>) -> Result<AcceptedView, ApiError> {
    let (name, Acceptance { tool, digest }) = (ask.path.name, ask.body);
    server(&*ask.admin.gateway()?, &name)?;
    let folder = ask.admin.sources().pin_folder();
    let folder = folder.ok_or_else(|| ApiError::conflict("no home directory, so that no tools are pinned"))?;
    let target = tool.as_ref().map_or_else(|| name.clone(), |tool| format!("{name}.{tool}"));
    let action = ask.admin.record(&ask.caller, "tools.accept", &target).await?;
    let accept = move || accept_tools(&folder, &name, tool.as_deref(), digest.as_deref());
    let accepted =
        tokio::task::spawn_blocking(accept).await.map_err(|_| ApiError::unavailable("nothing was accepted"))?;
    let accepted = accepted.map_err(|error| ApiError::unavailable(error.to_string()))?;
    if accepted.is_empty() {
        return Err(ApiError::conflict("nothing of it waits to be accepted, or not with that digest"));
    }
    action.done();
    Ok(AcceptedView { accepted: accepted.into_iter().map(|accepted| accepted.tool).collect() })
}
