//! The Python guest of Exuvia: a WebAssembly component that holds an initialised CPython 3.14 and the Python side of
//! the contract in `wit/`.
//!
//! `build/` makes it from `guest/python/` with componentize-py, merges its core modules into one, and adds the code that counts its
//! fuel. `exuvia-runtime` compiles it to native code; another host can take [`COMPONENT`] as it is. This crate decides nothing
//! and runs nothing.
//!
//! The published package holds the component instead of its source, so that building a program with it takes no CPython. The build
//! script takes, in this order, the file that the variable `EXUVIA_GUEST` names (`exuvia guest export` writes one), the source (feature
//! `from-source`, in the repository only), and the prebuilt component.
//!
//! ```
//! assert!(exuvia_guest::COMPONENT.starts_with(b"\0asm"));
//! assert_eq!(exuvia_guest::DIGEST.len(), 64);
//! ```

/// The component, in the binary format. About 35 MB.
pub static COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));

/// The SHA-256 of [`COMPONENT`], as 64 lower-case hexadecimal digits. Two builds of one source with one componentize-py
/// are the same bytes; fuel is comparable between runs of equal digests only.
pub const DIGEST: &str = env!("EXUVIA_GUEST_DIGEST");

/// The version of CPython in the guest, as `sys.version` begins.
pub const PYTHON_VERSION: &str = "3.14.0";

/// The contract that the guest is built for, in WIT.
pub const WIT: &str = include_str!(concat!(env!("OUT_DIR"), "/sandbox.wit"));

/// The component as componentize-py links it, with its core modules apart and without a meter: for the comparison of both.
/// Empty if it was not built from source.
#[doc(hidden)]
pub static UNMERGED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/linked.wasm"));
