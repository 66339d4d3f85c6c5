//! Why there is no sandbox.

use std::fmt;

use exuvia_runtime::EngineError;

/// Why a [`Sandbox`](crate::Sandbox) could not be built: the machine, or a tool that is declared wrongly.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The engine did not start.
    Engine(EngineError),
    /// There is no guest: built without the feature `embedded-guest`, and [`engine`](crate::SandboxBuilder::engine) was not called.
    NoGuest,
    /// The tool's name is not `SERVER.TOOL`.
    Name(String),
    /// Two tools have this name.
    Repeated(String),
    /// The tool's arguments are not an object, so that a call could not name them.
    Arguments(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::NoGuest => {
                f.write_str("no guest: enable the feature `embedded-guest`, or give an engine that has one")
            }
            Self::Name(name) => write!(f, "tool {name:?}: a name is SERVER.TOOL, for example crm.find"),
            Self::Repeated(name) => write!(f, "tool {name}: there are two of this name"),
            Self::Arguments(name) => {
                write!(f, "tool {name}: its arguments are no object; use a struct with named fields, or `NoArguments`")
            }
        }
    }
}

impl std::error::Error for BuildError {}

impl From<EngineError> for BuildError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}
