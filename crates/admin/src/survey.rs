//! What a server lists, held against its pins.

use std::sync::Arc;

use exuvia_config::PinMode;
use exuvia_gateway::{listed, now_ms};
use exuvia_pins::{Accepted, Difference, Digest, PinError, PinFolder, ServerPins, Standing, differences};
use exuvia_policy::Policy;
use exuvia_tool::{ToolDescriptor, ToolName};
use exuvia_upstream::ServerStatus;

/// The credential whose list everybody is shown.
const SHARED: &str = "";

/// A server and its tools.
pub struct SurveyedServer {
    /// Its name.
    pub name: String,
    /// What comes of tools that are not as they were first seen.
    pub pin: PinMode,
    /// Whether it is there.
    pub is_ready: bool,
    /// What it lists.
    pub tools: Vec<SurveyedTool>,
    /// The tools that it listed when they were accepted, and does not list now, with the time in milliseconds since 1970.
    pub unlisted: Vec<(String, u64)>,
    /// What was left out of its list.
    pub warnings: Vec<String>,
    /// Why its pins cannot be read.
    pub trouble: Option<String>,
}

/// A tool as it is listed.
pub struct SurveyedTool {
    /// What its server says of it.
    pub descriptor: Arc<ToolDescriptor>,
    /// Whether the policy shows it to anybody.
    pub is_shown: bool,
    /// The digest of its definition.
    pub digest: Digest,
    /// How it stands to its pin.
    pub standing: Standing,
    /// What is not as it was accepted, as far as the texts were kept.
    pub differences: Vec<Difference>,
}

impl SurveyedServer {
    /// What a server lists now. `folder`: where pins are kept. Reads files.
    #[must_use]
    pub fn of(server: &ServerStatus, pin: PinMode, folder: Option<&PinFolder>, policy: &Policy) -> Self {
        let folder = folder.filter(|_| pin != PinMode::Off);
        let (pins, trouble) = match folder.map(|folder| folder.file(&server.name, SHARED).read()) {
            None => (None, None),
            Some(Ok(pins)) => (pins, None),
            Some(Err(error)) => (None, Some(error.to_string())),
        };
        let pins = pins.unwrap_or_else(|| ServerPins::new(&server.name, SHARED));
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
        Self {
            name: server.name.clone(),
            pin,
            is_ready: server.is_ready(),
            tools: server.tools.iter().zip(listed(server)).map(tool).collect(),
            unlisted: unlisted.map(|(name, at_ms)| (name.to_owned(), at_ms)).collect(),
            warnings: server.warnings.clone(),
            trouble,
        }
    }
}

/// Accepts what waits of a server: all of it, or one tool; with a digest, if it has that. Returns what was accepted. Reads and writes files.
///
/// # Errors
///
/// The pins cannot be read or written.
pub fn accept_tools(
    folder: &PinFolder,
    server: &str,
    tool: Option<&str>,
    digest: Option<&str>,
) -> Result<Vec<Accepted>, PinError> {
    let change = |pins: Option<ServerPins>| {
        let Some(mut pins) = pins else { return (None, Vec::new()) };
        let accepted = pins.accept(|name| tool.is_none_or(|tool| tool == name), digest, now_ms());
        (Some(pins), accepted)
    };
    Ok(folder.file(server, SHARED).change(change, |accepted| !accepted.is_empty())?.0)
}
