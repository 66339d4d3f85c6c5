//! Settings that a reload may change while scripts run, and what each run keeps of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Roles;
use exuvia_catalog::files::{Layouts, StubFiles};
use exuvia_config::{
    FunctionsConfig, OnDisconnect, PinMode, Profiles, QueueLimits, RoleConfig, SessionsConfig, WorkspacesConfig,
};
use exuvia_policy::Policy;
use exuvia_runtime::Limits;
use exuvia_tool::Namespace;
use exuvia_upstream::{Routes, ServerStatus};

use crate::answer_shapes::AnswerShapes;
use crate::authority::Policies;
use crate::functions::{RunFunctions, ShownFunctions};
use crate::kept_view::KeptView;
use crate::tool_pins::{ToolPins, WithheldTools};

/// What an operator may change while scripts run. Each script keeps what it was started with, but for the policy, which holds
/// for its calls at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How the stubs of each server are cut into files.
    pub layouts: Layouts,
    /// Which servers clients meet, and how.
    pub profiles: Profiles,
    /// Who may call what.
    pub policy: Arc<Policy>,
    /// What those may do who have a role.
    pub roles: Roles,
    /// The limits of every run.
    pub limits: Limits,
    /// How many scripts may be in flight.
    pub queue: QueueLimits,
    /// The longest answer that a model receives, in bytes. A longer one is truncated, with a mark.
    pub answer_bytes: usize,
    /// Above about so many tokens, parts of a run's result and log are left out of what a model is shown.
    pub preview_tokens: usize,
    /// Whether a script is cancelled when its client disconnects.
    pub on_disconnect: OnDisconnect,
    /// How old a run may be whose answers a repaired script takes. Zero: none does.
    pub repair_age: Duration,
    /// What comes of tools that are not as they were first seen, by server; others are not looked at.
    pub pins: BTreeMap<String, PinMode>,
    /// Which scripts have files, and how many.
    pub workspaces: Arc<WorkspacesConfig>,
    /// How scripts go on where earlier ones stopped. None: they do not.
    pub sessions: Option<SessionsConfig>,
    /// Saved functions. None: there are none.
    pub functions: Option<Arc<FunctionsConfig>>,
}

/// What runs are started with at one moment. It belongs together and changes as a whole.
#[derive(Debug)]
pub(crate) struct RunView {
    /// The servers and tools that are visible.
    pub(crate) namespace: Arc<Namespace>,
    /// The stub files of them.
    pub(crate) stubs: Arc<StubFiles>,
    /// The ways to them.
    pub(crate) routes: Routes,
    pub(crate) settings: Arc<Settings>,
    /// What is learned of their answers, unless nothing is.
    pub(crate) answer_shapes: Option<Arc<AnswerShapes>>,
    /// What is withheld at each moment, unless nothing is.
    pub(crate) pins: Option<Arc<ToolPins>>,
    /// The functions that are visible. None: none is.
    pub(crate) functions: Option<RunFunctions>,
    /// What the journal has of all this.
    pub(crate) kept: KeptView,
}

impl Settings {
    /// Whether the user of the client may approve what the client of this role makes: of the operator's own client, or where the role says so.
    pub(crate) fn client_approves(&self, role: Option<&str>) -> bool {
        role.is_none_or(|role| self.roles.get(role).is_some_and(|role| role.client_approves))
    }

    /// What holds for everyone, and for each role.
    pub(crate) fn policies(&self) -> Policies {
        Policies { policy: Arc::clone(&self.policy), roles: Arc::clone(&self.roles) }
    }

    /// The same for those who have this role.
    fn of_role(&self, role: &RoleConfig) -> Self {
        Self { policy: Arc::clone(&role.policy), limits: role.limits.of(&self.limits), ..self.clone() }
    }
}

impl UpstreamState {
    /// The same for those who have this role. What was learned of answers that others got is not theirs.
    pub(crate) fn of_role(&self, name: &str, role: &RoleConfig) -> Self {
        Self {
            servers: Arc::clone(&self.servers),
            routes: self.routes.clone(),
            settings: Arc::new(self.settings.of_role(role)),
            answer_shapes: self.answer_shapes.as_ref().map(|answer_shapes| answer_shapes.of_role(name)),
            pins: self.pins.clone(),
            withheld: Arc::clone(&self.withheld),
            functions: self.functions.clone(),
        }
    }
}

/// What there is at one moment, for all profiles.
#[derive(Debug)]
pub(crate) struct UpstreamState {
    pub(crate) servers: Arc<[ServerStatus]>,
    pub(crate) routes: Routes,
    pub(crate) settings: Arc<Settings>,
    pub(crate) answer_shapes: Option<Arc<AnswerShapes>>,
    pub(crate) pins: Option<Arc<ToolPins>>,
    /// What is withheld of the servers.
    pub(crate) withheld: Arc<WithheldTools>,
    /// The functions. None: none are configured.
    pub(crate) functions: Option<ShownFunctions>,
}
