//! `[limits]` and `[server_limits]`: the keys with their bounds, and what is written in place of the defaults.
//!
//! Keys have the names of the fields that they set, so a limit without a key does not compile.

use exuvia_tool::Limits as RunLimits;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bytes::Bytes;
use crate::UpstreamLimits;

/// A day.
pub(super) const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;
const GIB: u64 = 1 << 30;
/// The least fuel that may be configured: less would stop the shortest script.
pub const LEAST_FUEL: u64 = 1_000_000;
/// The least time that may be configured for a script, in milliseconds.
pub const LEAST_WALL_MS: u64 = 100;
/// The least memory that may be configured for a script, in bytes, the interpreter included.
pub const LEAST_MEMORY_BYTES: u64 = 40 << 20;

/// A table of limits, and what comes of it. Behind the semicolon: keys that set something else.
macro_rules! limits {
    (
        $(#[$table_doc:meta])*
        $table:ident for $limits:ident {
            $($(#[$doc:meta])* $key:ident: $written:ty,)*
            $(; $($(#[$other_doc:meta])* $other:ident: $other_written:ty,)*)?
        }
    ) => {
        $(#[$table_doc])*
        #[derive(Default, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $table {
            $($(#[$doc])* $key: Option<$written>,)*
            $($($(#[$other_doc])* pub(super) $other: Option<$other_written>,)*)?
        }

        impl $table {
            /// What is written here, and the rest as it is. `wrong` gets each key whose value is wrong, and why.
            pub(super) fn over(&self, limits: &$limits, mut wrong: impl FnMut(&str, String)) -> $limits {
                $limits {
                    $($key: value(self.$key.as_ref(), stringify!($key), &mut wrong).unwrap_or(limits.$key),)*
                }
            }
        }
    };
}

limits! {
    /// Limits of every run. Sizes are numbers of bytes, or strings with a unit: `"512 KiB"`, `"256 MiB"`, `"1 GiB"`. Every
    /// limit has a default; none can be turned off.
    Limits for RunLimits {
        /// Fuel; 2 billion units are about a second of Python. At the limit the run is stopped.
        #[schemars(range(min = LEAST_FUEL, max = i64::MAX))]
        fuel: u64,
        /// Wall-clock time of a run in milliseconds, waiting for tools included. At the limit the run is stopped.
        #[schemars(range(min = LEAST_WALL_MS, max = LONGEST_MS))]
        wall_ms: u64,
        /// Memory, the interpreter included. At the limit the script gets a `MemoryError`.
        memory_bytes: Bytes<LEAST_MEMORY_BYTES, { 4 * GIB }>,
        /// Tool calls. At the limit the run is stopped.
        #[schemars(range(max = 10_000_000))]
        tool_calls: u64,
        /// Concurrent tool calls. Further calls wait.
        #[schemars(range(min = 1, max = 10_000))]
        concurrent_calls: usize,
        /// Timeout of one call, in milliseconds. When it expires, the script gets a `TimeoutError`.
        #[schemars(range(min = 1, max = LONGEST_MS))]
        call_timeout_ms: u64,
        /// Time that a run waits for approvals before it is parked and its client is answered, in milliseconds. It goes on when they are
        /// answered.
        #[schemars(range(max = LONGEST_MS))]
        hold_ms: u64,
        /// The arguments of one call, as JSON. A call with larger ones fails.
        call_arguments_bytes: Bytes<1, GIB>,
        /// The answer of one call, as JSON. A call with a larger one fails.
        call_result_bytes: Bytes<1, GIB>,
        /// Arguments of calls in flight and results that the script has not taken, together. A call that exceeds it fails.
        buffered_bytes: Bytes<1, { 4 * GIB }>,
        /// Printed output. At the limit the log is truncated.
        log_bytes: Bytes<0, GIB>,
        /// The result, as JSON. A run with a larger result is stopped.
        result_bytes: Bytes<1, GIB>,
        /// The script's source. A larger script is rejected.
        source_bytes: Bytes<1, { 64 << 20 }>,
        ;
        /// The largest answer to the model. A longer one is truncated and marked.
        answer_bytes: Bytes<1_000, { 16 << 20 }>,
        /// About so many tokens of a script's result and log are shown to the model. Of larger ones parts are left out and
        /// counted.
        #[schemars(range(min = 200, max = 10_000_000))]
        preview_tokens: usize,
    }
}

limits! {
    /// Limits of every server.
    ServerLimits for UpstreamLimits {
        /// The largest message from a server. A larger response fails. Default: grows with `call_result_bytes`, to at least
        /// twice that.
        message_bytes: Bytes<65_536, { 4 * GIB }>,
        /// Concurrent calls on one connection. Further calls wait, within their timeouts.
        #[schemars(range(min = 1, max = 10_000))]
        calls_in_flight: usize,
        /// Connections to one server that belong to keys, roles or runs (`share`, `credentials`), or to clients that it
        /// asks. One key has half of them at most. When all are in use, calls fail.
        #[schemars(range(min = 1, max = 10_000))]
        connections: usize,
        /// Idle timeout of the connection of a key or role, in milliseconds.
        #[schemars(range(min = 1_000, max = LONGEST_MS))]
        key_idle_ms: u64,
        /// Tools of one server. Further tools are omitted with a warning.
        #[schemars(range(min = 1, max = 1_000_000))]
        tools: usize,
        /// Pages of one tool list. Further pages are omitted with a warning.
        #[schemars(range(min = 1, max = 1_000_000))]
        list_pages: usize,
        /// The bytes of one tool list, and half of the memory that its tools take. The rest is omitted with a warning.
        list_bytes: Bytes<65_536, { 4 * GIB }>,
    }
}

/// The value of a key, where there is a right one. `wrong` gets the key and what is wrong with it.
pub(super) fn value<T>(
    written: Option<&impl Written<T>>,
    key: &str,
    wrong: &mut impl FnMut(&str, String),
) -> Option<T> {
    written?.value().map_err(|message| wrong(key, message)).ok()
}

/// What a key holds.
pub(super) trait Written<T> {
    /// The value, or what is wrong with it.
    fn value(&self) -> Result<T, String>;
}

impl<T: Copy> Written<T> for T {
    fn value(&self) -> Result<T, String> {
        Ok(*self)
    }
}

impl<const MIN: u64, const MAX: u64> Written<u64> for Bytes<MIN, MAX> {
    fn value(&self) -> Result<u64, String> {
        self.number()
    }
}

impl<const MIN: u64, const MAX: u64> Written<usize> for Bytes<MIN, MAX> {
    fn value(&self) -> Result<usize, String> {
        self.number().map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }
}
