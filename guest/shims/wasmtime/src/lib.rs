//! componentize-py is written against wasmtime 46. What it uses of it is the same in the version that the workspace runs, so it
//! gets that one, and no second wasmtime and no second Cranelift are built.
//!
//! docs/decisions/0002-guest-and-artifact.md says when this can go.

pub use current::*;
