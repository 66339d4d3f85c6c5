//! The guest's export, instantiated and called.

use wasmtime::component::InstancePre;
use wasmtime::{AsContextMut, Result};

use crate::SandboxView;
use crate::bindings::{self, SandboxPre, Script};

/// The guest component, linked and ready to be instantiated: once per process.
pub struct GuestPre<T: 'static> {
    pre: SandboxPre<T>,
}

impl<T> Clone for GuestPre<T> {
    fn clone(&self) -> Self {
        Self { pre: self.pre.clone() }
    }
}

/// How the script ended, as the guest reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GuestOutcome {
    /// The script's result, as JSON text. Not checked.
    Returned(String),
    /// An exception left the script.
    Raised(ScriptError),
    /// The script left by `sys.exit`.
    Exited(ScriptError),
    /// A denied call left the script as an uncaught exception.
    Denied(ScriptError),
    /// A `MemoryError` left the script.
    OutOfMemory(ScriptError),
    /// The result is larger than what was allowed; its size in bytes.
    ResultTooLarge(u64),
}

/// An exception in the script's own terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// The exception's class.
    pub kind: String,
    /// The exception's message.
    pub message: String,
    /// The line at fault, counted from 1.
    pub line: Option<u32>,
    /// The excerpt of the script around the lines at fault.
    pub traceback: String,
    /// How to repair the script.
    pub hint: Option<String>,
}

impl<T: SandboxView> GuestPre<T> {
    /// Checks that the component exports what the contract says.
    ///
    /// # Errors
    ///
    /// It does not.
    pub fn new(pre: InstancePre<T>) -> Result<Self> {
        Ok(Self { pre: SandboxPre::new(pre)? })
    }

    /// Instantiates the guest in `store` and runs one script in it. The store is used up: drop it afterwards.
    ///
    /// # Errors
    ///
    /// The guest trapped: a limit of the store, [`OutOfFuel`](crate::OutOfFuel),
    /// [`ToolCallsExhausted`](crate::ToolCallsExhausted), an exit ([`wasmtime_wasi::I32Exit`]), or a defect.
    pub async fn run(
        &self,
        mut store: impl AsContextMut<Data = T>,
        source: &str,
        result_bytes: u64,
    ) -> Result<GuestOutcome> {
        self.instantiate(&mut store).await?.run(store, source, result_bytes).await
    }

    /// Instantiates the guest in `store`, for scripts that are run one after the other.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn instantiate(&self, store: impl AsContextMut<Data = T>) -> Result<Guest> {
        Ok(Guest(self.pre.instantiate_async(store).await?))
    }
}

/// An instance of the guest, in a store.
pub struct Guest(bindings::Sandbox);

impl Guest {
    /// Runs a script: the first one, or a further one with what those before it left, after
    /// [`begin_again`](crate::Sandbox::begin_again). `store` is the one of the instance.
    ///
    /// # Errors
    ///
    /// As [`GuestPre::run`]. The instance is of no use any more.
    pub async fn run<T: SandboxView>(
        &self,
        store: impl AsContextMut<Data = T>,
        source: &str,
        result_bytes: u64,
    ) -> Result<GuestOutcome> {
        let script = Script { source, result_bytes };
        Ok(self.0.call_run(store, script).await?.into())
    }
}

impl From<bindings::Outcome> for GuestOutcome {
    fn from(outcome: bindings::Outcome) -> Self {
        match outcome {
            bindings::Outcome::Returned(json) => Self::Returned(json),
            bindings::Outcome::Raised(error) => Self::Raised(error.into()),
            bindings::Outcome::Exited(error) => Self::Exited(error.into()),
            bindings::Outcome::Denied(error) => Self::Denied(error.into()),
            bindings::Outcome::OutOfMemory(error) => Self::OutOfMemory(error.into()),
            bindings::Outcome::ResultTooLarge(bytes) => Self::ResultTooLarge(bytes),
        }
    }
}

impl From<bindings::ScriptError> for ScriptError {
    fn from(error: bindings::ScriptError) -> Self {
        let bindings::ScriptError { kind, message, line, traceback, hint } = error;
        Self { kind, message, line, traceback, hint }
    }
}
