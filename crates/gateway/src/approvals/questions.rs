//! What an approval is bound to.

use exuvia_pins::{Definition, canonical_json};
use exuvia_replay::sha256_hex;
use exuvia_tool::{Arguments, MAX_TREE_BYTES, Tool};

/// The digest of the canonical form of arguments. Of those that are too large for a tree it is that of their text.
pub(crate) fn arguments_sha256(arguments: &mut Arguments) -> String {
    if arguments.extent().tree_bytes <= MAX_TREE_BYTES
        && let Ok(tree) = arguments.tree()
    {
        return sha256_hex(canonical_json(tree));
    }
    sha256_hex(arguments.as_str())
}

/// The digest of what a server says of a tool, whether it is pinned or not.
pub(crate) fn tool_sha256(tool: &Tool) -> String {
    Definition::of(&tool.descriptor, None).digest().hex()
}
