//! MCP tools as Python: decides what a script calls them, and what the model that writes the script reads.
//!
//! [`build`] takes what servers list ([`ToolDescriptor`](exuvia_tool::ToolDescriptor)s) and makes the
//! [`Namespace`](exuvia_tool::Namespace) of a run: Python names, parameters, signatures, documentation, and the check of
//! arguments. [`stub`], [`docs`] and [`files`] turn a namespace into text. The gateway uses all of it; nothing here opens
//! a file, a connection or a clock, and every function gives the same answer for the same input.
//!
//! Whatever a server sends is its claim and may be hostile: every text is bounded, no description can break out of the
//! line it stands in, references are followed inside their document only, and the work that a schema can make is counted
//! before it is done. What is beyond a bound has a form of its own:
//!
//! | beyond the bound | is |
//! |---|---|
//! | classes of one tool (depth 6, 3,000 bytes in a stub, 12,000 in documentation), schemas of one file (300,000) | `dict`, `Any` |
//! | members of a union (64), a result's type (2,000 bytes) | `Any` |
//! | parameters in a signature (100, 4,000 bytes), properties of an object (20,000) | `**others` |
//! | tools of one file (1 MiB) | a line that counts them and says how to read them |
//! | a schema (100,000 values, references written out; 40,000 states of patterns), a server's schemas (1,000,000) | not checked: the server judges |
//! | a pattern with look-around or back-references, or of 10,000 bytes | not checked, its schema is otherwise |
//! | a check (2,000,000 steps) | made without patterns and comparisons of items; if that is too much as well, not made |
//!
//! # Names
//!
//! A name that is a Python identifier stays as it is. Others become one: `get-user` is `get_user`, `$filter` is `filter`,
//! `2fa` is `_2fa`, `from` is `from_`, a dunder `__init__` is `init`; what is taken gets `_2`, `_3`, ... in the order of
//! the list, behind the names that stay. A server also gives way to what a script may write under its name, a builtin, a
//! module of the standard library, or a global of the sandbox: the server `time` is `time_`, so that `import time` and
//! the server can stand in one script. Tools and parameters need not: `crm.list(type=...)` hides nothing.
//!
//! # Parameters
//!
//! They stand in schema order, and positional arguments fill them in that order. Where a required one follows an optional
//! one the signature has a `*`: Python could not write it otherwise. An optional parameter without a default that its
//! type admits shows `= ...`, and so does one whose default is null: leaving it out says the same, and the check takes `None`
//! for it. Keywords that
//! are not among the parameters pass only where the schema says so, by `additionalProperties` or `patternProperties`, or
//! where it describes no object at all.
//!
//! # Example
//!
//! ```
//! use exuvia_catalog::{build, stub};
//! use exuvia_tool::{ToolAnnotations, ToolDescriptor};
//! use serde_json::json;
//!
//! let tool = ToolDescriptor {
//!     name: "get-contacts".into(),
//!     title: None,
//!     description: Some("Contacts, newest first. Archived ones are left out.".into()),
//!     input_schema: json!({"properties": {"limit": {"type": "integer", "default": 10}}}),
//!     output_schema: None,
//!     annotations: ToolAnnotations { read_only: Some(true), ..ToolAnnotations::default() },
//! };
//! let namespace = build(vec![("crm".into(), vec![tool])]);
//! let crm = namespace.server("crm").unwrap();
//! assert_eq!(stub::server_stub(crm), r#"# 1 tool. Call crm.NAME(...).
//! from typing import Any
//! def get_contacts(limit: int = 10) -> Any:
//!     """Contacts, newest first"""
//! "#);
//! let refusal = crm.tool("get-contacts").unwrap().arguments.check(&json!({"limit": "ten"})).unwrap_err();
//! assert!(refusal.starts_with(r#"crm.get_contacts: limit must be integer, not "ten""#));
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_methods, clippy::disallowed_types, reason = "no clock, no file, no environment")
)]

mod absent;
mod argument_errors;
mod arguments;
mod classes;
mod closest;
mod common;
mod count;
pub mod docs;
mod excerpt;
pub mod files;
mod fitting;
mod gloss;
mod hits;
mod inference;
mod layout;
mod learned;
mod lines;
mod listing;
mod literals;
mod names;
mod namespace;
mod not_found;
mod notes;
mod numbers;
mod patterns;
mod python;
mod reserved;
mod schema;
mod schema_repair;
mod search;
mod selection;
mod shape;
mod sheet;
mod signature;
mod steps;
pub mod stub;
mod summary;
mod survey;
mod text;
mod types;
mod value_format;
mod walk;
mod weight;

pub use closest::closest;
pub use learned::{LearnedAnswers, is_untold};
pub use namespace::{build, build_beside, build_withholding, server_names};
