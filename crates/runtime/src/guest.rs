//! Guests other than the program's own, compiled when an engine is to have one.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use wasmtime::error::Context as _;

use crate::compile;
use crate::engine_error::EngineError;

/// A guest, compiled for this machine. It takes some 50 MB of memory, which its [`Engine`](crate::Engine) keeps.
pub struct Guest {
    sha256: String,
    /// Native code, made with `precompile_component`.
    pub(crate) code: Vec<u8>,
    /// The guest's memory as it begins.
    #[cfg(target_os = "linux")]
    pub(crate) image: Vec<u8>,
}

impl Guest {
    /// Compiles a guest component, in the binary format. Takes all processors for seconds: call it where blocking is allowed.
    ///
    /// Nothing of the component is executed. When it is, it reaches nothing but what scripts reach, but limits on fuel and time hold only for
    /// guests that meter themselves, as those that `guest/build` makes do.
    ///
    /// # Errors
    ///
    /// It is no component, or none that the engine of this program can have.
    pub fn compile(component: &[u8]) -> Result<Self, EngineError> {
        let sha256 = digits(Sha256::digest(component));
        Self::compiled(component, sha256.clone()).context(format!("compiling guest {sha256}")).map_err(EngineError)
    }

    #[cfg(target_os = "linux")]
    fn compiled(component: &[u8], sha256: String) -> wasmtime::Result<Self> {
        let crate::snapshot::Split { component, image } = crate::snapshot::split(component)?;
        Ok(Self { sha256, code: native(&component)?, image })
    }

    #[cfg(not(target_os = "linux"))]
    fn compiled(component: &[u8], sha256: String) -> wasmtime::Result<Self> {
        Ok(Self { sha256, code: native(component)? })
    }

    /// The SHA-256 of the component, in lower-case hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// Where an engine has its guest from.
pub(crate) enum GuestSource {
    /// The program's own.
    #[cfg(feature = "embedded-guest")]
    Embedded,
    Compiled(Guest),
}

impl GuestSource {
    pub(crate) fn sha256(&self) -> &str {
        match self {
            #[cfg(feature = "embedded-guest")]
            Self::Embedded => crate::artifact::GUEST_DIGEST,
            Self::Compiled(guest) => guest.sha256(),
        }
    }
}

fn native(component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    wasmtime::Engine::new(&compile::config(env!("EXUVIA_TARGET"))?)?.precompile_component(component)
}

fn digits(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
