//! What runs name by its digest.

/// Something that many runs have in common, kept once and named by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// The SHA-256 of the bytes, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What an [`Object`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectKind {
    /// The servers and tools that a script sees, as JSON.
    Namespace,
    /// The component of a guest: what a run can be made again with when the program has another one.
    Guest,
}

impl ObjectKind {
    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Guest => "guest",
        }
    }
}

/// The guest that runs are made with, as the program has it.
#[derive(Debug, Clone, Copy)]
pub struct PackedGuest {
    /// The SHA-256 of its component, in lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// The component, compressed by zstd.
    pub zstd: &'static [u8],
}
