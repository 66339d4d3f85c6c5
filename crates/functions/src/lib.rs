//! Saved functions: code that worked once and is worth keeping, called from scripts as tools are.
//!
//! A function is a Python file with one public `def`, whose parameters are annotated and whose docstring says what it does.
//! [`Function::read`] makes a [`ToolDescriptor`](exuvia_tool::ToolDescriptor) of it, so that stubs, search, documentation and the check
//! of arguments are those of tools. [`Function::script`] is the script that a call of it runs.
//!
//! | who | says |
//! |---|---|
//! | the file, or a model by a proposal | what the function is |
//! | a person, by promoting it | that exactly this text may be called: [`Approved`] names it by its digest |
//! | [`FunctionSet`] | what may be called now, and what not and why |
//!
//! What a function may call is bounded twice: by [`Function::tools`], or where the file says nothing by the tools that its text names,
//! and by what its caller may call. Neither is decided here.
//!
//! Nothing here executes Python. All that is read is bounded: [`MAX_SOURCE_BYTES`], [`MAX_PARAMETERS`], [`MAX_FILES`].
//!
//! ```
//! use exuvia_functions::{Function, FunctionName};
//!
//! let source = r#"
//! def overdue(days: int = 30, region: str | None = None) -> list[dict]:
//!     """Invoices that are overdue, oldest first."""
//!     return [invoice for invoice in billing.list_invoices(region=region) if invoice["days"] > days]
//! "#;
//! let function = Function::read("overdue".parse().unwrap(), source).unwrap();
//! assert_eq!(function.descriptor().description.as_deref(), Some("Invoices that are overdue, oldest first."));
//! assert_eq!(function.descriptor().input_schema["properties"]["days"]["default"], 30);
//! ```

mod annotation;
mod declared;
mod directory;
mod docstring;
mod error;
mod from_script;
mod function;
mod name;
mod scope;
mod set;
mod signature;

pub use directory::{FunctionFile, MAX_FILES, Stamp, read_directory, stamp};
pub use error::FunctionError;
pub use from_script::from_script;
pub use function::{Function, MAX_SOURCE_BYTES};
pub use name::FunctionName;
pub use set::{Approved, Callable, FunctionSet, Standing, Withdrawn, standing};
pub use signature::MAX_PARAMETERS;

/// The name of the server whose tools the functions are.
pub const SERVER: &str = "functions";
/// The tool of it that proposes a function. No function has this name.
pub const PROPOSE: &str = "propose";
