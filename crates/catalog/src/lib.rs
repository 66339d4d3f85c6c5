//! MCP tools as Python.
//!
//! Takes what servers list ([`ToolDescriptor`](exuvia_tool::ToolDescriptor)s) and makes of it what a script sees and what
//! the model that writes the script reads.

mod arguments;
mod classes;
mod closest;
mod complaint;
pub mod docs;
pub mod files;
mod infer;
mod names;
mod namespace;
mod notes;
mod python;
mod reserved;
mod schema;
mod search;
mod shape;
mod signature;
pub mod stub;
mod survey;
mod text;
mod types;
mod walk;

pub use closest::closest;
pub use namespace::build;
