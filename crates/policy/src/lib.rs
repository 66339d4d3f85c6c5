//! Who may call what.
//!
//! A run holds [`Grants`]. Each of its calls is put before [`authorize`], which gives a [`Permit`] or a [`Denial`]. A
//! permit owns the call that it permits, nothing else can make one, and it is the only thing that an upstream dispatches:
//! what was authorised is what is sent.
//!
//! Pure: no clock, no I/O, no state.
//!
//! ```
//! use exuvia_policy::{Grants, authorize};
//! use exuvia_tool::{CallId, Json, ToolCall, ToolName};
//!
//! let grants = Grants::of([ToolName::new("crm", "get_contacts")]);
//! let call = |tool| ToolCall {
//!     id: CallId(1),
//!     name: ToolName::new("crm", tool),
//!     arguments: Json::parse("{}").unwrap(),
//! };
//! assert!(authorize(call("get_contacts"), &grants).is_ok());
//! assert!(authorize(call("delete_contact"), &grants).is_err());
//! ```
//!
//! A permit cannot be made by hand, copied, or changed:
//!
//! ```compile_fail
//! # use exuvia_tool::{CallId, Json, ToolCall, ToolName};
//! let call = ToolCall { id: CallId(1), name: ToolName::new("a", "b"), arguments: Json::parse("{}").unwrap() };
//! let permit = exuvia_policy::Permit { call };
//! ```
//!
//! ```compile_fail
//! fn twice(permit: exuvia_policy::Permit) -> (exuvia_policy::Permit, exuvia_policy::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```

use std::collections::BTreeSet;
use std::fmt;

use exuvia_tool::{Namespace, ToolCall, ToolName};

/// The tools that one run may call. Fixed when the run starts; authority never grows while it runs.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    tools: BTreeSet<ToolName>,
}

impl Grants {
    /// Grants of exactly these tools.
    #[must_use]
    pub fn of(tools: impl IntoIterator<Item = ToolName>) -> Self {
        Self { tools: tools.into_iter().collect() }
    }

    /// Grants of every tool that is visible in `namespace`: what an operator gives a script by running it by hand.
    #[must_use]
    pub fn everything_visible(namespace: &Namespace) -> Self {
        Self::of(
            namespace
                .servers()
                .iter()
                .flat_map(|server| server.tools().iter().map(|tool| ToolName::new(server.name.clone(), tool.name()))),
        )
    }

    /// Whether a call of this tool is granted.
    #[must_use]
    pub fn cover(&self, tool: &ToolName) -> bool {
        self.tools.contains(tool)
    }
}

/// The proof that one call was authorised. It owns the call.
#[derive(Debug)]
pub struct Permit {
    call: ToolCall,
}

impl Permit {
    /// The call that is permitted.
    #[must_use]
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    /// Uses the permit up.
    #[must_use]
    pub fn into_call(self) -> ToolCall {
        self.call
    }
}

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The tool that was called.
    pub tool: ToolName,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may not be called by this script", self.tool)
    }
}

impl std::error::Error for Denial {}

/// Decides on one call.
///
/// # Errors
///
/// The run's grants do not cover the tool.
pub fn authorize(call: ToolCall, grants: &Grants) -> Result<Permit, Denial> {
    if grants.cover(&call.name) { Ok(Permit { call }) } else { Err(Denial { tool: call.name }) }
}
