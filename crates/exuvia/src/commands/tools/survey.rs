//! What servers list, held against their pins.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use exuvia_config::{Paths, PinMode};
use exuvia_gateway::listed;
use exuvia_pins::{Difference, Digest, PinFolder, ServerPins, Standing, differences};
use exuvia_policy::Policy;
use exuvia_tool::{ToolDescriptor, ToolName};
use exuvia_upstream::ServerStatus;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Principals, Recording, configured};
use crate::args::ServerArgs;
use crate::file_threads::FileThreads;
use crate::start_progress::GLANCE;
use crate::terminal::Terminal;

/// A server and its tools.
pub(super) struct SurveyedServer {
    pub(super) name: String,
    pub(super) pin: PinMode,
    /// Whether it is there.
    pub(super) is_ready: bool,
    pub(super) tools: Vec<SurveyedTool>,
    /// The tools that it listed when they were accepted, and does not list now, with the time in milliseconds since 1970.
    pub(super) unlisted: Vec<(String, u64)>,
    /// What was left out of its list.
    pub(super) warnings: Vec<String>,
    /// Why its pins cannot be read.
    pub(super) trouble: Option<String>,
}

/// A tool as it is listed.
pub(super) struct SurveyedTool {
    pub(super) descriptor: Arc<ToolDescriptor>,
    /// Whether the policy shows it to anybody.
    pub(super) is_shown: bool,
    pub(super) digest: Digest,
    pub(super) standing: Standing,
    /// What is not as it was accepted, as far as the texts were kept.
    pub(super) differences: Vec<Difference>,
}

/// Starts all servers and looks at what they list. What is seen first is pinned, as by every command.
pub(super) async fn survey(servers: ServerArgs) -> Result<Vec<SurveyedServer>> {
    let terminal = Terminal::new();
    let config = configured(servers.into(), &terminal).await?;
    let (profiles, pins) = (config.for_operator(), config.pins.clone());
    let (over, principals) = (CancellationToken::new(), Principals::of(&config));
    let app = App::start(config, profiles, &terminal, over, GLANCE, Recording::MemoryOnly, principals).await?;
    app.gateway.ready_with(|_| true).await;
    let (servers, policy) = (app.gateway.servers(), app.gateway.policy());
    let folder = Paths::of_user().pin_dir.map(PinFolder::new);
    let all =
        move || servers.iter().map(|server| surveyed(server, &pins, folder.as_ref(), &policy)).collect::<Vec<_>>();
    let surveyed = FileThreads::default().run(all).await;
    app.end().await;
    terminal.clear_progress();
    Ok(surveyed?)
}

fn surveyed(
    server: &ServerStatus,
    pins: &BTreeMap<String, PinMode>,
    folder: Option<&PinFolder>,
    policy: &Policy,
) -> SurveyedServer {
    let pin = pins.get(&server.name).copied().unwrap_or(PinMode::Off);
    let folder = folder.filter(|_| pin != PinMode::Off);
    let (pins, trouble) = match folder.map(|folder| folder.file(&server.name, "").read()) {
        None => (None, None),
        Some(Ok(pins)) => (pins, None),
        Some(Err(error)) => (None, Some(error.to_string())),
    };
    let pins = pins.unwrap_or_else(|| ServerPins::new(&server.name, ""));
    let tool = |(descriptor, listed): (&Arc<ToolDescriptor>, exuvia_pins::Listed<'_>)| {
        let texts = pins.accepted_text(listed.name).zip(listed.definition.text());
        SurveyedTool {
            descriptor: Arc::clone(descriptor),
            is_shown: policy.shows(&ToolName::new(server.name.as_str(), listed.name)),
            digest: listed.definition.digest(),
            standing: pins.standing(&listed),
            differences: texts.map(|(before, after)| differences(before, after)).unwrap_or_default(),
        }
    };
    let is_listed = |name: &str| server.tools.iter().any(|tool| tool.name == name);
    let unlisted = pins.accepted().filter(|(name, _)| server.is_ready() && !is_listed(name));
    SurveyedServer {
        name: server.name.clone(),
        pin,
        is_ready: server.is_ready(),
        tools: server.tools.iter().zip(listed(server)).map(tool).collect(),
        unlisted: unlisted.map(|(name, at_ms)| (name.to_owned(), at_ms)).collect(),
        warnings: server.warnings.clone(),
        trouble,
    }
}
