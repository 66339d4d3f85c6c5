//! Writes the stub of each recorded catalog into a directory, for a type checker to read:
//! `cargo run -p exuvia-catalog --example stubs -- DIRECTORY`, then `mypy DIRECTORY/*.pyi`.
#![expect(clippy::unwrap_used, reason = "an example")]

use std::path::PathBuf;

use exuvia_catalog::{build, docs, stub};
use exuvia_test_support::catalogs;

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("a directory to write to"));
    for catalog in catalogs() {
        let namespace = build(vec![catalog.server()]);
        let server = &namespace.servers()[0];
        std::fs::write(directory.join(format!("{}.pyi", server.python_name)), stub::server_stub(server)).unwrap();
        let docs: Vec<_> = server.tools().iter().map(|tool| docs::tool_docs(server, tool)).collect();
        std::fs::write(directory.join(format!("{}.txt", server.python_name)), docs.join("\n\n---\n\n")).unwrap();
    }
}
