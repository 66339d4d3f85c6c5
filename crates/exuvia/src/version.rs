//! What this program was built from.

use std::sync::LazyLock;

use exuvia_runtime::GUEST_DIGEST;

/// The CPython in the guest.
pub(crate) const PYTHON_VERSION: &str = "3.14.0";

/// The commit, where whoever built it said so: whatever found it out would build this crate anew at each commit.
const COMMIT: Option<&str> = option_env!("EXUVIA_COMMIT");

static LONG: LazyLock<String> = LazyLock::new(|| {
    let commit = COMMIT.filter(|commit| !commit.is_empty()).unwrap_or("not recorded (EXUVIA_COMMIT at build time)");
    format!(
        "{}\ncommit: {commit}\nguest: sha256:{GUEST_DIGEST}\npython: CPython {PYTHON_VERSION}",
        env!("CARGO_PKG_VERSION")
    )
});

/// For `--version`; `-V` prints the first line.
pub(crate) fn long() -> &'static str {
    &LONG
}
