//! Facts about Python itself: modules, built-in names, and attributes that lead to other objects.
//!
//! Everything here is a list of what is known to be harmless, or of what is known to reach everything. A module's name is
//! harmless only if it is listed; an attribute of any other value is harmless unless it is one of the few that turn a
//! value into the code, the frames or the names behind it. Values cannot be told apart without running the script, so it
//! is these few that every way from plain values to a tool has to pass.

mod attributes;
mod builtins;
mod modules;

pub(crate) use attributes::{attribute_reaches_everything, may_define, renames_tools};
pub(crate) use builtins::{Builtin, builtin};
pub(crate) use modules::{Member, is_inside_sandbox, is_module, member};
