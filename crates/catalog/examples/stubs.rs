//! Writes the stub of each recorded catalog into a directory, for a type checker to read:
//! `cargo run -p exuvia-catalog --example stubs -- DIRECTORY`, then `mypy DIRECTORY/*.pyi`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "an example")]

#[path = "../tests/catalogs/mod.rs"]
mod catalogs;

use std::path::PathBuf;

use exuvia_catalog::{docs, stub};

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("a directory to write to"));
    for catalog in catalogs::all() {
        let namespace = catalog.namespace();
        let server = &namespace.servers()[0];
        std::fs::write(directory.join(format!("{}.pyi", server.python_name)), stub::server_stub(server)).unwrap();
        let docs: Vec<_> = server.tools().iter().map(|tool| docs::tool_docs(server, tool)).collect();
        std::fs::write(directory.join(format!("{}.txt", server.python_name)), docs.join("\n\n---\n\n")).unwrap();
    }
    print!("{}", catalogs::cost_table());
}
