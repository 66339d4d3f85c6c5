//! The sandbox of an application.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use exuvia_catalog::stub::server_stub;
use exuvia_runtime::{Engine, Limits, Script};
use exuvia_tool::Namespace;

use crate::tools::Tools;
use crate::{BlockingSandbox, SandboxBuilder, SandboxRun};

/// Tools, default limits and an engine: what an application runs scripts with. Clones share all of it; one serves any number of runs at
/// a time, of which its engine executes [`concurrent_runs`](exuvia_runtime::EngineConfig::concurrent_runs) and lets the others wait.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) tools: Arc<Tools>,
}

impl Sandbox {
    /// Begins with no tools and the default limits.
    #[must_use]
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    pub(crate) fn new(engine: Engine, limits: Limits, tools: Arc<Tools>) -> Self {
        Self { engine, limits, tools }
    }

    /// Prepares one run of a script. It starts when it is awaited.
    pub fn run(&self, script: impl Into<String>) -> SandboxRun {
        SandboxRun::new(self, Script::new(script))
    }

    /// The Python declarations of all tools: what a model has to read before it writes a script.
    #[must_use]
    pub fn stubs(&self) -> String {
        let mut text = String::new();
        for server in self.namespace().servers() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "# {}.pyi", server.python_name);
            text.push_str(&server_stub(server));
        }
        text
    }

    /// The tools as a script sees them.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.tools.namespace
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The limits of runs that have none of their own.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same for callers without async, with threads of its own.
    ///
    /// # Errors
    ///
    /// The threads cannot be started.
    pub fn into_blocking(self) -> io::Result<BlockingSandbox> {
        BlockingSandbox::new(self)
    }
}
