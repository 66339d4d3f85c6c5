//! Makes one core module of the many that componentize-py links.
//!
//! componentize-py gives CPython, its libraries and their glue as shared libraries, each a core module of its own. An engine
//! then makes a dozen instances for each run, fills the function table from each, and calls through the table what another
//! library has. After the snapshot all that is fixed: what is imported, where each library's data and slots are, what the
//! linker's globals hold.
//!
//! - `module`, `component`: what is there;
//! - `resolve`: what imports, globals and constant expressions are in the end;
//! - `link`: the function table, and what is reached from it and from the component;
//! - `emit`: the merged module; `roles`: what the component uses its functions for; `rebuild`: the component around it.

mod component;
mod emit;
mod link;
mod module;
mod rebuild;
mod resolve;
mod roles;

use anyhow::Result;

use component::Component;
use emit::Places;
use link::Linked;
use rebuild::Rebuild;

pub(crate) use module::Module;
pub(crate) use roles::Roles;

/// The component with its core modules merged into one. Types, imports and exports are as they were, and so is what it does,
/// but for what `pass` changes in the merged module; it must keep the names of imports and exports.
///
/// # Errors
///
/// It is not built as componentize-py and wit-component build one, or the pass fails.
pub(crate) fn merge(component: &[u8], pass: impl FnOnce(Vec<u8>, &Roles) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let component = Component::parse(component)?;
    let linked = Linked::new(&component)?;
    let mut places = Places::new(&linked)?;
    let module = emit::emit(&component, &linked, &mut places)?;
    let module = pass(module, &Roles::of(&component, &linked, &places)?)?;
    Rebuild::new(&component, &linked, &places, &module).write()
}
